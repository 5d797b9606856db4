/* base/span.c: text that somebody else owns. */
#include "base/span.h"

#include <string.h>

#include "base/util.h"

int span_cmp(struct span a, struct span b)
{
	size_t n = MIN(a.n, b.n);
	int r = n ? memcmp(a.p, b.p, n) : 0;

	return r ? r : (a.n > b.n) - (a.n < b.n);
}

struct span span_trim_slowly(struct span s)
{
	while (s.n && char_is_space(s.p[0]))
		s.p++, s.n--;
	while (s.n && char_is_space(s.p[s.n - 1]))
		s.n--;
	return s;
}

long span_rchr(struct span s, char c)
{
	const char *at = s.n ? memrchr(s.p, c, s.n) : NULL;

	return at ? at - s.p : -1;
}

long span_find(struct span s, struct span needle)
{
	const char *at = s.n ? memmem(s.p, s.n, needle.p, needle.n) : NULL;

	return at ? at - s.p : -1;
}

bool span_cut(struct span *in, char sep, struct span *head)
{
	long at;

	if (!in->p)
		return false;
	at = span_chr(*in, sep);
	if (at < 0) {
		*head = *in;
		*in = SPAN_NONE;
	} else {
		*head = (struct span){ in->p, (size_t)at };
		*in = span_from(*in, (size_t)at + 1);
	}
	return true;
}

bool span_word(struct span *in, struct span *word)
{
	struct span s = *in;
	size_t n = 0;

	while (s.n && char_is_space(s.p[0]))
		s.p++, s.n--;
	while (s.n && char_is_space(s.p[s.n - 1]))
		s.n--;
	while (n < s.n && (s.p[n] > ' ' || !char_is_space(s.p[n])))
		n++;
	*word = (struct span){ s.p, n };
	*in = (struct span){ n ? s.p + n : s.p, s.n - n };
	return n > 0;
}

bool span_u64(struct span s, uint64_t max, uint64_t *v)
{
	size_t i = 0, fit = MIN(s.n, 18); /* so many digits fit */
	uint64_t sum = 0;
	unsigned d;

	if (!s.n)
		return false;
	for (; i < fit && (d = (unsigned)(s.p[i] - '0')) <= 9; i++)
		sum = sum * 10 + d;
	if (i < fit)
		return false;
	for (; i < s.n; i++) {
		d = (unsigned)(s.p[i] - '0');
		if (d > 9 || d > max || sum > (max - d) / 10)
			return false;
		sum = sum * 10 + d;
	}
	if (sum > max)
		return false;
	*v = sum;
	return true;
}

bool span_u32(struct span s, uint32_t max, uint32_t *v)
{
	uint64_t wide;

	if (!span_u64(s, max, &wide))
		return false;
	*v = (uint32_t)wide;
	return true;
}

bool span_int(struct span s, long *v)
{
	bool minus = s.n > 1 && s.p[0] == '-';
	uint64_t wide;

	if (minus || (s.n > 1 && s.p[0] == '+'))
		s = span_from(s, 1);
	if (!span_u64(s, INT64_MAX, &wide))
		return false;
	*v = minus ? -(long)wide : (long)wide;
	return true;
}

char *span_dup(struct span s)
{
	return xstrndup(s.n ? s.p : "", s.n);
}

bool span_copy(struct span s, char *buf, size_t cap)
{
	size_t n = MIN(s.n, cap - 1);

	if (n)
		memcpy(buf, s.p, n);
	buf[n] = '\0';
	return n == s.n;
}

static inline uint64_t mixed(uint64_t h, uint64_t word)
{
	h = (h ^ word) * 0x9e3779b97f4a7c15u;
	return h ^ h >> 32;
}

/* Eight bytes at a time; the last ones may be looked at twice. */
uint32_t span_hash(struct span s)
{
	uint64_t h = mixed(0, s.n), word;
	uint32_t a, b;
	size_t at = 0;

	for (; s.n - at > sizeof word; at += sizeof word) {
		memcpy(&word, s.p + at, sizeof word);
		h = mixed(h, word);
	}
	if (s.n >= sizeof word) {
		memcpy(&word, s.p + s.n - sizeof word, sizeof word);
	} else if (s.n >= sizeof a) {
		memcpy(&a, s.p, sizeof a), memcpy(&b, s.p + s.n - sizeof b, sizeof b);
		word = (uint64_t)a << 32 | b;
	} else {
		word = 0;
		for (size_t i = 0; i < s.n; i++)
			word = word << 8 | (unsigned char)s.p[i];
	}
	return (uint32_t)mixed(h, word);
}
