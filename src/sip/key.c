/*
 * sip/key.c: what a peer chose (a branch, a Call-ID, tags), folded into 128 bits with a secret of ours: SipHash-2-4.
 * The tables of transactions and dialogs are keyed by it, so that nobody can pick names that meet in one bucket. Two
 * different names share a key with a chance of 2^-128: the key stands for the name. The same function, a keyed one that
 * nobody else can compute, signs our nonces.
 */
#include "sip/priv.h"

#include <string.h>

static uint64_t rotl(uint64_t v, int n)
{
	return (v << n) | (v >> (64 - n));
}

static void rounds(uint64_t v[4], int n)
{
	while (n--) {
		v[0] += v[1], v[1] = rotl(v[1], 13) ^ v[0], v[0] = rotl(v[0], 32);
		v[2] += v[3], v[3] = rotl(v[3], 16) ^ v[2];
		v[0] += v[3], v[3] = rotl(v[3], 21) ^ v[0];
		v[2] += v[1], v[1] = rotl(v[1], 17) ^ v[2], v[2] = rotl(v[2], 32);
	}
}

static void absorb(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	rounds(v, 2);
	v[0] ^= word;
}

struct sip_key sip_key(const struct sip *s, const struct span *parts, size_t n)
{
	uint64_t k0 = s->key_secret[0], k1 = s->key_secret[1], word;
	uint64_t v[4] = { k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d ^ 0xee, k0 ^ 0x6c7967656e657261,
			  k1 ^ 0x7465646279746573 };
	struct sip_key key;

	for (size_t i = 0; i < n; i++) {
		absorb(v, parts[i].n); /* the lengths tell apart what was joined */
		for (size_t at = 0; at < parts[i].n; at += 8) {
			word = 0;
			memcpy(&word, parts[i].p + at, MIN(parts[i].n - at, 8u));
			absorb(v, word);
		}
	}
	v[2] ^= 0xee;
	rounds(v, 4);
	key.w[0] = v[0] ^ v[1] ^ v[2] ^ v[3];
	v[1] ^= 0xdd;
	rounds(v, 4);
	key.w[1] = v[0] ^ v[1] ^ v[2] ^ v[3];
	return key;
}
