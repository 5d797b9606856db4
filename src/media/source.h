/*
 * media/source.h: what is played to a leg: tones, silence, files. Made on the signalling side, loaded there or on the
 * loader's thread, then given to a worker that owns it. No clock: whoever paces it asks for the next samples.
 */
#pragma once
#include <stdatomic.h>
#include <sys/types.h>
#include <time.h>

#include "media/media.h"

#define SOURCE_RATE 8000

/* What a file holds, as 8 kHz mono: shared by all who play it at one time. */
struct sound {
	struct sound *next; /* on the shelf */
	atomic_uint users;
	char *path;
	off_t size;
	struct timespec changed; /* the file, when it was read */
	int16_t *pcm;
	size_t n;
};

struct source {
	struct media_play what;
	uint32_t serial;     /* of the media_play() that it comes from */
	bool failed;         /* the file could not be read */
	ms_t next;           /* when the next frame is due */
	struct sound *sound; /* FILE */
	size_t at;
	double phase[2], step[2], amplitude;
	uint32_t position; /* in the cadence, or since the digit began, in samples */
	uint32_t event_ts; /* DIGIT: of the event */
};

struct source *source_new(const struct media_play *what, uint32_t serial);
void source_free(struct source *s); /* NULL is fine */
/*
 * FILE: reads it whole, as 8 kHz mono. Blocks on the disk. Sets failed when it cannot. shelf: what others who load here
 * may play still, and what is read now; NULL: there is none.
 */
void source_load(struct source *s, struct sound **shelf);
void sounds_free(struct sound **shelf); /* what somebody plays lives on */
/* The next n samples, the last ones filled up with silence; false when there are none left. */
bool source_read(struct source *s, int16_t *pcm, size_t n);
/* What the other leg says goes before it. */
static inline bool source_yields(const struct source *s)
{
	return s->what.source == SOURCE_SILENCE;
}
/* It has frames of its own; an echo has not. */
bool source_speaks(const struct source *s);
