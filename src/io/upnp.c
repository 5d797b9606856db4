/*
 * io/upnp.c: ports at a router that speaks UPnP-IGD, through miniupnpc. The library blocks, for seconds when a router
 * is slow: its calls run on a thread of the pool, one after the other, on values that nobody else touches meanwhile.
 */
#include <errno.h>
#include <miniupnpc/miniupnpc.h>
#include <miniupnpc/upnpcommands.h>
#include <miniupnpc/upnperrors.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/priv.h"

#define SEARCH_MS      1000 /* how long devices are listened for */
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

struct upnp {
	struct io_loop *loop;
	struct list waiting;
	struct job *now; /* a thread is at it: what follows is the thread's */
	bool found;
	struct UPNPUrls urls;
	struct IGDdatas data;
	struct addr outside; /* its address there, as it said last; family 0: not asked yet */
	char own[64];        /* our address, as that router reaches us */
};

/* ---- on the thread ---- */

static void forget(struct upnp *u)
{
	if (u->found)
		FreeUPNPUrls(&u->urls);
	u->found = false;
	u->outside = (struct addr){ 0 };
}

static bool find(struct upnp *u)
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

static int look(struct upnp *u, struct job *j)
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

static int add(struct upnp *u, struct job *j, unsigned outside, uint32_t lifetime)
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

static int open_port(struct upnp *u, struct job *j)
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

static int close_port(struct upnp *u, struct job *j)
{
	char port[6];

	snprintf(port, sizeof port, "%u", j->ask.outside);
	return UPNP_DeletePortMapping(u->urls.controlURL, u->data.first.servicetype, port, proto_of(j), NULL);
}

static int ask_router(struct upnp *u, struct job *j)
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
static void work(void *arg)
{
	struct upnp *u = arg;
	struct job *j = u->now;

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

/* ---- on the loop ---- */

static void next(struct upnp *u);

static void done(void *arg)
{
	struct upnp *u = arg;
	struct job *j = u->now;
	struct net_sink *sink = &u->loop->sink;

	u->now = NULL;
	if (sink->upnp)
		sink->upnp(sink->arg, j->query, j->err, &j->outside);
	else
		upnp_drop(u); /* nobody waits any more */
	free(j);
	next(u);
}

static void next(struct upnp *u)
{
	if (u->now || list_empty(&u->waiting))
		return;
	u->now = list_entry(u->waiting.next, struct job, link);
	list_del(&u->now->link);
	io_work(u->loop, work, done, u);
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
	list_init(&u->waiting);
	return u;
}

void upnp_drop(struct upnp *u)
{
	list_for_safe(n, &u->waiting) {
		list_del(n);
		free(list_entry(n, struct job, link));
	}
}

void upnp_free(struct upnp *u)
{
	upnp_drop(u);
	forget(u);
	free(u);
}
