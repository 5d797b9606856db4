/* base/codec.c: the codec table. */
#include "base/codec.h"

#include <string.h>

const struct codec_desc codec_descs[CODEC_COUNT] = {
#define X(id, name, enc, rate, ch, pt, ptime) [CODEC_##id] = { name, enc, rate, ch, pt, ptime },
	CODEC_TABLE(X)
#undef X
};

enum codec codec_by_name(struct span name)
{
	int c = 0;

	if (span_iis(name, "g711u") || span_iis(name, "pcmu"))
		return CODEC_ULAW;
	if (span_iis(name, "g711a") || span_iis(name, "pcma"))
		return CODEC_ALAW;
	while (c < CODEC_COUNT && !span_iis(name, codec_descs[c].name))
		c++;
	return (enum codec)c;
}

enum codec codec_by_rtpmap(struct span encoding, uint32_t rate, uint32_t channels)
{
	for (int c = 0; c < CODEC_COUNT; c++) {
		const struct codec_desc *d = &codec_descs[c];

		if (span_iis(encoding, d->encoding) && d->rate == rate && d->channels == channels)
			return (enum codec)c;
	}
	return CODEC_NONE;
}

enum codec codec_by_static_pt(unsigned pt)
{
	for (int c = 0; c < CODEC_COUNT; c++)
		if (codec_descs[c].static_pt >= 0 && (unsigned)codec_descs[c].static_pt == pt)
			return (enum codec)c;
	return CODEC_NONE;
}

bool codec_list_has(const struct codec_list *l, enum codec c)
{
	return l->n && memchr(l->id, c, l->n) != NULL;
}

void codec_list_add(struct codec_list *l, enum codec c)
{
	if (c < CODEC_COUNT && !codec_list_has(l, c))
		l->id[l->n++] = (uint8_t)c;
}

void codec_list_del(struct codec_list *l, enum codec c)
{
	uint8_t n = 0;

	for (uint8_t i = 0; i < l->n; i++)
		if (l->id[i] != c)
			l->id[n++] = l->id[i];
	l->n = n;
}
