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

static uint64_t put_as(struct store *s, uint64_t id, const char *aor, const char *uri, uint32_t cseq)
{
	struct store_contact c = { .id = id,
				   .aor = aor,
				   .uri = uri,
				   .user_agent = "phone \"1\"",
				   .call_id = "abc",
				   .cseq = cseq,
				   .via_port = 5062,
				   .expires = 1700000000123,
				   .prune_on_boot = cseq == 7 };

	return store_put_contact(s, &c);
}

static uint64_t put(struct store *s, const char *aor, const char *uri, uint32_t cseq)
{
	return put_as(s, 0, aor, uri, cseq);
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

struct ids {
	uint64_t a, b, c, d;
};

/* A contact that is refreshed, one that stays, one that is written anew under its id, one that goes. */
static struct ids fill(struct store *s)
{
	struct ids is;

	is.a = put(s, "6001", "sip:a@192.0.2.1", 1);
	is.b = put(s, "6001", "sip:b@192.0.2.1", 7);
	is.c = put(s, "6002", "sip:z@192.0.2.1", 1);
	store_refresh_contact(s, is.a, 3, 1700000000123);
	assert_int_equal(put_as(s, is.c, "6002", "sip:a@192.0.2.1", 2), is.c);
	is.d = put(s, "6003", "sip:c@192.0.2.1", 1);
	store_del_contact(s, is.d);
	store_del_contact(s, 999999);
	return is;
}

static void empty(struct store *s, const struct ids *is)
{
	store_del_contact(s, is->a);
	store_del_contact(s, is->b);
	store_del_contact(s, is->c);
}

static void check(struct store *s)
{
	struct seen v = { "", 0 };

	store_load(s, see, &v);
	assert_string_equal(v.text, "6001 sip:a@192.0.2.1 3\n6001 sip:b@192.0.2.1 7\n6002 sip:a@192.0.2.1 2\n");
}

static void on_stop(struct timer *t, ms_t now UNUSED)
{
	io_stop(container_of(t, struct world, stop)->loop);
}

/* Lets the loop run: what is gathered is written. */
static void run(struct world *w, ms_t ms)
{
	w->stop.fire = on_stop;
	clock_in(&w->clock, &w->stop, ms);
	io_run(w->loop);
	io_work_wait(w->loop);
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
	struct ids is = fill(s);

	store_close(&s);
	assert_int_equal(stat(w->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	s = open_store(w);
	check(s);
	assert_true(put(s, "6004", "sip:e@192.0.2.1", 1) > is.c); /* numbers are not given twice */
	store_close(&s);
}

static void written_behind_in_time(void **state)
{
	struct world *w = *state;
	struct store *s = open_store(w), *other;
	struct ids is;

	for (int round = 0; round < 5; round++) {
		is = fill(s);
		run(w, 300);
		if (round < 4)
			empty(s, &is);
	}
	other = open_store(w); /* a second reader sees it before the first is closed */
	check(other);
	store_close(&other);
	store_refresh_contact(s, is.b, 7, 1700000000123);
	store_refresh_contact(s, is.a, 3, 1700000000123);
	store_close(&s);
	s = open_store(w);
	check(s);
	store_close(&s);
}

/* A file of version 1, which had one table and no ids of its own. */
static void an_older_file_is_taken_over(void **state)
{
	struct world *w = *state;
	struct store *s;
	sqlite3 *db;

	assert_int_equal(sqlite3_open(w->path, &db), SQLITE_OK);
	assert_int_equal(
		sqlite3_exec(
			db,
			"CREATE TABLE contact(aor TEXT NOT NULL,uri TEXT NOT NULL,path TEXT NOT NULL,user_agent TEXT "
			"NOT NULL,call_id TEXT NOT NULL,instance TEXT NOT NULL,orig_host TEXT NOT NULL,endpoint TEXT "
			"NOT NULL,transport TEXT NOT NULL,via_addr TEXT NOT NULL,reg_server TEXT NOT NULL,cseq "
			"INTEGER,via_port INTEGER,expires INTEGER,prune_on_boot INTEGER,UNIQUE(aor,uri));"
			"CREATE TABLE value(name TEXT PRIMARY KEY,value TEXT NOT NULL);"
			"INSERT INTO contact VALUES('6001','sip:a@192.0.2.1','','phone \"1\"','abc','','','','','',''"
			",3,5062,1700000000123,0);"
			"INSERT INTO contact VALUES('6001','sip:b@192.0.2.1','','phone \"1\"','abc','','','','','',''"
			",7,5062,1700000000123,1);"
			"INSERT INTO contact VALUES('6002','sip:a@192.0.2.1','','phone \"1\"','abc','','','','','',''"
			",2,5062,1700000000123,0);"
			"PRAGMA user_version=1",
			NULL, NULL, NULL),
		SQLITE_OK);
	sqlite3_close(db);
	for (int again = 0; again < 2; again++) {
		s = open_store(w);
		check(s);
		store_close(&s);
	}
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
		run(w, 300);
		for (unsigned i = 0; i < 20000; i++) {
			snprintf(uri, sizeof uri, "sip:%u@192.0.2.1", i);
			put(s, "late", uri, 1);
			if (i == 10000)
				run(w, 150);
		}
		kill(getpid(), SIGKILL);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);

	open_loop(w);
	s = open_store(w);
	store_load(s, see, &v);
	assert_true(v.n >= 3);
	assert_non_null(strstr(v.text, "6001 sip:a@192.0.2.1 3\n6001 sip:b@192.0.2.1 7\n6002 sip:a@192.0.2.1 2\n"));
	store_close(&s);
}

static void a_failed_batch_is_tried_again(void **state)
{
	struct world *w = *state;
	struct store *s = open_store(w), *other;
	struct trace_record rs[64];
	struct ids is;
	sqlite3 *db;
	size_t n;
	bool told = false;

	assert_int_equal(sqlite3_open(w->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "ALTER TABLE refresh RENAME TO gone", NULL, NULL, NULL), SQLITE_OK);
	is = fill(s);
	run(w, 300);
	empty(s, &is);
	fill(s); /* newer than what failed */
	n = trace_read(0, rs, ARRAY_LEN(rs));
	for (size_t i = 0; i < n; i++)
		told |= rs[i].id == EV_STORE;
	assert_true(told);
	assert_int_equal(sqlite3_exec(db, "ALTER TABLE gone RENAME TO refresh", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	run(w, 1300);
	other = open_store(w);
	check(other);
	store_close(&other);
	store_close(&s);
}

struct counted {
	int n, puts, refreshs;
};

/* Each says in its texts and its CSeq which one it is. */
static void count_each(void *arg, const struct store_contact *c)
{
	struct counted *v = arg;
	char uri[64], call_id[64];
	uint32_t nth = c->cseq % 1000;

	snprintf(uri, sizeof uri, "sip:%u@192.0.2.1", nth);
	snprintf(call_id, sizeof call_id, "call %u", nth);
	assert_string_equal(c->uri, uri);
	assert_string_equal(c->call_id, call_id);
	assert_string_equal(c->via_addr, "192.0.2.7");
	assert_int_equal(c->expires, 1700000000000 + (int64_t)nth);
	v->n++;
	v->puts += c->cseq == nth;
	v->refreshs += c->cseq == nth + 1000;
}

/* Contacts are written several in one statement, and what is left one by one. */
static void batches_of_every_size(void **state)
{
	struct world *w = *state;
	uint64_t ids[100];

	for (unsigned size = 1; size < 70; size += size < 36 ? 1 : 11) {
		struct store *s = open_store(w);
		struct counted v = { 0 };

		for (unsigned i = 0; i < size; i++) {
			char uri[64], call_id[64];
			struct store_contact c = { .aor = "6001",
						   .uri = uri,
						   .call_id = call_id,
						   .cseq = i,
						   .via_addr = "192.0.2.7",
						   .expires = 1700000000000 + i };

			snprintf(uri, sizeof uri, "sip:%u@192.0.2.1", i);
			snprintf(call_id, sizeof call_id, "call %u", i);
			ids[i] = store_put_contact(s, &c);
		}
		store_close(&s);
		s = open_store(w);
		store_load(s, count_each, &v);
		assert_int_equal(v.puts, size);
		for (unsigned i = 0; i < size; i++)
			if (i % 3)
				store_refresh_contact(s, ids[i], i + 1000, 1700000000000 + i);
			else
				store_del_contact(s, ids[i]);
		store_close(&s);
		s = open_store(w);
		v = (struct counted){ 0 };
		store_load(s, count_each, &v);
		assert_int_equal(v.refreshs, size - (size + 2) / 3);
		assert_int_equal(v.n, v.refreshs);
		for (unsigned i = 0; i < size; i++)
			store_del_contact(s, ids[i]);
		store_close(&s);
	}
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

static void see_value(void *arg, const struct store_value *v)
{
	struct seen *all = arg;
	size_t at = strlen(all->text);

	all->n++;
	snprintf(all->text + at, sizeof all->text - at, "%s=%s\n", v->key, v->value);
}

static void expect_values(struct store *s, const char *text)
{
	struct seen v = { "", 0 };

	store_load_values(s, see_value, &v);
	assert_string_equal(v.text, text);
}

static void values_survive_a_restart(void **state)
{
	struct world *w = *state;
	struct store *s = open_store(w);
	struct ids is = fill(s);
	uint64_t a = store_put_value(s, &(struct store_value){ 0, "cf/1", "old" });
	uint64_t b = store_put_value(s, &(struct store_value){ 0, "cf/2", "" });

	assert_int_equal(store_put_value(s, &(struct store_value){ a, "cf/1", "new" }), a);
	store_close(&s);
	s = open_store(w);
	check(s);
	expect_values(s, "cf/1=new\ncf/2=\n");
	assert_true(put(s, "6004", "sip:e@192.0.2.1", 1) > b); /* they share their numbers with contacts */
	assert_true(b > is.d);
	store_del_value(s, a);
	run(w, 300);
	store_put_value(s, &(struct store_value){ b, "cf/2", "later" });
	store_close(&s);
	s = open_store(w);
	expect_values(s, "cf/2=later\n");
	store_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		cmocka_unit_test(memory),       T(survives_a_restart),    T(written_behind_in_time),
		T(an_older_file_is_taken_over), T(survives_kill_9),       T(a_failed_batch_is_tried_again),
		T(values_survive_a_restart),    T(batches_of_every_size), T(what_is_no_database_is_refused),
	};

	return cmocka_run_group_tests_name("store_contacts", tests, NULL, NULL);
}
