/*
 * base/siphash.c: SipHash with an output of 128 bits, over texts that are laid end to end behind their lengths.
 *
 * What is shown to peers is SipHash-2-4. Keys of tables are SipHash-1-3, half the work, as in the tables of Rust and of
 * Python: nobody sees them, a peer learns no more than that two names met, and no way is known to make two meet
 * without the secret.
 */
#include "base/siphash.h"

#include <endian.h>
#include <string.h>

static uint64_t rotl(uint64_t v, int n)
{
	return (v << n) | (v >> (64 - n));
}

static inline void round_of(uint64_t v[4])
{
	v[0] += v[1], v[1] = rotl(v[1], 13) ^ v[0], v[0] = rotl(v[0], 32);
	v[2] += v[3], v[3] = rotl(v[3], 16) ^ v[2];
	v[0] += v[3], v[3] = rotl(v[3], 21) ^ v[0];
	v[2] += v[1], v[1] = rotl(v[1], 17) ^ v[2], v[2] = rotl(v[2], 32);
}

struct rounds {
	int word, end;
};

static inline void absorb(uint64_t v[4], uint64_t word, struct rounds r)
{
	v[3] ^= word;
	for (int i = 0; i < r.word; i++)
		round_of(v);
	v[0] ^= word;
}

static inline uint64_t finish(uint64_t v[4], struct rounds r)
{
	for (int i = 0; i < r.end; i++)
		round_of(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* The n % 8 last bytes of a text of n bytes, n > 0. */
static inline uint64_t tail_of(const char *p, size_t n)
{
	size_t over = n % sizeof(uint64_t);
	uint64_t word = 0;

	if (n >= sizeof word) { /* with those before them, which are shifted out */
		memcpy(&word, p + n - sizeof word, sizeof word);
		return htole64(le64toh(word) >> 8 * (sizeof word - over));
	}
	for (size_t i = 0; i < over; i++)
		word |= (uint64_t)(unsigned char)p[i] << 8 * i;
	return htole64(word);
}

/* A copy for each number of rounds. */
__attribute__((always_inline)) static inline struct siphash hash(const uint64_t secret[2], const struct span *parts,
								 size_t n, struct rounds r)
{
	uint64_t k0 = secret[0], k1 = secret[1], word = 0;
	uint64_t v[4] = { k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d ^ 0xee, k0 ^ 0x6c7967656e657261,
			  k1 ^ 0x7465646279746573 };
	struct siphash key;

	for (size_t i = 0; i < n; i++) { /* the lengths tell apart what was joined */
		word = word << 16 | parts[i].n;
		if (i % 4 == 3 || i + 1 == n)
			absorb(v, word, r);
	}
	for (size_t i = 0; i < n; i++) {
		const char *p = parts[i].p;
		size_t left = parts[i].n;

		for (; left >= sizeof word; left -= sizeof word, p += sizeof word) {
			memcpy(&word, p, sizeof word);
			absorb(v, word, r);
		}
		if (left)
			absorb(v, tail_of(parts[i].p, parts[i].n), r);
	}
	v[2] ^= 0xee;
	key.w[0] = finish(v, r);
	v[1] ^= 0xdd;
	key.w[1] = finish(v, r);
	return key;
}

struct siphash siphash(const uint64_t secret[2], const struct span *parts, size_t n)
{
	return hash(secret, parts, n, (struct rounds){ 1, 3 });
}

uint64_t siphash_signature(const uint64_t secret[2], const struct span *parts, size_t n)
{
	return hash(secret, parts, n, (struct rounds){ 2, 4 }).w[0];
}
