/*
 * pbx/expr.c: dialplan expressions, evaluated while they are parsed.
 *
 *   a ? b :: c                        lowest; grouped from the left
 *   |  ||                             the first operand that is neither empty nor 0
 *   &  &&                             the first operand if both are neither empty nor 0, else 0
 *   = == != < > <= >=                 by number if both are numbers, else by bytes
 *   + -
 *   * / %
 *   - !                               before an operand
 *   :  =~  ~~                         match from the start, match anywhere, join texts
 *   ( )  NAME(x)  NAME(x, y)
 *
 * A text is a run of letters, digits and a few signs, or "quoted"; quotes stay part of it, except for the operators of
 * the last line. Where a number is needed and a text is found, Asterisk goes on with a neutral value instead of
 * stopping, and so do we: dialplans rely on it with empty variables.
 */
#include "pbx/expr.h"

#include <ctype.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

#define MAX_EXPR    8192
#define MAX_DEPTH   64
#define MAX_PATTERN 1024
#define MAX_REPEAT  2000 /* of all {n} in a pattern, multiplied: the matcher expands them */

enum kind { NUMBER, NUMERIC, TEXT }; /* computed; written as digits; anything else */

struct val {
	enum kind kind;
	long double n; /* NUMBER */
	struct span s; /* the others; followed by a NUL */
};

enum token { /* operators are in the order of op_texts */
	     T_OR2,
	     T_AND2,
	     T_EQ2,
	     T_MATCH,
	     T_JOIN,
	     T_GE,
	     T_LE,
	     T_NE,
	     T_ELSE,
	     T_OR,
	     T_AND,
	     T_EQ,
	     T_GT,
	     T_LT,
	     T_PLUS,
	     T_MINUS,
	     T_TIMES,
	     T_DIV,
	     T_REST,
	     T_COND,
	     T_NOT,
	     T_COLON,
	     T_COMMA,
	     T_OPEN,
	     T_CLOSE,
	     T_WORD,
	     T_END,
	     T_BAD
};

static const char *const op_texts[] = { "||", "&&", "==", "=~", "~~", ">=", "<=", "!=", "::", "|", "&", "=", ">",
					"<",  "+",  "-",  "*",  "/",  "%",  "?",  "!",  ":",  ",", "(", ")" };

/* How tightly a binary operator binds; 0: it is none. */
static const unsigned char op_levels[T_BAD + 1] = {
	[T_OR] = 1,  [T_OR2] = 1,  [T_AND] = 2,   [T_AND2] = 2,  [T_EQ] = 3,   [T_EQ2] = 3,   [T_NE] = 3,
	[T_GT] = 3,  [T_LT] = 3,   [T_GE] = 3,    [T_LE] = 3,    [T_PLUS] = 4, [T_MINUS] = 4, [T_TIMES] = 5,
	[T_DIV] = 5, [T_REST] = 5, [T_COLON] = 6, [T_MATCH] = 6, [T_JOIN] = 6,
};
#define LEVEL_MATCH 6

struct parser {
	struct arena *a;
	struct span rest;
	enum token tok;
	struct val word; /* of T_WORD */
	unsigned depth;
	const char *why; /* the first thing that went wrong */
};

static struct val parse_cond(struct parser *p);

static void fail(struct parser *p, const char *why)
{
	if (!p->why)
		p->why = why;
	p->tok = T_BAD;
	p->rest = SPAN_NONE;
}

/* ---- values ---- */

static struct val number(long double n)
{
	return (struct val){ .kind = NUMBER, .n = n };
}

static bool all_digits(struct span s)
{
	bool digit = false, dot = false;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '.' && dot)
			return false;
		dot |= s.p[i] == '.';
		digit |= s.p[i] != '.';
		if (s.p[i] != '.' && !isdigit((unsigned char)s.p[i]))
			return false;
	}
	return digit;
}

static struct val text(struct parser *p, struct span s)
{
	return (struct val){ .kind = all_digits(s) ? NUMERIC : TEXT, .s = arena_copy(p->a, s) };
}

static bool to_number(const struct val *v, long double *n)
{
	*n = v->kind == NUMBER ? v->n : v->kind == NUMERIC ? strtold(v->s.p, NULL) : 0;
	return v->kind != TEXT;
}

static struct span to_text(struct parser *p, const struct val *v)
{
	char buf[64];
	struct out o = out_fixed(buf, sizeof buf);

	if (v->kind != NUMBER)
		return v->s;
	out_fmt(&o, "%.18Lg", v->n);
	return arena_copy(p->a, out_look(&o));
}

/* A text in quotes loses all its quotes. */
static struct span bare_text(struct parser *p, const struct val *v)
{
	struct span s = to_text(p, v);
	char *t;
	size_t n = 0;

	if (s.n < 2 || s.p[0] != '"' || s.p[s.n - 1] != '"')
		return s;
	t = arena_alloc(p->a, s.n + 1);
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] != '"')
			t[n++] = s.p[i];
	t[n] = '\0';
	return (struct span){ t, n };
}

static bool is_zero_or_empty(const struct val *v)
{
	long double n;

	return v->kind == TEXT ? v->s.n == 0 : to_number(v, &n) && n == 0;
}

/* ---- operators ---- */

static struct val compare(struct parser *p, enum token op, const struct val *a, const struct val *b)
{
	long double x, y;
	int r;

	if (to_number(a, &x) && to_number(b, &y))
		r = (x > y) - (x < y);
	else
		r = span_cmp(to_text(p, a), to_text(p, b));
	switch (op) {
	case T_NE: return number(r != 0);
	case T_GT: return number(r > 0);
	case T_LT: return number(r < 0);
	case T_GE: return number(r >= 0);
	case T_LE: return number(r <= 0);
	default: return number(r == 0);
	}
}

/* A text counts as 0 for + and -, makes * and % 0, and is too small a divisor for /. */
static struct val arithmetic(enum token op, const struct val *a, const struct val *b)
{
	long double x, y;
	bool left = to_number(a, &x), right = to_number(b, &y);

	switch (op) {
	case T_PLUS: return number(x + y);
	case T_MINUS: return number(x - y);
	case T_TIMES: return number(left && right ? x * y : 0);
	case T_DIV: return number(!left ? 0 : right && y != 0 ? x / y : INT_MAX);
	default: return number(left && right && y != 0 ? fmodl(x, y) : 0);
	}
}

/* The largest number in {n}, {n,} or {n,m}; the '{' is taken already. */
static unsigned long repeat_count(struct span s)
{
	unsigned long most = 1, n = 0;

	for (size_t i = 0; i < s.n && s.p[i] != '}'; i++) {
		n = isdigit((unsigned char)s.p[i]) ? MIN(n * 10 + (unsigned long)(s.p[i] - '0'), MAX_REPEAT + 1ul) : 0;
		most = MAX(most, n);
	}
	return most;
}

/* What could make matching expensive: many repetitions within each other, and references back to a group. */
static bool is_expensive(struct span pattern)
{
	unsigned long product = 1;

	for (size_t i = 0; i < pattern.n && product <= MAX_REPEAT; i++) {
		if (pattern.p[i] == '{')
			product *= repeat_count(span_from(pattern, i + 1));
		if (pattern.p[i] == '\\' && ++i < pattern.n && isdigit((unsigned char)pattern.p[i]))
			return true;
	}
	return product > MAX_REPEAT;
}

bool expr_pattern(struct span pattern, int flags, regex_t *re, const char **why)
{
	char text[MAX_PATTERN + 1];

	if (!span_copy(pattern, text, sizeof text) || is_expensive(pattern)) {
		*why = "the pattern is too large, or refers back to a group";
		return false;
	}
	*why = "the pattern is not a regular expression";
	return regcomp(re, text, REG_EXTENDED | flags) == 0;
}

/* POSIX extended patterns. The value is \1 if the pattern has it, else how many bytes matched. */
static struct val match(struct parser *p, struct span subject, struct span pattern, bool at_start)
{
	struct val v;
	regmatch_t at[2];
	const char *why;
	regex_t re;

	if (!expr_pattern(pattern, 0, &re, &why)) {
		fail(p, why);
		return number(0);
	}
	if (regexec(&re, subject.p, 2, at, 0) == 0 && (!at_start || at[0].rm_so == 0)) {
		if (re.re_nsub && at[1].rm_so >= 0)
			v = text(p, span_sub(subject, (size_t)at[1].rm_so, (size_t)(at[1].rm_eo - at[1].rm_so)));
		else
			v = number(at[0].rm_eo - at[0].rm_so);
	} else {
		v = re.re_nsub ? text(p, SPAN("")) : number(0);
	}
	regfree(&re);
	return v;
}

static struct val join(struct parser *p, const struct val *a, const struct val *b)
{
	struct span x = bare_text(p, a), y = bare_text(p, b);
	struct out o = out_fixed(arena_alloc(p->a, x.n + y.n + 1), x.n + y.n);

	if (x.n + y.n > MAX_EXPR)
		fail(p, "the text is too long");
	out_span(&o, x);
	out_span(&o, y);
	return text(p, out_look(&o));
}

static struct val binary(struct parser *p, enum token op, const struct val *a, const struct val *b)
{
	switch (op) {
	case T_OR:
	case T_OR2: return is_zero_or_empty(a) ? *b : *a;
	case T_AND:
	case T_AND2: return is_zero_or_empty(a) || is_zero_or_empty(b) ? number(0) : *a;
	case T_PLUS:
	case T_MINUS:
	case T_TIMES:
	case T_DIV:
	case T_REST: return arithmetic(op, a, b);
	case T_COLON:
	case T_MATCH: return match(p, bare_text(p, a), bare_text(p, b), op == T_COLON);
	case T_JOIN: return join(p, a, b);
	default: return compare(p, op, a, b);
	}
}

/* ! takes the whole number that a text begins with: !abc is 1, !0.5 is 1, !7 is 0. */
static struct val unary(enum token op, const struct val *v)
{
	long double n = 0;

	if (op == T_MINUS)
		return number(to_number(v, &n) && n != 0 ? -n : 0);
	if (v->kind == NUMBER)
		return number(v->n == 0);
	return number(strtol(v->s.p, NULL, 10) == 0);
}

static bool is_true(const struct val *v)
{
	if (v->kind == TEXT)
		return v->s.n && !span_is(v->s, "\"\"");
	return !is_zero_or_empty(v);
}

/* ---- functions ---- */

struct one_arg {
	const char *name;
	long double (*fn)(long double);
};
static const struct one_arg one_arg[] = {
	{ "ABS", fabsl }, { "ACOS", acosl }, { "ASIN", asinl },   { "ATAN", atanl },   { "CEIL", ceill },
	{ "COS", cosl },  { "EXP", expl },   { "EXP2", exp2l },   { "EXP10", exp10l }, { "FLOOR", floorl },
	{ "LOG", logl },  { "LOG2", log2l }, { "LOG10", log10l }, { "RINT", rintl },   { "ROUND", roundl },
	{ "SIN", sinl },  { "SQRT", sqrtl }, { "TAN", tanl },     { "TRUNC", truncl },
};
struct two_args {
	const char *name;
	long double (*fn)(long double, long double);
};
static const struct two_args two_args[] = { { "ATAN2", atan2l }, { "POW", powl }, { "REMAINDER", remainderl } };

static struct val call(struct parser *p, struct span name, const struct val *args, size_t n)
{
	long double x = 0, y = 0;

	to_number(&args[0], &x);
	to_number(&args[1], &y);
	for (size_t i = 0; i < ARRAY_LEN(one_arg); i++)
		if (n == 1 && span_is(name, one_arg[i].name))
			return number(one_arg[i].fn(x));
	for (size_t i = 0; i < ARRAY_LEN(two_args); i++)
		if (n == 2 && span_is(name, two_args[i].name))
			return number(two_args[i].fn(x, y));
	fail(p, "no such function with so many arguments");
	return number(0);
}

/* ---- words and operators ---- */

static bool is_word_char(struct span s)
{
	unsigned char c = (unsigned char)s.p[0];

	return isalnum(c) || c >= 0x80 || c == '$' || strchr(".';\\_^#@", c);
}

static void take_word(struct parser *p)
{
	struct span s = p->rest;
	size_t n = 0;

	if (s.p[0] == '"') {
		long end = span_chr(span_from(s, 1), '"');

		if (end < 0) {
			fail(p, "a '\"' is missing");
			return;
		}
		n = (size_t)end + 2;
	} else {
		while (n < s.n && s.p[n] && is_word_char(span_from(s, n)))
			n++;
	}
	if (!n) {
		fail(p, "a character that has no meaning here");
		return;
	}
	p->tok = T_WORD;
	p->word = text(p, span_sub(s, 0, n));
	if (p->word.kind == NUMERIC && (s.p[0] == '.' || s.p[n - 1] == '.'))
		p->word.kind = TEXT; /* a number begins and ends with a digit */
	p->rest = span_from(s, n);
}

static void next(struct parser *p)
{
	p->rest = span_trim(p->rest);
	if (p->why)
		return;
	if (!p->rest.n) {
		p->tok = T_END;
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(op_texts); i++)
		if (span_starts(p->rest, span_of(op_texts[i]))) {
			p->tok = (enum token)i;
			p->rest = span_from(p->rest, strlen(op_texts[i]));
			return;
		}
	take_word(p);
}

/* ---- grammar ---- */

static struct val parse_args(struct parser *p, struct span name)
{
	struct val args[2] = { number(0), number(0) };
	size_t n = 0;

	do {
		struct val v;

		next(p);
		v = parse_cond(p);
		if (n < ARRAY_LEN(args))
			args[n] = v;
		n++;
	} while (p->tok == T_COMMA);
	if (p->tok != T_CLOSE)
		fail(p, "a ')' is missing");
	next(p);
	return p->why ? number(0) : call(p, name, args, n);
}

static struct val parse_primary(struct parser *p)
{
	struct val v = p->word;

	if (p->tok == T_WORD) {
		next(p);
		return p->tok == T_OPEN ? parse_args(p, v.s) : v;
	}
	if (p->tok != T_OPEN) {
		fail(p, p->tok == T_END ? "an operand is missing at the end" : "an operand is missing");
		return number(0);
	}
	next(p);
	v = parse_cond(p);
	if (p->tok != T_CLOSE)
		fail(p, "a ')' is missing");
	next(p);
	return v;
}

static struct val parse_binary(struct parser *p, unsigned level);

static struct val parse_operand(struct parser *p)
{
	enum token op = p->tok;
	struct val v;

	if (op != T_MINUS && op != T_NOT)
		return parse_primary(p);
	if (++p->depth > MAX_DEPTH) {
		fail(p, "too deeply nested");
		return number(0);
	}
	next(p);
	v = parse_binary(p, LEVEL_MATCH);
	p->depth--;
	return unary(op, &v);
}

static struct val parse_binary(struct parser *p, unsigned level)
{
	struct val a = parse_operand(p);

	while (!p->why && op_levels[p->tok] >= level && op_levels[p->tok]) {
		enum token op = p->tok;
		struct val b;

		next(p);
		b = parse_binary(p, op_levels[op] + 1u);
		if (!p->why)
			a = binary(p, op, &a, &b);
	}
	return p->why ? number(0) : a;
}

static struct val parse_cond(struct parser *p)
{
	struct val a, b, c;

	if (++p->depth > MAX_DEPTH) {
		fail(p, "too deeply nested");
		return number(0);
	}
	a = parse_binary(p, 1);
	while (!p->why && p->tok == T_COND) {
		next(p);
		b = parse_cond(p);
		if (p->tok != T_ELSE)
			fail(p, "'?' without '::'");
		next(p);
		c = parse_binary(p, 1);
		if (!p->why)
			a = is_true(&a) ? b : c;
	}
	p->depth--;
	return p->why ? number(0) : a;
}

static void evaluate(struct parser *p, struct out *o)
{
	struct val v;

	next(p);
	if (p->tok == T_END)
		return;
	v = parse_cond(p);
	if (p->tok != T_END)
		fail(p, "an operator is missing");
	if (!p->why)
		out_span(o, to_text(p, &v));
}

bool expr_eval(struct span in, struct out *o, const char **why)
{
	struct parser p = { .rest = in };

	if (in.n > MAX_EXPR || span_chr(in, '\0') >= 0) {
		*why = "the expression is too long";
		return false;
	}
	p.a = arena_new(1024);
	evaluate(&p, o);
	arena_free(p.a);
	*why = p.why;
	return !p.why;
}
