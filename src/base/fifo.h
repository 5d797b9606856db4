/*
 * base/fifo.h: memory for what goes in the order in which it came: pieces lie one behind the other in blocks. Taking
 * one moves a mark, and a block goes back when the last piece of it has gone. What lives longer never lies between
 * them, so nothing is left full of holes. One owner; no thread but the owner's.
 */
#pragma once
#include "base/util.h"

struct fifo {
	struct fifo_block *first, *last, *spare;
};

void *fifo_add(struct fifo *f, size_t n); /* n bytes behind all others, aligned for 8 bytes, not zeroed */
void *fifo_head(const struct fifo *f);    /* the oldest; NULL: there is none */
void fifo_drop(struct fifo *f, size_t n); /* the oldest, which has n bytes */
/* What follows a piece of n bytes in its block, which is the first; NULL: another block, or nothing. */
void *fifo_next(const struct fifo *f, const void *piece, size_t n);
