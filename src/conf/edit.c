/* conf/edit.c: a file as lines, each with what it was; edits, and the difference as diff -u shows it. */
#include "conf/edit.h"

#include <stdlib.h>
#include <string.h>

#define AROUND 3

struct line {
	char *was; /* NULL: added */
	char *is;  /* the same pointer while nothing changed */
};

struct conf_doc {
	struct line *v;
	size_t n;
	bool ended, ends; /* the last line had, has its line end */
};

struct added {
	size_t behind; /* index of a line */
	size_t at;     /* order of asking */
	const struct conf_edit *edit;
};

struct conf_doc *conf_doc_new(struct span text)
{
	struct conf_doc *d = xcalloc(1, sizeof *d);
	struct span rest = text, line;
	size_t cap = 0;

	d->ended = d->ends = !text.n || text.p[text.n - 1] == '\n';
	while (rest.n && span_cut(&rest, '\n', &line)) {
		if (d->n == cap) {
			cap = cap ? cap * 2 : 64;
			d->v = xrealloc(d->v, cap * sizeof d->v[0]);
		}
		d->v[d->n].was = d->v[d->n].is = span_dup(line);
		d->n++;
	}
	return d;
}

void conf_doc_free(struct conf_doc *d)
{
	for (size_t i = 0; i < d->n; i++) {
		if (d->v[i].was && d->v[i].was != d->v[i].is)
			free(d->v[i].was);
		explicit_bzero(d->v[i].is, strlen(d->v[i].is)); /* passwords pass through here */
		free(d->v[i].is);
	}
	free(d->v);
	free(d);
}

/* ---- edits ---- */

/* Where the comment begins; the end of the text when there is none. */
static size_t comment_at(const char *s)
{
	size_t i = 0;

	while (s[i] && (s[i] != ';' || (i && s[i - 1] == '\\')))
		i++;
	return i;
}

/* "key = old  ; why" becomes "key = new  ; why". */
static bool replace(struct line *l, const struct conf_edit *e)
{
	const char *s = l->is, *eq = strchr(s, '=');
	size_t end = comment_at(s), start;
	char *text;

	if (!eq || (size_t)(eq - s) >= end || (eq > s && eq[-1] == '+') || strncmp(s + end, ";--", 3) == 0)
		return false;
	if (!span_iis(span_trim((struct span){ s, (size_t)(eq - s) }), e->option))
		return false;
	start = (size_t)(eq - s) + 1;
	start += s[start] == '>';
	while (start < end && (s[start] == ' ' || s[start] == '\t'))
		start++;
	while (end > start && char_is_space(s[end - 1]))
		end--;
	text = xasprintf("%.*s%s%s", (int)start, s, e->value, s + end);
	if (strcmp(text, s) == 0) {
		free(text);
		return false;
	}
	if (l->is != l->was)
		free(l->is);
	l->is = text;
	return true;
}

/* The last line of the section, from this one on, that holds something. */
static size_t section_end(const struct conf_doc *d, size_t from)
{
	size_t last = from;

	for (size_t i = from + 1; i < d->n; i++) {
		struct span s = span_trim(span_of(d->v[i].is));

		if (s.n && s.p[0] == '[')
			break;
		if (s.n && s.p[0] != ';')
			last = i;
	}
	return last;
}

static int cmp_added(const void *a, const void *b)
{
	const struct added *x = a, *y = b;

	if (x->behind != y->behind)
		return x->behind < y->behind ? -1 : 1;
	return (x->at > y->at) - (x->at < y->at);
}

static bool asked_before(const struct added *a, size_t i)
{
	for (size_t k = i; k-- > 0 && a[k].behind == a[i].behind;)
		if (strcmp(a[k].edit->option, a[i].edit->option) == 0)
			return true;
	return false;
}

/* All new lines at once: the numbers that edits name are those from before. */
static size_t add_lines(struct conf_doc *d, struct added *a, size_t n)
{
	struct line *v = xcalloc(d->n + n + 1, sizeof *v);
	size_t at = 0, to = 0, count = 0;

	qsort(a, n, sizeof *a, cmp_added);
	for (size_t i = 0; i < d->n; i++) {
		size_t len = strlen(d->v[i].is);
		bool cr = len && d->v[i].is[len - 1] == '\r';

		v[to++] = d->v[i];
		for (; at < n && a[at].behind == i; at++) {
			if (asked_before(a, at))
				continue;
			if (i + 1 == d->n && !d->ends) { /* the line that was the last one gets its end */
				v[to - 1].is = v[to - 1].was == v[to - 1].is ? xstrdup(v[to - 1].is) : v[to - 1].is;
				d->ends = true;
			}
			v[to++].is = xasprintf("%s=%s%s", a[at].edit->option, a[at].edit->value, cr ? "\r" : "");
			count++;
		}
	}
	free(d->v);
	d->v = v;
	d->n = to;
	return count;
}

size_t conf_doc_edit(struct conf_doc *d, const struct conf_edit *edits, size_t n)
{
	struct added *a = xcalloc(n + 1, sizeof *a);
	bool *mended = xcalloc(d->n + 1, sizeof *mended);
	size_t n_added = 0, count = 0;

	for (size_t i = 0; i < n; i++) {
		size_t at = (size_t)edits[i].line - 1;

		if (at >= d->n || (edits[i].in_place && mended[at]))
			continue;
		if (edits[i].in_place)
			count += mended[at] = replace(&d->v[at], &edits[i]);
		else
			a[n_added++] = (struct added){ section_end(d, at), i, &edits[i] };
	}
	count += add_lines(d, a, n_added);
	free(mended);
	free(a);
	return count;
}

/* ---- what comes out ---- */

void conf_doc_out(const struct conf_doc *d, struct out *o)
{
	for (size_t i = 0; i < d->n; i++) {
		out_str(o, d->v[i].is);
		if (i + 1 < d->n || d->ends)
			out_char(o, '\n');
	}
}

/* The first changed line from `at` on; d->n when there is none. */
static size_t next_change(const struct conf_doc *d, size_t at)
{
	while (at < d->n && d->v[at].was == d->v[at].is)
		at++;
	return at;
}

/* Did the old text go on here? */
static bool has_more(const struct conf_doc *d, size_t at)
{
	while (at < d->n && !d->v[at].was)
		at++;
	return at < d->n;
}

static void out_line(const struct conf_doc *d, size_t i, struct out *o)
{
	const struct line *l = &d->v[i];
	static const char open[] = "\\ No newline at end of file\n";
	bool last = i + 1 == d->n;

	if (l->was == l->is) {
		out_fmt(o, " %s\n%s", l->is, last && !d->ends ? open : "");
		return;
	}
	if (l->was)
		out_fmt(o, "-%s\n%s", l->was, !d->ended && !has_more(d, i + 1) ? open : "");
	out_fmt(o, "+%s\n%s", l->is, last && !d->ends ? open : "");
}

/* "@@ -3,7 +3,8 @@" and the lines [from, to). */
static void out_hunk(const struct conf_doc *d, size_t from, size_t to, struct out *o)
{
	size_t old_at = 0, old = 0;

	for (size_t i = 0; i < from; i++)
		old_at += d->v[i].was != NULL;
	for (size_t i = from; i < to; i++)
		old += d->v[i].was != NULL;
	out_fmt(o, "@@ -%zu,%zu +%zu,%zu @@\n", old_at + (old > 0), old, from + 1, to - from);
	for (size_t i = from; i < to; i++)
		out_line(d, i, o);
}

/* A password belongs into nobody's terminal: what is shown around a change ends before it. */
static bool is_secret(const struct line *l)
{
	static const char *const words[] = { "password", "secret", "md5_cred", "token" };
	struct span key = span_of(l->is);
	long eq = span_chr(key, '=');

	for (size_t i = 0; i < ARRAY_LEN(words) && eq > 0; i++)
		if (span_find(span_sub(key, 0, (size_t)eq), span_of(words[i])) >= 0)
			return true;
	return false;
}

/* How far the lines [from, to) may be shown: the first secret among them, or `to`. */
static size_t shown_until(const struct conf_doc *d, size_t from, size_t to)
{
	while (from < to && from < d->n && !is_secret(&d->v[from]))
		from++;
	return from;
}

void conf_doc_diff(const struct conf_doc *d, const char *name, struct out *o)
{
	size_t at = next_change(d, 0);

	if (at == d->n)
		return;
	out_fmt(o, "--- %s\n+++ %s\n", name, name);
	while (at < d->n) {
		size_t from = at, last = at, next;

		while (from > 0 && at - from < AROUND && !is_secret(&d->v[from - 1]))
			from--;
		while ((next = next_change(d, last + 1)) < d->n && next - last <= 2 * AROUND &&
		       shown_until(d, last + 1, next) == next)
			last = next;
		out_hunk(d, from, shown_until(d, last + 1, MIN(last + AROUND + 1, d->n)), o);
		at = next;
	}
}
