/* tests/unit/test_nat_stun.c: STUN messages: RFC 5769's vectors, and what has to be discarded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <string.h>

#include "nat/stun.h"

static const uint8_t tx[STUN_TX] = { 0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae };

#define HEAD(type, len)                                                                                               \
	0x01, type, 0, len, 0x21, 0x12, 0xa4, 0x42, 0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, \
		0xae
#define SOFTWARE 0x80, 0x22, 0, 0x0b, 't', 'e', 's', 't', ' ', 'v', 'e', 'c', 't', 'o', 'r', ' '
#define XOR_V4   0, 0x20, 0, 8, 0, 1, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43
#define PLAIN_V4 0, 1, 0, 8, 0, 1, 0x13, 0xc4, 198, 51, 100, 5

static struct span of(const uint8_t *p, size_t n)
{
	return (struct span){ (const char *)p, n };
}

static void expect(const uint8_t *p, size_t n, const char *mapped)
{
	struct stun_answer a;
	char text[ADDR_STRLEN];

	assert_true(stun_read_response(of(p, n), &a));
	assert_memory_equal(a.tx, tx, sizeof tx);
	assert_string_equal(addr_str(&a.mapped, text), mapped);
}

static void request(void **state UNUSED)
{
	static const uint8_t want[STUN_HEADER] = { 0x00, 0x01, 0,    0,    0x21, 0x12, 0xa4, 0x42, 0xb7, 0xe7,
						   0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae };
	char buf[STUN_HEADER];
	struct out o = out_fixed(buf, sizeof buf);

	stun_write_request(&o, tx);
	assert_int_equal(out_done(&o), STUN_HEADER);
	assert_memory_equal(buf, want, sizeof want);
	assert_true(stun_is_packet(out_look(&o)));
	assert_false(stun_is_packet(SPAN("SIP/2.0 200 OK")));
	assert_false(stun_is_packet(SPAN_NONE));
}

/* RFC 5769 2.2 and 2.3, without their MESSAGE-INTEGRITY and FINGERPRINT. */
static void addresses(void **state UNUSED)
{
	static const uint8_t v4[] = { HEAD(1, 28), SOFTWARE, XOR_V4 };
	static const uint8_t v6[] = { HEAD(1, 24), 0,    0x20, 0,    0x14, 0,    2,    0xa1, 0x47,
				      0x01,        0x13, 0xa9, 0xfa, 0xa5, 0xd3, 0xf1, 0x79, 0xbc,
				      0x25,        0xf4, 0xb5, 0xbe, 0xd2, 0xb9, 0xd9 };

	expect(v4, sizeof v4, "192.0.2.1:32853");
	expect(v6, sizeof v6, "[2001:db8:1234:5678:11:2233:4455:6677]:32853");
}

static void which_address(void **state UNUSED)
{
	static const uint8_t plain[] = { HEAD(1, 12), PLAIN_V4 };
	static const uint8_t before[] = { HEAD(1, 24), PLAIN_V4, XOR_V4 }, after[] = { HEAD(1, 24), XOR_V4, PLAIN_V4 };

	expect(plain, sizeof plain, "198.51.100.5:5060");
	expect(before, sizeof before, "192.0.2.1:32853");
	expect(after, sizeof after, "192.0.2.1:32853");
}

static void refusal(void **state UNUSED)
{
	static const uint8_t err[] = { HEAD(0x11, 8), 0, 9, 0, 4, 0, 0, 4, 1 };
	static const uint8_t strange[] = { HEAD(0x11, 8), 0x7f, 0xff, 0, 4, 0, 0, 0, 0 };
	struct stun_answer a;

	assert_true(stun_read_response(of(err, sizeof err), &a));
	assert_int_equal(a.error, 401);
	assert_int_equal(a.mapped.family, 0);
	assert_true(stun_read_response(of(strange, sizeof strange), &a));
}

static void discarded(void **state UNUSED)
{
	static const uint8_t nothing[] = { HEAD(1, 0) },
			     unknown[] = { HEAD(1, 20), XOR_V4, 0x7f, 0xff, 0, 4, 0, 0, 0, 0 };
	static const uint8_t longer[] = { HEAD(1, 16), XOR_V4 }, runs_over[] = { HEAD(1, 4), 0, 0x20, 0, 8 };
	static const uint8_t family[] = { HEAD(1, 12), 0, 0x20, 0, 8, 0, 3, 1, 1, 1, 1, 1, 1 };
	static const uint8_t request_[] = { 0,    1,    0,    0,    0x21, 0x12, 0xa4, 0x42, 0xb7, 0xe7,
					    0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae };
	static const struct {
		const uint8_t *p;
		size_t n;
	} all[] = {
		{ nothing, sizeof nothing },
		{ unknown, sizeof unknown },
		{ longer, sizeof longer },
		{ runs_over, sizeof runs_over },
		{ family, sizeof family },
		{ request_, sizeof request_ },
		{ nothing, 0 },
		{ nothing, 19 },
	};
	uint8_t cookie[] = { HEAD(1, 12), XOR_V4 };
	struct stun_answer a;

	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		assert_false(stun_read_response(of(all[i].p, all[i].n), &a));
	expect(cookie, sizeof cookie, "192.0.2.1:32853");
	cookie[4] = 0;
	assert_false(stun_read_response(of(cookie, sizeof cookie), &a));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(request), cmocka_unit_test(addresses), cmocka_unit_test(which_address),
		cmocka_unit_test(refusal), cmocka_unit_test(discarded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
