/*
 * io/upnp.c: ports at a router that speaks UPnP-IGD, through miniupnpc. The library blocks, for seconds when a router
 * is slow: its calls run on a thread of their own, one after the other, on values that nobody else touches meanwhile.
 *
 * Whoever on the LAN says to be a router can make that last for ever, a byte at a time. So a question has a time, after
 * which there is no router; as long as its thread is stuck no other one begins; and the end of the loop leaves it.
 */
#include <errno.h>
#include <miniupnpc/miniupnpc.h>
#include <miniupnpc/upnpcommands.h>
#include <miniupnpc/upnperrors.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/priv.h"

#define SEARCH_MS      1000  /* how long devices are listened for */
#define DEADLINE       20000 /* of one question, in ms */
#define FIRST_PORT     10000
#define OTHER_PORTS    5 /* tried when the wanted one is somebody else's */
#define NOT_AUTHORIZED 606
#define NO_SUCH_ENTRY  714
#define CONFLICT       718
#define ONLY_PERMANENT 725

struct job {
	struct list link;
	uint64_t query;
	struct net_upnp ask;
	uint32_t random; /* for other ports */
	int err;
	struct addr outside;
};

struct igd { /* a router, and what it is asked */
	uv_mutex_t lock;
	uv_cond_t changed;
	struct upnp *asker; /* NULL: nobody waits any more */
	bool at_it, left;   /* at_it: what follows is the thread's; left: all is */
	struct job *now;
	bool found;
	struct UPNPUrls urls;
	struct IGDdatas data;
	struct addr outside; /* its address there, as it said last; family 0: not asked yet */
	char own[64];        /* our address, as that router reaches us */
};

struct upnp {
	struct io_loop *loop;
	struct list waiting;
	struct igd *igd;
	uv_thread_t thread;
	bool began, asks, late; /* the thread; a question; that was given up */
	uint64_t query;
	struct timer due;
	uv_async_t answered;
};

/* ---- on the thread ---- */

static void forget(struct igd *u)
{
	if (u->found)
		FreeUPNPUrls(&u->urls);
	u->found = false;
	u->outside = (struct addr){ 0 };
}

static void igd_free(struct igd *u)
{
	forget(u);
	uv_mutex_destroy(&u->lock);
	uv_cond_destroy(&u->changed);
	free(u->now);
	free(u);
}

static bool find(struct igd *u)
{
	int err = 0;
	struct UPNPDev *all;

	if (u->found)
		return true;
	all = upnpDiscover(SEARCH_MS, NULL, NULL, UPNP_LOCAL_PORT_ANY, 0, 2, &err);
	if (all)
		err = UPNP_GetValidIGD(all, &u->urls, &u->data, u->own, sizeof u->own);
	if (all && err > 0) /* 1: connected; 2: it says that it is not, or has a private address; 3: something else */
		u->found = true;
	if (u->found && err > 2)
		forget(u);
	freeUPNPDevlist(all);
	return u->found;
}

static const char *proto_of(const struct job *j)
{
	return j->ask.proto == NET_TCP ? "TCP" : "UDP";
}

static int look(struct igd *u, struct job *j)
{
	char ip[64] = "", port[6], client[64], inside[8], enabled[8], lease[16], text[80];
	int err = UPNP_GetExternalIPAddress(u->urls.controlURL, u->data.first.servicetype, ip);

	if (err || !addr_parse_ip(span_of(ip), &u->outside))
		return err ? err : UPNPCOMMAND_INVALID_RESPONSE;
	j->outside = addr_with_port(&u->outside, j->ask.outside);
	if (j->ask.kind != UPNP_LOOK || !j->ask.port)
		return 0;
	snprintf(port, sizeof port, "%u", j->ask.outside);
	err = UPNP_GetSpecificPortMappingEntry(u->urls.controlURL, u->data.first.servicetype, port, proto_of(j), NULL,
					       client, inside, text, enabled, lease);
	return !err && strcmp(client, u->own) != 0 ? NO_SUCH_ENTRY : err;
}

static int add(struct igd *u, struct job *j, unsigned outside, uint32_t lifetime)
{
	char out[6], in[6], lease[12];
	int err;

	snprintf(out, sizeof out, "%u", outside & 0xffff);
	snprintf(in, sizeof in, "%u", j->ask.port);
	snprintf(lease, sizeof lease, "%u", lifetime);
	err = UPNP_AddPortMapping(u->urls.controlURL, u->data.first.servicetype, out, in, u->own, "hairpin",
				  proto_of(j), NULL, lease);
	if (err == ONLY_PERMANENT && lifetime)
		return add(u, j, outside, 0);
	if (!err)
		j->outside = addr_with_port(&u->outside, (uint16_t)outside);
	return err;
}

static int open_port(struct igd *u, struct job *j)
{
	int err = u->outside.family ? 0 : look(u, j);

	if (!err)
		err = add(u, j, j->ask.outside, j->ask.lifetime);
	for (unsigned i = 0; err == CONFLICT && i < OTHER_PORTS; i++) {
		unsigned other = (j->random + i * 7919) % (UINT16_MAX - FIRST_PORT) + FIRST_PORT;

		err = add(u, j, other - other % 2 + j->ask.port % 2, j->ask.lifetime);
	}
	return err;
}

static int close_port(struct igd *u, struct job *j)
{
	char port[6];

	snprintf(port, sizeof port, "%u", j->ask.outside);
	return UPNP_DeletePortMapping(u->urls.controlURL, u->data.first.servicetype, port, proto_of(j), NULL);
}

static int ask_router(struct igd *u, struct job *j)
{
	switch (j->ask.kind) {
	case UPNP_LOOK: return look(u, j);
	case UPNP_OPEN: return open_port(u, j);
	case UPNP_CLOSE: return close_port(u, j);
	}
	return UPNPCOMMAND_INVALID_ARGS;
}

static int errno_of(int upnp)
{
	switch (upnp) {
	case 0: return 0;
	case NOT_AUTHORIZED: return -EACCES;
	case NO_SUCH_ENTRY: return -ENOENT;
	default: return upnp < 0 ? -ENODEV : -EIO;
	}
}

/* A router that was found does not answer any more: perhaps it has another address by now. */
static void work(struct igd *u, struct job *j)
{
	j->err = -ENODEV;
	for (int i = 0; i < 2 && j->err == -ENODEV; i++) {
		bool known = u->found;

		if (!find(u))
			return;
		j->err = errno_of(ask_router(u, j));
		if (j->err != -ENODEV)
			return;
		forget(u);
		if (!known)
			return;
	}
}

static void run(void *arg)
{
	struct igd *u = arg;
	sigset_t all;
	bool left;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL); /* signals are the main thread's */
	uv_mutex_lock(&u->lock);
	while (u->asker) {
		if (!u->at_it) {
			uv_cond_wait(&u->changed, &u->lock);
			continue;
		}
		uv_mutex_unlock(&u->lock);
		work(u, u->now);
		uv_mutex_lock(&u->lock);
		u->at_it = false;
		if (u->asker)
			uv_async_send(&u->asker->answered);
	}
	left = u->left;
	uv_mutex_unlock(&u->lock);
	if (left)
		igd_free(u);
}

/* ---- on the loop ---- */

static void next(struct upnp *u);

static void answer(struct upnp *u, uint64_t query, int err, const struct addr *outside)
{
	struct net_sink *sink = &u->loop->sink;

	if (sink->upnp)
		sink->upnp(sink->arg, query, err, outside);
	else
		upnp_drop(u); /* nobody waits any more */
}

static bool is_at_it(struct igd *i)
{
	bool at_it;

	uv_mutex_lock(&i->lock);
	at_it = i->at_it;
	uv_mutex_unlock(&i->lock);
	return at_it;
}

static void on_answered(uv_async_t *a)
{
	struct upnp *u = a->data;
	struct job *j = u->igd->now;
	bool late = u->late;

	if (!u->asks || is_at_it(u->igd))
		return;
	io_enter(u->loop);
	u->asks = u->late = false;
	u->igd->now = NULL;
	clock_stop(u->loop->clock, &u->due);
	if (late)
		forget(u->igd);
	else
		answer(u, j->query, j->err, &j->outside);
	free(j);
	next(u);
}

/* What is asked of a router that keeps a thread gets the same answer as what keeps it. */
static void on_due(struct timer *t, ms_t now UNUSED)
{
	struct upnp *u = container_of(t, struct upnp, due);
	struct addr none = { 0 };
	struct job *j;
	size_t n = 0;

	if (!u->late)
		answer(u, u->query, -ENODEV, &none);
	u->late = true;
	list_for(l, &u->waiting)
		n++;
	while (n-- && !list_empty(&u->waiting)) { /* what is asked meanwhile waits for the next turn */
		j = list_entry(u->waiting.next, struct job, link);
		list_del(&j->link);
		answer(u, j->query, -ENODEV, &none);
		free(j);
	}
}

static void begin(struct upnp *u, struct job *j)
{
	struct igd *i = u->igd;

	u->asks = true;
	u->query = j->query;
	uv_mutex_lock(&i->lock);
	i->now = j;
	i->at_it = true;
	uv_cond_signal(&i->changed);
	uv_mutex_unlock(&i->lock);
	if (!u->began)
		BUG_ON(uv_thread_create(&u->thread, run, i) != 0);
	u->began = true;
	clock_in(u->loop->clock, &u->due, DEADLINE);
}

static void next(struct upnp *u)
{
	struct job *j = list_empty(&u->waiting) ? NULL : list_entry(u->waiting.next, struct job, link);

	if (!j)
		return;
	if (!u->asks) {
		list_del(&j->link);
		begin(u, j);
	} else if (u->late) {
		clock_in(u->loop->clock, &u->due, 0);
	}
}

void upnp_ask(struct upnp *u, uint64_t query, const struct net_upnp *ask)
{
	struct job *j = xcalloc(1, sizeof *j);

	j->query = query;
	j->ask = *ask;
	j->random = rng_u32(&u->loop->clock->rng);
	list_push(&u->waiting, &j->link);
	next(u);
}

struct upnp *upnp_new(struct io_loop *l)
{
	struct upnp *u = xcalloc(1, sizeof *u);

	u->loop = l;
	u->due.fire = on_due;
	list_init(&u->waiting);
	u->igd = xcalloc(1, sizeof *u->igd);
	u->igd->asker = u;
	BUG_ON(uv_mutex_init(&u->igd->lock) < 0 || uv_cond_init(&u->igd->changed) < 0);
	BUG_ON(uv_async_init(&l->uv, &u->answered, on_answered) < 0);
	u->answered.data = u;
	return u;
}

void upnp_drop(struct upnp *u)
{
	list_for_safe(n, &u->waiting) {
		list_del(n);
		free(list_entry(n, struct job, link));
	}
}

static void on_closed(uv_handle_t *h)
{
	free(h->data);
}

void upnp_free(struct upnp *u)
{
	struct igd *i = u->igd;
	bool left;

	upnp_drop(u);
	clock_stop(u->loop->clock, &u->due);
	uv_mutex_lock(&i->lock);
	left = i->left = i->at_it;
	i->asker = NULL;
	uv_cond_signal(&i->changed);
	uv_mutex_unlock(&i->lock);
	if (u->began && !left)
		uv_thread_join(&u->thread);
	if (!left)
		igd_free(i);
	uv_close((uv_handle_t *)&u->answered, on_closed);
}
