/* tests/unit/test_nat_behave.c: what is concluded of a NAT from the answers of a server with two addresses (RFC 5780),
 * and from what several say of one socket. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "nat/behave.h"

#define A "198.51.100.5"

static struct addr at(const char *text)
{
	struct addr a = { 0 };

	if (text[0])
		assert_true(addr_parse(span_of(text), &a));
	return a;
}

static bool begin(struct nat_behave *b, const char *mapped, const char *other)
{
	struct stun_answer a = { .mapped = at(mapped), .other = at(other) };
	struct addr server = at("203.0.113.70:3478"), own = at("192.0.2.10:5060");

	return nat_behave_begin(b, &a, &server, &own);
}

/* Where the test goes, and which flags it carries; "" mapped: no answer. */
static void test(struct nat_behave *b, const char *to, unsigned flags, const char *mapped)
{
	char bytes[STUN_CHANGE], text[ADDR_STRLEN];
	struct out o = out_fixed(bytes, sizeof bytes);
	struct addr dst = nat_behave_write(b, &o), m = at(mapped);

	assert_string_equal(addr_str(&dst, text), to);
	assert_int_equal(out_done(&o), flags ? STUN_CHANGE : STUN_HEADER);
	if (flags) {
		assert_memory_equal(bytes + STUN_HEADER, "\0\3\0\4\0\0\0", 7);
		assert_int_equal(bytes[STUN_HEADER + 7], flags);
	}
	nat_behave_next(b, mapped[0] ? &m : NULL);
}

static void strict(void **state UNUSED)
{
	struct nat_behave b;

	assert_true(begin(&b, A ":40001", "203.0.113.71:3479"));
	test(&b, "203.0.113.70:3478", 6, "");
	test(&b, "203.0.113.70:3478", 2, "");
	assert_int_equal(b.filtering, NAT_ON_PORT);
	test(&b, "203.0.113.71:3478", 0, A ":40008");
	assert_int_equal(b.mapping, NAT_ON_DESTINATION);
	test(&b, "203.0.113.71:3479", 0, A ":40015");
	assert_int_equal(b.mapping, NAT_ON_PORT);
	assert_int_equal(b.test, NAT_TEST_DONE);
}

static void by_address(void **state UNUSED)
{
	struct nat_behave b;

	assert_true(begin(&b, A ":40001", "203.0.113.71:3479"));
	test(&b, "203.0.113.70:3478", 6, "");
	test(&b, "203.0.113.70:3478", 2, A ":40001");
	assert_int_equal(b.filtering, NAT_ON_ADDRESS);
	test(&b, "203.0.113.71:3478", 0, A ":40008");
	test(&b, "203.0.113.71:3479", 0, A ":40008");
	assert_int_equal(b.mapping, NAT_ON_ADDRESS);
}

static void free_for_all(void **state UNUSED)
{
	struct nat_behave b;

	assert_true(begin(&b, A ":40001", "203.0.113.71:3479"));
	test(&b, "203.0.113.70:3478", 6, A ":40001");
	assert_int_equal(b.filtering, NAT_ON_NOTHING);
	test(&b, "203.0.113.71:3478", 0, A ":40001");
	assert_int_equal(b.mapping, NAT_ON_NOTHING);
	assert_int_equal(b.test, NAT_TEST_DONE);
}

/* The second address does not answer at all: of the mapping nothing is known, of the filter what was seen. */
static void half_a_server(void **state UNUSED)
{
	struct nat_behave b;

	assert_true(begin(&b, A ":40001", "203.0.113.71:3479"));
	test(&b, "203.0.113.70:3478", 6, "");
	test(&b, "203.0.113.70:3478", 2, "");
	test(&b, "203.0.113.71:3478", 0, "");
	assert_int_equal(b.mapping, NAT_NOT_KNOWN);
	assert_int_equal(b.test, NAT_TEST_DONE);
	nat_behave_next(&b, NULL);
	assert_int_equal(b.test, NAT_TEST_DONE);
}

static void nothing_to_test(void **state UNUSED)
{
	struct nat_behave b;

	assert_false(begin(&b, A ":40001", ""));
	assert_false(begin(&b, A ":40001", "203.0.113.70:3479"));
	assert_false(begin(&b, A ":40001", "203.0.113.71:3478"));
	assert_int_equal(b.mapping, NAT_NOT_KNOWN);
	assert_false(begin(&b, "192.0.2.10:5060", "203.0.113.71:3479"));
	assert_int_equal(b.mapping, NAT_NONE);
}

static void peer(struct nat_external *x, const char *by, const char *as)
{
	struct addr b = at(by), a = at(as);

	nat_external_peer(x, &b, &a);
}

static void comparing(void **state UNUSED)
{
	struct addr server = at("203.0.113.70:3478"), as = at(A ":40001"), own = at("192.0.2.10:5060");
	struct nat_external x = { 0 };

	nat_external_stun(&x, 0, &server, &as);
	assert_int_equal(nat_compare(&x, &own), NAT_NOT_KNOWN); /* one alone */
	peer(&x, "203.0.113.1:5060", A ":40001");
	assert_int_equal(nat_compare(&x, &own), NAT_ON_NOTHING);
	assert_int_equal(nat_compare(&x, &as), NAT_NONE);
	peer(&x, "203.0.113.2:5060", "198.51.100.9:40001"); /* elsewhere: another way out */
	assert_int_equal(nat_compare(&x, &own), NAT_ON_NOTHING);
	peer(&x, "203.0.113.3:5060", A ":40002");
	assert_int_equal(nat_compare(&x, &own), NAT_ON_DESTINATION);
	x = (struct nat_external){ 0 };
	nat_external_stun(&x, 0, &server, &as);
	peer(&x, "203.0.113.70:5060", A ":40002");
	assert_int_equal(nat_compare(&x, &own), NAT_ON_PORT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strict),        cmocka_unit_test(by_address),      cmocka_unit_test(free_for_all),
		cmocka_unit_test(half_a_server), cmocka_unit_test(nothing_to_test), cmocka_unit_test(comparing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
