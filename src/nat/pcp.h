/*
 * nat/pcp.h: asking the router to open a port: PCP (RFC 6887) and its elder, NAT-PMP (RFC 6886). Pure: bytes in, bytes
 * out, and the rules of time. Any thread.
 */
#pragma once
#include "base/addr.h"

#define PCP_PORT    5351
#define PCP_NONCE   12
#define PCP_ASK_MAX 60   /* the longest request */
#define PCP_LEASE   1200 /* s that we ask for: what a crash of ours leaves behind closes soon */
#define PCP_SENDS   4    /* of one request, before nobody is thought to answer */

enum pcp_version { PCP_PMP = 0, PCP_V2 = 2 };
enum pcp_kind {
	PCP_MAP,
	PCP_ADDRESS,       /* NAT-PMP only: the router's address outside */
	PCP_ANNOUNCE,      /* PCP only: I am here */
	PCP_OTHER_VERSION, /* it does not speak ours (RFC 6887 9); result is not 0 */
};

struct pcp_ask {
	enum pcp_version version;
	bool tcp;
	uint16_t inside;          /* our port */
	struct addr wanted;       /* outside; the address may be missing */
	uint32_t lifetime;        /* s; 0: the mapping is to go */
	struct addr client;       /* PCP: the address that the request leaves with */
	uint8_t nonce[PCP_NONCE]; /* PCP: the mapping's own */
};
void pcp_write_map(struct out *o, const struct pcp_ask *a);
void pcp_write_address(struct out *o);
void pcp_write_announce(struct out *o, const struct addr *client);

struct pcp_answer {
	enum pcp_version version;
	enum pcp_kind kind;
	unsigned result; /* 0: it is done */
	uint32_t epoch, lifetime;
	bool tcp;
	uint16_t inside;
	struct addr outside; /* NAT-PMP: a MAP says only the port, ADDRESS only the address */
	uint8_t nonce[PCP_NONCE];
};
/* False: no answer of this kind of protocol. */
bool pcp_read(struct span bytes, struct pcp_answer *a);
const char *pcp_result(const struct pcp_answer *a); /* why it refuses */

/* The router's clock (RFC 6887 8.5). False: it has lost what it knew of us since the last answer. */
struct pcp_epoch {
	bool known;
	uint32_t server; /* s */
	ms_t client;
};
bool pcp_epoch_holds(struct pcp_epoch *e, uint32_t epoch, ms_t now);

/*
 * How long to wait for an answer after so many sends. RFC 6887 8.1.1 would begin at 3 s; a call does not wait that
 * long for a packet lost on the LAN: as in RFC 6886 3.1 from 250 ms, doubled each time, at most 32 s.
 */
ms_t pcp_patience(unsigned sends);
/* When a lease of so many seconds is renewed: at its half (RFC 6887 11.2.1). */
ms_t pcp_renew_in(uint32_t lifetime);
/* How long a refusal holds. */
ms_t pcp_refused_for(const struct pcp_answer *a);
