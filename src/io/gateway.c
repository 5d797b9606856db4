/*
 * io/gateway.c: what the kernel's table of routes says: the router that packets to the world go through, and whether an
 * address has a route of its own. Asked when something begins or has changed, and for rare destinations.
 */
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/priv.h"

struct question {
	struct nlmsghdr h;
	struct rtmsg r;
	struct rtattr to;
	uint8_t ip[16];
};

static struct addr read_gateway(const struct nlmsghdr *h, uint8_t family)
{
	const struct rtmsg *r = NLMSG_DATA(h);
	struct addr a = { 0 };
	int left = (int)RTM_PAYLOAD(h);

	if (h->nlmsg_type != RTM_NEWROUTE || h->nlmsg_len < NLMSG_LENGTH(sizeof *r))
		return a;
	for (struct rtattr *t = RTM_RTA(r); RTA_OK(t, left); t = RTA_NEXT(t, left)) {
		if (t->rta_type != RTA_GATEWAY || RTA_PAYLOAD(t) != (family == 6 ? 16 : 4))
			continue;
		a.family = family;
		memcpy(a.ip, RTA_DATA(t), RTA_PAYLOAD(t));
	}
	return a;
}

/* The kernel's answer, in buf; NULL: none. */
static const struct nlmsghdr *ask(const struct addr *to, unsigned flags, char *buf, size_t cap)
{
	size_t n = to->family == 6 ? 16 : 4;
	struct question q = { .h = { .nlmsg_len = (uint32_t)(offsetof(struct question, ip) + n),
				     .nlmsg_type = RTM_GETROUTE,
				     .nlmsg_flags = NLM_F_REQUEST },
			      .r = { .rtm_family = to->family == 6 ? AF_INET6 : AF_INET,
				     .rtm_dst_len = (unsigned char)(n * 8),
				     .rtm_flags = flags },
			      .to = { .rta_len = (unsigned short)RTA_LENGTH(n), .rta_type = RTA_DST } };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	ssize_t got = -1;

	if (fd < 0)
		return NULL;
	memcpy(q.ip, to->ip, n);
	if (send(fd, &q, q.h.nlmsg_len, 0) >= 0)
		got = recv(fd, buf, cap, 0); /* the kernel has answered by now */
	close(fd);
	return got >= 0 && NLMSG_OK((struct nlmsghdr *)buf, (unsigned)got) ? (struct nlmsghdr *)buf : NULL;
}

struct addr gateway_find(uint8_t family)
{
	const struct addr world = { .family = family, .ip = { family == 6 ? 0x20 : 192, 0, 0, family == 6 ? 0 : 1 } };
	char buf[4096] __attribute__((aligned(NLMSG_ALIGNTO)));
	const struct nlmsghdr *h = ask(&world, 0, buf, sizeof buf);

	return h ? read_gateway(h, family) : (struct addr){ 0 };
}

bool gateway_is_avoided(const struct addr *to)
{
	char buf[4096] __attribute__((aligned(NLMSG_ALIGNTO)));
	const struct nlmsghdr *h = ask(to, RTM_F_FIB_MATCH, buf, sizeof buf);
	const struct rtmsg *r = h ? NLMSG_DATA(h) : NULL;

	return h && h->nlmsg_type == RTM_NEWROUTE && h->nlmsg_len >= NLMSG_LENGTH(sizeof *r) &&
	       (r->rtm_type == RTN_UNICAST || r->rtm_type == RTN_LOCAL) && r->rtm_dst_len > 0;
}
