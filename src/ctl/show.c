/*
 * ctl/show.c: "pjsip show …" and "pjsip list …": the configured objects and what lives behind them, in the layout that
 * the users of Asterisk know. The tree of an endpoint is the same in the view of all and in the view of one; a list has
 * one line for each object. show_walk.c has what all of them share.
 */
#include <stdlib.h>
#include <string.h>

#include "ctl/priv.h"

#define CONTACT(begin)                                                     \
	{                                                                  \
		.name = "contact", .label = begin,                         \
		.columns = { { .name = "aor" },                            \
			     { .name = "uri", .lead = "/" },               \
			     { .name = "hash", .at = 59 },                 \
			     { .name = "status", .at = 70 },               \
			     { .name = "rtt", .at = 89, .right = true } }, \
	}

static const struct row_kind endpoint_row = {
	.name = "endpoint",
	.label = " Endpoint:  ",
	.columns = { { .name = "endpoint" }, { .name = "state", .at = 65 }, { .name = "channels", .at = 79 } },
};
static const struct row_kind inauth_row = {
	.name = "auth",
	.label = "     InAuth:  ",
	.columns = { { .name = "auth" }, { .name = "username", .lead = "/" } },
};
static const struct row_kind outauth_row = {
	.name = "outbound_auth",
	.label = "    OutAuth:  ",
	.columns = { { .name = "auth" }, { .name = "username", .lead = "/" } },
};
static const struct row_kind aor_row = {
	.name = "aor",
	.label = "        Aor:  ",
	.columns = { { .name = "aor" }, { .name = "max_contacts", .at = 65 } },
};
static const struct row_kind contact_in_aor = CONTACT("      Contact:  ");
static const struct row_kind transport_in_endpoint = {
	.name = "transport",
	.label = "  Transport:  ",
	.columns = { { .name = "transport" },
		     { .name = "type", .at = 36 },
		     { .name = "cos", .at = 47, .right = true },
		     { .name = "tos", .at = 54, .right = true },
		     { .name = "bind", .at = 56 } },
};
static const struct row_kind identify_in_endpoint = {
	.name = "identify",
	.label = "   Identify:  ",
	.columns = { { .name = "identify" }, { .name = "endpoint", .lead = "/" } },
};
static const struct row_kind match_row = {
	.name = "match",
	.label = "        Match:  ",
	.columns = { { .name = "match" } },
};
static const struct row_kind channel_in_endpoint = {
	.name = "channel",
	.label = "    Channel:  ",
	.columns = { { .name = "channel" }, { .name = "state", .at = 65 }, { .name = "time", .at = 79 } },
};

/* ---- pieces ---- */

static void put_auth(struct call *c, const struct row_kind *kind, const struct conf_auth *a)
{
	rows_add(c->rows, kind);
	rows_put(c->rows, "%s", a->o.name);
	rows_put(c->rows, "%s", a->username);
}

static void put_contact(void *arg, const struct pbx_contact_info *i)
{
	struct walk *w = arg;
	struct rows *r = w->c->rows;

	rows_add(r, w->kind);
	rows_put(r, "%s", i->aor);
	rows_put(r, "%s", i->uri);
	rows_put(r, "%s", i->hash);
	rows_put(r, "%s", i->status);
	if (i->rtt_ms < 0)
		rows_put(r, "nan");
	else
		rows_put(r, "%.3f", i->rtt_ms);
}

static void put_aor(struct call *c, const struct row_kind *kind, const struct conf_aor *a)
{
	rows_add(c->rows, kind);
	rows_put(c->rows, "%s", a->o.name);
	rows_put(c->rows, "%u", a->max_contacts);
}

static void put_transport(struct call *c, const struct row_kind *kind, const struct conf_transport *t)
{
	char text[ADDR_STRLEN];

	rows_add(c->rows, kind);
	rows_put(c->rows, "%s", t->o.name);
	rows_put(c->rows, "%s", conf_proto_names[t->protocol]);
	rows_put(c->rows, "%u", t->cos);
	rows_put(c->rows, "%u", t->tos);
	rows_put(c->rows, "%s", addr_str(&t->bind, text));
}

static void put_match(struct call *c, const char *text)
{
	rows_add(c->rows, &match_row);
	rows_put(c->rows, "%s", text);
}

static void put_identify(struct call *c, const struct row_kind *kind, const struct conf_identify *i)
{
	rows_add(c->rows, kind);
	rows_put(c->rows, "%s", i->o.name);
	rows_put(c->rows, "%s", i->endpoint ? i->endpoint->o.name : "");
}

static void put_identify_tree(struct call *c, const struct row_kind *kind, const struct conf_identify *i)
{
	put_identify(c, kind, i);
	for (size_t k = 0; k < i->match.n; k++) {
		char text[96];
		struct out o = out_fixed(text, sizeof text);

		net_rule_out(&o, &i->match.rules[k]);
		out_char(&o, '\0');
		put_match(c, text);
	}
	for (size_t k = 0; k < i->match_names.n; k++)
		put_match(c, i->match_names.v[k]);
	for (size_t k = 0; k < i->match_header.n; k++)
		put_match(c, i->match_header.v[k]);
	for (size_t k = 0; k < i->match_request_uri.n; k++)
		put_match(c, i->match_request_uri.v[k]);
}

/* ---- endpoints ---- */

#define ENDPOINT_LINE "\n Endpoint:  <Endpoint/CID.....................................>  <State.....>  <Channels.>\n"
#define ENDPOINT_HEAD                                                                                  \
	ENDPOINT_LINE                                                                                  \
	"    I/OAuth:  <AuthId/UserName...........................................................>\n" \
	"        Aor:  <Aor............................................>  <MaxContact>\n"              \
	"      Contact:  <Aor/ContactUri..........................> <Hash....> <Status> <RTT(ms)..>\n" \
	"  Transport:  <TransportId........>  <Type>  <cos>  <tos>  <BindAddress..................>\n" \
	"   Identify:  <Identify/Endpoint.........................................................>\n" \
	"        Match:  <criteria.........................>\n"                                        \
	"    Channel:  <ChannelId......................................>  <State.....>  <Time.....>\n" \
	"        Exten: <DialedExten...........>  CLCID: <ConnectedLineCID.......>\n" LINE

static void put_own_channel(void *arg, const struct pbx_call_info *i)
{
	struct walk *w = arg;

	if (strcmp(i->endpoint->o.name, w->name) == 0)
		show_put_channel(w->c, &channel_in_endpoint, i);
}

static void put_endpoint(struct call *c, const struct pbx_endpoint_info *i)
{
	const struct conf_endpoint *e = i->conf;

	rows_add(c->rows, &endpoint_row);
	rows_put(c->rows, *e->callerid_num ? "%s/%s" : "%s", e->o.name, e->callerid_num);
	rows_put(c->rows, "%s", i->state);
	rows_put(c->rows, "%u of inf", i->channels);
}

static void put_endpoint_tree(struct call *c, const struct pbx_endpoint_info *i)
{
	const struct conf_endpoint *e = i->conf;
	struct walk w = { .c = c, .name = e->o.name, .kind = &contact_in_aor };

	c->rows->gap = true;
	put_endpoint(c, i);
	for (size_t k = 0; k < e->n_auth; k++)
		put_auth(c, &inauth_row, e->auth[k]);
	for (size_t k = 0; k < e->n_outbound_auth; k++)
		put_auth(c, &outauth_row, e->outbound_auth[k]);
	for (size_t k = 0; k < e->n_aors; k++) {
		put_aor(c, &aor_row, e->aors[k]);
		pbx_each_contact(c->pbx, span_of(e->aors[k]->o.name), put_contact, &w);
	}
	if (e->transport)
		put_transport(c, &transport_in_endpoint, e->transport);
	for (size_t k = 0; k < c->conf->n_identifies; k++)
		if (c->conf->identifies[k].endpoint == e)
			put_identify_tree(c, &identify_in_endpoint, &c->conf->identifies[k]);
	pbx_each_call(c->pbx, put_own_channel, &w);
}

static void each_endpoint(void *arg, const struct pbx_endpoint_info *i)
{
	struct walk *w = arg;

	if (w->name ? strcmp(w->name, i->conf->o.name) != 0 : !walk_wants(w, i->conf->o.name))
		return;
	if (w->list)
		put_endpoint(w->c, i);
	else
		put_endpoint_tree(w->c, i);
}

static void show_endpoints(struct call *c)
{
	struct walk w;

	if (!walk_begin(&w, c))
		return;
	c->rows->head = w.list ? ENDPOINT_LINE LINE "\n" : ENDPOINT_HEAD;
	pbx_each_endpoint(c->pbx, each_endpoint, &w);
	walk_end(&w);
}

static void put_option(void *arg, const char *option, const char *value)
{
	static const struct row_kind row = {
		.name = "option",
		.columns = { { .name = "name", .lead = " " }, { .name = "value", .lead = ": ", .at = 36 } },
	};
	struct rows *r = arg;

	rows_add(r, &row);
	rows_put(r, "%s", option);
	rows_put(r, "%s", value);
}

static void put_options(struct call *c, const struct conf_obj *o, const char *type)
{
	rows_say(c->rows, "\n\n ParameterName                      : ParameterValue");
	rows_say(c->rows, " ===================================================================");
	conf_each_option(o, type, put_option, c->rows);
	rows_say(c->rows, "%s", "");
}

static void no_such_object(struct call *c)
{
	c->rows->head = NULL;
	cmd_fail(c, "Unable to find object %.*s.\n", SP(c->args));
}

static void show_endpoint(struct call *c)
{
	const struct conf_endpoint *e = conf_endpoint(c->conf, c->args);
	struct walk w = { .c = c, .name = e ? e->o.name : NULL };

	if (!c->args.n) {
		cmd_usage(c, "pjsip show endpoint");
		return;
	}
	if (!e) {
		no_such_object(c);
		return;
	}
	c->rows->head = ENDPOINT_HEAD;
	pbx_each_endpoint(c->pbx, each_endpoint, &w);
	put_options(c, &e->o, "endpoint");
}

/* ---- AORs and contacts ---- */

#define AOR_LINE "\n      Aor:  <Aor..............................................>  <MaxContact>\n"
#define AOR_HEAD \
	AOR_LINE \
	"    Contact:  <Aor/ContactUri............................> <Hash....> <Status> <RTT(ms)..>\n" LINE

static const struct row_kind aor_alone = {
	.name = "aor",
	.label = "      Aor:  ",
	.columns = { { .name = "aor" }, { .name = "max_contacts", .at = 65 } },
};
static const struct row_kind contact_of_aor = CONTACT("    Contact:  ");
static const struct row_kind contact_alone = CONTACT("  Contact:  ");

static void put_aor_tree(struct call *c, const struct conf_aor *a)
{
	struct walk w = { .c = c, .kind = &contact_of_aor };

	c->rows->gap = true;
	put_aor(c, &aor_alone, a);
	pbx_each_contact(c->pbx, span_of(a->o.name), put_contact, &w);
}

static void show_aors(struct call *c)
{
	struct walk w;

	if (!walk_begin(&w, c))
		return;
	c->rows->head = w.list ? AOR_LINE LINE "\n" : AOR_HEAD;
	for (size_t i = 0; i < c->conf->n_aors; i++) {
		const struct conf_aor *a = &c->conf->aors[i];

		if (!walk_wants(&w, a->o.name))
			continue;
		if (w.list)
			put_aor(c, &aor_alone, a);
		else
			put_aor_tree(c, a);
	}
	walk_end(&w);
}

static void show_aor(struct call *c)
{
	const struct conf_aor *a = conf_aor(c->conf, c->args);

	if (!c->args.n) {
		cmd_usage(c, "pjsip show aor");
		return;
	}
	if (!a) {
		no_such_object(c);
		return;
	}
	c->rows->head = AOR_HEAD;
	put_aor_tree(c, a);
	put_options(c, &a->o, "aor");
}

static void each_contact(void *arg, const struct pbx_contact_info *i)
{
	char *name = xasprintf("%s/%s", i->aor, i->uri);

	if (walk_wants(arg, name))
		put_contact(arg, i);
	free(name);
}

static void show_contacts(struct call *c)
{
	struct span aor = c->args, rest = c->args, word = SPAN_NONE;
	struct walk w;

	if (span_word(&rest, &word) && span_is(word, "like"))
		aor = SPAN_NONE;
	else
		c->args = SPAN_NONE;
	if (!walk_begin(&w, c))
		return;
	w.kind = &contact_alone;
	c->rows->head =
		"\n  Contact:  <Aor/ContactUri..............................> <Hash....> <Status> <RTT(ms)..>\n" LINE
		"\n";
	pbx_each_contact(c->pbx, aor, each_contact, &w);
	walk_end(&w);
}

static const struct row_kind contact_life = {
	.name = "contact",
	.label = "  Contact:  ",
	.columns = { { .name = "aor" },
		     { .name = "uri", .lead = "/" },
		     { .name = "status", .at = 59 },
		     { .name = "losses", .at = 74, .right = true },
		     { .name = "heard_s", .at = 83, .right = true },
		     { .name = "survived_s", .at = 94, .right = true },
		     { .name = "lost_s", .at = 101, .right = true },
		     { .name = "keep_s", .at = 108, .right = true } },
};

static void put_s(struct rows *r, ms_t ms)
{
	if (ms > 0)
		rows_put(r, "%lld", (long long)ms / 1000);
	else
		rows_put(r, "-");
}

static void put_life(void *arg, const struct pbx_contact_info *i)
{
	struct walk *w = arg;
	struct rows *r = w->c->rows;

	w->found++;
	rows_add(r, &contact_life);
	rows_put(r, "%s", i->aor);
	rows_put(r, "%s", i->uri);
	rows_put(r, "%s", i->status);
	rows_put(r, "%u", i->losses);
	put_s(r, i->heard_ms);
	put_s(r, i->nat_survived_ms);
	put_s(r, i->nat_lost_ms);
	put_s(r, i->keep_ms);
}

static void show_contact(struct call *c)
{
	struct walk w = { .c = c };

	c->rows->head =
		"\n  Contact:  <Aor/ContactUri..........................> <Status>    <Losses>  <Heard> <Survived> "
		"<Lost> <Keep>\n" LINE "\n";
	c->rows->count = true;
	pbx_each_contact(c->pbx, c->args, put_life, &w);
	c->rows->objects = w.found;
	if (c->args.n && !w.found && !conf_aor(c->conf, c->args)) {
		c->rows->count = false;
		no_such_object(c);
	}
}

/* ---- the rest ---- */

static void show_object(struct call *c, const struct conf_obj *o, const char *type)
{
	if (o)
		put_options(c, o, type);
	else
		no_such_object(c);
}

static void show_auth(struct call *c)
{
	const struct conf_auth *a = conf_auth(c->conf, c->args);

	show_object(c, a ? &a->o : NULL, "auth");
}

static void show_identify(struct call *c)
{
	for (size_t i = 0; i < c->conf->n_identifies; i++)
		if (span_is(c->args, c->conf->identifies[i].o.name)) {
			put_options(c, &c->conf->identifies[i].o, "identify");
			return;
		}
	no_such_object(c);
}

static void show_transport(struct call *c)
{
	const struct conf_transport *t = conf_transport(c->conf, c->args);

	show_object(c, t ? &t->o : NULL, "transport");
}

static void show_registration(struct call *c)
{
	const struct conf_registration *r = conf_registration(c->conf, c->args);

	show_object(c, r ? &r->o : NULL, "registration");
}

static void show_auths(struct call *c)
{
	static const struct row_kind row = {
		.name = "auth",
		.label = "     Auth:  ",
		.columns = { { .name = "auth" }, { .name = "username", .lead = "/" } },
	};
	struct walk w;

	if (!walk_begin(&w, c))
		return;
	c->rows->head =
		"\n  I/OAuth:  <AuthId/UserName.............................................................>\n" LINE
		"\n";
	for (size_t i = 0; i < c->conf->n_auths; i++)
		if (walk_wants(&w, c->conf->auths[i].o.name))
			put_auth(c, &row, &c->conf->auths[i]);
	walk_end(&w);
}

static void put_registration(void *arg, const struct pbx_registration_info *i)
{
	static const struct row_kind row = {
		.name = "registration",
		.label = " ",
		.columns = { { .name = "registration" },
			     { .name = "server_uri", .lead = "/" },
			     { .name = "auth", .at = 57 },
			     { .name = "state", .at = 75 },
			     { .name = "expires", .at = 93 },
			     { .name = "why", .lead = " " } },
	};
	struct walk *w = arg;
	struct rows *r = w->c->rows;

	if (!walk_wants(w, i->conf->o.name))
		return;
	rows_add(r, &row);
	rows_put(r, "%s", i->conf->o.name);
	rows_put(r, "%s", i->conf->server_uri);
	rows_put(r, "%s", i->conf->n_outbound_auth ? i->conf->outbound_auth[0]->o.name : "n/a");
	rows_put(r, "%s", i->state);
	if (i->expires_s >= 0)
		rows_put(r, "(exp. %ds)", i->expires_s);
	else if (i->why && *i->why)
		rows_put(r, "(%s)", i->why);
}

static void show_registrations(struct call *c)
{
	struct walk w;

	if (!walk_begin(&w, c))
		return;
	c->rows->head =
		"\n <Registration/ServerURI..............................>  <Auth..........>  <Status.......>\n" LINE
		"\n";
	pbx_each_registration(c->pbx, put_registration, &w);
	walk_end(&w);
}

#define IDENTIFY_LINE "\n Identify:  <Identify/Endpoint...........................................................>\n"

static void show_identifies(struct call *c)
{
	static const struct row_kind row = {
		.name = "identify",
		.label = " Identify:  ",
		.columns = { { .name = "identify" }, { .name = "endpoint", .lead = "/" } },
	};
	struct walk w;

	if (!walk_begin(&w, c))
		return;
	c->rows->head = w.list ? IDENTIFY_LINE LINE "\n"
			       : IDENTIFY_LINE "        Match:  <criteria.........................>\n" LINE;
	for (size_t i = 0; i < c->conf->n_identifies; i++) {
		const struct conf_identify *d = &c->conf->identifies[i];

		if (!walk_wants(&w, d->o.name))
			continue;
		c->rows->gap = !w.list;
		if (w.list)
			put_identify(c, &row, d);
		else
			put_identify_tree(c, &row, d);
	}
	walk_end(&w);
}

static void show_transports(struct call *c)
{
	static const struct row_kind row = {
		.name = "transport",
		.label = "Transport:  ",
		.columns = { { .name = "transport" },
			     { .name = "type", .at = 34 },
			     { .name = "cos", .at = 45, .right = true },
			     { .name = "tos", .at = 52, .right = true },
			     { .name = "bind", .at = 54 },
			     { .name = "note", .at = 74 } },
	};
	struct sip_transport_info info;
	struct walk w;

	if (!walk_begin(&w, c))
		return;
	c->rows->head =
		"\nTransport:  <TransportId........>  <Type>  <cos>  <tos>  <BindAddress....................>\n" LINE
		"\n";
	for (size_t i = 0; i < c->conf->n_transports; i++) {
		const struct conf_transport *t = &c->conf->transports[i];
		bool listens = false;

		if (!walk_wants(&w, t->o.name))
			continue;
		for (unsigned n = 0; sip_transport_nth(pbx_sip(c->pbx), n, &info); n++)
			listens |= strcmp(info.conf->o.name, t->o.name) == 0;
		put_transport(c, &row, t);
		if (!listens)
			rows_put(c->rows, "(does not listen)");
	}
	walk_end(&w);
}

const struct cmd pjsip_show_cmds[] = {
	{ "pjsip show endpoints", LIKE, "All endpoints with what belongs to them.", show_endpoints },
	{ "pjsip show endpoint", "ENDPOINT", "One endpoint with all its options.", show_endpoint },
	{ "pjsip show aors", LIKE, "All AORs with their contacts.", show_aors },
	{ "pjsip show aor", "AOR", "One AOR with its contacts and options.", show_aor },
	{ "pjsip show contacts", "[AOR|like PATTERN]", "Where phones can be reached, and whether they answer.",
	  show_contacts },
	{ "pjsip show contact", "[AOR]", "Seconds since a contact was heard, how long its NAT remembers, our interval.",
	  show_contact },
	{ "pjsip show auth", "AUTH", "One set of credentials, without the password.", show_auth },
	{ "pjsip show registration", "REGISTRATION", "One registration with all its options.", show_registration },
	{ "pjsip show identify", "IDENTIFY", "One identify section with all its options.", show_identify },
	{ "pjsip show transport", "TRANSPORT", "One transport with all its options.", show_transport },
	{ "pjsip show auths", LIKE, "The credentials, without the passwords.", show_auths },
	{ "pjsip show registrations", LIKE, "Our registrations at providers.", show_registrations },
	{ "pjsip show identifies", LIKE, "Which addresses belong to which endpoint.", show_identifies },
	{ "pjsip show transports", LIKE, "The addresses that we listen on.", show_transports },
	{ "pjsip list endpoints", LIKE, "All endpoints, a line each.", show_endpoints },
	{ "pjsip list aors", LIKE, "All AORs, a line each.", show_aors },
	{ "pjsip list contacts", "[AOR|like PATTERN]", "Where phones can be reached, a line each.", show_contacts },
	{ "pjsip list auths", LIKE, "The credentials, without the passwords.", show_auths },
	{ "pjsip list registrations", LIKE, "Our registrations at providers.", show_registrations },
	{ "pjsip list identifies", LIKE, "The identify sections, a line each.", show_identifies },
	{ "pjsip list transports", LIKE, "The addresses that we listen on.", show_transports },
	{ 0 },
};
