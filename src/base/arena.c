/* base/arena.c: a chain of blocks, the first of which holds the arena itself. */
#include "base/arena.h"

#include <stdlib.h>
#include <string.h>

struct block {
	struct block *next;
};

struct arena {
	char *at, *end;
	struct block *more; /* blocks after the first, newest first */
	unsigned next;      /* bytes of the next block */
	bool borrowed;      /* the first is the caller's */
};

#define ALIGN 16u
#define LEAST 4096u
#define MOST  (4u << 20) /* what is as large comes from the system, in huge pages, and goes back to it at once */

static size_t aligned(size_t n)
{
	return (n + ALIGN - 1) & ~(size_t)(ALIGN - 1);
}

struct arena *arena_new(size_t first)
{
	size_t head = aligned(sizeof(struct arena));
	struct arena *a = xmalloc(head + aligned(first));

	*a = (struct arena){ .at = (char *)a + head, .end = (char *)a + head + aligned(first), .next = LEAST };
	return a;
}

_Static_assert(sizeof(struct arena) <= ARENA_HEAD, "ARENA_HEAD is its size");

struct arena *arena_new_in(void *room, size_t n)
{
	struct arena *a = room;

	*a = (struct arena){ .at = (char *)a + ARENA_HEAD, .end = (char *)a + n / ALIGN * ALIGN, .next = LEAST };
	a->borrowed = true;
	return a;
}

void *arena_alloc(struct arena *a, size_t n)
{
	void *p;

	n = aligned(n ? n : 1);
	if ((size_t)(a->end - a->at) < n) {
		size_t head = aligned(sizeof(struct block)), size = MAX(n, a->next);
		struct block *b = xmalloc(head + size);

		b->next = a->more;
		a->more = b;
		a->next = MIN(a->next * 2, MOST);
		a->at = (char *)b + head;
		a->end = a->at + size;
	}
	p = a->at;
	a->at += n;
	return p;
}

void *arena_zero(struct arena *a, size_t n)
{
	return memset(arena_alloc(a, n), 0, n);
}

struct span arena_copy(struct arena *a, struct span s)
{
	char *p = arena_alloc(a, s.n + 1);

	if (s.n)
		memcpy(p, s.p, s.n);
	p[s.n] = '\0';
	return (struct span){ p, s.n };
}

char *arena_str(struct arena *a, struct span s)
{
	return (char *)arena_copy(a, s).p;
}

void arena_free(struct arena *a)
{
	if (!a)
		return;
	while (a->more) {
		struct block *b = a->more;

		a->more = b->next;
		free(b);
	}
	if (!a->borrowed)
		free(a);
}
