/*
 * tests/unit/test_io_batch.c: what one turn says to one peer. The kernel shows to a socket with UDP_GRO what was
 * joined; to all others each datagram comes by itself.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/io.h"

struct world {
	struct clock clock;
	struct io_loop *loop;
	struct net net;
	struct timer end;
	uint32_t sock;
	int fd; /* the peer's socket */
	struct addr peer;
};

static void on_end(struct timer *t, ms_t now UNUSED)
{
	io_stop(container_of(t, struct world, end)->loop);
}

static uint32_t listener(struct world *w, bool gso)
{
	struct net_listen ask = { .proto = NET_UDP, .gso = gso };
	struct addr bound;
	uint32_t id;

	assert_true(addr_parse(SPAN("127.0.0.1:0"), &ask.bind));
	assert_int_equal(w->net.listen(w->net.arg, &ask, &id, &bound), 0);
	return id;
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof *w);
	struct net_sink sink = { .arg = w };
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct timeval limit = { .tv_sec = 3 };
	int room = 1 << 20;
	socklen_t n = sizeof sa;

	w->loop = io_new(&w->clock);
	w->end.fire = on_end;
	w->net = io_net(w->loop);
	io_set_sink(w->loop, &sink);
	w->sock = listener(w, true);
	w->fd = socket(AF_INET, SOCK_DGRAM, 0);
	assert_int_equal(bind(w->fd, (struct sockaddr *)&sa, sizeof sa), 0);
	assert_int_equal(getsockname(w->fd, (struct sockaddr *)&sa, &n), 0);
	setsockopt(w->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	setsockopt(w->fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
	w->peer = addr_from_sockaddr((struct sockaddr *)&sa);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	close(w->fd);
	io_free(&w->loop);
	free(w);
	return 0;
}

static void say(struct world *w, uint32_t order, const char *text)
{
	struct flow f = { .sock = w->sock, .listener = w->sock, .peer = w->peer, .order = order };

	assert_int_equal(w->net.send(w->net.arg, &f, span_of(text)), 0);
}

static void one_turn(struct world *w)
{
	clock_in(&w->clock, &w->end, 1);
	io_run(w->loop);
}

/* What arrives: datagrams, with a blank between them. */
static const char *heard(struct world *w, int count)
{
	static char text[1024];
	size_t used = 0;

	for (int i = 0; i < count; i++) {
		char bytes[2048];
		ssize_t n = recv(w->fd, bytes, sizeof bytes, 0);

		assert_true(n > 0);
		used += (size_t)snprintf(text + used, sizeof text - used, "%s%.*s", i ? " " : "", (int)n, bytes);
	}
	assert_int_equal(recv(w->fd, &used, 1, MSG_DONTWAIT), -1);
	return text;
}

/* The size of the datagrams that the kernel gives at once, and their bytes; 0: one came by itself. */
static int taken_at_once(struct world *w, char *bytes, size_t room)
{
	union {
		char room[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov = { bytes, room - 1 };
	struct msghdr h = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control
	};
	ssize_t n = recvmsg(w->fd, &h, 0);
	int each = 0;

	assert_true(n > 0);
	bytes[n] = '\0';
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&h); c; c = CMSG_NXTHDR(&h, c))
		if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_GRO)
			memcpy(&each, CMSG_DATA(c), sizeof each);
	return each;
}

/* Somebody captures packets on this machine, or its kernel does not know the option: then nothing is joined. */
static bool joins_here(struct world *w)
{
	char line[256];
	int on = 1;
	bool captured = false;
	FILE *f = fopen("/proc/net/packet", "r");

	while (f && fgets(line, sizeof line, f)) {
		unsigned protocol;

		captured |= sscanf(line, "%*s %*s %*s %x", &protocol) == 1 && protocol == 3;
	}
	if (f)
		fclose(f);
	return !captured && setsockopt(w->fd, IPPROTO_UDP, UDP_GRO, &on, sizeof on) == 0;
}

static void one_length_goes_together(void **state)
{
	struct world *w = *state;
	char bytes[256];

	if (!joins_here(w))
		skip();
	say(w, 1, "one-1");
	say(w, 2, "two-22");
	say(w, 3, "six-3");
	say(w, 4, "ten-44");
	say(w, 5, "six-5");
	one_turn(w);
	assert_int_equal(taken_at_once(w, bytes, sizeof bytes), 5);
	assert_string_equal(bytes, "one-1six-3six-5");
	assert_int_equal(taken_at_once(w, bytes, sizeof bytes), 6);
	assert_string_equal(bytes, "two-22ten-44");
}

static void each_comes_by_itself(void **state)
{
	struct world *w = *state;

	for (int turn = 0; turn < 2; turn++) {
		say(w, 1, "one");
		say(w, 2, "two");
		say(w, 3, "six");
		one_turn(w);
		assert_string_equal(heard(w, 3), "one two six");
	}
}

/* 100 and 404 of one call; between them the 404 of another, which has the length of the second. */
static void a_call_keeps_its_order(void **state)
{
	struct world *w = *state;

	say(w, 7, "a-404");
	say(w, 1, "b-100-Trying");
	say(w, 1, "b-404");
	say(w, 2, "c-404");
	one_turn(w);
	assert_string_equal(heard(w, 4), "a-404 b-100-Trying b-404 c-404");

	say(w, 0, "a-404"); /* no order given: all of these stay as they were */
	say(w, 0, "b-100-Trying");
	say(w, 0, "b-404");
	one_turn(w);
	assert_string_equal(heard(w, 3), "a-404 b-100-Trying b-404");
}

/* Turns of messages of five calls in four lengths, as they come: none overtakes another of its call. */
static void any_mixture_keeps_order(void **state)
{
	static const char padding[] = "                  ";
	struct world *w = *state;

	for (int turn = 0; turn < 200; turn++) {
		int n = 2 + (int)rng_below(&w->clock.rng, 90), last[5] = { 0 };

		for (int i = 1; i <= n; i++) {
			uint32_t call = rng_below(&w->clock.rng, 5);
			char text[64];

			snprintf(text, sizeof text, "%u %03d %.*s", call, i, 4 * (int)rng_below(&w->clock.rng, 4),
				 padding);
			say(w, call, text);
		}
		one_turn(w);
		for (int i = 1; i <= n; i++) {
			unsigned call;
			char bytes[64];
			ssize_t len = recv(w->fd, bytes, sizeof bytes - 1, 0);
			int which;

			assert_true(len > 0);
			bytes[len] = '\0';
			assert_int_equal(sscanf(bytes, "%u %d", &call, &which), 2);
			assert_true(call < 5 && which > last[call]);
			last[call] = which;
		}
	}
}

/* A batch is full of what one packet could hold: kernels before 6.9 take 64 of them at once. */
static void sixty_four_at_most(void **state)
{
	struct world *w = *state;
	char bytes[512];

	if (!joins_here(w))
		skip();
	for (uint32_t i = 0; i < 100; i++)
		say(w, i + 1, "abc");
	one_turn(w);
	assert_int_equal(taken_at_once(w, bytes, sizeof bytes), 3);
	assert_int_equal(strlen(bytes), 64 * 3);
	assert_int_equal(taken_at_once(w, bytes, sizeof bytes), 3);
	assert_int_equal(strlen(bytes), 36 * 3);
}

/* More than fits into one packet, and than into one batch; every one arrives, whole. */
static void many_and_long(void **state)
{
	struct world *w = *state;
	char text[1401], seen[100] = "";

	for (int i = 0; i < 100; i++) {
		memset(text, 'a' + i % 26, sizeof text - 1);
		text[sizeof text - 1] = '\0';
		snprintf(text, 5, "%04d", i);
		text[4] = ' ';
		say(w, (uint32_t)i + 1, text);
	}
	one_turn(w);
	for (int i = 0; i < 100; i++) {
		char bytes[2048];
		ssize_t n = recv(w->fd, bytes, sizeof bytes, 0);
		int which;

		assert_int_equal(n, 1400);
		bytes[n] = '\0';
		which = (int)strtol(bytes, NULL, 10);
		assert_true(which >= 0 && which < 100 && !seen[which] && bytes[1399] == 'a' + which % 26);
		seen[which] = 1;
	}
}

static void off_is_off(void **state)
{
	struct world *w = *state;
	char bytes[256];

	if (!joins_here(w))
		skip();
	w->sock = listener(w, false);
	say(w, 1, "one");
	say(w, 2, "two");
	one_turn(w);
	assert_int_equal(taken_at_once(w, bytes, sizeof bytes), 0);
	assert_string_equal(bytes, "one");
	assert_int_equal(taken_at_once(w, bytes, sizeof bytes), 0);
	assert_string_equal(bytes, "two");
}

/* However many sockets hear some protocol, the one behind them that hears all is seen. Only root opens these. */
static void a_capture_is_seen(void **state)
{
	struct world *w = *state;
	char bytes[64];
	int fds[100];

	if (!joins_here(w))
		skip();
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		fds[i] = socket(AF_PACKET, SOCK_DGRAM, htons(i + 1 < ARRAY_LEN(fds) ? ETH_P_ARP : ETH_P_ALL));
	if (fds[0] < 0)
		skip();
	say(w, 1, "one");
	say(w, 2, "two");
	one_turn(w);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		close(fds[i]);
	assert_int_equal(taken_at_once(w, bytes, sizeof bytes), 0);
	assert_string_equal(bytes, "one");
	assert_int_equal(taken_at_once(w, bytes, sizeof bytes), 0);
	assert_string_equal(bytes, "two");
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = { T(one_length_goes_together),
					    T(each_comes_by_itself),
					    T(a_call_keeps_its_order),
					    T(any_mixture_keeps_order),
					    T(sixty_four_at_most),
					    T(many_and_long),
					    T(off_is_off),
					    T(a_capture_is_seen) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
