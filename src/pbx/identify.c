/*
 * pbx/identify.c: which endpoint sends a request (nat-semantics 3.9): the line of an outbound registration first, then
 * the identifiers in endpoint_identifier_order, then those that are not listed there.
 *
 * Host names in match= are resolved by SRV and address, and refreshed by their TTL. What an answer brought is known for
 * KEEP after the last answer that had it: providers answer with another part of their addresses each time, and call
 * from the one before when they move. While DNS brings nothing, they are known for KEEP_DARK. Among several identify
 * sections the longest prefix wins.
 */
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "base/trace.h"
#include "pbx/priv.h"

#define REFRESH_MIN  30000
#define REFRESH_FAIL 10000
#define NAME_ADDRS   32
#define KEEP         3600000
#define KEEP_DARK    86400000 /* when no answer comes at all */
#define STRANGERS    4096

struct name_match { /* one host name of match= */
	struct list link;
	struct identify *of;
	struct pbx *p;
	char *host;
	struct {
		struct addr a;
		ms_t seen;
	} addrs[NAME_ADDRS];
	size_t n;
	ms_t answered; /* when an answer last had addresses */
	struct timer refresh;
};

struct pattern {
	char *name;  /* of the header; NULL: the Request-URI */
	char *exact; /* NULL: re */
	regex_t re;
};

struct identify {
	struct list link;
	const struct conf_identify *conf;
	struct list names;
	struct pattern *patterns;
	size_t n_patterns;
};

/* ---- names ---- */

static void resolve(struct name_match *n);

static void refresh(struct timer *t, ms_t now UNUSED)
{
	resolve(container_of(t, struct name_match, refresh));
}

/* A full list gives up what was not seen for the longest time. */
static void add_addr(struct name_match *n, const struct addr *a, ms_t seen)
{
	size_t at = 0;

	for (size_t i = 0; i < n->n; i++) {
		if (addr_ip_eq(&n->addrs[i].a, a)) {
			n->addrs[i].seen = MAX(n->addrs[i].seen, seen);
			return;
		}
		if (n->addrs[i].seen < n->addrs[at].seen)
			at = i;
	}
	if (n->n < NAME_ADDRS)
		at = n->n++;
	n->addrs[at].a = *a;
	n->addrs[at].seen = seen;
}

static void schedule(struct name_match *n, ms_t delay)
{
	if (!timer_runs(&n->refresh) || n->refresh.at > n->p->clock->now + delay)
		clock_in(n->p->clock, &n->refresh, delay);
}

static void on_addrs(void *arg, const struct sip_lookup_answer *a)
{
	struct name_match *n = arg;

	for (size_t i = 0; i < a->n; i++)
		add_addr(n, &a->rs[i].addr, n->p->clock->now);
	if (a->n)
		n->answered = n->p->clock->now;
	schedule(n, a->n ? MAX(a->fresh_for, REFRESH_MIN) : a->err < 0 ? REFRESH_FAIL : REFRESH_MIN);
}

static void on_srv(void *arg, const struct sip_lookup_answer *a)
{
	struct name_match *n = arg;

	for (size_t i = 0; i < a->n; i++) {
		char *target = xstrdup(a->rs[i].name);

		sip_lookup(n->p->sip, target, DNS_A, on_addrs, n);
		sip_lookup(n->p->sip, target, DNS_AAAA, on_addrs, n);
		free(target);
	}
}

static void resolve(struct name_match *n)
{
	static const char *const services[] = { "_sip._udp.", "_sip._tcp.", "_sips._tcp." };

	for (size_t i = 0; i < ARRAY_LEN(services) && n->of->conf->srv_lookups; i++) {
		char *name = xasprintf("%s%s", services[i], n->host);

		sip_lookup(n->p->sip, name, DNS_SRV, on_srv, n);
		free(name);
	}
	sip_lookup(n->p->sip, n->host, DNS_A, on_addrs, n);
	sip_lookup(n->p->sip, n->host, DNS_AAAA, on_addrs, n);
}

static bool has_addr(const struct name_match *n, const struct addr *src)
{
	ms_t now = n->p->clock->now;

	for (size_t i = 0; i < n->n; i++)
		if (addr_ip_eq(&n->addrs[i].a, src))
			return n->answered - n->addrs[i].seen <= KEEP && now - n->addrs[i].seen <= KEEP_DARK;
	return false;
}

static bool name_matches(const struct identify *id, const struct addr *src)
{
	list_for(l, &id->names)
		if (has_addr(list_entry(l, struct name_match, link), src))
			return true;
	return false;
}

/* ---- patterns ---- */

/* "exact text" or "/regular expression/". False: the expression is wrong. */
static bool pattern_make(struct pattern *pt, struct span text)
{
	char *re;
	int err;

	text = span_trim(text);
	if (text.n < 2 || text.p[0] != '/' || text.p[text.n - 1] != '/') {
		pt->exact = span_dup(text);
		return true;
	}
	re = span_dup(span_sub(text, 1, text.n - 2));
	err = regcomp(&pt->re, re, REG_EXTENDED | REG_NOSUB);
	free(re);
	return err == 0;
}

static bool pattern_fits(const struct pattern *pt, struct span value)
{
	char *text;
	bool fits;

	if (pt->exact)
		return span_is(value, pt->exact);
	text = span_dup(value);
	fits = regexec(&pt->re, text, 0, NULL, 0) == 0;
	free(text);
	return fits;
}

static bool header_fits(const struct pattern *pt, const struct sip_msg *m)
{
	struct span v;

	for (unsigned i = 0; (v = sip_hdr_named(m, span_of(pt->name), i)).p; i++)
		if (pattern_fits(pt, v))
			return true;
	return false;
}

static void add_pattern(struct identify *id, struct span name, struct span text)
{
	struct pattern pt = { .name = name.p ? span_dup(name) : NULL };

	if (!pattern_make(&pt, text)) {
		trace(EV_CONF_SAY, NULL, "identify %s: not a regular expression: %.*s", id->conf->o.name, SP(text));
		free(pt.name);
		return;
	}
	id->patterns = xrealloc(id->patterns, (id->n_patterns + 1) * sizeof pt);
	id->patterns[id->n_patterns++] = pt;
}

/* ---- adopting ---- */

static void identify_drop(struct pbx *p, struct identify *id)
{
	list_for_safe(l, &id->names) {
		struct name_match *n = list_entry(l, struct name_match, link);

		clock_stop(p->clock, &n->refresh);
		sip_lookup_drop(p->sip, n);
		list_del(&n->link);
		free(n->host);
		free(n);
	}
	for (size_t i = 0; i < id->n_patterns; i++) {
		free(id->patterns[i].name);
		if (id->patterns[i].exact)
			free(id->patterns[i].exact);
		else
			regfree(&id->patterns[i].re);
	}
	free(id->patterns);
	list_del(&id->link);
	free(id);
}

static void inherit(struct name_match *n, const struct list *before);

static void add_names(struct pbx *p, struct identify *id, const struct list *before)
{
	for (size_t i = 0; i < id->conf->match_names.n; i++) {
		struct name_match *n = xcalloc(1, sizeof *n);

		n->of = id;
		n->p = p;
		n->host = xstrdup(id->conf->match_names.v[i]);
		n->refresh.fire = refresh;
		list_push(&id->names, &n->link);
		inherit(n, before);
		resolve(n);
	}
}

static void drop_all(struct pbx *p, struct list *ids)
{
	list_for_safe(l, ids)
		identify_drop(p, list_entry(l, struct identify, link));
}

/* What the same name brought before a reload. */
static void inherit(struct name_match *n, const struct list *before)
{
	list_for(l, before) {
		const struct identify *id = list_entry(l, struct identify, link);

		list_for(k, &id->names) {
			const struct name_match *old = list_entry(k, struct name_match, link);

			if (strcmp(old->host, n->host) != 0 || id->conf->srv_lookups != n->of->conf->srv_lookups)
				continue;
			for (size_t i = 0; i < old->n; i++)
				add_addr(n, &old->addrs[i].a, old->addrs[i].seen);
			n->answered = MAX(n->answered, old->answered);
		}
	}
}

static void order_identifiers(struct pbx *p);

void identify_adopt(struct pbx *p)
{
	struct list before;

	order_identifiers(p);
	list_init(&before);
	list_for_safe(l, &p->identifies) {
		list_del(l);
		list_push(&before, l);
	}
	for (size_t i = 0; i < p->conf->n_identifies; i++) {
		struct identify *id = xcalloc(1, sizeof *id);

		id->conf = &p->conf->identifies[i];
		list_init(&id->names);
		list_push(&p->identifies, &id->link);
		for (size_t j = 0; j < id->conf->match_header.n; j++) {
			struct span text = span_of(id->conf->match_header.v[j]), name;

			if (span_cut(&text, ':', &name) && text.p)
				add_pattern(id, span_trim(name), text);
		}
		for (size_t j = 0; j < id->conf->match_request_uri.n; j++)
			add_pattern(id, SPAN_NONE, span_of(id->conf->match_request_uri.v[j]));
		add_names(p, id, &before);
	}
	drop_all(p, &before);
}

/* ---- the identifiers ---- */

/* The longest prefix; compat=asterisk: the first that matches. */
static const struct conf_endpoint *at_ip(const struct pbx *p, const struct addr *src)
{
	const struct conf_endpoint *ep = NULL;
	int best = -1;

	list_for(l, &p->identifies) {
		const struct identify *id = list_entry(l, struct identify, link);
		int close = net_list_closeness(&id->conf->match, src);

		if (close < addr_closeness(src) && name_matches(id, src))
			close = addr_closeness(src);
		if (close <= best)
			continue;
		best = close;
		ep = id->conf->endpoint;
		if (p->conf->hairpin.compat_asterisk)
			break;
	}
	return ep;
}

static const struct conf_endpoint *by_ip(struct pbx *p, const struct sip_msg *m)
{
	return at_ip(p, &m->flow.peer);
}

static const struct conf_endpoint *by_pattern(struct pbx *p, const struct sip_msg *m, bool header)
{
	list_for(l, &p->identifies) {
		const struct identify *id = list_entry(l, struct identify, link);

		for (size_t i = 0; i < id->n_patterns; i++) {
			const struct pattern *pt = &id->patterns[i];

			if ((pt->name != NULL) == header &&
			    (header ? header_fits(pt, m) : pattern_fits(pt, m->ruri.text)))
				return id->conf->endpoint;
		}
	}
	return NULL;
}

static const struct conf_endpoint *by_header(struct pbx *p, const struct sip_msg *m)
{
	return by_pattern(p, m, true);
}

static const struct conf_endpoint *by_request_uri(struct pbx *p, const struct sip_msg *m)
{
	return by_pattern(p, m, false);
}

struct span uri_user(const struct conf *c, const struct sip_uri *u, struct out *o)
{
	struct sip_uri plain = { .is_tel = u->is_tel, .user = u->user };
	long semi = c->global.ignore_uri_user_options ? span_chr(u->user, ';') : -1;

	if (semi >= 0)
		plain.user = span_sub(u->user, 0, (size_t)semi);
	if (!u->is_tel && span_chr(plain.user, '%') < 0)
		return plain.user;
	sip_out_uri_user(o, &plain);
	return out_look(o);
}

static const struct conf_endpoint *at(struct pbx *p, struct span user, struct span domain)
{
	char name[1024];
	struct out o = out_fixed(name, sizeof name);

	out_all(&o, user, "@", domain);
	return out_done(&o) > 0 ? conf_endpoint(p->conf, out_look(&o)) : NULL;
}

/* user@domain, user@alias, user@the transport's domain, user. */
static const struct conf_endpoint *named(struct pbx *p, const struct sip_msg *m, struct span user, struct span domain)
{
	const struct conf_endpoint *ep = NULL;

	if (!user.n)
		return NULL;
	if (p->conf->n_with_domain && !p->conf->global.disable_multi_domain) {
		struct sip_transport_info tp = sip_transport_of(p->sip, &m->flow);

		ep = at(p, user, domain);
		for (size_t i = 0; i < p->conf->domain_aliases.n && !ep; i++) {
			struct span target = span_of(p->conf->domain_aliases.v[i]), alias;

			if (span_cut(&target, '=', &alias) && span_ieq(alias, domain))
				ep = at(p, user, target);
		}
		if (!ep && tp.conf && tp.conf->domain[0])
			ep = at(p, user, span_of(tp.conf->domain));
	}
	return ep ? ep : conf_endpoint(p->conf, user);
}

static const struct conf_endpoint *by_username(struct pbx *p, const struct sip_msg *m)
{
	char room[256];
	struct out user = out_growing_in(room, sizeof room);
	const struct conf_endpoint *ep;

	ep = named(p, m, uri_user(p->conf, &m->from.uri, &user), m->from.uri.host);
	out_free(&user);
	return ep && (ep->identify_by & IDENTIFY_USERNAME) ? ep : NULL;
}

static const struct conf_endpoint *by_auth_username(struct pbx *p, const struct sip_msg *m)
{
	struct span realm = SPAN_NONE, user = sip_digest_username(m, &realm);
	const struct conf_endpoint *ep = named(p, m, user, realm);

	return ep && (ep->identify_by & IDENTIFY_AUTH_USERNAME) ? ep : NULL;
}

static const struct conf_endpoint *by_anonymous(struct pbx *p, const struct sip_msg *m)
{
	return named(p, m, SPAN("anonymous"), m->from.uri.host);
}

static const struct identifier {
	const char *name;
	const struct conf_endpoint *(*ask)(struct pbx *p, const struct sip_msg *m);
} identifiers[] = {
	{ "ip", by_ip },         { "username", by_username },       { "auth_username", by_auth_username },
	{ "header", by_header }, { "request_uri", by_request_uri }, { "anonymous", by_anonymous },
};

_Static_assert(ARRAY_LEN(identifiers) == IDENTIFIERS, "struct pbx has room for them");

/* As endpoint_identifier_order has them, then those that are not listed there. */
static void order_identifiers(struct pbx *p)
{
	const struct strs *order = &p->conf->global.endpoint_identifier_order;
	uint8_t n = 0, at[IDENTIFIERS];
	uint32_t listed = 0;

	for (size_t i = 0; i <= order->n; i++)
		for (uint8_t j = 0; j < IDENTIFIERS; j++)
			if (!(listed & 1u << j) && (i == order->n || strcmp(order->v[i], identifiers[j].name) == 0)) {
				listed |= 1u << j;
				at[n++] = j;
			}
	memcpy(p->identify_order, at, sizeof at);
}

static const struct conf_endpoint *in_order(struct pbx *p, const struct sip_msg *m, const char **how)
{
	const struct conf_endpoint *ep;

	for (size_t i = 0; i < IDENTIFIERS; i++)
		if ((ep = identifiers[p->identify_order[i]].ask(p, m))) {
			*how = identifiers[p->identify_order[i]].name;
			return ep;
		}
	return NULL;
}

/* ---- strangers: said once they come often (unidentified_request_*) ---- */

struct strangers {
	UT_hash_handle hh;
	struct addr ip; /* without a port, zeroed */
	unsigned count;
	ms_t since;
};

static void forget_strangers(struct pbx *p, ms_t older_than)
{
	struct strangers *s, *next;

	HASH_ITER(hh, p->strangers, s, next) {
		if (s->since > older_than)
			continue;
		HASH_DEL(p->strangers, s);
		free(s);
	}
}

static void note_stranger(struct pbx *p, const struct sip_msg *m)
{
	const struct conf_global *g = &p->conf->global;
	struct strangers *s, key = { 0 };
	char src[ADDR_STRLEN];

	key.ip.family = m->flow.peer.family;
	memcpy(key.ip.ip, m->flow.peer.ip, sizeof key.ip.ip);
	HASH_FIND(hh, p->strangers, &key.ip, sizeof key.ip, s);
	if (!s) {
		if (HASH_COUNT(p->strangers) >= STRANGERS)
			forget_strangers(p, p->clock->now - (ms_t)g->unidentified_request_prune_interval * 1000);
		if (HASH_COUNT(p->strangers) >= STRANGERS)
			return;
		s = xcalloc(1, sizeof *s);
		s->ip = key.ip;
		s->since = p->clock->now;
		HASH_ADD(hh, p->strangers, ip, sizeof s->ip, s);
	}
	if (p->clock->now - s->since > (ms_t)g->unidentified_request_period * 1000) {
		s->count = 0;
		s->since = p->clock->now;
	}
	if (++s->count == g->unidentified_request_count)
		trace(EV_SIP_UNIDENT, NULL, "%.*s from %s: No matching endpoint found after %u tries in %lld ms",
		      SP(m->from.text), addr_str(&m->flow.peer, src), s->count, (long long)(p->clock->now - s->since));
}

void each_nameless(struct pbx *p, void (*each)(void *arg, const struct conf_identify *of, const char *name), void *arg)
{
	list_for(l, &p->identifies) {
		const struct identify *id = list_entry(l, struct identify, link);

		list_for(k, &id->names) {
			const struct name_match *n = list_entry(k, struct name_match, link);

			if (!n->answered && timer_runs(&n->refresh)) /* it runs after the first answer */
				each(arg, id->conf, n->host);
		}
	}
}

void each_stranger(struct pbx *p, void (*each)(void *arg, const struct addr *from, unsigned requests), void *arg)
{
	for (struct strangers *s = p->strangers; s; s = s->hh.next)
		if (!at_ip(p, &s->ip)) /* else the configuration has been mended since */
			each(arg, &s->ip, s->count);
}

const struct conf_endpoint *identify(struct pbx *p, const struct sip_msg *m, const char **how)
{
	const struct conf_endpoint *ep = outreg_line(p, m);

	*how = "line";
	if (!ep)
		ep = in_order(p, m, how);
	if (!ep)
		note_stranger(p, m);
	return ep;
}

void identify_free(struct pbx *p)
{
	drop_all(p, &p->identifies);
	forget_strangers(p, MS_NEVER);
}
