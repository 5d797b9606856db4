/*
 * pbx/bridge.c: two channels hear each other. Where both agreed on a codec, both send in it; otherwise media
 * transcodes.
 */
#include "pbx/priv.h"

#include "base/trace.h"

/* Puts it first; a changed deal is a changed plan. */
static bool prefer(struct chan *c, enum codec codec)
{
	bool is_first = c->deal.n_codecs && c->deal.codecs[0].codec == codec,
	     has = is_first || sdp_deal_prefer(&c->deal, codec);

	if (has && !is_first)
		leg_media_apply(c, false);
	return has;
}

static void choose_codec(struct chan *a, struct chan *b)
{
	for (size_t i = 0; i < a->deal.n_codecs; i++) {
		enum codec c = a->deal.codecs[i].codec;

		if (!prefer(b, c))
			continue;
		prefer(a, c);
		return;
	}
}

static void look(struct chan *a, struct chan *b)
{
	moh_look(a);
	moh_look(b);
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
	choose_codec(a, b);
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
