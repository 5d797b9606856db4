/*
 * tests/unit/test_sip_fake.h: the SIP core without a network: a fake struct net that keeps what is sent, a clock that
 * moves only when told, a user who takes every request. Messages are written with bare line feeds; %-formats are
 * printf's.
 */
#pragma once
#include "test_conf_mem.h"

#include <errno.h>

#include "base/trace.h"
#include "sip/priv.h"

#define FAKE_UDP "[udp]\ntype=transport\nprotocol=udp\nbind=192.0.2.1\n"
#define FAKE_TCP "[tcp]\ntype=transport\nprotocol=tcp\nbind=192.0.2.1\n"
#define FAKE_TLS "[tls]\ntype=transport\nprotocol=tls\nbind=192.0.2.1\n"
#define PHONE    "198.51.100.7:5062"

struct fake_sent {
	struct flow flow;
	char *bytes;
	size_t n;
	ms_t at;
};

struct fake_sock {
	bool open, listener;
	enum net_proto proto;
	struct addr bound;
	struct flow flow; /* a connection's */
};

struct fake {
	struct clock clock;
	struct sip *sip;
	struct net_sink sink;
	struct conf *conf;
	struct fake_sock socks[64];
	uint32_t n_socks;
	struct fake_sent *sent;
	unsigned n_sent, seen, cap;
	struct sip_msg *last; /* the message that fake_next gave */
	int send_err, connect_err;
	char meant[64];                /* the name that the last connection was made for */
	const char *route;             /* the source address of what leaves */
	const struct dns_record *zone; /* .name is the owner; .flags of SRV and NAPTR hold "s" or nothing */
	const char *const *owners;
	size_t n_zone;
	struct timer dns;
	struct {
		uint64_t id;
		char name[256];
		enum dns_type type;
	} asked[64];
	unsigned n_asked, questions;
	bool dns_silent;
	/* the user */
	struct sip_uas *uas; /* of the latest request */
	struct sip_msg *request;
	unsigned requests, closed;
	void (*on_request)(struct fake *f);
};

static inline int fake_listen(void *arg, const struct net_listen *ask, uint32_t *id, struct addr *bound)
{
	struct fake *f = arg;

	if (ask->bind.port == 1)
		return -EACCES;
	f->socks[f->n_socks] = (struct fake_sock){ true, true, ask->proto, ask->bind, { 0 } };
	*id = ++f->n_socks;
	*bound = ask->bind;
	return 0;
}

static inline void fake_close(void *arg, uint32_t sock)
{
	struct fake *f = arg;

	assert_in_range(sock, 1, f->n_socks);
	f->socks[sock - 1].open = false;
	for (uint32_t i = 0; i < f->n_socks; i++)
		if (f->socks[i].flow.listener == sock)
			f->socks[i].open = false;
}

static inline struct flow fake_conn(struct fake *f, uint32_t listener, const struct addr *peer)
{
	struct fake_sock *s = &f->socks[f->n_socks++];

	assert_true(f->n_socks <= ARRAY_LEN(f->socks));
	*s = (struct fake_sock){ .open = true, .proto = f->socks[listener - 1].proto };
	s->flow = (struct flow){ f->n_socks, s->proto, listener, addr_with_port(&f->socks[listener - 1].bound, 40000),
				 *peer };
	return s->flow;
}

static inline int fake_connect(void *arg, uint32_t listener, const struct addr *to, struct span name, struct flow *flow)
{
	struct fake *f = arg;

	span_copy(name, f->meant, sizeof f->meant);
	if (!f->connect_err)
		*flow = fake_conn(f, listener, to);
	return f->connect_err;
}

static inline int fake_send(void *arg, const struct flow *flow, struct span bytes)
{
	struct fake *f = arg;

	assert_in_range(flow->sock, 1, f->n_socks);
	assert_true(f->socks[flow->sock - 1].open);
	if (f->send_err)
		return f->send_err;
	if (f->n_sent == f->cap) {
		f->cap = f->cap ? f->cap * 2 : 64;
		f->sent = xrealloc(f->sent, f->cap * sizeof *f->sent);
	}
	f->sent[f->n_sent++] = (struct fake_sent){ *flow, span_dup(bytes), bytes.n, f->clock.now };
	return 0;
}

/* Listener 0: what the routes say. */
static inline struct addr fake_source(void *arg, uint32_t listener, const struct addr *to)
{
	struct fake *f = arg;
	struct addr a = { 0 };

	if (listener && !addr_is_any(&f->socks[listener - 1].bound))
		a = addr_with_port(&f->socks[listener - 1].bound, 0);
	else
		addr_parse(span_of(to->family == 4 ? f->route : "2001:db8::1"), &a);
	return a.family == to->family ? a : (struct addr){ 0 };
}

static inline void fake_resolve(void *arg, uint64_t id, const char *name, enum dns_type type)
{
	struct fake *f = arg;

	assert_true(f->n_asked < ARRAY_LEN(f->asked));
	f->asked[f->n_asked].id = id;
	f->asked[f->n_asked].type = type;
	span_copy(span_of(name), f->asked[f->n_asked++].name, sizeof f->asked[0].name);
	f->questions++;
	clock_in(&f->clock, &f->dns, 0);
}

static inline void fake_answer_dns(struct timer *t, ms_t now UNUSED)
{
	struct fake *f = container_of(t, struct fake, dns);

	while (f->n_asked && !f->dns_silent) {
		struct dns_record rs[16];
		size_t n = 0;

		for (size_t i = 0; i < f->n_zone && n < ARRAY_LEN(rs); i++)
			if (f->zone[i].type == f->asked[0].type && !strcasecmp(f->owners[i], f->asked[0].name))
				rs[n++] = f->zone[i];
		f->n_asked--;
		uint64_t id = f->asked[0].id;
		memmove(f->asked, f->asked + 1, f->n_asked * sizeof f->asked[0]);
		f->sink.resolved(f->sink.arg, id, rs, n, 0);
	}
}

static inline void fake_request(void *arg, struct sip_uas *uas, const struct sip_msg *m)
{
	struct fake *f = arg;

	f->requests++;
	f->uas = uas;
	sip_msg_unref(f->request);
	f->request = sip_msg_ref((struct sip_msg *)m);
	if (f->on_request)
		f->on_request(f);
}

static inline void fake_closed(void *arg, const struct flow *flow UNUSED)
{
	((struct fake *)arg)->closed++;
}

static inline void fake_conf(struct fake *f, const char *pjsip, const char *hairpin)
{
	const char *files[] = { "pjsip.conf",  pjsip,          "extensions.conf",
				"[default]\n", "hairpin.conf", hairpin ? hairpin : "[general]\n",
				NULL };
	struct diag why = { 0 };
	struct conf *c = mem_load(files, &why);

	assert_int_equal(sip_adopt(f->sip, c, &why), 0);
	diag_free(&why);
	conf_unref(f->conf);
	f->conf = c;
}

static inline struct fake *fake_new(const char *pjsip, const char *hairpin)
{
	struct fake *f = xcalloc(1, sizeof *f);
	struct sip_config c = { .clock = &f->clock,
				.net = { .arg = f,
					 .listen = fake_listen,
					 .close = fake_close,
					 .connect = fake_connect,
					 .send = fake_send,
					 .source = fake_source,
					 .resolve = fake_resolve },
				.user = { .arg = f, .request = fake_request, .closed = fake_closed } };

	rng_seed(&f->clock.rng, (const uint8_t[32]){ 7 });
	f->clock.now = 1000000;
	f->route = "192.0.2.1";
	f->dns.fire = fake_answer_dns;
	f->sip = sip_new(&c);
	f->sink = sip_sink(f->sip);
	fake_conf(f, pjsip, hairpin);
	return f;
}

static inline void fake_free(struct fake *f)
{
	sip_free(f->sip);
	clock_stop(&f->clock, &f->dns);
	assert_int_equal(timers_next(&f->clock.timers), MS_NEVER); /* nothing is left behind */
	timers_free(&f->clock.timers);
	sip_msg_unref(f->last);
	sip_msg_unref(f->request);
	for (unsigned i = 0; i < f->n_sent; i++)
		free(f->sent[i].bytes);
	free(f->sent);
	conf_unref(f->conf);
	free(f);
}

/* Lets time pass, timer by timer. fake_run(f, 0) runs what is due. */
/* Transactions, those included of which only repeats are expected. */
static inline size_t fake_uass(const struct fake *f)
{
	return f->sip->uass.n + f->sip->spent.uass.n;
}

static inline size_t fake_ctxs(const struct fake *f)
{
	return f->sip->ctxs.n + f->sip->spent.ctxs.n;
}

static inline void fake_run(struct fake *f, ms_t by)
{
	ms_t until = f->clock.now + by, next;

	while ((next = timers_next(&f->clock.timers)) <= until) {
		f->clock.now = MAX(f->clock.now, next);
		timers_run(&f->clock.timers, f->clock.now);
	}
	f->clock.now = until;
}

/* ---- messages ---- */

static inline struct addr fake_addr(const char *text)
{
	struct addr a;

	assert_true(addr_parse(span_of(text), &a));
	return a;
}

/* printf, with CRLF for LF; a malloc'd span. */
static inline struct span fake_text(const char *fmt, va_list ap)
{
	struct out o = out_growing();
	char *plain = NULL;

	assert_true(vasprintf(&plain, fmt, ap) >= 0);
	for (char *p = plain; *p; p++) {
		if (*p == '\n')
			out_char(&o, '\r');
		out_char(&o, *p);
	}
	free(plain);
	return (struct span){ o.p, o.n };
}

static inline void fake_bytes(struct fake *f, const struct flow *flow, struct span bytes)
{
	char *exact = xmalloc(bytes.n ? bytes.n : 1); /* a read past the end is caught */

	memcpy(exact, bytes.p, bytes.n);
	f->sink.input(f->sink.arg, flow, (struct span){ exact, bytes.n });
	free(exact);
}

static inline struct flow fake_udp_flow(struct fake *f, const char *peer)
{
	return (struct flow){ 1, NET_UDP, 1, f->socks[0].bound, fake_addr(peer) };
}

static inline void PRINTF(3, 4) fake_rx(struct fake *f, const char *peer, const char *fmt, ...)
{
	struct flow flow = fake_udp_flow(f, peer);
	struct span text;
	va_list ap;

	va_start(ap, fmt);
	text = fake_text(fmt, ap);
	va_end(ap);
	fake_bytes(f, &flow, text);
	free((char *)text.p);
}

static inline void PRINTF(3, 4) fake_rx_on(struct fake *f, const struct flow *flow, const char *fmt, ...)
{
	struct span text;
	va_list ap;

	va_start(ap, fmt);
	text = fake_text(fmt, ap);
	va_end(ap);
	fake_bytes(f, flow, text);
	free((char *)text.p);
}

/* The next message sent, parsed; NULL when there is none. Valid until the next call. */
static inline const struct sip_msg *fake_next(struct fake *f)
{
	const char *why = "";
	struct fake_sent *s;

	if (f->seen == f->n_sent)
		return NULL;
	s = &f->sent[f->seen++];
	sip_msg_unref(f->last);
	f->last = sip_msg_parse((struct span){ s->bytes, s->n }, &why);
	if (!f->last)
		fail_msg("sent what cannot be read (%s): %.*s", why, (int)s->n, s->bytes);
	if (f->last->request) /* an answer may repeat what was wrong in its request */
		assert_int_equal(f->last->bad_code, 0);
	f->last->flow = s->flow;
	return f->last;
}

/* The next message sent must be this method's request, or have this status. */
static inline const struct sip_msg *fake_expect(struct fake *f, const char *what)
{
	const struct sip_msg *m = fake_next(f);
	char text[16];

	if (!m)
		fail_msg("nothing was sent; %s was expected", what);
	snprintf(text, sizeof text, "%u", m->status);
	if (m->request ? !span_is(m->method_text, what) : strcmp(text, what) != 0)
		fail_msg("%s was expected, this was sent:\n%.*s", what, SP(m->bytes));
	return m;
}

static inline void fake_silence(struct fake *f)
{
	const struct sip_msg *m = fake_next(f);

	if (m)
		fail_msg("nothing was expected, this was sent:\n%.*s", SP(m->bytes));
}

static inline ms_t fake_sent_at(const struct fake *f)
{
	return f->sent[f->seen - 1].at;
}

static inline void fake_to(const struct sip_msg *m, const char *peer)
{
	char text[ADDR_STRLEN];

	assert_string_equal(addr_str(&m->flow.peer, text), peer);
}

static inline bool span_has(struct span s, const char *what)
{
	return span_find(s, span_of(what)) >= 0;
}

/* The peer answers the request m that we sent. `tag` may be ""; `more` is header lines. */
static inline void fake_reply(struct fake *f, const struct sip_msg *m, unsigned code, const char *tag, const char *more)
{
	struct sip_msg *hold = sip_msg_ref((struct sip_msg *)m); /* f->last may change in the call */
	struct flow flow = m->flow;
	char *to = xasprintf("%.*s%s%s", SP(m->to.text), *tag ? ";tag=" : "", tag);

	fake_rx_on(f, &flow,
		   "SIP/2.0 %u Whatever\nVia: %.*s\nFrom: %.*s\nTo: %s\nCall-ID: %.*s\nCSeq: %u %.*s\n%s"
		   "Content-Length: 0\n\n",
		   code, SP(m->via.text), SP(m->from.text), to, SP(m->call_id), m->cseq, SP(m->method_text), more);
	free(to);
	sip_msg_unref(hold);
}

/* ---- asking ---- */

struct fake_call {
	struct fake *f;
	struct sip_uac *uac;
	unsigned provisional, finals, code, built;
	char why[128];
	bool ours; /* the final answer is the core's own */
	struct sip_dialog *dialog;
	struct sip_dialog_conf dc;
	bool no_ack; /* leave the ACK to the test */
	void (*on_answer)(struct fake_call *c, const struct sip_msg *m);
};

static inline void fake_call_build(void *arg, struct sip_build *b)
{
	((struct fake_call *)arg)->built++;
	sip_put_contact(b, SPAN("me"), SPAN_NONE, SPAN_NONE);
}

static inline void fake_answered(void *arg, struct sip_uac *uac, const struct sip_msg *m, unsigned code,
				 const char *why)
{
	struct fake_call *c = arg;

	assert_ptr_equal(uac, c->uac);
	assert_int_equal(c->finals, 0);
	c->ours = !m;
	c->code = code;
	snprintf(c->why, sizeof c->why, "%s", why ? why : "");
	if (code < 200)
		c->provisional++;
	else
		c->finals++;
	if (m && code >= 200 && code < 300 && m->method == SIP_INVITE && !c->no_ack) {
		c->dialog = sip_dialog_uac(uac, m, &c->dc);
		assert_non_null(c->dialog);
		sip_dialog_ack(c->dialog, m->cseq, NULL, NULL);
	}
	if (c->on_answer)
		c->on_answer(c, m);
	if (code >= 200)
		c->uac = NULL;
}

/* Asks; `more` may be NULL or hold what differs from a plain request. */
static inline void fake_ask(struct fake *f, struct fake_call *c, enum sip_method method, const char *uri,
			    const struct sip_ask *more)
{
	struct sip_ask a = more ? *more : (struct sip_ask){ 0 };
	unsigned before = f->n_sent;

	c->f = f;
	a.method = method;
	a.uri = span_of(uri);
	a.build = fake_call_build;
	a.answer = fake_answered;
	a.arg = c;
	c->uac = sip_ask(f->sip, &a);
	assert_int_equal(f->n_sent, before); /* nothing happens from inside */
	fake_run(f, 0);
}
