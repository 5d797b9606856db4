/*
 * pbx/leg.c: the SIP side of a channel: the INVITE that made it, the requests within its dialog, and its end.
 */
#include "pbx/cdr.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/trace.h"
#include "pbx/transfer.h"

static void on_request(void *arg, struct sip_uas *uas, const struct sip_msg *m);
static void on_ack(void *arg, const struct sip_msg *m);
static void on_no_ack(void *arg);
static void on_no_prack(void *arg);

bool leg_rewrites(const struct chan *c)
{
	return c->ep->rewrite_contact || (c->ep->rewrite_if_nat && c->behind_nat);
}

struct sip_dialog_conf leg_dialog_conf(struct chan *c)
{
	struct sip_dialog_conf d = { .rewrite_contact = leg_rewrites(c),
				     .force_rport = c->ep->force_rport,
				     .transport = c->ep->transport ? c->ep->transport : c->via,
				     .conf = c->conf,
				     .arg = c,
				     .request = on_request,
				     .ack = on_ack,
				     .no_ack = on_no_ack,
				     .no_prack = on_no_prack };

	d.auths = outbound_auths(c->ep, &d.n_auths);
	return d;
}

struct chan *leg_named(const struct pbx *p, struct span call_id, struct span local_tag, struct span remote_tag)
{
	const struct sip_dialog_conf like = { .request = on_request };

	return sip_dialog_named(p->sip, &like, call_id, local_tag, remote_tag);
}

/* ---- what we write ---- */

void leg_put_contact(struct chan *c, struct sip_build *b)
{
	struct span user = span_of(c->ep->contact_user);

	if (!user.n && b->request)
		user = span_of(c->ep->from_user[0] ? c->ep->from_user : c->conf->global.default_from_user);
	sip_build_face(b);
	c->contact = addr_with_port(&b->face.addr, b->face.port);
	c->note.flow = b->flow;
	if (!c->contact.family && strcmp(c->contact_name, b->face.host) != 0)
		chan_text(c, &c->contact_name, span_of(b->face.host));
	sip_put_contact(b, user, SPAN_NONE, SPAN_NONE);
}

bool leg_has_contact(const struct chan *c)
{
	return c->contact.family || c->contact_name[0];
}

void leg_build_plain(void *arg, struct sip_build *b)
{
	leg_put_contact(arg, b);
}

void leg_build_allow(void *arg UNUSED, struct sip_build *b)
{
	out_str(b->o, "Allow: OPTIONS, REGISTER, INVITE, ACK, BYE, CANCEL, UPDATE, INFO, PRACK, REFER, SUBSCRIBE, "
		      "NOTIFY\r\n");
}

void leg_build_with_sdp(void *arg, struct sip_build *b)
{
	leg_put_contact(arg, b);
	leg_build_allow(arg, b);
	leg_media_put_answer(arg, b);
}

static void build_ok(void *arg, struct sip_build *b)
{
	leg_put_supported(arg, b);
	leg_session_put_answer(arg, b);
	leg_build_with_sdp(arg, b);
}

static void build_updated(void *arg, struct sip_build *b)
{
	leg_put_supported(arg, b);
	leg_session_put_answer(arg, b);
	leg_build_plain(arg, b);
	leg_build_allow(arg, b);
}

void leg_build_refusal(void *arg, struct sip_build *b)
{
	const struct leg_refusal *r = arg;

	sip_put(b, r->header, "%s", r->value);
}

/* ---- in: a new call ---- */

static void on_cancel(void *arg, struct sip_uas *uas)
{
	struct chan *c = arg;

	c->invite = NULL;
	c->note.by_peer = c->state != CHAN_UP;
	sip_reply(uas, 487, NULL, NULL, NULL);
	if (c->state == CHAN_UP) /* a re-INVITE was cancelled: the call goes on as it was */
		return;
	leg_drop_dialog(c);
	chan_ended(c, 16);
}

/* Privacy: id (RFC 3325), perhaps among others. */
static bool wants_privacy(const struct sip_msg *m)
{
	struct sip_walk w = { 0 };
	struct span v, one;

	while (sip_walk(m, SIP_HDR_PRIVACY, &w, &v))
		while (span_cut(&v, ';', &one))
			if (span_iis(span_trim(one), "id"))
				return true;
	return false;
}

/* Who calls: callerid= of the endpoint, else P-Asserted-Identity if trusted, else From. */
static void take_caller(struct chan *c, const struct sip_msg *m)
{
	struct sip_naddr id = m->from;
	char room[256];
	struct out o = out_growing_in(room, sizeof room);
	struct sip_walk w = { 0 };
	struct span v;

	if (c->ep->trust_id_inbound && sip_walk(m, SIP_HDR_P_ASSERTED_IDENTITY, &w, &v))
		sip_naddr_parse(v, &id);
	c->caller_private = c->ep->trust_id_inbound && wants_privacy(m);
	chan_text(c, &c->caller_num,
		  c->ep->callerid_num[0] ? span_of(c->ep->callerid_num) : uri_user(c->conf, &id.uri, &o));
	o.n = 0;
	sip_out_unquoted(&o, id.display);
	chan_text(c, &c->caller_name, c->ep->callerid_name[0] ? span_of(c->ep->callerid_name) : out_look(&o));
	out_free(&o);
}

/* The number dialled: the Request-URI's user without its parameters; "s" when there is none. */
static void take_dialed(struct chan *c, const struct sip_msg *m)
{
	char room[256];
	struct out o = out_growing_in(room, sizeof room);
	struct span user = uri_user(c->conf, &m->ruri, &o);

	chan_text(c, &c->dialed, user.n ? user : SPAN("s"));
	out_free(&o);
}

/* What a 415 must say (RFC 3261 21.4.13). */
const struct leg_refusal leg_not_sdp = { 415, "only application/sdp is understood", "Accept", "application/sdp" };

struct sip_msg *leg_request(const struct chan *c)
{
	const char *why;

	return c->request ? sip_msg_parse((struct span){ c->request, c->request_n }, &why) : NULL;
}

static void refuse_so(struct chan *c, struct sip_uas *uas, const struct leg_refusal *r)
{
	c->invite = NULL;
	c->note.end = LEG_REFUSED;
	c->sip_code = r->code;
	sip_uas_on_cancel(uas, NULL, NULL);
	sip_reply(uas, r->code, r->why, r->header ? leg_build_refusal : NULL, (void *)(uintptr_t)r);
	leg_drop_dialog(c);
	chan_ended(c, cause_of_sip(r->code));
}

static void refuse(struct chan *c, struct sip_uas *uas, unsigned code, const char *why)
{
	refuse_so(c, uas, &(struct leg_refusal){ .code = code, .why = why });
}

/* Its body is read once, and the offer in it goes with the answer. */
static void keep_request(struct chan *c, const struct sip_msg *m)
{
	struct span head = m->body.n ? span_sub(m->bytes, 0, (size_t)(m->body.p - m->bytes.p)) : m->bytes;

	c->request = memcpy(spares_take(&c->pbx->spares, head.n), head.p, head.n);
	c->request_n = head.n;
}

static const char *const offer_refused[] = { [OFFER_OTHER] = "no codec in common with the endpoint's allow=",
					     [OFFER_SRTP] = "SRTP only, and the endpoint has media_encryption=no",
					     [OFFER_BROWSER] = "ICE and DTLS-SRTP are not served",
					     [OFFER_PLAIN] = "no SRTP, and the endpoint has media_encryption=sdes",
					     [OFFER_FAX] = "T.38 is not served" };

/* False when the INVITE was refused. */
static bool take_offer(struct chan *c, struct sip_uas *uas, const struct sip_msg *m)
{
	struct span sdp = sip_body_part(m, "application/sdp");
	int err;

	if (!m->body.n) {
		leg_media_caps(c, NULL);
		err = leg_media_open(c, leg_media_family(c, &c->peer), NULL);
	} else if (!sdp.p) {
		refuse_so(c, uas, &leg_not_sdp);
		return false;
	} else {
		err = leg_media_offered(c, sdp);
	}
	if (err == -EBADMSG)
		refuse(c, uas, 400, "unparsable SDP");
	else if (err == -ENOENT)
		refuse(c, uas, 488, offer_refused[c->note.offer]);
	else if (err < 0)
		refuse(c, uas, 503, "no RTP port is free");
	return err == 0;
}

static const char *too_much(const struct pbx *p)
{
	if (p->stopping)
		return "going down";
	return p->n_chans >= p->conf->hairpin.max_calls ? "max_calls is reached" : NULL;
}

void leg_build_retry_after(void *arg, struct sip_build *b)
{
	sip_put(b, "Retry-After", "%s", (const char *)arg);
}

void leg_incoming(struct pbx *p, struct sip_uas *uas, const struct conf_endpoint *ep)
{
	const struct sip_msg *m = sip_uas_msg(uas);
	struct leg_refusal no;
	bool replaces = sip_hdr(m, SIP_HDR_REPLACES), picks_up;
	struct sip_dialog_conf d;
	struct chan *c;

	if (too_much(p)) {
		count(CNT_sip_shed);
		sip_reply(uas, 503, too_much(p), leg_build_retry_after, (char *)"10");
		return;
	}
	if (m->max_forwards == 0) {
		sip_reply(uas, 483, NULL, NULL, NULL);
		return;
	}
	c = chan_new(p, ep, p->conf, NULL);
	c->peer = m->flow.peer;
	c->note.flow = m->flow;
	c->behind_nat = sip_behind_nat(m);
	c->proxied = m->n_vias > 1 || sip_hdr(m, SIP_HDR_RECORD_ROUTE);
	keep_request(c, m);
	if (m->max_forwards != SIP_NO_NUMBER)
		c->max_forwards = MIN(m->max_forwards - 1, c->max_forwards);
	if (span_u32(sip_hdr_named(m, SPAN("Max-Breadth"), 0), UINT32_MAX, &c->max_breadth))
		c->max_breadth = MAX(c->max_breadth, 1);
	take_caller(c, m);
	take_dialed(c, m);
	picks_up = !replaces && leg_is_pickup(c);
	if (!replaces && !picks_up && !dp_new(c)) {
		trace(EV_SIP_NO, c->name, "no extension '%s' in context '%s'", c->dialed, ep->context);
		refuse(c, uas, 404, NULL);
		return;
	}
	if ((replaces && !leg_may_replace(c, m, &no)) || !leg_session_allows(c, m, &no) ||
	    !leg_early_allows(c, m, &no)) {
		refuse_so(c, uas, &no);
		return;
	}
	leg_session_agree(c, m);
	d = leg_dialog_conf(c);
	c->dialog = sip_dialog_uas(uas, &d);
	c->invite = uas;
	cdr_begin(c);
	sip_uas_on_cancel(uas, on_cancel, c);
	sip_reply(uas, 100, NULL, NULL, NULL);
	if (take_offer(c, uas, m))
		leg_ports_open(c, sip_transport_of(p->sip, &m->flow).door, &c->peer,
			       replaces   ? leg_replace
			       : picks_up ? leg_pickup
					  : dp_start);
}

void leg_ring_tone(struct chan *c, bool on)
{
	if (on && c->moves)
		refer_told(c, 180);
	if (c->ring_tone == on || !c->media)
		return;
	c->ring_tone = on;
	if (on)
		moh_forget(c);
	media_play(c->media, &(struct media_play){ .source = on ? SOURCE_TONE : SOURCE_NONE,
						   .freq1 = 440,
						   .freq2 = 480,
						   .level_dbm0 = -19,
						   .on_ms = 2000,
						   .off_ms = 4000 });
}

void leg_play(struct chan *c, const struct media_play *what)
{
	if (c->moves && what->source != SOURCE_NONE)
		refer_told(c, c->cause ? cause_to_sip(c->cause) : 200);
	c->ring_tone = false;
	moh_forget(c);
	media_play(c->media, what);
}

int leg_answer(struct chan *c)
{
	struct sip_uas *uas = c->invite;

	if (c->state == CHAN_UP && c->moves)
		refer_told(c, 200);
	if (c->state == CHAN_UP)
		return 0;
	if (!uas || !c->media)
		return -ENOTCONN;
	if (leg_early_waits(c)) { /* RFC 3262 section 3 */
		c->due_answer = true;
		return 0;
	}
	c->invite = NULL;
	c->state = CHAN_UP;
	chan_changed(c);
	c->answer_sent = true;
	c->answered_at = c->pbx->clock->now;
	cdr_up(c);
	leg_ring_tone(c, false);
	count(CNT_calls_answered);
	trace(EV_CALL_STATE, c->name, "answered");
	sip_uas_on_cancel(uas, NULL, NULL);
	sip_reply(uas, 200, NULL, c->pracked ? build_updated : build_ok, c);
	leg_session_start(c);
	leg_media_forget_offer(c);
	leg_media_apply(c, false); /* rtp_timeout counts from here */
	return 0;
}

/* ---- in: within the dialog ---- */

static int reason_cause(const struct sip_msg *m)
{
	struct sip_walk w = { 0 };
	struct span v, num;
	uint32_t cause;

	while (sip_walk(m, SIP_HDR_REASON, &w, &v)) {
		long semi = span_chr(v, ';');

		if (semi > 0 && span_iis(span_trim(span_sub(v, 0, (size_t)semi)), "Q.850") &&
		    sip_param(span_from(v, (size_t)semi), "cause", &num) && span_u32(num, 127, &cause))
			return (int)cause;
	}
	return 16;
}

static void on_bye(struct chan *c, struct sip_uas *uas, const struct sip_msg *m)
{
	struct sip_uas *pending = c->invite;

	c->note.by_peer = true;
	c->invite = NULL;
	if (pending) { /* RFC 3261 15.1.2: what is pending gets 487 */
		sip_uas_on_cancel(pending, NULL, NULL);
		sip_reply(pending, 487, NULL, NULL, NULL);
	}
	sip_reply(uas, 200, NULL, NULL, NULL);
	if (c->asking)
		sip_uac_forget(c->asking);
	c->asking = NULL;
	c->bye_waits = false;
	leg_drop_dialog(c);
	chan_ended(c, reason_cause(m));
}

/*
 * 491 when an offer or a re-INVITE of ours is under way, 500 when their own INVITE is (RFC 3261 14.2, RFC 3311 5.2). An
 * UPDATE without an offer waits for nobody; one with it may come before the answer when the first offer has its
 * acknowledged answer.
 */
static bool is_untimely(struct chan *c, struct sip_uas *uas, const struct sip_msg *m)
{
	bool bare = m->method == SIP_UPDATE && !m->body.n,
	     early = m->method == SIP_UPDATE && c->state != CHAN_UP && c->pracked && !leg_early_waits(c);
	char seconds[8] = "";
	struct out o = out_fixed(seconds, sizeof seconds - 1);

	if (early)
		return false;
	if (!bare && (c->asking || (c->offer_out && m->body.n))) {
		sip_reply(uas, 491, NULL, NULL, NULL);
		return true;
	}
	if (bare || !c->invite)
		return false;
	out_all(&o, rng_below(&c->pbx->clock->rng, 11));
	sip_reply(uas, 500, "Another INVITE is pending", leg_build_retry_after, seconds);
	return true;
}

/* A re-INVITE or UPDATE: hold, resume, a new address. Answered at once: the other leg need not know. */
static void on_reoffer(struct chan *c, struct sip_uas *uas, const struct sip_msg *m)
{
	struct span sdp = sip_body_part(m, "application/sdp");
	struct leg_refusal no = leg_not_sdp;
	int err = 0;

	if (is_untimely(c, uas, m))
		return;
	if ((m->body.n && !sdp.p) || !leg_session_allows(c, m, &no)) {
		sip_reply(uas, no.code, no.why, leg_build_refusal, &no);
		return;
	}
	c->note.reoffers++;
	if (m->body.n) {
		err = leg_media_offered(c, sdp);
	} else if (m->method == SIP_INVITE) { /* our 200 is the offer */
		leg_media_forget_offer(c);
		c->local.version++;
	}
	if (err < 0) {
		sip_reply(uas, err == -EBADMSG ? 400 : 488, NULL, NULL, NULL);
	} else {
		leg_session_agree(c, m);
		sip_reply(uas, 200, NULL, m->body.n || m->method == SIP_INVITE ? build_ok : build_updated, c);
		if (c->state == CHAN_UP)
			leg_session_start(c);
		else
			c->early_update = true;
	}
	leg_media_forget_offer(c);
}

/* The digit that a text begins with: itself, or the number of its event (RFC 4733 3.2); 0: none. */
static char digit_of(struct span s)
{
	static const char events[] = "0123456789*#ABCD";
	uint32_t event;
	size_t n = 0;

	while (n < s.n && char_is_digit(s.p[n]))
		n++;
	if (n)
		return span_u32(span_sub(s, 0, n), sizeof events - 2, &event) ? events[event] : '\0';
	return s.n && s.p[0] && strchr(events, s.p[0]) ? s.p[0] : '\0';
}

/* INFO with a digit (application/dtmf-relay: "Signal=5", or application/dtmf: "5"). */
static void on_info(struct chan *c, struct sip_uas *uas, const struct sip_msg *m)
{
	struct chan_event ev = { .kind = CH_DTMF };
	long at = span_find(m->body, SPAN("Signal="));
	struct span text = at >= 0 ? span_from(m->body, (size_t)at + 7) : m->body, line = SPAN_NONE;

	sip_reply(uas, 200, NULL, NULL, NULL);
	if (!span_istarts(m->content_type, SPAN("application/dtmf")))
		return;
	span_cut(&text, '\n', &line);
	ev.digit = digit_of(span_trim(line));
	if (!ev.digit)
		return;
	at = span_find(m->body, SPAN("Duration="));
	text = at >= 0 ? span_from(m->body, (size_t)at + 9) : SPAN_NONE;
	span_cut(&text, '\n', &line);
	if (at < 0 || !span_u32(span_trim(line), 60000, &ev.ms))
		ev.ms = 0;
	digits_pass(c, &ev, true);
	chan_tell(c, &ev);
}

static void on_request(void *arg, struct sip_uas *uas, const struct sip_msg *m)
{
	struct chan *c = arg;

	c->peer = m->flow.peer;
	if (c->gone && m->method != SIP_BYE) { /* our BYE only waits for the ACK (RFC 3261 15) */
		sip_reply(uas, 481, NULL, NULL, NULL);
		return;
	}
	switch (m->method) {
	case SIP_BYE: on_bye(c, uas, m); break;
	case SIP_INVITE:
	case SIP_UPDATE: on_reoffer(c, uas, m); break;
	case SIP_PRACK: leg_pracked(c, uas, m); break;
	case SIP_INFO: on_info(c, uas, m); break;
	case SIP_REFER: leg_referred(c, uas, m); break;
	case SIP_NOTIFY: leg_notified(c, uas, m); break;
	case SIP_SUBSCRIBE: subscribe_in_call(uas); break;
	case SIP_OPTIONS: sip_reply(uas, 200, NULL, leg_build_allow, NULL); break;
	default: sip_reply(uas, m->method == SIP_OTHER ? 501 : 405, NULL, leg_build_allow, NULL); break;
	}
}

static void on_ack(void *arg, const struct sip_msg *m)
{
	struct chan *c = arg;
	struct chan_event ev = { .kind = CH_ANSWERED };

	if (c->bye_waits) {
		c->bye_waits = false;
		leg_bye(c, c->cause);
		clock_in(c->pbx->clock, &c->reap, 0);
		return;
	}
	if (c->offer_out && leg_media_answered(c, sip_body_part(m, "application/sdp")) < 0) {
		trace(EV_MEDIA_WARN, c->name, "the ACK has no usable answer to our offer");
		chan_hangup(c, 58);
		return;
	}
	if (c->moves)
		leg_refer_acked(c);
	chan_tell(c, &ev);
}

static void on_no_ack(void *arg)
{
	struct chan *c = arg;

	c->note.end = LEG_NO_ACK;
	if (c->bye_waits) {
		c->bye_waits = false;
		record_leg(c);
		leg_bye(c, c->cause);
		clock_in(c->pbx->clock, &c->reap, 0);
		return;
	}
	chan_hangup(c, 102);
}

static void on_no_prack(void *arg)
{
	struct chan *c = arg;

	if (c->invite)
		refuse(c, c->invite, 504, "no PRACK");
}
