/* conf/source.c: configuration files from a folder. Paths are relative to it unless they begin with '/'. */
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "conf/conf.h"

#define MAX_FILE (1u << 30) /* a longer one is not a configuration */

static char *full_path(void *arg, const char *path)
{
	const char **dir = arg;

	return path[0] == '/' ? xstrdup(path) : xasprintf("%s/%s", *dir, path);
}

static bool read_regular(FILE *f, struct out *o)
{
	struct stat st;
	size_t n;

	if (fstat(fileno(f), &st) < 0 || S_ISDIR(st.st_mode))
		return false;
	setvbuf(f, NULL, _IONBF, 0);            /* passwords are nowhere else */
	out_room(o, (size_t)st.st_size + 4096); /* all of it, unless it is a pipe */
	do {
		out_room(o, 4096);
		n = fread(o->p + o->n, 1, o->cap - o->n, f);
		o->n += n;
	} while (n && o->n < MAX_FILE);
	return feof(f);
}

static bool dir_read(void *arg, const char *path, struct out *o)
{
	char *full = full_path(arg, path);
	FILE *f = fopen(full, "re");
	bool ok = f && read_regular(f, o);

	if (f)
		fclose(f);
	free(full);
	return ok;
}

/* Found files are named as the pattern was: relative when it is. */
static void dir_glob(void *arg, const char *pattern, void (*each)(void *ctx, const char *path), void *ctx)
{
	const char **dir = arg;
	size_t skip = pattern[0] == '/' ? 0 : strlen(*dir) + 1;
	char *full = full_path(arg, pattern);
	glob_t g;

	if (glob(full, GLOB_BRACE, NULL, &g) == 0) {
		for (size_t i = 0; i < g.gl_pathc; i++)
			each(ctx, g.gl_pathv[i] + skip);
		globfree(&g);
	}
	free(full);
}

struct conf_source conf_source_dir(const char **dir)
{
	return (struct conf_source){ dir_read, dir_glob, dir };
}
