/* tests/unit/test_pbx_review.c: what cannot work is told when the configuration is read: in the dialplan, and without
 * it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "pbx/pbx.h"
#include "test_conf_mem.h"

#define SIP "[u]\ntype=transport\nbind=0.0.0.0\n[e]\ntype=endpoint\nallow=ulaw\n"

static void expect(const char *sip, const char *plan, const char *const *remarks)
{
	const char *files[] = { "pjsip.conf", sip, "extensions.conf", plan, NULL };
	struct diag why = { 0 };
	struct conf *c = mem_load(files, NULL);
	char buf[1200];
	size_t n = 0;

	assert_non_null(c);
	pbx_review(c, &why);
	for (; remarks[n]; n++)
		assert_string_equal(mem_remark(&why, n, buf), remarks[n]);
	assert_int_equal(why.n, n);
	assert_int_equal(why.errors, 0);
	conf_unref(c);
	diag_free(&why);
}

static void what_is_missing_is_named_once(void **state)
{
	static const char *const remarks[] = {
		"extensions.conf:2: warning: application Queue is not served yet; a call that gets there ends",
		"extensions.conf:3: warning: application VoiceMail is not served yet (used 2 times); a call that gets "
		"there "
		"ends",
		"extensions.conf:5: warning: function ODBC_X is not served yet; it is empty",
		"extensions.conf:6: warning: function ODBC_Y is not served yet; it is empty", NULL
	};

	(void)state;
	expect(SIP,
	       "[a]\nexten => 1,1,Queue(x)\nexten => 2,1,VoiceMail(1)\nexten => 3,1,voicemail(2)\n"
	       "exten => 4,1,Set(ODBC_X(digit)=3)\n same => n,NoOp(${ODBC_Y(a/${EXTEN})})\n",
	       remarks);
}

static void what_dial_cannot_do_is_named(void **state)
{
	static const char *const remarks[] = {
		"extensions.conf:3: note: Dial: there is no endpoint 'nobody'",
		"extensions.conf:3: note: Dial: 'SIP/1' is not PJSIP/…, which is all that is served",
		"extensions.conf:4: note: Dial: there is no endpoint 'gone'",
		"extensions.conf:2: note: Dial's option W is not served yet (used 2 times); the call is made without "
		"it",
		"extensions.conf:2: note: Dial's option w is not served yet; the call is made without it",
		"extensions.conf:3: note: Dial's option K is not served yet; the call is made without it",
		NULL
	};

	(void)state;
	expect(SIP "context=a\n",
	       "[a]\nexten => 1,1,Dial(PJSIP/e,20,WwrgS(10)L(5000:1000))\n"
	       "exten => 2,1,Dial(PJSIP/nobody&PJSIP/1@e & SIP/1&PJSIP/${X},,b(tell^s^1)K(tell^s^1)Wr)\n"
	       "exten => 3,1,dial(PJSIP/gone/sip:1@192.0.2.1&PJSIP/e/sip:1@192.0.2.1,,${OPTIONS}Z)\n",
	       remarks);
}

static void what_hints_name_is_looked_for(void **state)
{
	static const char *const remarks[] = {
		"extensions.conf:2: note: hint: there is no endpoint 'gone'",
		"extensions.conf:2: note: hint: 'SIP/1' is no device here: there are PJSIP/endpoint and Custom:name",
		NULL
	};

	(void)state;
	expect(SIP "context=a\n",
	       "[a]\nexten => 1,hint,PJSIP/e&PJSIP/gone& SIP/1 &Custom:x,CustomPresence:y\n"
	       "exten => _2X,hint,PJSIP/${EXTEN}\n",
	       remarks);
}

static void what_execif_runs_is_named(void **state)
{
	static const char *const remarks[] = {
		"extensions.conf:3: note: Dial: there is no endpoint 'gone'",
		"extensions.conf:2: warning: application Queue is not served yet; a call that gets there ends",
		"extensions.conf:2: warning: application VoiceMail is not served yet; a call that gets there ends",
		"extensions.conf:3: note: Dial's option W is not served yet; the call is made without it",
		"extensions.conf:4: warning: function ODBC_Y is not served yet; it is empty",
		"extensions.conf:7: warning: application Macro is not served yet; a call that gets there ends",
		"extensions.conf:8: warning: application Park is not served yet; a call that gets there ends",
		NULL
	};

	(void)state;
	expect(SIP "context=a\n",
	       "[a]\nexten => 1,1,ExecIf($[\"${X:1}\" = \"?\"]?Queue(a:b,(c)):VoiceMail(1))\n"
	       "exten => 2,1,ExecIf(1?Hangup():Dial(PJSIP/gone&PJSIP/e,20,W))\n"
	       "exten => 3,1,ExecIf(${IF(1?0:1)}?Set(ODBC_Y(x)=1))\n same => n,ExecIf(1?${APP}(1):)\n same => "
	       "n,ExecIf(1)\n same => n,Exec(Macro(x))\n same => n,ExecIfTime(*,*,*,*?Park())\n",
	       remarks);
}

static void a_time_zone_is_named(void **state)
{
	static const char *const remarks[] = {
		"extensions.conf:2: warning: GotoIfTime: time zones are not served yet; 'Europe/Berlin' is taken for "
		"local time",
		"extensions.conf:5: warning: STRFTIME: time zones are not served yet; 'Asia/Tokyo' is taken for local "
		"time",
		"extensions.conf:6: warning: IFTIME: time zones are not served yet; 'Asia/Tokyo' is taken for local "
		"time",
		NULL
	};

	(void)state;
	expect(SIP,
	       "[a]\nexten => 1,1,GotoIfTime(9:00-17:00,mon-fri,*,*,Europe/Berlin?a,1,1)\n"
	       " same => n,GotoIfTime(9:00-17:00|mon-fri|*|*?a,1,1)\n same => n,GotoIfTime(*?1)\n"
	       " same => n,NoOp(${STRFTIME(${EPOCH},Asia/Tokyo,%H)} ${STRFTIME(,UTC,%H)} ${STRFTIME(,${Z},%H)})\n"
	       " same => n,NoOp(${IFTIME(*,*,*,*,Asia/Tokyo?a:b)})\n",
	       remarks);
}

static void what_is_there_is_not_named(void **state)
{
	static const char *const remarks[] = { NULL };

	(void)state;
	expect(SIP,
	       "[a]\nexten => _X.,1,Set(CALLERID(num)=1)\n same => n,noop(${LEN(${EXTEN:1})} ${ARG1} $[1+(2)])\n"
	       " same => n,Dial(${PJSIP_DIAL_CONTACTS(${EXTEN})},${IF($[1]?2:3)})\n same => n,${APP}(x)\n",
	       remarks);
}

static void what_cannot_take_a_call_is_named(void **state)
{
	static const char *const remarks[] = {
		"pjsip.conf: warning: there is no type=transport: nothing listens",
		"pjsip.conf:1: warning: endpoint e: there is no context 'away'; calls from here find no extension",
		"pjsip.conf:4: warning: endpoint f: no codec is allowed (allow=); its calls are refused with 488", NULL
	};

	(void)state;
	expect("[e]\ntype=endpoint\ncontext=away\n[f]\ntype=endpoint\ncontext=a\n[e](+)\nallow=ulaw\n",
	       "[a]\nexten => 1,1,Answer()\n", remarks);
}

/* It is said once, and not of each endpoint. */
static void no_dialplan(void **state)
{
	static const char *const files[] = { "pjsip.conf", SIP "context=a\n", NULL };
	struct diag why = { 0 };
	struct conf *c = mem_load(files, &why);

	(void)state;
	pbx_review(c, &why);
	mem_print(&why);
	assert_int_equal(why.n, 1);
	conf_unref(c);
	diag_free(&why);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_missing_is_named_once),    cmocka_unit_test(what_dial_cannot_do_is_named),
		cmocka_unit_test(what_hints_name_is_looked_for),    cmocka_unit_test(what_execif_runs_is_named),
		cmocka_unit_test(what_is_there_is_not_named),       cmocka_unit_test(a_time_zone_is_named),
		cmocka_unit_test(what_cannot_take_a_call_is_named), cmocka_unit_test(no_dialplan),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
