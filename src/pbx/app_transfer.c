/*
 * pbx/app_transfer.c: Transfer([PJSIP/]destination): sends a caller who has not been answered elsewhere, with a 302. An
 * answered one would need a REFER of ours, which is not sent: TRANSFERSTATUS is FAILURE, and the dialplan goes on.
 */
#include "base/trace.h"
#include "pbx/priv.h"

/* A URI as it is; name@host; an endpoint, at its contact; else a number here, whose host the reply knows. */
static void out_target(struct dp *dp, struct span to, struct out *o)
{
	const struct conf_endpoint *ep = conf_endpoint(dp->chan->conf, to);
	struct sip_uri u;

	if (sip_uri_parse(to, &u)) {
		out_span(o, to);
		return;
	}
	if (span_chr(to, '@') >= 0) {
		out_all(o, "sip:", to);
		return;
	}
	for (size_t i = 0; ep && i < ep->n_aors && !o->n; i++) {
		const struct aor *a = aor_find(dp->chan->pbx, span_of(ep->aors[i]->o.name));

		list_for(l, &a->contacts)
			if (!o->n && contact_usable(list_entry(l, struct contact, link)))
				out_str(o, list_entry(l, struct contact, link)->uri);
	}
	if (!o->n)
		out_span(o, to);
}

static enum app_say fail(struct dp *dp, const char *why)
{
	trace(EV_DP_WARN, dp->chan->name, "Transfer: %s", why);
	dp_set(dp, "TRANSFERSTATUS", "FAILURE");
	return APP_NEXT;
}

static enum app_say start(struct dp *dp, struct span args)
{
	struct span to = dp_arg(args, 0);
	struct out target = out_growing();

	if (span_istarts(to, SPAN("PJSIP/")))
		to = span_from(to, 6);
	if (!to.n || dp->chan->state == CHAN_UP)
		return fail(dp, to.n ? "the call is answered, and no REFER is sent" : "there is no destination");
	for (size_t i = 0; i < to.n; i++)
		if ((unsigned char)to.p[i] <= ' ' || to.p[i] == '>' || to.p[i] == '<' || to.p[i] == '"')
			return fail(dp, "the destination is no URI");
	out_target(dp, to, &target);
	dp_set(dp, "TRANSFERSTATUS", "SUCCESS");
	dp_set(dp, "TRANSFERSTATUSPROTOCOL", "0");
	leg_redirect(dp->chan, out_look(&target));
	out_free(&target);
	return APP_HANGUP;
}

const struct app app_transfer = { .name = "Transfer",
				  .help = "Sends the caller elsewhere, before an answer: Transfer(destination).",
				  .start = start };
