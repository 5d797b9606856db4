/*
 * nat/doctor.h: why a call has no audio, from what was seen of it. Facts go in; findings come out, each with its code
 * (conf/finding.def), the evidence, the setting that mends it, and what would tell two causes apart. Pure functions.
 */
#pragma once
#include "base/net.h"
#include "nat/lint.h"
#include "nat/signals.h"

enum leg_end {
	LEG_LIVES,
	LEG_ENDED,       /* by a BYE or CANCEL of either side, as calls end */
	LEG_REFUSED,     /* a final response of the peer */
	LEG_SILENT,      /* nothing at all came back to our INVITE */
	LEG_UNREACHABLE, /* no way to send it: ICMP, no connection, no address */
	LEG_NO_ACK,      /* our 2xx was repeated for 32 s and never acknowledged */
	LEG_NO_RTP,      /* rtp_timeout */
	LEG_NO_REFRESH,  /* its session timer ran out (RFC 4028) */
};

/* What was asked for that is not served. */
enum leg_offer {
	OFFER_OTHER,   /* nothing of the following: no codec in common */
	OFFER_SRTP,    /* SRTP and nothing else */
	OFFER_BROWSER, /* SRTP, keys and ways found by DTLS and ICE (WebRTC) */
	OFFER_PLAIN,   /* no encryption, and the endpoint demands it */
	OFFER_FAX,     /* T.38 */
};

/* One leg. Kept in the call's record: nothing in it points anywhere. Times are of the signalling clock. */
struct leg_facts {
	char name[96], endpoint[64], transport[32];
	bool incoming, answered, tcp;
	bool is_phone;   /* its AOR takes registrations; else a trunk */
	bool behind_nat; /* as its messages show */
	bool held;
	bool heard;           /* it answered our INVITE, with whatever code */
	bool is_early;        /* its SDP was known before the answer */
	enum leg_offer offer; /* that was refused */
	bool asked_fax;       /* a re-INVITE of its asked for T.38 */
	enum leg_end end;
	bool by_peer;                     /* it ended the leg */
	int cause;                        /* Q.850; 0: none */
	unsigned code;                    /* of its final response */
	ms_t born, answered_at, ended_at; /* 0: not yet */
	ms_t sdp_at;                      /* its first SDP; 0: never */
	unsigned reoffers;
	uint32_t invite_bytes;
	unsigned other_contacts; /* of the same AOR, never tried */
	unsigned repeats;        /* of its 2xx, after our ACK */

	struct addr peer;    /* where its messages come from, or go to */
	struct addr here;    /* our own address, that they leave with */
	struct addr seen_as; /* how the outside sees `here`; family 0: not known; port 0: not known of the port */
	struct addr told;    /* in our Contact; family 0: a name */
	struct addr face;    /* in our SDP */
	struct addr target; /* whom requests within the call are for: its Contact, rewritten or not; family 0: a name */
	struct addr source; /* of the REGISTER behind the contact that is dialled; family 0: not known */
	/* rewrite_contact put `by` in the place of `written`, which its Contact or the nearest Record-Route says;
	 * family 0: it did not. */
	struct addr written, by;
	bool at_source;      /* it listens where it sends from: it asked for rport, or has answered there */
	struct addr sdp_was; /* where its SDP wanted audio before the last re-INVITE moved it to another host; family 0:
				none did */
	bool has_media;
	struct media_stats audio;
};

enum { CALL_LEGS = 4 };
struct call_facts {
	char id[32]; /* the first channel's unique id */
	char caller[64], dialed[64];
	int64_t began; /* Unix ms */
	ms_t now;      /* of the signalling clock: when this was looked at, or when the call ended */
	bool over;
	const struct leg_facts *legs[CALL_LEGS]; /* the caller's first */
	size_t n_legs;
	char missing[64];          /* a Dial() found no contact to call at this endpoint; "" */
	unsigned missing_contacts; /* registered or static there, none of them usable */
	struct addr missing_target,
		missing_source;      /* of the first of them: where it is called, and where it came from */
	struct addr missing_written; /* what it says of itself, where that is not what is called; family 0: it is */
	bool missing_at_source;      /* as in struct leg_facts */
};

/* The settings that a leg lived under. */
struct leg_settings {
	const struct conf_endpoint *ep;
	const struct nat_door *door; /* of its transport, as it is now; NULL: gone */
};
struct doctor_ask {
	const struct conf *conf;
	const struct call_facts *call;
	const struct leg_settings *settings; /* of as many legs */
	const struct lint_host *host;        /* our own addresses; n_host 0: not known */
	size_t n_host;
};

enum why {
	WHY_NONE,  /* nothing to judge: it was never answered, and nothing is wrong with that */
	WHY_EARLY, /* too short to tell */
	WHY_FINE,
	WHY_FOUND, /* the first finding is the likeliest */
};
const char *why_name(enum why v);
/* Findings of one call into an empty list, the surest first. lint_free() frees them. */
enum why doctor_call(const struct doctor_ask *ask, struct lint *findings);

/* ---- the whole server ---- */

struct transport_facts {
	const struct conf_transport *t;
	const struct nat_door *door; /* NULL: it does not listen */
	struct addr bound;
};
struct phone_facts {                    /* a contact */
	const struct conf_endpoint *ep; /* NULL: nobody's */
	const struct conf_aor *aor;
	const char *uri;
	struct addr source; /* of its last REGISTER; family 0: not known */
	bool is_static, behind_nat, unavailable;
	bool talks;    /* it is in a call right now */
	double rtt_ms; /* < 0: not known */
};
struct trunk_facts { /* an outbound registration */
	const struct conf_registration *r;
	bool up, gave_up; /* gave_up: it will not try again */
	const char *why;
};
struct stranger_facts { /* an address whose requests no endpoint claims */
	struct addr from;
	unsigned requests;
	const char *name;               /* a provider's name that has this address; NULL: none of ours */
	const struct conf_identify *of; /* that should match it; NULL: none */
};
struct name_facts { /* a host name in match= that has no address */
	const struct conf_identify *of;
	const char *name;
};
struct way_facts { /* how packets to a peer leave, and, for each transport, those to the world */
	const struct conf_transport *t;
	const struct conf_obj *o; /* the registration or endpoint that the peer is of; NULL: the world */
	struct addr to;
	bool none; /* there is no route */
	struct net_route r;
	struct addr better; /* r.beside: what they would leave with if t were not bound */
};
struct records_tally {       /* of the calls that go on or are remembered */
	unsigned fine, sick; /* with audio both ways; with something wrong */
	unsigned outside;    /* legs with audio from beyond our router */
	unsigned uninvited;  /* of these: it came before we had sent anything to where it comes from */
};
struct server_facts {
	const struct conf *conf;
	const struct lint_host *host;
	size_t n_host;
	const struct transport_facts *transports;
	const struct phone_facts *phones;
	const struct trunk_facts *trunks;
	const struct stranger_facts *strangers;
	const struct name_facts *names;
	const struct way_facts *ways;
	size_t n_transports, n_phones, n_trunks, n_strangers, n_names, n_ways;
	struct records_tally calls;
};
/* What is wrong right now, into an empty list, the surest first. */
void doctor_server(const struct server_facts *s, struct lint *findings);
