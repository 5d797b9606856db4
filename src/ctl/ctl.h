/*
 * ctl/ctl.h: commands as data, and the remote console, both ends. The server half lives on the loop's thread; the
 * client half (ctl_remote_*) blocks and needs no loop.
 */
#pragma once
#include "io/io.h"
#include "pbx/pbx.h"

struct ctl;

/* When the server goes down, the least urgent first: when no call happens to go on; after the calls that go on, and no
 * others are taken; now. */
enum ctl_stop { STOP_NOT, STOP_CONVENIENT, STOP_GRACEFULLY, STOP_NOW };

struct ctl_config {
	struct io_loop *loop;
	const char *conf_dir; /* read again by `reload`; must outlive the ctl */
	bool quiet;           /* nothing goes to stderr */
	int verbose, debug;   /* how much is logged, as in "core set verbose" */
	void *arg;
	/*
	 * "core stop|restart …": asked from a command; returns at once. False: one that is as urgent goes on; but a
	 * stop makes a stop of a restart that is as urgent.
	 */
	bool (*stop)(void *arg, enum ctl_stop how, bool restart);
	bool (*abort_stop)(void *arg); /* false: none goes on, or calls end already */
};
/* From here on events are printed on stderr. */
struct ctl *ctl_new(const struct ctl_config *c);
void ctl_set_pbx(struct ctl *c, struct pbx *p); /* before the first command; NULL when it goes */
/* Opens the console's socket. 0 or -errno (-EADDRINUSE: a server runs there already). */
int ctl_serve(struct ctl *c, const char *path);
void ctl_free(struct ctl **c);

/* Runs one command line; its output is appended. Returns the exit status, 0 or 1; CTL_RELOAD: ctl_reload() answers. */
#define CTL_RELOAD (-1)
int ctl_run(struct ctl *c, struct span line, struct out *o);
/* Words that may come next at the end of `line`, one a line: the whole last word of each. */
void ctl_complete(struct ctl *c, struct span line, struct out *o);
/*
 * Reads the configuration on another thread, and adopts it or keeps the old one whole. done (may be NULL) is called
 * from the loop, or when the server goes, with what was found and the exit status. While one is read, who asks gets one
 * that begins after it.
 */
typedef void ctl_answer(void *arg, struct span text, int status);
void ctl_reload(struct ctl *c, ctl_answer *done, void *arg);

/* For struct pbx_config: arg is the ctl. */
void ctl_wire(void *ctl, const struct flow *f, bool sent, struct span bytes);
void ctl_rtp(void *ctl, const char *line);
void ctl_packet(void *ctl, const struct addr *from, const struct addr *to, struct span bytes);
void ctl_ended(void *ctl, const struct pbx_why_info *i);
void ctl_cdr(void *ctl, struct span line, const char *account);
size_t ctl_hosts(void *ctl, struct lint_host *v, size_t max); /* our own addresses; ctl is not looked at */

/* Every diagnostic as "file:line: phrase", one a line. */
void ctl_out_diag(struct out *o, const struct diag *d);
/*
 * `hairpin check` with the words that follow it; conf: the folder unless they name one. Prints what the configuration
 * will do, and mends it when asked. Returns the exit status: 0 nothing to do, 1 errors or warnings, 2 cannot be read.
 */
int ctl_check(char **words, const char *conf);
/*
 * `hairpin probe` with the words that follow it; conf: the folder unless they name one. Returns the exit status: 0 all
 * arrives as it should, 1 something does not, 2 it cannot be tried.
 */
int ctl_probe(char **words, const char *conf);
/* "3 findings: hairpin check", when there are errors or warnings that only `check` tells. */
void ctl_out_findings(struct out *o, const struct conf *c, const char *conf_dir);
/* How to point a phone at this server, and what it sees of its NAT: for the terminal of `make run`. */
void ctl_welcome(struct pbx *p, struct out *o);

/* One command on the server behind the socket: prints its output. Returns its exit status, 1 when there is none. */
int ctl_remote_command(const char *path, const char *line);
/* "doctor measure" there, without a word, and the time that it takes. */
void ctl_remote_measure(const char *path);
/* The console, until EOF or "exit". Returns the exit status. */
int ctl_remote_console(const char *path);
