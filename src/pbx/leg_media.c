/*
 * pbx/leg_media.c: turns SDP into deals and deals into media plans. sdp and media never meet but here.
 */
#include "pbx/priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/trace.h"

bool leg_media_converts(enum codec c)
{
	return c == CODEC_ULAW || c == CODEC_ALAW;
}

/*
 * For an outgoing leg: first what the calling leg agreed on, so that nothing is transcoded; then what can be transcoded
 * to it. For a leg of its own: all that the endpoint allows. Who was transferred can be asked to agree anew.
 */
void leg_media_caps(struct chan *c, const struct chan *from)
{
	const struct codec_list *mine = &c->ep->codecs;
	bool convertible = !from || !from->has_deal, renews = from && from->moves && from->state == CHAN_UP;

	c->caps = (struct sdp_caps){ .dtmf = c->ep->dtmf_mode != DTMF_INBAND && c->ep->dtmf_mode != DTMF_NONE &&
					     c->ep->dtmf_mode != DTMF_INFO,
				     .single_codec = c->ep->preferred_codec_only,
				     .rtcp_mux = c->ep->rtcp_mux,
				     .srtp = c->ep->media_encryption == ENCRYPT_SDES,
				     .optional = c->ep->media_encryption_optimistic || c->ep->force_avp };
	for (size_t i = 0; from && from->has_deal && i < from->deal.n_codecs; i++) {
		enum codec one = from->deal.codecs[i].codec;

		if (codec_list_has(mine, one))
			codec_list_add(&c->caps.codecs, one);
		convertible |= leg_media_converts(one);
	}
	for (size_t i = 0; renews && i < from->ep->codecs.n; i++)
		convertible |= leg_media_converts(from->ep->codecs.id[i]);
	for (size_t i = 0; i < mine->n; i++)
		if (!from || !from->has_deal || (convertible && leg_media_converts(mine->id[i])) ||
		    (renews && codec_list_has(&from->ep->codecs, mine->id[i])))
			codec_list_add(&c->caps.codecs, mine->id[i]);
}

/* The address to bind the ports to: media_address if asked for, the explicit transport's, else any of the family. */
static struct addr bind_address(const struct chan *c, uint8_t family)
{
	const struct conf_endpoint *ep = c->ep;
	struct addr a = { .family = family };

	if (ep->bind_rtp_to_media_address && addr_parse_ip(span_of(ep->media_address), &a) && a.family == family)
		return a;
	if (ep->transport && ep->transport->bind.family == family)
		return addr_with_port(&ep->transport->bind, 0);
	return (struct addr){ .family = family };
}

/* The address that packets to this family's public addresses leave with; none when there is no route. */
static struct addr own_address(const struct chan *c, uint8_t family)
{
	struct addr anywhere = { 0 };

	addr_parse_ip(family == 6 ? SPAN("2000::1") : SPAN("192.0.0.1"), &anywhere);
	return c->pbx->cfg.net.source(c->pbx->cfg.net.arg, 0, &anywhere);
}

uint8_t leg_media_family(const struct chan *c, const struct addr *toward)
{
	if (c->ep->rtp_ipv6 && own_address(c, 6).family == 6)
		return 6;
	return toward->family ? toward->family : 4;
}

int leg_media_open(struct chan *c, uint8_t family, const struct chan *beside)
{
	struct media_open ask = { .bind = bind_address(c, family),
				  .port_start = (uint16_t)c->ep->rtp_port_start,
				  .port_end = (uint16_t)c->ep->rtp_port_end,
				  .tos = c->ep->tos_audio,
				  .rtcp_mux = c->ep->rtcp_mux,
				  .owner = c,
				  .beside = beside ? beside->media : NULL };

	if (c->media)
		return 0;
	span_copy(span_of(c->name), ask.name, sizeof ask.name);
	c->media = media_open(c->pbx->media, &ask);
	if (!c->media) {
		trace(EV_MEDIA_WARN, c->name, "no free RTP port in %u-%u", c->conf->rtp.rtpstart, c->conf->rtp.rtpend);
		return -EADDRINUSE;
	}
	c->local.session_id =
		1000000000 + rng_below(&c->pbx->clock->rng, 1000000000); /* ten digits: as sip_new_cseq() */
	c->local.version = c->local.session_id;
	c->local.owner = c->ep->sdp_owner;
	c->local.session = c->ep->sdp_session;
	c->local.dir = SDP_SENDRECV;
	return 0;
}

/* ---- what we write ---- */

static bool is_routed(const struct chan *c, const struct addr *to)
{
	const struct net *net = &c->pbx->cfg.net;

	return net->routed && net->routed(net->arg, to);
}

/*
 * Inside our own networks audio may go another way than the signalling (a proxy, a media server on a VPN): then the
 * address towards the audio is the one to be told. What a phone behind NAT calls itself says nothing about routes.
 */
static bool is_elsewhere(const struct chan *c, const struct addr *signalling)
{
	const struct addr *to = &c->deal.remote;

	return c->has_deal && !c->conf->hairpin.compat_asterisk && !c->behind_nat && to->family == signalling->family &&
	       !addr_ip_eq(to, signalling) && addr_class(to) != ADDR_GLOBAL && addr_class(signalling) != ADDR_GLOBAL &&
	       is_routed(c, to);
}

/* o= and c= for this destination: the door out decides. */
static struct addr face_for(const struct chan *c, const struct nat_door *door, const struct flow *f)
{
	const struct net *net = &c->pbx->cfg.net;
	struct addr bound = media_local(c->media), given;
	struct nat_way w = { .local = f->local, .dst = f->peer };

	if (addr_parse_ip(span_of(c->ep->media_address), &given)) {
		w.local = given;
		w.written = true;
	} else if (!addr_is_any(&bound)) {
		w.local = bound;
	} else if (bound.family != w.local.family && c->deal.remote.family == bound.family) {
		w.local = net->source(net->arg, 0, &c->deal.remote);
	} else if (bound.family != w.local.family) {
		w.local = own_address(c, bound.family);
	} else if (is_elsewhere(c, &w.dst)) {
		w.dst = c->deal.remote;
		w.local = net->source(net->arg, 0, &w.dst);
	}
	w.local.port = bound.port;
	if (!door)
		return w.local;
	w.beside = nat_asks_route(door, &w.local, &w.dst) && is_routed(c, &w.dst);
	return leg_ports_face(c, door, f, nat_media_face(door, &w));
}

static void set_face(struct chan *c, const struct sip_build *b)
{
	c->local.face = face_for(c, b->door, &b->flow);
	c->local.rtcp_port = leg_ports_rtcp(c);
}

bool leg_media_outdated(const struct chan *c, const struct flow *f)
{
	struct addr now;

	if (!c->media || !c->local.face.family)
		return false;
	now = face_for(c, sip_transport_of(c->pbx->sip, f).door, f);
	return !addr_eq(&now, &c->local.face);
}

void leg_media_put_offer(struct chan *c, struct sip_build *b)
{
	struct out *body;

	if (!c->media)
		return;
	set_face(c, b);
	leg_keys_offer(c);
	c->offer_out = true;
	c->hold_told = c->local.dir == SDP_SENDONLY;
	body = sip_put_body(b, "application/sdp");
	if (c->has_deal)
		sdp_write_reoffer(body, &c->local, &c->caps, &c->deal);
	else
		sdp_write_offer(body, &c->local, &c->caps);
}

void leg_media_put_answer(struct chan *c, struct sip_build *b)
{
	struct sdp offer;
	const char *why;

	if (!c->media)
		return;
	if (!c->offered) { /* the INVITE had none: ours is the offer, the ACK will answer it */
		leg_media_put_offer(c, b);
		return;
	}
	if (c->offer.p && sdp_parse(c->offer, &offer, &why) < 0)
		return;
	set_face(c, b);
	sdp_write_answer(sip_put_body(b, "application/sdp"), &c->local, c->offer.p ? &offer : NULL, &c->deal);
}

/* ---- what we read ---- */

static int parse(struct chan *c, struct span body, struct sdp *s)
{
	const char *why;
	int err = sdp_parse(body, s, &why);

	if (err < 0)
		trace(EV_SIP_BAD, c->name, "SDP: %s", why);
	return err;
}

static void note_hold(struct chan *c)
{
	struct chan_event ev = { .kind = c->deal.held ? CH_HELD : CH_RESUMED };

	if (c->held == c->deal.held)
		return;
	c->held = c->deal.held;
	trace(EV_CALL_STATE, c->name, c->held ? "put on hold" : "resumed");
	if (c->peer_chan) {
		moh_look(c->peer_chan);
		chan_changed(c->peer_chan);
	}
	chan_tell(c, &ev);
}

void leg_media_forget_offer(struct chan *c)
{
	spares_give(&c->pbx->spares, (char *)(uintptr_t)c->offer.p);
	c->offer = SPAN_NONE;
	c->offered = false;
}

static void keep_offer(struct chan *c, struct span body, const struct sdp_deal *deal)
{
	leg_media_forget_offer(c);
	c->offered = true;
	if (deal->n_lines > 1)
		c->offer = (struct span){ memcpy(spares_take(&c->pbx->spares, body.n), body.p, body.n), body.n };
}

static bool wants_fax(const struct sdp *s)
{
	for (size_t i = 0; i < s->n_media; i++)
		if (s->media[i].type == SDP_IMAGE && s->media[i].port)
			return true;
	return false;
}

/* Why an offer was refused. */
static enum leg_offer kind_of(const struct chan *c, const struct sdp *s)
{
	size_t n = 0, sdes = 0, secure = 0;

	for (size_t i = 0; i < s->n_media; i++) {
		if (s->media[i].type != SDP_AUDIO || !s->media[i].port)
			continue;
		n++;
		secure += s->media[i].secure;
		sdes += s->media[i].sdes;
	}
	if (!n)
		return wants_fax(s) ? OFFER_FAX : OFFER_OTHER;
	if (c->caps.srtp)
		return secure ? OFFER_OTHER : OFFER_PLAIN;
	return secure < n ? OFFER_OTHER : sdes ? OFFER_SRTP : OFFER_BROWSER;
}

/* Its offer wants audio at another host than before. */
static void note_moved(struct chan *c, const struct addr *to)
{
	const struct addr *was = &c->deal.remote;

	if (was->family && to->family && !addr_ip_eq(was, to))
		leg_was(c)->sdp_was = *was;
}

/* That of its SDP's address, if packets can leave for it; a phone that has both hears from us by the other. */
static uint8_t family_for(const struct chan *c, const struct addr *remote)
{
	bool reached = remote->family && own_address(c, remote->family).family;

	return reached || !c->peer.family ? remote->family : c->peer.family;
}

int leg_media_offered(struct chan *c, struct span body)
{
	struct sdp_deal deal;
	struct sdp offer;
	bool again = c->has_deal;
	enum codec now = again ? c->deal.codecs[0].codec : CODEC_NONE;
	int err = parse(c, body, &offer);

	if (err < 0)
		return err;
	if (!again)
		leg_media_caps(c, NULL);
	c->note.asked_fax |= again && wants_fax(&offer);
	err = sdp_deal_offered(&c->caps, &offer, &deal);
	if (err < 0) {
		c->note.offer = kind_of(c, &offer);
		return err;
	}
	err = leg_media_open(c, family_for(c, &deal.remote), NULL);
	if (err < 0) {
		sdp_deal_free(&deal);
		return err;
	}
	keep_offer(c, body, &deal);
	note_moved(c, &deal.remote);
	sdp_deal_free(&c->deal);
	c->deal = deal;
	c->has_deal = true;
	leg_keys_offered(c);
	if (again) {
		c->local.version++;
		sdp_deal_prefer(&c->deal, now); /* a hold or resume does not change the codec */
	}
	leg_media_apply(c, true);
	note_hold(c);
	return 0;
}

int leg_media_answered(struct chan *c, struct span body)
{
	struct sdp_deal deal;
	struct sdp answer;
	int err = parse(c, body, &answer);

	if (err < 0)
		return err;
	err = sdp_deal_answered(&c->caps, &c->local, &answer, &deal);
	if (err < 0)
		return err;
	sdp_deal_free(&c->deal);
	c->deal = deal;
	c->has_deal = true;
	c->offer_out = false;
	leg_media_apply(c, true);
	note_hold(c);
	return 0;
}

void leg_media_prefer(struct chan *c, enum codec codec)
{
	if (c->has_deal && !c->answer_sent)
		sdp_deal_prefer(&c->deal, codec);
}

/* ---- plans ---- */

/* Who may be learned as the source: what SDP or the signalling names; who else sends first has proved nothing. */
static struct latch_conf latch_rules(const struct chan *c)
{
	struct addr local = media_local(c->media);
	bool heals = !c->conf->hairpin.compat_asterisk, known = !c->proxied && c->peer.family == local.family;
	struct latch_conf l = { .strict = c->conf->rtp.strictrtp,
				.probation = (uint8_t)c->conf->rtp.probation,
				.symmetric = c->ep->rtp_symmetric,
				.audio = true,
				.keep_on_same_sdp = heals,
				.relatch = heals && !c->deal.held,
				.rate = codec_descs[c->deal.codecs[0].codec].rate };

	l.restricted = heals && l.strict == STRICTRTP_YES && (known || addr_class(&c->deal.remote) == ADDR_GLOBAL);
	if (known)
		l.signalling = c->peer;
	return l;
}

/* rtp_timeout or rtp_timeout_hold, in seconds. */
static uint32_t silence_max(const struct chan *c)
{
	return c->deal.held ? c->ep->rtp_timeout_hold : c->ep->rtp_timeout;
}

void leg_media_apply(struct chan *c, bool new_sdp)
{
	const struct sdp_deal *d = &c->deal;
	const struct conf_endpoint *ep = c->ep;
	struct media_plan m;
	bool reached;

	if (!c->media || !c->has_deal)
		return;
	reached = d->remote.family == media_local(c->media).family; /* else it has to be heard first */
	if (!c->note.sdp_at)
		c->note.sdp_at = c->pbx->clock->now;
	m = (struct media_plan){
		.remote = reached ? d->remote : (struct addr){ 0 },
		.remote_rtcp = reached ? d->remote_rtcp : (struct addr){ 0 },
		.new_sdp = new_sdp,
		.rtcp_mux = d->rtcp_mux,
		.send = d->dir & SDP_SENDONLY,
		.recv = d->dir & SDP_RECVONLY,
		.open_pinhole = ep->open_pinhole && (!c->incoming || c->answer_sent), /* a ringing tone goes on */
		.latch = latch_rules(c),
		.n_formats = d->n_codecs,
		.dtmf_pt = d->dtmf_pt,
		.cn_pt = d->cn_pt,
		.ptime = ep->use_ptime ? d->ptime : 0,
		.keepalive_ms = ep->rtp_keepalive * 1000,
		.timeout_ms = c->state == CHAN_UP ? silence_max(c) * 1000 : 0,
	};
	for (size_t i = 0; i < d->n_codecs; i++) {
		m.formats[i].codec = d->codecs[i].codec;
		m.formats[i].pt = d->codecs[i].pt;
	}
	leg_keys_apply(c);
	media_replan(c->media, &m);
}

/* A port that is bound to no address: what this leg's messages leave with stands for it. */
static void show_packet(const struct pbx *p, const struct chan *c, const struct media_event *ev)
{
	struct addr from = ev->from, to = ev->to;

	if (addr_is_any(&from))
		from = addr_with_port(&c->note.flow.local, from.port);
	if (addr_is_any(&to))
		to = addr_with_port(&c->note.flow.local, to.port);
	if (p->cfg.packet)
		p->cfg.packet(p->cfg.arg, &from, &to, ev->packet);
}

void leg_media_event(void *arg, const struct media_event *ev)
{
	struct pbx *p = arg;
	struct chan *c = ev->owner;
	struct chan_event up = { .digit = ev->digit, .ok = ev->ok };
	char from[ADDR_STRLEN], was[ADDR_STRLEN];

	switch (ev->kind) {
	case MEDIA_ENGINE: tell_engine(ev->ok, ev->text); break;
	case MEDIA_SOCKETS: tell_sockets(ev->ok, ev->text); break;
	case MEDIA_DEBUG:
		if (p->cfg.rtp)
			p->cfg.rtp(p->cfg.arg, ev->text);
		break;
	case MEDIA_STUN: leg_ports_seen(c, ev); break;
	case MEDIA_PACKET: show_packet(p, c, ev); break;
	case MEDIA_LATCHED:
		trace(EV_NAT_LATCH, c->name, "audio comes from %s (was %s)", addr_str(&ev->from, from),
		      addr_str(&ev->was, was));
		break;
	case MEDIA_REFUSED:
		trace(EV_NAT_DROP, c->name,
		      "audio from %s is refused: it comes from %s; an IP that neither SDP nor the signalling has is "
		      "not learned (strictrtp=seqno in rtp.conf would)",
		      addr_str(&ev->from, from), addr_str(&ev->was, was));
		break;
	case MEDIA_DTMF:
		up.kind = CH_DTMF;
		up.ms = ev->duration;
		digits_pass(c, &up, false);
		chan_tell(c, &up);
		break;
	case MEDIA_PLAYED:
		up.kind = CH_PLAYED;
		if (!moh_played(c, ev->ok))
			chan_tell(c, &up);
		break;
	case MEDIA_SILENT:
		trace(EV_MEDIA, c->name, "no RTP for %u s: the call is ended", silence_max(c));
		c->note.end = LEG_NO_RTP;
		chan_hangup(c, 44);
		break;
	}
}
