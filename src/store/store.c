/* store/store.c: changes, and the door to the backends. */
#include <stdlib.h>
#include <string.h>

#include "store/priv.h"

static const char *pack(char **at, const char *s)
{
	char *to = *at;
	size_t n = s ? strlen(s) + 1 : 1;

	memcpy(to, s ? s : "", n);
	*at += n;
	return to;
}

static struct change *change_new(struct store *s, enum change_kind kind, const struct store_contact *from)
{
	struct change *c;
	size_t n = 0;
	char *at;

	if (kind == PUT_CONTACT) {
		n = sizeof *c->put;
#define X(f) n += (from->f ? strlen(from->f) : 0) + 1;
		CONTACT_TEXTS(X)
#undef X
	}
	c = spares_take(&s->spares, sizeof *c + n);
	*c = (struct change){ .kind = kind, .cseq = from->cseq, .id = from->id, .expires = from->expires };
	if (kind != PUT_CONTACT)
		return c;
	c->put = (struct put *)(c + 1);
	c->put->contact = *from;
	at = c->put->texts;
#define X(f) c->put->contact.f = pack(&at, from->f);
	CONTACT_TEXTS(X)
#undef X
	return c;
}

static struct change *change_of(const struct table *t, uint64_t id)
{
	size_t at = id;

	return table_next(t, id, &at);
}

void change_add(struct store *s, struct table *t, struct change *c)
{
	struct change *old = change_of(t, c->id);

	if (old && c->kind == REFRESH_CONTACT) {
		old->cseq = c->cseq;
		old->expires = c->expires;
		spares_give(&s->spares, c);
		return;
	}
	if (old) {
		table_del(t, old->id, old);
		spares_give(&s->spares, old);
	}
	table_add(t, c->id, c);
}

void changes_free(struct store *s, struct table *t)
{
	struct table_walk w = { 0 };
	struct change *c;

	while ((c = table_each(t, &w)))
		spares_give(&s->spares, c);
	table_free(t);
}

uint64_t store_put_contact(struct store *s, const struct store_contact *c)
{
	struct store_contact with_id = *c;

	if (!with_id.id)
		with_id.id = ++s->last_id;
	s->backend->changed(s, change_new(s, PUT_CONTACT, &with_id));
	return with_id.id;
}

void store_refresh_contact(struct store *s, uint64_t id, uint32_t cseq, int64_t expires)
{
	struct store_contact c = { .id = id, .cseq = cseq, .expires = expires };

	s->backend->changed(s, change_new(s, REFRESH_CONTACT, &c));
}

void store_del_contact(struct store *s, uint64_t id)
{
	s->backend->changed(s, change_new(s, DEL_CONTACT, &(struct store_contact){ .id = id }));
}

struct store_value change_value(const struct change *c)
{
	return (struct store_value){ c->id, c->key, c->key + strlen(c->key) + 1 };
}

uint64_t store_put_value(struct store *s, const struct store_value *v)
{
	struct change *c = spares_take(&s->spares, sizeof *c + strlen(v->key) + strlen(v->value) + 2);
	char *at = (char *)(c + 1);

	*c = (struct change){ .kind = PUT_VALUE, .id = v->id ? v->id : ++s->last_id, .key = at };
	pack(&at, v->key);
	pack(&at, v->value);
	s->backend->changed(s, c);
	return v->id ? v->id : s->last_id;
}

void store_del_value(struct store *s, uint64_t id)
{
	s->backend->changed(s, change_new(s, DEL_VALUE, &(struct store_contact){ .id = id }));
}

void store_load_values(struct store *s, void (*each)(void *arg, const struct store_value *v), void *arg)
{
	s->backend->load_values(s, each, arg);
}

void store_load(struct store *s, void (*each)(void *arg, const struct store_contact *c), void *arg)
{
	s->backend->load(s, each, arg);
}

void store_rest(struct store *s)
{
	spares_free(&s->spares);
	if (s->backend->rest)
		s->backend->rest(s);
}

void store_close(struct store **s)
{
	if (!*s)
		return;
	(*s)->backend->close(*s);
	*s = NULL;
}
