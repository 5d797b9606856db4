/* base/rng.h: random numbers from a seed (ChaCha8): the kernel's seed in production, a story's in the simulator. */
#pragma once
#include "base/util.h"

struct rng {
	uint32_t key[8];
	uint64_t block;
	uint32_t pool[16];
	unsigned used;
};

void rng_seed(struct rng *r, const uint8_t seed[32]);
void rng_bytes(struct rng *r, void *p, size_t n);
uint32_t rng_u32(struct rng *r);
uint32_t rng_below(struct rng *r, uint32_t bound);  /* 0 … bound-1; bound > 0 */
void rng_token(struct rng *r, char *buf, size_t n); /* n letters and digits and a NUL: n+1 bytes */
