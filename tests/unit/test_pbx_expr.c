/* tests/unit/test_pbx_expr.c: expressions and their values; NULL: refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "pbx/expr.h"

struct expr_case {
	const char *in, *value, *why;
};

static const struct expr_case cases[] = {
	{ "", "", NULL },
	{ "  ", "", NULL },
	{ "1", "1", NULL },
	{ "1 + 2", "3", NULL },
	{ "1+2*3", "7", NULL },
	{ "(1+2)*3", "9", NULL },
	{ "10 - 4 - 3", "3", NULL },
	{ "7 / 2", "3.5", NULL },
	{ "8 / 2", "4", NULL },
	{ "1 / 3", "0.333333333333333333", NULL },
	{ "0.1 + 0.2", "0.3", NULL },
	{ "7 % 3", "1", NULL },
	{ "7 % 0", "0", NULL },
	{ "7 / 0", "2147483647", NULL },
	{ "-5 + 3", "-2", NULL },
	{ "3 - -5", "8", NULL },
	{ "- - 5", "5", NULL },
	{ "2 * -3", "-6", NULL },
	{ "-0", "0", NULL },
	{ "007", "007", NULL },
	{ "007 + 0", "7", NULL },
	{ "4294967296 * 4", "17179869184", NULL },
	/* comparison */
	{ "1 = 1", "1", NULL },
	{ "1 == 1.0", "1", NULL },
	{ "1 != 2", "1", NULL },
	{ "10 > 9", "1", NULL },
	{ "abc > abd", "0", NULL },
	{ "abc < abd", "1", NULL },
	{ "10 > 9a", "0", NULL },
	{ "2 >= 2", "1", NULL },
	{ "2 <= 1", "0", NULL },
	{ "\"a b\" = \"a b\"", "1", NULL },
	{ "\"a\" = a", "0", NULL },
	{ "\"\" = \"\"", "1", NULL },
	{ "\"5\" = 5", "0", NULL },
	{ "1 < 2 = 1", "1", NULL },
	{ "1.2.3 = 1.2", "0", NULL },
	/* and, or, not */
	{ "0 | 5", "5", NULL },
	{ "3 || 5", "3", NULL },
	{ "abc | 5", "abc", NULL },
	{ "3 & 5", "3", NULL },
	{ "3 && 0", "0", NULL },
	{ "1 = 1 & 2 = 2", "1", NULL },
	{ "1 = 2 | 2 = 2", "1", NULL },
	{ "0 | 1 & 0", "0", NULL },
	{ "!0", "1", NULL },
	{ "!5", "0", NULL },
	{ "!!5", "1", NULL },
	{ "!abc", "1", NULL },
	{ "!7up", "0", NULL },
	{ "!0 + 1", "2", NULL },
	{ "!(1 = 2)", "1", NULL },
	/* conditions */
	{ "1 ? a :: b", "a", NULL },
	{ "0 ? a :: b", "b", NULL },
	{ "x ? 1 :: 2", "1", NULL },
	{ "\"\" ? 1 :: 2", "2", NULL },
	{ "1 = 1 ? 2 + 3 :: 9", "5", NULL },
	{ "1 ? 0 ? a :: b :: c", "b", NULL },
	{ "1 ? 0 :: 1 ? c :: d", "d", NULL },
	/* patterns */
	{ "\"5551212\" : \"555\"", "3", NULL },
	{ "\"5551212\" : \"1212\"", "0", NULL },
	{ "\"5551212\" =~ \"1212\"", "4", NULL },
	{ "\"5551212\" : \"555(.*)\"", "1212", NULL },
	{ "\"5551212\" : \"666(.*)\"", "", NULL },
	{ "\"sip:6001@h\" =~ \"sip:([^@]+)@\"", "6001", NULL },
	{ "12345 : \"[0-9]+\"", "5", NULL },
	{ "abc : \"a{1,3}\"", "1", NULL },
	{ "\"12\" : \"1(2)\" + 1", "3", NULL },
	{ "foo ~~ bar", "foobar", NULL },
	{ "\"foo \" ~~ \"bar\"", "foo bar", NULL },
	{ "1 ~~ 2 + 1", "13", NULL },
	/* texts */
	{ "abc", "abc", NULL },
	{ "\"abc\"", "\"abc\"", NULL },
	{ "PJSIP\\6001", "PJSIP\\6001", NULL },
	{ "\xc3\xa4", "\xc3\xa4", NULL },
	{ "abc + 1", "1", NULL },
	{ "5 - abc", "5", NULL },
	{ "abc - 5", "-5", NULL },
	{ "abc * 5", "0", NULL },
	{ "5 / abc", "2147483647", NULL },
	{ "abc / 5", "0", NULL },
	/* functions */
	{ "FLOOR(3.7)", "3", NULL },
	{ "ROUND(2.5) * 2", "6", NULL },
	{ "POW(2, 10)", "1024", NULL },
	{ "ABS(3 - 5)", "2", NULL },
	{ "SQRT(2 + 2)", "2", NULL },
	{ "NOSUCH(1)", NULL, "no such function with so many arguments" },
	{ "FLOOR(1, 2)", NULL, "no such function with so many arguments" },
	{ "POW(1, 2, 3)", NULL, "no such function with so many arguments" },
	/* what is no expression */
	{ "1 +", NULL, "an operand is missing at the end" },
	{ "* 2", NULL, "an operand is missing" },
	{ "= 1", NULL, "an operand is missing" },
	{ "1 2", NULL, "an operator is missing" },
	{ "(1", NULL, "a ')' is missing" },
	{ "1)", NULL, "an operator is missing" },
	{ "\"abc", NULL, "a '\"' is missing" },
	{ "1 ? 2", NULL, "'?' without '::'" },
	{ "[1]", NULL, "a character that has no meaning here" },
	{ "FLOOR(1", NULL, "a ')' is missing" },
	{ "a : \"(\"", NULL, "the pattern is not a regular expression" },
	{ "a : \"x{200}{200}\"", NULL, "the pattern is too large, or refers back to a group" },
	{ "a : \"(x){1,99999999999999999999}\"", NULL, "the pattern is too large, or refers back to a group" },
	{ "a : \"(a)\\1\"", NULL, "the pattern is too large, or refers back to a group" },
};

static void values(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct out o = out_growing();
		const char *why = "unset";
		bool ok = expr_eval(span_of(cases[i].in), &o, &why);

		out_char(&o, '\0');
		if (ok != !cases[i].why || (ok && strcmp(o.p, cases[i].value) != 0))
			printf("%s gave %s (%s)\n", cases[i].in, o.p, ok ? "" : why);
		assert_int_equal(ok, !cases[i].why);
		if (ok) {
			assert_string_equal(o.p, cases[i].value);
			assert_null(why);
		} else {
			assert_string_equal(o.p, "");
			assert_string_equal(why, cases[i].why);
		}
		out_free(&o);
	}
}

static void check_deep(const char *unit, size_t n)
{
	struct out in = out_growing(), o = out_growing();
	const char *why;

	while (n--)
		out_str(&in, unit);
	out_str(&in, "1");
	assert_false(expr_eval(out_look(&in), &o, &why));
	assert_string_equal(why, "too deeply nested");
	out_free(&in);
	out_free(&o);
}

static void caps(void **state)
{
	struct out o = out_growing();
	const char *why;
	char *big = malloc(8193);

	(void)state;
	memset(big, '1', 8193);
	assert_true(expr_eval((struct span){ big, 8192 }, &o, &why));
	assert_false(expr_eval((struct span){ big, 8193 }, &o, &why));
	assert_string_equal(why, "the expression is too long");
	assert_false(expr_eval((struct span){ "1\0"
					      "2",
					      3 },
			       &o, &why));
	free(big);
	out_free(&o);
	check_deep("(", 100);
	check_deep("!", 100);
	check_deep("- ", 4000);
	check_deep("1 ? ", 100);
	check_deep("ABS(", 2000);
	check_deep("a : -", 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(values), cmocka_unit_test(caps) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
