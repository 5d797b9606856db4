/*
 * pbx/transfer.c: what a transfer does to channels (transfer.h). A Dial owns whom it called; a transfer makes it let
 * go. Two that are joined by a transfer are mates: each keeps its own dialplan run, if it has one, and when one ends,
 * the other is told. Who has no run, because it was called, begins one when it is sent to an extension.
 */
#include <stdlib.h>
#include <string.h>

#include "base/trace.h"
#include "pbx/cdr.h"
#include "pbx/transfer.h"

struct moves *moves_of(struct chan *c)
{
	if (!c->moves) {
		c->moves = xcalloc(1, sizeof *c->moves);
		c->moves->of = c;
	}
	return c->moves;
}

static struct chan *mate_of(const struct chan *c)
{
	return c->moves ? c->moves->mate : NULL;
}

static struct chan *unmate(struct chan *c)
{
	struct chan *mate = mate_of(c);

	if (mate)
		c->moves->mate = mate->moves->mate = NULL;
	return mate;
}

/* It runs a subroutine for a Dial that has called it, and still has it. */
static bool is_lent(const struct chan *c)
{
	return c->dp && c->dp->is_sub && !c->dp->returned;
}

struct chan *transfer_party(const struct chan *c)
{
	struct chan *p = c->peer_chan;

	if (!p || c->gone || p->gone || c->state != CHAN_UP || p->state != CHAN_UP || is_lent(p))
		return NULL;
	return mate_of(c) == p || dial_with(c) == p || dial_with(p) == c ? p : NULL;
}

/* Whatever has joined the two lets go of them. next: who comes in the place of `by`; NULL: nobody does. */
static void take_from(struct chan *by, struct chan *party, struct chan *next)
{
	cdr_parted(by, party);
	bridge_part(party);
	unmate(party);
	if (party->dp && party->dp->is_sub) /* of Dial's option U */
		dp_free(&party->dp);
	dial_takes(by, NULL);
	dial_takes(party, next);
}

static void set_var(struct chan *c, const char *name, const char *value)
{
	vars_set(&c->vars, span_of(name), span_of(value));
}

static void note_transferer(struct chan *party, const struct chan *by, bool attended)
{
	set_var(party, "BLINDTRANSFER", attended ? "" : by->name);
	set_var(party, "ATTENDEDTRANSFER", attended ? by->name : "");
	set_var(party, "TRANSFERERNAME", by->name);
	trace(EV_CALL_STATE, party->name, "%s transfer by %s", attended ? "attended" : "blind", by->name);
}

/* Who was called, and calls now: the number that was dialled, or what the endpoint says. */
static void become_caller(struct chan *c, const struct chan *by)
{
	const char *exten = by->dp && c->registered ? by->dp->exten_name : "s";

	if (c->incoming)
		return;
	if (c->ep->callerid_num[0])
		chan_text(c, &c->caller_num, span_of(c->ep->callerid_num));
	else
		chan_text(c, &c->caller_num, span_of(strcmp(exten, "s") == 0 ? c->dialed : exten));
	chan_text(c, &c->caller_name, span_of(c->ep->callerid_name));
	c->caller_private = false;
}

void transfer_blind(struct chan *by, struct chan *party, struct span context, struct span exten)
{
	take_from(by, party, NULL);
	if (!party->dp)
		become_caller(party, by);
	dp_send(party, context, exten);
	note_transferer(party, by, false);
}

bool transfer_let_go(struct chan *by, struct chan *party, struct span where)
{
	take_from(by, party, NULL);
	if (!party->dp)
		become_caller(party, by);
	if (!by->gone)
		cdr_goes_on(by);
	return dp_send_to(party, where);
}

/* ---- mates ---- */

static void on_mate_event(void *arg UNUSED, struct chan *c, const struct chan_event *ev)
{
	if (ev->kind == CH_PARTED)
		chan_hangup(c, ev->cause);
}

static void join(struct chan *a, struct chan *b)
{
	moves_of(a)->mate = b;
	moves_of(b)->mate = a;
	if (!a->dp)
		a->on_event = on_mate_event;
	if (!b->dp)
		b->on_event = on_mate_event;
	cdr_joined(a, b);
	bridge_join(a, b);
}

void transfer_part(struct chan *c)
{
	struct chan *mate = unmate(c);
	struct chan_event ev = { .kind = CH_PARTED, .cause = c->cause ? c->cause : 16 };

	if (!mate)
		return;
	bridge_part(c);
	chan_tell(mate, &ev);
}

void transfer_gone(struct chan *c)
{
	transfer_part(c);
	if (c->moves->told)
		refer_told(c, c->cause && c->cause != 16 ? cause_to_sip(c->cause) : 503);
}

void transfer_forget(struct chan *c)
{
	unmate(c);
	refer_drop(c->moves->asked);
	refer_unwatch(c);
	leg_refer_drop(c);
	clock_stop(c->pbx->clock, &c->moves->pickup);
	free(c->moves->referred_by);
	free(c->moves->replaces);
	free(c->moves);
	c->moves = NULL;
}

/* ---- attended ---- */

/* Its run, which waits for an answer or plays something, can go on with another channel. */
bool transfer_can_hand_over(const struct chan *c)
{
	if (!c->dp || c->gone || c->dp->stopped || c->dp->is_sub)
		return false;
	return dial_runs(c->dp) ? dial_rings(c->dp) : c->state == CHAN_UP;
}

bool transfer_may_attend(const struct chan *a, const struct chan *b)
{
	const struct chan *x = transfer_party(a), *z = transfer_party(b);

	if (a == b || x == b)
		return false;
	return (x && z) || (x && transfer_can_hand_over(b)) || (z && transfer_can_hand_over(a));
}

static void hand_over(struct chan *by, struct chan *party, struct chan *other)
{
	take_from(by, party, NULL);
	dp_move(other, party);
	note_transferer(party, by, true);
}

bool transfer_attended(struct chan *a, struct chan *b)
{
	struct chan *x = transfer_party(a), *z = transfer_party(b);

	if (!transfer_may_attend(a, b))
		return false;
	if (!x) {
		hand_over(b, z, a);
		return true;
	}
	if (!z) {
		hand_over(a, x, b);
		return true;
	}
	take_from(a, x, z);
	take_from(b, z, x);
	join(x, z);
	note_transferer(x, a, true);
	note_transferer(z, b, true);
	return true;
}

void transfer_replace(struct chan *whom, struct chan *c)
{
	struct chan *party = transfer_party(whom);
	int cause = whom->state == CHAN_UP ? 16 : 26;

	if (party && party->has_deal)
		leg_media_prefer(c, party->deal.codecs[0].codec);
	if (leg_answer(c) < 0) {
		chan_hangup(c, 58);
		return;
	}
	if (party) {
		take_from(whom, party, c);
		join(party, c);
	} else if (whom->state == CHAN_UP) {
		dp_move(whom, c);
	} else {
		dial_answers(whom, c);
	}
	chan_hangup(whom, cause);
}

/* ---- codecs ---- */

bool transfer_recode(struct chan *c, const struct chan *with)
{
	const struct codec_list *mine = &c->ep->codecs;
	struct codec_list offer = { 0 };
	bool convertible = false;

	if (c->gone || c->state != CHAN_UP)
		return false;
	for (size_t i = 0; i < with->deal.n_codecs; i++) {
		enum codec one = with->deal.codecs[i].codec;

		if (codec_list_has(mine, one))
			codec_list_add(&offer, one);
		convertible |= leg_media_converts(one);
	}
	for (size_t i = 0; convertible && i < mine->n; i++)
		if (leg_media_converts(mine->id[i]))
			codec_list_add(&offer, mine->id[i]);
	if (!offer.n)
		return false;
	c->moves->recode = offer;
	clock_in(c->pbx->clock, &c->renew, 0);
	return true;
}

bool transfer_recodes(const struct chan *c)
{
	return c->moves && c->moves->recode.n;
}

void transfer_recoding(struct chan *c)
{
	if (!transfer_recodes(c))
		return;
	c->caps.codecs = c->moves->recode;
	c->moves->recodes = true;
}

void transfer_recoded(struct chan *c, bool ok, bool again)
{
	if (!c->moves || !c->moves->recodes)
		return;
	c->moves->recodes = false;
	leg_media_caps(c, NULL);
	if (again)
		return;
	c->moves->recode.n = 0;
	if (ok && c->peer_chan)
		bridge_choose_codec(c, c->peer_chan);
}
