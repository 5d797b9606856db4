/* tests/unit/test_media_sim.c: media in the simulator: ports, relaying, the latch at work */
#include "test_media_world.h"

/* ---- ports ---- */

static void test_ports(void **state)
{
	struct world *w = *state;
	struct media_open ask = { .bind = at("192.0.2.10"), .port_start = 20001, .port_end = 20007 };
	struct media_leg *legs[4] = { NULL };

	w->taken = 20005; /* spoils the pair 20004 */
	for (int i = 0; i < 2; i++) {
		legs[i] = media_open(w->m, &ask);
		assert_non_null(legs[i]);
		assert_int_equal(media_local(legs[i]).port % 2, 0);
		assert_in_range(media_local(legs[i]).port, 20002, 20006);
	}
	assert_null(media_open(w->m, &ask));
	ask.rtcp_mux = true;
	legs[2] = media_open(w->m, &ask); /* needs no 20005 */
	assert_int_equal(media_local(legs[2]).port, 20004);
	ask.port_end = 20002;
	ask.port_start = 20003;
	assert_null(media_open(w->m, &ask));
	for (int i = 0; i < 3; i++)
		media_close(&legs[i]);
	media_tick(w->m, w->now);
}

/* ---- relaying ---- */

static void test_relay(void **state)
{
	struct world *w = *state;
	struct pair p = join(w, plan_of("192.0.2.20:4000", CODEC_G722, 9, 101),
			     plan_of("203.0.113.1:5000", CODEC_G722, 99, 96));
	struct talk t = { "192.0.2.20:4000",
			  { .pt = 9, .seq = 65534, .ts = 7, .ssrc = 11, .payload = SPAN("payload") } };
	uint32_t ssrc, ts;
	uint16_t seq;

	speak(w, p.a, &t, 1);
	assert_int_equal(w->n_sent, 1);
	assert_string_equal(addr_str(&last(w)->to, (char[ADDR_STRLEN]){ 0 }), "203.0.113.1:5000");
	assert_int_equal(last(w)->sock, sock_of(w, p.b, 0));
	assert_int_equal(last(w)->rtp.pt, 99);
	assert_true(last(w)->rtp.marker && span_is(last(w)->rtp.payload, "payload"));
	ssrc = last(w)->rtp.ssrc;
	seq = last(w)->rtp.seq;
	ts = last(w)->rtp.ts;
	assert_int_not_equal(ssrc, 11);
	speak(w, p.a, &t, 3);
	assert_int_equal(last(w)->rtp.seq, (uint16_t)(seq + 3));
	assert_int_equal(last(w)->rtp.ts, ts + 480);
	assert_false(last(w)->rtp.marker);
	t.rtp.seq += 2; /* two are lost: the gap is passed on */
	t.rtp.ts += 320;
	speak(w, p.a, &t, 1);
	assert_int_equal(last(w)->rtp.seq, (uint16_t)(seq + 6));
	assert_int_equal(last(w)->rtp.ts, ts + 960);
	t.rtp.pt = 77; /* never agreed */
	speak(w, p.a, &t, 1);
	assert_int_equal(w->n_sent, 5);
	part(&p);
}

static void test_source_change(void **state)
{
	struct world *w = *state;
	struct pair p =
		join(w, plan_of("192.0.2.20:4000", CODEC_ULAW, 0, 0), plan_of("203.0.113.1:5000", CODEC_ULAW, 0, 0));
	struct talk t = { "192.0.2.20:4000", { .seq = 100, .ts = 1000, .ssrc = 11 } };
	struct talk u = { "192.0.2.20:4000", { .seq = 9000, .ts = 777777, .ssrc = 12 } };
	struct sent before;

	speak(w, p.a, &t, 3);
	before = *last(w);
	run_until(w, w->now + 1000);
	speak(w, p.a, &u, 1);
	assert_true(last(w)->rtp.marker);
	assert_int_equal(last(w)->rtp.ssrc, before.rtp.ssrc);
	assert_int_equal(last(w)->rtp.seq, before.rtp.seq + 1);
	assert_int_equal(last(w)->rtp.ts, before.rtp.ts + 8160); /* 1020 ms later */
	u.rtp.seq -= 2;
	u.rtp.ts -= 320;
	speak(w, p.a, &u, 1); /* a straggler from before the change is refused */
	assert_int_equal(w->n_sent, 4);
	u.rtp.seq += 5001; /* the same SSRC, but begun anew */
	speak(w, p.a, &u, 1);
	assert_int_equal(last(w)->rtp.seq, before.rtp.seq + 2);
	assert_true(last(w)->rtp.marker);
	part(&p);
}

static void test_transcode(void **state)
{
	struct world *w = *state;
	struct pair p =
		join(w, plan_of("192.0.2.20:4000", CODEC_ALAW, 8, 0), plan_of("203.0.113.1:5000", CODEC_ULAW, 0, 0));
	struct talk t = { "192.0.2.20:4000", { .pt = 8, .seq = 1, .ssrc = 11 } };
	struct talk back = { "203.0.113.1:5000", { .pt = 0, .seq = 1, .ssrc = 12 } };
	uint8_t a[160], u[160];
	int16_t pcm[160];

	for (int i = 0; i < 160; i++)
		pcm[i] = (int16_t)(9000 * sin(i * 0.2));
	pcm_encode(CODEC_ALAW, pcm, 160, a);
	pcm_convert(CODEC_ALAW, CODEC_ULAW, (struct span){ (char *)a, 160 }, u, 160);
	t.rtp.payload = (struct span){ (char *)a, 160 };
	speak(w, p.a, &t, 1);
	assert_int_equal(last(w)->rtp.pt, 0);
	assert_int_equal(last(w)->rtp.payload.n, 160);
	assert_memory_equal(last(w)->bytes + RTP_HEADER, u, 160);
	speak(w, p.b, &back, 1);
	assert_int_equal(last(w)->rtp.pt, 8);
	part(&p);
}

static void test_mismatch(void **state)
{
	struct world *w = *state;
	struct media_plan pa = plan_of("192.0.2.20:4000", CODEC_G729, 18, 0),
			  pb = plan_of("203.0.113.1:5000", CODEC_ULAW, 0, 0);
	struct pair p = join(w, pa, pb);
	struct talk t = { "192.0.2.20:4000", { .pt = 18, .seq = 1, .ssrc = 11 } };
	struct media_stats st;

	speak(w, p.a, &t, 3);
	assert_int_equal(w->n_sent, 0);
	media_stats(p.a, &st);
	assert_int_equal(st.rx_packets, 3);
	assert_int_equal(st.rx_mismatch, 3);
	pb.formats[1].codec = CODEC_G729; /* b sends ulaw, but takes G.729 as well */
	pb.formats[1].pt = 18;
	pb.n_formats = 2;
	media_replan(p.b, &pb);
	speak(w, p.a, &t, 1);
	assert_int_equal(last(w)->rtp.pt, 18);
	part(&p);
}

static void test_direction(void **state)
{
	struct world *w = *state;
	struct media_plan pa = plan_of("192.0.2.20:4000", CODEC_ULAW, 0, 0),
			  pb = plan_of("203.0.113.1:5000", CODEC_ULAW, 0, 0);
	struct talk t = { "192.0.2.20:4000", { .seq = 1, .ssrc = 11 } };
	struct pair p;

	pb.send = false;
	p = join(w, pa, pb);
	speak(w, p.a, &t, 2);
	assert_int_equal(w->n_sent, 0);
	pb.send = true;
	pb.new_sdp = false;
	media_replan(p.b, &pb);
	speak(w, p.a, &t, 1);
	assert_int_equal(w->n_sent, 1);
	pa.recv = false;
	pa.new_sdp = false;
	media_replan(p.a, &pa);
	speak(w, p.a, &t, 2);
	assert_int_equal(w->n_sent, 1);
	part(&p);
}

static void test_dtmf(void **state)
{
	struct world *w = *state;
	struct pair p =
		join(w, plan_of("192.0.2.20:4000", CODEC_ULAW, 0, 101), plan_of("203.0.113.1:5000", CODEC_ULAW, 0, 96));
	struct talk t = { "192.0.2.20:4000", { .pt = 101, .seq = 1, .ts = 160, .ssrc = 11 } };
	struct media_stats st;

	press(w, p.a, &t, 5, 3);
	assert_int_equal(w->n_sent, 7);
	assert_int_equal(last(w)->rtp.pt, 96);
	assert_int_equal(last(w)->rtp.ts, w->sent[0].rtp.ts);
	assert_int_equal(find_event(w, MEDIA_DTMF, 0)->digit, '5');
	assert_int_equal(find_event(w, MEDIA_DTMF, 0)->duration, 100);
	assert_null(find_event(w, MEDIA_DTMF, 1));
	press(w, p.a, &t, 11, 0); /* its end is lost */
	run_until(w, w->now + 1000);
	assert_int_equal(find_event(w, MEDIA_DTMF, 1)->digit, '#');
	media_stats(p.a, &st);
	assert_int_equal(st.rx_dtmf, 11);
	part(&p);
}

/* ---- the latch at work ---- */

static void test_symmetric(void **state)
{
	struct world *w = *state;
	struct media_plan pa = plan_of("192.168.1.20:4000", CODEC_ULAW, 0, 0);
	struct pair p = join(w, pa, plan_of("203.0.113.1:5000", CODEC_ULAW, 0, 0));
	struct talk t = { "203.0.113.77:49170", { .seq = 1, .ssrc = 11 } };
	struct talk other = { "203.0.113.1:5000", { .seq = 1, .ssrc = 12 } };
	struct talk thief = { "198.51.100.66:666", { .seq = 1, .ssrc = 66 } };
	struct media_stats st;
	char text[ADDR_STRLEN];

	speak(w, p.b, &other, 1);
	assert_string_equal(addr_str(&last(w)->to, text), "192.168.1.20:4000");
	speak(w, p.a, &t, 4);
	assert_int_equal(w->n_sent, 1); /* four are dropped */
	speak(w, p.a, &t, 1);
	assert_int_equal(w->n_sent, 2);
	assert_string_equal(addr_str(&find_event(w, MEDIA_LATCHED, 1)->from, text), "203.0.113.77:49170");
	assert_string_equal(addr_str(&find_event(w, MEDIA_LATCHED, 1)->was, text), "192.168.1.20:4000");
	speak(w, p.b, &other, 1);
	assert_string_equal(addr_str(&last(w)->to, text), "203.0.113.77:49170");
	run_until(w, w->now + 6000);
	speak(w, p.a, &t, 10);
	speak(w, p.a, &thief, 10);
	media_stats(p.a, &st);
	assert_int_equal(st.rx_dropped, 14);
	assert_int_equal(st.rx_packets, 11);
	assert_int_equal(st.sources, 2);
	assert_true(st.rx_after_tx);
	assert_string_equal(addr_str(&st.last_dropped, text), "198.51.100.66:666");
	assert_string_equal(addr_str(&st.rx_source, text), "203.0.113.77:49170");
	assert_string_equal(addr_str(&st.sdp_addr, text), "192.168.1.20:4000");
	assert_int_equal(st.latch, LATCH_CLOSED);
	media_replan(p.a, &pa); /* a session timer's re-INVITE: nothing moves (F9) */
	speak(w, p.b, &other, 1);
	assert_string_equal(addr_str(&last(w)->to, text), "203.0.113.77:49170");
	part(&p);
}

static void test_unknown_remote(void **state)
{
	struct world *w = *state;
	struct media_plan pa = plan_of("", CODEC_ULAW, 0, 0);
	struct talk t = { "192.0.2.20:4000", { .seq = 1, .ssrc = 11 } };
	struct talk other = { "203.0.113.1:5000", { .seq = 1, .ssrc = 12 } };
	struct pair p;

	pa.latch.strict = STRICTRTP_NO;
	pa.keepalive_ms = 1000;
	p = join(w, pa, plan_of("203.0.113.1:5000", CODEC_ULAW, 0, 0));
	speak(w, p.b, &other, 100);
	assert_int_equal(w->n_sent, 0); /* nothing is sent while the remote is unknown; no RTCP either */
	speak(w, p.a, &t, 1);
	speak(w, p.b, &other, 1);
	assert_string_equal(addr_str(&last(w)->to, (char[ADDR_STRLEN]){ 0 }), "192.0.2.20:4000");
	part(&p);
}

static void test_hostile(void **state)
{
	struct world *w = *state;
	struct pair p =
		join(w, plan_of("192.0.2.20:4000", CODEC_ULAW, 0, 0), plan_of("203.0.113.1:5000", CODEC_ULAW, 0, 0));
	struct addr from = at("192.0.2.20:4000");
	struct media_stats st;
	static const char *const bytes[] = { "", "\0\0\0\0", "\x00\x01\x00\x00\x21\x12\xa4\x42xxxxxxxxxxxx",
					     "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff" };

	for (size_t i = 0; i < ARRAY_LEN(bytes); i++) {
		media_input(w->m, sock_of(w, p.a, 0), &from, (struct span){ bytes[i], i ? 12 : 0 }, w->now);
		media_input(w->m, sock_of(w, p.a, 1), &from, (struct span){ bytes[i], i ? 12 : 0 }, w->now);
	}
	media_input(w->m, 63, &from, SPAN("nobody's"), w->now);
	media_stats(p.a, &st);
	assert_int_equal(st.rx_packets + st.rx_dropped, 0);
	assert_int_equal(w->n_sent, 0);
	part(&p);
}

int main(void)
{
#define T(name)                                                        \
	cmocka_unit_test_setup_teardown(test_##name, setup, teardown), \
		cmocka_unit_test_setup_teardown(test_##name, setup_kernel, teardown)
	const struct CMUnitTest tests[] = { T(ports),     T(relay), T(source_change), T(transcode),      T(mismatch),
					    T(direction), T(dtmf),  T(symmetric),     T(unknown_remote), T(hostile) };
#undef T

	return cmocka_run_group_tests_name("media in the simulator", tests, NULL, NULL);
}
