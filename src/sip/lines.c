/*
 * sip/lines.c: where the lines of a message begin and end, found 64 bytes at a time (RFC 3261 section 7.3.1).
 */
#include "sip/parse.h"

#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define STRIDE 64

/* Of STRIDE bytes: a bit for each that is c. */
#ifdef __SSE2__
static inline uint64_t sixteen(const char *p, __m128i all_c)
{
	return (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)(const void *)p), all_c));
}

static inline uint64_t bits_of(const char *p, char c)
{
	__m128i all_c = _mm_set1_epi8(c);

	return sixteen(p, all_c) | sixteen(p + 16, all_c) << 16 | sixteen(p + 32, all_c) << 32 |
	       sixteen(p + 48, all_c) << 48;
}
#else
static inline uint64_t bits_of(const char *p, char c)
{
	uint64_t bits = 0;

	for (int i = 0; i < STRIDE; i++)
		bits |= (uint64_t)(p[i] == c) << i;
	return bits;
}
#endif

/* A line from `from` to its line feed. False: it is none of the header's any more. */
static bool add_line(struct span all, size_t from, size_t lf, struct sip_lines *ls)
{
	size_t n = lf - from;

	if (n && all.p[lf - 1] == '\r')
		n--;
	if (!n) {
		ls->body = lf + 1;
		return false;
	}
	if (ls->n == ARRAY_LEN(ls->line)) {
		ls->too_many = true;
		return false;
	}
	ls->folded |= char_is_space(all.p[from]);
	ls->line[ls->n].at = (uint16_t)from;
	ls->line[ls->n++].n = (uint16_t)n;
	return true;
}

void sip_find_lines(struct span all, struct sip_lines *ls)
{
	uint64_t lfs, crs, bare; /* bare: places behind a CR where no LF is */
	uint64_t last = 0;       /* the last stride ended with a CR */
	size_t from = 0;
	char tail[STRIDE];

	ls->n = ls->body = 0;
	ls->folded = ls->too_many = ls->bare_cr = false;
	for (size_t at = 0; at < all.n; at += STRIDE, last = crs >> (STRIDE - 1)) {
		const char *p = all.p + at;

		if (all.n - at < STRIDE) {
			memset(tail, 0, sizeof tail);
			p = memcpy(tail, p, all.n - at);
		}
		lfs = bits_of(p, '\n');
		crs = bits_of(p, '\r');
		bare = (crs << 1 | last) & ~lfs;
		for (; lfs; lfs &= lfs - 1) {
			int i = __builtin_ctzll(lfs);

			if (!add_line(all, from, at + (size_t)i, ls)) {
				ls->bare_cr |= (bare & ((1ull << i) - 1)) != 0;
				return;
			}
			from = at + (size_t)i + 1;
		}
		ls->bare_cr |= bare != 0;
	}
}

/* Replaces each line end of folded headers by spaces, in our own copy. */
void sip_unfold(char *p, size_t n)
{
	for (char *lf = p, *end = p + n; (lf = memchr(lf, '\n', (size_t)(end - lf))) && lf + 1 < end; lf++) {
		if (lf[1] == '\n' || (lf[1] == '\r' && lf + 2 < end && lf[2] == '\n'))
			return; /* the empty line: the body begins */
		if (lf[1] != ' ' && lf[1] != '\t')
			continue;
		if (lf > p && lf[-1] == '\r')
			lf[-1] = ' ';
		*lf = ' ';
	}
}

bool sip_take_line(struct span *in, struct span *line)
{
	long lf = span_chr(*in, '\n');

	if (lf < 0)
		return false;
	*line = span_sub(*in, 0, (size_t)lf);
	if (line->n && line->p[line->n - 1] == '\r')
		line->n--;
	*in = span_from(*in, (size_t)lf + 1);
	return true;
}
