/* nat/behave.c: how the NAT before us behaves. */
#include "nat/behave.h"

const char *nat_depends_name(enum nat_depends d)
{
	static const char *const names[] = {
		[NAT_NOT_KNOWN] = "not known",
		[NAT_NONE] = "none",
		[NAT_ON_NOTHING] = "endpoint-independent",
		[NAT_ON_ADDRESS] = "address-dependent",
		[NAT_ON_PORT] = "address- and port-dependent",
		[NAT_ON_DESTINATION] = "depends on the destination",
	};

	return names[d];
}

bool nat_behave_begin(struct nat_behave *b, const struct stun_answer *a, const struct addr *server,
		      const struct addr *own)
{
	bool useful = a->other.family == server->family && !addr_ip_eq(&a->other, server) &&
		      a->other.port != server->port && a->other.port;

	*b = (struct nat_behave){ .server = *server, .other = a->other, .mapped = a->mapped };
	if (addr_eq(&a->mapped, own)) {
		b->mapping = NAT_NONE;
		b->test = NAT_TEST_DONE;
		return false;
	}
	b->test = useful ? NAT_FILTER_ADDRESS : NAT_TEST_DONE;
	return useful;
}

struct addr nat_behave_write(struct nat_behave *b, struct out *o)
{
	b->sends++;
	switch (b->test) {
	case NAT_FILTER_ADDRESS: stun_write_change(o, b->tx, true, true); return b->server;
	case NAT_FILTER_PORT: stun_write_change(o, b->tx, false, true); return b->server;
	case NAT_MAP_ADDRESS: stun_write_request(o, b->tx); return addr_with_port(&b->other, b->server.port);
	case NAT_MAP_PORT: stun_write_request(o, b->tx); return b->other;
	default: return (struct addr){ 0 };
	}
}

/* RFC 5780 4.4: an answer from an address that nothing was sent to shows that the filter lets it through. */
static enum nat_test after_filter(struct nat_behave *b, bool answered)
{
	if (!answered && b->test == NAT_FILTER_ADDRESS)
		return NAT_FILTER_PORT;
	b->filtering = b->test == NAT_FILTER_ADDRESS ? NAT_ON_NOTHING : answered ? NAT_ON_ADDRESS : NAT_ON_PORT;
	return NAT_MAP_ADDRESS;
}

/* RFC 5780 4.3 */
static enum nat_test after_map(struct nat_behave *b, const struct addr *mapped)
{
	if (!mapped)
		return NAT_TEST_DONE;
	if (b->test == NAT_MAP_PORT) {
		b->mapping = addr_eq(mapped, &b->seen) ? NAT_ON_ADDRESS : NAT_ON_PORT;
		return NAT_TEST_DONE;
	}
	b->seen = *mapped;
	b->mapping = addr_eq(mapped, &b->mapped) ? NAT_ON_NOTHING : NAT_ON_DESTINATION;
	return b->mapping == NAT_ON_NOTHING ? NAT_TEST_DONE : NAT_MAP_PORT;
}

void nat_behave_next(struct nat_behave *b, const struct addr *mapped)
{
	bool filter = b->test == NAT_FILTER_ADDRESS || b->test == NAT_FILTER_PORT;

	b->sends = 0;
	if (b->test != NAT_TEST_NONE && b->test != NAT_TEST_DONE)
		b->test = filter ? after_filter(b, mapped != NULL) : after_map(b, mapped);
}

struct comparing {
	const struct nat_external *x;
	struct addr by, as; /* the first view */
	enum nat_depends says;
};

/* Only views of the address that is believed: an older one, or a private peer's, says nothing of this mapping. */
static void compare(struct comparing *c, const struct nat_view *v)
{
	if (!v->as.family || !v->as.port || v->silent || !addr_ip_eq(&v->as, &c->x->address))
		return;
	if (!c->as.family) {
		c->by = v->by;
		c->as = v->as;
	} else if (!addr_eq(&v->as, &c->as)) {
		c->says = addr_ip_eq(&v->by, &c->by) ? NAT_ON_PORT : NAT_ON_DESTINATION;
	} else if (c->says == NAT_NOT_KNOWN && !addr_ip_eq(&v->by, &c->by)) {
		c->says = NAT_ON_NOTHING;
	}
}

enum nat_depends nat_compare(const struct nat_external *x, const struct addr *own)
{
	struct comparing c = { .x = x };

	for (unsigned i = 0; i < NAT_STUNS; i++)
		compare(&c, &x->stun[i]);
	for (unsigned i = 0; i < NAT_WITNESSES; i++)
		compare(&c, &x->peers[i]);
	if (c.says == NAT_ON_NOTHING && addr_eq(&c.as, own))
		return NAT_NONE;
	return c.says;
}
