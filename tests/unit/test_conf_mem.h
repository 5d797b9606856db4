/* tests/unit/test_conf_mem.h: configuration files as texts in memory: name, text, name, text, …, NULL. */
#pragma once
#include <fnmatch.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "conf/conf.h"

static inline bool mem_read(void *arg, const char *path, struct out *o)
{
	for (const char *const *f = arg; *f; f += 2)
		if (strcmp(f[0], path) == 0) {
			out_str(o, f[1]);
			return true;
		}
	return false;
}

static inline void mem_glob(void *arg, const char *pattern, void (*each)(void *ctx, const char *path), void *ctx)
{
	for (const char *const *f = arg; *f; f += 2)
		if (fnmatch(pattern, f[0], 0) == 0)
			each(ctx, f[0]);
}

static inline struct conf_source mem_source(const char *const *files)
{
	return (struct conf_source){ mem_read, mem_glob, (void *)files };
}

/* The n-th remark as "file:line: text" in a buffer of the caller; "" when there are fewer. */
static inline const char *mem_remark(const struct diag *d, size_t n, char buf[1200])
{
	return n < d->n ? diag_line(&d->items[n], buf, 1200) : "";
}

static inline void mem_print(const struct diag *d)
{
	char buf[1200];

	for (size_t i = 0; i < d->n; i++)
		printf("    %s\n", mem_remark(d, i, buf));
}

/* Loads files that must be right; *why, if given, gets the remarks (free it). */
static inline struct conf *mem_load(const char *const *files, struct diag *why)
{
	struct conf_source src = mem_source(files);
	struct diag own = { 0 };
	struct conf *c = conf_load(&src, why ? why : &own);

	if (!c)
		mem_print(why ? why : &own);
	diag_free(&own);
	assert_non_null(c);
	return c;
}
