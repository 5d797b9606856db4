/* tests/unit/test_sdp_parse.c: bodies as phones, providers and attackers write them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sdp/sdp.h"

#define HEAD  "v=0\r\no=bob 12345 7 IN IP4 192.0.2.20\r\ns=-\r\nc=IN IP4 192.0.2.20\r\nt=0 0\r\n"
#define AUDIO "m=audio 4000 RTP/AVP 0 8 101\r\n"

static void parse(const char *text, struct sdp *s)
{
	const char *why;

	if (sdp_parse(span_of(text), s, &why) != 0)
		fail_msg("%s: %s", text, why);
}

static void test_whole(void **state)
{
	char text[ADDR_STRLEN];
	struct sdp_media *m;
	struct sdp s;

	(void)state;
	parse(HEAD AUDIO "a=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000/1\r\na=rtpmap:101 telephone-event/8000\r\n"
			 "a=fmtp:101 0-16\r\na=ptime:30\r\na=sendonly\r\na=rtcp:4100\r\na=rtcp-mux\r\n"
			 "a=something:else\r\n",
	      &s);
	assert_int_equal(s.n_media, 1);
	m = &s.media[0];
	assert_int_equal(m->type, SDP_AUDIO);
	assert_true(m->rtp_avp && !m->secure && m->rtcp_mux && !m->has_ice && !m->has_crypto && !m->conn_null);
	assert_string_equal(addr_str(&m->conn, text), "192.0.2.20:4000");
	assert_string_equal(addr_str(&m->rtcp, text), "192.0.2.20:4100");
	assert_int_equal(m->n_fmts, 3);
	assert_int_equal(m->fmts[0].codec, CODEC_ULAW);
	assert_int_equal(m->fmts[1].codec, CODEC_ALAW);
	assert_int_equal(m->fmts[2].codec, CODEC_NONE);
	assert_true(m->fmts[2].dtmf && m->fmts[2].rate == 8000 && span_is(m->fmts[2].fmtp, "0-16"));
	assert_int_equal(m->ptime, 30);
	assert_int_equal(m->dir, SDP_SENDONLY);
}

static void test_no_rtpmap(void **state)
{
	struct sdp s;

	(void)state;
	parse(HEAD "m=audio 4000 RTP/AVP 0 8 18 13 96\r\n", &s);
	assert_int_equal(s.media[0].fmts[0].codec, CODEC_ULAW);
	assert_int_equal(s.media[0].fmts[1].codec, CODEC_ALAW);
	assert_int_equal(s.media[0].fmts[2].codec, CODEC_G729);
	assert_true(s.media[0].fmts[3].cn);
	assert_int_equal(s.media[0].fmts[4].codec, CODEC_NONE);
	assert_int_equal(s.media[0].dir, SDP_SENDRECV);
	assert_int_equal(s.media[0].ptime, 0);
}

static void test_dynamic(void **state)
{
	struct sdp s;

	(void)state;
	parse(HEAD "m=audio 4000 RTP/AVP 96 97 98 99\r\na=rtpmap:96 opus/48000/2\r\na=rtpmap:97 opus/48000\r\n"
		   "a=rtpmap:98 pcmu/8000\r\na=rtpmap:99 iLBC/8000\r\na=fmtp:99 mode=30\r\na=rtpmap:77 PCMA/8000\r\n",
	      &s);
	assert_int_equal(s.media[0].fmts[0].codec, CODEC_OPUS);
	assert_int_equal(s.media[0].fmts[1].codec, CODEC_NONE);
	assert_int_equal(s.media[0].fmts[2].codec, CODEC_ULAW);
	assert_int_equal(s.media[0].fmts[3].codec, CODEC_ILBC);
}

static const struct {
	const char *says, *body, *conn, *rtcp;
	bool null;
	enum sdp_dir dir;
} levels[] = {
	{ "the session's c=", HEAD AUDIO, "192.0.2.20:4000", "(none)", false, SDP_SENDRECV },
	{ "the stream's own c= wins", HEAD AUDIO "c=IN IP4 203.0.113.9\r\n", "203.0.113.9:4000", "(none)", false,
	  SDP_SENDRECV },
	{ "c= after the attributes", HEAD AUDIO "a=rtcp:99\r\nc=IN IP4 203.0.113.9\r\n", "203.0.113.9:4000",
	  "203.0.113.9:99", false, SDP_SENDRECV },
	{ "no c= at all", "v=0\r\n" AUDIO, "(none)", "(none)", false, SDP_SENDRECV },
	{ "a name", HEAD AUDIO "c=IN IP4 media.example.com\r\n", "(none)", "(none)", false, SDP_SENDRECV },
	{ "old-style hold", HEAD AUDIO "c=IN IP4 0.0.0.0\r\n", "(none)", "(none)", true, SDP_SENDRECV },
	{ "old-style hold for the session", "v=0\nc=IN IP4 0.0.0.0\n" AUDIO, "(none)", "(none)", true, SDP_SENDRECV },
	{ "hold in v6", HEAD AUDIO "c=IN IP6 ::\r\n", "(none)", "(none)", true, SDP_SENDRECV },
	{ "IPv6", HEAD AUDIO "c=IN IP6 2001:db8::1\r\n", "[2001:db8::1]:4000", "(none)", false, SDP_SENDRECV },
	{ "ttl", HEAD AUDIO "c=IN IP4 224.2.1.1/127/3\r\n", "224.2.1.1:4000", "(none)", false, SDP_SENDRECV },
	{ "rtcp with an address", HEAD AUDIO "a=rtcp:5001 IN IP4 203.0.113.3\r\n", "192.0.2.20:4000",
	  "203.0.113.3:5001", false, SDP_SENDRECV },
	{ "session direction", HEAD "a=recvonly\r\n" AUDIO, "192.0.2.20:4000", "(none)", false, SDP_RECVONLY },
	{ "stream direction wins", HEAD "a=recvonly\r\n" AUDIO "a=inactive\r\n", "192.0.2.20:4000", "(none)", false,
	  SDP_INACTIVE },
	{ "line feeds alone, and a blank last line", "v=0\nc=IN IP4 192.0.2.20\nm=audio 4000 RTP/AVP 0\n\n",
	  "192.0.2.20:4000", "(none)", false, SDP_SENDRECV },
};

static void test_levels(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(levels); i++) {
		char conn[ADDR_STRLEN], rtcp[ADDR_STRLEN];
		struct sdp s;

		parse(levels[i].body, &s);
		addr_str(&s.media[0].conn, conn);
		addr_str(&s.media[0].rtcp, rtcp);
		if (strcmp(conn, levels[i].conn) != 0 || strcmp(rtcp, levels[i].rtcp) != 0)
			fail_msg("%s: %s, rtcp %s", levels[i].says, conn, rtcp);
		if (s.media[0].conn_null != levels[i].null || s.media[0].dir != levels[i].dir)
			fail_msg("%s: null or direction", levels[i].says);
	}
}

static void test_secure(void **state)
{
	struct sdp s;

	(void)state;
	parse(HEAD "m=audio 4000 RTP/SAVP 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x\r\n"
		   "m=audio 4002 UDP/TLS/RTP/SAVPF 0\r\na=fingerprint:sha-256 AA\r\na=ice-ufrag:x\r\n"
		   "m=audio 4004 RTP/AVPF 0\r\nm=image 4006 udptl t38\r\nm=video 0 RTP/AVP 31\r\nm=x 1 y z\r\n",
	      &s);
	assert_int_equal(s.n_media, 6);
	assert_true(s.media[0].secure && s.media[0].has_crypto && !s.media[0].rtp_avp && !s.media[0].has_ice);
	assert_true(s.media[1].secure && s.media[1].has_crypto && s.media[1].has_ice);
	assert_true(s.media[2].rtp_avp && !s.media[2].has_crypto);
	assert_int_equal(s.media[3].type, SDP_IMAGE);
	assert_true(span_is(s.media[3].fmt_text, "t38"));
	assert_int_equal(s.media[3].n_fmts, 0);
	assert_int_equal(s.media[4].port, 0);
	assert_int_equal(s.media[5].type, SDP_OTHER);
}

static const char *const bad[] = {
	"",
	"\r\n",
	"m=audio 4000 RTP/AVP 0\r\n",
	"v=1\r\n",
	"v=0\r\nhello\r\n",
	"v=0\r\nx\r\n",
	"v=0\r\nc=IN IP5 1.2.3.4\r\n",
	"v=0\r\nc=IN IP4\r\n",
	"v=0\r\nc=IN IP4 /3\r\n",
	"v=0\r\nm=audio\r\n",
	"v=0\r\nm=audio x RTP/AVP 0\r\n",
	"v=0\r\nm=audio 65536 RTP/AVP 0\r\n",
	"v=0\r\nm=audio 4000 RTP/AVP\r\n",
	"v=0\r\nm=audio 4000 RTP/AVP 0\r1\r\n",
	"v=0\r\n" AUDIO AUDIO AUDIO AUDIO AUDIO AUDIO AUDIO AUDIO AUDIO,
};

static void test_bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		const char *why = NULL;
		struct sdp s;

		if (sdp_parse(span_of(bad[i]), &s, &why) != -EBADMSG || !why)
			fail_msg("accepted: %s", bad[i]);
	}
}

static void test_hostile(void **state)
{
	struct out o = out_growing();
	struct sdp s;
	char *text;

	(void)state;
	out_str(&o, "v=0\no=\no=- -5 x IN IP4 nowhere\na=\na=rtpmap\na=rtpmap:\nm=audio 4000/2 RTP/AVP");
	for (unsigned i = 0; i < 300; i++)
		out_fmt(&o, " %u", i);
	out_str(&o, "\na=rtpmap:5 /\na=rtpmap:6 //\na=rtpmap:7 x/99999999999/7\na=fmtp:\na=ptime:0\na=ptime:999\n"
		    "a=rtcp:\na=rtcp:99999\na=rtcp:7 IN\n");
	text = out_take(&o);
	parse(text, &s);
	assert_int_equal(s.media[0].n_fmts, SDP_MAX_FMT);
	assert_int_equal(s.media[0].port, 4000);
	assert_int_equal(s.media[0].ptime, 0);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),   cmocka_unit_test(test_no_rtpmap), cmocka_unit_test(test_dynamic),
		cmocka_unit_test(test_levels),  cmocka_unit_test(test_secure),    cmocka_unit_test(test_bad),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests_name("sdp parse", tests, NULL, NULL);
}
