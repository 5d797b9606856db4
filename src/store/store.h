/*
 * store/store.h: what must outlive the process: contacts, and small named values. Memory is the truth while we run; the
 * store is written behind, in batches, and survives a kill -9. Called from the signalling thread; never blocks it after
 * store_load().
 */
#pragma once
#include "base/span.h"
#include "base/util.h"

struct store;
struct io_loop;

struct store_contact {         /* strings are borrowed for the call; NULL means "" */
	const char *aor, *uri; /* the key; uri as stored, rewritten */
	const char *path, *user_agent, *call_id, *instance, *orig_host, *endpoint, *transport, *via_addr, *reg_server;
	uint32_t cseq;
	uint16_t via_port;
	int64_t expires; /* Unix ms */
	bool prune_on_boot;
};

/* In memory: for the simulator; outlives the pbx that a story restarts. */
struct store *store_mem(void);
/*
 * SQLite (WAL) at `path`, created if missing; writes run in the loop's thread pool on copied values, one batch at a
 * time. NULL with *why (a malloc'd phrase) when it cannot be opened.
 */
struct store *store_sqlite(struct io_loop *loop, const char *path, char **why);
void store_put_contact(struct store *s, const struct store_contact *c);
void store_del_contact(struct store *s, const char *aor, const char *uri);
/* Every contact, once, before the first put; blocks. */
void store_load(struct store *s, void (*each)(void *arg, const struct store_contact *c), void *arg);
/* A small value by name ("passwords.6001"): read blocks (start only), write is behind. Returns malloc'd text or NULL.
 */
char *store_get(struct store *s, const char *name);
void store_set(struct store *s, const char *name, const char *value);
/* Writes what is pending and closes; blocks. Clears the handle. */
void store_close(struct store **s);
