/*
 * nat/behave.h: how the NAT before us behaves, in the words of RFC 4787: does a mapping depend on the destination, who
 * may send to it, does it keep the port? Asked of a STUN server with a second address (RFC 5780 4.3, 4.4), else seen by
 * comparing what several say of one socket. Pure.
 */
#pragma once
#include "nat/external.h"
#include "nat/stun.h"

enum nat_depends {
	NAT_NOT_KNOWN,
	NAT_NONE,           /* mapping: there is no NAT */
	NAT_ON_NOTHING,     /* endpoint-independent */
	NAT_ON_ADDRESS,     /* address-dependent */
	NAT_ON_PORT,        /* address- and port-dependent */
	NAT_ON_DESTINATION, /* one of the last two */
};
const char *nat_depends_name(enum nat_depends d);

enum nat_test { NAT_TEST_NONE, NAT_FILTER_ADDRESS, NAT_FILTER_PORT, NAT_MAP_ADDRESS, NAT_MAP_PORT, NAT_TEST_DONE };
#define NAT_TEST_SENDS 3 /* without an answer to the last, there is none */

struct nat_behave {
	struct addr server, other, mapped; /* asked, its second address, how it sees us */
	struct addr seen;                  /* how the second address does */
	enum nat_test test;
	unsigned sends;
	uint8_t tx[STUN_TX];
	enum nat_depends mapping, filtering;
};

/*
 * Begins; false: there is nothing to test with. The filter comes first: nothing may have been sent to the second
 * address before. `own`: the socket's own address.
 */
bool nat_behave_begin(struct nat_behave *b, const struct stun_answer *a, const struct addr *server,
		      const struct addr *own);
/* Writes the request of the test, and says where it goes. */
struct addr nat_behave_write(struct nat_behave *b, struct out *o);
/* The answer to the test, or (mapped NULL) none. Each leads to the next test: tx has to be made anew. */
void nat_behave_next(struct nat_behave *b, const struct addr *mapped);

/*
 * Whether the mapping depends on the destination, of what STUN servers and peers say about one socket that is bound to
 * `own`; NAT_NOT_KNOWN when they are too few.
 */
enum nat_depends nat_compare(const struct nat_external *x, const struct addr *own);
