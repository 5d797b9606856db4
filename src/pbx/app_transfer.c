/*
 * pbx/app_transfer.c: Transfer([PJSIP/]destination): sends the peer elsewhere, a caller who is not answered yet with a
 * 302, else with REFER: then the dialplan goes on when the peer has said what became of it.
 */
#include "base/trace.h"
#include "pbx/transfer.h"

#define PATIENCE 120000 /* ms: it may ring for so long */

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

		if (!a) /* gone since the call began */
			continue;
		list_for(l, &a->contacts)
			if (!o->n && contact_usable(list_entry(l, struct contact, link)))
				out_str(o, list_entry(l, struct contact, link)->uri);
	}
	if (!o->n)
		out_span(o, to);
}

/* code: the SIP code of a failure. */
static void say_how(struct dp *dp, bool ok, int code)
{
	char text[16] = "";
	struct out o = out_fixed(text, sizeof text - 1);

	out_all(&o, (uint32_t)code);
	dp_set(dp, "TRANSFERSTATUS", ok ? "SUCCESS" : "FAILURE");
	dp_set(dp, "TRANSFERSTATUSPROTOCOL", text);
}

static enum app_say fail(struct dp *dp, const char *why)
{
	trace(EV_DP_WARN, dp->chan->name, "Transfer: %s", why);
	say_how(dp, false, 0);
	return APP_NEXT;
}

static enum app_say start(struct dp *dp, struct span args)
{
	struct span to = dp_arg(args, 0);
	struct out target = out_growing();
	enum app_say say = APP_HANGUP;

	if (span_istarts(to, SPAN("PJSIP/")))
		to = span_from(to, 6);
	if (!to.n)
		return fail(dp, "there is no destination");
	for (size_t i = 0; i < to.n; i++)
		if ((unsigned char)to.p[i] <= ' ' || to.p[i] == '>' || to.p[i] == '<' || to.p[i] == '"')
			return fail(dp, "the destination is no URI");
	out_target(dp, to, &target);
	if (dp->chan->state == CHAN_UP) {
		say = leg_refer(dp->chan, out_look(&target)) < 0 ? fail(dp, "there is nobody to be sent") : APP_WAIT;
		dp_timer(dp, PATIENCE);
	} else {
		say_how(dp, true, 0);
		leg_redirect(dp->chan, out_look(&target));
	}
	out_free(&target);
	return say;
}

static enum app_say event(struct dp *dp, const struct chan_event *ev)
{
	if (ev->kind != CH_REFERRED && ev->kind != CH_TIMER)
		return APP_WAIT;
	say_how(dp, ev->kind == CH_REFERRED && ev->ok, ev->kind == CH_REFERRED && !ev->ok ? ev->cause : 0);
	return APP_NEXT;
}

/* The dialplan goes elsewhere: what becomes of the REFER does not matter any more. */
static void stop(struct dp *dp)
{
	if (dp->chan->moves)
		leg_refer_drop(dp->chan);
}

const struct app app_transfer = { .name = "Transfer",
				  .help = "Sends the peer elsewhere, by 302 or REFER: Transfer(destination).",
				  .start = start,
				  .event = event,
				  .stop = stop };
