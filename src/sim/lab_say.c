/*
 * sim/lab_say.c: the lab's report, for people: places that fare alike stand together.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/lab_priv.h"

static const char *peer_of(const struct lab_pair *p)
{
	return p->trunk ? p->trunk->ep->o.name : p->other->ep->o.name;
}

static void say_people(const struct lab *l, struct out *o)
{
	for (size_t i = 0; i < l->n_phones; i++) {
		out_fmt(o, "phone %s", l->phones[i].ep->o.name);
		if (l->phones[i].like)
			out_fmt(o, ", and %u with the same options", l->phones[i].like);
		out_char(o, '\n');
	}
	if (l->left_out)
		out_fmt(o, "%u more left out: more kinds than %d, no ulaw or alaw, or a password that is only a hash\n",
			l->left_out, LAB_PHONES);
	for (size_t i = 0; i < l->n_trunks; i++) {
		const struct lab_trunk *t = &l->trunks[i];

		out_fmt(o, "trunk %s", t->ep->o.name);
		if (t->reg)
			out_fmt(o, ", registers as %s", t->user);
		if (t->names[0])
			out_fmt(o, ", at %s", t->names);
		out_char(o, '\n');
	}
}

static void say_number(struct out *o, const char *who, const char *number, const char *whom)
{
	if (number[0])
		out_fmt(o, "%s dials %s to reach %s\n", who, number, whom);
	else
		out_fmt(o, "%s has no number that reaches %s: not tried\n", who, whom);
}

static void say_numbers(const struct lab *l, struct out *o)
{
	for (size_t i = 0; i < l->n_pairs; i++) {
		const struct lab_pair *p = &l->pairs[i];
		const char *phone = p->phone->ep->o.name;

		if (p->echo[0] && (!i || p[-1].phone != p->phone))
			say_number(o, phone, p->echo, "itself");
		if (p->phone == p->other)
			continue;
		say_number(o, phone, p->out, peer_of(p));
		if (p->trunk && p->trunk->reg)
			out_fmt(o, "%s %s %s by its registration\n", peer_of(p),
				p->in[0] ? "reaches" : "does not reach", phone);
		else
			say_number(o, peer_of(p), p->in, phone);
	}
}

/* ---- cases ---- */

static bool same_fixes(const struct lab_case *a, const struct lab_case *b)
{
	return a->n_fixes == b->n_fixes && memcmp(a->fixes, b->fixes, a->n_fixes * sizeof a->fixes[0]) == 0;
}

static const char *first_failure(const struct lab_case *c, enum flow_kind *flow)
{
	for (int f = 0; f < FLOWS; f++)
		if (c->calls[f].tried && !c->calls[f].audio) {
			*flow = (enum flow_kind)f;
			return c->calls[f].what;
		}
	return "";
}

static bool alike(const struct lab_case *a, const struct lab_case *b)
{
	enum flow_kind fa = FLOWS, fb = FLOWS;

	if (a->spot.where != b->spot.where || a->pair != b->pair || a->impossible || b->impossible)
		return a->impossible && b->impossible && a->pair == b->pair && a->spot.where == b->spot.where &&
		       strcmp(a->impossible, b->impossible) == 0;
	return a->audio == b->audio && a->tried == b->tried && a->hopeless == b->hopeless && same_fixes(a, b) &&
	       strcmp(first_failure(a, &fa), first_failure(b, &fb)) == 0 && fa == fb;
}

static void say_fixes(struct lab *l, const struct lab_case *c, struct out *o)
{
	for (unsigned i = 0; i < c->n_fixes; i++) {
		struct lab_change say;

		lab_fix_text(l, c, c->fixes[i], &say);
		out_fmt(o, "      %s [%s] %s=%s", i ? "and" : "set", say.section, say.option, say.value);
		out_fmt(o, "   (%s:%u", say.file, say.line);
		if (say.was[0])
			out_fmt(o, ": it is %s", say.was);
		if (say.example && !(l->external_written && strstr(say.option, "external")))
			out_str(o, "; the value is the one of this simulation");
		out_str(o, ")\n");
	}
	if (c->hopeless)
		out_str(o, "      no option that the lab knows changes that\n");
}

static void say_case(struct lab *l, const struct lab_case *c, struct out *o)
{
	enum flow_kind flow = FLOWS;
	const char *what = first_failure(c, &flow);

	if (c->impossible)
		out_fmt(o, "    impossible: %s\n", c->impossible);
	else if (!c->tried)
		out_str(o, "    not tried: there is no number to dial\n");
	else if (c->audio == c->tried)
		out_fmt(o, "    ok: all %u calls have audio\n", c->tried);
	else
		out_fmt(o, "    NO AUDIO in %u of %u calls; %s: %s\n", c->tried - c->audio, c->tried,
			sim_flows[flow].name, what);
	say_fixes(l, c, o);
}

/* The names of all that fare like case i and come after it; *said notes them. */
static void say_group(struct lab *l, size_t i, bool *said, struct out *o)
{
	size_t at = o->n;

	out_str(o, "  ");
	for (size_t j = i; j < l->n_cases; j++) {
		if (said[j] || !alike(&l->cases[i], &l->cases[j]))
			continue;
		said[j] = true;
		if (o->n - at > 90) {
			out_str(o, "\n  ");
			at = o->n - 2;
		}
		out_fmt(o, "%s ", sim_parties[l->cases[j].spot.party].name);
	}
	out_char(o, '\n');
	say_case(l, &l->cases[i], o);
}

static void say_head(const struct lab *l, size_t i, struct out *o)
{
	const struct lab_case *c = &l->cases[i], *before = i ? c - 1 : NULL;

	if (!before || before->spot.where != c->spot.where)
		out_fmt(o, "\nTHE SERVER %s: %s\n", sim_wheres[c->spot.where].name, sim_wheres[c->spot.where].help);
	if (!before || before->spot.where != c->spot.where || before->pair != c->pair)
		out_fmt(o, " %s and %s; where the phone%s:\n", c->pair->phone->ep->o.name,
			c->pair->phone == c->pair->other ? "the echo test" : peer_of(c->pair),
			c->pair->other && c->pair->phone != c->pair->other ? "s are" : " is");
}

static void say_sum(const struct lab *l, struct out *o)
{
	unsigned audio = 0, tried = 0, impossible = 0;

	for (size_t i = 0; i < l->n_cases; i++) {
		audio += l->cases[i].audio;
		tried += l->cases[i].tried;
		impossible += l->cases[i].impossible != NULL;
	}
	out_fmt(o, "\n%u of %u calls have audio; %u of %zu cases are impossible\n", audio, tried, impossible,
		l->n_cases);
}

void lab_say(struct lab *l, struct out *o)
{
	bool *said = xcalloc(l->n_cases + 1, sizeof *said);

	out_fmt(o, "%s in the simulator\n\n", l->ask->label);
	say_people(l, o);
	say_numbers(l, o);
	for (size_t i = 0; i < l->n_cases; i++) {
		say_head(l, i, o);
		if (!said[i])
			say_group(l, i, said, o);
	}
	say_sum(l, o);
	if (l->ask->where && l->ask->phone)
		for (size_t i = 0; i < l->n_cases; i++)
			lab_ladder(l, &l->cases[i], o);
	free(said);
}
