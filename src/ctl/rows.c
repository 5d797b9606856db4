/* ctl/rows.c: rows with named columns, and how they look in a terminal: columns begin at fixed places, and a value that
 * is longer than its place moves the rest to the right rather than being cut. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "ctl/priv.h"

void rows_add(struct rows *r, const struct row_kind *kind)
{
	if ((r->n & (r->n - 1)) == 0)
		r->rows = xrealloc(r->rows, (r->n ? r->n * 2 : 1) * sizeof r->rows[0]);
	r->rows[r->n++] = (struct row){ .kind = kind, .gap = r->gap };
	r->gap = false;
}

static void put_taken(struct rows *r, char *value)
{
	struct row *row = &r->rows[r->n - 1];

	BUG_ON(row->n >= COLUMNS_MAX || !row->kind->columns[row->n].name);
	row->values[row->n++] = value;
}

void rows_put(struct rows *r, const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	BUG_ON(vasprintf(&text, fmt, ap) < 0);
	va_end(ap);
	put_taken(r, text);
}

void rows_say(struct rows *r, const char *fmt, ...)
{
	static const struct row_kind sentence = { .name = "text", .columns = { { .name = "text" } } };
	char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	BUG_ON(vasprintf(&text, fmt, ap) < 0);
	va_end(ap);
	rows_add(r, &sentence);
	put_taken(r, text);
}

/* How many columns of a terminal the text takes: UTF-8 continuation bytes take none. */
static long width(const char *s)
{
	long n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

static long put_text(struct out *o, long at, const char *s)
{
	out_shown(o, span_of(s)); /* no escape sequences of a peer */
	return at + width(s);
}

static long pad_to(struct out *o, long at, long where)
{
	do {
		out_char(o, ' ');
		at++;
	} while (at < where);
	return at;
}

static void row_text(const struct row *row, struct out *o)
{
	long at = 0;

	if (row->gap)
		out_char(o, '\n');
	if (row->kind->label)
		at = put_text(o, at, row->kind->label);
	for (size_t i = 0; i < row->n; i++) {
		const struct column *c = &row->kind->columns[i];
		long begin = c->right ? c->at - width(row->values[i]) : c->at;

		if (c->at && (begin > at || i))
			at = pad_to(o, at, begin);
		if (c->lead)
			at = put_text(o, at, c->lead);
		at = put_text(o, at, row->values[i]);
	}
	out_char(o, '\n');
}

void rows_text(const struct rows *r, struct out *o)
{
	if (r->count && !r->objects) {
		out_str(o, "No objects found.\n\n");
		return;
	}
	if (r->head)
		out_str(o, r->head);
	for (size_t i = 0; i < r->n; i++)
		row_text(&r->rows[i], o);
	if (r->count)
		out_fmt(o, "\nObjects found: %zu\n\n", r->objects);
	if (r->foot)
		out_str(o, r->foot);
}

void rows_free(struct rows *r)
{
	for (size_t i = 0; i < r->n; i++)
		for (size_t k = 0; k < r->rows[i].n; k++)
			free(r->rows[i].values[k]);
	free(r->rows);
	*r = (struct rows){ 0 };
}
