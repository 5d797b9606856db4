/*
 * pbx/leg_early.c: what an incoming leg is told before its answer: ringing, early media. When the caller requires it,
 * or 100rel= says so, each of them is acknowledged by a PRACK, and the next one and the answer wait for that (RFC
 * 3262). A caller without an offer then finds ours in the first of them, and answers it in its PRACK.
 */
#include "pbx/priv.h"

#include "base/trace.h"
#include "pbx/transfer.h"

bool leg_early_allows(struct chan *c, const struct sip_msg *m, struct leg_refusal *no)
{
	enum conf_100rel rule = c->ep->rel100;
	bool required = sip_has_token(m, SIP_HDR_REQUIRE, "100rel"), known = required;

	if (rule == REL100_NO && required) {
		*no = (struct leg_refusal){ .code = 420, .header = "Unsupported", .value = "100rel" };
		return false;
	}
	if (rule >= REL100_REQUIRED && !required)
		known = sip_has_token(m, SIP_HDR_SUPPORTED, "100rel");
	if (rule == REL100_REQUIRED && !known) {
		*no = (struct leg_refusal){ .code = 421, .header = "Require", .value = "100rel" };
		return false;
	}
	c->reliable = known;
	return true;
}

bool leg_early_waits(const struct chan *c)
{
	return c->reliable && c->dialog && sip_dialog_waits_for_prack(c->dialog);
}

static void send(struct chan *c, unsigned code, bool with_sdp)
{
	bool offers = c->reliable && !c->offered && !c->pracked; /* the first one has to */
	sip_build_fn *build = with_sdp || offers ? leg_build_with_sdp : leg_build_plain;

	c->answer_sent |= with_sdp;
	if (c->reliable)
		sip_reply_reliably(c->invite, code, build, c);
	else
		sip_reply(c->invite, code, NULL, build, c);
}

void leg_ringing(struct chan *c)
{
	if (!c->invite || c->state == CHAN_UP || c->ringing_sent)
		return;
	if (leg_early_waits(c)) {
		c->due_ringing = true;
		return;
	}
	c->ringing_sent = true;
	if (c->ep->inband_progress && c->offered) {
		leg_progress(c);
		leg_ring_tone(c, true);
		return;
	}
	send(c, 180, false);
}

void leg_progress(struct chan *c)
{
	if (c->moves)
		refer_told(c, 183);
	if (!c->invite || c->state == CHAN_UP || c->progress_sent)
		return;
	if (leg_early_waits(c)) {
		c->due_progress = true;
		return;
	}
	c->progress_sent = c->answer_sent = true;
	send(c, 183, c->offered);
	leg_media_apply(c, false);
}

/* What had to wait. */
static void go_on(struct chan *c)
{
	bool ringing = c->due_ringing, progress = c->due_progress;

	c->due_ringing = c->due_progress = false;
	if (c->due_answer) {
		c->due_answer = false;
		leg_answer(c);
		return;
	}
	if (progress)
		leg_progress(c);
	if (ringing)
		leg_ringing(c);
}

/* Its SDP: the answer to our offer, or an offer once the first one is answered (section 5). 200, or what refuses it. */
static unsigned take_sdp(struct chan *c, const struct sip_msg *m)
{
	struct span sdp = sip_body_part(m, "application/sdp");

	if (m->body.n && !sdp.p)
		return 415;
	if (c->offer_out)
		return leg_media_answered(c, sdp) < 0 ? 488 : 200;
	if (!m->body.n)
		return 200;
	return !c->answer_sent ? 491 : leg_media_offered(c, sdp) < 0 ? 488 : 200;
}

void leg_pracked(struct chan *c, struct sip_uas *uas, const struct sip_msg *m)
{
	bool ours = c->offer_out;
	unsigned code = take_sdp(c, m);

	if (code != 200)
		sip_reply(uas, code, NULL, NULL, NULL);
	else
		sip_reply(uas, 200, NULL, m->body.n && !ours ? leg_build_with_sdp : NULL, c);
	if (code != 200 && ours) {
		trace(EV_MEDIA_WARN, c->name, "the PRACK has no usable answer to our offer");
		chan_hangup(c, 58);
		return;
	}
	if (ours || c->answer_sent) {
		c->pracked = true;
		leg_media_forget_offer(c);
	}
	if (c->invite)
		go_on(c);
}
