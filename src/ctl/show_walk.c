/* ctl/show_walk.c: what "pjsip show …" and "pjsip list …" share: which objects are meant, and how many were found. */
#include <stdlib.h>
#include <string.h>

#include "ctl/priv.h"

#define PATTERN_MAX 256
#define REPEATS_MAX 64 /* of all that a pattern repeats, one in the other */

/*
 * The C library unrolls a{9}, (a{9}){9} into 81, and tries all ways for \1: a line could ask for gigabytes and minutes,
 * while no call is served.
 */
static bool is_cheap(const char *p)
{
	unsigned long times = 1, n;

	for (; *p; p++) {
		if (*p == '\\' && p[1]) {
			if (char_is_digit(*++p))
				return false;
		} else if (*p == '{') {
			char *end;

			n = strtoul(p + 1, &end, 10);
			n = *end == ',' ? MAX(n, strtoul(end + 1, NULL, 10)) : n;
			if (n > REPEATS_MAX || (times *= MAX(n, 1ul)) > REPEATS_MAX)
				return false;
		}
	}
	return true;
}

/* The pattern behind "like". */
static bool take_pattern(struct walk *w, struct span text)
{
	char pattern[PATTERN_MAX], why[128];
	int err;

	if (!text.n || !span_copy(text, pattern, sizeof pattern)) {
		cmd_usage(w->c, w->c->cmd->words);
		return false;
	}
	if (!is_cheap(pattern)) {
		cmd_fail(w->c, "'%s' repeats more than %d times, or refers to what it has matched", pattern,
			 REPEATS_MAX);
		return false;
	}
	err = regcomp(&w->pattern, pattern, REG_EXTENDED | REG_NOSUB);
	if (err) {
		regerror(err, &w->pattern, why, sizeof why);
		cmd_fail(w->c, "'%s' is not a regular expression: %s", pattern, why);
		return false;
	}
	w->some = true;
	return true;
}

bool walk_begin(struct walk *w, struct call *c)
{
	struct span rest = c->args, word = SPAN_NONE;

	*w = (struct walk){ .c = c, .list = span_starts(span_of(c->cmd->words), SPAN("pjsip list ")) };
	if (!span_word(&rest, &word))
		return true;
	if (span_is(word, "like"))
		return take_pattern(w, span_trim(rest));
	cmd_usage(c, c->cmd->words);
	return false;
}

bool walk_wants(struct walk *w, const char *name)
{
	if (w->some && regexec(&w->pattern, name, 0, NULL, 0) != 0)
		return false;
	w->found++;
	return true;
}

void walk_end(struct walk *w)
{
	w->c->rows->count = true;
	w->c->rows->objects = w->found;
	if (w->some)
		regfree(&w->pattern);
}
