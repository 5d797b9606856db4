/*
 * sdp/crypto.c: keys of SRTP in SDP (RFC 4568): "a=crypto:TAG SUITE inline:KEY|LIFETIME|MKI:LENGTH PARAMETERS". One key
 * each way is all that we do: a line with more than one, with an MKI, or with a parameter that changes the packets is
 * passed over, as the RFC wants of what is not understood.
 */
#include "sdp/crypto.h"

#include <string.h>

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static const struct {
	const char *name, *other;
} suites[] = {
#define X(id, name, other, key, tag) { name, other },
	SRTP_TABLE(X)
#undef X
};

/* Exactly n bytes; padding may be missing. */
static bool decode(struct span text, uint8_t *to, size_t n)
{
	uint32_t bits = 0;
	unsigned have = 0;
	size_t at = 0;

	while (text.n && text.p[text.n - 1] == '=')
		text.n--;
	for (size_t i = 0; i < text.n; i++) {
		const char *c = text.p[i] ? strchr(letters, text.p[i]) : NULL;

		if (!c)
			return false;
		bits = bits << 6 | (uint32_t)(c - letters);
		have += 6;
		if (have < 8)
			continue;
		have -= 8;
		if (at == n)
			return false;
		to[at++] = (uint8_t)(bits >> have);
	}
	return at == n;
}

static void encode(struct out *o, const uint8_t *from, size_t n)
{
	for (size_t i = 0; i < n; i += 3) {
		size_t left = MIN(n - i, (size_t)3);
		uint32_t bits = (uint32_t)from[i] << 16 | (left > 1 ? (uint32_t)from[i + 1] << 8 : 0) |
				(left > 2 ? from[i + 2] : 0);

		out_char(o, letters[bits >> 18]);
		out_char(o, letters[bits >> 12 & 63]);
		out_char(o, left > 1 ? letters[bits >> 6 & 63] : '=');
		out_char(o, left > 2 ? letters[bits & 63] : '=');
	}
}

static bool take_suite(struct span name, struct srtp_key *k)
{
	for (k->suite = 0; k->suite < SRTP_SUITES; k->suite++)
		if (span_iis(name, suites[k->suite].name) || span_iis(name, suites[k->suite].other))
			return true;
	return false;
}

/* "inline:KEY", "inline:KEY|2^31"; with an MKI each packet would have one. */
static bool take_key(struct span params, struct srtp_key *k)
{
	struct span key, lifetime;

	if (!span_istarts(params, SPAN("inline:")) || span_chr(params, ';') >= 0)
		return false;
	params = span_from(params, 7);
	span_cut(&params, '|', &key);
	while (span_cut(&params, '|', &lifetime))
		if (span_chr(lifetime, ':') >= 0)
			return false;
	return decode(key, k->bytes, srtp_key_bytes(k->suite) + SRTP_SALT);
}

/* WSH is a hint; "-NAME" may be left alone (6.3.8). */
static bool may_ignore(struct span params)
{
	struct span one;

	while (span_word(&params, &one))
		if (!span_istarts(one, SPAN("WSH=")) && one.p[0] != '-')
			return false;
	return true;
}

bool sdp_crypto_parse(struct span line, struct sdp_crypt *c)
{
	struct span tag, suite, key;

	*c = (struct sdp_crypt){ 0 };
	return span_word(&line, &tag) && span_u32(tag, 999999999, &c->tag) && span_word(&line, &suite) &&
	       span_word(&line, &key) && take_suite(suite, &c->key) && take_key(key, &c->key) && may_ignore(line);
}

void sdp_crypto_write(struct out *o, uint32_t tag, const struct srtp_key *k)
{
	out_fmt(o, "a=crypto:%u %s inline:", tag, suites[k->suite].name);
	encode(o, k->bytes, srtp_key_bytes(k->suite) + SRTP_SALT);
	out_str(o, "\r\n");
}
