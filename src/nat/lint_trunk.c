/* nat/lint_trunk.c: rules of trunks: registrations and their transports, credentials, who is identified as whom. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nat/nat.h"
#include "nat/priv.h"

/* ---- who is outside although local_net says otherwise ---- */

/* A public address, not of the host's own networks, that a transport with external_* takes for local. */
static void outside(struct rules *r, const struct conf_endpoint *ep, const struct addr *a, const struct says *at)
{
	const struct conf_transport *t;
	char ip[ADDR_STRLEN];

	if (addr_class(a) != ADDR_GLOBAL || host_net_with(r, a))
		return;
	for (size_t i = 0; (t = transport_nth(r, ep, i)); i++)
		if (has_external(t) && nat_is_local(t, a)) {
			say(r, at, addr_ip_str(a, ip), t->o.name, NULL);
			return;
		}
}

static void outside_uri(struct rules *r, const struct conf_endpoint *ep, const char *uri, const struct says *at)
{
	struct addr a;

	if (addr_parse_ip(uri_host(uri), &a))
		outside(r, ep, &a, at);
}

/* ---- identify ---- */

struct matched { /* one item of match= */
	const struct net_rule *rule;
	const struct conf_identify *id;
};

/* By address, wider networks first: what covers an item stands before it. */
static int cmp_matched(const void *a, const void *b)
{
	const struct net_rule *x = ((const struct matched *)a)->rule, *y = ((const struct matched *)b)->rule;
	int d = x->net.family != y->net.family ? x->net.family - y->net.family
					       : memcmp(x->net.ip, y->net.ip, sizeof x->net.ip);

	return d ? d : x->len - y->len;
}

static bool share(const struct matched *wide, const struct matched *m)
{
	struct addr a = m->rule->net;

	a.port = a.port ? a.port : wide->rule->net.port;
	return net_rule_covers(wide->rule, &a);
}

/* The items of every section, into v unless it is NULL. Where a header or a URI decides, too, nothing is compared. */
static size_t collect(struct rules *r, struct matched *v)
{
	size_t n = 0;

	for (size_t i = 0; i < r->c->n_identifies; i++) {
		const struct conf_identify *id = &r->c->identifies[i];
		size_t count = id->match_header.n || id->match_request_uri.n ? 0 : id->match.n;

		for (size_t k = 0; k < count; k++, n++)
			if (v)
				v[n] = (struct matched){ &id->match.rules[k], id };
	}
	return n;
}

static void overlaps(struct rules *r)
{
	size_t n = collect(r, NULL), depth = 0;
	struct matched *v = xcalloc(n + 1, sizeof *v);
	const struct matched **open = xcalloc(n + 1, sizeof *open);

	collect(r, v);
	qsort(v, n, sizeof *v, cmp_matched);
	for (size_t i = 0; i < n; i++) {
		const struct matched *wide;
		char text[RULE_STRLEN];

		if (v[i].rule->negate)
			continue;
		while (depth && !share(open[depth - 1], &v[i]))
			depth--;
		wide = depth ? open[depth - 1] : NULL;
		if (wide && wide->id->endpoint != v[i].id->endpoint)
			say(r, &(struct says){ NAT017, &v[i].id->o, "match" }, rule_str(v[i].rule, text),
			    wide->id->o.name, wide->id->endpoint->o.name, NULL);
		open[depth++] = &v[i];
	}
	free(open);
	free(v);
}

/* ---- registrations ---- */

static bool same_auth(const struct conf_registration *reg, const struct conf_endpoint *ep)
{
	for (size_t i = 0; i < reg->n_outbound_auth; i++)
		for (size_t k = 0; k < ep->n_outbound_auth; k++)
			if (reg->outbound_auth[i] == ep->outbound_auth[k])
				return true;
	return false;
}

/* The endpoint of the same trunk: named, or with the same credentials. */
static const struct conf_endpoint *trunk_of(struct rules *r, const struct conf_registration *reg)
{
	for (size_t i = 0; i < r->c->n_endpoints && !reg->endpoint; i++)
		if (same_auth(reg, &r->c->endpoints[i]))
			return &r->c->endpoints[i];
	return reg->endpoint;
}

/* How many UDP transports of IPv4; the first of them. */
static size_t count_udp(struct rules *r, const struct conf_transport **first)
{
	size_t n = 0;

	for (size_t i = r->c->n_transports; i-- > 0;) {
		const struct conf_transport *t = &r->c->transports[i];

		if (t->protocol == PROTO_UDP && t->bind.family == 4) {
			*first = t;
			n++;
		}
	}
	return n;
}

static bool goes_by_udp(const char *uri)
{
	struct span s = span_of(uri);

	return !span_istarts(s, SPAN("sips:")) && span_find(s, SPAN("transport=")) < 0;
}

static void one_transport(struct rules *r, const struct conf_registration *reg)
{
	const struct conf_endpoint *ep = trunk_of(r, reg);
	const struct conf_transport *first = NULL;
	char many[32];
	size_t n = count_udp(r, &first);

	snprintf(many, sizeof many, "%zu", n);
	if (!reg->transport && n > 1 && goes_by_udp(reg->server_uri)) {
		const char *name = ep && ep->transport ? ep->transport->o.name : NULL;

		say(r, &(struct says){ NAT007, &reg->o, NULL, name ? "transport" : NULL, name }, reg->o.name, many,
		    name ? name : first->o.name, NULL);
	} else if (reg->transport && ep && ep->transport != reg->transport && (ep->transport || n > 1)) {
		say(r, &(struct says){ NAT007, &ep->o, "transport", "transport", reg->transport->o.name }, ep->o.name,
		    many, reg->transport->o.name, NULL);
	}
}

static void realms(struct rules *r, const struct conf_registration *reg)
{
	struct span host = uri_host(reg->server_uri), domain = uri_host(reg->client_uri);
	char *server = span_dup(host);

	for (size_t i = 0; i < reg->n_outbound_auth; i++) {
		const struct conf_auth *a = reg->outbound_auth[i];

		if (*a->realm && !span_iis(host, a->realm) && !span_iis(domain, a->realm))
			say(r, &(struct says){ NAT020, &a->o, "realm" }, a->o.name, a->realm, reg->o.name, server,
			    NULL);
	}
	free(server);
}

static void gives_up(struct rules *r, const struct conf_registration *reg)
{
	uint64_t s = (uint64_t)reg->max_retries * reg->retry_interval;
	char times[16], minutes[24];

	if (!reg->retry_interval) {
		say(r, &(struct says){ NAT044, &reg->o, "retry_interval", "retry_interval", "60" }, reg->o.name, NULL);
	} else if (s < 86400) {
		snprintf(times, sizeof times, "%u", reg->max_retries);
		snprintf(minutes, sizeof minutes, "%llu", (unsigned long long)(s / 60));
		say(r,
		    &(struct says){ NAT043, &reg->o, "max_retries", "max_retries", "1000000",
				    .written = conf_written(&reg->o, "registration", "max_retries") },
		    reg->o.name, times, minutes, NULL);
	}
}

void lint_trunks(struct rules *r)
{
	overlaps(r);
	for (size_t i = 0; i < r->c->n_identifies; i++) {
		const struct conf_identify *id = &r->c->identifies[i];

		for (size_t k = 0; k < id->match.n; k++)
			if (!id->match.rules[k].negate)
				outside(r, id->endpoint, &id->match.rules[k].net,
					&(struct says){ NAT003, &id->o, "match" });
	}
	for (size_t i = 0; i < r->c->n_registrations; i++) {
		const struct conf_registration *reg = &r->c->registrations[i];
		struct conf_endpoint by = { .transport = reg->transport };

		outside_uri(r, &by, reg->server_uri, &(struct says){ NAT003, &reg->o, "server_uri" });
		one_transport(r, reg);
		realms(r, reg);
		gives_up(r, reg);
	}
	for (size_t i = 0; i < r->c->n_endpoints; i++) {
		const struct conf_endpoint *ep = &r->c->endpoints[i];

		for (size_t k = 0; k < ep->n_aors; k++)
			for (size_t j = 0; j < ep->aors[k]->contact.n; j++)
				outside_uri(r, ep, ep->aors[k]->contact.v[j],
					    &(struct says){ NAT003, &ep->aors[k]->o, "contact" });
	}
}
