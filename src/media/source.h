/*
 * media/source.h: what is played to a leg: tones, silence, files. Made on the signalling side, loaded there or on the
 * loader's thread, then given to a worker that owns it. No clock: whoever paces it asks for the next samples.
 */
#pragma once
#include "media/media.h"

#define SOURCE_RATE 8000

struct source {
	struct media_play what;
	uint32_t serial; /* of the media_play() that it comes from */
	bool failed;     /* the file could not be read */
	ms_t next;       /* when the next frame is due */
	int16_t *pcm;    /* FILE: all of it */
	size_t n, at;
	double phase[2], step[2], amplitude;
	uint32_t position; /* in the cadence, in samples */
};

struct source *source_new(const struct media_play *what, uint32_t serial);
void source_free(struct source *s); /* NULL is fine */
/* FILE: reads it whole, as 8 kHz mono. Blocks on the disk. Sets failed when it cannot. */
void source_load(struct source *s);
/* The next n samples, the last ones filled up with silence; false when there are none left. */
bool source_read(struct source *s, int16_t *pcm, size_t n);
/* It has frames of its own; an echo has not. */
bool source_speaks(const struct source *s);
