/* store/mem.c: everything in memory, for the simulator. The table of changes is the state: the last word on each. */
#include <stdlib.h>

#include "store/priv.h"

struct mem {
	struct store store;
	struct change *table;
};

static void mem_changed(struct store *s, struct change *c)
{
	struct mem *m = (struct mem *)s;
	bool gone = c->kind == DEL_CONTACT;

	change_add(&m->table, c); /* a refresh may be freed by it */
	if (!gone)
		return;
	HASH_DEL(m->table, c);
	free(c);
}

static int by_id(const struct change *a, const struct change *b)
{
	return a->contact.id < b->contact.id ? -1 : 1;
}

static void mem_load(struct store *s, void (*each)(void *arg, const struct store_contact *c), void *arg)
{
	struct mem *m = (struct mem *)s;
	struct change *c, *next;

	HASH_SORT(m->table, by_id);
	HASH_ITER(hh, m->table, c, next)
		if (c->kind == PUT_CONTACT)
			each(arg, &c->contact);
}

static void mem_close(struct store *s)
{
	struct mem *m = (struct mem *)s;

	changes_free(&m->table);
	free(m);
}

struct store *store_mem(void)
{
	static const struct backend backend = { .changed = mem_changed, .load = mem_load, .close = mem_close };
	struct mem *m = xcalloc(1, sizeof *m);

	m->store.backend = &backend;
	return &m->store;
}
