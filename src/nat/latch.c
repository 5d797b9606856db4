/*
 * nat/latch.c: the latch. SDP says where a peer wants its media; the packets say where it really is. Three states:
 *
 *   OPEN     everything is accepted (strictrtp=no)
 *   LEARN    after SDP: its address is believed at once; a stranger must first show some packets in sequence and in
 * time CLOSED   only what was learned is accepted
 *
 * LEARN closes by itself: the first packet later than LEARN_MS after SDP finds it closed, unless nothing was learned
 * yet. The rules are Asterisk's, one for one, with three additions, each with a switch of its own:
 *
 *   keep_on_same_sdp  a re-INVITE that repeats the address we know changes nothing once a packet has proved where the
 *                     peer is. Else it (a session timer, a resume) turns the audio back to a private address until the
 *                     phone speaks again.
 *   relatch           when the source has been silent for a while, its stream may go on from another address: the same
 *                     SSRC, and sequence and timestamp where they can be by now. From the same IP (a NAT that moved
 *                     the port) the SSRC and a later sequence are enough. Nobody off the path knows these.
 *   restricted        whoever comes first must not win just by that (RTP bleed): a stranger is learned only at the IP
 *                     that SDP names, or that the signalling comes from.
 */
#include "nat/nat.h"

#define LEARN_MS      5000
#define RELATCH_MS    2000
#define LEAST_PTIME   5 /* ms: a stream cannot have sent more than one packet in so long */
#define SLACK_PACKETS 50
#define SLACK_MS      2000

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

static void watch_candidate(const struct latch *l, struct latch_candidate *c, uint16_t seq)
{
	c->left = probation(l);
	c->max_seq = seq;
	c->at = 0;
}

static void learn(struct latch *l, ms_t now)
{
	l->state = LATCH_LEARN;
	l->learn_at = now;
	l->proposed = (struct latch_candidate){ .left = probation(l) };
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

/* One more packet of a stranger; true when it has shown enough. */
static bool candidate_passes(const struct latch *l, struct latch_candidate *c, const struct latch_packet *p)
{
	bool timed = l->conf.strict == STRICTRTP_YES && l->conf.audio;

	if (!addr_eq(&p->src, &c->addr)) {
		c->addr = p->src;
		watch_candidate(l, c, p->seq);
		return false;
	}
	if (p->seq == (uint16_t)(c->max_seq + 1)) {
		c->left--;
	} else {
		c->left = probation(l) - 1;
		c->at = p->now;
	}
	c->max_seq = p->seq;
	if (timed && !c->at) {
		c->at = p->now;
	} else if (timed && c->left <= 0 && p->now - c->at < least_ms(l)) {
		c->left = probation(l) - 1;
		c->at = p->now;
	}
	return c->left <= 0;
}

static enum latch_say take(struct latch *l, const struct latch_packet *p)
{
	l->strict = p->src;
	watch_candidate(l, &l->proposed, p->seq);
	return LATCH_LEARNED;
}

static bool may_be_learned(const struct latch *l, const struct addr *src)
{
	return !l->conf.restricted || addr_ip_eq(src, &l->sdp_last) ||
	       (l->conf.signalling.family && addr_ip_eq(src, &l->conf.signalling));
}

/* The silent source's stream, from another address: what it says of itself is where that stream can be by now. */
static bool goes_on(const struct latch *l, const struct latch_packet *p)
{
	ms_t quiet = p->now - l->heard_at;
	uint32_t ticks = p->ts - l->ts, rate = l->conf.rate ? l->conf.rate : 8000;
	uint16_t ahead = (uint16_t)(p->seq - l->seq);

	if (!l->conf.relatch || !l->validated || quiet < RELATCH_MS || p->ssrc != l->ssrc || !ahead || ahead >= 0x8000)
		return false;
	return addr_ip_eq(&p->src, &l->strict) ||
	       (ahead <= quiet / LEAST_PTIME + SLACK_PACKETS && ticks <= (uint64_t)(quiet + SLACK_MS) * rate / 1000);
}

/* Kept out, and told once when it is more than a stray packet. */
static enum latch_say keep_out(struct latch *l, const struct latch_packet *p)
{
	if (!l->conf.restricted || l->refused.family || !candidate_passes(l, &l->outsider, p))
		return LATCH_DROP;
	l->refused = p->src;
	return LATCH_REFUSED;
}

static enum latch_say judge_learning(struct latch *l, const struct latch_packet *p)
{
	if (addr_eq(&p->src, &l->strict)) {
		watch_candidate(l, &l->proposed, p->seq); /* who speaks keeps strangers out */
		return LATCH_ACCEPT;
	}
	if (addr_eq(&p->src, &l->requested))
		return take(l, p);
	if (!may_be_learned(l, &p->src) && !goes_on(l, p))
		return keep_out(l, p);
	return candidate_passes(l, &l->proposed, p) ? take(l, p) : LATCH_DROP;
}

static enum latch_say judge_closed(struct latch *l, const struct latch_packet *p)
{
	if (!l->strict.family)
		return LATCH_DROP;
	if (addr_eq(&p->src, &l->strict))
		return LATCH_ACCEPT;
	if (!goes_on(l, p))
		return keep_out(l, p);
	return candidate_passes(l, &l->proposed, p) ? take(l, p) : LATCH_DROP;
}

static enum latch_say judge(struct latch *l, const struct latch_packet *p)
{
	if (l->state == LATCH_OPEN)
		return LATCH_ACCEPT;
	if (l->state == LATCH_LEARN && l->strict.family && p->now - l->learn_at > LEARN_MS)
		l->state = LATCH_CLOSED;
	return l->state == LATCH_LEARN ? judge_learning(l, p) : judge_closed(l, p);
}

static void note_heard(struct latch *l, const struct latch_packet *p)
{
	l->heard_at = p->now;
	if (p->ssrc == l->ssrc && (int16_t)(p->seq - l->seq) < 0)
		return;
	l->ssrc = p->ssrc;
	l->seq = p->seq;
	l->ts = p->ts;
}

enum latch_say latch_rtp(struct latch *l, const struct latch_packet *p, bool mux)
{
	enum latch_say say = judge(l, p);

	if (say == LATCH_DROP || say == LATCH_REFUSED) {
		l->drops++;
		l->last_dropped = p->src;
		return say;
	}
	if (l->source.family && !addr_eq(&l->source, &p->src))
		l->moves++;
	l->source = p->src;
	l->validated = true;
	note_heard(l, p);
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
