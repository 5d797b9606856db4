/*
 * media/rest.c: what waits for the next legs: pairs of ports, which rest open for half a second (ports.c knows which
 * can stand in for which), and blocks of streams. A worker leaves both in its ring when a leg is closed.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "media/side.h"

#define TRIM_MS 5000 /* how often ports at rest are looked over */

/* Taking a block from the heap costs more than what is done with it. */
struct served *rest_block(struct media *m)
{
	if (!m->n_kept)
		return xcalloc(1, sizeof(struct served));
	return memset(m->kept[--m->n_kept], 0, sizeof(struct served));
}

static void keep_block(struct media *m, struct served *s)
{
	if (m->n_kept < KEPT)
		m->kept[m->n_kept++] = s;
	else
		free(s);
}

static void trim_blocks(struct media *m)
{
	while (m->n_kept)
		free(m->kept[--m->n_kept]);
}

static void collect_ports(struct media *m)
{
	struct spare s;

	for (unsigned i = 0; i < m->n_workers; i++)
		while (ring_take(&m->workers[i]->spare, &s)) {
			ports_rest(s.ports, i, m->c.clock->now);
			keep_block(m, container_of(s.stream, struct served, stream));
		}
	if (!timer_runs(&m->trim) && !ports_none_rest(m->kinds))
		clock_in(m->c.clock, &m->trim, TRIM_MS);
}

void rest_trim(struct timer *t, ms_t now)
{
	struct media *m = container_of(t, struct media, trim);
	struct ports *p;

	collect_ports(m);
	trim_blocks(m);
	for (unsigned i = 0; i < m->n_workers; i++)
		while ((p = ports_stale(m->kinds, i, now)))
			side_send(m, i, &(struct cmd){ .kind = CMD_CLOSE, .ports = p });
	if (!ports_none_rest(m->kinds))
		clock_in(m->c.clock, &m->trim, TRIM_MS);
}

static struct ports *new_ports(struct media *m, const struct ports_ask *ask, unsigned worker, bool bare)
{
	struct ports *p = NULL;
	int err = -EMFILE;

	if (!m->shared)
		return ports_open(m->c.io ? m->c.io : &udp_io, m->c.rng, ask, &p) == 0 ? p : NULL;
	if (!bare)
		err = shared_ports(m->shared, ask, m->c.rng, worker, &p);
	if (err == -EMFILE || err == -ENFILE)
		err = shared_bare_ports(m->shared, ask, m->c.rng, worker, &p);
	return err ? NULL : p;
}

/* Ports for a leg on this worker: some that have rested, or new ones. */
struct ports *rest_ports(struct media *m, const struct ports_ask *ask, unsigned worker)
{
	bool rest = m->c.clock && m->udp;
	struct ports_kind *kind = rest ? ports_kind(&m->kinds, ask, m->n_workers) : NULL;
	struct ports *p = NULL;

	if (rest) {
		collect_ports(m);
		p = ports_take(kind, worker, m->c.rng, m->c.clock->now);
	}
	if (p || (kind && ports_all_open(kind)))
		return p;
	p = new_ports(m, ask, worker, kind && ports_all_files(kind));
	if (p && kind)
		ports_count(kind, p);
	return p;
}

void rest_end(struct media *m)
{
	trim_blocks(m);
	ports_kinds_free(&m->kinds);
}
