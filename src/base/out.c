/* base/out.c: a builder that holds its error. */
#include "base/out.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct out out_fixed(char *buf, size_t cap)
{
	return (struct out){ .p = buf, .cap = cap };
}

struct out out_growing(void)
{
	return (struct out){ .grows = true };
}

static bool room(struct out *o, size_t n)
{
	if (o->overflow)
		return false;
	if (o->cap - o->n >= n)
		return true;
	if (!o->grows) {
		o->overflow = true;
		return false;
	}
	o->cap = MAX(o->cap * 2, o->n + n + 64);
	o->p = xrealloc(o->p, o->cap);
	return true;
}

void out_bytes(struct out *o, const void *p, size_t n)
{
	if (!n || !room(o, n))
		return;
	memcpy(o->p + o->n, p, n);
	o->n += n;
}

void out_char(struct out *o, char c)
{
	out_bytes(o, &c, 1);
}

void out_str(struct out *o, const char *s)
{
	out_bytes(o, s, strlen(s));
}

void out_span(struct out *o, struct span s)
{
	out_bytes(o, s.p, s.n);
}

void out_uint(struct out *o, uint64_t v)
{
	char tmp[20];
	size_t n = sizeof tmp;

	do
		tmp[--n] = (char)('0' + v % 10);
	while (v /= 10);
	out_bytes(o, tmp + n, sizeof tmp - n);
}

void out_hex(struct out *o, const void *p, size_t n)
{
	static const char digit[] = "0123456789abcdef";
	const unsigned char *b = p;

	for (size_t i = 0; i < n; i++) {
		out_char(o, digit[b[i] >> 4]);
		out_char(o, digit[b[i] & 15]);
	}
}

void out_fmt(struct out *o, const char *fmt, ...)
{
	char small[256];
	va_list ap, again;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(small, sizeof small, fmt, ap);
	if (n >= 0 && (size_t)n < sizeof small) {
		out_bytes(o, small, (size_t)n);
	} else if (n >= 0 && room(o, (size_t)n + 1)) {
		vsnprintf(o->p + o->n, (size_t)n + 1, fmt, again);
		o->n += (size_t)n;
	}
	va_end(again);
	va_end(ap);
}

long out_done(const struct out *o)
{
	return o->overflow ? -ENOSPC : (long)o->n;
}

struct span out_look(const struct out *o)
{
	return (struct span){ o->p, o->n };
}

char *out_take(struct out *o)
{
	char *p;

	out_char(o, '\0');
	p = o->p;
	*o = out_growing();
	return p;
}

void out_free(struct out *o)
{
	if (o->grows)
		free(o->p);
	*o = (struct out){ 0 };
}
