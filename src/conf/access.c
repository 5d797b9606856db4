/*
 * conf/access.c: lists of addresses: local_net, permit and deny, the lists of acl.conf, an identify's match. All are
 * read item by item, separated by commas, and the last item that covers an address decides.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "conf/opt.h"

static void add_rule(struct arena *a, struct net_list *l, struct net_rule r)
{
	l->rules = array_grow(a, l->rules, l->n, sizeof l->rules[0]);
	l->rules[l->n++] = r;
}

/* Appends the items of v; with `flip` the meaning of each is turned round. */
static bool add_items(struct opt_cx *cx, struct net_list *l, struct span v, bool flip)
{
	struct net_rule r;
	struct span item;
	const char *why;

	while (v.n && span_cut(&v, ',', &item)) {
		item = span_trim(item);
		if (!item.n)
			continue;
		if (!net_rule_parse(item, &r, &why))
			return opt_bad(cx, "'%.*s': %s", SP(item), why);
		if (r.net.port)
			return opt_bad(cx, "'%.*s': a port does not belong here", SP(item));
		r.negate ^= flip;
		add_rule(cx->arena, l, r);
	}
	return true;
}

bool set_local_net(struct opt_cx *cx, void *field, struct span v)
{
	struct net_list *l = field;

	if (!v.n)
		*l = (struct net_list){ 0 };
	return add_items(cx, l, v, false);
}

static void out_rules(const struct net_list *l, struct out *o)
{
	for (size_t i = 0; i < l->n; i++) {
		out_str(o, i ? "," : "");
		net_rule_out(o, &l->rules[i]);
	}
}

void show_net_list(const struct opt *opt, const void *field, const void *obj, struct out *o)
{
	(void)opt, (void)obj;
	out_rules(field, o);
}

/* ---- permit, deny, acl ---- */

bool set_deny(struct opt_cx *cx, void *field, struct span v)
{
	return add_items(cx, &((struct conf_acls *)field)->deny, v, false);
}

bool set_permit(struct opt_cx *cx, void *field, struct span v)
{
	return add_items(cx, &((struct conf_acls *)field)->deny, v, true);
}

static bool unknown_acl(struct opt_cx *cx, struct span name)
{
	const char **names = xcalloc(cx->acl->n + 1, sizeof *names), *near;
	char text[128];

	for (size_t i = 0; i < cx->acl->n; i++)
		names[i] = cx->acl->sections[i].name;
	span_copy(name, text, sizeof text);
	near = diag_nearest(text, names, cx->acl->n);
	free(names);
	if (near)
		return opt_bad(cx, "acl.conf has no section '%s', did you mean '%s'?", text, near);
	return opt_bad(cx, "acl.conf has no section '%s'", text);
}

static bool read_named(struct opt_cx *cx, const struct ini_section *s, struct net_list *l)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct ini_line *line = s->lines[i];
		struct opt_cx at = *cx;
		bool permit = span_iis(span_of(line->key), "permit");

		at.file = line->file;
		at.line = line->line;
		if (!permit && !span_iis(span_of(line->key), "deny"))
			return opt_bad(&at, "list '%s': unknown option '%s': there are permit and deny", s->name,
				       line->key);
		if (!add_items(&at, l, span_of(line->value), permit))
			return false;
	}
	return true;
}

bool set_acl_names(struct opt_cx *cx, void *field, struct span v)
{
	struct conf_acls *acls = field;
	struct span rest = v, item;
	size_t n = 0;

	for (size_t i = 0; i < v.n; i++)
		n += v.p[i] == ',';
	acls->named = arena_zero(cx->arena, (n + 1) * sizeof acls->named[0]);
	acls->n_named = 0;
	while (rest.n && span_cut(&rest, ',', &item)) {
		const struct ini_section *s = ini_section(cx->acl, span_trim(item));

		if (!s)
			return unknown_acl(cx, span_trim(item));
		if (!read_named(cx, s, &acls->named[acls->n_named++]))
			return false;
	}
	return true;
}

/* Printed by the `deny` and `contact_deny` rows; the others of the family share its list. */
void show_acl(const struct opt *opt, const void *field, const void *obj, struct out *o)
{
	(void)opt, (void)obj;
	out_rules(&((const struct conf_acls *)field)->deny, o);
}

void show_nothing(const struct opt *opt, const void *field, const void *obj, struct out *o)
{
	(void)opt, (void)field, (void)obj, (void)o;
}

bool conf_acls_deny(const struct conf_acls *l, const struct addr *source)
{
	if (net_list_ask(&l->deny, source) == NET_MATCH)
		return true;
	for (size_t i = 0; i < l->n_named; i++)
		if (net_list_ask(&l->named[i], source) == NET_MATCH)
			return true;
	return false;
}

/* ---- identify ---- */

/* A name to resolve, with an optional port: at least one letter, so that a mistyped address is not one. */
static bool is_name(struct span v)
{
	bool letter = false;
	long colon;
	uint32_t port;

	span_take_char(&v, '!');
	colon = span_chr(v, ':');
	if (colon >= 0) {
		if (!span_u32(span_from(v, (size_t)colon + 1), 65535, &port))
			return false;
		v.n = (size_t)colon;
	}
	for (size_t i = 0; i < v.n; i++) {
		if (!isalnum((unsigned char)v.p[i]) && !strchr("-._", v.p[i]))
			return false;
		letter |= isalpha((unsigned char)v.p[i]) != 0;
	}
	return letter && v.n < 254;
}

bool set_match(struct opt_cx *cx, void *field, struct span v)
{
	struct conf_identify *id = (struct conf_identify *)cx->obj;
	struct net_rule r;
	struct span item;
	const char *why;

	(void)field;
	while (v.n && span_cut(&v, ',', &item)) {
		item = span_trim(item);
		if (!item.n)
			continue;
		if (net_rule_parse(item, &r, &why))
			add_rule(cx->arena, &id->match, r);
		else if (is_name(item))
			strs_add(cx->arena, &id->match_names, arena_str(cx->arena, item));
		else
			return opt_bad(cx, "'%.*s' is neither an address (with /length or :port) nor a host name",
				       SP(item));
	}
	return true;
}

void show_match(const struct opt *opt, const void *field, const void *obj, struct out *o)
{
	const struct conf_identify *id = obj;

	(void)opt, (void)field;
	out_rules(&id->match, o);
	for (size_t i = 0; i < id->match_names.n; i++)
		out_fmt(o, "%s%s", i || id->match.n ? "," : "", id->match_names.v[i]);
}
