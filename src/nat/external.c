/* nat/external.c: whom we believe about our own address. */
#include "nat/external.h"

#include <string.h>

const char *nat_source_name(enum nat_source s)
{
	static const char *const names[] = {
		[NAT_BY_NOBODY] = "nobody",
		[NAT_BY_INTERFACE] = "our interface",
		[NAT_BY_STUN_ONCE] = "STUN, once",
		[NAT_BY_PEERS] = "responses of peers",
		[NAT_BY_STUN] = "STUN",
		[NAT_BY_ROUTER] = "our router",
	};

	return names[s];
}

static bool is_public(const struct addr *a)
{
	return addr_class(a) == ADDR_GLOBAL;
}

/* Public peers speak for the whole transport; one in a VPN or on the LAN sees another side of us. */
static bool speaks_for_all(const struct nat_view *p)
{
	return p->by.family && is_public(&p->by) && is_public(&p->as);
}

/* Two servers that see the same address behind different ports: the mapping depends on the destination. */
static struct addr of_stun(const struct nat_external *x, bool silent)
{
	const struct nat_view *best = NULL;
	struct addr a;

	for (unsigned i = 0; i < NAT_STUNS; i++) {
		const struct nat_view *s = &x->stun[i];

		if (!s->as.family || s->silent != silent)
			continue;
		if (!best || (addr_ip_eq(&s->as, &x->address) && !addr_ip_eq(&best->as, &x->address)))
			best = s;
	}
	if (!best)
		return (struct addr){ 0 };
	a = best->as;
	for (unsigned i = 0; i < NAT_STUNS; i++)
		if (x->stun[i].silent == silent && addr_ip_eq(&x->stun[i].as, &a) && x->stun[i].as.port != a.port)
			a.port = 0;
	return a;
}

/* One that is itself behind NAT does not know, and what STUN sees elsewhere does not come through this router. */
static struct addr of_router(const struct nat_external *x)
{
	bool seen = false, agreed = false;

	if (!is_public(&x->router))
		return (struct addr){ 0 };
	for (unsigned i = 0; i < NAT_STUNS; i++) {
		bool says = x->stun[i].as.family && !x->stun[i].silent;

		seen |= says;
		agreed |= says && addr_ip_eq(&x->stun[i].as, &x->router);
	}
	return seen && !agreed ? (struct addr){ 0 } : x->router;
}

static unsigned votes(const struct nat_external *x, const struct addr *as)
{
	unsigned n = 0;

	for (unsigned i = 0; i < x->n_peers; i++)
		n += speaks_for_all(&x->peers[i]) && addr_ip_eq(&x->peers[i].as, as);
	return n;
}

/* The majority; in a tie what we write already stays, else the one heard last. */
static struct addr of_peers(const struct nat_external *x)
{
	const struct addr *best = NULL;
	unsigned most = 0;

	for (unsigned i = 0; i < x->n_peers; i++) {
		const struct addr *as = &x->peers[i].as;
		unsigned n = speaks_for_all(&x->peers[i]) ? votes(x, as) : 0;

		if (n > most || (n && n == most && addr_ip_eq(as, &x->address) && !addr_ip_eq(best, as))) {
			best = as;
			most = n;
		}
	}
	return best ? addr_with_port(best, 0) : (struct addr){ 0 };
}

/* Takes the best source that says anything. */
static bool decide(struct nat_external *x, bool anyway)
{
	struct addr by[] = { [NAT_BY_NOBODY] = { 0 },
			     [NAT_BY_INTERFACE] = is_public(&x->own) ? addr_with_port(&x->own, 0) : (struct addr){ 0 },
			     [NAT_BY_STUN_ONCE] = of_stun(x, true),
			     [NAT_BY_PEERS] = of_peers(x),
			     [NAT_BY_STUN] = of_stun(x, false),
			     [NAT_BY_ROUTER] = of_router(x) };
	enum nat_source s = NAT_BY_ROUTER;
	bool changed;

	while (s != NAT_BY_NOBODY && !by[s].family)
		s--;
	x->source = s;
	changed = !addr_eq(&by[s], &x->address);
	x->address = by[s];
	x->generation += changed || anyway;
	return changed || anyway;
}

/* Who saw what is over will say again. */
static void forget(struct nat_view *list, unsigned n, const struct addr *gone)
{
	for (unsigned i = 0; i < n; i++)
		if (addr_ip_eq(&list[i].as, gone))
			list[i] = (struct nat_view){ 0 };
}

bool nat_external_stun(struct nat_external *x, unsigned server, const struct addr *by, const struct addr *as)
{
	struct addr old = x->stun[server].as;

	if (old.family && !addr_ip_eq(&old, as)) {
		forget(x->stun, NAT_STUNS, &old);
		forget(x->peers, NAT_WITNESSES, &old);
	}
	x->stun[server] = (struct nat_view){ .by = *by, .as = *as };
	return decide(x, false);
}

bool nat_external_stun_silent(struct nat_external *x, unsigned server)
{
	x->stun[server].silent = true;
	return decide(x, false);
}

static unsigned place_of(const struct nat_external *x, const struct addr *by)
{
	unsigned i = 0;

	while (i < x->n_peers && !addr_eq(&x->peers[i].by, by))
		i++;
	return MIN(i, NAT_WITNESSES - 1);
}

bool nat_external_peer(struct nat_external *x, const struct addr *by, const struct addr *as)
{
	unsigned at = place_of(x, by);
	struct nat_view old = x->peers[at], new = { .by = *by, .as = *as };
	bool moved = addr_eq(&old.by, by) && !addr_ip_eq(&old.as, as);

	memmove(x->peers + 1, x->peers, at * sizeof x->peers[0]);
	x->peers[0] = new;
	x->n_peers = MAX(x->n_peers, at + 1);
	if (moved)
		forget(x->peers + 1, NAT_WITNESSES - 1, &old.as);
	return decide(x, !addr_eq(&old.by, by) || !addr_eq(&old.as, as));
}

bool nat_external_router(struct nat_external *x, const struct addr *as)
{
	struct addr old = x->router;

	if (old.family && as->family && !addr_ip_eq(&old, as)) {
		forget(x->stun, NAT_STUNS, &old);
		forget(x->peers, NAT_WITNESSES, &old);
	}
	x->router = *as;
	return decide(x, false);
}

bool nat_external_own(struct nat_external *x, const struct addr *own)
{
	x->own = *own;
	return decide(x, false);
}

/* A port that the router holds open lasts longer than the mapping that the peer's responses came through. */
struct addr nat_external_for(const struct nat_external *x, const struct addr *dst)
{
	for (unsigned i = 0; i < x->n_peers; i++)
		if (x->peers[i].by.family && addr_eq(&x->peers[i].by, dst))
			return x->source == NAT_BY_ROUTER && addr_ip_eq(&x->peers[i].as, &x->address) ? x->address
												      : x->peers[i].as;
	return x->address;
}

bool nat_external_doubted(const struct nat_external *x)
{
	for (unsigned i = 0; i < x->n_peers; i++)
		if (speaks_for_all(&x->peers[i]) && !addr_ip_eq(&x->peers[i].as, &x->address))
			return true;
	return false;
}
