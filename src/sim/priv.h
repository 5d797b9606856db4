/* sim/priv.h: what the files of this folder share. Not for others. */
#pragma once
#include <uthash.h>

#include "sim/sim.h"

struct mapping {
	struct list link;
	bool tcp;
	struct addr inside, remote; /* remote: as far as the mapping depends on it */
	uint16_t port;              /* on the external address */
	ms_t expires;
	struct addr asked[16]; /* who was sent to: what the filter lets in */
	unsigned n_asked;
};

struct forward {
	uint16_t first, last;
	struct addr to;
};

/* What a box was asked to open: both ways, until it expires. */
struct lease {
	struct list link;
	bool tcp;
	struct addr inside;
	uint16_t port; /* on the external address */
	ms_t expires;
};

struct sim_net {
	struct list link;
	struct sim *sim;
	char name[32];
	struct sim_net *outer;
	struct sim_nat nat;
	struct list mappings;
	struct forward forwards[8];
	unsigned n_forwards;
	uint16_t next_port;
	struct { /* router.c */
		struct sim_router_conf conf;
		struct addr inside; /* family 0: none that hosts know */
		ms_t since;         /* it runs since then */
		struct list leases;
	} router;
};

struct socket {
	UT_hash_handle hh;
	uint32_t id, listener;
	struct sim_host *host;
	bool tcp, listening, media;
	enum net_proto proto;    /* of a stream: TCP or TLS, which differ in name alone here */
	bool cut;                /* TCP: a box between the ends forgot the connection */
	struct addr local, peer; /* peer: TCP, as this side sees it */
	uint32_t other;          /* TCP: the other end's socket, 0 while connecting or when it is gone */
	ms_t last_at;            /* TCP: when the last bytes arrive: order is kept */
};

#define HOST_ADDRS 4
#define CALLS_SEEN 16
struct place { /* one address of a host, on one network */
	struct sim_net *net;
	struct addr ip;
};

struct sim_stun { /* stun.c: other: family 0: none; first: of its sockets */
	struct addr other;
	uint32_t first;
};

struct sim_host {
	struct list link;
	struct sim *sim;
	const char *name;            /* NULL: none */
	struct place at[HOST_ADDRS]; /* the first of a family is the default way out */
	unsigned n_at;
	bool up;
	unsigned backlog; /* what struct net says */
	struct {
		uint32_t call, order; /* call: a hash of its Call-ID */
	} seen[CALLS_SEEN];
	struct net_sink sink;
	struct media_io media;
	struct sim_stun stun;
	void (*rtp)(void *arg, uint32_t sock, const struct addr *from, struct span bytes);
	void *rtp_arg;
};

struct zone_record {
	struct list link;
	char name[256];
	struct dns_record r;
};

struct sim {
	struct clock clock;
	struct list nets, hosts, zone, packets, phones, pbxs;
	struct socket *sockets;
	uint32_t next_socket;
	unsigned messages, fated;
	ms_t turn; /* 0: each event has its own time */
	bool kernel;
	void (*tune)(void *arg, struct conf *c);
	void *tune_arg;
	enum sim_fate fate;
	void (*tap)(void *arg, const struct sim_wire *w);
	void *tap_arg;
	unsigned next_phone;
};

/* nat.c: where a packet of a host goes, and as whom; NULL: it is lost. */
struct passage {
	struct addr from, to;
	bool tcp;
	const struct span *sip; /* to be shown to the tap on each network; NULL: not SIP */
	struct span mangled;    /* what a SIP ALG made of it; `owned` holds the bytes */
	char *owned;
};
/* router.c: what is open at a port of the box; for a port of a host; NULL: nothing. */
struct lease *sim_lease_at(struct sim_net *n, bool tcp, uint16_t port);
struct lease *sim_lease_of(struct sim_net *n, bool tcp, const struct addr *inside);
int sim_router_upnp(struct sim_net *n, const struct addr *host, const struct net_upnp *ask, struct addr *outside);
void sim_router_restart(struct sim_net *n);
struct sim_host *sim_route(struct sim_net *n, struct passage *p);
struct sim_host *sim_host_on(struct sim_net *n, const struct addr *ip);
void sim_show(struct sim_net *n, const struct passage *p); /* to the tap */
/* The address as the other side of a 464XLAT box writes it: 64:ff9b::/96 with the v4 address, and back. */
struct addr sim_nat64(const struct addr *v4);
bool sim_nat46(const struct addr *v6, struct addr *v4);
void sim_alg(struct passage *p, const struct addr *old, const struct addr *new); /* every mention of old becomes new */
void sim_out_option(struct out *o, const char *option, const char *value);       /* a line of a .conf; "": none */
void sim_cut_streams(struct sim_net *n);
void sim_phones_free(struct sim *s);
void sim_pbxs_free(struct sim *s);
void sim_pbxs_media(struct sim *s); /* asks every PBX's media when it wants to run next */
