/*
 * base/clock.h: time and chance, as the cores see them. The owner (io's loop or sim's world) sets `now` before each
 * input and runs the timers; the cores only read.
 */
#pragma once
#include "base/rng.h"
#include "base/timer.h"

struct clock {
	ms_t now;      /* monotonic */
	int64_t wall0; /* Unix time in ms = wall0 + now */
	struct timers timers;
	struct rng rng;
};

static inline int64_t clock_wall(const struct clock *c) /* Unix time, ms */
{
	return c->wall0 + c->now;
}

static inline void clock_at(struct clock *c, struct timer *t, ms_t at)
{
	timer_set(&c->timers, t, at);
}

static inline void clock_in(struct clock *c, struct timer *t, ms_t delay)
{
	timer_set(&c->timers, t, c->now + delay);
}

static inline void clock_stop(struct clock *c, struct timer *t)
{
	timer_stop(&c->timers, t);
}
