/*
 * bench/load_msg.c: as much of SIP as a generator needs. It reads what a well-behaved server writes (long header names,
 * one line each) and is no parser for the open network.
 */
#include <arpa/inet.h>
#include <openssl/evp.h>

#include "load.h"

static void read_header(struct parts *m, struct span name, struct span value)
{
	struct {
		const char *name;
		struct span *to;
	} one[] = { { "from", &m->from }, { "to", &m->to },           { "call-id", &m->call_id },
		    { "cseq", &m->cseq }, { "contact", &m->contact }, { "retry-after", &m->retry_after } };

	if (span_iis(name, "via") && m->n_via < VIAS_MAX) {
		m->via[m->n_via++] = value;
	} else if (span_iis(name, "record-route") && m->n_route < ROUTES_MAX) {
		m->route[m->n_route++] = value;
	} else if (span_iis(name, "www-authenticate") && !m->challenge.n && span_find(value, SPAN("SHA")) < 0) {
		m->challenge = value;
	} else {
		for (size_t i = 0; i < ARRAY_LEN(one); i++)
			if (span_iis(name, one[i].name))
				*one[i].to = value;
	}
}

bool parts_read(struct span bytes, struct parts *m)
{
	struct span line, head;

	*m = (struct parts){ 0 };
	if (!span_cut(&bytes, '\n', &line))
		return false;
	if (span_starts(line, SPAN("SIP/2.0 ")))
		m->status = (unsigned)parts_number(span_from(line, 8));
	else if (!span_word(&line, &m->method) || !span_word(&line, &m->uri))
		return false;
	while (span_cut(&bytes, '\n', &line) && line.n > 1) {
		if (span_cut(&line, ':', &head))
			read_header(m, head, span_trim(line));
	}
	m->body = bytes;
	return m->n_via && m->call_id.n && m->cseq.n;
}

uint64_t parts_number(struct span text)
{
	uint64_t n = 0;
	size_t i = 0;

	while (i < text.n && (text.p[i] < '0' || text.p[i] > '9'))
		i++;
	for (; i < text.n && text.p[i] >= '0' && text.p[i] <= '9'; i++)
		n = n * 10 + (uint64_t)(text.p[i] - '0');
	return n;
}

struct span parts_contact(const struct parts *m)
{
	struct span uri = m->contact;
	long open = span_chr(uri, '<');

	if (open >= 0) {
		uri = span_from(uri, (size_t)open + 1);
		uri = span_sub(uri, 0, (size_t)MAX(span_chr(uri, '>'), 0));
	}
	return uri;
}

static void put(struct out *o, const char *name, struct span value)
{
	out_str(o, name);
	out_span(o, value);
	out_str(o, "\r\n");
}

void parts_answer(struct out *o, const struct parts *m, const char *status, const char *tag)
{
	put(o, "SIP/2.0 ", span_of(status));
	for (unsigned i = 0; i < m->n_via; i++)
		put(o, "Via: ", m->via[i]);
	for (unsigned i = 0; i < m->n_route; i++)
		put(o, "Record-Route: ", m->route[i]);
	put(o, "From: ", m->from);
	out_str(o, "To: ");
	out_span(o, m->to);
	if (tag && span_find(m->to, SPAN(";tag=")) < 0) {
		out_str(o, ";tag=");
		out_str(o, tag);
	}
	out_str(o, "\r\n");
	put(o, "Call-ID: ", m->call_id);
	put(o, "CSeq: ", m->cseq);
}

bool parts_media(const struct parts *m, struct sockaddr_in *to)
{
	long c = span_find(m->body, SPAN("c=IN IP4 ")), a = span_find(m->body, SPAN("m=audio "));
	struct span host;
	char buf[32];

	if (c < 0 || a < 0)
		return false;
	host = span_from(m->body, (size_t)c + 9);
	host = span_trim(span_sub(host, 0, (size_t)MAX(span_chr(host, '\n'), 0)));
	to->sin_family = AF_INET;
	to->sin_port = htons((uint16_t)parts_number(span_from(m->body, (size_t)a)));
	return span_copy(host, buf, sizeof buf) && inet_pton(AF_INET, buf, &to->sin_addr) == 1 && to->sin_port;
}

/* ---- digest, RFC 7616 with MD5 ---- */

static void md5_hex(char hex[33], const char *const parts[], unsigned n)
{
	struct out o = out_fixed(hex, 33);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char sum[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	EVP_DigestInit_ex(ctx, EVP_md5(), NULL);
	for (unsigned i = 0; i < n; i++) {
		EVP_DigestUpdate(ctx, parts[i], strlen(parts[i]));
		if (i + 1 < n)
			EVP_DigestUpdate(ctx, ":", 1);
	}
	EVP_DigestFinal_ex(ctx, sum, &len);
	EVP_MD_CTX_free(ctx);
	out_hex(&o, sum, 16);
	hex[32] = '\0';
}

static bool parameter(struct span text, const char *name, char *buf, size_t cap)
{
	char key[32];
	struct out o = out_fixed(key, sizeof key);
	long at;

	out_fmt(&o, "%s=\"", name);
	at = span_find(text, out_look(&o));
	if (at < 0)
		return false;
	text = span_from(text, (size_t)at + o.n);
	return span_copy(span_sub(text, 0, (size_t)MAX(span_chr(text, '"'), 0)), buf, cap);
}

bool parts_authorize(struct out *o, const struct parts *m, const struct digest_user *u)
{
	char realm[128], nonce[256], opaque[128], ha1[33], ha2[33], response[33];
	bool has_opaque = parameter(m->challenge, "opaque", opaque, sizeof opaque);
	bool has_qop = span_find(m->challenge, SPAN("qop=")) >= 0;

	if (!parameter(m->challenge, "realm", realm, sizeof realm) ||
	    !parameter(m->challenge, "nonce", nonce, sizeof nonce))
		return false;
	md5_hex(ha1, (const char *[]){ u->name, realm, u->password }, 3);
	md5_hex(ha2, (const char *[]){ u->method, u->uri }, 2);
	if (has_qop)
		md5_hex(response, (const char *[]){ ha1, nonce, "00000001", "5f3ad9", "auth", ha2 }, 6);
	else
		md5_hex(response, (const char *[]){ ha1, nonce, ha2 }, 3);
	out_fmt(o,
		"Authorization: Digest username=\"%s\",realm=\"%s\",nonce=\"%s\",uri=\"%s\",response=\"%s\","
		"algorithm=MD5%s",
		u->name, realm, nonce, u->uri, response, has_qop ? ",qop=auth,nc=00000001,cnonce=\"5f3ad9\"" : "");
	if (has_opaque)
		out_fmt(o, ",opaque=\"%s\"", opaque);
	out_str(o, "\r\n");
	return true;
}
