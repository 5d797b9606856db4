/*
 * media/datagram.c: a UDP datagram with its IP header, as a socket of ours would send it (RFC 768, 791, 8200): TTL 64,
 * DF, no flow label, and always a checksum.
 */
#include <string.h>

#include "media/shared.h"

#define TTL 64
#define UDP 17
#define DF  0x40

/* One's complement, in the order of memory (RFC 1071, 2.B). */
static uint64_t sum(uint64_t s, const void *bytes, size_t n)
{
	const char *p = bytes;
	uint32_t word;

	for (; n >= sizeof word; p += sizeof word, n -= sizeof word) {
		memcpy(&word, p, sizeof word);
		s += word;
	}
	word = 0;
	memcpy(&word, p, n);
	return s + word;
}

static void put_checksum(uint8_t *at, uint64_t s)
{
	uint16_t folded;

	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	folded = (uint16_t)~s;
	folded = folded ? folded : 0xffff; /* zero would be: none */
	memcpy(at, &folded, sizeof folded);
}

static void write_ip(uint8_t *at, const struct addr *from, const struct addr *to, unsigned tos, size_t udp_len)
{
	if (from->family == 4) {
		memset(at, 0, 20);
		at[0] = 0x45;
		at[1] = (uint8_t)tos;
		put16(at + 2, (uint16_t)(20 + udp_len));
		at[6] = DF;
		at[8] = TTL;
		at[9] = UDP;
		memcpy(at + 12, from->ip, 4);
		memcpy(at + 16, to->ip, 4);
		return;
	}
	put32(at, 6u << 28 | tos << 20);
	put16(at + 4, (uint16_t)udp_len);
	at[6] = UDP;
	at[7] = TTL;
	memcpy(at + 8, from->ip, 16);
	memcpy(at + 24, to->ip, 16);
}

size_t datagram_write(uint8_t *at, const struct addr *from, const struct addr *to, unsigned tos, struct span bytes)
{
	size_t ip_len = from->family == 4 ? 20 : 40, addresses = from->family == 4 ? 8 : 32, len = 8 + bytes.n;
	uint8_t *udp = at + ip_len, pseudo[4] = { 0, UDP, (uint8_t)(len >> 8), (uint8_t)len };

	write_ip(at, from, to, tos, len);
	put16(udp, from->port);
	put16(udp + 2, to->port);
	put16(udp + 4, (uint16_t)len);
	put16(udp + 6, 0);
	if (bytes.n)
		memcpy(udp + 8, bytes.p, bytes.n);
	put_checksum(udp + 6, sum(sum(sum(0, pseudo, sizeof pseudo), udp - addresses, addresses), udp, len));
	return ip_len + len;
}

void datagram_may_fragment(uint8_t *at)
{
	at[6] = 0;
}
