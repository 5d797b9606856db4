/* bench/load_port.c: UDP in batches. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "load.h"

us_t load_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (us_t)t.tv_sec * 1000000u + (us_t)t.tv_nsec / 1000;
}

void load_die(const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "sipload: ");
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(2);
}

struct sockaddr_in load_addr(const char *text)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	struct span host = span_of(text), port;
	long colon = span_rchr(host, ':');
	char buf[32];
	uint32_t n;

	port = span_from(host, (size_t)(colon + 1));
	host = span_sub(host, 0, colon < 0 ? 0 : (size_t)colon);
	if (!span_copy(host, buf, sizeof buf) || inet_pton(AF_INET, buf, &a.sin_addr) != 1 ||
	    !span_u32(port, 65535, &n))
		load_die("not an IPv4 address and port: %s", text);
	a.sin_port = htons((uint16_t)n);
	return a;
}

static void hook(struct mmsghdr *m, char *bytes, struct sockaddr_in *name)
{
	for (unsigned i = 0; i < PORT_BATCH; i++) {
		m[i].msg_hdr.msg_iov = xcalloc(1, sizeof(struct iovec));
		m[i].msg_hdr.msg_iov->iov_base = bytes + (size_t)i * PORT_BYTES;
		m[i].msg_hdr.msg_iov->iov_len = PORT_BYTES;
		m[i].msg_hdr.msg_iovlen = 1;
		m[i].msg_hdr.msg_name = &name[i];
		m[i].msg_hdr.msg_namelen = sizeof name[i];
	}
}

static void enter(const char *ns)
{
	char path[128];
	struct out o = out_fixed(path, sizeof path);
	int fd;

	out_fmt(&o, "%s%s%c", ns[0] == '/' ? "" : "/run/netns/", ns, 0);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (out_done(&o) < 0 || fd < 0 || setns(fd, CLONE_NEWNET) != 0)
		load_die("network namespace %s: %s", ns, strerror(errno));
	close(fd);
}

int load_enter(const char *ns)
{
	int home = ns ? open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC) : -1;

	if (ns)
		enter(ns);
	return home;
}

void load_leave(int home)
{
	if (home >= 0 && setns(home, CLONE_NEWNET) != 0)
		load_die("back into the network namespace: %s", strerror(errno));
	if (home >= 0)
		close(home);
}

int load_socket(const struct sockaddr_in *me, const char *ns)
{
	int home = load_enter(ns), size = 32 << 20, fd;

	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (const struct sockaddr *)me, sizeof *me) != 0)
		load_die("no socket on %s:%u: %s", inet_ntoa(me->sin_addr), ntohs(me->sin_port), strerror(errno));
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) != 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
	load_leave(home);
	return fd;
}

struct sockaddr_in load_rtp_of(const struct sockaddr_in *sip)
{
	struct sockaddr_in a = *sip;

	a.sin_port = htons((uint16_t)(ntohs(sip->sin_port) + RTP_OFFSET));
	return a;
}

struct port *port_open(int fd, struct sockaddr_in me, struct sockaddr_in peer)
{
	struct port *p = xcalloc(1, sizeof *p);

	p->me = me;
	p->peer = peer;
	p->fd = fd;
	p->in = xcalloc(PORT_BATCH, sizeof *p->in);
	p->out = xcalloc(PORT_BATCH, sizeof *p->out);
	p->in_bytes = xcalloc(PORT_BATCH, PORT_BYTES);
	p->out_bytes = xcalloc(PORT_BATCH, PORT_BYTES);
	p->in_from = xcalloc(PORT_BATCH, sizeof *p->in_from);
	p->out_to = xcalloc(PORT_BATCH, sizeof *p->out_to);
	hook(p->in, p->in_bytes, p->in_from);
	hook(p->out, p->out_bytes, p->out_to);
	return p;
}

struct out port_compose(struct port *p)
{
	if (p->n_out == PORT_BATCH)
		port_flush(p);
	return out_fixed(p->out_bytes + (size_t)p->n_out * PORT_BYTES, PORT_BYTES);
}

void port_add_to(struct port *p, const struct out *o, const struct sockaddr_in *to)
{
	BUG_ON(out_done(o) < 0);
	p->out[p->n_out].msg_hdr.msg_iov->iov_len = o->n;
	p->out_to[p->n_out] = *to;
	p->n_out++;
}

void port_add(struct port *p, const struct out *o)
{
	port_add_to(p, o, &p->peer);
}

/* A datagram that is refused (nobody listens) is gone, as on a network. */
void port_flush(struct port *p)
{
	unsigned at = 0;

	while (at < p->n_out) {
		int n = sendmmsg(p->fd, p->out + at, p->n_out - at, 0);

		if (n < 0 && errno != ECONNREFUSED && errno != EINTR && errno != ENOBUFS && errno != EPERM)
			load_die("sendmmsg: %s", strerror(errno));
		at += n > 0 ? (unsigned)n : errno == EINTR ? 0 : 1;
	}
	p->n_out = 0;
}

unsigned port_take(struct port *p)
{
	int n;

	for (unsigned i = 0; i < PORT_BATCH; i++)
		p->in[i].msg_hdr.msg_namelen = sizeof p->in_from[i];
	n = recvmmsg(p->fd, p->in, PORT_BATCH, MSG_DONTWAIT, NULL);
	return n > 0 ? (unsigned)n : 0;
}

struct span port_message(const struct port *p, unsigned i)
{
	return (struct span){ p->in_bytes + (size_t)i * PORT_BYTES, p->in[i].msg_len };
}

bool port_wait(struct port *const ports[], unsigned n, us_t until)
{
	struct pollfd fds[4];
	us_t now = load_now(), left = until > now ? until - now : 0;
	struct timespec t = { (time_t)(left / 1000000), (long)(left % 1000000) * 1000 };

	BUG_ON(n > ARRAY_LEN(fds));
	for (unsigned i = 0; i < n; i++)
		fds[i] = (struct pollfd){ .fd = ports[i]->fd, .events = POLLIN };
	return ppoll(fds, n, &t, NULL) > 0;
}
