/*
 * sip/spent.c: what is left of transactions that have their final response: one to repeat (RFC 3261 17.2.2, Timer J),
 * or only the name that repeats are known by (Timers K, L, M of RFC 6026), with what the 2xx to an INVITE of ours may
 * still take. It lives for a fixed time. So each kind of time has a queue, whose entries lie one behind the other in
 * blocks: making one moves a mark, and a block goes back when the last of it has expired. The head of a queue alone has
 * a timer. Whatever peers do, a queue holds what has not expired yet, and one block at each end.
 */
#include "sip/priv.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK 16384u
#define ALIGN 8u

struct spent_block {
	struct spent_block *next;
	size_t from, to, size; /* entries are between from and to */
	char bytes[];
};

struct sip_spent *sip_spent_find(const struct table *t, const struct siphash *key)
{
	size_t at = key->w[0];
	struct sip_spent *e;

	while ((e = table_next(t, key->w[0], &at)))
		if (e->key.w[1] == key->w[1])
			return e;
	return NULL;
}

static struct sip_spent *head(const struct spent_queue *q)
{
	return q->first ? (struct sip_spent *)(void *)(q->first->bytes + q->first->from) : NULL;
}

static struct table *table_of(struct sip *s, const struct sip_spent *e)
{
	return e->kind == SPENT_ANSWER || e->kind == SPENT_ANSWERED ? &s->spent.uass : &s->spent.ctxs;
}

static void drop_head(struct spent_queue *q)
{
	struct sip_spent *e = head(q);
	struct spent_block *b = q->first;

	table_del(table_of(q->sip, e), e->key.w[0], e);
	if (e->kind == SPENT_INVITE)
		sip_rest_free((struct sip_rest *)e->data);
	b->from += e->size;
	if (b->from < b->to)
		return;
	q->first = b->next;
	if (!b->next)
		q->last = NULL;
	free(b);
}

static void expire(struct timer *t, ms_t now)
{
	struct spent_queue *q = container_of(t, struct spent_queue, timer);

	while (q->first && head(q)->until <= now)
		drop_head(q);
	if (q->first)
		sip_in(q->sip, t, head(q)->until - now);
}

static struct spent_block *block_with(struct spent_queue *q, size_t room)
{
	size_t size = MAX(room, BLOCK - sizeof(struct spent_block));
	struct spent_block *b = q->last;

	if (b && b->size - b->to >= room)
		return b;
	b = xmalloc(sizeof *b + size);
	*b = (struct spent_block){ .size = size };
	if (q->last)
		q->last->next = b;
	else
		q->first = b;
	q->last = b;
	return b;
}

struct sip_spent *sip_spent_add(struct sip *s, const struct spent_ask *a)
{
	struct spent_queue *q = &s->spent.queues[a->queue];
	size_t room = (sizeof(struct sip_spent) + a->n + ALIGN - 1) / ALIGN * ALIGN;
	bool idle = !q->first;
	struct spent_block *b = block_with(q, room);
	struct sip_spent *e = (struct sip_spent *)(void *)(b->bytes + b->to);

	b->to += room;
	*e = (struct sip_spent){ .key = a->key,
				 .until = sip_now(s) + a->ms,
				 .size = (uint32_t)room,
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
		while (q->first)
			drop_head(q);
	}
	table_free(&s->spent.uass);
	table_free(&s->spent.ctxs);
}
