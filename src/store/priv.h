/*
 * store/priv.h: what the files of this folder share. Not for others.
 *
 * store.c keeps the changes that are not written yet (struct change, one for each contact: a later change is merged
 * into an earlier one) and hands them in batches to the backend. A backend that writes elsewhere takes time; until its
 * batch is done the next one collects.
 */
#pragma once
#include <uthash.h>

#include "store/store.h"

#define CONTACT_TEXTS(X) \
	X(aor)           \
	X(uri)           \
	X(path) X(user_agent) X(call_id) X(instance) X(orig_host) X(endpoint) X(transport) X(via_addr) X(reg_server)

enum change_kind { PUT_CONTACT, REFRESH_CONTACT, DEL_CONTACT };
struct change {
	UT_hash_handle hh;
	enum change_kind kind;
	struct store_contact contact; /* PUT: all of it; REFRESH: id, cseq, expires; DEL: id */
	char texts[];                 /* PUT */
};
struct change *change_new(enum change_kind kind, const struct store_contact *c);
/* Takes it into the table, merged with what the table has of the same contact. */
void change_add(struct change **table, struct change *c);
void changes_free(struct change **table);

struct backend {
	void (*changed)(struct store *s, struct change *c); /* takes it over */
	void (*load)(struct store *s, void (*each)(void *arg, const struct store_contact *c), void *arg);
	void (*rest)(struct store *s); /* NULL: there is nothing to give back */
	void (*close)(struct store *s);
};
struct store { /* first member of every backend's store */
	const struct backend *backend;
	uint64_t last_id;
};
