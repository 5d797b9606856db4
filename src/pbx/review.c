/*
 * pbx/review.c: what is read without an error and yet cannot work: applications and functions that nobody serves, calls
 * that would find no context, no codec, no transport. It is said when the configuration is read, once for each name, so
 * that nobody learns it from a lost call.
 */
#include <stdlib.h>
#include <string.h>

#include "pbx/priv.h"

struct absent { /* one name, where it is first used, and how often */
	struct span name;
	bool is_function;
	const struct dp_step *first;
	size_t uses;
};

struct review {
	struct absent *v;
	size_t n;
};

static void note(struct review *r, struct span name, bool is_function, const struct dp_step *step)
{
	for (size_t i = 0; i < r->n; i++)
		if (span_ieq(r->v[i].name, name) && r->v[i].is_function == is_function) {
			r->v[i].uses++;
			return;
		}
	r->v = xrealloc(r->v, (r->n + 1) * sizeof r->v[0]);
	r->v[r->n++] = (struct absent){ name, is_function, step, 1 };
}

static bool app_known(const char *name)
{
	for (size_t i = 0; apps[i]; i++)
		if (strcasecmp(apps[i]->name, name) == 0)
			return true;
	return false;
}

static bool is_name(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

/* NAME( at the start of the text: the name, or nothing. */
static struct span name_before_args(struct span s)
{
	size_t n = 0;

	while (n < s.n && is_name(s.p[n]))
		n++;
	return n && n < s.n && s.p[n] == '(' ? span_sub(s, 0, n) : SPAN_NONE;
}

static void review_name(struct review *r, struct span text, const struct dp_step *step)
{
	struct span name = name_before_args(text);

	if (name.n && !func_known(name))
		note(r, name, true, step);
}

static void review_step(struct review *r, const struct dp_step *step)
{
	struct span args = span_of(step->args);
	long at;

	if (!strchr(step->app, '$') && !app_known(step->app))
		note(r, span_of(step->app), false, step);
	if (strcasecmp(step->app, "Set") == 0)
		review_name(r, span_trim(args), step);
	while ((at = span_find(args, SPAN("${"))) >= 0) {
		args = span_from(args, (size_t)at + 2);
		review_name(r, args, step);
	}
}

static void review_endpoint(const struct conf *c, const struct conf_endpoint *ep, struct diag *why)
{
	bool named = strcmp(ep->context, "default") != 0; /* where nobody may call from, it is often not written */

	if (named && !conf_context(c, span_of(ep->context)))
		diag_add(why, DIAG_WARNING, ep->o.file, ep->o.line,
			 "endpoint %s: there is no context '%s'; calls from here find no extension", ep->o.name,
			 ep->context);
	if (!ep->codecs.n)
		diag_add(why, DIAG_WARNING, ep->o.file, ep->o.line,
			 "endpoint %s: no codec is allowed (allow=); its calls are refused with 488", ep->o.name);
}

void pbx_review(const struct conf *c, struct diag *why)
{
	struct review r = { 0 };

	if (!c->n_transports)
		diag_add(why, DIAG_WARNING, "pjsip.conf", 0, "there is no type=transport: nothing listens");
	for (size_t i = 0; i < c->n_endpoints; i++)
		review_endpoint(c, &c->endpoints[i], why);
	for (size_t i = 0; i < c->dialplan.n_contexts; i++)
		for (size_t k = 0; k < c->dialplan.contexts[i].n_extens; k++) {
			const struct dp_exten *e = &c->dialplan.contexts[i].extens[k];

			for (size_t j = 0; j < e->n_steps; j++)
				review_step(&r, &e->steps[j]);
		}
	for (size_t i = 0; i < r.n; i++) {
		const struct absent *a = &r.v[i];
		const char *end = a->is_function ? "it is empty" : "a call that gets there ends";

		if (a->uses == 1)
			diag_add(why, DIAG_WARNING, a->first->file, a->first->line, "%s %.*s is not served yet; %s",
				 a->is_function ? "function" : "application", SP(a->name), end);
		else
			diag_add(why, DIAG_WARNING, a->first->file, a->first->line,
				 "%s %.*s is not served yet (used %zu times); %s",
				 a->is_function ? "function" : "application", SP(a->name), a->uses, end);
		diag_unserved(why);
	}
	free(r.v);
}
