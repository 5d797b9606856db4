/* tests/unit/test_nat_pcp.c: PCP's and NAT-PMP's messages, byte for byte, and their rules of time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <string.h>

#include "nat/pcp.h"

static struct addr at(const char *text)
{
	struct addr a = { 0 };

	assert_true(addr_parse(span_of(text), &a));
	return a;
}

static struct span of(const uint8_t *p, size_t n)
{
	return (struct span){ (const char *)p, n };
}

#define V4(a, b, c, d) 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d
#define NONCE          1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12

static struct pcp_ask ask_of(enum pcp_version v, bool tcp, uint32_t lifetime)
{
	static const uint8_t nonce[PCP_NONCE] = { NONCE };
	struct pcp_ask a = { .version = v,
			     .tcp = tcp,
			     .inside = 5060,
			     .wanted = at("198.51.100.5:25060"),
			     .lifetime = lifetime,
			     .client = at("192.0.2.10") };

	memcpy(a.nonce, nonce, sizeof nonce);
	return a;
}

static void requests(void **state UNUSED)
{
	static const uint8_t map[] = { 2,  1, 0, 0, 0,    0,    0x04, 0xb0, V4(192, 0, 2, 10),  NONCE,
				       17, 0, 0, 0, 0x13, 0xc4, 0x61, 0xe4, V4(198, 51, 100, 5) };
	static const uint8_t pmp[] = { 0, 2, 0, 0, 0x13, 0xc4, 0x61, 0xe4, 0, 0, 0x04, 0xb0 };
	static const uint8_t gone[] = { 0, 2, 0, 0, 0x13, 0xc4, 0, 0, 0, 0, 0, 0 }; /* RFC 6886 3.4 */
	static const uint8_t here[] = { 2, 0, 0, 0, 0, 0, 0, 0, V4(192, 0, 2, 10) };
	char bytes[PCP_ASK_MAX];
	struct out o = out_fixed(bytes, sizeof bytes);
	struct pcp_ask a = ask_of(PCP_V2, false, 1200);
	struct addr own = at("192.0.2.10");

	pcp_write_map(&o, &a);
	assert_int_equal(out_done(&o), sizeof map);
	assert_memory_equal(bytes, map, sizeof map);
	o = out_fixed(bytes, sizeof bytes);
	a = ask_of(PCP_PMP, true, 1200);
	pcp_write_map(&o, &a);
	assert_int_equal(out_done(&o), sizeof pmp);
	assert_memory_equal(bytes, pmp, sizeof pmp);
	o = out_fixed(bytes, sizeof bytes);
	a = ask_of(PCP_PMP, true, 0);
	pcp_write_map(&o, &a);
	assert_memory_equal(bytes, gone, sizeof gone);
	o = out_fixed(bytes, sizeof bytes);
	pcp_write_announce(&o, &own);
	assert_int_equal(out_done(&o), sizeof here);
	assert_memory_equal(bytes, here, sizeof here);
}

static void answers_of_pcp(void **state UNUSED)
{
	uint8_t map[] = { 2, 0x81, 0, 0, 0, 0, 0x04, 0xb0,  0,  1, 0, 2, 0,    0,    0,    0,    0,
			  0, 0,    0, 0, 0, 0, 0,    NONCE, 17, 0, 0, 0, 0x13, 0xc4, 0x61, 0xe4, V4(198, 51, 100, 5) };
	struct pcp_answer a;
	char text[ADDR_STRLEN];

	assert_true(pcp_read(of(map, sizeof map), &a));
	assert_int_equal(a.kind, PCP_MAP);
	assert_int_equal(a.version, PCP_V2);
	assert_int_equal(a.lifetime, 1200);
	assert_int_equal(a.epoch, 65538);
	assert_int_equal(a.inside, 5060);
	assert_false(a.tcp);
	assert_memory_equal(a.nonce, ((const uint8_t[]){ NONCE }), PCP_NONCE);
	assert_string_equal(addr_str(&a.outside, text), "198.51.100.5:25060");
	for (size_t n = 0; n < sizeof map; n++)
		assert_false(pcp_read(of(map, n), &a));
	map[3] = 8;
	assert_true(pcp_read(of(map, sizeof map), &a));
	assert_string_equal(pcp_result(&a), "no resources");
	assert_int_equal(pcp_refused_for(&a), 1200000);
	map[3] = 1;
	assert_true(pcp_read(of(map, 24), &a));
	assert_int_equal(a.kind, PCP_OTHER_VERSION);
	map[1] = 1; /* a question */
	assert_false(pcp_read(of(map, sizeof map), &a));
}

static void answers_of_natpmp(void **state UNUSED)
{
	static const uint8_t map[] = { 0, 0x82, 0, 0, 0, 0, 0, 7, 0x13, 0xc4, 0x61, 0xe4, 0, 0, 0x04, 0xb0 };
	static const uint8_t address[] = { 0, 0x80, 0, 0, 0, 0, 0, 7, 198, 51, 100, 5 };
	static const uint8_t none[] = { 0, 0x80, 0, 3, 0, 0, 0, 7 };
	static const uint8_t other[] = { 0, 0x81, 0, 1, 0, 0, 0, 7 };
	struct pcp_answer a;
	char text[ADDR_STRLEN];

	assert_true(pcp_read(of(map, sizeof map), &a));
	assert_int_equal(a.kind, PCP_MAP);
	assert_int_equal(a.version, PCP_PMP);
	assert_true(a.tcp);
	assert_int_equal(a.outside.port, 25060);
	assert_int_equal(a.lifetime, 1200);
	assert_false(pcp_read(of(map, sizeof map - 1), &a));
	assert_true(pcp_read(of(address, sizeof address), &a));
	assert_int_equal(a.kind, PCP_ADDRESS);
	assert_string_equal(addr_str(&a.outside, text), "198.51.100.5");
	assert_true(pcp_read(of(none, sizeof none), &a));
	assert_string_equal(pcp_result(&a), "network failure");
	assert_true(pcp_read(of(other, sizeof other), &a));
	assert_int_equal(a.kind, PCP_OTHER_VERSION);
}

/* RFC 6887 8.5: a clock that runs backwards, or not as ours does, has begun anew. */
static void epochs(void **state UNUSED)
{
	struct pcp_epoch e = { 0 };

	assert_true(pcp_epoch_holds(&e, 1000, 50000));
	assert_true(pcp_epoch_holds(&e, 1000, 50900));
	assert_true(pcp_epoch_holds(&e, 999, 51000)); /* packets overtook each other */
	assert_true(pcp_epoch_holds(&e, 4600, 3651000));
	assert_true(pcp_epoch_holds(&e, 8000, 7251000)); /* its clock runs slower: within a sixteenth */
	assert_false(pcp_epoch_holds(&e, 3, 7253000));
	assert_true(pcp_epoch_holds(&e, 5, 7255000));
	assert_false(pcp_epoch_holds(&e, 15, 7275000)); /* it was off for 10 s */
}

static void times(void **state UNUSED)
{
	struct pcp_answer a = { 0 };

	assert_int_equal(pcp_patience(1), 250);
	assert_int_equal(pcp_patience(2), 500);
	assert_int_equal(pcp_patience(40), 32000);
	assert_int_equal(pcp_renew_in(1200), 600000);
	assert_int_equal(pcp_renew_in(0), 4000); /* a router that gives nothing is not flooded */
	assert_int_equal(pcp_refused_for(&a), 30000);
	a.lifetime = UINT32_MAX;
	assert_int_equal(pcp_refused_for(&a), 1800000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests), cmocka_unit_test(answers_of_pcp), cmocka_unit_test(answers_of_natpmp),
		cmocka_unit_test(epochs),   cmocka_unit_test(times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
