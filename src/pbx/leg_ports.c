/*
 * pbx/leg_ports.c: the ports that the world sees the RTP ports of a leg behind. Where a router opens ports for us, it
 * is asked as soon as the leg has its ports; else, where a NAT maps a socket to one port for everybody, a STUN server
 * is asked from these very ports. The call waits for the answer, but not for long: SDP is written once.
 */
#include "pbx/priv.h"

#include <stdlib.h>

#define STEP      100 /* ms: a router on the LAN takes one or two; a question to a STUN server is repeated */
#define STUN_ASKS 3
#define UNHEARD   3 /* calls that waited in vain: from then on nobody waits until there is an answer */

struct leg_ports { /* of a leg whose RTP ports the world sees elsewhere, perhaps */
	struct chan *chan;
	struct sip_map *rtp, *rtcp; /* NULL: not asked for */
	struct addr stun;           /* the server that is asked from the RTP ports; family 0: none */
	unsigned asked;
	struct timer wait;
	void (*then)(struct chan *c); /* what waits for the answers */
};

static void due(struct timer *t, ms_t now);

static struct leg_ports *ports_of(struct chan *c)
{
	if (!c->ports) {
		c->ports = xcalloc(1, sizeof *c->ports);
		c->ports->chan = c;
		c->ports->wait.fire = due;
	}
	return c->ports;
}

static struct addr opened(const struct chan *c)
{
	return sip_map_outside(c->ports ? c->ports->rtp : NULL);
}

static bool is_mapped(const struct chan *c)
{
	return media_mapped(c->media, false).family && (c->ep->rtcp_mux || media_mapped(c->media, true).family);
}

static bool is_waiting(const struct leg_ports *p)
{
	const struct chan *c = p->chan;
	bool stun = p->stun.family && c->pbx->rtp_kept != NAT_KEPT && c->pbx->rtp_unheard < UNHEARD && !is_mapped(c);

	return sip_map_waits(p->rtp) || sip_map_waits(p->rtcp) || stun;
}

static void ask_stun(struct leg_ports *p)
{
	p->asked++;
	media_stun(p->chan->media, &p->stun);
}

static void due(struct timer *t, ms_t now UNUSED)
{
	struct leg_ports *p = container_of(t, struct leg_ports, wait);
	void (*then)(struct chan * c) = p->then;
	struct chan *c = p->chan;

	if (is_waiting(p) && p->stun.family && p->asked < STUN_ASKS) {
		ask_stun(p);
		clock_in(c->pbx->clock, t, STEP);
		return;
	}
	c->pbx->rtp_unheard += p->asked >= STUN_ASKS && !media_mapped(c->media, false).family;
	p->then = NULL;
	if (then)
		then(c);
}

/* SDP that is on its way already is corrected by a re-INVITE, if it says something else. */
static void told(void *arg)
{
	struct chan *c = arg;
	bool waits = c->ports && c->ports->then;

	if (waits && !is_waiting(c->ports))
		clock_in(c->pbx->clock, &c->ports->wait, 0);
	else if (!waits && !c->pbx->conf->hairpin.compat_asterisk)
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
	struct addr bound = media_local(c->media), rtcp = addr_with_port(&bound, bound.port + 1), stun;
	struct sip_map *map = NULL;

	if (is_outside(c, door, toward) && bound.family == 4 && conf_router(door->t->external_media_address)) {
		map = open_port(c, &bound);
		if (map) {
			ports_of(c)->rtp = map;
			c->ports->rtcp = c->ep->rtcp_mux ? NULL : open_port(c, &rtcp);
		}
	}
	if (!sip_map_outside(map).family && !sip_map_waits(map) && is_outside(c, door, toward) && !is_mapped(c) &&
	    sip_door_stun(door, &stun)) {
		ports_of(c)->stun = stun;
		ask_stun(c->ports);
	}
	if (c->ports && is_waiting(c->ports)) {
		c->ports->then = then;
		clock_in(c->pbx->clock, &c->ports->wait, STEP);
	} else {
		then(c);
	}
}

void leg_ports_close(struct chan *c)
{
	struct leg_ports *p = c->ports;

	if (!p)
		return;
	clock_stop(c->pbx->clock, &p->wait);
	sip_map_close(&p->rtp);
	sip_map_close(&p->rtcp);
	free(p);
	c->ports = NULL;
}

struct addr leg_ports_face(const struct chan *c, const struct nat_door *door, const struct flow *f, struct addr face)
{
	struct addr open = opened(c), mapped = media_mapped(c->media, false);
	bool ours = addr_ip_eq(&face, &f->local) || addr_ip_eq(&face, &open); /* nobody says that we are elsewhere */

	if (!is_outside(c, door, &f->peer))
		return face;
	if (open.family && addr_class(&open) == ADDR_GLOBAL && ours)
		return open;
	return mapped.family && addr_ip_eq(&mapped, &face) ? mapped : face;
}

uint16_t leg_ports_rtcp(const struct chan *c)
{
	struct addr open = opened(c), mapped = media_mapped(c->media, false);

	if (c->ports && addr_eq(&c->local.face, &open))
		return sip_map_outside(c->ports->rtcp).port;
	return addr_eq(&c->local.face, &mapped) ? media_mapped(c->media, true).port : 0;
}
