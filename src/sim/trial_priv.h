/* sim/trial_priv.h: a trial while it runs, for those who play it by hand. Not for others. */
#pragma once
#include "sim/priv.h"
#include "sim/trial.h"

struct trial_run {
	const struct trial *t;
	struct trial_result *res;
	struct ground g;
	struct sim_pbx *server, *provider;
	struct sim_phone *near, *far; /* far: the other phone, or the provider's subscriber; NULL: nobody */
	char *provider_conf[2];
	struct conf_source provider_source;
};
void trial_begin(struct trial_run *r, const struct trial *t, struct trial_result *res);
bool trial_up(struct trial_run *r); /* everybody is registered; or res->what says why not */
void trial_pass(struct trial_run *r, ms_t time);
void trial_end(struct trial_run *r);
