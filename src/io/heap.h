/* io/heap.h: what the allocator holds for the process, and gives back after a rush. For main.c; one thread. */
#pragma once
#include "base/util.h"

struct heap {
	size_t seen;    /* bytes in use when memory was last given back */
	uintptr_t huge; /* up to here huge pages were asked for, or it begins here */
};

void heap_begin(struct heap *h);  /* from here on it grows in few steps, and shrinks when heap_tidy() says so */
void heap_tidy(struct heap *h);   /* gives back what is free, when it is worth the work */
void heap_settle(struct heap *h); /* asks for huge pages where it has grown large */
