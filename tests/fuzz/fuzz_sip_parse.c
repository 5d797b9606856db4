/*
 * tests/fuzz/fuzz_sip_parse.c: any bytes as a message, a stream, a URI, a Via and a name-addr: nothing outside them is
 * read, and what was understood once is understood again when it is written down.
 */
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "sip/msg.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static bool within(struct span whole, struct span part)
{
	return !part.n || (part.p >= whole.p && part.p + part.n <= whole.p + whole.n);
}

static void check_uri(struct span whole, const struct sip_uri *u)
{
	const struct span parts[] = { u->scheme, u->user, u->password, u->host, u->params, u->headers };
	struct sip_uri again;

	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		BUG_ON(!within(whole, parts[i]));
	BUG_ON(!sip_uri_parse(u->text, &again));
	BUG_ON(!sip_uri_eq(u, &again));
}

static void check_params(struct span params)
{
	struct span name, value;
	size_t left = params.n + 1;

	while (sip_param_next(&params, &name, &value)) {
		BUG_ON(params.n >= left); /* it goes on */
		left = params.n;
	}
}

static void check_pieces(struct span s)
{
	struct sip_uri u;
	struct sip_naddr a;
	struct sip_via v;
	struct out o = out_growing();

	if (sip_uri_parse(s, &u))
		check_uri(s, &u);
	if (sip_naddr_parse(s, &a)) {
		check_uri(s, &a.uri);
		BUG_ON(!within(s, a.display) || !within(s, a.tag));
	}
	if (sip_via_parse(s, &v)) {
		BUG_ON(!v.host.n || !within(s, v.host) || !within(s, v.branch));
		check_params(v.params);
	}
	check_params(s);
	sip_out_quoted(&o, s);
	BUG_ON(o.n < s.n + 2);
	o.n = 0;
	sip_out_unquoted(&o, s);
	BUG_ON(o.n > s.n);
	o.n = 0;
	sip_out_user(&o, s);
	BUG_ON(sip_uri_parse(out_look(&o), &u) && !u.text.n);
	sip_out_unescaped(&o, s);
	out_free(&o);
}

static void check_message(struct span s)
{
	const char *why = NULL;
	struct sip_msg *m = sip_msg_parse(s, &why);
	struct span v;

	BUG_ON(!m != (why != NULL));
	if (!m)
		return;
	BUG_ON(!m->n_vias || m->n_hdrs > SIP_MAX_HEADERS || !within(m->bytes, m->body) ||
	       !within(m->bytes, m->call_id));
	BUG_ON(m->request ? m->status != 0 : m->status < 100 || m->status > 699);
	v = sip_body_part(m, "application/sdp");
	BUG_ON(v.n && !within(m->body, v));
	for (unsigned i = 0; i < m->n_hdrs; i++) {
		struct sip_walk w = { 0 };
		unsigned values = 0;

		BUG_ON(!within(m->bytes, m->hdrs[i].name) || !within(m->bytes, m->hdrs[i].value));
		BUG_ON(memchr(m->hdrs[i].value.n ? m->hdrs[i].value.p : "", '\n', m->hdrs[i].value.n));
		if (m->hdrs[i].id == SIP_HDR_OTHER)
			continue;
		while (sip_walk(m, m->hdrs[i].id, &w, &v)) {
			BUG_ON(!within(m->bytes, v) || ++values > m->bytes.n);
			check_pieces(v);
		}
		BUG_ON(!values);
		if (i > 8) /* enough of each message */
			break;
	}
	sip_msg_unref(m);
}

/* However the stream is cut, it is framed the same. */
static void check_frame(struct span s)
{
	struct sip_framing f = { 0 };
	long whole = sip_frame(s), cut = 0;

	for (size_t n = 1; n <= s.n && !cut; n += 1 + n / 8)
		cut = sip_frame_on(span_sub(s, 0, n), &f);
	if (!cut)
		cut = sip_frame_on(s, &f);
	BUG_ON(cut != whole);
	BUG_ON(whole > (long)s.n);
}

/* A glance sees what a whole look sees, or leaves it alone. */
static void check_glance(struct span s)
{
	struct sip_hdr hdrs[SIP_GLANCE_MAX];
	const char *why;
	struct sip_msg seen, *m;

	if (!sip_msg_glance(s, &seen, hdrs))
		return;
	BUG_ON(!within(s, seen.call_id) || !within(s, seen.from.text) || !within(s, seen.to.text));
	BUG_ON(!within(s, seen.via.text) || !within(s, seen.method_text) || seen.n_hdrs > SIP_GLANCE_MAX);
	m = sip_msg_parse(s, &why);
	if (m && m->request && !m->bad_code) {
		BUG_ON(!span_eq(m->call_id, seen.call_id) || m->cseq != seen.cseq || m->method != seen.method);
		BUG_ON(!span_eq(m->via.branch, seen.via.branch) || !span_eq(m->from.text, seen.from.text));
		BUG_ON(m->to.tag.n && !seen.to.tag.n);
	}
	sip_msg_unref(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct span s = { (const char *)p, n };

	check_message(s);
	check_frame(s);
	check_pieces(s);
	check_glance(s);
	return 0;
}
