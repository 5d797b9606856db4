/*
 * sim/pbx.c: a real PBX on a host of the world. Its store outlives it: a story may kill and start it again. Its media
 * has no threads here: a timer of the world drives it.
 */
#include <stdlib.h>

#include "sim/priv.h"

struct sim_pbx {
	struct list link;
	struct sim *sim;
	struct sim_host *host;
	const struct conf_source *source;
	struct store *store;
	struct pbx *pbx; /* NULL: down */
	struct timer media;
	struct out cdrs; /* lines of records, of all its lives */
};

static void media_due(struct timer *t, ms_t now)
{
	struct sim_pbx *p = container_of(t, struct sim_pbx, media);

	media_tick(pbx_media(p->pbx), now);
}

void sim_pbxs_media(struct sim *s)
{
	list_for(l, &s->pbxs) {
		struct sim_pbx *p = list_entry(l, struct sim_pbx, link);
		ms_t next = p->pbx ? media_next(pbx_media(p->pbx)) : MS_NEVER;

		if (next == MS_NEVER)
			clock_stop(&s->clock, &p->media);
		else if (!timer_runs(&p->media) || p->media.at != next)
			clock_at(&s->clock, &p->media, MAX(next, s->clock.now));
	}
}

static void on_rtp(void *arg, uint32_t sock, const struct addr *from, struct span bytes)
{
	struct sim_pbx *p = arg;

	if (p->pbx)
		media_input(pbx_media(p->pbx), sock, from, bytes, p->sim->clock.now);
}

void sim_kernel(struct sim *s)
{
	s->kernel = true;
}

void sim_tune(struct sim *s, void (*fn)(void *arg, struct conf *c), void *arg)
{
	s->tune = fn;
	s->tune_arg = arg;
}

/* Every network of the simulator is a /24, or a /64. */
static size_t hosts(void *arg, struct lint_host *v, size_t max)
{
	const struct sim_pbx *p = arg;
	size_t n = 0;

	for (; n < p->host->n_at && n < max; n++)
		v[n] = (struct lint_host){ p->host->at[n].ip, p->host->at[n].ip.family == 6 ? 64 : 24 };
	return n;
}

static void on_cdr(void *arg, struct span line, const char *account UNUSED)
{
	struct sim_pbx *p = arg;

	out_span(&p->cdrs, line);
}

struct span sim_pbx_cdrs(const struct sim_pbx *p)
{
	return out_look(&p->cdrs);
}

bool sim_pbx_start(struct sim_pbx *p, struct diag *why)
{
	struct pbx_config cfg = { .clock = &p->sim->clock,
				  .net = sim_host_net(p->host),
				  .store = p->store,
				  .media_io = sim_host_media(p->host),
				  .arg = p,
				  .hosts = hosts,
				  .cdr = on_cdr };
	struct conf *c;
	struct net_sink sink;

	if (p->pbx)
		return true;
	c = conf_load(p->source, why);
	if (!c)
		return false;
	if (p->sim->kernel && c->hairpin.media_engine == ENGINE_AUTO)
		c->hairpin.media_engine = ENGINE_KERNEL;
	if (p->sim->tune)
		p->sim->tune(p->sim->tune_arg, c);
	p->pbx = pbx_new(&cfg, c, why);
	conf_unref(c);
	if (!p->pbx)
		return false;
	sink = pbx_sink(p->pbx);
	sim_host_sink(p->host, &sink);
	sim_host_rtp(p->host, on_rtp, p);
	return true;
}

struct sim_pbx *sim_pbx(struct sim *s, struct sim_host *h, const struct conf_source *source, struct diag *why)
{
	struct sim_pbx *p = xcalloc(1, sizeof *p);

	p->sim = s;
	p->host = h;
	p->source = source;
	p->store = store_mem();
	p->cdrs = out_growing();
	p->media.fire = media_due;
	list_push(&s->pbxs, &p->link);
	if (sim_pbx_start(p, why))
		return p;
	list_del(&p->link);
	store_close(&p->store);
	free(p);
	return NULL;
}

struct pbx *sim_pbx_get(struct sim_pbx *p)
{
	return p->pbx;
}

bool sim_pbx_reload(struct sim_pbx *p, struct diag *why)
{
	struct conf *c = conf_load(p->source, why);
	struct pbx_change *change;
	int err;

	if (!c)
		return false;
	change = pbx_compare(pbx_conf(p->pbx), c);
	err = pbx_adopt(p->pbx, c, change, why);
	free(change);
	conf_unref(c);
	return err == 0;
}

void sim_pbx_kill(struct sim_pbx *p)
{
	struct pbx *gone = p->pbx;

	p->pbx = NULL;
	clock_stop(&p->sim->clock, &p->media);
	sim_host_rtp(p->host, NULL, NULL);
	sim_host_close_all(p->host); /* from here on nothing of it reaches a network */
	pbx_free(gone);
}

void sim_pbxs_free(struct sim *s)
{
	list_for_safe(l, &s->pbxs) {
		struct sim_pbx *p = list_entry(l, struct sim_pbx, link);

		sim_pbx_kill(p);
		list_del(&p->link);
		store_close(&p->store);
		out_free(&p->cdrs);
		free(p);
	}
}
