/*
 * media/tx.c: what leaves a leg. Whatever feeds it (the other leg, a tone, a keepalive), the far end sees one stream:
 * one SSRC, sequence numbers that go on, timestamps that keep to real time. Relayed packets keep the distances of their
 * source, losses and disorder included: only an offset is added, chosen anew whenever the feeder changes; the first
 * packet after a change carries the marker bit.
 */
#include <string.h>

#include "media/pcm.h"
#include "media/priv.h"
#include "media/silence.h"

#define YOUNG     200 /* packets after a change during which stragglers from before it are refused */
#define FRAME_MAX 480 /* samples: 60 ms */

bool tx_knows(const struct stream *s)
{
	return s->latch.remote.family && s->latch.remote.port;
}

bool tx_ready(const struct stream *s)
{
	return s->plan.send && tx_knows(s);
}

enum codec tx_codec(const struct stream *s, uint8_t *pt)
{
	for (uint8_t i = 0; i < s->plan.n_formats; i++) {
		if (!pcm_can((enum codec)s->plan.formats[i].codec))
			continue;
		*pt = s->plan.formats[i].pt;
		return (enum codec)s->plan.formats[i].codec;
	}
	return CODEC_NONE;
}

size_t tx_frame_size(const struct stream *s)
{
	unsigned ms = s->plan.ptime >= 5 && s->plan.ptime <= 60 ? s->plan.ptime : 20;

	return ms * (SOURCE_RATE / 1000);
}

uint32_t tx_rate(const struct stream *s)
{
	return s->plan.n_formats ? codec_descs[s->plan.formats[0].codec].rate : SOURCE_RATE;
}

/* Where the timestamp stands when another feeder takes over. */
static uint32_t resume_ts(const struct stream *s, ms_t now)
{
	uint32_t rate = tx_rate(s), elapsed = (uint32_t)((uint64_t)(now - s->tx.at) * rate / 1000);

	return s->tx.packets ? s->tx.ts + MAX(elapsed, rate / 50) : s->tx.ts;
}

static void count_sent(struct stream *s, const struct rtp *r, ms_t now)
{
	struct tx *tx = &s->tx;

	if (!tx->packets || (int16_t)(r->seq - tx->seq) > 0) {
		tx->seq = r->seq;
		tx->ts = r->ts;
		tx->at = now;
	}
	if (!tx->packets++)
		s->st.first_tx = now;
	tx->octets += r->payload.n;
	s->st.last_tx = now;
	s->st.tx_bytes += r->payload.n;
}

static void send_packet(struct stream *s, struct rtp *r, ms_t now)
{
	struct addr to = s->latch.remote;
	uint8_t buf[PACKET_MAX + SRTP_TRAILER];
	size_t n;

	r->ssrc = s->tx.ssrc;
	n = rtp_write(buf, PACKET_MAX, r);
	if (n && s->crypt)
		n = crypt_seal(s, buf, n, false);
	if (!n)
		return;
	count_sent(s, r, now);
	s->tx.to = to;
	if (s->w->debug)
		debug_packet(s, DEBUG_SENT, &to, r);
	if (s->w->capture)
		capture_packet(s, &s->ports->local, &to, (struct span){ (const char *)buf, n });
	s->w->send(s->w, &s->ports->rtp, &to, (struct span){ (const char *)buf, n });
}

static bool other_stream(const struct tx *tx, const struct stream *from, const struct rtp *in)
{
	return tx->feeder != FEED_PACKETS || tx->from != from || tx->from_ssrc != in->ssrc ||
	       !rtp_follows(in->seq, tx->from_seq);
}

/* Translates sequence and timestamp into our stream; false for a straggler from before the last change. */
static bool take_over(struct stream *s, const struct stream *from, struct rtp *r, ms_t now)
{
	struct tx *tx = &s->tx;

	if (other_stream(tx, from, r)) {
		tx->feeder = FEED_PACKETS;
		tx->from = from;
		tx->from_ssrc = r->ssrc;
		tx->from_first = tx->from_seq = r->seq;
		tx->young = YOUNG;
		tx->seq_off = (uint16_t)(tx->seq + 1 - r->seq);
		tx->ts_off = resume_ts(s, now) - r->ts;
		r->marker = true;
	}
	if (tx->young && tx->young-- && (int16_t)(r->seq - tx->from_first) < 0)
		return false;
	if ((int16_t)(r->seq - tx->from_seq) > 0)
		tx->from_seq = r->seq;
	r->seq = (uint16_t)(r->seq + tx->seq_off);
	r->ts += tx->ts_off;
	return true;
}

void tx_relay(struct stream *s, const struct stream *from, const struct rtp *in, ms_t now)
{
	const struct rule *rule = rule_of(from, in->pt);
	uint8_t converted[PACKET_MAX];
	struct rtp r = *in;

	if (rule->go == GO_CONVERTED) {
		size_t n = pcm_convert((enum codec)rule->codec, (enum codec)rule->to_codec, in->payload, converted,
				       sizeof converted - RTP_HEADER);

		r.payload = (struct span){ (const char *)converted, n };
	}
	if (!take_over(s, from, &r, now))
		return;
	r.pt = rule->pt;
	if (rule->is == RX_AUDIO)
		s->st.tx_codec = rule->to_codec;
	send_packet(s, &r, now);
	s->w->relayed++;
}

/* One packet of our own making, `samples` long. */
static void send_own(struct stream *s, struct rtp *r, size_t samples, ms_t now)
{
	struct tx *tx = &s->tx;

	r->marker = tx->feeder != FEED_SOURCE;
	r->ts = r->marker ? resume_ts(s, now) : tx->next_ts;
	r->seq = (uint16_t)(tx->seq + 1);
	tx->feeder = FEED_SOURCE;
	tx->next_ts = r->ts + (uint32_t)samples;
	send_packet(s, r, now);
}

void tx_frame(struct stream *s, const int16_t *pcm, size_t n, ms_t now)
{
	uint8_t payload[2 * FRAME_MAX];
	struct rtp r = { 0 };
	enum codec c = tx_codec(s, &r.pt);

	if (c == CODEC_NONE)
		return;
	BUG_ON(n > FRAME_MAX);
	r.payload = (struct span){ (const char *)payload, pcm_encode(c, pcm, n, payload) };
	s->st.tx_codec = c;
	send_own(s, &r, n, now);
}

/* All its packets have the timestamp at which it began; the end is said three times, and what follows comes after it.
 */
void tx_event(struct stream *s, size_t n, ms_t now)
{
	static const char events[] = "0123456789*#ABCD";
	struct source *src = s->source;
	struct tx *tx = &s->tx;
	bool first = n == src->position;
	uint32_t duration = MIN(src->position * (tx_rate(s) / SOURCE_RATE), 0xffffu);
	uint8_t event = (uint8_t)(strchr(events, src->what.digit) - events), volume = 10;
	uint8_t payload[4] = { event, n ? volume : (uint8_t)(0x80 | volume) };

	if (first)
		src->event_ts = tx->feeder == FEED_SOURCE ? tx->next_ts : resume_ts(s, now);
	put16(payload + 2, (uint16_t)duration);
	for (int i = 0; i < (n ? 1 : 3); i++) {
		struct rtp r = { .pt = s->plan.dtmf_pt,
				 .marker = first,
				 .ts = src->event_ts,
				 .seq = (uint16_t)(tx->seq + 1),
				 .payload = { (const char *)payload, sizeof payload } };

		send_packet(s, &r, now);
	}
	tx->feeder = FEED_SOURCE;
	if (!n)
		tx->ts = tx->next_ts = src->event_ts + duration;
}

void tx_silence(struct stream *s, ms_t now)
{
	uint8_t payload[SILENCE_MAX];
	struct rtp r = { .pt = s->plan.formats[0].pt };
	enum codec c = (enum codec)s->plan.formats[0].codec;
	unsigned ms = s->plan.ptime;
	size_t n = s->plan.n_formats ? silence_frame(c, &ms, payload) : 0;

	if (!n) {
		tx_keepalive(s, now);
		return;
	}
	if (s->tx.packets && now - s->tx.at >= 2 * (ms_t)ms)
		s->tx.feeder = FEED_NONE;
	r.payload = (struct span){ (const char *)payload, n };
	s->st.tx_codec = (uint8_t)c;
	send_own(s, &r, ms * tx_rate(s) / 1000, now);
}

/*
 * Comfort noise if that was agreed, else real silence; a codec that we cannot make gets comfort noise all the same. Who
 * holds the call gets it, too: NATs know nothing of directions (RFC 6263 section 4).
 */
void tx_keepalive(struct stream *s, ms_t now)
{
	static const int16_t silence[FRAME_MAX];
	static const char quietest[1] = { 127 };
	struct rtp r = { .payload = { quietest, 1 } };
	uint8_t pt;

	if (!tx_knows(s))
		return;
	s->tx.feeder = FEED_NONE;
	if (!s->plan.cn_pt && tx_codec(s, &pt) != CODEC_NONE) {
		tx_frame(s, silence, tx_frame_size(s), now);
	} else {
		r.pt = s->plan.cn_pt ? s->plan.cn_pt : 13;
		send_own(s, &r, 0, now);
	}
	s->tx.feeder = FEED_NONE;
}
