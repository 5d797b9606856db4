/* pbx/dial.h: what the files of Dial share: app_dial.c, dial_dest.c and dial_transfer.c. */
#pragma once
#include "pbx/features.h"
#include "pbx/priv.h"

struct dest { /* one of those who are dialled */
	const struct conf_endpoint *ep;
	struct out uri; /* empty: there is none */
	char **more;
	size_t n_more;
	const struct contact *contact;
};
/* "6001", "number@trunk", "trunk/sip:uri", "endpoint/aor". False: there is no such endpoint. Free uri; more is
 * malloc'd. */
bool dial_find(const struct chan *c, struct span text, struct dest *d);
void dial_drop_texts(char **v, size_t n);

extern const struct app app_dial;
struct dial {
	struct dp *dp;
	struct chan **legs; /* room for what `&` names */
	struct chan *one;   /* most often that is one leg, and this is the room */
	size_t n;
	struct chan *with;                /* the one who answered; it may be gone, and is freed later */
	bool go_on, ring, early, limited; /* options g, r; early media flows; L or S ends the call */
	struct features *features;        /* options H, h, T, t; NULL: none */
	bool music;                       /* option m: the caller hears it until somebody answers */
	bool left;                        /* for a subroutine, and will begin again */
	bool stays;                       /* option i: nobody forwards */
	char *announce, *after;           /* options A and U; NULL: none */
	char *alone, *both;               /* where options F and G lead; NULL: nowhere */
	bool goes_on, h_of_callee;        /* options F and e */
	char *digits;                     /* option D, until they are sent; NULL: none */
	bool presses;                     /* they are on their way, and the two are not joined yet */
	struct span files;                /* of announce: what is still to be played */
	bool prepares;                    /* who answered is not joined yet */
	char *forward, *forward_ctx;      /* where the first did who forwarded; NULL: nobody has */
	struct span before, before_each;  /* options B and b; while it starts */
	struct span class;                /* of the music; while it starts */
	bool counts;                      /* what follows is said to those that are called */
	uint32_t breadth, n_dests;        /* what is left for those that are left */
	ms_t began, answered, limit;
	struct dial_limit *ends; /* option L; NULL: none */
	int cause;               /* of the last leg that failed; busy and congestion win */
	unsigned busy, congested, unavailable, unanswered;
	const char *status;
};
/* dial_limit.c: more: "warn_ms:repeat_ms" */
struct dial_limit *limit_new(struct span more);
void limit_free(struct dial_limit *l);                   /* NULL is fine */
void limit_begin(struct dial *s);                        /* the two are joined */
bool limit_due(struct dial *s);                          /* its timer; true: the call is to end */
bool limit_played(struct dial *s, const struct chan *c); /* a sound on c has ended; likewise */
/* An event of a leg that it has called; arg: the struct dial. */
void dial_leg_event(void *arg, struct chan *leg, const struct chan_event *ev);
