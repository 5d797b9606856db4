/* pbx/app_gosub.c: Gosub, GosubIf, Return, StackPop: a stack of places, with variables of their own (ARG1 …, ARGC). */
#include <stdio.h>

#include "base/trace.h"
#include "pbx/priv.h"

static void set_args(struct dp *dp, struct span args)
{
	struct vars *locals = &dp->stack[dp->depth - 1].locals;
	char name[16], count[16];
	unsigned n = 0;

	for (struct span v; (v = dp_arg(args, n)).p && n < 64; n++) {
		snprintf(name, sizeof name, "ARG%u", n + 1);
		vars_set(locals, span_of(name), v);
	}
	snprintf(count, sizeof count, "%u", n);
	vars_set(locals, SPAN("ARGC"), span_of(count));
}

enum app_say dp_gosub(struct dp *dp, struct span args, bool again)
{
	long open = span_chr(args, '(');
	struct span where = open < 0 ? args : span_sub(args, 0, (size_t)open), list = SPAN_NONE;

	if (open >= 0) {
		list = span_from(args, (size_t)open + 1);
		if (list.n && list.p[list.n - 1] == ')')
			list.n--;
	}
	if (!dp_push(dp))
		return APP_HANGUP;
	dp->stack[dp->depth - 1].prio -= again;
	dp->stack[dp->depth - 1].again = again;
	set_args(dp, list.n ? list : SPAN_NONE);
	if (dp_goto(dp, where))
		return APP_JUMP;
	dp_pop(dp, false);
	return APP_HANGUP;
}

/* Gosub([[context,]exten,]priority[(arg1,…)]) */
static enum app_say gosub(struct dp *dp, struct span args)
{
	return dp_gosub(dp, args, false);
}

/* GosubIf(condition?[[context,]exten,]priority[(args)][:the same otherwise]) */
static enum app_say gosub_if(struct dp *dp, struct span args)
{
	struct span cond, yes;

	if (!span_cut(&args, '?', &cond) || !args.p) {
		trace(EV_DP_WARN, dp->chan->name, "GosubIf needs condition?place(args):place(args)");
		return APP_NEXT;
	}
	yes = app_call_cut(&args);
	args = dp_truth(cond) ? yes : span_trim(args);
	return args.n ? gosub(dp, args) : APP_NEXT;
}

static enum app_say ret(struct dp *dp, struct span args)
{
	if (!dp->depth || dp->stack[dp->depth - 1].forward) {
		trace(EV_DP_WARN, dp->chan->name, "Return without Gosub");
		return dp_hang_up(dp, 16);
	}
	vars_set(&dp->chan->vars, SPAN("GOSUB_RETVAL"), args);
	return dp_pop(dp, true) ? APP_JUMP : APP_HANGUP;
}

static enum app_say stack_pop(struct dp *dp, struct span args UNUSED)
{
	if (dp->depth && !dp->stack[dp->depth - 1].forward)
		dp_pop(dp, false);
	return APP_NEXT;
}

const struct app app_gosub = { .name = "Gosub", .help = "Runs a part of the dialplan and comes back.", .start = gosub };
const struct app app_gosubif = { .name = "GosubIf",
				 .help = "Gosub on a condition: GosubIf(condition?yes(args):no(args)).",
				 .start = gosub_if };
const struct app app_return = { .name = "Return", .help = "Goes back behind the Gosub.", .start = ret };
const struct app app_stackpop = { .name = "StackPop", .help = "Forgets the last Gosub.", .start = stack_pop };
