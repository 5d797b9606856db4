/* GotoIfTime's times: ranges, wrapping, lists, mistakes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/util.h"
#include "conf/when.h"

static void table(void **state)
{
	/* Wednesday, 5 August, 13:30 */
	struct tm at = { .tm_hour = 13, .tm_min = 30, .tm_wday = 3, .tm_mday = 5, .tm_mon = 7 };
	static const struct {
		const char *spec;
		bool yes, wrong;
	} rows[] = {
		{ "*,*,*,*", true, false },
		{ "9:00-17:00,mon-fri,*,*", true, false },
		{ "9:00-17:00|mon-fri|*|*", true, false },
		{ "9:00-13:29,*,*,*", false, false },
		{ "13:30,*,*,*", true, false },
		{ "22:00-14:00,*,*,*", true, false },
		{ "22:00-6:00,*,*,*", false, false },
		{ "*,sat&sun,*,*", false, false },
		{ "*,sat&wed,*,*", true, false },
		{ "*,tue-thu,*,*", true, false },
		{ "*,thu-tue,*,*", false, false },
		{ "*,*,25-5,*", true, false },
		{ "*,*,6-31,*", false, false },
		{ "*,*,*,nov-feb", false, false },
		{ "*,*,*,aug", true, false },
		{ "9:00-17:00", true, false },
		{ "9-17,*,*,*", false, true },
		{ "*,someday,*,*", false, true },
		{ "*,*,32,*", false, true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		bool wrong, yes = when_matches(span_of(rows[i].spec), &at, &wrong);

		if (yes != rows[i].yes || wrong != rows[i].wrong)
			fail_msg("%s", rows[i].spec);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(table) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
