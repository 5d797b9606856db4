/*
 * pbx/app_dial.c: Dial(PJSIP/a&PJSIP/b,timeout,options): calls one or many, joins the caller with the first who
 * answers.
 *
 * The dialled legs tell us their events as CH_PEER of our own channel. The caller is answered only when a callee has
 * answered, so that it can be answered in the callee's codec. Leaves DIALSTATUS, HANGUPCAUSE, DIALEDPEERNAME,
 * DIALEDPEERNUMBER, DIALEDTIME and ANSWEREDTIME, where a further step may read them.
 */
#include <stdlib.h>
#include <string.h>

#include "base/trace.h"
#include "conf/music.h"
#include "pbx/cdr.h"
#include "pbx/dial.h"
#include "pbx/play.h"
#include "pbx/transfer.h"

#define LEGS_MAX    32
#define BREADTH_MAX 60 /* legs that ring at one time, wherever they lead: RFC 5393 5.3.3 */

void dial_leg_event(void *arg, struct chan *leg, const struct chan_event *ev)
{
	struct dial *s = arg;
	struct chan_event up = {
		.kind = CH_PEER, .what = ev->kind, .other = leg, .cause = ev->cause, .digit = ev->digit
	};

	if (leg->dp && !leg->dp->returned)
		dp_event(leg->dp, ev);
	dp_event(s->dp, &up);
}

static void count_cause(struct dial *s, int cause)
{
	s->cause = cause;
	if (cause == 17)
		s->busy++;
	else if (cause == 34)
		s->congested++;
	else if (cause == 16 || cause == 19)
		s->unanswered++;
	else
		s->unavailable++;
}

/* RFC 5393 5.3.3: what we may have in parallel is shared out. False: there is nothing left for this one. */
static bool take_breadth(struct dial *s, uint32_t *share)
{
	*share = 0;
	if (!s->counts)
		return true;
	if (s->breadth)
		*share = MAX(s->breadth / s->n_dests, 1);
	s->breadth -= *share;
	s->n_dests--;
	return *share;
}

/* A place as options have it, "context^exten^priority(arg^arg)", as Gosub does. */
static void out_place(struct out *o, struct span text)
{
	for (size_t i = 0; i < text.n; i++)
		out_char(o, text.p[i] == '^' ? ',' : text.p[i]);
}

/* Option b: a subroutine on the leg before it is called, which may add headers to its INVITE. */
static bool prepare(struct dial *s, struct chan *leg)
{
	const struct chan *from = s->dp->chan;
	struct out place = out_growing();
	bool ok;

	if (from->headers)
		leg->headers = xstrdup(from->headers);
	out_place(&place, s->before_each);
	ok = dp_run_sub(leg, out_look(&place));
	out_free(&place);
	return ok;
}

/* OUTBOUND_GROUP and OUTBOUND_GROUP_ONCE: which group the legs count in. */
static void take_group(const struct dial *s, struct chan *leg)
{
	const char *group = vars_get(&s->dp->chan->vars, SPAN("OUTBOUND_GROUP_ONCE"));

	group = group ? group : vars_get(&s->dp->chan->vars, SPAN("OUTBOUND_GROUP"));
	if (group)
		group_set(leg, SPAN(""), span_of(group));
}

/* What a leg has from its caller: its group, and the music that it will hear. */
static void take_after(const struct dial *s, struct chan *leg)
{
	take_group(s, leg);
	if (!chan_music(leg)[0])
		vars_set(&leg->vars, SPAN(CHAN_MUSIC), span_of(chan_music(s->dp->chan)));
}

static void call_leg(struct chan *leg, const struct leg_call *call)
{
	if (leg_call(leg, call) >= 0)
		return;
	trace(EV_DP_WARN, call->from->name, "Dial: '%.*s' cannot be called: no codec in common, or no RTP port",
	      SP(call->aor_or_uri));
	chan_hangup(leg, 58);
}

static void dial_one(struct dial *s, struct span text)
{
	struct chan *from = s->dp->chan, *leg;
	char room[256];
	struct dest d = { .uri = out_growing_in(room, sizeof room) };
	struct leg_call call;
	uint32_t breadth;

	if (!take_breadth(s, &breadth)) {
		trace(EV_DP_WARN, from->name, "Dial: Max-Breadth is used up: '%.*s' is not called", SP(text));
		count_cause(s, cause_of_sip(503));
		return;
	}
	if (!from->max_forwards) { /* RFC 3261 16.3: too many hops */
		trace(EV_DP_WARN, from->name, "Dial: Max-Forwards is used up: the call goes in a circle");
		count_cause(s, cause_of_sip(483));
		return;
	}
	if (!span_istarts(text, SPAN("PJSIP/")) || s->n == LEGS_MAX || !dial_find(from, span_from(text, 6), &d)) {
		trace(EV_DP_WARN, from->name, "Dial: no endpoint for '%.*s'", SP(text));
		count_cause(s, 3);
		return;
	}
	if (!d.uri.n) {
		trace(EV_DP_WARN, from->name, "Dial: '%s' has no reachable contact", d.ep->o.name);
		record_missing(from, d.ep);
		count_cause(s, from->conf->hairpin.compat_asterisk ? 3 : 20);
		return;
	}
	leg = chan_new(from->pbx, d.ep, from->conf, from);
	call = (struct leg_call){ .aor_or_uri = out_look(&d.uri),
				  .path = d.contact ? d.contact->path : "",
				  .registered = d.contact && !d.contact->is_static,
				  .behind_nat = d.contact && d.contact->orig_host[0],
				  .written = d.contact ? d.contact->orig_host : "",
				  .at_source = !d.contact || contact_at_source(d.contact),
				  .source = d.contact ? d.contact->source : (struct addr){ 0 },
				  .listener = d.contact ? d.contact->listener : 0,
				  .transport = d.contact ? d.contact->transport : "",
				  .caller_num = from->caller_num,
				  .caller_name = from->caller_name,
				  .from = from,
				  .more = d.more,
				  .n_more = d.n_more,
				  .max_forwards = from->max_forwards,
				  .max_breadth = breadth,
				  .headers = s->before_each.n ? NULL : from->headers };
	leg->on_event = dial_leg_event;
	leg->arg = s;
	leg->stays = s->stays;
	cdr_dial(from, leg);
	if (from->vars.first)
		take_after(s, leg);
	if (s->before_each.n || s->after)
		vars_inherit(&leg->vars, &from->vars);
	s->legs[s->n++] = leg;
	if (!s->before_each.n || prepare(s, leg))
		call_leg(leg, &call);
	else
		dial_drop_texts(d.more, d.n_more);
	out_free(&d.uri);
}

/* ---- options ---- */

const char app_dial_options[] = "grmSLRhHtTbBCIiAUDFGe";

/* What stands in parentheses behind a letter, which may have some of its own; where they end is cut off. */
static struct span take_value(struct span *opts)
{
	struct span value;
	size_t n = 0;
	long depth = 0;

	if (!opts->n || opts->p[0] != '(')
		return SPAN_NONE;
	do {
		depth += (opts->p[n] == '(') - (opts->p[n] == ')');
		n++;
	} while (depth && n < opts->n);
	value = span_sub(*opts, 1, n - 1 - !depth);
	*opts = span_from(*opts, n);
	return value;
}

static void allow(struct dial *s, bool callee, unsigned what)
{
	features_allow(&s->features, s->dp->chan, callee, what);
}

static void take_options(struct dial *s, struct span opts)
{
	while (opts.n) {
		char c = opts.p[0];
		struct span value, first;
		uint32_t n;

		opts = span_from(opts, 1);
		first = value = take_value(&opts);
		switch (c) {
		case 'g': s->go_on = true; break;
		case 'r':
		case 'R': s->ring = true; break;
		case 'm':
			s->music = true;
			s->class = value;
			break;
		case 'h':
		case 'H': allow(s, c == 'h', FEATURE_DISCONNECT); break;
		case 't':
		case 'T': allow(s, c == 't', FEATURE_TRANSFER); break;
		case 'b': s->before_each = value; break;
		case 'B': s->before = value; break;
		case 'i': s->stays = true; break;
		case 'A':
			span_cut(&value, ':', &first); /* what the caller would hear is behind it */
			s->announce = s->announce ? s->announce : span_dup(first);
			break;
		case 'e': s->h_of_callee = true; break;
		case 'F':
			s->goes_on = true;
			free(s->alone);
			s->alone = span_dup(value);
			break;
		case 'G':
			free(s->both);
			s->both = span_dup(value);
			break;
		case 'D': s->digits = s->digits ? s->digits : span_dup(value); break;
		case 'U': s->after = s->after ? s->after : span_dup(value); break;
		case 'S':
			if (span_u32(value, 86400, &n))
				s->limit = (ms_t)n * 1000;
			break;
		case 'L':
			span_cut(&value, ':', &first);
			if (span_u32(first, UINT32_MAX, &n))
				s->limit = n;
			limit_free(s->ends);
			s->ends = limit_new(value);
			break;
		default: break; /* C, I: there is nothing that they would change */
		}
	}
}

/* ---- the caller ---- */

static void caller_hears_ringing(struct dial *s)
{
	if (s->early || s->music)
		return;
	if (s->dp->chan->state == CHAN_UP)
		leg_ring_tone(s->dp->chan, true);
	else
		leg_ringing(s->dp->chan);
}

/* Option m. Without music it rings. */
static void caller_hears_music(struct dial *s)
{
	struct chan *c = s->dp->chan;
	const struct conf_moh *class = conf_moh(c->conf, s->class);

	if (!class || !class->files.n)
		class = moh_class(c, NULL);
	s->music = class && moh_play(c, class);
	if (s->music)
		leg_progress(c);
	else
		caller_hears_ringing(s);
}

/* ---- how it ends ---- */

static void drop_legs(struct dial *s, const struct chan *but, int cause)
{
	for (size_t i = 0; i < s->n; i++) {
		struct chan *leg = s->legs[i];

		if (leg == but)
			continue;
		leg->on_event = NULL;
		chan_hangup(leg, cause);
	}
	s->n = but ? 1 : 0;
	if (but)
		s->legs[0] = (struct chan *)(uintptr_t)but;
}

static void set_number(struct dp *dp, const char *name, uint64_t v)
{
	char text[24] = "";
	struct out o = out_fixed(text, sizeof text - 1);

	out_all(&o, v);
	dp_set(dp, name, text);
}

static void publish(struct dial *s)
{
	ms_t now = s->dp->chan->pbx->clock->now;

	if (s->dp->over)
		return;
	dp_set(s->dp, "DIALSTATUS", s->status);
	if (s->with) {
		dp_set(s->dp, "DIALEDPEERNAME", s->with->name);
		dp_set(s->dp, "DIALEDPEERNUMBER", s->with->dialed);
	}
	set_number(s->dp, "HANGUPCAUSE", (uint64_t)(s->cause ? s->cause : 16));
	set_number(s->dp, "DIALEDTIME", (uint64_t)(now - s->began) / 1000);
	set_number(s->dp, "ANSWEREDTIME", s->answered ? (uint64_t)(now - s->answered) / 1000 : 0);
}

/* Where a callee has sent the call is looked for in the callee's context, unless FORWARD_CONTEXT names another. */
static void note_forward(struct dial *s, const struct chan *leg)
{
	const char *ctx = vars_get(&leg->vars, SPAN("FORWARD_CONTEXT"));

	trace(EV_CALL_STATE, leg->name, "forwards to '%s'", leg->forward);
	if (s->forward)
		return;
	s->forward = xstrdup(leg->forward);
	s->forward_ctx = xstrdup(ctx ? ctx : leg->ep->context);
	vars_set(&s->dp->chan->vars, SPAN(CALLER_RDNIS), span_of(leg->dialed));
}

/* False: there is no such extension. */
static bool follow_forward(struct dial *s)
{
	s->left = true;
	dp_set(s->dp, "DIALSTATUS", "NOANSWER");
	if (dp_forward(s->dp, span_of(s->forward_ctx), span_of(s->forward), s->go_on))
		return true;
	s->left = false;
	count_cause(s, s->dp->forwards > 1 ? 34 : 3);
	return false;
}

static enum app_say nobody_left(struct dial *s)
{
	if (s->forward && !s->dp->chan->gone && follow_forward(s))
		return APP_JUMP;
	if (s->busy)
		s->status = "BUSY", s->cause = 17;
	else if (s->congested)
		s->status = "CONGESTION";
	else if (s->unavailable)
		s->status = "CHANUNAVAIL";
	else
		s->status = "NOANSWER";
	return APP_NEXT;
}

/* The callee goes on without the caller, at a place that may be written as options have it. */
static bool let_go(struct dial *s, const char *where, bool one_further)
{
	struct out bare = out_growing(), place = out_growing();
	struct chan *leg = s->with;
	struct dp *dp = s->dp;
	bool ok;

	if (one_further)
		out_all(&bare, dp->ctx_name, ",", dp->exten_name, ",", (uint32_t)dp->prio + 1);
	else
		out_place(&bare, span_of(where));
	dp_out_place(dp, out_look(&bare), &place);
	leg->on_event = NULL;
	s->n = 0;
	ok = transfer_let_go(dp->chan, leg, out_look(&place));
	out_free(&bare);
	out_free(&place);
	return ok;
}

/* Option G: the caller goes there, the callee one step further. */
static enum app_say part_ways(struct dial *s)
{
	struct out place = out_growing();
	struct chan *leg = s->with;
	bool ok;

	out_place(&place, span_of(s->both));
	ok = dp_goto(s->dp, out_look(&place));
	out_free(&place);
	if (!ok)
		return APP_HANGUP;
	bridge_part(leg); /* of early media */
	let_go(s, "", true);
	s->with = leg;
	return APP_JUMP;
}

static enum app_say join_now(struct dial *s)
{
	struct chan *caller = s->dp->chan, *leg = s->with;

	s->prepares = s->presses = false;
	leg_ring_tone(caller, false);
	moh_stop(caller);
	if (leg->has_deal)
		leg_media_prefer(caller, leg->deal.codecs[0].codec);
	if (leg_answer(caller) < 0)
		return APP_HANGUP;
	if (s->both)
		return part_ways(s);
	bridge_join(caller, leg);
	s->limited = s->limit;
	if (s->limit && s->ends)
		limit_begin(s);
	else if (s->limit)
		dp_timer(s->dp, s->limit);
	return APP_WAIT;
}

/* The n-th part of option D: for the callee, the caller, the callee while it rings. */
static struct span digits_of(const struct dial *s, unsigned n)
{
	struct span rest = span_of(s->digits), one = SPAN_NONE;

	for (unsigned i = 0; i <= n; i++) {
		one = SPAN_NONE;
		span_cut(&rest, ':', &one);
	}
	return span_trim(one);
}

static ms_t press(struct chan *c, struct span digits)
{
	return digits.n ? digits_send(c, digits, &(struct digits_pace){ .gap_ms = 250, .ms = 100 }) : 0;
}

/* Keys come before the two are joined. A caller for whom there are some is answered. */
static enum app_say join(struct dial *s)
{
	struct chan *caller = s->dp->chan;
	struct span hers = s->digits ? digits_of(s, 1) : SPAN_NONE;
	ms_t all = 0, callees = s->digits ? press(s->with, digits_of(s, 0)) : 0;

	if (hers.n) {
		leg_ring_tone(caller, false);
		moh_stop(caller);
		if (leg_answer(caller) < 0)
			return APP_HANGUP;
		all = press(caller, hers);
	}
	all = MAX(all, callees);
	free(s->digits);
	s->digits = NULL;
	if (!all)
		return join_now(s);
	bridge_part(s->with); /* of early media */
	s->prepares = s->presses = true;
	dp_timer(s->dp, all);
	return APP_WAIT;
}

/* What the subroutine of option U wants done: GOSUB_RESULT. */
static enum app_say on_returned(struct dial *s)
{
	const char *text = vars_get(&s->with->vars, SPAN("GOSUB_RESULT"));
	struct span result = span_of(text ? text : "");
	struct out place = out_growing();
	enum app_say say = APP_HANGUP;

	if (span_is(result, "BUSY") || span_is(result, "CONGESTION")) {
		s->status = text[0] == 'B' ? "BUSY" : "CONGESTION";
		s->cause = text[0] == 'B' ? 17 : 34;
		say = APP_NEXT;
	} else if (span_is(result, "CONTINUE")) {
		say = APP_NEXT;
	} else if (span_starts(result, SPAN("GOTO:"))) {
		out_place(&place, span_from(result, 5));
		say = dp_goto(s->dp, out_look(&place)) ? APP_JUMP : APP_HANGUP;
	} else if (!span_is(result, "ABORT")) {
		say = join(s);
	}
	out_free(&place);
	return say;
}

/* Option U: "context^arg^arg", on the callee, before the two are joined. */
static enum app_say run_after(struct dial *s)
{
	struct span args = span_of(s->after), ctx;
	struct out place = out_growing();
	bool runs;

	if (!s->after)
		return join(s);
	span_cut(&args, '^', &ctx);
	out_all(&place, ctx, ",s,1(");
	out_place(&place, args);
	out_char(&place, ')');
	runs = dp_start_sub(s->with, out_look(&place));
	out_free(&place);
	return runs ? APP_WAIT : join(s);
}

/* The callee hears option A first. */
static enum app_say announce(struct dial *s)
{
	struct media_play none = { .source = SOURCE_NONE };

	if (s->with->media && play_next(s->with, &s->files, ""))
		return APP_WAIT;
	if (s->announce && s->with->media)
		leg_play(s->with, &none);
	free(s->announce);
	s->announce = NULL;
	s->files = SPAN_NONE;
	return run_after(s);
}

static enum app_say on_answer(struct dial *s, struct chan *leg)
{
	s->with = leg;
	s->status = "ANSWER";
	s->answered = s->dp->chan->pbx->clock->now;
	drop_legs(s, leg, 26);
	clock_stop(s->dp->chan->pbx->clock, &s->dp->timer);
	if (!s->announce && !s->after)
		return join(s);
	bridge_part(leg); /* of early media */
	s->prepares = true;
	s->files = span_of(s->announce);
	return announce(s);
}

/* What the callee did who has answered, and is not joined with the caller yet. */
static enum app_say on_prepared(struct dial *s, const struct chan_event *ev)
{
	if (ev->what == CH_PLAYED && s->announce)
		return announce(s);
	return ev->what == CH_RETURNED ? on_returned(s) : APP_WAIT;
}

static void on_progress(struct dial *s, struct chan *leg)
{
	if (s->digits)
		press(leg, digits_of(s, 2));
	if (s->music || (s->n != 1 && s->early))
		return;
	s->early = true;
	leg_ring_tone(s->dp->chan, false);
	if (leg->has_deal)
		leg_media_prefer(s->dp->chan, leg->deal.codecs[0].codec);
	leg_progress(s->dp->chan);
	bridge_join(s->dp->chan, leg);
}

static enum app_say on_leg_gone(struct dial *s, struct chan *leg, int cause)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->legs[i] == leg)
			s->legs[i] = s->legs[--s->n];
	if (leg == s->with) {
		s->cause = cause;
		return s->go_on ? APP_NEXT : APP_HANGUP;
	}
	if (leg->forward[0])
		note_forward(s, leg);
	else
		count_cause(s, leg->stays && leg->sip_code / 100 == 3 ? 17 : cause);
	return s->n ? APP_WAIT : nobody_left(s);
}

/* Of a call that is joined: what one side presses, and the end of what it hears then. */
static void on_key(struct dial *s, const struct chan_event *ev)
{
	bool callee = ev->kind == CH_PEER && ev->other == s->with;
	enum chan_event_kind what = callee ? ev->what : ev->kind;
	struct chan *by = callee ? s->with : s->dp->chan;

	if (what == CH_DTMF)
		features_digit(s->features, by, callee ? s->dp->chan : s->with, ev->digit);
	else if (what == CH_PLAYED)
		features_played(s->features, by);
}

static bool is_played(const struct chan_event *ev)
{
	return ev->kind == CH_PLAYED || (ev->kind == CH_PEER && ev->what == CH_PLAYED);
}

static enum app_say event(struct dp *dp, const struct chan_event *ev)
{
	struct dial *s = dp_state(dp);

	if (ev->kind == CH_TIMER && s->presses)
		return join_now(s);
	if (ev->kind == CH_TIMER) {
		if (s->limited && s->ends && !limit_due(s))
			return APP_WAIT;
		if (s->limited)
			return s->go_on ? APP_NEXT : APP_HANGUP;
		s->status = "NOANSWER";
		s->cause = 19;
		drop_legs(s, NULL, 19);
		return APP_NEXT;
	}
	if (ev->kind == CH_PARTED) {
		s->cause = ev->cause;
		return s->go_on ? APP_NEXT : APP_HANGUP;
	}
	if (s->features && s->with && !s->prepares)
		on_key(s, ev);
	if (s->limited && s->ends && is_played(ev) && limit_played(s, ev->kind == CH_PEER ? ev->other : dp->chan))
		return s->go_on ? APP_NEXT : APP_HANGUP;
	if (ev->kind != CH_PEER)
		return APP_WAIT;
	switch (ev->what) {
	case CH_RINGING: caller_hears_ringing(s); return APP_WAIT;
	case CH_PROGRESS: on_progress(s, ev->other); return APP_WAIT;
	case CH_ANSWERED: return s->with ? APP_WAIT : on_answer(s, ev->other);
	case CH_HANGUP: return on_leg_gone(s, ev->other, ev->cause);
	case CH_PLAYED:
	case CH_RETURNED: return s->prepares && ev->other == s->with ? on_prepared(s, ev) : APP_WAIT;
	default: return APP_WAIT;
	}
}

static size_t count_of(struct span s, char c)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += s.p[i] == c;
	return n;
}

/* Option B: a subroutine on the caller, then Dial again. */
static enum app_say call_before(struct dial *s)
{
	struct dp *dp = s->dp;
	struct out place = out_growing();
	enum app_say say;

	out_place(&place, s->before);
	s->left = true;
	say = dp_gosub(dp, out_look(&place), true);
	out_free(&place);
	return say;
}

static enum app_say start(struct dp *dp, struct span args)
{
	struct dial *s = dp_state(dp);
	struct span who = dp_arg(args, 0), time = dp_arg(args, 1), one;
	char seconds[32];
	double timeout = 0;

	s->dp = dp;
	s->began = dp->chan->pbx->clock->now;
	s->status = "CHANUNAVAIL";
	dp_set(dp, "DIALSTATUS", "");
	if (time.n) {
		span_copy(time, seconds, sizeof seconds);
		timeout = strtod(seconds, NULL);
	}
	take_options(s, dp_arg(args, 2));
	if (s->before.n && !dp->called_before)
		return call_before(s);
	dp->called_before = false;
	s->n_dests = (uint32_t)count_of(who, '&') + 1;
	s->counts = dp->chan->max_breadth || s->n_dests > 1;
	s->breadth = dp->chan->max_breadth ? dp->chan->max_breadth : BREADTH_MAX;
	s->legs = span_chr(who, '&') < 0 ? &s->one : xmalloc((1 + count_of(who, '&')) * sizeof s->legs[0]);
	while (span_cut(&who, '&', &one))
		dial_one(s, span_trim(one));
	dp_set(dp, "OUTBOUND_GROUP_ONCE", "");
	if (!s->n)
		return nobody_left(s);
	if (s->music)
		caller_hears_music(s);
	else if (s->ring)
		caller_hears_ringing(s);
	if (timeout > 0)
		dp_timer(dp, (ms_t)(MIN(timeout, 86400.0) * 1000));
	return APP_WAIT;
}

static void stop(struct dp *dp)
{
	struct dial *s = dp_state(dp);

	if (!s->answered && dp->chan->gone)
		s->status = "CANCEL";
	if (!s->left)
		publish(s);
	leg_ring_tone(s->dp->chan, false);
	if (s->dp->chan->moves)
		transfer_part(s->dp->chan);
	if (s->music)
		moh_stop(s->dp->chan);
	if (s->with && s->n && s->goes_on && dp->chan->gone && !s->with->gone)
		let_go(s, s->alone, false);
	else if (s->with && s->h_of_callee)
		dp_run_h(s->with);
	drop_legs(s, NULL, s->answered && dp->chan->cause ? dp->chan->cause : 16);
	free(s->forward);
	free(s->forward_ctx);
	free(s->announce);
	free(s->after);
	free(s->digits);
	free(s->alone);
	limit_free(s->ends);
	free(s->both);
	features_free(&s->features);
	if (s->legs != &s->one)
		free(s->legs);
}

const struct app app_dial = { .name = "Dial",
			      .help = "Dial(PJSIP/a&PJSIP/b[,timeout[,options]]).",
			      .state_size = sizeof(struct dial),
			      .start = start,
			      .event = event,
			      .stop = stop };
