/* tests/unit/test_media_ports.c: ports that rest between two legs: who gets them, when, and when they are closed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>

#include "media/priv.h"

static unsigned open_now;

static int fake_open(void *arg, const struct addr *bind, uint32_t *sock)
{
	(void)arg;
	*sock = bind->port;
	open_now++;
	return 0;
}

static void fake_close(void *arg, uint32_t sock)
{
	(void)arg;
	(void)sock;
	open_now--;
}

static const struct media_io io = { .open = fake_open, .close = fake_close };
static const struct ports_ask ask = { .bind = { .family = 4 }, .start = 10000, .end = 10039 };

struct world {
	struct rng rng;
	struct ports_kind *all, *kind;
};

static int setup(void **state)
{
	static const uint8_t seed[32] = { 4 };
	struct world *w = calloc(1, sizeof *w);

	rng_seed(&w->rng, seed);
	w->kind = ports_kind(&w->all, &ask, 2);
	open_now = 0;
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	struct ports *p;

	for (unsigned i = 0; i < 2; i++)
		while ((p = ports_stale(w->all, i, MS_NEVER))) {
			ports_close(&io, p);
			free(p);
		}
	assert_int_equal(open_now, 0);
	assert_true(ports_none_rest(w->all));
	ports_kinds_free(&w->all);
	free(w);
	return 0;
}

static struct ports *fresh(struct world *w)
{
	struct ports *p;

	assert_int_equal(ports_open(&io, &w->rng, &ask, &p), 0);
	assert_true(p->local.port % 2 == 0 && p->local.port >= 10000 && p->local.port < 10040);
	assert_int_equal(p->rtcp.id, p->local.port + 1);
	ports_count(w->kind, p);
	return p;
}

static void test_rest(void **state)
{
	struct world *w = *state;
	struct ports *p = fresh(w);

	ports_rest(p, 1, 5000);
	assert_null(ports_take(w->kind, 1, &w->rng, 5000));
	assert_null(ports_take(w->kind, 1, &w->rng, 5499));
	assert_null(ports_take(w->kind, 0, &w->rng, 9000)); /* it is another worker's */
	assert_ptr_equal(ports_take(w->kind, 1, &w->rng, 5500), p);
	assert_null(ports_take(w->kind, 1, &w->rng, 5500));
	ports_rest(p, 1, 7000);
}

/* Somebody goes on sending to a call that has ended: the next caller must not hear it. */
static void test_stray(void **state)
{
	struct world *w = *state;
	struct ports *p = fresh(w), *q = fresh(w);

	ports_rest(p, 0, 5000);
	ports_rest(q, 0, 5000);
	atomic_store(&p->stray, 5400);
	for (int i = 0; i < 20; i++) {
		struct ports *got = ports_take(w->kind, 0, &w->rng, 5500);

		assert_true(!got || got == q);
		if (got)
			ports_rest(q, 0, 5000);
	}
	assert_ptr_not_equal(ports_take(w->kind, 0, &w->rng, 5900), NULL);
	assert_ptr_not_equal(ports_take(w->kind, 0, &w->rng, 5900), NULL);
	ports_rest(p, 0, 7000);
	ports_rest(q, 0, 7000);
}

static void test_stale(void **state)
{
	struct world *w = *state;
	struct ports *p = fresh(w);

	ports_rest(p, 0, 1000);
	assert_null(ports_stale(w->all, 0, 20999));
	assert_null(ports_stale(w->all, 1, 21000));
	assert_ptr_equal(ports_stale(w->all, 0, 21000), p);
	assert_true(ports_none_rest(w->all));
	ports_close(&io, p);
	free(p);
}

/* When the range runs out, a pair serves again at once; when all are at work, there is none. */
static void test_short(void **state)
{
	struct world *w = *state;
	struct ports *p = NULL, *got;

	for (int i = 0; i < 20; i++) {
		assert_false(ports_all_open(w->kind));
		p = fresh(w);
		if (i < 19)
			ports_rest(p, 0, 1000);
	}
	assert_true(ports_all_open(w->kind));
	got = ports_take(w->kind, 0, &w->rng, 1001);
	assert_non_null(got);
	ports_rest(got, 0, 1001);
	ports_forget(p);
	assert_false(ports_all_open(w->kind));
	ports_close(&io, p);
	free(p);
}

/* The same when the process may open fewer files than the range has ports. */
static void test_files(void **state)
{
	struct world *w = *state;
	struct ports_ask few = { .bind = { .family = 4 }, .start = 20000, .end = 59999, .most = 8 };
	struct ports_kind *kind = ports_kind(&w->all, &few, 2);
	struct ports *p = NULL, *got;

	for (int i = 0; i < 8; i++) {
		assert_false(ports_all_open(kind));
		assert_null(ports_take(kind, 0, &w->rng, 1001)); /* not short yet, and none has rested */
		assert_int_equal(ports_open(&io, &w->rng, &few, &p), 0);
		ports_count(kind, p);
		if (i < 6)
			ports_rest(p, 0, 1001);
		else if (i == 6)
			ports_rest(p, 1, 1001);
	}
	assert_true(ports_all_open(kind));
	few.mux = true; /* another kind: the files are the same */
	assert_true(ports_all_open(ports_kind(&w->all, &few, 2)));
	got = ports_take(kind, 1, &w->rng, 1002);
	assert_non_null(got);
	assert_null(ports_take(kind, 1, &w->rng, 1002));
	ports_rest(got, 1, 1002);
	ports_rest(p, 1, 1002);
}

static void test_kinds(void **state)
{
	struct world *w = *state;
	struct ports_ask other = ask;

	assert_ptr_equal(ports_kind(&w->all, &ask, 2), w->kind);
	other.mux = true;
	assert_ptr_not_equal(ports_kind(&w->all, &other, 2), w->kind);
	other = (struct ports_ask){ .bind = { .family = 4 }, .start = 10001, .end = 10001 };
	assert_int_equal(ports_open(&io, &w->rng, &other, &(struct ports *){ NULL }), -EINVAL);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)
	const struct CMUnitTest tests[] = { T(rest), T(stray), T(stale), T(short), T(files), T(kinds) };
#undef T

	return cmocka_run_group_tests_name("ports at rest", tests, NULL, NULL);
}
