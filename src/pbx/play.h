/* pbx/play.h: sounds in a row, for the applications that play some (app_play.c). */
#pragma once
#include "pbx/priv.h"

struct playing { /* the state of an application whose events and end are these */
	char *files;
	struct span rest;
	char context[80], lang[24];  /* lang: "": the channel's */
	bool listens, in_gap, waits; /* waits: WaitExten, nothing is played */
	bool one_digit;              /* only an extension of one digit interrupts */
	ms_t timeout;
	const char *status; /* the variable that says how it went; NULL: none */
};
enum app_say play_event(struct dp *dp, const struct chan_event *ev);
void play_stop(struct dp *dp);

/* Plays files joined with '&', for who has a struct playing; without an answer as early media. */
enum app_say play_sounds(struct dp *dp, struct span files, bool listens);
/* The first of them, which leaves the list; CH_PLAYED follows. lang "": the channel's. False: there is none left. */
bool play_next(struct chan *c, struct span *files, const char *lang);
bool play_tone(struct dp *dp,
	       struct span name); /* "dial" (or nothing), "busy", "congestion", "ring"; false: there is no such tone */
void play_nothing(struct dp *dp);
void play_out_number(struct out *o, uint32_t n); /* the files that say it, each with '&' before it, as in English */
