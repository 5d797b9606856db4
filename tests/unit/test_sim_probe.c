/* tests/unit/test_sim_probe.c: `hairpin probe` behind every kind of router, in the simulator's network. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>

#include <string.h>

#include "probe/probe.h"
#include "sim/sim.h"

#define KEY SPAN("a key that both have")

struct world {
	struct sim *sim;
	struct sim_net *wan, *lan;
	struct sim_host *server, *outside;
	struct probe_listener *listener;
	struct probe *probe;
	struct probe_report r;
	unsigned done;
};

static const uint16_t sip_ports[] = { 5060 }, rtp_ports[] = { 10000, 15000, 20000 };

static struct addr at(const char *text)
{
	struct addr a;

	assert_true(addr_parse(span_of(text), &a));
	return a;
}

static void on_done(void *arg, const struct probe_report *r)
{
	struct world *w = arg;

	w->r = *r;
	w->done++;
}

static void make(struct world *w, const struct sim_nat *nat)
{
	struct addr server = at("192.168.1.10"), outside = at("203.0.113.200");

	*w = (struct world){ .sim = sim_new(1) };
	w->wan = sim_net(w->sim, "wan", NULL, NULL);
	w->lan = nat ? sim_net(w->sim, "lan", w->wan, nat) : w->wan;
	w->server = sim_host(w->sim, w->lan, &server);
	w->outside = sim_host(w->sim, w->wan, &outside);
}

static void look(struct world *w, struct span key)
{
	struct probe_listen l = { .clock = sim_clock(w->sim),
				  .net = sim_host_net(w->outside),
				  .bind = at("203.0.113.200:5060"),
				  .key = KEY };
	struct probe_ask a = { .clock = sim_clock(w->sim),
			       .net = sim_host_net(w->server),
			       .server = at("203.0.113.200:5060"),
			       .here = at("192.168.1.10"),
			       .key = key,
			       .sip_ports = sip_ports,
			       .n_sip = 1,
			       .rtp_ports = rtp_ports,
			       .n_rtp = 3,
			       .done = on_done,
			       .arg = w };
	struct net_sink one, two;

	assert_int_equal(probe_listener_new(&l, &w->listener), 0);
	one = probe_listener_sink(w->listener);
	sim_host_sink(w->outside, &one);
	w->probe = probe_new(&a);
	two = probe_sink(w->probe);
	sim_host_sink(w->server, &two);
	sim_run(w->sim, sim_clock(w->sim)->now + 20000);
	assert_int_equal(w->done, 1);
}

static void end(struct world *w)
{
	probe_free(&w->probe);
	probe_listener_free(&w->listener);
	sim_free(w->sim);
}

static int status(struct world *w)
{
	struct out o = out_growing();
	int s = probe_report_out(&w->r, &o);

	assert_null(memchr(o.p, '\x1b', o.n)); /* it goes to a terminal */
	out_free(&o);
	return s;
}

static struct sim_nat router(bool preserve)
{
	return (struct sim_nat){ .external = at("198.51.100.5"),
				 .mapping = NAT_ADDRESS_PORT,
				 .filtering = NAT_ADDRESS_PORT,
				 .preserve_ports = preserve,
				 .timeout = 60000 };
}

static void test_public(void **state)
{
	struct world w;

	(void)state;
	make(&w, NULL);
	look(&w, KEY);
	assert_true(w.r.reached);
	assert_int_equal(w.r.n_ports, 4);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(w.r.ports[i].arrives, PROBE_YES);
	assert_int_equal(w.r.sip_out, PROBE_YES);
	assert_int_equal(w.r.sip_in, PROBE_YES);
	assert_int_equal(status(&w), 0);
	end(&w);
}

/* SIP is forwarded, the range only in part. */
static void test_forwarded_in_part(void **state)
{
	struct sim_nat nat = router(true);
	struct addr to = at("192.168.1.10");
	struct world w;

	(void)state;
	make(&w, &nat);
	sim_forward(w.lan, 5060, 5060, &to);
	sim_forward(w.lan, 10000, 15000, &to);
	look(&w, KEY);
	assert_int_equal(w.r.ports[0].arrives, PROBE_YES);
	assert_int_equal(w.r.ports[1].arrives, PROBE_YES);
	assert_int_equal(w.r.ports[2].arrives, PROBE_YES);
	assert_int_equal(w.r.ports[3].arrives, PROBE_NO);
	assert_int_equal(w.r.ports[3].seen.port, 20000);
	assert_int_equal(status(&w), 1);
	end(&w);
}

/* The doors that our own questions open are not taken for open ones. */
static void test_closed_and_moving(void **state)
{
	struct sim_nat nat = router(false);
	struct world w;

	(void)state;
	make(&w, &nat);
	look(&w, KEY);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(w.r.ports[i].arrives, PROBE_NO);
		assert_int_not_equal(w.r.ports[i].seen.port, w.r.ports[i].port);
	}
	assert_int_equal(w.r.sip_out, PROBE_YES);
	end(&w);
}

static void test_alg(void **state)
{
	struct sim_nat nat = router(true);
	struct world w;

	(void)state;
	nat.sip_alg = true;
	make(&w, &nat);
	look(&w, KEY);
	assert_int_equal(w.r.sip_out, PROBE_NO);
	assert_non_null(strstr(w.r.changed, "198.51.100.5"));
	assert_int_equal(status(&w), 1);
	w.r.changed[0] = '\x1b'; /* whoever stands between can write anything */
	memcpy(w.r.ports[0].answer, "\x1b[2J", 5);
	assert_int_equal(status(&w), 1);
	end(&w);
}

/* With another key there is not even an answer. */
static void test_stranger(void **state)
{
	struct world w;

	(void)state;
	make(&w, NULL);
	look(&w, SPAN("another key"));
	assert_false(w.r.reached);
	assert_int_equal(status(&w), 1);
	end(&w);
}

/* The port is the running server's: whatever it answers to OPTIONS shows that it was reached. */
static void test_in_use(void **state)
{
	struct world w;
	struct net net;
	struct net_listen ask = { .proto = NET_UDP, .bind = at("0.0.0.0:5060") };
	struct addr bound;
	uint32_t sock;

	(void)state;
	make(&w, NULL);
	net = sim_host_net(w.server);
	assert_int_equal(net.listen(net.arg, &ask, &sock, &bound), 0);
	look(&w, KEY);
	assert_int_equal(w.r.ports[0].arrives, PROBE_NO); /* nobody reads there */
	assert_int_equal(w.r.ports[1].arrives, PROBE_YES);
	end(&w);
}

static int no_sockets(void *arg, const struct net_listen *ask, uint32_t *sock, struct addr *bound)
{
	(void)arg, (void)ask, (void)sock, (void)bound;
	return -EAFNOSUPPORT;
}

static void test_no_socket(void **state)
{
	static const uint16_t port = 5060;
	struct clock clock = { 0 };
	struct probe_ask a = { .clock = &clock,
			       .net = { .listen = no_sockets },
			       .server = at("[2001:db8::1]:5060"),
			       .key = KEY,
			       .sip_ports = &port,
			       .n_sip = 1 };

	(void)state;
	assert_null(probe_new(&a));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_public),
		cmocka_unit_test(test_forwarded_in_part),
		cmocka_unit_test(test_closed_and_moving),
		cmocka_unit_test(test_alg),
		cmocka_unit_test(test_stranger),
		cmocka_unit_test(test_in_use),
		cmocka_unit_test(test_no_socket),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
