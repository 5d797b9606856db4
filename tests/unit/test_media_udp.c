/*
 * tests/unit/test_media_udp.c: the engine of sockets and threads on loopback, each port heard by its own socket, and
 * all by one (in a network namespace of its own; where that is not permitted, not at all). Whatever is waited for has a
 * deadline far beyond what it needs; nothing is said about how fast it comes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/rng.h"
#include "base/trace.h"
#include "media/media.h"
#include "media/rtp.h"

#define PATIENCE_MS 20000

static unsigned sockets = SOCKETS_OWN;

struct phone {
	int fd;
	struct addr me;
	uint16_t seq;
	struct rtp got; /* the latest packet; payload is in bytes */
	char bytes[600];
	unsigned received;
};

struct world {
	struct media *m;
	struct rng rng;
	struct media_event latest[MEDIA_DEBUG + 1];
	unsigned events[MEDIA_DEBUG + 1];
	struct phone a, b;
	ms_t deadline;
};

static ms_t clock_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (ms_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void on_event(void *arg, const struct media_event *ev)
{
	struct world *w = arg;

	w->latest[ev->kind] = *ev;
	w->events[ev->kind]++;
}

static void phone_open(struct phone *p, const char *ip)
{
	struct sockaddr_storage ss;
	socklen_t len;

	assert_true(addr_parse_ip(span_of(ip), &p->me));
	len = addr_to_sockaddr(&p->me, &ss);
	p->fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	assert_true(p->fd >= 0);
	assert_int_equal(bind(p->fd, (struct sockaddr *)&ss, len), 0);
	assert_int_equal(getsockname(p->fd, (struct sockaddr *)&ss, &len), 0);
	p->me = addr_from_sockaddr((struct sockaddr *)&ss);
}

static void phone_speak(struct phone *p, const struct media_leg *leg, const char *text)
{
	struct rtp r = { .seq = p->seq, .ts = p->seq * 160u, .ssrc = 7, .payload = span_of(text) };
	struct addr to = addr_with_port(&p->me, media_local(leg).port);
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(&to, &ss);
	uint8_t buf[600];

	p->seq++;
	sendto(p->fd, buf, rtp_write(buf, sizeof buf, &r), 0, (struct sockaddr *)&ss, len);
}

static void phone_hear(struct phone *p)
{
	ssize_t n;

	while ((n = recv(p->fd, p->bytes, sizeof p->bytes, 0)) > 0)
		if (rtp_parse((struct span){ p->bytes, (size_t)n }, &p->got) &&
		    !rtp_is_rtcp((struct span){ p->bytes, 2 }))
			p->received++;
}

/* One turn of waiting for something: 5 ms, or an event. */
static void wait_a_bit(struct world *w)
{
	struct pollfd fd = { .fd = media_fd(w->m), .events = POLLIN };

	poll(&fd, 1, 5);
	media_poll(w->m);
	phone_hear(&w->a);
	phone_hear(&w->b);
	if (clock_ms() > w->deadline)
		fail_msg("waited too long");
}

static int setup_on(struct world *w, const char *ip, unsigned workers)
{
	static const uint8_t seed[32] = { 3 };
	struct media_config c = { .workers = workers,
				  .engine = ENGINE_USER,
				  .sockets = sockets,
				  .rng = &w->rng,
				  .event = on_event,
				  .arg = w };
	const char *why;

	rng_seed(&w->rng, seed);
	c.rtp = (struct conf_rtp){
		.rtpstart = 34000, .rtpend = 36000, .strictrtp = STRICTRTP_YES, .probation = 4, .rtcpinterval = 500
	};
	w->m = media_new(&c);
	assert_int_equal(media_is_shared(w->m, &why), sockets == SOCKETS_SHARED);
	phone_open(&w->a, ip);
	phone_open(&w->b, ip);
	w->deadline = clock_ms() + PATIENCE_MS;
	return 0;
}

/*
 * Several of these programs may run at once: no one takes another's ports. Of its own addresses one is its phones',
 * whose ports the kernel chooses, and one is for ports by number.
 */
enum whose { PHONES = 64, NUMBERS = 128 };
static struct addr own_loopback(enum whose w)
{
	uint32_t pid = (uint32_t)getpid();

	return (struct addr){ .family = 4,
			      .ip = { 127, (uint8_t)(w + (pid >> 16 & 63)), (uint8_t)(pid >> 8), (uint8_t)pid } };
}

static int setup(void **state)
{
	struct addr own = own_loopback(PHONES);
	char ip[ADDR_STRLEN];

	*state = calloc(1, sizeof(struct world));
	return setup_on(*state, addr_ip_str(&own, ip), 3);
}

static int teardown(void **state)
{
	struct world *w = *state;

	media_free(w->m);
	close(w->a.fd);
	close(w->b.fd);
	free(w);
	return 0;
}

/* A pair on any address that another of these programs does not want at the same time. */
static uint16_t own_pair(void)
{
	return (uint16_t)(37000 + getpid() % 1000 * 2);
}

static struct media_plan plan_towards(struct addr to)
{
	return (struct media_plan){ .remote = to,
				    .new_sdp = true,
				    .send = true,
				    .recv = true,
				    .n_formats = 1,
				    .ptime = 20,
				    .latch = { STRICTRTP_YES, 4, true, true, true } };
}

static struct media_leg *leg_beside(struct world *w, const struct phone *p, struct media_leg *beside)
{
	struct media_open ask = { .bind = addr_with_port(&p->me, 0), .owner = w, .tos = 0xb8, .beside = beside };
	struct media_plan plan = plan_towards(p->me);
	struct media_leg *leg = media_open(w->m, &ask);

	assert_non_null(leg);
	media_replan(leg, &plan);
	return leg;
}

static struct media_leg *leg_for(struct world *w, const struct phone *p)
{
	return leg_beside(w, p, NULL);
}

/* Audio goes both ways. */
static void converse(struct world *w, struct media_leg *a, struct media_leg *b)
{
	unsigned a0 = w->a.received, b0 = w->b.received;

	while (w->a.received == a0 || w->b.received == b0) {
		phone_speak(&w->a, a, "from a");
		phone_speak(&w->b, b, "from b");
		wait_a_bit(w);
	}
	assert_true(span_is(w->a.got.payload, "from b"));
	assert_true(span_is(w->b.got.payload, "from a"));
}

static void test_relay(void **state)
{
	struct world *w = *state;
	struct media_leg *a = leg_for(w, &w->a);
	struct media_open beside = { .bind = addr_with_port(&w->b.me, 0), .beside = a };
	struct media_leg *c = media_open(w->m, &beside), *b = leg_for(w, &w->b);
	struct media_stats st = { 0 };
	uint64_t relayed = count_get(CNT_relay_packets);

	media_join(a, b); /* on different workers: b moves */
	converse(w, a, b);
	while (!st.rx_packets || !st.tx_packets) { /* published within a second */
		media_stats(a, &st);
		wait_a_bit(w);
	}
	assert_true(addr_eq(&st.rx_source, &w->a.me));
	assert_true(st.tx_packets > 0 && st.first_rx > 0 && st.rx_codec == CODEC_ULAW);
	assert_true(w->events[MEDIA_LATCHED] >= 2);
	assert_true(count_get(CNT_relay_packets) > relayed);
	media_close(&a);
	media_close(&b);
	media_close(&c);
}

/* More at once than a worker keeps up with: it takes several packets from each socket, and loses none. */
static void test_burst(void **state)
{
	enum { LEGS = 150, EACH = 12 };
	struct world *w = *state;
	struct media_leg *legs[LEGS];
	uint64_t heard = 0;

	for (int i = 0; i < LEGS; i++)
		legs[i] = leg_beside(w, &w->a, i ? legs[0] : NULL);
	for (int n = 0; n < EACH; n++, w->a.seq++)
		for (int i = 0; i < LEGS; i++, w->a.seq--)
			phone_speak(&w->a, legs[i], "one of many");
	while (heard < LEGS * EACH) {
		struct media_stats st;

		heard = 0;
		for (int i = 0; i < LEGS; i++) {
			media_stats(legs[i], &st);
			heard += st.rx_packets;
		}
		wait_a_bit(w);
	}
	assert_int_equal(heard, LEGS * EACH);
	for (int i = 0; i < LEGS; i++) {
		struct media_stats st;

		media_stats(legs[i], &st);
		assert_int_equal(st.rx_packets, EACH);
		assert_int_equal(st.rx_lost, 0);
		media_close(&legs[i]);
	}
}

static void test_v6(void **state)
{
	struct world *w = *state;

	setup_on(w, "::1", 2);
	for (int i = 0; i < 3; i++) {
		struct media_leg *a = leg_for(w, &w->a), *b = leg_for(w, &w->b);

		media_join(b, a);
		converse(w, a, b);
		media_close(&b);
		media_close(&a);
	}
	teardown(state);
}

static int has_v6(void **state)
{
	struct sockaddr_in6 loop = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	int fd = socket(AF_INET6, SOCK_DGRAM, 0), err = fd < 0 || bind(fd, (struct sockaddr *)&loop, sizeof loop);

	close(fd);
	*state = err ? NULL : calloc(1, sizeof(struct world));
	return 0;
}

static void test_v6_if_any(void **state)
{
	if (*state)
		test_v6(state);
}

/* Partners change again and again while legs are on their way between workers. */
static void test_moves(void **state)
{
	struct world *w = *state;
	struct media_leg *a = leg_for(w, &w->a), *b = leg_for(w, &w->b), *others[6];
	struct media_play silence = { .source = SOURCE_SILENCE }, none = { .source = SOURCE_NONE };

	for (int i = 0; i < 6; i++)
		others[i] = leg_for(w, &w->b);
	for (int round = 0; round < 50; round++) {
		media_join(a, others[round % 6]);
		media_join(others[(round + 1) % 6], b);
		media_play(b, &silence);
		if (round % 3 == 0)
			media_join(a, b);
		if (round % 7 == 0)
			wait_a_bit(w);
		media_play(b, &none);
	}
	media_join(b, a);
	for (int i = 0; i < 6; i++)
		media_close(&others[i]);
	converse(w, a, b);
	media_part(b);
	media_close(&a);
	media_close(&b);
}

/* Closed while moving, with plans and sources that never arrive: nothing may leak, nothing may be told. */
static void test_close_while_moving(void **state)
{
	struct world *w = *state;

	for (int round = 0; round < 30; round++) {
		struct media_leg *a = leg_for(w, &w->a), *b = leg_for(w, &w->b);
		struct media_play what = { .source = SOURCE_FILE, .path = "/nowhere.wav" };
		struct media_plan plan = { .n_formats = 0 };

		media_join(a, b);
		media_play(b, &what);
		media_replan(b, &plan);
		media_replan(b, &plan);
		what.source = SOURCE_SILENCE;
		media_play(a, &what);
		if (round % 2)
			wait_a_bit(w);
		media_close(&b);
		media_close(&a);
	}
}

static void test_files(void **state)
{
	struct world *w = *state;
	struct media_leg *a = leg_for(w, &w->a);
	struct media_play what = { .source = SOURCE_FILE, .path = "/tmp/hairpin-udp-XXXXXX.ulaw" };
	int fd = mkstemps(what.path, 5);
	char bytes[800];

	memset(bytes, 0x44, sizeof bytes);
	assert_int_equal(write(fd, bytes, sizeof bytes), sizeof bytes);
	close(fd);
	media_play(a, &what);
	while (!w->events[MEDIA_PLAYED])
		wait_a_bit(w);
	assert_true(w->latest[MEDIA_PLAYED].ok);
	assert_ptr_equal(w->latest[MEDIA_PLAYED].owner, w);
	while (w->a.received < 5)
		wait_a_bit(w);
	assert_int_equal(w->a.bytes[RTP_HEADER], 0x44);
	unlink(what.path);
	media_play(a, &what); /* replaced at once: only the second is told of */
	media_play(a, &what);
	while (w->events[MEDIA_PLAYED] < 2)
		wait_a_bit(w);
	assert_false(w->latest[MEDIA_PLAYED].ok);
	media_close(&a);
	for (int i = 0; i < 20; i++)
		wait_a_bit(w);
	assert_int_equal(w->events[MEDIA_PLAYED], 2);
}

/* Nobody listens at the far end: the ICMP errors are counted, with their destination. */
static void nobody_listens(struct world *w, const struct phone *gone)
{
	struct media_play tone = { .source = SOURCE_TONE, .freq1 = 440 };
	struct media_stats st = { 0 };
	struct media_leg *leg;

	leg = leg_for(w, gone);
	media_debug(w->m, true, NULL);
	media_play(leg, &tone);
	while (st.icmp_errors < 2) {
		media_stats(leg, &st);
		wait_a_bit(w);
	}
	assert_true(addr_ip_eq(&st.icmp_dest, &gone->me));
	while (!w->events[MEDIA_DEBUG])
		wait_a_bit(w);
	assert_memory_equal(w->latest[MEDIA_DEBUG].text, "Sent RTP packet to      127.0.0.1:", 34);
	media_close(&leg);
}

static void test_icmp(void **state)
{
	struct phone gone = { 0 };

	phone_open(&gone, "127.0.0.1");
	close(gone.fd);
	nobody_listens(*state, &gone);
}

static void test_full(void **state)
{
	struct world *w = *state;
	struct media_open ask = { .bind = own_loopback(NUMBERS), .port_start = 36500, .port_end = 36503 };
	struct media_leg *one = media_open(w->m, &ask), *two = media_open(w->m, &ask), *three = media_open(w->m, &ask);

	assert_null(three);
	media_close(&one);
	media_close(&two);
	while (!(three = media_open(w->m, &ask))) /* the workers give the ports back */
		wait_a_bit(w);
	media_close(&three);
}

/* With the signalling thread's clock: a closed leg's ports serve another one, and are closed when nobody needs them. */
static void test_ports_rest(void **state)
{
	struct world *w = *state;
	struct clock clock = { .now = 1000 };
	struct media_config c = { .workers = 1,
				  .sockets = sockets,
				  .rng = &w->rng,
				  .clock = &clock,
				  .rtp = { .rtpstart = 34000, .rtpend = 34003 } };
	struct media_open ask = { .bind = own_loopback(PHONES) };
	struct media *first = w->m;
	struct media_leg *one, *two = NULL;
	struct addr was;

	w->m = media_new(&c);
	one = media_open(w->m, &ask);
	was = media_local(one);
	media_close(&one);
	while (!one || media_local(one).port != was.port) { /* there are two pairs; one is always closed again */
		media_close(&one);
		clock.now += 2000;
		timers_run(&clock.timers, clock.now);
		wait_a_bit(w);
		one = media_open(w->m, &ask);
	}
	two = media_open(w->m, &ask);
	phone_speak(&w->a, one, "heard by nobody");
	assert_null(media_open(w->m, &ask));
	media_close(&one);
	media_close(&two);
	media_free(w->m);
	assert_int_equal(timers_next(&clock.timers), MS_NEVER);
	timers_free(&clock.timers);
	w->m = first;
}

/* On any address: what is sent leaves with the one that the routes say, and is heard on each. */
static void test_any_address(void **state)
{
	struct world *w = *state;
	struct media_open ask = { .bind = { .family = 4 }, .owner = w, .tos = 0xb8 };
	struct media_plan plan = plan_towards(w->a.me);
	struct media_leg *a = media_open(w->m, &ask), *b = media_open(w->m, &ask);
	struct sockaddr_in from;
	socklen_t len = sizeof from;
	char bytes[600];

	media_replan(a, &plan);
	plan.remote = w->b.me;
	media_replan(b, &plan);
	media_join(a, b);
	converse(w, a, b);
	phone_speak(&w->b, b, "once more");
	while (recvfrom(w->a.fd, bytes, sizeof bytes, 0, (struct sockaddr *)&from, &len) < 0)
		assert_true(clock_ms() < w->deadline);
	assert_int_equal(from.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
	assert_int_equal(ntohs(from.sin_port) & ~1u, media_local(a).port);
	media_close(&a);
	media_close(&b);
}

/* Larger than any link takes: it arrives whole. */
static void test_large(void **state)
{
	static char text[1800];
	struct world *w = *state;
	struct media_leg *a = leg_for(w, &w->a), *b = leg_for(w, &w->b);
	struct rtp r = { .seq = 500, .ts = 80000, .ssrc = 7, .payload = { text, sizeof text } };
	struct addr to = addr_with_port(&w->a.me, media_local(a).port);
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(&to, &ss);
	uint8_t buf[PACKET_MAX];
	size_t n;

	media_join(a, b);
	converse(w, a, b);
	r.seq = w->a.seq;
	r.ts = w->a.seq * 160u;
	n = rtp_write(buf, sizeof buf, &r);
	assert_int_equal(sendto(w->a.fd, buf, n, 0, (struct sockaddr *)&ss, len), n);
	while (recv(w->b.fd, buf, sizeof buf, 0) != (ssize_t)n)
		assert_true(clock_ms() < w->deadline);
	assert_memory_equal(buf + RTP_HEADER, text, sizeof text);
	media_close(&a);
	media_close(&b);
}

/* ---- only where one socket hears all ports ---- */

/* More calls than files: their ports have none, and nobody can tell. */
static void test_without_files(void **state)
{
	enum { LEGS = 60, FILES = 80 };
	struct world *w = *state;
	struct media_open ask = { .bind = own_loopback(NUMBERS),
				  .port_start = 36500,
				  .port_end = 36500 + 2 * LEGS - 1 };
	struct rlimit was, few = { FILES, FILES };
	struct media_leg *legs[LEGS];

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
	few.rlim_max = was.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	for (int round = 0; round < 2; round++) {
		unsigned seen[2 * LEGS] = { 0 };
		struct media_leg *a, *b;

		for (int i = 0; i < LEGS; i++) {
			while (!(legs[i] = media_open(w->m, &ask))) /* those of the first round come back */
				wait_a_bit(w);
			assert_int_equal(seen[media_local(legs[i]).port - 36500]++, 0);
		}
		assert_null(media_open(w->m, &ask));
		for (int i = 0; i < LEGS; i++)
			media_close(&legs[i]);
		while (!(a = media_open(w->m, &ask)))
			wait_a_bit(w);
		while (!(b = media_open(w->m, &ask)))
			wait_a_bit(w);
		media_close(&a);
		media_close(&b);
	}
	setrlimit(RLIMIT_NOFILE, &was);
}

/* One number may be had on each of two addresses, or once on any. */
static void numbers(struct world *w)
{
	uint16_t pair = own_pair();
	struct media_open one = { .bind = addr_with_port(&w->a.me, 0), .port_start = pair, .port_end = pair + 1 };
	struct media_open two = one, any = one;
	struct media_leg *a, *b;

	assert_true(addr_parse_ip(span_of("127.0.0.2"), &two.bind));
	any.bind = (struct addr){ .family = 4 };
	a = media_open(w->m, &one);
	b = media_open(w->m, &two);
	assert_true(a && b);
	assert_null(media_open(w->m, &one));
	assert_null(media_open(w->m, &any));
	media_close(&a);
	media_close(&b);
	while (!(a = media_open(w->m, &any)))
		wait_a_bit(w);
	assert_null(media_open(w->m, &any));
	assert_null(media_open(w->m, &two));
	media_close(&a);
	while (!(b = media_open(w->m, &two)))
		wait_a_bit(w);
	media_close(&b);
}

/* The whole of a call between two legs without files, of different workers; also what is large, and ICMP. */
static void test_bare_call(void **state)
{
	struct world *w = *state;
	struct phone gone = { 0 };
	struct rlimit was, none;

	phone_open(&gone, "127.0.0.1");
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
	none = (struct rlimit){ (rlim_t)gone.fd, was.rlim_max };
	close(gone.fd);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	assert_int_equal(dup(0), -1);
	test_relay(state);
	test_large(state);
	nobody_listens(w, &gone);
	test_moves(state);
	test_any_address(state);
	numbers(w);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
}

/* Who sends too much to one port does not take the room of the others. */
static void test_flood(void **state)
{
	enum { FLOOD = 20000, EACH = 20 };
	struct world *w = *state;
	struct media_leg *a = leg_for(w, &w->a), *b = leg_for(w, &w->b), *victim = leg_for(w, &w->a);
	uint64_t flooded = count_get(CNT_relay_flooded);
	struct phone stranger = { 0 };
	char ip[ADDR_STRLEN];
	unsigned before;

	phone_open(&stranger, addr_ip_str(&w->a.me, ip));
	media_join(a, b);
	converse(w, a, b);
	before = w->b.received;
	for (int i = 0; i < FLOOD; i++) {
		phone_speak(&stranger, victim, "stay");
		if (i % (FLOOD / EACH) == 0)
			phone_speak(&w->a, a, "still here");
	}
	while (w->b.received < before + EACH)
		wait_a_bit(w);
	while (count_get(CNT_relay_flooded) == flooded)
		wait_a_bit(w);
	assert_int_equal(recv(stranger.fd, &before, 1, 0), -1); /* nor is it told so by ICMP */
	assert_int_equal(errno, EAGAIN);
	close(stranger.fd);
	media_close(&a);
	media_close(&b);
	media_close(&victim);
}

/* A port that somebody else has is not ours; ours, with a file or without, is nobody else's. */
static void test_others(void **state)
{
	struct world *w = *state;
	uint16_t pair = own_pair();
	struct addr at = addr_with_port(&w->a.me, pair);
	struct media_open ask = { .bind = addr_with_port(&at, 0), .port_start = pair, .port_end = pair + 1 };
	struct media_open any = { .bind = { .family = 4 }, .port_start = pair, .port_end = pair + 1 };
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(&at, &ss);
	int fd = socket(AF_INET, SOCK_DGRAM, 0), spare = dup(fd);
	struct media_leg *leg;

	assert_int_equal(bind(fd, (struct sockaddr *)&ss, len), 0);
	assert_null(media_open(w->m, &ask));
	close(fd);
	close(spare);
	leg = media_open(w->m, &ask);
	assert_non_null(leg);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&ss, len), -1);
	assert_null(media_open(w->m, &any));
	close(fd);
	media_close(&leg);
}

static int up(void)
{
	struct ifreq r = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	int fd = socket(AF_INET, SOCK_DGRAM, 0), err = ioctl(fd, SIOCSIFFLAGS, &r);

	close(fd);
	return err;
}

static bool may_share(void)
{
	struct media_config c = { .workers = 1, .engine = ENGINE_USER, .sockets = SOCKETS_AUTO };
	const char *why;
	struct media *m;
	bool may;

	if (unshare(CLONE_NEWNET) < 0 || up() < 0)
		return false;
	m = media_new(&c);
	may = media_is_shared(m, &why);
	media_free(m);
	return may;
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(relay),
		T(burst),
		T(moves),
		T(close_while_moving),
		T(files),
		T(icmp),
		T(full),
		T(ports_rest),
		T(any_address),
		T(large),
		cmocka_unit_test_setup(test_v6_if_any, has_v6),
	};
	const struct CMUnitTest shared[] = { T(without_files), T(bare_call), T(flood), T(others) };
#undef T
	int failed = cmocka_run_group_tests_name("media on sockets", tests, NULL, NULL);

	if (!may_share())
		return failed;
	sockets = SOCKETS_SHARED;
	failed += cmocka_run_group_tests_name("media on shared sockets", tests, NULL, NULL);
	return failed + cmocka_run_group_tests_name("what only they can", shared, NULL, NULL);
}
