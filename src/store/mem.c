/* store/mem.c: everything in memory, for the simulator. The table of changes is the state: the last word on each. */
#include <stdlib.h>

#include "store/priv.h"

struct mem {
	struct store store;
	struct table table;
};

static void mem_changed(struct store *s, struct change *c)
{
	struct mem *m = (struct mem *)s;
	bool gone = c->kind == DEL_CONTACT || c->kind == DEL_VALUE;

	change_add(s, &m->table, c); /* a refresh may be freed by it */
	if (!gone)
		return;
	table_del(&m->table, c->id, c);
	spares_give(&s->spares, c);
}

static int by_id(const void *a, const void *b)
{
	const struct change *x = *(struct change *const *)a, *y = *(struct change *const *)b;

	return (x->id > y->id) - (x->id < y->id);
}

static void mem_load(struct store *s, void (*each)(void *arg, const struct store_contact *c), void *arg)
{
	struct mem *m = (struct mem *)s;
	struct change **all = xcalloc(m->table.n + 1, sizeof *all), *c;
	struct table_walk w = { 0 };
	size_t n = 0;

	while ((c = table_each(&m->table, &w)))
		if (c->kind == PUT_CONTACT)
			all[n++] = c;
	qsort(all, n, sizeof *all, by_id);
	for (size_t i = 0; i < n; i++) {
		struct store_contact contact = all[i]->put->contact;

		contact.cseq = all[i]->cseq;
		contact.expires = all[i]->expires;
		each(arg, &contact);
	}
	free(all);
}

static void mem_load_values(struct store *s, void (*each)(void *arg, const struct store_value *v), void *arg)
{
	struct table_walk w = { 0 };
	struct change *c;

	while ((c = table_each(&((struct mem *)s)->table, &w)))
		if (c->kind == PUT_VALUE) {
			struct store_value v = change_value(c);

			each(arg, &v);
		}
}

static void mem_close(struct store *s)
{
	struct mem *m = (struct mem *)s;

	changes_free(s, &m->table);
	spares_free(&s->spares);
	free(m);
}

struct store *store_mem(void)
{
	static const struct backend backend = {
		.changed = mem_changed, .load = mem_load, .load_values = mem_load_values, .close = mem_close
	};
	struct mem *m = xcalloc(1, sizeof *m);

	m->store.backend = &backend;
	return &m->store;
}
