/* tests/unit/test_nat_ingress.c: where responses go, and which header rewrite_contact changes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <string.h>

#include "nat/nat.h"

static struct addr at(const char *text)
{
	struct addr a = { 0 };

	if (text[0])
		assert_true(addr_parse(span_of(text), &a));
	return a;
}

enum { RPORT = 1, FORCE = 2, TCP = 4, ADD_RPORT = 1, ADD_RECEIVED = 2 };

static const struct {
	const char *says, *src, *host;
	unsigned port, flags;
	const char *maddr, *to;
	unsigned adds;
} vias[] = {
	{ "neither asked nor forced: received address, sent-by port", "203.0.113.77:49410", "192.0.2.20", 5060, 0, "",
	  "203.0.113.77:5060", ADD_RECEIVED },
	{ "no port in sent-by is 5060", "203.0.113.77:49410", "192.0.2.20", 0, 0, "", "203.0.113.77:5060",
	  ADD_RECEIVED },
	{ "sent-by is the source: nothing to add", "192.0.2.20:5062", "192.0.2.20", 5062, 0, "", "192.0.2.20:5062", 0 },
	{ "a name in sent-by: received", "192.0.2.20:5060", "phone.example.com", 5060, 0, "", "192.0.2.20:5060",
	  ADD_RECEIVED },
	{ "the client asked", "203.0.113.77:49410", "192.0.2.20", 5060, RPORT, "", "203.0.113.77:49410",
	  ADD_RPORT | ADD_RECEIVED },
	{ "force_rport: even if the client did not ask", "203.0.113.77:49410", "192.0.2.20", 5060, FORCE, "",
	  "203.0.113.77:49410", ADD_RPORT | ADD_RECEIVED },
	{ "rport always brings received", "192.0.2.20:5060", "192.0.2.20", 5060, RPORT, "", "192.0.2.20:5060",
	  ADD_RPORT | ADD_RECEIVED },
	{ "maddr comes first, with sent-by's port", "192.0.2.20:5060", "192.0.2.20", 5070, RPORT, "224.0.1.75",
	  "224.0.1.75:5070", ADD_RPORT | ADD_RECEIVED },
	{ "force_rport: not maddr", "192.0.2.20:5062", "192.0.2.20", 5070, FORCE, "192.0.2.99", "192.0.2.20:5062",
	  ADD_RPORT | ADD_RECEIVED },
	{ "v6 sent-by in brackets", "[2001:db8::2]:5060", "[2001:db8::2]", 5060, 0, "", "[2001:db8::2]:5060", 0 },
	{ "a lost connection is dialled at sent-by's port", "203.0.113.77:49410", "192.0.2.20", 5062, RPORT | TCP, "",
	  "203.0.113.77:5062", ADD_RPORT | ADD_RECEIVED },
};

static void test_via(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(vias); i++) {
		struct nat_via_ask ask = { .src = at(vias[i].src),
					   .host = span_of(vias[i].host),
					   .port = (uint16_t)vias[i].port,
					   .has_rport = vias[i].flags & RPORT,
					   .force_rport = vias[i].flags & FORCE,
					   .reliable = vias[i].flags & TCP,
					   .maddr = at(vias[i].maddr) };
		struct nat_via say = nat_via(&ask);
		char text[ADDR_STRLEN];

		if (strcmp(addr_str(&say.to, text), vias[i].to) != 0)
			fail_msg("%s: to %s", vias[i].says, text);
		if (say.add_rport != (bool)(vias[i].adds & ADD_RPORT) ||
		    say.add_received != (bool)(vias[i].adds & ADD_RECEIVED))
			fail_msg("%s: parameters", vias[i].says);
	}
}

enum { ON = 1, REG = 2, REQ = 4, DLG = 8, RR = 16, ROUTES = 32, STAR = 64 };

static const struct {
	const char *says;
	unsigned is;
	enum nat_rewrite want;
} contacts[] = {
	{ "off: nothing", REQ, NAT_KEEP },
	{ "off: nothing, Record-Route or not", REQ | RR, NAT_KEEP },
	{ "REGISTER", ON | REG | REQ, NAT_REWRITE_CONTACT },
	{ "REGISTER ignores Record-Route", ON | REG | REQ | RR, NAT_REWRITE_CONTACT },
	{ "* is ignored", ON | REG | REQ | STAR, NAT_KEEP },
	{ "the 200 to our REGISTER is never rewritten", ON | REG, NAT_KEEP },
	{ "nor the answer to our OPTIONS", ON, NAT_KEEP },
	{ "nor with Record-Route", ON | RR, NAT_KEEP },
	{ "initial INVITE", ON | REQ, NAT_REWRITE_CONTACT },
	{ "initial INVITE through a proxy: its Record-Route instead", ON | REQ | RR, NAT_REWRITE_ROUTE },
	{ "200 to our INVITE", ON | DLG, NAT_REWRITE_CONTACT },
	{ "200 to our INVITE through a proxy", ON | DLG | RR, NAT_REWRITE_ROUTE },
	{ "re-INVITE, no routes", ON | REQ | DLG, NAT_REWRITE_CONTACT },
	{ "re-INVITE in a routed dialog without Record-Route", ON | REQ | DLG | ROUTES, NAT_KEEP },
	{ "re-INVITE in a routed dialog with Record-Route", ON | REQ | DLG | ROUTES | RR, NAT_REWRITE_ROUTE },
	{ "200 to our re-INVITE in a routed dialog", ON | DLG | ROUTES, NAT_KEEP },
	{ "a tel: Contact is ignored", ON | REQ | STAR, NAT_KEEP },
	{ "the route is rewritten whatever the Contact is", ON | REQ | RR | STAR, NAT_REWRITE_ROUTE },
};

static void test_contact(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(contacts); i++) {
		unsigned is = contacts[i].is;
		struct nat_contact_ask ask = { .rewrite_contact = is & ON,
					       .is_register = is & REG,
					       .is_request = is & REQ,
					       .in_dialog = is & DLG,
					       .has_record_route = is & RR,
					       .dialog_has_routes = is & ROUTES,
					       .contact_is_sip = !(is & STAR) };

		if (nat_contact_rule(&ask) != contacts[i].want)
			fail_msg("%s", contacts[i].says);
	}
}

static const struct {
	const char *says, *src, *via, *contact;
	uint16_t port;
	unsigned n_vias;
	bool rport, reliable, want, tls;
} seen[] = {
	{ "no NAT", "203.0.113.9:5060", "203.0.113.9", "203.0.113.9", 5060, 1, true, false, false },
	{ "a private address, translated", "203.0.113.9:40007", "192.168.1.20", "192.168.1.20", 5060, 1, true, false,
	  true },
	{ "within private networks", "192.168.1.77:5060", "10.0.0.2", "10.0.0.2", 5060, 1, false, false, true },
	{ "a SIP ALG wrote the address, not the port", "203.0.113.9:40007", "203.0.113.9", "203.0.113.9", 5060, 1, true,
	  false, true },
	{ "a client that sends from another port", "203.0.113.9:40007", "203.0.113.9", "203.0.113.9", 0, 1, false,
	  false, false },
	{ "TCP from any port", "203.0.113.9:40007", "203.0.113.9", "203.0.113.9", 5060, 1, true, true, false },
	{ "TLS from any port", "203.0.113.9:40007", "203.0.113.9", "203.0.113.9", 5061, 1, true, true, true, true },
	{ "TLS from a proxy", "203.0.113.9:40007", "203.0.113.9", "192.168.1.20", 5061, 2, true, true, false, true },
	{ "TCP, translated", "203.0.113.9:40007", "192.168.1.20", "192.168.1.20", 5060, 1, true, true, true },
	{ "a proxy forwarded it", "203.0.113.9:5060", "192.168.1.20", "192.168.1.20", 5060, 2, true, false, false },
	{ "it registers somebody else", "203.0.113.9:40007", "192.168.1.20", "192.168.1.30", 5060, 1, true, false,
	  false },
	{ "its Contact is where it comes from", "203.0.113.9:40007", "192.168.1.20", "203.0.113.9", 5060, 1, true,
	  false, true },
	{ "names say nothing", "203.0.113.9:40007", "phone.example.com", "phone.example.com", 5060, 1, true, false,
	  false },
};

static void test_seen(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(seen); i++) {
		struct nat_seen s = { .via_host = span_of(seen[i].via),
				      .contact_host = span_of(seen[i].contact),
				      .via_port = seen[i].port,
				      .n_vias = seen[i].n_vias,
				      .has_rport = seen[i].rport,
				      .reliable = seen[i].reliable,
				      .tls = seen[i].tls };

		assert_true(addr_parse(span_of(seen[i].src), &s.src));
		if (nat_is_seen(&s) != seen[i].want)
			fail_msg("%s", seen[i].says);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_via), cmocka_unit_test(test_contact),
					    cmocka_unit_test(test_seen) };

	return cmocka_run_group_tests_name("nat ingress", tests, NULL, NULL);
}
