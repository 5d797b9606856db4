/*
 * pbx/qualify.c: OPTIONS to every contact of an AOR, and what the answers say (nat-semantics 3.6).
 *
 * One schedule per AOR. The first round after a load comes at a random time, a new contact is asked at once, then
 * exactly every qualify_frequency. Any final answer means Avail unless qualify_2xx_only. No answer within
 * qualify_timeout, or an ICMP error at once, means Unavail, when asking again quickly does not help (reach.c).
 */
#include <string.h>

#include "base/trace.h"
#include "pbx/priv.h"

#define QUICK 1500 /* ms: two transmissions */

static void set_status(struct contact *c, enum contact_status s, double rtt_ms)
{
	if (c->status != s) {
		aor_changed(c->aor);
		trace(EV_QUALIFY, NULL, "Contact %s/%s is now %s.  RTT: %.3f msec", c->aor->name, c->uri,
		      contact_status_label(s), rtt_ms < 0 ? 0 : rtt_ms);
	}
	c->status = s;
	c->rtt_ms = rtt_ms;
}

static void on_answer(void *arg, struct sip_uac *uac UNUSED, const struct sip_msg *m, unsigned code,
		      const char *why UNUSED)
{
	struct contact *c = arg;
	bool good;

	if (code < 200)
		return;
	c->asking = NULL;
	if (m)
		reach_answered(c);
	else if (!reach_gave_up(c))
		return;
	if (c->keeps_open)
		return;
	good = m && (!c->aor->conf->qualify_2xx_only || code < 300);
	set_status(c, good ? CONTACT_AVAIL : CONTACT_UNAVAIL,
		   good ? (double)(c->aor->pbx->clock->now - c->asked_at) : -1);
}

static void build_options(void *arg, struct sip_build *b)
{
	const struct contact *c = arg;
	const struct conf_endpoint *ep = contact_endpoint(c);

	sip_put_contact(b, span_of(ep && ep->contact_user[0] ? ep->contact_user : ""), SPAN_NONE, SPAN_NONE);
	sip_put(b, "Accept", "application/sdp");
}

static void ask(struct contact *c, ms_t timeout)
{
	struct pbx *p = c->aor->pbx;
	const struct conf_endpoint *ep = contact_endpoint(c);
	struct span path = span_of(c->path);
	struct flow from;
	struct sip_ask a;

	if (!ep || c->asking || pbx_is_ending(p)) /* nobody waits for the answer any more */
		return;
	a = (struct sip_ask){ .method = SIP_OPTIONS,
			      .uri = span_of(c->uri),
			      .from_user = span_of(ep->from_user),
			      .from_domain = span_of(ep->from_domain),
			      .proxy = span_of(c->aor->conf->outbound_proxy[0] ? c->aor->conf->outbound_proxy
									       : ep->outbound_proxy),
			      .routes = path.n ? &path : NULL,
			      .n_routes = path.n ? 1 : 0,
			      .transport = ep->transport,
			      .conf = p->conf,
			      .timeout = timeout,
			      .witness = c->is_static,
			      .build = build_options,
			      .answer = on_answer,
			      .arg = c };
	if (c->transport[0])
		a.transport = conf_transport(p->conf, span_of(c->transport));
	a.auths = outbound_auths(ep, &a.n_auths);
	c->asked_at = p->clock->now;
	reach_asked(c);
	contact_flow(p, c->listener, &from, &a);
	c->asking = sip_ask(p->sip, &a);
}

static ms_t timeout_of(const struct contact *c)
{
	return (ms_t)(c->aor->conf->qualify_timeout * 1000);
}

static void ask_status(struct contact *c)
{
	if (c->asking)
		return;
	c->keeps_open = false;
	ask(c, timeout_of(c));
}

void qualify_keep(struct contact *c)
{
	if (c->asking)
		return;
	c->keeps_open = true;
	ask(c, timeout_of(c));
}

void qualify_again(struct contact *c)
{
	ask(c, timeout_of(c) ? MIN(timeout_of(c), QUICK) : QUICK);
}

void qualify_alive(struct contact *c)
{
	if (c->status != CONTACT_UNAVAIL || c->keeps_open)
		return;
	if (c->aor->conf->qualify_2xx_only)
		ask_status(c);
	else if (!c->asking) /* else its answer is about to say so */
		set_status(c, CONTACT_AVAIL, -1);
}

void qualify_drop(struct contact *c)
{
	if (c->asking)
		sip_uac_forget(c->asking);
	c->asking = NULL;
}

void qualify_stop(struct pbx *p)
{
	aor_for(a, p)
		list_for(l, &a->contacts)
			qualify_drop(list_entry(l, struct contact, link));
}

static void ask_all(struct aor *a)
{
	list_for(l, &a->contacts)
		ask_status(list_entry(l, struct contact, link));
}

static void round_due(struct timer *t, ms_t now UNUSED)
{
	struct aor *a = container_of(t, struct aor, qualify);

	qualify_now(a);
}

void qualify_now(struct aor *a)
{
	ask_all(a);
	if (a->conf->qualify_frequency)
		clock_in(a->pbx->clock, &a->qualify, (ms_t)a->conf->qualify_frequency * 1000);
}

void qualify_new_contact(struct aor *a)
{
	if (!a->conf->qualify_frequency)
		return;
	a->qualify.fire = round_due;
	clock_in(a->pbx->clock, &a->qualify, 1);
}

static void adopt(struct aor *a)
{
	struct pbx *p = a->pbx;
	uint32_t frequency, initial = p->conf->global.max_initial_qualify_time;
	ms_t window;

	if (list_empty(&a->contacts) && !timer_runs(&a->qualify)) /* most of a million: a contact that comes is asked */
		return;
	frequency = a->conf->qualify_frequency;
	window = (ms_t)(initial ? MIN(initial, frequency) : frequency) * 1000;
	list_for(l, &a->contacts) {
		struct contact *c = list_entry(l, struct contact, link);

		reach_adopt(c);
		if (frequency)
			continue;
		qualify_drop(c);
		c->status = CONTACT_NONQUAL;
		c->rtt_ms = -1;
	}
	if (!frequency) {
		clock_stop(p->clock, &a->qualify);
		return;
	}
	a->qualify.fire = round_due;
	if (timer_runs(&a->qualify) && a->qualify.at - p->clock->now <= (ms_t)frequency * 1000)
		return;
	clock_in(p->clock, &a->qualify, 1 + rng_below(&p->clock->rng, (uint32_t)window));
}

void qualify_adopt(struct pbx *p)
{
	aor_for(a, p)
		adopt(a);
}
