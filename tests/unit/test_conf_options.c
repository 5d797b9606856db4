/* tests/unit/test_conf_options.c: every option of Asterisk is known, is checked by its kind, and is printed. */
#include "test_conf_mem.h"

#include "conf/opt.h"

#define NO_PLAN "extensions.conf", ""

struct tsv_row {
	struct span object, option, kind, def;
};

/* Calls fn with each of the list's rows; returns how many there are. */
static unsigned each_row(void (*fn)(const struct tsv_row *row))
{
	const char *dir = "tests/unit/data";
	struct conf_source src = conf_source_dir(&dir);
	struct out o = out_growing();
	struct span text, line;
	unsigned n = 0;

	assert_true(src.read(src.arg, "pjsip-options.tsv", &o));
	text = out_look(&o);
	span_cut(&text, '\n', &line); /* the heading */
	while (text.n && span_cut(&text, '\n', &line)) {
		struct tsv_row row;

		assert_true(span_cut(&line, '\t', &row.object) && span_cut(&line, '\t', &row.option));
		assert_true(span_cut(&line, '\t', &row.kind) && span_cut(&line, '\t', &row.def));
		fn(&row);
		n++;
	}
	out_free(&o);
	return n;
}

static void row_is_known(const struct tsv_row *row)
{
	const struct opt_type *t = opt_type(row->object);
	const struct opt *opt;

	assert_non_null(t);
	opt = opt_find(t, row->option);
	if (!opt)
		printf("unknown: %.*s %.*s\n", SP(row->object), SP(row->option));
	assert_non_null(opt);
	assert_true(opt->help && *opt->help);
	assert_false(opt->waits_for && opt->no_effect);
	assert_true(opt->at || opt->set || opt->waits_for || opt->no_effect); /* what works has somewhere to go */
}

static void all_rows_are_known(void **state)
{
	(void)state;
	assert_int_equal(each_row(row_is_known), 319);
}

/* Rows of plain kinds have the listed default (identify_by and the version apart, those rows are of other kinds). */
static void row_has_default(const struct tsv_row *row)
{
	const struct opt *opt = opt_find(opt_type(row->object), row->option);
	bool plain = span_is(row->kind, "bool") || span_is(row->kind, "uint") || span_is(row->kind, "int");

	if (!plain)
		return;
	assert_non_null(opt->def);
	if (!span_is(row->def, opt->def))
		printf("default: %.*s %.*s\n", SP(row->object), SP(row->option));
	assert_true(span_is(row->def, opt->def));
}

static void defaults_agree(void **state)
{
	(void)state;
	each_row(row_has_default);
}

/* A value that no option of its kind takes is refused, stored or not. */
static void row_is_checked(const struct tsv_row *row)
{
	bool checked = span_is(row->kind, "bool") || span_is(row->kind, "uint") || span_is(row->kind, "int") ||
		       span_is(row->kind, "double") || span_is(row->kind, "codecs");
	char text[256];
	const char *files[] = { "pjsip.conf", text, NO_PLAN, NULL };
	struct conf_source src = mem_source(files);
	struct diag why = { 0 };

	if (!checked)
		return;
	snprintf(text, sizeof text, "[o]\ntype=%.*s\n%.*s=qqqqqqqqqqq\n", SP(row->object), SP(row->option));
	assert_null(conf_load(&src, &why));
	assert_int_equal(why.items[0].line, 3);
	assert_non_null(strstr(why.items[0].text, "qqqqqqqqqqq"));
	diag_free(&why);
}

static void kinds_are_checked(void **state)
{
	(void)state;
	each_row(row_is_checked);
}

static void tables_are_in_order(void **state)
{
	(void)state;
	for (const struct opt_type *t = conf_types; t->name; t++) {
		assert_true(t->help && *t->help);
		assert_true(opt_count(t) <= 256);
		for (size_t i = 0; i < opt_count(t); i++)
			assert_ptr_equal(opt_find(t, span_of(t->opts[i].name)), &t->opts[i]);
	}
}

/* ---- printing ---- */

static void add_option(void *ctx, const char *option, const char *value)
{
	out_fmt(ctx, "%s=%s\n", option, value);
}

static char *printed(const struct conf_obj *o, const char *type)
{
	struct out text = out_growing();

	out_char(&text, '\n');
	conf_each_option(o, type, add_option, &text);
	return out_take(&text);
}

/* An option of `type`, written as on the left, is printed as on the right. */
struct print_case {
	const char *type, *line, *shown;
};

static const struct print_case print_cases[] = {
	{ "endpoint", "rtp_symmetric=on", "\nrtp_symmetric=true\n" },
	{ "endpoint", "rtp_symmetric=on", "\nforce_rport=true\n" },
	{ "endpoint", "rtp_symmetric=on", "\ndirect_media=true\n" },
	{ "endpoint", "direct_media=0", "\ndirect_media=false\n" },
	{ "endpoint", "allow=ulaw:40,alaw", "\nallow=(ulaw|alaw)\n" },
	{ "endpoint", "allow=!all,g722,ulaw", "\nallow=(g722|ulaw)\n" },
	{ "endpoint", "allow=all\ndisallow=all\nallow=gsm", "\nallow=(gsm)\n" },
	{ "endpoint", "allow=ulaw,alaw,g722\ndisallow=alaw,!opus", "\nallow=(ulaw|g722|opus)\n" },
	{ "endpoint", "allow=ulaw,!ulaw", "\nallow=()\n" },
	{ "endpoint", "tos_audio=ef", "\ntos_audio=184\n" },
	{ "endpoint", "tos_audio=CS5", "\ntos_audio=160\n" },
	{ "endpoint", "tos_audio=af41", "\ntos_audio=136\n" },
	{ "endpoint", "tos_audio=af11", "\ntos_audio=40\n" },
	{ "endpoint", "tos_audio=0x18", "\ntos_audio=24\n" },
	{ "endpoint", "tos_audio=46", "\ntos_audio=46\n" },
	{ "endpoint", "callerid=\"Alice, A.\" <6001>", "\ncallerid=\"Alice, A.\" <6001>\n" },
	{ "endpoint", "callerid=Alice <6001>", "\ncallerid=\"Alice\" <6001>\n" },
	{ "endpoint", "callerid=+49 30 1", "\ncallerid=\"\" <+49 30 1>\n" },
	{ "endpoint", "callerid=Alice", "\ncallerid=\"Alice\" <>\n" },
	{ "endpoint", "callerid=asreceived", "\ncallerid=<unknown>\n" },
	{ "endpoint", "timers=forced", "\ntimers=always\n" },
	{ "endpoint", "100rel=peer_supported", "\n100rel=peer_supported\n" },
	{ "endpoint", "identify_by=ip,header", "\nidentify_by=ip,header\n" },
	{ "endpoint", "set_var=A=1\nset_var=B=x,y", "\nset_var=A=1,B=x,y\n" },
	{ "endpoint", "deny=0.0.0.0/0\npermit=10.0.0.0/255.0.0.0,!10.1.0.0/16",
	  "\ndeny=0.0.0.0/0,!10.0.0.0/8,10.1.0.0/16\n" },
	{ "endpoint", "mailboxes=1@default", "\nmailboxes=1@default\n" },
	{ "endpoint", "ice_support=y", "\nice_support=true\n" },
	{ "endpoint", "FORCE_RPORT=no", "\nforce_rport=false\n" },
	{ "endpoint", "media_address=[2001:db8::5]", "\nmedia_address=2001:db8::5\n" },
	{ "endpoint", "outbound_proxy=sip:p.example\\;lr", "\noutbound_proxy=sip:p.example;lr\n" },
	{ "endpoint", "context=a\ncontext=b", "\ncontext=b\n" },
	{ "transport", "bind=::", "\nbind=[::]:5060\n" },
	{ "transport", "bind=192.0.2.1:5070", "\nbind=192.0.2.1:5070\n" },
	{ "transport", "bind=0.0.0.0\nlocal_net=10.1.2.3/8,!10.2.0.0/255.255.0.0,fe80::/10",
	  "\nlocal_net=10.0.0.0/8,!10.2.0.0/16,fe80::/10\n" },
	{ "transport", "bind=0.0.0.0\nlocal_net=10.0.0.1\nlocal_net=\nlocal_net=10.0.0.2",
	  "\nlocal_net=10.0.0.2/32\n" },
	{ "transport", "bind=0.0.0.0\nexternal_media_address=pbx.example.com",
	  "\nexternal_media_address=pbx.example.com\n" },
	{ "transport", "bind=0.0.0.0\nprotocol=TCP", "\nprotocol=tcp\n" },
	{ "auth", "username=u\npassword=verysecret", "\npassword=***\n" },
	{ "auth", "username=u", "\npassword=\n" },
	{ "auth", "username=u\noauth_secret=verysecret", "\noauth_secret=***\n" },
	{ "auth", "username=u\nauth_type=md5\nmd5_cred=0123456789ABCDEF0123456789abcdef", "\nmd5_cred=***\n" },
	{ "auth",
	  "username=u\nauth_type=digest\n"
	  "password_digest=SHA-256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
	  "\npassword_digest=***\n" },
	{ "auth", "username=u\nsupported_algorithms_uas=SHA-256, md5", "\nsupported_algorithms_uas=MD5,SHA-256\n" },
	{ "aor", "contact=sip:a@192.0.2.1:5070,sips:b.example\ncontact=<sip:c@h>",
	  "\ncontact=sip:a@192.0.2.1:5070,sips:b.example,<sip:c@h>\n" },
	{ "aor", "qualify_timeout=1.5", "\nqualify_timeout=1.500000\n" },
	{ "acl", "deny=0.0.0.0/0", "\ndeny=0.0.0.0/0\n" },
	{ "global", "endpoint_identifier_order=header, ip", "\nendpoint_identifier_order=header,ip\n" },
	{ "system", "timer_t1=200", "\ntimer_b=32000\n" },
};

static const struct conf_obj *first_of(const struct conf *c, const char *type)
{
	const struct opt_type *t = opt_type(span_of(type));
	const char *at = (const char *)c + t->list;

	return t->one ? (const void *)at : *(const struct conf_obj *const *)(const void *)at;
}

static void printing(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(print_cases); i++) {
		const struct print_case *t = &print_cases[i];
		char text[512], *all;
		const char *files[] = { "pjsip.conf", text, NO_PLAN, NULL };
		struct conf *c;

		snprintf(text, sizeof text, "[o]\ntype=%s\n%s\n", t->type, t->line);
		c = mem_load(files, NULL);
		all = printed(first_of(c, t->type), t->type);
		if (!strstr(all, t->shown))
			printf("%s: not printed: %s", t->line, t->shown);
		assert_non_null(strstr(all, t->shown));
		assert_null(strstr(all, "verysecret"));
		free(all);
		conf_unref(c);
	}
}

static void references_are_printed(void **state)
{
	static const char *const files[] = {
		"pjsip.conf",
		"[e]\ntype=endpoint\naors=b, a\nauth=u\ntransport=t\n[a]\ntype=aor\n[b]\n"
		"type=aor\n[u]\ntype=auth\nusername=x\n[t]\ntype=transport\nbind=0.0.0.0\n"
		"[i]\ntype=identify\nendpoint=e\nmatch=10.0.0.0:5060/8,!10.1.1.1,gw.example.com:5070\n",
		NO_PLAN, NULL
	};
	struct conf *c = mem_load(files, NULL);
	char *all = printed(&c->endpoints[0].o, "endpoint");

	(void)state;
	assert_non_null(strstr(all, "\naors=b,a\n"));
	assert_non_null(strstr(all, "\nauth=u\n"));
	assert_non_null(strstr(all, "\ntransport=t\n"));
	free(all);
	all = printed(&c->identifies[0].o, "identify");
	assert_non_null(strstr(all, "\nendpoint=e\n"));
	assert_non_null(strstr(all, "\nmatch=10.0.0.0:5060/8,!10.1.1.1/32,gw.example.com:5070\n"));
	free(all);
	conf_unref(c);
}

static void written(void **state)
{
	static const char *const files[] = { "pjsip.conf",
					     "[t](!)\ntype=endpoint\nrtp_symmetric=no\n[e](t)\nallow=ulaw\n", NO_PLAN,
					     NULL };
	struct conf *c = mem_load(files, NULL);
	const struct conf_obj *e = &c->endpoints[0].o;

	(void)state;
	assert_true(conf_written(e, "endpoint", "rtp_symmetric"));
	assert_true(conf_written(e, "endpoint", "allow"));
	assert_false(conf_written(e, "endpoint", "rewrite_contact"));
	assert_false(conf_written(e, "endpoint", "100rel"));
	assert_string_equal(e->file, "pjsip.conf");
	assert_int_equal(e->line, 4);
	conf_unref(c);
}

/* ---- access lists ---- */

struct acl_case {
	const char *rules, *address;
	bool denied;
};

static void access_lists(void **state)
{
	static const struct acl_case cases[] = {
		{ "", "10.0.0.1", false },
		{ "deny=0.0.0.0/0\npermit=10.0.0.0/8", "10.0.0.1", false },
		{ "deny=0.0.0.0/0\npermit=10.0.0.0/8", "192.0.2.1", true },
		{ "permit=10.0.0.0/8\ndeny=0.0.0.0/0", "10.0.0.1", true },
		{ "deny=0.0.0.0/0\npermit=10.0.0.0/8,!10.9.0.0/16", "10.9.0.1", true },
		{ "deny=0.0.0.0/0\npermit=10.0.0.0/8", "2001:db8::1", false },
		{ "acl=office", "10.1.0.1", false },
		{ "acl=office", "192.0.2.1", true },
		{ "acl=office,branch", "10.1.0.1", true }, /* every list must let it pass */
		{ "acl=branch,office\npermit=10.1.0.1", "10.1.0.1", true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char text[256];
		const char *files[] = { "pjsip.conf",
					text,
					"acl.conf",
					"[none](!)\ndeny=0.0.0.0/0\n[office](none)\npermit=10.0.0.0/8\n"
					"[branch](none)\npermit=10.2.0.0/16\n",
					NO_PLAN,
					NULL };
		struct conf *c;
		struct addr a;

		snprintf(text, sizeof text, "[e]\ntype=endpoint\n%s\n", cases[i].rules);
		c = mem_load(files, NULL);
		assert_true(addr_parse(span_of(cases[i].address), &a));
		assert_int_equal(conf_acls_deny(&c->endpoints[0].acl, &a), cases[i].denied);
		conf_unref(c);
	}
}

static void other_types(void **state)
{
	static const char *const files[] = { "pjsip.conf",
					     "[other.example]\ntype=domain_alias\ndomain=pbx.example\n"
					     "[p]\ntype=phoneprov\nANYTHING=1\nMAC=001122334455\n"
					     "[l]\ntype=resource_list\nevent=presence\n",
					     NO_PLAN, NULL };
	struct conf *c = mem_load(files, NULL);

	(void)state;
	assert_int_equal(c->domain_aliases.n, 1);
	assert_string_equal(c->domain_aliases.v[0], "other.example=pbx.example");
	conf_unref(c);
}

/* docs/options.md is what the tables say. */
static void document_is_fresh(void **state)
{
	const char *dir = "docs";
	struct conf_source src = conf_source_dir(&dir);
	struct out have = out_growing(), want = out_growing();

	(void)state;
	assert_true(src.read(src.arg, "options.md", &have));
	conf_options_markdown(&want);
	assert_true(span_eq(out_look(&have), out_look(&want)));
	out_free(&have);
	out_free(&want);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_rows_are_known),
		cmocka_unit_test(defaults_agree),
		cmocka_unit_test(kinds_are_checked),
		cmocka_unit_test(tables_are_in_order),
		cmocka_unit_test(printing),
		cmocka_unit_test(references_are_printed),
		cmocka_unit_test(written),
		cmocka_unit_test(access_lists),
		cmocka_unit_test(other_types),
		cmocka_unit_test(document_is_fresh),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
