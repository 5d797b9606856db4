/*
 * base/timer.h: a heap of timers whose nodes sit inside what they wake. A zeroed struct timer is a stopped one.
 * timers_run() takes the whole due set out before it fires any: re-arming for `now` waits its turn, and a handler may
 * stop (or free the owner of) any timer, due or not, as long as it stops that timer first.
 */
#pragma once
#include "base/list.h"

struct timer;
typedef void timer_fn(struct timer *t, ms_t now);

struct timer {
	ms_t at;
	size_t slot; /* 0: stopped; SIZE_MAX: due and waiting in timers_run(); else heap index + 1 */
	struct list due;
	timer_fn *fire;
};

struct timers {
	struct timer **heap;
	size_t n, cap;
};

void timer_set(struct timers *ts, struct timer *t, ms_t at); /* starts or moves it; t->fire must be set */
void timer_stop(struct timers *ts, struct timer *t);
bool timer_runs(const struct timer *t);
ms_t timers_next(const struct timers *ts); /* when the next one is due; MS_NEVER when none is */
void timers_run(struct timers *ts, ms_t now);
void timers_free(struct timers *ts); /* the heap only: nodes are their owners' */
