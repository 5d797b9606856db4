/*
 * media/rtcp.c: compound packets: SR (200) or RR (201) first, then SDES (202), BYE (203) and what we skip. What the far
 * end says of our stream is the only proof that it hears us, so the one report block about our SSRC is what we look
 * for.
 */
#include "media/rtcp.h"

#include <string.h>

#include "media/rtp.h"

#define SR       200
#define RR       201
#define SDES     202
#define BYE      203
#define BLOCK    24
#define NTP_1970 2208988800u /* seconds from 1900 to 1970 */

static void read_block(struct rtcp_in *in, const char *p)
{
	int32_t lost = (int32_t)(get32(p + 4) & 0xffffff);

	in->has_block = true;
	in->block = (struct rtcp_block){ .ssrc = get32(p),
					 .fraction = (uint8_t)p[4],
					 .lost = lost & 0x800000 ? lost - 0x1000000 : lost,
					 .highest = get32(p + 8),
					 .jitter = get32(p + 12),
					 .lsr = get32(p + 16),
					 .dlsr = get32(p + 20) };
}

static bool read_report(struct span body, bool sr, unsigned blocks, struct rtcp_in *in, uint32_t ours)
{
	size_t head = sr ? 24 : 4;

	if (body.n < head + (size_t)blocks * BLOCK)
		return false;
	in->sender = get32(body.p);
	if (sr) {
		in->sr = true;
		in->ntp_mid = get32(body.p + 6);
	}
	for (unsigned i = 0; i < blocks; i++)
		if (get32(body.p + head + i * BLOCK) == ours)
			read_block(in, body.p + head + i * BLOCK);
	return true;
}

bool rtcp_parse(struct span bytes, uint32_t ours, struct rtcp_in *in)
{
	bool first = true;

	*in = (struct rtcp_in){ 0 };
	while (bytes.n) {
		uint8_t head, type;
		size_t n;

		if (bytes.n < 8 && !(bytes.n >= 4 && !first))
			return false;
		head = (uint8_t)bytes.p[0];
		type = (uint8_t)bytes.p[1];
		n = 4 + (size_t)get16(bytes.p + 2) * 4;
		if (head >> 6 != 2 || n > bytes.n || (first && type != SR && type != RR))
			return false;
		if ((type == SR || type == RR) &&
		    !read_report(span_sub(bytes, 4, n - 4), type == SR, head & 31, in, ours))
			return false;
		in->bye |= type == BYE;
		first = false;
		bytes = span_from(bytes, n);
	}
	return !first;
}

static void out16(struct out *o, unsigned v)
{
	uint8_t b[2];

	put16(b, v);
	out_bytes(o, b, sizeof b);
}

static void out32(struct out *o, uint32_t v)
{
	out16(o, v >> 16);
	out16(o, v & 0xffff);
}

static void write_head(struct out *o, unsigned count, unsigned type, unsigned words)
{
	out_char(o, (char)(2 << 6 | count));
	out_char(o, (char)type);
	out16(o, words);
}

static void write_block(struct out *o, const struct rtcp_block *b)
{
	int32_t lost = MAX(-0x800000, MIN(b->lost, 0x7fffff));

	out32(o, b->ssrc);
	out32(o, (uint32_t)b->fraction << 24 | ((uint32_t)lost & 0xffffff));
	out32(o, b->highest);
	out32(o, b->jitter);
	out32(o, b->lsr);
	out32(o, b->dlsr);
}

static void write_sdes(struct out *o, const struct rtcp_report *r)
{
	size_t name = MIN(strlen(r->cname), 63), used = 4 + 2 + name, padded = (used + 4) & ~(size_t)3;

	write_head(o, 1, SDES, (unsigned)(padded / 4));
	out32(o, r->ssrc);
	out_char(o, 1);
	out_char(o, (char)name);
	out_bytes(o, r->cname, name);
	for (size_t i = used; i < padded; i++) /* the list ends with at least one zero */
		out_char(o, 0);
}

void rtcp_write(struct out *o, const struct rtcp_report *r)
{
	write_head(o, r->has_block ? 1 : 0, r->sender ? SR : RR, (r->sender ? 6 : 1) + (r->has_block ? 6 : 0));
	out32(o, r->ssrc);
	if (r->sender) {
		out32(o, (uint32_t)(r->ntp >> 32));
		out32(o, (uint32_t)r->ntp);
		out32(o, r->ts);
		out32(o, r->packets);
		out32(o, r->octets);
	}
	if (r->has_block)
		write_block(o, &r->block);
	write_sdes(o, r);
	if (r->bye) {
		write_head(o, 1, BYE, 1);
		out32(o, r->ssrc);
	}
}

uint64_t rtcp_ntp(int64_t wall_ms)
{
	uint64_t s = (uint64_t)(wall_ms / 1000) + NTP_1970, ms = (uint64_t)(wall_ms % 1000);

	return s << 32 | ms * ((uint64_t)1 << 32) / 1000;
}

uint32_t rtcp_ntp_mid(uint64_t ntp)
{
	return (uint32_t)(ntp >> 16);
}

uint32_t rtcp_rtt_us(const struct rtcp_block *b, uint64_t now_ntp)
{
	int32_t rtt = (int32_t)(rtcp_ntp_mid(now_ntp) - b->lsr - b->dlsr);

	if (!b->lsr)
		return 0;
	return rtt <= 0 ? 1 : (uint32_t)((uint64_t)rtt * 1000000 >> 16);
}
