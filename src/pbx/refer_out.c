/*
 * pbx/refer_out.c: REFER of ours (RFC 3515), for Transfer() of a call that is up: the peer is asked to call somebody
 * else, and says by NOTIFY what became of it. The channel is told CH_REFERRED once.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/trace.h"
#include "pbx/transfer.h"

static void over(struct chan *c, unsigned code)
{
	struct chan_event ev = { .kind = CH_REFERRED, .ok = code / 100 == 2, .cause = (int)code };

	if (!c->moves->refers_out)
		return;
	c->moves->refers_out = false;
	chan_tell(c, &ev);
}

static void on_answer(void *arg, struct sip_uac *uac UNUSED, const struct sip_msg *m, unsigned code,
		      const char *why UNUSED)
{
	struct chan *c = arg;

	if (code < 200)
		return;
	c->moves->referring = NULL;
	free(c->moves->refer_to);
	c->moves->refer_to = NULL;
	if (code >= 300)
		over(c, code);
	else if (m &&
		 span_istarts(sip_hdr_named(m, SPAN("Refer-Sub"), 0), SPAN("false"))) /* RFC 4488: it will not say */
		over(c, code);
}

static void build(void *arg, struct sip_build *b)
{
	struct chan *c = arg;
	struct span to = span_of(c->moves->refer_to);

	leg_put_contact(c, b);
	leg_out_address(b, "Refer-To", to);
	leg_out_address(b, "Referred-By", span_of(c->dialed));
}

void leg_refer_acked(struct chan *c)
{
	struct sip_ask a = { .method = SIP_REFER, .build = build, .answer = on_answer, .arg = c };
	struct moves *m = c->moves;

	if (m->refers_out && !m->referred)
		m->referring = sip_dialog_ask(c->dialog, &a);
	m->referred |= m->refers_out;
}

int leg_refer(struct chan *c, struct span to)
{
	struct moves *m = moves_of(c);

	if (c->gone || !c->dialog || m->refers_out)
		return -ENOTCONN;
	m->refers_out = true;
	m->referred = false;
	free(m->refer_to);
	m->refer_to = span_dup(to);
	if (!sip_dialog_waits_for_ack(c->dialog))
		leg_refer_acked(c);
	return 0;
}

void leg_refer_drop(struct chan *c)
{
	if (c->moves->referring)
		sip_uac_forget(c->moves->referring);
	c->moves->referring = NULL;
	c->moves->refers_out = false;
	free(c->moves->refer_to);
	c->moves->refer_to = NULL;
}

/* "SIP/2.0 180 Ringing": its code; 0: it is nothing of the kind. */
static unsigned code_of(const struct sip_msg *m)
{
	struct span body = m->body, word = SPAN_NONE;
	uint32_t code;

	if (!span_istarts(m->content_type, SPAN("message/sipfrag")) || !span_cut(&body, ' ', &word))
		return 0;
	return span_u32(span_sub(body, 0, 3), 699, &code) ? code : 0;
}

void leg_notified(struct chan *c, struct sip_uas *uas, const struct sip_msg *m)
{
	bool ended = span_istarts(sip_hdr_named(m, SPAN("Subscription-State"), 0), SPAN("terminated"));
	unsigned code = code_of(m);

	if (!span_istarts(sip_hdr_value(m, SIP_HDR_EVENT), SPAN("refer")) || !c->moves || !c->moves->referred) {
		sip_reply(uas, 481, NULL, NULL, NULL);
		return;
	}
	sip_reply(uas, 200, NULL, leg_build_plain, c);
	if (code >= 200 || ended)
		over(c, code >= 200 ? code : 500);
}
