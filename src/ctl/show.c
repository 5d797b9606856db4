/*
 * ctl/show.c: "pjsip show …": the configured objects and what lives behind them, in the layout that the users of
 * Asterisk know. The tree of an endpoint is the same in the list of all and in the view of one.
 */
#include <stdlib.h>
#include <string.h>

#include "ctl/priv.h"

#define LINE "==========================================================================================\n"

static const struct row_kind endpoint_row = {
	.name = "endpoint",
	.gap = true,
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
static const struct row_kind contact_in_aor = {
	.name = "contact",
	.label = "      Contact:  ",
	.columns = { { .name = "aor" },
		     { .name = "uri", .lead = "/" },
		     { .name = "hash", .at = 59 },
		     { .name = "status", .at = 70 },
		     { .name = "rtt", .at = 89, .right = true } },
};
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
static const struct row_kind exten_row = {
	.name = "exten",
	.label = "        Exten:  ",
	.columns = { { .name = "exten" }, { .name = "caller", .lead = "CLCID: ", .at = 40 } },
};

struct walk { /* one command that walks over things */
	struct call *c;
	const char *name; /* of the endpoint or AOR being shown */
	const struct row_kind *kind;
	size_t found;
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

	w->found++;
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

static void put_channel(struct call *c, const struct row_kind *kind, const struct pbx_call_info *i)
{
	long s = (long)(i->age / 1000);

	rows_add(c->rows, kind);
	if (i->app && *i->app)
		rows_put(c->rows, "%s/%s", i->name, i->app);
	else
		rows_put(c->rows, "%s", i->name);
	rows_put(c->rows, "%s", i->state);
	rows_put(c->rows, "%02ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
	rows_add(c->rows, &exten_row);
	rows_put(c->rows, "%s", i->exten ? i->exten : "");
	rows_put(c->rows, "\"%s\" <%s>", i->caller_name ? i->caller_name : "", i->caller_num ? i->caller_num : "");
}

/* ---- endpoints ---- */

#define ENDPOINT_HEAD                                                                                    \
	"\n Endpoint:  <Endpoint/CID.....................................>  <State.....>  <Channels.>\n" \
	"    I/OAuth:  <AuthId/UserName...........................................................>\n"   \
	"        Aor:  <Aor............................................>  <MaxContact>\n"                \
	"      Contact:  <Aor/ContactUri..........................> <Hash....> <Status> <RTT(ms)..>\n"   \
	"  Transport:  <TransportId........>  <Type>  <cos>  <tos>  <BindAddress..................>\n"   \
	"   Identify:  <Identify/Endpoint.........................................................>\n"   \
	"        Match:  <criteria.........................>\n"                                          \
	"    Channel:  <ChannelId......................................>  <State.....>  <Time.....>\n"   \
	"        Exten: <DialedExten...........>  CLCID: <ConnectedLineCID.......>\n" LINE

static void put_own_channel(void *arg, const struct pbx_call_info *i)
{
	struct walk *w = arg;

	if (strcmp(i->endpoint->o.name, w->name) == 0)
		put_channel(w->c, &channel_in_endpoint, i);
}

static void put_endpoint(struct call *c, const struct pbx_endpoint_info *i)
{
	const struct conf_endpoint *e = i->conf;
	struct walk w = { .c = c, .name = e->o.name, .kind = &contact_in_aor };

	rows_add(c->rows, &endpoint_row);
	rows_put(c->rows, *e->callerid_num ? "%s/%s" : "%s", e->o.name, e->callerid_num);
	rows_put(c->rows, "%s", i->state);
	rows_put(c->rows, "%u of inf", i->channels);
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
			put_identify(c, &identify_in_endpoint, &c->conf->identifies[k]);
	pbx_each_call(c->pbx, put_own_channel, &w);
}

static void each_endpoint(void *arg, const struct pbx_endpoint_info *i)
{
	struct walk *w = arg;

	if (w->name && strcmp(w->name, i->conf->o.name) != 0)
		return;
	w->found++;
	put_endpoint(w->c, i);
}

static void show_endpoints(struct call *c)
{
	struct walk w = { .c = c };

	c->rows->head = ENDPOINT_HEAD;
	c->rows->count = true;
	pbx_each_endpoint(c->pbx, each_endpoint, &w);
	c->rows->objects = w.found;
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

#define AOR_HEAD                                                                            \
	"\n      Aor:  <Aor..............................................>  <MaxContact>\n" \
	"    Contact:  <Aor/ContactUri............................> <Hash....> <Status> <RTT(ms)..>\n" LINE

static const struct row_kind aor_alone = {
	.name = "aor",
	.gap = true,
	.label = "      Aor:  ",
	.columns = { { .name = "aor" }, { .name = "max_contacts", .at = 65 } },
};
static const struct row_kind contact_of_aor = {
	.name = "contact",
	.label = "    Contact:  ",
	.columns = { { .name = "aor" },
		     { .name = "uri", .lead = "/" },
		     { .name = "hash", .at = 59 },
		     { .name = "status", .at = 70 },
		     { .name = "rtt", .at = 89, .right = true } },
};
static const struct row_kind contact_alone = {
	.name = "contact",
	.label = "  Contact:  ",
	.columns = { { .name = "aor" },
		     { .name = "uri", .lead = "/" },
		     { .name = "hash", .at = 59 },
		     { .name = "status", .at = 70 },
		     { .name = "rtt", .at = 89, .right = true } },
};

static void put_aor_tree(struct call *c, const struct conf_aor *a)
{
	struct walk w = { .c = c, .kind = &contact_of_aor };

	put_aor(c, &aor_alone, a);
	pbx_each_contact(c->pbx, span_of(a->o.name), put_contact, &w);
}

static void show_aors(struct call *c)
{
	c->rows->head = AOR_HEAD;
	c->rows->count = true;
	c->rows->objects = c->conf->n_aors;
	for (size_t i = 0; i < c->conf->n_aors; i++)
		put_aor_tree(c, &c->conf->aors[i]);
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

static void show_contacts(struct call *c)
{
	struct walk w = { .c = c, .kind = &contact_alone };

	c->rows->head =
		"\n  Contact:  <Aor/ContactUri..............................> <Hash....> <Status> <RTT(ms)..>\n" LINE
		"\n";
	c->rows->count = true;
	pbx_each_contact(c->pbx, c->args, put_contact, &w);
	c->rows->objects = w.found;
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

	c->rows->head =
		"\n  I/OAuth:  <AuthId/UserName.............................................................>\n" LINE
		"\n";
	c->rows->count = true;
	c->rows->objects = c->conf->n_auths;
	for (size_t i = 0; i < c->conf->n_auths; i++)
		put_auth(c, &row, &c->conf->auths[i]);
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

	w->found++;
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
	struct walk w = { .c = c };

	c->rows->head =
		"\n <Registration/ServerURI..............................>  <Auth..........>  <Status.......>\n" LINE
		"\n";
	c->rows->count = true;
	pbx_each_registration(c->pbx, put_registration, &w);
	c->rows->objects = w.found;
}

static void show_identifies(struct call *c)
{
	static const struct row_kind row = {
		.name = "identify",
		.gap = true,
		.label = " Identify:  ",
		.columns = { { .name = "identify" }, { .name = "endpoint", .lead = "/" } },
	};

	c->rows->head = "\n Identify:  <Identify/Endpoint...........................................................>\n"
			"        Match:  <criteria.........................>\n" LINE;
	c->rows->count = true;
	c->rows->objects = c->conf->n_identifies;
	for (size_t i = 0; i < c->conf->n_identifies; i++)
		put_identify(c, &row, &c->conf->identifies[i]);
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

	c->rows->head =
		"\nTransport:  <TransportId........>  <Type>  <cos>  <tos>  <BindAddress....................>\n" LINE
		"\n";
	c->rows->count = true;
	c->rows->objects = c->conf->n_transports;
	for (size_t i = 0; i < c->conf->n_transports; i++) {
		const struct conf_transport *t = &c->conf->transports[i];
		bool listens = false;

		for (unsigned n = 0; sip_transport_nth(pbx_sip(c->pbx), n, &info); n++)
			listens |= strcmp(info.conf->o.name, t->o.name) == 0;
		put_transport(c, &row, t);
		if (!listens)
			rows_put(c->rows, "(does not listen)");
	}
}

static void each_channel(void *arg, const struct pbx_call_info *i)
{
	static const struct row_kind row = {
		.name = "channel",
		.gap = true,
		.label = "  Channel:  ",
		.columns = { { .name = "channel" }, { .name = "state", .at = 65 }, { .name = "time", .at = 79 } },
	};
	struct walk *w = arg;

	w->found++;
	put_channel(w->c, &row, i);
}

static void show_channels(struct call *c)
{
	struct walk w = { .c = c };

	c->rows->head = "\n  Channel:  <ChannelId........................................>  <State.....>  <Time.....>\n"
			"        Exten: <DialedExten...........>  CLCID: <ConnectedLineCID.......>\n" LINE;
	c->rows->count = true;
	pbx_each_call(c->pbx, each_channel, &w);
	c->rows->objects = w.found;
}

/* Percent of `lost` in all packets that should have come. */
static unsigned percent(uint64_t lost, uint64_t got)
{
	return lost + got ? (unsigned)(lost * 100 / (lost + got)) : 0;
}

static void each_stats(void *arg, const struct pbx_call_info *i)
{
	static const struct row_kind row = {
		.name = "channelstats",
		.columns = { { .name = "bridge", .lead = " " },
			     { .name = "channel", .at = 10 },
			     { .name = "up", .at = 29 },
			     { .name = "codec", .at = 38 },
			     { .name = "rx_count", .at = 52, .right = true },
			     { .name = "rx_lost", .at = 60, .right = true },
			     { .name = "rx_percent", .at = 64, .right = true },
			     { .name = "rx_jitter", .at = 72, .right = true },
			     { .name = "tx_count", .at = 80, .right = true },
			     { .name = "tx_lost", .at = 88, .right = true },
			     { .name = "tx_percent", .at = 92, .right = true },
			     { .name = "tx_jitter", .at = 100, .right = true },
			     { .name = "rtt", .at = 108, .right = true } },
	};
	const struct media_stats *s = &i->media;
	struct walk *w = arg;
	struct rows *r = w->c->rows;
	long up = (long)(i->age / 1000);

	if (!i->has_media)
		return;
	w->found++;
	rows_add(r, &row);
	rows_put(r, "%s", i->bridged && *i->bridged ? "bridged" : "-");
	rows_put(r, "%s", strncmp(i->name, "PJSIP/", 6) == 0 ? i->name + 6 : i->name);
	rows_put(r, "%02ld:%02ld:%02ld", up / 3600, up / 60 % 60, up % 60);
	rows_put(r, "%s", i->codec);
	rows_put(r, "%llu", (unsigned long long)s->rx_packets);
	rows_put(r, "%u", s->rx_lost);
	rows_put(r, "%u", percent(s->rx_lost, s->rx_packets));
	rows_put(r, "%.3f", s->rx_jitter_us / 1e6);
	rows_put(r, "%llu", (unsigned long long)s->tx_packets);
	rows_put(r, "%u", s->rr_lost);
	rows_put(r, "%u", percent(s->rr_lost, s->tx_packets));
	rows_put(r, "%.3f", s->rr_jitter_us / 1e6);
	rows_put(r, "%.3f", s->rtt_us / 1e6);
}

static void show_channelstats(struct call *c)
{
	struct walk w = { .c = c };

	c->rows->head = "\n                                             ...........Receive......... "
			".........Transmit..........\n"
			" BridgeId ChannelId ........ UpTime.. Codec.   Count    Lost Pct  Jitter   Count    Lost Pct  "
			"Jitter RTT....\n"
			" ============================================================================================"
			"===============\n\n";
	c->rows->count = true;
	pbx_each_call(c->pbx, each_stats, &w);
	c->rows->objects = w.found;
}

const struct cmd pjsip_show_cmds[] = {
	{ "pjsip show endpoints", NULL, "All endpoints with what belongs to them.", show_endpoints },
	{ "pjsip show endpoint", "ENDPOINT", "One endpoint with all its options.", show_endpoint },
	{ "pjsip show aors", NULL, "All AORs with their contacts.", show_aors },
	{ "pjsip show aor", "AOR", "One AOR with its contacts and options.", show_aor },
	{ "pjsip show contacts", "[AOR]", "Where phones can be reached, and whether they answer.", show_contacts },
	{ "pjsip show contact", "[AOR]", "Seconds since a contact was heard, how long its NAT remembers, our interval.",
	  show_contact },
	{ "pjsip show auth", "AUTH", "One set of credentials, without the password.", show_auth },
	{ "pjsip show registration", "REGISTRATION", "One registration with all its options.", show_registration },
	{ "pjsip show identify", "IDENTIFY", "One identify section with all its options.", show_identify },
	{ "pjsip show transport", "TRANSPORT", "One transport with all its options.", show_transport },
	{ "pjsip show auths", NULL, "The credentials, without the passwords.", show_auths },
	{ "pjsip show registrations", NULL, "Our registrations at providers.", show_registrations },
	{ "pjsip show identifies", NULL, "Which addresses belong to which endpoint.", show_identifies },
	{ "pjsip show transports", NULL, "The addresses that we listen on.", show_transports },
	{ "pjsip show channels", NULL, "Channels that exist.", show_channels },
	{ "pjsip show channelstats", NULL, "Packets, losses and delays of each channel.", show_channelstats },
	{ 0 },
};
