/*
 * pbx/aor.c: addresses of record and the contacts where they can be reached.
 *
 * An aor lives as long as its name is configured; its dynamic contacts survive reloads and, through the store,
 * restarts. The URI of a contact is what we dial: when rewrite_contact applies it is where the packet came from, and
 * orig_host keeps what the phone said (nat-semantics 3.3).
 */
#include <malloc.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/trace.h"
#include "pbx/priv.h"

const char *contact_status_name(enum contact_status s)
{
	static const char *const names[] = {
		[CONTACT_NONQUAL] = "NonQual",
		[CONTACT_AVAIL] = "Avail",
		[CONTACT_UNAVAIL] = "Unavail",
		[CONTACT_UNKNOWN] = "Unknown",
	};

	return names[s];
}

const char *contact_status_label(enum contact_status s)
{
	static const char *const labels[] = {
		[CONTACT_NONQUAL] = "NonQualified",
		[CONTACT_AVAIL] = "Reachable",
		[CONTACT_UNAVAIL] = "Unreachable",
		[CONTACT_UNKNOWN] = "Unknown",
	};

	return labels[s];
}

void contact_id(const struct contact *c, char hash[11])
{
	struct out o = out_fixed(hash, 11);
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	BUG_ON(!EVP_Digest(c->uri, strlen(c->uri), md, &n, EVP_md5(), NULL));
	out_hex(&o, md, 5);
	hash[10] = '\0';
}

void contact_flow(struct pbx *p, uint32_t listener, struct flow *f, struct sip_ask *a)
{
	*f = (struct flow){ .sock = listener, .listener = listener, .proto = NET_UDP };
	if (listener && sip_flow_leaves(p->sip, f)) /* else the ways that are open are as good */
		a->flow = f;
}

bool contacts_hold(void *arg, uint32_t listener)
{
	struct pbx *p = arg;

	aor_for(a, p)
		list_for(l, &a->contacts)
			if (list_entry(l, struct contact, link)->listener == listener)
				return true;
	return false;
}

bool contact_at_source(const struct contact *c)
{
	return !c->no_rport || c->rtt_ms >= 0;
}

bool contact_usable(const struct contact *c)
{
	return c->status != CONTACT_UNAVAIL;
}

const struct conf_endpoint *contact_endpoint(const struct contact *c)
{
	const struct conf *conf = c->aor->pbx->conf;
	const struct conf_endpoint *ep = c->endpoint[0] ? conf_endpoint(conf, span_of(c->endpoint)) : NULL;

	for (size_t i = 0; i < conf->n_endpoints && !ep; i++)
		for (size_t j = 0; j < conf->endpoints[i].n_aors; j++)
			if (strcmp(conf->endpoints[i].aors[j]->o.name, c->aor->name) == 0)
				ep = &conf->endpoints[i];
	return ep;
}

struct aor *aor_of(const struct pbx *p, const struct conf_aor *c)
{
	return p->aor_at[c - p->conf->aors];
}

struct aor *aor_find(struct pbx *p, struct span name)
{
	const struct conf_aor *c = conf_aor(p->conf, name);

	return c ? aor_of(p, c) : NULL;
}

/* ---- contacts ---- */

static void contact_free(struct contact *c)
{
	struct pbx *p = c->aor->pbx;

	qualify_drop(c);
	measure_drop(c);
	reach_drop(c);
	clock_stop(p->clock, &c->expiry);
	list_del(&c->link);
	if (!c->is_static) {
		c->aor->n_dynamic--;
		p->n_contacts--;
	}
	aor_changed(c->aor);
	free(c->texts);
	free(c);
}

void contact_remove(struct contact *c, const char *why)
{
	trace(EV_REG_DEL, NULL, "Removed contact '%s' from AOR '%s' due to %s", c->uri, c->aor->name, why);
	if (!c->is_static)
		store_del_contact(c->aor->pbx->store, c->stored);
	contact_free(c);
}

static void expired(struct timer *t, ms_t now)
{
	struct contact *c = container_of(t, struct contact, expiry);

	if (now < c->until)
		clock_at(c->aor->pbx->clock, t, c->until);
	else
		contact_remove(c, "expiration");
}

/* Most phones write the same URI every time: it is looked for as text before it is compared as RFC 3261 has it. */
struct contact *contact_find(struct aor *a, struct span uri)
{
	struct sip_uri theirs, mine;

	list_for(l, &a->contacts) {
		struct contact *c = list_entry(l, struct contact, link);

		if (!c->is_static && span_is(uri, c->uri))
			return c;
	}
	if (!a->n_dynamic || !sip_uri_parse(uri, &theirs))
		return NULL;
	list_for(l, &a->contacts) {
		struct contact *c = list_entry(l, struct contact, link);

		if (!c->is_static && sip_uri_parse(span_of(c->uri), &mine) && sip_uri_eq(&mine, &theirs))
			return c;
	}
	return NULL;
}

static struct contact *contact_new(struct aor *a, bool is_static)
{
	struct contact *c = xcalloc(1, sizeof *c);

	c->aor = a;
	c->is_static = is_static;
	c->rtt_ms = -1;
	c->status = CONTACT_NONQUAL;
	c->expiry.fire = expired;
	list_push(&a->contacts, &c->link);
	aor_changed(a);
	if (!is_static) {
		a->n_dynamic++;
		a->pbx->n_contacts++;
	}
	return c;
}

#define TEXTS(X) \
	X(uri)   \
	X(path) X(user_agent) X(call_id) X(instance) X(orig_host) X(endpoint) X(transport) X(via_addr)

/* Most are empty in both. */
static bool same_text(const char *a, const char *b)
{
	return a[0] == b[0] && (!a[0] || strcmp(a + 1, b + 1) == 0);
}

static bool says_the_same(const struct contact *c, const struct store_contact *s)
{
	bool same = c->texts && c->via_port == s->via_port && c->prune_on_boot == s->prune_on_boot;

#define X(f) same = same && same_text(c->f, s->f ? s->f : "");
	TEXTS(X)
#undef X
	return same;
}

/* All texts in one block, and new ones in the same if they fit: there may be a million of these, and holes add up. */
static void take_texts(struct contact *c, const struct store_contact *s)
{
	char room[256];
	struct out o = out_growing_in(room, sizeof room);
	char *p;

#define X(f) out_bytes(&o, s->f ? s->f : "", (s->f ? strlen(s->f) : 0) + 1);
	TEXTS(X)
#undef X
	if (!c->texts || malloc_usable_size(c->texts) < o.n) {
		free(c->texts);
		c->texts = xmalloc(o.n);
	}
	p = c->texts;
	memcpy(p, o.p, o.n);
	out_free(&o);
#define X(f)      \
	c->f = p; \
	p += strlen(p) + 1;
	TEXTS(X)
#undef X
}

/* True: nothing but its CSeq and times is new. */
static bool take(struct contact *c, const struct store_contact *s)
{
	bool same = says_the_same(c, s);

	if (!same)
		take_texts(c, s);
	c->stored = s->id ? s->id : c->stored;
	c->via_port = s->via_port;
	c->cseq = s->cseq;
	c->expires = s->expires;
	c->prune_on_boot = s->prune_on_boot;
	return same;
}

struct contact *contact_put(struct aor *a, struct contact *c, const struct store_contact *s)
{
	struct pbx *p = a->pbx;
	struct sip_uri u;
	int64_t left = s->expires - clock_wall(p->clock);
	ms_t until;
	bool same;

	if (!c && !p->loading) /* the store has each but once */
		c = contact_find(a, span_of(s->uri));
	if (!c && !sip_uri_parse(span_of(s->uri), &u))
		return NULL;
	if (!c)
		c = contact_new(a, false);
	same = take(c, s);
	until = p->clock->now + MAX(left, 0);
	if (!c->until || until < c->until)
		clock_at(p->clock, &c->expiry, until);
	c->until = until;
	if (!p->loading && same) {
		store_refresh_contact(p->store, c->stored, s->cseq, s->expires);
	} else if (!p->loading) {
		struct store_contact row = *s;

		row.id = c->stored;
		c->stored = store_put_contact(p->store, &row);
	}
	return c;
}

/* ---- loading and adopting ---- */

static void load_one(void *arg, const struct store_contact *s)
{
	struct pbx *p = arg;
	struct aor *a = aor_find(p, span_of(s->aor));

	if (!a || s->expires <= clock_wall(p->clock) || s->prune_on_boot)
		store_del_contact(p->store, s->id);
	else
		contact_put(a, NULL, s);
}

void aors_load(struct pbx *p)
{
	p->loading = true;
	store_load(p->store, load_one, p);
	p->loading = false;
}

static void static_contacts(struct aor *a)
{
	list_for_safe(l, &a->contacts) {
		struct contact *c = list_entry(l, struct contact, link);
		bool still = false;

		for (size_t i = 0; i < a->conf->contact.n && c->is_static; i++)
			still |= strcmp(c->uri, a->conf->contact.v[i]) == 0;
		if (c->is_static && !still)
			contact_free(c);
	}
	for (size_t i = 0; i < a->conf->contact.n; i++) {
		bool known = false;
		struct contact *c;

		list_for(l, &a->contacts) {
			c = list_entry(l, struct contact, link);
			known |= c->is_static && strcmp(c->uri, a->conf->contact.v[i]) == 0;
		}
		if (known)
			continue;
		c = contact_new(a, true);
		take(c, &(struct store_contact){ .uri = a->conf->contact.v[i] });
	}
}

static void aor_free(struct aor *a)
{
	struct pbx *p = a->pbx;

	list_for_safe(l, &a->contacts)
		contact_free(list_entry(l, struct contact, link));
	clock_stop(p->clock, &a->qualify);
	free(a);
}

static struct aor *aor_new(struct pbx *p)
{
	struct aor *a = xcalloc(1, sizeof *a);

	a->pbx = p;
	list_init(&a->contacts);
	return a;
}

void aors_adopt(struct pbx *p, const struct pbx_change *change)
{
	struct aor **before = p->aor_at;
	size_t n_before = p->n_aors;

	p->n_aors = p->conf->n_aors;
	p->aor_at = xcalloc(p->n_aors + 1, sizeof p->aor_at[0]);
	for (size_t i = 0; i < p->n_aors; i++) {
		uint32_t was = change ? change->aor_was[i] : AOR_NEW;
		struct aor *a = was == AOR_NEW ? aor_new(p) : before[was];

		if (was != AOR_NEW)
			before[was] = NULL;
		a->conf = &p->conf->aors[i];
		a->name = a->conf->o.name;
		p->aor_at[i] = a;
		static_contacts(a);
	}
	for (size_t i = 0; i < n_before; i++)
		if (before[i])
			aor_free(before[i]);
	free(before);
}

void aors_free(struct pbx *p)
{
	aor_for(a, p)
		aor_free(a);
	free(p->aor_at);
	p->n_aors = 0;
}
