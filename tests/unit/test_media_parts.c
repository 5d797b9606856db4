/* tests/unit/test_media_parts.c: the pure parts of media: RTP, RTCP, digits, G.711, sources. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "media/dtmf.h"
#include "media/pcm.h"
#include "media/rtcp.h"
#include "media/rtp.h"
#include "media/source.h"

#define B(...)              \
	{                   \
		__VA_ARGS__ \
	}

static const struct {
	const char *says;
	uint8_t bytes[24];
	size_t n;
	long payload; /* -1: refused */
} packets[] = {
	{ "a plain packet", B(0x80, 0, 0, 1, 0, 0, 0, 160, 0, 0, 0, 7, 1, 2, 3), 15, 3 },
	{ "no payload", B(0x80, 0, 0, 1, 0, 0, 0, 160, 0, 0, 0, 7), 12, 0 },
	{ "a byte short", B(0x80, 0, 0, 1, 0, 0, 0, 160, 0, 0, 0), 11, -1 },
	{ "nothing", B(0), 0, -1 },
	{ "version 0: STUN", B(0x00, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), 20, -1 },
	{ "version 1", B(0x40, 0, 0, 1, 0, 0, 0, 160, 0, 0, 0, 7, 1), 13, -1 },
	{ "one CSRC", B(0x81, 0, 0, 1, 0, 0, 0, 160, 0, 0, 0, 7, 9, 9, 9, 9, 1), 17, 1 },
	{ "fifteen CSRCs that are not there", B(0x8f, 0, 0, 1, 0, 0, 0, 160, 0, 0, 0, 7, 9, 9, 9, 9, 1), 17, -1 },
	{ "an extension", B(0x90, 0, 0, 1, 0, 0, 0, 160, 0, 0, 0, 7, 0, 0, 0, 1, 5, 5, 5, 5, 1, 2), 22, 2 },
	{ "an extension that is too long", B(0x90, 0, 0, 1, 0, 0, 0, 160, 0, 0, 0, 7, 0, 0, 255, 255, 5, 5), 18, -1 },
	{ "half an extension header", B(0x90, 0, 0, 1, 0, 0, 0, 160, 0, 0, 0, 7, 0, 0), 14, -1 },
	{ "padding", B(0xa0, 0, 0, 1, 0, 0, 0, 160, 0, 0, 0, 7, 1, 2, 0, 0, 3), 17, 2 },
	{ "padding of everything", B(0xa0, 0, 0, 1, 0, 0, 0, 160, 0, 0, 0, 7, 0, 2), 14, 0 },
	{ "padding of more than that", B(0xa0, 0, 0, 1, 0, 0, 0, 160, 0, 0, 0, 7, 0, 200), 14, -1 },
	{ "padding of none", B(0xa0, 0, 0, 1, 0, 0, 0, 160, 0, 0, 0, 7, 0, 0), 14, -1 },
	{ "padding without payload", B(0xa0, 0, 0, 1, 0, 0, 0, 160, 0, 0, 0, 7), 12, -1 },
};

static void test_rtp(void **state)
{
	uint8_t buf[64];
	struct rtp r;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(packets); i++) {
		bool ok = rtp_parse((struct span){ (const char *)packets[i].bytes, packets[i].n }, &r);

		if (ok != (packets[i].payload >= 0) || (ok && r.payload.n != (size_t)packets[i].payload))
			fail_msg("%s", packets[i].says);
	}
	r = (struct rtp){
		.pt = 101, .marker = true, .seq = 65535, .ts = 4000000000u, .ssrc = 0xdeadbeef, .payload = SPAN("abc")
	};
	assert_int_equal(rtp_write(buf, 14, &r), 0);
	assert_int_equal(rtp_write(buf, sizeof buf, &r), 15);
	assert_true(rtp_parse((struct span){ (const char *)buf, 15 }, &r));
	assert_true(r.marker && r.pt == 101 && r.seq == 65535 && r.ts == 4000000000u && r.ssrc == 0xdeadbeef);
	assert_true(span_is(r.payload, "abc"));
	buf[1] = 200;
	assert_true(rtp_is_rtcp((struct span){ (const char *)buf, 15 }));
}

static void test_rtcp(void **state)
{
	struct rtcp_report r = { .ssrc = 1,
				 .sender = true,
				 .ntp = rtcp_ntp(1500),
				 .ts = 160,
				 .packets = 5,
				 .octets = 800,
				 .has_block = true,
				 .cname = "hairpin@example",
				 .bye = true,
				 .block = { .ssrc = 2,
					    .fraction = 128,
					    .lost = -3,
					    .highest = 70000,
					    .jitter = 9,
					    .lsr = 0x10000,
					    .dlsr = 0x8000 } };
	char buf[256];
	struct out o = out_fixed(buf, sizeof buf);
	struct rtcp_in in;

	(void)state;
	rtcp_write(&o, &r);
	assert_int_equal(out_done(&o) % 4, 0);
	assert_true(rtcp_parse(out_look(&o), 2, &in));
	assert_true(in.sr && in.bye && in.has_block && in.sender == 1);
	assert_int_equal(in.ntp_mid, rtcp_ntp_mid(r.ntp));
	assert_int_equal(in.block.fraction, 128);
	assert_int_equal(in.block.lost, -3);
	assert_int_equal(in.block.highest, 70000);
	assert_true(rtcp_parse(out_look(&o), 3, &in)); /* about somebody else */
	assert_false(in.has_block);
	for (size_t n = 0; n < o.n; n++) /* cut anywhere: refused, or a whole number of packets */
		if (rtcp_parse((struct span){ buf, n }, 2, &in))
			assert_int_equal(n % 4, 0);
	buf[0] = (char)0x9f; /* 31 blocks that are not there */
	assert_false(rtcp_parse(out_look(&o), 2, &in));
	buf[0] = 0x01;
	assert_false(rtcp_parse(out_look(&o), 2, &in));
	assert_false(rtcp_parse(SPAN("\x80\xca\0\0"), 2, &in)); /* does not begin with a report */
}

static void test_rtt(void **state)
{
	struct rtcp_block b = { .lsr = rtcp_ntp_mid(rtcp_ntp(10000)), .dlsr = 65536 / 2 };

	(void)state;
	assert_in_range(rtcp_rtt_us(&b, rtcp_ntp(10540)), 39900, 40100); /* 540 ms, of which 500 there */
	assert_int_equal(rtcp_rtt_us(&b, rtcp_ntp(10400)), 1);           /* clocks that disagree */
	b.lsr = 0;
	assert_int_equal(rtcp_rtt_us(&b, rtcp_ntp(10540)), 0);
}

static struct span event(char buf[4], unsigned key, bool end, unsigned duration)
{
	buf[0] = (char)key;
	buf[1] = (char)(end ? 0x8a : 0x0a);
	put16(buf + 2, duration);
	return (struct span){ buf, 4 };
}

static void test_dtmf(void **state)
{
	struct dtmf d = { 0 };
	struct dtmf_digit got;
	char b[4];

	(void)state;
	assert_int_equal(dtmf_packet(&d, 1000, event(b, 5, false, 160), 0).digit, 0);
	assert_int_equal(dtmf_packet(&d, 1000, event(b, 5, false, 320), 20).digit, 0);
	got = dtmf_packet(&d, 1000, event(b, 5, true, 800), 100);
	assert_int_equal(got.digit, '5');
	assert_int_equal(got.ms, 100);
	assert_int_equal(dtmf_packet(&d, 1000, event(b, 5, true, 800), 100).digit, 0); /* the end is sent three times */
	assert_int_equal(dtmf_packet(&d, 1000, event(b, 5, false, 640), 110).digit, 0);   /* late */
	assert_int_equal(dtmf_packet(&d, 3000, event(b, 11, true, 800), 300).digit, '#'); /* only its end arrived */
	assert_int_equal(dtmf_packet(&d, 5000, event(b, 10, false, 160), 500).digit, 0);
	assert_int_equal(dtmf_packet(&d, 7000, event(b, 15, false, 160), 900).digit, '*'); /* its end was lost */
	assert_int_equal(dtmf_packet(&d, 5000, event(b, 10, true, 800), 901).digit, 0);
	assert_int_equal(dtmf_tick(&d, 1000).digit, 0);
	assert_int_equal(dtmf_tick(&d, 900 + DTMF_LOST_MS).digit, 'D');
	assert_true(dtmf_next(&d) == MS_NEVER);
	assert_int_equal(dtmf_packet(&d, 9000, event(b, 17, true, 800), 2000).digit, 0); /* not a key */
	assert_int_equal(dtmf_packet(&d, 9000, (struct span){ b, 3 }, 2000).digit, 0);
	assert_int_equal(dtmf_packet(&d, 9000, event(b, 16, true, 800), 2000).digit, '!');
}

static void test_pcm(void **state)
{
	uint8_t a[2048], u[2048], back[2048];
	int16_t pcm[512], again[512];

	(void)state;
	for (int i = 0; i < 512; i++)
		pcm[i] = (int16_t)(20000 * sin(i * 0.1));
	assert_int_equal(pcm_encode(CODEC_ALAW, pcm, 512, a), 512);
	assert_int_equal(pcm_convert(CODEC_ALAW, CODEC_ULAW, (struct span){ (char *)a, 512 }, u, sizeof u), 512);
	assert_int_equal(pcm_decode(CODEC_ULAW, (struct span){ (char *)u, 512 }, again, 512), 512);
	for (int i = 0; i < 512; i++)
		assert_in_range(again[i] - pcm[i] + 1200, 0, 2400);
	assert_int_equal(pcm_convert(CODEC_ALAW, CODEC_SLIN, (struct span){ (char *)a, 512 }, u, sizeof u), 1024);
	assert_int_equal(pcm_convert(CODEC_SLIN, CODEC_ALAW, (struct span){ (char *)u, 1024 }, back, sizeof back), 512);
	assert_memory_equal(a, back, 512);
	assert_int_equal(pcm_convert(CODEC_ALAW, CODEC_SLIN, (struct span){ (char *)a, 512 }, u, 1000), 0);
	assert_int_equal(pcm_convert(CODEC_ALAW, CODEC_ULAW, (struct span){ (char *)a, 512 }, u, 100), 0);
	assert_false(pcm_can(CODEC_G729));
	assert_int_equal(pcm_encode(CODEC_G729, pcm, 512, a), 0);
}

/* The power of one frequency, as amplitude of a sine. */
static double goertzel(const int16_t *pcm, size_t n, double hz)
{
	double c = 2 * cos(2 * M_PI * hz / SOURCE_RATE), a = 0, b = 0, p;

	for (size_t i = 0; i < n; i++) {
		double t = pcm[i] + c * a - b;

		b = a;
		a = t;
	}
	p = a * a + b * b - c * a * b;
	return sqrt(p) * 2 / (double)n;
}

static void test_tone(void **state)
{
	struct media_play two = {
		.source = SOURCE_TONE, .freq1 = 440, .freq2 = 480, .level_dbm0 = -13, .on_ms = 100, .off_ms = 100
	};
	struct media_play milliwatt = { .source = SOURCE_TONE, .freq1 = 1000, .level_dbm0 = 0 };
	struct source *s = source_new(&milliwatt, 1);
	int16_t pcm[1600];

	(void)state;
	assert_true(source_read(s, pcm, 1600));
	assert_in_range((int)goertzel(pcm, 1600, 1000), 22500, 23100); /* 32767 less 3.14 dB */
	assert_in_range((int)goertzel(pcm, 1600, 1200), 0, 100);
	source_free(s);
	s = source_new(&two, 1);
	assert_true(source_read(s, pcm, 800));
	assert_in_range((int)goertzel(pcm, 800, 440), 4500, 5600);
	assert_in_range((int)goertzel(pcm, 800, 480), 4500, 5600);
	assert_true(source_read(s, pcm, 800));
	assert_in_range((int)goertzel(pcm, 800, 440), 0, 10);
	source_free(s);
}

/* It is heard, never loud, and goes round. */
static void test_tune(void **state)
{
	struct source *s = source_new(&(struct media_play){ .source = SOURCE_TUNE }, 1);
	int16_t pcm[1600];

	(void)state;
	for (int i = 0; i < 100; i++) {
		int loudest = 0;

		assert_true(source_read(s, pcm, 1600));
		for (int k = 0; k < 1600; k++)
			loudest = MAX(loudest, abs(pcm[k]));
		assert_in_range(loudest, 150, 5000);
	}
	source_free(s);
}

static void write_le16(FILE *f, unsigned v)
{
	fputc((int)(v & 255), f);
	fputc((int)(v >> 8 & 255), f);
}

/* A sine of 500 Hz, two seconds, in a headerless file. */
static void write_raw(const char *path, unsigned rate)
{
	FILE *f = fopen(path, "wb");

	assert_non_null(f);
	for (unsigned i = 0; i < 2 * rate; i++)
		write_le16(f, (unsigned)(int)(10000 * sin(2 * M_PI * 500 * i / rate)));
	fclose(f);
}

static void load(const char *ending, unsigned rate)
{
	struct media_play what = { .source = SOURCE_FILE };
	int16_t pcm[1600];
	struct source *s;
	int fd;

	snprintf(what.path, sizeof what.path, "/tmp/hairpin-test-XXXXXX%s", ending);
	fd = mkstemps(what.path, (int)strlen(ending));
	assert_true(fd >= 0);
	close(fd);
	write_raw(what.path, rate);
	s = source_new(&what, 7);
	source_load(s, NULL);
	assert_false(s->failed);
	assert_int_equal(s->sound->n, 16000);
	assert_true(source_read(s, pcm, 1600));
	assert_in_range((int)goertzel(pcm, 1600, 500), 9700, 10300);
	for (int i = 0; i < 9; i++)
		assert_true(source_read(s, pcm, 1600));
	assert_false(source_read(s, pcm, 1600));
	source_free(s);
	unlink(what.path);
}

/* Who plays a file that somebody plays already has the same samples; it may begin in the middle, and go round. */
static void test_shelf(void **state)
{
	struct media_play what = { .source = SOURCE_FILE, .path = "/tmp/hairpin-test-XXXXXX.sln", .from_ms = 1950 };
	struct sound *shelf = NULL;
	struct source *a, *b;
	int16_t pcm[800];

	(void)state;
	close(mkstemps(what.path, 4));
	write_raw(what.path, 8000);
	a = source_new(&what, 1);
	source_load(a, &shelf);
	what.loops = true;
	what.from_ms += 2000;
	b = source_new(&what, 2);
	source_load(b, &shelf);
	assert_ptr_equal(a->sound, b->sound);
	assert_true(source_read(a, pcm, 800)); /* half of it is silence */
	assert_false(source_read(a, pcm, 800));
	source_free(a);
	for (int i = 0; i < 50; i++)
		assert_true(source_read(b, pcm, 400));
	assert_in_range(b->at, 3600, 3600);
	source_free(b);
	assert_int_equal(shelf->users, 1);
	a = source_new(&(struct media_play){ .source = SOURCE_FILE, .path = "/nowhere.wav" }, 3);
	source_load(a, &shelf);
	assert_true(a->failed && shelf);
	source_free(a);
	write_raw(what.path, 16000);
	a = source_new(&what, 4);
	source_load(a, &shelf);
	assert_int_equal(a->sound->n, 32000);
	assert_null(a->sound->next); /* nobody plays what was there before */
	sounds_free(&shelf);
	assert_true(source_read(a, pcm, 800));
	source_free(a);
	unlink(what.path);
}

static void test_file(void **state)
{
	struct media_play none = { .source = SOURCE_FILE, .path = "/nowhere/at-all.wav" };
	struct source *s = source_new(&none, 1);

	(void)state;
	source_load(s, NULL);
	assert_true(s->failed);
	source_free(s);
	load(".sln", 8000);
	load(".sln16", 16000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rtp),  cmocka_unit_test(test_rtcp),  cmocka_unit_test(test_rtt),
		cmocka_unit_test(test_dtmf), cmocka_unit_test(test_pcm),   cmocka_unit_test(test_tone),
		cmocka_unit_test(test_file), cmocka_unit_test(test_shelf), cmocka_unit_test(test_tune),
	};

	return cmocka_run_group_tests_name("media parts", tests, NULL, NULL);
}
