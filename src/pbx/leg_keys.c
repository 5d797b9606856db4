/*
 * pbx/leg_keys.c: the SRTP keys of a leg (media_encryption=sdes): ours, made when they are first needed and kept while
 * the suite stays; theirs, as SDP says. Media is told what has changed, so that counters go on where a key does.
 */
#include "pbx/priv.h"

#include <stdlib.h>

struct leg_keys {
	struct srtp_key ours, in, out; /* in, out: what media has */
	bool has_in, has_out;
	bool secure; /* media takes nothing plain */
};

void leg_keys_free(struct chan *c)
{
	if (!c->keys)
		return;
	explicit_bzero(c->keys, sizeof *c->keys);
	free(c->keys);
	c->keys = NULL;
	c->local.key = NULL;
}

/* Ours in this suite. */
static void make_ours(struct chan *c, uint8_t suite)
{
	if (!c->keys)
		c->keys = xcalloc(1, sizeof *c->keys);
	if (c->local.key && c->keys->ours.suite == suite)
		return;
	c->keys->ours = (struct srtp_key){ .suite = suite };
	rng_bytes(&c->pbx->clock->rng, c->keys->ours.bytes, srtp_key_bytes(suite) + SRTP_SALT);
	c->local.key = &c->keys->ours;
}

static void tell(struct chan *c, const struct srtp_key *in)
{
	struct leg_keys *k = c->keys;
	bool fresh_in = in && !(k->has_in && srtp_key_eq(in, &k->in));
	bool fresh_out = !k->has_out || !srtp_key_eq(&k->ours, &k->out);

	if (k->secure && !fresh_in && !fresh_out)
		return;
	media_secure(c->media, fresh_in ? in : NULL, fresh_out ? &k->ours : NULL);
	k->secure = k->has_out = true;
	k->out = k->ours;
	if (fresh_in)
		k->in = *in;
	k->has_in |= fresh_in;
}

void leg_keys_renew(struct chan *c)
{
	c->local.key = NULL;
}

void leg_keys_offer(struct chan *c)
{
	if (!c->caps.srtp || !c->media)
		return;
	if (!c->local.key)
		make_ours(c, c->ep->srtp_tag_32 ? SRTP_AES128_32 : SRTP_AES128_80);
	if (!c->caps.optional)
		tell(c, NULL); /* until the answer is here nobody is heard, rather than anybody */
}

void leg_keys_offered(struct chan *c)
{
	if (c->deal.crypt)
		make_ours(c, c->deal.crypt->key.suite);
}

void leg_keys_apply(struct chan *c)
{
	struct leg_keys *k = c->keys;

	if (c->deal.crypt) {
		tell(c, &c->deal.crypt->key);
	} else if (k && k->secure) {
		media_unsecure(c->media);
		k->secure = k->has_in = k->has_out = false;
		leg_keys_renew(c); /* not a second time: its counter would begin anew */
	}
}
