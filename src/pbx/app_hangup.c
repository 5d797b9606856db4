/* pbx/app_hangup.c: Hangup([cause]): ends the call with a Q.850 cause, by number or Asterisk's name for it. */
#include "base/trace.h"
#include "pbx/priv.h"

/* 0: none is given, or it is none. */
static int cause_in(struct dp *dp, struct span s)
{
	uint32_t number;
	int cause = span_u32(s, 127, &number) ? (int)number : cause_named(s);

	if (!cause && s.n)
		trace(EV_DP_WARN, dp->chan->name, "Hangup: there is no cause '%.*s'", SP(s));
	return cause;
}

static enum app_say start(struct dp *dp, struct span args)
{
	int cause = cause_in(dp, dp_arg(args, 0));

	return dp_hang_up(dp, cause ? cause : dp_cause(dp));
}

const struct app app_hangup = { .name = "Hangup", .help = "Ends the call: Hangup([cause]).", .start = start };
