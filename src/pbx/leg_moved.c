/*
 * pbx/leg_moved.c: re-INVITEs of ours: calls that outlive a change of our address, a hold that is passed on, a codec
 * that a new partner speaks. A peer that was told an address in Contact or SDP which we would not write any more gets a
 * re-INVITE with the one that holds now (RFC 3261 14, RFC 3264 8). The RTP socket and the dialog stay; compat=asterisk:
 * nothing is sent.
 */
#include <string.h>

#include "base/trace.h"
#include "pbx/transfer.h"

#define PAUSE 2000 /* at least, between two of them in one call */
#define BUSY  500  /* another offer is under way */
#define TRIES 10   /* as often as a peer may put us off */

/* What it was told while it rang can be told anew once it is answered. */
static bool rings(const struct chan *c)
{
	return !c->gone && c->state != CHAN_UP && leg_has_contact(c);
}

/* Whether it is on hold is not what it was told last. */
static bool owes_hold(const struct chan *c)
{
	return c->hold_told != (c->local.dir == SDP_SENDONLY);
}

/* What came about in the call itself does not wait. */
static bool is_urgent(const struct chan *c)
{
	return owes_hold(c) || transfer_recodes(c);
}

static bool is_outdated(const struct chan *c)
{
	struct nat_face now;
	struct addr contact;
	struct flow f;

	if (c->gone || c->state != CHAN_UP || !c->dialog || !c->media || !leg_has_contact(c))
		return false;
	f = sip_dialog_flow(c->dialog);
	if (!sip_flow_look(c->pbx->sip, &f, &now))
		return false;
	contact = addr_with_port(&now.addr, now.port);
	return c->retells || is_urgent(c) || !addr_eq(&contact, &c->contact) ||
	       (!now.addr.family && strcmp(now.host, c->contact_name) != 0) || leg_media_outdated(c, &f);
}

static void build(void *arg, struct sip_build *b)
{
	struct chan *c = arg;

	leg_put_contact(c, b);
	leg_build_allow(NULL, b);
	leg_put_supported(c, b);
	leg_session_put_request(c, b);
	leg_media_put_offer(c, b);
}

static void on_2xx(struct chan *c, const struct sip_msg *m)
{
	bool ok;

	leg_session_answered(c, m);
	sip_dialog_refresh(c->dialog, m);
	sip_dialog_ack(c->dialog, m->cseq, NULL, NULL);
	ok = leg_media_answered(c, sip_body_part(m, "application/sdp")) >= 0;
	if (!ok)
		trace(EV_MEDIA_WARN, c->name, "the answer to our re-INVITE has no usable SDP: audio stays as it was");
	transfer_recoded(c, ok, false);
	if (is_outdated(c))
		clock_in(c->pbx->clock, &c->renew, is_urgent(c) ? 0 : PAUSE);
}

/* Its own re-INVITE is under way (RFC 3261 14.1: the owner of the Call-ID waits longer), or another of ours (14.2). */
static bool is_put_off(struct chan *c, unsigned code)
{
	struct rng *rng = &c->pbx->clock->rng;
	ms_t wait = code == 500 ? 10000 : c->incoming ? rng_below(rng, 2000) : 2100 + rng_below(rng, 1900);

	if ((code != 491 && code != 500) || c->retells == TRIES)
		return false;
	c->retells++;
	transfer_recoded(c, false, true);
	clock_in(c->pbx->clock, &c->renew, wait);
	return true;
}

static void on_answer(void *arg, struct sip_uac *uac UNUSED, const struct sip_msg *m, unsigned code, const char *why)
{
	struct chan *c = arg;

	if (code < 200)
		return;
	c->asking = NULL;
	if (code < 300) {
		c->retells = 0;
		on_2xx(c, m);
		c->offer_out = false;
		return;
	}
	c->offer_out = false;
	if (is_put_off(c, code))
		return;
	c->retells = 0;
	transfer_recoded(c, false, false);
	if (c->session.refreshing) {
		leg_session_refused(c, m, code);
		return;
	}
	trace(EV_MEDIA_WARN, c->name, "the peer does not take our re-INVITE: %u %.*s%s", code, m ? (int)m->reason.n : 0,
	      m ? m->reason.p : "", why ? why : "");
	if (m && (code == 481 || code == 408)) /* RFC 5057: the dialog is over */
		chan_hangup(c, 41);
}

void leg_reinvite(struct chan *c)
{
	struct sip_ask a = {
		.method = SIP_INVITE, .build = build, .answer = on_answer, .again = leg_session_again, .arg = c
	};
	struct flow f = sip_dialog_flow(c->dialog);

	c->renewed_at = c->pbx->clock->now;
	if (!c->session.refreshing || transfer_recodes(c) || leg_media_outdated(c, &f))
		c->local.version++;
	transfer_recoding(c);
	c->asking = sip_dialog_ask(c->dialog, &a);
}

static void renew(struct chan *c)
{
	if (!c->retells)
		c->session.refreshing = false;
	if (!c->session.refreshing)
		trace(EV_CALL_STATE, c->name, "%s: the peer is told",
		      transfer_recodes(c) ? "another codec"
		      : !owes_hold(c)     ? "our address has changed"
		      : c->hold_told      ? "not on hold any more"
					  : "on hold");
	leg_reinvite(c);
}

void leg_renew_due(struct timer *t, ms_t now)
{
	struct chan *c = container_of(t, struct chan, renew);
	bool busy = c->asking || c->invite || c->offer_out;

	if (!rings(c) && !is_outdated(c))
		return;
	if (rings(c) || busy || sip_dialog_waits_for_ack(c->dialog))
		clock_in(c->pbx->clock, t, BUSY);
	else if (c->renewed_at && now - c->renewed_at < PAUSE && !is_urgent(c))
		clock_in(c->pbx->clock, t, c->renewed_at + PAUSE - now);
	else
		renew(c);
}

void leg_pass_hold(struct chan *c, bool hold)
{
	c->local.dir = hold ? SDP_SENDONLY : SDP_SENDRECV;
	if (owes_hold(c) && !c->gone)
		clock_in(c->pbx->clock, &c->renew, 0);
}

void legs_moved(struct pbx *p, const struct conf_transport *t UNUSED)
{
	if (p->conf->hairpin.compat_asterisk)
		return;
	list_for(l, &p->chans) {
		struct chan *c = list_entry(l, struct chan, link);

		if (rings(c) || is_outdated(c))
			clock_in(p->clock, &c->renew, 0);
	}
}
