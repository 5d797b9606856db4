/*
 * media/shared.h: all ports of a worker heard by one socket (of each family), and all that it sends going out through
 * one: many packets in one system call. A program in the kernel (steer.bpf.c) says which packets are ours; what is sent
 * is written with its headers. A port's own socket only keeps the port for us, and where files are short there is none.
 */
#pragma once
#include "media/priv.h"
#include "media/steer.h"

struct shared;
struct steer; /* the program */

/* ---- the signalling thread's ---- */

struct shared_config {
	unsigned workers, ports; /* ports: that can be open at one time */
};
/* NULL: *why says why not, in words for the administrator; owned by nobody. */
struct shared *shared_start(const struct shared_config *c, const char **why);
void shared_stop(struct shared *sh);                          /* the workers are over */
struct lane *shared_lane(struct shared *sh, unsigned worker); /* the worker's part */
const struct media_io *shared_io(const struct shared *sh);    /* what closes these ports */
/*
 * As ports_open(); this worker will hear them, from now on. Bare: without sockets of their own. A port with a socket
 * may still be one that is not shared.
 */
int shared_ports(struct shared *sh, const struct ports_ask *ask, struct rng *rng, unsigned worker, struct ports **out);
int shared_bare_ports(struct shared *sh, const struct ports_ask *ask, struct rng *rng, unsigned worker,
		      struct ports **out);
uint32_t shared_priority(struct shared *sh, const struct addr *bind, uint8_t tos); /* as udp_tos(), of bare ports */

/* Zeroed, from the kernel: what nobody has touched yet is not there. munmap() gives it back. */
void *shared_pages(size_t size);

/* ---- the worker's ---- */

struct lane *lane_new(struct steer *st, unsigned number, const char **why);
void lane_free(struct lane *l);
bool lane_hears(const struct lane *l, bool v6);
void lane_begin(struct lane *l, struct worker *w, int epoll); /* its events name a sock without ports */
void lane_turn(struct lane *l, ms_t now);
bool lane_watch(struct lane *l, struct sock *k, bool on);                                 /* false: it must be polled */
void lane_leave(struct lane *l, struct sock *k);                                          /* before it is closed */
void lane_send(struct lane *l, struct sock *k, const struct addr *to, struct span bytes); /* at the turn's end */
void lane_hear(struct lane *l, const struct sock *in, uint32_t events, ms_t now);
void lane_flush(struct lane *l);

/* The id of a sock that has no file. */
#define SOCK_BARE (1u << 31)

/* ---- steer.c ---- */

struct steer *steer_load(unsigned workers, unsigned ports, const char **why);
bool steer_attach(struct steer *s, const char **why);
void steer_free(struct steer *s);
bool steer_socket(struct steer *s, unsigned worker, bool v6, int fd);
bool steer_nobody(struct steer *s, bool v6, int fd);                     /* makes it deaf, too */
bool steer_put(struct steer *s, const struct addr *at, unsigned worker); /* whoever had it before */
void steer_del(struct steer *s, const struct addr *at);
bool steer_has(const struct steer *s, const struct addr *at); /* not on any address */
uint64_t steer_refused(const struct steer *s);                /* packets of floods */

/* ---- datagram.c ---- */

#define DATAGRAM_HEAD 48 /* of IP and UDP, at most */
/* IP and UDP headers and the bytes; `at` has room for both. IPv4's header checksum is left to the kernel. */
size_t datagram_write(uint8_t *at, const struct addr *from, const struct addr *to, unsigned tos, struct span bytes);
void datagram_may_fragment(uint8_t *at); /* takes DF off an IPv4 datagram */
