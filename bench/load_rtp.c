/*
 * bench/load_rtp.c: both ends of many audio streams through a relay. Each end is one UDP port for all calls; what tells
 * them apart is the relay's port. Every call sends 50 packets of 172 bytes a second both ways, all calls spread over
 * the 20 ms. A packet carries its call and when it was sent: one that arrives from another call's port is astray.
 *
 * For processor time packets go out in the batches that a tick makes, between namespaces as frames (load_link.c); for
 * delay each goes out by itself through its socket, and its arrival is the kernel's own receive time.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>

#include "load.h"

#define PACE_US 20000u
#define BYTES   172
#define BATCH   64
#define MAGIC   0x68616972u
#define DRAIN   300000 /* microseconds */

struct stamp { /* the beginning of the payload */
	uint32_t magic, call;
	uint64_t sent_ns, phase;
};

struct end {
	int fd, link;         /* link: frames go out by it; -1: datagrams by fd */
	char head[LINK_ROOM]; /* of each frame */
	unsigned n_out;
	struct mmsghdr in[BATCH], out[BATCH];
	struct iovec in_iov[BATCH], out_iov[BATCH];
	struct sockaddr_in in_from[BATCH];
	char in_bytes[BATCH][256], out_bytes[BATCH][LINK_ROOM + BYTES], control[BATCH][64];
};

struct speech {
	const struct load *load;
	const struct route_pair *routes;
	unsigned n;
	struct end ends[2];
	unsigned phase; /* 0: nothing is measured */
	uint64_t sent, received, astray;
	struct histogram delay_ns;
};

static uint64_t wall_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static double own_cpu(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void hook(struct end *e, bool control)
{
	for (unsigned i = 0; i < BATCH; i++) {
		e->in_iov[i] = (struct iovec){ e->in_bytes[i], sizeof e->in_bytes[i] };
		e->out_iov[i] = e->link < 0 ? (struct iovec){ e->out_bytes[i] + LINK_ROOM, BYTES }
					    : (struct iovec){ e->out_bytes[i], LINK_ROOM + BYTES };
		e->in[i].msg_hdr = (struct msghdr){ .msg_name = &e->in_from[i],
						    .msg_namelen = sizeof e->in_from[i],
						    .msg_iov = &e->in_iov[i],
						    .msg_iovlen = 1,
						    .msg_control = control ? e->control[i] : NULL };
		e->out[i].msg_hdr = (struct msghdr){ .msg_namelen = e->link < 0 ? sizeof(struct sockaddr_in) : 0,
						     .msg_iov = &e->out_iov[i],
						     .msg_iovlen = 1 };
	}
}

static void end_flush(struct end *e)
{
	unsigned at = 0;

	while (at < e->n_out) {
		int n = sendmmsg(e->link < 0 ? e->fd : e->link, e->out + at, e->n_out - at, 0);

		at += n > 0 ? (unsigned)n : errno == EINTR ? 0 : 1; /* one that is refused is lost */
	}
	e->n_out = 0;
}

static void speak(struct speech *s, unsigned side, unsigned call, uint64_t seq)
{
	struct end *e = &s->ends[side];
	struct stamp stamp = { MAGIC, call, 0, s->phase };
	char *p = e->out_bytes[e->n_out] + LINK_ROOM;
	const struct sockaddr_in *to = &s->routes[call].to[side];
	uint32_t words[3] = { htonl(0x80000000u | (uint32_t)(seq & 0xffff)), htonl((uint32_t)seq * 160),
			      htonl(call * 2 + side + 1) };

	memcpy(p, words, sizeof words);
	if (s->load->delay)
		stamp.sent_ns = wall_ns();
	memcpy(p + sizeof words, &stamp, sizeof stamp);
	if (e->link < 0)
		e->out[e->n_out].msg_hdr.msg_name = (void *)(uintptr_t)to;
	else
		link_head(e->out_bytes[e->n_out], e->head, to->sin_port, BYTES);
	e->n_out++;
	s->sent += s->phase > 0;
	if (s->load->delay || e->n_out == BATCH)
		end_flush(e);
}

static uint64_t arrival(struct msghdr *h)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(h);
	struct timespec t;

	if (!c || c->cmsg_type != SO_TIMESTAMPNS)
		return 0;
	memcpy(&t, CMSG_DATA(c), sizeof t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void heard(struct speech *s, unsigned side, unsigned i)
{
	struct end *e = &s->ends[side];
	struct stamp stamp;
	const struct sockaddr_in *from = &e->in_from[i], *want;
	uint64_t at;

	if (e->in[i].msg_len != BYTES)
		return; /* RTCP of the relay */
	memcpy(&stamp, e->in_bytes[i] + 12, sizeof stamp);
	if (stamp.magic != MAGIC || stamp.call >= s->n || !stamp.phase || stamp.phase != s->phase)
		return;
	want = &s->routes[stamp.call].to[side];
	if (from->sin_port != want->sin_port || from->sin_addr.s_addr != want->sin_addr.s_addr) {
		s->astray++;
		return;
	}
	s->received++;
	at = s->load->delay ? arrival(&e->in[i].msg_hdr) : 0;
	if (at > stamp.sent_ns)
		histogram_add(&s->delay_ns, at - stamp.sent_ns);
}

static void listen_to(struct speech *s, unsigned side)
{
	struct end *e = &s->ends[side];
	int n;

	do {
		for (unsigned i = 0; i < BATCH; i++) {
			e->in[i].msg_hdr.msg_namelen = sizeof e->in_from[i];
			e->in[i].msg_hdr.msg_controllen = s->load->delay ? sizeof e->control[i] : 0;
		}
		n = recvmmsg(e->fd, e->in, BATCH, MSG_DONTWAIT, NULL);
		for (int i = 0; i < n; i++)
			heard(s, side, (unsigned)i);
	} while (n == BATCH);
}

static void rest(us_t until)
{
	us_t now = load_now();
	struct timespec t = { 0, until > now ? (long)(until - now) * 1000 : 0 };

	if (until > now)
		nanosleep(&t, NULL);
}

/* Speaks for that long, then listens a little for what is still on its way. `at`: where the sequence numbers are. */
static void run(struct speech *s, double seconds, uint64_t *at)
{
	us_t start = load_now(), now = start, end = start + (us_t)(seconds * 1e6);
	uint64_t first = *at;

	while (now < end) {
		uint64_t due = first + (uint64_t)((double)(now - start) * s->n / PACE_US);

		for (; *at < due; ++*at) {
			speak(s, 0, (unsigned)(*at % s->n), *at / s->n);
			if (*at >= s->n) /* the caller's first packet opens the way through a NAT */
				speak(s, 1, (unsigned)(*at % s->n), *at / s->n);
		}
		end_flush(&s->ends[0]);
		end_flush(&s->ends[1]);
		listen_to(s, 0);
		listen_to(s, 1);
		if (!s->load->delay)
			rest(now + s->load->tick);
		now = load_now();
	}
	for (end = now + DRAIN; s->phase && s->received + s->astray < s->sent && load_now() < end;) {
		listen_to(s, 0);
		listen_to(s, 1);
		rest(load_now() + 1000);
	}
}

/* Frames carry no time of sending that says anything, and all go to one address. */
static int open_link(struct speech *s, unsigned side, const struct sockaddr_in *me)
{
	for (unsigned i = 0; i < s->n; i++)
		if (s->routes[i].to[side].sin_addr.s_addr != s->routes[0].to[side].sin_addr.s_addr)
			return -1;
	if (s->load->delay || !s->load->ns[side])
		return -1;
	return link_open(s->load->ns[side], me, &s->routes[0].to[side], s->ends[side].head);
}

static void measure(struct speech *s, uint64_t *at)
{
	const struct load *l = s->load;
	double own = own_cpu(), watched = watched_cpu(&l->watched), began = (double)load_now() / 1e6;

	s->phase++;
	s->sent = s->received = s->astray = 0;
	s->delay_ns = (struct histogram){ 0 };
	run(s, l->seconds, at);
	printf("{\"step\":\"rtp\",\"calls\":%u,\"seconds\":%.3f,\"sent\":%llu,\"received\":%llu,\"astray\":%llu,"
	       "\"own_cpu_s\":%.6f,\"cpu_s\":%.6f,\"p50_us\":%.2f,\"p99_us\":%.2f}\n",
	       s->n, (double)load_now() / 1e6 - began, (unsigned long long)s->sent, (unsigned long long)s->received,
	       (unsigned long long)s->astray, own_cpu() - own, watched_cpu(&l->watched) - watched,
	       (double)histogram_at(&s->delay_ns, 0.5) / 1000, (double)histogram_at(&s->delay_ns, 0.99) / 1000);
	fflush(stdout);
}

void load_speak(const struct load *l, const struct route_pair *routes, unsigned n)
{
	struct speech *s = xcalloc(1, sizeof *s);
	const struct sockaddr_in me[2] = { load_rtp_of(&l->uac), load_rtp_of(&l->uas) };
	uint64_t at = 0;
	int on = 1;

	s->load = l;
	s->routes = routes;
	s->n = n;
	for (unsigned i = 0; i < 2; i++) {
		s->ends[i].fd = load_socket(&me[i], l->ns[i]);
		s->ends[i].link = open_link(s, i, &me[i]);
		hook(&s->ends[i], l->delay);
		if (l->delay)
			setsockopt(s->ends[i].fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
	}
	run(s, l->warm, &at);
	for (unsigned i = 0; i < l->times; i++)
		measure(s, &at);
	free(s);
}

/* Routes from a file: for each call a line "IP:PORT IP:PORT", where the caller's packets go and where the callee's. */
int load_rtp(struct load *l)
{
	FILE *f = l->routes ? fopen(l->routes, "r") : NULL;
	struct route_pair *routes = NULL;
	unsigned n = 0;
	char a[32], b[32];

	if (!f)
		load_die("--routes: %s", strerror(errno));
	while (fscanf(f, "%31s %31s", a, b) == 2) {
		routes = xrealloc(routes, (n + 1) * sizeof *routes);
		routes[n++] = (struct route_pair){ { load_addr(a), load_addr(b) } };
	}
	fclose(f);
	if (!n)
		load_die("no routes in %s", l->routes);
	load_speak(l, routes, n);
	free(routes);
	return 0;
}
