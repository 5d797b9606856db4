/*
 * media/ask.c: a STUN server is asked from a stream's own ports (RFC 8489): a NAT may map them otherwise than the SIP
 * socket, or than their numbers say. What belongs to the question is taken out before the latch sees it.
 */
#include <string.h>

#include "media/priv.h"

static void ask(struct stream *s, struct sock *k, const uint8_t tx[STUN_TX])
{
	char bytes[STUN_HEADER];
	struct out o = out_fixed(bytes, sizeof bytes);

	stun_write_request(&o, tx);
	s->w->send(s->w, k, &s->asked->server, out_look(&o));
}

void stream_ask(struct stream *s, const struct cmd *c)
{
	if (!s->asked)
		s->asked = xcalloc(1, sizeof *s->asked);
	if (!addr_eq(&s->asked->server, &c->ip)) { /* else the same question once more */
		memcpy(s->asked->tx, c->tx, sizeof s->asked->tx);
		s->asked->server = c->ip;
	}
	ask(s, &s->ports->rtp, s->asked->tx[0]);
	if (s->ports->rtcp.open)
		ask(s, &s->ports->rtcp, s->asked->tx[1]);
}

bool stream_answered(struct sock *k, const struct arrival *p)
{
	struct stream *s = k->ports->stream;
	struct media_event ev = { .kind = MEDIA_STUN, .ok = !k->is_rtcp };
	struct stun_answer a;

	if (!s->asked || !addr_eq(&p->from, &s->asked->server) || !stun_read_response(p->bytes, &a) ||
	    memcmp(a.tx, s->asked->tx[k->is_rtcp], sizeof a.tx) != 0)
		return false;
	ev.from = a.mapped;
	if (a.mapped.family)
		worker_event(s, &ev, 0);
	return true;
}
