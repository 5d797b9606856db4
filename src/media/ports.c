/*
 * media/ports.c: a pair of ports out of a range: RTP on an even one, RTCP above it. The start is drawn at random, so
 * that nobody can guess where the next call will listen; from there upwards, and round the end, until both can be
 * bound.
 */
#include <errno.h>

#include "media/priv.h"

static int open_one(const struct media_io *io, const struct addr *bind, unsigned port, struct sock *k)
{
	struct addr at = addr_with_port(bind, (uint16_t)port);
	int err = io->open(io->arg, &at, &k->id);

	k->open = err == 0;
	return err;
}

static int open_pair(const struct media_io *io, const struct ports_ask *ask, unsigned port, struct stream *s)
{
	int err = open_one(io, &ask->bind, port, &s->rtp);

	if (err || ask->mux)
		return err;
	err = open_one(io, &ask->bind, port + 1, &s->rtcp);
	if (err) {
		io->close(io->arg, s->rtp.id);
		s->rtp.open = false;
	}
	return err;
}

int ports_open(const struct media_io *io, struct rng *rng, const struct ports_ask *ask, struct stream *s)
{
	unsigned first = (ask->start + 1u) & ~1u, last = ask->end - (ask->mux ? 0u : 1u);
	unsigned pairs = last >= first && ask->end ? (last - first) / 2 + 1 : 0, at;
	int err = -EADDRINUSE;

	if (!pairs)
		return -EINVAL;
	at = rng_below(rng, pairs);
	for (unsigned tries = 0; tries < pairs && err == -EADDRINUSE; tries++) {
		unsigned port = first + (at + tries) % pairs * 2;

		err = open_pair(io, ask, port, s);
		s->local = addr_with_port(&ask->bind, (uint16_t)port);
	}
	return err;
}
