/*
 * conf/pjsip.c: pjsip.conf's sections become objects.
 *
 * Sections are placed first (which type, which slot in the snapshot), so that every name is known before the first
 * option is read: references may point forward. Then each object gets its defaults, its lines and its check.
 */
#include <stdlib.h>
#include <string.h>

#include "conf/opt.h"

struct placed { /* a section that is an object */
	const struct opt_type *type;
	const struct ini_section *section;
	struct conf_obj *obj;
	bool left_out; /* a transport that is not served: read and checked, but not in the snapshot's list */
};

struct plan {
	struct load *load;
	struct ini ini, acl;
	struct placed *objects;
	size_t n;
};

static void bad_type(struct plan *p, const struct ini_section *s, const struct ini_line *type)
{
	const char *names[TYPE_MAX], *near;
	size_t n = 0;

	if (!type && !s->n) { /* all of it is a comment, perhaps */
		diag_add(p->load->why, DIAG_NOTE, s->file, s->line, "[%s]: nothing is in it", s->name);
		return;
	}
	if (!type) {
		diag_add(p->load->why, DIAG_ERROR, s->file, s->line, "[%s]: type= is missing", s->name);
		return;
	}
	for (const struct opt_type *t = conf_types; t->name; t++)
		if (!t->file)
			names[n++] = t->name;
	near = diag_nearest(type->value, names, n);
	if (near)
		diag_add(p->load->why, DIAG_ERROR, type->file, type->line,
			 "[%s]: unknown type '%s', did you mean '%s'?", s->name, type->value, near);
	else
		diag_add(p->load->why, DIAG_ERROR, type->file, type->line, "[%s]: unknown type '%s'", s->name,
			 type->value);
}

/* udp and tcp are served. Says so once for each transport of another kind. */
static bool is_left_out(struct plan *p, const struct ini_section *s)
{
	const struct ini_line *l = ini_last(s, "protocol");

	if (!l || (strcasecmp(l->value, "tls") && strcasecmp(l->value, "ws") && strcasecmp(l->value, "wss") &&
		   strcasecmp(l->value, "flow")))
		return false;
	diag_add(p->load->why, DIAG_WARNING, l->file, l->line,
		 "transport %s: protocol=%s is not served yet; this transport is left out", s->name, l->value);
	diag_unserved(p->load->why);
	return true;
}

static void find_objects(struct plan *p)
{
	p->objects = xcalloc(p->ini.n + 1, sizeof p->objects[0]);
	for (size_t i = 0; i < p->ini.n; i++) {
		const struct ini_section *s = &p->ini.sections[i];
		const struct ini_line *l = ini_last(s, "type");
		const struct opt_type *t = l ? opt_type(span_of(l->value)) : NULL;

		if (s->is_template)
			continue;
		if (!t || t->file) {
			bad_type(p, s, l);
			continue;
		}
		p->objects[p->n++] = (struct placed){
			.type = t,
			.section = s,
			.left_out = strcmp(t->name, "transport") == 0 && is_left_out(p, s),
		};
	}
}

/* ---- slots ---- */

static void *object_room(struct plan *p, size_t size)
{
	uintptr_t at = (uintptr_t)arena_zero(p->load->arena, size + CONF_LINE - 1);

	return (void *)((at + CONF_LINE - 1) & ~(uintptr_t)(CONF_LINE - 1));
}

static void start_object(struct plan *p, struct placed *o, void *slot)
{
	o->obj = slot;
	o->obj->name = arena_str(p->load->arena, span_of(o->section->name));
	o->obj->file = o->section->file;
	o->obj->line = o->section->line;
}

static void place_array(struct plan *p, const struct opt_type *t)
{
	char *c = (char *)p->load->c, *array;
	size_t n = 0, at = 0;

	for (size_t i = 0; i < p->n; i++)
		n += p->objects[i].type == t && !p->objects[i].left_out;
	array = object_room(p, n * t->size);
	for (size_t i = 0; i < p->n; i++)
		if (p->objects[i].type == t && !p->objects[i].left_out)
			start_object(p, &p->objects[i], array + t->size * at++);
	memcpy(c + t->list, &array, sizeof array);
	memcpy(c + t->count, &n, sizeof n);
}

static void place_one(struct plan *p, const struct opt_type *t)
{
	struct placed *first = NULL;

	for (size_t i = 0; i < p->n; i++) {
		struct placed *o = &p->objects[i];

		if (o->type != t)
			continue;
		if (first) {
			start_object(p, o, object_room(p, t->size));
			diag_add(p->load->why, DIAG_ERROR, o->section->file, o->section->line,
				 "%s %s: there is one already, at %s:%u", t->name, o->section->name,
				 first->section->file, first->section->line);
			continue;
		}
		first = o;
		start_object(p, o, (char *)p->load->c + t->list);
	}
}

static void place_objects(struct plan *p)
{
	for (const struct opt_type *t = conf_types; t->name; t++) {
		if (t->one)
			place_one(p, t);
		else if (t->size)
			place_array(p, t);
	}
	for (size_t i = 0; i < p->n; i++) {
		struct placed *o = &p->objects[i];
		size_t size = MAX(o->type->size, sizeof(struct conf_obj));

		if (!o->obj)
			start_object(p, o, object_room(p, size));
	}
}

/* ---- names ---- */

static void check_twice(struct plan *p, const struct opt_type *t, const struct name_index *x)
{
	for (size_t i = 1; i < x->n; i++) {
		const struct conf_obj *a = x->v[i - 1], *b = x->v[i];

		if (strcmp(a->name, b->name) == 0)
			diag_add(p->load->why, DIAG_ERROR, b->file, b->line, "%s %s: defined before, at %s:%u", t->name,
				 b->name, a->file, a->line);
	}
}

static void index_type(struct plan *p, const struct opt_type *t, bool left_out, struct name_index *x)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n; i++)
		n += p->objects[i].type == t && p->objects[i].left_out == left_out;
	x->v = arena_alloc(p->load->arena, (n + 1) * sizeof(struct conf_obj *));
	for (size_t i = 0; i < p->n; i++)
		if (p->objects[i].type == t && p->objects[i].left_out == left_out)
			x->v[x->n++] = p->objects[i].obj;
	index_make(x, p->load->arena);
	if (!t->one)
		check_twice(p, t, x);
}

static void index_objects(struct plan *p)
{
	struct conf_priv *priv = p->load->c->priv;

	for (const struct opt_type *t = conf_types; t->name; t++) {
		BUG_ON(t - conf_types >= TYPE_MAX);
		index_type(p, t, false, &priv->by_name[t - conf_types]);
	}
	index_type(p, opt_type(SPAN("transport")), true, &priv->left_out);
}

/* ---- values ---- */

static void fill_object(struct plan *p, const struct placed *o)
{
	struct opt_cx cx = {
		.c = p->load->c,
		.arena = p->load->arena,
		.why = p->load->why,
		.acl = &p->acl,
		.type = o->type,
		.obj = o->obj,
		.file = o->obj->file,
		.line = o->obj->line,
	};
	bool ok = true;

	if (o->type->size)
		opt_defaults(&cx);
	for (size_t i = 0; i < o->section->n; i++) {
		const struct ini_line *l = &o->section->lines[i];

		if (!span_iis(span_of(l->key), "type"))
			ok &= opt_apply(&cx, l);
	}
	cx.opt = NULL;
	cx.file = o->obj->file;
	cx.line = o->obj->line;
	if (ok && o->type->finish)
		o->type->finish(&cx, o->obj);
}

/* `global` and `system` hold their defaults when nobody writes them. */
static void fill_unwritten(struct plan *p)
{
	for (const struct opt_type *t = conf_types; t->name; t++) {
		struct conf_obj *obj = (struct conf_obj *)((char *)p->load->c + t->list);
		struct opt_cx cx = { p->load->c, p->load->arena, p->load->why, &p->acl, t, obj };

		if (!t->one || obj->name || t->file)
			continue;
		obj->name = t->name;
		opt_defaults(&cx);
	}
}

static void share(const char **name, const char *with)
{
	if (*name && strcmp(*name, with) == 0)
		*name = with;
}

/*
 * What has the name of its endpoint has it from the same place: a request asks for one after the other. And what only
 * all of them tell is summed up once.
 */
static void look_at_all(struct conf *c)
{
	for (size_t i = 0; i < c->n_auths; i++)
		c->most_nonce_lifetime = MAX(c->most_nonce_lifetime, c->auths[i].nonce_lifetime);
	for (size_t i = 0; i < c->n_endpoints; i++) {
		const struct conf_endpoint *ep = &c->endpoints[i];

		c->n_with_domain += strchr(ep->o.name, '@') != NULL;
		for (size_t j = 0; j < ep->n_aors; j++)
			share(&c->aors[ep->aors[j] - c->aors].o.name, ep->o.name);
		for (size_t j = 0; j < ep->n_auth; j++) {
			struct conf_auth *a = &c->auths[ep->auth[j] - c->auths];

			share(&a->o.name, ep->o.name);
			share(&a->username, ep->o.name);
		}
	}
}

void load_pjsip(struct load *l)
{
	struct plan p = { .load = l };

	if (!ini_load(&p.ini, l->arena, l->src, "pjsip.conf", l->why))
		diag_add(l->why, DIAG_ERROR, "pjsip.conf", 0, "there is no such file, or it may not be read");
	load_optional(l, &p.acl, "acl.conf");
	find_objects(&p);
	place_objects(&p);
	index_objects(&p);
	for (size_t i = 0; i < p.n && !is_abandoned(l->src); i++)
		fill_object(&p, &p.objects[i]);
	fill_unwritten(&p);
	look_at_all(l->c);
	places_take_ignores(l->c, &p.ini);
	free(p.objects);
	ini_free(&p.ini);
	ini_free(&p.acl);
}
