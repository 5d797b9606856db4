/*
 * pbx/app_while.c: While, EndWhile, ContinueWhile, ExitWhile. Nothing is remembered: which While and EndWhile belong
 * together is seen from where they stand in their extension.
 */
#include "base/trace.h"
#include "pbx/match.h"
#include "pbx/priv.h"

static const struct dp_step *step_at(const struct dp *dp, int prio)
{
	const struct dp_call call = { span_of(dp->chan->caller_num), clock_wall(dp->chan->pbx->clock) };

	return dp_find_step(&dp->conf->dialplan, span_of(dp->ctx_name), span_of(dp->exten_name), &call, prio);
}

/* The priority of the one that encloses us, towards the start or the end; 0: there is none. */
static int enclosing(const struct dp *dp, int way)
{
	const struct dp_step *step;
	int depth = 1;

	for (int prio = dp->prio + way; prio > 0 && (step = step_at(dp, prio)); prio += way) {
		if (span_iis(span_of(step->app), "While"))
			depth += way;
		else if (span_iis(span_of(step->app), "EndWhile"))
			depth -= way;
		if (!depth)
			return prio;
	}
	return 0;
}

static enum app_say go(struct dp *dp, int way)
{
	int prio = enclosing(dp, way);

	if (!prio) {
		trace(EV_DP_WARN, dp->chan->name, "%s: there is no %s to go to", dp->app->name,
		      way > 0 ? "EndWhile" : "While");
		return APP_NEXT;
	}
	dp->prio = prio + (way > 0);
	return APP_JUMP;
}

static enum app_say begin(struct dp *dp, struct span args)
{
	return dp_truth(args) ? APP_NEXT : go(dp, 1);
}

static enum app_say back(struct dp *dp, struct span args UNUSED)
{
	return go(dp, -1);
}

static enum app_say leave(struct dp *dp, struct span args UNUSED)
{
	return go(dp, 1);
}

const struct app app_while = { .name = "While", .help = "Repeats up to EndWhile: While(condition).", .start = begin };
const struct app app_endwhile = { .name = "EndWhile", .help = "Back to the While.", .start = back };
const struct app app_continuewhile = { .name = "ContinueWhile", .help = "Back to the While, at once.", .start = back };
const struct app app_exitwhile = { .name = "ExitWhile", .help = "On behind the EndWhile.", .start = leave };
