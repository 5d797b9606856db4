/*
 * store/priv.h: what the files of this folder share. Not for others.
 *
 * store.c keeps the changes that are not written yet (struct change, one per key: a later change replaces an earlier
 * one) and hands them in batches to the backend. A backend that writes elsewhere takes time; until its batch is done
 * the next one collects.
 */
#pragma once
#include <uthash.h>

#include "base/list.h"
#include "store/store.h"

#define CONTACT_TEXTS(X) \
	X(aor)           \
	X(uri)           \
	X(path) X(user_agent) X(call_id) X(instance) X(orig_host) X(endpoint) X(transport) X(via_addr) X(reg_server)

enum change_kind { PUT_CONTACT, DEL_CONTACT, SET_VALUE };
struct change {
	UT_hash_handle hh;
	enum change_kind kind;
	struct store_contact contact; /* PUT: all of it; DEL: aor and uri; the strings are the change's */
	char *name, *value;           /* SET */
	size_t key_n;
	char *key;
};
struct change *change_contact(enum change_kind kind, const struct store_contact *c);
struct change *change_value(const char *name, const char *value);
void change_free(struct change *c);
/* Takes it into the table; what had the same key is freed. A contact that is put again keeps its place in the order. */
void change_add(struct change **table, struct change *c);
void change_drop(struct change **table, const struct change *c); /* frees what has its key */
void changes_free(struct change **table);

struct backend {
	void (*changed)(struct store *s, struct change *c); /* takes it over */
	void (*load)(struct store *s, void (*each)(void *arg, const struct store_contact *c), void *arg);
	char *(*get)(struct store *s, const char *name);
	void (*close)(struct store *s);
};
struct store { /* first member of every backend's store */
	const struct backend *backend;
};
