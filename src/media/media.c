/*
 * media/media.c: the signalling side's object: starts and stops the workers and what they use, sends them commands, and
 * hears what they note. Nothing here waits.
 */
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include "media/side.h"

#define ROUNDS_MAX 8 /* of "an event's handler asked for more", per tick */
#define WAKE_MS    2 /* commands wait so long for company; a packet brings them along */

/* ---- the workers ---- */

static void sim_watch(struct worker *w, struct sock *k, bool on)
{
	if (on)
		table_add(&w->socks, hash_of(k->id), k);
	else
		table_del(&w->socks, hash_of(k->id), k);
}

static void start_simulated(struct media *m)
{
	struct worker *w = xcalloc(1, sizeof *w);

	m->n_workers = 1;
	m->workers = xcalloc(1, sizeof *m->workers);
	m->workers[0] = w;
	worker_init(w, m->c.io);
	w->simulated = true;
	if (m->c.engine == ENGINE_KERNEL)
		w->table = virtual_new();
	w->watch = sim_watch;
	m->event_fd = -1;
}

static void start_kernel(struct media *m, struct begin_config *c)
{
	if (m->c.engine == ENGINE_USER)
		m->why_not = "media_engine=user";
	else if (m->c.engine == ENGINE_AUTO && m->c.clock)
		c->want[BEGIN_KERNEL] = true;
	else
		m->kernel = kernel_start(&c->kernel, &m->why_not);
}

static void start_shared(struct media *m, struct begin_config *c)
{
	if (m->c.sockets == SOCKETS_OWN)
		m->why_own = "media_sockets=own";
	else if (m->c.sockets == SOCKETS_AUTO && m->c.clock)
		c->want[BEGIN_SHARED] = true;
	else
		m->shared = shared_start(&c->shared, &m->why_own);
}

/*
 * Every stream may have a route, and there cannot be more streams than port pairs (on one address). A port may be open
 * once in each family, or on two addresses.
 */
static void start_programs(struct media *m)
{
	unsigned pairs = (m->rtp.rtpend - m->rtp.rtpstart) / 2 + 1;
	struct begin_config c = {
		.kernel = { .workers = m->n_workers, .routes = pairs, .no_shortcut = m->c.no_shortcut },
		.shared = { .workers = m->n_workers, .ports = 4 * pairs },
		.event_fd = m->event_fd
	};

	start_kernel(m, &c);
	start_shared(m, &c);
	if (c.want[BEGIN_KERNEL] || c.want[BEGIN_SHARED])
		m->begin = begin_new(&c);
}

static void share(struct media *m);
static void give_tables(struct media *m);

/* Files that audio leaves to all else: connections of phones, the console, logs. */
#define FILES_LEFT 512u

static unsigned pairs_that_fit(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) < 0 || r.rlim_cur == RLIM_INFINITY)
		return 0;
	return (unsigned)((r.rlim_cur - MIN(r.rlim_cur / 2, FILES_LEFT)) / 2);
}

/* Those that this process may run on: taskset, or a container, may leave it fewer than there are. */
static unsigned processors(void)
{
	cpu_set_t set;
	long n = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : sysconf(_SC_NPROCESSORS_ONLN);

	return (unsigned)MAX(n, 1);
}

static void start_threads(struct media *m)
{
	m->n_workers = m->c.workers ? m->c.workers : processors();
	m->workers = xcalloc(m->n_workers, sizeof *m->workers);
	m->udp = xcalloc(m->n_workers, sizeof(struct udp_worker *));
	m->event_fd = udp_event_fd();
	m->most_pairs = pairs_that_fit();
	start_programs(m);
	for (unsigned i = 0; i < m->n_workers; i++) {
		m->udp[i] = udp_start(m->event_fd, i, m->kernel || (m->begin && m->begin->c.want[BEGIN_KERNEL]));
		m->workers[i] = udp_worker(m->udp[i]);
	}
	share(m);
	give_tables(m);
	m->loader = loader_new(m->event_fd);
}

static void wake_workers(struct timer *t, ms_t now UNUSED)
{
	struct media *m = container_of(t, struct media, wake);

	for (unsigned i = 0; i < m->n_workers; i++)
		if (ring_depth(&m->workers[i]->in))
			udp_wake(m->udp[i]);
}

struct media *media_new(const struct media_config *c)
{
	struct media *m = xcalloc(1, sizeof *m);

	m->c = *c;
	m->rtp = c->rtp;
	m->wake.fire = wake_workers;
	m->trim.fire = rest_trim;
	if (c->io)
		start_simulated(m);
	else
		start_threads(m);
	return m;
}

void side_send(struct media *m, unsigned worker, const struct cmd *what)
{
	ring_put(&m->workers[worker]->in, what);
	if (m->udp && (!m->c.clock || what->kind == CMD_STOP))
		udp_wake(m->udp[worker]);
	else if (m->udp && !timer_runs(&m->wake))
		clock_in(m->c.clock, &m->wake, WAKE_MS);
}

static void give_tables(struct media *m)
{
	for (unsigned i = 0; m->kernel && i < m->n_workers; i++)
		side_send(m, i, &(struct cmd){ .kind = CMD_TABLE, .table = kernel_table(m->kernel, i) });
}

static void share(struct media *m)
{
	for (unsigned i = 0; m->shared && i < m->n_workers; i++)
		side_send(m, i,
			  &(struct cmd){
				  .kind = CMD_SHARE, .lane = shared_lane(m->shared, i), .io = shared_io(m->shared) });
}

static void close_now(struct worker *w, struct ports *p)
{
	ports_close(w->io, p);
	free(p);
}

/* Whatever the workers still had to say is let go. */
static void drain(struct media *m, unsigned i)
{
	struct worker *w = m->workers[i];
	struct spare left;
	struct ports *p;
	struct note *n;

	worker_end_turn(w);
	while ((n = ring_pop(&w->out))) {
		if (n->kind == NOTE_GIVEN) {
			close_now(w, n->stream->ports);
			stream_free(n->stream);
		}
		source_free(n->source);
		note_free(n);
	}
	while (ring_take(&w->spare, &left)) {
		close_now(w, left.ports);
		stream_free(left.stream);
	}
	while ((p = ports_stale(m->kinds, i, MS_NEVER)))
		close_now(w, p);
}

void media_free(struct media *m)
{
	BUG_ON(m->legs.n);
	table_free(&m->legs);
	for (unsigned i = 0; m->udp && i < m->n_workers; i++)
		side_send(m, i, &(struct cmd){ .kind = CMD_STOP });
	for (unsigned i = 0; i < m->n_workers; i++) {
		if (m->udp)
			udp_stop(m->udp[i]);
		else
			worker_commands(m->workers[i], m->now);
		drain(m, i);
		if (!m->udp && m->workers[i]->table)
			virtual_free(m->workers[i]->table);
		worker_free(m->workers[i]);
		free(m->udp ? (void *)m->udp[i] : (void *)m->workers[i]);
	}
	if (m->begin)
		begin_free(m->begin);
	if (m->kernel)
		kernel_stop(m->kernel);
	if (m->shared)
		shared_stop(m->shared);
	if (m->loader)
		loader_free(m->loader);
	if (m->c.clock) {
		clock_stop(m->c.clock, &m->wake);
		clock_stop(m->c.clock, &m->trim);
	}
	rest_end(m);
	if (m->event_fd >= 0)
		close(m->event_fd);
	free(m->workers);
	free(m->udp);
	free(m);
}

void media_set_rtp(struct media *m, const struct conf_rtp *rtp)
{
	m->rtp = *rtp;
}

void media_debug(struct media *m, bool on, const struct addr *ip)
{
	struct cmd c = { .kind = CMD_DEBUG, .on = on, .ip = ip ? *ip : (struct addr){ 0 } };

	for (unsigned i = 0; i < m->n_workers; i++)
		side_send(m, i, &c);
}

void media_capture(struct media *m, bool on)
{
	for (unsigned i = 0; i < m->n_workers; i++)
		side_send(m, i, &(struct cmd){ .kind = CMD_CAPTURE, .on = on });
}

bool media_in_kernel(const struct media *m, const char **why)
{
	*why = m->why_not;
	return m->kernel || (m->c.io && m->workers[0]->table);
}

bool media_is_shared(const struct media *m, const char **why)
{
	*why = m->why_own;
	return m->shared != NULL;
}

static void tell_begun(struct media *m, enum media_event_kind kind, bool ok, const char *why)
{
	struct media_event ev = { .kind = kind, .ok = ok };

	span_copy(span_of(why), ev.text, sizeof ev.text);
	if (m->c.event)
		m->c.event(m->c.arg, &ev);
}

static void look_at_begin(struct media *m)
{
	struct begin *b = m->begin;

	if (begin_take(b, BEGIN_SHARED)) {
		m->shared = b->shared;
		m->why_own = b->why[BEGIN_SHARED];
		share(m);
		tell_begun(m, MEDIA_SOCKETS, m->shared != NULL, m->why_own);
	}
	if (begin_take(b, BEGIN_KERNEL)) {
		m->kernel = b->kernel;
		m->why_not = b->why[BEGIN_KERNEL];
		give_tables(m);
		tell_begun(m, MEDIA_ENGINE, m->kernel != NULL, m->why_not);
	}
}

int media_fd(const struct media *m)
{
	return m->event_fd;
}

void media_poll(struct media *m)
{
	struct note *n;
	eventfd_t count;

	if (m->event_fd >= 0)
		eventfd_read(m->event_fd, &count);
	if (m->begin)
		look_at_begin(m);
	for (unsigned i = 0; i < m->n_workers; i++)
		while ((n = ring_pop(&m->workers[i]->out)))
			leg_note(m, n);
	while (m->loader && (n = loader_pop(m->loader)))
		leg_note(m, n);
}

/* ---- the simulator's door ---- */

void media_input(struct media *m, uint32_t sock, const struct addr *from, struct span bytes, ms_t now)
{
	struct worker *w = m->workers[0];
	struct arrival p = { .from = *from, .bytes = bytes };
	size_t at = hash_of(sock);
	struct sock *k;

	BUG_ON(m->udp);
	m->now = now;
	if (!m->depth++)
		worker_commands(w, now);
	k = table_next(&w->socks, hash_of(sock), &at);
	if (k && !(w->table && virtual_relay(w->table, k, &p, now))) {
		p.to = k->ports->local;
		worker_packet(k, &p, now);
	}
	if (!--m->depth)
		media_poll(m);
}

ms_t media_next(const struct media *m)
{
	return ring_depth(&m->workers[0]->in) ? m->now : worker_next(m->workers[0]);
}

ms_t media_tick(struct media *m, ms_t now)
{
	struct worker *w = m->workers[0];

	BUG_ON(m->udp);
	m->now = now;
	if (m->depth)
		return media_next(m);
	for (int round = 0; round < ROUNDS_MAX && media_next(m) <= now; round++) {
		m->depth++;
		worker_commands(w, now);
		worker_timers(w, now);
		m->depth--;
		media_poll(m);
	}
	return media_next(m);
}
