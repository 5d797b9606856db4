/* store/mem.c: everything in memory, for the simulator. The table of changes is the state: the last word on each key.
 */
#include <stdlib.h>

#include "store/priv.h"

struct mem {
	struct store store;
	struct change *table;
};

static void mem_changed(struct store *s, struct change *c)
{
	struct mem *m = (struct mem *)s;

	if (c->kind == DEL_CONTACT) {
		change_drop(&m->table, c);
		change_free(c);
	} else {
		change_add(&m->table, c);
	}
}

static void mem_load(struct store *s, void (*each)(void *arg, const struct store_contact *c), void *arg)
{
	struct mem *m = (struct mem *)s;
	struct change *c, *next;

	HASH_ITER(hh, m->table, c, next)
		if (c->kind == PUT_CONTACT)
			each(arg, &c->contact);
}

static char *mem_get(struct store *s, const char *name)
{
	struct mem *m = (struct mem *)s;
	struct change *wanted = change_value(name, ""), *found;

	HASH_FIND(hh, m->table, wanted->key, wanted->key_n, found);
	change_free(wanted);
	return found ? xstrdup(found->value) : NULL;
}

static void mem_close(struct store *s)
{
	struct mem *m = (struct mem *)s;

	changes_free(&m->table);
	free(m);
}

struct store *store_mem(void)
{
	static const struct backend backend = { mem_changed, mem_load, mem_get, mem_close };
	struct mem *m = xcalloc(1, sizeof *m);

	m->store.backend = &backend;
	return &m->store;
}
