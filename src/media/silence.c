/*
 * media/silence.c: silence that a decoder takes for audio, where comfort noise would need an agreement of its own and
 * is overlooked by peers that learn our address from audio only. Every frame is the first one of a fresh encoder: a
 * decoder with memory is at rest then, and stays so.
 */
#include "media/silence.h"

#include <spandsp.h>
#include <string.h>

#include "media/pcm.h"

#define LONGEST_MS 30

static const int16_t zeros[LONGEST_MS * 16];

static size_t g722(unsigned ms, uint8_t *out)
{
	g722_encode_state_t *e = g722_encode_init(NULL, 64000, 0);
	int n = g722_encode(e, out, zeros, (int)ms * 16);

	g722_encode_free(e);
	return (size_t)n;
}

static size_t gsm(uint8_t *out)
{
	gsm0610_state_t *e = gsm0610_init(NULL, GSM0610_PACKING_VOIP);
	int n = gsm0610_encode(e, out, zeros, 160);

	gsm0610_free(e);
	return (size_t)n;
}

static size_t g726(unsigned ms, uint8_t *out)
{
	g726_state_t *e = g726_init(NULL, 32000, G726_ENCODING_LINEAR, G726_PACKING_RIGHT);
	int n = g726_encode(e, out, zeros, (int)ms * 8);

	g726_free(e);
	return (size_t)n;
}

size_t silence_frame(enum codec c, unsigned *ms, uint8_t out[SILENCE_MAX])
{
	static const uint8_t opus[] = { 0xf8, 0xff, 0xfe }; /* RFC 6716: 20 ms of CELT, full band, nothing in it */
	bool fixed = c == CODEC_GSM || c == CODEC_OPUS;

	if (fixed || !*ms || *ms > LONGEST_MS)
		*ms = 20;
	switch (c) {
	case CODEC_ULAW:
	case CODEC_ALAW:
	case CODEC_SLIN: return pcm_encode(c, zeros, *ms * 8, out);
	case CODEC_SLIN16: memset(out, 0, *ms * 32); return *ms * 32;
	case CODEC_G722: return g722(*ms, out);
	case CODEC_GSM: return gsm(out);
	case CODEC_G726: return g726(*ms, out);
	case CODEC_OPUS: memcpy(out, opus, sizeof opus); return sizeof opus;
	default: return 0;
	}
}
