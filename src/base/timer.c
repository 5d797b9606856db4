/*
 * base/timer.c: a hierarchical wheel. Level 0 has a slot for each of the next 256 ms; a slot of each level above holds
 * what is due within one whole turn of the level below, and is spread out over it when that turn begins. A bit for each
 * slot says whether anything is in it, so that empty time is skipped.
 */
#include "base/timer.h"

#include <stdlib.h>
#include <string.h>

#define DUE  UINT16_MAX
#define BITS 8 /* of the time, for each level */

static unsigned turn_of(ms_t at, unsigned level)
{
	return (unsigned)(at >> (level * BITS)) & (TIMER_SLOTS - 1);
}

static void mark(struct timers *ts, unsigned slot, bool used)
{
	uint64_t *word = &ts->used[slot / TIMER_SLOTS][slot % TIMER_SLOTS / 64], bit = 1ull << (slot % 64);

	*word = used ? *word | bit : *word & ~bit;
}

static void put(struct timers *ts, struct timer *t)
{
	ms_t at = MAX(t->at, ts->base), far = ts->base + (1ll << (TIMER_LEVELS * BITS)) - 1;
	unsigned level = 0, slot;

	at = MIN(at, far); /* later than the wheel reaches: it is put again when it comes round */
	while (level < TIMER_LEVELS - 1 && (at - ts->base) >> ((level + 1) * BITS))
		level++;
	slot = level * TIMER_SLOTS + turn_of(at, level);
	list_push(&ts->slots[slot], &t->link);
	t->slot = slot + 1;
	mark(ts, slot, true);
	ts->next = MIN(ts->next, at);
}

void timer_take(struct timers *ts, struct timer *t)
{
	unsigned slot = t->slot;

	list_del(&t->link);
	t->slot = 0;
	if (slot == DUE)
		return;
	ts->n--;
	ts->found = ts->found && ts->n && t->at > ts->next;
	if (list_empty(&ts->slots[slot - 1]))
		mark(ts, slot - 1, false);
}

void timer_set(struct timers *ts, struct timer *t, ms_t at)
{
	BUG_ON(!t->fire);
	timer_stop(ts, t);
	if (!ts->slots) {
		ts->slots = xmalloc(TIMER_LEVELS * TIMER_SLOTS * sizeof ts->slots[0]);
		for (unsigned i = 0; i < TIMER_LEVELS * TIMER_SLOTS; i++)
			list_init(&ts->slots[i]);
	}
	t->at = MIN(at, TIMER_FARTHEST);
	ts->n++;
	put(ts, t);
}

/* How many slots from `from` on, round the end, until one is used; TIMER_SLOTS: none is. */
static unsigned next_used(const struct timers *ts, unsigned level, unsigned from)
{
	const uint64_t *w = ts->used[level];

	for (unsigned i = 0; i <= TIMER_SLOTS / 64; i++) {
		unsigned word = (from / 64 + i) % (TIMER_SLOTS / 64);
		uint64_t bits = w[word];

		if (i == 0)
			bits &= ~0ull << from % 64;
		else if (i == TIMER_SLOTS / 64)
			bits &= ~(~0ull << from % 64);
		if (bits)
			return (word * 64 + (unsigned)__builtin_ctzll(bits) - from) % TIMER_SLOTS;
	}
	return TIMER_SLOTS;
}

static ms_t find_next(const struct timers *ts)
{
	ms_t next = MS_NEVER;

	for (unsigned level = 0; ts->n && level < TIMER_LEVELS; level++) {
		ms_t turn =
			(ts->base >> (level * BITS)) + (level > 0); /* the present slot above level 0 is spread out */
		unsigned ahead;

		if (next <= turn << (level * BITS))
			break; /* all that is from here on is later */
		ahead = next_used(ts, level, (unsigned)turn & (TIMER_SLOTS - 1));

		if (ahead < TIMER_SLOTS)
			next = MIN(next, (turn + ahead) << (level * BITS));
	}
	return next;
}

/* Looked for only when the first may have gone since the last time. */
ms_t timers_next(struct timers *ts)
{
	if (!ts->found)
		ts->next = find_next(ts);
	ts->found = true;
	return ts->next;
}

/* A turn of the level below begins: what is due in it is put where it belongs. */
static void spread(struct timers *ts, unsigned level)
{
	unsigned slot = level * TIMER_SLOTS + turn_of(ts->base, level);
	struct list *from = &ts->slots[slot], all;

	if (list_empty(from))
		return;
	list_init(&all);
	while (!list_empty(from)) {
		struct list *n = from->next;

		list_del(n);
		list_push(&all, n);
	}
	mark(ts, slot, false);
	while (!list_empty(&all)) {
		struct timer *t = list_entry(all.next, struct timer, link);

		list_del(&t->link);
		put(ts, t);
	}
}

static void advance(struct timers *ts, ms_t to)
{
	ms_t from = ts->base;

	ts->base = to;
	for (unsigned level = TIMER_LEVELS - 1; level > 0; level--)
		if (from >> (level * BITS) != to >> (level * BITS))
			spread(ts, level);
}

static void take_due(struct timers *ts, struct list *due)
{
	unsigned slot = turn_of(ts->base, 0);

	while (!list_empty(&ts->slots[slot])) {
		struct timer *t = list_entry(ts->slots[slot].next, struct timer, link);

		list_del(&t->link);
		list_push(due, &t->link);
		t->slot = DUE;
		ts->n--;
	}
	mark(ts, slot, false);
	ts->found = false;
}

void timers_run(struct timers *ts, ms_t now)
{
	struct list due;
	ms_t next;

	list_init(&due);
	while ((next = timers_next(ts)) <= now) {
		if (next > ts->base)
			advance(ts, next);
		take_due(ts, &due);
	}
	if (ts->n && now > ts->base)
		advance(ts, now); /* nothing is due in between */
	ts->base = MAX(ts->base, now);
	while (!list_empty(&due)) {
		struct timer *t = list_entry(due.next, struct timer, link);

		list_del(&t->link);
		t->slot = 0;
		t->fire(t, now);
	}
}

void timers_free(struct timers *ts)
{
	free(ts->slots);
	*ts = (struct timers){ 0 };
}
