/*
 * media/netlink.c: rtnetlink by hand: two sockets, one to ask on and one that hears of changes. Every length in an
 * answer is checked, although it is the kernel that speaks.
 */
#include "media/netlink.h"

#include <errno.h>
#include <linux/neighbour.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/xfrm.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define REPLY      32768
#define TOS_ROUTES 0x1c /* the bits of ToS that may choose a route */

struct nl {
	int ask, events;
	int ask_ipsec, ipsec; /* -1: the kernel has none */
	uint32_t seq;
};

struct request {
	struct nlmsghdr h;
	char body[256];
};

/* ---- sockets ---- */

static int open_one(int family)
{
	struct sockaddr_nl me = { .nl_family = AF_NETLINK };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, family);

	if (fd >= 0 && bind(fd, (struct sockaddr *)&me, sizeof me) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

static void subscribe(int fd)
{
	static const int groups[] = { RTNLGRP_LINK,       RTNLGRP_NEIGH,       RTNLGRP_IPV4_ROUTE,
				      RTNLGRP_IPV6_ROUTE, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR,
				      RTNLGRP_IPV4_RULE,  RTNLGRP_IPV6_RULE,   RTNLGRP_TC };

	for (size_t i = 0; i < ARRAY_LEN(groups); i++)
		setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &groups[i], sizeof groups[i]);
}

struct nl *nl_open(void)
{
	struct timeval patience = { .tv_sec = 2 };
	int policies = XFRMNLGRP_POLICY;
	struct nl *n = xcalloc(1, sizeof *n);

	n->ask = open_one(NETLINK_ROUTE);
	n->events = open_one(NETLINK_ROUTE);
	n->ask_ipsec = open_one(NETLINK_XFRM);
	n->ipsec = open_one(NETLINK_XFRM);
	if (n->ask < 0 || n->events < 0) {
		nl_close(n);
		return NULL;
	}
	setsockopt(n->ask, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	setsockopt(n->ask_ipsec, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	setsockopt(n->ipsec, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &policies, sizeof policies);
	subscribe(n->events);
	return n;
}

void nl_close(struct nl *n)
{
	const int fds[] = { n->ask, n->events, n->ask_ipsec, n->ipsec };

	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	free(n);
}

int nl_fd(const struct nl *n)
{
	return n->events;
}

int nl_ipsec_fd(const struct nl *n)
{
	return n->ipsec;
}

/* ---- attributes ---- */

static void put(struct request *q, unsigned short type, const void *value, size_t len)
{
	struct rtattr *a = (struct rtattr *)((char *)q + NLMSG_ALIGN(q->h.nlmsg_len));

	BUG_ON(NLMSG_ALIGN(q->h.nlmsg_len) + RTA_SPACE(len) > sizeof *q);
	a->rta_type = type;
	a->rta_len = (unsigned short)RTA_LENGTH(len);
	memcpy(RTA_DATA(a), value, len);
	q->h.nlmsg_len = (uint32_t)(NLMSG_ALIGN(q->h.nlmsg_len) + RTA_ALIGN(a->rta_len));
}

static size_t ip_len(uint8_t family)
{
	return family == 6 ? 16 : 4;
}

static unsigned char af_of(uint8_t family)
{
	return family == 6 ? AF_INET6 : AF_INET;
}

/* The attribute's value when it has at least n bytes. */
static const void *value(const struct rtattr *a, size_t n)
{
	return RTA_PAYLOAD(a) >= n ? RTA_DATA(a) : NULL;
}

static uint32_t value_u32(const struct rtattr *a)
{
	uint32_t v = 0;

	if (value(a, sizeof v))
		memcpy(&v, RTA_DATA(a), sizeof v);
	return v;
}

static void value_ip(const struct rtattr *a, unsigned char af, struct addr *ip)
{
	uint8_t family = af == AF_INET6 ? 6 : af == AF_INET ? 4 : 0;

	if (!family || !value(a, ip_len(family)))
		return;
	*ip = (struct addr){ .family = family };
	memcpy(ip->ip, RTA_DATA(a), ip_len(family));
}

#define EACH_ATTR(a, left) for (; RTA_OK(a, left); a = RTA_NEXT(a, left))

/* ---- asking ---- */

typedef void on_message(void *arg, const struct nlmsghdr *h);

/* One datagram of the answer; 1: more to come, 0: complete, or -errno. */
static int take_answer(const struct nl *n, char *buf, ssize_t len, on_message *each, void *arg)
{
	for (const struct nlmsghdr *h = (void *)buf; NLMSG_OK(h, len); h = NLMSG_NEXT(h, len)) {
		if (h->nlmsg_seq != n->seq)
			continue; /* of a request that was given up */
		if (h->nlmsg_type == NLMSG_DONE)
			return 0;
		if (h->nlmsg_type == NLMSG_ERROR)
			return ((const struct nlmsgerr *)NLMSG_DATA(h))->error;
		each(arg, h);
		if (!(h->nlmsg_flags & NLM_F_MULTI))
			return 0;
	}
	return 1;
}

static int ask_on(struct nl *n, int fd, struct request *q, on_message *each, void *arg)
{
	_Alignas(struct nlmsghdr) char buf[REPLY];
	int more = 1;

	q->h.nlmsg_flags |= NLM_F_REQUEST;
	q->h.nlmsg_seq = ++n->seq;
	if (send(fd, q, q->h.nlmsg_len, 0) < 0)
		return -errno;
	while (more == 1) {
		ssize_t len = recv(fd, buf, sizeof buf, 0);

		if (len < 0 && errno != EINTR)
			return -errno;
		if (len > 0)
			more = take_answer(n, buf, len, each, arg);
	}
	return more;
}

static int ask(struct nl *n, struct request *q, on_message *each, void *arg)
{
	return ask_on(n, n->ask, q, each, arg);
}

/* ---- IPsec ---- */

/* Policies of sockets (an IKE daemon's own) are not meant. */
static void on_policy(void *arg, const struct nlmsghdr *h)
{
	const struct xfrm_userpolicy_info *p = NLMSG_DATA(h);

	*(bool *)arg |= h->nlmsg_type == XFRM_MSG_NEWPOLICY && p->dir == XFRM_POLICY_OUT;
}

bool nl_has_ipsec(struct nl *n)
{
	struct request q = { .h = { .nlmsg_type = XFRM_MSG_GETPOLICY,
				    .nlmsg_flags = NLM_F_DUMP,
				    .nlmsg_len = NLMSG_LENGTH(sizeof(struct xfrm_userpolicy_id)) } };
	bool any = false;

	return n->ask_ipsec >= 0 && ask_on(n, n->ask_ipsec, &q, on_policy, &any) == 0 && any;
}

void nl_skip_ipsec(struct nl *n)
{
	char buf[4096];

	while (recv(n->ipsec, buf, sizeof buf, MSG_DONTWAIT) > 0 || errno == ENOBUFS)
		;
}

/* ---- links ---- */

static bool is_text(const struct rtattr *a, const char *text)
{
	return RTA_PAYLOAD(a) == strlen(text) + 1 && memcmp(RTA_DATA(a), text, strlen(text) + 1) == 0;
}

static bool is_veth(const struct rtattr *info)
{
	struct rtattr *a = RTA_DATA(info);
	size_t left = RTA_PAYLOAD(info);

	EACH_ATTR(a, left) if (a->rta_type == IFLA_INFO_KIND) return is_text(a, "veth");
	return false;
}

static bool read_link(const struct nlmsghdr *h, struct nl_link *l)
{
	const struct ifinfomsg *i = NLMSG_DATA(h);
	struct rtattr *a = IFLA_RTA(i);
	size_t left = IFLA_PAYLOAD(h);
	bool veth = false, outside = false, queues = true;

	if (i->ifi_family != AF_UNSPEC) /* the same event again, from a bridge */
		return false;
	*l = (struct nl_link){ .ifindex = (uint32_t)i->ifi_index,
			       .type = i->ifi_type,
			       .up = i->ifi_flags & IFF_UP,
			       .gone = h->nlmsg_type == RTM_DELLINK };
	EACH_ATTR(a, left)
	{
		switch (a->rta_type) {
		case IFLA_MTU: l->mtu = value_u32(a); break;
		case IFLA_ADDRESS:
			if (RTA_PAYLOAD(a) == sizeof l->mac)
				memcpy(l->mac, RTA_DATA(a), sizeof l->mac);
			break;
		case IFLA_QDISC: queues = !is_text(a, "noqueue"); break;
		case IFLA_LINKINFO: veth = is_veth(a); break;
		case IFLA_LINK: l->peer = value_u32(a); break;
		case IFLA_MASTER: l->master = value_u32(a); break;
		case IFLA_LINK_NETNSID:
			outside = true;
			l->peer_ns = value_u32(a);
			break;
		}
	}
	l->straight = veth && outside && !queues;
	return true;
}

struct each_link {
	void (*each)(void *arg, const struct nl_link *l);
	void *arg;
};

static void on_link(void *arg, const struct nlmsghdr *h)
{
	struct each_link *e = arg;
	struct nl_link l;

	if (h->nlmsg_type == RTM_NEWLINK && read_link(h, &l))
		e->each(e->arg, &l);
}

int nl_links(struct nl *n, void (*each)(void *arg, const struct nl_link *l), void *arg)
{
	struct ifinfomsg all = { .ifi_family = AF_UNSPEC };
	struct request q = {
		.h = { .nlmsg_type = RTM_GETLINK, .nlmsg_flags = NLM_F_DUMP, .nlmsg_len = NLMSG_LENGTH(sizeof all) }
	};
	struct each_link e = { each, arg };

	memcpy(NLMSG_DATA(&q.h), &all, sizeof all);
	return ask(n, &q, on_link, &e);
}

static void on_peer(void *arg, const struct nlmsghdr *h)
{
	struct nl_link l;

	if (h->nlmsg_type == RTM_NEWLINK && read_link(h, &l))
		*(struct nl_link *)arg = l;
}

/* A link of another namespace; false: we may not look, or it has gone. */
static bool look_there(struct nl *n, uint32_t ns, uint32_t ifindex, struct nl_link *l)
{
	struct ifinfomsg one = { .ifi_family = AF_UNSPEC, .ifi_index = (int)ifindex };
	struct request q = { .h = { .nlmsg_type = RTM_GETLINK, .nlmsg_len = NLMSG_LENGTH(sizeof one) } };

	*l = (struct nl_link){ 0 };
	memcpy(NLMSG_DATA(&q.h), &one, sizeof one);
	put(&q, IFLA_TARGET_NETNSID, &ns, sizeof ns);
	return ask(n, &q, on_peer, l) == 0 && l->ifindex == ifindex;
}

bool nl_is_peer(struct nl *n, const struct nl_link *l, const uint8_t mac[6])
{
	struct nl_link end, bridge;

	if (!look_there(n, l->peer_ns, l->peer, &end))
		return false;
	if (!end.master)
		return memcmp(mac, end.mac, sizeof end.mac) == 0;
	return look_there(n, l->peer_ns, end.master, &bridge) && memcmp(mac, bridge.mac, sizeof bridge.mac) == 0;
}

/* ---- routes ---- */

static uint32_t metric_mtu(const struct rtattr *metrics)
{
	struct rtattr *a = RTA_DATA(metrics);
	size_t left = RTA_PAYLOAD(metrics);

	EACH_ATTR(a, left) if (a->rta_type == RTAX_MTU) return value_u32(a);
	return 0;
}

static void on_route(void *arg, const struct nlmsghdr *h)
{
	const struct rtmsg *m = NLMSG_DATA(h);
	struct rtattr *a = RTM_RTA(m);
	size_t left = RTM_PAYLOAD(h);
	struct nl_route *r = arg;

	if (h->nlmsg_type != RTM_NEWROUTE)
		return;
	r->kind = m->rtm_type == RTN_UNICAST ? NL_ROUTE_UNICAST
		  : m->rtm_type == RTN_LOCAL ? NL_ROUTE_LOCAL
					     : NL_ROUTE_NO;
	EACH_ATTR(a, left)
	{
		switch (a->rta_type) {
		case RTA_OIF: r->ifindex = value_u32(a); break;
		case RTA_GATEWAY: value_ip(a, m->rtm_family, &r->next); break;
		case RTA_PREFSRC: value_ip(a, m->rtm_family, &r->src); break;
		case RTA_METRICS: r->mtu = metric_mtu(a); break;
		case RTA_VIA: r->kind = NL_ROUTE_NO; break; /* a gateway of the other family */
		}
	}
}

int nl_route(struct nl *n, const struct addr *to, uint8_t tos, struct nl_route *out)
{
	struct rtmsg m = { .rtm_family = af_of(to->family), .rtm_dst_len = (unsigned char)(ip_len(to->family) * 8) };
	struct request q = { .h = { .nlmsg_type = RTM_GETROUTE, .nlmsg_len = NLMSG_LENGTH(sizeof m) } };

	m.rtm_tos = to->family == 4 ? tos & TOS_ROUTES : 0;
	memcpy(NLMSG_DATA(&q.h), &m, sizeof m);
	put(&q, RTA_DST, to->ip, ip_len(to->family));
	if (to->scope)
		put(&q, RTA_OIF, &to->scope, sizeof to->scope);
	*out = (struct nl_route){ .next = *to };
	return ask(n, &q, on_route, out);
}

/* ---- neighbours ---- */

struct found {
	bool known;
	uint8_t mac[6];
};

static bool read_neigh(const struct nlmsghdr *h, struct addr *ip, struct found *f)
{
	const struct ndmsg *m = NLMSG_DATA(h);
	struct rtattr *a = (struct rtattr *)((char *)m + NLMSG_ALIGN(sizeof *m));
	size_t left = NLMSG_PAYLOAD(h, sizeof *m);
	bool mac = false;

	EACH_ATTR(a, left)
	{
		if (a->rta_type == NDA_DST)
			value_ip(a, m->ndm_family, ip);
		if (a->rta_type == NDA_LLADDR && RTA_PAYLOAD(a) == sizeof f->mac) {
			memcpy(f->mac, RTA_DATA(a), sizeof f->mac);
			mac = true;
		}
	}
	f->known =
		mac && (m->ndm_state & (NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE | NUD_PROBE | NUD_STALE | NUD_DELAY));
	return ip->family;
}

static void on_neigh(void *arg, const struct nlmsghdr *h)
{
	struct addr ip = { 0 };

	if (h->nlmsg_type == RTM_NEWNEIGH)
		read_neigh(h, &ip, arg);
}

int nl_neigh(struct nl *n, uint32_t ifindex, const struct addr *ip, uint8_t mac[6])
{
	struct ndmsg m = { .ndm_family = af_of(ip->family), .ndm_ifindex = (int)ifindex };
	struct request q = { .h = { .nlmsg_type = RTM_GETNEIGH, .nlmsg_len = NLMSG_LENGTH(sizeof m) } };
	struct found f = { 0 };
	int err;

	memcpy(NLMSG_DATA(&q.h), &m, sizeof m);
	put(&q, NDA_DST, ip->ip, ip_len(ip->family));
	err = ask(n, &q, on_neigh, &f);
	if (err < 0)
		return err;
	memcpy(mac, f.mac, sizeof f.mac);
	return f.known ? 0 : -ENOENT;
}

/* ---- events ---- */

static void take_event(const struct nlmsghdr *h, const struct nl_events *e)
{
	struct addr ip = { 0 };
	struct found f;
	struct nl_link l;

	switch (h->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		if (read_link(h, &l))
			e->link(e->arg, &l);
		break;
	case RTM_NEWNEIGH:
	case RTM_DELNEIGH:
		if (read_neigh(h, &ip, &f))
			e->neigh(e->arg, (uint32_t)((const struct ndmsg *)NLMSG_DATA(h))->ndm_ifindex, &ip);
		break;
	default: e->other(e->arg);
	}
}

void nl_read(struct nl *n, const struct nl_events *e, bool *missed)
{
	_Alignas(struct nlmsghdr) char buf[REPLY];
	ssize_t len;

	*missed = false;
	while ((len = recv(n->events, buf, sizeof buf, MSG_DONTWAIT)) > 0 || errno == ENOBUFS) {
		*missed |= len < 0;
		for (const struct nlmsghdr *h = (void *)buf; len > 0 && NLMSG_OK(h, len); h = NLMSG_NEXT(h, len))
			take_event(h, e);
	}
}

/* ---- filters ---- */

struct each_filter {
	void (*each)(void *arg, const struct nl_filter *f);
	void *arg;
	bool ingress;
};

static void read_name(struct nl_filter *f, const struct rtattr *options)
{
	struct rtattr *a = RTA_DATA(options);
	size_t left = RTA_PAYLOAD(options);

	EACH_ATTR(a, left)
	{
		if (a->rta_type == TCA_BPF_NAME)
			span_copy((struct span){ RTA_DATA(a), strnlen(RTA_DATA(a), RTA_PAYLOAD(a)) }, f->name,
				  sizeof f->name);
	}
}

static void on_filter(void *arg, const struct nlmsghdr *h)
{
	const struct tcmsg *m = NLMSG_DATA(h);
	struct rtattr *a = TCA_RTA(m);
	size_t left = TCA_PAYLOAD(h);
	struct each_filter *e = arg;
	struct nl_filter f = { .handle = m->tcm_handle,
			       .priority = TC_H_MAJ(m->tcm_info) >> 16,
			       .ingress = e->ingress };

	if (h->nlmsg_type != RTM_NEWTFILTER || !m->tcm_handle)
		return;
	EACH_ATTR(a, left)
	{
		if (a->rta_type == TCA_OPTIONS)
			read_name(&f, a);
	}
	e->each(e->arg, &f);
}

void nl_filters(struct nl *n, uint32_t ifindex, void (*each)(void *arg, const struct nl_filter *f), void *arg)
{
	static const uint32_t parents[] = { TC_H_MIN_INGRESS, TC_H_MIN_EGRESS };

	for (size_t i = 0; i < ARRAY_LEN(parents); i++) {
		struct tcmsg m = { .tcm_ifindex = (int)ifindex, .tcm_parent = TC_H_MAKE(TC_H_CLSACT, parents[i]) };
		struct request q = { .h = { .nlmsg_type = RTM_GETTFILTER,
					    .nlmsg_flags = NLM_F_DUMP,
					    .nlmsg_len = NLMSG_LENGTH(sizeof m) } };
		struct each_filter e = { each, arg, parents[i] == TC_H_MIN_INGRESS };

		memcpy(NLMSG_DATA(&q.h), &m, sizeof m);
		ask(n, &q, on_filter, &e);
	}
}
