/*
 * media/silence.c: silence that a decoder takes for audio, where comfort noise would need an agreement of its own and
 * is overlooked by peers that learn our address from audio only. Each codec has codes that leave a decoder at rest:
 * they are written as they are, without an encoder, whose first frames are not quite silent (G.722).
 */
#include "media/silence.h"

#include <string.h>

#include "media/pcm.h"

#define LONGEST_MS 30

static const int16_t zeros[LONGEST_MS * 16];

static size_t fill(uint8_t *out, uint8_t code, size_t n)
{
	memset(out, code, n);
	return n;
}

static size_t copy(uint8_t *out, const uint8_t *frame, size_t n)
{
	memcpy(out, frame, n);
	return n;
}

size_t silence_frame(enum codec c, unsigned *ms, uint8_t out[SILENCE_MAX])
{
	static const uint8_t opus[] = { 0xf8, 0xff, 0xfe }; /* RFC 6716: 20 ms of CELT, full band, nothing in it */
	/* RFC 3551 4.5.8: filter, then four times lag and gain 0, and thirteen pulses of the least amplitude */
	static const uint8_t gsm[] = { 0xd8, 0x20, 0xa2, 0xe1, 0x5a, 0x50, 0,    0x49, 0x24, 0x92, 0x49,
				       0x24, 0x50, 0,    0x49, 0x24, 0x92, 0x49, 0x24, 0x50, 0,    0x49,
				       0x24, 0x92, 0x49, 0x24, 0x50, 0,    0x49, 0x24, 0x92, 0x49, 0x24 };
	bool fixed = c == CODEC_GSM || c == CODEC_OPUS;

	if (fixed || !*ms || *ms > LONGEST_MS)
		*ms = 20;
	switch (c) {
	case CODEC_ULAW:
	case CODEC_ALAW:
	case CODEC_SLIN: return pcm_encode(c, zeros, *ms * 8, out);
	case CODEC_SLIN16: return fill(out, 0, *ms * 32);
	case CODEC_G722: return fill(out, 0xfd, *ms * 8); /* both bands: the least step */
	case CODEC_G726: return fill(out, 0xff, *ms * 4); /* no difference from the prediction */
	case CODEC_GSM: return copy(out, gsm, sizeof gsm);
	case CODEC_OPUS: return copy(out, opus, sizeof opus);
	default: return 0;
	}
}
