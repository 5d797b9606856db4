/*
 * sip/dialog.c: what two user agents agree on between INVITE and BYE (RFC 3261 12).
 *
 * A dialog is Call-ID, local tag and remote tag, two CSeq counters and a route set that the first 2xx freezes; only the
 * remote target may still move. Forks share the local half, so lookup goes by local tag, then Call-ID and remote tag.
 * rewrite_contact is applied here: the target (or the nearest Record-Route) becomes where the packet came from.
 * A 2xx to INVITE is repeated until its ACK arrives (13.3.1.4); our ACK is sent again with each repeated 2xx.
 */
#include "sip/priv.h"

#include <stdlib.h>
#include <string.h>

#include "base/trace.h"

void sip_out_rewritten(struct out *o, const struct sip_uri *u, const struct flow *f)
{
	struct span params = u->params, name, value;

	out_all(o, u->scheme, ":");
	if (u->user.n)
		out_all(o, u->user, "@");
	addr_out(o, &f->peer);
	while (sip_param_next(&params, &name, &value))
		if (!span_iis(name, "transport"))
			out_all(o, ";", name, value.p ? "=" : "", value);
	out_str(o, sip_transport_param(f->proto));
}

struct kept_ok {
	struct sip_dialog *dialog;
	char *bytes;
	size_t n;
	struct flow flow;
	uint32_t cseq;
	struct timer again, life;
	ms_t interval;
};

struct kept_ack {
	struct flow flow;
	size_t n;
	char bytes[];
};

/* Forks share the key. */
static struct sip_dialog *find(struct sip *s, struct span call_id, struct span local, struct span remote)
{
	struct siphash key = sip_own_key(s, local);
	size_t at = key.w[0];
	struct sip_dialog *d;

	while ((d = table_next(&s->dialogs, key.w[0], &at)))
		if (d->key.w[1] == key.w[1] && span_eq(call_id, d->call_id) && span_eq(remote, d->remote_tag))
			return d;
	return NULL;
}

struct sip_dialog *sip_dialog_find(struct sip *s, const struct sip_msg *m, bool request)
{
	return request ? find(s, m->call_id, m->to.tag, m->from.tag) : find(s, m->call_id, m->from.tag, m->to.tag);
}

struct sip_dialog *sip_dialog_of(const struct sip_uas *t)
{
	return find(t->sip, t->msg->call_id, span_of(t->tag), t->msg->from.tag);
}

void *sip_dialog_named(struct sip *s, const struct sip_dialog_conf *like, struct span call_id, struct span local_tag,
		       struct span remote_tag)
{
	struct sip_dialog *d = find(s, call_id, local_tag, remote_tag);

	return d && d->conf.request == like->request ? d->conf.arg : NULL;
}

void sip_out_replaces(struct out *o, const struct sip_dialog *d)
{
	struct sip_naddr local;
	struct span tag = sip_naddr_tag(d->local, &local) ? local.tag : SPAN_NONE;

	out_all(o, d->call_id, ";to-tag=", d->remote_tag, ";from-tag=", tag);
}

#define TARGET_ROOM 48

struct names { /* that a dialog goes by for all its life */
	struct span call_id, local_tag, remote_tag, local, remote;
};

static struct span put_text(char **at, struct span s)
{
	struct span copy = { *at, s.n };

	if (s.n)
		memcpy(*at, s.p, s.n);
	(*at)[s.n] = '\0';
	*at += s.n + 1;
	return copy;
}

static struct sip_dialog *dialog_new(struct sip *s, const struct sip_dialog_conf *c, const struct names *n)
{
	size_t names = n->call_id.n + n->remote_tag.n + n->local.n + n->remote.n + 4;
	struct sip_dialog *d = spares_take(&s->spares, sizeof *d + names + TARGET_ROOM);
	char *at = d->texts;

	*d = (struct sip_dialog){ .sip = s };
	d->conf = *c;
	if (c->conf)
		conf_ref(c->conf);
	d->call_id = put_text(&at, n->call_id);
	d->remote_tag = put_text(&at, n->remote_tag);
	d->local = put_text(&at, n->local);
	d->remote = put_text(&at, n->remote);
	d->target_room = at;
	d->key = sip_own_key(s, n->local_tag);
	list_init(&d->uacs);
	list_init(&d->uass);
	table_add(&s->dialogs, d->key.w[0], d);
	return d;
}

static void set_target(struct sip_dialog *d, struct span s)
{
	char *target = s.n < TARGET_ROOM ? d->target_room : xmalloc(s.n + 1);

	if (s.n)
		memcpy(target, s.p, s.n);
	target[s.n] = '\0';
	if (d->target != d->target_room)
		free(d->target);
	d->target = target;
}

static void free_routes(struct sip_dialog *d)
{
	for (size_t i = 0; i < d->n_routes; i++)
		free(d->routes[i]);
	free(d->routes);
	d->routes = NULL;
	d->n_routes = 0;
}

static void forget_ok(struct sip_dialog *d)
{
	struct kept_ok *k = d->ok;

	if (!k)
		return;
	sip_stop(d->sip, &k->again);
	sip_stop(d->sip, &k->life);
	spares_give(&d->sip->spares, k->bytes);
	spares_give(&d->sip->spares, k);
	d->ok = NULL;
}

void sip_dialog_free(struct sip_dialog **dp)
{
	struct sip_dialog *d = *dp;

	*dp = NULL;
	if (!d)
		return;
	forget_ok(d);
	sip_reliable_free(d);
	list_for_safe(n, &d->uacs) {
		struct sip_uac *u = list_entry(n, struct sip_uac, in_dialog);

		u->dialog = NULL;
		list_del(&u->in_dialog);
	}
	list_for_safe(n, &d->uass) {
		struct sip_uas *t = list_entry(n, struct sip_uas, of_dialog);

		t->dialog = NULL;
		list_del(&t->of_dialog);
	}
	table_del(&d->sip->dialogs, d->key.w[0], d);
	free_routes(d);
	if (d->target != d->target_room)
		free(d->target);
	free(d->ack);
	free(d->rewritten);
	free(d->credentials);
	conf_unref(d->conf.conf);
	spares_give(&d->sip->spares, d);
}

/* ---- target and routes ---- */

static enum nat_rewrite rule(const struct sip_dialog *d, const struct sip_msg *m, bool in_dialog)
{
	struct nat_contact_ask ask = { .rewrite_contact = d->conf.rewrite_contact,
				       .is_request = m->request,
				       .in_dialog = in_dialog,
				       .has_record_route = sip_hdr(m, SIP_HDR_RECORD_ROUTE) != NULL,
				       .dialog_has_routes = d->n_routes > 0,
				       .contact_is_sip = m->contact.uri.is_sip };

	return nat_contact_rule(&ask);
}

/* What is replaced is evidence, should nobody answer there. */
static void note_rewritten(struct sip_dialog *d, const struct sip_uri *u, const struct addr *by)
{
	struct addr a;

	if (!addr_parse_ip(u->host, &a))
		return;
	a.port = u->port ? u->port : 5060;
	free(d->rewritten);
	d->rewritten = NULL;
	if (addr_eq(&a, by))
		return;
	d->rewritten = xmalloc(sizeof *d->rewritten);
	*d->rewritten = (struct rewritten){ a, *by };
}

static void take_target(struct sip_dialog *d, const struct sip_msg *m, enum nat_rewrite how)
{
	char peer[ADDR_STRLEN], room[256];
	struct out o = out_growing_in(room, sizeof room);

	if (!m->contact.uri.text.n)
		return;
	if (how == NAT_REWRITE_CONTACT) {
		sip_out_rewritten(&o, &m->contact.uri, &m->flow);
		note_rewritten(d, &m->contact.uri, &m->flow.peer);
		trace(EV_NAT_CONTACT, NULL, "%.*s is reached at %s", SP(m->contact.uri.text),
		      addr_str(&m->flow.peer, peer));
	} else {
		out_span(&o, m->contact.uri.text);
	}
	set_target(d, out_look(&o));
	out_free(&o);
}

static char *rewritten_route(struct sip_dialog *d, struct span route, const struct flow *f)
{
	struct out o = out_growing();
	struct sip_naddr a;

	if (!sip_naddr_parse(route, &a))
		return span_dup(route);
	note_rewritten(d, &a.uri, &f->peer);
	out_char(&o, '<');
	sip_out_rewritten(&o, &a.uri, f);
	out_fmt(&o, ">%.*s", SP(a.params));
	return out_take(&o);
}

/* Record-Route in order for the UAS, reversed for the UAC (12.1): either way the nearest hop comes first. */
static void take_routes(struct sip_dialog *d, const struct sip_msg *m, enum nat_rewrite how)
{
	struct sip_walk w = { 0 };
	struct span v;
	size_t n = 0;

	free_routes(d);
	while (sip_walk(m, SIP_HDR_RECORD_ROUTE, &w, &v))
		n++;
	if (!n)
		return;
	d->routes = xcalloc(n, sizeof d->routes[0]);
	d->n_routes = n;
	w = (struct sip_walk){ 0 };
	for (size_t i = 0; sip_walk(m, SIP_HDR_RECORD_ROUTE, &w, &v); i++) {
		size_t at = m->request ? i : n - 1 - i;

		d->routes[at] = at == 0 && how == NAT_REWRITE_ROUTE ? rewritten_route(d, v, &m->flow) : span_dup(v);
	}
}

static void serve(struct sip_uas *t, struct sip_dialog *d)
{
	t->dialog = d;
	list_del(&t->of_dialog);
	list_push(&d->uass, &t->of_dialog);
}

/* ---- making dialogs ---- */

struct sip_dialog *sip_dialog_uas(struct sip_uas *t, const struct sip_dialog_conf *c)
{
	const struct sip_msg *m = t->msg;
	char room[256];
	struct out to = out_growing_in(room, sizeof room);
	struct sip_dialog *d;
	enum nat_rewrite how;

	out_all(&to, m->to.text, ";tag=", t->tag);
	d = dialog_new(t->sip, c,
		       &(struct names){ m->call_id, span_of(t->tag), m->from.tag, out_look(&to), m->from.text });
	out_free(&to);
	how = rule(d, m, false);
	d->remote_cseq = m->cseq;
	d->remote_cseq_known = true;
	d->local_cseq = sip_new_cseq(t->sip);
	d->flow = m->flow;
	d->frozen = true;
	take_target(d, m, how);
	if (!d->target)
		set_target(d, m->from.uri.text);
	take_routes(d, m, how);
	serve(t, d);
	return d;
}

struct sip_dialog *sip_dialog_answered(struct sip *s, const struct sip_msg *m, const struct sip_dialog_conf *c,
				       const char *credentials)
{
	struct sip_dialog *d;

	if (!m->to.tag.n && m->status < 200) /* a 2xx of RFC 2543 has none, and then none is its tag (12.1.2) */
		return NULL;
	d = dialog_new(s, c, &(struct names){ m->call_id, m->from.tag, m->to.tag, m->from.text, m->to.text });
	d->local_cseq = m->cseq;
	d->credentials = credentials ? xstrdup(credentials) : NULL;
	sip_dialog_refresh(d, m);
	if (!d->target) /* without Contact, which a 1xx may lack, and a 2xx must not: To has what we asked */
		set_target(d, m->to.uri.text);
	return d;
}

struct sip_dialog *sip_dialog_uac(struct sip_uac *u, const struct sip_msg *m, const struct sip_dialog_conf *c)
{
	struct sip_dialog *d = sip_dialog_answered(u->sip, m, c, u->credentials);

	if (d && u->forks)
		d->local_cseq = MAX(d->local_cseq, sip_reliable_cseq(u, m->to.tag));
	return d;
}

void sip_dialog_refresh(struct sip_dialog *d, const struct sip_msg *m)
{
	enum nat_rewrite how;

	d->flow = m->flow;
	if (!d->frozen) /* 13.2.2.4: the 2xx's route set counts, not the 1xx's */
		free_routes(d);
	how = rule(d, m, true);
	if (!d->frozen)
		take_routes(d, m, how);
	take_target(d, m, how);
	if (m->status >= 200)
		d->frozen = true;
}

bool sip_dialog_is(const struct sip_dialog *d, const struct sip_msg *response)
{
	return span_eq(response->to.tag, d->remote_tag);
}

bool sip_dialog_waits_for_ack(const struct sip_dialog *d)
{
	return d->ok != NULL;
}

struct span sip_dialog_call_id(const struct sip_dialog *d)
{
	return d->call_id;
}

struct flow sip_dialog_flow(const struct sip_dialog *d)
{
	return d->flow;
}

struct span sip_dialog_target(const struct sip_dialog *d)
{
	return span_of(d->target);
}

void sip_dialogs_forget_source(struct sip *s)
{
	struct table_walk w = { 0 };
	struct sip_dialog *d;

	while ((d = table_each(&s->dialogs, &w)))
		if (d->flow.proto == NET_UDP)
			d->flow.local = (struct addr){ 0 };
}

/* ---- requests in ---- */

void sip_dialog_input(struct sip_dialog *d, struct sip_uas *t, const struct sip_msg *m)
{
	t->force_rport = d->conf.force_rport;
	if (d->remote_cseq_known && m->cseq < d->remote_cseq) { /* 12.2.2 */
		sip_reply(t, 500, "CSeq went backwards", NULL, NULL);
		return;
	}
	d->remote_cseq = m->cseq;
	d->remote_cseq_known = true;
	d->flow = m->flow;
	if (m->method == SIP_INVITE || m->method == SIP_UPDATE || m->method == SIP_SUBSCRIBE)
		take_target(d, m, rule(d, m, true));
	if (m->method == SIP_INVITE)
		serve(t, d);
	if (m->method == SIP_PRACK && !sip_reliable_prack(d, m))
		sip_reply(t, 481, "No response waits for this PRACK", NULL, NULL);
	else if (d->conf.request)
		d->conf.request(d->conf.arg, t, m);
	else
		sip_reply(t, m->method == SIP_BYE ? 200 : 481, NULL, NULL, NULL);
}

bool sip_dialog_input_ack(struct sip_dialog *d, const struct sip_msg *m)
{
	if (!d->ok || m->cseq != d->ok->cseq)
		return false;
	forget_ok(d);
	if (d->conf.ack)
		d->conf.ack(d->conf.arg, m);
	return true;
}

/* ---- our 2xx, until its ACK arrives ---- */

static void ok_again(struct timer *t, ms_t now UNUSED)
{
	struct kept_ok *k = container_of(t, struct kept_ok, again);
	struct sip *s = k->dialog->sip;

	count(CNT_sip_retransmits);
	sip_send(s, &k->flow, (struct span){ k->bytes, k->n });
	k->interval = MIN(k->interval * 2, SIP_T2);
	sip_in(s, &k->again, k->interval);
}

static void ok_over(struct timer *t, ms_t now UNUSED)
{
	struct sip_dialog *d = container_of(t, struct kept_ok, life)->dialog;

	count(CNT_sip_timeouts);
	trace(EV_SIP_TIMEOUT, NULL, "no ACK in 32 s from %s", d->target);
	forget_ok(d);
	if (d->conf.no_ack)
		d->conf.no_ack(d->conf.arg);
}

void sip_dialog_keep_ok(struct sip_dialog *d, struct sip_uas *t)
{
	struct kept_ok *k = spares_zero(&d->sip->spares, sizeof *k);

	forget_ok(d);
	d->ok = k;
	k->dialog = d;
	k->again.fire = ok_again;
	k->life.fire = ok_over;
	k->bytes = t->bytes; /* the transaction does not repeat it (RFC 6026) */
	k->n = t->n;
	t->bytes = NULL;
	t->n = t->room = 0;
	k->flow = t->flow;
	k->cseq = t->msg->cseq;
	k->interval = d->sip->t1;
	sip_in(d->sip, &k->again, k->interval);
	sip_in(d->sip, &k->life, 64 * d->sip->t1);
}

/* ---- our ACK, again for each 2xx that comes again ---- */

unsigned sip_dialog_repeats(const struct sip_dialog *d)
{
	return d->ack_repeats;
}

struct addr sip_dialog_written(const struct sip_dialog *d, struct addr *by)
{
	if (!d->rewritten)
		return (struct addr){ 0 };
	*by = d->rewritten->by;
	return d->rewritten->written;
}

bool sip_dialog_ack_again(struct sip_dialog *d, uint32_t cseq)
{
	if (d->ack_cseq != cseq)
		return d->ack_cseq > cseq;
	d->ack_repeats++;
	if (d->ack)
		sip_send(d->sip, &d->ack->flow, (struct span){ d->ack->bytes, d->ack->n });
	else
		sip_dialog_ack(d, cseq, NULL, NULL);
	return true;
}

void sip_dialog_keep_ack(struct sip_dialog *d, const struct flow *f, struct span bytes)
{
	d->ack = xmalloc(sizeof *d->ack + bytes.n);
	d->ack->flow = *f;
	d->ack->n = bytes.n;
	memcpy(d->ack->bytes, bytes.p, bytes.n);
}

/* ---- requests out ---- */

static struct sip_uac *ask_in(struct sip_dialog *d, const struct sip_ask *what, uint32_t cseq)
{
	struct span routes[16];
	struct sip_ask a = *what;
	struct sip_uac *u;

	for (size_t i = 0; i < d->n_routes && i < ARRAY_LEN(routes); i++)
		routes[i] = span_of(d->routes[i]);
	a.uri = span_of(d->target);
	a.from_text = d->local;
	a.to = d->remote;
	a.call_id = d->call_id;
	a.cseq = cseq;
	a.routes = routes;
	a.n_routes = MIN(d->n_routes, ARRAY_LEN(routes));
	a.proxy = SPAN_NONE;
	a.transport = d->conf.transport;
	a.flow = &d->flow;
	a.goes_back = true;
	a.auths = d->conf.auths;
	a.n_auths = d->conf.n_auths;
	a.conf = d->conf.conf;
	u = sip_ask(d->sip, &a);
	u->dialog = d;
	list_push(&d->uacs, &u->in_dialog);
	return u;
}

struct sip_uac *sip_dialog_ask(struct sip_dialog *d, const struct sip_ask *what)
{
	return ask_in(d, what, ++d->local_cseq);
}

void sip_dialog_ack(struct sip_dialog *d, uint32_t cseq, sip_build_fn *build, void *arg)
{
	struct sip_ask a = { .method = SIP_ACK, .build = build, .arg = arg };
	struct sip_uac *u = ask_in(d, &a, cseq);

	free(d->ack);
	d->ack = NULL;
	d->ack_cseq = cseq; /* from now on a repeated 2xx is not a stray */
	if (d->credentials)
		u->credentials = xstrdup(d->credentials); /* 22.1: the same as in the INVITE */
	sip_uac_start_now(u);
}
