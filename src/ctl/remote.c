/*
 * ctl/remote.c: the client's half: one command, or a console with history and completion.
 *
 * libedit reads the terminal through our own read_char(), which also watches the socket: log lines of the server are
 * printed above the line that is being typed.
 */
#include <dlfcn.h>
#include <errno.h>
#include <histedit.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/priv.h"

/*
 * libedit brings three libraries with it, 0.4 MB of memory that a server has no use for. So it is loaded by who types
 * at a console; it stays, and asking again costs little.
 */
struct libedit {
	__typeof__(el_init) *init;
	__typeof__(el_end) *end;
	__typeof__(el_get) *get;
	__typeof__(el_set) *set;
	__typeof__(el_gets) *read_line;
	__typeof__(el_line) *line;
	__typeof__(el_insertstr) *insertstr;
	__typeof__(history_init) *history_init;
	__typeof__(history_end) *history_end;
	__typeof__(history) *history;
};

static bool libedit_load(struct libedit *e)
{
	void *so = dlopen("libedit.so.2", RTLD_NOW | RTLD_LOCAL);
	const struct {
		void **to;
		const char *name;
	} all[] = { { (void **)&e->init, "el_init" },
		    { (void **)&e->end, "el_end" },
		    { (void **)&e->get, "el_get" },
		    { (void **)&e->set, "el_set" },
		    { (void **)&e->read_line, "el_gets" },
		    { (void **)&e->line, "el_line" },
		    { (void **)&e->insertstr, "el_insertstr" },
		    { (void **)&e->history_init, "history_init" },
		    { (void **)&e->history_end, "history_end" },
		    { (void **)&e->history, "history" } };
	bool whole = so;

	for (size_t i = 0; whole && i < ARRAY_LEN(all); i++)
		whole = (*all[i].to = dlsym(so, all[i].name));
	return whole;
}

struct remote {
	int fd;
	struct libedit edit;
	EditLine *el;
	History *history;
	bool lost; /* the server went away */
	char prompt[16];
};

static int ask(struct remote *r, char kind, struct span text)
{
	struct out o = out_growing();
	int err;

	out_char(&o, kind);
	out_char(&o, ' ');
	for (size_t i = 0; i < text.n; i++)
		out_char(&o, text.p[i] == '\n' ? ' ' : text.p[i]);
	err = io_console_ask(r->fd, out_look(&o));
	out_free(&o);
	return err;
}

/* Reads frames up to the end of an answer. Its output goes to `o` (NULL: to stdout). Returns the exit status. */
static int answer(struct remote *r, struct out *o)
{
	for (;;) {
		struct out text = out_growing();
		char kind = 0;
		int err = io_console_read(r->fd, &kind, &text), status = 1;

		if (!err && kind == FRAME_OUTPUT && o)
			out_span(o, out_look(&text));
		else if (!err && kind != FRAME_END)
			fwrite(text.p, 1, text.n, stdout);
		else if (!err)
			status = span_is(out_look(&text), "0") ? 0 : 1;
		out_free(&text);
		if (err)
			r->lost = true;
		if (err || kind == FRAME_END)
			return status;
	}
}

static int connect_to(const char *path)
{
	int fd = io_console_open(path);

	if (fd == -EACCES || fd == -EPERM)
		fprintf(stderr, "hairpin: %s: you may not open it\n", path);
	else if (fd < 0)
		fprintf(stderr, "Unable to connect to remote hairpin (does %s exist?)\n", path);
	return fd;
}

int ctl_remote_command(const char *path, const char *line)
{
	struct remote r = { .fd = connect_to(path) };
	int status = 1;

	if (r.fd < 0)
		return 1;
	if (ask(&r, ASK_RUN, span_of(line)) == 0)
		status = answer(&r, NULL);
	fflush(stdout);
	close(r.fd);
	return status;
}

#define MEASURED 6 /* s: what pbx_measure() promises */

void ctl_remote_measure(const char *path)
{
	struct remote r = { .fd = connect_to(path) };
	struct out o = out_growing();

	if (r.fd < 0)
		return;
	if (ask(&r, ASK_RUN, SPAN("doctor measure")) == 0 && answer(&r, &o) == 0)
		sleep(MEASURED);
	else
		fprintf(stderr, "%.*s", (int)o.n, o.p);
	out_free(&o);
	close(r.fd);
}

/* ---- the console ---- */

static struct remote *remote_of(EditLine *el)
{
	struct remote *r = NULL;
	struct libedit edit;

	if (libedit_load(&edit))
		edit.get(el, EL_CLIENTDATA, &r);
	return r;
}

static char *prompt(EditLine *el)
{
	return remote_of(el)->prompt;
}

/* One frame that came while the user types. */
static void show_log(struct remote *r)
{
	struct out text = out_growing();
	char kind = 0;

	if (io_console_read(r->fd, &kind, &text) < 0) {
		r->lost = true;
	} else if (kind == FRAME_LOG) {
		fputs("\r\033[K", stdout);
		fwrite(text.p, 1, text.n, stdout);
		fflush(stdout);
		r->edit.set(r->el, EL_REFRESH);
	}
	out_free(&text);
}

/* For libedit: 1 with a character, 0 at the end of input. */
static int read_char(EditLine *el, wchar_t *out)
{
	struct remote *r = remote_of(el);
	unsigned char c;

	while (!r->lost) {
		struct pollfd p[2] = { { STDIN_FILENO, POLLIN, 0 }, { r->fd, POLLIN, 0 } };

		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return 0;
		if (p[1].revents)
			show_log(r);
		if (!p[0].revents)
			continue;
		if (read(STDIN_FILENO, &c, 1) != 1)
			return 0;
		*out = (wchar_t)c;
		return 1;
	}
	return 0;
}

/* What all candidates begin with, beyond what is typed. */
static struct span common_part(struct span words)
{
	struct span best = SPAN_NONE, one;

	while (span_cut(&words, '\n', &one)) {
		if (!best.p)
			best = one;
		while (best.n && !span_istarts(one, best))
			best.n--;
	}
	return best;
}

static void list_words(struct remote *r, struct span words)
{
	struct span one;

	putchar('\n');
	while (span_cut(&words, '\n', &one))
		printf("%-24.*s ", SP(one));
	putchar('\n');
	fflush(stdout);
	r->edit.set(r->el, EL_REFRESH);
}

static unsigned char complete(EditLine *el, int ch UNUSED)
{
	struct remote *r = remote_of(el);
	const LineInfo *li = r->edit.line(el);
	struct span line = { li->buffer, (size_t)(li->cursor - li->buffer) }, words, common;
	struct out o = out_growing();
	size_t begun = 0;
	char insert[256];

	while (begun < line.n && line.p[line.n - begun - 1] != ' ')
		begun++;
	if (ask(r, ASK_COMPLETE, line) < 0 || answer(r, &o) != 0 || !o.n) {
		out_free(&o);
		return CC_ERROR;
	}
	words = span_trim(out_look(&o));
	common = common_part(words);
	if (span_chr(words, '\n') < 0) {
		snprintf(insert, sizeof insert, "%.*s ", SP(span_from(common, begun)));
		r->edit.insertstr(el, insert);
	} else if (common.n > begun) {
		span_copy(span_from(common, begun), insert, sizeof insert);
		r->edit.insertstr(el, insert);
	} else {
		list_words(r, words);
	}
	out_free(&o);
	return CC_REFRESH;
}

static bool console_open(struct remote *r)
{
	const struct libedit *e = &r->edit;
	HistEvent ev;

	if (!libedit_load(&r->edit))
		return false;
	r->el = e->init("hairpin", stdin, stdout, stderr);
	r->history = e->history_init();
	e->history(r->history, &ev, H_SETSIZE, 500);
	e->history(r->history, &ev, H_SETUNIQUE, 1);
	e->set(r->el, EL_CLIENTDATA, r);
	e->set(r->el, EL_PROMPT, prompt);
	e->set(r->el, EL_EDITOR, "emacs");
	e->set(r->el, EL_SIGNAL, 1);
	e->set(r->el, EL_HIST, e->history, r->history);
	e->set(r->el, EL_GETCFN, read_char);
	e->set(r->el, EL_ADDFN, "complete", "Complete a word", complete);
	e->set(r->el, EL_BIND, "^I", "complete", NULL);
	return true;
}

/* False: the user wants to leave, or the server is gone. */
static bool one_line(struct remote *r)
{
	int n = 0;
	const char *text = r->edit.read_line(r->el, &n);
	struct span line = text ? span_trim(span_of(text)) : SPAN_NONE;
	HistEvent ev;
	char *copy;

	if (!text || n <= 0 || r->lost || span_is(line, "exit") || span_is(line, "quit"))
		return false;
	if (!line.n)
		return true;
	copy = span_dup(line);
	r->edit.history(r->history, &ev, H_ENTER, copy);
	free(copy);
	if (ask(r, ASK_RUN, line) < 0)
		r->lost = true;
	else
		answer(r, NULL);
	fflush(stdout);
	return !r->lost;
}

int ctl_remote_console(const char *path)
{
	struct remote r = { .fd = connect_to(path), .prompt = "hairpin*CLI> " };

	if (r.fd < 0)
		return 1;
	if (!console_open(&r)) {
		fprintf(stderr, "hairpin: the console needs libedit: %s\n", dlerror());
		close(r.fd);
		return 1;
	}
	printf("hairpin " HAIRPIN_VERSION "; 'help' lists the commands, 'exit' leaves.\n");
	fflush(stdout);
	ask(&r, ASK_WATCH, SPAN_NONE);
	while (one_line(&r))
		;
	if (r.lost)
		printf("\nDisconnected from the server.\n");
	r.edit.history_end(r.history);
	r.edit.end(r.el);
	close(r.fd);
	return r.lost ? 1 : 0;
}
