/*
 * media/loader.c: the thread that waits for the disk, so that neither signalling nor the workers do. A note with a
 * source goes in, the same note with the source loaded comes out.
 */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "media/priv.h"

struct loader {
	struct ring in, out;
	pthread_t thread;
	int wake, event_fd;
	struct sound *shelf; /* the thread's */
};

/* An empty note (no source) ends it. */
static void *run(void *arg)
{
	struct loader *l = arg;
	eventfd_t n;

	for (;;) {
		struct note *note = ring_pop(&l->in);

		if (!note) {
			eventfd_read(l->wake, &n); /* blocks */
			continue;
		}
		if (!note->source) {
			free(note);
			return NULL;
		}
		source_load(note->source, &l->shelf);
		ring_push(&l->out, note);
		eventfd_write(l->event_fd, 1);
	}
}

struct loader *loader_new(int event_fd)
{
	struct loader *l = xcalloc(1, sizeof *l);
	sigset_t all, before;

	ring_init(&l->in, sizeof(void *));
	ring_init(&l->out, sizeof(void *));
	l->event_fd = event_fd;
	l->wake = eventfd(0, EFD_CLOEXEC);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the main thread's */
	BUG_ON(l->wake < 0 || pthread_create(&l->thread, NULL, run, l) != 0);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_setname_np(l->thread, "media-files");
	return l;
}

void loader_push(struct loader *l, struct note *n)
{
	ring_push(&l->in, n);
	eventfd_write(l->wake, 1);
}

struct note *loader_pop(struct loader *l)
{
	return ring_pop(&l->out);
}

void loader_free(struct loader *l)
{
	struct note *n;

	loader_push(l, xcalloc(1, sizeof *n));
	pthread_join(l->thread, NULL);
	while ((n = ring_pop(&l->out))) {
		source_free(n->source);
		free(n);
	}
	sounds_free(&l->shelf);
	close(l->wake);
	ring_free(&l->in);
	ring_free(&l->out);
	free(l);
}
