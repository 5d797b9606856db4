/*
 * pbx/transfer.h: calls change partners. refer.c has the phone's side of it (REFER, NOTIFY, INVITE with Replaces),
 * transfer.c what becomes of the channels. Signalling thread.
 */
#pragma once
#include "pbx/priv.h"

struct refer;

/* What transfers leave with a channel. NULL for most. */
struct moves {
	struct chan *mate;         /* it was joined with by a transfer: the end of one is told to the other */
	struct refer *asked;       /* its own REFER, until the last NOTIFY is answered */
	struct refer *told;        /* who has transferred it, and wants to know what becomes of it */
	unsigned refers;           /* that it has asked for */
	struct sip_uac *referring; /* our REFER that waits for its answer, and where it sends the peer */
	char *refer_to;
	char *referred_by, *replaces; /* values for the INVITE of a leg that a transferred channel calls; NULL: none */
	bool refers_out;              /* it is being followed */
	bool referred;                /* there was one: NOTIFYs of it may come */
	struct chan *of;              /* whose they are */
	struct timer pickup;          /* it picks up a call: */
	uint32_t picked;              /* of the leg with this number */
	struct codec_list recode;     /* a re-INVITE is due that offers these, which its partner speaks; n 0: none is */
	bool recodes;                 /* it is under way */
};
struct moves *moves_of(struct chan *c); /* made when there are none */

/* ---- transfer.c ---- */

/* Who hears whom in an answered call, by Dial or by a transfer; NULL: nobody. */
struct chan *transfer_party(const struct chan *c);
/* The party of `by` goes on at this place, which exists. */
void transfer_blind(struct chan *by, struct chan *party, struct span context, struct span exten);
/* The same for who is left by Dial: "context,exten,priority". False: there is no such place, and it is hung up. */
bool transfer_let_go(struct chan *by, struct chan *party, struct span where);
/*
 * The parties of two calls of one phone are joined; who is in an application, or rings somewhere, is taken over by the
 * party of the other. False: neither call has a party that could go there.
 */
bool transfer_attended(struct chan *a, struct chan *b);
bool transfer_may_attend(const struct chan *a, const struct chan *b); /* what it will say */
bool transfer_can_hand_over(const struct chan *c); /* it is alone in an application, or rings somewhere */
/* c, which is not answered yet, takes the place of `whom`. */
void transfer_replace(struct chan *whom, struct chan *c);
/* A re-INVITE that offers what `with` speaks, and what can be made into it. False: its endpoint allows none of that. */
bool transfer_recode(struct chan *c, const struct chan *with);
bool transfer_recodes(const struct chan *c);                /* it is due */
void transfer_recoding(struct chan *c);                     /* a re-INVITE begins: it is this one, if it is due */
void transfer_recoded(struct chan *c, bool ok, bool again); /* a re-INVITE was answered; again: it is to be repeated */
/* Whom this channel has by a transfer is told CH_PARTED, and they part. */
void transfer_part(struct chan *c);
void transfer_gone(struct chan *c);   /* the channel has ended, and its owner knows */
void transfer_forget(struct chan *c); /* it is being freed */

/* ---- app_pickup.c ---- */

bool leg_is_pickup(const struct chan *c); /* it has dialled features.conf's pickupexten */
void leg_pickup(struct chan *c);          /* takes what rings in its group, or is refused */

/* ---- replaces.c ---- */

/* "Call-ID;to-tag=…;from-tag=…", to-tag being ours; NULL: none of our legs. */
struct chan *replaces_whom(const struct pbx *p, struct span text, bool *early_only);
bool leg_may_replace(const struct chan *c, const struct sip_msg *m,
		     struct leg_refusal *no); /* an INVITE with Replaces */
void leg_replace(struct chan *c);             /* does it */

/* ---- refer_out.c ---- */

/* The peer is asked to call there: a URI, or a number here. CH_REFERRED follows. -errno: the call is not up. */
int leg_refer(struct chan *c, struct span to);
void leg_refer_acked(struct chan *c); /* the ACK to our 2xx is here: REFER had to wait for it */
void leg_refer_drop(struct chan *c);  /* nobody waits for it any more */
void leg_notified(struct chan *c, struct sip_uas *uas, const struct sip_msg *m);

/* ---- refer.c ---- */

void leg_referred(struct chan *c, struct sip_uas *uas, const struct sip_msg *m);
/* What the one who was transferred came to: 180, 183, 200, or what ended it. */
void refer_told(struct chan *c, unsigned code);
struct span transfer_context(const struct chan *by); /* where the extensions are that it may send others to */
void refer_unwatch(struct chan *c);                  /* nobody is told any more */
void refer_drop(struct refer *r);                    /* NULL is fine */
/* What goes with the INVITE of a leg that `from` calls, which was transferred (RFC 3892, RFC 3891). */
void refer_take_headers(struct chan *c, const struct chan *from);
void refer_put_headers(const struct chan *c, struct sip_build *b);
