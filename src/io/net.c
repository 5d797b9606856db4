/*
 * io/net.c: struct net on sockets: the table of sockets by id, and the address that the kernel would send from.
 *
 * Ids count upwards and are not used again until 2^32 others were, so a flow that somebody kept can never mean a
 * connection that came later.
 */
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <stdlib.h>

#include "io/priv.h"

#define SOURCE_FRESH 300 /* ms: routes change rarely, calls come in bursts */

/* ---- sockets ---- */

struct sock *sock_find(struct io_loop *l, uint32_t id)
{
	struct sock *s = l->found;

	if (s && s->id == id) /* the same as before: nearly always */
		return s;
	HASH_FIND(hh, l->socks, &id, sizeof id, s);
	l->found = s;
	return s;
}

struct sock *sock_new(struct io_loop *l, enum sock_kind kind, int fd)
{
	struct sock *s = xcalloc(1, sizeof *s);

	do
		l->next_id++;
	while (!l->next_id || sock_find(l, l->next_id));
	s->loop = l;
	s->id = s->listener = l->next_id;
	s->kind = kind;
	s->fd = fd;
	list_init(&s->packets);
	list_init(&s->turn);
	outq_init(&s->out);
	BUG_ON(uv_poll_init(&l->uv, &s->poll, fd) < 0);
	s->poll.data = s;
	HASH_ADD(hh, l->socks, id, sizeof s->id, s);
	return s;
}

static void on_poll(uv_poll_t *p, int status, int events)
{
	struct sock *s = p->data;

	io_enter(s->loop);
	if (status < 0) { /* POLLERR, and libuv has stopped polling: reading or SO_ERROR says what it is */
		events = s->events;
		s->events = 0;
		sock_poll(s, events);
	}
	if (s->kind == SOCK_UDP)
		udp_ready(s, events);
	else
		tcp_ready(s, events);
}

void sock_poll(struct sock *s, int events)
{
	if (s->closed || s->events == events)
		return;
	s->events = events;
	if (events)
		uv_poll_start(&s->poll, events, on_poll);
	else
		uv_poll_stop(&s->poll);
}

static void sock_freed(uv_handle_t *h)
{
	free(h->data);
}

void sock_close(struct sock *s)
{
	if (s->closed)
		return;
	if (s->kind == SOCK_UDP)
		udp_forget(s);
	s->closed = true;
	if (s->loop->found == s)
		s->loop->found = NULL;
	HASH_DEL(s->loop->socks, s);
	clock_stop(s->loop->clock, &s->later);
	list_del(&s->turn);
	udp_free_queue(s);
	outq_free(&s->out);
	tls_end(&s->tls);
	tls_free(&s->keys);
	uv_poll_stop(&s->poll);
	close(s->fd);
	uv_close((uv_handle_t *)&s->poll, sock_freed);
}

struct flow sock_flow(const struct sock *s)
{
	return (struct flow){
		.sock = s->id, .proto = s->ask.proto, .listener = s->listener, .local = s->bound, .peer = s->peer
	};
}

struct addr sock_local(int fd)
{
	struct sockaddr_storage ss = { 0 };
	socklen_t n = sizeof ss;

	if (getsockname(fd, (struct sockaddr *)&ss, &n) < 0)
		return (struct addr){ 0 };
	return addr_from_sockaddr((struct sockaddr *)&ss);
}

int sock_open(const struct net_listen *ask, int type)
{
	bool v6 = ask->bind.family == 6;
	int on = 1, tos = ask->tos;
	int fd = socket(v6 ? AF_INET6 : AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (v6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
	if (tos && v6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_TCLASS, &tos, sizeof tos);
	else if (tos)
		setsockopt(fd, IPPROTO_IP, IP_TOS, &tos, sizeof tos);
	if (ask->share)
		setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
	return fd;
}

/* ---- struct net ---- */

/* Only while one of ours is opened beside another: a second program must not be able to take a share. */
static void set_shared(struct io_loop *l, const struct net_listen *ask, int on)
{
	struct sock *s, *next;

	HASH_ITER(hh, l->socks, s, next)
		if (s->kind == (ask->proto == NET_UDP ? SOCK_UDP : SOCK_LISTEN) && s->bound.port == ask->bind.port)
			setsockopt(s->fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
}

static int net_open(void *arg, const struct net_listen *ask, uint32_t *id, struct addr *bound)
{
	struct tls *keys = NULL;
	struct sock *s;
	int err;

	err = ask->proto == NET_TLS ? tls_load(ask->tls, ask->why, &keys) : 0;
	if (err < 0)
		return err;
	if (ask->share)
		set_shared(arg, ask, 1);
	err = ask->proto == NET_UDP ? udp_open(arg, ask, &s) : tcp_open(arg, ask, &s);
	if (!err)
		s->bound = sock_local(s->fd);
	if (ask->share)
		set_shared(arg, ask, 0);
	if (err < 0) {
		tls_free(&keys);
		return err;
	}
	s->keys = keys;
	s->ask = *ask;
	s->ask.share = false;
	s->ask.tls = NULL;
	s->ask.why = NULL;
	*id = s->id;
	*bound = s->bound;
	sock_poll(s, UV_READABLE);
	return 0;
}

static void net_set_tos(void *arg, uint32_t id, uint8_t tos)
{
	struct sock *s = sock_find(arg, id);
	int value = tos;

	if (!s)
		return;
	s->ask.tos = tos;
	if (s->bound.family == 6)
		setsockopt(s->fd, IPPROTO_IPV6, IPV6_TCLASS, &value, sizeof value);
	else
		setsockopt(s->fd, IPPROTO_IP, IP_TOS, &value, sizeof value);
}

static void net_close(void *arg, uint32_t id)
{
	struct io_loop *l = arg;
	struct sock *s = sock_find(l, id), *c, *next;

	if (!s)
		return;
	if (s->kind == SOCK_LISTEN)
		HASH_ITER(hh, l->socks, c, next)
			if (c->kind == SOCK_CONN && c->listener == id)
				sock_close(c);
	sock_close(s);
}

static int net_connect(void *arg, uint32_t listener, const struct addr *to, struct span name, struct flow *f)
{
	struct sock *from = sock_find(arg, listener), *s;
	int err;

	if (!from || from->kind != SOCK_LISTEN)
		return -ENOTCONN;
	if (from->bound.family != to->family)
		return -EAFNOSUPPORT;
	err = tcp_connect(from, to, name, &s);
	if (err < 0)
		return err;
	*f = sock_flow(s);
	return 0;
}

static int net_renew(void *arg, uint32_t listener, const struct net_tls *tls, char *why)
{
	struct sock *s = sock_find(arg, listener);
	struct tls *keys;
	int err = s && s->keys ? tls_load(tls, why, &keys) : -ENOTCONN;

	if (err < 0)
		return err;
	tls_free(&s->keys);
	s->keys = keys;
	return 0;
}

static int net_send(void *arg, const struct flow *f, struct span bytes)
{
	struct sock *s = sock_find(arg, f->sock);

	if (!s || s->kind == SOCK_LISTEN || s->err)
		return -ENOTCONN;
	return s->kind == SOCK_UDP ? udp_send(s, f, bytes) : tcp_send(s, bytes);
}

/* Asks the kernel by connecting a datagram socket, which sends nothing. */
static struct addr probe(const struct addr *to)
{
	struct sockaddr_storage ss;
	socklen_t n = addr_to_sockaddr(to, &ss);
	struct addr from = { 0 };
	int fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return from;
	if (connect(fd, (struct sockaddr *)&ss, n) == 0)
		from = sock_local(fd);
	close(fd);
	return from;
}

static struct addr net_source(void *arg, uint32_t listener, const struct addr *to)
{
	struct io_loop *l = arg;
	struct sock *s = sock_find(l, listener);
	struct addr dst = addr_with_port(to, 9);
	struct source_cache *c;

	if (listener && (!s || s->bound.family != to->family))
		return (struct addr){ 0 };
	if (s && !addr_is_any(&s->bound))
		return s->bound;
	c = &l->sources[addr_hash(&dst) % SOURCES];
	if (c->until <= l->clock->now || c->listener != listener || !addr_eq(&c->to, &dst))
		*c = (struct source_cache){ dst, probe(&dst), listener, l->clock->now + SOURCE_FRESH };
	return c->from.family && s ? addr_with_port(&c->from, s->bound.port) : c->from;
}

static void net_resolve(void *arg, uint64_t query, const char *name, enum dns_type type)
{
	struct io_loop *l = arg;

	dns_ask(l->dns, query, name, type);
}

static struct addr net_gateway(void *arg UNUSED, uint8_t family)
{
	return gateway_find(family);
}

static bool net_routed(void *arg UNUSED, const struct addr *to)
{
	return gateway_is_avoided(to);
}

static bool net_route(void *arg UNUSED, const struct addr *to, const struct addr *bound, struct net_route *r)
{
	return gateway_route(to, bound, r);
}

static void net_upnp(void *arg, uint64_t query, const struct net_upnp *ask)
{
	struct io_loop *l = arg;

	upnp_ask(l->upnp, query, ask);
}

static unsigned net_backlog(void *arg)
{
	return ((struct io_loop *)arg)->backlog;
}

struct net io_net(struct io_loop *l)
{
	return (struct net){ .arg = l,
			     .listen = net_open,
			     .close = net_close,
			     .set_tos = net_set_tos,
			     .connect = net_connect,
			     .renew = net_renew,
			     .send = net_send,
			     .source = net_source,
			     .routed = net_routed,
			     .route = net_route,
			     .backlog = net_backlog,
			     .gateway = net_gateway,
			     .upnp = net_upnp,
			     .resolve = net_resolve };
}

static void no_input(void *arg UNUSED, const struct flow *f UNUSED, struct span bytes UNUSED)
{
}

static void no_accepted(void *arg UNUSED, const struct flow *f UNUSED)
{
}

static void no_connected(void *arg UNUSED, uint32_t sock UNUSED, const struct addr *local UNUSED)
{
}

static void no_failed(void *arg UNUSED, const struct flow *f UNUSED, int err UNUSED)
{
}

static void no_resolved(void *arg UNUSED, uint64_t query UNUSED, const struct dns_record *rs UNUSED, size_t n UNUSED,
			int err UNUSED)
{
}

void io_set_sink(struct io_loop *l, const struct net_sink *sink)
{
	static const struct net_sink nobody = { NULL, no_input, no_accepted, no_connected, no_failed, no_resolved };

	l->sink = sink ? *sink : nobody;
}

static uint8_t prefix_len(const struct sockaddr *mask, uint8_t family)
{
	struct addr a = mask ? addr_from_sockaddr(mask) : (struct addr){ 0 };
	uint8_t n = 0, bits = family == 4 ? 32 : 128;

	if (a.family != family)
		return bits;
	while (n < bits && (a.ip[n / 8] & 0x80 >> n % 8))
		n++;
	return n;
}

size_t io_interfaces(struct io_interface *list, size_t max)
{
	struct ifaddrs *all, *i;
	size_t n = 0;

	if (getifaddrs(&all) < 0)
		return 0;
	for (i = all; i && n < max; i = i->ifa_next) {
		int family = i->ifa_addr ? i->ifa_addr->sa_family : AF_UNSPEC;

		if (!(i->ifa_flags & IFF_UP) || (family != AF_INET && family != AF_INET6))
			continue;
		list[n].addr = addr_from_sockaddr(i->ifa_addr);
		list[n].len = prefix_len(i->ifa_netmask, list[n].addr.family);
		snprintf(list[n++].name, sizeof list[0].name, "%s", i->ifa_name);
	}
	freeifaddrs(all);
	return n;
}
