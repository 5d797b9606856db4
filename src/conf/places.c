/*
 * conf/places.c: in which file and line each option is written, and which findings a comment silences. Kept beside the
 * snapshot for `hairpin check`, in memory of its own, so that a running server does not carry it.
 */
#include <stdlib.h>
#include <string.h>

#include "conf/opt.h"

struct placed_line {
	const struct conf_obj *obj;
	size_t at; /* in the order of reading */
	const struct opt *opt;
	struct conf_place place;
};

struct places {
	struct arena *arena;
	struct placed_line *v; /* by object, then by `at`, once everything is read */
	size_t n, cap;
	struct conf_ignore *ignores;
	size_t n_ignores;
};

void places_keep(struct conf *c)
{
	c->priv->places = xcalloc(1, sizeof *c->priv->places);
	c->priv->places->arena = arena_new(4096);
}

void conf_forget_places(struct conf *c)
{
	struct places *p = c->priv->places;

	if (!p)
		return;
	arena_free(p->arena);
	free(p->v);
	free(p->ignores);
	free(p);
	c->priv->places = NULL;
}

static bool is_secret(const struct opt *opt)
{
	return opt->kind == OPT_SECRET || opt->show == show_secret || opt->show == show_digests;
}

void places_add(struct opt_cx *cx, const struct opt *opt, const struct ini_line *l)
{
	struct places *p = cx->c->priv->places;
	const char *value = NULL;

	if (!p)
		return;
	if (!is_secret(opt))
		value = arena_str(p->arena, span_of(l->value));
	if (p->n == p->cap) {
		p->cap = p->cap ? p->cap * 2 : 64;
		p->v = xrealloc(p->v, p->cap * sizeof p->v[0]);
	}
	p->v[p->n] = (struct placed_line){ cx->obj, p->n, opt, { l->file, l->line, value } };
	p->n++;
}

void places_take_ignores(struct conf *c, const struct ini *ini)
{
	struct places *p = c->priv->places;

	if (!p || !ini->n_ignores)
		return;
	p->ignores = xrealloc(p->ignores, (p->n_ignores + ini->n_ignores) * sizeof p->ignores[0]);
	memcpy(p->ignores + p->n_ignores, ini->ignores, ini->n_ignores * sizeof p->ignores[0]);
	p->n_ignores += ini->n_ignores;
}

static int cmp_line(const void *a, const void *b)
{
	const struct placed_line *x = a, *y = b;

	if (x->obj != y->obj)
		return x->obj < y->obj ? -1 : 1;
	return (x->at > y->at) - (x->at < y->at);
}

void places_sort(struct conf *c)
{
	struct places *p = c->priv->places;

	if (p && p->n)
		qsort(p->v, p->n, sizeof p->v[0], cmp_line);
}

bool conf_place(const struct conf *c, const struct conf_obj *o, const char *option, size_t from_last,
		struct conf_place *place)
{
	const struct places *p = c->priv->places;
	size_t low = 0, high = p ? p->n : 0;

	while (low < high) { /* the end of the object's lines */
		size_t mid = (low + high) / 2;

		if (p->v[mid].obj <= o)
			low = mid + 1;
		else
			high = mid;
	}
	for (; low > 0 && p->v[low - 1].obj == o; low--) {
		if (strcmp(p->v[low - 1].opt->name, option) != 0 || from_last--)
			continue;
		*place = p->v[low - 1].place;
		return true;
	}
	return false;
}

const struct conf_ignore *conf_ignores(const struct conf *c, size_t *n)
{
	const struct places *p = c->priv->places;

	*n = p ? p->n_ignores : 0;
	return p ? p->ignores : NULL;
}
