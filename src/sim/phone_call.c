/*
 * sim/phone_call.c: the one call of a virtual phone: offered, ringing, answered, held, ended, from either side.
 */
#include "sim/phone.h"

#include <stdlib.h>
#include <string.h>

/* ---- SDP ---- */

static void make_key(struct sim_phone *p, uint8_t suite)
{
	struct phone_call *c = &p->call;

	if (c->local.key && c->key.suite == suite)
		return;
	c->key = (struct srtp_key){ .suite = suite };
	rng_bytes(&p->sim->clock.rng, c->key.bytes, srtp_key_bytes(suite) + SRTP_SALT);
	c->local.key = &c->key;
}

static void take_caps(struct sim_phone *p)
{
	struct phone_call *c = &p->call;
	struct span names = span_of(p->c.codecs[0] ? p->c.codecs : "ulaw,alaw"), one;

	c->caps = (struct sdp_caps){ .dtmf = true,
				     .srtp = p->c.srtp != SIM_PLAIN,
				     .optional = p->c.srtp == SIM_SRTP_OPTIONAL };
	while (span_cut(&names, ',', &one))
		codec_list_add(&c->caps.codecs, codec_by_name(span_trim(one)));
	phone_rtp_open(p);
	c->local = (struct sdp_local){ .session_id = 1 + rng_below(&p->sim->clock.rng, 100000),
				       .owner = p->c.name,
				       .session = "call",
				       .face = addr_with_port(&p->c.host->at[0].ip, p->rtp.port),
				       .dir = SDP_SENDRECV };
	c->local.version = c->local.session_id;
	if (c->caps.srtp)
		make_key(p, SRTP_AES128_80);
}

static void put_offer(struct sim_phone *p, struct sip_build *b)
{
	struct out *body = sip_put_body(b, "application/sdp");
	struct sdp_deal d = p->call.deal;

	if (p->c.wavers && p->call.has_deal) {
		p->call.caps.srtp = !p->call.caps.srtp;
		d.crypt = p->call.caps.srtp ? d.crypt : NULL;
	}
	if (p->c.rekeys && p->call.has_deal) {
		p->call.local.key = NULL;
		make_key(p, p->call.key.suite);
	}
	if (p->call.has_deal)
		sdp_write_reoffer(body, &p->call.local, &p->call.caps, &d);
	else
		sdp_write_offer(body, &p->call.local, &p->call.caps);
}

static void put_sdp(struct sim_phone *p, struct sip_build *b)
{
	struct phone_call *c = &p->call;
	struct sdp offer;
	const char *why;

	if (!c->offer) {
		c->offer_out = true;
		put_offer(p, b);
	} else if (sdp_parse(span_of(c->offer), &offer, &why) == 0) {
		sdp_write_answer(sip_put_body(b, "application/sdp"), &c->local, &offer, &c->deal);
	}
}

static struct span origin(struct span sdp)
{
	long at = span_find(sdp, SPAN("o="));
	struct span line = SPAN_NONE, rest = at < 0 ? SPAN_NONE : span_from(sdp, (size_t)at);

	span_cut(&rest, '\n', &line);
	return line;
}

/* With the version that was heard last, other contents are not looked at, as phones do (RFC 3264 8). */
static bool is_consistent(struct phone_call *c, struct span body)
{
	bool same = c->heard && span_eq(origin(span_of(c->heard)), origin(body));

	if (same && !span_is(body, c->heard))
		return false;
	free(c->heard);
	c->heard = span_dup(body);
	return true;
}

/* Who was asked before, and refused, could listen. */
static void check_is_ours_alone(struct sim_phone *p, const struct srtp_key *key)
{
	p->given = *key;
	list_for(n, &p->sim->phones) {
		const struct sim_phone *other = list_entry(n, struct sim_phone, link);

		BUG_ON(other != p && srtp_key_eq(&other->given, key));
	}
}

static bool take_offer(struct sim_phone *p, struct span body)
{
	struct phone_call *c = &p->call;
	struct sdp_deal deal;
	struct sdp offer;
	const char *why;

	if (!is_consistent(c, body) || sdp_parse(body, &offer, &why) < 0 ||
	    sdp_deal_offered(&c->caps, &offer, &deal) < 0)
		return false;
	free(c->offer);
	c->offer = span_dup(body);
	sdp_deal_free(&c->deal);
	c->deal = deal;
	c->local.version += c->has_deal;
	c->has_deal = true;
	if (deal.crypt) {
		make_key(p, deal.crypt->key.suite);
		check_is_ours_alone(p, &deal.crypt->key);
	}
	phone_rtp_secure(p);
	return true;
}

static bool take_answer(struct sim_phone *p, struct span body)
{
	struct phone_call *c = &p->call;
	struct sdp_deal deal;
	struct sdp answer;
	const char *why;

	if (!is_consistent(c, body) || sdp_parse(body, &answer, &why) < 0 ||
	    sdp_deal_answered(&c->caps, &c->local, &answer, &deal) < 0)
		return false;
	sdp_deal_free(&c->deal);
	c->deal = deal;
	c->has_deal = true;
	c->offer_out = false;
	phone_rtp_secure(p);
	return true;
}

/* ---- the end ---- */

static void call_over(struct sim_phone *p)
{
	struct phone_call *c = &p->call;

	clock_stop(&p->sim->clock, &p->answer);
	if (c->reasking)
		sip_uac_forget(c->reasking);
	if (c->asking)
		sip_uac_forget(c->asking);
	if (c->dialog)
		sip_dialog_free(&c->dialog);
	free(c->offer);
	free(c->heard);
	free(p->body);
	p->body = NULL;
	free(p->more_headers);
	p->more_headers = NULL;
	sdp_deal_free(&c->deal);
	*c = (struct phone_call){ 0 };
	phone_rtp_close(p);
	p->st.ringing = false;
	p->st.ended++;
}

void phone_call_drop(struct sim_phone *p)
{
	if (p->call.invite)
		sip_uas_on_cancel(p->call.invite, NULL, NULL);
	call_over(p);
	p->st.ended--;
}

static bool busy(const struct sim_phone *p)
{
	return p->call.invite || p->call.asking || p->call.dialog;
}

static void note_cause(struct sim_phone *p, const struct sip_msg *m)
{
	struct sip_walk w = { 0 };
	struct span v, num;
	uint32_t cause;

	p->st.cause = 0;
	while (m && sip_walk(m, SIP_HDR_REASON, &w, &v)) {
		long semi = span_chr(v, ';');

		if (semi > 0 && span_istarts(v, SPAN("Q.850")) &&
		    sip_param(span_from(v, (size_t)semi), "cause", &num) && span_u32(num, 127, &cause))
			p->st.cause = (int)cause;
	}
}

static void send_bye(struct sim_phone *p)
{
	struct sip_ask bye = { .method = SIP_BYE };

	sip_dialog_ask(p->call.dialog, &bye);
	call_over(p);
}

void sim_phone_hangup(struct sim_phone *p)
{
	struct phone_call *c = &p->call;

	if (c->invite) {
		sip_uas_on_cancel(c->invite, NULL, NULL);
		sip_reply(c->invite, 486, NULL, NULL, NULL);
		call_over(p);
	} else if (c->asking) {
		sip_uac_cancel(c->asking, SPAN_NONE);
	} else if (c->dialog && sip_dialog_waits_for_ack(c->dialog)) {
		c->bye_waits = true;
	} else if (c->dialog) {
		send_bye(p);
	}
}

/* ---- within the call ---- */

static void build_with_sdp(void *arg, struct sip_build *b)
{
	struct sim_phone *p = arg;

	phone_put_contact(p, b);
	sip_put(b, "Allow", "%s", PHONE_ALLOW);
	put_sdp(p, b);
}

static void build_plain(void *arg, struct sip_build *b)
{
	phone_put_contact(arg, b);
	sip_put(b, "Allow", "%s", PHONE_ALLOW);
}

static void on_info(struct sim_phone *p, const struct sip_msg *m)
{
	long at = span_find(m->body, SPAN("Signal="));
	struct span digit = span_trim(span_from(m->body, at < 0 ? 0 : (size_t)at + 7));
	size_t n = strlen(p->st.digits);

	if (!span_istarts(m->content_type, SPAN("application/dtmf")) || !digit.n || n + 1 >= sizeof p->st.digits)
		return;
	p->st.digits[n] = digit.p[0];
	p->st.digits[n + 1] = '\0';
}

static void on_reoffer(struct sim_phone *p, struct sip_uas *uas, const struct sip_msg *m)
{
	if (p->call.reasking || p->call.offer_out) {
		sip_reply(uas, 491, NULL, NULL, NULL);
		return;
	}
	if (!m->body.n && m->method == SIP_INVITE) {
		free(p->call.offer);
		p->call.offer = NULL;
	}
	if (m->body.n && !take_offer(p, m->body))
		sip_reply(uas, 488, NULL, NULL, NULL);
	else
		sip_reply(uas, 200, NULL, m->body.n || m->method == SIP_INVITE ? build_with_sdp : build_plain, p);
}

static void in_dialog(void *arg, struct sip_uas *uas, const struct sip_msg *m)
{
	struct sim_phone *p = arg;

	switch (m->method) {
	case SIP_BYE:
		sip_reply(uas, 200, NULL, NULL, NULL);
		note_cause(p, m);
		call_over(p);
		break;
	case SIP_INVITE:
	case SIP_UPDATE: on_reoffer(p, uas, m); break;
	case SIP_NOTIFY:
		phone_notified(p, m);
		sip_reply(uas, 200, NULL, build_plain, p);
		break;
	case SIP_INFO: on_info(p, m); /* fall through */
	default: sip_reply(uas, 200, NULL, build_plain, p); break;
	}
}

static void on_ack(void *arg, const struct sip_msg *m)
{
	struct sim_phone *p = arg;

	if (p->call.offer_out && m->body.n)
		take_answer(p, m->body);
	p->call.offer_out = false;
	p->call.confirmed = true;
	if (p->call.bye_waits)
		send_bye(p);
}

static void on_no_ack(void *arg)
{
	send_bye(arg);
}

static struct sip_dialog_conf dialog_conf(struct sim_phone *p)
{
	return (struct sip_dialog_conf){ .force_rport = true,
					 .auths = &p->account,
					 .n_auths = 1,
					 .conf = p->conf,
					 .arg = p,
					 .request = in_dialog,
					 .ack = on_ack,
					 .no_ack = on_no_ack };
}

/* ---- being called ---- */

static void on_cancel(void *arg, struct sip_uas *uas)
{
	struct sim_phone *p = arg;

	p->call.invite = NULL;
	sip_reply(uas, 487, NULL, NULL, NULL);
	p->st.last = 487;
	call_over(p);
}

void sim_phone_answer(struct sim_phone *p)
{
	struct sip_uas *uas = p->call.invite;

	if (!uas)
		return;
	p->call.invite = NULL;
	p->st.ringing = false;
	p->st.last = 200;
	sip_uas_on_cancel(uas, NULL, NULL);
	sip_reply(uas, 200, NULL, build_with_sdp, p);
}

static void build_redirect(void *arg, struct sip_build *b)
{
	const struct sim_phone *p = arg;

	sip_put(b, "Contact", "<sip:elsewhere@%s>", p->c.server);
}

void phone_answer_due(struct timer *t, ms_t now UNUSED)
{
	struct sim_phone *p = container_of(t, struct sim_phone, answer);
	struct sip_uas *uas = p->call.invite;

	if (p->c.answer < 300) {
		sim_phone_answer(p);
		return;
	}
	sip_uas_on_cancel(uas, NULL, NULL);
	p->call.invite = NULL;
	p->st.last = p->c.answer;
	sip_reply(uas, p->c.answer, NULL, p->c.answer < 400 ? build_redirect : NULL, p);
	call_over(p);
}

static void called(struct sim_phone *p, struct sip_uas *uas, const struct sip_msg *m)
{
	struct sip_dialog_conf d = dialog_conf(p);
	struct phone_call *c = &p->call;

	p->st.calls++;
	span_copy(m->from.text, p->st.from, sizeof p->st.from);
	if (busy(p)) {
		sip_reply(uas, 486, NULL, NULL, NULL);
		return;
	}
	p->st.digits[0] = '\0';
	c->incoming = true;
	take_caps(p);
	if (m->body.n && !take_offer(p, m->body)) {
		sip_reply(uas, 488, NULL, NULL, NULL);
		call_over(p);
		return;
	}
	c->invite = uas;
	c->dialog = sip_dialog_uas(uas, &d);
	sip_uas_on_cancel(uas, on_cancel, p);
	if (!p->c.silent) {
		p->st.ringing = true;
		p->st.last = p->c.early_media ? 183 : 180;
		sip_reply(uas, p->st.last, NULL, p->c.early_media ? build_with_sdp : build_plain, p);
	}
	if (p->c.answer)
		clock_in(&p->sim->clock, &p->answer, p->c.answer_after);
}

void phone_request(void *arg, struct sip_uas *uas, const struct sip_msg *m)
{
	struct sim_phone *p = arg;

	switch (m->method) {
	case SIP_INVITE: called(p, uas, m); break;
	case SIP_OPTIONS: sip_reply(uas, busy(p) ? 486 : 200, NULL, build_plain, p); break;
	case SIP_NOTIFY: sip_reply(uas, 200, NULL, NULL, NULL); break;
	default: sip_reply(uas, 405, NULL, build_plain, p); break;
	}
}

/* ---- calling ---- */

static void build_invite(void *arg, struct sip_build *b)
{
	struct sim_phone *p = arg;

	phone_put_contact(p, b);
	sip_put(b, "Allow", "%s", PHONE_ALLOW);
	if (p->more_headers)
		out_str(b->o, p->more_headers);
	if (!p->c.late_offer)
		put_offer(p, b);
}

static void build_ack(void *arg, struct sip_build *b)
{
	struct sim_phone *p = arg;

	if (p->call.owes_answer)
		put_sdp(p, b);
	p->call.owes_answer = false;
}

static void on_2xx(struct sim_phone *p, struct sip_uac *uac, const struct sip_msg *m)
{
	struct sip_dialog_conf d = dialog_conf(p);
	struct phone_call *c = &p->call;

	if (c->dialog && !sip_dialog_is(c->dialog, m))
		sip_dialog_free(&c->dialog);
	if (c->dialog)
		sip_dialog_refresh(c->dialog, m);
	else
		c->dialog = sip_dialog_uac(uac, m, &d);
	if (!c->dialog) {
		call_over(p);
		return;
	}
	if (m->body.n && p->c.late_offer)
		c->owes_answer = take_offer(p, m->body);
	else if (m->body.n)
		take_answer(p, m->body);
	sip_dialog_ack(c->dialog, m->cseq, build_ack, p);
	c->confirmed = true;
	p->st.ringing = false;
}

static void on_1xx(struct sim_phone *p, struct sip_uac *uac, const struct sip_msg *m)
{
	struct sip_dialog_conf d = dialog_conf(p);

	if (m->to.tag.n && !p->call.dialog)
		p->call.dialog = sip_dialog_uac(uac, m, &d);
	if (m->body.n && !p->c.late_offer)
		take_answer(p, m->body);
	if (m->status == 180)
		p->st.ringing = true;
}

static void on_answer(void *arg, struct sip_uac *uac, const struct sip_msg *m, unsigned code, const char *why UNUSED)
{
	struct sim_phone *p = arg;

	p->st.last = code;
	if (code < 200) {
		on_1xx(p, uac, m);
		return;
	}
	p->call.asking = NULL;
	if (code < 300) {
		on_2xx(p, uac, m);
		return;
	}
	note_cause(p, m);
	call_over(p);
}

void sim_phone_call(struct sim_phone *p, const char *number)
{
	char *uri = strncmp(number, "sip:", 4) == 0 ? xstrdup(number) : xasprintf("sip:%s@%s", number, p->c.server);
	struct sip_ask a = { .method = SIP_INVITE,
			     .uri = span_of(uri),
			     .from_display = span_of(p->c.name),
			     .from_user = span_of(p->c.from),
			     .from_domain = span_of(p->c.server),
			     .auths = &p->account,
			     .n_auths = 1,
			     .conf = p->conf,
			     .build = build_invite,
			     .answer = on_answer,
			     .arg = p };

	if (!busy(p)) {
		take_caps(p);
		p->st.last = 0;
		p->st.cause = 0;
		p->st.digits[0] = '\0';
		p->call.asking = sip_ask(p->sip, &a);
	}
	free(uri);
}

/* ---- changing the call ---- */

static void build_reoffer(void *arg, struct sip_build *b)
{
	struct sim_phone *p = arg;
	struct out *body;

	phone_put_contact(p, b);
	if (!p->body) {
		put_offer(p, b);
		return;
	}
	if (!*p->body)
		return;
	body = sip_put_body(b, "application/sdp");
	for (const char *s = p->body; *s; s++)
		out_fmt(body, *s == '\n' ? "\r\n" : "%c", *s);
}

static void on_reanswer(void *arg, struct sip_uac *uac UNUSED, const struct sip_msg *m, unsigned code,
			const char *why UNUSED)
{
	struct sim_phone *p = arg;
	bool invite = m && m->method == SIP_INVITE, had_none = p->body && !*p->body;

	if (code < 200)
		return;
	p->call.reasking = NULL;
	free(p->body);
	p->body = NULL;
	p->st.reoffer = code;
	if (code >= 300)
		return;
	if (m->body.n && had_none)
		p->call.owes_answer = take_offer(p, m->body);
	else if (m->body.n)
		take_answer(p, m->body);
	if (invite)
		sip_dialog_ack(p->call.dialog, m->cseq, build_ack, p);
}

void sim_phone_hold(struct sim_phone *p, bool hold, bool update)
{
	struct sip_ask a = {
		.method = update ? SIP_UPDATE : SIP_INVITE, .build = build_reoffer, .answer = on_reanswer, .arg = p
	};
	enum sdp_dir dir = hold ? SDP_SENDONLY : SDP_SENDRECV;

	if (!p->call.dialog || p->call.reasking)
		return;
	p->call.local.version += p->call.local.dir != dir;
	p->call.local.dir = dir;
	p->st.reoffer = 0;
	p->call.reasking = sip_dialog_ask(p->call.dialog, &a);
}

void sim_phone_reoffer(struct sim_phone *p, const char *sdp)
{
	struct sip_ask a = { .method = SIP_INVITE, .build = build_reoffer, .answer = on_reanswer, .arg = p };

	if (!p->call.dialog || p->call.reasking)
		return;
	free(p->body);
	p->body = xstrdup(sdp); /* a challenge has it built again */
	p->st.reoffer = 0;
	p->call.reasking = sip_dialog_ask(p->call.dialog, &a);
}

static void build_digit(void *arg, struct sip_build *b)
{
	const struct sim_phone *p = arg;

	out_fmt(sip_put_body(b, "application/dtmf-relay"), "Signal=%c\r\nDuration=160\r\n", p->info_digit);
}

void sim_phone_dtmf(struct sim_phone *p, char digit, bool info)
{
	struct sip_ask a = { .method = SIP_INFO, .build = build_digit, .arg = p };

	if (!p->call.dialog)
		return;
	if (info) {
		p->info_digit = digit;
		sip_dialog_ask(p->call.dialog, &a);
	} else {
		p->rtp.digit = digit;
		p->rtp.digit_packet = 0;
	}
}

static void on_asked(void *arg, struct sip_uac *uac UNUSED, const struct sip_msg *m UNUSED, unsigned code,
		     const char *why UNUSED)
{
	struct sim_phone *p = arg;

	if (code >= 200)
		p->st.asked = code;
}

void sim_phone_ask(struct sim_phone *p, const char *method, const char *uri)
{
	struct sip_ask a = { .method = sip_method_of(span_of(method)),
			     .uri = span_of(uri),
			     .from_user = span_of(p->c.from),
			     .from_domain = span_of(p->c.server),
			     .auths = &p->account,
			     .n_auths = 1,
			     .conf = p->conf,
			     .build = build_plain,
			     .answer = on_asked,
			     .arg = p };

	p->st.asked = 0;
	if (*uri)
		sip_ask(p->sip, &a);
	else if (p->call.dialog)
		sip_dialog_ask(p->call.dialog, &a);
}
