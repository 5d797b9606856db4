/* tests/unit/test_nat_external.c: whom we believe about our own address, and what counts as a change. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>

#include "nat/external.h"

#define A "198.51.100.5"
#define B "198.51.100.77"

static struct addr at(const char *text)
{
	struct addr a = { 0 };

	if (text[0])
		assert_true(addr_parse(span_of(text), &a));
	return a;
}

static bool stun(struct nat_external *x, unsigned server, const char *as)
{
	struct addr by = at(server ? "203.0.113.71:3478" : "203.0.113.70:3478"), a = at(as);

	return nat_external_stun(x, server, &by, &a);
}

static bool peer(struct nat_external *x, const char *by, const char *as)
{
	struct addr b = at(by), a = at(as);

	return nat_external_peer(x, &b, &a);
}

static void is(const struct nat_external *x, const char *address, enum nat_source source)
{
	char text[ADDR_STRLEN];

	assert_string_equal(x->address.family ? addr_str(&x->address, text) : "", address);
	assert_int_equal(x->source, source);
}

static void for_peer(const struct nat_external *x, const char *dst, const char *address)
{
	struct addr d = at(dst), a = nat_external_for(x, &d);
	char text[ADDR_STRLEN];

	assert_string_equal(a.family ? addr_str(&a, text) : "", address);
}

static void ranks(void **state UNUSED)
{
	struct nat_external x = { 0 };
	struct addr lan = at("10.0.0.10"), public = at("203.0.113.9:5060");

	assert_false(nat_external_own(&x, &lan));
	is(&x, "", NAT_BY_NOBODY);
	assert_true(nat_external_own(&x, &public));
	is(&x, "203.0.113.9", NAT_BY_INTERFACE);
	assert_true(peer(&x, "203.0.113.1:5060", A ":5060"));
	is(&x, A, NAT_BY_PEERS);
	assert_true(stun(&x, 0, B ":40001"));
	is(&x, B ":40001", NAT_BY_STUN);
	assert_int_equal(x.generation, 3);
	assert_false(stun(&x, 0, B ":40001"));
	assert_int_equal(x.generation, 3);
	assert_true(nat_external_stun_silent(&x, 0)); /* peers that answer beat a server that does not */
	is(&x, A, NAT_BY_PEERS);
	x = (struct nat_external){ 0 };
	stun(&x, 0, B ":40001");
	assert_false(nat_external_stun_silent(&x, 0)); /* nobody knows better */
	is(&x, B ":40001", NAT_BY_STUN_ONCE);
}

static bool router(struct nat_external *x, const char *as)
{
	struct addr a = at(as);

	return nat_external_router(x, &a);
}

/* A router that holds a port open is believed, unless STUN sees us elsewhere, or it is itself behind NAT. */
static void router_opens(void **state UNUSED)
{
	struct nat_external x = { 0 };

	peer(&x, "203.0.113.1:5060", A ":45001");
	assert_true(router(&x, A ":5060"));
	is(&x, A ":5060", NAT_BY_ROUTER);
	for_peer(&x, "203.0.113.1:5060", A ":5060"); /* not the mapping that its response came through */
	assert_false(stun(&x, 0, A ":45007"));
	is(&x, A ":5060", NAT_BY_ROUTER);
	assert_true(router(&x, B ":5060")); /* it moved: what STUN saw is over */
	is(&x, B ":5060", NAT_BY_ROUTER);
	assert_true(stun(&x, 0, "203.0.113.9:45007"));
	is(&x, "203.0.113.9:45007", NAT_BY_STUN);
	assert_true(stun(&x, 0, B ":45007"));
	is(&x, B ":5060", NAT_BY_ROUTER);
	assert_true(router(&x, ""));
	is(&x, B ":45007", NAT_BY_STUN);
	assert_false(router(&x, "10.1.1.1:5060"));
	is(&x, B ":45007", NAT_BY_STUN);
}

static void mapping(void **state UNUSED)
{
	struct nat_external x = { 0 };

	stun(&x, 0, A ":40001");
	stun(&x, 1, A ":40001");
	is(&x, A ":40001", NAT_BY_STUN);
	stun(&x, 1, A ":40007"); /* it depends on the destination: neither port is of use to others */
	is(&x, A, NAT_BY_STUN);
}

/* One server has moved on: the other one saw what is over. */
static void moved(void **state UNUSED)
{
	struct nat_external x = { 0 };

	stun(&x, 0, A ":5060");
	stun(&x, 1, A ":5060");
	peer(&x, "203.0.113.1:5060", A ":5060");
	assert_true(stun(&x, 1, B ":5060"));
	is(&x, B ":5060", NAT_BY_STUN);
	for_peer(&x, "203.0.113.1:5060", B ":5060");
	assert_false(nat_external_doubted(&x));
	assert_true(peer(&x, "203.0.113.1:5060", A ":5060"));
	assert_true(nat_external_doubted(&x));
}

static void peers(void **state UNUSED)
{
	struct nat_external x = { 0 };

	assert_true(peer(&x, "203.0.113.1:5060", A ":5060"));
	assert_true(peer(&x, "203.0.113.2:5060", A ":45001")); /* its own port changes what it is told */
	is(&x, A, NAT_BY_PEERS);
	for_peer(&x, "203.0.113.1:5060", A ":5060");
	for_peer(&x, "203.0.113.2:5060", A ":45001");
	for_peer(&x, "203.0.113.3:5060", A);
	assert_false(peer(&x, "203.0.113.1:5060", A ":5060"));

	peer(&x, "203.0.113.3:5060", "203.0.113.66:5060"); /* one against two */
	is(&x, A, NAT_BY_PEERS);
	for_peer(&x, "203.0.113.3:5060", "203.0.113.66:5060");

	assert_true(peer(&x, "203.0.113.2:5060", B ":45001")); /* it moved: the other saw what is over */
	assert_true(peer(&x, "203.0.113.1:5060", B ":5060"));
	is(&x, B, NAT_BY_PEERS);
}

/* In a VPN we are somebody else: that is for those who are in it. */
static void vpn(void **state UNUSED)
{
	struct nat_external x = { 0 };

	assert_true(peer(&x, "10.8.0.1:5060", "10.8.0.2:5060"));
	is(&x, "", NAT_BY_NOBODY);
	for_peer(&x, "10.8.0.1:5060", "10.8.0.2:5060");
	peer(&x, "203.0.113.1:5060", A ":5060");
	is(&x, A, NAT_BY_PEERS);
	assert_false(nat_external_doubted(&x));
}

static void many_peers(void **state UNUSED)
{
	struct nat_external x = { 0 };
	char by[32];

	for (int i = 1; i <= 50; i++) {
		snprintf(by, sizeof by, "203.0.113.%d:5060", i);
		peer(&x, by, A ":5060");
	}
	for_peer(&x, "203.0.113.50:5060", A ":5060");
	for_peer(&x, "203.0.113.19:5060", A ":5060"); /* of the last 32 */
	for_peer(&x, "203.0.113.18:5060", A);
	for_peer(&x, "203.0.113.1:5060", A);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(router_opens), cmocka_unit_test(ranks), cmocka_unit_test(mapping),
		cmocka_unit_test(moved),        cmocka_unit_test(peers), cmocka_unit_test(vpn),
		cmocka_unit_test(many_peers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
