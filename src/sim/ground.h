/*
 * sim/ground.h: the grounds that calls are tried on: where the server is, where the parties are, and what physics
 * allows there. One table per dimension; the NAT matrix, `hairpin lab` and their documents all read these.
 */
#pragma once
#include "sim/sim.h"

enum where { AT_PUBLIC, AT_FORWARD, AT_CLOSED, AT_CLOUD, AT_CONTAINER, AT_CGNAT, AT_UPLINKS, WHERES };
struct where_row {
	const char *name, *help;
	bool nat;   /* there is a box before it: it does not see its external address itself */
	bool open;  /* a packet from outside that nobody asked for arrives */
	bool moves; /* the box changes ports, and another destination is another port */
	bool v6;
};
extern const struct where_row sim_wheres[WHERES];

enum party {
	IN_LAN,
	IN_PUBLIC,
	IN_NAT_ENDPOINT,
	IN_NAT_ADDRESS,
	IN_NAT_SYMMETRIC,
	IN_SHARED,
	IN_SHARED_HAIRPIN,
	IN_DOUBLE_NAT,
	IN_464XLAT,
	IN_IPV6,
	IN_SIP_ALG,
	PARTIES
};
struct party_row {
	const char *name, *help;
	bool lan;   /* on the server's own network */
	bool nat;   /* the server sees another address than the phone does */
	bool v6;    /* and nothing else */
	bool moves; /* its box changes ports, and another destination is another port */
};
extern const struct party_row sim_parties[PARTIES];

/* The other side of a call: a phone in a place like the above, or a provider's subscriber. */
enum peer { WITH_PROVIDER = PARTIES, WITH_SBC, PEERS };
struct peer_row {
	const char *name, *help;
};
extern const struct peer_row sim_peers[PEERS - PARTIES];
static inline bool sim_is_provider(unsigned peer)
{
	return peer >= PARTIES;
}
const char *sim_peer_name(unsigned peer);

enum carried { BY_UDP, BY_TCP, CARRIERS };
extern const char *const sim_carriers[CARRIERS];

/* The row's number by its name, or -1. */
int sim_where_by_name(const char *name);
int sim_party_by_name(const char *name);

/* Where a call is tried. */
struct spot {
	enum where where;
	enum party party; /* of the phone */
	unsigned peer;    /* enum party: of the other phone; else enum peer */
	enum carried by;  /* between the phones and the server; in the matrix the trunk, too */
};

/*
 * Why no configuration and no cleverness of the server can give this call two-way audio, or NULL. From the facts of
 * the tables alone; `alone`: the phone calls nobody but the server.
 */
const char *sim_impossible(const struct spot *s, bool alone);

/* What a configuration demands of its surroundings; family or port 0: as the table has it. */
struct ground_ask {
	struct spot spot;
	struct addr lan;      /* the server's own address on its private network */
	struct addr external; /* the public address it is reached at */
	struct addr provider;
	struct addr stun;              /* the STUN server that it asks */
	enum sim_router_speaks router; /* of the one that forwards its ports */
	uint16_t sip_port, rtp_first, rtp_last;
	ms_t timeout; /* of a mapping in any of the boxes */
};
struct ground {
	struct sim *sim;
	struct sim_net *wan, *near, *uplink; /* near: the server's network; uplink: NULL where there is none */
	struct sim_net *homes[4];            /* the networks of the phones' own boxes */
	size_t n_homes;
	struct sim_host *server, *phones[2], *provider, *far;
	struct addr local, external, provider_ip, stun;
	uint16_t sip_port;
	ms_t timeout;
	unsigned shared; /* the kind of place whose box a second phone in the same kind shares; 0: none */
};
/* Fills *g; the caller frees g->sim, and with it everything. */
void ground_make(struct ground *g, const struct ground_ask *ask);
/* What a phone in such a place has as its server: "198.51.100.5:5060". */
void ground_server(const struct ground *g, unsigned party, char buf[ADDR_STRLEN]);
#define GROUND_STUN    "203.0.113.70"
#define GROUND_TIMEOUT 30000        /* ms, of a mapping in any of the boxes */
#define GROUND_UPLINK  "10.20.0.10" /* the server's address on its second link */
