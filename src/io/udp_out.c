/*
 * io/udp_out.c: one datagram goes out, from an exact address; those of a turn go together (udp_batch.c). What the
 * kernel has no room for waits in a queue until it has.
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

#define QUEUE_MAX 2048 /* datagrams that wait for room in the kernel */

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

void udp_address(const struct sock *s, struct msghdr *h, const struct addr *local, const struct addr *peer)
{
	h->msg_namelen = addr_to_sockaddr(peer, h->msg_name);
	h->msg_controllen = 0;
	if (local && local->family == peer->family && addr_is_any(&s->bound) && !addr_is_any(local))
		h->msg_controllen =
			local->family == 4 ? put_local4(h->msg_control, local) : put_local6(h->msg_control, local);
}

static int send_from(struct sock *s, const struct addr *local, const struct addr *peer, struct span bytes)
{
	union udp_control control = { .room = { 0 } };
	struct sockaddr_storage ss;
	struct iovec iov = { (void *)(uintptr_t)bytes.p, bytes.n };
	struct msghdr h = { .msg_name = &ss, .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control };

	udp_address(s, &h, local, peer);
	return sendmsg(s->fd, &h, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

/* An address of ours that is gone is left to the kernel to replace. */
int udp_send_one(struct sock *s, const struct addr *local, const struct addr *peer, struct span bytes)
{
	int err = send_from(s, local, peer, bytes);

	if (err == -EWOULDBLOCK || err == -ENOBUFS)
		return -EAGAIN;
	if (err == -EINVAL || err == -EADDRNOTAVAIL)
		return send_from(s, NULL, peer, bytes);
	return err < 0 && err != -EMSGSIZE ? send_from(s, local, peer, bytes) : err;
}

void udp_tell_failed(struct sock *s, const struct addr *peer, int err)
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
		int err = udp_send_one(s, &p->local, &p->peer, (struct span){ p->bytes, p->n });

		if (err == -EAGAIN)
			return;
		list_del(&p->link);
		s->packets_n--;
		if (err < 0)
			udp_tell_failed(s, &p->peer, err);
		free(p);
		if (s->closed)
			return;
	}
	sock_poll(s, UV_READABLE);
}

int udp_enqueue(struct sock *s, const struct addr *local, const struct addr *peer, struct span bytes)
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
