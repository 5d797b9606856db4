/* conf/when.c: times of the day, week, month and year. */
#include "conf/when.h"

#include <string.h>

#include "base/util.h"

static const char *const days[] = { "sun", "mon", "tue", "wed", "thu", "fri", "sat" };
static const char *const months[] = {
	"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"
};

/* One end of a range as a number; -1: not understood. */
typedef int number_fn(struct span word);

static int minute_of_day(struct span word)
{
	struct span rest = word, hour;
	uint32_t h, m;

	if (!span_cut(&rest, ':', &hour) || !span_u32(span_trim(hour), 23, &h) || !span_u32(span_trim(rest), 59, &m))
		return -1;
	return (int)(h * 60 + m);
}

static int named(struct span word, const char *const *names, int n)
{
	for (int i = 0; i < n; i++)
		if (span_istarts(word, span_of(names[i])))
			return i;
	return -1;
}

static int weekday(struct span word)
{
	return named(word, days, ARRAY_LEN(days));
}

static int month(struct span word)
{
	return named(word, months, ARRAY_LEN(months));
}

static int day_of_month(struct span word)
{
	uint32_t d;

	return span_u32(word, 31, &d) && d ? (int)d : -1;
}

static bool in_range(struct span range, number_fn *number, int now, bool *wrong)
{
	struct span from, to = range;
	int a, b;

	if (!span_cut(&to, '-', &from))
		return false;
	a = number(span_trim(from));
	b = to.p ? number(span_trim(to)) : a;
	if (a < 0 || b < 0) {
		*wrong = true;
		return false;
	}
	return a <= b ? now >= a && now <= b : now >= a || now <= b;
}

static bool in_any(struct span ranges, number_fn *number, int now, bool *wrong)
{
	struct span one;

	ranges = span_trim(ranges);
	if (!ranges.n || span_is(ranges, "*"))
		return true;
	while (span_cut(&ranges, '&', &one))
		if (in_range(one, number, now, wrong))
			return true;
	return false;
}

static char separator(struct span spec)
{
	return span_chr(spec, '|') >= 0 ? '|' : ',';
}

struct span when_zone(struct span spec)
{
	char sep = separator(spec);
	struct span part;

	for (int i = 0; i < 5; i++)
		if (!span_cut(&spec, sep, &part))
			return SPAN_NONE;
	return span_trim(part);
}

bool when_matches(struct span spec, const struct tm *at, bool *wrong)
{
	const struct {
		number_fn *number;
		int now;
	} parts[] = { { minute_of_day, at->tm_hour * 60 + at->tm_min },
		      { weekday, at->tm_wday },
		      { day_of_month, at->tm_mday },
		      { month, at->tm_mon } };
	char sep = separator(spec);
	struct span one;
	bool all = true;

	*wrong = false;
	for (size_t i = 0; i < ARRAY_LEN(parts) && span_cut(&spec, sep, &one); i++)
		all &= in_any(one, parts[i].number, parts[i].now, wrong);
	return all && !*wrong;
}
