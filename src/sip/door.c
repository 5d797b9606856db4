/*
 * sip/door.c: what a transport's door needs to know of the world (nat/nat.h). A name in external_* is followed by its
 * TTL. With `auto` or `stun:host` our address is found out and watched: STUN is asked from the SIP socket itself, peers
 * that are configured tell in the responses to our requests how they see us, interfaces have addresses of their own
 * (nat/external.h has the rules). Whatever changes is told to the user of the core once.
 */
#include "sip/priv.h"

#include <errno.h>
#include <string.h>

#include "base/trace.h"

#define REFRESH_MIN   5000  /* external names are not asked for more often */
#define REFRESH_RETRY 30000 /* after a failure */
#define WATCH         2000  /* how often STUN is asked while there are calls: one packet to a hundred of a call's */
#define WATCH_IDLE    20000 /* and else; within the 30 s that a NAT may keep a mapping (RFC 4787 4.3: 2 min) */
#define STUN_RTO      500   /* RFC 8489 6.2.1 */
#define STUN_SENDS    7
#define STUN_LAST     16

static void say(struct sip_transport *tp)
{
	if (tp->sip->c.user.moved)
		tp->sip->c.user.moved(tp->sip->c.user.arg, tp->conf);
}

/* ---- names ---- */

static void ask_names(struct sip_transport *tp);

static void refresh(struct timer *t, ms_t now UNUSED)
{
	ask_names(container_of(t, struct sip_transport, refresh));
}

/* A name with several addresses: the one in use stays as long as it is one of them. */
static bool is_among(const struct addr *now, const struct sip_lookup_answer *a)
{
	for (size_t i = 0; i < a->n; i++)
		if (addr_ip_eq(now, &a->rs[i].addr))
			return true;
	return false;
}

static void named(struct sip_transport *tp, struct addr *slot, const char *name, const struct sip_lookup_answer *a)
{
	char old[ADDR_STRLEN], new[ADDR_STRLEN];
	ms_t again = a->n ? MAX(a->fresh_for, REFRESH_MIN) : REFRESH_RETRY;

	if (!a->n) {
		trace(EV_NAT_ADDRESS, NULL, "%s: '%s' does not resolve; %s stays", tp->conf->o.name, name,
		      slot->family ? addr_ip_str(slot, old) : "no address");
	} else if (!is_among(slot, a)) {
		trace(EV_NAT_ADDRESS, NULL, "%s: '%s' is %s (was %s)", tp->conf->o.name, name,
		      addr_ip_str(&a->rs[0].addr, new), slot->family ? addr_ip_str(slot, old) : "not known");
		*slot = addr_with_port(&a->rs[0].addr, 0);
		say(tp);
	}
	if (!timer_runs(&tp->refresh) || tp->refresh.at > sip_now(tp->sip) + again)
		sip_in(tp->sip, &tp->refresh, again);
}

static void signaling_named(void *arg, const struct sip_lookup_answer *a)
{
	struct sip_transport *tp = arg;

	named(tp, &tp->door.ext_signaling, tp->conf->external_signaling_address, a);
}

static void media_named(void *arg, const struct sip_lookup_answer *a)
{
	struct sip_transport *tp = arg;

	named(tp, &tp->door.ext_media, tp->conf->external_media_address, a);
}

static enum dns_type host_type(const struct sip_transport *tp)
{
	return tp->bound.family == 6 ? DNS_AAAA : DNS_A;
}

static void ask_name(struct sip_transport *tp, const char *name, struct addr *slot, sip_lookup_fn *fn)
{
	if (!*name || conf_is_automatic(name))
		*slot = (struct addr){ 0 };
	else if (!addr_parse_ip(span_of(name), slot))
		sip_lookup(tp->sip, name, host_type(tp), fn, tp);
}

static void ask_names(struct sip_transport *tp)
{
	ask_name(tp, tp->conf->external_signaling_address, &tp->door.ext_signaling, signaling_named);
	ask_name(tp, tp->conf->external_media_address, &tp->door.ext_media, media_named);
}

/* ---- what was found out ---- */

static bool is_automatic(const struct sip_transport *tp)
{
	return tp->door.auto_signaling || tp->door.auto_media;
}

static void lend(const struct sip_transport *tp);

static void note(const struct sip_transport *tp, const struct addr *was)
{
	const struct nat_external *x = &tp->door.found;
	char old[ADDR_STRLEN], new[ADDR_STRLEN];

	if (!addr_ip_eq(was, &x->address) || was->family != x->address.family)
		trace(EV_NAT_ADDRESS, NULL, "%s: our address outside is %s, by %s (was %s)", tp->conf->o.name,
		      x->address.family ? addr_ip_str(&x->address, new) : "not known", nat_source_name(x->source),
		      was->family ? addr_ip_str(was, old) : "not known");
}

/* Something that we write has changed; `was` is the verdict before. */
static void found(struct sip_transport *tp, const struct addr *was)
{
	note(tp, was);
	say(tp);
	lend(tp);
}

static bool is_same_host(const struct addr *a, const struct addr *b)
{
	return a->family == b->family && (addr_is_any(a) || addr_is_any(b) || addr_ip_eq(a, b));
}

/* STUN works on UDP; TCP from the same host leaves by the same address. */
static void lend(const struct sip_transport *tp)
{
	const struct addr as = addr_with_port(&tp->door.found.address, 0);

	if (tp->proto != NET_UDP || !as.family)
		return;
	list_for(n, &tp->sip->transports) {
		struct sip_transport *to = list_entry(n, struct sip_transport, link);
		struct addr was = to->door.found.address;

		if (net_is_stream(to->proto) && is_automatic(to) && is_same_host(&tp->bound, &to->bound) &&
		    nat_external_stun(&to->door.found, 0, &tp->bound, &as))
			found(to, &was);
	}
}

/* ---- STUN ---- */

static void stun_send(struct sip_stun *st)
{
	struct sip_transport *tp = st->tp;
	struct flow f = { .sock = tp->sock, .listener = tp->sock, .proto = NET_UDP, .peer = st->at };
	char bytes[STUN_HEADER];
	struct out o = out_fixed(bytes, sizeof bytes);

	stun_write_request(&o, st->tx);
	tp->sip->c.net.send(tp->sip->c.net.arg, &f, out_look(&o));
	st->sends++;
	sip_in(tp->sip, &st->again, STUN_RTO * (st->sends < STUN_SENDS ? 1 << (st->sends - 1) : STUN_LAST));
}

static void stun_silent(struct sip_stun *st)
{
	struct sip_transport *tp = st->tp;
	struct addr was = tp->door.found.address;
	unsigned nth = (unsigned)(st - tp->stun);

	st->sends = 0;
	if (!st->told)
		trace(EV_NAT_ADDRESS, NULL, "%s: STUN server %s does not answer", tp->conf->o.name, st->host);
	st->told = true;
	tp->door.found.stun[nth].by = st->at;
	if (nat_external_stun_silent(&tp->door.found, nth))
		found(tp, &was);
}

static void stun_again(struct timer *t, ms_t now UNUSED)
{
	struct sip_stun *st = container_of(t, struct sip_stun, again);

	if (st->sends >= STUN_SENDS)
		stun_silent(st);
	else
		stun_send(st);
}

static void stun_begin(struct sip_stun *st)
{
	if (st->sends || !st->at.family) /* it is being asked */
		return;
	rng_bytes(&st->tp->sip->c.clock->rng, st->tx, sizeof st->tx);
	st->asked_at = sip_now(st->tp->sip);
	stun_send(st);
}

static void stun_named(void *arg, const struct sip_lookup_answer *a)
{
	struct sip_stun *st = arg;

	if (!a->n && !st->told)
		trace(EV_NAT_ADDRESS, NULL, "%s: STUN server '%s' does not resolve", st->tp->conf->o.name, st->host);
	st->told |= !a->n;
	if (a->n && !is_among(&st->at, a))
		st->at = addr_with_port(&a->rs[0].addr, st->port);
	stun_begin(st);
}

/* again: whatever was asked before is of no interest any more. */
static void stun_ask(struct sip_stun *st, bool again)
{
	if (again)
		st->sends = 0;
	if (st->sends)
		return;
	if (addr_parse_ip(span_of(st->host), &st->at)) {
		st->at.port = st->port;
		stun_begin(st);
	} else {
		st->asked_at = sip_now(st->tp->sip);
		sip_lookup(st->tp->sip, st->host, host_type(st->tp), stun_named, st);
	}
}

void sip_stun_input(struct sip *s, const struct flow *f, struct span bytes)
{
	struct sip_transport *tp = sip_transport_by_flow(s, f);
	struct stun_answer a;

	if (!tp || f->proto != NET_UDP || !stun_read_response(bytes, &a) || sip_measure_input(tp, &a))
		return;
	for (unsigned i = 0; i < tp->n_stun; i++) {
		struct sip_stun *st = &tp->stun[i];
		struct addr was = tp->door.found.address;

		if (!st->sends || !addr_eq(&f->peer, &st->at) || memcmp(a.tx, st->tx, sizeof st->tx) != 0)
			continue;
		st->sends = 0;
		st->told = false;
		sip_stop(s, &st->again);
		if (a.mapped.family != tp->bound.family)
			continue;
		if (nat_external_stun(&tp->door.found, i, &st->at, &a.mapped))
			found(tp, &was);
		sip_measure_begin(tp, &st->at, &a);
	}
}

/* ---- our router ---- */

static void on_map(void *arg)
{
	struct sip_transport *tp = arg;
	struct addr was = tp->door.found.address, outside = sip_map_outside(tp->map);

	if (nat_external_router(&tp->door.found, &outside))
		found(tp, &was);
}

/* What packets to public addresses leave with; none when it is said to be behind NAT. */
static struct addr way_out(const struct sip_transport *tp)
{
	struct addr anywhere = { 0 }, own;

	addr_parse_ip(tp->bound.family == 6 ? SPAN("2000::1") : SPAN("192.0.0.1"), &anywhere);
	own = tp->sip->c.net.source(tp->sip->c.net.arg, tp->sock, &anywhere);
	return nat_is_local(tp->conf, &own) ? (struct addr){ 0 } : own;
}

static bool is_behind_router(const struct sip_transport *tp)
{
	struct addr own = way_out(tp);

	return tp->bound.family == 4 && addr_class(&own) != ADDR_GLOBAL;
}

/* The same port at the router, from a listener that is being left. */
static void take_over(struct sip_transport *tp)
{
	list_for(n, &tp->sip->transports) {
		struct sip_transport *old = list_entry(n, struct sip_transport, link);

		if (old->leaving && old->map && old->proto == tp->proto && old->bound.port == tp->bound.port)
			sip_map_close(&old->map);
	}
}

static void map_it(struct sip_transport *tp)
{
	struct sip_map_ask ask = { .proto = net_is_stream(tp->proto) ? NET_TCP : NET_UDP,
				   .bound = tp->bound,
				   .wanted = (uint16_t)tp->conf->external_signaling_port,
				   .told = on_map,
				   .arg = tp };
	bool wanted = conf_router(tp->conf->external_signaling_address) && is_behind_router(tp);

	if (wanted && !tp->map)
		take_over(tp);
	if (wanted && !tp->map)
		tp->map = sip_map_open(tp->sip, &ask);
	else if (!wanted)
		sip_map_close(&tp->map);
	on_map(tp);
}

void sip_door_ways(struct sip *s)
{
	unsigned ways = 0;

	list_for(n, &s->transports) {
		struct sip_transport *tp = list_entry(n, struct sip_transport, link);

		if (!tp->leaving && is_behind_router(tp))
			ways |= conf_router(tp->conf->external_signaling_address) |
				conf_router(tp->conf->external_media_address);
	}
	sip_router_want(s, ways);
	list_for(n, &s->transports)
		if (!list_entry(n, struct sip_transport, link)->leaving)
			map_it(list_entry(n, struct sip_transport, link));
}

/* ---- watching ---- */

/* The mapping that a peer's requests come by closes when nobody sends: RFC 5626 4.4.1's double CRLF keeps it open. */
static void keep_open(struct sip_transport *tp)
{
	for (unsigned i = 0; i < NAT_WITNESSES; i++) {
		const struct nat_view *p = &tp->door.found.peers[i];
		struct flow f = { .sock = tp->sock, .listener = tp->sock, .proto = NET_UDP, .peer = p->by };

		if (p->by.family && p->as.port)
			tp->sip->c.net.send(tp->sip->c.net.arg, &f, SPAN("\r\n\r\n"));
	}
}

static void watch_now(struct sip_transport *tp, bool again)
{
	struct addr was = tp->door.found.address, own = tp->only_router ? (struct addr){ 0 } : way_out(tp);
	ms_t now = sip_now(tp->sip), every = tp->sip->dialogs.n ? WATCH : WATCH_IDLE;

	if (nat_external_own(&tp->door.found, &own))
		found(tp, &was);
	for (unsigned i = 0; i < tp->n_stun; i++)
		if (again || now - tp->stun[i].asked_at >= every)
			stun_ask(&tp->stun[i], again);
	if (now - tp->kept_at < WATCH_IDLE)
		return;
	tp->kept_at = now;
	keep_open(tp);
}

static void watch(struct timer *t, ms_t now UNUSED)
{
	struct sip_transport *tp = container_of(t, struct sip_transport, watch);

	sip_in(tp->sip, &tp->watch, WATCH);
	watch_now(tp, false);
}

/* What a literal or a name says is kept; that the world sees us elsewhere is worth a word, once. */
static void compare(struct sip_transport *tp, const char *option, const struct addr *set, const struct nat_view *seen)
{
	char a[ADDR_STRLEN], b[ADDR_STRLEN], c[ADDR_STRLEN];

	if (set->family == seen->as.family && !addr_ip_eq(set, &seen->as))
		trace(EV_NAT_DIFFERS, NULL, "%s: %s is %s, but %s sees us at %s; `%s=auto` would follow",
		      tp->conf->o.name, option, addr_ip_str(set, a), addr_str(&seen->by, b), addr_ip_str(&seen->as, c),
		      option);
}

static void compare_written(struct sip_transport *tp, const struct nat_view *seen)
{
	if (addr_class(&seen->by) != ADDR_GLOBAL || addr_ip_eq(&tp->door.seen, &seen->as))
		return;
	tp->door.seen = seen->as;
	compare(tp, "external_signaling_address", &tp->door.ext_signaling, seen);
	compare(tp, "external_media_address", &tp->door.ext_media, seen);
}

/* How the server that sent this response sees us (RFC 3261 18.2.1, RFC 3581 4). */
static bool seen_in(const struct sip_transport *tp, const struct sip_msg *m, struct addr *as)
{
	const struct sip_via *v = &m->via;

	if (!addr_parse_ip(v->received.n ? v->received : v->host, as) || as->family != tp->bound.family)
		return false;
	as->port = tp->proto == NET_UDP && v->has_rport ? v->rport : 0;
	return addr_class(as) != ADDR_LOOPBACK && addr_class(as) != ADDR_MULTICAST && !addr_is_any(as);
}

void sip_door_seen(struct sip *s, const struct flow *f, const struct sip_msg *m)
{
	struct sip_transport *tp = sip_transport_by_flow(s, f);
	struct nat_view seen = { .by = f->peer };
	struct addr was;

	if (!tp || nat_is_local(tp->conf, &f->peer) || !seen_in(tp, m, &seen.as))
		return;
	compare_written(tp, &seen);
	if (tp->only_router)
		return;
	was = tp->door.found.address;
	if (nat_external_peer(&tp->door.found, &seen.by, &seen.as) && is_automatic(tp))
		found(tp, &was);
	if (!is_automatic(tp)) /* noted for a reload that asks for it */
		return;
	if (nat_external_doubted(&tp->door.found))
		watch_now(tp, true);
}

/* ---- life ---- */

static void add_stun(struct sip_transport *tp, const char *value)
{
	struct sip_stun *st = &tp->stun[tp->n_stun];

	if (tp->proto != NET_UDP || tp->n_stun == NAT_STUNS || !conf_stun(value, st->host, &st->port))
		return;
	for (unsigned i = 0; i < tp->n_stun; i++)
		if (strcmp(tp->stun[i].host, st->host) == 0 && tp->stun[i].port == st->port)
			return;
	st->tp = tp;
	st->again.fire = stun_again;
	tp->n_stun++;
}

/* The server that an option names, else rtp.conf's. */
static void add_stun_of(struct sip_transport *tp, const char *external)
{
	if (strcmp(external, "auto") == 0)
		add_stun(tp, tp->snapshot->rtp.stunaddr);
	else if (!conf_router(external) && conf_is_automatic(external))
		add_stun(tp, external);
}

/* `pcp` and `upnp`: whatever else could tell is not believed. */
static bool asks_others(const char *external)
{
	return strcmp(external, "auto") == 0 || (!conf_router(external) && conf_is_automatic(external));
}

void sip_door_close(struct sip_transport *tp)
{
	sip_stop(tp->sip, &tp->refresh);
	sip_stop(tp->sip, &tp->watch);
	sip_stop(tp->sip, &tp->measure);
	sip_lookup_drop(tp->sip, tp);
	for (unsigned i = 0; i < tp->n_stun; i++) {
		sip_stop(tp->sip, &tp->stun[i].again);
		sip_lookup_drop(tp->sip, &tp->stun[i]);
	}
	tp->n_stun = 0;
}

void sip_door_open(struct sip_transport *tp)
{
	const struct conf_transport *t = tp->conf;
	bool before = is_automatic(tp);

	sip_door_close(tp); /* what the old names stand for is of no interest any more */
	tp->refresh.fire = refresh;
	tp->watch.fire = watch;
	tp->door.t = t;
	tp->door.auto_signaling = conf_is_automatic(t->external_signaling_address);
	tp->door.auto_media = conf_is_automatic(t->external_media_address);
	tp->only_router = is_automatic(tp) && !asks_others(t->external_signaling_address) &&
			  !asks_others(t->external_media_address);
	tp->door.seen = (struct addr){ 0 };
	memset(tp->stun, 0, sizeof tp->stun);
	tp->behave = (struct nat_behave){ 0 };
	ask_names(tp);
	add_stun_of(tp, t->external_signaling_address);
	add_stun_of(tp, t->external_media_address);
	if (!tp->n_stun)
		memset(tp->door.found.stun, 0, sizeof tp->door.found.stun);
	if (tp->only_router)
		memset(tp->door.found.peers, 0, sizeof tp->door.found.peers);
	if (!is_automatic(tp))
		return;
	if (!before)
		note(tp, &(struct addr){ 0 });
	sip_in(tp->sip, &tp->watch, WATCH);
	watch_now(tp, true);
	list_for(n, &tp->sip->transports)
		lend(list_entry(n, struct sip_transport, link));
}

void sip_on_network(void *arg)
{
	struct sip *s = arg;

	sip_dialogs_forget_source(s);
	sip_dns_forget_failures(s);
	sip_router_network(s);
	sip_door_ways(s);
	list_for(n, &s->transports) {
		struct sip_transport *tp = list_entry(n, struct sip_transport, link);

		if (is_automatic(tp))
			watch_now(tp, true);
		say(tp);
	}
	if (s->c.user.network)
		s->c.user.network(s->c.user.arg);
}
