/* tests/unit/test_pbx_subst.c: texts with variables, functions and expressions, and what becomes of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "pbx/subst.h"

static const char *var(void *arg, struct span name)
{
	static const char *const vars[][2] = {
		{ "A", "alpha" },  { "N", "3" },       { "P", "A" },        { "NUM", "18005551212" }, { "EMPTY", "" },
		{ "RAW", "${A}" }, { "EXTEN", "600" }, { "VAR-3", "dash" }, { "Q", "a\"b" },
	};

	(void)arg;
	for (size_t i = 0; i < sizeof vars / sizeof vars[0]; i++)
		if (span_is(name, vars[i][0]))
			return vars[i][1];
	return NULL;
}

static bool func(void *arg, struct span name, struct span args, struct out *o)
{
	(void)arg;
	if (span_is(name, "LEN"))
		out_uint(o, args.n);
	else if (span_is(name, "ECHO"))
		out_span(o, args);
	else if (span_is(name, "BIG"))
		for (int i = 0; i < 40000; i++)
			out_char(o, 'x');
	else
		return false;
	return true;
}

static const struct subst_env env = { var, func, NULL };

struct subst_case {
	const char *in, *out, *remark;
};

static const struct subst_case cases[] = {
	{ "", "", NULL },
	{ "plain", "plain", NULL },
	{ "${A}", "alpha", NULL },
	{ "x${A}y${N}", "xalphay3", NULL },
	{ "${NONE}", "", NULL },
	{ "${EMPTY}", "", NULL },
	{ "${}", "", NULL },
	{ "${RAW}", "${A}", NULL },
	/* '$' alone, backslashes */
	{ "$", "$", NULL },
	{ "$5 $$ a$", "$5 $$ a$", NULL },
	{ "$${A}", "$alpha", NULL },
	{ "\\${A}", "\\alpha", NULL },
	{ "a\\,b", "a\\,b", NULL },
	{ "{A} [1+1]", "{A} [1+1]", NULL },
	/* ranges */
	{ "${NUM:1}", "8005551212", NULL },
	{ "${NUM:1:3}", "800", NULL },
	{ "${NUM:0:1}", "1", NULL },
	{ "${NUM:-4}", "1212", NULL },
	{ "${NUM:-4:2}", "12", NULL },
	{ "${NUM:1:-4}", "800555", NULL },
	{ "${NUM:-99:2}", "18", NULL },
	{ "${NUM:99}", "", NULL },
	{ "${NUM:4:-99}", "", NULL },
	{ "${NUM:0:0}", "", NULL },
	{ "${NUM:x}", "18005551212", NULL },
	{ "${NUM:}", "18005551212", NULL },
	{ "${NUM:1:}", "8005551212", NULL },
	{ "${NUM:99999999999999999999:1}", "", NULL },
	{ "${NONE:1:2}", "", NULL },
	/* nested */
	{ "${${P}}", "alpha", NULL },
	{ "${VAR-${N}}", "dash", NULL },
	{ "${NUM:${N}}", "05551212", NULL },
	{ "${NUM:$[${N} + 1]:$[1+1]}", "55", NULL },
	/* functions */
	{ "${LEN(abc)}", "3", NULL },
	{ "${LEN(${A})}", "5", NULL },
	{ "${LEN()}", "0", NULL },
	{ "${ECHO(a,b)}", "a,b", NULL },
	{ "${ECHO(a:b):1}", ":b", NULL },
	{ "${ECHO(x(y)z)}", "x(y)z", NULL },
	{ "${ECHO(abcdef):2:3}", "cde", NULL },
	{ "${ECHO({x})}", "{x}", NULL },
	{ "${ECHO(${ECHO(${A})}!)}", "alpha!", NULL },
	/* expressions */
	{ "$[1 + 2]", "3", NULL },
	{ "$[${N} * 2]", "6", NULL },
	{ "$[\"${A}\" = \"alpha\"]", "1", NULL },
	{ "$[ ${EXTEN} > 500 ? big :: small ]", "big", NULL },
	{ "$[ $[1+1] * $[2+1] ]", "6", NULL },
	{ "$[\"${NUM}\" : \"1([0-9]{3})\"]", "800", NULL },
	{ "a$[1]b$[2]c", "a1b2c", NULL },
	{ "$[]", "", NULL },
	{ "${IF$[1]}", "", NULL },
	{ "Dial(PJSIP/${EXTEN}@gw,$[10*3],${ECHO(tT)})", "Dial(PJSIP/600@gw,30,tT)", NULL },
	/* remarks: it goes on all the same */
	{ "${A", "alpha", "a '}' is missing" },
	{ "x$[1+1", "x2", "a ']' is missing" },
	{ "${ECHO(a}", "a", "a ')' is missing" },
	{ "${NOSUCH(a)}b", "b", "a function is not known, or has no such value" },
	{ "$[1 +]", "0", "an operand is missing at the end" },
	{ "$[1 +] ${A", "0 alpha", "an operand is missing at the end" },
	{ "$[\"${Q}\" = 1]", "0", "an operator is missing" },
	{ "${", "", "a '}' is missing" },
};

static void substitutions(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct out o = out_growing();
		const char *why = "unset";

		assert_true(dp_subst(&env, span_of(cases[i].in), &o, &why));
		out_char(&o, '\0');
		if (strcmp(o.p, cases[i].out) != 0)
			printf("%s\n", cases[i].in);
		assert_string_equal(o.p, cases[i].out);
		if (cases[i].remark)
			assert_string_equal(why, cases[i].remark);
		else
			assert_null(why);
		out_free(&o);
	}
}

static void check_cap(const char *unit, size_t n, const char *cap)
{
	struct out in = out_growing(), o = out_growing();
	const char *why;

	while (n--)
		out_str(&in, unit);
	assert_false(dp_subst(&env, out_look(&in), &o, &why));
	assert_string_equal(why, cap);
	assert_int_equal(o.n, 0);
	out_free(&in);
	out_free(&o);
}

static void caps(void **state)
{
	(void)state;
	check_cap("${", 5000, "too deeply nested");
	check_cap("$[", 5000, "too deeply nested");
	check_cap("${BIG()}", 2, "the text becomes too long");
	check_cap("${BIG():0:1}${LEN(${BIG()})}", 30, "the text becomes too long");
	check_cap("0123456789abcdef", 4097, "the text becomes too long");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(substitutions), cmocka_unit_test(caps) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
