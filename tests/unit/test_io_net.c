/* tests/unit/test_io_net.c: real sockets on the loopback: datagrams, ICMP errors, connections, names, the console. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "io/io.h"

struct world {
	struct clock clock;
	struct io_loop *loop;
	struct net net;
	struct timer limit, rest;
	int want, got;      /* run() returns when got reaches want */
	int slow_at;        /* the datagram that takes 100 ms; 0: none does */
	unsigned behind;    /* at most, of what the net said after it */
	struct flow *again; /* each datagram is followed by another one, which goes here */
	ms_t began;
	bool fresh; /* the net said that datagrams wait less than half as long as they have come without a gap */
	struct flow flow, failed;
	char text[256];
	uint32_t connected;
	int err;
	uint64_t query;
	struct dns_record rs[4];
	size_t n;
};

static void seen(struct world *w)
{
	if (++w->got >= w->want)
		io_stop(w->loop);
}

static ms_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (ms_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* A busy server: the queue is never empty, and never long. */
static void refill(struct world *w)
{
	ms_t gone = now_ms() - w->began;

	nanosleep(&(struct timespec){ 0, 50000 }, NULL);
	assert_int_equal(w->net.send(w->net.arg, w->again, SPAN("x")), 0);
	w->fresh |= w->got > w->want / 2 &&
		    w->net.backlog(w->net.arg) < (uint64_t)gone * 100 / 500 / 2; /* 500 ms: all that is bearable */
}

static void on_input(void *arg, const struct flow *f, struct span bytes)
{
	struct world *w = arg;

	w->flow = *f;
	span_copy(bytes, w->text, sizeof w->text);
	if (w->slow_at && w->got > w->slow_at)
		w->behind = MAX(w->behind, w->net.backlog(w->net.arg));
	if (w->slow_at && w->got == w->slow_at)
		nanosleep(&(struct timespec){ 0, 100000000 }, NULL);
	if (w->again)
		refill(w);
	seen(w);
}

static void on_accepted(void *arg, const struct flow *f)
{
	struct world *w = arg;

	w->flow = *f;
	seen(w);
}

static void on_connected(void *arg, uint32_t sock, const struct addr *local)
{
	struct world *w = arg;

	assert_true(local->port != 0);
	w->connected = sock;
	seen(w);
}

static void on_failed(void *arg, const struct flow *f, int err)
{
	struct world *w = arg;

	w->failed = *f;
	w->err = err;
	seen(w);
}

static void on_resolved(void *arg, uint64_t query, const struct dns_record *rs, size_t n, int err)
{
	struct world *w = arg;

	w->query = query;
	w->n = n;
	w->err = err;
	for (size_t i = 0; i < n && i < ARRAY_LEN(w->rs); i++)
		w->rs[i] = rs[i];
	seen(w);
}

static void on_limit(struct timer *t, ms_t now UNUSED)
{
	struct world *w = container_of(t, struct world, limit);

	io_stop(w->loop);
}

/* Runs until `want` things happened; false after 3 s. */
static bool run(struct world *w, int want)
{
	w->want = want;
	w->got = 0;
	clock_in(&w->clock, &w->limit, 3000);
	io_run(w->loop);
	clock_stop(&w->clock, &w->limit);
	return w->got >= want;
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof *w);
	struct net_sink sink = { w, on_input, on_accepted, on_connected, on_failed, on_resolved };

	w->loop = io_new(&w->clock);
	w->limit.fire = on_limit;
	w->net = io_net(w->loop);
	io_set_sink(w->loop, &sink);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	io_free(&w->loop);
	free(w);
	return 0;
}

static struct addr at(const char *text)
{
	struct addr a;

	assert_true(addr_parse(span_of(text), &a));
	return a;
}

static uint32_t listen_on(struct world *w, enum net_proto proto, const char *where, struct addr *bound)
{
	struct net_listen ask = { .proto = proto, .bind = at(where), .tos = 96 };
	uint32_t id = 0;

	assert_int_equal(w->net.listen(w->net.arg, &ask, &id, bound), 0);
	assert_true(bound->port != 0);
	return id;
}

/* ---- datagrams ---- */

static void udp_keeps_the_address_it_was_asked_at(void **state)
{
	struct world *w = *state;
	struct addr bound, phone_at;
	uint32_t pbx = listen_on(w, NET_UDP, "0.0.0.0:0", &bound),
		 phone = listen_on(w, NET_UDP, "127.0.0.1:0", &phone_at);
	struct flow f = { .sock = phone, .listener = phone, .peer = at("127.0.0.7:1"), .local = phone_at };

	f.peer.port = bound.port;
	assert_int_equal(w->net.send(w->net.arg, &f, SPAN("ping")), 0);
	assert_true(run(w, 1));
	assert_string_equal(w->text, "ping");
	assert_int_equal(w->flow.sock, pbx);
	assert_true(addr_eq(&w->flow.local, &f.peer)); /* not 0.0.0.0 */
	assert_true(addr_eq(&w->flow.peer, &phone_at));

	f = w->flow;
	assert_int_equal(w->net.send(w->net.arg, &f, SPAN("pong")), 0);
	assert_true(run(w, 1));
	assert_int_equal(w->flow.sock, phone);
	assert_string_equal(addr_ip_str(&w->flow.peer, w->text), "127.0.0.7"); /* not 127.0.0.1 */
}

static void udp6_is_only_v6(void **state)
{
	struct world *w = *state;
	struct net_listen ask = { .proto = NET_UDP, .bind = at("[::]:0") };
	struct addr bound, bound4;
	uint32_t a, b;
	struct flow f;

	if (w->net.listen(w->net.arg, &ask, &a, &bound) < 0)
		skip();
	ask.bind = at("0.0.0.0:0");
	ask.bind.port = bound.port; /* the same port is still free for v4 */
	assert_int_equal(w->net.listen(w->net.arg, &ask, &b, &bound4), 0);
	f = (struct flow){ .sock = a, .listener = a, .peer = at("[::1]:1") };
	f.peer.port = bound.port;
	if (w->net.send(w->net.arg, &f, SPAN("six")) < 0)
		skip();
	assert_true(run(w, 1));
	assert_int_equal(w->flow.sock, a);
	assert_string_equal(addr_ip_str(&w->flow.local, w->text), "::1");
}

static void icmp_names_the_peer_that_is_gone(void **state)
{
	struct world *w = *state;
	struct addr bound, gone;
	uint32_t id = listen_on(w, NET_UDP, "0.0.0.0:0", &bound), other = listen_on(w, NET_UDP, "127.0.0.1:0", &gone);
	struct flow f = { .sock = id, .listener = id, .peer = gone };

	w->net.close(w->net.arg, other);
	for (int round = 0; round < 2; round++) { /* also the second time: polling goes on after an error */
		assert_int_equal(w->net.send(w->net.arg, &f, SPAN("anybody?")), 0);
		assert_true(run(w, 1));
		assert_int_equal(w->err, -ECONNREFUSED);
		assert_int_equal(w->failed.sock, id);
		assert_true(addr_eq(&w->failed.peer, &gone));
	}
	assert_int_equal(w->net.send(w->net.arg, &f, SPAN("x")), 0);
	f.peer = at("127.0.0.1:1");
	f.peer.port = bound.port;
	assert_int_equal(w->net.send(w->net.arg, &f, SPAN("self")), 0); /* another's error does not stop this one */
	assert_true(run(w, 2));
	assert_string_equal(w->text, "self");
}

static void many_datagrams(void **state)
{
	struct world *w = *state;
	struct addr bound;
	uint32_t id = listen_on(w, NET_UDP, "127.0.0.1:0", &bound);
	struct flow f = { .sock = id, .listener = id, .peer = bound };

	for (int i = 0; i < 100; i++)
		assert_int_equal(w->net.send(w->net.arg, &f, SPAN("x")), 0);
	assert_true(run(w, 100));
}

/* More wait than a turn reads, and reading them takes time: that is said, until they are read to their end. */
static void behind_is_a_matter_of_time(void **state)
{
	struct world *w = *state;
	struct addr bound;
	uint32_t id = listen_on(w, NET_UDP, "127.0.0.1:0", &bound);
	struct flow f = { .sock = id, .listener = id, .peer = bound };

	w->slow_at = 256; /* the first of the second turn */
	for (int i = 0; i < 352; i++)
		assert_int_equal(w->net.send(w->net.arg, &f, SPAN("x")), 0);
	assert_true(run(w, 352));
	assert_true(w->behind >= 15);
	w->slow_at = 0;
	assert_int_equal(w->net.send(w->net.arg, &f, SPAN("x")), 0);
	assert_true(run(w, 1));
	assert_int_equal(w->net.backlog(w->net.arg), 0);
}

/* A queue that is never read to its end is no backlog as long as nothing waits in it for long. */
static void busy_is_not_behind(void **state)
{
	struct world *w = *state;
	struct addr bound;
	uint32_t id = listen_on(w, NET_UDP, "127.0.0.1:0", &bound);
	struct flow f = { .sock = id, .listener = id, .peer = bound };

	for (int i = 0; i < 300; i++)
		assert_int_equal(w->net.send(w->net.arg, &f, SPAN("x")), 0);
	w->again = &f;
	w->began = now_ms();
	assert_true(run(w, 4000));
	assert_true(w->fresh);
	w->again = NULL;
}

static void on_rest(struct timer *t, ms_t now UNUSED)
{
	struct world *w = container_of(t, struct world, rest);

	io_rest(w->loop);
}

/* Neither what waits to be sent is lost, nor what comes later. */
static void room_is_given_back(void **state)
{
	struct world *w = *state;
	struct addr bound;
	uint32_t id = listen_on(w, NET_UDP, "127.0.0.1:0", &bound);
	struct flow f = { .sock = id, .listener = id, .peer = bound };

	w->rest.fire = on_rest;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(w->net.send(w->net.arg, &f, SPAN("before")), 0);
		clock_in(&w->clock, &w->rest, 0);
		assert_true(run(w, 1));
		assert_string_equal(w->text, "before");
		assert_int_equal(w->net.send(w->net.arg, &f, SPAN("after")), 0);
		assert_true(run(w, 1));
		assert_string_equal(w->text, "after");
	}
}

/* What is our own needs no router, and leaves by no other interface. */
static void routes(void **state)
{
	struct world *w = *state;
	struct addr to = { .family = 4, .ip = { 127, 0, 0, 1 } }, any = { 0 };
	struct net_route r;

	assert_true(w->net.route(w->net.arg, &to, &any, &r));
	assert_string_equal(r.dev, "lo");
	assert_true(addr_ip_eq(&r.from, &to));
	assert_int_equal(r.via.family, 0);
	assert_false(r.beside);
}

static void source_is_what_the_kernel_takes(void **state)
{
	struct world *w = *state;
	struct addr bound, to = at("127.0.0.9:5060"), from;
	uint32_t any = listen_on(w, NET_UDP, "0.0.0.0:0", &bound);
	uint16_t port = bound.port;
	uint32_t one = listen_on(w, NET_UDP, "127.0.0.3:0", &bound);

	from = w->net.source(w->net.arg, any, &to);
	assert_string_equal(addr_ip_str(&from, w->text), "127.0.0.1");
	assert_int_equal(from.port, port);
	from = w->net.source(w->net.arg, one, &to);
	assert_true(addr_eq(&from, &bound));
	to = at("[::1]:5060");
	from = w->net.source(w->net.arg, any, &to);
	assert_int_equal(from.family, 0);
}

static void busy_port_is_said(void **state)
{
	struct world *w = *state;
	struct net_listen ask = { .proto = NET_UDP };
	uint32_t id;

	listen_on(w, NET_UDP, "127.0.0.1:0", &ask.bind);
	assert_int_equal(w->net.listen(w->net.arg, &ask, &id, &ask.bind), -EADDRINUSE);
	ask.bind = at("192.0.2.1:5060");
	assert_int_equal(w->net.listen(w->net.arg, &ask, &id, &ask.bind), -EADDRNOTAVAIL);
}

/* ---- connections ---- */

/* Beside our own, when asked for: the narrower one gets its packets; nobody else can join in afterwards. */
static void shared_port(void **state)
{
	struct world *w = *state;
	struct addr wide, narrow;
	uint32_t first = listen_on(w, NET_UDP, "0.0.0.0:0", &wide), second, third, client;
	struct net_listen ask = { .bind = at("127.0.0.1") };
	struct flow f = { 0 };

	ask.bind.port = wide.port;
	assert_int_equal(w->net.listen(w->net.arg, &ask, &second, &narrow), -EADDRINUSE);
	ask.share = true;
	assert_int_equal(w->net.listen(w->net.arg, &ask, &second, &narrow), 0);
	ask.share = false;
	ask.bind = at("127.0.0.2");
	ask.bind.port = wide.port;
	assert_int_equal(w->net.listen(w->net.arg, &ask, &third, &narrow), -EADDRINUSE);
	client = listen_on(w, NET_UDP, "127.0.0.1:0", &narrow);
	f = (struct flow){ .sock = client, .listener = client, .peer = at("127.0.0.1") };
	f.peer.port = wide.port;
	w->net.send(w->net.arg, &f, SPAN("one"));
	assert_true(run(w, 1));
	assert_int_equal(w->flow.sock, second);
	f.peer = at("127.0.0.2");
	f.peer.port = wide.port;
	w->net.send(w->net.arg, &f, SPAN("two"));
	assert_true(run(w, 1));
	assert_int_equal(w->flow.sock, first);
}

static void tcp_both_ways(void **state)
{
	struct world *w = *state;
	struct addr at_a, at_b;
	uint32_t a = listen_on(w, NET_TCP, "127.0.0.1:0", &at_a), b = listen_on(w, NET_TCP, "127.0.0.2:0", &at_b);
	struct flow out, in;

	assert_int_equal(w->net.connect(w->net.arg, a, &at_b, SPAN_NONE, &out), 0);
	assert_int_equal(out.listener, a);
	assert_int_equal(w->net.send(w->net.arg, &out, SPAN("early")), 0); /* before it stands */
	assert_true(run(w, 3));                                            /* accepted, connected, input */
	in = w->flow;
	assert_int_equal(w->connected, out.sock);
	assert_int_equal(in.listener, b);
	assert_true(addr_eq(&in.local, &at_b));
	assert_string_equal(addr_ip_str(&in.peer, w->text), "127.0.0.1"); /* the listener's address */

	assert_int_equal(w->net.send(w->net.arg, &in, SPAN("answer")), 0);
	assert_true(run(w, 1));
	assert_string_equal(w->text, "answer");
	assert_int_equal(w->flow.sock, out.sock);

	w->net.close(w->net.arg, out.sock);
	assert_int_equal(w->net.send(w->net.arg, &out, SPAN("late")), -ENOTCONN);
	assert_true(run(w, 1));
	assert_int_equal(w->failed.sock, in.sock);
	assert_int_equal(w->err, 0);
}

/* The connection's descriptor, known by its two ends. */
static int fd_of(const struct flow *f)
{
	struct sockaddr_in here, there;
	socklen_t n;

	for (int fd = 3; fd < 1024; fd++) {
		n = sizeof here;
		if (getsockname(fd, (struct sockaddr *)&here, &n) < 0 || here.sin_family != AF_INET)
			continue;
		n = sizeof there;
		if (getpeername(fd, (struct sockaddr *)&there, &n) == 0 && ntohs(here.sin_port) == f->local.port &&
		    ntohs(there.sin_port) == f->peer.port)
			return fd;
	}
	fail_msg("no such connection");
	return -1;
}

static int option(int fd, int level, int name)
{
	int value = -1;
	socklen_t n = sizeof value;

	assert_int_equal(getsockopt(fd, level, name, &value, &n), 0);
	return value;
}

/* tcp_keepalive_*: the kernel probes both what we accept and what we open; without it, nothing is probed. */
static void tcp_keepalive(void **state)
{
	struct world *w = *state;
	struct net_listen ask = { .proto = NET_TCP, .bind = at("127.0.0.1:0"), .tcp_keepalive = true };
	struct addr probing, plain;
	struct flow out;
	uint32_t b, a = listen_on(w, NET_TCP, "127.0.0.1:0", &plain);
	int fd;

	ask.keep_idle = 41;
	ask.keep_interval = 7;
	ask.keep_probes = 3;
	assert_int_equal(w->net.listen(w->net.arg, &ask, &b, &probing), 0);
	assert_int_equal(w->net.connect(w->net.arg, a, &probing, SPAN_NONE, &out), 0);
	assert_true(run(w, 2));
	fd = fd_of(&w->flow);
	assert_int_equal(option(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
	assert_int_equal(option(fd, IPPROTO_TCP, TCP_KEEPIDLE), 41);
	assert_int_equal(option(fd, IPPROTO_TCP, TCP_KEEPINTVL), 7);
	assert_int_equal(option(fd, IPPROTO_TCP, TCP_KEEPCNT), 3);
	out.peer = w->flow.local;
	out.local = w->flow.peer;
	assert_int_equal(option(fd_of(&out), SOL_SOCKET, SO_KEEPALIVE), 0);

	assert_int_equal(w->net.connect(w->net.arg, b, &plain, SPAN_NONE, &out), 0);
	assert_true(run(w, 2));
	out.peer = w->flow.local;
	out.local = w->flow.peer;
	assert_int_equal(option(fd_of(&out), IPPROTO_TCP, TCP_KEEPIDLE), 41);
}

static void tcp_refused(void **state)
{
	struct world *w = *state;
	struct addr at_a, gone;
	uint32_t a = listen_on(w, NET_TCP, "127.0.0.1:0", &at_a), b = listen_on(w, NET_TCP, "127.0.0.1:0", &gone);
	struct flow f;
	int err;

	w->net.close(w->net.arg, b);
	err = w->net.connect(w->net.arg, a, &gone, SPAN_NONE, &f);
	if (err == 0) {
		assert_true(run(w, 1));
		assert_int_equal(w->failed.sock, f.sock);
		err = w->err;
	}
	assert_int_equal(err, -ECONNREFUSED);
}

static void tcp_reader_that_sleeps_is_closed(void **state)
{
	struct world *w = *state;
	struct sockaddr_storage ss;
	struct addr bound;
	static char big[64 << 10];
	int fd = socket(AF_INET, SOCK_STREAM, 0), err = 0;

	listen_on(w, NET_TCP, "127.0.0.1:0", &bound);
	assert_int_equal(connect(fd, (struct sockaddr *)&ss, addr_to_sockaddr(&bound, &ss)), 0);
	assert_true(run(w, 1));
	memset(big, 'x', sizeof big);
	for (int i = 0; i < 1000 && !err; i++)
		err = w->net.send(w->net.arg, &w->flow, (struct span){ big, sizeof big });
	assert_int_equal(err, -ENOBUFS);
	assert_true(run(w, 1));
	assert_int_equal(w->err, -ENOBUFS);
	close(fd);
}

static void closing_a_listener_ends_its_connections(void **state)
{
	struct world *w = *state;
	struct addr at_a, at_b;
	uint32_t a = listen_on(w, NET_TCP, "127.0.0.1:0", &at_a), b = listen_on(w, NET_TCP, "127.0.0.1:0", &at_b);
	struct flow out, in;

	assert_int_equal(w->net.connect(w->net.arg, a, &at_b, SPAN_NONE, &out), 0);
	assert_true(run(w, 2));
	in = w->flow;
	w->net.close(w->net.arg, b);
	assert_int_equal(w->net.send(w->net.arg, &in, SPAN("x")), -ENOTCONN);
	assert_true(run(w, 1));
	assert_int_equal(w->failed.sock, out.sock);
}

/* ---- names ---- */

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void hosts_file_first(void **state)
{
	struct world *w = *state;
	char path[] = "/tmp/hairpin-hosts-XXXXXX", text[ADDR_STRLEN];

	close(mkstemp(path));
	write_file(
		path,
		"# comment\n192.0.2.1 Gw1.example.com gw1 # more\n\n::1 six\n192.0.2.2\tgw1.EXAMPLE.com\nbad line\n");
	io_dns_files(w->loop, path, "127.0.0.1:9");
	w->net.resolve(w->net.arg, 7, "gw1.example.com.", DNS_A);
	assert_int_equal(w->got, 0); /* never from inside */
	assert_true(run(w, 1));
	assert_int_equal(w->query, 7);
	assert_int_equal(w->err, 0);
	assert_int_equal(w->n, 2);
	assert_string_equal(addr_str(&w->rs[0].addr, text), "192.0.2.1");
	assert_string_equal(addr_str(&w->rs[1].addr, text), "192.0.2.2");
	assert_true(w->rs[0].ttl > 0);
	w->net.resolve(w->net.arg, 8, "SIX", DNS_AAAA);
	assert_true(run(w, 1));
	assert_int_equal(w->n, 1);

	write_file(path, "198.51.100.77 gw1.example.com\n");
	w->clock.now += 1500; /* files are looked at once a second */
	w->net.resolve(w->net.arg, 9, "gw1.example.com", DNS_A);
	assert_true(run(w, 1));
	assert_int_equal(w->n, 1);
	assert_string_equal(addr_str(&w->rs[0].addr, text), "198.51.100.77");
	unlink(path);
}

static const char srv_answer[] = "\x81\x80\0\1\0\2\0\0\0\0"
				 "\4_sip\4_udp\7example\3com\0\0\x21\0\1"
				 "\xc0\x0c\0\x21\0\1\0\0\1\x2c\0\x0a\0\1\0\2\x13\xc4\1a\xc0\x16"
				 "\xc0\x0c\0\x21\0\1\0\0\0\x3c\0\x0a\0\2\0\0\x13\xc6\1b\xc0\x16";
static const char none_answer[] = "\x81\x83\0\1\0\0\0\0\0\0"
				  "\4none\7example\3com\0\0\1\0\1";

/* A name server for one question: echoes the id before `answer`. */
struct server {
	int fd;
	struct span answer;
};

static void on_question(void *arg)
{
	struct server *s = arg;
	struct sockaddr_storage ss;
	socklen_t n = sizeof ss;
	char buf[1500];
	ssize_t got = recvfrom(s->fd, buf, sizeof buf, 0, (struct sockaddr *)&ss, &n);

	assert_true(got > 2);
	memcpy(buf + 2, s->answer.p, s->answer.n);
	assert_true(sendto(s->fd, buf, s->answer.n + 2, 0, (struct sockaddr *)&ss, n) > 0);
}

static void names_from_a_server(void **state)
{
	struct world *w = *state;
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof in;
	struct server s = { socket(AF_INET, SOCK_DGRAM, 0), { srv_answer, sizeof srv_answer - 1 } };
	struct io_watch *watch;
	char text[32];

	assert_int_equal(bind(s.fd, (struct sockaddr *)&in, n), 0);
	getsockname(s.fd, (struct sockaddr *)&in, &n);
	snprintf(text, sizeof text, "127.0.0.1:%u", ntohs(in.sin_port));
	io_dns_files(w->loop, "/dev/null", text);
	watch = io_watch(w->loop, s.fd, on_question, &s);

	w->net.resolve(w->net.arg, 1, "_sip._udp.example.com", DNS_SRV);
	assert_true(run(w, 1));
	assert_int_equal(w->err, 0);
	assert_int_equal(w->n, 2);
	assert_string_equal(w->rs[0].name, "a.example.com");
	assert_int_equal(w->rs[0].ttl, 300);
	assert_int_equal(w->rs[0].priority, 1);
	assert_int_equal(w->rs[0].weight, 2);
	assert_int_equal(w->rs[0].port, 5060);
	assert_string_equal(w->rs[1].name, "b.example.com");
	assert_int_equal(w->rs[1].port, 5062);

	s.answer = (struct span){ none_answer, sizeof none_answer - 1 };
	w->net.resolve(w->net.arg, 2, "none.example.com", DNS_A);
	assert_true(run(w, 1));
	assert_int_equal(w->n, 0);
	assert_int_equal(w->err, 0); /* no such name is an answer */

	s.answer = (struct span){ none_answer, 10 };
	w->net.resolve(w->net.arg, 3, "other.example.com", DNS_A);
	io_dns_reload(w->loop); /* the open question is asked again */
	io_unwatch(&watch);
	io_dns_files(w->loop, "/dev/null", "127.0.0.1:9");
	close(s.fd);
}

/* ---- the rest of the loop ---- */

static void on_ready(void *arg)
{
	struct world *w = arg;

	w->n++;
	seen(w);
}

static void add_one(void *arg)
{
	struct world *w = arg;

	w->query++; /* thread: pool; the loop looks at it in on_ready only */
}

static void watch_and_work(void **state)
{
	struct world *w = *state;
	int fd = eventfd(1, EFD_CLOEXEC);
	struct io_watch *watch = io_watch(w->loop, fd, on_ready, w);

	assert_true(run(w, 1));
	io_unwatch(&watch);
	assert_null(watch);
	close(fd);
	w->query = 0;
	io_work(w->loop, add_one, on_ready, w);
	assert_true(run(w, 1));
	assert_int_equal(w->query, 1);
	io_work(w->loop, add_one, NULL, w);
	io_work_wait(w->loop);
	assert_int_equal(w->query, 2);
}

/* ---- the console's socket ---- */

static void on_line(void *arg, struct io_console *c, struct span line)
{
	struct world *w = arg;

	span_copy(line, w->text, sizeof w->text);
	io_console_send(c, 'o', line);
	io_console_send(c, 'e', SPAN("0"));
	seen(w);
}

static void on_gone(void *arg, struct io_console *c UNUSED)
{
	seen(arg);
}

static void console_answers(void **state)
{
	struct world *w = *state;
	struct io_console_user u = { w, on_line, NULL, on_gone };
	char path[64], kind;
	struct out o = out_growing();
	struct io_server *s;
	struct stat st;
	int err, fd;

	snprintf(path, sizeof path, "/tmp/hairpin-test-%d.ctl", (int)getpid());
	s = io_serve(w->loop, path, &u, &err);
	assert_non_null(s);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_null(io_serve(w->loop, path, &u, &err));
	assert_int_equal(err, -EADDRINUSE);

	fd = io_console_open(path);
	assert_true(fd >= 0);
	assert_int_equal(io_console_ask(fd, SPAN("core show version\r")), 0);
	assert_true(run(w, 2)); /* the question, and the client that only asked whether somebody is there */
	assert_string_equal(w->text, "core show version");
	assert_int_equal(io_console_read(fd, &kind, &o), 0);
	assert_int_equal(kind, 'o');
	assert_true(span_is(out_look(&o), "core show version"));
	assert_int_equal(io_console_read(fd, &kind, &o), 0);
	assert_int_equal(kind, 'e');
	close(fd);
	assert_true(run(w, 1));

	fd = io_console_open(path);
	io_server_free(&s);
	assert_int_equal(io_console_read(fd, &kind, &o), -EPIPE);
	close(fd);
	assert_int_equal(io_console_open(path), -ENOENT);
	out_free(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		T(udp_keeps_the_address_it_was_asked_at),
		T(udp6_is_only_v6),
		T(icmp_names_the_peer_that_is_gone),
		T(many_datagrams),
		T(behind_is_a_matter_of_time),
		T(busy_is_not_behind),
		T(room_is_given_back),
		T(source_is_what_the_kernel_takes),
		T(routes),
		T(busy_port_is_said),
		T(shared_port),
		T(tcp_both_ways),
		T(tcp_keepalive),
		T(tcp_refused),
		T(tcp_reader_that_sleeps_is_closed),
		T(closing_a_listener_ends_its_connections),
		T(hosts_file_first),
		T(names_from_a_server),
		T(watch_and_work),
		T(console_answers),
	};

	return cmocka_run_group_tests_name("io_net", tests, NULL, NULL);
}
