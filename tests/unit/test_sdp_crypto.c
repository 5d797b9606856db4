/* tests/unit/test_sdp_crypto.c: SRTP in offers and answers: which lines of keys are taken, and which profiles agree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "sdp/sdp.h"

#define HEAD "v=0\r\no=- 1 1 IN IP4 192.0.2.20\r\ns=-\r\nc=IN IP4 192.0.2.20\r\nt=0 0\r\n"
#define K128 "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz"
#define K256 "YUJDZGVmZ2hpSktMbW9QUXJzVHVWd3l6MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMg=="
#define SAVP HEAD "m=audio 4000 RTP/SAVP 0\r\n"
#define AVP  HEAD "m=audio 4000 RTP/AVP 0\r\n"
#define LINE "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" K128 "\r\n"
#define GOOD "a=crypto:4 AES_CM_128_HMAC_SHA1_32 inline:" K128 "|2^31\r\n"

enum how { NO, SDES, MAY, EITHER }; /* media_encryption: no, sdes; sdes and optimistic; no and optimistic */

static struct sdp_caps caps_of(enum how h)
{
	struct sdp_caps c = { .srtp = h == SDES || h == MAY, .optional = h == MAY || h == EITHER };

	codec_list_add(&c.codecs, CODEC_ULAW);
	return c;
}

static void parse(const char *text, struct sdp *s)
{
	const char *why;

	if (sdp_parse(span_of(text), s, &why) != 0)
		fail_msg("%s: %s", text, why);
}

static const struct {
	const char *offer;
	int no, sdes, may, either; /* 1: SRTP, 0: plain, -1: refused */
} offers[] = {
	{ AVP, 0, -1, 0, 0 },
	{ AVP LINE, 0, 1, 1, 1 },
	{ SAVP, -1, -1, -1, -1 },
	{ SAVP LINE, -1, 1, 1, 1 },
	{ HEAD "m=audio 4000 RTP/SAVPF 0\r\n" LINE, -1, 1, 1, 1 },
	{ HEAD "m=audio 4000 UDP/TLS/RTP/SAVP 0\r\n" LINE, -1, -1, -1, -1 },
	{ AVP "m=audio 4002 RTP/SAVP 0\r\n" LINE, 0, 1, 1, 0 },
	{ SAVP LINE "m=audio 4002 RTP/AVP 0\r\n", 0, 1, 1, 1 },
};

static void test_profiles(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(offers); i++) {
		const int want[] = { offers[i].no, offers[i].sdes, offers[i].may, offers[i].either };

		for (int h = NO; h <= EITHER; h++) {
			struct sdp_caps caps = caps_of((enum how)h);
			struct sdp_deal d;
			struct sdp s;
			int err, got;

			parse(offers[i].offer, &s);
			err = sdp_deal_offered(&caps, &s, &d);
			got = err ? -1 : d.crypt != NULL;
			if (got != want[h])
				fail_msg("%s as %d: %d", offers[i].offer, h, got);
			if (!err)
				sdp_deal_free(&d);
		}
	}
}

static const struct {
	const char *line;
	bool taken;
	uint8_t suite;
} lines[] = {
	{ LINE, true, SRTP_AES128_80 },
	{ "a=crypto:2 aes_cm_128_hmac_sha1_32 inline:" K128 "\r\n", true, SRTP_AES128_32 },
	{ "a=crypto:1 AES_256_CM_HMAC_SHA1_80 inline:" K256 "|2^48\r\n", true, SRTP_AES256_80 },
	{ "a=crypto:1 AES_CM_256_HMAC_SHA1_32 inline:" K256 "\r\n", true, SRTP_AES256_32 },
	{ "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" K128 " WSH=128\r\n", true, SRTP_AES128_80 },
	{ "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" K128 " -NEW=1\r\n", true, SRTP_AES128_80 },
	{ "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" K128 " UNENCRYPTED_SRTP\r\n", false, 0 },
	{ "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" K128 " KDR=1\r\n", false, 0 },
	{ "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" K128 "|2^20|1:4\r\n", false, 0 }, /* an MKI */
	{ "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" K128 ";inline:" K128 "\r\n", false, 0 },
	{ "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" K256 "\r\n", false, 0 },
	{ "a=crypto:1 AES_256_CM_HMAC_SHA1_80 inline:" K128 "\r\n", false, 0 },
	{ "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:!!!!\r\n", false, 0 },
	{ "a=crypto:1 AES_CM_128_HMAC_SHA1_80\r\n", false, 0 },
	{ "a=crypto:x AES_CM_128_HMAC_SHA1_80 inline:" K128 "\r\n", false, 0 },
	{ "a=crypto:1 F8_128_HMAC_SHA1_80 inline:" K128 "\r\n", false, 0 },
	{ "a=crypto:1 F8_128_HMAC_SHA1_80 inline:" K128 "\r\n" GOOD, true, SRTP_AES128_32 },
};

static void test_lines(void **state)
{
	struct sdp_caps caps = caps_of(SDES);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		char text[600];
		struct sdp_deal d;
		struct sdp s;
		int err;

		snprintf(text, sizeof text, SAVP "%s", lines[i].line);
		parse(text, &s);
		err = sdp_deal_offered(&caps, &s, &d);
		if (!err != lines[i].taken)
			fail_msg("%s", lines[i].line);
		if (err)
			continue;
		assert_int_equal(d.crypt->key.suite, lines[i].suite);
		sdp_deal_free(&d);
	}
}

static char *text_of(struct out *o)
{
	static char text[2000];

	assert_true(span_copy(out_look(o), text, sizeof text));
	out_free(o);
	return text;
}

/* What one writes the other reads: the key, the tag, the suite; and the profile is the offer's. */
static void test_there_and_back(void **state)
{
	struct sdp_caps strict = caps_of(SDES), may = caps_of(MAY), no = caps_of(NO);
	struct srtp_key a = { .suite = SRTP_AES256_80 }, b = { .suite = SRTP_AES256_80 },
			c = { .suite = SRTP_AES128_80 };
	struct sdp_local one = { .session_id = 1, .dir = SDP_SENDRECV, .key = &a }, two = one;
	struct out o = out_growing();
	struct sdp_deal d, e;
	struct sdp s;

	(void)state;
	addr_parse(SPAN("198.51.100.5:10000"), &one.face);
	two.face = one.face;
	two.key = &b;
	memset(a.bytes, 0xa5, sizeof a.bytes);
	memset(b.bytes, 0x5a, sizeof b.bytes);
	sdp_write_offer(&o, &one, &strict);
	parse(text_of(&o), &s);
	assert_true(s.media[0].sdes);
	assert_int_equal(sdp_deal_offered(&strict, &s, &d), 0);
	assert_true(srtp_key_eq(&d.crypt->key, &a));
	assert_int_equal(sdp_deal_offered(&no, &s, &e), -ENOENT);
	o = out_growing();
	sdp_write_answer(&o, &two, &s, &d);
	parse(text_of(&o), &s);
	assert_int_equal(sdp_deal_answered(&strict, &one, &s, &e), 0);
	assert_true(s.media[0].sdes && srtp_key_eq(&e.crypt->key, &b));
	sdp_deal_free(&e);
	one.key = &c; /* an answer in another suite than the offer's */
	assert_int_equal(sdp_deal_answered(&strict, &one, &s, &e), -ENOENT);
	o = out_growing();
	sdp_write_reoffer(&o, &two, &strict, &d);
	parse(text_of(&o), &s);
	assert_true(s.media[0].sdes && s.media[0].n_keys == 1);
	sdp_deal_free(&d);

	one.key = &a; /* optional: RTP/AVP with keys; who knows none of it answers without */
	o = out_growing();
	sdp_write_offer(&o, &one, &may);
	parse(text_of(&o), &s);
	assert_true(s.media[0].rtp_avp && s.media[0].n_keys == 1);
	assert_int_equal(sdp_deal_offered(&no, &s, &d), 0);
	assert_null(d.crypt);
	o = out_growing();
	sdp_write_answer(&o, &(struct sdp_local){ .face = one.face, .dir = SDP_SENDRECV }, &s, &d);
	parse(text_of(&o), &s);
	assert_int_equal(s.media[0].n_keys, 0);
	assert_int_equal(sdp_deal_answered(&may, &one, &s, &e), 0);
	assert_null(e.crypt);
	assert_int_equal(sdp_deal_answered(&strict, &one, &s, &e), -ENOENT);
	sdp_deal_free(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_profiles),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_there_and_back),
	};

	return cmocka_run_group_tests_name("sdp crypto", tests, NULL, NULL);
}
