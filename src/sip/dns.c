/*
 * sip/dns.c: answers of the resolver, kept for their TTL and shared by all who ask at once. Failures are kept briefly.
 * Asking is the network's (struct net); the order of /etc/hosts and DNS is its business, too.
 */
#include "sip/priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/trace.h"

#define NAME_MAX_LEN 255
#define TTL_MIN      1000
#define TTL_MAX      3600000
#define TTL_NOTHING  30000 /* no such record */
#define TTL_FAILED   5000
#define ENTRIES_MAX  4096

struct waiter {
	struct list link;
	sip_lookup_fn *fn;
	void *arg;
};

struct dns_entry {
	UT_hash_handle hh, hh_asked;
	char *key;      /* "33:_sip._udp.example.com" */
	uint64_t query; /* 0: answered */
	struct dns_record *rs;
	size_t n;
	int err;
	ms_t until;
	struct list waiters, told; /* told: being called, one after the other */
	unsigned busy;             /* its records are being read */
};

static void free_waiters(struct list *l, const void *arg) /* arg NULL: all */
{
	list_for_safe(n, l) {
		struct waiter *w = list_entry(n, struct waiter, link);

		if (arg && w->arg != arg)
			continue;
		list_del(&w->link);
		free(w);
	}
}

static void entry_free(struct sip *s, struct dns_entry *e)
{
	HASH_DEL(s->dns, e);
	if (e->query)
		HASH_DELETE(hh_asked, s->dns_asked, e);
	free_waiters(&e->waiters, NULL);
	free_waiters(&e->told, NULL);
	free(e->rs);
	free(e->key);
	free(e);
}

void sip_dns_free(struct sip *s)
{
	struct dns_entry *e, *next;

	HASH_ITER(hh, s->dns, e, next)
		entry_free(s, e);
}

void sip_dns_forget_failures(struct sip *s)
{
	struct dns_entry *e, *next;

	HASH_ITER(hh, s->dns, e, next)
		if (!e->query && !e->n)
			e->until = 0;
}

/* Names come from peers, too (a Contact's host): the oldest answered entries make room. False: there is none. */
static bool make_room(struct sip *s)
{
	struct dns_entry *e, *next;

	if (HASH_COUNT(s->dns) < ENTRIES_MAX)
		return true;
	HASH_ITER(hh, s->dns, e, next) {
		if (!e->query && !e->busy)
			entry_free(s, e);
		if (HASH_COUNT(s->dns) < ENTRIES_MAX / 2)
			break;
	}
	return HASH_COUNT(s->dns) < ENTRIES_MAX;
}

static void tell(struct sip *s, struct dns_entry *e, sip_lookup_fn *fn, void *arg)
{
	struct sip_lookup_answer a = { .rs = e->rs, .n = e->n, .err = e->err, .fresh_for = e->until - sip_now(s) };

	e->busy++;
	fn(arg, &a);
	e->busy--;
}

void sip_lookup(struct sip *s, const char *name, enum dns_type type, sip_lookup_fn *fn, void *arg)
{
	char room[256];
	struct out key = out_growing_in(room, sizeof room);
	struct dns_entry *e;
	struct waiter *w;
	char *k;

	out_fmt(&key, "%d:", (int)type);
	for (size_t i = 0; name[i] && i < NAME_MAX_LEN; i++)
		out_char(&key, (name[i] >= 'A' && name[i] <= 'Z') ? (char)(name[i] + 32) : name[i]);
	k = out_take(&key);
	HASH_FIND_STR(s->dns, k, e);
	if (e && !e->query && e->until > sip_now(s)) {
		free(k);
		tell(s, e, fn, arg);
		return;
	}
	if (e) {
		free(k);
	} else if (make_room(s)) {
		e = xcalloc(1, sizeof *e);
		e->key = k;
		list_init(&e->waiters);
		list_init(&e->told);
		HASH_ADD_KEYPTR(hh, s->dns, e->key, strlen(e->key), e);
	} else {
		count(CNT_sip_shed);
		free(k);
		fn(arg, &(struct sip_lookup_answer){ .err = -EBUSY, .fresh_for = TTL_FAILED });
		return;
	}
	w = xcalloc(1, sizeof *w);
	w->fn = fn;
	w->arg = arg;
	list_push(&e->waiters, &w->link);
	if (e->query)
		return;
	e->query = ++s->dns_next;
	HASH_ADD(hh_asked, s->dns_asked, query, sizeof e->query, e);
	s->c.net.resolve(s->c.net.arg, e->query, name, type);
}

static const struct dns_entry *cached(const struct sip *s, enum dns_type type, const char *name)
{
	char *k = xasprintf("%d:%s", (int)type, name);
	struct dns_entry *e;

	for (char *p = k; *p; p++)
		*p = *p >= 'A' && *p <= 'Z' ? (char)(*p + 32) : *p;
	HASH_FIND_STR(s->dns, k, e);
	free(k);
	return e;
}

static size_t known_addresses(const struct sip *s, const char *name, struct addr *v, size_t max)
{
	static const enum dns_type types[] = { DNS_A, DNS_AAAA };
	size_t n = 0;

	for (size_t t = 0; t < ARRAY_LEN(types); t++) {
		const struct dns_entry *e = cached(s, types[t], name);

		for (size_t i = 0; e && i < e->n && n < max; i++)
			v[n++] = e->rs[i].addr;
	}
	return n;
}

size_t sip_known(const struct sip *s, const char *name, struct addr *v, size_t max)
{
	static const char *const services[] = { "_sip._udp.", "_sip._tcp.", "_sips._tcp." };
	size_t n = known_addresses(s, name, v, max);

	for (size_t k = 0; k < ARRAY_LEN(services); k++) {
		char *srv = xasprintf("%s%s", services[k], name);
		const struct dns_entry *e = cached(s, DNS_SRV, srv);

		for (size_t i = 0; e && i < e->n; i++)
			n += known_addresses(s, e->rs[i].name, v + n, max - n);
		free(srv);
	}
	return n;
}

void sip_lookup_drop(struct sip *s, void *arg)
{
	struct dns_entry *e, *next;

	HASH_ITER(hh, s->dns, e, next) {
		free_waiters(&e->waiters, arg);
		free_waiters(&e->told, arg);
	}
}

static void keep(struct sip *s, struct dns_entry *e, const struct dns_record *rs, size_t n)
{
	ms_t ttl = e->err < 0 ? TTL_FAILED : n ? TTL_MAX : TTL_NOTHING;

	free(e->rs);
	e->rs = n ? xcalloc(n, sizeof *rs) : NULL;
	e->n = n;
	for (size_t i = 0; i < n; i++) {
		e->rs[i] = rs[i];
		ttl = MIN(ttl, (ms_t)rs[i].ttl * 1000);
	}
	e->until = sip_now(s) + MAX(ttl, TTL_MIN);
}

void sip_on_resolved(void *arg, uint64_t query, const struct dns_record *rs, size_t n, int err)
{
	struct sip *s = arg;
	struct dns_entry *e;

	HASH_FIND(hh_asked, s->dns_asked, &query, sizeof query, e);
	if (!e)
		return;
	HASH_DELETE(hh_asked, s->dns_asked, e);
	e->query = 0;
	e->err = err;
	keep(s, e, rs, n);
	trace(EV_DNS, NULL, "%s: %zu records%s", e->key, n, err < 0 ? ", failed" : "");
	while (!list_empty(&e->waiters)) { /* a waiter may ask again, even for this */
		struct list *l = e->waiters.next;

		list_del(l);
		list_push(&e->told, l);
	}
	e->busy++;
	while (!list_empty(&e->told)) {
		struct waiter *w = list_entry(e->told.next, struct waiter, link), copy = *w;

		list_del(&w->link);
		free(w);
		tell(s, e, copy.fn, copy.arg);
	}
	e->busy--;
}
