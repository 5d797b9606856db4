/* tests/unit/test_conf_ini.c: the grammar of Asterisk's files, as what a text becomes and what is said of it. */
#include "test_conf_mem.h"

#include "conf/ini.h"

/* "[name]key=value,key=value[name]…"; templates have a '!' after the name. */
static void flatten(const struct ini *ini, struct out *o)
{
	for (size_t i = 0; i < ini->n; i++) {
		const struct ini_section *s = &ini->sections[i];

		out_fmt(o, "[%s%s]", s->name, s->is_template ? "!" : "");
		for (size_t k = 0; k < s->n; k++)
			out_fmt(o, "%s%s=%s", k ? "," : "", s->lines[k]->key, s->lines[k]->value);
	}
	out_char(o, '\0');
}

struct grammar_case {
	const char *text, *sections, *remark;
};

static void check_text(const char *const *files, const char *sections, const char *remark)
{
	struct conf_source src = mem_source(files);
	struct arena *names = arena_new(256);
	struct diag why = { 0 };
	struct ini ini;
	struct out o = out_growing();
	char buf[1200];

	assert_true(ini_load(&ini, names, &src, "t.conf", &why));
	flatten(&ini, &o);
	if (sections)
		assert_string_equal(o.p, sections);
	assert_string_equal(mem_remark(&why, 0, buf), remark);
	assert_true(why.n <= 1);
	out_free(&o);
	ini_free(&ini);
	diag_free(&why);
	arena_free(names);
}

static void grammar(void **state)
{
	static const struct grammar_case cases[] = {
		{ "", "", "" },
		{ "[a]\nk=v\n", "[a]k=v", "" },
		{ "[a]\nk = v ; remark\n  x=>1  \n", "[a]k=v,x=1", "" },
		{ "\xef\xbb\xbf[a]\r\nk=v\r\n\r\nx=y", "[a]k=v,x=y", "" },
		{ "[a]\nk=", "[a]k=", "" },
		{ "[a]\nk=a=b\nexten => s,1,Set(x=1)", "[a]k=a=b,exten=s,1,Set(x=1)", "" },
		{ "[a]\nuri=sip:h\\;lr ; x\n", "[a]uri=sip:h;lr", "" },
		{ "[a]\nk=1\\;2;3\\;4", "[a]k=1;2", "" },
		{ "[a] ; remark\nk=v", "[a]k=v", "" },
		{ "[ a ]\nk=v", "[a]k=v", "" },
		/* comments over several lines */
		{ "[a]\n;-- x\nk=1\n--;\nk=2", "[a]k=2", "" },
		{ "[a]\nk=;-- gone --;v", "[a]k=v", "" },
		{ "[a]\n;-- a ;-- b --;\nk=1\n--; k=2", "[a]k=2", "" },
		{ "[a]\n;------ a rule\nk=1", "[a]k=1", "" },
		{ "[a]\nk=1 --; x", "[a]k=1 --", "" },
		{ "[a]\n\n;-- never\nk=1", "[a]",
		  "t.conf:3: warning: the comment that ';--' opens here is never closed: what follows is not read" },
		/* names used again */
		{ "[a]\nk=1\n[a]\nk=2", "[a]k=1[a]k=2", "" },
		{ "[a]\nk=1\n[b]\n[a](+)\nx=2", "[a]k=1,x=2[b]", "" },
		{ "[a]\ntype=aor\n[a]\ntype=auth\n[a](+type=auth)\nx=2", "[a]type=aor[a]type=auth,x=2", "" },
		{ "[a]\nk=1\n[b](+)\nx=2", "[a]k=1", "t.conf:3: [b](+): there is no such section before this line" },
		/* templates */
		{ "[t](!)\nk=1\n[a](t)\nx=2", "[t!]k=1[a]k=1,x=2", "" },
		{ "[t](!)\nk=1\n[u](!,t)\nk=2\n[a](u)", "[t!]k=1[u!]k=1,k=2[a]k=1,k=2", "" },
		{ "[t](!)\nk=1\n[u](!)\ny=2\n[a](t, u)\nx=3", "[t!]k=1[u!]y=2[a]k=1,y=2,x=3", "" },
		{ "[t]\nk=1\n[a](t)", "[t]k=1[a]k=1", "" },
		{ "[T](!)\nk=1\n[a](t)", "[T!]k=1[a]k=1", "" },
		{ "[T](!)\nk=1\n[t](!)\nk=2\n[t](!)\nk=3\n[a](t)", "[T!]k=1[t!]k=2[t!]k=3[a]k=2", "" },
		{ "[base](!)\nk=1\n[a](bse)\nx=1", NULL,
		  "t.conf:3: [a] inherits from unknown section 'bse', did you mean 'base'?" },
		{ "[a](nothing)\nx=1", NULL, "t.conf:1: [a] inherits from unknown section 'nothing'" },
		{ "[a](a)\nx=1", NULL, "t.conf:1: [a] inherits from unknown section 'a'" },
		/* += */
		{ "[a]\nallow=ulaw\nallow += ,alaw", "[a]allow=ulaw,alaw", "" },
		{ "[a]\nallow += alaw", "[a]allow=alaw", "" },
		{ "[t](!)\nk=1\n[a](t)\nk+=2\n[b](t)", "[t!]k=1[a]k=12[b]k=1", "" },
		/* what is wrong */
		{ "k=v", "", "t.conf:1: this line stands before any [section]" },
		{ "[a]\nno equals\nk=v", "[a]k=v", "t.conf:2: warning: no '=' in this line: it is ignored" },
		{ "[a]\n=v", "[a]", "t.conf:2: no name before '='" },
		{ "[a\nk=v", "", "t.conf:1: ']' is missing after the section's name" },
		{ "[]", "", "t.conf:1: a section needs a name" },
		{ "[a](t\nk=v", "", "t.conf:1: ')' is missing after [a](" },
		{ "[a] b\nk=v", "[a]k=v", "t.conf:1: warning: 'b' after the section's name is ignored" },
		{ "#exec date", "",
		  "t.conf:1: #exec is not supported: no program is run while the configuration is read" },
		{ "#includ x", "", "t.conf:1: unknown directive '#includ': there are #include and #tryinclude" },
		{ "#include", "", "t.conf:1: #include needs the name of a file" },
		{ "[a]\n#include none.conf", "[a]",
		  "t.conf:2: #include: there is no file 'none.conf', or it may not be read" },
		{ "[a]\n#include none.d/*", "[a]", "t.conf:2: warning: #include: 'none.d/*' matches no file" },
		{ "[a]\n#tryinclude none.conf\nk=v", "[a]k=v", "" },
		{ "[a]\n#tryinclude none.d/*\nk=v", "[a]k=v", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *files[] = { "t.conf", cases[i].text, NULL };

		check_text(files, cases[i].sections, cases[i].remark);
	}
}

static void includes(void **state)
{
	static const char *const quoted[] = {
		"t.conf", "[a]\n#include \"x.conf\"\n#include <y.conf>\n#include z.conf\n",
		"x.conf", "x=1",
		"y.conf", "y=1",
		"z.conf", "z=1",
		NULL
	};
	static const char *const sections[] = { "t.conf", "[a]\n#include x.conf\nk=v", "x.conf", "i=1\n[b]\nj=1",
						NULL };
	static const char *const many[] = {
		"t.conf", "[a]\n#include d/*.conf", "d/1.conf", "x=1", "d/2.txt", "x=2", "d/3.conf", "x=3", NULL
	};
	static const char *const loop[] = { "t.conf", "#include x.conf", "x.conf", "[a]\n#include t.conf", NULL };
	static const char *const inner[] = { "t.conf", "#include x.conf", "x.conf", "[a]\n\nnonsense", NULL };

	(void)state;
	check_text(quoted, "[a]x=1,y=1,z=1", "");
	check_text(sections, "[a]i=1,k=v[b]j=1", "");
	check_text(many, "[a]x=1,x=3", "");
	check_text(loop, "[a]", "x.conf:2: #include: 't.conf' includes itself");
	check_text(inner, "[a]", "x.conf:3: warning: no '=' in this line: it is ignored");
}

static void depth_is_capped(void **state)
{
	char names[16][16], texts[16][32];
	const char *files[33] = { "t.conf", "[a]\n#include 1" };

	(void)state;
	for (int i = 1; i < 15; i++) {
		snprintf(names[i], sizeof names[i], "%d", i);
		snprintf(texts[i], sizeof texts[i], "#include %d", i + 1);
		files[2 * i] = names[i];
		files[2 * i + 1] = texts[i];
	}
	check_text(files, "[a]", "9:1: #include: more than 10 files deep or 100000 in all");
}

/* Forty doublings would be a trillion lines. */
static void inheritance_is_capped(void **state)
{
	struct out o = out_growing();
	struct arena *names = arena_new(256);
	struct diag why = { 0 };
	struct ini ini;
	char buf[1200];

	(void)state;
	out_str(&o, "[t0](!)\nk=v\n");
	for (int i = 1; i < 40; i++)
		out_fmt(&o, "[t%d](!,t%d,t%d)\n", i, i - 1, i - 1);
	out_char(&o, '\0');
	const char *files[] = { "t.conf", o.p, NULL };
	struct conf_source src = mem_source(files);

	assert_true(ini_load(&ini, names, &src, "t.conf", &why));
	assert_string_equal(mem_remark(&why, 0, buf), "t.conf:21: more than 1002100 lines with what is inherited");
	assert_int_equal(why.n, 1);
	ini_free(&ini);
	diag_free(&why);
	arena_free(names);
	out_free(&o);
}

/* Each of 70,000 phones has three sections, and each hundred their own template: no limit, and no search through all.
 */
static void many_sections(void **state)
{
	struct out o = out_growing();
	struct arena *names = arena_new(256);
	struct diag why = { 0 };
	struct ini ini;

	(void)state;
	for (int i = 0; i < 70000; i++) {
		if (i % 100 == 0)
			out_fmt(&o, "[t%d](!)\nk=v\n", i);
		out_fmt(&o, "[%d](t%d)\n[%d]\n[%d](+)\n[%d]\n", i, i / 100 * 100, i, i, i);
	}
	out_char(&o, '\0');
	const char *files[] = { "t.conf", o.p, NULL };
	struct conf_source src = mem_source(files);

	assert_true(ini_load(&ini, names, &src, "t.conf", &why));
	assert_int_equal(why.n, 0);
	assert_int_equal(ini.n, 70000 / 100 + 3 * 70000);
	assert_ptr_equal(ini_section(&ini, SPAN("T69900")), ini_section(&ini, SPAN("t69900")));
	assert_int_equal(ini_section(&ini, SPAN("69999"))->n, 1);
	ini_free(&ini);
	diag_free(&why);
	arena_free(names);
	out_free(&o);
}

static void zero_bytes_and_missing_files(void **state)
{
	static const char *const none[] = { NULL };
	struct conf_source src = mem_source(none);
	struct arena *names = arena_new(256);
	struct diag why = { 0 };
	struct ini ini;

	(void)state;
	assert_false(ini_load(&ini, names, &src, "t.conf", &why));
	assert_int_equal(why.n, 0);
	ini_free(&ini);
	arena_free(names);
}

static void folders(void **state)
{
	const char *dir = "tests/unit/data";
	struct conf_source src = conf_source_dir(&dir);
	struct out o = out_growing();

	(void)state;
	assert_true(src.read(src.arg, "pjsip-options.tsv", &o));
	assert_true(o.n > 10000);
	out_free(&o);
	o = out_growing();
	assert_false(src.read(src.arg, "nothing-here", &o));
	assert_false(src.read(src.arg, ".", &o));
	out_free(&o);
}

static void remember(void *ctx, const char *path)
{
	snprintf(ctx, 64, "%s", path);
}

static void folders_glob(void **state)
{
	const char *dir = "tests/unit/data";
	struct conf_source src = conf_source_dir(&dir);
	char found[64] = "";

	(void)state;
	src.glob(src.arg, "pjsip-opt*.tsv", remember, found);
	assert_string_equal(found, "pjsip-options.tsv");
	found[0] = '\0';
	src.glob(src.arg, "nothing*", remember, found);
	assert_string_equal(found, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grammar),         cmocka_unit_test(includes),
		cmocka_unit_test(depth_is_capped), cmocka_unit_test(inheritance_is_capped),
		cmocka_unit_test(many_sections),   cmocka_unit_test(zero_bytes_and_missing_files),
		cmocka_unit_test(folders),         cmocka_unit_test(folders_glob),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
