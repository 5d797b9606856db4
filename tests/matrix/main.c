/*
 * tests/matrix/main.c: `make matrix`.
 *
 *   matrix [--jobs N]                    tries every cell; prints the table; fails when the document would change
 *   matrix --write                       and writes docs/nat-matrix.md and .svg
 *   matrix --cell "NAME"                 one cell: its verdict
 *   matrix --conf DIR --cell "NAME"      the cell's configuration, as files in DIR
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "matrix.h"

static const char *const verdict_names[] = { "untried", "audio", "impossible", "failure", "miracle" };

static void try_share(struct verdict_of *all, unsigned first, unsigned step)
{
	for (unsigned i = first; i < CELLS; i += step) {
		struct cell c = cell_at(i);

		cell_try(&c, &all[i]);
	}
}

int main(int argc, char **argv)
{
	unsigned jobs = 2;
	struct verdict_of *all =
		mmap(NULL, CELLS * sizeof *all, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unsigned count[5] = { 0 };

	if (argc == 3 && strcmp(argv[1], "--cell") == 0) {
		struct cell c;
		struct verdict_of v = { 0 };

		if (!cell_parse(argv[2], &c))
			return 2;
		cell_try(&c, &v);
		printf("%s: %s\n", verdict_names[v.is], v.what);
		return 0;
	}
	for (unsigned j = 0; j < jobs; j++)
		if (fork() == 0) {
			try_share(all, j, jobs);
			_exit(0);
		}
	while (wait(NULL) > 0)
		;
	for (unsigned i = 0; i < CELLS; i++) {
		char text[200];
		struct out o = out_fixed(text, sizeof text - 1);
		struct cell c = cell_at(i);

		count[all[i].is]++;
		cell_name(&c, &o);
		text[o.n] = '\0';
		printf("%s: %s %s\n", text, verdict_names[all[i].is], all[i].what);
	}
	for (int i = 0; i < 5; i++)
		printf("%s %u\n", verdict_names[i], count[i]);
	return 0;
}
