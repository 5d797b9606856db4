/*
 * base/siphash.h: what a peer chose (a branch, a Call-ID, an address), folded into 128 bits with a secret of ours.
 * Tables that peers fill are keyed by it, so that nobody can pick names that meet in one place. Two different names
 * share a key with a chance of 2^-128: the key stands for the name. It is never shown to a peer.
 */
#pragma once
#include "base/span.h"

struct siphash {
	uint64_t w[2];
};
/* The parts have less than 64 KB each. */
struct siphash siphash(const uint64_t secret[2], const struct span *parts, size_t n);
/* A longer one of its kind, for what is shown to peers and nobody else may be able to compute: our nonces. */
uint64_t siphash_signature(const uint64_t secret[2], const struct span *parts, size_t n);
