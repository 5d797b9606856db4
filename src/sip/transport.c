/*
 * sip/transport.c: the transports that a snapshot asks for, their doors, and the ways to reach a peer (RFC 3261 18).
 *
 * A transport is one UDP socket or one listener of TCP or TLS. A reload keeps the socket of a transport whose protocol
 * and address did not change. Connections are found by their peer, so that a request to a phone behind NAT goes down
 * the connection that it opened (RFC 5923).
 */
#include "sip/priv.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/trace.h"

#define CONN_SILENT 32000 /* a stranger's connection is closed when no valid message comes for so long (Timer D) */
#define STREAM_MAX  (2 * SIP_MAX_MESSAGE)

/* ---- transports ---- */

void sip_transport_close(struct sip_transport *tp)
{
	struct sip *s = tp->sip;
	struct sip_conn *c, *next;

	HASH_ITER(hh, s->conns, c, next)
		if (c->flow.listener == tp->sock)
			sip_on_failed(s, &c->flow, 0);
	sip_ctx_fail_listener(s, tp->sock);
	sip_undrain(tp);
	sip_door_close(tp);
	sip_map_close(&tp->map);
	s->c.net.close(s->c.net.arg, tp->sock);
	list_del(&tp->link);
	conf_unref(tp->snapshot);
	free(tp);
}

static bool same_socket(const struct conf_transport *a, const struct conf_transport *b)
{
	return a->protocol == b->protocol && addr_eq(&a->bind, &b->bind);
}

static struct sip_transport *tp_named(struct sip *s, const char *name)
{
	list_for(n, &s->transports) {
		struct sip_transport *tp = list_entry(n, struct sip_transport, link);

		if (!tp->leaving && strcmp(tp->conf->o.name, name) == 0)
			return tp;
	}
	return NULL;
}

static void tp_take_conf(struct sip_transport *tp, struct conf *c, const struct conf_transport *t)
{
	struct conf *old = tp->snapshot;

	if (tp->conf && tp->conf->tos != t->tos && tp->sip->c.net.set_tos)
		tp->sip->c.net.set_tos(tp->sip->c.net.arg, tp->sock, t->tos);
	tp->snapshot = conf_ref(c);
	tp->conf = t;
	tp->door.by_route = !c->hairpin.compat_asterisk;
	sip_door_open(tp);
	conf_unref(old);
}

/* The snapshot leaves the transport where it is. */
static bool stays(const struct sip_transport *tp, const struct conf *c)
{
	const struct conf_transport *t = tp->leaving ? NULL : conf_transport(c, span_of(tp->conf->o.name));

	return t && same_socket(tp->conf, t);
}

/* Somebody holds a part of this address: is it a listener of ours that goes? */
static bool is_left(const struct sip *s, const struct conf *c, const struct net_listen *ask)
{
	list_for(n, &s->transports) {
		const struct sip_transport *tp = list_entry(n, struct sip_transport, link);

		if (!stays(tp, c) && tp->proto == ask->proto && tp->bound.port == ask->bind.port &&
		    !addr_ip_eq(&tp->bound, &ask->bind))
			return true;
	}
	return false;
}

static enum net_proto proto_of(const struct conf_transport *t)
{
	return t->protocol == PROTO_UDP ? NET_UDP : t->protocol == PROTO_TLS ? NET_TLS : NET_TCP;
}

static struct sip_transport *tp_open(struct sip *s, struct conf *c, const struct conf_transport *t, char *why, int *err)
{
	struct net_listen ask = { .proto = proto_of(t),
				  .bind = t->bind,
				  .tos = t->tos,
				  .gso = c->hairpin.udp_gso,
				  .tcp_keepalive = t->tcp_keepalive_enable,
				  .keep_idle = t->tcp_keepalive_idle_time,
				  .keep_interval = t->tcp_keepalive_interval_time,
				  .keep_probes = t->tcp_keepalive_probe_count,
				  .tls = &t->tls,
				  .why = why };
	struct sip_transport *tp = xcalloc(1, sizeof *tp);

	*err = s->c.net.listen(s->c.net.arg, &ask, &tp->sock, &tp->bound);
	if (*err == -EADDRINUSE && is_left(s, c, &ask)) {
		ask.share = true;
		*err = s->c.net.listen(s->c.net.arg, &ask, &tp->sock, &tp->bound);
	}
	if (*err < 0) {
		free(tp);
		return NULL;
	}
	tp->sip = s;
	tp->proto = ask.proto;
	list_push(&s->transports, &tp->link);
	tp_take_conf(tp, c, t);
	return tp;
}

/* Certificates are read anew at each reload. 0 or -errno: then those of before go on. */
static int tp_renew(const struct sip_transport *tp, struct diag *why)
{
	const struct conf_transport *t = tp->conf;
	const struct net *net = &tp->sip->c.net;
	char wrong[NET_WHY] = "";
	int err = tp->proto == NET_TLS && net->renew ? net->renew(net->arg, tp->sock, &t->tls, wrong) : 0;

	if (err < 0)
		diag_add(why, DIAG_ERROR, t->o.file, t->o.line, "transport %s: %s; the certificate of before is kept",
			 t->o.name, wrong);
	return err;
}

/* A listener that was left, or that another transport leaves, may be the one that is wanted. */
static struct sip_transport *tp_left(struct sip *s, const struct conf *c, const struct conf_transport *t)
{
	list_for(n, &s->transports) {
		struct sip_transport *tp = list_entry(n, struct sip_transport, link);

		if (!stays(tp, c) && same_socket(tp->conf, t))
			return tp;
	}
	return NULL;
}

/* 0 or -errno: then it stays where it was. */
static int tp_adopt(struct sip *s, struct conf *c, const struct conf_transport *t, struct diag *why)
{
	struct sip_transport *old = tp_named(s, t->o.name), *left = tp_left(s, c, t);
	char text[ADDR_STRLEN], wrong[NET_WHY] = "";
	int err = 0;

	if (old && same_socket(old->conf, t)) {
		tp_take_conf(old, c, t);
		return tp_renew(old, why);
	}
	if (left) {
		sip_undrain(left);
		tp_take_conf(left, c, t);
		err = tp_renew(left, why);
	} else if (!tp_open(s, c, t, wrong, &err) && wrong[0]) {
		diag_add(why, DIAG_ERROR, t->o.file, t->o.line, "transport %s: %s", t->o.name, wrong);
		return err;
	} else if (err < 0) {
		diag_add(why, DIAG_ERROR, t->o.file, t->o.line, "transport %s: cannot listen on %s %s: %s", t->o.name,
			 conf_proto_names[t->protocol], addr_str(&t->bind, text), strerror(-err));
		return err;
	}
	if (old)
		sip_drain(old);
	return err;
}

int sip_adopt(struct sip *s, struct conf *c, struct diag *why)
{
	struct conf *old = s->conf;
	int err = 0;

	s->conf = conf_ref(c);
	s->t1 = c->system.timer_t1;
	s->timer_b = c->system.timer_b;
	sip_digest_adopt(s);
	for (size_t i = 0; i < c->n_transports; i++) {
		int e = tp_adopt(s, c, &c->transports[i], why);

		err = err ? err : e;
	}
	list_for(n, &s->transports) {
		struct sip_transport *tp = list_entry(n, struct sip_transport, link);

		if (!tp->leaving && !conf_transport(c, span_of(tp->conf->o.name)))
			sip_drain(tp);
	}
	sip_door_ways(s);
	conf_unref(old);
	return err;
}

void sip_transports_free(struct sip *s)
{
	list_for_safe(n, &s->transports)
		sip_transport_close(list_entry(n, struct sip_transport, link));
}

struct sip_transport *sip_transport_by_flow(const struct sip *s, const struct flow *f)
{
	list_for(n, &s->transports) {
		struct sip_transport *tp = list_entry(n, struct sip_transport, link);

		if (tp->sock == f->listener)
			return tp;
	}
	return NULL;
}

static struct sip_transport_info info_of(const struct sip_transport *tp)
{
	return (struct sip_transport_info){
		.conf = tp->conf, .bound = tp->bound, .door = &tp->door, .connections = tp->conns
	};
}

bool sip_transport_nth(const struct sip *s, unsigned n, struct sip_transport_info *info)
{
	list_for(l, &s->transports) {
		if (list_entry(l, struct sip_transport, link)->leaving || n--)
			continue;
		*info = info_of(list_entry(l, struct sip_transport, link));
		return true;
	}
	return false;
}

struct sip_transport_info sip_transport_of(const struct sip *s, const struct flow *f)
{
	struct sip_transport *tp = sip_transport_by_flow(s, f);

	return tp ? info_of(tp) : (struct sip_transport_info){ 0 };
}

static bool serves(const struct sip_transport *tp, enum net_proto proto, uint8_t family)
{
	return !tp->leaving && tp->proto == proto && tp->bound.family == family;
}

bool sip_transport_has(const struct sip *s, enum net_proto proto, uint8_t family)
{
	list_for(n, &s->transports)
		if (serves(list_entry(n, struct sip_transport, link), proto, family))
			return true;
	return false;
}

/* Among those that fit, one whose own address is the one packets to `to` leave with beats the others. */
struct sip_transport *sip_transport_pick(struct sip *s, const struct conf_transport *want, enum net_proto proto,
					 const struct addr *to)
{
	struct sip_transport *tp = want ? tp_named(s, want->o.name) : NULL, *best = NULL;

	if (tp && serves(tp, proto, to->family))
		return tp;
	list_for(n, &s->transports) {
		struct addr src;

		tp = list_entry(n, struct sip_transport, link);
		if (!serves(tp, proto, to->family))
			continue;
		src = s->c.net.source(s->c.net.arg, addr_is_any(&tp->bound) ? tp->sock : 0, to);
		if (src.family && (addr_is_any(&tp->bound) || addr_ip_eq(&src, &tp->bound)))
			return tp;
		best = best ? best : tp;
	}
	return best;
}

const struct nat_door *sip_door_toward(struct sip *s, const struct conf_transport *want, const struct addr *to)
{
	struct sip_transport *tp = want ? tp_named(s, want->o.name) : NULL;

	if (!tp && to->family)
		tp = sip_transport_pick(s, NULL, NET_UDP, to);
	list_for(n, &s->transports) {
		if (tp)
			break;
		if (!list_entry(n, struct sip_transport, link)->leaving &&
		    list_entry(n, struct sip_transport, link)->door.auto_media)
			tp = list_entry(n, struct sip_transport, link);
	}
	return tp ? &tp->door : NULL;
}

/* ---- flows ---- */

void sip_face(const struct sip *s, const struct sip_transport *tp, const struct flow *f, struct nat_face *face)
{
	struct nat_way w = { .local = f->local, .dst = f->peer };

	w.beside =
		nat_asks_route(&tp->door, &w.local, &w.dst) && s->c.net.routed && s->c.net.routed(s->c.net.arg, &w.dst);
	nat_signaling_face(&tp->door, &w, face);
}

bool sip_flow_look(const struct sip *s, struct flow *f, struct nat_face *face)
{
	const struct sip_transport *tp = sip_transport_by_flow(s, f);

	if (!tp)
		return false;
	f->local = sip_local_of(s, f);
	sip_face(s, tp, f, face);
	return true;
}

struct addr sip_local_of(const struct sip *s, const struct flow *f)
{
	struct sip_transport *tp = sip_transport_by_flow(s, f);
	struct addr local = f->local;

	if (!tp)
		return local;
	if (!local.family || addr_is_any(&local))
		local = s->c.net.source(s->c.net.arg, f->listener, &f->peer);
	if (!local.family)
		local = tp->bound;
	local.port = tp->bound.port;
	return local;
}

static struct sip_conn *conn_of(const struct sip *s, uint32_t sock)
{
	struct sip_conn *c;

	HASH_FIND(hh, s->conns, &sock, sizeof sock, c);
	return c;
}

bool sip_flow_alive(const struct sip *s, const struct flow *f)
{
	return f->sock && (f->proto == NET_UDP ? sip_transport_by_flow(s, f) != NULL : conn_of(s, f->sock) != NULL);
}

static void conn_keep(struct timer *t, ms_t now UNUSED)
{
	struct sip_conn *c = container_of(t, struct sip_conn, keep);
	uint32_t every = c->sip->conf->global.keep_alive_interval;

	if (!every)
		return;
	c->sip->c.net.send(c->sip->c.net.arg, &c->flow, SPAN("\r\n\r\n"));
	sip_in(c->sip, &c->keep, (ms_t)every * 1000);
}

static void conn_close(struct sip_conn *c, const char *why)
{
	char peer[ADDR_STRLEN];

	trace(EV_IO_CONN, NULL, "%s %s closed: %s", net_proto_name(c->flow.proto), addr_str(&c->flow.peer, peer), why);
	c->sip->c.net.close(c->sip->c.net.arg, c->flow.sock);
	sip_on_failed(c->sip, &c->flow, 0);
}

static void conn_idle(struct timer *t, ms_t now UNUSED)
{
	struct sip_conn *c = container_of(t, struct sip_conn, idle);

	conn_close(c, "a stranger said nothing valid in 32 s");
}

void sip_flow_known(struct sip *s, const struct flow *f)
{
	struct sip_conn *c = net_is_stream(f->proto) ? conn_of(s, f->sock) : NULL;

	if (!c)
		return;
	list_del(&c->stranger);
	sip_stop(s, &c->idle);
}

/* `meant`: meant_of(). */
static void conn_new(struct sip *s, const struct flow *f, uint32_t meant, bool incoming)
{
	struct sip_transport *tp = sip_transport_by_flow(s, f);
	struct sip_conn *c = xcalloc(1, sizeof *c), *old;

	if (tp)
		tp->conns++;
	c->sip = s;
	c->flow = *f;
	c->peer_key = sip_addr_key(&f->peer, f->proto | meant);
	c->incoming = incoming;
	c->keep.fire = conn_keep;
	c->idle.fire = conn_idle;
	HASH_ADD(hh, s->conns, flow.sock, sizeof c->flow.sock, c);
	HASH_FIND(hh_peer, s->conns_by_peer, &c->peer_key, sizeof c->peer_key, old);
	if (old) /* the newest connection of a peer is the one to use */
		HASH_DELETE(hh_peer, s->conns_by_peer, old);
	HASH_ADD(hh_peer, s->conns_by_peer, peer_key, sizeof c->peer_key, c);
	if (s->conf->global.keep_alive_interval)
		sip_in(s, &c->keep, (ms_t)s->conf->global.keep_alive_interval * 1000);
	list_init(&c->stranger);
	if (incoming) {
		list_push(&s->strangers, &c->stranger);
		sip_in(s, &c->idle, CONN_SILENT);
	}
}

static void conn_free(struct sip_conn *c)
{
	struct sip *s = c->sip;
	struct sip_transport *tp = sip_transport_by_flow(s, &c->flow);
	struct sip_conn *known;

	if (tp)
		tp->conns--;
	sip_stop(s, &c->keep);
	sip_stop(s, &c->idle);
	list_del(&c->stranger);
	HASH_DEL(s->conns, c);
	HASH_FIND(hh_peer, s->conns_by_peer, &c->peer_key, sizeof c->peer_key, known);
	if (known == c)
		HASH_DELETE(hh_peer, s->conns_by_peer, c);
	free(c->buf);
	free(c);
}

/*
 * For the name that a certificate is checked for, by verify_server; 0: for none. Host names are compared without regard
 * to case. The lowest bits are left to the protocol.
 */
static uint32_t meant_of(const struct sip_transport *tp, struct span name)
{
	uint32_t h = 2166136261u;

	if (tp->proto != NET_TLS || !tp->conf->tls.verify_server)
		return 0;
	for (size_t i = 0; i < name.n; i++)
		h = (h ^ (uint8_t)tolower((unsigned char)name.p[i])) * 16777619u;
	return (h | 4) & ~3u;
}

/* Who connected to us is who is there; one that we made is for the name that it was checked for. */
static struct sip_conn *conn_to(const struct sip *s, const struct addr *to, enum net_proto proto, uint32_t meant)
{
	struct addr_key key = sip_addr_key(to, proto | meant);
	struct sip_conn *c;

	HASH_FIND(hh_peer, s->conns_by_peer, &key, sizeof key, c);
	if (c || !meant)
		return c;
	c = conn_to(s, to, proto, 0);
	return c && c->incoming ? c : NULL;
}

int sip_flow_to(struct sip *s, struct sip_transport *tp, const struct addr *to, struct span name, struct flow *f)
{
	uint32_t meant = meant_of(tp, name);
	struct sip_conn *c;
	int err;

	*f = (struct flow){ .sock = tp->sock, .proto = tp->proto, .listener = tp->sock, .peer = *to };
	if (tp->proto == NET_UDP) {
		f->local = sip_local_of(s, f);
		return 0;
	}
	c = conn_to(s, to, tp->proto, meant);
	if (c) {
		*f = c->flow;
		return 0;
	}
	err = s->c.net.connect(s->c.net.arg, tp->sock, to, name, f);
	if (err < 0)
		return err;
	f->local = sip_local_of(s, f);
	conn_new(s, f, meant, false);
	return 0;
}

uint32_t sip_new_cseq(struct sip *s)
{
	return 10000 + rng_below(&s->c.clock->rng, 20000);
}

uint32_t sip_order(struct span call_id)
{
	uint64_t head = 0, next = 0;
	size_t n = MIN(call_id.n, sizeof head), more = MIN(call_id.n - n, sizeof next);

	if (!n) /* a message may have none */
		return 0;
	memcpy(&head, call_id.p, n);
	memcpy(&next, call_id.p + n, more);
	head = (head ^ next * 0x9e3779b97f4a7c15u) * 0xff51afd7ed558ccdu;
	return (uint32_t)(head >> 32);
}

int sip_send(struct sip *s, const struct flow *f, struct span bytes)
{
	if (!sip_flow_alive(s, f))
		return -ENOTCONN;
	sip_wire(s, f, true, bytes);
	sip_uninvited_sent(s, &f->peer);
	return s->c.net.send(s->c.net.arg, f, bytes);
}

/* For one more connection: the oldest stranger leaves, should there be none. */
static bool has_room(struct sip *s)
{
	bool full = HASH_COUNT(s->conns) >= s->conf->hairpin.max_connections;

	if (full && !s->full_told)
		trace(EV_IO_ERROR, NULL,
		      "there are %u connections already (max_connections): strangers' are closed for new ones",
		      HASH_COUNT(s->conns));
	s->full_told = full;
	if (full && list_empty(&s->strangers))
		return false;
	if (full)
		conn_close(list_entry(s->strangers.next, struct sip_conn, stranger),
			   "a new one takes a stranger's place");
	return true;
}

void sip_on_accepted(void *arg, const struct flow *f)
{
	struct sip *s = arg;

	if (!sip_is_drained(s, f) && has_room(s)) {
		conn_new(s, f, 0, true);
		sip_uninvited_heard(s, f, SIP_OTHER);
		return;
	}
	count(CNT_sip_shed);
	s->c.net.close(s->c.net.arg, f->sock);
}

void sip_on_connected(void *arg, uint32_t sock, const struct addr *local)
{
	struct sip_conn *c = conn_of(arg, sock);

	if (c)
		c->flow.local = *local;
}

void sip_on_failed(void *arg, const struct flow *f, int err)
{
	struct sip *s = arg;
	struct flow copy = *f;
	struct sip_conn *c = net_is_stream(f->proto) ? conn_of(s, f->sock) : NULL;

	if (c)
		conn_free(c);
	sip_router_failed(s, &copy);
	sip_ctx_fail_peer(s, &copy, err);
	if (net_is_stream(copy.proto) && s->c.user.closed)
		s->c.user.closed(s->c.user.arg, &copy);
}

/* ---- streams (RFC 3261 18.3) ---- */

static void conn_append(struct sip_conn *c, struct span bytes)
{
	if (c->n + bytes.n > c->cap) {
		c->cap = MAX(c->cap * 2, c->n + bytes.n);
		c->buf = xrealloc(c->buf, c->cap);
	}
	memcpy(c->buf + c->n, bytes.p, bytes.n);
	c->n += bytes.n;
}

/* RFC 5626 4.4.1: a double CRLF is a ping, to be answered with a single one. */
static void skip_pings(struct sip_conn *c, struct span *in)
{
	for (; in->n && (in->p[0] == '\r' || in->p[0] == '\n'); *in = span_from(*in, 1))
		c->line_ends++;
	if (c->line_ends < 4)
		return;
	c->line_ends = 0;
	c->sip->c.net.send(c->sip->c.net.arg, &c->flow, SPAN("\r\n"));
}

/* Gives the messages in `in` to the core, one after the other. 0, or the reason to close; the rest stays in *in. */
static long take_messages(struct sip *s, uint32_t sock, struct span *in)
{
	struct sip_conn *c;

	while ((c = conn_of(s, sock))) { /* each message may end the connection */
		struct flow f = c->flow;
		long n;

		skip_pings(c, in);
		n = in->n ? sip_frame_on(*in, &c->framing) : 0;
		if (n <= 0)
			return n;
		c->framing = (struct sip_framing){ 0 };
		c->line_ends = 0;
		if (sip_input_message(s, &f, span_sub(*in, 0, (size_t)n)) && (c = conn_of(s, sock)) &&
		    !list_empty(&c->stranger))
			sip_in(s, &c->idle, CONN_SILENT);
		*in = span_from(*in, (size_t)n);
	}
	return 0;
}

static void close_stream(struct sip *s, const struct flow *f, const char *why)
{
	trace(EV_SIP_BAD, NULL, "stream closed: %s", why);
	s->c.net.close(s->c.net.arg, f->sock);
	sip_on_failed(s, f, 0);
}

/* The buffer is taken off the connection while its messages are served, so that nothing is moved for each of them. */
void sip_conn_input(struct sip *s, struct sip_conn *c, struct span bytes)
{
	struct flow f = c->flow;
	struct span in;
	size_t cap;
	char *buf;
	long err;

	if (!bytes.n)
		return;
	if (c->n + bytes.n > STREAM_MAX) {
		close_stream(s, &f, "too much at once");
		return;
	}
	conn_append(c, bytes);
	if (c->n < c->framing.look)
		return;
	buf = c->buf;
	cap = c->cap;
	in = (struct span){ buf, c->n };
	c->buf = NULL;
	c->n = c->cap = 0;
	err = take_messages(s, f.sock, &in);
	c = conn_of(s, f.sock);
	if (c && err >= 0 && in.n) {
		if (in.p != buf)
			memmove(buf, in.p, in.n);
		c->buf = buf;
		c->n = in.n;
		c->cap = cap;
		return;
	}
	free(buf);
	if (c && err < 0)
		close_stream(s, &f, err == -EMSGSIZE ? "message too long" : "malformed Content-Length");
}
