/* store/store.c: changes with their keys, and the door to the backends. */
#include <stdlib.h>
#include <string.h>

#include "base/out.h"
#include "store/priv.h"

static char *copy(const char *s)
{
	return xstrdup(s ? s : "");
}

static void set_key(struct change *c, char kind, const char *a, const char *b)
{
	struct out o = out_growing();

	out_char(&o, kind);
	out_bytes(&o, a, strlen(a) + 1);
	out_str(&o, b);
	c->key_n = o.n;
	c->key = out_take(&o);
}

struct change *change_contact(enum change_kind kind, const struct store_contact *from)
{
	struct change *c = xcalloc(1, sizeof *c);

	c->kind = kind;
	c->contact = *from;
#define X(f) c->contact.f = copy(from->f);
	CONTACT_TEXTS(X)
#undef X
	set_key(c, 'c', c->contact.aor, c->contact.uri);
	return c;
}

struct change *change_value(const char *name, const char *value)
{
	struct change *c = xcalloc(1, sizeof *c);

	c->kind = SET_VALUE;
	c->name = copy(name);
	c->value = copy(value);
	set_key(c, 'v', name, "");
	return c;
}

void change_free(struct change *c)
{
#define X(f) free((char *)(uintptr_t)c->contact.f);
	CONTACT_TEXTS(X)
#undef X
	if (c->value)
		explicit_bzero(c->value, strlen(c->value));
	free(c->name);
	free(c->value);
	free(c->key);
	free(c);
}

void change_drop(struct change **table, const struct change *c)
{
	struct change *old;

	HASH_FIND(hh, *table, c->key, c->key_n, old);
	if (!old)
		return;
	HASH_DEL(*table, old);
	change_free(old);
}

void change_add(struct change **table, struct change *c)
{
	struct change *old;

	HASH_FIND(hh, *table, c->key, c->key_n, old);
	if (old && old->kind == PUT_CONTACT && c->kind == PUT_CONTACT) {
		struct store_contact was = old->contact;

		old->contact = c->contact;
		c->contact = was;
		change_free(c);
		return;
	}
	change_drop(table, c);
	HASH_ADD_KEYPTR(hh, *table, c->key, c->key_n, c);
}

void changes_free(struct change **table)
{
	struct change *c, *next;

	HASH_ITER(hh, *table, c, next) {
		HASH_DEL(*table, c);
		change_free(c);
	}
}

void store_put_contact(struct store *s, const struct store_contact *c)
{
	s->backend->changed(s, change_contact(PUT_CONTACT, c));
}

void store_del_contact(struct store *s, const char *aor, const char *uri)
{
	struct store_contact key = { .aor = aor, .uri = uri };

	s->backend->changed(s, change_contact(DEL_CONTACT, &key));
}

void store_set(struct store *s, const char *name, const char *value)
{
	s->backend->changed(s, change_value(name, value));
}

void store_load(struct store *s, void (*each)(void *arg, const struct store_contact *c), void *arg)
{
	s->backend->load(s, each, arg);
}

char *store_get(struct store *s, const char *name)
{
	return s->backend->get(s, name);
}

void store_close(struct store **s)
{
	if (!*s)
		return;
	(*s)->backend->close(*s);
	*s = NULL;
}
