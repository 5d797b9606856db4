/*
 * ctl/check.c: `hairpin check`: reads a configuration as a server would, adds what the rules about NAT say, and prints
 * it all in the order of the files, as text or as JSON. check_fix.c mends.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ctl/check.h"
#include "io/io.h"

struct item { /* one line of the output; borrows its texts */
	enum diag_sev sev;
	const char *file, *text;
	unsigned line;
	const char *code; /* NULL: none */
	const struct finding *finding;
	size_t at, more;
};

struct report {
	const struct ctl_check *k;
	struct diag why;
	struct lint lint;
	struct item *v;
	size_t n, count[3]; /* by severity */
};

void check_lint(const struct ctl_check *k, const struct conf *c, struct lint *l)
{
	lint_run(&(struct lint_ask){ .conf = c,
				     .host = k->host,
				     .n_host = k->n_host,
				     .asterisk = k->asterisk,
				     .look = io_tls_look,
				     .unix_now = time(NULL) },
		 l);
}

/* ---- the report ---- */

static int cmp_item(const void *a, const void *b)
{
	const struct item *x = a, *y = b;
	int d = strcmp(x->file ? x->file : "", y->file ? y->file : "");

	if (d || x->line != y->line)
		return d ? d : x->line < y->line ? -1 : 1;
	return (x->at > y->at) - (x->at < y->at);
}

static void add_item(struct report *r, struct item it)
{
	it.at = r->n;
	r->v[r->n++] = it;
	r->count[it.sev]++;
}

static void collect(struct report *r)
{
	r->v = xcalloc(r->why.n + r->lint.n + 1, sizeof r->v[0]);
	for (size_t i = 0; i < r->why.n; i++) {
		const struct diag_item *d = &r->why.items[i];
		bool other = d->unserved && r->k->asterisk; /* Asterisk serves it */

		add_item(r, (struct item){ other ? DIAG_NOTE : d->sev, d->file, d->text, d->line,
					   d->code ? finding_rows[d->code].code : NULL });
	}
	for (size_t i = 0; i < r->lint.n; i++) {
		const struct finding *f = &r->lint.v[i];

		add_item(r, (struct item){ f->sev, f->file, f->text, f->line, finding_rows[f->code].code, f });
	}
	qsort(r->v, r->n, sizeof r->v[0], cmp_item);
}

/* Many objects with one template say one thing in one place; what is about Asterisk alone is said once. */
static bool says_the_same(const struct item *a, const struct item *b)
{
	if (!a->finding || !b->finding || a->finding->code != b->finding->code || a->sev != b->sev)
		return false;
	return (a->finding->asterisk_only && b->finding->asterisk_only) ||
	       (a->line == b->line && strcmp(a->file, b->file) == 0 &&
		strcmp(a->finding->section, b->finding->section) != 0);
}

/* Findings of one code are not many kinds, so the first of each code in each place is enough to compare with. */
static void merge(struct report *r)
{
	struct item *first[FINDINGS] = { NULL };
	size_t n = 0;

	for (size_t i = 0; i < r->n; i++) {
		struct item *it = &r->v[i], **seen = it->finding ? &first[it->finding->code] : NULL;

		if (seen && *seen && says_the_same(*seen, it)) {
			(*seen)->more++;
			continue;
		}
		r->v[n] = *it;
		if (seen)
			*seen = &r->v[n];
		n++;
	}
	r->n = n;
}

static void out_item(const struct item *it, struct out *o)
{
	if (it->file)
		out_str(o, it->file);
	if (it->file && it->line)
		out_fmt(o, ":%u", it->line);
	out_fmt(o, "%s%s: %s", it->file ? ": " : "", diag_sev_name(it->sev), it->text);
	if (it->more)
		out_fmt(o, " (and %zu more)", it->more);
	if (it->code)
		out_fmt(o, " [%s]", it->code);
	out_char(o, '\n');
}

static void out_count(struct out *o, const char *before, size_t n, const char *what)
{
	out_fmt(o, "%s%zu %s%s", before, n, what, n == 1 ? "" : "s");
}

static void print_text(struct report *r, const struct conf *c)
{
	struct out o = out_growing();

	merge(r);
	for (size_t i = 0; i < r->n; i++)
		out_item(&r->v[i], &o);
	out_str(&o, r->k->dir);
	for (int sev = DIAG_ERROR; sev <= DIAG_NOTE; sev++)
		out_count(&o, sev == DIAG_ERROR ? ": " : ", ", r->count[sev], diag_sev_name((enum diag_sev)sev));
	if (c)
		out_fmt(&o, "; %zu transports, %zu endpoints, %zu registrations, %zu contexts", c->n_transports,
			c->n_endpoints, c->n_registrations, c->dialplan.n_contexts);
	out_char(&o, '\n');
	fwrite(o.p, 1, o.n, stdout);
	out_free(&o);
}

static json_t *json_of(const struct item *it)
{
	const struct finding *f = it->finding;
	json_t *j = json_pack("{s:s?, s:s, s:s?, s:i, s:s}", "code", it->code, "severity", diag_sev_name(it->sev),
			      "file", it->file, "line", (int)it->line, "text", it->text);

	if (!j) /* bytes that are not UTF-8 */
		j = json_pack("{s:s?, s:s, s:i}", "code", it->code, "severity", diag_sev_name(it->sev), "line",
			      (int)it->line);
	if (f) {
		json_object_set_new(j, "section", json_string(f->section));
		json_object_set_new(j, "asterisk_only", json_boolean(f->asterisk_only));
	}
	if (f && f->fix_option)
		json_object_set_new(j, "fix",
				    json_pack("{s:s, s:s, s:b}", "option", f->fix_option, "value", f->fix_value,
					      "in_place", f->in_place));
	return j;
}

static void print_json(struct report *r)
{
	json_t *list = json_array(), *all;

	for (size_t i = 0; i < r->n; i++)
		json_array_append_new(list, json_of(&r->v[i]));
	all = json_pack("{s:s, s:i, s:i, s:i, s:o}", "configuration", r->k->dir, "errors", (int)r->count[DIAG_ERROR],
			"warnings", (int)r->count[DIAG_WARNING], "notes", (int)r->count[DIAG_NOTE], "findings", list);
	json_dumpf(all, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(all);
}

/* ---- the command ---- */

static bool can_be_read(const struct conf_source *source)
{
	struct out o = out_growing();
	bool ok = source->read(source->arg, "pjsip.conf", &o);

	if (o.n)
		explicit_bzero(o.p, o.n);
	out_free(&o);
	return ok;
}

static int run(struct ctl_check *k)
{
	struct conf_source source = conf_source_dir(&k->dir);
	struct report r = { .k = k };
	struct conf *c;
	int status;

	if (!can_be_read(&source)) {
		fprintf(stderr, "hairpin: %s/pjsip.conf: there is no such file, or it may not be read\n", k->dir);
		return 2;
	}
	c = conf_load_placed(&source, &r.why);
	if (c) {
		pbx_review(c, &r.why);
		check_lint(k, c, &r.lint);
	}
	collect(&r);
	status = r.count[DIAG_ERROR] + r.count[DIAG_WARNING] > 0;
	if (k->json)
		print_json(&r);
	else if (!k->fix)
		print_text(&r, c);
	if (c && k->fix && check_fix(k, &source) < 0)
		status = 2;
	if (!c && k->fix)
		print_text(&r, c);
	free(r.v);
	lint_free(&r.lint);
	conf_unref(c);
	diag_free(&r.why);
	return status;
}

static int wrong(const char *what, const char *word)
{
	fprintf(stderr, "hairpin check: %s '%s'\n", what, word);
	return 2;
}

static bool add_address(struct ctl_check *k, const char *word)
{
	struct span s = span_of(word);
	long slash = span_rchr(s, '/');
	struct net_rule rule;
	const char *why;

	if (k->n_host == ARRAY_LEN(k->host) || slash < 0 || !net_rule_parse(s, &rule, &why) || rule.negate ||
	    !addr_parse_ip(span_sub(s, 0, (size_t)slash), &k->host[k->n_host].addr))
		return false;
	k->host[k->n_host++].len = rule.len;
	return true;
}

size_t ctl_hosts(void *ctl UNUSED, struct lint_host *v, size_t max)
{
	struct io_interface list[64];
	size_t n = io_interfaces(list, MIN(max, ARRAY_LEN(list)));

	for (size_t i = 0; i < n; i++)
		v[i] = (struct lint_host){ list[i].addr, list[i].len };
	return n;
}

int ctl_check(char **words, const char *conf)
{
	struct ctl_check k = { .dir = conf };

	for (; *words; words++) {
		const char *word = *words;
		bool *flag = strcmp(word, "--json") == 0       ? &k.json
			     : strcmp(word, "--asterisk") == 0 ? &k.asterisk
			     : strcmp(word, "--fix") == 0      ? &k.fix
			     : strcmp(word, "--write") == 0    ? &k.write
							       : NULL;

		if (flag)
			*flag = true;
		else if (strcmp(word, "--conf") != 0 && strcmp(word, "--address") != 0)
			return wrong("unknown argument", word);
		else if (!words[1])
			return wrong("nothing follows", word);
		else if (strcmp(word, "--conf") == 0)
			k.dir = *++words;
		else if (!add_address(&k, *++words))
			return wrong("not an address with the length of its network's prefix (192.0.2.10/24):", *words);
	}
	if (k.write && !k.fix)
		return wrong("--fix belongs to", "--write");
	if (k.json && k.fix)
		return wrong("--json says what --fix would do; it does not go with", "--fix");
	if (!k.n_host)
		k.n_host = ctl_hosts(NULL, k.host, ARRAY_LEN(k.host));
	return run(&k);
}

/* The transport says itself why it does not listen. */
static int look_quietly(const struct net_tls *t, struct net_cert *c)
{
	io_tls_look(t, c);
	return 0;
}

void ctl_out_findings(struct out *o, const struct conf *c, const char *conf_dir)
{
	struct ctl_check k = { .dir = conf_dir };
	struct lint l = { 0 };

	k.n_host = ctl_hosts(NULL, k.host, ARRAY_LEN(k.host));
	lint_run(&(struct lint_ask){ .conf = c,
				     .host = k.host,
				     .n_host = k.n_host,
				     .look = look_quietly,
				     .unix_now = time(NULL),
				     .no_notes = true },
		 &l);
	if (l.errors + l.warnings)
		out_count(o, "", l.errors + l.warnings, "finding");
	if (l.errors + l.warnings)
		out_fmt(o, ": hairpin check --conf %s\n", conf_dir);
	lint_free(&l);
}
