/*
 * sim/lab_dial.c: which number reaches whom. The dialplan is not read but dialled: on a plain network, every extension
 * that the caller's context has, until each purpose is served.
 */
#include <stdlib.h>
#include <string.h>

#include "pbx/match.h"
#include "sim/lab_priv.h"
#include "sim/trial_priv.h"

#define NUMBERS   200 /* that are tried from one context */
#define RING_WAIT 1500
#define ECHO_WAIT 700
#define LOOK      50

struct numbers {
	char text[NUMBERS][64];
	size_t n;
};

static void add(struct numbers *s, const char *text)
{
	if (!text[0] || s->n == NUMBERS)
		return;
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->text[i], text) == 0)
			return;
	span_copy(span_of(text), s->text[s->n++], sizeof s->text[0]);
}

/* A number that the pattern matches: _1NXXXXXXXXX → 15555555555. */
static void add_pattern(struct numbers *s, const char *pattern)
{
	char text[64];
	struct out o = out_fixed(text, sizeof text - 1);

	for (const char *p = pattern + 1; *p; p++) {
		if (*p == '[') {
			out_char(&o, p[1]);
			p += strcspn(p, "]");
			if (!*p)
				break;
		} else if (strchr("XZNxzn.", *p)) {
			out_char(&o, '5');
		} else if (*p != '!' && *p != '-' && *p != ' ') {
			out_char(&o, *p);
		}
	}
	text[o.n] = '\0';
	add(s, text);
}

static bool is_special(const char *name)
{
	return !name[1] && strchr("sihtoaTe", name[0]);
}

static void add_extens(struct numbers *s, const struct conf *c, bool patterns)
{
	for (size_t i = 0; i < c->dialplan.n_contexts; i++) {
		const struct dp_context *x = &c->dialplan.contexts[i];

		for (size_t j = 0; j < x->n_extens; j++) {
			const char *name = x->extens[j].pattern;

			if (name[0] == '_' && patterns)
				add_pattern(s, name);
			else if (name[0] != '_' && !patterns && !is_special(name))
				add(s, name);
		}
	}
}

/* Only those that the context has. */
static void keep_known(struct numbers *s, const struct lab *l, const char *context)
{
	struct dp_call call = { .wall = l->wall };
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		if (dp_find(&l->conf->dialplan, span_of(context), span_of(s->text[i]), &call, NULL))
			memmove(s->text[n++], s->text[i], sizeof s->text[0]);
	s->n = n;
}

/* ---- dialling ---- */

enum reached { NOBODY, THE_OTHER, ITSELF };

static bool is_free(struct sim_phone *p)
{
	struct sim_phone_state s;

	sim_phone_state(p, &s);
	return !s.in_call && !s.ringing;
}

static enum reached wait_for(struct trial_run *r, struct sim_phone *from, struct sim_phone *to, unsigned calls)
{
	struct sim_phone_state s, t;

	for (ms_t waited = 0; waited < RING_WAIT; waited += LOOK) {
		trial_pass(r, LOOK);
		sim_phone_state(from, &s);
		sim_phone_state(to, &t);
		if (t.calls > calls)
			return THE_OTHER;
		if (s.last >= 300)
			return NOBODY;
		if (s.in_call)
			break;
	}
	for (ms_t waited = 0; s.in_call && waited < ECHO_WAIT; waited += LOOK) {
		trial_pass(r, LOOK);
		sim_phone_state(from, &s);
		if (s.hears == sim_phone_number(from))
			return ITSELF;
	}
	return NOBODY;
}

static enum reached dial(struct trial_run *r, struct sim_phone *from, struct sim_phone *to, const char *number)
{
	struct sim_phone_state s;
	enum reached got;

	sim_phone_state(to, &s);
	sim_phone_call(from, number);
	got = wait_for(r, from, to, s.calls);
	trial_pass(r, 2 * RING_WAIT / 3); /* what rings is answered by now: BYE, not CANCEL */
	sim_phone_hangup(from);
	for (ms_t waited = 0; waited < RING_WAIT && !(is_free(from) && is_free(to)); waited += LOOK)
		trial_pass(r, LOOK);
	trial_pass(r, LOOK);
	return got;
}

static void dial_all(struct trial_run *r, struct sim_phone *from, struct sim_phone *to, const struct numbers *s,
		     char *found[2])
{
	for (size_t i = 0; i < s->n && (!found[0][0] || (found[1] && !found[1][0])); i++) {
		enum reached got = dial(r, from, to, s->text[i]);

		if (got == THE_OTHER && !found[0][0])
			span_copy(span_of(s->text[i]), found[0], 64);
		else if (got == ITSELF && found[1] && !found[1][0])
			span_copy(span_of(s->text[i]), found[1], 64);
	}
}

/* The names of the one to be reached first: they are its numbers more often than not. */
static void numbers_for(struct numbers *s, const struct lab *l, const struct lab_phone *whom, const char *context)
{
	*s = (struct numbers){ 0 };
	if (whom) {
		add(s, whom->ep->o.name);
		add(s, whom->aor->o.name);
		add(s, whom->ep->callerid_num);
	}
	add_extens(s, l->conf, whom == NULL);
	add_extens(s, l->conf, whom != NULL);
	keep_known(s, l, context);
}

static void dial_pair(const struct lab *l, struct lab_pair *p, struct numbers *s)
{
	struct spot spot = { AT_FORWARD, IN_LAN, p->trunk ? WITH_SBC : IN_LAN, l->by };
	const char *there = p->trunk ? p->trunk->ep->context : p->other->ep->context;
	char *out[2] = { p->out, p->echo }, *in[2] = { p->in, NULL };
	struct trial_result res;
	struct trial_run r;
	struct trial t;

	lab_trial(l, p, &spot, &t);
	t.flow = FLOW_OUT;
	trial_begin(&r, &t, &res);
	if (trial_up(&r)) {
		numbers_for(s, l, p->other, p->phone->ep->context);
		dial_all(&r, r.near, r.far, s, out);
		if (p->trunk && p->trunk->reg) /* it is called at the Contact it registered, whatever is dialled */
			*s = (struct numbers){ .text = { "1" }, .n = 1 };
		else
			numbers_for(s, l, p->phone, there);
		dial_all(&r, r.far, r.near, s, in);
	}
	trial_end(&r);
	if (p->other == p->phone) /* it has nobody else to talk to */
		p->out[0] = p->in[0] = '\0';
}

void lab_dial(struct lab *l)
{
	struct numbers *s = xcalloc(1, sizeof *s);

	for (size_t i = 0; i < l->n_pairs; i++)
		dial_pair(l, &l->pairs[i], s);
	free(s);
}
