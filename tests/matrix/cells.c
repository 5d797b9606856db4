/* tests/matrix/cells.c: the cells and their configurations. */
#include "matrix.h"

#include <stdio.h>
#include <string.h>

const struct config_row matrix_configs[CONFIGS] = {
	[BY_GUIDE] = { "guide", "what the guide says: external_* and local_net for a server behind NAT; rtp_symmetric, "
				"force_rport, rewrite_contact and qualify_frequency for the phones" },
	[BY_DEFAULTS] = { "defaults", "nothing but names, passwords and a dialplan, with compat=asterisk" },
	[BY_ITSELF] = { "automatic",
			"the same without compat, external_*=auto and a STUN server: what is not written is "
			"hairpin's choice" },
};

/* ---- numbers and names ---- */

static const unsigned sizes[] = { CONFIGS, WHERES, PARTIES, PEERS, CARRIERS, FLOWS };

struct cell cell_at(unsigned n)
{
	unsigned v[ARRAY_LEN(sizes)];

	for (size_t i = ARRAY_LEN(sizes); i-- > 0; n /= sizes[i])
		v[i] = n % sizes[i];
	return (struct cell){ .config = (enum config)v[0],
			      .spot = { (enum where)v[1], (enum party)v[2], v[3], (enum carried)v[4] },
			      .flow = (enum flow_kind)v[5] };
}

unsigned cell_number(const struct cell *c)
{
	const unsigned v[] = { c->config, c->spot.where, c->spot.party, c->spot.peer, c->spot.by, c->flow };
	unsigned n = 0;

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
		n = n * sizes[i] + v[i];
	return n;
}

void cell_name(const struct cell *c, struct out *o)
{
	out_fmt(o, "%s %s %s %s %s %s", sim_wheres[c->spot.where].name, sim_parties[c->spot.party].name,
		sim_peer_name(c->spot.peer), sim_carriers[c->spot.by], sim_flows[c->flow].name,
		matrix_configs[c->config].name);
}

bool cell_parse(const char *name, struct cell *c)
{
	for (unsigned i = 0; i < CELLS; i++) {
		char text[200];
		struct out o = out_fixed(text, sizeof text - 1);

		*c = cell_at(i);
		cell_name(c, &o);
		text[o.n] = '\0';
		if (strcmp(text, name) == 0)
			return true;
	}
	return false;
}

/* ---- configurations ---- */

static void transport(const struct cell *c, bool v6, const char *proto, struct out *o)
{
	const struct where_row *at = &sim_wheres[c->spot.where];

	out_fmt(o, "[%s%s]\ntype=transport\nprotocol=%s\nbind=%s\n", proto, v6 ? "6" : "", proto,
		v6 ? "[::]" : "0.0.0.0");
	if (c->config == BY_ITSELF)
		out_str(o, "external_media_address=auto\nexternal_signaling_address=auto\n");
	if (v6 || !at->nat || c->config != BY_GUIDE)
		return;
	out_fmt(o,
		"local_net=%s\nexternal_media_address=198.51.100.5\n"
		"external_signaling_address=198.51.100.5\n",
		c->spot.where == AT_CONTAINER ? "172.17.0.0/16" : "192.168.1.0/24");
	if (c->spot.where == AT_UPLINKS)
		out_str(o, "local_net=10.20.0.0/24\n");
}

static void phone(const struct cell *c, const char *name, struct out *o)
{
	bool guide = c->config == BY_GUIDE;

	out_fmt(o, "[%s]\ntype=endpoint\ncontext=from-internal\ndisallow=all\nallow=ulaw\nauth=%s\naors=%s\n%s", name,
		name, name, guide ? "rtp_symmetric=yes\nforce_rport=yes\nrewrite_contact=yes\ndirect_media=no\n" : "");
	out_fmt(o, "[%s]\ntype=auth\nauth_type=userpass\nusername=%s\npassword=your_password\n", name, name);
	out_fmt(o, "[%s]\ntype=aor\nmax_contacts=2\n%s", name, guide ? "qualify_frequency=25\n" : "");
}

static void trunk(const struct cell *c, struct out *o)
{
	const char *proto = sim_carriers[c->spot.by], *suffix = c->spot.by == BY_TCP ? "\\;transport=tcp" : "";
	bool guide = c->config == BY_GUIDE;

	out_fmt(o,
		"[trunk_reg]\ntype=registration\ntransport=%s\noutbound_auth=trunk_auth\n"
		"server_uri=sip:gw1.example.com%s\nclient_uri=sip:1112223333@gw1.example.com\n"
		"contact_user=19998887777\nretry_interval=60\n",
		proto, suffix);
	out_str(o, "[trunk_auth]\ntype=auth\nauth_type=userpass\nusername=1112223333\npassword=your_password\n"
		   "realm=gw1.example.com\n");
	out_fmt(o,
		"[trunk]\ntype=endpoint\ntransport=%s\ncontext=from-external\ndisallow=all\nallow=ulaw\n"
		"outbound_auth=trunk_auth\naors=trunk\nfrom_domain=gw1.example.com\n%s",
		proto, guide ? "direct_media=no\n" : "");
	out_fmt(o, "[trunk]\ntype=aor\ncontact=sip:gw1.example.com%s\n%s", suffix,
		guide ? "qualify_frequency=25\n" : "");
	out_fmt(o, "[trunk_ip]\ntype=identify\nendpoint=trunk\nmatch=%s\n",
		c->spot.where == AT_UPLINKS ? "10.20.0.1" : "203.0.113.1");
}

bool matrix_conf(const struct cell *c, const char *file, struct out *o)
{
	if (strcmp(file, "pjsip.conf") == 0) {
		for (int v6 = 0; v6 <= sim_wheres[c->spot.where].v6; v6++) {
			transport(c, v6, "udp", o);
			transport(c, v6, "tcp", o);
		}
		phone(c, "6001", o);
		phone(c, "6002", o);
		trunk(c, o);
	} else if (strcmp(file, "extensions.conf") == 0) {
		out_str(o, "[from-internal]\nexten => 600,1,Answer()\n same => n,Echo()\n"
			   "exten => _600X,1,Dial(PJSIP/${EXTEN},30)\n"
			   "exten => _1NXXXXXXXXX,1,Dial(PJSIP/${EXTEN}@trunk,60)\n"
			   "[from-external]\nexten => 19998887777,1,Dial(PJSIP/6001,30)\n");
	} else if (strcmp(file, "rtp.conf") == 0) {
		out_str(o, "[general]\nrtpstart=10000\nrtpend=20000\nstunaddr=" GROUND_STUN "\n");
	} else if (strcmp(file, "hairpin.conf") == 0 && c->config == BY_DEFAULTS) {
		out_str(o, "[general]\ncompat=asterisk\n");
	} else {
		return false;
	}
	return true;
}

static bool read_conf(void *arg, const char *path, struct out *o)
{
	return matrix_conf(arg, path, o);
}

static void no_glob(void *arg UNUSED, const char *pattern UNUSED, void (*each)(void *ctx, const char *path) UNUSED,
		    void *ctx UNUSED)
{
}

/* ---- trying ---- */

/* A strict provider opens a connection of its own for each request; UDP comes in where our registration went out. */
static bool needs_a_way_in(const struct cell *c)
{
	bool provider_asks = c->flow == FLOW_REFRESH || c->flow == FLOW_IN || c->flow == FLOW_REINVITE ||
			     c->flow == FLOW_HANGUP_NEAR || c->flow == FLOW_HANGUP_FAR || c->flow == FLOW_HOUR;
	const struct where_row *at = &sim_wheres[c->spot.where];

	return c->spot.peer == WITH_PROVIDER && c->spot.by == BY_TCP && at->nat && !at->open && provider_asks;
}

const char *cell_impossible(const struct cell *c)
{
	const char *no = sim_impossible(&c->spot, c->flow == FLOW_REGISTER);

	if (!no && needs_a_way_in(c))
		return "the provider opens a connection for each request of its own, and the router lets none in";
	return no;
}

void cell_try(const struct cell *c, struct verdict_of *v, void (*tap)(void *arg, ms_t at, const struct sim_wire *w))
{
	struct cell copy = *c;
	struct conf_source source = { read_conf, no_glob, &copy };
	struct trial t = { .at = { .spot = c->spot },
			   .flow = c->flow,
			   .source = &source,
			   .phones = { { .aor = "6001", .password = "your_password", .number = "6001" },
				       { .aor = "6002", .password = "your_password", .number = "6002" } },
			   .trunk = { .aor = "1112223333",
				      .user = "1112223333",
				      .password = "your_password",
				      .realm = "gw1.example.com",
				      .names = "gw1.example.com",
				      .did = "19998887777",
				      .number = "15551234567",
				      .registration = "trunk_reg" },
			   .tap = tap,
			   .diagnose = true,
			   .echo = "600",
			   .codecs = "ulaw" };
	const char *no = cell_impossible(c);
	struct trial_result res;

	sim_try(&t, &res);
	v->code = res.code;
	span_copy(span_of(res.why), v->why, sizeof v->why);
	if (no)
		v->is = res.audio ? MIRACLE : IMPOSSIBLE;
	else
		v->is = res.audio ? AUDIO : FAILURE;
	span_copy(span_of(no && !res.audio ? no : res.what), v->what, sizeof v->what);
}
