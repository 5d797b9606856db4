/*
 * media/stream.c: one leg on its worker. A packet's way: is it RTP; may it come from there (the latch); what is it (its
 * rule, looked up by payload type); then to the other leg, or back for an echo, or nowhere. Everything that is not a
 * packet happens in stream_tick(), which does what is due and says when it wants to be called again.
 */
#include <stdlib.h>
#include <string.h>

#include "media/pcm.h"
#include "media/priv.h"

#define KEEP_FIRST_MS 500 /* after SDP; nobody may have opened a way through the NAT by then */
#define LATE_MS       200 /* a source that is later than this gives up catching up */
#define OPEN_GAP_MAX  1000

void stream_touch(struct stream *s, ms_t now)
{
	timer_set(&s->w->timers, &s->timer, now);
}

/* ---- rules ---- */

static bool accepts(const struct stream *s, uint8_t codec, uint8_t *pt)
{
	for (uint8_t i = 0; i < s->plan.n_formats; i++) {
		if (s->plan.formats[i].codec != codec)
			continue;
		*pt = s->plan.formats[i].pt;
		return true;
	}
	return false;
}

/* The codec that `to` sends in, if ours can be made into it; else any that it accepts as it is. */
static void rule_audio(struct rule *r, const struct stream *to)
{
	uint8_t first = to->plan.n_formats ? to->plan.formats[0].codec : CODEC_NONE;

	r->to_codec = r->codec;
	if (first != r->codec && pcm_can((enum codec)first) && pcm_can((enum codec)r->codec)) {
		r->go = GO_CONVERTED;
		r->to_codec = first;
		r->pt = to->plan.formats[0].pt;
	} else if (accepts(to, r->codec, &r->pt)) {
		r->go = GO_AS_IT_IS;
	}
}

static void rule_one(struct rule *r, const struct stream *to)
{
	r->go = GO_NOWHERE;
	if (!to)
		return;
	if (r->is == RX_AUDIO)
		rule_audio(r, to);
	r->pt = r->is == RX_DTMF ? to->plan.dtmf_pt : r->is == RX_CN ? to->plan.cn_pt : r->pt;
	if ((r->is == RX_DTMF || r->is == RX_CN) && r->pt)
		r->go = GO_AS_IT_IS;
}

static bool echoes(const struct stream *s)
{
	return s->source && s->source->what.source == SOURCE_ECHO;
}

/* The rule of this payload type, made when there is none. */
static struct rule *rule_for(struct stream *s, uint8_t pt)
{
	size_t i = 1;

	while (i < s->n_rules && s->rules[i].rx_pt != (pt & 127))
		i++;
	BUG_ON(i == RULES);
	if (i == s->n_rules)
		s->rules[s->n_rules++] = (struct rule){ .codec = CODEC_ULAW, .rx_pt = pt & 127 };
	return &s->rules[i];
}

/* Only when a packet comes: most calls are set up with more changes than they need. */
static void compile(struct stream *s)
{
	struct stream *to = echoes(s) ? s : s->peer;

	s->rules[0] = (struct rule){ .codec = CODEC_ULAW };
	s->n_rules = 1;
	for (uint8_t i = 0; i < s->plan.n_formats; i++) {
		struct rule *r = rule_for(s, s->plan.formats[i].pt);

		r->is = RX_AUDIO;
		r->codec = s->plan.formats[i].codec & 15;
	}
	if (s->plan.dtmf_pt)
		rule_for(s, s->plan.dtmf_pt)->is = RX_DTMF;
	if (s->plan.cn_pt)
		rule_for(s, s->plan.cn_pt)->is = RX_CN;
	if (rule_for(s, 13)->is == RX_UNKNOWN)
		rule_for(s, 13)->is = RX_CN;
	for (size_t i = 0; i < s->n_rules; i++)
		rule_one(&s->rules[i], to);
	s->compiled = true;
}

/* ---- commands ---- */

/* Before anything about a stream changes: both directions are ours again. */
static void take_back(struct stream *s)
{
	fast_stop(s);
	fast_stop(s->peer);
}

static void apply_sdp(struct stream *s, ms_t now)
{
	latch_sdp(&s->latch, &s->plan.remote, &s->plan.remote_rtcp, s->plan.rtcp_mux, now);
	s->st.sdp_at = now;
	s->st.sdp_addr = s->plan.remote;
	s->keep_first = true;
	s->keep_at = now + KEEP_FIRST_MS;
}

void stream_plan(struct stream *s, const struct media_plan *p, ms_t now)
{
	for (uint8_t i = 0; i < p->n_formats; i++)
		BUG_ON(p->formats[i].codec >= CODEC_COUNT);
	take_back(s);
	if (p->open_pinhole && (!s->plan.open_pinhole || !addr_eq(&s->plan.remote, &p->remote)))
		s->open_from = s->open_at = now;
	s->plan = *p;
	s->planned = true;
	latch_set_conf(&s->latch, &p->latch, now);
	if (p->new_sdp)
		apply_sdp(s, now);
	s->silent_from = now;
	s->silent_told = false;
	s->compiled = false;
	if (s->peer)
		s->peer->compiled = false;
	stream_touch(s, now);
}

void stream_secure(struct stream *s, struct crypt *fresh)
{
	take_back(s);
	crypt_merge(&s->crypt, fresh);
}

void stream_join(struct stream *a, struct stream *b)
{
	stream_part(a);
	stream_part(b);
	a->peer = b;
	b->peer = a;
	a->compiled = false;
	b->compiled = false;
}

void stream_part(struct stream *s)
{
	struct stream *other = s->peer;

	if (!other)
		return;
	take_back(s);
	s->peer = other->peer = NULL;
	s->tx.feeder = other->tx.feeder = FEED_NONE;
	s->compiled = false;
	other->compiled = false;
}

void stream_play(struct stream *s, struct source *what, ms_t now)
{
	take_back(s);
	source_free(s->source);
	s->source = what;
	s->tx.feeder = FEED_NONE;
	s->compiled = false;
	if (what)
		what->next = now;
	stream_touch(s, now);
}

void stream_end(struct stream *s)
{
	source_free(s->source);
	free(s->asked);
	free(s->others);
	crypt_free(s->crypt);
	s->source = NULL;
	s->asked = NULL;
	s->others = NULL;
	s->crypt = NULL;
}

void stream_free(struct stream *s)
{
	stream_end(s);
	free(s);
}

/* ---- packets ---- */

static void tell_digit(struct stream *s, struct dtmf_digit d)
{
	struct media_event ev = { .kind = MEDIA_DTMF, .digit = d.digit, .duration = d.ms };

	if (d.digit)
		worker_event(s, &ev, 0);
}

static void hear_dtmf(struct stream *s, const struct rtp *r, ms_t now)
{
	bool was = s->dtmf.active;

	tell_digit(s, dtmf_packet(&s->dtmf, r->ts, r->payload, now));
	if (s->dtmf.active && !was)
		stream_touch(s, now); /* its end may never come */
}

static void pass_on(struct stream *s, const struct rtp *r, const struct arrival *p, ms_t now)
{
	struct stream *to = echoes(s) ? s : s->peer;

	if (to && rule_of(s, r->pt)->go == GO_NOWHERE)
		s->st.rx_mismatch++;
	else if (to && tx_ready(to) && (to == s || !to->source || source_yields(to->source)))
		tx_relay(to, s, r, now);
	fast_packet(s, r, p);
}

/* The latch judges; what it learned is told. */
static bool admit(struct stream *s, const struct addr *from, const struct rtp *r, ms_t now)
{
	struct addr was = s->latch.source.family ? s->latch.source : s->latch.requested, to = s->latch.remote;
	struct latch_packet p = { *from, r->seq, now, r->ssrc, r->ts };
	enum latch_say say;

	report_seen(s, from, r->seq, now);
	say = latch_rtp(&s->latch, &p, s->plan.rtcp_mux);
	if (say == LATCH_REFUSED)
		worker_event(s, &(struct media_event){ .kind = MEDIA_REFUSED, .from = *from, .was = was }, 0);
	if (say == LATCH_DROP || say == LATCH_REFUSED) {
		s->w->dropped++;
		if (s->w->debug)
			debug_packet(s, DEBUG_DROPPED, from, r);
		return false;
	}
	fast_stop(s);
	if (!addr_eq(&to, &s->latch.remote))
		fast_stop(s->peer);
	if (say == LATCH_LEARNED || !s->st.rx_packets || !addr_eq(&was, from))
		worker_event(s, &(struct media_event){ .kind = MEDIA_LATCHED, .from = *from, .was = was }, 0);
	return true;
}

static void take_rtp(struct stream *s, const struct arrival *p, ms_t now)
{
	struct rtp r;

	fast_sync(s);
	if (!rtp_parse(p->bytes, &r) || !admit(s, &p->from, &r, now))
		return;
	if (!s->compiled)
		compile(s);
	report_rx(s, &r, &p->from, now);
	if (s->w->debug)
		debug_packet(s, DEBUG_GOT, &p->from, &r);
	if (s->silent_told) {
		s->silent_told = false;
		stream_touch(s, now);
	}
	if (!s->plan.recv)
		return;
	if (rule_of(s, r.pt)->is == RX_DTMF)
		hear_dtmf(s, &r, now);
	if (rule_of(s, r.pt)->is == RX_UNKNOWN) {
		s->st.rx_mismatch++;
		s->fast.plain = 0;
	} else {
		pass_on(s, &r, p, now);
	}
}

static void open_rtp(struct stream *s, const struct arrival *p, ms_t now)
{
	struct arrival opened = *p;
	uint8_t room[PACKET_MAX];

	if (crypt_open(s, &opened.bytes, room, false))
		take_rtp(s, &opened, now);
}

void stream_rtp(struct stream *s, const struct arrival *p, ms_t now)
{
	if (s->crypt)
		open_rtp(s, p, now);
	else
		take_rtp(s, p, now);
}

/* ---- time ---- */

static void source_ends(struct stream *s, bool ok)
{
	struct source *done = s->source;

	s->source = NULL;
	s->tx.feeder = FEED_NONE;
	worker_event(s, &(struct media_event){ .kind = MEDIA_PLAYED, .ok = ok }, done->serial);
	source_free(done);
	s->compiled = false;
}

static bool is_event(const struct stream *s)
{
	return s->source->what.source == SOURCE_DIGIT && s->plan.dtmf_pt;
}

/* Silence goes unless the other leg was heard a moment ago, and in place of what we cannot encode. */
static void play_frame(struct stream *s, const int16_t *pcm, size_t n, ms_t now)
{
	uint8_t pt;

	if (!tx_ready(s))
		s->tx.feeder = FEED_NONE;
	else if (is_event(s))
		tx_event(s, n, now);
	else if (!source_yields(s->source) && tx_codec(s, &pt) != CODEC_NONE)
		tx_frame(s, pcm, n, now);
	else if (s->tx.feeder != FEED_PACKETS || now - s->tx.at > LATE_MS)
		tx_silence(s, now);
}

static ms_t play_due(struct stream *s, ms_t now)
{
	size_t n = tx_frame_size(s);
	int16_t pcm[480];

	if (!source_speaks(s->source))
		return MS_NEVER;
	if (s->source->failed) {
		source_ends(s, false);
		return MS_NEVER;
	}
	if (now - s->source->next > LATE_MS)
		s->source->next = now;
	while (s->source->next <= now) {
		if (!source_read(s->source, pcm, n)) {
			if (is_event(s) && s->source->position && tx_ready(s))
				tx_event(s, 0, now);
			source_ends(s, true);
			return MS_NEVER;
		}
		play_frame(s, pcm, n, now);
		s->source->next += (ms_t)n * 1000 / SOURCE_RATE;
	}
	return s->source->next;
}

static ms_t keepalive_due(struct stream *s, ms_t now)
{
	ms_t idle = s->keep_first ? KEEP_FIRST_MS : (ms_t)s->plan.keepalive_ms;

	if (!s->plan.keepalive_ms || !s->st.sdp_at)
		return MS_NEVER;
	if (now < s->keep_at)
		return s->keep_at;
	if (!s->tx.packets || now - s->tx.at >= idle) {
		take_back(s);
		tx_keepalive(s, now);
	}
	s->keep_first = false;
	s->keep_at = MAX(now + 1, (s->tx.packets && tx_knows(s) ? s->tx.at : now) + (ms_t)s->plan.keepalive_ms);
	return s->keep_at;
}

/*
 * Until the peer is heard, silence opens our side of the way; whoever waits for audio to learn our address gets some.
 * The pace is that of audio at first, then the gaps grow with the time it takes. Audio of the other leg does as well.
 */
static ms_t pinhole_due(struct stream *s, ms_t now)
{
	ms_t frame = (ms_t)tx_frame_size(s) * 1000 / SOURCE_RATE, gap = MAX(frame, (now - s->open_from) / 4);

	if (!s->plan.open_pinhole || s->latch.validated || !tx_ready(s) || source_speaks(s->source))
		return MS_NEVER;
	if (now < s->open_at)
		return s->open_at;
	gap = MIN(gap, OPEN_GAP_MAX);
	if (s->tx.feeder != FEED_PACKETS || now - s->tx.at >= gap) {
		take_back(s);
		tx_silence(s, now);
		s->st.tx_opening++;
	}
	s->open_at = now - s->open_at > LATE_MS ? now + gap : s->open_at + gap;
	return s->open_at;
}

static ms_t silence_due(struct stream *s, ms_t now)
{
	ms_t at = MAX(s->st.last_rx, s->silent_from) + (ms_t)s->plan.timeout_ms;

	if (!s->planned || !s->plan.timeout_ms || s->silent_told)
		return MS_NEVER;
	if (now < at)
		return at;
	s->silent_told = true;
	worker_event(s, &(struct media_event){ .kind = MEDIA_SILENT }, 0);
	return MS_NEVER;
}

ms_t stream_tick(struct stream *s, ms_t now)
{
	ms_t next;

	fast_sync(s);
	next = play_due(s, now);
	next = MIN(next, pinhole_due(s, now));
	next = MIN(next, keepalive_due(s, now));
	next = MIN(next, silence_due(s, now));
	tell_digit(s, dtmf_tick(&s->dtmf, now));
	next = MIN(next, dtmf_next(&s->dtmf));
	return MIN(next, report_due(s, now));
}
