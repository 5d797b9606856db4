/* nat/doctor_leg.c: the rules about one leg, in the order in which they are believed. */
#include <stdio.h>
#include <string.h>

#include "nat/doctor_priv.h"

#define UDP_SAFE   1300
#define EARLY_WAIT 1000 /* ms of early media that nobody sent */

/* The value for an external_* option: what was observed, else what finds it out. */
static const char *observed(const struct leg *l, char buf[ADDR_STRLEN])
{
	return l->f->seen_as.family && !is_private(&l->f->seen_as) ? addr_ip_str(&l->f->seen_as, buf) : "auto";
}

/* The network of ours that this address is in, for local_net. */
static const char *network_of(const struct exam *x, const struct addr *a, char buf[RULE_STRLEN])
{
	const struct lint_host *h = host_net_with(&x->r, a);
	char text[RULE_STRLEN], address[ADDR_STRLEN];
	struct net_rule rule;
	const char *why;

	snprintf(text, sizeof text, "%s/%u", addr_ip_str(a, address), h ? h->len : a->family == 6 ? 64 : 24);
	return net_rule_parse(span_of(text), &rule, &why) ? rule_str(&rule, buf) : "";
}

static bool has_media_address(const struct leg *l)
{
	return l->door && (l->door->ext_media.family || *l->t->external_media_address);
}

static bool has_signaling_address(const struct leg *l)
{
	return l->door && (*l->t->external_signaling_address || *l->t->external_signaling_hostname);
}

static bool no_answer(const struct leg *l)
{
	return l->f->end == LEG_SILENT || l->f->end == LEG_UNREACHABLE;
}

/* It is not on our side of our router. */
static bool peer_is_outside(const struct leg *l)
{
	return is_outside(&l->f->peer) && !(l->t && nat_is_local(l->t, &l->f->peer));
}

/* An address of our own, written to somebody who cannot reach us there. */
static bool is_hidden(const struct leg *l, const struct addr *a)
{
	const struct leg_facts *f = l->f;

	return a->family && addr_ip_eq(a, &f->here) && peer_is_outside(l) &&
	       (is_private(a) || nat_is_local(l->t, a) || (f->seen_as.family && !addr_ip_eq(a, &f->seen_as)));
}

/* An address that was given to us for our own, and that others do not see. */
static bool is_outdated(const struct leg *l, const struct addr *a)
{
	const struct leg_facts *f = l->f;

	return a->family && !addr_ip_eq(a, &f->here) && f->seen_as.family && !addr_ip_eq(a, &f->seen_as) &&
	       peer_is_outside(l);
}

/* ---- what we say of ourselves ---- */

/* F1, F14, F15: the far end is outside, and its audio is asked to come to a private address. */
static void private_face(struct exam *x, const struct leg *l)
{
	const struct leg_facts *f = l->f;
	char face[ADDR_STRLEN], peer[ADDR_STRLEN], value[ADDR_STRLEN], net[RULE_STRLEN];
	struct says s = { .option = "external_media_address" };

	if (!l->t || !l->deaf || !is_hidden(l, &f->face))
		return;
	s.o = &l->t->o;
	s.evidence = sentence("%s at %s was told to send its audio to %s, our address inside: nothing came",
			      f->endpoint, ip(&f->peer, peer), addr_str(&f->face, face));
	network_of(x, &f->face, net);
	if (has_media_address(l)) { /* it was not used: what we would write is not in local_net */
		s.code = NAT001;
		s.option = s.fix_option = "local_net";
		s.fix_value = net;
		say(&x->r, &s, net, NULL);
		return;
	}
	s.fix_option = "external_media_address";
	s.fix_value = observed(l, value);
	s.code = has_signaling_address(l) ? NAT035 : NAT042;
	say(&x->r, &s, s.code == NAT035 ? s.fix_value : net, NULL);
}

/* F1, F11: what it is to ask within the call goes to a private address of ours. */
static void private_contact(struct exam *x, const struct leg *l)
{
	const struct leg_facts *f = l->f;
	char told[ADDR_STRLEN], peer[ADDR_STRLEN], value[ADDR_STRLEN], net[RULE_STRLEN];
	struct says s = { .option = "external_signaling_address", .fix_option = "external_signaling_address" };

	if (!l->t || !is_hidden(l, &f->told) || has_signaling_address(l) || !(f->end == LEG_NO_ACK || l->deaf))
		return;
	s.o = &l->t->o;
	s.sure = f->end == LEG_NO_ACK ? SURE_CERTAIN : SURE_LIKELY;
	s.fix_value = observed(l, value);
	s.code = has_media_address(l) ? NAT036 : NAT042;
	s.evidence =
		f->end == LEG_NO_ACK
			? sentence("our 200 OK named %s as Contact, our address inside, and %s at %s never "
				   "acknowledged it: the call ended after 32 s",
				   addr_str(&f->told, told), f->endpoint, ip(&f->peer, peer))
			: sentence("the Contact that %s at %s has of us is %s, our address inside: its BYE will not "
				   "arrive",
				   f->endpoint, ip(&f->peer, peer), addr_str(&f->told, told));
	say(&x->r, &s, s.code == NAT036 ? s.fix_value : network_of(x, &f->told, net), NULL);
}

/* F3: there is an external address, and it is not ours (any more). */
static void outdated(struct exam *x, const struct leg *l, const char *option, const struct addr *told)
{
	char was[ADDR_STRLEN], is[ADDR_STRLEN];

	say(&x->r,
	    &(struct says){ NAT029, &l->t->o, option, option, "auto",
			    .evidence = sentence("%s was told %s, but the outside sees us as %s", l->f->endpoint,
						 ip(told, was), ip(&l->f->seen_as, is)) },
	    option, is, NULL);
}

static void wrong_external(struct exam *x, const struct leg *l)
{
	const struct leg_facts *f = l->f;

	if (!l->t || !(l->deaf || f->end == LEG_NO_ACK))
		return;
	if (is_outdated(l, &f->face))
		outdated(x, l, "external_media_address", &f->face);
	if (is_outdated(l, &f->told))
		outdated(x, l, "external_signaling_address", &f->told);
}

/* F26: what the peer sees of our port is not what we say. */
static void moved_port(struct exam *x, const struct leg *l)
{
	const struct leg_facts *f = l->f;
	char told[16], seen[16], where[ADDR_STRLEN];

	if (!l->t || !(l->deaf || f->end == LEG_NO_ACK) || f->tcp || !f->seen_as.port || !f->told.port ||
	    f->seen_as.port == f->told.port || !addr_ip_eq(&f->seen_as, &f->told))
		return;
	snprintf(told, sizeof told, "%u", f->told.port);
	snprintf(seen, sizeof seen, "%u", f->seen_as.port);
	say(&x->r,
	    &(struct says){ NAT064, &l->t->o, "external_signaling_address", "external_signaling_address", "auto",
			    .sure = f->end == LEG_NO_ACK ? SURE_CERTAIN : SURE_LIKELY,
			    .evidence = sentence("we say port %s, and the outside sees us as %s: our router does not "
						 "keep ports",
						 told, addr_str(&f->seen_as, where)) },
	    NULL);
}

/* F13: its audio would come to an address that we do not use towards it. */
static void other_address(struct exam *x, const struct leg *l)
{
	const struct leg_facts *f = l->f;
	char face[ADDR_STRLEN], here[ADDR_STRLEN];

	if (!l->deaf || !*l->ep->media_address || addr_ip_eq(&f->face, &f->here) || is_outside(&f->face) ||
	    !host_with(&x->r, &f->face))
		return;
	say(&x->r,
	    &(struct says){ NAT058, &l->ep->o, "media_address", "media_address", ip(&f->here, here),
			    .sure = SURE_LIKELY,
			    .evidence = sentence("%s was told to send its audio to %s; we reach it from %s",
						 f->endpoint, ip(&f->face, face), here) },
	    here, NULL);
}

/* The [general] section of a file that may not exist. */
static const struct conf_place rtp_conf = { .file = "rtp.conf" }, hairpin_conf = { .file = "hairpin.conf" };

static const struct conf_place *unless_written(const struct conf_obj *o, const struct conf_place *p)
{
	return o->file ? NULL : p;
}

/* ---- where its audio is ---- */

/* A re-INVITE of its moved its audio to a third host, from where nothing comes. */
static bool is_turned_away(const struct leg *l)
{
	const struct leg_facts *f = l->f;
	const struct addr *to = &f->audio.sdp_addr;

	return (l->deaf || l->stopped || l->unheard) && f->sdp_was.family && !addr_ip_eq(to, &f->peer) &&
	       !addr_ip_eq(to, &f->sdp_was) && !addr_ip_eq(to, &f->audio.rx_source);
}

/* F8: packets come, and the latch drops them. */
static void strict_drops(struct exam *x, const struct leg *l)
{
	const struct media_stats *m = &l->f->audio;
	char from[ADDR_STRLEN], known[ADDR_STRLEN];
	const struct addr *is = m->rx_packets ? &m->rx_source : &m->sdp_addr;
	bool same_host = addr_ip_eq(&m->last_dropped, is);

	if (!(l->deaf || l->stopped) || m->rx_dropped < 50 || addr_eq(&m->last_dropped, &m->rx_source) ||
	    is_turned_away(l))
		return;
	say(&x->r,
	    &(struct says){ NAT054, &x->ask->conf->rtp.o, "strictrtp", "strictrtp",
			    same_host || !m->rx_packets ? "seqno" : "no",
			    .at = unless_written(&x->ask->conf->rtp.o, &rtp_conf),
			    .evidence = sentence("%llu packets of %s were dropped: they came from %s, and %s is where "
						 "%s sends from%s",
						 (unsigned long long)m->rx_dropped, l->f->endpoint,
						 addr_str(&m->last_dropped, from), addr_str(is, known), l->f->endpoint,
						 m->rx_packets ? "" : " by its SDP") },
	    NULL);
}

/* F27: it names an address that this leg's socket cannot send to. */
static void wrong_family(struct exam *x, const struct leg *l)
{
	const struct leg_facts *f = l->f;
	const struct addr *sdp = &f->audio.sdp_addr;
	char text[ADDR_STRLEN], face[ADDR_STRLEN];
	bool clat = addr_class(sdp) == ADDR_CLAT;
	const char *option = clat ? "rtp_symmetric" : "rtp_ipv6", *value = clat || f->face.family == 4 ? "yes" : "no";

	if (!sdp->family || !(l->deaf || l->unheard) || (!clat && sdp->family == f->face.family))
		return;
	say(&x->r,
	    &(struct says){ NAT065, &l->ep->o, option, option, value,
			    .evidence =
				    clat ? sentence("the SDP of %s names %s, which only its own translator of 464XLAT "
						    "knows",
						    f->endpoint, ip(sdp, text))
					 : sentence("the SDP of %s names %s, and ours %s: they are of two families",
						    f->endpoint, ip(sdp, text), ip(&f->face, face)) },
	    option, value, NULL);
}

/* F28: whoever is behind the peer was told to talk to us directly, or so it seems from here. */
static void turned_away(struct exam *x, const struct leg *l)
{
	const struct leg_facts *f = l->f;
	const struct media_stats *m = &f->audio;
	char to[ADDR_STRLEN], was[ADDR_STRLEN], peer[ADDR_STRLEN], from[ADDR_STRLEN];
	struct says s = { .code = NAT076, .o = &l->ep->o, .sure = l->stopped ? SURE_CERTAIN : SURE_LIKELY };
	bool strange = m->rx_dropped >= 50;

	if (!is_turned_away(l))
		return;
	if (strange) {
		s.o = &x->ask->conf->rtp.o;
		s.option = s.fix_option = "strictrtp";
		s.fix_value = "seqno";
		s.at = unless_written(s.o, &rtp_conf);
	}
	s.evidence =
		sentence("a re-INVITE of %s moved its audio from %s to %s; since then nothing comes from there%s%s",
			 f->endpoint, ip(&f->sdp_was, was), addr_str(&m->sdp_addr, to),
			 strange ? ", and what comes is dropped: it is from " : "",
			 strange ? addr_str(&m->last_dropped, from) : "");
	say(&x->r, &s, ip(&f->peer, peer), NULL);
}

/* F2, and what F9 leaves behind: we send to the address in its SDP, and it is behind a router. */
static void private_target(struct exam *x, const struct leg *l)
{
	const struct media_stats *m = &l->f->audio;
	char to[ADDR_STRLEN], from[ADDR_STRLEN], peer[ADDR_STRLEN];
	bool symmetric = l->ep->rtp_symmetric;
	struct says s = { .code = NAT009,
			  .o = &l->ep->o,
			  .option = "rtp_symmetric",
			  .fix_option = "rtp_symmetric",
			  .fix_value = "yes",
			  .sure = says_deaf(l->f) || is_private(&m->tx_to) ? SURE_CERTAIN : SURE_LIKELY };

	if (!(l->unheard || l->deaf) || !sends_astray(l->f) || !addr_ip_eq(&m->tx_to, &m->sdp_addr) ||
	    !(is_private(&m->tx_to) || says_deaf(l->f) || l->f->is_phone))
		return;
	addr_str(&m->tx_to, to);
	if (symmetric && l->f->sdp_was.family) {
		return;                                            /* it is not repeated: turned_away() */
	} else if (symmetric && m->rx_packets && l->f->reoffers) { /* it was learned once */
		s.code = NAT055;
		s.o = &x->ask->conf->hairpin.o;
		s.option = s.fix_option = "compat";
		s.fix_value = "hairpin";
		s.at = unless_written(s.o, &hairpin_conf);
		s.evidence = sentence("since the re-INVITE of %s we send to %s, the address in its SDP; its audio came "
				      "from %s",
				      l->f->endpoint, to, addr_str(&m->rx_source, from));
	} else if (symmetric) {
		return; /* nothing came that could be followed */
	} else if (m->rx_packets) {
		s.evidence = sentence("we send to %s, which is what the SDP of %s says; its audio comes from %s%s", to,
				      l->f->endpoint, addr_str(&m->rx_source, from),
				      says_deaf(l->f) ? ", and it reports that it hears nothing" : "");
	} else {
		s.sure = SURE_LIKELY;
		s.evidence = sentence("we send to %s, which is what the SDP of %s says; its messages come from %s", to,
				      l->f->endpoint, ip(&l->f->peer, peer));
	}
	say(&x->r, &s, NULL);
}

/* F5: its SDP has the address of its router, and a port that is not the one which the router gave it. */
static void alg(struct exam *x, const struct leg *l)
{
	const struct media_stats *m = &l->f->audio;
	char to[ADDR_STRLEN], from[ADDR_STRLEN];

	if (!l->unheard || !sends_beside(l->f) || !addr_eq(&m->tx_to, &m->sdp_addr))
		return;
	say(&x->r,
	    &(struct says){
		    NAT052, &l->ep->o, "rtp_symmetric", "rtp_symmetric", "yes", .sure = SURE_LIKELY,
		    .unless = sentence("the SDP as the phone wrote it: a private address there is an ALG's work, a "
				       "public one its own STUN's behind a router that changes ports"),
		    .evidence = sentence("the SDP of %s names %s, its router; its audio comes from %s, another "
					 "port: the address was changed on the way, the port was not",
					 l->f->endpoint, addr_str(&m->tx_to, to), addr_str(&m->rx_source, from)) },
	    NULL);
}

/* F4: it hears us, or could; its audio does not come in. */
static void closed_ports(struct exam *x, const struct leg *l)
{
	const struct leg_facts *f = l->f;
	const struct conf_rtp *rtp = &x->ask->conf->rtp;
	char first[16], last[16], here[ADDR_STRLEN], face[ADDR_STRLEN];
	bool heard = hears_us(f);

	if (!l->t || !l->deaf || f->audio.rx_dropped || f->audio.tx_packets < 5 || !peer_is_outside(l) ||
	    host_net_with(&x->r, &f->peer) || is_hidden(l, &f->face) || is_outdated(l, &f->face))
		return;
	snprintf(first, sizeof first, "%u", l->ep->rtp_port_start ? l->ep->rtp_port_start : rtp->rtpstart);
	snprintf(last, sizeof last, "%u", l->ep->rtp_port_start ? l->ep->rtp_port_end : rtp->rtpend);
	say(&x->r,
	    &(struct says){
		    NAT051, &rtp->o, "rtpstart", .sure = heard ? SURE_CERTAIN : SURE_LIKELY,
		    .unless = heard ? NULL
				    : sentence("`hairpin probe` from outside: does UDP %s to %s arrive?", first, last),
		    .evidence =
			    sentence("%s was told %s, and nothing came in; %s", f->endpoint, addr_str(&f->face, face),
				     heard ? "its receiver reports say that it hears us"
					   : "what we send it leaves from the port that it was told") },
	    first, last, ip(&f->here, here), NULL);
}

/* ---- formats ---- */

static void other_format(struct exam *x, const struct leg *l)
{
	if (l->garbled)
		say(&x->r,
		    &(struct says){ NAT066, &l->ep->o, "allow",
				    .evidence =
					    sentence("%llu of %llu packets of %s are in a format that was not agreed",
						     (unsigned long long)l->f->audio.rx_mismatch,
						     (unsigned long long)l->f->audio.rx_packets, l->f->endpoint) },
		    NULL);
}

static void only_noise(struct exam *x, const struct leg *l)
{
	if (l->only_noise)
		say(&x->r,
		    &(struct says){ NAT068, &l->ep->o,
				    .evidence = sentence("all %llu packets of %s are comfort noise",
							 (unsigned long long)l->f->audio.rx_cn, l->f->endpoint) },
		    NULL);
}

/* ---- calls that do not begin or end as they should ---- */

/* F11: it is asked at the private address in its Contact, and is somewhere else. */
static void private_phone(struct exam *x, const struct leg *l)
{
	const struct leg_facts *f = l->f;
	const struct addr *from = f->answered ? &f->peer : &f->source;
	char target[ADDR_STRLEN], source[ADDR_STRLEN];

	if (!(no_answer(l) || f->repeats > 2) || !f->target.family || addr_ip_eq(&f->target, from) ||
	    (f->answered && f->written.family) ||
	    (!from->family && (!is_private(&f->target) || host_net_with(&x->r, &f->target))))
		return;
	addr_str(&f->target, target);
	say(&x->r,
	    &(struct says){ NAT045, &l->ep->o, "rewrite_contact", "rewrite_contact", "yes",
			    .sure = from->family ? SURE_CERTAIN : SURE_LIKELY,
			    .evidence = f->answered
						? sentence("%s repeated its 200 OK %u times: our ACK goes to %s, the "
							   "address in its Contact; its messages come from %s",
							   f->endpoint, f->repeats, target, ip(from, source))
						: sentence("%s is called at %s, the address in its Contact; it "
							   "registered from %s",
							   f->endpoint, target, ip(from, source)) },
	    NULL);
}

/* F30: the nearest hop sends from another address than the one that it listens on. */
static void astray(struct exam *x, const struct leg *l)
{
	const struct leg_facts *f = l->f;
	char by[ADDR_STRLEN], own[ADDR_STRLEN];

	if (f->is_phone || f->repeats < 3 || !f->written.family)
		return;
	say(&x->r,
	    &(struct says){
		    NAT010, &l->ep->o, "rewrite_contact", "rewrite_contact", "no",
		    .evidence = sentence("%s repeated its 200 OK %u times: our ACK goes to %s, where it came from, "
					 "and not to %s, as it says",
					 f->endpoint, f->repeats, addr_str(&f->by, by), addr_str(&f->written, own)) },
	    NULL);
}

/* F30: it registered from another port than the one that it listens on, and nobody changed that on the way. */
static void no_nat(struct exam *x, const struct leg *l)
{
	const struct leg_facts *f = l->f;
	char by[ADDR_STRLEN], own[ADDR_STRLEN];

	if (!no_answer(l) || f->tcp || !f->is_phone || !is_taken_for_nat(&f->written, &f->by, f->at_source))
		return;
	say(&x->r,
	    &(struct says){ NAT075, &l->ep->o, "rewrite_contact", "rewrite_contact", "no", .sure = SURE_LIKELY,
			    .unless = sentence("a call right after it has registered: does that one arrive? Then its "
					       "router has forgotten it (qualify_frequency=25)"),
			    .evidence =
				    sentence("%s is called at %s, the port that it registered from, and never answered "
					     "there; its Contact says %s, and it did not ask for rport",
					     f->endpoint, addr_str(&f->by, by), addr_str(&f->written, own)) },
	    NULL);
}

/* F25: small messages pass, and this one is in fragments. */
static void too_long(struct exam *x, const struct leg *l)
{
	const struct leg_facts *f = l->f;

	if (f->end == LEG_SILENT && !f->tcp && f->invite_bytes > UDP_SAFE)
		say(&x->r,
		    &(struct says){ NAT027, &l->ep->o, "allow", "allow", "!all,ulaw", .sure = SURE_LIKELY,
				    .unless = sentence("a call with fewer codecs, or by TCP: does that one arrive?"),
				    .evidence =
					    sentence("no answer at all to an INVITE of %u bytes over UDP, which goes "
						     "in fragments",
						     f->invite_bytes) },
		    NULL);
}

/* F12: the connection that the phone opened is gone, and it has opened another, or does not know yet. */
static void lost_connection(struct exam *x, const struct leg *l)
{
	const struct conf_global *g = &x->ask->conf->global;
	const struct leg_facts *f = l->f;
	struct says s = { .code = NAT057, .o = &g->o, .option = "keep_alive_interval", .sure = SURE_LIKELY };
	char target[ADDR_STRLEN];

	if (!no_answer(l) || !f->tcp || !f->is_phone || !l->ep->n_aors)
		return;
	if (f->other_contacts) {
		s.o = &l->ep->aors[0]->o;
		s.option = s.fix_option = "remove_existing";
		s.fix_value = "yes";
	} else if (g->o.file) {
		s.fix_option = s.option;
		s.fix_value = "25";
	}
	s.evidence =
		sentence("nothing comes back from %s at %s: the connection that it opened is gone, and nobody can open "
			 "one to it%s",
			 f->endpoint, addr_str(&f->target, target),
			 f->other_contacts ? "; it has another contact, which was not tried" : "");
	say(&x->r, &s, NULL);
}

/* F6: its router's door is closed, and nothing held it open. */
static void closed_door(struct exam *x, const struct leg *l)
{
	const struct conf_aor *aor = l->ep->n_aors ? l->ep->aors[0] : NULL;
	const struct leg_facts *f = l->f;
	char target[ADDR_STRLEN];

	if (!no_answer(l) || f->tcp || !f->behind_nat || !f->is_phone || !aor || !is_asked_seldom(aor))
		return;
	say(&x->r,
	    &(struct says){ NAT013, &aor->o, "qualify_frequency", "qualify_frequency", "25", .sure = SURE_LIKELY,
			    .unless = sentence("a call right after the phone has registered: does that one arrive?"),
			    .evidence = sentence("nothing answers at %s, a port of the router of %s; %s",
						 addr_str(&f->target, target), f->endpoint,
						 aor->qualify_frequency ? "it is asked too seldom to keep it open"
									: "nothing keeps it open") },
	    NULL);
}

/* F23: there was another contact to try. */
static void not_tried(struct exam *x, const struct leg *l)
{
	const struct leg_facts *f = l->f;
	char number[16];

	if (!no_answer(l) || !f->other_contacts || !l->ep->n_aors || (f->tcp && f->is_phone))
		return;
	snprintf(number, sizeof number, "%u", f->other_contacts + 1);
	say(&x->r,
	    &(struct says){ NAT047, &x->ask->conf->hairpin.o, "compat", "compat", "hairpin",
			    .at = unless_written(&x->ask->conf->hairpin.o, &hairpin_conf),
			    .evidence = sentence("the first of %s contacts did not answer, and the others were never "
						 "tried",
						 number) },
	    NULL);
}

/* F7: between the SDP and the answer nobody sent, and then somebody did. */
static void early_deadlock(struct exam *x, const struct leg *l)
{
	const struct leg_facts *f = l->f;
	const struct media_stats *m = &f->audio;
	ms_t until = f->answered ? f->answered_at : f->ended_at ? f->ended_at : x->ask->call->now;
	ms_t waited = until - f->sdp_at;

	if (f->incoming || !f->is_early || waited < EARLY_WAIT || (m->first_tx && m->first_tx < until) ||
	    (m->first_rx && m->first_rx < until))
		return;
	say(&x->r,
	    &(struct says){ NAT053, &l->ep->o, "rtp_keepalive", "rtp_keepalive", "1", .sure = SURE_LIKELY,
			    .evidence =
				    sentence("%s announced early media %lld ms before the answer; neither side sent a "
					     "packet until then",
					     f->endpoint, (long long)waited) },
	    NULL);
}

/* F10: more than one speaks to this port, and all are let in. */
static void bleeding(struct exam *x, const struct leg *l)
{
	const struct media_stats *m = &l->f->audio;
	char from[ADDR_STRLEN];

	if (m->sources < 2 || m->latch != LATCH_OPEN)
		return;
	say(&x->r,
	    &(struct says){ NAT023, &x->ask->conf->rtp.o, "strictrtp", "strictrtp", "yes",
			    .at = unless_written(&x->ask->conf->rtp.o, &rtp_conf),
			    .evidence =
				    sentence("%u sources sent audio to the port of %s at the same time, the last of "
					     "them %s",
					     m->sources, l->f->endpoint, addr_str(&m->rx_source, from)) },
	    NULL);
}

/* The far end says that it hears nothing although we send where it sends from. */
static void far_firewall(struct exam *x, const struct leg *l)
{
	const struct media_stats *m = &l->f->audio;
	char to[ADDR_STRLEN], here[ADDR_STRLEN];

	if (!says_deaf(l->f) || !m->rx_packets || !addr_ip_eq(&m->tx_to, &m->rx_source))
		return;
	say(&x->r,
	    &(struct says){ NAT056, &l->ep->o, .sure = SURE_LIKELY,
			    .evidence =
				    sentence("%s reports a loss of %u/256 of what we send to %s, which is where its "
					     "audio comes from",
					     l->f->endpoint, m->rr_fraction, addr_str(&m->tx_to, to)) },
	    ip(&l->f->here, here), NULL);
}

/* The first of these options that is written, else allow. */
static const char *first_written(const struct leg *l, const char *const *options)
{
	for (; *options; options++)
		if (conf_written(&l->ep->o, "endpoint", *options))
			return *options;
	return "allow";
}

/* F24: it sends what its key, as SDP has it, does not open. */
static void wrong_key(struct exam *x, const struct leg *l)
{
	const struct media_stats *m = &l->f->audio;

	if (!m->encrypted || m->rx_packets || !m->srtp_failures)
		return;
	say(&x->r,
	    &(struct says){ NAT085, &l->ep->o, "media_encryption",
			    .evidence =
				    sentence("%u packets came from %s that the key in its SDP does not open, and none "
					     "that it does",
					     m->srtp_failures, l->f->endpoint) },
	    NULL);
}

/* F16, F24: our 488 to its INVITE. */
static void refused_offer(struct exam *x, const struct leg *l)
{
	static const char *const srtp[] = { "media_encryption", NULL };
	static const char *const browser[] = { "webrtc", "ice_support", "media_encryption", NULL };
	static const char *const plain[] = { "media_encryption_optimistic", "media_encryption", NULL };
	static const char *const none[] = { NULL };
	static const struct refusal {
		enum finding_code code;
		const char *offers;
		const char *const *options;
	} why[] = {
		[OFFER_OTHER] = { NAT071, "no codec that allow= has", none },
		[OFFER_SRTP] = { NAT070, "SRTP (RTP/SAVP) only", srtp },
		[OFFER_PLAIN] = { NAT084, "plain RTP only", plain },
		[OFFER_BROWSER] = { NAT072, "SRTP with ICE only, as browsers do", browser },
	};
	const struct leg_facts *f = l->f;
	const struct refusal *w = &why[f->offer];

	if (!f->incoming || f->end != LEG_REFUSED || f->code != 488 || f->offer == OFFER_FAX)
		return;
	say(&x->r,
	    &(struct says){ w->code, &l->ep->o, first_written(l, w->options),
			    .evidence = sentence("%s offers %s, and got 488", f->endpoint, w->offers) },
	    NULL);
}

/* F29: audio goes on, and the fax does not go that way. */
static void fax(struct exam *x, const struct leg *l)
{
	static const char *const options[] = { "t38_udptl", "t38_udptl_nat", NULL };
	const struct leg_facts *f = l->f;
	bool at_once = f->end == LEG_REFUSED && f->code == 488 && f->offer == OFFER_FAX;

	if (!f->asked_fax && !at_once)
		return;
	say(&x->r,
	    &(struct says){ NAT074, &l->ep->o, first_written(l, options),
			    .evidence = at_once ? sentence("%s offers T.38 only, and got 488", f->endpoint)
						: sentence("a re-INVITE of %s asked for T.38, and did not get it; "
							   "audio went on as it was",
							   f->endpoint) },
	    NULL);
}

static void puzzle(struct exam *x, const struct leg *l, enum finding_code code, char *evidence)
{
	char peer[ADDR_STRLEN];

	say(&x->r, &(struct says){ code, &l->ep->o, .sure = SURE_POSSIBLE, .evidence = evidence },
	    code == NAT069 ? ip(&l->f->peer, peer) : NULL, NULL);
}

void leg_puzzle(struct exam *x, const struct leg *l)
{
	const struct leg_facts *f = l->f;
	const struct media_stats *m = &f->audio;
	char one[ADDR_STRLEN], two[ADDR_STRLEN];

	if (no_answer(l))
		puzzle(x, l, NAT063,
		       sentence("%s at %s: %s", f->endpoint, ip(&f->target, one),
				f->end == LEG_SILENT ? "no answer to the INVITE, not even 100"
						     : "it cannot be reached"));
	else if (f->end == LEG_NO_ACK)
		puzzle(x, l, NAT069,
		       sentence("our 200 OK to %s was repeated for 32 s and never acknowledged; it names %s as our "
				"Contact",
				f->endpoint, ip(&f->told, one)));
	else
		puzzle(x, l, NAT067,
		       sentence("%s: %llu packets came, the last from %s; %llu went to %s", f->endpoint,
				(unsigned long long)m->rx_packets, ip(&m->rx_source, one),
				(unsigned long long)m->tx_packets, ip(&m->tx_to, two)));
}

const struct leg_rule leg_rules[] = {
	{ wrong_key, false },     { private_face, false }, { private_contact, false }, { wrong_external, false },
	{ moved_port, false },    { wrong_family, false }, { private_phone, false },   { lost_connection, false },
	{ not_tried, false },     { turned_away, false },  { strict_drops, false },    { private_target, false },
	{ other_address, false }, { alg, false },          { closed_ports, false },    { other_format, false },
	{ only_noise, false },    { too_long, false },

	{ no_nat, false },        { closed_door, false },  { far_firewall, false },    { early_deadlock, true },
	{ bleeding, true },       { refused_offer, true }, { astray, true },           { fax, true },
	{ NULL, false },
};
