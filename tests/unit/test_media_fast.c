/*
 * tests/unit/test_media_fast.c: handing a plain stream to the kernel and taking it back, in virtual time: the kernel's
 * stand-in executes the same record (route.h). Who takes a packet is seen in `fast_packets`.
 */
#include "test_media_world.h"

#define A "192.0.2.20:4000"
#define B "192.0.2.30:4000"

static struct media_stats stats(const struct media_leg *leg)
{
	struct media_stats st;

	media_stats(leg, &st);
	return st;
}

/* A call in G.711 that has gone over to the fast path in both directions. */
static struct pair call(struct world *w, struct talk *a, struct talk *b)
{
	struct pair p = join(w, plan_of(A, CODEC_ULAW, 0, 101), plan_of(B, CODEC_ULAW, 0, 96));

	*a = (struct talk){ A, { .ssrc = 7, .seq = 100, .ts = 5000 } };
	*b = (struct talk){ B, { .ssrc = 8, .seq = 65530, .ts = 90000 } };
	speak(w, p.a, a, 4);
	speak(w, p.b, b, 4);
	assert_true(stats(p.a).fast && stats(p.b).fast);
	return p;
}

/* What b received is one stream without a gap. */
static void assert_smooth(struct world *w, const char *to, size_t from, size_t n)
{
	const struct sent *before = NULL;
	struct addr dest = at(to);
	size_t seen = 0;

	for (size_t i = from; i < w->n_sent; i++) {
		const struct sent *s = &w->sent[i];

		if (!addr_eq(&s->to, &dest) || (s->bytes[1] & 127) >= 72)
			continue;
		if (before) {
			assert_int_equal(s->rtp.ssrc, before->rtp.ssrc);
			assert_int_equal((uint16_t)(s->rtp.seq - before->rtp.seq), 1);
		}
		before = s;
		seen++;
	}
	assert_int_equal(seen, n);
}

static void test_goes_over(void **state)
{
	struct world *w = *state;
	struct talk a, b;
	struct pair p = call(w, &a, &b);

	assert_true(stats(p.a).fast_packets >= 1);
	speak(w, p.a, &a, 50);
	speak(w, p.b, &b, 50);
	assert_int_equal(stats(p.a).rx_packets, 54);
	assert_true(stats(p.a).fast_packets >= 51);
	assert_int_equal(stats(p.b).tx_packets, 54);
	assert_int_equal(stats(p.b).rx_packets, 54);
	assert_int_equal(stats(p.b).rx_bytes, 54 * 160);
	assert_int_equal(stats(p.a).rx_lost + stats(p.b).rx_lost, 0);
	assert_int_equal(stats(p.a).last_rx, stats(p.b).last_tx);
	assert_smooth(w, A, 0, 54);
	assert_smooth(w, B, 0, 54);
	part(&p);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(test_##name, setup_kernel, teardown)
	const struct CMUnitTest tests[] = { T(goes_over) };
#undef T

	return cmocka_run_group_tests_name("media goes over to the kernel", tests, NULL, NULL);
}
