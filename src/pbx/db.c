/*
 * pbx/db.c: what the dialplan keeps in DB(family/key). Memory is the truth; the store has a copy that outlives us.
 * Callers may choose keys, so there are caps, and the table is keyed with a secret of ours.
 */
#include <stdlib.h>
#include <string.h>

#include "pbx/priv.h"

#define KEY_MAX     256
#define VALUE_MAX   4096
#define ENTRIES_MAX 65536

struct entry {
	uint64_t id; /* in the store */
	size_t key_n;
	char text[]; /* the key, NUL, the value, NUL */
};

static uint64_t hash_of(const struct pbx *p, struct span key)
{
	return siphash(p->secret, &key, 1).w[0];
}

static struct entry *find(const struct pbx *p, struct span key)
{
	uint64_t hash = hash_of(p, key);
	size_t at = hash;
	struct entry *e;

	while ((e = table_next(&p->db, hash, &at)))
		if (span_eq(key, (struct span){ e->text, e->key_n }))
			return e;
	return NULL;
}

static void take_out(struct pbx *p, struct entry *e)
{
	table_del(&p->db, hash_of(p, (struct span){ e->text, e->key_n }), e);
	free(e);
}

static struct entry *put_in(struct pbx *p, uint64_t id, struct span key, struct span value)
{
	struct entry *e = xmalloc(sizeof *e + key.n + value.n + 2);

	e->id = id;
	e->key_n = key.n;
	span_copy(key, e->text, key.n + 1);
	span_copy(value, e->text + key.n + 1, value.n + 1);
	table_add(&p->db, hash_of(p, key), e);
	return e;
}

const char *pbx_db_get(const struct pbx *p, struct span key)
{
	const struct entry *e = find(p, key);

	return e ? e->text + e->key_n + 1 : NULL;
}

bool pbx_db_put(struct pbx *p, struct span key, struct span value)
{
	struct entry *was = find(p, key), *e;
	long slash = span_chr(key, '/');

	if (slash <= 0 || (size_t)slash + 1 >= key.n || key.n > KEY_MAX || value.n > VALUE_MAX ||
	    (!was && p->db.n >= ENTRIES_MAX))
		return false;
	e = put_in(p, was ? was->id : 0, key, value);
	e->id = store_put_value(p->store, &(struct store_value){ e->id, e->text, e->text + e->key_n + 1 });
	if (was)
		take_out(p, was);
	return true;
}

bool pbx_db_del(struct pbx *p, struct span key)
{
	struct entry *e = find(p, key);

	if (!e)
		return false;
	store_del_value(p->store, e->id);
	take_out(p, e);
	return true;
}

static bool is_below(const struct entry *e, struct span prefix)
{
	struct span key = { e->text, e->key_n };

	return span_starts(key, prefix) && (!prefix.n || key.n == prefix.n || key.p[prefix.n] == '/');
}

size_t pbx_db_del_tree(struct pbx *p, struct span prefix)
{
	struct table_walk w = { 0 };
	struct entry *e;
	size_t n = 0;

	while ((e = table_each(&p->db, &w))) {
		if (!is_below(e, prefix))
			continue;
		store_del_value(p->store, e->id);
		take_out(p, e);
		n++;
	}
	return n;
}

static int by_key(const void *a, const void *b)
{
	return strcmp((*(struct entry *const *)a)->text, (*(struct entry *const *)b)->text);
}

void pbx_db_each(struct pbx *p, struct span prefix, void (*each)(void *arg, const char *key, const char *value),
		 void *arg)
{
	struct entry **all = xcalloc(p->db.n + 1, sizeof *all), *e;
	struct table_walk w = { 0 };
	size_t n = 0;

	while ((e = table_each(&p->db, &w)))
		if (is_below(e, prefix))
			all[n++] = e;
	qsort(all, n, sizeof *all, by_key);
	for (size_t i = 0; i < n; i++)
		each(arg, all[i]->text, all[i]->text + all[i]->key_n + 1);
	free(all);
}

static void load_one(void *arg, const struct store_value *v)
{
	struct pbx *p = arg;

	if (!find(p, span_of(v->key)))
		put_in(p, v->id, span_of(v->key), span_of(v->value));
}

void db_load(struct pbx *p)
{
	store_load_values(p->store, load_one, p);
}

void db_free(struct pbx *p)
{
	struct table_walk w = { 0 };
	struct entry *e;

	while ((e = table_each(&p->db, &w)))
		free(e);
	table_free(&p->db);
}
