/*
 * pbx/match.h: which extension of a dialplan a number is. Pure: looks into the snapshot, which must outlive the answer.
 *
 * Patterns begin with '_': X is 0-9, Z 1-9, N 2-9, [1-5a] a set, '.' one or more of anything, '!' any number of
 * anything and at once. Spaces and dashes are decoration. Everything else, s, i, t and h included, is a plain name.
 */
#pragma once
#include "conf/conf.h"

/* What a call brings to the search: its caller, and the hour, for includes that hold at times only. */
struct dp_call {
	struct span cid;
	ms_t wall; /* since 1970; local time is made of it when it is needed */
};

/*
 * The extension for the number, or NULL: an exact name before patterns, the narrowest pattern first, those with a
 * caller id before those without; then the included contexts, depth first. Only what has priority 1 is looked at: a
 * hint alone is nothing to call. *where (may be NULL) gets the context it is in.
 */
const struct dp_exten *dp_find(const struct conf_dialplan *d, struct span context, struct span exten,
			       const struct dp_call *call, const struct dp_context **where);

/* The name as the configuration holds it; NULL: there is no such context. */
const char *dp_context_name(const struct conf_dialplan *d, struct span name);

/*
 * The step to run at a priority: the first extension, in dp_find's order, that matches and has the priority. So a
 * pattern may go on where an exact name has no line.
 */
const struct dp_step *dp_find_step(const struct conf_dialplan *d, struct span context, struct span exten,
				   const struct dp_call *call, int prio);
/* Likewise the step with a label. */
const struct dp_step *dp_find_label(const struct conf_dialplan *d, struct span context, struct span exten,
				    const struct dp_call *call, struct span label);

/*
 * The hint of the first extension, in dp_find's order, that matches and has one; NULL: none. *automatic: a context with
 * autohints was looked into.
 */
const struct dp_step *dp_find_hint(const struct conf_dialplan *d, struct span context, struct span exten,
				   const struct dp_call *call, bool *automatic);

enum dp_more {
	DP_NO_MATCH, /* neither these digits nor more of them */
	DP_MATCH,    /* these digits, and no further digit can matter */
	DP_MAY_GROW, /* these digits already, or more of them */
	DP_TOO_SHORT /* only more digits */
};
/* For digits as they are typed. */
enum dp_more dp_could_match(const struct conf_dialplan *d, struct span context, struct span digits,
			    const struct dp_call *call);

/* NULL when there is no such step. */
const struct dp_step *dp_step_at(const struct dp_exten *e, int prio);
const struct dp_step *dp_step_label(const struct dp_exten *e, struct span label);

/* One pattern or name against one number. */
bool dp_matches(struct span pattern, struct span number);
/* Do the digits begin with a prefix of the context's ignorepat (dial tone goes on)? */
bool dp_ignored(const struct dp_context *c, struct span digits);
