/* base/util.h: what every file needs: sizes, assertions that stay on, and allocation that aborts when memory is out. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef int64_t ms_t; /* milliseconds of the monotonic clock; never wall time */
#define MS_NEVER INT64_MAX

#define ARRAY_LEN(a)                    (sizeof(a) / sizeof((a)[0]))
#define container_of(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))
#define MIN(a, b)                       ((a) < (b) ? (a) : (b))
#define MAX(a, b)                       ((a) > (b) ? (a) : (b))
#define PRINTF(fmt_at, args_at)         __attribute__((format(printf, fmt_at, args_at)))
#define UNUSED                          __attribute__((unused))

/* Seldom called: what leads there lies apart from the rest, and takes no room in the cache. */
#define COLD __attribute__((cold))

/* We are wrong: stop at once, also in production. */
#define BUG_ON(cond) ((cond) ? bug(__FILE__, __LINE__, #cond) : (void)0)
COLD _Noreturn void bug(const char *file, int line, const char *what);

/* Allocation never returns NULL; the caller owns the result and frees it with free(). */
void *xmalloc(size_t n);
void *xcalloc(size_t count, size_t n);
void *xrealloc(void *p, size_t n);
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t n);
/* Returns a new string made as printf does; the caller frees it. */
char *xasprintf(const char *fmt, ...) PRINTF(1, 2);
