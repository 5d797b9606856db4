/*
 * base/timer.h: a wheel of timers whose nodes sit inside what they wake: setting and stopping one costs the same with
 * ten and with a million. A zeroed struct timer is a stopped one, a zeroed struct timers an empty wheel.
 * timers_run() takes the whole due set out before it fires any: re-arming for `now` waits its turn, and a handler may
 * stop (or free the owner of) any timer, due or not, as long as it stops that timer first.
 */
#pragma once
#include "base/list.h"

struct timer;
typedef void timer_fn(struct timer *t, ms_t now);

struct timer {
	struct list link; /* in its slot, or among those that are due */
	timer_fn *fire;
	int64_t at : 48; /* ms_t; later than it can say is as good as never. A call has a dozen timers: they are small
			  */
	uint64_t slot : 16; /* 0: stopped; UINT16_MAX: due and waiting in timers_run(); else the slot's number + 1 */
};
#define TIMER_FARTHEST ((ms_t)1 << 46)

#define TIMER_LEVELS 4
#define TIMER_SLOTS  256 /* of each level; a slot of the lowest is one millisecond */

struct timers {
	struct list *slots; /* TIMER_LEVELS × TIMER_SLOTS of them; NULL: never used */
	uint64_t used[TIMER_LEVELS][TIMER_SLOTS / 64];
	ms_t base; /* what is due before it has been taken out */
	ms_t next; /* nothing is due before it, if `found` */
	size_t n;
	bool found;
};

void timer_set(struct timers *ts, struct timer *t, ms_t at); /* starts or moves it; t->fire must be set */
void timer_take(struct timers *ts, struct timer *t);         /* one that runs */
static inline bool timer_runs(const struct timer *t)
{
	return t->slot != 0;
}
static inline void timer_stop(struct timers *ts, struct timer *t)
{
	if (timer_runs(t))
		timer_take(ts, t);
}
/*
 * When to call timers_run() next: not later than the first is due, and seldom before, MS_NEVER when there is none. It
 * is earlier where the first is more than 256 ms away, or where one that was due before it has been stopped.
 */
ms_t timers_next(struct timers *ts);
void timers_run(struct timers *ts, ms_t now);
void timers_free(struct timers *ts); /* the wheel only: nodes are their owners' */
