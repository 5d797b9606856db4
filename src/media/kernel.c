/*
 * media/kernel.c: the program and its maps, and the tables that workers take routes from. The arrays are shared memory:
 * what a worker writes into a route the program sees, and the other way round. Making, opening and reading a route
 * takes no system call.
 */
#include "media/kernel.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <relay.skel.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define CHUNK 512u  /* elements that are mapped at a time: a whole number of pages, whatever the element's size */
#define STRIP 2048u /* groups that are mapped at a time, or more of them: likewise */

/* A worker's part of an array in the kernel. Chunks are mapped when first used. */
struct pool {
	int map;
	size_t size;
	uint32_t first, cap, used;
	char **chunks;
	uint32_t *free;
	uint32_t n_free;
};

struct own_table {
	struct route_table t;
	struct kernel *k;
	struct pool routes, hops;
	struct ring asks, freed;
};

struct kernel {
	struct relay_bpf *bpf;
	struct own_table *tables;
	unsigned n;
	struct ring **asks, **freed; /* of the tables */
	struct route_group *groups;  /* shared by all workers: a slot is taken by an atomic exchange */
	uint32_t max_groups;
	atomic_uint entered; /* routes */
	struct follow *follow;
};

/* ---- pools ---- */

static void pool_init(struct pool *p, int map, size_t size, uint32_t first, uint32_t cap)
{
	*p = (struct pool){ .map = map, .size = size, .first = first, .cap = cap };
	p->chunks = xcalloc(cap / CHUNK, sizeof *p->chunks);
}

static void pool_free(struct pool *p)
{
	for (uint32_t i = 0; i < p->cap / CHUNK; i++)
		if (p->chunks[i])
			munmap(p->chunks[i], CHUNK * p->size);
	free(p->chunks);
	free(p->free);
}

static void *pool_at(struct pool *p, uint32_t number)
{
	uint32_t at = number - p->first;
	char **chunk = &p->chunks[at / CHUNK];

	if (!*chunk) {
		off_t offset = (off_t)((number - at % CHUNK) * p->size);
		void *mem = mmap(NULL, CHUNK * p->size, PROT_READ | PROT_WRITE, MAP_SHARED, p->map, offset);

		if (mem == MAP_FAILED)
			return NULL;
		*chunk = mem;
	}
	return *chunk + at % CHUNK * p->size;
}

/* A number that nobody has; its element may hold what its last user left. */
static void *pool_take(struct pool *p, uint32_t *number)
{
	void *element;

	if (!p->n_free && p->used == p->cap)
		return NULL;
	*number = p->n_free ? p->free[p->n_free - 1] : p->first + p->used;
	element = pool_at(p, *number);
	if (!element)
		return NULL;
	if (p->n_free)
		p->n_free--;
	else
		p->used++;
	return element;
}

static void pool_give(struct pool *p, uint32_t number)
{
	if (!(p->n_free % CHUNK))
		p->free = xrealloc(p->free, (p->n_free + CHUNK) * sizeof *p->free);
	p->free[p->n_free++] = number;
}

static uint32_t pool_number(const struct pool *p, const void *element)
{
	for (uint32_t i = 0; i < p->cap / CHUNK; i++) {
		const char *chunk = p->chunks[i];

		if (chunk && (const char *)element >= chunk && (const char *)element < chunk + CHUNK * p->size)
			return p->first + i * CHUNK + (uint32_t)(((const char *)element - chunk) / (ptrdiff_t)p->size);
	}
	bug(__FILE__, __LINE__, "not of this pool");
}

/* ---- a worker's table ---- */

static uint32_t *group_of(const struct kernel *k, uint32_t hash, uint32_t n)
{
	return k->groups[ROUTE_GROUP_AT(hash, n)].slots;
}

static bool enter_at(uint32_t *slots, uint32_t slot)
{
	for (int i = 0; i < ROUTE_GROUP; i++) {
		uint32_t empty = 0;

		if (__atomic_compare_exchange_n(&slots[i], &empty, slot, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
			return true;
	}
	return false;
}

/* Room in the address space is kept for all groups: what lies in it is in memory as soon as it is mapped. */
static bool map_groups(const struct kernel *k, uint32_t first, uint32_t n)
{
	size_t size = sizeof *k->groups;

	return mmap(k->groups + first, n * size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
		    bpf_map__fd(k->bpf->maps.groups), (off_t)(first * size)) != MAP_FAILED;
}

/* On to the table of twice the size: by us, or by another worker that was first. False: there is none. */
static bool grow(const struct kernel *k, uint32_t n)
{
	if (n == k->max_groups || (2 * n >= STRIP && !map_groups(k, 2 * n, 2 * n)))
		return false;
	__atomic_compare_exchange_n(&k->bpf->bss->n_groups, &n, 2 * n, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
	return true;
}

/* On to the next table when this one is a quarter full, or this group is full. */
static bool enter(struct kernel *k, uint32_t hash, uint32_t number)
{
	unsigned entered = atomic_fetch_add(&k->entered, 1) + 1;
	uint32_t n;

	do {
		n = __atomic_load_n(&k->bpf->bss->n_groups, __ATOMIC_ACQUIRE);
		if ((entered <= n * (ROUTE_GROUP / 4) || n == k->max_groups) &&
		    enter_at(group_of(k, hash, n), ROUTE_SLOT(hash, number)))
			return true;
	} while (grow(k, n));
	atomic_fetch_sub(&k->entered, 1);
	return false;
}

static void leave_at(uint32_t *slots, uint32_t slot)
{
	for (int i = 0; i < ROUTE_GROUP; i++)
		if (slots[i] == slot)
			__atomic_store_n(&slots[i], 0, __ATOMIC_RELEASE);
}

static void leave(struct kernel *k, uint32_t hash, uint32_t number)
{
	for (uint32_t n = k->bpf->bss->n_groups; n >= ROUTE_GROUPS_LEAST; n /= 2)
		leave_at(group_of(k, hash, n), ROUTE_SLOT(hash, number));
	atomic_fetch_sub(&k->entered, 1);
}

static struct route *add(struct route_table *rt, const struct route_key *key)
{
	struct own_table *t = container_of(rt, struct own_table, t);
	uint32_t number;
	struct route *r = pool_take(&t->routes, &number);

	if (!r)
		return NULL;
	r->key = *key;
	if (enter(t->k, route_hash(key), number))
		return r;
	pool_give(&t->routes, number);
	return NULL;
}

static void del(struct route_table *rt, struct route *r)
{
	struct own_table *t = container_of(rt, struct own_table, t);
	uint32_t number = pool_number(&t->routes, r);

	leave(t->k, route_hash(&r->key), number);
	pool_give(&t->routes, number);
}

static void tell(struct own_table *t, const struct hop_ask *what)
{
	struct hop_ask *ask = xmalloc(sizeof *ask);

	*ask = *what;
	ring_push(&t->asks, ask);
	follow_wake(t->k->follow);
}

static struct hop *hop_add(struct route_table *rt, const struct hop_key *key, uint32_t *number)
{
	struct own_table *t = container_of(rt, struct own_table, t);
	struct hop_ask *done;
	struct hop *h;

	while ((done = ring_pop(&t->freed))) {
		pool_give(&t->hops, done->number);
		free(done);
	}
	h = pool_take(&t->hops, number);
	if (!h)
		return NULL;
	__atomic_store_n(&h->how, HOP_UNKNOWN, __ATOMIC_RELEASE);
	tell(t, &(struct hop_ask){ true, *number, h, *key });
	return h;
}

static void hop_del(struct route_table *rt, uint32_t number)
{
	tell(container_of(rt, struct own_table, t), &(struct hop_ask){ .number = number });
}

struct route_table *kernel_table(struct kernel *k, unsigned worker)
{
	return &k->tables[worker].t;
}

/* ---- beginning and end ---- */

static void make_tables(struct kernel *k, uint32_t each)
{
	k->tables = xcalloc(k->n, sizeof *k->tables);
	k->asks = xcalloc(k->n, sizeof(struct ring *));
	k->freed = xcalloc(k->n, sizeof(struct ring *));
	for (unsigned i = 0; i < k->n; i++) {
		struct own_table *t = &k->tables[i];

		t->t = (struct route_table){ add, del, hop_add, hop_del };
		t->k = k;
		pool_init(&t->routes, bpf_map__fd(k->bpf->maps.routes), sizeof(struct route), i * each, each);
		pool_init(&t->hops, bpf_map__fd(k->bpf->maps.hops), sizeof(struct hop), i * each, each);
		ring_init(&t->asks, sizeof(void *));
		ring_init(&t->freed, sizeof(void *));
		k->asks[i] = &t->asks;
		k->freed[i] = &t->freed;
	}
}

static void drain(struct ring *r)
{
	void *item;

	while ((item = ring_pop(r)))
		free(item);
	ring_free(r);
}

static void free_tables(struct kernel *k)
{
	for (unsigned i = 0; k->tables && i < k->n; i++) {
		pool_free(&k->tables[i].routes);
		pool_free(&k->tables[i].hops);
		drain(&k->tables[i].asks);
		drain(&k->tables[i].freed);
	}
	free(k->tables);
	free(k->asks);
	free(k->freed);
}

static const char *load_error(int err)
{
	return err == -EPERM || err == -EACCES    ? "not permitted to load a program (CAP_BPF and CAP_NET_ADMIN)"
	       : err == -ENOSYS || err == -EINVAL ? "this kernel does not take the program"
						  : "the program could not be loaded";
}

static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level, (void)format, (void)args;
	return 0;
}

static int keep_groups(struct kernel *k)
{
	void *mem = mmap(NULL, 2 * k->max_groups * sizeof *k->groups, PROT_NONE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (mem == MAP_FAILED)
		return -errno;
	k->groups = mem;
	return map_groups(k, 0, MIN(STRIP, 2 * k->max_groups)) ? 0 : -errno;
}

static int load(struct kernel *k, uint32_t routes)
{
	int err;

	libbpf_set_print(quiet);
	k->bpf = relay_bpf__open();
	if (!k->bpf)
		return -errno;
	k->max_groups = ROUTE_GROUPS_LEAST;
	while (k->max_groups < routes / (ROUTE_GROUP / 4))
		k->max_groups *= 2;
	k->bpf->bss->n_groups = ROUTE_GROUPS_LEAST;
	err = bpf_map__set_max_entries(k->bpf->maps.groups, 2 * k->max_groups);
	err = err ? err : bpf_map__set_max_entries(k->bpf->maps.routes, routes);
	err = err ? err : bpf_map__set_max_entries(k->bpf->maps.hops, routes);
	err = err ? err : relay_bpf__load(k->bpf);
	return err ? err : keep_groups(k);
}

int kernel_program(const struct kernel *k, bool ether)
{
	return bpf_program__fd(ether ? k->bpf->progs.hairpin_ether : k->bpf->progs.hairpin_bare);
}

static struct follow *follow(struct kernel *k, const struct kernel_config *c, const char **why)
{
	struct follow_config fc = { .ether = kernel_program(k, true),
				    .bare = kernel_program(k, false),
				    .filters = c->filters,
				    .shortcut = !c->no_shortcut,
				    .beat = &k->bpf->bss->beat_ns,
				    .tables = k->n,
				    .asks = k->asks,
				    .freed = k->freed };

	return follow_start(&fc, why);
}

struct kernel *kernel_start(const struct kernel_config *c, const char **why)
{
	struct kernel *k = xcalloc(1, sizeof *k);
	uint32_t routes = MIN(c->routes, ROUTE_NUMBERS - c->workers * CHUNK);
	uint32_t each = MAX((routes / c->workers + CHUNK - 1) / CHUNK, 1u) * CHUNK;
	int err;

	k->n = c->workers;
	err = load(k, each * k->n);
	if (err) {
		*why = load_error(err);
		kernel_stop(k);
		return NULL;
	}
	make_tables(k, each);
	k->follow = follow(k, c, why);
	if (k->follow)
		return k;
	kernel_stop(k);
	return NULL;
}

void kernel_stop(struct kernel *k)
{
	if (k->follow)
		follow_stop(k->follow);
	free_tables(k);
	if (k->groups)
		munmap(k->groups, 2 * k->max_groups * sizeof *k->groups);
	if (k->bpf)
		relay_bpf__destroy(k->bpf);
	free(k);
}
