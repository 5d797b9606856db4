/* io/heap.h: what the allocator holds for the process, and gives back after a rush. For main.c; one thread. */
#pragma once
#include "base/util.h"

void heap_begin(void); /* from here on it grows in few steps, and shrinks when heap_tidy() says so */
/* Gives back what is free, when it is worth the work. *seen is the caller's, zeroed first: what was in use then. */
void heap_tidy(size_t *seen);
