/* pbx/app_wait.c: Wait(seconds). */
#include <stdlib.h>

#include "pbx/priv.h"

static enum app_say start(struct dp *dp, struct span args)
{
	char text[32];
	double seconds;

	span_copy(dp_arg(args, 0), text, sizeof text);
	seconds = strtod(text, NULL);
	if (!(seconds > 0))
		return APP_NEXT;
	dp_timer(dp, (ms_t)(MIN(seconds, 86400.0) * 1000));
	return APP_WAIT;
}

static enum app_say event(struct dp *dp, const struct chan_event *ev)
{
	(void)dp;
	return ev->kind == CH_TIMER ? APP_NEXT : APP_WAIT;
}

const struct app app_wait = { .name = "Wait", .help = "Waits: Wait(seconds).", .start = start, .event = event };
