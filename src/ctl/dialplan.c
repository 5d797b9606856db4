/* ctl/dialplan.c: "dialplan show". */
#include <string.h>

#include "ctl/priv.h"

static const struct row_kind step = {
	.name = "step",
	.columns = { { .name = "extension", .lead = "  " },
		     { .name = "label", .at = 5 },
		     { .name = "priority", .at = 20 },
		     { .name = "application", .lead = ". " },
		     { .name = "place", .at = 66 } },
};
static const struct row_kind hint = {
	.name = "hint",
	.columns = { { .name = "extension", .lead = "  " },
		     { .name = "devices", .lead = "hint: ", .at = 20 },
		     { .name = "place", .at = 66 } },
};
static const struct row_kind include = {
	.name = "include",
	.columns = { { .name = "what", .lead = "  " }, { .name = "context", .at = 20 } },
};

struct shown {
	size_t extens, steps, contexts;
};

static void put_exten(struct call *c, const struct dp_exten *e, bool first)
{
	if (!first)
		rows_put(c->rows, "%s", "");
	else if (*e->cid)
		rows_put(c->rows, "'%s' (CID match '%s') =>", e->pattern, e->cid);
	else
		rows_put(c->rows, "'%s' =>", e->pattern);
}

static void put_step(struct call *c, const struct dp_exten *e, const struct dp_step *s, bool first)
{
	rows_add(c->rows, &step);
	put_exten(c, e, first);
	if (*s->label)
		rows_put(c->rows, "[%s]", s->label);
	else
		rows_put(c->rows, "%s", "");
	rows_put(c->rows, "%d", s->prio);
	rows_put(c->rows, "%s(%s)", s->app, s->args);
	rows_put(c->rows, "[%s:%u]", s->file, s->line);
}

static void put_hint(struct call *c, const struct dp_exten *e)
{
	rows_add(c->rows, &hint);
	put_exten(c, e, true);
	rows_put(c->rows, "%s", e->hint->args);
	rows_put(c->rows, "[%s:%u]", e->hint->file, e->hint->line);
}

static void put_context(struct call *c, const struct dp_context *ctx, struct span exten, struct shown *n)
{
	n->contexts++;
	rows_say(c->rows, "[ Context '%s' created by 'pbx_config' ]", ctx->name);
	for (size_t i = 0; i < ctx->n_extens; i++) {
		const struct dp_exten *e = &ctx->extens[i];

		if (exten.n && !span_is(exten, e->pattern))
			continue;
		n->extens++;
		n->steps += e->n_steps + (e->hint != NULL);
		if (e->hint)
			put_hint(c, e);
		for (size_t k = 0; k < e->n_steps; k++)
			put_step(c, e, &e->steps[k], k == 0 && !e->hint);
	}
	for (size_t i = 0; i < ctx->includes.n; i++) {
		rows_add(c->rows, &include);
		rows_put(c->rows, "Include =>");
		rows_put(c->rows, *ctx->include_times.v[i] ? "'%s,%s'" : "'%s'", ctx->includes.v[i],
			 ctx->include_times.v[i]);
	}
	rows_say(c->rows, "%s", "");
}

/* [exten@][context] */
static void show(struct call *c)
{
	const struct conf_dialplan *dp = &c->conf->dialplan;
	struct span context = c->args, exten = SPAN_NONE;
	long sign = span_chr(c->args, '@');
	struct shown n = { 0 };

	if (sign >= 0) {
		exten = span_sub(c->args, 0, (size_t)sign);
		context = span_from(c->args, (size_t)sign + 1);
	}
	for (size_t i = 0; i < dp->n_contexts; i++)
		if (!context.n || span_is(context, dp->contexts[i].name))
			put_context(c, &dp->contexts[i], exten, &n);
	if (!n.contexts) {
		cmd_fail(c, "There is no existence of '%.*s' context", SP(context));
		return;
	}
	rows_say(c->rows, "-= %zu extension%s (%zu priorit%s) in %zu context%s. =-", n.extens, n.extens == 1 ? "" : "s",
		 n.steps, n.steps == 1 ? "y" : "ies", n.contexts, n.contexts == 1 ? "" : "s");
}

static void globals(struct call *c)
{
	const struct conf_dialplan *dp = &c->conf->dialplan;

	for (size_t i = 0; i < dp->n_globals; i++)
		rows_say(c->rows, "   %s=%s", dp->globals[i].name, dp->globals[i].value);
	rows_say(c->rows, "\n    -- %zu variable%s", dp->n_globals, dp->n_globals == 1 ? "" : "s");
}

const struct cmd dialplan_cmds[] = {
	{ "dialplan show", "[CONTEXT]", "The dialplan, one context or exten@context of it.", show },
	{ "dialplan show globals", NULL, "The global variables that the configuration sets.", globals },
	{ 0 },
};
