/* pbx/cdr.h: records of calls. All of it does nothing for a channel that has none. Signalling thread. */
#pragma once
#include "pbx/priv.h"

/* Variables of the channel that keep what the dialplan has set. */
#define CDR_USERFIELD "CDR(userfield)"
#define CDR_AMAFLAGS  "CDR(amaflags)"

void cdr_begin(struct chan *c);                  /* it calls, or goes on; when cdr.conf wants records */
void cdr_dial(struct chan *c, struct chan *leg); /* a leg is dialled for it */
void cdr_up(struct chan *c);                     /* it was answered */
void cdr_leg_ended(struct chan *leg);
/* Of transfers. */
void cdr_parted(struct chan *a, struct chan *b);       /* they do not hear each other any more */
void cdr_goes_on(struct chan *c);                      /* in the dialplan, or with somebody else */
void cdr_joined(struct chan *a, struct chan *b);       /* that nobody has dialled for the other */
void cdr_moved(struct chan *from, struct chan *to);    /* `to` has the dialplan run, and whom that calls */
void cdr_picked_up(struct chan *leg, struct chan *by); /* a call to leg is answered by another channel */
void cdr_app_left(struct chan *c);                     /* the application that runs comes to its end */
void cdr_ends(struct chan *c);   /* its call is over: where it stands is what its record says; h may still come */
void cdrs_close(struct chan *c); /* it is being freed: lines go to pbx_config.cdr */
void cdr_silence(struct chan *c, bool silent); /* NoCDR */
void cdr_reset(struct chan *c);                /* ResetCDR: the time counts from now */
/* A field of the latest record, as CDR() names it; false: there is no such field, or no record. */
bool cdr_read(const struct chan *c, struct span name, struct out *o);
