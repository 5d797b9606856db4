/*
 * store/store.h: what must outlive the process: contacts, and what a dialplan keeps. Memory is the truth while we run;
 * the store is written behind, in batches, and survives a kill -9. Called from the signalling thread; never blocks it
 * after store_load().
 */
#pragma once
#include "base/span.h"
#include "base/util.h"

struct store;
struct io_loop;

struct store_contact {         /* strings are borrowed for the call; NULL means "" */
	uint64_t id;           /* its number in the store; 0: it has none yet */
	const char *aor, *uri; /* uri as stored, rewritten */
	const char *path, *user_agent, *call_id, *instance, *orig_host, *endpoint, *transport, *via_addr, *reg_server;
	uint32_t cseq;
	uint16_t via_port;
	int64_t expires; /* Unix ms */
	bool prune_on_boot;
};

struct store_value { /* of the dialplan's DB(); as above */
	uint64_t id;
	const char *key, *value;
};

/* In memory: for the simulator; outlives the pbx that a story restarts. */
struct store *store_mem(void);
/*
 * SQLite (WAL) at `path`, created if missing; writes run in the loop's thread pool on copied values, one batch at a
 * time. NULL with *why (a malloc'd phrase) when it cannot be opened.
 */
struct store *store_sqlite(struct io_loop *loop, const char *path, char **why);
/* Stores all of it. Returns its id: a new one when it has none. */
uint64_t store_put_contact(struct store *s, const struct store_contact *c);
/* Nothing but these two has changed: costs a tenth. */
void store_refresh_contact(struct store *s, uint64_t id, uint32_t cseq, int64_t expires);
void store_del_contact(struct store *s, uint64_t id);
/* Every contact, once, in the order of their ids, before the first put; blocks. */
void store_load(struct store *s, void (*each)(void *arg, const struct store_contact *c), void *arg);
/* Likewise. Contacts and values share their ids. */
uint64_t store_put_value(struct store *s, const struct store_value *v);
void store_del_value(struct store *s, uint64_t id);
void store_load_values(struct store *s, void (*each)(void *arg, const struct store_value *v), void *arg);
/* Gives back memory that only a rush needs: what was read of a file is read again. */
void store_rest(struct store *s);
/* Writes what is pending and closes; blocks. Clears the handle. */
void store_close(struct store **s);
