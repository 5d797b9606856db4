/*
 * media/kernel.h: the kernel path: loads the program (relay.bpf.c), keeps it at every interface, hands out routes and
 * hops, and follows what changes in the network. Each worker has a table of its own; one thread follows.
 */
#pragma once
#include "media/priv.h"

struct kernel_config {
	unsigned workers, routes; /* routes: how many there can be at one time */
	bool filters;             /* clsact although there is tcx: for tests */
	bool no_shortcut;         /* veth_shortcut=no */
};
struct kernel;
/* NULL: *why says why not, in words for the administrator; owned by nobody. */
struct kernel *kernel_start(const struct kernel_config *c, const char **why);
void kernel_stop(struct kernel *k); /* all routes have been given back */
struct route_table *kernel_table(struct kernel *k, unsigned worker);
int kernel_program(const struct kernel *k, bool ether); /* its descriptor, for tests */

/* follow.c: the thread that keeps hops right and the program attached. */
struct hop_ask { /* a worker's wish; owned by the ring */
	bool want;
	uint32_t number;
	struct hop *hop;
	struct hop_key key;
};
struct follow_config {
	int ether, bare; /* programs */
	bool filters, shortcut;
	__u64 *beat; /* the sign of life */
	unsigned tables;
	struct ring **asks, **freed; /* one each per table; freed: hop_asks that are done with */
};
struct follow;
struct follow *follow_start(const struct follow_config *c, const char **why);
void follow_stop(struct follow *f);
void follow_wake(struct follow *f);
