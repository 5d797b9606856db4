/*
 * io/udp_batch.c: what one turn of the loop has to say leaves with one system call at its end, before the loop sleeps:
 * entering the kernel costs more than the copy.
 *
 * Datagrams of one length to one peer go through the kernel together, and come out of it one by one (UDP_SEGMENT): the
 * way through is dearer than what goes it. So one may overtake others of its turn, but never one of its own call
 * (struct flow's order). While somebody captures packets here nothing is joined, since a capture shows it as one
 * packet.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/capture.h"
#include "io/priv.h"

#include <netinet/udp.h>

#define BATCH        128
#define BATCH_BYTES  131072
#define JOINED_MOST  64    /* datagrams that go together: UDP_MAX_SEGMENTS of kernels before 6.9 */
#define JOINED_BYTES 49152 /* at most, of these */
#define JOINED_EACH  1452  /* at most, of one of them: what Ethernet takes in one piece */
#define SLOTS        64
#define LOOK_MS      1000 /* is somebody capturing? */

struct udp_batch {
	struct sock *sock; /* that it is for */
	bool flushing;
	bool captured; /* as seen at .. */
	ms_t looked;
	unsigned n, n_groups;
	size_t used; /* of bytes */
	struct item {
		struct addr local, peer;
		struct span bytes;
		unsigned group;
	} items[BATCH];
	struct group { /* items that go together */
		unsigned first, n;
		size_t bytes;
	} groups[BATCH];
	uint8_t by_peer[SLOTS];  /* by peer and length: 1 + the last group that there is */
	uint8_t by_order[SLOTS]; /* by order: 1 + the last group with one of these */
	struct mmsghdr m[BATCH];
	struct iovec iov[BATCH];
	struct sockaddr_storage to[BATCH];
	union udp_control control[BATCH];
	char bytes[BATCH_BYTES];
};

static struct udp_batch *batch_new(void)
{
	struct udp_batch *b = xcalloc(1, sizeof *b);

	for (int i = 0; i < BATCH; i++)
		b->m[i].msg_hdr = (struct msghdr){ .msg_name = &b->to[i], .msg_control = &b->control[i] };
	return b;
}

/* ---- what may go together ---- */

static bool may_join(struct udp_batch *b, const struct sock *s)
{
	ms_t now = s->loop->clock->now;

	if (s->gso && now - b->looked >= LOOK_MS) {
		b->captured = is_captured();
		b->looked = now;
	}
	return s->gso && !b->captured;
}

static unsigned slot(uint32_t key)
{
	return (uint32_t)(key * 2654435761u) / (UINT32_MAX / SLOTS + 1);
}

static uint32_t peer_key(const struct item *it)
{
	uint32_t ip;

	memcpy(&ip, it->peer.ip + (it->peer.family == 6 ? 12 : 0), sizeof ip);
	return ip ^ (uint32_t)it->peer.port << 16 ^ (uint32_t)it->bytes.n;
}

static bool goes_with(const struct udp_batch *b, const struct item *it, const struct group *g)
{
	const struct item *first = &b->items[g->first];

	return first->bytes.n == it->bytes.n && g->n < JOINED_MOST && g->bytes + it->bytes.n <= JOINED_BYTES &&
	       addr_eq(&first->peer, &it->peer) && addr_eq(&first->local, &it->local);
}

/* The group that an item goes with: one before the last of its order would let it overtake that. */
static void choose_group(struct udp_batch *b, unsigned i, uint32_t order)
{
	struct item *it = &b->items[i];
	uint8_t *last = &b->by_peer[slot(peer_key(it))], *mine = &b->by_order[slot(order)];
	bool joins = it->bytes.n <= JOINED_EACH && *last && *last >= *mine && goes_with(b, it, &b->groups[*last - 1]) &&
		     may_join(b, b->sock);

	it->group = joins ? *last - 1u : b->n_groups++;
	if (!joins)
		b->groups[it->group] = (struct group){ .first = i };
	b->groups[it->group].n++;
	b->groups[it->group].bytes += it->bytes.n;
	*last = *mine = (uint8_t)(it->group + 1);
}

static void batch_add(struct udp_batch *b, const struct flow *f, struct span bytes)
{
	unsigned i = b->n++;
	char *p = b->bytes + b->used;

	memcpy(p, bytes.p, bytes.n);
	b->used += bytes.n;
	b->items[i] = (struct item){ .local = f->local, .peer = f->peer, .bytes = { p, bytes.n } };
	choose_group(b, i, f->order);
}

/* ---- sending ---- */

static void put_segment(struct msghdr *h, size_t each)
{
	struct cmsghdr *c = (void *)((char *)h->msg_control + h->msg_controllen);
	uint16_t size = (uint16_t)each;

	c->cmsg_level = IPPROTO_UDP;
	c->cmsg_type = UDP_SEGMENT;
	c->cmsg_len = CMSG_LEN(sizeof size);
	memcpy(CMSG_DATA(c), &size, sizeof size);
	h->msg_controllen += CMSG_SPACE(sizeof size);
}

/* Lays out the groups one after the other, each with its items in their order. */
static void lay_out(struct udp_batch *b)
{
	struct iovec *iov = b->iov;

	for (unsigned k = 0; k < b->n_groups; k++) {
		const struct group *g = &b->groups[k];
		const struct item *it = &b->items[g->first];
		struct msghdr *h = &b->m[k].msg_hdr;

		h->msg_iov = iov;
		h->msg_iovlen = 0; /* they come below */
		iov += g->n;
		udp_address(b->sock, h, &it->local, &it->peer);
		if (g->n > 1)
			put_segment(h, it->bytes.n);
	}
	for (unsigned i = 0; i < b->n; i++) {
		struct msghdr *h = &b->m[b->items[i].group].msg_hdr;

		h->msg_iov[h->msg_iovlen++] =
			(struct iovec){ (void *)(uintptr_t)b->items[i].bytes.p, b->items[i].bytes.n };
	}
}

/* One group that the batch stumbled over, each by itself. False: the kernel has no room, and they wait with others. */
static bool send_apart(struct sock *s, struct udp_batch *b, unsigned group)
{
	for (unsigned i = b->groups[group].first; i < b->n && !s->closed; i++) {
		const struct item *it = &b->items[i];
		int err = -EAGAIN;

		if (it->group != group)
			continue;
		if (!s->packets_n)
			err = udp_send_one(s, &it->local, &it->peer, it->bytes);
		if (err == -EAGAIN)
			err = udp_enqueue(s, &it->local, &it->peer, it->bytes);
		if (err < 0)
			udp_tell_failed(s, &it->peer, err);
	}
	return !s->packets_n;
}

void udp_flush(struct io_loop *l)
{
	struct udp_batch *b = l->batch;
	struct sock *s = b ? b->sock : NULL;
	unsigned k = 0;
	bool room = true;

	if (!b || !b->n || b->flushing)
		return;
	b->flushing = true; /* whoever is told of a failure may want to send */
	lay_out(b);
	while (k < b->n_groups && !s->closed) {
		int sent = room ? sendmmsg(s->fd, b->m + k, b->n_groups - k, MSG_NOSIGNAL | MSG_DONTWAIT) : 0;

		if (sent < 0 && errno == EIO) /* this network's device cannot cut them */
			s->gso = false;
		if (sent > 0)
			k += (unsigned)sent;
		else
			room = send_apart(s, b, k++);
	}
	b->n = b->n_groups = 0;
	b->used = 0;
	memset(b->by_peer, 0, sizeof b->by_peer);
	memset(b->by_order, 0, sizeof b->by_order);
	b->flushing = false;
}

void udp_forget(struct sock *s)
{
	struct udp_batch *b = s->loop->batch;

	if (b && b->sock == s && !b->flushing)
		udp_flush(s->loop);
}

int udp_send(struct sock *s, const struct flow *f, struct span bytes)
{
	struct io_loop *l = s->loop;
	struct udp_batch *b = l->batch ? l->batch : (l->batch = batch_new());
	int err = -EAGAIN;

	if (b->n && (b->sock != s || b->n == BATCH || bytes.n > BATCH_BYTES - b->used))
		udp_flush(l);
	if (!s->packets_n && !b->flushing && bytes.n <= BATCH_BYTES - b->used && b->n < BATCH) {
		b->sock = s;
		batch_add(b, f, bytes);
		return 0;
	}
	if (!s->packets_n)
		err = udp_send_one(s, &f->local, &f->peer, bytes);
	return err == -EAGAIN ? udp_enqueue(s, &f->local, &f->peer, bytes) : err;
}
