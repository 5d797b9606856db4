/* conf/finding.h: the table of findings (finding.def): their codes, and what a code means. */
#pragma once
#include "base/diag.h"
#include "base/out.h"

enum finding_code {
#define X(code, ...) code,
#include "conf/finding.def"
#undef X
	FINDINGS
};

struct finding_row {
	const char *code; /* "NAT012" */
	enum diag_sev sev;
	/* Lint; the loader, which refuses the file; the doctor, who must see what happens; lint before it does, and the
	 * doctor when it does. */
	enum { BY_CHECK, BY_LOAD, BY_DOCTOR, BY_EITHER } by;
	/* Whom it is about: hairpin and Asterisk; Asterisk, and hairpin where it is written so or with compat=asterisk;
	 * Asterisk alone. */
	enum { ABOUT_BOTH, ABOUT_COMPAT, ABOUT_ASTERISK } about;
	const char *title, *happens, *set, *source;
};
extern const struct finding_row finding_rows[FINDINGS];

const char *diag_sev_name(enum diag_sev sev); /* "error", "warning", "note" */
/* "NAT012" (in any case) to its code; false when there is no such finding. */
bool finding_parse(struct span s, unsigned *code);
void findings_markdown(struct out *o); /* docs/findings.md */
