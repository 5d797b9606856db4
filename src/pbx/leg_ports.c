/*
 * pbx/leg_ports.c: the ports that the world sees the RTP ports of a leg behind. Where a router opens ports for us, it
 * is asked as soon as the leg has its ports; else, where a NAT maps a socket to one port for everybody, a STUN server
 * is asked from these very ports. The call waits for the answer, but not for long: SDP is written once.
 */
#include "pbx/priv.h"

#define STEP      100 /* ms: a router on the LAN takes one or two; a question to a STUN server is repeated */
#define STUN_ASKS 3
#define UNHEARD   3 /* calls that waited in vain: from then on nobody waits until there is an answer */

static bool is_mapped(const struct chan *c)
{
	return media_mapped(c->media, false).family && (c->ep->rtcp_mux || media_mapped(c->media, true).family);
}

static bool is_waiting(const struct chan *c)
{
	bool stun =
		c->ports.stun.family && c->pbx->rtp_kept != NAT_KEPT && c->pbx->rtp_unheard < UNHEARD && !is_mapped(c);

	return sip_map_waits(c->ports.rtp) || sip_map_waits(c->ports.rtcp) || stun;
}

static void go(struct chan *c)
{
	void (*then)(struct chan * c) = c->ports.then;

	c->ports.then = NULL;
	if (then)
		then(c);
}

static void ask_stun(struct chan *c)
{
	c->ports.asked++;
	media_stun(c->media, &c->ports.stun);
}

void leg_ports_due(struct timer *t, ms_t now UNUSED)
{
	struct chan *c = container_of(t, struct chan, ports.wait);

	if (!is_waiting(c) || !c->ports.stun.family || c->ports.asked >= STUN_ASKS) {
		c->pbx->rtp_unheard += c->ports.asked >= STUN_ASKS && !media_mapped(c->media, false).family;
		go(c);
		return;
	}
	ask_stun(c);
	clock_in(c->pbx->clock, t, STEP);
}

/* SDP that is on its way already is corrected by a re-INVITE, if it says something else. */
static void told(void *arg)
{
	struct chan *c = arg;

	if (c->ports.then && !is_waiting(c))
		clock_in(c->pbx->clock, &c->ports.wait, 0);
	else if (!c->ports.then && !c->pbx->conf->hairpin.compat_asterisk)
		clock_in(c->pbx->clock, &c->renew, 0);
}

void leg_ports_seen(struct chan *c, const struct media_event *ev)
{
	c->pbx->rtp_unheard = 0;
	if (ev->ok)
		c->pbx->rtp_kept = ev->from.port == media_local(c->media).port ? NAT_KEPT : NAT_CHANGED;
	told(c);
}

static struct sip_map *open_port(struct chan *c, const struct addr *bound)
{
	struct sip_map_ask ask = { .proto = NET_UDP, .bound = *bound, .media = true, .told = told, .arg = c };

	return sip_map_open(c->pbx->sip, &ask);
}

/* Who is told our own address is told our own ports. */
static bool is_outside(const struct chan *c, const struct nat_door *door, const struct addr *toward)
{
	return door && !c->ep->media_address[0] && nat_media_is_outside(door, toward);
}

void leg_ports_open(struct chan *c, const struct nat_door *door, const struct addr *toward,
		    void (*then)(struct chan *c))
{
	struct addr bound = media_local(c->media), rtcp = addr_with_port(&bound, bound.port + 1);

	if (is_outside(c, door, toward) && bound.family == 4 && conf_router(door->t->external_media_address)) {
		c->ports.rtp = open_port(c, &bound);
		c->ports.rtcp = c->ports.rtp && !c->ep->rtcp_mux ? open_port(c, &rtcp) : NULL;
	}
	if (!sip_map_outside(c->ports.rtp).family && !sip_map_waits(c->ports.rtp) && is_outside(c, door, toward) &&
	    !is_mapped(c) && sip_door_stun(door, &c->ports.stun))
		ask_stun(c);
	c->ports.then = then;
	if (is_waiting(c))
		clock_in(c->pbx->clock, &c->ports.wait, STEP);
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
	struct addr open = sip_map_outside(c->ports.rtp), mapped = media_mapped(c->media, false);
	bool ours = addr_ip_eq(&face, &f->local) || addr_ip_eq(&face, &open); /* nobody says that we are elsewhere */

	if (!is_outside(c, door, &f->peer))
		return face;
	if (open.family && addr_class(&open) == ADDR_GLOBAL && ours)
		return open;
	return mapped.family && addr_ip_eq(&mapped, &face) ? mapped : face;
}

uint16_t leg_ports_rtcp(const struct chan *c)
{
	struct addr open = sip_map_outside(c->ports.rtp), mapped = media_mapped(c->media, false);

	if (addr_eq(&c->local.face, &open))
		return sip_map_outside(c->ports.rtcp).port;
	return addr_eq(&c->local.face, &mapped) ? media_mapped(c->media, true).port : 0;
}
