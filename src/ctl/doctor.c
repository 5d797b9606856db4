/*
 * ctl/doctor.c: "doctor": the whole server at a glance: how the outside sees us, our providers, our phones and their
 * routers, what became of the last calls, and what to mend first. As a picture for the terminal, and as JSON.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/priv.h"

#define FIRST  3 /* things to fix first */
#define CAUSES 64

/* What several calls, or a call and the server, say alike. */
struct cause {
	const struct finding *f; /* gone once put_server() has returned */
	unsigned calls;          /* 0: only the server as it stands */
};
struct round {
	struct call *c;
	struct out o;
	json_t *json; /* NULL: the picture */
	struct cause causes[CAUSES];
	size_t n_causes;
	unsigned calls, fine, early, unanswered;
	unsigned phones, here; /* here: that answer */
};

static const char *const kept[] = { "not known", "kept", "changed" };

static const char *text_of(const struct addr *a, char buf[ADDR_STRLEN])
{
	return a->family ? addr_str(a, buf) : "not known";
}

static json_t *json_addr(const struct addr *a)
{
	char text[ADDR_STRLEN];

	return a->family ? json_string(addr_str(a, text)) : json_null();
}

static void add_to(struct round *r, const char *list, json_t *j)
{
	json_t *at = json_object_get(r->json, list);

	if (!at) {
		at = json_array();
		json_object_set_new(r->json, list, at);
	}
	json_array_append_new(at, j);
}

/* ---- where we are ---- */

static void addresses(struct round *r)
{
	struct io_interface list[64];
	size_t n = io_interfaces(list, ARRAY_LEN(list));
	char text[ADDR_STRLEN];

	if (!r->json)
		out_str(&r->o, "Addresses of this host\n");
	for (size_t i = 0; i < n; i++) {
		const char *class = addr_class_name(addr_class(&list[i].addr));

		addr_ip_str(&list[i].addr, text);
		if (r->json)
			add_to(r, "addresses",
			       json_pack("{s:s, s:s, s:i, s:s}", "interface", list[i].name, "address", text, "length",
					 (int)list[i].len, "class", class));
		else if (addr_class(&list[i].addr) != ADDR_LOOPBACK)
			out_fmt(&r->o, "  %-9s %s/%u  (%s)\n", list[i].name, text, list[i].len, class);
	}
}

/* ---- how the outside sees us ---- */

/* Who says where we are outside; NULL: nobody is asked to. */
static const char *source_of(const struct sip_outside *s)
{
	const struct conf_transport *t = s->conf;

	if (s->automatic)
		return nat_source_name(s->source);
	return *t->external_signaling_address || *t->external_signaling_hostname ? "written" : NULL;
}

/* What is said of our address outside, in place of an address. */
static const char *unless_known(const struct sip_outside *s)
{
	if (*s->conf->external_signaling_hostname)
		return s->conf->external_signaling_hostname;
	return s->automatic || !source_of(s) ? "as it is" : "not known";
}

static void put_outside(struct round *r, const struct sip_outside *s)
{
	const char *source = source_of(s);
	char local[ADDR_STRLEN], external[ADDR_STRLEN], router[ADDR_STRLEN], opened[ADDR_STRLEN];
	struct addr out = s->external;

	if (out.family && !out.port)
		out.port = s->local.port;
	if (r->json) {
		json_t *j = json_pack("{s:o, s:s, s:o, s:o, s:b, s:s?, s:s, s:s, s:s}", "transport",
				      why_json_text(s->conf->o.name), "protocol", conf_proto_names[s->conf->protocol],
				      "local", json_addr(&s->local), "external", json_addr(&out), "automatic",
				      s->automatic, "source", source, "mapping", nat_depends_name(s->mapping),
				      "filtering", nat_depends_name(s->filtering), "ports", kept[s->port_kept]);

		json_object_set_new(j, "rtp_ports", json_string(kept[pbx_rtp_kept(r->c->pbx)]));
		if (s->router_asked)
			json_object_set_new(j, "router",
					    json_pack("{s:o, s:s, s:o, s:I}", "address", json_addr(&s->router),
						      "speaks", sip_router_speech(s->router_speaks), "opened",
						      json_addr(&s->opened), "lease_s", (json_int_t)(s->lease / 1000)));
		add_to(r, "transports", j);
		return;
	}
	out_fmt(&r->o, "  %-4s %-22s <-> %-22s  %s\n", conf_proto_names[s->conf->protocol], text_of(&s->local, local),
		s->external.family ? text_of(&out, external) : unless_known(s), source ? source : "nothing is written");
	if (s->mapping != NAT_NOT_KNOWN || s->port_kept)
		out_fmt(&r->o, "       NAT: mapping %s, filtering %s, ports %s, of RTP %s\n",
			nat_depends_name(s->mapping), nat_depends_name(s->filtering), kept[s->port_kept],
			kept[pbx_rtp_kept(r->c->pbx)]);
	if (s->router_asked)
		out_fmt(&r->o, "       router %s: %s; it has opened %s, for %lld s\n", text_of(&s->router, router),
			sip_router_speech(s->router_speaks), s->opened.family ? text_of(&s->opened, opened) : "nothing",
			(long long)(s->lease / 1000));
}

static void outside(struct round *r)
{
	struct sip_outside s;

	if (!r->json)
		out_str(&r->o, "Transports: inside <-> outside\n");
	for (unsigned n = 0; sip_outside_nth(pbx_sip(r->c->pbx), n, &s); n++)
		put_outside(r, &s);
}

/* ---- providers and phones ---- */

static void put_trunk(void *arg, const struct pbx_registration_info *i)
{
	struct round *r = arg;

	if (r->json) {
		add_to(r, "registrations",
		       json_pack("{s:o, s:o, s:s, s:o, s:i, s:I}", "name", why_json_text(i->conf->o.name), "server",
				 why_json_text(i->conf->server_uri), "state", i->state, "why", why_json_text(i->why),
				 "expires_s", i->expires_s, "down_ms", (json_int_t)i->down_ms));
		return;
	}
	out_fmt(&r->o, "  %-16s %-12s %s", i->conf->o.name, i->state, i->conf->server_uri);
	if (*i->why)
		out_fmt(&r->o, "  (%s)", i->why);
	if (i->next_ms >= 0 && i->attempts)
		out_fmt(&r->o, "  again in %lld s", (long long)(i->next_ms / 1000));
	out_char(&r->o, '\n');
}

static void put_lifetime(struct out *o, const struct pbx_contact_info *i)
{
	if (i->nat_survived_ms)
		out_fmt(o, ", its mapping lasts %lld s", (long long)(i->nat_survived_ms / 1000));
	if (i->nat_lost_ms)
		out_fmt(o, "%s not %lld s", i->nat_survived_ms ? " and" : ", its mapping lasts",
			(long long)(i->nat_lost_ms / 1000));
	if (i->keep_ms)
		out_fmt(o, ", kept open every %lld s", (long long)(i->keep_ms / 1000));
}

/* Does its router keep the port that it sends from? */
static bool keeps_port(const struct pbx_contact_info *i)
{
	const char *inside = strrchr(i->orig_host, ':'), *at = strrchr(i->uri, '@');
	const char *outside = strchr(at ? at : i->uri, ':');

	return strtoul(inside ? inside + 1 : "5060", NULL, 10) ==
	       strtoul(outside && at ? outside + 1 : "5060", NULL, 10);
}

static void put_phone(void *arg, const struct pbx_contact_info *i)
{
	struct round *r = arg;
	bool nat = i->orig_host && *i->orig_host;
	enum nat_kept audio;

	r->phones++;
	r->here += strcmp(i->status, "Unavail") != 0;
	if (r->json) {
		json_t *j = json_pack("{s:o, s:o, s:s, s:b, s:b}", "aor", why_json_text(i->aor), "uri",
				      why_json_text(i->uri), "status", i->status, "behind_nat", nat, "static",
				      i->is_static);

		if (i->rtt_ms >= 0)
			json_object_set_new(j, "rtt_ms", json_real(i->rtt_ms));
		if (i->heard_ms >= 0)
			json_object_set_new(j, "heard_ms_ago", json_integer(i->heard_ms));
		if (nat)
			json_object_set_new(j, "nat", json_string(keeps_port(i) ? "keeps ports" : "changes ports"));
		if (nat)
			json_object_set_new(j, "audio_ports", json_string(kept[pbx_audio_kept(r->c->pbx, i->uri)]));
		json_object_set_new(j, "another_port_of_ours", json_string(nat_look_name(i->nat_look)));
		json_object_set_new(j, "mapping",
				    json_pack("{s:I, s:I, s:I}", "survived_ms", (json_int_t)i->nat_survived_ms,
					      "lost_after_ms", (json_int_t)i->nat_lost_ms, "kept_open_every_ms",
					      (json_int_t)i->keep_ms));
		add_to(r, "contacts", j);
		return;
	}
	out_fmt(&r->o, "  %-16s %-8s %s", i->aor, i->status, i->uri);
	if (i->rtt_ms >= 0)
		out_fmt(&r->o, "  %lld ms", (long long)(i->rtt_ms + 0.5));
	if (nat) {
		out_fmt(&r->o, "  behind NAT as %s, port %s", i->orig_host, keeps_port(i) ? "kept" : "changed");
		audio = pbx_audio_kept(r->c->pbx, i->uri);
		if (audio != NAT_KEPT_UNKNOWN)
			out_fmt(&r->o, ", of audio %s", kept[audio]);
		put_lifetime(&r->o, i);
	}
	if (i->nat_look != LOOK_NONE)
		out_fmt(&r->o, "\n                   NAT: %s", nat_look_name(i->nat_look));
	out_char(&r->o, '\n');
}

/* ---- causes ---- */

static bool is_same(const struct finding *a, const struct finding *b)
{
	return a->code == b->code && strcmp(a->section, b->section) == 0 &&
	       strcmp(a->fix_option ? a->fix_option : "", b->fix_option ? b->fix_option : "") == 0;
}

static void add_cause(struct round *r, const struct finding *f, bool call)
{
	size_t i = 0;

	while (i < r->n_causes && !is_same(r->causes[i].f, f))
		i++;
	if (i == CAUSES)
		return;
	if (i == r->n_causes)
		r->causes[r->n_causes++] = (struct cause){ .f = f };
	r->causes[i].calls += call;
	if (f->sure <= r->causes[i].f->sure)
		r->causes[i].f = f; /* the latest of the surest */
}

static void take_call(void *arg, const struct pbx_why_info *i)
{
	struct round *r = arg;

	r->calls++;
	r->fine += i->why == WHY_FINE;
	r->early += i->why == WHY_EARLY;
	r->unanswered += i->why == WHY_NONE;
	for (size_t k = 0; k < i->n; k++)
		add_cause(r, &i->findings[k], k == 0);
}

/* What is sure and severe, and has spoilt most calls, comes first. */
static int weight(const struct cause *c)
{
	int severe = c->f->sev == DIAG_ERROR ? 100 : c->f->sev == DIAG_WARNING ? 30 : 1;
	int sure = c->f->sure == SURE_CERTAIN ? 3 : c->f->sure == SURE_LIKELY ? 2 : 1;

	return severe * sure + (int)MIN(c->calls, 99u) * 10;
}

static int cmp_cause(const void *a, const void *b)
{
	return weight(b) - weight(a);
}

static void put_calls(struct round *r)
{
	if (r->json) {
		json_object_set_new(r->json, "calls",
				    json_pack("{s:i, s:i, s:i, s:i}", "remembered", (int)r->calls, "fine", (int)r->fine,
					      "early", (int)r->early, "unanswered", (int)r->unanswered));
		return;
	}
	out_fmt(&r->o,
		"Calls: %u remembered, %u fine, %u too short to tell, %u not answered, %u with something wrong\n",
		r->calls, r->fine, r->early, r->unanswered, r->calls - r->fine - r->early - r->unanswered);
	for (size_t i = 0; i < r->n_causes; i++)
		if (r->causes[i].calls)
			out_fmt(&r->o, "  %4u  %s %s [%s]\n", r->causes[i].calls,
				finding_rows[r->causes[i].f->code].code, finding_rows[r->causes[i].f->code].title,
				r->causes[i].f->section);
}

static void put_causes(struct round *r)
{
	for (size_t i = 0; i < r->n_causes; i++) {
		json_t *j;

		if (r->json) {
			j = why_json_finding(r->causes[i].f);
			json_object_set_new(j, "calls", json_integer(r->causes[i].calls));
			add_to(r, "findings", j);
		} else if (i < FIRST) {
			out_fmt(&r->o, "%s  %zu. ", i ? "" : "To fix first\n", i + 1);
			why_out_finding(&r->o, r->causes[i].f);
		}
	}
	if (!r->json && !r->n_causes)
		out_str(&r->o, "Nothing is wrong that can be seen from here.\n");
	if (!r->json && r->n_causes > FIRST)
		out_fmt(&r->o, "  and %zu more: doctor json\n", r->n_causes - FIRST);
}

static void put_server(void *arg, const struct server_facts *s, const struct lint *l)
{
	struct round *r = arg;

	doctor_routes(&r->o, r->json, s);
	doctor_forwarding(&r->o, r->json, r->c, s);
	for (size_t i = 0; i < l->n; i++)
		add_cause(r, &l->v[i], false);
	pbx_each_record(r->c->pbx, take_call, r);
	qsort(r->causes, r->n_causes, sizeof r->causes[0], cmp_cause);
	put_calls(r);
	put_causes(r);
	r->c->status = r->n_causes && r->causes[0].f->sev != DIAG_NOTE;
}

static void doctor(struct call *c)
{
	struct round r = { .c = c, .o = out_growing() };

	if (span_is(c->args, "json"))
		r.json = json_object();
	else if (c->args.n) {
		cmd_usage(c, "doctor");
		return;
	}
	addresses(&r);
	outside(&r);
	if (!r.json)
		out_str(&r.o, "Registrations at providers\n");
	pbx_each_registration(c->pbx, put_trunk, &r);
	if (!r.json)
		out_str(&r.o, "Phones and other contacts\n");
	pbx_each_contact(c->pbx, SPAN_NONE, put_phone, &r);
	pbx_doctor(c->pbx, put_server, &r);
	if (r.json)
		why_say_json(c, r.json);
	else
		rows_say(c->rows, "%.*s", SP(span_trim(out_look(&r.o))));
	out_free(&r.o);
}

static void measure(struct call *c)
{
	unsigned n = pbx_measure(c->pbx, c->args);

	if (n)
		rows_say(c->rows, "%u phones are asked from another port; 'doctor' shows within 6 s what comes of it.",
			 n);
	else
		cmd_fail(c, "No phone that has registered by UDP can be asked%s.", c->args.n ? " there" : "");
}

const struct cmd doctor_cmds[] = {
	{ "doctor measure", "[AOR]",
	  "Asks the phones (of one AOR) from another port of ours, which shows what kind of NAT they are behind.",
	  measure },
	{ "doctor", "[json]",
	  "How the outside sees this server, its providers, phones and last calls, and what to fix first.", doctor },
	{ 0 },
};
