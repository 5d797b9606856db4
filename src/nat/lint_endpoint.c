/* nat/lint_endpoint.c: rules of the door in: phones behind routers, their contacts, direct media, long INVITEs. */
#include <stdio.h>
#include <string.h>

#include "nat/nat.h"
#include "nat/priv.h"

#define FORGETS  60 /* s: what most routers keep open, so the most that qualify_frequency may be */
#define UDP_SAFE 1300

/* Bytes of an INVITE: without names and codecs; what Asterisk writes more; credentials; one codec, identities. */
enum { INVITE = 660, MORE_OF_ASTERISK = 200, CREDENTIALS = 290, EACH_CODEC = 26, PAI = 80, RPID = 120 };

static bool yes(const struct conf_endpoint *ep, const char *option)
{
	return conf_says_yes(&ep->o, "endpoint", option);
}

static bool written(const struct conf_endpoint *ep, const char *option)
{
	return conf_written(&ep->o, "endpoint", option);
}

/* What is written, without what hairpin chooses. */
static bool symmetric(const struct conf_endpoint *ep)
{
	return ep->rtp_symmetric && written(ep, "rtp_symmetric");
}

static bool on_public(const struct rules *r, const struct conf_endpoint *ep)
{
	const struct conf_transport *t;

	for (size_t i = 0; (t = transport_nth(r, ep, i)); i++)
		if (t->bind.family == 4 && is_public(r, t))
			return true;
	return false;
}

static bool has_nat(const struct rules *r, const struct conf_endpoint *ep)
{
	const struct conf_transport *t;

	for (size_t i = 0; (t = transport_nth(r, ep, i)); i++)
		if (has_external(t) || t->local_net.n)
			return true;
	return symmetric(ep) || ep->rewrite_contact;
}

static bool is_udp(const struct rules *r, const struct conf_endpoint *ep)
{
	const struct conf_transport *t;

	for (size_t i = 0; (t = transport_nth(r, ep, i)); i++)
		if (t->protocol == PROTO_UDP)
			return true;
	return false;
}

static bool is_identified(const struct rules *r, const struct conf_endpoint *ep)
{
	for (size_t i = 0; i < r->c->n_identifies; i++)
		if (r->c->identifies[i].endpoint == ep)
			return true;
	return false;
}

/* ---- phones ---- */

/* `no` is an answer; where nothing is written, hairpin chooses what works and Asterisk does not. */
static void phone(struct rules *r, const struct conf_endpoint *ep)
{
	bool far = symmetric(ep) || ep->rewrite_contact || on_public(r, ep);

	if (!takes_registrations(ep) || !far)
		return;
	if (!symmetric(ep))
		say(r,
		    &(struct says){ NAT009, &ep->o, "rtp_symmetric", "rtp_symmetric", "yes",
				    .written = written(ep, "rtp_symmetric") },
		    ep->o.name, NULL);
	if (!ep->rewrite_contact)
		say(r,
		    &(struct says){ NAT045, &ep->o, "rewrite_contact", "rewrite_contact", "yes",
				    .written = written(ep, "rewrite_contact") },
		    ep->o.name, NULL);
	if (!ep->force_rport)
		say(r, &(struct says){ NAT046, &ep->o, "force_rport", "force_rport", "yes" }, ep->o.name, NULL);
}

static void kept_open(struct rules *r, const struct conf_endpoint *ep, const struct conf_aor *aor)
{
	bool is_set = conf_written(&aor->o, "aor", "qualify_frequency");
	char text[64];

	if (!aor->max_contacts || !is_udp(r, ep) || !(symmetric(ep) || ep->rewrite_contact) ||
	    (aor->qualify_frequency && aor->qualify_frequency <= FORGETS))
		return;
	if (aor->qualify_frequency)
		snprintf(text, sizeof text, "its phones are asked every %u s only", aor->qualify_frequency);
	else
		snprintf(text, sizeof text, "its phones are never asked (qualify_frequency=0)");
	say(r, &(struct says){ NAT013, &aor->o, "qualify_frequency", "qualify_frequency", "25", .written = is_set },
	    aor->o.name, text, NULL);
}

static void contacts(struct rules *r, const struct conf_endpoint *ep, const struct conf_aor *aor)
{
	bool moves = ep->rewrite_contact || ep->rewrite_if_nat;
	char n[24];

	if (aor->max_contacts == 1 && moves && !aor->remove_existing && !aor->remove_unavailable)
		say(r, &(struct says){ NAT011, &aor->o, "max_contacts", "remove_existing", "yes" }, aor->o.name, NULL);
	if (aor->contact.n > 1) {
		snprintf(n, sizeof n, "%zu", aor->contact.n);
		say(r, &(struct says){ NAT047, &aor->o, "contact" }, aor->o.name, n, NULL);
	}
}

static void nobody_registers(struct rules *r, const struct conf_endpoint *ep)
{
	for (size_t i = 0; i < ep->n_aors; i++)
		if (ep->aors[i]->max_contacts || ep->aors[i]->contact.n)
			return;
	if (ep->n_auth && ep->n_aors && !is_identified(r, ep))
		say(r, &(struct says){ NAT012, &ep->aors[0]->o, "max_contacts", "max_contacts", "1" },
		    ep->aors[0]->o.name, ep->o.name, NULL);
}

/* ---- media ---- */

static const struct conf_transport *tls_transport(const struct rules *r)
{
	for (size_t i = 0; i < r->c->n_transports; i++)
		if (r->c->transports[i].protocol == PROTO_TLS)
			return &r->c->transports[i];
	return NULL;
}

/* It is written, or there is no other, that its signalling goes in the clear. */
static void open_keys(struct rules *r, const struct conf_endpoint *ep)
{
	const struct conf_transport *tls = tls_transport(r), *t = ep->transport;

	if (ep->media_encryption != ENCRYPT_SDES || (!t && tls))
		return;
	t = t ? t : transport_nth(r, ep, 0);
	if (t && t->protocol != PROTO_TLS)
		say(r, &(struct says){ NAT086, &ep->o, "media_encryption" }, ep->o.name, t->o.name,
		    tls ? tls->o.name : "a transport with protocol=tls", NULL);
}

static void direct_media(struct rules *r, const struct conf_endpoint *ep)
{
	bool encrypted = ep->media_encryption != ENCRYPT_NO;

	if (!yes(ep, "direct_media"))
		return;
	if (encrypted && written(ep, "direct_media"))
		say(r, &(struct says){ NAT033, &ep->o, "direct_media", "direct_media", "no" }, ep->o.name, NULL);
	else if (!encrypted && yes(ep, "disable_direct_media_on_nat"))
		say(r, &(struct says){ NAT030, &ep->o, "disable_direct_media_on_nat", "direct_media", "no" },
		    ep->o.name, NULL);
	else if (!encrypted && has_nat(r, ep))
		say(r, &(struct says){ NAT008, &ep->o, "direct_media", "direct_media", "no" }, ep->o.name, NULL);
}

/* The address in the endpoint's SDP: can it be opened, will it be rewritten? */
static void media_address(struct rules *r, const struct conf_endpoint *ep)
{
	const struct conf_transport *t;
	struct addr a;
	char net[ADDR_STRLEN + 4];

	if (!addr_parse_ip(span_of(ep->media_address), &a))
		return;
	if (ep->bind_rtp_to_media_address && r->ask->n_host && !addr_is_any(&a) && !host_with(r, &a))
		say(r, &(struct says){ NAT048, &ep->o, "media_address", "bind_rtp_to_media_address", "no" }, ep->o.name,
		    ep->media_address, NULL);
	for (size_t i = 0; (t = transport_nth(r, ep, i)); i++)
		if (*t->external_media_address && t->local_net.n && addr_class(&a) != ADDR_GLOBAL &&
		    t->bind.family == a.family && !nat_is_local(t, &a)) {
			snprintf(net, sizeof net, "%s/%d", ep->media_address, a.family == 4 ? 32 : 128);
			say(r, &(struct says){ NAT001, &ep->o, "media_address", .written = true }, t->o.name,
			    ep->media_address, net, NULL);
			return;
		}
}

/* ---- trunks ---- */

static void trunk(struct rules *r, const struct conf_endpoint *ep)
{
	bool is_trunk = !takes_registrations(ep) && (*ep->outbound_proxy || ep->n_outbound_auth);

	if (is_trunk && ep->rewrite_contact)
		say(r, &(struct says){ NAT010, &ep->o, "rewrite_contact", "rewrite_contact", "no" }, ep->o.name, NULL);
}

/* The longest host that a request to the endpoint may name. */
static size_t host_len(const struct conf_endpoint *ep)
{
	size_t n = 0;

	for (size_t i = 0; i < ep->n_aors; i++)
		for (size_t k = 0; k < ep->aors[i]->contact.n; k++)
			n = MAX(n, uri_host(ep->aors[i]->contact.v[k]).n);
	return n;
}

/* The worst case, by estimate: what every INVITE has, the names that the configuration puts into it, every codec. */
static void long_invite(struct rules *r, const struct conf_endpoint *ep)
{
	size_t bytes = INVITE + (size_t)EACH_CODEC * ep->codecs.n + 3 * host_len(ep);
	char codecs[8], text[24];

	bytes += strlen(ep->from_user) + strlen(ep->from_domain) + strlen(ep->contact_user) +
		 strlen(ep->outbound_proxy) + span_of(ep->callerid_name).n;
	bytes += (ep->n_outbound_auth ? CREDENTIALS : 0) + (ep->send_pai ? PAI : 0) + (ep->send_rpid ? RPID : 0) +
		 (r->ask->asterisk ? MORE_OF_ASTERISK : 0);
	if (bytes <= UDP_SAFE || !is_udp(r, ep))
		return;
	snprintf(codecs, sizeof codecs, "%u", ep->codecs.n);
	snprintf(text, sizeof text, "%zu", bytes);
	say(r, &(struct says){ NAT027, &ep->o, "allow" }, ep->o.name, codecs, text, NULL);
}

void lint_endpoints(struct rules *r)
{
	for (size_t i = 0; i < r->c->n_endpoints; i++) {
		const struct conf_endpoint *ep = &r->c->endpoints[i];

		phone(r, ep);
		nobody_registers(r, ep);
		for (size_t k = 0; k < ep->n_aors; k++) {
			kept_open(r, ep, ep->aors[k]);
			contacts(r, ep, ep->aors[k]);
		}
		direct_media(r, ep);
		open_keys(r, ep);
		media_address(r, ep);
		trunk(r, ep);
		long_invite(r, ep);
		if (yes(ep, "t38_udptl") && !yes(ep, "t38_udptl_nat") && symmetric(ep))
			say(r, &(struct says){ NAT028, &ep->o, "t38_udptl_nat", "t38_udptl_nat", "yes" }, ep->o.name,
			    NULL);
		if (yes(ep, "ice_support") && !conf_says_yes(&r->c->rtp.o, "rtp", "icesupport"))
			say(r, &(struct says){ NAT049, &ep->o, "ice_support" }, ep->o.name, NULL);
	}
}
