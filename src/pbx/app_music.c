/* pbx/app_music.c: MusicOnHold, StartMusicOnHold, StopMusicOnHold: music without anybody who holds. They do not answer.
 */
#include <stdlib.h>

#include "base/trace.h"
#include "conf/music.h"
#include "pbx/priv.h"

/* False, with a warning: there is none. */
static bool begin(struct dp *dp, struct span name)
{
	struct chan *c = dp->chan;
	char text[80];
	const struct conf_moh *class;

	span_copy(name, text, sizeof text);
	if (name.n && !conf_moh(c->conf, name))
		trace(EV_DP_WARN, c->name, "%s: there is no class of music '%s'", dp->app->name, text);
	class = moh_class(c, text);
	if (!class)
		trace(EV_DP_WARN, c->name, "%s: there is no music", dp->app->name);
	return class && moh_play(c, class);
}

/* MusicOnHold([class][,seconds]) */
static enum app_say musiconhold(struct dp *dp, struct span args)
{
	struct span time = dp_arg(args, 1);
	char text[32];
	double seconds;

	if (!begin(dp, dp_arg(args, 0)))
		return APP_NEXT;
	span_copy(time, text, sizeof text);
	seconds = strtod(text, NULL);
	if (seconds > 0)
		dp_timer(dp, (ms_t)(MIN(seconds, 86400.0) * 1000));
	return APP_WAIT;
}

static enum app_say event(struct dp *dp UNUSED, const struct chan_event *ev)
{
	return ev->kind == CH_TIMER ? APP_NEXT : APP_WAIT;
}

static void stop(struct dp *dp)
{
	moh_stop(dp->chan);
}

static enum app_say startmusiconhold(struct dp *dp, struct span args)
{
	begin(dp, dp_arg(args, 0));
	return APP_NEXT;
}

static enum app_say stopmusiconhold(struct dp *dp, struct span args UNUSED)
{
	moh_stop(dp->chan);
	return APP_NEXT;
}

const struct app app_musiconhold = { .name = "MusicOnHold",
				     .help = "Plays music: MusicOnHold([class][,seconds]).",
				     .start = musiconhold,
				     .event = event,
				     .stop = stop };
const struct app app_startmusiconhold = { .name = "StartMusicOnHold",
					  .help = "Plays music while the dialplan goes on.",
					  .start = startmusiconhold };
const struct app app_stopmusiconhold = { .name = "StopMusicOnHold",
					 .help = "Ends the music.",
					 .start = stopmusiconhold };
