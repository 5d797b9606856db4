/* pbx/app_set.c: Set(name=value) and MSet(name=value,…): variables, GLOBAL(), functions. */
#include "base/trace.h"
#include "pbx/priv.h"

void dp_assign(struct dp *dp, struct span name, struct span value)
{
	struct vars *to = &dp->chan->vars;
	long open = span_chr(name, '(');

	if (open > 0 && name.p[name.n - 1] == ')') {
		struct span args = span_sub(name, (size_t)open + 1, name.n - (size_t)open - 2);

		if (!func_write(dp, span_sub(name, 0, (size_t)open), args, value))
			trace(EV_DP_WARN, dp->chan->name, "cannot set %.*s", SP(name));
		return;
	}
	for (size_t i = dp->depth; i-- && to == &dp->chan->vars;)
		if (vars_get(&dp->stack[i].locals, name))
			to = &dp->stack[i].locals;
	vars_set(to, name, value);
	if (!name.n || name.p[0] != '_')
		return;
	while (name.n && name.p[0] == '_') /* it is also read without its underscores */
		name = span_from(name, 1);
	vars_set(to, name, value);
}

static bool assign(struct dp *dp, struct span text)
{
	long eq = span_chr(text, '=');

	if (eq <= 0) {
		trace(EV_DP_WARN, dp->chan->name, "%s needs name=value", dp->app->name);
		return false;
	}
	dp_assign(dp, span_trim(span_sub(text, 0, (size_t)eq)), span_from(text, (size_t)eq + 1)); /* quotes, too */
	return true;
}

static enum app_say set(struct dp *dp, struct span args)
{
	assign(dp, args);
	return APP_NEXT;
}

static enum app_say mset(struct dp *dp, struct span args)
{
	struct span one;

	for (unsigned n = 0; n < 64 && (one = dp_arg(args, n)).p && assign(dp, one); n++)
		;
	return APP_NEXT;
}

const struct app app_set = { .name = "Set", .help = "Set(name=value).", .start = set };
const struct app app_mset = { .name = "MSet", .help = "Sets several variables: MSet(a=1,b=2).", .start = mset };
