/*
 * io/udp_out.c: datagrams go out in batches, from exact addresses. What one turn of the loop has to say leaves with one
 * system call at its end, before the loop sleeps: entering the kernel costs more than the copy. What the kernel has no
 * room for waits in a queue until it has.
 *
 * A pending ICMP error about an earlier datagram is returned by the next, innocent call on the socket; that call is
 * made once more.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "io/priv.h"

#define QUEUE_MAX   2048 /* datagrams that wait for room in the kernel */
#define BATCH       64
#define BATCH_BYTES 65536

union control {
	char room[CMSG_SPACE(sizeof(struct in6_pktinfo))];
	struct cmsghdr align;
};

struct packet {
	struct list link;
	struct addr local, peer;
	size_t n;
	char bytes[];
};

static size_t put_local4(struct cmsghdr *c, const struct addr *local)
{
	struct in_pktinfo info = { 0 };

	memcpy(&info.ipi_spec_dst, local->ip, 4);
	c->cmsg_level = IPPROTO_IP;
	c->cmsg_type = IP_PKTINFO;
	c->cmsg_len = CMSG_LEN(sizeof info);
	memcpy(CMSG_DATA(c), &info, sizeof info);
	return CMSG_SPACE(sizeof info);
}

static size_t put_local6(struct cmsghdr *c, const struct addr *local)
{
	struct in6_pktinfo info = { .ipi6_ifindex = local->scope };

	memcpy(&info.ipi6_addr, local->ip, 16);
	c->cmsg_level = IPPROTO_IPV6;
	c->cmsg_type = IPV6_PKTINFO;
	c->cmsg_len = CMSG_LEN(sizeof info);
	memcpy(CMSG_DATA(c), &info, sizeof info);
	return CMSG_SPACE(sizeof info);
}

/* Fills h, whose name and control have their room, for one datagram. */
static void address(const struct sock *s, struct msghdr *h, const struct addr *local, const struct addr *peer)
{
	h->msg_namelen = addr_to_sockaddr(peer, h->msg_name);
	h->msg_controllen = 0;
	if (local && local->family == peer->family && addr_is_any(&s->bound) && !addr_is_any(local))
		h->msg_controllen =
			local->family == 4 ? put_local4(h->msg_control, local) : put_local6(h->msg_control, local);
}

static int send_from(struct sock *s, const struct addr *local, const struct addr *peer, struct span bytes)
{
	union control control = { .room = { 0 } };
	struct sockaddr_storage ss;
	struct iovec iov = { (void *)(uintptr_t)bytes.p, bytes.n };
	struct msghdr h = { .msg_name = &ss, .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control };

	address(s, &h, local, peer);
	return sendmsg(s->fd, &h, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

/* -EAGAIN: no room in the kernel. An address of ours that is gone is left to the kernel to replace. */
static int send_one(struct sock *s, const struct addr *local, const struct addr *peer, struct span bytes)
{
	int err = send_from(s, local, peer, bytes);

	if (err == -EWOULDBLOCK || err == -ENOBUFS)
		return -EAGAIN;
	if (err == -EINVAL || err == -EADDRNOTAVAIL)
		return send_from(s, NULL, peer, bytes);
	return err < 0 && err != -EMSGSIZE ? send_from(s, local, peer, bytes) : err;
}

static void tell_failed(struct sock *s, const struct addr *peer, int err)
{
	struct flow f = sock_flow(s);

	f.peer = *peer;
	s->loop->sink.failed(s->loop->sink.arg, &f, err);
}

/* ---- what the kernel has no room for ---- */

void udp_free_queue(struct sock *s)
{
	list_for_safe(n, &s->packets)
		free(list_entry(n, struct packet, link));
	list_init(&s->packets);
	s->packets_n = 0;
}

void udp_send_queued(struct sock *s)
{
	while (!list_empty(&s->packets)) {
		struct packet *p = list_entry(s->packets.next, struct packet, link);
		int err = send_one(s, &p->local, &p->peer, (struct span){ p->bytes, p->n });

		if (err == -EAGAIN)
			return;
		list_del(&p->link);
		s->packets_n--;
		if (err < 0)
			tell_failed(s, &p->peer, err);
		free(p);
		if (s->closed)
			return;
	}
	sock_poll(s, UV_READABLE);
}

static int enqueue(struct sock *s, const struct addr *local, const struct addr *peer, struct span bytes)
{
	struct packet *p;

	if (s->packets_n >= QUEUE_MAX)
		return -ENOBUFS;
	p = xmalloc(sizeof *p + bytes.n);
	p->local = *local;
	p->peer = *peer;
	p->n = bytes.n;
	memcpy(p->bytes, bytes.p, bytes.n);
	list_push(&s->packets, &p->link);
	s->packets_n++;
	sock_poll(s, UV_READABLE | UV_WRITABLE);
	return 0;
}

/* ---- the batch ---- */

struct udp_batch {
	struct sock *sock; /* that it is for */
	bool flushing;
	unsigned n;
	size_t used; /* of bytes */
	struct mmsghdr m[BATCH];
	struct iovec iov[BATCH];
	struct sockaddr_storage to[BATCH];
	union control control[BATCH];
	struct {
		struct addr local, peer;
	} way[BATCH];
	char bytes[BATCH_BYTES];
};

static struct udp_batch *batch_new(void)
{
	struct udp_batch *b = xcalloc(1, sizeof *b);

	for (int i = 0; i < BATCH; i++)
		b->m[i].msg_hdr = (struct msghdr){
			.msg_name = &b->to[i], .msg_iov = &b->iov[i], .msg_iovlen = 1, .msg_control = &b->control[i]
		};
	return b;
}

static struct span bytes_of(const struct udp_batch *b, unsigned i)
{
	return (struct span){ b->iov[i].iov_base, b->iov[i].iov_len };
}

/* One that the batch stumbled over, by itself. False: the kernel has no room, and it waits with the others. */
static bool send_apart(struct sock *s, struct udp_batch *b, unsigned i)
{
	int err = s->packets_n ? -EAGAIN : send_one(s, &b->way[i].local, &b->way[i].peer, bytes_of(b, i));

	if (err == -EAGAIN)
		err = enqueue(s, &b->way[i].local, &b->way[i].peer, bytes_of(b, i));
	if (err < 0)
		tell_failed(s, &b->way[i].peer, err);
	return !s->packets_n;
}

void udp_flush(struct io_loop *l)
{
	struct udp_batch *b = l->batch;
	struct sock *s = b ? b->sock : NULL;
	unsigned i = 0;
	bool room = true;

	if (!b || !b->n || b->flushing)
		return;
	b->flushing = true; /* whoever is told of a failure may want to send */
	while (i < b->n && !s->closed) {
		int sent = room ? sendmmsg(s->fd, b->m + i, b->n - i, MSG_NOSIGNAL | MSG_DONTWAIT) : 0;

		if (sent > 0)
			i += (unsigned)sent;
		else
			room = send_apart(s, b, i++);
	}
	b->n = 0;
	b->used = 0;
	b->flushing = false;
}

void udp_forget(struct sock *s)
{
	struct udp_batch *b = s->loop->batch;

	if (b && b->sock == s && !b->flushing)
		udp_flush(s->loop);
}

static void batch_add(struct udp_batch *b, const struct flow *f, struct span bytes)
{
	unsigned i = b->n++;

	b->iov[i] = (struct iovec){ b->bytes + b->used, bytes.n };
	memcpy(b->bytes + b->used, bytes.p, bytes.n);
	b->used += bytes.n;
	b->way[i].local = f->local;
	b->way[i].peer = f->peer;
	address(b->sock, &b->m[i].msg_hdr, &f->local, &f->peer);
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
		err = send_one(s, &f->local, &f->peer, bytes);
	return err == -EAGAIN ? enqueue(s, &f->local, &f->peer, bytes) : err;
}
