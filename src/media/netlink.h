/*
 * media/netlink.h: what the kernel says of interfaces, routes and neighbours (rtnetlink). Requests are answered at
 * once; they may wait for others who change interfaces, so no thread that carries packets calls them.
 */
#pragma once
#include "base/addr.h"

struct nl_link {
	uint32_t ifindex;
	unsigned type; /* ARPHRD_* */
	bool up, gone;
	bool straight;          /* a veth into another network namespace, and nothing queues before it: */
	uint32_t peer, peer_ns; /* its other end there, and how we call that namespace */
	uint32_t master;        /* the bridge that it is a port of; 0: none */
	uint32_t mtu;
	uint8_t mac[6];
};
struct nl_route {
	enum { NL_ROUTE_NO, NL_ROUTE_UNICAST, NL_ROUTE_LOCAL } kind;
	uint32_t ifindex, mtu; /* mtu 0: the device's */
	struct addr next, src; /* next: the gateway, or the destination itself */
};

struct nl;
struct nl *nl_open(void); /* NULL: errno says why */
void nl_close(struct nl *n);
int nl_fd(const struct nl *n);       /* becomes readable when something changed, */
int nl_ipsec_fd(const struct nl *n); /* or when an IPsec policy did; -1: this kernel has none */

/* Calls for each interface; 0 or -errno. Nothing may be asked from inside a callback of an answer. */
int nl_links(struct nl *n, void (*each)(void *arg, const struct nl_link *l), void *arg);
/* Is this the MAC address of the host at the other end of a straight link: of that end, or of its bridge? */
bool nl_is_peer(struct nl *n, const struct nl_link *l, const uint8_t mac[6]);
int nl_route(struct nl *n, const struct addr *to, uint8_t tos, struct nl_route *out); /* 0 or -errno */
/* Whether there are IPsec policies: packets may have to be encrypted before they leave. */
bool nl_has_ipsec(struct nl *n);
/* 0 and its MAC address; -ENOENT when the neighbour is not known or does not answer. */
int nl_neigh(struct nl *n, uint32_t ifindex, const struct addr *ip, uint8_t mac[6]);

struct nl_events {
	void *arg;
	void (*link)(void *arg, const struct nl_link *l);
	void (*neigh)(void *arg, uint32_t ifindex, const struct addr *ip);
	void (*other)(void *arg); /* addresses, routes, rules, queues and filters */
};
void nl_skip_ipsec(struct nl *n);                                    /* reads away what nl_ipsec_fd() had to say */
void nl_read(struct nl *n, const struct nl_events *e, bool *missed); /* all that waits; missed: some got lost */

struct nl_filter { /* of clsact */
	uint32_t handle, priority;
	bool ingress;
	char name[64]; /* of a bpf filter, else empty */
};
/* Calls for each filter of the interface. */
void nl_filters(struct nl *n, uint32_t ifindex, void (*each)(void *arg, const struct nl_filter *f), void *arg);
