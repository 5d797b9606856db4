/* sdp/crypto.h: a=crypto lines, for the other files of this folder. */
#pragma once
#include "sdp/sdp.h"

#define SDP_CRYPTO_TAG 1 /* of our one line in an offer */

/* The value of one line. False: not a kind that we do; then *c may hold a part of a key, and is to be wiped. */
bool sdp_crypto_parse(struct span line, struct sdp_crypt *c);
void sdp_crypto_write(struct out *o, uint32_t tag, const struct srtp_key *k);
