/*
 * pbx/refer.c: REFER within a call (RFC 3515): a phone's transfer key. Without Replaces in Refer-To it is blind: the
 * other party goes on in the dialplan. With it (RFC 3891) it is attended: the other parties of two calls of this
 * server are joined. The phone is told by NOTIFY what becomes of it, unless it does not want to know (RFC 4488): one at
 * a time, and what is out of date by then is left out. Its leg ends after the last of them.
 */
#include <stdlib.h>
#include <string.h>

#include "base/trace.h"
#include "pbx/transfer.h"

#define PATIENCE 60000 /* ms: so long a phone is told what happens; Asterisk's */

struct refer {
	struct chan *by;          /* who asked; its moves hold us */
	struct chan *of;          /* who was transferred, and is watched; NULL: nobody, or not any more */
	uint32_t cseq;            /* names the subscription; 0: it is the first of its dialog */
	unsigned code;            /* what is to be said */
	bool unsaid, over, moved; /* over: there is nothing more to say; moved: the call is not the phone's any more */
	struct sip_uac *asking;
	struct timer patience;
};

/* ---- NOTIFY ---- */

static void tell(struct refer *r);

/* It has been told all: its leg has nothing left to do when the call went elsewhere. */
static void finish(struct refer *r)
{
	struct chan *by = r->by;
	bool moved = r->moved;

	refer_drop(r);
	if (moved)
		chan_hangup(by, 16);
}

static void on_notified(void *arg, struct sip_uac *uac UNUSED, const struct sip_msg *m UNUSED, unsigned code,
			const char *why UNUSED)
{
	struct refer *r = arg;

	if (code < 200)
		return;
	r->asking = NULL;
	if (code < 300 && r->unsaid)
		tell(r);
	else if (code >= 300 || r->over)
		finish(r);
}

static void build_notify(void *arg, struct sip_build *b)
{
	const struct refer *r = arg;

	leg_put_contact(r->by, b);
	out_str(b->o, "Event: refer");
	if (r->cseq)
		out_all(b->o, ";id=", r->cseq);
	if (!r->over)
		out_all(b->o, "\r\nSubscription-State: active;expires=", (uint32_t)(PATIENCE / 1000), "\r\n");
	else
		out_all(b->o, "\r\nSubscription-State: terminated;reason=", r->code < 200 ? "timeout" : "noresource",
			"\r\n");
	out_all(sip_put_body(b, "message/sipfrag;version=2.0"), "SIP/2.0 ", (uint32_t)r->code, " ",
		sip_reason_phrase(r->code), "\r\n");
}

static void tell(struct refer *r)
{
	struct sip_ask a = { .method = SIP_NOTIFY, .build = build_notify, .answer = on_notified, .arg = r };

	r->unsaid = true;
	if (r->asking || r->by->gone || !r->by->dialog)
		return;
	r->unsaid = false;
	r->asking = sip_dialog_ask(r->by->dialog, &a);
}

static void stop_watching(struct refer *r)
{
	if (r->of)
		r->of->moves->told = NULL;
	r->of = NULL;
}

void refer_unwatch(struct chan *c)
{
	if (c->moves->told)
		stop_watching(c->moves->told);
}

void refer_told(struct chan *c, unsigned code)
{
	struct refer *r = c->moves ? c->moves->told : NULL;

	if (!r || r->over || code == r->code || (code < 200 && code < r->code))
		return;
	r->code = code;
	r->over = code >= 200;
	if (r->over)
		stop_watching(r);
	tell(r);
}

static void out_of_patience(struct timer *t, ms_t now UNUSED)
{
	struct refer *r = container_of(t, struct refer, patience);

	stop_watching(r);
	if (r->over)
		return;
	r->over = true;
	tell(r);
}

void refer_drop(struct refer *r)
{
	if (!r)
		return;
	stop_watching(r);
	r->by->moves->asked = NULL;
	clock_stop(r->by->pbx->clock, &r->patience);
	if (r->asking)
		sip_uac_forget(r->asking);
	free(r);
}

/* The subscription that a REFER brings: 100 at first. */
static struct refer *subscribe(struct chan *c, const struct sip_msg *m)
{
	struct moves *moves = moves_of(c);
	struct refer *r = xcalloc(1, sizeof *r);

	moves->asked = r;
	r->by = c;
	r->cseq = moves->refers++ ? m->cseq : 0;
	r->code = 100;
	r->patience.fire = out_of_patience;
	clock_in(c->pbx->clock, &r->patience, PATIENCE);
	return r;
}

static void watch(struct refer *r, struct chan *party)
{
	struct moves *m = moves_of(party);

	if (m->told) /* it was transferred again: that is how the one before went */
		refer_told(party, 200);
	m->told = r;
	r->of = party;
}

/* ---- REFER ---- */

struct wish {
	struct chan *by, *party, *consult; /* consult: the phone's other call; NULL: blind */
	struct span context, exten;        /* blind: where to */
	struct span replaces;              /* the dialog elsewhere that its party's INVITE is to replace */
	char room[80];
};

/* A header in the URI (RFC 3261 19.1.1), unescaped into o. */
static bool uri_header(const struct sip_uri *u, const char *name, struct out *o)
{
	struct span all = u->headers, one, key;

	while (span_cut(&all, '&', &one)) {
		if (!span_cut(&one, '=', &key) || !span_iis(key, name))
			continue;
		sip_out_unescaped(o, one);
		return true;
	}
	return false;
}

struct span transfer_context(const struct chan *c)
{
	const char *ctx = vars_get(&c->vars, SPAN("TRANSFER_CONTEXT"));

	ctx = ctx ? ctx : vars_get(&c->pbx->globals, SPAN("TRANSFER_CONTEXT"));
	return span_of(ctx ? ctx : c->ep->context);
}

/* 200, or why it cannot be: Asterisk's codes. */
static unsigned look_at_place(struct wish *w, struct span exten)
{
	const struct chan *c = w->by;

	w->party = transfer_party(c);
	w->context = transfer_context(c);
	span_copy(exten.n ? exten : SPAN("s"), w->room, sizeof w->room);
	w->exten = span_of(w->room);
	if (exten.n >= sizeof w->room || !dp_exists(c->pbx, dp_conf(w->party ? w->party : c), w->context, w->exten,
						    span_of(w->party ? w->party->caller_num : ""))) {
		trace(EV_SIP_NO, c->name, "transfer: no extension '%.*s' in context '%.*s'", SP(exten), SP(w->context));
		return 404;
	}
	return w->party ? 200 : 400;
}

static unsigned look_at(struct wish *w, const struct sip_naddr *to)
{
	char room[256], user_room[128];
	struct out o = out_growing_in(room, sizeof room), user = out_growing_in(user_room, sizeof user_room);
	bool early_only;
	unsigned code;

	if (!uri_header(&to->uri, "Replaces", &o)) {
		code = look_at_place(w, uri_user(w->by->conf, &to->uri, &user));
	} else if ((w->consult = replaces_whom(w->by->pbx, out_look(&o), &early_only))) {
		code = transfer_may_attend(w->by, w->consult) ? 200 : 400;
	} else {
		code = look_at_place(w, SPAN("external_replaces"));
		w->replaces = code == 200 ? span_of(span_dup(out_look(&o))) : SPAN_NONE;
	}
	out_free(&o);
	out_free(&user);
	return code;
}

static void set_var(struct chan *c, const char *name, struct span value)
{
	vars_set(&c->vars, span_of(name), value);
}

/* "__NAME": legs that it calls have it, too. */
static void set_inherited(struct chan *c, const char *name, struct span value)
{
	set_var(c, name, value);
	set_var(c, name + 2, value);
}

static void send_away(const struct wish *w, const struct sip_msg *m, const struct sip_naddr *to, struct refer *r)
{
	struct chan *party = w->party;

	transfer_blind(w->by, party, w->context, w->exten);
	set_var(party, "SIPTRANSFER", SPAN("yes"));
	set_var(party, "SIPREFERRINGCONTEXT", w->context);
	set_inherited(party, "__SIPREFERREDBYHDR", sip_hdr_value(m, SIP_HDR_REFERRED_BY));
	set_inherited(party, "__SIPREPLACESHDR", w->replaces);
	set_var(party, "SIPREFERTOHDR", to->uri.text);
	if (!r)
		return;
	watch(r, party);
	if (!w->by->ep->refer_blind_progress)
		refer_told(party, 200);
}

static void build_no_sub(void *arg, struct sip_build *b)
{
	leg_put_contact(arg, b);
	out_str(b->o, "Refer-Sub: false\r\n");
}

/* The answer is on its way; now it is done. */
static void carry_out(const struct wish *w, const struct sip_msg *m, const struct sip_naddr *to, struct refer *r)
{
	if (r)
		tell(r);
	if (r)
		r->moved = true;
	if (!w->consult) {
		send_away(w, m, to, r);
	} else {
		transfer_attended(w->by, w->consult);
		chan_hangup(w->consult, w->consult->state == CHAN_UP ? 16 : 26);
		if (r) {
			r->code = 200;
			r->over = true;
			tell(r);
		}
	}
	if (!r)
		chan_hangup(w->by, 16);
}

static void refuse(struct chan *c, unsigned code, struct refer *r)
{
	trace(EV_CALL_STATE, c->name, "its transfer is refused: %u", code);
	if (!r)
		return;
	r->code = code;
	r->over = true;
	tell(r);
}

void leg_referred(struct chan *c, struct sip_uas *uas, const struct sip_msg *m)
{
	bool no_sub = span_istarts(sip_hdr_named(m, SPAN("Refer-Sub"), 0), SPAN("false"));
	struct wish w = { .by = c };
	struct refer *r = NULL;
	struct sip_naddr to;
	unsigned code;

	if (!c->ep->allow_transfer) {
		sip_reply(uas, 603, "allow_transfer is no", NULL, NULL);
		return;
	}
	if (c->moves && c->moves->asked) {
		sip_reply(uas, 491, "another REFER is being followed", NULL, NULL);
		return;
	}
	if (!sip_naddr_parse(sip_hdr_value(m, SIP_HDR_REFER_TO), &to) || !to.uri.is_sip) {
		sip_reply(uas, 400, "no Refer-To that could be followed", NULL, NULL);
		return;
	}
	code = look_at(&w, &to);
	if (no_sub) {
		sip_reply(uas, code, NULL, code == 200 ? build_no_sub : NULL, c);
	} else {
		sip_reply(uas, 202, NULL, leg_build_plain, c);
		r = subscribe(c, m);
	}
	if (code == 200)
		carry_out(&w, m, &to, r);
	else
		refuse(c, code, r);
	free((char *)(uintptr_t)w.replaces.p);
}

/* ---- what goes with the call ---- */

static char *inherited(const struct chan *from, struct span name)
{
	const char *v = vars_get(&from->vars, name);

	for (const char *s = v; s && *s; s++)
		if ((unsigned char)*s < ' ')
			return NULL;
	return v ? xstrdup(v) : NULL;
}

void refer_take_headers(struct chan *c, const struct chan *from)
{
	char *by = inherited(from, SPAN("SIPREFERREDBYHDR")), *replaces = inherited(from, SPAN("SIPREPLACESHDR"));

	if (!by && !replaces)
		return;
	moves_of(c)->referred_by = by;
	moves_of(c)->replaces = replaces;
}

/* A phone knows us by an address of our own network, which says nothing elsewhere: there it is the one in Contact. */
static bool is_inside(const struct chan *c, const struct sip_naddr *a)
{
	const struct net *net = &c->pbx->cfg.net;
	struct addr ip, from;

	if (c->conf->hairpin.compat_asterisk || !addr_parse_ip(a->uri.host, &ip))
		return false;
	from = net->source(net->arg, 0, &ip);
	return addr_class(&ip) != ADDR_GLOBAL || addr_ip_eq(&from, &ip); /* the second: it is ours */
}

void refer_put_headers(const struct chan *c, struct sip_build *b)
{
	const struct moves *m = c->moves;
	struct sip_naddr a;

	if (m->referred_by && sip_naddr_parse(span_of(m->referred_by), &a) && is_inside(c, &a))
		out_all(b->o, "Referred-By: <sip:", a.uri.user, "@", b->face.host, ">", a.params, "\r\n");
	else if (m->referred_by)
		out_all(b->o, "Referred-By: ", m->referred_by, "\r\n");
	if (m->replaces)
		out_all(b->o, "Replaces: ", m->replaces, "\r\n");
}
