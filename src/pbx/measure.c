/*
 * pbx/measure.c: what kind of NAT a phone is behind, asked when somebody wants to know, never by itself. First an
 * OPTIONS as ever: a phone that does not answer that shows nothing. Then one from another port of ours (sip/look.c).
 * What both cannot tell, since it would take a second address of ours, is an address from an endpoint.
 */
#include <stdlib.h>
#include <string.h>

#include "pbx/priv.h"

#define AT_ONCE 64
#define TIMEOUT 2000 /* ms, of the OPTIONS as ever */

struct measure {
	struct contact *c;
	struct addr at;
	struct sip_uac *asking;
	struct sip_look *look;
};

const char *nat_look_name(enum nat_look l)
{
	static const char *const names[] = {
		[LOOK_NONE] = "not asked",
		[LOOK_ASKED] = "is being asked",
		[LOOK_ABSENT] = "not known: it does not answer at all",
		[LOOK_SAME] = "lets another port of ours in; the mapping does not depend on our port",
		[LOOK_OTHER] = "lets another port of ours in; the mapping depends on our port",
		[LOOK_SILENT] = "filters by port, or the phone answers nobody but its registrar",
		[LOOK_UNCLEAR] = "not known: no answer to another port of ours, but our own router may have lost it",
	};

	return names[l];
}

void measure_drop(struct contact *c)
{
	struct measure *m = c->measure;

	if (!m)
		return;
	if (m->asking)
		sip_uac_forget(m->asking);
	sip_look_drop(&m->look);
	c->aor->pbx->n_measures--;
	c->measure = NULL;
	free(m);
}

static void found(struct contact *c, enum nat_look l)
{
	c->nat_look = (uint8_t)l;
	measure_drop(c);
}

/* Is a router of our own on the way, which may not let the answer in? */
static bool behind_own(struct contact *c, const struct addr *to)
{
	struct pbx *p = c->aor->pbx;
	const struct nat_door *d = sip_door_toward(p->sip, NULL, to);
	struct addr own = p->cfg.net.source(p->cfg.net.arg, c->listener, to);

	return d && !nat_is_local(d->t, to) &&
	       ((d->seen.family && !addr_ip_eq(&d->seen, &own)) ||
		(d->ext_signaling.family && !addr_ip_eq(&d->ext_signaling, &own)) ||
		(d->found.address.family && !addr_ip_eq(&d->found.address, &own)));
}

static void on_seen(void *arg, const struct addr *from)
{
	struct contact *c = arg;
	struct measure *m = c->measure;

	m->look = NULL;
	if (from)
		found(c, addr_eq(from, &m->at) ? LOOK_SAME : LOOK_OTHER);
	else
		found(c, behind_own(c, &m->at) ? LOOK_UNCLEAR : LOOK_SILENT);
}

static void on_answer(void *arg, struct sip_uac *uac UNUSED, const struct sip_msg *msg, unsigned code,
		      const char *why UNUSED)
{
	struct contact *c = arg;
	struct measure *m = c->measure;
	struct sip_look_ask ask = { .listener = c->listener, .uri = span_of(c->uri), .seen = on_seen, .arg = c };

	if (code < 200)
		return;
	m->asking = NULL;
	if (!msg) {
		found(c, LOOK_ABSENT);
		return;
	}
	ask.to = m->at;
	m->look = sip_look(c->aor->pbx->sip, &ask);
	if (!m->look)
		found(c, LOOK_NONE);
}

static void measure(struct contact *c, const struct addr *at)
{
	struct pbx *p = c->aor->pbx;
	const struct conf_endpoint *ep = contact_endpoint(c);
	struct measure *m = xcalloc(1, sizeof *m);
	struct flow from;
	struct sip_ask a = { .method = SIP_OPTIONS,
			     .uri = span_of(c->uri),
			     .from_user = span_of(ep->from_user),
			     .from_domain = span_of(ep->from_domain),
			     .transport = ep->transport,
			     .conf = p->conf,
			     .timeout = TIMEOUT,
			     .answer = on_answer,
			     .arg = c };

	m->c = c;
	m->at = *at;
	c->measure = m;
	c->nat_look = LOOK_ASKED;
	p->n_measures++;
	if (c->transport[0])
		a.transport = conf_transport(p->conf, span_of(c->transport));
	contact_flow(p, c->listener, &from, &a);
	m->asking = sip_ask(p->sip, &a);
}

/* A registered phone at an address of its own, by UDP. */
static bool can_be_asked(const struct contact *c, struct addr *at)
{
	struct sip_uri u;
	struct span transport;

	if (c->is_static || c->measure || c->path[0] || !contact_endpoint(c) || !sip_uri_parse(span_of(c->uri), &u) ||
	    !addr_parse_ip(u.host, at) || (sip_param(u.params, "transport", &transport) && !span_iis(transport, "udp")))
		return false;
	at->port = u.port ? u.port : 5060;
	return true;
}

unsigned pbx_measure(struct pbx *p, struct span aor)
{
	unsigned n = 0;

	aor_for(a, p) {
		if (aor.n && !span_is(aor, a->name))
			continue;
		list_for(l, &a->contacts) {
			struct contact *c = list_entry(l, struct contact, link);
			struct addr at;

			if (p->n_measures >= AT_ONCE || !can_be_asked(c, &at))
				continue;
			measure(c, &at);
			n++;
		}
	}
	return n;
}

/* ---- what calls have shown ---- */

struct audio_kept {
	struct addr at;
	enum nat_kept kept;
};

static void look_at_call(void *arg, const struct pbx_why_info *i)
{
	struct audio_kept *k = arg;

	for (size_t n = 0; n < i->call->n_legs; n++) {
		const struct leg_facts *f = i->call->legs[n];
		const struct media_stats *m = &f->audio;

		/* where SDP has the address outside, the port in it may not be the phone's own */
		if (addr_eq(&f->peer, &k->at) && m->rx_packets && m->sdp_addr.family &&
		    !addr_ip_eq(&m->sdp_addr, &m->rx_source))
			k->kept = m->sdp_addr.port == m->rx_source.port ? NAT_KEPT : NAT_CHANGED;
	}
}

enum nat_kept pbx_audio_kept(struct pbx *p, const char *uri)
{
	struct audio_kept k = { .kept = NAT_KEPT_UNKNOWN };
	struct sip_uri u;

	if (!sip_uri_parse(span_of(uri), &u) || !addr_parse_ip(u.host, &k.at))
		return NAT_KEPT_UNKNOWN;
	k.at.port = u.port ? u.port : 5060;
	pbx_each_record(p, look_at_call, &k);
	return k.kept;
}
