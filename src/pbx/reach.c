/*
 * pbx/reach.c: whether a contact is there, and how long the NAT in front of it remembers it.
 *
 * One lost OPTIONS says little: a contact is given up after LOSSES questions in a row, the later ones asked quickly.
 * Any packet from its address is a sign of life. compat=asterisk: the first silence decides, and only answers count.
 *
 * A mapping lives as long as the longest silence that it survived, and not as long as the shortest after which it was
 * gone: OPTIONS were not answered, and then the phone spoke from another port, or spoke at once. Where
 * qualify_frequency is not written the interval of our OPTIONS follows. A longer silence is tried only just before the
 * phone registers again, as it has done at regular times: if the mapping does end, the phone is back within seconds
 * (RFC 5626 4.4 leaves this to the client, who can register at once).
 */
#include <stdlib.h>
#include <string.h>

#include "base/trace.h"
#include "pbx/priv.h"

#define LOSSES     3
#define AGAIN      500    /* ms until the next question */
#define FIRST_SEND 400    /* an answer that comes later may be to a repetition */
#define SENDS      1600   /* three transmissions are without an answer */
#define SOON       30000  /* who speaks so soon after a loss was there all the time */
#define KEEP_MIN   15000  /* ms */
#define KEEP_MAX   120000 /* as RFC 5626 has it for TCP */
#define LEAD       3000   /* of a trial, before the phone registers */

struct reach {
	struct contact *c;
	struct pbx *pbx;
	struct addr at; /* family 0: a name, or behind a proxy */
	uint64_t hash;  /* of it */
	bool listed;
	unsigned losses;
	struct timer timer;
	ms_t heard, asked_gap, failed_gap, failed; /* gaps: of silence, when it was asked; 0: no question is open */
	ms_t survived, lost, interval;
	ms_t registered, period, period_before;
	bool trying;
};

static bool heals(const struct pbx *p)
{
	return !p->conf->hairpin.compat_asterisk;
}

static bool keeps(const struct contact *c)
{
	return c->orig_host[0] && c->aor->conf->keep_open && !c->aor->conf->qualify_frequency;
}

/* ---- found by address ---- */

/* Contacts choose where they are, so their addresses are hashed with a secret of ours. */
static uint64_t hash_of(const struct pbx *p, const struct addr *at)
{
	return siphash(p->secret, &(struct span){ (const char *)at, sizeof *at }, 1).w[0];
}

static void list_in(struct reach *r)
{
	if (!r->at.family)
		return;
	r->listed = true;
	r->hash = hash_of(r->pbx, &r->at);
	table_add(&r->pbx->reaches, r->hash, r);
}

static void list_out(struct reach *r)
{
	if (r->listed)
		table_del(&r->pbx->reaches, r->hash, r);
	r->listed = false;
}

/* The address that packets of this contact come from; compared as bytes. */
static struct addr address_of(const struct contact *c)
{
	struct addr said, a;
	struct sip_uri u;

	memset(&a, 0, sizeof a);
	if (c->path[0] || !sip_uri_parse(span_of(c->uri), &u) || !addr_parse_ip(u.host, &said))
		return a;
	a.family = said.family;
	memcpy(a.ip, said.ip, said.family == 4 ? 4 : 16);
	a.port = u.port ? u.port : 5060;
	return a;
}

/* ---- time ---- */

static void arm(struct reach *r, ms_t at)
{
	clock_in(r->pbx->clock, &r->timer, MAX(at - r->pbx->clock->now, 0));
}

/* How long the silence may last until the next OPTIONS. */
static ms_t patience(struct reach *r)
{
	ms_t longer = MIN(r->interval * 3 / 2, KEEP_MAX), left = r->registered + r->period - LEAD - r->heard;
	ms_t jitter = r->period > r->period_before ? r->period - r->period_before : r->period_before - r->period;

	r->trying = false;
	if (r->lost)
		longer = MIN(longer, r->lost * 9 / 10);
	if (longer <= r->interval * 11 / 10 || !r->period_before || jitter > LEAD || r->c->prune_on_boot)
		return r->interval;
	r->trying = left > r->interval && left <= longer;
	if (r->trying)
		return left;
	return left > longer && left < longer + r->interval ? MAX(left - longer, 1000) : r->interval;
}

static void due(struct timer *t, ms_t now)
{
	struct reach *r = container_of(t, struct reach, timer);
	ms_t wait;

	if (r->losses) {
		qualify_again(r->c);
		return;
	}
	if (!keeps(r->c))
		return;
	wait = patience(r);
	if (now - r->heard >= wait)
		qualify_keep(r->c);
	if (now - r->heard >= wait)
		arm(r, now + r->interval);
	else
		arm(r, r->heard + wait);
}

/* ---- life ---- */

static struct reach *reach_of(struct contact *c)
{
	struct reach *r = c->reach;

	if (r)
		return r;
	r = c->reach = xcalloc(1, sizeof *r);
	r->c = c;
	r->pbx = c->aor->pbx;
	r->at = address_of(c);
	r->heard = r->pbx->clock->now;
	r->interval = (ms_t)c->aor->conf->keep_open * 1000;
	r->timer.fire = due;
	list_in(r);
	return r;
}

static void reach_free(struct reach *r)
{
	list_out(r);
	clock_stop(r->pbx->clock, &r->timer);
	free(r);
}

void reach_drop(struct contact *c)
{
	if (c->reach)
		reach_free(c->reach);
	c->reach = NULL;
}

void reach_adopt(struct contact *c)
{
	struct reach *r;

	if (!heals(c->aor->pbx)) {
		reach_drop(c);
		return;
	}
	if (!c->orig_host[0])
		return;
	r = reach_of(c);
	if (!keeps(c))
		return;
	if (!r->interval)
		r->interval = (ms_t)c->aor->conf->keep_open * 1000;
	if (!timer_runs(&r->timer))
		arm(r, r->heard + 1 + rng_below(&r->pbx->clock->rng, (uint32_t)r->interval));
}

static void mapping_lost(struct reach *r, ms_t gap)
{
	r->lost = r->lost ? MIN(r->lost, gap) : gap;
	if (r->survived >= r->lost)
		r->survived = 0;
	r->interval = MAX(KEEP_MIN, MIN(r->interval, MAX(r->survived * 9 / 10, r->lost / 2)));
	trace(EV_NAT_KEEP, NULL, "%s: its NAT forgets within %lld s; kept open every %lld s", r->c->uri,
	      (long long)r->lost / 1000, (long long)(keeps(r->c) ? r->interval / 1000 : 0));
}

static void mapping_survived(struct reach *r, ms_t gap)
{
	r->survived = MAX(r->survived, gap);
	if (r->lost && r->lost <= gap)
		r->lost = 0;
	if (!r->trying || gap * 9 / 10 <= r->interval)
		return;
	r->interval = gap * 9 / 10;
	trace(EV_NAT_KEEP, NULL, "%s: its NAT remembers %lld s; kept open every %lld s", r->c->uri,
	      (long long)r->survived / 1000, (long long)r->interval / 1000);
}

void reach_registered(struct contact *c, bool moved)
{
	struct reach *r = c->reach;
	ms_t now = c->aor->pbx->clock->now;

	if (!heals(c->aor->pbx) || (!c->orig_host[0] && !r))
		return;
	r = reach_of(c);
	if (moved && (r->failed_gap || r->asked_gap))
		mapping_lost(r, r->failed_gap ? r->failed_gap : r->asked_gap);
	r->failed_gap = r->asked_gap = 0;
	r->period_before = r->period;
	r->period = r->registered ? now - r->registered : 0;
	r->registered = r->heard = now;
	r->losses = 0;
	if (keeps(c))
		arm(r, now + patience(r));
}

struct reach *reach_take(struct contact *c)
{
	struct reach *r = c->reach;

	c->reach = NULL;
	if (!r)
		return NULL;
	list_out(r);
	clock_stop(r->pbx->clock, &r->timer);
	r->c = NULL;
	return r;
}

void reach_give(struct contact *c, struct reach *r)
{
	struct addr was;

	if (!r)
		return;
	if (!c || c->reach) {
		free(r);
		return;
	}
	was = r->at;
	c->reach = r;
	r->c = c;
	r->at = address_of(c);
	if (!addr_ip_eq(&was, &r->at)) { /* another network: nothing is known of its NAT */
		r->survived = r->lost = r->failed_gap = r->asked_gap = 0;
		r->interval = (ms_t)c->aor->conf->keep_open * 1000;
	}
	list_in(r);
}

/* ---- signs of life ---- */

static void alive(struct reach *r)
{
	ms_t now = r->pbx->clock->now;

	if (r->asked_gap && now - r->c->asked_at > SENDS)
		mapping_lost(r, r->asked_gap);
	else if (r->failed_gap && now - r->failed < SOON)
		mapping_lost(r, r->failed_gap);
	if (r->asked_gap && now - r->c->asked_at > FIRST_SEND)
		r->asked_gap = 0;
	r->failed_gap = 0;
	r->heard = now;
	if (r->losses) {
		clock_stop(r->pbx->clock, &r->timer);
		if (keeps(r->c))
			arm(r, now + r->interval);
	}
	r->losses = 0;
	qualify_alive(r->c);
}

void reach_heard(struct pbx *p, const struct addr *from)
{
	struct reach *r;
	struct addr key;
	uint64_t hash;
	size_t at;

	if (!p->reaches.n)
		return;
	memset(&key, 0, sizeof key);
	key.family = from->family;
	key.port = from->port;
	memcpy(key.ip, from->ip, from->family == 4 ? 4 : 16);
	at = hash = hash_of(p, &key);
	while ((r = table_next(&p->reaches, hash, &at)))
		if (memcmp(&r->at, &key, sizeof key) == 0)
			alive(r);
}

void reach_asked(struct contact *c)
{
	struct reach *r = c->reach;

	if (r && c->orig_host[0] && !r->losses)
		r->asked_gap = MAX(c->asked_at - r->heard, 1);
}

void reach_answered(struct contact *c)
{
	struct reach *r = c->reach;

	if (!r)
		return;
	if (r->asked_gap)
		mapping_survived(r, r->asked_gap);
	r->asked_gap = 0;
	r->losses = 0;
	if (keeps(c))
		arm(r, r->heard + patience(r));
}

bool reach_gave_up(struct contact *c)
{
	struct reach *r;

	if (!heals(c->aor->pbx) || c->status == CONTACT_UNAVAIL)
		return true;
	r = reach_of(c);
	if (r->asked_gap) {
		r->failed_gap = r->asked_gap;
		r->failed = r->pbx->clock->now;
	}
	r->asked_gap = 0;
	if (++r->losses < LOSSES) {
		arm(r, r->pbx->clock->now + AGAIN);
		return false;
	}
	r->losses = 0;
	if (keeps(c))
		arm(r, r->pbx->clock->now + r->interval);
	return true;
}

void reach_info(const struct contact *c, struct pbx_contact_info *i)
{
	const struct reach *r = c->reach;

	i->heard_ms = -1;
	if (!r)
		return;
	i->heard_ms = r->pbx->clock->now - r->heard;
	i->losses = r->losses;
	i->nat_survived_ms = r->survived;
	i->nat_lost_ms = r->lost;
	i->keep_ms = keeps(c) ? r->interval : 0;
}
