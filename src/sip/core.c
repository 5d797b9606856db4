/*
 * sip/core.c: the core's object and its door for messages: which transaction, dialog or user a message is for
 * (RFC 3261 8.2, 16.11, 17.1.3, 17.2.3).
 */
#include "sip/priv.h"

#include <stdlib.h>
#include <string.h>

#include "base/trace.h"

struct addr_key sip_addr_key(const struct addr *a, uint32_t salt)
{
	struct addr_key k = { { 0 } };

	k.bytes[0] = a->family;
	memcpy(k.bytes + 2, &a->port, 2);
	memcpy(k.bytes + 4, &salt, 4);
	memcpy(k.bytes + 8, a->ip, a->family == 4 ? 4 : 16);
	return k;
}

struct siphash sip_own_key(const struct sip *s, struct span name)
{
	size_t n = MIN(name.n, 2 * sizeof(uint64_t));
	uint64_t end[2] = { 0 };
	unsigned __int128 mixed;

	if (n)
		memcpy(end, name.p + name.n - n, n);
	end[1] ^= name.n;
	mixed = (unsigned __int128)(end[0] ^ s->own_secret[0]) * (end[1] ^ s->own_secret[1]);
	return (struct siphash){ { (uint64_t)mixed ^ (uint64_t)(mixed >> 64), end[1] } };
}

void sip_in(struct sip *s, struct timer *t, ms_t delay)
{
	clock_in(s->c.clock, t, delay);
}

void sip_new_branch(struct sip *s, char branch[SIP_BRANCH_MAX])
{
	memcpy(branch, "z9hG4bK", 7);
	rng_token(&s->c.clock->rng, branch + 7, 22);
}

void sip_wire(struct sip *s, const struct flow *f, bool sent, struct span bytes)
{
	count(sent ? CNT_sip_tx : CNT_sip_rx);
	if (s->c.user.wire)
		s->c.user.wire(s->c.user.arg, f, sent, bytes);
}

static void on_input(void *arg, const struct flow *f, struct span bytes)
{
	struct sip *s = arg;
	struct sip_conn *c;

	if (s->c.user.heard)
		s->c.user.heard(s->c.user.arg, f);
	if (f->proto == NET_UDP) {
		sip_input_message(s, f, bytes);
		return;
	}
	HASH_FIND(hh, s->conns, &f->sock, sizeof f->sock, c);
	if (c)
		sip_conn_input(s, c, bytes);
}

struct net_sink sip_sink(struct sip *s)
{
	return (struct net_sink){ .arg = s,
				  .input = on_input,
				  .accepted = sip_on_accepted,
				  .connected = sip_on_connected,
				  .failed = sip_on_failed,
				  .resolved = sip_on_resolved,
				  .upnp = sip_on_upnp,
				  .network = sip_on_network };
}

struct sip *sip_new(const struct sip_config *c)
{
	struct sip *s = xcalloc(1, sizeof *s);

	s->c = *c;
	s->began = c->clock->now;
	list_init(&s->transports);
	list_init(&s->uacs);
	list_init(&s->looks);
	list_init(&s->strangers);
	sip_router_init(s);
	list_init(&s->dead_by_age);
	list_init(&s->over);
	rng_bytes(&c->clock->rng, s->key_secret, sizeof s->key_secret);
	rng_bytes(&c->clock->rng, s->own_secret, sizeof s->own_secret);
	s->nonces_max = NONCES_MAX;
	s->hashes = sip_hashes_new();
	s->scratch = xmalloc(SIP_SCRATCH);
	s->t1 = 500;
	s->timer_b = 32000;
	return s;
}

void sip_rest(struct sip *s)
{
	sip_digest_rest(s);
	spares_free(&s->spares);
}

void sip_free(struct sip *s)
{
	struct table_walk ctxs = { 0 }, uass = { 0 };
	struct sip_ctx *t;
	struct sip_uas *u;

	if (!s)
		return;
	while ((t = table_each(&s->ctxs, &ctxs)))
		sip_ctx_drop(t);
	sip_ctx_peers_free(s);
	sip_uac_free_all(s);
	sip_looks_free(s);
	while ((u = table_each(&s->uass, &uass)))
		sip_uas_drop(u);
	sip_uass_tidy(s);
	sip_spent_free(s);
	BUG_ON(s->dialogs.n);
	table_free(&s->ctxs);
	table_free(&s->uass);
	table_free(&s->dialogs);
	sip_transports_free(s);
	sip_router_free(s);
	sip_dns_free(s);
	sip_digest_free(s);
	table_free(&s->nonces);
	sip_hashes_free(s->hashes);
	explicit_bzero(s->key_secret, sizeof s->key_secret);
	explicit_bzero(s->own_secret, sizeof s->own_secret);
	sip_targets_free(s);
	conf_unref(s->conf);
	free(s->spare);
	spares_free(&s->spares);
	free(s->scratch);
	free(s);
}

const char *sip_user_agent(const struct sip *s)
{
	return s->conf ? s->conf->global.user_agent : "hairpin";
}

/* RFC 3261 8.2.2.3: what we are required to understand. The answer names all that we do not. */
static bool requirements_met(struct sip *s, const struct sip_msg *m)
{
	static const char *const known[] = { "path", "norefersub", "timer", "100rel" };
	struct out o = out_growing();
	struct sip_walk w = { 0 };
	struct span v;
	char *line;

	while (sip_walk(m, SIP_HDR_REQUIRE, &w, &v)) {
		bool ok = !v.n;

		for (size_t i = 0; i < ARRAY_LEN(known); i++)
			ok |= span_iis(v, known[i]);
		if (ok)
			continue;
		out_str(&o, o.n ? ", " : "Unsupported: ");
		out_span(&o, v);
	}
	if (!o.n)
		return true;
	out_str(&o, "\r\n");
	line = out_take(&o);
	sip_reply_stateless(s, m, 420, NULL, line);
	free(line);
	return false;
}

static void on_cancel(struct sip *s, struct sip_msg *m, const struct siphash *key)
{
	struct siphash of_invite = sip_uas_key(s, m, SIP_INVITE);
	struct sip_uas *inv = sip_uas_find(s, &of_invite), *own;
	struct sip_spent *e = inv ? NULL : sip_spent_find(&s->spent.uass, &of_invite);
	const struct spent_answered *over =
		e && e->kind == SPENT_ANSWERED ? (const struct spent_answered *)e->data : NULL;

	if (!inv && !over) {
		sip_reply_stateless(s, m, 481, NULL, NULL);
		return;
	}
	own = sip_uas_new(s, m, key);
	if (own) {
		memcpy(own->tag, inv ? inv->tag : over->tag, sizeof own->tag);
		own->force_rport = inv ? inv->force_rport : over->force_rport;
		sip_reply(own, 200, NULL, NULL, NULL);
	} else { /* the cap is reached: the call ends all the same */
		sip_reply_stateless(s, m, 200, NULL, NULL);
	}
	if (!inv || inv->answered || inv->cancelled)
		return;
	inv->cancelled = true;
	if (inv->on_cancel)
		inv->on_cancel(inv->arg, inv);
	else
		sip_reply(inv, 487, NULL, NULL, NULL);
}

static void on_ack(struct sip *s, const struct sip_msg *m)
{
	struct sip_dialog *d = sip_dialog_find(s, m, true);
	struct siphash of_invite;
	struct sip_uas *t;

	if (d && sip_dialog_input_ack(d, m)) /* of a 2xx, whose transaction is over */
		return;
	of_invite = sip_uas_key(s, m, SIP_INVITE);
	t = sip_uas_find(s, &of_invite);
	if (t)
		sip_uas_input(t, m);
	else if (!d && !sip_spent_find(&s->spent.uass, &of_invite) && !sip_is_own_tag(s, m)) /* of a challenge */
		count(CNT_sip_strays);
}

static void on_new_request(struct sip *s, struct sip_msg *m, const struct siphash *key)
{
	struct sip_dialog *d = m->to.tag.n ? sip_dialog_find(s, m, true) : NULL;
	struct sip_uas *t;

	if (m->to.tag.n && !d) {
		sip_reply_stateless(s, m, 481, NULL, NULL);
		return;
	}
	if (!d && m->flow.proto == NET_UDP && sip_is_drained(s, &m->flow))
		return; /* as if nobody listened there any more */
	t = sip_uas_new(s, m, key);
	if (!t) {
		count(CNT_sip_shed);
		sip_reply_stateless(s, m, 503, "Too many requests in progress", "Retry-After: 5\r\n");
		return;
	}
	if (d) {
		sip_flow_known(s, &m->flow);
		sip_dialog_input(d, t, m);
	} else if (m->method == SIP_INVITE && sip_dialog_of(t)) {
		sip_reply(t, 482, "Merged Request", NULL, NULL); /* RFC 3261 8.2.2.2 */
	} else {
		s->c.user.request(s->c.user.arg, t, m);
	}
}

static void on_request(struct sip *s, struct sip_msg *m)
{
	struct siphash key;
	struct sip_spent *e;
	struct sip_uas *t;

	if (m->bad_code) {
		count(CNT_sip_bad);
		trace(EV_SIP_BAD, NULL, "%u %s", m->bad_code, m->bad);
		if (m->method != SIP_ACK)
			sip_reply_stateless(s, m, m->bad_code, m->bad, NULL);
		return;
	}
	if (m->method == SIP_ACK) {
		on_ack(s, m);
		return;
	}
	key = sip_uas_key(s, m, m->method);
	t = sip_uas_find(s, &key);
	if (t)
		sip_uas_input(t, m);
	else if ((e = sip_spent_find(&s->spent.uass, &key)))
		sip_spent_request(s, e, m);
	else if (m->method == SIP_CANCEL)
		on_cancel(s, m, &key);
	else if (requirements_met(s, m))
		on_new_request(s, m, &key);
}

static void on_response(struct sip *s, const struct sip_msg *m)
{
	struct sip_spent *e;
	struct sip_ctx *t;

	if (m->bad_code) {
		count(CNT_sip_bad);
		trace(EV_SIP_BAD, NULL, "response dropped: %s", m->bad);
		return;
	}
	t = m->n_vias == 1 ? sip_ctx_find(s, m) : NULL; /* 8.1.3.3 */
	if (t)
		sip_ctx_input(t, m);
	else if (m->n_vias == 1 && (e = sip_spent_find_ctx(s, m)))
		sip_spent_response(s, e, m);
	else
		count(CNT_sip_strays);
}

static bool only_line_ends(struct span b)
{
	for (size_t i = 0; i < b.n; i++)
		if (b.p[i] != '\r' && b.p[i] != '\n' && b.p[i])
			return false;
	return true;
}

bool sip_input_message(struct sip *s, const struct flow *f, struct span bytes)
{
	const char *why = NULL;
	struct sip_msg *m;

	if (only_line_ends(bytes)) /* a keep-alive */
		return false;
	if (stun_is_packet(bytes)) {
		if (f->listener == s->router.sock)
			sip_router_input(s, f, bytes);
		else
			sip_stun_input(s, f, bytes);
		return false;
	}
	if (f->proto == NET_UDP && sip_look_input(s, f, bytes))
		return true;
	sip_wire(s, f, false, bytes);
	if (sip_shed(s, f, bytes))
		return true;
	m = sip_msg_parse_in(&s->spare, bytes, &why);
	if (!m) {
		char peer[ADDR_STRLEN];

		count(CNT_sip_bad);
		trace(EV_SIP_BAD, NULL, "%s: %s", addr_str(&f->peer, peer), why);
		return false;
	}
	m->flow = *f;
	m->flow.order = sip_order(m->call_id);
	sip_uass_tidy(s);
	if (m->request && f->proto == NET_UDP)
		sip_uninvited_heard(s, f, m->method);
	if (m->request)
		on_request(s, m);
	else
		on_response(s, m);
	sip_msg_spare(&s->spare, m);
	return true;
}
