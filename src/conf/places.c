/*
 * conf/places.c: in which file and line each option is written, and which findings a comment silences: the files as
 * they were read, which are kept beside the snapshot for `hairpin check`. A running server does not carry them.
 */
#include <stdlib.h>
#include <string.h>

#include "conf/opt.h"

struct places {
	struct ini *files;
	size_t n;
	struct conf_ignore *ignores;
	size_t n_ignores;
};

void places_keep(struct conf *c)
{
	c->priv->places = xcalloc(1, sizeof *c->priv->places);
}

void conf_forget_places(struct conf *c)
{
	struct places *p = c->priv->places;

	if (!p)
		return;
	for (size_t i = 0; i < p->n; i++)
		ini_free(&p->files[i]);
	free(p->files);
	free(p->ignores);
	free(p);
	c->priv->places = NULL;
}

static void take_ignores(struct places *p, const struct ini *ini)
{
	if (!ini->n_ignores)
		return;
	p->ignores = xrealloc(p->ignores, (p->n_ignores + ini->n_ignores) * sizeof p->ignores[0]);
	memcpy(p->ignores + p->n_ignores, ini->ignores, ini->n_ignores * sizeof p->ignores[0]);
	p->n_ignores += ini->n_ignores;
}

void places_take(struct conf *c, struct ini *ini)
{
	struct places *p = c->priv->places;

	if (!p) {
		ini_free(ini);
		return;
	}
	take_ignores(p, ini);
	p->files = xrealloc(p->files, (p->n + 1) * sizeof p->files[0]);
	p->files[p->n++] = *ini;
}

/* A file without types is of one. */
static bool is_secret(const struct ini_section *s, struct span option)
{
	const struct ini_line *type = ini_last(s, SPAN("type"));

	for (const struct opt_type *t = conf_types; t->name; t++) {
		const struct opt *opt;

		if (type ? !span_iis(span_of(type->value), t->name) : !t->file)
			continue;
		opt = opt_find(t, option);
		if (opt && (opt->kind == OPT_SECRET || opt->show == show_secret || opt->show == show_digests))
			return true;
	}
	return false;
}

static bool place_in(const struct ini_section *s, struct span option, size_t *from_last, struct conf_place *place)
{
	for (size_t i = s->n; i-- > 0;) {
		const struct ini_line *l = s->lines[i];

		if (!span_ieq(ini_key(l), option) || (*from_last)--)
			continue;
		*place = (struct conf_place){ l->file, l->line, is_secret(s, option) ? NULL : l->value };
		return true;
	}
	return false;
}

bool conf_place(const struct conf *c, const struct conf_obj *o, const char *option, size_t from_last,
		struct conf_place *place)
{
	const struct places *p = c->priv->places;

	for (size_t i = 0; p && i < p->n; i++) {
		const struct ini_section *s = ini_section_at(&p->files[i], span_of(o->name), o->file, o->line);

		if (s && place_in(s, span_of(option), &from_last, place))
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
