/*
 * media/crypt.c: a stream whose packets are encrypted: its keys, and what happens to packets that they do not open.
 * What fails here is never shown to the latch: a stranger cannot move a stream whose key he does not have.
 */
#include <stdlib.h>
#include <string.h>

#include "media/priv.h"

struct crypt *crypt_new(const struct srtp_key *in, const struct srtp_key *out, bool replays)
{
	struct crypt *c = xcalloc(1, sizeof *c);

	c->in = in ? srtp_new(in, replays) : NULL;
	c->out = out ? srtp_new(out, replays) : NULL;
	return c;
}

void crypt_free(struct crypt *c)
{
	if (!c)
		return;
	srtp_free(c->in);
	srtp_free(c->out);
	free(c);
}

static void take_over(struct srtp **have, struct srtp **fresh)
{
	if (!*fresh)
		return;
	srtp_free(*have);
	*have = *fresh;
	*fresh = NULL;
}

void crypt_merge(struct crypt **have, struct crypt *fresh)
{
	if (!fresh || !*have) {
		crypt_free(*have);
		*have = fresh;
		return;
	}
	take_over(&(*have)->in, &fresh->in);
	take_over(&(*have)->out, &fresh->out);
	crypt_free(fresh);
}

bool crypt_open(struct stream *s, struct span *bytes, uint8_t room[PACKET_MAX], bool rtcp)
{
	struct crypt *c = s->crypt;
	enum srtp_say say = SRTP_FORGED;
	size_t n = bytes->n;

	if (!c->in ||
	    n > PACKET_MAX) /* before the keys are agreed on, nobody's packets can be told from a stranger's */
		return false;
	memcpy(room, bytes->p, n);
	say = srtp_open(c->in, room, &n, rtcp);
	c->forged += say == SRTP_FORGED;
	c->replayed += say == SRTP_REPLAYED;
	if (say != SRTP_OPENED)
		s->w->dropped++;
	*bytes = (struct span){ (const char *)room, n };
	return say == SRTP_OPENED;
}

size_t crypt_seal(struct stream *s, uint8_t *packet, size_t n, bool rtcp)
{
	return s->crypt->out ? srtp_seal(s->crypt->out, packet, n, rtcp) : 0;
}
