/*
 * pbx/funcs_text.c: the dialplan's functions that make a text of a text. Where a variable's name is asked for, a
 * function with its arguments does as well: FIELDQTY(CALLERID(name),x). What grows is cut off at DP_TEXT_MAX.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <ctype.h>
#include <math.h>
#include <openssl/md5.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "base/trace.h"
#include "pbx/expr.h"
#include "pbx/priv.h"

#define SUBJECT_MAX 8192 /* of REGEX: as in $[ ] */

void func_value(struct dp *dp, struct span name, struct out *o)
{
	long open = span_chr(name, '(');
	char buf[256];

	if (open < 0)
		out_span(o, span_of(var_read(dp, name, buf, sizeof buf)));
	else if (name.p[name.n - 1] == ')' && span_chr(span_from(name, (size_t)open + 1), '(') < 0)
		func_read(dp, span_sub(name, 0, (size_t)open),
			  span_sub(name, (size_t)open + 1, name.n - (size_t)open - 2), o);
}

/* ---- characters as they are written: \n \t \r \\ \x2c \054, and after a backslash any other for itself ---- */

static int digits_in(struct span *s, int base, size_t most)
{
	int v = 0;

	for (size_t i = 0; i < most && s->n; i++) {
		char c = char_lower(s->p[0]);
		int d = char_is_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : 16;

		if (d >= base)
			break;
		v = v * base + d;
		*s = span_from(*s, 1);
	}
	return v;
}

/* False: there is none left. *plain: it was not behind a backslash. */
static bool take_written(struct span *s, char *c, bool *plain)
{
	if (!s->n)
		return false;
	*c = s->p[0];
	*plain = *c != '\\' || s->n == 1;
	*s = span_from(*s, 1);
	if (*plain)
		return true;
	*c = s->p[0];
	if (*c == '0') {
		*c = (char)digits_in(s, 8, 4);
		return true;
	}
	*s = span_from(*s, 1);
	switch (*c) {
	case 'n': *c = '\n'; break;
	case 't': *c = '\t'; break;
	case 'r': *c = '\r'; break;
	case 'x': *c = (char)digits_in(s, 16, 2); break;
	default: break;
	}
	return true;
}

char func_delimiter(struct span args, unsigned n, char otherwise)
{
	struct span text = dp_arg_raw(args, n);
	bool plain;
	char c;

	if (text.n > 1 && text.p[0] == '"' && text.p[text.n - 1] == '"')
		text = span_sub(text, 1, text.n - 2);
	return take_written(&text, &c, &plain) ? c : otherwise;
}

/* A set of characters with ranges: a-z0-9\- */
static void take_set(struct span text, bool set[256])
{
	char c, to;
	bool plain;

	memset(set, 0, 256);
	while (take_written(&text, &c, &plain)) {
		struct span rest = span_from(text, 1);

		to = c;
		if (text.n > 1 && text.p[0] == '-' && take_written(&rest, &to, &plain))
			text = rest;
		for (int i = (unsigned char)c; i <= (unsigned char)to; i++)
			set[i] = true;
	}
}

/* FILTER(allowed,text) */
static bool f_filter(struct dp *dp UNUSED, struct span args, struct out *o)
{
	struct span text = dp_arg_rest(args, 1);
	bool set[256];

	take_set(dp_arg_raw(args, 0), set);
	for (size_t i = 0; i < text.n; i++)
		if (set[(unsigned char)text.p[i]])
			out_char(o, text.p[i]);
	return true;
}

/* REPLACE(variable,characters[,with]) */
static bool f_replace(struct dp *dp, struct span args, struct out *o)
{
	struct span with = dp_arg_raw(args, 2), in;
	struct out value = out_growing();
	bool set[256], plain;
	char c = 0, to = 0;
	bool drops = !take_written(&with, &to, &plain);

	take_set(dp_arg_raw(args, 1), set);
	func_value(dp, dp_arg(args, 0), &value);
	in = out_look(&value);
	for (size_t i = 0; i < in.n; i++) {
		c = in.p[i];
		if (!set[(unsigned char)c])
			out_char(o, c);
		else if (!drops)
			out_char(o, to);
	}
	out_free(&value);
	return true;
}

/* STRREPLACE(variable,find[,with[,times]]) */
static bool f_strreplace(struct dp *dp, struct span args, struct out *o)
{
	struct span find = dp_arg_raw(args, 1), with = dp_arg_raw(args, 2), in;
	struct out value = out_growing();
	uint32_t times = 0;

	span_u32(dp_arg(args, 3), UINT32_MAX, &times);
	func_value(dp, dp_arg(args, 0), &value);
	in = out_look(&value);
	for (uint32_t n = 0; find.n && (!times || n < times) && o->n < DP_TEXT_MAX; n++) {
		long at = span_find(in, find);

		if (at < 0)
			break;
		out_span(o, span_sub(in, 0, (size_t)at));
		out_span(o, with);
		in = span_from(in, (size_t)at + find.n);
	}
	out_span(o, in);
	out_free(&value);
	return true;
}

/* REGEX("pattern" text) */
static bool f_regex(struct dp *dp, struct span args, struct out *o)
{
	struct span pattern = span_from(args, 1), text;
	const char *why = "the text is too long";
	size_t end = 0;
	regex_t re;
	char *subject;

	while (end < pattern.n && pattern.p[end] != '"')
		end += pattern.p[end] == '\\' && end + 1 < pattern.n ? 2 : 1;
	if (!args.n || args.p[0] != '"' || end >= pattern.n)
		return false;
	text = span_from(pattern, end + 1);
	span_take_char(&text, ' ');
	if (text.n > SUBJECT_MAX || !expr_pattern(span_sub(pattern, 0, end), REG_NOSUB, &re, &why)) {
		trace(EV_DP_WARN, dp->chan->name, "REGEX: %s", why);
		return false;
	}
	subject = span_dup(text);
	out_char(o, regexec(&re, subject, 0, NULL, 0) == 0 ? '1' : '0');
	free(subject);
	regfree(&re);
	return true;
}

/* ---- quoting and encoding ---- */

static bool f_quote(struct dp *dp UNUSED, struct span args, struct out *o)
{
	out_char(o, '"');
	for (size_t i = 0; i < args.n; i++) {
		if (args.p[i] == '"' || args.p[i] == '\\')
			out_char(o, '\\');
		out_char(o, args.p[i]);
	}
	out_char(o, '"');
	return true;
}

static bool f_csv_quote(struct dp *dp UNUSED, struct span args, struct out *o)
{
	out_char(o, '"');
	for (size_t i = 0; i < args.n; i++) {
		if (args.p[i] == '"')
			out_char(o, '"');
		out_char(o, args.p[i]);
	}
	out_char(o, '"');
	return true;
}

#define EVALS_MAX 8

/* EVAL(text): as if it stood in the dialplan. Each counts as a step: such a text may evaluate itself, often. */
static bool f_eval(struct dp *dp, struct span args, struct out *o)
{
	struct out value = out_growing();

	if (dp->evals == EVALS_MAX || ++dp->steps > DP_STEPS_MAX)
		return false;
	dp->evals++;
	out_span(o, dp_expand(dp, args, &value));
	dp->evals--;
	out_free(&value);
	return true;
}

static struct span trimmed(struct span s, bool left, bool right)
{
	while (left && s.n && char_is_space(s.p[0]))
		s = span_from(s, 1);
	while (right && s.n && char_is_space(s.p[s.n - 1]))
		s.n--;
	return s;
}

static bool f_trim(struct dp *dp UNUSED, struct span args, struct out *o)
{
	out_span(o, trimmed(args, true, true));
	return true;
}

static bool f_ltrim(struct dp *dp UNUSED, struct span args, struct out *o)
{
	out_span(o, trimmed(args, true, false));
	return true;
}

static bool f_rtrim(struct dp *dp UNUSED, struct span args, struct out *o)
{
	out_span(o, trimmed(args, false, true));
	return true;
}

static bool f_passthru(struct dp *dp UNUSED, struct span args, struct out *o)
{
	out_span(o, args);
	return true;
}

/* All but RFC 2396's unreserved characters. */
static bool f_uriencode(struct dp *dp UNUSED, struct span args, struct out *o)
{
	for (size_t i = 0; i < args.n; i++) {
		char c = args.p[i];

		if (char_is_alnum(c) || (c && strchr("-_.!~*'()", c)))
			out_char(o, c);
		else
			out_fmt(o, "%%%02X", (unsigned char)c);
	}
	return true;
}

static bool f_uridecode(struct dp *dp UNUSED, struct span args, struct out *o)
{
	while (args.n) {
		char c = args.p[0];
		struct span code = span_sub(args, 1, 2);

		args = span_from(args, 1);
		if (c == '%' && code.n == 2 && isxdigit((unsigned char)code.p[0]) &&
		    isxdigit((unsigned char)code.p[1])) {
			c = (char)digits_in(&code, 16, 2);
			args = span_from(args, 2);
		}
		if (c) /* a text ends there */
			out_char(o, c);
	}
	return true;
}

static const char b64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static bool f_base64_encode(struct dp *dp UNUSED, struct span args, struct out *o)
{
	for (size_t i = 0; i < args.n; i += 3) {
		struct span s = span_sub(args, i, 3);
		uint32_t v = (uint32_t)(unsigned char)s.p[0] << 16;

		v |= s.n > 1 ? (uint32_t)(unsigned char)s.p[1] << 8 : 0;
		v |= s.n > 2 ? (unsigned char)s.p[2] : 0;
		for (unsigned k = 0; k < 4; k++)
			out_char(o, k > s.n ? '=' : b64[v >> (18 - 6 * k) & 63]);
	}
	return true;
}

static bool f_base64_decode(struct dp *dp UNUSED, struct span args, struct out *o)
{
	uint32_t v = 0;
	unsigned bits = 0;

	for (size_t i = 0; i < args.n && args.p[i] != '='; i++) {
		const char *at = args.p[i] ? strchr(b64, args.p[i]) : NULL;

		if (!at)
			continue;
		v = (v << 6 | (uint32_t)(at - b64)) & 0xffff;
		bits += 6;
		if (bits < 8)
			continue;
		bits -= 8;
		if (v >> bits & 0xff)
			out_char(o, (char)(v >> bits & 0xff));
	}
	return true;
}

static bool f_md5(struct dp *dp UNUSED, struct span args, struct out *o)
{
	unsigned char hash[MD5_DIGEST_LENGTH];

	MD5((const unsigned char *)args.p, args.n, hash);
	out_hex(o, hash, sizeof hash);
	return true;
}

static bool f_sha1(struct dp *dp UNUSED, struct span args, struct out *o)
{
	unsigned char hash[SHA_DIGEST_LENGTH];

	SHA1((const unsigned char *)args.p, args.n, hash);
	out_hex(o, hash, sizeof hash);
	return true;
}

/* ---- numbers ---- */

static bool take_number(struct span *s, double *v)
{
	char text[64], *end;

	*s = span_trim(*s);
	span_copy(*s, text, sizeof text);
	*v = strtod(text, &end);
	*s = span_trim(span_from(*s, (size_t)(end - text)));
	return end != text && isfinite(*v);
}

static const char *const math_ops[] = { "<<", ">>", "<=", ">=", "==", "AND", "XOR", "OR",
					"+",  "-",  "*",  "/",  "%",  "^",   "<",   ">" };
enum { SHL, SHR, LE, GE, EQ, AND, XOR, OR, ADD, SUB, MUL, DIV, MOD, POW, LT, GT };

static long long whole(double v)
{
	return v >= 9e18 ? INT64_MAX : v <= -9e18 ? INT64_MIN : (long long)v;
}

/* By bits. */
static long long math_bits(size_t op, double x, double y)
{
	unsigned long long a = (unsigned long long)whole(x), b = (unsigned long long)whole(y);

	switch (op) {
	case SHL: return (long long)(b < 64 ? a << b : 0);
	case SHR: return (long long)(b < 64 ? a >> b : 0);
	case AND: return (long long)(a & b);
	case XOR: return (long long)(a ^ b);
	default: return (long long)(a | b);
	}
}

static double math_value(size_t op, double x, double y)
{
	switch (op) {
	case ADD: return x + y;
	case SUB: return x - y;
	case MUL: return x * y;
	case DIV: return x / y;
	case MOD: return fmod(x, y);
	case POW: return pow(x, y);
	default: return (double)math_bits(op, x, y);
	}
}

/* MATH(number op number[,int|hex|char|float]) */
static bool f_math(struct dp *dp, struct span args, struct out *o)
{
	struct span text = dp_arg(args, 0), type = dp_arg(args, 1);
	double x, y, v;
	size_t op = 0;

	if (!take_number(&text, &x))
		return false;
	while (op < ARRAY_LEN(math_ops) && !span_starts(text, span_of(math_ops[op])))
		op++;
	if (op == ARRAY_LEN(math_ops))
		return false;
	text = span_from(text, strlen(math_ops[op]));
	if (!take_number(&text, &y) || text.n)
		return false;
	if (op == LE || op == GE || op == EQ || op == LT || op == GT) {
		bool yes = op == LE ? x <= y : op == GE ? x >= y : op == EQ ? x == y : op == LT ? x < y : x > y;

		out_str(o, yes ? "TRUE" : "FALSE");
		return true;
	}
	v = math_value(op, x, y);
	if (!isfinite(v)) {
		trace(EV_DP_WARN, dp->chan->name, "MATH: %.*s has no value", SP(args));
		return false;
	}
	switch (type.n ? char_lower(type.p[0]) : 'f') {
	case 'i': out_fmt(o, "%lld", whole(v)); break;
	case 'h': out_fmt(o, "%llx", (unsigned long long)whole(v)); break;
	case 'c': out_char(o, (char)whole(v)); break;
	default: out_fmt(o, "%f", v); break;
	}
	return true;
}

static bool step(struct dp *dp, struct span name, long by, struct out *o)
{
	struct out value = out_growing();
	size_t at = o->n;
	long n = 0;

	name = span_trim(name);
	func_value(dp, name, &value);
	if (value.n && (!span_int(span_trim(out_look(&value)), &n) || labs(n) > INT32_MAX)) {
		trace(EV_DP_WARN, dp->chan->name, "%s: %.*s is no number", by > 0 ? "INC" : "DEC", SP(name));
		out_free(&value);
		return false;
	}
	out_free(&value);
	out_fmt(o, "%ld", n + by);
	dp_assign(dp, name, span_from(out_look(o), at));
	return true;
}

static bool f_inc(struct dp *dp, struct span args, struct out *o)
{
	return step(dp, args, 1, o);
}

static bool f_dec(struct dp *dp, struct span args, struct out *o)
{
	return step(dp, args, -1, o);
}

const struct func text_funcs[] = {
	{ "BASE64_DECODE", "The text behind base64.", f_base64_decode, NULL },
	{ "BASE64_ENCODE", "The text in base64.", f_base64_encode, NULL },
	{ "CSV_QUOTE", "The text in quotes, those within doubled.", f_csv_quote, NULL },
	{ "DEC", "Takes 1 from the variable: DEC(name).", f_dec, NULL },
	{ "EVAL", "The text with its variables, functions and expressions replaced.", f_eval, NULL },
	{ "FILTER", "Only the characters that are allowed: FILTER(a-z0-9,text).", f_filter, NULL },
	{ "INC", "Adds 1 to the variable: INC(name).", f_inc, NULL },
	{ "LTRIM", "The text without blanks at its start.", f_ltrim, NULL },
	{ "MATH", "MATH(number op number[,int|hex|char|float]).", f_math, NULL },
	{ "MD5", "The MD5 of the text, in hex.", f_md5, NULL },
	{ "PASSTHRU", "The text itself, where a variable's name is asked for.", f_passthru, NULL },
	{ "QUOTE", "The text in quotes, those within behind a backslash.", f_quote, NULL },
	{ "REGEX", "1 when the text matches: REGEX(\"pattern\" text).", f_regex, NULL },
	{ "REPLACE", "A variable with each of the characters replaced: REPLACE(name,chars[,with]).", f_replace, NULL },
	{ "RTRIM", "The text without blanks at its end.", f_rtrim, NULL },
	{ "SHA1", "The SHA-1 of the text, in hex.", f_sha1, NULL },
	{ "STRREPLACE", "A variable with a text replaced: STRREPLACE(name,find[,with[,times]]).", f_strreplace, NULL },
	{ "TRIM", "The text without blanks at its ends.", f_trim, NULL },
	{ "URIDECODE", "The text with %xx as the characters that they are.", f_uridecode, NULL },
	{ "URIENCODE", "The text with %xx for what a URI may not have.", f_uriencode, NULL },
	{ 0 },
};
