/* pbx/app_answer.c: Answer([delay ms]): 200 to the caller; goes on when the ACK is there or the delay is over. */
#include "pbx/priv.h"

static enum app_say start(struct dp *dp, struct span args)
{
	uint32_t delay = 0;

	if (dp->chan->state == CHAN_UP)
		return APP_NEXT;
	if (leg_answer(dp->chan) < 0)
		return APP_HANGUP;
	if (!span_u32(dp_arg(args, 0), 60000, &delay) || !delay)
		return APP_NEXT;
	dp_timer(dp, delay);
	return APP_WAIT;
}

static enum app_say event(struct dp *dp, const struct chan_event *ev)
{
	(void)dp;
	return ev->kind == CH_TIMER ? APP_NEXT : APP_WAIT;
}

const struct app app_answer = { .name = "Answer", .help = "Answers the call.", .start = start, .event = event };
