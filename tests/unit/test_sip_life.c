/*
 * tests/unit/test_sip_life.c: who lives how long: everything is freed in every order, within callbacks and without, and
 * nothing is used after it. Run with a sanitizer this says more.
 */
#include "test_sip_fake.h"

#define BOB     "sip:bob@198.51.100.7:5062"
#define CONTACT "Contact: <sip:bob@198.51.100.7:5062>\n"

static struct fake *f;

static int start(void **state)
{
	(void)state;
	f = fake_new(FAKE_UDP FAKE_TCP, NULL);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	fake_free(f);
	return 0;
}

static void forget_inside(struct fake_call *c, const struct sip_msg *m UNUSED)
{
	sip_uac_forget(c->uac);
	c->uac = NULL; /* not ours any more */
}

static void cancel_inside(struct fake_call *c, const struct sip_msg *m UNUSED)
{
	sip_uac_cancel(c->uac, SPAN_NONE);
}

static void free_inside(struct fake_call *c, const struct sip_msg *m UNUSED)
{
	sip_dialog_free(&c->dialog);
}

static void (*const inside[])(struct fake_call *, const struct sip_msg *) = { NULL, forget_inside, cancel_inside,
									      free_inside };
static const unsigned codes[] = { 100, 180, 200, 302, 401, 408, 481, 486, 503, 603, 0 }; /* 0: ICMP */

/* Two answers of every kind to a request of every kind, with every kind of misbehaviour inside the callback. */
static void run_one(enum sip_method method, size_t how, unsigned first, unsigned second)
{
	struct fake_call c = { .on_answer = inside[how] };
	struct sip_msg *m;
	struct flow flow;

	fake_ask(f, &c, method, BOB, NULL);
	m = sip_msg_ref((struct sip_msg *)fake_expect(f, sip_method_names[method]));
	flow = m->flow;
	for (int i = 0; i < 2; i++) {
		unsigned code = i ? second : first;

		if (code)
			fake_reply(f, m, code, "b", CONTACT);
		else
			f->sink.failed(f->sip, &flow, -ECONNREFUSED);
		fake_run(f, i ? 70000 : 600);
	}
	while (fake_next(f))
		;
	sip_dialog_free(&c.dialog);
	if (c.uac && !c.finals)
		sip_uac_forget(c.uac);
	sip_msg_unref(m);
	fake_run(f, 70000);
	while (fake_next(f))
		;
	assert_true(fake_ctxs(f) == 0);
	assert_true(f->sip->dialogs.n == 0);
	assert_true(list_empty(&f->sip->uacs));
}

static void test_answers(void **state)
{
	(void)state;
	for (size_t how = 0; how < ARRAY_LEN(inside); how++)
		for (size_t a = 0; a < ARRAY_LEN(codes); a++)
			for (size_t b = 0; b < ARRAY_LEN(codes); b++) {
				run_one(SIP_INVITE, how, codes[a], codes[b]);
				run_one(SIP_OPTIONS, how, codes[a], codes[b]);
			}
}

/* sip_free with everything pending. */
static void test_free_in_the_middle(void **state)
{
	(void)state;
	for (int stage = 0; stage < 6; stage++) {
		struct fake_call c[6] = { 0 };
		struct sip_msg *m;
		struct fake *g = f;

		fake_ask(g, &c[0], SIP_INVITE, BOB, NULL);
		m = sip_msg_ref((struct sip_msg *)fake_expect(g, "INVITE"));
		fake_ask(g, &c[1], SIP_OPTIONS, BOB ";transport=tcp", NULL);
		g->dns_silent = true;
		fake_ask(g, &c[2], SIP_INVITE, "sip:x@slow.example", NULL);
		fake_ask(g, &c[3], SIP_OPTIONS, "sip:x@slow.example", NULL);
		fake_rx(g, PHONE,
			"INVITE sip:1@192.0.2.1 SIP/2.0\nVia: SIP/2.0/UDP h;branch=z9hG4bKi\nFrom: <sip:a@b>;tag=1\n"
			"To: <sip:a@b>\nCall-ID: c\nCSeq: 1 INVITE\n%s\n",
			CONTACT);
		if (stage >= 1)
			fake_reply(g, m, 180, "b", "");
		if (stage >= 2)
			sip_uac_cancel(c[0].uac, SPAN_NONE);
		if (stage >= 3)
			fake_reply(g, m, 200, "b", CONTACT); /* ACK and BYE are on their way */
		if (stage >= 4)
			sip_uac_forget(c[1].uac);
		if (stage >= 5)
			sip_reply(g->uas, 486, NULL, NULL, NULL);
		sip_msg_unref(m);
		fake_free(g);
		f = fake_new(FAKE_UDP FAKE_TCP, NULL);
	}
}

static void bye_answered(void *arg, struct sip_uac *uac UNUSED, const struct sip_msg *m UNUSED, unsigned code,
			 const char *why UNUSED)
{
	*(unsigned *)arg = code;
}

/* The dialog goes while its BYE is under way: the BYE does not. */
static void test_dialog_before_bye(void **state)
{
	struct fake_call c = { 0 };
	unsigned code = 0;
	struct sip_ask bye = { .method = SIP_BYE, .answer = bye_answered, .arg = &code };

	(void)state;
	fake_ask(f, &c, SIP_INVITE, BOB, NULL);
	fake_reply(f, fake_expect(f, "INVITE"), 200, "b", CONTACT);
	fake_expect(f, "ACK");
	sip_dialog_ask(c.dialog, &bye);
	sip_dialog_free(&c.dialog);
	fake_run(f, 0);
	fake_expect(f, "BYE");
	assert_true(span_is(f->last->to.tag, "b"));
	fake_reply(f, f->last, 200, "", "");
	assert_int_equal(code, 200);
}

/* The configuration that an ask and a dialog were made with lives as long as they do. */
static void test_snapshot(void **state)
{
	struct fake_call c = { 0 };
	const struct conf_auth *auth;
	struct sip_ask a = { .auths = &auth, .n_auths = 1 };

	(void)state;
	fake_conf(f, FAKE_UDP "[a]\ntype=auth\nusername=u\npassword=p\n", NULL);
	auth = conf_auth(f->conf, SPAN("a"));
	a.conf = f->conf;
	fake_ask(f, &c, SIP_OPTIONS, BOB, &a);
	fake_conf(f, FAKE_UDP, NULL); /* without it */
	fake_reply(f, fake_expect(f, "OPTIONS"), 401, "x", "WWW-Authenticate: Digest realm=\"r\",nonce=\"n\"\n");
	assert_true(sip_hdr(fake_expect(f, "OPTIONS"), SIP_HDR_AUTHORIZATION) != NULL);
	fake_reply(f, f->last, 200, "x", "");
	assert_int_equal(c.code, 200);
}

static void test_connections_at_the_end(void **state)
{
	struct addr peer = fake_addr(PHONE);
	struct flow conn = fake_conn(f, 2, &peer);
	struct fake_call c = { 0 };

	(void)state;
	f->sink.accepted(f->sip, &conn);
	fake_bytes(f, &conn, SPAN("OPTIONS sip:half"));
	fake_ask(f, &c, SIP_OPTIONS, "sip:" PHONE ";transport=tcp", NULL);
	fake_expect(f, "OPTIONS");
	fake_conf(f, FAKE_UDP, NULL); /* the TCP transport goes, but not its connections */
	fake_run(f, 20000);
	assert_int_equal(c.code, 0);
	f->sink.failed(f->sip, &conn, 0);
	fake_run(f, 0);
	assert_int_equal(c.code, 503);
	assert_int_equal(f->closed, 1);
	assert_null(f->sip->conns);
	assert_true(f->socks[1].open);
	fake_run(f, 80000);
	assert_false(f->socks[1].open);
}

#define T(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_answers),  T(test_free_in_the_middle),     T(test_dialog_before_bye),
		T(test_snapshot), T(test_connections_at_the_end),
	};

	return cmocka_run_group_tests_name("sip life", tests, NULL, NULL);
}
