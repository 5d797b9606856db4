/*
 * ctl/reload.c: reading the configuration again while calls go on. A thread of the pool reads the files, checks them
 * and compares them with the snapshot of now, which takes seconds with a million phones. The loop then adopts what was
 * read.
 *
 * One reload at a time. Who asks while one goes on may have changed a file behind its back: all of those together get
 * one that begins when it is done.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/trace.h"
#include "ctl/priv.h"

struct reload {           /* one being read */
	struct ctl *ctl;  /* NULL: it has gone */
	struct conf *old; /* what is compared with */
	struct conf_source source;
	const char *dir;
	atomic_bool abandoned;
	struct list asked;
	/* The thread's, until it is done. */
	struct conf *next; /* NULL: refused */
	struct pbx_change *change;
	struct diag why;
};

struct asker {
	struct list link;
	ctl_answer *done;
	void *arg;
};

/* thread: pool */
static void read_files(void *arg)
{
	struct reload *r = arg;

	r->next = conf_load(&r->source, &r->why);
	if (!r->next)
		return;
	if (!pbx_may_follow(r->old, r->next, &r->why)) {
		conf_unref(r->next);
		r->next = NULL;
		return;
	}
	pbx_review(r->next, &r->why);
	r->change = pbx_compare(r->old, r->next);
}

static void trace_diag(const struct diag *d)
{
	char line[1400];

	for (size_t i = 0; i < d->n; i++)
		trace(EV_CONF_SAY, NULL, "%s", diag_line(&d->items[i], line, sizeof line));
}

/* The exit status. */
static int adopt(struct ctl *c, struct reload *r, struct out *o)
{
	int err = r->next ? pbx_adopt(c->pbx, r->next, r->change, &r->why) : 0;

	ctl_out_diag(o, &r->why);
	trace_diag(&r->why);
	if (!r->next) {
		trace(EV_CONF_REFUSED, NULL, "%zu errors in %s; the old configuration stays", r->why.errors, r->dir);
		out_str(o, "The configuration is refused; the old one stays.\n");
		return 1;
	}
	ctl_own(c, r->next);
	c->reloaded = io_clock(c->cfg.loop)->now;
	out_str(o, err ? "The configuration is adopted, but not every transport follows it.\n"
		       : "Configuration reloaded.\n");
	return err ? 1 : 0;
}

static void answer_all(struct list *asked, struct span text, int status)
{
	while (!list_empty(asked)) {
		struct asker *a = list_entry(asked->next, struct asker, link);

		list_del(&a->link);
		if (a->done)
			a->done(a->arg, text, status);
		free(a);
	}
}

static void reload_free(struct reload *r)
{
	conf_unref(r->next);
	conf_unref(r->old);
	diag_free(&r->why);
	free(r->change);
	free(r);
}

static void begin(struct ctl *c);

static void on_read(void *arg)
{
	struct reload *r = arg;
	struct ctl *c = r->ctl;
	struct out o = out_growing();
	int status;

	if (c) {
		c->reload = NULL;
		io_dns_reload(c->cfg.loop);
		status = adopt(c, r, &o);
		answer_all(&r->asked, out_look(&o), status);
	}
	out_free(&o);
	reload_free(r);
	if (c && !list_empty(&c->reload_asked))
		begin(c);
}

static void begin(struct ctl *c)
{
	struct reload *r = xcalloc(1, sizeof *r);

	r->ctl = c;
	r->old = conf_ref(pbx_conf(c->pbx));
	r->dir = c->cfg.conf_dir;
	r->source = conf_source_dir(&r->dir);
	r->source.abandoned = &r->abandoned;
	list_init(&r->asked);
	while (!list_empty(&c->reload_asked)) {
		struct list *l = c->reload_asked.next;

		list_del(l);
		list_push(&r->asked, l);
	}
	c->reload = r;
	io_work(c->cfg.loop, read_files, on_read, r);
}

void ctl_reload(struct ctl *c, ctl_answer *done, void *arg)
{
	struct asker *a;

	if (!c || !c->pbx) { /* a signal, while everything is taken down */
		if (done)
			done(arg, SPAN("The server is starting or stopping.\n"), 1);
		return;
	}
	a = xcalloc(1, sizeof *a);
	*a = (struct asker){ .done = done, .arg = arg };
	list_push(&c->reload_asked, &a->link);
	if (!c->reload)
		begin(c);
}

static void forget_in(struct list *asked, const void *arg)
{
	list_for(l, asked)
		if (list_entry(l, struct asker, link)->arg == arg)
			list_entry(l, struct asker, link)->done = NULL;
}

void reload_forget(struct ctl *c, const void *arg)
{
	forget_in(&c->reload_asked, arg);
	if (c->reload)
		forget_in(&c->reload->asked, arg);
}

void reload_abandon(struct ctl *c)
{
	answer_all(&c->reload_asked, SPAN("The server is stopping.\n"), 1);
	if (!c->reload)
		return;
	answer_all(&c->reload->asked, SPAN("The server is stopping.\n"), 1);
	atomic_store(&c->reload->abandoned, true);
	c->reload->ctl = NULL;
	c->reload = NULL;
}
