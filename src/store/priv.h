/*
 * store/priv.h: what the files of this folder share. Not for others.
 *
 * store.c keeps the changes that are not written yet (struct change, one for each contact or value: a later change is
 * merged into an earlier one) and hands them in batches to the backend. A backend that writes elsewhere takes time;
 * until its batch is done the next one collects.
 */
#pragma once
#include "base/spares.h"
#include "base/table.h"
#include "store/store.h"

#define CONTACT_TEXTS(X) \
	X(aor)           \
	X(uri)           \
	X(path) X(user_agent) X(call_id) X(instance) X(orig_host) X(endpoint) X(transport) X(via_addr) X(reg_server)

enum change_kind { PUT_CONTACT, REFRESH_CONTACT, DEL_CONTACT, PUT_VALUE, DEL_VALUE };
struct change {
	enum change_kind kind;
	uint32_t cseq;
	uint64_t id; /* its key in a table: ids are ours, and one follows the other */
	int64_t expires;
	union {
		struct put *put; /* PUT_CONTACT: lies behind it */
		char *key;       /* PUT_VALUE: likewise: the key, NUL, the value, NUL */
	};
};
struct put {
	struct store_contact contact; /* but for id, cseq and expires */
	char texts[];
};
/* Takes it into the table, merged with what the table has of the same contact. */
void change_add(struct store *s, struct table *t, struct change *c);
void changes_free(struct store *s, struct table *t);
struct store_value change_value(const struct change *c); /* of PUT_VALUE */

struct backend {
	void (*changed)(struct store *s, struct change *c); /* takes it over */
	void (*load)(struct store *s, void (*each)(void *arg, const struct store_contact *c), void *arg);
	void (*load_values)(struct store *s, void (*each)(void *arg, const struct store_value *v), void *arg);
	void (*rest)(struct store *s); /* NULL: there is nothing to give back */
	void (*close)(struct store *s);
};
struct store { /* first member of every backend's store */
	const struct backend *backend;
	uint64_t last_id;
	struct spares spares; /* of changes */
};
