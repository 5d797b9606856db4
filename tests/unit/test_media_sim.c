/*
 * tests/unit/test_media_sim.c: legs in a world without sockets and with a clock of our own: what is sent for what comes
 * in.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/rng.h"
#include "media/media.h"
#include "media/pcm.h"
#include "media/rtcp.h"
#include "media/rtp.h"

#define SENT_MAX   4096
#define EVENTS_MAX 256

struct sent {
	uint32_t sock;
	struct addr to;
	uint8_t bytes[600];
	size_t n;
	struct rtp rtp;
	ms_t at;
};

struct world {
	struct media *m;
	struct rng rng;
	struct media_io io;
	struct addr socks[64];
	bool open[64];
	struct sent *sent;
	size_t n_sent;
	struct media_event events[EVENTS_MAX];
	size_t n_events;
	uint16_t taken; /* a port that is never free */
	ms_t now;
};

static int sim_open(void *arg, const struct addr *bind, uint32_t *sock)
{
	struct world *w = arg;
	uint32_t at = 0;

	for (uint32_t i = 1; i < ARRAY_LEN(w->socks); i++) {
		if (w->open[i] && addr_eq(&w->socks[i], bind))
			return -EADDRINUSE;
		if (!w->open[i] && !at)
			at = i;
	}
	if (bind->port == w->taken)
		return -EADDRINUSE;
	assert_true(at > 0);
	w->open[at] = true;
	w->socks[at] = *bind;
	*sock = at;
	return 0;
}

static void sim_close(void *arg, uint32_t sock)
{
	struct world *w = arg;

	assert_true(w->open[sock]);
	w->open[sock] = false;
}

static void sim_send(void *arg, uint32_t sock, const struct addr *to, struct span bytes)
{
	struct world *w = arg;
	struct sent *s = &w->sent[w->n_sent];

	assert_true(w->open[sock] && w->n_sent < SENT_MAX && bytes.n <= sizeof s->bytes && to->family && to->port);
	*s = (struct sent){ .sock = sock, .to = *to, .n = bytes.n, .at = w->now };
	memcpy(s->bytes, bytes.p, bytes.n);
	rtp_parse((struct span){ (char *)s->bytes, s->n }, &s->rtp);
	w->n_sent++;
}

static void on_event(void *arg, const struct media_event *ev)
{
	struct world *w = arg;

	assert_true(w->n_events < EVENTS_MAX);
	w->events[w->n_events++] = *ev;
}

static int setup(void **state)
{
	static const uint8_t seed[32] = { 1 };
	struct world *w = calloc(1, sizeof *w);
	struct media_config c = { .rtp = { .rtpstart = 10000,
					   .rtpend = 10060,
					   .strictrtp = STRICTRTP_YES,
					   .probation = 4,
					   .rtcpinterval = 5000 },
				  .rng = &w->rng,
				  .event = on_event,
				  .arg = w };

	w->sent = calloc(SENT_MAX, sizeof *w->sent);
	w->io = (struct media_io){ w, sim_open, sim_close, sim_send };
	c.io = &w->io;
	rng_seed(&w->rng, seed);
	w->now = 1000;
	w->m = media_new(&c);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	media_free(w->m);
	for (size_t i = 0; i < ARRAY_LEN(w->open); i++)
		assert_false(w->open[i]);
	free(w->sent);
	free(w);
	return 0;
}

static struct addr at(const char *text)
{
	struct addr a = { 0 };

	if (text[0])
		assert_true(addr_parse(span_of(text), &a));
	return a;
}

static void run_until(struct world *w, ms_t until)
{
	for (ms_t next = media_tick(w->m, w->now); next <= until; next = media_tick(w->m, w->now))
		w->now = MAX(next, w->now);
	w->now = until;
	media_tick(w->m, w->now);
}

static struct media_leg *leg_open(struct world *w, const char *name)
{
	struct media_open ask = { .bind = at("192.0.2.10"), .owner = w };
	struct media_leg *leg;

	snprintf(ask.name, sizeof ask.name, "%s", name);
	leg = media_open(w->m, &ask);
	assert_non_null(leg);
	return leg;
}

/* A plan for a phone at `remote` that takes one codec and telephone-events. */
static struct media_plan plan_of(const char *remote, enum codec c, uint8_t pt, uint8_t dtmf_pt)
{
	struct media_plan p = { .remote = at(remote),
				.new_sdp = true,
				.send = true,
				.recv = true,
				.n_formats = 1,
				.formats = { { c, pt } },
				.dtmf_pt = dtmf_pt,
				.ptime = 20,
				.latch = { STRICTRTP_YES, 4, true, true, true } };

	return p;
}

static uint32_t sock_of(struct world *w, const struct media_leg *leg, unsigned above)
{
	struct addr local = media_local(leg);

	local.port = (uint16_t)(local.port + above);
	for (uint32_t i = 1; i < ARRAY_LEN(w->socks); i++)
		if (w->open[i] && addr_eq(&w->socks[i], &local))
			return i;
	fail_msg("no socket at %u", local.port);
	return 0;
}

struct talk {
	const char *from;
	struct rtp rtp;
};

static void say(struct world *w, const struct media_leg *leg, const struct talk *t)
{
	uint8_t buf[600];
	struct addr from = at(t->from);
	size_t n = rtp_write(buf, sizeof buf, &t->rtp);

	media_input(w->m, sock_of(w, leg, 0), &from, (struct span){ (char *)buf, n }, w->now);
}

/* n packets of 20 ms, each a frame later than the one before. */
static void speak(struct world *w, const struct media_leg *leg, struct talk *t, int n)
{
	char frame[160];

	memset(frame, 0x2a, sizeof frame);
	if (!t->rtp.payload.n)
		t->rtp.payload = (struct span){ frame, sizeof frame };
	for (int i = 0; i < n; i++) {
		say(w, leg, t);
		t->rtp.seq++;
		t->rtp.ts += 160;
		run_until(w, w->now + 20);
	}
	if (t->rtp.payload.p == frame)
		t->rtp.payload = SPAN_NONE;
}

static struct sent *last(struct world *w)
{
	assert_true(w->n_sent > 0);
	return &w->sent[w->n_sent - 1];
}

static const struct media_event *find_event(struct world *w, enum media_event_kind kind, size_t nth)
{
	for (size_t i = 0; i < w->n_events; i++)
		if (w->events[i].kind == kind && nth-- == 0)
			return &w->events[i];
	return NULL;
}

struct pair {
	struct media_leg *a, *b;
};

static struct pair join(struct world *w, struct media_plan pa, struct media_plan pb)
{
	struct pair p = { leg_open(w, "a"), leg_open(w, "b") };

	media_replan(p.a, &pa);
	media_replan(p.b, &pb);
	media_join(p.a, p.b);
	media_tick(w->m, w->now);
	return p;
}

static void part(struct pair *p)
{
	media_close(&p->a);
	media_close(&p->b);
	assert_null(p->a);
}

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

static void press(struct world *w, struct media_leg *leg, struct talk *t, char key, int ends)
{
	char ev[4] = { key, 10, 0, 0 };
	uint32_t ts = t->rtp.ts;

	t->rtp.payload = (struct span){ ev, 4 };
	for (int i = 1; i <= 4 + ends; i++) {
		put16(ev + 2, (unsigned)(160 * MIN(i, 5)));
		ev[1] = (char)(i > 4 ? 0x8a : 0x0a);
		t->rtp.marker = i == 1;
		say(w, leg, t);
		t->rtp.seq++;
		run_until(w, w->now + 20);
	}
	t->rtp.ts = ts + 1600;
	t->rtp.payload = SPAN_NONE;
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
			    "Got  RTP packet from    192.0.2.20:4000 (type 00, seq 012345, ts 000160, len 000160)");
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
#define T(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(ports),     T(relay),          T(source_change), T(transcode), T(mismatch), T(direction), T(dtmf),
		T(symmetric), T(unknown_remote), T(hostile),       T(keepalive), T(timeout),  T(tone),      T(file),
		T(echo),      T(play_in_bridge), T(rtcp),          T(rtcp_mux),  T(late_mux), T(debug),     T(close),
	};
#undef T

	return cmocka_run_group_tests_name("media in the simulator", tests, NULL, NULL);
}
