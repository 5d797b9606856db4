/*
 * sip/parse.h: what the files that read messages share: parse.c calls lines.c, then hdr.c; frame.c looks at bytes that
 * are not parsed. For these alone.
 */
#pragma once
#include "sip/msg.h"

/* The length and first letter of a name: most names are none of the others by these alone. */
#define FACE(len, first) ((uint16_t)((len) << 8 | ((first) | 0x20)))

/* The lines of a message before its empty one. */
struct sip_lines {
	struct {
		uint16_t at, n;
	} line[SIP_MAX_HEADERS + 1];
	size_t n, body; /* body: where it begins; 0: there is no empty line */
	bool folded, too_many, bare_cr;
};

void sip_find_lines(struct span all, struct sip_lines *ls);
void sip_unfold(char *p, size_t n);                     /* line ends of folded headers become spaces */
bool sip_take_line(struct span *in, struct span *line); /* without its end; CRLF, and LF alone, end it */

/* What can be answered but not served: the first thing that was wrong counts. */
COLD void sip_msg_bad(struct sip_msg *m, unsigned code, const char *phrase);

enum sip_hdr_id sip_hdr_id_of(struct span name);
bool sip_hdr_note(struct sip_msg *m,
		  enum sip_hdr_id id); /* the next of hdrs is one of these; true: it is not the first */
/* All lines but the first, into m->hdrs, which has room. */
void sip_hdrs_read(struct sip_msg *m, const struct sip_lines *ls);

static inline bool sip_has(const struct sip_msg *m, enum sip_hdr_id id)
{
	return m->have >> id & 1;
}

static inline struct span sip_value_of(const struct sip_msg *m, enum sip_hdr_id id)
{
	return sip_has(m, id) ? m->hdrs[m->first[id]].value : SPAN_NONE;
}
