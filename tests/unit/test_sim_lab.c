/* tests/unit/test_sim_lab.c: `hairpin lab`: it finds who is who, and which option keeps calls from having audio */
#include "test_conf_mem.h"

#include <jansson.h>

#include "sim/lab.h"

static const char pjsip[] =
	"[udp]\ntype=transport\nprotocol=udp\nbind=0.0.0.0\nlocal_net=192.0.2.0/24\n"
	"external_media_address=198.51.100.5\nexternal_signaling_address=198.51.100.5\n"
	"[reg]\ntype=registration\noutbound_auth=line\nserver_uri=sip:gw1.example.com\n"
	"client_uri=sip:1112223333@gw1.example.com\ncontact_user=19998887777\n"
	"[line]\ntype=auth\nauth_type=userpass\nusername=1112223333\npassword=with\\;semicolon\nrealm=gw1.example.com\n"
	"[trunk]\ntype=endpoint\ncontext=in\nallow=!all,ulaw\noutbound_auth=line\naors=trunk\nfrom_domain=gw1.example."
	"com\n"
	"[trunk]\ntype=aor\ncontact=sip:gw1.example.com\nqualify_frequency=25\n"
	"[trunk]\ntype=identify\nendpoint=trunk\nmatch=203.0.113.1\n"
	"[desk]\ntype=endpoint\ncontext=inside\nallow=!all,ulaw\nauth=secret\naors=desk\n"
	"rtp_symmetric=yes\nforce_rport=yes\nrewrite_contact=yes\n"
	"[secret]\ntype=auth\nauth_type=userpass\nusername=somebody\npassword=one\n"
	"[desk]\ntype=aor\nmax_contacts=1\nremove_existing=yes\nqualify_frequency=60\n";
static const char exten[] = "[inside]\nexten => 44,1,Playback(beep)\nexten => 77,1,Answer()\n same => n,Echo()\n"
			    "exten => _0N.,1,Dial(PJSIP/${EXTEN:1}@trunk)\n"
			    "[in]\nexten => 19998887777,1,Dial(PJSIP/desk)\n";

/* The text with every `old` replaced; it must be there. Free it. */
static char *edited(const char *text, const char *old, const char *new)
{
	struct out o = out_growing();
	unsigned n = 0;

	for (const char *p = text; *p;) {
		if (strncmp(p, old, strlen(old)) != 0) {
			out_char(&o, *p++);
			continue;
		}
		out_str(&o, new);
		p += strlen(old);
		n++;
	}
	if (!n)
		fail_msg("'%s' is not there", old);
	return out_take(&o);
}

struct want {
	const char *old, *new; /* what is changed in the configuration; NULL: nothing */
	const char *where, *phone;
	enum lab_status status;
	const char *change; /* "[section] option=value, …": every change that is named */
};

static const struct want wants[] = {
	{ NULL, NULL, "behind-router", "lan", LAB_AUDIO, "" },
	{ NULL, NULL, "behind-router", "symmetric", LAB_AUDIO, "" },
	{ NULL, NULL, "cloud", "sip-alg", LAB_AUDIO, "" },
	{ NULL, NULL, "cgnat", "lan", LAB_AUDIO, "" },
	{ NULL, NULL, "cgnat", "public", LAB_AUDIO, "" }, /* nothing is possible, so nothing is missing */
	{ "external_media_address=198.51.100.5\n", "", "behind-router", "lan", LAB_NO_AUDIO,
	  "[udp] external_media_address=198.51.100.5, " },
	{ "external_signaling_address=198.51.100.5\n", "", "behind-router", "lan", LAB_NO_AUDIO,
	  "[udp] external_signaling_address=198.51.100.5, " },
	{ "local_net=192.0.2.0/24\n", "", "behind-router", "lan", LAB_AUDIO, "" }, /* routes say as much */
	{ "rtp_symmetric=yes", "rtp_symmetric=no", "behind-router", "symmetric", LAB_NO_AUDIO,
	  "[desk] rtp_symmetric=yes, " },
	{ "rewrite_contact=yes", "rewrite_contact=no", "public", "endpoint-nat", LAB_NO_AUDIO,
	  "[desk] rewrite_contact=yes, " },
	{ "qualify_frequency=60", "qualify_frequency=0", "public", "symmetric", LAB_NO_AUDIO,
	  "[desk] qualify_frequency=25, " },
	{ "rtp_symmetric=yes\nforce_rport=yes\nrewrite_contact=yes\n", "", "public", "double-nat", LAB_AUDIO, "" },
	{ "bind=0.0.0.0", "bind=192.0.2.99:5080", "behind-router", "464xlat", LAB_AUDIO, "" },
	{ "allow=!all,ulaw\n", "allow=!all,ulaw\nmedia_encryption=sdes\n", "behind-router", "symmetric", LAB_AUDIO,
	  "" },
	{ "protocol=udp", "protocol=tls", "behind-router", "symmetric", LAB_AUDIO, "" },
	{ NULL, NULL, "behind-the-moon", "lan", LAB_WRONG, "" },
	{ "max_contacts=1\n", "", "public", "lan", LAB_WRONG, "" },
	{ "allow=!all,ulaw\nauth=secret", "allow=!all,g722\nauth=secret", "public", "lan", LAB_WRONG, "" },
	{ "bind=0.0.0.0", "bind=nowhere", "public", "lan", LAB_WRONG, "" },
};

static enum lab_status ask(const struct want *w, bool json, struct out *o)
{
	char *text = w->old ? edited(pjsip, w->old, w->new) : xstrdup(pjsip);
	const char *const files[] = { "pjsip.conf", text, "extensions.conf", exten, NULL };
	struct conf_source source = mem_source(files);
	struct lab_ask a = { .source = &source, .label = "here", .where = w->where, .phone = w->phone, .json = json };
	struct diag why = { 0 };
	enum lab_status st = lab_run(&a, o, &why);

	assert_int_equal(st == LAB_WRONG, why.errors > 0);
	diag_free(&why);
	free(text);
	return st;
}

static void out_changes(const json_t *root, struct out *o)
{
	const json_t *one, *change;
	size_t i, j;

	json_array_foreach(json_object_get(root, "cases"), i, one)
		json_array_foreach(json_object_get(one, "change"), j, change)
			out_fmt(o, "[%s] %s=%s, ", json_string_value(json_object_get(change, "section")),
				json_string_value(json_object_get(change, "option")),
				json_string_value(json_object_get(change, "value")));
}

/* A sanitizer costs ten times the time: a part is enough for it. */
#if defined(__SANITIZE_ADDRESS__)
#define SLOW true
#elif defined(__has_feature)
#define SLOW __has_feature(address_sanitizer)
#else
#define SLOW false
#endif

static void test_culprits(void **state)
{
	(void)state;
	for (size_t i = SLOW ? 3 : 0; i < ARRAY_LEN(wants); i += SLOW ? 14 : 1) {
		const struct want *w = &wants[i];
		struct out o = out_growing(), said = out_growing();
		enum lab_status st = ask(w, true, &o);
		json_t *root = json_loadb(o.p, o.n, 0, NULL);

		if (st != w->status)
			fail_msg("%zu: status %d\n%.*s", i, (int)st, SP(out_look(&o)));
		out_changes(root, &said);
		if (!span_is(out_look(&said), w->change))
			fail_msg("%zu: '%.*s'", i, SP(out_look(&said)));
		json_decref(root);
		out_free(&said);
		out_free(&o);
	}
}

static void expect_text(const struct out *o, const char *text)
{
	if (span_find(out_look(o), span_of(text)) < 0)
		fail_msg("no '%s' in:\n%.*s", text, SP(out_look(o)));
}

static void test_everywhere(void **state)
{
	static const struct want all = { NULL, NULL, NULL, NULL, LAB_AUDIO, "" };
	struct out o = out_growing();

	(void)state;
	if (SLOW)
		skip();
	ask(&all, false, &o);
	expect_text(&o, "phone desk\n");
	expect_text(&o, "trunk trunk, registers as 1112223333, at gw1.example.com\n");
	expect_text(&o, "desk dials 77 to reach itself\n");
	expect_text(&o, "desk dials 055 to reach trunk\n");
	expect_text(&o, "trunk reaches desk by its registration\n");
	for (int i = 0; i < WHERES; i++)
		expect_text(&o, sim_wheres[i].help);
	out_free(&o);
}

static void test_report(void **state)
{
	static const struct want one = { "rewrite_contact=yes", "rewrite_contact=no", "behind-router",
					 "symmetric",           LAB_NO_AUDIO,         "" };
	struct out o = out_growing();

	(void)state;
	assert_int_equal(ask(&one, false, &o), LAB_NO_AUDIO);
	expect_text(&o, "set [desk] rewrite_contact=yes   (pjsip.conf:");
	expect_text(&o, "it is no)");
	expect_text(&o, "router of home"); /* the ladder */
	expect_text(&o, "OPTIONS sip:desk@192.168.1.20:5060");
	expect_text(&o, "nowhere");
	out_free(&o);
}

/* Two phones, no trunk. */
static void test_phones_only(void **state)
{
	static const char two[] =
		"[udp]\ntype=transport\nprotocol=udp\nbind=0.0.0.0\n"
		"[a]\ntype=endpoint\ncontext=all\nallow=!all,alaw\naors=a\n[a]\ntype=aor\nmax_contacts=1\n"
		"[b]\ntype=endpoint\ncontext=all\nallow=!all,ulaw,alaw\naors=b\n[b]\ntype=aor\nmax_contacts=1\n";
	const char *const files[] = { "pjsip.conf", two, "extensions.conf",
				      "[all]\nexten => 1,1,Dial(PJSIP/a)\nexten => 2,1,Dial(PJSIP/b)\n", NULL };
	struct conf_source source = mem_source(files);
	struct lab_ask a = { .source = &source, .label = "here", .where = "public", .phone = "symmetric" };
	struct diag why = { 0 };
	struct out o = out_growing();

	(void)state;
	assert_int_equal(lab_run(&a, &o, &why), LAB_AUDIO);
	expect_text(&o, "phone a, and 1 with the same options\n");
	expect_text(&o, "a dials 2 to reach b\nb dials 1 to reach a\n");
	expect_text(&o, "ok: all 8 calls have audio");
	out_free(&o);
	diag_free(&why);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_culprits), cmocka_unit_test(test_report),
					    cmocka_unit_test(test_phones_only), cmocka_unit_test(test_everywhere) };

	return cmocka_run_group_tests_name("hairpin lab", tests, NULL, NULL);
}
