/*
 * tests/unit/test_sip_plain.c: where lines end and which header a name is, as machines without SSE2 find out: the same
 * as those that have it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "sip/parse.h"

#pragma GCC diagnostic ignored "-Wmissing-prototypes"
#pragma GCC diagnostic ignored "-Wunused-function"
#undef __SSE2__
#define sip_find_lines plain_find_lines
#define sip_unfold     plain_unfold
#define sip_take_line  plain_take_line
#define sip_hdr_name   plain_hdr_name
#define sip_hdr_id_of  plain_hdr_id_of
#define sip_hdr_note   plain_hdr_note
#define sip_hdrs_read  plain_hdrs_read
/* these are structs, too */
#define sip_hdr(m, id)        plain_hdr(m, id)
#define sip_walk(m, id, w, v) plain_walk(m, id, w, v)
#define sip_hdr_value         plain_hdr_value
#define sip_hdr_named         plain_hdr_named
#define sip_has_token         plain_has_token
#include "sip/hdr.c"
#include "sip/lines.c"
#undef sip_find_lines
#undef sip_hdr_id_of
#undef sip_hdr_name

static uint32_t seed = 1;

static uint32_t roll(uint32_t n)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % n;
}

static void test_lines(void **state)
{
	static const char letters[] = "\r\n\n\r a:xxxxxxxx";
	struct sip_lines want, got;
	char text[400];

	(void)state;
	for (int round = 0; round < 20000; round++) {
		struct span s = { text, roll(sizeof text) };

		for (size_t i = 0; i < s.n; i++) /* lines of about the stride's length */
			text[i] = roll(40) ? 'x' : letters[roll(sizeof letters - 1)];
		sip_find_lines(s, &want);
		plain_find_lines(s, &got);
		assert_int_equal(got.n, want.n);
		assert_int_equal(got.body, want.body);
		assert_int_equal(got.folded, want.folded);
		assert_int_equal(got.bare_cr, want.bare_cr);
		assert_int_equal(got.too_many, want.too_many);
		assert_memory_equal(got.line, want.line, want.n * sizeof want.line[0]);
	}
}

static void same_id(struct span name)
{
	assert_int_equal(plain_hdr_id_of(name), sip_hdr_id_of(name));
}

static void test_names(void **state)
{
	char name[32];

	(void)state;
	for (int c = 0; c < 256; c++) {
		name[0] = (char)c;
		same_id((struct span){ name, 1 });
	}
	for (unsigned id = 0; id < SIP_HDR_COUNT; id++) {
		size_t n = (size_t)snprintf(name, sizeof name, "%s", sip_hdr_name((enum sip_hdr_id)id));

		assert_int_equal(plain_hdr_id_of((struct span){ name, n }), id);
		for (size_t i = 0; i < n; i++) { /* another case, another letter, shorter */
			same_id((struct span){ name, i });
			name[i] ^= 32;
			same_id((struct span){ name, n });
			name[i] = 'q';
			same_id((struct span){ name, n });
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
