/*
 * sip/uninvited.c: do packets reach us that nobody asked for? A request from an address outside that we have sent
 * nothing to can only come in where a router forwards the port, or where there is none. Who has been sent to is kept
 * as marks in a field of bits: a stranger may be taken for an acquaintance, never the other way round. What routers
 * remember from before our start is waited for.
 */
#include "sip/priv.h"

#define REMEMBERED 300000 /* ms: RFC 4787 4.3: five minutes and more are allowed, few routers take more */
#define PAUSE      1000   /* ms between two looks: the system is asked for the route */

/* An address without its port has two marks: of each number's highest bits. */
static void numbers_of(const struct addr *a, uint32_t of[2])
{
	uint64_t h = span_hash((struct span){ (const char *)a->ip, a->family == 4 ? 4 : sizeof a->ip });

	h *= 0x9e3779b97f4a7c15u;
	of[0] = (uint32_t)(h >> (64 - SENT_TO_BITS));
	of[1] = (uint32_t)h >> (32 - SENT_TO_BITS);
}

/* Whether it was marked already. */
static bool mark(struct sip *s, const struct addr *a)
{
	uint32_t at[2];
	bool known = true;

	numbers_of(a, at);
	for (int i = 0; i < 2; i++) {
		uint8_t *byte = &s->sent_to[at[i] / 8], bit = (uint8_t)(1u << at[i] % 8);

		known = known && (*byte & bit);
		*byte |= bit;
	}
	return known;
}

void sip_uninvited_sent(struct sip *s, const struct addr *to)
{
	mark(s, to);
}

/* Beyond our router, as far as can be seen: no neighbour, and not what comes back from our own address outside. */
static bool is_outside(const struct sip *s, const struct sip_transport *tp, const struct addr *peer)
{
	const struct net *net = &s->c.net;
	struct net_route r;

	if (addr_class(peer) != ADDR_GLOBAL || nat_is_local(tp->conf, peer) || addr_ip_eq(peer, &tp->door.seen) ||
	    addr_ip_eq(peer, &tp->door.found.address) || addr_ip_eq(peer, &tp->door.ext_signaling))
		return false;
	return !net->route || !net->route(net->arg, peer, &(struct addr){ 0 }, &r) || !r.len || r.via.family;
}

void sip_uninvited_heard(struct sip *s, const struct flow *f, enum sip_method m)
{
	struct sip_transport *tp;
	ms_t now = sip_now(s);
	bool known = mark(s, &f->peer) && f->proto == NET_UDP; /* marked: for the answer */

	if (known || (f->proto == NET_UDP && now - s->began < REMEMBERED))
		return;
	tp = sip_transport_by_flow(s, f);
	if (!tp || (tp->uninvited.at && now - tp->uninvited.at < PAUSE) || !is_outside(s, tp, &f->peer))
		return;
	tp->uninvited = (struct sip_uninvited){ f->peer, now, m };
}
