/* tests/unit/test_store_contacts.c: both stores; what a kill -9 leaves; a disk that refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/trace.h"
#include "io/io.h"
#include "store/store.h"

struct world {
	struct clock clock;
	struct io_loop *loop;
	char dir[64], path[96];
	struct timer stop;
};

static void open_loop(struct world *w)
{
	w->clock = (struct clock){ 0 };
	w->loop = io_new(&w->clock);
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof *w);

	snprintf(w->dir, sizeof w->dir, "/tmp/hairpin-store-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	snprintf(w->path, sizeof w->path, "%s/state.db", w->dir);
	open_loop(w);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	char path[128];

	io_free(&w->loop);
	for (int i = 0; i < 3; i++) {
		snprintf(path, sizeof path, "%s%s", w->path, i == 0 ? "" : i == 1 ? "-wal" : "-shm");
		unlink(path);
	}
	rmdir(w->dir);
	free(w);
	return 0;
}

static struct store *open_store(struct world *w)
{
	char *why = NULL;
	struct store *s = store_sqlite(w->loop, w->path, &why);

	if (!s)
		fail_msg("%s", why);
	return s;
}

static void put(struct store *s, const char *aor, const char *uri, uint32_t cseq)
{
	struct store_contact c = { .aor = aor,
				   .uri = uri,
				   .user_agent = "phone \"1\"",
				   .call_id = "abc",
				   .cseq = cseq,
				   .via_port = 5062,
				   .expires = 1700000000123,
				   .prune_on_boot = cseq == 7 };

	store_put_contact(s, &c);
}

struct seen {
	char text[4096];
	int n;
};

static void see(void *arg, const struct store_contact *c)
{
	struct seen *v = arg;
	size_t at = strlen(v->text);

	v->n++;
	assert_string_equal(c->user_agent, "phone \"1\"");
	assert_string_equal(c->path, "");
	assert_int_equal(c->via_port, 5062);
	assert_int_equal(c->expires, 1700000000123);
	assert_int_equal(c->prune_on_boot, c->cseq == 7);
	if (at < sizeof v->text - 100)
		snprintf(v->text + at, sizeof v->text - at, "%s %s %u\n", c->aor, c->uri, c->cseq);
}

static void fill(struct store *s)
{
	put(s, "6001", "sip:a@192.0.2.1", 1);
	put(s, "6001", "sip:b@192.0.2.1", 7);
	put(s, "6002", "sip:a@192.0.2.1", 2);
	put(s, "6001", "sip:a@192.0.2.1", 3); /* refreshed */
	put(s, "6003", "sip:c@192.0.2.1", 1);
	store_del_contact(s, "6003", "sip:c@192.0.2.1");
	store_del_contact(s, "6003", "sip:never@192.0.2.1");
	store_set(s, "passwords.6001", "one");
	store_set(s, "passwords.6001", "two");
}

static void check(struct store *s)
{
	struct seen v = { "", 0 };
	char *value = store_get(s, "passwords.6001");

	assert_string_equal(value, "two");
	free(value);
	assert_null(store_get(s, "passwords.6002"));
	store_load(s, see, &v);
	assert_string_equal(v.text, "6001 sip:a@192.0.2.1 3\n6001 sip:b@192.0.2.1 7\n6002 sip:a@192.0.2.1 2\n");
}

static void memory(void **state UNUSED)
{
	struct store *s = store_mem();

	fill(s);
	check(s);
	store_close(&s);
	assert_null(s);
	store_close(&s);
}

static void survives_a_restart(void **state)
{
	struct world *w = *state;
	struct store *s = open_store(w);
	struct stat st;
	char *value;

	fill(s);
	value = store_get(s, "passwords.6001"); /* not written yet, but known */
	assert_string_equal(value, "two");
	free(value);
	store_close(&s);
	assert_int_equal(stat(w->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	s = open_store(w);
	check(s);
	store_close(&s);
}

static void written_behind_in_time(void **state)
{
	struct world *w = *state;
	struct store *s = open_store(w), *other;

	for (int round = 0; round < 5; round++) {
		fill(s);
		io_work_wait(w->loop);
	}
	other = open_store(w); /* a second reader sees it before the first is closed */
	check(other);
	store_close(&other);
	store_close(&s);
}

/* A child that is killed between two batches and in the middle of one: what was written is there, the file is whole. */
static void survives_kill_9(void **state)
{
	struct world *w = *state;
	struct seen v = { "", 0 };
	struct store *s;
	int status;
	pid_t child;

	io_free(&w->loop);
	child = fork();
	if (child == 0) {
		char uri[64];

		open_loop(w);
		s = open_store(w);
		fill(s);
		io_work_wait(w->loop);
		for (unsigned i = 0; i < 20000; i++) {
			snprintf(uri, sizeof uri, "sip:%u@192.0.2.1", i);
			put(s, "late", uri, 1);
		}
		kill(getpid(), SIGKILL);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);

	open_loop(w);
	s = open_store(w);
	store_del_contact(s, "late", "sip:0@192.0.2.1");
	store_load(s, see, &v);
	assert_true(v.n >= 3);
	assert_non_null(strstr(v.text, "6001 sip:a@192.0.2.1 3\n6001 sip:b@192.0.2.1 7\n6002 sip:a@192.0.2.1 2\n"));
	store_close(&s);
}

static void on_stop(struct timer *t, ms_t now UNUSED)
{
	io_stop(container_of(t, struct world, stop)->loop);
}

static void a_failed_batch_is_tried_again(void **state)
{
	struct world *w = *state;
	struct store *s = open_store(w), *other;
	struct trace_record rs[64];
	sqlite3 *db;
	size_t n;
	bool told = false;

	assert_int_equal(sqlite3_open(w->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "ALTER TABLE contact RENAME TO gone", NULL, NULL, NULL), SQLITE_OK);
	put(s, "6001", "sip:a@192.0.2.1", 1);
	io_work_wait(w->loop);
	put(s, "6001", "sip:a@192.0.2.1", 3); /* newer than what failed */
	fill(s);
	n = trace_read(0, rs, ARRAY_LEN(rs));
	for (size_t i = 0; i < n; i++)
		told |= rs[i].id == EV_STORE;
	assert_true(told);
	assert_int_equal(sqlite3_exec(db, "ALTER TABLE gone RENAME TO contact", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	w->stop.fire = on_stop;
	clock_in(&w->clock, &w->stop, 1300);
	io_run(w->loop);
	io_work_wait(w->loop);
	other = open_store(w);
	check(other);
	store_close(&other);
	store_close(&s);
}

static void what_is_no_database_is_refused(void **state)
{
	struct world *w = *state;
	FILE *f = fopen(w->path, "w");
	char *why = NULL;

	for (int i = 0; i < 500; i++)
		fputs("this is no database\n", f);
	fclose(f);
	assert_null(store_sqlite(w->loop, w->path, &why));
	assert_non_null(strstr(why, "not a database"));
	free(why);
	assert_null(store_sqlite(w->loop, "/no/such/folder/state.db", &why));
	free(why);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		cmocka_unit_test(memory),         T(survives_a_restart),
		T(written_behind_in_time),        T(survives_kill_9),
		T(a_failed_batch_is_tried_again), T(what_is_no_database_is_refused),
	};

	return cmocka_run_group_tests_name("store_contacts", tests, NULL, NULL);
}
