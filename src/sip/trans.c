/*
 * sip/trans.c: the four transactions of RFC 3261 17 with the Accepted state of RFC 6026, as tables to lay beside the
 * figures. An empty cell ignores the event. One timer repeats (A, E, G), one ends the state (B, D, F, H, I). What has
 * its final response and only waits for repeats (J, K, L, M) goes over to spent.c.
 *
 * A client transaction is found by our branch, a server transaction by the peer's branch, sent-by and method
 * (17.2.3; peers of RFC 2543 by the fields listed there).
 */
#include "sip/priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/trace.h"

enum state { IDLE, CALLING, PROCEEDING, ACCEPTED, COMPLETED, CONFIRMED, DEAD, STATES };
enum event { RX_1XX, RX_2XX, RX_FAIL, RX_AGAIN, RX_ACK, TX_1XX, TX_2XX, TX_FAIL, AGAIN, LIFE, BROKEN, EVENTS };
enum action {
	NOTHING,
	UP,
	UP_HOLD,
	UP_ACK,
	ACK_AGAIN,
	RESEND,
	RESEND_T2,
	TIMEOUT,
	ERROR,
	SEND,
	SEND_GH,
	WAIT_I,
	NO_ACK,
	END
};

struct step {
	uint8_t action, next;
};
typedef const struct step machine_t[STATES][EVENTS];

/* INVITE client: RFC 3261 figure 5, RFC 6026 figure 1. */
static machine_t ict = {
	[CALLING] = { [RX_1XX] = { UP, PROCEEDING },
		      [RX_2XX] = { UP_HOLD, ACCEPTED },
		      [RX_FAIL] = { UP_ACK, COMPLETED },
		      [AGAIN] = { RESEND, CALLING },
		      [LIFE] = { TIMEOUT, DEAD },
		      [BROKEN] = { ERROR, DEAD } },
	[PROCEEDING] = { [RX_1XX] = { UP, PROCEEDING },
			 [RX_2XX] = { UP_HOLD, ACCEPTED },
			 [RX_FAIL] = { UP_ACK, COMPLETED },
			 [LIFE] = { TIMEOUT, DEAD } },
	[ACCEPTED] = { [RX_2XX] = { UP, ACCEPTED }, [LIFE] = { END, DEAD } },
	[COMPLETED] = { [RX_FAIL] = { ACK_AGAIN, COMPLETED }, [LIFE] = { END, DEAD } },
};

/* Non-INVITE client: RFC 3261 figure 6. CALLING is its Trying. */
static machine_t nict = {
	[CALLING] = { [RX_1XX] = { UP, PROCEEDING },
		      [RX_2XX] = { UP_HOLD, COMPLETED },
		      [RX_FAIL] = { UP_HOLD, COMPLETED },
		      [AGAIN] = { RESEND, CALLING },
		      [LIFE] = { TIMEOUT, DEAD },
		      [BROKEN] = { ERROR, DEAD } },
	[PROCEEDING] = { [RX_1XX] = { UP, PROCEEDING },
			 [RX_2XX] = { UP_HOLD, COMPLETED },
			 [RX_FAIL] = { UP_HOLD, COMPLETED },
			 [AGAIN] = { RESEND_T2, PROCEEDING },
			 [LIFE] = { TIMEOUT, DEAD },
			 [BROKEN] = { ERROR, DEAD } },
	[COMPLETED] = { [LIFE] = { END, DEAD } },
};

/* INVITE server: RFC 3261 figure 7, RFC 6026 figure 2. */
static machine_t ist = {
	[PROCEEDING] = { [RX_AGAIN] = { RESEND, PROCEEDING },
			 [AGAIN] = { RESEND, PROCEEDING },
			 [TX_1XX] = { SEND, PROCEEDING },
			 [TX_2XX] = { SEND, ACCEPTED },
			 [TX_FAIL] = { SEND_GH, COMPLETED } },
	[COMPLETED] = { [RX_AGAIN] = { RESEND, COMPLETED },
			[RX_ACK] = { WAIT_I, CONFIRMED },
			[AGAIN] = { RESEND_T2, COMPLETED },
			[LIFE] = { NO_ACK, DEAD } },
	[CONFIRMED] = { [LIFE] = { END, DEAD } },
};

/* Non-INVITE server: RFC 3261 figure 8. PROCEEDING is also its Trying. */
static machine_t nist = {
	[PROCEEDING] = { [RX_AGAIN] = { RESEND, PROCEEDING },
			 [TX_1XX] = { SEND, PROCEEDING },
			 [TX_2XX] = { SEND, COMPLETED },
			 [TX_FAIL] = { SEND, COMPLETED } },
};

static const struct step *step_of(const struct step *machine, unsigned state, enum event ev)
{
	return &machine[state * EVENTS + ev];
}

/* ---- client ---- */

static void ctx_send(struct sip_ctx *t)
{
	sip_send(t->sip, &t->flow, (struct span){ t->bytes, t->n });
}

/* RFC 3261 17.1.1.3: the ACK to a failure goes the way of its INVITE, within the same transaction. */
static void ack_failure(struct sip_ctx *t, const struct sip_msg *response)
{
	const char *why;
	struct sip_msg *inv = sip_msg_parse((struct span){ t->bytes, t->n }, &why);
	struct out o = out_fixed(t->sip->scratch, SIP_SCRATCH);
	struct sip_walk w = { 0 };
	struct span route;

	BUG_ON(!inv);
	out_fmt(&o, "ACK %.*s SIP/2.0\r\n", SP(inv->ruri.text));
	sip_out_line(&o, "Via", inv->via.text);
	while (sip_walk(inv, SIP_HDR_ROUTE, &w, &route))
		sip_out_line(&o, "Route", route);
	sip_out_line(&o, "From", inv->from.text);
	sip_out_line(&o, "To", response->to.text);
	sip_out_line(&o, "Call-ID", inv->call_id);
	out_fmt(&o, "CSeq: %u ACK\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n", inv->cseq);
	if (out_done(&o) > 0)
		sip_send(t->sip, &t->flow, out_look(&o));
	sip_msg_unref(inv);
}

static struct list *same_peers(const struct sip *s, const struct addr *peer)
{
	return &s->ctx_peers[addr_hash(peer) & (s->n_ctx_peers - 1)];
}

#define PEERS_LEAST 64

static void resize_peers(struct sip *s, size_t n)
{
	struct table_walk w = { 0 };
	struct sip_ctx *t;

	s->n_ctx_peers = n;
	free(s->ctx_peers);
	s->ctx_peers = xmalloc(s->n_ctx_peers * sizeof s->ctx_peers[0]);
	for (size_t i = 0; i < s->n_ctx_peers; i++)
		list_init(&s->ctx_peers[i]);
	while ((t = table_each(&s->ctxs, &w)))
		list_push(same_peers(s, &t->flow.peer), &t->same_peer);
}

/* An ICMP error names a peer: its transactions are found however many there are to others. */
static void grow_peers(struct sip *s)
{
	if (!s->ctx_peers)
		resize_peers(s, PEERS_LEAST);
	else if (s->ctxs.n >= s->n_ctx_peers * 4)
		resize_peers(s, s->n_ctx_peers * 8);
}

static void shrink_peers(struct sip *s)
{
	if (s->n_ctx_peers > PEERS_LEAST && s->ctxs.n < s->n_ctx_peers / 64)
		resize_peers(s, s->n_ctx_peers / 8);
}

void sip_ctx_drop(struct sip_ctx *t)
{
	struct sip *s = t->sip;

	sip_stop(s, &t->again);
	sip_stop(s, &t->life);
	list_del(&t->same_peer);
	table_del(&s->ctxs, t->hash, t);
	shrink_peers(s);
	if (t->gone)
		t->gone(t->arg, t);
	spares_give(&s->spares, t);
}

static void ctx_up(struct sip_ctx *t, const struct sip_msg *m, int err)
{
	if (t->up)
		t->up(t->arg, t, m, err);
}

/* A final answer came: stop repeating, and stay for what may still arrive (D, K, M). */
static void ctx_hold(struct sip_ctx *t, const struct sip_msg *m)
{
	bool udp = t->flow.proto == NET_UDP;
	ms_t hold = t->invite ? (m->status < 300 ? t->sip->timer_b : udp ? 32000 : 0) : udp ? SIP_T4 : 0;

	sip_stop(t->sip, &t->again);
	sip_in(t->sip, &t->life, hold);
}

static void ctx_repeat(struct sip_ctx *t, bool t2)
{
	count(CNT_sip_retransmits);
	ctx_send(t);
	t->interval = t2 ? SIP_T2 : t->invite ? t->interval * 2 : MIN(t->interval * 2, SIP_T2);
	sip_in(t->sip, &t->again, t->interval);
}

static void ctx_event(struct sip_ctx *t, enum event ev, const struct sip_msg *m, int err)
{
	const struct step *st = step_of(t->machine, t->state, ev);

	if (!st->action)
		return;
	t->state = st->next;
	switch ((enum action)st->action) {
	case UP:
		if (t->invite && m->status < 200) { /* 17.1.1.2: no more repeats, no more Timer B */
			sip_stop(t->sip, &t->again);
			sip_stop(t->sip, &t->life);
		}
		ctx_up(t, m, 0);
		return;
	case UP_ACK:
		ack_failure(t, m);
		/* fall through */
	case UP_HOLD:
		ctx_hold(t, m);
		ctx_up(t, m, 0);
		return;
	case ACK_AGAIN: ack_failure(t, m); return;
	case RESEND:
	case RESEND_T2: ctx_repeat(t, st->action == RESEND_T2); return;
	case TIMEOUT:
		count(CNT_sip_timeouts);
		ctx_up(t, NULL, -ETIMEDOUT);
		break;
	case ERROR: ctx_up(t, NULL, err); break;
	default: break;
	}
	if (t->state == DEAD)
		sip_ctx_drop(t);
}

static void ctx_again(struct timer *tm, ms_t now UNUSED)
{
	ctx_event(container_of(tm, struct sip_ctx, again), AGAIN, NULL, 0);
}

static void ctx_life(struct timer *tm, ms_t now UNUSED)
{
	ctx_event(container_of(tm, struct sip_ctx, life), LIFE, NULL, 0);
}

static void ctx_broken_later(struct timer *tm, ms_t now UNUSED)
{
	struct sip_ctx *t = container_of(tm, struct sip_ctx, again);

	t->again.fire = ctx_again;
	ctx_event(t, BROKEN, NULL, (int)t->interval);
}

void sip_ctx_peers_free(struct sip *s)
{
	free(s->ctx_peers);
	s->ctx_peers = NULL;
	s->n_ctx_peers = 0;
}

struct sip_ctx *sip_ctx_new(struct sip *s, const char *branch, bool invite, const struct flow *f, struct span bytes)
{
	struct sip_ctx *t = spares_take(&s->spares, sizeof *t + bytes.n);

	*t = (struct sip_ctx){ .sip = s, .n = bytes.n };
	memcpy(t->bytes, bytes.p, bytes.n);
	span_copy(span_of(branch), t->branch, sizeof t->branch);
	t->invite = invite;
	t->machine = invite ? ict[0] : nict[0];
	t->state = CALLING;
	t->flow = *f;
	t->again.fire = ctx_again;
	t->life.fire = ctx_life;
	grow_peers(s);
	t->hash = span_hash(span_of(t->branch));
	table_add(&s->ctxs, t->hash, t);
	list_push(same_peers(s, &f->peer), &t->same_peer);
	return t;
}

void sip_ctx_start(struct sip_ctx *t)
{
	struct sip *s = t->sip;
	int err = sip_send(s, &t->flow, (struct span){ t->bytes, t->n });

	if (err < 0) { /* reported from the loop, never from inside */
		t->interval = err;
		t->again.fire = ctx_broken_later;
		sip_in(s, &t->again, 0);
		return;
	}
	t->interval = s->t1;
	if (t->flow.proto == NET_UDP)
		sip_in(s, &t->again, t->interval);
	sip_in(s, &t->life, s->timer_b);
}

struct sip_ctx *sip_ctx_named(struct sip *s, struct span branch)
{
	uint32_t hash = span_hash(branch);
	size_t at = hash;
	struct sip_ctx *t;

	while ((t = table_next(&s->ctxs, hash, &at)))
		if (span_is(branch, t->branch))
			return t;
	return NULL;
}

/* What a response names its transaction by; empty: none of ours is so long. */
static struct span branch_of(const struct sip_msg *m, char name[SIP_BRANCH_MAX])
{
	struct out o = out_fixed(name, SIP_BRANCH_MAX);

	if (m->method == SIP_CANCEL)
		out_char(&o, 'c');
	out_span(&o, m->via.branch);
	return out_done(&o) > 0 ? out_look(&o) : SPAN_NONE;
}

struct sip_ctx *sip_ctx_find(struct sip *s, const struct sip_msg *m)
{
	char name[SIP_BRANCH_MAX];
	struct span branch = branch_of(m, name);
	struct sip_ctx *t = branch.n ? sip_ctx_named(s, branch) : NULL;

	return t && t->invite == (m->method == SIP_INVITE) ? t : NULL;
}

struct sip_spent *sip_spent_find_ctx(struct sip *s, const struct sip_msg *m)
{
	char name[SIP_BRANCH_MAX];
	struct siphash key = sip_own_key(s, branch_of(m, name));
	struct sip_spent *e = sip_spent_find(&s->spent.ctxs, &key);

	return e && (e->kind == SPENT_INVITE) == (m->method == SIP_INVITE) ? e : NULL;
}

void sip_ctx_input(struct sip_ctx *t, const struct sip_msg *m)
{
	ctx_event(t, m->status < 200 ? RX_1XX : m->status < 300 ? RX_2XX : RX_FAIL, m, 0);
}

static void break_later(struct sip_ctx *t, int err)
{
	if (!step_of(t->machine, t->state, BROKEN)->action || t->again.fire == ctx_broken_later)
		return;
	t->interval = err;
	t->again.fire = ctx_broken_later;
	sip_in(t->sip, &t->again, 0);
}

void sip_ctx_fail_peer(struct sip *s, const struct flow *f, int err)
{
	for (struct list *head = s->ctx_peers ? same_peers(s, &f->peer) : NULL, *n = head ? head->next : NULL;
	     n != head; n = n->next) {
		struct sip_ctx *t = list_entry(n, struct sip_ctx, same_peer);

		if (t->flow.sock == f->sock && addr_eq(&t->flow.peer, &f->peer))
			break_later(t, err ? err : -ECONNRESET);
	}
}

void sip_ctx_fail_listener(struct sip *s, uint32_t listener)
{
	struct table_walk w = { 0 };
	struct sip_ctx *t;

	while ((t = table_each(&s->ctxs, &w)))
		if (t->flow.listener == listener)
			break_later(t, -ENOTCONN);
}

/* Repeats of its response are swallowed (Timer K; on a stream there are none), a 2xx to INVITE may come again (M). */
void sip_ctx_leave(struct sip_ctx *t, const struct sip_rest *rest)
{
	struct spent_ask a = { .key = sip_own_key(t->sip, span_of(t->branch)), .listener = t->flow.listener };
	struct sip_spent *e;

	t->up = NULL;
	t->gone = NULL;
	if (t->invite && t->state == ACCEPTED) {
		a.kind = SPENT_INVITE;
		a.queue = SPENT_TIMER_B;
		a.ms = t->sip->timer_b;
		a.n = sizeof *rest;
		e = sip_spent_add(t->sip, &a);
		memcpy(e->data, rest, sizeof *rest);
	} else if (!t->invite && t->flow.proto == NET_UDP) {
		a.kind = SPENT_ASKED;
		a.queue = SPENT_T4;
		a.ms = SIP_T4;
		sip_spent_add(t->sip, &a);
	} else {
		return;
	}
	sip_ctx_drop(t);
}

void sip_ctx_hush(struct sip_ctx *t)
{
	sip_stop(t->sip, &t->again);
}

/* ---- server ---- */

/* 17.2.3: branch, sent-by and method; for RFC 2543 peers all that identifies the request. */
struct siphash sip_uas_key(const struct sip *s, const struct sip_msg *m, enum sip_method method)
{
	uint32_t numbers[2] = { method, m->via.port };
	struct span parts[8] = { { (const char *)numbers, sizeof numbers },        m->via.branch, m->via.host,
				 method == SIP_OTHER ? m->method_text : SPAN_NONE, m->call_id,    m->from.tag,
				 { (const char *)&m->cseq, sizeof m->cseq },       m->ruri.text };

	return siphash(s->key_secret, parts, m->too_old ? ARRAY_LEN(parts) : method == SIP_OTHER ? 4 : 3);
}

struct sip_uas *sip_uas_find(struct sip *s, const struct siphash *key)
{
	size_t at = key->w[0];
	struct sip_uas *t;

	while ((t = table_next(&s->uass, key->w[0], &at)))
		if (t->key.w[1] == key->w[1])
			return t;
	return NULL;
}

/* It lies about until whoever handles it now has returned. */
static void uas_over(struct sip_uas *t)
{
	struct sip *s = t->sip;

	sip_stop(s, &t->again);
	sip_stop(s, &t->life);
	table_del(&s->uass, t->key.w[0], t);
	list_del(&t->of_dialog);
	sip_msg_unref(t->msg);
	spares_give(&s->spares, t->bytes);
	t->msg = NULL;
	t->bytes = NULL;
	t->dialog = NULL;
	list_push(&s->over, &t->of_dialog);
}

void sip_uass_tidy(struct sip *s)
{
	list_for_safe(n, &s->over) {
		list_del(n);
		spares_give(&s->spares, list_entry(n, struct sip_uas, of_dialog));
	}
}

static void uas_free(struct sip_uas *t)
{
	struct spares *to = &t->sip->spares;

	uas_over(t);
	list_del(&t->of_dialog);
	spares_give(to, t);
}

void sip_uas_forget(struct sip_uas *t)
{
	t->brief = true;
}

void sip_uas_drop(struct sip_uas *t)
{
	uas_free(t);
}

static void uas_transmit(struct sip_uas *t)
{
	if (t->n)
		sip_send(t->sip, &t->flow, (struct span){ t->bytes, t->n });
}

static void uas_event(struct sip_uas *t, enum event ev)
{
	const struct step *st = step_of(t->machine, t->state, ev);
	bool udp = t->flow.proto == NET_UDP;
	struct sip *s = t->sip;

	if (!st->action)
		return;
	t->state = st->next;
	switch ((enum action)st->action) {
	case SEND: uas_transmit(t); break;
	case SEND_GH:
		uas_transmit(t);
		t->interval = s->t1;
		if (udp)
			sip_in(s, &t->again, t->interval);
		sip_in(s, &t->life, 64 * s->t1);
		break;
	case RESEND:
		if (t->bytes)
			count(CNT_sip_retransmits);
		uas_transmit(t);
		break;
	case RESEND_T2:
		count(CNT_sip_retransmits);
		uas_transmit(t);
		t->interval = MIN(t->interval * 2, SIP_T2);
		sip_in(s, &t->again, t->interval);
		break;
	case WAIT_I:
		sip_stop(s, &t->again);
		sip_in(s, &t->life, udp ? SIP_T4 : 0);
		break;
	default: break;
	}
	if (t->state == DEAD)
		uas_free(t);
}

#define RINGS_EACH 60000 /* ms: a proxy that hears nothing for three minutes gives up (13.3.1.1) */

static void uas_again(struct timer *tm, ms_t now UNUSED)
{
	struct sip_uas *t = container_of(tm, struct sip_uas, again);

	if (t->state == PROCEEDING)
		sip_in(t->sip, &t->again, RINGS_EACH);
	uas_event(t, AGAIN);
}

static void uas_life(struct timer *tm, ms_t now UNUSED)
{
	uas_event(container_of(tm, struct sip_uas, life), LIFE);
}

/* An INVITE that begins a call has a tag of its own; a repeat, or a copy from another branch of a fork, has the same.
 */
static void tag_of(const struct sip *s, const struct sip_msg *m, char tag[SIP_TAG + 1])
{
	struct span parts[3] = { m->call_id, m->from.tag, { (const char *)&m->cseq, sizeof m->cseq } };
	struct out o = out_fixed(tag, SIP_TAG + 1);
	uint64_t sum = siphash_signature(s->key_secret, parts, ARRAY_LEN(parts));

	out_hex(&o, &sum, sizeof sum);
	tag[SIP_TAG] = '\0';
}

bool sip_is_own_tag(const struct sip *s, const struct sip_msg *ack)
{
	char tag[SIP_TAG + 1];

	tag_of(s, ack, tag);
	return span_is(ack->to.tag, tag);
}

struct sip_uas *sip_uas_new(struct sip *s, struct sip_msg *m, const struct siphash *key)
{
	struct sip_uas *t;

	if (s->uass.n + s->spent.uass.n >= s->conf->hairpin.max_transactions)
		return NULL;
	t = spares_zero(&s->spares, sizeof *t);
	t->key = *key;
	t->sip = s;
	t->invite = m->method == SIP_INVITE;
	t->machine = t->invite ? ist[0] : nist[0];
	t->state = PROCEEDING;
	t->force_rport = true;
	list_init(&t->of_dialog);
	t->msg = sip_msg_ref(m);
	t->flow = m->flow;
	t->again.fire = uas_again;
	t->life.fire = uas_life;
	if (t->invite && !m->to.tag.n)
		tag_of(s, m, t->tag);
	else
		rng_token(&s->c.clock->rng, t->tag, SIP_TAG);
	table_add(&s->uass, t->key.w[0], t);
	return t;
}

void sip_uas_input(struct sip_uas *t, const struct sip_msg *m)
{
	if (!sip_flow_alive(t->sip, &t->flow)) /* it comes again on a new connection: so does the answer */
		t->flow = m->flow;
	uas_event(t, m->method == SIP_ACK ? RX_ACK : RX_AGAIN);
}

#define ANSWERS 1000 /* bytes: most often room for all that an INVITE is answered with */

static void keep_bytes(struct sip_uas *t, struct span bytes, bool for_long)
{
	if (bytes.n > t->room || (for_long && t->room > bytes.n)) {
		spares_give(&t->sip->spares, t->bytes);
		t->room = t->invite && !for_long ? MAX(bytes.n, (size_t)ANSWERS) : bytes.n;
		t->bytes = spares_take(&t->sip->spares, t->room);
	}
	t->n = bytes.n;
	if (bytes.n)
		memcpy(t->bytes, bytes.p, bytes.n);
}

void sip_uas_send(struct sip_uas *t, unsigned code, struct span bytes)
{
	keep_bytes(t, bytes, code >= 300);
	if (t->invite && code > 100 && code < 200)
		sip_in(t->sip, &t->again, RINGS_EACH);
	uas_event(t, code < 200 ? TX_1XX : code < 300 ? TX_2XX : TX_FAIL);
}

static void spend_answer(struct sip_uas *t, struct spent_ask *a)
{
	struct spent_answer *answer;

	a->kind = SPENT_ANSWER;
	a->n = sizeof *answer + t->n;
	answer = (struct spent_answer *)sip_spent_add(t->sip, a)->data;
	answer->flow = t->flow;
	answer->n = (uint32_t)t->n;
	if (t->n)
		memcpy(answer->bytes, t->bytes, t->n);
}

static void spend_invite(struct sip_uas *t, struct spent_ask *a)
{
	struct spent_answered *answered;

	a->kind = SPENT_ANSWERED;
	a->n = sizeof *answered;
	answered = (struct spent_answered *)sip_spent_add(t->sip, a)->data;
	memcpy(answered->tag, t->tag, sizeof answered->tag);
	answered->force_rport = t->force_rport;
}

/* A failure to INVITE waits for its ACK; on a stream no request comes again. */
void sip_uas_answered(struct sip_uas *t)
{
	struct spent_ask a = {
		.queue = SPENT_64_T1, .ms = 64 * t->sip->t1, .key = t->key, .listener = t->flow.listener
	};

	if (t->state == ACCEPTED)
		spend_invite(t, &a);
	else if (t->invite && !t->brief)
		return;
	else if (t->flow.proto == NET_UDP && !t->brief)
		spend_answer(t, &a);
	uas_over(t);
}

/* ---- what is left of them ---- */

void sip_spent_request(struct sip *s, struct sip_spent *e, const struct sip_msg *m)
{
	struct spent_answer *a = (struct spent_answer *)e->data;

	if (e->kind != SPENT_ANSWER || !a->n)
		return;
	if (!sip_flow_alive(s, &a->flow))
		a->flow = m->flow;
	count(CNT_sip_retransmits);
	sip_send(s, &a->flow, (struct span){ a->bytes, a->n });
}

void sip_spent_response(struct sip *s, struct sip_spent *e, const struct sip_msg *m)
{
	if (e->kind == SPENT_INVITE && m->status >= 200 && m->status < 300)
		sip_rest_2xx(s, (const struct sip_rest *)e->data, m);
}
