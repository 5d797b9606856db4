/* pbx/app_sound.c: Echo and Milliwatt: until the caller hangs up, or presses # (Echo). */
#include "pbx/priv.h"

static enum app_say play(struct dp *dp, const struct media_play *what)
{
	if (leg_answer(dp->chan) < 0 || !dp->chan->media)
		return APP_HANGUP;
	leg_play(dp->chan, what);
	return APP_WAIT;
}

static enum app_say echo(struct dp *dp, struct span args)
{
	struct media_play what = { .source = SOURCE_ECHO };

	(void)args;
	return play(dp, &what);
}

static enum app_say milliwatt(struct dp *dp, struct span args)
{
	struct media_play what = { .source = SOURCE_TONE, .freq1 = 1004, .level_dbm0 = 0 };

	(void)args;
	return play(dp, &what);
}

static enum app_say echo_event(struct dp *dp, const struct chan_event *ev)
{
	(void)dp;
	return ev->kind == CH_DTMF && ev->digit == '#' ? APP_NEXT : APP_WAIT;
}

static enum app_say milliwatt_event(struct dp *dp, const struct chan_event *ev)
{
	(void)dp;
	(void)ev;
	return APP_WAIT;
}

static void stop(struct dp *dp)
{
	struct media_play none = { .source = SOURCE_NONE };

	if (dp->chan->media)
		leg_play(dp->chan, &none);
}

const struct app app_echo = {
	.name = "Echo", .help = "Sends back what it hears, until #.", .start = echo, .event = echo_event, .stop = stop
};
const struct app app_milliwatt = { .name = "Milliwatt",
				   .help = "A 1004 Hz tone at 0 dBm0.",
				   .start = milliwatt,
				   .event = milliwatt_event,
				   .stop = stop };
