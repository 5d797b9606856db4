/*
 * nat/lint.c: how a finding is made: its row, its place, the comment that may silence it, its text. And the questions
 * that several rules ask.
 */
#include "nat/lint.h"

#include <stdlib.h>
#include <string.h>

#include "nat/nat.h"
#include "nat/priv.h"

#define WORDS 6

/* ---- the text ---- */

struct words {
	struct span name[WORDS];
	const char *value[WORDS];
	size_t n, n_values;
};

static const char *word(struct words *w, struct span name)
{
	size_t i = 0;

	while (i < w->n && !span_eq(w->name[i], name))
		i++;
	if (i == w->n) {
		BUG_ON(i == w->n_values);
		w->name[w->n++] = name;
	}
	return w->value[i];
}

/* "{name}" becomes the word of that name. */
static void out_filled(struct out *o, const char *text, struct words *w)
{
	struct span rest = span_of(text);
	long open;

	while ((open = span_chr(rest, '{')) >= 0) {
		long close = span_chr(rest, '}');

		out_span(o, span_sub(rest, 0, (size_t)open));
		out_str(o, word(w, span_sub(rest, (size_t)open + 1, (size_t)(close - open) - 1)));
		rest = span_from(rest, (size_t)close + 1);
	}
	out_span(o, rest);
}

/* ---- the place ---- */

static bool silences(const struct conf_ignore *i, const char *code, const char *file, unsigned line)
{
	return line >= i->first && line <= i->last && file && strcmp(i->file, file) == 0 &&
	       span_iis(span_of(i->code), code);
}

/* At its own line, or at the head of the object that it is about. */
static bool is_silenced(const struct rules *r, const char *code, const struct conf_place *p, const struct conf_obj *o)
{
	size_t n;
	const struct conf_ignore *all = conf_ignores(r->c, &n);

	for (size_t i = 0; i < n; i++)
		if (silences(&all[i], code, p->file, p->line) || silences(&all[i], code, o->file, o->line))
			return true;
	return false;
}

/* Does it happen to whom the configuration is judged for? */
static bool happens(const struct rules *r, const struct says *s)
{
	int about = finding_rows[s->code].about;

	return s->evidence || about == ABOUT_BOTH || r->ask->asterisk ||
	       (about == ABOUT_COMPAT && (s->written || r->c->hairpin.compat_asterisk));
}

void say(struct rules *r, const struct says *s, ...)
{
	const struct finding_row *row = &finding_rows[s->code];
	struct finding f = { .code = s->code, .sev = row->sev };
	struct conf_place p = { .file = s->o->file, .line = s->o->line };
	struct words w = { 0 };
	bool happens_here = happens(r, s);
	struct out o;
	va_list ap;

	if (r->ask->no_notes && !s->happened && (row->sev == DIAG_NOTE || !happens_here)) {
		free(s->evidence);
		free(s->unless);
		return;
	}
	if (s->at || (s->option && conf_place(r->c, s->o, s->option, 0, &p))) {
		p = s->at ? *s->at : p;
		f.in_place = s->fix_option && s->option && strcmp(s->fix_option, s->option) == 0;
	}
	if (is_silenced(r, row->code, &p, s->o)) {
		free(s->evidence);
		free(s->unless);
		return;
	}
	va_start(ap, s);
	while (w.n_values < WORDS && (w.value[w.n_values] = va_arg(ap, const char *)))
		w.n_values++;
	va_end(ap);
	o = out_growing();
	if (!happens_here) {
		f.asterisk_only = true;
		f.sev = DIAG_NOTE;
		out_str(&o, "in Asterisk, ");
	}
	if (!s->evidence) {
		out_filled(&o, row->happens, &w);
		out_str(&o, "; set ");
	}
	out_filled(&o, row->set, &w);
	BUG_ON(w.n != w.n_values);
	f.text = out_take(&o);
	f.evidence = s->evidence;
	f.sev = s->happened ? DIAG_ERROR : f.sev;
	f.unless = s->unless;
	f.sure = s->sure;
	f.file = p.file ? xstrdup(p.file) : NULL; /* what is found may outlive the snapshot */
	f.line = p.line;
	f.section = xstrdup(s->o->name);
	f.fix_option = s->fix_option;
	f.fix_value = s->fix_value ? xstrdup(s->fix_value) : NULL;
	if (r->out->n == r->out->cap) {
		r->out->cap = r->out->cap ? r->out->cap * 2 : 16;
		r->out->v = xrealloc(r->out->v, r->out->cap * sizeof r->out->v[0]);
	}
	r->out->v[r->out->n++] = f;
}

/* ---- questions ---- */

bool has_external(const struct conf_transport *t)
{
	return *t->external_media_address || *t->external_signaling_address || *t->external_signaling_hostname;
}

const struct conf_transport *transport_nth(const struct rules *r, const struct conf_endpoint *ep, size_t i)
{
	if (ep && ep->transport)
		return i == 0 ? ep->transport : NULL;
	return i < r->c->n_transports ? &r->c->transports[i] : NULL;
}

bool takes_registrations(const struct conf_endpoint *ep)
{
	for (size_t i = 0; i < ep->n_aors; i++)
		if (ep->aors[i]->max_contacts)
			return true;
	return false;
}

bool is_ours_outside(const struct addr *a)
{
	enum addr_class c = addr_class(a);

	return c != ADDR_NONE && c != ADDR_LOOPBACK && c != ADDR_LINKLOCAL;
}

const struct lint_host *host_with(const struct rules *r, const struct addr *a)
{
	for (size_t i = 0; i < r->ask->n_host; i++)
		if (addr_ip_eq(&r->ask->host[i].addr, a))
			return &r->ask->host[i];
	return NULL;
}

static struct net_rule net_of(const struct lint_host *h)
{
	struct out o = out_growing();
	struct net_rule net;
	const char *why;

	addr_out_ip(&o, &h->addr);
	out_fmt(&o, "/%u", h->len);
	BUG_ON(!net_rule_parse(out_look(&o), &net, &why));
	out_free(&o);
	return net;
}

const struct lint_host *host_net_with(const struct rules *r, const struct addr *a)
{
	for (size_t i = 0; i < r->ask->n_host; i++) {
		struct net_rule net = net_of(&r->ask->host[i]);

		if (net_rule_covers(&net, a))
			return &r->ask->host[i];
	}
	return NULL;
}

bool is_public(const struct rules *r, const struct conf_transport *t)
{
	if (has_external(t))
		return false;
	if (!addr_is_any(&t->bind))
		return addr_class(&t->bind) == ADDR_GLOBAL && !nat_is_local(t, &t->bind);
	for (size_t i = 0; i < r->ask->n_host; i++) {
		const struct addr *a = &r->ask->host[i].addr;

		if (a->family == t->bind.family && addr_class(a) == ADDR_GLOBAL && !nat_is_local(t, a))
			return true;
	}
	return false;
}

bool own_networks(const struct rules *r, const struct conf_transport *t, struct out *o)
{
	size_t n = 0;

	for (size_t i = 0; i < r->ask->n_host && n < 8; i++) {
		const struct lint_host *h = &r->ask->host[i];
		char ip[ADDR_STRLEN];
		struct net_rule net;

		if (h->addr.family != t->bind.family || !is_ours_outside(&h->addr) ||
		    strcmp(addr_ip_str(&h->addr, ip), t->external_media_address) == 0 || nat_is_local(t, &h->addr))
			continue;
		net = net_of(h);
		out_str(o, n++ ? "," : "");
		net_rule_out(o, &net);
	}
	return n > 0;
}

const char *rule_str(const struct net_rule *rule, char buf[RULE_STRLEN])
{
	struct out o = out_fixed(buf, RULE_STRLEN - 1);

	net_rule_out(&o, rule);
	buf[o.n] = '\0';
	return buf;
}

struct span uri_host(const char *uri)
{
	struct span s = span_of(uri);
	long at;

	span_take_char(&s, '<');
	s = span_from(s, (size_t)(span_chr(s, ':') + 1));
	at = span_rchr(s, '@');
	s = span_from(s, (size_t)(at + 1));
	for (size_t i = 0; i < s.n; i++)
		if (strchr(";?>", s.p[i]))
			s.n = i;
	if (span_take_char(&s, '[')) {
		at = span_chr(s, ']');
		return at < 0 ? s : span_sub(s, 0, (size_t)at);
	}
	at = span_chr(s, ':');
	return at < 0 ? s : span_sub(s, 0, (size_t)at);
}

/* ---- the run ---- */

static void free_finding(struct finding *f)
{
	free(f->file);
	free(f->section);
	free(f->text);
	free(f->evidence);
	free(f->unless);
	free(f->fix_value);
}

static void unknown_codes(struct rules *r)
{
	size_t n;
	const struct conf_ignore *all = conf_ignores(r->c, &n);
	unsigned code;

	for (size_t i = 0; i < n; i++) {
		struct conf_obj where = { "", all[i].file, all[i].first };

		if (!finding_parse(span_of(all[i].code), &code))
			say(r, &(struct says){ NAT000, &where }, all[i].code, NULL);
	}
}

static int cmp_finding(const void *a, const void *b)
{
	const struct finding *x = a, *y = b;
	int d = strcmp(x->file ? x->file : "", y->file ? y->file : "");

	if (d || x->line != y->line)
		return d ? d : x->line < y->line ? -1 : 1;
	d = (int)x->code - (int)y->code;
	d = d ? d : strcmp(x->section, y->section);
	return d ? d : strcmp(x->text, y->text);
}

/* In the order of the files; what two endpoints with one AOR say of it, once. */
static void sort_findings(struct lint *l)
{
	size_t n = 0;

	if (l->n)
		qsort(l->v, l->n, sizeof l->v[0], cmp_finding);
	for (size_t i = 0; i < l->n; i++) {
		if (n && cmp_finding(&l->v[n - 1], &l->v[i]) == 0) {
			free_finding(&l->v[i]);
			continue;
		}
		l->errors += l->v[i].sev == DIAG_ERROR;
		l->warnings += l->v[i].sev == DIAG_WARNING;
		l->v[n++] = l->v[i];
	}
	l->n = n;
}

void lint_run(const struct lint_ask *ask, struct lint *l)
{
	struct rules r = { ask, ask->conf, l };

	unknown_codes(&r);
	lint_transports(&r);
	lint_trunks(&r);
	lint_endpoints(&r);
	lint_media(&r);
	sort_findings(l);
}

void lint_free(struct lint *l)
{
	for (size_t i = 0; i < l->n; i++)
		free_finding(&l->v[i]);
	free(l->v);
	*l = (struct lint){ 0 };
}
