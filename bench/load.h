/*
 * bench/load.h: what the files of the load generator share. One thread, one process: UDP ports that send and receive
 * in batches, the parts of a SIP message, queues of things that are due, figures. Times are microseconds of the
 * monotonic clock.
 */
#pragma once
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "base/out.h"

typedef uint64_t us_t;
us_t load_now(void);
_Noreturn void load_die(const char *fmt, ...) PRINTF(1, 2);

/* ---- ports: load_port.c ---- */

#define PORT_BATCH 64
#define PORT_BYTES 2048

struct port {
	int fd;
	struct sockaddr_in me, peer; /* everything is sent to peer unless another address is named */
	unsigned n_out;
	struct mmsghdr *in, *out;
	char *in_bytes, *out_bytes;
	struct sockaddr_in *in_from, *out_to;
};
struct sockaddr_in load_addr(const char *text);                /* "127.0.0.1:5060"; ends the program when it is none */
int load_socket(const struct sockaddr_in *me, const char *ns); /* bound; ns: a network namespace, or NULL */
int load_enter(const char *ns); /* into a network namespace; NULL: stays. For load_leave */
void load_leave(int home);
struct port *port_open(int fd, struct sockaddr_in me, struct sockaddr_in peer);
struct out port_compose(struct port *p);            /* a message for the batch... */
void port_add(struct port *p, const struct out *o); /* ...to the peer... */
void port_add_to(struct port *p, const struct out *o, const struct sockaddr_in *to);
void port_flush(struct port *p);    /* ...sends what was added */
unsigned port_take(struct port *p); /* receives a batch without waiting; how many there are */
struct span port_message(const struct port *p, unsigned i);
bool port_wait(struct port *const ports[], unsigned n, us_t until); /* false: nothing came until then */

/* ---- straight onto a wire: load_link.c ---- */

#define LINK_ROOM 52 /* in front of what a datagram carries */
/* A socket for frames to an address of the same network, and what begins each of them; -1: this is not possible. */
int link_open(const char *ns, const struct sockaddr_in *from, const struct sockaddr_in *to, char head[LINK_ROOM]);
void link_head(char *p, const char head[LINK_ROOM], in_port_t to, size_t bytes); /* of one frame: LINK_ROOM bytes */

/* ---- messages: load_msg.c ---- */

#define VIAS_MAX   8
#define ROUTES_MAX 4

struct parts {
	unsigned status; /* 0: a request */
	struct span method, uri, body;
	struct span via[VIAS_MAX], route[ROUTES_MAX]; /* Record-Route */
	unsigned n_via, n_route;
	struct span from, to, call_id, cseq, contact, retry_after, challenge;
};
bool parts_read(struct span bytes, struct parts *m);
uint64_t parts_number(struct span text);          /* the first run of digits */
struct span parts_contact(const struct parts *m); /* the URI of Contact, without the brackets */
/* Starts a response: status line and what RFC 3261 8.2.6.2 copies; a tag is added to To when there is none. */
void parts_answer(struct out *o, const struct parts *m, const char *status, const char *tag);
bool parts_media(const struct parts *m, struct sockaddr_in *to); /* where its SDP wants the audio */
/* The Authorization header that answers the challenge with MD5 and qop=auth. */
struct digest_user {
	const char *name, *password, *method, *uri;
};
bool parts_authorize(struct out *o, const struct parts *m, const struct digest_user *u);

/* ---- things due: load_due.c ---- */

struct due {
	us_t at;
	uint64_t number;
	uint8_t kind, try;
};
struct lane { /* first in, first out: all of a lane wait equally long */
	struct due *ring;
	size_t head, n, cap;
};
void lane_add(struct lane *l, struct due d);
bool lane_take(struct lane *l, us_t now, struct due *d);
us_t lane_next(const struct lane *l); /* UINT64_MAX: empty */

#define T1_US 500000u
#define TRIES 7 /* 0.5 s, 1 s, 2 s ... 32 s */

/* ---- figures: load_due.c ---- */

struct histogram { /* of microseconds: 16 steps to each power of two */
	uint32_t n[40 * 16];
	uint64_t total;
};
void histogram_add(struct histogram *h, us_t us);
us_t histogram_at(const struct histogram *h, double part);

struct watched { /* the processes whose cost is measured */
	pid_t pids[16];
	unsigned n;
};
double watched_cpu(const struct watched *w); /* seconds of all threads, also of those that ended */
double watched_rss(const struct watched *w); /* bytes */

/* ---- the modes ---- */

struct phase { /* an offered rate for a time */
	double rate, seconds, hold;
};
#define PHASES_MAX 32

struct load {
	struct sockaddr_in server, uac, uas;
	struct watched watched;
	struct phase phases[PHASES_MAX + 1];
	unsigned n_phases;
	unsigned up;     /* call: that many are up all the time */
	double ramp;     /* call: how fast those are set up and taken down, calls/s */
	double patience; /* seconds until an unanswered request is a failure */
	bool retry_after;
	const char *series;                     /* call: a file that gets a line for every 100 ms */
	unsigned users, contacts, rounds, part; /* register */
	double rate;                            /* register */
	const char *password;
	const char *ns[2];    /* the caller's and the callee's network namespace */
	double seconds, warm; /* rtp: that long; before that, unmeasured */
	unsigned times;       /* rtp: so often */
	unsigned tick;        /* rtp: microseconds between batches */
	bool delay;           /* rtp: measure delay, not processor time */
	const char *routes;   /* rtp: a file */
	char **command;       /* options */
};
struct route_pair { /* of a call: where the caller's packets go to, and the callee's */
	struct sockaddr_in to[2];
};
#define RTP_OFFSET 1000 /* an end's audio port is its SIP port and this */
struct sockaddr_in load_rtp_of(const struct sockaddr_in *sip);
void load_speak(const struct load *l, const struct route_pair *routes,
		unsigned n); /* l->times for l->seconds; prints */
int load_rtp(struct load *l);
int load_calls(struct load *l);
int load_register(struct load *l);
int load_options(struct load *l);
