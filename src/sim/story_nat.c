/* sim/story_nat.c: addresses in a story: a router gets another one, STUN servers tell, routers open ports. */
#include "sim/story_priv.h"

void stun_make(struct tale *t, struct thing *x, const struct words *w)
{
	struct addr other = { 0 };

	if (word_opt(w, "other") && !addr_parse(span_of(word_opt(w, "other")), &other))
		tale_fail(t, "stun: other=IP:PORT");
	else if (!sim_stun(x->host, (uint16_t)word_number(word_opt(w, "port"), 3478), &other))
		tale_fail(t, "stun: a port is taken");
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

/* router NET IP none|pcp|natpmp|natpmp-only|upnp [shift=N] [room=N]: what the box of NET opens for its hosts. */
static void make_router(struct tale *t, const struct words *w)
{
	static const char *const names[] = { "none", "pcp", "natpmp", "upnp", "natpmp-only" };
	struct thing *x = w->n >= 4 ? thing_get(t, w->w[1], A_NET) : NULL;
	struct sim_router_conf c = { .shift = word_number(word_opt(w, "shift"), 0),
				     .room = word_number(word_opt(w, "room"), 0) };
	struct addr ip;
	unsigned i = 0;

	while (x && i < ARRAY_LEN(names) && !word_is(w, 3, names[i]))
		i++;
	if (!x || i == ARRAY_LEN(names) || !addr_parse_ip(span_of(w->w[2]), &ip)) {
		tale_fail(t, "router NET IP none|pcp|natpmp|natpmp-only|upnp");
		return;
	}
	c.speaks = i;
	sim_router(x->net, &ip, &c);
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
	else if (word_is(w, 0, "router"))
		make_router(t, w);
	else if (word_is(w, 0, "readdress"))
		readdress(t, w);
	else
		return false;
	return true;
}
