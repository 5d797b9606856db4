/*
 * conf/places.h: where things are written, for `hairpin check`. conf_load_placed() is conf_load() that keeps it, beside
 * the snapshot; conf_forget_places() frees it. The other functions find nothing without it.
 */
#pragma once
#include "conf/conf.h"

struct conf_place {
	const char *file;
	unsigned line;
	const char *value; /* NULL: a secret */
};
struct conf_ignore { /* a comment "; hairpin: ignore CODE": not to be told about these lines */
	const char *file;
	unsigned first, last;
	const char *code;
};
struct conf *conf_load_placed(const struct conf_source *src, struct diag *why);
void conf_forget_places(struct conf *c);
/* Where the option is written for the object; from_last 0: the last time (which counts), 1: the one before, … */
bool conf_place(const struct conf *c, const struct conf_obj *o, const char *option, size_t from_last,
		struct conf_place *p);
const struct conf_ignore *conf_ignores(const struct conf *c, size_t *n);
