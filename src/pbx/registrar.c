/*
 * pbx/registrar.c: REGISTER (RFC 3261 10.3, RFC 3327; nat-semantics 3.7).
 *
 * With rewrite_contact the first Contact is stored as the packet's source, and the phone gets its own Contact back. A
 * device that registers again from a new source (its NAT moved the port) replaces its binding instead of adding one:
 * it is known by its instance, by its Call-ID, or by its own Contact behind the same address.
 */
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "base/trace.h"
#include "pbx/priv.h"

#define CONTACTS_MAX 10
#define URI_MAX      255 /* bytes of each text that is kept with a contact */
#define PATH_TEXT    1023
#define TEXTS        1024 /* bytes: those of most requests */

struct item { /* one Contact of the request */
	const char *uri, *orig, *instance;
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
	const char *path;
	struct arena *mem; /* of the texts */
};

static const char *kept(const struct reg *r, struct span s)
{
	return s.n ? arena_str(r->mem, s) : "";
}

COLD static void refuse(struct reg *r, unsigned code, const char *why)
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
	struct span realm;
	struct span auth = by_auth ? sip_digest_username(r->m, &realm) : SPAN_NONE;
	char room[256];
	struct out o = out_growing_in(room, sizeof room);
	struct span user = uri_user(r->p->conf, &r->m->to.uri, &o);
	struct aor *a = NULL;

	for (size_t i = 0; i < r->ep->n_aors && !a; i++)
		if (names_aor(r->p->conf, r->ep->aors[i]->o.name, user, r->m->to.uri.host))
			a = aor_of(r->p, r->ep->aors[i]);
	for (size_t i = 0; i < r->ep->n_aors && !a; i++)
		if (by_auth && span_is(auth, r->ep->aors[i]->o.name))
			a = aor_of(r->p, r->ep->aors[i]);
	out_free(&o);
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
			out_all(o, ";", name, value.p ? "=" : "", value);
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
				out_all(&orig, ":", a->uri.port);
		}
	} else {
		out_clean(&uri, &a->uri);
	}
	it->uri = kept(r, out_look(&uri));
	it->orig = kept(r, out_look(&orig));
	out_free(&uri);
	out_free(&orig);
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

static bool is_in_request(const struct reg *r, const struct contact *c)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->items[i].bound == c)
			return true;
	return false;
}

/* Where the device of this Contact was until now. A binding moves once. */
static struct contact *moved_from(const struct reg *r, const struct item *it)
{
	list_for(l, &r->aor->contacts) {
		struct contact *c = list_entry(l, struct contact, link);

		if (!c->is_static && same_device(r, it, c) && !is_in_request(r, c))
			return c;
	}
	return NULL;
}

static void bind(struct reg *r)
{
	bool may_move = rewrites(r) && !r->p->conf->hairpin.compat_asterisk;

	for (size_t i = 0; i < r->n; i++)
		r->items[i].bound = contact_find(r->aor, span_of(r->items[i].uri));
	for (size_t i = 0; i < r->n && may_move; i++) {
		struct item *it = &r->items[i];

		if (it->bound)
			continue;
		it->bound = moved_from(r, it);
		it->moved = it->bound != NULL;
	}
}

/* Two Contacts of the request may say one URI. */
static void unbind(struct reg *r, struct contact *c, const char *why)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->items[i].bound == c)
			r->items[i].bound = NULL;
	contact_remove(c, why);
}

static bool acl_allows(const struct reg *r, const struct sip_naddr *a)
{
	const struct conf_acls *own = &r->ep->contact_acl;
	struct addr ip;

	if (!r->p->conf->n_acls && !own->deny.n && !own->n_named)
		return true;
	if (!addr_parse_ip(a->uri.host, &ip))
		return true;
	for (size_t i = 0; i < r->p->conf->n_acls; i++) /* acl sections hold for everybody */
		if (conf_acls_deny(&r->p->conf->acls[i].contact_acl, &ip))
			return false;
	return !conf_acls_deny(own, &ip);
}

/* False: refused. */
static bool take_contacts(struct reg *r)
{
	struct sip_walk w = { 0 };
	struct span v;
	size_t count_all = 0;

	if (r->m->contact_star) {
		while (sip_walk(r->m, SIP_HDR_CONTACT, &w, &v))
			count_all++;
		if (count_all == 1 && r->m->expires == 0)
			return true;
		refuse(r, 400, "'Contact: *' stands alone and with Expires: 0");
		return false;
	}
	while (sip_walk(r->m, SIP_HDR_CONTACT, &w, &v)) {
		struct item *it = &r->items[r->n];
		struct sip_naddr a = r->m->contact;
		struct span instance = SPAN_NONE;

		if (r->n == CONTACTS_MAX || (r->n && !sip_naddr_parse(v, &a)) || !a.uri.is_sip ||
		    a.uri.text.n > URI_MAX ||
		    (sip_param(a.params, "+sip.instance", &instance) && instance.n > URI_MAX)) {
			refuse(r, 400, "a Contact that cannot be stored");
			return false;
		}
		if (!acl_allows(r, &a)) {
			refuse(r, 403, "the Contact is denied by contact_acl");
			return false;
		}
		it->instance = kept(r, instance);
		it->expires = expiry_of(r, &a);
		take_uri(r, &a, it, r->n == 0);
		r->n++;
	}
	bind(r);
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

/* A later Contact of the request is about the same binding, and has the last word. */
static bool is_said_again(const struct reg *r, size_t i)
{
	for (size_t j = i + 1; r->items[i].bound && j < r->n; j++)
		if (r->items[j].bound == r->items[i].bound)
			return true;
	return false;
}

static bool make_room(struct reg *r)
{
	const struct conf_aor *c = r->aor->conf;
	size_t added = 0, deleted = 0, updated = 0, total;
	struct contact *out;

	for (size_t i = 0; i < r->n; i++) {
		if (is_said_again(r, i))
			continue;
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

static void store_item(struct reg *r, struct item *it)
{
	struct sip_transport_info tp = sip_transport_of(r->p->sip, &r->m->flow);
	struct store_contact s = { .aor = r->aor->name,
				   .uri = it->uri,
				   .path = r->path,
				   .user_agent = kept(r, span_sub(sip_hdr_value(r->m, SIP_HDR_USER_AGENT), 0, URI_MAX)),
				   .call_id = kept(r, r->m->call_id),
				   .instance = it->instance,
				   .orig_host = it->orig,
				   .endpoint = r->ep->o.name,
				   .transport = tp.conf && tp.conf->symmetric_transport ? tp.conf->o.name : "",
				   .via_addr = kept(r, r->m->via.host),
				   .via_port = r->m->via.port,
				   .cseq = r->m->cseq,
				   .expires = clock_wall(r->p->clock) + (int64_t)it->expires * 1000,
				   .prune_on_boot = net_is_stream(r->m->flow.proto) && rewrites(r) };
	bool fresh = !it->bound || it->moved;
	struct reach *known = NULL;
	struct contact *c;

	if (it->moved) {
		trace(EV_REG_MOVE, NULL, "Contact '%s' of AOR '%s' moved to '%s'", it->bound->uri, r->aor->name,
		      it->uri);
		known = reach_take(it->bound);
		unbind(r, it->bound, "its device moving");
	}
	c = contact_put(r->aor, it->bound, &s);
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
			unbind(r, r->items[i].bound, "request");
	}
}

/* ---- the answer ---- */

/*
 * The Contact as its phone wrote it: where we wrote where it comes from stands its own host. (Nothing but a user ends
 * with '@', and nothing but parameters follows the host: they were parsed.)
 */
static void put_contact(const struct reg *r, const struct contact *c, struct sip_build *b)
{
	uint64_t left = (uint64_t)MAX(c->expires - clock_wall(r->p->clock) + 999, 0) / 1000;
	struct span uri = span_of(c->uri);

	if (c->is_static) {
		sip_put(b, "Contact", "<%s>", c->uri);
		return;
	}
	out_str(b->o, "Contact: <");
	if (c->orig_host[0]) {
		size_t host = (size_t)(MAX(span_chr(uri, '@'), span_chr(uri, ':')) + 1);
		long params = span_chr(span_from(uri, host), ';');

		out_all(b->o, span_sub(uri, 0, host), c->orig_host);
		uri = params < 0 ? SPAN_NONE : span_from(uri, host + (size_t)params);
	}
	out_all(b->o, uri, ">;expires=", left, "\r\n");
}

/* The same for a second. */
static const char *date_of(struct pbx *p)
{
	time_t now = (time_t)(clock_wall(p->clock) / 1000);
	struct tm tm;

	if (now == p->date.second && p->date.text[0])
		return p->date.text;
	p->date.second = now;
	if (!gmtime_r(&now, &tm) || !strftime(p->date.text, sizeof p->date.text, "%a, %d %b %Y %H:%M:%S GMT", &tm))
		p->date.text[0] = '\0';
	return p->date.text;
}

static void build_ok(void *arg, struct sip_build *b)
{
	const struct reg *r = arg;

	list_for(l, &r->aor->contacts)
		put_contact(r, list_entry(l, struct contact, link), b);
	if (r->m->expires != SIP_NO_NUMBER)
		out_all(b->o, "Expires: ", r->n ? r->items[0].expires : r->m->expires, "\r\n");
	if (r->path[0])
		sip_put(b, "Path", "%s", r->path);
	out_all(b->o, "Date: ", date_of(r->p), "\r\n");
}

static const char *join_path(const struct reg *r)
{
	char room[256];
	struct out o = out_growing_in(room, sizeof room);
	struct sip_walk w = { 0 };
	const char *path;
	struct span v;

	if (!r->aor->conf->support_path)
		return "";
	while (sip_walk(r->m, SIP_HDR_PATH, &w, &v))
		out_all(&o, o.n ? ", " : "", v);
	path = kept(r, out_look(&o));
	out_free(&o);
	return path;
}

static void serve(struct reg *r)
{
	if (r->aor->conf->support_path && sip_hdr(r->m, SIP_HDR_PATH) &&
	    !sip_has_token(r->m, SIP_HDR_SUPPORTED, "path")) {
		refuse(r, 420, "Path needs 'Supported: path'");
		return;
	}
	if (r->m->call_id.n > URI_MAX || strlen(r->path) > PATH_TEXT) {
		refuse(r, 400, "a Call-ID or Path that cannot be stored");
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
	_Alignas(max_align_t) char room[TEXTS];

	if (!r.m->ruri.is_sip || !r.m->to.uri.is_sip) {
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
	r.mem = arena_new_in(room, sizeof room);
	r.path = join_path(&r);
	serve(&r);
	arena_free(r.mem);
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
