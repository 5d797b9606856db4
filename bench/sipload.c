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
	"  --users N --rate RATE --rounds N --password TEXT\n"
	"\n"
	"  rtp: audio both ways through a relay; with call, through the calls that are up (--up)\n"
	"  --routes FILE   for each call a line: where the caller sends to, where the callee sends to\n"
	"  --seconds S --warm S  measured, and unmeasured before that: 0, 1\n"
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

static const struct option options[] = {
	{ "server", 1, NULL, 's' }, { "uac", 1, NULL, 'a' },      { "uas", 1, NULL, 'b' },
	{ "pid", 1, NULL, 'p' },    { "patience", 1, NULL, 't' }, { "phase", 1, NULL, 'f' },
	{ "up", 1, NULL, 'u' },     { "ramp", 1, NULL, 'r' },     { "retry-after", 0, NULL, 'y' },
	{ "series", 1, NULL, 'S' }, { "users", 1, NULL, 'n' },    { "rate", 1, NULL, 'R' },
	{ "rounds", 1, NULL, 'o' }, { "password", 1, NULL, 'w' }, { "uac-ns", 1, NULL, 1 },
	{ "uas-ns", 1, NULL, 2 },   { "routes", 1, NULL, 3 },     { "seconds", 1, NULL, 4 },
	{ "warm", 1, NULL, 5 },     { "tick", 1, NULL, 6 },       { "delay", 0, NULL, 7 },
	{ NULL, 0, NULL, 0 },
};

static void take_option(struct load *l, int c)
{
	switch (c) {
	case 's': l->server = local(optarg); break;
	case 'a': l->uac = local(optarg); break;
	case 'b': l->uas = local(optarg); break;
	case 'p': add_pid(l, optarg); break;
	case 't': l->patience = number(optarg); break;
	case 'f': add_phase(l, optarg); break;
	case 'u': l->up = (unsigned)number(optarg); break;
	case 'r': l->ramp = number(optarg); break;
	case 'y': l->retry_after = true; break;
	case 'S': l->series = optarg; break;
	case 'n': l->users = (unsigned)number(optarg); break;
	case 'R': l->rate = number(optarg); break;
	case 'o': l->rounds = (unsigned)number(optarg); break;
	case 'w': l->password = optarg; break;
	case 1: l->ns[0] = optarg; break;
	case 2: l->ns[1] = optarg; break;
	case 3: l->routes = optarg; break;
	case 4: l->seconds = number(optarg); break;
	case 5: l->warm = number(optarg); break;
	case 6: l->tick = (unsigned)number(optarg); break;
	case 7: l->delay = true; break;
	default: fputs(usage, stderr); exit(2);
	}
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
			  .tick = 200,
			  .password = "secret" };
	const char *mode = argc > 1 ? argv[1] : "";
	int c;

	optind = 2;
	while (argc > 1 && (c = getopt_long(argc, argv, "", options, NULL)) != -1)
		take_option(&l, c);
	l.command = argv + MIN(optind, argc);
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
