/*
 * io/tcp.c: connections, accepted and made; those of TLS stand when their handshake is done (tls.c).
 *
 * What the kernel does not take at once waits in a queue with an end: a peer that stops reading is closed rather than
 * buffered for. A peer that vanishes without a FIN is noticed by TCP_USER_TIMEOUT when we have something to say, and by
 * keepalive (the transport's options) when we have not. Failures are told from the loop, never from inside send().
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/priv.h"
#include "base/trace.h"

#define CONNECT_TIMEOUT 10000 /* ms, a handshake included */
#define SILENT_TIMEOUT  30000 /* ms that sent bytes may go without an acknowledgement */
#define ACCEPT_PAUSE    500   /* when fds or memory are out */
#define QUEUE_MAX       (1u << 20)
#define BACKLOG         1024
#define ACCEPTS_MAX     64 /* per wake-up */
#define SHAKE_BURST     20 /* ms: half of it may be taken by handshakes at once */
#define SHAKE_PAUSE     10

static void set_options(int fd, const struct net_listen *ask)
{
	int on = 1, silent = SILENT_TIMEOUT;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &silent, sizeof silent);
	if (!ask->tcp_keepalive)
		return;
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
	if (ask->keep_idle > 0)
		setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &ask->keep_idle, sizeof ask->keep_idle);
	if (ask->keep_interval > 0)
		setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &ask->keep_interval, sizeof ask->keep_interval);
	if (ask->keep_probes > 0)
		setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &ask->keep_probes, sizeof ask->keep_probes);
}

/* The listener pauses until there may be fds again. */
static void accept_again(struct timer *t, ms_t now UNUSED)
{
	sock_poll(container_of(t, struct sock, later), UV_READABLE);
}

int tcp_open(struct io_loop *l, const struct net_listen *ask, struct sock **out)
{
	int fd = sock_open(ask, SOCK_STREAM), on = 1, err;
	struct sockaddr_storage ss;
	socklen_t n = addr_to_sockaddr(&ask->bind, &ss);

	if (fd < 0)
		return fd;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on); /* connections of an earlier run linger */
	if (bind(fd, (struct sockaddr *)&ss, n) < 0 || listen(fd, BACKLOG) < 0) {
		err = -errno;
		close(fd);
		return err;
	}
	*out = sock_new(l, SOCK_LISTEN, fd);
	(*out)->later.fire = accept_again;
	return 0;
}

static void tell_failure(struct sock *s, int err)
{
	struct flow f = sock_flow(s);
	struct io_loop *l = s->loop;
	char text[ADDR_STRLEN];

	trace(EV_IO_CONN, NULL, "%s %s closed%s%s", net_proto_name(s->ask.proto), addr_str(&s->peer, text),
	      err ? ": " : " by the peer", err ? strerror(-err) : "");
	sock_close(s);
	l->sink.failed(l->sink.arg, &f, err);
}

static void fail_later(struct timer *t, ms_t now UNUSED)
{
	struct sock *s = container_of(t, struct sock, later);

	tell_failure(s, s->err ? s->err : -ETIMEDOUT);
}

static struct sock *conn_new(struct sock *listener, int fd)
{
	struct sock *s = sock_new(listener->loop, SOCK_CONN, fd);

	s->listener = listener->id;
	s->ask = listener->ask;
	s->later.fire = fail_later;
	set_options(fd, &s->ask);
	return s;
}

/* ---- the handshake of TLS ---- */

static void opened(struct sock *s);

/*
 * A handshake costs us a signature, a millisecond with RSA, and a stranger nothing: they take half of the thread's time
 * at most. Who comes meanwhile waits in the kernel; who is connected already waits for his turn.
 */
static bool is_shaken_enough(const struct io_loop *l)
{
	return l->shakes.due_ns > uv_hrtime();
}

static int shake_once(struct sock *s, char *why)
{
	uint64_t began = uv_hrtime(), now, *due = &s->loop->shakes.due_ns;
	int err = tls_shake(s->tls, why);

	now = uv_hrtime();
	if (s->incoming)
		*due = MAX(*due, now - SHAKE_BURST * 1000000ull) + 2 * (now - began);
	return err;
}

static void shake(struct sock *s)
{
	char why[NET_WHY], text[ADDR_STRLEN];
	int err;

	if (s->incoming && is_shaken_enough(s->loop)) {
		sock_poll(s, 0);
		list_push(&s->loop->shakes.waiting, &s->turn);
		clock_in(s->loop->clock, &s->loop->shakes.again, SHAKE_PAUSE);
		return;
	}
	err = shake_once(s, why);
	if (!err) {
		s->shaking = false;
		opened(s);
	} else if (err == -EAGAIN) {
		sock_poll(s, tls_wants_to_write(s->tls) ? UV_WRITABLE : UV_READABLE);
	} else {
		count(CNT_tls_failed);
		trace(s->incoming ? EV_IO_TLS : EV_IO_ERROR, NULL, "TLS %s: no handshake: %s", addr_str(&s->peer, text),
		      why);
		tell_failure(s, err);
	}
}

void tcp_shake_waiting(struct timer *t, ms_t now UNUSED)
{
	struct io_loop *l = container_of(t, struct io_loop, shakes.again);

	while (!list_empty(&l->shakes.waiting) && !is_shaken_enough(l)) {
		struct sock *s = list_entry(l->shakes.waiting.next, struct sock, turn);

		list_del(&s->turn);
		shake(s);
	}
	if (!list_empty(&l->shakes.waiting))
		clock_in(l->clock, t, SHAKE_PAUSE);
}

static void begin_tls(struct sock *s, const struct tls *keys, bool incoming, struct span name)
{
	s->tls = tls_begin(keys, s->fd, incoming, name);
	s->connecting = true;
	clock_in(s->loop->clock, &s->later, CONNECT_TIMEOUT);
}

/* ---- accepted ---- */

static void take(struct sock *listener, int fd, const struct sockaddr *peer)
{
	struct io_loop *l = listener->loop;
	char text[ADDR_STRLEN];
	struct sock *s;
	struct flow f;

	s = conn_new(listener, fd);
	s->bound = sock_local(fd);
	s->peer = addr_from_sockaddr(peer);
	s->incoming = true;
	sock_poll(s, UV_READABLE);
	if (listener->keys)
		begin_tls(s, listener->keys, true, SPAN_NONE);
	s->shaking = s->tls != NULL;
	trace(EV_IO_CONN, NULL, "%s %s accepted", net_proto_name(s->ask.proto), addr_str(&s->peer, text));
	f = sock_flow(s);
	l->sink.accepted(l->sink.arg, &f);
}

static void accept_some(struct sock *s)
{
	int most = s->keys ? ACCEPTS_MAX / 8 : ACCEPTS_MAX;

	for (int i = 0; i < most && !s->closed; i++) {
		struct sockaddr_storage ss = { 0 };
		socklen_t n = sizeof ss;
		int fd;

		if (s->keys && is_shaken_enough(s->loop)) {
			sock_poll(s, 0);
			clock_in(s->loop->clock, &s->later, SHAKE_PAUSE);
			return;
		}
		fd = accept4(s->fd, (struct sockaddr *)&ss, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			take(s, fd, (struct sockaddr *)&ss);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
			trace(EV_IO_ERROR, NULL, "cannot accept connections: %s", strerror(errno));
			sock_poll(s, 0);
			clock_in(s->loop->clock, &s->later, ACCEPT_PAUSE);
			return;
		}
		if (errno == EAGAIN)
			return;
	}
}

/* ---- made ---- */

int tcp_connect(struct sock *listener, const struct addr *to, struct span name, struct sock **out)
{
	int fd = sock_open(&listener->ask, SOCK_STREAM), on = 1, err = 0;
	struct sockaddr_storage from, ss;
	struct addr any_port = addr_with_port(&listener->bound, 0);
	socklen_t from_n = addr_to_sockaddr(&any_port, &from), n = addr_to_sockaddr(to, &ss);
	struct sock *s;

	if (fd < 0)
		return fd;
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
	if (bind(fd, (struct sockaddr *)&from, from_n) < 0)
		err = -errno;
	else if (connect(fd, (struct sockaddr *)&ss, n) < 0 && errno != EINPROGRESS)
		err = -errno;
	if (err) {
		close(fd);
		return err;
	}
	s = conn_new(listener, fd);
	s->connecting = true;
	s->bound = sock_local(fd);
	s->peer = *to;
	sock_poll(s, UV_WRITABLE);
	clock_in(s->loop->clock, &s->later, CONNECT_TIMEOUT);
	if (listener->keys)
		begin_tls(s, listener->keys, false, name);
	*out = s;
	return 0;
}

static void flush(struct sock *s)
{
	int err = outq_write(&s->out, s->fd, s->tls);

	if (err && err != -EAGAIN)
		tell_failure(s, err);
	else
		sock_poll(s, err ? UV_READABLE | UV_WRITABLE : UV_READABLE);
}

static void opened(struct sock *s)
{
	struct io_loop *l = s->loop;

	s->connecting = false;
	clock_stop(l->clock, &s->later);
	s->bound = sock_local(s->fd);
	if (!s->incoming)
		l->sink.connected(l->sink.arg, s->id, &s->bound);
	if (!s->closed)
		flush(s);
}

static void connected(struct sock *s)
{
	int err = 0;
	socklen_t n = sizeof err;

	if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &err, &n) < 0)
		err = errno;
	if (err) {
		tell_failure(s, -err);
		return;
	}
	s->shaking = s->tls != NULL;
	if (s->shaking)
		shake(s);
	else
		opened(s);
}

/* ---- bytes ---- */

static void read_some(struct sock *s)
{
	struct flow f = sock_flow(s);
	struct io_loop *l = s->loop;
	ssize_t n = s->tls ? tls_read(s->tls, l->room, RECV_MOST) : recv(s->fd, l->room, RECV_MOST, 0);

	if (n > 0)
		l->sink.input(l->sink.arg, &f, (struct span){ l->room, (size_t)n });
	else if (n == 0)
		tell_failure(s, 0);
	else if (errno != EAGAIN && errno != EINTR)
		tell_failure(s, -errno);
	else if (s->tls && tls_wants_to_write(s->tls)) /* OpenSSL has something to say, and reads no further before */
		sock_poll(s, UV_WRITABLE);
}

static int fail(struct sock *s, int err)
{
	s->err = err;
	sock_poll(s, 0);
	clock_in(s->loop->clock, &s->later, 0);
	return err;
}

int tcp_send(struct sock *s, struct span bytes)
{
	int err = 0;

	if (s->out.n + bytes.n > QUEUE_MAX)
		return fail(s, -ENOBUFS);
	outq_put(&s->out, bytes);
	if (!s->connecting)
		err = outq_write(&s->out, s->fd, s->tls);
	if (err && err != -EAGAIN)
		return fail(s, err);
	if (err)
		sock_poll(s, UV_READABLE | UV_WRITABLE);
	return 0;
}

void tcp_ready(struct sock *s, int events)
{
	if (s->kind == SOCK_LISTEN) {
		accept_some(s);
		return;
	}
	if (s->shaking) {
		shake(s);
		return;
	}
	if (s->connecting) {
		connected(s);
		return;
	}
	if (events & UV_WRITABLE)
		flush(s);
	if (!s->closed && (events & UV_READABLE))
		read_some(s);
}
