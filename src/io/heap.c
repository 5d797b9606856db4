/*
 * io/heap.c: glibc's allocator keeps what was freed. Most of it malloc_trim() gives back. But the last pieces of each
 * size that a thread has freed count as if they were in use; after a rush they lie far apart, and each holds a page.
 * A thread that ends gives its own back: so one takes ours, and ends.
 */
#include "io/heap.h"

#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <uv.h>

#define STEP  (1 << 20)
#define SLACK (64 << 20)
#define LEAST (256u << 10) /* free bytes that are worth the work */
#define BINS  64           /* of a thread's cache: pieces of 24, 40, ... bytes, */
#define EACH  7            /* so many of each */

struct cached {
	void *pieces[BINS][EACH];
};

static void give_back(void *arg)
{
	struct cached *c = arg;

	for (size_t i = 0; i < BINS; i++)
		for (size_t j = 0; j < EACH; j++)
			free(c->pieces[i][j]);
}

static void empty_cache(void)
{
	struct cached c;
	sigset_t all, before;
	uv_thread_t thread;
	int err;

	for (size_t i = 0; i < BINS; i++)
		for (size_t j = 0; j < EACH; j++)
			c.pieces[i][j] = xmalloc(24 + 16 * i);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the main thread's */
	err = uv_thread_create(&thread, give_back, &c);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (err)
		give_back(&c);
	else
		uv_thread_join(&thread);
}

void heap_begin(void)
{
	mallopt(M_TOP_PAD, STEP);
	mallopt(M_TRIM_THRESHOLD, SLACK);
}

void heap_tidy(size_t *seen)
{
	struct mallinfo2 m = mallinfo2();

	if (m.uordblks == *seen || m.fordblks <= LEAST || m.fordblks <= m.arena / 4)
		return;
	for (int i = 0; i < 2; i++) { /* taking pieces fills the cache with some of their neighbours */
		empty_cache();
		malloc_trim(0);
	}
	*seen = mallinfo2().uordblks;
}
