/* tests/unit/test_sdp_deal.c: offer and answer: what is agreed, and the bytes that say so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sdp/sdp.h"

#define HEAD "v=0\r\no=- 1 1 IN IP4 192.0.2.20\r\ns=-\r\nc=IN IP4 192.0.2.20\r\nt=0 0\r\n"
#define OURS "v=0\r\no=- 9 2 IN IP4 198.51.100.5\r\ns=Asterisk\r\nc=IN IP4 198.51.100.5\r\nt=0 0\r\n"
#define TE   "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\n"
#define ULAW "a=rtpmap:0 PCMU/8000\r\n"
#define ALAW "a=rtpmap:8 PCMA/8000\r\n"
#define BOTH "a=ptime:20\r\na=sendrecv\r\n"

enum { DTMF = 1, ANSWER_OURS = 2, SINGLE = 4, MUX = 8, CN = 16 };

static struct sdp_caps caps_of(const char *names, unsigned flags)
{
	struct sdp_caps c = { .dtmf = flags & DTMF,
			      .answer_ours = flags & ANSWER_OURS,
			      .single_codec = flags & SINGLE,
			      .rtcp_mux = flags & MUX,
			      .cn = flags & CN };
	struct span in = span_of(names), name;

	while (span_cut(&in, ',', &name))
		codec_list_add(&c.codecs, codec_by_name(name));
	return c;
}

static const struct sdp_local nothing;

static struct sdp_local local(void)
{
	struct sdp_local l = {
		.session_id = 9, .version = 2, .owner = "-", .session = "Asterisk", .dir = SDP_SENDRECV
	};

	assert_true(addr_parse(SPAN("198.51.100.5:10000"), &l.face));
	return l;
}

static void parse(const char *text, struct sdp *s)
{
	const char *why;

	if (sdp_parse(span_of(text), s, &why) != 0)
		fail_msg("%s: %s", text, why);
}

static void same(const char *says, struct out *o, const char *want)
{
	char *text = out_take(o);

	if (strcmp(text, want) != 0)
		fail_msg("%s: got\n%swanted\n%s", says, text, want);
	free(text);
}

static const struct {
	const char *says, *codecs;
	unsigned flags;
	const char *want;
} offers[] = {
	{ "as the guide's first scenario", "ulaw", DTMF, OURS "m=audio 10000 RTP/AVP 0 101\r\n" ULAW TE BOTH },
	{ "in our order", "alaw,ulaw", 0, OURS "m=audio 10000 RTP/AVP 8 0\r\n" ALAW ULAW BOTH },
	{ "dynamic numbers and their formats", "opus,ilbc,g729", MUX,
	  OURS "m=audio 10000 RTP/AVP 107 97 18\r\na=rtpmap:107 opus/48000/2\r\na=rtpmap:97 iLBC/8000\r\n"
	       "a=fmtp:97 mode=30\r\na=rtpmap:18 G729/8000\r\na=fmtp:18 annexb=no\r\n" BOTH "a=rtcp-mux\r\n" },
	{ "no codec allowed: nothing to take", "none", DTMF, OURS "m=audio 0 RTP/AVP 0\r\n" },
};

static void test_offer(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(offers); i++) {
		struct sdp_caps caps = caps_of(offers[i].codecs, offers[i].flags);
		struct sdp_local l = local();
		struct out o = out_growing();

		sdp_write_offer(&o, &l, &caps);
		same(offers[i].says, &o, offers[i].want);
	}
}

static const struct {
	const char *says, *codecs;
	unsigned flags;
	const char *offer;
	int err;
	const char *answer;
} answers[] = {
	{ "only what was offered", "ulaw,alaw,g722", DTMF, HEAD "m=audio 4000 RTP/AVP 0 101\r\n" TE, 0,
	  OURS "m=audio 10000 RTP/AVP 0 101\r\n" ULAW TE BOTH },
	{ "the offer's order", "ulaw,alaw", 0, HEAD "m=audio 4000 RTP/AVP 8 0\r\n", 0,
	  OURS "m=audio 10000 RTP/AVP 8 0\r\n" ALAW ULAW BOTH },
	{ "our order when we say so", "ulaw,alaw", ANSWER_OURS, HEAD "m=audio 4000 RTP/AVP 8 0\r\n", 0,
	  OURS "m=audio 10000 RTP/AVP 0 8\r\n" ULAW ALAW BOTH },
	{ "one codec only", "ulaw,alaw", SINGLE, HEAD "m=audio 4000 RTP/AVP 8 0\r\n", 0,
	  OURS "m=audio 10000 RTP/AVP 8\r\n" ALAW BOTH },
	{ "the offer's numbers are kept", "opus,ulaw", DTMF,
	  HEAD "m=audio 4000 RTP/AVP 120 0 99 98\r\na=rtpmap:120 opus/48000/2\r\na=rtpmap:99 telephone-event/8000\r\n"
	       "a=rtpmap:98 telephone-event/48000\r\n",
	  0,
	  OURS "m=audio 10000 RTP/AVP 120 0 98\r\na=rtpmap:120 opus/48000/2\r\n" ULAW
	       "a=rtpmap:98 telephone-event/48000\r\na=fmtp:98 0-16\r\n" BOTH },
	{ "no telephone-event unless offered", "ulaw", DTMF, HEAD "m=audio 4000 RTP/AVP 0\r\n", 0,
	  OURS "m=audio 10000 RTP/AVP 0\r\n" ULAW BOTH },
	{ "no telephone-event unless wanted", "ulaw", 0, HEAD "m=audio 4000 RTP/AVP 0 101\r\n" TE, 0,
	  OURS "m=audio 10000 RTP/AVP 0\r\n" ULAW BOTH },
	{ "CN only when we agree", "ulaw", CN, HEAD "m=audio 4000 RTP/AVP 0 13\r\n", 0,
	  OURS "m=audio 10000 RTP/AVP 0 13\r\n" ULAW "a=rtpmap:13 CN/8000\r\n" BOTH },
	{ "and by default we don't", "ulaw", 0, HEAD "m=audio 4000 RTP/AVP 0 13\r\n", 0,
	  OURS "m=audio 10000 RTP/AVP 0\r\n" ULAW BOTH },
	{ "their ptime", "ulaw", 0, HEAD "m=audio 4000 RTP/AVP 0\r\na=ptime:30\r\n", 0,
	  OURS "m=audio 10000 RTP/AVP 0\r\n" ULAW "a=ptime:30\r\na=sendrecv\r\n" },
	{ "hold by sendonly", "ulaw", 0, HEAD "m=audio 4000 RTP/AVP 0\r\na=sendonly\r\n", 0,
	  OURS "m=audio 10000 RTP/AVP 0\r\n" ULAW "a=ptime:20\r\na=recvonly\r\n" },
	{ "hold by inactive", "ulaw", 0, HEAD "m=audio 4000 RTP/AVP 0\r\na=inactive\r\n", 0,
	  OURS "m=audio 10000 RTP/AVP 0\r\n" ULAW "a=ptime:20\r\na=inactive\r\n" },
	{ "they only listen", "ulaw", 0, HEAD "m=audio 4000 RTP/AVP 0\r\na=recvonly\r\n", 0,
	  OURS "m=audio 10000 RTP/AVP 0\r\n" ULAW "a=ptime:20\r\na=sendonly\r\n" },
	{ "rtcp-mux when both want it", "ulaw", MUX, HEAD "m=audio 4000 RTP/AVP 0\r\na=rtcp-mux\r\n", 0,
	  OURS "m=audio 10000 RTP/AVP 0\r\n" ULAW BOTH "a=rtcp-mux\r\n" },
	{ "rtcp-mux unless we don't", "ulaw", 0, HEAD "m=audio 4000 RTP/AVP 0\r\na=rtcp-mux\r\n", 0,
	  OURS "m=audio 10000 RTP/AVP 0\r\n" ULAW BOTH },
	{ "audio once, the rest declined in order", "ulaw", 0,
	  HEAD "m=video 4010 RTP/AVP 31 34\r\nm=audio 4000 RTP/AVP 0\r\nm=audio 4002 RTP/AVP 0\r\n"
	       "m=image 4004 udptl t38\r\n",
	  0,
	  OURS "m=video 0 RTP/AVP 31 34\r\nm=audio 10000 RTP/AVP 0\r\n" ULAW BOTH
	       "m=audio 0 RTP/AVP 0\r\nm=image 0 udptl t38\r\n" },
	{ "SRTP is declined, plain RTP behind it taken", "ulaw", 0,
	  HEAD "m=audio 4000 RTP/SAVP 0\r\nm=audio 4002 RTP/AVPF 0\r\n", 0,
	  OURS "m=audio 0 RTP/SAVP 0\r\nm=audio 10000 RTP/AVPF 0\r\n" ULAW BOTH },
	{ "the first stream has nothing for us, the second has", "ulaw", 0,
	  HEAD "m=audio 4000 RTP/AVP 18\r\nm=audio 4002 RTP/AVP 0\r\n", 0,
	  OURS "m=audio 0 RTP/AVP 18\r\nm=audio 10000 RTP/AVP 0\r\n" ULAW BOTH },
	{ "no codec in common", "ulaw", DTMF, HEAD "m=audio 4000 RTP/AVP 18 101\r\n" TE, -ENOENT, NULL },
	{ "no audio", "ulaw", 0, HEAD "m=video 4000 RTP/AVP 31\r\n", -ENOENT, NULL },
	{ "audio declined", "ulaw", 0, HEAD "m=audio 0 RTP/AVP 0\r\n", -ENOENT, NULL },
	{ "only SRTP", "ulaw", 0, HEAD "m=audio 4000 RTP/SAVP 0\r\n", -ENOENT, NULL },
	{ "no stream at all", "ulaw", 0, HEAD, -ENOENT, NULL },
};

static void test_answer(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		struct sdp_caps caps = caps_of(answers[i].codecs, answers[i].flags);
		struct sdp_local l = local();
		struct out o = out_growing();
		struct sdp_deal d;
		struct sdp s;

		parse(answers[i].offer, &s);
		if (sdp_deal_offered(&caps, &s, &d) != answers[i].err)
			fail_msg("%s: %d", answers[i].says, answers[i].err);
		if (answers[i].err)
			continue;
		sdp_write_answer(&o, &l, &s, &d);
		same(answers[i].says, &o, answers[i].answer);
		o = out_growing();
		if (s.n_media == 1) { /* the deal is enough */
			sdp_write_answer(&o, &l, NULL, &d);
			same(answers[i].says, &o, answers[i].answer);
		}
		sdp_deal_free(&d);
	}
}

static const struct {
	const char *says, *lines;
	bool held;
	enum sdp_dir dir;
	const char *remote;
} holds[] = {
	{ "a call", "", false, SDP_SENDRECV, "192.0.2.20:4000" },
	{ "sendonly", "a=sendonly\r\n", true, SDP_RECVONLY, "192.0.2.20:4000" },
	{ "inactive", "a=inactive\r\n", true, SDP_INACTIVE, "192.0.2.20:4000" },
	{ "recvonly is no hold", "a=recvonly\r\n", false, SDP_SENDONLY, "192.0.2.20:4000" },
	{ "0.0.0.0", "c=IN IP4 0.0.0.0\r\n", true, SDP_RECVONLY, "(none)" },
	{ "0.0.0.0 and recvonly", "c=IN IP4 0.0.0.0\r\na=recvonly\r\n", true, SDP_INACTIVE, "(none)" },
};

static void test_hold(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(holds); i++) {
		struct sdp_caps caps = caps_of("ulaw", 0);
		char text[1024], remote[ADDR_STRLEN];
		struct sdp_deal d;
		struct sdp s;

		snprintf(text, sizeof text, "%sm=audio 4000 RTP/AVP 0\r\n%s", HEAD, holds[i].lines);
		parse(text, &s);
		assert_int_equal(sdp_deal_offered(&caps, &s, &d), 0);
		if (d.held != holds[i].held || d.dir != holds[i].dir ||
		    strcmp(addr_str(&d.remote, remote), holds[i].remote) != 0)
			fail_msg("%s: held %d dir %d remote %s", holds[i].says, d.held, d.dir, remote);
		sdp_deal_free(&d);
	}
}

static void test_answered(void **state)
{
	struct sdp_caps caps = caps_of("opus,alaw,ulaw", DTMF);
	struct sdp_deal d;
	struct sdp s;

	(void)state;
	parse(HEAD "m=audio 4000 RTP/AVP 0 107 101\r\na=rtcp:4007\r\n", &s); /* our numbers, without rtpmap */
	assert_int_equal(sdp_deal_answered(&caps, &nothing, &s, &d), 0);
	assert_int_equal(d.n_codecs, 2);
	assert_int_equal(d.codecs[0].codec, CODEC_ULAW);
	assert_int_equal(d.codecs[1].codec, CODEC_OPUS);
	assert_int_equal(d.codecs[1].pt, 107);
	assert_int_equal(d.dtmf_pt, 101);
	assert_int_equal(d.remote_rtcp.port, 4007);
	assert_true(sdp_deal_prefer(&d, CODEC_OPUS));
	assert_int_equal(d.codecs[0].codec, CODEC_OPUS);
	assert_int_equal(d.codecs[1].codec, CODEC_ULAW);
	assert_false(sdp_deal_prefer(&d, CODEC_GSM));
	sdp_deal_free(&d);
	parse(HEAD "m=audio 0 RTP/AVP 0\r\n", &s);
	assert_int_equal(sdp_deal_answered(&caps, &nothing, &s, &d), -ENOENT);
	parse(HEAD "m=audio 4000 RTP/AVP 18\r\n", &s);
	assert_int_equal(sdp_deal_answered(&caps, &nothing, &s, &d), -ENOENT);
}

static void test_reoffer(void **state)
{
	struct sdp_caps caps = caps_of("ulaw,ilbc,opus,alaw", DTMF);
	struct sdp_local l = local();
	struct out o = out_growing();
	struct sdp_deal d;
	struct sdp s;

	(void)state;
	parse(HEAD "m=video 4010 RTP/AVP 31 34\r\nm=audio 4000 RTP/AVP 8 97 101\r\na=rtpmap:97 opus/48000/2\r\n"
		   "a=rtpmap:101 telephone-event/8000\r\n",
	      &s);
	assert_int_equal(sdp_deal_offered(&caps, &s, &d), 0);
	sdp_write_reoffer(&o, &l, &caps, &d);
	same("numbers of the deal first, no number twice, declined lines in place", &o,
	     OURS "m=video 0 RTP/AVP 31\r\nm=audio 10000 RTP/AVP 8 97 0 96 101\r\n" ALAW
		  "a=rtpmap:97 opus/48000/2\r\n" ULAW "a=rtpmap:96 iLBC/8000\r\na=fmtp:96 mode=30\r\n" TE BOTH);
	sdp_deal_free(&d);
	caps = caps_of("opus", DTMF);
	parse(HEAD "m=audio 4000 RTP/AVP 97 101\r\na=rtpmap:97 opus/48000/2\r\na=rtpmap:101 telephone-event/48000\r\n",
	      &s);
	assert_int_equal(sdp_deal_offered(&caps, &s, &d), 0);
	sdp_write_reoffer(&o, &l, &caps, &d);
	same("a number means what it has meant (RFC 3264 8.3.2)", &o,
	     OURS "m=audio 10000 RTP/AVP 97 101\r\na=rtpmap:97 opus/48000/2\r\n"
		  "a=rtpmap:101 telephone-event/48000\r\na=fmtp:101 0-16\r\n" BOTH);
	sdp_deal_free(&d);
}

/* A line of one word that is not text, or is too long to be kept, is repeated as something that can be read. */
static void test_strange_line(void **state)
{
	struct sdp_caps caps = caps_of("ulaw", 0);
	struct sdp_local l = local();
	struct out o = out_growing();
	struct sdp_deal d;
	struct sdp s;

	(void)state;
	parse(HEAD "m=audio 4000 RTP/AVP 0\r\nm=v\xc3\xbc 1 TCP/of/a/kind/unheard/of 00000000000000000000\r\n", &s);
	assert_int_equal(sdp_deal_offered(&caps, &s, &d), 0);
	sdp_write_reoffer(&o, &l, &caps, &d);
	same("each word by itself", &o, OURS "m=audio 10000 RTP/AVP 0\r\n" ULAW BOTH "m=application 0 RTP/AVP 0\r\n");
	sdp_deal_free(&d);
}

static void test_local(void **state)
{
	struct sdp_caps caps = caps_of("ulaw", 0);
	struct sdp_local l = local();
	struct out o = out_growing();

	(void)state;
	l.owner = "";
	l.session = NULL;
	l.dir = SDP_SENDONLY;
	l.rtcp_port = 12345;
	assert_true(addr_parse(SPAN("[2001:db8::5]:10000"), &l.face));
	sdp_write_offer(&o, &l, &caps);
	same("v6, a dash for nothing, rtcp elsewhere", &o,
	     "v=0\r\no=- 9 2 IN IP6 2001:db8::5\r\ns=-\r\nc=IN IP6 2001:db8::5\r\nt=0 0\r\n"
	     "m=audio 10000 RTP/AVP 0\r\n" ULAW "a=ptime:20\r\na=sendonly\r\na=rtcp:12345\r\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_offer),        cmocka_unit_test(test_answer),  cmocka_unit_test(test_hold),
		cmocka_unit_test(test_answered),     cmocka_unit_test(test_reoffer), cmocka_unit_test(test_local),
		cmocka_unit_test(test_strange_line),
	};

	return cmocka_run_group_tests_name("sdp deal", tests, NULL, NULL);
}
