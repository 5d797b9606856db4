/* sim/phone.h: what the files of a virtual phone share. Not for others. */
#pragma once
#include "media/srtp.h"
#include "sdp/sdp.h"
#include "sim/priv.h"

struct phone_call {
	struct sip_uas *invite;   /* it rings, or was answered and waits for ACK */
	struct sip_uac *asking;   /* we call */
	struct sip_uac *reasking; /* our re-INVITE or UPDATE */
	struct sip_dialog *dialog;
	struct sdp_caps caps;
	struct sdp_local local;
	struct sdp_deal deal;
	struct srtp_key key; /* ours; local.key points to it */
	bool has_deal, incoming, confirmed, bye_waits;
	bool offer_out; /* ours is in a 2xx: the ACK will answer it */
	char *offer;    /* the peer's; NULL: it sent none */
	char *heard;    /* the peer's last SDP */
	uint32_t ok_cseq;
	bool owes_answer; /* the 2xx had an offer: our ACK answers it */
};

struct phone_watch {
	struct sip_uac *asking;
	struct sip_dialog *dialog;
	char event[16];
	uint32_t expires;
	unsigned refuses; /* what it answers to NOTIFY; 0: 200 */
};

struct phone_rtp {
	bool open, muted;
	ms_t pace;       /* between packets; 0: as they are spoken */
	struct addr jam; /* family 0: it sends what its call agreed on */
	uint32_t sock;
	uint16_t port, seq;
	uint32_t ts, ssrc;
	struct addr source; /* where the last packet came from */
	unsigned heard;     /* a phone's number, or 255 */
	ms_t heard_at;
	uint32_t event_ts; /* of the last digit heard */
	bool event_seen;
	char digit;            /* being sent */
	struct srtp *in, *out; /* NULL: plain */
	struct srtp_key in_key, out_key;
	bool in_spent; /* in_key was put aside: with a counter that begins anew its keystream would be there again */
	unsigned digit_packet;
};

struct sim_phone {
	struct list link;
	struct sim *sim;
	struct sim_phone_conf c; /* its strings are the phone's own */
	unsigned number;
	uint16_t port, next_rtp_port;
	struct srtp_key given; /* in the last call that it was offered; zero: none */
	struct conf *conf;
	const struct conf_auth *account; /* of conf */
	struct sip *sip;
	struct sip_uac *registering;
	char reg_call_id[37], reg_tag[17];
	uint32_t reg_cseq, reg_expires;
	bool reg_all;
	char info_digit; /* on its way by INFO */
	char *refer_to;  /* of its last REFER */
	bool no_refer_sub;
	char *more_headers; /* of the next call's INVITE; NULL: none */
	char *body;         /* of the re-INVITE that is being made; NULL: what was agreed */
	struct timer refresh, answer, frame;
	struct phone_call call;
	struct phone_rtp rtp;
	struct phone_watch watch;
	struct sim_phone_state st;
};

/* phone.c */
void phone_put_contact(struct sim_phone *p, struct sip_build *b);
#define PHONE_ALLOW "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, INFO, NOTIFY"

/* phone_call.c */
void phone_request(void *arg, struct sip_uas *uas, const struct sip_msg *m);
void phone_answer_due(struct timer *t, ms_t now);
void phone_call_drop(struct sim_phone *p); /* without a word */

/* phone_refer.c */
void phone_notified(struct sim_phone *p, const struct sip_msg *m);

/* phone_watch.c */
void phone_watch_drop(struct sim_phone *p); /* without a word */

/* phone_rtp.c */
void phone_rtp_open(struct sim_phone *p);
void phone_rtp_close(struct sim_phone *p);
void phone_rtp_secure(struct sim_phone *p); /* the call's deal holds */
void phone_rtp_frame(struct timer *t, ms_t now);
void phone_rtp_input(void *arg, uint32_t sock, const struct addr *from, struct span bytes);
unsigned phone_rtp_hears(const struct sim_phone *p);
struct addr phone_rtp_target(const struct sim_phone *p);
