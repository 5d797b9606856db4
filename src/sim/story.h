/*
 * sim/story.h: stories in virtual time: a small language that builds a world (networks, NAT boxes, DNS, PBXs, phones),
 * lets things happen, and says what must be true. tests/scn/README.md describes its words.
 */
#pragma once
#include "sim/sim.h"

struct story;

/* What the author says about runs with a lost or doubled message. */
enum story_loss { STORY_LOSS_ALL, STORY_LOSS_SAMPLED, STORY_LOSS_NO };

/* Reads a story and what it includes. NULL, and *why a malloc'd phrase, when it cannot be read. */
struct story *story_load(const char *path, char **why);
void story_free(struct story *s);
const char *story_name(const struct story *s);
const char *story_harmless(const struct story *s); /* why the fault that it is about cannot happen; NULL: it can */
enum story_loss story_loss(const struct story *s);
unsigned story_variants(const struct story *s); /* how many combinations its `each` lines make; at least 1 */
void story_variant_name(const struct story *s, unsigned variant, struct out *o); /* "map=port filter=address" */

struct story_run {
	uint32_t seed;
	unsigned variant;
	enum sim_fate fate; /* of message `nth`; SIM_DELIVER: of none */
	unsigned nth;
	bool kernel; /* plain audio goes through the kernel's stand-in */
	ms_t turn;   /* not 0: sim_turns(), and nothing is expected: whether it ends is what counts */
	bool trace;  /* keep every SIP message and event as text */
};
/* What "expect PBX why CODE" and "expect PBX doctor CODE" asked for, and what was said. */
struct story_verdict {
	char want[48], said[8];
	bool guess; /* said, but only as possible */
};
struct story_result {
	bool ok;
	unsigned messages; /* SIP datagrams sent */
	ms_t at;           /* virtual time since the beginning, when it ended */
	char place[160];   /* "file:line" of the statement that failed */
	char why[400];
	struct story_verdict verdicts[8];
	unsigned n_verdicts;
	char *trace; /* malloc'd; NULL when not asked for */
};
void story_play(const struct story *s, const struct story_run *run, struct story_result *res);
