/*
 * io/udp.c: datagrams come in batches, with the address that each came to. Sending them is udp_out.c's.
 *
 * A socket bound to the wildcard address learns from IP_PKTINFO which of our addresses a datagram came to, and says so
 * when it sends: a NAT router (and a phone) drops an answer that comes from another address than the one it asked.
 * IP_RECVERR queues what ICMP says about our own datagrams, with the destination they had: a phone that is gone is
 * known after one round trip instead of 32 s. Path MTU discovery is off: a message that is too long is better
 * fragmented than lost.
 */
#include <errno.h>
#include <time.h>
#include <linux/errqueue.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/priv.h"
#include "base/trace.h"

#define BATCHES_MAX 8            /* per wake-up, then the others get their turn */
#define KERNEL_ROOM (32 << 20)   /* bytes asked for in each direction: what comes while others have the processor */
#define BEARABLE_NS 500000000u   /* of not keeping up: T1, RFC 3261 17.1.1.2; then peers begin to repeat */
#define STAMPS_NS   10000000000u /* without falling behind: then the kernel need not note times any more */
#define CMSG_ROOM   256

static void set_options(int fd, const struct addr *bind)
{
	bool v6 = bind->family == 6;
	int on = 1, room = KERNEL_ROOM, level = v6 ? IPPROTO_IPV6 : IPPROTO_IP;
	int no_discovery = v6 ? IPV6_PMTUDISC_DONT : IP_PMTUDISC_DONT;

	if (addr_is_any(bind))
		setsockopt(fd, level, v6 ? IPV6_RECVPKTINFO : IP_PKTINFO, &on, sizeof on);
	setsockopt(fd, level, v6 ? IPV6_RECVERR : IP_RECVERR, &on, sizeof on);
	setsockopt(fd, level, v6 ? IPV6_MTU_DISCOVER : IP_MTU_DISCOVER, &no_discovery, sizeof no_discovery);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room) < 0) /* beyond net.core.rmem_max: as root */
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room) < 0)
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
}

/* Can the kernel take several datagrams at once (UDP_SEGMENT)? */
static bool cuts(int fd)
{
	int size;
	socklen_t n = sizeof size;

	return getsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &size, &n) == 0;
}

int udp_open(struct io_loop *l, const struct net_listen *ask, struct sock **out)
{
	int fd = sock_open(ask, SOCK_DGRAM), err;
	struct sockaddr_storage ss;
	socklen_t n = addr_to_sockaddr(&ask->bind, &ss);

	if (fd < 0)
		return fd;
	set_options(fd, &ask->bind);
	if (bind(fd, (struct sockaddr *)&ss, n) < 0) {
		err = -errno;
		close(fd);
		return err;
	}
	*out = sock_new(l, SOCK_UDP, fd);
	(*out)->gso = ask->gso && cuts(fd);
	return 0;
}

/* ---- in ---- */

/* Fills in the address that the datagram came to. */
static void take_local(struct msghdr *h, struct addr *local)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo info;

			memcpy(&info, CMSG_DATA(c), sizeof info);
			local->family = 4;
			memcpy(local->ip, &info.ipi_addr, 4);
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo info;

			memcpy(&info, CMSG_DATA(c), sizeof info);
			local->family = 6;
			memcpy(local->ip, &info.ipi6_addr, 16);
			local->scope = IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr) ? info.ipi6_ifindex : 0;
		}
	}
}

/* One error that a sent datagram met; false when there is none. Its data is not needed. */
static bool read_error(struct sock *s)
{
	char control[512], data[1];
	struct sockaddr_storage ss = { 0 };
	struct iovec iov = { data, sizeof data };
	struct msghdr h = { .msg_name = &ss,
			    .msg_namelen = sizeof ss,
			    .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = sizeof control };
	struct flow f = sock_flow(s);

	if (recvmsg(s->fd, &h, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
		return false;
	f.peer = addr_from_sockaddr((struct sockaddr *)&ss);
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&h); c; c = CMSG_NXTHDR(&h, c)) {
		struct sock_extended_err e;
		bool v4 = c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR;
		bool v6 = c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR;

		if (!v4 && !v6)
			continue;
		memcpy(&e, CMSG_DATA(c), sizeof e);
		if (e.ee_errno && e.ee_errno != EMSGSIZE && f.peer.family)
			s->loop->sink.failed(s->loop->sink.arg, &f, -(int)e.ee_errno);
	}
	return true;
}

static void read_errors(struct sock *s)
{
	for (int i = 0; i < 256 && !s->closed; i++)
		if (!read_error(s))
			return;
}

static void deliver(struct sock *s, struct mmsghdr *m, char *bytes)
{
	struct flow f = sock_flow(s);

	f.peer = addr_from_sockaddr(m->msg_hdr.msg_name);
	take_local(&m->msg_hdr, &f.local);
	s->loop->datagrams++;
	if (m->msg_len && f.peer.port && !(m->msg_hdr.msg_flags & MSG_TRUNC))
		s->loop->sink.input(s->loop->sink.arg, &f, (struct span){ bytes, m->msg_len });
}

struct inbox {
	struct mmsghdr m[RECV_BATCH];
	struct iovec iov[RECV_BATCH];
	struct sockaddr_storage from[RECV_BATCH];
	union {
		char room[CMSG_ROOM];
		struct cmsghdr align;
	} control[RECV_BATCH];
};

/* What receiving changes, as it was before. */
static void empty(struct inbox *in, int i)
{
	in->m[i].msg_hdr.msg_namelen = sizeof in->from[i];
	in->m[i].msg_hdr.msg_controllen = CMSG_ROOM;
}

struct inbox *inbox_new(char *room)
{
	struct inbox *in = xcalloc(1, sizeof *in);

	for (int i = 0; i < RECV_BATCH; i++) {
		in->iov[i] = (struct iovec){ room + (size_t)i * RECV_ROOM, RECV_MOST };
		in->m[i].msg_hdr = (struct msghdr){ .msg_name = &in->from[i],
						    .msg_iov = &in->iov[i],
						    .msg_iovlen = 1,
						    .msg_control = in->control[i].room };
		empty(in, i);
	}
	return in;
}

static uint64_t wall_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* When it came, as the kernel noted it; 0: it did not. */
static uint64_t stamp_of(struct msghdr *h)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
		struct timespec t;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_TIMESTAMPNS)
			continue;
		memcpy(&t, CMSG_DATA(c), sizeof t);
		return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
	}
	return 0;
}

/* Noting times costs each packet of the whole host a little: so it is done only while it is wanted. */
static void stamp(struct sock *s, bool on)
{
	int value = on;

	if (on != (s->stamped_ns != 0))
		setsockopt(s->fd, SOL_SOCKET, SO_TIMESTAMPNS, &value, sizeof value);
	s->stamped_ns = on ? uv_hrtime() : 0;
}

/* Returns how many datagrams came, or -errno. What came before times were noted is stamped when it is read. */
static int read_batch(struct sock *s)
{
	struct inbox *in = s->loop->inbox;
	uint64_t before = s->stamped_ns ? wall_ns() : 0;
	int n = recvmmsg(s->fd, in->m, RECV_BATCH, MSG_DONTWAIT, NULL);

	if (n < 0)
		return -errno;
	s->came_ns = s->stamped_ns && n == RECV_BATCH ? stamp_of(&in->m[0].msg_hdr) : 0;
	if (s->came_ns >= before)
		s->came_ns = 0;
	for (int i = 0; i < n; i++) {
		if (!s->closed)
			deliver(s, &in->m[i], in->iov[i].iov_base);
		empty(in, i);
	}
	return n;
}

/* How much of the room for datagrams is taken, in percent. */
static unsigned room_taken(struct sock *s)
{
	uint32_t mem[SK_MEMINFO_VARS] = { 0 };
	socklen_t n = sizeof mem;

	if (getsockopt(s->fd, SOL_SOCKET, SO_MEMINFO, mem, &n) < 0 || !mem[SK_MEMINFO_RCVBUF])
		return 0;
	return (unsigned)((uint64_t)mem[SK_MEMINFO_RMEM_ALLOC] * 100 / mem[SK_MEMINFO_RCVBUF]);
}

/* How long what is read now has waited: no longer than since the queue was last empty. */
static uint64_t waited_ns(const struct sock *s)
{
	uint64_t since = s->behind_ns ? uv_hrtime() - s->behind_ns : 0, now;

	if (!s->behind_ns || !s->came_ns)
		return since;
	now = wall_ns();
	return now > s->came_ns ? MIN(since, now - s->came_ns) : 0;
}

/* Asked only when a batch was full: else the queue is empty. */
static unsigned backlog_of(struct sock *s)
{
	uint64_t waited = waited_ns(s) * 100 / BEARABLE_NS;
	unsigned taken = room_taken(s);

	return (unsigned)MAX(waited, taken);
}

static void caught_up(struct sock *s)
{
	s->behind_ns = 0;
	if (s->stamped_ns && uv_hrtime() - s->stamped_ns > STAMPS_NS)
		stamp(s, false);
}

/* Woken for datagrams, mostly; an error that waits makes the read fail, or leaves nothing to read. */
static void read_some(struct sock *s)
{
	for (int i = 0; i < BATCHES_MAX && !s->closed; i++) {
		int n = read_batch(s);

		s->loop->backlog = n == RECV_BATCH ? backlog_of(s) : 0;
		if (n != RECV_BATCH)
			caught_up(s);
		if (n < 0 && n != -EINTR && (i == 0 || n != -EAGAIN))
			read_errors(s);
		if (n == -EAGAIN || n == -EINTR || (n >= 0 && n < RECV_BATCH))
			return;
	}
	s->loop->more = true;
	if (!s->behind_ns)
		s->behind_ns = uv_hrtime();
	stamp(s, true);
}

void udp_ready(struct sock *s, int events)
{
	if (events & UV_WRITABLE)
		udp_send_queued(s);
	if (!s->closed && (events & UV_READABLE))
		read_some(s);
}
