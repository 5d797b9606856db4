/* pbx/app_hangup.c: Hangup([cause]): ends the call with a Q.850 cause, by number or Asterisk's name for it. */
#include "pbx/priv.h"

static int cause_named(struct span s)
{
	static const struct {
		const char *name;
		int cause;
	} names[] = { { "UNALLOCATED", 1 },    { "NO_ROUTE_DESTINATION", 3 }, { "NORMAL_CLEARING", 16 },
		      { "USER_BUSY", 17 },     { "NO_USER_RESPONSE", 18 },    { "NO_ANSWER", 19 },
		      { "CALL_REJECTED", 21 }, { "CONGESTION", 34 },          { "NORMAL_CIRCUIT_CONGESTION", 34 },
		      { "FAILURE", 38 } };
	uint32_t v;

	if (span_u32(s, 127, &v))
		return (int)v;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (span_iis(s, names[i].name))
			return names[i].cause;
	return 16;
}

static enum app_say start(struct dp *dp, struct span args)
{
	struct span cause = dp_arg(args, 0);

	chan_hangup(dp->chan, cause.n ? cause_named(cause) : dp_cause(dp));
	return APP_HANGUP;
}

const struct app app_hangup = { .name = "Hangup", .help = "Ends the call: Hangup([cause]).", .start = start };
