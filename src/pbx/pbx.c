/*
 * pbx/pbx.c: the PBX as one object: its parts are made bottom up, a new snapshot goes to each of them, and every
 * request that belongs to no dialog comes in here: who is it, can they prove it, what do they want?
 */
#include <stdlib.h>
#include <string.h>

#include "base/trace.h"
#include "pbx/presence.h"

static void build_options(void *arg, struct sip_build *b)
{
	leg_build_allow(arg, b);
	sip_put(b, "Accept", "application/sdp");
	sip_put(b, "Accept-Encoding", "identity");
	sip_put(b, "Accept-Language", "en");
	sip_put_contact(b, SPAN_NONE, SPAN_NONE, SPAN_NONE);
}

/* OPTIONS is what an INVITE would find (RFC 3261 11.2), and 503 as soon as calls are not taken. */
static void on_options(struct pbx *p, struct sip_uas *uas, const struct conf_endpoint *ep)
{
	const struct sip_msg *m = sip_uas_msg(uas);
	char room[256];
	struct out o = out_growing_in(room, sizeof room);
	struct span user = uri_user(p->conf, &m->ruri, &o);
	unsigned code = 200;

	if (p->stopping)
		code = 503;
	else if (user.n && !dp_exists(p, p->conf, span_of(ep->context), user, SPAN_NONE))
		code = 404;
	out_free(&o);
	sip_reply(uas, code, NULL, build_options, NULL);
}

/* acl sections hold for everybody. */
static bool acl_denies(const struct pbx *p, const struct conf_endpoint *ep, const struct addr *src)
{
	for (size_t i = 0; i < p->conf->n_acls; i++)
		if (conf_acls_deny(&p->conf->acls[i].acl, src))
			return true;
	return conf_acls_deny(&ep->acl, src);
}

static void on_request(void *arg, struct sip_uas *uas, const struct sip_msg *m)
{
	struct pbx *p = arg;
	const char *how = NULL;
	const struct conf_endpoint *ep = identify(p, m, &how);

	if (ep && acl_denies(p, ep, &m->flow.peer)) {
		char src[ADDR_STRLEN];

		trace(EV_SIP_NO, NULL, "%s: %s is denied by the endpoint's acl", ep->o.name,
		      addr_str(&m->flow.peer, src));
		ep = NULL;
	}
	if (ep)
		sip_uas_force_rport(uas, ep->force_rport);
	if (!authenticate(p, uas, ep))
		return;
	switch (m->method) {
	case SIP_REGISTER: registrar_request(p, uas, ep); break;
	case SIP_INVITE: leg_incoming(p, uas, ep); break;
	case SIP_OPTIONS: on_options(p, uas, ep); break;
	case SIP_SUBSCRIBE: subscribe_request(p, uas, ep); break;
	case SIP_PUBLISH: sip_reply(uas, 489, NULL, leg_build_allow, NULL); break;
	case SIP_BYE:
	case SIP_UPDATE:
	case SIP_INFO:
	case SIP_PRACK:
	case SIP_NOTIFY: sip_reply(uas, 481, NULL, NULL, NULL); break;
	case SIP_REFER: sip_reply(uas, 403, "REFER is served within a call", NULL, NULL); break;
	case SIP_OTHER: sip_reply(uas, 501, NULL, leg_build_allow, NULL); break;
	default: sip_reply(uas, 405, NULL, leg_build_allow, NULL); break;
	}
}

static void on_heard(void *arg, const struct flow *f)
{
	struct pbx *p = arg;

	reach_heard(p, &f->peer);
	if (p->presence)
		presence_heard(p, &f->peer);
}

static void on_closed(void *arg, const struct flow *f)
{
	registrar_closed(arg, f);
	outreg_closed(arg, f);
}

static void on_wire(void *arg, const struct flow *f, bool sent, struct span bytes)
{
	struct pbx *p = arg;

	if (p->cfg.wire)
		p->cfg.wire(p->cfg.arg, f, sent, bytes);
}

static void on_moved(void *arg, const struct conf_transport *t)
{
	struct pbx *p = arg;

	if (p->ending)
		return;
	outreg_moved(p, t);
	legs_moved(p, t);
}

static void on_network(void *arg)
{
	struct pbx *p = arg;

	p->hosts_at = 0;
	if (!p->ending)
		outreg_network(p);
}

static void adopt_globals(struct pbx *p)
{
	const struct conf_dialplan *d = &p->conf->dialplan;

	if (d->clearglobalvars)
		vars_free(&p->globals);
	for (size_t i = 0; i < d->n_globals; i++)
		vars_set(&p->globals, span_of(d->globals[i].name), span_of(d->globals[i].value));
}

/* What external_* and local_net say may be new: peers that know us otherwise are told. */
static void tell_moved(struct pbx *p)
{
	struct sip_transport_info i;

	for (unsigned n = 0; sip_transport_nth(p->sip, n, &i); n++)
		on_moved(p, i.conf);
}

bool pbx_may_follow(const struct conf *old, const struct conf *c, struct diag *why)
{
	if (old->dialplan.is_missing || !c->dialplan.is_missing)
		return true;
	diag_add(why, DIAG_ERROR, "extensions.conf", 0,
		 "it is gone since it was read; an empty file ends the dialplan");
	return false;
}

/* Most files are written in the same order again: the next one is looked at first. */
struct pbx_change *pbx_compare(const struct conf *old, const struct conf *c)
{
	struct pbx_change *change = xmalloc(sizeof *change + c->n_aors * sizeof change->aor_was[0]);
	size_t next = 0;

	change->old = old;
	for (size_t i = 0; i < c->n_aors; i++) {
		const char *name = c->aors[i].o.name;
		const struct conf_aor *was = next < old->n_aors ? &old->aors[next] : NULL;

		if (!was || strcmp(was->o.name, name) != 0)
			was = conf_aor(old, span_of(name));
		change->aor_was[i] = was ? (uint32_t)(was - old->aors) : AOR_NEW;
		next = was ? (size_t)(was - old->aors) + 1 : next;
	}
	return change;
}

/* All but the AORs, which go first. */
static int adopt(struct pbx *p, struct diag *why)
{
	struct conf *c = p->conf;
	int err = sip_adopt(p->sip, c, why);

	media_set_rtp(p->media, &c->rtp);
	adopt_globals(p);
	identify_adopt(p);
	if (!p->ending)
		outreg_adopt(p);
	qualify_adopt(p);
	presence_adopt(p);
	tell_moved(p);
	trace(EV_CONF_LOADED, NULL, "%zu endpoints, %zu transports, %zu registrations, %zu contexts", c->n_endpoints,
	      c->n_transports, c->n_registrations, c->dialplan.n_contexts);
	return err;
}

int pbx_adopt(struct pbx *p, struct conf *c, const struct pbx_change *change, struct diag *why)
{
	struct conf *old = p->conf;
	int err;

	BUG_ON(change->old != old);
	p->conf = conf_ref(c);
	aors_adopt(p, change);
	err = adopt(p, why);
	conf_unref(old);
	return err;
}

static struct pbx *pbx_alloc(const struct pbx_config *cfg, struct conf *c)
{
	struct pbx *p = xcalloc(1, sizeof *p);
	struct media_config mc = { .rtp = c->rtp,
				   .clock = cfg->clock,
				   .workers = c->hairpin.media_workers,
				   .engine = c->hairpin.media_engine,
				   .sockets = c->hairpin.media_sockets,
				   .no_shortcut = !c->hairpin.veth_shortcut,
				   .io = cfg->media_io,
				   .rng = &cfg->clock->rng,
				   .event = leg_media_event,
				   .arg = p };
	struct sip_config sc = { .clock = cfg->clock,
				 .net = cfg->net,
				 .user = { .arg = p,
					   .request = on_request,
					   .heard = on_heard,
					   .closed = on_closed,
					   .wire = on_wire,
					   .moved = on_moved,
					   .holds = contacts_hold,
					   .network = on_network } };

	p->cfg = *cfg;
	p->clock = cfg->clock;
	p->store = cfg->store;
	list_init(&p->outregs);
	rng_bytes(&p->clock->rng, p->secret, sizeof p->secret);
	list_init(&p->identifies);
	list_init(&p->chans);
	p->media = media_new(&mc);
	p->sip = sip_new(&sc);
	return p;
}

/* Says once where media goes; false when it must go through the kernel and cannot. */
void tell_engine(bool kernel, const char *why_not)
{
	if (kernel)
		trace(EV_MEDIA_PATH, NULL, "plain audio is relayed in the kernel");
	else
		trace(EV_MEDIA_PATH, NULL, "audio is relayed in user space: %s", why_not);
}

static bool engine_serves(struct pbx *p, const struct conf *c, struct diag *why)
{
	const char *reason;
	bool kernel = media_in_kernel(p->media, &reason);

	if (c->hairpin.media_engine == ENGINE_KERNEL && !kernel)
		diag_add(why, DIAG_ERROR, "hairpin.conf", c->hairpin.o.line, "media_engine=kernel: %s", reason);
	else if (p->cfg.media_io || c->hairpin.media_engine == ENGINE_USER)
		return true;
	else if (kernel || reason) /* else it is not decided yet */
		tell_engine(kernel, reason);
	return kernel || c->hairpin.media_engine != ENGINE_KERNEL;
}

void tell_sockets(bool shared, const char *why_not)
{
	if (!shared)
		trace(EV_MEDIA_PATH, NULL, "each port of audio is heard by its own socket: %s", why_not);
}

/* The same of the sockets that media is heard by. */
static bool sockets_serve(struct pbx *p, const struct conf *c, struct diag *why)
{
	const char *reason;

	if (p->cfg.media_io || c->hairpin.media_sockets != SOCKETS_SHARED || media_is_shared(p->media, &reason))
		return true;
	diag_add(why, DIAG_ERROR, "hairpin.conf", c->hairpin.o.line, "media_sockets=shared: %s", reason);
	return false;
}

struct pbx *pbx_new(const struct pbx_config *cfg, struct conf *c, struct diag *why)
{
	struct pbx *p = pbx_alloc(cfg, c);
	struct sip_transport_info info;

	p->conf = conf_ref(c);
	if (engine_serves(p, c, why) && sockets_serve(p, c, why)) {
		aors_adopt(p, NULL);
		aors_load(p);
		db_load(p);
		adopt(p, why);
		if (sip_transport_nth(p->sip, 0, &info) || !c->n_transports)
			return p;
	}
	pbx_free(p);
	return NULL;
}

void pbx_rest(struct pbx *p)
{
	spares_free(&p->spares);
	sip_rest(p->sip);
	store_rest(p->store);
}

void pbx_free(struct pbx *p)
{
	if (!p)
		return;
	chans_free(p);
	presence_free(p);
	records_free(p);
	outreg_free(p);
	identify_free(p);
	aors_free(p);
	db_free(p);
	dead_hosts_free(p);
	sip_free(p->sip);
	media_free(p->media);
	vars_free(&p->globals);
	table_free(&p->reaches);
	conf_unref(p->conf);
	spares_free(&p->spares);
	free(p);
}

void pbx_stop(struct pbx *p, bool now)
{
	p->stopping = true;
	if (now)
		pbx_hangup(p, SPAN("all"));
	if (now || !p->n_chans)
		pbx_end(p);
}

/* While a call goes on it needs them: a provider's BYE comes through the NAT that they keep open. */
void pbx_end(struct pbx *p)
{
	p->ending = true;
	qualify_stop(p);
	outreg_stop(p);
}

bool pbx_resume(struct pbx *p)
{
	p->stopping &= p->ending;
	return !p->stopping;
}

bool pbx_is_ending(const struct pbx *p)
{
	return p->ending;
}

bool pbx_in_call(const struct pbx *p)
{
	return p->n_chans > 0;
}

bool pbx_is_idle(struct pbx *p)
{
	return p->ending && !p->n_chans && outreg_idle(p) && sip_is_quiet(p->sip) && sip_ports_closed(p->sip);
}

enum nat_kept pbx_rtp_kept(const struct pbx *p)
{
	return p->rtp_kept;
}

struct net_sink pbx_sink(struct pbx *p)
{
	return sip_sink(p->sip);
}

int pbx_media_fd(const struct pbx *p)
{
	return media_fd(p->media);
}

void pbx_media_poll(struct pbx *p)
{
	media_poll(p->media);
}

struct media *pbx_media(struct pbx *p)
{
	return p->media;
}

struct sip *pbx_sip(struct pbx *p)
{
	return p->sip;
}

struct conf *pbx_conf(struct pbx *p)
{
	return p->conf;
}

void pbx_rtp_capture(struct pbx *p, bool on)
{
	media_capture(p->media, on);
}

void pbx_rtp_debug(struct pbx *p, bool on, const struct addr *ip)
{
	media_debug(p->media, on, ip);
}
