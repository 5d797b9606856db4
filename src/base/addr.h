/* base/addr.h: IP addresses with a port, prefixes and access lists. Values: copied freely, nothing is owned. */
#pragma once
#include "base/out.h"

struct sockaddr;
struct sockaddr_storage;

struct addr {
	uint8_t family; /* 0: none; 4; 6 */
	uint16_t port;  /* host order; 0: not given */
	uint32_t scope; /* IPv6 link-local interface index */
	uint8_t ip[16]; /* network order; IPv4 in the first four */
};

#define ADDR_STRLEN 64 /* "[v6%scope]:port" and a NUL */

/* "192.0.2.1", "192.0.2.1:5060", "::1", "[::1]", "[::1]:5060"; false on anything else (names, too). */
bool addr_parse(struct span s, struct addr *a);
bool addr_parse_ip(struct span s, struct addr *a);                 /* without a port; brackets optional */
void addr_out_ip(struct out *o, const struct addr *a);             /* v6 without brackets */
void addr_out_host(struct out *o, const struct addr *a);           /* v6 in brackets */
void addr_out(struct out *o, const struct addr *a);                /* host:port; ":port" only when it is not 0 */
const char *addr_str(const struct addr *a, char buf[ADDR_STRLEN]); /* returns buf */
const char *addr_ip_str(const struct addr *a, char buf[ADDR_STRLEN]);

bool addr_eq(const struct addr *a, const struct addr *b); /* address and port */
bool addr_ip_eq(const struct addr *a, const struct addr *b);
bool addr_is_any(const struct addr *a); /* 0.0.0.0, :: or none */
struct addr addr_with_port(const struct addr *a, uint16_t port);
uint32_t addr_hash(const struct addr *a);
struct addr addr_from_sockaddr(const struct sockaddr *sa);                    /* a v4-mapped v6 address becomes v4 */
unsigned addr_to_sockaddr(const struct addr *a, struct sockaddr_storage *ss); /* returns its length */

/* What an address is, by where it can be reached (nat-pain's classes). */
enum addr_class {
	ADDR_NONE,
	ADDR_LOOPBACK,
	ADDR_LINKLOCAL,
	ADDR_PRIVATE, /* RFC 1918 */
	ADDR_CGNAT,   /* 100.64/10 */
	ADDR_CLAT,    /* 192.0.0.0/29 */
	ADDR_ULA,
	ADDR_MULTICAST,
	ADDR_GLOBAL,
};
enum addr_class addr_class(const struct addr *a);
const char *addr_class_name(enum addr_class c);

/* One item of an access list: [!]address[/length|/dotted-mask][:port]. */
struct net_rule {
	struct addr net; /* host bits are zero; port 0 matches any */
	uint8_t len;
	bool negate;
};

/* Parses one item, "addr:port/len" and "[v6]:port/len" included. On error returns false and sets *why to a phrase. */
bool net_rule_parse(struct span s, struct net_rule *r, const char **why);
void net_rule_out(struct out *o, const struct net_rule *r);
/* The address is inside the prefix (negate is not looked at). v4 rules never match real v6 addresses and vice versa. */
bool net_rule_covers(const struct net_rule *r, const struct addr *a);

/* A list whose LAST matching item decides (Asterisk's ast_apply_ha). */
struct net_list {
	struct net_rule *rules; /* the snapshot's arena owns them */
	size_t n;
};
enum net_say { NET_NO_MATCH, NET_MATCH, NET_MATCH_NEGATED };
enum net_say net_list_ask(const struct net_list *l, const struct addr *a);
/* Where the list matches: how closely, as the longest prefix does and a port a little more. Else -1. */
int net_list_closeness(const struct net_list *l, const struct addr *a);
int addr_closeness(const struct addr *a); /* of one address alone */
