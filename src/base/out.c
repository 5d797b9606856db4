/* base/out.c: a builder that holds its error. */
#include "base/out.h"

#include <endian.h>
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

struct out out_growing_in(char *buf, size_t cap)
{
	return (struct out){ .p = buf, .cap = cap, .grows = true, .borrowed = true };
}

static void move_to_heap(struct out *o, size_t cap)
{
	char *p = xmalloc(cap);

	memcpy(p, o->p, o->n);
	o->p = p;
	o->borrowed = false;
}

bool out_room(struct out *o, size_t n)
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
	if (o->borrowed)
		move_to_heap(o, o->cap);
	else
		o->p = xrealloc(o->p, o->cap);
	return true;
}

/* Of what does not fit into a fixed buffer, the beginning is kept: a line of the log may be cut. */
void out_bytes_slowly(struct out *o, const void *p, size_t n)
{
	if (!out_room(o, n))
		n = o->cap - o->n;
	if (!n)
		return;
	memcpy(o->p + o->n, p, n);
	o->n += n;
}

#define DIGITS 20 /* of 2^64 - 1 */

/* By the number of its bits, of which a digit has 3.3; where these leave it open, by its size. */
static size_t digits_of(uint64_t v)
{
	static const uint64_t power[DIGITS] = { 0,    1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,
						1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19 };
	size_t whole = (64 - (unsigned)__builtin_clzll(v | 1)) * 1233 >> 12;

	return whole + (v >= power[whole]);
}

/* Written where it belongs, from its end, two digits at a time. */
void out_uint(struct out *o, uint64_t v)
{
	static const char pairs[] = "0001020304050607080910111213141516171819202122232425262728293031323334353637383940"
				    "4142434445464748495051525354555657585960616263646566676869707172737475767778798081"
				    "828384858687888990919293949596979899";
	size_t n = digits_of(v);
	bool fits = o->cap - o->n >= n;
	char tmp[DIGITS], *begin = fits ? o->p + o->n : tmp, *p = begin + n;

	for (; v >= 10; v /= 100)
		memcpy(p -= 2, pairs + v % 100 * 2, 2);
	if (p > begin)
		*begin = (char)('0' + v);
	if (fits)
		o->n += n;
	else
		out_bytes_slowly(o, tmp, n);
}

/* Of four bytes all at once: each half of a byte gets a byte, and that becomes a digit. */
static uint64_t hex_of(uint32_t four)
{
	uint64_t v = le32toh(four);

	v = (v | v << 16) & 0x0000ffff0000ffff;
	v = (v | v << 8) & 0x00ff00ff00ff00ff;
	v = (v >> 4 | v << 8) & 0x0f0f0f0f0f0f0f0f;
	v += 0x3030303030303030 + ((v + 0x0606060606060606) >> 4 & 0x0101010101010101) * ('a' - '0' - 10);
	return htole64(v);
}

void out_hex(struct out *o, const void *p, size_t n)
{
	const unsigned char *b = p;
	uint64_t text[4];
	uint32_t four = 0;

	for (; n >= 16; n -= 16, b += 16) {
		for (int i = 0; i < 4; i++) {
			memcpy(&four, b + 4 * i, sizeof four);
			text[i] = hex_of(four);
		}
		out_bytes(o, text, sizeof text);
	}
	for (size_t part; n; n -= part, b += part) {
		part = MIN(n, sizeof four);
		memcpy(&four, b, part);
		text[0] = hex_of(four);
		out_bytes(o, text, 2 * part);
	}
}

/* The C library's way, for what out_vfmt() does not know. */
static void by_library(struct out *o, const char *fmt, va_list ap)
{
	char small[256], *text = small;
	va_list again;
	int n;

	va_copy(again, ap);
	n = vsnprintf(small, sizeof small, fmt, ap);
	if (n >= (int)sizeof small) {
		text = xmalloc((size_t)n + 1);
		vsnprintf(text, (size_t)n + 1, fmt, again);
	}
	va_end(again);
	if (n > 0)
		out_bytes(o, text, (size_t)n);
	if (text != small)
		free(text);
}

static void out_int(struct out *o, long long v)
{
	if (v < 0)
		out_char(o, '-');
	out_uint(o, v < 0 ? -(unsigned long long)v : (unsigned long long)v);
}

/* One conversion that messages are made of: %s %.*s %u %d %zu %lu %ld %llu %lld %c %%. NULL: another one. */
static const char *out_simple(struct out *o, const char *f, va_list *ap)
{
	int cut;

	switch (*f) {
	case 's': out_str(o, va_arg(*ap, const char *)); return f + 1;
	case 'u': out_uint(o, va_arg(*ap, unsigned)); return f + 1;
	case 'd': out_int(o, va_arg(*ap, int)); return f + 1;
	case 'c': out_char(o, (char)va_arg(*ap, int)); return f + 1;
	case '%': out_char(o, '%'); return f + 1;
	default: break;
	}
	if (strncmp(f, ".*s", 3) == 0) {
		cut = va_arg(*ap, int);
		out_bytes(o, va_arg(*ap, const char *), (size_t)MAX(cut, 0));
		return f + 3;
	}
	if ((*f == 'z' || *f == 'l') && f[1] == 'u') {
		out_uint(o, va_arg(*ap, unsigned long));
		return f + 2;
	}
	if (*f == 'l' && f[1] == 'd') {
		out_int(o, va_arg(*ap, long));
		return f + 2;
	}
	if (strncmp(f, "ll", 2) == 0 && (f[2] == 'd' || f[2] == 'u')) {
		long long v = va_arg(*ap, long long);

		if (f[2] == 'd')
			out_int(o, v);
		else
			out_uint(o, (unsigned long long)v);
		return f + 3;
	}
	return NULL;
}

/* C1 control characters in UTF-8: some terminals obey these, too. */
static bool is_c1(struct span s, size_t i)
{
	return i + 1 < s.n && (unsigned char)s.p[i] == 0xc2 && (unsigned char)s.p[i + 1] < 0xa0;
}

void out_shown(struct out *o, struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char b = (unsigned char)s.p[i];

		if (is_c1(s, i)) {
			out_char(o, '.');
			i++;
		} else if (b != '\r') {
			out_char(o, (b >= 32 && b != 127) || b == '\n' || b == '\t' ? (char)b : '.');
		}
	}
}

/* Messages are built from small pieces by the million: most of them need no more than copying. */
void out_vfmt(struct out *o, const char *fmt, va_list ap)
{
	size_t begin = o->n;
	const char *f = fmt;
	va_list todo, all;

	va_copy(todo, ap);
	va_copy(all, ap);
	while (f && *f) {
		size_t n = (size_t)(strchrnul(f, '%') - f);

		out_bytes(o, f, n);
		f += n;
		if (*f)
			f = out_simple(o, f + 1, &todo);
	}
	if (!f) {
		o->n = begin;
		by_library(o, fmt, all);
	}
	va_end(all);
	va_end(todo);
}

void out_fmt(struct out *o, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	out_vfmt(o, fmt, ap);
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
	if (o->borrowed)
		move_to_heap(o, o->n);
	p = o->p;
	*o = out_growing();
	return p;
}

void out_free(struct out *o)
{
	if (o->grows && !o->borrowed)
		free(o->p);
	*o = (struct out){ 0 };
}
