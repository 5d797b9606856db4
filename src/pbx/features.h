/*
 * pbx/features.h: keys during a call that a Dial has joined (features.conf): one ends it, one transfers it blindly. A
 * Dial that allows none has no struct features. Signalling thread.
 */
#pragma once
#include "pbx/priv.h"

enum { FEATURE_DISCONNECT = 1, FEATURE_TRANSFER = 2 };

struct features;
/* Allows it to the caller, or to the callee; *f is made when there is none. */
void features_allow(struct features **f, struct chan *caller, bool callee, unsigned what);
/* `by` has pressed a key; the two are joined, or were until it began to type a number. NULL is fine, as below. */
void features_digit(struct features *f, struct chan *by, struct chan *party, char digit);
void features_played(struct features *f, const struct chan *by); /* a sound has ended */
void features_forget(struct features *f);                        /* they are joined no more */
void features_moved(struct features *f, struct chan *caller);    /* the Dial has another caller */
void features_free(struct features **f);                         /* the Dial ends: who waits hears no music any more */
