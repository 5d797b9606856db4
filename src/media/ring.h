/*
 * media/ring.h: the one contact between two threads: pointers pushed by one, popped by the other, in order. A chain of
 * blocks, so that a push never fails and never waits. What is pushed belongs to the consumer from then on.
 */
#pragma once
#include <stdatomic.h>

#include "base/util.h"

struct ring_block;
struct ring {
	struct ring_block *head; /* the consumer's */
	unsigned taken;
	_Alignas(64) struct ring_block *tail; /* the producer's */
	_Alignas(64) atomic_uint depth;
};

void ring_init(struct ring *r);
void ring_free(struct ring *r);             /* both threads are gone, and it is empty */
void ring_push(struct ring *r, void *item); /* item is not NULL */
void *ring_pop(struct ring *r);             /* NULL: empty */
unsigned ring_depth(const struct ring *r);  /* how many wait; either thread, approximate for both */
