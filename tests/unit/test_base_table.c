/* tests/unit/test_base_table.c: base/table.h against an array that says who is in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <string.h>

#include "base/rng.h"
#include "base/table.h"

#define ITEMS 2000
#define STAYS 64 /* table.c's */

struct item {
	uint64_t hash;
	bool in, seen;
};

static bool is_found(const struct table *t, const struct item *x)
{
	size_t at = x->hash;
	struct item *found;

	while ((found = table_next(t, x->hash, &at)))
		if (found == x)
			return true;
	return false;
}

/* Everybody who is in is found, nobody else, and a walk gives each once. */
static void check(const struct table *t, struct item *items, size_t n)
{
	struct table_walk w = { 0 };
	struct item *x;
	size_t in = 0, seen = 0;

	for (size_t i = 0; i < n; i++) {
		in += items[i].in;
		items[i].seen = false;
		assert_true(is_found(t, &items[i]) == items[i].in);
	}
	while ((x = table_each(t, &w))) {
		assert_true(x->in && !x->seen);
		x->seen = true;
		seen++;
	}
	assert_true(t->n == in && seen == in);
}

/* Few different homes, so that items push each other out of place and round the end. */
static void test_random(void **state)
{
	static struct item items[ITEMS];
	static const uint64_t masks[] = { UINT64_MAX, 0xff, 0xf, 0x8000000000000003 };
	struct table t = { 0 };
	struct rng r;

	(void)state;
	rng_seed(&r, (uint8_t[32]){ 1 });
	for (size_t m = 0; m < ARRAY_LEN(masks); m++) {
		size_t n = masks[m] == UINT64_MAX ? ITEMS : 100;

		for (size_t i = 0; i < n; i++)
			items[i] =
				(struct item){ ((uint64_t)rng_u32(&r) << 32 | rng_u32(&r)) & masks[m], false, false };
		for (unsigned step = 0; step < 20000; step++) {
			struct item *x = &items[rng_below(&r, (uint32_t)n)];

			if (x->in)
				table_del(&t, x->hash, x);
			else
				table_add(&t, x->hash, x);
			x->in = !x->in;
			if (step % 2000 == 0)
				check(&t, items, n);
		}
		check(&t, items, n);
		for (size_t i = 0; i < n; i++)
			if (items[i].in)
				table_del(&t, items[i].hash, &items[i]);
		assert_true(t.n == 0 && t.cap <= STAYS);
		table_free(&t);
	}
}

/* Who was given last may leave: the others are still given. */
static void test_leaving(void **state)
{
	static struct item items[ITEMS];
	struct table t = { 0 };
	struct table_walk w = { 0 };
	struct item *x;
	size_t left = 0;

	(void)state;
	for (size_t i = 0; i < ITEMS; i++) {
		items[i] = (struct item){ i / 7 * 3, true, false };
		table_add(&t, items[i].hash, &items[i]);
	}
	while ((x = table_each(&t, &w))) {
		assert_false(x->seen);
		x->seen = true;
		left++;
		table_del(&t, x->hash, x);
	}
	assert_true(left == ITEMS && t.n == 0 && !t.slots);
	assert_null(table_each(&t, &(struct table_walk){ 0 }));
}

/* It follows its numbers, down as well. */
static void test_room(void **state)
{
	static struct item items[ITEMS];
	struct table t = { 0 };
	size_t most;

	(void)state;
	table_fetch(&t, 1); /* nothing to fetch */
	for (size_t i = 0; i < ITEMS; i++) {
		items[i].hash = i * 0x9e3779b97f4a7c15;
		table_add(&t, items[i].hash, &items[i]);
	}
	most = t.cap;
	assert_true(most >= ITEMS * 3 / 2 && most <= ITEMS * 4);
	for (size_t i = 10; i < ITEMS; i++)
		table_del(&t, items[i].hash, &items[i]);
	for (size_t i = 10; i < 16; i++)
		table_add(&t, items[i].hash, &items[i]);
	assert_true(t.cap < most && t.n == 16);
	for (size_t i = 0; i < 16; i++) {
		assert_true(is_found(&t, &items[i]));
		table_del(&t, items[i].hash, &items[i]);
	}
	assert_true(t.n == 0 && t.cap == STAYS); /* and no smaller: it may be needed again at once */
	table_free(&t);
	assert_true(t.cap == 0 && !t.slots);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_leaving),
		cmocka_unit_test(test_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
