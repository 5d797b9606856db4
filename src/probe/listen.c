/*
 * probe/listen.c: the outside machine. It answers whoever has the key, at the address that returned the cookie, and
 * keeps no state but the OPTIONS that wait for an answer.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "probe/priv.h"

#define ASKED        32   /* OPTIONS under way; more are answered with silence */
#define ASK_PATIENCE 1500 /* ms */

struct asked { /* an OPTIONS that we sent for somebody */
	struct probe_listener *l;
	bool busy;
	struct flow asker;
	struct addr to;
	char cookie[PROBE_COOKIE + 1], tag[24];
	struct timer over;
};

struct probe_listener {
	struct clock *clock;
	struct net net;
	struct secret key, cookies; /* cookies: what makes them, ours alone */
	uint32_t sock, other;       /* other: a port that no asker has written to */
	struct addr bound, other_bound;
	struct asked asked[ASKED];
	void (*say)(void *arg, const char *line);
	void *arg;
};

static void say(const struct probe_listener *l, const char *what, const struct addr *who)
{
	char text[ADDR_STRLEN], line[160];
	struct out o = out_fixed(line, sizeof line - 1);

	if (!l->say)
		return;
	out_fmt(&o, "%s %s", addr_str(who, text), what);
	line[o.n] = '\0';
	l->say(l->arg, line);
}

static void send_on(struct probe_listener *l, uint32_t sock, const struct addr *to, struct span bytes)
{
	struct flow f = { .sock = sock, .proto = NET_UDP, .listener = sock, .peer = *to };

	f.local = sock == l->sock ? l->bound : l->other_bound;
	l->net.send(l->net.arg, &f, bytes);
}

static void reply(struct probe_listener *l, uint32_t sock, const struct addr *to, const struct probe_msg *m)
{
	char buf[PROBE_MAX];
	struct out o = out_fixed(buf, sizeof buf);

	probe_put(&o, secret_look(&l->key), m);
	if (out_done(&o) > 0)
		send_on(l, sock, to, out_look(&o));
}

/* An address's cookie: nobody can have it who does not receive what is sent there. */
static void cookie_of(const struct probe_listener *l, const struct addr *ip, char cookie[PROBE_COOKIE + 1])
{
	char mac[PROBE_MAC + 1];
	struct out o = out_growing();

	addr_out_ip(&o, ip);
	probe_mac(secret_look(&l->cookies), out_look(&o), mac);
	out_free(&o);
	memcpy(cookie, mac, PROBE_COOKIE);
	cookie[PROBE_COOKIE] = '\0';
}

static bool has_cookie(const struct probe_listener *l, const struct flow *f, struct span cookie)
{
	char good[PROBE_COOKIE + 1];

	cookie_of(l, &f->peer, good);
	return secret_eq(cookie, span_of(good));
}

/* ---- OPTIONS ---- */

static void end_asked(struct asked *a, struct span answer)
{
	struct probe_msg m = { PROBE_ANSWERED, span_of(a->cookie), span_of(a->tag), answer };

	clock_stop(a->l->clock, &a->over);
	a->busy = false;
	reply(a->l, a->l->sock, &a->asker.peer, &m);
}

static void on_over(struct timer *t, ms_t now UNUSED)
{
	end_asked(container_of(t, struct asked, over), SPAN_NONE);
}

static void send_options(struct asked *a)
{
	struct probe_listener *l = a->l;
	char buf[PROBE_MAX], to[ADDR_STRLEN], from[ADDR_STRLEN];
	struct out o = out_fixed(buf, sizeof buf);

	addr_str(&a->to, to);
	addr_str(&l->other_bound, from);
	out_fmt(&o,
		"OPTIONS sip:%s SIP/2.0\r\nVia: SIP/2.0/UDP %s;rport;branch=z9hG4bK%s%s\r\nMax-Forwards: 70\r\n"
		"From: <sip:probe@%s>;tag=probe\r\nTo: <sip:%s>\r\nCall-ID: %s%s\r\nCSeq: 1 OPTIONS\r\n"
		"Content-Length: 0\r\n\r\n",
		to, from, a->cookie, a->tag, from, to, a->cookie, a->tag);
	send_on(l, l->other, &a->to, out_look(&o));
}

static void begin_options(struct probe_listener *l, const struct flow *f, const struct probe_msg *m, uint16_t port)
{
	for (size_t i = 0; i < ASKED; i++) {
		struct asked *a = &l->asked[i];

		if (a->busy || m->tag.n >= sizeof a->tag)
			continue;
		a->busy = true;
		a->l = l;
		a->asker = *f;
		a->to = addr_with_port(&f->peer, port);
		span_copy(m->cookie, a->cookie, sizeof a->cookie);
		span_copy(m->tag, a->tag, sizeof a->tag);
		a->over.fire = on_over;
		clock_in(l->clock, &a->over, ASK_PATIENCE);
		send_options(a);
		return;
	}
}

/* An answer to an OPTIONS of ours: whatever it says, somebody is there. */
static void on_answer(struct probe_listener *l, const struct flow *f, struct span bytes)
{
	long end = span_find(bytes, SPAN("\r\n"));

	for (size_t i = 0; i < ASKED; i++) {
		struct asked *a = &l->asked[i];

		if (a->busy && addr_ip_eq(&a->to, &f->peer) && span_find(bytes, span_of(a->cookie)) >= 0 &&
		    span_find(bytes, span_of(a->tag)) >= 0) {
			end_asked(a, span_sub(bytes, 0, (size_t)MIN(MAX(end, 0), 60)));
			return;
		}
	}
}

/* ---- what comes ---- */

static void tell_seen(struct probe_listener *l, const struct flow *f, enum probe_op op, const struct probe_msg *ask)
{
	char cookie[PROBE_COOKIE + 1], text[ADDR_STRLEN];
	struct probe_msg m = { .op = op, .tag = ask->tag, .body = span_of(addr_str(&f->peer, text)) };

	cookie_of(l, &f->peer, cookie);
	m.cookie = span_of(cookie);
	reply(l, l->sock, &f->peer, &m);
}

static void on_ask(struct probe_listener *l, const struct flow *f, const struct probe_msg *m)
{
	struct probe_msg knock = { PROBE_KNOCKED, m->cookie, m->tag, m->body };
	struct addr to;
	uint32_t port;

	if (m->op == PROBE_HELLO) {
		say(l, "asks for a look from outside", &f->peer);
		tell_seen(l, f, PROBE_COOKIE_IS, m);
		return;
	}
	if (!has_cookie(l, f, m->cookie))
		return;
	if (m->op == PROBE_LOOK)
		tell_seen(l, f, PROBE_SEEN, m);
	if ((m->op != PROBE_KNOCK && m->op != PROBE_OPTIONS) || !span_u32(m->body, 65535, &port) || !port)
		return;
	to = addr_with_port(&f->peer, (uint16_t)port);
	if (m->op == PROBE_KNOCK)
		reply(l, l->other, &to, &knock);
	else
		begin_options(l, f, m, (uint16_t)port);
}

/* A SIP message of the asker's: it gets back what arrived, and one in the other direction. */
static void on_sip(struct probe_listener *l, const struct flow *f, struct span bytes)
{
	struct span cookie = probe_sip_cookie(bytes, secret_look(&l->key));
	struct probe_msg m = { PROBE_ECHO, cookie, SPAN("0"), bytes };
	struct probe_sip back = { .from = f->peer, .to = f->peer, .cookie = cookie, .response = true };
	char buf[PROBE_MAX];
	struct out o = out_fixed(buf, sizeof buf);

	if (!cookie.n || !has_cookie(l, f, cookie))
		return;
	reply(l, l->sock, &f->peer, &m);
	probe_put_sip(&o, secret_look(&l->key), &back);
	if (out_done(&o) > 0)
		send_on(l, l->sock, &f->peer, out_look(&o));
}

static void on_input(void *arg, const struct flow *f, struct span bytes)
{
	struct probe_listener *l = arg;
	struct probe_msg m;

	if (bytes.n > PROBE_MAX)
		return;
	if (f->sock == l->other)
		on_answer(l, f, bytes);
	else if (probe_take(bytes, secret_look(&l->key), &m))
		on_ask(l, f, &m);
	else
		on_sip(l, f, bytes);
}

static void ignore_flow(void *arg UNUSED, const struct flow *f UNUSED)
{
}

static void ignore_failure(void *arg UNUSED, const struct flow *f UNUSED, int err UNUSED)
{
}

struct net_sink probe_listener_sink(struct probe_listener *l)
{
	return (struct net_sink){ .arg = l, .input = on_input, .accepted = ignore_flow, .failed = ignore_failure };
}

int probe_listener_new(const struct probe_listen *c, struct probe_listener **out)
{
	struct probe_listener *l = xcalloc(1, sizeof *l);
	struct net_listen ask = { .proto = NET_UDP, .bind = c->bind };
	char cookies[33];
	int err;

	l->clock = c->clock;
	l->net = c->net;
	l->say = c->say;
	l->arg = c->arg;
	rng_token(&c->clock->rng, cookies, 32);
	secret_set(&l->key, c->key);
	secret_set(&l->cookies, span_of(cookies));
	err = l->net.listen(l->net.arg, &ask, &l->sock, &l->bound);
	ask.bind.port = 0;
	if (!err)
		err = l->net.listen(l->net.arg, &ask, &l->other, &l->other_bound);
	if (err)
		probe_listener_free(&l);
	*out = l;
	return err;
}

void probe_listener_free(struct probe_listener **at)
{
	struct probe_listener *l = *at;

	if (!l)
		return;
	for (size_t i = 0; i < ASKED; i++)
		clock_stop(l->clock, &l->asked[i].over);
	if (l->sock)
		l->net.close(l->net.arg, l->sock);
	if (l->other)
		l->net.close(l->net.arg, l->other);
	secret_wipe(&l->key);
	secret_wipe(&l->cookies);
	free(l);
	*at = NULL;
}
