/* tests/unit/test_base_timer.c: the wheel of timers: order, and what handlers may do to each other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/rng.h"

#define MANY 2000

static struct timers ts;
static struct timer *fired[3 * MANY];
static size_t n_fired;

static int start(void **state)
{
	(void)state;
	ts = (struct timers){ 0 };
	n_fired = 0;
	return 0;
}

static int stop(void **state)
{
	(void)state;
	timers_free(&ts);
	return 0;
}

static void note(struct timer *t, ms_t now)
{
	assert_true(t->at <= now);
	assert_false(timer_runs(t));
	fired[n_fired++] = t;
}

static void test_order(void **state)
{
	static struct timer t[MANY];
	struct rng r;

	(void)state;
	rng_seed(&r, (const uint8_t[32]){ 3 });
	for (int i = 0; i < MANY; i++) {
		t[i] = (struct timer){ .fire = note };
		timer_set(&ts, &t[i], rng_below(&r, 500));
	}
	for (int i = 0; i < MANY; i += 3)
		timer_set(&ts, &t[i], rng_below(&r, 500)); /* moved */
	for (int i = 1; i < MANY; i += 7)
		timer_stop(&ts, &t[i]);
	for (ms_t now = 0; now < 500; now += 50) {
		size_t from = n_fired;

		timers_run(&ts, now);
		for (size_t i = from + 1; i < n_fired; i++)
			assert_true(fired[i - 1]->at <= fired[i]->at);
		assert_true(timers_next(&ts) > now);
	}
	timers_run(&ts, 500);
	assert_int_equal(n_fired, MANY - (MANY + 5) / 7);
	assert_int_equal(timers_next(&ts), MS_NEVER);
	for (int i = 0; i < MANY; i++)
		assert_false(timer_runs(&t[i]));
}

/* Against a list that is searched: every distance, from a millisecond to beyond the wheel, set, moved and stopped. */
static void test_wheel(void **state)
{
	static struct timer t[200];
	static bool on[200];
	struct rng r;
	ms_t now = 0;

	(void)state;
	rng_seed(&r, (const uint8_t[32]){ 9 });
	for (int step = 0; step < 20000; step++) {
		unsigned i = rng_below(&r, ARRAY_LEN(t)), bits = rng_below(&r, 35);
		ms_t first = MS_NEVER, ahead = (ms_t)(((uint64_t)rng_u32(&r) << 3) & ((1ull << bits) - 1));

		t[i].fire = note;
		on[i] = rng_below(&r, 10) > 0;
		if (on[i])
			timer_set(&ts, &t[i], now + ahead);
		else
			timer_stop(&ts, &t[i]);
		for (unsigned k = 0; k < ARRAY_LEN(t); k++)
			if (on[k])
				first = MIN(first, t[k].at);
		assert_true(timers_next(&ts) <= first);
		assert_true((timers_next(&ts) == MS_NEVER) == (first == MS_NEVER));
		if (step % 3)
			continue;
		now = step % 2 && first != MS_NEVER ? first : now + rng_below(&r, 1u << rng_below(&r, 20));
		n_fired = 0;
		timers_run(&ts, now);
		for (unsigned k = 0; k < ARRAY_LEN(t); k++) {
			assert_int_equal(timer_runs(&t[k]), on[k] && t[k].at > now);
			on[k] &= t[k].at > now;
		}
		for (size_t k = 1; k < n_fired; k++)
			assert_true(fired[k - 1]->at <= fired[k]->at);
		assert_true(timers_next(&ts) > now);
	}
	for (unsigned k = 0; k < ARRAY_LEN(t); k++)
		timer_stop(&ts, &t[k]);
	assert_int_equal(timers_next(&ts), MS_NEVER);
}

static struct timer a, b, c;

static void stop_the_others(struct timer *t, ms_t now)
{
	note(t, now);
	timer_stop(&ts, &b); /* due, too, and waiting */
	timer_stop(&ts, &c); /* not due yet */
}

static void test_stop_in_handler(void **state)
{
	(void)state;
	a = (struct timer){ .fire = stop_the_others };
	b = c = (struct timer){ .fire = note };
	timer_set(&ts, &a, 1);
	timer_set(&ts, &b, 1);
	timer_set(&ts, &c, 100);
	timers_run(&ts, 1);
	assert_int_equal(n_fired, 1);
	assert_ptr_equal(fired[0], &a);
	assert_false(timer_runs(&b) || timer_runs(&c));
	timers_run(&ts, 1000);
	assert_int_equal(n_fired, 1);
}

static void again(struct timer *t, ms_t now)
{
	note(t, now);
	timer_set(&ts, t, now); /* waits its turn: no endless loop */
}

static void test_rearm_in_handler(void **state)
{
	(void)state;
	a = (struct timer){ .fire = again };
	b = (struct timer){ .fire = note };
	timer_set(&ts, &a, 5);
	timer_set(&ts, &b, 5);
	timers_run(&ts, 5);
	assert_int_equal(n_fired, 2);
	assert_int_equal(timers_next(&ts), 5);
	timers_run(&ts, 5);
	assert_int_equal(n_fired, 3);
	timer_stop(&ts, &a);
	timer_stop(&ts, &a);
	assert_int_equal(timers_next(&ts), MS_NEVER);
}

static void move_the_other(struct timer *t, ms_t now)
{
	note(t, now);
	timer_set(&ts, &b, now + 10); /* due now, but it is put off */
}

static void free_own(struct timer *t, ms_t now)
{
	note(t, now);
	free(t);
}

static void test_move_and_free(void **state)
{
	struct timer *own = calloc(1, sizeof *own);

	(void)state;
	own->fire = free_own;
	timer_set(&ts, own, 1);
	a = (struct timer){ .fire = move_the_other };
	b = (struct timer){ .fire = note };
	timer_set(&ts, &a, 2);
	timer_set(&ts, &b, 3);
	timers_run(&ts, 3);
	assert_int_equal(n_fired, 2);
	assert_int_equal(timers_next(&ts), 13);
	timers_run(&ts, 13);
	assert_int_equal(n_fired, 3);
}

/* An expiry beyond all measure is not taken for one that is due. */
static void test_far(void **state)
{
	static const ms_t far[] = { MS_NEVER, MS_NEVER - 1, (ms_t)1 << 48, ((ms_t)1 << 47) + 5 };
	struct timer t[ARRAY_LEN(far)];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(far); i++) {
		t[i] = (struct timer){ .fire = note };
		timer_set(&ts, &t[i], far[i]);
	}
	timers_run(&ts, (ms_t)1 << 40); /* 35 years */
	assert_int_equal(n_fired, 0);
	for (size_t i = 0; i < ARRAY_LEN(far); i++) {
		assert_true(timer_runs(&t[i]));
		timer_stop(&ts, &t[i]);
	}
}

static void test_clock(void **state)
{
	struct clock clock = { .now = 50, .wall0 = 1000 };

	(void)state;
	a = (struct timer){ .fire = note };
	clock_in(&clock, &a, 10);
	assert_int_equal(timers_next(&clock.timers), 60);
	clock_at(&clock, &a, 55);
	assert_int_equal(timers_next(&clock.timers), 55);
	clock_stop(&clock, &a);
	assert_int_equal(clock_wall(&clock), 1050);
	timers_free(&clock.timers);
}

#define T(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_order), T(test_wheel), T(test_stop_in_handler), T(test_rearm_in_handler), T(test_move_and_free),
		T(test_far),   T(test_clock)
	};

	return cmocka_run_group_tests_name("base timer", tests, NULL, NULL);
}
