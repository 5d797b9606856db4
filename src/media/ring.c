/*
 * media/ring.c: a single-producer single-consumer queue as a chain of blocks. The producer fills a slot and then raises
 * `filled`; the consumer reads `filled` and then the slot. A full block gets a successor; the consumer frees the blocks
 * that it has emptied. That is the whole protocol: one release store per push, one acquire load per pop.
 */
#include "media/ring.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES 1000
#define SLOTS_LEAST 24 /* of large items */

struct ring_block {
	_Atomic(struct ring_block *) next;
	atomic_uint filled;
	_Alignas(16) unsigned char items[];
};

static struct ring_block *block_new(const struct ring *r)
{
	struct ring_block *b = xmalloc(sizeof *b + (size_t)r->slots * r->size);

	atomic_init(&b->filled, 0);
	atomic_init(&b->next, NULL);
	return b;
}

void ring_init(struct ring *r, size_t item_size)
{
	r->size = (unsigned)item_size;
	r->slots = MAX(BLOCK_BYTES / r->size, SLOTS_LEAST);
	r->head = r->tail = block_new(r);
	r->taken = 0;
	atomic_init(&r->depth, 0);
}

void ring_free(struct ring *r)
{
	BUG_ON(ring_depth(r) != 0);
	free(r->head);
	r->head = r->tail = NULL;
}

void ring_put(struct ring *r, const void *item)
{
	struct ring_block *b = r->tail;
	unsigned at = atomic_load_explicit(&b->filled, memory_order_relaxed);

	if (at == r->slots) {
		struct ring_block *next = block_new(r);

		r->tail = next;
		atomic_store_explicit(&b->next, next, memory_order_release); /* b may be freed from here on */
		b = next;
		at = 0;
	}
	memcpy(b->items + (size_t)at * r->size, item, r->size);
	atomic_fetch_add_explicit(&r->depth, 1, memory_order_relaxed);
	atomic_store_explicit(&b->filled, at + 1, memory_order_release);
}

bool ring_take(struct ring *r, void *item)
{
	struct ring_block *b = r->head;

	if (r->taken == r->slots) {
		struct ring_block *next = atomic_load_explicit(&b->next, memory_order_acquire);

		if (!next)
			return false;
		free(b);
		r->head = b = next;
		r->taken = 0;
	}
	if (r->taken == atomic_load_explicit(&b->filled, memory_order_acquire))
		return false;
	atomic_fetch_sub_explicit(&r->depth, 1, memory_order_relaxed);
	memcpy(item, b->items + (size_t)r->taken++ * r->size, r->size);
	return true;
}

unsigned ring_depth(const struct ring *r)
{
	return atomic_load_explicit(&r->depth, memory_order_relaxed);
}
