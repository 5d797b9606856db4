/* tests/unit/test_io_dns.c: answers of name servers, whole, cut off at every byte, and with every byte changed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "io/priv.h"

/* gw.example.com: CNAME (TTL 60) to a.example.com, which has two addresses (TTL 300) */
static const char alias[] = "\0\1\x81\x80\0\1\0\3\0\0\0\0"
			    "\2gw\7example\3com\0\0\1\0\1"
			    "\xc0\x0c\0\5\0\1\0\0\0\x3c\0\4\1a\xc0\x0f"
			    "\1a\xc0\x0f\0\1\0\1\0\0\1\x2c\0\4\xc0\0\2\1"
			    "\1a\xc0\x0f\0\1\0\1\0\0\1\x2c\0\4\xc0\0\2\2";
/* NAPTR 10 100 "s" "SIP+D2U" "" _sip._udp.example.com, and one with a regular expression that SIP does not use */
static const char naptr[] = "\0\1\x81\x80\0\1\0\2\0\0\0\0"
			    "\7example\3com\0\0\x23\0\1"
			    "\xc0\x0c\0\x23\0\1\0\0\0\x3c\0\x1b\0\x0a\0\x64\1s\7SIP+D2U\0\4_sip\4_udp\xc0\x0c"
			    "\xc0\x0c\0\x23\0\1\0\0\0\x3c\0\x0e\0\x0a\0\x65\1u\3E2U\2!x\0";

static void aliases_are_followed(void **state UNUSED)
{
	struct dns_record rs[4];
	char text[ADDR_STRLEN];

	assert_int_equal(dns_parse((const uint8_t *)alias, sizeof alias - 1, DNS_A, rs, 4), 2);
	assert_string_equal(addr_str(&rs[0].addr, text), "192.0.2.1");
	assert_string_equal(addr_str(&rs[1].addr, text), "192.0.2.2");
	assert_int_equal(rs[0].ttl, 60); /* the alias may change earlier */
	assert_int_equal(dns_parse((const uint8_t *)alias, sizeof alias - 1, DNS_AAAA, rs, 4), 0);
	assert_int_equal(dns_parse((const uint8_t *)alias, sizeof alias - 1, DNS_A, rs, 1), 1);
}

static void naptr_without_regexp(void **state UNUSED)
{
	struct dns_record rs[4];

	assert_int_equal(dns_parse((const uint8_t *)naptr, sizeof naptr - 1, DNS_NAPTR, rs, 4), 1);
	assert_int_equal(rs[0].order, 10);
	assert_int_equal(rs[0].preference, 100);
	assert_string_equal(rs[0].flags, "s");
	assert_string_equal(rs[0].service, "SIP+D2U");
	assert_string_equal(rs[0].name, "_sip._udp.example.com");
}

/* In a block of its own size, so that a read past its end is caught. */
static void parse_copy(const char *msg, size_t n, size_t change)
{
	static const enum dns_type types[] = { DNS_A, DNS_AAAA, DNS_SRV, DNS_NAPTR };
	uint8_t *copy = xmalloc(n);

	memcpy(copy, msg, n);
	if (change < n)
		copy[change] ^= 0xff;
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		struct dns_record rs[4];
		long found = dns_parse(copy, n, types[i], rs, 4);

		assert_true(found == -EBADMSG || (found >= 0 && found <= 4));
	}
	free(copy);
}

static void damaged_answers(void **state UNUSED)
{
	for (size_t n = 0; n < sizeof alias - 1; n++) {
		parse_copy(alias, n, n);
		parse_copy(alias, sizeof alias - 1, n);
	}
	for (size_t n = 0; n < sizeof naptr - 1; n++) {
		parse_copy(naptr, n, n);
		parse_copy(naptr, sizeof naptr - 1, n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(aliases_are_followed),
		cmocka_unit_test(naptr_without_regexp),
		cmocka_unit_test(damaged_answers),
	};

	return cmocka_run_group_tests_name("io_dns", tests, NULL, NULL);
}
