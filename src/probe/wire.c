/* probe/wire.c: the probe's datagrams, and the SIP message that shows whether somebody rewrites SIP on the way. */
#include <openssl/hmac.h>
#include <string.h>

#include "probe/priv.h"

#define BODY_MAX 1000 /* bytes: what base64 makes of it fits into a datagram */

static const char *const ops[PROBE_OPS] = { "HELLO", "COOKIE",  "KNOCK",    "KNOCKED", "LOOK",
					    "SEEN",  "OPTIONS", "ANSWERED", "ECHO" };
static const char magic[] = "HAIRPIN-PROBE/1 ";

void probe_mac(struct span key, struct span text, char hex[PROBE_MAC + 1])
{
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	struct out o = out_fixed(hex, PROBE_MAC);

	BUG_ON(!HMAC(EVP_sha256(), key.p, (int)key.n, (const unsigned char *)text.p, text.n, md, &n));
	out_hex(&o, md, PROBE_MAC / 2);
	hex[PROBE_MAC] = '\0';
}

/* What the MAC is over: everything but itself. */
static void mac_of(struct span key, const struct probe_msg *m, char hex[PROBE_MAC + 1])
{
	struct out o = out_growing();

	out_fmt(&o, "%s %.*s %.*s ", ops[m->op], SP(m->cookie), SP(m->tag));
	out_span(&o, m->body);
	probe_mac(key, out_look(&o), hex);
	out_free(&o);
}

void probe_put(struct out *o, struct span key, const struct probe_msg *m)
{
	char mac[PROBE_MAC + 1], coded[PROBE_MAX + 4];
	int n;

	mac_of(key, m, mac);
	out_fmt(o, "%s%s %.*s %.*s %s\r\n", magic, ops[m->op], SP(m->cookie), SP(m->tag), mac);
	if (m->body.n <= BODY_MAX) {
		n = EVP_EncodeBlock((unsigned char *)coded, (const unsigned char *)m->body.p, (int)m->body.n);
		out_bytes(o, coded, (size_t)n);
	}
}

/* Into m->room; false: it is no base64. */
static bool take_body(struct probe_msg *m, struct span coded)
{
	int n = coded.n % 4 ? -1
			    : EVP_DecodeBlock((unsigned char *)m->room, (const unsigned char *)coded.p, (int)coded.n);

	for (size_t i = coded.n; n > 0 && i > 0 && coded.p[i - 1] == '='; i--)
		n--;
	m->body = (struct span){ m->room, (size_t)MAX(n, 0) };
	return n >= 0;
}

static bool take_op(struct span name, enum probe_op *op)
{
	for (int i = 0; i < PROBE_OPS; i++)
		if (span_is(name, ops[i])) {
			*op = (enum probe_op)i;
			return true;
		}
	return false;
}

bool probe_take(struct span bytes, struct span key, struct probe_msg *m)
{
	struct span head, op, mac, rest;
	char good[PROBE_MAC + 1];
	long end;

	if (!span_starts(bytes, span_of(magic)) || bytes.n > PROBE_MAX || (end = span_find(bytes, SPAN("\r\n"))) < 0)
		return false;
	head = span_sub(bytes, 0, (size_t)end);
	rest = span_from(head, strlen(magic));
	if (!take_body(m, span_from(bytes, (size_t)end + 2)))
		return false;
	if (!span_word(&rest, &op) || !span_word(&rest, &m->cookie) || !span_word(&rest, &m->tag) ||
	    !span_word(&rest, &mac) || !take_op(op, &m->op))
		return false;
	mac_of(key, m, good);
	return secret_eq(mac, span_of(good));
}

/* ---- SIP ---- */

void probe_put_sip(struct out *o, struct span key, const struct probe_sip *s)
{
	char from[ADDR_STRLEN], to[ADDR_STRLEN], ip[ADDR_STRLEN], mac[PROBE_MAC + 1];
	const char *family = s->from.family == 6 ? "IP6" : "IP4";

	probe_mac(key, s->cookie, mac);
	addr_str(&s->from, from);
	addr_str(&s->to, to);
	addr_ip_str(&s->from, ip);
	if (s->response)
		out_str(o, "SIP/2.0 200 OK\r\n");
	else
		out_fmt(o, "INVITE sip:probe@%s SIP/2.0\r\n", to);
	out_fmt(o,
		"Via: SIP/2.0/UDP %s;rport;branch=z9hG4bK%.*s\r\nMax-Forwards: 70\r\nFrom: <sip:probe@%s>;tag=probe\r\n"
		"To: <sip:probe@%s>%s\r\nCall-ID: %.*s-%s\r\nCSeq: 1 INVITE\r\nContact: <sip:probe@%s>\r\n"
		"Content-Type: application/sdp\r\n",
		from, SP(s->cookie), ip, to, s->response ? ";tag=listener" : "", SP(s->cookie), mac, from);
	out_fmt(o,
		"Content-Length: %zu\r\n\r\nv=0\r\no=- 1 1 IN %s %s\r\ns=-\r\nc=IN %s %s\r\nt=0 0\r\n"
		"m=audio 40000 RTP/AVP 0\r\na=inactive\r\n",
		strlen("v=0\r\no=- 1 1 IN IP4 \r\ns=-\r\nc=IN IP4 \r\nt=0 0\r\nm=audio 40000 RTP/AVP "
		       "0\r\na=inactive\r\n") +
			2 * strlen(ip),
		family, ip, family, ip);
}

struct span probe_sip_cookie(struct span bytes, struct span key)
{
	long at = span_find(bytes, SPAN("Call-ID: "));
	struct span id, cookie;
	char good[PROBE_MAC + 1];

	if (at < 0)
		return SPAN_NONE;
	id = span_from(bytes, (size_t)at + 9);
	if (id.n < PROBE_COOKIE + 1 + PROBE_MAC || id.p[PROBE_COOKIE] != '-')
		return SPAN_NONE;
	cookie = span_sub(id, 0, PROBE_COOKIE);
	probe_mac(key, cookie, good);
	return secret_eq(span_sub(id, PROBE_COOKIE + 1, PROBE_MAC), span_of(good)) ? cookie : SPAN_NONE;
}
