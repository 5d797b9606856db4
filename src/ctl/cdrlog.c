/*
 * ctl/cdrlog.c: writes records of calls, as Asterisk's cdr_csv does: Master.csv and a file for each account. Lines are
 * gathered for a second and written by a thread of the pool, one batch at a time, so that a call never waits for a
 * disk. What a disk does not take is tried again; beyond MOST bytes new lines are dropped, which the log says once.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/trace.h"
#include "ctl/priv.h"
#include "io/io.h"

#define GATHER 1000       /* ms: what a kill -9 can take */
#define MOST   (4u << 20) /* bytes that wait */

struct cdr_line {
	struct cdr_line *next;
	const char *account; /* of the same block; "": Master.csv alone */
	size_t n;
	char text[];
};

struct cdr_lines {
	struct cdr_line *first, **last;
	size_t bytes;
};

struct cdrlog {
	struct io_loop *loop;
	struct timer due;
	struct cdr_lines waiting, batch; /* batch: the pool's, while busy */
	char *dir;                       /* of the batch */
	bool busy, told, dropped;
	int err; /* of the batch */
};

static void lines_init(struct cdr_lines *l)
{
	*l = (struct cdr_lines){ 0 };
	l->last = &l->first;
}

static void lines_free(struct cdr_lines *l)
{
	while (l->first) {
		struct cdr_line *line = l->first;

		l->first = line->next;
		free(line);
	}
	lines_init(l);
}

/* ---- the pool ---- */

/* An account's name is a file's: none that leads elsewhere. */
static bool is_file_name(const char *name)
{
	return name[0] && name[0] != '.' && !strchr(name, '/');
}

static int put(int fd, const char *text, size_t n)
{
	while (n) {
		ssize_t did = write(fd, text, n);

		if (did < 0 && errno != EINTR)
			return errno;
		if (did > 0) {
			text += did;
			n -= (size_t)did;
		}
	}
	return 0;
}

static int open_file(const char *dir, const char *name)
{
	char *path = xasprintf("%s/%s.csv", dir, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0640);

	free(path);
	return fd;
}

/* One line of an account; its file is opened for it: accounts are many, their calls few. */
static void put_account(const char *dir, const struct cdr_line *line)
{
	int fd = is_file_name(line->account) ? open_file(dir, line->account) : -1;

	if (fd < 0)
		return;
	put(fd, line->text, line->n);
	close(fd);
}

/* What was written leaves the batch; half a line is taken back, so that it is not there twice. */
static int write_lines(struct cdrlog *l, int fd)
{
	while (l->batch.first) {
		struct cdr_line *line = l->batch.first;
		off_t at = lseek(fd, 0, SEEK_END);
		int err = put(fd, line->text, line->n);

		if (err) {
			if (at >= 0 && ftruncate(fd, at) < 0)
				return err;
			return err;
		}
		put_account(l->dir, line);
		l->batch.first = line->next;
		l->batch.bytes -= line->n;
		free(line);
	}
	l->batch.last = &l->batch.first;
	return 0;
}

static void work(void *arg)
{
	struct cdrlog *l = arg;
	int fd;

	mkdir(l->dir, 0750);
	fd = open_file(l->dir, "Master");
	l->err = fd < 0 ? errno : write_lines(l, fd);
	if (fd >= 0)
		close(fd);
}

/* ---- the loop ---- */

static void hand_out(struct cdrlog *l);

static void put_back(struct cdrlog *l)
{
	if (!l->batch.first)
		return;
	while (*l->batch.last)
		l->batch.last = &(*l->batch.last)->next;
	*l->batch.last = l->waiting.first;
	if (!l->waiting.first)
		l->waiting.last = l->batch.last;
	l->waiting.first = l->batch.first;
	l->waiting.bytes += l->batch.bytes;
	lines_init(&l->batch);
}

static void done(void *arg)
{
	struct cdrlog *l = arg;

	l->busy = false;
	put_back(l);
	if (l->err && !l->told)
		trace(EV_STORE, NULL, "records of calls: %s/Master.csv: %s", l->dir, strerror(l->err));
	l->told = l->err != 0;
	if (l->waiting.first)
		clock_in(io_clock(l->loop), &l->due, GATHER);
}

static void hand_out(struct cdrlog *l)
{
	l->batch = l->waiting;
	if (!l->batch.first)
		l->batch.last = &l->batch.first;
	lines_init(&l->waiting);
	l->busy = true;
	io_work(l->loop, work, done, l);
}

static void on_due(struct timer *t, ms_t now UNUSED)
{
	struct cdrlog *l = container_of(t, struct cdrlog, due);

	if (!l->busy && l->waiting.first)
		hand_out(l);
}

struct cdrlog *cdrlog_new(struct io_loop *loop)
{
	struct cdrlog *l = xcalloc(1, sizeof *l);

	l->loop = loop;
	l->due.fire = on_due;
	l->dir = xstrdup("");
	lines_init(&l->waiting);
	lines_init(&l->batch);
	return l;
}

void cdrlog_put(struct cdrlog *l, const char *dir, struct span text, const char *account)
{
	size_t n = strlen(account) + 1;
	struct cdr_line *line;

	if (l->waiting.bytes + text.n > MOST) {
		if (!l->dropped)
			trace(EV_STORE, NULL, "records of calls: too many wait for the disk; new ones are dropped");
		l->dropped = true;
		return;
	}
	if (!l->busy && strcmp(l->dir, dir) != 0) {
		free(l->dir);
		l->dir = xstrdup(dir);
	}
	l->dropped = false;
	line = xmalloc(sizeof *line + text.n + n);
	line->next = NULL;
	line->n = text.n;
	memcpy(line->text, text.p, text.n);
	line->account = memcpy(line->text + text.n, account, n);
	*l->waiting.last = line;
	l->waiting.last = &line->next;
	l->waiting.bytes += text.n;
	if (!l->busy && !timer_runs(&l->due))
		clock_in(io_clock(l->loop), &l->due, GATHER);
}

void cdrlog_free(struct cdrlog **at)
{
	struct cdrlog *l = *at;

	if (!l)
		return;
	io_work_wait(l->loop);
	clock_stop(io_clock(l->loop), &l->due);
	if (l->waiting.first) {
		hand_out(l);
		io_work_wait(l->loop);
		clock_stop(io_clock(l->loop), &l->due);
	}
	lines_free(&l->waiting);
	lines_free(&l->batch);
	free(l->dir);
	free(l);
	*at = NULL;
}
