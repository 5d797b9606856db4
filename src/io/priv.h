/*
 * io/priv.h: what the files of this folder share. Not for others.
 *
 * Every socket is an own, non-blocking fd watched by a uv_poll. A socket that is closed leaves the table at once and
 * its fd is gone at once, but its memory stays until libuv has let go of the handle (uv_close's callback): code that
 * called out to the sink looks at `closed` before it goes on.
 */
#pragma once
#include <ares.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <uthash.h>
#include <uv.h>
#undef MIN /* <sys/param.h> has come along; base/util.h has the same under its own spelling: include this file first \
	    */
#undef MAX

#include "io/io.h"

/* ---- bytes that wait for a stream to take them (queue.c) ---- */

struct outq {
	struct list chunks;
	size_t n; /* bytes */
};
void outq_init(struct outq *q);
void outq_put(struct outq *q, struct span bytes);
struct tls_conn;
int outq_write(struct outq *q, int fd, struct tls_conn *tls); /* 0: empty now; -EAGAIN; -errno: broken */
void outq_free(struct outq *q);

/* ---- sockets of the network ---- */

enum sock_kind { SOCK_UDP, SOCK_LISTEN, SOCK_CONN };

struct sock {
	UT_hash_handle hh;
	struct io_loop *loop;
	uint32_t id, listener; /* listener: its own id unless it is a connection */
	enum sock_kind kind;
	int fd, events; /* events: what is polled for now */
	uv_poll_t poll;
	bool closed, connecting; /* connecting: nothing can be sent yet; TLS: or received */
	bool shaking, incoming;  /* shaking: TCP stands, TLS does not yet */
	struct tls *keys;        /* of a TLS listener */
	struct tls_conn *tls;    /* of a TLS connection */
	struct net_listen ask;   /* of the listener */
	struct addr bound, peer; /* peer: of a connection */
	struct list turn;        /* among those whose handshake waits */
	struct list packets;     /* UDP: waiting to be sent */
	size_t packets_n;
	bool gso;            /* UDP: may send several that go together (UDP_SEGMENT) */
	uint64_t behind_ns;  /* UDP: since then a turn has not read it to its end; 0: it has */
	uint64_t stamped_ns; /* when that was last so: the kernel notes when datagrams come; 0: it does not */
	uint64_t came_ns;    /* Unix time: when the first of the last batch came; 0: not known */
	struct outq out;     /* TCP */
	struct timer later;  /* a failure to be told, a connect that takes too long, accepting again */
	int err;
};

struct sock *sock_new(struct io_loop *l, enum sock_kind kind, int fd);
struct sock *sock_find(struct io_loop *l, uint32_t id);
void sock_poll(struct sock *s, int events); /* UV_READABLE, UV_WRITABLE or both */
void sock_close(struct sock *s);
struct flow sock_flow(const struct sock *s);
int sock_open(const struct net_listen *ask, int type); /* an fd with the options that UDP and TCP share, or -errno */
struct addr sock_local(int fd);

int udp_open(struct io_loop *l, const struct net_listen *ask, struct sock **out);

/* udp_out.c: one datagram. */
union udp_control { /* what a datagram is sent with: its source, and how it is cut */
	char room[CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(uint16_t))];
	struct cmsghdr align;
};
/* Fills h, whose name and control have their room. */
void udp_address(const struct sock *s, struct msghdr *h, const struct addr *local, const struct addr *peer);
/* 0 or -errno; -EAGAIN: no room in the kernel. */
int udp_send_one(struct sock *s, const struct addr *local, const struct addr *peer, struct span bytes);
int udp_enqueue(struct sock *s, const struct addr *local, const struct addr *peer, struct span bytes);
void udp_tell_failed(struct sock *s, const struct addr *peer, int err);

/* udp_batch.c: those of a turn. */
/* Sent at the end of the turn; what goes wrong then comes through sink.failed. 0, or -errno at once. */
int udp_send(struct sock *s, const struct flow *f, struct span bytes);
void udp_flush(struct io_loop *l); /* sends what this turn has to say */
void udp_forget(struct sock *s);   /* it is going to be closed */
void udp_send_queued(struct sock *s);
struct inbox;
struct inbox *inbox_new(char *room);
void udp_ready(struct sock *s, int events);
void udp_free_queue(struct sock *s);

int tcp_open(struct io_loop *l, const struct net_listen *ask, struct sock **out);
int tcp_connect(struct sock *listener, const struct addr *to, struct span name, struct sock **out);
int tcp_send(struct sock *s, struct span bytes);
void tcp_ready(struct sock *s, int events);
void tcp_shake_waiting(struct timer *t, ms_t now); /* the loop's shakes.again */

/* ---- TLS on a connection (tls.c) ---- */

struct tls; /* keys and rules */
/* 0, or -EINVAL with *out NULL and the phrase in why (NET_WHY bytes, may be NULL). */
int tls_load(const struct net_tls *t, char *why, struct tls **out);
void tls_free(struct tls **k); /* connections that began with them keep them */
/* On a socket that is connected. `name` is who is meant; outgoing ones only. */
struct tls_conn *tls_begin(const struct tls *k, int fd, bool incoming, struct span name);
int tls_shake(struct tls_conn *c, char *why);               /* 0: it stands; -EAGAIN; -errno with the phrase */
bool tls_wants_to_write(const struct tls_conn *c);          /* what the last -EAGAIN waits for: else to read */
ssize_t tls_read(struct tls_conn *c, char *room, size_t n); /* as recv() and send(), with errno */
ssize_t tls_write(struct tls_conn *c, const char *bytes, size_t n);
void tls_end(struct tls_conn **c); /* says goodbye if it can be said at once; before the socket is closed */

/* ---- names ---- */

struct dns;
struct dns *dns_new(struct io_loop *l);
void dns_free(struct dns *d);
void dns_ask(struct dns *d, uint64_t query, const char *name, enum dns_type type);

/* The answer section of a DNS message: records of that type, at most max. Returns how many, or -EBADMSG. */
long dns_parse(const uint8_t *msg, size_t n, enum dns_type type, struct dns_record *rs, size_t max);

/* /etc/hosts (hosts.c). */
struct hosts;
struct hosts *hosts_parse(struct span text);
struct hosts *hosts_read(const char *path); /* a missing file is an empty one */
void hosts_free(struct hosts *h);
/* Addresses of the family (4 or 6) for a name of either case, at most max. */
size_t hosts_find(const struct hosts *h, const char *name, uint8_t family, struct addr *as, size_t max);

/* ---- our own addresses and routes ---- */

struct netlink;
struct netlink *netlink_new(struct io_loop *l); /* NULL: this system does not tell */
void netlink_free(struct netlink *n);

struct addr gateway_find(uint8_t family);       /* family 0: there is none */
bool gateway_is_avoided(const struct addr *to); /* it has a route of its own */
bool gateway_route(const struct addr *to, const struct addr *bound, struct net_route *r); /* as struct net's route */

/* ---- UPnP-IGD (upnp.c): the rules of struct net's upnp ---- */

struct upnp;
struct upnp *upnp_new(struct io_loop *l);
void upnp_ask(struct upnp *u, uint64_t query, const struct net_upnp *ask);
void upnp_drop(struct upnp *u); /* what was asked and is not begun yet */
void upnp_free(struct upnp *u); /* gone in the loop's last turns; a question that is being asked is not waited for */

/* ---- the loop ---- */

#define RECV_BATCH 32
#define RECV_MOST  65536
#define RECV_ROOM  (RECV_MOST + 1344) /* apart: not each in the same lines of the cache */
#define SOURCES    64

struct source_cache { /* what the kernel said for a destination, for a moment */
	struct addr to, from;
	uint32_t listener;
	ms_t until;
};

struct io_loop {
	uv_loop_t uv;
	uv_timer_t wake; /* the one wake-up for clock->timers */
	uv_prepare_t turn;
	uv_signal_t signals[3];
	bool has_signals;
	void (*on_signal)(void *arg, int signo);
	void *signal_arg;
	struct clock *clock;
	struct net_sink sink;
	struct sock *socks; /* by id */
	struct sock *found; /* the one that was asked for last; may be NULL */
	uint32_t next_id;
	struct {                            /* how busy it is: loop.c */
		uint64_t began_ns, turn_ns; /* the window; this turn */
		unsigned turns, datagrams;  /* with datagrams in it, in this window; */
		unsigned seen;              /* of l->datagrams, when the last turn ended */
		bool on;
	} pace;
	struct {
		uint64_t due_ns;     /* handshakes of who connects to us have had their share until then */
		struct list waiting; /* for their turn */
		struct timer again;
	} shakes;
	unsigned datagrams;      /* received so far */
	struct udp_batch *batch; /* NULL: nothing was sent yet */
	unsigned backlog;        /* percent: of the socket that was read last */
	bool more;               /* a socket was left before it was empty: the next turn begins at once */
	char *room;              /* RECV_BATCH buffers: one batch of datagrams, or the bytes of one stream read */
	struct inbox *inbox;     /* the batch's headers, which point into room */
	struct source_cache sources[SOURCES];
	struct dns *dns;
	struct netlink *netlink;
	struct upnp *upnp;
	unsigned works;
};
void io_enter(struct io_loop *l); /* every callback from libuv begins with it: sets the clock */
