/*
 * sdp/sdp.h: session descriptions (RFC 8866) and the offer/answer model (RFC 3264). Pure: bytes to struct, struct to
 * bytes, offer and capabilities to deal. Spans in a parsed struct point into the body, which must outlive it.
 */
#pragma once
#include "base/addr.h"
#include "base/codec.h"
#include "base/srtp.h"

#define SDP_MAX_MEDIA 8
#define SDP_MAX_FMT   24
#define SDP_MAX_KEYS  8

enum sdp_dir { SDP_INACTIVE = 0, SDP_SENDONLY = 1, SDP_RECVONLY = 2, SDP_SENDRECV = 3 }; /* bits: send, receive */
enum sdp_type { SDP_AUDIO, SDP_VIDEO, SDP_IMAGE, SDP_APPLICATION, SDP_OTHER };

struct sdp_fmt {
	uint8_t pt;
	enum codec codec;     /* CODEC_NONE when unknown */
	bool dtmf, cn;        /* telephone-event, CN */
	struct span encoding; /* as in rtpmap; empty for a static type without one */
	uint32_t rate;
	uint8_t channels;
	struct span fmtp;
};

struct sdp_media {
	enum sdp_type type;
	struct span type_text, proto, fmt_text; /* as written, for echoing a declined stream */
	uint16_t port;
	bool rtp_avp; /* RTP/AVP or RTP/AVPF, plain */
	bool secure;  /* RTP/SAVP…, UDP/TLS… */
	bool sdes;    /* RTP/SAVP or RTP/SAVPF */
	uint8_t n_fmts;
	struct addr conn; /* c= (its own or the session's) with the m= port; family 0: none, a name, or 0.0.0.0 */
	bool conn_null;   /* 0.0.0.0 or :: was written: old-style hold */
	struct addr rtcp; /* a=rtcp; family 0: not given */
	enum sdp_dir dir; /* as the writer says it: its own send and receive */
	uint8_t ptime;    /* 0: not given */
	bool rtcp_mux, has_ice, has_crypto;
	uint8_t n_keys;
	struct span keys[SDP_MAX_KEYS];   /* values of a=crypto; n_keys of them are set */
	struct sdp_fmt fmts[SDP_MAX_FMT]; /* n_fmts of them are set */
};

struct sdp {
	uint8_t n_media;
	struct sdp_media media[SDP_MAX_MEDIA]; /* n_media of them are set */
};

/* 0, or -EBADMSG with *why set to a phrase. Unknown lines are skipped; more than SDP_MAX_MEDIA streams are an error. */
int sdp_parse(struct span body, struct sdp *s, const char **why);

/* What one leg can do. */
struct sdp_caps {
	struct codec_list codecs; /* in our order of preference */
	bool dtmf;                /* offer and accept telephone-event */
	bool answer_ours;         /* answer in our order instead of the offer's */
	bool single_codec;        /* preferred_codec_only */
	bool rtcp_mux;
	bool cn; /* agree to comfort noise when it is offered; else the peer keeps sending, which holds NAT open */
	uint8_t ptime; /* 0: the codec's own */
	bool srtp;     /* SRTP by SDES (RFC 4568) is wanted: nothing plain is offered or accepted */
	bool optional; /* offered in RTP/AVP; either will do. Without srtp: accepted */
};

/* One side's key for what it sends. */
struct sdp_crypt {
	uint32_t tag;
	struct srtp_key key;
};

/* One m= line as short text: a later offer repeats the declined ones in their places (RFC 3264 8). */
struct sdp_line {
	char type[16], proto[24], fmt[16];
};

/* What both sides agreed for the one audio stream. Owns its lines. */
struct sdp_codec_pt {
	uint8_t codec; /* enum codec */
	uint8_t pt;    /* the same both ways: the answerer keeps the offer's numbers (RFC 3264 6.1) */
};
struct sdp_deal {
	int stream;                              /* index of the m= line taken; -1: none */
	struct sdp_codec_pt codecs[CODEC_COUNT]; /* first: the one to send */
	uint8_t n_codecs;
	uint8_t dtmf_pt; /* 0: none */
	uint8_t cn_pt;   /* 13 when CN was agreed; 0: none */
	uint8_t ptime;
	uint32_t dtmf_rate;              /* in Hz, of dtmf_pt */
	struct addr remote, remote_rtcp; /* family 0: hold, or none given */
	enum sdp_dir dir;                /* ours: what we may send and receive */
	bool held;                       /* the remote put us on hold: sendonly, inactive or null address */
	bool rtcp_mux;
	struct sdp_crypt *crypt;      /* SRTP: theirs; NULL: plain RTP */
	uint8_t n_lines;              /* m= lines of the session, the one taken included */
	struct sdp_line only, *lines; /* of a session with one m= line; with more */
};

/* One leg's own side of SDP: what it writes, kept from offer to offer (RFC 3264 8: the version rises when it changes).
 */
struct sdp_local {
	uint64_t session_id, version;
	const char *owner, *session; /* sdp_owner, sdp_session */
	struct addr face;            /* the address for o= and c=, chosen by the door out; port: the RTP port */
	uint16_t rtcp_port;          /* written as a=rtcp when it is not port + 1; 0: default */
	enum sdp_dir dir;            /* wanted */
	const struct srtp_key *key; /* ours, in the suite that is offered or agreed on; NULL: SRTP is not in question */
};

void sdp_write_offer(struct out *o, const struct sdp_local *l, const struct sdp_caps *caps);
/* Our offer again within a call: the numbers of the deal are kept, the deal's codecs come first. */
void sdp_write_reoffer(struct out *o, const struct sdp_local *l, const struct sdp_caps *caps, const struct sdp_deal *d);
/*
 * We are offered: takes the first audio stream we can. 0, or -ENOENT (no codec in common, or no audio: 488); then *d
 * owns nothing.
 */
int sdp_deal_offered(const struct sdp_caps *caps, const struct sdp *offer, struct sdp_deal *d);
/*
 * Our answer: one m= line for each of the offer's (RFC 3264 6), those not taken with port 0. For an offer of one line
 * the deal is enough: offer may be NULL then.
 */
void sdp_write_answer(struct out *o, const struct sdp_local *l, const struct sdp *offer, const struct sdp_deal *d);
/* We offered caps by l (dynamic numbers as sdp_write_offer gives them) and got an answer. 0 or -ENOENT. */
int sdp_deal_answered(const struct sdp_caps *caps, const struct sdp_local *l, const struct sdp *answer,
		      struct sdp_deal *d);
void sdp_deal_free(struct sdp_deal *d); /* and clears it, keys too; a zeroed one is fine */
/* Puts `c` first if the deal has it; true if it does. */
bool sdp_deal_prefer(struct sdp_deal *d, enum codec c);
