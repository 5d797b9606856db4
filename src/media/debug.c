/*
 * media/debug.c: "rtp set debug": one line for each packet, as Asterisk has it, and behind it what Asterisk does not
 * say: whose leg, whether its source is learned, and where the SDP, the packets and our answers disagree. And packets
 * as they are, for a capture file.
 */
#include <stdio.h>

#include "media/priv.h"

static const char *const states[] = {
	[LATCH_OPEN] = "any source", [LATCH_LEARN] = "learning", [LATCH_CLOSED] = "learned"
};

/* ", a private address": nobody behind another router can be reached there. */
static void put_class(struct out *o, const struct addr *a)
{
	enum addr_class c = addr_class(a);

	if (c != ADDR_GLOBAL && c != ADDR_NONE)
		out_fmt(o, ", a %s address", addr_class_name(c));
}

static void put_received(struct out *o, const struct stream *s, const struct addr *from)
{
	const struct addr *sdp = &s->st.sdp_addr;
	char text[ADDR_STRLEN];

	if (sdp->family && !addr_eq(from, sdp)) {
		out_fmt(o, "; its SDP says %s", addr_str(sdp, text));
		put_class(o, sdp);
	}
}

static void put_sent(struct out *o, const struct stream *s, const struct addr *to)
{
	char text[ADDR_STRLEN];

	out_str(o, addr_eq(to, &s->st.sdp_addr) ? ", as its SDP says" : ", where it sends from");
	put_class(o, to);
	if (s->st.rx_packets && !addr_eq(to, &s->st.rx_source))
		out_fmt(o, "; its audio comes from %s", addr_str(&s->st.rx_source, text));
	else if (!s->st.rx_packets)
		out_str(o, "; nothing came from it yet");
}

void debug_packet(struct stream *s, enum debug_what what, const struct addr *peer, const struct rtp *r)
{
	const struct addr *only = &s->w->debug_ip;
	struct media_event ev = { .kind = MEDIA_DEBUG, .from = *peer };
	struct out o = out_fixed(ev.text, sizeof ev.text - 1);
	char text[ADDR_STRLEN], line[96];

	if (only->family && (!addr_ip_eq(only, peer) || (only->port && only->port != peer->port)))
		return;
	snprintf(line, sizeof line, "(type %02u, seq %06u, ts %06u, len %06zu) ", r->pt, r->seq, r->ts, r->payload.n);
	out_fmt(&o, "%s %s %s%s", what == DEBUG_SENT ? "Sent RTP packet to     " : "Got  RTP packet from   ",
		addr_str(peer, text), line, s->name);
	if (what != DEBUG_SENT)
		out_fmt(&o, " %s", what == DEBUG_DROPPED ? "dropped: not the learned source" : states[s->latch.state]);
	if (what == DEBUG_SENT)
		put_sent(&o, s, peer);
	else
		put_received(&o, s, peer);
	worker_event(s, &ev, 0);
}

void capture_packet(struct stream *s, const struct addr *from, const struct addr *to, struct span bytes)
{
	worker_event(s, &(struct media_event){ .kind = MEDIA_PACKET, .from = *from, .to = *to, .packet = bytes }, 0);
}
