/* media/pcm.h: the codecs that we can make and read sample by sample: G.711 of both laws and L16. Pure. */
#pragma once
#include "base/codec.h"
#include "base/util.h"

bool pcm_can(enum codec c);
/* n samples as payload; returns its length. out has room for 2 bytes a sample. */
size_t pcm_encode(enum codec c, const int16_t *pcm, size_t n, uint8_t *out);
/* The samples of a payload; returns how many, at most max. */
size_t pcm_decode(enum codec c, struct span payload, int16_t *pcm, size_t max);
/* Payload of one codec as payload of the other; returns its length, 0 when it does not fit into cap bytes. */
size_t pcm_convert(enum codec from, enum codec to, struct span payload, uint8_t *out, size_t cap);
