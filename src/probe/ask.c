/*
 * probe/ask.c: the server's side. In this order, since what is sent opens a router's doors: who are we for the
 * listener; do its knocks arrive at ports that have sent nothing; only then, how do packets from these ports look from
 * outside, and does a SIP message come through as it was written.
 */
#include <stdlib.h>
#include <string.h>

#include "probe/priv.h"

#define AGAIN     400 /* ms between rounds of one phase */
#define ROUNDS    3
#define HELLOS    5
#define LAST_WAIT 1800 /* ms: the listener waits 1500 for the answer to an OPTIONS */

enum phase { SAY_HELLO, KNOCK, LOOK, DONE };

struct door {          /* a port of ours */
	uint32_t sock; /* 0: it is in use */
	struct addr bound;
	struct probe_port *to; /* what is known of it */
};
struct probe {
	struct clock *clock;
	struct net net;
	struct addr server, here, bound;
	struct secret key;
	uint32_t sock; /* for what is asked */
	struct door doors[PROBE_PORTS];
	enum phase phase;
	unsigned round;
	char cookie[PROBE_COOKIE + 1];
	ms_t asked_at;
	struct timer next;
	struct probe_report r;
	void (*done)(void *arg, const struct probe_report *r);
	void *arg;
};

/* ---- sending ---- */

static void send_from(struct probe *p, uint32_t sock, const struct addr *local, struct span bytes)
{
	struct flow f = { .sock = sock, .proto = NET_UDP, .listener = sock, .local = *local, .peer = p->server };

	p->net.send(p->net.arg, &f, bytes);
}

static void ask(struct probe *p, uint32_t sock, enum probe_op op, size_t door, struct span body)
{
	char buf[PROBE_MAX], tag[24];
	struct out o = out_fixed(buf, sizeof buf), t = out_fixed(tag, sizeof tag);
	struct probe_msg m = { op, p->cookie[0] ? span_of(p->cookie) : SPAN("0"), SPAN_NONE, body };

	out_fmt(&t, "%zu", door);
	m.tag = out_look(&t);
	probe_put(&o, secret_look(&p->key), &m);
	if (out_done(&o) > 0)
		send_from(p, sock, sock == p->sock ? &p->bound : &p->doors[door].bound, out_look(&o));
}

static void ask_port(struct probe *p, enum probe_op op, size_t door)
{
	char port[8];
	struct out o = out_fixed(port, sizeof port);

	out_fmt(&o, "%u", p->doors[door].to->port);
	ask(p, p->sock, op, door, out_look(&o));
}

static struct probe_sip sip_message(const struct probe *p)
{
	return (struct probe_sip){ .from = addr_with_port(&p->here, p->bound.port),
				   .to = p->server,
				   .cookie = span_of(p->cookie) };
}

static void send_sip(struct probe *p)
{
	struct probe_sip s = sip_message(p);
	char buf[PROBE_MAX];
	struct out o = out_fixed(buf, sizeof buf);

	probe_put_sip(&o, secret_look(&p->key), &s);
	if (out_done(&o) > 0)
		send_from(p, p->sock, &p->bound, out_look(&o));
}

/* ---- rounds ---- */

static void finish(struct probe *p)
{
	p->phase = DONE;
	for (size_t i = 0; i < p->r.n_ports; i++)
		if (p->r.reached && p->r.ports[i].arrives == PROBE_UNKNOWN)
			p->r.ports[i].arrives = PROBE_NO;
	if (p->r.reached && p->r.sip_out == PROBE_UNKNOWN)
		p->r.sip_out = PROBE_NO;
	if (p->r.reached && p->r.sip_in == PROBE_UNKNOWN)
		p->r.sip_in = PROBE_NO;
	p->done(p->arg, &p->r);
}

static void knock(struct probe *p)
{
	for (size_t i = 0; i < p->r.n_ports; i++) {
		if (p->r.ports[i].arrives != PROBE_UNKNOWN)
			continue;
		if (p->doors[i].sock)
			ask_port(p, PROBE_KNOCK, i);
		else if (p->round == 0) /* once: the listener waits for the answer */
			ask_port(p, PROBE_OPTIONS, i);
	}
}

static void look(struct probe *p)
{
	for (size_t i = 0; i < p->r.n_ports; i++)
		if (p->doors[i].sock && !p->r.ports[i].seen.family)
			ask(p, p->doors[i].sock, PROBE_LOOK, i, SPAN_NONE);
	if (p->r.sip_out == PROBE_UNKNOWN || p->r.sip_in == PROBE_UNKNOWN)
		send_sip(p);
}

static void begin(struct probe *p, enum phase phase)
{
	p->phase = phase;
	p->round = 0;
	clock_in(p->clock, &p->next, 0);
}

static void on_next(struct timer *t, ms_t now)
{
	struct probe *p = container_of(t, struct probe, next);
	unsigned rounds = p->phase == SAY_HELLO ? HELLOS : ROUNDS;

	if (p->round == rounds) {
		if (p->phase == KNOCK)
			begin(p, LOOK);
		else
			finish(p);
		return;
	}
	if (p->phase == SAY_HELLO)
		ask(p, p->sock, PROBE_HELLO, 0, SPAN_NONE);
	else if (p->phase == KNOCK)
		knock(p);
	else
		look(p);
	p->asked_at = now;
	p->round++;
	clock_in(p->clock, t, p->round == rounds && p->phase == KNOCK ? LAST_WAIT : AGAIN);
}

/* ---- what comes ---- */

/* The first line of what arrived that is not as it was written; empty: all is. */
static struct span first_change(struct span is, struct span was)
{
	struct span a, b;

	while (span_cut(&is, '\n', &a)) {
		if (!span_cut(&was, '\n', &b) || !span_eq(a, b))
			return span_trim(a);
	}
	return SPAN_NONE;
}

/* A router may add nothing and change nothing: every byte counts. */
static void judge_sip(struct probe *p, enum probe_says *says, struct span is, const struct probe_sip *s)
{
	char buf[PROBE_MAX];
	struct out o = out_fixed(buf, sizeof buf);

	probe_put_sip(&o, secret_look(&p->key), s);
	*says = span_eq(is, out_look(&o)) ? PROBE_YES : PROBE_NO;
	if (*says == PROBE_NO && !p->r.changed[0])
		span_copy(first_change(is, out_look(&o)), p->r.changed, sizeof p->r.changed);
}

static void on_sip(struct probe *p, struct span bytes)
{
	struct probe_sip s = { .from = p->r.seen, .to = p->r.seen, .cookie = span_of(p->cookie), .response = true };

	if (p->phase == LOOK && span_eq(probe_sip_cookie(bytes, secret_look(&p->key)), span_of(p->cookie)))
		judge_sip(p, &p->r.sip_in, bytes, &s);
}

static void on_hello(struct probe *p, const struct probe_msg *m)
{
	if (p->phase != SAY_HELLO || m->cookie.n != PROBE_COOKIE || !addr_parse(m->body, &p->r.seen))
		return;
	span_copy(m->cookie, p->cookie, sizeof p->cookie);
	p->r.reached = true;
	p->r.rtt = p->clock->now - p->asked_at;
	begin(p, KNOCK);
}

static void on_message(struct probe *p, uint32_t sock, const struct probe_msg *m)
{
	struct probe_sip sent = sip_message(p);
	uint32_t door = 0;
	struct probe_port *port;

	if (m->op == PROBE_COOKIE_IS) {
		on_hello(p, m);
		return;
	}
	if (!span_eq(m->cookie, span_of(p->cookie)) || !span_u32(m->tag, PROBE_PORTS, &door) || door >= p->r.n_ports)
		return;
	port = &p->r.ports[door];
	if (m->op == PROBE_KNOCKED && sock == p->doors[door].sock)
		port->arrives = PROBE_YES;
	else if (m->op == PROBE_SEEN && sock == p->doors[door].sock)
		addr_parse(m->body, &port->seen);
	else if (m->op == PROBE_ANSWERED && !p->doors[door].sock) {
		port->arrives = m->body.n ? PROBE_YES : port->sip ? PROBE_NO : PROBE_IN_USE;
		span_copy(m->body, port->answer, sizeof port->answer);
	} else if (m->op == PROBE_ECHO && p->phase == LOOK)
		judge_sip(p, &p->r.sip_out, m->body, &sent);
}

static void on_input(void *arg, const struct flow *f, struct span bytes)
{
	struct probe *p = arg;
	struct probe_msg m;

	if (p->phase == DONE)
		return;
	if (probe_take(bytes, secret_look(&p->key), &m))
		on_message(p, f->sock, &m);
	else if (f->sock == p->sock)
		on_sip(p, bytes);
}

static void ignore_flow(void *arg UNUSED, const struct flow *f UNUSED)
{
}

static void ignore_failure(void *arg UNUSED, const struct flow *f UNUSED, int err UNUSED)
{
}

struct net_sink probe_sink(struct probe *p)
{
	return (struct net_sink){ .arg = p, .input = on_input, .accepted = ignore_flow, .failed = ignore_failure };
}

/* ---- life ---- */

static void open_door(struct probe *p, uint16_t number, bool sip)
{
	struct net_listen at = { .proto = NET_UDP, .bind = { .family = p->server.family, .port = number } };
	struct door *d = &p->doors[p->r.n_ports];

	if (p->r.n_ports == PROBE_PORTS)
		return;
	d->to = &p->r.ports[p->r.n_ports++];
	*d->to = (struct probe_port){ .port = number, .sip = sip };
	if (p->net.listen(p->net.arg, &at, &d->sock, &d->bound) < 0)
		d->sock = 0;
}

struct probe *probe_new(const struct probe_ask *a)
{
	struct probe *p = xcalloc(1, sizeof *p);
	struct net_listen at = { .proto = NET_UDP, .bind = { .family = a->server.family } };

	p->clock = a->clock;
	p->net = a->net;
	p->server = a->server;
	p->here = a->here;
	p->done = a->done;
	p->arg = a->arg;
	p->next.fire = on_next;
	secret_set(&p->key, a->key);
	for (size_t i = 0; i < a->n_sip; i++)
		open_door(p, a->sip_ports[i], true);
	for (size_t i = 0; i < a->n_rtp; i++)
		open_door(p, a->rtp_ports[i], false);
	if (p->net.listen(p->net.arg, &at, &p->sock, &p->bound) < 0) {
		probe_free(&p);
		return NULL;
	}
	begin(p, SAY_HELLO);
	return p;
}

void probe_free(struct probe **at)
{
	struct probe *p = *at;

	if (!p)
		return;
	clock_stop(p->clock, &p->next);
	for (size_t i = 0; i < p->r.n_ports; i++)
		if (p->doors[i].sock)
			p->net.close(p->net.arg, p->doors[i].sock);
	if (p->sock)
		p->net.close(p->net.arg, p->sock);
	secret_wipe(&p->key);
	free(p);
	*at = NULL;
}
