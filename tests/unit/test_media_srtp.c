/* tests/unit/test_media_srtp.c: our SRTP against libsrtp's, both ways; forgeries, repeats, the rollover counter. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <srtp2/srtp.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "media/rtp.h"
#include "media/srtp.h"

static struct rng rng;

static struct srtp_key key_of(uint8_t suite)
{
	struct srtp_key k = { .suite = suite };

	rng_bytes(&rng, k.bytes, srtp_key_bytes(suite) + SRTP_SALT);
	return k;
}

static srtp_t theirs(const struct srtp_key *k, bool in)
{
	static void (*const set[SRTP_SUITES])(srtp_crypto_policy_t *) = {
		[SRTP_AES128_80] = srtp_crypto_policy_set_rtp_default,
		[SRTP_AES128_32] = srtp_crypto_policy_set_aes_cm_128_hmac_sha1_32,
		[SRTP_AES256_80] = srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80,
		[SRTP_AES256_32] = srtp_crypto_policy_set_aes_cm_256_hmac_sha1_32,
	};
	static void (*const set_rtcp[])(srtp_crypto_policy_t *) = {
		/* RFC 4568 6.2: RTCP's tag has 80 bits always */
		srtp_crypto_policy_set_rtp_default,
		srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80,
	};
	srtp_policy_t p = { .key = (unsigned char *)k->bytes, .window_size = 128 };
	srtp_t s;

	set[k->suite](&p.rtp);
	set_rtcp[k->suite / 2](&p.rtcp);
	p.ssrc.type = in ? ssrc_any_inbound : ssrc_any_outbound;
	assert_int_equal(srtp_create(&s, &p), srtp_err_status_ok);
	return s;
}

/* An RTP packet with `odd` things in its header: a CSRC, an extension. */
static size_t packet(uint8_t *p, uint16_t seq, bool odd)
{
	size_t n = RTP_HEADER;

	memset(p, 0, 64);
	p[0] = odd ? 2 << 6 | 16 | 1 : 2 << 6;
	put16(p + 2, seq);
	put32(p + 4, seq * 160u);
	put32(p + 8, 0xcafe0001);
	if (odd) {
		put32(p + 12, 7);
		put16(p + 16, 0xbede);
		put16(p + 18, 1);
		n = 24;
	}
	for (size_t i = 0; i < 33; i++)
		p[n + i] = (uint8_t)(seq + i);
	return n + 33;
}

static size_t report(uint8_t *p, uint32_t word)
{
	memset(p, 0, 28);
	p[0] = 2 << 6;
	p[1] = 200;
	put16(p + 2, 6);
	put32(p + 4, 0xcafe0001);
	put32(p + 24, word);
	return 28;
}

static void ours_to_theirs(uint8_t suite)
{
	struct srtp_key k = key_of(suite);
	struct srtp *s = srtp_new(&k, false);
	srtp_t t = theirs(&k, true);
	uint8_t p[256], plain[256];

	for (unsigned i = 0; i < 70000; i += i % 300 == 299 ? 300 : 1) { /* beyond a turn of the counter, with gaps */
		size_t n = packet(plain, (uint16_t)(65000 + i), i % 5 == 0), m;
		int len;

		memcpy(p, plain, n);
		m = srtp_seal(s, p, n, false);
		assert_int_equal(m, n + (suite % 2 ? 4 : 10));
		len = (int)m;
		if (srtp_unprotect(t, p, &len) != srtp_err_status_ok)
			fail_msg("suite %u, packet %u", suite, i);
		assert_int_equal(len, n);
		assert_memory_equal(p, plain, n);
	}
	for (unsigned i = 0; i < 10; i++) {
		size_t n = report(plain, i), m;
		int len;

		memcpy(p, plain, n);
		m = srtp_seal(s, p, n, true);
		assert_int_equal(m, n + 14);
		len = (int)m;
		assert_int_equal(srtp_unprotect_rtcp(t, p, &len), srtp_err_status_ok);
		assert_int_equal(len, n);
		assert_memory_equal(p, plain, n);
	}
	srtp_free(s);
	srtp_dealloc(t);
}

static void theirs_to_ours(uint8_t suite)
{
	struct srtp_key k = key_of(suite);
	struct srtp *s = srtp_new(&k, false);
	srtp_t t = theirs(&k, false);
	uint8_t p[256], plain[256];

	for (unsigned i = 0; i < 70000; i += i % 300 == 299 ? 300 : 1) {
		size_t n = packet(plain, (uint16_t)(65000 + i), i % 5 == 0), m;
		int len = (int)n;

		memcpy(p, plain, n);
		assert_int_equal(srtp_protect(t, p, &len), srtp_err_status_ok);
		m = (size_t)len;
		assert_int_equal(srtp_open(s, p, &m, false), SRTP_OPENED);
		assert_int_equal(m, n);
		assert_memory_equal(p, plain, n);
	}
	for (unsigned i = 0; i < 10; i++) {
		size_t n = report(plain, i), m;
		int len = (int)n;

		memcpy(p, plain, n);
		assert_int_equal(srtp_protect_rtcp(t, p, &len), srtp_err_status_ok);
		m = (size_t)len;
		assert_int_equal(srtp_open(s, p, &m, true), SRTP_OPENED);
		assert_int_equal(m, n);
		assert_memory_equal(p, plain, n);
	}
	srtp_free(s);
	srtp_dealloc(t);
}

static void test_both_ways(void **state)
{
	(void)state;
	for (uint8_t suite = 0; suite < SRTP_SUITES; suite++) {
		ours_to_theirs(suite);
		theirs_to_ours(suite);
	}
}

struct pair {
	struct srtp *out, *in;
};

static struct pair pair_of(bool replays)
{
	struct srtp_key k = key_of(SRTP_AES128_80);

	return (struct pair){ srtp_new(&k, false), srtp_new(&k, replays) };
}

static void pair_free(struct pair *p)
{
	srtp_free(p->out);
	srtp_free(p->in);
}

static enum srtp_say opened(struct pair *x, const uint8_t *sealed, size_t n)
{
	uint8_t p[256];

	memcpy(p, sealed, n);
	return srtp_open(x->in, p, &n, false);
}

static void test_forged(void **state)
{
	struct pair x = pair_of(false), y = pair_of(false);
	uint8_t p[256];
	size_t n = packet(p, 1, false);

	(void)state;
	n = srtp_seal(x.out, p, n, false);
	for (size_t i = 1; i < n; i++) { /* any byte, the header's too */
		p[i] ^= 1;
		assert_int_equal(opened(&x, p, n), SRTP_FORGED);
		p[i] ^= 1;
	}
	for (size_t i = 0; i < n; i++)
		assert_int_equal(opened(&x, p, i), SRTP_FORGED);
	assert_int_equal(opened(&y, p, n), SRTP_FORGED); /* another key */
	assert_int_equal(opened(&x, p, n), SRTP_OPENED);
	p[0] = 2 << 6 | 16 | 15; /* more header than packet */
	assert_int_equal(opened(&x, p, n), SRTP_FORGED);
	assert_int_equal(srtp_seal(x.out, p, 5, false), 0);
	assert_int_equal(srtp_seal(x.out, p, 5, true), 0);
	pair_free(&x);
	pair_free(&y);
}

static void test_repeats(void **state)
{
	struct pair x = pair_of(false), lax = pair_of(true);
	uint8_t p[100][64];
	size_t n = 0;

	(void)state;
	for (uint16_t i = 0; i < 100; i++)
		n = srtp_seal(x.out, p[i], packet(p[i], (uint16_t)(65500 + i), false), false);
	assert_int_equal(opened(&x, p[0], n), SRTP_OPENED);
	assert_int_equal(opened(&x, p[0], n), SRTP_REPLAYED);
	assert_int_equal(opened(&x, p[70], n), SRTP_OPENED); /* the counter has turned */
	assert_int_equal(opened(&x, p[69], n), SRTP_OPENED);
	assert_int_equal(opened(&x, p[69], n), SRTP_REPLAYED);
	assert_int_equal(opened(&x, p[20], n), SRTP_OPENED); /* before the turn */
	assert_int_equal(opened(&x, p[20], n), SRTP_REPLAYED);
	assert_int_equal(opened(&x, p[1], n), SRTP_REPLAYED); /* too old to tell */
	assert_int_equal(opened(&x, p[99], n), SRTP_OPENED);
	n = packet(p[0], 1, false);
	assert_int_not_equal(n = srtp_seal(lax.out, p[0], n, false), 0);
	assert_int_equal(opened(&lax, p[0], n), SRTP_OPENED);
	assert_int_equal(opened(&lax, p[0], n), SRTP_OPENED);                         /* srtpreplayprotection=no */
	assert_int_equal(srtp_seal(lax.out, p[1], packet(p[1], 1, false), false), 0); /* but we send nothing twice */
	pair_free(&x);
	pair_free(&lax);
}

/* A stranger's packets, of any SSRC, make nobody forget who has the key. */
static void test_senders(void **state)
{
	struct pair x = pair_of(false);
	uint8_t p[64], q[64];
	size_t n = srtp_seal(x.out, p, packet(p, 65535, false), false), m;

	(void)state;
	assert_int_equal(opened(&x, p, n), SRTP_OPENED);
	for (uint32_t ssrc = 0; ssrc < 100; ssrc++) {
		memcpy(q, p, n);
		put32(q + 8, ssrc);
		assert_int_equal(opened(&x, q, n), SRTP_FORGED);
	}
	m = srtp_seal(x.out, q, packet(q, 0, false), false);
	assert_int_equal(opened(&x, q, m), SRTP_OPENED);
	assert_int_equal(opened(&x, p, n), SRTP_REPLAYED);
	pair_free(&x);
}

/* Who speaks all the time is not forgotten for those who say a word: his counter and his window are still there. */
static void test_many_senders(void **state)
{
	struct srtp_key k = key_of(SRTP_AES128_80);
	struct pair x = { srtp_new(&k, false), srtp_new(&k, false) };
	struct srtp *others = srtp_new(&k, false);
	uint8_t p[64], q[64], first[64];
	size_t n = srtp_seal(x.out, p, packet(p, 65535, false), false);

	(void)state;
	assert_int_equal(opened(&x, p, n), SRTP_OPENED);
	for (uint16_t i = 0; i < 20; i++) {
		n = srtp_seal(x.out, p, packet(p, i, false), false);
		assert_int_equal(opened(&x, p, n), SRTP_OPENED);
		memcpy(first, p, i ? 0 : n);
		packet(q, i, false);
		put32(q + 8, 1000u + i);
		assert_int_equal(opened(&x, q, srtp_seal(others, q, n - 10, false)), SRTP_OPENED);
	}
	assert_int_equal(opened(&x, first, n), SRTP_REPLAYED);
	pair_free(&x);
	srtp_free(others);
}

/* Early audio that came before its key: the counter has turned when the first packet can be opened. */
static void test_heard_after_the_turn(void **state)
{
	struct pair x = pair_of(false);
	uint8_t p[10][64], q[64];
	size_t n = 0, m;

	(void)state;
	for (uint16_t i = 0; i < 10; i++)
		n = srtp_seal(x.out, p[i], packet(p[i], (uint16_t)(65530 + i), false), false);
	m = srtp_seal(x.out, q, report(q, 1), true);
	assert_int_equal(srtp_open(x.in, q, &m, true), SRTP_OPENED);
	assert_int_equal(opened(&x, p[8], n), SRTP_OPENED);
	assert_int_equal(opened(&x, p[9], n), SRTP_OPENED);
	assert_int_equal(opened(&x, p[8], n), SRTP_REPLAYED);
	assert_int_equal(opened(&x, p[5], n), SRTP_OPENED); /* a straggler from before it */
	assert_int_equal(opened(&x, p[7], n), SRTP_OPENED);
	assert_int_equal(opened(&x, p[5], n), SRTP_REPLAYED);
	pair_free(&x);
}

static int begin(void **state)
{
	(void)state;
	rng_seed(&rng, (const uint8_t[32]){ 5 });
	return srtp_init() == srtp_err_status_ok ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_ways),    cmocka_unit_test(test_forged),
		cmocka_unit_test(test_repeats),      cmocka_unit_test(test_senders),
		cmocka_unit_test(test_many_senders), cmocka_unit_test(test_heard_after_the_turn),
	};

	return cmocka_run_group_tests_name("srtp", tests, begin, NULL);
}
