/*
 * pbx/app_pickup.c: a phone that rings is answered at another one: Pickup(), PickupChan(), and the number of
 * features.conf (pickupexten). Who takes the call loses its own dialplan run, as in Asterisk: it is the callee then.
 */
#include <string.h>

#include "base/trace.h"
#include "conf/features.h"
#include "pbx/transfer.h"

/* What is looked for, among the legs that ring. */
struct wanted {
	const struct chan *by;
	struct span exten, context; /* that the caller has dialled; exten empty: not by that */
	struct span mark;           /* its variable PICKUPMARK */
	struct span name;           /* of its channel, or what that begins with */
	bool by_group;
};

/* Do two lists of names have one in common? */
static bool share_name(const char *a, const char *b)
{
	struct span left = span_of(a), one, other;

	while (span_cut(&left, ',', &one))
		for (struct span right = span_of(b); span_cut(&right, ',', &other);)
			if (span_trim(one).n && span_ieq(span_trim(one), span_trim(other)))
				return true;
	return false;
}

static bool in_group(const struct chan *leg, const struct chan *by)
{
	const struct conf_pickup *its = leg->ep->pickup, *mine = by->ep->pickup;

	return its && mine && (its->call & mine->pickup || share_name(its->named_call, mine->named_pickup));
}

/* "PJSIP/6001" names PJSIP/6001-00000007; a whole name does, too. */
static bool is_named(const struct chan *leg, struct span name)
{
	struct span whole = span_of(leg->name);

	return name.n && span_istarts(whole, name) && (whole.n == name.n || whole.p[name.n] == '-');
}

/* What the leg has, or would have from its caller: a leg is given variables only when a step of its own may read them.
 */
static const char *mark_of(const struct chan *leg, const struct chan *caller)
{
	const char *mark = vars_get(&leg->vars, SPAN("PICKUPMARK"));

	if (!mark)
		mark = vars_get(&caller->vars, SPAN("_PICKUPMARK"));
	return mark ? mark : vars_get(&caller->vars, SPAN("__PICKUPMARK"));
}

static bool is_wanted(const struct wanted *w, struct chan *leg)
{
	const struct dp *caller = dial_calls(leg);
	const char *mark;

	if (leg == w->by || leg->gone || !caller || caller->chan == w->by)
		return false;
	if (w->by_group)
		return in_group(leg, w->by);
	if (w->name.n)
		return is_named(leg, w->name);
	mark = w->mark.n ? mark_of(leg, caller->chan) : NULL;
	if (w->mark.n)
		return mark && span_is(w->mark, mark);
	return span_is(w->exten, caller->exten_name) && span_is(w->context, caller->ctx_name);
}

/* The one that has rung longest. */
static struct chan *find(const struct wanted *w)
{
	list_for(l, &w->by->pbx->chans) {
		struct chan *leg = list_entry(l, struct chan, link);

		if (is_wanted(w, leg))
			return leg;
	}
	return NULL;
}

static void take(struct chan *c, struct chan *leg)
{
	trace(EV_CALL_STATE, c->name, "picks up the call of %s", leg->name);
	dp_free(&c->dp);
	c->on_event = NULL;
	transfer_replace(leg, c);
}

static void due(struct timer *t, ms_t now UNUSED)
{
	struct moves *m = container_of(t, struct moves, pickup);
	struct chan *leg = NULL;

	list_for(l, &m->of->pbx->chans)
		if (list_entry(l, struct chan, link)->id.number == m->picked)
			leg = list_entry(l, struct chan, link);
	if (m->of->gone)
		return;
	if (leg && !leg->gone && dial_calls(leg))
		take(m->of, leg);
	else
		chan_hangup(m->of, 31); /* it was answered, or has ended, in this very moment */
}

/* ---- the number of features.conf ---- */

bool leg_is_pickup(const struct chan *c)
{
	const char *exten = conf_features(c->conf)->pickupexten;

	return c->ep->pickup && exten[0] && strcmp(c->dialed, exten) == 0;
}

void leg_pickup(struct chan *c)
{
	struct chan *leg = find(&(struct wanted){ .by = c, .by_group = true });

	if (leg)
		take(c, leg);
	else
		chan_hangup(c, 21);
}

/* ---- applications ---- */

/* Not from inside the application: the run ends. */
static enum app_say take_soon(struct dp *dp, const struct chan *leg)
{
	struct moves *m = moves_of(dp->chan);

	if (dp->is_sub) {
		trace(EV_DP_WARN, dp->chan->name, "%s: a Dial has this leg, and only lends it to the subroutine",
		      dp->app->name);
		return APP_NEXT;
	}
	m->picked = leg->id.number;
	m->pickup.fire = due;
	clock_in(dp->chan->pbx->clock, &m->pickup, 0);
	return APP_WAIT;
}

static enum app_say none(const struct dp *dp)
{
	trace(EV_DP_SAY, dp->chan->name, "%s: nothing rings there", dp->app->name);
	return APP_NEXT;
}

/* Pickup([extension[@context]][&...]); @PICKUPMARK: by that variable */
static enum app_say pickup(struct dp *dp, struct span args)
{
	struct span all = args, one;
	struct chan *leg = NULL;

	if (!span_trim(args).n)
		leg = find(&(struct wanted){ .by = dp->chan, .by_group = true });
	while (!leg && span_cut(&all, '&', &one)) {
		struct wanted w = { .by = dp->chan };
		struct span context = span_trim(one);

		span_cut(&context, '@', &w.exten);
		w.context = context.n ? context : span_of(dp->ctx_name);
		if (span_iis(context, "PICKUPMARK"))
			w.mark = w.exten;
		if (w.exten.n)
			leg = find(&w);
	}
	return leg ? take_soon(dp, leg) : none(dp);
}

/* PickupChan(channel[&...][,p]) */
static enum app_say pickupchan(struct dp *dp, struct span args)
{
	struct span all = dp_arg(args, 0), one;
	struct chan *leg = NULL;

	while (!leg && span_cut(&all, '&', &one))
		leg = find(&(struct wanted){ .by = dp->chan, .name = span_trim(one) });
	return leg ? take_soon(dp, leg) : none(dp);
}

static enum app_say wait(struct dp *dp UNUSED, const struct chan_event *ev UNUSED)
{
	return APP_WAIT;
}

const struct app app_pickup = { .name = "Pickup",
				.help = "Pickup([exten[@context][&...]]): answers what rings there, or in one's group.",
				.start = pickup,
				.event = wait };
const struct app app_pickupchan = { .name = "PickupChan",
				    .help = "PickupChan(PJSIP/6001[&...]): answers what rings there.",
				    .start = pickupchan,
				    .event = wait };
