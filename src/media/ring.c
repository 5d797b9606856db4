/*
 * media/ring.c: a single-producer single-consumer queue as a chain of blocks. The producer fills a slot and then raises
 * `filled`; the consumer reads `filled` and then the slot. A full block gets a successor; the consumer frees the blocks
 * that it has emptied. That is the whole protocol: one release store per push, one acquire load per pop.
 */
#include "media/ring.h"

#include <stdlib.h>

#define BLOCK_SLOTS 125

struct ring_block {
	void *slots[BLOCK_SLOTS];
	atomic_uint filled;
	_Atomic(struct ring_block *) next;
};

static struct ring_block *block_new(void)
{
	struct ring_block *b = xcalloc(1, sizeof *b);

	atomic_init(&b->filled, 0);
	atomic_init(&b->next, NULL);
	return b;
}

void ring_init(struct ring *r)
{
	r->head = r->tail = block_new();
	r->taken = 0;
	atomic_init(&r->depth, 0);
}

void ring_free(struct ring *r)
{
	BUG_ON(ring_depth(r) != 0);
	free(r->head);
	r->head = r->tail = NULL;
}

void ring_push(struct ring *r, void *item)
{
	struct ring_block *b = r->tail;
	unsigned at = atomic_load_explicit(&b->filled, memory_order_relaxed);

	if (at == BLOCK_SLOTS) {
		struct ring_block *next = block_new();

		r->tail = next;
		atomic_store_explicit(&b->next, next, memory_order_release); /* b may be freed from here on */
		b = next;
		at = 0;
	}
	b->slots[at] = item;
	atomic_fetch_add_explicit(&r->depth, 1, memory_order_relaxed);
	atomic_store_explicit(&b->filled, at + 1, memory_order_release);
}

void *ring_pop(struct ring *r)
{
	struct ring_block *b = r->head;

	if (r->taken == BLOCK_SLOTS) {
		struct ring_block *next = atomic_load_explicit(&b->next, memory_order_acquire);

		if (!next)
			return NULL;
		free(b);
		r->head = b = next;
		r->taken = 0;
	}
	if (r->taken == atomic_load_explicit(&b->filled, memory_order_acquire))
		return NULL;
	atomic_fetch_sub_explicit(&r->depth, 1, memory_order_relaxed);
	return b->slots[r->taken++];
}

unsigned ring_depth(const struct ring *r)
{
	return atomic_load_explicit(&r->depth, memory_order_relaxed);
}
