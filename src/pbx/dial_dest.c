/*
 * pbx/dial_dest.c: who is dialled: what Dial's first argument names, as an endpoint, the contacts of its AORs, and the
 * order in which they are tried.
 */
#include <stdlib.h>

#include "pbx/dial.h"

/* A contact's URI with the number as its user: "sip:gw" and "5551234" make "sip:5551234@gw". */
static void out_with_user(struct out *o, const char *uri, struct span number)
{
	struct sip_uri u;

	if (!number.n || !sip_uri_parse(span_of(uri), &u) || !u.is_sip) {
		out_str(o, uri);
		return;
	}
	out_all(o, u.scheme, ":");
	sip_out_user(o, number);
	out_all(o, "@", uri + (u.host.p - u.text.p));
}

static void take_contact(const struct contact *c, struct span number, struct dest *d)
{
	struct out further = out_growing();

	if (!d->uri.n) {
		d->contact = c;
		out_with_user(&d->uri, c->uri, number);
		return;
	}
	out_with_user(&further, c->uri, number);
	d->more = xrealloc(d->more, (d->n_more + 1) * sizeof d->more[0]);
	d->more[d->n_more++] = out_take(&further);
}

/*
 * The usable contacts of an AOR, those whose host failed lately last: the first to dial, the others for failing over.
 * Unreachable ones are tried when there is nobody else: what is known may be old.
 */
static void take_contacts(struct aor *a, struct span number, struct dest *d, bool usable)
{
	bool asterisk = a->pbx->conf->hairpin.compat_asterisk;

	if (!usable && asterisk)
		return;
	for (int dead = 0; dead < 2; dead++)
		list_for(l, &a->contacts) {
			const struct contact *c = list_entry(l, struct contact, link);
			bool failed = !asterisk && host_is_dead(a->pbx, span_of(c->uri));

			if (contact_usable(c) == usable && failed == (bool)dead)
				take_contact(c, number, d);
		}
}

/* PJSIP_DIAL_CONTACTS writes URIs; what is known of the contact holds all the same. */
static const struct contact *contact_of(const struct chan *c, const struct conf_endpoint *ep, struct span uri)
{
	for (size_t i = 0; i < ep->n_aors && !c->conf->hairpin.compat_asterisk; i++) {
		const struct aor *a = aor_find(c->pbx, span_of(ep->aors[i]->o.name));

		if (!a)
			continue;
		list_for(l, &a->contacts)
			if (span_is(uri, list_entry(l, struct contact, link)->uri))
				return list_entry(l, struct contact, link);
	}
	return NULL;
}

struct span dial_endpoint(struct span text)
{
	long slash = span_chr(text, '/'), at = span_rchr(text, '@');

	if (slash >= 0)
		return span_sub(text, 0, (size_t)slash);
	return at >= 0 ? span_from(text, (size_t)at + 1) : text;
}

bool dial_find(const struct chan *c, struct span text, struct dest *d)
{
	long slash = span_chr(text, '/'), at = span_rchr(text, '@');
	struct span number = SPAN_NONE, rest = SPAN_NONE;

	if (slash >= 0)
		rest = span_from(text, (size_t)slash + 1);
	else if (at >= 0)
		number = span_sub(text, 0, (size_t)at);
	d->ep = conf_endpoint(c->conf, dial_endpoint(text));
	if (!d->ep)
		return false;
	if (span_istarts(rest, SPAN("sip:")) || span_istarts(rest, SPAN("sips:"))) {
		out_span(&d->uri, rest);
		d->contact = contact_of(c, d->ep, rest);
		return true;
	}
	for (size_t i = 0; i < 2 * d->ep->n_aors && !d->uri.n; i++) {
		struct aor *a = aor_find(c->pbx, span_of(d->ep->aors[i % d->ep->n_aors]->o.name));

		if (a && (!rest.n || span_is(rest, a->name)))
			take_contacts(a, number, d, i < d->ep->n_aors);
	}
	return true;
}

void dial_drop_texts(char **v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(v[i]);
	free(v);
}
