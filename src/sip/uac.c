/*
 * sip/uac.c: one request as its user means it: located (RFC 3263), sent to one target after the other until one
 * answers, sent again with credentials when challenged (RFC 3261 22), cancelled on wish (9.1). Each attempt is a
 * transaction of its own and is built anew for its destination.
 *
 * The uac lives until its final answer was told and no transaction points to it any more. An INVITE's 2xx may come
 * again or come from another fork, and those that nobody wants are ACKed and ended with BYE here (13.2.2.4): what that
 * takes stays with the transaction for as long, and the rest of the uac goes.
 */
#include "sip/priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/trace.h"

#define DEAD_FOR    32000
#define PATIENCE    8    /* * T1: a silent target is given up for the next one */
#define PRACKS      1000 /* more than a branch of a fork ever has */
#define CALL_ID_LEN 22   /* 132 bits */

static void attempt(struct sip_uac *u);

static struct span copy(struct sip_uac *u, struct span s)
{
	return s.n ? arena_copy(u->mem, s) : SPAN_NONE;
}

static void uac_free_if_idle(struct sip_uac *u)
{
	struct sip *s = u->sip;
	struct arena *mem = u->mem;

	if (!u->done || u->ctxs || u->locating)
		return;
	sip_stop(s, &u->start);
	sip_stop(s, &u->limit);
	sip_stop(s, &u->patience);
	list_del(&u->link);
	s->n_uacs--;
	list_del(&u->in_dialog);
	conf_unref(u->ask.conf);
	free(u->credentials);
	arena_free(mem); /* all but its first block */
	spares_give(&s->spares, mem);
}

static void finish(struct sip_uac *u, const struct sip_msg *m, unsigned code, const char *why)
{
	u->done = true;
	sip_stop(u->sip, &u->start);
	sip_stop(u->sip, &u->patience);
	if (!u->cancelled || u->ask.method != SIP_INVITE)
		sip_stop(u->sip, &u->limit);
	if (u->locating) {
		sip_locate_drop(u->locating);
		u->locating = NULL;
	}
	if (u->ask.answer)
		u->ask.answer(u->ask.arg, u, m, code, why);
	u->ask.answer = NULL;
	u->ask.build = NULL;
}

/* ---- writing ---- */

static void out_from(struct out *o, const struct sip_uac *u, const struct nat_face *face)
{
	const struct sip_ask *a = &u->ask;
	const char *def = u->sip->conf->global.default_from_user;

	if (a->from_text.n) {
		sip_out_line(o, "From", a->from_text);
		return;
	}
	out_str(o, "From: ");
	if (a->from_display.n) {
		sip_out_quoted(o, a->from_display);
		out_char(o, ' ');
	}
	out_str(o, "<sip:");
	sip_out_user(o, a->from_user.n ? a->from_user : span_of(def));
	out_char(o, '@');
	if (a->from_domain.n)
		out_span(o, a->from_domain);
	else
		out_str(o, face->host);
	out_all(o, a->from_params, ">;tag=", u->tag, "\r\n");
}

static bool is_loose(struct span route)
{
	struct sip_naddr a;

	return sip_naddr_parse(route, &a) && sip_param(a.uri.params, "lr", NULL);
}

/* Request-URI and Route: 12.2.1.1 and 16.6 step 6 for a strict router. */
static void out_target(struct out *o, const struct sip_uac *u, const char *method)
{
	const struct sip_ask *a = &u->ask;
	bool strict = !a->proxy.n && a->n_routes && !is_loose(a->routes[0]);
	struct sip_naddr first;

	if (strict && sip_naddr_parse(a->routes[0], &first))
		out_all(o, method, " ", first.uri.text, " SIP/2.0\r\n");
	else
		out_all(o, method, " ", a->uri, " SIP/2.0\r\n");
}

static void out_routes(struct out *o, const struct sip_uac *u)
{
	const struct sip_ask *a = &u->ask;
	bool strict = !a->proxy.n && a->n_routes && !is_loose(a->routes[0]);

	if (a->proxy.n)
		out_fmt(o, a->proxy.p[0] == '<' ? "Route: %.*s\r\n" : "Route: <%.*s>\r\n", SP(a->proxy));
	for (size_t i = strict; i < a->n_routes; i++)
		sip_out_line(o, "Route", a->routes[i]);
	if (strict)
		out_fmt(o, "Route: <%.*s>\r\n", SP(a->uri));
}

static void write_request(struct sip_uac *u, const char *branch, struct out *o)
{
	const struct sip_ask *a = &u->ask;
	struct sip *s = u->sip;
	const char *method = sip_method_names[a->method];
	struct sip_build b;

	sip_build_init(s, &b, &u->flow, o);
	sip_build_face(&b);
	b.request = true;
	b.secure = span_istarts(a->uri, SPAN("sips:"));
	out_target(o, u, method);
	out_all(o, "Via: SIP/2.0/", net_proto_name(u->flow.proto), " ", b.face.host);
	if (b.face.port)
		out_all(o, ":", b.face.port);
	out_all(o, s->conf->system.disable_rport ? ";branch=" : ";rport;branch=", branch, "\r\n");
	out_routes(o, u);
	out_all(o, "Max-Forwards: ", a->max_forwards ? a->max_forwards : s->conf->global.max_forwards, "\r\n");
	out_from(o, u, &b.face);
	if (a->to.n)
		sip_out_line(o, "To", a->to);
	else
		out_all(o, "To: <", a->uri, ">\r\n");
	out_all(o, "Call-ID: ", a->call_id, "\r\nCSeq: ", u->cseq, " ", method, "\r\n");
	if (u->credentials)
		out_str(o, u->credentials);
	out_span(o, a->headers);
	if (a->build)
		a->build(a->arg, &b);
	out_all(o, "User-Agent: ", a->user_agent ? a->user_agent : sip_user_agent(s), "\r\n");
	sip_build_end(&b);
}

/* ---- cancelling ---- */

/* CANCEL copies the INVITE's top Via, Route, From, To and CSeq number (9.1). */
static void send_cancel(struct sip_uac *u, struct sip_ctx *inv)
{
	struct sip *s = u->sip;
	struct out o = out_fixed(s->scratch, SIP_SCRATCH);
	char key[SIP_BRANCH_MAX + 1] = "c";
	struct sip_walk w = { 0 };
	const char *why;
	struct sip_msg *m;
	struct span v;

	span_copy(span_of(inv->branch), key + 1, sizeof key - 1);
	if (sip_ctx_named(s, span_of(key)))
		return;
	m = sip_msg_parse((struct span){ inv->bytes, inv->n }, &why);
	BUG_ON(!m);
	out_fmt(&o, "CANCEL %.*s SIP/2.0\r\n", SP(m->ruri.text));
	sip_out_line(&o, "Via", m->via.text);
	while (sip_walk(m, SIP_HDR_ROUTE, &w, &v))
		sip_out_line(&o, "Route", v);
	sip_out_line(&o, "From", m->from.text);
	sip_out_line(&o, "To", m->to.text);
	sip_out_line(&o, "Call-ID", m->call_id);
	out_fmt(&o, "CSeq: %u CANCEL\r\nMax-Forwards: %u\r\n", m->cseq, s->conf->global.max_forwards);
	if (u->reason.n)
		sip_out_line(&o, "Reason", u->reason);
	out_fmt(&o, "User-Agent: %s\r\nContent-Length: 0\r\n\r\n", sip_user_agent(s));
	sip_msg_unref(m);
	if (out_done(&o) > 0)
		sip_ctx_start(sip_ctx_new(s, key, false, &inv->flow, out_look(&o)));
}

static void cancel_now(struct sip_uac *u)
{
	if (u->cancel_sent || !u->ctx)
		return;
	u->cancel_sent = true;
	send_cancel(u, u->ctx);
	sip_in(u->sip, &u->limit, 64 * u->sip->t1); /* 9.1: then the transaction is given up */
}

void sip_uac_cancel(struct sip_uac *u, struct span reason)
{
	if (u->cancelled || u->done)
		return;
	u->cancelled = true;
	u->reason = copy(u, reason);
	if (u->got_1xx)
		cancel_now(u);
	else if (!u->ctx)
		sip_in(u->sip, &u->start, 0); /* nothing was sent: tell from the loop */
}

void sip_uac_forget(struct sip_uac *u)
{
	u->ask.answer = NULL;
	if (u->done)
		return;
	if (u->ask.method == SIP_INVITE && u->ctx) {
		u->cancelled = true;
		finish(u, NULL, 487, NULL);
		if (u->got_1xx)
			cancel_now(u);
		return;
	}
	finish(u, NULL, 487, NULL);
	sip_in(u->sip, &u->start, 0);
}

/* ---- answers ---- */

static struct sip_rest rest_of(const struct sip_uac *u)
{
	return (struct sip_rest){ u->ask.auths,   u->ask.n_auths,   u->ask.conf,           u->ask.transport,
				  u->credentials, u->forks != NULL, u->ask.rewrite_contact };
}

/* A peer may answer with any number of tags: what ends them has an end, too. */
static void end_dialog_of(struct sip *s, const struct sip_rest *r, const struct sip_msg *m)
{
	struct sip_dialog_conf c = { .auths = r->auths,
				     .n_auths = r->n_auths,
				     .conf = r->conf,
				     .transport = r->transport,
				     .rewrite_contact = r->rewrite };
	struct sip_ask bye = { .method = SIP_BYE };
	struct sip_dialog *d;

	if (s->n_uacs >= s->conf->hairpin.max_transactions) {
		count(CNT_sip_shed);
		return;
	}
	d = sip_dialog_answered(s, m, &c, r->credentials);
	d->local_cseq += r->pracked ? PRACKS : 0; /* which it may have had */
	trace(EV_SIP_NO, NULL, "a 2xx that nobody waits for is ended: %.*s", SP(m->call_id));
	sip_dialog_ack(d, m->cseq, NULL, NULL);
	sip_dialog_ask(d, &bye);
	sip_dialog_free(&d);
}

static void end_unwanted(struct sip_uac *u, const struct sip_msg *m)
{
	struct sip_rest r = rest_of(u);

	end_dialog_of(u->sip, &r, m);
}

/*
 * A 2xx after the final answer. The same again: the ACK again, if it was sent already. One to a re-INVITE that nobody
 * waits for any more: it is ACKed here. Of another fork, or crossing our CANCEL: that dialog is ended.
 */
static void late_2xx(struct sip_uac *u, const struct sip_msg *m)
{
	struct sip_dialog *d = sip_dialog_find(u->sip, m, false);

	if (!d || !d->frozen || (!u->handed_over && u->dialog != d))
		end_unwanted(u, m);
	else if (!sip_dialog_ack_again(d, m->cseq) && !u->handed_over)
		sip_dialog_ack(d, m->cseq, NULL, NULL);
}

static void next_target(struct sip_uac *u, unsigned code, const char *why)
{
	char text[ADDR_STRLEN];

	if (u->cancelled || u->at + 1 >= u->n_targets) {
		finish(u, NULL, u->cancelled ? 487 : code, why);
		return;
	}
	trace(EV_SIP_FAILOVER, NULL, "%s to %s: %s; the next target is tried", sip_method_names[u->ask.method],
	      addr_str(&u->targets[u->at].addr, text), why);
	u->at++;
	if (u->ctx)
		sip_ctx_hush(u->ctx);
	u->forks = NULL;
	u->ctx = NULL;
	attempt(u);
}

static void target_failed(struct sip_uac *u, int err)
{
	bool silent = err == -ETIMEDOUT;

	sip_target_dead(u->sip, &u->targets[u->at], DEAD_FOR);
	next_target(u, silent ? 408 : 503, silent ? "no answer" : strerror(-err));
}

static void send_again(struct sip_uac *u)
{
	u->cseq = u->dialog ? ++u->dialog->local_cseq : u->cseq + 1;
	u->got_1xx = false;
	u->forks = NULL;
	u->ctx = NULL;
	attempt(u);
}

static bool try_auth(struct sip_uac *u, const struct sip_msg *m)
{
	char *lines;

	if (u->cancelled || u->auth_tries >= SIP_AUTH_TRIES || !u->ask.n_auths)
		return false;
	lines = sip_digest_answer(u->sip, m, u);
	if (!lines)
		return false;
	u->auth_tries++;
	free(u->credentials);
	u->credentials = lines;
	send_again(u);
	return true;
}

/* The same as late_2xx(), when the user has the 2xx and the uac is gone. */
void sip_rest_2xx(struct sip *s, const struct sip_rest *r, const struct sip_msg *m)
{
	struct sip_dialog *d = sip_dialog_find(s, m, false);

	if (!d || !d->frozen)
		end_dialog_of(s, r, m);
	else
		sip_dialog_ack_again(d, m->cseq);
}

void sip_rest_free(struct sip_rest *r)
{
	conf_unref(r->conf);
	free(r->credentials);
}

/* Only a 2xx to INVITE is told of again. */
static void leave_transaction(struct sip_uac *u)
{
	struct sip_ctx *t = u->ctx;
	struct sip_rest r = rest_of(u);

	if (!t)
		return;
	u->ctx = NULL;
	u->ctxs--;
	if (t->invite && u->handed_over) {
		if (r.conf)
			conf_ref(r.conf);
		u->credentials = NULL;
	}
	sip_ctx_leave(t, &r);
	uac_free_if_idle(u);
}

static void on_final(struct sip_uac *u, const struct sip_msg *m)
{
	if ((m->status == 401 || m->status == 407) && try_auth(u, m))
		return;
	if (m->status == 422 && u->ask.again && !u->cancelled && u->again_tries < SIP_AUTH_TRIES &&
	    u->ask.again(u->ask.arg, m)) {
		u->again_tries++;
		send_again(u);
		return;
	}
	if (m->status == 503 && u->at + 1 < u->n_targets && !u->cancelled) {
		sip_target_dead(u->sip, &u->targets[u->at], DEAD_FOR);
		next_target(u, 503, "503 Service Unavailable");
		return;
	}
	if (u->cancelled && m->status < 300 && u->ask.method == SIP_INVITE && !u->dialog) {
		end_unwanted(u, m);
		finish(u, NULL, 487, "answered while being cancelled");
		return;
	}
	u->handed_over = m->status < 300;
	finish(u, m, m->status, NULL);
	leave_transaction(u);
}

static void on_provisional(struct sip_uac *u, const struct sip_msg *m)
{
	bool reliable = u->ask.method == SIP_INVITE && sip_reliable_is(m);

	u->got_1xx = true;
	if (u->cancelled) {
		cancel_now(u);
		return;
	}
	if (reliable && !sip_reliable_in_order(u, m))
		return;
	if (u->ask.answer)
		u->ask.answer(u->ask.arg, u, m, m->status, NULL);
	if (reliable && !u->done)
		sip_reliable_ack(u, m);
}

/* An INVITE given up for the next target is answered after all. */
static void on_left_behind(struct sip_uac *u, struct sip_ctx *t, const struct sip_msg *m)
{
	if (!m || u->ask.method != SIP_INVITE)
		return;
	if (m->status < 200)
		send_cancel(u, t);
	else if (m->status < 300)
		late_2xx(u, m);
}

static void up(void *arg, struct sip_ctx *t, const struct sip_msg *m, int err)
{
	struct sip_uac *u = arg;

	if (t != u->ctx) {
		on_left_behind(u, t, m);
		return;
	}
	sip_stop(u->sip, &u->patience);
	if (m)
		sip_target_alive(u->sip, &u->targets[u->at]);
	if (m && u->ask.witness)
		sip_door_seen(u->sip, &u->flow, m);
	if (u->done && m && u->ask.method == SIP_INVITE) {
		if (m->status < 200 && u->cancelled)
			cancel_now(u);
		else if (m->status >= 200 && m->status < 300)
			late_2xx(u, m);
	} else if (u->done) {
		return;
	} else if (!m) {
		target_failed(u, err);
	} else if (m->status < 200) {
		on_provisional(u, m);
	} else {
		on_final(u, m);
	}
}

static void gone(void *arg, struct sip_ctx *t)
{
	struct sip_uac *u = arg;

	if (u->ctx == t)
		u->ctx = NULL;
	u->ctxs--;
	uac_free_if_idle(u);
}

/* ---- attempts ---- */

/* Where the request goes first: the proxy, the first Route or the Request-URI. */
static bool next_hop(const struct sip_uac *u, struct sip_uri *hop)
{
	struct span route = u->ask.proxy.n ? u->ask.proxy : u->ask.n_routes ? u->ask.routes[0] : SPAN_NONE;
	struct sip_naddr a;

	if (!sip_uri_parse(u->ask.uri, hop)) /* looked at even when it is not the hop: nothing else may be sent */
		return false;
	if (!route.n || sip_uri_parse(route, hop)) /* outbound_proxy=sip:host;transport=tcp: the URI's parameters */
		return true;
	if (!sip_naddr_parse(route, &a))
		return false;
	*hop = a.uri;
	return true;
}

/* Whose certificate is expected (RFC 5922 4): the host as the configuration or the peer wrote it, not what DNS says. */
static struct span meant(const struct sip_uac *u)
{
	struct sip_uri hop;

	return u->targets[u->at].proto == NET_TLS && next_hop(u, &hop) ? hop.host : SPAN_NONE;
}

static int open_flow(struct sip_uac *u)
{
	const struct sip_target *t = &u->targets[u->at];
	const struct flow *want = u->ask.flow;
	struct sip_transport *tp;

	if (want && want->proto == t->proto && addr_eq(&want->peer, &t->addr) && sip_flow_alive(u->sip, want)) {
		u->flow = *want;
		return 0;
	}
	tp = want && sip_flow_leaves(u->sip, want) ? sip_transport_by_flow(u->sip, want) : NULL;
	if (!tp || tp->proto != t->proto || tp->bound.family != t->addr.family)
		tp = sip_transport_pick(u->sip, u->ask.transport, t->proto, &t->addr);
	return tp ? sip_flow_to(u->sip, tp, &t->addr, meant(u), &u->flow) : -EAFNOSUPPORT;
}

static void send_ack(struct sip_uac *u, struct span bytes)
{
	sip_send(u->sip, &u->flow, bytes);
	if (u->dialog && u->ask.build) /* which cannot be called again */
		sip_dialog_keep_ack(u->dialog, &u->flow, bytes);
	u->done = true;
	sip_in(u->sip, &u->start, 0);
}

static void attempt(struct sip_uac *u)
{
	struct sip *s = u->sip;
	char branch[SIP_BRANCH_MAX];
	struct out o = out_fixed(s->scratch, SIP_SCRATCH);
	int err = open_flow(u);

	if (err < 0) {
		target_failed(u, err);
		return;
	}
	u->flow.order = sip_order(u->ask.call_id);
	sip_new_branch(s, branch);
	write_request(u, branch, &o);
	if (out_done(&o) < 0) {
		finish(u, NULL, 513, "the request is too long");
		return;
	}
	if (u->ask.method == SIP_ACK) {
		send_ack(u, out_look(&o));
		return;
	}
	u->ctx = sip_ctx_new(s, branch, u->ask.method == SIP_INVITE, &u->flow, out_look(&o));
	u->ctx->up = up;
	u->ctx->gone = gone;
	u->ctx->arg = u;
	u->ctxs++;
	if (u->ask.patience)
		sip_in(s, &u->patience, u->ask.patience);
	else if (u->at + 1 < u->n_targets && !s->conf->hairpin.compat_asterisk)
		sip_in(s, &u->patience, PATIENCE * s->t1);
	sip_ctx_start(u->ctx);
}

static void patience_over(struct timer *t, ms_t now UNUSED)
{
	struct sip_uac *u = container_of(t, struct sip_uac, patience);

	if (u->done || !u->ctx)
		return;
	target_failed(u, -ETIMEDOUT);
	if (u->done) /* it was the last: should it ring after all, it is cancelled */
		u->cancelled = true;
}

/* Where the peer last spoke from. */
static struct sip_target way_back(const struct sip_uac *u)
{
	return (struct sip_target){ u->ask.flow->proto, u->ask.flow->peer };
}

static void located(void *arg, const struct sip_target *ts, size_t n, const char *why)
{
	struct sip_uac *u = arg;
	struct sip_target back;

	u->locating = NULL;
	if (!n && u->ask.goes_back) {
		back = way_back(u);
		ts = &back;
		n = 1;
	}
	if (!n) {
		finish(u, NULL, u->cancelled ? 487 : 404, why);
		sip_in(u->sip, &u->start, 0);
		return;
	}
	u->targets = arena_alloc(u->mem, n * sizeof *ts);
	memcpy(u->targets, ts, n * sizeof *ts);
	u->n_targets = n;
	attempt(u);
	if (u->done)
		sip_in(u->sip, &u->start, 0);
}

static void start(struct timer *t, ms_t now UNUSED)
{
	struct sip_uac *u = container_of(t, struct sip_uac, start);
	struct sip_locate *l;
	struct sip_uri hop;

	if (!u->done && u->cancelled)
		finish(u, NULL, 487, "cancelled before it was sent");
	if (u->done) {
		uac_free_if_idle(u);
		return;
	}
	if (!next_hop(u, &hop)) {
		finish(u, NULL, 400, "malformed URI");
		uac_free_if_idle(u);
		return;
	}
	l = sip_locate(u->sip, &hop, located, u);
	if (l && u->ask.method == SIP_ACK && u->ask.flow) { /* an ACK does not wait: it goes where the 2xx came from */
		struct sip_target back = way_back(u);

		sip_locate_drop(l);
		located(u, &back, 1, NULL);
	} else if (l) {
		u->locating = l;
	}
}

void sip_uac_start_now(struct sip_uac *u)
{
	sip_stop(u->sip, &u->start);
	start(&u->start, sip_now(u->sip));
}

static void limit(struct timer *t, ms_t now UNUSED)
{
	struct sip_uac *u = container_of(t, struct sip_uac, limit);
	struct sip_ctx *ctx = u->ctx;

	if (!u->done)
		finish(u, NULL, u->cancelled ? 487 : 408, "no answer in time");
	if (ctx && u->ctx == ctx && (u->ask.method != SIP_INVITE || u->cancel_sent)) { /* nothing more is repeated */
		sip_ctx_drop(ctx);
		return;
	}
	if (ctx && u->ask.method == SIP_INVITE) {
		u->cancelled = true;
		if (u->got_1xx)
			cancel_now(u);
	}
	uac_free_if_idle(u);
}

static void copy_ask(struct sip_uac *u, const struct sip_ask *a)
{
	struct sip_ask *c = &u->ask;
	struct span *routes = arena_alloc(u->mem, a->n_routes * sizeof *routes);

	*c = *a;
	c->uri = copy(u, a->uri);
	c->from_display = copy(u, a->from_display);
	c->from_user = copy(u, a->from_user);
	c->from_domain = copy(u, a->from_domain);
	c->from_params = copy(u, a->from_params);
	c->from_text = copy(u, a->from_text);
	c->to = copy(u, a->to);
	c->proxy = copy(u, a->proxy);
	c->headers = copy(u, a->headers);
	for (size_t i = 0; i < a->n_routes; i++)
		routes[i] = copy(u, a->routes[i]);
	c->routes = routes;
	if (a->flow) {
		struct flow *flow = arena_alloc(u->mem, sizeof *flow);

		*flow = *a->flow;
		c->flow = flow;
	}
	if (a->conf)
		conf_ref(a->conf);
	if (a->call_id.n) {
		c->call_id = copy(u, a->call_id);
	} else {
		char *id = arena_alloc(u->mem, CALL_ID_LEN + 1);

		rng_token(&u->sip->c.clock->rng, id, CALL_ID_LEN);
		c->call_id = span_of(id);
	}
}

#define ROOM (sizeof(struct sip_uac) + 640) /* most often for all that copy_ask() and located() take */

struct sip_uac *sip_ask(struct sip *s, const struct sip_ask *a)
{
	struct arena *mem = arena_new_in(spares_take(&s->spares, ARENA_HEAD + ROOM), ARENA_HEAD + ROOM);
	struct sip_uac *u = arena_zero(mem, sizeof *u);

	u->mem = mem;
	u->sip = s;
	copy_ask(u, a);
	u->cseq = a->cseq ? a->cseq : sip_new_cseq(s);
	rng_token(&s->c.clock->rng, u->tag, SIP_TAG);
	list_push(&s->uacs, &u->link);
	s->n_uacs++;
	list_init(&u->in_dialog);
	u->start.fire = start;
	u->limit.fire = limit;
	u->patience.fire = patience_over;
	sip_in(s, &u->start, 0);
	if (a->timeout)
		sip_in(s, &u->limit, a->timeout);
	return u;
}

bool sip_is_quiet(const struct sip *s)
{
	list_for(n, &s->uacs)
		if (!list_entry(n, struct sip_uac, link)->done)
			return false;
	return true;
}

struct flow sip_uac_flow(const struct sip_uac *u)
{
	return u->flow;
}

struct span sip_uac_call_id(const struct sip_uac *u)
{
	return u->ask.call_id;
}

void sip_uac_free_all(struct sip *s)
{
	list_for_safe(n, &s->uacs) {
		struct sip_uac *u = list_entry(n, struct sip_uac, link);

		u->ask.answer = NULL;
		u->ctx = NULL; /* all transactions are gone already */
		u->ctxs = 0;
		finish(u, NULL, 487, NULL);
		sip_stop(s, &u->limit);
		uac_free_if_idle(u);
	}
}
