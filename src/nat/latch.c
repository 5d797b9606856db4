/*
 * nat/latch.c: the latch. SDP says where a peer wants its media; the packets say where it really is. Three states:
 *
 *   OPEN     everything is accepted (strictrtp=no)
 *   LEARN    after SDP: its address is believed at once; a stranger must first show some packets in sequence and in
 * time CLOSED   only what was learned is accepted
 *
 * LEARN closes by itself: the first packet later than LEARN_MS after SDP finds it closed, unless nothing was learned
 * yet. The rules are Asterisk's, one for one, with one addition, keep_on_same_sdp: a re-INVITE that repeats the address
 * we know changes nothing once a packet has proved where the peer is. Without it such a re-INVITE (a session timer, a
 * resume) turns the audio back to a private address until the phone speaks again.
 */
#include "nat/nat.h"

#define LEARN_MS 5000

static int probation(const struct latch *l)
{
	return l->conf.probation > 1 ? l->conf.probation : 4;
}

/* Honest audio needs this long for the packets of the probation: 22 ms for 4. */
static ms_t least_ms(const struct latch *l)
{
	return (probation(l) - 1) * 9 - 5;
}

void latch_init(struct latch *l, const struct latch_conf *conf)
{
	*l = (struct latch){ .conf = *conf, .state = conf->strict == STRICTRTP_NO ? LATCH_OPEN : LATCH_CLOSED };
}

static void watch_candidate(struct latch *l, uint16_t seq)
{
	l->left = probation(l);
	l->max_seq = seq;
	l->stranger_at = 0;
}

static void learn(struct latch *l, ms_t now)
{
	l->state = LATCH_LEARN;
	l->learn_at = now;
	l->proposed = (struct addr){ 0 };
	watch_candidate(l, 0);
}

void latch_set_conf(struct latch *l, const struct latch_conf *conf, ms_t now)
{
	bool was_open = l->state == LATCH_OPEN, open = conf->strict == STRICTRTP_NO;

	l->conf = *conf;
	if (open)
		l->state = LATCH_OPEN;
	else if (was_open)
		learn(l, now);
}

static struct addr next_port(const struct addr *rtp, bool mux)
{
	return rtp->family && !mux ? addr_with_port(rtp, (uint16_t)(rtp->port + 1)) : *rtp;
}

static void send_to(struct latch *l, const struct addr *rtp, const struct addr *rtcp, bool mux)
{
	l->remote = *rtp;
	l->remote_rtcp = rtcp && rtcp->family ? *rtcp : next_port(rtp, mux);
}

/* F9: the same address as before, and we know better already. */
static bool nothing_new(const struct latch *l, const struct addr *rtp)
{
	return l->conf.keep_on_same_sdp && l->validated && rtp->family && addr_eq(rtp, &l->sdp_last);
}

void latch_sdp(struct latch *l, const struct addr *rtp, const struct addr *rtcp, bool mux, ms_t now)
{
	bool keep = nothing_new(l, rtp);

	l->requested = *rtp;
	if (keep && l->conf.symmetric && addr_eq(&l->remote, &l->source))
		return;
	if (keep && l->conf.symmetric && !addr_eq(&l->source, rtp))
		send_to(l, &l->source, NULL, mux);
	else
		send_to(l, rtp, rtcp, mux);
	if (!rtp->family || keep)
		return;
	l->sdp_last = *rtp;
	l->validated = false;
	if (l->state != LATCH_OPEN && !addr_eq(rtp, &l->strict))
		learn(l, now);
}

/* One more packet of the proposed source; true when it has shown enough. */
static bool candidate_passes(struct latch *l, const struct latch_packet *p)
{
	bool timed = l->conf.strict == STRICTRTP_YES && l->conf.audio;

	if (p->seq == (uint16_t)(l->max_seq + 1)) {
		l->left--;
	} else {
		l->left = probation(l) - 1;
		l->stranger_at = p->now;
	}
	l->max_seq = p->seq;
	if (timed && !l->stranger_at) {
		l->stranger_at = p->now;
	} else if (timed && l->left <= 0 && p->now - l->stranger_at < least_ms(l)) {
		l->left = probation(l) - 1;
		l->stranger_at = p->now;
	}
	return l->left <= 0;
}

static enum latch_say take(struct latch *l, const struct latch_packet *p)
{
	l->strict = p->src;
	watch_candidate(l, p->seq);
	return LATCH_LEARNED;
}

static enum latch_say judge_learning(struct latch *l, const struct latch_packet *p)
{
	if (addr_eq(&p->src, &l->strict)) {
		watch_candidate(l, p->seq); /* who speaks keeps strangers out */
		return LATCH_ACCEPT;
	}
	if (addr_eq(&p->src, &l->requested))
		return take(l, p);
	if (addr_eq(&p->src, &l->proposed))
		return candidate_passes(l, p) ? take(l, p) : LATCH_DROP;
	l->proposed = p->src;
	watch_candidate(l, p->seq);
	return LATCH_DROP;
}

static enum latch_say judge(struct latch *l, const struct latch_packet *p)
{
	if (l->state == LATCH_OPEN)
		return LATCH_ACCEPT;
	if (l->state == LATCH_LEARN && l->strict.family && p->now - l->learn_at > LEARN_MS)
		l->state = LATCH_CLOSED;
	if (l->state == LATCH_LEARN)
		return judge_learning(l, p);
	return l->strict.family && addr_eq(&p->src, &l->strict) ? LATCH_ACCEPT : LATCH_DROP;
}

enum latch_say latch_rtp(struct latch *l, const struct latch_packet *p, bool mux)
{
	enum latch_say say = judge(l, p);

	if (say == LATCH_DROP) {
		l->drops++;
		l->last_dropped = p->src;
		return say;
	}
	if (l->source.family && !addr_eq(&l->source, &p->src))
		l->moves++;
	l->source = p->src;
	l->validated = true;
	if (l->conf.symmetric && !addr_eq(&l->remote, &p->src))
		send_to(l, &p->src, NULL, mux);
	return say;
}

enum latch_say latch_rtcp(struct latch *l, const struct addr *src, bool known_ssrc)
{
	bool trusted = l->state == LATCH_OPEN || known_ssrc;

	if (trusted && l->conf.symmetric)
		l->remote_rtcp = *src;
	return trusted || addr_eq(src, &l->remote_rtcp) ? LATCH_ACCEPT : LATCH_DROP;
}
