/*
 * sim/sim.h: a world without sockets: a virtual clock, networks, NAT boxes, DNS, and hosts that run the real PBX or a
 * virtual phone. Everything happens inside sim_run(); time is free. One thread.
 */
#pragma once
#include "pbx/pbx.h"

struct sim;      /* the world */
struct sim_net;  /* one network: hosts on it reach each other by address */
struct sim_host; /* one host with its addresses */

/* ---- the world ---- */

struct sim *sim_new(uint32_t seed); /* the same seed, the same world */
void sim_kernel(struct sim *s); /* PBXs started from now on relay plain audio as with a kernel (media_engine=auto) */
/* PBXs started from now on have their configuration changed by fn before they see it; NULL: no more. */
void sim_tune(struct sim *s, void (*fn)(void *arg, struct conf *c), void *arg);
/*
 * As a server has it that is busy: what happens within a turn of so many ms is dealt with at its end, and datagrams
 * overtake each other.
 */
void sim_turns(struct sim *s, ms_t turn);
void sim_free(struct sim *s); /* hosts, phones and PBXs in it, too */
struct clock *sim_clock(struct sim *s);
bool sim_run(struct sim *s, ms_t until);  /* virtual time of the clock; has anything happened? */
void sim_wall(struct sim *s, int64_t ms); /* what the clock on the wall says, Unix time */

/* What happens to the nth SIP message on the wire (from 0, over all networks), for stories under loss. */
enum sim_fate { SIM_DELIVER, SIM_LOSE, SIM_DOUBLE };
void sim_fate(struct sim *s, unsigned nth, enum sim_fate fate);
unsigned sim_messages(const struct sim *s); /* SIP datagrams sent so far: those that can be lost */
/* Every SIP message, as it leaves a host or a NAT box onto a network. */
struct sim_wire {
	const struct sim_net *net;
	struct addr from, to;
	struct span bytes;
};
void sim_tap(struct sim *s, void (*fn)(void *arg, const struct sim_wire *w), void *arg);

/* ---- networks and NAT (RFC 4787's words) ---- */

enum sim_nat_rule {
	NAT_ENDPOINT,
	NAT_ADDRESS,
	NAT_ADDRESS_PORT
}; /* independent, address-, address-and-port-dependent */
struct sim_nat {
	struct addr external; /* on the outer network */
	enum sim_nat_rule mapping, filtering;
	bool preserve_ports, hairpins, inbound_refresh; /* inbound: packets from outside keep a mapping, too */
	bool drops_fragments;                           /* of datagrams longer than 1472 bytes */
	bool sip_alg;                                   /* rewrites addresses, but no ports, inside SIP over UDP */
	enum sim_xlat { XLAT_NONE, XLAT_CLAT, XLAT_PLAT } xlat; /* 464XLAT's two boxes, RFC 6877 */
	ms_t timeout;                                           /* of a mapping that is not used */
};
/* outer NULL: the public network (nat is not looked at); else a private network behind a NAT box on `outer`. */
struct sim_net *sim_net(struct sim *s, const char *name, struct sim_net *outer, const struct sim_nat *nat);
const char *sim_net_name(const struct sim_net *n);
/* Ports first..last of the external address go to the same ports of `to`. */
void sim_forward(struct sim_net *n, uint16_t first, uint16_t last, const struct addr *to);
void sim_restart_nat(struct sim_net *n); /* every mapping is lost, and every TCP connection through it */
void sim_move_nat(struct sim_net *n, const struct addr *external); /* the same, and another address outside */

/*
 * The box of n has this address inside, which is the way out for n's hosts, and opens ports for them when asked in this
 * language. Made anew by sim_restart_nat() and sim_move_nat(), as after a loss of power.
 */
/* NATPMP_ONLY: one that is silent to PCP. */
enum sim_router_speaks { SIM_OPENS_NOTHING, SIM_PCP, SIM_NATPMP, SIM_UPNP, SIM_NATPMP_ONLY };
struct sim_router_conf {
	enum sim_router_speaks speaks;
	unsigned shift; /* added to the port that was wanted outside */
	unsigned room;  /* ports that it opens at most; 0: as many as it is asked for */
};
void sim_router(struct sim_net *n, const struct addr *inside, const struct sim_router_conf *c);
unsigned sim_router_open(struct sim_net *n); /* how many ports are open */

/* ---- hosts ---- */

struct sim_host *sim_host(struct sim *s, struct sim_net *n, const struct addr *ip);
void sim_host_name(struct sim_host *h, const char *name); /* for those who draw it; not copied */
void sim_host_also(struct sim_host *h, struct sim_net *n, const struct addr *ip); /* one more address */
unsigned sim_host_ports(const struct sim_host *h);                                /* media sockets that are open */
void sim_host_up(struct sim_host *h, bool up); /* down: what is sent to it vanishes */
/* The host's sockets as base/net.h's contract, and for media. */
struct net sim_host_net(struct sim_host *h);
void sim_host_backlog(struct sim_host *h, unsigned percent);         /* how full its queue of datagrams is said to be */
void sim_host_sink(struct sim_host *h, const struct net_sink *sink); /* NULL: nobody listens */
struct media_io *sim_host_media(struct sim_host *h);                 /* the host's */
/* Where RTP of the host goes: the PBX's media, or a phone. */
void sim_host_rtp(struct sim_host *h, void (*fn)(void *arg, uint32_t sock, const struct addr *from, struct span bytes),
		  void *arg);
void sim_host_close_all(struct sim_host *h); /* as the kernel does when the process dies */

/*
 * The host is a STUN server from now on; other: its second address and port (RFC 5780), family 0: none. False: a port
 * is taken.
 */
bool sim_stun(struct sim_host *h, uint16_t port, const struct addr *other);

/* ---- DNS ---- */
void sim_dns(struct sim *s, const char *name, const struct dns_record *r);
void sim_dns_clear(struct sim *s, const char *name, enum dns_type type);

/* ---- virtual phones ---- */

/*
 * A user agent with one call at a time. Its SIP stack is our own core; its Contact and SDP carry its own address, as a
 * phone behind NAT does. What it sends is a constant level that stands for its number: who hears whom is known.
 */
struct sim_phone;
struct sim_phone_conf {
	struct sim_host *host;
	const char *name, *user, *password, *server; /* server: "192.0.2.10" or a name */
	const char *from;                            /* the user part of its From; NULL: user */
	const char *auth_user;                       /* of its credentials; NULL: user */
	bool tcp, tls;
	enum { SIM_PLAIN, SIM_SRTP, SIM_SRTP_OPTIONAL } srtp;
	bool wrong_key;      /* it encrypts with another one than its SDP says */
	bool rekeys;         /* each offer within a call has a new key */
	bool wavers;         /* every other offer within a call is plain */
	uint16_t port;       /* 0: 5060 */
	unsigned answer;     /* what it answers to an INVITE: 200, 486 …; 0: it only rings */
	ms_t answer_after;   /* and when */
	bool early_media;    /* 183 with SDP before the answer */
	bool symmetric;      /* sends RTP to where it comes from */
	bool late_offer;     /* its INVITE has no SDP */
	bool silent;         /* does not say that it rings */
	const char *codecs;  /* "ulaw,alaw"; "": both */
	const char *options; /* more lines for its transport section, or "" */
};
struct sim_phone *sim_phone(struct sim *s, const struct sim_phone_conf *c);
void sim_phone_register(struct sim_phone *p, uint32_t expires); /* 0: un-REGISTER */
void sim_phone_register_all(struct sim_phone *p);               /* REGISTER with Contact: *, Expires: 0 */
void sim_phone_call(struct sim_phone *p, const char *number);   /* or a sip: URI */
void sim_phone_answer(struct sim_phone *p);
void sim_phone_hangup(struct sim_phone *p);                       /* BYE, CANCEL or 486, as fits */
void sim_phone_hold(struct sim_phone *p, bool hold, bool update); /* by re-INVITE or UPDATE; again: the same SDP */
void sim_phone_reoffer(struct sim_phone *p, const char *sdp);     /* a re-INVITE with this body; lines end in \n */
/* REFER to a number or a sip: URI; other: whose call is to be replaced, or NULL; no_sub: RFC 4488. */
void sim_phone_transfer(struct sim_phone *p, const char *to, const struct sim_phone *other, bool no_sub);
/* Calls in the place of the call of another phone; early: only if that is not answered. */
void sim_phone_replace(struct sim_phone *p, const char *to, const struct sim_phone *other, bool early);
void sim_phone_dtmf(struct sim_phone *p, char digit, bool info);              /* RFC 4733 or INFO */
void sim_phone_ask(struct sim_phone *p, const char *method, const char *uri); /* OPTIONS …; uri "": in the dialog */
/* Subscribes to an extension's state; event: "dialog" or "presence". */
void sim_phone_watch(struct sim_phone *p, const char *exten, const char *event, uint32_t expires);
void sim_phone_watch_again(struct sim_phone *p, uint32_t expires); /* in the same dialog; 0: no more */
void sim_phone_refuse_notify(struct sim_phone *p, unsigned code);  /* what it answers to NOTIFY */
void sim_phone_mute(struct sim_phone *p, bool mute);               /* sends no RTP */
void sim_phone_pace(struct sim_phone *p, ms_t frame); /* between its RTP packets: 20, or more, as when it is silent */
/* Without a call: sends its voice to `to` (family 0: no more), and hears what comes back. */
void sim_phone_jam(struct sim_phone *p, const struct addr *to);
void sim_phone_set_answer(struct sim_phone *p, unsigned code, ms_t after);
void sim_phone_restart(struct sim_phone *p,
		       uint16_t port); /* loses its state and sockets; comes back on another port */
struct sim_phone_state {
	unsigned registered;         /* last final code of REGISTER; 0: none yet */
	char contact[256];           /* the Contacts that its REGISTER's 200 gave back */
	unsigned last;               /* last code its INVITE got (1xx too), or gave */
	unsigned reoffer, asked;     /* last final code of its re-INVITE or UPDATE; of sim_phone_ask() */
	unsigned referred, notified; /* of its REFER; what the last NOTIFY said became of it */
	bool told_last;              /* that NOTIFY was the last */
	bool ringing, in_call, held; /* in_call: confirmed; held: by the other side */
	unsigned ended, calls;       /* calls that have ended, INVITEs that came in */
	int cause;                   /* Q.850 of the BYE or final answer's Reason; 0: none */
	uint32_t rtp_rx, rtp_tx;
	unsigned hears;     /* number of the phone heard within the last 200 ms; 0: nobody, 255: something else */
	struct addr rtp_to; /* where it sends */
	char from[128];     /* From of the call it got */
	char codec[8];      /* what it hears: "PCMU", "PCMA" */
	char digits[32];    /* digits it heard, or got by INFO */
	unsigned watching;  /* last final code of its SUBSCRIBE */
	unsigned told;      /* NOTIFYs of that */
	char sees[1500];    /* the last one of them */
};
void sim_phone_state(struct sim_phone *p, struct sim_phone_state *st);
unsigned sim_phone_number(const struct sim_phone *p);

/* ---- a PBX in the world ---- */
struct sim_pbx;
/* `source` must outlive it. NULL when the configuration is refused, with the reasons in `why`. */
struct sim_pbx *sim_pbx(struct sim *s, struct sim_host *h, const struct conf_source *source, struct diag *why);
struct pbx *sim_pbx_get(struct sim_pbx *p);        /* NULL while it is down */
struct span sim_pbx_cdrs(const struct sim_pbx *p); /* the lines of its records of calls */
bool sim_pbx_reload(struct sim_pbx *p, struct diag *why);
void sim_pbx_kill(struct sim_pbx *p); /* kill -9: only the store stays */
bool sim_pbx_start(struct sim_pbx *p, struct diag *why);
