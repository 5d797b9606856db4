/*
 * base/table.c: open addressing with linear probing. At most two thirds of the slots are taken. What is taken out
 * leaves no mark: those behind it that probed past its slot move up.
 */
#include "base/table.h"

#include <stdlib.h>

#define LEAST 16
#define STAYS 64 /* so many slots do not go back before the table goes: most have few items, and often none */

static void put(struct table *t, struct table_slot s)
{
	size_t i = s.hash;

	while (t->slots[i & (t->cap - 1)].item)
		i++;
	t->slots[i & (t->cap - 1)] = s;
}

static void resize(struct table *t, size_t cap)
{
	struct table old = *t;

	t->cap = cap;
	t->slots = xcalloc(cap, sizeof t->slots[0]);
	for (size_t i = 0; i < old.cap; i++)
		if (old.slots[i].item)
			put(t, old.slots[i]);
	free(old.slots);
}

void table_add(struct table *t, uint64_t hash, void *item)
{
	BUG_ON(!item);
	if (t->n + 1 > t->cap / 3 * 2)
		resize(t, MAX(t->cap * 2, (size_t)LEAST));
	else if (t->cap > STAYS && t->n < t->cap / 16)
		resize(t, t->cap / 4);
	put(t, (struct table_slot){ hash, item });
	t->n++;
}

void table_del(struct table *t, uint64_t hash, const void *item)
{
	size_t mask = t->cap - 1, hole = hash & mask;

	BUG_ON(!t->n);
	while (t->slots[hole].item != item) {
		BUG_ON(!t->slots[hole].item);
		hole = (hole + 1) & mask;
	}
	for (size_t i = (hole + 1) & mask; t->slots[i].item; i = (i + 1) & mask) {
		size_t home = t->slots[i].hash & mask;

		if (((i - home) & mask) < ((i - hole) & mask)) /* its home is behind the hole */
			continue;
		t->slots[hole] = t->slots[i];
		hole = i;
	}
	t->slots[hole].item = NULL;
	if (!--t->n && t->cap > STAYS)
		table_free(t);
}

void table_free(struct table *t)
{
	free(t->slots);
	*t = (struct table){ 0 };
}

void *table_each(const struct table *t, struct table_walk *w)
{
	if (w->last && w->at < t->cap && t->slots[w->at].item == w->last)
		w->at++; /* it is still there: else another may have moved up */
	while (w->at < t->cap && !t->slots[w->at].item)
		w->at++;
	w->last = w->at < t->cap ? t->slots[w->at].item : NULL;
	return (void *)(uintptr_t)w->last;
}
