/*
 * pbx/leg_out.c: the SIP side of a channel that we call, and the end of any channel.
 *
 * When a contact gives no answer, cannot be reached or says 503, the next one of its AOR is tried, as with the targets
 * of one name (compat=asterisk: only the first).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/trace.h"
#include "pbx/transfer.h"

#define PHONE_PATIENCE 2500 /* ms: three transmissions */
#define REDIRECTS_MAX  10

static void on_answer(void *arg, struct sip_uac *uac, const struct sip_msg *m, unsigned code, const char *why);

/* A caller who asked for privacy is named to those only whom trust_id_outbound trusts (RFC 3325 section 7). */
static bool is_hidden(const struct chan *c)
{
	return c->caller_private && !c->ep->trust_id_outbound;
}

static void put_caller(const struct chan *c, struct sip_build *b, const char *header, const char *params)
{
	out_all(b->o, header, ": ");
	sip_out_quoted(b->o, span_of(c->caller_name));
	out_str(b->o, " <sip:");
	sip_out_user(b->o, span_of(c->caller_num));
	out_all(b->o, "@", b->face.host, ">", params, "\r\n");
}

static void put_identity(struct chan *c, struct sip_build *b)
{
	if (!c->caller_num[0] || is_hidden(c))
		return;
	if (c->ep->send_pai)
		put_caller(c, b, "P-Asserted-Identity", "");
	if (c->ep->send_rpid)
		put_caller(c, b, "Remote-Party-ID",
			   c->caller_private ? ";party=calling;privacy=full;screen=no"
					     : ";party=calling;privacy=off;screen=no");
	if (c->caller_private && (c->ep->send_pai || c->ep->send_rpid))
		sip_put(b, "Privacy", "id");
}

static void build_invite(void *arg, struct sip_build *b)
{
	struct chan *c = arg;

	leg_put_contact(c, b);
	leg_build_allow(NULL, b);
	leg_put_supported(c, b);
	leg_session_put_request(c, b);
	if (c->max_breadth)
		out_all(b->o, "Max-Breadth: ", c->max_breadth, "\r\n");
	if (c->ep->rel100 == REL100_REQUIRED)
		out_str(b->o, "Require: 100rel\r\n");
	put_identity(c, b);
	if (c->headers)
		out_str(b->o, c->headers);
	if (c->moves)
		refer_put_headers(c, b);
	leg_media_put_offer(c, b);
	c->note.invite_bytes = (unsigned)(b->o->n + b->body.n);
}

/* Digits, '*' and '#', perhaps after a '+'. */
static bool is_phone_number(struct span user)
{
	size_t i = user.n && user.p[0] == '+';

	if (i == user.n)
		return false;
	while (i < user.n && strchr("0123456789*#", user.p[i]))
		i++;
	return i == user.n;
}

/* Whom the INVITE is for; user_eq_phone marks a number (RFC 3261 19.1.1). */
static void out_request_uri(struct out *o, const struct chan *c)
{
	struct sip_uri u;
	size_t headers = strcspn(c->target, "?");

	if (!c->ep->user_eq_phone || !sip_uri_parse(span_of(c->target), &u) || !is_phone_number(u.user) ||
	    sip_param(u.params, "user", NULL))
		out_str(o, c->target);
	else
		out_all(o, span_sub(span_of(c->target), 0, headers), ";user=phone", c->target + headers);
}

/* Who registered answers at once, be it with a 100; a trunk may take its time, unless there is another one. */
static ms_t patience(const struct chan *c)
{
	if (c->conf->hairpin.compat_asterisk)
		return 0;
	if (c->registered)
		return PHONE_PATIENCE;
	return c->tries.at < c->tries.n ? 8 * (ms_t)c->conf->system.timer_t1 : 0;
}

static void ask(struct chan *c)
{
	struct span route = span_of(c->path);
	char room[256];
	struct out uri = out_growing_in(room, sizeof room);
	struct flow from;
	struct sip_ask a = { .method = SIP_INVITE,
			     .from_display = span_of(c->caller_name),
			     .from_user = span_of(c->ep->from_user[0] ? c->ep->from_user : c->caller_num),
			     .from_domain = span_of(c->ep->from_domain),
			     .proxy = span_of(c->ep->outbound_proxy),
			     .routes = route.n ? &route : NULL,
			     .n_routes = route.n ? 1 : 0,
			     .transport = c->ep->transport ? c->ep->transport : c->via,
			     .conf = c->conf,
			     .max_forwards = c->max_forwards,
			     .patience = patience(c),
			     .rewrite_contact = leg_rewrites(c),
			     .build = build_invite,
			     .answer = on_answer,
			     .again = leg_session_again,
			     .arg = c };

	out_request_uri(&uri, c);
	a.uri = out_look(&uri);
	if (is_hidden(c)) {
		a.from_display = SPAN("Anonymous");
		a.from_user = SPAN("anonymous");
		a.from_domain = SPAN("anonymous.invalid");
	}
	if (c->ep->user_eq_phone && is_phone_number(a.from_user))
		a.from_params = SPAN(";user=phone");
	a.auths = outbound_auths(c->ep, &a.n_auths);
	contact_flow(c->pbx, c->listener, &from, &a);
	c->asking = sip_ask(c->pbx->sip, &a);
	out_free(&uri);
}

/* Where the phone says it is, and where it came from instead. */
static void note_written(struct chan *c, const char *written, const struct sip_uri *dialled)
{
	struct leg_was *was;
	struct addr a, by;

	if (!addr_parse(span_of(written), &a) || !addr_parse_ip(dialled->host, &by))
		return;
	was = leg_was(c);
	was->written = addr_with_port(&a, a.port ? a.port : 5060);
	was->by = addr_with_port(&by, dialled->port ? dialled->port : 5060);
}

int leg_call(struct chan *c, const struct leg_call *call)
{
	struct sip_uri u;
	struct addr toward = { 0 }, family;
	int err;

	c->tries.uris = call->more;
	c->tries.n = call->n_more;
	if (!sip_uri_parse(call->aor_or_uri, &u))
		return -EINVAL;
	chan_text(c, &c->caller_num, span_of(call->caller_num));
	chan_text(c, &c->caller_name, span_of(call->caller_name));
	chan_text(c, &c->path, span_of(call->path));
	c->behind_nat = call->behind_nat;
	if (call->source.family)
		leg_was(c)->source = call->source;
	c->note.at_source = call->at_source;
	note_written(c, call->written, &u);
	c->listener = call->listener;
	c->registered = call->registered;
	chan_text(c, &c->dialed, u.user);
	chan_text(c, &c->target, call->aor_or_uri);
	if (call->headers)
		c->headers = xstrdup(call->headers);
	if (call->from && call->from->moves)
		refer_take_headers(c, call->from);
	c->max_breadth = call->max_breadth;
	c->max_forwards = MIN(c->max_forwards, call->max_forwards);
	c->caller_private = call->from && call->from->caller_private;
	c->via = call->transport && call->transport[0] ? conf_transport(c->conf, span_of(call->transport)) : NULL;
	leg_media_caps(c, call->from);
	if (!c->caps.codecs.n)
		return -ENOENT;
	family = addr_parse_ip(u.host, &toward) ? toward : c->ep->transport ? c->ep->transport->bind : toward;
	err = leg_media_open(c, leg_media_family(c, &family), call->from);
	if (err < 0)
		return err;
	leg_ports_open(c, sip_door_toward(c->pbx->sip, c->ep->transport ? c->ep->transport : c->via, &toward), &toward,
		       ask);
	return 0;
}

/* ---- answers ---- */

/* One dialog at a time: a fork's first word replaces the one before. */
static void follow_dialog(struct chan *c, struct sip_uac *uac, const struct sip_msg *m)
{
	struct sip_dialog_conf d = leg_dialog_conf(c);

	c->proxied = c->path[0] || c->ep->outbound_proxy[0] || sip_hdr(m, SIP_HDR_RECORD_ROUTE);
	if (c->dialog && sip_dialog_is(c->dialog, m)) {
		sip_dialog_refresh(c->dialog, m);
		return;
	}
	leg_drop_dialog(c);
	c->pracked = c->early_update = false;
	c->dialog = sip_dialog_uac(uac, m, &d);
}

/* Early media flows already, from another branch of a fork that is not to be followed. */
static bool is_other_fork(const struct chan *c, const struct sip_msg *m)
{
	bool follow = c->ep->follow_early_media_fork && c->conf->system.follow_early_media_fork;

	return !follow && c->early_answered && c->dialog && !sip_dialog_is(c->dialog, m);
}

static void on_provisional(struct chan *c, struct sip_uac *uac, const struct sip_msg *m)
{
	struct chan_event ev = { .kind = CH_RINGING };
	struct span sdp = sip_body_part(m, "application/sdp");

	if (m->status == 100 || is_other_fork(c, m))
		return;
	if (m->to.tag.n)
		follow_dialog(c, uac, m);
	if (sdp.p && leg_media_answered(c, sdp) == 0) {
		c->early_answered = c->note.early = true;
		c->pracked |= sip_hdr(m, SIP_HDR_RSEQ) != NULL;
		ev.kind = CH_PROGRESS;
	} else if (m->status == 183) {
		return;
	}
	c->state = CHAN_RINGING;
	chan_changed(c);
	if (m->status == 180 && ev.kind == CH_PROGRESS) {
		struct chan_event ringing = { .kind = CH_RINGING };

		chan_tell(c, &ringing);
		if (c->gone)
			return;
	}
	chan_tell(c, &ev);
}

static void on_2xx(struct chan *c, struct sip_uac *uac, const struct sip_msg *m)
{
	struct chan_event ev = { .kind = CH_ANSWERED };
	int err = 0;

	host_answered(c->pbx, span_of(c->target));
	follow_dialog(c, uac, m);
	sip_dialog_ack(c->dialog, m->cseq, NULL, NULL);
	c->state = CHAN_UP;
	chan_changed(c);
	c->answered_at = c->pbx->clock->now;
	leg_session_answered(c, m);
	if (m->body.n && !c->early_update)
		err = leg_media_answered(c, sip_body_part(m, "application/sdp"));
	else if (c->early_answered)
		leg_media_apply(c, false);
	else
		err = -ENOENT;
	if (err < 0) {
		trace(EV_MEDIA_WARN, c->name, "the 2xx has no usable SDP answer");
		chan_hangup(c, 58);
		return;
	}
	count(CNT_calls_answered);
	trace(EV_CALL_STATE, c->name, "answered");
	chan_tell(c, &ev);
}

static void ask_elsewhere(struct chan *c, struct span uri)
{
	chan_text(c, &c->target, uri);
	c->listener = 0;
	if (c->note.was)
		c->note.was->written = (struct addr){ 0 };
	leg_drop_dialog(c);
	c->has_deal = c->offer_out = false;
	leg_keys_renew(c);
	ask(c);
}

/* A contact that did not answer: is there another one? */
static bool next_contact(struct chan *c, const struct sip_msg *m, unsigned code)
{
	bool unreachable = !m ? code != 487 && code != 513 : code == 503 || code == 408 || code == 430;

	if (!unreachable) {
		host_answered(c->pbx, span_of(c->target));
		return false;
	}
	host_failed(c->pbx, span_of(c->target));
	if (c->conf->hairpin.compat_asterisk || c->tries.at >= c->tries.n)
		return false;
	trace(EV_SIP_FAILOVER, c->name, "%s: %u; trying %s", c->target, code, c->tries.uris[c->tries.at]);
	ask_elsewhere(c, span_of(c->tries.uris[c->tries.at++]));
	return true;
}

/* The Contact of a 3xx that it likes best (RFC 3261 8.1.3.4). False: it has none that could be called. */
static bool best_contact(const struct sip_msg *m, struct sip_naddr *best)
{
	struct sip_walk w = { 0 };
	struct sip_naddr a;
	struct span v, q;
	double most = -1;

	while (sip_walk(m, SIP_HDR_CONTACT, &w, &v)) {
		char text[16] = "1";

		if (!sip_naddr_parse(v, &a) || !(a.uri.is_sip || a.uri.is_tel))
			continue;
		if (sip_param(a.params, "q", &q))
			span_copy(q, text, sizeof text);
		if (strtod(text, NULL) > most) {
			most = strtod(text, NULL);
			*best = a;
		}
	}
	return most >= 0;
}

/* The callee is elsewhere: redirect_method says who looks for it, we ourselves or the dialplan. True: we do. */
static bool redirected(struct chan *c, const struct sip_msg *m, unsigned code)
{
	struct sip_naddr to;
	char room[256];
	struct out o = out_growing_in(room, sizeof room);

	if (!m || code / 100 != 3 || (c->stays && c->ep->redirect_method != REDIRECT_URI_PJSIP) ||
	    !best_contact(m, &to))
		return false;
	if (c->ep->redirect_method == REDIRECT_USER || !to.uri.is_sip) {
		chan_text(c, &c->forward, uri_user(c->conf, &to.uri, &o));
		out_free(&o);
		return false;
	}
	if (++c->redirects > REDIRECTS_MAX) {
		trace(EV_SIP_FAILOVER, c->name, "%s: %u; it was redirected too often", c->target, code);
		return false;
	}
	trace(EV_SIP_FAILOVER, c->name, "%s: %u; redirected to %.*s", c->target, code, SP(to.uri.text));
	chan_text(c, &c->path, SPAN(""));
	c->registered = false;
	ask_elsewhere(c, to.uri.text);
	return true;
}

/* What a failure means. Our own 404 and 503: the address is unknown or cannot be reached. */
static int cause_of(const struct chan *c, const struct sip_msg *m, unsigned code)
{
	bool absent = c->registered && !c->conf->hairpin.compat_asterisk; /* gone without a word */

	if (!m && (code == 404 || code == 503 || code == 408))
		return code == 408 && !absent ? 18 : c->conf->hairpin.compat_asterisk ? 3 : 20;
	return cause_of_sip(code);
}

static void on_answer(void *arg, struct sip_uac *uac, const struct sip_msg *m, unsigned code, const char *why)
{
	struct chan *c = arg;

	c->peer = sip_uac_flow(uac).peer;
	c->note.heard |= m != NULL;
	if (code < 200) {
		on_provisional(c, uac, m);
		return;
	}
	c->asking = NULL;
	c->sip_code = code;
	if (code < 300) {
		on_2xx(c, uac, m);
		return;
	}
	if (next_contact(c, m, code) || redirected(c, m, code))
		return;
	if (!m)
		c->note.end = code == 408   ? (c->note.heard ? LEG_ENDED : LEG_SILENT)
			      : code == 487 ? LEG_ENDED
					    : LEG_UNREACHABLE;
	else
		c->note.end = LEG_REFUSED;
	trace(EV_CALL_STATE, c->name, "%s: %u %.*s%s", c->target, code, m ? (int)m->reason.n : 0, m ? m->reason.p : "",
	      why ? why : "");
	leg_drop_dialog(c);
	c->cause = c->cause ? c->cause : cause_of(c, m, code);
	chan_ended(c, c->cause);
}

/* ---- the end ---- */

void leg_drop_dialog(struct chan *c)
{
	record_dialog(c);
	if (c->dialog)
		sip_dialog_free(&c->dialog);
}

void leg_bye(struct chan *c, int cause)
{
	struct sip_ask bye = { .method = SIP_BYE };
	char line[64];
	struct out o = out_fixed(line, sizeof line);

	if (cause && !c->ep->suppress_q850_reason_headers)
		out_all(&o, "Reason: Q.850;cause=", (uint32_t)cause, "\r\n");
	bye.headers = out_look(&o);
	sip_dialog_ask(c->dialog, &bye);
	leg_drop_dialog(c);
}

static void build_failure(void *arg, struct sip_build *b)
{
	struct chan *c = arg;

	if (!c->ep->suppress_q850_reason_headers)
		sip_put(b, "Reason", "Q.850;cause=%d", c->cause);
	if (c->cause == 34 || c->cause == 42)
		sip_put(b, "Retry-After", "5");
}

void leg_out_address(struct sip_build *b, const char *header, struct span to)
{
	struct sip_uri u;

	if (sip_uri_parse(to, &u)) {
		sip_put(b, header, "<%.*s>", SP(to));
		return;
	}
	sip_build_face(b);
	out_all(b->o, header, ": <sip:");
	sip_out_user(b->o, to);
	out_all(b->o, "@", b->face.host, ">\r\n");
}

static void build_redirect(void *arg, struct sip_build *b)
{
	leg_out_address(b, "Contact", *(const struct span *)arg);
}

void leg_redirect(struct chan *c, struct span to)
{
	struct sip_uas *uas = c->invite;

	c->invite = NULL;
	if (uas) {
		c->sip_code = 302;
		sip_uas_on_cancel(uas, NULL, NULL);
		sip_reply(uas, 302, NULL, build_redirect, &to);
	}
	chan_hangup(c, 23);
}

void leg_end(struct chan *c, int cause)
{
	struct sip_uas *uas = c->invite;

	c->invite = NULL;
	if (uas) {
		sip_uas_on_cancel(uas, NULL, NULL);
		sip_reply(uas, c->state == CHAN_UP ? 487 : cause_to_sip(cause), NULL, build_failure, c);
	}
	if (c->asking) {
		sip_uac_cancel(c->asking,
			       cause == 26 ? SPAN("SIP;cause=200;text=\"Call completed elsewhere\"") : SPAN_NONE);
		sip_uac_forget(c->asking);
		c->asking = NULL;
	}
	if (!c->dialog)
		return;
	if (c->state != CHAN_UP)
		leg_drop_dialog(c);
	else if (sip_dialog_waits_for_ack(c->dialog))
		c->bye_waits = true;
	else
		leg_bye(c, cause);
}
