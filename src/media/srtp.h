/*
 * media/srtp.h: SRTP and SRTCP (RFC 3711, with the longer keys of RFC 6188): one key, one direction. Pure but for
 * memory: no clock, no socket. Made on one thread and used on another, never on two at once.
 */
#pragma once
#include "base/span.h"
#include "base/srtp.h"

#define SRTP_TRAILER 14 /* bytes that a packet may grow by: RTCP's index and the longest tag */

struct srtp;
/* replays: what comes twice is taken (srtpreplayprotection=no). */
struct srtp *srtp_new(const struct srtp_key *key, bool replays);
void srtp_free(struct srtp *s); /* wipes it; NULL is fine */

/*
 * Encrypts and signs in place; `packet` has room for SRTP_TRAILER more. The new length, or 0: no RTP, or a packet that
 * was sent already (the same keystream must not be used twice).
 */
size_t srtp_seal(struct srtp *s, uint8_t *packet, size_t n, bool rtcp);

enum srtp_say { SRTP_OPENED, SRTP_FORGED, SRTP_REPLAYED };
/* Checks and decrypts in place; *n becomes the length without what was added. Nothing is learned from a forged one. */
enum srtp_say srtp_open(struct srtp *s, uint8_t *packet, size_t *n, bool rtcp);
