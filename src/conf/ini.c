/*
 * conf/ini.c: Asterisk's configuration grammar.
 *
 *   [name]                      a section; one name may be used again
 *   [name](!)  [name](!,a)      a template; its lines only count for those who inherit from it
 *   [name](a,b)                 starts with the lines of a, then of b
 *   [name](+)  [name](+k=v)     goes on with the first section of that name (that has k=v)
 *   key = value   key => value  a line; keys may repeat
 *   key += text                 glues text to the latest value of that key
 *   ; to the end of line        a comment; \; is a semicolon; ;-- and --; enclose longer ones, which may nest
 *   #include f  #tryinclude f   f, "f" or <f>; wildcards allowed; relative to the configuration's folder
 *
 * An included file begins inside the section that includes it; afterwards the including file goes on in its own. What
 * includes and templates can multiply is capped, so a small file cannot become a large load.
 */
#include "conf/ini.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* A million phones have three million sections; these only end what inheritance and includes multiply. */
#define MAX_DEPTH   10
#define MAX_FILES   100000
#define MAX_LINES   1000000u /* and for each line that is read... */
#define MAX_INHERIT 100u     /* ...so many more that sections inherit */

struct reader { /* one file being read */
	struct ini *ini;
	const struct conf_source *src;
	struct diag *why;
	const struct reader *outer; /* the file that includes this one */
	const char *file;
	unsigned line, depth;
	unsigned nested, opened; /* block comments: how deep, and the line of the outermost */
	long section;            /* index of the section being filled; -1: none */
	bool skip;               /* the section's head was wrong: its lines belong nowhere */
	unsigned *files;         /* read so far, in the whole load */
	size_t settled;          /* ignores that have their lines; the others wait for the next line */
	size_t head, head_end;   /* those of the current section's head: they hold until the next one */
};

#define fail(r, ...) diag_add((r)->why, DIAG_ERROR, (r)->file, (r)->line, __VA_ARGS__)
#define warn(r, ...) diag_add((r)->why, DIAG_WARNING, (r)->file, (r)->line, __VA_ARGS__)

static bool read_file(struct reader *r, const char *path);

static uint64_t hash_of(struct span name)
{
	uint64_t h = 0;

	for (size_t i = 0; i < name.n; i++)
		h = (h ^ (uint64_t)(unsigned char)char_lower(name.p[i])) * 0x9e3779b97f4a7c15u;
	return h ^ h >> 32;
}

/* The sections of that name in any case, in no order; NULL at the end. *at begins as the name's hash. */
static struct ini_section *next_named(const struct ini *ini, struct span name, uint64_t hash, size_t *at)
{
	void *found;

	while ((found = table_next(&ini->by_name, hash, at))) {
		struct ini_section *s = &ini->sections[(uintptr_t)found - 1];

		if (span_ieq(span_of(s->name), name))
			return s;
	}
	return NULL;
}

struct ini_section *ini_section(const struct ini *ini, struct span name)
{
	struct ini_section *same = NULL, *near = NULL, *s;
	uint64_t hash = hash_of(name);
	size_t at = hash;

	while ((s = next_named(ini, name, hash, &at))) {
		if (span_eq(span_of(s->name), name) && (!same || s < same))
			same = s;
		if (!near || s < near)
			near = s;
	}
	return same ? same : near;
}

struct ini_section *ini_section_at(const struct ini *ini, struct span name, const char *file, unsigned line)
{
	uint64_t hash = hash_of(name);
	size_t at = hash;
	struct ini_section *s;

	while ((s = next_named(ini, name, hash, &at)))
		if (s->file == file && s->line == line)
			return s;
	return NULL;
}

const struct ini_line *ini_last(const struct ini_section *s, struct span key)
{
	for (size_t i = s->n; i-- > 0;)
		if (span_ieq(ini_key(s->lines[i]), key))
			return s->lines[i];
	return NULL;
}

static const char *nearest_section(const struct ini *ini, const char *name)
{
	const char **names = xcalloc(ini->n + 1, sizeof *names);
	const char *found;

	for (size_t i = 0; i < ini->n; i++)
		names[i] = ini->sections[i].name;
	found = diag_nearest(name, names, ini->n);
	free(names);
	return found;
}

/* Room for so many more. What it had before stays in the arena: the last section of a file is the one that grows. */
static void make_room(struct ini *ini, struct ini_section *s, size_t more)
{
	struct ini_line **lines;

	if (s->n + more <= s->cap)
		return;
	s->cap = (unsigned)MAX(s->cap * 2, s->n + more + 2);
	lines = arena_alloc(ini->arena, s->cap * sizeof lines[0]);
	if (s->n)
		memcpy(lines, s->lines, s->n * sizeof lines[0]);
	s->lines = lines;
}

static void push_line(struct reader *r, struct ini_section *s, struct ini_line *l)
{
	size_t most = MAX_LINES + MAX_INHERIT * r->ini->n_read;

	if (r->ini->too_many)
		return;
	if (r->ini->n_lines >= most) {
		r->ini->too_many = true;
		fail(r, "more than %zu lines with what is inherited", most);
		return;
	}
	make_room(r->ini, s, 1);
	s->lines[s->n++] = l;
	r->ini->n_lines++;
}

/* The text lives as long as the ini, and is wiped with it. */
static void keep_text(struct ini *ini, struct out text)
{
	if (!(ini->n_texts & (ini->n_texts - 1)))
		ini->texts = xrealloc(ini->texts, (ini->n_texts ? ini->n_texts * 2 : 1) * sizeof ini->texts[0]);
	ini->texts[ini->n_texts++] = text;
}

/* A part of a line as a C string, where it stands: what follows it has been read. */
static const char *in_place(struct span s)
{
	if (!s.n)
		return "";
	((char *)s.p)[s.n] = '\0';
	return s.p;
}

/* ---- comments ---- */

static bool opens_block(struct span s)
{
	return span_starts(s, SPAN(";--")) && !(s.n > 3 && s.p[3] == '-');
}

/*
 * Keeps what is not a comment, at the place of the line, which it fits; returns the comment. The state of block
 * comments goes on from line to line.
 */
static struct span strip_comments(struct reader *r, struct span s, struct out *o)
{
	size_t skip;

	*o = out_fixed((char *)s.p, s.n);
	if (!r->nested && span_chr(s, ';') < 0) { /* nearly all */
		o->n = s.n;
		return SPAN_NONE;
	}
	for (; s.n; s = span_from(s, skip)) {
		skip = 1;
		if (opens_block(s)) {
			r->opened = r->nested++ ? r->opened : r->line;
			skip = 3;
		} else if (r->nested && span_starts(s, SPAN("--;"))) {
			r->nested--;
			skip = 3;
		} else if (r->nested) {
			continue;
		} else if (span_starts(s, SPAN("\\;"))) {
			out_char(o, ';');
			skip = 2;
		} else if (s.p[0] == ';') {
			return s;
		} else {
			out_char(o, s.p[0]);
		}
	}
	return SPAN_NONE;
}

/* "; hairpin: ignore NAT012 NAT013": kept, without its lines yet. */
static void read_ignores(struct reader *r, struct span comment)
{
	struct ini *ini = r->ini;
	struct span word;

	while (comment.n && (comment.p[0] == ';' || char_is_space(comment.p[0])))
		comment = span_from(comment, 1);
	if (!span_word(&comment, &word) || !span_iis(word, "hairpin:") || !span_word(&comment, &word) ||
	    !span_iis(word, "ignore"))
		return;
	while (span_word(&comment, &word)) {
		struct span rest = word, code;

		while (rest.n && span_cut(&rest, ',', &code)) {
			ini->ignores = xrealloc(ini->ignores, (ini->n_ignores + 1) * sizeof ini->ignores[0]);
			ini->ignores[ini->n_ignores++] =
				(struct conf_ignore){ .file = r->file, .code = arena_str(ini->names, code) };
		}
	}
}

/* What waits holds for this line; at a section's head, until the next section. */
static void settle_ignores(struct reader *r, bool head)
{
	struct conf_ignore *all = r->ini->ignores;

	for (size_t i = r->head; head && i < r->head_end; i++)
		all[i].last = r->line - 1;
	for (size_t i = r->settled; i < r->ini->n_ignores; i++) {
		all[i].first = r->line;
		all[i].last = head ? UINT_MAX : r->line;
	}
	if (head) {
		r->head = r->settled;
		r->head_end = r->ini->n_ignores;
	}
	r->settled = r->ini->n_ignores;
}

/* ---- sections ---- */

static struct ini_section *new_section(struct reader *r, struct span name)
{
	struct ini *ini = r->ini;
	const char *before = ini->n ? ini->sections[ini->n - 1].name : NULL;

	if (ini->n == ini->cap) {
		ini->cap = ini->cap ? ini->cap * 2 : 16;
		ini->sections = xrealloc(ini->sections, ini->cap * sizeof ini->sections[0]);
	}
	ini->sections[ini->n] = (struct ini_section){
		.name = before && span_is(name, before) ? before : in_place(name),
		.file = r->file,
		.line = r->line,
	};
	table_add(&ini->by_name, hash_of(name), (void *)(uintptr_t)++ini->n);
	return &ini->sections[ini->n - 1];
}

static void inherit(struct reader *r, struct ini_section *s, struct span parent)
{
	const struct ini_section *from = ini_section(r->ini, parent);
	const char *near;
	char name[128];

	if (from && from != s) {
		size_t n = from->n;

		make_room(r->ini, s, n);
		for (size_t i = 0; i < n; i++)
			push_line(r, s, from->lines[i]);
		return;
	}
	span_copy(parent, name, sizeof name);
	near = nearest_section(r->ini, name);
	if (near && strcmp(near, s->name) != 0)
		fail(r, "[%s] inherits from unknown section '%s', did you mean '%s'?", s->name, name, near);
	else
		fail(r, "[%s] inherits from unknown section '%s'", s->name, name);
}

/* "k=v&k2=v2": does the section have all of them? */
static bool has_all(const struct ini_section *s, struct span filter)
{
	struct span item, key;

	while (span_cut(&filter, '&', &item)) {
		const struct ini_line *l;

		span_cut(&item, '=', &key);
		l = ini_last(s, span_trim(key));
		if (!l || !span_eq(span_of(l->value), span_trim(item)))
			return false;
	}
	return true;
}

static struct ini_section *find_to_append(struct reader *r, struct span name, struct span filter)
{
	uint64_t hash = hash_of(name);
	size_t at = hash;
	struct ini_section *first = NULL, *s;

	while ((s = next_named(r->ini, name, hash, &at)))
		if ((!first || s < first) && (!filter.n || has_all(s, filter)))
			first = s;
	if (first)
		return first;
	fail(r, "[%.*s](+): there is no such section before this line", SP(name));
	return NULL;
}

/* The list in parentheses after [name]; returns the section that the following lines belong to, or NULL. */
static struct ini_section *apply_list(struct reader *r, struct span name, struct span list)
{
	struct ini_section *s = NULL;
	struct span rest = list, item;
	bool is_new;

	while (!s && span_cut(&rest, ',', &item)) {
		item = span_trim(item);
		if (!span_starts(item, SPAN("+")))
			continue;
		s = find_to_append(r, name, span_from(item, 1));
		if (!s)
			return NULL;
	}
	is_new = !s;
	s = s ? s : new_section(r, name);
	for (rest = list; span_cut(&rest, ',', &item);) {
		item = span_trim(item);
		if (span_is(item, "!"))
			s->is_template = true;
		else if (item.n && item.p[0] != '+')
			inherit(r, s, item);
	}
	s->n_inherited = is_new ? s->n : s->n_inherited;
	return s;
}

static void section_head(struct reader *r, struct span text)
{
	struct ini_section *s;
	struct span name, list = SPAN_NONE;
	long end = span_chr(text, ']');

	r->skip = true;
	if (end < 0) {
		fail(r, "']' is missing after the section's name");
		return;
	}
	name = span_trim(span_sub(text, 1, (size_t)end - 1));
	text = span_trim(span_from(text, (size_t)end + 1));
	if (!name.n) {
		fail(r, "a section needs a name");
		return;
	}
	if (span_take_char(&text, '(')) {
		end = span_chr(text, ')');
		if (end < 0) {
			fail(r, "')' is missing after [%.*s](", SP(name));
			return;
		}
		list = span_sub(text, 0, (size_t)end);
		text = span_trim(span_from(text, (size_t)end + 1));
	}
	if (text.n)
		warn(r, "'%.*s' after the section's name is ignored", SP(text));
	s = apply_list(r, name, list);
	if (s) {
		r->section = s - r->ini->sections;
		r->skip = false;
	}
}

/* ---- lines ---- */

static void append_value(struct reader *r, struct ini_section *s, struct ini_line *l)
{
	for (size_t i = s->n; i-- > 0;) {
		struct out o = out_growing();

		if (!span_ieq(ini_key(s->lines[i]), ini_key(l)))
			continue;
		out_str(&o, s->lines[i]->value);
		out_str(&o, l->value);
		out_char(&o, '\0');
		keep_text(r->ini, o);
		l->value = o.p;
		s->lines[i] = l;
		return;
	}
	push_line(r, s, l);
}

static void key_line(struct reader *r, struct span text)
{
	long eq = span_chr(text, '=');
	bool append = eq > 0 && text.p[eq - 1] == '+';
	struct span key, value;
	struct ini_line *l;

	if (r->skip)
		return;
	if (r->section < 0) {
		fail(r, "this line stands before any [section]");
		return;
	}
	if (eq < 0) {
		warn(r, "no '=' in this line: it is ignored");
		return;
	}
	key = span_trim(span_sub(text, 0, (size_t)(append ? eq - 1 : eq)));
	value = span_from(text, (size_t)eq + 1);
	if (!append)
		span_take_char(&value, '>');
	if (!key.n) {
		fail(r, "no name before '='");
		return;
	}
	l = arena_alloc(r->ini->arena, sizeof *l);
	*l = (struct ini_line){ in_place(key), in_place(span_trim(value)), r->file, r->line, (unsigned)key.n };
	if (append)
		append_value(r, &r->ini->sections[r->section], l);
	else
		push_line(r, &r->ini->sections[r->section], l);
}

/* ---- includes ---- */

struct found_files {
	char **path;
	size_t n;
};

static void add_found(void *ctx, const char *path)
{
	struct found_files *f = ctx;

	f->path = xrealloc(f->path, (f->n + 1) * sizeof f->path[0]);
	f->path[f->n++] = xstrdup(path);
}

static bool include_one(struct reader *r, const char *path)
{
	struct reader inner = { r->ini, r->src, r->why, r };

	for (const struct reader *o = r; o; o = o->outer)
		if (strcmp(o->file, path) == 0) {
			fail(r, "#include: '%s' includes itself", path);
			return true;
		}
	if (r->depth + 1 >= MAX_DEPTH || *r->files >= MAX_FILES) {
		fail(r, "#include: more than %d files deep or %d in all", MAX_DEPTH, MAX_FILES);
		return true;
	}
	inner.depth = r->depth + 1;
	inner.section = r->section;
	inner.skip = r->skip;
	inner.files = r->files;
	inner.settled = r->ini->n_ignores;
	return read_file(&inner, path);
}

static void include_many(struct reader *r, const char *pattern, bool must)
{
	struct found_files f = { 0 };

	r->src->glob(r->src->arg, pattern, add_found, &f);
	for (size_t i = 0; i < f.n; i++) {
		include_one(r, f.path[i]);
		free(f.path[i]);
	}
	if (!f.n && must)
		warn(r, "#include: '%s' matches no file", pattern);
	free(f.path);
}

static struct span unquoted(struct span s)
{
	if (s.n >= 2 && ((s.p[0] == '"' && s.p[s.n - 1] == '"') || (s.p[0] == '<' && s.p[s.n - 1] == '>')))
		return span_sub(s, 1, s.n - 2);
	return s;
}

static void directive(struct reader *r, struct span text)
{
	bool must;
	struct span word, rest = span_from(text, 1);
	char *path;

	span_word(&rest, &word);
	must = span_iis(word, "include");
	if (span_iis(word, "exec")) {
		fail(r, "#exec is not supported: no program is run while the configuration is read");
		return;
	}
	if (!must && !span_iis(word, "tryinclude")) {
		fail(r, "unknown directive '#%.*s': there are #include and #tryinclude", SP(word));
		return;
	}
	rest = unquoted(span_trim(rest));
	if (!rest.n) {
		fail(r, "#%.*s needs the name of a file", SP(word));
		return;
	}
	path = span_dup(rest);
	if (strpbrk(path, "*?[{"))
		include_many(r, path, must);
	else if (!include_one(r, path) && must)
		fail(r, "#include: there is no file '%s', or it may not be read", path);
	free(path);
}

/* ---- files ---- */

static void one_line(struct reader *r, struct span raw)
{
	struct out o;
	struct span text;

	read_ignores(r, strip_comments(r, raw, &o));
	text = span_trim(out_look(&o));
	if (text.n)
		settle_ignores(r, text.p[0] == '[');
	if (!text.n)
		;
	else if (text.p[0] == '[')
		section_head(r, text);
	else if (text.p[0] == '#')
		directive(r, text);
	else
		key_line(r, text);
	if (text.n)
		r->settled = r->ini->n_ignores; /* those of a file that was included are its own */
}

static void all_lines(struct reader *r, struct span text)
{
	struct span raw;

	if (span_starts(text, SPAN("\xef\xbb\xbf")))
		text = span_from(text, 3);
	if (span_chr(text, '\0') >= 0) {
		fail(r, "not a text file: it holds a zero byte");
		return;
	}
	while (text.n && !is_abandoned(r->src) && span_cut(&text, '\n', &raw)) {
		r->line++;
		r->ini->n_read++;
		one_line(r, raw);
	}
	if (r->nested) {
		r->line = r->opened;
		warn(r, "the comment that ';--' opens here is never closed: what follows is not read");
	}
}

static bool read_file(struct reader *r, const char *path)
{
	struct out text = out_growing();
	bool ok = r->src->read(r->src->arg, path, &text);
	size_t n = text.n;

	out_char(&text, '\0'); /* room behind the last word, too */
	keep_text(r->ini, text);
	if (!ok)
		return false;
	(*r->files)++;
	r->file = arena_str(r->ini->names, span_of(path));
	all_lines(r, (struct span){ text.p, n });
	return true;
}

bool ini_load(struct ini *ini, struct arena *names, const struct conf_source *src, const char *path, struct diag *why)
{
	unsigned files = 0;
	struct reader r = { .ini = ini, .src = src, .why = why, .section = -1, .files = &files };

	*ini = (struct ini){ .arena = arena_new(4096), .names = names };
	return read_file(&r, path);
}

void ini_free(struct ini *ini)
{
	for (size_t i = 0; i < ini->n_texts; i++) {
		explicit_bzero(ini->texts[i].p, ini->texts[i].n);
		out_free(&ini->texts[i]);
	}
	free(ini->texts);
	free(ini->sections);
	table_free(&ini->by_name);
	free(ini->ignores);
	arena_free(ini->arena);
	*ini = (struct ini){ 0 };
}
