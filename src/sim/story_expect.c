/*
 * sim/story_expect.c: what must be true: "expect SUBJECT … [within T] [for T]". Without a time it must become true
 * within 5 s; with `for` it must then stay true. "never" and "no" look back and are judged at once.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/story_priv.h"

#define PATIENCE 5000
#define STEP     10

struct question {
	struct tale *t;
	const struct words *w;
	bool bad;                     /* not understood */
	bool tell;                    /* say in `seen` what phones do: costly, and seldom wanted */
	char seen[300];               /* what is the case instead */
	struct story_verdict verdict; /* the last one that was asked for */
};

static int number(const struct words *w, int at)
{
	return at < w->n ? (int)word_number(w->w[at], 0) : 0;
}

/* ---- phones ---- */

static unsigned hears_whom(struct question *q, const struct thing *me, const char *whom)
{
	struct thing *x;

	if (strcmp(whom, "nothing") == 0)
		return 0;
	if (strcmp(whom, "sounds") == 0)
		return 255;
	if (strcmp(whom, "itself") == 0)
		return sim_phone_number(me->phone);
	x = thing_get(q->t, whom, A_PHONE);
	return x ? sim_phone_number(x->phone) : 0;
}

static void show_phone(struct question *q, const struct sim_phone_state *s)
{
	char to[ADDR_STRLEN];

	snprintf(q->seen, sizeof q->seen,
		 "registered %u, last code %u, %s%s, ended %u, cause %d, hears %u, digits '%s', sends to %s, %.80s",
		 s->registered, s->last, s->in_call ? "in a call" : "no call", s->held ? " (held)" : "", s->ended,
		 s->cause, s->hears, s->digits, addr_str(&s->rtp_to, to), s->contact);
}

static bool sends_to(const struct sim_phone_state *s, const char *text)
{
	char to[ADDR_STRLEN];

	return strncmp(addr_str(&s->rtp_to, to), text, strlen(text)) == 0;
}

/* All the texts, in the last NOTIFY. */
static bool sees(struct question *q, const struct sim_phone_state *s)
{
	bool all = q->w->n > 2;

	for (int i = 2; all && i < q->w->n; i++)
		all = strstr(s->sees, q->w->w[i]) != NULL;
	if (!all && q->tell)
		snprintf(q->seen, sizeof q->seen, "watching %u, told %u: %.240s", s->watching, s->told, s->sees);
	return all;
}

static bool ask_phone(struct question *q, const struct thing *x)
{
	const struct words *w = q->w;
	const char *verb = w->n > 1 ? w->w[1] : "", *arg = w->n > 2 ? w->w[2] : "";
	struct sim_phone_state s;

	sim_phone_state(x->phone, &s);
	if (q->tell)
		show_phone(q, &s);
	if (strcmp(verb, "registered") == 0)
		return s.registered == (w->n > 2 ? (unsigned)number(w, 2) : 200);
	if (strcmp(verb, "answered") == 0)
		return s.in_call;
	if (strcmp(verb, "idle") == 0)
		return !s.in_call && !s.ringing;
	if (strcmp(verb, "ringing") == 0)
		return s.ringing;
	if (strcmp(verb, "held") == 0)
		return s.held;
	if (strcmp(verb, "code") == 0)
		return s.last == (unsigned)number(w, 2);
	if (strcmp(verb, "reoffer") == 0)
		return s.reoffer == (unsigned)number(w, 2);
	if (strcmp(verb, "asked") == 0)
		return s.asked == (unsigned)number(w, 2);
	if (strcmp(verb, "referred") == 0)
		return s.referred == (unsigned)number(w, 2);
	if (strcmp(verb, "notified") == 0)
		return s.notified == (unsigned)number(w, 2) && s.told_last == !word_flag(w, "so-far");
	if (strcmp(verb, "ended") == 0)
		return s.ended == (unsigned)number(w, 2);
	if (strcmp(verb, "calls") == 0)
		return s.calls == (unsigned)number(w, 2);
	if (strcmp(verb, "cause") == 0)
		return s.cause == number(w, 2);
	if (strcmp(verb, "hears") == 0)
		return s.hears == hears_whom(q, x, arg);
	if (strcmp(verb, "contact") == 0)
		return strstr(s.contact, arg) != NULL;
	if (strcmp(verb, "from") == 0)
		return strstr(s.from, arg) != NULL;
	if (strcmp(verb, "codec") == 0)
		return strcmp(s.codec, arg) == 0;
	if (strcmp(verb, "digits") == 0)
		return strcmp(s.digits, arg) == 0;
	if (strcmp(verb, "watching") == 0)
		return s.watching == (w->n > 2 ? (unsigned)number(w, 2) : 200);
	if (strcmp(verb, "told") == 0)
		return s.told == (unsigned)number(w, 2);
	if (strcmp(verb, "sees") == 0)
		return sees(q, &s);
	if (strcmp(verb, "sends") == 0)
		return sends_to(&s, arg);
	q->bad = true;
	return false;
}

/* ---- PBXs ---- */

struct count {
	const struct words *w;
	struct story_verdict *verdict;
	struct out o;
	unsigned n, hits;
};

struct nat_count {
	struct pbx *pbx;
	struct count *c;
};

static void count_contact(void *arg, const struct pbx_contact_info *i)
{
	struct count *c = arg;

	c->n++;
	out_fmt(&c->o, "%s%s %s", c->n > 1 ? ", " : "", i->uri, i->status);
	if (c->w->n > 3)
		c->hits += strcmp(i->status, c->w->w[3]) == 0 || strstr(i->uri, c->w->w[3]) != NULL;
}

/* One line: its audio's ports, and what another port of ours was told. */
static void count_nat(void *arg, const struct pbx_contact_info *i)
{
	static const char *const kept[] = { "unknown", "kept", "changed" };
	struct nat_count *n = arg;
	char line[200];
	struct out o = out_fixed(line, sizeof line);

	out_fmt(&o, "RTP port %s; %s\n", kept[pbx_audio_kept(n->pbx, i->uri)], nat_look_name(i->nat_look));
	n->c->hits += span_find(out_look(&o), span_of(n->c->w->w[3])) >= 0;
	out_span(&n->c->o, out_look(&o));
}

static void count_call(void *arg, const struct pbx_call_info *i)
{
	struct count *c = arg;

	c->n++;
	out_fmt(&c->o, "%s%s %s", c->n > 1 ? ", " : "", i->name, i->state);
}

static void count_registration(void *arg, const struct pbx_registration_info *i)
{
	struct count *c = arg;

	if (strcmp(i->conf->o.name, c->w->w[2]) != 0)
		return;
	out_fmt(&c->o, "%s %s, %d s", i->state, i->why, i->expires_s);
	c->n++;
	c->hits += strcmp(i->state, c->w->w[3]) == 0;
}

static void count_endpoint(void *arg, const struct pbx_endpoint_info *i)
{
	struct count *c = arg;

	if (strcmp(i->conf->o.name, c->w->w[2]) != 0)
		return;
	out_str(&c->o, i->state);
	c->hits += strcmp(i->state, c->w->w[3]) == 0;
}

/* Does the finding have one of the codes ("NAT001|NAT042"), and the texts, in its evidence or in what to set? */
static bool is_wanted(struct count *c, const struct finding *f)
{
	struct span codes = span_of(c->w->w[2]), one;
	bool all = false;

	span_copy(codes, c->verdict->want, sizeof c->verdict->want);
	if (!c->hits) {
		span_copy(span_of(finding_rows[f->code].code), c->verdict->said, sizeof c->verdict->said);
		c->verdict->guess = f->sure == SURE_POSSIBLE;
	}
	while (span_cut(&codes, '|', &one))
		all |= span_is(one, finding_rows[f->code].code);
	for (int k = 3; all && k < c->w->n; k++)
		all = strstr(f->evidence, c->w->w[k]) || strstr(f->text, c->w->w[k]);
	return all;
}

/* "fine", or the code of the first finding. */
static void count_why(void *arg, const struct pbx_why_info *i)
{
	struct count *c = arg;
	const struct finding *f = i->findings;

	if (i->why != WHY_FOUND) {
		out_str(&c->o, why_name(i->why));
		c->hits += strcmp(why_name(i->why), c->w->w[2]) == 0;
		return;
	}
	out_fmt(&c->o, "%s: %s; set %s", finding_rows[f->code].code, f->evidence, f->text);
	c->hits += is_wanted(c, f);
}

/* The server's own state: "fine", or the code of any of its findings, with texts of that one. */
static void count_doctor(void *arg, const struct server_facts *s UNUSED, const struct lint *l)
{
	struct count *c = arg;

	if (!l->n)
		out_str(&c->o, "fine");
	c->hits += !l->n && strcmp(c->w->w[2], "fine") == 0;
	for (size_t i = 0; i < l->n; i++) {
		const struct finding *f = &l->v[i];

		out_fmt(&c->o, "%s%s: %s; set %s", i ? " | " : "", finding_rows[f->code].code, f->evidence, f->text);
		c->hits += is_wanted(c, f);
	}
}

static bool about(const struct words *w, const char *what, int least)
{
	return word_is(w, 1, what) && w->n >= least;
}

/* One line for each transport, in the words of RFC 4787. */
static void count_outside(struct pbx *p, struct count *c)
{
	static const char *const depends[] = { "unknown", "none", "endpoint", "address", "port", "destination" };
	static const char *const kept[] = { "unknown", "kept", "changed" };
	struct sip_outside s;

	for (unsigned n = 0; sip_outside_nth(pbx_sip(p), n, &s); n++) {
		char line[200], address[ADDR_STRLEN];
		struct out o = out_fixed(line, sizeof line);
		bool all;

		out_fmt(&o, "%s %s, mapping %s, filter %s, port %s, RTP port %s, router %s\n", s.conf->o.name,
			s.external.family ? addr_str(&s.external, address) : "not known", depends[s.mapping],
			depends[s.filtering], kept[s.port_kept], kept[pbx_rtp_kept(p)],
			sip_router_speech(s.router_speaks));
		all = true;
		for (int i = 2; i < c->w->n; i++)
			all &= span_find(out_look(&o), span_of(c->w->w[i])) >= 0;
		c->hits += all;
		out_span(&c->o, out_look(&o));
	}
}

/* One line for each way that packets leave by. */
static void count_routes(void *arg, const struct server_facts *s, const struct lint *l UNUSED)
{
	struct count *c = arg;

	for (size_t i = 0; i < s->n_ways; i++) {
		const struct way_facts *w = &s->ways[i];
		char line[200], from[ADDR_STRLEN], via[ADDR_STRLEN], net[ADDR_STRLEN];
		struct out o = out_fixed(line, sizeof line);
		bool all = true;

		out_fmt(&o, "%s %s: ", w->t->o.name, w->o ? w->o->name : "world");
		if (w->none)
			out_str(&o, "none\n");
		else
			out_fmt(&o, "%s/%u from %s by %s via %s\n", addr_ip_str(&w->r.net, net), w->r.len,
				addr_ip_str(&w->r.from, from), w->r.dev,
				w->r.via.family ? addr_ip_str(&w->r.via, via) : "none");
		for (int k = 2; k < c->w->n; k++)
			all &= span_find(out_look(&o), span_of(c->w->w[k])) >= 0;
		c->hits += all;
		out_span(&c->o, out_look(&o));
	}
}

/* What came in uninvited: by SIP, one line for each transport; and how many legs' audio did. */
static void count_uninvited(struct pbx *p, struct count *c)
{
	struct sip_outside s;

	for (unsigned n = 0; sip_outside_nth(pbx_sip(p), n, &s); n++) {
		const struct sip_uninvited *u = &s.uninvited;
		char line[120], from[ADDR_STRLEN];
		struct out o = out_fixed(line, sizeof line);

		out_fmt(&o, "%s: %s\n", s.conf->o.name, u->at ? addr_str(&u->from, from) : "nobody");
		c->hits += span_find(out_look(&o), span_of(c->w->w[2])) >= 0;
		out_span(&c->o, out_look(&o));
	}
}

static void count_uninvited_legs(void *arg, const struct server_facts *s, const struct lint *l UNUSED)
{
	struct count *c = arg;
	char line[60];
	struct out o = out_fixed(line, sizeof line);

	out_fmt(&o, "legs: %u of %u\n", s->calls.uninvited, s->calls.outside);
	c->hits += span_find(out_look(&o), span_of(c->w->w[2])) >= 0;
	out_span(&c->o, out_look(&o));
}

/* Records of calls that have all the texts behind "PBX cdr"; w NULL: all records. */
static unsigned count_cdrs(struct span lines, const struct words *w, struct count *c)
{
	unsigned hits = 0;
	struct span line;

	out_all(&c->o, "records: ", lines);
	while (span_cut(&lines, '\n', &line) && line.n) {
		bool all = true;

		for (int i = 2; w && i < w->n; i++)
			all &= span_find(line, span_of(w->w[i])) >= 0;
		hits += all;
	}
	return hits;
}

static bool ask_pbx(struct question *q, const struct thing *x)
{
	const struct words *w = q->w;
	struct pbx *p = x->pbx->pbx ? sim_pbx_get(x->pbx->pbx) : NULL;
	struct count c = { .w = w, .o = out_growing(), .verdict = &q->verdict };
	bool yes = false;

	if (!p) {
		snprintf(q->seen, sizeof q->seen, "it is down");
		return word_is(w, 1, "down");
	}
	if (about(w, "contacts", 4)) {
		pbx_each_contact(p, span_of(w->w[2]), count_contact, &c);
		yes = (int)c.n == number(w, 3);
	} else if (about(w, "contact", 4)) {
		pbx_each_contact(p, span_of(w->w[2]), count_contact, &c);
		yes = c.hits > 0;
	} else if (about(w, "nat", 4)) {
		struct nat_count n = { p, &c };

		pbx_each_contact(p, span_of(w->w[2]), count_nat, &n);
		yes = c.hits > 0;
	} else if (about(w, "calls", 3)) {
		pbx_each_call(p, count_call, &c);
		yes = (int)c.n == number(w, 2);
	} else if (about(w, "registration", 4)) {
		pbx_each_registration(p, count_registration, &c);
		yes = c.hits > 0;
	} else if (about(w, "endpoint", 4)) {
		pbx_each_endpoint(p, count_endpoint, &c);
		yes = c.hits > 0;
	} else if (about(w, "why", 3)) {
		yes = pbx_why(p, SPAN_NONE, count_why, &c) && c.hits;
	} else if (about(w, "outside", 3)) {
		count_outside(p, &c);
		yes = c.hits > 0;
	} else if (about(w, "route", 3)) {
		pbx_doctor(p, count_routes, &c);
		yes = c.hits > 0;
	} else if (about(w, "uninvited", 3)) {
		count_uninvited(p, &c);
		pbx_doctor(p, count_uninvited_legs, &c);
		yes = c.hits > 0;
	} else if (about(w, "doctor", 3)) {
		pbx_doctor(p, count_doctor, &c);
		yes = c.hits > 0;
	} else if (about(w, "cdrs", 3)) {
		yes = count_cdrs(sim_pbx_cdrs(x->pbx->pbx), NULL, &c) == (unsigned)number(w, 2);
	} else if (about(w, "cdr", 3)) {
		yes = count_cdrs(sim_pbx_cdrs(x->pbx->pbx), w, &c) > 0;
	} else if (about(w, "idle", 2)) {
		yes = pbx_is_idle(p);
	} else {
		q->bad = true;
	}
	snprintf(q->seen, sizeof q->seen, "%.*s", SP(out_look(&c.o)));
	out_free(&c.o);
	return yes;
}

/* ---- the wire and the events ---- */

static bool side_is(const struct addr *a, const char *text)
{
	char buf[ADDR_STRLEN];
	size_t n = strlen(text);

	addr_str(a, buf);
	return strncmp(buf, text, n) == 0 && (!buf[n] || buf[n] == ':');
}

/* wire NET [from IP] [to IP] has|never|count "text"… */
static bool ask_wire(struct question *q)
{
	const struct words *w = q->w;
	const struct tale *t = q->t;
	const char *from = NULL, *to = NULL;
	int at = 2, texts, found = 0;
	bool counts;

	for (; at + 1 < w->n && (word_is(w, at, "from") || word_is(w, at, "to")); at += 2)
		*(w->w[at][0] == 'f' ? &from : &to) = w->w[at + 1];
	counts = word_is(w, at, "count");
	texts = at + 1 + counts;
	if (w->n <= texts || (!counts && !word_is(w, at, "has") && !word_is(w, at, "never"))) {
		q->bad = true;
		return false;
	}
	for (size_t i = 0; i < t->n_wires; i++) {
		const struct wire_note *n = &t->wires[i];
		bool all = n->mark == t->mark && strcmp(n->net, w->w[1]) == 0 && (!from || side_is(&n->from, from)) &&
			   (!to || side_is(&n->to, to));

		for (int j = texts; all && j < w->n; j++)
			all = strstr(n->text, w->w[j]) != NULL;
		if (all)
			snprintf(q->seen, sizeof q->seen, "the last one: %.250s", n->text);
		found += all;
	}
	if (counts)
		return found == number(w, at + 1);
	return word_is(w, at, "has") ? found > 0 : !found;
}

static bool ask_event(struct question *q, int at)
{
	const struct tale *t = q->t;

	for (size_t i = 0; i < t->n_events; i++) {
		bool all = t->events[i].mark == t->mark;

		for (int j = at; all && j < q->w->n; j++)
			all = strstr(t->events[i].text, q->w->w[j]) != NULL;
		if (all) {
			snprintf(q->seen, sizeof q->seen, "%s", t->events[i].text);
			return true;
		}
	}
	return false;
}

static bool ask(struct question *q)
{
	const struct words *w = q->w;
	struct thing *x = w->n ? thing_find(q->t, w->w[0]) : NULL;

	q->seen[0] = '\0';
	if (word_is(w, 0, "wire") && w->n > 3)
		return ask_wire(q);
	if (word_is(w, 0, "event") && w->n > 1)
		return ask_event(q, 1);
	if (word_is(w, 0, "no") && word_is(w, 1, "event") && w->n > 2)
		return !ask_event(q, 2);
	if (x && x->kind == A_PHONE)
		return ask_phone(q, x);
	if (x && x->kind == A_PBX)
		return ask_pbx(q, x);
	if (x && x->kind == A_NET && word_is(w, 1, "opens") && w->n > 2) {
		snprintf(q->seen, sizeof q->seen, "%u", sim_router_open(x->net));
		return sim_router_open(x->net) == word_number(w->w[2], 0);
	}
	if (x && x->kind == A_RAW && word_is(w, 1, "gets") && w->n > 2)
		return word_is(w, 2, "nothing") ? !raw_got(q->t, x->raw, w, w->n) : raw_got(q->t, x->raw, w, 2);
	q->bad = true;
	return false;
}

/* ---- polling ---- */

/* Takes "within T" and "for T" off the end. */
static void take_times(struct tale *t, struct words *w, ms_t *within, ms_t *hold)
{
	while (w->n > 3) {
		if (word_is(w, w->n - 2, "within"))
			*within = word_time(t, w->w[w->n - 1]);
		else if (word_is(w, w->n - 2, "for"))
			*hold = word_time(t, w->w[w->n - 1]);
		else
			return;
		w->n -= 2;
	}
}

/* Asks every 10 ms, but not again where nothing has happened; what a phone hears it forgets without that. */
static bool becomes(struct question *q, ms_t deadline, bool wanted)
{
	struct sim *s = q->t->sim;
	bool fades = word_is(q->w, 1, "hears");

	while (ask(q) != wanted) {
		do {
			if (q->bad || q->t->failed || s->clock.now >= deadline)
				return false;
		} while (!sim_run(s, MIN(s->clock.now + STEP, deadline)) && !fades);
	}
	return true;
}

/* What is the case instead. */
static const char *seen(struct question *q)
{
	q->tell = true;
	ask(q);
	return q->seen[0] ? q->seen : "nothing of the kind";
}

static void note_verdict(struct story_result *res, const struct story_verdict *v)
{
	if (v->want[0] && res->n_verdicts < ARRAY_LEN(res->verdicts))
		res->verdicts[res->n_verdicts++] = *v;
}

void expect_statement(struct tale *t, const struct words *all)
{
	struct words w = *all;
	struct question q = { .t = t, .w = &w };
	ms_t within = PATIENCE, hold = 0, now = t->sim->clock.now;
	bool wanted = true, reached;
	char text[200];
	struct out o = out_fixed(text, sizeof text - 1);

	memmove(w.w, w.w + 1, (size_t)--w.n * sizeof w.w[0]);
	take_times(t, &w, &within, &hold);
	if (word_is(&w, 0, "not")) {
		wanted = false;
		memmove(w.w, w.w + 1, (size_t)--w.n * sizeof w.w[0]);
	}
	for (int i = 0; i < w.n; i++)
		out_fmt(&o, "%s%s", i ? " " : "", w.w[i]);
	text[o.n] = '\0';
	if (word_is(&w, 0, "no") || word_flag(&w, "never"))
		within = 0;
	reached = becomes(&q, now + within, wanted);
	note_verdict(t->res, &q.verdict);
	if (!reached)
		tale_fail(t, q.bad ? "what does 'expect %s%s' mean?" : "expected %s%s; but %s", wanted ? "" : "not ",
			  text, seen(&q));
	else if (hold && becomes(&q, t->sim->clock.now + hold, !wanted))
		tale_fail(t, "expected %s%s for %lld ms; but %s", wanted ? "" : "not ", text, (long long)hold,
			  seen(&q));
}
