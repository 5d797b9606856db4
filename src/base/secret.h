/* base/secret.h: a password or key: never printed (show it as "***"), wiped when freed, compared in constant time. */
#pragma once
#include "base/span.h"

struct secret {
	char *p; /* NUL-terminated; NULL: none */
	size_t n;
};

void secret_set(struct secret *s, struct span v); /* wipes what was there */
void secret_wipe(struct secret *s);
bool secret_eq(struct span a, struct span b); /* the time taken depends on the lengths only */
static inline struct span secret_look(const struct secret *s)
{
	return (struct span){ s->p, s->n };
}
