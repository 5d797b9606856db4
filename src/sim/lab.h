/*
 * sim/lab.h: `hairpin lab`: somebody's configuration on the grounds of sim/ground.h: behind each kind of NAT, with
 * virtual phones and a virtual provider that use its own names, passwords and numbers.
 */
#pragma once
#include "sim/trial.h"

struct lab_ask {
	const struct conf_source *source;
	const char *label;         /* what the configuration is called: its folder */
	const char *where, *phone; /* rows of the tables: only these; NULL: all */
	bool json;
};
enum lab_status { LAB_AUDIO, LAB_NO_AUDIO, LAB_WRONG }; /* the exit status */
/* Appends the report to o. LAB_WRONG: the configuration or the request cannot be used, as `why` says. */
enum lab_status lab_run(const struct lab_ask *ask, struct out *o, struct diag *why);
