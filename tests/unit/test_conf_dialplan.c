/* tests/unit/test_conf_dialplan.c: extensions.conf: what a text becomes, and what is said of it. */
#include "test_conf_mem.h"

/* "context: exten/cid prio(label)=App(args) …; include x" on one line for each context */
static void flatten(const struct conf_dialplan *d, struct out *o)
{
	for (size_t i = 0; i < d->n_contexts; i++) {
		const struct dp_context *c = &d->contexts[i];

		out_fmt(o, "%s:", c->name);
		for (size_t k = 0; k < c->n_extens; k++) {
			const struct dp_exten *e = &c->extens[k];

			out_fmt(o, " %s%s%s", e->pattern, *e->cid ? "/" : "", e->cid);
			for (size_t s = 0; s < e->n_steps; s++)
				out_fmt(o, " %d(%s)=%s(%s)", e->steps[s].prio, e->steps[s].label, e->steps[s].app,
					e->steps[s].args);
		}
		for (size_t k = 0; k < c->includes.n; k++)
			out_fmt(o, " include %s%s%s", c->includes.v[k], *c->include_times.v[k] ? "," : "",
				c->include_times.v[k]);
		out_char(o, '\n');
	}
	out_char(o, '\0');
}

struct plan_case {
	const char *text, *plan, *remark;
};

static const struct plan_case cases[] = {
	{ "[a]\nexten => 600,1,Answer()\nexten => 600,2,Echo()\n", "a: 600 1()=Answer() 2()=Echo()\n", "" },
	{ "[a]\nexten => 600,1,Answer\nsame => n,Echo()\nsame => n(end),Hangup(16)\n",
	  "a: 600 1()=Answer() 2()=Echo() 3(end)=Hangup(16)\n", "" },
	{ "[a]\nexten=>_1NXX.,1(start),Dial(PJSIP/${EXTEN}@gw,30)\n", "a: _1NXX. 1(start)=Dial(PJSIP/${EXTEN}@gw,30)\n",
	  "" },
	{ "[a]\nexten => s,1,A\nexten => s,n+2,B\nexten => s,n(x),C\nexten => s,x+10,D\n",
	  "a: s 1()=A() 4()=B() 5(x)=C() 15()=D()\n", "" },
	{ "[a]\nexten => s,1,A\nexten => t,s,B\nexten => t,n,C\n", "a: s 1()=A() t 1()=B() 2()=C()\n", "" },
	{ "[a]\nexten => s,2,B\nexten => s,1,A\nexten => s,10,C\nexten => s,5,D\n",
	  "a: s 1()=A() 2()=B() 5()=D() 10()=C()\n", "" },
	{ "[a]\nexten => 1,1,A\nexten => 2,1,B\nexten => 1,n,C\n", "a: 1 1()=A() 2()=C() 2 1()=B()\n", "" },
	{ "[a]\nexten => 1/555,1,A\nexten => 1,1,B\n", "a: 1/555 1()=A() 1 1()=B()\n", "" },
	{ "[a]\nexten => 1,hint,PJSIP/1\nsame => 1,Dial(PJSIP/1)\n", "a: 1 1()=Dial(PJSIP/1)\n", "" },
	{ "[a]\nexten => s,1,A\n[b]\n[a]\nexten => s,2,B\n", "a: s 1()=A() 2()=B()\nb:\n", "" },
	{ "[a]\nexten => s,1,Set(x=$[(1 + 2) * 3])\nsame => n,NoOp(a\\,b)\n",
	  "a: s 1()=Set(x=$[(1 + 2) * 3]) 2()=NoOp(a\\,b)\n", "" },
	{ "[a]\nexten => s,1,Playback,hello\n", "a: s 1()=Playback(hello)\n", "" },
	{ "[a]\nexten => s,1,NoOp(\"(\")\nsame => n,NoOp(\\()\n", "a: s 1()=NoOp(\"(\") 2()=NoOp(\\()\n", "" },
	{ "[a]\nexten => s,1, NoOp( x ) \n", "a: s 1()=NoOp( x )\n", "" },
	{ "[a]\nexten => s,1,NoOp(a\\;b) ; remark\n", "a: s 1()=NoOp(a;b)\n", "" },
	{ "[t](!)\nexten => _X.,1,A\n[a](t)\nexten => s,1,B\n", "a: _X. 1()=A() s 1()=B()\n", "" },
	{ "[general]\nstatic=yes\nwriteprotect=no\nclearglobalvars=yes\n[globals]\nNUM=77\nLONG=${NUM}8\n"
	  "[a]\nexten => ${LONG},1,NoOp(${NUM})\n",
	  "a: 778 1()=NoOp(${NUM})\n", "" },
	{ "[a]\nexten => ${NUM},1,A\n[globals]\nNUM=5\n", "a: 5 1()=A()\n", "" },
	{ "[a]\ninclude => b\nignorepat => 9\nautohints=yes\n[b]\n", "a: include b\nb:\n", "" },
	/* warnings */
	{ "[a]\ninclude => c\n", "a: include c\n",
	  "extensions.conf:2: warning: include => c: there is no such context" },
	{ "[a]\ninclude => b,9:00-17:00,mon-fri,*,*\n[b]\n", "a: include b,9:00-17:00,mon-fri,*,*\nb:\n", "" },
	{ "[a]\ninclude => b,9:00-17:00,*,*,*,Asia/Tokyo\n[b]\n", "a: include b,9:00-17:00,*,*,*,Asia/Tokyo\nb:\n",
	  "extensions.conf:2: warning: include => b: time zones are not served yet; 'Asia/Tokyo' is taken for local "
	  "time" },
	{ "[a]\ninclude => b,9-17h\n[b]\n", "a: include b,9-17h\nb:\n",
	  "extensions.conf:2: warning: include => b: the times are not understood: it is never included" },
	{ "[a]\ninclude => b|9:00-17:00|mon-fri|*|*\n[b]\n", "a: include b,9:00-17:00|mon-fri|*|*\nb:\n", "" },
	{ "[a]\nswitch => Realtime/x\n", "a:\n",
	  "extensions.conf:2: warning: switch is not served: dialplans elsewhere are not asked" },
	{ "[a]\nexten => s,1,A\nexten => s,1,B\n", "a: s 1()=A()\n",
	  "extensions.conf:3: warning: extension 's' has priority 1 already, at extensions.conf:2; this line is "
	  "ignored" },
	{ "[a]\nexten => _[1-5,1,A\n", "a: _[1-5 1()=A()\n",
	  "extensions.conf:2: warning: extension '_[1-5': a ']' is missing: it matches nothing" },
	{ "[a]\nexten => _[1-5][67]X,1,A\nexten => [x,1,A\n", "a: _[1-5][67]X 1()=A() [x 1()=A()\n", "" },
	{ "[general]\nstatik=yes\n", "",
	  "extensions.conf:2: warning: [general]: unknown option 'statik', did you mean 'static'?" },
	{ "[a]\nexten => s,1,NoOp(5\" (6\")\n", "a: s 1()=NoOp(5\" (6\")\n", "" },
	{ "[a]\nexten => s,1,NoOp(:( x)\n", "a: s 1()=NoOp(:( x)\n",
	  "extensions.conf:2: warning: more parentheses are opened than closed in 'NoOp(:( x)'" },
	{ "[a]\nexten => s,1,NoOp(${CALLERID(num)\n", "a: s 1()=NoOp(${CALLERID(num)\n",
	  "extensions.conf:2: warning: more parentheses are opened than closed in 'NoOp(${CALLERID(num)'" },
	/* errors: no plan */
	{ "[a]\nexten => s,1,NoOp(x\n", NULL, "extensions.conf:2: a ')' is missing in 'NoOp(x'" },
	{ "[a]\nexten => s,1,NoOp(${CALLERID(num)}\n", NULL,
	  "extensions.conf:2: a ')' is missing in 'NoOp(${CALLERID(num)}'" },
	{ "[a]\nexten => s,1,\n", NULL, "extensions.conf:2: the application is missing" },
	{ "[a]\nexten => s,1\n", NULL, "extensions.conf:2: the application is missing" },
	{ "[a]\nexten => s\n", NULL,
	  "extensions.conf:2: an extension is written: exten => name,priority,Application(arguments)" },
	{ "[a]\nexten => ,1,A\n", NULL,
	  "extensions.conf:2: an extension is written: exten => name,priority,Application(arguments)" },
	{ "[a]\nexten => s,0,A\n", NULL,
	  "extensions.conf:2: '0' is not a priority (1 to 1000000, n, s, a label or hint)" },
	{ "[a]\nexten => s,nowhere,A\n", NULL,
	  "extensions.conf:2: 'nowhere' is not a priority (1 to 1000000, n, s, a label or hint)" },
	{ "[a]\nexten => s,n,A\n", NULL, "extensions.conf:2: 'n' needs a line with a priority before it" },
	{ "[a]\nexten => s,1+x,A\n", NULL, "extensions.conf:2: 'x' is not a number to add to a priority" },
	{ "[a]\nexten => s,1(x,A\n", NULL, "extensions.conf:2: ')' is missing after the label in '1(x'" },
	{ "[a]\nsame => n,A\n", NULL, "extensions.conf:2: 'same' needs an 'exten' line before it in this section" },
	{ "[a]\ninclude => \n", NULL, "extensions.conf:2: include needs the name of a context" },
	{ "[a]\nextn => s,1,A\n", NULL, "extensions.conf:2: context a: unknown word 'extn', did you mean 'exten'?" },
	{ "[a]\nsomething=1\n", NULL,
	  "extensions.conf:2: context a: unknown word 'something': there are exten, same, include, ignorepat and "
	  "switch" },
};

static void plans(void **state)
{
	char buf[1200];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *files[] = { "pjsip.conf", "", "extensions.conf", cases[i].text, NULL };
		struct conf_source src = mem_source(files);
		struct diag why = { 0 };
		struct conf *c = conf_load(&src, &why);
		struct out o = out_growing();

		assert_string_equal(mem_remark(&why, 0, buf), cases[i].remark);
		assert_true(why.n <= 1);
		assert_int_equal(c != NULL, cases[i].plan != NULL);
		if (c) {
			flatten(&c->dialplan, &o);
			assert_string_equal(o.p, cases[i].plan);
		}
		out_free(&o);
		conf_unref(c);
		diag_free(&why);
	}
}

static void globals_and_contexts(void **state)
{
	static const char *const files[] = { "pjsip.conf", "", "extensions.conf",
					     "[globals]\nA=1\nB=${A}${NONE}2\nA=3\n[z]\nignorepat=9\n[general]\n"
					     "clearglobalvars=no\n[m]\nexten => s,1,NoOp()\n",
					     NULL };
	struct conf *c = mem_load(files, NULL);
	const struct dp_context *m = conf_context(&c->dialplan, SPAN("m"));

	(void)state;
	assert_int_equal(c->dialplan.n_globals, 2);
	assert_string_equal(c->dialplan.globals[0].value, "3");
	assert_string_equal(c->dialplan.globals[1].value, "12");
	assert_false(c->dialplan.clearglobalvars);
	assert_non_null(m);
	assert_string_equal(m->extens[0].steps[0].file, "extensions.conf");
	assert_int_equal(m->extens[0].steps[0].line, 10);
	assert_string_equal(conf_context(&c->dialplan, SPAN("z"))->ignorepat.v[0], "9");
	assert_null(conf_context(&c->dialplan, SPAN("M")));
	assert_null(conf_context(&c->dialplan, SPAN("globals")));
	conf_unref(c);
}

static void includes_of_files(void **state)
{
	static const char *const files[] = { "pjsip.conf",
					     "",
					     "extensions.conf",
					     "[a]\n#include more.conf\nexten => t,1,Hangup()\n",
					     "more.conf",
					     "exten => s,1,Answer()\nsame => n,Echo()\n",
					     NULL };
	struct conf *c = mem_load(files, NULL);
	struct out o = out_growing();

	(void)state;
	flatten(&c->dialplan, &o);
	assert_string_equal(o.p, "a: s 1()=Answer() 2()=Echo() t 1()=Hangup()\n");
	assert_string_equal(c->dialplan.contexts[0].extens[0].steps[0].file, "more.conf");
	out_free(&o);
	conf_unref(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plans),
		cmocka_unit_test(globals_and_contexts),
		cmocka_unit_test(includes_of_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
