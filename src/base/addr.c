/* base/addr.c: IP addresses, prefixes, access lists. */
#include "base/addr.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* Four decimal numbers without leading zeros. */
static bool parse_ip4(struct span s, uint8_t ip[4])
{
	const char *p = s.p, *end = s.p + s.n;

	for (int i = 0; i < 4; i++) {
		unsigned v = p < end ? (unsigned)(*p++ - '0') : 10, digit;

		if (v > 9)
			return false;
		for (; p < end && (digit = (unsigned)(*p - '0')) <= 9; p++) {
			if (!v)
				return false;
			v = v * 10 + digit;
			if (v > 255)
				return false;
		}
		ip[i] = (uint8_t)v;
		if (i < 3 && (p == end || *p++ != '.'))
			return false;
	}
	return p == end;
}

bool addr_parse_ip(struct span s, struct addr *a)
{
	char buf[INET6_ADDRSTRLEN + 1];
	struct addr out = { 0 };

	if (s.n > 2 && s.p[0] == '[' && s.p[s.n - 1] == ']')
		s = span_sub(s, 1, s.n - 2);
	if (!s.n || s.n >= sizeof buf)
		return false;
	if (parse_ip4(s, out.ip)) {
		out.family = 4;
	} else {
		if (span_chr(s, ':') < 0)
			return false;
		span_copy(s, buf, sizeof buf);
		if (inet_pton(AF_INET6, buf, out.ip) != 1)
			return false;
		out.family = 6;
	}
	*a = out;
	return true;
}

bool addr_parse(struct span s, struct addr *a)
{
	struct span host = s;
	uint32_t port = 0;
	long colon;

	if (s.n && s.p[0] == '[') {
		long close = span_chr(s, ']');

		if (close < 0)
			return false;
		host = span_sub(s, 0, (size_t)close + 1);
		s = span_from(s, (size_t)close + 1);
		if (s.n && (s.p[0] != ':' || !span_u32(span_from(s, 1), 65535, &port)))
			return false;
	} else if ((colon = span_chr(s, ':')) >= 0 && colon == span_rchr(s, ':')) {
		host = span_sub(s, 0, (size_t)colon);
		if (!span_u32(span_from(s, (size_t)colon + 1), 65535, &port))
			return false;
	}
	if (!addr_parse_ip(host, a))
		return false;
	a->port = (uint16_t)port;
	return true;
}

void addr_out_ip(struct out *o, const struct addr *a)
{
	char buf[INET6_ADDRSTRLEN];

	if (a->family == 4) {
		size_t n = 0;

		for (int i = 0; i < 4; i++) {
			unsigned v = a->ip[i];

			if (v >= 100)
				buf[n++] = (char)('0' + v / 100);
			if (v >= 10)
				buf[n++] = (char)('0' + v / 10 % 10);
			buf[n++] = (char)('0' + v % 10);
			buf[n++] = '.';
		}
		out_bytes(o, buf, n - 1);
		return;
	}
	if (!a->family || !inet_ntop(AF_INET6, a->ip, buf, sizeof buf))
		out_str(o, "(none)");
	else
		out_str(o, buf);
}

void addr_out_host(struct out *o, const struct addr *a)
{
	if (a->family == 6)
		out_char(o, '[');
	addr_out_ip(o, a);
	if (a->family == 6)
		out_char(o, ']');
}

void addr_out(struct out *o, const struct addr *a)
{
	addr_out_host(o, a);
	if (a->port) {
		out_char(o, ':');
		out_uint(o, a->port);
	}
}

static const char *finish(struct out *o, char *buf)
{
	out_char(o, '\0');
	return buf;
}

const char *addr_str(const struct addr *a, char buf[ADDR_STRLEN])
{
	struct out o = out_fixed(buf, ADDR_STRLEN);

	addr_out(&o, a);
	return finish(&o, buf);
}

const char *addr_ip_str(const struct addr *a, char buf[ADDR_STRLEN])
{
	struct out o = out_fixed(buf, ADDR_STRLEN);

	addr_out_ip(&o, a);
	return finish(&o, buf);
}

static size_t ip_len(const struct addr *a)
{
	return a->family == 4 ? 4 : a->family == 6 ? 16 : 0;
}

bool addr_ip_eq(const struct addr *a, const struct addr *b)
{
	return a->family == b->family && a->scope == b->scope && memcmp(a->ip, b->ip, ip_len(a)) == 0;
}

bool addr_eq(const struct addr *a, const struct addr *b)
{
	return a->port == b->port && addr_ip_eq(a, b);
}

bool addr_is_any(const struct addr *a)
{
	uint64_t half[2];
	uint32_t ip4;

	memcpy(half, a->ip, sizeof half);
	memcpy(&ip4, a->ip, sizeof ip4);
	return a->family == 6 ? !(half[0] | half[1]) : !a->family || !ip4;
}

struct addr addr_with_port(const struct addr *a, uint16_t port)
{
	struct addr b = *a;

	b.port = port;
	return b;
}

uint32_t addr_hash(const struct addr *a)
{
	uint32_t h = span_hash((struct span){ (const char *)a->ip, ip_len(a) });

	return (h ^ a->port) * 2654435761u;
}

struct addr addr_from_sockaddr(const struct sockaddr *sa)
{
	struct addr a = { 0 };

	if (sa->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)sa;

		a.family = 4;
		a.port = ntohs(in->sin_port);
		memcpy(a.ip, &in->sin_addr, 4);
	} else if (sa->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const void *)sa;

		a.port = ntohs(in6->sin6_port);
		if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
			a.family = 4;
			memcpy(a.ip, (const char *)&in6->sin6_addr + 12, 4);
		} else {
			a.family = 6;
			a.scope = IN6_IS_ADDR_LINKLOCAL(&in6->sin6_addr) ? in6->sin6_scope_id : 0;
			memcpy(a.ip, &in6->sin6_addr, 16);
		}
	}
	return a;
}

unsigned addr_to_sockaddr(const struct addr *a, struct sockaddr_storage *ss)
{
	memset(ss, 0, sizeof *ss);
	if (a->family == 4) {
		struct sockaddr_in *in = (void *)ss;

		in->sin_family = AF_INET;
		in->sin_port = htons(a->port);
		memcpy(&in->sin_addr, a->ip, 4);
		return sizeof *in;
	}
	struct sockaddr_in6 *in6 = (void *)ss;

	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(a->port);
	in6->sin6_scope_id = a->scope;
	memcpy(&in6->sin6_addr, a->ip, 16);
	return sizeof *in6;
}

static enum addr_class class4(const uint8_t *ip)
{
	if (ip[0] == 127)
		return ADDR_LOOPBACK;
	if (ip[0] == 169 && ip[1] == 254)
		return ADDR_LINKLOCAL;
	if (ip[0] == 10 || (ip[0] == 172 && (ip[1] & 0xf0) == 16) || (ip[0] == 192 && ip[1] == 168))
		return ADDR_PRIVATE;
	if (ip[0] == 100 && (ip[1] & 0xc0) == 64)
		return ADDR_CGNAT;
	if (ip[0] == 192 && ip[1] == 0 && ip[2] == 0 && ip[3] < 8)
		return ADDR_CLAT;
	return (ip[0] & 0xf0) == 224 ? ADDR_MULTICAST : ADDR_GLOBAL;
}

enum addr_class addr_class(const struct addr *a)
{
	static const uint8_t loop6[16] = { [15] = 1 };

	if (!a->family || addr_is_any(a))
		return ADDR_NONE;
	if (a->family == 4)
		return class4(a->ip);
	if (memcmp(a->ip, loop6, 16) == 0)
		return ADDR_LOOPBACK;
	if (a->ip[0] == 0xfe && (a->ip[1] & 0xc0) == 0x80)
		return ADDR_LINKLOCAL;
	if ((a->ip[0] & 0xfe) == 0xfc)
		return ADDR_ULA;
	return a->ip[0] == 0xff ? ADDR_MULTICAST : ADDR_GLOBAL;
}

const char *addr_class_name(enum addr_class c)
{
	static const char *const names[] = {
		[ADDR_NONE] = "none",        [ADDR_LOOPBACK] = "loopback",   [ADDR_LINKLOCAL] = "link-local",
		[ADDR_PRIVATE] = "private",  [ADDR_CGNAT] = "CGNAT",         [ADDR_CLAT] = "CLAT",
		[ADDR_ULA] = "unique local", [ADDR_MULTICAST] = "multicast", [ADDR_GLOBAL] = "global",
	};

	return names[c];
}

static void clear_host_bits(struct net_rule *r)
{
	for (unsigned bit = r->len; bit < ip_len(&r->net) * 8; bit++)
		r->net.ip[bit / 8] &= (uint8_t) ~(0x80u >> (bit % 8));
}

static bool mask_len(struct span mask, const struct addr *net, uint8_t *len)
{
	struct addr m;
	uint32_t n;
	unsigned ones = 0, bits = (unsigned)ip_len(net) * 8;

	if (span_u32(mask, bits, &n)) {
		*len = (uint8_t)n;
		return true;
	}
	if (!addr_parse_ip(mask, &m) || m.family != net->family)
		return false;
	while (ones < bits && (m.ip[ones / 8] & (0x80u >> (ones % 8))))
		ones++;
	for (unsigned i = ones; i < bits; i++)
		if (m.ip[i / 8] & (0x80u >> (i % 8)))
			return false;
	*len = (uint8_t)ones;
	return true;
}

bool net_rule_parse(struct span s, struct net_rule *r, const char **why)
{
	struct net_rule out = { 0 };
	long slash;

	s = span_trim(s);
	out.negate = span_take_char(&s, '!');
	slash = span_rchr(s, '/');
	if (!addr_parse(slash < 0 ? s : span_sub(s, 0, (size_t)slash), &out.net)) {
		*why = "not an IP address";
		return false;
	}
	out.len = (uint8_t)(ip_len(&out.net) * 8);
	if (slash >= 0 && !mask_len(span_from(s, (size_t)slash + 1), &out.net, &out.len)) {
		*why = "not a prefix length or netmask";
		return false;
	}
	clear_host_bits(&out);
	*r = out;
	return true;
}

void net_rule_out(struct out *o, const struct net_rule *r)
{
	if (r->negate)
		out_char(o, '!');
	if (r->net.port)
		addr_out(o, &r->net);
	else
		addr_out_ip(o, &r->net);
	out_fmt(o, "/%u", r->len);
}

bool net_rule_covers(const struct net_rule *r, const struct addr *a)
{
	unsigned whole = r->len / 8, rest = r->len % 8;

	if (r->net.family != a->family || (r->net.port && r->net.port != a->port))
		return false;
	if (memcmp(r->net.ip, a->ip, whole) != 0)
		return false;
	return !rest || ((r->net.ip[whole] ^ a->ip[whole]) >> (8 - rest)) == 0;
}

enum net_say net_list_ask(const struct net_list *l, const struct addr *a)
{
	enum net_say say = NET_NO_MATCH;

	for (size_t i = 0; i < l->n; i++)
		if (net_rule_covers(&l->rules[i], a))
			say = l->rules[i].negate ? NET_MATCH_NEGATED : NET_MATCH;
	return say;
}

int net_list_closeness(const struct net_list *l, const struct addr *a)
{
	int best = -1;

	if (net_list_ask(l, a) != NET_MATCH)
		return -1;
	for (size_t i = 0; i < l->n; i++)
		if (!l->rules[i].negate && net_rule_covers(&l->rules[i], a))
			best = MAX(best, 2 * l->rules[i].len + (l->rules[i].net.port != 0));
	return best;
}

int addr_closeness(const struct addr *a)
{
	return 2 * (a->family == 6 ? 128 : 32);
}
