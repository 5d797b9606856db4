/*
 * sim/lab.c: `hairpin lab`: which calls of this configuration have audio, in which places.
 */
#include <stdlib.h>
#include <string.h>

#include "sim/lab_priv.h"

/* What is played in each place: those that need no number come first. */
static const enum flow_kind played[] = { FLOW_REGISTER, FLOW_OUT,      FLOW_EARLY,       FLOW_HOLD,   FLOW_HOUR,
					 FLOW_IN,       FLOW_REINVITE, FLOW_HANGUP_NEAR, FLOW_REFRESH };

static struct trial_phone phone_of(const struct lab_phone *p, const char *number)
{
	return (struct trial_phone){ .aor = p->aor->o.name,
				     .endpoint = p->ep->o.name,
				     .user = p->auth ? p->auth->username : NULL,
				     .password = p->auth ? p->auth->password.p : "none",
				     .number = number,
				     .srtp = p->ep->media_encryption == ENCRYPT_SDES &&
					     !p->ep->media_encryption_optimistic };
}

void lab_trial(const struct lab *l, const struct lab_pair *p, const struct spot *s, struct trial *t)
{
	const struct lab_trunk *k = p->trunk;

	*t = (struct trial){ .at = l->ground,
			     .source = l->ask->source,
			     .phones = { phone_of(p->phone, p->in) },
			     .external_names = l->external_names,
			     .stun_name = l->stun_name,
			     .echo = p->echo,
			     .codecs = p->phone->codecs,
			     .tls = l->tls,
			     .wall = l->wall };
	t->at.spot = *s;
	if (s->where == AT_PUBLIC && l->bound.family)
		t->at.external = l->bound;
	if (p->other)
		t->phones[1] = phone_of(p->other, p->out);
	if (!k)
		return;
	t->at.provider = k->provider;
	t->trunk = (struct trial_trunk){ .aor = k->reg ? k->user : "",
					 .registration = k->reg ? k->reg->o.name : "",
					 .user = k->auth ? k->auth->username : "",
					 .password = k->auth ? k->auth->password.p : "",
					 .realm = k->auth ? k->auth->realm : "",
					 .names = k->names,
					 .did = k->reg ? "1" : p->in,
					 .number = p->out,
					 .srtp = k->ep->media_encryption == ENCRYPT_SDES &&
						 !k->ep->media_encryption_optimistic };
}

bool lab_call(const struct lab *l, const struct lab_case *c, struct trial *t, enum flow_kind flow, char what[160])
{
	struct trial_result res;
	struct trial mine;

	if (!t)
		lab_trial(l, c->pair, &c->spot, t = &mine);
	t->flow = flow;
	sim_try(t, &res);
	span_copy(span_of(res.what), what, 160);
	return res.audio;
}

static bool can_play(const struct lab_pair *p, enum flow_kind flow)
{
	switch (flow) {
	case FLOW_REGISTER: return p->echo[0];
	case FLOW_OUT:
	case FLOW_EARLY:
	case FLOW_HOLD:
	case FLOW_HOUR: return p->out[0];
	default: return p->in[0];
	}
}

static void play_case(struct lab *l, struct lab_case *c)
{
	for (size_t i = 0; i < ARRAY_LEN(played) && !c->impossible; i++) {
		struct lab_call *call = &c->calls[played[i]];

		if (!can_play(c->pair, played[i]))
			continue;
		call->tried = true;
		call->audio = lab_call(l, c, NULL, played[i], call->what);
		c->tried++;
		c->audio += call->audio;
	}
	if (c->audio < c->tried)
		lab_fix(l, c);
}

static void add_case(struct lab *l, const struct lab_pair *p, int where, int party)
{
	struct lab_case *c;
	struct spot s = { (enum where)where, (enum party)party, (unsigned)party, l->by };

	if (p->trunk) /* behind a carrier's NAT only a provider that latches can serve anybody */
		s.peer = sim_wheres[where].moves ? WITH_SBC : WITH_PROVIDER;
	if (sim_parties[party].v6 && !l->v6)
		return;
	l->cases = xrealloc(l->cases, (l->n_cases + 1) * sizeof *l->cases);
	c = &l->cases[l->n_cases++];
	*c = (struct lab_case){ .spot = s, .pair = p, .impossible = sim_impossible(&s, false) };
}

static void add_pair(struct lab *l, const struct lab_phone *p, const struct lab_phone *other, const struct lab_trunk *k)
{
	l->pairs[l->n_pairs++] = (struct lab_pair){ .phone = p, .other = other, .trunk = k };
}

static void make_pairs(struct lab *l)
{
	for (size_t i = 0; i < l->n_phones; i++) {
		const struct lab_phone *p = &l->phones[i], *other = NULL;

		if (p->like && strcmp(l->spare.ep->context, p->ep->context) == 0)
			other = &l->spare;
		else if (l->n_phones > 1)
			other = &l->phones[i ? 0 : 1];
		if (other)
			add_pair(l, p, other, NULL);
		for (size_t k = 0; k < l->n_trunks; k++)
			add_pair(l, p, NULL, &l->trunks[k]);
		if (!other && !l->n_trunks)
			add_pair(l, p, p, NULL); /* alone: the echo test is all there is */
	}
}

/* Rows asked for: -1 all, -2: there is no such row. */
static int row_of(const char *name, int (*find)(const char *name), const char *what, struct diag *why)
{
	int row = name ? find(name) : -1;

	if (!name || row >= 0)
		return row;
	diag_add(why, DIAG_ERROR, NULL, 0, "there is no %s '%s'", what, name);
	return -2;
}

static void run_cases(struct lab *l, int where, int party)
{
	int first_where = MAX(where, 0), last_where = where < 0 ? WHERES - 1 : where, first = MAX(party, 0),
	    last = party < 0 ? PARTIES - 1 : party;

	for (int w = first_where; w <= last_where; w++)
		for (size_t i = 0; i < l->n_pairs; i++)
			for (int p = first; p <= last; p++)
				add_case(l, &l->pairs[i], w, p);
	for (size_t i = 0; i < l->n_cases; i++)
		play_case(l, &l->cases[i]);
}

static enum lab_status verdict(const struct lab *l)
{
	for (size_t i = 0; i < l->n_cases; i++)
		if (l->cases[i].audio < l->cases[i].tried)
			return LAB_NO_AUDIO;
	return LAB_AUDIO;
}

enum lab_status lab_run(const struct lab_ask *ask, struct out *o, struct diag *why)
{
	int where = row_of(ask->where, sim_where_by_name, "place for the server:", why),
	    party = row_of(ask->phone, sim_party_by_name, "place for a phone:", why);
	struct lab l = { .ask = ask };
	enum lab_status st = LAB_WRONG;

	if (where > -2 && party > -2)
		l.conf = conf_load(ask->source, why);
	if (l.conf && lab_read(&l, why)) {
		make_pairs(&l);
		lab_dial(&l);
		run_cases(&l, where, party);
		st = verdict(&l);
		if (ask->json)
			lab_say_json(&l, o);
		else
			lab_say(&l, o);
	}
	for (size_t i = 0; i < l.n_trunks; i++) {
		free(l.trunks[i].names);
		free(l.trunks[i].user);
	}
	free(l.external_names);
	free(l.stun_name);
	free(l.cases);
	conf_unref(l.conf);
	return st;
}
