/* tests/unit/test_base_addr.c: addresses, what they are, prefixes and lists of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include <netinet/in.h>

#include "base/addr.h"
#include "base/util.h"

static const struct {
	const char *text, *want; /* NULL: refused */
	enum addr_class class;
} addrs[] = {
	{ "192.0.2.1", "192.0.2.1", ADDR_GLOBAL },
	{ "192.0.2.1:5060", "192.0.2.1:5060", ADDR_GLOBAL },
	{ "192.0.2.1:0", "192.0.2.1", ADDR_GLOBAL },
	{ "::1", "[::1]", ADDR_LOOPBACK },
	{ "[::1]", "[::1]", ADDR_LOOPBACK },
	{ "[2001:DB8::1]:5060", "[2001:db8::1]:5060", ADDR_GLOBAL },
	{ "2001:db8::1", "[2001:db8::1]", ADDR_GLOBAL },
	{ "0.0.0.0", "0.0.0.0", ADDR_NONE },
	{ "::", "[::]", ADDR_NONE },
	{ "127.1.2.3", "127.1.2.3", ADDR_LOOPBACK },
	{ "169.254.9.9", "169.254.9.9", ADDR_LINKLOCAL },
	{ "10.0.0.1", "10.0.0.1", ADDR_PRIVATE },
	{ "172.16.0.1", "172.16.0.1", ADDR_PRIVATE },
	{ "172.31.255.255", "172.31.255.255", ADDR_PRIVATE },
	{ "172.32.0.1", "172.32.0.1", ADDR_GLOBAL },
	{ "192.168.0.1", "192.168.0.1", ADDR_PRIVATE },
	{ "192.169.0.1", "192.169.0.1", ADDR_GLOBAL },
	{ "100.64.0.1", "100.64.0.1", ADDR_CGNAT },
	{ "100.127.255.255", "100.127.255.255", ADDR_CGNAT },
	{ "100.128.0.1", "100.128.0.1", ADDR_GLOBAL },
	{ "192.0.0.4", "192.0.0.4", ADDR_CLAT },
	{ "192.0.0.8", "192.0.0.8", ADDR_GLOBAL },
	{ "224.0.1.75", "224.0.1.75", ADDR_MULTICAST },
	{ "fe80::1", "[fe80::1]", ADDR_LINKLOCAL },
	{ "fec0::1", "[fec0::1]", ADDR_GLOBAL },
	{ "fd00::1", "[fd00::1]", ADDR_ULA },
	{ "ff02::1", "[ff02::1]", ADDR_MULTICAST },
	{ "", NULL, ADDR_NONE },
	{ "example.com", NULL, ADDR_NONE },
	{ "192.0.2", NULL, ADDR_NONE },
	{ "192.0.2.256", NULL, ADDR_NONE },
	{ "192.0.2.01", NULL, ADDR_NONE },
	{ "192.0.2.1:", NULL, ADDR_NONE },
	{ "192.0.2.1:65536", NULL, ADDR_NONE },
	{ "192.0.2.1:x", NULL, ADDR_NONE },
	{ "192.0.2.1 ", NULL, ADDR_NONE },
	{ "[::1", NULL, ADDR_NONE },
	{ "[::1]5060", NULL, ADDR_NONE },
	{ "[]", NULL, ADDR_NONE },
	{ "[192.0.2.1]:5060", "192.0.2.1:5060", ADDR_GLOBAL },
};

static void test_addresses(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(addrs); i++) {
		char text[ADDR_STRLEN];
		struct addr a;

		if (addr_parse(span_of(addrs[i].text), &a) != (addrs[i].want != NULL))
			fail_msg("'%s'", addrs[i].text);
		if (!addrs[i].want)
			continue;
		assert_string_equal(addr_str(&a, text), addrs[i].want);
		if (addr_class(&a) != addrs[i].class)
			fail_msg("%s is %s", text, addr_class_name(addr_class(&a)));
	}
}

static void test_sockaddr(void **state)
{
	static const char *const texts[] = { "192.0.2.1:5060", "[2001:db8::1]:5060" };
	struct sockaddr_in6 mapped = { .sin6_family = AF_INET6, .sin6_port = htons(7) };
	struct sockaddr_storage ss;
	char text[ADDR_STRLEN];
	struct addr a, b;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		assert_true(addr_parse(span_of(texts[i]), &a));
		assert_int_equal(addr_to_sockaddr(&a, &ss),
				 i ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in));
		b = addr_from_sockaddr((struct sockaddr *)&ss);
		assert_true(addr_eq(&a, &b) && addr_hash(&a) == addr_hash(&b));
		b = addr_with_port(&b, 1);
		assert_true(!addr_eq(&a, &b) && addr_ip_eq(&a, &b));
	}
	memcpy(&mapped.sin6_addr, "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\x00\x02\x01", 16);
	b = addr_from_sockaddr((struct sockaddr *)&mapped);
	assert_string_equal(addr_str(&b, text), "192.0.2.1:7");
	b = (struct addr){ 0 };
	assert_string_equal(addr_ip_str(&b, text), "(none)");
}

static const struct {
	const char *rule, *shown, *in, *out; /* shown NULL: refused */
} rules[] = {
	{ "192.168.0.0/16", "192.168.0.0/16", "192.168.200.1", "192.169.0.0" },
	{ "192.168.1.77/24", "192.168.1.0/24", "192.168.1.1", "192.168.2.1" }, /* host bits go */
	{ "10.0.0.0/255.0.0.0", "10.0.0.0/8", "10.255.0.1", "11.0.0.0" },
	{ "203.0.113.5", "203.0.113.5/32", "203.0.113.5", "203.0.113.4" },
	{ "0.0.0.0/0", "0.0.0.0/0", "1.2.3.4", "::1" },
	{ "::/0", "::/0", "2001:db8::1", "1.2.3.4" },
	{ "2001:db8::/33", "2001:db8::/33", "2001:db8:7fff::1", "2001:db8:8000::1" },
	{ "203.0.113.0/25", "203.0.113.0/25", "203.0.113.127", "203.0.113.128" },
	{ "203.0.113.5:5060/32", "203.0.113.5:5060/32", "203.0.113.5:5060", "203.0.113.5:5061" },
	{ "[2001:db8::5]:5060/128", "[2001:db8::5]:5060/128", "[2001:db8::5]:5060", "[2001:db8::5]:5061" },
	{ " !10.0.0.0/8 ", "!10.0.0.0/8", "10.1.1.1", "11.1.1.1" },
	{ "10.0.0.0/33", NULL, NULL, NULL },
	{ "10.0.0.0/255.0.255.0", NULL, NULL, NULL },
	{ "10.0.0.0/", NULL, NULL, NULL },
	{ "2001:db8::/129", NULL, NULL, NULL },
	{ "2001:db8::/255.0.0.0", NULL, NULL, NULL },
	{ "name/8", NULL, NULL, NULL },
	{ "!", NULL, NULL, NULL },
};

static void test_rules(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
		struct out o = out_growing();
		const char *why = NULL;
		struct net_rule r;
		struct addr a;

		if (net_rule_parse(span_of(rules[i].rule), &r, &why) != (rules[i].shown != NULL))
			fail_msg("'%s'", rules[i].rule);
		assert_int_equal(rules[i].shown == NULL, why != NULL);
		if (!rules[i].shown)
			continue;
		net_rule_out(&o, &r);
		assert_true(span_is(out_look(&o), rules[i].shown));
		assert_true(addr_parse(span_of(rules[i].in), &a) && net_rule_covers(&r, &a));
		assert_true(addr_parse(span_of(rules[i].out), &a) && !net_rule_covers(&r, &a));
		out_free(&o);
	}
}

static void test_list(void **state)
{
	static const char *const texts[] = { "10.0.0.0/8", "!10.1.0.0/16", "10.1.2.0/24" };
	struct net_rule r[3];
	struct net_list l = { r, 3 };
	const char *why;
	struct addr a;

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_true(net_rule_parse(span_of(texts[i]), &r[i], &why));
	assert_true(addr_parse(SPAN("10.9.9.9"), &a));
	assert_int_equal(net_list_ask(&l, &a), NET_MATCH);
	assert_true(addr_parse(SPAN("10.1.9.9"), &a));
	assert_int_equal(net_list_ask(&l, &a), NET_MATCH_NEGATED); /* the last that matches */
	assert_true(addr_parse(SPAN("10.1.2.9"), &a));
	assert_int_equal(net_list_ask(&l, &a), NET_MATCH);
	assert_true(addr_parse(SPAN("11.1.2.9"), &a));
	assert_int_equal(net_list_ask(&l, &a), NET_NO_MATCH);
	l.n = 0;
	assert_int_equal(net_list_ask(&l, &a), NET_NO_MATCH);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_addresses), cmocka_unit_test(test_sockaddr),
					    cmocka_unit_test(test_rules), cmocka_unit_test(test_list) };

	return cmocka_run_group_tests_name("base addr", tests, NULL, NULL);
}
