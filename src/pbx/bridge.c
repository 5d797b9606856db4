/*
 * pbx/bridge.c: two channels hear each other. Where both agreed on a codec, both send in it; otherwise media
 * transcodes.
 */
#include "base/trace.h"
#include "pbx/transfer.h"

/* Puts it first; a changed deal is a changed plan. */
static bool prefer(struct chan *c, enum codec codec)
{
	bool is_first = c->deal.n_codecs && c->deal.codecs[0].codec == codec,
	     has = is_first || sdp_deal_prefer(&c->deal, codec);

	if (has && !is_first)
		leg_media_apply(c, false);
	return has;
}

static bool prefer_common(struct chan *a, struct chan *b)
{
	for (size_t i = 0; i < a->deal.n_codecs; i++) {
		enum codec c = a->deal.codecs[i].codec;

		if (!prefer(b, c))
			continue;
		prefer(a, c);
		return true;
	}
	return false;
}

static bool prefer_convertible(struct chan *c)
{
	for (size_t i = 0; i < c->deal.n_codecs; i++)
		if (leg_media_converts(c->deal.codecs[i].codec))
			return prefer(c, c->deal.codecs[i].codec);
	return false;
}

/* Those that a transfer has brought together may have agreed on codecs that never meet: one of them agrees anew. */
void bridge_choose_codec(struct chan *a, struct chan *b)
{
	if (!a->has_deal || !b->has_deal || prefer_common(a, b))
		return;
	if (prefer_convertible(a) && prefer_convertible(b))
		return;
	if ((a->moves && transfer_recode(a, b)) || (b->moves && transfer_recode(b, a)))
		return;
	trace(EV_MEDIA_WARN, a->name, "no codec in common with %s: they do not hear each other", b->name);
}

static void look(struct chan *a, struct chan *b)
{
	moh_look(a);
	moh_look(b);
	chan_changed(a);
	chan_changed(b);
}

void bridge_join(struct chan *a, struct chan *b)
{
	if (a->peer_chan == b) {
		look(a, b);
		return;
	}
	bridge_part(a);
	bridge_part(b);
	a->peer_chan = b;
	b->peer_chan = a;
	if (!a->media || !b->media)
		return;
	bridge_choose_codec(a, b);
	media_join(a->media, b->media);
	trace(EV_BRIDGE, a->name, "joined with %s", b->name);
	look(a, b);
}

void bridge_part(struct chan *c)
{
	struct chan *other = c->peer_chan;

	if (!other)
		return;
	c->peer_chan = other->peer_chan = NULL;
	if (c->media && other->media)
		media_part(c->media);
	trace(EV_BRIDGE, c->name, "parted from %s", other->name);
	look(c, other);
}
