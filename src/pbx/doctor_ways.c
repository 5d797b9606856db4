/* pbx/doctor_ways.c: how what we send leaves this host, for the doctor: by which interface, from which address. */
#include <stdlib.h>
#include <string.h>

#include "pbx/priv.h"

#define WAYS  64
#define ASKED 256 /* networks of peers that the system is asked about: it may know of a million contacts */
#define NAMES 16

struct asked {
	const struct conf_transport *t;
	struct addr net;
};
struct ways {
	struct pbx *p;
	struct way_facts *v;
	struct asked asked[ASKED];
	size_t n, n_asked;
};

/* The written one, else the first that such packets can leave by; NULL: none. */
static const struct conf_transport *transport_for(const struct conf *c, const struct conf_transport *written,
						  const struct addr *to)
{
	if (written)
		return written->bind.family == to->family ? written : NULL;
	for (size_t i = 0; i < c->n_transports; i++)
		if (c->transports[i].bind.family == to->family)
			return &c->transports[i];
	return NULL;
}

/* Has its neighbourhood been asked about? Else it has now. */
static bool was_asked(struct ways *w, const struct conf_transport *t, const struct addr *to)
{
	struct addr net = addr_with_port(to, 0);
	size_t bytes = to->family == 6 ? 8 : 3;

	memset(net.ip + bytes, 0, sizeof net.ip - bytes);
	for (size_t i = 0; i < w->n_asked; i++)
		if (w->asked[i].t == t && addr_eq(&w->asked[i].net, &net))
			return true;
	if (w->n_asked < ASKED)
		w->asked[w->n_asked++] = (struct asked){ t, net };
	return w->n_asked == ASKED;
}

static bool is_same(const struct way_facts *a, const struct way_facts *b)
{
	return a->t == b->t && a->none == b->none && a->r.len == b->r.len && a->r.beside == b->r.beside &&
	       addr_eq(&a->r.net, &b->r.net) && addr_eq(&a->r.via, &b->r.via) && strcmp(a->r.dev, b->r.dev) == 0;
}

/* o: who is there; NULL: the world. What goes the way of the world is not said again. */
static void add(struct ways *w, const struct conf_transport *t, const struct conf_obj *o, const struct addr *to)
{
	const struct net *net = &w->p->cfg.net;
	struct way_facts f = { .t = t, .o = o, .to = *to };
	struct addr bound = addr_is_any(&t->bind) ? (struct addr){ 0 } : t->bind;
	struct net_route free_way;

	f.none = !net->route(net->arg, to, &bound, &f.r);
	if (o && !f.none && !f.r.len && !f.r.beside)
		return;
	if (f.r.beside && net->route(net->arg, to, &(struct addr){ 0 }, &free_way))
		f.better = free_way.from;
	for (size_t i = 0; i < w->n; i++)
		if (o && w->v[i].o && is_same(&w->v[i], &f))
			return;
	if (w->n < WAYS)
		w->v[w->n++] = f;
}

static void add_peer(struct ways *w, const struct conf_transport *written, const struct conf_obj *o,
		     const struct addr *to)
{
	const struct conf_transport *t = transport_for(w->p->conf, written, to);

	if (t && !addr_is_any(to) && !was_asked(w, t, to))
		add(w, t, o, to);
}

static void add_host(struct ways *w, const struct conf_transport *written, const struct conf_obj *o, const char *uri)
{
	struct addr known[NAMES];
	struct sip_uri u;
	char *name;
	size_t n;

	if (!sip_uri_parse(span_of(uri), &u))
		return;
	if (addr_parse_ip(u.host, &known[0])) {
		add_peer(w, written, o, &known[0]);
		return;
	}
	name = span_dup(u.host);
	n = sip_known(w->p->sip, name, known, NAMES);
	free(name);
	for (size_t i = 0; i < n; i++)
		add_peer(w, written, o, &known[i]);
}

static void add_contact(struct ways *w, const struct contact *c)
{
	const struct conf_endpoint *ep = contact_endpoint(c);
	const struct conf_transport *t = ep ? ep->transport : NULL;
	const struct conf_obj *o = ep ? &ep->o : &c->aor->conf->o;

	if (ep && *ep->outbound_proxy)
		add_host(w, t, o, ep->outbound_proxy);
	else if (c->source.family)
		add_peer(w, t, o, &c->source);
	else
		add_host(w, t, o, c->uri);
}

size_t ways_gather(struct pbx *p, struct way_facts **list)
{
	const struct conf *c = p->conf;
	struct ways w = { .p = p };

	*list = NULL;
	if (!p->cfg.net.route)
		return 0;
	w.v = *list = xcalloc(WAYS, sizeof w.v[0]);
	for (size_t i = 0; i < c->n_transports; i++) {
		struct addr world;

		addr_parse_ip(c->transports[i].bind.family == 6 ? SPAN("2000::1") : SPAN("192.0.0.1"), &world);
		add(&w, &c->transports[i], NULL, &world);
	}
	for (size_t i = 0; i < c->n_registrations; i++) {
		const struct conf_registration *r = &c->registrations[i];

		add_host(&w, r->transport, &r->o, *r->outbound_proxy ? r->outbound_proxy : r->server_uri);
	}
	aor_for(a, p)
		list_for(l, &a->contacts)
			add_contact(&w, list_entry(l, struct contact, link));
	return w.n;
}
