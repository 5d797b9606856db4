/*
 * sip/router.c: ports that our router opens for us, asked by PCP or NAT-PMP (nat/pcp.h), or by UPnP-IGD
 * (sip/router_upnp.c) where it answers to neither. One router for the whole core, IPv4. Leases are renewed at their
 * half; a router that has forgotten them (its clock, RFC 6887 8.5, or its address outside has changed) is asked for
 * everything again; at the end they are given back. What changes is told to whoever asked for the port.
 */
#include "sip/priv.h"

#include <stdlib.h>

#include "base/trace.h"

#define LOOK       2000   /* how often the router is looked after while there are calls; a call may begin any time */
#define LOOK_IDLE  20000  /* and else */
#define LOOK_UPNP  4000   /* at least: it is more work for a router */
#define LINGER     30000  /* a port that may be wanted again stays open for so long */
#define NOBODY_FOR 600000 /* until a router that speaks nothing is tried again */
#define SPREAD     5      /* ms for each port, when many are asked for at once */

static void begin(struct sip_router *r);
static void map_ask(struct sip_map *m);

static ms_t now_of(const struct sip_map *m)
{
	return sip_now(m->r->sip);
}

const char *sip_router_speech(enum sip_router_speaks s)
{
	static const char *const names[] = { [ROUTER_UNKNOWN] = "not known yet",
					     [ROUTER_PCP] = "PCP",
					     [ROUTER_PMP] = "NAT-PMP",
					     [ROUTER_UPNP] = "UPnP",
					     [ROUTER_SILENT] = "none" };

	return names[s];
}

/* ---- messages ---- */

static void send_bytes(struct sip_router *r, struct span bytes)
{
	struct flow f = { .sock = r->sock, .listener = r->sock, .proto = NET_UDP, .peer = r->at };

	r->sip->c.net.send(r->sip->c.net.arg, &f, bytes);
}

static void send_pcp(struct sip_map *m)
{
	struct sip_router *r = m->r;
	struct pcp_ask ask = { .version = r->speaks == ROUTER_PMP ? PCP_PMP : PCP_V2,
			       .tcp = net_is_stream(m->ask.proto),
			       .inside = m->ask.bound.port,
			       .wanted = addr_with_port(&m->outside, m->wanted),
			       .lifetime = m->state == MAP_LEAVING ? 0 : PCP_LEASE,
			       .client = r->own };
	char bytes[PCP_ASK_MAX];
	struct out o = out_fixed(bytes, sizeof bytes);

	memcpy(ask.nonce, m->nonce, sizeof ask.nonce);
	pcp_write_map(&o, &ask);
	send_bytes(r, out_look(&o));
	m->sends++;
	sip_in(r->sip, &m->again, pcp_patience(m->sends));
}

static void ask_address(struct sip_router *r)
{
	char bytes[PCP_ASK_MAX];
	struct out o = out_fixed(bytes, sizeof bytes);

	pcp_write_address(&o);
	send_bytes(r, out_look(&o));
}

static void announce(struct sip_router *r)
{
	char bytes[PCP_ASK_MAX];
	struct out o = out_fixed(bytes, sizeof bytes);

	pcp_write_announce(&o, &r->own);
	send_bytes(r, out_look(&o));
}

/* ---- one port ---- */

static void say(struct sip_map *m)
{
	if (m->ask.told && !m->unused && m->state != MAP_LEAVING)
		m->ask.told(m->ask.arg);
}

void sip_map_free(struct sip_map *m)
{
	sip_stop(m->r->sip, &m->again);
	sip_stop(m->r->sip, &m->linger);
	HASH_DEL(m->r->maps, m);
	free(m);
}

static void set_outside(struct sip_map *m, const struct addr *outside)
{
	bool same = addr_eq(&m->outside, outside) && m->outside.family == outside->family;
	char was[ADDR_STRLEN], now[ADDR_STRLEN];

	if (same)
		return;
	if (outside->family || m->outside.family)
		trace(m->ask.media ? EV_NAT_PORT : EV_NAT_ROUTER, NULL, "%s %u: open at %s, by %s (was %s)",
		      net_is_stream(m->ask.proto) ? "TCP" : "UDP", m->ask.bound.port,
		      outside->family ? addr_str(outside, now) : "no address", sip_router_speech(m->r->speaks),
		      m->outside.family ? addr_str(&m->outside, was) : "closed");
	m->outside = *outside;
	if (outside->port)
		m->wanted = outside->port;
}

void sip_map_held(struct sip_map *m, const struct addr *outside, uint32_t lifetime)
{
	bool was_asked = m->state != MAP_HELD;

	set_outside(m, outside);
	m->state = MAP_HELD;
	m->until = now_of(m) + (ms_t)lifetime * 1000;
	sip_in(m->r->sip, &m->again, pcp_renew_in(lifetime));
	if (was_asked)
		say(m);
}

static void map_lost(struct sip_map *m)
{
	struct addr none = { 0 };

	if (m->outside.family)
		set_outside(m, &none);
	say(m);
}

void sip_map_refused(struct sip_map *m, const char *why, ms_t for_ms)
{
	if (m->state == MAP_LEAVING) {
		sip_map_free(m);
		return;
	}
	if (m->state != MAP_REFUSED)
		trace(EV_NAT_ROUTER, NULL, "the router does not open %s %u: %s",
		      net_is_stream(m->ask.proto) ? "TCP" : "UDP", m->ask.bound.port, why);
	m->state = MAP_REFUSED;
	sip_in(m->r->sip, &m->again, for_ms);
	map_lost(m);
}

static void map_ask(struct sip_map *m)
{
	struct sip_router *r = m->r;

	m->sends = 0;
	if (m->state != MAP_LEAVING)
		m->state = r->speaks == ROUTER_SILENT ? MAP_IDLE : MAP_ASKED;
	if (m->state == MAP_IDLE)
		return;
	if (r->speaks == ROUTER_UPNP && !m->query)
		sip_upnp_ask(m, m->state == MAP_LEAVING ? UPNP_CLOSE : UPNP_OPEN);
	else if (r->speaks != ROUTER_UPNP)
		send_pcp(m);
}

void sip_router_anew(struct sip_router *r)
{
	struct sip_map *m, *next;
	ms_t after = 0;

	HASH_ITER(hh, r->maps, m, next) {
		if (m->state == MAP_LEAVING)
			continue;
		m->state = MAP_ASKED;
		m->sends = 0;
		sip_in(r->sip, &m->again, after);
		after += SPREAD;
	}
}

static void speaks(struct sip_router *r, enum sip_router_speaks what)
{
	char at[ADDR_STRLEN];

	if (r->speaks == what)
		return;
	r->speaks = what;
	if (what == ROUTER_SILENT)
		trace(EV_NAT_ROUTER, NULL, "the router %s opens no ports: it answers to none of PCP, NAT-PMP and UPnP",
		      r->at.family ? addr_ip_str(&r->at, at) : "(there is none)");
	else if (what != ROUTER_UNKNOWN)
		trace(EV_NAT_ROUTER, NULL, "the router %s speaks %s",
		      r->at.family ? addr_ip_str(&r->at, at) : "found by UPnP", sip_router_speech(what));
	if (what == ROUTER_PMP)
		ask_address(r);
}

/* ---- who is there ---- */

void sip_router_nobody(struct sip_router *r)
{
	struct sip_map *m, *next;

	speaks(r, ROUTER_SILENT);
	HASH_ITER(hh, r->maps, m, next) {
		bool leaving = m->state == MAP_LEAVING;

		sip_stop(r->sip, &m->again);
		m->state = MAP_IDLE;
		map_lost(m);
		if (leaving)
			sip_map_free(m);
	}
	sip_in(r->sip, &r->watch, NOBODY_FOR);
}

/* No answer to the last of several sends. */
static void unanswered(struct sip_map *m)
{
	struct sip_router *r = m->r;

	if (m->state == MAP_LEAVING) {
		sip_map_free(m);
	} else if (now_of(m) < m->until) {
		send_pcp(m);
	} else {
		map_lost(m);
		begin(r);
	}
}

static void map_again(struct timer *t, ms_t now UNUSED)
{
	struct sip_map *m = container_of(t, struct sip_map, again);

	if ((m->state == MAP_ASKED || m->state == MAP_LEAVING) && m->sends >= PCP_SENDS)
		unanswered(m);
	else if (m->sends && (m->state == MAP_ASKED || m->state == MAP_LEAVING))
		send_pcp(m);
	else
		map_ask(m);
}

static void probe(struct sip_router *r)
{
	if (r->sends >= PCP_SENDS || !r->at.family || !(r->ways & ROUTER_BY_PCP)) {
		sip_upnp_try(r);
		return;
	}
	announce(r);
	if (r->sends++) /* some that speak NAT-PMP alone do not say so (RFC 6886 3.5 wants it) */
		ask_address(r);
	sip_in(r->sip, &r->watch, pcp_patience(r->sends));
}

/* What is open stays so until the router, or another one, says something else. */
static void begin(struct sip_router *r)
{
	struct net *net = &r->sip->c.net;
	struct sip_map *m, *next;

	r->at = net->gateway ? net->gateway(net->arg, 4) : (struct addr){ 0 };
	r->at.port = PCP_PORT;
	r->own = r->at.family ? net->source(net->arg, r->sock, &r->at) : (struct addr){ 0 };
	r->epoch.known = false;
	r->outside = (struct addr){ 0 };
	r->looking = 0;
	r->sends = 0;
	speaks(r, ROUTER_UNKNOWN);
	HASH_ITER(hh, r->maps, m, next) {
		sip_stop(r->sip, &m->again);
		m->query = 0;
		if (m->state == MAP_LEAVING)
			sip_map_free(m);
		else
			m->state = MAP_IDLE;
	}
	probe(r);
}

void sip_router_found(struct sip_router *r, enum sip_router_speaks what)
{
	speaks(r, what);
	sip_router_anew(r);
	sip_in(r->sip, &r->watch, LOOK);
}

/* ---- answers of PCP and NAT-PMP ---- */

static void other_version(struct sip_router *r, const struct pcp_answer *a)
{
	if (r->speaks == ROUTER_PCP) /* it is another one by now */
		begin(r);
	else if (r->speaks != ROUTER_UNKNOWN || r->looking)
		return;
	else if (a->version == PCP_PMP)
		sip_router_found(r, ROUTER_PMP);
	else
		sip_upnp_try(r);
}

/* NAT-PMP tells the address and the ports apart. */
static void take_address(struct sip_router *r, const struct addr *outside)
{
	struct sip_map *m, *next;

	if (addr_ip_eq(&r->outside, outside) && r->outside.family)
		return;
	r->outside = *outside;
	HASH_ITER(hh, r->maps, m, next) {
		struct addr at = addr_with_port(outside, m->wanted);

		if (m->state != MAP_HELD && !m->outside.family)
			continue;
		set_outside(m, &at);
		say(m);
	}
}

static struct sip_map *map_of(struct sip_router *r, enum net_proto proto, uint16_t port)
{
	uint32_t key = (uint32_t)proto << 16 | port;
	struct sip_map *m;

	HASH_FIND(hh, r->maps, &key, sizeof key, m);
	return m;
}

static void take_map(struct sip_router *r, const struct pcp_answer *a)
{
	struct sip_map *m = map_of(r, a->tcp ? NET_TCP : NET_UDP, a->inside);
	struct addr outside = r->speaks == ROUTER_PMP ? addr_with_port(&r->outside, a->outside.port) : a->outside;

	if (!m || (a->version == PCP_V2 && memcmp(a->nonce, m->nonce, sizeof m->nonce) != 0))
		return;
	if (m->state == MAP_LEAVING && (a->result || !a->lifetime))
		sip_map_free(m);
	else if (m->state != MAP_LEAVING && a->result)
		sip_map_refused(m, pcp_result(a), pcp_refused_for(a));
	else if (m->state == MAP_ASKED && a->lifetime && outside.port)
		sip_map_held(m, &outside, a->lifetime);
}

void sip_router_input(struct sip *s, const struct flow *f, struct span bytes)
{
	struct sip_router *r = &s->router;
	struct pcp_answer a;
	enum sip_router_speaks what;

	if (!addr_eq(&f->peer, &r->at) || !pcp_read(bytes, &a))
		return;
	if (a.kind == PCP_OTHER_VERSION) {
		other_version(r, &a);
		return;
	}
	what = a.version == PCP_PMP ? ROUTER_PMP : ROUTER_PCP;
	if (r->speaks == ROUTER_UNKNOWN && !r->looking)
		sip_router_found(r, what);
	if (r->speaks != what)
		return;
	if (!pcp_epoch_holds(&r->epoch, a.epoch, sip_now(s))) {
		trace(EV_NAT_ROUTER, NULL, "the router has begun anew: it is asked for every port again");
		sip_router_anew(r);
	}
	if (a.kind == PCP_MAP)
		take_map(r, &a);
	else if (a.kind == PCP_ADDRESS && !a.result)
		take_address(r, &a.outside);
}

/* ICMP: there is nobody at that port. */
void sip_router_failed(struct sip *s, const struct flow *f)
{
	struct sip_router *r = &s->router;

	if (r->sock && f->sock == r->sock && r->speaks == ROUTER_UNKNOWN && !r->looking)
		sip_upnp_try(r);
}

/* ---- looking after it ---- */

/* Each in its turn: a router may lose one without a word. */
struct sip_map *sip_map_oldest(struct sip_router *r)
{
	struct sip_map *m, *next, *old = NULL;

	HASH_ITER(hh, r->maps, m, next)
		if (m->state == MAP_HELD && (!old || m->until < old->until))
			old = m;
	return old;
}

static void watch(struct timer *t, ms_t now)
{
	struct sip_router *r = container_of(t, struct sip_router, watch);
	ms_t every = r->sip->dialogs.n ? LOOK : LOOK_IDLE;
	struct sip_map *m;

	if (r->speaks == ROUTER_SILENT) {
		begin(r);
		return;
	}
	if (r->speaks == ROUTER_UNKNOWN) {
		probe(r);
		return;
	}
	sip_in(r->sip, t, LOOK);
	if (now - r->looked_at < (r->speaks == ROUTER_UPNP ? MAX(every, LOOK_UPNP) : every))
		return;
	r->looked_at = now;
	if (r->speaks == ROUTER_UPNP) {
		sip_upnp_look(r);
		return;
	}
	if (r->speaks == ROUTER_PMP)
		ask_address(r);
	m = sip_map_oldest(r);
	if (m)
		map_ask(m);
	else if (r->speaks == ROUTER_PCP)
		announce(r);
}

/* ---- for those who want ports ---- */

static void map_leave(struct sip_map *m)
{
	bool open = m->state != MAP_IDLE && m->state != MAP_REFUSED;

	sip_stop(m->r->sip, &m->linger);
	if (m->state == MAP_LEAVING)
		return;
	if (!open) {
		sip_map_free(m);
		return;
	}
	m->state = MAP_LEAVING;
	sip_stop(m->r->sip, &m->again);
	m->sends = 0;
	if (m->r->speaks == ROUTER_UNKNOWN)
		sip_map_free(m);
	else if (!m->query && m->r->speaks == ROUTER_UPNP)
		m->sends++, sip_upnp_ask(m, UPNP_CLOSE);
	else if (m->r->speaks != ROUTER_UPNP)
		send_pcp(m);
}

static void linger_over(struct timer *t, ms_t now UNUSED)
{
	map_leave(container_of(t, struct sip_map, linger));
}

static bool open_socket(struct sip_router *r)
{
	struct net *net = &r->sip->c.net;
	struct net_listen ask = { .proto = NET_UDP, .bind = { .family = 4 } };
	struct addr bound;

	return r->sock || net->listen(net->arg, &ask, &r->sock, &bound) == 0;
}

static struct sip_map *map_new(struct sip_router *r, const struct sip_map_ask *ask)
{
	struct sip_map *m = xcalloc(1, sizeof *m);

	m->r = r;
	m->key = (uint32_t)ask->proto << 16 | ask->bound.port;
	m->wanted = ask->wanted ? ask->wanted : ask->bound.port;
	m->again.fire = map_again;
	m->linger.fire = linger_over;
	rng_bytes(&r->sip->c.clock->rng, m->nonce, sizeof m->nonce);
	HASH_ADD(hh, r->maps, key, sizeof m->key, m);
	return m;
}

/* The address of ours that the router knows, as far as that is known. */
static bool router_reaches(const struct sip_router *r, const struct addr *bound)
{
	return addr_is_any(bound) || !r->own.family || addr_ip_eq(bound, &r->own);
}

struct sip_map *sip_map_open(struct sip *s, const struct sip_map_ask *ask)
{
	struct sip_router *r = &s->router;
	struct sip_map *m = map_of(r, ask->proto, ask->bound.port);
	bool taken = m && !m->unused && m->ask.arg != ask->arg;

	if (!r->ways || r->leaving || taken || !router_reaches(r, &ask->bound))
		return NULL;
	if (!m && HASH_COUNT(r->maps) >= s->conf->hairpin.max_router_ports) {
		count(CNT_nat_ports_refused);
		return NULL;
	}
	m = m ? m : map_new(r, ask);
	sip_stop(s, &m->linger);
	m->ask = *ask;
	m->unused = false;
	if (m->state == MAP_HELD)
		return m;
	m->state = m->state == MAP_LEAVING ? MAP_IDLE : m->state;
	m->query = 0;
	if (m->state == MAP_IDLE && r->speaks != ROUTER_UNKNOWN)
		map_ask(m);
	return m;
}

void sip_map_close(struct sip_map **mp)
{
	struct sip_map *m = *mp;

	*mp = NULL;
	if (!m)
		return;
	m->unused = true;
	if (m->ask.media && m->outside.family && !m->r->leaving)
		sip_in(m->r->sip, &m->linger, LINGER);
	else
		map_leave(m);
}

bool sip_map_waits(const struct sip_map *m)
{
	return m && m->state == MAP_ASKED && !m->outside.family && m->r->speaks != ROUTER_UNKNOWN;
}

struct addr sip_map_outside(const struct sip_map *m)
{
	return m && m->state != MAP_LEAVING ? m->outside : (struct addr){ 0 };
}

ms_t sip_map_lease(const struct sip_map *m)
{
	return m && m->outside.family ? MAX(m->until - now_of(m), 0) : 0;
}

/* ---- life ---- */

void sip_router_want(struct sip *s, unsigned ways)
{
	struct sip_router *r = &s->router;
	struct sip_map *m, *next;

	if (r->ways == ways)
		return;
	r->ways = ways;
	if (ways && open_socket(r)) {
		begin(r);
		return;
	}
	sip_stop(s, &r->watch);
	HASH_ITER(hh, r->maps, m, next)
		if (m->unused)
			map_leave(m);
}

void sip_router_network(struct sip *s)
{
	struct sip_router *r = &s->router;
	struct net *net = &s->c.net;
	struct addr at, own;

	if (!r->ways)
		return;
	at = net->gateway ? net->gateway(net->arg, 4) : (struct addr){ 0 };
	own = at.family ? net->source(net->arg, r->sock, &at) : (struct addr){ 0 };
	if (!addr_ip_eq(&at, &r->at) || at.family != r->at.family || !addr_ip_eq(&own, &r->own))
		begin(r);
}

bool sip_ports_closed(struct sip *s)
{
	struct sip_map *m, *next;

	s->router.leaving = true;
	list_for(n, &s->transports)
		sip_map_close(&list_entry(n, struct sip_transport, link)->map);
	HASH_ITER(hh, s->router.maps, m, next)
		if (m->unused)
			map_leave(m);
	return !s->router.maps;
}

void sip_router_init(struct sip *s)
{
	s->router = (struct sip_router){ .sip = s, .watch.fire = watch };
}

void sip_router_free(struct sip *s)
{
	struct sip_map *m, *next;

	sip_stop(s, &s->router.watch);
	HASH_ITER(hh, s->router.maps, m, next)
		sip_map_free(m);
	if (s->router.sock)
		s->c.net.close(s->c.net.arg, s->router.sock);
}
