/* base/arena.h: memory that is freed all at once. One owner; no thread but the owner's. */
#pragma once
#include "base/span.h"
#include "base/util.h"

struct arena;

struct arena *arena_new(size_t first); /* `first` bytes are in the same block as the arena itself */
/* The same in `room`, which outlives it, aligned for any type and of n bytes, more than ARENA_HEAD. */
struct arena *arena_new_in(void *room, size_t n);
#define ARENA_HEAD 32
void *arena_alloc(struct arena *a, size_t n); /* aligned for any type; not zeroed */
void *arena_zero(struct arena *a, size_t n);
struct span arena_copy(struct arena *a, struct span s); /* the copy is followed by a NUL */
char *arena_str(struct arena *a, struct span s);
void arena_free(struct arena *a); /* NULL is fine */
