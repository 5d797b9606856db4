/*
 * bench/load_options.c: how long a server takes from exec to its first answer. Starts the command, asks with OPTIONS
 * every millisecond until a final response comes, and ends the command with SIGTERM.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "load.h"

#define ASK_EACH 1000 /* microseconds */

static pid_t start(char **command)
{
	pid_t pid = fork();

	if (pid < 0)
		load_die("fork: %s", strerror(errno));
	if (pid == 0) {
		int null = open("/dev/null", O_RDWR);

		dup2(null, 1);
		execvp(command[0], command);
		_exit(127);
	}
	return pid;
}

static void ask(struct port *p, const char *me, const char *server, unsigned n)
{
	struct out o = port_compose(p);

	out_fmt(&o,
		"OPTIONS sip:%s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bKo%d.%u\r\nMax-Forwards: 70\r\n"
		"From: <sip:load@%s>;tag=%d\r\nTo: <sip:%s>\r\nCall-ID: %u.%d@load\r\nCSeq: 1 OPTIONS\r\n"
		"Content-Length: 0\r\n\r\n",
		server, me, (int)getpid(), n, me, (int)getpid(), server, n, (int)getpid());
	port_add(p, &o);
	port_flush(p);
}

static char *host_of(const struct sockaddr_in *a)
{
	char ip[INET_ADDRSTRLEN];

	inet_ntop(AF_INET, &a->sin_addr, ip, sizeof ip);
	return xasprintf("%s:%u", ip, ntohs(a->sin_port));
}

/* The status of the first final response; 0: none within the patience, or the command ended. */
static unsigned first_answer(const struct load *l, pid_t pid)
{
	char *me = host_of(&l->uac), *server = host_of(&l->server);
	us_t began = load_now(), end = began + (us_t)(l->patience * 1e6);
	struct port *p = port_open(load_socket(&l->uac, l->ns[0]), l->uac, l->server);
	unsigned status = 0;
	struct parts m;

	for (unsigned n = 0; !status && load_now() < end && waitpid(pid, NULL, WNOHANG) == 0; n++) {
		ask(p, me, server, n);
		if (!port_wait(&p, 1, began + (n + 1) * (us_t)ASK_EACH))
			continue;
		if (port_take(p) > 0 && parts_read(port_message(p, 0), &m) && m.status >= 200)
			status = m.status;
	}
	free(me);
	free(server);
	return status;
}

int load_options(struct load *l)
{
	us_t began = load_now();
	pid_t pid = start(l->command);
	unsigned status = first_answer(l, pid);
	double ms = (double)(load_now() - began) / 1000;
	struct rusage used;

	l->watched = (struct watched){ { pid }, 1 };
	printf("{\"step\":\"options\",\"status\":%u,\"ms\":%.2f,\"cpu_s\":%.6f,\"rss_after\":%.0f}\n", status, ms,
	       watched_cpu(&l->watched), watched_rss(&l->watched));
	kill(pid, SIGTERM);
	while (wait4(pid, NULL, 0, &used) < 0 && errno == EINTR)
		;
	return status ? 0 : 1;
}
