/*
 * tests/unit/test_nat_doctor.c: the doctor's rules, each with the fewest facts that make it speak, and the same facts
 * without the one that matters, which leave it silent. tests/faults shows them in whole calls.
 */
#include "nat/doctor.h"
#include "test_conf_mem.h"

static const char pjsip[] =
	"[udp]\ntype=transport\nprotocol=udp\nbind=0.0.0.0\n"
	"[6001]\ntype=endpoint\ncontext=c\nallow=!all,ulaw\naors=6001\nrtp_symmetric=yes\n"
	"rewrite_contact=yes\n"
	"[6001]\ntype=aor\nmax_contacts=1\nqualify_frequency=30\nqualify_timeout=3\n"
	"[gw]\ntype=endpoint\ncontext=c\nallow=!all,ulaw\naors=gw\n"
	"[gw]\ntype=aor\ncontact=sip:gw.example.com\n"
	"[gw-ip]\ntype=identify\nendpoint=gw\nmatch=203.0.113.1\n"
	"[reg]\ntype=registration\nserver_uri=sip:gw.example.com\nclient_uri=sip:a@gw.example.com\n";

struct patient { /* a call of 10 s between a phone behind NAT and us, on a public address; all is well */
	struct conf *conf;
	struct nat_door door;
	struct leg_facts leg;
	struct call_facts call;
	struct lint_host host;
};

static struct addr at(const char *text)
{
	struct addr a;

	assert_true(addr_parse(span_of(text), &a));
	return a;
}

static struct patient healthy(void)
{
	static const char *const files[] = { "pjsip.conf", pjsip, "extensions.conf", "[c]\n", NULL };
	struct patient p = { .conf = mem_load(files, NULL) };
	struct leg_facts *f = &p.leg;

	p.door.t = &p.conf->transports[0];
	p.host = (struct lint_host){ at("203.0.113.10:0"), 24 };
	*f = (struct leg_facts){ .endpoint = "6001",
				 .incoming = true,
				 .answered = true,
				 .is_phone = true,
				 .behind_nat = true,
				 .heard = true,
				 .born = 1000,
				 .answered_at = 2000,
				 .sdp_at = 1000,
				 .peer = at("203.0.113.77:40000"),
				 .here = at("203.0.113.10:5060"),
				 .told = at("203.0.113.10:5060"),
				 .face = at("203.0.113.10:10000"),
				 .target = at("203.0.113.77:40000"),
				 .has_media = true };
	f->audio = (struct media_stats){ .rx_packets = 500,
					 .tx_packets = 500,
					 .sdp_addr = at("192.168.1.20:4000"),
					 .rx_source = at("203.0.113.77:40002"),
					 .tx_to = at("203.0.113.77:40002"),
					 .first_rx = 2010,
					 .last_rx = 11990,
					 .first_tx = 2010,
					 .latch = LATCH_CLOSED };
	p.call = (struct call_facts){ .now = 12000, .n_legs = 1 };
	return p;
}

/* The code of the first finding; FINDINGS: none. */
static enum finding_code ask(struct patient *p, enum why *why, char *text, size_t cap)
{
	struct leg_settings s = { conf_endpoint(p->conf, span_of(p->leg.endpoint)), &p->door };
	struct doctor_ask a = { .conf = p->conf, .call = &p->call, .settings = &s, .host = &p->host, .n_host = 1 };
	struct lint l = { 0 };
	enum finding_code code = FINDINGS;

	p->call.legs[0] = &p->leg;
	*why = doctor_call(&a, &l);
	if (l.n) {
		code = l.v[0].code;
		snprintf(text, cap, "%s; set %s", l.v[0].evidence, l.v[0].text);
	}
	lint_free(&l);
	return code;
}

static void expect(struct patient *p, enum finding_code code, const char *word)
{
	char text[600] = "";
	enum why why;
	enum finding_code said = ask(p, &why, text, sizeof text);

	if (said != code || !strstr(text, word))
		printf("said %s: %s\n", said < FINDINGS ? finding_rows[said].code : "nothing", text);
	assert_int_equal(said, code);
	assert_non_null(strstr(text, word));
	assert_int_equal(why == WHY_FOUND, code != FINDINGS);
	conf_unref(p->conf);
}

static void fine(void **state)
{
	struct patient p = healthy();
	char text[600];
	enum why why;

	(void)state;
	assert_int_equal(ask(&p, &why, text, sizeof text), FINDINGS);
	assert_int_equal(why, WHY_FINE);
	p.leg.answered_at = 11000;
	assert_int_equal(ask(&p, &why, text, sizeof text), FINDINGS);
	assert_int_equal(why, WHY_EARLY);
	p.leg.answered = false;
	p.leg.answered_at = 0;
	assert_int_equal(ask(&p, &why, text, sizeof text), FINDINGS);
	assert_int_equal(why, WHY_NONE);
	conf_unref(p.conf);
}

/* Its receiver reports say that nothing arrives, although we send where it sends from. */
static void far_firewall(void **state)
{
	struct patient p = healthy();

	(void)state;
	p.leg.audio.rr_count = 2;
	p.leg.audio.rr_fraction = 255;
	expect(&p, NAT056, "255/256");
	p = healthy();
	p.leg.audio.rr_count = 2;
	p.leg.audio.rr_moving = true;
	p.leg.audio.rr_fraction = 3;
	expect(&p, FINDINGS, "");
}

static void formats(void **state)
{
	struct patient p = healthy();

	(void)state;
	p.leg.audio.rx_mismatch = 480;
	expect(&p, NAT066, "480 of 500");
	p = healthy();
	p.leg.audio.rx_mismatch = 5; /* a few at the change of a codec */
	expect(&p, FINDINGS, "");
	p = healthy();
	p.leg.audio.rx_cn = 500;
	expect(&p, NAT068, "comfort noise");
}

static void family(void **state)
{
	struct patient p = healthy();

	(void)state;
	p.leg.audio.rx_packets = 0;
	p.leg.audio.rx_source = (struct addr){ 0 };
	p.leg.audio.sdp_addr = at("[2001:db8::5]:4000");
	expect(&p, NAT065, "rtp_ipv6=yes");
}

/* Held, nobody needs to send; a leg that stopped and whose strangers were dropped is another matter. */
static void silence(void **state)
{
	struct patient p = healthy();

	(void)state;
	p.leg.audio.rx_packets = 0;
	p.leg.held = true;
	expect(&p, FINDINGS, "");
	p = healthy();
	p.call.now = 60000;
	p.leg.audio.rx_dropped = 400;
	p.leg.audio.last_dropped = at("203.0.113.99:5000");
	expect(&p, NAT054, "strictrtp=seqno");
	p = healthy();
	p.leg.audio.rx_packets = 0;
	p.leg.audio.tx_packets = 0;
	expect(&p, NAT067, "0 packets came");
}

static void unanswered(void **state)
{
	struct patient p = healthy();

	(void)state;
	p.leg.incoming = p.leg.answered = p.leg.heard = false;
	p.leg.end = LEG_SILENT;
	expect(&p, NAT063, "not even 100");
	p = healthy();
	p.leg.end = LEG_NO_ACK;
	expect(&p, NAT069, "never acknowledged");
	p = healthy();
	p.leg.repeats = 9; /* a proxy's Contact: our ACK goes elsewhere, and is lost */
	p.leg.target = at("10.0.0.5:5060");
	expect(&p, FINDINGS, ""); /* its audio is well: nothing to say */
	p = healthy();
	span_copy(SPAN("6001"), p.call.missing, sizeof p.call.missing);
	p.leg.answered = false;
	expect(&p, NAT063, "is not registered");
}

/* A re-INVITE moved its audio: from there nothing comes; or something does, and all is well. */
static void moved(void **state)
{
	struct patient p = healthy();

	(void)state;
	p.call.now = 60000;
	p.leg.reoffers = 1;
	p.leg.sdp_was = at("203.0.113.77:40002");
	p.leg.audio.sdp_addr = at("192.168.7.20:4000");
	expect(&p, NAT076, "direct_media=no in the PBX at 203.0.113.77");
	p = healthy();
	p.leg.reoffers = 1;
	p.leg.sdp_was = at("203.0.113.77:40002");
	p.leg.audio.sdp_addr = p.leg.audio.rx_source = p.leg.audio.tx_to = at("203.0.113.50:4000");
	expect(&p, FINDINGS, "");
	p = healthy();
	p.leg.asked_fax = true;
	expect(&p, NAT074, "fax over audio");
}

/* rewrite_contact where the port of the source is not the one that is listened on. */
static void rewritten(void **state)
{
	struct patient p = healthy();

	(void)state;
	p.leg.incoming = p.leg.answered = p.leg.heard = false;
	p.leg.end = LEG_SILENT;
	p.leg.written = at("203.0.113.77:5060");
	p.leg.by = at("203.0.113.77:40000");
	expect(&p, NAT075, "Contact says 203.0.113.77:5060");
	p = healthy();
	p.leg.incoming = p.leg.answered = p.leg.heard = false;
	p.leg.end = LEG_SILENT;
	p.leg.written = at("203.0.113.77:5060");
	p.leg.by = at("203.0.113.77:40000");
	p.leg.at_source = true;
	expect(&p, NAT063, "not even 100");
	p = healthy();
	p.leg.is_phone = false;
	p.leg.repeats = 5;
	p.leg.written = at("203.0.113.60:5060");
	p.leg.by = at("203.0.113.77:40000");
	expect(&p, NAT010, "not to 203.0.113.60:5060");
}

/* ---- the whole server ---- */

struct premises {
	struct patient p;
	struct transport_facts t;
	struct phone_facts phones[2];
	struct trunk_facts trunk;
	struct stranger_facts stranger;
	struct server_facts s;
};

static void settle(struct premises *x)
{
	x->p = healthy();
	x->t = (struct transport_facts){ x->p.door.t, &x->p.door, at("0.0.0.0:5060") };
	for (int i = 0; i < 2; i++)
		x->phones[i] = (struct phone_facts){ .ep = conf_endpoint(x->p.conf, SPAN("6001")),
						     .aor = conf_aor(x->p.conf, SPAN("6001")),
						     .uri = "sip:6001@203.0.113.77:40000",
						     .source = at(i ? "203.0.113.77:40000" : "203.0.113.88:40000"),
						     .behind_nat = true,
						     .rtt_ms = 20 };
	x->trunk = (struct trunk_facts){ &x->p.conf->registrations[0], true, false, "" };
	x->stranger = (struct stranger_facts){ at("203.0.113.9:0"), 4, NULL, NULL };
	x->s = (struct server_facts){ .conf = x->p.conf,
				      .host = &x->p.host,
				      .n_host = 1,
				      .transports = &x->t,
				      .n_transports = 1,
				      .phones = x->phones,
				      .n_phones = 2,
				      .trunks = &x->trunk,
				      .n_trunks = 1,
				      .strangers = &x->stranger,
				      .n_strangers = 1 };
}

static void premises_say(struct premises *x, enum finding_code code, const char *word)
{
	struct lint l = { 0 };

	doctor_server(&x->s, &l);
	if (code == FINDINGS) {
		if (l.n)
			printf("said %s: %s\n", finding_rows[l.v[0].code].code, l.v[0].evidence);
		assert_int_equal(l.n, 0);
	} else {
		assert_true(l.n > 0);
		if (l.v[0].code != code || !(strstr(l.v[0].evidence, word) || strstr(l.v[0].text, word)))
			printf("said %s: %s; set %s\n", finding_rows[l.v[0].code].code, l.v[0].evidence, l.v[0].text);
		assert_int_equal(l.v[0].code, code);
		assert_true(strstr(l.v[0].evidence, word) || strstr(l.v[0].text, word));
		assert_int_not_equal(l.v[0].sev, DIAG_NOTE);
	}
	lint_free(&l);
	conf_unref(x->p.conf);
}

static void server(void **state)
{
	struct premises x;

	(void)state;
	settle(&x);
	premises_say(&x, FINDINGS, "");
	settle(&x);
	x.p.door.seen = at("198.51.100.5:5060");
	premises_say(&x, NAT042, "198.51.100.5");
	settle(&x);
	x.p.door.seen = at("203.0.113.10:5060"); /* our own */
	premises_say(&x, FINDINGS, "");
	settle(&x);
	x.t.door = NULL;
	premises_say(&x, NAT031, "udp");
	settle(&x);
	x.p.door.found.stun[0] = (struct nat_view){ .by = at("203.0.113.70:3478"), .silent = true };
	premises_say(&x, NAT024, "203.0.113.70");
}

static void phones(void **state)
{
	struct premises x;

	(void)state;
	settle(&x);
	x.phones[0].unavailable = true;
	x.phones[0].rtt_ms = 4200;
	premises_say(&x, NAT014, "qualify_timeout=8.4");
	settle(&x);
	x.p.host = (struct lint_host){ at("172.17.0.2:0"), 16 };
	x.phones[0].source = x.phones[1].source = at("172.17.0.1:5060");
	premises_say(&x, NAT059, "172.17.0.1");
	settle(&x);
	x.p.host = (struct lint_host){ at("192.168.1.10:0"), 24 };
	x.p.door.seen = at("198.51.100.5:5060");
	x.p.door.auto_media = x.p.door.auto_signaling = true;
	x.phones[0].source = at("198.51.100.5:40000");
	premises_say(&x, NAT060, "local_net=!198.51.100.5");
}

static void providers(void **state)
{
	struct premises x;

	(void)state;
	settle(&x);
	x.trunk.up = false;
	x.trunk.why = "403 Forbidden";
	premises_say(&x, NAT062, "403 Forbidden");
	settle(&x);
	x.trunk.up = false;
	x.trunk.gave_up = true;
	x.trunk.why = "408 no answer";
	premises_say(&x, NAT043, "max_retries");
	settle(&x);
	x.stranger.name = "sip:gw.example.com";
	x.stranger.of = &x.p.conf->identifies[0];
	premises_say(&x, NAT034, "match=203.0.113.9");
}

static void routes(void **state)
{
	struct premises x;
	struct way_facts w;

	(void)state;
	settle(&x);
	w = (struct way_facts){
		.t = x.t.t, .o = &x.p.conf->registrations[0].o, .to = at("203.0.113.1:0"), .none = true
	};
	x.s.ways = &w;
	x.s.n_ways = 1;
	premises_say(&x, NAT078, "no route to 203.0.113.1, where reg is");
	settle(&x);
	w = (struct way_facts){ .t = x.t.t, .to = at("192.0.0.1:0"), .none = true }; /* a LAN that needs no world */
	x.s.ways = &w;
	x.s.n_ways = 1;
	premises_say(&x, FINDINGS, "");
	settle(&x);
	w = (struct way_facts){ .t = x.t.t, .o = &x.p.conf->registrations[0].o, .to = at("203.0.113.1:0") };
	w.r = (struct net_route){ .from = at("10.8.0.1:0"), .dev = "eth0", .beside = true };
	w.better = at("203.0.113.10:0");
	x.s.ways = &w;
	x.s.n_ways = 1;
	x.trunk.up = false;
	x.trunk.why = "";
	premises_say(&x, NAT077, "bind=203.0.113.10");
	settle(&x);
	w.t = x.t.t;
	w.o = &x.p.conf->registrations[0].o; /* and it is registered: so something sets it right */
	x.s.ways = &w;
	x.s.n_ways = 1;
	premises_say(&x, FINDINGS, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fine),   cmocka_unit_test(far_firewall), cmocka_unit_test(formats),
		cmocka_unit_test(family), cmocka_unit_test(silence),      cmocka_unit_test(unanswered),
		cmocka_unit_test(server), cmocka_unit_test(phones),       cmocka_unit_test(providers),
		cmocka_unit_test(moved),  cmocka_unit_test(rewritten),    cmocka_unit_test(routes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
