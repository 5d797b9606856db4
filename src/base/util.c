/* base/util.c: allocation that aborts, assertions that stay on. */
#include "base/util.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define HUGE ((size_t)2 << 20)
#define PAGE ((uintptr_t)4096)

_Noreturn void bug(const char *file, int line, const char *what)
{
	fprintf(stderr, "hairpin: bug at %s:%d: %s\n", file, line, what);
	abort();
}

static void *or_abort(void *p)
{
	if (!p) {
		fputs("hairpin: out of memory\n", stderr);
		abort();
	}
	return p;
}

/*
 * A large piece is read here and there, and with small pages each time the processor must first look up where that is.
 * It is a wish: the system may not have any.
 */
static void *in_huge_pages(void *p, size_t n)
{
	uintptr_t from = (uintptr_t)p & ~(PAGE - 1);

	if (n >= HUGE)
		madvise((void *)from, (uintptr_t)p + n - from, MADV_HUGEPAGE);
	return p;
}

void *xmalloc(size_t n)
{
	return in_huge_pages(or_abort(malloc(n ? n : 1)), n);
}

void *xcalloc(size_t count, size_t n)
{
	return in_huge_pages(or_abort(calloc(count ? count : 1, n ? n : 1)), count * n);
}

void *xrealloc(void *p, size_t n)
{
	return or_abort(realloc(p, n ? n : 1));
}

char *xstrndup(const char *s, size_t n)
{
	char *p = xmalloc(n + 1);

	memcpy(p, s, n);
	p[n] = '\0';
	return p;
}

char *xstrdup(const char *s)
{
	return xstrndup(s, strlen(s));
}

char *xasprintf(const char *fmt, ...)
{
	va_list ap;
	char *p = NULL;

	va_start(ap, fmt);
	if (vasprintf(&p, fmt, ap) < 0)
		p = NULL;
	va_end(ap);
	return or_abort(p);
}
