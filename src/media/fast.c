/*
 * media/fast.c: hands a plain stream to whatever executes routes faster than a worker (struct route_table), and takes
 * it back. A stream is handed over when a packet was relayed that a route could have taken: then the latch has
 * its source, and the sending leg its offsets. It is taken back whenever the worker must know: another plan, a source
 * to play, debug, and any packet that comes up from the latched source although the route stands open.
 *
 * Nobody is asked for counts: the record is shared memory. fast_sync() adds what has moved to the statistics, as
 * if the worker had seen the last of those packets itself; the latch is told, too, so that who speaks keeps strangers
 * out.
 */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "media/priv.h"

#define PLAIN_MIN 1    /* packets in a row */
#define PLAIN_MAX 1024 /* when packets come up all the same, as for an interface without the program */

struct hop_use {
	struct hop_key key;
	struct hop *hop;
	uint32_t number;
	unsigned users;
	UT_hash_handle hh;
};

/* ---- hops ---- */

static struct hop_use *hop_take(struct worker *w, const struct hop_key *key)
{
	struct hop_use *u;

	HASH_FIND(hh, w->hops, key, sizeof *key, u);
	if (!u) {
		u = xcalloc(1, sizeof *u);
		u->key = *key;
		u->hop = w->table->hop_add(w->table, key, &u->number);
		if (!u->hop) {
			free(u);
			return NULL;
		}
		HASH_ADD(hh, w->hops, key, sizeof u->key, u);
	}
	u->users++;
	return u;
}

static void hop_leave(struct worker *w, struct hop_use **hop)
{
	struct hop_use *u = *hop;

	*hop = NULL;
	if (!u || --u->users)
		return;
	HASH_DEL(w->hops, u);
	w->table->hop_del(w->table, u->number);
	free(u);
}

/* Copied field by field: the key is compared as bytes. */
static struct hop_key hop_key_of(const struct stream *to)
{
	struct hop_key k;

	memset(&k, 0, sizeof k);
	k.to.family = to->latch.remote.family;
	k.to.scope = to->latch.remote.scope;
	memcpy(k.to.ip, to->latch.remote.ip, sizeof k.to.ip);
	k.bound.family = to->ports->local.family;
	memcpy(k.bound.ip, to->ports->local.ip, sizeof k.bound.ip);
	k.tos = to->ports->tos;
	return k;
}

static bool find_hop(struct stream *s, const struct stream *to)
{
	struct hop_key key = hop_key_of(to);

	if (s->fast.hop && memcmp(&s->fast.hop->key, &key, sizeof key) != 0)
		hop_leave(s->w, &s->fast.hop);
	if (!s->fast.hop)
		s->fast.hop = hop_take(s->w, &key);
	return s->fast.hop && __atomic_load_n(&s->fast.hop->hop->how, __ATOMIC_ACQUIRE) != HOP_UNKNOWN;
}

/* ---- reading ---- */

static void copy_counts(const struct route *r, struct route_count *c)
{
	uint32_t gate;

	do {
		while ((gate = __atomic_load_n(&r->gate, __ATOMIC_ACQUIRE)) & ROUTE_BUSY)
			;
		memcpy(c, &r->count, sizeof *c);
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
	} while (__atomic_load_n(&r->gate, __ATOMIC_RELAXED) != gate);
}

static void absorb_rx(struct stream *s, const struct route_count *c, ms_t at)
{
	struct latch_packet latest = { s->latch.source, c->max_seq, at, s->rx.ssrc, c->ts - s->fast.route->ts_off };
	uint64_t packets = c->packets - s->fast.seen.packets, cn = c->cn - s->fast.seen.cn;
	uint8_t codec = s->fast.route->formats[c->format].codec;

	s->rx.max_seq = c->max_seq;
	s->rx.cycles = c->cycles;
	s->rx.received = c->received;
	s->rx.jitter = c->jitter;
	if (packets > cn) {
		s->st.rx_jitter_us = jitter_us(&c->jitter, codec_descs[codec].rate);
		s->st.rx_codec = codec;
	}
	s->st.rx_packets += packets;
	s->st.rx_bytes += c->octets - s->fast.seen.octets;
	s->st.rx_cn += cn;
	s->st.last_rx = at;
	s->silent_told = false;
	report_moved(s, &latest.src, latest.seq, at);
	latch_rtp(&s->latch, &latest, s->plan.rtcp_mux);
}

static void absorb_tx(struct stream *to, const struct stream *s, const struct route_count *c, ms_t at)
{
	uint64_t octets = c->octets - s->fast.seen.octets, packets = c->packets - s->fast.seen.packets;

	to->tx.seq = c->seq;
	to->tx.ts = c->ts;
	to->tx.at = at;
	to->tx.from_seq = c->from_seq;
	to->tx.young = c->young;
	to->tx.packets += packets;
	to->tx.octets += octets;
	to->st.tx_bytes += octets;
	if (packets > c->cn - s->fast.seen.cn)
		to->st.tx_codec = s->fast.route->formats[c->format].to_codec;
	to->st.last_tx = at;
}

static void note_absorbed(struct stream *s, const struct route_count *c)
{
	s->fast.seen.packets = c->packets;
	s->fast.seen.octets = c->octets;
	s->fast.seen.cn = c->cn;
}

static void absorb(struct stream *s)
{
	struct route_count c;
	ms_t at;

	copy_counts(s->fast.route, &c);
	if (c.packets == s->fast.seen.packets)
		return;
	at = (ms_t)(c.last_ns / 1000000);
	s->w->fast += c.packets - s->fast.seen.packets;
	s->st.fast_packets += c.packets - s->fast.seen.packets;
	absorb_rx(s, &c, at);
	absorb_tx(s->fast.to, s, &c, at);
	note_absorbed(s, &c);
}

void fast_sync(struct stream *s)
{
	if (s->fast.open)
		absorb(s);
	if (s->peer && s->peer->fast.open)
		absorb(s->peer);
}

/* ---- shutting ---- */

static void shut(struct route *r)
{
	uint32_t gate;

	do
		gate = __atomic_load_n(&r->gate, __ATOMIC_ACQUIRE) & ~ROUTE_BUSY;
	while (!__atomic_compare_exchange_n(&r->gate, &gate, (gate & ~ROUTE_OPEN) + ROUTE_TURN, false, __ATOMIC_ACQ_REL,
					    __ATOMIC_RELAXED));
}

void fast_stop(struct stream *s)
{
	bool moved;

	if (!s || !s->fast.open)
		return;
	shut(s->fast.route);
	absorb(s);
	moved = s->fast.seen.packets > 0;
	s->fast.need = moved ? PLAIN_MIN : MIN(s->fast.need * 2, PLAIN_MAX);
	s->fast.open = false;
	s->fast.plain = 0;
	s->fast.to = NULL;
	s->st.fast = false;
	list_del(&s->fast.node);
}

void fast_stop_all(struct worker *w)
{
	while (!list_empty(&w->open))
		fast_stop(list_entry(w->open.next, struct stream, fast.node));
}

static void forget_route(struct stream *s)
{
	if (s->fast.route)
		s->w->table->del(s->w->table, s->fast.route);
	s->fast.route = NULL;
}

void fast_drop(struct stream *s)
{
	fast_stop(s);
	forget_route(s);
	hop_leave(s->w, &s->fast.hop);
}

/* ---- opening ---- */

static bool find_route(struct stream *s, const struct addr *local)
{
	struct route_key key = { .family = local->family, .port = htons(s->ports->local.port) };

	memcpy(key.ip, local->ip, sizeof key.ip);
	if (s->fast.route && memcmp(&s->fast.route->key, &key, sizeof key) == 0)
		return true;
	forget_route(s);
	s->fast.route = s->w->table->add(s->w->table, &key);
	return s->fast.route != NULL;
}

/* The payload types that may pass: audio and comfort noise, as they are. Events are the worker's: somebody may listen.
 */
static void fill_formats(struct route *r, const struct stream *s)
{
	r->n_formats = 0;
	for (unsigned pt = 0; pt < 128 && r->n_formats < ROUTE_FORMATS; pt++) {
		const struct rule *rule = rule_of(s, (uint8_t)pt);

		if (rule->go != GO_AS_IT_IS || (rule->is != RX_AUDIO && rule->is != RX_CN))
			continue;
		r->formats[r->n_formats++] = (struct route_format){
			.pt = (uint8_t)pt,
			.to_pt = rule->pt,
			.codec = rule->codec,
			.to_codec = rule->to_codec,
			.clock = rule->is == RX_AUDIO ? rtp_clock(codec_descs[rule->codec].rate) : 0,
		};
	}
}

static void fill_count(struct route *r, const struct stream *s, const struct stream *to)
{
	r->count = (struct route_count){ .jitter = s->rx.jitter,
					 .received = s->rx.received,
					 .cycles = s->rx.cycles,
					 .max_seq = s->rx.max_seq,
					 .ts = to->tx.ts,
					 .seq = to->tx.seq,
					 .from_seq = to->tx.from_seq,
					 .young = to->tx.young };
}

static void fill_route(struct route *r, const struct stream *s, const struct stream *to)
{
	memcpy(r->src, s->latch.source.ip, sizeof r->src);
	memcpy(r->to, to->latch.remote.ip, sizeof r->to);
	r->src_port = htons(s->latch.source.port);
	r->to_port = htons(to->latch.remote.port);
	r->from_port = htons(to->ports->local.port);
	r->hop = s->fast.hop->number;
	r->tos = to->ports->tos;
	r->priority = to->ports->priority;
	r->ssrc = s->rx.ssrc;
	r->to_ssrc = to->tx.ssrc;
	r->ts_off = to->tx.ts_off;
	r->seq_off = to->tx.seq_off;
	r->first = to->tx.from_first;
	fill_formats(r, s);
	fill_count(r, s, to);
}

static void start(struct stream *s, struct stream *to)
{
	struct route *r = s->fast.route;

	fill_route(r, s, to);
	note_absorbed(s, &r->count);
	s->fast.to = to;
	s->fast.open = true;
	s->st.fast = true;
	list_push(&s->w->open, &s->fast.node);
	__atomic_fetch_or(&r->gate, ROUTE_OPEN, __ATOMIC_RELEASE);
}

/* The packet could have gone without us, and the next one can: `to` goes on in the stream that it began. */
static bool is_plain(const struct stream *s, const struct rtp *r, const struct arrival *p)
{
	const struct stream *to = s->peer;
	const struct rule *rule = rule_of(s, r->pt);

	return to && !s->crypt && !to->crypt && !s->source && !to->source && tx_ready(to) && r->bare &&
	       rule->go == GO_AS_IT_IS && (rule->is == RX_AUDIO || rule->is == RX_CN) &&
	       to->tx.feeder == FEED_PACKETS && to->tx.from == s && to->tx.from_ssrc == r->ssrc &&
	       s->rx.ssrc == r->ssrc && addr_eq(&p->from, &s->latch.source) &&
	       p->from.family == to->latch.remote.family;
}

/* To this host only what comes from this host: else the stack refuses a source address of its own. */
static bool can_go(const struct stream *s, const struct arrival *p)
{
	return s->fast.hop->hop->how != HOP_LOCAL || addr_ip_eq(&p->from, &p->to) ||
	       addr_class(&p->from) == ADDR_LOOPBACK;
}

void fast_packet(struct stream *s, const struct rtp *r, const struct arrival *p)
{
	if (!s->w->table || s->w->debug || s->w->capture)
		return;
	s->fast.plain = is_plain(s, r, p) ? s->fast.plain + 1 : 0;
	s->fast.need = MAX(s->fast.need, PLAIN_MIN);
	if (s->fast.plain >= s->fast.need && find_hop(s, s->peer) && can_go(s, p) && find_route(s, &p->to))
		start(s, s->peer);
}
