/* base/codec.h: the codecs we know by name: one table for the configuration, SDP and media. */
#pragma once
#include "base/span.h"

/* id, Asterisk's name, RTP encoding name, clock rate, channels, static payload type or -1, default ptime in ms */
#define CODEC_TABLE(X)                                   \
	X(ULAW, "ulaw", "PCMU", 8000, 1, 0, 20)          \
	X(ALAW, "alaw", "PCMA", 8000, 1, 8, 20)          \
	X(GSM, "gsm", "GSM", 8000, 1, 3, 20)             \
	X(G722, "g722", "G722", 8000, 1, 9, 20)          \
	X(G729, "g729", "G729", 8000, 1, 18, 20)         \
	X(G723, "g723", "G723", 8000, 1, 4, 30)          \
	X(G726, "g726", "G726-32", 8000, 1, -1, 20)      \
	X(ILBC, "ilbc", "iLBC", 8000, 1, -1, 30)         \
	X(SPEEX, "speex", "speex", 8000, 1, -1, 20)      \
	X(SPEEX16, "speex16", "speex", 16000, 1, -1, 20) \
	X(SLIN, "slin", "L16", 8000, 1, -1, 20)          \
	X(SLIN16, "slin16", "L16", 16000, 1, -1, 20)     \
	X(OPUS, "opus", "opus", 48000, 2, -1, 20)

enum codec {
#define X(id, name, enc, rate, ch, pt, ptime) CODEC_##id,
	CODEC_TABLE(X)
#undef X
		CODEC_COUNT,
	CODEC_NONE = CODEC_COUNT
};

struct codec_desc {
	const char *name, *encoding;
	uint32_t rate;
	uint8_t channels;
	int8_t static_pt; /* -1: dynamic */
	uint8_t ptime;
};
extern const struct codec_desc codec_descs[CODEC_COUNT];

struct codec_list { /* in order of preference */
	uint8_t id[CODEC_COUNT];
	uint8_t n;
};

enum codec codec_by_name(struct span name); /* Asterisk's name; CODEC_NONE if unknown */
enum codec codec_by_rtpmap(struct span encoding, uint32_t rate, uint32_t channels);
enum codec codec_by_static_pt(unsigned pt);
bool codec_list_has(const struct codec_list *l, enum codec c);
void codec_list_add(struct codec_list *l, enum codec c); /* no effect if it is there already */
void codec_list_del(struct codec_list *l, enum codec c);
