/*
 * tests/matrix/main.c: the NAT matrix (`make matrix`).
 *
 *   matrix [--jobs N] [--write] DOCS     tries every cell and prints the tables; fails where DOCS/nat-matrix.md and
 *                                        .svg would change, and when a cell is impossible and works all the same
 *   matrix --cell "NAME" [--conf DIR]    one cell: its messages and its verdict; or its configuration, as files in DIR
 *   matrix --sample N                    N cells in which every value of every dimension occurs, with their verdicts
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "matrix.h"

static const char *const verdict_names[] = { "untried", "audio", "impossible", "failure", "works, yet is impossible" };

static char *name_of(const struct cell *c)
{
	struct out o = out_growing();

	cell_name(c, &o);
	return out_take(&o);
}

static void print_verdict(const struct cell *c, const struct verdict_of *v)
{
	char *name = name_of(c);

	printf("%s: %s%s%s\n", name, verdict_names[v->is], v->what[0] ? ": " : "", v->what);
	free(name);
}

static void print_all(const struct cell *c, const struct verdict_of *v)
{
	print_verdict(c, v);
	if (v->code != FINDINGS)
		printf("  the doctor says %s: %s\n", finding_rows[v->code].code, v->why);
}

/* ---- all of them ---- */

static bool try_all(struct verdict_of *all, unsigned jobs)
{
	bool ok = true;
	int status;

	for (unsigned j = 0; j < jobs; j++) {
		pid_t pid = fork();

		if (pid < 0)
			return false;
		for (unsigned i = j; pid == 0 && i < CELLS; i += jobs) {
			struct cell c = cell_at(i);

			cell_try(&c, &all[i], NULL);
		}
		if (pid == 0)
			_exit(0);
	}
	while (wait(&status) > 0)
		ok &= status == 0;
	return ok;
}

static bool same_file(const char *path, struct span text)
{
	FILE *f = fopen(path, "r");
	char *old = xcalloc(1, text.n + 2);
	size_t n = f ? fread(old, 1, text.n + 1, f) : 0;
	bool same = f && n == text.n && memcmp(old, text.p, n) == 0;

	if (f)
		fclose(f);
	free(old);
	return same;
}

static bool write_file(const char *path, struct span text)
{
	FILE *f = fopen(path, "w");
	bool ok = f && fwrite(text.p, 1, text.n, f) == text.n;

	if (f)
		ok &= fclose(f) == 0;
	return ok;
}

/* The documents: written anew, or compared. */
static bool settle(const char *folder, const char *name, struct span text, bool write)
{
	char *path = xasprintf("%s/%s", folder, name);
	bool ok = write ? write_file(path, text) : same_file(path, text);

	if (!ok)
		printf("%s %s\n", path,
		       write ? "cannot be written" : "would change: what is better or worse now? make matrix WRITE=1");
	free(path);
	return ok;
}

/* What the servers themselves said: nothing where audio was well, something where it was not. */
static unsigned run_doctor(const struct verdict_of *all)
{
	unsigned said[FINDINGS + 1] = { 0 }, healthy = 0, alarms = 0, sick = 0;

	for (unsigned i = 0; i < CELLS; i++) {
		struct cell c = cell_at(i);
		bool well = all[i].is == AUDIO;

		healthy += well;
		sick += !well;
		said[all[i].code] += !well;
		alarms += well && all[i].code != FINDINGS;
		if (well && all[i].code != FINDINGS)
			print_all(&c, &all[i]);
	}
	printf("the doctor: %u healthy cells, %u false alarms; %u without audio, silent about %u:\n", healthy, alarms,
	       sick, said[FINDINGS]);
	for (unsigned i = 0; i < FINDINGS; i++)
		if (said[i])
			printf("  %s %5u  %s\n", finding_rows[i].code, said[i], finding_rows[i].title);
	return alarms;
}

static int run_all(const char *folder, unsigned jobs, bool write)
{
	size_t size = CELLS * sizeof(struct verdict_of);
	struct verdict_of *all = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct out page = out_growing(), picture = out_growing();
	unsigned failed = 0, count[MIRACLE + 1] = { 0 };
	bool ok = all != MAP_FAILED && try_all(all, jobs);

	for (unsigned i = 0; ok && i < CELLS; i++) {
		struct cell c = cell_at(i);
		bool bad =
			all[i].is == UNTRIED || all[i].is == MIRACLE || (all[i].is == FAILURE && c.config == BY_GUIDE);

		count[all[i].is]++;
		failed += bad;
		if (bad)
			print_all(&c, &all[i]);
	}
	if (ok)
		failed += run_doctor(all);
	if (ok) {
		matrix_markdown(all, &page);
		matrix_svg(all, &picture);
		printf("%.*s\n%u cells, the whole product: %u with audio, %u impossible, %u failures\n",
		       SP(out_look(&page)), CELLS, count[AUDIO], count[IMPOSSIBLE], count[FAILURE]);
		failed += !settle(folder, "nat-matrix.md", out_look(&page), write);
		failed += !settle(folder, "nat-matrix.svg", out_look(&picture), write);
	}
	out_free(&page);
	out_free(&picture);
	printf("%u passed, %u failed, 0 skipped\n", ok ? CELLS + 2 - failed : 0, ok ? failed : 1);
	return !ok || failed;
}

/* ---- one of them ---- */

static void print_message(void *arg UNUSED, ms_t at, const struct sim_wire *w)
{
	char from[ADDR_STRLEN], to[ADDR_STRLEN];

	printf("%lld.%03lld [%s] %s -> %s\n%.*s\n", (long long)(at / 1000), (long long)(at % 1000),
	       sim_net_name(w->net), addr_str(&w->from, from), addr_str(&w->to, to), SP(w->bytes));
}

static int write_conf(const struct cell *c, const char *folder)
{
	static const char *const files[] = { "pjsip.conf", "extensions.conf", "rtp.conf", "hairpin.conf" };
	bool ok = true;

	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		struct out o = out_growing();
		char *path = xasprintf("%s/%s", folder, files[i]);

		if (matrix_conf(c, files[i], &o))
			ok &= write_file(path, out_look(&o));
		free(path);
		out_free(&o);
	}
	return ok ? 0 : 1;
}

static int run_one(const char *name, const char *folder)
{
	struct verdict_of v = { 0 };
	struct cell c;

	if (!cell_parse(name, &c)) {
		fprintf(stderr, "there is no cell '%s'\n", name);
		return 2;
	}
	if (folder)
		return write_conf(&c, folder);
	cell_try(&c, &v, print_message);
	print_all(&c, &v);
	return v.is == AUDIO || v.is == IMPOSSIBLE ? 0 : 1;
}

/* ---- a sample ---- */

#define DIMENSIONS 7
static const unsigned weight[DIMENSIONS] = { 4, 8, 8, 8, 2, 8, 12 };

static void values_of(const struct cell *c, unsigned v[DIMENSIONS])
{
	v[0] = c->config;
	v[1] = c->spot.where;
	v[2] = c->spot.party;
	v[3] = c->spot.peer;
	v[4] = c->spot.by;
	v[5] = c->flow;
	v[6] = cell_impossible(c) != NULL; /* a few are enough */
}

/* Greedy: each next cell is the one whose values have occurred least so far. */
static int sample(unsigned n)
{
	unsigned seen[DIMENSIONS][32] = { 0 };
	bool *taken = xcalloc(CELLS, sizeof *taken);

	for (unsigned k = 0; k < n; k++) {
		unsigned best = 0, least = UINT32_MAX, v[DIMENSIONS];
		struct verdict_of verdict = { 0 };
		struct cell c;

		for (unsigned j = 0; j < CELLS; j++) {
			unsigned i = (unsigned)((j * 7919ull + k * 104729ull) % CELLS), sum = 0;

			c = cell_at(i);
			values_of(&c, v);
			for (int d = 0; d < DIMENSIONS; d++)
				sum += seen[d][v[d]] * weight[d] * (d == 6 && v[6] ? 4 : 1);
			if (!taken[i] && sum < least) {
				least = sum;
				best = i;
			}
		}
		taken[best] = true;
		c = cell_at(best);
		values_of(&c, v);
		for (int d = 0; d < DIMENSIONS; d++)
			seen[d][v[d]]++;
		cell_try(&c, &verdict, NULL);
		print_verdict(&c, &verdict);
	}
	free(taken);
	return 0;
}

int main(int argc, char **argv)
{
	const char *cell = NULL, *conf = NULL, *docs = NULL;
	unsigned jobs = 2, samples = 0;
	bool write = false;

	setenv("TZ", "UTC", 1);
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--write") == 0)
			write = true;
		else if (strcmp(argv[i], "--jobs") == 0 && i + 1 < argc)
			jobs = (unsigned)strtoul(argv[++i], NULL, 10);
		else if (strcmp(argv[i], "--sample") == 0 && i + 1 < argc)
			samples = (unsigned)strtoul(argv[++i], NULL, 10);
		else if (strcmp(argv[i], "--cell") == 0 && i + 1 < argc)
			cell = argv[++i];
		else if (strcmp(argv[i], "--conf") == 0 && i + 1 < argc)
			conf = argv[++i];
		else
			docs = argv[i];
	}
	if (cell)
		return run_one(cell, conf);
	if (samples)
		return sample(samples);
	return docs ? run_all(docs, MAX(jobs, 1u), write) : 2;
}
