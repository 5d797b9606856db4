/*
 * sim/phone.c: a virtual phone: its SIP stack, its registration, and what a story may see of it. The stack is an
 * instance of our own core, with a configuration of its own: one transport on the phone's address, one account.
 */
#include "sim/phone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_RTP_PORT 7078

/* ---- its configuration ---- */

void sim_out_option(struct out *o, const char *option, const char *value)
{
	if (!value[0])
		return;
	out_fmt(o, "%s=", option);
	for (const char *p = value; *p; p++)
		out_fmt(o, *p == ';' ? "\\%c" : "%c", *p);
	out_char(o, '\n');
}

static bool read_conf(void *arg, const char *path, struct out *o)
{
	const struct sim_phone *p = arg;
	struct addr bind = addr_with_port(&p->c.host->at[0].ip, p->port);
	char text[ADDR_STRLEN];

	if (strcmp(path, "extensions.conf") == 0) {
		out_str(o, "[default]\n");
		return true;
	}
	if (strcmp(path, "pjsip.conf") != 0)
		return false;
	out_fmt(o, "[global]\ntype=global\nuser_agent=phone %s\n", p->c.name);
	out_fmt(o, "[phone]\ntype=transport\nprotocol=%s\nbind=%s\n%s\n",
		p->c.tls   ? "tls"
		: p->c.tcp ? "tcp"
			   : "udp",
		addr_str(&bind, text), p->c.options);
	out_str(o, "[account]\ntype=auth\nauth_type=userpass\nsupported_algorithms_uac=SHA-512-256,SHA-256,MD5\n");
	sim_out_option(o, "username", p->c.auth_user);
	sim_out_option(o, "password", p->c.password);
	return true;
}

static void no_glob(void *arg UNUSED, const char *pattern UNUSED, void (*each)(void *ctx, const char *path) UNUSED,
		    void *ctx UNUSED)
{
}

/* ---- coming up and going down ---- */

static void refresh_due(struct timer *t, ms_t now);

static void phone_up(struct sim_phone *p)
{
	struct conf_source source = { read_conf, no_glob, p };
	struct sip_config sc = { .clock = &p->sim->clock,
				 .net = sim_host_net(p->c.host),
				 .user = { .arg = p, .request = phone_request } };
	struct diag why = { 0 };
	struct net_sink sink;

	p->conf = conf_load(&source, &why);
	BUG_ON(!p->conf);
	p->account = &p->conf->auths[0];
	p->sip = sip_new(&sc);
	BUG_ON(sip_adopt(p->sip, p->conf, &why) < 0);
	diag_free(&why);
	sink = sip_sink(p->sip);
	sim_host_sink(p->c.host, &sink);
	sim_host_rtp(p->c.host, phone_rtp_input, p);
	rng_token(&p->sim->clock.rng, p->reg_call_id, 36);
	rng_token(&p->sim->clock.rng, p->reg_tag, 16);
	p->reg_cseq = 1 + rng_below(&p->sim->clock.rng, 1000);
}

static void phone_down(struct sim_phone *p)
{
	phone_call_drop(p);
	phone_watch_drop(p);
	if (p->registering)
		sip_uac_forget(p->registering);
	p->registering = NULL;
	clock_stop(&p->sim->clock, &p->refresh);
	sim_host_rtp(p->c.host, NULL, NULL);
	sim_host_close_all(p->c.host);
	sip_free(p->sip);
	conf_unref(p->conf);
}

struct sim_phone *sim_phone(struct sim *s, const struct sim_phone_conf *c)
{
	struct sim_phone *p = xcalloc(1, sizeof *p);

	p->sim = s;
	p->c = *c;
	p->c.name = xstrdup(c->name);
	p->c.user = xstrdup(c->user);
	p->c.password = xstrdup(c->password);
	p->c.from = xstrdup(c->from ? c->from : c->user);
	p->c.auth_user = xstrdup(c->auth_user ? c->auth_user : c->user);
	p->c.server = xstrdup(c->server);
	p->c.codecs = xstrdup(c->codecs ? c->codecs : "");
	p->c.options = xstrdup(c->options ? c->options : "");
	p->port = c->port ? c->port : 5060;
	p->number = ++s->next_phone;
	p->next_rtp_port = FIRST_RTP_PORT;
	p->refresh.fire = refresh_due;
	p->answer.fire = phone_answer_due;
	p->frame.fire = phone_rtp_frame;
	list_push(&s->phones, &p->link);
	phone_up(p);
	return p;
}

void sim_phones_free(struct sim *s)
{
	list_for_safe(l, &s->phones) {
		struct sim_phone *p = list_entry(l, struct sim_phone, link);

		phone_down(p);
		list_del(&p->link);
		free((char *)p->c.name);
		free((char *)p->c.user);
		free((char *)p->c.password);
		free((char *)p->c.from);
		free((char *)p->c.auth_user);
		free((char *)p->c.server);
		free((char *)p->c.codecs);
		free((char *)p->c.options);
		free(p->refer_to);
		free(p->more_headers);
		free(p);
	}
}

void sim_phone_restart(struct sim_phone *p, uint16_t port)
{
	phone_down(p);
	p->port = port;
	p->st = (struct sim_phone_state){ .ended = p->st.ended };
	phone_up(p);
}

/* ---- registering ---- */

void phone_put_contact(struct sim_phone *p, struct sip_build *b)
{
	sip_put_contact(b, span_of(p->c.user), SPAN_NONE, SPAN_NONE);
}

static void build_register(void *arg, struct sip_build *b)
{
	struct sim_phone *p = arg;

	if (p->reg_all)
		sip_put(b, "Contact", "*");
	else
		phone_put_contact(p, b);
	sip_put(b, "Expires", "%u", p->reg_expires);
}

static void note_contacts(struct sim_phone *p, const struct sip_msg *m)
{
	struct out o = out_fixed(p->st.contact, sizeof p->st.contact - 1);
	struct sip_walk w = { 0 };
	struct span v;

	while (sip_walk(m, SIP_HDR_CONTACT, &w, &v))
		out_fmt(&o, "%s%.*s", o.n ? ", " : "", SP(v));
	p->st.contact[o.n] = '\0';
}

/* The least that was granted to any Contact: refreshing early does no harm. */
static uint32_t granted(const struct sim_phone *p, const struct sip_msg *m)
{
	uint32_t least = p->reg_expires, v;
	struct sip_walk w = { 0 };
	struct span text;

	while (sip_walk(m, SIP_HDR_CONTACT, &w, &text)) {
		struct sip_naddr a;
		struct span value;

		if (sip_naddr_parse(text, &a) && sip_param(a.params, "expires", &value) &&
		    span_u32(value, UINT32_MAX - 1, &v))
			least = MIN(least, v);
	}
	return least;
}

static void on_registered(void *arg, struct sip_uac *uac UNUSED, const struct sip_msg *m, unsigned code,
			  const char *why UNUSED)
{
	struct sim_phone *p = arg;

	if (code < 200)
		return;
	p->registering = NULL;
	p->st.registered = code;
	if (m)
		p->reg_cseq = m->cseq;
	if (!m || code >= 300)
		return;
	note_contacts(p, m);
	if (p->reg_expires)
		clock_in(&p->sim->clock, &p->refresh, (ms_t)granted(p, m) * 850);
}

static void send_register(struct sim_phone *p)
{
	char *uri = xasprintf("sip:%s", p->c.server), *from, *to;
	struct sip_ask a = { .method = SIP_REGISTER,
			     .uri = span_of(uri),
			     .call_id = span_of(p->reg_call_id),
			     .cseq = ++p->reg_cseq,
			     .auths = &p->account,
			     .n_auths = 1,
			     .conf = p->conf,
			     .build = build_register,
			     .answer = on_registered,
			     .arg = p };

	from = xasprintf("<sip:%s@%s>;tag=%s", p->c.from, p->c.server, p->reg_tag);
	to = xasprintf("<sip:%s@%s>", p->c.user, p->c.server);
	a.from_text = span_of(from);
	a.to = span_of(to);
	if (p->registering)
		sip_uac_forget(p->registering);
	clock_stop(&p->sim->clock, &p->refresh);
	p->registering = sip_ask(p->sip, &a);
	free(uri);
	free(from);
	free(to);
}

static void refresh_due(struct timer *t, ms_t now UNUSED)
{
	send_register(container_of(t, struct sim_phone, refresh));
}

void sim_phone_register(struct sim_phone *p, uint32_t expires)
{
	p->reg_expires = expires;
	p->reg_all = false;
	p->st.registered = 0;
	send_register(p);
}

void sim_phone_register_all(struct sim_phone *p)
{
	p->reg_expires = 0;
	p->reg_all = true;
	p->st.registered = 0;
	send_register(p);
}

/* ---- what a story may set and see ---- */

void sim_phone_mute(struct sim_phone *p, bool mute)
{
	p->rtp.muted = mute;
}

void sim_phone_set_answer(struct sim_phone *p, unsigned code, ms_t after)
{
	p->c.answer = code;
	p->c.answer_after = after;
}

void sim_phone_state(struct sim_phone *p, struct sim_phone_state *st)
{
	*st = p->st;
	st->in_call = p->call.confirmed;
	st->held = p->call.has_deal && p->call.deal.held;
	st->hears = phone_rtp_hears(p);
	st->rtp_to = phone_rtp_target(p);
}

unsigned sim_phone_number(const struct sim_phone *p)
{
	return p->number;
}
