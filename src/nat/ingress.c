/*
 * nat/ingress.c: the door in. What a peer says about itself is only believed where its packets don't say better: a
 * response goes back to where the request came from, and a Contact (or the nearest Record-Route) gives way to the
 * source. Both are decisions only: who asks does the writing.
 */
#include "nat/nat.h"

#define SIP_PORT 5060

struct nat_via nat_via(const struct nat_via_ask *ask)
{
	struct nat_via say = { .add_rport = ask->has_rport || ask->force_rport };
	uint16_t port = ask->port ? ask->port : SIP_PORT;
	struct addr host;

	/* RFC 3261 18.2.1: when sent-by is not the source; RFC 3581 4: always beside rport. */
	say.add_received = say.add_rport || !addr_parse_ip(ask->host, &host) || !addr_ip_eq(&host, &ask->src);
	if (ask->reliable)
		say.to = addr_with_port(&ask->src, port);
	else if (ask->maddr.family && !ask->force_rport) /* else anybody could have us answer whom they like */
		say.to = addr_with_port(&ask->maddr, port);
	else if (say.add_rport)
		say.to = ask->src;
	else
		say.to = addr_with_port(&ask->src, port);
	return say;
}

enum nat_rewrite nat_contact_rule(const struct nat_contact_ask *ask)
{
	enum nat_rewrite contact = ask->contact_is_sip ? NAT_REWRITE_CONTACT : NAT_KEEP;

	if (!ask->rewrite_contact)
		return NAT_KEEP;
	if (!ask->is_request && !ask->in_dialog) /* nobody's: the answer to our REGISTER or OPTIONS */
		return NAT_KEEP;
	if (ask->is_register)
		return contact;
	if (ask->has_record_route)
		return NAT_REWRITE_ROUTE;
	return ask->in_dialog && ask->dialog_has_routes ? NAT_KEEP : contact;
}

bool nat_is_seen(const struct nat_seen *s)
{
	uint16_t port = s->via_port ? s->via_port : SIP_PORT;
	struct addr via, contact;

	if (s->n_vias != 1 || !addr_parse_ip(s->via_host, &via) || !addr_parse_ip(s->contact_host, &contact))
		return false;
	if (!addr_ip_eq(&contact, &via) && !addr_ip_eq(&contact, &s->src))
		return false;
	if (!addr_ip_eq(&via, &s->src))
		return true;
	return s->tls || (!s->reliable && s->has_rport && port != s->src.port);
}
