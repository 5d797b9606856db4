/*
 * base/fifo.c: a chain of blocks, each large enough for the allocator to map by itself. Of the first, only pages that
 * were used are there; at most one block at each end holds what is gone or has not come yet. A block that has gone is
 * the next one that is needed: the system would have to map and clear each again. The last piece takes it along.
 */
#include "base/fifo.h"

#include <stdlib.h>

#define BLOCK ((size_t)128 << 10)
#define ALIGN 8u
#define USUAL (BLOCK - sizeof(struct fifo_block))

struct fifo_block {
	struct fifo_block *next;
	size_t from, to, size; /* pieces are between from and to */
	char bytes[];
};

static size_t aligned(size_t n)
{
	return (n + ALIGN - 1) / ALIGN * ALIGN;
}

static struct fifo_block *block_with(struct fifo *f, size_t room)
{
	size_t size = MAX(room, USUAL);
	struct fifo_block *b = f->last;

	if (b && b->size - b->to >= room)
		return b;
	if (f->spare && size == USUAL) {
		b = f->spare;
		f->spare = NULL;
	} else {
		b = xmalloc(sizeof *b + size);
	}
	*b = (struct fifo_block){ .size = size };
	if (f->last)
		f->last->next = b;
	else
		f->first = b;
	f->last = b;
	return b;
}

void *fifo_add(struct fifo *f, size_t n)
{
	struct fifo_block *b = block_with(f, aligned(n));
	void *p = b->bytes + b->to;

	b->to += aligned(n);
	return p;
}

void *fifo_head(const struct fifo *f)
{
	return f->first ? f->first->bytes + f->first->from : NULL;
}

void *fifo_next(const struct fifo *f, const void *piece, size_t n)
{
	size_t at = (size_t)((const char *)piece - f->first->bytes) + aligned(n);

	return at < f->first->to ? f->first->bytes + at : NULL;
}

void fifo_drop(struct fifo *f, size_t n)
{
	struct fifo_block *b = f->first;

	b->from += aligned(n);
	if (b->from < b->to)
		return;
	f->first = b->next;
	if (f->first && !f->spare && b->size == USUAL) {
		f->spare = b;
		return;
	}
	free(b);
	if (f->first)
		return;
	f->last = NULL;
	free(f->spare);
	f->spare = NULL;
}
