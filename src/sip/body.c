/* sip/body.c: one part of a message's body, by its type: the whole of it, or a part of a multipart (RFC 5621). */
#include <string.h>

#include "sip/priv.h"

#define NESTED_MAX 3 /* a multipart within a multipart … */

static bool is_type(struct span content_type, const char *type)
{
	long semi = span_chr(content_type, ';');

	return span_iis(span_trim(semi < 0 ? content_type : span_sub(content_type, 0, (size_t)semi)), type);
}

/* "--boundary" of a multipart/…; false when it is something else. */
static bool delimiter(struct span content_type, char *buf, size_t cap)
{
	long semi = span_chr(content_type, ';');
	struct span v;

	if (semi < 0 || !span_istarts(content_type, SPAN("multipart/")) ||
	    !sip_param(span_from(content_type, (size_t)semi + 1), "boundary", &v))
		return false;
	if (v.n > 1 && v.p[0] == '"')
		v = span_sub(v, 1, v.n - 2);
	if (!v.n || v.n + 3 > cap)
		return false;
	memcpy(buf, "--", 2);
	span_copy(v, buf + 2, cap - 2);
	return true;
}

/* Where the next line begins that starts with the delimiter; s.n when there is none. */
static size_t next_delimiter(struct span s, struct span delim)
{
	size_t at = 0;

	for (;;) {
		long found = span_find(span_from(s, at), delim);

		if (found < 0)
			return s.n;
		at += (size_t)found;
		if (!at || s.p[at - 1] == '\n')
			return at;
		at++;
	}
}

/* A part: its headers up to an empty line, and what follows. The Content-Type's value; text/plain when none is said. */
static struct span part_type(struct span *part)
{
	struct span line, type = SPAN("text/plain");

	while (span_cut(part, '\n', &line)) {
		long colon = span_chr(line, ':');
		struct span name = span_trim(span_sub(line, 0, colon < 0 ? 0 : (size_t)colon));

		line = span_trim(line);
		if (!line.n)
			break;
		if (span_iis(name, "Content-Type") || span_iis(name, "c"))
			type = span_trim(span_from(line, (size_t)span_chr(line, ':') + 1));
	}
	return type;
}

static struct span find_part(struct span content_type, struct span body, const char *type, int depth)
{
	char buf[80]; /* RFC 2046 5.1.1: a boundary has 70 characters at most */
	struct span delim, part, found = SPAN_NONE;
	size_t at;

	if (is_type(content_type, type))
		return body;
	if (depth == NESTED_MAX || !delimiter(content_type, buf, sizeof buf))
		return SPAN_NONE;
	delim = span_of(buf);
	at = next_delimiter(body, delim);
	while (!found.p && at < body.n) {
		struct span inner, inner_type;
		size_t end;

		part = span_from(body, at + delim.n);
		if (span_starts(part, SPAN("--")) || span_chr(part, '\n') < 0)
			break;
		part = span_from(part, (size_t)span_chr(part, '\n') + 1);
		end = next_delimiter(part, delim);
		at = (size_t)(part.p - body.p) + end;
		inner = span_sub(part, 0, end);
		if (inner.n && end < part.n &&
		    inner.p[inner.n - 1] == '\n') /* the line's end belongs to the delimiter */
			inner.n -= 1 + (inner.n > 1 && inner.p[inner.n - 2] == '\r');
		inner_type = part_type(&inner);
		found = find_part(inner_type, inner, type, depth + 1);
	}
	return found;
}

struct span sip_body_part(const struct sip_msg *m, const char *type)
{
	return m->body.n ? find_part(m->content_type, m->body, type, 0) : SPAN_NONE;
}
