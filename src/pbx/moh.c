/*
 * pbx/moh.c: music on hold. Who holds a call does not hear the other, and that one hears music, unless the endpoints
 * say that the hold is passed on, or that what the holder sends is heard. Where there is no music there is silence, in
 * packets: a NAT that sees none forgets the way.
 *
 * The files of a class follow each other; a leg goes on where its music was stopped. What another application plays
 * ends it. Of a channel that never heard music nothing is kept.
 */
#include <stdlib.h>

#include "base/trace.h"
#include "conf/music.h"
#include "pbx/priv.h"

#define LEAST_MS 20 /* what is shorter than a frame is no music */

struct moh {
	const struct conf_moh *class; /* of the channel's snapshot; NULL: silence */
	size_t file;
	ms_t since;       /* it plays */
	uint32_t from_ms; /* where it began then, or will begin */
	size_t failed;    /* files in a row */
	bool plays, by_hold;
};

/* ---- which music ---- */

static const struct conf_moh *usable(const struct chan *c, const char *name)
{
	const struct conf_moh *m = name ? conf_moh(c->conf, span_of(name)) : NULL;

	return m && m->files.n && (c->state == CHAN_UP || !m->answeredonly) ? m : NULL;
}

const struct conf_moh *moh_class(const struct chan *c, const char *suggested)
{
	const char *own = chan_music(c);
	bool own_first = c->conf->music->general.preferchannelclass;
	const char *names[] = { own_first ? own : suggested, own_first ? suggested : own, "default" };
	const struct conf_moh *m = NULL;

	for (size_t i = 0; !m && i < ARRAY_LEN(names); i++)
		m = usable(c, names[i]);
	return m;
}

/* ---- one leg ---- */

static size_t any_file(const struct chan *c, const struct conf_moh *class)
{
	return rng_below(&c->pbx->clock->rng, (uint32_t) class->files.n);
}

static void play(struct chan *c)
{
	struct moh *m = c->moh;
	const struct conf_moh *class = m->class;
	struct media_play what = { .source = SOURCE_SILENCE };

	if (class) {
		what.source = class->mode == MOH_TUNE ? SOURCE_TUNE : SOURCE_FILE;
		what.loops = class->files.n == 1 || (class->loop_last && m->file == class->files.n - 1);
		what.from_ms = m->from_ms;
		span_copy(span_of(class->files.v[m->file]), what.path, sizeof what.path);
	}
	m->since = c->pbx->clock->now;
	m->plays = true;
	leg_ring_tone(c, false);
	media_play(c->media, &what);
}

bool moh_play(struct chan *c, const struct conf_moh *class)
{
	struct moh *m = c->moh;

	if (!c->media)
		return false;
	if (!m)
		m = c->moh = xcalloc(1, sizeof *m);
	else if (m->plays && m->class == class)
		return true;
	if (m->class != class) {
		*m = (struct moh){ .class = class };
		if (class && (class->sort == MOH_RANDOM || class->sort == MOH_RANDSTART))
			m->file = any_file(c, class);
	}
	m->by_hold = false;
	m->failed = 0;
	play(c);
	return true;
}

void moh_forget(struct chan *c)
{
	struct moh *m = c->moh;

	if (!m || !m->plays)
		return;
	m->plays = m->by_hold = false;
	m->from_ms += (uint32_t)(c->pbx->clock->now - m->since);
}

void moh_stop(struct chan *c)
{
	if (c->moh && c->moh->plays && c->media)
		leg_play(c, &(struct media_play){ .source = SOURCE_NONE });
}

static void give_up(struct chan *c)
{
	struct moh *m = c->moh;

	trace(EV_MEDIA_WARN, c->name, "no music on hold: no file of the class '%s' could be played", m->class->o.name);
	m->class = NULL;
	play(c);
}

bool moh_played(struct chan *c, bool ok)
{
	struct moh *m = c->moh;

	if (!m || !m->plays || !m->class)
		return false;
	m->failed = ok && c->pbx->clock->now - m->since >= LEAST_MS ? 0 : m->failed + 1;
	m->from_ms = 0;
	if (m->class->sort == MOH_RANDOM)
		m->file = any_file(c, m->class);
	else
		m->file = (m->file + 1) % m->class->files.n;
	if (m->failed < m->class->files.n)
		play(c);
	else
		give_up(c);
	return true;
}

/* ---- two legs ---- */

bool moh_passes(const struct chan *c)
{
	const char *set = vars_get(&c->vars, SPAN(CHAN_MOH_PASSES));

	return set ? set[0] == 'y' : c->ep->moh_passthrough;
}

static void say_why_not(const struct chan *c)
{
	trace(EV_MEDIA_WARN, c->name, "no music on hold: %s",
	      c->conf->music->is_missing ? "there is no musiconhold.conf"
					 : "neither its class of music nor [default] of musiconhold.conf has files");
}

static void entertain(struct chan *c, const struct chan *holder)
{
	const struct conf_moh *class = moh_class(c, holder->ep->moh_suggest);

	if (c->moh && c->moh->by_hold)
		return;
	if (!class && c->conf->hairpin.compat_asterisk)
		return;
	if (!class && !c->moh)
		say_why_not(c);
	if (moh_play(c, class))
		c->moh->by_hold = true;
}

static bool is_held_by(const struct chan *c, const struct chan *holder)
{
	return holder && holder->held && holder->state == CHAN_UP && c->state == CHAN_UP && !c->gone;
}

void moh_look(struct chan *c)
{
	const struct chan *holder = c->peer_chan;
	bool held = is_held_by(c, holder), passes = held && moh_passes(c);

	leg_pass_hold(c, passes);
	if (held && !passes && !holder->ep->suppress_moh_on_sendonly)
		entertain(c, holder);
	else if (c->moh && c->moh->by_hold)
		moh_stop(c);
}
