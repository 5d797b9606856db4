/*
 * tests/unit/test_sip_transport.c: transports over reloads, the doors and their names, which transport is chosen, what
 * we write about ourselves (RFC 3261 18, RFC 3581).
 */
#include "test_sip_fake.h"

static struct fake *f;

#define NAMED(extra) "[udp]\ntype=transport\nprotocol=udp\nbind=192.0.2.1\n" extra

static int stop(void **state)
{
	(void)state;
	fake_free(f);
	return 0;
}

static void begin(const char *conf)
{
	f = fake_new(conf, NULL);
}

static unsigned open_socks(void)
{
	unsigned n = 0;

	for (uint32_t i = 0; i < f->n_socks; i++)
		n += f->socks[i].open && f->socks[i].listener;
	return n;
}

static void test_reload(void **state)
{
	struct sip_transport_info info;

	(void)state;
	begin(FAKE_UDP FAKE_TCP);
	assert_int_equal(f->n_socks, 2);
	fake_conf(f, NAMED("tos=0\nexternal_signaling_address=203.0.113.1\n") FAKE_TCP, NULL);
	assert_int_equal(f->n_socks, 2); /* the same sockets, a new door */
	assert_true(sip_transport_nth(f->sip, 0, &info));
	assert_true(info.door->ext_signaling.family == 4);
	fake_conf(f, "[udp]\ntype=transport\nprotocol=udp\nbind=192.0.2.1:5070\n" FAKE_TCP, NULL);
	assert_int_equal(f->n_socks, 3); /* moved: the old one is for those who know nothing of it yet */
	assert_int_equal(open_socks(), 3);
	assert_true(sip_transport_nth(f->sip, 1, &info));
	assert_int_equal(info.bound.port, 5070);
	assert_false(sip_transport_nth(f->sip, 2, &info));
	fake_run(f, 66000);
	assert_false(f->socks[0].open);
	assert_int_equal(open_socks(), 2);
	fake_conf(f, FAKE_TCP, NULL);
	assert_false(sip_transport_nth(f->sip, 1, &info)); /* removed */
	fake_run(f, 66000);
	assert_int_equal(open_socks(), 1);
	fake_conf(f, FAKE_TCP FAKE_UDP, NULL);
	assert_int_equal(open_socks(), 2); /* added */
}

#define AT(name, port) "[" name "]\ntype=transport\nprotocol=udp\nbind=192.0.2.1:" port "\n"

/* Who listens at that port; "": nobody. */
static const char *at_port(uint16_t port)
{
	struct sip_transport_info info;

	for (unsigned n = 0; sip_transport_nth(f->sip, n, &info); n++)
		if (info.bound.port == port)
			return info.conf->o.name;
	return "";
}

/* Sockets that change hands, and one that is wanted back, are not opened twice. */
static void test_reload_swaps(void **state)
{
	(void)state;
	begin(AT("a", "5060") AT("b", "5070"));
	fake_conf(f, AT("a", "5070") AT("b", "5060"), NULL);
	assert_int_equal(f->n_socks, 2);
	assert_string_equal(at_port(5060), "b");
	assert_string_equal(at_port(5070), "a");
	fake_conf(f, AT("c", "5070") AT("b", "5060"), NULL); /* renamed */
	assert_int_equal(f->n_socks, 2);
	assert_string_equal(at_port(5070), "c");
	fake_conf(f, AT("c", "5080") AT("b", "5060"), NULL);
	assert_int_equal(f->n_socks, 3);
	fake_run(f, 10000);
	fake_conf(f, AT("c", "5070") AT("b", "5060"), NULL); /* back, before it was closed */
	assert_int_equal(f->n_socks, 3);
	fake_run(f, 66000);
	assert_int_equal(open_socks(), 2);
	assert_string_equal(at_port(5070), "c");
}

/* A port that cannot be had: the transport stays where it is. */
static void test_cannot_move(void **state)
{
	const char *files[] = { "pjsip.conf", "[udp]\ntype=transport\nprotocol=udp\nbind=192.0.2.1:1\n",
				"extensions.conf", "[default]\n", NULL };
	struct diag why = { 0 };
	struct conf *c;

	(void)state;
	begin(FAKE_UDP);
	c = mem_load(files, NULL);
	assert_int_equal(sip_adopt(f->sip, c, &why), -EACCES);
	assert_string_equal(at_port(5060), "udp");
	fake_run(f, 66000);
	assert_string_equal(at_port(5060), "udp");
	diag_free(&why);
	conf_unref(f->conf);
	f->conf = c;
}

static void test_cannot_listen(void **state)
{
	const char *files[] = { "pjsip.conf", FAKE_UDP "[bad]\ntype=transport\nprotocol=tcp\nbind=192.0.2.1:1\n",
				"extensions.conf", "[default]\n", NULL };
	struct diag why = { 0 };
	struct conf *c;
	char text[1200];

	(void)state;
	begin(FAKE_UDP);
	c = mem_load(files, NULL);
	assert_int_equal(sip_adopt(f->sip, c, &why), -EACCES);
	assert_string_equal(mem_remark(&why, 0, text),
			    "pjsip.conf:5: transport bad: cannot listen on tcp 192.0.2.1:1: Permission denied");
	assert_int_equal(open_socks(), 1);
	diag_free(&why);
	conf_unref(f->conf);
	f->conf = c;
}

/* A transport moves while requests are pending both ways. */
static void test_moved_while_busy(void **state)
{
	struct fake_call c = { 0 };

	(void)state;
	begin(FAKE_UDP);
	fake_rx(f, PHONE,
		"OPTIONS sip:192.0.2.1 SIP/2.0\nVia: SIP/2.0/UDP 10.0.0.7;rport;branch=z9hG4bKo\n"
		"From: <sip:a@b>;tag=1\nTo: <sip:a@b>\nCall-ID: c\nCSeq: 1 OPTIONS\n\n");
	fake_ask(f, &c, SIP_OPTIONS, "sip:198.51.100.8", NULL);
	fake_expect(f, "OPTIONS");
	fake_conf(f, "[udp]\ntype=transport\nprotocol=udp\nbind=192.0.2.1:5070\n", NULL);
	fake_run(f, 0);
	assert_int_equal(c.code, 0); /* its answer may still come */
	sip_reply(f->uas, 200, NULL, NULL, NULL);
	fake_expect(f, "200");
	fake_to(f->last, PHONE);
	assert_int_equal(f->last->flow.sock, 1); /* from where it was asked */
}

static const char *const owners[] = { "ext.example", "ext.example" };
static struct dns_record zone[] = {
	{ .type = DNS_A, .ttl = 60, .addr = { .family = 4, .ip = { 203, 0, 113, 1 } } },
	{ .type = DNS_A, .ttl = 60, .addr = { .family = 4, .ip = { 203, 0, 113, 2 } } },
};

static const char *door(void)
{
	static char text[ADDR_STRLEN];
	struct sip_transport_info info;

	assert_true(sip_transport_nth(f->sip, 0, &info));
	return addr_ip_str(&info.door->ext_signaling, text);
}

static void test_external_name(void **state)
{
	unsigned asked;

	(void)state;
	begin(FAKE_UDP);
	f->zone = zone;
	f->owners = owners;
	f->n_zone = 2;
	fake_conf(f, NAMED("external_signaling_address=ext.example\nlocal_net=10.0.0.0/8\n"), NULL);
	assert_string_equal(door(), "(none)");
	fake_run(f, 0);
	assert_string_equal(door(), "203.0.113.1");
	asked = f->questions;
	fake_run(f, 59000);
	assert_int_equal(f->questions, asked);
	f->zone = (struct dns_record[]){ zone[1], zone[0] }; /* round robin is no move */
	fake_run(f, 2000);
	assert_true(f->questions > asked);
	assert_string_equal(door(), "203.0.113.1");
	f->zone = (struct dns_record[]){
		{ .type = DNS_A, .ttl = 60, .addr = { .family = 4, .ip = { 203, 0, 113, 9 } } }
	};
	f->n_zone = 1;
	fake_run(f, 60000);
	assert_string_equal(door(), "203.0.113.9");
	f->n_zone = 0; /* gone: the last good address stays, and it is asked for again */
	fake_run(f, 60000);
	assert_string_equal(door(), "203.0.113.9");
	asked = f->questions;
	fake_run(f, 60000);
	assert_true(f->questions > asked);
	fake_conf(f, FAKE_UDP, NULL);
	assert_string_equal(door(), "(none)");
}

/* The answer to a name of the old configuration does not reach the new one. */
static void test_external_name_replaced(void **state)
{
	(void)state;
	begin(FAKE_UDP);
	f->zone = zone;
	f->owners = owners;
	f->n_zone = 1;
	f->dns_silent = true;
	fake_conf(f, NAMED("external_signaling_address=ext.example\n"), NULL);
	fake_conf(f, NAMED("external_signaling_address=198.51.100.1\n"), NULL);
	f->dns_silent = false;
	clock_in(&f->clock, &f->dns, 0);
	fake_run(f, 0);
	assert_string_equal(door(), "198.51.100.1");
}

static void test_faces(void **state)
{
	struct fake_call c = { 0 }, d = { 0 };

	(void)state;
	begin(NAMED("external_signaling_address=203.0.113.1\nexternal_signaling_port=5999\nlocal_net=10.0.0.0/8\n"));
	fake_ask(f, &c, SIP_OPTIONS, "sip:a@198.51.100.8", NULL);
	fake_expect(f, "OPTIONS");
	assert_true(span_starts(f->last->via.text, SPAN("SIP/2.0/UDP 203.0.113.1:5999;rport;branch=")));
	assert_true(span_is(f->last->contact.uri.text, "sip:me@203.0.113.1:5999"));
	assert_true(span_has(f->last->from.text, "@203.0.113.1>"));
	fake_reply(f, f->last, 200, "x", "");
	fake_ask(f, &d, SIP_OPTIONS, "sip:a@10.0.0.8", NULL);
	fake_expect(f, "OPTIONS");
	assert_true(span_starts(f->last->via.text, SPAN("SIP/2.0/UDP 192.0.2.1:5060;rport;branch=")));
	assert_true(span_is(f->last->contact.uri.text, "sip:me@192.0.2.1:5060"));
	fake_reply(f, f->last, 200, "x", "");
	fake_conf(f, FAKE_UDP "[system]\ntype=system\ndisable_rport=yes\n", NULL);
	c = (struct fake_call){ 0 };
	fake_ask(f, &c, SIP_OPTIONS, "sip:a@198.51.100.8", NULL);
	assert_false(fake_expect(f, "OPTIONS")->via.has_rport);
	fake_reply(f, f->last, 200, "x", "");
}

static void test_wildcard(void **state)
{
	struct fake_call c = { 0 };

	(void)state;
	begin("[udp]\ntype=transport\nprotocol=udp\nbind=0.0.0.0\n[six]\ntype=transport\nprotocol=udp\nbind=[::]\n");
	f->route = "10.9.8.7";
	fake_ask(f, &c, SIP_OPTIONS, "sip:a@10.9.8.1", NULL);
	assert_true(span_is(fake_expect(f, "OPTIONS")->via.host, "10.9.8.7")); /* never 0.0.0.0 */
	fake_reply(f, f->last, 200, "x", "");
	c = (struct fake_call){ 0 };
	fake_ask(f, &c, SIP_OPTIONS, "sip:a@[2001:db8::5]", NULL);
	assert_true(span_is(fake_expect(f, "OPTIONS")->via.host, "[2001:db8::1]"));
	fake_reply(f, f->last, 200, "x", "");
}

static void test_choice(void **state)
{
	struct fake_call c = { 0 };
	struct sip_ask a = { 0 };

	(void)state;
	begin("[lan]\ntype=transport\nprotocol=udp\nbind=10.0.0.1\n[wan]\ntype=transport\nprotocol=udp\nbind=203.0.113."
	      "1\n");
	f->route = "203.0.113.1";
	fake_ask(f, &c, SIP_OPTIONS, "sip:198.51.100.8", NULL);
	assert_true(span_is(fake_expect(f, "OPTIONS")->via.host, "203.0.113.1")); /* the one that routes there */
	fake_reply(f, f->last, 200, "x", "");
	c = (struct fake_call){ 0 };
	a.transport = conf_transport(f->conf, SPAN("lan"));
	fake_ask(f, &c, SIP_OPTIONS, "sip:198.51.100.8", &a);
	assert_true(span_is(fake_expect(f, "OPTIONS")->via.host, "10.0.0.1")); /* the one that is written */
	fake_reply(f, f->last, 200, "x", "");
}

static void test_source_is_local(void **state)
{
	(void)state;
	begin(NAMED("local_net=198.51.100.0/24\n"));
	for (int i = 0; i < 2; i++) {
		fake_rx(f, i ? "203.0.113.5:5060" : PHONE,
			"OPTIONS sip:192.0.2.1 SIP/2.0\nVia: SIP/2.0/UDP h;branch=z9hG4bK%d\nFrom: <sip:a@b>;tag=1\n"
			"To: <sip:a@b>\nCall-ID: c\nCSeq: 1 OPTIONS\n\n",
			i);
		assert_int_equal(sip_uas_is_source_local(f->uas), !i);
		sip_reply(f->uas, 200, NULL, NULL, NULL);
	}
}

static void test_odd_asks(void **state)
{
	struct fake_call c = { 0 }, d = { 0 };
	struct sip_ask a = { .from_display = SPAN("a\"b\\\r\nX: y"),
			     .from_user = SPAN("u s@r>"),
			     .from_domain = SPAN("dom.example"),
			     .from_params = SPAN(";x=1"),
			     .max_forwards = 7,
			     .user_agent = "ua",
			     .headers = SPAN("X-One: 1\r\nX-Two: 2\r\n"),
			     .call_id = SPAN("given") };

	(void)state;
	begin(FAKE_UDP);
	fake_ask(f, &c, SIP_OPTIONS, "sip:198.51.100.8", &a);
	fake_expect(f, "OPTIONS");
	assert_true(
		span_starts(f->last->from.text, SPAN("\"a\\\"b\\\\  X: y\" <sip:u%20s%40r%3E@dom.example;x=1>;tag=")));
	assert_true(span_is(f->last->to.text, "<sip:198.51.100.8>"));
	assert_int_equal(f->last->max_forwards, 7);
	assert_true(span_is(f->last->call_id, "given"));
	assert_true(span_is(sip_hdr_named(f->last, SPAN("x-two"), 0), "2"));
	assert_true(span_is(sip_hdr_value(f->last, SIP_HDR_USER_AGENT), "ua"));
	fake_reply(f, f->last, 200, "x", "");
	a = (struct sip_ask){ .proxy = SPAN("sip:198.51.100.9;lr") };
	fake_ask(f, &d, SIP_OPTIONS, "sip:x@y SIP/2.0\r\nX: z", &a); /* even when the proxy is the hop */
	assert_int_equal(d.code, 400);
	fake_silence(f);
}

#define T(name) cmocka_unit_test_teardown(name, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_reload),
		T(test_reload_swaps),
		T(test_cannot_move),
		T(test_cannot_listen),
		T(test_moved_while_busy),
		T(test_external_name),
		T(test_external_name_replaced),
		T(test_faces),
		T(test_wildcard),
		T(test_choice),
		T(test_source_is_local),
		T(test_odd_asks),
	};

	return cmocka_run_group_tests_name("sip transport", tests, NULL, NULL);
}
