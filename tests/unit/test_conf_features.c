/* tests/unit/test_conf_features.c: features.conf: what holds without it, what is read, what is said of the rest. */
#include "test_conf_mem.h"

#include "conf/features.h"

#define PLAIN "pjsip.conf", "[t]\ntype=transport\nbind=0.0.0.0\n", "extensions.conf", ""

static void no_file(void **state)
{
	static const char *const files[] = { PLAIN, NULL };
	struct diag why = { 0 };
	struct conf *c = mem_load(files, &why);
	const struct conf_features *f = conf_features(c);

	(void)state;
	assert_int_equal(why.n, 0);
	assert_string_equal(f->blindxfer, "#");
	assert_string_equal(f->disconnect, "*");
	assert_true(f->transferdigittimeout == 3 && f->featuredigittimeout == 1000 && f->transferdialattempts == 3);
	conf_unref(c);
	diag_free(&why);
}

static void read(void **state)
{
	static const char *const files[] = { PLAIN, "features.conf",
					     "[general]\ntransferdigittimeout => 2.5\n"
					     "[featuremap]\nblindxfer => #1\ndisconnect => *0\natxfer => *2\n"
					     "[applicationmap]\n"
					     "[mine]\nx => *9,self,Playback,beep\n"
					     "[featuremap]\nblindxfer=12 3\nnosuch=1\n",
					     NULL };
	static const char *const said[] = {
		"features.conf:6: note: atxfer: not served yet (it waits for: attended transfer by keys)",
		"features.conf:8: warning: [mine] is not served",
		"features.conf:11: warning: blindxfer: '12 3' is no code of at most 11 keys",
		"features.conf:12: warning: unknown option 'nosuch'",
	};
	struct diag why = { 0 };
	struct conf *c = mem_load(files, &why);
	const struct conf_features *f = conf_features(c);
	char buf[1200];

	(void)state;
	assert_int_equal(why.n, ARRAY_LEN(said));
	for (size_t i = 0; i < ARRAY_LEN(said); i++)
		assert_string_equal(mem_remark(&why, i, buf), said[i]);
	assert_int_equal(why.errors, 0);
	assert_string_equal(f->blindxfer, "#1");
	assert_string_equal(f->disconnect, "*0");
	assert_true(f->transferdigittimeout == 2.5);
	conf_unref(c);
	diag_free(&why);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(no_file), cmocka_unit_test(read) };

	return cmocka_run_group_tests_name("conf_features", tests, NULL, NULL);
}
