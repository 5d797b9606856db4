/*
 * nat/nat.h: all that hairpin knows of NAT: two doors and a latch. Pure functions over plain structs: no socket, no
 * clock, no allocation. Any thread.
 */
#pragma once
#include "conf/conf.h"
#include "nat/external.h"

/* ---- the door out: which address do we write for THIS destination? ---- */

/* A transport as the door sees it: its options, and what its external names stand for right now. */
struct nat_door {
	const struct conf_transport *t;
	struct addr ext_signaling, ext_media; /* family 0: not set, or a name that never resolved */
	bool auto_signaling, auto_media;      /* instead of these: what was found out */
	bool by_route; /* private addresses are told apart by routes, too (not: compat=asterisk) */
	struct nat_external found;
	struct addr seen; /* how a configured peer outside saw us last; family 0: none did */
};

/* What to write as host and port in Via, Contact and Record-Route. */
struct nat_face {
	char host[256];   /* an IP (v6 in brackets) or external_signaling_hostname */
	uint16_t port;    /* 0: write none */
	struct addr addr; /* the host, whatever its port; family 0: it is a name */
	bool external;    /* the external_* options decided it */
};

/* local_net is not empty and its last matching rule says so; an empty list makes nothing local. */
bool nat_is_local(const struct conf_transport *t, const struct addr *dst);
/* From where a message leaves, or what we would write without NAT; and to where its signalling goes. */
struct nat_way {
	struct addr local, dst;
	bool beside;  /* dst has a route of its own: asked only where nat_asks_route() says so */
	bool written; /* local is media_address: only what is written, too, replaces it */
};
/* Both ends are private, and dst would be told a public address: a route of its own says that ours is better. */
bool nat_asks_route(const struct nat_door *d, const struct addr *local, const struct addr *dst);
/* external_signaling_port 0 keeps local's port. */
void nat_signaling_face(const struct nat_door *d, const struct nat_way *w, struct nat_face *f);
/*
 * The address for o= and c= of SDP. `local` is replaced by ext_media when dst is not local, and local is inside
 * local_net (or local_net is empty, or local is private and the others are not). Port kept.
 */
struct addr nat_media_face(const struct nat_door *d, const struct nat_way *w);

/* Is dst to read in SDP what was found out about our outside? Family 0: a public address. */
bool nat_media_is_outside(const struct nat_door *d, const struct addr *dst);

/* ---- the door in: what do we believe of what the peer says about itself? ---- */

/* Where a response goes (RFC 3261 18.2.2, RFC 3581), and what to add to the top Via we received. */
struct nat_via_ask {
	struct addr src;   /* where the request came from */
	struct span host;  /* sent-by */
	uint16_t port;     /* 0: none given */
	bool has_rport;    /* the client asked */
	bool force_rport;  /* the endpoint's option */
	struct addr maddr; /* family 0: none */
	bool reliable;     /* TCP: the same connection comes first */
};
struct nat_via {
	struct addr to;    /* UDP: send the response here; reliable: dial this when the connection is gone */
	bool add_rport;    /* write rport=<source port> */
	bool add_received; /* write received=<source address> */
};
struct nat_via nat_via(const struct nat_via_ask *ask);

/* Which header of a received message rewrite_contact changes (nat-semantics 3.3). */
enum nat_rewrite { NAT_KEEP, NAT_REWRITE_CONTACT, NAT_REWRITE_ROUTE };
struct nat_contact_ask {
	bool rewrite_contact; /* the endpoint's option */
	bool is_register, is_request;
	bool in_dialog;         /* belongs to a dialog, one that this response makes included */
	bool has_record_route;  /* in this message */
	bool dialog_has_routes; /* the dialog's route set is not empty */
	bool contact_is_sip;    /* not "*", a sip: or sips: URI */
};
enum nat_rewrite nat_contact_rule(const struct nat_contact_ask *ask);

/*
 * Does a request show that its sender is behind NAT, and that its Contact is the sender's own? Then what it says about
 * itself cannot be reached from here. Where rewrite_contact is not written, this decides.
 */
struct nat_seen {
	struct addr src;
	struct span via_host, contact_host;
	uint16_t via_port; /* 0: none given */
	unsigned n_vias;   /* more than one: a proxy sent it, and the addresses are somebody else's */
	bool has_rport, reliable;
	bool tls; /* a phone has no certificate: nobody but its own connection reaches it */
};
bool nat_is_seen(const struct nat_seen *s);

/* ---- the latch: may this packet move where we send media? (nat-semantics 3.4) ---- */

enum latch_state { LATCH_OPEN, LATCH_LEARN, LATCH_CLOSED };
enum latch_say {
	LATCH_DROP,
	LATCH_ACCEPT,
	LATCH_LEARNED, /* accept, and this source is new as the strict address */
	LATCH_REFUSED, /* drop, and this is a whole stream that another rule would have let in; said once */
};
struct latch_conf {
	uint8_t strict; /* STRICTRTP_* of conf_rtp */
	uint8_t probation;
	bool symmetric;        /* rtp_symmetric */
	bool audio;            /* the time test of learning applies */
	bool keep_on_same_sdp; /* F9: a re-offer with the same address as before does not un-latch a validated source */
	bool relatch;          /* F8: when the source is silent, its stream may go on from elsewhere */
	bool restricted; /* F10: a stranger is learned only at the IP of SDP or of `signalling` (family 0: none) */
	struct addr signalling;
	uint32_t rate; /* Hz of timestamps; 0: 8000 */
};
struct latch_candidate { /* a stranger on probation */
	struct addr addr;
	int left; /* packets it still has to show */
	uint16_t max_seq;
	ms_t at;
};
struct latch {
	struct latch_conf conf;
	enum latch_state state;
	struct addr strict;    /* the one source accepted; family 0: none yet */
	struct addr requested; /* what SDP says; family 0: on hold, or nothing yet */
	struct addr sdp_last;  /* the last address that SDP gave: a hold does not clear it */
	struct addr source;    /* of the last packet accepted */
	struct addr remote;    /* where we send; follows the source when symmetric */
	struct addr remote_rtcp;
	struct latch_candidate proposed, outsider; /* outsider: from where nothing is learned */
	ms_t learn_at, heard_at;
	uint32_t ssrc, ts; /* of the latest packet accepted */
	uint16_t seq;
	bool validated;        /* a packet was accepted since SDP gave this address */
	uint32_t drops, moves; /* C4, C9 */
	struct addr last_dropped, refused;
};
struct latch_packet {
	struct addr src;
	uint16_t seq;
	ms_t now;
	uint32_t ssrc, ts;
};
void latch_init(struct latch *l, const struct latch_conf *conf);
/* The options changed within a call; what was learned stays, unless strictrtp itself was switched on or off. */
void latch_set_conf(struct latch *l, const struct latch_conf *conf, ms_t now);
/* Remote SDP was applied: rtp may have family 0 (hold, 0.0.0.0). rtcp family 0: rtp's port + 1, or rtp itself if mux.
 */
void latch_sdp(struct latch *l, const struct addr *rtp, const struct addr *rtcp, bool mux, ms_t now);
/* Judges one RTP packet; moves l->remote when it is accepted and rtp_symmetric says so. */
enum latch_say latch_rtp(struct latch *l, const struct latch_packet *p, bool mux);
/* Judges one RTCP packet from src: may move remote_rtcp only. `known_ssrc`: its SSRC is the stream's. */
enum latch_say latch_rtcp(struct latch *l, const struct addr *src, bool known_ssrc);
