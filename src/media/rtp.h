/* media/rtp.h: RTP packets (RFC 3550 5.1) to struct and back. Pure. */
#pragma once
#include "base/span.h"

#define RTP_HEADER 12
#define PACKET_MAX 2048 /* larger packets are dropped */

struct rtp {
	uint8_t pt;
	bool marker, bare; /* bare: no CSRCs, extension or padding were there */
	uint16_t seq;
	uint32_t ts, ssrc;
	struct span payload; /* without CSRCs, extension and padding */
};

bool rtp_parse(struct span bytes, struct rtp *r); /* false: not RTP (STUN, keepalive bytes, cut off) */
/* Writes r into buf; returns the length, 0 when it does not fit. */
size_t rtp_write(uint8_t *buf, size_t cap, const struct rtp *r);
/* On a port that both share (RFC 5761 4): a packet of one of the RTCP types. */
bool rtp_is_rtcp(struct span bytes);

/* Network byte order. */
static inline uint16_t get16(const void *at)
{
	const uint8_t *b = at;

	return (uint16_t)(b[0] << 8 | b[1]);
}

static inline uint32_t get32(const void *at)
{
	return (uint32_t)get16(at) << 16 | get16((const uint8_t *)at + 2);
}

static inline void put16(void *at, unsigned v)
{
	uint8_t *b = at;

	b[0] = (uint8_t)(v >> 8);
	b[1] = (uint8_t)v;
}

static inline void put32(void *at, uint32_t v)
{
	put16(at, v >> 16);
	put16((uint8_t *)at + 2, v & 0xffff);
}
