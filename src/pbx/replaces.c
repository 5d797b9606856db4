/*
 * pbx/replaces.c: INVITE with Replaces (RFC 3891): the caller takes the place of one of our legs: who talked with that
 * leg talks with the caller; an application that served it serves the caller; a phone that rings is answered elsewhere.
 */
#include "base/trace.h"
#include "pbx/transfer.h"

struct chan *replaces_whom(const struct pbx *p, struct span text, bool *early_only)
{
	long semi = span_chr(text, ';');
	struct span params = semi < 0 ? SPAN_NONE : span_from(text, (size_t)semi), to, from;

	*early_only = sip_param(params, "early-only", NULL);
	if (semi < 0 || !sip_param(params, "to-tag", &to) || !sip_param(params, "from-tag", &from))
		return NULL;
	return leg_named(p, span_trim(span_sub(text, 0, (size_t)semi)), to, from);
}

/* 200, or what section 3 has for it. */
static unsigned look(const struct chan *c, const struct sip_msg *m, struct chan **whom)
{
	bool early_only;

	*whom = replaces_whom(c->pbx, sip_hdr_value(m, SIP_HDR_REPLACES), &early_only);
	if (!*whom || *whom == c)
		return 481;
	if (!c->ep->allow_transfer || (*whom)->gone)
		return 603;
	if ((*whom)->state == CHAN_UP)
		return early_only ? 486 : transfer_party(*whom) || transfer_can_hand_over(*whom) ? 200 : 481;
	return dial_calls(*whom) ? 200 : 481; /* an early dialog that we did not begin cannot be replaced */
}

bool leg_may_replace(const struct chan *c, const struct sip_msg *m, struct leg_refusal *no)
{
	struct chan *whom;

	*no = (struct leg_refusal){ .code = look(c, m, &whom) };
	return no->code == 200;
}

void leg_replace(struct chan *c)
{
	struct sip_msg *m = leg_request(c);
	unsigned code = 481;
	struct chan *whom;

	if (m)
		code = look(c, m, &whom);
	sip_msg_unref(m);
	if (code != 200) { /* it has ended while a router was asked */
		chan_hangup(c, 31);
		return;
	}
	trace(EV_CALL_STATE, c->name, "takes the place of %s", whom->name);
	transfer_replace(whom, c);
}
