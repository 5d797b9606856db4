/*
 * nat/external.h: our address as the world sees it, as a live object: who says what, whom we believe, and what follows
 * when it changes. Pure rules; the asking is done by sip. One object for each transport.
 *
 * Sources, best first: the router, where it opens ports for us and STUN does not contradict; STUN servers; what
 * configured peers (providers) write into the `received` and `rport` of their responses; a STUN server that has stopped
 * answering; the public address of our own interface. A peer that told us how it sees us is always told exactly that:
 * it misleads nobody but itself.
 */
#pragma once
#include "base/addr.h"

#define NAT_STUNS     2
#define NAT_WITNESSES 32

enum nat_source { NAT_BY_NOBODY, NAT_BY_INTERFACE, NAT_BY_STUN_ONCE, NAT_BY_PEERS, NAT_BY_STUN, NAT_BY_ROUTER };
const char *nat_source_name(enum nat_source s);

struct nat_view {
	struct addr by; /* who says it; family 0: nobody */
	struct addr as; /* our address; port 0: says nothing of the port */
	bool silent;    /* a STUN server that did not answer the last time */
};

struct nat_external {
	struct nat_view stun[NAT_STUNS];
	struct nat_view peers[NAT_WITNESSES]; /* the one heard last comes first */
	unsigned n_peers;                     /* of them; some may have been forgotten */
	struct addr router;                   /* where it has opened our port; family 0: nowhere */
	struct addr own;                      /* what packets to the outside leave with */
	struct addr address;                  /* the verdict; family 0: not known; port 0: our own */
	enum nat_source source;
	uint32_t generation; /* of the verdict, and of what single peers see */
};

/* Each says whether anything that we write changes, and then counts a generation. */
bool nat_external_stun(struct nat_external *x, unsigned server, const struct addr *by, const struct addr *as);
bool nat_external_stun_silent(struct nat_external *x, unsigned server);
/* A response of a configured peer to a request of ours. A private peer counts for itself only. */
bool nat_external_peer(struct nat_external *x, const struct addr *by, const struct addr *as);
/* as->family 0: it opens nothing for us (any more). */
bool nat_external_router(struct nat_external *x, const struct addr *as);
bool nat_external_own(struct nat_external *x, const struct addr *own);
/* What to write for a message to dst; family 0: not known. */
struct addr nat_external_for(const struct nat_external *x, const struct addr *dst);
/* Peers or STUN servers contradict the verdict about our address: it is time to ask again. */
bool nat_external_doubted(const struct nat_external *x);
