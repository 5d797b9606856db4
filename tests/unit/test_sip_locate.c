/* tests/unit/test_sip_locate.c: RFC 3263 with a zone in memory: which targets, in which order, and what comes after a
 * failure. */
#include "test_sip_fake.h"

#define BOTH FAKE_UDP FAKE_TCP

static struct fake *f;

#define A(last)                                                                               \
	{                                                                                     \
		.type = DNS_A, .ttl = 60, .addr = {.family = 4, .ip = { 203, 0, 113, last } } \
	}
#define SRV(prio, w, p, target)                                                                      \
	{                                                                                            \
		.type = DNS_SRV, .ttl = 60, .priority = prio, .weight = w, .port = p, .name = target \
	}
#define NAPTR(o, pref, srv, repl)                                                                           \
	{                                                                                                   \
		.type = DNS_NAPTR, .ttl = 60, .order = o, .preference = pref, .flags = "s", .service = srv, \
		.name = repl                                                                                \
	}

static const char *const owners[] = {
	"full.example",
	"full.example",
	"_sip._tcp.full.example",
	"_sip._udp.full.example",
	"_sip._udp.full.example",
	"one.full.example",
	"two.full.example",
	"three.full.example",
	"_sip._udp.srv.example",
	"_sip._tcp.srv.example",
	"srv.example",
	"host.example",
	"host.example",
	"_sip._udp.none.example",
	"_sip._udp.num.example",
	"u.other.example",
	"full.example",
	"_sips._tcp.full.example",
	"_sips._tcp.srv.example",
};
static const struct dns_record zone[] = {
	NAPTR(20, 10, "SIP+D2U", "_sip._udp.full.example"),
	NAPTR(10, 10, "SIP+D2T", "_sip._tcp.full.example"),
	SRV(5, 0, 5061, "three.full.example"),
	SRV(20, 0, 5070, "two.full.example"),
	SRV(10, 0, 5060, "one.full.example"),
	A(1),
	A(2),
	A(3),
	SRV(1, 1, 5072, "host.example"),
	SRV(1, 1, 5073, "host.example"),
	A(9),
	A(11),
	A(12),
	SRV(0, 0, 0, "."),
	SRV(0, 0, 5999, "203.0.113.77"),
	A(5),
	NAPTR(30, 10, "SIPS+D2T", "_sips._tcp.full.example"),
	SRV(1, 1, 5081, "one.full.example"),
	SRV(1, 1, 5074, "203.0.113.12"),
};

static struct sip_target got[SIP_TARGETS];
static size_t n_got;
static unsigned called;

static void located(void *arg, const struct sip_target *ts, size_t n, const char *why)
{
	assert_ptr_equal(arg, f);
	assert_true(n ? !why : why != NULL);
	memcpy(got, ts, n * sizeof *ts);
	n_got = n;
	called++;
}

static const char *locate(const char *uri)
{
	static char text[512];
	struct out o = out_fixed(text, sizeof text);
	struct sip_uri u;

	assert_true(sip_uri_parse(span_of(uri), &u));
	called = 0;
	sip_locate(f->sip, &u, located, f);
	fake_run(f, 0);
	assert_int_equal(called, 1);
	for (size_t i = 0; i < n_got; i++) {
		out_str(&o, i ? " " : "");
		out_str(&o, got[i].proto == NET_TLS ? "tls:" : got[i].proto == NET_TCP ? "tcp:" : "udp:");
		addr_out(&o, &got[i].addr);
	}
	out_char(&o, '\0');
	return text;
}

static int start_with(const char *conf)
{
	f = fake_new(conf, NULL);
	f->zone = zone;
	f->owners = owners;
	f->n_zone = ARRAY_LEN(zone);
	assert_int_equal(ARRAY_LEN(owners), ARRAY_LEN(zone));
	return 0;
}

static int start(void **state)
{
	(void)state;
	return start_with(BOTH);
}

static int stop(void **state)
{
	(void)state;
	fake_free(f);
	return 0;
}

static const struct {
	const char *uri, *want;
} table[] = {
	{ "sip:203.0.113.5", "udp:203.0.113.5:5060" },
	{ "sip:203.0.113.5:5080", "udp:203.0.113.5:5080" },
	{ "sip:203.0.113.5;transport=tcp", "tcp:203.0.113.5:5060" },
	{ "sip:203.0.113.5;transport=UDP", "udp:203.0.113.5:5060" },
	{ "sip:203.0.113.5;transport=tls", "" },
	{ "sips:203.0.113.5", "" },
	{ "tel:5", "" },
	{ "sip:[2001:db8::5]", "" },                                                /* no transport of that family */
	{ "sip:host.example:5080", "udp:203.0.113.11:5080 udp:203.0.113.12:5080" }, /* a port: A only */
	{ "sip:host.example:5080;transport=tcp", "tcp:203.0.113.11:5080 tcp:203.0.113.12:5080" },
	{ "sip:elsewhere.invalid;maddr=203.0.113.8", "udp:203.0.113.8:5060" },
	/* NAPTR by order, then SRV by priority */
	{ "sip:full.example", "tcp:203.0.113.3:5061 udp:203.0.113.1:5060 udp:203.0.113.2:5070" },
	{ "sip:FULL.example", "tcp:203.0.113.3:5061 udp:203.0.113.1:5060 udp:203.0.113.2:5070" },
	{ "sip:full.example;transport=udp", "udp:203.0.113.1:5060 udp:203.0.113.2:5070" },
	{ "sip:full.example:5070;transport=udp", "" }, /* the name itself has no address */
	/* no NAPTR: SRV of what we serve; no SRV: the host */
	{ "sip:srv.example;transport=tcp", "tcp:203.0.113.11:5073 tcp:203.0.113.12:5073" },
	{ "sip:host.example", "udp:203.0.113.11:5060 udp:203.0.113.12:5060" },
	{ "sip:host.example;transport=tcp", "tcp:203.0.113.11:5060 tcp:203.0.113.12:5060" },
	{ "sip:none.example", "" }, /* "." says that there is no service */
	{ "sip:num.example", "udp:203.0.113.77:5999" },
	{ "sip:nothing.example", "" },
};

static void test_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (strcmp(locate(table[i].uri), table[i].want) != 0)
			fail_msg("%s: %s", table[i].uri, locate(table[i].uri));
}

static void test_tcp_only(void **state)
{
	(void)state;
	fake_free(f);
	start_with(FAKE_TCP);
	assert_string_equal(locate("sip:203.0.113.5"), "tcp:203.0.113.5:5060");
	assert_string_equal(locate("sip:host.example"), "tcp:203.0.113.11:5060 tcp:203.0.113.12:5060");
	assert_string_equal(locate("sip:full.example"), "tcp:203.0.113.3:5061");
	assert_string_equal(locate("sip:203.0.113.5;transport=udp"), "");
}

static void test_weights(void **state)
{
	static const char *const names[] = { "_sip._udp.w.example", "_sip._udp.w.example", "_sip._udp.w.example" };
	static const struct dns_record rs[] = { SRV(1, 90, 1001, "203.0.113.1"), SRV(1, 10, 1002, "203.0.113.2"),
						SRV(2, 50, 1003, "203.0.113.3") };
	unsigned first[2] = { 0 };

	(void)state;
	f->zone = rs;
	f->owners = names;
	f->n_zone = 3;
	for (int i = 0; i < 1000; i++) {
		locate("sip:w.example;transport=udp");
		assert_int_equal(n_got, 3);
		assert_int_equal(got[2].addr.port, 1003);
		first[got[0].addr.port - 1001]++;
	}
	assert_in_range(first[0], 830, 940);
}

static void test_cache(void **state)
{
	unsigned asked;

	(void)state;
	locate("sip:host.example:5080");
	asked = f->questions;
	locate("sip:host.example:5081");
	assert_int_equal(f->questions, asked);
	fake_run(f, 60001);
	locate("sip:host.example:5080");
	assert_int_equal(f->questions, asked + 1);
}

static void test_shared_question(void **state)
{
	struct sip_uri u;

	(void)state;
	assert_true(sip_uri_parse(SPAN("sip:host.example:5080"), &u));
	called = 0;
	for (int i = 0; i < 5; i++)
		assert_non_null(sip_locate(f->sip, &u, located, f));
	assert_int_equal(f->questions, 1);
	fake_run(f, 0);
	assert_int_equal(called, 5);
}

/* ---- what comes after a failure ---- */

#define FULL_UDP "sip:bob@full.example;transport=udp" /* .1:5060, then .2:5070 */

static void test_timeout(void **state)
{
	struct fake_call c = { 0 };
	ms_t t0 = f->clock.now;

	(void)state;
	fake_ask(f, &c, SIP_OPTIONS, FULL_UDP, NULL);
	fake_to(fake_expect(f, "OPTIONS"), "203.0.113.1:5060");
	fake_run(f, 4000); /* 8*T1 of silence */
	while (f->last->flow.peer.port != 5070)
		fake_expect(f, "OPTIONS");
	assert_int_equal(fake_sent_at(f) - t0, 4000);
	fake_reply(f, f->last, 200, "x", "");
	assert_int_equal(c.code, 200);
	assert_int_equal(c.built, 2); /* built again for its destination */
	fake_run(f, 10000);
	fake_silence(f); /* the first is not asked any more */
}

static void test_dead_comes_last(void **state)
{
	struct fake_call c = { 0 }, next = { 0 }, later = { 0 };

	(void)state;
	fake_ask(f, &c, SIP_OPTIONS, FULL_UDP, NULL);
	fake_run(f, 4000);
	while (f->seen < f->n_sent)
		fake_next(f);
	fake_reply(f, f->last, 200, "x", "");
	fake_ask(f, &next, SIP_OPTIONS, FULL_UDP, NULL);
	fake_to(fake_expect(f, "OPTIONS"), "203.0.113.2:5070");
	fake_reply(f, f->last, 200, "x", "");
	fake_run(f, 32000);
	fake_ask(f, &later, SIP_OPTIONS, FULL_UDP, NULL);
	fake_to(fake_expect(f, "OPTIONS"), "203.0.113.1:5060"); /* another chance */
	fake_reply(f, f->last, 200, "x", "");
}

static void test_icmp_and_503(void **state)
{
	struct fake_call c = { 0 }, d = { 0 };
	struct flow flow;

	(void)state;
	fake_ask(f, &c, SIP_INVITE, FULL_UDP, NULL);
	flow = fake_expect(f, "INVITE")->flow;
	f->sink.failed(f->sip, &flow, -ECONNREFUSED);
	fake_run(f, 0);
	fake_to(fake_expect(f, "INVITE"), "203.0.113.2:5070");
	fake_reply(f, f->last, 503, "x", "");
	fake_expect(f, "ACK");
	assert_int_equal(c.code, 503); /* the last one */
	assert_false(c.ours);
	fake_run(f, 40000);
	fake_ask(f, &d, SIP_INVITE, FULL_UDP, NULL);
	fake_reply(f, fake_expect(f, "INVITE"), 503, "x", "");
	fake_expect(f, "ACK");
	fake_to(fake_expect(f, "INVITE"), "203.0.113.2:5070");
	fake_reply(f, f->last, 486, "x", ""); /* any other answer is the answer */
	fake_expect(f, "ACK");
	assert_int_equal(d.code, 486);
}

/* The first target was only slow: its 180 is cancelled once, its 200 is ended. */
static void test_left_behind(void **state)
{
	struct fake_call c = { 0 };
	struct sip_msg *first;

	(void)state;
	fake_ask(f, &c, SIP_INVITE, FULL_UDP, NULL);
	first = sip_msg_ref((struct sip_msg *)fake_expect(f, "INVITE"));
	fake_run(f, 4000);
	while (f->last->flow.peer.port != 5070)
		fake_expect(f, "INVITE");
	fake_reply(f, first, 100, "", "");
	fake_expect(f, "CANCEL");
	fake_to(f->last, "203.0.113.1:5060");
	fake_reply(f, f->last, 200, "", "");
	fake_reply(f, first, 180, "late", "");
	fake_silence(f);
	fake_reply(f, first, 200, "late", "Contact: <sip:late@203.0.113.1>\n");
	fake_run(f, 0);
	assert_true(span_is(fake_expect(f, "ACK")->to.tag, "late"));
	fake_reply(f, fake_expect(f, "BYE"), 200, "", "");
	assert_int_equal(c.finals, 0);
	fake_run(f, 32000);
	assert_int_equal(c.code, 408);
	sip_msg_unref(first);
}

static const struct {
	const char *uri, *want;
} tls_table[] = {
	{ "sips:203.0.113.5", "tls:203.0.113.5:5061" },
	{ "sips:203.0.113.5:5070;transport=tcp", "tls:203.0.113.5:5070" }, /* TLS over it */
	{ "sips:203.0.113.5;transport=udp", "" },
	{ "sip:203.0.113.5;transport=TLS", "tls:203.0.113.5:5061" },
	{ "sip:203.0.113.5", "udp:203.0.113.5:5060" },
	{ "sips:full.example", "tls:203.0.113.1:5081" },
	{ "sip:full.example", "tcp:203.0.113.3:5061 udp:203.0.113.1:5060 udp:203.0.113.2:5070 tls:203.0.113.1:5081" },
	{ "sip:srv.example;transport=tls", "tls:203.0.113.12:5074" },
	{ "sips:srv.example", "tls:203.0.113.12:5074" },
	{ "sips:host.example", "tls:203.0.113.11:5061 tls:203.0.113.12:5061" },
	{ "sips:host.example:5090", "tls:203.0.113.11:5090 tls:203.0.113.12:5090" },
};

static void test_tls(void **state)
{
	(void)state;
	fake_free(f);
	start_with(BOTH FAKE_TLS);
	for (size_t i = 0; i < ARRAY_LEN(tls_table); i++)
		if (strcmp(locate(tls_table[i].uri), tls_table[i].want) != 0)
			fail_msg("%s: %s", tls_table[i].uri, locate(tls_table[i].uri));
	fake_free(f);
	start_with(FAKE_TLS);
	assert_string_equal(locate("sip:203.0.113.5"), "tls:203.0.113.5:5061");
	assert_string_equal(locate("sip:full.example"), "tls:203.0.113.1:5081");
}

/* Whose certificate is asked for is what the URI says, not what DNS says; one connection serves one name. */
static void test_tls_name(void **state)
{
	struct fake_call c[4] = { 0 };

	(void)state;
	fake_free(f);
	start_with(FAKE_TLS "verify_server=yes\n");
	fake_ask(f, &c[0], SIP_OPTIONS, "sips:x@full.example", NULL);
	fake_to(fake_expect(f, "OPTIONS"), "203.0.113.1:5081");
	assert_string_equal(f->meant, "full.example");
	assert_true(span_istarts(f->last->via.text, SPAN("SIP/2.0/TLS 192.0.2.1:5061;")));
	f->meant[0] = '\0';
	fake_ask(f, &c[1], SIP_OPTIONS, "sips:y@FULL.example", NULL);
	fake_expect(f, "OPTIONS");
	assert_string_equal(f->meant, ""); /* the same */
	fake_ask(f, &c[2], SIP_OPTIONS, "sips:x@203.0.113.1:5081", NULL);
	fake_expect(f, "OPTIONS");
	assert_string_equal(f->meant, "203.0.113.1");
	fake_ask(f, &c[3], SIP_OPTIONS, "sips:x@198.51.100.9",
		 &(struct sip_ask){ .proxy = SPAN("sips:full.example;lr") });
	fake_expect(f, "OPTIONS");
	assert_string_equal(f->meant,
			    "203.0.113.1"); /* the first is still there: names that take turns do not pile up */
	assert_int_equal(f->n_socks, 3);
}

/* A connection whose name nobody checked will not do once names are checked; one that a phone has opened will. */
static void test_tls_unchecked(void **state)
{
	struct fake_call c[3] = { 0 };
	struct addr phone = fake_addr(PHONE);
	struct flow conn;

	(void)state;
	fake_free(f);
	start_with(FAKE_TLS);
	fake_ask(f, &c[0], SIP_OPTIONS, "sips:x@full.example", NULL);
	fake_to(fake_expect(f, "OPTIONS"), "203.0.113.1:5081");
	assert_int_equal(f->n_socks, 2);
	fake_conf(f, FAKE_TLS "verify_server=yes\n", NULL);
	fake_ask(f, &c[1], SIP_OPTIONS, "sips:x@full.example", NULL);
	fake_to(fake_expect(f, "OPTIONS"), "203.0.113.1:5081");
	assert_int_equal(f->n_socks, 3);
	conn = fake_conn(f, 1, &phone);
	f->sink.accepted(f->sip, &conn);
	fake_ask(f, &c[2], SIP_OPTIONS, "sips:x@" PHONE, NULL);
	fake_expect(f, "OPTIONS");
	assert_int_equal(f->last->flow.sock, conn.sock);
}

static void test_no_address(void **state)
{
	struct fake_call c = { 0 }, d = { 0 }, e = { 0 };

	(void)state;
	fake_ask(f, &c, SIP_INVITE, "sip:x@nothing.example", NULL);
	assert_int_equal(c.code, 404);
	fake_ask(f, &d, SIP_INVITE, "sip:x@203.0.113.1;transport=tls", NULL);
	assert_int_equal(d.code, 404);
	fake_ask(f, &e, SIP_INVITE, "sip:x@a b", NULL);
	assert_int_equal(e.code, 400);
	fake_silence(f);
}

static void test_forgotten_while_asking(void **state)
{
	struct fake_call c = { 0 }, d = { 0 };

	(void)state;
	f->dns_silent = true;
	fake_ask(f, &c, SIP_INVITE, "sip:x@host.example", NULL);
	fake_ask(f, &d, SIP_OPTIONS, "sip:x@host.example", NULL);
	sip_uac_cancel(c.uac, SPAN_NONE);
	sip_uac_forget(d.uac);
	fake_run(f, 0);
	assert_int_equal(c.code, 487);
	assert_int_equal(d.finals, 0);
	assert_true(list_empty(&f->sip->uacs));
	f->dns_silent = false;
	clock_in(&f->clock, &f->dns, 0);
	fake_run(f, 0);
	fake_silence(f);
}

/* One answer serves two, and the first forgets the second. */
static struct sip_uac *victim;

static void forget_the_other(struct fake_call *c UNUSED, const struct sip_msg *m UNUSED)
{
	if (victim)
		sip_uac_forget(victim);
	victim = NULL;
}

static void test_forgotten_by_a_neighbour(void **state)
{
	struct fake_call c = { .on_answer = forget_the_other }, d = { 0 };

	(void)state;
	fake_ask(f, &c, SIP_OPTIONS, "sip:x@nothing.example:5060", NULL);
	c = (struct fake_call){ .on_answer = forget_the_other };
	fake_run(f, 60000);
	f->dns_silent = true;
	fake_ask(f, &c, SIP_OPTIONS, "sip:x@nothing.example:5060", NULL);
	fake_ask(f, &d, SIP_OPTIONS, "sip:x@nothing.example:5060", NULL);
	victim = d.uac;
	f->dns_silent = false;
	clock_in(&f->clock, &f->dns, 0);
	fake_run(f, 0);
	assert_int_equal(c.code, 404);
	assert_int_equal(d.finals, 0);
	assert_true(list_empty(&f->sip->uacs));
}

static void test_many_dead(void **state)
{
	unsigned kept = 0;

	(void)state;
	for (uint32_t i = 0; i < 5000; i++) {
		struct sip_target t = { NET_UDP, { .family = 4, .port = (uint16_t)(1 + i), .ip = { 10 } } };

		sip_target_dead(f->sip, &t, 32000);
	}
	list_for(n, &f->sip->dead_by_age)
		kept++;
	assert_in_range(kept, 1000, 1100);
}

/* Names that peers choose cannot fill the memory; nor can they make one answer go away while it is read. */
static void test_many_names(void **state)
{
	struct sip_uri u;
	unsigned was;

	(void)state;
	called = 0;
	for (int i = 0; i < 10000; i++) {
		char uri[64];

		snprintf(uri, sizeof uri, "sip:n%d.example:5060", i);
		assert_true(sip_uri_parse(span_of(uri), &u));
		sip_locate(f->sip, &u, located, f);
		if (f->n_asked == ARRAY_LEN(f->asked))
			fake_run(f, 0);
	}
	fake_run(f, 0);
	assert_int_equal(called, 10000);
	was = f->questions;
	locate("sip:n9999.example:5060");
	assert_int_equal(f->questions, was); /* still known */
	locate("sip:n0.example:5060");
	assert_int_equal(f->questions, was + 1); /* forgotten */
}

static void test_outbound_proxy(void **state)
{
	static const struct {
		const char *proxy, *route;
		enum net_proto proto;
		const char *to;
	} rows[] = {
		{ "sip:203.0.113.50:5090;lr", "<sip:203.0.113.50:5090;lr>", NET_UDP, "203.0.113.50:5090" },
		{ "sip:203.0.113.50;transport=tcp;lr", "<sip:203.0.113.50;transport=tcp;lr>", NET_TCP,
		  "203.0.113.50:5060" },
		{ "<sip:203.0.113.50;lr>", "<sip:203.0.113.50;lr>", NET_UDP, "203.0.113.50:5060" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fake_call c = { 0 };
		struct sip_ask a = { .proxy = span_of(rows[i].proxy) };

		fake_ask(f, &c, SIP_OPTIONS, "sip:x@198.51.100.200", &a);
		fake_to(fake_expect(f, "OPTIONS"), rows[i].to);
		assert_int_equal(f->last->flow.proto, rows[i].proto);
		assert_true(span_is(sip_hdr_value(f->last, SIP_HDR_ROUTE), rows[i].route));
		assert_true(span_is(f->last->ruri.text, "sip:x@198.51.100.200"));
		fake_reply(f, f->last, 200, "x", "");
	}
}

#define T(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_table),
		T(test_tcp_only),
		T(test_tls),
		T(test_tls_name),
		T(test_tls_unchecked),
		T(test_weights),
		T(test_cache),
		T(test_shared_question),
		T(test_timeout),
		T(test_dead_comes_last),
		T(test_icmp_and_503),
		T(test_left_behind),
		T(test_no_address),
		T(test_forgotten_while_asking),
		T(test_forgotten_by_a_neighbour),
		T(test_many_dead),
		T(test_many_names),
		T(test_outbound_proxy),
	};

	return cmocka_run_group_tests_name("sip locate", tests, NULL, NULL);
}
