/* media/rtcp.h: RTCP (RFC 3550 6): what we tell of ourselves and what others say of us. Pure. */
#pragma once
#include "base/out.h"

struct rtcp_block {
	uint32_t ssrc; /* whom it is about */
	uint8_t fraction;
	int32_t lost; /* 24 bits */
	uint32_t highest, jitter, lsr, dlsr;
};

struct rtcp_in {
	uint32_t sender;
	bool sr; /* a sender report, with the middle of its NTP time */
	uint32_t ntp_mid;
	bool has_block; /* a report block about `ours` */
	struct rtcp_block block;
	bool bye;
};
/* Reads a compound packet; false when any length in it is wrong or it does not begin with a report. */
bool rtcp_parse(struct span bytes, uint32_t ours, struct rtcp_in *in);

struct rtcp_report {
	uint32_t ssrc;
	bool sender; /* SR; else RR */
	uint64_t ntp;
	uint32_t ts, packets, octets;
	bool has_block;
	struct rtcp_block block;
	const char *cname; /* at most 63 characters */
	bool bye;
};
void rtcp_write(struct out *o, const struct rtcp_report *r); /* SR or RR, SDES, BYE */

uint64_t rtcp_ntp(int64_t wall_ms); /* Unix milliseconds as an NTP timestamp */
uint32_t rtcp_ntp_mid(uint64_t ntp);
/* RFC 3550 6.4.1: now - LSR - DLSR, in microseconds; 0 when the far end has not seen a report of ours yet. */
uint32_t rtcp_rtt_us(const struct rtcp_block *b, uint64_t now_ntp);
