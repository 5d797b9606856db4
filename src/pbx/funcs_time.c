/*
 * pbx/funcs_time.c: the dialplan's functions about time. Local time is what TZ says; of other zones only UTC can be
 * had: the C library knows one zone for the whole process.
 */
#include <stdlib.h>
#include <string.h>

#include "base/trace.h"
#include "conf/when.h"
#include "pbx/priv.h"

static bool is_utc(struct span zone)
{
	return span_iis(zone, "UTC") || span_iis(zone, "GMT") || span_iis(zone, "Etc/UTC") || span_iis(zone, "Etc/GMT");
}

bool func_zone_known(struct span zone)
{
	return !zone.n || is_utc(zone);
}

static void warn_of_zone(struct dp *dp, struct span zone)
{
	if (!func_zone_known(zone))
		trace(EV_DP_WARN, dp->chan->name, "time zones are not served yet; '%.*s' is taken for local time",
		      SP(zone));
}

/* STRFTIME([epoch][,[zone][,format]]) */
static bool f_strftime(struct dp *dp, struct span args, struct out *o)
{
	struct span epoch = dp_arg(args, 0), zone = dp_arg(args, 1), format = dp_arg_rest(args, 2);
	char text[256], how[256] = "%c";
	struct tm at;
	long seconds;
	time_t t;

	if (span_chr(epoch, '.') >= 0)
		epoch.n = (size_t)span_chr(epoch, '.');
	t = (time_t)(span_int(epoch, &seconds) ? seconds : clock_wall(dp->chan->pbx->clock) / 1000);
	if (format.n)
		span_copy(format, how, sizeof how);
	warn_of_zone(dp, zone);
	if (!(is_utc(zone) ? gmtime_r(&t, &at) : localtime_r(&t, &at)))
		return false;
	out_bytes(o, text, strftime(text, sizeof text, how, &at));
	return true;
}

/* STRPTIME(text,zone,format): the epoch. */
static bool f_strptime(struct dp *dp, struct span args, struct out *o)
{
	struct span zone = dp_arg(args, 1);
	char text[256], how[256];
	struct tm at = { .tm_isdst = -1 };

	span_copy(dp_arg(args, 0), text, sizeof text);
	span_copy(dp_arg_rest(args, 2), how, sizeof how);
	warn_of_zone(dp, zone);
	if (!strptime(text, how, &at))
		return false;
	out_fmt(o, "%lld", (long long)(is_utc(zone) ? timegm(&at) : mktime(&at)));
	return true;
}

/* IFTIME(times,weekdays,days,months?yes:no) */
static bool f_iftime(struct dp *dp, struct span args, struct out *o)
{
	time_t now = (time_t)(clock_wall(dp->chan->pbx->clock) / 1000);
	struct span when, yes;
	bool wrong = false, is_now;
	struct tm at;

	if (!span_cut(&args, '?', &when) || !localtime_r(&now, &at))
		return false;
	is_now = when_matches(when, &at, &wrong);
	yes = func_first_choice(&args);
	out_span(o, dp_bare(span_trim(is_now ? yes : args)));
	return !wrong;
}

const struct func time_funcs[] = {
	{ "IFTIME", "IFTIME(times,weekdays,days,months?yes:no).", f_iftime, NULL },
	{ "STRFTIME", "A time as text: STRFTIME([epoch][,zone][,format]).", f_strftime, NULL },
	{ "STRPTIME", "The seconds since 1970 of a text: STRPTIME(text,zone,format).", f_strptime, NULL },
	{ 0 },
};
