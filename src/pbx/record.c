/*
 * pbx/record.c: what remains of a call: who, when, and for each leg the facts that the doctor (nat/doctor.h) judges it
 * by. A record lives with the channels of its call, is judged when the last of them goes, and then takes the place of
 * the oldest that is kept. Those lie together: each by itself would hold a page of a heap that is empty after a rush.
 */
#include <stdlib.h>
#include <string.h>

#include "base/trace.h"
#include "pbx/priv.h"

#define KEPT       128  /* calls that have ended */
#define AT_WORK    16   /* further places, for calls of whose legs one has ended and another has not */
#define UNANSWERED 4000 /* ms without even a 100: RFC 3261's timer A has sent it four times by then */

#define LEGS_USUAL 2

/* Of a call one of whose legs has ended, at least. */
struct ended_call {
	struct call_facts facts;
	struct leg_facts *legs[CALL_LEGS]; /* of those that have ended, by slot */
	enum why why;
	struct lint findings;
	unsigned n_usual;
	struct leg_facts usual[LEGS_USUAL]; /* further ones have blocks of their own */
};

/* Where facts are noted is where they are kept. */
struct kept_calls {
	size_t n; /* ended so far */
	unsigned n_free;
	uint8_t order[KEPT]; /* places in `all`: of the last KEPT calls, the nth at n % KEPT */
	uint8_t free[KEPT + AT_WORK];
	struct ended_call all[KEPT + AT_WORK];
};

/* Of a call that goes on. */
struct call_record {
	struct conf *conf;
	unsigned chans, slots;
	int64_t began;
	struct chan_id id;        /* of its first channel */
	struct ended_call *ended; /* NULL: there is nothing to note yet */
};

static struct call_record *record_new(struct chan *c)
{
	struct call_record *r = spares_take(&c->pbx->spares, sizeof *r);

	*r = (struct call_record){ .conf = conf_ref(c->conf), .began = clock_wall(c->pbx->clock), .id = c->id };
	return r;
}

static struct call_facts facts_of(const struct call_record *r)
{
	struct call_facts f = { .began = r->began };
	struct out id = out_fixed(f.id, sizeof f.id - 1);

	if (r->ended)
		return r->ended->facts;
	out_chan_id(&id, r->id);
	return f;
}

static struct leg_facts *leg_new(struct ended_call *e)
{
	return e->n_usual < LEGS_USUAL ? &e->usual[e->n_usual++] : xmalloc(sizeof e->usual[0]);
}

static bool is_within(const struct ended_call *e, const struct leg_facts *leg)
{
	return leg >= e->usual && leg < e->usual + LEGS_USUAL;
}

static void ended_clear(struct ended_call *e)
{
	for (size_t i = 0; i < CALL_LEGS; i++)
		if (!is_within(e, e->legs[i]))
			free(e->legs[i]);
	lint_free(&e->findings);
}

/* ---- calls that have ended ---- */

static struct kept_calls *kept_calls(struct pbx *p)
{
	if (!p->kept) {
		p->kept = xcalloc(1, sizeof *p->kept);
		for (unsigned i = 0; i < ARRAY_LEN(p->kept->all); i++)
			p->kept->free[p->kept->n_free++] = (uint8_t)i;
	}
	return p->kept;
}

static bool has_place(const struct kept_calls *k, const struct ended_call *e)
{
	return k && e >= k->all && e < k->all + ARRAY_LEN(k->all);
}

/* NULL: calls whose ends are long apart have them all. What will be kept always finds one. */
static struct ended_call *take_place(struct kept_calls *k)
{
	unsigned promised = KEPT - (unsigned)MIN(k->n, KEPT);

	return k->n_free > promised ? &k->all[k->free[--k->n_free]] : NULL;
}

static struct ended_call *ended_of(struct pbx *p, struct call_record *r)
{
	struct ended_call *e = r->ended;

	if (e)
		return e;
	e = take_place(kept_calls(p));
	if (!e)
		e = xmalloc(sizeof *e);
	memset(e, 0, offsetof(struct ended_call, usual));
	e->facts = facts_of(r);
	r->ended = e;
	return e;
}

/* Its memory, or its place. */
static void ended_free(struct pbx *p, struct ended_call *e)
{
	struct kept_calls *k = p->kept;

	if (e && has_place(k, e))
		k->free[k->n_free++] = (uint8_t)(e - k->all);
	else
		free(e);
}

static void record_free(struct pbx *p, struct call_record *r)
{
	if (r->ended)
		ended_clear(r->ended);
	ended_free(p, r->ended);
	conf_unref(r->conf);
	spares_give(&p->spares, r);
}

static void take_legs(struct ended_call *e)
{
	e->facts.n_legs = 0;
	for (size_t i = 0; i < CALL_LEGS; i++)
		if (e->legs[i])
			e->facts.legs[e->facts.n_legs++] = e->legs[i];
}

/* Of one without a place; its own memory is free afterwards. */
static struct ended_call *move_in(struct kept_calls *k, struct ended_call *e)
{
	struct ended_call *to = &k->all[k->free[--k->n_free]];

	*to = *e;
	for (size_t i = 0; i < CALL_LEGS; i++)
		if (is_within(e, e->legs[i]))
			to->legs[i] = &to->usual[e->legs[i] - e->usual];
	take_legs(to);
	free(e);
	return to;
}

static void keep(struct pbx *p, struct ended_call *e)
{
	struct kept_calls *k = kept_calls(p);
	uint8_t *place = &k->order[k->n % KEPT];

	if (k->n >= KEPT) {
		ended_clear(&k->all[*place]);
		ended_free(p, &k->all[*place]);
	}
	if (!has_place(k, e))
		e = move_in(k, e);
	*place = (uint8_t)(e - k->all);
	k->n++;
}

/* The oldest is number 0; NULL: there are no more. */
static struct ended_call *kept_nth(const struct pbx *p, size_t n)
{
	struct kept_calls *k = p->kept;
	size_t oldest = k && k->n >= KEPT ? k->n - KEPT : 0;

	return k && oldest + n < k->n ? &k->all[k->order[(oldest + n) % KEPT]] : NULL;
}

void records_free(struct pbx *p)
{
	struct ended_call *e;

	for (size_t i = 0; (e = kept_nth(p, i)); i++)
		ended_clear(e);
	free(p->kept);
	p->kept = NULL;
}

void record_begin(struct chan *c, struct chan *from)
{
	c->record = from ? from->record : record_new(c);
	c->record->chans++;
	c->note.slot = c->record->slots++;
}

/* ---- facts ---- */

static bool is_phone(const struct conf_endpoint *ep)
{
	for (size_t i = 0; i < ep->n_aors; i++)
		if (ep->aors[i]->max_contacts)
			return true;
	return false;
}

/* The host and port of a URI, when they are literal. */
static struct addr uri_address(struct span uri)
{
	struct addr a = { 0 };
	struct sip_uri u;

	if (sip_uri_parse(uri, &u) && addr_parse_ip(u.host, &a))
		a.port = u.port ? u.port : 5060;
	return a;
}

static void note_missing(struct call_facts *f, const struct contact *k)
{
	if (f->missing_contacts++)
		return;
	f->missing_target = uri_address(span_of(k->uri));
	f->missing_source = k->source;
	f->missing_at_source = contact_at_source(k);
	if (!addr_parse(span_of(k->orig_host), &f->missing_written))
		f->missing_written = (struct addr){ 0 };
}

void record_missing(struct chan *c, const struct conf_endpoint *ep)
{
	struct call_facts *f = &ended_of(c->pbx, c->record)->facts;

	span_copy(span_of(ep->o.name), f->missing, sizeof f->missing);
	f->missing_contacts = 0;
	for (size_t i = 0; i < ep->n_aors; i++) {
		struct aor *a = aor_find(c->pbx, span_of(ep->aors[i]->o.name));

		if (!a)
			continue;
		list_for(l, &a->contacts)
			note_missing(f, list_entry(l, struct contact, link));
	}
}

struct leg_was *leg_was(struct chan *c)
{
	if (!c->note.was)
		c->note.was = xcalloc(1, sizeof *c->note.was);
	return c->note.was;
}

void record_dialog(struct chan *c)
{
	struct addr written, by = { 0 };

	if (!c->dialog)
		return;
	c->note.target = uri_address(sip_dialog_target(c->dialog));
	written = sip_dialog_written(c->dialog, &by);
	if (written.family || c->note.was) {
		leg_was(c)->written = written;
		c->note.was->by = by;
	}
	c->note.repeats = sip_dialog_repeats(c->dialog);
}

static enum leg_end end_of(const struct chan *c, ms_t now)
{
	if (c->gone && c->note.end)
		return c->note.end;
	if (!c->incoming && !c->note.heard && now - c->born >= UNANSWERED)
		return LEG_SILENT;
	return c->gone ? LEG_ENDED : LEG_LIVES;
}

static struct addr seen_from(const struct nat_door *d, const struct addr *peer)
{
	struct addr a = nat_external_for(&d->found, peer);

	return a.family ? a : d->seen;
}

static void gather(struct chan *c, struct leg_facts *f)
{
	struct pbx *p = c->pbx;
	struct sip_transport_info t = sip_transport_of(p->sip, &c->note.flow);
	ms_t now = p->clock->now;
	struct leg_was was;

	record_dialog(c);
	was = c->note.was ? *c->note.was : (struct leg_was){ 0 };
	*f = (struct leg_facts){ .incoming = c->incoming,
				 .answered = c->answered_at != 0,
				 .tcp = net_is_stream(c->note.flow.proto),
				 .is_phone = is_phone(c->ep),
				 .behind_nat = c->behind_nat,
				 .held = c->held,
				 .heard = c->note.heard,
				 .is_early = c->note.early,
				 .end = end_of(c, now),
				 .by_peer = c->note.by_peer,
				 .offer = c->note.offer,
				 .asked_fax = c->note.asked_fax,
				 .cause = c->cause,
				 .code = c->sip_code,
				 .born = c->born,
				 .answered_at = c->answered_at,
				 .ended_at = c->gone ? now : 0,
				 .sdp_at = c->note.sdp_at,
				 .reoffers = c->note.reoffers,
				 .invite_bytes = c->note.invite_bytes,
				 .other_contacts = (unsigned)(c->tries.n - c->tries.at),
				 .repeats = c->note.repeats,
				 .peer = c->peer.family ? c->peer : c->note.flow.peer,
				 .here = c->note.flow.local,
				 .told = c->contact,
				 .face = c->local.face,
				 .target = c->note.target,
				 .source = was.source,
				 .written = was.written,
				 .by = was.by,
				 .at_source = c->note.at_source,
				 .sdp_was = was.sdp_was,
				 .has_media = c->media != NULL };
	if (!c->incoming && !f->answered)
		f->target = uri_address(span_of(c->target));
	if (f->told.family && !f->told.port)
		f->told.port = 5060;
	if (t.door)
		f->seen_as = seen_from(t.door, &f->peer);
	span_copy(span_of(c->name), f->name, sizeof f->name);
	span_copy(span_of(c->ep->o.name), f->endpoint, sizeof f->endpoint);
	span_copy(span_of(t.conf ? t.conf->o.name : ""), f->transport, sizeof f->transport);
	if (c->media)
		media_stats(c->media, &f->audio);
}

/* Who calls whom: as the first leg has it. */
static void note_parties(const struct chan *c, struct call_facts *f)
{
	span_copy(span_of(c->caller_num), f->caller, sizeof f->caller);
	span_copy(span_of(c->dialed), f->dialed, sizeof f->dialed);
}

/* Where a leg's facts go: its own place, or, when too many were dialled, that of one which was never answered. */
static struct leg_facts **place_of(struct ended_call *e, const struct chan *c)
{
	if (c->note.slot < CALL_LEGS)
		return &e->legs[c->note.slot];
	for (size_t i = 1; c->answered_at && i < CALL_LEGS; i++)
		if (!e->legs[i] || !e->legs[i]->answered)
			return &e->legs[i];
	return NULL;
}

void record_leg(struct chan *c)
{
	struct ended_call *e = ended_of(c->pbx, c->record);
	struct leg_facts **place = place_of(e, c);

	if (place && !*place)
		*place = leg_new(e);
	if (place)
		gather(c, *place);
	if (c->note.slot == 0)
		note_parties(c, &e->facts);
}

/* ---- the verdict ---- */

static const struct nat_door *door_of(const struct pbx *p, const char *transport)
{
	struct sip_transport_info t;

	for (unsigned n = 0; sip_transport_nth(p->sip, n, &t); n++)
		if (strcmp(t.conf->o.name, transport) == 0)
			return t.door;
	return NULL;
}

#define HOSTS_FOR 10000 /* ms: the system is not asked for each call */

static void look_at_hosts(struct pbx *p)
{
	if (!p->cfg.hosts || (p->hosts_at && p->clock->now - p->hosts_at < HOSTS_FOR))
		return;
	p->n_hosts = p->cfg.hosts(p->cfg.arg, p->hosts, ARRAY_LEN(p->hosts));
	p->hosts_at = p->clock->now;
}

static enum why judge(struct pbx *p, struct conf *conf, const struct call_facts *call, struct lint *findings)
{
	struct leg_settings settings[CALL_LEGS];
	struct doctor_ask ask = { .conf = conf, .call = call, .settings = settings, .host = p->hosts };

	for (size_t i = 0; i < call->n_legs; i++)
		settings[i] = (struct leg_settings){ conf_endpoint(conf, span_of(call->legs[i]->endpoint)),
						     door_of(p, call->legs[i]->transport) };
	look_at_hosts(p);
	ask.n_host = p->n_hosts;
	return doctor_call(&ask, findings);
}

/* A call to a phone that is switched off is not worth a line. */
static bool is_worth_a_line(const struct ended_call *e)
{
	bool lived = false;

	for (size_t i = 0; i < e->facts.n_legs; i++)
		lived |= e->facts.legs[i]->answered;
	return e->findings.n && e->findings.v[0].sev != DIAG_NOTE && (lived || e->findings.v[0].sure < SURE_POSSIBLE);
}

#define LINES 10 /* a second: a rush of calls that all fail alike does not fill the disk */

static bool may_log(struct pbx *p)
{
	ms_t now = p->clock->now;

	if (now - p->verdicts_from >= 1000) {
		p->verdicts_from = now;
		p->verdicts = 0;
	}
	return p->verdicts++ < LINES;
}

static void log_verdict(struct pbx *p, const struct ended_call *e)
{
	const struct finding *f = e->findings.v;

	if (is_worth_a_line(e) && may_log(p))
		trace(EV_CALL_WHY, e->facts.legs[0]->name, "%s, %s: %s; set %s", finding_rows[f->code].code,
		      finding_rows[f->code].title, f->evidence, f->text);
}

static void tell_ended(struct pbx *p, const struct ended_call *e)
{
	struct pbx_why_info i = { .call = &e->facts, .why = e->why, .findings = e->findings.v, .n = e->findings.n };

	if (p->cfg.ended)
		p->cfg.ended(p->cfg.arg, &i);
}

void record_leave(struct chan *c)
{
	struct call_record *r = c->record;
	struct pbx *p = c->pbx;
	struct ended_call *e;

	if (!r || --r->chans)
		return;
	e = r->ended;
	if (e)
		take_legs(e);
	if (!e || !e->facts.n_legs) { /* the whole PBX goes */
		record_free(p, r);
		return;
	}
	e->facts.over = true;
	e->facts.now = p->clock->now;
	e->why = judge(p, r->conf, &e->facts, &e->findings);
	log_verdict(p, e);
	tell_ended(p, e);
	keep(p, e);
	r->ended = NULL;
	record_free(p, r);
}

/* ---- asking ---- */

static void tell(const struct call_facts *call, enum why v, const struct lint *findings, pbx_why_fn *each, void *arg)
{
	struct pbx_why_info i = { .call = call, .why = v, .findings = findings->v, .n = findings->n };

	each(arg, &i);
}

/* A call that still goes on is judged as it is now. */
static void tell_live(struct pbx *p, struct call_record *r, pbx_why_fn *each, void *arg)
{
	struct leg_facts *live[CALL_LEGS] = { 0 };
	struct call_facts call = facts_of(r);
	struct lint findings = { 0 };
	enum why v;

	call.now = p->clock->now;
	call.n_legs = 0;
	list_for(l, &p->chans) {
		struct chan *c = list_entry(l, struct chan, link);

		if (c->record != r || c->gone || c->note.slot >= CALL_LEGS)
			continue;
		live[c->note.slot] = xmalloc(sizeof *live[0]);
		gather(c, live[c->note.slot]);
		if (c->note.slot == 0)
			note_parties(c, &call);
	}
	for (size_t i = 0; i < CALL_LEGS; i++) {
		const struct leg_facts *f = live[i] ? live[i] : r->ended ? r->ended->legs[i] : NULL;

		if (f)
			call.legs[call.n_legs++] = f;
	}
	v = judge(p, r->conf, &call, &findings);
	tell(&call, v, &findings, each, arg);
	lint_free(&findings);
	for (size_t i = 0; i < CALL_LEGS; i++)
		free(live[i]);
}

static bool has_name(const struct ended_call *e, struct span name)
{
	bool is = span_is(name, e->facts.id);

	for (size_t i = 0; i < CALL_LEGS; i++)
		is |= e->legs[i] && span_is(name, e->legs[i]->name);
	return is;
}

static struct ended_call *ended_one(struct pbx *p, struct span name)
{
	struct ended_call *found = NULL, *e;

	for (size_t i = 0; (e = kept_nth(p, i)); i++)
		if (!name.n || has_name(e, name))
			found = e;
	return found;
}

static bool is_id(struct span text, struct chan_id id)
{
	char room[32];
	struct out o = out_fixed(room, sizeof room);

	out_chan_id(&o, id);
	return span_eq(text, out_look(&o));
}

bool pbx_why(struct pbx *p, struct span call, pbx_why_fn *each, void *arg)
{
	struct call_record *live = NULL;
	struct ended_call *e;

	list_for(l, &p->chans) {
		struct chan *c = list_entry(l, struct chan, link);

		if (!c->gone && (!call.n || span_is(call, c->name) || is_id(call, c->record->id)))
			live = c->record;
	}
	if (live) {
		tell_live(p, live, each, arg);
		return true;
	}
	e = ended_one(p, call);
	if (e)
		tell(&e->facts, e->why, &e->findings, each, arg);
	return e != NULL;
}

void pbx_each_record(struct pbx *p, pbx_why_fn *each, void *arg)
{
	struct ended_call *e;

	for (size_t i = 0; (e = kept_nth(p, i)); i++)
		tell(&e->facts, e->why, &e->findings, each, arg);
}

struct tally {
	struct pbx *p;
	struct records_tally *t;
};

/* Its audio came from beyond our router, as far as can be seen. */
static bool is_from_outside(struct pbx *p, const struct leg_facts *f)
{
	const struct addr *from = &f->audio.rx_source;
	const struct nat_door *d = door_of(p, f->transport);
	const struct net *net = &p->cfg.net;
	struct net_route r;

	if (!f->audio.rx_packets || addr_class(from) != ADDR_GLOBAL || (d && nat_is_local(d->t, from)))
		return false;
	return !net->route || !net->route(net->arg, from, &(struct addr){ 0 }, &r) || !r.len || r.via.family;
}

/* Too short to judge what was missing, but nothing was. */
static bool all_heard(const struct call_facts *call)
{
	bool all = true;

	for (size_t i = 0; i < call->n_legs; i++)
		all &= call->legs[i]->answered && call->legs[i]->audio.rx_packets > 0;
	return all;
}

static void count_one(void *arg, const struct pbx_why_info *i)
{
	const struct tally *tally = arg;
	struct records_tally *t = tally->t;

	t->fine += i->why == WHY_FINE || (i->why == WHY_EARLY && all_heard(i->call));
	t->sick += i->why == WHY_FOUND && i->findings[0].sev != DIAG_NOTE;
	for (size_t k = 0; k < i->call->n_legs; k++) {
		if (!is_from_outside(tally->p, i->call->legs[k]))
			continue;
		t->outside++;
		t->uninvited += i->call->legs[k]->audio.rx_uninvited;
	}
}

void records_tally(struct pbx *p, struct records_tally *t)
{
	struct tally tally = { p, t };

	pbx_each_record(p, count_one, &tally);
	list_for(l, &p->chans) {
		struct chan *c = list_entry(l, struct chan, link);

		if (!c->gone && c->note.slot == 0)
			tell_live(p, c->record, count_one, &tally);
	}
}
