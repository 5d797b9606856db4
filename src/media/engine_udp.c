/*
 * media/engine_udp.c: the world of sockets: UDP ports, and a thread per worker that waits for them. The only file of
 * media that reads a clock. The sockets stay unconnected: strangers' packets must reach the latch, to be judged and
 * counted. ICMP errors come through the sockets' error queues.
 */
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "media/shared.h"

#define BATCH  8  /* packets taken from one socket at a time, when they queue up */
#define EVENTS 64 /* sockets looked at per turn */

struct udp_worker {
	struct worker w;
	pthread_t thread;
	int epoll, wake, event_fd;
	struct lane *lane; /* NULL: each port is polled, as those are that were opened before it came */
	bool late; /* more sockets have something to say than one turn hears: there may be several packets in each */
	atomic_bool woken; /* a wake-up is on its way: one is enough for all that is in the ring by then */
	struct mmsghdr msgs[BATCH];
	struct iovec iov[BATCH];
	struct sockaddr_storage names[BATCH];
	_Alignas(struct cmsghdr) char control[BATCH][CMSG_SPACE(sizeof(struct in6_pktinfo))];
	char bytes[BATCH][PACKET_MAX];
};

static ms_t clock_ms(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (ms_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* ---- sockets ---- */

static void set(int fd, int level, int name, int value)
{
	setsockopt(fd, level, name, &value, sizeof value);
}

static int udp_open(void *arg, const struct addr *bind_to, uint32_t *sock)
{
	bool v6 = bind_to->family == 6;
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(bind_to, &ss);
	int fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), err;

	(void)arg;
	if (fd < 0)
		return -errno;
	if (v6)
		set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	set(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_RECVERR : IP_RECVERR, 1);
	if (bind(fd, (struct sockaddr *)&ss, len) != 0) {
		err = errno;
		close(fd);
		return -err;
	}
	*sock = (uint32_t)fd;
	return 0;
}

static void udp_close(void *arg, uint32_t sock)
{
	(void)arg;
	close((int)sock);
}

/* An error that an earlier packet met is reported instead of sending this one: once more, then. */
static void udp_send(void *arg, uint32_t sock, const struct addr *to, struct span bytes)
{
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(to, &ss);

	(void)arg;
	if (sendto((int)sock, bytes.p, bytes.n, MSG_DONTWAIT, (struct sockaddr *)&ss, len) < 0 && errno != EAGAIN)
		sendto((int)sock, bytes.p, bytes.n, MSG_DONTWAIT, (struct sockaddr *)&ss, len);
}

const struct media_io udp_io = { .open = udp_open, .close = udp_close, .send = udp_send };

uint32_t udp_tos(uint32_t sock, const struct addr *bind_to, uint8_t tos)
{
	uint32_t priority = 0;
	socklen_t len = sizeof priority;

	if (bind_to->family == 6)
		set((int)sock, IPPROTO_IPV6, IPV6_TCLASS, tos);
	else
		set((int)sock, IPPROTO_IP, IP_TOS, tos);
	getsockopt((int)sock, SOL_SOCKET, SO_PRIORITY, &priority, &len);
	return priority;
}

int udp_event_fd(void)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	BUG_ON(fd < 0);
	return fd;
}

/* What a route must know of an RTP port: at which address its packets come. */
static void prepare_route(struct sock *k)
{
	bool v6 = k->ports->local.family == 6;

	set((int)k->id, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_RECVPKTINFO : IP_PKTINFO, 1);
}

/* ---- the thread ---- */

static void watch(struct worker *w, struct sock *k, bool on)
{
	struct udp_worker *u = container_of(w, struct udp_worker, w);
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = k };

	if (k->shared && lane_watch(u->lane, k, on))
		return;
	k->shared = false;
	if (on && w->routes && !k->is_rtcp)
		prepare_route(k);
	BUG_ON(epoll_ctl(u->epoll, on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, (int)k->id, &ev) != 0);
}

static void leave(struct worker *w, struct sock *k)
{
	if (k->shared)
		lane_leave(container_of(w, struct udp_worker, w)->lane, k);
}

static void share(struct worker *w, struct lane *lane)
{
	struct udp_worker *u = container_of(w, struct udp_worker, w);

	u->lane = lane;
	lane_begin(lane, w, u->epoll);
}

static void send_out(struct worker *w, struct sock *k, const struct addr *to, struct span bytes)
{
	if (k->shared)
		lane_send(container_of(w, struct udp_worker, w)->lane, k, to, bytes);
	else
		worker_send(w, k, to, bytes);
}

bool udp_error(int fd, struct addr *dest)
{
	struct sockaddr_storage ss;
	char control[512], byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr m = { .msg_name = &ss,
			    .msg_namelen = sizeof ss,
			    .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = sizeof control };

	if (recvmsg(fd, &m, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
		return false;
	*dest = m.msg_namelen ? addr_from_sockaddr((struct sockaddr *)&ss) : (struct addr){ 0 };
	return true;
}

static void take_errors(struct sock *k)
{
	struct addr to;

	while (udp_error((int)k->id, &to))
		worker_icmp(k, &to);
}

/* Told only where routes are made of it; else as the socket is bound. */
static struct addr arrived_at(const struct sock *k, struct msghdr *m)
{
	struct addr to = k->ports->local;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO)
			memcpy(to.ip, &((struct in_pktinfo *)CMSG_DATA(c))->ipi_addr, 4);
		else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO)
			memcpy(to.ip, &((struct in6_pktinfo *)CMSG_DATA(c))->ipi6_addr, 16);
	}
	return to;
}

/* One call for one packet costs less than one for many that finds one; epoll tells when there are more. */
static int receive(struct udp_worker *u, int fd)
{
	unsigned most = u->late ? BATCH : 1;
	ssize_t n;

	for (unsigned i = 0; i < most; i++) {
		u->msgs[i].msg_hdr.msg_namelen = sizeof u->names[i];
		u->msgs[i].msg_hdr.msg_controllen = sizeof u->control[i];
	}
	if (most > 1)
		return recvmmsg(fd, u->msgs, most, MSG_DONTWAIT, NULL);
	n = recvmsg(fd, &u->msgs[0].msg_hdr, MSG_DONTWAIT);
	u->msgs[0].msg_len = n < 0 ? 0 : (unsigned)n;
	return n < 0 ? 0 : 1;
}

static void take_packets(struct udp_worker *u, struct sock *k, ms_t now)
{
	int n = receive(u, (int)k->id);

	for (int i = 0; i < n; i++) {
		struct arrival p = { .from = addr_from_sockaddr((struct sockaddr *)&u->names[i]),
				     .to = arrived_at(k, &u->msgs[i].msg_hdr),
				     .bytes = { u->bytes[i], u->msgs[i].msg_len } };

		if (!(u->msgs[i].msg_hdr.msg_flags & MSG_TRUNC))
			worker_packet(k, &p, now);
	}
}

static int patience(struct worker *w, ms_t now)
{
	ms_t next = worker_next(w);

	return next == MS_NEVER ? -1 : next <= now ? 0 : (int)MIN(next - now, 3600000);
}

static void hear(struct udp_worker *u, struct sock *k, uint32_t events, ms_t now)
{
	if (!k->ports) {
		lane_hear(u->lane, k, events, now);
		return;
	}
	if (k->open && events & EPOLLERR)
		take_errors(k);
	if (k->open && events & EPOLLIN)
		take_packets(u, k, now);
}

/* Commands first: what packets mean may depend on them. Ports that they close stay in memory until the turn's end. */
static void turn(struct udp_worker *u)
{
	struct epoll_event evs[EVENTS];
	int n = epoll_wait(u->epoll, evs, EVENTS, patience(&u->w, clock_ms(CLOCK_MONOTONIC)));
	ms_t now = clock_ms(CLOCK_MONOTONIC);

	for (int i = 0; i < n; i++)
		if (!evs[i].data.ptr) /* before the ring is emptied: a command pushed from here on wakes up again */
			atomic_store(&u->woken, false);
	if (u->lane)
		lane_turn(u->lane, now);
	worker_commands(&u->w, now);
	u->late = n == EVENTS;
	for (int i = 0; i < n; i++)
		if (evs[i].data.ptr)
			hear(u, evs[i].data.ptr, evs[i].events, now);
	worker_timers(&u->w, now);
	if (u->lane)
		lane_flush(u->lane);
	if (u->w.told)
		eventfd_write(u->event_fd, 1);
	u->w.told = false;
}

static void *run(void *arg)
{
	struct udp_worker *u = arg;

	while (!u->w.stop)
		turn(u);
	return NULL;
}

static void prepare_batch(struct udp_worker *u)
{
	for (int i = 0; i < BATCH; i++) {
		u->iov[i] = (struct iovec){ u->bytes[i], PACKET_MAX };
		u->msgs[i].msg_hdr = (struct msghdr){
			.msg_name = &u->names[i], .msg_iov = &u->iov[i], .msg_iovlen = 1, .msg_control = u->control[i]
		};
	}
}

/* Signals are the main thread's. */
static void start_thread(struct udp_worker *u, unsigned number)
{
	sigset_t all, before;
	char name[16];

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	BUG_ON(pthread_create(&u->thread, NULL, run, u) != 0);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	snprintf(name, sizeof name, "media-%u", number);
	pthread_setname_np(u->thread, name);
}

struct udp_worker *udp_start(int event_fd, unsigned number, bool routes)
{
	struct udp_worker *u = xcalloc(1, sizeof *u);
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET, .data.ptr = NULL }; /* each write tells; none is read */

	worker_init(&u->w, &udp_io);
	u->w.watch = watch;
	u->w.leave = leave;
	u->w.share = share;
	u->w.send = send_out;
	u->w.routes = routes;
	u->w.wall0 = clock_ms(CLOCK_REALTIME) - clock_ms(CLOCK_MONOTONIC);
	u->event_fd = event_fd;
	u->epoll = epoll_create1(EPOLL_CLOEXEC);
	u->wake = udp_event_fd();
	BUG_ON(u->epoll < 0 || epoll_ctl(u->epoll, EPOLL_CTL_ADD, u->wake, &ev) != 0);
	prepare_batch(u);
	start_thread(u, number);
	return u;
}

struct worker *udp_worker(struct udp_worker *u)
{
	return &u->w;
}

void udp_wake(struct udp_worker *u)
{
	if (!atomic_exchange(&u->woken, true))
		eventfd_write(u->wake, 1);
}

void udp_stop(struct udp_worker *u)
{
	pthread_join(u->thread, NULL);
	free(u->w.socks.slots); /* some rest still */
	u->w.socks = (struct table){ 0 };
	close(u->epoll);
	close(u->wake);
}
