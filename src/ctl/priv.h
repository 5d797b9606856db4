/*
 * ctl/priv.h: what the files of this folder share. Not for others.
 *
 * A command is one row of a table (struct cmd). It puts rows with named columns (struct rows); how a kind of row looks
 * in the terminal is data, too (struct row_kind), so that another face can show the same rows in its own way.
 */
#pragma once
#include <regex.h>

#include "ctl/ctl.h"

/* ---- rows ---- */

enum { COLUMNS_MAX = 16 };

struct column {
	const char *name;
	const char *lead; /* printed before the value; NULL: nothing */
	short at;         /* where the value begins, or ends when right is set; 0: right behind what came before */
	bool right;
};
struct row_kind {
	const char *name;
	const char *label;                  /* what the line begins with */
	struct column columns[COLUMNS_MAX]; /* ends with one without name */
};
struct row {
	const struct row_kind *kind;
	bool gap; /* an empty line comes before it */
	size_t n;
	char *values[COLUMNS_MAX];
};
struct rows {
	const char *head, *foot; /* printed around; NULL: nothing */
	bool count;              /* "Objects found: N", or "No objects found." */
	size_t objects;
	bool gap; /* an empty line comes before the next row */
	struct row *rows;
	size_t n;
};
void rows_add(struct rows *r, const struct row_kind *kind);
void rows_put(struct rows *r, const char *fmt, ...) PRINTF(2, 3); /* the next column of the last row */
void rows_say(struct rows *r, const char *fmt, ...) PRINTF(2, 3); /* a row that is a sentence */
void rows_text(const struct rows *r, struct out *o);
void rows_free(struct rows *r);

/* ---- commands ---- */

struct call { /* one command being run */
	struct ctl *ctl;
	struct pbx *pbx;
	struct conf *conf;
	const struct cmd *cmd;
	struct span args; /* behind the command's own words */
	struct rows *rows;
	int status; /* 0; a command that cannot do what it was asked sets 1; CTL_RELOAD */
};
struct cmd {
	const char *words;
	/*
	 * What may follow: alternatives between '|', words of lower case literal, words of upper case names of things
	 * (ENDPOINT, AOR, …), optional ones in brackets. Help and completion come from it.
	 */
	const char *args;
	const char *help;
	void (*run)(struct call *c);
};
extern const struct cmd core_cmds[], pjsip_show_cmds[], pjsip_channel_cmds[], pjsip_cmds[], dialplan_cmds[],
	database_cmds[], music_cmds[], cdr_cmds[], state_cmds[], why_cmds[], doctor_cmds[]; /* each ends without
				       words */

/* The command that the line begins with, the longest one; *args: what follows. NULL: there is none. */
const struct cmd *cmd_find(struct span line, struct span *args);
void cmd_help(struct call *c); /* "core show help" */
/* Says "Usage: …" and sets the status. */
void cmd_usage(struct call *c, const char *words);
/* Says it and sets the status. */
void cmd_fail(struct call *c, const char *fmt, ...) PRINTF(2, 3);

/* ---- "pjsip show" and "pjsip list" (show_walk.c) ---- */

#define LINE "==========================================================================================\n"
#define LIKE "[like PATTERN]" /* what may follow such a command */

struct walk { /* one command that walks over things */
	struct call *c;
	const char *name; /* of the endpoint or AOR being shown */
	const struct row_kind *kind;
	size_t found;
	bool list; /* a line for each, without what belongs to it */
	bool some; /* those like the pattern only */
	regex_t pattern;
};
/* Reads the command's arguments: none, or "like PATTERN". False: something is wrong with them, which is said. */
bool walk_begin(struct walk *w, struct call *c);
bool walk_wants(struct walk *w, const char *name); /* is it like the pattern? Then it is counted */
void walk_end(struct walk *w);                     /* says how many */
void show_put_channel(struct call *c, const struct row_kind *kind, const struct pbx_call_info *i);

/* ---- verdicts (why.c) ---- */

struct json_t;
void why_out(struct out *o, const struct pbx_why_info *i);
void why_out_finding(struct out *o, const struct finding *f); /* several lines; indent the first yourself */
struct json_t *why_json(const struct pbx_why_info *i);
struct json_t *why_json_finding(const struct finding *f);
struct json_t *why_json_text(const char *s);         /* whatever bytes it has */
void why_say_json(struct call *c, struct json_t *j); /* takes it over */

/* doctor_net.c: into the picture, or (not NULL) the JSON object */
void doctor_routes(struct out *o, struct json_t *json, const struct server_facts *s);
void doctor_forwarding(struct out *o, struct json_t *json, const struct call *c, const struct server_facts *s);

/* ---- the call record (calllog.c) ---- */

struct calllog;
struct calllog *calllog_new(struct clock *clock, const char *path);
bool calllog_is(const struct calllog *l, const char *path); /* NULL: the one without a path */
void calllog_put(struct calllog *l, const struct pbx_why_info *i);
void calllog_free(struct calllog **l); /* NULL is fine */

/* ---- records of calls (cdrlog.c) ---- */

struct cdrlog;
struct cdrlog *cdrlog_new(struct io_loop *loop);
/* The line will be in DIR/Master.csv, and in DIR/ACCOUNT.csv if there is an account. */
void cdrlog_put(struct cdrlog *l, const char *dir, struct span text, const char *account);
void cdrlog_free(struct cdrlog **l); /* writes what waits; blocks. NULL is fine */

/* ---- the server ---- */

struct pcap;    /* pcap.c */
struct logger { /* "pjsip set logger" */
	bool on, silent;
	struct pcap *pcap; /* NULL: no file is written */
	bool pcap_rtp;
	int pcap_err;     /* the last one ended by itself */
	struct addr host; /* family 0: every peer */
};
struct ctl {
	struct ctl_config cfg;
	struct pbx *pbx;
	struct io_server *server;
	struct list watchers; /* consoles that see the log */
	struct logger logger;
	struct calllog *calllog; /* NULL: none is kept */
	struct cdrlog *cdrlog;   /* NULL: no call had a record yet */
	int listener;
	int verbose, debug;
	ms_t started, reloaded;
	struct reload *reload;    /* NULL: none is read */
	struct list reload_asked; /* for the next one */
	struct out log;           /* lines for stderr */
	struct timer log_timer;
	int64_t stamp_second;
	char stamp[32]; /* of that second */
};
void ctl_own(struct ctl *c, struct conf *conf);     /* the loop's pool frees it, when nobody has it any more */
void reload_forget(struct ctl *c, const void *arg); /* who asked with it hears no answer */
void reload_abandon(struct ctl *c);                 /* nothing is adopted; everybody hears that the server stops */
void ctl_log(struct ctl *c, const char *text);      /* to stderr and to every console that watches; adds the line end */
void logger_set(struct call *c);                    /* "pjsip set logger" */
void logger_begin(struct ctl *c);
struct pcap_ask {
	struct clock *clock;
	const char *path;
	uint64_t most; /* bytes: at the first packet that would make it longer, the capture ends */
	/* From the loop: it has ended by itself, which an event has said; pcap_close() is still to be called. */
	void (*ended)(void *arg);
	void *arg;
};
/* A new capture file (an old one is replaced), readable by us alone; NULL and errno when it cannot be written. */
struct pcap *pcap_open(const struct pcap_ask *ask);
void pcap_put(struct pcap *p, const struct addr *from, const struct addr *to, struct span bytes);
/* NULL is fine. 0, or -errno when not all that was put is in the file: -EFBIG at the limit. */
int pcap_close(struct pcap **p);
void logger_end(struct ctl *c);
void logger_level(struct ctl *c); /* verbose or debug changed */
void logger_watch(struct ctl *c, struct io_console *console);
void logger_unwatch(struct ctl *c, struct io_console *console);

/*
 * What goes over the console's socket. A request is one line: its kind, a space, the text. Frames that come back are
 * ASK_RUN: output and the end with the exit status; ASK_COMPLETE: output and the end; ASK_WATCH: log lines from then
 * on.
 */
#define ASK_RUN      'r'
#define ASK_COMPLETE 't'
#define ASK_WATCH    'w'
#define FRAME_OUTPUT 'o'
#define FRAME_END    'e'
#define FRAME_LOG    'l'
