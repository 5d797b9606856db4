/* pbx/app_goto.c: Goto, GotoIf, GotoIfTime, ExecIf, ExecIfTime and Exec. */
#include "base/trace.h"
#include "pbx/priv.h"
#include "conf/when.h"

static enum app_say go(struct dp *dp, struct span where)
{
	return dp_goto(dp, where) ? APP_JUMP : APP_HANGUP;
}

/* Behind "condition?": one of two places, or on to the next step. */
static enum app_say choose(struct dp *dp, struct span places, bool first)
{
	long colon = span_chr(places, ':');
	struct span yes = colon < 0 ? places : span_sub(places, 0, (size_t)colon);
	struct span no = colon < 0 ? SPAN_NONE : span_from(places, (size_t)colon + 1);
	struct span where = span_trim(first ? yes : no);

	return where.n ? go(dp, where) : APP_NEXT;
}

static enum app_say go_if(struct dp *dp, struct span args)
{
	long q = span_chr(args, '?');

	if (q >= 0)
		return choose(dp, span_from(args, (size_t)q + 1), dp_truth(span_sub(args, 0, (size_t)q)));
	trace(EV_DP_WARN, dp->chan->name, "GotoIf needs condition?yes:no");
	return APP_NEXT;
}

/* Cuts "times?" off; false when there is none, or it is not understood. Local time, as TZ says. */
static bool take_when(struct dp *dp, struct span *args, bool *is_now)
{
	time_t now = (time_t)(clock_wall(dp->chan->pbx->clock) / 1000);
	long q = span_chr(*args, '?');
	struct tm at = { 0 };
	bool wrong = q < 0;

	*is_now = !wrong && localtime_r(&now, &at) && when_matches(span_sub(*args, 0, (size_t)q), &at, &wrong);
	*args = span_from(*args, (size_t)q + 1);
	if (wrong)
		trace(EV_DP_WARN, dp->chan->name, "%s needs times,weekdays,days,months?", dp->app->name);
	return !wrong;
}

static enum app_say go_if_time(struct dp *dp, struct span args)
{
	bool is_now;

	return take_when(dp, &args, &is_now) ? choose(dp, args, is_now) : APP_NEXT;
}

/* Where the first "App(args)" of a text ends: behind its closing parenthesis. */
static size_t call_end(struct span s)
{
	int depth = 0;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '(')
			depth++;
		else if (s.p[i] == ')' && --depth == 0)
			return i + 1;
		else if (s.p[i] == ':' && !depth)
			return i;
	}
	return s.n;
}

struct span app_call_cut(struct span *calls)
{
	size_t end = call_end(*calls);
	struct span call = span_trim(span_sub(*calls, 0, end));

	*calls = span_trim(span_from(*calls, end));
	if (!span_take_char(calls, ':'))
		*calls = SPAN_NONE;
	return call;
}

struct span app_call_args(struct span *call)
{
	long open = span_chr(*call, '(');
	struct span args = open < 0 ? SPAN_NONE : span_from(*call, (size_t)open + 1);

	if (args.n && args.p[args.n - 1] == ')')
		args.n--;
	*call = span_trim(span_sub(*call, 0, open < 0 ? call->n : (size_t)open));
	return args;
}

static enum app_say exec(struct dp *dp, struct span call)
{
	struct span args;

	call = span_trim(call);
	args = app_call_args(&call);
	return call.n ? dp_run_app(dp, call, args) : APP_NEXT;
}

static enum app_say exec_if(struct dp *dp, struct span args)
{
	long q = span_chr(args, '?');
	struct span calls, call;

	if (q < 0) {
		trace(EV_DP_WARN, dp->chan->name, "ExecIf needs condition?App(args)[:App(args)]");
		return APP_NEXT;
	}
	calls = span_from(args, (size_t)q + 1);
	call = app_call_cut(&calls);
	if (!dp_truth(span_sub(args, 0, (size_t)q)))
		call = span_trim(calls);
	return exec(dp, call);
}

/* ExecIfTime(times?App(args)) */
static enum app_say exec_if_time(struct dp *dp, struct span args)
{
	bool is_now;

	return take_when(dp, &args, &is_now) && is_now ? exec(dp, args) : APP_NEXT;
}

const struct app app_goto = { .name = "Goto", .help = "Goto([[context,]extension,]priority).", .start = go };
const struct app app_gotoif = { .name = "GotoIf", .help = "GotoIf(condition?yes:no).", .start = go_if };
const struct app app_gotoiftime = { .name = "GotoIfTime",
				    .help = "GotoIfTime(times,weekdays,days,months?yes:no).",
				    .start = go_if_time };
const struct app app_execif = { .name = "ExecIf", .help = "ExecIf(condition?App(args):App(args)).", .start = exec_if };
const struct app app_exec = { .name = "Exec", .help = "Runs an application: Exec(App(args)).", .start = exec };
const struct app app_execiftime = { .name = "ExecIfTime",
				    .help = "ExecIfTime(times,weekdays,days,months?App(args)).",
				    .start = exec_if_time };
