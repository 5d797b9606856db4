/*
 * media/report.c: what a leg knows about its own stream: receiver statistics (RFC 3550 A.3, A.8), RTCP in both
 * directions, and the signals that the doctor reads. Counted by the worker and published, in one struct media_stats, as
 * a whole: the writer makes `turn` odd, stores the words, makes it even; a reader whose two looks at `turn` differ, or
 * see an odd number, reads again.
 */
#include <string.h>

#include "media/priv.h"

#define REPORT_MAX    256 /* bytes */
#define PUBLISH_MS    1000
#define TOGETHER_MS   20 /* what is due within so long wakes the worker once: a wake-up costs more than the work */
#define CONCURRENT_MS 1000
#define RUN_REAL      4 /* packets in sequence that make a source, as for the latch */

uint32_t jitter_us(const struct jitter *j, uint32_t rate)
{
	return (uint32_t)((uint64_t)(j->times16 >> 4) * 1000000 / rate);
}

static uint32_t highest(const struct rx *rx)
{
	return rx->cycles + rx->max_seq;
}

static uint32_t expected(const struct rx *rx)
{
	return rx->started ? highest(rx) - rx->base + 1 : 0;
}

static uint32_t lost(const struct rx *rx)
{
	return rx->lost_before + (expected(rx) > rx->received ? expected(rx) - rx->received : 0);
}

/* Another SSRC, or the same one that began anew. */
static void restart(struct stream *s, const struct rtp *r)
{
	struct rx *rx = &s->rx;

	if (rx->started)
		s->st.ssrc_changes++;
	*rx = (struct rx){
		.started = true, .ssrc = r->ssrc, .base = r->seq, .max_seq = r->seq, .lost_before = lost(rx)
	};
	s->dtmf = (struct dtmf){ 0 };
}

static void note_seq(struct stream *s, const struct rtp *r)
{
	struct rx *rx = &s->rx;
	int step = (int16_t)(r->seq - rx->max_seq);

	if (!rx->started || rx->ssrc != r->ssrc || !rtp_follows(r->seq, rx->max_seq)) {
		restart(s, r);
	} else if (step > 0) {
		rx->cycles += r->seq < rx->max_seq ? 65536 : 0;
		rx->max_seq = r->seq;
	}
	rx->received++;
}

static void note_jitter(struct stream *s, const struct rtp *r, ms_t now)
{
	uint32_t rate = codec_descs[rule_of(s, r->pt)->codec].rate;
	uint32_t arrival = rtp_units((uint64_t)now * 1000000, rtp_clock(rate));

	jitter_step(&s->rx.jitter, arrival, r->ts, s->rx.received < 2);
	s->st.rx_jitter_us = jitter_us(&s->rx.jitter, rate);
}

void report_rx(struct stream *s, const struct rtp *r, const struct addr *from, ms_t now)
{
	const struct rule *rule = rule_of(s, r->pt);
	struct counted *st = &s->st;

	if (!st->rx_packets) {
		st->first_rx = now;
		st->rx_after_tx = s->tx.packets > 0;
		st->rx_uninvited = !st->rx_after_tx || !addr_ip_eq(&s->tx.to, from);
	}
	note_seq(s, r);
	if (rule->is == RX_AUDIO) {
		note_jitter(s, r, now);
		st->rx_codec = rule->codec;
	}
	st->rx_packets++;
	st->rx_bytes += r->payload.n;
	st->last_rx = now;
	st->rx_source = *from;
	st->rx_cn += rule->is == RX_CN;
	st->rx_dtmf += rule->is == RX_DTMF;
}

/* It makes place for the latest one: who was heard longest ago is forgotten. Returns what was known of it. */
static struct seen_source swap_source(struct stream *s, const struct addr *from)
{
	struct seen_source known;
	size_t i = 0;

	if (!s->others)
		s->others = xcalloc(OTHERS_SEEN, sizeof *s->others);
	while (i < OTHERS_SEEN - 1 && !addr_eq(&s->others[i].addr, from))
		i++;
	known = s->others[i];
	memmove(&s->others[1], &s->others[0], i * sizeof known);
	s->others[0] = s->seen;
	return addr_eq(&known.addr, from) ? known : (struct seen_source){ .addr = *from };
}

static bool lives(const struct seen_source *seen, ms_t now)
{
	return seen->run >= RUN_REAL && now - seen->at < CONCURRENT_MS;
}

/* Several sources at the same time are an attack, or a provider that forgot to stop its ringback (C5). */
void report_seen(struct stream *s, const struct addr *from, uint16_t seq, ms_t now)
{
	bool first = !s->seen.addr.family, same = first || addr_eq(&s->seen.addr, from);
	struct seen_source me = first ? (struct seen_source){ .addr = *from } : same ? s->seen : swap_source(s, from);
	uint32_t live = 0;

	me.run = seq == (uint16_t)(me.seq + 1) ? me.run + 1 : 1;
	me.seq = seq;
	me.at = now;
	s->seen = me;
	if (me.run > RUN_REAL && same)
		return; /* the same source as before: nothing new */
	live = lives(&me, now);
	for (size_t i = 0; s->others && i < OTHERS_SEEN; i++)
		live += lives(&s->others[i], now);
	s->st.sources = MAX(s->st.sources, live);
}

static void moved(struct seen_source *seen, const struct addr *from, uint16_t seq, ms_t now)
{
	if (addr_eq(&seen->addr, from))
		*seen = (struct seen_source){ *from, seq, MAX(seen->run, RUN_REAL), now };
}

void report_moved(struct stream *s, const struct addr *from, uint16_t seq, ms_t now)
{
	moved(&s->seen, from, seq, now);
	for (size_t i = 0; s->others && i < OTHERS_SEEN; i++)
		moved(&s->others[i], from, seq, now);
}

static uint64_t ntp_now(const struct stream *s, ms_t now)
{
	return rtcp_ntp(s->w->wall0 + now);
}

static void far_view(struct stream *s, const struct rtcp_block *b, ms_t now)
{
	struct counted *st = &s->st;
	uint32_t rtt = rtcp_rtt_us(b, ntp_now(s, now));

	st->rr_moving = !st->rr_count || (int32_t)(b->highest - s->rr_highest) > 0;
	s->rr_highest = b->highest;
	st->rr_count++;
	st->rr_lost = b->lost > 0 ? (uint32_t)b->lost : 0;
	st->rr_fraction = b->fraction;
	st->rr_jitter_us = (uint32_t)((uint64_t)b->jitter * 1000000 / tx_rate(s));
	if (rtt)
		st->rtt_us = rtt;
}

static void take_rtcp(struct stream *s, const struct addr *from, struct span bytes, ms_t now)
{
	struct rtcp_in in;

	if (!rtcp_parse(bytes, s->tx.ssrc, &in))
		return;
	fast_sync(s);
	if (latch_rtcp(&s->latch, from, s->rx.started && in.sender == s->rx.ssrc) == LATCH_DROP)
		return;
	if (in.sr && in.sender == s->rx.ssrc) {
		s->rx.sr_mid = in.ntp_mid;
		s->rx.sr_at = now;
	}
	if (in.has_block)
		far_view(s, &in.block, now);
}

void report_rtcp(struct stream *s, const struct addr *from, struct span bytes, ms_t now)
{
	uint8_t room[PACKET_MAX];

	if (!s->crypt || crypt_open(s, &bytes, room, true))
		take_rtcp(s, from, bytes, now);
}

static struct rtcp_block our_view(struct stream *s, ms_t now)
{
	struct rx *rx = &s->rx;
	uint32_t due = expected(rx) - rx->expected_prior, got = rx->received - rx->received_prior;
	struct rtcp_block b = {
		.ssrc = rx->ssrc, .highest = highest(rx), .jitter = rx->jitter.times16 >> 4, .lsr = rx->sr_mid
	};

	b.lost = (int32_t)lost(rx);
	b.fraction = due > got ? (uint8_t)MIN((uint64_t)(due - got) * 256 / due, 255) : 0;
	if (rx->sr_mid)
		b.dlsr = (uint32_t)((uint64_t)(now - rx->sr_at) * 65536 / 1000);
	rx->expected_prior = expected(rx);
	rx->received_prior = rx->received;
	return b;
}

static void send_report(struct stream *s, bool bye, ms_t now)
{
	char cname[2 * sizeof s->cname + 1] = "";
	struct rtcp_report r = { .ssrc = s->tx.ssrc, .ntp = ntp_now(s, now), .cname = cname, .bye = bye };
	bool apart = s->ports->rtcp.open && !s->plan.rtcp_mux;
	struct addr rtcp = addr_with_port(&s->ports->local, (uint16_t)(s->ports->local.port + 1));
	uint8_t buf[REPORT_MAX + SRTP_TRAILER];
	struct out o = out_fixed((char *)buf, REPORT_MAX), name = out_fixed(cname, sizeof cname);

	struct span packet;

	out_hex(&name, s->cname, sizeof s->cname);
	r.sender = s->tx.packets > s->rtcp_tx_packets;
	r.ts = s->tx.ts + (uint32_t)((uint64_t)(now - s->tx.at) * tx_rate(s) / 1000);
	r.packets = (uint32_t)s->tx.packets;
	r.octets = (uint32_t)s->tx.octets;
	r.has_block = s->rx.started;
	if (r.has_block)
		r.block = our_view(s, now);
	rtcp_write(&o, &r);
	s->rtcp_tx_packets = s->tx.packets;
	s->rtcp_said = true;
	s->w->rtcp_sent++;
	packet = out_done(&o) > 0 ? out_look(&o) : SPAN_NONE;
	if (packet.n && s->crypt)
		packet.n = crypt_seal(s, buf, packet.n, true);
	if (packet.n && s->w->capture)
		capture_packet(s, apart ? &rtcp : &s->ports->local, &s->latch.remote_rtcp, packet);
	if (packet.n)
		s->w->send(s->w, apart ? &s->ports->rtcp : &s->ports->rtp, &s->latch.remote_rtcp, packet);
}

/* There is something to say, and somebody to say it to. */
static bool worth_it(const struct stream *s)
{
	return s->latch.remote_rtcp.family && (s->tx.packets > s->rtcp_tx_packets || s->rx.started);
}

static ms_t rtcp_due(struct stream *s, ms_t now)
{
	if (!s->rtcp_ms)
		return MS_NEVER;
	if (now >= s->rtcp_at) {
		if (worth_it(s))
			send_report(s, false, now);
		s->rtcp_at = MAX(s->rtcp_at + s->rtcp_ms, now + 1);
	}
	return s->rtcp_at;
}

ms_t report_due(struct stream *s, ms_t now)
{
	ms_t next = rtcp_due(s, now);

	if (s->w->simulated)
		return next;
	if (now >= s->publish_at) {
		report_publish(s);
		s->publish_at = now + PUBLISH_MS;
	}
	next = MIN(next, s->publish_at);
	return (next + TOGETHER_MS - 1) / TOGETHER_MS * TOGETHER_MS;
}

void report_bye(struct stream *s, ms_t now)
{
	if (s->rtcp_said && s->latch.remote_rtcp.family)
		send_report(s, true, now);
}

void report_fill(struct stream *s, struct media_stats *st)
{
	const struct counted *c = &s->st;
	const struct latch *l = &s->latch;

	*st = (struct media_stats){
		.rx_packets = c->rx_packets,
		.rx_bytes = c->rx_bytes,
		.tx_packets = s->tx.packets,
		.tx_bytes = c->tx_bytes,
		.rx_dropped = l->drops,
		.opened = c->opened,
		.sdp_at = c->sdp_at,
		.first_rx = c->first_rx,
		.last_rx = c->last_rx,
		.first_tx = c->first_tx,
		.last_tx = c->last_tx,
		.sdp_addr = c->sdp_addr,
		.rx_source = c->rx_source,
		.tx_to = l->remote,
		.last_dropped = l->last_dropped,
		.refused = l->refused,
		.latch = l->state,
		.sources = c->sources,
		.rx_lost = lost(&s->rx),
		.rx_jitter_us = c->rx_jitter_us,
		.rtt_us = c->rtt_us,
		.rr_count = c->rr_count,
		.rr_lost = c->rr_lost,
		.rr_jitter_us = c->rr_jitter_us,
		.rr_fraction = c->rr_fraction,
		.rr_moving = c->rr_moving,
		.icmp_errors = c->icmp_errors,
		.icmp_dest = c->icmp_dest,
		.ssrc_changes = c->ssrc_changes,
		.source_moves = l->moves,
		.fast_packets = c->fast_packets,
		.fast = c->fast,
		.rx_cn = c->rx_cn,
		.rx_dtmf = c->rx_dtmf,
		.tx_opening = c->tx_opening,
		.rx_after_tx = c->rx_after_tx,
		.rx_uninvited = c->rx_uninvited,
		.rx_mismatch = c->rx_mismatch,
		.rx_codec = c->rx_codec,
		.tx_codec = c->tx_codec,
		.rx_ssrc = s->rx.ssrc,
		.tx_ssrc = s->tx.ssrc,
		.encrypted = s->crypt != NULL,
		.srtp_failures = s->crypt ? s->crypt->forged : 0,
		.srtp_replays = s->crypt ? s->crypt->replayed : 0,
	};
}

void report_publish(struct stream *s)
{
	unsigned turn = atomic_load_explicit(&s->pub.turn, memory_order_relaxed);
	uint64_t words[ARRAY_LEN(s->pub.words)] = { 0 };
	struct media_stats st;

	report_fill(s, &st);
	memcpy(words, &st, sizeof st);
	atomic_store_explicit(&s->pub.turn, turn + 1, memory_order_relaxed);
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		atomic_store_explicit(&s->pub.words[i], words[i], memory_order_release);
	atomic_store_explicit(&s->pub.turn, turn + 2, memory_order_release);
}

void report_read(const struct published *p, struct media_stats *st)
{
	uint64_t words[ARRAY_LEN(p->words)];
	unsigned before, after;

	do {
		before = atomic_load_explicit(&p->turn, memory_order_acquire);
		if (!before) { /* its worker has not begun */
			*st = (struct media_stats){ .rx_codec = CODEC_NONE, .tx_codec = CODEC_NONE };
			return;
		}
		for (size_t i = 0; i < ARRAY_LEN(words); i++)
			words[i] = atomic_load_explicit(&p->words[i], memory_order_acquire);
		after = atomic_load_explicit(&p->turn, memory_order_relaxed);
	} while (before != after || (before & 1));
	memcpy(st, words, sizeof *st);
}
