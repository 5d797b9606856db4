/*
 * conf/cdr.c: cdr.conf: whether records of calls are kept, and what their lines have. As Asterisk reads it: without the
 * file there are none, and without its section [csv] nothing is written.
 */
#include "conf/cdr.h"
#include "conf/opt.h"

#define AT(f) offsetof(struct conf_cdr, f)
#define BATCH "records are always written by another thread, those of a second at once"
const struct opt cdr_opts[] = {
	{ "enable", OPT_BOOL, AT(enable), .def = "yes", .help = "Whether records are kept." },
	{ "unanswered", OPT_BOOL, AT(unanswered), .def = "no",
	  .help = "Also for calls that dialled nobody and were not answered." },
	{ "congestion", OPT_BOOL, AT(congestion), .def = "no",
	  .help = "A call that met congestion is CONGESTION, not FAILED." },
	{ "initiatedseconds", OPT_BOOL, AT(initiatedseconds), .def = "no", .help = "`billsec` is rounded up." },
	{ "usegmtime", OPT_BOOL, AT(usegmtime), .def = "no", .help = "[csv]: times are UTC." },
	{ "loguniqueid", OPT_BOOL, AT(loguniqueid), .def = "no", .help = "[csv]: a column for the unique id." },
	{ "loguserfield", OPT_BOOL, AT(loguserfield), .def = "no", .help = "[csv]: a column for `CDR(userfield)`." },
	{ "accountlogs", OPT_BOOL, AT(accountlogs), .def = "yes",
	  .help = "[csv]: a file for each account beside Master.csv." },
	{ "newcdrcolumns", OPT_BOOL, AT(newcdrcolumns), .def = "no",
	  .help = "[csv]: columns for the peer's account, the linked id and the sequence." },
	{ "batch", OPT_BOOL, .def = "no", .no_effect = BATCH, .help = "Gather records." },
	{ "size", OPT_UINT, .def = "100", .no_effect = BATCH, .help = "How many." },
	{ "time", OPT_UINT, .def = "300", .unit = "s", .no_effect = BATCH, .help = "How long." },
	{ "scheduleronly", OPT_BOOL, .def = "no", .no_effect = BATCH, .help = "Which thread writes." },
	{ "safeshutdown", OPT_BOOL, .def = "yes", .no_effect = BATCH, .help = "Write what is left at the end." },
	{ "endbeforehexten", OPT_BOOL, .def = "no",
	  .no_effect = "a record's time ends with the call, its fields may be set by h",
	  .help = "End the record before `h` runs." },
	{ "channeldefaultenabled", OPT_BOOL, .def = "yes", .no_effect = "CDR_PROP and NoCDR say which calls have none",
	  .help = "Whether a call has a record from its beginning." },
	{ "ignorestatechanges", OPT_BOOL, .def = "no", .no_effect = "records are made of dials, not of bridges",
	  .help = "Make no records of changes of a bridge." },
	{ "ignoredialchanges", OPT_BOOL, .def = "no", .no_effect = "each leg that is dialled has a record",
	  .help = "Make no records of dials beyond the first." },
	{ 0 },
};

const struct conf_cdr *conf_cdr(const struct conf *c)
{
	return c->priv->cdr;
}

void load_cdr(struct load *l)
{
	struct conf_cdr *r = arena_zero(l->arena, sizeof *r);
	struct opt_cx cx = { l->c, l->arena, l->why, NULL, opt_type(SPAN("cdr")), &r->o };
	struct ini ini;

	r->o.name = "general";
	opt_defaults(&cx);
	load_optional(l, &ini, "cdr.conf");
	for (size_t i = 0; i < ini.n; i++) {
		const struct ini_section *s = &ini.sections[i];
		bool csv = span_iis(span_of(s->name), "csv");

		if (s->is_template || (!csv && !span_iis(span_of(s->name), "general")))
			continue; /* of other backends: radius, custom */
		for (size_t k = 0; k < s->n; k++)
			opt_apply(&cx, s->lines[k]);
		r->o.file = s->file;
		r->o.line = s->line;
		r->on |= csv;
	}
	r->on = r->on && r->enable;
	l->c->priv->cdr = r;
	places_take(l->c, &ini);
}
