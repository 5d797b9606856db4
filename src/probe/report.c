/* probe/report.c: what the probe found, for people, with the codes of docs/findings.md. */
#include "probe/priv.h"

static const char *says(const struct probe_port *p)
{
	return p->arrives == PROBE_YES      ? "arrives"
	       : p->arrives == PROBE_NO     ? "does NOT arrive"
	       : p->arrives == PROBE_IN_USE ? "is in use here: not tried"
					    : "not known";
}

static void out_port(struct out *o, const struct probe_port *p)
{
	char seen[ADDR_STRLEN];

	out_fmt(o, "  %-5s %5u  %s", p->sip ? "SIP" : "RTP", p->port, says(p));
	if (p->answer[0]) {
		out_str(o, " (");
		out_shown(o, span_of(p->answer));
		out_char(o, ')');
	}
	if (p->seen.family)
		out_fmt(o, "; what it sends comes from %s", addr_str(&p->seen, seen));
	out_char(o, '\n');
}

static void out_sip(struct out *o, const char *direction, enum probe_says s, bool changed)
{
	out_fmt(o, "  SIP   %s  %s\n", direction,
		s == PROBE_YES ? "as it was written"
		: changed      ? "CHANGED on the way"
			       : "does not arrive");
}

static bool is_kept(const struct probe_port *p)
{
	return !p->seen.family || p->seen.port == p->port;
}

int probe_report_out(const struct probe_report *r, struct out *o)
{
	bool closed = false, moved = false, changed = r->sip_out == PROBE_NO || r->sip_in == PROBE_NO;
	char seen[ADDR_STRLEN];

	if (!r->reached) {
		out_str(o, "Nothing answers: is `hairpin probe --listen` running there, with this key, and may UDP go "
			   "there?\n");
		return 1;
	}
	out_fmt(o, "It sees us as %s, %lld ms away\n", addr_str(&r->seen, seen), (long long)r->rtt);
	for (size_t i = 0; i < r->n_ports; i++) {
		out_port(o, &r->ports[i]);
		closed |= r->ports[i].arrives == PROBE_NO;
		moved |= !is_kept(&r->ports[i]);
	}
	out_sip(o, "out  ", r->sip_out, r->changed[0]);
	out_sip(o, "in   ", r->sip_in, r->changed[0]);
	if (closed)
		out_str(o, "NAT051: what is sent to these ports from outside does not arrive: let the router forward "
			   "them to this "
			   "host,\n  and its firewall let them in.\n");
	if (moved)
		out_str(o, "NAT064: the router changes ports: forward them as they are, or set "
			   "external_signaling_address=auto "
			   "and\n  external_media_address=auto.\n");
	if (changed && r->changed[0]) {
		out_str(o, "NAT052: a SIP ALG changes messages; what arrived: ");
		out_shown(o, span_of(r->changed));
		out_char(o, '\n');
	}
	if (!closed && !moved && !changed)
		out_str(o, "All is well from there.\n");
	return closed || moved || changed;
}
