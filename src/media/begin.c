/* media/begin.c: the programs of the kernel path and of the shared sockets are loaded beside all else (begin.h). */
#include "media/begin.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>

static void say(struct begin *b, enum begin_what what)
{
	atomic_store(&b->done[what], true);
	eventfd_write(b->c.event_fd, 1);
}

static void *run(void *arg)
{
	struct begin *b = arg;

	if (b->c.want[BEGIN_SHARED]) {
		b->shared = shared_start(&b->c.shared, &b->why[BEGIN_SHARED]);
		say(b, BEGIN_SHARED);
	}
	if (b->c.want[BEGIN_KERNEL]) {
		b->kernel = kernel_start(&b->c.kernel, &b->why[BEGIN_KERNEL]);
		say(b, BEGIN_KERNEL);
	}
	return NULL;
}

struct begin *begin_new(const struct begin_config *c)
{
	struct begin *b = xcalloc(1, sizeof *b);
	sigset_t all, before;

	b->c = *c;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the main thread's */
	BUG_ON(pthread_create(&b->thread, NULL, run, b) != 0);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return b;
}

bool begin_take(struct begin *b, enum begin_what what)
{
	if (b->taken[what] || !atomic_load(&b->done[what]))
		return false;
	b->taken[what] = true;
	return true;
}

void begin_free(struct begin *b)
{
	pthread_join(b->thread, NULL);
	if (b->shared && !b->taken[BEGIN_SHARED])
		shared_stop(b->shared);
	if (b->kernel && !b->taken[BEGIN_KERNEL])
		kernel_stop(b->kernel);
	free(b);
}
