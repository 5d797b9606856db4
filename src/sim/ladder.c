/*
 * sim/ladder.c: one call's messages as a ladder: a column for everybody and every box on the way, an arrow for every
 * message on every network.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/lab_priv.h"
#include "sim/priv.h"

#define COLUMN 19
#define ACTORS 12
#define RUNGS  400 /* that are drawn */

struct actor {
	const struct sim_host *host; /* NULL: a box */
	const struct sim_net *box;
	char name[COLUMN], address[COLUMN];
};

struct rung {
	ms_t at;
	int from, to; /* columns */
	char from_text[ADDR_STRLEN], to_text[ADDR_STRLEN], text[100];
};

struct ladder {
	struct actor actors[ACTORS];
	int n_actors;
	struct rung *rungs;
	size_t n_rungs;
};

static const struct sim_net *box_at(const struct sim_net *outer, const struct addr *a)
{
	list_for(l, &outer->sim->nets) {
		const struct sim_net *n = list_entry(l, struct sim_net, link);

		if (n->outer == outer && addr_ip_eq(&n->nat.external, a))
			return n;
	}
	return NULL;
}

/* Who has the address on this network; what lies beyond it is behind its own box. */
static int actor_of(struct ladder *l, const struct sim_net *n, const struct addr *a)
{
	struct sim_host *h = sim_host_on((struct sim_net *)(uintptr_t)n, a);
	const struct sim_net *box = h ? NULL : box_at(n, a);
	struct actor *x;
	char text[ADDR_STRLEN];

	box = h || box ? box : n;
	for (int i = 0; i < l->n_actors; i++)
		if (l->actors[i].host == h && l->actors[i].box == box)
			return i;
	if (l->n_actors == ACTORS)
		return 0;
	x = &l->actors[l->n_actors];
	*x = (struct actor){ .host = h, .box = box };
	if (h)
		span_copy(span_of(addr_ip_str(&h->at[0].ip, text)), x->address, sizeof x->address);
	snprintf(x->name, sizeof x->name, "%s%s",
		 h            ? h->name ? h->name : ""
		 : box->outer ? "router of "
			      : "nowhere",
		 !h && box->outer ? sim_net_name(box) : "");
	return l->n_actors++;
}

/* "INVITE sip:…" or "200 OK (INVITE)", with where the audio is to go. */
static void summary(struct span bytes, char *buf, size_t cap)
{
	struct span line = bytes, cseq, c, m;
	struct out o = out_fixed(buf, cap - 1);
	long at = span_find(bytes, SPAN("\nCSeq:"));

	if (span_starts(bytes, SPAN("SIP/2.0 "))) {
		line = span_from(line, 8);
		out_span(&o, span_sub(line, 0, (size_t)span_chr(line, '\r')));
		cseq = at < 0 ? SPAN_NONE : span_from(bytes, (size_t)at + 6);
		cseq = span_trim(span_sub(cseq, 0, (size_t)span_chr(cseq, '\r')));
		out_fmt(&o, " (%.*s)", SP(span_from(cseq, (size_t)(span_rchr(cseq, ' ') + 1))));
	} else {
		out_span(&o, span_sub(line, 0, (size_t)span_find(line, SPAN(" SIP/2.0"))));
	}
	at = span_find(bytes, SPAN("\nc=IN IP"));
	c = at < 0 ? SPAN_NONE : span_from(bytes, (size_t)at + 9);
	at = span_find(bytes, SPAN("\nm=audio "));
	m = at < 0 ? SPAN_NONE : span_from(bytes, (size_t)at + 9);
	if (c.n && m.n)
		out_fmt(&o, " audio %.*s:%.*s", SP(span_sub(c, 0, (size_t)span_chr(c, '\r'))),
			SP(span_sub(m, 0, (size_t)span_chr(m, ' '))));
	buf[MIN(o.n, cap - 1)] = '\0';
}

static void on_wire(void *arg, ms_t at, const struct sim_wire *w)
{
	struct ladder *l = arg;
	struct rung *r;

	if (w->bytes.n <= 4 || l->n_rungs == RUNGS)
		return;
	l->rungs = xrealloc(l->rungs, (l->n_rungs + 1) * sizeof l->rungs[0]);
	r = &l->rungs[l->n_rungs++];
	*r = (struct rung){ .at = at, .from = actor_of(l, w->net, &w->from), .to = actor_of(l, w->net, &w->to) };
	addr_str(&w->from, r->from_text);
	addr_str(&w->to, r->to_text);
	summary(w->bytes, r->text, sizeof r->text);
}

static void put_rung(const struct ladder *l, const struct rung *r, ms_t began, struct out *o)
{
	int left = MIN(r->from, r->to), right = MAX(r->from, r->to);

	out_fmt(o, "%7.3f ", (double)(r->at - began) / 1000);
	for (int i = 0; i < l->n_actors; i++) {
		bool within = i >= left && i < right;

		out_char(o, i == left && r->to < r->from    ? '<'
			    : i == right && r->to > r->from ? '>'
			    : within                        ? '-'
							    : '|');
		for (int k = 1; k < COLUMN && i + 1 < l->n_actors; k++)
			out_char(o, within ? '-' : ' ');
	}
	out_fmt(o, "  %s\n        %*s%s -> %s\n", r->text, 2, "", r->from_text, r->to_text);
}

/* The simplest one that fails; if all have audio, the simplest. */
static enum flow_kind most_telling(const struct lab_case *c)
{
	static const enum flow_kind simple[] = { FLOW_OUT,      FLOW_IN,          FLOW_REGISTER, FLOW_EARLY, FLOW_HOLD,
						 FLOW_REINVITE, FLOW_HANGUP_NEAR, FLOW_REFRESH,  FLOW_HOUR };
	enum flow_kind tried = FLOWS;

	for (size_t i = 0; i < ARRAY_LEN(simple); i++) {
		const struct lab_call *call = &c->calls[simple[i]];

		if (call->tried && !call->audio)
			return simple[i];
		if (call->tried && tried == FLOWS)
			tried = simple[i];
	}
	return tried;
}

void lab_ladder(struct lab *lab, const struct lab_case *c, struct out *o)
{
	struct ladder l = { .n_actors = 0 };
	enum flow_kind flow = most_telling(c);
	char what[160];
	struct trial t;

	if (!c->tried)
		return;
	lab_trial(lab, c->pair, &c->spot, &t);
	t.tap = on_wire;
	t.tap_arg = &l;
	lab_call(lab, c, &t, flow, what);
	out_fmt(o, "\n%s: %s%s%s\n\n        ", sim_flows[flow].name, sim_flows[flow].help, what[0] ? "; " : "", what);
	for (int i = 0; i < l.n_actors; i++)
		out_fmt(o, "%-*s", COLUMN, l.actors[i].name);
	out_str(o, "\n        ");
	for (int i = 0; i < l.n_actors; i++)
		out_fmt(o, "%-*s", COLUMN, l.actors[i].address);
	out_char(o, '\n');
	for (size_t i = 0; i < l.n_rungs; i++)
		put_rung(&l, &l.rungs[i], l.rungs[0].at, o);
	if (l.n_rungs == RUNGS)
		out_str(o, "        and so on\n");
	free(l.rungs);
}
