/* pbx/app_cdr.c: NoCDR, ResetCDR, CDR() and CDR_PROP(): what the dialplan says about the records of its call. */
#include "pbx/cdr.h"

static enum app_say nocdr(struct dp *dp, struct span args UNUSED)
{
	cdr_silence(dp->chan, true);
	return APP_NEXT;
}

/* ResetCDR([v]): with v what was set stays. */
static enum app_say resetcdr(struct dp *dp, struct span args)
{
	cdr_reset(dp->chan);
	if (span_chr(dp_arg(args, 0), 'v') < 0) {
		vars_set(&dp->chan->vars, SPAN(CDR_USERFIELD), SPAN(""));
		vars_set(&dp->chan->vars, SPAN(CDR_AMAFLAGS), SPAN(""));
	}
	return APP_NEXT;
}

const struct app app_nocdr = { .name = "NoCDR", .help = "Keeps no record of this call.", .start = nocdr };
const struct app app_resetcdr = { .name = "ResetCDR",
				  .help = "The record of this call begins anew: ResetCDR([v]).",
				  .start = resetcdr };

static bool f_cdr(struct dp *dp, struct span args, struct out *o)
{
	return cdr_read(dp->chan, dp_arg(args, 0), o);
}

static bool w_cdr(struct dp *dp, struct span args, struct span value)
{
	struct span name = dp_arg(args, 0);
	struct chan *c = dp->chan;

	if (span_iis(name, "userfield"))
		vars_set(&c->vars, SPAN(CDR_USERFIELD), value);
	else if (span_iis(name, "amaflags"))
		vars_set(&c->vars, SPAN(CDR_AMAFLAGS), value);
	else if (span_iis(name, "accountcode"))
		vars_set(&c->vars, SPAN(CHAN_ACCOUNT), value);
	else
		return false;
	return true;
}

/* CDR_PROP(disable)=1 */
static bool w_cdr_prop(struct dp *dp, struct span args, struct span value)
{
	if (span_iis(args, "disable"))
		cdr_silence(dp->chan, dp_truth(value));
	return span_iis(args, "disable") || span_iis(args, "party_a");
}

const struct func cdr_funcs[] = {
	{ "CDR", "A field of the record of this call.", f_cdr, w_cdr },
	{ "CDR_PROP", "disable: no record of this call is kept.", NULL, w_cdr_prop },
	{ 0 },
};
