/*
 * pbx/subst.c: substitution. A '$' that neither '{' nor '[' follows is just a character; there is no escape for it, and
 * backslashes are left for whoever reads the result.
 */
#include "pbx/subst.h"

#include <limits.h>

#include "pbx/expr.h"

#define MAX_LEVELS 32
#define ROOM       256 /* what most texts fit into */
#define MAX_TEXT   65536
#define MAX_WORK   (16 * MAX_TEXT) /* bytes made in all levels together */

struct work {
	const struct subst_env *env;
	size_t made;
	const char *remark; /* the first of them */
	const char *cap;    /* which cap was reached */
};

static bool substitute(struct work *w, struct span in, struct out *o, unsigned level);

static void remark(struct work *w, const char *text)
{
	if (!w->remark)
		w->remark = text;
}

static bool add(struct work *w, struct out *o, struct span s)
{
	out_span(o, s);
	w->made += s.n;
	if (o->n > MAX_TEXT || w->made > MAX_WORK)
		w->cap = "the text becomes too long";
	return !w->cap;
}

/*
 * The inside of ${…} or $[…], whose opening is taken already. Brackets of its own kind are counted; of the other kind
 * "$[" or "${" only is skipped.
 */
static struct span take_inside(struct work *w, struct span *in, char open, char close)
{
	size_t depth = 1, n = 0;
	struct span inside;

	while (n < in->n) {
		bool dollar = in->p[n] == '$' && n + 1 < in->n && (in->p[n + 1] == '{' || in->p[n + 1] == '[');

		n += dollar;
		depth += in->p[n] == open;
		depth -= in->p[n] == close;
		if (!depth)
			break;
		n++;
	}
	if (depth)
		remark(w, close == '}' ? "a '}' is missing" : "a ']' is missing");
	inside = span_sub(*in, 0, n);
	*in = span_from(*in, n + 1);
	return inside;
}

/* ---- name:offset:length ---- */

static long clamp(long v)
{
	return MAX(MIN(v, INT_MAX), -INT_MAX);
}

/* The number that a text begins with; false when there is none. */
static bool take_int(struct span *s, long *v)
{
	size_t n = s->n && (s->p[0] == '-' || s->p[0] == '+');
	long value;

	while (n < s->n && s->p[n] >= '0' && s->p[n] <= '9' && n < 18)
		n++;
	if (!span_int(span_sub(*s, 0, n), &value))
		return false;
	*v = clamp(value);
	*s = span_from(*s, n);
	return true;
}

/* Cuts ":offset:length" off the name; a ':' in parentheses is not one. */
static void take_range(struct span *name, long *offset, long *length)
{
	struct span range;
	long parens = 0;
	size_t i;

	*offset = 0;
	*length = INT_MAX;
	for (i = 0; i < name->n && (name->p[i] != ':' || parens); i++)
		parens += (name->p[i] == '(') - (name->p[i] == ')');
	range = span_from(*name, i + 1);
	name->n = i;
	if (take_int(&range, offset) && span_take_char(&range, ':'))
		take_int(&range, length);
}

/* Negative: an offset counts from the end, a length leaves so many off the end. */
static struct span range_of(struct span value, long offset, long length)
{
	long n = (long)value.n;

	if (offset < 0)
		offset = MAX(n + offset, 0);
	offset = MIN(offset, n);
	n -= offset;
	length = length < 0 ? MAX(n + length, 0) : MIN(length, n);
	return span_sub(value, (size_t)offset, (size_t)length);
}

/* ---- the three kinds ---- */

static bool put_function(struct work *w, struct span text, long range[2], struct out *o)
{
	long open = span_chr(text, '('), close = span_rchr(text, ')');
	char room[ROOM];
	struct out value = out_growing_in(room, sizeof room);
	struct span args = span_from(text, (size_t)open + 1);
	bool ok = true;

	if (close > open)
		args.n = (size_t)(close - open - 1);
	else
		remark(w, "a ')' is missing");
	if (w->env->func(w->env->arg, span_sub(text, 0, (size_t)open), args, &value))
		ok = add(w, o, range_of(out_look(&value), range[0], range[1]));
	else
		remark(w, "a function is not known, or has no such value");
	out_free(&value);
	return ok;
}

static bool put_variable(struct work *w, struct span text, struct out *o)
{
	long range[2];
	const char *value;

	take_range(&text, &range[0], &range[1]);
	if (span_chr(text, '(') >= 0)
		return put_function(w, text, range, o);
	value = w->env->var(w->env->arg, text);
	return !value || add(w, o, range_of(span_of(value), range[0], range[1]));
}

static bool put_expression(struct work *w, struct span text, struct out *o)
{
	char room[ROOM];
	struct out value = out_growing_in(room, sizeof room);
	const char *why;
	bool ok;

	if (expr_eval(text, &value, &why)) {
		ok = add(w, o, out_look(&value));
	} else {
		remark(w, why);
		ok = add(w, o, SPAN("0"));
	}
	out_free(&value);
	return ok;
}

static bool put_inside(struct work *w, struct span *in, struct out *o, unsigned level)
{
	bool var = in->p[1] == '{', ok = true;
	char room[ROOM];
	struct out inner = out_growing_in(room, sizeof room);
	struct span text;

	*in = span_from(*in, 2);
	text = var ? take_inside(w, in, '{', '}') : take_inside(w, in, '[', ']');
	if (span_chr(text, '$') >= 0) {
		ok = substitute(w, text, &inner, level + 1);
		text = out_look(&inner);
	}
	if (ok)
		ok = var ? put_variable(w, text, o) : put_expression(w, text, o);
	out_free(&inner);
	return ok;
}

static bool substitute(struct work *w, struct span in, struct out *o, unsigned level)
{
	if (level > MAX_LEVELS)
		w->cap = "too deeply nested";
	while (in.n && !w->cap) {
		long at = span_chr(in, '$');
		size_t plain = at < 0 ? in.n : (size_t)at;

		if (plain) {
			add(w, o, span_sub(in, 0, plain));
			in = span_from(in, plain);
		} else if (in.n > 1 && (in.p[1] == '{' || in.p[1] == '[')) {
			put_inside(w, &in, o, level);
		} else {
			add(w, o, span_sub(in, 0, 1));
			in = span_from(in, 1);
		}
	}
	return !w->cap;
}

bool dp_subst(const struct subst_env *env, struct span in, struct out *o, const char **why)
{
	struct work w = { .env = env };
	bool ok = substitute(&w, in, o, 0);

	if (!ok)
		o->n = 0;
	*why = ok ? w.remark : w.cap;
	return ok;
}
