/*
 * media/follow.c: one thread that follows the network: attaches the program to interfaces as they come, finds out how
 * packets to the addresses that routes need leave, and says every second that we live. A notification only says where
 * to look again; what is true is asked for.
 */
#include <errno.h>
#include <linux/if_arp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/capture.h"
#include "media/attach.h"
#include "media/kernel.h"
#include "media/netlink.h"

#define BEAT_MS   1000
#define SETTLE_MS 50    /* after a change, so that many of them are looked at once */
#define AGAIN_MS  1000  /* between two such looks */
#define SWEEP_MS  30000 /* everything again, whatever was said */

struct link {
	struct nl_link l;
	bool attached;
	bool shortcut; /* its other end may be handed packets: nobody here waits for what leaves */
	struct attachment at;
	UT_hash_handle hh;
};

struct followed {
	uint32_t number;
	struct hop *hop;
	struct hop_key key;
	uint32_t ifindex;
	struct addr next;
	UT_hash_handle hh;
};

struct follow {
	struct follow_config c;
	struct nl *nl;
	pthread_t thread;
	int wake, error; /* error: of the last interface that could not be attached to */
	atomic_bool stop;
	struct link *links;
	struct followed *hops;
	ms_t sweep_at, swept, capture_at;
	bool captured;
	bool ipsec; /* packets may have to be encrypted: the stack must see them */
};

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void sweep_in(struct follow *f, ms_t ms)
{
	f->sweep_at = MIN(f->sweep_at, (ms_t)(now_ns() / 1000000) + ms);
}

/* ---- interfaces ---- */

enum link_kind { LINK_OTHER, LINK_ETHER, LINK_BARE };

static enum link_kind kind_of(const struct nl_link *l)
{
	switch (l->type) {
	case ARPHRD_ETHER:
	case ARPHRD_LOOPBACK: return LINK_ETHER;
	case ARPHRD_NONE:
	case ARPHRD_PPP:
	case ARPHRD_TUNNEL:
	case ARPHRD_TUNNEL6:
	case ARPHRD_SIT:
	case ARPHRD_IPGRE: return LINK_BARE;
	default: return LINK_OTHER;
	}
}

static struct link *find_link(struct follow *f, uint32_t ifindex)
{
	struct link *l;

	HASH_FIND(hh, f->links, &ifindex, sizeof ifindex, l);
	return l;
}

static void attach(struct follow *f, struct link *l)
{
	enum link_kind kind = kind_of(&l->l);
	int err;

	if (l->attached || !l->l.up || kind == LINK_OTHER)
		return;
	detach_left_over(l->l.ifindex, f->nl);
	err = attach_program(&l->at, l->l.ifindex, kind == LINK_ETHER ? f->c.ether : f->c.bare, f->c.filters);
	l->attached = err == 0;
	if (err)
		f->error = err;
}

static void remove_link(struct follow *f, struct link *l)
{
	HASH_DEL(f->links, l);
	if (l->attached)
		detach_program(&l->at, f->nl);
	free(l);
}

/* Asks nothing: may be called while an answer is being read. */
static void take_link(void *arg, const struct nl_link *now)
{
	struct follow *f = arg;
	struct link *l = find_link(f, now->ifindex);

	if (now->gone) {
		if (l)
			remove_link(f, l);
		return;
	}
	if (!l) {
		l = xcalloc(1, sizeof *l);
		l->l = *now;
		HASH_ADD(hh, f->links, l.ifindex, sizeof l->l.ifindex, l);
	}
	l->l = *now;
}

static void note_link(void *arg, const struct nl_link *now)
{
	take_link(arg, now);
	sweep_in(arg, 0);
}

/* What no event of a link tells: its other end moves, queues and filters come and go. */
static void look_at_links(struct follow *f)
{
	if (!f->c.shortcut || nl_links(f->nl, take_link, f) != 0)
		return;
	for (struct link *l = f->links; l; l = l->hh.next)
		l->shortcut = l->l.straight && !f->captured && !has_egress(l->l.ifindex, f->nl);
}

static void attach_all(struct follow *f)
{
	for (struct link *l = f->links; l; l = l->hh.next)
		attach(f, l);
}

/* ---- hops ---- */

/*
 * The other end of a veth would take each packet for its own host's, whatever its MAC address: a bridge that somebody
 * watches would hand it to the host's routing, too. So only what is meant for that host goes the short way.
 */
static enum hop_how ether_hop(struct follow *f, const struct link *l, const struct nl_route *r, uint8_t to[6])
{
	if (nl_neigh(f->nl, r->ifindex, &r->next, to) != 0)
		return HOP_NEIGH;
	return l->shortcut && nl_is_peer(f->nl, &l->l, to) ? HOP_PEER : HOP_MACS;
}

static void look_up(struct follow *f, struct followed *h, struct hop *out)
{
	struct nl_route r;
	struct link *l;

	if (f->ipsec || nl_route(f->nl, &h->key.to, h->key.tos, &r) != 0 || r.kind == NL_ROUTE_NO)
		return;
	/* Another source address than the route's own: it may be translated on its way out, and not for us. */
	if (!addr_is_any(&h->key.bound) && !addr_ip_eq(&h->key.bound, &r.src))
		return;
	l = find_link(f, r.ifindex);
	if (!l || !l->l.up || !r.src.family)
		return;
	h->ifindex = out->ifindex = r.ifindex;
	h->next = r.next;
	memcpy(out->src, r.src.ip, sizeof out->src);
	memcpy(out->from_mac, l->l.mac, sizeof out->from_mac);
	out->mtu = r.mtu ? MIN(r.mtu, l->l.mtu) : l->l.mtu;
	if (r.kind == NL_ROUTE_LOCAL)
		out->how = HOP_LOCAL;
	else if (kind_of(&l->l) == LINK_BARE)
		out->how = HOP_BARE;
	else if (l->l.type == ARPHRD_ETHER)
		out->how = ether_hop(f, l, &r, out->to_mac);
}

/* The program may read while we write: it finds `how` unknown meanwhile. */
static void resolve(struct follow *f, struct followed *h)
{
	struct hop now = { 0 };

	look_up(f, h, &now);
	now.seen_ns = h->hop->seen_ns;
	if (memcmp(&now, h->hop, sizeof now) == 0)
		return;
	__atomic_store_n(&h->hop->how, HOP_UNKNOWN, __ATOMIC_SEQ_CST);
	memcpy((char *)h->hop + sizeof now.how, (char *)&now + sizeof now.how, sizeof now - sizeof now.how);
	__atomic_store_n(&h->hop->how, now.how, __ATOMIC_SEQ_CST);
}

static void take_ask(struct follow *f, struct hop_ask *ask, struct ring *freed)
{
	struct followed *h;

	if (ask->want) {
		h = xcalloc(1, sizeof *h);
		*h = (struct followed){ .number = ask->number, .hop = ask->hop, .key = ask->key };
		HASH_ADD(hh, f->hops, number, sizeof h->number, h);
		resolve(f, h);
		free(ask);
		return;
	}
	HASH_FIND(hh, f->hops, &ask->number, sizeof ask->number, h);
	HASH_DEL(f->hops, h);
	free(h);
	ring_push(freed, ask);
}

static void on_neigh(void *arg, uint32_t ifindex, const struct addr *ip)
{
	struct follow *f = arg;

	for (struct followed *h = f->hops; h; h = h->hh.next)
		if (h->ifindex == ifindex && addr_ip_eq(&h->next, ip))
			resolve(f, h);
}

/* Routes may change all the time: not for each of them, and not more often than once a second. */
static void on_other(void *arg)
{
	struct follow *f = arg;

	sweep_in(f, MAX(SETTLE_MS, f->swept + AGAIN_MS - (ms_t)(now_ns() / 1000000)));
}

static void sweep(struct follow *f)
{
	f->swept = (ms_t)(now_ns() / 1000000);
	f->sweep_at = f->swept + SWEEP_MS;
	f->ipsec = nl_has_ipsec(f->nl);
	look_at_links(f);
	for (struct followed *h = f->hops; h; h = h->hh.next)
		resolve(f, h);
}

/* ---- the thread ---- */

static void look_for_capture(struct follow *f, ms_t now)
{
	bool was = f->captured;

	if (!f->c.shortcut || now < f->capture_at)
		return;
	f->capture_at = now + BEAT_MS;
	f->captured = is_captured();
	if (f->captured != was)
		sweep_in(f, 0);
}

static void beat(struct follow *f)
{
	__atomic_store_n(f->c.beat, now_ns(), __ATOMIC_RELAXED);
}

static void hear(struct follow *f)
{
	struct nl_events e = { f, note_link, on_neigh, on_other };
	bool missed;

	nl_read(f->nl, &e, &missed);
	if (missed && nl_links(f->nl, note_link, f) == 0)
		sweep_in(f, 0);
	attach_all(f);
}

static void turn(struct follow *f)
{
	struct pollfd fds[] = { { nl_fd(f->nl), POLLIN, 0 },
				{ f->wake, POLLIN, 0 },
				{ nl_ipsec_fd(f->nl), POLLIN, 0 } };
	ms_t now = (ms_t)(now_ns() / 1000000);
	eventfd_t count;

	poll(fds, ARRAY_LEN(fds), (int)MAX(MIN(f->sweep_at - now, BEAT_MS), 0));
	beat(f);
	look_for_capture(f, now);
	if (fds[1].revents)
		eventfd_read(f->wake, &count);
	for (unsigned i = 0; i < f->c.tables; i++) {
		struct hop_ask *ask;

		while ((ask = ring_pop(f->c.asks[i])))
			take_ask(f, ask, f->c.freed[i]);
	}
	if (fds[0].revents)
		hear(f);
	if (fds[2].revents) {
		nl_skip_ipsec(f->nl);
		sweep_in(f, 0);
	}
	if ((ms_t)(now_ns() / 1000000) >= f->sweep_at)
		sweep(f);
}

static void *run(void *arg)
{
	struct follow *f = arg;

	while (!atomic_load(&f->stop))
		turn(f);
	return NULL;
}

static void start_thread(struct follow *f)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the main thread's */
	BUG_ON(pthread_create(&f->thread, NULL, run, f) != 0);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_setname_np(f->thread, "media-routes");
}

static void free_follow(struct follow *f)
{
	struct followed *h, *next_hop;
	struct link *l, *next;

	HASH_ITER(hh, f->links, l, next)
		remove_link(f, l);
	HASH_ITER(hh, f->hops, h, next_hop) {
		HASH_DEL(f->hops, h);
		free(h);
	}
	nl_close(f->nl);
	close(f->wake);
	free(f);
}

/* At the start it is known at once whether the program can be attached. */
static bool can_attach(struct follow *f)
{
	if (nl_links(f->nl, note_link, f) != 0)
		return false;
	attach_all(f);
	for (struct link *l = f->links; l; l = l->hh.next)
		if (l->attached)
			return true;
	return false;
}

struct follow *follow_start(const struct follow_config *c, const char **why)
{
	struct follow *f = xcalloc(1, sizeof *f);

	f->c = *c;
	f->nl = nl_open();
	f->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	BUG_ON(f->wake < 0);
	if (f->nl && can_attach(f)) {
		beat(f);
		look_for_capture(f, 0);
		sweep(f);
		start_thread(f);
		return f;
	}
	*why = !f->nl               ? "rtnetlink cannot be used"
	       : f->error == -EPERM ? "not permitted to attach a program (CAP_NET_ADMIN)"
				    : "no interface takes the program";
	if (f->nl)
		free_follow(f);
	return NULL;
}

void follow_stop(struct follow *f)
{
	atomic_store(&f->stop, true);
	follow_wake(f);
	pthread_join(f->thread, NULL);
	free_follow(f);
}

void follow_wake(struct follow *f)
{
	eventfd_write(f->wake, 1);
}
