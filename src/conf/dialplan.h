/*
 * conf/dialplan.h: extensions.conf as it is written, a part of the snapshot (conf.h).
 */
#pragma once
#include "base/span.h"

struct strs {
	const char **v;
	size_t n;
};

/* extensions.conf: contexts as written, priorities resolved (n, same, labels). */
struct dp_step {
	int prio;
	const char *label; /* "" when none */
	const char *app, *args;
	const char *file;
	unsigned line;
};
struct dp_exten {
	const char *pattern;   /* "600", "_1NXX.", "s" */
	const char *cid;       /* "" or the caller-id pattern after '/' */
	struct dp_step *steps; /* by rising priority */
	size_t n_steps;
	const struct dp_step *hint; /* args: the devices whose state it shows, as written; NULL: none */
};
struct dp_context {
	const char *name;
	struct dp_exten *extens;
	size_t n_extens;
	const uint32_t *hashes;              /* of each extension: dp_exten_hash() of a plain name, 0 of a pattern */
	struct strs includes, include_times; /* as many: "times,weekdays,days,months", "" for always */
	struct strs ignorepat;
	bool autohints; /* an endpoint's name has a hint of its own */
};
struct dp_var {
	const char *name, *value;
};
struct conf_dialplan {
	struct dp_context *contexts, **by_name; /* as written; sorted */
	size_t n_contexts;
	struct dp_var *globals;
	size_t n_globals;
	bool clearglobalvars, is_missing; /* is_missing: there is no extensions.conf */
};

const struct dp_context *conf_context(const struct conf_dialplan *d, struct span name);
uint32_t dp_exten_hash(struct span name); /* equal for equal names, in which dashes do not count; never 0 */
