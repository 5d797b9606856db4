/*
 * media/media.c: the signalling side. A leg is a handle: its stream belongs to a worker and is only named in commands.
 * Nothing here waits. Two legs that are joined must be served by one worker; when they are not, the younger moves: GIVE
 * goes to its old worker, the stream comes back as a note, ADD takes it to the new one. What is asked of a leg in
 * between is kept with the leg and sent after ADD.
 */
#include "media/media.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include "media/begin.h"

#define ROUNDS_MAX 8     /* of "an event's handler asked for more", per tick */
#define WAKE_MS    2     /* commands wait so long for company; a packet brings them along */
#define TRIM_MS    5000  /* how often ports at rest are looked over */
#define KEPT       64    /* blocks of streams that wait for the next ones, until ports are looked over */
#define MAPPED_MS  20000 /* routers forget UDP after 30 s at the earliest */

struct media_leg {
	struct media *m;
	uint32_t id; /* rises: the younger leg has the higher one */
	void *owner;
	struct stream
		*stream; /* not to be looked into, but for `pub` and what never changes: its ports, their address */
	unsigned worker; /* that serves it, or that it is on the way to */
	struct media_leg *peer;
	uint32_t serial; /* of the latest media_play() */
	bool moving;
	struct media_plan *late_plan; /* while moving */
	bool late_play;
	struct source *late_source;
};

/* One block: the stream outlives its leg, and who frees the stream frees both. */
struct served {
	struct stream stream;
	struct media_leg leg;
};

struct media {
	struct media_config c;
	struct conf_rtp rtp;
	struct worker **workers;
	struct udp_worker **udp; /* NULL in the simulator */
	unsigned n_workers, next_worker;
	struct begin *begin;   /* the kernel path and shared sockets are being set up */
	struct kernel *kernel; /* NULL: why_not says why */
	const char *why_not;
	struct shared *shared; /* NULL: why_own says why */
	const char *why_own;
	struct loader *loader;
	struct table legs; /* by id */
	struct ports_kind *kinds;
	unsigned most_pairs;     /* that may be open at once; 0: no limit but the range */
	struct timer wake, trim; /* of c.clock */
	struct served *kept[KEPT];
	unsigned n_kept;
	uint32_t last_id;
	int event_fd;
	ms_t now;       /* simulator */
	unsigned depth; /* simulator: calls of media_input() and media_tick() inside each other */
};

/* ---- the workers ---- */

/* Of numbers that count up. */
static uint64_t hash_of(uint32_t id)
{
	return id * 0x9e3779b97f4a7c15u;
}

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
	struct begin_config c = { .kernel = { .workers = m->n_workers, .routes = pairs },
				  .shared = { .workers = m->n_workers, .ports = 4 * pairs },
				  .event_fd = m->event_fd };

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

static void trim_ports(struct timer *t, ms_t now);

struct media *media_new(const struct media_config *c)
{
	struct media *m = xcalloc(1, sizeof *m);

	m->c = *c;
	m->rtp = c->rtp;
	m->wake.fire = wake_workers;
	m->trim.fire = trim_ports;
	if (c->io)
		start_simulated(m);
	else
		start_threads(m);
	return m;
}

static void send_cmd(struct media *m, unsigned worker, const struct cmd *what)
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
		send_cmd(m, i, &(struct cmd){ .kind = CMD_TABLE, .table = kernel_table(m->kernel, i) });
}

static void share(struct media *m)
{
	for (unsigned i = 0; m->shared && i < m->n_workers; i++)
		send_cmd(m, i,
			 &(struct cmd){
				 .kind = CMD_SHARE, .lane = shared_lane(m->shared, i), .io = shared_io(m->shared) });
}

static void tell_worker(const struct media_leg *leg, enum cmd_kind kind)
{
	send_cmd(leg->m, leg->worker, &(struct cmd){ .kind = kind, .stream = leg->stream });
}

/* ---- ports at rest ---- */

static void close_now(struct worker *w, struct ports *p)
{
	ports_close(w->io, p);
	free(p);
}

/* Taking a block from the heap costs more than what is done with it. */
static struct served *served_new(struct media *m)
{
	if (!m->n_kept)
		return xcalloc(1, sizeof(struct served));
	return memset(m->kept[--m->n_kept], 0, sizeof(struct served));
}

static void served_keep(struct media *m, struct served *s)
{
	if (m->n_kept < KEPT)
		m->kept[m->n_kept++] = s;
	else
		free(s);
}

static void served_trim(struct media *m)
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
			served_keep(m, container_of(s.stream, struct served, stream));
		}
	if (!timer_runs(&m->trim) && !ports_none_rest(m->kinds))
		clock_in(m->c.clock, &m->trim, TRIM_MS);
}

static void trim_ports(struct timer *t, ms_t now)
{
	struct media *m = container_of(t, struct media, trim);
	struct ports *p;

	collect_ports(m);
	served_trim(m);
	for (unsigned i = 0; i < m->n_workers; i++)
		while ((p = ports_stale(m->kinds, i, now)))
			send_cmd(m, i, &(struct cmd){ .kind = CMD_CLOSE, .ports = p });
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
static struct ports *get_ports(struct media *m, const struct ports_ask *ask, unsigned worker)
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

static void set_tos(struct media *m, struct ports *p, uint8_t tos)
{
	if (p->tos == tos)
		return;
	p->tos = tos;
	p->priority = p->bare ? shared_priority(m->shared, &p->local, tos) : udp_tos(p->rtp.id, &p->local, tos);
	if (p->rtcp.open && !p->bare)
		udp_tos(p->rtcp.id, &p->local, tos);
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
		send_cmd(m, i, &(struct cmd){ .kind = CMD_STOP });
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
	ports_kinds_free(&m->kinds);
	served_trim(m);
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
		send_cmd(m, i, &c);
}

void media_capture(struct media *m, bool on)
{
	for (unsigned i = 0; i < m->n_workers; i++)
		send_cmd(m, i, &(struct cmd){ .kind = CMD_CAPTURE, .on = on });
}

/* ---- legs ---- */

static struct stream *stream_new(struct media *m, const struct media_open *ask, uint32_t id, unsigned worker)
{
	struct latch_conf closed = { .strict = STRICTRTP_YES };
	struct ports_ask want = { .bind = ask->bind,
				  .start = ask->port_start,
				  .end = ask->port_end,
				  .mux = ask->rtcp_mux,
				  .most = m->most_pairs,
				  .bare = m->shared != NULL };
	struct ports *ports;
	struct stream *s;

	if (!want.start || !want.end) {
		want.start = (uint16_t)m->rtp.rtpstart;
		want.end = (uint16_t)m->rtp.rtpend;
	}
	ports = get_ports(m, &want, worker);
	if (!ports)
		return NULL;
	if (m->udp)
		set_tos(m, ports, ask->tos);
	s = &served_new(m)->stream;
	s->ports = ports;
	s->leg = id;
	s->rtcp_ms = m->rtp.rtcpinterval;
	s->tx.ssrc = rng_u32(m->c.rng);
	s->tx.seq = (uint16_t)rng_below(m->c.rng, 32768); /* room before it wraps, as RFC 3711 likes it */
	s->tx.ts = rng_u32(m->c.rng);
	s->st.rx_codec = s->st.tx_codec = CODEC_NONE;
	rng_bytes(m->c.rng, s->cname, sizeof s->cname);
	span_copy(span_of(ask->name), s->name, sizeof s->name);
	latch_init(&s->latch, &closed);
	return s;
}

/* What held when these ports last served holds as long as a NAT remembers what nobody uses. */
static void forget_mapped(const struct media *m, struct ports *p)
{
	if (!p->kind || !p->rested || m->c.clock->now - p->rested >= MAPPED_MS)
		memset(p->mapped, 0, sizeof p->mapped);
}

struct media_leg *media_open(struct media *m, const struct media_open *ask)
{
	unsigned worker = ask->beside ? ask->beside->worker : m->next_worker++ % m->n_workers;
	struct stream *s = stream_new(m, ask, m->last_id + 1, worker);
	struct media_leg *leg;

	if (!s)
		return NULL;
	leg = &container_of(s, struct served, stream)->leg;
	leg->m = m;
	leg->id = ++m->last_id;
	leg->owner = ask->owner;
	leg->stream = s;
	forget_mapped(m, s->ports);
	leg->worker = worker;
	table_add(&m->legs, hash_of(leg->id), leg);
	tell_worker(leg, CMD_ADD);
	return leg;
}

void media_close(struct media_leg **leg)
{
	struct media_leg *l = *leg;

	if (!l)
		return;
	if (l->peer)
		l->peer->peer = NULL; /* DROP parts them */
	*leg = NULL;
	table_del(&l->m->legs, hash_of(l->id), l);
	free(l->late_plan);
	source_free(l->late_source);
	if (!l->moving) /* else its stream has come for nothing when it arrives */
		tell_worker(l, CMD_DROP);
}

struct addr media_local(const struct media_leg *leg)
{
	return leg->stream->ports->local;
}

void media_stun(struct media_leg *leg, const struct addr *server)
{
	struct cmd c = { .kind = CMD_STUN, .stream = leg->stream, .ip = *server };

	if (leg->moving)
		return;
	rng_bytes(leg->m->c.rng, c.tx, sizeof c.tx);
	send_cmd(leg->m, leg->worker, &c);
}

struct addr media_mapped(const struct media_leg *leg, bool rtcp)
{
	return leg->stream->ports->mapped[rtcp];
}

static void send_plan(struct media_leg *leg, const struct media_plan *plan)
{
	send_cmd(leg->m, leg->worker, &(struct cmd){ .kind = CMD_PLAN, .stream = leg->stream, .plan = *plan });
}

void media_replan(struct media_leg *leg, const struct media_plan *p)
{
	bool new_sdp = leg->late_plan && leg->late_plan->new_sdp;

	if (!leg->moving) {
		send_plan(leg, p);
		return;
	}
	if (!leg->late_plan)
		leg->late_plan = xmalloc(sizeof *p);
	*leg->late_plan = *p;
	leg->late_plan->new_sdp |= new_sdp;
}

/* ---- joining ---- */

static void settle_join(struct media_leg *a)
{
	if (a->peer && !a->moving && !a->peer->moving)
		send_cmd(a->m, a->worker,
			 &(struct cmd){ .kind = CMD_JOIN, .stream = a->stream, .peer = a->peer->stream });
}

/* One of the two goes to the other's worker; one that is under way already only gets another destination. */
static void bring_together(struct media_leg *a, struct media_leg *b)
{
	struct media_leg *mover = a->moving ? a : b->moving ? b : a->id > b->id ? a : b;
	struct media_leg *other = mover == a ? b : a;

	if (mover->worker == other->worker)
		return;
	if (!mover->moving)
		tell_worker(mover, CMD_GIVE);
	mover->moving = true;
	mover->worker = other->worker;
}

void media_join(struct media_leg *a, struct media_leg *b)
{
	BUG_ON(a == b || a->m != b->m);
	if (a->peer == b)
		return;
	media_part(a);
	media_part(b);
	a->peer = b;
	b->peer = a;
	bring_together(a, b);
	settle_join(a);
}

void media_part(struct media_leg *leg)
{
	struct media_leg *other = leg->peer;

	if (!other)
		return;
	if (!leg->moving && !other->moving)
		tell_worker(leg, CMD_PART);
	leg->peer = other->peer = NULL;
}

/* ---- playing ---- */

static void send_source(struct media_leg *leg, struct source *src)
{
	if (!leg->moving) {
		send_cmd(leg->m, leg->worker, &(struct cmd){ .kind = CMD_PLAY, .stream = leg->stream, .source = src });
		return;
	}
	source_free(leg->late_source);
	leg->late_play = true;
	leg->late_source = src;
}

void media_play(struct media_leg *leg, const struct media_play *what)
{
	struct source *src = what->source == SOURCE_NONE ? NULL : source_new(what, ++leg->serial);

	if (!src)
		leg->serial++;
	if (src && what->source == SOURCE_FILE && leg->m->loader) {
		struct note *n = xcalloc(1, sizeof *n);

		*n = (struct note){ .kind = NOTE_LOADED, .leg = leg->id, .serial = leg->serial, .source = src };
		loader_push(leg->m->loader, n);
		src = NULL; /* until it comes, nothing plays */
	} else if (src && what->source == SOURCE_FILE) {
		source_load(src);
	}
	send_source(leg, src);
}

/* ---- notes ---- */

static struct media_leg *find_leg(struct media *m, uint32_t id)
{
	uint64_t hash = hash_of(id); /* no other number has it */
	size_t at = hash;

	return table_next(&m->legs, hash, &at);
}

static void arrived(struct media *m, struct media_leg *leg, struct stream *s)
{
	if (!leg) {
		if (s->ports->kind)
			ports_forget(s->ports);
		send_cmd(m, 0, &(struct cmd){ .kind = CMD_DROP, .stream = s });
		return;
	}
	leg->moving = false;
	tell_worker(leg, CMD_ADD);
	if (leg->late_plan)
		send_plan(leg, leg->late_plan);
	if (leg->late_play)
		send_source(leg, leg->late_source);
	free(leg->late_plan);
	leg->late_plan = NULL;
	leg->late_source = NULL;
	leg->late_play = false;
	settle_join(leg);
}

static void loaded(struct media_leg *leg, struct note *n)
{
	if (leg && n->serial == leg->serial)
		send_source(leg, n->source);
	else
		source_free(n->source);
}

static void deliver(struct media *m, struct media_leg *leg, struct note *n)
{
	if (!leg && n->ev.kind != MEDIA_DEBUG)
		return;
	if (n->ev.kind == MEDIA_PLAYED && n->serial != leg->serial)
		return; /* something else was asked for meanwhile */
	if (n->ev.kind == MEDIA_STUN)
		leg->stream->ports->mapped[!n->ev.ok] = n->ev.from;
	n->ev.owner = leg ? leg->owner : NULL;
	if (m->c.event)
		m->c.event(m->c.arg, &n->ev);
}

static void take_note(struct media *m, struct note *n)
{
	struct media_leg *leg = find_leg(m, n->leg);

	switch (n->kind) {
	case NOTE_EVENT: deliver(m, leg, n); break;
	case NOTE_GIVEN: arrived(m, leg, n->stream); break;
	case NOTE_LOADED: loaded(leg, n); break;
	}
	note_free(n);
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
			take_note(m, n);
	while (m->loader && (n = loader_pop(m->loader)))
		take_note(m, n);
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

void media_stats(const struct media_leg *leg, struct media_stats *s)
{
	if (leg->m->udp) {
		report_read(&leg->stream->pub, s);
		return;
	}
	fast_sync(leg->stream);
	report_fill(leg->stream, s);
}
