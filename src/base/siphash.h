/*
 * base/siphash.h: what a peer chose (a branch, a Call-ID, an address), folded into 128 bits with a secret of ours.
 * Tables that peers fill are keyed by it, so that nobody can pick names that meet in one place. Two different names
 * share a key with a chance of 2^-128: the key stands for the name. The same function, which nobody else can compute,
 * signs our nonces.
 */
#pragma once
#include "base/span.h"

struct siphash {
	uint64_t w[2];
};
/* The parts have less than 64 KB each. */
struct siphash siphash(const uint64_t secret[2], const struct span *parts, size_t n);
