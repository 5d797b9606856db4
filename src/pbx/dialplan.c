/*
 * pbx/dialplan.c: runs extensions.conf for one channel, as steps: an application starts, says NEXT, WAIT, JUMP or
 * HANGUP, and gets the channel's events while it waits. Nothing blocks. Many steps without a wait are a loop, and end
 * the call.
 */
#include <stdlib.h>
#include <string.h>

#include "base/trace.h"
#include "pbx/match.h"
#include "pbx/cdr.h"
#include "pbx/priv.h"
#include "pbx/subst.h"

#define GOSUB_MAX 64
#define DATA_MAX  255 /* of an application's arguments, as they are shown */

static void run(struct dp *dp);

/* ---- variables and expansion ---- */

void dp_set(struct dp *dp, const char *name, const char *value)
{
	if (!dp->over)
		vars_set(&dp->chan->vars, span_of(name), span_of(value));
}

const char *dp_get(struct dp *dp, const char *name)
{
	const char *v = vars_get(&dp->chan->vars, span_of(name));

	return v ? v : "";
}

struct expansion {
	struct dp *dp;
	char buf[256]; /* for variables that are made on the spot */
};

static const char *expand_var(void *arg, struct span name)
{
	struct expansion *e = arg;

	return var_read(e->dp, name, e->buf, sizeof e->buf);
}

static bool expand_func(void *arg, struct span name, struct span args, struct out *o)
{
	struct expansion *e = arg;

	return func_read(e->dp, name, args, o);
}

struct span dp_expand(struct dp *dp, struct span text, struct out *o)
{
	struct expansion e = { .dp = dp };
	struct subst_env env = { .var = expand_var, .func = expand_func, .arg = &e };
	const char *why;
	bool ok;

	if (span_chr(text, '$') < 0)
		return text;
	ok = dp_subst(&env, text, o, &why);
	if (why)
		trace(EV_DP_WARN, dp->chan->name, "%s,%s,%d: %s", dp->ctx_name, dp->exten_name, dp->prio, why);
	return ok ? out_look(o) : SPAN("");
}

/* Where the argument that begins at 0 ends: at a comma outside quotes, parentheses and brackets. */
static size_t arg_end(struct span s)
{
	size_t end = span_chr(s, ',') < 0 ? 0 : s.n; /* most often there is but one */
	bool quoted = false;
	int depth = 0;

	for (size_t i = 0; i < end; i++) {
		switch (s.p[i]) {
		case '\\': i++; break;
		case '"': quoted = !quoted; break;
		case '(':
		case '[': depth += !quoted; break;
		case ')':
		case ']': depth -= !quoted; break;
		case ',':
			if (!quoted && depth <= 0)
				return i;
			break;
		default: break;
		}
	}
	return s.n;
}

struct span dp_arg_rest(struct span args, unsigned n)
{
	while (n--) {
		size_t end = arg_end(args);

		if (end >= args.n)
			return SPAN_NONE;
		args = span_from(args, end + 1);
	}
	return args;
}

struct span dp_arg_raw(struct span args, unsigned n)
{
	args = dp_arg_rest(args, n);
	return span_sub(args, 0, arg_end(args));
}

struct span dp_arg(struct span args, unsigned n)
{
	return span_trim(dp_arg_raw(args, n));
}

/* As "%d" of sscanf() sees it: "0.5" and "00" are 0, and false. */
bool dp_truth(struct span s)
{
	size_t at = 0, digits;

	s = span_trim(s);
	at += s.n && (s.p[0] == '-' || s.p[0] == '+');
	for (digits = at; digits < s.n && char_is_digit(s.p[digits]); digits++)
		if (s.p[digits] != '0')
			return true;
	return s.n && digits == at;
}

struct span dp_bare(struct span s)
{
	if (s.n > 1 && s.p[0] == '"' && s.p[s.n - 1] == '"')
		return span_sub(s, 1, s.n - 2);
	return s.n > 1 && s.p[0] == '\\' ? span_from(s, 1) : s;
}

/* ---- places ---- */

bool dp_exists(const struct pbx *p, const struct conf *c, struct span context, struct span exten, struct span cid)
{
	const struct dp_call call = { cid, clock_wall(p->clock) };

	return dp_find(&c->dialplan, context, exten, &call, NULL) != NULL;
}

static struct dp_call call_of(const struct dp *dp)
{
	return (struct dp_call){ span_of(dp->chan->caller_num), clock_wall(dp->chan->pbx->clock) };
}

static void place(struct dp *dp, const char *ctx, struct span exten, int prio)
{
	dp->ctx_name = ctx;
	if (exten.p != dp->exten_name)
		span_copy(exten, dp->exten_name, sizeof dp->exten_name);
	dp->prio = prio;
	dp->found = NULL;
}

static const struct dp_step *find(const struct dp *dp, struct span ctx, struct span exten, int prio)
{
	const struct dp_call call = call_of(dp);

	return dp_find_step(&dp->conf->dialplan, ctx, exten, &call, prio);
}

bool dp_has_next(const struct dp *dp)
{
	return find(dp, span_of(dp->ctx_name), span_of(dp->exten_name), dp->prio + 1) != NULL;
}

/* False: there is no such place. */
static bool enter(struct dp *dp, struct span ctx, struct span exten, int prio)
{
	const struct dp_step *step = find(dp, ctx, exten, prio);

	if (!step)
		return false;
	if (ctx.p != dp->ctx_name)
		ctx = span_of(dp_context_name(&dp->conf->dialplan, ctx));
	place(dp, ctx.p, exten, prio);
	dp->found = step;
	return true;
}

/* A priority: a number, a label, or +n and -n from where we are; 0 if there is none. */
static int prio_of(const struct dp *dp, struct span ctx, struct span exten, struct span text)
{
	const struct dp_call call = call_of(dp);
	const struct dp_step *step;
	long n;

	if (text.n && (text.p[0] == '+' || text.p[0] == '-') && span_int(text, &n))
		return dp->prio + (int)n;
	if (span_int(text, &n))
		return (int)n;
	step = dp_find_label(&dp->conf->dialplan, ctx, exten, &call, text);
	return step ? step->prio : 0;
}

bool dp_goto(struct dp *dp, struct span where)
{
	struct span ctx = dp_arg(where, 0), exten = dp_arg(where, 1), prio = dp_arg(where, 2);
	char ctx_copy[80], exten_copy[80];

	if (!exten.p) { /* priority */
		prio = ctx;
		ctx = span_of(dp->ctx_name);
		exten = span_of(dp->exten_name);
	} else if (!prio.p) { /* extension,priority */
		prio = exten;
		exten = ctx;
		ctx = span_of(dp->ctx_name);
	}
	span_copy(ctx, ctx_copy, sizeof ctx_copy);
	span_copy(exten, exten_copy, sizeof exten_copy);
	ctx = span_of(ctx_copy);
	exten = span_of(exten_copy);
	if (enter(dp, ctx, exten, prio_of(dp, ctx, exten, prio)))
		return true;
	if (!dp_exists(dp->chan->pbx, dp->conf, ctx, exten, span_of(dp->chan->caller_num)) &&
	    enter(dp, ctx, SPAN("i"), 1)) { /* the invalid extension */
		dp_set(dp, "INVALID_EXTEN", exten_copy);
		return true;
	}
	trace(EV_DP_WARN, dp->chan->name, "no such place: %.*s", SP(where));
	return false;
}

/* ---- steps ---- */

void *dp_state(struct dp *dp)
{
	return dp->state;
}

void dp_timer(struct dp *dp, ms_t delay)
{
	clock_in(dp->chan->pbx->clock, &dp->timer, delay);
}

static void leave_app(struct dp *dp)
{
	const struct app *app = dp->app;

	clock_stop(dp->chan->pbx->clock, &dp->timer);
	if (!app)
		return;
	if (dp->chan->cdrs)
		cdr_app_left(dp->chan);
	dp->app = NULL;
	if (app->stop)
		app->stop(dp);
	spares_give(&dp->chan->pbx->spares, dp->state);
	dp->state = NULL;
	dp->data = "";
}

static const struct app *app_find(struct span name)
{
	for (int i = 0; apps[i]; i++)
		if (span_iis(name, apps[i]->name))
			return apps[i];
	return NULL;
}

enum app_say dp_run_app(struct dp *dp, struct span name, struct span args)
{
	const struct app *app = app_find(name);
	struct span data = span_sub(args, 0, DATA_MAX);
	char *state;

	if (++dp->steps > 2 * DP_STEPS_MAX) /* Exec within Exec within … */
		return APP_HANGUP;
	if (!app) {
		trace(EV_DP_WARN, dp->chan->name, "No application '%.*s' for extension (%s, %s, %d)", SP(name),
		      dp->ctx_name, dp->exten_name, dp->prio);
		return APP_HANGUP;
	}
	state = spares_zero(&dp->chan->pbx->spares, app->state_size + data.n + 1);
	span_copy(data, state + app->state_size, data.n + 1);
	spares_give(&dp->chan->pbx->spares, dp->state);
	dp->state = state;
	dp->data = state + app->state_size;
	dp->app = app;
	return app->start(dp, args);
}

static enum app_say start_step(struct dp *dp, const struct dp_step *step)
{
	char room[256];
	struct out o = out_growing_in(room, sizeof room);
	struct span args = dp_expand(dp, span_of(step->args), &o);
	enum app_say say;

	trace(EV_DP_STEP, dp->chan->name, "Executing [%s@%s:%d] %s(\"%.*s\")", dp->exten_name, dp->ctx_name, dp->prio,
	      step->app, SP(args));
	say = dp_run_app(dp, span_of(step->app), args);
	out_free(&o);
	return say;
}

int dp_cause(struct dp *dp)
{
	const char *status = dp_get(dp, "DIALSTATUS");

	if (dp->chan->cause)
		return dp->chan->cause;
	if (strcmp(status, "BUSY") == 0)
		return 17;
	if (strcmp(status, "CONGESTION") == 0)
		return 34;
	if (strcmp(status, "NOANSWER") == 0)
		return 19;
	if (strcmp(status, "CHANUNAVAIL") == 0) {
		long cause = 0;

		span_int(span_of(dp_get(dp, "HANGUPCAUSE")), &cause);
		return cause > 0 && cause < 128 ? (int)cause : 20;
	}
	return 16;
}

/* The h extension of the context, after the call: only steps that need no channel make sense there. */
static const struct dp_step *find_h(const struct dp *dp)
{
	return dp->hanging_up || dp->is_sub ? NULL : find(dp, span_of(dp->ctx_name), SPAN("h"), 1);
}

/* ---- forwards ---- */

#define FORWARDS_MAX 20

bool dp_forward(struct dp *dp, struct span ctx, struct span exten, bool go_on)
{
	char name[80];

	span_copy(exten, name, sizeof name);
	if (++dp->forwards > FORWARDS_MAX) {
		trace(EV_DP_WARN, dp->chan->name, "the call was forwarded more than %d times", FORWARDS_MAX);
		return false;
	}
	if (!dp_push(dp))
		return false;
	dp->stack[dp->depth - 1].forward = true;
	dp->stack[dp->depth - 1].go_on = go_on;
	dp->stack[dp->depth - 1].was_up = dp->chan->state == CHAN_UP;
	if (enter(dp, ctx, span_of(name), 1))
		return true;
	trace(EV_DP_WARN, dp->chan->name, "forwarded to '%s', which is not in context '%.*s'", name, SP(ctx));
	dp_pop(dp, false);
	return false;
}

/* The dialplan has ended: that of a forward only, which goes on behind its Dial. False: it was none, or had an answer.
 */
static bool end_forward(struct dp *dp)
{
	size_t at = dp->depth;
	bool answered;

	while (at && !dp->stack[at - 1].forward)
		at--;
	if (!at || dp->hanging_up || dp->chan->gone)
		return false;
	answered = (dp->chan->state == CHAN_UP && !dp->stack[at - 1].was_up) ||
		   strcmp(dp_get(dp, "DIALSTATUS"), "ANSWER") == 0;
	if (answered && !dp->stack[at - 1].go_on)
		return false;
	while (dp->depth > at)
		dp_pop(dp, false);
	return dp_pop(dp, true);
}

/* The call is over: its caller's own place is what h belongs to. */
static void leave_forwards(struct dp *dp)
{
	size_t at = 0;

	while (at < dp->depth && !dp->stack[at].forward)
		at++;
	if (at == dp->depth)
		return;
	while (dp->depth > at + 1)
		dp_pop(dp, false);
	dp_pop(dp, true);
}

static const char *status_of(int cause)
{
	if (cause == 17)
		return "BUSY";
	if (cause == 34 || cause == 42)
		return "CONGESTION";
	return cause == 16 || cause == 19 ? "NOANSWER" : "CHANUNAVAIL";
}

enum app_say dp_hang_up(struct dp *dp, int cause)
{
	char text[16] = "";
	struct out o = out_fixed(text, sizeof text - 1);

	if (!end_forward(dp)) {
		chan_hangup(dp->chan, cause);
		return APP_HANGUP;
	}
	out_all(&o, (uint32_t)cause);
	dp_set(dp, "HANGUPCAUSE", text);
	if (strcmp(dp_get(dp, "DIALSTATUS"), "ANSWER") != 0)
		dp_set(dp, "DIALSTATUS", status_of(cause));
	return APP_JUMP;
}

/* ---- steps, again ---- */

static void finish(struct dp *dp)
{
	dp->stopped = true;
	if (!dp->hanging_up)
		chan_hangup(dp->chan, dp_cause(dp));
}

/* True: the next step may run at once. */
static bool after(struct dp *dp, enum app_say say)
{
	switch (say) {
	case APP_WAIT:
		if (dp->hanging_up) { /* nobody is left to wait for */
			leave_app(dp);
			dp->stopped = true;
		}
		return false;
	case APP_NEXT:
		leave_app(dp);
		dp->prio++;
		return true;
	case APP_JUMP: leave_app(dp); return true;
	case APP_HANGUP:
		if (end_forward(dp)) {
			leave_app(dp);
			return true;
		}
		leave_forwards(dp);
		dp->over = !find_h(dp);
		leave_app(dp);
		finish(dp);
		return false;
	}
	return false;
}

static bool one_step(struct dp *dp)
{
	const struct dp_step *step = dp->found;

	if (dp->is_sub && !dp->depth) {
		struct chan_event ev = { .kind = CH_RETURNED };

		dp->returned = dp->stopped = true;
		chan_tell(dp->chan, &ev);
		return false;
	}
	if (!step)
		step = find(dp, span_of(dp->ctx_name), span_of(dp->exten_name), dp->prio);
	dp->found = NULL;
	if (!step) {
		if (end_forward(dp))
			return true;
		finish(dp);
		return false;
	}
	if (++dp->steps > DP_STEPS_MAX) {
		trace(EV_DP_WARN, dp->chan->name, "%d steps without a wait: the call is ended", DP_STEPS_MAX);
		finish(dp);
		return false;
	}
	return after(dp, start_step(dp, step));
}

static void run(struct dp *dp)
{
	dp->steps = 0;
	while (!dp->stopped && (dp->hanging_up || !dp->chan->gone) && one_step(dp))
		;
}

static void run_later(struct timer *t, ms_t now UNUSED)
{
	run(container_of(t, struct dp, run));
}

static void on_timer(struct timer *t, ms_t now UNUSED)
{
	struct dp *dp = container_of(t, struct dp, timer);
	struct chan_event ev = { .kind = CH_TIMER };

	dp_event(dp, &ev);
}

static void run_h(struct dp *dp, const struct dp_step *h)
{
	dp->stopped = false;
	place(dp, dp->ctx_name, SPAN("h"), 1);
	dp->found = h;
	run(dp);
	leave_app(dp);
}

static void hang_up(struct dp *dp, int cause)
{
	const struct dp_step *h;
	char text[16];
	struct out o = out_fixed(text, sizeof text);

	leave_forwards(dp);
	h = dp->over ? NULL : find_h(dp);
	out_all(&o, (uint32_t)cause);
	out_char(&o, '\0');
	dp->over = !h;
	leave_app(dp);
	dp_set(dp, "HANGUPCAUSE", text);
	dp->hanging_up = true;
	if (h)
		run_h(dp, h);
	dp->stopped = true;
}

/* A leg goes, and is freed then: whoever holds it must know, even if our own channel is about to go, too. */
static bool is_loss(const struct chan_event *ev)
{
	return ev->kind == CH_PARTED || (ev->kind == CH_PEER && ev->what == CH_HANGUP);
}

void dp_event(struct dp *dp, const struct chan_event *ev)
{
	if (ev->kind == CH_HANGUP) {
		hang_up(dp, ev->cause);
		return;
	}
	if (!dp->app || !dp->app->event || dp->stopped || (dp->chan->gone && !is_loss(ev)))
		return;
	if (after(dp, dp->app->event(dp, ev)))
		clock_in(dp->chan->pbx->clock, &dp->run, 0);
}

static void on_chan_event(void *arg, struct chan *c UNUSED, const struct chan_event *ev)
{
	dp_event(arg, ev);
}

static struct dp *run_of(struct chan *c)
{
	struct dp *dp = spares_zero(&c->pbx->spares, sizeof *dp);

	dp->chan = c;
	dp->conf = conf_ref(c->conf);
	dp->ctx_name = c->ep->context;
	dp->data = "";
	dp->timer.fire = on_timer;
	dp->run.fire = run_later;
	c->dp = dp;
	return dp;
}

bool dp_new(struct chan *c)
{
	struct dp *dp = run_of(c);

	return enter(dp, span_of(dp->ctx_name), span_of(c->dialed), 1);
}

bool dp_run_sub(struct chan *c, struct span place)
{
	struct dp *dp = run_of(c);

	dp->is_sub = true;
	if (dp_gosub(dp, place, false) != APP_JUMP)
		chan_hangup(c, 16);
	run(dp);
	if (!dp->returned && !dp->stopped)
		trace(EV_DP_WARN, c->name, "%.*s waits, and is not gone on with", SP(place));
	dp_free(&c->dp);
	return !c->gone;
}

bool dp_start_sub(struct chan *c, struct span place)
{
	struct dp *dp = run_of(c);

	dp->is_sub = true;
	if (dp_gosub(dp, place, false) == APP_JUMP) {
		clock_in(c->pbx->clock, &dp->run, 0);
		return true;
	}
	dp_free(&c->dp);
	return false;
}

const struct conf *dp_conf(const struct chan *c)
{
	return c->dp ? c->dp->conf : c->conf;
}

/* Its run leaves what it is in, and goes on from the loop; or it begins one. */
static struct dp *leave_all(struct chan *c)
{
	struct dp *dp = c->dp ? c->dp : run_of(c);

	c->on_event = on_chan_event;
	c->arg = dp;
	leave_app(dp);
	cdr_goes_on(c);
	while (dp->depth)
		dp_pop(dp, false);
	clock_in(c->pbx->clock, &dp->run, 0);
	return dp;
}

void dp_send(struct chan *c, struct span context, struct span exten)
{
	enter(leave_all(c), context, exten, 1);
}

bool dp_send_to(struct chan *c, struct span where)
{
	if (dp_goto(leave_all(c), where))
		return true;
	chan_hangup(c, 16);
	return false;
}

void dp_run_h(struct chan *c)
{
	if (c->dp && c->dp->is_sub) /* of Dial's option U */
		dp_free(&c->dp);
	if (c->dp)
		return;
	hang_up(run_of(c), c->cause);
	dp_free(&c->dp);
}

void dp_out_place(const struct dp *dp, struct span where, struct out *o)
{
	unsigned n = where.n ? 1 : 0;

	for (size_t i = 0; i < where.n; i++)
		n += where.p[i] == ',';
	if (n < 3)
		out_all(o, dp->ctx_name, ",");
	if (n < 2)
		out_all(o, dp->exten_name, ",");
	if (n)
		out_span(o, where);
	else
		out_all(o, (uint32_t)dp->prio + 1);
}

void dp_move(struct chan *from, struct chan *to)
{
	struct dp *dp = from->dp;
	bool again = !dial_rings(dp);

	dp_free(&to->dp);
	if (again)
		leave_app(dp);
	for (const struct var *v = from->vars.first; v; v = v->next)
		vars_set(&to->vars, (struct span){ v->text, v->name_n }, span_of(v->text + v->name_n + 1));
	cdr_moved(from, to);
	from->dp = NULL;
	from->on_event = NULL;
	dp->chan = to;
	to->dp = dp;
	to->on_event = on_chan_event;
	to->arg = dp;
	if (again)
		clock_in(to->pbx->clock, &dp->run, 0);
	else
		dial_moved(dp, from);
}

void dp_start(struct chan *c)
{
	c->on_event = on_chan_event;
	c->arg = c->dp;
	run(c->dp);
}

void dp_free(struct dp **dpp)
{
	struct dp *dp = *dpp;

	*dpp = NULL;
	if (!dp)
		return;
	dp->hanging_up = dp->over = true;
	leave_app(dp);
	clock_stop(dp->chan->pbx->clock, &dp->run);
	for (size_t i = 0; i < dp->depth; i++)
		vars_free(&dp->stack[i].locals);
	free(dp->stack);
	free(dp->digits);
	conf_unref(dp->conf);
	spares_give(&dp->chan->pbx->spares, dp);
}

/* ---- Gosub's stack ---- */

bool dp_push(struct dp *dp)
{
	if (dp->depth == GOSUB_MAX) {
		trace(EV_DP_WARN, dp->chan->name, "Gosub is nested more than %d deep", GOSUB_MAX);
		return false;
	}
	dp->stack = xrealloc(dp->stack, (dp->depth + 1) * sizeof dp->stack[0]);
	memset(&dp->stack[dp->depth], 0, sizeof dp->stack[0]);
	dp->stack[dp->depth].ctx = dp->ctx_name;
	memcpy(dp->stack[dp->depth].exten, dp->exten_name, sizeof dp->exten_name);
	dp->stack[dp->depth].prio = dp->prio + 1;
	dp->depth++;
	return true;
}

bool dp_pop(struct dp *dp, bool go_back)
{
	if (!dp->depth)
		return false;
	dp->depth--;
	vars_free(&dp->stack[dp->depth].locals);
	dp->called_before = go_back && dp->stack[dp->depth].again;
	if (go_back)
		place(dp, dp->stack[dp->depth].ctx, span_of(dp->stack[dp->depth].exten), dp->stack[dp->depth].prio);
	return true;
}
