/* media/silence.h: a frame of silence, as the encoder of a codec makes it. Pure. */
#pragma once
#include "base/codec.h"
#include "base/util.h"

#define SILENCE_MAX 960 /* bytes: 30 ms of L16 at 16 kHz */

/*
 * Writes about *ms of silence (0: the codec's own packet time) and sets *ms to what it really is, at most 30. Returns
 * the length; 0: we have no encoder of that codec.
 */
size_t silence_frame(enum codec c, unsigned *ms, uint8_t out[SILENCE_MAX]);
