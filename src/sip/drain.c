/*
 * sip/drain.c: a listener that a reload has moved or removed. The new one is open already; this one goes on for what
 * began on it: dialogs with all their requests, transactions, TCP connections, phones that registered there, whose NATs
 * let nobody else in. While there are such phones, and for a while after the reload, it serves everybody; then only
 * what it has, and when that is over it closes.
 */
#include "sip/priv.h"

#include "base/trace.h"

#define GRACE 64000 /* 2*64*T1: a transaction, and the one that it leads to */
#define LOOK  1000

static bool is_of(const struct sip_transport *tp, const struct flow *f)
{
	return f->listener == tp->sock;
}

static bool has_dialog(const struct sip_transport *tp)
{
	struct table_walk w = { 0 };
	struct sip_dialog *d;

	while ((d = table_each(&tp->sip->dialogs, &w)))
		if (is_of(tp, &d->flow))
			return true;
	return false;
}

static bool has_transaction(const struct sip_transport *tp)
{
	struct table_walk uass = { 0 }, ctxs = { 0 };
	struct sip_uas *u;
	struct sip_ctx *c;

	while ((u = table_each(&tp->sip->uass, &uass)))
		if (is_of(tp, &u->flow))
			return true;
	while ((c = table_each(&tp->sip->ctxs, &ctxs)))
		if (is_of(tp, &c->flow))
			return true;
	return sip_spent_has(tp->sip, tp->sock);
}

/* A live transport listens at the same port of the same address: peers cannot tell the two apart. */
static bool is_covered(const struct sip_transport *tp)
{
	list_for(n, &tp->sip->transports) {
		const struct sip_transport *by = list_entry(n, struct sip_transport, link);

		if (!by->leaving && by->proto == tp->proto && by->bound.port == tp->bound.port &&
		    by->bound.family == tp->bound.family &&
		    (addr_is_any(&by->bound) || addr_is_any(&tp->bound) || addr_ip_eq(&by->bound, &tp->bound)))
			return true;
	}
	return false;
}

static void look(struct timer *t, ms_t now)
{
	struct sip_transport *tp = container_of(t, struct sip_transport, drain);
	const struct sip_user *u = &tp->sip->c.user;

	tp->held = u->holds && u->holds(u->arg, tp->sock);
	if (now - tp->leaving < GRACE || tp->held || tp->conns || has_dialog(tp) || has_transaction(tp)) {
		sip_in(tp->sip, t, LOOK);
		return;
	}
	trace(EV_CORE_LISTEN, NULL, "%s: nothing is left on the old address: closed", tp->conf->o.name);
	sip_transport_close(tp);
}

void sip_drain(struct sip_transport *tp)
{
	char old[ADDR_STRLEN];

	trace(EV_CORE_LISTEN, NULL, "%s: %s is left; what began on it goes on there", tp->conf->o.name,
	      addr_str(&tp->bound, old));
	tp->leaving = sip_now(tp->sip);
	tp->sip->n_leaving++;
	tp->drain.fire = look;
	sip_in(tp->sip, &tp->drain, LOOK);
}

void sip_undrain(struct sip_transport *tp)
{
	sip_stop(tp->sip, &tp->drain);
	tp->sip->n_leaving -= tp->leaving > 0;
	tp->leaving = 0;
}

bool sip_flow_leaves(const struct sip *s, const struct flow *f)
{
	const struct sip_transport *tp = s->n_leaving ? sip_transport_by_flow(s, f) : NULL;

	return tp && tp->leaving;
}

bool sip_is_drained(const struct sip *s, const struct flow *f)
{
	const struct sip_transport *tp = s->n_leaving ? sip_transport_by_flow(s, f) : NULL;

	return tp && tp->leaving && sip_now(s) - tp->leaving >= GRACE && !tp->held && !is_covered(tp);
}
