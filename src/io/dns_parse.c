/*
 * io/dns_parse.c: the answer section of a DNS message (RFC 1035 4.1, RFC 2782, RFC 3403). c-ares has parsers of its
 * own, but they drop the TTL of SRV and NAPTR records. A CNAME's target comes with its address records in the same
 * answer; its TTL limits theirs.
 */
#include <errno.h>
#include <string.h>

#include "io/priv.h"

struct cursor {
	const uint8_t *msg, *p, *end;
	bool bad;
};

static uint32_t take(struct cursor *c, int bytes)
{
	uint32_t v = 0;

	if (c->end - c->p < bytes) {
		c->bad = true;
		return 0;
	}
	while (bytes--)
		v = v << 8 | *c->p++;
	return v;
}

/* A domain name, compressed or not; buf NULL: skips it. */
static void take_name(struct cursor *c, char *buf, size_t cap)
{
	char *name = NULL;
	long used = 0;

	if (c->bad || c->p >= c->end || ares_expand_name(c->p, c->msg, (int)(c->end - c->msg), &name, &used)) {
		c->bad = true;
		return;
	}
	c->p += used;
	if (buf && strlen(name) < cap)
		memcpy(buf, name, strlen(name) + 1);
	else if (buf)
		c->bad = true;
	ares_free_string(name);
}

/* A <character-string>; what does not fit makes the record useless, but not the message. */
static bool take_text(struct cursor *c, char *buf, size_t cap)
{
	uint32_t n = take(c, 1);
	bool fits = n < cap;

	if (c->bad || c->end - c->p < (long)n) {
		c->bad = true;
		return false;
	}
	if (fits) {
		memcpy(buf, c->p, n);
		buf[n] = '\0';
	}
	c->p += n;
	return fits;
}

static void take_addr(struct cursor *c, struct addr *a, uint8_t family, long n)
{
	if (n != (family == 4 ? 4 : 16)) {
		c->bad = true;
		return;
	}
	a->family = family;
	memcpy(a->ip, c->p, (size_t)n);
}

/* The data of one record. False: not of use. */
static bool take_data(struct cursor *c, struct dns_record *r, long n)
{
	char regexp[256];
	bool fits;

	switch (r->type) {
	case DNS_A: take_addr(c, &r->addr, 4, n); return true;
	case DNS_AAAA: take_addr(c, &r->addr, 6, n); return true;
	case DNS_SRV:
		r->priority = (uint16_t)take(c, 2);
		r->weight = (uint16_t)take(c, 2);
		r->port = (uint16_t)take(c, 2);
		take_name(c, r->name, sizeof r->name);
		return true;
	case DNS_NAPTR:
		r->order = (uint16_t)take(c, 2);
		r->preference = (uint16_t)take(c, 2);
		fits = take_text(c, r->flags, sizeof r->flags);
		fits &= take_text(c, r->service, sizeof r->service);
		fits &= take_text(c, regexp, sizeof regexp) && !*regexp; /* SIP uses the replacement only */
		take_name(c, r->name, sizeof r->name);
		return fits;
	}
	return false;
}

enum { TYPE_CNAME = 5, CLASS_IN = 1 };

long dns_parse(const uint8_t *msg, size_t n, enum dns_type type, struct dns_record *rs, size_t max)
{
	struct cursor c = { msg, msg, msg + n, false };
	uint32_t questions, answers, ttl_max = INT32_MAX;
	size_t found = 0;

	take(&c, 4);
	questions = take(&c, 2);
	answers = take(&c, 2);
	take(&c, 4);
	for (; questions && !c.bad; questions--) {
		take_name(&c, NULL, 0);
		take(&c, 4);
	}
	for (; answers && !c.bad && found < max; answers--) {
		struct dns_record r = { .type = type };
		const uint8_t *next;
		uint32_t its_type, its_class, length;

		take_name(&c, NULL, 0);
		its_type = take(&c, 2);
		its_class = take(&c, 2);
		r.ttl = take(&c, 4);
		length = take(&c, 2);
		if (c.bad || c.end - c.p < (long)length)
			return -EBADMSG;
		next = c.p + length;
		if (its_type == TYPE_CNAME)
			ttl_max = MIN(ttl_max, r.ttl);
		else if (its_type == (uint32_t)type && its_class == CLASS_IN && take_data(&c, &r, (long)length))
			rs[found++] = r;
		if (c.p > next)
			c.bad = true;
		c.p = next;
	}
	for (size_t i = 0; i < found; i++)
		rs[i].ttl = MIN(rs[i].ttl, ttl_max);
	return c.bad ? -EBADMSG : (long)found;
}
