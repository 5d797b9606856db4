/*
 * tests/fuzz/fuzz_media_srtp.c: any bytes as packets, encrypted or not. What we seal we open, to the bit; what nobody
 * has sealed we do not. The input is one byte for the kind, then records: one byte of what to do, one of length, the
 * packet.
 */
#include <stdlib.h>
#include <string.h>

#include "media/srtp.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void one(struct srtp *out, struct srtp *in, uint8_t what, struct span packet)
{
	uint8_t *room = xmalloc(packet.n + SRTP_TRAILER); /* its end is watched */
	bool rtcp = what & 1, sealed = what & 2;
	size_t n = packet.n;
	enum srtp_say say;

	memcpy(room, packet.p, packet.n);
	if (sealed) {
		n = srtp_seal(out, room, n, rtcp);
		BUG_ON(n > packet.n + SRTP_TRAILER);
	}
	if (n || !sealed) {
		say = srtp_open(in, room, &n, rtcp);
		BUG_ON(say == SRTP_OPENED && (!sealed || n != packet.n || memcmp(room, packet.p, n) != 0));
	}
	free(room);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct srtp_key key = { .bytes = { 1, 2, 3 } };
	struct srtp *out, *in;

	if (!n)
		return 0;
	key.suite = p[0] % SRTP_SUITES;
	out = srtp_new(&key, false);
	in = srtp_new(&key, p[0] & 16);
	for (p++, n--; n >= 2;) {
		size_t len = p[1] < n - 2 ? p[1] : n - 2;

		one(out, in, p[0], (struct span){ (const char *)p + 2, len });
		p += 2 + len;
		n -= 2 + len;
	}
	srtp_free(out);
	srtp_free(in);
	return 0;
}
