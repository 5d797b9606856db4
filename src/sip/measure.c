/*
 * sip/measure.c: how the NAT before a transport behaves: asked, from the SIP socket, of a STUN server that has a second
 * address (nat/behave.h), once for each address outside; and all that is known of a transport's outside, for those who
 * show it.
 */
#include "sip/priv.h"

#include <string.h>

#include "base/trace.h"

#define RTO 500

static void send_test(struct sip_transport *tp)
{
	struct flow f = { .sock = tp->sock, .listener = tp->sock, .proto = NET_UDP };
	char bytes[STUN_CHANGE];
	struct out o = out_fixed(bytes, sizeof bytes);

	f.peer = nat_behave_write(&tp->behave, &o);
	tp->sip->c.net.send(tp->sip->c.net.arg, &f, out_look(&o));
	sip_in(tp->sip, &tp->measure, RTO);
}

static void begin_test(struct sip_transport *tp)
{
	if (tp->behave.test == NAT_TEST_DONE) {
		sip_stop(tp->sip, &tp->measure);
		trace(EV_NAT_ADDRESS, NULL, "%s: the NAT's mapping: %s; its filter: %s", tp->conf->o.name,
		      nat_depends_name(tp->behave.mapping), nat_depends_name(tp->behave.filtering));
		return;
	}
	rng_bytes(&tp->sip->c.clock->rng, tp->behave.tx, sizeof tp->behave.tx);
	send_test(tp);
}

static void no_answer(struct timer *t, ms_t now UNUSED)
{
	struct sip_transport *tp = container_of(t, struct sip_transport, measure);

	if (tp->behave.sends < NAT_TEST_SENDS) {
		send_test(tp);
		return;
	}
	nat_behave_next(&tp->behave, NULL);
	begin_test(tp);
}

void sip_measure_begin(struct sip_transport *tp, const struct addr *server, const struct stun_answer *a)
{
	struct addr own = sip_local_of(tp->sip, &(struct flow){ .listener = tp->sock, .peer = *server });

	if (tp->behave.test != NAT_TEST_NONE && addr_ip_eq(&tp->behave.mapped, &a->mapped))
		return;
	tp->measure.fire = no_answer;
	if (nat_behave_begin(&tp->behave, a, server, &own))
		begin_test(tp);
}

bool sip_measure_input(struct sip_transport *tp, const struct stun_answer *a)
{
	if (!tp->behave.sends || memcmp(a->tx, tp->behave.tx, sizeof a->tx) != 0)
		return false;
	nat_behave_next(&tp->behave, a->mapped.family ? &a->mapped : NULL);
	begin_test(tp);
	return true;
}

enum nat_depends sip_mapping_of(const struct sip_transport *tp)
{
	struct addr anywhere = { 0 }, own;

	if (tp->behave.mapping != NAT_NOT_KNOWN)
		return tp->behave.mapping;
	addr_parse_ip(tp->bound.family == 6 ? SPAN("2000::1") : SPAN("192.0.0.1"), &anywhere);
	own = sip_local_of(tp->sip, &(struct flow){ .listener = tp->sock, .peer = anywhere });
	return nat_compare(&tp->door.found, &own);
}

bool sip_door_stun(const struct nat_door *d, struct addr *server)
{
	const struct sip_transport *tp = container_of(d, struct sip_transport, door);

	for (unsigned i = 0; i < tp->n_stun; i++)
		if (d->found.stun[i].as.family && !d->found.stun[i].silent && sip_mapping_of(tp) == NAT_ON_NOTHING) {
			*server = tp->stun[i].at;
			return true;
		}
	return false;
}

/* Of the views that name a port, the best one's. */
static enum nat_kept kept_of(const struct sip_transport *tp)
{
	const struct nat_external *x = &tp->door.found;

	for (unsigned i = 0; i < NAT_STUNS; i++)
		if (x->stun[i].as.port)
			return x->stun[i].as.port == tp->bound.port ? NAT_KEPT : NAT_CHANGED;
	for (unsigned i = 0; i < NAT_WITNESSES; i++)
		if (x->peers[i].as.port)
			return x->peers[i].as.port == tp->bound.port ? NAT_KEPT : NAT_CHANGED;
	return NAT_KEPT_UNKNOWN;
}

bool sip_outside_nth(const struct sip *s, unsigned n, struct sip_outside *o)
{
	list_for(l, &s->transports) {
		const struct sip_transport *tp = list_entry(l, struct sip_transport, link);
		const struct sip_router *r = &s->router;

		if (tp->leaving || n--)
			continue;
		*o = (struct sip_outside){ .conf = tp->conf,
					   .local = tp->bound,
					   .external = tp->door.auto_signaling || tp->door.auto_media
							       ? tp->door.found.address
							       : tp->door.ext_signaling,
					   .automatic = tp->door.auto_signaling || tp->door.auto_media,
					   .source = tp->door.found.source,
					   .mapping = sip_mapping_of(tp),
					   .filtering = tp->behave.filtering,
					   .port_kept = kept_of(tp),
					   .router_asked = r->ways != 0,
					   .router_speaks = r->speaks,
					   .router = r->at,
					   .opened = sip_map_outside(tp->map),
					   .lease = sip_map_lease(tp->map),
					   .uninvited = tp->uninvited };
		return true;
	}
	return false;
}
