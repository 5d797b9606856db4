/* base/diag.h: what is wrong with an input, and where: "file:line: phrase". Collects; the owner prints. */
#pragma once
#include "base/util.h"

enum diag_sev { DIAG_ERROR, DIAG_WARNING, DIAG_NOTE };

struct diag_item {
	enum diag_sev sev;
	char *file; /* NULL: no place */
	unsigned line;
	char *text;
	unsigned code; /* of the finding (conf/finding.h); 0: none */
	bool unserved; /* about what hairpin does not serve yet, not about the configuration */
};

struct diag {
	struct diag_item *items; /* owned */
	size_t n, cap, errors, warnings;
};

void diag_add(struct diag *d, enum diag_sev sev, const char *file, unsigned line, const char *fmt, ...) PRINTF(5, 6);
void diag_code(struct diag *d, unsigned code); /* the latest item is that finding */
void diag_unserved(struct diag *d);            /* the latest item is about what is not served yet */
/* "pjsip.conf:41: phrase" in buf; returns buf. Warnings say so. */
const char *diag_line(const struct diag_item *it, char *buf, size_t cap);
void diag_free(struct diag *d);

/*
 * The name in names[0..n) closest to `word` by edit distance, or NULL when none is near enough to be meant.
 * Names are compared without regard to case.
 */
const char *diag_nearest(const char *word, const char *const *names, size_t n);
