/* conf/when.h: "times,weekdays,days,months" as GotoIfTime and include have them. Pure. */
#pragma once
#include <time.h>

#include "base/span.h"

/*
 * Is `at` within the four? Each is '*' or a range that may wrap ("22:00-6:00", "fri-mon", "25-5", "nov-feb"), or
 * several joined with '&'. Missing ones are '*'. False, with *wrong set, when a word is not understood.
 */
bool when_matches(struct span spec, const struct tm *at, bool *wrong);
struct span when_zone(struct span spec); /* the fifth part, a time zone, which nobody heeds; empty: there is none */
