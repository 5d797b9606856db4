/*
 * tests/unit/test_sip_stream.c: TCP: messages out of any cut of the stream, connections and their reuse (RFC 3261 18.3,
 * RFC 5626 4.4.1, RFC 5923).
 */
#include "test_sip_fake.h"

static struct fake *f;
static struct flow conn;

static int start(void **state)
{
	struct addr peer = fake_addr(PHONE);

	(void)state;
	f = fake_new(FAKE_TCP "[global]\ntype=global\nkeep_alive_interval=0\n", NULL);
	conn = fake_conn(f, 1, &peer);
	f->sink.accepted(f->sip, &conn);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	fake_free(f);
	return 0;
}

static void answer(struct fake *fake)
{
	sip_reply(fake->uas, 200, NULL, NULL, NULL);
}

static void put_request(struct out *o, unsigned i, size_t body)
{
	out_fmt(o,
		"MESSAGE sip:192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/TCP 10.0.0.7;branch=z9hG4bK%u\r\nFrom: "
		"<sip:a@b>;tag=1\r\n"
		"To: <sip:a@b>\r\nCall-ID: c\r\nCSeq: %u MESSAGE\r\nl : %zu\r\n\r\n",
		i, i, body);
	for (size_t k = 0; k < body; k++)
		out_char(o, "\r\n\r\nabc"[k % 7]);
}

static bool is_open(const struct flow *flow)
{
	return f->socks[flow->sock - 1].open;
}

static void test_any_cut(void **state)
{
	struct out o = out_growing();
	unsigned n = 0;

	(void)state;
	f->on_request = answer;
	sip_flow_known(f->sip, &conn);
	for (unsigned i = 0; i < 4; i++)
		put_request(&o, i, i * 13);
	for (size_t step = 1; step <= o.n; step += step < 60 ? 1 : 97) {
		for (size_t at = 0; at < o.n; at += step)
			fake_bytes(f, &conn, span_sub(out_look(&o), at, step));
		n += 4;
		assert_int_equal(f->requests, n);
		fake_run(f, 40000); /* forget the transactions */
	}
	while (f->seen < f->n_sent)
		fake_expect(f, "200");
	assert_true(is_open(&conn));
	out_free(&o);
}

static void test_pings(void **state)
{
	struct out o = out_growing();

	(void)state;
	f->on_request = answer;
	fake_bytes(f, &conn, SPAN("\r\n\r\n"));
	assert_int_equal(f->n_sent, 1);
	assert_true(span_is((struct span){ f->sent[0].bytes, f->sent[0].n }, "\r\n"));
	fake_bytes(f, &conn, SPAN("\r\n")); /* a pong: nothing */
	assert_int_equal(f->n_sent, 1);
	fake_bytes(f, &conn, SPAN("\r")); /* with the one before, a ping in pieces */
	fake_bytes(f, &conn, SPAN("\n"));
	assert_int_equal(f->n_sent, 2);
	put_request(&o, 1, 0);
	fake_bytes(f, &conn, SPAN("\r\n"));
	fake_bytes(f, &conn, out_look(&o));
	assert_int_equal(f->requests, 1);
	assert_int_equal(f->n_sent, 3);
	out_free(&o);
}

static const struct {
	const char *says, *text;
} bad[] = {
	{ "not a number", "A b SIP/2.0\r\nContent-Length: x\r\n\r\n" },
	{ "negative", "A b SIP/2.0\r\nl: -1\r\n\r\n" },
	{ "too large", "A b SIP/2.0\r\nContent-Length: 65536\r\n\r\n" },
	{ "with the headers too large", "A b SIP/2.0\r\nContent-Length: 65530\r\n\r\n" },
	{ "overflowing", "A b SIP/2.0\r\nContent-Length: 99999999999999999999\r\n\r\n" },
};

static void test_bad_lengths(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct addr peer = fake_addr("198.51.100.9:1");
		struct flow c;

		peer.port = (uint16_t)(1000 + i);
		c = fake_conn(f, 1, &peer);
		f->sink.accepted(f->sip, &c);
		fake_bytes(f, &c, span_of(bad[i].text));
		if (is_open(&c) || f->closed != i + 1)
			fail_msg("%s", bad[i].says);
	}
	assert_int_equal(f->requests, 0);
}

static void test_endless(void **state)
{
	char junk[8192];

	(void)state;
	memset(junk, 'x', sizeof junk);
	for (int i = 0; i < 7; i++)
		fake_bytes(f, &conn, (struct span){ junk, sizeof junk });
	assert_true(is_open(&conn)); /* it may still become a message */
	fake_bytes(f, &conn, (struct span){ junk, sizeof junk });
	assert_false(is_open(&conn));
}

/* Many small segments of one large message, and many small messages in one read, cost no more than their length. */
static void test_no_quadratic_work(void **state)
{
	struct out o = out_growing();
	unsigned n = 0;

	(void)state;
	f->on_request = answer;
	put_request(&o, 1, 60000);
	for (size_t i = 0; i < o.n; i++)
		f->sink.input(f->sip, &conn, span_sub(out_look(&o), i, 1));
	assert_int_equal(f->requests, 1);
	out_free(&o);
	o = out_growing();
	for (; o.n < 60000; n++)
		out_str(&o, "a b c\r\n\r\n"); /* not SIP at all */
	for (int i = 0; i < 10; i++)
		fake_bytes(f, &conn, out_look(&o));
	assert_true(is_open(&conn));
	out_free(&o);
}

static void test_silent_is_closed(void **state)
{
	(void)state;
	fake_run(f, 20000);
	fake_bytes(f, &conn, SPAN("hello\r\n\r\n")); /* a frame, but no message */
	fake_bytes(f, &conn, SPAN("\r\n\r\n"));
	fake_run(f, 11999);
	assert_true(is_open(&conn));
	fake_run(f, 1);
	assert_false(is_open(&conn));
	assert_int_equal(f->closed, 1);
}

static void test_stranger_is_closed(void **state)
{
	struct out o = out_growing();

	(void)state;
	f->on_request = answer;
	put_request(&o, 1, 0);
	fake_run(f, 20000);
	fake_bytes(f, &conn, out_look(&o));
	fake_run(f, 31999);
	assert_true(is_open(&conn));
	fake_run(f, 1);
	assert_false(is_open(&conn));
	out_free(&o);
}

static void test_heard_stays(void **state)
{
	struct out o = out_growing();
	struct sip_transport_info info;

	(void)state;
	f->on_request = answer;
	put_request(&o, 1, 0);
	fake_bytes(f, &conn, out_look(&o));
	fake_run(f, 20000);
	fake_bytes(f, &conn, out_look(&o)); /* a stranger, but not a silent one */
	fake_run(f, 20000);
	assert_true(is_open(&conn));
	sip_flow_known(f->sip, &conn);
	fake_run(f, 3600000);
	assert_true(is_open(&conn));
	assert_true(sip_transport_nth(f->sip, 0, &info));
	assert_int_equal(info.connections, 1);
	f->sink.failed(f->sip, &conn, 0);
	assert_true(sip_transport_nth(f->sip, 0, &info));
	assert_int_equal(info.connections, 0);
	assert_int_equal(f->closed, 1);
	out_free(&o);
}

static void test_reuse(void **state)
{
	struct fake_call c = { 0 }, d = { 0 };

	(void)state;
	fake_ask(f, &c, SIP_OPTIONS, "sip:a@" PHONE ";transport=tcp", NULL);
	fake_expect(f, "OPTIONS");
	assert_int_equal(f->last->flow.sock, conn.sock); /* down the connection that the phone opened */
	assert_int_equal(f->last->via.port, 5060);       /* Via and Contact name the listener, not our end */
	assert_true(span_has(f->last->contact.uri.text, "192.0.2.1:5060;transport=tcp"));
	fake_run(f, 10000);
	fake_silence(f); /* nothing is repeated on TCP */
	fake_reply(f, f->last, 200, "x", "");
	assert_int_equal(c.code, 200);
	f->sink.failed(f->sip, &conn, 0);
	fake_ask(f, &d, SIP_OPTIONS, "sip:a@" PHONE ";transport=tcp", NULL);
	fake_expect(f, "OPTIONS");
	assert_int_not_equal(f->last->flow.sock, conn.sock); /* a new one */
	fake_reply(f, f->last, 200, "x", "");
}

static void test_newest_is_used(void **state)
{
	struct addr peer = fake_addr(PHONE);
	struct flow again = fake_conn(f, 1, &peer);
	struct fake_call c = { 0 };

	(void)state;
	f->sink.accepted(f->sip, &again);
	f->sink.failed(f->sip, &conn, 0); /* the old one goes: the new one is still known */
	fake_ask(f, &c, SIP_OPTIONS, "sip:a@" PHONE ";transport=tcp", NULL);
	fake_expect(f, "OPTIONS");
	assert_int_equal(f->last->flow.sock, again.sock);
}

static void test_connection_lost(void **state)
{
	struct fake_call c = { 0 };
	struct flow flow;

	(void)state;
	fake_ask(f, &c, SIP_OPTIONS, "sip:a@203.0.113.9;transport=tcp", NULL);
	flow = fake_expect(f, "OPTIONS")->flow;
	f->sink.failed(f->sip, &flow, -ECONNREFUSED);
	fake_run(f, 0);
	assert_int_equal(c.code, 503);
	f->connect_err = -ENETUNREACH;
	c = (struct fake_call){ 0 };
	fake_ask(f, &c, SIP_OPTIONS, "sip:a@203.0.113.9;transport=tcp", NULL);
	assert_int_equal(c.code, 503);
}

static void test_answer_after_the_connection(void **state)
{
	struct out o = out_growing();
	struct sip_uas *uas;
	struct flow again;
	struct addr peer = fake_addr("198.51.100.7:6000");

	(void)state;
	put_request(&o, 1, 0);
	fake_bytes(f, &conn, out_look(&o));
	uas = f->uas;
	f->sink.failed(f->sip, &conn, 0);
	sip_reply(uas, 180, NULL, NULL, NULL); /* 18.2.2: a connection to the received address, sent-by's port */
	fake_expect(f, "180");
	fake_to(f->last, "198.51.100.7:5060");
	again = f->last->flow;
	f->sink.failed(f->sip, &again, 0);
	again = fake_conn(f, 1, &peer); /* the phone comes back and repeats its request */
	f->sink.accepted(f->sip, &again);
	fake_bytes(f, &again, out_look(&o));
	fake_expect(f, "180");
	assert_int_equal(f->last->flow.sock, again.sock);
	sip_reply(uas, 200, NULL, NULL, NULL);
	fake_expect(f, "200");
	out_free(&o);
}

static void test_keep_alive(void **state)
{
	struct addr peer = fake_addr("203.0.113.77:5060");
	struct flow c;

	(void)state;
	fake_conf(f, FAKE_TCP "[global]\ntype=global\nkeep_alive_interval=90\n", NULL);
	c = fake_conn(f, 1, &peer);
	f->sink.accepted(f->sip, &c);
	f->sink.failed(f->sip, &conn, 0);
	sip_flow_known(f->sip, &c);
	fake_bytes(f, &c,
		   SPAN("OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bKo\r\nFrom: <sip:a@b>;tag=1\r\n"
			"To: <sip:a@b>\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\n\r\n"));
	sip_reply(f->uas, 200, NULL, NULL, NULL);
	fake_expect(f, "200");
	fake_run(f, 270000);
	assert_int_equal(f->n_sent, 4);
	for (unsigned i = 1; i < 4; i++)
		assert_true(span_is((struct span){ f->sent[i].bytes, f->sent[i].n }, "\r\n\r\n"));
}

static void end_connection(struct fake *fake)
{
	f->sink.failed(f->sip, &conn, 0);
	sip_reply(fake->uas, 200, NULL, NULL, NULL);
}

static void test_gone_between_messages(void **state)
{
	struct out o = out_growing();

	(void)state;
	f->on_request = end_connection;
	for (unsigned i = 0; i < 3; i++)
		put_request(&o, i, 5);
	fake_bytes(f, &conn, out_look(&o));
	assert_int_equal(f->requests, 1); /* what came behind belonged to a connection that is gone */
	out_free(&o);
}

static void test_too_many(void **state)
{
	struct addr peer = fake_addr("198.51.100.9:1");
	struct flow c;

	(void)state;
	fake_conf(f, FAKE_TCP, "[general]\nmax_connections=3\n");
	for (uint16_t i = 0; i < 3; i++) {
		peer.port = (uint16_t)(2000 + i);
		c = fake_conn(f, 1, &peer);
		f->sink.accepted(f->sip, &c);
		assert_true(is_open(&c)); /* the third one has the place of `conn`, who is a stranger */
		sip_flow_known(f->sip, &c);
		assert_int_equal(is_open(&conn), i < 2);
	}
	peer.port = 3000;
	c = fake_conn(f, 1, &peer);
	f->sink.accepted(f->sip, &c);
	assert_false(is_open(&c));
}

#define T(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_any_cut),
		T(test_pings),
		T(test_bad_lengths),
		T(test_endless),
		T(test_no_quadratic_work),
		T(test_silent_is_closed),
		T(test_stranger_is_closed),
		T(test_heard_stays),
		T(test_reuse),
		T(test_newest_is_used),
		T(test_connection_lost),
		T(test_answer_after_the_connection),
		T(test_keep_alive),
		T(test_gone_between_messages),
		T(test_too_many),
	};

	return cmocka_run_group_tests_name("sip stream", tests, NULL, NULL);
}
