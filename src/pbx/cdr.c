/*
 * pbx/cdr.c: records of calls (CDR). A channel that calls has one from its beginning, and one more for each further leg
 * that is dialled for it, as Asterisk has since 12: what became of a leg is told apart. They are kept with the channel
 * until it is over, h and all; then each becomes a line, which somebody else writes. Without a cdr.conf nothing is
 * kept.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "conf/cdr.h"
#include "pbx/cdr.h"

#define RECORDS_MAX 200 /* of one call; of the oldest the lines are made when there are more */

enum fate { NO_ANSWER, FAILED, BUSY, ANSWERED, CONGESTED };

struct cdr {
	struct cdr *next;
	struct chan *of, *leg;      /* who called; that was dialled, while it lives */
	int64_t start, answer, end; /* Unix ms; 0: not yet */
	enum fate fate;
	unsigned nth; /* of the call */
	bool dialled, silent;
	char *dstchannel;
	char *place; /* "exten", "context", "app", "data", each with its NUL, as they were at its end; NULL: not ended
		      */
};

static int64_t wall(const struct chan *c)
{
	return clock_wall(c->pbx->clock);
}

static struct cdr *last_of(const struct chan *c)
{
	struct cdr *r = c->cdrs;

	while (r && r->next)
		r = r->next;
	return r;
}

static void close_oldest(struct chan *c);

static struct cdr *add(struct chan *c)
{
	struct cdr *r = xcalloc(1, sizeof *r), *last = last_of(c);

	r->nth = last ? last->nth + 1 : 0;
	r->of = c;
	r->start = wall(c);
	r->answer = c->state == CHAN_UP ? r->start : 0;
	r->silent = last && last->silent;
	*(last ? &last->next : &c->cdrs) = r;
	if (r->nth - c->cdrs->nth >= RECORDS_MAX)
		close_oldest(c);
	return r;
}

void cdr_begin(struct chan *c)
{
	if (conf_cdr(c->conf)->on)
		add(c);
}

static void out_part(struct out *o, const char *text)
{
	out_str(o, text);
	out_char(o, '\0');
}

/* What runs, or ran last. */
static void note_place(const struct chan *c, struct cdr *r)
{
	const struct dp *dp = c->dp;
	struct out o = out_growing();

	if (r->end || !dp || (r->place && !dp->app))
		return;
	out_part(&o, dp->exten_name);
	out_part(&o, dp->ctx_name);
	out_part(&o, dp->app ? dp->app->name : "");
	out_part(&o, dp->app ? dp->data : "");
	free(r->place);
	r->place = out_take(&o);
}

void cdr_app_left(struct chan *c)
{
	for (struct cdr *r = c->cdrs; r; r = r->next)
		note_place(c, r);
}

static const char *place_part(const struct cdr *r, unsigned n)
{
	const char *at = r->place;

	while (at && n--)
		at += strlen(at) + 1;
	return at ? at : "";
}

static void end(const struct chan *c, struct cdr *r)
{
	note_place(c, r);
	if (!r->end)
		r->end = wall(c);
}

static void take_leg(struct cdr *r, struct chan *leg)
{
	r->dialled = true;
	r->leg = leg;
	free(r->dstchannel);
	r->dstchannel = xstrdup(leg->name);
	leg->cdr = r;
}

void cdr_dial(struct chan *c, struct chan *leg)
{
	struct cdr *r = last_of(c);

	if (r)
		take_leg(r->dialled || r->end ? add(c) : r, leg);
}

void cdr_up(struct chan *c)
{
	for (struct cdr *r = c->cdrs; r; r = r->next)
		if (!r->end && !r->answer)
			r->answer = wall(c);
}

static enum fate fate_of(const struct chan *leg)
{
	if (leg->state == CHAN_UP)
		return ANSWERED;
	if (leg->cause == 17)
		return BUSY;
	if (leg->cause == 34 || leg->cause == 42)
		return conf_cdr(leg->conf)->congestion ? CONGESTED : FAILED;
	return leg->cause == 16 || leg->cause == 19 || leg->cause == 26 || leg->cause == 18 ? NO_ANSWER : FAILED;
}

static void let_go(struct cdr *r, enum fate fate)
{
	r->fate = fate;
	end(r->of, r);
	if (fate != ANSWERED) /* another leg may have been */
		r->answer = 0;
	r->leg->cdr = NULL;
	r->leg = NULL;
}

void cdr_leg_ended(struct chan *leg)
{
	if (leg->cdr)
		let_go(leg->cdr, fate_of(leg));
}

void cdr_ends(struct chan *c)
{
	for (struct cdr *r = c->cdrs; r; r = r->next)
		end(c, r);
}

void cdr_silence(struct chan *c, bool silent)
{
	for (struct cdr *r = c->cdrs; r; r = r->next)
		r->silent = silent;
}

/* ---- transfers ---- */

void cdr_parted(struct chan *a, struct chan *b)
{
	if (a->cdr && a->cdr->of == b)
		cdr_leg_ended(a);
	if (b->cdr && b->cdr->of == a)
		cdr_leg_ended(b);
}

void cdr_goes_on(struct chan *c)
{
	const struct cdr *r = last_of(c);

	if (!r || r->end)
		cdr_begin(c);
}

static void record_free(struct cdr *r)
{
	free(r->dstchannel);
	free(r->place);
	free(r);
}

/* What it did, or waited for, belongs to the record of who talks with it now. */
static void drop_own(struct chan *c)
{
	struct cdr **at = &c->cdrs;

	while (*at && (*at)->next)
		at = &(*at)->next;
	if (!*at || (*at)->dialled || (*at)->end)
		return;
	record_free(*at);
	*at = NULL;
}

void cdr_picked_up(struct chan *leg, struct chan *by)
{
	struct cdr *r = leg->cdr;

	if (!r)
		return;
	leg->cdr = NULL;
	drop_own(by);
	take_leg(r, by);
}

void cdr_joined(struct chan *a, struct chan *b)
{
	struct chan *caller = a->cdrs || !b->cdrs ? a : b, *callee = caller == a ? b : a;
	struct out number = out_growing();

	cdr_goes_on(caller);
	drop_own(callee);
	cdr_leg_ended(callee);
	cdr_dial(caller, callee);
	if (!caller->cdrs || caller->dp)
		return;
	out_part(&number, callee->incoming ? callee->caller_num : callee->dialed);
	out_part(&number, caller->ep->context);
	out_part(&number, "");
	out_part(&number, "");
	last_of(caller)->place = out_take(&number);
}

void cdr_moved(struct chan *from, struct chan *to)
{
	cdr_goes_on(to);
	for (struct cdr *r = from->cdrs; r; r = r->next) {
		struct chan *leg = r->leg;

		if (!leg)
			continue;
		let_go(r, NO_ANSWER);
		cdr_dial(to, leg);
	}
}

/* ---- what the dialplan says ---- */

void cdr_reset(struct chan *c)
{
	struct cdr *r = last_of(c);

	if (!r || r->end)
		return;
	r->start = wall(c);
	r->answer = r->answer ? r->start : 0;
}

/* ---- what a record says ---- */

static const char *fate_name(const struct cdr *r)
{
	static const char *const names[] = { "NO ANSWER", "FAILED", "BUSY", "ANSWERED", "CONGESTION" };

	return names[!r->dialled && r->answer ? ANSWERED : r->fate];
}

static const char *set_as(const struct chan *c, const char *name, const char *otherwise)
{
	const char *v = vars_get(&c->vars, span_of(name));

	return v ? v : otherwise;
}

static void out_caller(const struct chan *c, struct out *o)
{
	if (c->caller_name[0])
		out_all(o, "\"", c->caller_name, "\" <", c->caller_num, ">");
	else
		out_str(o, c->caller_num);
}

static int64_t duration(const struct chan *c, const struct cdr *r)
{
	return ((r->end ? r->end : wall(c)) - r->start) / 1000;
}

static int64_t billed(const struct chan *c, const struct cdr *r)
{
	int64_t ms = r->answer ? (r->end ? r->end : wall(c)) - r->answer : 0;

	return (ms + (conf_cdr(c->conf)->initiatedseconds ? 999 : 0)) / 1000;
}

static void out_time(int64_t ms, bool utc, struct out *o)
{
	time_t s = (time_t)(ms / 1000);
	char text[32];
	struct tm tm;

	if (!ms)
		return;
	(utc ? gmtime_r : localtime_r)(&s, &tm);
	strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &tm);
	out_str(o, text);
}

bool cdr_read(const struct chan *c, struct span name, struct out *o)
{
	const struct cdr *r = last_of(c);
	bool utc = conf_cdr(c->conf)->usegmtime;

	if (span_iis(name, "userfield"))
		out_str(o, set_as(c, CDR_USERFIELD, ""));
	else if (span_iis(name, "accountcode"))
		out_str(o, chan_account(c));
	else if (span_iis(name, "amaflags"))
		out_str(o, set_as(c, CDR_AMAFLAGS, "DOCUMENTATION"));
	else if (!r)
		return false;
	else if (span_iis(name, "start"))
		out_time(r->start, utc, o);
	else if (span_iis(name, "answer"))
		out_time(r->answer, utc, o);
	else if (span_iis(name, "end"))
		out_time(r->end, utc, o);
	else if (span_iis(name, "duration"))
		out_fmt(o, "%lld", (long long)duration(c, r));
	else if (span_iis(name, "billsec"))
		out_fmt(o, "%lld", (long long)billed(c, r));
	else if (span_iis(name, "disposition"))
		out_str(o, fate_name(r));
	else if (span_iis(name, "clid"))
		out_caller(c, o);
	else if (span_iis(name, "src"))
		out_str(o, c->caller_num);
	else if (span_iis(name, "dst"))
		out_str(o, r->place ? place_part(r, 0) : c->dp ? c->dp->exten_name : "");
	else if (span_iis(name, "dcontext"))
		out_str(o, r->place ? place_part(r, 1) : c->dp ? c->dp->ctx_name : "");
	else if (span_iis(name, "channel"))
		out_str(o, c->name);
	else if (span_iis(name, "dstchannel"))
		out_str(o, r->dstchannel ? r->dstchannel : "");
	else if (span_iis(name, "lastapp"))
		out_str(o, place_part(r, 2));
	else if (span_iis(name, "lastdata"))
		out_str(o, place_part(r, 3));
	else if (span_iis(name, "uniqueid") || span_iis(name, "linkedid"))
		out_chan_id(o, c->id);
	else
		return false;
	return true;
}

/* ---- the line ---- */

static void quoted(struct out *o, const char *text)
{
	if (o->n)
		out_char(o, ',');
	out_char(o, '"');
	for (; *text; text++) {
		if (*text == '"')
			out_char(o, '"');
		out_char(o, (unsigned char)*text < ' ' ? ' ' : *text); /* a line has one record */
	}
	out_char(o, '"');
}

static void quoted_time(struct out *o, int64_t ms, bool utc)
{
	char text[40] = "";
	struct out t = out_fixed(text, sizeof text - 1);

	out_time(ms, utc, &t);
	if (ms)
		quoted(o, text);
	else
		out_char(o, ',');
}

/* As Asterisk's cdr_csv writes it. */
static void out_line(const struct chan *c, const struct cdr *r, struct out *o)
{
	const struct conf_cdr *conf = conf_cdr(c->conf);
	struct out clid = out_growing();
	char id[32] = "";
	struct out id_out = out_fixed(id, sizeof id - 1);

	out_chan_id(&id_out, c->id);
	out_caller(c, &clid);
	out_char(&clid, '\0');
	quoted(o, chan_account(c));
	quoted(o, c->caller_num);
	quoted(o, place_part(r, 0));
	quoted(o, place_part(r, 1));
	quoted(o, clid.p);
	quoted(o, c->name);
	quoted(o, r->dstchannel ? r->dstchannel : "");
	quoted(o, place_part(r, 2));
	quoted(o, place_part(r, 3));
	quoted_time(o, r->start, conf->usegmtime);
	quoted_time(o, r->answer, conf->usegmtime);
	quoted_time(o, r->end, conf->usegmtime);
	out_fmt(o, ",%lld,%lld", (long long)duration(c, r), (long long)billed(c, r));
	quoted(o, fate_name(r));
	quoted(o, set_as(c, CDR_AMAFLAGS, "DOCUMENTATION"));
	if (conf->loguniqueid)
		quoted(o, id);
	if (conf->loguserfield)
		quoted(o, set_as(c, CDR_USERFIELD, ""));
	if (conf->newcdrcolumns) {
		quoted(o, "");
		quoted(o, id);
		out_fmt(o, ",%u", r->nth);
	}
	out_char(o, '\n');
	out_free(&clid);
}

static bool is_kept(const struct chan *c, const struct cdr *r)
{
	return !r->silent && (r->dialled || r->answer || conf_cdr(c->conf)->unanswered);
}

/* Its line goes out; it is freed. */
static void close_record(const struct chan *c, struct cdr *r)
{
	const struct pbx_config *cfg = &c->pbx->cfg;
	struct out line = out_growing();

	end(c, r);
	if (r->leg) /* it goes on without the caller */
		let_go(r, fate_of(r->leg));
	if (is_kept(c, r) && cfg->cdr) {
		out_line(c, r, &line);
		cfg->cdr(cfg->arg, out_look(&line), conf_cdr(c->conf)->accountlogs ? chan_account(c) : "");
	}
	out_free(&line);
	record_free(r);
}

/* One that has ended. */
static void close_oldest(struct chan *c)
{
	struct cdr **at = &c->cdrs, *r;

	while (*at && (!(*at)->end || (*at)->leg))
		at = &(*at)->next;
	r = *at;
	if (!r)
		return;
	*at = r->next;
	close_record(c, r);
}

void cdrs_close(struct chan *c)
{
	cdr_leg_ended(c);
	for (struct cdr *r = c->cdrs, *next; r; r = next) {
		next = r->next;
		close_record(c, r);
	}
	c->cdrs = NULL;
}
