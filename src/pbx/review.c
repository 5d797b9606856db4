/*
 * pbx/review.c: what is read without an error and yet cannot work: applications, functions and options of Dial that
 * nobody serves, Dial of an endpoint that is not there, calls that would find no context, no codec, no transport. It is
 * said when the configuration is read, once for each name, so that nobody learns it from a lost call.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/when.h"
#include "pbx/priv.h"

enum absent_kind { ABSENT_APP, ABSENT_FUNC, ABSENT_OPTION };

struct absent { /* one name, where it is first used, and how often */
	struct span name;
	enum absent_kind kind;
	const struct dp_step *first;
	size_t uses;
};

struct review {
	struct absent *v;
	size_t n;
};

static void note(struct review *r, struct span name, enum absent_kind kind, const struct dp_step *step)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->v[i].kind == kind && (kind == ABSENT_OPTION ? span_eq : span_ieq)(r->v[i].name, name)) {
			r->v[i].uses++;
			return;
		}
	r->v = xrealloc(r->v, (r->n + 1) * sizeof r->v[0]);
	r->v[r->n++] = (struct absent){ name, kind, step, 1 };
}

static bool app_known(struct span name)
{
	for (size_t i = 0; apps[i]; i++)
		if (span_iis(name, apps[i]->name))
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
		note(r, name, ABSENT_FUNC, step);
}

/* Letters, some with arguments in parentheses. Those of a variable are not known yet. */
static void review_dial_options(struct review *r, struct span opts, const struct dp_step *step)
{
	long depth = 0;

	for (size_t i = 0; i < opts.n && opts.p[i] != '$'; i++) {
		depth += (opts.p[i] == '(') - (opts.p[i] == ')');
		if (!depth && isalpha((unsigned char)opts.p[i]) && !strchr(app_dial_options, opts.p[i]))
			note(r, span_sub(opts, i, 1), ABSENT_OPTION, step);
	}
}

/* One of those that Dial calls: "PJSIP/name", "PJSIP/number@name", "PJSIP/name/sip:uri". */
static void review_dialled(const struct conf *c, struct span text, const struct dp_step *step, struct diag *why)
{
	struct span name;

	if (!text.n || span_chr(text, '$') >= 0)
		return;
	if (!span_istarts(text, SPAN("PJSIP/"))) {
		diag_add(why, DIAG_NOTE, step->file, step->line,
			 "Dial: '%.*s' is not PJSIP/…, which is all that is served", SP(text));
		diag_unserved(why);
		return;
	}
	name = dial_endpoint(span_from(text, 6));
	if (!conf_endpoint(c, name))
		diag_add(why, DIAG_NOTE, step->file, step->line, "Dial: there is no endpoint '%.*s'", SP(name));
}

/* An application with its arguments: that of a step, or one within ExecIf. */
struct call {
	const struct dp_step *step;
	struct span app, args;
};

static void review_dial(struct review *r, const struct conf *c, const struct call *call, struct diag *why)
{
	struct span who = dp_arg(call->args, 0), one;

	while (span_cut(&who, '&', &one))
		review_dialled(c, span_trim(one), call->step, why);
	review_dial_options(r, dp_arg(call->args, 2), call->step);
}

static void say_zone(const char *what, struct span zone, const struct dp_step *step, struct diag *why)
{
	if (!zone.n || span_chr(zone, '$') >= 0)
		return;
	diag_add(why, DIAG_WARNING, step->file, step->line,
		 "%s: time zones are not served yet; '%.*s' is taken for local time", what, SP(zone));
	diag_unserved(why);
}

static void review_zone(const struct call *call, struct diag *why)
{
	struct span rest = call->args, times;

	span_cut(&rest, '?', &times);
	say_zone(call->step->app, when_zone(times), call->step, why);
}

/* Behind "${": of STRFTIME and IFTIME. */
static void review_func_zone(struct span text, const struct dp_step *step, struct diag *why)
{
	struct span name = name_before_args(text), args = span_from(text, name.n + 1), rest = args, times;

	if (span_iis(name, "STRFTIME") && !func_zone_known(dp_arg(args, 1)))
		say_zone("STRFTIME", dp_arg(args, 1), step, why);
	if (span_iis(name, "IFTIME") && span_cut(&rest, '?', &times))
		say_zone("IFTIME", when_zone(times), step, why);
}

/* Behind a condition's '?', which is not one in brackets. */
static struct span behind_condition(struct span s)
{
	long depth = 0;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '?' && depth <= 0)
			return span_from(s, i + 1);
		depth += s.p[i] == '[' || s.p[i] == '{' || s.p[i] == '(';
		depth -= s.p[i] == ']' || s.p[i] == '}' || s.p[i] == ')';
	}
	return SPAN_NONE;
}

static void review_call(struct review *r, const struct conf *c, const struct call *call, struct diag *why)
{
	if (call->app.n && span_chr(call->app, '$') < 0 && !app_known(call->app))
		note(r, call->app, ABSENT_APP, call->step);
	if (span_iis(call->app, "Dial"))
		review_dial(r, c, call, why);
	if (span_iis(call->app, "GotoIfTime") || span_iis(call->app, "ExecIfTime"))
		review_zone(call, why);
	if (span_iis(call->app, "Set"))
		review_name(r, span_trim(call->args), call->step);
}

/* The applications that an application runs: "App(args):App(args)". */
static struct span calls_within(const struct call *call)
{
	if (span_iis(call->app, "ExecIf") || span_iis(call->app, "ExecIfTime"))
		return behind_condition(call->args);
	return span_iis(call->app, "Exec") ? call->args : SPAN_NONE;
}

static void review_step(struct review *r, const struct conf *c, const struct dp_step *step, struct diag *why)
{
	struct call call = { step, span_of(step->app), span_of(step->args) };
	struct span args = call.args, calls = calls_within(&call);
	long at;

	review_call(r, c, &call, why);
	while (calls.n) {
		call.app = app_call_cut(&calls);
		call.args = app_call_args(&call.app);
		review_call(r, c, &call, why);
	}
	while ((at = span_find(args, SPAN("${"))) >= 0) {
		args = span_from(args, (size_t)at + 2);
		review_name(r, args, step);
		review_func_zone(args, step, why);
	}
}

/* DEVICE[&DEVICE...]: what there is of them. */
static void review_hint(const struct conf *c, const struct dp_step *hint, struct diag *why)
{
	struct span all = dp_arg(span_of(hint->args), 0), one;

	while (span_cut(&all, '&', &one)) {
		struct span name = span_from(span_trim(one), 6);

		one = span_trim(one);
		if (span_chr(one, '$') >= 0 || span_istarts(one, SPAN("Custom:")))
			continue;
		if (!span_istarts(one, SPAN("PJSIP/")))
			diag_add(why, DIAG_NOTE, hint->file, hint->line,
				 "hint: '%.*s' is no device here: there are PJSIP/endpoint and Custom:name", SP(one));
		else if (!conf_endpoint(c, name))
			diag_add(why, DIAG_NOTE, hint->file, hint->line, "hint: there is no endpoint '%.*s'", SP(name));
	}
}

static void review_endpoint(const struct conf *c, const struct conf_endpoint *ep, struct diag *why)
{
	bool named = strcmp(ep->context, "default") != 0; /* where nobody may call from, it is often not written */

	if (named && !c->dialplan.is_missing && !conf_context(&c->dialplan, span_of(ep->context)))
		diag_add(why, DIAG_WARNING, ep->o.file, ep->o.line,
			 "endpoint %s: there is no context '%s'; calls from here find no extension", ep->o.name,
			 ep->context);
	if (!ep->codecs.n)
		diag_add(why, DIAG_WARNING, ep->o.file, ep->o.line,
			 "endpoint %s: no codec is allowed (allow=); its calls are refused with 488", ep->o.name);
}

static void say_absent(const struct absent *a, struct diag *why)
{
	static const struct {
		enum diag_sev sev;
		const char *what, *end;
	} kinds[] = { [ABSENT_APP] = { DIAG_WARNING, "application", "a call that gets there ends" },
		      [ABSENT_FUNC] = { DIAG_WARNING, "function", "it is empty" },
		      [ABSENT_OPTION] = { DIAG_NOTE, "Dial's option", "the call is made without it" } };
	char times[40] = "";

	if (a->uses > 1)
		snprintf(times, sizeof times, " (used %zu times)", a->uses);
	diag_add(why, kinds[a->kind].sev, a->first->file, a->first->line, "%s %.*s is not served yet%s; %s",
		 kinds[a->kind].what, SP(a->name), times, kinds[a->kind].end);
	diag_unserved(why);
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

			if (e->hint)
				review_hint(c, e->hint, why);
			for (size_t j = 0; j < e->n_steps; j++)
				review_step(&r, c, &e->steps[j], why);
		}
	for (size_t i = 0; i < r.n; i++)
		say_absent(&r.v[i], why);
	free(r.v);
}
