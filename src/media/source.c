/*
 * media/source.c: tones are two sines with a cadence; 0 dBm0 is 3.14 dB below the largest sine that G.711 can carry.
 * Files go through libsndfile; the ones without a header are known by their names as Asterisk's are. They are read
 * whole before the first sample is needed: prompts are small, and a worker never waits for a disk.
 */
#include "media/source.h"

#include <dlfcn.h>
#include <math.h>
#include <sndfile.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FULL_DBM0   3.14
#define FILE_MAX_S  3600
#define READ_FRAMES 4096
#define TUNE_LOUD   3500.0

/* The rows and columns of the keypad (ITU-T Q.23). */
static void choose_tones(struct media_play *what)
{
	static const uint16_t rows[] = { 697, 770, 852, 941 }, columns[] = { 1209, 1336, 1477, 1633 };
	static const char keys[] = "123A456B789C*0#D";
	const char *at = strchr(keys, what->digit);
	size_t n = at && *at ? (size_t)(at - keys) : 0;

	what->freq1 = rows[n / 4];
	what->freq2 = columns[n % 4];
	what->level_dbm0 = -8;
}

struct source *source_new(const struct media_play *what, uint32_t serial)
{
	struct source *s = xcalloc(1, sizeof *s);
	double db;

	s->what = *what;
	if (what->source == SOURCE_DIGIT)
		choose_tones(&s->what);
	what = &s->what;
	db = what->level_dbm0 - FULL_DBM0;
	s->serial = serial;
	s->what.path[sizeof s->what.path - 1] = '\0';
	s->amplitude = 32767.0 * pow(10.0, MIN(db, 0.0) / 20.0);
	s->step[0] = 2 * M_PI * what->freq1 / SOURCE_RATE;
	s->step[1] = 2 * M_PI * what->freq2 / SOURCE_RATE;
	return s;
}

static void sound_leave(struct sound *snd)
{
	if (!snd || atomic_fetch_sub(&snd->users, 1) > 1)
		return;
	free(snd->path);
	free(snd->pcm);
	free(snd);
}

void source_free(struct source *s)
{
	if (!s)
		return;
	sound_leave(s->sound);
	free(s);
}

bool source_speaks(const struct source *s)
{
	return s && s->what.source != SOURCE_ECHO;
}

/*
 * libsndfile brings seven libraries with it, 0.8 MB of memory. So it is loaded with the first file that is played; it
 * stays, and asking again costs nothing.
 */
struct sndfile {
	__typeof__(sf_open) *open;
	__typeof__(sf_readf_short) *readf_short;
	__typeof__(sf_close) *close;
};

static bool sndfile_load(struct sndfile *lib)
{
	void *so = dlopen("libsndfile.so.1", RTLD_NOW | RTLD_LOCAL);

	if (!so)
		return false;
	lib->open = (__typeof__(sf_open) *)dlsym(so, "sf_open");
	lib->readf_short = (__typeof__(sf_readf_short) *)dlsym(so, "sf_readf_short");
	lib->close = (__typeof__(sf_close) *)dlsym(so, "sf_close");
	return lib->open && lib->readf_short && lib->close;
}

static void headerless(const char *path, SF_INFO *info)
{
	static const struct {
		const char *ending;
		int format, rate;
	} known[] = {
		{ ".ulaw", SF_FORMAT_ULAW, 8000 },  { ".ul", SF_FORMAT_ULAW, 8000 },
		{ ".mu", SF_FORMAT_ULAW, 8000 },    { ".pcm", SF_FORMAT_ULAW, 8000 },
		{ ".alaw", SF_FORMAT_ALAW, 8000 },  { ".al", SF_FORMAT_ALAW, 8000 },
		{ ".gsm", SF_FORMAT_GSM610, 8000 }, { ".sln", SF_FORMAT_PCM_16, 8000 },
		{ ".raw", SF_FORMAT_PCM_16, 8000 }, { ".sln16", SF_FORMAT_PCM_16, 16000 },
	};
	const char *dot = strrchr(path, '.');

	for (size_t i = 0; dot && i < ARRAY_LEN(known); i++)
		if (span_iis(span_of(dot), known[i].ending))
			*info = (SF_INFO){ .format = SF_FORMAT_RAW | known[i].format | SF_ENDIAN_LITTLE,
					   .channels = 1,
					   .samplerate = known[i].rate };
}

/* All frames of the file, mixed to one channel. */
static bool read_mono(struct sound *s, const struct sndfile *lib, SNDFILE *f, const SF_INFO *info)
{
	short *frames = xcalloc((size_t)info->channels, READ_FRAMES * sizeof *frames);
	size_t cap = 0;
	sf_count_t got;

	while ((got = lib->readf_short(f, frames, READ_FRAMES)) > 0 && s->n / (size_t)info->samplerate < FILE_MAX_S) {
		if (s->n + (size_t)got > cap) {
			cap = cap * 2 + READ_FRAMES;
			s->pcm = xrealloc(s->pcm, cap * sizeof *s->pcm);
		}
		for (sf_count_t i = 0; i < got; i++) {
			long sum = 0;

			for (int c = 0; c < info->channels; c++)
				sum += frames[i * info->channels + c];
			s->pcm[s->n++] = (int16_t)(sum / info->channels);
		}
	}
	free(frames);
	return got <= 0; /* else it is too long */
}

/* Each sample at 8 kHz is the mean of those at the file's rate that it stands for. */
static void resample(struct sound *s, size_t rate)
{
	size_t n = s->n * SOURCE_RATE / rate;
	int16_t *pcm = xmalloc((n ? n : 1) * sizeof *pcm);

	for (size_t i = 0; i < n; i++) {
		size_t from = i * rate / SOURCE_RATE, to = MIN(s->n, MAX(from + 1, (i + 1) * rate / SOURCE_RATE));
		long sum = 0;

		for (size_t k = from; k < to; k++)
			sum += s->pcm[k];
		pcm[i] = (int16_t)(sum / (long)(to - from));
	}
	free(s->pcm);
	s->pcm = pcm;
	s->n = n;
}

static struct sound *read_sound(const struct sndfile *lib, const char *path)
{
	struct sound *s = xcalloc(1, sizeof *s);
	SF_INFO info = { 0 };
	SNDFILE *f;
	bool ok;

	atomic_init(&s->users, 1);
	s->path = xstrdup(path);
	headerless(path, &info);
	f = lib->open(path, SFM_READ, &info);
	ok = f && info.channels >= 1 && info.samplerate >= 1000 && read_mono(s, lib, f, &info);
	if (ok && info.samplerate != SOURCE_RATE)
		resample(s, (size_t)info.samplerate);
	if (f)
		lib->close(f);
	if (ok)
		return s;
	sound_leave(s);
	return NULL;
}

/* ---- the shelf ---- */

static bool is_of(const struct sound *s, const char *path, const struct stat *st)
{
	return strcmp(s->path, path) == 0 && s->size == st->st_size && s->changed.tv_sec == st->st_mtim.tv_sec &&
	       s->changed.tv_nsec == st->st_mtim.tv_nsec;
}

/* The sound that was read from there, and is as it was. What nobody plays any more leaves the shelf. */
static struct sound *shelf_find(struct sound **shelf, const char *path, const struct stat *st)
{
	struct sound *found = NULL;

	while (*shelf) {
		struct sound *s = *shelf;

		if (!found && is_of(s, path, st)) {
			found = s;
		} else if (atomic_load(&s->users) == 1) {
			*shelf = s->next;
			sound_leave(s);
			continue;
		}
		shelf = &s->next;
	}
	if (found)
		atomic_fetch_add(&found->users, 1);
	return found;
}

static void shelf_put(struct sound **shelf, struct sound *s, const struct stat *st)
{
	s->size = st->st_size;
	s->changed = st->st_mtim;
	s->next = *shelf;
	*shelf = s;
	atomic_fetch_add(&s->users, 1);
}

void sounds_free(struct sound **shelf)
{
	while (*shelf) {
		struct sound *s = *shelf;

		*shelf = s->next;
		sound_leave(s);
	}
}

static struct sound *load_path(const struct sndfile *lib, const char *path, struct sound **shelf)
{
	struct sound *s = NULL;
	struct stat st;

	if (stat(path, &st) < 0 || !S_ISREG(st.st_mode))
		return NULL;
	if (shelf)
		s = shelf_find(shelf, path, &st);
	if (s)
		return s;
	s = read_sound(lib, path);
	if (s && shelf)
		shelf_put(shelf, s, &st);
	return s;
}

/* One candidate: as it is written, then with each ending that we know. */
static struct sound *load_candidate(const struct sndfile *lib, struct span name, struct sound **shelf)
{
	static const char *const endings[] = { "", ".wav", ".sln", ".ulaw", ".alaw", ".gsm", ".sln16", ".WAV" };
	struct sound *s = NULL;

	for (size_t i = 0; i < ARRAY_LEN(endings) && !s; i++) {
		char *path = xasprintf("%.*s%s", SP(name), endings[i]);

		s = load_path(lib, path, shelf);
		free(path);
	}
	return s;
}

void source_load(struct source *s, struct sound **shelf)
{
	struct span rest = span_of(s->what.path), one;
	struct sndfile lib = { 0 };
	bool able = sndfile_load(&lib);

	while (able && !s->sound && span_cut(&rest, ':', &one))
		s->sound = load_candidate(&lib, one, shelf);
	s->failed = !s->sound;
	if (s->sound)
		s->at = (size_t)s->what.from_ms * (SOURCE_RATE / 1000);
	if (s->sound && s->at > s->sound->n)
		s->at = s->what.loops && s->sound->n ? s->at % s->sound->n : s->sound->n;
}

/* What goes round does so without a gap. */
static bool read_file(struct source *s, int16_t *pcm, size_t n)
{
	const struct sound *snd = s->sound;
	size_t had = 0;

	while (had < n && (s->at < snd->n || (s->what.loops && snd->n))) {
		size_t left;

		s->at = s->at == snd->n ? 0 : s->at;
		left = MIN(n - had, snd->n - s->at);
		memcpy(pcm + had, snd->pcm + s->at, left * sizeof *pcm);
		s->at += left;
		had += left;
	}
	memset(pcm + had, 0, (n - had) * sizeof *pcm);
	return had;
}

static int16_t tone_sample(struct source *s)
{
	uint32_t on = s->what.on_ms * (SOURCE_RATE / 1000u), off = s->what.off_ms * (SOURCE_RATE / 1000u);
	bool sounds = !off || s->position < on;
	double v = 0;

	for (int i = 0; i < 2 && sounds; i++) {
		if (s->step[i] > 0)
			v += s->amplitude * sin(s->phase[i]);
		s->phase[i] = fmod(s->phase[i] + s->step[i], 2 * M_PI);
	}
	if (off)
		s->position = (s->position + 1) % (on + off);
	return (int16_t)lrint(MAX(-32767.0, MIN(v, 32767.0)));
}

/* Broken chords, plucked: nobody's melody. */
static int16_t tune_sample(struct source *s)
{
	static const uint16_t notes[] = { 262, 330, 392, 523, 392, 330, 220, 262, 330, 440, 330, 262,
					  175, 220, 262, 349, 262, 220, 196, 247, 294, 392, 294, 247 };
	const uint32_t beat = SOURCE_RATE / 3;
	uint32_t note = s->position / beat, at = s->position % beat;
	double v = TUNE_LOUD * exp(-3.0 * at / beat) * MIN(at / 40.0, 1.0);

	if (!at)
		s->phase[0] = 0;
	v *= sin(s->phase[0]) + 0.3 * sin(2 * s->phase[0]);
	s->phase[0] = fmod(s->phase[0] + 2 * M_PI * notes[note] / SOURCE_RATE, 2 * M_PI);
	s->position = (s->position + 1) % (beat * ARRAY_LEN(notes));
	return (int16_t)lrint(v);
}

static bool is_over(const struct source *s)
{
	return s->what.source == SOURCE_DIGIT && s->position >= s->what.on_ms * (SOURCE_RATE / 1000u);
}

bool source_read(struct source *s, int16_t *pcm, size_t n)
{
	bool sounds = s->what.source == SOURCE_TONE || s->what.source == SOURCE_DIGIT;

	if (s->what.source == SOURCE_FILE)
		return read_file(s, pcm, n);
	if (is_over(s))
		return false;
	for (size_t i = 0; i < n; i++)
		pcm[i] = s->what.source == SOURCE_TUNE ? tune_sample(s) : sounds ? tone_sample(s) : 0;
	if (s->what.source == SOURCE_DIGIT)
		s->position += (uint32_t)n;
	return true;
}
