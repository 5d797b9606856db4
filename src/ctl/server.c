/* ctl/server.c: the server's half: the socket, requests of consoles, reloading. */
#include <stdio.h>
#include <stdlib.h>

#include "base/trace.h"
#include "ctl/priv.h"

struct ctl *ctl_new(const struct ctl_config *cfg)
{
	struct ctl *c = xcalloc(1, sizeof *c);

	c->cfg = *cfg;
	c->verbose = cfg->verbose;
	c->debug = cfg->debug;
	c->started = c->reloaded = io_clock(cfg->loop)->now;
	list_init(&c->reload_asked);
	logger_begin(c);
	logger_level(c);
	return c;
}

/* A large snapshot takes its time to go, too. */
static void free_elsewhere(void *loop, void (*work)(void *snapshot), void *snapshot)
{
	io_work(loop, work, NULL, snapshot);
}

void ctl_own(struct ctl *c, struct conf *conf)
{
	conf_free_by(conf, free_elsewhere, c->cfg.loop);
}

void ctl_set_pbx(struct ctl *c, struct pbx *p)
{
	c->pbx = p;
	if (p)
		ctl_own(c, pbx_conf(p));
	else
		reload_abandon(c);
}

/* By the configuration of now: a reload may name another file, or none. */
void ctl_ended(void *ctl, const struct pbx_why_info *i)
{
	struct ctl *c = ctl;
	const char *path = c->pbx ? pbx_conf(c->pbx)->hairpin.call_log : "";

	if (!calllog_is(c->calllog, path)) {
		calllog_free(&c->calllog);
		c->calllog = path[0] ? calllog_new(io_clock(c->cfg.loop), path) : NULL;
	}
	if (c->calllog)
		calllog_put(c->calllog, i);
}

void ctl_cdr(void *ctl, struct span line, const char *account)
{
	struct ctl *c = ctl;

	if (!c->cdrlog)
		c->cdrlog = cdrlog_new(c->cfg.loop);
	if (c->pbx)
		cdrlog_put(c->cdrlog, pbx_conf(c->pbx)->hairpin.cdr_dir, line, account);
}

void ctl_free(struct ctl **cp)
{
	struct ctl *c = *cp;

	if (!c)
		return;
	*cp = NULL;
	reload_abandon(c);
	logger_end(c);
	calllog_free(&c->calllog);
	cdrlog_free(&c->cdrlog);
	io_server_free(&c->server);
	free(c);
}

static void answer(void *console, struct span text, int status)
{
	if (text.n)
		io_console_send(console, FRAME_OUTPUT, text);
	io_console_send(console, FRAME_END, status ? SPAN("1") : SPAN("0"));
}

static void run(struct ctl *c, struct io_console *console, struct span line)
{
	struct out o = out_growing();
	int status;

	if (c->pbx) {
		trace(EV_CTL, NULL, "%.*s", SP(line));
		status = ctl_run(c, line, &o);
	} else {
		out_str(&o, "The server is starting or stopping.\n");
		status = 1;
	}
	if (status == CTL_RELOAD)
		ctl_reload(c, answer, console);
	else
		answer(console, out_look(&o), status);
	out_free(&o);
}

static void complete(struct ctl *c, struct io_console *console, struct span line)
{
	struct out o = out_growing();

	ctl_complete(c, line, &o);
	answer(console, out_look(&o), 0);
	out_free(&o);
}

static void on_line(void *arg, struct io_console *console, struct span line)
{
	struct ctl *c = arg;
	char kind = line.n ? line.p[0] : ASK_RUN;
	struct span text = span_from(line, 2);

	if (kind == ASK_WATCH)
		logger_watch(c, console);
	else if (kind == ASK_COMPLETE)
		complete(c, console, text);
	else
		run(c, console, text);
}

static void on_long_line(void *arg UNUSED, struct io_console *console, struct span begin)
{
	struct out o = out_growing();

	if (begin.p[0] == ASK_RUN)
		out_fmt(&o, "A line may have %d bytes: this one has more.\n", IO_CONSOLE_LINE);
	answer(console, out_look(&o), 1);
	out_free(&o);
}

static void on_gone(void *arg, struct io_console *console)
{
	logger_unwatch(arg, console);
	reload_forget(arg, console);
}

int ctl_serve(struct ctl *c, const char *path)
{
	struct io_console_user u = { c, on_line, on_long_line, on_gone };
	int err = 0;

	c->server = io_serve(c->cfg.loop, path, &u, &err);
	return err;
}

void ctl_out_diag(struct out *o, const struct diag *d)
{
	char line[1400];

	for (size_t i = 0; i < d->n; i++) {
		out_str(o, diag_line(&d->items[i], line, sizeof line));
		out_char(o, '\n');
	}
}
