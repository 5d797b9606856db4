/*
 * sim/world.c: the clock, the hosts and their sockets. Datagrams and streams travel for a few virtual milliseconds
 * through sim_route(); what nobody listens for comes back as an ICMP error, what goes to a host that is down vanishes.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/trace.h"
#include "sim/priv.h"

#define LATENCY      3 /* ms, one way */
#define DNS_LATENCY  5
#define UPNP_LATENCY 40

enum what { DATAGRAM, STREAM, OPENED, ACCEPTED, CLOSED, UNREACHABLE, DNS_ANSWER, UPNP_ANSWER };

struct packet {
	struct list link;
	struct sim *sim;
	struct timer timer;
	enum what what;
	struct sim_host *host; /* who gets it */
	uint32_t sock;         /* 0: by local address */
	struct addr from, to;
	struct sim_host *sender; /* for UNREACHABLE */
	uint32_t sender_sock;
	struct addr sender_to;
	uint64_t query;
	enum dns_type type;
	int err; /* UPNP_ANSWER: and `from` is the address outside */
	size_t n;
	char bytes[]; /* with a NUL behind them */
};

struct clock *sim_clock(struct sim *s)
{
	return &s->clock;
}

struct sim *sim_new(uint32_t seed)
{
	struct sim *s = xcalloc(1, sizeof *s);
	uint8_t bytes[32] = { 0 };

	memcpy(bytes, &seed, sizeof seed);
	rng_seed(&s->clock.rng, bytes);
	s->clock.now = 1000000;
	s->clock.wall0 = 1767225600000 - s->clock.now; /* 2026-01-01 */
	s->fated = UINT32_MAX;
	list_init(&s->nets);
	list_init(&s->hosts);
	list_init(&s->zone);
	list_init(&s->packets);
	list_init(&s->phones);
	list_init(&s->pbxs);
	return s;
}

static void packet_free(struct packet *k)
{
	timer_stop(&k->sim->clock.timers, &k->timer);
	list_del(&k->link);
	free(k);
}

void sim_free(struct sim *s)
{
	struct socket *k, *next;

	sim_phones_free(s);
	sim_pbxs_free(s);
	list_for_safe(l, &s->packets)
		packet_free(list_entry(l, struct packet, link));
	HASH_ITER(hh, s->sockets, k, next) {
		HASH_DEL(s->sockets, k);
		free(k);
	}
	list_for_safe(l, &s->hosts)
		free(list_entry(l, struct sim_host, link));
	list_for_safe(l, &s->nets) {
		struct sim_net *n = list_entry(l, struct sim_net, link);

		sim_restart_nat(n);
		list_del(&n->link);
		free(n);
	}
	list_for_safe(l, &s->zone)
		free(list_entry(l, struct zone_record, link));
	timers_free(&s->clock.timers);
	free(s);
}

void sim_turns(struct sim *s, ms_t turn)
{
	s->turn = turn;
}

/* When what is due at `at` is dealt with. */
static ms_t turn_of(const struct sim *s, ms_t at)
{
	return s->turn ? (at + s->turn - 1) / s->turn * s->turn : at;
}

bool sim_run(struct sim *s, ms_t until)
{
	bool ran = false;

	sim_pbxs_media(s);
	for (;;) {
		ms_t next = timers_next(&s->clock.timers);

		if (next > until)
			break;
		s->clock.now = MAX(s->clock.now, turn_of(s, next));
		trace_set_wall(clock_wall(&s->clock));
		timers_run(&s->clock.timers, s->clock.now);
		sim_pbxs_media(s);
		ran = true;
	}
	s->clock.now = MAX(s->clock.now, until);
	return ran;
}

void sim_wall(struct sim *s, int64_t ms)
{
	s->clock.wall0 = ms - s->clock.now;
}

void sim_fate(struct sim *s, unsigned nth, enum sim_fate fate)
{
	s->fated = nth;
	s->fate = fate;
}

unsigned sim_messages(const struct sim *s)
{
	return s->messages;
}

void sim_tap(struct sim *s, void (*fn)(void *arg, const struct sim_wire *w), void *arg)
{
	s->tap = fn;
	s->tap_arg = arg;
}

/* ---- sockets ---- */

static struct socket *socket_of(struct sim *s, uint32_t id)
{
	struct socket *k;

	HASH_FIND(hh, s->sockets, &id, sizeof id, k);
	return k;
}

static struct socket *listening_at(struct sim_host *h, const struct addr *to, bool tcp)
{
	struct socket *k, *next, *wide = NULL;

	HASH_ITER(hh, h->sim->sockets, k, next) {
		if (k->host != h || !k->listening || k->tcp != tcp || k->local.port != to->port ||
		    k->local.family != to->family)
			continue;
		if (addr_ip_eq(&k->local, to))
			return k;
		if (addr_is_any(&k->local) || addr_is_any(to))
			wide = k;
	}
	return wide;
}

static struct socket *socket_new(struct sim_host *h, enum net_proto proto)
{
	struct socket *k = xcalloc(1, sizeof *k);

	k->host = h;
	k->tcp = net_is_stream(proto);
	k->proto = proto;
	k->id = ++h->sim->next_socket;
	HASH_ADD(hh, h->sim->sockets, id, sizeof k->id, k);
	return k;
}

static void socket_free(struct socket *k)
{
	HASH_DEL(k->host->sim->sockets, k);
	free(k);
}

/* ---- travelling ---- */

static void tell_failed(struct sim_host *h, const struct flow *f, int err)
{
	if (h->sink.failed)
		h->sink.failed(h->sink.arg, f, err);
}

static void arrive_datagram(struct packet *k)
{
	struct socket *to = k->host->up ? listening_at(k->host, &k->to, false) : NULL;
	struct flow f = { .proto = NET_UDP, .local = k->to, .peer = k->from };

	if (!k->host->up)
		return;
	if (!to) { /* port unreachable */
		struct flow back = {
			.proto = NET_UDP, .sock = k->sender_sock, .listener = k->sender_sock, .peer = k->sender_to
		};

		if (k->sender->up && socket_of(k->sim, k->sender_sock))
			tell_failed(k->sender, &back, -ECONNREFUSED);
		return;
	}
	f.sock = f.listener = to->id;
	if (to->media && k->host->rtp)
		k->host->rtp(k->host->rtp_arg, to->id, &k->from, (struct span){ k->bytes, k->n });
	else if (!to->media && k->host->sink.input)
		k->host->sink.input(k->host->sink.arg, &f, (struct span){ k->bytes, k->n });
}

static void arrive_stream(struct packet *k)
{
	struct socket *to = socket_of(k->sim, k->sock);
	struct flow f;

	if (!to || !to->host->up)
		return;
	f = (struct flow){
		.sock = to->id, .proto = to->proto, .listener = to->listener, .local = to->local, .peer = to->peer
	};
	switch (k->what) {
	case STREAM:
		if (to->host->sink.input)
			to->host->sink.input(to->host->sink.arg, &f, (struct span){ k->bytes, k->n });
		break;
	case ACCEPTED:
		if (to->host->sink.accepted)
			to->host->sink.accepted(to->host->sink.arg, &f);
		break;
	case OPENED:
		if (to->host->sink.connected)
			to->host->sink.connected(to->host->sink.arg, to->id, &to->local);
		break;
	default: {
		struct sim_host *h = to->host;

		socket_free(to);
		tell_failed(h, &f, k->what == UNREACHABLE ? -ECONNREFUSED : 0);
	}
	}
}

static void arrive_answer(struct packet *k)
{
	struct dns_record rs[32];
	size_t n = 0;

	list_for(l, &k->sim->zone) {
		struct zone_record *z = list_entry(l, struct zone_record, link);

		if (z->r.type == k->type && span_iis(span_of(z->name), k->bytes) && n < ARRAY_LEN(rs))
			rs[n++] = z->r;
	}
	if (k->host->sink.resolved)
		k->host->sink.resolved(k->host->sink.arg, k->query, rs, n, 0);
}

static void arrive(struct timer *t, ms_t now UNUSED)
{
	struct packet *k = container_of(t, struct packet, timer);

	list_del(&k->link);
	if (k->what == DATAGRAM)
		arrive_datagram(k);
	else if (k->what == DNS_ANSWER)
		arrive_answer(k);
	else if (k->what == UPNP_ANSWER && k->host->sink.upnp)
		k->host->sink.upnp(k->host->sink.arg, k->query, k->err, &k->from);
	else
		arrive_stream(k);
	packet_free(k);
}

static struct packet *packet_new(struct sim *s, enum what what, struct sim_host *to, struct span bytes)
{
	struct packet *k = xcalloc(1, sizeof *k + bytes.n + 1);

	k->sim = s;
	k->what = what;
	k->host = to;
	if (bytes.n)
		memcpy(k->bytes, bytes.p, bytes.n);
	k->n = bytes.n;
	k->timer.fire = arrive;
	list_push(&s->packets, &k->link);
	return k;
}

/* Where packets to `to` leave: by the network that it is on, else by the first of the family. NULL: nowhere. */
static const struct place *way_out(const struct sim_host *h, const struct addr *to)
{
	const struct place *first = NULL;

	for (unsigned i = 0; i < h->n_at; i++) {
		const struct place *at = &h->at[i];

		if (at->ip.family != to->family)
			continue;
		if (sim_host_on(at->net, to))
			return at;
		first = first ? first : at;
	}
	return first;
}

/* The address that they leave with: what the socket is bound to decides, not the network. Family 0: none. */
static struct addr source_of(const struct sim_host *h, const struct place *at, const struct addr *bound)
{
	if (!at || addr_is_any(bound) || !bound->family)
		return at ? at->ip : (struct addr){ 0 };
	for (unsigned i = 0; i < h->n_at; i++)
		if (addr_ip_eq(&h->at[i].ip, bound))
			return h->at[i].ip;
	return (struct addr){ 0 };
}

static void send_datagram(struct socket *from, const struct addr *to, struct span bytes, ms_t delay)
{
	struct sim_host *h = from->host;
	const struct place *at = way_out(h, to);
	struct addr src = source_of(h, at, &from->local);
	struct passage p = { .to = *to, .sip = from->media ? NULL : &bytes };
	struct sim_host *dest = NULL;
	struct packet *k;

	if (src.family && h->up) {
		p.from = addr_with_port(&src, from->local.port);
		dest = sim_route(at->net, &p);
	}
	if (dest) {
		k = packet_new(h->sim, DATAGRAM, dest, p.owned ? p.mangled : bytes);
		k->from = p.from;
		k->to = p.to;
		k->sender = h;
		k->sender_sock = from->id;
		k->sender_to = *to;
		if (h->sim->turn)
			delay += rng_below(&h->sim->clock.rng, (uint32_t)h->sim->turn);
		clock_in(&h->sim->clock, &k->timer, delay);
	}
	free(p.owned);
}

static bool is_keepalive(struct span bytes)
{
	return bytes.n <= 4;
}

/* ---- struct net ---- */

static bool has_address(const struct sim_host *h, const struct addr *bind)
{
	for (unsigned i = 0; i < h->n_at; i++)
		if (h->at[i].ip.family == bind->family && (addr_is_any(bind) || addr_ip_eq(&h->at[i].ip, bind)))
			return true;
	return false;
}

static int net_listen(void *arg, const struct net_listen *ask, uint32_t *id, struct addr *bound)
{
	struct sim_host *h = arg;
	struct socket *k;

	if (!has_address(h, &ask->bind))
		return -EADDRNOTAVAIL;
	k = listening_at(h, &ask->bind, net_is_stream(ask->proto));
	if (k && !(ask->share && !k->media && !addr_ip_eq(&k->local, &ask->bind)))
		return -EADDRINUSE;
	k = socket_new(h, ask->proto);
	k->listening = true;
	k->local = ask->bind;
	if (!k->local.port)
		k->local.port = (uint16_t)(50000 + k->id % 10000);
	*id = k->id;
	*bound = k->local;
	return 0;
}

static void stream_event(struct socket *to, enum what what, struct span bytes)
{
	struct sim *s = to->host->sim;
	struct packet *k = packet_new(s, what, to->host, bytes);

	k->sock = to->id;
	to->last_at = MAX(to->last_at + 1, s->clock.now + LATENCY);
	clock_at(&s->clock, &k->timer, to->last_at);
}

static void net_close(void *arg, uint32_t sock)
{
	struct sim_host *h = arg;
	struct socket *k = socket_of(h->sim, sock), *other;

	if (!k)
		return;
	other = k->other ? socket_of(h->sim, k->other) : NULL;
	if (other) {
		other->other = 0;
		stream_event(other, CLOSED, SPAN_NONE);
	}
	socket_free(k);
}

static int net_connect(void *arg, uint32_t listener, const struct addr *to, struct span name UNUSED, struct flow *f)
{
	struct sim_host *h = arg;
	const struct socket *parent = socket_of(h->sim, listener);
	struct socket *mine = socket_new(h, parent ? parent->proto : NET_TCP), *theirs, *at;
	struct passage p = { .to = *to, .tcp = true };
	const struct place *out = parent ? way_out(h, to) : NULL;
	struct addr src = parent ? source_of(h, out, &parent->local) : (struct addr){ 0 };
	struct sim_host *dest;

	mine->listener = listener;
	mine->local = src.family ? addr_with_port(&src, (uint16_t)(30000 + mine->id % 10000)) : (struct addr){ 0 };
	mine->peer = *to;
	*f = (struct flow){
		.sock = mine->id, .proto = mine->proto, .listener = listener, .local = mine->local, .peer = *to
	};
	p.from = mine->local;
	dest = h->up && src.family ? sim_route(out->net, &p) : NULL;
	at = dest && dest->up ? listening_at(dest, &p.to, true) : NULL;
	if (!at || at->proto != mine->proto) { /* who speaks TLS to a TCP port, or the other way round, gets nowhere */
		if (dest && dest->up)
			stream_event(mine, UNREACHABLE, SPAN_NONE);
		return 0;
	}
	theirs = socket_new(dest, at->proto);
	theirs->listener = at->id;
	theirs->local = p.to;
	theirs->peer = p.from;
	theirs->other = mine->id;
	mine->other = theirs->id;
	stream_event(theirs, ACCEPTED, SPAN_NONE);
	stream_event(mine, OPENED, SPAN_NONE);
	return 0;
}

static struct sim_net *net_of(const struct socket *k)
{
	for (unsigned i = 0; i < k->host->n_at; i++)
		if (addr_ip_eq(&k->host->at[i].ip, &k->local))
			return k->host->at[i].net;
	return k->host->at[0].net;
}

/* On the network it leaves, the one it arrives on, and the one between them. */
static void show_stream(const struct socket *from, const struct socket *to, struct span bytes)
{
	struct passage p = { .from = from->local, .to = from->peer, .tcp = true, .sip = &bytes };
	struct sim_net *first = net_of(from), *last = net_of(to);

	sim_show(first, &p);
	if (first == last)
		return;
	p.from = to->peer;
	if (first->outer && last->outer)
		sim_show(first->outer, &p);
	p.to = to->local;
	sim_show(last, &p);
}

static bool is_inside(const struct sim_net *n, const struct sim_net *box)
{
	while (n && n != box)
		n = n->outer;
	return n != NULL;
}

/* Both ends still think that they are connected; who sends from inside learns that they are not. */
void sim_cut_streams(struct sim_net *box)
{
	struct socket *k, *next;

	HASH_ITER(hh, box->sim->sockets, k, next) {
		struct socket *other = k->other ? socket_of(box->sim, k->other) : NULL;

		if (other && is_inside(net_of(k), box) != is_inside(net_of(other), box))
			k->cut = other->cut = true;
	}
}

static void send_stream(struct socket *k, struct span bytes)
{
	struct socket *other = k->other ? socket_of(k->host->sim, k->other) : NULL;

	if (k->cut && net_of(k)->outer)
		stream_event(k, CLOSED, SPAN_NONE); /* the other end knows no such connection: RST */
	if (!other || k->cut || !k->host->up || !other->host->up)
		return;
	show_stream(k, other, bytes);
	stream_event(other, STREAM, bytes);
}

/* Those of one call must have one order (struct flow), or they might overtake each other on a real network. */
static void check_order(struct sim_host *h, const struct flow *f, struct span bytes)
{
	static const char name[] = "\r\nCall-ID: ";
	const char *at = memmem(bytes.p, bytes.n, name, sizeof name - 1);
	struct span rest, id;
	uint32_t call;

	if (!at)
		return;
	rest = span_from(bytes, (size_t)(at - bytes.p) + sizeof name - 1);
	span_cut(&rest, '\r', &id);
	call = span_hash(id);
	BUG_ON(h->seen[call % CALLS_SEEN].call == call && h->seen[call % CALLS_SEEN].order != f->order);
	h->seen[call % CALLS_SEEN].call = call;
	h->seen[call % CALLS_SEEN].order = f->order;
}

static int net_send(void *arg, const struct flow *f, struct span bytes)
{
	struct sim_host *h = arg;
	struct sim *s = h->sim;
	struct socket *k = socket_of(s, f->sock);
	enum sim_fate fate = SIM_DELIVER;

	if (!k)
		return -ENOTCONN;
	if (k->tcp) { /* a stream loses nothing */
		send_stream(k, bytes);
		return 0;
	}
	check_order(h, f, bytes);
	if (!is_keepalive(bytes) && s->messages++ == s->fated)
		fate = s->fate;
	if (fate != SIM_LOSE)
		send_datagram(k, &f->peer, bytes, LATENCY);
	if (fate == SIM_DOUBLE)
		send_datagram(k, &f->peer, bytes, 2 * LATENCY);
	return 0;
}

static struct addr net_source(void *arg, uint32_t listener, const struct addr *to)
{
	struct sim_host *h = arg;
	const struct addr any = { .family = to->family };
	const struct socket *k = socket_of(h->sim, listener);

	return source_of(h, way_out(h, to), k ? &k->local : &any);
}

static bool net_routed(void *arg, const struct addr *to)
{
	const struct sim_host *h = arg;

	for (unsigned i = 0; i < h->n_at; i++)
		if (sim_host_on(h->at[i].net, to))
			return true;
	return false;
}

/* Each network is an interface, and its hosts have a route of their own. */
static bool net_route(void *arg, const struct addr *to, const struct addr *bound, struct net_route *r)
{
	struct sim_host *h = arg;
	const struct place *at = way_out(h, to);
	bool near = at && sim_host_on(at->net, to);

	*r = (struct net_route){ .from = source_of(h, at, bound) };
	if (!r->from.family)
		return false;
	span_copy(span_of(at->net->name), r->dev, sizeof r->dev);
	r->net.family = to->family;
	if (near) {
		r->net = addr_with_port(&at->ip, 0);
		r->len = to->family == 6 ? 64 : 24;
		memset(r->net.ip + r->len / 8, 0, sizeof r->net.ip - r->len / 8);
	} else if (at->net->router.inside.family == to->family) {
		r->via = at->net->router.inside;
	}
	r->beside = !addr_ip_eq(&r->from, &at->ip);
	return true;
}

static void net_resolve(void *arg, uint64_t query, const char *name, enum dns_type type)
{
	struct sim_host *h = arg;
	struct packet *k = packet_new(h->sim, DNS_ANSWER, h, span_of(name));

	k->query = query;
	k->type = type;
	clock_in(&h->sim->clock, &k->timer, DNS_LATENCY);
}

static const struct place *way_to_world(struct sim_host *h, uint8_t family)
{
	struct addr world = { 0 };

	addr_parse_ip(family == 6 ? SPAN("2000::1") : SPAN("192.0.0.1"), &world);
	return way_out(h, &world);
}

static struct addr net_gateway(void *arg, uint8_t family)
{
	const struct place *at = way_to_world(arg, family);

	return at && at->net->router.inside.family == family ? at->net->router.inside : (struct addr){ 0 };
}

static void net_upnp(void *arg, uint64_t query, const struct net_upnp *ask)
{
	struct sim_host *h = arg;
	const struct place *at = way_to_world(h, 4);
	struct packet *k = packet_new(h->sim, UPNP_ANSWER, h, SPAN_NONE);

	k->query = query;
	k->err = at ? sim_router_upnp(at->net, &at->ip, ask, &k->from) : -ENODEV;
	clock_in(&h->sim->clock, &k->timer, UPNP_LATENCY);
}

static unsigned net_backlog(void *arg)
{
	return ((struct sim_host *)arg)->backlog;
}

void sim_host_backlog(struct sim_host *h, unsigned percent)
{
	h->backlog = percent;
}

struct net sim_host_net(struct sim_host *h)
{
	return (struct net){ .arg = h,
			     .listen = net_listen,
			     .close = net_close,
			     .connect = net_connect,
			     .send = net_send,
			     .source = net_source,
			     .routed = net_routed,
			     .route = net_route,
			     .backlog = net_backlog,
			     .gateway = net_gateway,
			     .upnp = net_upnp,
			     .resolve = net_resolve };
}

/* ---- media ---- */

static int media_open_port(void *arg, const struct addr *bind, uint32_t *sock)
{
	struct sim_host *h = arg;
	struct socket *k;

	if (!has_address(h, bind) || listening_at(h, bind, false))
		return -EADDRINUSE;
	k = socket_new(h, false);
	k->listening = k->media = true;
	k->local = *bind;
	*sock = k->id;
	return 0;
}

static void media_send(void *arg, uint32_t sock, const struct addr *to, struct span bytes)
{
	struct sim_host *h = arg;
	struct socket *k = socket_of(h->sim, sock);

	if (k)
		send_datagram(k, to, bytes, LATENCY);
}

struct media_io *sim_host_media(struct sim_host *h)
{
	return &h->media;
}

void sim_host_rtp(struct sim_host *h, void (*fn)(void *arg, uint32_t sock, const struct addr *from, struct span bytes),
		  void *arg)
{
	h->rtp = fn;
	h->rtp_arg = arg;
}

struct sim_host *sim_host(struct sim *s, struct sim_net *n, const struct addr *ip)
{
	struct sim_host *h = xcalloc(1, sizeof *h);

	h->sim = s;
	h->up = true;
	sim_host_also(h, n, ip);
	h->media = (struct media_io){ .arg = h, .open = media_open_port, .close = net_close, .send = media_send };
	list_push(&s->hosts, &h->link);
	return h;
}

void sim_host_name(struct sim_host *h, const char *name)
{
	h->name = name;
}

void sim_host_also(struct sim_host *h, struct sim_net *n, const struct addr *ip)
{
	BUG_ON(h->n_at == HOST_ADDRS);
	h->at[h->n_at++] = (struct place){ n, addr_with_port(ip, 0) };
}

unsigned sim_host_ports(const struct sim_host *h)
{
	struct socket *k, *next;
	unsigned n = 0;

	HASH_ITER(hh, h->sim->sockets, k, next)
		n += k->host == h && k->media;
	return n;
}

void sim_host_up(struct sim_host *h, bool up)
{
	h->up = up;
}

void sim_host_sink(struct sim_host *h, const struct net_sink *sink)
{
	h->sink = sink ? *sink : (struct net_sink){ 0 };
}

void sim_host_close_all(struct sim_host *h)
{
	struct socket *k, *next;

	sim_host_sink(h, NULL);
	HASH_ITER(hh, h->sim->sockets, k, next)
		if (k->host == h)
			net_close(h, k->id);
}

/* ---- DNS ---- */

void sim_dns(struct sim *s, const char *name, const struct dns_record *r)
{
	struct zone_record *z = xcalloc(1, sizeof *z);

	span_copy(span_of(name), z->name, sizeof z->name);
	z->r = *r;
	list_push(&s->zone, &z->link);
}

void sim_dns_clear(struct sim *s, const char *name, enum dns_type type)
{
	list_for_safe(l, &s->zone) {
		struct zone_record *z = list_entry(l, struct zone_record, link);

		if (z->r.type != type || strcmp(z->name, name) != 0)
			continue;
		list_del(&z->link);
		free(z);
	}
}
