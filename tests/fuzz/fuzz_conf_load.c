/*
 * tests/fuzz/fuzz_conf_load.c: loads a configuration made of one input. A line "=== name" begins the file of that name;
 * what stands before the first is pjsip.conf. A snapshot that loads is printed whole.
 */
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

/* Calls fn with each file's name and text until it returns true. */
static bool each_file(struct span all, bool (*fn)(void *ctx, struct span name, struct span text), void *ctx)
{
	struct span name = SPAN("pjsip.conf"), text;

	for (;;) {
		long at = span_find(all, SPAN("=== "));

		text = at < 0 ? all : span_sub(all, 0, (size_t)at);
		if (fn(ctx, name, text))
			return true;
		if (at < 0)
			return false;
		all = span_from(all, (size_t)at + 4);
		span_cut(&all, '\n', &name);
		name = span_trim(name);
	}
}

struct ask {
	const char *path;
	struct out *o;
	void (*each)(void *ctx, const char *path);
	void *ctx;
};

static bool copy_if_asked(void *ctx, struct span name, struct span text)
{
	struct ask *ask = ctx;

	if (!span_is(name, ask->path))
		return false;
	out_span(ask->o, text);
	return true;
}

static bool name_if_matching(void *ctx, struct span name, struct span text)
{
	struct ask *ask = ctx;
	char *path = span_dup(name);

	(void)text;
	if (fnmatch(ask->path, path, 0) == 0)
		ask->each(ask->ctx, path);
	free(path);
	return false;
}

static bool fuzz_read(void *arg, const char *path, struct out *o)
{
	struct ask ask = { .path = path, .o = o };

	return each_file(*(struct span *)arg, copy_if_asked, &ask);
}

static void fuzz_glob(void *arg, const char *pattern, void (*each)(void *ctx, const char *path), void *ctx)
{
	struct ask ask = { .path = pattern, .each = each, .ctx = ctx };

	each_file(*(struct span *)arg, name_if_matching, &ask);
}

static void count_value(void *ctx, const char *option, const char *value)
{
	*(size_t *)ctx += strlen(option) + strlen(value);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct span all = { (const char *)p, n };
	struct conf_source src = { fuzz_read, fuzz_glob, &all };
	struct diag why = { 0 };
	struct conf *c = conf_load(&src, &why);
	size_t printed = 0;

	for (size_t i = 0; c && i < c->n_endpoints; i++)
		conf_each_option(&c->endpoints[i].o, "endpoint", count_value, &printed);
	for (size_t i = 0; c && i < c->n_identifies; i++)
		conf_each_option(&c->identifies[i].o, "identify", count_value, &printed);
	conf_unref(c);
	diag_free(&why);
	return 0;
}
