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

static void out_servers(struct pbx *p, struct out *o)
{
	struct sip_transport_info t;
	struct io_interface list[64];
	size_t n = io_interfaces(list, ARRAY_LEN(list));

	for (unsigned i = 0; sip_transport_nth(pbx_sip(p), i, &t); i++) {
		bool any = addr_is_any(&t.bound);

		for (size_t k = 0; k < n; k++) {
			struct addr a = addr_with_port(&list[k].addr, t.bound.port);
			enum addr_class c = addr_class(&a);

			if (any ? a.family != t.bound.family || c == ADDR_LOOPBACK || c == ADDR_LINKLOCAL
				: !addr_ip_eq(&a, &t.bound))
				continue;
			out_fmt(o, "  server     ");
			addr_out(o, &a);
			out_fmt(o, "  (%s, %s)\n", conf_proto_names[t.conf->protocol], list[k].name);
		}
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

/* What an extension is for: its first step that is more than picking up. */
static const char *purpose(const struct dp_exten *e)
{
	static const char *const minor[] = { "Answer", "NoOp", "Wait", "Set", "Ringing", "Verbose" };

	for (size_t i = 0; i < e->n_steps; i++) {
		bool is_minor = false;

		for (size_t k = 0; k < ARRAY_LEN(minor); k++)
			is_minor |= strcmp(e->steps[i].app, minor[k]) == 0;
		if (!is_minor)
			return e->steps[i].app;
	}
	return "Answer";
}

/* The extensions of the first endpoint's context. */
static void out_numbers(struct pbx *p, struct out *o)
{
	const struct conf *c = pbx_conf(p);
	const struct dp_context *ctx = c->n_endpoints ? conf_context(c, span_of(c->endpoints[0].context)) : NULL;

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

		if (class == ADDR_LOOPBACK || class == ADDR_LINKLOCAL)
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
