/* sim/story_act.c: what things do: PBXs start and stop, phones register and call, networks fail. */
#include <stdlib.h>
#include <string.h>

#include "sim/story_priv.h"

/* ---- PBXs ---- */

static void report(struct tale *t, const char *what, const struct diag *why)
{
	char buf[300];

	tale_fail(t, "%s: %s", what, why->n ? diag_line(&why->items[0], buf, sizeof buf) : "refused without a word");
}

static bool start(struct tale *t, struct tale_pbx *p, struct diag *why)
{
	if (p->pbx)
		return sim_pbx_start(p->pbx, why);
	p->pbx = sim_pbx(t->sim, p->host, &p->source, why);
	return p->pbx != NULL;
}

/* start | reload PBX [refused ["text"]] */
static void start_or_reload(struct tale *t, struct tale_pbx *p, const struct words *w)
{
	bool reload = word_is(w, 0, "reload"), refused = word_is(w, 2, "refused"), ok;
	struct diag why = { 0 };
	char buf[400];

	if (reload && (!p->pbx || !sim_pbx_get(p->pbx))) {
		tale_fail(t, "reload: it is not running");
		return;
	}
	ok = reload ? sim_pbx_reload(p->pbx, &why) : start(t, p, &why);
	if (!ok && !refused)
		report(t, w->w[0], &why);
	else if (ok && refused)
		tale_fail(t, "%s was accepted", w->w[0]);
	else if (w->n > 3 && (!why.n || !strstr(diag_line(&why.items[0], buf, sizeof buf), w->w[3])))
		report(t, "another reason", &why);
	diag_free(&why);
}

static bool pbx_life(struct tale *t, const struct words *w)
{
	struct thing *x = w->n > 1 ? thing_find(t, w->w[1]) : NULL;

	if (!x || x->kind != A_PBX)
		return false;
	if (word_is(w, 0, "start") || word_is(w, 0, "reload"))
		start_or_reload(t, x->pbx, w);
	else if (word_is(w, 0, "kill"))
		sim_pbx_kill(x->pbx->pbx);
	else if (word_is(w, 0, "stop") && sim_pbx_get(x->pbx->pbx))
		pbx_stop(sim_pbx_get(x->pbx->pbx), word_is(w, 2, "now"));
	else if (word_is(w, 0, "resume") && sim_pbx_get(x->pbx->pbx))
		pbx_resume(sim_pbx_get(x->pbx->pbx));
	else
		return false;
	return true;
}

static uint32_t number_word(const struct words *w, int at, uint32_t def)
{
	return at < w->n ? (uint32_t)strtoul(w->w[at], NULL, 10) : def;
}

/* PBX qualify|register|unregister|hangup|measure NAME, PBX backlog PERCENT */
static bool pbx_act(struct tale *t, struct thing *x, const struct words *w)
{
	struct pbx *p = x->pbx->pbx ? sim_pbx_get(x->pbx->pbx) : NULL;
	struct span name = span_of(w->n > 2 ? w->w[2] : "");
	bool ok;

	if (!p)
		return false;
	if (word_is(w, 1, "backlog")) {
		sim_host_backlog(x->pbx->host, number_word(w, 2, 0));
		return true;
	}
	if (word_is(w, 1, "qualify"))
		ok = pbx_qualify(p, name);
	else if (word_is(w, 1, "register"))
		ok = pbx_register(p, name);
	else if (word_is(w, 1, "unregister"))
		ok = pbx_unregister(p, name);
	else if (word_is(w, 1, "measure"))
		ok = pbx_measure(p, name) > 0;
	else if (word_is(w, 1, "hangup"))
		ok = pbx_hangup(p, name) > 0;
	else
		return false;
	if (!ok)
		tale_fail(t, "%s: there is no '%s'", w->w[1], w->n > 2 ? w->w[2] : "");
	return true;
}

/* ---- phones ---- */

static void phone_register(struct sim_phone *p, const struct words *w)
{
	if (word_is(w, 2, "*"))
		sim_phone_register_all(p);
	else
		sim_phone_register(p, number_word(w, 2, 3600));
}

static void phone_hold(struct sim_phone *p, const struct words *w)
{
	sim_phone_hold(p, word_is(w, 1, "hold"), word_is(w, 2, "update"));
}

static void phone_answers(struct tale *t, struct sim_phone *p, const struct words *w)
{
	sim_phone_set_answer(p, number_word(w, 2, 200),
			     word_opt(w, "after") ? word_time(t, word_opt(w, "after")) : 1000);
}

/* PHONE jam OTHER|off: sends RTP to where OTHER sends. */
static void phone_jams(struct tale *t, struct sim_phone *p, const char *whom)
{
	struct thing *x = strcmp(whom, "off") == 0 ? NULL : thing_get(t, whom, A_PHONE);
	struct sim_phone_state s = { 0 };

	if (x)
		sim_phone_state(x->phone, &s);
	sim_phone_jam(p, &s.rtp_to);
}

/* PHONE transfers WHERE [with OTHER] [nosub], PHONE replaces OTHER at WHERE [early] */
static void phone_transfers(struct tale *t, struct sim_phone *p, const struct words *w)
{
	bool replaces = word_is(w, 1, "replaces"), with = word_is(w, 3, "with") && w->n > 4;
	struct thing *other = replaces ? thing_get(t, w->w[2], A_PHONE) : with ? thing_get(t, w->w[4], A_PHONE) : NULL;

	if (replaces && other && w->n > 4)
		sim_phone_replace(p, w->w[4], other->phone, word_flag(w, "early"));
	else if (!replaces && (other || !with))
		sim_phone_transfer(p, w->w[2], other ? other->phone : NULL, word_flag(w, "nosub"));
}

/* PHONE watches EXTEN [presence] [expires=N], PHONE watches again [N]: a subscription, and its refresh. */
static void phone_watches(struct sim_phone *p, const struct words *w)
{
	const char *event = word_is(w, 3, "presence") ? "presence" : "dialog";

	if (word_is(w, 2, "again"))
		sim_phone_watch_again(p, number_word(w, 3, 3600));
	else
		sim_phone_watch(p, w->w[2], event, (uint32_t)word_number(word_opt(w, "expires"), 3600));
}

static bool phone_act(struct tale *t, struct thing *x, const struct words *w)
{
	struct sim_phone *p = x->phone;
	const char *verb = w->n > 1 ? w->w[1] : "";

	if (strcmp(verb, "register") == 0)
		phone_register(p, w);
	else if (strcmp(verb, "call") == 0 && w->n > 2)
		sim_phone_call(p, w->w[2]);
	else if (strcmp(verb, "answer") == 0)
		sim_phone_answer(p);
	else if (strcmp(verb, "answers") == 0)
		phone_answers(t, p, w);
	else if (strcmp(verb, "hangup") == 0)
		sim_phone_hangup(p);
	else if (strcmp(verb, "hold") == 0 || strcmp(verb, "resume") == 0)
		phone_hold(p, w);
	else if (strcmp(verb, "reoffers") == 0 && w->block)
		sim_phone_reoffer(p, w->block);
	else if ((strcmp(verb, "transfers") == 0 || strcmp(verb, "replaces") == 0) && w->n > 2)
		phone_transfers(t, p, w);
	else if (strcmp(verb, "dtmf") == 0 && w->n > 2)
		sim_phone_dtmf(p, w->w[2][0], word_is(w, 3, "info"));
	else if (strcmp(verb, "mute") == 0 || strcmp(verb, "unmute") == 0)
		sim_phone_mute(p, verb[0] == 'm');
	else if (strcmp(verb, "restart") == 0)
		sim_phone_restart(p, (uint16_t)word_number(word_opt(w, "port"), 5060));
	else if (strcmp(verb, "jam") == 0 && w->n > 2)
		phone_jams(t, p, w->w[2]);
	else if (strcmp(verb, "watches") == 0 && w->n > 2)
		phone_watches(p, w);
	else if (strcmp(verb, "notify-answer") == 0 && w->n > 2)
		sim_phone_refuse_notify(p, number_word(w, 2, 0));
	else if (strcmp(verb, "ask") == 0 && w->n > 2)
		sim_phone_ask(p, w->w[2], w->n > 3 ? w->w[3] : "");
	else
		return false;
	return true;
}

/* ---- all ---- */

bool act_statement(struct tale *t, const struct words *w)
{
	struct thing *x;

	if (pbx_life(t, w))
		return true;
	if (word_is(w, 0, "restart-nat") && w->n == 2) {
		x = thing_get(t, w->w[1], A_NET);
		if (x)
			sim_restart_nat(x->net);
		return true;
	}
	x = w->n > 1 ? thing_find(t, w->w[0]) : NULL;
	if (!x)
		return false;
	if (x->host && (word_is(w, 1, "up") || word_is(w, 1, "down"))) {
		sim_host_up(x->host, word_is(w, 1, "up"));
		return true;
	}
	switch (x->kind) {
	case A_PBX: return pbx_act(t, x, w);
	case A_PHONE: return phone_act(t, x, w);
	case A_RAW: return raw_statement(t, x, w);
	case A_NET:
	case A_STUN: return false;
	}
	return false;
}
