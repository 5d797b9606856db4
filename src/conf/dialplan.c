/*
 * conf/dialplan.c: extensions.conf becomes contexts, extensions and steps.
 *
 *   exten => pattern[/callerid],priority[(label)],Application(arguments)
 *   same  => priority[(label)],Application(arguments)        the extension of the line before
 *
 * A priority is a number, `n` (the line before, plus 1), `s` (the same as the line before), a label of the extension,
 * each with an optional +offset, or `hint`. Sections of one name are one context. Arrays grow inside the snapshot's
 * arena, so there is nothing to free when a load fails.
 */
#include <stdlib.h>
#include <string.h>

#include "conf/opt.h"
#include "conf/when.h"

#define PRIO_MAX  1000000
#define PRIO_HINT -1
#define NO_PRIO   -2 /* no line in this context yet */

struct pending { /* an include, to be checked when all contexts are known */
	const char *name, *file;
	unsigned line;
};

struct reading {
	struct load *load;
	struct conf_dialplan *d;
	const struct ini_line *line;
	size_t ctx;    /* being filled, index in d->contexts */
	long exten;    /* of the line before, index in the context; -1: none */
	int last_prio; /* of the line before */
	struct pending *includes;
	size_t n_includes;
};

#define fail(r, ...) diag_add((r)->load->why, DIAG_ERROR, (r)->line->file, (r)->line->line, __VA_ARGS__)
#define warn(r, ...) diag_add((r)->load->why, DIAG_WARNING, (r)->line->file, (r)->line->line, __VA_ARGS__)

static struct dp_context *context_now(struct reading *r)
{
	return &r->d->contexts[r->ctx];
}

/* ---- globals ---- */

static const char *global_value(const struct conf_dialplan *d, struct span name)
{
	for (size_t i = 0; i < d->n_globals; i++)
		if (span_is(name, d->globals[i].name))
			return d->globals[i].value;
	return "";
}

/* ${NAME} of globals set before; everything else stays. Other substitutions happen when a call runs. */
static char *with_globals(struct reading *r, struct span s)
{
	struct out o = out_growing();
	char *text;

	while (s.n) {
		long end = span_starts(s, SPAN("${")) ? span_chr(s, '}') : -1;

		if (end < 0) {
			out_char(&o, s.p[0]);
			s = span_from(s, 1);
			continue;
		}
		out_str(&o, global_value(r->d, span_sub(s, 2, (size_t)end - 2)));
		s = span_from(s, (size_t)end + 1);
	}
	text = arena_str(r->load->arena, out_look(&o));
	out_free(&o);
	return text;
}

static void set_global(struct reading *r, const struct ini_line *l)
{
	struct conf_dialplan *d = r->d;
	struct dp_var var = { .name = arena_str(r->load->arena, span_of(l->key)) };

	var.value = with_globals(r, span_of(l->value));
	for (size_t i = 0; i < d->n_globals; i++)
		if (strcmp(d->globals[i].name, var.name) == 0) {
			d->globals[i] = var;
			return;
		}
	d->globals = array_grow(r->load->arena, d->globals, d->n_globals, sizeof d->globals[0]);
	d->globals[d->n_globals++] = var;
}

static void set_general(struct reading *r, const struct ini_line *l)
{
	static const char *const names[] = { "static",          "writeprotect",         "autofallthrough",
					     "clearglobalvars", "extenpatternmatchnew", "overrideswitch",
					     "userscontext",    "priorityjumping" };
	const char *near;
	bool yes;

	if (strcasecmp(l->key, "clearglobalvars") == 0 && opt_is_bool(span_of(l->value), &yes))
		r->d->clearglobalvars = yes;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strcasecmp(l->key, names[i]) == 0)
			return;
	near = diag_nearest(l->key, names, ARRAY_LEN(names));
	if (near)
		warn(r, "[general]: unknown option '%s', did you mean '%s'?", l->key, near);
	else
		warn(r, "[general]: unknown option '%s'", l->key);
}

/* ---- extensions ---- */

static void use_context(struct reading *r, const char *name)
{
	struct conf_dialplan *d = r->d;

	r->exten = -1;
	r->last_prio = NO_PRIO;
	for (r->ctx = 0; r->ctx < d->n_contexts; r->ctx++)
		if (strcmp(d->contexts[r->ctx].name, name) == 0)
			return;
	d->contexts = array_grow(r->load->arena, d->contexts, d->n_contexts, sizeof d->contexts[0]);
	d->contexts[d->n_contexts++] = (struct dp_context){ .name = arena_str(r->load->arena, span_of(name)) };
}

static bool same_exten(const struct dp_exten *e, const char *pattern, struct span cid)
{
	return strcmp(e->pattern, pattern) == 0 && span_is(cid, e->cid);
}

/* Has a pattern the ']' of each '['? Other names are taken as they stand. */
static bool is_whole(struct span name)
{
	long open, close = 0;

	if (!name.n || name.p[0] != '_')
		return true;
	while (close >= 0 && (open = span_chr(name, '[')) >= 0) {
		name = span_from(name, (size_t)open);
		close = span_chr(name, ']');
		name = span_from(name, close < 0 ? 0 : (size_t)close);
	}
	return close >= 0;
}

static void use_exten(struct reading *r, struct span text)
{
	struct dp_context *c = context_now(r);
	struct span name = SPAN_NONE, cid;
	const char *pattern;

	text = span_of(with_globals(r, span_trim(text)));
	cid = text;
	span_cut(&cid, '/', &name);
	name = span_trim(name);
	cid = span_trim(cid);
	pattern = arena_str(r->load->arena, name);
	if (r->exten >= 0 && same_exten(&c->extens[r->exten], pattern, cid))
		return;
	for (r->exten = 0; (size_t)r->exten < c->n_extens; r->exten++)
		if (same_exten(&c->extens[r->exten], pattern, cid))
			return;
	if (!is_whole(name))
		warn(r, "extension '%s': a ']' is missing: it matches nothing", pattern);
	c->extens = array_grow(r->load->arena, c->extens, c->n_extens, sizeof c->extens[0]);
	c->extens[c->n_extens++] = (struct dp_exten){ .pattern = pattern, .cid = arena_str(r->load->arena, cid) };
}

/* Keeps the steps by rising priority; of two with one priority the first stays. */
static void add_step(struct reading *r, struct dp_step step)
{
	struct dp_exten *e = &context_now(r)->extens[r->exten];
	size_t at = e->n_steps;

	while (at && e->steps[at - 1].prio >= step.prio)
		at--;
	if (at < e->n_steps && e->steps[at].prio == step.prio) {
		warn(r, "extension '%s' has priority %d already, at %s:%u; this line is ignored", e->pattern, step.prio,
		     e->steps[at].file, e->steps[at].line);
		return;
	}
	e->steps = array_grow(r->load->arena, e->steps, e->n_steps, sizeof step);
	memmove(&e->steps[at + 1], &e->steps[at], (e->n_steps - at) * sizeof step);
	e->steps[at] = step;
	e->n_steps++;
}

static bool base_priority(struct reading *r, struct span base, int *prio)
{
	const struct dp_exten *e = &context_now(r)->extens[r->exten];
	bool next = span_iis(base, "n") || span_iis(base, "next"), same = span_iis(base, "s") || span_iis(base, "same");
	uint32_t number;

	if (next || same) {
		if (r->last_prio == NO_PRIO) {
			fail(r, "'%.*s' needs a line with a priority before it", SP(base));
			return false;
		}
		*prio = r->last_prio + next;
		return true;
	}
	if (span_u32(base, PRIO_MAX, &number) && number) {
		*prio = (int)number;
		return true;
	}
	for (size_t i = 0; i < e->n_steps; i++)
		if (base.n && span_is(base, e->steps[i].label)) {
			*prio = e->steps[i].prio;
			return true;
		}
	fail(r, "'%.*s' is not a priority (1 to %d, n, s, a label or hint)", SP(base), PRIO_MAX);
	return false;
}

/* base[+offset][(label)]; `hint` gives PRIO_HINT. */
static bool take_priority(struct reading *r, struct span text, int *prio, const char **label)
{
	struct span base = text, plus = SPAN_NONE, name = SPAN_NONE;
	uint32_t offset = 0;
	long open = span_chr(text, '(');

	if (open >= 0) {
		name = span_trim(span_from(text, (size_t)open + 1));
		if (!name.n || name.p[name.n - 1] != ')') {
			fail(r, "')' is missing after the label in '%.*s'", SP(text));
			return false;
		}
		name.n--;
		base = span_trim(span_sub(text, 0, (size_t)open));
	}
	*label = arena_str(r->load->arena, span_trim(name));
	*prio = PRIO_HINT;
	if (span_iis(base, "hint"))
		return true;
	plus = base;
	span_cut(&plus, '+', &base);
	if (plus.p && !span_u32(span_trim(plus), PRIO_MAX, &offset)) {
		fail(r, "'%.*s' is not a number to add to a priority", SP(plus));
		return false;
	}
	if (!base_priority(r, span_trim(base), prio))
		return false;
	*prio = (int)MIN(*prio + (long)offset, PRIO_MAX);
	return true;
}

/* More '(' than ')' outside of quotes and not behind a backslash? */
static bool is_open(struct span s)
{
	bool quoted = false;
	long depth = 0;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\\')
			i++;
		else if (s.p[i] == '"')
			quoted = !quoted;
		else if (!quoted)
			depth += (s.p[i] == '(') - (s.p[i] == ')');
	}
	return depth > 0;
}

/* App(args), App, or the old App,args */
static bool take_app(struct reading *r, struct span text, struct dp_step *step)
{
	size_t end = 0;
	struct span args = SPAN_NONE;

	while (end < text.n && text.p[end] != '(' && text.p[end] != ',')
		end++;
	if (end < text.n && text.p[end] == '(') {
		long close = span_rchr(text, ')');

		if (close < (long)end || (is_open(text) && (size_t)close + 1 < text.n)) {
			fail(r, "a ')' is missing in '%.*s'", SP(text));
			return false;
		}
		if (is_open(text)) /* quotes and parentheses of a text may well be odd */
			warn(r, "more parentheses are opened than closed in '%.*s'", SP(text));
		args = span_sub(text, end + 1, (size_t)close - end - 1);
	} else {
		args = span_trim(span_from(text, end + 1));
	}
	step->app = arena_str(r->load->arena, span_trim(span_sub(text, 0, end)));
	step->args = arena_str(r->load->arena, args);
	if (!*step->app)
		fail(r, "the application is missing");
	return *step->app;
}

/* DEVICE[&DEVICE...][,presence]: for subscriptions, there is nothing to run. Of two the first stays. */
static void take_hint(struct reading *r, struct span text, struct dp_step *step)
{
	struct dp_exten *e = &context_now(r)->extens[r->exten];
	struct dp_step *hint;

	if (!text.n) {
		warn(r, "the hint of '%s' names no device", e->pattern);
		return;
	}
	if (e->hint) {
		warn(r, "extension '%s' has a hint already, at %s:%u; this line is ignored", e->pattern, e->hint->file,
		     e->hint->line);
		return;
	}
	hint = arena_alloc(r->load->arena, sizeof *hint);
	*hint = *step;
	hint->app = "";
	hint->args = arena_str(r->load->arena, text);
	e->hint = hint;
}

/* What follows the extension's name: priority,application */
static void read_step(struct reading *r, struct span rest)
{
	struct dp_step step = { .file = r->line->file, .line = r->line->line };
	struct span prio = SPAN_NONE;

	span_cut(&rest, ',', &prio);
	if (!take_priority(r, span_trim(prio), &step.prio, &step.label))
		return;
	if (step.prio == PRIO_HINT) {
		take_hint(r, span_trim(rest), &step);
		return;
	}
	r->last_prio = step.prio;
	if (take_app(r, span_trim(rest), &step))
		add_step(r, step);
}

static void read_exten(struct reading *r, struct span text)
{
	struct span name = SPAN_NONE;

	span_cut(&text, ',', &name);
	if (!span_trim(name).n || !text.p) {
		fail(r, "an extension is written: exten => name,priority,Application(arguments)");
		return;
	}
	use_exten(r, name);
	read_step(r, text);
}

static void read_same(struct reading *r, struct span text)
{
	if (r->exten < 0)
		fail(r, "'same' needs an 'exten' line before it in this section");
	else
		read_step(r, text);
}

/* ---- the rest of a context ---- */

/* name[,time,weekday,day,month[,zone]], or with '|' between them */
static void read_include(struct reading *r, struct span text)
{
	struct dp_context *c = context_now(r);
	struct tm any = { 0 };
	size_t end = 0;
	const char *name, *times;
	struct span zone;
	bool wrong;

	while (end < text.n && text.p[end] != ',' && text.p[end] != '|')
		end++;
	name = arena_str(r->load->arena, span_trim(span_sub(text, 0, end)));
	if (!*name) {
		fail(r, "include needs the name of a context");
		return;
	}
	times = arena_str(r->load->arena, span_trim(span_from(text, MIN(end + 1, text.n))));
	when_matches(span_of(times), &any, &wrong);
	if (wrong)
		warn(r, "include => %s: the times are not understood: it is never included", name);
	zone = when_zone(span_of(times));
	if (zone.n)
		warn(r, "include => %s: time zones are not served yet; '%.*s' is taken for local time", name, SP(zone));
	strs_add(r->load->arena, &c->includes, name);
	strs_add(r->load->arena, &c->include_times, times);
	r->includes = xrealloc(r->includes, (r->n_includes + 1) * sizeof r->includes[0]);
	r->includes[r->n_includes++] = (struct pending){ name, r->line->file, r->line->line };
}

static void set_autohints(struct reading *r, struct span value)
{
	bool *on = &context_now(r)->autohints;

	if (!opt_is_bool(value, on))
		fail(r, "autohints: '%.*s' is neither yes nor no", SP(value));
}

static void read_line(struct reading *r, const struct ini_line *l)
{
	static const char *const names[] = { "exten",  "same",    "include", "ignorepat",
					     "switch", "lswitch", "eswitch", "autohints" };
	struct span key = span_of(l->key), value = span_of(l->value);
	const char *near;

	if (span_iis(key, "exten"))
		read_exten(r, value);
	else if (span_iis(key, "same"))
		read_same(r, value);
	else if (span_iis(key, "include"))
		read_include(r, value);
	else if (span_iis(key, "ignorepat"))
		strs_add(r->load->arena, &context_now(r)->ignorepat, arena_str(r->load->arena, value));
	else if (span_iis(key, "switch") || span_iis(key, "lswitch") || span_iis(key, "eswitch"))
		warn(r, "%s is not served: dialplans elsewhere are not asked", l->key);
	else if (span_iis(key, "autohints"))
		set_autohints(r, value);
	else if ((near = diag_nearest(l->key, names, ARRAY_LEN(names))))
		fail(r, "context %s: unknown word '%s', did you mean '%s'?", context_now(r)->name, l->key, near);
	else
		fail(r, "context %s: unknown word '%s': there are exten, same, include, ignorepat and switch",
		     context_now(r)->name, l->key);
}

static void read_section(struct reading *r, const struct ini_section *s)
{
	bool general = strcasecmp(s->name, "general") == 0, globals = strcasecmp(s->name, "globals") == 0;

	if (!general && !globals)
		use_context(r, s->name);
	for (size_t i = 0; i < s->n; i++) {
		r->line = s->lines[i];
		if (general)
			set_general(r, r->line);
		else if (globals)
			set_global(r, r->line);
		else
			read_line(r, r->line);
	}
}

/* ---- the whole ---- */

static int cmp_context(const void *a, const void *b)
{
	const struct dp_context *x = *(const struct dp_context *const *)a, *y = *(const struct dp_context *const *)b;

	return strcmp(x->name, y->name);
}

const struct dp_context *conf_context(const struct conf_dialplan *d, struct span name)
{
	size_t low = 0, high = d->n_contexts;

	while (low < high) {
		size_t mid = (low + high) / 2;
		int r = span_cmp(name, span_of(d->by_name[mid]->name));

		if (r == 0)
			return d->by_name[mid];
		if (r < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return NULL;
}

uint32_t dp_exten_hash(struct span name)
{
	char plain[80]; /* longer names are equal as far as this goes */
	size_t n = 0;

	if (span_chr(name, '-') < 0)
		return span_hash(span_sub(name, 0, sizeof plain)) | 1;
	for (size_t i = 0; i < name.n && n < sizeof plain; i++)
		if (name.p[i] != '-')
			plain[n++] = name.p[i];
	return span_hash((struct span){ plain, n }) | 1;
}

static void index_extens(struct load *l, struct dp_context *c)
{
	uint32_t *v = arena_alloc(l->arena, c->n_extens * sizeof *v);

	for (size_t i = 0; i < c->n_extens; i++)
		v[i] = c->extens[i].pattern[0] == '_' ? 0 : dp_exten_hash(span_of(c->extens[i].pattern));
	c->hashes = v;
}

static void index_contexts(struct load *l)
{
	struct conf_dialplan *d = &l->c->dialplan;

	d->by_name = arena_alloc(l->arena, d->n_contexts * sizeof(struct dp_context *));
	for (size_t i = 0; i < d->n_contexts; i++) {
		d->by_name[i] = &d->contexts[i];
		index_extens(l, &d->contexts[i]);
	}
	qsort(d->by_name, d->n_contexts, sizeof(struct dp_context *), cmp_context);
}

static void check_includes(struct reading *r)
{
	for (size_t i = 0; i < r->n_includes; i++) {
		const struct pending *p = &r->includes[i];

		if (!conf_context(r->d, span_of(p->name)))
			diag_add(r->load->why, DIAG_WARNING, p->file, p->line,
				 "include => %s: there is no such context", p->name);
	}
	free(r->includes);
}

void load_dialplan(struct load *l)
{
	struct reading r = { .load = l, .d = &l->c->dialplan };
	struct ini ini;

	r.d->is_missing = !load_optional(l, &ini, "extensions.conf");
	if (r.d->is_missing)
		diag_add(l->why, DIAG_WARNING, "extensions.conf", 0,
			 "there is no such file: without it each call is refused with 404");
	for (size_t i = 0; i < ini.n; i++) /* extensions' names may hold globals that stand further down */
		if (!ini.sections[i].is_template && strcasecmp(ini.sections[i].name, "globals") == 0)
			read_section(&r, &ini.sections[i]);
	for (size_t i = 0; i < ini.n; i++)
		if (!ini.sections[i].is_template && strcasecmp(ini.sections[i].name, "globals") != 0)
			read_section(&r, &ini.sections[i]);
	index_contexts(l);
	check_includes(&r);
	ini_free(&ini);
}
