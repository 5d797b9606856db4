/*
 * sim/phone_rtp.c: what a virtual phone says and hears: G.711 at a constant level that stands for its number, spaced so
 * that both laws, one after the other, leave it recognisable; RFC 4733 digits between the frames.
 */
#include "sim/phone.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "media/pcm.h"
#include "media/rtp.h"

#define FRAME_MS   20
#define SAMPLES    160
#define LEVEL      256.0 /* of number 0 */
#define STEP       1.18  /* between numbers: G.711 twice is off by 6 % at most */
#define HEARD_FOR  200
#define SOMETHING  255
#define EVENT_SENT 8 /* packets of one digit: five while it is held, three ends */

static const char digits[] = "0123456789*#ABCD";

static int16_t level_of(unsigned number)
{
	return (int16_t)(LEVEL * pow(STEP, number));
}

static unsigned number_of(const int16_t *pcm, size_t n)
{
	double level = n ? pcm[0] : 0, number;

	for (size_t i = 1; i < n; i++)
		if (pcm[i] != pcm[0])
			return SOMETHING;
	if (level < LEVEL / 2)
		return level < -LEVEL / 2 ? SOMETHING : 0;
	number = log(level / LEVEL) / log(STEP);
	return fabs(number - round(number)) < 0.45 && number > 0.5 ? (unsigned)lround(number) : SOMETHING;
}

void phone_rtp_open(struct sim_phone *p)
{
	struct media_io *io = sim_host_media(p->c.host);
	struct addr bind = p->c.host->at[0].ip;

	if (p->rtp.open)
		return;
	p->rtp = (struct phone_rtp){
		.muted = p->rtp.muted, .pace = p->rtp.pace, .port = p->next_rtp_port, .open = true
	};
	p->next_rtp_port = (uint16_t)(p->next_rtp_port + 2);
	p->rtp.ssrc = rng_u32(&p->sim->clock.rng);
	p->rtp.seq = (uint16_t)rng_u32(&p->sim->clock.rng);
	bind.port = p->rtp.port;
	BUG_ON(io->open(io->arg, &bind, &p->rtp.sock) < 0);
	clock_in(&p->sim->clock, &p->frame, FRAME_MS);
}

void phone_rtp_close(struct sim_phone *p)
{
	struct media_io *io = sim_host_media(p->c.host);

	clock_stop(&p->sim->clock, &p->frame);
	if (p->rtp.open)
		io->close(io->arg, p->rtp.sock);
	srtp_free(p->rtp.in);
	srtp_free(p->rtp.out);
	p->rtp = (struct phone_rtp){ .muted = p->rtp.muted, .pace = p->rtp.pace };
}

void sim_phone_jam(struct sim_phone *p, const struct addr *to)
{
	if (!to->family) {
		phone_rtp_close(p);
		return;
	}
	phone_rtp_open(p);
	p->rtp.jam = *to;
}

struct addr phone_rtp_target(const struct sim_phone *p)
{
	const struct phone_call *c = &p->call;

	if (p->rtp.jam.family)
		return p->rtp.jam;
	if (!c->has_deal || !(c->deal.dir & SDP_SENDONLY))
		return (struct addr){ 0 };
	return p->c.symmetric && p->rtp.source.family ? p->rtp.source : c->deal.remote;
}

unsigned phone_rtp_hears(const struct sim_phone *p)
{
	return p->rtp.open && p->rtp.heard_at && p->sim->clock.now - p->rtp.heard_at <= HEARD_FOR ? p->rtp.heard : 0;
}

static struct span event_payload(struct sim_phone *p, uint8_t buf[4])
{
	unsigned n = p->rtp.digit_packet;

	buf[0] = (uint8_t)(strchr(digits, p->rtp.digit) - digits);
	buf[1] = n >= EVENT_SENT - 3 ? 0x8a : 0x0a;
	put16(buf + 2, MIN(n + 1, EVENT_SENT - 3u) * SAMPLES);
	return (struct span){ (char *)buf, 4 };
}

/* One packet of the digit; the timestamp stands still until it is over. */
static struct rtp digit_packet(struct sim_phone *p, uint8_t buf[4])
{
	struct rtp r = { .pt = p->call.deal.dtmf_pt,
			 .marker = p->rtp.digit_packet == 0,
			 .ts = p->rtp.ts,
			 .payload = event_payload(p, buf) };

	if (++p->rtp.digit_packet == EVENT_SENT) {
		p->rtp.ts += EVENT_SENT * SAMPLES;
		p->rtp.digit = 0;
	}
	return r;
}

/* A frame's payload, all its samples of one level. */
static size_t frame_of(enum codec codec, int16_t level, uint8_t *payload)
{
	size_t one = pcm_encode(codec, &level, 1, payload), all = SAMPLES * one;

	for (size_t n = one; n < all; n += MIN(n, all - n))
		memcpy(payload + n, payload, MIN(n, all - n));
	return all;
}

static void send_frame(struct sim_phone *p, const struct addr *to)
{
	const struct sdp_codec_pt *f = &p->call.deal.codecs[0];
	struct media_io *io = sim_host_media(p->c.host);
	uint8_t payload[2 * SAMPLES], packet[2 * SAMPLES + RTP_HEADER + SRTP_TRAILER];
	struct rtp r;
	size_t n;

	if (p->rtp.digit) {
		r = digit_packet(p, payload);
	} else {
		n = frame_of(f->codec, level_of(p->number), payload);
		r = (struct rtp){ .pt = f->pt, .ts = p->rtp.ts, .payload = { (char *)payload, n } };
		p->rtp.ts += SAMPLES;
	}
	r.ssrc = p->rtp.ssrc;
	r.seq = p->rtp.seq++;
	n = rtp_write(packet, sizeof packet - SRTP_TRAILER, &r);
	if (p->rtp.out)
		n = srtp_seal(p->rtp.out, packet, n, false);
	io->send(io->arg, p->rtp.sock, to, (struct span){ (char *)packet, n });
	p->st.rtp_tx++;
}

void phone_rtp_frame(struct timer *t, ms_t now UNUSED)
{
	struct sim_phone *p = container_of(t, struct sim_phone, frame);
	struct addr to = phone_rtp_target(p);

	if (to.family && !p->rtp.muted)
		send_frame(p, &to);
	clock_in(&p->sim->clock, &p->frame, MAX(p->rtp.pace, FRAME_MS));
}

void sim_phone_pace(struct sim_phone *p, ms_t frame)
{
	p->rtp.pace = frame;
	if (p->rtp.open)
		clock_in(&p->sim->clock, &p->frame, FRAME_MS);
}

static void hear_digit(struct sim_phone *p, const struct rtp *r)
{
	size_t n = strlen(p->st.digits);
	unsigned event = (unsigned char)r->payload.p[0];

	if ((p->rtp.event_seen && p->rtp.event_ts == r->ts) || event >= sizeof digits - 1 ||
	    n + 1 >= sizeof p->st.digits)
		return;
	p->rtp.event_seen = true;
	p->rtp.event_ts = r->ts;
	p->st.digits[n] = digits[event];
	p->st.digits[n + 1] = '\0';
}

static void use_key(struct srtp **s, struct srtp_key *has, const struct srtp_key *key)
{
	if (*s && srtp_key_eq(has, key))
		return;
	srtp_free(*s);
	*s = srtp_new(key, false);
	*has = *key;
}

void phone_rtp_secure(struct sim_phone *p)
{
	const struct sdp_crypt *theirs = p->call.deal.crypt;
	struct srtp_key ours = p->call.key;

	ours.bytes[0] ^= p->c.wrong_key;
	if (theirs) {
		BUG_ON(p->rtp.in_spent && srtp_key_eq(&p->rtp.in_key, &theirs->key));
		p->rtp.in_spent = false;
		use_key(&p->rtp.in, &p->rtp.in_key, &theirs->key);
		use_key(&p->rtp.out, &p->rtp.out_key, &ours);
		return;
	}
	p->rtp.in_spent |= p->rtp.in != NULL;
	srtp_free(p->rtp.in);
	srtp_free(p->rtp.out);
	p->rtp.in = p->rtp.out = NULL;
}

void phone_rtp_input(void *arg, uint32_t sock, const struct addr *from, struct span bytes)
{
	struct sim_phone *p = arg;
	const struct sdp_deal *d = &p->call.deal;
	enum codec codec = CODEC_NONE;
	uint8_t plain[PACKET_MAX];
	int16_t pcm[4 * SAMPLES];
	struct rtp r;

	if (!p->rtp.open || sock != p->rtp.sock || rtp_is_rtcp(bytes) || bytes.n > sizeof plain)
		return;
	if (p->rtp.in) {
		memcpy(plain, bytes.p, bytes.n);
		if (srtp_open(p->rtp.in, plain, &bytes.n, false) != SRTP_OPENED)
			return;
		bytes.p = (const char *)plain;
	}
	if (!rtp_parse(bytes, &r))
		return;
	p->st.rtp_rx++;
	p->rtp.source = *from;
	if (p->call.has_deal && d->dtmf_pt && r.pt == d->dtmf_pt && r.payload.n >= 4) {
		hear_digit(p, &r);
		return;
	}
	for (size_t i = 0; p->call.has_deal && i < d->n_codecs; i++)
		if (d->codecs[i].pt == r.pt)
			codec = d->codecs[i].codec;
	if (codec == CODEC_NONE && r.pt < 9 && !p->call.has_deal)
		codec = codec_by_static_pt(r.pt);
	if (codec == CODEC_NONE || !pcm_can(codec))
		return;
	span_copy(span_of(codec_descs[codec].encoding), p->st.codec, sizeof p->st.codec);
	if (codec != CODEC_SLIN && r.payload.n > 1 && memcmp(r.payload.p, r.payload.p + 1, r.payload.n - 1) == 0)
		r.payload.n = 1; /* of one level: the first sample tells all */
	p->rtp.heard = number_of(pcm, pcm_decode(codec, r.payload, pcm, ARRAY_LEN(pcm)));
	p->rtp.heard_at = p->sim->clock.now;
}
