/*
 * media/rtp.c: the RTP header.
 *
 *   0                   1                   2                   3
 *   0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *  |V=2|P|X|  CC   |M|     PT      |       sequence number         |
 *  |                           timestamp                           |
 *  |                             SSRC                              |
 *  |                     CSRCs, extension, …                       |
 *
 * Every length in it is the sender's claim: each step below takes what is there or gives the packet up.
 */
#include "media/rtp.h"

#include <string.h>

static bool skip_extension(struct span *in)
{
	size_t n;

	if (in->n < 4)
		return false;
	n = 4 + (size_t)get16(in->p + 2) * 4;
	if (in->n < n)
		return false;
	*in = span_from(*in, n);
	return true;
}

static bool cut_padding(struct span *in)
{
	uint8_t n = in->n ? (uint8_t)in->p[in->n - 1] : 0;

	if (!n || n > in->n)
		return false;
	in->n -= n;
	return true;
}

bool rtp_parse(struct span bytes, struct rtp *r)
{
	const uint8_t *b = (const uint8_t *)bytes.p;
	size_t csrcs;

	if (bytes.n < RTP_HEADER || bytes.n > PACKET_MAX || b[0] >> 6 != 2)
		return false;
	csrcs = (size_t)(b[0] & 15) * 4;
	if (bytes.n < RTP_HEADER + csrcs)
		return false;
	*r = (struct rtp){ .pt = b[1] & 127,
			   .marker = b[1] & 128,
			   .bare = b[0] == 2 << 6,
			   .seq = get16(b + 2),
			   .ts = get32(b + 4),
			   .ssrc = get32(b + 8),
			   .payload = span_from(bytes, RTP_HEADER + csrcs) };
	if ((b[0] & 16) && !skip_extension(&r->payload))
		return false;
	return !(b[0] & 32) || cut_padding(&r->payload);
}

size_t rtp_write(uint8_t *buf, size_t cap, const struct rtp *r)
{
	if (cap < RTP_HEADER + r->payload.n)
		return 0;
	buf[0] = 2 << 6;
	buf[1] = (uint8_t)((r->marker ? 128 : 0) | (r->pt & 127));
	put16(buf + 2, r->seq);
	put32(buf + 4, r->ts);
	put32(buf + 8, r->ssrc);
	if (r->payload.n)
		memcpy(buf + RTP_HEADER, r->payload.p, r->payload.n);
	return RTP_HEADER + r->payload.n;
}

bool rtp_is_rtcp(struct span bytes)
{
	uint8_t type = bytes.n > 1 ? (uint8_t)bytes.p[1] : 0;

	return type >= 192 && type <= 223;
}
