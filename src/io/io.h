/*
 * io/io.h: the world of sockets, files and threads. The only folder that knows libuv, signalling sockets and c-ares.
 * One loop, one thread: every callback comes from io_run() on the thread that called it, with the clock already set;
 * due timers of the clock run between callbacks. Errors are -errno.
 */
#pragma once
#include "base/clock.h"
#include "base/net.h"

struct io_loop;

/* ---- the loop ---- */

/* Takes over the clock: sets its time, seeds its rng from the kernel, runs its timers. The clock outlives the loop. */
struct io_loop *io_new(struct clock *clock);
void io_run(struct io_loop *l);           /* until io_stop() */
bool io_is_busy(const struct io_loop *l); /* so many datagrams come that it lets them gather */
void io_rest(struct io_loop *l);          /* from a timer: gives back the room for batches until it is needed again */
void io_stop(struct io_loop *l);          /* from a callback; io_run() returns soon after it */
/* Closes every socket without a word and waits for the work in progress. Clears the handle; NULL is fine. */
void io_free(struct io_loop **l);
struct clock *io_clock(struct io_loop *l);

/* Calls ready(arg) whenever fd can be read. The fd stays the caller's and must outlive the watch. */
struct io_watch;
struct io_watch *io_watch(struct io_loop *l, int fd, void (*ready)(void *arg), void *arg);
void io_unwatch(struct io_watch **w); /* clears the handle; NULL is fine */

/* Runs work(arg) on a thread of the pool, then done(arg) from the loop. `done` may be NULL. */
void io_work(struct io_loop *l, void (*work)(void *arg), void (*done)(void *arg), void *arg);
void io_work_wait(struct io_loop *l); /* blocks until no work is left and every `done` was called */

/* SIGTERM, SIGINT and SIGHUP go to fn from now on; SIGPIPE and SIGXFSZ are ignored. Once per loop. */
void io_signals(struct io_loop *l, void (*fn)(void *arg, int signo), void *arg);

/* ---- the network (base/net.h) ---- */

struct net io_net(struct io_loop *l);
void io_set_sink(struct io_loop *l, const struct net_sink *sink); /* copied; NULL: events are dropped */
/* Reads resolv.conf and the hosts file again, and asks open questions anew. Without it their changes are seen anyway.
 */
void io_dns_reload(struct io_loop *l);
/* For tests: other files, and a name server (NULL: as in resolv.conf) as "address:port". */
void io_dns_files(struct io_loop *l, const char *hosts, const char *server);

/* What a TLS listener with these files would show. 0, or -EINVAL with the phrase in why. Any thread. */
int io_tls_look(const struct net_tls *t, struct net_cert *c);

/* Addresses of the host's interfaces that are up, at most max. Returns how many. */
struct io_interface {
	char name[32];
	struct addr addr; /* port 0 */
	uint8_t len;      /* of its network's prefix */
};
size_t io_interfaces(struct io_interface *list, size_t max);

/* ---- the console's socket: a line goes in, frames come back ---- */

struct io_server;
struct io_console;           /* one connected client; the server's */
#define IO_CONSOLE_LINE 8191 /* bytes that a line may have */
struct io_console_user {
	void *arg;
	void (*line)(void *arg, struct io_console *c, struct span line); /* without its line end */
	/* A longer one: what it begins with; the rest is skipped. */
	void (*too_long)(void *arg, struct io_console *c, struct span begin);
	void (*gone)(void *arg, struct io_console *c); /* the client went away; the last call with it */
};
/*
 * Listens on a Unix socket at `path` that only this user (and root) may open. A socket file that nobody listens on is
 * replaced. NULL with *err: -EADDRINUSE when another server answers there.
 */
struct io_server *io_serve(struct io_loop *l, const char *path, const struct io_console_user *u, int *err);
/* Sends what is queued if it goes at once, closes every client (gone is not called), removes the file. */
void io_server_free(struct io_server **s);
/* A frame of one kind. Queued; a client that does not read is closed when too much waits. */
void io_console_send(struct io_console *c, char kind, struct span bytes);
size_t io_console_waiting(const struct io_console *c); /* bytes queued: skip what can be skipped */

/* The client: blocks, needs no loop. */
int io_console_open(const char *path); /* an fd (the caller closes it) or -errno */
int io_console_ask(int fd, struct span line);
/* Reads one frame and appends its text. 0, or -errno; -EPIPE: the server is gone. */
int io_console_read(int fd, char *kind, struct out *text);
