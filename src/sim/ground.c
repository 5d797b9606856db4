/*
 * sim/ground.c: the tables of places, and the worlds that they stand for. Private networks all have the same numbers
 * where they can, which is the hard case.
 */
#include "sim/ground.h"

#include <string.h>

#define SERVER_V6 "2001:db8::10"

const struct where_row sim_wheres[WHERES] = {
	[AT_PUBLIC] = { "public", "with a public address of its own, IPv4 and IPv6", .open = true, .v6 = true },
	[AT_FORWARD] = { "behind-router", "behind a router that forwards SIP and RTP", .nat = true, .open = true },
	[AT_CLOSED] = { "behind-closed-router", "behind a router that forwards nothing, and keeps ports", .nat = true },
	[AT_CLOUD] = { "cloud", "in a cloud: all ports of a public address are its own (1:1 NAT)", .nat = true,
		       .open = true },
	[AT_CONTAINER] = { "container", "in a container bridge, with SIP and RTP published", .nat = true,
			   .open = true },
	[AT_CGNAT] = { "cgnat", "behind a carrier's NAT that nobody can configure", .nat = true, .moves = true },
	[AT_UPLINKS] = { "two-uplinks", "behind a router that forwards, with a second link to the provider",
			 .nat = true, .open = true },
};

const struct party_row sim_parties[PARTIES] = {
	[IN_LAN] = { "lan", "on the server's own network", .lan = true },
	[IN_PUBLIC] = { "public", "with a public address" },
	[IN_NAT_ENDPOINT] = { "endpoint-nat", "behind NAT with endpoint-independent mapping", .nat = true },
	[IN_NAT_ADDRESS] = { "address-nat", "behind NAT with address-dependent mapping", .nat = true, .moves = true },
	[IN_NAT_SYMMETRIC] = { "symmetric", "behind NAT with address- and port-dependent mapping", .nat = true,
			       .moves = true },
	[IN_SHARED] = { "shared-nat", "two phones behind one NAT without hairpinning", .nat = true },
	[IN_SHARED_HAIRPIN] = { "shared-nat-hairpin", "two phones behind one NAT with hairpinning", .nat = true },
	[IN_DOUBLE_NAT] = { "double-nat", "behind two NATs, one after the other", .nat = true, .moves = true },
	[IN_464XLAT] = { "464xlat", "IPv4 over an IPv6-only network, translated twice", .nat = true, .moves = true },
	[IN_IPV6] = { "ipv6", "with IPv6 and nothing else", .v6 = true },
	[IN_SIP_ALG] = { "sip-alg", "behind a router whose SIP ALG rewrites addresses, but no ports", .nat = true,
			 .moves = true },
};

const struct peer_row sim_peers[PEERS - PARTIES] = {
	{ "provider", "a provider that believes Contact and SDP" },
	{ "sbc", "a provider that answers to where packets come from" },
};

const char *const sim_carriers[CARRIERS] = { "udp", "tcp" };

int sim_where_by_name(const char *name)
{
	for (int i = 0; i < WHERES; i++)
		if (strcmp(sim_wheres[i].name, name) == 0)
			return i;
	return -1;
}

int sim_party_by_name(const char *name)
{
	for (int i = 0; i < PARTIES; i++)
		if (strcmp(sim_parties[i].name, name) == 0)
			return i;
	return -1;
}

const char *sim_peer_name(unsigned peer)
{
	return sim_is_provider(peer) ? sim_peers[peer - PARTIES].name : sim_parties[peer].name;
}

static const char *cannot_reach(const struct where_row *at, const struct party_row *in)
{
	if (in->v6 && !at->v6)
		return "a phone has only IPv6, the server's network only IPv4";
	if (!in->lan && !at->open)
		return "a phone outside cannot reach the server: nothing lets its packets in, and the server cannot "
		       "know "
		       "whom to send to first";
	return NULL;
}

const char *sim_impossible(const struct spot *s, bool alone)
{
	const struct where_row *at = &sim_wheres[s->where];
	const char *no = cannot_reach(at, &sim_parties[s->party]);

	if (no || alone)
		return no;
	if (!sim_is_provider(s->peer))
		return cannot_reach(at, &sim_parties[s->peer]);
	if (s->peer == WITH_PROVIDER && at->moves)
		return "the provider sends audio to the port in SDP, and the NAT has another port for each "
		       "destination: "
		       "nobody knows it before the first packet";
	return NULL;
}

/* ---- building ---- */

static struct addr ip(const char *text)
{
	struct addr a = { 0 };

	BUG_ON(!addr_parse_ip(span_of(text), &a));
	return a;
}

/* A box that drops what it did not ask for. */
static struct sim_nat box(const struct ground *g, struct addr external, enum sim_nat_rule mapping)
{
	return (struct sim_nat){
		.external = external, .mapping = mapping, .filtering = NAT_ADDRESS_PORT, .timeout = g->timeout
	};
}

static void forward(struct sim_net *n, const struct ground_ask *ask, const struct addr *to)
{
	sim_forward(n, ask->sip_port, ask->sip_port, to);
	sim_forward(n, ask->rtp_first, ask->rtp_last, to);
}

static struct addr address_of(const struct ground_ask *ask, const char *otherwise)
{
	return ask->lan.family ? ask->lan : ip(otherwise);
}

static void behind(struct ground *g, const struct ground_ask *ask, struct sim_nat *nat, const char *name)
{
	nat->preserve_ports = true;
	g->near = sim_net(g->sim, name, g->wan, nat);
	if (ask->spot.where == AT_CLOUD)
		sim_forward(g->near, 1, UINT16_MAX, &g->local);
	else if (sim_wheres[ask->spot.where].open)
		forward(g->near, ask, &g->local);
}

static void place_server(struct ground *g, const struct ground_ask *ask)
{
	struct sim_nat nat = box(g, g->external, NAT_ENDPOINT);
	struct addr link = ip(GROUND_UPLINK);

	g->local = address_of(ask, ask->spot.where == AT_CONTAINER ? "172.17.0.2" : "192.168.1.10");
	switch (ask->spot.where) {
	case AT_PUBLIC:
		g->local = g->external;
		g->near = g->wan;
		break;
	case AT_CONTAINER:
		nat.hairpins = true;
		behind(g, ask, &nat, "bridge");
		break;
	case AT_CGNAT: {
		struct sim_nat home = box(g, ip("100.64.7.7"), NAT_ENDPOINT);
		struct sim_net *isp;

		nat.mapping = NAT_ADDRESS_PORT;
		isp = sim_net(g->sim, "carrier", g->wan, &nat);
		home.preserve_ports = true;
		g->near = sim_net(g->sim, "lan", isp, &home);
		forward(g->near, ask, &g->local); /* what its owner can do, in vain */
		break;
	}
	default: behind(g, ask, &nat, "lan"); break;
	}
	if (ask->spot.where == AT_FORWARD) {
		struct addr inside = g->local;

		inside.ip[3] = inside.ip[3] == 1 ? 254 : 1;
		sim_router(g->near, &inside, &(struct sim_router_conf){ .speaks = ask->router });
	}
	g->server = sim_host(g->sim, g->near, &g->local);
	sim_host_name(g->server, "hairpin");
	if (sim_wheres[ask->spot.where].v6) {
		struct addr v6 = ip(SERVER_V6);

		sim_host_also(g->server, g->wan, &v6);
	}
	if (ask->spot.where != AT_UPLINKS)
		return;
	g->uplink = sim_net(g->sim, "uplink", NULL, NULL);
	sim_host_also(g->server, g->uplink, &link);
}

static struct sim_net *home(struct ground *g, const char *name, struct sim_net *outer, const struct sim_nat *nat)
{
	BUG_ON(g->n_homes == ARRAY_LEN(g->homes));
	g->homes[g->n_homes] = sim_net(g->sim, name, outer, nat);
	return g->homes[g->n_homes++];
}

/* The network behind a box of the party's kind, which is at `external`. */
static struct sim_net *home_of(struct ground *g, enum party party, struct addr external, bool second)
{
	struct sim_nat nat = box(g, external, NAT_ADDRESS_PORT), inner = box(g, ip("100.64.9.9"), NAT_ADDRESS_PORT);
	struct addr clat = ip("192.0.0.4");
	struct sim_net *n;

	switch (party) {
	case IN_NAT_ENDPOINT: nat.mapping = NAT_ENDPOINT; break;
	case IN_NAT_ADDRESS: nat.mapping = nat.filtering = NAT_ADDRESS; break;
	case IN_SHARED_HAIRPIN: nat.hairpins = true; /* fall through */
	case IN_SHARED: nat.mapping = NAT_ENDPOINT; break;
	case IN_SIP_ALG: nat.sip_alg = true; break;
	case IN_DOUBLE_NAT:
		n = home(g, second ? "isp2" : "isp", g->wan, &nat);
		return home(g, second ? "home2" : "home", n, &inner);
	case IN_464XLAT:
		nat.xlat = XLAT_PLAT;
		inner = (struct sim_nat){ .external = ip("2001:db8:464::4"), .xlat = XLAT_CLAT };
		n = home(g, second ? "access2" : "access", g->wan, &nat);
		n = home(g, second ? "handset2" : "handset", n, &inner);
		sim_forward(n, 1, UINT16_MAX, &clat);
		return n;
	default: break;
	}
	return home(g, second ? "home2" : "home", g->wan, &nat);
}

static struct sim_host *host_in(struct ground *g, struct sim_net *n, const char *address)
{
	struct addr a = ip(address);

	return sim_host(g->sim, n, &a);
}

/* In the server's network: the same numbers but the last. */
static struct sim_host *neighbour(struct ground *g, uint8_t last)
{
	struct addr a = g->local;

	a.ip[3] = a.ip[3] == last ? (uint8_t)(last + 10) : last;
	return sim_host(g->sim, g->near, &a);
}

static void place_phone(struct ground *g, enum party party, bool second)
{
	struct sim_host **h = &g->phones[second];
	bool shared = second && g->shared == party;
	struct sim_net *n;

	if (party == IN_LAN) {
		*h = neighbour(g, second ? 21 : 20);
	} else if (party == IN_PUBLIC) {
		*h = host_in(g, g->wan, second ? "203.0.113.61" : "203.0.113.60");
	} else if (party == IN_IPV6) {
		*h = host_in(g, g->wan, second ? "2001:db8:1::21" : "2001:db8:1::20");
	} else {
		n = shared ? g->homes[0] : home_of(g, party, ip(second ? "203.0.113.88" : "203.0.113.77"), second);
		*h = host_in(g, n,
			     party == IN_464XLAT   ? "192.0.0.4"
			     : shared              ? "192.168.1.21"
			     : party == IN_SIP_ALG ? "10.0.0.7"
						   : "192.168.1.20");
	}
	sim_host_name(*h, second ? "other phone" : "phone");
}

static void place_provider(struct ground *g, const struct ground_ask *ask)
{
	bool link = g->uplink != NULL;
	struct sim_net *n = link ? g->uplink : g->wan;

	g->provider_ip = ask->provider.family ? ask->provider : ip(link ? "10.20.0.1" : "203.0.113.1");
	g->provider = sim_host(g->sim, n, &g->provider_ip);
	g->far = host_in(g, n, link ? "10.20.0.50" : "203.0.113.50");
	sim_host_name(g->provider, "provider");
	sim_host_name(g->far, "subscriber");
}

void ground_make(struct ground *g, const struct ground_ask *given)
{
	struct ground_ask ask = *given;

	ask.sip_port = ask.sip_port ? ask.sip_port : 5060;
	ask.rtp_first = ask.rtp_first ? ask.rtp_first : 10000;
	ask.rtp_last = ask.rtp_last ? ask.rtp_last : 20000;
	*g = (struct ground){ .sim = sim_new(1), .external = ask.external.family ? ask.external : ip("198.51.100.5") };
	g->sip_port = ask.sip_port;
	g->timeout = ask.timeout ? ask.timeout : GROUND_TIMEOUT;
	if (ask.spot.party == IN_SHARED || ask.spot.party == IN_SHARED_HAIRPIN)
		g->shared = ask.spot.party;
	g->wan = sim_net(g->sim, "internet", NULL, NULL);
	g->stun = ask.stun.family ? ask.stun : ip(GROUND_STUN);
	BUG_ON(!sim_stun(sim_host(g->sim, g->wan, &g->stun), ask.stun.port ? ask.stun.port : 3478, NULL));
	place_server(g, &ask);
	place_phone(g, ask.spot.party, false);
	if (sim_is_provider(ask.spot.peer))
		place_provider(g, &ask);
	else
		place_phone(g, (enum party)ask.spot.peer, true);
}

void ground_server(const struct ground *g, unsigned party, char buf[ADDR_STRLEN])
{
	const struct party_row *in = &sim_parties[party];
	struct addr server = in->v6 ? ip(SERVER_V6) : in->lan ? g->local : g->external;

	server.port = g->sip_port;
	addr_str(&server, buf);
}
