/* tests/unit/test_base_text.c: spans and the builder. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/out.h"

static void is(struct span got, const char *want)
{
	if (!span_is(got, want))
		fail_msg("'%.*s' is not '%s'", SP(got), want);
}

static void test_compare(void **state)
{
	(void)state;
	assert_true(span_eq(SPAN("ab"), SPAN("ab")) && !span_eq(SPAN("ab"), SPAN("aB")) &&
		    !span_eq(SPAN("ab"), SPAN("abc")));
	assert_true(span_ieq(SPAN("aB"), SPAN("Ab")) && span_eq(SPAN_NONE, SPAN("")) && span_ieq(SPAN_NONE, SPAN_NONE));
	assert_true(span_starts(SPAN("abc"), SPAN("ab")) && !span_starts(SPAN("ab"), SPAN("abc")));
	assert_true(span_istarts(SPAN("ABc"), SPAN("ab")) && span_istarts(SPAN("x"), SPAN_NONE));
	assert_true(span_cmp(SPAN("a"), SPAN("b")) < 0 && span_cmp(SPAN("ab"), SPAN("a")) > 0);
	assert_int_equal(span_cmp(SPAN_NONE, SPAN("")), 0);
	assert_true(span_eq(span_of(NULL), SPAN_NONE) && span_iis(SPAN("Via"), "vIA"));
	assert_int_not_equal(span_hash(SPAN("a")), span_hash(SPAN("b")));
}

static void test_cut(void **state)
{
	struct span in = SPAN("a,,b"), head;

	(void)state;
	assert_true(span_cut(&in, ',', &head));
	is(head, "a");
	assert_true(span_cut(&in, ',', &head));
	is(head, "");
	assert_true(span_cut(&in, ',', &head));
	is(head, "b");
	assert_false(span_cut(&in, ',', &head));
	in = SPAN("a,");
	assert_true(span_cut(&in, ',', &head) &&
		    span_cut(&in, ',', &head)); /* what is behind the comma is empty, not absent */
	is(head, "");
	assert_false(span_cut(&in, ',', &head));
	in = SPAN("  one\ttwo\r\n three ");
	assert_true(span_word(&in, &head));
	is(head, "one");
	assert_true(span_word(&in, &head));
	is(head, "two");
	assert_true(span_word(&in, &head));
	is(head, "three");
	assert_false(span_word(&in, &head));
	in = SPAN("x");
	assert_false(span_take_char(&in, 'y'));
	assert_true(span_take_char(&in, 'x') && !span_take_char(&in, 'x'));
}

static void test_pieces(void **state)
{
	struct span s = SPAN("hello");

	(void)state;
	is(span_from(s, 2), "llo");
	is(span_from(s, 99), "");
	is(span_sub(s, 1, 2), "el");
	is(span_sub(s, 3, 99), "lo");
	is(span_sub(s, 99, 1), "");
	is(span_trim(SPAN(" \t a b\r\n")), "a b");
	is(span_trim(SPAN(" \r\n")), "");
	assert_int_equal(span_chr(s, 'l'), 2);
	assert_int_equal(span_rchr(s, 'l'), 3);
	assert_int_equal(span_chr(s, 'x'), -1);
	assert_int_equal(span_chr(SPAN_NONE, 'x'), -1);
	assert_int_equal(span_find(s, SPAN("lo")), 3);
	assert_int_equal(span_find(s, SPAN("lox")), -1);
}

static const struct {
	const char *text;
	uint64_t max;
	bool ok;
	uint64_t want;
} numbers[] = {
	{ "0", 10, true, 0 },
	{ "10", 10, true, 10 },
	{ "11", 10, false, 0 },
	{ "0009", 10, true, 9 },
	{ "", 10, false, 0 },
	{ "-1", 10, false, 0 },
	{ "+1", 10, false, 0 },
	{ " 1", 10, false, 0 },
	{ "1x", 10, false, 0 },
	{ "18446744073709551615", UINT64_MAX, true, UINT64_MAX },
	{ "18446744073709551616", UINT64_MAX, false, 0 },
	{ "99999999999999999999999", UINT64_MAX, false, 0 },
	{ "4294967295", UINT32_MAX, true, UINT32_MAX },
	{ "5", 3, false, 0 },
	{ "0", 0, true, 0 },
	{ "1", 0, false, 0 },
};

static void test_numbers(void **state)
{
	uint32_t small = 77;
	long i;

	(void)state;
	for (size_t k = 0; k < ARRAY_LEN(numbers); k++) {
		uint64_t v = 77;

		if (span_u64(span_of(numbers[k].text), numbers[k].max, &v) != numbers[k].ok ||
		    v != (numbers[k].ok ? numbers[k].want : 77))
			fail_msg("'%s' up to %llu", numbers[k].text, (unsigned long long)numbers[k].max);
	}
	assert_false(span_u32(SPAN("x"), 9, &small));
	assert_int_equal(small, 77);
	assert_true(span_int(SPAN("-5"), &i) && i == -5);
	assert_true(span_int(SPAN("+5"), &i) && i == 5);
	assert_false(span_int(SPAN("-"), &i) || span_int(SPAN(""), &i) || span_int(SPAN("--1"), &i));
}

static void test_copies(void **state)
{
	char buf[4], *p = span_dup(SPAN("abc"));

	(void)state;
	assert_string_equal(p, "abc");
	free(p);
	p = span_dup(SPAN_NONE);
	assert_string_equal(p, "");
	free(p);
	assert_true(span_copy(SPAN("abc"), buf, sizeof buf));
	assert_string_equal(buf, "abc");
	assert_false(span_copy(SPAN("abcd"), buf, sizeof buf));
	assert_string_equal(buf, "abc");
	assert_true(span_copy(SPAN_NONE, buf, sizeof buf));
	assert_string_equal(buf, "");
}

static void test_fixed(void **state)
{
	char buf[8];
	struct out o = out_fixed(buf, sizeof buf);

	(void)state;
	out_str(&o, "abc");
	out_char(&o, '-');
	out_uint(&o, 42);
	is(out_look(&o), "abc-42");
	assert_int_equal(out_done(&o), 6);
	out_str(&o, "too long");
	assert_int_equal(out_done(&o), -ENOSPC);
	out_char(&o, 'x'); /* the error stays; nothing is written behind it */
	assert_int_equal(out_done(&o), -ENOSPC);
	is(out_look(&o), "abc-42to"); /* a line of the log is cut */
	o = out_fixed(buf, sizeof buf);
	out_fmt(&o, "%08d", 1);
	assert_int_equal(out_done(&o), 8); /* no room is needed for a NUL */
	out_free(&o);
	o = out_fixed(buf, 0);
	out_str(&o, "");
	assert_int_equal(out_done(&o), 0);
	out_uint(&o, 0);
	assert_int_equal(out_done(&o), -ENOSPC);
}

static void test_growing(void **state)
{
	struct out o = out_growing();
	char *p;

	(void)state;
	for (int i = 0; i < 1000; i++)
		out_fmt(&o, "%d,", i);
	assert_int_equal(out_done(&o), 3890);
	out_fmt(&o, "%0600d", 7); /* longer than the small buffer */
	assert_int_equal(o.n, 4490);
	p = out_take(&o);
	assert_int_equal(strlen(p), 4490);
	free(p);
	assert_null(o.p);
	out_hex(&o, "\x00\xff\x1a", 3);
	out_bytes(&o, "\0z", 2);
	out_span(&o, SPAN_NONE);
	assert_int_equal(o.n, 8);
	assert_memory_equal(o.p, "00ff1a\0z", 8);
	out_free(&o);
	o = out_growing();
	p = out_take(&o);
	assert_string_equal(p, "");
	free(p);
}

/* What is short stays in the buffer that was lent; what is not moves, and is freed. */
static void test_growing_in(void **state)
{
	char room[8];
	struct out o = out_growing_in(room, sizeof room);
	char *p;

	(void)state;
	out_str(&o, "1234567");
	assert_ptr_equal(o.p, room);
	p = out_take(&o);
	assert_ptr_not_equal(p, room);
	assert_string_equal(p, "1234567");
	free(p);
	o = out_growing_in(room, sizeof room);
	out_str(&o, "12345678");
	out_free(&o);
	o = out_growing_in(room, sizeof room);
	out_str(&o, "12345678");
	p = out_take(&o); /* the NUL does not fit any more */
	assert_string_equal(p, "12345678");
	free(p);
	o = out_growing_in(room, sizeof room);
	out_str(&o, "12345");
	out_str(&o, "67890");
	assert_ptr_not_equal(o.p, room);
	assert_memory_equal(o.p, "1234567890", 10);
	out_free(&o);
}

/* It is written as the library does, and not beyond its room. */
static void check_number(uint64_t v)
{
	char buf[32], want[32];
	int n = snprintf(want, sizeof want, "%llu", (unsigned long long)v);
	struct out o = out_fixed(buf, (size_t)n);

	out_uint(&o, v);
	assert_int_equal(out_done(&o), n);
	assert_memory_equal(buf, want, n);
	o = out_fixed(buf, (size_t)n - 1);
	out_uint(&o, v);
	assert_int_equal(out_done(&o), -ENOSPC);
}

static void test_written_numbers(void **state)
{
	uint64_t power = 1;

	(void)state;
	for (int digits = 1; digits <= 20; digits++, power *= 10) {
		check_number(power - 1);
		check_number(power);
		check_number(power + 1);
	}
	check_number(UINT64_MAX);
}

static void test_shown(void **state)
{
	struct out o = out_growing();

	(void)state;
	out_shown(&o, SPAN("a\tb\r\n\x1b[2J\x7f \xc2\x9b"
			   "31m \xc3\xa4 \xc2"));
	assert_true(span_is(out_look(&o), "a\tb\n.[2J. .31m \xc3\xa4 \xc2"));
	out_free(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_compare), cmocka_unit_test(test_cut),
		cmocka_unit_test(test_pieces),  cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_copies),  cmocka_unit_test(test_fixed),
		cmocka_unit_test(test_growing), cmocka_unit_test(test_growing_in),
		cmocka_unit_test(test_shown),   cmocka_unit_test(test_written_numbers),
	};

	return cmocka_run_group_tests_name("base text", tests, NULL, NULL);
}
