/* pbx/app_signal.c: Ringing, Progress, Busy, Congestion, Incomplete: what the caller is told before an answer. */
#include "pbx/priv.h"

static enum app_say ringing(struct dp *dp, struct span args)
{
	(void)args;
	leg_ringing(dp->chan);
	return APP_NEXT;
}

static enum app_say progress(struct dp *dp, struct span args)
{
	(void)args;
	leg_progress(dp->chan);
	return APP_NEXT;
}

/* Not answered yet: the refusal itself. Answered: the tone, until the timeout or the caller hangs up. */
static enum app_say refuse(struct dp *dp, struct span args, int cause, uint16_t beat_ms)
{
	struct media_play tone = { .source = SOURCE_TONE,
				   .freq1 = 480,
				   .freq2 = 620,
				   .level_dbm0 = -24,
				   .on_ms = beat_ms,
				   .off_ms = beat_ms };
	uint32_t seconds = 0;

	if (dp->chan->state != CHAN_UP || !dp->chan->media)
		return dp_hang_up(dp, cause);
	dp->chan->cause = cause;
	leg_play(dp->chan, &tone);
	if (span_u32(dp_arg(args, 0), 86400, &seconds) && seconds)
		dp_timer(dp, (ms_t)seconds * 1000);
	return APP_WAIT;
}

static enum app_say busy(struct dp *dp, struct span args)
{
	return refuse(dp, args, 17, 500);
}

static enum app_say congestion(struct dp *dp, struct span args)
{
	return refuse(dp, args, 34, 250);
}

/* The number needs more digits: 484, which a phone that dials digit by digit understands. */
static enum app_say incomplete(struct dp *dp, struct span args UNUSED)
{
	return dp_hang_up(dp, 28);
}

static enum app_say event(struct dp *dp, const struct chan_event *ev)
{
	(void)dp;
	return ev->kind == CH_TIMER ? APP_HANGUP : APP_WAIT;
}

const struct app app_ringing = { .name = "Ringing", .help = "Tells the caller that it rings (180).", .start = ringing };
const struct app app_progress = { .name = "Progress", .help = "Opens early media (183).", .start = progress };
const struct app app_busy = { .name = "Busy", .help = "Says busy: 486, or the tone.", .start = busy, .event = event };
const struct app app_congestion = {
	.name = "Congestion", .help = "Says congestion: 503, or the tone.", .start = congestion, .event = event
};
const struct app app_incomplete = { .name = "Incomplete",
				    .help = "Says that digits are missing: 484.",
				    .start = incomplete };
