/*
 * pbx/leg_ports.c: the ports that the world sees the RTP ports of a leg behind. Where a router opens ports for us, it
 * is asked as soon as the leg has its ports, and the call waits for the answer, but not for long: SDP is written once.
 */
#include "pbx/priv.h"

#define WAIT 100 /* ms: routers on the LAN take one or two */

static bool is_waiting(const struct chan *c)
{
	return sip_map_waits(c->ports.rtp) || sip_map_waits(c->ports.rtcp);
}

static void go(struct chan *c)
{
	void (*then)(struct chan * c) = c->ports.then;

	c->ports.then = NULL;
	if (then)
		then(c);
}

void leg_ports_due(struct timer *t, ms_t now UNUSED)
{
	go(container_of(t, struct chan, ports.wait));
}

static void told(void *arg)
{
	struct chan *c = arg;

	if (c->ports.then && !is_waiting(c))
		clock_in(c->pbx->clock, &c->ports.wait, 0);
	else if (!c->ports.then && !c->pbx->conf->hairpin.compat_asterisk)
		clock_in(c->pbx->clock, &c->renew, 0);
}

static struct sip_map *open_port(struct chan *c, uint16_t port)
{
	struct sip_map_ask ask = { .proto = NET_UDP, .port = port, .media = true, .told = told, .arg = c };

	return sip_map_open(c->pbx->sip, &ask);
}

void leg_ports_open(struct chan *c, const struct nat_door *door, const struct addr *toward,
		    void (*then)(struct chan *c))
{
	struct addr bound = media_local(c->media);

	if (door && bound.family == 4 && !c->ep->media_address[0] && nat_media_by_router(door, toward)) {
		c->ports.rtp = open_port(c, bound.port);
		c->ports.rtcp = c->ports.rtp && !c->ep->rtcp_mux ? open_port(c, bound.port + 1) : NULL;
	}
	c->ports.then = then;
	if (is_waiting(c))
		clock_in(c->pbx->clock, &c->ports.wait, WAIT);
	else
		go(c);
}

void leg_ports_close(struct chan *c)
{
	clock_stop(c->pbx->clock, &c->ports.wait);
	c->ports.then = NULL;
	sip_map_close(&c->ports.rtp);
	sip_map_close(&c->ports.rtcp);
}

struct addr leg_ports_face(const struct chan *c, const struct nat_door *door, const struct flow *f, struct addr face)
{
	struct addr open = sip_map_outside(c->ports.rtp);
	bool ours = addr_ip_eq(&face, &f->local) || addr_ip_eq(&face, &open); /* nobody says that we are elsewhere */

	if (!open.family || addr_class(&open) != ADDR_GLOBAL || !ours || !nat_media_by_router(door, &f->peer))
		return face;
	return open;
}

uint16_t leg_ports_rtcp(const struct chan *c)
{
	struct addr rtp = sip_map_outside(c->ports.rtp), rtcp = sip_map_outside(c->ports.rtcp);

	return rtcp.family && addr_eq(&c->local.face, &rtp) ? rtcp.port : 0;
}
