/*
 * sip/look.c: an OPTIONS from another UDP port than the one that a peer knows. Whether an answer comes, and from where,
 * shows how the NAT in front of the peer filters and maps (RFC 4787). No transaction: the same request is sent a few
 * times, and the first answer ends it.
 */
#include <stdlib.h>
#include <string.h>

#include "sip/priv.h"

#define SENDS 3
#define FIRST 500 /* ms until it is sent again; then twice that, and again twice */

struct sip_look {
	struct list link;
	struct sip *sip;
	uint32_t sock;
	struct sip_look_ask ask;
	struct timer again;
	unsigned sends;
	char branch[SIP_BRANCH_MAX];
	char *text;
};

void sip_look_drop(struct sip_look **lp)
{
	struct sip_look *l = *lp;
	struct net *net;

	*lp = NULL;
	if (!l)
		return;
	net = &l->sip->c.net;
	net->close(net->arg, l->sock);
	sip_stop(l->sip, &l->again);
	list_del(&l->link);
	free(l->text);
	free(l);
}

/* Frees it, too. */
static void end(struct sip_look *l, const struct addr *from)
{
	struct sip_look_ask ask = l->ask;

	sip_look_drop(&l);
	ask.seen(ask.arg, from);
}

static void send_it(struct sip_look *l)
{
	struct flow f = { .sock = l->sock, .listener = l->sock, .proto = NET_UDP, .peer = l->ask.to };
	struct sip *s = l->sip;

	f.local = s->c.net.source(s->c.net.arg, l->sock, &l->ask.to);
	sip_wire(s, &f, true, span_of(l->text));
	s->c.net.send(s->c.net.arg, &f, span_of(l->text));
	sip_in(s, &l->again, FIRST << l->sends++);
}

static void due(struct timer *t, ms_t now UNUSED)
{
	struct sip_look *l = container_of(t, struct sip_look, again);

	if (l->sends < SENDS)
		send_it(l);
	else
		end(l, NULL);
}

/* As it is written from `tp`, but for the port. */
static char *write_it(struct sip_look *l, const struct sip_transport *tp, uint16_t port)
{
	struct flow f = { .sock = tp->sock, .listener = tp->sock, .proto = NET_UDP, .peer = l->ask.to };
	struct nat_face face;
	char tag[17], call_id[37];
	struct out o = out_growing();

	f.local = sip_local_of(l->sip, &f);
	sip_face(l->sip, tp, &f, &face);
	rng_token(&l->sip->c.clock->rng, tag, sizeof tag - 1);
	rng_token(&l->sip->c.clock->rng, call_id, sizeof call_id - 1);
	sip_new_branch(l->sip, l->branch);
	out_fmt(&o, "OPTIONS %.*s SIP/2.0\r\n", SP(l->ask.uri));
	out_fmt(&o, "Via: SIP/2.0/UDP %s:%u;rport;branch=%s\r\n", face.host, port, l->branch);
	out_fmt(&o, "Max-Forwards: 70\r\nFrom: <sip:%s>;tag=%s\r\nTo: <%.*s>\r\n", face.host, tag, SP(l->ask.uri));
	out_fmt(&o, "Call-ID: %s\r\nCSeq: 1 OPTIONS\r\n", call_id);
	out_fmt(&o, "Contact: <sip:%s:%u>\r\nUser-Agent: %s\r\nContent-Length: 0\r\n\r\n", face.host, port,
		sip_user_agent(l->sip));
	return out_take(&o);
}

struct sip_look *sip_look(struct sip *s, const struct sip_look_ask *ask)
{
	struct flow near = { .sock = ask->listener, .listener = ask->listener, .proto = NET_UDP };
	struct sip_transport *tp = ask->listener ? sip_transport_by_flow(s, &near) : NULL;
	struct net_listen listen = { .proto = NET_UDP };
	struct sip_look *l;
	struct addr bound;
	uint32_t sock;

	tp = tp ? tp : sip_transport_pick(s, NULL, NET_UDP, &ask->to);
	if (!tp)
		return NULL;
	listen.bind = addr_with_port(&tp->bound, 0);
	if (s->c.net.listen(s->c.net.arg, &listen, &sock, &bound) < 0)
		return NULL;
	l = xcalloc(1, sizeof *l);
	l->sip = s;
	l->sock = sock;
	l->ask = *ask;
	l->again.fire = due;
	list_push(&s->looks, &l->link);
	l->text = write_it(l, tp, bound.port);
	l->ask.uri = SPAN_NONE;
	send_it(l);
	return l;
}

static struct sip_look *look_at(const struct sip *s, uint32_t sock)
{
	list_for(n, &s->looks) {
		struct sip_look *l = list_entry(n, struct sip_look, link);

		if (l->sock == sock)
			return l;
	}
	return NULL;
}

bool sip_look_input(struct sip *s, const struct flow *f, struct span bytes)
{
	struct sip_look *l = look_at(s, f->listener);

	if (!l)
		return false;
	sip_wire(s, f, false, bytes);
	if (span_starts(bytes, SPAN("SIP/2.0 ")) && span_find(bytes, span_of(l->branch)) >= 0)
		end(l, &f->peer);
	return true;
}

void sip_looks_free(struct sip *s)
{
	list_for_safe(n, &s->looks) {
		struct sip_look *l = list_entry(n, struct sip_look, link);

		sip_look_drop(&l);
	}
}
