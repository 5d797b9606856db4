/*
 * sim/lab_read.c: what a configuration says of its surroundings: which endpoints are phones, which are trunks, where
 * the server thinks it is. Phones are those whose AOR takes registrations; trunks those that it dials at a fixed
 * contact, knows by address, or registers at.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sim/lab_priv.h"

/* ---- phones ---- */

static const struct conf_aor *registering_aor(const struct conf_endpoint *e)
{
	for (size_t i = 0; i < e->n_aors; i++)
		if (e->aors[i]->max_contacts && !e->aors[i]->contact.n)
			return e->aors[i];
	return NULL;
}

static bool has_password(const struct conf_auth *a)
{
	return a->auth_type == AUTH_USERPASS;
}

/* The options that decide how calls through NAT end: phones that agree in them behave the same. */
static bool same_kind(const struct lab_phone *a, const struct lab_phone *b)
{
	const struct conf_endpoint *x = a->ep, *y = b->ep;

	return x->transport == y->transport && x->rtp_symmetric == y->rtp_symmetric &&
	       x->force_rport == y->force_rport && x->rewrite_contact == y->rewrite_contact &&
	       x->rewrite_if_nat == y->rewrite_if_nat && x->rtp_ipv6 == y->rtp_ipv6 &&
	       strcmp(x->context, y->context) == 0 && strcmp(x->media_address, y->media_address) == 0 &&
	       x->direct_media == y->direct_media && a->aor->qualify_frequency == b->aor->qualify_frequency &&
	       a->aor->keep_open == b->aor->keep_open && a->aor->max_contacts == b->aor->max_contacts &&
	       a->aor->remove_existing == b->aor->remove_existing && !a->auth == !b->auth;
}

static void add_phone(struct lab *l, const struct conf_endpoint *e, const struct conf_aor *aor)
{
	struct lab_phone p = { .ep = e, .aor = aor };

	for (size_t i = 0; i < e->codecs.n; i++)
		if (e->codecs.id[i] == CODEC_ULAW || e->codecs.id[i] == CODEC_ALAW)
			snprintf(p.codecs + strlen(p.codecs), sizeof p.codecs - strlen(p.codecs), "%s%s",
				 p.codecs[0] ? "," : "", e->codecs.id[i] == CODEC_ULAW ? "ulaw" : "alaw");
	for (size_t i = 0; i < e->n_auth && !p.auth; i++)
		if (has_password(e->auth[i]))
			p.auth = e->auth[i];
	if ((e->n_auth && !p.auth) || !p.codecs[0]) {
		l->left_out++;
		return;
	}
	for (size_t i = 0; i < l->n_phones; i++) {
		if (!same_kind(&l->phones[i], &p))
			continue;
		l->phones[i].like++;
		if (!l->spare.ep)
			l->spare = p;
		return;
	}
	if (l->n_phones < LAB_PHONES)
		l->phones[l->n_phones++] = p;
	else
		l->left_out++;
}

/* ---- trunks ---- */

static void add_name(struct out *names, struct lab_trunk *t, struct span host)
{
	struct addr a;

	if (!host.n)
		return;
	if (!addr_parse_ip(host, &a)) {
		if (span_find(out_look(names), host) < 0)
			out_fmt(names, "%s%.*s", names->n ? " " : "", SP(host));
	} else if (!t->provider.family && a.family == 4) {
		t->provider = addr_with_port(&a, 0);
	}
}

static void add_uri(struct out *names, struct lab_trunk *t, const char *text)
{
	struct sip_uri u;

	if (sip_uri_parse(span_of(text), &u))
		add_name(names, t, u.host);
}

/* The registration that belongs to the endpoint: by line=, or because both use the same credentials or server. */
static bool belongs(const struct conf_registration *r, const struct conf_endpoint *e, const struct conf_aor *aor)
{
	struct sip_uri server, contact;

	if (r->endpoint)
		return r->endpoint == e;
	if (r->n_outbound_auth && e->n_outbound_auth && r->outbound_auth[0] == e->outbound_auth[0])
		return true;
	return aor && aor->contact.n && sip_uri_parse(span_of(r->server_uri), &server) &&
	       sip_uri_parse(span_of(aor->contact.v[0]), &contact) && span_ieq(server.host, contact.host);
}

static void take_identify(const struct lab *l, struct lab_trunk *t, struct out *names)
{
	struct addr literal = { 0 };

	for (size_t i = 0; i < l->conf->n_identifies; i++) {
		const struct conf_identify *id = &l->conf->identifies[i];

		if (id->endpoint != t->ep)
			continue;
		for (size_t j = 0; j < id->match_names.n; j++)
			add_name(names, t, span_of(id->match_names.v[j]));
		for (size_t j = 0; j < id->match.n && !literal.family; j++) {
			const struct net_rule *r = &id->match.rules[j];

			if (r->negate || r->net.family != 4)
				continue;
			literal = r->net;
			literal.ip[3] = (uint8_t)(literal.ip[3] + (r->len < 31)); /* a host of the network */
		}
	}
	if (literal.family && !t->provider.family)
		t->provider = addr_with_port(&literal, 0);
}

static const struct conf_auth *password_of(const struct conf_auth **auths, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (has_password(auths[i]))
			return auths[i];
	return NULL;
}

static void add_trunk(struct lab *l, const struct conf_endpoint *e)
{
	struct lab_trunk *t = &l->trunks[l->n_trunks];
	struct out names = out_growing();
	struct sip_uri client;

	*t = (struct lab_trunk){ .ep = e, .aor = e->n_aors ? e->aors[0] : NULL };
	for (size_t i = 0; i < l->conf->n_registrations && !t->reg; i++)
		if (belongs(&l->conf->registrations[i], e, t->aor))
			t->reg = &l->conf->registrations[i];
	for (size_t i = 0; t->aor && i < t->aor->contact.n; i++)
		add_uri(&names, t, t->aor->contact.v[i]);
	if (t->reg) {
		add_uri(&names, t, t->reg->server_uri);
		add_uri(&names, t, t->reg->client_uri);
		t->auth = password_of(t->reg->outbound_auth, t->reg->n_outbound_auth);
		if (sip_uri_parse(span_of(t->reg->client_uri), &client))
			t->user = span_dup(client.user);
	}
	if (!t->auth)
		t->auth = password_of(e->outbound_auth, e->n_outbound_auth);
	take_identify(l, t, &names);
	t->names = out_take(&names);
	l->n_trunks++;
}

static bool is_trunk(const struct lab *l, const struct conf_endpoint *e)
{
	for (size_t i = 0; i < e->n_aors; i++)
		if (e->aors[i]->contact.n)
			return true;
	for (size_t i = 0; i < l->conf->n_identifies; i++)
		if (l->conf->identifies[i].endpoint == e)
			return true;
	for (size_t i = 0; i < l->conf->n_registrations; i++)
		if (l->conf->registrations[i].endpoint == e)
			return true;
	return false;
}

/* ---- surroundings ---- */

/* 10.20.0.0/24 → 10.20.0.10: an address for the server in the first private network that local_net names. */
static struct addr host_of(const struct net_list *local)
{
	for (size_t i = 0; i < local->n; i++) {
		const struct net_rule *r = &local->rules[i];
		struct addr a = r->net;

		if (r->negate || a.family != 4 || r->len > 27 || addr_class(&a) == ADDR_LOOPBACK)
			continue;
		a.ip[3] = (uint8_t)(a.ip[3] + 10);
		return a;
	}
	return (struct addr){ 0 };
}

/* The server is there, at its address or by its name. */
static void take_stun(struct lab *l, const char *text)
{
	char host[256];
	uint16_t port;

	if (!conf_stun(text, host, &port) || l->ground.stun.port)
		return;
	if (!addr_parse_ip(span_of(host), &l->ground.stun)) {
		addr_parse_ip(SPAN(GROUND_STUN), &l->ground.stun);
		l->stun_name = xstrdup(host);
	}
	l->ground.stun.port = port;
}

static void take_external(struct lab *l, const char *text, struct out *names)
{
	struct addr a;

	if (!text[0])
		return;
	if (strcmp(text, "pcp") == 0 || strcmp(text, "upnp") == 0) {
		l->ground.router = text[0] == 'p' ? SIM_PCP : SIM_UPNP;
		return;
	}
	if (conf_is_automatic(text)) {
		take_stun(l, strcmp(text, "auto") == 0 ? l->conf->rtp.stunaddr : text);
		return;
	}
	l->external_written = true;
	if (!addr_parse_ip(span_of(text), &a))
		out_fmt(names, " %s", text);
	else if (!l->ground.external.family)
		l->ground.external = addr_with_port(&a, 0);
}

static void take_surroundings(struct lab *l)
{
	struct out names = out_growing();
	bool udp = false, tcp = false;

	for (size_t i = 0; i < l->conf->n_transports; i++) {
		const struct conf_transport *t = &l->conf->transports[i];

		l->v6 |= t->bind.family == 6;
		if (t->bind.family != 4)
			continue;
		if (!l->ground.sip_port || (!udp && t->protocol == PROTO_UDP) ||
		    (!udp && !tcp && t->protocol == PROTO_TCP))
			l->ground.sip_port = t->bind.port;
		udp |= t->protocol == PROTO_UDP;
		tcp |= t->protocol == PROTO_TCP;
		if (!addr_is_any(&t->bind) && !l->bound.family)
			l->ground.lan = l->bound = addr_with_port(&t->bind, 0);
		if (!l->ground.lan.family)
			l->ground.lan = host_of(&t->local_net);
		take_external(l, t->external_media_address, &names);
		take_external(l, t->external_signaling_address, &names);
		take_external(l, t->external_signaling_hostname, &names);
	}
	l->ground.timeout = LAB_TIMEOUT;
	l->by = udp ? BY_UDP : BY_TCP;
	l->tls = !udp && !tcp;
	l->external_names = out_take(&names);
	l->ground.rtp_first = (uint16_t)l->conf->rtp.rtpstart;
	l->ground.rtp_last = (uint16_t)l->conf->rtp.rtpend;
}

/* A Wednesday, half past ten: offices are open. */
static int64_t office_hour(void)
{
	struct tm tm = { .tm_year = 126, .tm_mday = 7, .tm_hour = 10, .tm_min = 30, .tm_isdst = -1 };

	return (int64_t)mktime(&tm) * 1000;
}

bool lab_read(struct lab *l, struct diag *why)
{
	for (size_t i = 0; i < l->conf->n_endpoints; i++) {
		const struct conf_endpoint *e = &l->conf->endpoints[i];
		const struct conf_aor *aor = registering_aor(e);

		if (aor)
			add_phone(l, e, aor);
		else if (l->n_trunks < LAB_TRUNKS && is_trunk(l, e))
			add_trunk(l, e);
	}
	take_surroundings(l);
	l->wall = office_hour();
	if (!l->n_phones)
		diag_add(why, DIAG_ERROR, NULL, 0,
			 "no endpoint is a phone: an aor with max_contacts, and an auth with a password");
	if (!l->ground.sip_port)
		diag_add(why, DIAG_ERROR, NULL, 0, "no transport listens over IPv4");
	return l->n_phones && l->ground.sip_port;
}
