/*
 * ctl/calllog.c: the call record: one line of JSON for each call that has ended, with its verdict, in the file that
 * call_log names. At ROTATE bytes the file becomes FILE.1, and the one before that is gone.
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/trace.h"
#include "ctl/priv.h"

#define ROTATE (64l << 20)
#define FLUSH  1000 /* ms: what a kill -9 can take */

struct calllog {
	struct clock *clock;
	char *path;
	FILE *file;
	long size;
	bool told; /* that it cannot be written; until it can */
	struct timer flush;
};

static void shut(struct calllog *l)
{
	if (l->file)
		fclose(l->file);
	l->file = NULL;
}

/* The next call tries again. */
static void fail(struct calllog *l, int err)
{
	if (!l->told)
		trace(EV_STORE, NULL, "call_log: %s: %s", l->path, strerror(err));
	l->told = true;
	shut(l);
}

static void on_flush(struct timer *t, ms_t now UNUSED)
{
	struct calllog *l = container_of(t, struct calllog, flush);

	if (l->file && fflush(l->file) != 0)
		fail(l, errno);
	else if (l->file)
		l->told = false;
}

/* A disk may have been full in the middle of a line. */
static void end_last_line(const struct calllog *l)
{
	char last = '\n';

	if (l->size && pread(fileno(l->file), &last, 1, l->size - 1) == 1 && last != '\n')
		fputc('\n', l->file);
}

/* Readable by us alone: who called whom is nobody else's business. */
static bool open_file(struct calllog *l)
{
	int fd = open(l->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	struct stat st;

	if (fd >= 0 && (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))) {
		close(fd);
		fd = -1;
		errno = EINVAL;
	}
	l->file = fd < 0 ? NULL : fdopen(fd, "a");
	if (!l->file)
		fail(l, errno);
	l->size = l->file ? (long)st.st_size : 0;
	if (l->file)
		end_last_line(l);
	return l->file != NULL;
}

static void rotate(struct calllog *l)
{
	char *old = xasprintf("%s.1", l->path);

	shut(l);
	rename(l->path, old);
	free(old);
}

void calllog_put(struct calllog *l, const struct pbx_why_info *i)
{
	json_t *j;
	char *line;

	if (!l->file && !open_file(l))
		return;
	j = why_json(i);
	line = json_dumps(j, JSON_COMPACT);
	json_decref(j);
	if (line) {
		l->size += (long)strlen(line) + 1;
		if (fprintf(l->file, "%s\n", line) < 0)
			fail(l, errno);
	}
	free(line);
	if (!timer_runs(&l->flush))
		clock_in(l->clock, &l->flush, FLUSH);
	if (l->file && l->size > ROTATE)
		rotate(l);
}

struct calllog *calllog_new(struct clock *clock, const char *path)
{
	struct calllog *l = xcalloc(1, sizeof *l);

	l->clock = clock;
	l->path = xstrdup(path);
	l->flush.fire = on_flush;
	return l;
}

bool calllog_is(const struct calllog *l, const char *path)
{
	return l ? strcmp(l->path, path) == 0 : !path[0];
}

void calllog_free(struct calllog **at)
{
	struct calllog *l = *at;

	if (!l)
		return;
	clock_stop(l->clock, &l->flush);
	shut(l);
	free(l->path);
	free(l);
	*at = NULL;
}
