/*
 * base/srtp.h: the kinds of SRTP that can be agreed on (RFC 4568, RFC 6188), and master keys. SDP names them, media
 * works with them.
 */
#pragma once
#include <string.h>

#include "base/util.h"

/* X(id, name in SDP, Asterisk's other name, bytes of the key, bytes of the tag of RTP; that of RTCP has 10) */
#define SRTP_TABLE(X)                                                              \
	X(AES128_80, "AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_80", 16, 10) \
	X(AES128_32, "AES_CM_128_HMAC_SHA1_32", "AES_CM_128_HMAC_SHA1_32", 16, 4)  \
	X(AES256_80, "AES_256_CM_HMAC_SHA1_80", "AES_CM_256_HMAC_SHA1_80", 32, 10) \
	X(AES256_32, "AES_256_CM_HMAC_SHA1_32", "AES_CM_256_HMAC_SHA1_32", 32, 4)

enum srtp_suite {
#define X(id, ...) SRTP_##id,
	SRTP_TABLE(X)
#undef X
		SRTP_SUITES
};

#define SRTP_SALT    14
#define SRTP_KEY_MAX (32 + SRTP_SALT)

/* A secret: never printed but into SDP, wiped with srtp_key_wipe(). */
struct srtp_key {
	uint8_t suite;               /* enum srtp_suite */
	uint8_t bytes[SRTP_KEY_MAX]; /* the master key, the master salt; the rest is zero */
};

static inline size_t srtp_key_bytes(uint8_t suite)
{
	static const uint8_t bytes[] = {
#define X(id, name, other, key, tag) (key),
		SRTP_TABLE(X)
#undef X
	};

	return bytes[suite];
}

static inline bool srtp_key_eq(const struct srtp_key *a, const struct srtp_key *b)
{
	return memcmp(a, b, sizeof *a) == 0;
}

static inline void srtp_key_wipe(struct srtp_key *k)
{
	explicit_bzero(k, sizeof *k);
}
