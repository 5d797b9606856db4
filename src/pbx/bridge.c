/*
 * pbx/bridge.c: two channels hear each other. Where both agreed on a codec, both send in it; otherwise media
 * transcodes.
 */
#include "pbx/priv.h"

#include "base/trace.h"

static void choose_codec(struct chan *a, struct chan *b)
{
	for (size_t i = 0; i < a->deal.n_codecs; i++) {
		enum codec c = a->deal.codecs[i].codec;

		if (!sdp_deal_prefer(&b->deal, c))
			continue;
		sdp_deal_prefer(&a->deal, c);
		return;
	}
}

void bridge_join(struct chan *a, struct chan *b)
{
	if (a->peer_chan == b)
		return;
	bridge_part(a);
	bridge_part(b);
	a->peer_chan = b;
	b->peer_chan = a;
	if (!a->media || !b->media)
		return;
	choose_codec(a, b);
	leg_media_apply(a, false);
	leg_media_apply(b, false);
	media_join(a->media, b->media);
	trace(EV_BRIDGE, a->name, "joined with %s", b->name);
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
}
