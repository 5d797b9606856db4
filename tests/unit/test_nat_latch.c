/*
 * tests/unit/test_nat_latch.c: each sentence of the latch's rules as a short story. A step is SDP, RTP or RTCP at a
 * time; sources are letters: P the private address of SDP, S where the phone really is, X and Y strangers, 0 none.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "nat/nat.h"

enum { YES = STRICTRTP_YES, NO = STRICTRTP_NO, SEQNO = STRICTRTP_SEQNO, SYM = 16, VIDEO = 32, KEEP = 64, MUX = 128 };

struct step {
	char what; /* s: SDP, r: RTP, c: RTCP, k: RTCP with the stream's SSRC; 0 ends */
	char who;
	ms_t now;
	unsigned seq;
	int say;    /* enum latch_say; -1: SDP */
	char to;    /* where we send afterwards; 0: not looked at */
	char state; /* O, L, C; 0: not looked at */
};

#define SDP(who, now, to, state)                \
	{                                       \
		's', who, now, 0, -1, to, state \
	}
#define RTP(who, now, seq, say, to, state)                 \
	{                                                  \
		'r', who, now, seq, LATCH_##say, to, state \
	}
#define RTCP(who, say)                            \
	{                                         \
		'c', who, 0, 0, LATCH_##say, 0, 0 \
	}
#define KNOWN(who, say)                           \
	{                                         \
		'k', who, 0, 0, LATCH_##say, 0, 0 \
	}

static struct addr of(char who)
{
	static const struct {
		char who;
		const char *text;
	} known[] = { { 'P', "192.168.1.20:4000" },  { 'p', "192.168.1.20:4001" },  { 'Q', "192.168.1.20:5000" },
		      { 'S', "203.0.113.77:49170" }, { 's', "203.0.113.77:49171" }, { 'X', "198.51.100.9:7000" },
		      { 'x', "203.0.113.77:40001" }, { 'Y', "198.51.100.8:7000" } };
	struct addr a = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (known[i].who == who)
			assert_true(addr_parse(span_of(known[i].text), &a));
	return a;
}

static const struct story {
	const char *says;
	unsigned conf;
	struct step steps[14];
} stories[] = {
	{ "every packet before SDP is dropped",
	  YES | SYM,
	  { RTP('S', 0, 1, DROP, '0', 'C'), RTP('S', 20, 2, DROP, '0', 'C') } },
	{ "strictrtp=no: every packet is accepted", NO, { RTP('S', 0, 1, ACCEPT, '0', 'O') } },
	{ "SDP sets where we send, and LEARN begins", YES, { SDP('P', 0, 'P', 'L') } },
	{ "strictrtp=no stays OPEN through SDP", NO, { SDP('P', 0, 'P', 'O') } },
	{ "a null address leaves the state alone", YES, { SDP('0', 0, '0', 'C') } },
	{ "the SDP address is accepted at once",
	  YES,
	  { SDP('P', 0, 'P', 'L'), RTP('P', 10, 1, LEARNED, 'P', 'L'), RTP('P', 30, 2, ACCEPT, 'P', 'L') } },
	{ "a stranger: 4 dropped, the 5th accepted",
	  YES | SYM,
	  { SDP('P', 0, 'P', 'L'), RTP('S', 10, 1, DROP, 'P', 'L'), RTP('S', 30, 2, DROP, 'P', 'L'),
	    RTP('S', 50, 3, DROP, 'P', 'L'), RTP('S', 70, 4, DROP, 'P', 'L'), RTP('S', 90, 5, LEARNED, 'S', 'L'),
	    RTP('S', 110, 6, ACCEPT, 'S', 'L') } },
	{ "rtp_symmetric=no: media keeps going to the SDP address",
	  YES,
	  { SDP('P', 0, 'P', 'L'), RTP('S', 10, 1, DROP, 'P', 'L'), RTP('S', 30, 2, DROP, 'P', 'L'),
	    RTP('S', 50, 3, DROP, 'P', 'L'), RTP('S', 70, 4, DROP, 'P', 'L'), RTP('S', 90, 5, LEARNED, 'P', 'L') } },
	{ "sequence wraps",
	  YES | SYM,
	  { SDP('P', 0, 'P', 'L'), RTP('S', 10, 65534, DROP, 'P', 'L'), RTP('S', 30, 65535, DROP, 'P', 'L'),
	    RTP('S', 50, 0, DROP, 'P', 'L'), RTP('S', 70, 1, DROP, 'P', 'L'), RTP('S', 90, 2, LEARNED, 'S', 'L') } },
	{ "a gap starts the count again, one packet ahead",
	  YES | SYM,
	  { SDP('P', 0, 'P', 'L'), RTP('S', 10, 1, DROP, 'P', 'L'), RTP('S', 30, 2, DROP, 'P', 'L'),
	    RTP('S', 50, 9, DROP, 'P', 'L'), RTP('S', 70, 10, DROP, 'P', 'L'), RTP('S', 90, 11, DROP, 'P', 'L'),
	    RTP('S', 110, 12, LEARNED, 'S', 'L') } },
	{ "a flood is too fast: 22 ms for 4",
	  YES | SYM,
	  { SDP('P', 0, 'P', 'L'), RTP('S', 10, 1, DROP, 'P', 'L'), RTP('S', 11, 2, DROP, 'P', 'L'),
	    RTP('S', 12, 3, DROP, 'P', 'L'), RTP('S', 13, 4, DROP, 'P', 'L'), RTP('S', 14, 5, DROP, 'P', 'L'),
	    RTP('S', 24, 6, DROP, 'P', 'L'), RTP('S', 34, 7, DROP, 'P', 'L'), RTP('S', 36, 8, LEARNED, 'S', 'L') } },
	{ "21 ms are not enough",
	  YES | SYM,
	  { SDP('P', 0, 'P', 'L'), RTP('S', 10, 1, DROP, 'P', 'L'), RTP('S', 20, 2, DROP, 'P', 'L'),
	    RTP('S', 25, 3, DROP, 'P', 'L'), RTP('S', 30, 4, DROP, 'P', 'L'), RTP('S', 41, 5, DROP, 'P', 'L') } },
	{ "22 ms are",
	  YES | SYM,
	  { SDP('P', 0, 'P', 'L'), RTP('S', 10, 1, DROP, 'P', 'L'), RTP('S', 20, 2, DROP, 'P', 'L'),
	    RTP('S', 25, 3, DROP, 'P', 'L'), RTP('S', 30, 4, DROP, 'P', 'L'), RTP('S', 42, 5, LEARNED, 'S', 'L') } },
	{ "seqno: no time test",
	  SEQNO | SYM,
	  { SDP('P', 0, 'P', 'L'), RTP('S', 10, 1, DROP, 'P', 'L'), RTP('S', 10, 2, DROP, 'P', 'L'),
	    RTP('S', 10, 3, DROP, 'P', 'L'), RTP('S', 10, 4, DROP, 'P', 'L'), RTP('S', 10, 5, LEARNED, 'S', 'L') } },
	{ "video: no time test",
	  YES | SYM | VIDEO,
	  { SDP('P', 0, 'P', 'L'), RTP('S', 10, 1, DROP, 'P', 'L'), RTP('S', 10, 2, DROP, 'P', 'L'),
	    RTP('S', 10, 3, DROP, 'P', 'L'), RTP('S', 10, 4, DROP, 'P', 'L'), RTP('S', 10, 5, LEARNED, 'S', 'L') } },
	{ "two interleaved strangers keep resetting each other",
	  SEQNO | SYM,
	  { SDP('P', 0, 'P', 'L'), RTP('X', 10, 1, DROP, 'P', 'L'), RTP('Y', 10, 1, DROP, 'P', 'L'),
	    RTP('X', 30, 2, DROP, 'P', 'L'), RTP('Y', 30, 2, DROP, 'P', 'L'), RTP('X', 50, 3, DROP, 'P', 'L'),
	    RTP('Y', 50, 3, DROP, 'P', 'L'), RTP('X', 70, 4, DROP, 'P', 'L'), RTP('Y', 70, 4, DROP, 'P', 'L'),
	    RTP('X', 90, 5, DROP, 'P', 'L'), RTP('Y', 90, 5, DROP, 'P', 'L'), RTP('X', 99, 6, DROP, 'P', 'L') } },
	{ "an active stream blocks candidates",
	  SEQNO | SYM,
	  { SDP('S', 0, 'S', 'L'), RTP('S', 10, 100, LEARNED, 'S', 'L'), RTP('X', 11, 1, DROP, 'S', 'L'),
	    RTP('X', 12, 2, DROP, 'S', 'L'), RTP('X', 13, 3, DROP, 'S', 'L'), RTP('S', 30, 101, ACCEPT, 'S', 'L'),
	    RTP('X', 31, 4, DROP, 'S', 'L'), RTP('X', 32, 5, DROP, 'S', 'L'), RTP('S', 50, 102, ACCEPT, 'S', 'L'),
	    RTP('X', 51, 6, DROP, 'S', 'L'), RTP('X', 52, 7, DROP, 'S', 'L'), RTP('S', 70, 103, ACCEPT, 'S', 'L') } },
	{ "within 5 s a stranger can take a silent stream over",
	  SEQNO | SYM,
	  { SDP('S', 0, 'S', 'L'), RTP('S', 10, 1, LEARNED, 'S', 'L'), RTP('X', 3000, 1, DROP, 'S', 'L'),
	    RTP('X', 3020, 2, DROP, 'S', 'L'), RTP('X', 3040, 3, DROP, 'S', 'L'), RTP('X', 3060, 4, DROP, 'S', 'L'),
	    RTP('X', 3080, 5, LEARNED, 'X', 'L') } },
	{ "5000 ms after SDP it is still learning",
	  YES | SYM,
	  { SDP('S', 0, 'S', 'L'), RTP('S', 10, 1, LEARNED, 'S', 'L'), RTP('S', 5000, 2, ACCEPT, 'S', 'L') } },
	{ "later than 5000 ms it closes",
	  YES | SYM,
	  { SDP('S', 0, 'S', 'L'), RTP('S', 10, 1, LEARNED, 'S', 'L'), RTP('S', 5001, 2, ACCEPT, 'S', 'C') } },
	{ "the packet that finds it closed is judged by the closed rule",
	  YES | SYM,
	  { SDP('S', 0, 'S', 'L'), RTP('S', 10, 1, LEARNED, 'S', 'L'), RTP('X', 5001, 2, DROP, 'S', 'C') } },
	{ "with no strict address it can never close",
	  SEQNO | SYM,
	  { SDP('P', 0, 'P', 'L'), RTP('S', 60000, 1, DROP, 'P', 'L'), RTP('S', 60020, 2, DROP, 'P', 'L'),
	    RTP('S', 60040, 3, DROP, 'P', 'L'), RTP('S', 60060, 4, DROP, 'P', 'L'),
	    RTP('S', 60080, 5, LEARNED, 'S', 'L'), RTP('S', 60100, 6, ACCEPT, 'S', 'C') } },
	{ "closed: address AND port must be right",
	  YES | SYM,
	  { SDP('S', 0, 'S', 'L'), RTP('S', 10, 1, LEARNED, 'S', 'L'), RTP('S', 5001, 2, ACCEPT, 'S', 'C'),
	    RTP('s', 5020, 3, DROP, 'S', 'C') } },
	{ "no silence opens it again",
	  YES | SYM,
	  { SDP('S', 0, 'S', 'L'), RTP('S', 10, 1, LEARNED, 'S', 'L'), RTP('S', 5001, 2, ACCEPT, 'S', 'C'),
	    RTP('X', 99000, 1, DROP, 'S', 'C'), RTP('X', 99020, 2, DROP, 'S', 'C'), RTP('X', 99040, 3, DROP, 'S', 'C'),
	    RTP('X', 99060, 4, DROP, 'S', 'C'), RTP('X', 99080, 5, DROP, 'S', 'C') } },
	{ "only a new SDP address does",
	  YES | SYM,
	  { SDP('S', 0, 'S', 'L'), RTP('S', 10, 1, LEARNED, 'S', 'L'), RTP('S', 5001, 2, ACCEPT, 'S', 'C'),
	    SDP('X', 9000, 'X', 'L'), RTP('X', 9020, 1, LEARNED, 'X', 'L') } },
	{ "the strict address is kept while learning again",
	  YES | SYM,
	  { SDP('S', 0, 'S', 'L'), RTP('S', 10, 1, LEARNED, 'S', 'L'), SDP('X', 900, 'X', 'L'),
	    RTP('S', 920, 2, ACCEPT, 'S', 'L') } },
	{ "the same address as strict: no relearn",
	  YES | SYM,
	  { SDP('S', 0, 'S', 'L'), RTP('S', 10, 1, LEARNED, 'S', 'L'), RTP('S', 5001, 2, ACCEPT, 'S', 'C'),
	    SDP('S', 9000, 'S', 'C') } },
	{ "Asterisk: the same private SDP again sends to the private address until the next packet",
	  YES | SYM,
	  { SDP('P', 0, 'P', 'L'), RTP('S', 10, 1, DROP, 'P', 'L'), RTP('S', 30, 2, DROP, 'P', 'L'),
	    RTP('S', 50, 3, DROP, 'P', 'L'), RTP('S', 70, 4, DROP, 'P', 'L'), RTP('S', 90, 5, LEARNED, 'S', 'L'),
	    SDP('P', 9000, 'P', 'L'), RTP('S', 9010, 6, ACCEPT, 'S', 'L') } },
	{ "F9: keep_on_same_sdp does not",
	  YES | SYM | KEEP,
	  { SDP('P', 0, 'P', 'L'), RTP('S', 10, 1, DROP, 'P', 'L'), RTP('S', 30, 2, DROP, 'P', 'L'),
	    RTP('S', 50, 3, DROP, 'P', 'L'), RTP('S', 70, 4, DROP, 'P', 'L'), RTP('S', 90, 5, LEARNED, 'S', 'L'),
	    RTP('S', 5200, 6, ACCEPT, 'S', 'C'), SDP('P', 9000, 'S', 'C'), RTP('S', 9010, 6, ACCEPT, 'S', 'C') } },
	{ "F9: nor after a hold by null address",
	  YES | SYM | KEEP,
	  { SDP('P', 0, 'P', 'L'), RTP('P', 10, 1, LEARNED, 'P', 'L'), SDP('0', 2000, '0', 'L'),
	    SDP('P', 9000, 'P', 'L'), RTP('P', 9010, 6, ACCEPT, 'P', 'C') } },
	{ "F9: resume goes to the learned source, not to the private address",
	  SEQNO | SYM | KEEP,
	  { SDP('P', 0, 'P', 'L'), RTP('S', 10, 1, DROP, 'P', 'L'), RTP('S', 30, 2, DROP, 'P', 'L'),
	    RTP('S', 50, 3, DROP, 'P', 'L'), RTP('S', 70, 4, DROP, 'P', 'L'), RTP('S', 90, 5, LEARNED, 'S', 'L'),
	    SDP('0', 2000, '0', 'L'), SDP('P', 9000, 'S', 'L') } },
	{ "F9: another port is another address",
	  YES | SYM | KEEP,
	  { SDP('P', 0, 'P', 'L'), RTP('P', 10, 1, LEARNED, 'P', 'L'), SDP('Q', 9000, 'Q', 'L') } },
	{ "F9: what no packet confirmed is not kept",
	  YES | SYM | KEEP,
	  { SDP('P', 0, 'P', 'L'), RTP('P', 10, 1, LEARNED, 'P', 'L'), RTP('P', 5100, 2, ACCEPT, 'P', 'C'),
	    SDP('Q', 9000, 'Q', 'L'), SDP('P', 9100, 'P', 'L') } },
	{ "F9: rtp_symmetric=no still obeys SDP",
	  YES | KEEP,
	  { SDP('P', 0, 'P', 'L'), RTP('P', 10, 1, LEARNED, 'P', 'L'), SDP('P', 9000, 'P', 'L') } },
	{ "strictrtp=no with symmetric: anybody redirects the stream",
	  NO | SYM,
	  { SDP('P', 0, 'P', 'O'), RTP('X', 10, 1, ACCEPT, 'X', 'O'), RTP('Y', 20, 1, ACCEPT, 'Y', 'O') } },
	{ "nothing known, symmetric, open: the source becomes the remote",
	  NO | SYM,
	  { RTP('S', 0, 1, ACCEPT, 'S', 'O') } },
	{ "RTCP from where we expect it", YES, { SDP('P', 0, 'P', 'L'), RTCP('p', ACCEPT) } },
	{ "RTCP from elsewhere, unknown SSRC", YES | SYM, { SDP('P', 0, 'P', 'L'), RTCP('X', DROP) } },
	{ "RTCP of the known SSRC moves RTCP when symmetric",
	  YES | SYM,
	  { SDP('P', 0, 'P', 'L'), KNOWN('s', ACCEPT), RTCP('s', ACCEPT) } },
	{ "and does not when not", YES, { SDP('P', 0, 'P', 'L'), KNOWN('s', ACCEPT), RTCP('s', DROP) } },
	{ "open: any RTCP moves it", NO | SYM, { SDP('P', 0, 'P', 'O'), RTCP('x', ACCEPT), RTCP('p', ACCEPT) } },
	{ "a moved remote takes RTCP along, one port up",
	  YES | SYM,
	  { SDP('P', 0, 'P', 'L'), SDP('S', 10, 'S', 'L'), RTCP('s', ACCEPT), RTCP('p', DROP) } },
	{ "mux: RTCP goes where RTP goes",
	  YES | SYM | MUX,
	  { SDP('S', 0, 'S', 'L'), RTCP('S', ACCEPT), RTCP('s', DROP) } },
};

static void play(const struct story *st, struct latch *l, const struct step *s, size_t n)
{
	struct addr who = of(s->who), to = of(s->to);
	bool mux = st->conf & MUX;
	int say = -1;

	if (s->what == 's')
		latch_sdp(l, &who, NULL, mux, s->now);
	else if (s->what == 'r')
		say = latch_rtp(l, &(struct latch_packet){ who, (uint16_t)s->seq, s->now }, mux);
	else
		say = latch_rtcp(l, &who, s->what == 'k');
	if (say != s->say)
		fail_msg("%s: step %zu: says %d", st->says, n + 1, say);
	if (s->to && !addr_eq(&l->remote, &to))
		fail_msg("%s: step %zu: sends to the wrong place", st->says, n + 1);
	if (s->state && s->state != "OLC"[l->state])
		fail_msg("%s: step %zu: state %c", st->says, n + 1, "OLC"[l->state]);
}

static void test_stories(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(stories); i++) {
		const struct story *st = &stories[i];
		struct latch_conf conf = { .strict = st->conf & 15,
					   .probation = 4,
					   .symmetric = st->conf & SYM,
					   .audio = !(st->conf & VIDEO),
					   .keep_on_same_sdp = st->conf & KEEP };
		struct latch l;

		latch_init(&l, &conf);
		for (size_t n = 0; n < ARRAY_LEN(st->steps) && st->steps[n].what; n++)
			play(st, &l, &st->steps[n], n);
	}
}

static void test_counts(void **state)
{
	struct latch_conf conf = { .strict = STRICTRTP_NO, .symmetric = true };
	struct addr a = of('S'), b = of('X'), rtcp = of('Y');
	struct latch l;

	(void)state;
	latch_init(&l, &conf);
	latch_rtp(&l, &(struct latch_packet){ a, 1, 0 }, false);
	latch_rtp(&l, &(struct latch_packet){ b, 1, 0 }, false);
	latch_rtp(&l, &(struct latch_packet){ a, 2, 0 }, false);
	assert_int_equal(l.moves, 2);
	conf.strict = STRICTRTP_YES;
	latch_set_conf(&l, &conf, 100);
	assert_int_equal(l.state, LATCH_LEARN);
	latch_rtp(&l, &(struct latch_packet){ b, 2, 120 }, false);
	assert_int_equal(l.drops, 1);
	assert_true(addr_eq(&l.last_dropped, &b));
	latch_sdp(&l, &a, &rtcp, false, 200);
	assert_true(addr_eq(&l.remote_rtcp, &rtcp));
}

/* Eight packets of one source, 20 ms apart. What the last one is told. */
static enum latch_say stream(struct latch *l, char who, ms_t at, unsigned seq, struct latch_packet p)
{
	enum latch_say say = LATCH_DROP, one;

	p.src = of(who);
	for (unsigned i = 0; i < 8; i++) {
		p.seq = (uint16_t)(seq + i);
		p.now = at + 20 * i;
		one = latch_rtp(l, &p, false);
		say = one == LATCH_REFUSED ? one : say == LATCH_REFUSED ? say : one;
		p.ts += 160;
	}
	return say;
}

/* A phone at S whose SDP says P, heard from 0 to 6140 ms: SSRC 7, sequence up to 107, timestamp up to 1120. */
static struct latch heard(struct latch_conf conf)
{
	struct addr p = of('P');
	struct latch l;

	conf.strict = STRICTRTP_YES;
	conf.probation = 4;
	conf.audio = conf.symmetric = true;
	latch_init(&l, &conf);
	latch_sdp(&l, &p, NULL, false, 0);
	assert_int_equal(stream(&l, 'S', 10, 1, (struct latch_packet){ .ssrc = 7 }), LATCH_ACCEPT);
	assert_int_equal(stream(&l, 'S', 6000, 100, (struct latch_packet){ .ssrc = 7 }), LATCH_ACCEPT);
	assert_int_equal(l.state, LATCH_CLOSED);
	return l;
}

/* F8, F10: who takes over after the source went silent. x: the source's IP, another port. */
static void test_relatch(void **state)
{
	static const struct {
		const char *says;
		char who;
		ms_t at;
		uint32_t ssrc, ts;
		unsigned seq;
		bool moves;
	} tries[] = {
		{ "the stream goes on from another port", 'x', 9000, 7, 25000, 250, true },
		{ "and when the timestamp is anywhere, and the sequence far ahead", 'x', 9000, 7, 99999999, 9000,
		  true },
		{ "the stream goes on from another IP", 'X', 9000, 7, 25000, 250, true },
		{ "a phone that was muted: its numbers stood still", 'X', 60000, 7, 1280, 108, true },
		{ "too early: the source may be there still", 'X', 7000, 7, 8000, 150, false },
		{ "another SSRC, another IP", 'X', 9000, 8, 25000, 250, false },
		{ "another SSRC, the same IP: a neighbour", 'x', 9000, 8, 25000, 250, false },
		{ "the SSRC was guessed, the sequence not: too far ahead", 'X', 9000, 7, 25000, 900, false },
		{ "not the sequence: behind", 'X', 9000, 7, 25000, 60, false },
		{ "behind, the same IP", 'x', 9000, 7, 25000, 60, false },
		{ "the timestamp was not guessed", 'X', 9000, 7, 99999999, 250, false },
		{ "a timestamp of the past", 'X', 9000, 7, 100, 250, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(tries); i++) {
		struct latch l = heard((struct latch_conf){ .relatch = true });
		struct latch off = heard((struct latch_conf){ 0 });
		struct latch_packet p = { .ssrc = tries[i].ssrc, .ts = tries[i].ts };
		struct addr to = of(tries[i].moves ? tries[i].who : 'S'), stays = of('S');

		stream(&l, tries[i].who, tries[i].at, tries[i].seq, p);
		if (!addr_eq(&l.remote, &to))
			fail_msg("%s", tries[i].says);
		stream(&off, tries[i].who, tries[i].at, tries[i].seq, p);
		assert_true(addr_eq(&off.remote, &stays));
	}
}

/* The real source speaks again while somebody is on probation: the silence begins anew. */
static void test_relatch_source_returns(void **state)
{
	struct latch l = heard((struct latch_conf){ .relatch = true });
	struct latch_packet p = { .src = of('X'), .ssrc = 7, .ts = 25000 };
	struct addr here = of('S');

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		p.seq = (uint16_t)(250 + i);
		p.now = 9000 + 20 * i;
		assert_int_equal(latch_rtp(&l, &p, false), LATCH_DROP);
	}
	stream(&l, 'S', 9060, 253, (struct latch_packet){ .ssrc = 7, .ts = 26000 });
	assert_int_equal(stream(&l, 'X', 9300, 270, (struct latch_packet){ .ssrc = 7, .ts = 29000 }), LATCH_DROP);
	assert_true(addr_eq(&l.remote, &here));
}

/* F10: before the phone was heard, too, only the IP of SDP or of the signalling is learned; the rest is told once. */
static void test_restricted(void **state)
{
	struct latch_conf conf = { .strict = STRICTRTP_YES,
				   .probation = 4,
				   .audio = true,
				   .symmetric = true,
				   .restricted = true,
				   .signalling = of('x') };
	struct addr p = of('P'), x = of('X'), s = of('S');
	struct latch l;

	(void)state;
	latch_init(&l, &conf);
	latch_sdp(&l, &p, NULL, false, 0);
	assert_int_equal(stream(&l, 'X', 10, 1, (struct latch_packet){ .ssrc = 9 }), LATCH_REFUSED);
	assert_true(addr_eq(&l.refused, &x));
	assert_int_equal(stream(&l, 'Y', 300, 1, (struct latch_packet){ .ssrc = 9 }), LATCH_DROP);
	assert_true(addr_eq(&l.remote, &p));
	assert_int_equal(stream(&l, 'S', 900, 1, (struct latch_packet){ .ssrc = 7 }), LATCH_ACCEPT);
	assert_true(addr_eq(&l.remote, &s));
	latch_init(&l, &conf);
	latch_sdp(&l, &x, NULL, false, 0);
	assert_int_equal(stream(&l, 'X', 10, 1, (struct latch_packet){ .ssrc = 9 }), LATCH_ACCEPT);
	conf.signalling = (struct addr){ 0 };
	latch_init(&l, &conf);
	latch_sdp(&l, &x, NULL, false, 0);
	assert_int_equal(stream(&l, 'S', 10, 1, (struct latch_packet){ .ssrc = 9 }), LATCH_REFUSED);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_stories), cmocka_unit_test(test_counts),
					    cmocka_unit_test(test_relatch),
					    cmocka_unit_test(test_relatch_source_returns),
					    cmocka_unit_test(test_restricted) };

	return cmocka_run_group_tests_name("nat latch", tests, NULL, NULL);
}
