/* tests/unit/test_sip_client.c: client transactions, CANCEL, forks (RFC 3261 17.1, 9.1, 13.2.2; RFC 6026). */
#include "test_sip_fake.h"

#define BOB     "sip:bob@198.51.100.7:5062"
#define CONTACT "Contact: <sip:bob@198.51.100.7:5062>\n"

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

/* Nothing but `what` is sent, at these times after `from`; -1 ends the list. */
static void expect_at(const char *what, ms_t from, const int *at)
{
	for (; *at >= 0; at++) {
		fake_expect(f, what);
		if (fake_sent_at(f) - from != *at)
			fail_msg("%s after %d ms, not %d", what, (int)(fake_sent_at(f) - from), *at);
	}
	fake_silence(f);
}

static void test_invite_times(void **state)
{
	struct fake_call c = { 0 };
	ms_t t0 = f->clock.now;

	(void)state;
	fake_ask(f, &c, SIP_INVITE, BOB, NULL);
	fake_run(f, 40000);
	expect_at("INVITE", t0, (int[]){ 0, 500, 1500, 3500, 7500, 15500, 31500, -1 });
	assert_int_equal(c.finals, 1);
	assert_int_equal(c.code, 408);
	assert_true(c.ours);
	assert_true(list_empty(&f->sip->uacs));
}

static void test_bye_times(void **state)
{
	struct fake_call c = { 0 };
	ms_t t0 = f->clock.now;

	(void)state;
	fake_ask(f, &c, SIP_OPTIONS, BOB, NULL);
	fake_run(f, 40000);
	expect_at("OPTIONS", t0, (int[]){ 0, 500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500, -1 });
	assert_int_equal(c.code, 408);
}

static void test_options_proceeding(void **state)
{
	struct fake_call c = { 0 };
	ms_t t0 = f->clock.now;
	const struct sip_msg *m;

	(void)state;
	fake_ask(f, &c, SIP_OPTIONS, BOB, NULL);
	m = fake_expect(f, "OPTIONS");
	fake_run(f, 100);
	fake_reply(f, m, 100, "", "");
	assert_int_equal(c.provisional, 1);
	m = sip_msg_ref((struct sip_msg *)m);
	fake_run(f, 9000); /* E fires once more at T1, then every T2 */
	expect_at("OPTIONS", t0, (int[]){ 500, 4500, 8500, -1 });
	fake_reply(f, m, 200, "x", "");
	assert_int_equal(c.code, 200);
	fake_reply(f, m, 200, "x", ""); /* absorbed while K runs */
	assert_int_equal(c.finals, 1);
	assert_true(fake_ctxs(f) > 0);
	fake_run(f, 5001);
	assert_true(fake_ctxs(f) == 0);
	sip_msg_unref((struct sip_msg *)m);
}

static void test_1xx_stops_repeats(void **state)
{
	struct fake_call c = { 0 };

	(void)state;
	fake_ask(f, &c, SIP_INVITE, BOB, NULL);
	fake_reply(f, fake_expect(f, "INVITE"), 180, "x", "");
	fake_run(f, 3600000);
	fake_silence(f); /* no repeats, no Timer B */
	assert_int_equal(c.finals, 0);
	sip_uac_forget(c.uac);
	fake_expect(f, "CANCEL");
}

static void test_failure_is_acked(void **state)
{
	struct fake_call c = { 0 };
	const struct sip_msg *m;
	struct sip_msg *inv;
	struct sip_ask a = { .routes = (struct span[]){ SPAN("<sip:198.51.100.9;lr>") }, .n_routes = 1 };

	(void)state;
	fake_ask(f, &c, SIP_INVITE, BOB, &a);
	inv = sip_msg_ref((struct sip_msg *)fake_expect(f, "INVITE"));
	fake_to(inv, "198.51.100.9:5060");
	fake_reply(f, inv, 486, "busy", "");
	assert_int_equal(c.code, 486);
	m = fake_expect(f, "ACK");
	assert_true(span_eq(m->via.branch, inv->via.branch));
	assert_true(span_eq(m->ruri.text, inv->ruri.text));
	assert_true(span_is(m->to.tag, "busy"));
	assert_int_equal(m->cseq, inv->cseq);
	assert_true(span_eq(sip_hdr_value(m, SIP_HDR_ROUTE), sip_hdr_value(inv, SIP_HDR_ROUTE)));
	fake_to(m, "198.51.100.9:5060");
	fake_run(f, 1000);
	fake_reply(f, inv, 486, "busy", "");
	fake_expect(f, "ACK"); /* again, and nobody is told */
	fake_run(f, 32001);    /* Timer D */
	fake_reply(f, inv, 486, "busy", "");
	fake_silence(f);
	assert_int_equal(c.finals, 1);
	sip_msg_unref(inv);
}

static void test_2xx_again(void **state)
{
	struct fake_call c = { 0 };
	struct sip_msg *inv;

	(void)state;
	fake_ask(f, &c, SIP_INVITE, BOB, NULL);
	inv = sip_msg_ref((struct sip_msg *)fake_expect(f, "INVITE"));
	fake_reply(f, inv, 200, "b", CONTACT);
	fake_expect(f, "ACK");
	fake_run(f, 500);
	fake_reply(f, inv, 200, "b", CONTACT);
	fake_expect(f, "ACK");
	fake_silence(f);
	sip_dialog_free(&c.dialog);
	sip_msg_unref(inv);
}

static void answer_without_ack(struct fake_call *c, const struct sip_msg *m)
{
	if (m && c->code == 200)
		c->dialog = sip_dialog_uac(c->uac, m, &c->dc);
}

/* The user ACKs later (an INVITE without SDP): a repeated 2xx meanwhile must not end the call. */
static void test_late_ack(void **state)
{
	struct fake_call c = { .no_ack = true, .on_answer = answer_without_ack };
	struct sip_msg *inv;

	(void)state;
	fake_ask(f, &c, SIP_INVITE, BOB, NULL);
	inv = sip_msg_ref((struct sip_msg *)fake_expect(f, "INVITE"));
	fake_reply(f, inv, 200, "b", CONTACT);
	fake_run(f, 500);
	fake_reply(f, inv, 200, "b", CONTACT);
	fake_silence(f);
	sip_dialog_ack(c.dialog, inv->cseq, NULL, NULL);
	fake_expect(f, "ACK");
	fake_reply(f, inv, 200, "b", CONTACT);
	fake_expect(f, "ACK");
	fake_silence(f);
	sip_dialog_free(&c.dialog);
	sip_msg_unref(inv);
}

/* Each 2xx that nobody waits for costs us a BYE: a peer who invents forks cannot have any number of them. */
static void test_forks_without_end(void **state)
{
	struct fake_call c = { 0 };
	struct sip_msg *inv;
	char tag[16];
	size_t peak;

	(void)state;
	fake_conf(f, FAKE_UDP, "[general]\nmax_transactions=100\n");
	fake_ask(f, &c, SIP_INVITE, BOB, NULL);
	inv = sip_msg_ref((struct sip_msg *)fake_expect(f, "INVITE"));
	for (int i = 0; i < 500; i++) {
		snprintf(tag, sizeof tag, "t%d", i);
		fake_reply(f, inv, 200, tag, CONTACT);
	}
	fake_run(f, 0);
	peak = f->sip->ctxs.n;
	fake_run(f, 40000);
	assert_in_range(peak, 40, 100);
	assert_int_equal(f->sip->ctxs.n, 0);
	sip_dialog_free(&c.dialog);
	sip_msg_unref(inv);
	while (f->seen < f->n_sent) /* ACKs and BYEs */
		f->seen++;
}

static void test_two_forks(void **state)
{
	struct fake_call c = { 0 };
	const struct sip_msg *m;
	struct sip_msg *inv;

	(void)state;
	fake_ask(f, &c, SIP_INVITE, BOB, NULL);
	inv = sip_msg_ref((struct sip_msg *)fake_expect(f, "INVITE"));
	fake_reply(f, inv, 200, "one", CONTACT);
	m = fake_expect(f, "ACK");
	assert_true(span_is(m->to.tag, "one"));
	fake_reply(f, inv, 200, "two", "Contact: <sip:two@198.51.100.8>\n");
	fake_run(f, 0);
	m = fake_expect(f, "ACK");
	assert_true(span_is(m->to.tag, "two"));
	fake_to(m, "198.51.100.8:5060");
	m = fake_expect(f, "BYE");
	assert_true(span_is(m->to.tag, "two"));
	assert_int_equal(m->cseq, inv->cseq + 1);
	fake_reply(f, m, 200, "", "");
	fake_reply(f, inv, 200, "one", CONTACT);
	m = fake_expect(f, "ACK");
	assert_true(span_is(m->to.tag, "one"));
	fake_silence(f);
	sip_dialog_free(&c.dialog);
	sip_msg_unref(inv);
}

static void test_icmp(void **state)
{
	struct fake_call c = { 0 };
	struct flow flow = fake_udp_flow(f, PHONE);

	(void)state;
	fake_ask(f, &c, SIP_INVITE, BOB, NULL);
	fake_expect(f, "INVITE");
	f->sink.failed(f->sip, &flow, -ECONNREFUSED);
	assert_int_equal(c.finals, 0); /* from the loop */
	fake_run(f, 0);
	assert_int_equal(c.code, 503);
	assert_true(c.ours);
	fake_silence(f);
}

/* The table of peers grows with a rush, gives its memory back after it, and loses nobody on the way. */
static void test_icmp_after_a_rush(void **state)
{
	struct fake_call many[300] = { 0 }, c = { 0 };
	const struct sip_msg *asked[ARRAY_LEN(many)];
	struct flow flow = fake_udp_flow(f, PHONE);
	size_t least = SIZE_MAX;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(many); i++) {
		fake_ask(f, &many[i], SIP_OPTIONS, BOB, NULL);
		asked[i] = sip_msg_ref((struct sip_msg *)fake_expect(f, "OPTIONS"));
		least = MIN(least, f->sip->n_ctx_peers);
	}
	assert_true(f->sip->n_ctx_peers > least);
	fake_ask(f, &c, SIP_INVITE, BOB, NULL);
	fake_expect(f, "INVITE");
	for (size_t i = 0; i < ARRAY_LEN(many); i++) {
		fake_reply(f, asked[i], 200, "x", "");
		sip_msg_unref((struct sip_msg *)asked[i]);
	}
	assert_int_equal(f->sip->n_ctx_peers, least);
	f->sink.failed(f->sip, &flow, -ECONNREFUSED);
	fake_run(f, 0);
	assert_int_equal(c.code, 503);
}

static void test_icmp_after_answer(void **state)
{
	struct fake_call c = { 0 };
	struct flow flow = fake_udp_flow(f, PHONE);

	(void)state;
	fake_ask(f, &c, SIP_INVITE, BOB, NULL);
	fake_reply(f, fake_expect(f, "INVITE"), 180, "x", "");
	f->sink.failed(f->sip, &flow, -ECONNREFUSED);
	fake_run(f, 0);
	assert_int_equal(c.finals, 0); /* it rings: the next message decides */
	sip_uac_forget(c.uac);
	fake_expect(f, "CANCEL");
}

static void test_send_fails(void **state)
{
	struct fake_call c = { 0 };

	(void)state;
	f->send_err = -ENETUNREACH;
	fake_ask(f, &c, SIP_OPTIONS, BOB, NULL);
	assert_int_equal(c.code, 503);
	f->send_err = 0;
}

static void test_cancel(void **state)
{
	struct fake_call c = { 0 };
	const struct sip_msg *m;
	struct sip_msg *inv;

	(void)state;
	fake_ask(f, &c, SIP_INVITE, BOB, NULL);
	inv = sip_msg_ref((struct sip_msg *)fake_expect(f, "INVITE"));
	sip_uac_cancel(c.uac, SPAN("Q.850;cause=16"));
	fake_silence(f); /* not before a 1xx */
	fake_reply(f, inv, 180, "x", "");
	m = fake_expect(f, "CANCEL");
	assert_true(span_eq(m->via.text, inv->via.text));
	assert_true(span_eq(m->ruri.text, inv->ruri.text));
	assert_true(span_eq(m->from.text, inv->from.text));
	assert_true(span_eq(m->to.text, inv->to.text));
	assert_int_equal(m->cseq, inv->cseq);
	assert_true(span_is(sip_hdr_value(m, SIP_HDR_REASON), "Q.850;cause=16"));
	assert_int_equal(c.provisional, 0);
	fake_reply(f, inv, 183, "x", ""); /* only one CANCEL */
	fake_reply(f, m, 200, "", "");
	fake_silence(f);
	fake_reply(f, inv, 487, "x", "");
	fake_expect(f, "ACK");
	assert_int_equal(c.code, 487);
	assert_false(c.ours);
	sip_msg_unref(inv);
}

static void test_cancel_at_once(void **state)
{
	struct fake_call c = { 0 };
	struct sip_msg *inv;

	(void)state;
	fake_ask(f, &c, SIP_INVITE, BOB, NULL);
	inv = sip_msg_ref((struct sip_msg *)fake_expect(f, "INVITE"));
	fake_reply(f, inv, 180, "x", "");
	sip_uac_cancel(c.uac, SPAN_NONE);
	fake_expect(f, "CANCEL");
	sip_uac_cancel(c.uac, SPAN_NONE);
	fake_silence(f);
	fake_run(f, 31999);
	assert_int_equal(c.finals, 0);
	fake_run(f, 1); /* no 487 within 64*T1: given up */
	assert_int_equal(c.code, 487);
	assert_true(c.ours);
	sip_msg_unref(inv);
}

static void test_cancel_crosses_200(void **state)
{
	struct fake_call c = { 0 };
	const struct sip_msg *m;
	struct sip_msg *inv;

	(void)state;
	fake_ask(f, &c, SIP_INVITE, BOB, NULL);
	inv = sip_msg_ref((struct sip_msg *)fake_expect(f, "INVITE"));
	fake_reply(f, inv, 180, "x", "");
	sip_uac_cancel(c.uac, SPAN_NONE);
	fake_expect(f, "CANCEL");
	fake_reply(f, inv, 200, "x", CONTACT);
	fake_run(f, 0);
	fake_expect(f, "ACK");
	m = fake_expect(f, "BYE");
	assert_int_equal(m->cseq, inv->cseq + 1);
	assert_int_equal(c.code, 487);
	assert_true(c.ours);
	fake_reply(f, m, 200, "", "");
	sip_msg_unref(inv);
}

static void test_cancel_before_sent(void **state)
{
	struct fake_call c = { .f = f };
	struct sip_ask a = { .method = SIP_INVITE, .uri = SPAN(BOB), .answer = fake_answered, .arg = &c };

	(void)state;
	c.uac = sip_ask(f->sip, &a);
	sip_uac_cancel(c.uac, SPAN_NONE);
	assert_int_equal(c.finals, 0);
	fake_run(f, 0);
	assert_int_equal(c.code, 487);
	fake_silence(f);
}

static void test_cancel_unanswered(void **state)
{
	struct fake_call c = { 0 };

	(void)state;
	fake_ask(f, &c, SIP_INVITE, BOB, NULL);
	sip_uac_cancel(c.uac, SPAN_NONE);
	fake_run(f, 32000);
	assert_int_equal(c.code, 487); /* no 1xx ever: Timer B */
}

static void test_limit(void **state)
{
	struct fake_call c = { 0 };
	struct sip_ask a = { .timeout = 3000 };
	struct sip_msg *m;

	(void)state;
	fake_ask(f, &c, SIP_OPTIONS, BOB, &a);
	m = sip_msg_ref((struct sip_msg *)fake_expect(f, "OPTIONS"));
	fake_run(f, 3000);
	assert_int_equal(c.code, 408);
	assert_true(fake_ctxs(f) == 0); /* nothing is repeated for nobody */
	fake_reply(f, m, 200, "", "");
	sip_msg_unref(m);

	c = (struct fake_call){ 0 };
	fake_ask(f, &c, SIP_INVITE, BOB, &a);
	while (f->seen < f->n_sent)
		m = (struct sip_msg *)fake_next(f);
	fake_reply(f, m, 180, "x", "");
	fake_run(f, 3000);
	assert_int_equal(c.code, 408);
	fake_expect(f, "CANCEL");
}

static void test_stray(void **state)
{
	struct fake_call c = { 0 };
	struct sip_msg *m;

	(void)state;
	fake_ask(f, &c, SIP_OPTIONS, BOB, NULL);
	m = sip_msg_ref((struct sip_msg *)fake_expect(f, "OPTIONS"));
	fake_rx(f, PHONE,
		"SIP/2.0 200 OK\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKnobody\nFrom: <sip:a@b>;tag=1\n"
		"To: <sip:a@b>;tag=2\nCall-ID: c\nCSeq: 1 OPTIONS\n\n");
	assert_int_equal(c.finals, 0);
	fake_rx(f, PHONE,
		"SIP/2.0 200 OK\nVia: %.*s\nVia: SIP/2.0/UDP 203.0.113.5\nFrom: <sip:a@b>;tag=1\n"
		"To: <sip:a@b>;tag=2\nCall-ID: c\nCSeq: 1 OPTIONS\n\n",
		SP(m->via.text));
	assert_int_equal(c.finals, 0); /* a response with two Vias is not ours (8.1.3.3) */
	fake_rx(f, PHONE,
		"SIP/2.0 200 OK\nVia: %.*s\nFrom: <sip:a@b>;tag=1\nTo: <sip:a@b>;tag=2\nCall-ID: c\n"
		"CSeq: 1 INVITE\n\n",
		SP(m->via.text));
	assert_int_equal(c.finals, 0); /* another method */
	fake_reply(f, m, 200, "", "");
	assert_int_equal(c.finals, 1);
	sip_msg_unref(m);
}

/* A re-INVITE that is cancelled too late changes the call; it does not end it. */
static void test_cancelled_reinvite(void **state)
{
	struct fake_call c = { 0 }, re = { .f = f, .no_ack = true };
	struct sip_ask a = { .method = SIP_INVITE, .build = fake_call_build, .answer = fake_answered, .arg = &re };
	struct sip_msg *inv;

	(void)state;
	fake_ask(f, &c, SIP_INVITE, BOB, NULL);
	fake_reply(f, fake_expect(f, "INVITE"), 200, "b", CONTACT);
	fake_expect(f, "ACK");
	re.uac = sip_dialog_ask(c.dialog, &a);
	fake_run(f, 0);
	inv = sip_msg_ref((struct sip_msg *)fake_expect(f, "INVITE"));
	fake_reply(f, inv, 100, "", "");
	sip_uac_forget(re.uac);
	fake_expect(f, "CANCEL");
	fake_reply(f, inv, 200, "", CONTACT);
	fake_expect(f, "ACK");
	fake_reply(f, inv, 200, "", CONTACT);
	fake_expect(f, "ACK");
	fake_run(f, 1000);
	while (f->seen < f->n_sent) /* the CANCEL is repeated; no BYE */
		fake_expect(f, "CANCEL");
	sip_dialog_free(&c.dialog);
	sip_msg_unref(inv);
}

#define T(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_invite_times),
		T(test_bye_times),
		T(test_options_proceeding),
		T(test_1xx_stops_repeats),
		T(test_failure_is_acked),
		T(test_2xx_again),
		T(test_late_ack),
		T(test_forks_without_end),
		T(test_two_forks),
		T(test_icmp),
		T(test_icmp_after_a_rush),
		T(test_icmp_after_answer),
		T(test_send_fails),
		T(test_cancel),
		T(test_cancel_at_once),
		T(test_cancel_crosses_200),
		T(test_cancel_before_sent),
		T(test_cancel_unanswered),
		T(test_limit),
		T(test_stray),
		T(test_cancelled_reinvite),
	};

	return cmocka_run_group_tests_name("sip client", tests, NULL, NULL);
}
