/*
 * sip/uri.c: URIs, name-addrs, Vias and their parameters (RFC 3261 sections 19.1, 20.10, 20.42 and 25.1).
 */
#include "sip/msg.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

/*
 * What a character may be part of, as bits. TOKEN: letters, digits and -.!%*_+`'~ (RFC
 * 3261 25.1). HOST: letters, digits and -._ . TEXT: a user part, a parameter or a header of a URI: RFC 3261 is
 * followed, and {}|^ and what is beyond ASCII are let through; % is looked at by itself. PLAIN: a parameter's value
 * outside quotes. USER: TEXT without : and @, which end a user. VISIBLE: no space and no control character. BARE: what
 * we write into a user part without escaping it.
 */
enum { TOKEN = 1, HOST = 2, TEXT = 4, PLAIN = 8, USER = 16, VISIBLE = 32, BARE = 64 };
static const uint8_t classes[256] = {
	0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,
	0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   125, 32,  60,  124, 41,  124, 125, 124, 124, 125, 125,
	116, 127, 127, 124, 127, 127, 127, 127, 127, 127, 127, 127, 127, 127, 44,  116, 40,  124, 40,  124, 44,  127,
	127, 127, 127, 127, 127, 127, 127, 127, 127, 127, 127, 127, 127, 127, 127, 127, 127, 127, 127, 127, 127, 127,
	127, 127, 127, 60,  60,  60,  60,  127, 61,  127, 127, 127, 127, 127, 127, 127, 127, 127, 127, 127, 127, 127,
	127, 127, 127, 127, 127, 127, 127, 127, 127, 127, 127, 127, 127, 60,  60,  60,  125, 0,   60,  60,  60,  60,
	60,  60,  60,  60,  60,  60,  60,  60,  60,  60,  60,  60,  60,  60,  60,  60,  60,  60,  60,  60,  60,  60,
	60,  60,  60,  60,  60,  60,  60,  60,  60,  60,  60,  60,  60,  60,  60,  60,  60,  60,  60,  60,  60,  60,
	60,  60,  60,  60,  60,  60,  60,  60,  60,  60,  60,  60,  60,  60,  60,  60,  60,  60,  60,  60,  60,  60,
	60,  60,  60,  60,  60,  60,  60,  60,  60,  60,  60,  60,  60,  60,  60,  60,  60,  60,  60,  60,  60,  60,
	60,  60,  60,  60,  60,  60,  60,  60,  60,  60,  60,  60,  60,  60,  60,  60,  60,  60,  60,  60,  60,  60,
	60,  60,  60,  60,  60,  60,  60,  60,  60,  60,  60,  60,  60,  60,
};

#define TEL_MAX 128 /* bytes of a number with its separators; E.164 has 15 digits */

static bool is(char c, unsigned class)
{
	return classes[(unsigned char)c] & class;
}

static inline size_t run_of(struct span s, unsigned class)
{
	size_t n = 0;

	for (; s.n - n >= 4; n += 4) {
		if (!is(s.p[n], class))
			return n;
		if (!is(s.p[n + 1], class))
			return n + 1;
		if (!is(s.p[n + 2], class))
			return n + 2;
		if (!is(s.p[n + 3], class))
			return n + 3;
	}
	while (n < s.n && is(s.p[n], class))
		n++;
	return n;
}

static inline struct span take_run(struct span *in, unsigned class)
{
	struct span run = { in->p, run_of(*in, class) };

	*in = (struct span){ in->p + run.n, in->n - run.n };
	return run;
}

bool sip_is_token(struct span s)
{
	return s.n > 0 && run_of(s, TOKEN) == s.n;
}

bool sip_is_visible(struct span s)
{
	return s.n > 0 && run_of(s, VISIBLE) == s.n;
}

static bool is_hex(char c)
{
	return char_is_digit(c) || (char_lower(c) >= 'a' && char_lower(c) <= 'f');
}

/* Past white space: trimming one end is half the work, and what is parsed here was trimmed before. */
static inline struct span past_space(struct span s)
{
	while (s.n && char_is_space(s.p[0]))
		s.p++, s.n--;
	return s;
}

/* Is this parameter so named? Nearly always as it is written in the RFC. */
static inline bool is_named(struct span name, struct span known)
{
	return name.n == known.n && (memcmp(name.p, known.p, known.n) == 0 || span_ieq(name, known));
}

static bool is_uri_text(struct span s)
{
	for (size_t i = run_of(s, TEXT); i < s.n; i++)
		if (!is(s.p[i], TEXT) && (s.p[i] != '%' || i + 2 >= s.n || !is_hex(s.p[i + 1]) || !is_hex(s.p[i + 2])))
			return false;
	return true;
}

/* The length of an IPv6 address in brackets; 0: it is none. */
static size_t bracketed(struct span in)
{
	long close = span_chr(in, ']');
	struct addr ip;

	if (close < 0 || !addr_parse_ip((struct span){ in.p, (size_t)close + 1 }, &ip) || ip.family != 6)
		return 0;
	return (size_t)close + 1;
}

/* ":" port, with LWS around the colon only where `loose`; no port is 0. */
static bool take_port(struct span *in, bool loose, uint16_t *port)
{
	struct span rest = loose ? past_space(*in) : *in;
	uint32_t v = 0, digit;

	*port = 0;
	if (span_take_char(&rest, ':')) {
		if (loose)
			rest = past_space(rest);
		for (; rest.n && (digit = (uint32_t)(rest.p[0] - '0')) <= 9; rest.p++, rest.n--) {
			v = v * 10 + digit;
			if (v > 65535)
				return false;
		}
		if (!v)
			return false;
		*port = (uint16_t)v;
	}
	*in = rest;
	return true;
}

/* host [":" port] */
static bool take_hostport(struct span *in, bool loose, struct span *host, uint16_t *port)
{
	*host = in->n && in->p[0] == '[' ? span_sub(*in, 0, bracketed(*in)) : (struct span){ in->p, run_of(*in, HOST) };
	*in = (struct span){ in->p + host->n, in->n - host->n };
	return host->n && take_port(in, loose, port);
}

static bool take_scheme(struct span *in, struct sip_uri *u)
{
	long colon;

	if (in->n > 4 && memcmp(in->p, "sip:", 4) == 0) { /* nearly always */
		u->scheme = (struct span){ in->p, 3 };
		u->is_sip = true;
		*in = (struct span){ in->p + 4, in->n - 4 };
		return true;
	}
	colon = span_chr(*in, ':');
	if (colon <= 0 || !isalpha((unsigned char)in->p[0]))
		return false;
	u->scheme = span_sub(*in, 0, (size_t)colon);
	for (size_t i = 0; i < u->scheme.n; i++)
		if (!char_is_alnum(u->scheme.p[i]) && !strchr("+-.", u->scheme.p[i]))
			return false;
	u->secure = span_ieq(u->scheme, SPAN("sips"));
	u->is_sip = u->secure || span_ieq(u->scheme, SPAN("sip"));
	*in = span_from(*in, (size_t)colon + 1);
	return true;
}

/*
 * telephone-subscriber (RFC 3966 3): digits, in local numbers those of hexadecimal and * #, with visual separators; a
 * local number without its phone-context is met, too. What is no number leaves the URI one of an unknown scheme.
 */
static void take_number(struct span in, struct sip_uri *u)
{
	struct span number = in;
	bool digits = false, global;

	if (span_cut(&in, ';', &number))
		u->params = in;
	if (number.n > TEL_MAX)
		return;
	global = number.n && number.p[0] == '+';
	for (size_t i = global; i < number.n; i++) {
		char c = number.p[i];

		if (char_is_digit(c) || (!global && (is_hex(c) || c == '*' || c == '#')))
			digits = true;
		else if (!strchr("-.()", c))
			return;
	}
	u->is_tel = digits;
	u->user = digits ? number : SPAN_NONE;
}

/* [user [":" password] "@"] */
static bool take_user(struct span *in, struct sip_uri *u)
{
	size_t n = run_of(*in, USER);
	struct span user;
	long at, colon;

	if (n && n < in->n && in->p[n] == '@') { /* nearly always */
		u->user = (struct span){ in->p, n };
		*in = (struct span){ in->p + n + 1, in->n - n - 1 };
		return true;
	}
	at = span_chr(*in, '@');
	if (at < 0)
		return true;
	user = span_sub(*in, 0, (size_t)at);
	colon = span_chr(user, ':');
	u->user = colon < 0 ? user : span_sub(user, 0, (size_t)colon);
	u->password = colon < 0 ? SPAN_NONE : span_from(user, (size_t)colon + 1);
	*in = span_from(*in, (size_t)at + 1);
	return u->user.n && is_uri_text(user);
}

bool sip_uri_parse(struct span s, struct sip_uri *u)
{
	struct span in = s;

	memset(u, 0, sizeof *u);
	u->text = s;
	if (!take_scheme(&in, u))
		return false;
	if (!u->is_sip) {
		if (!in.n || !is_uri_text(in))
			return false;
		if (span_ieq(u->scheme, SPAN("tel")))
			take_number(in, u);
		return true;
	}
	if (!take_user(&in, u))
		return false;
	if (!take_hostport(&in, false, &u->host, &u->port))
		return false;
	if (!in.n) /* nearly always */
		return true;
	if (span_take_char(&in, ';')) {
		long q = span_chr(in, '?');

		u->params = q < 0 ? in : span_sub(in, 0, (size_t)q);
		in = span_from(in, u->params.n);
	}
	if (span_take_char(&in, '?')) {
		u->headers = in;
		in = SPAN_NONE;
	}
	return in.n == 0 && is_uri_text(u->params) && is_uri_text(u->headers);
}

static int hex_value(char c)
{
	return isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10;
}

/* The next character of an escaped text: its value; -1 at the end. `escaped` characters never equal reserved ones. */
static int next_char(struct span *s)
{
	int c;

	if (!s->n)
		return -1;
	c = (unsigned char)s->p[0];
	if (c == '%' && s->n >= 3 && isxdigit((unsigned char)s->p[1]) && isxdigit((unsigned char)s->p[2])) {
		c = hex_value(s->p[1]) * 16 + hex_value(s->p[2]);
		*s = span_from(*s, 3);
		return c;
	}
	*s = span_from(*s, 1);
	return c;
}

static bool escaped_eq(struct span a, struct span b, bool fold)
{
	for (;;) {
		int x = next_char(&a), y = next_char(&b);

		if (fold && x >= 0 && y >= 0)
			x = tolower(x), y = tolower(y);
		if (x != y)
			return false;
		if (x < 0)
			return true;
	}
}

void sip_out_unescaped(struct out *o, struct span s)
{
	int c;

	if (span_chr(s, '%') < 0)
		out_span(o, s);
	else
		while ((c = next_char(&s)) >= 0)
			out_char(o, (char)c);
}

void sip_out_quoted(struct out *o, struct span text)
{
	out_char(o, '"');
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];

		if (c == '"' || c == '\\')
			out_char(o, '\\');
		out_char(o, (unsigned char)c < ' ' ? ' ' : c);
	}
	out_char(o, '"');
}

void sip_out_unquoted(struct out *o, struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		i += s.p[i] == '\\' && i + 1 < s.n;
		out_char(o, s.p[i]);
	}
}

void sip_out_user(struct out *o, struct span user)
{
	while (user.n) {
		out_span(o, take_run(&user, BARE));
		if (!user.n)
			break;
		out_fmt(o, "%%%02X", (unsigned char)user.p[0]);
		user = span_from(user, 1);
	}
}

void sip_out_uri_user(struct out *o, const struct sip_uri *u)
{
	if (!u->is_tel)
		sip_out_unescaped(o, u->user);
	for (size_t i = 0; u->is_tel && i < u->user.n; i++)
		if (!strchr("-.()", u->user.p[i]))
			out_char(o, u->user.p[i]);
}

bool sip_param_next(struct span *params, struct span *name, struct span *value)
{
	size_t n = 0, eq = SIZE_MAX;
	bool quoted = false;
	struct span one;

	*params = span_trim(*params);
	while (span_take_char(params, ';'))
		*params = span_trim(*params);
	if (!params->n)
		return false;
	for (; n < params->n && (quoted || params->p[n] != ';'); n++) {
		if (quoted && params->p[n] == '\\')
			n++;
		else if (params->p[n] == '"')
			quoted = !quoted;
		else if (params->p[n] == '=' && eq == SIZE_MAX)
			eq = n;
	}
	one = span_sub(*params, 0, n);
	*params = span_from(*params, n);
	*name = span_trim(span_sub(one, 0, eq));
	*value = eq == SIZE_MAX ? SPAN_NONE : span_trim(span_from(one, eq + 1));
	return true;
}

static bool find_param(struct span params, struct span name, struct span *value)
{
	struct span n, v;

	while (sip_param_next(&params, &n, &v)) {
		if (!span_ieq(n, name))
			continue;
		if (value)
			*value = v;
		return true;
	}
	return false;
}

bool sip_param(struct span params, const char *name, struct span *value)
{
	return find_param(params, span_of(name), value);
}

/* RFC 3261 19.1.4: these must be equal or absent in both; any other must be equal if in both. */
static bool must_match(struct span name)
{
	static const char *const names[] = { "user", "ttl", "method", "maddr", "transport" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (span_iis(name, names[i]))
			return true;
	return false;
}

static bool params_agree(struct span a, struct span b)
{
	struct span n, v, other;

	while (sip_param_next(&a, &n, &v))
		if (find_param(b, n, &other) ? !escaped_eq(v, other, true) : must_match(n))
			return false;
	return true;
}

bool sip_uri_eq(const struct sip_uri *a, const struct sip_uri *b)
{
	struct addr x, y;

	if (!a->is_sip || !b->is_sip || span_eq(a->text, b->text))
		return span_ieq(a->text, b->text);
	if (a->secure != b->secure || a->port != b->port || !escaped_eq(a->user, b->user, false) ||
	    !escaped_eq(a->password, b->password, false))
		return false;
	if (addr_parse_ip(a->host, &x) && addr_parse_ip(b->host, &y)) {
		if (!addr_ip_eq(&x, &y))
			return false;
	} else if (!span_ieq(a->host, b->host)) {
		return false;
	}
	return params_agree(a->params, b->params) && params_agree(b->params, a->params) &&
	       escaped_eq(a->headers, b->headers, true);
}

/* A quoted string from its first quote on; false when it does not end. */
static bool take_quotes(struct span *in, struct span *value)
{
	for (size_t i = 1; i < in->n; i++) {
		if (in->p[i] == '\\') {
			i++;
		} else if (in->p[i] == '"') {
			*value = span_sub(*in, 0, i + 1);
			*in = span_from(*in, i + 1);
			return true;
		}
	}
	return false;
}

/* ";token[=[token|quoted|host]]" with white space anywhere. */
static bool next_valid_slowly(struct span *s, struct span *name, struct span *value)
{
	struct span in = *s = past_space(*s);

	*value = SPAN_NONE;
	if (!span_take_char(&in, ';'))
		return false;
	in = past_space(in);
	*name = take_run(&in, TOKEN);
	if (!name->n)
		return false;
	in = past_space(in);
	if (span_take_char(&in, '=')) {
		in = past_space(in);
		if (!in.n || in.p[0] != '"')
			*value = take_run(&in, PLAIN);
		else if (!take_quotes(&in, value))
			return false;
	}
	in = past_space(in);
	if (in.n && in.p[0] != ';')
		return false;
	*s = in;
	return true;
}

/*
 * The next of a ";token[=token|quoted|host]" list; false at its end (nothing left in *s) and at what is not one: empty
 * parameters and stray characters are errors (RFC 4475 3.1.2.1).
 */
static bool next_valid(struct span *s, struct span *name, struct span *value)
{
	struct span in = *s;

	if (span_take_char(&in, ';')) {
		*name = take_run(&in, TOKEN);
		if (name->n && span_take_char(&in, '=')) {
			*value = take_run(&in, PLAIN);
			if (!in.n || in.p[0] == ';') { /* nearly always */
				*s = in;
				return true;
			}
		}
	}
	return next_valid_slowly(s, name, value);
}

static bool is_plain_display(struct span s)
{
	struct span word;

	while (span_word(&s, &word))
		for (size_t i = 0; i < word.n; i++)
			if (!is(word.p[i], TOKEN) && !((unsigned char)word.p[i] & 0x80))
				return false;
	return true;
}

static bool finish_naddr(struct span params, struct sip_naddr *a)
{
	struct span name, value;

	a->params = params;
	if (!params.n)
		return true;
	while (params.n && next_valid(&params, &name, &value)) {
		if (!is_named(name, SPAN("tag")))
			continue;
		if (!value.n)
			return false;
		a->tag = a->tag.n ? a->tag : value;
	}
	return !params.n;
}

static bool take_uri(struct span text, bool whole, struct sip_uri *u)
{
	u->text = text;
	return whole ? sip_uri_parse(text, u) : text.n > 0;
}

static bool parse_naddr(struct span s, bool whole, struct sip_naddr *a)
{
	struct span in = span_trim(s);
	long open, close;

	memset(a, 0, sizeof *a);
	a->text = in;
	if (in.n && in.p[0] == '"') {
		if (!take_quotes(&in, &a->display))
			return false;
		a->display = span_sub(a->display, 1, a->display.n - 2);
		in = span_trim(in);
		if (!in.n || in.p[0] != '<')
			return false;
	}
	open = in.n && in.p[0] == '<' ? 0 : span_chr(in, '<');
	if (open < 0) { /* addr-spec: what follows ';' are the header's parameters, '?' may not stand here */
		long semi = span_chr(in, ';');
		struct span uri = span_trim(semi < 0 ? in : span_sub(in, 0, (size_t)semi));

		if (span_chr(uri, '?') >= 0 || span_chr(uri, ',') >= 0 || !take_uri(uri, whole, &a->uri))
			return false;
		return finish_naddr(semi < 0 ? SPAN_NONE : span_from(in, (size_t)semi), a);
	}
	if (!a->display.p && open > 0) {
		a->display = span_trim(span_sub(in, 0, (size_t)open));
		if (!is_plain_display(a->display))
			return false;
	}
	in = span_from(in, (size_t)open + 1);
	close = span_chr(in, '>');
	if (close < 0 || !take_uri(span_sub(in, 0, (size_t)close), whole, &a->uri))
		return false;
	return finish_naddr(span_from(in, (size_t)close + 1), a);
}

bool sip_naddr_parse(struct span s, struct sip_naddr *a)
{
	return parse_naddr(s, true, a);
}

bool sip_naddr_tag(struct span s, struct sip_naddr *a)
{
	return parse_naddr(s, false, a);
}

static bool take_via_word(struct span *in, struct span *word)
{
	struct span rest = past_space(*in);

	*word = take_run(&rest, TOKEN);
	*in = past_space(rest);
	return word->n > 0;
}

/* "SIP" SLASH "2.0" SLASH transport */
static bool take_via_protocol(struct span *in, struct span *transport)
{
	struct span word;

	if (in->n > 12 && memcmp(in->p, "SIP/2.0/UDP ", 12) == 0) { /* nearly always */
		*transport = (struct span){ in->p + 8, 3 };
		*in = past_space((struct span){ in->p + 12, in->n - 12 });
		return true;
	}
	return take_via_word(in, &word) && span_ieq(word, SPAN("SIP")) && span_take_char(in, '/') &&
	       take_via_word(in, &word) && span_take_char(in, '/') && take_via_word(in, transport);
}

static bool take_via_param(struct sip_via *v, struct span name, struct span value)
{
	uint32_t port = 0;

	if (is_named(name, SPAN("branch")))
		v->branch = v->branch.n ? v->branch : value; /* the first counts, as for the tag */
	else if (is_named(name, SPAN("received")))
		v->received = value.p ? value : span_from(name, name.n);
	else if (is_named(name, SPAN("maddr")))
		addr_parse_ip(value, &v->maddr);
	else if (is_named(name, SPAN("rport"))) {
		v->has_rport = true;
		if (value.n && !span_u32(value, 65535, &port))
			return false;
		v->rport = (uint16_t)port;
	}
	return true;
}

/* via-parm = "SIP" SLASH "2.0" SLASH transport LWS sent-by *( SEMI via-params ) */
bool sip_via_parse(struct span s, struct sip_via *v)
{
	struct span in = span_trim(s), name, value;

	memset(v, 0, sizeof *v);
	v->text = in;
	if (!take_via_protocol(&in, &v->transport) || !take_hostport(&in, true, &v->host, &v->port))
		return false;
	v->params = in = past_space(in);
	while (in.n && next_valid(&in, &name, &value))
		if (!take_via_param(v, name, value))
			return false;
	return !in.n;
}
