/*
 * sip/locate.c: where a request for a URI goes (RFC 3263): NAPTR, then SRV, then A and AAAA, as far as the URI leaves
 * it open. Work is a list of lookups done in order; what a lookup finds is put right behind it, so that the order of
 * preference holds. Targets that failed lately come last.
 */
#include "sip/priv.h"

#include <stdlib.h>
#include <string.h>

#define WORK_MAX 40
#define DEAD_MAX 1024

enum work_kind { ASK_NAPTR, ASK_SRV, ASK_HOST };

struct work {
	enum work_kind kind;
	enum net_proto proto;
	enum dns_type type;
	uint16_t port;
	char name[256];
};

struct sip_locate {
	struct sip *sip;
	sip_located_fn *fn;
	void *arg;
	struct work work[WORK_MAX];
	size_t n_work, at;
	struct sip_target targets[SIP_TARGETS];
	size_t n_targets;
	char host[256];
	bool any_srv, calling, waiting;
	bool secure; /* sips: nothing but TLS will do */
};

struct dead_target {
	UT_hash_handle hh;
	struct list age;
	struct addr_key key;
	ms_t until;
};

/* ---- health ---- */

static struct dead_target *dead_find(struct sip *s, const struct sip_target *t)
{
	struct addr_key k = sip_addr_key(&t->addr, t->proto);
	struct dead_target *d;

	HASH_FIND(hh, s->dead, &k, sizeof k, d);
	return d;
}

static void dead_free(struct sip *s, struct dead_target *d)
{
	HASH_DEL(s->dead, d);
	list_del(&d->age);
	free(d);
}

void sip_target_dead(struct sip *s, const struct sip_target *t, ms_t for_ms)
{
	struct dead_target *d = dead_find(s, t);

	if (!d) {
		if (HASH_COUNT(s->dead) >= DEAD_MAX) /* the oldest is given another chance */
			dead_free(s, list_entry(s->dead_by_age.next, struct dead_target, age));
		d = xcalloc(1, sizeof *d);
		d->key = sip_addr_key(&t->addr, t->proto);
		HASH_ADD(hh, s->dead, key, sizeof d->key, d);
		list_init(&d->age);
	}
	list_del(&d->age);
	list_push(&s->dead_by_age, &d->age);
	d->until = sip_now(s) + for_ms;
}

void sip_target_alive(struct sip *s, const struct sip_target *t)
{
	struct dead_target *d = s->dead ? dead_find(s, t) : NULL;

	if (d)
		dead_free(s, d);
}

void sip_targets_free(struct sip *s)
{
	while (!list_empty(&s->dead_by_age))
		dead_free(s, list_entry(s->dead_by_age.next, struct dead_target, age));
}

static bool is_dead(struct sip *s, const struct sip_target *t)
{
	struct dead_target *d = s->dead ? dead_find(s, t) : NULL;

	if (d && d->until <= sip_now(s)) {
		sip_target_alive(s, t);
		d = NULL;
	}
	return d != NULL;
}

static void living_first(struct sip_locate *l)
{
	struct sip_target sorted[SIP_TARGETS];
	size_t n = 0;

	for (int dead = 0; dead < 2; dead++)
		for (size_t i = 0; i < l->n_targets; i++)
			if (is_dead(l->sip, &l->targets[i]) == (bool)dead)
				sorted[n++] = l->targets[i];
	memcpy(l->targets, sorted, n * sizeof sorted[0]);
}

/* ---- work ---- */

static void add_target(struct sip_locate *l, enum net_proto proto, struct addr a, uint16_t port)
{
	a.port = port ? port : sip_default_port(proto);
	for (size_t i = 0; i < l->n_targets; i++)
		if (l->targets[i].proto == proto && addr_eq(&l->targets[i].addr, &a))
			return;
	if (l->n_targets < SIP_TARGETS && sip_transport_has(l->sip, proto, a.family))
		l->targets[l->n_targets++] = (struct sip_target){ proto, a };
}

/* Puts work at `where`, before what is there. Returns the place after it. */
static size_t add_work(struct sip_locate *l, size_t where, const struct work *w)
{
	if (l->n_work == WORK_MAX)
		return where;
	memmove(&l->work[where + 1], &l->work[where], (l->n_work - where) * sizeof *w);
	l->work[where] = *w;
	l->n_work++;
	return where + 1;
}

static size_t add_host(struct sip_locate *l, size_t where, const char *name, enum net_proto proto, uint16_t port)
{
	struct work w = { .kind = ASK_HOST, .proto = proto, .port = port };
	struct addr ip;

	if (addr_parse_ip(span_of(name), &ip)) {
		add_target(l, proto, ip, port);
		return where;
	}
	span_copy(span_of(name), w.name, sizeof w.name);
	w.type = DNS_AAAA;
	if (sip_transport_has(l->sip, proto, 6))
		where = add_work(l, where, &w);
	w.type = DNS_A;
	if (sip_transport_has(l->sip, proto, 4))
		where = add_work(l, where, &w);
	return where;
}

static bool is_served(const struct sip *s, enum net_proto proto)
{
	return sip_transport_has(s, proto, 4) || sip_transport_has(s, proto, 6);
}

/* For a URI that leaves it open. */
static enum net_proto first_served(const struct sip *s)
{
	return is_served(s, NET_UDP) ? NET_UDP : is_served(s, NET_TCP) || !is_served(s, NET_TLS) ? NET_TCP : NET_TLS;
}

static size_t add_srv(struct sip_locate *l, size_t where, const char *host, enum net_proto proto)
{
	struct work w = { .kind = ASK_SRV, .proto = proto, .type = DNS_SRV };
	static const char *const services[] = {
		[NET_UDP] = "_sip._udp.", [NET_TCP] = "_sip._tcp.", [NET_TLS] = "_sips._tcp."
	};
	struct out o = out_fixed(w.name, sizeof w.name);

	if (!is_served(l->sip, proto))
		return where;
	out_all(&o, services[proto], host);
	out_char(&o, '\0');
	return out_done(&o) < 0 ? where : add_work(l, where, &w);
}

static int by_order(const void *a, const void *b)
{
	const struct dns_record *x = a, *y = b;

	return x->order != y->order ? x->order - y->order : x->preference - y->preference;
}

static bool is_sip_service(struct span service, enum net_proto *proto)
{
	*proto = span_iis(service, "SIP+D2U") ? NET_UDP : span_iis(service, "SIP+D2T") ? NET_TCP : NET_TLS;
	return *proto != NET_TLS || span_iis(service, "SIPS+D2T");
}

static void take_naptr(struct sip_locate *l, const struct sip_lookup_answer *a)
{
	size_t where = l->at, n = 0;
	struct dns_record rs[16];

	for (; n < a->n && n < ARRAY_LEN(rs); n++)
		rs[n] = a->rs[n];
	qsort(rs, n, sizeof rs[0], by_order);
	for (size_t i = 0; i < n; i++) {
		struct work w = { .kind = ASK_SRV, .type = DNS_SRV };

		if (!is_sip_service(span_of(rs[i].service), &w.proto) || !span_iis(span_of(rs[i].flags), "s"))
			continue;
		if (l->secure && w.proto != NET_TLS)
			continue;
		span_copy(span_of(rs[i].name), w.name, sizeof w.name);
		if (is_served(l->sip, w.proto))
			where = add_work(l, where, &w);
	}
	if (where != l->at)
		return;
	for (enum net_proto p = l->secure ? NET_TLS : NET_UDP; p <= NET_TLS; p++)
		where = add_srv(l, where, l->host, p);
}

/* RFC 2782: by priority; within one, at random by weight. Takes the next record out of rs. */
static struct dns_record take_next_srv(struct sip *s, struct dns_record *rs, size_t n)
{
	uint32_t total = 0, draw;
	uint16_t first = UINT16_MAX;
	size_t pick = 0;
	struct dns_record r;

	for (size_t i = 0; i < n; i++)
		first = MIN(first, rs[i].priority);
	for (size_t i = 0; i < n; i++)
		total += rs[i].priority == first ? rs[i].weight + 1u : 0;
	draw = rng_below(&s->c.clock->rng, total);
	for (size_t i = 0; i < n; i++) {
		if (rs[i].priority != first)
			continue;
		pick = i;
		if (draw < rs[i].weight + 1u)
			break;
		draw -= rs[i].weight + 1u;
	}
	r = rs[pick];
	rs[pick] = rs[n - 1];
	return r;
}

static void take_srv(struct sip_locate *l, const struct work *w, const struct sip_lookup_answer *a)
{
	size_t where = l->at, n = 0;
	struct dns_record rs[16];

	for (; n < a->n && n < ARRAY_LEN(rs); n++)
		rs[n] = a->rs[n];
	for (; n; n--) {
		struct dns_record r = take_next_srv(l->sip, rs, n);

		l->any_srv = true;
		if (r.name[0] && strcmp(r.name, ".") != 0)
			where = add_host(l, where, r.name, w->proto, r.port);
	}
}

static bool run(struct sip_locate *l);

static void answered(void *arg, const struct sip_lookup_answer *a)
{
	struct sip_locate *l = arg;
	struct work w = l->work[l->at++];

	if (w.kind == ASK_NAPTR)
		take_naptr(l, a);
	else if (w.kind == ASK_SRV)
		take_srv(l, &w, a);
	else
		for (size_t i = 0; i < a->n; i++)
			add_target(l, w.proto, a->rs[i].addr, w.port);
	l->waiting = false;
	if (!l->calling)
		run(l);
}

static void finish(struct sip_locate *l, const char *why)
{
	living_first(l);
	l->fn(l->arg, l->targets, l->n_targets, l->n_targets ? NULL : why);
	free(l);
}

/* No SRV record at all: the host's own addresses, by UDP (or what else is served) to 5060; TLS: to 5061. */
static void fall_back_to_host(struct sip_locate *l)
{
	enum net_proto proto = l->secure ? NET_TLS : first_served(l->sip);

	l->any_srv = true;
	add_host(l, l->n_work, l->host, l->work[0].kind == ASK_SRV ? l->work[0].proto : proto, 0);
}

/* Goes on until a lookup has to wait (true), or there is nothing more to do and the caller was told (false). */
static bool run(struct sip_locate *l)
{
	for (;;) {
		if (l->at == l->n_work && !l->any_srv && l->n_work && l->work[0].kind != ASK_HOST)
			fall_back_to_host(l);
		if (l->at == l->n_work || l->n_targets == SIP_TARGETS)
			break;
		l->calling = l->waiting = true;
		sip_lookup(l->sip, l->work[l->at].name, l->work[l->at].type, answered, l);
		l->calling = false;
		if (l->waiting)
			return true;
	}
	finish(l, "the name has no address that a transport can reach");
	return false;
}

/* What the URI says of the protocol (RFC 3261 19.1.1; sips: and transport=tcp is TLS, too). False: one that nobody
 * serves. */
static bool proto_of(const struct sip_uri *u, enum net_proto *proto, bool *given)
{
	struct span transport = SPAN_NONE;

	*given = sip_param(u->params, "transport", &transport) || u->secure;
	*proto = u->secure || span_iis(transport, "tls") ? NET_TLS : span_iis(transport, "tcp") ? NET_TCP : NET_UDP;
	if (u->secure)
		return !transport.n || span_iis(transport, "tls") || span_iis(transport, "tcp");
	return *proto != NET_UDP || !*given || span_iis(transport, "udp");
}

static const char *plan(struct sip_locate *l, const struct sip_uri *u)
{
	struct span host = u->host, maddr;
	enum net_proto proto;
	bool given;
	struct work naptr = { .kind = ASK_NAPTR, .type = DNS_NAPTR };
	struct addr ip;

	if (!u->is_sip || !proto_of(u, &proto, &given))
		return "the URI needs a transport that is not served";
	if (sip_param(u->params, "maddr", &maddr))
		host = maddr;
	if (!given)
		proto = first_served(l->sip);
	l->secure = u->secure;
	if (addr_parse_ip(host, &ip)) {
		add_target(l, proto, ip, u->port);
		return NULL;
	}
	if (!span_copy(host, l->host, sizeof l->host))
		return "the host name is too long";
	if (u->port)
		add_host(l, 0, l->host, proto, u->port);
	else if (given && !u->secure)
		add_srv(l, 0, l->host, proto);
	else if (span_copy(host, naptr.name, sizeof naptr.name))
		add_work(l, 0, &naptr);
	return NULL;
}

/* The common case: an address in numbers needs no lookup, and nothing to remember. */
static bool is_numeric(struct sip *s, const struct sip_uri *u, struct sip_target *t)
{
	struct span maddr;
	bool given;

	if (!u->is_sip || !proto_of(u, &t->proto, &given) || sip_param(u->params, "maddr", &maddr) ||
	    !addr_parse_ip(u->host, &t->addr))
		return false;
	t->addr.port = u->port ? u->port : sip_default_port(t->proto);
	return sip_transport_has(s, t->proto, t->addr.family);
}

struct sip_locate *sip_locate(struct sip *s, const struct sip_uri *u, sip_located_fn *fn, void *arg)
{
	struct sip_locate *l;
	struct sip_target one;
	const char *why;

	if (is_numeric(s, u, &one)) {
		fn(arg, &one, 1, NULL);
		return NULL;
	}
	l = xcalloc(1, sizeof *l);
	l->sip = s;
	l->fn = fn;
	l->arg = arg;
	why = plan(l, u);
	if (why || !l->n_work) {
		finish(l, why ? why : "no transport reaches this address");
		return NULL;
	}
	return run(l) ? l : NULL;
}

void sip_locate_drop(struct sip_locate *l)
{
	if (!l)
		return;
	sip_lookup_drop(l->sip, l);
	free(l);
}
