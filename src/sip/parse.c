/*
 * sip/parse.c: bytes to a message (RFC 3261 sections 7 and 25).
 *
 * One allocation holds the struct, the header array and a copy of the bytes. Header names come from one table
 * (sip/hdr.def). What makes a request refusable but still answerable is noted in bad_code and bad; what cannot even be
 * answered gives no message at all.
 */
#include "sip/msg.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum { ONCE, MANY };
enum { WHOLE, COMMAS };

static const struct hdr_desc {
	const char *name;
	uint8_t len;
	char compact;
	uint8_t times, split;
} hdr_table[SIP_HDR_COUNT] = {
#define HDR(id, name, compact, times, split) [SIP_HDR_##id] = { name, sizeof name - 1, compact, times, split },
#include "sip/hdr.def"
#undef HDR
};

/* The length and first letter of a name: most names are none of the others by these alone. */
#define FACE(len, first) ((uint16_t)((len) << 8 | ((first) | 0x20)))

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

const char *sip_hdr_name(enum sip_hdr_id id)
{
	return id < SIP_HDR_COUNT ? hdr_table[id].name : "";
}

#define FACES 48 /* sixteen are compared at a time */
_Static_assert(SIP_HDR_COUNT <= FACES, "each header has its face");
static const uint16_t hdr_faces[FACES] = {
#define HDR(id, name, compact, times, split) [SIP_HDR_##id] = FACE(sizeof name - 1, name[0]),
#include "sip/hdr.def"
#undef HDR
};

/* As it is written in the RFC, without a call. */
static inline bool is_hdr_exactly(unsigned id, struct span name)
{
	const char *known = hdr_table[id].name;
	size_t n = name.n;

	if (n != hdr_table[id].len || n < 2 || n > 16)
		return false;
	if (n >= 8) /* its beginning and its end, which may lap over */
		return memcmp(name.p, known, 8) == 0 && memcmp(name.p + n - 8, known + n - 8, 8) == 0;
	if (n >= 4)
		return memcmp(name.p, known, 4) == 0 && memcmp(name.p + n - 4, known + n - 4, 4) == 0;
	return memcmp(name.p, known, 2) == 0 && name.p[n - 1] == known[n - 1];
}

static bool is_hdr(unsigned id, struct span name)
{
	return is_hdr_exactly(id, name) || span_ieq(name, (struct span){ hdr_table[id].name, hdr_table[id].len });
}

/* Which headers have this face: a bit for each. */
static uint64_t with_face(uint16_t face)
{
	uint64_t ids = 0;

#ifdef __SSE2__
	__m128i all = _mm_set1_epi16((short)face);

	for (int i = 0; i < FACES; i += 16) {
		const __m128i *at = (const __m128i *)(const void *)(hdr_faces + i);
		__m128i a = _mm_cmpeq_epi16(_mm_loadu_si128(at), all),
			b = _mm_cmpeq_epi16(_mm_loadu_si128(at + 1), all);

		ids |= (uint64_t)(unsigned)_mm_movemask_epi8(_mm_packs_epi16(a, b)) << i;
	}
#else
	for (int i = 0; i < FACES; i++)
		ids |= (uint64_t)(hdr_faces[i] == face) << i;
#endif
	return ids;
}

static enum sip_hdr_id hdr_id(struct span name)
{
	unsigned id;

	if (name.n == 1) {
		for (id = 0; id < SIP_HDR_COUNT && hdr_table[id].compact != char_lower(name.p[0]);)
			id++;
		return name.p[0] ? (enum sip_hdr_id)id : SIP_HDR_OTHER; /* 0: there is no compact form */
	}
	for (uint64_t ids = with_face(FACE(name.n, (unsigned char)name.p[0])); ids; ids &= ids - 1)
		if (is_hdr(id = (unsigned)__builtin_ctzll(ids), name))
			return (enum sip_hdr_id)id;
	return SIP_HDR_OTHER;
}

COLD static void bad(struct sip_msg *m, unsigned code, const char *phrase)
{
	if (m->bad_code)
		return;
	m->bad_code = code;
	m->bad = phrase;
}

/* Takes one line without its end; CRLF, and LF alone, end it. */
static bool take_line(struct span *in, struct span *line)
{
	long lf = span_chr(*in, '\n');

	if (lf < 0)
		return false;
	*line = span_sub(*in, 0, (size_t)lf);
	if (line->n && line->p[line->n - 1] == '\r')
		line->n--;
	*in = span_from(*in, (size_t)lf + 1);
	return true;
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
		bad(m, 400, "white space after the request line");
		line = span_trim(line);
	}
	last = span_rchr(line, ' ');
	if (last <= 0)
		return false;
	uri = span_sub(line, 0, (size_t)last);
	version = span_from(line, (size_t)last + 1);
	if (!span_istarts(version, SPAN("SIP/")))
		return false;
	if (!span_iis(version, "SIP/2.0"))
		bad(m, 505, "only SIP/2.0 is spoken here");
	if (span_chr(uri, ' ') >= 0 || span_chr(uri, '\t') >= 0)
		bad(m, 400, "white space in the Request-URI");
	else if (uri.p[0] == '<')
		bad(m, 400, "Request-URI in angle brackets");
	if (!sip_uri_parse(uri, &m->ruri))
		bad(m, 400, "malformed Request-URI");
	else if (!m->ruri.is_sip && !m->ruri.is_tel)
		bad(m, 416, "unsupported scheme in the Request-URI");
	else if (m->ruri.headers.n)
		bad(m, 400, "headers in the Request-URI");
	return true;
}

/* Replaces each line end of folded headers by spaces, in our own copy. */
static void unfold(char *p, size_t n)
{
	for (char *lf = p, *end = p + n; (lf = memchr(lf, '\n', (size_t)(end - lf))) && lf + 1 < end; lf++) {
		if (lf[1] == '\n' || (lf[1] == '\r' && lf + 2 < end && lf[2] == '\n'))
			return; /* the empty line: the body begins */
		if (lf[1] != ' ' && lf[1] != '\t')
			continue;
		if (lf > p && lf[-1] == '\r')
			lf[-1] = ' ';
		*lf = ' ';
	}
}

static inline bool has(const struct sip_msg *m, enum sip_hdr_id id)
{
	return m->have >> id & 1;
}

static inline struct span value_of(const struct sip_msg *m, enum sip_hdr_id id)
{
	return has(m, id) ? m->hdrs[m->first[id]].value : SPAN_NONE;
}

static bool number(struct sip_msg *m, enum sip_hdr_id id, uint32_t max, uint32_t *v)
{
	*v = SIP_NO_NUMBER;
	return !has(m, id) || span_u32(value_of(m, id), max, v);
}

/* 20.19: a value that makes no sense counts as 3600, one that is too large as the largest. */
static void parse_expires(struct sip_msg *m)
{
	struct span v = value_of(m, SIP_HDR_EXPIRES);
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
	struct span rest = value_of(m, SIP_HDR_CSEQ), num, method;

	if (!span_word(&rest, &num))
		return false;
	method = span_trim(rest);
	if (!method.n || (!span_eq(method, m->method_text) && (!span_word(&rest, &method) || rest.n)))
		return false;
	if (!span_u32(num, 0x7fffffff, &m->cseq)) {
		bad(m, 400, "CSeq out of range");
		m->cseq = 0;
	}
	if (!m->request) {
		m->method_text = method;
		m->method = sip_method_of(method);
	} else if (!span_eq(method, m->method_text)) {
		bad(m, 400, "CSeq method differs from the request's");
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

	m->content_type = value_of(m, SIP_HDR_CONTENT_TYPE);
	if (!number(m, SIP_HDR_CONTENT_LENGTH, SIP_MAX_MESSAGE, &len))
		bad(m, 400, "malformed Content-Length");
	else if (len != SIP_NO_NUMBER && len > m->body.n)
		bad(m, 400, "Content-Length is larger than the body");
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

		while (has(m, ids[i]) && sip_walk(m, ids[i], &w, &v))
			if (!sip_naddr_parse(v, &a) || !a.uri.is_sip)
				return false;
	}
	return true;
}

/* What every message has: without these there is nothing to match or to answer. */
static const char *parse_core(struct sip_msg *m)
{
	bool (*party)(struct span s, struct sip_naddr * a) = m->request ? sip_naddr_parse : sip_naddr_tag;
	struct sip_walk w = { 0 };
	struct span v;

	if (!sip_walk(m, SIP_HDR_VIA, &w, &v) || !sip_via_parse(v, &m->via))
		return "no usable Via";
	m->n_vias = 1;
	m->too_old = !span_starts(m->via.branch, SPAN("z9hG4bK")) || m->via.branch.n == 7;
	m->call_id = value_of(m, SIP_HDR_CALL_ID);
	if (!has(m, SIP_HDR_CSEQ) || !parse_cseq(m))
		return "no usable CSeq";
	if (!sip_is_visible(m->call_id))
		bad(m, 400, "no usable Call-ID");
	if (!party(value_of(m, SIP_HDR_FROM), &m->from))
		bad(m, 400, "no usable From");
	if (!party(value_of(m, SIP_HDR_TO), &m->to))
		bad(m, 400, "no usable To");
	while (sip_walk(m, SIP_HDR_VIA, &w, &v)) {
		struct sip_via via;

		if (!sip_via_parse(v, &via))
			bad(m, 400, "malformed Via");
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
		bad(m, 400, "malformed Max-Forwards");
	parse_expires(m);
	if (!parse_contact(m))
		bad(m, 400, "malformed Contact");
	if (!parse_routes(m))
		bad(m, 400, "malformed Route or Record-Route");
	parse_content(m);
	return NULL;
}

/* The next of hdrs is one of these. True: it is not the first. */
static bool note_header(struct sip_msg *m, enum sip_hdr_id id)
{
	uint64_t bit = 1ull << id;

	if (id == SIP_HDR_OTHER)
		return false;
	if (m->have & bit) {
		m->many |= bit;
		return true;
	}
	m->have |= bit;
	m->first[id] = (uint8_t)m->n_hdrs;
	return false;
}

/* Most headers come in the order of the table: *likely is looked at first. */
static void add_header(struct sip_msg *m, struct span line, unsigned *likely)
{
	const char *colon = memchr(line.p, ':', line.n);
	struct sip_hdr *h = &m->hdrs[m->n_hdrs];

	if (!colon || colon == line.p) {
		bad(m, 400, "header line without a colon");
		return;
	}
	h->name = span_trim((struct span){ line.p, (size_t)(colon - line.p) });
	h->value = (struct span){ colon + 1, line.n - (size_t)(colon + 1 - line.p) };
	span_take_char(&h->value, ' '); /* nearly always */
	h->value = span_trim(h->value);
	if (!h->name.n) {
		bad(m, 400, "header without a name");
		return;
	}
	h->id = *likely < SIP_HDR_COUNT && is_hdr_exactly(*likely, h->name) ? *likely : hdr_id(h->name);
	if (h->id != SIP_HDR_OTHER)
		*likely = h->id + 1;
	if (note_header(m, h->id) && hdr_table[h->id].times == ONCE)
		bad(m, 400, "a header that may stand only once is repeated");
	m->n_hdrs++;
}

/* The lines of a message before its empty one. */
struct lines {
	struct {
		uint16_t at, n;
	} line[SIP_MAX_HEADERS + 1];
	size_t n, body; /* body: where it begins; 0: there is no empty line */
	bool folded, too_many, bare_cr;
};

#define STRIDE 64

/* Of STRIDE bytes: a bit for each that is c. */
#ifdef __SSE2__
static inline uint64_t sixteen(const char *p, __m128i all_c)
{
	return (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)(const void *)p), all_c));
}

static inline uint64_t bits_of(const char *p, char c)
{
	__m128i all_c = _mm_set1_epi8(c);

	return sixteen(p, all_c) | sixteen(p + 16, all_c) << 16 | sixteen(p + 32, all_c) << 32 |
	       sixteen(p + 48, all_c) << 48;
}
#else
static inline uint64_t bits_of(const char *p, char c)
{
	uint64_t bits = 0;

	for (int i = 0; i < STRIDE; i++)
		bits |= (uint64_t)(p[i] == c) << i;
	return bits;
}
#endif

/* A line from `from` to its line feed. False: it is none of the header's any more. */
static bool add_line(struct span all, size_t from, size_t lf, struct lines *ls)
{
	size_t n = lf - from;

	if (n && all.p[lf - 1] == '\r')
		n--;
	if (!n) {
		ls->body = lf + 1;
		return false;
	}
	if (ls->n == ARRAY_LEN(ls->line)) {
		ls->too_many = true;
		return false;
	}
	ls->folded |= char_is_space(all.p[from]);
	ls->line[ls->n].at = (uint16_t)from;
	ls->line[ls->n++].n = (uint16_t)n;
	return true;
}

static void find_lines(struct span all, struct lines *ls)
{
	uint64_t lfs, crs, lone;
	bool after = false, before; /* the last stride ended with a CR; and it is a lone one */
	size_t from = 0;
	char tail[STRIDE];

	ls->n = ls->body = 0;
	ls->folded = ls->too_many = ls->bare_cr = false;
	for (size_t at = 0; at < all.n; at += STRIDE, after = crs >> (STRIDE - 1)) {
		const char *p = all.p + at;

		if (all.n - at < STRIDE) {
			memset(tail, 0, sizeof tail);
			p = memcpy(tail, p, all.n - at);
		}
		lfs = bits_of(p, '\n');
		crs = bits_of(p, '\r');
		lone = crs & ~(lfs >> 1 | 1ull << (STRIDE - 1));
		before = after && !(lfs & 1);
		for (; lfs; lfs &= lfs - 1) {
			int i = __builtin_ctzll(lfs);

			if (!add_line(all, from, at + (size_t)i, ls)) {
				ls->bare_cr |= before || (lone & ((1ull << i) - 1));
				return;
			}
			from = at + (size_t)i + 1;
		}
		ls->bare_cr |= before || lone;
	}
}

static const char *parse_all(struct sip_msg *m, const struct lines *ls)
{
	unsigned likely = 0;
	struct span line;

	if (!ls->n)
		return "no start line";
	if (ls->bare_cr) /* a line end to some, a letter to others */
		return "bare CR in a header";
	line = span_sub(m->bytes, 0, ls->line[0].n);
	if (span_istarts(line, SPAN("SIP/2.0 ")) ? !parse_status_line(m, line) : !parse_request_line(m, line))
		return "malformed start line";
	for (size_t i = 1; i < ls->n; i++) {
		line = (struct span){ m->bytes.p + ls->line[i].at, ls->line[i].n };
		add_header(m, line, &likely);
	}
	if (ls->body)
		m->body = span_from(m->bytes, ls->body);
	else
		bad(m, 400, "headers end without an empty line");
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
	struct lines ls;
	struct sip_msg *m;
	char *copy;

	while (bytes.n && (bytes.p[0] == '\r' || bytes.p[0] == '\n')) /* RFC 3261 7.5 */
		bytes = span_from(bytes, 1);
	if (bytes.n > SIP_MAX_MESSAGE) {
		*why = "longer than 65535 bytes";
		return NULL;
	}
	find_lines(bytes, &ls);
	m = block_for(spare, sizeof *m + ls.n * sizeof m->hdrs[0] + bytes.n + 1);
	m->hdrs = (struct sip_hdr *)(m + 1);
	copy = (char *)(m->hdrs + ls.n);
	if (bytes.n)
		memcpy(copy, bytes.p, bytes.n);
	copy[bytes.n] = '\0';
	m->bytes = (struct span){ copy, bytes.n };
	m->max_forwards = m->expires = SIP_NO_NUMBER;
	if (ls.folded) {
		unfold(copy, bytes.n);
		find_lines(m->bytes, &ls);
	}
	*why = ls.too_many ? "too many lines" : parse_all(m, &ls);
	if (!*why)
		return m;
	free(m);
	return NULL;
}

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
	h->id = hdr_id(h->name);
	if (h->id == SIP_HDR_OTHER || !(wanted >> h->id & 1))
		return true;
	h->value = span_trim(span_from(line, (size_t)colon + 1));
	note_header(m, h->id);
	return ++m->n_hdrs < SIP_GLANCE_MAX;
}

bool sip_msg_glance(struct span bytes, struct sip_msg *m, struct sip_hdr hdrs[SIP_GLANCE_MAX])
{
	struct span in = bytes, line, cseq;
	struct sip_walk w = { 0 };

	memset(m, 0, sizeof *m);
	m->hdrs = hdrs;
	if (!take_line(&in, &line))
		return false;
	m->request = true;
	m->method_text = span_sub(line, 0, (size_t)MAX(span_chr(line, ' '), 0));
	m->method = sip_method_of(m->method_text);
	while (take_line(&in, &line) && line.n)
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

const struct sip_hdr *sip_hdr(const struct sip_msg *m, enum sip_hdr_id id)
{
	return has(m, id) ? &m->hdrs[m->first[id]] : NULL;
}

struct span sip_hdr_value(const struct sip_msg *m, enum sip_hdr_id id)
{
	return value_of(m, id);
}

struct span sip_hdr_named(const struct sip_msg *m, struct span name, unsigned nth)
{
	enum sip_hdr_id id = name.n ? hdr_id(name) : SIP_HDR_OTHER;

	for (unsigned i = 0; i < m->n_hdrs; i++) {
		const struct sip_hdr *h = &m->hdrs[i];

		if (id == SIP_HDR_OTHER ? !span_ieq(h->name, name) : h->id != id)
			continue;
		if (!nth--)
			return h->value;
	}
	return SPAN_NONE;
}

/* The end of the first element of a comma list; quotes and angle brackets protect commas. */
static size_t element_end(struct span s)
{
	bool quoted = false, angle = false;

	if (span_chr(s, ',') < 0)
		return s.n;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (quoted && c == '\\')
			i++;
		else if (c == '"')
			quoted = !quoted;
		else if (!quoted && c == '<')
			angle = true;
		else if (!quoted && c == '>')
			angle = false;
		else if (c == ',' && !quoted && !angle)
			return i;
	}
	return s.n;
}

bool sip_walk(const struct sip_msg *m, enum sip_hdr_id id, struct sip_walk *w, struct span *value)
{
	size_t n;

	if (!has(m, id) || (w->at && !w->rest.p && !(m->many >> id & 1)))
		return false;
	while (!w->rest.p) {
		if (w->at >= m->n_hdrs)
			return false;
		w->at = w->at ? w->at : m->first[id];
		if (m->hdrs[w->at].id == id)
			w->rest = m->hdrs[w->at].value;
		w->at++;
	}
	if (hdr_table[id].split == WHOLE) {
		*value = w->rest;
		w->rest = SPAN_NONE;
		return true;
	}
	n = element_end(w->rest);
	*value = span_trim(span_sub(w->rest, 0, n));
	w->rest = n < w->rest.n ? span_from(w->rest, n + 1) : SPAN_NONE;
	return true;
}

bool sip_has_token(const struct sip_msg *m, enum sip_hdr_id id, const char *token)
{
	struct sip_walk w = { 0 };
	struct span v;

	while (sip_walk(m, id, &w, &v))
		if (span_iis(v, token))
			return true;
	return false;
}

/* The value of Content-Length in the headers of a stream's message: 0 when there is none. */
static bool body_length(struct span head, uint32_t *len)
{
	struct span line;

	*len = 0;
	while (take_line(&head, &line)) {
		long colon = span_chr(line, ':');
		struct span name;

		if (colon <= 0)
			continue;
		name = span_trim(span_sub(line, 0, (size_t)colon));
		if (!name.n || hdr_id(name) != SIP_HDR_CONTENT_LENGTH)
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
