/* tests/unit/test_media_time.c: media by the clock: keepalives, timeouts, what is played, RTCP, debug lines */
#include "test_media_world.h"

/* ---- time ---- */

static void test_keepalive(void **state)
{
	struct world *w = *state;
	struct media_plan p = plan_of("192.0.2.20:4000", CODEC_ALAW, 8, 0);
	struct media_leg *leg = leg_open(w, "a");
	ms_t from = w->now;

	p.keepalive_ms = 15000;
	media_replan(leg, &p);
	run_until(w, from + 499);
	assert_int_equal(w->n_sent, 0);
	run_until(w, from + 500); /* real silence, so that a peer that learns from audio learns from it */
	assert_int_equal(w->n_sent, 1);
	assert_int_equal(last(w)->rtp.pt, 8);
	assert_int_equal(last(w)->rtp.payload.n, 160);
	assert_int_equal(last(w)->bytes[RTP_HEADER], 0xd5);
	run_until(w, from + 4000);
	assert_int_equal(w->n_sent, 1);
	p.cn_pt = 13;
	p.new_sdp = false;
	media_replan(leg, &p);
	w->n_sent = 0;
	run_until(w, from + 31000);
	for (size_t i = 0, cn = 0; i < w->n_sent; i++) /* at 15.5 s and 30.5 s; the rest is RTCP */
		if (w->sent[i].rtp.pt == 13 && w->sent[i].sock == sock_of(w, leg, 0))
			assert_int_equal(w->sent[i].at, from + 15500 + 15000 * (ms_t)cn++);
	media_close(&leg);
}

/* Silence in the codec until the peer is heard: dense, then sparse; the other leg's audio takes its place, one stream.
 */
static void test_pinhole(void **state)
{
	struct world *w = *state;
	struct media_plan pa = plan_of("192.0.2.20:4000", CODEC_ALAW, 8, 0);
	struct talk b = { "203.0.113.1:5000", { .pt = 8, .seq = 1, .ssrc = 12 } };
	struct talk a = { "192.0.2.20:4000", { .pt = 8, .seq = 1, .ssrc = 11 } };
	struct media_stats st;
	struct sent silent;
	struct pair p;

	pa.open_pinhole = true;
	p = join(w, pa, plan_of("203.0.113.1:5000", CODEC_ALAW, 8, 0));
	run_until(w, w->now + 90);
	assert_int_equal(w->n_sent, 5);
	for (size_t i = 0; i < 5; i++) {
		assert_string_equal(addr_str(&w->sent[i].to, (char[ADDR_STRLEN]){ 0 }), "192.0.2.20:4000");
		assert_int_equal(w->sent[i].rtp.pt, 8);
		assert_int_equal(w->sent[i].rtp.payload.n, 160);
		assert_int_equal((uint8_t)w->sent[i].rtp.payload.p[7], 0xd5);
		assert_int_equal(w->sent[i].rtp.seq, (uint16_t)(w->sent[0].rtp.seq + i));
		assert_int_equal(w->sent[i].rtp.ts, (uint32_t)(w->sent[0].rtp.ts + 160 * i));
	}
	run_until(w, w->now + 3000);
	assert_in_range(w->n_sent, 12, 40);
	silent = *last(w);
	speak(w, p.b, &b, 50);
	for (size_t i = w->n_sent - 50; i < w->n_sent; i++)
		assert_int_equal(w->sent[i].rtp.payload.p[7], 0x2a);
	assert_int_equal(last(w)->rtp.ssrc, silent.rtp.ssrc);
	assert_int_equal(last(w)->rtp.seq, (uint16_t)(silent.rtp.seq + 50));
	assert_int_equal(last(w)->rtp.ts - silent.rtp.ts, (last(w)->at - silent.at) * 8);
	speak(w, p.a, &a, 1);
	run_until(w, w->now + 20000);
	media_stats(p.a, &st);
	assert_int_equal(st.tx_packets, 50 + st.tx_opening);
	part(&p);
}

/* Every codec that we have an encoder for gets its own silence; the others get comfort noise. */
static void test_pinhole_codecs(void **state)
{
	static const struct {
		enum codec codec;
		size_t bytes, ticks;
	} of[] = { { CODEC_ULAW, 160, 160 }, { CODEC_G722, 160, 160 }, { CODEC_GSM, 33, 160 },
		   { CODEC_G726, 80, 160 },  { CODEC_OPUS, 3, 960 },   { CODEC_SLIN, 320, 160 } };
	struct world *w = *state;

	for (size_t i = 0; i <= ARRAY_LEN(of); i++) {
		bool known = i < ARRAY_LEN(of);
		struct media_plan pa = plan_of("192.0.2.20:4000", known ? of[i].codec : CODEC_G729, 96, 0);
		struct media_leg *leg = leg_open(w, "a");
		size_t before = w->n_sent;

		pa.open_pinhole = true;
		media_replan(leg, &pa);
		run_until(w, w->now + 30);
		assert_int_equal(w->n_sent, before + 2);
		assert_int_equal(last(w)->rtp.pt, known ? 96 : 13);
		assert_int_equal(last(w)->rtp.payload.n, known ? of[i].bytes : 1);
		if (known)
			assert_int_equal(last(w)->rtp.ts - w->sent[before].rtp.ts, of[i].ticks);
		media_close(&leg);
		media_tick(w->m, w->now);
	}
}

/*
 * A digit is one event (RFC 4733): one timestamp, a duration that grows, three ends; what follows goes on in time.
 * Where no events were agreed it is two tones.
 */
static void test_digit(void **state)
{
	struct media_play key = { .source = SOURCE_DIGIT, .digit = '#', .on_ms = 100 };
	struct talk t = { "203.0.113.1:5000", { .pt = 8, .seq = 1, .ssrc = 12 } };
	struct world *w = *state;
	struct pair p = join(w, plan_of("192.0.2.20:4000", CODEC_ALAW, 8, 101),
			     plan_of("203.0.113.1:5000", CODEC_ALAW, 8, 101));
	const struct sent *s = w->sent;
	uint32_t ts;

	speak(w, p.b, &t, 5);
	w->n_sent = 0;
	media_play(p.a, &key);
	run_until(w, w->now + 110);
	assert_int_equal(w->n_sent, 8);
	ts = s[0].rtp.ts;
	for (size_t i = 0; i < 8; i++) {
		const uint8_t *payload = (const uint8_t *)s[i].rtp.payload.p;

		assert_int_equal(s[i].rtp.pt, 101);
		assert_int_equal(s[i].rtp.marker, i == 0);
		assert_int_equal(s[i].rtp.ts, ts);
		assert_int_equal(s[i].rtp.seq, (uint16_t)(s[0].rtp.seq + i));
		assert_int_equal(payload[0], 11);
		assert_int_equal(payload[1], i < 5 ? 10 : 0x8a);
		assert_int_equal(get16(payload + 2), 160 * MIN(i + 1, 5));
	}
	assert_non_null(find_event(w, MEDIA_PLAYED, 0));
	speak(w, p.b, &t, 1);
	assert_true((int32_t)(last(w)->rtp.ts - ts) >= 800);
	assert_int_equal(last(w)->rtp.seq, (uint16_t)(s[0].rtp.seq + 8));
	part(&p);
	p = join(w, plan_of("192.0.2.20:4000", CODEC_ALAW, 8, 0), plan_of("203.0.113.1:5000", CODEC_ALAW, 8, 0));
	w->n_sent = 0;
	media_play(p.a, &key);
	run_until(w, w->now + 110);
	assert_int_equal(w->n_sent, 5);
	assert_int_equal(s[0].rtp.pt, 8);
	assert_int_equal(s[0].rtp.payload.n, 160);
	part(&p);
}

static void test_timeout(void **state)
{
	struct world *w = *state;
	struct media_plan p = plan_of("192.0.2.20:4000", CODEC_ULAW, 0, 0);
	struct talk t = { "192.0.2.20:4000", { .seq = 1, .ssrc = 11 } };
	struct media_leg *leg = leg_open(w, "a");

	p.timeout_ms = 3000;
	media_replan(leg, &p);
	run_until(w, w->now + 2999);
	assert_null(find_event(w, MEDIA_SILENT, 0));
	run_until(w, w->now + 1);
	assert_non_null(find_event(w, MEDIA_SILENT, 0));
	assert_ptr_equal(find_event(w, MEDIA_SILENT, 0)->owner, w);
	run_until(w, w->now + 20000);
	assert_null(find_event(w, MEDIA_SILENT, 1)); /* once */
	speak(w, leg, &t, 5);
	run_until(w, w->now + 2970);
	assert_null(find_event(w, MEDIA_SILENT, 1));
	run_until(w, w->now + 20);
	assert_non_null(find_event(w, MEDIA_SILENT, 1)); /* packets armed it again */
	media_close(&leg);
}

static double goertzel(struct world *w, size_t from, size_t frames, double hz)
{
	double c = 2 * cos(2 * M_PI * hz / 8000), a = 0, b = 0;

	for (size_t i = 0; i < frames * 160; i++) {
		int16_t v;
		double t;

		pcm_decode(CODEC_ULAW, span_sub(w->sent[from + i / 160].rtp.payload, i % 160, 1), &v, 1);
		t = v + c * a - b;
		b = a;
		a = t;
	}
	return sqrt(a * a + b * b - c * a * b) * 2 / (double)(frames * 160);
}

static void test_tone(void **state)
{
	struct world *w = *state;
	struct media_plan p = plan_of("192.0.2.20:4000", CODEC_ULAW, 0, 0);
	struct media_play what = { .source = SOURCE_TONE, .freq1 = 1000, .level_dbm0 = 0 };
	struct media_play none = { .source = SOURCE_NONE };
	struct media_leg *leg = leg_open(w, "a");
	ms_t from = w->now;

	media_replan(leg, &p);
	media_play(leg, &what);
	run_until(w, from + 999);
	assert_int_equal(w->n_sent, 50);
	for (size_t i = 1; i < 50; i++) { /* every 20 ms, without drift */
		assert_int_equal(w->sent[i].at, from + 20 * (ms_t)i);
		assert_int_equal(w->sent[i].rtp.seq, (uint16_t)(w->sent[0].rtp.seq + i));
		assert_int_equal(w->sent[i].rtp.ts, w->sent[0].rtp.ts + 160 * i);
		assert_int_equal(w->sent[i].rtp.marker, 0);
	}
	assert_true(w->sent[0].rtp.marker);
	assert_in_range((int)goertzel(w, 0, 50, 1000), 22000, 23500);
	assert_in_range((int)goertzel(w, 0, 50, 1300), 0, 200);
	media_play(leg, &none);
	run_until(w, w->now + 1000);
	assert_int_equal(w->n_sent, 50);
	media_close(&leg);
	assert_null(find_event(w, MEDIA_PLAYED, 0));
}

static void test_file(void **state)
{
	struct world *w = *state;
	struct media_plan p = plan_of("192.0.2.20:4000", CODEC_ULAW, 0, 0);
	struct media_play what = { .source = SOURCE_FILE, .path = "/tmp/hairpin-sim-XXXXXX.ulaw" };
	struct media_leg *leg = leg_open(w, "a");
	int fd = mkstemps(what.path, 5);
	char bytes[1000];

	memset(bytes, 0x33, sizeof bytes);
	assert_int_equal(write(fd, bytes, sizeof bytes), sizeof bytes);
	close(fd);
	media_replan(leg, &p);
	media_play(leg, &what);
	run_until(w, w->now + 139); /* six frames and a bit: seven */
	assert_int_equal(w->n_sent, 7);
	assert_null(find_event(w, MEDIA_PLAYED, 0));
	run_until(w, w->now + 1);
	assert_true(find_event(w, MEDIA_PLAYED, 0)->ok);
	assert_int_equal(w->sent[0].bytes[RTP_HEADER], 0x33);
	assert_int_equal(w->sent[6].bytes[RTP_HEADER + 159], 0xff);
	unlink(what.path);
	media_play(leg, &what);
	run_until(w, w->now + 1);
	assert_false(find_event(w, MEDIA_PLAYED, 1)->ok);
	media_close(&leg);
}

static void test_echo(void **state)
{
	struct world *w = *state;
	struct media_plan p = plan_of("192.0.2.20:4000", CODEC_G722, 9, 101);
	struct media_play what = { .source = SOURCE_ECHO };
	struct media_leg *leg = leg_open(w, "a");
	struct talk t = { "192.0.2.20:4000", { .pt = 9, .seq = 1, .ssrc = 11, .payload = SPAN("hello") } };

	media_replan(leg, &p);
	media_play(leg, &what);
	speak(w, leg, &t, 5);
	assert_int_equal(w->n_sent, 5);
	assert_true(span_is(last(w)->rtp.payload, "hello") && last(w)->rtp.pt == 9);
	t.rtp.pt = 101;
	press(w, leg, &t, 1, 1);
	assert_int_equal(last(w)->rtp.pt, 101);
	assert_int_equal(find_event(w, MEDIA_DTMF, 0)->digit, '1');
	media_close(&leg);
}

/* Music to one leg of a bridge: the other leg's audio waits, and the far end sees one stream throughout. */
static void test_play_in_bridge(void **state)
{
	struct world *w = *state;
	struct pair p =
		join(w, plan_of("192.0.2.20:4000", CODEC_ULAW, 0, 0), plan_of("203.0.113.1:5000", CODEC_ULAW, 0, 0));
	struct media_play tone = { .source = SOURCE_TONE, .freq1 = 400, .level_dbm0 = -10 }, none = { 0 };
	struct talk t = { "192.0.2.20:4000", { .seq = 1, .ssrc = 11 } };

	speak(w, p.a, &t, 5);
	media_play(p.b, &tone);
	speak(w, p.a, &t, 5);
	media_play(p.b, &none);
	speak(w, p.a, &t, 5);
	for (size_t i = 1; i < w->n_sent; i++) {
		assert_int_equal(w->sent[i].rtp.ssrc, w->sent[0].rtp.ssrc);
		assert_int_equal((uint16_t)(w->sent[i].rtp.seq - w->sent[i - 1].rtp.seq), 1);
		assert_in_range(w->sent[i].rtp.ts - w->sent[i - 1].rtp.ts, 160, 320);
	}
	assert_in_range(w->n_sent, 15, 16);
	media_part(p.a);
	speak(w, p.a, &t, 5);
	assert_in_range(w->n_sent, 15, 16);
	part(&p);
}

/* ---- RTCP, statistics, debug ---- */

static void test_rtcp(void **state)
{
	struct world *w = *state;
	struct media_plan plan = plan_of("192.0.2.20:4000", CODEC_ULAW, 0, 0);
	struct media_play tone = { .source = SOURCE_TONE, .freq1 = 400 };
	struct talk t = { "192.0.2.20:4000", { .seq = 65530, .ssrc = 11 } };
	struct media_leg *leg = leg_open(w, "a");
	struct addr from = at("192.0.2.20:4001");
	struct rtcp_report rr = { .ssrc = 11, .has_block = true, .cname = "phone" };
	struct media_stats st;
	struct rtcp_in in;
	char buf[256];
	struct out o = out_fixed(buf, sizeof buf);
	size_t sr = 0;

	media_replan(leg, &plan);
	media_play(leg, &tone);
	speak(w, leg, &t, 100);
	t.rtp.seq += 10; /* ten are lost */
	t.rtp.ts += 1600;
	speak(w, leg, &t, 148);
	run_until(w, w->now + 100);
	while (sr < w->n_sent && w->sent[sr].to.port != 4001)
		sr++;
	assert_true(sr < w->n_sent);
	assert_int_equal(w->sent[sr].sock, sock_of(w, leg, 1));
	assert_true(rtcp_parse((struct span){ (char *)w->sent[sr].bytes, w->sent[sr].n }, 11, &in));
	assert_true(in.sr && in.has_block && !in.bye);
	assert_int_equal(in.block.lost, 10);
	assert_int_equal(in.block.highest, 65536 + 65530 + 257 - 65536);
	media_stats(leg, &st);
	assert_int_equal(st.rx_lost, 10);
	assert_int_equal(st.rr_count, 0);
	rr.block = (struct rtcp_block){ .ssrc = st.tx_ssrc,
					.fraction = 64,
					.lost = 5,
					.highest = 1000,
					.jitter = 80,
					.lsr = in.ntp_mid,
					.dlsr = 65536 / 50 };
	rtcp_write(&o, &rr);
	w->now = w->sent[sr].at + 120;
	media_input(w->m, sock_of(w, leg, 1), &from, out_look(&o), w->now);
	media_stats(leg, &st);
	assert_int_equal(st.rr_count, 1);
	assert_int_equal(st.rr_fraction, 64);
	assert_int_equal(st.rr_lost, 5);
	assert_int_equal(st.rr_jitter_us, 10000);
	assert_in_range(st.rtt_us, 99000, 101000);
	assert_true(st.rr_moving);
	media_input(w->m, sock_of(w, leg, 1), &from, out_look(&o), w->now);
	media_stats(leg, &st);
	assert_false(st.rr_moving); /* the same highest sequence again: it hears nothing */
	from.port = 9999;
	rr.ssrc = 4711;
	o.n = 0;
	rtcp_write(&o, &rr);
	media_input(w->m, sock_of(w, leg, 1), &from, out_look(&o), w->now);
	media_stats(leg, &st);
	assert_int_equal(st.rr_count, 2); /* a stranger's is not believed */
	media_close(&leg);
	media_tick(w->m, w->now);
	assert_true(rtcp_parse((struct span){ (char *)last(w)->bytes, last(w)->n }, 11, &in));
	assert_true(in.bye);
}

/* The far end measures its round trip by what our report says of its own: when it came, and how long we had it. */
static void test_rtcp_answers(void **state)
{
	struct world *w = *state;
	struct media_plan plan = plan_of("192.0.2.20:4000", CODEC_ULAW, 0, 0);
	struct talk t = { "192.0.2.20:4000", { .seq = 1, .ssrc = 11 } };
	struct media_leg *leg = leg_open(w, "a");
	struct addr from = at("192.0.2.20:4001");
	struct rtcp_report sr = { .ssrc = 11, .sender = true, .ntp = rtcp_ntp(123456789), .cname = "phone" };
	struct rtcp_in in;
	struct media_stats st;
	char buf[256];
	struct out o = out_fixed(buf, sizeof buf);
	ms_t opened = w->now;

	media_replan(leg, &plan);
	speak(w, leg, &t, 200);
	rtcp_write(&o, &sr);
	media_input(w->m, sock_of(w, leg, 1), &from, out_look(&o), w->now);
	run_until(w, opened + 5000);
	media_stats(leg, &st);
	assert_true(rtcp_parse((struct span){ (char *)last(w)->bytes, last(w)->n }, 11, &in));
	assert_true(in.has_block && in.sender == st.tx_ssrc && !in.sr);
	assert_int_equal(in.block.lsr, rtcp_ntp_mid(sr.ntp));
	assert_int_equal(in.block.dlsr, 65536);
	media_close(&leg);
}

static void test_rtcp_mux(void **state)
{
	struct world *w = *state;
	struct media_open ask = { .bind = at("192.0.2.10"), .rtcp_mux = true };
	struct media_plan plan = plan_of("192.0.2.20:4000", CODEC_ULAW, 0, 0);
	struct talk t = { "192.0.2.20:4000", { .seq = 1, .ssrc = 11 } };
	struct media_leg *leg = media_open(w->m, &ask);
	struct rtcp_report rr = { .ssrc = 11, .has_block = true, .cname = "phone" };
	struct addr from = at("192.0.2.20:4000");
	struct media_stats st;
	char buf[256];
	struct out o = out_fixed(buf, sizeof buf);

	plan.rtcp_mux = true;
	media_replan(leg, &plan);
	speak(w, leg, &t, 300);
	assert_int_equal(w->n_sent, 1);
	assert_int_equal(last(w)->to.port, 4000);
	assert_int_equal(last(w)->bytes[1], 201); /* we sent nothing: RR */
	media_stats(leg, &st);
	rr.block.ssrc = st.tx_ssrc;
	rtcp_write(&o, &rr);
	media_input(w->m, sock_of(w, leg, 0), &from, out_look(&o), w->now);
	media_stats(leg, &st);
	assert_int_equal(st.rr_count, 1);
	assert_int_equal(st.rx_packets, 300);
	assert_int_equal(st.rx_jitter_us, 0);
	media_close(&leg);
}

/* Offered and then agreed: the RTCP port is there, but RTCP leaves from the RTP port. */
static void test_late_mux(void **state)
{
	struct world *w = *state;
	struct media_plan plan = plan_of("192.0.2.20:4000", CODEC_ULAW, 0, 0);
	struct talk t = { "192.0.2.20:4000", { .seq = 1, .ssrc = 11 } };
	struct media_leg *leg = leg_open(w, "a");

	plan.rtcp_mux = true;
	media_replan(leg, &plan);
	speak(w, leg, &t, 300);
	assert_int_equal(w->n_sent, 1);
	assert_int_equal(last(w)->to.port, 4000);
	assert_int_equal(last(w)->sock, sock_of(w, leg, 0));
	media_close(&leg);
}

/* What the guide's reader looks for: we send to a private address, its audio comes from elsewhere. */
static void test_debug_says_why(void **state)
{
	struct world *w = *state;
	struct media_plan far = plan_of("192.168.1.20:4000", CODEC_ULAW, 0, 0);
	struct pair p;
	struct talk a = { "203.0.113.77:40002", { .seq = 100, .ts = 160, .ssrc = 11 } };
	struct talk b = { "203.0.113.1:5000", { .seq = 500, .ts = 160, .ssrc = 12 } };

	far.latch.symmetric = false;
	p = join(w, far, plan_of("203.0.113.1:5000", CODEC_ULAW, 0, 0));
	speak(w, p.a, &a, 10);
	media_debug(w->m, true, NULL);
	speak(w, p.a, &a, 1);
	assert_non_null(strstr(find_event(w, MEDIA_DEBUG, 0)->text,
			       " a learning; its SDP says 192.168.1.20:4000, a private address"));
	speak(w, p.b, &b, 1);
	assert_non_null(strstr(find_event(w, MEDIA_DEBUG, 3)->text, "Sent RTP packet to      192.168.1.20:4000"));
	assert_non_null(strstr(find_event(w, MEDIA_DEBUG, 3)->text,
			       " a, as its SDP says, a private address; its audio comes from 203.0.113.77:40002"));
	b.from = "198.51.100.66:6666";
	b.rtp.ssrc = 99;
	speak(w, p.b, &b, 1);
	assert_non_null(strstr(find_event(w, MEDIA_DEBUG, 4)->text,
			       " b dropped: not the learned source; its SDP says 203.0.113.1:5000"));
	media_close(&p.a);
	media_close(&p.b);
}

static void test_debug(void **state)
{
	struct world *w = *state;
	struct pair p =
		join(w, plan_of("192.0.2.20:4000", CODEC_ULAW, 0, 0), plan_of("203.0.113.1:5000", CODEC_ULAW, 0, 0));
	struct talk t = { "192.0.2.20:4000", { .seq = 12345, .ts = 160, .ssrc = 11 } };
	struct addr ip = at("203.0.113.1");

	media_debug(w->m, true, NULL);
	speak(w, p.a, &t, 1);
	assert_string_equal(find_event(w, MEDIA_DEBUG, 0)->text,
			    "Got  RTP packet from    192.0.2.20:4000 (type 00, seq 012345, ts 000160, len 000160) "
			    "a learning");
	assert_memory_equal(find_event(w, MEDIA_DEBUG, 1)->text,
			    "Sent RTP packet to      203.0.113.1:5000 (type 00, seq ", 55);
	media_debug(w->m, true, &ip);
	speak(w, p.a, &t, 1);
	assert_memory_equal(find_event(w, MEDIA_DEBUG, 2)->text, "Sent", 4);
	assert_null(find_event(w, MEDIA_DEBUG, 3));
	media_debug(w->m, false, NULL);
	speak(w, p.a, &t, 1);
	assert_null(find_event(w, MEDIA_DEBUG, 3));
	part(&p);
}

/* Every datagram, whatever is in it. */
static void test_capture(void **state)
{
	struct world *w = *state;
	struct media_leg *leg = leg_open(w, "a");
	struct talk t = { "192.0.2.20:4000", { .seq = 1, .ts = 160, .ssrc = 11 } };
	struct addr from = at("203.0.113.66:6666");

	media_capture(w->m, true);
	speak(w, leg, &t, 1);
	assert_int_equal(find_event(w, MEDIA_PACKET, 0)->packet.n, 12 + 160);
	media_input(w->m, sock_of(w, leg, 0), &from, (struct span){ (char *)&from, 0 }, w->now); /* empty */
	assert_int_equal(find_event(w, MEDIA_PACKET, 1)->packet.n, 0);
	media_capture(w->m, false);
	speak(w, leg, &t, 1);
	assert_null(find_event(w, MEDIA_PACKET, 2));
	media_close(&leg);
}

/* No event of a leg comes after it was closed, not even one that was on its way. */
static void test_close(void **state)
{
	struct world *w = *state;
	struct media_leg *leg = leg_open(w, "a");
	struct media_play gone = { .source = SOURCE_FILE, .path = "/nowhere.wav" };

	media_play(leg, &gone);
	media_close(&leg);
	media_close(&leg); /* cleared: nothing happens */
	run_until(w, w->now + 100);
	assert_int_equal(w->n_events, 0);
	assert_true(media_next(w->m) == MS_NEVER);
}

int main(void)
{
#define T(name)                                                        \
	cmocka_unit_test_setup_teardown(test_##name, setup, teardown), \
		cmocka_unit_test_setup_teardown(test_##name, setup_kernel, teardown)
	const struct CMUnitTest tests[] = { T(keepalive),      T(pinhole), T(pinhole_codecs), T(digit),
					    T(timeout),        T(tone),    T(file),           T(echo),
					    T(play_in_bridge), T(rtcp),    T(rtcp_answers),   T(rtcp_mux),
					    T(late_mux),       T(debug),   T(debug_says_why), T(capture),
					    T(close) };
#undef T

	return cmocka_run_group_tests_name("media by the clock", tests, NULL, NULL);
}
