/*
 * tests/unit/test_sip_dialog.c: dialogs (RFC 3261 12, 13.3.1.4): route sets, targets, rewrite_contact, CSeq, the 2xx
 * until its ACK.
 */
#include "test_sip_fake.h"

static struct fake *f;
static struct sip_dialog *d;
static unsigned asked, acked, unacked;
static bool free_inside;
static unsigned answer_code;

static int start(void **state)
{
	(void)state;
	f = fake_new(FAKE_UDP, NULL);
	asked = acked = unacked = 0;
	free_inside = false;
	answer_code = 200;
	d = NULL;
	return 0;
}

static int stop(void **state)
{
	(void)state;
	sip_dialog_free(&d);
	fake_free(f);
	return 0;
}

static void on_request(void *arg, struct sip_uas *uas, const struct sip_msg *m)
{
	assert_ptr_equal(arg, f);
	assert_int_not_equal(m->method, SIP_ACK);
	asked++;
	f->uas = uas;
	if (answer_code)
		sip_reply(uas, answer_code, NULL, NULL, NULL);
	if (free_inside)
		sip_dialog_free(&d);
}

static void on_ack(void *arg, const struct sip_msg *m)
{
	assert_ptr_equal(arg, f);
	assert_int_equal(m->method, SIP_ACK);
	acked++;
	if (free_inside)
		sip_dialog_free(&d);
}

static void on_no_ack(void *arg)
{
	assert_ptr_equal(arg, f);
	unacked++;
	if (free_inside)
		sip_dialog_free(&d);
}

static struct sip_dialog_conf conf_of(bool rewrite)
{
	return (struct sip_dialog_conf){ .rewrite_contact = rewrite,
					 .force_rport = true,
					 .arg = f,
					 .request = on_request,
					 .ack = on_ack,
					 .no_ack = on_no_ack };
}

static char our_tag[SIP_TAG + 1];

/* An INVITE comes and is answered with 200; d is its dialog. */
static void be_called(const char *headers, bool rewrite)
{
	struct sip_dialog_conf c = conf_of(rewrite);

	fake_rx(f, PHONE,
		"INVITE sip:100@192.0.2.1 SIP/2.0\nVia: SIP/2.0/UDP 10.0.0.7:5062;branch=z9hG4bKinv\n"
		"From: \"A\" <sip:a@b>;tag=from\nTo: <sip:100@192.0.2.1>\nCall-ID: call-1\nCSeq: 7 INVITE\n%s"
		"Content-Length: 0\n\n",
		headers);
	span_copy(sip_uas_tag(f->uas), our_tag, sizeof our_tag);
	d = sip_dialog_uas(f->uas, &c);
	sip_reply(f->uas, 200, NULL, NULL, NULL);
	fake_expect(f, "200");
}

static void within(const char *method, unsigned cseq, const char *more)
{
	fake_rx(f, PHONE,
		"%s sip:100@192.0.2.1 SIP/2.0\nVia: SIP/2.0/UDP 10.0.0.7:5062;branch=z9hG4bK%s%u\n"
		"From: \"A\" <sip:a@b>;tag=from\nTo: <sip:100@192.0.2.1>;tag=%s\nCall-ID: call-1\nCSeq: %u %s\n%s"
		"Content-Length: 0\n\n",
		method, method, cseq, our_tag, cseq, method, more);
}

/* The request that a dialog makes now: an OPTIONS, sent. */
static const struct sip_msg *ask(void)
{
	struct sip_ask a = { .method = SIP_OPTIONS };

	sip_dialog_ask(d, &a);
	fake_run(f, 0);
	return fake_expect(f, "OPTIONS");
}

static void expect_routes(const struct sip_msg *m, const char *const *want)
{
	struct sip_walk w = { 0 };
	struct span v;

	for (; *want; want++) {
		if (!sip_walk(m, SIP_HDR_ROUTE, &w, &v))
			fail_msg("no Route %s", *want);
		if (!span_is(v, *want))
			fail_msg("Route %.*s, not %s", SP(v), *want);
	}
	assert_false(sip_walk(m, SIP_HDR_ROUTE, &w, &v));
}

static void test_uas_routes(void **state)
{
	const struct sip_msg *m;

	(void)state;
	be_called("Record-Route: <sip:198.51.100.1;lr>, <sip:198.51.100.2;lr>\nRecord-Route: <sip:198.51.100.3;lr>\n"
		  "Contact: <sip:a@203.0.113.9:5070>\n",
		  false);
	assert_true(span_is(sip_hdr_named(f->last, SPAN("Record-Route"), 2), "<sip:198.51.100.3;lr>"));
	within("ACK", 7, "");
	assert_int_equal(acked, 1);
	m = ask();
	assert_true(span_is(m->ruri.text, "sip:a@203.0.113.9:5070"));
	expect_routes(
		m, (const char *[]){ "<sip:198.51.100.1;lr>", "<sip:198.51.100.2;lr>", "<sip:198.51.100.3;lr>", NULL });
	fake_to(m, "198.51.100.1:5060");
	assert_true(span_is(m->from.tag, our_tag));
	assert_true(span_is(m->to.text, "\"A\" <sip:a@b>;tag=from"));
	fake_reply(f, m, 200, "", "");
}

static void test_uac_routes(void **state)
{
	struct fake_call c = { .dc = conf_of(false) };
	const struct sip_msg *m;

	(void)state;
	fake_ask(f, &c, SIP_INVITE, "sip:bob@198.51.100.7:5062", NULL);
	fake_reply(f, fake_expect(f, "INVITE"), 200, "b",
		   "Record-Route: <sip:198.51.100.1;lr>, <sip:198.51.100.2;lr>\nContact: <sip:b@203.0.113.9>\n");
	d = c.dialog;
	m = fake_expect(f, "ACK");
	assert_true(span_is(m->ruri.text, "sip:b@203.0.113.9"));
	expect_routes(m, (const char *[]){ "<sip:198.51.100.2;lr>", "<sip:198.51.100.1;lr>", NULL });
	fake_to(m, "198.51.100.2:5060");
	m = ask();
	expect_routes(m, (const char *[]){ "<sip:198.51.100.2;lr>", "<sip:198.51.100.1;lr>", NULL });
	fake_reply(f, m, 200, "", "");
}

static void test_strict_router(void **state)
{
	const struct sip_msg *m;

	(void)state;
	be_called("Record-Route: <sip:198.51.100.1>, <sip:198.51.100.2;lr>\nContact: <sip:a@203.0.113.9:5070>\n",
		  false);
	within("ACK", 7, "");
	m = ask();
	assert_true(span_is(m->ruri.text, "sip:198.51.100.1"));
	expect_routes(m, (const char *[]){ "<sip:198.51.100.2;lr>", "<sip:a@203.0.113.9:5070>", NULL });
	fake_to(m, "198.51.100.1:5060");
	fake_reply(f, m, 200, "", "");
}

static void test_rewrite_contact(void **state)
{
	const struct sip_msg *m;

	(void)state;
	be_called("Contact: <sip:a@10.0.0.7:5062;transport=udp;line=1>\n", true);
	within("ACK", 7, "");
	m = ask();
	assert_true(span_is(m->ruri.text, "sip:a@198.51.100.7:5062;line=1"));
	fake_to(m, PHONE);
	fake_reply(f, m, 200, "", "");
	within("INVITE", 8, "Contact: <sip:a@10.0.0.7:9999>\n"); /* the target follows, by the source again */
	fake_expect(f, "200");
	within("ACK", 8, "");
	assert_true(span_is(sip_dialog_target(d), "sip:a@198.51.100.7:5062"));
}

static void test_rewrite_route(void **state)
{
	const struct sip_msg *m;

	(void)state;
	be_called("Record-Route: <sip:10.0.0.1;lr>, <sip:203.0.113.2;lr>\nContact: <sip:a@10.0.0.7>\n", true);
	within("ACK", 7, "");
	m = ask();
	assert_true(span_is(m->ruri.text, "sip:a@10.0.0.7"));
	expect_routes(m, (const char *[]){ "<sip:198.51.100.7:5062;lr>", "<sip:203.0.113.2;lr>", NULL });
	fake_to(m, PHONE);
	fake_reply(f, m, 200, "", "");
}

static void test_rewrite_last_route(void **state)
{
	struct fake_call c = { .dc = conf_of(true) };
	const struct sip_msg *m;

	(void)state;
	fake_ask(f, &c, SIP_INVITE, "sip:bob@198.51.100.7:5062", NULL);
	fake_reply(f, fake_expect(f, "INVITE"), 200, "b",
		   "Record-Route: <sip:203.0.113.1;lr>, <sip:10.0.0.2;lr>\nContact: <sip:b@10.0.0.9>\n");
	d = c.dialog;
	m = fake_expect(f, "ACK");
	expect_routes(m, (const char *[]){ "<sip:198.51.100.7:5062;lr>", "<sip:203.0.113.1;lr>", NULL });
	fake_to(m, PHONE);
}

static void test_target_refresh(void **state)
{
	(void)state;
	be_called("Contact: <sip:a@203.0.113.9:5070>\n", false);
	within("ACK", 7, "");
	within("UPDATE", 8, "Contact: <sip:new@203.0.113.10>\n");
	fake_expect(f, "200");
	assert_true(span_is(sip_dialog_target(d), "sip:new@203.0.113.10"));
	within("INFO", 9, "Contact: <sip:other@203.0.113.11>\n"); /* no target refresh request */
	fake_expect(f, "200");
	assert_true(span_is(sip_dialog_target(d), "sip:new@203.0.113.10"));
	within("INVITE", 10, "Record-Route: <sip:198.51.100.99;lr>\nContact: <sip:a@203.0.113.12>\n");
	fake_expect(f, "200");
	within("ACK", 10, "");
	expect_routes(ask(), (const char *[]){ NULL }); /* the route set stays as it began */
	fake_to(f->last, "203.0.113.12:5060");
	fake_reply(f, f->last, 200, "", "");
}

static void early(struct fake_call *c, const struct sip_msg *m)
{
	if (c->code == 180)
		d = sip_dialog_uac(c->uac, m, &c->dc);
	else if (c->code == 200 && sip_dialog_is(d, m))
		sip_dialog_refresh(d, m);
}

static void test_route_set_of_the_2xx(void **state)
{
	struct fake_call c = { .dc = conf_of(false), .no_ack = true, .on_answer = early };
	struct sip_msg *inv;

	(void)state;
	fake_ask(f, &c, SIP_INVITE, "sip:bob@198.51.100.7:5062", NULL);
	inv = sip_msg_ref((struct sip_msg *)fake_expect(f, "INVITE"));
	fake_reply(f, inv, 180, "b", "Record-Route: <sip:198.51.100.1;lr>\n");
	assert_true(span_is(sip_dialog_target(d), "sip:bob@198.51.100.7:5062")); /* no Contact yet */
	fake_reply(f, inv, 200, "b", "Record-Route: <sip:198.51.100.2;lr>\nContact: <sip:b@203.0.113.10>\n");
	sip_dialog_ack(d, inv->cseq, NULL, NULL);
	expect_routes(fake_expect(f, "ACK"), (const char *[]){ "<sip:198.51.100.2;lr>", NULL });
	assert_true(span_is(f->last->ruri.text, "sip:b@203.0.113.10"));
	sip_msg_unref(inv);
}

static void test_cseq(void **state)
{
	(void)state;
	be_called("Contact: <sip:a@203.0.113.9:5070>\n", false);
	within("ACK", 7, "");
	within("INFO", 12, "");
	fake_expect(f, "200");
	within("INFO", 11, "");
	fake_expect(f, "500");
	within("INFO", 13, "");
	fake_expect(f, "200");
	assert_int_equal(asked, 2);
}

static void test_481(void **state)
{
	(void)state;
	be_called("Contact: <sip:a@203.0.113.9:5070>\n", false);
	within("ACK", 7, "");
	sip_dialog_free(&d);
	within("BYE", 8, "");
	fake_expect(f, "481");
	assert_int_equal(asked, 0);
}

static void test_bye_frees_inside(void **state)
{
	(void)state;
	be_called("Contact: <sip:a@203.0.113.9:5070>\n", false);
	within("ACK", 7, "");
	free_inside = true;
	within("BYE", 8, "");
	fake_expect(f, "200");
	assert_null(d);
	within("BYE", 8, ""); /* again: the transaction outlives the dialog */
	fake_expect(f, "200");
}

static void test_ack_frees_inside(void **state)
{
	(void)state;
	be_called("Contact: <sip:a@203.0.113.9:5070>\n", false);
	free_inside = true;
	within("ACK", 7, "");
	assert_null(d);
	within("ACK", 7, "");
	assert_int_equal(acked, 1);
}

static void test_no_ack(void **state)
{
	ms_t t0 = f->clock.now;

	(void)state;
	be_called("Contact: <sip:a@203.0.113.9:5070>\n", false);
	assert_true(sip_dialog_waits_for_ack(d));
	within("ACK", 6, ""); /* of another INVITE */
	assert_int_equal(acked, 0);
	free_inside = true;
	fake_run(f, 40000);
	for (const int *at = (int[]){ 500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500, -1 }; *at >= 0;
	     at++) {
		fake_expect(f, "200");
		assert_int_equal(fake_sent_at(f) - t0, *at);
	}
	fake_silence(f);
	assert_int_equal(unacked, 1);
	assert_null(d);
}

static void test_reinvite_answered_later(void **state)
{
	struct sip_uas *later;

	(void)state;
	be_called("Contact: <sip:a@203.0.113.9:5070>\n", false);
	within("ACK", 7, "");
	answer_code = 0;
	within("INVITE", 8, "Contact: <sip:a@203.0.113.9:5070>\n");
	later = f->uas;
	sip_dialog_free(&d); /* the call ends while it is pending */
	sip_reply(later, 487, NULL, NULL, NULL);
	fake_expect(f, "487");
}

static void test_forks_share_the_local_half(void **state)
{
	struct fake_call c = { .dc = conf_of(false), .no_ack = true };
	struct sip_dialog *one, *two, *three;
	struct sip_msg *inv;
	const char *why;

	(void)state;
	fake_ask(f, &c, SIP_INVITE, "sip:bob@198.51.100.7:5062", NULL);
	inv = sip_msg_ref((struct sip_msg *)fake_expect(f, "INVITE"));
	struct sip_dialog **ds[] = { &one, &two, &three };
	for (int i = 0; i < 3; i++) {
		char *text = xasprintf("SIP/2.0 180 X\r\nVia: %.*s\r\nFrom: %.*s\r\nTo: <sip:b@c>;tag=fork%d\r\n"
				       "Call-ID: %.*s\r\nCSeq: %u INVITE\r\n\r\n",
				       SP(inv->via.text), SP(inv->from.text), i, SP(inv->call_id), inv->cseq);
		struct sip_msg *m = sip_msg_parse(span_of(text), &why);

		*ds[i] = sip_dialog_uac(c.uac, m, &c.dc);
		assert_ptr_equal(sip_dialog_find(f->sip, m, false), *ds[i]);
		sip_msg_unref(m);
		free(text);
	}
	sip_dialog_free(&one); /* the head of the chain, its tail, the rest */
	sip_dialog_free(&three);
	assert_true(f->sip->dialogs.n > 0);
	sip_dialog_free(&two);
	assert_true(f->sip->dialogs.n == 0);
	sip_uac_forget(c.uac);
	sip_msg_unref(inv);
}

static struct span ack_body;

static void build_ack(void *arg, struct sip_build *b)
{
	assert_ptr_equal(arg, &ack_body);
	out_str(sip_put_body(b, "application/sdp"), "v=0\r\n");
}

/* The INVITE of a call that rings; the caller's to unref. */
static struct sip_msg *rung(struct fake_call *c)
{
	struct sip_msg *inv;

	fake_ask(f, c, SIP_INVITE, "sip:bob@198.51.100.7:5062", NULL);
	inv = sip_msg_ref((struct sip_msg *)fake_expect(f, "INVITE"));
	fake_reply(f, inv, 180, "b", "");
	return inv;
}

/* The Contact is a name whose address is not known: the ACK does not wait for it, and its builder is called at once. */
static void test_ack_to_a_name(void **state)
{
	struct fake_call c = { .dc = conf_of(false), .no_ack = true, .on_answer = early };
	struct sip_msg *inv;

	(void)state;
	inv = rung(&c);
	fake_reply(f, inv, 200, "b", "Contact: <sip:b@phone.example.com>\n");
	sip_dialog_ack(d, inv->cseq, build_ack, &ack_body);
	fake_expect(f, "ACK");
	fake_to(f->last, PHONE);
	assert_true(span_is(f->last->ruri.text, "sip:b@phone.example.com"));
	assert_true(span_is(f->last->body, "v=0\r\n"));
	fake_reply(f, inv, 200, "b", "Contact: <sip:b@phone.example.com>\n");
	fake_expect(f, "ACK"); /* the same: its builder is called once */
	assert_true(span_is(f->last->body, "v=0\r\n"));
	assert_int_equal(sip_dialog_repeats(d), 1);
	sip_msg_unref(inv);
}

/* Without a body it is built anew, and goes to whoever is the target by now. */
static void test_ack_again(void **state)
{
	struct fake_call c = { .dc = conf_of(false), .no_ack = true, .on_answer = early };
	struct sip_msg *inv;

	(void)state;
	inv = rung(&c);
	fake_reply(f, inv, 200, "b", "Record-Route: <sip:198.51.100.2;lr>\nContact: <sip:b@203.0.113.10>\n");
	fake_reply(f, inv, 200, "b", "Record-Route: <sip:198.51.100.2;lr>\nContact: <sip:b@203.0.113.10>\n");
	fake_silence(f); /* the user has not sent it yet */
	sip_dialog_ack(d, inv->cseq, NULL, NULL);
	fake_expect(f, "ACK");
	for (unsigned n = 1; n < 4; n++) {
		fake_reply(f, inv, 200, "b", "Record-Route: <sip:198.51.100.2;lr>\nContact: <sip:b@203.0.113.10>\n");
		expect_routes(fake_expect(f, "ACK"), (const char *[]){ "<sip:198.51.100.2;lr>", NULL });
		assert_true(span_is(f->last->ruri.text, "sip:b@203.0.113.10"));
		assert_int_equal(f->last->cseq, inv->cseq);
		assert_int_equal(sip_dialog_repeats(d), n);
	}
	sip_msg_unref(inv);
}

#define T(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_uas_routes),
		T(test_uac_routes),
		T(test_strict_router),
		T(test_rewrite_contact),
		T(test_rewrite_route),
		T(test_rewrite_last_route),
		T(test_target_refresh),
		T(test_route_set_of_the_2xx),
		T(test_cseq),
		T(test_481),
		T(test_bye_frees_inside),
		T(test_ack_frees_inside),
		T(test_no_ack),
		T(test_reinvite_answered_later),
		T(test_forks_share_the_local_half),
		T(test_ack_to_a_name),
		T(test_ack_again),
	};

	return cmocka_run_group_tests_name("sip dialog", tests, NULL, NULL);
}
