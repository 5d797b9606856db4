/*
 * base/spares.h: a deeper cache in front of the allocator's own, for what comes and goes with each call: a block that
 * was given back is handed out again while it is still warm, the latest first, and nobody looks at its neighbours. One
 * owner; no thread but the owner's.
 */
#pragma once
#include "base/util.h"

#define SPARES_SIZES 128 /* in steps of 16 bytes */

struct spares {
	struct spare *first[SPARES_SIZES];
	uint16_t n[SPARES_SIZES];
};

void *spares_take(struct spares *s, size_t n); /* as xmalloc(n); free() may have it, too */
void *spares_zero(struct spares *s, size_t n); /* the same, zeroed */
void spares_give(struct spares *s, void *p);   /* what xmalloc() or the above returned; NULL is fine */
void spares_free(struct spares *s);            /* all that lie here go back to the allocator */
