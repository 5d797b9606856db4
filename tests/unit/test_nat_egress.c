/* tests/unit/test_nat_egress.c: which address is written for which destination, one row per sentence of the semantics.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "nat/nat.h"

static struct addr at(const char *text)
{
	struct addr a = { 0 };

	if (text[0])
		assert_true(addr_parse(span_of(text), &a));
	return a;
}

struct world {
	struct conf_transport t;
	struct net_rule rules[8];
	struct nat_door door;
};

static void build(struct world *w, const char *nets)
{
	struct span in = span_of(nets), item;
	const char *why;

	*w = (struct world){ .t = { .external_signaling_hostname = "" } };
	while (nets[0] && span_cut(&in, ',', &item))
		assert_true(net_rule_parse(item, &w->rules[w->t.local_net.n++], &why));
	w->t.local_net.rules = w->rules;
	w->door.t = &w->t;
}

static const struct {
	const char *says, *nets, *dst;
	bool local;
} locals[] = {
	{ "an empty list makes nothing local", "", "192.0.2.20", false },
	{ "a rule says local", "192.0.2.0/24", "192.0.2.20:5060", true },
	{ "no rule matches", "192.0.2.0/24", "203.0.113.1:5060", false },
	{ "host bits are masked off", "192.0.2.77/24", "192.0.2.20", true },
	{ "no mask is one host", "192.0.2.20", "192.0.2.21", false },
	{ "dotted masks are masks", "10.0.0.0/255.0.0.0", "10.9.8.7", true },
	{ "! inverts", "!192.0.2.0/24", "192.0.2.20", false },
	{ "the last match wins: not local", "192.0.2.0/24,!192.0.2.20", "192.0.2.20", false },
	{ "the last match wins: local", "!192.0.2.20,192.0.2.0/24", "192.0.2.20", true },
	{ "v4 rules hold for v4-mapped v6", "192.0.2.0/24", "[::ffff:192.0.2.20]:5060", true },
	{ "v4 rules never hold for real v6", "0.0.0.0/0", "2001:db8::1", false },
	{ "v6 rules never hold for v4", "::/0", "192.0.2.20", false },
	{ "v6 prefixes work", "2001:db8::/32", "[2001:db8::1]:5060", true },
};

static void test_local(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(locals); i++) {
		struct addr dst = at(locals[i].dst);
		struct world w;

		build(&w, locals[i].nets);
		if (nat_is_local(&w.t, &dst) != locals[i].local)
			fail_msg("%s", locals[i].says);
	}
}

static const struct {
	const char *says, *nets, *ext, *name;
	unsigned ext_port;
	const char *local, *dst, *host;
	unsigned port;
	bool external;
} faces[] = {
	{ "nothing set: our own", "192.0.2.0/24", "", "", 0, "192.0.2.10:5060", "203.0.113.1:5060", "192.0.2.10", 5060,
	  false },
	{ "a far destination sees the external address", "192.0.2.0/24", "198.51.100.5", "", 0, "192.0.2.10:5060",
	  "203.0.113.1:5060", "198.51.100.5", 5060, true },
	{ "a local one does not", "192.0.2.0/24", "198.51.100.5", "", 5080, "192.0.2.10:5060", "192.0.2.20:5060",
	  "192.0.2.10", 5060, false },
	{ "no local_net: every destination does, LAN phones too", "", "198.51.100.5", "", 0, "192.0.2.10:5060",
	  "192.0.2.20:5060", "198.51.100.5", 5060, true },
	{ "external_signaling_port replaces the port", "192.0.2.0/24", "198.51.100.5", "", 5080, "192.0.2.10:5060",
	  "203.0.113.1", "198.51.100.5", 5080, true },
	{ "a port alone does nothing", "192.0.2.0/24", "", "", 5080, "192.0.2.10:5060", "203.0.113.1", "192.0.2.10",
	  5060, false },
	{ "a hostname is written as it is", "192.0.2.0/24", "", "pbx.example.com", 0, "192.0.2.10:5060", "203.0.113.1",
	  "pbx.example.com", 5060, true },
	{ "v6 stands in brackets", "", "", "", 0, "[2001:db8::5]:5060", "[2001:db8::1]:5060", "[2001:db8::5]", 5060,
	  false },
	{ "external v6 too", "fd00::/8", "2001:db8::77", "", 0, "[fd00::5]:5060", "[2001:db8::1]:5060",
	  "[2001:db8::77]", 5060, true },
	{ "another family's address is not written", "192.0.2.0/24", "198.51.100.5", "", 0, "[fd00::5]:5060",
	  "[2001:db8::1]:5060", "[fd00::5]", 5060, false },
	{ "no port stays no port", "", "198.51.100.5", "", 0, "192.0.2.10", "203.0.113.1", "198.51.100.5", 0, true },
};

static void test_signaling(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(faces); i++) {
		struct addr local = at(faces[i].local), dst = at(faces[i].dst);
		struct nat_face f;
		struct world w;

		build(&w, faces[i].nets);
		w.door.ext_signaling = at(faces[i].ext);
		w.t.external_signaling_hostname = faces[i].name;
		w.t.external_signaling_port = faces[i].ext_port;
		nat_signaling_face(&w.door, &(struct nat_way){ .local = local, .dst = dst }, &f);
		if (strcmp(f.host, faces[i].host) != 0 || f.port != faces[i].port || f.external != faces[i].external)
			fail_msg("%s: got %s:%u%s", faces[i].says, f.host, f.port, f.external ? " external" : "");
	}
}

static const struct {
	const char *says, *nets, *ext, *local, *dst, *face;
} media[] = {
	{ "nothing set: our own", "192.0.2.0/24", "", "192.0.2.10:10000", "203.0.113.1:5060", "192.0.2.10:10000" },
	{ "far: the address changes, the port never", "192.0.2.0/24", "198.51.100.5", "192.0.2.10:10000",
	  "203.0.113.1:5060", "198.51.100.5:10000" },
	{ "a reply to a LAN phone keeps the private SDP", "192.0.2.0/24", "198.51.100.5", "192.0.2.10:10000",
	  "192.0.2.20:5060", "192.0.2.10:10000" },
	{ "an address outside local_net is left alone", "192.0.2.0/24", "198.51.100.5", "203.0.113.9:10000",
	  "203.0.113.1:5060", "203.0.113.9:10000" },
	{ "a local interface outside local_net leaks (F1b)", "192.0.2.0/24", "198.51.100.5", "172.17.0.1:10000",
	  "203.0.113.1:5060", "172.17.0.1:10000" },
	{ "no local_net: always external", "", "198.51.100.5", "192.0.2.10:10000", "192.0.2.20:5060",
	  "198.51.100.5:10000" },
	{ "a name that never resolved changes nothing", "", "", "192.0.2.10:10000", "203.0.113.1:5060",
	  "192.0.2.10:10000" },
	{ "the family of the stream is kept", "", "198.51.100.5", "[fd00::1]:10000", "203.0.113.1:5060",
	  "[fd00::1]:10000" },
};

static void test_media(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(media); i++) {
		struct addr local = at(media[i].local), dst = at(media[i].dst), face;
		char text[ADDR_STRLEN];
		struct world w;

		build(&w, media[i].nets);
		w.door.ext_media = at(media[i].ext);
		face = nat_media_face(&w.door, &(struct nat_way){ .local = local, .dst = dst });
		if (strcmp(addr_str(&face, text), media[i].face) != 0)
			fail_msg("%s: got %s", media[i].says, text);
	}
}

static const struct {
	const char *says, *nets, *stun, *peer, *dst, *face, *media;
} found[] = {
	{ "the mapped port is written", "", "198.51.100.5:40001", "", "203.0.113.1:5060", "198.51.100.5:40001",
	  "198.51.100.5:10000" },
	{ "a peer is told what it sees", "", "198.51.100.5:40001", "198.51.100.6:45000", "203.0.113.1:5060",
	  "198.51.100.6:45000", "198.51.100.6:10000" },
	{ "no local_net: what is private is inside", "", "198.51.100.5:40001", "", "192.168.1.20:5060",
	  "192.168.1.10:5060", "192.168.1.10:10000" },
	{ "local_net decides alone when it is written", "10.0.0.0/8", "198.51.100.5:40001", "", "192.168.1.20:5060",
	  "198.51.100.5:40001", "192.168.1.10:10000" },
	{ "nothing is known yet", "", "", "", "203.0.113.1:5060", "192.168.1.10:5060", "192.168.1.10:10000" },
};

static void test_found(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(found); i++) {
		struct addr local = at("192.168.1.10:5060"), rtp = at("192.168.1.10:10000"), dst = at(found[i].dst);
		struct addr server = at("203.0.113.70:3478"), stun = at(found[i].stun), seen = at(found[i].peer), sdp;
		char got[300], media_got[ADDR_STRLEN];
		struct nat_face f;
		struct world w;

		build(&w, found[i].nets);
		w.door.auto_signaling = w.door.auto_media = true;
		if (stun.family)
			nat_external_stun(&w.door.found, 0, &server, &stun);
		if (seen.family)
			nat_external_peer(&w.door.found, &dst, &seen);
		nat_signaling_face(&w.door, &(struct nat_way){ .local = local, .dst = dst }, &f);
		snprintf(got, sizeof got, "%s:%u", f.host, f.port);
		sdp = nat_media_face(&w.door, &(struct nat_way){ .local = rtp, .dst = dst });
		if (strcmp(got, found[i].face) != 0 || strcmp(addr_str(&sdp, media_got), found[i].media) != 0)
			fail_msg("%s: got %s and %s", found[i].says, got, addr_str(&sdp, media_got));
	}
}

/* What routes add to local_net; each needs by_route, and changes nothing without it. */
static const struct {
	const char *says, *ext, *local, *dst;
	bool beside, written;
	const char *sip, *sdp;
} routes[] = {
	{ "a VPN that local_net forgot", "198.51.100.5", "10.8.0.1", "10.8.0.21", true, false, "10.8.0.1", "10.8.0.1" },
	{ "private, but behind the default route (a container)", "198.51.100.5", "172.17.0.2", "192.168.1.20", false,
	  false, "198.51.100.5", "172.17.0.2" },
	{ "an external address that is private is for private destinations", "10.1.1.5", "192.168.2.10", "10.1.1.20",
	  true, false, "10.1.1.5", "192.168.2.10" },
	{ "our second card's private address does not go out (F1b)", "198.51.100.5", "172.17.0.1", "203.0.113.1", false,
	  false, "198.51.100.5", "198.51.100.5" },
	{ "unless it is written", "198.51.100.5", "172.17.0.1", "203.0.113.1", false, true, "198.51.100.5",
	  "172.17.0.1" },
	{ "a public address of ours stays", "198.51.100.5", "203.0.113.9", "203.0.113.1", false, false, "198.51.100.5",
	  "203.0.113.9" },
};

static void test_routes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(routes); i++) {
		struct nat_way way = { .local = at(routes[i].local),
				       .dst = at(routes[i].dst),
				       .written = routes[i].written };
		char text[ADDR_STRLEN];
		struct nat_face f;
		struct addr sdp;
		struct world w;

		build(&w, "192.168.1.0/28");
		w.door.ext_signaling = w.door.ext_media = at(routes[i].ext);
		assert_false(nat_asks_route(&w.door, &way.local, &way.dst));
		w.door.by_route = true;
		way.beside = routes[i].beside && nat_asks_route(&w.door, &way.local, &way.dst);
		nat_signaling_face(&w.door, &way, &f);
		sdp = nat_media_face(&w.door, &way);
		if (strcmp(f.host, routes[i].sip) != 0 || strcmp(addr_ip_str(&sdp, text), routes[i].sdp) != 0)
			fail_msg("%s: got %s and %s", routes[i].says, f.host, addr_ip_str(&sdp, text));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_local), cmocka_unit_test(test_signaling), cmocka_unit_test(test_media),
		cmocka_unit_test(test_found), cmocka_unit_test(test_routes),
	};

	return cmocka_run_group_tests_name("nat egress", tests, NULL, NULL);
}
