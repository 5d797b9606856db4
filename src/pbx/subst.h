/* pbx/subst.h: variables, functions and expressions inside a dialplan's texts. Pure; what they are is the caller's. */
#pragma once
#include "base/out.h"

struct subst_env {
	/* The value of a variable, valid until the next call; NULL when it is not set (it counts as empty). */
	const char *(*var)(void *arg, struct span name);
	/* Appends the value of NAME(args); false when there is no such function or it has no value. */
	bool (*func)(void *arg, struct span name, struct span args, struct out *o);
	void *arg;
};

/*
 * Writes `in` to o, which is empty, with ${VAR}, ${VAR:offset:length}, ${FUNC(args)} and $[expression] replaced,
 * innermost first. Values are not looked into again. False only when a cap is reached (32 levels, 64 KiB): *why says
 * which, o stays empty. Otherwise true, and *why is NULL or a phrase for the log: as Asterisk does, a missing bracket
 * counts as standing at the end, an unknown function as empty, and a wrong expression as 0.
 */
bool dp_subst(const struct subst_env *env, struct span in, struct out *o, const char **why);
