/* ctl/cdr.c: "cdr show status": whether records of calls are kept, and where. */
#include "conf/cdr.h"
#include "ctl/priv.h"

static const char *yes_no(bool yes)
{
	return yes ? "Yes" : "No";
}

static void show_status(struct call *c)
{
	const struct conf_cdr *r = conf_cdr(c->conf);

	rows_say(c->rows, "%s", "");
	rows_say(c->rows, "Call Detail Record (CDR) settings");
	rows_say(c->rows, "----------------------------------");
	rows_say(c->rows, "  Logging:                    %s", r->on ? "Enabled" : "Disabled");
	rows_say(c->rows, "  Mode:                       Batch");
	rows_say(c->rows, "  Log calls by default:       %s", yes_no(r->on));
	rows_say(c->rows, "  Log unanswered calls:       %s", yes_no(r->unanswered));
	rows_say(c->rows, "  Log congestion:             %s", yes_no(r->congestion));
	rows_say(c->rows, "%s", "");
	rows_say(c->rows, "* Registered Backends");
	rows_say(c->rows, "  -------------------");
	rows_say(c->rows, "    %s", r->on ? "csv" : "(none)");
	if (r->on)
		rows_say(c->rows, "    %s/Master.csv", c->conf->hairpin.cdr_dir);
}

const struct cmd cdr_cmds[] = {
	{ "cdr show status", NULL, "Whether records of calls are kept, and where.", show_status },
	{ 0 },
};
