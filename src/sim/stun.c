/* sim/stun.c: a STUN server, with an answer of its own making (RFC 8489 14.2), not of the code that it is to try. */
#include <string.h>

#include "sim/priv.h"

#define HEADER 20

static void answer(void *arg, const struct flow *f, struct span bytes)
{
	struct net net = sim_host_net(arg);
	uint8_t m[HEADER + 24] = { 0x01, 0x01, 0, 0 };
	size_t len = f->peer.family == 4 ? 4 : 16;

	if (bytes.n < HEADER || memcmp(bytes.p, "\0\1", 2) != 0)
		return;
	m[3] = (uint8_t)(8 + len);
	memcpy(m + 4, bytes.p + 4, 16);
	m[HEADER + 1] = 0x20;
	m[HEADER + 3] = (uint8_t)(4 + len);
	m[HEADER + 5] = f->peer.family == 4 ? 1 : 2;
	m[HEADER + 6] = (uint8_t)((f->peer.port >> 8) ^ m[4]);
	m[HEADER + 7] = (uint8_t)(f->peer.port ^ m[5]);
	for (size_t i = 0; i < len; i++)
		m[HEADER + 8 + i] = f->peer.ip[i] ^ m[4 + i];
	net.send(net.arg, f, (struct span){ (char *)m, HEADER + 8 + len });
}

bool sim_stun(struct sim_host *h, uint16_t port)
{
	struct net net = sim_host_net(h);
	struct net_sink sink = { .arg = h, .input = answer };
	struct net_listen ask = { .proto = NET_UDP };
	struct addr bound;
	uint32_t sock;

	ask.bind = addr_with_port(&h->at[0].ip, port);
	sim_host_sink(h, &sink);
	return net.listen(net.arg, &ask, &sock, &bound) == 0;
}
