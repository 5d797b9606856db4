/*
 * pbx/priv.h: what the files of this folder share. Not for others.
 *
 *   request in -> identify.c (who), auth.c (prove it) -> registrar.c | options | invite.c -> dialplan.c -> app_*.c
 *   chan.c is one leg: its life; leg.c its SIP side, leg_media.c its SDP and media side; bridge.c joins two.
 */
#pragma once
#include <time.h>
#include <uthash.h>

#include "base/siphash.h"
#include "base/spares.h"
#include "base/table.h"
#include "nat/lint.h"
#include "pbx/pbx.h"
#include "sdp/sdp.h"

/* ---- contacts and AORs (aor.c): what registrar, qualify and Dial look at ---- */

enum contact_status { CONTACT_NONQUAL, CONTACT_AVAIL, CONTACT_UNAVAIL, CONTACT_UNKNOWN };

struct contact {
	struct list link; /* in its aor, oldest first */
	struct aor *aor;
	char *texts;     /* holds these */
	const char *uri; /* as dialled: rewritten; no x-ast-* parameters */
	const char *path, *user_agent, *call_id, *instance, *orig_host, *endpoint, *transport,
		*via_addr; /* "" when none */
	uint64_t stored;   /* its id in the store */
	uint16_t via_port;
	uint32_t cseq;
	int64_t expires; /* Unix ms; 0: static */
	ms_t until;      /* the same by our clock; 0: not known yet */
	bool is_static, prune_on_boot;
	bool keeps_open;     /* the OPTIONS on its way is for its NAT only */
	bool no_rport;       /* the Via of its last REGISTER did not ask for rport */
	uint32_t sock;       /* the TCP connection it came by, or 0 */
	struct addr source;  /* of its last REGISTER; family 0: before our start, or static */
	uint32_t listener;   /* the UDP socket that this came to; 0: before our start, or TCP */
	struct reach *reach; /* NULL: nothing to remember */
	struct timer expiry; /* fires then or earlier: a refresh leaves it where it is */
	enum contact_status status;
	double rtt_ms; /* < 0: unknown */
	ms_t asked_at;
	struct sip_uac *asking;
	struct measure *measure; /* NULL: it is not being asked */
	uint8_t nat_look;        /* enum nat_look */
};

struct aor { /* the live half of a conf_aor: survives reloads as long as its name is configured */
	struct pbx *pbx;
	const struct conf_aor *conf; /* of pbx->conf */
	const char *name;            /* of conf */
	struct list contacts;        /* static first */
	size_t n_dynamic;
	struct timer qualify; /* the next round */
};
struct aor *aor_find(struct pbx *p, struct span name);
struct aor *aor_of(const struct pbx *p, const struct conf_aor *c); /* c: of pbx->conf */
#define aor_for(a, p) \
	for (struct aor **a##_at = (p)->aor_at, *a; a##_at < (p)->aor_at + (p)->n_aors && (a = *a##_at, true); a##_at++)
struct pbx_change {
	const struct conf *old;
	uint32_t aor_was[]; /* of each AOR of the new one: its place in the old one, or AOR_NEW */
};
#define AOR_NEW UINT32_MAX
/* After pbx->conf changed: makes, keeps and drops; static contacts follow the snapshot. NULL: there was none before. */
void aors_adopt(struct pbx *p, const struct pbx_change *change);
void aors_load(struct pbx *p); /* contacts from the store */
void aors_free(struct pbx *p);
/*
 * Adds or refreshes; stores; arms its expiry. The strings are copied. c: what it refreshes; NULL: it is looked for by
 * URI (RFC 3261 19.1.4).
 */
struct contact *contact_put(struct aor *a, struct contact *c, const struct store_contact *s);
void contact_remove(struct contact *c, const char *why);
struct contact *contact_find(struct aor *a, struct span uri); /* NULL: none, or not a URI */
/* Of an ask to the contact: its NAT knows the socket that it registered at. Held until sip_ask() has returned. */
void contact_flow(struct pbx *p, uint32_t listener, struct flow *f, struct sip_ask *a);
/* There is one that registered there. */
bool contacts_hold(void *arg, uint32_t listener);
bool contact_at_source(const struct contact *c); /* as in struct leg_facts */
bool contact_usable(const struct contact *c);    /* not Unavail */
void contact_id(const struct contact *c, char hash[11]);
/* Hosts that did not answer lately are dialled last (compat=asterisk: in order all the same). By the URI's host and
 * port. */
void host_failed(struct pbx *p, struct span uri);
void host_answered(struct pbx *p, struct span uri);
bool host_is_dead(struct pbx *p, struct span uri);
void dead_hosts_free(struct pbx *p);
/* The endpoint that stands behind a contact: the recorded one, else the first that names its AOR; NULL: none. */
const struct conf_endpoint *contact_endpoint(const struct contact *c);
const char *contact_status_name(enum contact_status s);  /* "Avail" …: the console's word */
const char *contact_status_label(enum contact_status s); /* "Reachable" …: the log's and the dialplan's */

/* ---- qualify.c ---- */
/* reach.c: is a contact there, and how long does its NAT remember it? */
struct reach;
void reach_adopt(struct contact *c);                  /* it was loaded, or the options may have changed */
void reach_registered(struct contact *c, bool moved); /* moved: from another address than before */
struct reach *reach_take(struct contact *c);          /* what is known goes over to the contact that takes its place */
void reach_give(struct contact *c, struct reach *r);  /* either may be NULL */
void reach_drop(struct contact *c);
void reach_heard(struct pbx *p, const struct addr *from); /* anything came from there */
void reach_asked(struct contact *c);
void reach_answered(struct contact *c);
bool reach_gave_up(struct contact *c); /* a question had no answer; false: it is asked again soon */
void reach_info(const struct contact *c, struct pbx_contact_info *i);

void qualify_adopt(struct pbx *p);
void qualify_again(struct contact *c);   /* quickly: the last question had no answer */
void qualify_keep(struct contact *c);    /* for its NAT only: the answer does not matter */
void qualify_alive(struct contact *c);   /* it was heard */
void qualify_new_contact(struct aor *a); /* asks the whole AOR at once */
void qualify_now(struct aor *a);
void qualify_drop(struct contact *c); /* it is going: no answers any more */
void qualify_stop(struct pbx *p);     /* of all contacts: nobody is asked any more once the PBX ends */

/* ---- registrar.c, outreg.c, identify.c, auth.c ---- */
void registrar_request(struct pbx *p, struct sip_uas *uas, const struct conf_endpoint *ep);
void registrar_closed(struct pbx *p, const struct flow *f); /* contacts of a closed connection go */
struct outreg;
void outreg_adopt(struct pbx *p);
void outreg_stop(struct pbx *p);
bool outreg_idle(const struct pbx *p);
void outreg_free(struct pbx *p);
void outreg_closed(struct pbx *p, const struct flow *f); /* a registration over a closed connection is renewed */
void outreg_moved(struct pbx *p, const struct conf_transport *t); /* what we write about ourselves may have changed */
void outreg_network(
	struct pbx *p); /* addresses or routes of ours changed: what leaves otherwise now is asked at once */
const struct conf_endpoint *outreg_line(struct pbx *p, const struct sip_msg *m);
struct identify;
void identify_adopt(struct pbx *p);
void identify_free(struct pbx *p);
/* Names in match= that DNS has been asked for and that never had an address. */
void each_nameless(struct pbx *p, void (*each)(void *arg, const struct conf_identify *of, const char *name), void *arg);
/* Addresses whose requests nobody claims. */
void each_stranger(struct pbx *p, void (*each)(void *arg, const struct addr *from, unsigned requests), void *arg);
/* The endpoint that sends this request, or NULL. *how: "ip", "username" … */
const struct conf_endpoint *identify(struct pbx *p, const struct sip_msg *m, const char **how);
/* The user of a URI, unescaped (in o, which is empty, if it has to be); ignore_uri_user_options cuts it at the first
 * semicolon. */
struct span uri_user(const struct conf *c, const struct sip_uri *u, struct out *o);
/* True: go on. False: a challenge or refusal was sent. ep NULL: challenged as a stranger, always false. */
bool authenticate(struct pbx *p, struct sip_uas *uas, const struct conf_endpoint *ep);
const struct conf_auth *const *outbound_auths(const struct conf_endpoint *ep, size_t *n);

/* ---- db.c: DB(family/key), which outlives the process ---- */
void db_load(struct pbx *p);
void db_free(struct pbx *p);

/* ---- channels ---- */

enum chan_state { CHAN_DOWN, CHAN_RING, CHAN_RINGING, CHAN_UP };
enum chan_event_kind {
	CH_RINGING,  /* outgoing: 180 */
	CH_PROGRESS, /* outgoing: early media can be heard */
	CH_ANSWERED, /* outgoing: 2xx; incoming: the ACK to our 2xx */
	CH_HANGUP,   /* it is gone, for cause; the last event */
	CH_DTMF,
	CH_PLAYED,
	CH_TIMER, /* the dialplan's own timer */
	CH_HELD,
	CH_RESUMED,
	CH_RETURNED, /* the subroutine that ran on it has come back */
	CH_REFERRED, /* our REFER: what became of it; cause: the SIP code */
	CH_PARTED,   /* who was joined with it by a transfer has ended, for cause */
	CH_PEER,     /* something happened to a leg that we dialled: `other`, `what` */
};
struct chan_event {
	enum chan_event_kind kind, what;
	struct chan *other;
	int cause; /* Q.850 */
	char digit;
	uint32_t ms; /* of the digit; 0: not known */
	bool ok;
};

struct var {
	struct var *next;
	uint32_t hash, name_n;
	char text[]; /* the name, NUL, the value, NUL */
};
struct vars { /* few for most channels */
	struct var *first;
	struct spares *from; /* that they are kept in; NULL: the allocator's memory */
};
void vars_set(struct vars *v, struct span name, struct span value); /* an empty value deletes */
const char *vars_get(const struct vars *v, struct span name);       /* NULL: not set */
void vars_free(struct vars *v);
void vars_inherit(struct vars *to, const struct vars *from); /* _NAME, for one generation, and __NAME */

struct dp; /* a dialplan run (dialplan.c) */

struct chan_id { /* written "1700000000.42": Unix time of its beginning, in s, and a number that rises */
	uint32_t second, number;
};
void out_chan_id(struct out *o, struct chan_id id);

struct chan {
	struct list link;
	struct pbx *pbx;
	struct conf *conf; /* the snapshot it began with */
	const struct conf_endpoint *ep;
	const char *name;
	struct chan_id id;
	enum chan_state state;
	bool incoming, gone, told; /* gone: SIP side has ended; told: CH_HANGUP was delivered */
	int cause;                 /* Q.850, 0: none yet */
	unsigned sip_code;         /* of the final response, for outgoing legs */
	ms_t born, answered_at;

	/* who and where to */
	const char *caller_name, *caller_num,
		*dialed;                    /* dialed: what the peer asked for, or what we dialled; chan_text() */
	bool caller_private;                /* whom we trust to say so said: Privacy: id */
	uint32_t max_forwards, max_breadth; /* max_breadth: RFC 5393; 0: nobody says */

	/* SIP (leg.c) */
	struct sip_uas *invite; /* an INVITE of the peer that waits for our final answer */
	struct sip_uac *asking; /* our INVITE that waits for its final answer */
	struct sip_dialog *dialog;
	char *request; /* the initial INVITE (incoming) without its body */
	size_t request_n;
	const char *target; /* outgoing: Request-URI; chan_text() */
	char *headers;      /* PJSIP_HEADER(add): header lines */
	const struct conf_transport *via;
	const char *path;    /* chan_text() */
	uint32_t listener;   /* of the registration behind the contact; 0: not known */
	const char *forward; /* outgoing: a 3xx sent the call to this extension: chan_text() */
	uint8_t redirects;   /* outgoing: 3xx whose URI was followed */
	bool stays;          /* outgoing: a 3xx is a refusal (Dial's option i) */
	struct contact_ref { /* outgoing: which contact is being tried, and what else can be */
		char **uris;
		size_t n, at;
	} tries;
	struct addr peer;
	bool behind_nat; /* as its INVITE showed, or as its contact was stored */
	bool registered; /* outgoing: to a contact that was registered */
	bool proxied;    /* a proxy is in between: `peer` says nothing of where its media comes from */
	bool progress_sent, ringing_sent, ring_tone;
	bool reliable;     /* incoming: what comes before the answer is acknowledged (RFC 3262) */
	bool pracked;      /* offer and answer were exchanged so: the 2xx has no SDP */
	bool early_update; /* outgoing: an UPDATE has changed what was agreed on while it rang */
	bool due_ringing, due_progress, due_answer; /* wait for the PRACK to what was sent before: leg_early.c */
	struct addr contact;      /* in our last Contact; family 0: a name and its port, or none was written yet */
	const char *contact_name; /* that name; else "": chan_text() */
	struct timer renew;       /* our address changed: leg_moved.c */
	uint8_t retells;          /* re-INVITEs that the peer put off, in a row; until it is told */
	ms_t renewed_at;
	bool bye_waits; /* we are to send BYE, but the ACK to our 2xx has to come first (RFC 3261 15) */

	struct leg_session { /* its timer (RFC 4028): leg_session.c */
		struct timer due;
		struct sip_uac *asking;        /* our UPDATE that waits for its answer */
		ms_t until;                    /* the session ends */
		uint32_t interval;             /* s; 0: no timer */
		uint32_t min_se;               /* the largest that the peer has told us, s */
		bool refresher;                /* we are; else the peer */
		bool peer_knows, peer_updates; /* it supports timers; it allows UPDATE */
		bool refreshing;               /* our re-INVITE says nothing new */
	} session;

	/* SDP and media (leg_media.c) */
	struct sdp_caps caps;
	struct sdp_local local;
	struct sdp_deal deal;
	bool has_deal, offer_out, answer_sent, held, early_answered; /* offer_out: we await an answer */
	bool hold_told;                                              /* our last offer put it on hold */
	bool offered;          /* the peer has offered, and waits for our answer */
	struct span offer;     /* its text, of pbx->spares, where the answer repeats what it says */
	struct leg_keys *keys; /* NULL: SRTP was never in question (leg_keys.c) */
	struct media_leg *media;
	struct moh *moh;         /* NULL: it has heard no music */
	struct digits *digits;   /* that we send; NULL: none */
	struct leg_ports *ports; /* what is asked of our RTP ports (leg_ports.c); NULL: nothing */

	/* for the doctor (record.c) */
	struct call_record *record;
	struct leg_note {
		struct flow flow;   /* of the peer's INVITE, then of the last message with our Contact */
		struct addr target; /* of the dialog */
		ms_t sdp_at;
		unsigned slot, reoffers, repeats, invite_bytes;
		struct leg_was { /* as in struct leg_facts; NULL: none of them. leg_was() */
			struct addr source, written, by, sdp_was;
		} * was;
		bool heard, early, by_peer, asked_fax, at_source;
		enum leg_offer offer;
		enum leg_end end;
	} note;

	/* who is told */
	void (*on_event)(void *arg, struct chan *c, const struct chan_event *ev);
	void *arg;
	struct chan *peer_chan; /* bridged with */
	struct moves *moves;    /* transfer.h; NULL: it has to do with none */
	struct dp *dp;
	struct vars vars;
	struct list of_device;  /* whose state somebody has subscribed to */
	struct cdr *cdrs, *cdr; /* its records (cdr.c); that of whom it was dialled for; NULL: none */
	struct timer reap;
	uint16_t texts_n, texts_room; /* of `texts`: used; there are */
	char texts[];                 /* its names, and what other texts find room */
};

/* chan.c */
/* A text that the channel owns: one of its own `const char *`, zeroed "". */
void chan_text(struct chan *c, const char **text, struct span s);
struct chan *chan_new(struct pbx *p, const struct conf_endpoint *ep, struct conf *conf,
		      struct chan *from); /* from: who
			      calls; NULL: it is an incoming one */
void chan_tell(struct chan *c, const struct chan_event *ev);
/* Ends it: CANCEL, BYE or a final response by cause; CH_HANGUP follows from the loop, then it is freed. */
void chan_hangup(struct chan *c, int cause);
void chan_ended(struct chan *c, int cause);              /* the SIP side is over */
struct chan *chan_find(struct pbx *p, struct span name); /* one after the other: for who types a name */
const char *chan_state_name(const struct chan *c);
/* What the dialplan has set, else what the endpoint says. Its variables keep them under these names. */
#define CHAN_LANGUAGE   "CHANNEL(language)"
#define CHAN_ACCOUNT    "CHANNEL(accountcode)"
#define CHAN_MUSIC      "CHANNEL(musicclass)"
#define CHAN_MOH_PASSES "PJSIP_MOH_PASSTHROUGH()" /* "yes" or "no" */
#define CALLER_RDNIS    "CALLERID(rdnis)"         /* who forwarded the call */
const char *chan_language(const struct chan *c);  /* "en" where nobody says */
const char *chan_account(const struct chan *c);
const char *chan_music(const struct chan *c); /* "": nobody says */
void chans_free(struct pbx *p);

/* leg.c: the SIP side */
struct leg_was *leg_was(struct chan *c);    /* to be written to */
bool leg_has_contact(const struct chan *c); /* one of ours was written */
void leg_incoming(struct pbx *p, struct sip_uas *uas, const struct conf_endpoint *ep);
struct leg_call {
	struct span aor_or_uri;       /* the Request-URI */
	const char *path, *transport; /* of the contact; "": none */
	bool registered;              /* it is a contact that was registered */
	bool behind_nat;              /* the contact is where a registration came from, not what it said */
	const char *written;          /* that: "192.0.2.1:5060"; "": the same */
	bool at_source;               /* as in struct leg_facts */
	struct addr source;           /* of that registration; family 0: not known */
	uint32_t listener;            /* that it came to; 0: not known */
	const char *caller_num, *caller_name;
	const struct chan *from; /* whose codecs come first; may be NULL */
	char **more;             /* malloc'd further URIs to try when one fails; taken over */
	size_t n_more;
	uint32_t max_forwards, max_breadth;
	const char *headers; /* NULL: the channel has its own */
};
int leg_call(struct chan *c, const struct leg_call *call); /* 0, or -errno */
void leg_ringing(struct chan *c);                          /* incoming: 180 once; inband_progress: 183 and the tone */
void leg_play(struct chan *c, const struct media_play *what); /* an application's sound; ends the ring tone */
void leg_ring_tone(struct chan *c, bool on);                  /* what the caller of this leg hears */
void leg_progress(struct chan *c);                            /* incoming: 183 with SDP once */
int leg_answer(struct chan *c); /* incoming: 200 with SDP; no effect when up. -errno: no media */
void leg_end(struct chan *c, int cause);
/* A header that names a URI, or a number here. */
void leg_out_address(struct sip_build *b, const char *header, struct span to);
void leg_redirect(struct chan *c, struct span to); /* incoming, not answered: 302 to a URI, or to a number here */
void leg_build_allow(void *arg, struct sip_build *b);
void leg_build_retry_after(void *arg, struct sip_build *b); /* arg: seconds, as text */
struct sip_dialog_conf leg_dialog_conf(struct chan *c);
/* Whose dialog goes by these names; NULL: no leg's. */
struct chan *leg_named(const struct pbx *p, struct span call_id, struct span local_tag, struct span remote_tag);
bool leg_rewrites(const struct chan *c); /* its Contact becomes where it came from */
void leg_put_contact(struct chan *c, struct sip_build *b);
struct sip_msg *
leg_request(const struct chan *c);       /* the initial INVITE, parsed; the caller lets go of it; NULL: none */
void leg_bye(struct chan *c, int cause); /* sends it and frees the dialog */
void leg_drop_dialog(struct chan *c);    /* NULL is fine */
unsigned cause_to_sip(int cause);
int cause_of_sip(unsigned code);
const char *cause_text(int cause);
int cause_named(struct span name); /* as Asterisk calls it: USER_BUSY; 0: there is none */

/* measure.c */
void measure_drop(struct contact *c);

/* doctor_ways.c: into a malloc'd list; NULL: the system cannot be asked */
size_t ways_gather(struct pbx *p, struct way_facts **list);

/* leg_ports.c: toward: family 0: a public address. `then` is called at once, or when the router has answered. */
void leg_ports_open(struct chan *c, const struct nat_door *door, const struct addr *toward,
		    void (*then)(struct chan *c));
void leg_ports_close(struct chan *c);
void leg_ports_seen(struct chan *c, const struct media_event *ev); /* STUN has answered */
/* What SDP to the peer of f says: `face`, or what the router has opened. */
struct addr leg_ports_face(const struct chan *c, const struct nat_door *door, const struct flow *f, struct addr face);
/* leg_keys.c: SRTP. */
void leg_keys_offer(struct chan *c);   /* before our offer is written: it has our key, if one is to be there */
void leg_keys_offered(struct chan *c); /* c->deal is what was offered: our answer's key */
void leg_keys_renew(struct chan *c);   /* ours was given to somebody: it is not used for another, nor again */
void leg_keys_apply(struct chan *c);   /* c->deal holds: media is told */
void leg_keys_free(struct chan *c);

uint16_t leg_ports_rtcp(const struct chan *c); /* beside c->local.face; 0: the port above it */
struct leg_refusal {                           /* of a request, with a header that says why */
	unsigned code;
	const char *why, *header;
	char value[16];
};
/* leg_early.c: what comes before the answer of an incoming leg, and PRACK (RFC 3262) */
bool leg_early_allows(struct chan *c, const struct sip_msg *m, struct leg_refusal *no); /* the initial INVITE */
bool leg_early_waits(const struct chan *c); /* for a PRACK: nothing more can be sent */
void leg_pracked(struct chan *c, struct sip_uas *uas, const struct sip_msg *m);
void leg_build_plain(void *arg, struct sip_build *b); /* bodies of our responses */
void leg_build_with_sdp(void *arg, struct sip_build *b);
extern const struct leg_refusal leg_not_sdp;            /* 415 */
void leg_build_refusal(void *arg, struct sip_build *b); /* arg: a struct leg_refusal */

/* leg_session.c: session timers (RFC 4028) */
void leg_put_supported(const struct chan *c, struct sip_build *b);
/* An INVITE or UPDATE of the peer. False: it is to be refused. True: nothing is changed yet. */
bool leg_session_allows(const struct chan *c, const struct sip_msg *m, struct leg_refusal *no);
void leg_session_agree(struct chan *c, const struct sip_msg *m); /* it will have a 2xx, which says what holds then */
void leg_session_start(struct chan *c);                          /* the 2xx is being sent */
void leg_session_put_answer(const struct chan *c, struct sip_build *b);
void leg_session_put_request(const struct chan *c, struct sip_build *b); /* into an INVITE or UPDATE */
bool leg_session_again(void *arg, const struct sip_msg *m);         /* as struct sip_ask has it: a 422 to one of them */
void leg_session_answered(struct chan *c, const struct sip_msg *m); /* a 2xx to one of them */
void leg_session_refused(struct chan *c, const struct sip_msg *m, unsigned code); /* anything else */
void leg_session_due(struct timer *t, ms_t now);
void leg_session_end(struct chan *c);
/* leg_moved.c: calls whose peers know an old address of ours are re-INVITEd */
void legs_moved(struct pbx *p, const struct conf_transport *t);
void leg_renew_due(struct timer *t, ms_t now);
void leg_reinvite(struct chan *c);             /* with the same SDP, if nothing has changed */
void leg_pass_hold(struct chan *c, bool hold); /* it is told that it is on hold, or not any more */

/* leg_media.c: SDP and media */
int leg_media_offered(struct chan *c, struct span body); /* 0, -EBADMSG, -ENOENT (488), -EADDRINUSE */
void leg_media_forget_offer(struct chan *c);
int leg_media_answered(struct chan *c, struct span body);
uint8_t leg_media_family(const struct chan *c, const struct addr *toward); /* 4 or 6: of an offer of ours */
int leg_media_open(struct chan *c, uint8_t family, const struct chan *beside);
void leg_media_put_answer(struct chan *c, struct sip_build *b); /* to the pending offer */
void leg_media_put_offer(struct chan *c, struct sip_build *b);
void leg_media_apply(struct chan *c, bool new_sdp); /* deal and state -> plan */
/* The address in the SDP that this peer has is not the one that we would write now. */
bool leg_media_outdated(const struct chan *c, const struct flow *f);
bool leg_media_converts(enum codec c); /* into others of its kind */
void leg_media_prefer(struct chan *c, enum codec codec);
void leg_media_caps(struct chan *c, const struct chan *from); /* codecs to offer or accept */
void leg_media_event(void *arg, const struct media_event *ev);
void tell_engine(bool kernel, const char *why_not);  /* pbx.c: one line of the log */
void pbx_end(struct pbx *p);                         /* pbx.c: stopping, and the last call has ended */
void tell_sockets(bool shared, const char *why_not); /* likewise */

/* record.c */
void record_begin(struct chan *c, struct chan *from); /* from: whose call it joins; NULL: it begins one */
void record_missing(struct chan *c, const struct conf_endpoint *ep); /* none of its contacts can be dialled */
void record_dialog(struct chan *c);                                  /* its dialog is going */
void record_leg(struct chan *c);                                     /* its SIP side is over */
void record_leave(struct chan *c);                                   /* it is being freed */
/* Of the calls that go on or are remembered: how many have audio both ways, how many something that is wrong. */
void records_tally(struct pbx *p, struct records_tally *t);
void records_free(struct pbx *p);

/* moh.c: music on hold, and what else a leg hears while the other side holds the call */
/* The class that this leg hears: of its CHANNEL(musicclass), of what is suggested (NULL: nothing), "default"; NULL:
 * none. */
const struct conf_moh *moh_class(const struct chan *c, const char *suggested);
bool moh_play(struct chan *c, const struct conf_moh *class); /* class NULL: silence. False: it has no media */
void moh_stop(struct chan *c); /* the music on this leg, whoever began it; when there is none, nothing happens */
void moh_look(struct chan *c); /* it may be held by its peer now, or not any more: it hears what it should */
bool moh_passes(const struct chan *c);    /* it is told that it is on hold, and hears no music */
void moh_forget(struct chan *c);          /* something else is being played to it */
bool moh_played(struct chan *c, bool ok); /* a sound has ended; false: it was not music */

/* digits.c: what we press */
#define DIGITS_SENT_MAX 1000
struct digits_pace {
	uint32_t gap_ms, ms; /* between two; of each */
	bool at_once;        /* without the quiet before the first */
};
/*
 * 0-9 * # A-D, and w and W for a pause of half a second and of one, behind what is on its way already. They end what is
 * being played. Returns when all of it will have been sent, in ms from now; 0: the leg has no media.
 */
ms_t digits_send(struct chan *c, struct span text, const struct digits_pace *pace);
void digits_drop(struct chan *c); /* no more of them */
/* A key was pressed on a leg, in its audio or by INFO: its peer gets it, where it did not pass by itself. */
void digits_pass(struct chan *from, const struct chan_event *ev, bool by_info);

/* bridge.c */
void bridge_join(struct chan *a, struct chan *b);
void bridge_part(struct chan *c);
void bridge_choose_codec(struct chan *a, struct chan *b); /* they are joined, or will be */

/* dialplan.c */
enum app_say { APP_NEXT, APP_WAIT, APP_JUMP, APP_HANGUP };
struct app {
	const char *name, *help;
	size_t state_size; /* zeroed bytes at dp_state() while it runs */
	enum app_say (*start)(struct dp *dp, struct span args);
	enum app_say (*event)(struct dp *dp, const struct chan_event *ev); /* NULL: never waits */
	void (*stop)(struct dp *dp); /* it ends, for whatever reason; may be NULL */
};
extern const struct app *const apps[]; /* NULL-terminated; apps.c */

#define DP_DIGITS 79
struct dp {
	struct chan *chan;
	struct conf *conf;    /* that its places are in: the snapshot of the channel it began with */
	const char *ctx_name; /* of conf */
	char exten_name[80];
	int prio;
	const struct dp_step *found; /* there; NULL: it is to be looked for */
	const struct app *app;       /* running */
	void *state;
	const char *data; /* its arguments, for `core show channels`: behind the state */
	struct timer timer, run;
	struct { /* Gosub */
		const char *ctx;
		char exten[80];
		int prio;
		bool again;                  /* back to the step itself: a Dial with option B */
		bool forward, go_on, was_up; /* a Dial that a callee has forwarded; with its option g; answered then */
		struct vars locals;
	} * stack;
	size_t depth;
	unsigned steps; /* in one turn: a loop without a wait is ended */
	bool hanging_up, stopped;
	bool is_sub, returned;                /* it runs but a subroutine, which came back */
	bool called_before;                   /* what is returned to is a Dial whose option B has run */
	uint8_t forwards;                     /* that were followed in this call */
	uint8_t evals;                        /* EVAL within EVAL */
	bool over;                            /* no further step: nobody reads variables any more */
	ms_t digit_timeout, response_timeout; /* TIMEOUT(digit), TIMEOUT(response); 0: 5 s and 10 s */
	char *digits;                         /* typed for Background and WaitExten: DP_DIGITS and a NUL; NULL: none */
};
/* A run for the channel, from what it dialled in its endpoint's context. False: there is no such extension. */
bool dp_new(struct chan *c);
void dp_start(struct chan *c);
void dp_event(struct dp *dp, const struct chan_event *ev);
/* Leaves what runs, or begins a run, and goes on from the loop at a place that exists. */
void dp_send(struct chan *c, struct span context, struct span exten);
/* The same to "context,exten,priority|label"; false: there is no such place, and it is hung up. */
bool dp_send_to(struct chan *c, struct span where);
const struct conf *dp_conf(const struct chan *c); /* the snapshot whose dialplan it runs, or would run */
/* A place as dp_goto() takes it, whole; empty: the step behind this one. */
void dp_out_place(const struct dp *dp, struct span where, struct out *o);
void dp_run_h(struct chan *c); /* the h extension of its context, on a channel without a run */
/*
 * The run of one channel goes on with another one, in place of its own. A Dial that rings stays, any other step is
 * begun again.
 */
void dp_move(struct chan *from, struct chan *to);
void dp_free(struct dp **dp);
void *dp_state(struct dp *dp);
bool dp_goto(struct dp *dp, struct span where); /* "[[ctx,]exten,]prio|label"; false and a warning when there is none */
bool dp_has_next(const struct dp *dp);          /* another step behind this one */
bool dp_truth(struct span condition);           /* a number is what it is, empty text false, other text true */
struct span dp_bare(struct span arg);           /* without the quotes around it, or the backslash before it */
bool dp_exists(const struct pbx *p, const struct conf *c, struct span context, struct span exten, struct span cid);
/* What the end of the dialplan means for a call that was not answered: by DIALSTATUS. */
int dp_cause(struct dp *dp);
void dp_timer(struct dp *dp, ms_t delay);
void dp_set(struct dp *dp, const char *name, const char *value); /* unless it is over */
const char *dp_get(struct dp *dp, const char *name);             /* "" when not set */
/* With variables, functions and expressions replaced; in o, which is empty, where there are any. */
struct span dp_expand(struct dp *dp, struct span text, struct out *o);
/* Runs one application in place of the step's own (ExecIf). */
enum app_say dp_run_app(struct dp *dp, struct span name, struct span args);
struct span app_call_cut(struct span *calls); /* the first of "App(args):App(args)"; the other stays */
struct span app_call_args(struct span *call); /* of "App(args)"; its name stays */
bool dp_push(struct dp *dp);                  /* Gosub: remembers the next step; false when too deep */
/* Gosub: "[[context,]exten,]priority[(args)]"; APP_JUMP, or APP_HANGUP. again: back to this step, not the next. */
enum app_say dp_gosub(struct dp *dp, struct span place, bool again);
/*
 * A callee has forwarded the call: the extension runs in place of the Dial's leg, and where it ends without an answer
 * the step behind the Dial follows. False: there is no such place, or the call was forwarded too often.
 */
bool dp_forward(struct dp *dp, struct span ctx, struct span exten, bool go_on);
/* An application ends the call for cause: the forward that it runs in, if there is one. What start() says then. */
enum app_say dp_hang_up(struct dp *dp, int cause);
/* Runs a subroutine on a channel that has no run: until it returns. It may not wait. False: it ended the channel. */
bool dp_run_sub(struct chan *c, struct span place);
/* The same with time: dp_event() gets its events, CH_RETURNED says that it came back. False: there is no such place. */
bool dp_start_sub(struct chan *c, struct span place);
bool dp_pop(struct dp *dp, bool go_back); /* Return (or StackPop): false when there is nothing to return to */
/* Splits at commas outside quotes, brackets and parentheses: the n-th argument (from 0), trimmed; empty if absent. */
struct span dp_arg(struct span args, unsigned n);
struct span dp_arg_raw(struct span args, unsigned n);  /* not trimmed: a blank may be the argument */
struct span dp_arg_rest(struct span args, unsigned n); /* from the n-th on, commas and all; not trimmed */
#define DP_TEXT_MAX  65536                             /* a text grows no longer */
#define DP_STEPS_MAX 5000                              /* without a wait: a loop */
/* Set: a variable, that of the innermost Gosub which has one so named, or a function. */
void dp_assign(struct dp *dp, struct span name, struct span value);

/* app_dial.c, for transfers */
struct chan *dial_with(const struct chan *c); /* whom its Dial has joined it with; NULL: nobody */
bool dial_runs(const struct dp *dp);
bool dial_rings(const struct dp *dp); /* a Dial that nobody has answered */
/* It has another party now, which it does not own, or (NULL) waits for its end. Whom it called is let go of. */
void dial_takes(struct chan *c, struct chan *now);
const struct dp *dial_calls(const struct chan *leg); /* whose Dial calls it, and has no answer yet; NULL: nobody's */
void dial_answers(struct chan *leg, struct chan *other); /* another channel, which is up, answers in its place */
void dial_moved(struct dp *dp, const struct chan *from); /* the caller is another channel */

/* app_dial.c, for the review */
struct span dial_endpoint(struct span text); /* of "name", "number@name", "name/…": the endpoint's name */
extern const char app_dial_options[];        /* the letters that are served */
/* Variable and function values (funcs.c); one that has no such value says false. */
struct func {
	const char *name, *help;
	bool (*read)(struct dp *dp, struct span args, struct out *o);
	bool (*write)(struct dp *dp, struct span args, struct span value);
};
extern const struct func pjsip_funcs[], text_funcs[], list_funcs[], time_funcs[], db_funcs[], state_funcs[],
	cdr_funcs[];                                             /* each ends without a name */
void func_value(struct dp *dp, struct span name, struct out *o); /* of a variable, or of "FUNC(args)" */
/* One character, which may be quoted or written as \n, \t, \x2c; `otherwise` when there is no such argument. */
char func_delimiter(struct span args, unsigned n, char otherwise);
/* One more field of a list; *any: there is one already, and then there is. */
void func_put_field(struct out *o, char between, struct span field, bool *any);
struct span func_first_choice(struct span *choices);                     /* of "yes:no"; the other stays */
bool func_zone_known(struct span zone);                                  /* STRFTIME can tell its time */
void group_set(struct chan *c, struct span category, struct span group); /* GROUP(category); "": "group@category" */
bool func_read(struct dp *dp, struct span name, struct span args, struct out *o);
bool func_write(struct dp *dp, struct span name, struct span args, struct span value);
bool func_known(struct span name);
const char *var_read(struct dp *dp, struct span name, char *buf, size_t cap);

#define IDENTIFIERS 6 /* ways to know who sends a request */
struct pbx {
	struct pbx_config cfg;
	struct clock *clock;
	struct conf *conf;
	struct sip *sip;
	struct media *media;
	struct store *store;
	uint64_t secret[2];  /* of siphash() */
	struct aor **aor_at; /* by the place of its conf_aor in conf->aors */
	size_t n_aors;
	size_t n_contacts;
	struct table reaches; /* by address */
	unsigned n_measures;  /* on their way */
	struct list outregs, identifies;
	uint8_t identify_order[IDENTIFIERS]; /* rows of the table in identify.c */
	enum nat_kept rtp_kept;              /* the port of the leg that asked STUN last */
	unsigned rtp_unheard;                /* legs in a row whose question had no answer */
	struct strangers *strangers;         /* unidentified_request_* */
	struct list chans;
	struct spares spares; /* of channels and their runs */
	unsigned n_chans, n_calls;
	struct kept_calls *kept;    /* the last calls that have ended (record.c); NULL: none has */
	struct lint_host hosts[32]; /* our own addresses, as they were at hosts_at; 0: to be asked for */
	size_t n_hosts;
	ms_t hosts_at;
	ms_t verdicts_from; /* the second in which so many verdicts were logged */
	unsigned verdicts;
	uint32_t next_chan;
	struct vars globals;
	struct table db; /* what the dialplan keeps: DB() */
	struct dead_host *dead_hosts;
	struct presence *presence; /* NULL: nobody has subscribed to anything yet */
	struct {                   /* of the Date header */
		time_t second;
		char text[32];
	} date;
	bool stopping, ending, loading; /* no new calls; no registrations either */
};

/* ---- hints.c, subscribe.c: states of extensions (presence.h) ---- */
void presence_adopt(struct pbx *p); /* after pbx->conf changed */
void presence_free(struct pbx *p);
void subscribe_in_call(struct sip_uas *uas);                 /* SUBSCRIBE within a call: nothing is served there */
void presence_chan(struct chan *c);                          /* only while there are subscriptions: chan_changed() */
void presence_aor(struct aor *a);                            /* likewise: aor_changed() */
void presence_heard(struct pbx *p, const struct addr *from); /* likewise */

/* What its device shows may be another now: it is new, rings, was answered, was held, has ended. */
static inline void chan_changed(struct chan *c)
{
	if (c->pbx->presence)
		presence_chan(c);
}

/* Likewise: a contact came or went, or is reachable or not any more. */
static inline void aor_changed(struct aor *a)
{
	if (a->pbx->presence)
		presence_aor(a);
}
