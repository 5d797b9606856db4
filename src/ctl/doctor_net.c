/*
 * ctl/doctor_net.c: of "doctor": how what we send leaves this host, and whether what nobody asked for comes in.
 */
#include <jansson.h>

#include "ctl/priv.h"

static void out_way(struct out *o, const struct way_facts *w)
{
	char net[ADDR_STRLEN], from[ADDR_STRLEN], via[ADDR_STRLEN], where[ADDR_STRLEN + 8];
	struct out to = out_fixed(where, sizeof where);

	if (!w->o)
		out_str(&to, "default");
	else if (w->none || !w->r.len)
		out_str(&to, addr_ip_str(&w->to, net));
	else
		out_fmt(&to, "%s/%u", addr_ip_str(&w->r.net, net), w->r.len);
	out_fmt(o, "  %-16s %-20.*s ", w->t->o.name, (int)to.n, to.p);
	if (w->none)
		out_str(o, w->o ? "NO ROUTE" : "none");
	else
		out_fmt(o, "from %s by %s", addr_ip_str(&w->r.from, from), w->r.dev);
	if (w->r.via.family)
		out_fmt(o, " via %s", addr_ip_str(&w->r.via, via));
	if (w->r.beside)
		out_fmt(o, ", which has %s", addr_ip_str(&w->better, via));
	if (w->o)
		out_fmt(o, ": %s", w->o->name);
	out_char(o, '\n');
}

static json_t *json_ip(const struct addr *a)
{
	char text[ADDR_STRLEN];

	return a->family ? json_string(addr_ip_str(a, text)) : json_null();
}

static json_t *json_way(const struct way_facts *w)
{
	json_t *j = json_pack("{s:o, s:o, s:o, s:b}", "transport", why_json_text(w->t->o.name), "peer",
			      w->o ? why_json_text(w->o->name) : json_null(), "to",
			      w->o ? json_ip(&w->to) : json_null(), "routed", !w->none);

	if (w->none)
		return j;
	json_object_set_new(j, "network", json_ip(&w->r.net));
	json_object_set_new(j, "length", json_integer(w->r.len));
	json_object_set_new(j, "source", json_ip(&w->r.from));
	json_object_set_new(j, "interface", why_json_text(w->r.dev));
	json_object_set_new(j, "gateway", json_ip(&w->r.via));
	json_object_set_new(j, "of_another_interface", json_boolean(w->r.beside));
	return j;
}

void doctor_routes(struct out *o, json_t *json, const struct server_facts *s)
{
	json_t *list = json ? json_array() : NULL;

	if (!json)
		out_str(o, "Routes: by which way packets leave\n");
	for (size_t i = 0; i < s->n_ways; i++)
		if (json)
			json_array_append_new(list, json_way(&s->ways[i]));
		else
			out_way(o, &s->ways[i]);
	if (json)
		json_object_set_new(json, "routes", list);
}

/* ---- what comes in ---- */

#define NO_EVIDENCE "no evidence yet: run `hairpin probe` from outside"

static void out_sip(struct out *o, const struct sip_outside *t, ms_t now)
{
	const struct sip_uninvited *u = &t->uninvited;
	char from[ADDR_STRLEN];

	out_fmt(o, "  %-4s %-5u ", conf_proto_names[t->conf->protocol], t->local.port);
	if (!u->at)
		out_str(o, NO_EVIDENCE "\n");
	else
		out_fmt(o, "arrives uninvited: %s of %s, %lld s ago\n",
			u->method < SIP_OTHER ? sip_method_names[u->method] : "a message or connection",
			addr_str(&u->from, from), (long long)((now - u->at) / 1000));
}

static json_t *json_sip(const struct sip_outside *t, ms_t now)
{
	const struct sip_uninvited *u = &t->uninvited;
	char from[ADDR_STRLEN];
	json_t *j = json_pack("{s:o, s:s, s:i, s:b}", "transport", why_json_text(t->conf->o.name), "protocol",
			      conf_proto_names[t->conf->protocol], "port", (int)t->local.port, "uninvited", u->at != 0);

	if (!u->at)
		return j;
	json_object_set_new(j, "from", json_string(addr_str(&u->from, from)));
	json_object_set_new(j, "method",
			    u->method < SIP_OTHER ? json_string(sip_method_names[u->method]) : json_null());
	json_object_set_new(j, "ms_ago", json_integer(now - u->at));
	return j;
}

static void out_rtp(struct out *o, const struct records_tally *t)
{
	if (t->uninvited)
		out_fmt(o, "  RTP        arrives uninvited: in %u of %u legs audio came before we had sent any there\n",
			t->uninvited, t->outside);
	else
		out_fmt(o, "  RTP        " NO_EVIDENCE " (of %u legs with audio from outside)\n", t->outside);
}

void doctor_forwarding(struct out *o, json_t *json, const struct call *c, const struct server_facts *s)
{
	json_t *list = json ? json_array() : NULL;
	ms_t now = io_clock(c->ctl->cfg.loop)->now;
	struct sip_outside t;

	if (!json)
		out_str(o, "Port forwarding: what comes in from outside although nobody asked for it\n");
	for (unsigned n = 0; sip_outside_nth(pbx_sip(c->pbx), n, &t); n++)
		if (json)
			json_array_append_new(list, json_sip(&t, now));
		else
			out_sip(o, &t, now);
	if (json)
		json_object_set_new(json, "forwarding",
				    json_pack("{s:o, s:{s:b, s:i, s:i}}", "sip", list, "rtp", "uninvited",
					      s->calls.uninvited > 0, "legs_from_outside", (int)s->calls.outside,
					      "legs_uninvited", (int)s->calls.uninvited));
	else
		out_rtp(o, &s->calls);
}
