/*
 * pbx/app_read.c: Read(variable[,files[,maxdigits[,options[,attempts[,timeout]]]]]): digits into a variable, until a
 * terminator, as many as wanted, or silence. A digit ends the prompt and is the first of them.
 */
#include <stdlib.h>
#include <string.h>

#include "base/trace.h"
#include "pbx/play.h"

#define DIGITS_MAX    255
#define FIRST_TIMEOUT 10000
#define NEXT_TIMEOUT  5000

struct reading {
	char *variable, *files;
	struct span rest;
	char digits[DIGITS_MAX + 1], ends[20];
	size_t n, most;
	uint32_t attempts;    /* that are left */
	bool tone, keeps_end; /* options i, e */
	ms_t first, next;
	const char *status;
};

static enum app_say done(struct dp *dp, const char *status)
{
	struct reading *s = dp_state(dp);

	s->status = status;
	s->digits[s->n] = '\0';
	dp_assign(dp, span_of(s->variable), span_of(s->digits));
	return APP_NEXT;
}

/* The prompt goes on, or has ended: then digits are waited for. */
static enum app_say prompt(struct dp *dp)
{
	struct reading *s = dp_state(dp);

	if (s->tone) {
		if (!play_tone(dp, s->rest))
			trace(EV_DP_WARN, dp->chan->name, "Read: there is no tone '%.*s'", SP(s->rest));
	} else if (play_next(dp->chan, &s->rest, "")) {
		return APP_WAIT;
	}
	dp_timer(dp, s->first);
	return APP_WAIT;
}

static enum app_say attempt(struct dp *dp)
{
	struct reading *s = dp_state(dp);

	s->n = 0;
	s->rest = span_of(s->files);
	return prompt(dp);
}

static enum app_say nothing_typed(struct dp *dp, const char *status)
{
	struct reading *s = dp_state(dp);

	return --s->attempts ? attempt(dp) : done(dp, status);
}

static void take_options(struct reading *s, struct span options, bool *skip, bool *no_answer)
{
	s->ends[0] = '#';
	for (size_t i = 0; i < options.n; i++) {
		struct span rest = span_from(options, i + 1), ends = SPAN_NONE;
		long close = span_chr(rest, ')');

		*skip |= options.p[i] == 's';
		*no_answer |= options.p[i] == 'n';
		s->tone |= options.p[i] == 'i';
		s->keeps_end |= options.p[i] == 'e';
		if (options.p[i] != 't')
			continue;
		if (rest.n && rest.p[0] == '(' && close > 0) {
			ends = span_sub(rest, 1, (size_t)close - 1);
			i += (size_t)close + 1;
		}
		span_copy(ends, s->ends, sizeof s->ends);
	}
}

static void take_timeouts(struct dp *dp, struct span text)
{
	struct reading *s = dp_state(dp);
	char copy[32];
	double seconds;

	span_copy(text, copy, sizeof copy);
	seconds = strtod(copy, NULL);
	s->first = dp->response_timeout ? dp->response_timeout : FIRST_TIMEOUT;
	s->next = dp->digit_timeout ? dp->digit_timeout : NEXT_TIMEOUT;
	if (seconds > 0 && seconds <= 86400)
		s->first = s->next = MAX((ms_t)(seconds * 1000), 1);
}

static enum app_say start(struct dp *dp, struct span args)
{
	struct reading *s = dp_state(dp);
	bool skip = false, no_answer = false;
	uint32_t n;

	s->status = "ERROR";
	s->variable = span_dup(dp_arg(args, 0));
	s->files = span_dup(dp_arg(args, 1));
	if (!s->variable[0]) {
		trace(EV_DP_WARN, dp->chan->name, "Read needs the name of a variable");
		return APP_NEXT;
	}
	s->most = span_u32(dp_arg(args, 2), DIGITS_MAX, &n) && n ? n : DIGITS_MAX;
	take_options(s, dp_arg(args, 3), &skip, &no_answer);
	s->attempts = span_u32(dp_arg(args, 4), 1000, &n) && n ? n : 1;
	take_timeouts(dp, dp_arg(args, 5));
	if (dp->chan->state != CHAN_UP && skip) {
		s->status = "SKIPPED";
		dp_assign(dp, span_of(s->variable), SPAN(""));
		return APP_NEXT;
	}
	if (no_answer)
		leg_progress(dp->chan);
	else if (leg_answer(dp->chan) < 0)
		return APP_HANGUP;
	return dp->chan->media ? attempt(dp) : APP_HANGUP;
}

static enum app_say on_digit(struct dp *dp, char digit)
{
	struct reading *s = dp_state(dp);

	play_nothing(dp);
	s->rest = SPAN_NONE;
	if (strchr(s->ends, digit)) {
		if (!s->n && s->keeps_end)
			s->digits[s->n++] = digit;
		return s->n ? done(dp, "OK") : nothing_typed(dp, "OK");
	}
	s->digits[s->n++] = digit;
	if (s->n >= s->most)
		return done(dp, "OK");
	dp_timer(dp, s->next);
	return APP_WAIT;
}

static enum app_say event(struct dp *dp, const struct chan_event *ev)
{
	struct reading *s = dp_state(dp);

	if (ev->kind == CH_DTMF)
		return on_digit(dp, ev->digit);
	if (ev->kind == CH_TIMER) {
		play_nothing(dp);
		return s->n ? done(dp, "TIMEOUT") : nothing_typed(dp, "TIMEOUT");
	}
	if (ev->kind != CH_PLAYED || s->n || s->tone)
		return APP_WAIT;
	if (!ev->ok)
		trace(EV_DP_WARN, dp->chan->name, "Read: a sound of '%s' could not be played", s->files);
	return prompt(dp);
}

static void stop(struct dp *dp)
{
	struct reading *s = dp_state(dp);

	play_nothing(dp);
	dp_set(dp, "READSTATUS", dp->chan->gone ? "HANGUP" : s->status);
	free(s->variable);
	free(s->files);
}

const struct app app_read = {
	.name = "Read",
	.help = "Digits into a variable: Read(name[,files[,max[,options[,attempts[,timeout]]]]]).",
	.state_size = sizeof(struct reading),
	.start = start,
	.event = event,
	.stop = stop
};
