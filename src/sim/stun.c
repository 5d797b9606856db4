/*
 * sim/stun.c: a STUN server, with answers of its own making (RFC 8489 14.2, RFC 5780 7), not of the code that it is to
 * try. With a second address and port it listens on all four of them, and answers from where it is asked to.
 */
#include <string.h>

#include "sim/priv.h"

#define HEADER 20

static void put_address(uint8_t *p, unsigned type, const struct addr *a, const uint8_t pad[16])
{
	size_t len = a->family == 4 ? 4 : 16;

	p[0] = (uint8_t)(type >> 8);
	p[1] = (uint8_t)type;
	p[3] = (uint8_t)(4 + len);
	p[5] = a->family == 4 ? 1 : 2;
	p[6] = (uint8_t)((a->port >> 8) ^ pad[0]);
	p[7] = (uint8_t)(a->port ^ pad[1]);
	for (size_t i = 0; i < len; i++)
		p[8 + i] = a->ip[i] ^ pad[i];
}

/* The socket that the answer leaves from; sock: of the question. The four are numbered in a row. */
static uint32_t change(const struct sim_stun *st, uint32_t sock, unsigned flags)
{
	uint32_t at = sock - st->first;

	return st->first + (at ^ (flags & 4 ? 2 : 0) ^ (flags & 2 ? 1 : 0));
}

static void answer(void *arg, const struct flow *f, struct span bytes)
{
	static const uint8_t zeros[16];
	struct sim_host *h = arg;
	struct net net = sim_host_net(h);
	uint8_t m[HEADER + 48] = { 0x01, 0x01, 0, 0 };
	size_t len = f->peer.family == 4 ? 4 : 16, n = 8 + len;
	struct flow back = *f;

	if (bytes.n < HEADER || memcmp(bytes.p, "\0\1", 2) != 0)
		return;
	memcpy(m + 4, bytes.p + 4, 16);
	put_address(m + HEADER, 0x0020, &f->peer, m + 4);
	if (h->stun.other.family) {
		put_address(m + HEADER + n, 0x802c, &h->stun.other, zeros);
		n += 8 + len;
		if (bytes.n == HEADER + 8 && memcmp(bytes.p + HEADER, "\0\3\0\4", 4) == 0)
			back.sock = back.listener = change(&h->stun, f->sock, (uint8_t)bytes.p[HEADER + 7]);
	}
	m[3] = (uint8_t)n;
	net.send(net.arg, &back, (struct span){ (char *)m, HEADER + n });
}

static bool listen_at(struct net *net, struct addr at, uint32_t *sock)
{
	struct net_listen ask = { .proto = NET_UDP, .bind = at };
	struct addr bound;

	return net->listen(net->arg, &ask, sock, &bound) == 0;
}

bool sim_stun(struct sim_host *h, uint16_t port, const struct addr *other)
{
	struct net net = sim_host_net(h);
	struct net_sink sink = { .arg = h, .input = answer };
	struct addr ip = h->at[0].ip;
	uint32_t sock;

	sim_host_sink(h, &sink);
	if (!listen_at(&net, addr_with_port(&ip, port), &h->stun.first))
		return false;
	if (!other || !other->family)
		return true;
	h->stun.other = *other;
	sim_host_also(h, h->at[0].net, other);
	return listen_at(&net, addr_with_port(&ip, other->port), &sock) &&
	       listen_at(&net, addr_with_port(other, port), &sock) && listen_at(&net, *other, &sock);
}
