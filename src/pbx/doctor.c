/* pbx/doctor.c: the facts of the whole server, gathered for nat/doctor_server.c. */
#include <stdlib.h>
#include <string.h>

#include "pbx/priv.h"

#define STRANGERS 64 /* the rest is one storm */
#define NAMES     16 /* addresses of a provider's name */

struct gathered {
	struct pbx *p;
	struct server_facts s;
	struct lint_host host[32];
	struct transport_facts *transports;
	struct phone_facts *phones;
	struct trunk_facts *trunks;
	struct stranger_facts strangers[STRANGERS];
	struct name_facts names[STRANGERS];
	struct way_facts *ways;
};

/* ---- transports ---- */

static void take_transports(struct gathered *g)
{
	const struct conf *c = g->p->conf;
	struct sip_transport_info t;

	g->transports = xcalloc(c->n_transports + 1, sizeof g->transports[0]);
	for (size_t i = 0; i < c->n_transports; i++) {
		struct transport_facts *f = &g->transports[g->s.n_transports++];

		f->t = &c->transports[i];
		for (unsigned n = 0; sip_transport_nth(g->p->sip, n, &t); n++)
			if (strcmp(t.conf->o.name, f->t->o.name) == 0) {
				f->door = t.door;
				f->bound = t.bound;
			}
	}
}

/* ---- contacts ---- */

/* A channel's messages come from the contact's address. */
static bool talks(const struct pbx *p, const struct contact *c)
{
	struct sip_uri u;
	struct addr at;

	if (c->status != CONTACT_UNAVAIL || !sip_uri_parse(span_of(c->uri), &u) || !addr_parse_ip(u.host, &at))
		return false;
	at.port = u.port ? u.port : 5060;
	list_for(l, &p->chans) {
		const struct chan *ch = list_entry(l, struct chan, link);

		if (!ch->gone && ch->state == CHAN_UP && addr_eq(&ch->peer, &at))
			return true;
	}
	return false;
}

static void take_phones(struct gathered *g)
{
	size_t n = 0;

	aor_for(a, g->p)
		list_for(l, &a->contacts)
			n++;
	g->phones = xcalloc(n + 1, sizeof g->phones[0]);
	aor_for(a, g->p)
		list_for(l, &a->contacts) {
			const struct contact *c = list_entry(l, struct contact, link);
			g->phones[g->s.n_phones++] = (struct phone_facts){ .ep = contact_endpoint(c),
									   .aor = a->conf,
									   .uri = c->uri,
									   .source = c->source,
									   .is_static = c->is_static,
									   .talks = talks(g->p, c),
									   .behind_nat = c->orig_host[0] != '\0',
									   .unavailable = c->status == CONTACT_UNAVAIL,
									   .rtt_ms = c->rtt_ms };
		}
}

/* ---- providers ---- */

static void take_trunk(void *arg, const struct pbx_registration_info *i)
{
	struct gathered *g = arg;

	g->trunks[g->s.n_trunks++] =
		(struct trunk_facts){ .r = i->conf,
				      .up = strcmp(i->state, "Registered") == 0,
				      .gave_up = strcmp(i->state, "Rejected") == 0 && i->next_ms < 0,
				      .why = i->why };
}

/* The identify section of an endpoint that has one. */
static const struct conf_identify *identify_of(const struct conf *c, const struct conf_endpoint *ep)
{
	for (size_t i = 0; i < c->n_identifies; i++)
		if (c->identifies[i].endpoint == ep)
			return &c->identifies[i];
	return NULL;
}

static bool has_address(struct gathered *g, struct span host, const struct addr *a)
{
	struct addr known[NAMES];
	char *name = span_dup(host);
	size_t n = sip_known(g->p->sip, name, known, NAMES);

	free(name);
	while (n-- > 0)
		if (addr_ip_eq(&known[n], a))
			return true;
	return false;
}

/* The contact that is written for an AOR and whose host has this address, or NULL. */
static const char *contact_at(struct gathered *g, const struct conf_aor *a, const struct addr *from)
{
	struct sip_uri u;

	for (size_t k = 0; k < a->contact.n; k++)
		if (sip_uri_parse(span_of(a->contact.v[k]), &u) && has_address(g, u.host, from))
			return a->contact.v[k];
	return NULL;
}

/* Is it one of our trunks, by an address that its identify section does not list? */
static void know(struct gathered *g, struct stranger_facts *f)
{
	const struct conf *c = g->p->conf;

	for (size_t e = 0; e < c->n_endpoints && !f->name; e++) {
		const struct conf_endpoint *ep = &c->endpoints[e];

		f->of = identify_of(c, ep);
		for (size_t i = 0; f->of && i < ep->n_aors && !f->name; i++)
			f->name = contact_at(g, ep->aors[i], &f->from);
	}
}

static void take_stranger(void *arg, const struct addr *from, unsigned requests)
{
	struct gathered *g = arg;
	struct stranger_facts *f = &g->strangers[g->s.n_strangers];

	if (g->s.n_strangers == STRANGERS)
		return;
	*f = (struct stranger_facts){ .from = *from, .requests = requests };
	know(g, f);
	g->s.n_strangers += f->name != NULL;
}

static void take_name(void *arg, const struct conf_identify *of, const char *name)
{
	struct gathered *g = arg;

	if (g->s.n_names < STRANGERS)
		g->names[g->s.n_names++] = (struct name_facts){ of, name };
}

/* ---- all ---- */

void pbx_doctor(struct pbx *p, pbx_doctor_fn *tell, void *arg)
{
	struct gathered *g = xcalloc(1, sizeof *g);
	struct lint findings = { 0 };

	g->p = p;
	g->s.conf = p->conf;
	g->s.host = g->host;
	if (p->cfg.hosts)
		g->s.n_host = p->cfg.hosts(p->cfg.arg, g->host, ARRAY_LEN(g->host));
	take_transports(g);
	take_phones(g);
	g->trunks = xcalloc(p->conf->n_registrations + 1, sizeof g->trunks[0]);
	pbx_each_registration(p, take_trunk, g);
	each_stranger(p, take_stranger, g);
	g->s.transports = g->transports;
	g->s.phones = g->phones;
	g->s.trunks = g->trunks;
	g->s.strangers = g->strangers;
	each_nameless(p, take_name, g);
	g->s.names = g->names;
	g->s.n_ways = ways_gather(p, &g->ways);
	g->s.ways = g->ways;
	records_tally(p, &g->s.calls);
	doctor_server(&g->s, &findings);
	tell(arg, &g->s, &findings);
	lint_free(&findings);
	free(g->transports);
	free(g->phones);
	free(g->trunks);
	free(g->ways);
	free(g);
}
