/*
 * pbx/leg_session.c: session timers (RFC 4028). One side of a call refreshes it at half its interval, by UPDATE or,
 * when the peer does not allow that, by a re-INVITE that says nothing new; a side that waits in vain ends the call. So
 * a peer that is gone is found out even when nobody counts its audio. Each leg has a timer of its own, or none.
 */
#include "pbx/priv.h"

#include "base/trace.h"

#define LEAST 90    /* s, section 4 */
#define SLACK 32000 /* or a third, if that is less: so long before its end a session is over (section 10) */
#define BUSY  500   /* another request is under way */
#define RETRY 10000 /* after a refusal that may not hold for long */

/* ---- what we write ---- */

void leg_put_supported(const struct chan *c, struct sip_build *b)
{
	static const char *const lines[2][2] = { { "Supported: replaces", "Supported: timer, replaces" },
						 { "Supported: 100rel, replaces",
						   "Supported: 100rel, timer, replaces" } };

	out_str(b->o, lines[c->ep->rel100 != REL100_NO][c->ep->timers != TIMERS_NO]);
	out_str(b->o, c->conf->global.norefersub ? ", norefersub\r\n" : "\r\n");
}

/* What we would ask for. */
static uint32_t wished(const struct chan *c)
{
	uint32_t at_least = MAX(c->ep->timers_min_se, c->session.min_se);

	return MAX(c->session.interval ? c->session.interval : c->ep->timers_sess_expires, at_least);
}

void leg_session_put_answer(const struct chan *c, struct sip_build *b)
{
	const struct leg_session *s = &c->session;

	if (!s->interval)
		return;
	out_all(b->o, "Session-Expires: ", s->interval, s->refresher ? ";refresher=uas\r\n" : ";refresher=uac\r\n");
	if (s->peer_knows)
		out_str(b->o, "Require: timer\r\n");
}

void leg_session_put_request(const struct chan *c, struct sip_build *b)
{
	const struct leg_session *s = &c->session;
	bool refresh = s->interval != 0;

	if (c->ep->timers == TIMERS_NO || (c->state == CHAN_UP && !refresh))
		return;
	if (c->ep->timers == TIMERS_REQUIRED && !refresh)
		out_str(b->o, "Require: timer\r\n");
	out_all(b->o, "Session-Expires: ", wished(c),
		!refresh       ? ""
		: s->refresher ? ";refresher=uac"
			       : ";refresher=uas",
		"\r\nMin-SE: ", MAX(c->ep->timers_min_se, s->min_se), "\r\n");
}

/* ---- what we read ---- */

/* Seconds of Session-Expires or Min-SE, with what follows them; 0: absent, or not a number. */
static uint32_t seconds_of(const struct sip_msg *m, enum sip_hdr_id id, struct span *params)
{
	struct span v = sip_hdr_value(m, id);
	long semi = span_chr(v, ';');
	uint32_t n = 0;

	*params = semi < 0 ? SPAN_NONE : span_from(v, (size_t)semi);
	return span_u32(span_trim(semi < 0 ? v : span_sub(v, 0, (size_t)semi)), UINT32_MAX, &n) ? n : 0;
}

static uint32_t min_se_of(const struct sip_msg *m)
{
	struct span params;

	return seconds_of(m, SIP_HDR_MIN_SE, &params);
}

static bool knows_timers(const struct sip_msg *m)
{
	return sip_has_token(m, SIP_HDR_SUPPORTED, "timer") || sip_has_token(m, SIP_HDR_REQUIRE, "timer");
}

bool leg_session_allows(const struct chan *c, const struct sip_msg *m, struct leg_refusal *no)
{
	const struct conf_endpoint *ep = c->ep;
	struct span params;
	uint32_t interval = seconds_of(m, SIP_HDR_SESSION_EXPIRES, &params);
	struct out o;

	if (ep->timers == TIMERS_NO && sip_has_token(m, SIP_HDR_REQUIRE, "timer")) {
		*no = (struct leg_refusal){ .code = 420, .header = "Unsupported", .value = "timer" };
		return false;
	}
	if (ep->timers == TIMERS_REQUIRED && c->state != CHAN_UP && !knows_timers(m)) {
		*no = (struct leg_refusal){ .code = 421, .header = "Require", .value = "timer" };
		return false;
	}
	if (ep->timers == TIMERS_NO || !interval || interval >= ep->timers_min_se || !knows_timers(m))
		return true;
	*no = (struct leg_refusal){ .code = 422, .header = "Min-SE" };
	o = out_fixed(no->value, sizeof no->value - 1);
	out_all(&o, ep->timers_min_se);
	return false;
}

/* Who refreshes, as section 9 has it; when the peer leaves it to us, it does, or who has done so far. */
static bool is_ours(const struct leg_session *s, struct span params)
{
	struct span who;

	if (!s->peer_knows)
		return true;
	if (!sip_param(params, "refresher", &who))
		return s->interval && s->refresher;
	return span_iis(who, "uas");
}

void leg_session_agree(struct chan *c, const struct sip_msg *m)
{
	struct leg_session *s = &c->session;
	struct span params;
	uint32_t asked = seconds_of(m, SIP_HDR_SESSION_EXPIRES, &params), longest;

	s->peer_knows = c->ep->timers != TIMERS_NO && knows_timers(m);
	if (c->ep->timers == TIMERS_NO || (!asked && !s->peer_knows && c->ep->timers < TIMERS_REQUIRED)) {
		s->interval = 0;
		return;
	}
	s->min_se = MAX(s->min_se, min_se_of(m));
	s->refresher = is_ours(s, params);
	longest = MAX(c->ep->timers_sess_expires, s->min_se);
	s->interval = MAX(asked ? MIN(asked, longest) : longest, LEAST);
	s->peer_updates = sip_has_token(m, SIP_HDR_ALLOW, "UPDATE") || m->method == SIP_UPDATE;
}

void leg_session_answered(struct chan *c, const struct sip_msg *m)
{
	struct leg_session *s = &c->session;
	struct span params, who;
	uint32_t agreed = seconds_of(m, SIP_HDR_SESSION_EXPIRES, &params);

	if (c->ep->timers == TIMERS_NO)
		return;
	if (!agreed && c->ep->timers < TIMERS_REQUIRED) {
		s->interval = 0;
	} else {
		s->interval = MAX(agreed ? agreed : wished(c), LEAST); /* 0: it does not take part, we alone refresh */
		s->refresher = !agreed || !sip_param(params, "refresher", &who) || !span_iis(who, "uas");
		s->peer_knows = agreed && knows_timers(m);
		s->peer_updates |= sip_has_token(m, SIP_HDR_ALLOW, "UPDATE");
	}
	leg_session_start(c);
}

bool leg_session_again(void *arg, const struct sip_msg *m)
{
	struct chan *c = arg;
	struct leg_session *s = &c->session;
	uint32_t least = min_se_of(m);

	if (c->ep->timers == TIMERS_NO || least <= wished(c))
		return false;
	trace(EV_CALL_STATE, c->name, "the peer wants a session interval of at least %u s", least);
	s->min_se = least;
	return true;
}

/* ---- the timer ---- */

static ms_t left(const struct leg_session *s, ms_t now)
{
	return s->until - MIN(SLACK, (ms_t)s->interval * 1000 / 3) - now;
}

void leg_session_start(struct chan *c)
{
	struct leg_session *s = &c->session;
	ms_t now = c->pbx->clock->now;

	if (!s->interval) {
		clock_stop(c->pbx->clock, &s->due);
		return;
	}
	s->until = now + (ms_t)s->interval * 1000;
	clock_in(c->pbx->clock, &s->due, s->refresher ? (ms_t)s->interval * 500 : left(s, now));
}

void leg_session_end(struct chan *c)
{
	clock_stop(c->pbx->clock, &c->session.due);
	if (c->session.asking)
		sip_uac_forget(c->session.asking);
	c->session.asking = NULL;
}

static void run_out(struct chan *c, const char *how)
{
	trace(EV_CALL_STATE, c->name, "the session timer ran out: %s; the call is ended", how);
	c->note.end = LEG_NO_REFRESH;
	chan_hangup(c, 102);
}

void leg_session_refused(struct chan *c, const struct sip_msg *m, unsigned code)
{
	ms_t wait = code == 491 ? 2100 + rng_below(&c->pbx->clock->rng, 1900) : RETRY;

	if (code == 408 || code == 481) {
		run_out(c, m ? "the peer does not know the call any more" : "no answer to our refresh");
		return;
	}
	trace(EV_CALL_STATE, c->name, "our refresh of the session was refused: %u", code);
	clock_in(c->pbx->clock, &c->session.due, MIN(wait, MAX(left(&c->session, c->pbx->clock->now), 0)));
}

static void build_update(void *arg, struct sip_build *b)
{
	struct chan *c = arg;

	leg_put_contact(c, b);
	leg_put_supported(c, b);
	leg_session_put_request(c, b);
}

static void on_updated(void *arg, struct sip_uac *uac UNUSED, const struct sip_msg *m, unsigned code,
		       const char *why UNUSED)
{
	struct chan *c = arg;

	if (code < 200)
		return;
	c->session.asking = NULL;
	if (code < 300) {
		sip_dialog_refresh(c->dialog, m);
		leg_session_answered(c, m);
	} else if (code == 405 || code == 501) {
		c->session.peer_updates = false;
		clock_in(c->pbx->clock, &c->session.due, 0);
	} else {
		leg_session_refused(c, m, code);
	}
}

static void refresh(struct chan *c)
{
	struct sip_ask a = {
		.method = SIP_UPDATE, .build = build_update, .answer = on_updated, .again = leg_session_again, .arg = c
	};

	if (c->session.peer_updates) {
		c->session.asking = sip_dialog_ask(c->dialog, &a);
		return;
	}
	c->session.refreshing = true;
	leg_reinvite(c);
}

void leg_session_due(struct timer *t, ms_t now)
{
	struct chan *c = container_of(t, struct chan, session.due);
	struct leg_session *s = &c->session;
	bool busy = c->asking || c->invite || c->offer_out || s->asking;
	ms_t rest = left(s, now);

	if (c->gone || c->state != CHAN_UP || !c->dialog)
		return;
	if (rest <= 0) {
		run_out(c, s->refresher ? "our refresh was not answered" : "the peer did not refresh it");
	} else if (!s->refresher) {
		clock_in(c->pbx->clock, t, rest);
	} else if (busy || sip_dialog_waits_for_ack(c->dialog)) {
		clock_in(c->pbx->clock, t, MIN(BUSY, rest));
	} else {
		clock_in(c->pbx->clock, t, rest);
		refresh(c);
	}
}
