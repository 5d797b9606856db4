/*
 * nat/stun.h: STUN as a NAT's user needs it (RFC 8489): a Binding request, and what its response says of our address.
 * Pure: bytes in, bytes out. Any thread.
 */
#pragma once
#include "base/addr.h"

#define STUN_PORT   3478
#define STUN_TX     12 /* bytes of a transaction's id */
#define STUN_HEADER 20 /* a Binding request is no more than this */

struct stun_answer {
	uint8_t tx[STUN_TX];
	struct addr mapped; /* how the server sees us; family 0: it refused */
	struct addr other;  /* its second address and port (RFC 5780 7.4); family 0: it has none */
	unsigned error;     /* ERROR-CODE of a refusal, 0: none given */
};

/* The first byte of STUN is below 4; no SIP message begins so (RFC 8489 5, RFC 5764 5.1.2). */
static inline bool stun_is_packet(struct span bytes)
{
	return bytes.n && (unsigned char)bytes.p[0] < 4;
}
void stun_write_request(struct out *o, const uint8_t tx[STUN_TX]);
/* The same, to be answered from the other address, or port, of the server (RFC 5780 7.2). */
#define STUN_CHANGE (STUN_HEADER + 8)
void stun_write_change(struct out *o, const uint8_t tx[STUN_TX], bool address, bool port);
/*
 * A Binding response, success or error. False: it is none, or it has to be discarded (6.3.3: no address in a success,
 * or an attribute in it that we would have to understand).
 */
bool stun_read_response(struct span bytes, struct stun_answer *a);
