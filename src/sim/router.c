/*
 * sim/router.c: a NAT box that opens ports when its hosts ask: a PCP (RFC 6887) or NAT-PMP (RFC 6886) server of its own
 * making, not of the code that it is to try, and what UPnP-IGD can ask for.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sim/priv.h"

#define PORT     5351
#define PCP_LEN  60
#define NO_ROOM  8 /* PCP's result; NAT-PMP has 4 */
#define MISMATCH 12

static void expire(struct sim_net *n)
{
	list_for_safe(p, &n->router.leases) {
		struct lease *l = list_entry(p, struct lease, link);

		if (l->expires > n->sim->clock.now)
			continue;
		list_del(&l->link);
		free(l);
	}
}

struct lease *sim_lease_at(struct sim_net *n, bool tcp, uint16_t port)
{
	expire(n);
	list_for(p, &n->router.leases) {
		struct lease *l = list_entry(p, struct lease, link);

		if (l->tcp == tcp && l->port == port)
			return l;
	}
	return NULL;
}

struct lease *sim_lease_of(struct sim_net *n, bool tcp, const struct addr *inside)
{
	expire(n);
	list_for(p, &n->router.leases) {
		struct lease *l = list_entry(p, struct lease, link);

		if (l->tcp == tcp && addr_eq(&l->inside, inside))
			return l;
	}
	return NULL;
}

unsigned sim_router_open(struct sim_net *n)
{
	unsigned count = 0;

	expire(n);
	list_for(p, &n->router.leases)
		count++;
	return count;
}

void sim_router_restart(struct sim_net *n)
{
	list_for(p, &n->router.leases)
		list_entry(p, struct lease, link)->expires = 0;
	expire(n);
	n->router.since = n->sim->clock.now;
}

/* lifetime 0: it is closed. The port outside, or 0: there is no room. */
static uint16_t open_port(struct sim_net *n, bool tcp, const struct addr *inside, uint16_t wanted, uint32_t lifetime)
{
	struct lease *l = sim_lease_of(n, tcp, inside);
	unsigned room = n->router.conf.room;

	if (!lifetime) {
		if (l)
			l->expires = 0;
		expire(n);
		return wanted;
	}
	if (!l && room && sim_router_open(n) >= room)
		return 0;
	if (!l) {
		l = xcalloc(1, sizeof *l);
		l->tcp = tcp;
		l->inside = *inside;
		l->port = (uint16_t)((wanted ? wanted : inside->port) + n->router.conf.shift);
		while (sim_lease_at(n, tcp, l->port))
			l->port++;
		list_push(&n->router.leases, &l->link);
	}
	l->expires = n->sim->clock.now + (ms_t)lifetime * 1000;
	return l->port;
}

/* ---- PCP and NAT-PMP ---- */

static void put32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (24 - 8 * i));
}

static void put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static unsigned get16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static uint32_t epoch_of(const struct sim_net *n)
{
	return (uint32_t)((n->sim->clock.now - n->router.since) / 1000);
}

/* Returns the length of the answer. */
static size_t natpmp(struct sim_net *n, const struct flow *f, struct span ask, uint8_t m[PCP_LEN])
{
	const uint8_t *p = (const uint8_t *)ask.p;
	struct addr inside;
	uint16_t port;

	m[1] = (uint8_t)(0x80 | p[1]);
	put32(m + 4, epoch_of(n));
	if (p[0] != 0 && n->router.conf.speaks == SIM_NATPMP_ONLY)
		return 0;
	if (p[0] != 0) {
		m[3] = 1; /* RFC 6887 9: how it says that it does not speak PCP */
		return 8;
	}
	if (p[1] == 0) {
		memcpy(m + 8, n->nat.external.ip, 4);
		return 12;
	}
	if (ask.n != 12)
		return 0;
	inside = addr_with_port(&f->peer, (uint16_t)get16(p + 4));
	port = open_port(n, p[1] == 2, &inside, (uint16_t)get16(p + 6), get32(p + 8));
	memcpy(m + 8, p + 4, 2);
	m[3] = !port && get32(p + 8) ? 4 : 0;
	put16(m + 10, port);
	memcpy(m + 12, p + 8, 4);
	return 16;
}

static size_t pcp_map(struct sim_net *n, const struct flow *f, const uint8_t *p, uint8_t m[PCP_LEN])
{
	struct addr inside = addr_with_port(&f->peer, (uint16_t)get16(p + 40));
	uint16_t port;

	memcpy(m + 24, p + 24, 36);
	if (memcmp(p + 20, f->peer.ip, 4) != 0) {
		m[3] = MISMATCH;
		return PCP_LEN;
	}
	port = open_port(n, p[36] == 6, &inside, (uint16_t)get16(p + 42), get32(p + 4));
	if (!port && get32(p + 4)) {
		m[3] = NO_ROOM;
		put32(m + 4, 60);
		return PCP_LEN;
	}
	memcpy(m + 4, p + 4, 4);
	put16(m + 42, port);
	memset(m + 44, 0, 10);
	m[54] = m[55] = 0xff;
	memcpy(m + 56, n->nat.external.ip, 4);
	return PCP_LEN;
}

static size_t pcp(struct sim_net *n, const struct flow *f, struct span ask, uint8_t m[PCP_LEN])
{
	const uint8_t *p = (const uint8_t *)ask.p;

	m[0] = 2;
	m[1] = (uint8_t)(0x80 | p[1]);
	put32(m + 8, epoch_of(n));
	if (p[0] != 2 || ask.n < 24)
		m[3] = 1;
	else if (p[1] == 1 && ask.n == PCP_LEN)
		return pcp_map(n, f, p, m);
	else if (p[1] != 0)
		m[3] = 4;
	return 24;
}

static void answer(void *arg, const struct flow *f, struct span bytes)
{
	struct sim_net *n = arg;
	struct net net = sim_host_net(sim_host_on(n, &n->router.inside));
	uint8_t m[PCP_LEN] = { 0 };
	size_t len;

	if (bytes.n < 2)
		return;
	len = n->router.conf.speaks == SIM_PCP ? pcp(n, f, bytes, m) : natpmp(n, f, bytes, m);
	if (len)
		net.send(net.arg, f, (struct span){ (char *)m, len });
}

void sim_router(struct sim_net *n, const struct addr *inside, const struct sim_router_conf *c)
{
	struct sim_host *h = sim_host_on(n, inside);
	struct net_listen ask = { .proto = NET_UDP, .bind = addr_with_port(inside, PORT) };
	struct net_sink sink = { .arg = n, .input = answer };
	struct addr bound;
	struct net net;
	uint32_t sock;

	h = h ? h : sim_host(n->sim, n, inside);
	net = sim_host_net(h);
	sim_host_close_all(h);
	n->router.inside = addr_with_port(inside, 0);
	n->router.conf = *c;
	sim_router_restart(n);
	sim_host_sink(h, &sink);
	if (c->speaks != SIM_OPENS_NOTHING && c->speaks != SIM_UPNP)
		BUG_ON(net.listen(net.arg, &ask, &sock, &bound) < 0);
}

/* ---- UPnP ---- */

int sim_router_upnp(struct sim_net *n, const struct addr *host, const struct net_upnp *ask, struct addr *outside)
{
	struct addr inside = addr_with_port(host, ask->port);
	bool tcp = net_is_stream(ask->proto);

	*outside = addr_with_port(&n->nat.external, ask->outside);
	if (n->router.conf.speaks != SIM_UPNP)
		return -ENODEV;
	switch (ask->kind) {
	case UPNP_LOOK: return ask->port && !sim_lease_of(n, tcp, &inside) ? -ENOENT : 0;
	case UPNP_OPEN:
		outside->port = open_port(n, tcp, &inside, ask->outside, ask->lifetime);
		return outside->port ? 0 : -ENOSPC;
	case UPNP_CLOSE: open_port(n, tcp, &inside, ask->outside, 0); return 0;
	}
	return -EINVAL;
}
