/* sim/story_world.c: the statements that build the world, and its end. */
#include <fnmatch.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "conf/edit.h"
#include "sim/story_priv.h"

#define END_PATIENCE 70000 /* two transactions' time */

static struct thing *thing_add(struct tale *t, const char *name, enum thing_kind kind)
{
	struct thing *x = &t->things[t->n_things];

	if (t->n_things == ARRAY_LEN(t->things) || thing_find(t, name) || strlen(name) >= sizeof x->name) {
		tale_fail(t, "'%s' cannot be added: too many, too long, or there already", name);
		return NULL;
	}
	t->n_things++;
	*x = (struct thing){ .kind = kind };
	span_copy(span_of(name), x->name, sizeof x->name);
	return x;
}

static struct addr ip_of(struct tale *t, const char *text)
{
	struct addr a = { 0 };

	if (!text || !addr_parse(span_of(text), &a))
		tale_fail(t, "'%s' is not an IP address", text ? text : "");
	return a;
}

static enum sim_nat_rule rule_of(struct tale *t, const char *text, enum sim_nat_rule def)
{
	if (!text)
		return def;
	if (strcmp(text, "endpoint") == 0)
		return NAT_ENDPOINT;
	if (strcmp(text, "address") == 0)
		return NAT_ADDRESS;
	if (strcmp(text, "port") != 0)
		tale_fail(t, "'%s': endpoint, address or port", text);
	return NAT_ADDRESS_PORT;
}

static bool yes(const char *text)
{
	return text && strcmp(text, "yes") == 0;
}

static enum sim_xlat xlat_of(const char *text)
{
	return !text ? XLAT_NONE : strcmp(text, "clat") == 0 ? XLAT_CLAT : XLAT_PLAT;
}

/* net NAME | net NAME behind OUTER at IP map=… filter=… preserve=… hairpin=… inbound=… timeout=… alg xlat=clat|plat */
static void make_net(struct tale *t, const struct words *w)
{
	struct sim_nat nat = { .mapping = rule_of(t, word_opt(w, "map"), NAT_ENDPOINT),
			       .filtering = rule_of(t, word_opt(w, "filter"), NAT_ADDRESS_PORT),
			       .preserve_ports = yes(word_opt(w, "preserve")),
			       .hairpins = yes(word_opt(w, "hairpin")),
			       .inbound_refresh = yes(word_opt(w, "inbound")),
			       .sip_alg = word_flag(w, "alg"),
			       .drops_fragments = word_flag(w, "no-fragments"),
			       .xlat = xlat_of(word_opt(w, "xlat")),
			       .timeout = word_opt(w, "timeout") ? word_time(t, word_opt(w, "timeout")) : 60000 };
	struct thing *outer = NULL, *x;

	if (w->n >= 6 && word_is(w, 2, "behind") && word_is(w, 4, "at")) {
		outer = thing_get(t, w->w[3], A_NET);
		nat.external = ip_of(t, w->w[5]);
	} else if (w->n != 2) {
		tale_fail(t, "net NAME, or net NAME behind OUTER at IP …");
	}
	if (t->failed)
		return;
	x = thing_add(t, w->w[1], A_NET);
	if (x)
		x->net = sim_net(t->sim, w->w[1], outer ? outer->net : NULL, outer ? &nat : NULL);
}

/* forward NET 5060[-5061] > IP */
static void make_forward(struct tale *t, const struct words *w)
{
	struct thing *x = w->n == 5 ? thing_get(t, w->w[1], A_NET) : NULL;
	struct addr to = ip_of(t, w->n == 5 ? w->w[4] : NULL);
	struct span last = span_of(w->n == 5 ? w->w[2] : ""), first;
	uint32_t a = 0, b = 0;

	if (!span_cut(&last, '-', &first) || !span_u32(first, 65535, &a) || (last.n && !span_u32(last, 65535, &b)))
		tale_fail(t, "forward NET FIRST[-LAST] > IP");
	if (x && !t->failed)
		sim_forward(x->net, (uint16_t)a, (uint16_t)(b ? b : a), &to);
}

/* dns NAME A IP | SRV priority weight port target | NAPTR order preference flags service replacement | NAME none TYPE
 */
static void make_dns(struct tale *t, const struct words *w)
{
	struct dns_record r = { .ttl = word_number(word_opt(w, "ttl"), 300) };
	const char *type = w->n > 2 ? w->w[2] : "";

	if (strcmp(type, "none") == 0 && w->n > 3) {
		type = w->w[3];
		sim_dns_clear(t->sim, w->w[1],
			      strcmp(type, "SRV") == 0    ? DNS_SRV
			      : strcmp(type, "AAAA") == 0 ? DNS_AAAA
							  : DNS_A);
		return;
	}
	if (strcmp(type, "A") == 0 || strcmp(type, "AAAA") == 0) {
		r.type = type[1] ? DNS_AAAA : DNS_A;
		r.addr = ip_of(t, w->n > 3 ? w->w[3] : NULL);
	} else if (strcmp(type, "SRV") == 0 && w->n >= 7) {
		r.type = DNS_SRV;
		r.priority = (uint16_t)word_number(w->w[3], 0);
		r.weight = (uint16_t)word_number(w->w[4], 0);
		r.port = (uint16_t)word_number(w->w[5], 0);
		span_copy(span_of(w->w[6]), r.name, sizeof r.name);
	} else if (strcmp(type, "NAPTR") == 0 && w->n >= 8) {
		r.type = DNS_NAPTR;
		r.order = (uint16_t)word_number(w->w[3], 0);
		r.preference = (uint16_t)word_number(w->w[4], 0);
		span_copy(span_of(w->w[5]), r.flags, sizeof r.flags);
		span_copy(span_of(w->w[6]), r.service, sizeof r.service);
		span_copy(span_of(w->w[7]), r.name, sizeof r.name);
	} else {
		tale_fail(t, "dns NAME A|AAAA|SRV|NAPTR …");
		return;
	}
	sim_dns(t->sim, w->w[1], &r);
}

/* KIND NAME IP NET […]: the host. */
static struct thing *make_host(struct tale *t, const struct words *w, enum thing_kind kind)
{
	struct addr ip = ip_of(t, w->n > 3 ? w->w[2] : NULL);
	struct thing *net = t->failed ? NULL : thing_get(t, w->w[3], A_NET), *x;

	if (!net)
		return NULL;
	x = thing_add(t, w->w[1], kind);
	if (x)
		x->host = sim_host(t->sim, net->net, &ip);
	return x;
}

/* also HOST IP NET */
static void also(struct tale *t, const struct words *w)
{
	struct thing *x = w->n == 4 ? thing_find(t, w->w[1]) : NULL,
		     *net = w->n == 4 ? thing_get(t, w->w[3], A_NET) : NULL;
	struct addr ip = ip_of(t, w->n == 4 ? w->w[2] : NULL);

	if (!x || !x->host)
		tale_fail(t, "also HOST IP NET");
	else if (!t->failed)
		sim_host_also(x->host, net->net, &ip);
}

/* ---- a PBX and its configuration ---- */

static struct page *page_of(struct tale_pbx *p, const char *name)
{
	for (size_t i = 0; i < p->n_pages; i++)
		if (strcmp(p->pages[i].name, name) == 0)
			return &p->pages[i];
	return NULL;
}

struct mending {
	struct tale_pbx *pbx;
	size_t mended;
};

static void mend_one(struct mending *m, const struct finding *f)
{
	struct page *g = page_of(m->pbx, f->file);
	struct conf_edit edit = { f->line, f->in_place, f->fix_option, f->fix_value };
	struct out o = out_growing();
	struct conf_doc *d;

	if (!g && m->pbx->n_pages < ARRAY_LEN(m->pbx->pages)) {
		g = &m->pbx->pages[m->pbx->n_pages++];
		*g = (struct page){ xstrdup(f->file), xstrdup("") };
	}
	if (g && f->line) {
		d = conf_doc_new(span_of(g->text));
		m->mended += conf_doc_edit(d, &edit, 1);
		conf_doc_out(d, &o);
		conf_doc_free(d);
	} else if (g) {
		out_fmt(&o, "%s\n[general]\n%s=%s\n", g->text, f->fix_option, f->fix_value);
		m->mended++;
	}
	if (g) {
		free(g->text);
		g->text = out_take(&o);
	}
	out_free(&o);
}

/* From the last line to the first: the places of the others stay. */
static void mend_all(struct mending *m, const struct finding *all, size_t n)
{
	for (unsigned line = UINT_MAX; line;) {
		unsigned next = 0;

		for (size_t k = 0; k < n; k++) {
			const struct finding *f = &all[k];

			if (f->fix_option && f->file && f->line == line)
				mend_one(m, f);
			if (f->fix_option && f->line < line && f->line > next)
				next = f->line;
		}
		line = next;
	}
	for (size_t k = 0; k < n; k++)
		if (all[k].fix_option && all[k].file && !all[k].line)
			mend_one(m, &all[k]);
}

static void mend_call(void *arg, const struct pbx_why_info *i)
{
	mend_all(arg, i->findings, i->n);
}

static void mend_server(void *arg, const struct server_facts *s UNUSED, const struct lint *l)
{
	mend_all(arg, l->v, l->n);
}

/* mend PBX [server]: does to its files what was found in its last call, or in the server as it stands. */
static void mend_conf(struct tale *t, const struct words *w)
{
	struct thing *x = w->n >= 2 ? thing_get(t, w->w[1], A_PBX) : NULL;
	struct mending m = { .pbx = x ? x->pbx : NULL };
	struct pbx *p = x && x->pbx->pbx ? sim_pbx_get(x->pbx->pbx) : NULL;

	if (p && word_is(w, 2, "server"))
		pbx_doctor(p, mend_server, &m);
	else if (p)
		pbx_why(p, SPAN_NONE, mend_call, &m);
	if (!m.mended)
		tale_fail(t, "mend PBX [server]: nothing was found that a setting could mend");
}

static bool read_page(void *arg, const char *path, struct out *o)
{
	const struct page *g = page_of(arg, path);

	if (g)
		out_str(o, g->text);
	return g != NULL;
}

static void glob_pages(void *arg, const char *pattern, void (*each)(void *ctx, const char *path), void *ctx)
{
	const struct tale_pbx *p = arg;

	for (size_t i = 0; i < p->n_pages; i++)
		if (fnmatch(pattern, p->pages[i].name, 0) == 0)
			each(ctx, p->pages[i].name);
}

static void make_pbx(struct tale *t, const struct words *w)
{
	struct thing *x = make_host(t, w, A_PBX);

	if (!x)
		return;
	x->pbx = xcalloc(1, sizeof *x->pbx);
	x->pbx->host = x->host;
	x->pbx->source = (struct conf_source){ read_page, glob_pages, x->pbx };
}

/* conf PBX FILE [more] << … >>: sets the file, or adds to it. */
static void set_conf(struct tale *t, const struct words *w)
{
	struct thing *x = w->n >= 3 ? thing_get(t, w->w[1], A_PBX) : NULL;
	struct page *g;
	char *old;

	if (!x || !w->block) {
		tale_fail(t, "conf PBX FILE << … >>, or < PATH");
		return;
	}
	g = page_of(x->pbx, w->w[2]);
	if (!g && x->pbx->n_pages < ARRAY_LEN(x->pbx->pages)) {
		g = &x->pbx->pages[x->pbx->n_pages++];
		*g = (struct page){ xstrdup(w->w[2]), xstrdup("") };
	}
	if (!g) {
		tale_fail(t, "too many files");
		return;
	}
	old = g->text;
	g->text = word_is(w, 3, "more") ? xasprintf("%s\n%s", old, w->block) : xstrdup(w->block);
	free(old);
}

/* edit PBX FILE "old" "new": every occurrence; it must be there. */
static void edit_conf(struct tale *t, const struct words *w)
{
	struct thing *x = w->n == 5 ? thing_get(t, w->w[1], A_PBX) : NULL;
	struct page *g = x ? page_of(x->pbx, w->w[2]) : NULL;
	struct out o = out_growing();
	size_t n = 0;

	if (!g || !w->w[3][0]) {
		tale_fail(t, "edit PBX FILE \"old\" \"new\": of a file that is there");
		return;
	}
	for (const char *p = g->text; *p;) {
		if (strncmp(p, w->w[3], strlen(w->w[3])) != 0) {
			out_char(&o, *p++);
			continue;
		}
		out_str(&o, w->w[4]);
		p += strlen(w->w[3]);
		n++;
	}
	if (!n)
		tale_fail(t, "'%s' is not in %s", w->w[3], w->w[2]);
	free(g->text);
	g->text = out_take(&o);
}

/* ---- phones ---- */

static const char *either(const char *a, const char *b)
{
	return a ? a : b;
}

/* phone NAME IP NET user=… from=… password=… server=… answer=200 after=1s port=… codecs=… tcp tls srtp may-srtp rekeys
 * wavers wrong-key early symmetric late silent */
static void make_phone(struct tale *t, const struct words *w)
{
	struct thing *x = make_host(t, w, A_PHONE);
	struct sim_phone_conf c = { .name = w->n > 1 ? w->w[1] : "",
				    .user = either(word_opt(w, "user"), w->n > 1 ? w->w[1] : ""),
				    .password = either(word_opt(w, "password"), "secret"),
				    .server = either(word_opt(w, "server"), "203.0.113.10"),
				    .from = word_opt(w, "from"),
				    .port = (uint16_t)word_number(word_opt(w, "port"), 5060),
				    .answer = word_number(word_opt(w, "answer"), 200),
				    .answer_after = word_opt(w, "after") ? word_time(t, word_opt(w, "after")) : 1000,
				    .codecs = word_opt(w, "codecs"),
				    .options = word_opt(w, "options"),
				    .tcp = word_flag(w, "tcp"),
				    .tls = word_flag(w, "tls"),
				    .rekeys = word_flag(w, "rekeys"),
				    .wavers = word_flag(w, "wavers"),
				    .wrong_key = word_flag(w, "wrong-key"),
				    .srtp = word_flag(w, "srtp")       ? SIM_SRTP
					    : word_flag(w, "may-srtp") ? SIM_SRTP_OPTIONAL
								       : SIM_PLAIN,
				    .early_media = word_flag(w, "early"),
				    .symmetric = word_flag(w, "symmetric"),
				    .late_offer = word_flag(w, "late"),
				    .silent = word_flag(w, "silent") };

	if (!x || t->failed)
		return;
	c.host = x->host;
	x->phone = sim_phone(t->sim, &c);
}

bool world_statement(struct tale *t, const struct words *w)
{
	static const struct {
		const char *name;
		void (*fn)(struct tale *t, const struct words *w);
	} all[] = {
		{ "net", make_net },   { "forward", make_forward }, { "dns", make_dns },
		{ "pbx", make_pbx },   { "conf", set_conf },        { "edit", edit_conf },
		{ "mend", mend_conf }, { "phone", make_phone },     { "also", also },
	};

	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		if (word_is(w, 0, all[i].name)) {
			all[i].fn(t, w);
			return true;
		}
	if (word_is(w, 0, "raw")) {
		struct thing *x = make_host(t, w, A_RAW);

		if (x)
			raw_make(t, x, w);
		return true;
	}
	if (word_is(w, 0, "stun")) {
		struct thing *x = make_host(t, w, A_STUN);

		if (x)
			stun_make(t, x, w);
		return true;
	}
	return false;
}

/* ---- the end ---- */

static struct pbx *live(const struct thing *x)
{
	return x->kind == A_PBX && x->pbx->pbx ? sim_pbx_get(x->pbx->pbx) : NULL;
}

void world_end(struct tale *t)
{
	ms_t give_up = t->sim->clock.now + END_PATIENCE;
	bool idle = false;

	for (size_t i = 0; i < t->n_things; i++)
		if (live(&t->things[i]))
			pbx_stop(live(&t->things[i]), true);
	while (!idle && t->sim->clock.now < give_up) {
		sim_run(t->sim, t->sim->clock.now + 500);
		idle = true;
		for (size_t i = 0; i < t->n_things; i++)
			idle &= !live(&t->things[i]) || pbx_is_idle(live(&t->things[i]));
	}
	for (size_t i = 0; i < t->n_things; i++) {
		struct thing *x = &t->things[i];

		if (live(x) && !pbx_is_idle(live(x)))
			tale_fail(t, "%s does not come to rest after pbx_stop()", x->name);
		else if (live(x) && sim_host_ports(x->host))
			tale_fail(t, "%s has %u media ports open after its last call", x->name,
				  sim_host_ports(x->host));
	}
}

void world_free(struct tale *t)
{
	for (size_t i = 0; i < t->n_things; i++)
		if (t->things[i].raw)
			sim_host_sink(t->things[i].host, NULL);
	sim_free(t->sim);
	for (size_t i = 0; i < t->n_things; i++) {
		struct thing *x = &t->things[i];

		for (size_t j = 0; x->pbx && j < x->pbx->n_pages; j++) {
			free(x->pbx->pages[j].name);
			free(x->pbx->pages[j].text);
		}
		free(x->pbx);
		if (x->raw)
			raw_free(x->raw);
	}
	for (size_t i = 0; i < t->n_wires; i++)
		free(t->wires[i].text);
	for (size_t i = 0; i < t->n_events; i++)
		free(t->events[i].text);
	free(t->wires);
	free(t->events);
}
