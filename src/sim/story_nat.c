/* sim/story_nat.c: what happens to addresses in a story: a router gets another one, and STUN servers tell. */
#include <string.h>

#include "sim/story_priv.h"

#define HEADER 20

/* An answer of its own making (RFC 8489 14.2), not with the code that it is to try. */
static void answer(void *arg, const struct flow *f, struct span bytes)
{
	const struct sim_host *h = arg;
	struct net net = sim_host_net((struct sim_host *)(uintptr_t)h);
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

void stun_make(struct tale *t, struct thing *x, const struct words *w)
{
	struct net net = sim_host_net(x->host);
	struct net_sink sink = { .arg = x->host, .input = answer };
	struct net_listen ask = { .proto = NET_UDP };
	struct addr bound;
	uint32_t sock;

	ask.bind = addr_with_port(&x->host->at[0].ip, (uint16_t)word_number(word_opt(w, "port"), 3478));
	if (net.listen(net.arg, &ask, &sock, &bound) < 0)
		tale_fail(t, "stun: the port is taken");
	sim_host_sink(x->host, &sink);
}

/* move-nat NET IP: the provider's DHCP gave the router another address; what was mapped is forgotten. */
static void move_nat(struct tale *t, const struct words *w)
{
	struct thing *x = w->n == 3 ? thing_get(t, w->w[1], A_NET) : NULL;
	struct addr ip;

	if (!x || !addr_parse_ip(span_of(w->w[2]), &ip)) {
		tale_fail(t, "move-nat NET IP");
		return;
	}
	sim_move_nat(x->net, &ip);
}

/* readdress HOST IP: its first address becomes another one; who listens to the network on it is told. */
static void readdress(struct tale *t, const struct words *w)
{
	struct thing *x = w->n == 3 ? thing_find(t, w->w[1]) : NULL;
	struct addr ip;

	if (!x || !x->host || !addr_parse_ip(span_of(w->w[2]), &ip)) {
		tale_fail(t, "readdress HOST IP");
		return;
	}
	x->host->at[0].ip = ip;
	if (x->host->sink.network)
		x->host->sink.network(x->host->sink.arg);
}

bool nat_statement(struct tale *t, const struct words *w)
{
	if (word_is(w, 0, "move-nat"))
		move_nat(t, w);
	else if (word_is(w, 0, "readdress"))
		readdress(t, w);
	else
		return false;
	return true;
}
