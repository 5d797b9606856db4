/*
 * media/ports.c: pairs of ports out of a range: RTP on an even one, RTCP above it.
 *
 * A new pair is drawn at random, so that nobody can guess where the next call will listen; from there upwards, and
 * round the end, until both can be bound. Opening and closing four sockets costs more than all else in a call. So a
 * pair that a leg gives back stays open and rests in its worker; packets that still come for it are thrown away, and
 * each of them makes it rest anew: who goes on talking after the end must not be heard by the next caller. When most
 * of what may be open is open, a pair that nobody talks to rests but for a moment.
 */
#include <errno.h>
#include <stdlib.h>

#include "media/priv.h"

#define REST_MS  500   /* of silence before a pair serves again */
#define STALE_MS 20000 /* a pair that nobody needed for so long is closed */
#define LOOK     8     /* one of so many oldest is taken */

/* ---- opening ---- */

static unsigned pairs_of(const struct ports_ask *ask)
{
	unsigned first = (ask->start + 1u) & ~1u, last = ask->end - (ask->mux ? 0u : 1u);

	return last >= first && ask->end ? (last - first) / 2 + 1 : 0;
}

static int open_one(const struct media_io *io, const struct addr *bind, unsigned port, struct sock *k)
{
	struct addr at = addr_with_port(bind, (uint16_t)port);
	int err = io->open(io->arg, &at, &k->id);

	k->open = err == 0;
	return err;
}

static int open_pair(const struct media_io *io, const struct ports_ask *ask, unsigned port, struct ports *p)
{
	int err = open_one(io, &ask->bind, port, &p->rtp);

	if (err || ask->mux)
		return err;
	err = open_one(io, &ask->bind, port + 1, &p->rtcp);
	if (err) {
		io->close(io->arg, p->rtp.id);
		p->rtp.open = false;
	}
	return err;
}

int ports_open(const struct media_io *io, struct rng *rng, const struct ports_ask *ask, struct ports **out)
{
	unsigned first = (ask->start + 1u) & ~1u, pairs = pairs_of(ask), at;
	struct ports *p;
	int err = -EADDRINUSE;

	if (!pairs)
		return -EINVAL;
	p = xcalloc(1, sizeof *p);
	p->rtp.ports = p->rtcp.ports = p;
	p->rtcp.is_rtcp = true;
	list_init(&p->link);
	at = rng_below(rng, pairs);
	for (unsigned tries = 0; tries < pairs && err == -EADDRINUSE; tries++) {
		unsigned port = first + (at + tries) % pairs * 2;

		err = open_pair(io, ask, port, p);
		p->local = addr_with_port(&ask->bind, (uint16_t)port);
	}
	if (err)
		free(p);
	else
		*out = p;
	return err;
}

void ports_close(const struct media_io *io, struct ports *p)
{
	if (p->rtp.open)
		io->close(io->arg, p->rtp.id);
	if (p->rtcp.open)
		io->close(io->arg, p->rtcp.id);
	p->rtp.open = p->rtcp.open = false;
}

/* ---- resting ---- */

struct ports_kind {
	struct ports_kind *next, *const *all;
	struct ports_ask ask;
	unsigned open, bare, n_workers; /* open: at work or resting; bare: of these */
	struct list rest[];             /* for each worker, the longest at rest first */
};

static bool same_kind(const struct ports_ask *a, const struct ports_ask *b)
{
	return addr_eq(&a->bind, &b->bind) && a->start == b->start && a->end == b->end && a->mux == b->mux;
}

struct ports_kind *ports_kind(struct ports_kind **all, const struct ports_ask *ask, unsigned n_workers)
{
	struct ports_kind *k = *all;

	while (k && !same_kind(&k->ask, ask))
		k = k->next;
	if (k)
		return k;
	k = xcalloc(1, sizeof *k + n_workers * sizeof k->rest[0]);
	k->ask = *ask;
	k->n_workers = n_workers;
	for (unsigned i = 0; i < n_workers; i++)
		list_init(&k->rest[i]);
	k->all = all;
	k->next = *all;
	*all = k;
	return k;
}

static ms_t quiet_since(const struct ports *p)
{
	ms_t stray = (ms_t)atomic_load_explicit(&p->stray, memory_order_relaxed);

	return MAX(p->rested, stray);
}

/* Is more than this part of the files that the process may open in use? All kinds share them. */
static bool files_beyond(const struct ports_kind *k, unsigned percent)
{
	uint64_t n = 0;

	for (const struct ports_kind *other = *k->all; other; other = other->next)
		n += other->open - other->bare;
	return k->ask.most && n * 100 >= (uint64_t)k->ask.most * percent;
}

bool ports_all_files(const struct ports_kind *k)
{
	return files_beyond(k, 100);
}

/* Is more than this part of what may be open in use? */
static bool is_beyond(const struct ports_kind *k, unsigned percent)
{
	return k->open * 100ull >= (uint64_t)pairs_of(&k->ask) * percent || (!k->ask.bare && files_beyond(k, percent));
}

bool ports_all_open(const struct ports_kind *k)
{
	return is_beyond(k, 100);
}

static bool is_short(const struct ports_kind *k)
{
	return is_beyond(k, 75);
}

struct ports *ports_take(struct ports_kind *k, unsigned worker, struct rng *rng, ms_t now)
{
	ms_t rest = is_short(k) ? 1 : REST_MS;
	uint32_t skip = rng_below(rng, LOOK);
	struct ports *found = NULL, *p;

	list_for(n, &k->rest[worker]) {
		p = list_entry(n, struct ports, link);
		if (now - p->rested < rest)
			break;
		if (now - quiet_since(p) >= rest)
			found = p;
		if (!skip--)
			break;
	}
	if (found)
		list_del(&found->link);
	return found;
}

void ports_count(struct ports_kind *k, struct ports *p)
{
	p->kind = k;
	k->open++;
	k->bare += p->bare;
}

void ports_forget(struct ports *p)
{
	p->kind->open--;
	p->kind->bare -= p->bare;
	p->kind = NULL;
}

void ports_rest(struct ports *p, unsigned worker, ms_t now)
{
	p->rested = now;
	list_push(&p->kind->rest[worker], &p->link);
}

struct ports *ports_stale(struct ports_kind *all, unsigned worker, ms_t now)
{
	for (struct ports_kind *k = all; k; k = k->next) {
		struct ports *p = list_entry(k->rest[worker].next, struct ports, link);

		if (list_empty(&k->rest[worker]) || now - p->rested < STALE_MS)
			continue;
		list_del(&p->link);
		k->open--;
		k->bare -= p->bare;
		return p;
	}
	return NULL;
}

bool ports_none_rest(const struct ports_kind *all)
{
	for (const struct ports_kind *k = all; k; k = k->next)
		for (unsigned i = 0; i < k->n_workers; i++)
			if (!list_empty(&k->rest[i]))
				return false;
	return true;
}

void ports_kinds_free(struct ports_kind **all)
{
	while (*all) {
		struct ports_kind *k = *all;

		*all = k->next;
		free(k);
	}
}
