/*
 * sim/trial.c: plays one flow. Each flow is a few steps; the first one that does not come true ends it and is the
 * result. The provider is a PBX of the same kind, with a configuration that is written here.
 */
#include "sim/trial_priv.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEP       50    /* ms between two looks */
#define PATIENCE   5000  /* ms until something must be true */
#define SETTLE     300   /* ms that hearing must last */
#define REG_TIME   45000 /* ms until the server is registered: one failed try and a retry */
#define RING_TIME  500   /* ms until the called phone answers */
#define EARLY_TIME 4000
#define HOUR       3600000
#define PACE       5000 /* ms between packets of an hour in which little is said */
#define FAR_USER   "15551234567"

const struct flow_row sim_flows[FLOWS] = {
	[FLOW_REGISTER] = { "register", "it registers, and hears itself in the echo test" },
	[FLOW_REFRESH] = { "refresh", "its NAT loses every mapping, it registers again, and is called" },
	[FLOW_IN] = { "call-in", "it is called" },
	[FLOW_OUT] = { "call-out", "it calls" },
	[FLOW_EARLY] = { "early-media", "it calls, and hears the other side before the answer" },
	[FLOW_HOLD] = { "hold", "it calls, holds and resumes" },
	[FLOW_REINVITE] = { "re-invite", "it is called, and each side offers the same session again" },
	[FLOW_HANGUP_NEAR] = { "hangup-near", "it is called, and hangs up" },
	[FLOW_HANGUP_FAR] = { "hangup-far", "it is called, and the other side hangs up" },
	[FLOW_HOUR] = { "hour", "it calls for an hour; the other side hangs up" },
};

/* ---- the provider ---- */

static bool read_provider(void *arg, const char *path, struct out *o)
{
	const struct trial_run *r = arg;
	int i = strcmp(path, "pjsip.conf") == 0 ? 0 : strcmp(path, "extensions.conf") == 0 ? 1 : -1;

	if (i >= 0)
		out_str(o, r->provider_conf[i]);
	return i >= 0;
}

static void no_glob(void *arg UNUSED, const char *pattern UNUSED, void (*each)(void *ctx, const char *path) UNUSED,
		    void *ctx UNUSED)
{
}

static void write_customer(const struct trial_run *r, struct out *o)
{
	const struct trial_trunk *k = &r->t->trunk;
	const char *yes = r->t->at.spot.peer == WITH_SBC ? "yes" : "no", *aor = k->aor[0] ? k->aor : "customer";
	char ip[ADDR_STRLEN];

	out_fmt(o,
		"[customer]\ntype=endpoint\ncontext=customer\nallow=!all,ulaw,alaw\naors=%s\ndirect_media=no\n"
		"rtp_symmetric=%s\nrewrite_contact=%s\nforce_rport=%s\n",
		aor, yes, yes, yes);
	if (k->srtp)
		out_str(o, "media_encryption=sdes\n");
	if (k->user[0]) {
		out_str(o, "auth=customer\n[customer]\ntype=auth\nauth_type=userpass\n");
		sim_out_option(o, "username", k->user);
		sim_out_option(o, "password", k->password);
		sim_out_option(o, "realm", k->realm);
	}
	out_fmt(o, "[%s]\ntype=aor\nmax_contacts=1\nremove_existing=yes\n", aor);
	if (!k->aor[0])
		out_fmt(o, "contact=sip:%s:%u%s\n", addr_ip_str(&r->g.external, ip), r->g.sip_port,
			r->t->tls ? "\\;transport=tls" : "");
	out_fmt(o, "[customer-ip]\ntype=identify\nendpoint=customer\nmatch=%s\nmatch=" GROUND_UPLINK "\n",
		addr_ip_str(&r->g.external, ip));
}

static void write_provider(struct trial_run *r)
{
	bool registers = r->t->trunk.aor[0] != '\0';
	struct out pjsip = out_growing(), exten = out_growing();

	out_str(&pjsip, "[udp]\ntype=transport\nprotocol=udp\nbind=0.0.0.0\n"
			"[tcp]\ntype=transport\nprotocol=tcp\nbind=0.0.0.0\n"
			"[tls]\ntype=transport\nprotocol=tls\nbind=0.0.0.0\n");
	write_customer(r, &pjsip);
	out_str(&pjsip, "[" FAR_USER "]\ntype=endpoint\ncontext=subscriber\nallow=!all,ulaw,alaw\nauth=" FAR_USER
			"\naors=" FAR_USER "\n"
			"[" FAR_USER "]\ntype=auth\nauth_type=userpass\nusername=" FAR_USER "\npassword=far\n"
			"[" FAR_USER "]\ntype=aor\nmax_contacts=1\n");
	out_str(&exten, "[customer]\nexten => _[+*#0-9a-zA-Z]!,1,Dial(PJSIP/" FAR_USER ",60)\n");
	out_fmt(&exten, "[subscriber]\nexten => _[+*#0-9a-zA-Z]!,1,Dial(PJSIP/%scustomer,60)\n",
		registers ? "" : "${EXTEN}@");
	r->provider_conf[0] = out_take(&pjsip);
	r->provider_conf[1] = out_take(&exten);
}

/* Each of the names, separated by spaces, is an A record. */
static void name(struct sim *s, const char *names, struct addr address)
{
	struct dns_record a = { .type = DNS_A, .ttl = 300, .addr = address };
	struct span rest = span_of(names), one;

	while (span_word(&rest, &one)) {
		char *text = span_dup(one);

		sim_dns(s, text, &a);
		free(text);
	}
}

static void start_provider(struct trial_run *r)
{
	struct sim_phone_conf far = {
		.host = r->g.far, .name = "far", .user = FAR_USER, .password = "far", .answer = 200
	};
	char ip[ADDR_STRLEN];
	struct diag why = { 0 };

	write_provider(r);
	r->provider_source = (struct conf_source){ read_provider, no_glob, r };
	r->provider = sim_pbx(r->g.sim, r->g.provider, &r->provider_source, &why);
	BUG_ON(!r->provider);
	diag_free(&why);
	name(r->g.sim, r->t->trunk.names, r->g.provider_ip);
	far.server = addr_ip_str(&r->g.provider_ip, ip);
	far.answer_after = r->t->flow == FLOW_EARLY ? EARLY_TIME : RING_TIME;
	far.early_media = r->t->flow == FLOW_EARLY;
	r->far = sim_phone(r->g.sim, &far);
}

/* ---- steps: each is true, or says in `what` why not ---- */

static bool fail(struct trial_run *r, const char *fmt, ...) PRINTF(2, 3);
static bool fail(struct trial_run *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(r->res->what, sizeof r->res->what, fmt, ap);
	va_end(ap);
	sim_phone_state(r->near, &r->res->near);
	if (r->far)
		sim_phone_state(r->far, &r->res->far);
	return false;
}

void trial_pass(struct trial_run *r, ms_t time)
{
	sim_run(r->g.sim, sim_clock(r->g.sim)->now + time);
}

static bool is_registered(struct sim_phone *p, const void *arg UNUSED)
{
	struct sim_phone_state s;

	sim_phone_state(p, &s);
	return s.registered != 0;
}

static bool is_answered(struct sim_phone *p, const void *arg UNUSED)
{
	struct sim_phone_state s;

	sim_phone_state(p, &s);
	return s.in_call || s.last >= 300;
}

static bool is_idle(struct sim_phone *p, const void *ended)
{
	struct sim_phone_state s;

	sim_phone_state(p, &s);
	return s.ended > *(const unsigned *)ended;
}

static bool hears(struct sim_phone *p, const void *whom)
{
	struct sim_phone_state s;

	sim_phone_state(p, &s);
	return s.hears == *(const unsigned *)whom;
}

static bool is_reanswered(struct sim_phone *p, const void *arg UNUSED)
{
	struct sim_phone_state s;

	sim_phone_state(p, &s);
	return s.reoffer != 0;
}

static bool until(struct trial_run *r, bool (*test)(struct sim_phone *p, const void *arg), struct sim_phone *p,
		  const void *arg, ms_t patience)
{
	ms_t deadline = sim_clock(r->g.sim)->now + patience;

	while (!test(p, arg)) {
		if (sim_clock(r->g.sim)->now >= deadline)
			return false;
		trial_pass(r, STEP);
	}
	return true;
}

/* ---- coming up ---- */

static struct sim_phone *phone(struct trial_run *r, int which)
{
	const struct trial_phone *p = &r->t->phones[which];
	char server[ADDR_STRLEN];
	struct sim_phone_conf c = { .host = r->g.phones[which],
				    .name = which ? "other" : "phone",
				    .user = p->aor,
				    .from = p->endpoint,
				    .auth_user = p->user,
				    .password = p->password,
				    .server = server,
				    .tcp = r->t->at.spot.by == BY_TCP,
				    .tls = r->t->at.spot.by == BY_TCP && r->t->tls,
				    .srtp = p->srtp ? SIM_SRTP : SIM_PLAIN,
				    .answer = 200,
				    .answer_after = which && r->t->flow == FLOW_EARLY ? EARLY_TIME : RING_TIME,
				    .early_media = which && r->t->flow == FLOW_EARLY,
				    .codecs = r->t->codecs };

	ground_server(&r->g, which ? r->t->at.spot.peer : r->t->at.spot.party, server);
	return sim_phone(r->g.sim, &c);
}

/* Twice: the first REGISTER may be the one that finds its connection gone. */
static bool register_phone(struct trial_run *r, struct sim_phone *p, const char *who)
{
	struct sim_phone_state s = { 0 };

	for (int i = 0; i < 2 && s.registered != 200; i++) {
		sim_phone_register(p, 3600);
		until(r, is_registered, p, NULL, PATIENCE);
		sim_phone_state(p, &s);
	}
	if (s.registered == 0)
		return fail(r, "%s cannot register: nothing answers", who);
	return s.registered == 200 || fail(r, "%s cannot register: %u", who, s.registered);
}

struct registration {
	const char *name;
	char why[80];
	bool up;
};

static void look_at_registration(void *arg, const struct pbx_registration_info *i)
{
	struct registration *reg = arg;

	if (strcmp(i->conf->o.name, reg->name) != 0)
		return;
	reg->up = strcmp(i->state, "Registered") == 0;
	span_copy(span_of(i->why), reg->why, sizeof reg->why);
}

static bool server_registers(struct trial_run *r)
{
	struct registration reg = { .name = r->t->trunk.registration };
	ms_t deadline = sim_clock(r->g.sim)->now + REG_TIME;

	while (!reg.up && sim_clock(r->g.sim)->now < deadline) {
		trial_pass(r, 10 * STEP);
		pbx_each_registration(sim_pbx_get(r->server), look_at_registration, &reg);
	}
	return reg.up ||
	       fail(r, "the server does not get registered at the provider%s%s", reg.why[0] ? ": " : "", reg.why);
}

static bool start_server(struct trial_run *r)
{
	struct diag why = { 0 };
	char line[120];

	sim_tune(r->g.sim, r->t->tune, r->t->tune_arg);
	r->server = sim_pbx(r->g.sim, r->g.server, r->t->source, &why);
	if (!r->server)
		fail(r, "the server does not start: %s",
		     why.n ? diag_line(&why.items[0], line, sizeof line) : "no transport can listen");
	diag_free(&why);
	return r->server != NULL;
}

bool trial_up(struct trial_run *r)
{
	bool provider = sim_is_provider(r->t->at.spot.peer), alone = r->t->flow == FLOW_REGISTER;

	if (provider && !alone)
		start_provider(r);
	else if (!alone)
		r->far = phone(r, 1);
	r->near = phone(r, 0);
	return start_server(r) && register_phone(r, r->near, "the phone") &&
	       (alone || register_phone(r, r->far, provider ? "the provider's subscriber" : "the other phone")) &&
	       (alone || !provider || !r->t->trunk.aor[0] || server_registers(r));
}

/* ---- the flows ---- */

static const char *name_of(const struct trial_run *r, const struct sim_phone *p)
{
	return p == r->near ? "the phone" : sim_is_provider(r->t->at.spot.peer) ? "the provider" : "the other phone";
}

static bool one_hears(struct trial_run *r, struct sim_phone *p, struct sim_phone *other)
{
	unsigned whom = sim_phone_number(other);
	struct sim_phone_state s;

	if (until(r, hears, p, &whom, PATIENCE))
		return true;
	sim_phone_state(p, &s);
	return fail(r, "%s hears %s", name_of(r, p), s.hears ? "something else" : "nothing");
}

static bool both_hear(struct trial_run *r)
{
	if (!one_hears(r, r->near, r->far) || !one_hears(r, r->far, r->near))
		return false;
	trial_pass(r, SETTLE);
	return one_hears(r, r->near, r->far) && one_hears(r, r->far, r->near);
}

static bool call(struct trial_run *r, struct sim_phone *from)
{
	const struct trial *t = r->t;
	bool provider = sim_is_provider(t->at.spot.peer);
	struct sim_phone *to = from == r->near ? r->far : r->near;
	struct sim_phone_state s, called;
	const char *number;

	if (from == r->near)
		number = provider ? t->trunk.number : t->phones[1].number;
	else
		number = provider ? t->trunk.did : t->phones[0].number;
	sim_phone_call(from, number);
	until(r, is_answered, from, NULL, 2 * PATIENCE);
	sim_phone_state(from, &s);
	sim_phone_state(to, &called);
	if (s.in_call)
		return true;
	if (!called.calls)
		return fail(r, "the call of %s does not reach %s (%u)", name_of(r, from), name_of(r, to), s.last);
	return fail(r, "the call of %s is not connected (%u)", name_of(r, from), s.last);
}

static bool echoes(struct trial_run *r)
{
	unsigned itself = sim_phone_number(r->near);

	if (!r->t->echo[0])
		return true;
	sim_phone_call(r->near, r->t->echo);
	if (!until(r, is_answered, r->near, NULL, PATIENCE) || !until(r, hears, r->near, &itself, PATIENCE))
		return fail(r, "the phone does not hear itself in the echo test");
	sim_phone_hangup(r->near);
	trial_pass(r, 2 * STEP);
	return true;
}

static bool moves_and_is_called(struct trial_run *r)
{
	for (size_t i = 0; i < r->g.n_homes; i++)
		sim_restart_nat(r->g.homes[i]);
	trial_pass(r, r->g.timeout + PATIENCE);
	return register_phone(r, r->near, "after its NAT moved the phone") &&
	       (sim_is_provider(r->t->at.spot.peer) || register_phone(r, r->far, "the other phone")) &&
	       call(r, r->far) && both_hear(r);
}

static bool early(struct trial_run *r)
{
	unsigned whom = sim_phone_number(r->far);

	sim_phone_call(r->near, sim_is_provider(r->t->at.spot.peer) ? r->t->trunk.number : r->t->phones[1].number);
	if (!until(r, hears, r->near, &whom, EARLY_TIME - 2 * STEP))
		return fail(r, "the phone hears nothing before the answer");
	if (!until(r, is_answered, r->near, NULL, 2 * PATIENCE))
		return fail(r, "the call is not connected");
	return both_hear(r);
}

static bool reoffer(struct trial_run *r, struct sim_phone *p, bool hold)
{
	struct sim_phone_state s;

	sim_phone_hold(p, hold, false);
	until(r, is_reanswered, p, NULL, PATIENCE);
	sim_phone_state(p, &s);
	return s.reoffer == 200 || fail(r, "the re-INVITE of %s is not answered (%u)", name_of(r, p), s.reoffer);
}

static bool holds(struct trial_run *r)
{
	unsigned nobody = 0;

	if (!call(r, r->near) || !both_hear(r) || !reoffer(r, r->near, true))
		return false;
	if (!until(r, hears, r->near, &nobody, PATIENCE))
		return fail(r, "on hold the phone still hears the other side");
	trial_pass(r, PATIENCE);
	return reoffer(r, r->near, false) && both_hear(r);
}

static bool ends(struct trial_run *r, struct sim_phone *by, ms_t patience)
{
	struct sim_phone *other = by == r->near ? r->far : r->near;
	struct sim_phone_state s;

	sim_phone_state(other, &s);
	sim_phone_hangup(by);
	return until(r, is_idle, other, &s.ended, patience) ||
	       fail(r, "%s does not learn that the call has ended", name_of(r, other));
}

static bool an_hour(struct trial_run *r)
{
	if (!call(r, r->near) || !both_hear(r))
		return false;
	sim_phone_pace(r->near, PACE);
	sim_phone_pace(r->far, PACE);
	trial_pass(r, HOUR);
	sim_phone_pace(r->near, 0);
	sim_phone_pace(r->far, 0);
	return both_hear(r) && ends(r, r->far, PATIENCE);
}

static bool play(struct trial_run *r)
{
	switch (r->t->flow) {
	case FLOW_REGISTER: return echoes(r);
	case FLOW_REFRESH: return moves_and_is_called(r);
	case FLOW_IN: return call(r, r->far) && both_hear(r);
	case FLOW_OUT: return call(r, r->near) && both_hear(r);
	case FLOW_EARLY: return early(r);
	case FLOW_HOLD: return holds(r);
	case FLOW_REINVITE:
		return call(r, r->far) && both_hear(r) && reoffer(r, r->near, false) && both_hear(r) &&
		       reoffer(r, r->far, false) && both_hear(r);
	case FLOW_HANGUP_NEAR: return call(r, r->far) && both_hear(r) && ends(r, r->near, PATIENCE);
	case FLOW_HANGUP_FAR: return call(r, r->far) && both_hear(r) && ends(r, r->far, PATIENCE);
	case FLOW_HOUR: return an_hour(r);
	case FLOWS: break;
	}
	return false;
}

static void on_wire(void *arg, const struct sim_wire *w)
{
	struct trial_run *r = arg;

	r->t->tap(r->t->tap_arg, sim_clock(r->g.sim)->now, w);
}

void trial_begin(struct trial_run *r, const struct trial *t, struct trial_result *res)
{
	*res = (struct trial_result){ .code = FINDINGS };
	*r = (struct trial_run){ .t = t, .res = res };
	ground_make(&r->g, &t->at);
	if (t->wall)
		sim_wall(r->g.sim, t->wall);
	if (t->tap)
		sim_tap(r->g.sim, on_wire, r);
	name(r->g.sim, t->external_names, r->g.external);
	name(r->g.sim, t->stun_name, r->g.stun);
}

void trial_end(struct trial_run *r)
{
	sim_free(r->g.sim);
	free(r->provider_conf[0]);
	free(r->provider_conf[1]);
}

static void take_why(void *arg, const struct pbx_why_info *i)
{
	struct trial_result *res = arg;
	const struct finding *f = i->findings;

	if (i->why != WHY_FOUND || res->code != FINDINGS)
		return;
	res->code = f->code;
	snprintf(res->why, sizeof res->why, "%s; set %s", f->evidence, f->text);
}

static void take_doctor(void *arg, const struct server_facts *s UNUSED, const struct lint *l)
{
	struct trial_result *res = arg;

	if (!l->n || res->code != FINDINGS)
		return;
	res->code = l->v[0].code;
	snprintf(res->why, sizeof res->why, "%s; set %s", l->v[0].evidence, l->v[0].text);
}

/* A call that is up is given the time that a judgement needs. */
static void diagnose(struct trial_run *r)
{
	struct pbx *p = r->server ? sim_pbx_get(r->server) : NULL;

	if (!p)
		return;
	trial_pass(r, PATIENCE);
	pbx_each_record(p, take_why, r->res);
	if (r->res->code == FINDINGS)
		pbx_why(p, SPAN_NONE, take_why, r->res);
	if (r->provider) /* else its registration is down, and says so */
		pbx_doctor(p, take_doctor, r->res);
}

void sim_try(const struct trial *t, struct trial_result *res)
{
	struct trial_run r;

	trial_begin(&r, t, res);
	res->audio = trial_up(&r) && play(&r);
	if (t->diagnose)
		diagnose(&r);
	trial_end(&r);
}
