/* pbx/app_set.c: Set(name=value): variables, GLOBAL(), functions. */
#include "base/trace.h"
#include "pbx/priv.h"

static enum app_say start(struct dp *dp, struct span args)
{
	long eq = span_chr(args, '='), open;
	struct span name, value;

	if (eq <= 0) {
		trace(EV_DP_WARN, dp->chan->name, "Set needs name=value");
		return APP_NEXT;
	}
	name = span_trim(span_sub(args, 0, (size_t)eq));
	value = span_from(args, (size_t)eq + 1); /* quotes, too */
	open = span_chr(name, '(');
	if (open > 0 && name.p[name.n - 1] == ')') {
		struct span func_args = span_sub(name, (size_t)open + 1, name.n - (size_t)open - 2);

		if (!func_write(dp, span_sub(name, 0, (size_t)open), func_args, value))
			trace(EV_DP_WARN, dp->chan->name, "cannot set %.*s", SP(name));
		return APP_NEXT;
	}
	vars_set(&dp->chan->vars, name, value);
	while (name.n && name.p[0] == '_') /* it is also read without its underscores */
		name = span_from(name, 1);
	vars_set(&dp->chan->vars, name, value);
	return APP_NEXT;
}

const struct app app_set = { .name = "Set", .help = "Set(name=value).", .start = start };
