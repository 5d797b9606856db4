/* tests/unit/test_sim_nat.c: the virtual NAT boxes do what RFC 4787's words say, packet by packet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <string.h>

#include "sim/sim.h"

struct ear { /* a host with one UDP port that remembers the last sender */
	struct sim_host *host;
	struct net net;
	uint32_t sock;
	struct addr from;
	unsigned got, failed;
};

struct box {
	struct sim *sim;
	struct sim_net *wan, *lan;
	struct ear in, one, two; /* behind the box; two hosts outside */
};

static struct addr at(const char *text)
{
	struct addr a;

	assert_true(addr_parse(span_of(text), &a));
	return a;
}

static void on_input(void *arg, const struct flow *f, struct span bytes)
{
	struct ear *e = arg;

	(void)bytes;
	e->from = f->peer;
	e->got++;
}

static void on_failed(void *arg, const struct flow *f, int err)
{
	struct ear *e = arg;

	(void)f;
	(void)err;
	e->failed++;
}

static void listen_at(struct sim *s, struct sim_net *n, struct ear *e, const char *where)
{
	struct addr a = at(where), bound;
	struct net_listen ask = { .proto = NET_UDP, .bind = a };
	struct net_sink sink = { .arg = e, .input = on_input, .failed = on_failed };

	e->host = sim_host(s, n, &a);
	e->net = sim_host_net(e->host);
	assert_int_equal(e->net.listen(e->net.arg, &ask, &e->sock, &bound), 0);
	sim_host_sink(e->host, &sink);
}

static void build(struct box *b, const struct sim_nat *nat)
{
	memset(b, 0, sizeof *b);
	b->sim = sim_new(1);
	b->wan = sim_net(b->sim, "wan", NULL, NULL);
	b->lan = sim_net(b->sim, "lan", b->wan, nat);
	listen_at(b->sim, b->lan, &b->in, "192.168.0.2:5060");
	listen_at(b->sim, b->wan, &b->one, "203.0.113.1:5060");
	listen_at(b->sim, b->wan, &b->two, "203.0.113.2:5060");
}

static void say(struct box *b, struct ear *e, const struct addr *to)
{
	struct flow f = { .sock = e->sock, .proto = NET_UDP, .listener = e->sock, .peer = *to };

	e->net.send(e->net.arg, &f, SPAN("hello there"));
	sim_run(b->sim, sim_clock(b->sim)->now + 20);
}

static struct sim_nat nat_of(enum sim_nat_rule mapping, enum sim_nat_rule filtering)
{
	return (struct sim_nat){
		.external = at("203.0.113.77"), .mapping = mapping, .filtering = filtering, .timeout = 60000
	};
}

/* 4.1: two destinations see the same port, or not. */
static void mapping(void **state)
{
	(void)state;
	for (enum sim_nat_rule r = NAT_ENDPOINT; r <= NAT_ADDRESS_PORT; r++) {
		struct sim_nat nat = nat_of(r, NAT_ENDPOINT);
		struct box b;
		uint16_t first;

		build(&b, &nat);
		say(&b, &b.in, &(struct addr){ 0 });
		say(&b, &b.in, &(struct addr){ .family = 4, .port = 5060, .ip = { 203, 0, 113, 1 } });
		first = b.one.from.port;
		assert_true(addr_ip_eq(&b.one.from, &nat.external));
		say(&b, &b.in, &(struct addr){ .family = 4, .port = 5060, .ip = { 203, 0, 113, 2 } });
		assert_int_equal(b.two.from.port == first, r == NAT_ENDPOINT);
		sim_free(b.sim);
	}
}

/* 5: who may answer through a mapping that was made for host one. */
static void filtering(void **state)
{
	(void)state;
	for (enum sim_nat_rule r = NAT_ENDPOINT; r <= NAT_ADDRESS_PORT; r++) {
		struct sim_nat nat = nat_of(NAT_ENDPOINT, r);
		struct addr one = at("203.0.113.1:5060");
		struct ear other = { 0 };
		struct box b;

		build(&b, &nat);
		listen_at(b.sim, b.wan, &other, "203.0.113.3:9");
		say(&b, &b.in, &one);
		say(&b, &b.one, &b.one.from);
		assert_int_equal(b.in.got, 1);
		say(&b, &b.two, &b.one.from);
		assert_int_equal(b.in.got, r == NAT_ENDPOINT ? 2 : 1);
		sim_free(b.sim);
	}
}

/* 4.3: a mapping lives by what goes out, unless what comes in counts, too. */
static void timeout(void **state)
{
	(void)state;
	for (int inbound = 0; inbound < 2; inbound++) {
		struct sim_nat nat = nat_of(NAT_ENDPOINT, NAT_ADDRESS_PORT);
		struct addr one = at("203.0.113.1:5060"), seen;
		struct box b;

		nat.inbound_refresh = inbound;
		build(&b, &nat);
		say(&b, &b.in, &one);
		seen = b.one.from;
		sim_run(b.sim, sim_clock(b.sim)->now + 50000);
		say(&b, &b.one, &seen);
		assert_int_equal(b.in.got, 1);
		sim_run(b.sim, sim_clock(b.sim)->now + 50000);
		say(&b, &b.one, &seen);
		assert_int_equal(b.in.got, inbound ? 2 : 1);
		sim_restart_nat(b.lan);
		say(&b, &b.one, &seen);
		assert_int_equal(b.in.got, inbound ? 2 : 1);
		sim_free(b.sim);
	}
}

/* 4.2.1 and 6: the port is kept, and hosts behind the same box reach each other by the external address. */
static void preservation_and_hairpinning(void **state)
{
	(void)state;
	for (int on = 0; on < 2; on++) {
		struct sim_nat nat = nat_of(NAT_ENDPOINT, NAT_ENDPOINT);
		struct addr one = at("203.0.113.1:5060");
		struct ear beside = { 0 };
		struct box b;

		nat.preserve_ports = nat.hairpins = on;
		build(&b, &nat);
		listen_at(b.sim, b.lan, &beside, "192.168.0.3:5060");
		say(&b, &b.in, &one);
		assert_int_equal(b.one.from.port == 5060, on);
		say(&b, &beside, &b.one.from);
		assert_int_equal(b.in.got, on);
		if (on)
			assert_true(addr_ip_eq(&b.in.from, &nat.external) && b.in.from.port != 5060);
		sim_free(b.sim);
	}
}

/* A forward lets anybody in, and what its host sends from that port leaves with it. */
static void forwarding(void **state)
{
	struct sim_nat nat = nat_of(NAT_ADDRESS_PORT, NAT_ADDRESS_PORT);
	struct addr to = at("192.168.0.2"), outside = at("203.0.113.77:5060"), one = at("203.0.113.1:5060");
	struct box b;

	(void)state;
	build(&b, &nat);
	sim_forward(b.lan, 5060, 5061, &to);
	say(&b, &b.two, &outside);
	assert_int_equal(b.in.got, 1);
	say(&b, &b.in, &one);
	assert_true(addr_eq(&b.one.from, &outside));
	sim_free(b.sim);
}

/* A closed port answers with ICMP; a host that is down and an address that nobody has do not. */
static void unreachable(void **state)
{
	struct sim_nat nat = nat_of(NAT_ENDPOINT, NAT_ADDRESS_PORT);
	struct addr closed = at("203.0.113.1:7"), nobody = at("203.0.113.9:5060"), one = at("203.0.113.1:5060");
	struct box b;

	(void)state;
	build(&b, &nat);
	say(&b, &b.in, &closed);
	assert_int_equal(b.in.failed, 1);
	say(&b, &b.in, &nobody);
	sim_host_up(b.one.host, false);
	say(&b, &b.in, &one);
	assert_int_equal(b.in.failed, 1);
	assert_int_equal(b.one.got, 0);
	sim_free(b.sim);
}

/* The nth datagram is lost, or arrives twice. */
static void fate(void **state)
{
	struct sim_nat nat = nat_of(NAT_ENDPOINT, NAT_ENDPOINT);
	struct addr one = at("203.0.113.1:5060");
	struct box b;

	(void)state;
	build(&b, &nat);
	sim_fate(b.sim, 1, SIM_LOSE);
	say(&b, &b.in, &one);
	say(&b, &b.in, &one);
	assert_int_equal(b.one.got, 1);
	sim_fate(b.sim, 2, SIM_DOUBLE);
	say(&b, &b.in, &one);
	assert_int_equal(b.one.got, 3);
	assert_int_equal(sim_messages(b.sim), 3);
	sim_free(b.sim);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mapping),    cmocka_unit_test(filtering),
		cmocka_unit_test(timeout),    cmocka_unit_test(preservation_and_hairpinning),
		cmocka_unit_test(forwarding), cmocka_unit_test(unreachable),
		cmocka_unit_test(fate),
	};

	return cmocka_run_group_tests_name("virtual NAT boxes", tests, NULL, NULL);
}
