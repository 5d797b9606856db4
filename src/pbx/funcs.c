/*
 * pbx/funcs.c: the dialplan's functions and the variables that are made when read. One table each; others are in
 * funcs_pjsip.c, funcs_text.c, funcs_list.c, funcs_time.c and funcs_db.c.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/trace.h"
#include "pbx/priv.h"

/* ---- variables made on the spot ---- */

const char *var_read(struct dp *dp, struct span name, char *buf, size_t cap)
{
	struct chan *c = dp->chan;
	struct out o = out_fixed(buf, cap);
	const char *v = NULL;

	for (size_t i = dp->depth; i-- && !v;)
		v = vars_get(&dp->stack[i].locals, name);
	v = v ? v : vars_get(&c->vars, name);
	if (v)
		return v;
	if (span_is(name, "EXTEN"))
		return dp->exten_name;
	if (span_is(name, "CONTEXT"))
		return dp->ctx_name;
	if (span_is(name, "CHANNEL"))
		return c->name;
	if (span_is(name, "ACCOUNTCODE"))
		return chan_account(c);
	if (span_is(name, "UNIQUEID"))
		out_chan_id(&o, c->id);
	else if (span_is(name, "PRIORITY"))
		out_fmt(&o, "%d", dp->prio);
	else if (span_is(name, "EPOCH"))
		out_fmt(&o, "%lld", (long long)(clock_wall(c->pbx->clock) / 1000));
	else if (span_is(name, "HANGUPCAUSE"))
		out_fmt(&o, "%d", c->cause);
	else
		return vars_get(&c->pbx->globals, name);
	out_char(&o, '\0');
	return buf;
}

/* ---- functions ---- */

/* What no field of the channel holds is kept among its variables. */
#define CALLER_ANI "CALLERID(ani)"

static bool is_pres(struct span what)
{
	return span_iis(what, "pres") || span_iis(what, "num-pres") || span_iis(what, "name-pres");
}

static bool is_num(struct span what)
{
	return span_iis(what, "num") || span_iis(what, "number");
}

static bool is_ani(struct span what)
{
	return span_iis(what, "ani") || span_iis(what, "ani-num");
}

static bool f_callerid(struct dp *dp, struct span args, struct out *o)
{
	const struct chan *c = dp->chan;
	const char *kept = NULL;
	struct span what = dp_arg(args, 0);

	if (span_iis(what, "name"))
		out_str(o, c->caller_name);
	else if (is_num(what))
		out_str(o, c->caller_num);
	else if (span_iis(what, "all"))
		out_fmt(o, "\"%s\" <%s>", c->caller_name, c->caller_num);
	else if (span_iis(what, "dnid"))
		out_str(o, c->dialed);
	else if (span_iis(what, "name-valid"))
		out_char(o, c->caller_name[0] ? '1' : '0');
	else if (span_iis(what, "num-valid"))
		out_char(o, c->caller_num[0] ? '1' : '0');
	else if (is_pres(what))
		out_str(o, c->caller_private ? "prohib_not_screened" : "allowed_not_screened");
	else if (is_ani(what))
		out_str(o, (kept = vars_get(&c->vars, SPAN(CALLER_ANI))) ? kept : c->caller_num);
	else if (span_iis(what, "rdnis"))
		out_str(o, (kept = vars_get(&c->vars, SPAN(CALLER_RDNIS))) ? kept : "");
	else
		return false;
	return true;
}

/* Where the call came from at first stays, as ani. */
static void set_number(struct chan *c, struct span number)
{
	if (!vars_get(&c->vars, SPAN(CALLER_ANI)))
		vars_set(&c->vars, SPAN(CALLER_ANI), span_of(c->caller_num));
	chan_text(c, &c->caller_num, number);
}

static void set_caller(struct chan *c, struct span value)
{
	long open = span_chr(value, '<'), close = span_chr(value, '>');
	struct span name = span_trim(open >= 0 ? span_sub(value, 0, (size_t)open) : SPAN_NONE);

	if (name.n > 1 && name.p[0] == '"' && name.p[name.n - 1] == '"')
		name = span_sub(name, 1, name.n - 2);
	chan_text(c, &c->caller_name, name);
	if (open >= 0 && close > open)
		value = span_sub(value, (size_t)open + 1, (size_t)(close - open - 1));
	set_number(c, value);
}

static bool w_callerid(struct dp *dp, struct span args, struct span value)
{
	struct chan *c = dp->chan;
	struct span what = dp_arg(args, 0);

	if (span_iis(what, "name"))
		chan_text(c, &c->caller_name, value);
	else if (is_num(what))
		set_number(c, value);
	else if (span_iis(what, "all"))
		set_caller(c, value);
	else if (is_pres(what))
		c->caller_private = span_istarts(value, SPAN("prohib"));
	else if (is_ani(what))
		vars_set(&c->vars, SPAN(CALLER_ANI), value);
	else if (span_iis(what, "rdnis"))
		vars_set(&c->vars, SPAN(CALLER_RDNIS), value);
	else
		return false;
	return true;
}

static void out_call_id(struct out *o, const struct chan *c)
{
	struct sip_msg *m = leg_request(c);

	if (m)
		out_span(o, m->call_id);
	sip_msg_unref(m);
}

static bool channel_sip(const struct chan *c, struct span which, struct out *o)
{
	if (span_iis(which, "call-id"))
		out_call_id(o, c);
	else if (span_iis(which, "remote_addr"))
		addr_out(o, &c->peer);
	else if (span_iis(which, "local_addr"))
		addr_out(o, &c->note.flow.local);
	else if (span_iis(which, "secure"))
		out_char(o, c->note.flow.proto == NET_TLS ? '1' : '0');
	else
		return false;
	return true;
}

/* Before there is media, and before its destination is known, nothing. */
static bool channel_rtp(const struct chan *c, struct span which, struct out *o)
{
	struct media_stats s = { 0 };
	struct addr a;

	if (span_iis(which, "secure")) {
		out_char(o, c->has_deal && c->deal.crypt ? '1' : '0');
		return true;
	}
	if (!span_iis(which, "src") && !span_iis(which, "dest"))
		return false;
	if (!c->media)
		return true;
	media_stats(c->media, &s);
	a = span_iis(which, "src") ? media_local(c->media) : s.tx_to;
	if (a.family && addr_is_any(&a))
		a = addr_with_port(&c->note.flow.local, a.port);
	if (a.family)
		addr_out(o, &a);
	return true;
}

static bool f_channel(struct dp *dp, struct span args, struct out *o)
{
	const struct chan *c = dp->chan;
	struct span what = dp_arg(args, 0), which = dp_arg(args, 1);

	if (span_iis(what, "name"))
		out_str(o, c->name);
	else if (span_iis(what, "state"))
		out_str(o, chan_state_name(c));
	else if (span_iis(what, "channeltype"))
		out_str(o, "PJSIP");
	else if (span_iis(what, "context"))
		out_str(o, dp->ctx_name);
	else if (span_iis(what, "exten"))
		out_str(o, dp->exten_name);
	else if (span_iis(what, "uniqueid") || span_iis(what, "linkedid"))
		out_chan_id(o, c->id);
	else if (span_iis(what, "accountcode"))
		out_str(o, chan_account(c));
	else if (span_iis(what, "language"))
		out_str(o, chan_language(c));
	else if (span_iis(what, "musicclass"))
		out_str(o, chan_music(c));
	else if (span_iis(what, "endpoint"))
		out_str(o, c->ep->o.name);
	else if (span_iis(what, "audionativeformat") || span_iis(what, "audioreadformat") ||
		 span_iis(what, "audiowriteformat"))
		out_str(o, c->has_deal ? codec_descs[c->deal.codecs[0].codec].name : "");
	else if (span_iis(what, "pjsip"))
		return channel_sip(c, which, o);
	else if (span_iis(what, "rtp"))
		return channel_rtp(c, which, o);
	else
		return false;
	return true;
}

static bool w_channel(struct dp *dp, struct span what, struct span value)
{
	if (span_iis(what, "language"))
		vars_set(&dp->chan->vars, SPAN(CHAN_LANGUAGE), value);
	else if (span_iis(what, "accountcode"))
		vars_set(&dp->chan->vars, SPAN(CHAN_ACCOUNT), value);
	else if (span_iis(what, "musicclass"))
		vars_set(&dp->chan->vars, SPAN(CHAN_MUSIC), value);
	else
		return false;
	return true;
}

static bool f_len(struct dp *dp UNUSED, struct span args, struct out *o)
{
	out_fmt(o, "%zu", args.n);
	return true;
}

/* Cuts the text at the first c outside quotes, as span_cut(). */
static bool cut_bare(struct span *in, char c, struct span *head)
{
	bool quoted = false;
	size_t n = 0;

	while (n < in->n && (quoted || in->p[n] != c))
		quoted ^= in->p[n++] == '"';
	*head = span_sub(*in, 0, n);
	*in = n < in->n ? span_from(*in, n + 1) : SPAN_NONE;
	return in->p != NULL;
}

struct span func_first_choice(struct span *choices)
{
	struct span first;

	cut_bare(choices, ':', &first);
	return first;
}

/* IF(expression?yes:no) */
static bool f_if(struct dp *dp UNUSED, struct span args, struct out *o)
{
	struct span cond, yes;

	if (!cut_bare(&args, '?', &cond))
		return false;
	yes = func_first_choice(&args);
	out_span(o, dp_bare(span_trim(dp_truth(cond) ? yes : args)));
	return true;
}

static bool f_isnull(struct dp *dp UNUSED, struct span args, struct out *o)
{
	out_char(o, span_trim(args).n ? '0' : '1');
	return true;
}

static bool f_exists(struct dp *dp UNUSED, struct span args, struct out *o)
{
	out_char(o, span_trim(args).n ? '1' : '0');
	return true;
}

static bool f_toupper(struct dp *dp UNUSED, struct span args, struct out *o)
{
	for (size_t i = 0; i < args.n; i++)
		out_char(o, (char)toupper((unsigned char)args.p[i]));
	return true;
}

static bool f_tolower(struct dp *dp UNUSED, struct span args, struct out *o)
{
	for (size_t i = 0; i < args.n; i++)
		out_char(o, (char)tolower((unsigned char)args.p[i]));
	return true;
}

/* Which fields CUT takes: 2, 2-4, 2-, -4, or several of these, joined by '&'. */
static bool takes_field(struct span spec, uint32_t n)
{
	struct span part, first;

	while (span_cut(&spec, '&', &part)) {
		uint32_t low = 1, high = UINT32_MAX;
		bool range = span_chr(part, '-') >= 0;

		if (!span_cut(&part, '-', &first) || (first.n && !span_u32(first, UINT32_MAX, &low)) ||
		    (part.n && !span_u32(part, UINT32_MAX, &high)))
			continue;
		if (range ? low <= n && n <= high : first.n && low == n)
			return true;
	}
	return false;
}

void func_put_field(struct out *o, char between, struct span field, bool *any)
{
	if (*any)
		out_char(o, between);
	out_span(o, field);
	*any = true;
}

/* CUT(name,delimiter,fields) */
static bool f_cut(struct dp *dp, struct span args, struct out *o)
{
	struct span spec = dp_bare(dp_arg(args, 2)), rest, one;
	struct out value = out_growing();
	char between = func_delimiter(args, 1, '-');
	bool any = false;

	func_value(dp, dp_arg(args, 0), &value);
	rest = out_look(&value);
	for (uint32_t n = 1; spec.n && span_cut(&rest, between, &one); n++) {
		if (!takes_field(spec, n))
			continue;
		func_put_field(o, between, one, &any);
	}
	out_free(&value);
	return spec.n > 0;
}

static bool f_rand(struct dp *dp, struct span args, struct out *o)
{
	long low = 0, high = INT32_MAX;

	span_int(dp_arg(args, 0), &low);
	span_int(dp_arg(args, 1), &high);
	if (high < low || high - low >= UINT32_MAX)
		return false;
	out_fmt(o, "%ld", low + (long)rng_below(&dp->chan->pbx->clock->rng, (uint32_t)(high - low) + 1));
	return true;
}

static bool f_global(struct dp *dp, struct span args, struct out *o)
{
	const char *v = vars_get(&dp->chan->pbx->globals, args);

	out_str(o, v ? v : "");
	return true;
}

static bool w_global(struct dp *dp, struct span args, struct span value)
{
	vars_set(&dp->chan->pbx->globals, args, value);
	return true;
}

static bool w_local(struct dp *dp, struct span args, struct span value)
{
	if (!dp->depth)
		return false;
	vars_set(&dp->stack[dp->depth - 1].locals, args, value);
	return true;
}

static bool f_local(struct dp *dp, struct span args, struct out *o)
{
	const char *v = dp->depth ? vars_get(&dp->stack[dp->depth - 1].locals, args) : NULL;

	out_str(o, v ? v : "");
	return true;
}

static bool f_dialplan_exists(struct dp *dp, struct span args, struct out *o)
{
	out_char(o, dp_exists(dp->chan->pbx, dp->chan->conf, dp_arg(args, 0), dp_arg(args, 1), SPAN_NONE) ? '1' : '0');
	return true;
}

/* TIMEOUT(digit|response), in seconds. */
static ms_t *timeout_slot(struct dp *dp, struct span args)
{
	if (span_iis(args, "digit"))
		return &dp->digit_timeout;
	return span_iis(args, "response") ? &dp->response_timeout : NULL;
}

static bool f_timeout(struct dp *dp, struct span args, struct out *o)
{
	const ms_t *slot = timeout_slot(dp, args);

	if (slot)
		out_fmt(o, "%.3f", (double)*slot / 1000);
	return slot != NULL;
}

static bool w_timeout(struct dp *dp, struct span args, struct span value)
{
	ms_t *slot = timeout_slot(dp, args);
	char text[32];
	double seconds;

	span_copy(value, text, sizeof text);
	seconds = strtod(text, NULL);
	if (!slot || !(seconds >= 0 && seconds <= 86400))
		return false;
	*slot = (ms_t)(seconds * 1000);
	return true;
}

/* ---- the table ---- */

static const struct func funcs[] = {
	{ "CALLERID", "The caller's num, name or all; pres, ani, rdnis, dnid.", f_callerid, w_callerid },
	{ "CHANNEL",
	  "Facts of the channel: name, state, exten, pjsip,remote_addr, rtp,dest …; language and accountcode can be "
	  "set.",
	  f_channel, w_channel },
	{ "CUT", "Fields of a variable: CUT(name,delimiter,2), 2-4, 2-, -4, 1&3.", f_cut, NULL },
	{ "DIALPLAN_EXISTS", "1 when context,exten exists.", f_dialplan_exists, NULL },
	{ "EXISTS", "1 when the text is not empty.", f_exists, NULL },
	{ "GLOBAL", "A global variable.", f_global, w_global },
	{ "IF", "IF(condition?yes:no).", f_if, NULL },
	{ "ISNULL", "1 when the text is empty.", f_isnull, NULL },
	{ "LEN", "The length of the text.", f_len, NULL },
	{ "LOCAL", "A variable of the current Gosub.", f_local, w_local },
	{ "RAND", "A random number: RAND(min,max).", f_rand, NULL },
	{ "TIMEOUT", "Seconds that Background and WaitExten wait: TIMEOUT(digit), TIMEOUT(response).", f_timeout,
	  w_timeout },
	{ "TOLOWER", "The text in lower case.", f_tolower, NULL },
	{ "TOUPPER", "The text in upper case.", f_toupper, NULL },
	{ "VALID_EXTEN", "As DIALPLAN_EXISTS.", f_dialplan_exists, NULL },
	{ 0 },
};

static const struct func *func_named(struct span name)
{
	static const struct func *const tables[] = { funcs,      pjsip_funcs, text_funcs,  list_funcs,
						     time_funcs, db_funcs,    state_funcs, cdr_funcs };

	for (size_t i = 0; i < ARRAY_LEN(tables); i++)
		for (const struct func *f = tables[i]; f->name; f++)
			if (span_iis(name, f->name))
				return f;
	return NULL;
}

bool func_known(struct span name)
{
	return func_named(name) != NULL;
}

static const struct func *func_find(struct dp *dp, struct span name)
{
	const struct func *f = func_named(name);

	if (!f)
		trace(EV_DP_WARN, dp->chan->name, "Function %.*s not registered", SP(name));
	return f;
}

bool func_read(struct dp *dp, struct span name, struct span args, struct out *o)
{
	const struct func *f = func_find(dp, name);

	return f && f->read && f->read(dp, args, o);
}

bool func_write(struct dp *dp, struct span name, struct span args, struct span value)
{
	const struct func *f = func_find(dp, name);

	return f && f->write && f->write(dp, args, value);
}
