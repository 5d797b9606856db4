/*
 * sim/translate.c: what some boxes do to packets beyond changing their addresses: 464XLAT's two translations between
 * IPv4 and IPv6 (RFC 6877, with the prefix of RFC 6052), and a SIP ALG of the kind that breaks calls: it writes its
 * external address over the phone's, and leaves every port as it is.
 */
#include <stdlib.h>
#include <string.h>

#include "sim/priv.h"

static const uint8_t prefix[12] = { 0x00, 0x64, 0xff, 0x9b };

struct addr sim_nat64(const struct addr *v4)
{
	struct addr v6 = { .family = 6, .port = v4->port };

	memcpy(v6.ip, prefix, sizeof prefix);
	memcpy(v6.ip + sizeof prefix, v4->ip, 4);
	return v6;
}

bool sim_nat46(const struct addr *v6, struct addr *v4)
{
	struct addr a = { .family = 4, .port = v6->port };

	if (v6->family != 6 || memcmp(v6->ip, prefix, sizeof prefix) != 0)
		return false;
	memcpy(a.ip, v6->ip + sizeof prefix, 4);
	*v4 = a;
	return true;
}

static void replace(struct out *o, struct span text, struct span old, struct span new)
{
	for (;;) {
		long at = span_find(text, old);

		if (at < 0)
			break;
		out_span(o, span_sub(text, 0, (size_t)at));
		out_span(o, new);
		text = span_from(text, (size_t)at + old.n);
	}
	out_span(o, text);
}

/* Even a bad ALG keeps Content-Length right, or no call would ever pass it. */
void sim_alg(struct passage *p, const struct addr *old, const struct addr *new)
{
	char was[ADDR_STRLEN], is[ADDR_STRLEN];
	struct span text = p->owned ? p->mangled
			   : p->sip ? *p->sip
				    : SPAN_NONE,
		    head, body, field = SPAN("Content-Length:");
	struct out top = out_growing(), bottom = out_growing(), all = out_growing();
	long end = span_find(text, SPAN("\r\n\r\n")), at;

	if (p->tcp || end < 0)
		return;
	head = span_sub(text, 0, (size_t)end + 4);
	body = span_from(text, (size_t)end + 4);
	replace(&bottom, body, span_of(addr_ip_str(old, was)), span_of(addr_ip_str(new, is)));
	replace(&top, head, span_of(was), span_of(is));
	at = span_find(out_look(&top), field);
	if (at >= 0) {
		struct span rest = span_from(out_look(&top), (size_t)at + field.n);

		out_span(&all, span_sub(out_look(&top), 0, (size_t)at + field.n));
		out_fmt(&all, " %zu", bottom.n);
		out_span(&all, span_from(rest, (size_t)span_chr(rest, '\r')));
	} else {
		out_span(&all, out_look(&top));
	}
	out_span(&all, out_look(&bottom));
	out_free(&top);
	out_free(&bottom);
	free(p->owned);
	p->mangled.n = all.n;
	p->owned = out_take(&all);
	p->mangled.p = p->owned;
	p->sip = &p->mangled;
}
