/*
 * media/lane.c: a worker's shared sockets (shared.h): one that hears all its ports, one that sends for all of them (of
 * each family). What a turn has to say is gathered and goes out at its end; what cannot go out that way takes the
 * port's own socket.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "media/shared.h"

#define BATCH     64         /* packets of one system call */
#define TOGETHER  8          /* of them whose streams fit into the processor's first cache */
#define LINE      64         /* of the cache */
#define DIRECT    1280       /* larger datagrams take the port's own socket: it may have to make fragments of them */
#define ROOM      (8 << 20)  /* for what waits to be heard */
#define OUT_ROOM  (16 << 20) /* for what waits to be sent: hosts that do not answer hold it up, each for itself */
#define WAY_MS    1000       /* how long a route is believed to give the same source address */
#define WAY_SETS  1024
#define WAY_EACH  4
#define ERRORS    16 /* streams whose peers last could not be reached */
#define SEARCH_MS 20 /* between two searches for such a stream */

struct outgoing {
	struct sock *k;
	struct addr to;
	struct sockaddr_storage name;
	_Alignas(struct cmsghdr) char tos[CMSG_SPACE(sizeof(int))];
	size_t head; /* of bytes */
	uint8_t bytes[DIRECT];
};

struct queue {
	struct mmsghdr msgs[BATCH];
	struct iovec iov[BATCH];
	struct outgoing packets[BATCH];
	unsigned n;
};

/* The address that packets leave with, as the routes say. */
struct way {
	struct addr to; /* without a port */
	uint8_t from[16];
	uint8_t tos;
	ms_t asked;
};

struct lane {
	struct steer *steer;
	struct worker *w;
	unsigned number;
	ms_t now, searched;
	uint64_t refused;
	int out[2], route[2]; /* IPv4, IPv6: raw; asked where packets leave */
	int spare;            /* a file that is there when none can be opened */
	int route_tos[2];
	bool fragment;     /* IPv4 datagrams of ours may be made fragments of on their way */
	struct sock in[2]; /* they have no ports: so the events are told apart */
	struct sock *errors[ERRORS];
	unsigned next_error;
	struct queue queues[2];
	struct way ways[WAY_SETS][WAY_EACH];
	struct mmsghdr msgs[BATCH];
	struct iovec iov[BATCH];
	struct sockaddr_storage names[BATCH];
	_Alignas(struct cmsghdr) char control[BATCH][CMSG_SPACE(sizeof(struct sockaddr_in6))];
	char bytes[BATCH][PACKET_MAX];
};

static bool set(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof value) == 0;
}

/* ---- beginning and end ---- */

static int family_of(bool v6)
{
	return v6 ? AF_INET6 : AF_INET;
}

/* The program gives it our packets wherever it is bound: where nobody else sends to. */
static int open_in(bool v6)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(family_of(v6), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0),
	    level = v6 ? IPPROTO_IPV6 : IPPROTO_IP;

	if (fd < 0)
		return -1;
	if (!set(fd, SOL_SOCKET, SO_RCVBUFFORCE, ROOM) || !set(fd, level, v6 ? IPV6_RECVERR : IP_RECVERR, 1) ||
	    !set(fd, level, v6 ? IPV6_RECVORIGDSTADDR : IP_RECVORIGDSTADDR, 1) ||
	    bind(fd, v6 ? (struct sockaddr *)&six : (struct sockaddr *)&four, v6 ? sizeof six : sizeof four) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static int open_out(bool v6)
{
	int fd = socket(family_of(v6), SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_RAW);

	if (fd < 0)
		return -1;
	if (!set(fd, SOL_SOCKET, SO_SNDBUFFORCE, OUT_ROOM) || !set(fd, SOL_SOCKET, SO_RCVBUF, 0) ||
	    (v6 && !set(fd, IPPROTO_IPV6, IPV6_HDRINCL, 1))) {
		close(fd);
		return -1;
	}
	return fd;
}

static void close_family(struct lane *l, bool v6)
{
	if (l->in[v6].open)
		close((int)l->in[v6].id);
	if (l->out[v6] >= 0)
		close(l->out[v6]);
	if (l->route[v6] >= 0)
		close(l->route[v6]);
	l->in[v6].open = false;
	l->out[v6] = l->route[v6] = -1;
}

static bool open_family(struct lane *l, bool v6)
{
	int in = open_in(v6), how;
	socklen_t len = sizeof how;

	l->out[v6] = open_out(v6);
	l->route[v6] = socket(family_of(v6), SOCK_DGRAM | SOCK_CLOEXEC, 0);
	l->in[v6] = (struct sock){ .id = (uint32_t)in, .open = in >= 0 };
	if (in >= 0 && l->out[v6] >= 0 && l->route[v6] >= 0 && steer_socket(l->steer, l->number, v6, in)) {
		if (!v6 && getsockopt(in, IPPROTO_IP, IP_MTU_DISCOVER, &how, &len) == 0)
			l->fragment = how == IP_PMTUDISC_DONT;
		return true;
	}
	close_family(l, v6);
	return false;
}

static void prepare(struct lane *l)
{
	for (int i = 0; i < BATCH; i++) {
		l->iov[i] = (struct iovec){ l->bytes[i], PACKET_MAX };
		l->msgs[i].msg_hdr = (struct msghdr){ .msg_name = &l->names[i],
						      .msg_namelen = sizeof l->names[i],
						      .msg_iov = &l->iov[i],
						      .msg_iovlen = 1,
						      .msg_control = l->control[i],
						      .msg_controllen = sizeof l->control[i] };
	}
}

struct lane *lane_new(struct steer *st, unsigned number, const char **why)
{
	struct lane *l = shared_pages(sizeof *l);

	l->steer = st;
	l->number = number;
	l->spare = l->out[1] = l->route[1] = -1;
	if (!open_family(l, false)) {
		*why = errno == EPERM ? "not permitted to send with headers of our own (CAP_NET_RAW)"
				      : "the sockets cannot be opened";
		munmap(l, sizeof *l);
		return NULL;
	}
	l->spare = fcntl(l->route[0], F_DUPFD_CLOEXEC, 0);
	open_family(l, true); /* hosts without IPv6 have no ports of it either */
	prepare(l);
	return l;
}

void lane_free(struct lane *l)
{
	close_family(l, false);
	close_family(l, true);
	if (l->spare >= 0)
		close(l->spare);
	munmap(l, sizeof *l);
}

bool lane_hears(const struct lane *l, bool v6)
{
	return l->in[v6].open;
}

void lane_begin(struct lane *l, struct worker *w, int epoll)
{
	l->w = w;
	for (int v6 = 0; v6 < 2; v6++) {
		struct epoll_event ev = { .events = EPOLLIN, .data.ptr = &l->in[v6] };

		if (l->in[v6].open)
			BUG_ON(epoll_ctl(epoll, EPOLL_CTL_ADD, (int)l->in[v6].id, &ev) != 0);
	}
}

void lane_turn(struct lane *l, ms_t now)
{
	l->now = now;
}

/* ---- which port ---- */

static uint64_t hash_of(uint16_t port, uint8_t family)
{
	return (port | (uint64_t)family << 16) * 0x9e3779b97f4a7c15u; /* no other two have it */
}

static struct addr bound_to(const struct sock *k)
{
	return addr_with_port(&k->ports->local, (uint16_t)(k->ports->local.port + k->is_rtcp));
}

static uint64_t hash_of_sock(const struct sock *k)
{
	return hash_of(bound_to(k).port, k->ports->local.family);
}

static struct sock *look_for(const struct lane *l, const struct addr *to)
{
	uint64_t hash = hash_of(to->port, to->family);
	size_t at = hash;
	struct sock *k;

	while ((k = table_next(&l->w->socks, hash, &at)))
		if (addr_is_any(&k->ports->local) || memcmp(k->ports->local.ip, to->ip, sizeof to->ip) == 0)
			return k;
	return NULL;
}

/* A port that was opened this moment may be heard before the command that tells us of it. */
static struct sock *find(struct lane *l, const struct addr *to)
{
	struct sock *k = look_for(l, to);

	if (k || !ring_depth(&l->w->in))
		return k;
	worker_commands(l->w, l->now);
	return look_for(l, to);
}

/* What came to a port's own socket while no worker heard it. */
static void take_own(struct lane *l, struct sock *k)
{
	struct sockaddr_storage name;
	char bytes[PACKET_MAX];
	socklen_t len = sizeof name;
	ssize_t n;

	while ((n = recvfrom((int)k->id, bytes, sizeof bytes, MSG_DONTWAIT, (struct sockaddr *)&name, &len)) >= 0) {
		struct arrival p = { .from = addr_from_sockaddr((struct sockaddr *)&name),
				     .to = bound_to(k),
				     .bytes = { bytes, (size_t)n } };

		worker_packet(k, &p, l->now);
		len = sizeof name;
	}
}

static void forget(struct lane *l, const struct sock *k)
{
	table_del(&l->w->socks, hash_of_sock(k), k);
	for (int i = 0; i < ERRORS; i++)
		if (l->errors[i] == k)
			l->errors[i] = NULL;
}

/*
 * On its way to another worker, a port with a socket of its own keeps its packets there. One without goes on being
 * ours: what comes meanwhile is lost.
 */
static bool unwatch(struct lane *l, struct sock *k)
{
	struct addr at = bound_to(k);

	lane_flush(l);
	forget(l, k);
	if (!(k->id & SOCK_BARE)) {
		steer_del(l->steer, &at);
		k->heard = 0;
	}
	return true;
}

bool lane_watch(struct lane *l, struct sock *k, bool on)
{
	struct addr at = bound_to(k);
	bool waited = !k->heard;

	if (!on)
		return unwatch(l, k);
	if (k->heard != l->number + 1 && !steer_put(l->steer, &at, l->number) && waited)
		return false;
	k->heard = (uint16_t)(l->number + 1);
	table_add(&l->w->socks, hash_of_sock(k), k);
	if (waited)
		take_own(l, k);
	return true;
}

void lane_leave(struct lane *l, struct sock *k)
{
	struct addr at = bound_to(k);

	if (k->heard)
		steer_del(l->steer, &at);
	k->heard = 0;
}

/* ---- hearing ---- */

static struct addr arrived_at(struct msghdr *m)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c))
		if ((c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_ORIGDSTADDR) ||
		    (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_ORIGDSTADDR))
			return addr_from_sockaddr((struct sockaddr *)CMSG_DATA(c));
	return (struct addr){ 0 };
}

static void take(struct lane *l, unsigned i, struct sock *k, const struct addr *to)
{
	struct msghdr *m = &l->msgs[i].msg_hdr;
	struct arrival p = { .from = addr_from_sockaddr((struct sockaddr *)&l->names[i]),
			     .to = *to,
			     .bytes = { l->bytes[i], l->msgs[i].msg_len } };

	if (k && !(m->msg_flags & MSG_TRUNC))
		worker_packet(k, &p, l->now);
	m->msg_namelen = sizeof l->names[i];
	m->msg_controllen = sizeof l->control[i];
}

/* All of it that packets touch. */
static void fetch(const struct stream *s)
{
	for (size_t at = 0; s && at < offsetof(struct stream, pub); at += LINE)
		__builtin_prefetch((const char *)s + at, 1);
}

/* Some packets at a time: what they will need comes into the cache together, while they are still looked at. */
static void take_some(struct lane *l, unsigned first, unsigned n)
{
	struct sock *socks[TOGETHER];
	struct addr to[TOGETHER];

	for (unsigned i = 0; i < n; i++) {
		to[i] = arrived_at(&l->msgs[first + i].msg_hdr);
		table_fetch(&l->w->socks, hash_of(to[i].port, to[i].family));
	}
	for (unsigned i = 0; i < n; i++)
		socks[i] = find(l, &to[i]);
	for (unsigned i = 0; i < n; i++)
		if (socks[i])
			fetch(socks[i]->ports->stream);
	for (unsigned i = 0; i < n; i++)
		if (socks[i] && socks[i]->ports->stream)
			fetch(socks[i]->ports->stream->peer);
	for (unsigned i = 0; i < n; i++)
		take(l, first + i, socks[i], &to[i]);
}

static bool sends_to(const struct sock *k, const struct addr *dest)
{
	const struct stream *s = k->ports->stream;

	return s && addr_eq(dest, k->is_rtcp ? &s->latch.remote_rtcp : &s->tx.to);
}

/*
 * Whose packet did not reach its peer? The kernel says where that went to, not where it came from. A search looks at
 * all our streams, so there are not many of them; who was found is found again at once.
 */
static struct sock *find_sender(struct lane *l, const struct addr *dest)
{
	struct table_walk walk = { 0 };
	struct sock *k;

	for (int i = 0; i < ERRORS; i++)
		if (l->errors[i] && sends_to(l->errors[i], dest))
			return l->errors[i];
	if (l->now - l->searched < SEARCH_MS)
		return NULL;
	l->searched = l->now;
	while ((k = table_each(&l->w->socks, &walk)))
		if (sends_to(k, dest))
			return l->errors[l->next_error++ % ERRORS] = k;
	return NULL;
}

static void take_errors(struct lane *l, int fd)
{
	struct addr to;
	struct sock *k;

	for (int i = 0; i < BATCH && udp_error(fd, &to); i++)
		if ((k = find_sender(l, &to)))
			worker_icmp(k, &to);
}

/* An error that waits is told instead of packets, once. */
void lane_hear(struct lane *l, const struct sock *in, uint32_t events, ms_t now)
{
	int fd = (int)in->id, n;

	l->now = now;
	if (events & EPOLLERR)
		take_errors(l, fd);
	n = recvmmsg(fd, l->msgs, BATCH, MSG_DONTWAIT, NULL);
	if (n < 0 && errno != EAGAIN)
		n = recvmmsg(fd, l->msgs, BATCH, MSG_DONTWAIT, NULL);
	for (int i = 0; i < n; i += TOGETHER)
		take_some(l, (unsigned)i, MIN((unsigned)(n - i), TOGETHER));
}

/* ---- saying ---- */

static bool ask_route(struct lane *l, const struct addr *to, unsigned tos, struct addr *from)
{
	static const struct sockaddr nowhere = { .sa_family = AF_UNSPEC };
	bool v6 = to->family == 6;
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(to, &ss);
	int fd = l->route[v6];

	if (l->route_tos[v6] != (int)tos)
		set(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_TCLASS : IP_TOS, (int)tos);
	l->route_tos[v6] = (int)tos;
	connect(fd, &nowhere, sizeof nowhere);
	if (connect(fd, (struct sockaddr *)&ss, len) != 0 || getsockname(fd, (struct sockaddr *)&ss, &len) != 0)
		return false;
	*from = addr_from_sockaddr((struct sockaddr *)&ss);
	return true;
}

/* The longest known one gives way to a new one. */
static struct way *look_at_ways(struct lane *l, const struct addr *ip, uint8_t tos)
{
	struct way *set = l->ways[addr_hash(ip) % WAY_SETS], *oldest = set;

	for (int i = 0; i < WAY_EACH; i++) {
		if (set[i].tos == tos && addr_eq(&set[i].to, ip))
			return &set[i];
		if (set[i].asked < oldest->asked)
			oldest = &set[i];
	}
	*oldest = (struct way){ .to = *ip, .tos = tos };
	return oldest;
}

/* The address that a packet of this port leaves with. */
static bool find_source(struct lane *l, const struct sock *k, const struct addr *to, struct addr *from)
{
	struct addr ip = addr_with_port(to, 0), found;
	struct way *s;

	*from = bound_to(k);
	if (!addr_is_any(from))
		return true;
	s = look_at_ways(l, &ip, k->ports->tos);
	if (!s->asked || l->now - s->asked >= WAY_MS) {
		if (!ask_route(l, to, s->tos, &found))
			return false;
		memcpy(s->from, found.ip, sizeof s->from);
		s->asked = l->now;
	}
	memcpy(from->ip, s->from, sizeof from->ip);
	return true;
}

/* With a socket for this packet alone. */
static void send_borrowed(struct lane *l, struct sock *k, const struct addr *to, struct span bytes)
{
	struct addr at = bound_to(k);
	uint32_t id;

	if (l->spare >= 0)
		close(l->spare);
	if (udp_io.open(udp_io.arg, &at, &id) == 0) {
		udp_tos(id, &at, k->ports->tos);
		udp_io.send(udp_io.arg, id, to, bytes);
		udp_io.close(udp_io.arg, id);
	}
	l->spare = fcntl(l->route[0], F_DUPFD_CLOEXEC, 0);
}

/* By the port's own socket. One without files can do no more than our raw socket, but for fragments. */
static void send_ordinary(struct lane *l, struct sock *k, const struct addr *to, struct span bytes, bool large)
{
	if (!(k->id & SOCK_BARE))
		udp_io.send(udp_io.arg, k->id, to, bytes);
	else if (large)
		send_borrowed(l, k, to, bytes);
}

static void put_tos(struct msghdr *m, struct outgoing *o, bool v6)
{
	int tos = o->k->ports->tos;
	struct cmsghdr *c;

	if (!tos)
		return;
	m->msg_control = o->tos;
	m->msg_controllen = sizeof o->tos;
	c = CMSG_FIRSTHDR(m);
	c->cmsg_level = v6 ? IPPROTO_IPV6 : IPPROTO_IP;
	c->cmsg_type = v6 ? IPV6_TCLASS : IP_TOS;
	c->cmsg_len = CMSG_LEN(sizeof tos);
	memcpy(CMSG_DATA(c), &tos, sizeof tos);
}

static void flush(struct lane *l, bool v6)
{
	struct queue *q = &l->queues[v6];
	unsigned done = 0;

	while (done < q->n) {
		int n = sendmmsg(l->out[v6], q->msgs + done, q->n - done, MSG_DONTWAIT);
		struct outgoing *o = &q->packets[done];

		if (n < 0)
			send_ordinary(l, o->k, &o->to,
				      (struct span){ (char *)o->bytes + o->head, q->iov[done].iov_len - o->head },
				      errno == EMSGSIZE);
		done += n < 0 ? 1 : (unsigned)n;
	}
	q->n = 0;
}

static void put(struct lane *l, struct sock *k, const struct addr *from, const struct addr *to, struct span bytes)
{
	bool v6 = to->family == 6;
	struct queue *q = &l->queues[v6];
	struct outgoing *o = &q->packets[q->n];
	struct addr target = addr_with_port(to, 0); /* to a raw socket it would be a protocol */
	struct msghdr *m = &q->msgs[q->n].msg_hdr;

	o->k = k;
	o->to = *to;
	*m = (struct msghdr){ .msg_name = &o->name, .msg_iov = &q->iov[q->n], .msg_iovlen = 1 };
	m->msg_namelen = addr_to_sockaddr(&target, &o->name);
	q->iov[q->n] = (struct iovec){ o->bytes, datagram_write(o->bytes, from, to, k->ports->tos, bytes) };
	o->head = q->iov[q->n].iov_len - bytes.n;
	if (!v6 && l->fragment)
		datagram_may_fragment(o->bytes);
	put_tos(m, o, v6);
	if (++q->n == BATCH)
		flush(l, v6);
}

void lane_send(struct lane *l, struct sock *k, const struct addr *to, struct span bytes)
{
	struct addr from;

	if (to->family != k->ports->local.family || bytes.n + DATAGRAM_HEAD > DIRECT || !find_source(l, k, to, &from))
		send_ordinary(l, k, to, bytes, true);
	else
		put(l, k, &from, to, bytes);
}

void lane_flush(struct lane *l)
{
	uint64_t refused = l->number ? 0 : steer_refused(l->steer);

	flush(l, false);
	flush(l, true);
	if (refused != l->refused)
		count_add(CNT_relay_flooded, refused - l->refused);
	l->refused = refused;
}
