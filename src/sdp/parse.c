/*
 * sdp/parse.c: body to struct in one pass over the lines. The text comes from anybody: every number is bounded, every
 * list has a fixed end, spans point into the body. Session-level values (c=, direction, ICE, keys) are kept aside and
 * given at the end to the streams that don't have their own. Strict where a mistake would send audio to the wrong place
 * (m=, c=), lenient where it would only refuse calls (unknown lines and attributes); o= and s= tell us nothing.
 */
#include "sdp/sdp.h"

#include <errno.h>
#include <string.h>

struct conn {
	bool given, null;
	struct addr addr; /* family 0: null, or a name */
};

/* What a level (the session, or one stream) said; merged in finish(). */
struct level {
	struct conn conn;
	bool has_dir;
	enum sdp_dir dir;
	uint16_t rtcp_port;
	struct addr rtcp_addr;
	uint8_t ptime;
	bool rtcp_mux, ice, crypto;
};

struct reader {
	struct sdp *s;
	struct level session, media[SDP_MAX_MEDIA];
	bool version;
	const char *why;
};

static bool wrong(struct reader *r, const char *why)
{
	r->why = why;
	return false;
}

static struct sdp_media *current(struct reader *r)
{
	return r->s->n_media ? &r->s->media[r->s->n_media - 1] : NULL;
}

static struct level *level(struct reader *r)
{
	return r->s->n_media ? &r->media[r->s->n_media - 1] : &r->session;
}

/* nettype SP addrtype SP connection-address, a "/ttl" or "/count" behind it left out */
static bool take_conn(struct span v, struct conn *c)
{
	struct span net, type, host, text;

	if (!span_word(&v, &net) || !span_iis(net, "IN") || !span_word(&v, &type) || !span_word(&v, &text))
		return false;
	if (!span_iis(type, "IP4") && !span_iis(type, "IP6"))
		return false;
	span_cut(&text, '/', &host);
	*c = (struct conn){ .given = true };
	if (addr_parse_ip(host, &c->addr) && addr_is_any(&c->addr)) {
		c->null = true;
		c->addr = (struct addr){ 0 };
	}
	return host.n > 0;
}

static enum sdp_type type_of(struct span t)
{
	static const char *const names[] = {
		[SDP_AUDIO] = "audio", [SDP_VIDEO] = "video", [SDP_IMAGE] = "image", [SDP_APPLICATION] = "application"
	};
	int i = 0;

	while (i < SDP_OTHER && !span_iis(t, names[i]))
		i++;
	return (enum sdp_type)i;
}

static struct sdp_fmt *find_fmt(struct sdp_media *m, unsigned pt)
{
	for (uint8_t i = 0; m && i < m->n_fmts; i++)
		if (m->fmts[i].pt == pt)
			return &m->fmts[i];
	return NULL;
}

static void take_fmts(struct sdp_media *m)
{
	struct span rest = m->fmt_text, word;
	uint32_t pt;

	while (m->n_fmts < SDP_MAX_FMT && span_word(&rest, &word))
		if (span_u32(word, 127, &pt) && !find_fmt(m, pt))
			m->fmts[m->n_fmts++] =
				(struct sdp_fmt){ .pt = (uint8_t)pt, .codec = CODEC_NONE, .channels = 1 };
}

/* It will be written back in our answer. */
static bool is_text(struct span v)
{
	for (size_t i = 0; i < v.n; i++)
		if ((unsigned char)v.p[i] < ' ' && v.p[i] != '\t')
			return false;
	return true;
}

/* media SP port ["/" count] SP proto 1*(SP fmt) */
static bool line_media(struct reader *r, struct span v)
{
	struct span port, number;
	struct sdp_media *m;
	uint32_t n;

	if (r->s->n_media == SDP_MAX_MEDIA)
		return wrong(r, "too many m= lines");
	if (!is_text(v))
		return wrong(r, "an m= line has control characters");
	m = &r->s->media[r->s->n_media];
	memset(m, 0, offsetof(struct sdp_media, keys));
	r->media[r->s->n_media++] = (struct level){ 0 };
	if (!span_word(&v, &m->type_text) || !span_word(&v, &port) || !span_word(&v, &m->proto))
		return wrong(r, "an m= line is incomplete");
	span_cut(&port, '/', &number);
	if (!span_u32(number, 65535, &n))
		return wrong(r, "an m= line has no port");
	m->fmt_text = span_trim(v);
	if (!m->fmt_text.n)
		return wrong(r, "an m= line has no format");
	m->port = (uint16_t)n;
	m->type = type_of(m->type_text);
	m->rtp_avp = span_iis(m->proto, "RTP/AVP") || span_iis(m->proto, "RTP/AVPF");
	m->sdes = span_iis(m->proto, "RTP/SAVP") || span_iis(m->proto, "RTP/SAVPF");
	m->secure = span_istarts(m->proto, SPAN("RTP/SAVP")) || span_istarts(m->proto, SPAN("UDP/TLS/"));
	if (m->rtp_avp || m->secure)
		take_fmts(m);
	return true;
}

/* "96" in "96 rest": the number goes to *pt, the rest stays in v */
static struct sdp_fmt *named_fmt(struct reader *r, struct span *v)
{
	struct span word;
	uint32_t pt;

	if (!span_word(v, &word) || !span_u32(word, 127, &pt))
		return NULL;
	*v = span_trim(*v);
	return find_fmt(current(r), pt);
}

/* encoding "/" clock rate ["/" channels] */
static void attr_rtpmap(struct reader *r, struct span v)
{
	struct sdp_fmt *f = named_fmt(r, &v);
	struct span rate, channels = SPAN_NONE;
	uint32_t n = 1;

	if (!f || f->encoding.n || !span_cut(&v, '/', &f->encoding) || !span_cut(&v, '/', &rate))
		return;
	if (!span_u32(span_trim(rate), 1000000, &f->rate))
		f->rate = 0;
	span_cut(&v, '/', &channels);
	if (span_u32(span_trim(channels), 255, &n))
		f->channels = (uint8_t)n;
}

static void attr_fmtp(struct reader *r, struct span v)
{
	struct sdp_fmt *f = named_fmt(r, &v);

	if (f)
		f->fmtp = v;
}

/* port [nettype SP addrtype SP connection-address] */
static void attr_rtcp(struct level *l, struct span v)
{
	struct span word;
	struct conn c;
	uint32_t port;

	if (!span_word(&v, &word) || !span_u32(word, 65535, &port))
		return;
	l->rtcp_port = (uint16_t)port;
	if (take_conn(v, &c))
		l->rtcp_addr = c.addr;
}

static bool attr_dir(struct level *l, struct span name)
{
	static const char names[4][9] = { "inactive", "sendonly", "recvonly", "sendrecv" }; /* all of one length */

	for (int i = 0; name.n == sizeof names[0] - 1 && i < 4; i++) {
		if (!span_ieq(name, (struct span){ names[i], name.n }))
			continue;
		l->has_dir = true;
		l->dir = (enum sdp_dir)i;
		return true;
	}
	return false;
}

/* Of a stream only (RFC 4568 5). */
static void attr_crypto(struct reader *r, struct span v)
{
	struct sdp_media *m = current(r);

	if (m && m->n_keys < SDP_MAX_KEYS)
		m->keys[m->n_keys++] = v;
}

static void line_attr(struct reader *r, struct span v)
{
	struct level *l = level(r);
	struct span name, digits;
	uint32_t n;

	span_cut(&v, ':', &name);
	name = span_trim(name);
	v = v.p ? span_trim(v) : SPAN(""); /* a flag has no value */
	if (attr_dir(l, name))
		return;
	if (span_iis(name, "rtpmap")) {
		attr_rtpmap(r, v);
	} else if (span_iis(name, "fmtp")) {
		attr_fmtp(r, v);
	} else if (span_iis(name, "ptime")) {
		span_cut(&v, '.', &digits);
		l->ptime = span_u32(digits, 200, &n) ? (uint8_t)n : l->ptime;
	} else if (span_iis(name, "rtcp")) {
		attr_rtcp(l, v);
	} else if (span_iis(name, "rtcp-mux")) {
		l->rtcp_mux = true;
	} else if (span_iis(name, "ice-ufrag") || span_iis(name, "candidate")) {
		l->ice = true;
	} else if (span_iis(name, "crypto")) {
		l->crypto = true;
		attr_crypto(r, v);
	} else if (span_iis(name, "fingerprint")) {
		l->crypto = true;
	}
}

static bool line(struct reader *r, struct span text)
{
	struct span v = span_from(text, 2);

	if (text.n < 2 || text.p[1] != '=')
		return wrong(r, "a line is not of the form x=value");
	if (!r->version && (text.p[0] != 'v' || !span_is(span_trim(v), "0")))
		return wrong(r, "it does not begin with v=0");
	r->version = true;
	switch (text.p[0]) {
	case 'c': return take_conn(v, &level(r)->conn) || wrong(r, "a c= line is malformed");
	case 'm': return line_media(r, v);
	case 'a': line_attr(r, v); return true;
	default: return true;
	}
}

static void finish_fmt(struct sdp_fmt *f)
{
	if (!f->encoding.n) {
		f->codec = codec_by_static_pt(f->pt);
		f->cn = f->pt == 13;
		f->rate = f->cn ? 8000 : f->codec < CODEC_NONE ? codec_descs[f->codec].rate : 0;
		return;
	}
	f->dtmf = span_iis(f->encoding, "telephone-event");
	f->cn = span_iis(f->encoding, "CN");
	f->codec = codec_by_rtpmap(f->encoding, f->rate, f->channels);
}

static void finish(struct sdp_media *m, const struct level *own, const struct level *session)
{
	const struct conn *c = own->conn.given ? &own->conn : &session->conn;

	for (uint8_t i = 0; i < m->n_fmts; i++)
		finish_fmt(&m->fmts[i]);
	m->conn_null = c->null;
	if (c->addr.family)
		m->conn = addr_with_port(&c->addr, m->port);
	if (own->rtcp_port && own->rtcp_addr.family)
		m->rtcp = addr_with_port(&own->rtcp_addr, own->rtcp_port);
	else if (own->rtcp_port && m->conn.family)
		m->rtcp = addr_with_port(&m->conn, own->rtcp_port);
	m->dir = own->has_dir ? own->dir : session->has_dir ? session->dir : SDP_SENDRECV;
	m->ptime = own->ptime ? own->ptime : session->ptime;
	m->rtcp_mux = own->rtcp_mux || session->rtcp_mux;
	m->has_ice = own->ice || session->ice;
	m->has_crypto = own->crypto || session->crypto;
}

int sdp_parse(struct span body, struct sdp *s, const char **why)
{
	struct reader r;
	struct span text;

	r.s = s;
	r.session = (struct level){ 0 };
	r.version = false;
	s->n_media = 0;
	*why = NULL;
	while (span_cut(&body, '\n', &text)) {
		if (text.n && text.p[text.n - 1] == '\r')
			text.n--;
		if (text.n && !line(&r, text)) {
			*why = r.why;
			return -EBADMSG;
		}
	}
	if (!r.version) {
		*why = "it is empty";
		return -EBADMSG;
	}
	for (uint8_t i = 0; i < s->n_media; i++)
		finish(&s->media[i], &r.media[i], &r.session);
	return 0;
}
