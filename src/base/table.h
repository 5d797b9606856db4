/*
 * base/table.h: a hash table for what comes and goes in great numbers. It holds pointers beside their hashes, so that a
 * look-up touches one line of memory instead of a chain of items. Keys stay in the items: whoever looks compares them.
 * Hashes come well mixed; where peers choose the keys they are keyed, too (base/siphash.h). Zeroed it is empty, and it
 * owns nothing but its slots.
 */
#pragma once
#include "base/util.h"

struct table {
	struct table_slot {
		uint64_t hash;
		void *item; /* NULL: free */
	} * slots;
	size_t n, cap; /* items; slots: a power of two, or 0 */
};

void table_add(struct table *t, uint64_t hash, void *item);       /* there may be others with this hash */
void table_del(struct table *t, uint64_t hash, const void *item); /* it is in it */
void table_free(struct table *t);                                 /* its slots; it is empty then */

/* A look-up of this hash follows soon: its line comes into the cache. */
static inline void table_fetch(const struct table *t, uint64_t hash)
{
	if (t->cap)
		__builtin_prefetch(&t->slots[hash & (t->cap - 1)]);
}

/* The items with this hash, one after the other, NULL at the end; *at begins as the hash. */
static inline void *table_next(const struct table *t, uint64_t hash, size_t *at)
{
	size_t i = *at;

	if (!t->cap)
		return NULL;
	for (;; i++) {
		const struct table_slot *s = &t->slots[i & (t->cap - 1)];

		if (!s->item)
			return NULL;
		if (s->hash != hash)
			continue;
		*at = i + 1;
		return s->item;
	}
}

/*
 * All items, one after the other, NULL at the end; the walk begins zeroed. The item that was given last may be taken
 * out, others not, and none added; then one that was given before may come again.
 */
struct table_walk {
	size_t at;
	const void *last;
};
void *table_each(const struct table *t, struct table_walk *w);
