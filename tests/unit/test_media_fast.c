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

		if (!addr_eq(&s->to, &dest) || rtp_is_rtcp((struct span){ (const char *)s->bytes, s->n }))
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

/* From the second packet on, the kernel has them. */
static void test_at_once(void **state)
{
	struct world *w = *state;
	struct pair p = join(w, plan_of(A, CODEC_ULAW, 0, 0), plan_of(B, CODEC_ULAW, 0, 0));
	struct talk a = { A, { .ssrc = 7, .seq = 100 } };

	assert_false(stats(p.a).fast);
	speak(w, p.a, &a, 1);
	assert_true(stats(p.a).fast);
	assert_false(stats(p.b).fast);
	part(&p);
}

/* The same call over both paths: the far end cannot tell, and neither can the figures. */
static void test_same_figures(void **state)
{
	struct world *w = *state, *user;
	struct media_stats st[2];

	assert_int_equal(setup((void **)&user), 0);
	for (int i = 0; i < 2; i++) {
		struct world *in = i ? user : w;
		struct pair p = join(in, plan_of(A, CODEC_ULAW, 0, 101), plan_of(B, CODEC_ULAW, 8, 96));
		struct talk a = { A, { .ssrc = 7, .seq = 65500, .ts = 0xffffff00, .marker = true } };

		speak(in, p.a, &a, 30);
		a.rtp.seq += 5; /* lost on the way */
		speak(in, p.a, &a, 20);
		in->now += 13; /* late */
		speak(in, p.a, &a, 20);
		a.rtp.seq -= 2; /* twice */
		speak(in, p.a, &a, 20);
		run_until(in, in->now + 6000);
		st[i] = stats(p.a);
		assert_int_equal(stats(p.b).tx_bytes, 90 * 160);
		part(&p);
	}
	assert_true(st[0].fast_packets > 80);
	assert_int_equal(st[1].fast_packets, 0);
	assert_int_equal(st[0].rx_packets, st[1].rx_packets);
	assert_int_equal(st[0].rx_lost, st[1].rx_lost);
	assert_int_equal(st[0].rx_jitter_us, st[1].rx_jitter_us);
	assert_int_equal(st[0].last_rx, st[1].last_rx);
	assert_int_equal(st[0].latch, st[1].latch);
	assert_int_equal(w->n_sent, user->n_sent);
	for (size_t i = 0; i < w->n_sent; i++) {
		assert_int_equal(w->sent[i].n, user->sent[i].n);
		assert_memory_equal(w->sent[i].bytes, user->sent[i].bytes, w->sent[i].n); /* RTCP, too */
	}
	teardown((void **)&user);
}

static void test_debug(void **state)
{
	struct world *w = *state;
	struct talk a, b;
	struct pair p = call(w, &a, &b);

	media_debug(w->m, true, NULL);
	media_tick(w->m, w->now);
	assert_false(stats(p.a).fast || stats(p.b).fast);
	speak(w, p.a, &a, 10);
	assert_non_null(find_event(w, MEDIA_DEBUG, 19)); /* each packet in, and out */
	media_debug(w->m, false, NULL);
	speak(w, p.a, &a, 10);
	assert_true(stats(p.a).fast);
	assert_smooth(w, B, 0, 24);
	part(&p);
}

static void test_hold(void **state)
{
	struct world *w = *state;
	struct talk a, b;
	struct pair p = call(w, &a, &b);
	struct media_plan hold = plan_of(A, CODEC_ULAW, 0, 101), talk = hold;
	size_t sent;

	hold.new_sdp = talk.new_sdp = false;
	hold.send = hold.recv = false;
	media_replan(p.a, &hold);
	media_tick(w->m, w->now);
	sent = w->n_sent;
	speak(w, p.a, &a, 10);
	speak(w, p.b, &b, 10);
	assert_int_equal(w->n_sent, sent);
	assert_false(stats(p.a).fast || stats(p.b).fast);
	media_replan(p.a, &talk);
	speak(w, p.a, &a, 5);
	speak(w, p.b, &b, 5);
	assert_true(stats(p.a).fast && stats(p.b).fast);
	assert_int_equal(stats(p.b).rx_packets, 19);
	part(&p);
}

/* A re-INVITE to SRTP: no packet of the call, either way, is the kernel's; back to plain, and they are again. */
static void test_secured(void **state)
{
	struct world *w = *state;
	struct talk a, b;
	struct pair p = call(w, &a, &b);
	struct srtp_key k = { .suite = SRTP_AES128_80, .bytes = { 7 } };
	uint64_t fast = stats(p.a).fast_packets;
	size_t sent;

	media_secure(p.b, &k, &k);
	media_tick(w->m, w->now);
	assert_false(stats(p.a).fast || stats(p.b).fast);
	sent = w->n_sent;
	speak(w, p.a, &a, 10);
	speak(w, p.b, &b, 10); /* plain: nobody who has the key */
	assert_int_equal(w->n_sent, sent + 10);
	for (; sent < w->n_sent; sent++)
		assert_int_equal(w->sent[sent].n, RTP_HEADER + 160 + 10);
	assert_false(stats(p.a).fast || stats(p.b).fast);
	assert_int_equal(stats(p.a).fast_packets, fast);
	assert_int_equal(stats(p.b).srtp_failures, 10);
	assert_int_equal(stats(p.b).rx_packets, 4);
	media_unsecure(p.b);
	speak(w, p.a, &a, 5);
	speak(w, p.b, &b, 5);
	assert_true(stats(p.a).fast && stats(p.b).fast);
	assert_int_equal(stats(p.b).rx_packets, 9);
	part(&p);
}

/* Somebody may listen for keys: every event comes up, and the audio goes down again after it. */
static void test_dtmf(void **state)
{
	struct world *w = *state;
	struct talk a, b;
	struct pair p = call(w, &a, &b);

	a.rtp.pt = 101;
	press(w, p.a, &a, 5, 3);
	assert_non_null(find_event(w, MEDIA_DTMF, 0));
	assert_int_equal(find_event(w, MEDIA_DTMF, 0)->digit, '5');
	assert_false(stats(p.a).fast);
	assert_true(stats(p.b).fast);
	a.rtp.pt = 0;
	speak(w, p.a, &a, 5);
	assert_true(stats(p.a).fast);
	assert_smooth(w, B, 0, 4 + 7 + 5);
	part(&p);
}

static void test_ssrc_change(void **state)
{
	struct world *w = *state;
	struct talk a, b;
	struct pair p = call(w, &a, &b);

	a.rtp.ssrc = 99;
	a.rtp.seq = 40000;
	speak(w, p.a, &a, 5);
	assert_int_equal(stats(p.a).ssrc_changes, 1);
	assert_true(stats(p.a).fast);
	assert_smooth(w, B, 0, 9);
	a.rtp.seq += 20000; /* the same one began anew */
	speak(w, p.a, &a, 5);
	assert_int_equal(stats(p.a).ssrc_changes, 2);
	assert_true(stats(p.a).fast);
	assert_smooth(w, B, 0, 14);
	part(&p);
}

/* Within the five seconds of learning a stranger may take over only when the peer is silent; the kernel hears it. */
static void test_stranger(void **state)
{
	struct world *w = *state;
	struct talk a, b, x = { "198.51.100.66:666", { .ssrc = 666, .seq = 1 } };
	struct pair p = call(w, &a, &b);
	size_t drops;

	for (int i = 0; i < 20; i++) {
		speak(w, p.a, &a, 1);
		speak(w, p.a, &x, 1);
	}
	assert_int_equal(stats(p.a).rx_dropped, 20);
	assert_true(stats(p.a).fast);
	assert_int_equal(stats(p.a).rx_packets, 24);
	drops = stats(p.a).rx_dropped;
	run_until(w, w->now + 6000);
	speak(w, p.a, &a, 2);
	speak(w, p.a, &x, 20); /* learning is over */
	assert_int_equal(stats(p.a).rx_dropped, drops + 20);
	assert_int_equal(stats(p.a).latch, LATCH_CLOSED);
	assert_smooth(w, B, 0, 26);
	part(&p);
}

/* The peer's NAT gives it another port: the route follows the latch. */
static void test_source_moves(void **state)
{
	struct world *w = *state;
	struct talk a, b;
	struct pair p = call(w, &a, &b);

	a.from = "192.0.2.20:4444";
	speak(w, p.a, &a, 20);
	assert_true(stats(p.a).fast);
	assert_int_equal(stats(p.a).source_moves, 1);
	speak(w, p.b, &b, 5);
	assert_true(stats(p.b).fast);
	assert_true(addr_eq(&last(w)->to, &(struct addr){ .family = 4, .port = 4444, .ip = { 192, 0, 2, 20 } }));
	part(&p);
}

/* Long after learning: what the kernel carried last is what the stream from another port is measured by. */
static void test_relatch(void **state)
{
	struct world *w = *state;
	struct media_plan pa = plan_of(A, CODEC_ULAW, 0, 101);
	struct talk a = { A, { .ssrc = 7, .seq = 100, .ts = 5000 } }, b = { B, { .ssrc = 8, .seq = 1, .ts = 90000 } };
	struct talk liar = { "198.51.100.66:666", { .ssrc = 7, .seq = 9000, .ts = 5000 } };
	struct pair p;

	pa.latch.relatch = true;
	p = join(w, pa, plan_of(B, CODEC_ULAW, 0, 96));
	speak(w, p.a, &a, 400);
	speak(w, p.b, &b, 4);
	assert_true(stats(p.a).fast && stats(p.b).fast);
	run_until(w, w->now + 3000);
	speak(w, p.a, &liar, 20);
	assert_int_equal(stats(p.a).source_moves, 0);
	a.from = "192.0.2.20:4444";
	speak(w, p.a, &a, 20);
	assert_int_equal(stats(p.a).source_moves, 1);
	assert_true(stats(p.a).fast);
	speak(w, p.b, &b, 5);
	assert_true(stats(p.b).fast);
	assert_true(addr_eq(&last(w)->to, &(struct addr){ .family = 4, .port = 4444, .ip = { 192, 0, 2, 20 } }));
	part(&p);
}

static void test_play(void **state)
{
	struct world *w = *state;
	struct media_play tone = { .source = SOURCE_TONE, .freq1 = 1000 }, none = { .source = SOURCE_NONE };
	struct talk a, b;
	struct pair p = call(w, &a, &b);

	media_play(p.b, &tone);
	media_tick(w->m, w->now);
	assert_false(stats(p.a).fast); /* B hears the tone instead */
	assert_false(stats(p.b).fast);
	speak(w, p.a, &a, 10);
	media_play(p.b, &none);
	media_tick(w->m, w->now);
	speak(w, p.a, &a, 10);
	assert_true(stats(p.a).fast);
	assert_smooth(w, B, 0, 4 + 11 + 10); /* in the middle, 200 ms of the tone */
	part(&p);
}

static void test_transcoded(void **state)
{
	struct world *w = *state;
	struct pair p = join(w, plan_of(A, CODEC_ULAW, 0, 101), plan_of(B, CODEC_ALAW, 8, 101));
	struct talk a = { A, { .ssrc = 7, .seq = 100 } };

	speak(w, p.a, &a, 20);
	assert_int_equal(stats(p.a).fast_packets, 0);
	assert_int_equal(stats(p.b).tx_packets, 20);
	part(&p);
}

/* Comfort noise passes, with its number translated, and is counted apart. */
static void test_comfort_noise(void **state)
{
	struct world *w = *state;
	struct media_plan pa = plan_of(A, CODEC_ULAW, 0, 0), pb = plan_of(B, CODEC_ULAW, 0, 0);
	struct talk a = { A, { .ssrc = 7, .seq = 100 } };
	char quiet[1] = { 60 };
	struct pair p;

	pa.cn_pt = 13;
	pb.cn_pt = 19;
	p = join(w, pa, pb);
	speak(w, p.a, &a, 4);
	a.rtp.pt = 13;
	a.rtp.payload = (struct span){ quiet, 1 };
	speak(w, p.a, &a, 4);
	assert_true(stats(p.a).fast);
	assert_int_equal(stats(p.a).rx_cn, 4);
	assert_int_equal(last(w)->rtp.pt, 19);
	assert_int_equal(stats(p.a).rx_codec, CODEC_ULAW);
	part(&p);
}

static void test_timeout(void **state)
{
	struct world *w = *state;
	struct media_plan pa = plan_of(A, CODEC_ULAW, 0, 0);
	struct talk a = { A, { .ssrc = 7, .seq = 100 } };
	struct pair p;

	pa.timeout_ms = 3000;
	p = join(w, pa, plan_of(B, CODEC_ULAW, 0, 0));
	speak(w, p.a, &a, 500); /* 10 s: only the kernel sees them */
	assert_true(stats(p.a).fast_packets > 490);
	assert_null(find_event(w, MEDIA_SILENT, 0));
	run_until(w, w->now + 4000);
	assert_non_null(find_event(w, MEDIA_SILENT, 0));
	part(&p);
}

/* A silent stretch: our keepalive goes out in between, and the stream goes on after it without a gap. */
static void test_keepalive(void **state)
{
	struct world *w = *state;
	struct media_plan pb = plan_of(B, CODEC_ULAW, 0, 0);
	struct talk a = { A, { .ssrc = 7, .seq = 100 } };
	struct pair p;

	pb.keepalive_ms = 2000;
	p = join(w, plan_of(A, CODEC_ULAW, 0, 0), pb);
	speak(w, p.a, &a, 300);
	assert_int_equal(stats(p.b).tx_packets, 300);
	run_until(w, w->now + 5000);
	assert_int_equal(stats(p.b).tx_packets, 302);
	speak(w, p.a, &a, 10);
	assert_true(stats(p.a).fast);
	assert_smooth(w, B, 0, 312);
	part(&p);
}

/* One leg closes in the middle of it; the other stays usable. */
/* The program never sees the packets: it is not asked again and again. */
static void test_in_vain(void **state)
{
	struct world *w = *state;
	struct pair p = join(w, plan_of(A, CODEC_ULAW, 0, 0), plan_of(B, CODEC_ULAW, 0, 0));
	struct talk a = { A, { .ssrc = 7, .seq = 100 } };
	char frame[160] = { 0 };
	uint8_t buf[200];
	unsigned open = 0;

	for (int i = 0; i < 1000; i++) {
		size_t n;

		a.rtp.payload = (struct span){ frame, sizeof frame };
		n = rtp_write(buf, sizeof buf, &a.rtp);
		buf[0] |= 0x10; /* an extension, of no words: only user space takes it apart */
		memmove(buf + 16, buf + 12, n - 12);
		memset(buf + 12, 0, 4);
		a.rtp.seq++;
		if (i % 20 < 1)
			say(w, p.a, &a);
		else
			media_input(w->m, sock_of(w, p.a, 0),
				    &(struct addr){ .family = 4, .port = 4000, .ip = { 192, 0, 2, 20 } },
				    (struct span){ (char *)buf, n + 4 }, w->now);
		run_until(w, w->now + 20);
		open += stats(p.a).fast;
	}
	assert_true(open > 0 && open < 20);
	assert_int_equal(stats(p.a).rx_lost, 0);
	part(&p);
}

static void test_close(void **state)
{
	struct world *w = *state;
	struct talk a, b;
	struct pair p = call(w, &a, &b);

	media_close(&p.a);
	media_tick(w->m, w->now);
	assert_false(stats(p.b).fast);
	speak(w, p.b, &b, 5);
	assert_int_equal(stats(p.b).rx_packets, 9);
	media_close(&p.b);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(test_##name, setup_kernel, teardown)
	const struct CMUnitTest tests[] = { T(goes_over), T(at_once),    T(same_figures),  T(debug),    T(hold),
					    T(secured),   T(dtmf),       T(ssrc_change),   T(stranger), T(source_moves),
					    T(play),      T(transcoded), T(comfort_noise), T(relatch),  T(timeout),
					    T(keepalive), T(in_vain),    T(close) };
#undef T

	return cmocka_run_group_tests_name("media goes over to the kernel", tests, NULL, NULL);
}
