/* conf/finding.c: the table of findings, and docs/findings.md, which is made from it. */
#include "conf/finding.h"

const struct finding_row finding_rows[FINDINGS] = {
#define X(code, sev, by, about, title, happens, set, source) \
	[code] = { #code, DIAG_##sev, BY_##by, ABOUT_##about, title, happens, set, source },
#include "conf/finding.def"
#undef X
};

const char *diag_sev_name(enum diag_sev sev)
{
	return sev == DIAG_ERROR ? "error" : sev == DIAG_WARNING ? "warning" : "note";
}

bool finding_parse(struct span s, unsigned *code)
{
	for (unsigned i = 0; i < FINDINGS; i++)
		if (span_iis(s, finding_rows[i].code)) {
			*code = i;
			return true;
		}
	return false;
}

static void out_row(const struct finding_row *r, struct out *o)
{
	static const char *const by[] = {
		[BY_CHECK] = "`hairpin check`",
		[BY_LOAD] = "whoever reads the file: it is refused, or the value is replaced",
		[BY_DOCTOR] = "`hairpin why`, in a call, or `hairpin doctor`",
		[BY_EITHER] = "`hairpin check`; `hairpin why` and `hairpin doctor` when it happens",
	};

	static const char *const about[] = {
		[ABOUT_BOTH] = "",
		[ABOUT_COMPAT] = "- A note where hairpin does better than Asterisk, unless `compat=asterisk`.\n",
		[ABOUT_ASTERISK] = "- It does not happen in hairpin: a note without `--asterisk`.\n",
	};

	out_fmt(o, "\n### %s: %s\n\n", r->code, r->title);
	out_fmt(o, "- Severity: %s. Found by: %s.\n", diag_sev_name(r->sev), by[r->by]);
	out_str(o, about[r->about]);
	out_fmt(o, "- What will happen: %s.\n- What to set: %s.\n- Source: %s.\n", r->happens, r->set, r->source);
}

static const char intro[] =
	"# Findings\n\n"
	"Made by `tools/findings-doc` from `src/conf/finding.def`; change that, not this page.\n\n"
	"`hairpin check` reads the configuration of hairpin or Asterisk as it is, without a server and without a "
	"network, "
	"and\nsays what will go wrong:\n\n"
	"```\nfile:line: severity: what will happen; what to set [NATnnn]\n```\n\n"
	"| | |\n|---|---|\n"
	"| `--conf DIR` | the folder, else `/etc/hairpin`, else `/etc/asterisk` |\n"
	"| `--asterisk` | judge as Asterisk would run it; what hairpin does not serve yet becomes a note. Without it, "
	"what hairpin does "
	"better is a note that begins "
	"with "
	"\"in Asterisk\" |\n"
	"| `--address ADDRESS/LENGTH` | an address of the host that the configuration is for; repeatable. Without it: "
	"those "
	"of this host |\n"
	"| `--json` | the findings as JSON |\n"
	"| `--fix` | show the lines that would mend it, as a unified diff |\n"
	"| `--fix --write` | write them; the old file is kept as `FILE~` |\n\n"
	"Exit status: 0 nothing, or notes only; 1 errors or warnings; 2 the configuration cannot be read, or the "
	"command line "
	"is\nwrong. With `--fix` it is that of the findings before the fix.\n\n"
	"An **error** is a call that fails, a **warning** one that fails for some or under some circumstances, a "
	"**note** is "
	"worth\nknowing. A word in braces stands for what the configuration says.\n\n"
	"A comment silences a finding: on the line, alone on the line before, or at the head of the section for all of "
	"it.\n\n"
	"```ini\n[6001](phone)            ; hairpin: ignore NAT011\n"
	"qualify_frequency=0      ; hairpin: ignore NAT013, NAT014\n```\n\n"
	"What needs the network cannot be decided from the files, and `check` does not guess. `hairpin why` says it of "
	"a "
	"call,\n`hairpin doctor` of the server ([doctor.md](doctor.md)).\n\n"
	"| code | severity | title | found by |\n|---|---|---|---|\n";

void findings_markdown(struct out *o)
{
	static const char *const by[] = {
		[BY_CHECK] = "check", [BY_LOAD] = "load", [BY_DOCTOR] = "doctor", [BY_EITHER] = "check, doctor"
	};

	out_str(o, intro);
	for (unsigned i = 0; i < FINDINGS; i++)
		out_fmt(o, "| %s | %s | %s | %s |\n", finding_rows[i].code, diag_sev_name(finding_rows[i].sev),
			finding_rows[i].title, by[finding_rows[i].by]);
	out_str(o, "\n## Each\n");
	for (unsigned i = 0; i < FINDINGS; i++)
		out_row(&finding_rows[i], o);
}
