/*
 * store/sqlite.c: the embedded store: one SQLite file, written behind.
 *
 * Changes are gathered for GATHER ms and then written as one transaction on the loop's pool; what changes meanwhile
 * becomes the next batch. So each contact is written once per batch however often it changed, and a busy server pays
 * for a transaction ten times a second at most. WAL with synchronous=NORMAL never waits for the disk on a commit: a
 * kill -9 loses what was not gathered yet, a power cut at most the last moments; neither harms the file. A batch that
 * fails (disk full) is put back behind what is newer and tried again.
 *
 * What the dialplan keeps has one row in `db`. A contact has two rows. `contact` has what stays while the phone does;
 * `refresh` has what every REGISTER changes, and is so narrow that a storm of them touches few pages.
 */
#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/trace.h"
#include "io/io.h"
#include "store/priv.h"

#define GATHER      100  /* ms */
#define RETRY_AFTER 1000 /* ms */
#define ROWS        16   /* of one statement */
#define SCHEMA      2    /* PRAGMA user_version; a higher one is a newer hairpin's */

enum statement { PUT, REFRESH, PUT_MANY, REFRESH_MANY, DEL, DEL_REFRESH, PUT_DB, DEL_DB, STATEMENTS };

struct sqlite {
	struct store store;
	struct io_loop *loop;
	sqlite3 *db;
	sqlite3_stmt *st[STATEMENTS];
	struct table pending; /* changes that are not yet handed out */
	struct table batch;   /* under way: the pool reads it, nobody changes it */
	bool busy, closing;
	char error[200]; /* of the batch; "" when it was written */
	struct timer due;
};

/* ---- writing: thread pool ---- */

#define COLUMN(f)      #f ","
#define TEXT_COLUMN(f) #f " TEXT NOT NULL,"

#define PUT_ROW     "(?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
#define REFRESH_ROW "(?,?,?)"
static const struct {
	const char *sql, *row; /* row: of a statement for many, put behind it ROWS times */
} sql[STATEMENTS] = {
#define PUT_INTO     "INSERT OR REPLACE INTO contact(id," CONTACT_TEXTS(COLUMN) "via_port,prune_on_boot) VALUES"
#define REFRESH_INTO "INSERT OR REPLACE INTO refresh(id,cseq,expires) VALUES"
	[PUT] = { PUT_INTO PUT_ROW },
	[REFRESH] = { REFRESH_INTO REFRESH_ROW },
	[PUT_MANY] = { PUT_INTO, PUT_ROW },
	[REFRESH_MANY] = { REFRESH_INTO, REFRESH_ROW },
	[DEL] = { "DELETE FROM contact WHERE id=?" },
	[DEL_REFRESH] = { "DELETE FROM refresh WHERE id=?" },
	[PUT_DB] = { "INSERT OR REPLACE INTO db(id,key,value) VALUES(?,?,?)" },
	[DEL_DB] = { "DELETE FROM db WHERE id=?" },
};

static int step(sqlite3_stmt *st)
{
	int rc = sqlite3_step(st);

	sqlite3_reset(st);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* Binds one row; at: its first place. Returns the first place behind it. */
static int bind_put(sqlite3_stmt *st, int at, const struct change *change)
{
	const struct store_contact *c = &change->put->contact;

	sqlite3_bind_int64(st, at++, (sqlite3_int64)change->id);
#define X(f) sqlite3_bind_text(st, at++, c->f, -1, SQLITE_STATIC);
	CONTACT_TEXTS(X)
#undef X
	sqlite3_bind_int(st, at++, c->via_port);
	sqlite3_bind_int(st, at++, c->prune_on_boot);
	return at;
}

static int bind_refresh(sqlite3_stmt *st, int at, const struct change *c)
{
	sqlite3_bind_int64(st, at++, (sqlite3_int64)c->id);
	sqlite3_bind_int64(st, at++, c->cseq);
	sqlite3_bind_int64(st, at++, c->expires);
	return at;
}

/* Rows of one table that wait for a statement that writes all of them: half of what one alone costs. */
struct rows {
	struct sqlite *q;
	enum statement one, many;
	int (*bind)(sqlite3_stmt *st, int at, const struct change *c);
	const struct change *c[ROWS];
	int n;
};

static int write_rows(struct rows *r)
{
	bool full = r->n == ROWS;
	sqlite3_stmt *st = r->q->st[full ? r->many : r->one];
	int at = 1, rc = SQLITE_OK;

	for (int i = 0; i < r->n && rc == SQLITE_OK; i++) {
		at = r->bind(st, full ? at : 1, r->c[i]);
		if (!full || i == ROWS - 1)
			rc = step(st);
	}
	r->n = 0;
	return rc;
}

static int add_row(struct rows *r, const struct change *c)
{
	r->c[r->n++] = c;
	return r->n == ROWS ? write_rows(r) : SQLITE_OK;
}

static int forget(struct sqlite *q, uint64_t id)
{
	int rc = SQLITE_OK;

	for (int i = DEL; i <= DEL_REFRESH && rc == SQLITE_OK; i++) {
		sqlite3_bind_int64(q->st[i], 1, (sqlite3_int64)id);
		rc = step(q->st[i]);
	}
	return rc;
}

static int write_value(struct sqlite *q, const struct change *c)
{
	sqlite3_stmt *st = q->st[c->kind == PUT_VALUE ? PUT_DB : DEL_DB];

	sqlite3_bind_int64(st, 1, (sqlite3_int64)c->id);
	if (c->kind == PUT_VALUE) {
		sqlite3_bind_text(st, 2, change_value(c).key, -1, SQLITE_STATIC);
		sqlite3_bind_text(st, 3, change_value(c).value, -1, SQLITE_STATIC);
	}
	return step(st);
}

/* In any order: of each contact or value there is but one change. */
static int write_all(struct sqlite *q)
{
	struct rows puts = { .q = q, .one = PUT, .many = PUT_MANY, .bind = bind_put };
	struct rows refreshs = { .q = q, .one = REFRESH, .many = REFRESH_MANY, .bind = bind_refresh };
	int rc = sqlite3_exec(q->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
	struct table_walk w = { 0 };
	const struct change *c;

	while (rc == SQLITE_OK && (c = table_each(&q->batch, &w))) {
		if (c->kind == PUT_VALUE || c->kind == DEL_VALUE) {
			rc = write_value(q, c);
			continue;
		}
		if (c->kind == DEL_CONTACT)
			rc = forget(q, c->id);
		if (rc == SQLITE_OK && c->kind == PUT_CONTACT)
			rc = add_row(&puts, c);
		if (rc == SQLITE_OK && c->kind != DEL_CONTACT)
			rc = add_row(&refreshs, c);
	}
	rc = rc == SQLITE_OK ? write_rows(&puts) : rc;
	rc = rc == SQLITE_OK ? write_rows(&refreshs) : rc;
	return rc == SQLITE_OK ? sqlite3_exec(q->db, "COMMIT", NULL, NULL, NULL) : rc;
}

static void write_batch(void *arg)
{
	struct sqlite *q = arg;

	q->error[0] = '\0';
	if (write_all(q) == SQLITE_OK)
		return;
	span_copy(span_of(sqlite3_errmsg(q->db)), q->error, sizeof q->error);
	if (!sqlite3_get_autocommit(q->db))
		sqlite3_exec(q->db, "ROLLBACK", NULL, NULL, NULL);
}

/* ---- batches: signalling thread ---- */

/* What failed goes back, but never over something newer. */
static void put_back(struct sqlite *q)
{
	struct table newer = q->pending;
	struct table_walk w = { 0 };
	struct change *c;

	q->pending = q->batch;
	q->batch = (struct table){ 0 };
	while ((c = table_each(&newer, &w)))
		change_add(&q->store, &q->pending, c);
	table_free(&newer);
}

static void gather(struct sqlite *q, ms_t for_ms)
{
	if (!q->busy && !q->closing && q->pending.n && !timer_runs(&q->due))
		clock_in(io_clock(q->loop), &q->due, for_ms);
}

static void batch_done(void *arg)
{
	struct sqlite *q = arg;

	q->busy = false;
	if (q->error[0]) {
		trace(EV_STORE, NULL, "%zu changes are not written, again in %d s: %s", q->batch.n, RETRY_AFTER / 1000,
		      q->error);
		put_back(q);
		gather(q, RETRY_AFTER);
		return;
	}
	changes_free(&q->store, &q->batch);
	gather(q, GATHER);
}

static void start_batch(struct timer *t, ms_t now UNUSED)
{
	struct sqlite *q = container_of(t, struct sqlite, due);

	q->batch = q->pending;
	q->pending = (struct table){ 0 };
	q->busy = true;
	io_work(q->loop, write_batch, batch_done, q);
}

static void sqlite_changed(struct store *s, struct change *c)
{
	struct sqlite *q = (struct sqlite *)s;

	change_add(&q->store, &q->pending, c);
	gather(q, GATHER);
}

/* ---- reading: at the start ---- */

static const char *text_at(sqlite3_stmt *st, int *at)
{
	const char *s = (const char *)sqlite3_column_text(st, (*at)++);

	return s ? s : "";
}

static struct store_contact contact_at(sqlite3_stmt *st)
{
	struct store_contact c = { .id = (uint64_t)sqlite3_column_int64(st, 0) };
	int at = 1;

#define X(f) c.f = text_at(st, &at);
	CONTACT_TEXTS(X)
#undef X
	c.via_port = (uint16_t)sqlite3_column_int(st, at++);
	c.prune_on_boot = sqlite3_column_int(st, at) != 0;
	return c;
}

/* Both tables in the order of their ids, side by side. A row without its other half was never whole: it is skipped. */
static int walk(sqlite3_stmt *st, sqlite3_stmt *fresh, void (*each)(void *arg, const struct store_contact *c),
		void *arg)
{
	int rc = sqlite3_step(fresh), row;

	while ((row = sqlite3_step(st)) == SQLITE_ROW) {
		struct store_contact c = contact_at(st);

		while (rc == SQLITE_ROW && (uint64_t)sqlite3_column_int64(fresh, 0) < c.id)
			rc = sqlite3_step(fresh);
		if (rc != SQLITE_ROW || (uint64_t)sqlite3_column_int64(fresh, 0) != c.id)
			continue;
		c.cseq = (uint32_t)sqlite3_column_int64(fresh, 1);
		c.expires = sqlite3_column_int64(fresh, 2);
		each(arg, &c);
	}
	return row;
}

static void sqlite_load(struct store *s, void (*each)(void *arg, const struct store_contact *c), void *arg)
{
	static const char contacts[] =
		"SELECT id," CONTACT_TEXTS(COLUMN) "via_port,prune_on_boot FROM contact ORDER BY id";
	static const char fresh[] = "SELECT id,cseq,expires FROM refresh ORDER BY id";
	struct sqlite *q = (struct sqlite *)s;
	sqlite3_stmt *a = NULL, *b = NULL;

	if (sqlite3_prepare_v2(q->db, contacts, -1, &a, NULL) != SQLITE_OK ||
	    sqlite3_prepare_v2(q->db, fresh, -1, &b, NULL) != SQLITE_OK || walk(a, b, each, arg) != SQLITE_DONE)
		trace(EV_STORE, NULL, "contacts cannot be read: %s", sqlite3_errmsg(q->db));
	sqlite3_finalize(a);
	sqlite3_finalize(b);
}

static void sqlite_load_values(struct store *s, void (*each)(void *arg, const struct store_value *v), void *arg)
{
	struct sqlite *q = (struct sqlite *)s;
	sqlite3_stmt *st = NULL;
	int rc = sqlite3_prepare_v2(q->db, "SELECT id,key,value FROM db ORDER BY id", -1, &st, NULL);

	while (rc == SQLITE_OK && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		struct store_value v = { .id = (uint64_t)sqlite3_column_int64(st, 0) };
		int at = 1;

		v.key = text_at(st, &at);
		v.value = text_at(st, &at);
		each(arg, &v);
		rc = SQLITE_OK;
	}
	if (rc != SQLITE_DONE)
		trace(EV_STORE, NULL, "values cannot be read: %s", sqlite3_errmsg(q->db));
	sqlite3_finalize(st);
}

/* ---- opening and closing ---- */

static void close_db(struct sqlite *q)
{
	for (int i = 0; i < STATEMENTS; i++)
		sqlite3_finalize(q->st[i]);
	sqlite3_close(q->db);
	spares_free(&q->store.spares);
	free(q);
}

/* Not while the pool works with it. */
static void sqlite_rest(struct store *s)
{
	struct sqlite *q = (struct sqlite *)s;

	if (!q->busy)
		sqlite3_db_release_memory(q->db);
}

static void sqlite_close(struct store *s)
{
	struct sqlite *q = (struct sqlite *)s;

	q->closing = true;
	io_work_wait(q->loop);
	clock_stop(io_clock(q->loop), &q->due);
	q->batch = q->pending;
	q->pending = (struct table){ 0 };
	q->error[0] = '\0';
	if (q->batch.n)
		write_batch(q);
	if (q->error[0])
		trace(EV_STORE, NULL, "%zu changes are lost: %s", q->batch.n, q->error);
	changes_free(&q->store, &q->batch);
	close_db(q);
}

static int number_of(sqlite3 *db, const char *question, int64_t *v)
{
	sqlite3_stmt *st = NULL;
	int rc = sqlite3_prepare_v2(db, question, -1, &st, NULL);

	*v = 0;
	if (rc == SQLITE_OK && (rc = sqlite3_step(st)) == SQLITE_ROW)
		*v = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

#define TABLES                                                                                                 \
	"CREATE TABLE IF NOT EXISTS contact(id INTEGER PRIMARY KEY," CONTACT_TEXTS(                            \
		TEXT_COLUMN) "via_port INTEGER,prune_on_boot INTEGER);"                                        \
			     "CREATE TABLE IF NOT EXISTS refresh(id INTEGER PRIMARY KEY,cseq INTEGER,expires " \
			     "INTEGER);"                                                                       \
			     "CREATE TABLE IF NOT EXISTS db(id INTEGER PRIMARY KEY,key TEXT NOT NULL,value "   \
			     "TEXT NOT NULL);"                                                                 \
			     "PRAGMA user_version=2;"

/* Version 1 had one table, keyed by AOR and URI. */
static const char from_version_1[] =
	"BEGIN IMMEDIATE;"
	"ALTER TABLE contact RENAME TO contact1;" TABLES "INSERT INTO contact SELECT rowid," CONTACT_TEXTS(
		COLUMN) "via_port,prune_on_boot FROM contact1;"
			"INSERT INTO refresh SELECT rowid,cseq,expires FROM contact1;"
			"DROP TABLE contact1;"
			"DROP TABLE IF EXISTS value;"
			"COMMIT;";

static int prepare_one(struct sqlite *q, enum statement i)
{
	char text[1024];
	struct out o = out_fixed(text, sizeof text);

	out_str(&o, sql[i].sql);
	for (int row = 0; sql[i].row && row < ROWS; row++)
		out_all(&o, row ? "," : "", sql[i].row);
	BUG_ON(out_done(&o) < 0);
	return sqlite3_prepare_v3(q->db, o.p, (int)o.n, SQLITE_PREPARE_PERSISTENT, &q->st[i], NULL);
}

static int prepare(struct sqlite *q, int64_t version)
{
	static const char settings[] = "PRAGMA journal_mode=WAL;"
				       "PRAGMA synchronous=NORMAL;"
				       "PRAGMA cache_size=-32768;"
				       "PRAGMA wal_autocheckpoint=4000;";
	int64_t last;
	int rc;

	sqlite3_busy_timeout(q->db, 2000);
	rc = sqlite3_exec(q->db, settings, NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(q->db, version == 1 ? from_version_1 : TABLES, NULL, NULL, NULL);
	for (int i = 0; i < STATEMENTS && rc == SQLITE_OK; i++)
		rc = prepare_one(q, (enum statement)i);
	if (rc == SQLITE_OK)
		rc = number_of(q->db, "SELECT max(id) FROM (SELECT id FROM contact UNION ALL SELECT id FROM db)",
			       &last);
	q->store.last_id = rc == SQLITE_OK ? (uint64_t)last : 0;
	return rc;
}

struct store *store_sqlite(struct io_loop *loop, const char *path, char **why)
{
	static const struct backend backend = { sqlite_changed, sqlite_load, sqlite_load_values, sqlite_rest,
						sqlite_close };
	/* one thread at a time is ours to see to: the batch, or, while there is none, the signalling thread */
	const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
	mode_t mask = umask(0077); /* contacts are nobody else's business */
	struct sqlite *q = xcalloc(1, sizeof *q);
	int64_t version = 0;
	int rc = sqlite3_open_v2(path, &q->db, flags, NULL);

	if (rc == SQLITE_OK)
		rc = number_of(q->db, "PRAGMA user_version", &version);
	if (rc == SQLITE_OK && version <= SCHEMA)
		rc = prepare(q, version);
	umask(mask);
	if (rc != SQLITE_OK || version > SCHEMA) {
		*why = version > SCHEMA ? xasprintf("%s: written by a newer hairpin", path)
					: xasprintf("%s: %s", path, q->db ? sqlite3_errmsg(q->db) : "out of memory");
		close_db(q);
		return NULL;
	}
	q->store.backend = &backend;
	q->loop = loop;
	q->due.fire = start_batch;
	return &q->store;
}
