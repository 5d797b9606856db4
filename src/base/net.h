/*
 * base/net.h: the network as the cores see it. Two implementations: io (sockets on the libuv loop) and sim (a virtual
 * network). Wishes go down through struct net; facts come up through struct net_sink. Signalling thread only.
 */
#pragma once
#include "base/addr.h"
#include "base/secret.h"

enum net_proto { NET_UDP, NET_TCP, NET_TLS };

static inline bool net_is_stream(enum net_proto p)
{
	return p != NET_UDP;
}

static inline const char *net_proto_name(enum net_proto p)
{
	return p == NET_UDP ? "UDP" : p == NET_TCP ? "TCP" : "TLS";
}

/* One way to reach one peer. `sock` is the UDP socket or the connection; 0 is none. A value: copied freely. */
struct flow {
	uint32_t sock;
	enum net_proto proto;
	uint32_t listener; /* the socket or the listening socket it belongs to: one per configured transport */
	struct addr local; /* our side: for a wildcard UDP socket the address the packet came to */
	struct addr peer;
	uint32_t order; /* UDP: datagrams of one turn with the same one stay in order; others may overtake each other */
};

/* How a TLS listener and the connections from it show themselves and look at others. */
struct net_tls {
	const char *cert_file, *priv_key_file; /* PEM; "" or NULL: none. A key that is not given is in cert_file */
	struct secret password;                /* of the key */
	const char *ca_list_file, *ca_list_path;
	const char *cipher; /* OpenSSL's words; "": its default */
	enum { NET_TLS_DEFAULT, NET_TLS_1_0, NET_TLS_1_1, NET_TLS_1_2, NET_TLS_1_3 } oldest;
	bool verify_client, require_client_cert, verify_server, allow_wildcard_certs;
};
#define NET_WHY 256
struct net_cert {              /* what a listener with such files would show */
	bool known;            /* there is a certificate */
	long long from, until; /* it is valid, Unix time */
	char why[NET_WHY];     /* the files cannot be used: a phrase */
};

struct net_listen {
	enum net_proto proto;
	struct addr bind;
	uint8_t tos;
	bool share; /* another listener of this program may hold a part of the address: the narrower one gets its
		       packets */
	bool gso;   /* UDP: datagrams may go through the kernel together, where it can do that */
	bool tcp_keepalive;
	int keep_idle, keep_interval, keep_probes; /* s, s, count */
	const struct net_tls *tls;                 /* NET_TLS; read during the call only */
	char *why; /* NET_WHY bytes: gets a phrase when something of tls is wrong (-EINVAL); may be NULL */
};

enum dns_type { DNS_A = 1, DNS_AAAA = 28, DNS_SRV = 33, DNS_NAPTR = 35 };
struct dns_record {
	enum dns_type type;
	uint32_t ttl;                                       /* s */
	struct addr addr;                                   /* A, AAAA */
	uint16_t order, preference, priority, weight, port; /* NAPTR: order, preference; SRV: priority, weight, port */
	char flags[4], service[32];                         /* NAPTR */
	char name[256];                                     /* SRV target, NAPTR replacement */
};

/* A question to a router by UPnP-IGD. Ports of IPv4 only. */
struct net_upnp {
	enum net_upnp_kind {
		UPNP_LOOK, /* its address outside; port not 0: and is this port open still? */
		UPNP_OPEN,
		UPNP_CLOSE,
	} kind;
	enum net_proto proto;
	uint16_t port, outside; /* ours; the one that is wanted, or open, outside */
	uint32_t lifetime;      /* s */
};

/* What the routes say of packets to one destination. */
struct net_route {
	struct addr from; /* they leave with it */
	struct addr via;  /* the router; family 0: none is needed */
	char dev[16];     /* the interface; "": not known */
	struct addr net;  /* what the route is for, with len bits of prefix; len 0: the default route */
	uint8_t len;
	bool beside; /* `from` belongs to another interface: whoever answers sends elsewhere, or is not believed */
};

struct net {
	void *arg;
	/* Opens a UDP socket or a listener of streams. 0, or -errno. *bound gets the address with the real port. */
	int (*listen)(void *arg, const struct net_listen *ask, uint32_t *id, struct addr *bound);
	void (*close)(void *arg, uint32_t sock); /* a listener or a connection; its flows are dead at once */
	/*
	 * Starts a connection from the listener's address; bytes sent before it stands are queued. 0 or -errno.
	 * `name` is who is meant, for TLS: it is said to the peer, and its certificate must fit it (verify_server).
	 */
	int (*connect)(void *arg, uint32_t listener, const struct addr *to, struct span name, struct flow *f);
	/*
	 * New keys and rules for the connections that begin on a TLS listener from now on; its files are read again.
	 * -EINVAL with the phrase in why (NET_WHY bytes): everything stays as it was. May be NULL.
	 */
	int (*renew)(void *arg, uint32_t listener, const struct net_tls *tls, char *why);
	/* 0 or -errno at once; later failures arrive as sink->failed. One call is one datagram on UDP. */
	int (*send)(void *arg, const struct flow *f, struct span bytes);
	/*
	 * The source address that packets from this listener to `to` leave with; listener 0: from a socket that is not
	 * bound, as the routes say. Family 0 if there is no route.
	 */
	struct addr (*source)(void *arg, uint32_t listener, const struct addr *to);
	/* Asks DNS, /etc/hosts first for A and AAAA. The answer comes through sink->resolved, never from inside. */
	void (*resolve)(void *arg, uint64_t query, const char *name, enum dns_type type);
	/* The router that packets to the public addresses of the family go through; family 0: none. May be NULL. */
	struct addr (*gateway)(void *arg, uint8_t family);
	/*
	 * Asks the router that answers to UPnP, one question after the other; the answers come through sink->upnp,
	 * never from inside. It may take seconds. May be NULL.
	 */
	void (*upnp)(void *arg, uint64_t query, const struct net_upnp *ask);
	void (*set_tos)(void *arg, uint32_t sock, uint8_t tos); /* of a UDP socket or a listener. May be NULL. */
	/* How far behind reading datagrams is, in percent: of the room for those that wait, or of the time that is
	   bearable, whichever is more. May be NULL. */
	unsigned (*backlog)(void *arg);
	/* How packets to this address leave, when they come from `bound`, an address of ours, or from anywhere (family
	 * 0). False: there is no route. May be NULL. */
	bool (*route)(void *arg, const struct addr *to, const struct addr *bound, struct net_route *r);
	/* Are packets to this address sent by a route of its own, not by the default one? May be NULL: not known. */
	bool (*routed)(void *arg, const struct addr *to);
};

struct net_sink {
	void *arg;
	/* A datagram, or bytes of a stream (any cut). Valid during the call only. */
	void (*input)(void *arg, const struct flow *f, struct span bytes);
	void (*accepted)(void *arg, const struct flow *f); /* a new incoming connection */
	void (*connected)(void *arg, uint32_t sock, const struct addr *local);
	/* A connection ended (err 0: by the peer), or ICMP said that a UDP peer cannot be reached. */
	void (*failed)(void *arg, const struct flow *f, int err);
	/* n == 0 and err == 0: no such record; err < 0: the question failed (timeout, SERVFAIL). */
	void (*resolved)(void *arg, uint64_t query, const struct dns_record *rs, size_t n, int err);
	/* err 0: done; -ENODEV: no router answers to UPnP; -ENOENT: the port is not open any more. May be NULL. */
	void (*upnp)(void *arg, uint64_t query, int err, const struct addr *outside);
	/* Our own addresses or routes have changed. May be NULL. */
	void (*network)(void *arg);
};
