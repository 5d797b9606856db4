/* nat/doctor_server.c: what is wrong with the server as it stands, without looking at any one call. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nat/doctor_priv.h"

struct round { /* one examination of the server */
	struct rules r;
	const struct server_facts *s;
};

/* ---- transports ---- */

static void seen_elsewhere(struct round *x, const struct transport_facts *t, const char *option, const struct addr *set)
{
	char is[ADDR_STRLEN], was[ADDR_STRLEN];

	if (set->family != t->door->seen.family || addr_ip_eq(set, &t->door->seen))
		return;
	ip(&t->door->seen, is);
	say(&x->r,
	    &(struct says){ NAT029, &t->t->o, option, option, "auto",
			    .evidence = sentence("%s is %s, and peers see us as %s", option, ip(set, was), is) },
	    option, is, NULL);
}

/* Peers that cope with what we say of ourselves (an SBC does) are no reason to say anything. */
static bool is_well(const struct round *x)
{
	return x->s->calls.fine && !x->s->calls.sick;
}

/* Peers see an address that no interface of ours has, and nothing says it. */
static void told_nobody(struct round *x, const struct transport_facts *t)
{
	const struct nat_door *d = t->door;
	bool sip = *t->t->external_signaling_address || *t->t->external_signaling_hostname;
	bool media = *t->t->external_media_address;
	char seen[ADDR_STRLEN], net[256] = "";
	struct out o = out_fixed(net, sizeof net - 1);
	struct says s = { .o = &t->t->o, .fix_value = seen };

	if (!d->seen.family || !x->s->n_host || host_with(&x->r, &d->seen) || (sip && media) || is_well(x))
		return;
	ip(&d->seen, seen);
	s.code = sip ? NAT035 : media ? NAT036 : NAT042;
	s.option = s.fix_option = media ? "external_signaling_address" : "external_media_address";
	s.evidence = sentence("peers see us as %s, an address that this host does not have%s", seen,
			      sip     ? ": SDP does not say it"
			      : media ? ": SIP does not say it"
				      : ", and nobody is told it");
	own_networks(&x->r, t->t, &o);
	net[o.n] = '\0';
	say(&x->r, &s, s.code == NAT042 ? net : seen, NULL);
}

/* SIP leaves our router by another port than ours, and we say ours. */
static void other_port(struct round *x, const struct transport_facts *t)
{
	const struct nat_door *d = t->door;
	uint16_t told = (uint16_t)(t->t->external_signaling_port ? t->t->external_signaling_port : t->bound.port);
	char a[16], b[16];

	if (t->t->protocol != PROTO_UDP || d->auto_signaling || !d->seen.port || d->seen.port == told ||
	    !*t->t->external_signaling_address || is_well(x))
		return;
	snprintf(a, sizeof a, "%u", d->seen.port);
	snprintf(b, sizeof b, "%u", told);
	say(&x->r,
	    &(struct says){ NAT064, &t->t->o, "external_signaling_address", "external_signaling_address", "auto",
			    .sure = SURE_LIKELY,
			    .evidence = sentence("peers see our port as %s, and we say %s", a, b) },
	    NULL);
}

/* F31: it is written, and does not listen. */
static void not_running(struct round *x, const struct transport_facts *t)
{
	say(&x->r,
	    &(struct says){ NAT031, &t->t->o, "bind",
			    .evidence = sentence("transport %s is written and does not listen", t->t->o.name) },
	    NULL);
}

/* F16: whoever is to come that way finds nobody. */
static void left_out(struct round *x)
{
	const struct conf_transport *t;

	for (size_t i = 0; (t = conf_left_out(x->s->conf, i)); i++)
		say(&x->r,
		    &(struct says){ NAT073, &t->o, "protocol",
				    .evidence = sentence("transport %s: protocol=%s is not served, and nothing listens "
							 "there",
							 t->o.name, conf_proto_names[t->protocol]) },
		    NULL);
}

static void silent_stun(struct round *x, const struct transport_facts *t)
{
	char by[ADDR_STRLEN];

	for (size_t i = 0; i < NAT_STUNS; i++)
		if (t->door->found.stun[i].silent && !t->door->found.address.family)
			say(&x->r,
			    &(struct says){ NAT024, &x->s->conf->rtp.o, "stunaddr",
					    .evidence = sentence("the STUN server %s does not answer",
								 ip(&t->door->found.stun[i].by, by)) },
			    NULL);
}

static void transport(struct round *x, const struct transport_facts *t)
{
	if (!t->door) {
		not_running(x, t);
		return;
	}
	silent_stun(x, t);
	if (t->door->auto_media && t->door->auto_signaling)
		return;
	seen_elsewhere(x, t, "external_media_address", &t->door->ext_media);
	seen_elsewhere(x, t, "external_signaling_address", &t->door->ext_signaling);
	told_nobody(x, t);
	other_port(x, t);
}

/* ---- routes ---- */

/* Somebody there answers what leaves that way: a rule or a router that we do not see sets it right. */
static bool is_answered(const struct round *x, const struct way_facts *w)
{
	for (size_t i = 0; i < x->s->n_trunks; i++)
		if (x->s->trunks[i].up && &x->s->trunks[i].r->o == w->o)
			return true;
	for (size_t i = 0; i < x->s->n_phones; i++) {
		const struct phone_facts *p = &x->s->phones[i];

		if (p->ep && &p->ep->o == w->o && !p->unavailable && p->rtt_ms >= 0)
			return true;
	}
	return false;
}

/* F13: the packets carry one address and leave by the interface of another. */
static void beside(struct round *x, const struct way_facts *w)
{
	const struct conf_transport *t = NULL;
	char to[ADDR_STRLEN], from[ADDR_STRLEN], better[ADDR_STRLEN], value[ADDR_STRLEN];
	struct addr bind = w->better;
	struct says s = { .code = NAT077, .o = &w->t->o, .option = "bind", .fix_option = "bind", .fix_value = value };

	if (!w->r.beside || !w->better.family || is_answered(x, w))
		return;
	for (size_t i = 0; i < x->s->conf->n_transports && !t; i++)
		if (x->s->conf->transports[i].protocol == w->t->protocol &&
		    addr_ip_eq(&x->s->conf->transports[i].bind, &w->better))
			t = &x->s->conf->transports[i];
	bind.port = w->t->bind.port == 5060 ? 0 : w->t->bind.port;
	addr_str(&bind, value);
	if (t && w->o) { /* there is one for that already */
		s.o = w->o;
		s.option = s.fix_option = "transport";
		s.fix_value = t->o.name;
	}
	s.evidence = sentence("transport %s is bound to %s; packets to %s leave by %s, whose address is %s",
			      w->t->o.name, ip(&w->r.from, from), ip(&w->to, to),
			      *w->r.dev ? w->r.dev : "another interface", ip(&w->better, better));
	say(&x->r, &s, s.option, s.fix_value, NULL);
}

static void way(struct round *x, const struct way_facts *w)
{
	char to[ADDR_STRLEN];

	if (!w->o) /* a host without a way to the world may need none */
		return;
	beside(x, w);
	if (w->none)
		say(&x->r,
		    &(struct says){
			    NAT078, w->o,
			    .evidence = sentence("there is no route to %s, where %s is", ip(&w->to, to), w->o->name) },
		    NULL);
}

/* ---- phones ---- */

static void phone(struct round *x, const struct phone_facts *p)
{
	double limit = p->aor->qualify_timeout * 1000;
	struct says s = { .o = &p->aor->o, .option = "qualify_frequency", .fix_option = "qualify_frequency" };
	char seconds[24];

	if (!p->unavailable)
		return;
	if (p->rtt_ms > limit && limit > 0) {
		snprintf(seconds, sizeof seconds, "%.1f", p->rtt_ms * 2 / 1000);
		s.code = NAT014;
		s.option = s.fix_option = "qualify_timeout";
		s.fix_value = seconds;
		s.evidence = sentence("%s answers after %d ms, and qualify_timeout is %d ms", p->uri, (int)p->rtt_ms,
				      (int)limit);
		say(&x->r, &s, seconds, NULL);
	} else if (p->talks) {
		s.code = NAT061;
		s.fix_value = "0";
		s.evidence = sentence("%s counts as unreachable, and is in a call", p->uri);
		say(&x->r, &s, NULL);
	} else if (!p->is_static && p->behind_nat && is_asked_seldom(p->aor)) {
		s.code = NAT013;
		s.fix_value = "25";
		s.sure = SURE_LIKELY;
		s.evidence = sentence("%s is registered, is behind a router and does not answer", p->uri);
		say(&x->r, &s, NULL);
	}
}

/* F14: two phones or more, and all of them come from the first address of a network of ours. */
static void one_gateway(struct round *x)
{
	const struct addr *from = NULL;
	char text[ADDR_STRLEN];
	unsigned n = 0;

	for (size_t i = 0; i < x->s->n_phones; i++) {
		const struct phone_facts *p = &x->s->phones[i];

		if (p->is_static || !p->source.family)
			continue;
		if (from && !addr_ip_eq(from, &p->source))
			return;
		from = &p->source;
		n++;
	}
	if (n < 2 || from->family != 4 || from->ip[3] != 1 || addr_class(from) != ADDR_PRIVATE ||
	    !host_net_with(&x->r, from))
		return;
	say(&x->r,
	    &(struct says){ NAT059, &x->s->conf->global.o, .sure = SURE_LIKELY,
			    .evidence = sentence("all %u phones seem to be at %s, the gateway of our own network", n,
						 ip(from, text)) },
	    NULL);
}

/* Where somebody on our side of the router reaches this transport. */
static const struct addr *inside(const struct round *x, const struct transport_facts *t)
{
	if (t->door->found.own.family)
		return &t->door->found.own;
	for (size_t i = 0; i < x->s->n_host && addr_is_any(&t->bound); i++)
		if (x->s->host[i].addr.family == t->bound.family && is_ours_outside(&x->s->host[i].addr))
			return &x->s->host[i].addr;
	return &t->bound;
}

/* F18: its packets come back from our own router. */
static void turned_back(struct round *x, const struct phone_facts *p)
{
	char here[ADDR_STRLEN], out[ADDR_STRLEN];

	for (size_t i = 0; i < x->s->n_transports; i++) {
		const struct transport_facts *t = &x->s->transports[i];

		if (!t->door || !t->door->seen.family || !addr_ip_eq(&t->door->seen, &p->source) ||
		    host_with(&x->r, &p->source))
			continue;
		say(&x->r,
		    &(struct says){ NAT060, &t->t->o, "local_net", .sure = SURE_LIKELY,
				    .evidence =
					    sentence("%s comes from %s, which is our own address outside: it is on our "
						     "side of the router and was told to call it",
						     p->uri, ip(&p->source, out)) },
		    ip(inside(x, t), here), out, NULL);
		return;
	}
}

/* ---- providers ---- */

static void trunk(struct round *x, const struct trunk_facts *t)
{
	if (t->gave_up)
		say(&x->r,
		    &(struct says){ NAT043, &t->r->o, "max_retries", "max_retries", "1000000", .happened = true,
				    .evidence = sentence("%s has given up: %s", t->r->o.name, t->why) },
		    NULL);
	else if (!t->up && *t->why)
		say(&x->r,
		    &(struct says){ NAT062, &t->r->o, .sure = SURE_LIKELY,
				    .evidence = sentence("%s is not registered: %s", t->r->o.name, t->why) },
		    t->why, NULL);
}

static void stranger(struct round *x, const struct stranger_facts *f)
{
	char from[ADDR_STRLEN];

	if (!f->name || !f->of)
		return;
	ip(&f->from, from);
	say(&x->r,
	    &(struct says){ NAT034, &f->of->o, "match", "match", from,
			    .evidence = sentence("%u requests of %s matched no endpoint; %s has that address",
						 f->requests, from, f->name) },
	    from, NULL);
}

static void nameless(struct round *x, const struct name_facts *f)
{
	say(&x->r,
	    &(struct says){ NAT015, &f->of->o, "match",
			    .evidence = sentence("match=%s: DNS has no address for it", f->name) },
	    NULL);
}

void doctor_server(const struct server_facts *s, struct lint *findings)
{
	struct lint_ask ask = { .conf = s->conf, .host = s->host, .n_host = s->n_host };
	struct round x = { .r = { &ask, s->conf, findings }, .s = s };

	for (size_t i = 0; i < s->n_transports; i++)
		transport(&x, &s->transports[i]);
	left_out(&x);
	one_gateway(&x);
	for (size_t i = 0; i < s->n_phones; i++) {
		phone(&x, &s->phones[i]);
		turned_back(&x, &s->phones[i]);
	}
	for (size_t i = 0; i < s->n_ways; i++)
		way(&x, &s->ways[i]);
	for (size_t i = 0; i < s->n_trunks; i++)
		trunk(&x, &s->trunks[i]);
	for (size_t i = 0; i < s->n_strangers; i++)
		stranger(&x, &s->strangers[i]);
	for (size_t i = 0; i < s->n_names; i++)
		nameless(&x, &s->names[i]);
	sort_by_sureness(findings);
}
