/*
 * conf/opt.c: what the option tables do: find a row, set its value, print it. How each kind of value is read is in
 * values.c and access.c; the rows are in table_*.c.
 */
#include "conf/opt.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/values.h"

const struct opt_type *opt_type(struct span name)
{
	for (const struct opt_type *t = conf_types; t->name; t++)
		if (span_iis(name, t->name))
			return t;
	return NULL;
}

const struct opt *opt_find(const struct opt_type *t, struct span name)
{
	char first = name.n ? char_lower(name.p[0]) : '\0';

	for (const struct opt *opt = t->opts; opt->name; opt++)
		if (char_lower(opt->name[0]) == first && span_iis(name, opt->name))
			return opt;
	return NULL;
}

size_t opt_count(const struct opt_type *t)
{
	size_t n = 0;

	while (t->opts[n].name)
		n++;
	return n;
}

/* ---- saying what is wrong ---- */

static void say(struct opt_cx *cx, enum diag_sev sev, bool with_option, const char *text)
{
	bool one_object = cx->type->file != NULL; /* the file's name says it all */
	const char *option = with_option && cx->opt ? cx->opt->name : "", *colon = *option ? ": " : "";

	if (sev == DIAG_ERROR && cx->type->lenient)
		sev = DIAG_WARNING;
	if (one_object)
		diag_add(cx->why, sev, cx->file, cx->line, "%s%s%s", option, colon, text);
	else
		diag_add(cx->why, sev, cx->file, cx->line, "%s %s: %s%s%s", cx->type->name, cx->obj->name, option,
			 colon, text);
}

static void say_va(struct opt_cx *cx, enum diag_sev sev, bool with_option, const char *fmt, va_list ap)
{
	char text[768];

	vsnprintf(text, sizeof text, fmt, ap);
	say(cx, sev, with_option, text);
}

bool opt_bad(struct opt_cx *cx, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say_va(cx, DIAG_ERROR, true, fmt, ap);
	va_end(ap);
	return false;
}

bool opt_bad_object(struct opt_cx *cx, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say_va(cx, DIAG_ERROR, false, fmt, ap);
	va_end(ap);
	return false;
}

void opt_warn(struct opt_cx *cx, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say_va(cx, DIAG_WARNING, true, fmt, ap);
	va_end(ap);
}

static bool unknown_option(struct opt_cx *cx, const char *key)
{
	size_t n = opt_count(cx->type);
	const char **names = xcalloc(n + 1, sizeof *names), *near;

	for (size_t i = 0; i < n; i++)
		names[i] = cx->type->opts[i].name;
	near = diag_nearest(key, names, n);
	free(names);
	if (near)
		return opt_bad_object(cx, "unknown option '%s', did you mean '%s'?", key, near);
	return opt_bad_object(cx, "unknown option '%s'", key);
}

/* ---- setting ---- */

static bool set_value(struct opt_cx *cx, const struct opt *opt, struct span v)
{
	union {
		uint64_t words[4];
		double number;
	} scratch = { { 0 } };
	void *field = opt->at ? (char *)cx->obj + opt->at : (char *)&scratch;
	opt_set *set = opt->set ? opt->set : opt_kinds[opt->kind].set;

	cx->opt = opt;
	return set(cx, field, v);
}

void opt_defaults(struct opt_cx *cx)
{
	for (const struct opt *opt = cx->type->opts; opt->name; opt++)
		if (opt->def && (opt->at || opt->show))
			BUG_ON(!set_value(cx, opt, span_of(opt->def)));
	cx->opt = NULL;
}

/* No field holds the value: keep its text, for `show`. Secrets are not kept. */
static void keep_text(struct opt_cx *cx, const struct opt *opt, unsigned row, const char *value)
{
	struct conf_text *t;

	if (opt->at || opt->show || opt->kind == OPT_SECRET)
		return;
	t = arena_alloc(cx->arena, sizeof *t);
	*t = (struct conf_text){ cx->obj->texts, row, arena_str(cx->arena, span_of(value)) };
	cx->obj->texts = t; /* the latest is found first */
}

static bool is_default(const struct opt *opt, const char *value)
{
	bool a, b;

	if (opt->kind == OPT_BOOL && opt_is_bool(span_of(value), &a) && opt_is_bool(span_of(opt->def), &b))
		return a == b;
	return span_iis(span_of(opt->def), value);
}

/* "no" is what doing without the option comes to. The loud ones are told all the same. */
static bool is_no(const struct opt *opt, const char *value)
{
	bool yes = true;

	return (opt->kind == OPT_BOOL || opt->kind == OPT_ENUM) && !opt->loud && opt_is_bool(span_of(value), &yes) &&
	       !yes;
}

/* An option that waits for something is written with another value than the default: say so, once per line. */
static void tell_waiting(struct opt_cx *cx, struct ini_line *l)
{
	char text[256];

	if (!cx->opt->waits_for || l->told || is_default(cx->opt, l->value) || is_no(cx->opt, l->value))
		return;
	l->told = true;
	snprintf(text, sizeof text, "not served yet (it waits for: %s)", cx->opt->waits_for);
	say(cx, cx->opt->loud ? DIAG_WARNING : DIAG_NOTE, true, text);
	diag_unserved(cx->why);
}

bool opt_apply(struct opt_cx *cx, struct ini_line *l)
{
	const struct opt *opt = opt_find(cx->type, ini_key(l));
	size_t row;

	cx->file = l->file;
	cx->line = l->line;
	cx->opt = NULL;
	if (!opt && (cx->type->any_option || l->key[0] == '@'))
		return true;
	if (!opt)
		return unknown_option(cx, l->key);
	row = (size_t)(opt - cx->type->opts);
	BUG_ON(row >= 64 * ARRAY_LEN(cx->obj->written));
	if (!set_value(cx, opt, span_of(l->value)))
		return false;
	cx->obj->written[row / 64] |= UINT64_C(1) << row % 64;
	keep_text(cx, opt, (unsigned)row, l->value);
	tell_waiting(cx, l);
	return true;
}

bool opt_is_set(const struct opt_type *t, const struct conf_obj *o, const struct opt *opt)
{
	size_t row = (size_t)(opt - t->opts);

	return o->written[row / 64] >> row % 64 & 1;
}

bool opt_is_written(const struct opt_type *t, const struct conf_obj *o, const char *name)
{
	const struct opt *opt = opt_find(t, span_of(name));

	BUG_ON(!opt);
	return opt_is_set(t, o, opt);
}

/* ---- printing ---- */

static const char *text_of(const struct opt *opt, size_t row, const struct conf_obj *obj)
{
	for (const struct conf_text *t = obj->texts; t; t = t->next)
		if (t->row == row)
			return t->value;
	return opt->def ? opt->def : "";
}

const char *conf_text(const struct conf_obj *o, const char *type, const char *option)
{
	const struct opt_type *t = opt_type(span_of(type));
	const struct opt *opt = opt_find(t, span_of(option));

	BUG_ON(!opt || opt->at || opt->kind == OPT_SECRET);
	return text_of(opt, (size_t)(opt - t->opts), o);
}

bool conf_says_yes(const struct conf_obj *o, const char *type, const char *option)
{
	bool yes = false;

	return opt_is_bool(span_of(conf_text(o, type, option)), &yes) && yes;
}

static void print_text(const struct opt_type *t, size_t row, const struct conf_obj *obj, struct out *o)
{
	const struct opt *opt = &t->opts[row];
	const char *text = text_of(opt, row, obj);
	bool yes;

	if (opt->kind == OPT_SECRET)
		out_str(o, opt_is_written(t, obj, opt->name) ? "***" : "");
	else if (opt->kind == OPT_BOOL && opt_is_bool(span_of(text), &yes))
		out_str(o, yes ? "true" : "false");
	else
		out_str(o, text);
}

void opt_print(const struct opt_type *t, size_t row, const struct conf_obj *obj, struct out *o)
{
	const struct opt *opt = &t->opts[row];
	opt_show *show = opt->show ? opt->show : opt_kinds[opt->kind].show;

	if (opt->at)
		show(opt, (const char *)obj + opt->at, obj, o);
	else if (opt->show)
		show(opt, NULL, obj, o);
	else
		print_text(t, row, obj, o);
}
