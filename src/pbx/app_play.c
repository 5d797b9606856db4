/*
 * pbx/app_play.c: Playback, Background, WaitExten: files in a row (joined with '&'), interrupted by digits where the
 * dialplan listens. A file that is missing is a warning, and the call goes on.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/trace.h"
#include "conf/music.h"
#include "pbx/match.h"
#include "pbx/play.h"

#define DIGIT_TIMEOUT 5000
#define EXTEN_TIMEOUT 10000

enum { SKIP = 1, NO_ANSWER = 2, ONE_DIGIT = 4, NO_DIGITS = 8 };

void play_nothing(struct dp *dp)
{
	struct media_play none = { .source = SOURCE_NONE };

	if (dp->chan->media)
		leg_play(dp->chan, &none);
}

/* An absolute path as it is; else in each folder where the sounds of a language can be. */
static void sound_path(const struct chan *c, struct span name, const char *lang, struct media_play *what)
{
	size_t cap = sizeof what->path;
	char *path = what->path;
	const char *dir = c->conf->hairpin.sounds_dir;

	if (name.n && name.p[0] == '/')
		snprintf(path, cap, "%.*s", SP(name));
	else
		snprintf(path, cap, "%s/%s/%.*s:%s/%.*s:%s/en_US_f_Allison/%.*s", dir, lang, SP(name), dir, SP(name),
			 dir, SP(name));
}

bool play_next(struct chan *c, struct span *files, const char *lang)
{
	struct media_play what = { .source = SOURCE_FILE };
	struct span name;

	while (span_cut(files, '&', &name)) {
		name = span_trim(name);
		if (!name.n)
			continue;
		sound_path(c, name, lang[0] ? lang : chan_language(c), &what);
		leg_play(c, &what);
		return true;
	}
	return false;
}

static enum app_say next_file(struct dp *dp)
{
	struct playing *s = dp_state(dp);

	return play_next(dp->chan, &s->rest, s->lang) ? APP_WAIT : APP_NEXT;
}

static void forget_digits(struct dp *dp)
{
	free(dp->digits);
	dp->digits = NULL;
}

/* Playback's options are words; Background has letters for them, and two more. */
static unsigned options_of(struct span text, bool background)
{
	static const char letters[] = "snmp";
	unsigned options = 0;

	options |= span_find(text, SPAN("skip")) >= 0 ? SKIP : 0;
	options |= span_find(text, SPAN("noanswer")) >= 0 ? NO_ANSWER : 0;
	for (unsigned i = 0; background && !options && i < sizeof letters - 1; i++)
		if (span_chr(text, letters[i]) >= 0)
			options |= 1u << i;
	return options;
}

static enum app_say begin(struct dp *dp, struct span args, bool background)
{
	struct playing *s = dp_state(dp);
	unsigned options = options_of(dp_arg(args, 1), background);
	struct span context = background ? dp_arg(args, 3) : SPAN_NONE;

	s->status = background ? "BACKGROUNDSTATUS" : "PLAYBACKSTATUS";
	dp_set(dp, s->status, "SUCCESS");
	if ((options & SKIP) && dp->chan->state != CHAN_UP)
		return APP_NEXT;
	s->files = span_dup(dp_arg(args, 0));
	s->rest = span_of(s->files);
	span_copy(background ? dp_arg(args, 2) : SPAN_NONE, s->lang, sizeof s->lang);
	s->listens = background && !(options & NO_DIGITS);
	s->one_digit = options & ONE_DIGIT;
	span_copy(context.n ? context : span_of(dp->ctx_name), s->context, sizeof s->context);
	if (options & NO_ANSWER)
		leg_progress(dp->chan);
	else if (leg_answer(dp->chan) < 0)
		return APP_HANGUP;
	forget_digits(dp);
	return dp->chan->media ? next_file(dp) : APP_HANGUP;
}

enum app_say play_sounds(struct dp *dp, struct span files, bool listens)
{
	struct playing *s = dp_state(dp);

	s->files = span_dup(files);
	s->rest = span_of(s->files);
	s->listens = listens;
	span_copy(span_of(dp->ctx_name), s->context, sizeof s->context);
	if (dp->chan->state != CHAN_UP)
		leg_progress(dp->chan);
	return dp->chan->media ? next_file(dp) : APP_HANGUP;
}

static enum app_say playback(struct dp *dp, struct span args)
{
	return begin(dp, args, false);
}

static enum app_say background(struct dp *dp, struct span args)
{
	return begin(dp, args, true);
}

bool play_tone(struct dp *dp, struct span name)
{
	static const struct {
		const char *name;
		uint16_t freq1, freq2, on_ms, off_ms;
	} tones[] = { { "dial", 350, 440, 0, 0 },
		      { "busy", 480, 620, 500, 500 },
		      { "congestion", 480, 620, 250, 250 },
		      { "ring", 440, 480, 2000, 4000 } };
	size_t i = 0;

	while (name.n && i < ARRAY_LEN(tones) && !span_is(name, tones[i].name))
		i++;
	if (i == ARRAY_LEN(tones))
		return false;
	if (dp->chan->media)
		leg_play(dp->chan, &(struct media_play){ .source = SOURCE_TONE,
							 .freq1 = tones[i].freq1,
							 .freq2 = tones[i].freq2,
							 .level_dbm0 = -19,
							 .on_ms = tones[i].on_ms,
							 .off_ms = tones[i].off_ms });
	return true;
}

/* What stands in parentheses behind an option's letter; SPAN_NONE when the letter is not there. */
static struct span option_value(struct span options, char letter)
{
	while (options.n) {
		bool found = options.p[0] == letter;
		long close;

		options = span_from(options, 1);
		close = options.n && options.p[0] == '(' ? span_chr(options, ')') : -1;
		if (found)
			return close > 0 ? span_sub(options, 1, (size_t)close - 1) : SPAN("");
		if (close > 0)
			options = span_from(options, (size_t)close + 1);
	}
	return SPAN_NONE;
}

/* WaitExten([seconds][,d[(tone)]|m[(class)]]) */
static enum app_say waitexten(struct dp *dp, struct span args)
{
	struct playing *s = dp_state(dp);
	struct span tone = option_value(dp_arg(args, 1), 'd'), music = option_value(dp_arg(args, 1), 'm');
	const struct conf_moh *class = music.p ? conf_moh(dp->chan->conf, music) : NULL;
	char text[32];
	double seconds;

	span_copy(dp_arg(args, 0), text, sizeof text);
	seconds = strtod(text, NULL);
	s->listens = s->waits = true;
	s->timeout = seconds > 0 && seconds <= 86400 ? (ms_t)(seconds * 1000) : dp->response_timeout;
	s->timeout = s->timeout ? s->timeout : EXTEN_TIMEOUT;
	span_copy(span_of(dp->ctx_name), s->context, sizeof s->context);
	if (tone.p && !play_tone(dp, tone))
		trace(EV_DP_WARN, dp->chan->name, "WaitExten: there is no tone '%.*s'", SP(tone));
	if (music.p)
		moh_play(dp->chan, class ? class : moh_class(dp->chan, NULL));
	dp_timer(dp, s->timeout);
	return APP_WAIT;
}

static enum app_say go(struct dp *dp, const char *exten)
{
	struct playing *s = dp_state(dp);
	char where[200];

	play_nothing(dp);
	snprintf(where, sizeof where, "%s,%s,1", s->context, exten);
	if (!dp_goto(dp, span_of(where)))
		return APP_HANGUP;
	forget_digits(dp);
	return APP_JUMP;
}

/* What was typed is complete, may go on, or fits nothing. */
static enum app_say on_digit(struct dp *dp, char digit)
{
	struct playing *s = dp_state(dp);
	size_t n = dp->digits ? strlen(dp->digits) : 0;
	const struct dp_call call = { span_of(dp->chan->caller_num), clock_wall(dp->chan->pbx->clock) };

	play_nothing(dp);
	s->rest = SPAN_NONE;
	if (!dp->digits)
		dp->digits = xcalloc(1, DP_DIGITS + 1);
	if (n < DP_DIGITS) {
		dp->digits[n] = digit;
		dp->digits[n + 1] = '\0';
	}
	switch (dp_could_match(&dp->conf->dialplan, span_of(s->context), span_of(dp->digits), &call)) {
	case DP_MATCH: return go(dp, dp->digits);
	case DP_MAY_GROW:
	case DP_TOO_SHORT:
		s->in_gap = true;
		dp_timer(dp, dp->digit_timeout ? dp->digit_timeout : DIGIT_TIMEOUT);
		return APP_WAIT;
	case DP_NO_MATCH: break;
	}
	return go(dp, dp->digits); /* becomes i, if there is one */
}

static bool is_exten(struct dp *dp, char digit)
{
	const struct playing *s = dp_state(dp);

	return dp_exists(dp->chan->pbx, dp->conf, span_of(s->context), (struct span){ &digit, 1 },
			 span_of(dp->chan->caller_num));
}

static enum app_say on_timeout(struct dp *dp)
{
	struct playing *s = dp_state(dp);

	if (dp->digits)
		return go(dp, dp->digits);
	if (!s->waits || dp_has_next(dp))
		return APP_NEXT;
	if (dp_exists(dp->chan->pbx, dp->conf, span_of(s->context), SPAN("t"), SPAN_NONE))
		return go(dp, "t");
	return APP_HANGUP;
}

enum app_say play_event(struct dp *dp, const struct chan_event *ev)
{
	struct playing *s = dp_state(dp);

	if (ev->kind == CH_DTMF && s->listens && (!s->one_digit || is_exten(dp, ev->digit)))
		return on_digit(dp, ev->digit);
	if (ev->kind == CH_TIMER)
		return on_timeout(dp);
	if (ev->kind != CH_PLAYED || s->waits || s->in_gap)
		return APP_WAIT;
	if (!ev->ok) {
		if (s->status)
			dp_set(dp, s->status, "FAILED");
		trace(EV_DP_WARN, dp->chan->name, "%s: a sound of '%s' could not be played", dp->app->name, s->files);
	}
	return next_file(dp);
}

void play_stop(struct dp *dp)
{
	struct playing *s = dp_state(dp);

	play_nothing(dp);
	free(s->files);
}

/* Playtones(tone): goes on while the dialplan does, until something else is played. */
static enum app_say playtones(struct dp *dp, struct span args)
{
	struct span name = dp_arg(args, 0);

	if (!name.n || !play_tone(dp, name))
		trace(EV_DP_WARN, dp->chan->name, "Playtones: there is no tone '%.*s'", SP(name));
	return APP_NEXT;
}

static enum app_say stopplaytones(struct dp *dp, struct span args UNUSED)
{
	play_nothing(dp);
	return APP_NEXT;
}

const struct app app_playtones = { .name = "Playtones",
				   .help = "Plays a tone while the dialplan goes on: dial, busy, congestion, ring.",
				   .start = playtones };
const struct app app_stopplaytones = { .name = "StopPlaytones", .help = "Ends the tone.", .start = stopplaytones };
const struct app app_playback = { .name = "Playback",
				  .help = "Plays files: Playback(a&b[,options]).",
				  .state_size = sizeof(struct playing),
				  .start = playback,
				  .event = play_event,
				  .stop = play_stop };
const struct app app_background = { .name = "Background",
				    .help = "Plays files and listens for an extension.",
				    .state_size = sizeof(struct playing),
				    .start = background,
				    .event = play_event,
				    .stop = play_stop };
const struct app app_waitexten = { .name = "WaitExten",
				   .help = "Waits for an extension: WaitExten([seconds][,d|m]).",
				   .state_size = sizeof(struct playing),
				   .start = waitexten,
				   .event = play_event,
				   .stop = play_stop };
