/*
 * tests/unit/test_media_world.h: legs in a world without sockets and with a clock of our own, for the tests of media:
 * what was sent is kept, what comes in is said by phones at given addresses.
 */
#pragma once
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

static inline int sim_open(void *arg, const struct addr *bind, uint32_t *sock)
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

static inline void sim_close(void *arg, uint32_t sock)
{
	struct world *w = arg;

	assert_true(w->open[sock]);
	w->open[sock] = false;
}

static inline void sim_send(void *arg, uint32_t sock, const struct addr *to, struct span bytes)
{
	struct world *w = arg;
	struct sent *s = &w->sent[w->n_sent];

	assert_true(w->open[sock] && w->n_sent < SENT_MAX && bytes.n <= sizeof s->bytes && to->family && to->port);
	*s = (struct sent){ .sock = sock, .to = *to, .n = bytes.n, .at = w->now };
	memcpy(s->bytes, bytes.p, bytes.n);
	rtp_parse((struct span){ (char *)s->bytes, s->n }, &s->rtp);
	w->n_sent++;
}

static inline void on_event(void *arg, const struct media_event *ev)
{
	struct world *w = arg;

	assert_true(w->n_events < EVENTS_MAX);
	w->events[w->n_events++] = *ev;
}

static inline int setup_engine(void **state, unsigned engine)
{
	static const uint8_t seed[32] = { 1 };
	struct world *w = calloc(1, sizeof *w);
	struct media_config c = { .rtp = { .rtpstart = 10000,
					   .rtpend = 10060,
					   .strictrtp = STRICTRTP_YES,
					   .probation = 4,
					   .rtcpinterval = 5000 },
				  .engine = engine,
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

static inline int setup(void **state)
{
	return setup_engine(state, ENGINE_USER);
}

/* The same test over the other path: routes are executed by the kernel's stand-in. */
static inline int setup_kernel(void **state)
{
	return setup_engine(state, ENGINE_KERNEL);
}

static inline int teardown(void **state)
{
	struct world *w = *state;

	media_tick(w->m, w->now);
	for (size_t i = 0; i < ARRAY_LEN(w->open); i++)
		if (w->open[i])
			return -1; /* the test failed half way: its message is to be seen */
	media_free(w->m);
	free(w->sent);
	free(w);
	return 0;
}

static inline struct addr at(const char *text)
{
	struct addr a = { 0 };

	if (text[0])
		assert_true(addr_parse(span_of(text), &a));
	return a;
}

static inline void run_until(struct world *w, ms_t until)
{
	for (ms_t next = media_tick(w->m, w->now); next <= until; next = media_tick(w->m, w->now))
		w->now = MAX(next, w->now);
	w->now = until;
	media_tick(w->m, w->now);
}

static inline struct media_leg *leg_open(struct world *w, const char *name)
{
	struct media_open ask = { .bind = at("192.0.2.10"), .owner = w };
	struct media_leg *leg;

	snprintf(ask.name, sizeof ask.name, "%s", name);
	leg = media_open(w->m, &ask);
	assert_non_null(leg);
	return leg;
}

/* A plan for a phone at `remote` that takes one codec and telephone-events. */
static inline struct media_plan plan_of(const char *remote, enum codec c, uint8_t pt, uint8_t dtmf_pt)
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

static inline uint32_t sock_of(struct world *w, const struct media_leg *leg, unsigned above)
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

static inline void say(struct world *w, const struct media_leg *leg, const struct talk *t)
{
	uint8_t buf[600];
	struct addr from = at(t->from);
	size_t n = rtp_write(buf, sizeof buf, &t->rtp);

	media_input(w->m, sock_of(w, leg, 0), &from, (struct span){ (char *)buf, n }, w->now);
}

/* n packets of 20 ms, each a frame later than the one before. */
static inline void speak(struct world *w, const struct media_leg *leg, struct talk *t, int n)
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

static inline struct sent *last(struct world *w)
{
	assert_true(w->n_sent > 0);
	return &w->sent[w->n_sent - 1];
}

static inline const struct media_event *find_event(struct world *w, enum media_event_kind kind, size_t nth)
{
	for (size_t i = 0; i < w->n_events; i++)
		if (w->events[i].kind == kind && nth-- == 0)
			return &w->events[i];
	return NULL;
}

struct pair {
	struct media_leg *a, *b;
};

static inline struct pair join(struct world *w, struct media_plan pa, struct media_plan pb)
{
	struct pair p = { leg_open(w, "a"), leg_open(w, "b") };

	media_replan(p.a, &pa);
	media_replan(p.b, &pb);
	media_join(p.a, p.b);
	media_tick(w->m, w->now);
	return p;
}

static inline void part(struct pair *p)
{
	media_close(&p->a);
	media_close(&p->b);
	assert_null(p->a);
}

static inline void press(struct world *w, struct media_leg *leg, struct talk *t, char key, int ends)
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
