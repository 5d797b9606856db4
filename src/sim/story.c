/*
 * sim/story.c: reads a story, and plays it: a line is one or more statements, each a few words.
 */
#include <libgen.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/trace.h"
#include "sim/story_priv.h"

#define INCLUDE_DEPTH 8

/* ---- reading ---- */

static char *read_file(const char *path)
{
	FILE *f = fopen(path, "r");
	struct out o = out_growing();
	char buf[4096];
	size_t n;

	if (!f)
		return NULL;
	while ((n = fread(buf, 1, sizeof buf, f)) > 0)
		out_bytes(&o, buf, n);
	fclose(f);
	return out_take(&o);
}

static char *beside(const char *path, struct span name)
{
	char *copy = xstrdup(path), *full;

	if (name.n && name.p[0] == '/')
		full = span_dup(name);
	else
		full = xasprintf("%s/%.*s", dirname(copy), SP(name));
	free(copy);
	return full;
}

struct reading {
	struct story *s;
	const char *path;
	struct span rest;
	unsigned no, depth;
	char **why;
};

static bool complain(struct reading *r, const char *what, struct span about)
{
	*r->why = xasprintf("%s:%u: %s %.*s", r->path, r->no, what, SP(about));
	return false;
}

static bool next_line(struct reading *r, struct span *line)
{
	r->no++;
	return span_cut(&r->rest, '\n', line);
}

static bool take_block(struct reading *r, struct story_line *l)
{
	struct out o = out_growing();
	struct span line;

	while (next_line(r, &line)) {
		if (span_is(span_trim(line), ">>")) {
			l->block = out_take(&o);
			return true;
		}
		out_fmt(&o, "%.*s\n", SP(line));
	}
	out_free(&o);
	return complain(r, "a << without its", SPAN(">>"));
}

static struct story_line *add_line(struct reading *r, struct span text)
{
	struct story *s = r->s;
	struct story_line *l;

	s->lines = xrealloc(s->lines, (s->n_lines + 1) * sizeof s->lines[0]);
	l = &s->lines[s->n_lines++];
	*l = (struct story_line){ .file = xstrdup(r->path), .text = span_dup(text), .no = r->no };
	return l;
}

static bool add_each(struct reading *r, struct span text)
{
	struct story_each *e = &r->s->each[r->s->n_each];
	struct span word;

	if (r->s->n_each == ARRAY_LEN(r->s->each) || !span_word(&text, &word))
		return complain(r, "each: a name and values", text);
	r->s->n_each++;
	e->name = span_dup(word);
	while (span_word(&text, &word)) {
		e->values = xrealloc(e->values, (e->n + 1) * sizeof e->values[0]);
		e->values[e->n++] = span_dup(word);
	}
	return e->n || complain(r, "each: no values", text);
}

static bool read_story(struct story *s, const char *path, unsigned depth, char **why);

static bool take_line(struct reading *r, struct span line)
{
	struct span text = span_trim(line), rest = text, first;
	long at = span_find(text, SPAN(" < "));
	struct story_line *l;

	if (!span_word(&rest, &first) || first.p[0] == '#')
		return true;
	if (span_is(first, "include")) {
		char *path = beside(r->path, span_trim(rest));
		bool ok = r->depth < INCLUDE_DEPTH ? read_story(r->s, path, r->depth + 1, r->why)
						   : complain(r, "includes go too deep", text);

		free(path);
		return ok;
	}
	if (span_is(first, "each"))
		return add_each(r, rest);
	if (span_is(first, "harmless") && !r->s->harmless) {
		r->s->harmless = span_dup(span_trim(rest));
		return true;
	}
	if (span_is(first, "loss")) {
		rest = span_trim(rest);
		r->s->loss = span_istarts(rest, SPAN("no")) ? STORY_LOSS_NO : STORY_LOSS_SAMPLED;
		return true;
	}
	if (span_is(first, "conf") && at > 0) {
		char *path = beside(r->path, span_trim(span_from(text, (size_t)at + 3)));

		l = add_line(r, span_sub(text, 0, (size_t)at));
		l->block = read_file(path);
		free(path);
		return l->block || complain(r, "no such file:", text);
	}
	if (text.n > 3 && span_is(span_from(text, text.n - 3), " <<"))
		return take_block(r, add_line(r, span_sub(text, 0, text.n - 3)));
	add_line(r, text);
	return true;
}

static bool read_story(struct story *s, const char *path, unsigned depth, char **why)
{
	char *text = read_file(path);
	struct reading r = { .s = s, .path = path, .rest = span_of(text), .depth = depth, .why = why };
	struct span line;
	bool ok = text || complain(&r, "cannot be read:", span_of(path));

	while (ok && next_line(&r, &line))
		ok = take_line(&r, line);
	free(text);
	return ok;
}

struct story *story_load(const char *path, char **why)
{
	struct story *s = xcalloc(1, sizeof *s);
	char *copy = xstrdup(path), *name = basename(copy);
	char *dot = strrchr(name, '.');

	s->path = xstrdup(path);
	s->name = span_dup((struct span){ name, dot ? (size_t)(dot - name) : strlen(name) });
	free(copy);
	if (read_story(s, path, 0, why))
		return s;
	story_free(s);
	return NULL;
}

void story_free(struct story *s)
{
	for (size_t i = 0; i < s->n_lines; i++) {
		free(s->lines[i].file);
		free(s->lines[i].text);
		free(s->lines[i].block);
	}
	free(s->lines);
	for (size_t i = 0; i < s->n_each; i++) {
		for (size_t j = 0; j < s->each[i].n; j++)
			free(s->each[i].values[j]);
		free(s->each[i].values);
		free(s->each[i].name);
	}
	free(s->path);
	free(s->name);
	free(s->harmless);
	free(s);
}

const char *story_name(const struct story *s)
{
	return s->name;
}

const char *story_harmless(const struct story *s)
{
	return s->harmless;
}

enum story_loss story_loss(const struct story *s)
{
	return s->loss;
}

unsigned story_variants(const struct story *s)
{
	unsigned n = 1;

	for (size_t i = 0; i < s->n_each; i++)
		n *= (unsigned)s->each[i].n;
	return n;
}

static const char *each_value(const struct story *s, size_t which, unsigned variant)
{
	for (size_t i = 0; i < which; i++)
		variant /= (unsigned)s->each[i].n;
	return s->each[which].values[variant % s->each[which].n];
}

void story_variant_name(const struct story *s, unsigned variant, struct out *o)
{
	for (size_t i = 0; i < s->n_each; i++)
		out_fmt(o, "%s%s=%s", i ? " " : "", s->each[i].name, each_value(s, i, variant));
}

/* ---- words ---- */

/* $name of an `each` line; every other $ stays. */
static char *substituted(const struct tale *t, const char *text)
{
	const struct story *s = t->story;
	struct out o = out_growing();

	for (const char *p = text; *p; p++) {
		size_t i = 0;

		while (i < s->n_each && (*p != '$' || strncmp(p + 1, s->each[i].name, strlen(s->each[i].name)) != 0))
			i++;
		if (i == s->n_each) {
			out_char(&o, *p);
			continue;
		}
		out_str(&o, each_value(s, i, t->run->variant));
		p += strlen(s->each[i].name);
	}
	return out_take(&o);
}

/* What stands in quotes, up to `end`; \n is the end of a line. Returns what follows. */
static char *quoted(char *p, char end)
{
	char *to = p;

	for (; *p && *p != end; p++) {
		if (p[0] == '\\' && p[1] == 'n')
			*to++ = '\n', p++;
		else
			*to++ = *p;
	}
	if (*p)
		p++;
	*to = '\0';
	return p;
}

/* Takes one statement off *at; false at the end of the line. Quotes keep spaces and semicolons; # begins a comment. */
static bool next_words(char **at, struct words *w)
{
	char *p = *at;

	w->n = 0;
	for (;;) {
		p += strspn(p, " \t");
		if (*p == '#')
			*p = '\0';
		if (!*p || *p == ';' || w->n == WORDS_MAX)
			break;
		if (*p == '"' || *p == '\'') {
			w->w[w->n++] = p + 1;
			p = quoted(p + 1, *p);
			continue;
		}
		w->w[w->n++] = p;
		p += strcspn(p, " \t;");
		if (*p == ';')
			break;
		if (*p)
			*p++ = '\0';
	}
	*at = *p ? p + 1 : p;
	*p = '\0';
	return w->n > 0;
}

bool word_is(const struct words *w, int at, const char *text)
{
	return at < w->n && strcmp(w->w[at], text) == 0;
}

const char *word_opt(const struct words *w, const char *name)
{
	size_t n = strlen(name);

	for (int i = 0; i < w->n; i++)
		if (strncmp(w->w[i], name, n) == 0 && w->w[i][n] == '=')
			return w->w[i] + n + 1;
	return NULL;
}

bool word_flag(const struct words *w, const char *name)
{
	for (int i = 2; i < w->n; i++)
		if (strcmp(w->w[i], name) == 0)
			return true;
	return false;
}

bool parse_time(const char *s, ms_t *v)
{
	char *end;
	double n = strtod(s, &end);

	if (end == s || n < 0)
		return false;
	if (strcmp(end, "ms") == 0)
		*v = (ms_t)n;
	else if (strcmp(end, "s") == 0)
		*v = (ms_t)(n * 1000);
	else if (strcmp(end, "m") == 0)
		*v = (ms_t)(n * 60000);
	else if (strcmp(end, "h") == 0)
		*v = (ms_t)(n * 3600000);
	else
		return false;
	return true;
}

uint32_t word_number(const char *text, uint32_t def)
{
	return text ? (uint32_t)strtoul(text, NULL, 10) : def;
}

ms_t word_time(struct tale *t, const char *text)
{
	ms_t v = 0;

	if (!text || !parse_time(text, &v))
		tale_fail(t, "'%s' is not a time (500ms, 32s, 2m, 1h)", text ? text : "");
	return v;
}

/* ---- things ---- */

void tale_fail(struct tale *t, const char *fmt, ...)
{
	va_list ap;

	if (t->failed || t->run->turn)
		return;
	t->failed = true;
	va_start(ap, fmt);
	vsnprintf(t->res->why, sizeof t->res->why, fmt, ap);
	va_end(ap);
	if (t->line)
		snprintf(t->res->place, sizeof t->res->place, "%s:%u", t->line->file, t->line->no);
	else
		snprintf(t->res->place, sizeof t->res->place, "%s: at the end", t->story->path);
}

struct thing *thing_find(struct tale *t, const char *name)
{
	for (size_t i = 0; i < t->n_things; i++)
		if (strcmp(t->things[i].name, name) == 0)
			return &t->things[i];
	return NULL;
}

struct thing *thing_get(struct tale *t, const char *name, enum thing_kind kind)
{
	static const char *const kinds[] = { "network", "pbx", "phone", "raw host", "STUN server" };
	struct thing *x = thing_find(t, name);

	if (x && x->kind == kind)
		return x;
	tale_fail(t, "there is no %s '%s'", kinds[kind], name);
	return NULL;
}

/* ---- playing ---- */

static void keep_trace(struct tale *t, const char *fmt, ...) PRINTF(2, 3);
static void keep_trace(struct tale *t, const char *fmt, ...)
{
	ms_t at = t->sim->clock.now - t->began;
	va_list ap;
	char *text;

	if (!t->run->trace)
		return;
	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	out_fmt(&t->trace, "%6lld.%03lld %s\n", (long long)(at / 1000), (long long)(at % 1000), text ? text : "");
	free(text);
}

static void on_wire(void *arg, const struct sim_wire *w)
{
	struct tale *t = arg;
	char from[ADDR_STRLEN], to[ADDR_STRLEN];

	if (w->bytes.n <= 4 && !span_eq(w->bytes, SPAN("\r\n\r\n")))
		return;
	if ((t->n_wires & (t->n_wires - 1)) == 0)
		t->wires = xrealloc(t->wires, (t->n_wires ? t->n_wires * 2 : 1) * sizeof t->wires[0]);
	t->wires[t->n_wires++] = (struct wire_note){ .net = sim_net_name(w->net),
						     .from = w->from,
						     .to = w->to,
						     .text = span_dup(w->bytes.n > 4 ? w->bytes : SPAN("keep-alive")),
						     .mark = t->mark };
	keep_trace(t, "[%s] %s -> %s (message %u)\n%.*s", sim_net_name(w->net), addr_str(&w->from, from),
		   addr_str(&w->to, to), sim_messages(t->sim) ? sim_messages(t->sim) - 1 : 0, SP(w->bytes));
}

static void on_event(void *arg, const struct trace_record *r)
{
	struct tale *t = arg;

	if ((t->n_events & (t->n_events - 1)) == 0)
		t->events = xrealloc(t->events, (t->n_events ? t->n_events * 2 : 1) * sizeof t->events[0]);
	t->events[t->n_events++] =
		(struct event_note){ .text = xasprintf("%s %s %s", trace_descs[r->id].name, r->call, r->text),
				     .mark = t->mark };
	keep_trace(t, "  * %s %s: %s", trace_descs[r->id].name, r->call, r->text);
}

static void statement(struct tale *t, const struct words *w);

/* "plain …": only when no message is lost or doubled: about a message that nobody repeats. */
static void plainly(struct tale *t, const struct words *w)
{
	struct words rest = *w;

	memmove(rest.w, rest.w + 1, (size_t)--rest.n * sizeof rest.w[0]);
	if (t->run->fate == SIM_DELIVER)
		statement(t, &rest);
}

/* "if A is B …": for stories with `each`. */
static void perhaps(struct tale *t, const struct words *w)
{
	struct words rest = *w;

	memmove(rest.w, rest.w + 4, (size_t)(rest.n -= 4) * sizeof rest.w[0]);
	if (strcmp(w->w[1], w->w[3]) == 0)
		statement(t, &rest);
}

static void statement(struct tale *t, const struct words *w)
{
	if (word_is(w, 0, "plain") && w->n > 1)
		plainly(t, w);
	else if (word_is(w, 0, "if") && word_is(w, 2, "is") && w->n > 4)
		perhaps(t, w);
	else if (word_is(w, 0, "wait") && w->n == 2)
		sim_run(t->sim, t->sim->clock.now + word_time(t, w->w[1]));
	else if (word_is(w, 0, "mark"))
		t->mark++;
	else if (word_is(w, 0, "expect"))
		expect_statement(t, w);
	else if (!act_statement(t, w) && !nat_statement(t, w) && !world_statement(t, w))
		tale_fail(t, "what does '%s%s%s' mean?", w->w[0], w->n > 1 ? " " : "", w->n > 1 ? w->w[1] : "");
}

static void play_line(struct tale *t, const struct story_line *l)
{
	struct words w = { 0 };
	char *text = substituted(t, l->text), *block = l->block ? substituted(t, l->block) : NULL, *at = text;

	t->line = l;
	keep_trace(t, "--- %s:%u: %s", l->file, l->no, text);
	w.block = block;
	while (!t->failed && next_words(&at, &w))
		statement(t, &w);
	free(text);
	free(block);
}

void story_play(const struct story *s, const struct story_run *run, struct story_result *res)
{
	struct tale t = { .story = s, .run = run, .res = res, .trace = out_growing() };
	int listening = trace_listen(LV_DEBUG, on_event, &t);

	*res = (struct story_result){ 0 };
	t.sim = sim_new(run->seed);
	if (run->kernel)
		sim_kernel(t.sim);
	t.began = t.sim->clock.now;
	sim_turns(t.sim, run->turn);
	if (run->fate != SIM_DELIVER)
		sim_fate(t.sim, run->nth, run->fate);
	sim_tap(t.sim, on_wire, &t);
	for (size_t i = 0; i < s->n_lines && !t.failed; i++)
		play_line(&t, &s->lines[i]);
	t.line = NULL;
	if (!t.failed)
		world_end(&t);
	res->ok = !t.failed;
	res->messages = sim_messages(t.sim);
	res->at = t.sim->clock.now - t.began;
	world_free(&t);
	trace_unlisten(listening);
	res->trace = run->trace ? out_take(&t.trace) : NULL;
	out_free(&t.trace);
}
