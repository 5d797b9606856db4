/*
 * pbx/dial_limit.c: Dial's option L(ms:warn_ms:repeat_ms): how long a call may last, and who hears that it will end, as
 * the LIMIT_… variables of the caller have it. Who hears something does not hear the other meanwhile.
 */
#include <stdlib.h>

#include "pbx/dial.h"
#include "pbx/play.h"

#define LONGEST_WORD 10000 /* ms: what is said at the end holds the call up no longer */

struct dial_limit {
	ms_t ends, warn, again; /* warn: ms before the end; again: between two warnings; 0: none */
	ms_t next;              /* warning; 0: none follows */
	bool over;              /* the last word is being said */
	struct {
		char *files; /* NULL: nothing is being said */
		struct span rest;
	} says[2]; /* to the caller, to the callee */
};

struct dial_limit *limit_new(struct span more)
{
	struct dial_limit *l = xcalloc(1, sizeof *l);
	struct span one;
	uint32_t n;

	if (span_cut(&more, ':', &one) && span_u32(one, UINT32_MAX, &n))
		l->warn = n;
	if (span_cut(&more, ':', &one) && span_u32(one, UINT32_MAX, &n))
		l->again = n;
	return l;
}

void limit_free(struct dial_limit *l)
{
	if (!l)
		return;
	free(l->says[0].files);
	free(l->says[1].files);
	free(l);
}

static const char *set(const struct dial *s, const char *name)
{
	const char *v = vars_get(&s->dp->chan->vars, span_of(name));

	return v ? v : "";
}

static bool hears(const struct dial *s, bool callee)
{
	const char *v = set(s, callee ? "LIMIT_PLAYAUDIO_CALLEE" : "LIMIT_PLAYAUDIO_CALLER");

	return v[0] ? span_iis(span_of(v), "yes") : !callee;
}

/* In place of what is being said. False: nobody hears anything. */
static bool say(struct dial *s, struct span files)
{
	struct dial_limit *l = s->ends;
	bool any = false;

	for (int i = 0; i < 2 && files.n; i++) {
		struct chan *c = i ? s->with : s->dp->chan;

		if (!hears(s, i) || !c->media)
			continue;
		free(l->says[i].files);
		l->says[i].files = span_dup(files);
		l->says[i].rest = span_of(l->says[i].files);
		any |= play_next(c, &l->says[i].rest, "");
	}
	return any;
}

/* What is left, in minutes and seconds, unless LIMIT_WARNING_FILE says it. */
static void warn(struct dial *s, ms_t left)
{
	struct out files = out_growing();
	unsigned seconds = (unsigned)((left + 500) / 1000);
	const char *own = set(s, "LIMIT_WARNING_FILE");

	if (own[0]) {
		say(s, span_of(own));
		return;
	}
	out_str(&files, "vm-youhave");
	if (seconds >= 60) {
		play_out_number(&files, seconds / 60);
		out_str(&files, "&queue-minutes");
	}
	if (seconds % 60) {
		play_out_number(&files, seconds % 60);
		out_str(&files, "&queue-seconds");
	}
	say(s, out_look(&files));
	out_free(&files);
}

static void arm(struct dial *s, ms_t now)
{
	const struct dial_limit *l = s->ends;

	dp_timer(s->dp, (l->next ? MIN(l->next, l->ends) : l->ends) - now);
}

void limit_begin(struct dial *s)
{
	struct dial_limit *l = s->ends;
	ms_t now = s->dp->chan->pbx->clock->now;

	l->ends = now + s->limit;
	l->next = l->warn && l->warn < s->limit ? l->ends - l->warn : 0;
	say(s, span_of(set(s, "LIMIT_CONNECT_FILE")));
	arm(s, now);
}

bool limit_due(struct dial *s)
{
	struct dial_limit *l = s->ends;
	ms_t now = s->dp->chan->pbx->clock->now;

	if (l->over)
		return true;
	if (now >= l->ends) {
		l->over = say(s, span_of(set(s, "LIMIT_TIMEOUT_FILE")));
		dp_timer(s->dp, LONGEST_WORD);
		return !l->over;
	}
	l->next = l->again && now + l->again < l->ends ? now + l->again : 0;
	warn(s, l->ends - now);
	arm(s, now);
	return false;
}

bool limit_played(struct dial *s, const struct chan *c)
{
	struct dial_limit *l = s->ends;
	int i = c != s->dp->chan;
	struct chan *to = i ? s->with : s->dp->chan;

	if (!l->says[i].files)
		return false;
	if (play_next(to, &l->says[i].rest, ""))
		return false;
	free(l->says[i].files);
	l->says[i].files = NULL;
	moh_look(to); /* it may have been on hold */
	return l->over && !l->says[!i].files;
}
