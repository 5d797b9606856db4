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

struct change *change_new(enum change_kind kind, const struct store_contact *from)
{
	struct change *c;
	size_t n = 0;
	char *at;

#define X(f) n += (from->f ? strlen(from->f) : 0) + 1;
	if (kind == PUT_CONTACT)
		CONTACT_TEXTS(X)
#undef X
	c = xmalloc(sizeof *c + n);
	c->kind = kind;
	c->contact = *from;
	at = c->texts;
#define X(f) c->contact.f = pack(&at, from->f);
	if (kind == PUT_CONTACT) {
		CONTACT_TEXTS(X)
	}
#undef X
	return c;
}

void change_add(struct change **table, struct change *c)
{
	uint64_t id = c->contact.id;
	struct change *old;

	HASH_FIND(hh, *table, &id, sizeof id, old);
	if (old && c->kind == REFRESH_CONTACT) {
		old->contact.cseq = c->contact.cseq;
		old->contact.expires = c->contact.expires;
		free(c);
		return;
	}
	if (old) {
		HASH_DEL(*table, old);
		free(old);
	}
	HASH_ADD(hh, *table, contact.id, sizeof id, c);
}

void changes_free(struct change **table)
{
	struct change *c, *next;

	HASH_ITER(hh, *table, c, next) {
		HASH_DEL(*table, c);
		free(c);
	}
}

uint64_t store_put_contact(struct store *s, const struct store_contact *c)
{
	struct store_contact with_id = *c;

	if (!with_id.id)
		with_id.id = ++s->last_id;
	s->backend->changed(s, change_new(PUT_CONTACT, &with_id));
	return with_id.id;
}

void store_refresh_contact(struct store *s, uint64_t id, uint32_t cseq, int64_t expires)
{
	struct store_contact c = { .id = id, .cseq = cseq, .expires = expires };

	s->backend->changed(s, change_new(REFRESH_CONTACT, &c));
}

void store_del_contact(struct store *s, uint64_t id)
{
	s->backend->changed(s, change_new(DEL_CONTACT, &(struct store_contact){ .id = id }));
}

void store_load(struct store *s, void (*each)(void *arg, const struct store_contact *c), void *arg)
{
	s->backend->load(s, each, arg);
}

void store_rest(struct store *s)
{
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
