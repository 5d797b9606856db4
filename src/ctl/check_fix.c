/*
 * ctl/check_fix.c: `hairpin check --fix`. A mend may uncover what was hidden before, so the mended texts are read and
 * judged again, in memory, until nothing is left to mend. Then the difference is shown, and written when asked.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/edit.h"
#include "ctl/check.h"

#define ROUNDS 8

struct mended {     /* a file that is changed */
	char *path; /* as findings name it */
	struct conf_doc *doc;
	int round; /* in which it was last mended */
};

struct mend {
	const struct ctl_check *k;
	const struct conf_source *source;
	struct mended *v;
	size_t n;
	int round;
};

/* ---- the files as they would be ---- */

static struct mended *find(struct mend *m, const char *path)
{
	for (size_t i = 0; i < m->n; i++)
		if (strcmp(m->v[i].path, path) == 0)
			return &m->v[i];
	return NULL;
}

static bool read_mended(void *arg, const char *path, struct out *o)
{
	struct mend *m = arg;
	struct mended *f = find(m, path);

	if (!f)
		return m->source->read(m->source->arg, path, o);
	conf_doc_out(f->doc, o);
	return true;
}

static void glob_mended(void *arg, const char *pattern, void (*each)(void *ctx, const char *path), void *ctx)
{
	struct mend *m = arg;

	m->source->glob(m->source->arg, pattern, each, ctx);
}

/* The file's lines, read when it is first mended; NULL when it cannot be read. */
static struct mended *to_mend(struct mend *m, const char *path)
{
	struct mended *f = find(m, path);
	struct out o = out_growing();

	if (!f && m->source->read(m->source->arg, path, &o)) {
		m->v = xrealloc(m->v, (m->n + 1) * sizeof m->v[0]);
		f = &m->v[m->n++];
		*f = (struct mended){ xstrdup(path), conf_doc_new(out_look(&o)), 0 };
	}
	if (o.n)
		explicit_bzero(o.p, o.n);
	out_free(&o);
	return f;
}

/* All edits of one file, in the findings' order. */
static size_t mend_file(struct conf_doc *doc, const char *path, const struct lint *l)
{
	struct conf_edit *edits = xcalloc(l->n, sizeof *edits);
	size_t n = 0, changed;

	for (size_t i = 0; i < l->n; i++) {
		const struct finding *f = &l->v[i];

		if (f->fix_option && f->line && strcmp(f->file, path) == 0)
			edits[n++] = (struct conf_edit){ f->line, f->in_place, f->fix_option, f->fix_value };
	}
	changed = conf_doc_edit(doc, edits, n);
	free(edits);
	return changed;
}

/* False when nothing changed. */
static bool mend_once(struct mend *m)
{
	struct conf_source source = { read_mended, glob_mended, m };
	struct diag why = { 0 };
	struct conf *c = conf_load_placed(&source, &why);
	struct lint l = { 0 };
	size_t changed = 0;

	m->round++;
	if (c)
		check_lint(m->k, c, &l);
	for (size_t i = 0; i < l.n; i++) {
		struct mended *f = l.v[i].fix_option && l.v[i].line ? to_mend(m, l.v[i].file) : NULL;

		if (!f || f->round == m->round)
			continue;
		f->round = m->round;
		changed += mend_file(f->doc, f->path, &l);
	}
	lint_free(&l);
	conf_unref(c);
	diag_free(&why);
	return changed > 0;
}

/* ---- writing ---- */

static int write_all(int fd, struct span s)
{
	while (s.n) {
		ssize_t n = write(fd, s.p, s.n);

		if (n < 0 && errno != EINTR)
			return -errno;
		s = span_from(s, n > 0 ? (size_t)n : 0);
	}
	return fsync(fd) < 0 ? -errno : 0;
}

/* A new file of the same owner and mode takes the place of the old one, which stays as PATH~. */
static int replace_file(const char *path, struct span text)
{
	char *fresh = xasprintf("%s.new", path), *old = xasprintf("%s~", path);
	struct stat st;
	int fd = -1, err = 0;

	if (stat(path, &st) < 0 || (fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)) < 0)
		err = -errno;
	if (!err && (fchown(fd, st.st_uid, st.st_gid) < 0 || fchmod(fd, st.st_mode & 07777) < 0))
		err = -errno;
	if (!err)
		err = write_all(fd, text);
	if (fd >= 0)
		close(fd);
	if (!err && ((unlink(old) < 0 && errno != ENOENT) || link(path, old) < 0 || rename(fresh, path) < 0))
		err = -errno;
	if (err && fd >= 0)
		unlink(fresh);
	free(fresh);
	free(old);
	return err;
}

static int write_file(const struct mend *m, const struct mended *f)
{
	char *path = f->path[0] == '/' ? xstrdup(f->path) : xasprintf("%s/%s", m->k->dir, f->path);
	char *real = realpath(path, NULL); /* a link stays a link */
	struct out o = out_growing();
	int err;

	conf_doc_out(f->doc, &o);
	err = real ? replace_file(real, out_look(&o)) : -errno;
	if (err)
		fprintf(stderr, "hairpin: cannot write %s: %s\n", path, strerror(-err));
	if (o.n)
		explicit_bzero(o.p, o.n);
	out_free(&o);
	free(real);
	free(path);
	return err;
}

/* Shows the difference; true when there is one. */
static bool show(const struct mended *f)
{
	struct out o = out_growing();
	bool any;

	conf_doc_diff(f->doc, f->path, &o);
	fwrite(o.p, 1, o.n, stdout);
	any = o.n > 0;
	out_free(&o);
	return any;
}

int check_fix(const struct ctl_check *k, const struct conf_source *source)
{
	struct mend m = { .k = k, .source = source };
	int err = 0;

	while (m.round < ROUNDS && mend_once(&m))
		;
	for (size_t i = 0; i < m.n; i++) {
		if (show(&m.v[i]) && k->write && write_file(&m, &m.v[i]) < 0)
			err = -1;
		conf_doc_free(m.v[i].doc);
		free(m.v[i].path);
	}
	free(m.v);
	return err;
}
