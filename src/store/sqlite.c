/*
 * store/sqlite.c: the embedded store: one SQLite file, written behind.
 *
 * At most one batch is under way on the loop's pool, in one transaction; what changes meanwhile becomes the next batch,
 * which starts as soon as this one ended. So an idle server writes each change at once, and a busy one writes each
 * contact once per batch however often it changed. WAL with synchronous=NORMAL never waits for the disk on a commit:
 * a kill -9 loses at most the batch under way, a power cut at most the last moments; neither harms the file.
 * A batch that fails (disk full) is put back behind what is newer and tried again.
 */
#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/trace.h"
#include "io/io.h"
#include "store/priv.h"

#define RETRY_AFTER 1000 /* ms */
#define SCHEMA      1    /* PRAGMA user_version; a higher one is a newer hairpin's */

struct sqlite {
	struct store store;
	struct io_loop *loop;
	sqlite3 *db;
	struct change *pending; /* not yet handed out */
	struct change *batch;   /* under way: the pool reads it, nobody changes it */
	bool busy, closing;
	char error[200]; /* of the batch; "" when it was written */
	struct timer retry;
};

/* ---- writing: thread pool ---- */

#define COLUMN(f) #f ","
#define PUT_SQL                               \
	"INSERT INTO contact(" CONTACT_TEXTS( \
		COLUMN) "cseq,via_port,expires,prune_on_boot) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) "
#define REFRESH(f) #f "=excluded." #f ","
#define ON_CONFLICT                                                                                              \
	"ON CONFLICT(aor,uri) DO UPDATE SET " CONTACT_TEXTS(                                                     \
		REFRESH) "cseq=excluded.cseq,via_port=excluded.via_port,expires=excluded.expires,prune_on_boot=" \
			 "excluded.prune_on_boot"
#define DEL_SQL "DELETE FROM contact WHERE aor=? AND uri=?"
#define SET_SQL "INSERT INTO value(name,value) VALUES(?,?) ON CONFLICT(name) DO UPDATE SET value=excluded.value"

static void bind_text(sqlite3_stmt *st, int *at, const char *s)
{
	sqlite3_bind_text(st, (*at)++, s, -1, SQLITE_STATIC);
}

static void bind_contact(sqlite3_stmt *st, const struct store_contact *c)
{
	int at = 1;

#define X(f) bind_text(st, &at, c->f);
	CONTACT_TEXTS(X)
#undef X
	sqlite3_bind_int64(st, at++, c->cseq);
	sqlite3_bind_int64(st, at++, c->via_port);
	sqlite3_bind_int64(st, at++, c->expires);
	sqlite3_bind_int64(st, at, c->prune_on_boot);
}

static int write_change(sqlite3_stmt *const st[], const struct change *c)
{
	sqlite3_stmt *s = st[c->kind];
	int at = 1, rc;

	if (c->kind == PUT_CONTACT) {
		bind_contact(s, &c->contact);
	} else {
		bind_text(s, &at, c->kind == SET_VALUE ? c->name : c->contact.aor);
		bind_text(s, &at, c->kind == SET_VALUE ? c->value : c->contact.uri);
	}
	rc = sqlite3_step(s);
	sqlite3_reset(s);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int write_all(struct sqlite *q)
{
	static const char *const sql[] = {
		[PUT_CONTACT] = PUT_SQL ON_CONFLICT, [DEL_CONTACT] = DEL_SQL, [SET_VALUE] = SET_SQL
	};
	sqlite3_stmt *st[ARRAY_LEN(sql)] = { NULL };
	struct change *c, *next;
	int rc = sqlite3_exec(q->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);

	for (size_t i = 0; i < ARRAY_LEN(sql) && rc == SQLITE_OK; i++)
		rc = sqlite3_prepare_v2(q->db, sql[i], -1, &st[i], NULL);
	HASH_ITER(hh, q->batch, c, next)
		if (rc == SQLITE_OK)
			rc = write_change(st, c);
	for (size_t i = 0; i < ARRAY_LEN(sql); i++)
		sqlite3_finalize(st[i]);
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

static void start_batch(struct sqlite *q);

/* What failed goes back, but never over something newer. */
static void put_back(struct sqlite *q)
{
	struct change *newer = q->pending, *c, *next;

	q->pending = q->batch;
	q->batch = NULL;
	HASH_ITER(hh, newer, c, next) {
		HASH_DEL(newer, c);
		change_add(&q->pending, c);
	}
}

static void batch_done(void *arg)
{
	struct sqlite *q = arg;

	q->busy = false;
	if (q->error[0]) {
		trace(EV_STORE, NULL, "%u changes are not written, again in %d s: %s", HASH_COUNT(q->batch),
		      RETRY_AFTER / 1000, q->error);
		put_back(q);
		clock_in(io_clock(q->loop), &q->retry, RETRY_AFTER);
		return;
	}
	changes_free(&q->batch);
	if (!q->closing)
		start_batch(q);
}

static void start_batch(struct sqlite *q)
{
	if (q->busy || !q->pending || timer_runs(&q->retry))
		return;
	q->batch = q->pending;
	q->pending = NULL;
	q->busy = true;
	io_work(q->loop, write_batch, batch_done, q);
}

static void on_retry(struct timer *t, ms_t now UNUSED)
{
	start_batch(container_of(t, struct sqlite, retry));
}

static void sqlite_changed(struct store *s, struct change *c)
{
	struct sqlite *q = (struct sqlite *)s;

	change_add(&q->pending, c);
	start_batch(q);
}

/* ---- reading: at the start ---- */

static const char *text_at(sqlite3_stmt *st, int *at)
{
	const char *s = (const char *)sqlite3_column_text(st, (*at)++);

	return s ? s : "";
}

static struct store_contact contact_at(sqlite3_stmt *st)
{
	struct store_contact c = { 0 };
	int at = 0;

#define X(f) c.f = text_at(st, &at);
	CONTACT_TEXTS(X)
#undef X
	c.cseq = (uint32_t)sqlite3_column_int64(st, at++);
	c.via_port = (uint16_t)sqlite3_column_int64(st, at++);
	c.expires = sqlite3_column_int64(st, at++);
	c.prune_on_boot = sqlite3_column_int(st, at) != 0;
	return c;
}

static void sqlite_load(struct store *s, void (*each)(void *arg, const struct store_contact *c), void *arg)
{
	static const char sql[] =
		"SELECT " CONTACT_TEXTS(COLUMN) "cseq,via_port,expires,prune_on_boot FROM contact ORDER BY rowid";
	struct sqlite *q = (struct sqlite *)s;
	sqlite3_stmt *st = NULL;
	int rc = sqlite3_prepare_v2(q->db, sql, -1, &st, NULL);

	while (rc == SQLITE_OK && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		struct store_contact c = contact_at(st);

		each(arg, &c);
		rc = SQLITE_OK;
	}
	if (rc != SQLITE_DONE)
		trace(EV_STORE, NULL, "contacts cannot be read: %s", sqlite3_errmsg(q->db));
	sqlite3_finalize(st);
}

static char *get_unwritten(struct sqlite *q, const char *name)
{
	struct change *wanted = change_value(name, ""), *found;

	HASH_FIND(hh, q->pending, wanted->key, wanted->key_n, found);
	if (!found)
		HASH_FIND(hh, q->batch, wanted->key, wanted->key_n, found);
	change_free(wanted);
	return found ? xstrdup(found->value) : NULL;
}

static char *sqlite_get(struct store *s, const char *name)
{
	struct sqlite *q = (struct sqlite *)s;
	char *value = get_unwritten(q, name);
	sqlite3_stmt *st = NULL;

	if (value)
		return value;
	if (sqlite3_prepare_v2(q->db, "SELECT value FROM value WHERE name=?", -1, &st, NULL) != SQLITE_OK)
		return NULL;
	sqlite3_bind_text(st, 1, name, -1, SQLITE_STATIC);
	if (sqlite3_step(st) == SQLITE_ROW)
		value = xstrdup((const char *)sqlite3_column_text(st, 0));
	sqlite3_finalize(st);
	return value;
}

/* ---- opening and closing ---- */

static void sqlite_close(struct store *s)
{
	struct sqlite *q = (struct sqlite *)s;

	q->closing = true;
	io_work_wait(q->loop);
	clock_stop(io_clock(q->loop), &q->retry);
	q->batch = q->pending;
	q->pending = NULL;
	q->error[0] = '\0';
	if (q->batch)
		write_batch(q);
	if (q->error[0])
		trace(EV_STORE, NULL, "%u changes are lost: %s", HASH_COUNT(q->batch), q->error);
	changes_free(&q->batch);
	sqlite3_close(q->db);
	free(q);
}

#define TEXT_COLUMN(f) #f " TEXT NOT NULL,"

static int prepare(sqlite3 *db)
{
	static const char sql[] =
		"PRAGMA journal_mode=WAL;"
		"PRAGMA synchronous=NORMAL;"
		"CREATE TABLE IF NOT EXISTS contact(" CONTACT_TEXTS(
			TEXT_COLUMN) "cseq INTEGER,via_port INTEGER,expires INTEGER,prune_on_boot INTEGER,"
				     "UNIQUE(aor,uri));"
				     "CREATE TABLE IF NOT EXISTS value(name TEXT PRIMARY KEY,value TEXT NOT NULL);"
				     "PRAGMA user_version=1;";

	sqlite3_busy_timeout(db, 2000);
	return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

static int version_of(sqlite3 *db)
{
	sqlite3_stmt *st = NULL;
	int v = 0;

	if (sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &st, NULL) == SQLITE_OK && sqlite3_step(st) == SQLITE_ROW)
		v = sqlite3_column_int(st, 0);
	sqlite3_finalize(st);
	return v;
}

struct store *store_sqlite(struct io_loop *loop, const char *path, char **why)
{
	static const struct backend backend = { sqlite_changed, sqlite_load, sqlite_get, sqlite_close };
	const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_FULLMUTEX;
	mode_t mask = umask(0077); /* contacts are nobody else's business */
	struct sqlite *q;
	sqlite3 *db = NULL;
	int rc = sqlite3_open_v2(path, &db, flags, NULL), version = 0;

	if (rc == SQLITE_OK && (version = version_of(db)) <= SCHEMA)
		rc = prepare(db);
	umask(mask);
	if (rc != SQLITE_OK || version > SCHEMA) {
		*why = version > SCHEMA ? xasprintf("%s: written by a newer hairpin", path)
					: xasprintf("%s: %s", path, db ? sqlite3_errmsg(db) : "out of memory");
		sqlite3_close(db);
		return NULL;
	}
	q = xcalloc(1, sizeof *q);
	q->store.backend = &backend;
	q->loop = loop;
	q->db = db;
	q->retry.fire = on_retry;
	return &q->store;
}
