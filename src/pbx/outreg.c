/*
 * pbx/outreg.c: the registrations that we make at providers (RFC 3261 10.2; nat-semantics 3.8).
 *
 * One object per registration section, kept over reloads while its options stay the same. The granted expiry is read
 * from the Contact that we really sent, with the external address in it. Unregistered on stop. When our address
 * changes, the old binding is removed first: a registrar that holds only one would refuse the new one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/trace.h"
#include "pbx/priv.h"

#define LINE_LEN     7
#define REFRESH_LEAD 10000 /* before the expiry */
#define MOVE_PAUSE   5000  /* between two renewals because our address changed: whoever tells us must not drive us */
#define OLD_PATIENCE 4000  /* for the removal of an old binding */

/* Automatic retries, in ms: when the registrar does not answer or cannot serve us, and when it says no. */
#define RETRY_FIRST   30000
#define RETRY_MOST    300000
#define REFUSED_FIRST 60000
#define REFUSED_MOST  1800000
#define NETWORK_PAUSE 2000 /* between two attempts because the network changed */

enum reg_state { REG_UNREGISTERED, REG_REGISTERED, REG_REJECTED, REG_STOPPED };

struct outreg {
	struct list link;
	struct pbx *p;
	struct conf *snapshot; /* holds conf */
	const struct conf_registration *conf;
	char *options; /* all of them as text: has anything changed? */
	char line[LINE_LEN + 1], tag[17], call_id[37], contact[300], why[128];
	enum reg_state state;
	struct nat_face face, bound; /* of the Contact written last, and of the one registered (host empty: none) */
	uint32_t cseq, retries, asked_expires;
	bool leaving, doomed, interval_raised; /* doomed: freed once it has unregistered */
	bool removing;                         /* the binding of an address that is not ours any more */
	ms_t expires_at, moved_at, sent_at;
	ms_t down_since; /* the first failure since it was registered; 0: none */
	unsigned attempts;
	struct timer timer;
	struct sip_uac *asking;
	struct flow flow;
};

static void send_register(struct outreg *r);

static void outreg_drop(struct outreg *r)
{
	if (r->asking)
		sip_uac_forget(r->asking);
	clock_stop(r->p->clock, &r->timer);
	list_del(&r->link);
	conf_unref(r->snapshot);
	free(r->options);
	free(r);
}

static void set_state(struct outreg *r, enum reg_state s, const char *why)
{
	static const char *const names[] = { "Unregistered", "Registered", "Rejected", "Stopped" };

	if (r->state != s || why[0])
		trace(EV_OUTREG, NULL, "%s: %s%s%s", r->conf->o.name, names[s], why[0] ? ": " : "", why);
	r->state = s;
	span_copy(span_of(why), r->why, sizeof r->why);
}

/* ---- asking ---- */

static void build(void *arg, struct sip_build *b)
{
	struct outreg *r = arg;
	const char *user = r->conf->contact_user[0] ? r->conf->contact_user : "s";
	char line[32] = "";
	struct span params = SPAN_NONE;
	struct out extra = out_growing();
	bool gone = r->leaving || r->removing;

	if (r->conf->line)
		snprintf(line, sizeof line, ";line=%s", r->line);
	if (r->conf->contact_header_params[0])
		out_fmt(&extra, ";%s", r->conf->contact_header_params);
	if (gone)
		out_str(&extra, ";expires=0");
	if (gone && r->bound.host[0])
		b->face = r->bound;
	params = out_look(&extra);
	sip_put_contact(b, span_of(user), span_of(line), params);
	out_free(&extra);
	sip_put(b, "Expires", "%u", gone ? 0 : r->asked_expires);
	if (r->conf->support_path)
		sip_put(b, "Supported", "path");
	leg_build_allow(NULL, b);
	r->face = b->face;
	if (b->face.port)
		snprintf(r->contact, sizeof r->contact, "%s:%u", b->face.host, b->face.port);
	else
		snprintf(r->contact, sizeof r->contact, "%s", b->face.host);
}

/* What the registrar granted to the Contact that we sent; if it does not list it, Expires; else what we asked. */
static uint32_t granted(const struct outreg *r, const struct sip_msg *m)
{
	struct sip_walk w = { 0 };
	uint32_t best = UINT32_MAX, v;
	struct span text;

	while (sip_walk(m, SIP_HDR_CONTACT, &w, &text)) {
		struct sip_naddr a;
		char host[300];

		if (!sip_naddr_parse(text, &a))
			continue;
		if (a.uri.port)
			snprintf(host, sizeof host, "%.*s:%u", (int)MIN(a.uri.host.n, 256u), a.uri.host.p, a.uri.port);
		else
			span_copy(a.uri.host, host, sizeof host);
		if (strcmp(host, r->contact) == 0 && sip_param(a.params, "expires", &text) &&
		    span_u32(text, UINT32_MAX - 1, &v))
			best = MIN(best, v);
	}
	if (best != UINT32_MAX)
		return best;
	return m->expires != SIP_NO_NUMBER ? m->expires : r->asked_expires;
}

static void again_in(struct outreg *r, ms_t delay)
{
	clock_in(r->p->clock, &r->timer, delay);
}

/* ---- our address has changed ---- */

/* To where it was sent last, from where that would leave now. */
static struct flow as_routed(const struct outreg *r)
{
	struct flow f = r->flow;

	if (f.proto == NET_UDP)
		f.local = (struct addr){ 0 };
	return f;
}

static bool is_outdated(const struct outreg *r)
{
	struct flow f = as_routed(r);
	struct nat_face now;

	return r->bound.host[0] && sip_flow_look(r->p->sip, &f, &now) &&
	       (sip_flow_leaves(r->p->sip, &f) || strcmp(now.host, r->bound.host) != 0 || now.port != r->bound.port);
}

static void renew(struct outreg *r)
{
	r->moved_at = r->p->clock->now;
	trace(EV_OUTREG, NULL, "%s: our address is not %s any more", r->conf->o.name, r->contact);
	r->removing = true;
	send_register(r);
}

static void renew_if_outdated(struct outreg *r)
{
	ms_t pause = r->moved_at ? r->moved_at + MOVE_PAUSE - r->p->clock->now : 0;

	if (r->state != REG_REGISTERED || r->doomed || r->asking || !is_outdated(r))
		return;
	if (pause > 0)
		again_in(r, pause);
	else
		renew(r);
}

/* The network is another one now: who waits for a better time need not. */
static void retry_now(struct outreg *r)
{
	if (r->p->conf->hairpin.compat_asterisk && r->flow.sock)
		return;
	r->retries = 0;
	if (r->asking)
		sip_uac_forget(r->asking);
	r->asking = NULL;
	again_in(r, MAX(r->sent_at + NETWORK_PAUSE - r->p->clock->now, 0));
}

/* What was refused had another address in it. */
static bool is_elsewhere(const struct outreg *r)
{
	struct flow f = as_routed(r);
	struct nat_face now;

	return sip_flow_look(r->p->sip, &f, &now) && strcmp(now.host, r->face.host) != 0;
}

void outreg_moved(struct pbx *p, const struct conf_transport *t)
{
	list_for(l, &p->outregs) {
		struct outreg *r = list_entry(l, struct outreg, link);
		struct sip_transport_info i = sip_transport_of(p->sip, &r->flow);

		if (!i.conf || strcmp(i.conf->o.name, t->o.name) != 0)
			continue;
		if (r->state == REG_REJECTED && !r->asking && (timer_runs(&r->timer) || is_elsewhere(r)))
			retry_now(r);
		else
			renew_if_outdated(r);
	}
}

static bool has_given_up(const struct outreg *r)
{
	return r->state == REG_REJECTED && !r->asking && !timer_runs(&r->timer);
}

/* It would leave from another address than the last time, or could not leave then. */
static bool is_rerouted(const struct outreg *r)
{
	struct flow f = as_routed(r);
	struct nat_face face;

	return !r->flow.sock || (sip_flow_look(r->p->sip, &f, &face) && !addr_ip_eq(&f.local, &r->flow.local));
}

void outreg_network(struct pbx *p)
{
	list_for(l, &p->outregs) {
		struct outreg *r = list_entry(l, struct outreg, link);

		if (r->doomed || r->leaving || r->removing || r->state == REG_STOPPED ||
		    (p->conf->hairpin.compat_asterisk && has_given_up(r)))
			continue;
		if (r->state != REG_REGISTERED && (r->down_since || r->asking)) {
			retry_now(r);
		} else if (!r->asking && is_rerouted(r)) {
			r->retries = 0;
			again_in(r, 0);
		}
	}
}

static void on_granted(struct outreg *r, const struct sip_msg *m)
{
	ms_t term = (ms_t)granted(r, m) * 1000;

	r->bound = r->face;

	r->retries = r->attempts = 0;
	r->down_since = 0;
	r->interval_raised = false;
	r->expires_at = r->p->clock->now + term;
	set_state(r, REG_REGISTERED, "");
	again_in(r, term > 2 * REFRESH_LEAD ? term - REFRESH_LEAD : MAX(term / 2, 1000));
	renew_if_outdated(r); /* it may have changed while we asked */
}

static bool temporary(const struct outreg *r, const struct sip_msg *m, unsigned code)
{
	if (!m || code == 408 || code == 500 || code == 502 || code == 503 || code == 504 || code >= 600)
		return true;
	return (code == 401 || code == 407) && !r->conf->auth_rejection_permanent;
}

/* What is not written is chosen here: every failure is tried again for ever, at growing intervals (RFC 5626 4.5). */
static bool chooses(const struct outreg *r, const char *option)
{
	return !r->snapshot->hairpin.compat_asterisk && !conf_written(&r->conf->o, "registration", option);
}

static ms_t backoff(struct outreg *r, ms_t first, ms_t most)
{
	ms_t wait = MIN(first << MIN(r->retries, 10u), most);

	return wait - rng_below(&r->p->clock->rng, (uint32_t)(wait / 10));
}

/* A refusal that nobody expects to change: yet providers do say 403 and 404 while they are mended. */
static ms_t refusal_delay(struct outreg *r, unsigned code)
{
	const struct conf_registration *c = r->conf;
	bool password = code == 401 || code == 407;

	if (code == 403 && c->forbidden_retry_interval)
		return (ms_t)c->forbidden_retry_interval * 1000;
	if (chooses(r, "fatal_retry_interval") && !(password && !chooses(r, "auth_rejection_permanent")) &&
	    !(code == 403 && !chooses(r, "forbidden_retry_interval")))
		return backoff(r, REFUSED_FIRST, REFUSED_MOST);
	return (ms_t)c->fatal_retry_interval * 1000;
}

/* How long to wait after a failure; 0: never again (until someone asks). */
static ms_t retry_delay(struct outreg *r, const struct sip_msg *m, unsigned code)
{
	struct span after = m ? sip_hdr_value(m, SIP_HDR_RETRY_AFTER) : SPAN_NONE;
	uint32_t seconds;
	size_t digits = 0;
	ms_t wait;

	while (digits < after.n && after.p[digits] >= '0' && after.p[digits] <= '9')
		digits++;
	if (span_u32(span_sub(after, 0, digits), 86400, &seconds) && seconds)
		return (ms_t)seconds * 1000;
	if (!chooses(r, "max_retries") && r->retries >= r->conf->max_retries)
		return 0;
	if (!temporary(r, m, code))
		wait = refusal_delay(r, code);
	else if (chooses(r, "retry_interval"))
		wait = backoff(r, RETRY_FIRST, RETRY_MOST);
	else
		wait = (ms_t)r->conf->retry_interval * 1000;
	if (wait)
		r->retries++;
	return wait;
}

/* RFC 3261 10.2.8: 423 says how long it must at least be. */
static bool longer_interval(struct outreg *r, const struct sip_msg *m)
{
	uint32_t least;

	if (r->interval_raised || !span_u32(sip_hdr_value(m, SIP_HDR_MIN_EXPIRES), 86400 * 30, &least) ||
	    least <= r->asked_expires)
		return false;
	r->asked_expires = least;
	r->interval_raised = true;
	send_register(r);
	return true;
}

static void on_refused(struct outreg *r, const struct sip_msg *m, unsigned code, const char *why)
{
	ms_t wait, now = r->p->clock->now;
	char text[128];

	if (m && code == 423 && longer_interval(r, m))
		return;
	if (!r->down_since)
		r->down_since = now;
	r->attempts++;
	wait = retry_delay(r, m, code);
	snprintf(text, sizeof text, "%u %.*s%s, %s", code, m ? (int)MIN(m->reason.n, 60u) : 0, m ? m->reason.p : "",
		 m ? "" : why, wait ? "will try again" : "given up: 'pjsip send register' or a reload tries again");
	set_state(r, REG_REJECTED, text);
	trace(EV_OUTREG_DOWN, NULL, "%s: not registered at %s: %s; %u attempts in %lld s, the next one in %lld s",
	      r->conf->o.name, r->conf->server_uri, text, r->attempts, (long long)(now - r->down_since) / 1000,
	      (long long)wait / 1000);
	if (wait)
		again_in(r, wait);
}

static void on_answer(void *arg, struct sip_uac *uac, const struct sip_msg *m, unsigned code, const char *why)
{
	struct outreg *r = arg;

	if (code < 200)
		return;
	r->asking = NULL;
	r->flow = sip_uac_flow(uac);
	if (m)
		r->cseq = m->cseq;
	if (r->leaving) {
		r->leaving = r->removing = false;
		r->bound.host[0] = '\0';
		set_state(r, REG_STOPPED, "");
		if (r->doomed)
			outreg_drop(r);
		return;
	}
	if (r->removing) { /* done, or it will expire */
		r->removing = false;
		r->bound.host[0] = '\0';
		send_register(r);
		return;
	}
	if (code < 300)
		on_granted(r, m);
	else
		on_refused(r, m, code, why ? why : "");
}

static void send_register(struct outreg *r)
{
	const struct conf_registration *c = r->conf;
	char *from = xasprintf("<%s>;tag=%s", c->client_uri, r->tag), *to = xasprintf("<%s>", c->client_uri);
	struct sip_ask a = { .method = SIP_REGISTER,
			     .uri = span_of(c->server_uri),
			     .from_text = span_of(from),
			     .to = span_of(to),
			     .call_id = span_of(r->call_id),
			     .cseq = ++r->cseq,
			     .proxy = span_of(c->outbound_proxy),
			     .transport = c->transport,
			     .auths = (const struct conf_auth *const *)c->outbound_auth,
			     .n_auths = c->n_outbound_auth,
			     .conf = r->snapshot,
			     .user_agent = c->user_agent[0] ? c->user_agent : NULL,
			     .witness = true,
			     .timeout = r->removing ? OLD_PATIENCE : 0,
			     .build = build,
			     .answer = on_answer,
			     .arg = r };

	if (r->asking)
		sip_uac_forget(r->asking);
	clock_stop(r->p->clock, &r->timer);
	r->sent_at = r->p->clock->now;
	r->asking = sip_ask(r->p->sip, &a);
	free(from);
	free(to);
}

static void due(struct timer *t, ms_t now UNUSED)
{
	struct outreg *r = container_of(t, struct outreg, timer);

	if (r->state == REG_REGISTERED && is_outdated(r))
		renew(r);
	else
		send_register(r);
}

/* ---- leaving ---- */

static void leave(struct outreg *r)
{
	bool there = r->state == REG_REGISTERED;

	clock_stop(r->p->clock, &r->timer);
	if (r->asking)
		sip_uac_forget(r->asking);
	r->asking = NULL;
	if (there) {
		r->leaving = true;
		send_register(r);
	} else if (r->doomed) {
		outreg_drop(r);
	} else {
		set_state(r, REG_STOPPED, "");
	}
}

/* ---- adopting ---- */

static void add_option(void *ctx, const char *option, const char *value)
{
	out_fmt(ctx, "%s=%s\n", option, value);
}

static char *options_of(const struct conf_registration *c)
{
	struct out o = out_growing();

	conf_each_option(&c->o, "registration", add_option, &o);
	return out_take(&o);
}

static struct outreg *outreg_new(struct pbx *p, const struct conf_registration *c)
{
	struct outreg *r = xcalloc(1, sizeof *r);
	struct rng *rng = &p->clock->rng;
	uint32_t spread = c->max_random_initial_delay;

	r->p = p;
	r->options = options_of(c);
	r->timer.fire = due;
	rng_token(rng, r->line, LINE_LEN);
	rng_token(rng, r->tag, 16);
	rng_token(rng, r->call_id, 36);
	r->cseq = rng_below(rng, 20000);
	r->asked_expires = c->expiration;
	list_push(&p->outregs, &r->link);
	again_in(r, 1000 + (spread ? 1000 * (ms_t)rng_below(rng, spread) : 0));
	return r;
}

static struct outreg *outreg_find(struct pbx *p, struct span name)
{
	list_for(l, &p->outregs) {
		struct outreg *r = list_entry(l, struct outreg, link);

		if (!r->doomed && span_is(name, r->conf->o.name))
			return r;
	}
	return NULL;
}

static void take_snapshot(struct outreg *r, const struct conf_registration *c)
{
	struct conf *old = r->snapshot;

	r->snapshot = conf_ref(r->p->conf);
	r->conf = c;
	conf_unref(old);
}

/*
 * A REGISTER on its way from a listener that is left: its answer may never come. It may have bound what it says, so
 * that goes first, and its CSeq is lower than that of all that follows.
 */
static bool ask_from_new(struct outreg *r)
{
	struct flow f = r->asking ? sip_uac_flow(r->asking) : (struct flow){ 0 };

	if (!f.sock || !sip_flow_leaves(r->p->sip, &f))
		return false;
	if (!r->leaving) {
		r->retries = 0;
		r->bound = r->bound.host[0] ? r->bound : r->face;
		r->removing = true;
	}
	send_register(r);
	return true;
}

void outreg_adopt(struct pbx *p)
{
	list_for_safe(l, &p->outregs) {
		struct outreg *r = list_entry(l, struct outreg, link);
		const struct conf_registration *c = conf_registration(p->conf, span_of(r->conf->o.name));
		char *now = c ? options_of(c) : NULL;

		if (!r->doomed && (!now || strcmp(now, r->options) != 0)) {
			r->doomed = true;
			leave(r);
		} else if (!r->doomed) {
			take_snapshot(r, c);
			if (!ask_from_new(r) && r->state == REG_REJECTED) { /* a password may have been mended */
				r->retries = 0;
				send_register(r);
			}
			renew_if_outdated(r); /* its transport may listen elsewhere now */
		}
		free(now);
	}
	for (size_t i = 0; i < p->conf->n_registrations; i++) {
		const struct conf_registration *c = &p->conf->registrations[i];

		if (!outreg_find(p, span_of(c->o.name)))
			take_snapshot(outreg_new(p, c), c);
	}
}

void outreg_closed(struct pbx *p, const struct flow *f)
{
	list_for(l, &p->outregs) {
		struct outreg *r = list_entry(l, struct outreg, link);

		if (r->state == REG_REGISTERED && !r->doomed && !r->asking && r->flow.sock == f->sock)
			send_register(r);
	}
}

void outreg_stop(struct pbx *p)
{
	list_for(l, &p->outregs) {
		struct outreg *r = list_entry(l, struct outreg, link);

		if (!r->leaving)
			leave(r);
	}
}

bool outreg_idle(const struct pbx *p)
{
	list_for(l, &p->outregs)
		if (list_entry(l, struct outreg, link)->leaving)
			return false;
	return true;
}

void outreg_free(struct pbx *p)
{
	list_for_safe(l, &p->outregs)
		outreg_drop(list_entry(l, struct outreg, link));
}

/* ---- identifying by line ---- */

static bool has_line(const struct sip_uri *u, const struct outreg *r)
{
	struct span line;

	return sip_param(u->params, "line", &line) && span_is(line, r->line);
}

const struct conf_endpoint *outreg_line(struct pbx *p, const struct sip_msg *m)
{
	list_for(l, &p->outregs) {
		const struct outreg *r = list_entry(l, struct outreg, link);

		if (r->conf->line && r->conf->endpoint && (has_line(&m->to.uri, r) || has_line(&m->ruri, r)))
			return conf_endpoint(p->conf, span_of(r->conf->endpoint->o.name));
	}
	return NULL;
}

/* ---- the console's wishes ---- */

void pbx_each_registration(struct pbx *p, void (*each)(void *arg, const struct pbx_registration_info *i), void *arg)
{
	static const char *const names[] = {
		[REG_UNREGISTERED] = "Unregistered",
		[REG_REGISTERED] = "Registered",
		[REG_REJECTED] = "Rejected",
		[REG_STOPPED] = "Stopped",
	};

	list_for(l, &p->outregs) {
		const struct outreg *r = list_entry(l, struct outreg, link);
		struct pbx_registration_info i = { .conf = r->conf, .state = names[r->state], .why = r->why };

		i.attempts = r->attempts;
		i.down_ms = r->down_since ? p->clock->now - r->down_since : 0;
		i.next_ms = timer_runs(&r->timer) ? r->timer.at - p->clock->now : -1;
		i.expires_s = r->state == REG_REGISTERED ? (int)((r->expires_at - p->clock->now) / 1000) : -1;
		if (!r->doomed)
			each(arg, &i);
	}
}

static bool each_named(struct pbx *p, struct span name, void (*fn)(struct outreg *r))
{
	bool any = false;

	list_for_safe(l, &p->outregs) {
		struct outreg *r = list_entry(l, struct outreg, link);

		if (r->doomed || (!span_is(name, r->conf->o.name) && !span_is(name, "all") && !span_is(name, "*all")))
			continue;
		fn(r);
		any = true;
	}
	return any;
}

static void register_now(struct outreg *r)
{
	r->retries = 0;
	r->leaving = false;
	r->state = r->state == REG_STOPPED ? REG_UNREGISTERED : r->state;
	send_register(r);
}

bool pbx_register(struct pbx *p, struct span registration)
{
	return !p->ending && each_named(p, registration, register_now);
}

bool pbx_unregister(struct pbx *p, struct span registration)
{
	return each_named(p, registration, leave);
}
