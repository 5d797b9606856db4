/*
 * media/priv.h: what the files of media share. A worker owns its streams; a leg is the signalling side's handle of one.
 * Commands go down one ring and notes come up the other. All that carries packets takes `now` and reads no clock; only
 * engine_udp.c does.
 */
#pragma once
#include <uthash.h>

#include "base/rng.h"
#include "base/table.h"
#include "base/timer.h"
#include "base/trace.h"
#include "media/dtmf.h"
#include "media/ring.h"
#include "media/route.h"
#include "media/rtcp.h"
#include "media/rtp.h"
#include "media/source.h"
#include "media/srtp.h"
#include "nat/stun.h"

struct stream;
struct lane; /* shared.h */

struct ports;
struct sock {
	uint32_t id; /* of the media_io: a file descriptor, or a number of the simulator's */
	bool open : 1, is_rtcp : 1;
	bool shared : 1; /* heard, and what it says is sent, by its worker's lane (shared.h) */
	uint16_t heard;  /* shared: by which worker's lane, from 1 on; 0: none yet */
	struct ports *ports;
};

/* A pair of ports: a stream's, or at rest (ports.c). Its sockets are the worker's, the rest the signalling thread's. */
struct ports_kind;
struct ports {
	struct sock rtp, rtcp;
	struct stream *stream;   /* the worker's: NULL at rest */
	bool watched;            /* the worker's */
	bool bare;               /* without files: known to the lanes only */
	struct addr local;       /* as bound, with the RTP port */
	struct ports_kind *kind; /* NULL: never rests */
	uint8_t tos;
	uint32_t priority; /* that the kernel gives to its packets, by tos */
	ms_t rested;
	struct addr mapped[2];     /* RTP, RTCP: as STUN saw them; the signalling thread's */
	atomic_int_fast64_t stray; /* when a packet last came that nobody waited for */
	struct list link;          /* at rest, or in its worker's `dead` */
};

/* What happens to a received payload type: decided when a plan is made or two legs are joined. */
enum rx_is { RX_UNKNOWN, RX_AUDIO, RX_DTMF, RX_CN };
enum rx_goes { GO_NOWHERE, GO_AS_IT_IS, GO_CONVERTED };
struct rule {
	uint8_t is : 4, go : 4;          /* enum rx_is, enum rx_goes */
	uint8_t codec : 4, to_codec : 4; /* received; sent */
	uint8_t rx_pt, pt;
};

/* The receiving side's sequence numbers and times (RFC 3550 A.1, A.3, A.8). */
struct rx {
	bool started;
	uint32_t ssrc, base, cycles, received, lost_before;
	uint16_t max_seq;
	uint32_t expected_prior, received_prior; /* at our last report */
	struct jitter jitter;
	uint32_t sr_mid;
	ms_t sr_at;
};

/* One sending stream whatever feeds it: SSRC, sequence and timestamp go on across changes. */
enum feeder { FEED_NONE, FEED_PACKETS, FEED_SOURCE };
struct tx {
	uint32_t ssrc, ts, next_ts;
	uint16_t seq;
	ms_t at;        /* of the last packet; 0: none yet */
	struct addr to; /* where that went */
	enum feeder feeder;
	const struct stream *from; /* FEED_PACKETS: whose, and of which SSRC */
	uint32_t from_ssrc, ts_off;
	uint16_t seq_off, from_first, from_seq, young;
	uint64_t packets, octets;
};

/*
 * What executes routes faster than a worker can: the kernel, or in the simulator a stand-in. One table per worker.
 * Routes and hops stay where they are until they are given back; the gate of a new route is shut.
 */
struct hop_key {
	struct addr to, bound; /* without ports; bound: the sending socket's address, any or not */
	uint8_t tos;
};
struct route_table {
	struct route *(*add)(struct route_table *t, const struct route_key *key); /* NULL: no room */
	void (*del)(struct route_table *t, struct route *r);
	struct hop *(*hop_add)(struct route_table *t, const struct hop_key *key, uint32_t *number); /* NULL: no room */
	void (*hop_del)(struct route_table *t, uint32_t number);
};

struct hop_use; /* a hop that streams of this worker share */

/* The route for what a stream receives (fast.c). */
struct fast {
	struct route *route; /* NULL: none yet */
	struct hop_use *hop;
	bool open;
	unsigned plain, need; /* packets in a row that a route could have taken; how many it takes to open one */
	struct stream *to;    /* while open */
	struct {
		uint64_t packets, octets, cn;
	} seen;           /* what of its counts is in our statistics already */
	struct list node; /* while open: of the worker's */
};

#define OTHERS_SEEN 3
#define RULES       (1 + CODEC_COUNT + 3) /* formats, telephone-event, CN, and CN where 13 is not agreed */
struct seen_source {
	struct addr addr;
	uint16_t seq;
	unsigned run; /* packets in sequence */
	ms_t at;
};

/* What was asked from the RTP and the RTCP port. */
struct asked {
	struct addr server;
	uint8_t tx[2][STUN_TX];
};

/* Of struct media_stats what is counted as it happens; the rest is where it is until they are read. */
struct counted {
	uint64_t rx_bytes, tx_bytes;
	ms_t opened, sdp_at, first_rx, last_rx, first_tx, last_tx;
	struct addr sdp_addr, rx_source, icmp_dest;
	uint32_t sources, rx_jitter_us, rtt_us;
	uint32_t rr_count, rr_lost, rr_jitter_us;
	uint32_t icmp_errors, ssrc_changes;
	uint32_t rx_packets, fast_packets, rx_cn, rx_dtmf, tx_opening, rx_mismatch;
	bool fast, rr_moving, rx_after_tx, rx_uninvited;
	uint8_t rr_fraction, rx_codec, tx_codec;
};

/* Keys of a stream that is encrypted. A direction without one is shut. */
struct crypt {
	struct srtp *in, *out;
	uint32_t forged, replayed; /* packets that were not let in */
};

/* A packet that a socket received. */
struct arrival {
	struct addr from, to; /* to: our address that it came to */
	struct span bytes;
};

/* A copy of the statistics that the other thread may read at any time. */
struct published {
	atomic_uint turn; /* odd: being written */
	atomic_uint_fast64_t words[(sizeof(struct media_stats) + 7) / 8];
};

struct stream {
	struct worker *w; /* NULL while nobody serves it */
	uint32_t leg;     /* id of the handle */
	char name[32];
	uint32_t cname[3]; /* RFC 7022 4.2: as many random bits, in hex digits */
	struct ports *ports;
	uint32_t rtcp_ms;
	struct media_plan plan;
	bool planned;
	struct latch latch;
	struct stream *peer;
	struct source *source;
	bool compiled; /* rule is as the plan and the peer have it */
	uint8_t n_rules;
	struct rule rules[RULES]; /* the first: of what was not agreed */
	struct asked *asked;      /* NULL: nothing */
	struct crypt *crypt;      /* NULL: plain RTP */
	struct fast fast;
	struct rx rx;
	struct tx tx;
	struct dtmf dtmf;
	struct seen_source seen;    /* the latest */
	struct seen_source *others; /* before that one: OTHERS_SEEN, latest first; NULL: none */
	struct timer timer;
	ms_t keep_at, silent_from, rtcp_at, publish_at;
	ms_t open_from, open_at; /* plan.open_pinhole: since when; the next packet */
	bool keep_first, silent_told, rtcp_said;
	uint64_t rtcp_tx_packets; /* sent when the last report was made */
	uint32_t rr_highest;
	struct counted st;
	struct published pub;
};

enum cmd_kind {
	CMD_ADD,
	CMD_DROP,
	CMD_GIVE,
	CMD_PLAN,
	CMD_SECURE,
	CMD_JOIN,
	CMD_PART,
	CMD_PLAY,
	CMD_STUN,
	CMD_DEBUG,
	CMD_CAPTURE,
	CMD_CLOSE,
	CMD_TABLE,
	CMD_SHARE,
	CMD_STOP
};
struct cmd {
	enum cmd_kind kind;
	bool on; /* DEBUG, CAPTURE */
	struct stream *stream;
	union {
		struct stream *peer;       /* JOIN */
		struct media_plan plan;    /* PLAN */
		struct crypt *crypt;       /* SECURE: the worker's to free; NULL: plain */
		struct source *source;     /* PLAY: the worker's to free; NULL stops */
		struct ports *ports;       /* CLOSE */
		struct route_table *table; /* TABLE */
		struct {
			struct lane *lane; /* SHARE */
			const struct media_io *io;
		};
		struct {
			struct addr ip; /* DEBUG, STUN */
			uint8_t tx[2][STUN_TX];
		};
	};
};

enum note_kind { NOTE_EVENT, NOTE_GIVEN, NOTE_LOADED };
struct note {
	struct note *next; /* in worker.given */
	enum note_kind kind;
	uint32_t leg, serial;  /* serial: of the source that ended */
	struct stream *stream; /* GIVEN */
	struct source *source; /* LOADED */
	struct media_event ev;
};

/* What a stream leaves behind: ports that go to rest, and its memory. */
struct spare {
	struct ports *ports;
	struct stream *stream;
};

struct worker {
	const struct media_io *io;
	struct ring in, out, spare; /* of struct cmd, struct note *, struct spare */
	struct list dead;           /* closed ports that an event of this turn may still name */
	struct note *given;         /* told at the end of the turn: until then such an event may still be ours */
	struct timers timers;
	struct table socks; /* simulator: found by id */
	int64_t wall0;      /* Unix time in ms = wall0 + now */
	bool simulated;     /* statistics are read live: nothing is published */
	bool debug, capture, stop, told;
	struct addr debug_ip;
	struct route_table *table; /* NULL: all packets come to the worker */
	bool routes;               /* there is or may come a table: sockets tell where packets came to */
	struct hop_use *hops;
	struct list open;                           /* streams whose route is open */
	uint64_t relayed, fast, dropped, rtcp_sent; /* since they were last added to the counters */
	void (*watch)(struct worker *w, struct sock *k, bool on);
	void (*leave)(struct worker *w, struct sock *k); /* before it is closed; NULL: nothing to be done */
	void (*share)(struct worker *w, struct lane *lane);
	void (*send)(struct worker *w, struct sock *k, const struct addr *to, struct span bytes);
};

/* ask.c: STUN from a stream's ports. */
void stream_ask(struct stream *s, const struct cmd *c);
bool stream_answered(struct sock *k, const struct arrival *p); /* false: it was no answer to us */

/* crypt.c */
struct crypt *crypt_new(const struct srtp_key *in, const struct srtp_key *out, bool replays); /* NULL: no key */
void crypt_free(struct crypt *c);
/* The keys that `fresh` has replace those of *have, the others go on; fresh NULL: none at all. Takes fresh over. */
void crypt_merge(struct crypt **have, struct crypt *fresh);
/* What a stream with a crypt received: *bytes becomes what was encrypted, in room. False: it is to be dropped. */
bool crypt_open(struct stream *s, struct span *bytes, uint8_t room[PACKET_MAX], bool rtcp);
size_t crypt_seal(struct stream *s, uint8_t *packet, size_t n, bool rtcp); /* as srtp_seal() */

/* worker.c */
void worker_init(struct worker *w, const struct media_io *io);
void worker_free(struct worker *w);
void worker_commands(struct worker *w, ms_t now);
void worker_packet(struct sock *k, const struct arrival *p, ms_t now);
void worker_icmp(struct sock *k, const struct addr *dest);
void worker_send(struct worker *w, struct sock *k, const struct addr *to, struct span bytes); /* through its io */
void worker_timers(struct worker *w, ms_t now);                                               /* also ends the turn */
void worker_end_turn(struct worker *w);
ms_t worker_next(struct worker *w);
void note_free(struct note *n);
void worker_event(struct stream *s, const struct media_event *ev, uint32_t serial);

static inline const struct rule *rule_of(const struct stream *s, uint8_t pt)
{
	for (unsigned i = 1; i < s->n_rules; i++) /* what is sent comes first: one look, for most packets */
		if (s->rules[i].rx_pt == (pt & 127))
			return &s->rules[i];
	return &s->rules[0];
}

/* debug.c */
enum debug_what { DEBUG_GOT, DEBUG_DROPPED, DEBUG_SENT };
void debug_packet(struct stream *s, enum debug_what what, const struct addr *peer, const struct rtp *r);
void capture_packet(struct stream *s, const struct addr *from, const struct addr *to, struct span bytes);

/* stream.c */
void stream_plan(struct stream *s, const struct media_plan *p, ms_t now);
void stream_secure(struct stream *s, struct crypt *fresh);
void stream_join(struct stream *a, struct stream *b);
void stream_part(struct stream *s);
void stream_play(struct stream *s, struct source *what, ms_t now);
void stream_rtp(struct stream *s, const struct arrival *p, ms_t now);
ms_t stream_tick(struct stream *s, ms_t now);  /* returns when to be called next */
void stream_touch(struct stream *s, ms_t now); /* something changed: tick again soon */
void stream_end(struct stream *s);             /* its ports are left, and its memory */
void stream_free(struct stream *s);            /* its ports are left */

/* tx.c */
bool tx_knows(const struct stream *s); /* where to */
bool tx_ready(const struct stream *s); /* and may send */
void tx_relay(struct stream *s, const struct stream *from, const struct rtp *in, ms_t now);
void tx_frame(struct stream *s, const int16_t *pcm, size_t n, ms_t now); /* it is ready */
/* The digit that its source is at, as an event (RFC 4733); n: samples of this packet; 0: it is over. It is ready. */
void tx_event(struct stream *s, size_t n, ms_t now);
void tx_keepalive(struct stream *s, ms_t now);
void tx_silence(struct stream *s, ms_t now); /* in the codec agreed on; real time may have passed since the last */
enum codec tx_codec(const struct stream *s, uint8_t *pt); /* for what we make ourselves; CODEC_NONE: none fits */
size_t tx_frame_size(const struct stream *s);             /* samples */
uint32_t tx_rate(const struct stream *s);                 /* of its RTP clock */

/* fast.c */
void fast_packet(struct stream *s, const struct rtp *r, const struct arrival *p); /* was relayed to its peer */
void fast_stop(struct stream *s); /* what it receives comes up again, from the next packet on; NULL is fine */
void fast_sync(struct stream *s); /* brings up to date what its route, and the one towards it, have moved */
void fast_drop(struct stream *s); /* stops, and gives everything back */
void fast_stop_all(struct worker *w);

/* report.c */
uint32_t jitter_us(const struct jitter *j, uint32_t rate);
void report_rx(struct stream *s, const struct rtp *r, const struct addr *from, ms_t now);
/* The source whose packets a route took meanwhile was there, too. */
void report_moved(struct stream *s, const struct addr *from, uint16_t seq, ms_t now);
void report_seen(struct stream *s, const struct addr *from, uint16_t seq, ms_t now);
void report_rtcp(struct stream *s, const struct addr *from, struct span bytes, ms_t now);
ms_t report_due(struct stream *s, ms_t now); /* sends RTCP when it is time; returns when next */
void report_bye(struct stream *s, ms_t now);
void report_fill(struct stream *s, struct media_stats *st);
void report_publish(struct stream *s);
void report_read(const struct published *p, struct media_stats *st);

/* ports.c */
struct ports_ask {
	struct addr bind;
	uint16_t start, end;
	bool mux;
	unsigned most; /* pairs of all kinds that may have files at once; 0: no limit but the range */
	bool bare;     /* more may be open without */
};
/* Opens an even port and the one above it (not when mux) at a random place of the range. 0 or -errno. */
int ports_open(const struct media_io *io, struct rng *rng, const struct ports_ask *ask, struct ports **out);
void ports_close(const struct media_io *io, struct ports *p); /* the sockets; the memory stays */
/* What follows is the signalling side's. Ports of one kind can stand in for each other. Made when there is none. */
struct ports_kind *ports_kind(struct ports_kind **all, const struct ports_ask *ask, unsigned n_workers);
struct ports *ports_take(struct ports_kind *k, unsigned worker, struct rng *rng, ms_t now); /* NULL: none has rested */
void ports_count(struct ports_kind *k, struct ports *p);                                    /* a new one of the kind */
bool ports_all_open(const struct ports_kind *k);  /* there is no use in opening more */
bool ports_all_files(const struct ports_kind *k); /* there is no use in opening more that have files */
void ports_forget(struct ports *p);               /* it will not rest again */
void ports_rest(struct ports *p, unsigned worker, ms_t now);
struct ports *ports_stale(struct ports_kind *all, unsigned worker, ms_t now); /* takes one out that should be closed */
bool ports_none_rest(const struct ports_kind *all);
void ports_kinds_free(struct ports_kind **all); /* none rests any more */

/* virtual.c: the simulator's stand-in for the kernel */
struct route_table *virtual_new(void);
void virtual_free(struct route_table *t);
bool virtual_relay(struct route_table *t, struct sock *k, const struct arrival *p, ms_t now); /* false: it goes up */

/* loader.c */
struct loader;
struct loader *loader_new(int event_fd);
void loader_free(struct loader *l);
void loader_push(struct loader *l, struct note *n); /* with its source; comes back through loader_pop() */
struct note *loader_pop(struct loader *l);

/* engine_udp.c */
struct udp_worker;
extern const struct media_io udp_io;                                      /* its sock is the file descriptor */
struct udp_worker *udp_start(int event_fd, unsigned number, bool routes); /* routes: it may get a table of them */
void udp_stop(struct udp_worker *u); /* after STOP: waits for the thread; free() it when its rings are empty */
struct worker *udp_worker(struct udp_worker *u);
void udp_wake(struct udp_worker *u);
uint32_t udp_tos(uint32_t sock, const struct addr *bind, uint8_t tos); /* returns the priority that comes with it */
/* Takes an ICMP error out of the queue: where the packet that met it went to. False: there is none. */
bool udp_error(int fd, struct addr *dest);
int udp_event_fd(void);
