/*
 * bench/sipload.c: a load generator for SIP servers: whole calls, registrations, the time until a server answers.
 * One process plays both ends of all calls, in batches, so that it costs less than what it measures. Loopback or
 * network namespaces only: it refuses to send anywhere else. What it prints is one line of JSON for each step.
 */
#include <arpa/inet.h>
#include <getopt.h>
#include <stdlib.h>

#include "load.h"

static const char usage[] =
	"usage: sipload call|register|options|rtp [options] [-- command]\n"
	"\n"
	"  --server A:P    the server: 127.0.0.1:5070\n"
	"  --uac A:P       where callers and users are: 127.0.0.2:5061\n"
	"  --uas A:P       where callees are: 127.0.0.3:5062\n"
	"  --pid N         a process whose processor time and memory are measured; may be given again\n"
	"  --uac-ns NAME --uas-ns NAME  the network namespaces that these are in\n"
	"  --patience S    seconds until what was not answered is a failure: 10\n"
	"\n"
	"  call\n"
	"  --phase RATE,SECONDS[,HOLD]  offers RATE calls/s for SECONDS; each is up for HOLD seconds (0.1). Again: the "
	"next\n"
	"  --up N          N calls that are up from before the first phase until after the last\n"
	"  --ramp RATE     how fast those are set up and taken down: 500 calls/s\n"
	"  --retry-after   offers nothing for as long as a 503 asks for\n"
	"  --series FILE   offered, answered and shed calls/s, a line for each 100 ms\n"
	"\n"
	"  register: users u0, u1, ... with one password\n"
	"  --users N       1000, of password --password TEXT: secret\n"
	"  --contacts N    of all users together: as many\n"
	"  --rate RATE     1000 registrations/s\n"
	"  --rounds N      the second and later ones refresh: 1\n"
	"  --part N        a line after each N registrations, not only after each round\n"
	"\n"
	"  rtp: audio both ways through a relay; with call, through the calls that are up (--up)\n"
	"  --routes FILE   for each call a line: where the caller sends to, where the callee sends to\n"
	"  --seconds S --warm S  measured, and unmeasured before that: 0, 1\n"
	"  --times N       measured so often, a line each: 1\n"
	"  --tick US       microseconds between batches: 200\n"
	"  --delay         measures delay instead of processor time: every packet for itself\n"
	"\n"
	"  options: from the start of the command after -- to its first answer\n";

static struct sockaddr_in local(const char *text)
{
	struct sockaddr_in a = load_addr(text);
	uint32_t ip = ntohl(a.sin_addr.s_addr);

	if (ip >> 24 != 127 && ip >> 17 != (198u << 7 | 18 >> 1))
		load_die("neither loopback nor 198.18.0.0/15 (RFC 2544, for namespaces): %s", text);
	return a;
}

static double number(const char *text)
{
	char *end;
	double n = strtod(text, &end);

	if (end == text || *end || n < 0 || n > 1e9)
		load_die("not a number: %s", text);
	return n;
}

static struct phase read_phase(const char *text)
{
	struct phase p = { .hold = 0.1 };
	char tail;
	int n = sscanf(text, "%lf,%lf,%lf%c", &p.rate, &p.seconds, &p.hold, &tail);

	if (n != 2 && n != 3)
		load_die("not RATE,SECONDS[,HOLD]: %s", text);
	return p;
}

/* ---- options: a table of names, kinds and where the value goes ---- */

enum kind { ADDRESS, NUMBER, COUNT, TEXT, FLAG, PID, PHASE };

static const struct option_row {
	const char *name;
	enum kind kind;
	size_t at;
} rows[] = {
	{ "server", ADDRESS, offsetof(struct load, server) },
	{ "uac", ADDRESS, offsetof(struct load, uac) },
	{ "uas", ADDRESS, offsetof(struct load, uas) },
	{ "uac-ns", TEXT, offsetof(struct load, ns[0]) },
	{ "uas-ns", TEXT, offsetof(struct load, ns[1]) },
	{ "pid", PID, 0 },
	{ "patience", NUMBER, offsetof(struct load, patience) },
	{ "phase", PHASE, 0 },
	{ "up", COUNT, offsetof(struct load, up) },
	{ "ramp", NUMBER, offsetof(struct load, ramp) },
	{ "retry-after", FLAG, offsetof(struct load, retry_after) },
	{ "series", TEXT, offsetof(struct load, series) },
	{ "users", COUNT, offsetof(struct load, users) },
	{ "contacts", COUNT, offsetof(struct load, contacts) },
	{ "rate", NUMBER, offsetof(struct load, rate) },
	{ "rounds", COUNT, offsetof(struct load, rounds) },
	{ "part", COUNT, offsetof(struct load, part) },
	{ "password", TEXT, offsetof(struct load, password) },
	{ "routes", TEXT, offsetof(struct load, routes) },
	{ "seconds", NUMBER, offsetof(struct load, seconds) },
	{ "warm", NUMBER, offsetof(struct load, warm) },
	{ "times", COUNT, offsetof(struct load, times) },
	{ "tick", COUNT, offsetof(struct load, tick) },
	{ "delay", FLAG, offsetof(struct load, delay) },
};

static void add_pid(struct load *l, const char *text)
{
	if (l->watched.n == ARRAY_LEN(l->watched.pids))
		load_die("too many processes");
	l->watched.pids[l->watched.n++] = (pid_t)number(text);
}

static void add_phase(struct load *l, const char *text)
{
	if (l->n_phases == PHASES_MAX)
		load_die("too many phases");
	l->phases[l->n_phases++] = read_phase(text);
}

static void take_option(struct load *l, const struct option_row *row, const char *text)
{
	void *to = (char *)l + row->at;

	switch (row->kind) {
	case ADDRESS: *(struct sockaddr_in *)to = local(text); break;
	case NUMBER: *(double *)to = number(text); break;
	case COUNT: *(unsigned *)to = (unsigned)number(text); break;
	case TEXT: *(const char **)to = text; break;
	case FLAG: *(bool *)to = true; break;
	case PID: add_pid(l, text); break;
	case PHASE: add_phase(l, text); break;
	}
}

static void read_options(struct load *l, int argc, char **argv)
{
	struct option options[ARRAY_LEN(rows) + 1] = { 0 };
	int c, at;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		options[i] = (struct option){ rows[i].name, rows[i].kind != FLAG, NULL, 0 };
	optind = 2;
	while (argc > 1 && (c = getopt_long(argc, argv, "", options, &at)) != -1) {
		if (c != 0) {
			fputs(usage, stderr);
			exit(2);
		}
		take_option(l, &rows[at], optarg);
	}
	l->command = argv + MIN(optind, argc);
	if (!l->contacts)
		l->contacts = l->users;
}

int main(int argc, char **argv)
{
	struct load l = { .server = load_addr("127.0.0.1:5070"),
			  .uac = load_addr("127.0.0.2:5061"),
			  .uas = load_addr("127.0.0.3:5062"),
			  .patience = 10,
			  .ramp = 500,
			  .users = 1000,
			  .rate = 1000,
			  .rounds = 1,
			  .warm = 1,
			  .times = 1,
			  .tick = 200,
			  .password = "secret" };
	const char *mode = argc > 1 ? argv[1] : "";

	read_options(&l, argc, argv);
	if (strcmp(mode, "call") == 0)
		return load_calls(&l);
	if (strcmp(mode, "register") == 0 && l.users && l.rate > 0)
		return load_register(&l);
	if (strcmp(mode, "options") == 0 && l.command[0])
		return load_options(&l);
	if (strcmp(mode, "rtp") == 0 && l.seconds > 0)
		return load_rtp(&l);
	fputs(usage, stderr);
	return 2;
}
