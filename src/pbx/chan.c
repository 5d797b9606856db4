/*
 * pbx/chan.c: a channel: one leg of a call from its first message to its last.
 *
 * A channel ends in three steps: its SIP side is over (gone), its owner is told CH_HANGUP from the loop and lets go of
 * it (told), it is freed. Nobody frees a channel from inside one of its events.
 */
#include "pbx/cdr.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/trace.h"
#include "pbx/transfer.h"

#define NAME_MAX_LEN 64 /* of the endpoint's */

/* ---- variables ---- */

/* Where the variable hangs, or where the list ends. */
static struct var **find_var(struct vars *v, struct span name, uint32_t hash)
{
	struct var **at = &v->first;

	while (*at && ((*at)->hash != hash || !span_eq((struct span){ (*at)->text, (*at)->name_n }, name)))
		at = &(*at)->next;
	return at;
}

static void var_free(const struct vars *v, struct var *e)
{
	if (v->from)
		spares_give(v->from, e);
	else
		free(e);
}

void vars_set(struct vars *v, struct span name, struct span value)
{
	uint32_t hash = span_hash(name);
	struct var **at = find_var(v, name, hash), *old = *at, *e;

	if (!old && !value.n)
		return;
	if (old)
		*at = old->next;
	if (value.n) {
		size_t n = sizeof *e + name.n + 1 + value.n + 1;

		e = v->from ? spares_take(v->from, n) : xmalloc(n);
		*e = (struct var){ .next = v->first, .hash = hash, .name_n = (uint32_t)name.n };
		span_copy(name, e->text, name.n + 1);
		span_copy(value, e->text + name.n + 1, value.n + 1);
		v->first = e;
	}
	var_free(v, old); /* the new value may have been part of it */
}

const char *vars_get(const struct vars *v, struct span name)
{
	struct var *e = *find_var((struct vars *)(uintptr_t)v, name, span_hash(name));

	return e ? e->text + e->name_n + 1 : NULL;
}

void vars_inherit(struct vars *to, const struct vars *from)
{
	for (const struct var *v = from->first; v; v = v->next) {
		struct span name = { v->text, v->name_n }, value = span_of(v->text + v->name_n + 1);

		if (!span_take_char(&name, '_'))
			continue;
		if (name.n && name.p[0] == '_') {
			vars_set(to, (struct span){ v->text, v->name_n }, value);
			name = span_from(name, 1);
		}
		vars_set(to, name, value);
	}
}

void vars_free(struct vars *v)
{
	while (v->first) {
		struct var *e = v->first;

		v->first = e->next;
		var_free(v, e);
	}
}

/* ---- texts ---- */

#define ROOM_IN  48 /* bytes: usual texts of an incoming channel, and of an outgoing one with its Request-URI */
#define ROOM_OUT 96

static void text_free(struct chan *c, const char *text)
{
	if (*text && (text < c->texts || text >= c->texts + c->texts_room))
		free((char *)(uintptr_t)text);
}

/* What finds no room among the channel's texts, and what comes in the place of others again and again, is malloc'd. */
void chan_text(struct chan *c, const char **text, struct span s)
{
	const char *was = *text;

	if (!s.n || !s.p[0]) {
		*text = "";
	} else if (s.n < (size_t)(c->texts_room - c->texts_n)) {
		*text = c->texts + c->texts_n;
		span_copy(s, c->texts + c->texts_n, s.n + 1);
		c->texts_n = (uint16_t)(c->texts_n + s.n + 1);
	} else {
		*text = span_dup(s);
	}
	text_free(c, was); /* s may have been part of it */
}

/* ---- channels ---- */

static void reap(struct timer *t, ms_t now);

void out_chan_id(struct out *o, struct chan_id id)
{
	out_all(o, id.second, ".", id.number);
}

static void out_name(struct out *o, const struct conf_endpoint *ep, uint32_t number)
{
	uint32_t big = htonl(number);

	out_all(o, "PJSIP/", span_sub(span_of(ep->o.name), 0, NAME_MAX_LEN), "-");
	out_hex(o, &big, sizeof big);
	out_char(o, '\0');
}

struct chan *chan_new(struct pbx *p, const struct conf_endpoint *ep, struct conf *conf, struct chan *from)
{
	char text[NAME_MAX_LEN + 32];
	struct out o = out_fixed(text, sizeof text);
	struct chan *c;
	bool incoming = !from;
	size_t room;

	out_name(&o, ep, p->next_chan);
	room = o.n + (from ? ROOM_OUT : ROOM_IN);
	c = spares_zero(&p->spares, sizeof *c + room);
	memcpy(c->texts, text, o.n);
	c->id = (struct chan_id){ (uint32_t)(clock_wall(p->clock) / 1000), p->next_chan++ };
	c->texts_n = (uint16_t)o.n;
	c->texts_room = (uint16_t)room;
	c->name = c->texts;
	c->pbx = p;
	c->vars.from = &p->spares;
	c->conf = conf_ref(conf);
	c->ep = ep;
	c->incoming = incoming;
	c->state = incoming ? CHAN_RING : CHAN_DOWN;
	c->born = p->clock->now;
	c->max_forwards = conf->global.max_forwards;
	c->reap.fire = reap;
	c->renew.fire = leg_renew_due;
	c->session.due.fire = leg_session_due;
	c->caller_name = c->caller_num = c->dialed = c->target = c->path = c->contact_name = c->forward = "";
	list_push(&p->chans, &c->link);
	list_init(&c->of_device);
	p->n_chans++;
	p->n_calls += incoming;
	record_begin(c, from);
	chan_changed(c);
	count(CNT_calls);
	trace(EV_CALL_NEW, c->name, "%s", incoming ? "incoming" : "outgoing");
	for (size_t i = 0; i < ep->set_var.n; i++) {
		struct span value = span_of(ep->set_var.v[i]), name;

		if (span_cut(&value, '=', &name))
			vars_set(&c->vars, span_trim(name), span_trim(value));
	}
	return c;
}

static void chan_free(struct chan *c)
{
	struct pbx *p = c->pbx;

	leg_session_end(c);
	leg_ports_close(c);
	digits_drop(c);
	media_close(&c->media);
	bridge_part(c);
	leg_drop_dialog(c);
	if (c->asking)
		sip_uac_forget(c->asking);
	if (c->invite)
		sip_uas_on_cancel(c->invite, NULL, NULL);
	dp_free(&c->dp);
	cdrs_close(c);
	if (c->moves)
		transfer_forget(c);
	clock_stop(p->clock, &c->reap);
	clock_stop(p->clock, &c->renew);
	list_del(&c->link);
	list_del(&c->of_device);
	p->n_chans--;
	vars_free(&c->vars);
	spares_give(&p->spares, c->request);
	for (size_t i = 0; i < c->tries.n; i++)
		free(c->tries.uris[i]);
	free(c->tries.uris);
	text_free(c, c->caller_name);
	text_free(c, c->caller_num);
	text_free(c, c->dialed);
	text_free(c, c->target);
	text_free(c, c->path);
	text_free(c, c->contact_name);
	text_free(c, c->forward);
	free(c->headers);
	leg_media_forget_offer(c);
	free(c->note.was);
	free(c->moh);
	sdp_deal_free(&c->deal);
	leg_keys_free(c);
	record_leave(c);
	conf_unref(c->conf);
	spares_give(&c->pbx->spares, c);
}

void chan_tell(struct chan *c, const struct chan_event *ev)
{
	if (c->told || !c->on_event)
		return;
	if (ev->kind == CH_HANGUP)
		c->told = true;
	c->on_event(c->arg, c, ev);
}

static void reap(struct timer *t, ms_t now UNUSED)
{
	struct chan *c = container_of(t, struct chan, reap);
	struct chan_event ev = { .kind = CH_HANGUP, .cause = c->cause };
	struct pbx *p = c->pbx;

	if (!c->told) {
		trace(EV_CALL_END, c->name, "cause %d, %s", c->cause, cause_text(c->cause));
		chan_tell(c, &ev);
		c->told = true;
		if (c->moves)
			transfer_gone(c);
	}
	if (c->bye_waits)
		return;
	chan_free(c);
	if (p->stopping && !p->ending && !p->n_chans)
		pbx_end(p);
}

void chan_ended(struct chan *c, int cause)
{
	if (!c->gone) {
		c->gone = true;
		c->cause = c->cause ? c->cause : cause;
		record_leg(c);
		cdr_leg_ended(c);
		cdr_ends(c);
		leg_session_end(c);
		leg_ports_close(c);
		digits_drop(c);
		media_close(&c->media); /* which parts it, too */
		bridge_part(c);
		chan_changed(c);
	}
	clock_in(c->pbx->clock, &c->reap, 0);
}

void chan_hangup(struct chan *c, int cause)
{
	if (c->gone)
		return;
	c->cause = c->cause ? c->cause : cause;
	leg_end(c, c->cause);
	chan_ended(c, c->cause);
}

struct chan *chan_find(struct pbx *p, struct span name)
{
	list_for(l, &p->chans) {
		struct chan *c = list_entry(l, struct chan, link);

		if (span_is(name, c->name))
			return c;
	}
	return NULL;
}

const char *chan_state_name(const struct chan *c)
{
	static const char *const names[] = {
		[CHAN_DOWN] = "Down",
		[CHAN_RING] = "Ring",
		[CHAN_RINGING] = "Ringing",
		[CHAN_UP] = "Up",
	};

	return names[c->state];
}

static const char *set_or(const struct chan *c, struct span name, const char *otherwise)
{
	const char *v = vars_get(&c->vars, name);

	return v ? v : otherwise;
}

const char *chan_language(const struct chan *c)
{
	return set_or(c, SPAN(CHAN_LANGUAGE), c->ep->language[0] ? c->ep->language : "en");
}

const char *chan_account(const struct chan *c)
{
	return set_or(c, SPAN(CHAN_ACCOUNT), c->ep->accountcode);
}

const char *chan_music(const struct chan *c)
{
	return set_or(c, SPAN(CHAN_MUSIC), "");
}

void chans_free(struct pbx *p)
{
	list_for(n, &p->chans)
		list_entry(n, struct chan, link)->on_event = NULL;
	list_for(n, &p->chans) /* a Dial lets go of its legs, whichever of them is older */
		dp_free(&list_entry(n, struct chan, link)->dp);
	list_for_safe(n, &p->chans)
		chan_free(list_entry(n, struct chan, link));
}
