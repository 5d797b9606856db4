/*
 * nat/doctor.c: the examination of one call. Each rule of the table asks one leg one question, and needs something that
 * was seen before it says yes; what it says is a finding like those of `hairpin check`, with the evidence. A leg whose
 * audio is well is asked nothing: what is unwise and harms nobody is for `check`.
 */
#include "nat/doctor.h"

#include <stdlib.h>
#include <string.h>

#include "nat/doctor_priv.h"

#define TALK_LEAST 2000  /* ms of an answered call before silence means something */
#define STOPPED    10000 /* ms without a packet, where there were some */

const char *why_name(enum why v)
{
	static const char *const names[] = {
		[WHY_NONE] = "none", [WHY_EARLY] = "early", [WHY_FINE] = "fine", [WHY_FOUND] = "found"
	};

	return names[v];
}

/* ---- what is the case ---- */

bool is_outside(const struct addr *a)
{
	return addr_class(a) == ADDR_GLOBAL;
}

bool is_private(const struct addr *a)
{
	enum addr_class c = addr_class(a);

	return c == ADDR_PRIVATE || c == ADDR_CGNAT || c == ADDR_ULA || c == ADDR_LINKLOCAL || c == ADDR_LOOPBACK;
}

static ms_t end_of(const struct exam *x, const struct leg_facts *f)
{
	return f->ended_at ? f->ended_at : x->ask->call->now;
}

static ms_t talk_ms(const struct exam *x, const struct leg_facts *f)
{
	return f->answered ? end_of(x, f) - f->answered_at : 0;
}

bool hears_us(const struct leg_facts *f)
{
	return f->audio.rr_count && f->audio.rr_moving && f->audio.rr_fraction < 128;
}

bool says_deaf(const struct leg_facts *f)
{
	return f->audio.rr_count && f->audio.tx_packets > 100 && (!f->audio.rr_moving || f->audio.rr_fraction >= 250);
}

/* Where we send is not where it sends from, nor where its messages come from. */
bool sends_astray(const struct leg_facts *f)
{
	const struct media_stats *m = &f->audio;

	return m->tx_to.family && m->tx_packets && !addr_ip_eq(&m->tx_to, &m->rx_source) &&
	       !addr_ip_eq(&m->tx_to, &f->peer);
}

bool sends_beside(const struct leg_facts *f)
{
	const struct media_stats *m = &f->audio;

	return f->is_phone && m->tx_packets && m->rx_packets && addr_ip_eq(&m->tx_to, &m->rx_source) &&
	       m->tx_to.port != m->rx_source.port;
}

bool is_taken_for_nat(const struct addr *written, const struct addr *by, bool at_source)
{
	return written->family && addr_ip_eq(written, by) && written->port != by->port && !at_source;
}

static struct leg look_at(const struct exam *x, size_t i)
{
	const struct leg_facts *f = x->ask->call->legs[i];
	bool talks = f->has_media && !f->held && talk_ms(x, f) >= TALK_LEAST;
	struct leg l = { .f = f, .ep = x->ask->settings[i].ep, .door = x->ask->settings[i].door };

	l.t = l.door ? l.door->t : NULL;
	l.deaf = talks && !f->audio.rx_packets;
	l.stopped = talks && f->audio.rx_packets && end_of(x, f) - f->audio.last_rx > STOPPED;
	l.unheard = talks && (says_deaf(f) || ((sends_astray(f) || sends_beside(f)) && !hears_us(f)));
	l.garbled = talks && f->audio.rx_mismatch > 50 && f->audio.rx_mismatch * 2 > f->audio.rx_packets;
	l.only_noise = talks && f->audio.rx_packets && f->audio.rx_cn == f->audio.rx_packets;
	l.broken = f->end == LEG_NO_ACK || f->end == LEG_SILENT || f->end == LEG_UNREACHABLE || f->end == LEG_NO_RTP;
	return l;
}

static bool is_sick(const struct leg *l)
{
	return l->deaf || l->stopped || l->unheard || l->garbled || l->only_noise || l->broken;
}

#define SELDOM 60 /* s: what most routers keep open */

bool is_asked_seldom(const struct conf_aor *a)
{
	return !a->keep_open && (!a->qualify_frequency || a->qualify_frequency > SELDOM);
}

/* ---- words ---- */

const char *ip(const struct addr *a, char buf[ADDR_STRLEN])
{
	return a->family ? addr_ip_str(a, buf) : "an unknown address";
}

char *sentence(const char *fmt, ...)
{
	struct out o = out_growing();
	va_list ap;

	va_start(ap, fmt);
	out_vfmt(&o, fmt, ap);
	va_end(ap);
	return out_take(&o);
}

/* ---- the verdict ---- */

/* The surest first; among equals, the order of the table. */
void sort_by_sureness(struct lint *l)
{
	for (size_t i = 1; i < l->n; i++) {
		struct finding f = l->v[i];
		size_t at = i;

		for (; at > 0 && l->v[at - 1].sure > f.sure; at--)
			l->v[at] = l->v[at - 1];
		l->v[at] = f;
	}
	for (size_t i = 0; i < l->n; i++) {
		l->errors += l->v[i].sev == DIAG_ERROR;
		l->warnings += l->v[i].sev == DIAG_WARNING;
	}
}

static void examine(struct exam *x, size_t i)
{
	struct leg l = look_at(x, i);
	size_t before = x->r.out->n;

	if (!l.ep)
		return;
	for (const struct leg_rule *rule = leg_rules; rule->look; rule++)
		if (is_sick(&l) || rule->always)
			rule->look(x, &l);
	if (is_sick(&l) && x->r.out->n == before)
		leg_puzzle(x, &l);
}

/* F11: its OPTIONS, too, went to the private address in its Contact. */
static bool missing_is_private(struct exam *x, const struct conf_endpoint *ep)
{
	const struct call_facts *call = x->ask->call;
	char target[ADDR_STRLEN], source[ADDR_STRLEN];

	if (!call->missing_target.family || !call->missing_source.family ||
	    addr_ip_eq(&call->missing_target, &call->missing_source))
		return false;
	say(&x->r,
	    &(struct says){ NAT045, &ep->o, "rewrite_contact", "rewrite_contact", "yes", .sure = SURE_CERTAIN,
			    .evidence = sentence("%s does not answer at %s, the address in its Contact; it registered "
						 "from %s",
						 call->missing, addr_str(&call->missing_target, target),
						 ip(&call->missing_source, source)) },
	    NULL);
	return true;
}

/* F30: its OPTIONS, too, went to the port that it registered from. */
static bool missing_is_no_nat(struct exam *x, const struct conf_endpoint *ep)
{
	const struct call_facts *call = x->ask->call;
	char target[ADDR_STRLEN], own[ADDR_STRLEN];

	if (!is_taken_for_nat(&call->missing_written, &call->missing_target, call->missing_at_source))
		return false;
	say(&x->r,
	    &(struct says){ NAT075, &ep->o, "rewrite_contact", "rewrite_contact", "no", .sure = SURE_LIKELY,
			    .evidence = sentence("%s never answered at %s, the port that it registered from; its "
						 "Contact says %s, and it did not ask for rport",
						 call->missing, addr_str(&call->missing_target, target),
						 addr_str(&call->missing_written, own)) },
	    NULL);
	return true;
}

/* F6, F19: there was nobody to call. */
static void missing(struct exam *x)
{
	const struct call_facts *call = x->ask->call;
	const struct conf_endpoint *ep = conf_endpoint(x->ask->conf, span_of(call->missing));
	const struct conf_aor *aor = ep && ep->n_aors ? ep->aors[0] : NULL;
	bool seldom = aor && is_asked_seldom(aor);
	struct says s = { .code = NAT063, .sure = SURE_LIKELY };

	if (!ep || missing_is_private(x, ep) || missing_is_no_nat(x, ep))
		return;
	s.o = aor ? &aor->o : &ep->o;
	if (call->missing_contacts && seldom) {
		s.code = NAT013;
		s.option = s.fix_option = "qualify_frequency";
		s.fix_value = "25";
		s.evidence =
			sentence("%s is registered and does not answer; it is asked every %u s, and its router may "
				 "forget it long before",
				 call->missing, aor->qualify_frequency);
	} else if (call->missing_contacts) {
		s.evidence = sentence("%s is registered and does not answer", call->missing);
	} else {
		s.evidence = sentence("%s is not registered, and has no contact of its own", call->missing);
	}
	say(&x->r, &s, NULL);
}

/* Branches of a fork that somebody else answered are nobody's business. */
static bool counts(const struct call_facts *call, size_t i)
{
	bool answered = false;

	for (size_t k = 0; k < call->n_legs; k++)
		answered |= !call->legs[k]->incoming && call->legs[k]->answered;
	return call->legs[i]->incoming || call->legs[i]->answered || !answered;
}

enum why doctor_call(const struct doctor_ask *ask, struct lint *findings)
{
	struct lint_ask all = { .conf = ask->conf, .host = ask->host, .n_host = ask->n_host };
	struct exam x = { .r = { &all, ask->conf, findings }, .ask = ask };
	const struct call_facts *call = ask->call;
	bool answered = false, talked = false;

	for (size_t i = 0; i < call->n_legs; i++) {
		answered |= call->legs[i]->answered;
		talked |= talk_ms(&x, call->legs[i]) >= TALK_LEAST;
		if (counts(call, i))
			examine(&x, i);
	}
	if (call->missing[0] && !answered)
		missing(&x);
	sort_by_sureness(findings);
	if (findings->n)
		return WHY_FOUND;
	return !answered ? WHY_NONE : talked ? WHY_FINE : WHY_EARLY;
}
