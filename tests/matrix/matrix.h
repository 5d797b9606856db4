/*
 * tests/matrix/matrix.h: the NAT matrix: every combination of the rows of sim/ground.h's and sim/trial.h's tables and
 * the configurations below, each tried in virtual time.
 */
#pragma once
#include "sim/trial.h"

enum config { BY_GUIDE, BY_DEFAULTS, BY_ITSELF, CONFIGS };
struct config_row {
	const char *name, *help;
};
extern const struct config_row matrix_configs[CONFIGS];

struct cell {
	struct spot spot;
	enum flow_kind flow;
	enum config config;
};
enum verdict { UNTRIED, AUDIO, IMPOSSIBLE, FAILURE, MIRACLE /* impossible, and yet it works */ };
struct verdict_of {
	enum verdict is;
	char what[160];
	enum finding_code code; /* what the server itself says; FINDINGS: that all is well */
	char why[300];
};

#define CELLS ((unsigned)(WHERES * PARTIES * PEERS * CARRIERS * FLOWS * CONFIGS))
struct cell cell_at(unsigned n);
unsigned cell_number(const struct cell *c);
void cell_name(const struct cell *c, struct out *o); /* "behind-router symmetric sbc udp hold guide" */
bool cell_parse(const char *name, struct cell *c);
/* tap: sees every SIP message; or NULL. */
/* Why nobody could give this call audio; NULL: it should have it. */
const char *cell_impossible(const struct cell *c);
void cell_try(const struct cell *c, struct verdict_of *v, void (*tap)(void *arg, ms_t at, const struct sim_wire *w));

/* The file's text for the cell, or false: there is no such file. */
bool matrix_conf(const struct cell *c, const char *file, struct out *o);

/* The document and its picture, from all verdicts. */
void matrix_markdown(const struct verdict_of *all, struct out *o);
void matrix_svg(const struct verdict_of *all, struct out *o);
