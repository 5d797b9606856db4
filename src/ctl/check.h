/* ctl/check.h: one run of `hairpin check`. Private to ctl. */
#pragma once
#include "ctl/ctl.h"
#include "nat/lint.h"

struct ctl_check {
	const char *dir;
	bool json, fix, write, asterisk;
	struct lint_host host[64];
	size_t n_host;
};

void check_lint(const struct ctl_check *k, const struct conf *c, struct lint *l);
/* Shows what --fix would change, and with --write changes it. 0 or -1 when a file could not be written. */
int check_fix(const struct ctl_check *k, const struct conf_source *source);
