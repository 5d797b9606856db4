/*
 * tests/unit/test_sip_torture.c: the messages of RFC 4475 and RFC 5118, byte by byte (tests/unit/data/torture), each
 * with what becomes of it: the parser's verdict, and what the core does with it.
 */
#include "test_sip_fake.h"

enum { WELL = 0, DROP = 1 };   /* else the code that the parser refuses it with */
enum { USER = 0, SILENT = 1 }; /* the user gets it; nothing comes back; else the core's answer */

static const struct torture {
	const char *name, *says;
	unsigned parser, core;
} table[] = {
	/* 3.1.1: valid */
	{ "wsinv", "white space and folding all over; its To tag belongs to no dialog", WELL, 481 },
	{ "intmeth", "a wide range of valid characters", WELL, USER },
	{ "esc01", "valid use of the % escape", WELL, USER },
	{ "escnull", "escaped NULs in URIs", WELL, USER },
	{ "esc02", "% where it is no escape", WELL, USER },
	{ "lwsdisp", "no LWS between display name and <", WELL, USER },
	{ "longreq", "long values", WELL, USER },
	{ "dblreq", "a second message behind the first in one datagram", WELL, USER },
	{ "semiuri", "semicolon-separated parameters in the user part", WELL, USER },
	{ "transports", "varied and unknown transports", WELL, USER },
	{ "mpart01", "multipart body with binary parts", WELL, USER },
	{ "unreason", "unusual reason phrase", WELL, SILENT },
	{ "noreason", "empty reason phrase", WELL, SILENT },
	/* 3.1.2: invalid */
	{ "badinv01", "extraneous separators: no Via that could be answered", DROP, SILENT },
	{ "clerr", "Content-Length larger than the body", 400, 400 },
	{ "ncl", "negative Content-Length", 400, 400 },
	{ "scalar02", "request scalars out of range", 400, 400 },
	{ "scalarlg", "response scalars out of range", 400, SILENT },
	{ "quotbal", "unterminated quoted string in a display name", 400, 400 },
	{ "ltgtruri", "<> around the Request-URI", 400, 400 },
	{ "lwsruri", "white space in the Request-URI", 400, 400 },
	{ "lwsstart", "several spaces in the request line", 400, 400 },
	{ "trws", "spaces behind the request line", 400, 400 },
	{ "escruri", "escaped headers in the Request-URI", 400, 400 },
	{ "baddate", "a Date with a time zone that is not GMT: nothing depends on it", WELL, USER },
	{ "regbadct", "a Contact with ? but no <>", 400, 400 },
	{ "badaspec", "spaces within <>", 400, 400 },
	{ "baddn", "non-token characters in a display name", 400, 400 },
	{ "badvers", "unknown protocol version", 505, 505 },
	{ "mismatch01", "start line and CSeq differ", 400, 400 },
	{ "mismatch02", "the same with an unknown method", 400, 400 },
	{ "bigcode", "status code that overflows 32 bits", DROP, SILENT },
	/* 3.2, 3.3, 3.4 */
	{ "badbranch", "a branch of the magic cookie only: as of RFC 2543", WELL, USER },
	{ "insuf", "no Call-ID, From and To", 400, 400 },
	{ "unkscm", "unknown scheme in the Request-URI", 416, 416 },
	{ "novelsc", "registered scheme that is not SIP in the Request-URI", 416, 416 },
	{ "unksm2", "unknown schemes in To, From and Contact", WELL, USER },
	{ "bext01", "unknown extensions required", WELL, 420 },
	{ "invut", "unknown content type", WELL, USER },
	{ "regaut01", "unknown authorization scheme", WELL, USER },
	{ "multi01", "headers repeated that may stand only once", 400, 400 },
	{ "mcl01", "two Content-Lengths", 400, 400 },
	{ "bcast", "a 200 with a broadcast address in its second Via", WELL, SILENT },
	{ "zeromf", "Max-Forwards: 0", WELL, USER },
	{ "cparam01", "parameter that belongs to the header", WELL, USER },
	{ "cparam02", "parameter that belongs to the URI", WELL, USER },
	{ "regescrt", "escaped header in a Contact's URI", WELL, USER },
	{ "sdp01", "unacceptable Accept", WELL, USER },
	{ "inv2543", "INVITE of RFC 2543", WELL, USER },
	/* RFC 5118 */
	{ "v6valid", "4.1 references in brackets", WELL, USER },
	{ "v6bare", "4.2 without brackets", 400, 400 },
	{ "v6ambig", "4.3 what looks like a port is inside", WELL, USER },
	{ "v6port", "4.4 the port is outside", WELL, USER },
	{ "v6recv1", "4.5 received in brackets", WELL, USER },
	{ "v6recv2", "4.5 received without brackets", WELL, USER },
	{ "v6sdp", "4.6 addresses in SDP", WELL, USER },
	{ "v6multi", "4.7 addresses of both families", WELL, USER },
	{ "v6mapped", "4.9 v4 mapped into v6", WELL, USER },
	{ "v6colons", "4.10 three colons: RFC 3261's grammar allowed them, no address has them", 400, 400 },
};

static struct span load(const char *name)
{
	static char buf[16384];
	char path[256];
	FILE *f;
	size_t n;

	snprintf(path, sizeof path, "tests/unit/data/torture/%s.dat", name);
	f = fopen(path, "rb");
	if (!f)
		fail_msg("%s is missing", path);
	n = fread(buf, 1, sizeof buf, f);
	fclose(f);
	return (struct span){ buf, n };
}

static struct sip_msg *parsed(const char *name)
{
	const char *why = NULL;
	struct sip_msg *m = sip_msg_parse(load(name), &why);

	if (!m)
		fail_msg("%s: %s", name, why);
	return m;
}

static void test_parser(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const char *why = NULL;
		struct sip_msg *m = sip_msg_parse(load(table[i].name), &why);
		unsigned got = !m ? DROP : m->bad_code;

		if (got != table[i].parser)
			fail_msg("%s (%s): %u (%s)", table[i].name, table[i].says, got, m ? m->bad : why);
		sip_msg_unref(m);
	}
}

static void test_core(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct fake *f = fake_new(FAKE_UDP, NULL);
		struct flow flow = fake_udp_flow(f, PHONE);
		const struct sip_msg *m;
		unsigned got;

		fake_bytes(f, &flow, load(table[i].name));
		if (f->requests)
			sip_reply(f->uas, 404, NULL, NULL, NULL);
		m = fake_next(f);
		got = f->requests ? USER : m ? m->status : SILENT;
		if (got != table[i].core || (f->requests && (!m || m->status != 404)))
			fail_msg("%s (%s): %u", table[i].name, table[i].says, got);
		fake_silence(f);
		fake_free(f);
	}
}

static void eq(struct span got, const char *want)
{
	if (!span_is(got, want))
		fail_msg("'%.*s' is not '%s'", SP(got), want);
}

static void test_wsinv(void **state)
{
	struct sip_msg *m = parsed("wsinv");
	struct sip_walk w = { 0 };
	struct span v;
	struct sip_via via;

	(void)state;
	eq(m->ruri.user, "vivekg");
	eq(m->ruri.params, "unknownparam");
	eq(m->to.tag, "1918181833n");
	eq(m->from.display, "J Rosenberg \\\\\\\"");
	eq(m->from.tag, "98asjd8");
	assert_int_equal(m->max_forwards, 68);
	assert_int_equal(m->cseq, 9);
	assert_int_equal(m->body.n, 150);
	assert_int_equal(m->n_vias, 3);
	assert_true(m->too_old);
	eq(m->via.host, "192.0.2.2");
	assert_true(sip_walk(m, SIP_HDR_VIA, &w, &v) && sip_walk(m, SIP_HDR_VIA, &w, &v) && sip_via_parse(v, &via));
	eq(via.transport, "TCP");
	eq(via.branch, "z9hG4bK9ikj8");
	assert_true(sip_walk(m, SIP_HDR_VIA, &w, &v) && sip_via_parse(v, &via));
	eq(via.host, "192.168.255.111");
	eq(via.branch, "z9hG4bK30239");
	assert_false(sip_walk(m, SIP_HDR_VIA, &w, &v));
	eq(m->contact.display, "Quoted string \\\"\\\"");
	assert_true(sip_param(m->contact.params, "newparam", &v));
	eq(v, "newvalue");
	assert_true(sip_param(m->contact.params, "q", &v));
	eq(v, "0.33");
	eq(sip_hdr_named(m, SPAN("newfangledheader"), 0), "newfangled value   continued newfangled value");
	eq(sip_hdr_named(m, SPAN("UnknownHeaderWithUnusualValue"), 0), ";;,,;;,;");
	assert_true(sip_hdr_named(m, SPAN("Subject"), 0).p && !sip_hdr_named(m, SPAN("s"), 0).n);
	sip_msg_unref(m);
}

static void test_values(void **state)
{
	struct sip_msg *m = parsed("intmeth");
	struct out o = out_growing();
	struct span v;

	(void)state;
	assert_int_equal(m->method, SIP_OTHER);
	assert_int_equal(m->to.display.n, 20); /* with its quoted BEL, NUL and DEL */
	eq(m->ruri.user, "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*");
	eq(m->ruri.password, "&it+has=1,weird!*pas$wo~d_too.(doesn't-it)");
	eq(m->from.tag, "_token~1'+`*%!-.");
	eq(m->from.display, "token1~` token2'+_ token3*%!.-");
	sip_msg_unref(m);

	m = parsed("esc01");
	sip_out_unescaped(&o, m->ruri.user);
	eq(out_look(&o), "sips:user@example.com");
	eq(m->ruri.host, "example.net");
	sip_msg_unref(m);
	out_free(&o);

	m = parsed("escnull");
	o = out_growing();
	sip_out_unescaped(&o, m->to.uri.user);
	assert_int_equal(o.n, 11);
	assert_int_equal(o.p[5], 0);
	sip_msg_unref(m);
	out_free(&o);

	m = parsed("esc02");
	assert_int_equal(m->method, SIP_OTHER);
	eq(m->to.display, "%Z%45");
	eq(sip_hdr_named(m, SPAN("Contact"), 1), "<sip:alias3@host3.example.com>");
	sip_msg_unref(m);

	m = parsed("semiuri");
	eq(m->ruri.user, "user;par=u%40example.net");
	eq(m->ruri.host, "example.com");
	sip_msg_unref(m);

	m = parsed("longreq");
	assert_int_equal(m->n_vias, 34);
	assert_int_equal(m->cseq, 3882340);
	assert_int_equal(m->to.uri.port, 6000);
	sip_msg_unref(m);

	m = parsed("dblreq");
	assert_int_equal(m->method, SIP_REGISTER);
	assert_int_equal(m->body.n, 0);
	sip_msg_unref(m);

	m = parsed("mpart01");
	assert_int_equal(m->body.n, 553);
	assert_non_null(memchr(m->body.p, 0, m->body.n));
	sip_msg_unref(m);

	m = parsed("unreason");
	assert_int_equal(m->status, 200);
	assert_true(span_starts(m->reason, SPAN("= 2**3 * 5**2 \xd0\xbd\xd0\xbe ")));
	sip_msg_unref(m);

	m = parsed("cparam01");
	assert_true(sip_param(m->contact.params, "unknownparam", &v) && !m->contact.uri.params.n);
	sip_msg_unref(m);

	m = parsed("cparam02");
	assert_true(sip_param(m->contact.uri.params, "unknownparam", &v) && !m->contact.params.n);
	sip_msg_unref(m);

	m = parsed("inv2543");
	assert_true(m->too_old && !m->via.branch.n && !m->from.tag.n && m->max_forwards == SIP_NO_NUMBER);
	sip_msg_unref(m);

	m = parsed("v6ambig");
	eq(m->ruri.host, "[2001:db8::10:5070]");
	assert_int_equal(m->ruri.port, 0);
	sip_msg_unref(m);

	m = parsed("v6port");
	eq(m->ruri.host, "[2001:db8::10]");
	assert_int_equal(m->ruri.port, 5070);
	sip_msg_unref(m);
}

/* A quoted NUL comes back whole in the answer. */
static void test_nul_in_answer(void **state)
{
	struct fake *f = fake_new(FAKE_UDP, NULL);
	struct flow flow = fake_udp_flow(f, PHONE);
	const struct sip_msg *m;

	(void)state;
	fake_bytes(f, &flow, load("intmeth"));
	sip_reply(f->uas, 501, NULL, NULL, NULL);
	m = fake_expect(f, "501");
	assert_true(span_starts(m->to.text, f->request->to.text) && m->to.tag.n);
	eq(m->from.tag, "_token~1'+`*%!-.");
	fake_free(f);
}

static const struct {
	const char *says, *text;
} broken[] = {
	{ "empty", "" },
	{ "no line", "INVITE" },
	{ "only a start line", "OPTIONS sip:a@b SIP/2.0\r\n" },
	{ "not SIP", "GET / HTTP/1.0\r\n\r\n" },
	{ "status below 100", "SIP/2.0 099 X\r\nVia: SIP/2.0/UDP a;branch=z9hG4bKa\r\nCSeq: 1 X\r\n\r\n" },
	{ "status above 699", "SIP/2.0 700 X\r\nVia: SIP/2.0/UDP a;branch=z9hG4bKa\r\nCSeq: 1 X\r\n\r\n" },
	{ "no Via", "OPTIONS sip:a@b SIP/2.0\r\nCSeq: 1 OPTIONS\r\n\r\n" },
	{ "no CSeq", "OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bKa\r\n\r\n" },
	{ "CSeq without a method", "OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP a\r\nCSeq: 1\r\n\r\n" },
	{ "an answer's CSeq without a method",
	  "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP a;branch=z9hG4bKa\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>;tag=2\r\n"
	  "Call-ID: c\r\nCSeq: 1 \r\n\r\n" },
	{ "bare CR", "OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP a\r\nX: y\rZ: z\r\nCSeq: 1 OPTIONS\r\n\r\n" },
	{ "lines that a bare CR begins", "O sip:a SIP/2.0\n\rA: 1\n\rB: 2\n\rC: 3\n\rD: 4\n\rE: 5\n\rF: 6\n\n" },
};

static void test_broken(void **state)
{
	struct out o = out_growing();
	const char *why;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
		why = NULL;
		if (sip_msg_parse(span_of(broken[i].text), &why) || !why)
			fail_msg("%s", broken[i].says);
	}
	out_str(&o, "OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP a\r\n");
	for (int i = 0; i < SIP_MAX_HEADERS; i++)
		out_str(&o, "X: y\r\n");
	out_str(&o, "\r\n");
	assert_null(sip_msg_parse(out_look(&o), &why));
	assert_string_equal(why, "too many lines");
	out_free(&o);
}

/* A CR that ends no line is refused wherever it stands before the body, and the length of what it follows is all one.
 */
static void test_bare_cr(void **state)
{
	static const char head[] =
		"OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bKa\nFrom: <sip:a@b>;tag=1\r\n"
		"To: <sip:a@b>\r\nCall-ID: c\nCSeq: 1 OPTIONS\r\nSubject: a long line to make the head "
		"longer than three times sixty-four bytes\r\n\r\n";
	size_t n = sizeof head - 1;
	char text[sizeof head + 4];
	struct sip_msg *m;
	const char *why;

	(void)state;
	for (size_t at = 1; at < n + 3; at++) {
		bool ends_line = at < n && head[at] == '\n' && head[at - 1] != '\r';

		snprintf(text, sizeof text, "%s%s", head, "xyz");
		memmove(text + at + 1, text + at, sizeof text - at - 1);
		text[at] = '\r';
		m = sip_msg_parse((struct span){ text, n + 4 }, &why);
		if (!m != !(ends_line || at >= n))
			fail_msg("a CR at %zu", at);
		sip_msg_unref(m);
	}
}

/* Not the compact form of what has none. */
static void test_nul_name(void **state)
{
	static const char text[] =
		"OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bKa\r\n\0: 1 OPTIONS\r\n\r\n";
	const char *why = NULL;

	(void)state;
	assert_null(sip_msg_parse((struct span){ text, sizeof text - 1 }, &why));
	assert_string_equal(why, "no usable CSeq");
}

/* The block of one message is room for the next; when it is too small, the larger one is kept instead. */
static void test_spare(void **state)
{
	struct sip_msg *spare = NULL, *m, *large;
	const size_t sizes[] = { 100, 5000, 100, 5000, 3000 };
	struct out o = out_growing();
	const char *why;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		out_free(&o);
		o = out_growing();
		out_str(&o, "OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bKa\r\nFrom: <sip:a@b>;tag=1\r\n"
			    "To: <sip:a@b>\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\n\r\n");
		for (size_t n = 0; n < sizes[i]; n++)
			out_char(&o, 'x');
		m = sip_msg_parse_in(&spare, out_look(&o), &why);
		assert_non_null(m);
		assert_int_equal(m->body.n, sizes[i]);
		assert_null(spare);
		if (i == 1)
			large = m;
		if (i > 1)
			assert_ptr_equal(m, large);
		sip_msg_spare(&spare, m);
		assert_ptr_equal(spare, m);
	}
	sip_msg_unref(spare);
	out_free(&o);
}

/* In an answer and within a dialog From's and To's tags count, a URI that somebody mangled does not. */
static void test_parties(void **state)
{
	static const struct {
		const char *line, *to_tag;
		unsigned code;
	} cases[] = { { "SIP/2.0 200 OK", ";tag=2", 0 },
		      { "OPTIONS sip:b SIP/2.0", ";tag=2", 0 },
		      { "OPTIONS sip:b SIP/2.0", "", 400 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct out o = out_growing();
		struct sip_msg *m;
		const char *why;

		out_all(&o, cases[i].line,
			"\r\nVia: SIP/2.0/UDP a;branch=z9hG4bKa\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\n",
			"From: \"A\" <sip:a b@c>;x=y;tag=1\r\nTo: sip:b@", cases[i].to_tag, "\r\n\r\n");
		m = sip_msg_parse(out_look(&o), &why);
		assert_non_null(m);
		assert_int_equal(m->bad_code, cases[i].code);
		eq(m->from.tag, "1");
		eq(m->from.uri.text, "sip:a b@c");
		eq(m->to.tag, cases[i].to_tag[0] ? "2" : "");
		sip_msg_unref(m);
		out_free(&o);
	}
}

/* But both are there, with a URI. */
static void test_absent_parties(void **state)
{
	static const char *const parties[] = { "To: <sip:b>;tag=2\r\n", "From: <>;tag=1\r\nTo: <sip:b>;tag=2\r\n",
					       "From: <sip:a>;tag=1\r\nTo: ;tag=2\r\n" };
	static const char *const lines[] = { "OPTIONS sip:b SIP/2.0", "SIP/2.0 200 OK" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(parties) * ARRAY_LEN(lines); i++) {
		struct out o = out_growing();
		struct sip_msg *m;
		const char *why;

		out_all(&o, lines[i % ARRAY_LEN(lines)],
			"\r\nVia: SIP/2.0/UDP a;branch=z9hG4bKa\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\n",
			parties[i / ARRAY_LEN(lines)], "\r\n");
		m = sip_msg_parse(out_look(&o), &why);
		assert_non_null(m);
		assert_int_equal(m->bad_code, 400);
		sip_msg_unref(m);
		out_free(&o);
	}
}

/* To is looked at even when it names the same URI as From. */
static void test_same_parties(void **state)
{
	static const char *const tos[] = { "<sip:a@b>", "<sip:a@b>;;", "<sip:a@b>;tag=" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(tos); i++) {
		struct out o = out_growing();
		struct sip_msg *m;
		const char *why;

		out_all(&o, "REGISTER sip:b SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bKa\r\nCall-ID: c\r\n",
			"CSeq: 1 REGISTER\r\nFrom: \"A\" <sip:a@b>;tag=1\r\nTo: ", tos[i], "\r\n\r\n");
		m = sip_msg_parse(out_look(&o), &why);
		assert_non_null(m);
		assert_int_equal(m->bad_code, i ? 400 : 0);
		if (!i)
			eq(m->to.uri.user, "a");
		sip_msg_unref(m);
		out_free(&o);
	}
}

/* 259 letters are three in eight bits: it is none of those that we know all the same. */
static void test_long_name(void **state)
{
	struct out o = out_growing();
	struct sip_msg *m;
	const char *why;

	(void)state;
	out_str(&o, "OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bKa\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\n"
		    "From: <sip:a@b>;tag=1\r\nTo: <sip:b@c>\r\nVia");
	for (int i = 0; i < 256; i++)
		out_char(&o, 'a');
	out_str(&o, ": SIP/2.0/UDP b\r\n\r\n");
	m = sip_msg_parse(out_look(&o), &why);
	assert_non_null(m);
	assert_int_equal(m->n_vias, 1);
	assert_int_equal(m->hdrs[m->n_hdrs - 1].id, SIP_HDR_OTHER);
	sip_msg_unref(m);
	out_free(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parser),         cmocka_unit_test(test_core),
		cmocka_unit_test(test_wsinv),          cmocka_unit_test(test_values),
		cmocka_unit_test(test_nul_in_answer),  cmocka_unit_test(test_broken),
		cmocka_unit_test(test_bare_cr),        cmocka_unit_test(test_nul_name),
		cmocka_unit_test(test_spare),          cmocka_unit_test(test_parties),
		cmocka_unit_test(test_same_parties),   cmocka_unit_test(test_long_name),
		cmocka_unit_test(test_absent_parties),
	};

	return cmocka_run_group_tests_name("sip torture", tests, NULL, NULL);
}
