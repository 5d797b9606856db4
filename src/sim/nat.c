/*
 * sim/nat.c: networks and the NAT boxes between them, with the behaviours that RFC 4787 names: mapping and filtering
 * that depend on nothing, on the address, or on address and port; port preservation; hairpinning; mapping timeout.
 */
#include <stdlib.h>
#include <string.h>

#include "sim/priv.h"

#define WHOLE 1472 /* bytes of a UDP payload that Ethernet takes in one packet */

static bool same_remote(enum sim_nat_rule rule, const struct addr *a, const struct addr *b)
{
	return rule == NAT_ENDPOINT || (addr_ip_eq(a, b) && (rule == NAT_ADDRESS || a->port == b->port));
}

static void expire(struct sim_net *n)
{
	list_for_safe(l, &n->mappings) {
		struct mapping *m = list_entry(l, struct mapping, link);

		if (m->expires > n->sim->clock.now)
			continue;
		list_del(&m->link);
		free(m);
	}
}

static struct mapping *by_port(struct sim_net *n, uint16_t port, bool tcp)
{
	list_for(l, &n->mappings) {
		struct mapping *m = list_entry(l, struct mapping, link);

		if (m->port == port && m->tcp == tcp)
			return m;
	}
	return NULL;
}

static uint16_t free_port(struct sim_net *n, const struct addr *inside, bool tcp)
{
	if (n->nat.preserve_ports && !by_port(n, inside->port, tcp) && !sim_lease_at(n, tcp, inside->port))
		return inside->port;
	do
		n->next_port = n->next_port >= 60000 ? 40000 : (uint16_t)(n->next_port + 7);
	while (by_port(n, n->next_port, tcp) || sim_lease_at(n, tcp, n->next_port));
	return n->next_port;
}

/* A forward works both ways: what its host sends from a forwarded port leaves with that port. */
static const struct forward *forwarded(const struct sim_net *n, const struct addr *inside)
{
	for (unsigned i = 0; i < n->n_forwards; i++) {
		const struct forward *f = &n->forwards[i];

		if (addr_ip_eq(&f->to, inside) && inside->port >= f->first && inside->port <= f->last)
			return f;
	}
	return NULL;
}

static void remember(struct mapping *m, const struct addr *remote)
{
	for (unsigned i = 0; i < m->n_asked; i++)
		if (addr_eq(&m->asked[i], remote))
			return;
	m->asked[m->n_asked % ARRAY_LEN(m->asked)] = *remote;
	m->n_asked = MIN(m->n_asked + 1, (unsigned)ARRAY_LEN(m->asked));
}

static struct mapping *map_out(struct sim_net *n, const struct passage *p)
{
	struct mapping *m;

	expire(n);
	list_for(l, &n->mappings) {
		m = list_entry(l, struct mapping, link);
		if (m->tcp == p->tcp && addr_eq(&m->inside, &p->from) &&
		    same_remote(n->nat.mapping, &m->remote, &p->to))
			goto found;
	}
	m = xcalloc(1, sizeof *m);
	m->tcp = p->tcp;
	m->inside = p->from;
	m->remote = p->to;
	m->port = free_port(n, &p->from, p->tcp);
	list_push(&n->mappings, &m->link);
found:
	m->expires = n->sim->clock.now + n->nat.timeout;
	remember(m, &p->to);
	return m;
}

static bool lets_in(const struct sim_net *n, const struct mapping *m, const struct addr *from)
{
	for (unsigned i = 0; i < m->n_asked; i++)
		if (same_remote(n->nat.filtering, &m->asked[i], from))
			return true;
	return false;
}

static bool find_inside(struct sim_net *n, struct passage *p)
{
	struct lease *open = sim_lease_at(n, p->tcp, p->to.port);
	struct mapping *m;

	if (open) {
		p->to = open->inside;
		return true;
	}
	expire(n);
	m = by_port(n, p->to.port, p->tcp);
	if (m && lets_in(n, m, &p->from)) {
		p->to = m->inside;
		if (n->nat.inbound_refresh)
			m->expires = n->sim->clock.now + n->nat.timeout;
		return true;
	}
	for (unsigned i = 0; i < n->n_forwards; i++)
		if (p->to.port >= n->forwards[i].first && p->to.port <= n->forwards[i].last) {
			p->to = addr_with_port(&n->forwards[i].to, p->to.port);
			return true;
		}
	return false;
}

static bool is_dropped(const struct sim_net *n, const struct passage *p)
{
	return n->nat.drops_fragments && p->sip && !p->tcp && p->sip->n > WHOLE;
}

/* From outside to the external address of n's box: translates the destination, or says no. */
static bool map_in(struct sim_net *n, struct passage *p)
{
	if (is_dropped(n, p) || !find_inside(n, p))
		return false;
	if (n->nat.sip_alg)
		sim_alg(p, &n->nat.external, &p->to);
	if (n->nat.xlat == XLAT_PLAT)
		p->from = sim_nat64(&p->from);
	return n->nat.xlat != XLAT_CLAT || sim_nat46(&p->from, &p->from);
}

void sim_show(struct sim_net *n, const struct passage *p)
{
	struct sim_wire w = { .net = n, .from = p->from, .to = p->to };

	if (!p->sip || !n->sim->tap)
		return;
	w.bytes = *p->sip;
	n->sim->tap(n->sim->tap_arg, &w);
}

struct sim_host *sim_host_on(struct sim_net *n, const struct addr *ip)
{
	list_for(l, &n->sim->hosts) {
		struct sim_host *h = list_entry(l, struct sim_host, link);

		for (unsigned i = 0; i < h->n_at; i++)
			if (h->at[i].net == n && addr_ip_eq(&h->at[i].ip, ip))
				return h;
	}
	return NULL;
}

static struct sim_net *box_on(struct sim_net *outer, const struct addr *ip)
{
	list_for(l, &outer->sim->nets) {
		struct sim_net *n = list_entry(l, struct sim_net, link);

		if (n->outer == outer && addr_ip_eq(&n->nat.external, ip))
			return n;
	}
	return NULL;
}

static struct sim_host *leave(struct sim_net *n, struct passage *p)
{
	const struct lease *open = sim_lease_of(n, p->tcp, &p->from);
	struct addr out = addr_with_port(&n->nat.external, p->from.port);
	bool home = addr_ip_eq(&p->to, &n->nat.external);

	if (is_dropped(n, p))
		return NULL;
	if (n->nat.xlat == XLAT_CLAT)
		p->to = sim_nat64(&p->to);
	if (n->nat.xlat == XLAT_PLAT && !sim_nat46(&p->to, &p->to))
		return NULL;
	if (open)
		out.port = open->port;
	else if (!forwarded(n, &p->from))
		out.port = map_out(n, p)->port;
	if (home && !n->nat.hairpins)
		return NULL;
	if (n->nat.sip_alg)
		sim_alg(p, &p->from, &n->nat.external);
	p->from = out;
	if (home)
		return map_in(n, p) ? sim_route(n, p) : NULL;
	return sim_route(n->outer, p);
}

struct sim_host *sim_route(struct sim_net *n, struct passage *p)
{
	struct sim_host *h;
	struct sim_net *box;

	sim_show(n, p);
	h = sim_host_on(n, &p->to);
	if (h)
		return h;
	box = box_on(n, &p->to);
	if (box)
		return map_in(box, p) ? sim_route(box, p) : NULL;
	return n->outer ? leave(n, p) : NULL;
}

struct sim_net *sim_net(struct sim *s, const char *name, struct sim_net *outer, const struct sim_nat *nat)
{
	struct sim_net *n = xcalloc(1, sizeof *n);

	n->sim = s;
	span_copy(span_of(name), n->name, sizeof n->name);
	n->outer = outer;
	if (nat)
		n->nat = *nat;
	n->next_port = 40000;
	list_init(&n->mappings);
	list_init(&n->router.leases);
	list_push(&s->nets, &n->link);
	return n;
}

const char *sim_net_name(const struct sim_net *n)
{
	return n->name;
}

void sim_forward(struct sim_net *n, uint16_t first, uint16_t last, const struct addr *to)
{
	BUG_ON(n->n_forwards == ARRAY_LEN(n->forwards));
	n->forwards[n->n_forwards++] = (struct forward){ first, last, addr_with_port(to, 0) };
}

void sim_restart_nat(struct sim_net *n)
{
	list_for(l, &n->mappings)
		list_entry(l, struct mapping, link)->expires = 0;
	expire(n);
	sim_router_restart(n);
	sim_cut_streams(n);
}

void sim_move_nat(struct sim_net *n, const struct addr *external)
{
	sim_restart_nat(n);
	n->nat.external = *external;
}
