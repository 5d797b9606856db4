/* base/diag.c: collected diagnostics, and the nearest known name. */
#include "base/diag.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void diag_add(struct diag *d, enum diag_sev sev, const char *file, unsigned line, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (d->n == d->cap) {
		d->cap = d->cap ? d->cap * 2 : 8;
		d->items = xrealloc(d->items, d->cap * sizeof d->items[0]);
	}
	d->items[d->n++] = (struct diag_item){ sev, file ? xstrdup(file) : NULL, line, xstrdup(text) };
	d->errors += sev == DIAG_ERROR;
	d->warnings += sev == DIAG_WARNING;
}

void diag_code(struct diag *d, unsigned code)
{
	BUG_ON(!d->n);
	d->items[d->n - 1].code = code;
}

void diag_unserved(struct diag *d)
{
	BUG_ON(!d->n);
	d->items[d->n - 1].unserved = true;
}

const char *diag_line(const struct diag_item *it, char *buf, size_t cap)
{
	static const char *const tag[] = { [DIAG_ERROR] = "", [DIAG_WARNING] = "warning: ", [DIAG_NOTE] = "note: " };

	if (it->file && it->line)
		snprintf(buf, cap, "%s:%u: %s%s", it->file, it->line, tag[it->sev], it->text);
	else if (it->file)
		snprintf(buf, cap, "%s: %s%s", it->file, tag[it->sev], it->text);
	else
		snprintf(buf, cap, "%s%s", tag[it->sev], it->text);
	return buf;
}

void diag_free(struct diag *d)
{
	for (size_t i = 0; i < d->n; i++) {
		free(d->items[i].file);
		free(d->items[i].text);
	}
	free(d->items);
	*d = (struct diag){ 0 };
}

#define WORD_MAX 64

static unsigned distance(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b);
	unsigned row[WORD_MAX + 1];

	if (n > WORD_MAX || m > WORD_MAX)
		return WORD_MAX;
	for (size_t j = 0; j <= m; j++)
		row[j] = (unsigned)j;
	for (size_t i = 1; i <= n; i++) {
		unsigned diag = row[0];

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= m; j++) {
			bool same = tolower((unsigned char)a[i - 1]) == tolower((unsigned char)b[j - 1]);
			unsigned cost = diag + !same;

			diag = row[j];
			row[j] = MIN(cost, MIN(row[j], row[j - 1]) + 1);
		}
	}
	return row[m];
}

const char *diag_nearest(const char *word, const char *const *names, size_t n)
{
	unsigned best = (unsigned)MAX(2, strlen(word) / 3) + 1;
	const char *found = NULL;

	for (size_t i = 0; i < n; i++) {
		unsigned d = distance(word, names[i]);

		if (d < best) {
			best = d;
			found = names[i];
		}
	}
	return found;
}
