/* conf/music.h: musiconhold.conf in the snapshot (conf.h). */
#pragma once
#include "conf/conf.h"

/* A class of music; [general] is one, too, for the options that only it has. */
enum moh_mode { MOH_NONE, MOH_FILES, MOH_PLAYLIST, MOH_TUNE, MOH_PROGRAM };
struct conf_moh {
	struct conf_obj o;
	enum moh_mode mode; /* MOH_PROGRAM: one of those that would run a program; nothing is played */
	enum { MOH_IN_ORDER, MOH_ALPHA, MOH_RANDOM, MOH_RANDSTART } sort;
	const char *directory;
	struct strs entry; /* of MOH_PLAYLIST, as written */
	struct strs files; /* to be played: paths, the ending may be missing; of MOH_TUNE one that is none */
	bool answeredonly, loop_last, preferchannelclass;
};

struct conf_music {
	struct conf_moh general, *classes;
	size_t n;
	bool is_missing; /* there is no musiconhold.conf */
};

const struct conf_moh *conf_moh(const struct conf *c, struct span name); /* case does not matter; NULL: there is none */
