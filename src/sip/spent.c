/*
 * sip/spent.c: what is left of transactions that have their final response: one to repeat (RFC 3261 17.2.2, Timer J),
 * or only the name that repeats are known by (Timers K, L, M of RFC 6026), with what the 2xx to an INVITE of ours may
 * still take. It lives for a fixed time. So each kind of time has a queue, and its head alone has a timer. Whatever
 * peers do, a queue holds what has not expired yet, and what base/fifo.c says.
 */
#include "sip/priv.h"

#define AT_ONCE 8

struct sip_spent *sip_spent_find(const struct table *t, const struct siphash *key)
{
	size_t at = key->w[0];
	struct sip_spent *e;

	while ((e = table_next(t, key->w[0], &at)))
		if (e->key.w[1] == key->w[1])
			return e;
	return NULL;
}

static struct table *table_of(struct sip *s, const struct sip_spent *e)
{
	return e->kind == SPENT_ANSWER || e->kind == SPENT_ANSWERED ? &s->spent.uass : &s->spent.ctxs;
}

static void drop_head(struct spent_queue *q)
{
	struct sip_spent *e = fifo_head(&q->entries);

	table_del(table_of(q->sip, e), e->key.w[0], e);
	if (e->kind == SPENT_INVITE)
		sip_rest_free((struct sip_rest *)e->data);
	fifo_drop(&q->entries, e->size);
}

/* Where tables have the next ones comes into the cache all at once. */
static void fetch_some(const struct spent_queue *q, const struct sip_spent *e)
{
	for (unsigned i = 0; e && i < AT_ONCE; i++, e = fifo_next(&q->entries, e, e->size))
		table_fetch(table_of(q->sip, e), e->key.w[0]);
}

static void expire(struct timer *t, ms_t now)
{
	struct spent_queue *q = container_of(t, struct spent_queue, timer);
	struct sip_spent *e;

	for (unsigned n = 0; (e = fifo_head(&q->entries)) && e->until <= now; n++) {
		if (n % AT_ONCE == 0)
			fetch_some(q, e);
		drop_head(q);
	}
	if (e)
		sip_in(q->sip, t, e->until - now);
}

struct sip_spent *sip_spent_add(struct sip *s, const struct spent_ask *a)
{
	struct spent_queue *q = &s->spent.queues[a->queue];
	size_t n = sizeof(struct sip_spent) + a->n;
	bool idle = !fifo_head(&q->entries);
	struct sip_spent *e = fifo_add(&q->entries, n);

	*e = (struct sip_spent){ .key = a->key,
				 .until = sip_now(s) + a->ms,
				 .size = (uint32_t)n,
				 .listener = a->listener,
				 .kind = a->kind };
	table_add(table_of(s, e), e->key.w[0], e);
	if (idle) {
		q->sip = s;
		q->timer.fire = expire;
		sip_in(s, &q->timer, a->ms);
	}
	return e;
}

bool sip_spent_has(const struct sip *s, uint32_t listener)
{
	struct table_walk uass = { 0 }, ctxs = { 0 };
	struct sip_spent *e;

	while ((e = table_each(&s->spent.uass, &uass)))
		if (e->listener == listener)
			return true;
	while ((e = table_each(&s->spent.ctxs, &ctxs)))
		if (e->listener == listener)
			return true;
	return false;
}

void sip_spent_free(struct sip *s)
{
	for (size_t i = 0; i < ARRAY_LEN(s->spent.queues); i++) {
		struct spent_queue *q = &s->spent.queues[i];

		if (q->sip)
			sip_stop(s, &q->timer);
		while (fifo_head(&q->entries))
			drop_head(q);
	}
	table_free(&s->spent.uass);
	table_free(&s->spent.ctxs);
}
