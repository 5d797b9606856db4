/*
 * io/netlink.c: hears from the kernel that our own addresses or routes have changed, and tells the sink once it is
 * quiet again. What exactly changed is not looked at: whoever is told asks anew.
 */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/priv.h"

#define QUIET 200  /* ms: a change comes as several messages */
#define LATE  1000 /* but a host where something always changes is not to be silent for ever */

struct netlink {
	struct io_loop *loop;
	struct io_watch *watch;
	int fd;
	struct timer quiet;
	ms_t since; /* the first change that was not told; 0: none */
};

static void tell(struct timer *t, ms_t now UNUSED)
{
	struct netlink *n = container_of(t, struct netlink, quiet);
	struct io_loop *l = n->loop;

	n->since = 0;
	for (size_t i = 0; i < ARRAY_LEN(l->sources); i++)
		l->sources[i].until = 0;
	if (l->sink.network)
		l->sink.network(l->sink.arg);
}

/* Routes of other tables than main, and the kernel's own of broadcasts and locals, lead no packet of ours anywhere. */
static bool matters(const struct nlmsghdr *h)
{
	const struct rtmsg *r = NLMSG_DATA(h);

	if (h->nlmsg_type == RTM_NEWADDR || h->nlmsg_type == RTM_DELADDR)
		return true;
	return (h->nlmsg_type == RTM_NEWROUTE || h->nlmsg_type == RTM_DELROUTE) &&
	       h->nlmsg_len >= NLMSG_LENGTH(sizeof *r) && r->rtm_type == RTN_UNICAST && !(r->rtm_flags & RTM_F_CLONED);
}

/* False: nothing more waits. *any: one that matters was among them, or messages were lost. */
static bool read_some(int fd, bool *any)
{
	char buf[16384] __attribute__((aligned(NLMSG_ALIGNTO)));
	ssize_t got = recv(fd, buf, sizeof buf, MSG_DONTWAIT);
	unsigned left = got > 0 ? (unsigned)got : 0;

	if (got < 0 && errno == ENOBUFS)
		*any = true;
	for (struct nlmsghdr *h = (struct nlmsghdr *)buf; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left))
		*any |= matters(h);
	return got > 0 || (got < 0 && (errno == EINTR || errno == ENOBUFS));
}

static void changed(void *arg)
{
	struct netlink *n = arg;
	ms_t now = n->loop->clock->now;
	bool any = false;

	for (int i = 0; i < 64 && read_some(n->fd, &any); i++)
		continue;
	if (!any)
		return;
	n->since = n->since ? n->since : now;
	clock_at(n->loop->clock, &n->quiet, MIN(now + QUIET, n->since + LATE));
}

struct netlink *netlink_new(struct io_loop *l)
{
	struct sockaddr_nl me = { .nl_family = AF_NETLINK,
				  .nl_groups = RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE |
					       RTMGRP_IPV6_ROUTE };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	struct netlink *n;

	if (fd < 0)
		return NULL;
	if (bind(fd, (struct sockaddr *)&me, sizeof me) < 0) {
		close(fd);
		return NULL;
	}
	n = xcalloc(1, sizeof *n);
	n->loop = l;
	n->fd = fd;
	n->quiet.fire = tell;
	n->watch = io_watch(l, fd, changed, n);
	return n;
}

void netlink_free(struct netlink *n)
{
	if (!n)
		return;
	io_unwatch(&n->watch);
	clock_stop(n->loop->clock, &n->quiet);
	close(n->fd);
	free(n);
}
