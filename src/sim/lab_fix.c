/*
 * sim/lab_fix.c: what would have to change. Nothing is guessed: every option of the table is set the way that helps,
 * the calls are played again, and then each change is taken back as long as all calls still have audio. What is left
 * is the answer, and it has been seen to work.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nat/nat.h"
#include "sim/lab_priv.h"

#define LOOPBACK 1    /* in l->rules: what everybody has there */
#define KEEP     "25" /* s: less than any router's timeout */

/* Sets the option in the snapshot, where it is not so already; the object that was changed, or NULL. */
typedef const struct conf_obj *fix_fn(struct lab *l, const struct lab_case *c, struct conf *conf);

struct lab_fix {
	const char *type, *option;
	fix_fn *apply;
	const char *value; /* NULL: the simulator's address or network */
};

static const char *external_of(struct lab *l, const struct lab_case *c)
{
	struct trial t;

	lab_trial(l, c->pair, &c->spot, &t);
	if (!t.at.external.family)
		return "198.51.100.5";
	addr_ip_str(&t.at.external, l->external);
	return l->external;
}

static bool carries(const struct conf_transport *t)
{
	return t->bind.family == 4;
}

static const struct conf_obj *set_external(struct lab *l, const struct lab_case *c, struct conf *conf, bool media)
{
	const struct conf_obj *changed = NULL;

	for (size_t i = 0; i < conf->n_transports && sim_wheres[c->spot.where].nat; i++) {
		struct conf_transport *t = &conf->transports[i];
		const char **at = media ? &t->external_media_address : &t->external_signaling_address;

		if (!carries(t) || **at || (!media && *t->external_signaling_hostname))
			continue;
		*at = external_of(l, c);
		changed = changed ? changed : &t->o;
	}
	return changed;
}

static const struct conf_obj *fix_media(struct lab *l, const struct lab_case *c, struct conf *conf)
{
	return set_external(l, c, conf, true);
}

static const struct conf_obj *fix_signaling(struct lab *l, const struct lab_case *c, struct conf *conf)
{
	return set_external(l, c, conf, false);
}

/* The server's own network; with a second link also that and the provider. */
static size_t rules_of(struct lab *l, const struct lab_case *c)
{
	struct ground g;
	struct trial t;
	size_t n = 2;
	const char *why;

	lab_trial(l, c->pair, &c->spot, &t);
	ground_make(&g, &t.at);
	l->rules[0] = (struct net_rule){ .net = g.local, .len = 24 };
	l->rules[0].net.ip[3] = 0;
	BUG_ON(!net_rule_parse(SPAN("127.0.0.0/8"), &l->rules[LOOPBACK], &why));
	if (g.uplink && c->pair->trunk) {
		BUG_ON(!net_rule_parse(SPAN(GROUND_UPLINK "/32"), &l->rules[2], &why));
		l->rules[3] = (struct net_rule){ .net = g.provider_ip, .len = 32 };
		n = 4;
	}
	sim_free(g.sim);
	return n;
}

/* Writes what is not local yet; false: all of it is. */
static bool missing(struct lab *l, const struct conf_transport *t, size_t n)
{
	struct out o = out_fixed(l->local_net, sizeof l->local_net - 1);

	for (size_t i = 0; i < n; i++) {
		if (i == LOOPBACK || nat_is_local(t, &l->rules[i].net))
			continue;
		out_str(&o, o.n ? "," : "");
		net_rule_out(&o, &l->rules[i]);
	}
	l->local_net[o.n] = '\0';
	return o.n > 0;
}

static const struct conf_obj *fix_local(struct lab *l, const struct lab_case *c, struct conf *conf)
{
	const struct conf_obj *changed = NULL;
	size_t n = sim_wheres[c->spot.where].nat ? rules_of(l, c) : 0;

	for (size_t i = 0; i < conf->n_transports; i++) {
		struct conf_transport *t = &conf->transports[i];

		if (!carries(t) || !missing(l, t, n))
			continue;
		t->local_net = (struct net_list){ l->rules, n };
		changed = changed ? changed : &t->o;
	}
	return changed;
}

/* ---- phones and the trunk ---- */

static struct conf_endpoint *endpoint_in(struct conf *conf, const struct conf_endpoint *e)
{
	return (struct conf_endpoint *)(uintptr_t)conf_endpoint(conf, span_of(e->o.name));
}

static struct conf_aor *aor_in(struct conf *conf, const struct conf_aor *a)
{
	return (struct conf_aor *)(uintptr_t)conf_aor(conf, span_of(a->o.name));
}

static const struct conf_obj *set_flag(struct conf_endpoint *e, bool *flag)
{
	if (*flag)
		return NULL;
	*flag = true;
	return &e->o;
}

static const struct conf_obj *either(const struct conf_obj *a, const struct conf_obj *b)
{
	return a ? a : b;
}

#define FIX_PHONES(name, field)                                                                               \
	static const struct conf_obj *name(struct lab *l UNUSED, const struct lab_case *c, struct conf *conf) \
	{                                                                                                     \
		struct conf_endpoint *e = endpoint_in(conf, c->pair->phone->ep);                              \
		struct conf_endpoint *f = c->pair->other ? endpoint_in(conf, c->pair->other->ep) : e;         \
		const struct conf_obj *first = set_flag(e, &e->field);                                        \
                                                                                                              \
		return either(first, set_flag(f, &f->field));                                                 \
	}
FIX_PHONES(fix_phone_symmetric, rtp_symmetric)
FIX_PHONES(fix_phone_contact, rewrite_contact)
FIX_PHONES(fix_phone_rport, force_rport)

static const struct conf_obj *keep_open(struct conf_aor *a)
{
	if (a->qualify_frequency && a->qualify_frequency < LAB_TIMEOUT / 1000)
		return NULL;
	a->qualify_frequency = 25;
	return &a->o;
}

static const struct conf_obj *fix_phone_qualify(struct lab *l UNUSED, const struct lab_case *c, struct conf *conf)
{
	const struct conf_obj *first = keep_open(aor_in(conf, c->pair->phone->aor));

	return either(first, c->pair->other ? keep_open(aor_in(conf, c->pair->other->aor)) : NULL);
}

static const struct conf_obj *fix_trunk_qualify(struct lab *l UNUSED, const struct lab_case *c, struct conf *conf)
{
	return c->pair->trunk && c->pair->trunk->aor ? keep_open(aor_in(conf, c->pair->trunk->aor)) : NULL;
}

static const struct conf_obj *fix_trunk_symmetric(struct lab *l UNUSED, const struct lab_case *c, struct conf *conf)
{
	struct conf_endpoint *e = c->pair->trunk ? endpoint_in(conf, c->pair->trunk->ep) : NULL;

	return e ? set_flag(e, &e->rtp_symmetric) : NULL;
}

/* The table: those that explain most come first, and are taken back last. */
static const struct lab_fix fixes[] = {
	{ "transport", "external_media_address", fix_media, NULL },
	{ "transport", "external_signaling_address", fix_signaling, NULL },
	{ "transport", "local_net", fix_local, NULL },
	{ "endpoint", "rewrite_contact", fix_phone_contact, "yes" },
	{ "endpoint", "rtp_symmetric", fix_phone_symmetric, "yes" },
	{ "endpoint", "force_rport", fix_phone_rport, "yes" },
	{ "aor", "qualify_frequency", fix_phone_qualify, KEEP },
	{ "aor", "qualify_frequency", fix_trunk_qualify, KEEP },
	{ "endpoint", "rtp_symmetric", fix_trunk_symmetric, "yes" },
};
_Static_assert(ARRAY_LEN(fixes) <= LAB_FIXES, "a case holds them all");

struct attempt {
	struct lab *l;
	const struct lab_case *c;
	bool use[ARRAY_LEN(fixes)];
};

static void tune(void *arg, struct conf *conf)
{
	struct attempt *a = arg;

	for (size_t i = 0; i < ARRAY_LEN(fixes); i++)
		if (a->use[i])
			fixes[i].apply(a->l, a->c, conf);
}

static bool all_have_audio(struct attempt *a)
{
	char what[160];
	struct trial t;
	bool all = true;

	lab_trial(a->l, a->c->pair, &a->c->spot, &t);
	t.tune = tune;
	t.tune_arg = a;
	for (int f = 0; f < FLOWS && all; f++)
		if (a->c->calls[f].tried)
			all = lab_call(a->l, a->c, &t, (enum flow_kind)f, what);
	return all;
}

/* What helped the case before this one, in the same place with the same people, will often do here. */
static bool start_from_before(struct attempt *a)
{
	const struct lab_case *c = a->c, *before = c > a->l->cases ? c - 1 : NULL;

	if (!before || !before->n_fixes || before->pair != c->pair || before->spot.where != c->spot.where)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(fixes); i++)
		for (unsigned j = 0; j < before->n_fixes; j++)
			a->use[i] |= before->fixes[j] == &fixes[i];
	return all_have_audio(a);
}

void lab_fix(struct lab *l, struct lab_case *c)
{
	struct attempt a = { .l = l, .c = c };

	if (!start_from_before(&a)) {
		for (size_t i = 0; i < ARRAY_LEN(fixes); i++)
			a.use[i] = true;
		if (!all_have_audio(&a)) {
			c->hopeless = true;
			return;
		}
	}
	for (size_t i = ARRAY_LEN(fixes); i-- > 0;) {
		bool used = a.use[i];

		a.use[i] = false;
		a.use[i] = used && !all_have_audio(&a);
	}
	for (size_t i = 0; i < ARRAY_LEN(fixes); i++)
		if (a.use[i])
			c->fixes[c->n_fixes++] = &fixes[i];
}

struct was {
	const char *option;
	char *text;
};

static void note_was(void *ctx, const char *option, const char *value)
{
	const struct was *w = ctx;

	if (strcmp(option, w->option) != 0)
		return;
	if (strcmp(value, "true") == 0 || strcmp(value, "false") == 0) /* as `pjsip show` has it */
		value = value[0] == 't' ? "yes" : "no";
	span_copy(span_of(value), w->text, 80);
}

void lab_fix_text(struct lab *l, const struct lab_case *c, const struct lab_fix *f, struct lab_change *say)
{
	struct diag why = { 0 };
	struct conf *conf = conf_load(l->ask->source, &why);
	const struct conf_obj *before, *o;
	struct was was = { f->option, say->was };

	*say = (struct lab_change){ .file = "pjsip.conf", .section = "", .option = f->option };
	o = conf ? f->apply(l, c, conf) : NULL;
	if (o) {
		before = strcmp(f->type, "transport") == 0 ? &conf_transport(l->conf, span_of(o->name))->o
			 : strcmp(f->type, "aor") == 0     ? &conf_aor(l->conf, span_of(o->name))->o
							   : &conf_endpoint(l->conf, span_of(o->name))->o;
		say->section = before->name;
		say->line = before->line;
		say->file = before->file;
		if (conf_written(before, f->type, f->option))
			conf_each_option(before, f->type, note_was, &was);
	}
	say->example = !f->value;
	span_copy(span_of(f->value                ? f->value
			  : f->apply == fix_local ? l->local_net
						  : external_of(l, c)),
		  say->value, sizeof say->value);
	conf_unref(conf);
	diag_free(&why);
}
