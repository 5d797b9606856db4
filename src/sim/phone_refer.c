/*
 * sim/phone_refer.c: a virtual phone's transfer key: REFER to a number, or to the call of another phone (its second
 * line) by Replaces; what the NOTIFYs say; and a call that takes the place of another one (RFC 3515, 3891, 4488).
 */
#include "sim/phone.h"

#include <stdlib.h>
#include <string.h>

/* As a header of a URI has it: only what needs no escape stays. */
static void out_escaped(struct out *o, struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (char_is_alnum(s.p[i]) || strchr("-_.", s.p[i]))
			out_char(o, s.p[i]);
		else
			out_fmt(o, "%%%02X", (unsigned char)s.p[i]);
}

static void build_refer(void *arg, struct sip_build *b)
{
	const struct sim_phone *p = arg;

	phone_put_contact(arg, b);
	out_all(b->o, "Refer-To: <", p->refer_to, ">\r\n");
	sip_put(b, "Referred-By", "<sip:%s@%s>", p->c.user, p->c.server);
	if (p->no_refer_sub)
		sip_put(b, "Refer-Sub", "false");
}

static void on_referred(void *arg, struct sip_uac *uac UNUSED, const struct sip_msg *m UNUSED, unsigned code,
			const char *why UNUSED)
{
	struct sim_phone *p = arg;

	if (code >= 200)
		p->st.referred = code;
}

static void out_replaced(struct out *o, const struct sim_phone *p, const char *more)
{
	if (p->call.dialog)
		sip_out_replaces(o, p->call.dialog);
	out_str(o, more);
}

void sim_phone_transfer(struct sim_phone *p, const char *to, const struct sim_phone *other, bool no_sub)
{
	struct sip_ask a = { .method = SIP_REFER, .build = build_refer, .answer = on_referred, .arg = p };
	struct out uri = out_growing(), dialog = out_growing();

	if (!p->call.dialog)
		return;
	if (strncmp(to, "sip:", 4) == 0)
		out_str(&uri, to);
	else
		out_all(&uri, "sip:", to, "@", p->c.server);
	if (other) {
		out_replaced(&dialog, other, "");
		out_str(&uri, "?Replaces=");
		out_escaped(&uri, out_look(&dialog));
	}
	out_free(&dialog);
	free(p->refer_to);
	p->refer_to = out_take(&uri);
	p->no_refer_sub = no_sub;
	p->st.referred = p->st.notified = 0;
	p->st.told_last = false;
	sip_dialog_ask(p->call.dialog, &a);
}

void sim_phone_replace(struct sim_phone *p, const char *to, const struct sim_phone *other, bool early)
{
	struct out o = out_growing();

	out_str(&o, "Replaces: ");
	out_replaced(&o, other, early ? ";early-only\r\n" : "\r\n");
	free(p->more_headers);
	p->more_headers = out_take(&o);
	sim_phone_call(p, to);
}

/* "SIP/2.0 180 Ringing" */
void phone_notified(struct sim_phone *p, const struct sip_msg *m)
{
	struct span body = m->body, word = SPAN_NONE;
	uint32_t code;

	if (!span_istarts(sip_hdr_value(m, SIP_HDR_EVENT), SPAN("refer")) ||
	    !span_istarts(m->content_type, SPAN("message/sipfrag")) || !span_cut(&body, ' ', &word) ||
	    !span_u32(span_sub(body, 0, 3), 699, &code))
		return;
	p->st.notified = code;
	p->st.told_last = span_istarts(sip_hdr_named(m, SPAN("Subscription-State"), 0), SPAN("terminated"));
}
