/* nat/lint_media.c: rules of rtp.conf and of what holds for all: the range of ports, who is believed, connections. */
#include <stdio.h>

#include "nat/priv.h"

static void number(char text[24], size_t n)
{
	snprintf(text, 24, "%zu", n);
}

/* In the busy hour, a call for each four phones at most; unless max_calls says how many. */
static size_t expected_calls(const struct rules *r)
{
	size_t phones = 0;

	if (conf_written(&r->c->hairpin.o, "hairpin", "max_calls"))
		return r->c->hairpin.max_calls;
	for (size_t i = 0; i < r->c->n_endpoints; i++)
		phones += takes_registrations(&r->c->endpoints[i]);
	return MAX(phones / 4, 1);
}

static void ports(struct rules *r)
{
	const struct conf_rtp *rtp = &r->c->rtp;
	struct conf_obj absent = { "general", "rtp.conf" };
	const struct conf_obj *o = rtp->o.file ? &rtp->o : &absent;
	size_t calls = (rtp->rtpend - rtp->rtpstart + 1) / 4, expected = expected_calls(r);
	char start[24], end[24], have[24], want[24];

	number(start, rtp->rtpstart);
	number(end, rtp->rtpend);
	number(have, calls);
	number(want, expected);
	if (!conf_written(&rtp->o, "rtp", "rtpstart") && !conf_written(&rtp->o, "rtp", "rtpend"))
		say(r, &(struct says){ NAT021, o }, start, end, NULL);
	if (calls < expected)
		say(r, &(struct says){ NAT022, o, conf_written(&rtp->o, "rtp", "rtpend") ? "rtpend" : "rtpstart" },
		    start, end, have, want, NULL);
}

/* SIP listens before the first call, so audio takes other ports (media/ports.c). */
static void shared(struct rules *r, const struct conf_transport *t)
{
	const struct conf_rtp *rtp = &r->c->rtp;
	char port[24], start[24], end[24];

	if (t->protocol != PROTO_UDP || t->bind.port < rtp->rtpstart || t->bind.port > rtp->rtpend)
		return;
	number(port, t->bind.port);
	number(start, rtp->rtpstart);
	number(end, rtp->rtpend);
	say(r, &(struct says){ NAT079, &t->o, "bind" }, t->o.name, port, start, end, NULL);
}

static bool is_exposed(const struct rules *r)
{
	for (size_t i = 0; i < r->c->n_transports; i++)
		if (has_external(&r->c->transports[i]) || is_public(r, &r->c->transports[i]))
			return true;
	return false;
}

static void bleed(struct rules *r)
{
	if (r->c->rtp.strictrtp != STRICTRTP_NO || !is_exposed(r))
		return;
	for (size_t i = 0; i < r->c->n_endpoints; i++)
		if (r->c->endpoints[i].rtp_symmetric) {
			say(r, &(struct says){ NAT023, &r->c->rtp.o, "strictrtp", "strictrtp", "yes" },
			    r->c->endpoints[i].o.name, NULL);
			return;
		}
}

static bool has_connections(const struct rules *r)
{
	for (size_t i = 0; i < r->c->n_transports; i++)
		if (r->c->transports[i].protocol != PROTO_UDP)
			return true;
	return conf_left_out(r->c, 0) != NULL;
}

void lint_media(struct rules *r)
{
	ports(r);
	for (size_t i = 0; i < r->c->n_transports; i++)
		shared(r, &r->c->transports[i]);
	bleed(r);
	if (r->c->rtp.ice_host_candidates.file && *r->c->rtp.stunaddr)
		say(r, &(struct says){ NAT025, &r->c->rtp.o, "stunaddr" }, NULL);
	if (!r->c->global.keep_alive_interval && has_connections(r))
		say(r, &(struct says){ NAT032, &r->c->global.o, "keep_alive_interval", "keep_alive_interval", "90" },
		    NULL);
}
