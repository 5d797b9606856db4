/*
 * conf/conf.h: Asterisk's .conf files as one immutable snapshot. conf_load() reads, types and cross-checks, and touches
 * nothing live. Everything in a snapshot is owned by it and read-only; calls keep a reference to the one they began
 * with. Field names are the options' names (shared by pjsip.conf's users); a comment says only what the name does not.
 */
#pragma once
#include <stdatomic.h>

#include "base/codec.h"
#include "base/diag.h"
#include "base/net.h"
#include "conf/dialplan.h"

/* What each request reads of an object fits a line of the cache and does not lie across two. */
#define CONF_LINE 64
struct conf_obj {         /* first member of every object */
	const char *name; /* the section's */
	const char *file;
	unsigned line;
	uint64_t written[4];           /* which options are written: bit = row in the type's option table */
	const struct conf_text *texts; /* written options that no field holds yet, as written */
};
struct conf_text {
	const struct conf_text *next;
	unsigned row;
	const char *value;
};

enum conf_proto { PROTO_UDP, PROTO_TCP, PROTO_TLS, PROTO_WS, PROTO_WSS, PROTO_FLOW };
extern const char *const conf_proto_names[]; /* "udp", "tcp", … */

struct conf_global {
	struct conf_obj o;
	const char *user_agent, *default_from_user, *default_realm;
	uint32_t max_forwards, keep_alive_interval, max_initial_qualify_time;
	uint32_t unidentified_request_count, unidentified_request_period, unidentified_request_prune_interval;
	struct strs endpoint_identifier_order;
	bool disable_multi_domain, ignore_uri_user_options, norefersub;
	uint32_t default_auth_algorithms_uas, default_auth_algorithms_uac; /* AUTH_ALG_* bits, see conf_auth */
};

struct conf_system {
	struct conf_obj o;
	uint32_t timer_t1, timer_b; /* ms */
	bool disable_rport, follow_early_media_fork;
};

struct conf_transport {
	struct conf_obj o;
	enum conf_proto protocol;
	struct addr bind; /* port filled in: 5060, TLS 5061 */
	struct net_list local_net;
	/* "": not set; an IP, a name, "auto", "pcp", "upnp" or "stun:host[:port]" (conf_stun) */
	const char *external_signaling_address, *external_signaling_hostname, *external_media_address;
	const char *domain;
	bool symmetric_transport, tcp_keepalive_enable;
	int tcp_keepalive_idle_time, tcp_keepalive_interval_time, tcp_keepalive_probe_count;
	uint32_t cos, external_signaling_port; /* port 0: unchanged */
	uint8_t tos;                           /* the whole octet */
	struct net_tls tls;
};

#define AUTH_ALG_MD5        1u
#define AUTH_ALG_SHA256     2u
#define AUTH_ALG_SHA512_256 4u

struct conf_auth {
	_Alignas(CONF_LINE) struct conf_obj o;
	const char *username, *realm; /* realm "": the default realm */
	struct secret password;
	uint32_t nonce_lifetime;                                     /* s */
	uint32_t supported_algorithms_uas, supported_algorithms_uac; /* AUTH_ALG_* bits, 0: the global default */
	enum { AUTH_USERPASS, AUTH_MD5, AUTH_DIGEST } auth_type;
	struct secret ha1_md5, ha1_sha256, ha1_sha512_256; /* md5_cred, password_digest: lower-case hex, or empty */
};

struct conf_aor {
	_Alignas(CONF_LINE) struct conf_obj o;
	uint32_t max_contacts, minimum_expiration, default_expiration, maximum_expiration;
	struct strs contact; /* static contacts, as written */
	uint32_t qualify_frequency;
	uint32_t keep_open; /* s, automatic: how often a contact behind NAT is asked; not about whether it answers */
	double qualify_timeout;
	bool qualify_2xx_only, remove_existing, remove_unavailable, support_path;
	const char *outbound_proxy;
};

struct conf_pickup {                           /* whose ringing calls may be taken by whom */
	uint64_t call, pickup;                 /* call_group, pickup_group: bits 0 to 63 */
	const char *named_call, *named_pickup; /* names between commas; "": none */
};

enum conf_redirect { REDIRECT_USER, REDIRECT_URI_CORE, REDIRECT_URI_PJSIP }; /* redirect_method= */
enum conf_dtmf { DTMF_RFC4733, DTMF_INBAND, DTMF_INFO, DTMF_AUTO, DTMF_AUTO_INFO, DTMF_NONE };
#define IDENTIFY_USERNAME      1u
#define IDENTIFY_AUTH_USERNAME 2u
#define IDENTIFY_IP            4u
#define IDENTIFY_HEADER        8u
#define IDENTIFY_REQUEST_URI   16u

struct conf_acls {              /* permit, deny and acl= of one object */
	struct net_list deny;   /* deny= and permit= as written (the last match decides); a negated rule permits */
	struct net_list *named; /* each list of acl.conf that acl= names, read the same way */
	size_t n_named;
};
bool conf_acls_deny(const struct conf_acls *l, const struct addr *source); /* any of the lists denies */

struct conf_acl { /* type=acl: holds for every request, before an endpoint is looked for */
	struct conf_obj o;
	struct conf_acls acl, contact_acl;
};

enum conf_timers { TIMERS_NO, TIMERS_YES, TIMERS_REQUIRED, TIMERS_ALWAYS };         /* RFC 4028 */
enum conf_100rel { REL100_NO, REL100_YES, REL100_REQUIRED, REL100_PEER_SUPPORTED }; /* RFC 3262 */

struct conf_endpoint {
	_Alignas(CONF_LINE) struct conf_obj o;
	const struct conf_aor **aors;
	const struct conf_auth **auth, **outbound_auth;
	size_t n_aors, n_auth, n_outbound_auth;
	uint32_t identify_by; /* IDENTIFY_* bits */
	bool rtp_symmetric, force_rport, rewrite_contact, direct_media, rtp_ipv6, bind_rtp_to_media_address;
	bool rewrite_if_nat; /* automatic: rewrite_contact for a phone whose messages show that it is behind NAT */
	bool open_pinhole;   /* automatic: silence until the peer is heard; not with rtp_keepalive=0 written */
	struct conf_acls acl, contact_acl;
	const struct conf_transport *transport; /* NULL: chosen per destination */
	const char *context, *from_user, *from_domain, *contact_user, *outbound_proxy, *media_address, *accountcode;
	const char *callerid_name, *callerid_num; /* from callerid=; "" when not set */
	const char *language, *sdp_owner, *sdp_session, *moh_suggest;
	struct codec_list codecs; /* allow/disallow */
	struct strs set_var;      /* "name=value" */
	enum conf_dtmf dtmf_mode;
	enum conf_redirect redirect_method;
	uint32_t rtp_keepalive, rtp_timeout, rtp_timeout_hold, rtp_port_start, rtp_port_end; /* s, s, s */
	uint32_t device_state_busy_at;
	enum conf_timers timers;
	enum conf_100rel rel100;
	uint32_t timers_min_se, timers_sess_expires; /* s */
	uint8_t tos_audio;
	bool inband_progress, follow_early_media_fork, allow_unauthenticated_options;
	bool send_pai, send_rpid, trust_id_inbound, trust_id_outbound, use_ptime, user_eq_phone, allow_transfer;
	bool suppress_q850_reason_headers, rtcp_mux, preferred_codec_only;
	bool moh_passthrough, suppress_moh_on_sendonly, refer_blind_progress;
	bool allow_subscribe, notify_early_inuse_ringing;
	const struct conf_pickup *pickup; /* NULL: in no group */
	uint32_t sub_min_expiry;          /* s */
	const char *subscribe_context;    /* "": context */
	bool media_encryption_optimistic, force_avp, srtp_tag_32;
	enum { ENCRYPT_NO, ENCRYPT_SDES, ENCRYPT_DTLS } media_encryption;
};

struct conf_identify {
	struct conf_obj o;
	const struct conf_endpoint *endpoint;
	struct net_list match;                       /* literal items; a negated rule = not this one */
	struct strs match_names;                     /* host names, resolved and refreshed by the pbx */
	struct strs match_header, match_request_uri; /* exact text or /regex/ */
	bool srv_lookups;
};

struct conf_registration {
	struct conf_obj o;
	const struct conf_transport *transport; /* NULL: first that fits */
	const struct conf_endpoint *endpoint;   /* with line=yes */
	const struct conf_auth **outbound_auth;
	size_t n_outbound_auth;
	const char *server_uri, *client_uri, *contact_user, *contact_header_params, *outbound_proxy, *user_agent;
	uint32_t expiration, retry_interval, max_retries, forbidden_retry_interval, fatal_retry_interval;
	uint32_t max_random_initial_delay;
	bool auth_rejection_permanent, line, support_path;
};

struct conf_rtp { /* rtp.conf [general] */
	struct conf_obj o;
	enum { STRICTRTP_NO, STRICTRTP_YES, STRICTRTP_SEQNO } strictrtp;
	uint32_t rtpstart, rtpend, probation, rtcpinterval; /* even start; packets, ms */
	bool srtpreplayprotection;
	const char *stunaddr;                /* host[:port]; "": none */
	struct conf_obj ice_host_candidates; /* the section of that name; file NULL: there is none */
};

struct conf_hairpin { /* hairpin.conf [general]: what Asterisk has no word for */
	struct conf_obj o;
	bool udp_gso;           /* datagrams to one peer go through the kernel together */
	bool veth_shortcut;     /* relayed packets go to the other end of a veth at once */
	bool compat_asterisk;   /* compat=asterisk: none of hairpin's automatic behaviour */
	uint32_t media_workers; /* 0: one per processor that it may run on */
	enum { ENGINE_AUTO, ENGINE_KERNEL, ENGINE_USER } media_engine;
	enum { SOCKETS_AUTO, SOCKETS_SHARED, SOCKETS_OWN } media_sockets;
	/* caps on what peers can make us hold */
	uint32_t max_calls, max_connections, max_contacts_total, max_router_ports, max_subscriptions, max_transactions;
	const char *sounds_dir, *cdr_dir;
	const char *call_log; /* "": none */
};

struct conf {
	struct conf_global global;
	struct conf_system system;
	struct conf_transport *transports;
	struct conf_endpoint *endpoints;
	struct conf_auth *auths;
	struct conf_aor *aors;
	struct conf_identify *identifies;
	struct conf_registration *registrations;
	struct strs domain_aliases; /* "alias=domain", in no particular order */
	struct conf_acl *acls;
	size_t n_transports, n_endpoints, n_auths, n_aors, n_identifies, n_registrations, n_acls;
	size_t n_with_domain;         /* endpoints whose name has a domain */
	uint32_t most_nonce_lifetime; /* of all auths, s */
	struct conf_rtp rtp;
	struct conf_obj dnsmgr; /* dnsmgr.conf [general] */
	struct conf_hairpin hairpin;
	struct conf_dialplan dialplan;
	const struct conf_music *music; /* conf/music.h */
	struct conf_priv *priv;         /* the arena, the name tables, the reference count */
};

/* Where the files come from: a folder, or texts in memory (stories, fuzzing). */
struct conf_source {
	/* Appends the text of `path` (as written, relative to the configuration's folder) to o; false if there is none.
	 */
	bool (*read)(void *arg, const char *path, struct out *o);
	/* Calls each(ctx, path) for every existing file that the pattern matches, in alphabetical order. */
	void (*glob)(void *arg, const char *pattern, void (*each)(void *ctx, const char *path), void *ctx);
	void *arg;
	const atomic_bool *abandoned; /* true: the load is wanted no more, and ends with NULL; may be NULL */
};
struct conf_source conf_source_dir(const char **dir); /* dir: must outlive the loads */

/*
 * A new snapshot with one reference, or NULL when `why` holds errors; warnings do not refuse it. pjsip.conf must exist;
 * without extensions.conf there is a warning; other files may be missing silently. Reads files; any thread.
 */
struct conf *conf_load(const struct conf_source *src, struct diag *why);
/* The references are counted by one thread at a time: first the one that loads, then the signalling thread. */
struct conf *conf_ref(struct conf *c);
void conf_unref(struct conf *c); /* NULL is fine; the last one wipes secrets and frees */
/* From now on the last conf_unref() leaves that to `by`, which has work(snapshot) called on whatever thread. */
typedef void conf_free_fn(void *arg, void (*work)(void *snapshot), void *snapshot);
void conf_free_by(struct conf *c, conf_free_fn *by, void *arg);

/* By section name, exact; NULL when there is none. */
const struct conf_endpoint *conf_endpoint(const struct conf *c, struct span name);
const struct conf_aor *conf_aor(const struct conf *c, struct span name);
const struct conf_auth *conf_auth(const struct conf *c, struct span name);
const struct conf_transport *conf_transport(const struct conf *c, struct span name);
const struct conf_registration *conf_registration(const struct conf *c, struct span name);

/* Is the option written in the files, for this object (or one of its templates)? `type` as in "endpoint". */
bool conf_written(const struct conf_obj *o, const char *type, const char *option);

/* external_*_address: found out while we run ("auto", "pcp", "upnp", "stun:host[:port]"), rather than written. */
bool conf_is_automatic(const char *external);
/* How our router is to be asked for ports: "auto" both, "pcp" (or NAT-PMP), "upnp"; 0: not at all. */
#define ROUTER_BY_PCP  1u
#define ROUTER_BY_UPNP 2u
unsigned conf_router(const char *external);
/* Host and port of "stun:host[:port]" or "host[:port]"; 3478 when there is none. False: neither. */
bool conf_stun(const char *value, char host[256], uint16_t *port);

/* The text of an option that no field holds: as written, else its default. */
const char *conf_text(const struct conf_obj *o, const char *type, const char *option);
bool conf_says_yes(const struct conf_obj *o, const char *type, const char *option); /* of such a text */

/* Transports of a protocol that is not served. */
const struct conf_transport *conf_left_out(const struct conf *c, size_t at); /* NULL: there are no more */

/* For `pjsip show X` and the documents: every option of the type with its value in the object, in table order. */
typedef void conf_each_fn(void *ctx, const char *option, const char *value);
void conf_each_option(const struct conf_obj *o, const char *type, conf_each_fn *fn, void *ctx);
void conf_options_markdown(struct out *o); /* docs/options.md, generated from the tables */
