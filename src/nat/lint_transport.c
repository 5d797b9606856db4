/* nat/lint_transport.c: rules of the door out: what a transport announces, and who counts as local. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "nat/nat.h"
#include "nat/priv.h"

#define CERT_SOON (14 * 86400LL) /* s: whoever renews certificates by a machine has done it by then */

static bool is_websocket(const struct conf_transport *t)
{
	return t->protocol == PROTO_WS || t->protocol == PROTO_WSS;
}

static const char *signaling_name(const struct conf_transport *t)
{
	return *t->external_signaling_hostname ? t->external_signaling_hostname : t->external_signaling_address;
}

static const char *signaling_option(const struct conf_transport *t)
{
	return *t->external_signaling_hostname ? "external_signaling_hostname" : "external_signaling_address";
}

/* One of the two without the other, or a port without either. */
static void halves(struct rules *r, const struct conf_transport *t)
{
	const char *media = t->external_media_address, *sip = signaling_name(t);
	struct addr ip;
	bool is_address = conf_is_automatic(media) || addr_parse_ip(span_of(media), &ip);

	if (*sip && !*media)
		say(r, &(struct says){ NAT035, &t->o, signaling_option(t), "external_media_address", sip }, t->o.name,
		    sip, NULL);
	if (*media && !*sip)
		say(r,
		    &(struct says){ NAT036, &t->o, "external_media_address",
				    is_address ? "external_signaling_address" : "external_signaling_hostname", media },
		    t->o.name, media, NULL);
	if (t->external_signaling_port && !*sip)
		say(r, &(struct says){ NAT038, &t->o, "external_signaling_port" }, t->o.name, NULL);
}

/* In a message: what is found out has no address yet. */
static const char *shown(const char *external)
{
	return conf_is_automatic(external) ? "the address that is found out" : external;
}

/* What is announced: a public address, not a local one, or a name that is looked up again. */
static void announced(struct rules *r, const struct conf_transport *t, const char *option, const char *value)
{
	bool dnsmgr = conf_says_yes(&r->c->dnsmgr, "dnsmgr", "enable");
	struct addr a;
	char except[ADDR_STRLEN + 1];

	if (!*value || conf_is_automatic(value))
		return;
	if (!addr_parse_ip(span_of(value), &a)) {
		if (!dnsmgr && strcmp(option, "external_signaling_hostname") != 0)
			say(r, &(struct says){ NAT016, &t->o, option }, option, value, NULL);
		return;
	}
	if (addr_class(&a) != ADDR_GLOBAL) {
		say(r, &(struct says){ NAT037, &t->o, option }, option, value, addr_class_name(addr_class(&a)), NULL);
	} else if (nat_is_local(t, &a)) {
		snprintf(except, sizeof except, "!%s", value);
		say(r, &(struct says){ NAT039, &t->o, option, "local_net", except }, t->o.name, value, NULL);
	}
}

/* ---- local_net ---- */

/* The addresses that SDP may carry: that of bind, or those of the host. Some, and none of them in local_net? */
static bool none_is_local(struct rules *r, const struct conf_transport *t, const struct addr **own)
{
	*own = NULL;
	if (!addr_is_any(&t->bind)) {
		*own = &t->bind;
		return !nat_is_local(t, &t->bind);
	}
	for (size_t i = 0; i < r->ask->n_host; i++) {
		const struct addr *a = &r->ask->host[i].addr;

		if (a->family != t->bind.family || !is_ours_outside(a))
			continue;
		if (nat_is_local(t, a))
			return false;
		*own = *own ? *own : a;
	}
	return *own != NULL;
}

/* A public external address and private ones of our own: then routes say what local_net does not (nat/egress.c). */
static bool routes_tell(const struct addr *own, const char *external)
{
	struct addr a;

	return own && addr_class(own) != ADDR_GLOBAL &&
	       (!addr_parse_ip(span_of(external), &a) || addr_class(&a) == ADDR_GLOBAL);
}

static void who_is_local(struct rules *r, const struct conf_transport *t)
{
	struct out nets = out_growing();
	bool known = own_networks(r, t, &nets), none;
	const struct addr *own;
	const char *external = *t->external_media_address ? t->external_media_address : signaling_name(t);
	char ip[ADDR_STRLEN], *networks;

	if (!known)
		out_str(&nets, "our own network");
	networks = out_take(&nets);
	none = none_is_local(r, t, &own);
	if (!t->local_net.n)
		say(r,
		    &(struct says){ NAT002, &t->o,
				    *t->external_media_address ? "external_media_address" : signaling_option(t),
				    known ? "local_net" : NULL, networks, .written = !routes_tell(own, external) },
		    t->o.name, shown(external), networks, NULL);
	else if (*t->external_media_address && none && strcmp(addr_ip_str(own, ip), t->external_media_address) != 0)
		say(r,
		    &(struct says){ NAT001, &t->o, "external_media_address", known ? "local_net" : NULL, networks,
				    .written = !routes_tell(own, external) },
		    t->o.name, ip, networks, NULL);
	free(networks);
}

/* The text has bits beyond its prefix. */
static void host_bits(struct rules *r, struct span item, const struct net_rule *rule, const struct says *at)
{
	long slash = span_rchr(item, '/');
	char is[RULE_STRLEN], *written = span_dup(item);
	struct addr whole;

	item = span_sub(item, rule->negate, (size_t)(slash < 0 ? 0 : slash) - (rule->negate && slash > 0));
	if (slash >= 0 && addr_parse_ip(item, &whole) && !addr_ip_eq(&whole, &rule->net))
		say(r, at, written, rule_str(rule, is), NULL);
	free(written);
}

/* A network of the list that holds public addresses, and none of the host's. */
static void public_rule(struct rules *r, const struct net_rule *rule, const struct says *at)
{
	char text[RULE_STRLEN];

	if (rule->negate || !r->ask->n_host || (addr_class(&rule->net) != ADDR_GLOBAL && rule->len))
		return;
	for (size_t i = 0; i < r->ask->n_host; i++)
		if (net_rule_covers(rule, &r->ask->host[i].addr))
			return;
	say(r, at, rule_str(rule, text), NULL);
}

static void local_items(struct rules *r, const struct conf_transport *t)
{
	struct conf_place p;
	struct net_rule rule;
	const char *why;

	for (size_t n = 0; conf_place(r->c, &t->o, "local_net", n, &p); n++) {
		struct span rest = span_of(p.value), item;

		while (span_cut(&rest, ',', &item)) {
			item = span_trim(item);
			if (!net_rule_parse(item, &rule, &why))
				continue;
			host_bits(r, item, &rule, &(struct says){ NAT004, &t->o, "local_net", .at = &p });
			public_rule(r, &rule, &(struct says){ NAT050, &t->o, "local_net", .at = &p });
		}
	}
}

/* The last line whose text holds that rule. */
static bool rule_place(struct rules *r, const struct conf_transport *t, const struct net_rule *rule,
		       struct conf_place *p)
{
	struct net_rule have;
	const char *why;

	for (size_t n = 0; conf_place(r->c, &t->o, "local_net", n, p); n++) {
		struct span rest = span_of(p->value), item;

		while (span_cut(&rest, ',', &item))
			if (net_rule_parse(span_trim(item), &have, &why) && have.negate == rule->negate &&
			    have.len == rule->len && addr_ip_eq(&have.net, &rule->net))
				return true;
	}
	return false;
}

/* "!a" that a later, wider "b" takes back. */
static void lost_exceptions(struct rules *r, const struct conf_transport *t)
{
	const struct net_list *l = &t->local_net;

	for (size_t i = 0; i < l->n; i++) {
		size_t j = i + 1;
		char one[RULE_STRLEN], other[RULE_STRLEN];
		struct says s = { NAT040, &t->o, "local_net" };
		struct conf_place p;

		while (j < l->n && (l->rules[j].negate || l->rules[j].len > l->rules[i].len ||
				    !net_rule_covers(&l->rules[j], &l->rules[i].net)))
			j++;
		if (!l->rules[i].negate || j == l->n)
			continue;
		if (rule_place(r, t, &l->rules[i], &p))
			s.at = &p;
		say(r, &s, rule_str(&l->rules[i], one), rule_str(&l->rules[j], other), NULL);
	}
}

/* ---- the rest ---- */

static void bound(struct rules *r, const struct conf_transport *t)
{
	char ip[ADDR_STRLEN];

	if (r->ask->n_host && !addr_is_any(&t->bind) && addr_class(&t->bind) != ADDR_LOOPBACK &&
	    !host_with(r, &t->bind))
		say(r, &(struct says){ NAT026, &t->o, "bind" }, t->o.name, addr_ip_str(&t->bind, ip), NULL);
}

/* A registration that leaves by the transport and goes beyond the host's networks. */
static const char *outside_user(struct rules *r, const struct conf_transport *t)
{
	for (size_t i = 0; i < r->c->n_registrations; i++) {
		const struct conf_registration *reg = &r->c->registrations[i];
		struct addr a;

		if (reg->transport && reg->transport != t)
			continue;
		if (!addr_parse_ip(uri_host(reg->server_uri), &a) ||
		    (a.family == t->bind.family && addr_class(&a) == ADDR_GLOBAL && !host_net_with(r, &a)))
			return reg->o.name;
	}
	return NULL;
}

static void behind_nat(struct rules *r, const struct conf_transport *t)
{
	const char *user = outside_user(r, t);
	struct out nets = out_growing();
	bool any = false;

	for (size_t i = 0; i < r->ask->n_host; i++) {
		const struct addr *a = &r->ask->host[i].addr;

		any |= a->family == 4 && is_ours_outside(a);
		if (a->family == 4 && addr_class(a) == ADDR_GLOBAL)
			user = NULL;
	}
	if (user && any && t->bind.family == 4 && own_networks(r, t, &nets)) {
		out_char(&nets, '\0');
		say(r,
		    &(struct says){ NAT042, &t->o, NULL, r->ask->asterisk ? NULL : "external_signaling_address",
				    "auto" },
		    t->o.name, user, nets.p, NULL);
	}
	out_free(&nets);
}

static void websocket(struct rules *r, const struct conf_transport *t)
{
	if (is_websocket(t) && has_external(t) && !r->c->rtp.ice_host_candidates.file && !*r->c->rtp.stunaddr &&
	    !*conf_text(&r->c->rtp.o, "rtp", "turnaddr"))
		say(r,
		    &(struct says){ NAT006, &t->o,
				    *t->external_media_address ? "external_media_address" : signaling_option(t) },
		    t->o.name, NULL);
}

static void out_day(char text[32], long long at)
{
	time_t t = (time_t)at;
	struct tm tm;

	if (!gmtime_r(&t, &tm) || !strftime(text, 32, "%Y-%m-%d", &tm))
		text[0] = '\0';
}

static void certificate(struct rules *r, const struct conf_transport *t)
{
	long long now = r->ask->unix_now;
	struct net_cert c = { 0 };
	char day[32];

	if (t->protocol != PROTO_TLS)
		return;
	if (!*t->tls.cert_file) {
		say(r, &(struct says){ NAT080, &t->o, "protocol" }, t->o.name, NULL);
		return;
	}
	if (!r->ask->look)
		return;
	if (r->ask->look(&t->tls, &c) < 0) {
		say(r, &(struct says){ NAT081, &t->o, "cert_file" }, t->o.name, c.why, NULL);
		return;
	}
	out_day(day, now < c.from ? c.from : c.until);
	if (c.known && (now < c.from || now > c.until))
		say(r, &(struct says){ NAT082, &t->o, "cert_file" }, t->tls.cert_file,
		    now < c.from ? "not before" : "no more since", day, NULL);
	else if (c.known && c.until - now < CERT_SOON)
		say(r, &(struct says){ NAT083, &t->o, "cert_file" }, t->tls.cert_file, day, NULL);
}

void lint_transports(struct rules *r)
{
	const struct conf_transport *t;

	for (size_t i = 0; (t = conf_left_out(r->c, i)); i++)
		websocket(r, t);
	for (size_t i = 0; i < r->c->n_transports; i++) {
		t = &r->c->transports[i];
		halves(r, t);
		announced(r, t, "external_media_address", t->external_media_address);
		announced(r, t, signaling_option(t), signaling_name(t));
		local_items(r, t);
		lost_exceptions(r, t);
		bound(r, t);
		certificate(r, t);
		if (has_external(t))
			who_is_local(r, t);
		else if (t->local_net.n)
			say(r, &(struct says){ NAT041, &t->o, "local_net" }, t->o.name, NULL);
		if (!has_external(t))
			behind_nat(r, t);
	}
}
