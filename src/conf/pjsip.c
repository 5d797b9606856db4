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

struct pattern {                       /* what objects of one type begin with */
	struct conf_obj *bare;         /* the defaults; NULL: not made yet */
	struct conf_obj *filled;       /* and with n of the lines that the latest one inherits */
	struct ini_line *const *lines; /* these */
	size_t n_inherited, n;
	bool is_made; /* only once a second object inherits the same lines */
};

struct plan {
	struct load *load;
	struct ini ini, acl;
	struct placed *objects;
	size_t n;
	size_t counts[TYPE_MAX], n_left_out; /* of objects, by row in conf_types; those left out apart */
	struct pattern patterns[TYPE_MAX];
};

static size_t row_of(const struct opt_type *t)
{
	return (size_t)(t - conf_types);
}

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

/* udp, tcp and tls are served. Says so once for each transport of another kind. */
static bool is_left_out(struct plan *p, const struct ini_section *s)
{
	const struct ini_line *l = ini_last(s, SPAN("protocol"));

	if (!l || (strcasecmp(l->value, "ws") && strcasecmp(l->value, "wss") && strcasecmp(l->value, "flow")))
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
		const struct ini_line *l = ini_last(s, SPAN("type"));
		const struct opt_type *t = l ? opt_type(span_of(l->value)) : NULL;
		bool left_out;

		if (s->is_template)
			continue;
		if (!t || t->file) {
			bad_type(p, s, l);
			continue;
		}
		left_out = row_of(t) == TYPE_TRANSPORT && is_left_out(p, s);
		p->objects[p->n++] = (struct placed){ .type = t, .section = s, .left_out = left_out };
		p->counts[row_of(t)] += !left_out;
		p->n_left_out += left_out;
	}
}

/* ---- slots and names ---- */

/* Where objects may begin. Not zeroed. */
static void *room_for(struct arena *a, size_t n)
{
	uintptr_t at = (uintptr_t)arena_alloc(a, n + CONF_LINE - 1);

	return (void *)((at + CONF_LINE - 1) & ~(uintptr_t)(CONF_LINE - 1));
}

static void begin_index(struct plan *p, struct name_index *x, size_t n, size_t size)
{
	index_make(x, p->load->arena, n);
	x->objects = room_for(p->load->arena, n * size);
	x->size = size;
}

/* The arrays of all types, as large as they get. What is only checked has a name, too. */
static void begin_indexes(struct plan *p)
{
	struct conf_priv *priv = p->load->c->priv;
	char *c = (char *)p->load->c;

	for (const struct opt_type *t = conf_types; t->name; t++) {
		struct name_index *x = &priv->by_name[row_of(t)];

		BUG_ON(row_of(t) >= TYPE_MAX);
		begin_index(p, x, p->counts[row_of(t)], MAX(t->size, sizeof(struct conf_obj)));
		if (!t->one && t->size) {
			memcpy(c + t->list, &x->objects, sizeof x->objects);
			memcpy(c + t->count, &p->counts[row_of(t)], sizeof(size_t));
		}
	}
	begin_index(p, &priv->left_out, p->n_left_out, sizeof(struct conf_transport));
}

/* Sections of one name often stand together: their objects have it from the same place. */
static const char *name_of(struct plan *p, size_t i)
{
	const char *name = p->objects[i].section->name;

	return i && p->objects[i - 1].section->name == name ? p->objects[i - 1].obj->name
							    : arena_str(p->load->arena, span_of(name));
}

static void start_object(struct plan *p, size_t i)
{
	struct placed *o = &p->objects[i];
	struct conf_priv *priv = p->load->c->priv;
	struct name_index *x = o->left_out ? &priv->left_out : &priv->by_name[row_of(o->type)];
	struct conf_obj *only = (struct conf_obj *)((char *)p->load->c + o->type->list);
	bool first = o->type->one && !only->name;
	const struct conf_obj *before;

	o->obj = first ? only : index_at(x, x->n);
	*o->obj = (struct conf_obj){ name_of(p, i), o->section->file, o->section->line };
	before = first ? NULL : index_add(x);
	if (o->type->one && !first)
		before = only;
	if (before)
		diag_add(p->load->why, DIAG_ERROR, o->obj->file, o->obj->line, "%s %s: %s, at %s:%u", o->type->name,
			 o->obj->name, o->type->one ? "there is one already" : "defined before", before->file,
			 before->line);
}

/* ---- values ---- */

static bool is_type(const struct ini_line *l)
{
	return span_ieq(ini_key(l), SPAN("type"));
}

/* The value is the field's alone: a copy of the object has it, too, and neither adds to it. */
static bool is_plain(const struct opt *opt)
{
	return opt && opt->kind != OPT_LIST && opt->kind != OPT_SECRET && opt->kind != OPT_CUSTOM;
}

/*
 * What objects of this template begin with, so that a thousand phones neither read it a thousand times nor have a
 * thousand copies of its texts. It ends where a line is wrong or has something to say, which it says of each object.
 */
static void make_pattern(struct plan *p, const struct opt_type *t, struct pattern *pt)
{
	struct diag why = { 0 };
	struct opt_cx cx = { p->load->c, p->load->arena, &why, &p->acl, t, pt->filled };
	void *before = arena_alloc(p->ini.arena, t->size);

	memcpy(pt->filled, pt->bare, t->size);
	for (pt->n = 0; pt->n < pt->n_inherited; pt->n++) {
		struct ini_line *l = pt->lines[pt->n];
		bool told = l->told;

		if (is_type(l))
			continue;
		if (!is_plain(opt_find(t, ini_key(l))))
			break;
		memcpy(before, pt->filled, t->size);
		opt_apply(&cx, l);
		if (!why.n)
			continue;
		memcpy(pt->filled, before, t->size);
		l->told = told;
		break;
	}
	pt->is_made = true;
	diag_free(&why);
}

static struct pattern *pattern_of(struct plan *p, const struct opt_type *t)
{
	struct pattern *pt = &p->patterns[row_of(t)];
	struct opt_cx cx = { p->load->c, p->load->arena, p->load->why, &p->acl, t };

	if (pt->bare)
		return pt;
	cx.obj = memset(room_for(p->ini.arena, t->size), 0, t->size);
	pt->bare = cx.obj;
	pt->filled = room_for(p->ini.arena, t->size);
	cx.obj->name = "";
	opt_defaults(&cx);
	return pt;
}

/* Gives the object what it begins with. Returns how many of its lines that were. */
static size_t begin_object(struct plan *p, const struct placed *o)
{
	struct pattern *pt = pattern_of(p, o->type);
	const struct ini_section *s = o->section;
	struct conf_obj head = *o->obj;
	bool again = s->n_inherited && s->n_inherited == pt->n_inherited &&
		     memcmp(s->lines, pt->lines, s->n_inherited * sizeof s->lines[0]) == 0;

	if (again && !pt->is_made)
		make_pattern(p, o->type, pt);
	memcpy(o->obj, again ? pt->filled : pt->bare, o->type->size);
	o->obj->name = head.name;
	o->obj->file = head.file;
	o->obj->line = head.line;
	if (again)
		return pt->n;
	pt->lines = s->lines;
	pt->n_inherited = s->n_inherited;
	pt->is_made = false;
	return 0;
}

/* A load that nobody wants any more only begins its objects: whatever is in the snapshot is freed, too. */
static void fill_object(struct plan *p, const struct placed *o)
{
	bool ok = !is_abandoned(p->load->src);
	struct opt_cx cx = {
		.c = p->load->c,
		.arena = p->load->arena,
		.why = p->load->why,
		.acl = &p->acl,
		.type = o->type,
		.obj = o->obj,
	};
	size_t i = o->type->size ? begin_object(p, o) : 0;

	for (size_t n = ok ? o->section->n : 0; i < n; i++)
		if (!is_type(o->section->lines[i]))
			ok &= opt_apply(&cx, o->section->lines[i]);
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
	begin_indexes(&p);
	for (size_t i = 0; i < p.n; i++)
		start_object(&p, i);
	for (size_t i = 0; i < p.n; i++)
		fill_object(&p, &p.objects[i]);
	fill_unwritten(&p);
	look_at_all(l->c);
	free(p.objects);
	ini_free(&p.acl);
	places_take(l->c, &p.ini);
}
