/*
 * media/pcm.c: G.711 through spandsp's conversions. From law to law there is a table of spandsp's that keeps the quiet
 * steps better than the way through linear samples; everything else goes through those.
 */
#include "media/pcm.h"

#include <spandsp.h>

#include "media/rtp.h"

#define SAMPLES_MAX 1024

bool pcm_can(enum codec c)
{
	return c == CODEC_ULAW || c == CODEC_ALAW || c == CODEC_SLIN;
}

size_t pcm_encode(enum codec c, const int16_t *pcm, size_t n, uint8_t *out)
{
	switch (c) {
	case CODEC_ULAW:
		for (size_t i = 0; i < n; i++)
			out[i] = linear_to_ulaw(pcm[i]);
		return n;
	case CODEC_ALAW:
		for (size_t i = 0; i < n; i++)
			out[i] = linear_to_alaw(pcm[i]);
		return n;
	case CODEC_SLIN:
		for (size_t i = 0; i < n; i++)
			put16(out + 2 * i, (uint16_t)pcm[i]);
		return 2 * n;
	default: return 0;
	}
}

size_t pcm_decode(enum codec c, struct span payload, int16_t *pcm, size_t max)
{
	const uint8_t *in = (const uint8_t *)payload.p;
	size_t n = MIN(c == CODEC_SLIN ? payload.n / 2 : payload.n, max);

	switch (c) {
	case CODEC_ULAW:
		for (size_t i = 0; i < n; i++)
			pcm[i] = ulaw_to_linear(in[i]);
		return n;
	case CODEC_ALAW:
		for (size_t i = 0; i < n; i++)
			pcm[i] = alaw_to_linear(in[i]);
		return n;
	case CODEC_SLIN:
		for (size_t i = 0; i < n; i++)
			pcm[i] = (int16_t)get16(in + 2 * i);
		return n;
	default: return 0;
	}
}

size_t pcm_convert(enum codec from, enum codec to, struct span payload, uint8_t *out, size_t cap)
{
	const uint8_t *in = (const uint8_t *)payload.p;
	int16_t pcm[SAMPLES_MAX];
	size_t n;

	if (from != CODEC_SLIN && to != CODEC_SLIN) {
		if (payload.n > cap)
			return 0;
		for (size_t i = 0; i < payload.n; i++)
			out[i] = from == CODEC_ULAW ? ulaw_to_alaw(in[i]) : alaw_to_ulaw(in[i]);
		return payload.n;
	}
	n = pcm_decode(from, payload, pcm, SAMPLES_MAX);
	return n * 2 > cap ? 0 : pcm_encode(to, pcm, n, out);
}
