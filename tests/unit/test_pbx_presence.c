/* tests/unit/test_pbx_presence.c: whatever bytes a name or a URI has, what NOTIFY says is XML in UTF-8. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "pbx/presence.h"

static void expect(const char *entity, const char *written)
{
	struct watched w = { .exten = "7", .devices = (char *)"" };
	struct presence_view v = { .of = &w, .entity = span_of(entity), .state = DEV_NOT_INUSE };
	struct out o = out_growing();
	char *text, *at;

	presence_dialog_info(&v, &o);
	text = out_take(&o);
	at = strstr(text, "entity=\"");
	assert_non_null(at);
	at += strlen("entity=\"");
	*strchr(at, '\n') = '\0';
	assert_true(strlen(at) >= 2);
	at[strlen(at) - 2] = '\0'; /* "> */
	assert_string_equal(at, written);
	free(text);
}

static void marks_are_written_as_entities(void **state)
{
	(void)state;
	expect("a<b>&\"c", "a&lt;b&gt;&amp;&quot;c");
	expect("a\tb\x01\x7f", "ab\x7f");
}

static void utf8_stays_and_other_bytes_are_latin1(void **state)
{
	(void)state;
	expect("M\xc3\xbcller \xe2\x82\xac \xf0\x9f\x98\x80", "M\xc3\xbcller \xe2\x82\xac \xf0\x9f\x98\x80");
	expect("M\xfcller", "M&#252;ller");
	expect("\xc3", "&#195;");                               /* cut short */
	expect("\xe2\x82", "&#226;&#130;");                     /* likewise */
	expect("\xc0\xaf", "&#192;&#175;");                     /* too long */
	expect("\xed\xa0\x80", "&#237;&#160;&#128;");           /* half of a pair */
	expect("\xf4\x90\x80\x80", "&#244;&#144;&#128;&#128;"); /* beyond Unicode */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(marks_are_written_as_entities),
		cmocka_unit_test(utf8_stays_and_other_bytes_are_latin1),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
