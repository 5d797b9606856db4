/* base/rng.c: ChaCha with 8 rounds (RFC 8439's block function) as a generator of tags, branches, ports and nonces. */
#include "base/rng.h"

#include <string.h>

static uint32_t rotl(uint32_t v, int n)
{
	return (v << n) | (v >> (32 - n));
}

static void quarter(uint32_t *a, uint32_t *b, uint32_t *c, uint32_t *d)
{
	*a += *b, *d = rotl(*d ^ *a, 16);
	*c += *d, *b = rotl(*b ^ *c, 12);
	*a += *b, *d = rotl(*d ^ *a, 8);
	*c += *d, *b = rotl(*b ^ *c, 7);
}

static void refill(struct rng *r)
{
	uint32_t in[16] = { 0x61707865, 0x3320646e, 0x79622d32, 0x6b206574 }, *x = r->pool;

	memcpy(in + 4, r->key, sizeof r->key);
	in[12] = (uint32_t)r->block;
	in[13] = (uint32_t)(r->block >> 32);
	r->block++;
	memcpy(x, in, sizeof in);
	for (int i = 0; i < 4; i++) {
		for (int c = 0; c < 4; c++)
			quarter(&x[c], &x[4 + c], &x[8 + c], &x[12 + c]);
		for (int c = 0; c < 4; c++)
			quarter(&x[c], &x[4 + (c + 1) % 4], &x[8 + (c + 2) % 4], &x[12 + (c + 3) % 4]);
	}
	for (int i = 0; i < 16; i++)
		x[i] += in[i];
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
	size_t i = 0;

	while (i < n) {
		uint32_t bits = rng_u32(r);

		for (size_t end = MIN(i + 5, n); i < end; bits >>= 6)
			buf[i++] = abc[bits & 63];
	}
	buf[n] = '\0';
}
