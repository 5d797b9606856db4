/*
 * base/span.h: text that somebody else owns. A span is never NUL-terminated and never freed.
 * Takers (span_take_*) advance the input past what they took, or leave it as it was and return false.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct span {
	const char *p;
	size_t n;
};

#define SPAN(lit) ((struct span){ "" lit, sizeof(lit) - 1 })
#define SPAN_NONE ((struct span){ NULL, 0 })
#define SP(s)     (int)(s).n, (s).p /* for "%.*s" */

static inline struct span span_of(const char *s) /* the text of a C string; NULL gives an empty span */
{
	return s ? (struct span){ s, strlen(s) } : SPAN_NONE;
}
static inline bool span_eq(struct span a, struct span b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}
static inline char char_lower(char c) /* ASCII */
{
	return (char)(c >= 'A' && c <= 'Z' ? c | 32 : c);
}
static inline bool char_is_digit(char c)
{
	return c >= '0' && c <= '9';
}
static inline bool char_is_alnum(char c)
{
	char l = char_lower(c);

	return char_is_digit(c) || (l >= 'a' && l <= 'z');
}
static inline bool span_ieq(struct span a, struct span b) /* ASCII letters of either case are equal */
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		if (a.p[i] != b.p[i] && char_lower(a.p[i]) != char_lower(b.p[i]))
			return false;
	return true;
}
static inline bool span_is(struct span a, const char *s)
{
	struct span b = span_of(s);

	return a.n == b.n && span_eq(a, b);
}
static inline bool span_iis(struct span a, const char *s)
{
	struct span b = span_of(s);

	return a.n == b.n && span_ieq(a, b);
}
static inline bool span_starts(struct span a, struct span prefix)
{
	return a.n >= prefix.n && span_eq((struct span){ a.p, prefix.n }, prefix);
}
static inline bool span_istarts(struct span a, struct span prefix)
{
	return a.n >= prefix.n && span_ieq((struct span){ a.p, prefix.n }, prefix);
}
int span_cmp(struct span a, struct span b); /* as strcmp */

static inline bool char_is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}
struct span span_trim_slowly(struct span s);
static inline struct span span_trim(struct span s) /* without spaces, tabs, CR, LF at both ends */
{
	return s.n && s.p[0] > ' ' && s.p[s.n - 1] > ' ' ? s : span_trim_slowly(s);
}
static inline struct span span_from(struct span s, size_t at) /* the rest after `at` bytes (empty past the end) */
{
	at = at < s.n ? at : s.n;
	return (struct span){ at ? s.p + at : s.p, s.n - at }; /* nothing is added to NULL */
}
static inline struct span span_sub(struct span s, size_t at, size_t n)
{
	s = span_from(s, at);
	s.n = s.n < n ? s.n : n;
	return s;
}
static inline long span_chr(struct span s, char c) /* the first index of c, or -1 */
{
	const char *at = s.n ? memchr(s.p, c, s.n) : NULL;

	return at ? at - s.p : -1;
}
long span_rchr(struct span s, char c);
long span_find(struct span s, struct span needle);

/* Splits off what stands before the first `sep` (all of it if there is none); false when nothing is left. */
bool span_cut(struct span *in, char sep, struct span *head);
/* The same with white space as separator; skips leading white space. */
bool span_word(struct span *in, struct span *word);
static inline bool span_take_char(struct span *in, char c)
{
	if (!in->n || in->p[0] != c)
		return false;
	in->p++, in->n--;
	return true;
}

/* A whole decimal number of at most `max`; false on anything else, empty included. */
bool span_u64(struct span s, uint64_t max, uint64_t *v);
bool span_u32(struct span s, uint32_t max, uint32_t *v);
bool span_int(struct span s, long *v); /* with an optional sign */

char *span_dup(struct span s); /* a new C string; the caller frees it */
/* Copies into buf (NUL-terminated); false if it had to be cut. */
bool span_copy(struct span s, char *buf, size_t cap);
uint32_t span_hash(struct span s); /* for tables of our own names, not of a peer's choosing */
