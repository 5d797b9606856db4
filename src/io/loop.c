/*
 * io/loop.c: the loop around one timer.
 *
 * All timers of the house live in clock->timers; libuv knows a single one, armed for the earliest of them. The prepare
 * handle runs once per turn of the loop, before it goes to sleep: it fires what is due and arms that timer. Every
 * callback from libuv begins with io_enter(), so the cores see one `now` for each input.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>

#include "io/priv.h"
#include "base/trace.h"

#define ROOM ((size_t)RECV_BATCH * RECV_ROOM)

void io_enter(struct io_loop *l)
{
	struct timespec t;
	int64_t wall;

	clock_gettime(CLOCK_REALTIME, &t);
	wall = (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
	l->clock->now = (ms_t)(uv_hrtime() / 1000000);
	l->clock->wall0 = wall - l->clock->now;
	trace_set_wall(wall);
}

static void on_wake(uv_timer_t *t)
{
	io_enter(t->data); /* what is due fires in on_turn */
}

/*
 * Waking up costs more than serving a message: what was in the caches is gone. So a loop that is woken more than TURNS
 * times in a window waits for company: its turns are PACE apart, and a turn serves all that came meanwhile. A call is
 * set up some milliseconds later, less than a radio link takes. Below that every message is served as it comes.
 */
#define WINDOW_NS 10000000u
#define PACE_NS   4000000u
#define TURNS     6 /* and MESSAGES, per window */
#define MESSAGES  8

static void look_at_window(struct io_loop *l, uint64_t now)
{
	if (now - l->pace.began_ns < WINDOW_NS)
		return;
	l->pace.on = l->pace.datagrams > MESSAGES && (l->pace.on || l->pace.turns > TURNS);
	l->pace.began_ns = now;
	l->pace.turns = l->pace.datagrams = 0;
}

static void keep_pace(struct io_loop *l)
{
	unsigned came = l->datagrams - l->pace.seen;
	uint64_t now = uv_hrtime(), since = now - l->pace.turn_ns;

	l->pace.seen = l->datagrams;
	l->pace.turns += came > 0;
	l->pace.datagrams += came;
	look_at_window(l, now);
	if (came && l->pace.on && !l->more && since < PACE_NS) {
		struct timespec rest = { 0, (long)(PACE_NS - since) };

		nanosleep(&rest, NULL); /* a signal ends it early: no harm */
		now = uv_hrtime();
	}
	if (came)
		l->pace.turn_ns = now;
	l->more = false;
}

static void on_turn(uv_prepare_t *p)
{
	struct io_loop *l = p->data;
	ms_t next;

	io_enter(l);
	timers_run(&l->clock->timers, l->clock->now);
	udp_flush(l);
	keep_pace(l);
	next = timers_next(&l->clock->timers);
	if (next == MS_NEVER) {
		uv_timer_stop(&l->wake);
		return;
	}
	io_enter(l);
	uv_update_time(&l->uv);
	uv_timer_start(&l->wake, on_wake, (uint64_t)MAX(next - l->clock->now, 0), 0);
}

static void seed(struct rng *r)
{
	uint8_t bytes[32];

	BUG_ON(getrandom(bytes, sizeof bytes, 0) != sizeof bytes);
	rng_seed(r, bytes);
}

struct io_loop *io_new(struct clock *clock)
{
	struct io_loop *l = xcalloc(1, sizeof *l);

	BUG_ON(uv_loop_init(&l->uv) < 0);
	l->clock = clock;
	io_set_sink(l, NULL);
	list_init(&l->shakes.waiting);
	l->shakes.again.fire = tcp_shake_waiting;
	l->room = mmap(NULL, ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	BUG_ON(l->room == MAP_FAILED);
	l->inbox = inbox_new(l->room);
	uv_timer_init(&l->uv, &l->wake);
	uv_prepare_init(&l->uv, &l->turn);
	l->wake.data = l->turn.data = l;
	uv_prepare_start(&l->turn, on_turn);
	seed(&clock->rng);
	io_enter(l);
	l->dns = dns_new(l);
	l->netlink = netlink_new(l);
	l->upnp = upnp_new(l);
	return l;
}

struct clock *io_clock(struct io_loop *l)
{
	return l->clock;
}

void io_run(struct io_loop *l)
{
	uv_run(&l->uv, UV_RUN_DEFAULT);
	udp_flush(l);
}

bool io_is_busy(const struct io_loop *l)
{
	return l->pace.on;
}

void io_rest(struct io_loop *l)
{
	udp_flush(l);
	free(l->batch);
	l->batch = NULL;
	madvise(l->room, ROOM, MADV_DONTNEED);
}

void io_stop(struct io_loop *l)
{
	uv_stop(&l->uv);
}

static void close_handle(uv_handle_t *h, void *arg UNUSED)
{
	if (!uv_is_closing(h))
		uv_close(h, NULL);
}

void io_free(struct io_loop **lp)
{
	struct io_loop *l = *lp;
	struct sock *s, *next;

	if (!l)
		return;
	*lp = NULL;
	io_set_sink(l, NULL);
	HASH_ITER(hh, l->socks, s, next)
		sock_close(s);
	dns_free(l->dns);
	netlink_free(l->netlink);
	upnp_free(l->upnp);
	io_work_wait(l);
	uv_walk(&l->uv, close_handle, NULL);
	uv_run(&l->uv, UV_RUN_DEFAULT);
	BUG_ON(uv_loop_close(&l->uv) < 0);
	timers_free(&l->clock->timers);
	free(l->batch);
	free(l->inbox);
	munmap(l->room, ROOM);
	free(l);
}

/* ---- a foreign fd ---- */

struct io_watch {
	uv_poll_t poll;
	struct io_loop *loop;
	void (*ready)(void *arg);
	void *arg;
};

static void watch_ready(uv_poll_t *p, int status UNUSED, int events UNUSED)
{
	struct io_watch *w = p->data;

	io_enter(w->loop);
	w->ready(w->arg);
}

struct io_watch *io_watch(struct io_loop *l, int fd, void (*ready)(void *arg), void *arg)
{
	struct io_watch *w = xcalloc(1, sizeof *w);

	w->loop = l;
	w->ready = ready;
	w->arg = arg;
	BUG_ON(uv_poll_init(&l->uv, &w->poll, fd) < 0);
	w->poll.data = w;
	uv_poll_start(&w->poll, UV_READABLE, watch_ready);
	return w;
}

static void watch_closed(uv_handle_t *h)
{
	free(h->data);
}

void io_unwatch(struct io_watch **w)
{
	if (!*w)
		return;
	uv_poll_stop(&(*w)->poll);
	uv_close((uv_handle_t *)&(*w)->poll, watch_closed);
	*w = NULL;
}

/* ---- work on the pool ---- */

struct work {
	uv_work_t req;
	struct io_loop *loop;
	void (*work)(void *arg), (*done)(void *arg);
	void *arg;
};

static void work_run(uv_work_t *req) /* thread: pool */
{
	struct work *w = req->data;

	w->work(w->arg);
}

static void work_done(uv_work_t *req, int status UNUSED)
{
	struct work *w = req->data;

	io_enter(w->loop);
	w->loop->works--;
	if (w->done)
		w->done(w->arg);
	free(w);
}

void io_work(struct io_loop *l, void (*work)(void *arg), void (*done)(void *arg), void *arg)
{
	struct work *w = xcalloc(1, sizeof *w);

	w->loop = l;
	w->work = work;
	w->done = done;
	w->arg = arg;
	w->req.data = w;
	l->works++;
	BUG_ON(uv_queue_work(&l->uv, &w->req, work_run, work_done) < 0);
}

void io_work_wait(struct io_loop *l)
{
	while (l->works)
		uv_run(&l->uv, UV_RUN_ONCE);
}

/* ---- signals ---- */

static void on_signal(uv_signal_t *h, int signo)
{
	struct io_loop *l = h->data;

	io_enter(l);
	l->on_signal(l->signal_arg, signo);
}

void io_signals(struct io_loop *l, void (*fn)(void *arg, int signo), void *arg)
{
	static const int which[] = { SIGTERM, SIGINT, SIGHUP };

	BUG_ON(l->has_signals);
	l->has_signals = true;
	l->on_signal = fn;
	l->signal_arg = arg;
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	for (size_t i = 0; i < ARRAY_LEN(which); i++) {
		uv_signal_init(&l->uv, &l->signals[i]);
		l->signals[i].data = l;
		uv_signal_start(&l->signals[i], on_signal, which[i]);
	}
}
