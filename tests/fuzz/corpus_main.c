/* tests/fuzz/corpus_main.c: runs a fuzz entry once on every file of its corpus folder, and on cut-off copies of each.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void run(const uint8_t *p, size_t n)
{
	uint8_t *copy = malloc(n ? n : 1); /* an exact-size block, so that a read past the end is caught */

	memcpy(copy, p, n);
	LLVMFuzzerTestOneInput(copy, n);
	free(copy);
}

int main(int argc, char **argv)
{
	static uint8_t buf[1 << 20];
	struct dirent *e;
	unsigned files = 0;
	DIR *d = argc > 1 ? opendir(argv[1]) : NULL;

	while (d && (e = readdir(d))) {
		char path[1024];
		size_t n, step;
		FILE *f;

		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof path, "%s/%s", argv[1], e->d_name);
		if (!(f = fopen(path, "rb")))
			continue;
		n = fread(buf, 1, sizeof buf, f);
		fclose(f);
		step = n > 64 ? n / 64 : 1;
		for (size_t cut = n; cut; cut = cut > step ? cut - step : 0)
			run(buf, cut);
		run(buf, 0);
		files++;
	}
	if (d)
		closedir(d);
	printf("%s: %u files\n", argv[0], files);
	return files ? 0 : 1;
}
