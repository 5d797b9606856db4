/*
 * nat/lint.h: what a configuration will do to calls through NAT, told before the first one: the rules behind `hairpin
 * check`. Pure functions over a snapshot and the host's addresses; conf/finding.def says what each code means.
 */
#pragma once
#include "conf/conf.h"
#include "conf/finding.h"
#include "conf/places.h"

struct lint_host { /* an address of an interface of the host that the configuration is for */
	struct addr addr;
	uint8_t len; /* of its network's prefix */
};

struct lint_ask {
	const struct conf *conf; /* of conf_load_placed(); without places, findings name the heads of sections */
	const struct lint_host *host;
	size_t n_host; /* 0: not known; what depends on it is not looked at */
	bool asterisk; /* judge as Asterisk would run it */
	/* Reads the files of a TLS transport: 0, or -EINVAL with c->why; NULL: nobody does. */
	int (*look)(const struct net_tls *t, struct net_cert *c);
	long long unix_now; /* s, for it */
	bool no_notes;      /* they are left out: a note about each of a million phones takes longer than to find out */
};

enum sure { SURE_CERTAIN, SURE_LIKELY, SURE_POSSIBLE }; /* of what only shows in evidence */

struct finding {
	enum finding_code code;
	enum diag_sev sev;
	bool asterisk_only; /* hairpin does better: a note */
	char *file;         /* NULL: no place */
	unsigned line;
	char *section;  /* the object's name */
	char *text;     /* what will happen; what to set. Of the doctor's: what to set */
	char *evidence; /* of the doctor's: what was seen; else NULL */
	char *unless;   /* what would tell it from another cause; or NULL */
	enum sure sure;
	/* The mend that needs no thought, or NULL: the option is given this value, in the line that is named or, when
	 * `in_place` is false, in a new line of the section whose head is named. */
	const char *fix_option;
	char *fix_value;
	bool in_place;
};

struct lint {
	struct finding *v; /* owned; the texts, too */
	size_t n, cap, errors, warnings;
};

/* Every finding into an empty list, by place, but those that a comment silences. */
void lint_run(const struct lint_ask *ask, struct lint *l);
void lint_free(struct lint *l);
