/*
 * sdp/deal.c: what both sides can do, seen from ours (RFC 3264). The first audio stream that shares a codec with us
 * is taken, one in SRTP before one in plain RTP where both will do; the payload numbers are the ones the other side
 * wrote. Direction is turned round here once, so that everyone above reads "what may we send and receive".
 */
#include "sdp/sdp.h"

#include <errno.h>
#include <stdlib.h>

#include "sdp/crypto.h"
#include "sdp/pt.h"

#define PTIME_LEAST 5
#define PTIME_MOST  120

/* What an SDP is read as. */
struct asked {
	bool ours;                  /* it answers our offer, */
	const struct srtp_key *key; /* which had this key; NULL: none */
	bool secure;                /* only RTP/SAVP will do */
};

static enum sdp_dir turned(enum sdp_dir d)
{
	return (enum sdp_dir)((d & SDP_SENDONLY ? SDP_RECVONLY : 0) | (d & SDP_RECVONLY ? SDP_SENDONLY : 0));
}

/* An answer may leave out the rtpmap of a number that we gave. */
static enum codec offered_codec(const struct sdp_fmt *f)
{
	if (f->codec == CODEC_NONE && !f->encoding.n)
		for (int c = 0; c < CODEC_COUNT; c++)
			if (sdp_offer_pt((enum codec)c) == f->pt)
				return (enum codec)c;
	return f->codec;
}

static bool deal_has(const struct sdp_deal *d, enum codec c)
{
	for (uint8_t i = 0; i < d->n_codecs; i++)
		if (d->codecs[i].codec == c)
			return true;
	return false;
}

static void add_codec(struct sdp_deal *d, enum codec c, uint8_t pt)
{
	if (!deal_has(d, c))
		d->codecs[d->n_codecs++] = (struct sdp_codec_pt){ c, pt };
}

static void take_codecs(const struct sdp_caps *caps, const struct sdp_media *m, bool ours, struct sdp_deal *d)
{
	d->n_codecs = 0;
	for (uint8_t i = 0; i < m->n_fmts; i++) {
		enum codec c = ours ? offered_codec(&m->fmts[i]) : m->fmts[i].codec;

		if (c < CODEC_NONE && codec_list_has(&caps->codecs, c))
			add_codec(d, c, m->fmts[i].pt);
	}
	for (uint8_t i = caps->codecs.n; !ours && caps->answer_ours && i-- > 0;)
		sdp_deal_prefer(d, (enum codec)caps->codecs.id[i]);
	if (caps->single_codec && d->n_codecs > 1)
		d->n_codecs = 1;
}

/* telephone-event counts in the clock of the codec that it interrupts; 8000 Hz will do when there is no other. */
static void take_dtmf(const struct sdp_media *m, bool ours, uint32_t rate, struct sdp_deal *d)
{
	d->dtmf_rate = 8000;
	for (uint8_t i = 0; i < m->n_fmts; i++) {
		const struct sdp_fmt *f = &m->fmts[i];
		bool bare = ours && f->pt == SDP_PT_DTMF && !f->encoding.n;

		if (bare || (f->dtmf && f->rate == rate)) {
			d->dtmf_pt = f->pt;
			d->dtmf_rate = bare ? 8000 : rate;
			return;
		}
		if (f->dtmf && f->rate == 8000)
			d->dtmf_pt = f->pt;
	}
}

static bool has_cn(const struct sdp_media *m)
{
	for (uint8_t i = 0; i < m->n_fmts; i++)
		if (m->fmts[i].cn && m->fmts[i].pt == SDP_PT_CN)
			return true;
	return false;
}

static uint8_t ptime_of(const struct sdp_caps *caps, const struct sdp_media *m, enum codec c)
{
	if (m->ptime >= PTIME_LEAST && m->ptime <= PTIME_MOST)
		return m->ptime;
	return caps->ptime ? caps->ptime : codec_descs[c].ptime;
}

/* What does not fit, or is not made of visible characters only, becomes something harmless. */
static void copy_word(struct span s, const char *otherwise, char *buf, size_t cap)
{
	bool fits = s.n && s.n < cap;

	for (size_t i = 0; fits && i < s.n; i++)
		fits = s.p[i] > ' ' && s.p[i] <= '~';
	span_copy(fits ? s : span_of(otherwise), buf, cap);
}

static void note_lines(const struct sdp *s, struct sdp_deal *d)
{
	d->n_lines = s->n_media;
	d->lines = s->n_media > 1 ? xcalloc(s->n_media, sizeof d->lines[0]) : NULL;
	for (uint8_t i = 0; i < s->n_media; i++) {
		struct sdp_line *l = d->lines ? &d->lines[i] : &d->only;
		struct span formats = s->media[i].fmt_text, first;

		span_word(&formats, &first);
		copy_word(s->media[i].type_text, "application", l->type, sizeof l->type);
		copy_word(s->media[i].proto, "RTP/AVP", l->proto, sizeof l->proto);
		copy_word(first, "0", l->fmt, sizeof l->fmt);
	}
}

static void crypt_free(struct sdp_crypt **c)
{
	if (*c)
		explicit_bzero(*c, sizeof **c);
	free(*c);
	*c = NULL;
}

/* The first of their keys that we can work with; in an answer, the one for what we offered. */
static bool take_key(const struct sdp_media *m, const struct srtp_key *ours, struct sdp_deal *d)
{
	struct sdp_crypt c;
	bool fits = false;

	for (uint8_t i = 0; i < m->n_keys && !fits; i++)
		fits = sdp_crypto_parse(m->keys[i], &c) &&
		       (!ours || (c.tag == SDP_CRYPTO_TAG && c.key.suite == ours->suite));
	if (fits) {
		crypt_free(&d->crypt);
		d->crypt = xmalloc(sizeof c);
		*d->crypt = c;
	}
	explicit_bzero(&c, sizeof c);
	return fits;
}

/* Asterisk's rules: RTP/SAVP is SRTP or nothing; RTP/AVP with keys may be either. */
static bool take_profile(const struct sdp_caps *caps, const struct sdp_media *m, const struct asked *a,
			 struct sdp_deal *d)
{
	bool can = a->ours ? a->key != NULL : caps->srtp || caps->optional;

	if (m->sdes)
		return can && take_key(m, a->key, d);
	if (!m->rtp_avp)
		return false;
	return (can && take_key(m, a->key, d)) || !caps->srtp || caps->optional;
}

static bool take_stream(const struct sdp_caps *caps, const struct sdp_media *m, const struct asked *a,
			struct sdp_deal *d)
{
	bool ours = a->ours;
	enum codec first;

	if (m->type != SDP_AUDIO || !m->port || (a->secure && !m->sdes))
		return false;
	take_codecs(caps, m, ours, d);
	if (!d->n_codecs || !take_profile(caps, m, a, d))
		return false;
	first = d->codecs[0].codec;
	if (caps->dtmf)
		take_dtmf(m, ours, codec_descs[first].rate, d);
	d->cn_pt = caps->cn && has_cn(m) ? SDP_PT_CN : 0;
	d->ptime = ptime_of(caps, m, first);
	d->remote = m->conn;
	d->remote_rtcp = m->rtcp;
	d->dir = turned(m->dir);
	d->held = m->conn_null || !(m->dir & SDP_RECVONLY);
	if (m->conn_null)
		d->dir &= SDP_RECVONLY;
	d->rtcp_mux = caps->rtcp_mux && m->rtcp_mux;
	return true;
}

static int deal(const struct sdp_caps *caps, const struct sdp *s, struct asked a, struct sdp_deal *d)
{
	*d = (struct sdp_deal){ .stream = -1 };
	for (int secure = caps->srtp; secure >= 0 && d->stream < 0; secure--) {
		a.secure = secure;
		for (uint8_t i = 0; i < s->n_media && d->stream < 0; i++)
			if (take_stream(caps, &s->media[i], &a, d))
				d->stream = i;
	}
	if (d->stream < 0)
		return -ENOENT;
	note_lines(s, d);
	return 0;
}

void sdp_deal_free(struct sdp_deal *d)
{
	free(d->lines);
	crypt_free(&d->crypt);
	*d = (struct sdp_deal){ 0 };
}

int sdp_deal_offered(const struct sdp_caps *caps, const struct sdp *offer, struct sdp_deal *d)
{
	return deal(caps, offer, (struct asked){ 0 }, d);
}

int sdp_deal_answered(const struct sdp_caps *caps, const struct sdp_local *l, const struct sdp *answer,
		      struct sdp_deal *d)
{
	return deal(caps, answer, (struct asked){ .ours = true, .key = l->key }, d);
}

bool sdp_deal_prefer(struct sdp_deal *d, enum codec c)
{
	for (uint8_t i = 0; i < d->n_codecs; i++) {
		struct sdp_codec_pt chosen = d->codecs[i];

		if (chosen.codec != c)
			continue;
		for (; i > 0; i--)
			d->codecs[i] = d->codecs[i - 1];
		d->codecs[0] = chosen;
		return true;
	}
	return false;
}
