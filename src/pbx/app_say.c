/* pbx/app_say.c: NoOp, Verbose and Log: text for whoever watches. */
#include "base/trace.h"
#include "pbx/priv.h"

static enum app_say noop(struct dp *dp, struct span args)
{
	trace(EV_DP_SAY, dp->chan->name, "NoOp: %.*s", SP(args));
	return APP_NEXT;
}

static enum app_say verbose(struct dp *dp, struct span args)
{
	uint32_t level;
	struct span text = args;

	if (span_u32(dp_arg(args, 0), 10, &level)) {
		long comma = span_chr(args, ',');

		text = comma < 0 ? args : span_from(args, (size_t)comma + 1);
	}
	trace(EV_DP_SAY, dp->chan->name, "%.*s", SP(text));
	return APP_NEXT;
}

/* Log(level,text) */
static enum app_say say_at(struct dp *dp, struct span args)
{
	struct span text = args, level;

	span_cut(&text, ',', &level);
	level = span_trim(level);
	if (span_iis(level, "ERROR") || span_iis(level, "WARNING"))
		trace(EV_DP_WARN, dp->chan->name, "%.*s", SP(text));
	else
		trace(EV_DP_SAY, dp->chan->name, "%.*s", SP(text));
	return APP_NEXT;
}

const struct app app_log = { .name = "Log", .help = "Logs a text: Log(level,text).", .start = say_at };
const struct app app_noop = { .name = "NoOp", .help = "Does nothing; its text is logged.", .start = noop };
const struct app app_verbose = { .name = "Verbose", .help = "Logs a text: Verbose([level,]text).", .start = verbose };
