/*
 * sip/frame.c: what is learned of bytes that are not parsed: what an answer in a hurry copies of a request, and where a
 * stream's message ends (RFC 3261 section 18.3).
 */
#include "sip/parse.h"

#include <errno.h>
#include <string.h>

/* False: it is not one that a glance can deal with. */
static bool glance_at(struct sip_msg *m, struct span line)
{
	static const uint64_t wanted = 1ull << SIP_HDR_VIA | 1ull << SIP_HDR_FROM | 1ull << SIP_HDR_TO |
				       1ull << SIP_HDR_CALL_ID | 1ull << SIP_HDR_CSEQ;
	struct sip_hdr *h = &m->hdrs[m->n_hdrs];
	long colon = span_chr(line, ':');

	if (colon <= 0 || char_is_space(line.p[0]))
		return false;
	if (!strchr("vVfFtTiIcC", line.p[0]))
		return true;
	h->name = span_trim(span_sub(line, 0, (size_t)colon));
	h->id = sip_hdr_id_of(h->name);
	if (h->id == SIP_HDR_OTHER || !(wanted >> h->id & 1))
		return true;
	h->value = span_trim(span_from(line, (size_t)colon + 1));
	sip_hdr_note(m, h->id);
	return ++m->n_hdrs < SIP_GLANCE_MAX;
}

bool sip_msg_glance(struct span bytes, struct sip_msg *m, struct sip_hdr hdrs[SIP_GLANCE_MAX])
{
	struct span in = bytes, line, cseq;
	struct sip_walk w = { 0 };

	memset(m, 0, sizeof *m);
	m->hdrs = hdrs;
	if (!sip_take_line(&in, &line))
		return false;
	m->request = true;
	m->method_text = span_sub(line, 0, (size_t)MAX(span_chr(line, ' '), 0));
	m->method = sip_method_of(m->method_text);
	while (sip_take_line(&in, &line) && line.n)
		if (!glance_at(m, line))
			return false;
	m->from.text = sip_hdr_value(m, SIP_HDR_FROM);
	m->to.text = sip_hdr_value(m, SIP_HDR_TO);
	m->call_id = sip_hdr_value(m, SIP_HDR_CALL_ID);
	cseq = sip_hdr_value(m, SIP_HDR_CSEQ);
	if (!m->from.text.n || !m->to.text.n || !m->call_id.n || !sip_walk(m, SIP_HDR_VIA, &w, &line) ||
	    !sip_via_parse(line, &m->via) || !span_starts(m->via.branch, SPAN("z9hG4bK")) || !span_word(&cseq, &line) ||
	    !span_u32(line, 0x7fffffff, &m->cseq) || !span_eq(span_trim(cseq), m->method_text))
		return false;
	m->to.tag = span_find(m->to.text, SPAN("tag=")) >= 0 ? m->to.text : SPAN_NONE; /* whether there is one */
	return true;
}

/* The value of Content-Length in the headers of a stream's message: 0 when there is none. */
static bool body_length(struct span head, uint32_t *len)
{
	struct span line;

	*len = 0;
	while (sip_take_line(&head, &line)) {
		long colon = span_chr(line, ':');
		struct span name;

		if (colon <= 0)
			continue;
		name = span_trim(span_sub(line, 0, (size_t)colon));
		if (!name.n || sip_hdr_id_of(name) != SIP_HDR_CONTENT_LENGTH)
			continue;
		if (!span_u32(span_trim(span_from(line, (size_t)colon + 1)), SIP_MAX_MESSAGE, len))
			return false;
	}
	return true;
}

long sip_frame_on(struct span bytes, struct sip_framing *f)
{
	long end;
	uint32_t len;

	if (bytes.n < f->look)
		return 0;
	end = span_find(span_from(bytes, f->seen), SPAN("\r\n\r\n"));
	if (end < 0) {
		f->seen = bytes.n > 3 ? bytes.n - 3 : 0;
		return bytes.n > SIP_MAX_MESSAGE ? -EMSGSIZE : 0;
	}
	f->seen += (size_t)end;
	if (!body_length(span_sub(bytes, 0, f->seen + 2), &len))
		return -EBADMSG;
	f->look = f->seen + 4 + len;
	if (f->look > SIP_MAX_MESSAGE)
		return -EMSGSIZE;
	return bytes.n >= f->look ? (long)f->look : 0;
}

long sip_frame(struct span bytes)
{
	struct sip_framing f = { 0 };

	return sip_frame_on(bytes, &f);
}
