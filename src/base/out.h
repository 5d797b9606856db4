/*
 * base/out.h: builds text or bytes and holds its error; check once at the end with out_done().
 * Fixed: writes into a caller's buffer and never allocates; what does not fit is cut. Growing: owns heap memory until
 * out_free() or out_take(), and may begin in a caller's buffer, so that what is short never sees the heap.
 */
#pragma once
#include <stdarg.h>

#include "base/span.h"
#include "base/util.h"

struct out {
	char *p;
	size_t n, cap;
	bool grows, borrowed, overflow; /* borrowed: still in the caller's buffer */
};

struct out out_fixed(char *buf, size_t cap);
struct out out_growing(void);
struct out out_growing_in(char *buf, size_t cap);                   /* buf outlives it */
COLD void out_bytes_slowly(struct out *o, const void *p, size_t n); /* grows, or notes that it does not fit */
bool out_room(struct out *o, size_t n); /* for n bytes more, at o->p + o->n: grows, or is false */
static inline void out_bytes(struct out *o, const void *p, size_t n)
{
	if (!n || o->cap - o->n < n) {
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
/* What others wrote, for a terminal: of control characters only line feeds and tabs stay; CR goes, the rest is a dot.
 */
void out_shown(struct out *o, struct span s);

/*
 * out_all(o, "CSeq: ", m->cseq, " ", method, "\r\n"): one after the other: texts, spans and unsigned numbers, at most
 * eight. What messages are made of; a format would be read again for each of them.
 */
#define out_one(o, x) \
	_Generic((x),                                                                                           \
		struct span: out_span,                                                                          \
		char *: out_str,                                                                                \
		const char *: out_str,                                                                          \
		uint8_t: out_uint,                                                                              \
		uint16_t: out_uint,                                                                             \
		uint32_t: out_uint,                                                                             \
		uint64_t: out_uint)(o, x)
#define out_1(o, x)                             out_one(o, x)
#define out_2(o, x, ...)                        (out_one(o, x), out_1(o, __VA_ARGS__))
#define out_3(o, x, ...)                        (out_one(o, x), out_2(o, __VA_ARGS__))
#define out_4(o, x, ...)                        (out_one(o, x), out_3(o, __VA_ARGS__))
#define out_5(o, x, ...)                        (out_one(o, x), out_4(o, __VA_ARGS__))
#define out_6(o, x, ...)                        (out_one(o, x), out_5(o, __VA_ARGS__))
#define out_7(o, x, ...)                        (out_one(o, x), out_6(o, __VA_ARGS__))
#define out_8(o, x, ...)                        (out_one(o, x), out_7(o, __VA_ARGS__))
#define out_nth(a, b, c, d, e, f, g, h, n, ...) n

#define out_all(o, ...) out_nth(__VA_ARGS__, out_8, out_7, out_6, out_5, out_4, out_3, out_2, out_1, )(o, __VA_ARGS__)

void out_fmt(struct out *o, const char *fmt, ...) PRINTF(2, 3);
void out_vfmt(struct out *o, const char *fmt, va_list ap);
/* The length written, or -ENOSPC if any step did not fit. */
long out_done(const struct out *o);
struct span out_look(const struct out *o); /* what is written so far; valid until the next step */
char *out_take(struct out *o);             /* growing only: the NUL-terminated text, now the caller's to free */
void out_free(struct out *o);
