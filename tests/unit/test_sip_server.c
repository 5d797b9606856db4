/*
 * tests/unit/test_sip_server.c: server transactions, CANCEL for us, where answers go, what is refused before the user
 * hears of it (RFC 3261 8.2, 9.2, 17.2, 18.2; RFC 3581; RFC 6026).
 */
#include "test_sip_fake.h"

static struct fake *f;

static int start(void **state)
{
	(void)state;
	f = fake_new(FAKE_UDP, NULL);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	fake_free(f);
	return 0;
}

/* A request with this branch, Via host (with parameters) and To tag ("" for none). */
static void request(const char *method, const char *branch, const char *host, const char *more)
{
	fake_rx(f, PHONE,
		"%s sip:100@192.0.2.1 SIP/2.0\nVia: SIP/2.0/UDP %s;branch=%s\nFrom: <sip:a@b>;tag=from\n"
		"To: <sip:100@192.0.2.1>\nCall-ID: call-1\nCSeq: 7 %s\nMax-Forwards: 70\n%sContent-Length: 0\n\n",
		method, host, branch, method, more);
}

static void invite(const char *branch)
{
	request("INVITE", branch, "10.0.0.7:5062", "Contact: <sip:a@10.0.0.7:5062>\n");
}

static void ack(const char *branch, const char *tag)
{
	fake_rx(f, PHONE,
		"ACK sip:100@192.0.2.1 SIP/2.0\nVia: SIP/2.0/UDP 10.0.0.7:5062;branch=%s\nFrom: <sip:a@b>;tag=from\n"
		"To: <sip:100@192.0.2.1>;tag=%s\nCall-ID: call-1\nCSeq: 7 ACK\nContent-Length: 0\n\n",
		branch, tag);
}

static void test_invite_failure(void **state)
{
	char tag[SIP_TAG + 1];
	ms_t t0;

	(void)state;
	invite("z9hG4bKa");
	assert_int_equal(f->requests, 1);
	span_copy(sip_uas_tag(f->uas), tag, sizeof tag);
	invite("z9hG4bKa"); /* nothing to repeat yet */
	fake_silence(f);
	sip_reply(f->uas, 180, NULL, NULL, NULL);
	fake_expect(f, "180");
	invite("z9hG4bKa");
	fake_expect(f, "180");
	t0 = f->clock.now;
	sip_reply(f->uas, 486, NULL, NULL, NULL);
	fake_expect(f, "486");
	assert_true(span_is(f->last->to.tag, tag));
	fake_run(f, 20000); /* G: T1, doubling up to T2 */
	for (const int *at = (int[]){ 500, 1500, 3500, 7500, 11500, 15500, 19500, -1 }; *at >= 0; at++) {
		fake_expect(f, "486");
		assert_int_equal(fake_sent_at(f) - t0, *at);
	}
	fake_silence(f);
	ack("z9hG4bKa", tag);
	fake_run(f, 4999);
	fake_silence(f);
	invite("z9hG4bKa"); /* absorbed while I runs */
	fake_silence(f);
	assert_int_equal(f->requests, 1);
	assert_true(fake_uass(f) > 0);
	fake_run(f, 1);
	assert_true(fake_uass(f) == 0);
}

static void test_no_ack_to_failure(void **state)
{
	(void)state;
	invite("z9hG4bKa");
	sip_reply(f->uas, 404, NULL, NULL, NULL);
	fake_run(f, 31999);
	assert_true(fake_uass(f) > 0);
	fake_run(f, 1); /* H */
	assert_true(fake_uass(f) == 0);
}

static void test_invite_2xx(void **state)
{
	struct sip_dialog_conf c = { .rewrite_contact = true };
	struct sip_dialog *d;

	(void)state;
	invite("z9hG4bKa");
	d = sip_dialog_uas(f->uas, &c);
	sip_reply(f->uas, 200, NULL, NULL, NULL);
	fake_expect(f, "200");
	invite("z9hG4bKa"); /* RFC 6026: absorbed; the dialog repeats the 2xx */
	fake_silence(f);
	assert_int_equal(f->requests, 1);
	fake_run(f, 500);
	fake_expect(f, "200");
	fake_silence(f);
	sip_dialog_free(&d);
	fake_run(f, 31499);
	fake_silence(f);
	assert_true(fake_uass(f) > 0);
	fake_run(f, 1); /* L */
	assert_true(fake_uass(f) == 0);
}

/* RFC 3261 9.2: a CANCEL that comes too late is answered, with the tag that the INVITE's 2xx had. */
static void test_cancel_after_2xx(void **state)
{
	struct sip_dialog_conf c = { .rewrite_contact = true };
	struct sip_dialog *d;
	char tag[32];

	(void)state;
	invite("z9hG4bKa");
	span_copy(sip_uas_tag(f->uas), tag, sizeof tag);
	d = sip_dialog_uas(f->uas, &c);
	sip_reply(f->uas, 200, NULL, NULL, NULL);
	fake_expect(f, "200");
	request("CANCEL", "z9hG4bKa", "10.0.0.7:5062", "");
	fake_expect(f, "200");
	assert_int_equal(f->last->method, SIP_CANCEL);
	assert_true(span_is(f->last->to.tag, tag));
	fake_silence(f);
	sip_dialog_free(&d);
}

static void test_non_invite(void **state)
{
	(void)state;
	request("OPTIONS", "z9hG4bKo", "10.0.0.7", "");
	request("OPTIONS", "z9hG4bKo", "10.0.0.7", "");
	assert_int_equal(f->requests, 1);
	fake_silence(f);
	sip_reply(f->uas, 200, NULL, NULL, NULL);
	sip_reply(f->uas, 500, NULL, NULL, NULL); /* it is answered already */
	fake_expect(f, "200");
	request("OPTIONS", "z9hG4bKo", "10.0.0.7", "");
	fake_expect(f, "200");
	fake_silence(f);
	request("OPTIONS", "z9hG4bKo", "10.0.0.8", ""); /* another sent-by: another transaction */
	assert_int_equal(f->requests, 2);
	sip_reply(f->uas, 200, NULL, NULL, NULL);
	fake_run(f, 31999);
	assert_true(fake_uass(f) > 0);
	fake_run(f, 1); /* J */
	assert_true(fake_uass(f) == 0);
	request("OPTIONS", "z9hG4bKo", "10.0.0.7", "");
	assert_int_equal(f->requests, 3);
	sip_reply(f->uas, 200, NULL, NULL, NULL);
}

static unsigned cancels;

static void on_cancel(void *arg, struct sip_uas *uas)
{
	assert_ptr_equal(arg, f);
	cancels++;
	sip_reply(uas, 487, NULL, NULL, NULL);
}

static void test_cancel(void **state)
{
	char tag[SIP_TAG + 1];

	(void)state;
	cancels = 0;
	invite("z9hG4bKa");
	sip_uas_on_cancel(f->uas, on_cancel, f);
	sip_reply(f->uas, 180, NULL, NULL, NULL);
	fake_expect(f, "180");
	span_copy(sip_uas_tag(f->uas), tag, sizeof tag);
	request("CANCEL", "z9hG4bKa", "10.0.0.7:5062", "");
	fake_expect(f, "200");
	assert_int_equal(f->last->method, SIP_CANCEL);
	assert_true(span_is(f->last->to.tag, tag));
	fake_expect(f, "487");
	assert_int_equal(f->last->method, SIP_INVITE);
	request("CANCEL", "z9hG4bKa", "10.0.0.7:5062", ""); /* again */
	fake_expect(f, "200");
	fake_silence(f);
	assert_int_equal(cancels, 1);
	ack("z9hG4bKa", tag);
	request("CANCEL", "z9hG4bKnone", "10.0.0.7:5062", "");
	fake_expect(f, "481");
}

static void test_cancel_without_user(void **state)
{
	(void)state;
	invite("z9hG4bKa");
	request("CANCEL", "z9hG4bKa", "10.0.0.7:5062", "");
	fake_expect(f, "200");
	fake_expect(f, "487");
	invite("z9hG4bKb");
	sip_reply(f->uas, 486, NULL, NULL, NULL);
	fake_expect(f, "486");
	sip_uas_on_cancel(f->uas, on_cancel, f);
	cancels = 0;
	request("CANCEL", "z9hG4bKb", "10.0.0.7:5062", ""); /* too late: 200, and nothing else (9.2) */
	fake_expect(f, "200");
	fake_silence(f);
	assert_int_equal(cancels, 0);
}

/* RFC 2543 peers: no cookie; what identifies the request is spread over its headers. */
static void test_old_branch(void **state)
{
	char tag[SIP_TAG + 1];

	(void)state;
	invite("1");
	sip_reply(f->uas, 486, NULL, NULL, NULL);
	fake_expect(f, "486");
	span_copy(sip_uas_tag(f->uas), tag, sizeof tag);
	invite("1");
	fake_expect(f, "486");
	ack("1", tag);
	fake_run(f, 4000);
	fake_silence(f);
	assert_int_equal(f->requests, 1);
	fake_rx(f, PHONE,
		"INVITE sip:100@192.0.2.1 SIP/2.0\nVia: SIP/2.0/UDP 10.0.0.7:5062;branch=1\nFrom: <sip:a@b>;tag=from\n"
		"To: <sip:100@192.0.2.1>\nCall-ID: call-2\nCSeq: 7 INVITE\nContent-Length: 0\n\n");
	assert_int_equal(f->requests, 2);
	sip_reply(f->uas, 486, NULL, NULL, NULL);
}

static const struct {
	const char *says, *via; /* what stands after SIP/2.0/UDP */
	bool force_rport;
	const char *to, *want; /* where the answer goes; its Via */
} vias[] = {
	{ "forced: back to the source", "10.0.0.7:5060;branch=z9hG4bK%d", true, PHONE,
	  ";rport=5062;received=198.51.100.7" },
	{ "asked for", "10.0.0.7:5060;rport;branch=z9hG4bK%d", false, PHONE, ";rport=5062;received=198.51.100.7" },
	{ "neither: received address, sent-by port", "10.0.0.7:5080;branch=z9hG4bK%d", false, "198.51.100.7:5080",
	  ";received=198.51.100.7" },
	{ "sent-by without a port is 5060", "10.0.0.7;branch=z9hG4bK%d", false, "198.51.100.7:5060",
	  ";received=198.51.100.7" },
	{ "sent-by is the source's address", "198.51.100.7:5080;branch=z9hG4bK%d", false, "198.51.100.7:5080", NULL },
	{ "what the sender says of received and rport is not believed",
	  "10.0.0.7;received=203.0.113.9;rport=9;branch=z9hG4bK%d;x=\"a;b\"", true, PHONE,
	  ";x=\"a;b\";rport=5062;received=198.51.100.7" },
	{ "both without a value", "10.0.0.7;received;branch=z9hG4bK%d ; rport ;x", false, PHONE,
	  ";x;rport=5062;received=198.51.100.7" },
	{ "received without a value", "10.0.0.7:5080;received;branch=z9hG4bK%d;x", false, "198.51.100.7:5080",
	  ";x;received=198.51.100.7" },
	{ "maddr", "10.0.0.7:5070;maddr=203.0.113.4;branch=z9hG4bK%d", false, "203.0.113.4:5070", NULL },
	{ "maddr, forced", "10.0.0.7:5070;maddr=203.0.113.4;branch=z9hG4bK%d", true, PHONE, NULL },
};

static void test_via(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(vias); i++) {
		char via[128];
		const struct sip_msg *m;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(via, sizeof via, vias[i].via, (int)i);
#pragma GCC diagnostic pop
		fake_rx(f, PHONE,
			"OPTIONS sip:192.0.2.1 SIP/2.0\nVia: SIP/2.0/UDP %s\nVia: SIP/2.0/TLS behind;branch=z9hG4bKx\n"
			"From: <sip:a@b>;tag=1\nTo: <sip:a@b>\nCall-ID: c\nCSeq: 1 OPTIONS\n\n",
			via);
		sip_uas_force_rport(f->uas, vias[i].force_rport);
		sip_reply(f->uas, 200, NULL, NULL, NULL);
		m = fake_expect(f, "200");
		fake_to(m, vias[i].to);
		assert_int_equal(m->n_vias, 2);
		if (vias[i].want && !span_has(m->via.text, vias[i].want))
			fail_msg("%s: %.*s", vias[i].says, SP(m->via.text));
		if (!vias[i].want && (span_has(m->via.text, "received=198.51.100.7;") || span_has(m->via.text, "=9")))
			fail_msg("%s: %.*s", vias[i].says, SP(m->via.text));
		assert_false(span_has(m->via.text, "203.0.113.9"));
	}
}

static void test_require(void **state)
{
	(void)state;
	request("INVITE", "z9hG4bKr", "10.0.0.7", "Require: path, one-thing\nRequire: other\n");
	fake_expect(f, "420");
	assert_true(span_is(sip_hdr_value(f->last, SIP_HDR_UNSUPPORTED), "one-thing, other"));
	assert_int_equal(f->requests, 0);
	request("INVITE", "z9hG4bKs", "10.0.0.7", "Require: path\n");
	assert_int_equal(f->requests, 1);
	request("CANCEL", "z9hG4bKs", "10.0.0.7", "Require: path\n");
	fake_expect(f, "200");
	fake_expect(f, "487");
}

static void test_unknown_dialog(void **state)
{
	(void)state;
	fake_rx(f, PHONE,
		"BYE sip:100@192.0.2.1 SIP/2.0\nVia: SIP/2.0/UDP 10.0.0.7;branch=z9hG4bKb\nFrom: <sip:a@b>;tag=1\n"
		"To: <sip:a@b>;tag=nobody\nCall-ID: c\nCSeq: 1 BYE\n\n");
	fake_expect(f, "481");
	assert_true(span_is(f->last->to.tag, "nobody"));
	ack("z9hG4bKzz", "nobody"); /* a stray ACK: no answer */
	fake_silence(f);
	assert_int_equal(f->requests, 0);
	assert_true(fake_uass(f) == 0);
}

static void test_too_many(void **state)
{
	uint64_t shed = count_get(CNT_sip_shed);

	(void)state;
	fake_conf(f, FAKE_UDP, "[general]\nmax_transactions=100\n");
	for (int i = 0; i < 100; i++) {
		char branch[32];

		snprintf(branch, sizeof branch, "z9hG4bKm%d", i);
		invite(branch);
		if (i % 2)
			continue;
		sip_reply(f->uas, 200, NULL, NULL, NULL); /* what is left of it counts, too */
		fake_expect(f, "200");
	}
	assert_int_equal(f->requests, 100);
	sip_uas_on_cancel(f->uas, on_cancel, f);
	invite("z9hG4bKmore");
	fake_expect(f, "503");
	assert_true(span_is(sip_hdr_value(f->last, SIP_HDR_RETRY_AFTER), "5"));
	assert_int_equal(count_get(CNT_sip_shed), shed + 1);
	assert_int_equal(f->requests, 100);
	request("CANCEL", "z9hG4bKm99", "10.0.0.7:5062", ""); /* what takes load away is always heard */
	fake_expect(f, "200");
	fake_expect(f, "487");
}

static void put_long(void *arg, struct sip_build *b)
{
	char *text = xmalloc(3001);

	memset(text, 'x', 3000);
	text[3000] = '\0';
	for (int i = 0; i < *(int *)arg; i++)
		sip_put(b, "X-Long", "%s", text);
	free(text);
}

/* What is kept to be repeated goes in the order in which it came, whatever its size, each after its own 32 s. */
static void test_what_is_left(void **state)
{
	int lines[] = { 0, 1, 6, 0, 2, 0, 5, 1 };
	char branch[64];
	size_t sent[200];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sent); i++) {
		snprintf(branch, sizeof branch, "z9hG4bK%zu", i);
		request("OPTIONS", branch, "10.0.0.7", "");
		sip_reply(f->uas, 200, NULL, put_long, &lines[i % ARRAY_LEN(lines)]);
		sent[i] = fake_expect(f, "200")->bytes.n;
		fake_run(f, 100);
	}
	assert_int_equal(fake_uass(f), ARRAY_LEN(sent));
	fake_run(f, 12000 - 50);
	for (size_t gone = 0; gone < ARRAY_LEN(sent); gone++, fake_run(f, 100)) {
		assert_int_equal(fake_uass(f), ARRAY_LEN(sent) - gone);
		snprintf(branch, sizeof branch, "z9hG4bK%zu", gone);
		request("OPTIONS", branch, "10.0.0.7", "");
		assert_int_equal(fake_expect(f, "200")->bytes.n, sent[gone]);
	}
	assert_int_equal(f->requests, ARRAY_LEN(sent));
	assert_int_equal(fake_uass(f), 0);
	assert_null(f->sip->spent.queues[SPENT_64_T1].entries.first);
	request("OPTIONS", branch, "10.0.0.7", "");
	assert_int_equal(f->requests, ARRAY_LEN(sent) + 1);
	sip_reply(f->uas, 200, NULL, NULL, NULL);
}

static void test_answer_too_long(void **state)
{
	int times = 1;

	(void)state;
	request("OPTIONS", "z9hG4bK1", "10.0.0.7", "");
	sip_reply(f->uas, 200, NULL, put_long, &times);
	fake_expect(f, "200");
	assert_int_equal(sip_hdr_named(f->last, SPAN("X-Long"), 0).n, 3000);
	times = 30;
	request("OPTIONS", "z9hG4bK2", "10.0.0.7", "");
	sip_reply(f->uas, 200, NULL, put_long, &times);
	fake_expect(f, "513");
}

/* What must be copied into the answer alone is too long for one: none is sent, and the transaction ends by itself. */
static void test_no_answer_fits(void **state)
{
	struct flow flow = fake_udp_flow(f, PHONE);
	struct out o = out_growing();

	(void)state;
	out_str(&o, "OPTIONS sip:1 SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKl\r\nv:");
	for (int i = 0; i < 6300; i++)
		out_fmt(&o, "%sSIP/2/U h", i ? "," : "");
	out_str(&o, "\r\nf:<sip:a@b>;tag=1\r\nt:<sip:a@b>\r\ni:c\r\nCSeq:1 OPTIONS\r\n\r\n");
	assert_in_range(o.n, 60000, SIP_MAX_MESSAGE);
	fake_bytes(f, &flow, out_look(&o));
	assert_int_equal(f->requests, 1);
	sip_reply(f->uas, 200, NULL, NULL, NULL);
	fake_silence(f);
	fake_bytes(f, &flow, out_look(&o));
	fake_silence(f);
	fake_run(f, 32000);
	assert_true(fake_uass(f) == 0);
	out_free(&o);
}

static void put_evil(void *arg, struct sip_build *b)
{
	sip_put(b, "X-Note", "%s", (const char *)arg);
}

static void test_no_injection(void **state)
{
	char evil[] = "a\r\nX-Evil: yes\r\n\r\nbody";

	(void)state;
	request("OPTIONS", "z9hG4bK1", "10.0.0.7", "");
	sip_reply(f->uas, 200, NULL, put_evil, evil);
	fake_expect(f, "200");
	assert_null(sip_hdr_named(f->last, SPAN("X-Evil"), 0).p);
	assert_int_equal(f->last->body.n, 0);
}

static void test_keep_alive(void **state)
{
	struct flow flow = fake_udp_flow(f, PHONE);
	uint64_t bad = count_get(CNT_sip_bad);

	(void)state;
	fake_bytes(f, &flow, SPAN(""));
	fake_bytes(f, &flow, SPAN("\r\n"));
	fake_bytes(f, &flow, SPAN("\r\n\r\n"));
	fake_bytes(f, &flow, SPAN("\0\0\0\0"));
	fake_bytes(f, &flow, SPAN("\x00\x01\x00\x00\x21\x12\xa4\x42"));
	fake_silence(f);
	assert_int_equal(count_get(CNT_sip_bad), bad);
	fake_bytes(f, &flow, SPAN("hello"));
	assert_int_equal(count_get(CNT_sip_bad), bad + 1);
	fake_silence(f);
}

#define T(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_invite_failure), T(test_no_ack_to_failure),
		T(test_invite_2xx),     T(test_non_invite),
		T(test_what_is_left),   T(test_cancel_after_2xx),
		T(test_cancel),         T(test_cancel_without_user),
		T(test_old_branch),     T(test_via),
		T(test_require),        T(test_unknown_dialog),
		T(test_too_many),       T(test_answer_too_long),
		T(test_no_answer_fits), T(test_no_injection),
		T(test_keep_alive),
	};

	return cmocka_run_group_tests_name("sip server", tests, NULL, NULL);
}
