/*
 * conf/conf.c: the snapshot: loading it whole or not at all, sharing it, looking things up by name.
 *
 * One arena holds everything but the secrets, which are freed one by one so that they are wiped.
 */
#include "conf/conf.h"

#include <stdlib.h>
#include <string.h>

#include "conf/opt.h"

static void destroy(void *snapshot)
{
	struct conf *c = snapshot;

	for (size_t i = 0; i < c->n_auths; i++) {
		struct conf_auth *a = &c->auths[i];

		secret_wipe(&a->password);
		secret_wipe(&a->ha1_md5);
		secret_wipe(&a->ha1_sha256);
		secret_wipe(&a->ha1_sha512_256);
	}
	conf_forget_places(c);
	arena_free(c->priv->arena);
}

static void note_found(void *ctx, const char *path UNUSED)
{
	*(bool *)ctx = true;
}

bool load_optional(struct load *l, struct ini *ini, const char *path)
{
	bool there = false;

	if (ini_load(ini, l->arena, l->src, path, l->why))
		return true;
	l->src->glob(l->src->arg, path, note_found, &there);
	if (there)
		diag_add(l->why, DIAG_ERROR, path, 0, "it may not be read");
	return there;
}

static struct conf *load(const struct conf_source *src, struct diag *why, bool placed)
{
	struct arena *a = arena_new(16384);
	struct conf *c = arena_zero(a, sizeof *c);
	struct load l = { c, a, src, why };
	size_t before = why->errors;

	c->priv = arena_zero(a, sizeof *c->priv);
	c->priv->arena = a;
	c->priv->refs = 1;
	if (placed)
		places_keep(c);
	load_pjsip(&l);
	load_general(&l);
	load_dialplan(&l);
	load_moh(&l);
	load_features(&l);
	load_cdr(&l);
	if (why->errors == before && !is_abandoned(src)) {
		conf_automatic(c);
		return c;
	}
	destroy(c);
	return NULL;
}

struct conf *conf_load(const struct conf_source *src, struct diag *why)
{
	return load(src, why, false);
}

struct conf *conf_load_placed(const struct conf_source *src, struct diag *why)
{
	return load(src, why, true);
}

struct conf *conf_ref(struct conf *c)
{
	c->priv->refs++;
	return c;
}

void conf_unref(struct conf *c)
{
	if (!c || --c->priv->refs)
		return;
	if (c->priv->free_by)
		c->priv->free_by(c->priv->free_arg, destroy, c);
	else
		destroy(c);
}

void conf_free_by(struct conf *c, conf_free_fn *by, void *arg)
{
	c->priv->free_by = by;
	c->priv->free_arg = arg;
}

/* ---- names ---- */

/* The slot of a name, or the free one where it belongs. Of other names no more than the hash is looked at. */
static struct name_slot *slot_of(const struct name_index *x, struct span name, uint32_t hash)
{
	for (size_t at = hash;; at++) {
		struct name_slot *s = &x->slots[at & (x->n_slots - 1)];

		if (!s->nth || (s->hash == hash && span_is(name, index_at(x, s->nth - 1)->name)))
			return s;
	}
}

void index_make(struct name_index *x, struct arena *a, size_t n)
{
	for (x->n_slots = 2; x->n_slots < n * 2; x->n_slots *= 2)
		;
	x->slots = arena_zero(a, x->n_slots * sizeof x->slots[0]);
}

const struct conf_obj *index_add(struct name_index *x)
{
	struct span name = span_of(index_at(x, x->n++)->name);
	uint32_t hash = span_hash(name);
	struct name_slot *s = slot_of(x, name, hash);

	if (s->nth)
		return index_at(x, s->nth - 1);
	*s = (struct name_slot){ hash, (uint32_t)x->n };
	return NULL;
}

const struct conf_obj *index_find(const struct name_index *x, struct span name)
{
	const struct name_slot *s = slot_of(x, name, span_hash(name));

	return s->nth ? index_at(x, s->nth - 1) : NULL;
}

struct name_index *index_of(const struct conf *c, const char *type)
{
	return &c->priv->by_name[opt_type(span_of(type)) - conf_types];
}

const struct conf_endpoint *conf_endpoint(const struct conf *c, struct span name)
{
	return (const struct conf_endpoint *)index_find(&c->priv->by_name[TYPE_ENDPOINT], name);
}

const struct conf_aor *conf_aor(const struct conf *c, struct span name)
{
	return (const struct conf_aor *)index_find(&c->priv->by_name[TYPE_AOR], name);
}

const struct conf_auth *conf_auth(const struct conf *c, struct span name)
{
	return (const struct conf_auth *)index_find(&c->priv->by_name[TYPE_AUTH], name);
}

const struct conf_transport *conf_transport(const struct conf *c, struct span name)
{
	return (const struct conf_transport *)index_find(&c->priv->by_name[TYPE_TRANSPORT], name);
}

const struct conf_registration *conf_registration(const struct conf *c, struct span name)
{
	return (const struct conf_registration *)index_find(&c->priv->by_name[TYPE_REGISTRATION], name);
}

const struct conf_transport *conf_left_out(const struct conf *c, size_t at)
{
	const struct name_index *x = &c->priv->left_out;

	return at < x->n ? (const struct conf_transport *)index_at(x, at) : NULL;
}

/* ---- options ---- */

bool conf_written(const struct conf_obj *o, const char *type, const char *option)
{
	const struct opt_type *t = opt_type(span_of(type));

	BUG_ON(!t);
	return opt_is_written(t, o, option);
}

void conf_each_option(const struct conf_obj *o, const char *type, conf_each_fn *fn, void *ctx)
{
	const struct opt_type *t = opt_type(span_of(type));

	BUG_ON(!t);
	for (size_t row = 0; t->opts[row].name; row++) {
		struct out text = out_growing();

		opt_print(t, row, o, &text);
		out_char(&text, '\0');
		fn(ctx, t->opts[row].name, text.p);
		out_free(&text);
	}
}
