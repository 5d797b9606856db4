/* tests/unit/test_ctl_cdr.c: records of calls on a disk: whole lines, in order, in the accounts' files, too; a disk
 * that fails. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/trace.h"
#include "ctl/priv.h"
#include "io/io.h"

struct world {
	struct clock clock;
	struct io_loop *loop;
	char dir[64], sub[80];
};

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof *w);

	snprintf(w->dir, sizeof w->dir, "/tmp/hairpin-cdr-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	snprintf(w->sub, sizeof w->sub, "%s/cdr-csv", w->dir);
	w->loop = io_new(&w->clock);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	io_free(&w->loop);
	rmdir(w->dir);
	free(w);
	return 0;
}

static void file_is(const struct world *w, const char *name, const char *want)
{
	char path[128], text[256] = "";
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", w->sub, name);
	f = fopen(path, "r");
	assert_non_null(f);
	text[fread(text, 1, sizeof text - 1, f)] = '\0';
	fclose(f);
	assert_string_equal(text, want);
	unlink(path);
}

static void lines(void **state)
{
	struct world *w = *state;
	struct cdrlog *l = cdrlog_new(w->loop);

	cdrlog_put(l, w->sub, SPAN("one\n"), "");
	cdrlog_put(l, w->sub, SPAN("two\n"), "acme");
	cdrlog_put(l, w->sub, SPAN("three\n"), "../evil");
	cdrlog_free(&l);
	l = cdrlog_new(w->loop);
	cdrlog_put(l, w->sub, SPAN("four\n"), "acme");
	cdrlog_free(&l);
	file_is(w, "Master.csv", "one\ntwo\nthree\nfour\n");
	file_is(w, "acme.csv", "two\nfour\n");
	assert_int_equal(rmdir(w->sub), 0);
	assert_int_equal(access("/tmp/evil.csv", F_OK), -1);
}

/* Nowhere to write to: what waits is bounded, and the end does not wait for it. */
static void no_disk(void **state)
{
	struct world *w = *state;
	struct cdrlog *l = cdrlog_new(w->loop);
	char *big = malloc(1 << 20);

	memset(big, 'x', 1 << 20);
	for (int i = 0; i < 10; i++)
		cdrlog_put(l, "/nowhere/at/all", (struct span){ big, 1 << 20 }, "acme");
	free(big);
	cdrlog_free(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(lines), cmocka_unit_test(no_disk) };

	return cmocka_run_group_tests_name("ctl_cdr", tests, setup, teardown);
}
