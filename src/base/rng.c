/* base/rng.c: ChaCha with 8 rounds (RFC 8439's block function) as a generator of tags, branches, ports and nonces. */
#include "base/rng.h"

#include <string.h>

typedef uint32_t row __attribute__((vector_size(16))); /* four columns of the block at once */

static inline row rotl(row v, int n)
{
	return (v << n) | (v >> (32 - n));
}

/* The words of a row, n places on. */
#define turn(v, n) __builtin_shufflevector(v, v, n, n + 1, n + 2, n + 3)

static inline void quarter(row *a, row *b, row *c, row *d)
{
	*a += *b, *d = rotl(*d ^ *a, 16);
	*c += *d, *b = rotl(*b ^ *c, 12);
	*a += *b, *d = rotl(*d ^ *a, 8);
	*c += *d, *b = rotl(*b ^ *c, 7);
}

static void refill(struct rng *r)
{
	row in[4] = { { 0x61707865, 0x3320646e, 0x79622d32, 0x6b206574 } }, x[4];

	memcpy(in + 1, r->key, sizeof r->key);
	in[3] = (row){ (uint32_t)r->block, (uint32_t)(r->block >> 32) };
	r->block++;
	memcpy(x, in, sizeof in);
	for (int i = 0; i < 4; i++) {
		quarter(&x[0], &x[1], &x[2], &x[3]);
		x[1] = turn(x[1], 1), x[2] = turn(x[2], 2), x[3] = turn(x[3], 3);
		quarter(&x[0], &x[1], &x[2], &x[3]);
		x[1] = turn(x[1], 3), x[2] = turn(x[2], 2), x[3] = turn(x[3], 1);
	}
	for (int i = 0; i < 4; i++)
		x[i] += in[i];
	memcpy(r->pool, x, sizeof r->pool);
	r->used = 0;
}

void rng_seed(struct rng *r, const uint8_t seed[32])
{
	memset(r, 0, sizeof *r);
	memcpy(r->key, seed, sizeof r->key);
	r->used = ARRAY_LEN(r->pool);
}

uint32_t rng_u32(struct rng *r)
{
	if (r->used == ARRAY_LEN(r->pool))
		refill(r);
	return r->pool[r->used++];
}

void rng_bytes(struct rng *r, void *p, size_t n)
{
	unsigned char *b = p;

	for (size_t i = 0; i < n; i += 4) {
		uint32_t v = rng_u32(r);

		memcpy(b + i, &v, MIN(n - i, 4u));
	}
}

uint32_t rng_below(struct rng *r, uint32_t bound)
{
	return (uint32_t)(((uint64_t)rng_u32(r) * bound) >> 32);
}

/* Five characters of six bits from each word. */
void rng_token(struct rng *r, char *buf, size_t n)
{
	static const char abc[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-.";
	uint32_t bits;

	for (; n > 5; n -= 5, buf += 5) {
		bits = rng_u32(r);
		buf[0] = abc[bits & 63];
		buf[1] = abc[bits >> 6 & 63];
		buf[2] = abc[bits >> 12 & 63];
		buf[3] = abc[bits >> 18 & 63];
		buf[4] = abc[bits >> 24 & 63];
	}
	for (bits = n ? rng_u32(r) : 0; n; n--, bits >>= 6)
		*buf++ = abc[bits & 63];
	*buf = '\0';
}
