/*
 * conf/ini.h: Asterisk's configuration grammar: sections, templates, inheritance, includes. Private to conf.
 *
 * Keys and values stay where they were read: in the texts of the files, which go with ini_free() and are wiped then,
 * since passwords pass through here. Names of files outlive it: they are kept in the snapshot to say where an object
 * comes from.
 */
#pragma once
#include "base/arena.h"
#include "base/table.h"
#include "conf/places.h"

struct ini_line {
	const char *key, *value;
	const char *file;
	unsigned line;
	unsigned key_n : 31;
	unsigned told : 1; /* a remark about this line was made: once for all who inherit it */
};
static inline struct span ini_key(const struct ini_line *l)
{
	return (struct span){ l->key, l->key_n };
}

struct ini_section {
	const char *name, *file;
	struct ini_line **lines; /* the parents' first, then its own */
	unsigned line, n, cap;
	unsigned n_inherited; /* of its lines, when it began */
	bool is_template;     /* [name](!): only there to be inherited from */
};

struct ini {
	struct arena *arena, *names;
	struct out *texts; /* of the files, and what += makes; wiped */
	size_t n_texts;
	struct ini_section *sections;   /* in file order; several may have one name */
	size_t n, cap, n_lines, n_read; /* lines: with those inherited; of files */
	bool too_many;                  /* lines: it was said */
	struct table by_name;           /* indices + 1 of sections */
	struct conf_ignore *ignores;    /* comments "; hairpin: ignore CODE" */
	size_t n_ignores;
};

static inline bool is_abandoned(const struct conf_source *src)
{
	return src->abandoned && atomic_load_explicit(src->abandoned, memory_order_relaxed);
}

/*
 * Reads `path` and what it includes; file names are kept in `names`. What is wrong goes to `why`. False if the file
 * itself does not exist (nothing is said of that). ini_free() is needed in any case.
 */
bool ini_load(struct ini *ini, struct arena *names, const struct conf_source *src, const char *path, struct diag *why);
void ini_free(struct ini *ini);

/* The first section of that name, exact or else of other case; NULL when there is none. */
struct ini_section *ini_section(const struct ini *ini, struct span name);
/* The section that is written there; NULL when there is none. */
struct ini_section *ini_section_at(const struct ini *ini, struct span name, const char *file, unsigned line);
/* The last value of `key` in the section, or NULL. */
const struct ini_line *ini_last(const struct ini_section *s, struct span key);
