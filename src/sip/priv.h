/* sip/priv.h: what the files of this folder share. Not for others. */
#pragma once
#include <uthash.h>

#include "base/arena.h"
#include "base/fifo.h"
#include "base/siphash.h"
#include "base/spares.h"
#include "base/table.h"
#include "nat/behave.h"
#include "nat/pcp.h"
#include "nat/stun.h"
#include "sip/sip.h"

#define NONCES_MAX     65536
#define SIP_T2         4000
#define SIP_T4         5000
#define SIP_TAG        16
#define SIP_BRANCH_MAX 40
#define SIP_SCRATCH    (SIP_MAX_MESSAGE + 1)

/* A key that two addresses share exactly when they are equal (no padding). */
struct addr_key {
	uint8_t bytes[24];
};
struct addr_key sip_addr_key(const struct addr *a, uint32_t salt);
/*
 * A key for what we have named ourselves, a branch or a tag: its end is random already, and one multiplication with a
 * secret spreads it over a table. It stands for the length and the last 16 bytes: enough to know what is over by; who
 * finds a dialog by it compares the Call-ID and the other tag.
 */
struct siphash sip_own_key(const struct sip *s, struct span name);

/* ---- transport.c ---- */
struct sip_stun { /* one server that a transport asks (door.c) */
	struct sip_transport *tp;
	char host[256];
	uint16_t port;
	struct addr at; /* family 0: not resolved yet */
	uint8_t tx[STUN_TX];
	unsigned sends; /* of the request that is out; 0: none is */
	ms_t asked_at;
	struct timer again;
	bool told; /* that it does not answer */
};

struct sip_transport {
	struct list link;
	struct sip *sip;
	struct conf *snapshot; /* holds conf */
	const struct conf_transport *conf;
	uint32_t sock; /* socket or listener */
	enum net_proto proto;
	struct addr bound;
	struct nat_door door;
	unsigned conns;
	struct timer refresh; /* external names are asked for again */
	struct sip_stun stun[NAT_STUNS];
	unsigned n_stun;
	struct timer watch;
	struct nat_behave behave; /* how the NAT before it does: measure.c */
	struct timer measure;
	ms_t leaving; /* since then, by a reload (drain.c); 0: it is not */
	struct timer drain;
	bool held;           /* by the user: phones have registered there */
	struct sip_map *map; /* of its port at our router; NULL: it is asked for none */
	bool only_router;    /* tells our address: pcp, upnp */
	ms_t kept_at;        /* when mappings were last kept open */
	struct sip_uninvited uninvited;
};

struct sip_conn {
	UT_hash_handle hh, hh_peer;
	struct sip *sip;
	struct flow flow;
	struct addr_key peer_key; /* and the name that its certificate was checked for (verify_server) */
	bool incoming;
	char *buf;
	size_t n, cap;
	struct sip_framing framing;
	unsigned line_ends; /* CR and LF since the last message or pong */
	struct timer keep, idle;
	struct list stranger; /* among s->strangers, until somebody known speaks on it */
};

/* How a URI names a protocol; "" for UDP. Asterisk writes TLS in capitals, and some phones compare it so. */
static inline const char *sip_transport_param(enum net_proto p)
{
	return p == NET_UDP ? "" : p == NET_TCP ? ";transport=tcp" : ";transport=TLS";
}

static inline uint16_t sip_default_port(enum net_proto p)
{
	return p == NET_TLS ? 5061 : 5060;
}

struct sip_transport *sip_transport_by_flow(const struct sip *s, const struct flow *f);
/* The transport for a destination: `want` if its protocol fits, else the first that does; NULL if none. */
struct sip_transport *sip_transport_pick(struct sip *s, const struct conf_transport *want, enum net_proto proto,
					 const struct addr *to);
bool sip_transport_has(const struct sip *s, enum net_proto proto, uint8_t family);
/* A flow to `to`, which is `name` (struct net): the socket, an open connection or a new one. 0 or -errno. */
int sip_flow_to(struct sip *s, struct sip_transport *tp, const struct addr *to, struct span name, struct flow *f);
bool sip_flow_alive(const struct sip *s, const struct flow *f);
/* The first sequence number of requests: always five digits, so that those of one kind have one length
 * (io/udp_batch.c). */
uint32_t sip_new_cseq(struct sip *s);
/* What the messages of a call share: they do not overtake each other (struct flow). Nobody relies on its being unique.
 */
uint32_t sip_order(struct span call_id);
int sip_send(struct sip *s, const struct flow *f, struct span bytes);
/* Our address and port as the peer of f should know it before NAT: a TCP flow has its listener's port. */
struct addr sip_local_of(const struct sip *s, const struct flow *f);
/* What a message of this flow says of us; f->local is concrete. */
void sip_face(const struct sip *s, const struct sip_transport *tp, const struct flow *f, struct nat_face *face);
void sip_build_init(struct sip *s, struct sip_build *b, const struct flow *f, struct out *o);
void sip_build_end(struct sip_build *b); /* Content-Type, Content-Length, the body */
/* A whole header line, NULs included; the name is a literal. */
#define sip_out_line(o, name, value) sip_out_begun(o, SPAN(name ": "), value)
void sip_out_begun(struct out *o, struct span begin, struct span value);
void sip_conn_input(struct sip *s, struct sip_conn *c, struct span bytes);
void sip_transports_free(struct sip *s);
void sip_on_accepted(void *arg, const struct flow *f);
void sip_on_connected(void *arg, uint32_t sock, const struct addr *local);
void sip_on_failed(void *arg, const struct flow *f, int err);

void sip_transport_close(struct sip_transport *tp);

/* ---- drain.c ---- */
void sip_drain(struct sip_transport *tp);
void sip_undrain(struct sip_transport *tp);
/* It came to a listener that only finishes what began on it. */
bool sip_is_drained(const struct sip *s, const struct flow *f);

/* ---- door.c ---- */
void sip_door_open(struct sip_transport *tp); /* after tp->conf changed: learns what its external_* stand for */
void sip_door_close(struct sip_transport *tp);
/* Our router is asked for what the transports behind it want, and for nothing else. */
void sip_door_ways(struct sip *s);
void sip_stun_input(struct sip *s, const struct flow *f, struct span bytes);
/* A response from a configured peer to a request of ours: how it sees us. */
void sip_door_seen(struct sip *s, const struct flow *f, const struct sip_msg *m);
void sip_on_network(void *arg);

/* ---- measure.c ---- */
/* The server has answered the transport's own question. */
void sip_measure_begin(struct sip_transport *tp, const struct addr *server, const struct stun_answer *a);
bool sip_measure_input(struct sip_transport *tp, const struct stun_answer *a); /* false: not for this */
enum nat_depends sip_mapping_of(const struct sip_transport *tp);

/* ---- router.c ---- */
struct sip_router {
	struct sip *sip;
	unsigned ways;       /* ROUTER_BY_* of conf.h: what may be tried; 0: it is not asked */
	uint32_t sock;       /* 0: none yet */
	struct addr at, own; /* it, and our address towards it */
	enum sip_router_speaks speaks;
	unsigned sends; /* of the question whether it is there */
	struct pcp_epoch epoch;
	struct addr outside; /* NAT-PMP, UPnP: its address there */
	struct sip_map *maps;
	uint64_t queries, looking; /* UPnP: asked so far; the one that looks after the router, 0: none is out */
	struct timer watch;
	ms_t looked_at;
	bool leaving; /* no port is opened any more */
};
void sip_router_init(struct sip *s);
void sip_router_free(struct sip *s);
void sip_router_want(struct sip *s, unsigned ways); /* ROUTER_BY_*; 0: every port is given back */
void sip_router_input(struct sip *s, const struct flow *f, struct span bytes);
void sip_router_failed(struct sip *s, const struct flow *f);
void sip_router_network(struct sip *s);

enum map_state {
	MAP_IDLE,    /* it is not known yet whom to ask, or nobody opens ports */
	MAP_ASKED,   /* or being renewed */
	MAP_HELD,    /* until the timer renews it */
	MAP_REFUSED, /* until the timer asks again */
	MAP_LEAVING, /* it is being given back */
};

struct sip_map {
	UT_hash_handle hh;
	struct sip_router *r;
	uint32_t key; /* protocol and port */
	struct sip_map_ask ask;
	enum map_state state;
	struct addr outside; /* family 0: not open; NAT-PMP and UPnP: the router's address, and the port */
	uint16_t wanted;     /* the port that was open last */
	uint8_t nonce[PCP_NONCE];
	unsigned sends;
	uint64_t query; /* UPnP: that waits for its answer; 0: none */
	ms_t until;     /* of the lease */
	struct timer again, linger;
	bool unused; /* lingers */
};
void sip_map_held(struct sip_map *m, const struct addr *outside, uint32_t lifetime);
void sip_map_refused(struct sip_map *m, const char *why, ms_t for_ms); /* may free it */
void sip_map_free(struct sip_map *m);
/* Of those that are held: each in its turn, a router may lose one without a word. NULL: none is. */
struct sip_map *sip_map_oldest(struct sip_router *r);
void sip_router_found(struct sip_router *r, enum sip_router_speaks what);
void sip_router_nobody(struct sip_router *r); /* opens ports, for a while */
void sip_router_anew(struct sip_router *r);   /* every port is asked for again */

/* ---- router_upnp.c ---- */
void sip_upnp_ask(struct sip_map *m, enum net_upnp_kind kind);
void sip_upnp_try(struct sip_router *r);  /* neither PCP nor NAT-PMP was answered */
void sip_upnp_look(struct sip_router *r); /* is it as it was? */
void sip_on_upnp(void *arg, uint64_t query, int err, const struct addr *outside);

/* ---- dns.c ---- */
struct dns_entry;
void sip_on_resolved(void *arg, uint64_t query, const struct dns_record *rs, size_t n, int err);
void sip_dns_free(struct sip *s);
void sip_dns_forget_failures(struct sip *s); /* the network is another one: what was not found is asked again */

/* ---- locate.c ---- */
#define SIP_TARGETS 16
struct sip_target {
	enum net_proto proto;
	struct addr addr;
};
struct sip_locate;
typedef void sip_located_fn(void *arg, const struct sip_target *ts, size_t n, const char *why);
/* RFC 3263 for one URI; calls back once, maybe at once. Returns a handle to drop, or NULL if it has called back. */
struct sip_locate *sip_locate(struct sip *s, const struct sip_uri *u, sip_located_fn *fn, void *arg);
void sip_locate_drop(struct sip_locate *l);
void sip_targets_free(struct sip *s);
void sip_target_dead(struct sip *s, const struct sip_target *t, ms_t for_ms); /* tried last until then */
void sip_target_alive(struct sip *s, const struct sip_target *t);

/* ---- trans.c ---- */
struct sip_ctx { /* a client transaction */
	struct list same_peer;
	struct sip *sip;
	char branch[SIP_BRANCH_MAX]; /* the key: branch of our Via; CANCEL has 'c' before it */
	uint32_t hash;               /* of it: it is random, and ours */
	const struct step *machine;
	unsigned state;
	bool invite;
	struct flow flow;
	struct timer again, life;
	ms_t interval;
	/* A response, or m NULL: err -ETIMEDOUT or what the network said. After a NULL the transaction is gone. */
	void (*up)(void *arg, struct sip_ctx *t, const struct sip_msg *m, int err);
	void (*gone)(void *arg, struct sip_ctx *t); /* it is about to be freed */
	void *arg;
	size_t n;
	char bytes[]; /* the request as sent */
};
struct sip_ctx *sip_ctx_new(struct sip *s, const char *branch, bool invite, const struct flow *f, struct span bytes);
void sip_ctx_start(struct sip_ctx *t); /* sends; failures come back through `up`, later */
struct sip_ctx *sip_ctx_find(struct sip *s, const struct sip_msg *response);
struct sip_ctx *sip_ctx_named(struct sip *s, struct span branch);
void sip_ctx_input(struct sip_ctx *t, const struct sip_msg *m);
void sip_ctx_fail_peer(struct sip *s, const struct flow *f, int err);
void sip_ctx_peers_free(struct sip *s);
void sip_ctx_fail_listener(struct sip *s, uint32_t listener);
void sip_ctx_hush(struct sip_ctx *t); /* repeats no more, still listens */
void sip_ctx_drop(struct sip_ctx *t); /* calls `gone`, not `up` */
/* It has its final response, and nobody waits for it any more; of an INVITE that got a 2xx the rest is taken over. */
struct sip_rest;
void sip_ctx_leave(struct sip_ctx *t, const struct sip_rest *rest);

struct sip_uas {
	struct sip *sip;
	struct siphash key;
	const struct step *machine;
	unsigned state;
	bool invite, force_rport, cancelled, answered, brief; /* brief: sip_uas_forget() */
	struct sip_msg *msg;                                  /* until the final response */
	struct flow flow;                                     /* where responses go */
	char tag[SIP_TAG + 1];
	char *bytes; /* the last response */
	size_t n, room;
	struct timer again, life;
	ms_t interval;
	uint32_t rseq; /* of the reliable response that is being written; else 0 */
	struct sip_dialog *dialog;
	struct list of_dialog; /* in dialog->uass; when only its entry in spent.c is left: in sip->over */
	void (*on_cancel)(void *arg, struct sip_uas *uas);
	void *arg;
};
/* 17.2.3: what tells server transactions apart. An ACK and a CANCEL look for their INVITE. */
struct siphash sip_uas_key(const struct sip *s, const struct sip_msg *m, enum sip_method method);
struct sip_uas *sip_uas_find(struct sip *s, const struct siphash *key);
struct sip_uas *sip_uas_new(struct sip *s, struct sip_msg *m, const struct siphash *key); /* NULL: the cap is reached */
void sip_uas_input(struct sip_uas *t, const struct sip_msg *m); /* a retransmission, or the ACK */
void sip_uas_send(struct sip_uas *t, unsigned code, struct span bytes);
void sip_uas_answered(struct sip_uas *t); /* after a final sip_uas_send() */
void sip_uas_drop(struct sip_uas *t);
bool sip_is_own_tag(const struct sip *s, const struct sip_msg *ack); /* of the answer to this INVITE */
void sip_uas_forget(struct sip_uas *t); /* once it is answered it is gone: a repeat will be a new request */
void sip_uass_tidy(struct sip *s);      /* frees those that are over: nobody is handling them */

/* ---- spent.c ---- */
enum spent_kind {
	SPENT_ANSWER,   /* a response that is repeated: struct spent_answer */
	SPENT_ANSWERED, /* an INVITE with its 2xx, which the dialog repeats: struct spent_answered */
	SPENT_ASKED,    /* a request of ours with its final response */
	SPENT_INVITE,   /* an INVITE of ours with its 2xx: struct sip_rest */
};
struct sip_spent {
	struct siphash key; /* sip_uas_key(), or of our branch */
	ms_t until;
	uint32_t size, listener;
	uint8_t kind; /* enum spent_kind */
	uint64_t data[];
};
struct spent_answer {
	struct flow flow;
	uint32_t n;
	char bytes[];
};
struct spent_answered {
	char tag[SIP_TAG + 1];
	bool force_rport;
};
enum spent_time { SPENT_64_T1, SPENT_TIMER_B, SPENT_T4, SPENT_TIMES }; /* each as it was when the entry was made */
struct spent_ask {
	enum spent_kind kind;
	enum spent_time queue;
	ms_t ms; /* how long that is now */
	struct siphash key;
	uint32_t listener;
	size_t n; /* of data */
};
struct sip_spent *sip_spent_add(struct sip *s, const struct spent_ask *a); /* data is not written yet */
struct sip_spent *sip_spent_find(const struct table *t, const struct siphash *key);
struct sip_spent *sip_spent_find_ctx(struct sip *s, const struct sip_msg *response);
bool sip_spent_has(const struct sip *s, uint32_t listener);
void sip_spent_request(struct sip *s, struct sip_spent *e, const struct sip_msg *m);  /* it came again */
void sip_spent_response(struct sip *s, struct sip_spent *e, const struct sip_msg *m); /* one more */
void sip_spent_free(struct sip *s);

/* ---- shed.c ---- */
#define SHED_TAG "shed-" /* how the tags of such refusals begin */
/* False: it is to be served. Else it was refused, or is the ACK to a refusal. */
bool sip_shed(struct sip *s, const struct flow *f, struct span bytes);

/* ---- uas.c ---- */
/* 503 to a message that was only glanced at; more: whole header lines. */
void sip_reply_shed(struct sip *s, const struct sip_msg *m, struct span more);
/* Replies without keeping anything (RFC 3261 8.2.7). */
void sip_reply_stateless(struct sip *s, const struct sip_msg *m, unsigned code, const char *reason, const char *more);

/* ---- uac.c ---- */
struct sip_uac {
	struct list link;
	struct sip *sip;
	struct arena *mem;
	struct sip_ask ask;        /* strings in mem */
	struct sip_dialog *dialog; /* NULL: out of dialog, or the dialog was freed */
	struct list in_dialog;
	struct sip_locate *locating;
	struct sip_target *targets; /* in mem */
	size_t n_targets, at;
	struct sip_ctx *ctx; /* the attempt that counts */
	unsigned ctxs;       /* transactions that still point here */
	struct flow flow;
	struct timer start, limit;
	char tag[SIP_TAG + 1];
	uint32_t cseq;
	struct sip_fork *forks; /* that sent reliable responses (reliable.c); in mem */
	char *credentials;      /* header lines for the next attempt, or NULL */
	unsigned auth_tries, again_tries;
	bool got_1xx, cancelled, cancel_sent, done;
	bool handed_over;      /* the user has the 2xx: the ACK is its */
	struct span reason;    /* of its CANCEL */
	struct timer patience; /* for a target that says nothing, when there is another */
};
void sip_uac_free_all(struct sip *s);
struct sip_rest { /* what ends a dialog that a 2xx to an INVITE made and nobody wants */
	const struct conf_auth *const *auths;
	size_t n_auths;
	struct conf *conf; /* counted */
	const struct conf_transport *transport;
	char *credentials; /* of the INVITE, or NULL */
	bool pracked;      /* a branch of it sent reliable responses */
	bool rewrite;      /* rewrite_contact */
};
void sip_rest_2xx(struct sip *s, const struct sip_rest *r, const struct sip_msg *m); /* it came again, or another did */
void sip_rest_free(struct sip_rest *r);
/* Begins at once instead of from the loop: for an ACK, whose build callback may not outlive the call. */
void sip_uac_start_now(struct sip_uac *uac);
#define SIP_AUTH_TRIES 3 /* challenges to one request that are answered */

/* ---- reliable.c: RFC 3262 ---- */
struct kept_1xx;
bool sip_reliable_is(const struct sip_msg *m);                          /* a response that wants a PRACK */
bool sip_reliable_in_order(struct sip_uac *u, const struct sip_msg *m); /* false: it came already, or too early */
void sip_reliable_ack(struct sip_uac *u, const struct sip_msg *m);      /* sends the PRACK */
uint32_t sip_reliable_cseq(const struct sip_uac *u, struct span tag);   /* used up in the dialog with this tag */
bool sip_reliable_prack(struct sip_dialog *d, const struct sip_msg *m); /* false: it is for none of ours: 481 */
void sip_reliable_over(struct sip_dialog *d, const struct sip_uas *t);  /* t got its final response: no more repeats */
void sip_reliable_free(struct sip_dialog *d);

/* ---- dialog.c ---- */
struct kept_ok;
struct kept_ack;
struct sip_dialog {
	struct sip *sip;
	struct sip_dialog_conf conf;
	struct siphash key;              /* sip_own_key() of the local tag */
	struct span call_id, remote_tag; /* in texts; each is followed by a NUL */
	struct span local, remote;       /* the same: values of From and To in our requests */
	char *target;                    /* R-URI of our requests: in texts, or malloc'd when it does not fit there */
	char *target_room;               /* TARGET_ROOM bytes in texts */
	char **routes;
	size_t n_routes;
	bool frozen; /* the route set may not change any more */
	uint32_t local_cseq, remote_cseq;
	bool remote_cseq_known;
	struct flow flow;
	struct list uacs, uass;
	struct kept_1xx *provisional; /* our last reliable one (reliable.c), or NULL */
	struct kept_ok *ok;           /* our 2xx, until its ACK arrives */
	struct kept_ack *ack;         /* our last ACK, if it cannot be built again, else NULL */
	uint32_t ack_cseq;
	unsigned ack_repeats;
	struct rewritten { /* rewrite_contact put `by` in the place of `written`; NULL: it did not */
		struct addr written, by;
	} * rewritten;
	char *credentials;
	char texts[];
};
void sip_dialogs_forget_source(struct sip *s); /* our own addresses have changed */
struct sip_dialog *sip_dialog_find(struct sip *s, const struct sip_msg *m, bool request);
struct sip_dialog *
sip_dialog_of(const struct sip_uas *t); /* that its INVITE began, or another copy of it; NULL: none */
void sip_dialog_input(struct sip_dialog *d, struct sip_uas *t, const struct sip_msg *m);
bool sip_dialog_input_ack(struct sip_dialog *d, const struct sip_msg *m); /* false: it waits for none like this */
void sip_dialog_keep_ok(struct sip_dialog *d, struct sip_uas *t);         /* takes the bytes of the 2xx over */
/* sip_dialog_uac() of a 2xx when there is no uac any more; credentials: header lines for its ACK, or NULL. */
struct sip_dialog *sip_dialog_answered(struct sip *s, const struct sip_msg *m, const struct sip_dialog_conf *c,
				       const char *credentials);
bool sip_dialog_ack_again(struct sip_dialog *d, uint32_t cseq); /* false: no ACK was sent yet */
void sip_dialog_keep_ack(struct sip_dialog *d, const struct flow *f, struct span bytes);

/* ---- digest.c ---- */
struct nonce_use;
/* Credentials for a challenge, as whole header lines (malloc'd), or NULL when no auth object fits. */
char *sip_digest_answer(struct sip *s, const struct sip_msg *challenge, const struct sip_uac *uac);
void sip_digest_adopt(struct sip *s); /* s->conf is new */
void sip_digest_rest(struct sip *s);  /* forgets nonces that are too old for everybody */
void sip_digest_free(struct sip *s);

/* ---- hash.c ---- */
#define SIP_HEX_MAX 129
struct hashes;
struct hashes *sip_hashes_new(void);
void sip_hashes_free(struct hashes *h);
#define SIP_MD5 16
/* The MD5 of the parts joined by ':'. */
void sip_md5(const struct span *parts, size_t n, unsigned char md[SIP_MD5]);
/* Lower-case hex of the hash of the parts joined by ':', and a NUL. alg: one of AUTH_ALG_*. */
void sip_hash_hex(const struct hashes *h, uint32_t alg, const struct span *parts, size_t n, char hex[SIP_HEX_MAX]);
/* The same for two; keeps the last ones in case they come again. No secrets. */
void sip_hash_pair(struct hashes *h, uint32_t alg, const struct span pair[2], char hex[SIP_HEX_MAX]);

/* ---- the core itself (core.c) ---- */
/* look.c: is it for one of these? */
bool sip_look_input(struct sip *s, const struct flow *f, struct span bytes);
void sip_looks_free(struct sip *s);

/* uninvited.c */
#define SENT_TO_BITS 16
void sip_uninvited_sent(struct sip *s, const struct addr *to);
void sip_uninvited_heard(struct sip *s, const struct flow *f, enum sip_method m); /* SIP_OTHER: a connection */

struct sip {
	struct sip_config c;
	struct conf *conf;
	struct list transports, uacs, looks;
	unsigned n_leaving; /* of the transports */
	size_t n_uacs;
	struct sip_router router;
	struct list *ctx_peers; /* client transactions by the hash of their peer */
	size_t n_ctx_peers;     /* a power of two, from a quarter of them to 64 times as many */
	struct sip_conn *conns, *conns_by_peer;
	struct list strangers;            /* connections that came in, the oldest first */
	bool full_told;                   /* that there is no room for more: once, until there is */
	struct table ctxs, uass, dialogs; /* by branch; by key; by key, which forks share */
	struct {
		struct table ctxs, uass; /* by key of the branch; by key */
		struct spent_queue {
			struct sip *sip;
			struct fifo entries;
			struct timer timer; /* of the first entry */
		} queues[SPENT_TIMES];
	} spent;
	struct list over; /* server transactions that a caller may still hold */
	struct dns_entry *dns, *dns_asked;
	uint64_t dns_next;
	struct dead_target *dead;
	struct list dead_by_age;
	struct table nonces;
	struct fifo nonces_by_age;
	size_t nonces_max;                 /* remembered at once: NONCES_MAX, but in tests */
	uint32_t nonces_live, nonces_from; /* s: the longest lifetime; older ones than from then are not taken */
	struct ha1 *ha1s;                  /* of each of conf's auths */
	size_t n_ha1s;
	struct hashes *hashes;
	uint64_t key_secret[2]; /* of siphash(): tables and nonces */
	uint64_t own_secret[2]; /* of sip_own_key(): what one multiplication hides is not to sign nonces */
	ms_t t1;
	ms_t timer_b;
	bool shedding;  /* overload: shed.c */
	unsigned shed;  /* refused since it began */
	ms_t shed_acks; /* until then their ACKs may come */
	ms_t began;
	uint8_t sent_to[1 << (SENT_TO_BITS - 3)]; /* uninvited.c */
	char *scratch;                            /* SIP_SCRATCH bytes for the message being built */
	char body[1024];                          /* where its body begins */
	struct sip_msg *spare;                    /* a block for the next message, or NULL */
	struct spares spares;                     /* of transactions and dialogs */
};
bool sip_input_message(struct sip *s, const struct flow *f, struct span bytes); /* false: not a SIP message */
static inline ms_t sip_now(const struct sip *s)
{
	return s->c.clock->now;
}
static inline void sip_stop(struct sip *s, struct timer *t)
{
	clock_stop(s->c.clock, t);
}
void sip_in(struct sip *s, struct timer *t, ms_t delay);
void sip_new_branch(struct sip *s, char branch[SIP_BRANCH_MAX]);
void sip_wire(struct sip *s, const struct flow *f, bool sent, struct span bytes);
