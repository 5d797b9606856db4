/*
 * base/spares.c: lists of free blocks by the size that the allocator has made them: a block of list i holds
 * 16 i - 8 bytes or more. Under the address sanitizer nothing is kept, so that it sees each use after free.
 */
#include "base/spares.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#define STEP 16
#define HEAD 8   /* that the allocator writes before each block */
#define MOST 256 /* of one size */

#if defined(__SANITIZE_ADDRESS__)
#define KEEPS 0
#elif defined(__has_feature)
#define KEEPS (!__has_feature(address_sanitizer))
#else
#define KEEPS 1
#endif

struct spare {
	struct spare *next;
};

void *spares_take(struct spares *s, size_t n)
{
	size_t i = (n + HEAD + STEP - 1) / STEP;
	struct spare *p = i < SPARES_SIZES ? s->first[i] : NULL;

	if (!p)
		return xmalloc(n);
	s->first[i] = p->next;
	s->n[i]--;
	return p;
}

void *spares_zero(struct spares *s, size_t n)
{
	return memset(spares_take(s, n), 0, n);
}

void spares_give(struct spares *s, void *block)
{
	size_t i = (malloc_usable_size(block) + HEAD) / STEP;
	struct spare *p = block;

	if (!p || !KEEPS || i >= SPARES_SIZES || s->n[i] == MOST) {
		free(p);
		return;
	}
	p->next = s->first[i];
	s->first[i] = p;
	s->n[i]++;
}

void spares_free(struct spares *s)
{
	for (size_t i = 0; i < SPARES_SIZES; i++)
		while (s->first[i]) {
			struct spare *p = s->first[i];

			s->first[i] = p->next;
			free(p);
		}
	*s = (struct spares){ 0 };
}
