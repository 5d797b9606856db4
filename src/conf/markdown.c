/* conf/markdown.c: docs/options.md, made from the option tables. */
#include <string.h>

#include "conf/values.h"

static void out_names(const struct opt *opt, struct out *o)
{
	for (size_t i = 0; opt->names[i]; i++) {
		out_str(o, i ? ", `" : "`");
		out_span(o, enum_name_shown(opt->names[i]));
		out_str(o, "`");
	}
}

static void out_takes(const struct opt *opt, struct out *o)
{
	const char *takes = opt_kinds[opt->kind].takes;

	out_str(o, takes);
	if (opt->names && opt->kind != OPT_STR) {
		out_str(o, *takes && opt->kind == OPT_FLAGS ? " " : "");
		if (opt->kind == OPT_CUSTOM)
			out_str(o, ": ");
		out_names(opt, o);
	}
	if (opt->of)
		out_fmt(o, " of `type=%s`", opt->of);
	if (opt->min || opt->max)
		out_fmt(o, " %.15g…%.15g", opt->min, opt->max);
	if (opt->unit)
		out_fmt(o, " %s", opt->unit);
}

static void out_status(const struct opt *opt, struct out *o)
{
	if (opt->waits_for)
		out_fmt(o, "waits for: %s", opt->waits_for);
	else if (opt->no_effect)
		out_fmt(o, "without effect: %s", opt->no_effect);
	else
		out_str(o, "works");
}

static void out_row(const struct opt *opt, struct out *o)
{
	out_fmt(o, "| `%s` | ", opt->name);
	out_takes(opt, o);
	if (opt->def && *opt->def)
		out_fmt(o, " | `%s` | ", opt->def);
	else
		out_str(o, " | | ");
	out_status(opt, o);
	out_fmt(o, " | %s |\n", opt->help);
}

static void out_counts(struct out *o)
{
	unsigned works = 0, waits = 0, idle = 0;

	for (const struct opt_type *t = conf_types; t->name; t++)
		for (const struct opt *opt = t->opts; opt->name; opt++) {
			waits += opt->waits_for != NULL;
			idle += opt->no_effect != NULL;
			works += !opt->waits_for && !opt->no_effect;
		}
	out_fmt(o, "Of %u options %u work, %u wait for a feature, and %u are accepted without effect.\n",
		works + waits + idle, works, waits, idle);
}

void conf_options_markdown(struct out *o)
{
	out_str(o, "# Options\n\n"
		   "Made by `tools/options-doc` from the option tables in `src/conf`; change those, not this page.\n"
		   "An unknown option is an error that names the nearest known one.\n\n");
	out_counts(o);
	for (const struct opt_type *t = conf_types; t->name; t++) {
		if (t->file)
			out_fmt(o, "\n## %s\n\n%s\n\n", t->file, t->help);
		else
			out_fmt(o, "\n## type=%s\n\n%s\n\n", t->name, t->help);
		out_str(o, "| option | takes | default | state | meaning |\n|---|---|---|---|---|\n");
		for (const struct opt *opt = t->opts; opt->name; opt++)
			out_row(opt, o);
	}
}
