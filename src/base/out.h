/*
 * base/out.h: builds text or bytes and holds its error; check once at the end with out_done().
 * Fixed: writes into a caller's buffer and never allocates; what does not fit is cut. Growing: owns heap memory until
 * out_free() or out_take().
 */
#pragma once
#include <stdarg.h>

#include "base/span.h"
#include "base/util.h"

struct out {
	char *p;
	size_t n, cap;
	bool grows, overflow;
};

struct out out_fixed(char *buf, size_t cap);
struct out out_growing(void);
void out_bytes_slowly(struct out *o, const void *p, size_t n); /* grows, or notes that it does not fit */
static inline void out_bytes(struct out *o, const void *p, size_t n)
{
	if (!n || o->overflow || o->cap - o->n < n) {
		out_bytes_slowly(o, p, n);
		return;
	}
	memcpy(o->p + o->n, p, n);
	o->n += n;
}
static inline void out_char(struct out *o, char c)
{
	out_bytes(o, &c, 1);
}
static inline void out_str(struct out *o, const char *s)
{
	out_bytes(o, s, strlen(s));
}
static inline void out_span(struct out *o, struct span s)
{
	out_bytes(o, s.p, s.n);
}
void out_uint(struct out *o, uint64_t v);
void out_hex(struct out *o, const void *p, size_t n); /* lower case */
void out_fmt(struct out *o, const char *fmt, ...) PRINTF(2, 3);
void out_vfmt(struct out *o, const char *fmt, va_list ap);
/* The length written, or -ENOSPC if any step did not fit. */
long out_done(const struct out *o);
struct span out_look(const struct out *o); /* what is written so far; valid until the next step */
char *out_take(struct out *o);             /* growing only: the NUL-terminated text, now the caller's to free */
void out_free(struct out *o);
