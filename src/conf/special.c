/*
 * conf/special.c: values with a grammar of their own: addresses to listen on and to announce, contacts, caller ids,
 * password digests.
 */
#include <ctype.h>
#include <string.h>

#include "conf/opt.h"

bool set_bind(struct opt_cx *cx, void *field, struct span v)
{
	struct addr a;

	if (!addr_parse(v, &a))
		return opt_bad(cx,
			       "'%.*s' is not an IP address with an optional port (0.0.0.0, 192.0.2.1:5060, [::]:5060)",
			       SP(v));
	*(struct addr *)field = a;
	return true;
}

void show_bind(const struct opt *opt, const void *field, const void *obj, struct out *o)
{
	(void)opt, (void)obj;
	addr_out(o, field);
}

static bool is_host_name(struct span v)
{
	bool letter = false;

	for (size_t i = 0; i < v.n; i++) {
		if (!isalnum((unsigned char)v.p[i]) && !strchr("-._", v.p[i]))
			return false;
		letter |= isalpha((unsigned char)v.p[i]) != 0;
	}
	return letter && v.n < 254;
}

/* An address or a name, without port; a literal of the other family than `bind` is found at the end. */
bool set_external_host(struct opt_cx *cx, void *field, struct span v)
{
	struct addr a;
	char text[ADDR_STRLEN];

	if (v.n && addr_parse_ip(v, &a))
		v = span_of(addr_ip_str(&a, text));
	else if (v.n && addr_parse(v, &a) && a.port)
		return opt_bad(cx, "'%.*s': the port does not belong here", SP(v));
	else if (v.n && !is_host_name(v))
		return opt_bad(cx, "'%.*s' is neither an IP address nor a host name", SP(v));
	*(const char **)field = arena_str(cx->arena, v);
	return true;
}

bool conf_stun(const char *value, char host[256], uint16_t *port)
{
	struct span v = span_of(value), name;
	struct addr a;
	uint32_t n = 3478;

	if (span_istarts(v, SPAN("stun:")))
		v = span_from(v, 5);
	if (addr_parse(v, &a)) {
		struct out o = out_fixed(host, 255);

		addr_out_ip(&o, &a);
		host[o.n] = '\0';
		*port = a.port ? a.port : (uint16_t)n;
		return true;
	}
	span_cut(&v, ':', &name);
	if (!is_host_name(name) || (v.p && v.n && (!span_u32(v, 65535, &n) || !n)))
		return false;
	span_copy(name, host, 256);
	*port = (uint16_t)n;
	return true;
}

bool conf_is_automatic(const char *external)
{
	return conf_router(external) || span_istarts(span_of(external), SPAN("stun:"));
}

unsigned conf_router(const char *external)
{
	if (strcmp(external, "auto") == 0)
		return ROUTER_BY_PCP | ROUTER_BY_UPNP;
	return strcmp(external, "pcp") == 0 ? ROUTER_BY_PCP : strcmp(external, "upnp") == 0 ? ROUTER_BY_UPNP : 0;
}

bool set_stunaddr(struct opt_cx *cx, void *field, struct span v)
{
	char host[256];
	uint16_t port;

	*(const char **)field = arena_str(cx->arena, v);
	return !v.n || conf_stun(*(const char **)field, host, &port) ||
	       opt_bad(cx, "'%.*s' is not host or host:port", SP(v));
}

/* What set_external_host takes; or how it is to be found out. */
bool set_external_address(struct opt_cx *cx, void *field, struct span v)
{
	static const char *const ways[] = { "auto", "pcp", "upnp" };
	char host[256];
	uint16_t port;

	for (size_t i = 0; i < ARRAY_LEN(ways); i++)
		if (span_iis(v, ways[i])) {
			*(const char **)field = ways[i];
			return true;
		}
	if (!span_istarts(v, SPAN("stun:")))
		return set_external_host(cx, field, v);
	*(const char **)field = arena_str(cx->arena, v);
	return conf_stun(*(const char **)field, host, &port) ||
	       opt_bad(cx, "'%.*s' is not stun:host or stun:host:port", SP(v));
}

bool set_contact(struct opt_cx *cx, void *field, struct span v)
{
	struct span item;

	while (v.n && span_cut(&v, ',', &item)) {
		item = span_trim(item);
		if (!opt_is_sip_uri(item))
			return opt_bad(cx, "'%.*s' is not a SIP URI (sip:user@host:port or sips:…)", SP(item));
		strs_add(cx->arena, field, arena_str(cx->arena, item));
	}
	return true;
}

/* ---- caller id ---- */

static bool is_phone_number(struct span v)
{
	for (size_t i = 0; i < v.n; i++)
		if (!isdigit((unsigned char)v.p[i]) && !strchr("+*#-() .", v.p[i]))
			return false;
	return v.n > 0;
}

/* "Name" <number>, Name <number>, <number>, number, Name, asreceived */
bool set_callerid(struct opt_cx *cx, void *field, struct span v)
{
	struct conf_endpoint *ep = (struct conf_endpoint *)cx->obj;
	struct span name = v, num = SPAN_NONE;
	long open = span_rchr(v, '<');

	(void)field;
	if (span_iis(v, "asreceived"))
		name = SPAN_NONE;
	if (open >= 0) {
		num = span_from(v, (size_t)open + 1);
		if (!num.n || num.p[num.n - 1] != '>')
			return opt_bad(cx, "'%.*s': '>' is missing at the end", SP(v));
		num.n--;
		name = span_trim(span_sub(v, 0, (size_t)open));
	} else if (is_phone_number(name)) {
		num = name;
		name = SPAN_NONE;
	}
	if (name.n >= 2 && name.p[0] == '"' && name.p[name.n - 1] == '"')
		name = span_sub(name, 1, name.n - 2);
	ep->callerid_name = arena_str(cx->arena, name);
	ep->callerid_num = arena_str(cx->arena, span_trim(num));
	return true;
}

void show_callerid(const struct opt *opt, const void *field, const void *obj, struct out *o)
{
	const struct conf_endpoint *ep = obj;

	(void)opt, (void)field;
	if (!ep->callerid_name || (!*ep->callerid_name && !*ep->callerid_num))
		out_str(o, "<unknown>");
	else
		out_fmt(o, "\"%s\" <%s>", ep->callerid_name, ep->callerid_num);
}

/* ---- digests: never repeated in a message ---- */

static bool set_hex(struct opt_cx *cx, struct secret *s, struct span v, size_t digits)
{
	char text[64];

	if (v.n != digits)
		return opt_bad(cx, "%zu hexadecimal digits are needed, not %zu characters", digits, v.n);
	for (size_t i = 0; i < v.n; i++) {
		if (!isxdigit((unsigned char)v.p[i]))
			return opt_bad(cx, "only hexadecimal digits may stand here");
		text[i] = (char)tolower((unsigned char)v.p[i]);
	}
	secret_set(s, (struct span){ text, v.n });
	explicit_bzero(text, sizeof text);
	return true;
}

bool set_hex32(struct opt_cx *cx, void *field, struct span v)
{
	return set_hex(cx, field, v, 32);
}

/* ALGORITHM:hash of user:realm:password; one line for each algorithm */
bool set_password_digest(struct opt_cx *cx, void *field, struct span v)
{
	struct conf_auth *auth = (struct conf_auth *)cx->obj;
	struct span alg = SPAN_NONE;

	(void)field;
	span_cut(&v, ':', &alg);
	alg = span_trim(alg);
	v = span_trim(v);
	if (span_iis(alg, "MD5"))
		return set_hex(cx, &auth->ha1_md5, v, 32);
	if (span_iis(alg, "SHA-256"))
		return set_hex(cx, &auth->ha1_sha256, v, 64);
	if (span_iis(alg, "SHA-512-256"))
		return set_hex(cx, &auth->ha1_sha512_256, v, 64);
	return opt_bad(cx, "it must begin with MD5:, SHA-256: or SHA-512-256:");
}

void show_digests(const struct opt *opt, const void *field, const void *obj, struct out *o)
{
	const struct conf_auth *auth = obj;

	(void)opt, (void)field;
	out_str(o, auth->ha1_md5.n || auth->ha1_sha256.n || auth->ha1_sha512_256.n ? "***" : "");
}

bool set_domain(struct opt_cx *cx, void *field, struct span v)
{
	struct out o = out_growing();

	(void)field;
	if (!v.n)
		return opt_bad(cx, "the domain's name is missing");
	out_fmt(&o, "%s=%.*s", cx->obj->name, SP(v));
	strs_add(cx->arena, &cx->c->domain_aliases, arena_str(cx->arena, out_look(&o)));
	out_free(&o);
	return true;
}

/* Replaces the list; each must be a known way to identify. */
bool set_order(struct opt_cx *cx, void *field, struct span v)
{
	struct strs l = { 0 };
	struct span item;

	while (v.n && span_cut(&v, ',', &item)) {
		const char *const *name = cx->opt->names;

		item = span_trim(item);
		while (*name && !span_iis(item, *name))
			name++;
		if (!*name)
			return opt_bad(
				cx,
				"'%.*s' is not one of ip, username, auth_username, anonymous, header or request_uri",
				SP(item));
		strs_add(cx->arena, &l, *name);
	}
	*(struct strs *)field = l;
	return true;
}
