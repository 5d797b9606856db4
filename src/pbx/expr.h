/* pbx/expr.h: what stands between $[ and ] in a dialplan. Pure; signalling thread only by habit. */
#pragma once
#include <regex.h>

#include "base/out.h"

/*
 * Evaluates the expression (variables are substituted already) and appends its value to o. False with a phrase in *why
 * when it is no expression, or too long (8192 bytes) or too deep (64 levels); nothing is appended then.
 */
bool expr_eval(struct span in, struct out *o, const char **why);

/* Compiles a POSIX extended pattern, with further flags; false with a phrase when it is none, or costs too much. */
bool expr_pattern(struct span pattern, int flags, regex_t *re, const char **why);
