/* bench/load_due.c: queues of things that are due, and figures. */
#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "load.h"

void lane_add(struct lane *l, struct due d)
{
	if (l->n == l->cap) {
		size_t cap = l->cap ? 2 * l->cap : 256;
		struct due *ring = xcalloc(cap, sizeof *ring);

		for (size_t i = 0; i < l->n; i++)
			ring[i] = l->ring[(l->head + i) % l->cap];
		free(l->ring);
		*l = (struct lane){ ring, 0, l->n, cap };
	}
	l->ring[(l->head + l->n++) % l->cap] = d;
}

bool lane_take(struct lane *l, us_t now, struct due *d)
{
	if (!l->n || l->ring[l->head].at > now)
		return false;
	*d = l->ring[l->head];
	l->head = (l->head + 1) % l->cap;
	l->n--;
	return true;
}

us_t lane_next(const struct lane *l)
{
	return l->n ? l->ring[l->head].at : UINT64_MAX;
}

/* Below 32 each value has its own step; from there on a power of two has 16. */
void histogram_add(struct histogram *h, us_t us)
{
	unsigned log = us < 32 ? 0 : 59u - (unsigned)__builtin_clzll(us);
	size_t at = log * 16 + (us >> log);

	h->n[MIN(at, ARRAY_LEN(h->n) - 1)]++;
	h->total++;
}

us_t histogram_at(const struct histogram *h, double part)
{
	uint64_t want = (uint64_t)(part * (double)h->total), seen = 0;

	for (size_t i = 0; i < ARRAY_LEN(h->n); i++) {
		seen += h->n[i];
		if (seen > want)
			return i < 32 ? i : (us_t)(16 + i % 16) << (i / 16 - 1);
	}
	return 0;
}

double watched_cpu(const struct watched *w)
{
	double sum = 0;

	for (unsigned i = 0; i < w->n; i++) {
		struct timespec t;
		clockid_t id;

		if (clock_getcpuclockid(w->pids[i], &id) == 0 && clock_gettime(id, &t) == 0)
			sum += (double)t.tv_sec + (double)t.tv_nsec / 1e9;
	}
	return sum;
}

double watched_rss(const struct watched *w)
{
	double sum = 0;

	for (unsigned i = 0; i < w->n; i++) {
		char path[40];
		unsigned long size, pages;
		struct out o = out_fixed(path, sizeof path);
		FILE *f;

		out_fmt(&o, "/proc/%d/statm%c", (int)w->pids[i], 0);
		f = fopen(path, "r");
		if (f && fscanf(f, "%lu %lu", &size, &pages) == 2)
			sum += (double)pages * (double)sysconf(_SC_PAGESIZE);
		if (f)
			fclose(f);
	}
	return sum;
}
