/*
 * pbx/dial_transfer.c: what a transfer asks of a Dial: whom it has joined its caller with, to let go of them, to go on
 * with another caller, to take another leg for the one that rings.
 */
#include "pbx/cdr.h"
#include "pbx/dial.h"
#include "pbx/transfer.h"

static struct dial *dial_of(const struct chan *c)
{
	return c->dp && c->dp->app == &app_dial ? dp_state(c->dp) : NULL;
}

struct chan *dial_with(const struct chan *c)
{
	const struct dial *s = dial_of(c);

	return s && !s->prepares ? s->with : NULL;
}

bool dial_runs(const struct dp *dp)
{
	return dp->app == &app_dial;
}

bool dial_rings(const struct dp *dp)
{
	const struct dial *s = dial_of(dp->chan);

	return s && !s->answered && s->n;
}

void dial_takes(struct chan *c, struct chan *now)
{
	struct dial *s = dial_with(c) ? dial_of(c) : NULL;

	if (!s)
		return;
	if (s->n)
		s->legs[0]->on_event = NULL;
	s->n = 0;
	s->with = now;
	features_forget(s->features);
	if (!now)
		clock_stop(c->pbx->clock, &c->dp->timer);
}

const struct dp *dial_calls(const struct chan *leg)
{
	const struct dial *s = leg->on_event == dial_leg_event ? leg->arg : NULL;

	return s && !s->answered && leg->state != CHAN_UP ? s->dp : NULL;
}

void dial_answers(struct chan *leg, struct chan *other)
{
	struct chan_event ev = { .kind = CH_ANSWERED };
	struct dial *s = leg->arg;

	for (size_t i = 0; i < s->n; i++)
		if (s->legs[i] == leg)
			s->legs[i] = other;
	leg->on_event = NULL;
	cdr_picked_up(leg, other);
	other->on_event = dial_leg_event;
	other->arg = s;
	chan_tell(other, &ev);
}

void dial_moved(struct dp *dp, const struct chan *from)
{
	struct dial *s = dp_state(dp);

	features_moved(s->features, dp->chan);
	if (s->early)
		bridge_join(dp->chan, from->peer_chan ? from->peer_chan : s->legs[0]);
	else if (s->music)
		s->music = moh_play(dp->chan, moh_class(dp->chan, NULL));
	else if (from->ringing_sent || from->ring_tone)
		leg_ring_tone(dp->chan, true);
}
