/*
 * sip/hdr.c: headers: their names, which come from one table (sip/hdr.def); the lines of a message as a list of them;
 * and their values, one by one.
 */
#include "sip/parse.h"

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

enum sip_hdr_id sip_hdr_id_of(struct span name)
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

bool sip_hdr_note(struct sip_msg *m, enum sip_hdr_id id)
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

/* A line that begins with the very name that is looked for first needs no search. */
static bool begins_with(struct span line, unsigned id)
{
	size_t n = hdr_table[id].len;

	return line.n > n && line.p[n] == ':' && is_hdr_exactly(id, (struct span){ line.p, n });
}

/* Most headers come in the order of the table: *likely is looked at first. */
static void add_header(struct sip_msg *m, struct span line, unsigned *likely)
{
	struct sip_hdr *h = &m->hdrs[m->n_hdrs];
	const char *colon, *end = line.p + line.n, *value;

	if (*likely < SIP_HDR_COUNT && begins_with(line, *likely)) {
		h->id = *likely;
		h->name = (struct span){ line.p, hdr_table[h->id].len };
		colon = line.p + h->name.n;
	} else {
		colon = memchr(line.p, ':', line.n);
		if (!colon || colon == line.p) {
			sip_msg_bad(m, 400, "header line without a colon");
			return;
		}
		h->name = span_trim((struct span){ line.p, (size_t)(colon - line.p) });
		if (!h->name.n) {
			sip_msg_bad(m, 400, "header without a name");
			return;
		}
		h->id = sip_hdr_id_of(h->name);
	}
	value = colon + 1;
	if (value < end && *value == ' ') /* nearly always */
		value++;
	h->value = span_trim((struct span){ value, (size_t)(end - value) });
	if (h->id != SIP_HDR_OTHER)
		*likely = h->id + 1;
	if (sip_hdr_note(m, h->id) && hdr_table[h->id].times == ONCE)
		sip_msg_bad(m, 400, "a header that may stand only once is repeated");
	m->n_hdrs++;
}

void sip_hdrs_read(struct sip_msg *m, const struct sip_lines *ls)
{
	unsigned likely = 0;

	for (size_t i = 1; i < ls->n; i++)
		add_header(m, (struct span){ m->bytes.p + ls->line[i].at, ls->line[i].n }, &likely);
}

const struct sip_hdr *sip_hdr(const struct sip_msg *m, enum sip_hdr_id id)
{
	return sip_has(m, id) ? &m->hdrs[m->first[id]] : NULL;
}

struct span sip_hdr_value(const struct sip_msg *m, enum sip_hdr_id id)
{
	return sip_value_of(m, id);
}

struct span sip_hdr_named(const struct sip_msg *m, struct span name, unsigned nth)
{
	enum sip_hdr_id id = name.n ? sip_hdr_id_of(name) : SIP_HDR_OTHER;

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

	if (!sip_has(m, id) || (w->at && !w->rest.p && !(m->many >> id & 1)))
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
