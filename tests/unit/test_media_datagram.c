/* tests/unit/test_media_datagram.c: datagrams with headers of our own, byte for byte as a socket would send them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <string.h>

#include "media/shared.h"

static struct addr addr(const char *text)
{
	struct addr a;

	assert_true(addr_parse(span_of(text), &a));
	return a;
}

/* What a UDP socket with this ToS was seen to send; but for the number of the datagram and the sum of the IP header,
 * which the kernel puts in. */
static void test_v4(void **state)
{
	static const uint8_t want[] = {
		0x45, 0xb8, 0x00, 0x21, 0x00, 0x00, 0x40, 0x00, 0x40, 0x11, 0x00, 0x00, 0xc6, 0x12, 0x01, 0x01, 0xc6,
		0x12, 0x01, 0x02, 0x27, 0x10, 0x0f, 0xa0, 0x00, 0x0d, 0xf7, 0x29, 'h',  'e',  'l',  'l',  'o',
	};
	struct addr from = addr("198.18.1.1:10000"), to = addr("198.18.1.2:4000");
	uint8_t got[100];

	(void)state;
	memset(got, 0xee, sizeof got);
	assert_int_equal(datagram_write(got, &from, &to, 0xb8, span_of("hello")), sizeof want);
	assert_memory_equal(got, want, sizeof want);
	assert_int_equal(got[sizeof want], 0xee);
	datagram_may_fragment(got);
	assert_int_equal(got[6], 0);
	assert_memory_equal(got + 7, want + 7, sizeof want - 7);
}

/* Likewise, but for the flow label. */
static void test_v6(void **state)
{
	static const uint8_t want[] = {
		0x6b, 0x80, 0x00, 0x00, 0x00, 0x0e, 0x11, 0x40, 0x20, 0x01, 0x0d, 0xb8, 0,   0,   0,   0,   0,   0,
		0,    0,    0,    0,    0,    0x10, 0x20, 0x01, 0x0d, 0xb8, 0,    0,    0,   0,   0,   0,   0,   0,
		0,    0,    0,    0x20, 0x27, 0x11, 0x0f, 0xa1, 0x00, 0x0e, 0x29, 0x8b, 'h', 'e', 'l', 'l', 'o', '!',
	};
	struct addr from = addr("[2001:db8::10]:10001"), to = addr("[2001:db8::20]:4001");
	uint8_t got[100];

	(void)state;
	assert_int_equal(datagram_write(got, &from, &to, 0xb8, span_of("hello!")), sizeof want);
	assert_memory_equal(got, want, sizeof want);
}

/* A sum of zero is sent as all ones: zero means that there is none (RFC 768). */
static void test_sum_of_zero(void **state)
{
	struct addr from = addr("198.18.1.1:10000"), to = addr("198.18.1.2:4000");
	uint8_t got[100], two[2] = { 0, 0 };
	struct span bytes = { (const char *)two, 2 };

	(void)state;
	datagram_write(got, &from, &to, 0, bytes);
	memcpy(two, got + 26, 2); /* what is added makes the sum all ones */
	datagram_write(got, &from, &to, 0, bytes);
	assert_int_equal(got[26] << 8 | got[27], 0xffff);
	datagram_write(got, &from, &to, 0, (struct span){ NULL, 0 });
	assert_int_equal(got[2] << 8 | got[3], 28);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_v4), cmocka_unit_test(test_v6),
					    cmocka_unit_test(test_sum_of_zero) };

	return cmocka_run_group_tests_name("datagrams", tests, NULL, NULL);
}
