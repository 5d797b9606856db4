/*
 * media/media.h: moves RTP between legs. Called from the signalling thread only; never blocks. Plans go down, events
 * come up. N workers own the packets; two rings per worker are the only contact. Both legs of a bridge live on one
 * worker. In the simulator (struct media_io given) there are no threads: everything happens inside media_input() and
 * media_tick().
 */
#pragma once
#include "base/clock.h"
#include "base/srtp.h"
#include "nat/nat.h"
#include "nat/signals.h"

struct media;
struct media_leg; /* one side of one audio stream: a pair of ports; owned by whoever opened it */

enum media_event_kind {
	MEDIA_LATCHED, /* source learned or moved: from, was */
	MEDIA_REFUSED, /* a stranger's stream is kept out: from; once. was: whom we hear, or expect */
	MEDIA_DTMF,    /* digit, duration in ms: at the event's end */
	MEDIA_SILENT,  /* nothing received for rtp_timeout (or rtp_timeout_hold) */
	MEDIA_PLAYED,  /* the source of media_play() ended; ok: false when it could not be read */
	MEDIA_ENGINE,  /* media_engine=auto has been decided: ok: the kernel relays; else text says why not; no owner */
	MEDIA_SOCKETS, /* media_sockets=auto likewise: ok: all ports of a worker are heard by one socket */
	MEDIA_STUN,    /* a STUN server has answered: media_mapped() has it */
	MEDIA_DEBUG,   /* one packet, for "rtp set debug": text */
	MEDIA_PACKET,  /* one packet, for media_capture(): from, to, packet */
};
struct media_event {
	enum media_event_kind kind;
	void *owner; /* as given to media_open */
	struct addr from, was, to;
	struct span packet; /* valid during the call */
	char digit;
	uint32_t duration;
	bool ok;
	char text[320];
};

/* A virtual network for the media of the simulator. */
struct media_io {
	void *arg;
	int (*open)(void *arg, const struct addr *bind, uint32_t *sock); /* 0 or -EADDRINUSE */
	void (*close)(void *arg, uint32_t sock);
	void (*send)(void *arg, uint32_t sock, const struct addr *to, struct span bytes); /* bytes: during the call */
};

struct media_config {
	struct conf_rtp rtp;
	unsigned workers;          /* 0: one per CPU */
	unsigned engine;           /* ENGINE_* of conf.h; the simulator has a kernel only when told so */
	unsigned sockets;          /* SOCKETS_* of conf.h */
	bool no_shortcut;          /* veth_shortcut=no */
	const struct media_io *io; /* NULL: sockets and threads */
	struct rng *rng;           /* SSRCs, ports, first sequence numbers */
	/* The signalling thread's: ports rest for the next leg, and workers are woken once for many commands. May be
	 * NULL. */
	struct clock *clock;
	/* Called from media_poll(), or in the simulator at the end of media_tick() and media_input(). */
	void (*event)(void *arg, const struct media_event *ev);
	void *arg;
};
struct media *media_new(const struct media_config *c);
void media_free(struct media *m);                                /* every leg must be closed */
void media_set_rtp(struct media *m, const struct conf_rtp *rtp); /* for legs opened from now on */
/*
 * Whether packets can go through the kernel (in the simulator: through a stand-in); else *why has the reason, or is
 * NULL: with media_engine=auto and a clock the program is loaded while others are served already, and MEDIA_ENGINE will
 * tell.
 */
bool media_in_kernel(const struct media *m, const char **why);
/* Whether one socket of a worker hears all its ports; else as media_in_kernel(), and MEDIA_SOCKETS will tell. */
bool media_is_shared(const struct media *m, const char **why);
int media_fd(const struct media *m); /* becomes readable when events wait; -1 in the simulator */
void media_poll(struct media *m);    /* delivers waiting events */
void media_input(struct media *m, uint32_t sock, const struct addr *from, struct span bytes, ms_t now); /* simulator */
ms_t media_tick(struct media *m, ms_t now); /* simulator: does what is due; returns when to be called next */
/* Simulator: the same answer at any time. Calls like media_replan() take effect at the next tick: this says "now" then.
 */
ms_t media_next(const struct media *m);

struct media_open {
	struct addr bind;              /* any address of the family when not bound to one */
	uint16_t port_start, port_end; /* 0: rtp.conf's */
	uint8_t tos;
	bool rtcp_mux; /* no RTCP port at all: only when the peer is known to agree (media_plan can mux later, too) */
	void *owner;
	char name[32];            /* for debug lines and statistics */
	struct media_leg *beside; /* on the same worker as this leg; NULL: anywhere */
};
/* NULL when no port pair is free in the range. */
struct media_leg *media_open(struct media *m, const struct media_open *ask);
void media_close(struct media_leg **leg);             /* frees and clears; no event of it comes afterwards */
struct addr media_local(const struct media_leg *leg); /* as bound, with the RTP port */

/*
 * Asks a STUN server, from the leg's own ports, behind which ports the world sees them. One packet from each; who wants
 * it repeated asks again. What answers never moves the latch.
 */
void media_stun(struct media_leg *leg, const struct addr *server);
/* What was answered, now or when the ports last served, if that was a moment ago; family 0: nothing. */
struct addr media_mapped(const struct media_leg *leg, bool rtcp);

/* What SDP agreed and policy allows: compiled into the worker's record. */
struct media_plan {
	struct addr remote, remote_rtcp; /* from SDP; family 0: send nothing until (if ever) a source is latched */
	bool new_sdp;                    /* a remote description was applied: the latch looks at it again */
	bool rtcp_mux;
	bool send, recv;   /* direction */
	bool open_pinhole; /* silence of ours opens the way until the peer is heard */
	struct latch_conf latch;
	struct {
		uint8_t codec, pt;
	} formats[CODEC_COUNT]; /* first: the one to send in; all are understood when received */
	uint8_t n_formats;
	uint8_t dtmf_pt, cn_pt; /* 0: none */
	uint8_t ptime;
	uint32_t keepalive_ms, timeout_ms; /* 0: off; timeout_ms is rtp_timeout or, when held, rtp_timeout_hold */
};
void media_replan(struct media_leg *leg, const struct media_plan *p);
/*
 * From now on packets are SRTP: those that come are opened with `in`, those that leave are sealed with `out`. NULL: the
 * key of before goes on, with its counters; where there was none, nothing passes. Keys are copied.
 */
void media_secure(struct media_leg *leg, const struct srtp_key *in, const struct srtp_key *out);
void media_unsecure(struct media_leg *leg); /* plain RTP again */

/*
 * What each hears of the other: packets are relayed with the payload type translated, and transcoded between G.711 laws
 * (through linear where needed) when they send in different codecs. telephone-event passes with its number translated;
 * SSRC, sequence and timestamp continue per sender across source changes. Parting or closing one parts both.
 */
void media_join(struct media_leg *a, struct media_leg *b);
void media_part(struct media_leg *leg);

/* SILENCE: where the other leg says nothing; what it does say is heard. */
/* TUNE: a few soft notes, again and again. DIGIT: a telephone-event where those were agreed, else its two tones; then
 * MEDIA_PLAYED. */
enum media_source { SOURCE_NONE, SOURCE_TONE, SOURCE_FILE, SOURCE_SILENCE, SOURCE_ECHO, SOURCE_DIGIT, SOURCE_TUNE };
struct media_play {
	enum media_source source;
	bool loops;             /* FILE: again and again */
	uint32_t from_ms;       /* FILE: where it begins */
	uint16_t freq1, freq2;  /* Hz; 0: none */
	int16_t level_dbm0;     /* e.g. 0 for Milliwatt */
	uint16_t on_ms, off_ms; /* cadence; off 0: continuous. DIGIT: how long */
	char digit;             /* DIGIT: 0-9 * # A-D */
	char path[768]; /* FILE: candidates joined by ':', endings optional; read by libsndfile; ends with MEDIA_PLAYED
			 */
};
void media_play(struct media_leg *leg, const struct media_play *what); /* replaces what plays; NONE stops */

/* As its worker last published them: at most 1 s old. */
void media_stats(const struct media_leg *leg, struct media_stats *s);
/* "rtp set debug": events of kind MEDIA_DEBUG for every packet; ip family 0 means every peer. */
void media_debug(struct media *m, bool on, const struct addr *ip);
/* Events of kind MEDIA_PACKET for every packet of RTP and RTCP that a leg receives or sends. */
void media_capture(struct media *m, bool on);
