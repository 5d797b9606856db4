/*
 * sip/router_upnp.c: the router asked by UPnP-IGD, which io speaks. Each question is answered once, in its own time;
 * what an answer means for a port, and for the router as a whole, is sip/router.c's.
 */
#include "sip/priv.h"

#include <errno.h>

#include "base/trace.h"

void sip_upnp_ask(struct sip_map *m, enum net_upnp_kind kind)
{
	struct sip_router *r = m->r;
	struct net_upnp ask = { .kind = kind,
				.proto = m->ask.proto,
				.port = m->ask.bound.port,
				.outside = m->wanted,
				.lifetime = PCP_LEASE };

	m->query = ++r->queries;
	r->sip->c.net.upnp(r->sip->c.net.arg, m->query, &ask);
}

void sip_upnp_try(struct sip_router *r)
{
	sip_stop(r->sip, &r->watch);
	if (!(r->ways & ROUTER_BY_UPNP) || !r->sip->c.net.upnp) {
		sip_router_nobody(r);
		return;
	}
	r->looking = ++r->queries;
	r->sip->c.net.upnp(r->sip->c.net.arg, r->looking, &(struct net_upnp){ .kind = UPNP_LOOK });
}

static struct sip_map *map_that_asked(struct sip_router *r, uint64_t query)
{
	struct sip_map *m, *next;

	HASH_ITER(hh, r->maps, m, next)
		if (m->query == query)
			return m;
	return NULL;
}

static void looked(struct sip_router *r, int err, const struct addr *outside)
{
	bool moved = !err && r->outside.family && !addr_ip_eq(&r->outside, outside);

	r->looking = 0;
	if (err == -ENODEV) {
		sip_router_nobody(r);
		return;
	}
	if (!err)
		r->outside = *outside;
	if (r->speaks == ROUTER_UNKNOWN) {
		sip_router_found(r, ROUTER_UPNP);
	} else if (moved || err == -ENOENT) {
		trace(EV_NAT_ROUTER, NULL, "the router has begun anew: it is asked for every port again");
		sip_router_anew(r);
	}
}

void sip_on_upnp(void *arg, uint64_t query, int err, const struct addr *outside)
{
	struct sip *s = arg;
	struct sip_router *r = &s->router;
	struct sip_map *m = query == r->looking ? NULL : map_that_asked(r, query);

	if (query == r->looking) {
		looked(r, err, outside);
		return;
	}
	if (!m)
		return;
	m->query = 0;
	if (m->state == MAP_LEAVING && m->unused && m->sends++)
		sip_map_free(m);
	else if (m->state == MAP_LEAVING)
		sip_upnp_ask(m, UPNP_CLOSE);
	else if (err)
		sip_map_refused(m, err == -EACCES ? "not authorized" : "refused", 30000);
	else
		sip_map_held(m, outside, PCP_LEASE);
}

void sip_upnp_look(struct sip_router *r)
{
	struct sip_map *m = sip_map_oldest(r);
	struct net_upnp ask = { .kind = UPNP_LOOK };

	if (r->looking)
		return;
	if (m) {
		ask.proto = m->ask.proto;
		ask.port = m->ask.bound.port;
		ask.outside = m->wanted;
	}
	r->looking = ++r->queries;
	r->sip->c.net.upnp(r->sip->c.net.arg, r->looking, &ask);
}
