/*
 * pbx/registrar.c: REGISTER (RFC 3261 10.3, RFC 3327; nat-semantics 3.7).
 *
 * With rewrite_contact the first Contact is stored as the packet's source, and the phone gets its own Contact back. A
 * device that registers again from a new source (its NAT moved the port) replaces its binding instead of adding one:
 * it is known by its instance, by its Call-ID, or by its own Contact behind the same address.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/trace.h"
#include "pbx/priv.h"

#define CONTACTS_MAX 10
#define URI_MAX      255

struct item { /* one Contact of the request */
	char *uri, *orig, *instance;
	uint32_t expires;
	struct contact *bound; /* what it refreshes, moves or removes */
	bool moved;
};

struct reg {
	struct pbx *p;
	struct sip_uas *uas;
	const struct sip_msg *m;
	const struct conf_endpoint *ep;
	struct aor *aor;
	struct item items[CONTACTS_MAX];
	size_t n;
	char *path;
};

static void refuse(struct reg *r, unsigned code, const char *why)
{
	char src[ADDR_STRLEN];

	count(CNT_reg_refused);
	trace(EV_REG_REFUSED, NULL, "Registration attempt from endpoint '%s' (%s) refused: %u %s", r->ep->o.name,
	      addr_str(&r->m->flow.peer, src), code, why ? why : sip_reason_phrase(code));
	sip_reply(r->uas, code, why, NULL, NULL);
}

/* ---- which AOR ---- */

static bool names_aor(const struct conf *c, const char *aor, struct span user, struct span domain)
{
	struct span name = span_of(aor), local = name;
	long at = span_rchr(name, '@');

	if (at < 0)
		return span_eq(name, user);
	local = span_sub(name, 0, (size_t)at);
	name = span_from(name, (size_t)at + 1);
	if (!span_eq(local, user))
		return false;
	if (span_ieq(name, domain))
		return true;
	for (size_t i = 0; i < c->domain_aliases.n; i++) { /* "alias=domain" */
		struct span target = span_of(c->domain_aliases.v[i]), alias;

		if (span_cut(&target, '=', &alias) && span_ieq(alias, domain) && span_ieq(target, name))
			return true;
	}
	return false;
}

static struct aor *choose_aor(const struct reg *r)
{
	bool by_auth = r->ep->identify_by & IDENTIFY_AUTH_USERNAME;
	struct span realm, user = r->m->to.uri.user;
	struct span auth = by_auth ? sip_digest_username(r->m, &realm) : SPAN_NONE;
	char room[256];
	struct out plain = out_growing_in(room, sizeof room);
	struct aor *a = NULL;

	out_uri_user(&plain, r->p->conf, user);
	for (size_t i = 0; i < r->ep->n_aors && !a; i++)
		if (names_aor(r->p->conf, r->ep->aors[i]->o.name, out_look(&plain), r->m->to.uri.host))
			a = aor_find(r->p, span_of(r->ep->aors[i]->o.name));
	for (size_t i = 0; i < r->ep->n_aors && !a; i++)
		if (by_auth && span_is(auth, r->ep->aors[i]->o.name))
			a = aor_find(r->p, auth);
	out_free(&plain);
	return a;
}

/* ---- the Contacts ---- */

static uint32_t expiry_of(const struct reg *r, const struct sip_naddr *a)
{
	const struct conf_aor *c = r->aor->conf;
	uint32_t v = c->default_expiration;
	struct span text;

	if (r->m->expires != SIP_NO_NUMBER)
		v = r->m->expires;
	if (sip_param(a->params, "expires", &text) && !span_u32(text, UINT32_MAX - 1, &v))
		v = c->default_expiration; /* RFC 3261 20.19: malformed counts as absent */
	if (!v)
		return 0;
	return MAX(c->minimum_expiration, MIN(c->maximum_expiration, v));
}

/* x-ast-* parameters never come from outside. */
static void out_clean(struct out *o, const struct sip_uri *u)
{
	struct span params = u->params, name, value;

	out_span(o, span_sub(u->text, 0, u->params.p ? (size_t)(u->params.p - u->text.p) - 1 : u->text.n));
	while (sip_param_next(&params, &name, &value))
		if (!span_istarts(name, SPAN("x-ast-")))
			out_fmt(o, value.p ? ";%.*s=%.*s" : ";%.*s%.*s", SP(name), SP(value));
}

static bool rewrites(const struct reg *r)
{
	return r->ep->rewrite_contact || (r->ep->rewrite_if_nat && sip_behind_nat(r->m));
}

static void take_uri(struct reg *r, const struct sip_naddr *a, struct item *it, bool first)
{
	struct nat_contact_ask ask = { .rewrite_contact = first && rewrites(r),
				       .is_register = true,
				       .is_request = true,
				       .contact_is_sip = a->uri.is_sip };
	char room[2][256];
	struct out uri = out_growing_in(room[0], sizeof room[0]), orig = out_growing_in(room[1], sizeof room[1]);
	struct addr said;

	if (nat_contact_rule(&ask) == NAT_REWRITE_CONTACT) {
		sip_out_rewritten(&uri, &a->uri, &r->m->flow);
		if (!addr_parse_ip(a->uri.host, &said) || !addr_ip_eq(&said, &r->m->flow.peer) ||
		    (a->uri.port ? a->uri.port : 5060) != r->m->flow.peer.port) {
			out_span(&orig, a->uri.host);
			if (a->uri.port)
				out_fmt(&orig, ":%u", a->uri.port);
		}
	} else {
		out_clean(&uri, &a->uri);
	}
	it->uri = out_take(&uri);
	it->orig = out_take(&orig);
}

/* The same device, known by instance, Call-ID, or its own Contact behind the same address. */
static bool same_device(const struct reg *r, const struct item *it, const struct contact *c)
{
	struct sip_uri stored;
	struct addr from;

	if (it->instance[0] && strcmp(it->instance, c->instance) == 0)
		return true;
	if (r->n == 1 && span_is(r->m->call_id, c->call_id))
		return true;
	return it->orig[0] && strcmp(it->orig, c->orig_host) == 0 && sip_uri_parse(span_of(c->uri), &stored) &&
	       addr_parse_ip(stored.host, &from) && addr_ip_eq(&from, &r->m->flow.peer);
}

static void bind(struct reg *r, struct item *it)
{
	struct sip_uri u;

	if (sip_uri_parse(span_of(it->uri), &u))
		it->bound = contact_find(r->aor, &u);
	if (it->bound || !rewrites(r) || r->p->conf->hairpin.compat_asterisk)
		return;
	list_for(l, &r->aor->contacts) {
		struct contact *c = list_entry(l, struct contact, link);

		if (c->is_static || !same_device(r, it, c))
			continue;
		it->bound = c;
		it->moved = true;
		return;
	}
}

static bool acl_allows(const struct reg *r, const struct sip_naddr *a)
{
	struct addr ip;

	if (!addr_parse_ip(a->uri.host, &ip))
		return true;
	for (size_t i = 0; i < r->p->conf->n_acls; i++) /* acl sections hold for everybody */
		if (conf_acls_deny(&r->p->conf->acls[i].contact_acl, &ip))
			return false;
	return !conf_acls_deny(&r->ep->contact_acl, &ip);
}

/* False: refused. */
static bool take_contacts(struct reg *r)
{
	struct sip_walk w = { 0 };
	struct span v;
	size_t count_all = 0;

	while (sip_walk(r->m, SIP_HDR_CONTACT, &w, &v))
		count_all++;
	if (r->m->contact_star) {
		if (count_all == 1 && r->m->expires == 0)
			return true;
		refuse(r, 400, "'Contact: *' stands alone and with Expires: 0");
		return false;
	}
	w = (struct sip_walk){ 0 };
	while (sip_walk(r->m, SIP_HDR_CONTACT, &w, &v)) {
		struct item *it = &r->items[r->n];
		struct sip_naddr a;
		struct span instance = SPAN_NONE;

		if (r->n == CONTACTS_MAX || !sip_naddr_parse(v, &a) || !a.uri.is_sip || a.uri.text.n > URI_MAX) {
			refuse(r, 400, "a Contact that cannot be stored");
			return false;
		}
		if (!acl_allows(r, &a)) {
			refuse(r, 403, "the Contact is denied by contact_acl");
			return false;
		}
		sip_param(a.params, "+sip.instance", &instance);
		it->instance = span_dup(instance);
		it->expires = expiry_of(r, &a);
		take_uri(r, &a, it, r->n == 0);
		r->n++;
	}
	for (size_t i = 0; i < r->n; i++)
		bind(r, &r->items[i]);
	return true;
}

/* RFC 3261 10.3 step 7: an older request of the same device changes nothing. */
static bool out_of_order(const struct reg *r)
{
	for (size_t i = 0; i < r->n; i++) {
		const struct contact *c = r->items[i].bound;

		if (c && span_is(r->m->call_id, c->call_id) && r->m->cseq <= c->cseq)
			return true;
	}
	return false;
}

/* ---- limits ---- */

static bool is_in_request(const struct reg *r, const struct contact *c)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->items[i].bound == c)
			return true;
	return false;
}

/* Who goes first when there are too many: the unreachable (if wanted), then the soonest to expire. */
static struct contact *weakest(const struct reg *r, bool only_unavailable)
{
	struct contact *worst = NULL;

	list_for(l, &r->aor->contacts) {
		struct contact *c = list_entry(l, struct contact, link);
		bool dead = c->status == CONTACT_UNAVAIL;

		if (c->is_static || is_in_request(r, c) || (only_unavailable && !dead))
			continue;
		if (!worst || (r->aor->conf->remove_unavailable && dead && worst->status != CONTACT_UNAVAIL) ||
		    (dead == (worst->status == CONTACT_UNAVAIL) && c->expires < worst->expires))
			worst = c;
	}
	return worst;
}

static bool make_room(struct reg *r)
{
	const struct conf_aor *c = r->aor->conf;
	size_t added = 0, deleted = 0, updated = 0, total;
	struct contact *out;

	for (size_t i = 0; i < r->n; i++) {
		if (!r->items[i].bound)
			added += r->items[i].expires > 0;
		else if (r->items[i].expires)
			updated++;
		else
			deleted++;
	}
	total = c->remove_existing ? updated + added : r->aor->n_dynamic + added - deleted;
	while (total > c->max_contacts && c->remove_unavailable && (out = weakest(r, true))) {
		contact_remove(out, "remove_unavailable");
		total = c->remove_existing ? total : total - 1;
		if (c->remove_existing)
			break;
	}
	if (added && total > c->max_contacts) {
		refuse(r, 403, "max_contacts is reached");
		return false;
	}
	while (c->remove_existing && r->aor->n_dynamic + added - deleted > c->max_contacts && (out = weakest(r, false)))
		contact_remove(out, "remove_existing");
	if (added && r->p->n_contacts >= r->p->conf->hairpin.max_contacts_total) {
		refuse(r, 503, "max_contacts_total is reached");
		return false;
	}
	return true;
}

/* ---- storing ---- */

static void store_item(struct reg *r, const struct item *it)
{
	struct sip_transport_info tp = sip_transport_of(r->p->sip, &r->m->flow);
	char *agent = span_dup(sip_hdr_value(r->m, SIP_HDR_USER_AGENT)), *call_id = span_dup(r->m->call_id);
	char *via = span_dup(r->m->via.host);
	struct store_contact s = { .aor = r->aor->name,
				   .uri = it->uri,
				   .path = r->path,
				   .user_agent = agent,
				   .call_id = call_id,
				   .instance = it->instance,
				   .orig_host = it->orig,
				   .endpoint = r->ep->o.name,
				   .transport = tp.conf && tp.conf->symmetric_transport ? tp.conf->o.name : "",
				   .via_addr = via,
				   .via_port = r->m->via.port,
				   .cseq = r->m->cseq,
				   .expires = clock_wall(r->p->clock) + (int64_t)it->expires * 1000,
				   .prune_on_boot = r->m->flow.proto == NET_TCP && rewrites(r) };
	bool fresh = !it->bound || it->moved;
	struct reach *known = NULL;
	struct contact *c;

	if (it->moved) {
		trace(EV_REG_MOVE, NULL, "Contact '%s' of AOR '%s' moved to '%s'", it->bound->uri, r->aor->name,
		      it->uri);
		known = reach_take(it->bound);
		contact_remove(it->bound, "its device moving");
	}
	c = contact_put(r->aor, &s);
	reach_give(c, known);
	if (c) {
		reach_registered(c, it->moved);
		c->sock = s.prune_on_boot ? r->m->flow.sock : 0;
		c->source = r->m->flow.peer;
		c->no_rport = !r->m->via.has_rport;
		c->listener = r->m->flow.proto == NET_UDP ? r->m->flow.listener : 0;
		trace(fresh ? EV_REG_ADD : EV_REG_REFRESH, NULL,
		      "%s contact '%s' to AOR '%s' with expiration of %u seconds", fresh ? "Added" : "Refreshed",
		      it->uri, r->aor->name, it->expires);
		if (fresh)
			qualify_new_contact(r->aor);
	}
	free(agent);
	free(call_id);
	free(via);
}

static void apply(struct reg *r)
{
	if (r->m->contact_star)
		list_for_safe(l, &r->aor->contacts) {
			struct contact *c = list_entry(l, struct contact, link);

			if (!c->is_static)
				contact_remove(c, "request");
		}
	for (size_t i = 0; i < r->n; i++) {
		if (r->items[i].expires)
			store_item(r, &r->items[i]);
		else if (r->items[i].bound)
			contact_remove(r->items[i].bound, "request");
	}
}

/* ---- the answer ---- */

/* The Contact as its phone wrote it. */
static void put_contact(const struct reg *r, const struct contact *c, struct sip_build *b)
{
	long long left = (c->expires - clock_wall(r->p->clock) + 999) / 1000;
	struct sip_uri u;

	if (c->is_static) {
		sip_put(b, "Contact", "<%s>", c->uri);
		return;
	}
	if (!c->orig_host[0] || !sip_uri_parse(span_of(c->uri), &u)) {
		sip_put(b, "Contact", "<%s>;expires=%lld", c->uri, left);
		return;
	}
	sip_put(b, "Contact", u.params.n ? "<%.*s:%.*s%s%s;%.*s>;expires=%lld" : "<%.*s:%.*s%s%s%.*s>;expires=%lld",
		SP(u.scheme), SP(u.user), u.user.n ? "@" : "", c->orig_host, SP(u.params), left);
}

static void build_ok(void *arg, struct sip_build *b)
{
	const struct reg *r = arg;
	time_t now = (time_t)(clock_wall(r->p->clock) / 1000);
	char date[64];
	struct tm tm;

	list_for(l, &r->aor->contacts)
		put_contact(r, list_entry(l, struct contact, link), b);
	if (r->m->expires != SIP_NO_NUMBER)
		sip_put(b, "Expires", "%u", r->n ? r->items[0].expires : r->m->expires);
	if (r->path[0])
		sip_put(b, "Path", "%s", r->path);
	if (gmtime_r(&now, &tm) && strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", &tm))
		sip_put(b, "Date", "%s", date);
}

static char *join_path(const struct reg *r)
{
	char room[256];
	struct out o = out_growing_in(room, sizeof room);
	struct sip_walk w = { 0 };
	struct span v;

	while (r->aor->conf->support_path && sip_walk(r->m, SIP_HDR_PATH, &w, &v))
		out_fmt(&o, "%s%.*s", o.n ? ", " : "", SP(v));
	return out_take(&o);
}

static void serve(struct reg *r)
{
	if (r->aor->conf->support_path && sip_hdr(r->m, SIP_HDR_PATH) &&
	    !sip_has_token(r->m, SIP_HDR_SUPPORTED, "path")) {
		refuse(r, 420, "Path needs 'Supported: path'");
		return;
	}
	if (!take_contacts(r))
		return;
	if (out_of_order(r)) {
		refuse(r, 500, "CSeq went backwards");
		return;
	}
	if (!make_room(r))
		return;
	apply(r);
	count(CNT_reg_ok);
	sip_reply(r->uas, 200, NULL, build_ok, r);
}

void registrar_request(struct pbx *p, struct sip_uas *uas, const struct conf_endpoint *ep)
{
	struct reg r = { .p = p, .uas = uas, .m = sip_uas_msg(uas), .ep = ep };

	if (!r.m->to.uri.is_sip) {
		refuse(&r, 416, NULL);
		return;
	}
	if (!ep->n_aors) {
		refuse(&r, 403, "the endpoint has no aors=");
		return;
	}
	r.aor = choose_aor(&r);
	if (!r.aor) {
		refuse(&r, 404, NULL);
		return;
	}
	r.path = join_path(&r);
	serve(&r);
	for (size_t i = 0; i < ARRAY_LEN(r.items); i++) {
		free(r.items[i].uri);
		free(r.items[i].orig);
		free(r.items[i].instance);
	}
	free(r.path);
}

void registrar_closed(struct pbx *p, const struct flow *f)
{
	aor_for(a, p)
		list_for_safe(l, &a->contacts) {
			struct contact *c = list_entry(l, struct contact, link);

			if (c->sock && c->sock == f->sock)
				contact_remove(c, "shutdown of its connection");
		}
}
