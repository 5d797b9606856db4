/*
 * sip/parse.c: bytes to a message (RFC 3261 sections 7 and 25).
 *
 * One allocation holds the struct, the header array and a copy of the bytes. Header names come from one table
 * (sip/hdr.def). What makes a request refusable but still answerable is noted in bad_code and bad; what cannot even be
 * answered gives no message at all.
 */
#include "sip/parse.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define METHODS(X)                                                                                                    \
	X(INVITE), X(ACK), X(BYE), X(CANCEL), X(OPTIONS), X(REGISTER), X(PRACK), X(SUBSCRIBE), X(NOTIFY), X(PUBLISH), \
		X(INFO), X(REFER), X(MESSAGE), X(UPDATE)

#define X(m) [SIP_##m] = #m
const char *const sip_method_names[SIP_OTHER] = { METHODS(X) };
#undef X
#define X(m) [SIP_##m] = FACE(sizeof #m - 1, #m[0])
static const uint16_t method_faces[SIP_OTHER] = { METHODS(X) };
#undef X

enum sip_method sip_method_of(struct span name)
{
	uint16_t face = name.n ? FACE(name.n, (unsigned char)name.p[0]) : 0;
	int m = 0;

	while (m < SIP_OTHER && (method_faces[m] != face || memcmp(sip_method_names[m], name.p, face >> 8) != 0))
		m++;
	return m < SIP_OTHER && name.n == face >> 8 ? (enum sip_method)m : SIP_OTHER;
}

COLD void sip_msg_bad(struct sip_msg *m, unsigned code, const char *phrase)
{
	if (m->bad_code)
		return;
	m->bad_code = code;
	m->bad = phrase;
}

/* Status-Line = SIP-Version SP Status-Code SP Reason-Phrase */
static bool parse_status_line(struct sip_msg *m, struct span line)
{
	struct span code = span_sub(line, 8, 3);
	uint32_t v;

	if (line.n < 11 || !span_u32(code, 699, &v) || v < 100)
		return false;
	if (line.n > 11 && line.p[11] != ' ')
		return false;
	m->status = v;
	m->reason = span_from(line, 12);
	memset(&m->ruri, 0, sizeof m->ruri);
	return true;
}

/* Request-Line = Method SP Request-URI SP SIP-Version */
static bool parse_request_line(struct sip_msg *m, struct span line)
{
	long first = span_chr(line, ' '), last;
	struct span uri, version;

	m->request = true;
	if (first <= 0)
		return false;
	m->method_text = span_sub(line, 0, (size_t)first);
	if (!sip_is_token(m->method_text))
		return false;
	m->method = sip_method_of(m->method_text);
	line = span_from(line, (size_t)first + 1);
	if (line.n && (line.p[line.n - 1] == ' ' || line.p[line.n - 1] == '\t')) {
		sip_msg_bad(m, 400, "white space after the request line");
		line = span_trim(line);
	}
	last = span_rchr(line, ' ');
	if (last <= 0)
		return false;
	uri = span_sub(line, 0, (size_t)last);
	version = span_from(line, (size_t)last + 1);
	if (!span_eq(version, SPAN("SIP/2.0")) && !span_istarts(version, SPAN("SIP/")))
		return false;
	if (!span_eq(version, SPAN("SIP/2.0")) && !span_iis(version, "SIP/2.0"))
		sip_msg_bad(m, 505, "only SIP/2.0 is spoken here");
	if (span_chr(uri, ' ') >= 0 || span_chr(uri, '\t') >= 0)
		sip_msg_bad(m, 400, "white space in the Request-URI");
	else if (uri.p[0] == '<')
		sip_msg_bad(m, 400, "Request-URI in angle brackets");
	if (!sip_uri_parse(uri, &m->ruri))
		sip_msg_bad(m, 400, "malformed Request-URI");
	else if (!m->ruri.is_sip && !m->ruri.is_tel)
		sip_msg_bad(m, 416, "unsupported scheme in the Request-URI");
	else if (m->ruri.headers.n)
		sip_msg_bad(m, 400, "headers in the Request-URI");
	return true;
}

static bool number(struct sip_msg *m, enum sip_hdr_id id, uint32_t max, uint32_t *v)
{
	*v = SIP_NO_NUMBER;
	return !sip_has(m, id) || span_u32(sip_value_of(m, id), max, v);
}

/* 20.19: a value that makes no sense counts as 3600, one that is too large as the largest. */
static void parse_expires(struct sip_msg *m)
{
	struct span v = sip_value_of(m, SIP_HDR_EXPIRES);
	bool digits = v.n > 0;

	m->expires = SIP_NO_NUMBER;
	if (!v.p || span_u32(v, SIP_NO_NUMBER - 1, &m->expires))
		return;
	for (size_t i = 0; i < v.n; i++)
		digits &= isdigit((unsigned char)v.p[i]) != 0;
	m->expires = digits ? SIP_NO_NUMBER - 1 : 3600;
}

static bool parse_cseq(struct sip_msg *m)
{
	struct span rest = sip_value_of(m, SIP_HDR_CSEQ), num, method;

	if (!span_word(&rest, &num))
		return false;
	method = span_trim(rest);
	if (!method.n || (!span_eq(method, m->method_text) && (!span_word(&rest, &method) || rest.n)))
		return false;
	if (!span_u32(num, 0x7fffffff, &m->cseq)) {
		sip_msg_bad(m, 400, "CSeq out of range");
		m->cseq = 0;
	}
	if (!m->request) {
		m->method_text = method;
		m->method = sip_method_of(method);
	} else if (!span_eq(method, m->method_text)) {
		sip_msg_bad(m, 400, "CSeq method differs from the request's");
	}
	return true;
}

static bool parse_contact(struct sip_msg *m)
{
	struct sip_naddr other, *a = &m->contact;
	struct sip_walk w = { 0 };
	bool good = true;
	struct span v;

	while (good && sip_walk(m, SIP_HDR_CONTACT, &w, &v)) {
		if (v.n == 1 && v.p[0] == '*')
			m->contact_star = true;
		else if ((good = sip_naddr_parse(v, a)))
			a = &other;
	}
	if (a == &m->contact)
		memset(a, 0, sizeof *a);
	return good;
}

static void parse_content(struct sip_msg *m)
{
	uint32_t len;

	m->content_type = sip_value_of(m, SIP_HDR_CONTENT_TYPE);
	if (!number(m, SIP_HDR_CONTENT_LENGTH, SIP_MAX_MESSAGE, &len))
		sip_msg_bad(m, 400, "malformed Content-Length");
	else if (len != SIP_NO_NUMBER && len > m->body.n)
		sip_msg_bad(m, 400, "Content-Length is larger than the body");
	else if (len != SIP_NO_NUMBER)
		m->body.n = len;
}

static bool parse_routes(struct sip_msg *m)
{
	static const enum sip_hdr_id ids[] = { SIP_HDR_ROUTE, SIP_HDR_RECORD_ROUTE, SIP_HDR_PATH };

	for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
		struct sip_walk w = { 0 };
		struct sip_naddr a;
		struct span v;

		while (sip_has(m, ids[i]) && sip_walk(m, ids[i], &w, &v))
			if (!sip_naddr_parse(v, &a) || !a.uri.is_sip)
				return false;
	}
	return true;
}

/* Only a request outside dialogs says by its URIs who it is from and for. */
static void parse_parties(struct sip_msg *m)
{
	bool from = sip_naddr_tag(sip_value_of(m, SIP_HDR_FROM), &m->from);
	bool to = sip_naddr_tag(sip_value_of(m, SIP_HDR_TO), &m->to), whole = m->request && !m->to.tag.n;

	if (!from || (whole && !sip_uri_parse(m->from.uri.text, &m->from.uri)))
		sip_msg_bad(m, 400, "no usable From");
	if (to && whole && span_eq(m->to.uri.text, m->from.uri.text)) /* so it is in nearly every REGISTER */
		m->to.uri = m->from.uri;
	else if (!to || (whole && !sip_uri_parse(m->to.uri.text, &m->to.uri)))
		sip_msg_bad(m, 400, "no usable To");
}

/* What every message has: without these there is nothing to match or to answer. */
static const char *parse_core(struct sip_msg *m)
{
	struct sip_walk w = { 0 };
	struct span v;

	if (!sip_walk(m, SIP_HDR_VIA, &w, &v) || !sip_via_parse(v, &m->via))
		return "no usable Via";
	m->n_vias = 1;
	m->too_old = !span_starts(m->via.branch, SPAN("z9hG4bK")) || m->via.branch.n == 7;
	m->call_id = sip_value_of(m, SIP_HDR_CALL_ID);
	if (!sip_has(m, SIP_HDR_CSEQ) || !parse_cseq(m))
		return "no usable CSeq";
	if (!sip_is_visible(m->call_id))
		sip_msg_bad(m, 400, "no usable Call-ID");
	parse_parties(m);
	while (sip_walk(m, SIP_HDR_VIA, &w, &v)) {
		struct sip_via via;

		if (!sip_via_parse(v, &via))
			sip_msg_bad(m, 400, "malformed Via");
		m->n_vias++;
	}
	return NULL;
}

static const char *parse_values(struct sip_msg *m)
{
	const char *why = parse_core(m);

	if (why)
		return why;
	if (!number(m, SIP_HDR_MAX_FORWARDS, 255, &m->max_forwards))
		sip_msg_bad(m, 400, "malformed Max-Forwards");
	parse_expires(m);
	if (!parse_contact(m))
		sip_msg_bad(m, 400, "malformed Contact");
	if (!parse_routes(m))
		sip_msg_bad(m, 400, "malformed Route or Record-Route");
	parse_content(m);
	return NULL;
}

static const char *parse_all(struct sip_msg *m, const struct sip_lines *ls)
{
	struct span line;
	bool response;

	if (!ls->n)
		return "no start line";
	if (ls->bare_cr) /* a line end to some, a letter to others */
		return "bare CR in a header";
	line = span_sub(m->bytes, 0, ls->line[0].n);
	response = span_starts(line, SPAN("SIP/2.0 ")) || span_istarts(line, SPAN("SIP/2.0 "));
	if (response ? !parse_status_line(m, line) : !parse_request_line(m, line))
		return "malformed start line";
	sip_hdrs_read(m, ls);
	if (ls->body)
		m->body = span_from(m->bytes, ls->body);
	else
		sip_msg_bad(m, 400, "headers end without an empty line");
	return parse_values(m);
}

#define SPARE_LEAST 2048u /* most messages fit */
#define SPARE_MOST  8192u

static struct sip_msg *block_for(struct sip_msg **spare, size_t n)
{
	struct sip_msg *m = spare ? *spare : NULL;
	unsigned room;

	if (m && m->room >= n) {
		*spare = NULL;
		room = m->room;
	} else {
		if (m) { /* the larger one is kept instead */
			free(m);
			*spare = NULL;
		}
		room = (unsigned)MAX(n, spare ? SPARE_LEAST : 0);
		m = xmalloc(room);
	}
	memset(m, 0, offsetof(struct sip_msg, via));
	m->refs = 1;
	m->room = room;
	return m;
}

struct sip_msg *sip_msg_parse(struct span bytes, const char **why)
{
	return sip_msg_parse_in(NULL, bytes, why);
}

struct sip_msg *sip_msg_parse_in(struct sip_msg **spare, struct span bytes, const char **why)
{
	struct sip_lines ls;
	struct sip_msg *m;
	char *copy;

	while (bytes.n && (bytes.p[0] == '\r' || bytes.p[0] == '\n')) /* RFC 3261 7.5 */
		bytes = span_from(bytes, 1);
	if (bytes.n > SIP_MAX_MESSAGE) {
		*why = "longer than 65535 bytes";
		return NULL;
	}
	sip_find_lines(bytes, &ls);
	m = block_for(spare, sizeof *m + ls.n * sizeof m->hdrs[0] + bytes.n + 1);
	m->hdrs = (struct sip_hdr *)(m + 1);
	copy = (char *)(m->hdrs + ls.n);
	if (bytes.n)
		memcpy(copy, bytes.p, bytes.n);
	copy[bytes.n] = '\0';
	m->bytes = (struct span){ copy, bytes.n };
	m->max_forwards = m->expires = SIP_NO_NUMBER;
	if (ls.folded) {
		sip_unfold(copy, bytes.n);
		sip_find_lines(m->bytes, &ls);
	}
	*why = ls.too_many ? "too many lines" : parse_all(m, &ls);
	if (!*why)
		return m;
	free(m);
	return NULL;
}

struct sip_msg *sip_msg_ref(struct sip_msg *m)
{
	m->refs++;
	return m;
}

void sip_msg_unref(struct sip_msg *m)
{
	if (m && --m->refs == 0)
		free(m);
}

void sip_msg_spare(struct sip_msg **spare, struct sip_msg *m)
{
	if (m->refs == 1 && !*spare && m->room <= SPARE_MOST)
		*spare = m;
	else
		sip_msg_unref(m);
}
