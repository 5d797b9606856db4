/*
 * pbx/subscribe.c: subscriptions to states of extensions (RFC 6665): the lamps beside a phone's keys. Each has a
 * dialog; one NOTIFY is on its way at a time, and it tells the state as it is by then, so changes in between are left
 * out.
 *
 * Who does not answer a NOTIFY keeps its subscription: the NAT before it may have lost us for a moment. It is told
 * again as soon as anything is heard from there; only 481 and other refusals end it, and the time that it asked for.
 * A 481 to the first NOTIFY may mean that it overtook our 200: that is tried again.
 */
#include <stdlib.h>
#include <string.h>

#include "base/siphash.h"
#include "base/trace.h"
#include "pbx/presence.h"

#define EXPIRES_DEFAULT 3600 /* s */
#define EXPIRES_MAX     86400
#define OVERTAKEN_TRIES 4
#define OVERTAKEN_MS    1000

static const struct package {
	const char *event, *type; /* what we send, and what the peer must accept */
	const char *other;        /* another name of that; NULL: none */
	void (*body)(const struct presence_view *v, struct out *o);
} packages[] = {
	{ "dialog", "application/dialog-info+xml", NULL, presence_dialog_info },
	{ "presence", "application/pidf+xml", "application/cpim-pidf+xml", presence_pidf },
};
#define ALLOW_EVENTS "dialog, presence"

struct subscription {
	struct list link; /* of its extension */
	struct watched *of;
	const struct package *package;
	struct sip_dialog *dialog;
	struct sip_uac *asking;
	struct timer expiry, again;
	ms_t until;
	uint32_t version;
	bool unsaid, silent; /* silent: it did not answer the last NOTIFY, which went to: */
	struct addr silent_at;
	uint8_t tries;        /* of the first NOTIFY; 0: one was accepted */
	const char *over;     /* why it has ended: it is told that last, then it goes */
	const char *endpoint; /* these three lie behind */
	const char *entity, *event_id;
	char texts[];
};

static void on_request(void *arg, struct sip_uas *uas, const struct sip_msg *m);

static uint64_t address_hash(const struct pbx *p, const struct addr *a)
{
	const struct span parts[] = { { (const char *)&a->port, sizeof a->port },
				      { (const char *)a->ip, a->family == 4 ? 4 : 16 } };

	return siphash(p->secret, parts, ARRAY_LEN(parts)).w[0];
}

static void set_silent(struct subscription *s, bool silent)
{
	struct pbx *p = s->of->pbx;

	if (s->silent)
		table_del(&p->presence->silent, address_hash(p, &s->silent_at), s);
	s->silent = silent;
	if (!silent)
		return;
	s->silent_at = sip_dialog_flow(s->dialog).peer;
	table_add(&p->presence->silent, address_hash(p, &s->silent_at), s);
}

static void subscription_free(struct subscription *s)
{
	struct pbx *p = s->of->pbx;

	set_silent(s, false);
	if (s->asking)
		sip_uac_forget(s->asking);
	clock_stop(p->clock, &s->expiry);
	clock_stop(p->clock, &s->again);
	sip_dialog_free(&s->dialog);
	list_del(&s->link);
	hint_leave(s->of);
	free(s);
}

/* ---- NOTIFY ---- */

static void tell(struct subscription *s);

static void on_notified(void *arg, struct sip_uac *uac UNUSED, const struct sip_msg *m, unsigned code,
			const char *why UNUSED)
{
	struct subscription *s = arg;
	bool silent = !m && !s->of->pbx->conf->hairpin.compat_asterisk;

	if (code < 200)
		return;
	s->asking = NULL;
	if (code == 481 && s->tries && s->tries < OVERTAKEN_TRIES) {
		s->tries++;
		clock_in(s->of->pbx->clock, &s->again, OVERTAKEN_MS);
		return;
	}
	s->tries = code < 300 ? 0 : s->tries;
	if (s->over ? !s->unsaid || code >= 300 : code >= 300 && !silent) {
		trace(EV_SUBSCRIBE, s->endpoint, "%s of %s@%s is over: %s", s->package->event, s->of->exten,
		      s->of->context,
		      s->over ? s->over
		      : m     ? sip_reason_phrase(code)
			      : "no answer");
		subscription_free(s);
		return;
	}
	set_silent(s, code >= 300);
	if (!s->silent && s->unsaid)
		tell(s);
}

static void put_state(const struct subscription *s, struct sip_build *b)
{
	ms_t left = MAX(s->until - s->of->pbx->clock->now, 0);

	if (s->over)
		sip_put(b, "Subscription-State", "terminated;reason=%s", s->over);
	else
		sip_put(b, "Subscription-State", "active;expires=%u", (unsigned)((left + 999) / 1000));
}

static void build_notify(void *arg, struct sip_build *b)
{
	struct subscription *s = arg;
	const struct conf_endpoint *ep = conf_endpoint(s->of->pbx->conf, span_of(s->endpoint));
	struct presence_view v = { .pbx = s->of->pbx,
				   .of = s->of,
				   .entity = span_of(s->entity),
				   .state = s->of->state,
				   .version = s->version,
				   .early_inuse = ep && ep->notify_early_inuse_ringing };

	sip_build_face(b);
	sip_put_contact(b, SPAN_NONE, SPAN_NONE, SPAN_NONE);
	sip_put(b, "Event", "%s%s%s", s->package->event, s->event_id[0] ? ";id=" : "", s->event_id);
	put_state(s, b);
	sip_put(b, "Allow-Events", "%s", ALLOW_EVENTS);
	v.host = span_of(b->face.host);
	s->package->body(&v, sip_put_body(b, s->package->type));
}

static void tell(struct subscription *s)
{
	struct sip_ask a = { .method = SIP_NOTIFY, .build = build_notify, .answer = on_notified, .arg = s };

	s->unsaid = true;
	if (s->asking || timer_runs(&s->again))
		return;
	s->unsaid = false;
	s->asking = sip_dialog_ask(s->dialog, &a);
	s->version++;
}

static void tell_again(struct timer *t, ms_t now UNUSED)
{
	tell(container_of(t, struct subscription, again));
}

void subscriptions_changed(struct watched *w)
{
	list_for(l, &w->subs) {
		struct subscription *s = list_entry(l, struct subscription, link);

		if (!s->over)
			tell(s);
	}
}

static void end(struct subscription *s, const char *reason)
{
	if (s->over)
		return;
	s->over = reason;
	clock_stop(s->of->pbx->clock, &s->expiry);
	tell(s);
}

void subscriptions_end(struct watched *w, const char *reason)
{
	list_for(l, &w->subs)
		end(list_entry(l, struct subscription, link), reason);
}

void subscriptions_adopt(struct watched *w)
{
	list_for(l, &w->subs) {
		struct subscription *s = list_entry(l, struct subscription, link);
		const struct conf_endpoint *ep = conf_endpoint(w->pbx->conf, span_of(s->endpoint));

		if (!ep || !ep->allow_subscribe)
			end(s, "rejected");
	}
}

void subscriptions_drop(struct watched *w)
{
	for (size_t n = w->n_subs; n; n--) /* the last one takes w with it */
		subscription_free(list_entry(w->subs.next, struct subscription, link));
}

void presence_heard(struct pbx *p, const struct addr *from)
{
	uint64_t hash;
	size_t at;
	struct subscription *s;

	if (!p->presence->silent.n)
		return;
	at = hash = address_hash(p, from);
	while ((s = table_next(&p->presence->silent, hash, &at)))
		if (!s->asking && addr_eq(&s->silent_at, from))
			tell(s);
}

static void on_expiry(struct timer *t, ms_t now UNUSED)
{
	end(container_of(t, struct subscription, expiry), "timeout");
}

/* ---- SUBSCRIBE ---- */

static void build_events(void *arg UNUSED, struct sip_build *b)
{
	sip_put(b, "Allow-Events", "%s", ALLOW_EVENTS);
}

static void build_min_expires(void *arg, struct sip_build *b)
{
	sip_put(b, "Min-Expires", "%u", *(const uint32_t *)arg);
}

static void build_subscribed(void *arg, struct sip_build *b)
{
	uint32_t *expires = arg;

	sip_build_face(b);
	sip_put_contact(b, SPAN_NONE, SPAN_NONE, SPAN_NONE);
	sip_put(b, "Expires", "%u", *expires);
	build_events(NULL, b);
}

/* The type of one value of Accept, without its parameters. */
static bool accepts(const struct sip_msg *m, const char *type)
{
	struct sip_walk w = { 0 };
	struct span v, bare;
	bool any = true;

	while (sip_walk(m, SIP_HDR_ACCEPT, &w, &v)) {
		any = false;
		span_cut(&v, ';', &bare);
		if (span_iis(span_trim(bare), type) || span_is(span_trim(bare), "*/*"))
			return true;
	}
	return any;
}

/* NULL: not served, or not in a form that the peer accepts. */
static const struct package *package_of(const struct sip_msg *m, struct span *id)
{
	struct span params = sip_hdr_value(m, SIP_HDR_EVENT), event = SPAN_NONE;

	span_cut(&params, ';', &event);
	for (size_t i = 0; i < ARRAY_LEN(packages); i++) {
		const struct package *k = &packages[i];

		if (!span_iis(span_trim(event), k->event))
			continue;
		if (!accepts(m, k->type) && !(k->other && accepts(m, k->other)))
			return NULL;
		*id = SPAN_NONE;
		for (struct span one; span_cut(&params, ';', &one);) {
			struct span value = one, name;

			if (span_cut(&value, '=', &name) && span_iis(span_trim(name), "id"))
				*id = span_trim(value);
		}
		return k;
	}
	return NULL;
}

/* Seconds; false: it was refused. */
static bool take_expires(struct sip_uas *uas, const struct conf_endpoint *ep, uint32_t *expires)
{
	const struct sip_msg *m = sip_uas_msg(uas);
	uint32_t least = ep ? ep->sub_min_expiry : 0;

	*expires = m->expires == SIP_NO_NUMBER ? MAX(EXPIRES_DEFAULT, least) : MIN(m->expires, EXPIRES_MAX);
	if (!*expires || *expires >= least)
		return true;
	sip_reply(uas, 423, NULL, build_min_expires, &least);
	return false;
}

/* It lasts so long from now on, and the peer is told how things are. */
static void go_on(struct subscription *s, struct sip_uas *uas, uint32_t expires)
{
	struct pbx *p = s->of->pbx;

	s->until = p->clock->now + (ms_t)expires * 1000;
	clock_stop(p->clock, &s->expiry);
	if (expires)
		clock_at(p->clock, &s->expiry, s->until);
	sip_reply(uas, 200, NULL, build_subscribed, &expires);
	if (s->asking) /* it may go to where the peer was before */
		sip_uac_forget(s->asking);
	s->asking = NULL;
	if (expires)
		tell(s);
	else
		end(s, "timeout");
}

static void on_request(void *arg, struct sip_uas *uas, const struct sip_msg *m)
{
	struct subscription *s = arg;
	struct span id;
	uint32_t expires;

	if (m->method != SIP_SUBSCRIBE)
		sip_reply(uas, m->method == SIP_OPTIONS ? 200 : 405, NULL, leg_build_allow, NULL);
	else if (s->over)
		sip_reply(uas, 481, NULL, NULL, NULL);
	else if (package_of(m, &id) != s->package || !span_is(id, s->event_id))
		sip_reply(uas, 489, NULL, build_events, NULL);
	else if (take_expires(uas, conf_endpoint(s->of->pbx->conf, span_of(s->endpoint)), &expires))
		go_on(s, uas, expires);
}

static struct subscription *subscription_new(struct watched *w, struct sip_uas *uas, const struct conf_endpoint *ep,
					     const struct package *package, struct span id)
{
	const struct sip_msg *m = sip_uas_msg(uas);
	struct span entity = m->to.uri.text;
	struct subscription *s = xcalloc(1, sizeof *s + strlen(ep->o.name) + entity.n + id.n + 3);
	char *at = s->texts;
	struct sip_dialog_conf d = { .rewrite_contact =
					     ep->rewrite_contact || (ep->rewrite_if_nat && sip_behind_nat(m)),
				     .force_rport = ep->force_rport,
				     .arg = s,
				     .request = on_request };
	const struct {
		const char **to;
		struct span text;
	} texts[] = { { &s->endpoint, span_of(ep->o.name) }, { &s->entity, entity }, { &s->event_id, id } };

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		*texts[i].to = at;
		span_copy(texts[i].text, at, texts[i].text.n + 1);
		at += texts[i].text.n + 1;
	}
	s->of = w;
	s->package = package;
	s->expiry.fire = on_expiry;
	s->again.fire = tell_again;
	s->tries = 1;
	s->dialog = sip_dialog_uas(uas, &d);
	list_push(&w->subs, &s->link);
	return s;
}

static void subscribe(struct pbx *p, struct sip_uas *uas, const struct conf_endpoint *ep, const struct package *package,
		      struct span id)
{
	const struct sip_msg *m = sip_uas_msg(uas);
	struct span context = span_of(ep->subscribe_context[0] ? ep->subscribe_context : ep->context), exten;
	char room[256];
	struct out o = out_growing_in(room, sizeof room);
	struct watched *w;
	uint32_t expires;

	if (!take_expires(uas, ep, &expires))
		return;
	exten = uri_user(p->conf, &m->ruri, &o);
	w = hint_watch(p, context, exten);
	if (w) {
		trace(EV_SUBSCRIBE, ep->o.name, "%s of %s@%s", package->event, w->exten, w->context);
		go_on(subscription_new(w, uas, ep, package, id), uas, expires);
	} else {
		trace(EV_SIP_NO, ep->o.name, "SUBSCRIBE: no hint of '%.*s' in context '%.*s'", SP(exten), SP(context));
		sip_reply(uas, 404, NULL, NULL, NULL);
	}
	out_free(&o);
}

void subscribe_request(struct pbx *p, struct sip_uas *uas, const struct conf_endpoint *ep)
{
	struct span id;
	const struct package *package = package_of(sip_uas_msg(uas), &id);

	if (!ep->allow_subscribe)
		sip_reply(uas, 403, NULL, NULL, NULL);
	else if (!package)
		sip_reply(uas, 489, NULL, build_events, NULL);
	else if (p->stopping || (p->presence && p->presence->n_subs >= p->conf->hairpin.max_subscriptions))
		sip_reply(uas, 503, p->stopping ? "going down" : "max_subscriptions is reached", leg_build_retry_after,
			  (char *)"10");
	else
		subscribe(p, uas, ep, package, id);
}

void subscribe_in_call(struct sip_uas *uas)
{
	sip_reply(uas, 489, NULL, build_events, NULL);
}

/* ---- for the console ---- */

void subscriptions_each(struct watched *w, void (*each)(void *arg, const struct pbx_subscription_info *i), void *arg)
{
	list_for(l, &w->subs) {
		const struct subscription *s = list_entry(l, struct subscription, link);
		ms_t left = MAX(s->until - w->pbx->clock->now, 0);

		each(arg, &(struct pbx_subscription_info){ .endpoint = s->endpoint,
							   .event = s->package->event,
							   .exten = w->exten,
							   .context = w->context,
							   .state = hint_state_label(w->state),
							   .call_id = sip_dialog_call_id(s->dialog),
							   .left_s = (uint32_t)((left + 999) / 1000),
							   .silent = s->silent });
	}
}
