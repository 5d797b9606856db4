/*
 * pbx/pbx.h: the PBX: who calls (identify, authenticate), where phones are (registrar, qualify), the trunks we register
 * at, the calls and their dialplan. Knows sip and media; does no I/O. Signalling thread only. Structures that are
 * filled in for `each` callbacks are valid during the callback.
 */
#pragma once
#include "media/media.h"
#include "nat/doctor.h"
#include "sip/sip.h"
#include "store/store.h"

struct pbx;

struct pbx_why_info;
typedef void pbx_why_fn(void *arg, const struct pbx_why_info *i);

struct pbx_config {
	struct clock *clock;
	struct net net;
	struct store *store;             /* outlives the pbx */
	const struct media_io *media_io; /* NULL: real sockets and threads */
	void *arg;
	void (*wire)(void *arg, const struct flow *f, bool sent, struct span bytes); /* each SIP message; may be NULL */
	void (*rtp)(void *arg, const char *line);                                    /* "rtp set debug"; may be NULL */
	/* Each packet of RTP and RTCP, while pbx_rtp_capture() is on; may be NULL. */
	void (*packet)(void *arg, const struct addr *from, const struct addr *to, struct span bytes);
	/* A line of cdr_csv for a call that is over, with its account ("": none of its own); may be NULL. */
	void (*cdr)(void *arg, struct span line, const char *account);
	pbx_why_fn *ended;                                           /* each call, when it is over; may be NULL */
	size_t (*hosts)(void *arg, struct lint_host *v, size_t max); /* our own addresses; may be NULL */
};

/* What the dialplan asks for that nobody serves: a warning for each name. Any thread. */
void pbx_review(const struct conf *c, struct diag *why);
/*
 * Loads contacts, opens transports, starts registrations and qualifying. NULL if no transport can listen, or with an
 * error in `why`: media_engine=kernel, and the kernel cannot.
 */
struct pbx *pbx_new(const struct pbx_config *cfg, struct conf *c, struct diag *why);
struct net_sink pbx_sink(struct pbx *p); /* the network's events */
int pbx_media_fd(const struct pbx *p);   /* -1 in the simulator */
void pbx_media_poll(struct pbx *p);
struct media *pbx_media(struct pbx *p); /* for the simulator's packets */
struct sip *pbx_sip(struct pbx *p);
struct conf *pbx_conf(struct pbx *p);
/* False, with the reason: it has no dialplan, and the one that it would replace has. Any thread. */
bool pbx_may_follow(const struct conf *old, const struct conf *c, struct diag *why);
/* What pbx_adopt() wants to know of the two, and what takes long to find out: any thread. free() it. */
struct pbx_change;
struct pbx_change *pbx_compare(const struct conf *old, const struct conf *c);
/*
 * Takes a new snapshot; calls keep theirs. `change`: from the one it has (pbx_conf()). 0 or -errno of a transport that
 * cannot listen (the rest is adopted).
 */
int pbx_adopt(struct pbx *p, struct conf *c, const struct pbx_change *change, struct diag *why);
/* No new calls from now on (503); `now`: calls end, too. After the last one registrations end with Expires: 0. */
void pbx_stop(struct pbx *p, bool now);
bool pbx_resume(struct pbx *p); /* takes calls again; false: the last one has ended, it is too late */
bool pbx_in_call(const struct pbx *p);
bool pbx_is_ending(const struct pbx *p); /* registrations are ended, and none begins any more */
/* Stopping, and nothing is left to wait for; what our router opened for us is given back last. */
bool pbx_is_idle(struct pbx *p);
enum nat_kept pbx_rtp_kept(const struct pbx *p); /* does the NAT keep RTP ports? As STUN saw the last one */
void pbx_rest(struct pbx *p);                    /* gives back memory that only a rush needs */
void pbx_free(struct pbx *p);                    /* drops what is left without a word */

/* ---- what there is ---- */

struct pbx_endpoint_info {
	const struct conf_endpoint *conf;
	const char *state; /* "Not in use", "In use", "Unavailable", … as Asterisk says */
	unsigned channels;
};
void pbx_each_endpoint(struct pbx *p, void (*each)(void *arg, const struct pbx_endpoint_info *i), void *arg);

/* How the NAT before a phone treats another port of ours, as pbx_measure() found. */
enum nat_look { LOOK_NONE, LOOK_ASKED, LOOK_ABSENT, LOOK_SAME, LOOK_OTHER, LOOK_SILENT, LOOK_UNCLEAR };
const char *nat_look_name(enum nat_look l); /* a phrase */
/* Asks the registered phones of an AOR (empty: all), 64 at once: how many. What comes of it is known within 6 s. */
unsigned pbx_measure(struct pbx *p, struct span aor);
/* Does the NAT of the contact keep the ports of its audio? As the last call showed. */
enum nat_kept pbx_audio_kept(struct pbx *p, const char *uri);

struct pbx_contact_info {
	const char *aor, *uri, *endpoint, *user_agent, *path, *call_id, *orig_host;
	char hash[11];      /* the first hex digits of the contact's id */
	const char *status; /* "Avail", "Unavail", "NonQual", "Unknown" */
	double rtt_ms;      /* < 0: not known */
	int64_t expires;    /* Unix ms; 0: static */
	bool is_static;
	ms_t heard_ms; /* since anything came from there; < 0: not watched (only what is behind NAT, or fell silent) */
	unsigned losses; /* OPTIONS in a row without an answer, while more are asked */
	/* Behind NAT: the longest silence that its mapping survived, the shortest after which it was gone, and how
	 * often we keep it open (0: qualify_frequency does, or nothing); 0: not known. */
	ms_t nat_survived_ms, nat_lost_ms, keep_ms;
	enum nat_look nat_look;
};
/* aor empty: all. Contacts of one AOR come together, static ones first. */
void pbx_each_contact(struct pbx *p, struct span aor, void (*each)(void *arg, const struct pbx_contact_info *i),
		      void *arg);

struct pbx_registration_info {
	const struct conf_registration *conf;
	const char *state; /* "Registered", "Unregistered", "Rejected", "Stopped" */
	int expires_s;     /* < 0: none */
	const char *why;   /* the last failure; "" */
	unsigned attempts; /* that failed since it was registered */
	ms_t down_ms;      /* since the first of these; 0: none */
	ms_t next_ms;      /* until the next REGISTER; < 0: none is planned */
};
void pbx_each_registration(struct pbx *p, void (*each)(void *arg, const struct pbx_registration_info *i), void *arg);

struct pbx_subscription_info {
	const char *endpoint, *event, *exten, *context;
	const char *state; /* of the extension: "Idle", "InUse&Ringing" */
	struct span call_id;
	uint32_t left_s;
	bool silent; /* it did not answer its last NOTIFY */
};
void pbx_each_subscription(struct pbx *p, void (*each)(void *arg, const struct pbx_subscription_info *i), void *arg);

struct pbx_hint_info {
	const char *context, *exten; /* exten: as written, maybe a pattern */
	const char *devices;         /* as written */
	const char *state;           /* "Idle", "InUse&Ringing"; of a pattern "Idle" */
	size_t watchers;             /* subscriptions that it answers */
};
void pbx_each_hint(struct pbx *p, void (*each)(void *arg, const struct pbx_hint_info *i), void *arg);
/* A device of the administrator's own, "Custom:NAME". False: it is not one, or that is no state. */
bool pbx_device_set(struct pbx *p, struct span device, struct span state);

struct pbx_call_info { /* one channel */
	const char *name, *context, *exten, *app, *data, *state, *caller_num, *caller_name, *accountcode, *bridged;
	int prio;
	const struct conf_endpoint *endpoint;
	bool incoming, answered;
	ms_t age;          /* since created */
	struct addr peer;  /* signalling */
	const char *codec; /* "" none yet */
	bool has_media;
	struct media_stats media;
};
void pbx_each_call(struct pbx *p, void (*each)(void *arg, const struct pbx_call_info *i), void *arg);
unsigned pbx_calls_processed(const struct pbx *p);

/* What became of a call, and why (nat/doctor.h). */
struct pbx_why_info {
	const struct call_facts *call;
	enum why why;
	const struct finding *findings; /* the likeliest first */
	size_t n;
};
/* By a channel's name or the call's id; empty: the latest that goes on, else the last one. False: there is none. */
bool pbx_why(struct pbx *p, struct span call, pbx_why_fn *each, void *arg);
void pbx_each_record(struct pbx *p, pbx_why_fn *each, void *arg); /* of calls that have ended, oldest first */

/* The whole server as it is now, and what is wrong with it. Both are valid during the call. */
typedef void pbx_doctor_fn(void *arg, const struct server_facts *s, const struct lint *findings);
void pbx_doctor(struct pbx *p, pbx_doctor_fn *tell, void *arg);

/* ---- the dialplan's DB(family/key) ---- */

const char *pbx_db_get(const struct pbx *p, struct span key);       /* NULL: there is none */
bool pbx_db_put(struct pbx *p, struct span key, struct span value); /* false: too long or too many, or no family/key */
bool pbx_db_del(struct pbx *p, struct span key);
size_t pbx_db_del_tree(struct pbx *p, struct span prefix); /* the key, and all below it; how many */
/* The key, and all below it, by name; prefix empty: all. */
void pbx_db_each(struct pbx *p, struct span prefix, void (*each)(void *arg, const char *key, const char *value),
		 void *arg);

/* ---- what can be asked for; false: there is no such thing ---- */

bool pbx_qualify(struct pbx *p, struct span endpoint_or_aor);
bool pbx_register(struct pbx *p, struct span registration); /* "all" is a name, too */
bool pbx_unregister(struct pbx *p, struct span registration);
unsigned pbx_hangup(struct pbx *p, struct span channel); /* a name or "all"; returns how many were asked to end */
void pbx_rtp_debug(struct pbx *p, bool on, const struct addr *ip); /* ip family 0: all */
void pbx_rtp_capture(struct pbx *p, bool on);
