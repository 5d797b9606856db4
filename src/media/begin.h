/*
 * media/begin.h: what takes long at the start is done on a thread of its own, while others are served already: loading
 * and attaching programs waits for the kernel's own housekeeping, some 40 ms.
 */
#pragma once
#include <pthread.h>

#include "media/kernel.h"
#include "media/shared.h"

enum begin_what { BEGIN_SHARED, BEGIN_KERNEL, BEGIN_ALL };
struct begin_config {
	bool want[BEGIN_ALL];
	struct kernel_config kernel;
	struct shared_config shared;
	int event_fd; /* is written to when something is done */
};
struct begin {
	struct begin_config c;
	pthread_t thread;
	atomic_bool done[BEGIN_ALL];
	bool taken[BEGIN_ALL];
	struct shared *shared; /* once it is done; NULL: why says why not */
	struct kernel *kernel; /* likewise */
	const char *why[BEGIN_ALL];
};

struct begin *begin_new(const struct begin_config *c);
bool begin_take(struct begin *b, enum begin_what what); /* once for each that was wanted, when it is done */
void begin_free(struct begin *b);                       /* waits, and stops what was not taken */
