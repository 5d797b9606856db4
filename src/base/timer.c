/* base/timer.c: a binary heap with embedded nodes. */
#include "base/timer.h"

#include <stdlib.h>

#define DUE SIZE_MAX

static void put(struct timers *ts, size_t i, struct timer *t)
{
	ts->heap[i] = t;
	t->slot = i + 1;
}

static void sift_up(struct timers *ts, size_t i)
{
	struct timer *t = ts->heap[i];

	while (i && ts->heap[(i - 1) / 2]->at > t->at) {
		put(ts, i, ts->heap[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	put(ts, i, t);
}

static void sift_down(struct timers *ts, size_t i)
{
	struct timer *t = ts->heap[i];

	for (;;) {
		size_t kid = 2 * i + 1;

		if (kid >= ts->n)
			break;
		if (kid + 1 < ts->n && ts->heap[kid + 1]->at < ts->heap[kid]->at)
			kid++;
		if (ts->heap[kid]->at >= t->at)
			break;
		put(ts, i, ts->heap[kid]);
		i = kid;
	}
	put(ts, i, t);
}

static void heap_remove(struct timers *ts, struct timer *t)
{
	size_t i = t->slot - 1;
	struct timer *last = ts->heap[--ts->n];

	t->slot = 0;
	if (last == t)
		return;
	put(ts, i, last);
	sift_up(ts, i);
	sift_down(ts, last->slot - 1);
}

void timer_stop(struct timers *ts, struct timer *t)
{
	if (t->slot == DUE) {
		list_del(&t->due);
		t->slot = 0;
	} else if (t->slot) {
		heap_remove(ts, t);
	}
}

void timer_set(struct timers *ts, struct timer *t, ms_t at)
{
	BUG_ON(!t->fire);
	timer_stop(ts, t);
	if (ts->n == ts->cap) {
		ts->cap = ts->cap ? ts->cap * 2 : 64;
		ts->heap = xrealloc(ts->heap, ts->cap * sizeof ts->heap[0]);
	}
	t->at = at;
	ts->n++;
	put(ts, ts->n - 1, t);
	sift_up(ts, ts->n - 1);
}

bool timer_runs(const struct timer *t)
{
	return t->slot != 0;
}

ms_t timers_next(const struct timers *ts)
{
	return ts->n ? ts->heap[0]->at : MS_NEVER;
}

void timers_run(struct timers *ts, ms_t now)
{
	struct list due;

	list_init(&due);
	while (ts->n && ts->heap[0]->at <= now) {
		struct timer *t = ts->heap[0];

		heap_remove(ts, t);
		t->slot = DUE;
		list_push(&due, &t->due);
	}
	while (!list_empty(&due)) {
		struct timer *t = list_entry(due.next, struct timer, due);

		list_del(&t->due);
		t->slot = 0;
		t->fire(t, now);
	}
}

void timers_free(struct timers *ts)
{
	free(ts->heap);
	*ts = (struct timers){ 0 };
}
