/* base/secret.c: passwords and keys. */
#include "base/secret.h"

#include <stdlib.h>
#include <string.h>

#include "base/util.h"

void secret_wipe(struct secret *s)
{
	if (s->p)
		explicit_bzero(s->p, s->n);
	free(s->p);
	*s = (struct secret){ 0 };
}

void secret_set(struct secret *s, struct span v)
{
	char *p = span_dup(v);

	secret_wipe(s);
	*s = (struct secret){ p, v.n };
}

bool secret_eq(struct span a, struct span b)
{
	uint64_t diff = 0, x, y;
	size_t i = 0;

	if (a.n != b.n)
		return false;
	for (; a.n - i >= sizeof x; i += sizeof x) {
		memcpy(&x, a.p + i, sizeof x);
		memcpy(&y, b.p + i, sizeof y);
		diff |= x ^ y;
	}
	for (; i < a.n; i++)
		diff |= (unsigned char)(a.p[i] ^ b.p[i]);
	return diff == 0;
}
