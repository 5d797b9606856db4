/*
 * sip/reliable.c: provisional responses that are acknowledged (RFC 3262).
 *
 * Ours is repeated by its dialog until its PRACK arrives, one at a time. Of the peer's, each branch of a fork counts
 * for itself: what came already or too early is not looked at, and all others are answered with PRACK, in the user's
 * dialog or, when it follows another branch, in one that is made for that.
 */
#include "sip/priv.h"

#include <stdlib.h>
#include <string.h>

#include "base/trace.h"

#define FORKS_MAX 32

/* ---- ours ---- */

struct kept_1xx {
	struct sip_dialog *dialog;
	const struct sip_uas *of; /* the INVITE; it is only compared */
	char *bytes;
	size_t n;
	struct flow flow;
	uint32_t rseq, cseq;
	struct timer again, life;
	ms_t interval;
	bool waits, over; /* for its PRACK; over: the INVITE has its final response */
};

static void hush(struct kept_1xx *k)
{
	sip_stop(k->dialog->sip, &k->again);
	sip_stop(k->dialog->sip, &k->life);
	spares_give(&k->dialog->sip->spares, k->bytes);
	k->bytes = NULL;
}

static void again(struct timer *t, ms_t now UNUSED)
{
	struct kept_1xx *k = container_of(t, struct kept_1xx, again);
	struct sip *s = k->dialog->sip;

	count(CNT_sip_retransmits);
	sip_send(s, &k->flow, (struct span){ k->bytes, k->n });
	k->interval *= 2;
	sip_in(s, &k->again, k->interval);
}

static void life_over(struct timer *t, ms_t now UNUSED)
{
	struct kept_1xx *k = container_of(t, struct kept_1xx, life);
	struct sip_dialog *d = k->dialog;

	count(CNT_sip_timeouts);
	trace(EV_SIP_TIMEOUT, NULL, "no PRACK in 32 s from %s", d->target);
	hush(k);
	k->waits = false;
	if (d->conf.no_prack)
		d->conf.no_prack(d->conf.arg);
}

static struct kept_1xx *kept(struct sip_dialog *d)
{
	struct kept_1xx *k = d->provisional;

	if (k)
		return k;
	k = d->provisional = spares_zero(&d->sip->spares, sizeof *k);
	k->dialog = d;
	k->rseq = 1 + rng_below(&d->sip->c.clock->rng, 1u << 30); /* section 3 */
	k->again.fire = again;
	k->life.fire = life_over;
	return k;
}

void sip_reply_reliably(struct sip_uas *t, unsigned code, sip_build_fn *build, void *arg)
{
	struct kept_1xx *k = kept(t->dialog);
	struct sip *s = t->sip;

	BUG_ON(k->waits);
	k->of = t;
	t->rseq = ++k->rseq;
	sip_reply(t, code, NULL, build, arg);
	t->rseq = 0;
	if (t->answered) /* it did not fit: 513 */
		return;
	k->bytes = memcpy(spares_take(&s->spares, t->n), t->bytes, t->n);
	k->n = t->n;
	k->flow = t->flow;
	k->cseq = t->msg->cseq;
	k->waits = true;
	k->interval = s->t1;
	sip_in(s, &k->again, k->interval);
	sip_in(s, &k->life, 64 * s->t1);
}

bool sip_dialog_waits_for_prack(const struct sip_dialog *d)
{
	return d->provisional && d->provisional->waits && !d->provisional->over;
}

void sip_reliable_over(struct sip_dialog *d, const struct sip_uas *t)
{
	struct kept_1xx *k = d->provisional;

	if (!k || k->of != t)
		return;
	hush(k);
	k->over = true;
}

/* RAck: what RSeq said, the CSeq number and the method (7.2). */
static bool is_acked(const struct kept_1xx *k, const struct sip_msg *m)
{
	struct span rest = sip_hdr_value(m, SIP_HDR_RACK), word[3] = { { NULL, 0 } };
	uint32_t rseq, cseq;
	size_t n = 0;

	while (n < ARRAY_LEN(word) && span_cut(&rest, ' ', &word[n]))
		n += word[n].n > 0;
	return span_u32(word[0], UINT32_MAX, &rseq) && span_u32(word[1], UINT32_MAX, &cseq) && rseq == k->rseq &&
	       cseq == k->cseq && span_is(word[2], "INVITE");
}

bool sip_reliable_prack(struct sip_dialog *d, const struct sip_msg *m)
{
	struct kept_1xx *k = d->provisional;

	if (!k || !k->waits || !is_acked(k, m))
		return false;
	hush(k);
	k->waits = false;
	return true;
}

void sip_reliable_free(struct sip_dialog *d)
{
	if (!d->provisional)
		return;
	hush(d->provisional);
	spares_give(&d->sip->spares, d->provisional);
	d->provisional = NULL;
}

/* ---- the peer's ---- */

struct sip_fork {
	struct sip_fork *next;
	struct span tag;
	uint32_t rseq; /* the last one in order */
	uint32_t cseq; /* no less than any PRACK of ours had there */
};

static struct sip_fork *fork_of(const struct sip_uac *u, struct span tag)
{
	struct sip_fork *f = u->forks;

	while (f && !span_eq(f->tag, tag))
		f = f->next;
	return f;
}

bool sip_reliable_is(const struct sip_msg *m)
{
	return m->to.tag.n && sip_hdr(m, SIP_HDR_RSEQ) && m->status > 100 &&
	       sip_has_token(m, SIP_HDR_REQUIRE, "100rel");
}

bool sip_reliable_in_order(struct sip_uac *u, const struct sip_msg *m)
{
	struct sip_fork *f = fork_of(u, m->to.tag);
	size_t n = 0;
	uint32_t rseq;

	if (!span_u32(sip_hdr_value(m, SIP_HDR_RSEQ), UINT32_MAX, &rseq))
		return false;
	if (f && rseq != f->rseq + 1)
		return false;
	if (!f) {
		for (const struct sip_fork *other = u->forks; other; other = other->next)
			n++;
		if (n == FORKS_MAX)
			return false;
		f = arena_zero(u->mem, sizeof *f);
		f->tag = arena_copy(u->mem, m->to.tag);
		f->cseq = m->cseq;
		f->next = u->forks;
		u->forks = f;
	}
	f->rseq = rseq;
	return true;
}

uint32_t sip_reliable_cseq(const struct sip_uac *u, struct span tag)
{
	const struct sip_fork *f = fork_of(u, tag);

	return f ? f->cseq : 0;
}

void sip_reliable_ack(struct sip_uac *u, const struct sip_msg *m)
{
	struct sip *s = u->sip;
	struct sip_dialog *d = sip_dialog_find(s, m, false), *made = NULL;
	struct sip_fork *f = fork_of(u, m->to.tag);
	struct sip_dialog_conf c = {
		.auths = u->ask.auths, .n_auths = u->ask.n_auths, .conf = u->ask.conf, .transport = u->ask.transport
	};
	char line[64];
	struct out o = out_fixed(line, sizeof line);
	struct sip_ask prack = { .method = SIP_PRACK };

	if (s->n_uacs >= s->conf->hairpin.max_transactions) {
		count(CNT_sip_shed);
		return;
	}
	if (!d)
		d = made = sip_dialog_uac(u, m, &c);
	out_all(&o, "RAck: ", f->rseq, " ", m->cseq, " INVITE\r\n");
	prack.headers = out_look(&o);
	sip_dialog_ask(d, &prack);
	f->cseq = d->local_cseq + SIP_AUTH_TRIES; /* a challenged one is sent again with the next number */
	sip_dialog_free(&made);
}
