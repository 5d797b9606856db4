/*
 * tests/unit/test_media_kernel.c: the program of the kernel path, packet by packet (BPF_PROG_TEST_RUN): what it takes,
 * what it leaves alone, and what it makes of what it takes. In a network namespace of its own; without the right to
 * make one, or to load programs, the test is skipped.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "test_media_netns.h"

#include "media/kernel.h"

#define TAKEN     7  /* TC_ACT_REDIRECT */
#define LEFT      -1 /* TC_ACT_UNSPEC */
#define REWRITTEN LEFT
#define ETH       14

struct bench {
	struct kernel *k;
	struct route_table *t;
	struct route *r;
	struct route_key key;
	struct hop *h;
	uint32_t hop;
};

struct frame {
	uint8_t bytes[400];
	uint32_t n, l3, udp; /* offsets */
	bool v6;
};

/* ---- building and reading packets ---- */

static uint32_t sum(const uint8_t *p, size_t n, uint32_t s)
{
	for (; n > 1; p += 2, n -= 2)
		s += get16(p);
	return n ? s + (uint32_t)(*p << 8) : s;
}

static uint16_t fold(uint32_t s)
{
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return (uint16_t)s;
}

static uint32_t ip_sum(const struct frame *f)
{
	return f->v6 ? 0xffff : fold(sum(f->bytes + f->l3, 20, 0));
}

/* 0xffff when the packet's UDP checksum is right. */
static uint32_t udp_sum(const struct frame *f)
{
	const uint8_t *ip = f->bytes + f->l3, *udp = f->bytes + f->udp;
	uint32_t len = get16(udp + 4), s = f->v6 ? sum(ip + 8, 32, 0) : sum(ip + 12, 8, 0);

	return fold(sum(udp, len, s + 17 + len));
}

static void put_sum(uint8_t *at, uint32_t s)
{
	put16(at, (uint16_t)~fold(s));
}

static void seal(struct frame *f)
{
	uint8_t *ip = f->bytes + f->l3, *udp = f->bytes + f->udp;

	if (!f->v6) {
		put16(ip + 10, 0);
		put_sum(ip + 10, sum(ip, (ip[0] & 15) * 4u, 0));
	}
	put16(udp + 6, 0);
	put_sum(udp + 6, udp_sum(f));
}

static void put_ip(uint8_t *at, const char *text)
{
	assert_int_equal(inet_pton(strchr(text, ':') ? AF_INET6 : AF_INET, text, at), 1);
}

/* An RTP packet from the latched source, 160 octets of payload. */
static struct frame rtp(bool v6, uint16_t seq)
{
	struct frame f = { .l3 = ETH, .udp = ETH + (v6 ? 40 : 20), .v6 = v6 };
	uint8_t *ip = f.bytes + ETH, *udp = f.bytes + f.udp, *head = udp + 8;

	f.n = f.udp + 8 + 172;
	put16(f.bytes + 12, v6 ? 0x86dd : 0x0800);
	if (v6) {
		put32(ip, 0x60000000);
		put16(ip + 4, 180);
		ip[6] = 17;
		ip[7] = 9;
		put_ip(ip + 8, "2001:db8::20");
		put_ip(ip + 24, "2001:db8::10");
	} else {
		ip[0] = 0x45;
		put16(ip + 2, 200);
		ip[8] = 9;
		ip[9] = 17;
		put_ip(ip + 12, "192.0.2.20");
		put_ip(ip + 16, "192.0.2.10");
	}
	put16(udp, 4000);
	put16(udp + 2, 10000);
	put16(udp + 4, 180);
	head[0] = 0x80;
	put16(head + 2, seq);
	put32(head + 4, seq * 160u);
	put32(head + 8, 7);
	for (int i = 0; i < 160; i++)
		head[12 + i] = (uint8_t)(i * 7);
	seal(&f);
	return f;
}

static int run_program(int fd, struct frame *f)
{
	struct frame out = *f;
	LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = f->bytes, .data_size_in = f->n, .data_out = out.bytes,
		    .data_size_out = sizeof out.bytes, .repeat = 1);

	assert_int_equal(bpf_prog_test_run_opts(fd, &o), 0);
	out.n = o.data_size_out;
	*f = out;
	return (int)o.retval;
}

static int run(struct bench *b, struct frame *f)
{
	return run_program(kernel_program(b->k, true), f);
}

/* ---- a route ---- */

static void wait_for(const struct hop *h, uint32_t how)
{
	for (int i = 0; i < 5000 && __atomic_load_n(&h->how, __ATOMIC_ACQUIRE) != how; i++)
		usleep(1000);
	assert_int_equal(__atomic_load_n(&h->how, __ATOMIC_ACQUIRE), how);
}

static void open_route(struct bench *b, bool v6)
{
	struct route *r;

	b->key = (struct route_key){ .family = v6 ? 6 : 4, .port = htons(10000) };
	put_ip((uint8_t *)b->key.ip, v6 ? "2001:db8::10" : "192.0.2.10");
	r = b->r = b->t->add(b->t, &b->key);
	assert_non_null(r);
	r->hop = b->hop;
	memset(r->src, 0, sizeof r->src);
	memset(r->to, 0, sizeof r->to);
	put_ip((uint8_t *)r->src, v6 ? "2001:db8::20" : "192.0.2.20");
	put_ip((uint8_t *)r->to, v6 ? "2001:db8::30" : "192.0.2.30");
	put_ip((uint8_t *)b->h->src, v6 ? "2001:db8::11" : "192.0.2.11");
	r->src_port = htons(4000);
	r->to_port = htons(5000);
	r->from_port = htons(10002);
	r->tos = 0xb8;
	r->ssrc = 7;
	r->to_ssrc = 0xfeedbeef;
	r->ts_off = 0xfffffff0;
	r->seq_off = 65530;
	r->n_formats = 2;
	r->formats[0] = (struct route_format){ .to_pt = 8, .clock = rtp_clock(8000) };
	r->formats[1] = (struct route_format){ .pt = 13, .to_pt = 13 };
	r->count = (struct route_count){ .max_seq = 99, .from_seq = 99, .received = 1, .seq = 93 };
	r->gate = (r->gate & ~(ROUTE_OPEN | ROUTE_BUSY)) | ROUTE_OPEN;
}

static void write_hop(struct hop *h)
{
	struct timespec now;

	h->mtu = 1500;
	h->ifindex = 1;
	clock_gettime(CLOCK_MONOTONIC, &now);
	h->seen_ns = (uint64_t)(now.tv_sec + 3600) * 1000000000u;
	memcpy(h->to_mac, "\2to\0\0\1", 6);
	memcpy(h->from_mac, "\2me\0\0\2", 6);
	__atomic_store_n(&h->how, HOP_MACS, __ATOMIC_SEQ_CST);
}

/* Ours from here on: the thread that follows the network may still have an event of the namespace's beginning. */
static void take_hop(struct hop *h)
{
	for (int quiet = 0; quiet < 10; quiet++) {
		if (__atomic_load_n(&h->how, __ATOMIC_ACQUIRE) != HOP_MACS) {
			write_hop(h);
			quiet = 0;
		}
		usleep(2000);
	}
}

static int setup_with(void **state, bool filters)
{
	struct kernel_config c = { .workers = 1, .routes = 8000, .filters = filters };
	struct bench *b = calloc(1, sizeof *b);
	struct hop_key key = { 0 };
	const char *why;

	b->k = kernel_start(&c, &why);
	if (!b->k)
		return -1;
	b->t = kernel_table(b->k, 0);
	key.to = (struct addr){ .family = 4, .ip = { 127, 0, 0, 2 } };
	b->h = b->t->hop_add(b->t, &key, &b->hop);
	wait_for(b->h, HOP_LOCAL);
	take_hop(b->h);
	open_route(b, false);
	*state = b;
	return 0;
}

static int setup(void **state)
{
	return setup_with(state, false);
}

static int teardown(void **state)
{
	struct bench *b = *state;

	b->r->gate &= ~ROUTE_OPEN;
	b->t->del(b->t, b->r);
	b->t->hop_del(b->t, b->hop);
	kernel_stop(b->k);
	free(b);
	return 0;
}

/* ---- what is taken ---- */

static void assert_relayed(const struct frame *f, uint16_t seq)
{
	const uint8_t *ip = f->bytes + f->l3, *udp = f->bytes + f->udp, *head = udp + 8;
	uint8_t from[16], to[16];
	size_t n = f->v6 ? 16 : 4;

	put_ip(from, f->v6 ? "2001:db8::11" : "192.0.2.11");
	put_ip(to, f->v6 ? "2001:db8::30" : "192.0.2.30");
	assert_memory_equal(f->bytes, "\2to\0\0\1\2me\0\0\2", 12);
	assert_memory_equal(ip + (f->v6 ? 8 : 12), from, n);
	assert_memory_equal(ip + (f->v6 ? 24 : 16), to, n);
	assert_int_equal(f->v6 ? ip[7] : ip[8], 64);
	assert_int_equal(f->v6 ? get16(ip) >> 4 & 0xff : ip[1], 0xb8);
	assert_int_equal(get16(udp), 10002);
	assert_int_equal(get16(udp + 2), 5000);
	assert_int_equal(head[1], 8);
	assert_int_equal(get16(head + 2), (uint16_t)(seq - 6));
	assert_int_equal(get32(head + 4), seq * 160u - 16);
	assert_int_equal(get32(head + 8), 0xfeedbeef);
	for (int i = 0; i < 160; i++)
		assert_int_equal(head[12 + i], (uint8_t)(i * 7));
	assert_int_equal(ip_sum(f), 0xffff);
}

static void test_v4(void **state)
{
	struct bench *b = *state;

	for (uint16_t seq = 100; seq < 200; seq++) {
		struct frame f = rtp(false, seq);

		assert_int_equal(run(b, &f), TAKEN);
		assert_relayed(&f, seq);
		assert_int_equal(udp_sum(&f), 0xffff);
	}
	assert_int_equal(b->r->count.packets, 100);
	assert_int_equal(b->r->count.octets, 100 * 160);
	assert_int_equal(b->r->count.received, 101);
	assert_int_equal(b->r->count.max_seq, 199);
	assert_int_equal(b->r->count.seq, 193);
	assert_int_equal(b->r->count.ts, 199 * 160 - 16);
}

static void test_v6(void **state)
{
	struct bench *b = *state;

	b->t->del(b->t, b->r);
	open_route(b, true);
	for (uint16_t seq = 100; seq < 200; seq++) {
		struct frame f = rtp(true, seq);

		assert_int_equal(run(b, &f), TAKEN);
		assert_relayed(&f, seq);
		assert_int_equal(udp_sum(&f), 0xffff);
	}
}

/* RFC 768: no checksum, and none afterwards; a wrong one stays wrong, and is not mended on the way. */
static void test_checksums(void **state)
{
	struct bench *b = *state;
	struct frame f = rtp(false, 100);

	put16(f.bytes + f.udp + 6, 0);
	assert_int_equal(run(b, &f), TAKEN);
	assert_relayed(&f, 100);
	assert_int_equal(get16(f.bytes + f.udp + 6), 0);
	f = rtp(false, 101);
	f.bytes[f.udp + 100] ^= 1;
	assert_int_equal(run(b, &f), TAKEN);
	assert_int_not_equal(udp_sum(&f), 0xffff);
	b->t->del(b->t, b->r);
	open_route(b, true);
	f = rtp(true, 100);
	put16(f.bytes + f.udp + 6, 0); /* RFC 8200 8.1: not allowed */
	assert_int_equal(run(b, &f), LEFT);
}

static void test_hops(void **state)
{
	struct bench *b = *state;
	static const uint32_t taken[] = { HOP_MACS, HOP_PEER, HOP_NEIGH, HOP_BARE };
	uint16_t seq = 100;

	for (size_t i = 0; i < ARRAY_LEN(taken); i++) {
		struct frame f = rtp(false, seq++);

		b->h->how = taken[i];
		assert_int_equal(run(b, &f), TAKEN);
		assert_int_equal(udp_sum(&f), 0xffff);
	}
	b->h->how = HOP_LOCAL; /* as it comes from lo: the stack delivers what we wrote */
	for (int i = 0; i < 2; i++) {
		struct frame f = rtp(false, seq++), was = f;

		assert_int_equal(run(b, &f), REWRITTEN);
		assert_memory_not_equal(f.bytes, was.bytes, f.n);
		assert_int_equal(udp_sum(&f), 0xffff);
	}
}

/* Stragglers and packets that come twice are counted as in user space (RFC 3550 A.1). */
static void test_disorder(void **state)
{
	struct bench *b = *state;
	static const uint16_t seqs[] = { 100, 102, 101, 102, 65000, 104 };
	static const int said[] = { TAKEN, TAKEN, TAKEN, TAKEN, LEFT, TAKEN };

	for (size_t i = 0; i < ARRAY_LEN(seqs); i++) {
		struct frame f = rtp(false, seqs[i]);

		assert_int_equal(run(b, &f), said[i]);
	}
	assert_int_equal(b->r->count.max_seq, 104);
	assert_int_equal(b->r->count.packets, 5);
	b->r->first = 100;
	b->r->count.young = 3;
	for (uint16_t seq = 98; seq < 106; seq++) {
		struct frame f = rtp(false, seq);

		assert_int_equal(run(b, &f), seq < 100 ? LEFT : TAKEN);
	}
	assert_int_equal(b->r->count.young, 0);
}

static int run_to(struct bench *b, uint16_t port)
{
	struct frame f = rtp(false, 100);

	put16(f.bytes + f.udp + 2, port);
	seal(&f);
	return run(b, &f);
}

/* The table of groups grows with the routes; those that were entered before are found as well. */
static void test_many(void **state)
{
	struct bench *b = *state;
	struct route_key key = b->key;
	struct route *more[6000];

	for (uint16_t i = 0; i < ARRAY_LEN(more); i++) {
		key.port = htons(20000 + i);
		more[i] = b->t->add(b->t, &key);
		assert_non_null(more[i]);
		*more[i] = *b->r;
		more[i]->key = key;
	}
	for (uint16_t i = 0; i < ARRAY_LEN(more); i++)
		assert_int_equal(run_to(b, 20000 + i), TAKEN);
	assert_int_equal(run_to(b, 10000), TAKEN);
	for (uint16_t i = 0; i < ARRAY_LEN(more); i++)
		b->t->del(b->t, more[i]);
	for (uint16_t i = 0; i < ARRAY_LEN(more); i++)
		assert_int_equal(run_to(b, 20000 + i), LEFT);
	assert_int_equal(run_to(b, 10000), TAKEN);
}

/* ---- what is left alone ---- */

typedef void spoil(struct bench *b, struct frame *f);

static void wrong_source(struct bench *b, struct frame *f)
{
	(void)b;
	f->bytes[f->l3 + 15] ^= 1;
}
static void wrong_source_port(struct bench *b, struct frame *f)
{
	(void)b;
	put16(f->bytes + f->udp, 4002);
}
static void wrong_port(struct bench *b, struct frame *f)
{
	(void)b;
	put16(f->bytes + f->udp + 2, 10001);
}
static void wrong_destination(struct bench *b, struct frame *f)
{
	(void)b;
	f->bytes[f->l3 + 19] ^= 1;
}
static void other_mac(struct bench *b, struct frame *f)
{
	(void)b;
	f->bytes[0] = 2;
}
static void rtcp(struct bench *b, struct frame *f)
{
	(void)b;
	f->bytes[f->udp + 9] = 200;
}
static void stun(struct bench *b, struct frame *f)
{
	(void)b;
	memcpy(f->bytes + f->udp + 8, "\x00\x01\x00\x00\x21\x12\xa4\x42", 8);
}
static void event(struct bench *b, struct frame *f)
{
	(void)b;
	f->bytes[f->udp + 9] = 101;
}
static void extension(struct bench *b, struct frame *f)
{
	(void)b;
	f->bytes[f->udp + 8] = 0x90;
}
static void other_ssrc(struct bench *b, struct frame *f)
{
	(void)b;
	f->bytes[f->udp + 8 + 11] = 9;
}
static void dying(struct bench *b, struct frame *f)
{
	(void)b;
	f->bytes[f->l3 + 8] = 1;
}
static void options(struct bench *b, struct frame *f)
{
	(void)b;
	memmove(f->bytes + f->l3 + 24, f->bytes + f->l3 + 20, f->n - f->l3 - 20);
	memset(f->bytes + f->l3 + 20, 1, 4);
	f->bytes[f->l3] = 0x46;
	put16(f->bytes + f->l3 + 2, 204);
	f->udp += 4;
	f->n += 4;
}
static void first_fragment(struct bench *b, struct frame *f)
{
	(void)b;
	f->bytes[f->l3 + 6] = 0x20;
}
static void later_fragment(struct bench *b, struct frame *f)
{
	(void)b;
	f->bytes[f->l3 + 7] = 2;
}
static void tcp(struct bench *b, struct frame *f)
{
	(void)b;
	f->bytes[f->l3 + 9] = 6;
}
static void wrong_length(struct bench *b, struct frame *f)
{
	(void)b;
	put16(f->bytes + f->udp + 4, 181);
}
static void cut_off(struct bench *b, struct frame *f)
{
	(void)b;
	f->n -= 1;
}
static void empty(struct bench *b, struct frame *f)
{
	(void)b;
	f->n = f->udp + 8;
	put16(f->bytes + f->l3 + 2, 28);
	put16(f->bytes + f->udp + 4, 8);
}
static void tagged(struct bench *b, struct frame *f)
{
	(void)b;
	memmove(f->bytes + 16, f->bytes + 12, f->n - 12);
	put16(f->bytes + 12, 0x8100);
	put16(f->bytes + 14, 100);
	f->n += 4;
	f->l3 += 4;
	f->udp += 4;
}
static void too_large(struct bench *b, struct frame *f)
{
	(void)f;
	b->h->mtu = 199;
}
static void no_hop(struct bench *b, struct frame *f)
{
	(void)f;
	b->h->how = HOP_UNKNOWN;
}
static void shut(struct bench *b, struct frame *f)
{
	(void)f;
	b->r->gate &= ~ROUTE_OPEN;
}
static void busy(struct bench *b, struct frame *f)
{
	(void)f;
	b->r->gate |= ROUTE_BUSY;
}

static void test_left_alone(void **state)
{
	struct bench *b = *state;
	static spoil *const spoils[] = { wrong_source,
					 wrong_source_port,
					 wrong_port,
					 wrong_destination,
					 other_mac,
					 rtcp,
					 stun,
					 event,
					 extension,
					 other_ssrc,
					 dying,
					 options,
					 tcp,
					 first_fragment,
					 later_fragment,
					 wrong_length,
					 cut_off,
					 empty,
					 tagged,
					 too_large,
					 no_hop,
					 shut,
					 busy };

	for (size_t i = 0; i < ARRAY_LEN(spoils); i++) {
		struct frame f = rtp(false, 100), before;
		uint32_t gate = b->r->gate;

		spoils[i](b, &f);
		if (f.n > f.udp + 8)
			seal(&f);
		before = f;
		if (run(b, &f) != LEFT)
			fail_msg("number %zu was taken", i);
		assert_int_equal(f.n, before.n);
		assert_memory_equal(f.bytes, before.bytes, f.n);
		b->h->mtu = 1500;
		b->h->how = HOP_MACS;
		b->r->gate = gate;
	}
	assert_int_equal(b->r->count.packets, 0);
}

/* Every length that a frame can have: none is read past its end. */
static void test_short(void **state)
{
	struct bench *b = *state;

	for (uint32_t n = ETH + 20; n < ETH + 200; n++) {
		struct frame f = rtp(false, 100);

		f.n = n;
		assert_int_equal(run(b, &f), LEFT);
	}
}

/* ---- where it is attached ---- */

static int program_of(const struct nl_filter *f)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = 1, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, o, .handle = f->handle, .priority = f->priority);

	assert_int_equal(bpf_tc_query(&hook, &o), 0);
	return bpf_prog_get_fd_by_id(o.prog_id);
}

/* A process that is killed leaves its filter: without its sign of life it does nothing; the next one takes it away. */
static void test_killed(void **state)
{
	struct kernel_config c = { .workers = 1, .routes = 100 };
	struct frame f = rtp(false, 100);
	pid_t pid = fork();
	struct kernel *k;
	const char *why;
	struct filters left;
	int status, fd;

	(void)state;
	if (!pid) {
		void *b;

		_exit(setup_with(&b, true));
	}
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
	left = filters_of_lo();
	assert_int_equal(left.n, 1);
	fd = program_of(&left.last);
	assert_int_equal(run_program(fd, &f), TAKEN);
	usleep(BEAT_MAX_NS / 1000 + 200000);
	f = rtp(false, 101);
	assert_int_equal(run_program(fd, &f), LEFT);
	close(fd);
	k = kernel_start(&c, &why);
	assert_non_null(k);
	assert_int_equal(filters_of_lo().n, 0);
	kernel_stop(k);
	remove_clsact();
}

/* Every worker takes from its own part until that is used up; what is given back serves again. */
static void test_room(void **state)
{
	struct kernel_config c = { .workers = 2, .routes = 100 };
	struct route *routes[2][512];
	struct route_key key = { .family = 4 };
	const char *why;
	struct kernel *k = kernel_start(&c, &why);

	(void)state;
	assert_non_null(k);
	for (int w = 0; w < 2; w++) {
		struct route_table *t = kernel_table(k, (unsigned)w);
		int n = 0;

		for (int i = 0; i < 512; i++) {
			key.port = (uint16_t)(i * 2 + w);
			n += (routes[w][i] = t->add(t, &key)) != NULL;
		}
		assert_true(n > 500);
		key.port = 60000;
		assert_true(n < 512 || !t->add(t, &key));
		for (int i = 0; i < 512; i++)
			if (routes[w][i])
				t->del(t, routes[w][i]);
		routes[w][0] = t->add(t, &key);
		assert_non_null(routes[w][0]);
		t->del(t, routes[w][0]);
	}
	kernel_stop(k);
}

/* ---- */

int main(void)
{
	struct kernel_config c = { .workers = 1, .routes = 100 };
	const char *why = "not permitted to make a network namespace";
	struct kernel *k = own_namespace() ? kernel_start(&c, &why) : NULL;
#define T(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_killed),
					    cmocka_unit_test(test_room),
					    T(v4),
					    T(v6),
					    T(checksums),
					    T(hops),
					    T(disorder),
					    T(many),
					    T(left_alone),
					    T(short) };
#undef T

	if (!k) {
		printf("skipped: %s\n", why);
		return SKIPPED;
	}
	kernel_stop(k);
	return cmocka_run_group_tests_name("the kernel's program", tests, NULL, NULL);
}
