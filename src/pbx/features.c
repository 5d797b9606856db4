/*
 * pbx/features.c: keys during a call. What one side presses is gathered until it is a code, or cannot become one. The
 * code of a blind transfer parts the two: the other hears music, and who pressed it types an extension of its context.
 * What is done is done from a timer: never within an event of the Dial that it may end.
 */
#include "pbx/features.h"

#include <stdlib.h>
#include <string.h>

#include "conf/features.h"
#include "pbx/match.h"
#include "pbx/play.h"
#include "pbx/transfer.h"

struct features {
	struct chan *caller;
	struct timer due;
	unsigned allowed[2];        /* the caller's, the callee's */
	char code[FEATURE_MAX + 1]; /* that is being pressed, by: */
	struct chan *by, *party;    /* NULL: nothing is going on */
	enum { CODE, ANNOUNCES, TYPES, SAYS_NO } state;
	unsigned attempts;
	struct span files; /* still to be played */
	char exten[DP_DIGITS + 1];
};

static const struct conf_features *conf_of(const struct features *f)
{
	return conf_features(f->caller->conf);
}

static void wait(struct features *f, ms_t delay)
{
	clock_in(f->caller->pbx->clock, &f->due, delay);
}

/* ---- typing an extension ---- */

static void say(struct features *f, const char *files)
{
	f->files = span_of(files);
	f->exten[0] = '\0';
	if (!play_next(f->by, &f->files, ""))
		wait(f, 0);
}

static void begin_transfer(struct features *f)
{
	bridge_part(f->by);
	moh_play(f->party, moh_class(f->party, f->by->ep->moh_suggest));
	f->state = ANNOUNCES;
	f->attempts = conf_of(f)->transferdialattempts;
	say(f, conf_of(f)->transferannouncesound);
}

static void begin_typing(struct features *f)
{
	f->state = TYPES;
	leg_play(f->by, &(struct media_play){ .source = SOURCE_TONE, .freq1 = 350, .freq2 = 440, .level_dbm0 = -19 });
	wait(f, (ms_t)(conf_of(f)->transferdigittimeout * 1000));
}

static void back_together(struct features *f)
{
	struct chan *by = f->by, *party = f->party;

	f->by = f->party = NULL;
	f->state = CODE;
	moh_stop(party);
	leg_play(by, &(struct media_play){ .source = SOURCE_NONE });
	bridge_join(f->caller, by == f->caller ? party : by);
}

static void send_away(struct features *f)
{
	struct chan *by = f->by, *party = f->party;
	char exten[sizeof f->exten];

	memcpy(exten, f->exten, sizeof exten);
	f->by = f->party = NULL;
	f->state = CODE;
	moh_stop(party);
	leg_play(by, &(struct media_play){ .source = SOURCE_NONE });
	transfer_blind(by, party, transfer_context(by), span_of(exten)); /* the Dial, and f, may be gone */
	chan_hangup(by, 16);
}

static void typed(struct features *f)
{
	const struct chan *to = f->party;

	if (f->exten[0] &&
	    dp_exists(to->pbx, dp_conf(to), transfer_context(f->by), span_of(f->exten), span_of(to->caller_num))) {
		send_away(f);
		return;
	}
	f->attempts--;
	f->state = f->attempts ? ANNOUNCES : SAYS_NO;
	say(f, f->attempts ? conf_of(f)->transferretrysound : conf_of(f)->transferinvalidsound);
}

static void type(struct features *f, char digit)
{
	const struct chan *to = f->party;
	const struct dp_call call = { span_of(to->caller_num), clock_wall(to->pbx->clock) };
	size_t n = strlen(f->exten);
	enum dp_more more;

	if (f->state == SAYS_NO || n == DP_DIGITS)
		return;
	if (!n) {
		f->files = SPAN_NONE;
		f->state = TYPES;
		leg_play(f->by, &(struct media_play){ .source = SOURCE_NONE });
	}
	f->exten[n] = digit;
	f->exten[n + 1] = '\0';
	more = dp_could_match(&dp_conf(to)->dialplan, transfer_context(f->by), span_of(f->exten), &call);
	wait(f, more == DP_MATCH || more == DP_NO_MATCH ? 0 : (ms_t)(conf_of(f)->transferdigittimeout * 1000));
}

/* ---- codes ---- */

static bool is_it(const char *code, const char *pressed, bool *longer)
{
	size_t n = strlen(pressed);

	if (!*code || strncmp(code, pressed, n) != 0)
		return false;
	*longer |= code[n] != '\0';
	return code[n] == '\0';
}

/* What the keys are a code for; *longer: they may become one. */
static unsigned code_of(const struct features *f, bool *longer)
{
	const struct conf_features *c = conf_of(f);
	unsigned may = f->allowed[f->by != f->caller], is = 0;

	*longer = false;
	if (may & FEATURE_DISCONNECT && is_it(c->disconnect, f->code, longer))
		is = FEATURE_DISCONNECT;
	if (may & FEATURE_TRANSFER && is_it(c->blindxfer, f->code, longer))
		is = FEATURE_TRANSFER;
	return is;
}

static void run_code(struct features *f)
{
	bool longer;
	unsigned is = code_of(f, &longer);

	f->code[0] = '\0';
	if (is == FEATURE_DISCONNECT)
		chan_hangup(f->by, 16);
	else if (is == FEATURE_TRANSFER && transfer_party(f->by) == f->party)
		begin_transfer(f);
	else
		f->by = f->party = NULL;
}

static void press(struct features *f, struct chan *by, struct chan *party, char digit)
{
	size_t n;
	bool longer;

	if (f->by != by)
		f->code[0] = '\0';
	f->by = by;
	f->party = party;
	n = strlen(f->code);
	if (n == FEATURE_MAX)
		n = 0;
	f->code[n] = digit;
	f->code[n + 1] = '\0';
	if (!code_of(f, &longer) && !longer) { /* perhaps it begins one */
		f->code[0] = digit;
		f->code[1] = '\0';
	}
	if (code_of(f, &longer) || longer)
		wait(f, longer ? conf_of(f)->featuredigittimeout : 0);
	else
		f->code[0] = '\0';
}

/* ---- events ---- */

static void due(struct timer *t, ms_t now UNUSED)
{
	struct features *f = container_of(t, struct features, due);

	if (!f->by || f->by->gone || f->party->gone)
		return;
	switch (f->state) {
	case CODE: run_code(f); break;
	case ANNOUNCES: begin_typing(f); break;
	case TYPES: typed(f); break;
	case SAYS_NO: back_together(f); break;
	}
}

void features_allow(struct features **f, struct chan *caller, bool callee, unsigned what)
{
	if (!*f) {
		*f = xcalloc(1, sizeof **f);
		(*f)->caller = caller;
		(*f)->due.fire = due;
	}
	(*f)->allowed[callee] |= what;
}

void features_digit(struct features *f, struct chan *by, struct chan *party, char digit)
{
	if (!f)
		return;
	if (f->state == CODE)
		press(f, by, party, digit);
	else if (by == f->by)
		type(f, digit);
}

void features_played(struct features *f, const struct chan *by)
{
	if (!f || f->state == CODE || f->state == TYPES || by != f->by)
		return;
	if (!play_next(f->by, &f->files, ""))
		wait(f, 0);
}

void features_forget(struct features *f)
{
	if (!f)
		return;
	clock_stop(f->caller->pbx->clock, &f->due);
	f->by = f->party = NULL;
	f->state = CODE;
	f->code[0] = '\0';
}

void features_moved(struct features *f, struct chan *caller)
{
	if (f)
		f->caller = caller;
}

void features_free(struct features **fp)
{
	struct features *f = *fp;

	*fp = NULL;
	if (!f)
		return;
	clock_stop(f->caller->pbx->clock, &f->due);
	if (f->state != CODE && f->party && !f->party->gone)
		moh_stop(f->party);
	free(f);
}
