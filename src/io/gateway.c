/*
 * io/gateway.c: what the kernel's table of routes says: the router that packets to the world go through, and whether an
 * address has a route of its own, and how it leads there. Asked when something begins or has changed, and for rare
 * destinations.
 */
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/priv.h"

#define REPLY 4096

struct question {
	struct nlmsghdr h;
	struct rtmsg r;
	char attrs[2 * RTA_SPACE(16)];
};

static void put_addr(struct question *q, unsigned short type, const struct addr *a)
{
	struct rtattr *t = (struct rtattr *)(q->attrs + (q->h.nlmsg_len - offsetof(struct question, attrs)));
	size_t n = a->family == 6 ? 16 : 4;

	t->rta_type = type;
	t->rta_len = (unsigned short)RTA_LENGTH(n);
	memcpy(RTA_DATA(t), a->ip, n);
	q->h.nlmsg_len += (uint32_t)RTA_SPACE(n);
}

/* The kernel's answer, in buf; NULL: none. bound: family 0: from anywhere. */
static const struct nlmsghdr *ask(const struct addr *to, const struct addr *bound, unsigned flags,
				  char buf[static REPLY])
{
	unsigned char bits = to->family == 6 ? 128 : 32;
	struct question q = {
		.h = { .nlmsg_len = offsetof(struct question, attrs),
		       .nlmsg_type = RTM_GETROUTE,
		       .nlmsg_flags = NLM_F_REQUEST },
		.r = { .rtm_family = to->family == 6 ? AF_INET6 : AF_INET, .rtm_dst_len = bits, .rtm_flags = flags }
	};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	const struct nlmsghdr *h = (const struct nlmsghdr *)buf;
	ssize_t got = -1;

	if (fd < 0)
		return NULL;
	put_addr(&q, RTA_DST, to);
	if (bound->family == to->family) {
		q.r.rtm_src_len = bits;
		put_addr(&q, RTA_SRC, bound);
	}
	if (send(fd, &q, q.h.nlmsg_len, 0) >= 0)
		got = recv(fd, buf, REPLY, 0); /* the kernel has answered by now */
	close(fd);
	return got >= 0 && NLMSG_OK(h, (unsigned)got) && h->nlmsg_type == RTM_NEWROUTE &&
			       h->nlmsg_len >= NLMSG_LENGTH(sizeof(struct rtmsg))
		       ? h
		       : NULL;
}

static struct addr read_addr(const struct rtattr *t, uint8_t family)
{
	struct addr a = { 0 };

	if (RTA_PAYLOAD(t) != (family == 6 ? 16 : 4))
		return a;
	a.family = family;
	memcpy(a.ip, RTA_DATA(t), RTA_PAYLOAD(t));
	return a;
}

static void read_dev(const struct rtattr *t, char dev[IF_NAMESIZE])
{
	int index;

	if (RTA_PAYLOAD(t) != sizeof index)
		return;
	memcpy(&index, RTA_DATA(t), sizeof index);
	if (!if_indextoname((unsigned)index, dev))
		dev[0] = '\0';
}

static void read_route(const struct nlmsghdr *h, uint8_t family, struct net_route *r)
{
	const struct rtmsg *m = NLMSG_DATA(h);
	int left = (int)RTM_PAYLOAD(h);

	for (struct rtattr *t = RTM_RTA(m); RTA_OK(t, left); t = RTA_NEXT(t, left)) {
		if (t->rta_type == RTA_GATEWAY)
			r->via = read_addr(t, family);
		else if (t->rta_type == RTA_PREFSRC)
			r->from = read_addr(t, family);
		else if (t->rta_type == RTA_DST)
			r->net = read_addr(t, family);
		else if (t->rta_type == RTA_OIF)
			read_dev(t, r->dev);
	}
	r->len = m->rtm_dst_len;
}

static bool leads_somewhere(const struct nlmsghdr *h)
{
	const struct rtmsg *m = h ? NLMSG_DATA(h) : NULL;

	return h && (m->rtm_type == RTN_UNICAST || m->rtm_type == RTN_LOCAL);
}

/* Does the address belong to another interface than the one that the packets leave by? What lo has is the host's. */
static bool is_beside(const struct net_route *r)
{
	struct io_interface list[64];
	size_t n = io_interfaces(list, ARRAY_LEN(list));
	bool known = false;

	for (size_t i = 0; i < n; i++) {
		if (!addr_ip_eq(&list[i].addr, &r->from))
			continue;
		if (strcmp(list[i].name, r->dev) == 0 || strcmp(list[i].name, "lo") == 0)
			return false;
		known = true;
	}
	return known;
}

bool gateway_route(const struct addr *to, const struct addr *bound, struct net_route *r)
{
	char buf[REPLY] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct net_route match = { 0 };
	const struct nlmsghdr *h = ask(to, bound, 0, buf);
	const struct rtmsg *m = h ? NLMSG_DATA(h) : NULL;
	bool local = m && m->rtm_type == RTN_LOCAL;

	*r = (struct net_route){ 0 };
	if (!leads_somewhere(h))
		return false;
	read_route(h, to->family, r);
	if (bound->family == to->family)
		r->from = addr_with_port(bound, 0);
	h = ask(to, bound, RTM_F_FIB_MATCH, buf);
	if (h)
		read_route(h, to->family, &match);
	r->len = match.len;
	r->net = match.len ? match.net : (struct addr){ .family = to->family };
	r->beside = !local && is_beside(r);
	return true;
}

struct addr gateway_find(uint8_t family)
{
	const struct addr world = { .family = family, .ip = { family == 6 ? 0x20 : 192, 0, 0, family == 6 ? 0 : 1 } };
	char buf[REPLY] __attribute__((aligned(NLMSG_ALIGNTO)));
	const struct nlmsghdr *h = ask(&world, &(struct addr){ 0 }, 0, buf);
	struct net_route r = { 0 };

	if (h)
		read_route(h, family, &r);
	return r.via;
}

bool gateway_is_avoided(const struct addr *to)
{
	char buf[REPLY] __attribute__((aligned(NLMSG_ALIGNTO)));
	const struct nlmsghdr *h = ask(to, &(struct addr){ 0 }, RTM_F_FIB_MATCH, buf);
	const struct rtmsg *m = h ? NLMSG_DATA(h) : NULL;

	return leads_somewhere(h) && m->rtm_dst_len > 0;
}
