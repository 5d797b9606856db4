/*
 * pbx/match.c: matching and ranking of extensions.
 *
 * A pattern is read unit by unit: a character, a class, a set, or one of the two tails. Each unit has a rank, the
 * number of characters it takes; of two patterns the one whose first different unit ranks lower is the better match.
 * That is the order in which Asterisk sorts a context, so looking for the best of all matches gives what it finds
 * first.
 */
#include "pbx/match.h"

#include <string.h>
#include <time.h>

#include "conf/when.h"

#define MAX_CONTEXTS 128 /* contexts looked into for one number: includes may be a web */

enum unit_kind { UNIT_SET, UNIT_DOT, UNIT_BANG, UNIT_END, UNIT_BROKEN };

struct unit {
	enum unit_kind kind;
	uint32_t bits[8]; /* UNIT_SET: which characters */
};

static void unit_add(struct unit *u, unsigned from, unsigned to)
{
	for (unsigned c = from; c <= to && c < 256; c++)
		u->bits[c / 32] |= 1u << c % 32;
}

static bool unit_has(const struct unit *u, char c)
{
	return u->bits[(unsigned char)c / 32] >> (unsigned char)c % 32 & 1;
}

/* The inside of [ ]: characters and ranges. False when ']' is missing. */
static bool take_set(struct span *p, struct unit *u)
{
	long end = span_chr(*p, ']');
	struct span in;

	if (end < 0)
		return false;
	in = span_sub(*p, 0, (size_t)end);
	*p = span_from(*p, (size_t)end + 1);
	while (in.n) {
		unsigned from = (unsigned char)in.p[0];
		bool range = in.n > 2 && in.p[1] == '-';

		unit_add(u, from, range ? (unsigned char)in.p[2] : from);
		in = span_from(in, range ? 3 : 1);
	}
	return true;
}

/* How many characters, then the first one. */
static unsigned rank_of(const struct unit *u)
{
	unsigned count = 0, first = 0;

	for (unsigned i = ARRAY_LEN(u->bits); i-- > 0;) {
		count += (unsigned)__builtin_popcount(u->bits[i]);
		if (u->bits[i])
			first = i * 32 + (unsigned)__builtin_ctz(u->bits[i]);
	}
	return count << 8 | first;
}

static struct unit take_unit(struct span *p)
{
	struct unit u = { .kind = UNIT_SET };
	char c;

	while (p->n && (p->p[0] == '-' || p->p[0] == ' '))
		*p = span_from(*p, 1);
	if (!p->n) {
		u.kind = UNIT_END;
		return u;
	}
	c = p->p[0];
	*p = span_from(*p, 1);
	switch (c) {
	case 'x':
	case 'X': unit_add(&u, '0', '9'); break;
	case 'z':
	case 'Z': unit_add(&u, '1', '9'); break;
	case 'n':
	case 'N': unit_add(&u, '2', '9'); break;
	case '.': u.kind = UNIT_DOT; break;
	case '!': u.kind = UNIT_BANG; break;
	case '[': u.kind = take_set(p, &u) ? UNIT_SET : UNIT_BROKEN; break;
	default: unit_add(&u, (unsigned char)c, (unsigned char)c); break;
	}
	return u;
}

/* ---- one against one ---- */

enum fit { FIT_NO, FIT_SHORT, FIT_EXACT, FIT_OPEN, FIT_FINAL };
/* SHORT: more is needed; EXACT: just this; OPEN: this and more ('.'); FINAL: this, and waiting is useless ('!') */

static struct span skip_dashes(struct span s)
{
	while (s.n && s.p[0] == '-')
		s = span_from(s, 1);
	return s;
}

static enum fit fit_name(struct span name, struct span number)
{
	for (;;) {
		name = skip_dashes(name);
		number = skip_dashes(number);
		if (!number.n)
			return name.n ? FIT_SHORT : FIT_EXACT;
		if (!name.n || name.p[0] != number.p[0])
			return FIT_NO;
		name = span_from(name, 1);
		number = span_from(number, 1);
	}
}

static enum fit fit_pattern(struct span pattern, struct span number)
{
	if (!span_take_char(&pattern, '_'))
		return fit_name(pattern, number);
	for (;;) {
		struct unit u = take_unit(&pattern);

		number = skip_dashes(number);
		if (u.kind == UNIT_BANG)
			return FIT_FINAL;
		if (u.kind == UNIT_DOT)
			return number.n ? FIT_OPEN : FIT_SHORT;
		if (u.kind == UNIT_END)
			return number.n ? FIT_NO : FIT_EXACT;
		if (!number.n && u.kind == UNIT_SET)
			return FIT_SHORT;
		if (u.kind == UNIT_BROKEN || !unit_has(&u, number.p[0]))
			return FIT_NO;
		number = span_from(number, 1);
	}
}

bool dp_matches(struct span pattern, struct span number)
{
	return fit_pattern(pattern, number) >= FIT_EXACT;
}

bool dp_ignored(const struct dp_context *c, struct span digits)
{
	for (size_t i = 0; i < c->ignorepat.n; i++)
		if (dp_matches(span_of(c->ignorepat.v[i]), digits))
			return true;
	return false;
}

/* ---- the better of two ---- */

static int cmp_patterns(struct span a, struct span b)
{
	struct unit x, y;

	do {
		x = take_unit(&a);
		y = take_unit(&b);
		if (x.kind != y.kind)
			return (int)x.kind - (int)y.kind;
		if (rank_of(&x) != rank_of(&y))
			return rank_of(&x) < rank_of(&y) ? -1 : 1;
	} while (x.kind == UNIT_SET);
	return 0;
}

/* Less than 0: a is looked at before b. */
static int cmp_extens(const struct dp_exten *a, const struct dp_exten *b)
{
	bool pattern_a = a->pattern[0] == '_', pattern_b = b->pattern[0] == '_';
	int r;

	if (pattern_a != pattern_b)
		return pattern_a - pattern_b;
	r = pattern_a ? cmp_patterns(span_of(a->pattern + 1), span_of(b->pattern + 1)) : 0;
	return r ? r : !*a->cid - !*b->cid;
}

/* ---- contexts ---- */

struct search {
	const struct conf_dialplan *d;
	struct span number;
	uint32_t hash; /* of it; 0: each name is to be looked at */
	const struct dp_call *call;
	int prio;          /* that it must have */
	struct span label; /* or this, where it is not empty */
	bool for_more;     /* what could match with more digits, instead of what matches */
	bool for_hint;     /* it must have a hint, whatever else */
	bool automatic;    /* a context with autohints was looked into */
	const struct dp_exten *found;
	const struct dp_context *where;
	const struct dp_context **seen; /* room for MAX_CONTEXTS */
	size_t n_seen;
};

static bool is_candidate(const struct search *s, const struct dp_exten *e)
{
	enum fit fit = fit_pattern(span_of(e->pattern), s->number);

	if (s->for_more ? fit == FIT_NO || fit == FIT_EXACT : fit < FIT_EXACT)
		return false;
	if (s->for_hint)
		return e->hint;
	if (s->label.n ? !dp_step_label(e, s->label) : !dp_step_at(e, s->prio))
		return false;
	return !*e->cid || (s->call->cid.n && dp_matches(span_of(e->cid), s->call->cid));
}

const char *dp_context_name(const struct conf_dialplan *d, struct span name)
{
	const struct dp_context *c = conf_context(d, name);

	return c ? c->name : NULL;
}

static bool seen_before(struct search *s, const struct dp_context *c)
{
	for (size_t i = 0; i < s->n_seen; i++)
		if (s->seen[i] == c)
			return true;
	if (s->n_seen == MAX_CONTEXTS)
		return true;
	s->seen[s->n_seen++] = c;
	return false;
}

static bool holds_now(const struct search *s, const char *times)
{
	time_t now = (time_t)(s->call->wall / 1000);
	struct tm at;
	bool wrong;

	return !*times || (localtime_r(&now, &at) && when_matches(span_of(times), &at, &wrong));
}

/* The first from number i on that may fit. Most have another name, and no text of theirs is looked at. */
static size_t next_exten(const struct dp_context *c, size_t i, uint32_t hash)
{
	while (hash && i < c->n_extens && c->hashes[i] && c->hashes[i] != hash)
		i++;
	return i;
}

/* Recursion is bounded by MAX_CONTEXTS: no context is entered twice. */
static bool search_context(struct search *s, struct span name)
{
	const struct dp_context *c = conf_context(s->d, name);

	if (!c || seen_before(s, c))
		return false;
	for (size_t i = 0; (i = next_exten(c, i, s->hash)) < c->n_extens; i++)
		if (is_candidate(s, &c->extens[i]) && (!s->found || cmp_extens(&c->extens[i], s->found) < 0))
			s->found = &c->extens[i];
	s->automatic |= c->autohints;
	if (s->found) {
		s->where = c;
		return true;
	}
	for (size_t i = 0; i < c->includes.n; i++)
		if (holds_now(s, c->include_times.v[i]) && search_context(s, span_of(c->includes.v[i])))
			return true;
	return false;
}

const struct dp_exten *dp_find(const struct conf_dialplan *d, struct span context, struct span exten,
			       const struct dp_call *call, const struct dp_context **where)
{
	const struct dp_context *seen[MAX_CONTEXTS];
	struct search s = {
		.d = d, .number = exten, .hash = dp_exten_hash(exten), .call = call, .prio = 1, .seen = seen
	};

	search_context(&s, context);
	if (where)
		*where = s.where;
	return s.found;
}

const struct dp_step *dp_find_step(const struct conf_dialplan *d, struct span context, struct span exten,
				   const struct dp_call *call, int prio)
{
	const struct dp_context *seen[MAX_CONTEXTS];
	struct search s = {
		.d = d, .number = exten, .hash = dp_exten_hash(exten), .call = call, .prio = prio, .seen = seen
	};

	return prio > 0 && search_context(&s, context) ? dp_step_at(s.found, prio) : NULL;
}

const struct dp_step *dp_find_label(const struct conf_dialplan *d, struct span context, struct span exten,
				    const struct dp_call *call, struct span label)
{
	const struct dp_context *seen[MAX_CONTEXTS];
	struct search s = {
		.d = d, .number = exten, .hash = dp_exten_hash(exten), .call = call, .label = label, .seen = seen
	};

	return label.n && search_context(&s, context) ? dp_step_label(s.found, label) : NULL;
}

const struct dp_step *dp_find_hint(const struct conf_dialplan *d, struct span context, struct span exten,
				   const struct dp_call *call, bool *automatic)
{
	const struct dp_context *seen[MAX_CONTEXTS];
	struct search s = {
		.d = d, .number = exten, .hash = dp_exten_hash(exten), .call = call, .for_hint = true, .seen = seen
	};

	search_context(&s, context);
	*automatic = s.automatic;
	return s.found ? s.found->hint : NULL;
}

enum dp_more dp_could_match(const struct conf_dialplan *d, struct span context, struct span digits,
			    const struct dp_call *call)
{
	const struct dp_context *seen[MAX_CONTEXTS];
	struct search s = { .d = d, .number = digits, .call = call, .prio = 1, .for_more = true, .seen = seen };
	bool now = dp_find(d, context, digits, call, NULL) != NULL;
	bool more = search_context(&s, context);

	if (more && fit_pattern(span_of(s.found->pattern), digits) == FIT_FINAL)
		more = false;
	if (now)
		return more ? DP_MAY_GROW : DP_MATCH;
	return more ? DP_TOO_SHORT : DP_NO_MATCH;
}

/* ---- steps ---- */

const struct dp_step *dp_step_at(const struct dp_exten *e, int prio)
{
	size_t low = 0, high = e->n_steps;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (e->steps[mid].prio == prio)
			return &e->steps[mid];
		if (e->steps[mid].prio < prio)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

const struct dp_step *dp_step_label(const struct dp_exten *e, struct span label)
{
	for (size_t i = 0; label.n && i < e->n_steps; i++)
		if (span_is(label, e->steps[i].label))
			return &e->steps[i];
	return NULL;
}
