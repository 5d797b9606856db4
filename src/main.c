/*
 * main.c: arguments and subcommands; builds the objects bottom up (loop, store, ctl, pbx), connects them, runs, and
 * takes them down in the opposite order. The only place that knows all of them.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/trace.h"
#include "ctl/ctl.h"
#include "io/heap.h"
#include "sim/lab.h"

#define STOP_LOOK 20    /* ms between looks at whether the last call has ended */
#define TIDY_EACH 10000 /* ms between looks at the memory that is free but not given back */
#define STOP_MAX  5000  /* ms that "now" may take: BYEs and un-REGISTERs get their answers, or do not */

struct args {
	const char *program, *conf, *run, *state, *command; /* program: as it was called; command: of -rx */
	bool remote, welcome, lab, json, measure;
	const char *ask, *about;   /* a subcommand that asks the running server, and of what */
	const char *where, *phone; /* of the lab; NULL: all */
	int verbose, debug;        /* how many letters v and d */
	char **check, **probe;     /* the words after `check`, `probe` */
};

struct server {
	struct args args;
	struct clock clock;
	struct io_loop *loop;
	struct store *store;
	struct ctl *ctl;
	struct pbx *pbx;
	struct io_watch *media;
	struct timer stopping, tidy;
	size_t tidied;      /* bytes in use when memory was last given back */
	enum ctl_stop stop; /* asked for; STOP_NOW, too, once the last call has ended */
	ms_t stop_by;
	bool restart;
};

static const char usage[] =
	"hairpin " HAIRPIN_VERSION ": a SIP PBX whose calls work through NAT\n"
	"\n"
	"  hairpin [-v] [--conf DIR] [--run DIR] [--state DIR] [--welcome]\n"
	"                                  run in the foreground; -v logs each call; --welcome prints how to point a\n"
	"                                  phone at it\n"
	"  hairpin -rx \"COMMAND\"           one command on the running server ('core show help' lists them)\n"
	"  hairpin -r                      the console of the running server\n"
	"  hairpin why [CALL|last|all] [--json]\n"
	"                                  why a call on the running server has no audio, and what to set\n"
	"  hairpin doctor [--measure] [--json]\n"
	"                                  what the running server sees of its NAT, its phones and its calls; "
	"--measure\n"
	"                                  asks the phones from another port first\n"
	"  hairpin probe --listen [PORT]   on another machine: wait for the question that follows\n"
	"  hairpin probe HOST[:PORT] --key KEY [--conf DIR]\n"
	"                                  do SIP and audio arrive here from there, and is SIP changed on the way?\n"
	"  hairpin check [--conf DIR] [--asterisk] [--json] [--fix [--write]] [--address ADDRESS/LENGTH]\n"
	"                                  read the configuration and say what will go wrong, and how to mend it\n"
	"  hairpin lab [--conf DIR] [--json] [--where PLACE] [--phone PLACE]\n"
	"                                  try it in a simulator, behind each kind of NAT: which calls have audio, and "
	"what\n"
	"                                  would have to change; both places given: the messages, too\n"
	"  hairpin --version | --help\n"
	"\n"
	"  --conf   folder of pjsip.conf, extensions.conf, rtp.conf: /etc/hairpin, else /etc/asterisk\n"
	"  --run    folder of the control socket: /run/hairpin\n"
	"  --state  folder of what outlives a restart: /var/lib/hairpin\n";

/* ---- memory ---- */

/* What a rush of calls left behind goes back to the system once it is over: the allocator alone would keep it. */
static void on_tidy(struct timer *t, ms_t now UNUSED)
{
	struct server *s = container_of(t, struct server, tidy);

	if (!io_is_busy(s->loop)) {
		io_rest(s->loop);
		pbx_rest(s->pbx);
		heap_tidy(&s->tidied);
	}
	clock_in(&s->clock, t, TIDY_EACH);
}

/* ---- stopping ---- */

static void on_stopping(struct timer *t, ms_t now)
{
	struct server *s = container_of(t, struct server, stopping);

	if (s->stop != STOP_NOW && !pbx_in_call(s->pbx)) {
		s->stop = STOP_NOW;
		s->stop_by = now + STOP_MAX;
		pbx_stop(s->pbx, true);
	}
	if (s->stop == STOP_NOW && (pbx_is_idle(s->pbx) || now >= s->stop_by))
		io_stop(s->loop);
	else
		clock_in(&s->clock, &s->stopping, STOP_LOOK);
}

static bool stop(void *arg, enum ctl_stop how, bool restart)
{
	static const char *const when[] = { [STOP_CONVENIENT] = "when no call goes on",
					    [STOP_GRACEFULLY] = "after the last call",
					    [STOP_NOW] = "now" };
	struct server *s = arg;

	if (how < s->stop || (how == s->stop && (restart || !s->restart)))
		return false;
	trace(EV_CORE_STOP, NULL, "%s %s", restart ? "restarting" : "stopping", when[how]);
	s->restart = restart;
	if (how == s->stop) /* a restart goes on, and will be none */
		return true;
	s->stop = how;
	s->stop_by = s->clock.now + STOP_MAX; /* of "now" */
	if (how >= STOP_GRACEFULLY)
		pbx_stop(s->pbx, how == STOP_NOW);
	clock_in(&s->clock, &s->stopping, STOP_LOOK);
	return true;
}

static bool abort_stop(void *arg)
{
	struct server *s = arg;

	if (s->stop == STOP_NOT || s->stop == STOP_NOW || !pbx_resume(s->pbx))
		return false;
	trace(EV_CORE_STOP, NULL, "the %s is cancelled", s->restart ? "restart" : "shutdown");
	s->stop = STOP_NOT;
	s->restart = false;
	clock_stop(&s->clock, &s->stopping);
	return true;
}

static void on_signal(void *arg, int signo)
{
	struct server *s = arg;

	if (signo == SIGHUP) {
		ctl_reload(s->ctl, NULL, NULL);
	} else if (!stop(s, STOP_NOW, false)) {
		s->restart = false;
		io_stop(s->loop); /* asked twice: at once */
	}
}

/* ---- starting ---- */

static void on_media(void *arg)
{
	struct server *s = arg;

	pbx_media_poll(s->pbx);
}

/* Makes the folder and those above it; 0 or -errno. */
static int make_folder(const char *path, mode_t mode)
{
	char *copy = xstrdup(path);
	int err = 0;

	for (char *p = copy + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		mkdir(copy, 0755);
		*p = '/';
	}
	if (mkdir(copy, mode) < 0 && errno != EEXIST)
		err = -errno;
	free(copy);
	return err;
}

static void print_diag(const struct diag *d)
{
	struct out o = out_growing();

	ctl_out_diag(&o, d);
	fwrite(o.p, 1, o.n, stderr);
	out_free(&o);
}

/* Each call takes up to four ports; the soft limit of 1024 is for programs that use select(). */
static void raise_file_limit(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur < r.rlim_max) {
		r.rlim_cur = r.rlim_max;
		setrlimit(RLIMIT_NOFILE, &r);
	}
}

static int fail(const char *what, const char *path, const char *why)
{
	fprintf(stderr, "hairpin: %s %s: %s\n", what, path, why);
	return -1;
}

/* One server per state folder: the lock goes with the process, however it ends. */
static int lock_state(const struct server *s)
{
	char *path = xasprintf("%s/lock", s->args.state);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	int err = fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0 ? errno : 0;

	free(path);
	if (err)
		return fail("cannot use", s->args.state,
			    err == EWOULDBLOCK ? "another server keeps its state there" : strerror(err));
	return 0; /* fd stays open */
}

static int open_store(struct server *s)
{
	int err = make_folder(s->args.state, 0750);
	char *path, *why = NULL;

	if (err < 0)
		return fail("cannot make", s->args.state, strerror(-err));
	if (lock_state(s) < 0)
		return -1;
	path = xasprintf("%s/state.db", s->args.state);
	s->store = store_sqlite(s->loop, path, &why);
	free(path);
	if (!s->store)
		fail("cannot open", "the state", why);
	free(why);
	return s->store ? 0 : -1;
}

/* The socket comes before the PBX: a second server must not touch the ports and the state of the first. */
static int open_ctl(struct server *s)
{
	struct ctl_config cfg = { .loop = s->loop,
				  .conf_dir = s->args.conf,
				  .verbose = s->args.verbose,
				  .debug = s->args.debug,
				  .arg = s,
				  .stop = stop,
				  .abort_stop = abort_stop };
	int err = make_folder(s->args.run, 0755);
	char *path;

	if (err < 0)
		return fail("cannot make", s->args.run, strerror(-err));
	s->ctl = ctl_new(&cfg);
	path = xasprintf("%s/hairpin.ctl", s->args.run);
	err = ctl_serve(s->ctl, path);
	if (err < 0)
		fail("cannot listen on", path, err == -EADDRINUSE ? "a server runs there already" : strerror(-err));
	free(path);
	return err;
}

static int open_pbx(struct server *s)
{
	struct conf_source source = conf_source_dir(&s->args.conf);
	struct pbx_config cfg = { .clock = &s->clock,
				  .net = io_net(s->loop),
				  .store = s->store,
				  .arg = s->ctl,
				  .wire = ctl_wire,
				  .rtp = ctl_rtp,
				  .packet = ctl_packet,
				  .ended = ctl_ended,
				  .cdr = ctl_cdr,
				  .hosts = ctl_hosts };
	struct diag why = { 0 };
	struct conf *c = conf_load_placed(&source, &why);
	struct out findings = out_growing();
	struct net_sink sink;
	bool said;

	if (c) {
		pbx_review(c, &why);
		ctl_out_findings(&findings, c, s->args.conf);
		conf_forget_places(c);
		s->pbx = pbx_new(&cfg, c, &why);
	}
	conf_unref(c);
	print_diag(&why);
	fwrite(findings.p, 1, findings.n, stderr);
	out_free(&findings);
	said = why.errors > 0;
	diag_free(&why);
	if (!s->pbx)
		return fail("cannot start with", s->args.conf,
			    said ? "see the errors above" : "no transport can listen");
	sink = pbx_sink(s->pbx);
	io_set_sink(s->loop, &sink);
	ctl_set_pbx(s->ctl, s->pbx);
	s->media = io_watch(s->loop, pbx_media_fd(s->pbx), on_media, s);
	return 0;
}

static void take_down(struct server *s)
{
	if (s->ctl)
		ctl_set_pbx(s->ctl, NULL);
	io_unwatch(&s->media);
	io_set_sink(s->loop, NULL);
	clock_stop(&s->clock, &s->stopping);
	clock_stop(&s->clock, &s->tidy);
	if (s->pbx)
		pbx_free(s->pbx);
	store_close(&s->store);
	ctl_free(&s->ctl);
	io_free(&s->loop);
}

static void print_welcome(struct server *s)
{
	struct out o = out_growing();

	ctl_welcome(s->pbx, &o);
	out_fmt(&o, "Its console: %s --run %s -r\n\n", s->args.program, s->args.run);
	fwrite(o.p, 1, o.n, stdout);
	fflush(stdout);
	out_free(&o);
}

/* Returns the exit status, or -1 to start again. */
static int serve(const struct args *args)
{
	struct server s = { .args = *args, .stopping.fire = on_stopping, .tidy.fire = on_tidy };
	bool ok;

	raise_file_limit();
	heap_begin();
	s.loop = io_new(&s.clock);
	io_signals(s.loop, on_signal, &s);
	ok = open_ctl(&s) == 0 && open_store(&s) == 0 && open_pbx(&s) == 0;
	if (ok) {
		trace(EV_CORE_START, NULL, "hairpin " HAIRPIN_VERSION ", configuration %s", args->conf);
		if (args->welcome)
			print_welcome(&s);
		clock_in(&s.clock, &s.tidy, TIDY_EACH);
		io_run(s.loop);
	}
	take_down(&s);
	return ok ? s.restart ? -1 : 0 : 1;
}

/* ---- the rest of the command line ---- */

/* 0: every call that can have audio has it; 1: some do not; 2: the configuration or the arguments are wrong. */
static int lab(const struct args *args)
{
	const char *dir = args->conf;
	struct conf_source source = conf_source_dir(&dir);
	struct lab_ask ask = {
		.source = &source, .label = dir, .where = args->where, .phone = args->phone, .json = args->json
	};
	struct diag why = { 0 };
	struct out o = out_growing();
	int status = lab_run(&ask, &o, &why);

	if (status == LAB_WRONG)
		print_diag(&why);
	fwrite(o.p, 1, o.n, stdout);
	out_free(&o);
	diag_free(&why);
	return status;
}

static int wrong(const char *what, const char *word)
{
	fprintf(stderr, "hairpin: %s '%s' (--help shows what there is)\n", what, word);
	return 2;
}

/* "-rx", "-r -x", "-x": Asterisk's letters, together or apart. False: not such an option. */
static bool take_letters(struct args *a, const char *word, char **next)
{
	if (word[0] != '-' || word[1] == '-' || !word[1] || strspn(word + 1, "rRxcfvgnqdT") != strlen(word + 1))
		return false;
	a->remote |= strpbrk(word, "rRx") != NULL;
	for (const char *p = word; *p; p++) {
		a->verbose += *p == 'v';
		a->debug += *p == 'd';
	}
	if (strchr(word, 'x'))
		a->command = *next ? *next : "";
	return true;
}

static const char **word_option(struct args *a, const char *word)
{
	return strcmp(word, "--conf") == 0    ? &a->conf
	       : strcmp(word, "--run") == 0   ? &a->run
	       : strcmp(word, "--state") == 0 ? &a->state
	       : strcmp(word, "--where") == 0 ? &a->where
	       : strcmp(word, "--phone") == 0 ? &a->phone
					      : NULL;
}

/* -1: go on; else the exit status. */
static int parse(struct args *a, char **argv)
{
	for (char **p = argv + 1; *p; p++) {
		const char *word = *p, **value = word_option(a, word);

		if (value && !p[1])
			return wrong("nothing after", word);
		if (value) {
			*value = *++p;
		} else if (take_letters(a, word, p + 1)) {
			p += strchr(word, 'x') && p[1] ? 1 : 0;
		} else if (strcmp(word, "--welcome") == 0) {
			a->welcome = true;
		} else if (strcmp(word, "check") == 0) {
			a->check = p + 1;
			return -1;
		} else if (strcmp(word, "probe") == 0) {
			a->probe = p + 1;
			return -1;
		} else if (strcmp(word, "lab") == 0) {
			a->lab = true;
		} else if (strcmp(word, "--json") == 0) {
			a->json = true;
		} else if (strcmp(word, "--measure") == 0) {
			a->measure = true;
		} else if (strcmp(word, "why") == 0 || strcmp(word, "doctor") == 0) {
			a->ask = word;
			a->about = p[1] && p[1][0] != '-' ? *++p : "";
		} else if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
			fputs(usage, stdout);
			return 0;
		} else if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0) {
			puts("hairpin " HAIRPIN_VERSION);
			return 0;
		} else {
			return wrong("unknown argument", word);
		}
	}
	return -1;
}

/* A command on the running server, or its console; "hairpin why CALL" and "hairpin doctor" are commands, too. */
static int remote(const struct args *a)
{
	char *path = xasprintf("%s/hairpin.ctl", a->run);
	char *asked = a->ask ? xasprintf("%s %s%s", a->ask, a->about, a->json ? " json" : "") : NULL;
	const char *command = asked ? asked : a->command;
	int status;

	if (a->measure && a->ask && strcmp(a->ask, "doctor") == 0)
		ctl_remote_measure(path);
	status = command ? ctl_remote_command(path, command) : ctl_remote_console(path);

	free(asked);
	free(path);
	return status;
}

/* The path, not the file: after an upgrade "core restart" starts the new program. */
static int start_again(char **argv)
{
	char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
	static const char gone[] = " (deleted)";

	if (n > 0) {
		path[n] = '\0';
		if ((size_t)n > sizeof gone && strcmp(path + n - sizeof gone + 1, gone) == 0)
			path[n - (ssize_t)sizeof gone + 1] = '\0';
		execv(path, argv);
	}
	fprintf(stderr, "hairpin: cannot start again: %s\n", strerror(errno));
	return 1;
}

int main(int argc UNUSED, char **argv)
{
	struct args a = { .program = argv[0], .run = "/run/hairpin", .state = "/var/lib/hairpin" };
	int status = parse(&a, argv);

	if (status >= 0)
		return status;
	if (!a.conf)
		a.conf = access("/etc/hairpin/pjsip.conf", R_OK) == 0 ? "/etc/hairpin" : "/etc/asterisk";
	if (a.remote || a.ask)
		return remote(&a);
	if (a.check)
		return ctl_check(a.check, a.conf);
	if (a.probe)
		return ctl_probe(a.probe, a.conf);
	if (a.lab)
		return lab(&a);
	status = serve(&a);
	return status < 0 ? start_again(argv) : status;
}
