/*
 * media/ring.h: the one contact between two threads: items put in by one, taken out by the other, in order. A chain of
 * blocks that hold the items themselves, so that a push never fails, never waits and seldom allocates. What an item
 * points to belongs to the consumer from then on.
 */
#pragma once
#include <stdatomic.h>

#include "base/util.h"

struct ring_block;
struct ring {
	unsigned size, slots;    /* of an item in bytes; of a block in items */
	struct ring_block *head; /* the consumer's */
	unsigned taken;
	_Alignas(64) struct ring_block *tail; /* the producer's */
	_Alignas(64) atomic_uint depth;
};

void ring_init(struct ring *r, size_t item_size);
void ring_free(struct ring *r);                  /* both threads are gone, and it is empty */
void ring_put(struct ring *r, const void *item); /* copies item_size bytes */
bool ring_take(struct ring *r, void *item);      /* the same out; false: empty */
unsigned ring_depth(const struct ring *r);       /* how many wait; either thread, approximate for both */

/* Of a ring whose items are pointers, none of them NULL. */
static inline void ring_push(struct ring *r, void *item)
{
	ring_put(r, &item);
}

static inline void *ring_pop(struct ring *r) /* NULL: empty */
{
	void *item;

	return ring_take(r, &item) ? item : NULL;
}
