/* tests/unit/test_base_parts.c: diagnostics, random numbers, codecs, arenas, secrets, events. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/codec.h"
#include "base/diag.h"
#include "base/fifo.h"
#include "base/rng.h"
#include "base/secret.h"
#include "base/spares.h"
#include "base/trace.h"

static void test_nearest(void **state)
{
	static const char *const names[] = { "rtp_symmetric", "force_rport", "rewrite_contact", "context", "aors" };
	const struct {
		const char *word, *want;
	} rows[] = {
		{ "rtp_symetric", "rtp_symmetric" },
		{ "RTP_SYMMETRIC", "rtp_symmetric" },
		{ "force-rport", "force_rport" },
		{ "rewritecontact", "rewrite_contact" },
		{ "contxt", "context" },
		{ "aor", "aors" },
		{ "entirely_else", NULL },
		{ "zzzz", NULL },
		{ "a_word_that_is_longer_than_any_name_could_be_and_goes_on_and_on_and_on", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *got = diag_nearest(rows[i].word, names, ARRAY_LEN(names));

		if (!got != !rows[i].want || (got && strcmp(got, rows[i].want) != 0))
			fail_msg("%s: %s", rows[i].word, got ? got : "none");
	}
	assert_null(diag_nearest("x", names, 0));
}

static void test_diag(void **state)
{
	struct diag d = { 0 };
	char buf[64];

	(void)state;
	diag_add(&d, DIAG_ERROR, "a.conf", 4, "no %s", "name");
	diag_add(&d, DIAG_WARNING, "a.conf", 0, "odd");
	diag_add(&d, DIAG_NOTE, NULL, 0, "by the way");
	assert_string_equal(diag_line(&d.items[0], buf, sizeof buf), "a.conf:4: no name");
	assert_string_equal(diag_line(&d.items[1], buf, sizeof buf), "a.conf: warning: odd");
	assert_string_equal(diag_line(&d.items[2], buf, sizeof buf), "note: by the way");
	assert_string_equal(diag_line(&d.items[0], buf, 8), "a.conf:");
	assert_true(d.errors == 1 && d.warnings == 1 && d.n == 3);
	diag_free(&d);
	assert_true(d.n == 0 && d.errors == 0);
}

static void test_rng(void **state)
{
	struct rng a, b, other;
	unsigned seen[10] = { 0 };
	char token[33];
	uint8_t bytes[7];

	(void)state;
	rng_seed(&a, (const uint8_t[32]){ 1 });
	rng_seed(&b, (const uint8_t[32]){ 1 });
	rng_seed(&other, (const uint8_t[32]){ 2 });
	for (int i = 0; i < 100; i++) {
		uint32_t v = rng_u32(&a);

		assert_int_equal(v, rng_u32(&b));
		assert_int_not_equal(v, rng_u32(&other));
	}
	for (int i = 0; i < 10000; i++)
		seen[rng_below(&a, 10)]++;
	for (int i = 0; i < 10; i++)
		assert_in_range(seen[i], 850, 1150);
	assert_int_equal(rng_below(&a, 1), 0);
	rng_token(&a, token, 32);
	assert_int_equal(strlen(token), 32);
	assert_int_equal(strspn(token, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"), 32);
	rng_bytes(&a, bytes, sizeof bytes);
	rng_token(&a, token, 0);
	assert_string_equal(token, "");
}

/* ChaCha8, 256 bits of key, all zero: the published key stream (draft-strombergson-chacha-test-vectors, TC1). */
static void test_rng_vector(void **state)
{
	static const uint8_t want[] = { 0x3e, 0x00, 0xef, 0x2f, 0x89, 0x5f, 0x40, 0xd6, 0x7f, 0x5b, 0xb8,
					0xe8, 0x1f, 0x09, 0xa5, 0xa1, 0x2c, 0x84, 0x0e, 0xc3, 0xce, 0x9a,
					0x7f, 0x3b, 0x18, 0x1b, 0xe1, 0x88, 0xef, 0x71, 0x1a, 0x1e };
	uint8_t got[sizeof want];
	struct rng r;

	(void)state;
	rng_seed(&r, (const uint8_t[32]){ 0 });
	rng_bytes(&r, got, sizeof got);
	assert_memory_equal(got, want, sizeof want);
	for (int i = 0; i < 16; i++) /* into the second block */
		rng_u32(&r);
	assert_int_equal(r.block, 2);
}

#define MANY 1000

/* What is taken is whole and nobody else's, whatever lay there before; nothing is kept without end. */
static void test_spares(void **state)
{
	static const size_t sizes[] = { 1, 24, 25, 100, 567, 1000, 1100, 2030, 5000 };
	struct spares s = { 0 };
	unsigned char *p[MANY];
	unsigned kept = 0;

	(void)state;
	spares_give(&s, NULL);
	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < MANY; i++) {
			p[i] = spares_zero(&s, sizes[i % ARRAY_LEN(sizes)]);
			for (size_t j = 0; j < sizes[i % ARRAY_LEN(sizes)]; j++)
				assert_int_equal(p[i][j], 0);
			memset(p[i], (int)i, sizes[i % ARRAY_LEN(sizes)]);
		}
		for (size_t i = 0; i < MANY; i++) {
			for (size_t j = 0; j < sizes[i % ARRAY_LEN(sizes)]; j++)
				assert_int_equal(p[i][j], (unsigned char)i);
			spares_give(&s, p[i]);
		}
	}
	for (size_t i = 0; i < SPARES_SIZES; i++)
		kept += s.n[i];
	assert_in_range(kept, 0, 8 * 256); /* none of 5,000 bytes */
	spares_free(&s);
	for (size_t i = 0; i < SPARES_SIZES; i++)
		assert_true(!s.n[i] && !s.first[i]);
}

/* First in, first out, whatever the sizes, and nothing is left at the end. */
static void test_fifo(void **state)
{
	struct fifo f = { 0 };
	unsigned in = 0, out = 0;

	(void)state;
	assert_null(fifo_head(&f));
	for (unsigned round = 0; round < 4; round++) {
		for (unsigned i = 0; i < 1000; i++, in++) {
			size_t n = sizeof(unsigned) + in * 37 % 500 + (in % 333 == 0 ? 200000 : 0);
			unsigned *p = fifo_add(&f, n);

			assert_int_equal((uintptr_t)p % 8, 0);
			memset(p, 0xff, n);
			*p = in;
		}
		for (unsigned i = 0; i < (round == 3 ? 2500 : 500); i++, out++) {
			size_t n = sizeof(unsigned) + out * 37 % 500 + (out % 333 == 0 ? 200000 : 0);
			unsigned *next = fifo_next(&f, fifo_head(&f), n);

			assert_int_equal(*(unsigned *)fifo_head(&f), out);
			assert_true(!next || *next == out + 1);
			fifo_drop(&f, n);
		}
	}
	assert_null(fifo_head(&f));
	assert_true(!f.first && !f.last && !f.spare && in == out);
}

static void test_codecs(void **state)
{
	struct codec_list l = { 0 };

	(void)state;
	for (int i = 0; i < CODEC_COUNT; i++) {
		const struct codec_desc *d = &codec_descs[i];

		assert_int_equal(codec_by_name(span_of(d->name)), i);
		assert_int_equal(codec_by_rtpmap(span_of(d->encoding), d->rate, d->channels), i);
		if (d->static_pt >= 0)
			assert_int_equal(codec_by_static_pt((unsigned)d->static_pt), i);
		for (int k = 0; k < i; k++)
			assert_string_not_equal(d->name, codec_descs[k].name);
	}
	assert_int_equal(codec_by_name(SPAN("ALAW")), CODEC_ALAW);
	assert_int_equal(codec_by_name(SPAN("pcmu")), CODEC_ULAW);
	assert_int_equal(codec_by_name(SPAN("mp3")), CODEC_NONE);
	assert_int_equal(codec_by_rtpmap(SPAN("pcma"), 8000, 1), CODEC_ALAW);
	assert_int_equal(codec_by_rtpmap(SPAN("PCMA"), 16000, 1), CODEC_NONE);
	assert_int_equal(codec_by_rtpmap(SPAN("opus"), 48000, 1), CODEC_NONE);
	assert_int_equal(codec_by_static_pt(96), CODEC_NONE);
	codec_list_add(&l, CODEC_ALAW);
	codec_list_add(&l, CODEC_ULAW);
	codec_list_add(&l, CODEC_ALAW);
	codec_list_add(&l, CODEC_NONE);
	assert_true(l.n == 2 && l.id[0] == CODEC_ALAW && codec_list_has(&l, CODEC_ULAW));
	codec_list_del(&l, CODEC_ALAW);
	codec_list_del(&l, CODEC_ALAW);
	assert_true(l.n == 1 && l.id[0] == CODEC_ULAW && !codec_list_has(&l, CODEC_ALAW));
}

static void test_arena(void **state)
{
	struct arena *a = arena_new(64);
	char *last = NULL;

	(void)state;
	for (size_t n = 0; n < 6000; n += 7) {
		char *p = arena_alloc(a, n);

		assert_int_equal((uintptr_t)p % 16, 0);
		memset(p, 0x5a, n);
		assert_ptr_not_equal(p, last);
		last = p;
	}
	assert_string_equal(arena_str(a, SPAN("text")), "text");
	assert_string_equal(arena_str(a, SPAN_NONE), "");
	assert_int_equal(((char *)arena_zero(a, 100))[99], 0);
	arena_free(a);
	arena_free(NULL);
}

static void test_secret(void **state)
{
	struct secret s = { 0 };

	(void)state;
	secret_set(&s, SPAN("one"));
	secret_set(&s, SPAN("three"));
	assert_true(secret_eq(secret_look(&s), SPAN("three")));
	assert_false(secret_eq(secret_look(&s), SPAN("threE")) || secret_eq(secret_look(&s), SPAN("thre")));
	secret_wipe(&s);
	assert_true(!s.p && !s.n);
	secret_wipe(&s);
	secret_set(&s, SPAN_NONE);
	assert_true(s.p != NULL); /* an empty password is one */
	secret_wipe(&s);
}

static void on_event(void *arg, const struct trace_record *r)
{
	*(uint64_t *)arg = r->seq;
}

static void test_trace(void **state)
{
	struct trace_record rs[8];
	uint64_t heard = 0, from;
	int h = trace_listen(LV_DEBUG, on_event, &heard);

	(void)state;
	assert_true(h >= 0);
	trace_set_wall(77);
	trace(EV_SIP_BAD, "call-1", "%s", "first");
	from = heard;
	trace(EV_SIP_RX, NULL, "too detailed for the default");
	assert_int_equal(heard, from);
	trace_listen_level(h, LV_ERROR);
	trace(EV_SIP_BAD, NULL, "recorded, and this listener wants less");
	assert_int_equal(heard, from);
	from++;
	trace_unlisten(h);
	for (int i = 0; i < 2000; i++)
		trace(EV_SIP_BAD, NULL, "%d", i);
	assert_int_equal(heard + 1, from);
	assert_int_equal(trace_read(from + 1999, rs, ARRAY_LEN(rs)), 1);
	assert_string_equal(rs[0].text, "1999");
	assert_int_equal(rs[0].wall, 77);
	assert_int_equal(trace_read(from + 2000, rs, ARRAY_LEN(rs)), 0);
	assert_int_equal(trace_read(0, rs, ARRAY_LEN(rs)), 8); /* what was overwritten is left out */
	assert_int_equal(rs[7].seq, rs[0].seq + 7);
	assert_true(rs[0].seq > from);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nearest),    cmocka_unit_test(test_diag),   cmocka_unit_test(test_rng),
		cmocka_unit_test(test_rng_vector), cmocka_unit_test(test_spares), cmocka_unit_test(test_fifo),
		cmocka_unit_test(test_codecs),     cmocka_unit_test(test_arena),  cmocka_unit_test(test_secret),
		cmocka_unit_test(test_trace),
	};

	return cmocka_run_group_tests_name("base parts", tests, NULL, NULL);
}
