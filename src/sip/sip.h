/*
 * sip/sip.h: the SIP core: transports, transactions (RFC 3261 17, RFC 6026), location (RFC 3263), digest (RFC 8760),
 * dialogs. Sans-IO: bytes and time come in through struct net_sink and struct clock, bytes go out through struct net.
 * Signalling thread only. A message is built for one destination: the builder asks the door out (nat/nat.h) and writes
 * Via, Contact and SDP once; a retry or a failover builds it again.
 */
#pragma once
#include "base/clock.h"
#include "nat/behave.h"
#include "nat/nat.h"
#include "sip/msg.h"

struct sip;           /* the core */
struct sip_transport; /* one configured transport, listening */
struct sip_uas;       /* one request being served: a server transaction */
struct sip_uac;       /* one request being asked: targets, credentials, client transactions */
struct sip_dialog;

/* What pbx is told. */
struct sip_user {
	void *arg;
	/* A new request outside any dialog; never ACK or CANCEL. It must get a final sip_reply(), now or later. */
	void (*request)(void *arg, struct sip_uas *uas, const struct sip_msg *m);
	/* Something came from there, be it a keep-alive. May be NULL. */
	void (*heard)(void *arg, const struct flow *f);
	/* A TCP connection ended. May be NULL. */
	void (*closed)(void *arg, const struct flow *f);
	/* Every message on the wire ("pjsip set logger"). May be NULL. */
	void (*wire)(void *arg, const struct flow *f, bool sent, struct span bytes);
	/* What we write about ourselves on this transport was learned or has changed, for some peers at least. May be
	 * NULL. */
	void (*moved)(void *arg, const struct conf_transport *t);
	/* Something of the user's still needs this listener, which a reload has moved or removed. May be NULL. */
	bool (*holds)(void *arg, uint32_t listener);
	/* Our own addresses or routes have changed: flows of UDP leave as the routes say now. May be NULL. */
	void (*network)(void *arg);
};

struct sip_config {
	struct clock *clock;
	struct net net;
	struct sip_user user;
};
struct sip *sip_new(const struct sip_config *c);
struct net_sink sip_sink(struct sip *s); /* give it to the network */
/*
 * Takes a snapshot (a reference is kept): opens new transports, then leaves removed and moved ones (drain.c), refreshes
 * doors. 0, or -errno of the first transport that cannot listen, with the reason in `why`; the others work on, and one
 * that could not move stays where it was.
 */
int sip_adopt(struct sip *s, struct conf *c, struct diag *why);
void sip_rest(struct sip *s); /* gives back memory that only a rush needs */
void sip_free(struct sip *s); /* every dialog must be freed; transactions are dropped */

bool sip_is_quiet(const struct sip *s); /* nothing that we asked waits for its answer */

/* ---- transports ---- */

struct sip_transport_info {
	const struct conf_transport *conf;
	struct addr bound;
	const struct nat_door *door;
	unsigned connections;
};
/* The nth transport that listens; false past the end. */
bool sip_transport_nth(const struct sip *s, unsigned n, struct sip_transport_info *info);
/* The transport that a flow belongs to; conf NULL if it is gone. */
struct sip_transport_info sip_transport_of(const struct sip *s, const struct flow *f);
/* The door to `to` (family 0: a public address that is not known yet), on this transport or (NULL) what fits; or NULL.
 */
const struct nat_door *sip_door_toward(struct sip *s, const struct conf_transport *want, const struct addr *to);
/* What a message to the peer of this flow would say of us now, and leave with (f->local). False: its transport is
 * gone. */
bool sip_flow_look(const struct sip *s, struct flow *f, struct nat_face *face);
/* Somebody whom we know has spoken on this flow: its connection stays for as long as the peer wants. */
void sip_flow_known(struct sip *s, const struct flow *f);
/* A reload has moved or removed its transport: what begins now begins elsewhere. */
bool sip_flow_leaves(const struct sip *s, const struct flow *f);
/* Lookup through cache, TTL and /etc/hosts: fn is called once, maybe at once. n 0: no such record (or err < 0). */
struct sip_lookup_answer {
	const struct dns_record *rs;
	size_t n;
	int err;
	ms_t fresh_for; /* until the records should be asked for again */
};
typedef void sip_lookup_fn(void *arg, const struct sip_lookup_answer *a);
void sip_lookup(struct sip *s, const char *name, enum dns_type type, sip_lookup_fn *fn, void *arg);
/* Addresses of a name and of its SRV targets, as far as they are in the cache: how many, at most max. */
size_t sip_known(const struct sip *s, const char *name, struct addr *v, size_t max);
void sip_lookup_drop(struct sip *s, void *arg); /* arg is going: its lookups never call back */

/* ---- ports that our router opens for us (PCP, NAT-PMP, UPnP) ---- */

struct sip_map; /* one port; its taker's until sip_map_close() */
struct sip_map_ask {
	enum net_proto proto;
	struct addr bound;       /* our address and port; any: whatever the router sees */
	uint16_t wanted;         /* outside; 0: the same. The router may give another one */
	bool media;              /* it may be wanted again soon: stays open for a while */
	void (*told)(void *arg); /* it was opened, moved, or is closed; may not open or close ports from inside */
	void *arg;
};
/*
 * NULL when no router is to be asked, it does not reach this address, max_router_ports is reached, or somebody else has
 * this port: one taker for each.
 */
struct sip_map *sip_map_open(struct sip *s, const struct sip_map_ask *ask);
void sip_map_close(struct sip_map **m);               /* clears the handle; NULL is fine */
bool sip_map_waits(const struct sip_map *m);          /* a router that answers has been asked for the first time */
struct addr sip_map_outside(const struct sip_map *m); /* family 0: not open */
ms_t sip_map_lease(const struct sip_map *m);          /* what is left of it */
bool sip_ports_closed(struct sip *s); /* gives back every port, and opens none any more; true when none is left */
enum sip_router_speaks { ROUTER_UNKNOWN, ROUTER_PCP, ROUTER_PMP, ROUTER_UPNP, ROUTER_SILENT };
const char *sip_router_speech(enum sip_router_speaks s);

/* ---- what is known of our outside ---- */

enum nat_kept { NAT_KEPT_UNKNOWN, NAT_KEPT, NAT_CHANGED }; /* port preservation, RFC 4787 4.2.1 */
struct sip_uninvited { /* the last request from outside that nothing of ours had asked for */
	struct addr from;
	ms_t at; /* 0: there was none */
	enum sip_method method;
};
struct sip_outside {
	const struct conf_transport *conf;
	struct addr local;    /* as bound */
	struct addr external; /* written or found out; family 0: not known, port 0: our own */
	bool automatic;       /* found out, by: */
	enum nat_source source;
	enum nat_depends mapping, filtering; /* of the SIP socket */
	enum nat_kept port_kept;
	bool router_asked; /* to open ports; what follows is of interest only then */
	enum sip_router_speaks router_speaks;
	struct addr router; /* family 0: none known */
	struct addr opened; /* by it, for this transport; family 0: nothing */
	ms_t lease;         /* what is left of it */
	struct sip_uninvited uninvited;
};
/* The nth transport that listens; false past the end. */
bool sip_outside_nth(const struct sip *s, unsigned n, struct sip_outside *o);
/* A STUN server that has answered this transport lately, if the NAT maps a socket to one port for everybody. */
bool sip_door_stun(const struct nat_door *d, struct addr *server);

/* ---- building ---- */

struct sip_build { /* given to build callbacks: what is being written, and for whom */
	struct sip *sip;
	struct out *o;    /* after the headers that the core writes */
	struct flow flow; /* local is concrete, peer is the destination */
	const struct nat_door *door;
	struct nat_face face; /* for Via and Contact; in a response from sip_build_face() on */
	bool request, secure; /* secure: the Request-URI is a sips: one, and so is our Contact on TLS */
	struct span content_type;
	struct out body; /* growing; put it with sip_put_body */
};
typedef void sip_build_fn(void *arg, struct sip_build *b);
void sip_put(struct sip_build *b, const char *name, const char *fmt, ...) PRINTF(3, 4);
void sip_build_face(struct sip_build *b); /* most responses say nothing of us */
/* Contact: <sip:user@face:port;transport=tcp>params. `uri_params` like ";line=abc" go inside the brackets. */
void sip_put_contact(struct sip_build *b, struct span user, struct span uri_params, struct span params);
struct out *sip_put_body(struct sip_build *b, const char *content_type); /* write the body here */
const char *sip_user_agent(const struct sip *s);

/* ---- serving requests ---- */

const struct sip_msg *sip_uas_msg(const struct sip_uas *uas); /* until the final reply, and as long as it is handled */
struct span sip_uas_tag(const struct sip_uas *uas);           /* the To tag that our replies carry */
/* The endpoint was identified: replies follow its force_rport (default until then: yes, as for strangers). */
bool sip_behind_nat(const struct sip_msg *request); /* by what it says of itself, and where it came from */
void sip_uas_force_rport(struct sip_uas *uas, bool yes);
/* Sends a response; a final one ends the uas for the caller. reason NULL: the code's own. build may be NULL. */
void sip_reply(struct sip_uas *uas, unsigned code, const char *reason, sip_build_fn *build, void *arg);
/* INVITE: told when a CANCEL came (200 to it is sent; the user still has to answer 487), or the transaction died. */
void sip_uas_on_cancel(struct sip_uas *uas, void (*fn)(void *arg, struct sip_uas *uas), void *arg);
bool sip_uas_is_source_local(const struct sip_uas *uas); /* by the transport's local_net */

/* ---- asking ---- */

struct sip_ask {
	enum sip_method method;
	struct span uri;                                               /* Request-URI */
	struct span from_display, from_user, from_domain, from_params; /* domain empty: our face; tag is the core's */
	struct span from_text;     /* instead of these: the whole From, tag included */
	struct span to;            /* the whole To; empty: <uri> */
	struct span call_id;       /* empty: a new one */
	uint32_t cseq;             /* 0: a new one */
	const struct span *routes; /* values of Route, in order */
	size_t n_routes;
	struct span proxy;                      /* outbound_proxy: a URI that becomes the first Route; empty: none */
	const struct conf_transport *transport; /* NULL: what fits */
	const struct flow *flow;                /* preferred if it still stands and leads to the next hop; NULL: none */
	const struct conf_auth *const *auths;   /* for challenges; of `conf` */
	size_t n_auths;
	struct conf *conf;     /* a reference is held while the ask lives; NULL: none needed */
	uint32_t max_forwards; /* 0: the global option's */
	bool goes_back;        /* where `flow` leads, when the next hop is not found */
	bool rewrite_contact;  /* INVITE: a 2xx that nobody waits for is ended where it came from (struct
				  sip_dialog_conf) */
	bool witness;          /* a configured peer: how its responses see us is believed */
	ms_t patience; /* 0: as long as transactions last; else given up when there is no answer at all by then */
	ms_t timeout;  /* the whole ask, 0: transaction timeouts only */
	const char *user_agent;                            /* NULL: the global one */
	struct span headers;                               /* whole header lines, each with CRLF; copied */
	sip_build_fn *build;                               /* may be NULL; called again for each attempt */
	bool (*again)(void *arg, const struct sip_msg *m); /* a 422: true: build says something else now; or NULL */
	/*
	 * 1xx: any number of times. Then once a final answer: m is NULL when it is our own (408 no answer, 503 cannot
	 * be reached, 404 name unknown, 487 cancelled in time); `why` says more. The uac is gone after the final call.
	 */
	void (*answer)(void *arg, struct sip_uac *uac, const struct sip_msg *m, unsigned code, const char *why);
	void *arg;
};
/* Never calls back from inside. Strings and routes are copied. Owned by the core until the final answer. */
struct sip_uac *sip_ask(struct sip *s, const struct sip_ask *ask);
/* INVITE: CANCEL as soon as allowed; the final answer still comes. A 2xx that crosses is ACKed and ended with BYE. */
void sip_uac_cancel(struct sip_uac *uac, struct span reason); /* reason: value of Reason, or empty */
void sip_uac_forget(struct sip_uac *uac);            /* no more calls to answer or build; an INVITE is cancelled */
struct flow sip_uac_flow(const struct sip_uac *uac); /* where the last attempt went; sock 0: nowhere yet */
struct span sip_uac_call_id(const struct sip_uac *uac);

/* ---- a look from another port (look.c) ---- */

struct sip_look_ask {
	uint32_t listener; /* the UDP socket that the peer knows; 0: which one does not matter */
	struct addr to;
	struct span uri; /* Request-URI; copied */
	/* Once: where an answer came from, or NULL: there is none. Never from inside; the look is gone by then. */
	void (*seen)(void *arg, const struct addr *from);
	void *arg;
};
struct sip_look *sip_look(struct sip *s, const struct sip_look_ask *ask); /* NULL: no socket for it */
void sip_look_drop(struct sip_look **l); /* seen is not called any more; clears the handle; NULL is fine */

/* ---- dialogs (RFC 3261 12) ---- */

struct sip_dialog_conf {
	bool rewrite_contact, force_rport;    /* the endpoint's */
	const struct conf_auth *const *auths; /* for challenges to our requests; of `conf` */
	size_t n_auths;
	struct conf *conf; /* a reference is held while the dialog lives */
	const struct conf_transport *transport;
	void *arg;
	/* A request within the dialog; never ACK or CANCEL. Must be answered. */
	void (*request)(void *arg, struct sip_uas *uas, const struct sip_msg *m);
	void (*ack)(void *arg, const struct sip_msg *m); /* the ACK to our 2xx: maybe with SDP */
	void (*no_ack)(void *arg);                       /* our 2xx was repeated for 64*T1 and never ACKed */
	void (*no_prack)(void *arg);                     /* likewise our reliable 1xx */
};
/* From an INVITE being served; its replies carry the dialog's tag and Record-Route. 2xx to INVITE is repeated until
 * ACK. */
struct sip_dialog *sip_dialog_uas(struct sip_uas *uas, const struct sip_dialog_conf *c);
/* From a 1xx with a tag, or a 2xx, to our INVITE. NULL if a 1xx has no tag. */
struct sip_dialog *sip_dialog_uac(struct sip_uac *uac, const struct sip_msg *m, const struct sip_dialog_conf *c);
/* A later response of the same dialog: refreshes the remote target (and freezes the route set at the first 2xx). */
void sip_dialog_refresh(struct sip_dialog *d, const struct sip_msg *m);
bool sip_dialog_is(const struct sip_dialog *d, const struct sip_msg *response); /* the same remote tag */
/* A request within the dialog; answer as in struct sip_ask. 481 and 408 end the dialog for the caller (RFC 5057). */
struct sip_uac *sip_dialog_ask(struct sip_dialog *d,
			       const struct sip_ask *what); /* method, headers, build, answer, arg, timeout */
void sip_dialog_ack(struct sip_dialog *d, uint32_t cseq, sip_build_fn *build, void *arg); /* for a 2xx to our INVITE */
/* After a final reply from a request callback the dialog may be freed at once. Pending 2xx stop being repeated. */
void sip_dialog_free(struct sip_dialog **d);
/* 1xx to the INVITE that began a dialog: repeated until its PRACK, which comes as a request (RFC 3262); one at a time.
 */
void sip_reply_reliably(struct sip_uas *uas, unsigned code, sip_build_fn *build, void *arg);
bool sip_dialog_waits_for_prack(const struct sip_dialog *d);
bool sip_dialog_waits_for_ack(const struct sip_dialog *d); /* our 2xx is being repeated */
/* The `arg` of the dialog that goes by these names, if `like` and it are of one kind: the same `request`; else NULL. */
void *sip_dialog_named(struct sip *s, const struct sip_dialog_conf *like, struct span call_id, struct span local_tag,
		       struct span remote_tag);
/* How its peer names it to us in Replaces (RFC 3891); of the peer's own dialog. */
void sip_out_replaces(struct out *o, const struct sip_dialog *d);
struct span sip_dialog_call_id(const struct sip_dialog *d);
struct flow sip_dialog_flow(const struct sip_dialog *d); /* where the peer was last heard or asked */
struct span sip_dialog_target(const struct sip_dialog *d);
unsigned sip_dialog_repeats(const struct sip_dialog *d); /* how often a 2xx came again after our ACK */
/* The peer's Contact or nearest Record-Route, as it was before rewrite_contact put `by` in its place; family 0: it
 * stands as it was written, or had a name. */
struct addr sip_dialog_written(const struct sip_dialog *d, struct addr *by);

/* The URI with the packet's source as host and port (rewrite_contact): transport=tcp is written for TCP, none for UDP.
 */
void sip_out_rewritten(struct out *o, const struct sip_uri *u, const struct flow *f);

/* ---- digest (RFC 7616, RFC 8760) ---- */

enum sip_digest_say { DIGEST_OK, DIGEST_NONE, DIGEST_STALE, DIGEST_WRONG };
/* Checks Authorization (or Proxy-) of a request against one auth object; realm: what it was challenged with. */
enum sip_digest_say sip_digest_check(struct sip *s, const struct sip_msg *m, const struct conf_auth *a);
/* Replies 401 with one WWW-Authenticate per algorithm of the auth object; a NULL: the stranger's challenge. */
void sip_digest_challenge(struct sip_uas *uas, const struct conf_auth *a, bool stale);
/* The username of the digest credentials, for identification; empty when there are none. */
struct span sip_digest_username(const struct sip_msg *m, struct span *realm);
