/* tests/unit/test_conf_music.c: musiconhold.conf: classes, their files, and what is said of those that play nothing. */
#include "test_conf_mem.h"

#include "conf/music.h"

#define PLAIN "pjsip.conf", "[t]\ntype=transport\nbind=0.0.0.0\n", "extensions.conf", ""
#define DATA  "/usr/share/asterisk/"

static void files_are(const struct conf *c, const char *class, const char *want)
{
	const struct conf_moh *m = conf_moh(c, span_of(class));
	struct out o = out_growing();

	assert_non_null(m);
	for (size_t i = 0; i < m->files.n; i++)
		out_all(&o, i ? " " : "", m->files.v[i]);
	out_char(&o, '\0');
	assert_string_equal(o.p, want);
	out_free(&o);
}

/* Asterisk's sample, and more: one sound in several formats counts once, other files do not count. */
static void classes(void **state)
{
	static const char *const files[] = { PLAIN,
					     DATA "moh/a.gsm",
					     "",
					     DATA "moh/a.wav",
					     "",
					     DATA "moh/b.ulaw",
					     "",
					     DATA "moh/LICENSE.txt",
					     "",
					     DATA "moh/README",
					     "",
					     "/srv/x.wav",
					     "",
					     "musiconhold.conf",
					     "[general]\ncachertclasses=yes\npreferchannelclass=no\n"
					     "[default]\nmode=files\ndirectory=moh\n"
					     "[Own]\nmode=playlist\nentry=/srv/one\nentry=moh/two.wav\nrandom=yes\n"
					     "[srv](!)\nmode=files\ndirectory=/srv\n"
					     "[other](srv)\nsort=randstart\nloop_last=yes\nansweredonly=yes\n",
					     NULL };
	struct diag why = { 0 };
	struct conf *c = mem_load(files, &why);

	(void)state;
	assert_int_equal(why.n, 0);
	assert_int_equal(c->music->n, 3);
	assert_false(c->music->general.preferchannelclass);
	assert_false(c->music->is_missing);
	files_are(c, "default", DATA "moh/a.gsm " DATA "moh/b.ulaw");
	files_are(c, "own", "/srv/one " DATA "moh/two.wav");
	files_are(c, "OTHER", "/srv/x.wav");
	assert_int_equal(conf_moh(c, SPAN("own"))->sort, MOH_RANDOM);
	assert_int_equal(conf_moh(c, SPAN("other"))->sort, MOH_RANDSTART);
	assert_true(conf_moh(c, SPAN("other"))->loop_last && conf_moh(c, SPAN("other"))->answeredonly);
	assert_null(conf_moh(c, SPAN("nosuch")));
	conf_unref(c);
	diag_free(&why);
}

static void play_nothing(void **state)
{
	static const char *const files[] = { PLAIN, "musiconhold.conf",
					     "[a]\nmode=custom\napplication=/bin/mpg123\n"
					     "[b]\ndirectory=moh\n"
					     "[c]\nmode=files\n"
					     "[d]\nmode=files\ndirectory=moh\n"
					     "[e]\nmode=playlist\n"
					     "[f]\nmode=playlist\nentry=http://example.com/x.wav\n"
					     "[g]\nmode=loud\nentry=/x\nsort=up\n"
					     "[h]\nmode=tune\n",
					     NULL };
	static const char *const said[] = {
		"musiconhold.conf:1: warning: music class a: this mode would run a program, which is not served; who "
		"is on hold "
		"hears nothing",
		"musiconhold.conf:4: warning: music class b: mode= is missing; who is on hold hears nothing",
		"musiconhold.conf:6: warning: music class c: directory= is missing; who is on hold hears nothing",
		"musiconhold.conf:8: warning: music class d: there are no sound files in its directory; who is on hold "
		"hears "
		"nothing",
		"musiconhold.conf:11: warning: music class e: there is no entry=; who is on hold hears nothing",
		"musiconhold.conf:13: warning: music class f: 'http://example.com/x.wav' is not a file",
		"musiconhold.conf:13: warning: music class f: there is no entry=; who is on hold hears nothing",
	};
	struct diag why = { 0 };
	struct conf *c = mem_load(files, &why);
	char buf[1200];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(said); i++)
		assert_string_equal(mem_remark(&why, i, buf), said[i]);
	assert_int_equal(why.n, ARRAY_LEN(said) + 3);
	assert_int_equal(why.errors, 0);
	assert_int_equal(c->music->n, 8);
	assert_int_equal(conf_moh(c, SPAN("h"))->files.n, 1);
	conf_unref(c);
	diag_free(&why);
}

static void no_file(void **state)
{
	static const char *const files[] = { PLAIN, NULL };
	struct diag why = { 0 };
	struct conf *c = mem_load(files, &why);

	(void)state;
	assert_true(c->music->is_missing && c->music->general.preferchannelclass);
	assert_int_equal(why.n, 0);
	conf_unref(c);
	diag_free(&why);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(classes), cmocka_unit_test(play_nothing),
					    cmocka_unit_test(no_file) };

	return cmocka_run_group_tests_name("conf_music", tests, NULL, NULL);
}
