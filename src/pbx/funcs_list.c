/*
 * pbx/funcs_list.c: the dialplan's functions about lists (a variable with a delimiter), hashes (variables with a key)
 * and groups (how many channels are on something, for limits of calls).
 */
#include <stdlib.h>
#include <string.h>

#include "base/trace.h"
#include "pbx/expr.h"
#include "pbx/priv.h"

/* ---- lists ---- */

/* FIELDQTY(variable,delimiter) */
static bool f_fieldqty(struct dp *dp, struct span args, struct out *o)
{
	struct out value = out_growing();
	char between = func_delimiter(args, 1, '-');
	struct span rest, one;
	uint32_t n = 0;

	func_value(dp, dp_arg(args, 0), &value);
	rest = out_look(&value);
	n = rest.n && rest.p[rest.n - 1] == between; /* an empty one at the end counts */
	while (rest.n && span_cut(&rest, between, &one))
		n++;
	out_uint(o, n);
	out_free(&value);
	return true;
}

/* FIELDNUM(variable,delimiter,value): which field it is, from 1; 0: none. */
static bool f_fieldnum(struct dp *dp, struct span args, struct out *o)
{
	struct out value = out_growing();
	char between = func_delimiter(args, 1, '-');
	struct span wanted = dp_arg_rest(args, 2), rest, one;
	uint32_t at = 0;

	func_value(dp, dp_arg(args, 0), &value);
	rest = out_look(&value);
	for (uint32_t n = 1; !at && span_cut(&rest, between, &one); n++)
		at = span_eq(one, wanted) ? n : 0;
	out_uint(o, at);
	out_free(&value);
	return true;
}

/* LISTFILTER(variable,delimiter,value): without the fields that are it. */
static bool f_listfilter(struct dp *dp, struct span args, struct out *o)
{
	struct out value = out_growing();
	char between = func_delimiter(args, 1, ',');
	struct span unwanted = dp_arg_rest(args, 2), rest, one;
	bool any = false;

	func_value(dp, dp_arg(args, 0), &value);
	rest = out_look(&value);
	while (span_cut(&rest, between, &one)) {
		if (span_eq(one, unwanted))
			continue;
		func_put_field(o, between, one, &any);
	}
	out_free(&value);
	return true;
}

/* SHIFT and POP: the first or the last field, which leaves the variable. */
static bool take_field(struct dp *dp, struct span args, bool first, struct out *o)
{
	struct out value = out_growing();
	struct span name = dp_arg(args, 0), all, field, left;
	char between = func_delimiter(args, 1, ',');
	long at;

	func_value(dp, name, &value);
	all = out_look(&value);
	at = first ? span_chr(all, between) : span_rchr(all, between);
	if (at < 0)
		field = all, left = SPAN_NONE;
	else if (first)
		field = span_sub(all, 0, (size_t)at), left = span_from(all, (size_t)at + 1);
	else
		field = span_from(all, (size_t)at + 1), left = span_sub(all, 0, (size_t)at);
	out_span(o, field);
	dp_assign(dp, name, left);
	out_free(&value);
	return true;
}

static bool f_shift(struct dp *dp, struct span args, struct out *o)
{
	return take_field(dp, args, true, o);
}

static bool f_pop(struct dp *dp, struct span args, struct out *o)
{
	return take_field(dp, args, false, o);
}

/* PUSH and UNSHIFT: one more at the end, or before the first. */
static bool put_field(struct dp *dp, struct span args, bool first, struct span field)
{
	struct out value = out_growing(), now = out_growing();
	struct span name = dp_arg(args, 0), all;
	char between = func_delimiter(args, 1, ',');
	bool fits;

	func_value(dp, name, &value);
	all = out_look(&value);
	out_span(&now, first ? field : all);
	if (all.n)
		out_char(&now, between);
	out_span(&now, first ? all : field);
	fits = now.n <= DP_TEXT_MAX;
	if (fits)
		dp_assign(dp, name, out_look(&now));
	out_free(&value);
	out_free(&now);
	return fits;
}

static bool w_push(struct dp *dp, struct span args, struct span value)
{
	return put_field(dp, args, false, value);
}

static bool w_unshift(struct dp *dp, struct span args, struct span value)
{
	return put_field(dp, args, true, value);
}

#define SORT_MAX 256

struct entry {
	struct span name;
	double value;
	size_t at;
};

static int by_value(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->value != y->value)
		return x->value < y->value ? -1 : 1;
	return x->at < y->at ? -1 : 1;
}

/* SORT(key:number,…): the keys, the smallest number first. */
static bool f_sort(struct dp *dp UNUSED, struct span args, struct out *o)
{
	struct entry *v = xcalloc(SORT_MAX, sizeof *v);
	size_t n = 0;
	struct span one;

	while (n < SORT_MAX && span_cut(&args, ',', &one)) {
		char text[64];

		v[n].at = n;
		span_cut(&one, ':', &v[n].name);
		span_copy(one, text, sizeof text);
		v[n].value = strtod(text, NULL);
		n++;
	}
	qsort(v, n, sizeof *v, by_value);
	for (size_t i = 0; i < n; i++)
		out_all(o, i ? "," : "", v[i].name);
	free(v);
	return true;
}

/* ARRAY(a,b)=x,y: several variables; those that nothing is left for become empty. */
static bool w_array(struct dp *dp, struct span args, struct span value)
{
	struct span name;

	for (unsigned n = 0; (name = dp_arg(args, n)).p && n < 64; n++)
		dp_assign(dp, name, dp_bare(dp_arg(value, n)));
	return true;
}

/* ---- hashes: a variable for each key, which no name can be confused with ---- */

static void out_hash_name(struct out *o, struct span hash, struct span key)
{
	out_all(o, "HASH(", hash, ",", key, ")");
}

static bool f_hash(struct dp *dp, struct span args, struct out *o)
{
	struct out name = out_growing();
	const char *v;

	out_hash_name(&name, dp_arg(args, 0), dp_arg(args, 1));
	v = vars_get(&dp->chan->vars, out_look(&name));
	out_str(o, v ? v : "");
	out_free(&name);
	return true;
}

static bool w_hash(struct dp *dp, struct span args, struct span value)
{
	struct out name = out_growing();
	bool keyed = dp_arg(args, 1).n;

	out_hash_name(&name, dp_arg(args, 0), dp_arg(args, 1));
	if (keyed)
		vars_set(&dp->chan->vars, out_look(&name), value);
	out_free(&name);
	return keyed;
}

/* HASHKEYS(name) */
static bool f_hashkeys(struct dp *dp, struct span args, struct out *o)
{
	struct out prefix = out_growing();
	const char *comma = "";

	out_all(&prefix, "HASH(", dp_arg(args, 0), ",");
	for (const struct var *v = dp->chan->vars.first; v && o->n < DP_TEXT_MAX; v = v->next) {
		struct span name = { v->text, v->name_n };

		if (!span_starts(name, out_look(&prefix)))
			continue;
		out_all(o, comma, span_sub(name, prefix.n, name.n - prefix.n - 1));
		comma = ",";
	}
	out_free(&prefix);
	return true;
}

/* ---- groups: GROUP(category) among the variables of a channel ---- */

static const struct span group_prefix = { "GROUP(", 6 };

/* The category, when the variable is a group. */
static bool is_group(const struct var *v, struct span *category)
{
	struct span name = { v->text, v->name_n };

	*category = span_sub(name, group_prefix.n, name.n - group_prefix.n - 1);
	return span_starts(name, group_prefix);
}

static struct span group_of(const struct var *v)
{
	return span_of(v->text + v->name_n + 1);
}

/* In the category; in any one when there is none. */
static struct span own_group(const struct chan *c, struct span category)
{
	struct span in;

	for (const struct var *v = c->vars.first; v; v = v->next)
		if (is_group(v, &in) && (!category.n || span_ieq(in, category)))
			return group_of(v);
	return SPAN_NONE;
}

static bool f_group(struct dp *dp, struct span args, struct out *o)
{
	out_span(o, own_group(dp->chan, span_trim(args)));
	return true;
}

void group_set(struct chan *c, struct span category, struct span group)
{
	struct out name = out_growing();

	if (!category.n && span_chr(group, '@') >= 0) {
		category = group;
		span_cut(&category, '@', &group);
	}
	out_all(&name, group_prefix, category, ")");
	vars_set(&c->vars, out_look(&name), group);
	out_free(&name);
}

/* GROUP(category)=group, or GROUP()=group@category */
static bool w_group(struct dp *dp, struct span args, struct span value)
{
	group_set(dp->chan, span_trim(args), span_trim(value));
	return true;
}

struct group_ask {
	struct span group, category; /* category empty: any */
	regex_t *re, *category_re;   /* instead, when there are some */
};

static bool group_fits(const struct var *v, const struct group_ask *a)
{
	struct span category;

	if (!is_group(v, &category))
		return false;
	if (!a->re)
		return span_ieq(group_of(v), a->group) && (!a->category.n || span_ieq(category, a->category));
	if (regexec(a->re, group_of(v).p, 0, NULL, 0) != 0)
		return false;
	if (a->category_re) {
		char *text = span_dup(category);
		bool fits = regexec(a->category_re, text, 0, NULL, 0) == 0;

		free(text);
		return fits;
	}
	return true;
}

static void out_group_count(const struct dp *dp, const struct group_ask *a, struct out *o)
{
	uint32_t n = 0;

	list_for(l, &dp->chan->pbx->chans)
		for (const struct var *v = list_entry(l, struct chan, link)->vars.first; v; v = v->next)
			n += group_fits(v, a);
	out_uint(o, n);
}

/* GROUP_COUNT([group][@category]) */
static bool f_group_count(struct dp *dp, struct span args, struct out *o)
{
	struct group_ask a = { .category = span_trim(args) };

	span_cut(&a.category, '@', &a.group);
	if (!a.group.n)
		a.group = own_group(dp->chan, a.category);
	if (a.group.n)
		out_group_count(dp, &a, o);
	else
		out_char(o, '0');
	return true;
}

/* GROUP_MATCH_COUNT(pattern[@pattern of the category]) */
static bool f_group_match_count(struct dp *dp, struct span args, struct out *o)
{
	struct span category = span_trim(args), group;
	struct group_ask a = { 0 };
	regex_t re, category_re;
	const char *why;

	span_cut(&category, '@', &group);
	if (!expr_pattern(group, REG_NOSUB, &re, &why))
		return false;
	if (category.n && !expr_pattern(category, REG_NOSUB, &category_re, &why)) {
		regfree(&re);
		return false;
	}
	a.re = &re;
	a.category_re = category.n ? &category_re : NULL;
	out_group_count(dp, &a, o);
	regfree(&re);
	if (a.category_re)
		regfree(&category_re);
	return true;
}

static bool f_group_list(struct dp *dp, struct span args UNUSED, struct out *o)
{
	const char *space = "";
	struct span category;

	for (const struct var *v = dp->chan->vars.first; v; v = v->next)
		if (is_group(v, &category)) {
			out_all(o, space, group_of(v));
			if (category.n)
				out_all(o, "@", category);
			space = " ";
		}
	return true;
}

const struct func list_funcs[] = {
	{ "ARRAY", "Sets several variables: ARRAY(a,b)=x,y.", NULL, w_array },
	{ "FIELDNUM", "Which field a value is, or 0: FIELDNUM(name,delimiter,value).", f_fieldnum, NULL },
	{ "FIELDQTY", "How many fields a variable has: FIELDQTY(name,delimiter).", f_fieldqty, NULL },
	{ "GROUP", "The group that the channel counts in: GROUP([category]).", f_group, w_group },
	{ "GROUP_COUNT", "How many channels are in a group: GROUP_COUNT([group][@category]).", f_group_count, NULL },
	{ "GROUP_LIST", "The channel's groups.", f_group_list, NULL },
	{ "GROUP_MATCH_COUNT", "The same of all groups that match.", f_group_match_count, NULL },
	{ "HASH", "A variable with a key: HASH(name,key).", f_hash, w_hash },
	{ "HASHKEYS", "The keys of a HASH.", f_hashkeys, NULL },
	{ "LISTFILTER", "A list without a value: LISTFILTER(name,delimiter,value).", f_listfilter, NULL },
	{ "POP", "Takes the last field out of a variable: POP(name[,delimiter]).", f_pop, NULL },
	{ "PUSH", "Adds a field at the end: PUSH(name[,delimiter])=value.", NULL, w_push },
	{ "SHIFT", "Takes the first field out of a variable.", f_shift, NULL },
	{ "SORT", "Keys by their numbers: SORT(key:number,…).", f_sort, NULL },
	{ "UNSHIFT", "Adds a field before the first.", NULL, w_unshift },
	{ 0 },
};
