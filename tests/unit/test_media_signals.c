/*
 * tests/unit/test_media_signals.c: what a leg knows of itself, for whoever asks why there is no audio: when and where
 * packets came and went, and what changed on the way. (What RTCP tells is in test_media_time.c, ICMP in
 * test_media_udp.c, the sources that compete in test_media_sim.c.)
 */
#include "test_media_world.h"

#define PHONE "192.0.2.20:4000"

static struct media_stats stats(struct world *w, const struct media_leg *leg)
{
	struct media_stats st;

	run_until(w, w->now + 1000); /* published at least so often */
	media_stats(leg, &st);
	return st;
}

/* C1, C3: nothing came, but something went to where SDP said; then something came. */
static void test_first_packets(void **state)
{
	struct world *w = *state;
	struct talk t = { PHONE, { .seq = 1, .ssrc = 11 } }, back = { "203.0.113.1:5000", { .seq = 9, .ssrc = 12 } };
	struct pair p;
	struct media_stats st;
	char text[ADDR_STRLEN];
	ms_t told = w->now, spoke;

	p = join(w, plan_of(PHONE, CODEC_ULAW, 0, 0), plan_of("203.0.113.1:5000", CODEC_ULAW, 0, 0));
	st = stats(w, p.a);
	assert_int_equal(st.sdp_at, told);
	assert_true(st.opened > 0 && st.opened <= told);
	assert_true(!st.first_rx && !st.first_tx && !st.rx_packets && !st.tx_packets);

	spoke = w->now;
	speak(w, p.b, &back, 3);
	st = stats(w, p.a);
	assert_int_equal(st.first_tx, spoke);
	assert_int_equal(st.last_tx, spoke + 40);
	assert_int_equal(st.tx_packets, 3);
	assert_int_equal(st.tx_bytes, 3 * 160);
	assert_string_equal(addr_str(&st.tx_to, text), PHONE);
	assert_true(!st.first_rx && !st.rx_packets);

	spoke = w->now;
	speak(w, p.a, &t, 2);
	st = stats(w, p.a);
	assert_int_equal(st.first_rx, spoke);
	assert_int_equal(st.last_rx, spoke + 20);
	assert_int_equal(st.rx_packets, 2);
	assert_int_equal(st.rx_bytes, 2 * 160);
	assert_true(st.rx_after_tx);
	part(&p);
}

/* C3, C9: audio goes to a private address until the phone is heard from another; that is one move. */
static void test_moves(void **state)
{
	struct world *w = *state;
	struct media_plan pa = plan_of("192.168.1.20:4000", CODEC_ULAW, 0, 0);
	struct talk t = { "203.0.113.77:49170", { .seq = 1, .ssrc = 11 } },
		    back = { "203.0.113.1:5000", { .seq = 9, .ssrc = 12 } };
	struct pair p;
	struct media_stats st;
	char text[ADDR_STRLEN];

	pa.latch.strict = STRICTRTP_NO; /* whoever speaks is followed */
	p = join(w, pa, plan_of("203.0.113.1:5000", CODEC_ULAW, 0, 0));
	speak(w, p.b, &back, 1);
	st = stats(w, p.a);
	assert_string_equal(addr_str(&st.tx_to, text), "192.168.1.20:4000");
	speak(w, p.a, &t, 3);
	speak(w, p.b, &back, 1);
	st = stats(w, p.a);
	assert_string_equal(addr_str(&st.tx_to, text), "203.0.113.77:49170");
	assert_string_equal(addr_str(&st.sdp_addr, text), "192.168.1.20:4000");
	assert_int_equal(st.source_moves, 0); /* it was never heard from anywhere else */
	t.from = "203.0.113.77:51000";
	speak(w, p.a, &t, 3);
	st = stats(w, p.a);
	assert_int_equal(st.source_moves, 1);
	assert_int_equal(st.ssrc_changes, 0);
	part(&p);
}

/* C8, C10: the stream begins anew; only comfort noise comes. */
static void test_streams(void **state)
{
	struct world *w = *state;
	struct media_plan pa = plan_of(PHONE, CODEC_ULAW, 0, 0);
	struct talk t = { PHONE, { .seq = 1, .ssrc = 11 } }, noise = { PHONE, { .pt = 13, .seq = 9, .ssrc = 13 } };
	struct pair p;
	struct media_stats st;

	pa.cn_pt = 13;
	p = join(w, pa, plan_of("203.0.113.1:5000", CODEC_ULAW, 0, 0));
	noise.rtp.payload = SPAN("\x30");
	speak(w, p.a, &noise, 3);
	st = stats(w, p.a);
	assert_int_equal(st.rx_cn, 3);
	assert_int_equal(st.rx_packets, 3);
	assert_int_equal(st.rx_codec, CODEC_NONE);
	speak(w, p.a, &t, 2);
	t.rtp.ssrc = 99;
	speak(w, p.a, &t, 2);
	st = stats(w, p.a);
	assert_int_equal(st.ssrc_changes, 2);
	assert_int_equal(st.rx_cn, 3);
	assert_int_equal(st.rx_packets, 7);
	assert_int_equal(st.rx_codec, CODEC_ULAW);
	part(&p);
}

/* use_ptime: what we make goes out in packets as long as the peer asked for; without, 20 ms. */
static void test_ptime(void **state)
{
	struct world *w = *state;
	struct media_play tone = { .source = SOURCE_TONE, .freq1 = 1000, .level_dbm0 = -10 };
	struct media_plan plan = plan_of(PHONE, CODEC_ULAW, 0, 0);
	struct media_leg *leg = leg_open(w, "a");

	for (unsigned ptime = 0; ptime <= 60; ptime += 30) {
		unsigned ms = ptime ? ptime : 20;

		plan.ptime = (uint8_t)ptime;
		media_replan(leg, &plan);
		media_play(leg, &tone);
		run_until(w, w->now + 200);
		w->n_sent = 0;
		run_until(w, w->now + 600);
		assert_in_range(w->n_sent, 600 / ms - 1, 600 / ms + 1);
		assert_int_equal(last(w)->rtp.payload.n, ms * 8);
	}
	media_close(&leg);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_first_packets, setup, teardown),
		cmocka_unit_test_setup_teardown(test_moves, setup, teardown),
		cmocka_unit_test_setup_teardown(test_streams, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ptime, setup, teardown),
	};

	return cmocka_run_group_tests_name("media signals", tests, NULL, NULL);
}
