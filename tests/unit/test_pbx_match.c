/* tests/unit/test_pbx_match.c: which extension a number is, and what more digits could make of it. */
#include "test_conf_mem.h"

#include "pbx/match.h"

struct fit_case {
	const char *pattern, *number;
	bool fits;
};

static void one_pattern(void **state)
{
	static const struct fit_case cases[] = {
		{ "600", "600", true },
		{ "600", "6000", false },
		{ "600", "60", false },
		{ "s", "s", true },
		{ "s", "S", false },
		{ "i", "x", false },
		{ "_X", "0", true },
		{ "_X", "9", true },
		{ "_X", "a", false },
		{ "_Z", "0", false },
		{ "_Z", "1", true },
		{ "_N", "1", false },
		{ "_N", "2", true },
		{ "_x", "5", true },
		{ "_XX", "5", false },
		{ "_XX", "55", true },
		{ "_XX", "555", false },
		{ "_[1-5a]", "3", true },
		{ "_[1-5a]", "a", true },
		{ "_[1-5a]", "6", false },
		{ "_[1-5a]", "-", false },
		{ "_[13-57]", "2", false },
		{ "_[13-57]", "4", true },
		{ "_[13-57]", "7", true },
		{ "_[a-]", "a", true },
		{ "_1.", "1", false },
		{ "_1.", "12", true },
		{ "_1.", "1ab#", true },
		{ "_1!", "1", true },
		{ "_1!", "1234", true },
		{ "_!", "", true },
		{ "_.", "", false },
		{ "_.", "s", true },
		{ "_", "", true },
		{ "_[1", "1", false },
		{ "_1NXXNXXXXXX", "12125551212", true },
		{ "_1NXXNXXXXXX", "11125551212", false },
		{ "_+X.", "+4930", true },
		{ "_NXX-XXXX", "5551212", true },
		{ "_NXX XXXX", "555-1212", true },
		{ "555-1212", "5551212", true },
		{ "5551212", "555-1212", true },
		{ "*97", "*97", true },
		{ "_*9X", "*97", true },
		{ "_#", "#", true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		bool fits = dp_matches(span_of(cases[i].pattern), span_of(cases[i].number));

		if (fits != cases[i].fits)
			printf("%s against %s\n", cases[i].pattern, cases[i].number);
		assert_int_equal(fits, cases[i].fits);
	}
}

static const char *const plan_files[] = {
	"pjsip.conf", "", "extensions.conf",
	"[a]\nexten => _.,1,NoOp(any)\nexten => _X!,1,NoOp(bang)\nexten => _X.,1,NoOp(dot)\nexten => _XXX,1,NoOp(xxx)\n"
	"exten => _NXX,1,NoOp(nxx)\nexten => _[2-5]XX,1,NoOp(set)\nexten => _5XX,1,NoOp(five)\nexten => "
	"555,1,NoOp(exact)\n"
	"exten => 600,1,NoOp(600)\nexten => 600/77,1,NoOp(from77)\nexten => 600/_8X,1,NoOp(from8x)\n"
	"[b]\nexten => 1,1,NoOp(b1)\ninclude => c\ninclude => d\n"
	"[c]\nexten => 2,1,NoOp(c2)\ninclude => e\ninclude => b\n"
	"[d]\nexten => 2,1,NoOp(d2)\nexten => 3,1,NoOp(d3)\nexten => 5,1,NoOp(d5)\nexten => 66-6,1,NoOp(dash)\n"
	"[e]\nexten => 3,1,NoOp(e3)\nexten => _X,1,NoOp(ex)\n"
	"[loop]\ninclude => loop\n"
	"[hints]\nexten => _1X,hint,PJSIP/${EXTEN}\nexten => 5,2(late),NoOp(5)\n"
	"[hinted]\ninclude => hints\ninclude => after\n"
	"[after]\nexten => _XX,1,NoOp(after)\nexten => 5,1,NoOp(five)\nexten => 5,n(label),NoOp()\n"
	"[steps]\nexten => 7,1,NoOp(7)\nexten => 7,5(five),NoOp(75)\nexten => _X,2(two),NoOp(x2)\n"
	"exten => _X,1,NoOp(x1)\nignorepat => 9\nignorepat => _[78]!\n"
	"[digits]\nexten => 12,1,NoOp()\nexten => 123,1,NoOp()\nexten => _9XX,1,NoOp()\nexten => _8.,1,NoOp()\n"
	"exten => _7!,1,NoOp()\nexten => 6/5,1,NoOp()\nexten => s,1,NoOp()\ninclude => digits2\n"
	"[digits2]\nexten => 55,1,NoOp()\n",
	NULL
};

struct find_case {
	const char *context, *number, *cid, *args, *where;
};

static void found(void **state)
{
	static const struct find_case cases[] = {
		{ "a", "555", "", "exact", "a" },    { "a", "556", "", "five", "a" },
		{ "a", "455", "", "set", "a" },      { "a", "655", "", "nxx", "a" },
		{ "a", "155", "", "xxx", "a" },      { "a", "1555", "", "dot", "a" },
		{ "a", "1", "", "bang", "a" },       { "a", "abc", "", "any", "a" },
		{ "a", "600", "", "600", "a" },      { "a", "600", "77", "from77", "a" },
		{ "a", "600", "81", "from8x", "a" }, { "a", "600", "78", "600", "a" },
		{ "a", "", "", NULL, NULL },         { "b", "1", "", "b1", "b" },
		{ "b", "2", "", "c2", "c" },         { "b", "3", "", "e3", "e" },
		{ "b", "5", "", "ex", "e" },         { "b", "x", "", NULL, NULL },
		{ "c", "1", "", "ex", "e" },         { "loop", "1", "", NULL, NULL },
		{ "none", "1", "", NULL, NULL },     { "hinted", "11", "", "after", "after" },
		{ "hints", "11", "", NULL, NULL },   { "hinted", "5", "", "five", "after" },
		{ "d", "666", "", "dash", "d" },     { "d", "6-66", "", "dash", "d" },
	};
	struct conf *c = mem_load(plan_files, NULL);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct find_case *t = &cases[i];
		const struct dp_context *where;
		const struct dp_exten *e = dp_find(&c->dialplan, span_of(t->context), span_of(t->number),
						   &(struct dp_call){ .cid = span_of(t->cid) }, &where);

		if (!e != !t->args || (e && strcmp(e->steps[0].args, t->args) != 0))
			printf("%s %s gave %s\n", t->context, t->number, e ? e->steps[0].args : "nothing");
		assert_int_equal(e != NULL, t->args != NULL);
		if (e) {
			assert_string_equal(e->steps[0].args, t->args);
			assert_string_equal(where->name, t->where);
		} else {
			assert_null(where);
		}
	}
	conf_unref(c);
}

static const struct dp_call nobody;

static void steps(void **state)
{
	struct conf *c = mem_load(plan_files, NULL);
	const struct conf_dialplan *d = &c->dialplan;
	struct span in = SPAN("steps");
	const struct dp_exten *e = dp_find(d, in, SPAN("7"), &nobody, NULL);

	(void)state;
	assert_string_equal(dp_step_at(e, 5)->args, "75");
	assert_null(dp_step_at(e, 2));
	assert_string_equal(dp_step_label(e, SPAN("five"))->args, "75");
	assert_null(dp_step_label(e, SPAN("two")));
	assert_null(dp_step_label(e, SPAN("")));
	/* priority 2 of 7 is the pattern's */
	assert_string_equal(dp_find_step(d, in, SPAN("7"), &nobody, 1)->args, "7");
	assert_string_equal(dp_find_step(d, in, SPAN("7"), &nobody, 2)->args, "x2");
	assert_string_equal(dp_find_step(d, in, SPAN("7"), &nobody, 5)->args, "75");
	assert_null(dp_find_step(d, in, SPAN("7"), &nobody, 3));
	assert_null(dp_find_step(d, in, SPAN("7"), &nobody, 0));
	assert_string_equal(dp_find_label(d, in, SPAN("7"), &nobody, SPAN("five"))->args, "75");
	assert_string_equal(dp_find_label(d, in, SPAN("7"), &nobody, SPAN("two"))->args, "x2");
	assert_null(dp_find_label(d, in, SPAN("7"), &nobody, SPAN("none")));
	assert_null(dp_find_label(d, in, SPAN("7"), &nobody, SPAN_NONE));
	assert_string_equal(dp_find_label(d, SPAN("hinted"), SPAN("5"), &nobody, SPAN("label"))->args, "");
	assert_string_equal(dp_find_step(d, SPAN("hinted"), SPAN("5"), &nobody, 2)->args, "5");
	assert_true(dp_ignored(conf_context(&c->dialplan, in), SPAN("9")));
	assert_true(dp_ignored(conf_context(&c->dialplan, in), SPAN("81")));
	assert_false(dp_ignored(conf_context(&c->dialplan, in), SPAN("1")));
	conf_unref(c);
}

struct more_case {
	const char *digits;
	enum dp_more more;
};

static void typed_digits(void **state)
{
	static const struct more_case cases[] = {
		{ "", DP_TOO_SHORT },   { "1", DP_TOO_SHORT }, { "12", DP_MAY_GROW },  { "123", DP_MATCH },
		{ "124", DP_NO_MATCH }, { "9", DP_TOO_SHORT }, { "90", DP_TOO_SHORT }, { "901", DP_MATCH },
		{ "8", DP_TOO_SHORT },  { "80", DP_MAY_GROW }, { "7", DP_MATCH },      { "71", DP_MATCH },
		{ "4", DP_NO_MATCH },   { "6", DP_NO_MATCH },  { "5", DP_TOO_SHORT },  { "55", DP_MATCH },
	};
	struct conf *c = mem_load(plan_files, NULL);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		enum dp_more more = dp_could_match(&c->dialplan, SPAN("digits"), span_of(cases[i].digits), &nobody);

		if (more != cases[i].more)
			printf("%s gave %d\n", cases[i].digits, (int)more);
		assert_int_equal(more, cases[i].more);
	}
	assert_int_equal(dp_could_match(&c->dialplan, SPAN("digits"), SPAN("6"), &(struct dp_call){ .cid = SPAN("5") }),
			 DP_MATCH);
	conf_unref(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_pattern),
		cmocka_unit_test(found),
		cmocka_unit_test(steps),
		cmocka_unit_test(typed_digits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
