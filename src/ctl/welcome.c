/*
 * ctl/welcome.c: the block that `make run` prints: where to point a phone, and what can be seen of the NAT from here.
 * Passwords are shown only when they come from the file that the first start wrote.
 */
#include <string.h>

#include "ctl/priv.h"

#define PASSWORDS "passwords.conf"

static bool from_first_run(const struct conf_auth *a)
{
	size_t n = strlen(a->o.file), m = strlen(PASSWORDS);

	return n >= m && strcmp(a->o.file + n - m, PASSWORDS) == 0 && a->password.n;
}

/* The transports that listen on this address, each once: "udp, tcp". */
static void out_protocols(struct pbx *p, const struct addr *a, struct out *o)
{
	struct sip_transport_info t;
	const char *between = "";

	for (unsigned i = 0; sip_transport_nth(pbx_sip(p), i, &t); i++) {
		bool any = addr_is_any(&t.bound);

		if (t.bound.port != a->port || t.bound.family != a->family || (!any && !addr_ip_eq(a, &t.bound)))
			continue;
		out_fmt(o, "%s%s", between, conf_proto_names[t.conf->protocol]);
		between = ", ";
	}
}

static bool reachable(const struct addr *a)
{
	enum addr_class c = addr_class(a);

	return c != ADDR_LOOPBACK && c != ADDR_LINKLOCAL;
}

static void out_servers(struct pbx *p, struct out *o)
{
	struct io_interface list[64];
	size_t n = io_interfaces(list, ARRAY_LEN(list));
	struct sip_transport_info t;
	bool any = false;

	if (!sip_transport_nth(pbx_sip(p), 0, &t))
		return;
	for (size_t k = 0; k < n; k++)
		any |= reachable(&list[k].addr);
	for (size_t k = 0; k < n; k++) {
		struct addr a = addr_with_port(&list[k].addr, t.bound.port);
		struct out protocols = out_growing();

		out_protocols(p, &a, &protocols);
		if (protocols.n && (reachable(&a) || !any)) {
			out_str(o, "  server     ");
			addr_out(o, &a);
			out_fmt(o, "  (%.*s)\n", SP(out_look(&protocols)));
		}
		out_free(&protocols);
	}
}

static void out_users(struct pbx *p, struct out *o)
{
	const struct conf *c = pbx_conf(p);

	for (size_t i = 0; i < c->n_auths; i++)
		if (from_first_run(&c->auths[i]))
			out_fmt(o, "  user       %-8s  password  %.*s\n", c->auths[i].username,
				SP(secret_look(&c->auths[i].password)));
}

/* What an extension is for: its last step but hanging up. */
static const char *purpose(const struct dp_exten *e)
{
	size_t n = e->n_steps;

	while (n > 1 && strcmp(e->steps[n - 1].app, "Hangup") == 0)
		n--;
	return n ? e->steps[n - 1].app : "";
}

/* The extensions of the first endpoint's context. */
static void out_numbers(struct pbx *p, struct out *o)
{
	const struct conf *c = pbx_conf(p);
	const struct dp_context *ctx =
		c->n_endpoints ? conf_context(&c->dialplan, span_of(c->endpoints[0].context)) : NULL;

	out_str(o, "  dial      ");
	for (size_t i = 0; ctx && i < ctx->n_extens; i++)
		if (ctx->extens[i].pattern[0] != '_')
			out_fmt(o, " %s (%s)", ctx->extens[i].pattern, purpose(&ctx->extens[i]));
	out_char(o, '\n');
}

static void out_nat(struct pbx *p, struct out *o)
{
	const struct conf *c = pbx_conf(p);
	struct io_interface list[64];
	size_t n = io_interfaces(list, ARRAY_LEN(list));
	bool global = false, external = false;

	for (size_t k = 0; k < n; k++) {
		enum addr_class class = addr_class(&list[k].addr);

		if (!reachable(&list[k].addr))
			continue;
		global |= class == ADDR_GLOBAL && list[k].addr.family == 4;
		out_fmt(o, "  %-9s  ", list[k].name);
		addr_out_ip(o, &list[k].addr);
		out_fmt(o, "  (%s)\n", addr_class_name(class));
	}
	for (size_t i = 0; i < c->n_transports; i++)
		external |= *c->transports[i].external_media_address || *c->transports[i].external_signaling_address;
	if (external)
		out_str(o, "  external_* is set: peers outside local_net see that address.\n");
	else if (global)
		out_str(o, "  A public address: phones behind other routers can register as they are.\n");
	else
		out_str(o,
			"  No public address, and external_* is not set: phones of this network can call. For phones "
			"and\n"
			"  providers outside, forward UDP 5060 and the ports of rtp.conf to this host, and set in the\n"
			"  transport: external_signaling_address, external_media_address (your router's public "
			"address)\n"
			"  and local_net (this network).\n");
}

void ctl_welcome(struct pbx *p, struct out *o)
{
	out_str(o, "\nhairpin " HAIRPIN_VERSION " is ready. In your phone:\n\n");
	out_servers(p, o);
	out_users(p, o);
	out_numbers(p, o);
	out_str(o, "\nNAT, as seen from here:\n\n");
	out_nat(p, o);
	out_char(o, '\n');
}
