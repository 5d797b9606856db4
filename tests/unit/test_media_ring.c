/* tests/unit/test_media_ring.c: the ring keeps order, alone and between two threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <pthread.h>
#include <sched.h>

#include "media/ring.h"

#define MANY 100000

static void *item(uintptr_t n)
{
	return (void *)n; /* only a number */
}

static void test_order(void **state)
{
	struct ring r;
	uintptr_t in = 0, out = 0;

	(void)state;
	ring_init(&r, sizeof(void *));
	assert_null(ring_pop(&r));
	for (int round = 1; round < 400; round += 7) {
		for (int i = 0; i < round; i++)
			ring_push(&r, item(++in));
		assert_int_equal(ring_depth(&r), round);
		for (int i = 0; i < round; i++)
			assert_ptr_equal(ring_pop(&r), item(++out));
		assert_null(ring_pop(&r));
	}
	ring_free(&r);
}

/* Items of any size are held by the ring itself. */
static void test_values(void **state)
{
	struct large {
		unsigned n;
		char text[145];
	} in = { 0 }, out;
	struct ring r;

	(void)state;
	ring_init(&r, sizeof in);
	assert_false(ring_take(&r, &out));
	for (unsigned round = 1; round < 90; round += 11) {
		for (unsigned i = 0; i < round; i++) {
			in.n = i;
			in.text[sizeof in.text - 1] = (char)i;
			ring_put(&r, &in);
		}
		in.n = 1000; /* what was put in is a copy */
		for (unsigned i = 0; i < round; i++) {
			assert_true(ring_take(&r, &out));
			assert_int_equal(out.n, i);
			assert_int_equal(out.text[sizeof out.text - 1], (char)i);
		}
		assert_false(ring_take(&r, &out));
	}
	ring_free(&r);
}

static void *produce(void *arg)
{
	struct ring *r = arg;

	for (uintptr_t n = 1; n <= MANY; n++) {
		ring_push(r, item(n));
		if (n % 1000 == 0)
			sched_yield();
	}
	return NULL;
}

static void test_threads(void **state)
{
	pthread_t thread;
	struct ring r;

	(void)state;
	ring_init(&r, sizeof(void *));
	assert_int_equal(pthread_create(&thread, NULL, produce, &r), 0);
	for (uintptr_t n = 1; n <= MANY;) {
		void *got = ring_pop(&r);

		if (!got) {
			sched_yield();
			continue;
		}
		assert_ptr_equal(got, item(n));
		n++;
	}
	pthread_join(thread, NULL);
	assert_int_equal(ring_depth(&r), 0);
	ring_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_order), cmocka_unit_test(test_values),
					    cmocka_unit_test(test_threads) };

	return cmocka_run_group_tests_name("media ring", tests, NULL, NULL);
}
