/*
 * sdp/write.c: struct to body. One audio stream of ours; whatever else the other side has put into the session is
 * repeated in its place with port 0. The address is written once, for the session: the door out has chosen it.
 */
#include "sdp/sdp.h"

#include "sdp/crypto.h"
#include "sdp/pt.h"

#define DYNAMIC_FIRST 96
#define DYNAMIC_LAST  127

/* Numbers that peers of Asterisk have seen before. */
uint8_t sdp_offer_pt(enum codec c)
{
	static const uint8_t dynamic[CODEC_COUNT] = {
		[CODEC_G726] = 111, [CODEC_ILBC] = 97,    [CODEC_SPEEX] = 110, [CODEC_SPEEX16] = 117,
		[CODEC_SLIN] = 122, [CODEC_SLIN16] = 118, [CODEC_OPUS] = 107,
	};

	return codec_descs[c].static_pt >= 0 ? (uint8_t)codec_descs[c].static_pt : dynamic[c];
}

/* The audio stream about to be written. */
struct audio {
	struct sdp_codec_pt codecs[CODEC_COUNT];
	uint8_t n;
	uint8_t dtmf_pt, cn_pt, ptime;
	uint32_t dtmf_rate;
	enum sdp_dir dir;
	bool rtcp_mux;
	const struct srtp_key *key; /* NULL: plain */
	uint32_t tag;
};

static const char *or_dash(const char *s)
{
	return s && s[0] ? s : "-";
}

static void write_ip(struct out *o, const struct addr *a)
{
	out_str(o, a->family == 6 ? "IN IP6 " : "IN IP4 ");
	addr_out_ip(o, a);
	out_str(o, "\r\n");
}

static void write_session(struct out *o, const struct sdp_local *l)
{
	char number[20], address[ADDR_STRLEN + 16];
	struct out id = out_fixed(number, sizeof number), ip = out_fixed(address, sizeof address);

	out_uint(&id, l->session_id);
	write_ip(&ip, &l->face);
	out_all(o, "v=0\r\no=", or_dash(l->owner), " ", out_look(&id), " ");
	if (l->version == l->session_id) /* as in the first SDP */
		out_span(o, out_look(&id));
	else
		out_uint(o, l->version);
	out_all(o, " ", out_look(&ip), "s=", or_dash(l->session), "\r\nc=", out_look(&ip), "t=0 0\r\n");
}

static const char *codec_fmtp(enum codec c)
{
	return c == CODEC_G729 ? "annexb=no" : c == CODEC_G723 ? "annexa=no" : c == CODEC_ILBC ? "mode=30" : NULL;
}

static void write_codec(struct out *o, const struct sdp_codec_pt *c)
{
#define CHANNELS_1 ""
#define CHANNELS_2 "/2"
	static const char *const maps[CODEC_COUNT] = {
#define X(id, name, enc, rate, ch, pt, ptime) [CODEC_##id] = " " enc "/" #rate CHANNELS_##ch "\r\n",
		CODEC_TABLE(X)
#undef X
	};

	out_all(o, "a=rtpmap:", c->pt, maps[c->codec]);
	if (codec_fmtp(c->codec))
		out_fmt(o, "a=fmtp:%u %s\r\n", c->pt, codec_fmtp(c->codec));
}

static void write_formats(struct out *o, const struct audio *s)
{
	for (uint8_t i = 0; i < s->n; i++)
		out_all(o, " ", s->codecs[i].pt);
	if (s->cn_pt)
		out_all(o, " ", s->cn_pt);
	if (s->dtmf_pt)
		out_all(o, " ", s->dtmf_pt);
	out_str(o, "\r\n");
}

static void write_attributes(struct out *o, const struct sdp_local *l, const struct audio *s)
{
	static const char *const dirs[] = { "inactive", "sendonly", "recvonly", "sendrecv" };

	for (uint8_t i = 0; i < s->n; i++)
		write_codec(o, &s->codecs[i]);
	if (s->cn_pt)
		out_all(o, "a=rtpmap:", s->cn_pt, " CN/8000\r\n");
	if (s->dtmf_pt)
		out_all(o, "a=rtpmap:", s->dtmf_pt, " telephone-event/", s->dtmf_rate, "\r\na=fmtp:", s->dtmf_pt,
			" 0-16\r\n");
	if (s->ptime)
		out_all(o, "a=ptime:", s->ptime, "\r\n");
	out_all(o, "a=", dirs[s->dir & SDP_SENDRECV], "\r\n");
	if (s->key)
		sdp_crypto_write(o, s->tag, s->key);
	if (s->rtcp_mux)
		out_str(o, "a=rtcp-mux\r\n");
	else if (l->rtcp_port && l->rtcp_port != l->face.port + 1)
		out_fmt(o, "a=rtcp:%u\r\n", l->rtcp_port);
}

static void write_audio(struct out *o, const struct sdp_local *l, struct span proto, const struct audio *s)
{
	if (!s->n) { /* nothing allowed: a stream that cannot be taken */
		out_str(o, "m=audio 0 RTP/AVP 0\r\n");
		return;
	}
	out_all(o, "m=audio ", l->face.port, " ", proto);
	write_formats(o, s);
	write_attributes(o, l, s);
}

static uint8_t first_ptime(const struct sdp_caps *caps, const struct audio *s)
{
	return caps->ptime || !s->n ? caps->ptime : codec_descs[s->codecs[0].codec].ptime;
}

void sdp_write_offer(struct out *o, const struct sdp_local *l, const struct sdp_caps *caps)
{
	struct audio s = { .dtmf_pt = caps->dtmf ? SDP_PT_DTMF : 0, .dtmf_rate = 8000, .dir = l->dir };

	for (uint8_t i = 0; i < caps->codecs.n; i++)
		s.codecs[s.n++] = (struct sdp_codec_pt){ (enum codec)caps->codecs.id[i],
							 sdp_offer_pt((enum codec)caps->codecs.id[i]) };
	s.ptime = first_ptime(caps, &s);
	s.rtcp_mux = caps->rtcp_mux;
	s.key = caps->srtp ? l->key : NULL;
	s.tag = SDP_CRYPTO_TAG;
	write_session(o, l);
	write_audio(o, l, s.key && !caps->optional ? SPAN("RTP/SAVP") : SPAN("RTP/AVP"), &s);
}

static bool pt_used(const struct audio *s, unsigned pt)
{
	for (uint8_t i = 0; i < s->n; i++)
		if (s->codecs[i].pt == pt)
			return true;
	return pt && (pt == s->dtmf_pt || pt == s->cn_pt); /* 0 in those: none */
}

/* The usual number if it is free within this session; 0 when none is. */
static uint8_t free_pt(const struct audio *s, uint8_t usual)
{
	if (!pt_used(s, usual))
		return usual;
	for (unsigned pt = DYNAMIC_FIRST; pt <= DYNAMIC_LAST; pt++)
		if (!pt_used(s, pt))
			return (uint8_t)pt;
	return 0;
}

static bool has_codec(const struct audio *s, enum codec c)
{
	for (uint8_t i = 0; i < s->n; i++)
		if (s->codecs[i].codec == c)
			return true;
	return false;
}

static void add_caps(struct audio *s, const struct sdp_caps *caps)
{
	for (uint8_t i = 0; i < caps->codecs.n; i++) {
		enum codec c = (enum codec)caps->codecs.id[i];
		uint8_t pt = free_pt(s, sdp_offer_pt(c));

		if (!has_codec(s, c) && (pt || codec_descs[c].static_pt == 0))
			s->codecs[s->n++] = (struct sdp_codec_pt){ c, pt };
	}
}

static void write_line(struct out *o, const struct sdp_line *l)
{
	out_fmt(o, "m=%s 0 %s %s\r\n", l->type, l->proto, l->fmt);
}

void sdp_write_reoffer(struct out *o, const struct sdp_local *l, const struct sdp_caps *caps, const struct sdp_deal *d)
{
	struct audio s = { .dtmf_pt = d->dtmf_pt, .cn_pt = d->cn_pt, .dtmf_rate = d->dtmf_rate, .dir = l->dir };

	if (d->stream < 0) {
		sdp_write_offer(o, l, caps);
		return;
	}
	for (uint8_t i = 0; i < d->n_codecs; i++)
		if (codec_list_has(&caps->codecs, d->codecs[i].codec))
			s.codecs[s.n++] = d->codecs[i];
	add_caps(&s, caps);
	if (caps->dtmf && !s.dtmf_pt)
		s.dtmf_pt = free_pt(&s, SDP_PT_DTMF), s.dtmf_rate = 8000;
	s.ptime = d->ptime;
	s.rtcp_mux = caps->rtcp_mux;
	s.key = caps->srtp || d->crypt ? l->key : NULL;
	s.tag = SDP_CRYPTO_TAG;
	write_session(o, l);
	for (int i = 0; i < d->n_lines; i++) {
		const struct sdp_line *line = d->lines ? &d->lines[i] : &d->only;

		if (i == d->stream)
			write_audio(o, l, span_of(line->proto), &s);
		else
			write_line(o, line);
	}
}

static void write_taken(struct out *o, const struct sdp_local *l, struct span proto, const struct sdp_deal *d)
{
	struct audio s = { .n = d->n_codecs,
			   .dtmf_pt = d->dtmf_pt,
			   .cn_pt = d->cn_pt,
			   .ptime = d->ptime,
			   .dtmf_rate = d->dtmf_rate,
			   .dir = (enum sdp_dir)(l->dir & d->dir),
			   .rtcp_mux = d->rtcp_mux,
			   .key = d->crypt ? l->key : NULL,
			   .tag = d->crypt ? d->crypt->tag : 0 };

	for (uint8_t i = 0; i < d->n_codecs; i++)
		s.codecs[i] = d->codecs[i];
	write_audio(o, l, proto, &s);
}

void sdp_write_answer(struct out *o, const struct sdp_local *l, const struct sdp *offer, const struct sdp_deal *d)
{
	write_session(o, l);
	if (d->n_lines == 1)
		write_taken(o, l, span_of(d->only.proto), d);
	for (uint8_t i = 0; d->n_lines > 1 && i < offer->n_media; i++) {
		const struct sdp_media *m = &offer->media[i];

		if (i == d->stream)
			write_taken(o, l, m->proto, d);
		else
			out_fmt(o, "m=%.*s 0 %.*s %.*s\r\n", SP(m->type_text), SP(m->proto), SP(m->fmt_text));
	}
}
