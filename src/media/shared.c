/*
 * media/shared.c: the signalling side of shared sockets (shared.h): whether they can be had, and ports that workers
 * hear through them. Sockets of the ports' own keep them from other programs; where no more files may be opened, a port
 * is only looked at: is it free now? Which ones we have in this way, nobody but us knows.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "media/shared.h"

struct shared {
	struct steer *steer;
	struct lane **lanes;
	unsigned n;
	struct media_io own, bare;
	int spare;     /* a file that is there when none can be opened; also told what ToS means */
	int nobody[2]; /* floods go there */
	/* Of ports without sockets: how many have this number, and whether one of them is on any address. */
	atomic_uchar bare_ports[65536], bare_any[65536];
};

void *shared_pages(size_t size)
{
	void *mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	BUG_ON(mem == MAP_FAILED);
	return mem;
}

/* ---- ports ---- */

static bool is_taken(struct shared *sh, const struct addr *bind)
{
	if (!atomic_load(&sh->bare_ports[bind->port]))
		return false;
	return addr_is_any(bind) || atomic_load(&sh->bare_any[bind->port]) || steer_has(sh->steer, bind);
}

static int open_own(void *arg, const struct addr *bind, uint32_t *sock)
{
	return is_taken(arg, bind) ? -EADDRINUSE : udp_io.open(udp_io.arg, bind, sock);
}

static void open_spare(struct shared *sh)
{
	sh->spare = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

static int open_bare(void *arg, const struct addr *bind, uint32_t *sock)
{
	struct shared *sh = arg;
	uint32_t fd;
	int err;

	if (is_taken(sh, bind))
		return -EADDRINUSE;
	if (sh->spare >= 0)
		close(sh->spare);
	err = udp_io.open(udp_io.arg, bind, &fd);
	if (!err)
		udp_io.close(udp_io.arg, fd);
	open_spare(sh);
	if (err)
		return err;
	atomic_fetch_add(&sh->bare_ports[bind->port], 1);
	atomic_store(&sh->bare_any[bind->port], addr_is_any(bind));
	*sock = SOCK_BARE | bind->port;
	return 0;
}

/* By workers, too. */
static void close_any(void *arg, uint32_t sock)
{
	struct shared *sh = arg;
	uint32_t port = sock & 0xffff;

	if (!(sock & SOCK_BARE)) {
		udp_io.close(udp_io.arg, sock);
		return;
	}
	atomic_store(&sh->bare_any[port], false); /* it was the only one of the number, if it was on any address */
	atomic_fetch_sub(&sh->bare_ports[port], 1);
}

const struct media_io *shared_io(const struct shared *sh)
{
	return &sh->own;
}

/* Now, not when the worker comes to it: packets may come sooner. */
static bool steer(struct shared *sh, struct sock *k, unsigned worker)
{
	const struct addr *local = &k->ports->local;
	struct addr at = addr_with_port(local, (uint16_t)(local->port + k->is_rtcp));

	if (k->open && lane_hears(sh->lanes[worker], local->family == 6))
		k->shared = steer_put(sh->steer, &at, worker);
	if (k->shared)
		k->heard = (uint16_t)(worker + 1);
	return k->shared || !k->open;
}

int shared_ports(struct shared *sh, const struct ports_ask *ask, struct rng *rng, unsigned worker, struct ports **out)
{
	int err = ports_open(&sh->own, rng, ask, out);

	if (!err) {
		steer(sh, &(*out)->rtp, worker);
		steer(sh, &(*out)->rtcp, worker);
	}
	return err;
}

int shared_bare_ports(struct shared *sh, const struct ports_ask *ask, struct rng *rng, unsigned worker,
		      struct ports **out)
{
	int err = ports_open(&sh->bare, rng, ask, out);
	struct ports *p = *out;

	if (err)
		return err;
	p->bare = true;
	if (steer(sh, &p->rtp, worker) && steer(sh, &p->rtcp, worker))
		return 0;
	lane_leave(sh->lanes[worker], &p->rtp);
	ports_close(&sh->bare, p);
	free(p);
	return -ENOSPC;
}

uint32_t shared_priority(struct shared *sh, const struct addr *bind, uint8_t tos)
{
	return bind->family == 4 && sh->spare >= 0 ? udp_tos((uint32_t)sh->spare, bind, tos) : 0;
}

/* ---- beginning and end ---- */

static bool open_nobody(struct shared *sh, bool v6)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	sh->nobody[v6] = fd;
	return fd >= 0 &&
	       bind(fd, v6 ? (struct sockaddr *)&six : (struct sockaddr *)&four, v6 ? sizeof six : sizeof four) == 0 &&
	       steer_nobody(sh->steer, v6, fd);
}

static bool begin(struct shared *sh, const struct shared_config *c, const char **why)
{
	open_spare(sh);
	sh->lanes = xcalloc(c->workers, sizeof *sh->lanes);
	sh->steer = steer_load(c->workers, c->ports, why);
	if (!sh->steer)
		return false;
	for (; sh->n < c->workers; sh->n++) {
		sh->lanes[sh->n] = lane_new(sh->steer, sh->n, why);
		if (!sh->lanes[sh->n])
			return false;
	}
	if (!open_nobody(sh, false) || (lane_hears(sh->lanes[0], true) && !open_nobody(sh, true))) {
		*why = "the sockets cannot be opened";
		return false;
	}
	return steer_attach(sh->steer, why);
}

struct shared *shared_start(const struct shared_config *c, const char **why)
{
	struct shared *sh = shared_pages(sizeof *sh);

	sh->own = (struct media_io){ .arg = sh, .open = open_own, .close = close_any, .send = udp_io.send };
	sh->bare = (struct media_io){ .arg = sh, .open = open_bare, .close = close_any, .send = udp_io.send };
	sh->spare = sh->nobody[0] = sh->nobody[1] = -1;
	if (begin(sh, c, why))
		return sh;
	shared_stop(sh);
	return NULL;
}

void shared_stop(struct shared *sh)
{
	int files[] = { sh->spare, sh->nobody[0], sh->nobody[1] };

	if (sh->steer)
		steer_free(sh->steer);
	for (unsigned i = 0; i < sh->n; i++)
		lane_free(sh->lanes[i]);
	for (unsigned i = 0; i < ARRAY_LEN(files); i++)
		if (files[i] >= 0)
			close(files[i]);
	free(sh->lanes);
	munmap(sh, sizeof *sh);
}

struct lane *shared_lane(struct shared *sh, unsigned worker)
{
	return sh->lanes[worker];
}
