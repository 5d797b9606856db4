/* pbx/app_senddtmf.c: SendDTMF(digits[,gap_ms[,duration_ms[,channel]]]): to this channel, or to another one. */
#include "base/trace.h"
#include "pbx/priv.h"

#define LONGEST 8000 /* ms: what an event can say of itself */

static enum app_say senddtmf(struct dp *dp, struct span args)
{
	struct digits_pace pace = { .gap_ms = 250, .ms = 100 };
	struct span name = dp_arg(args, 3);
	struct chan *c = name.n ? chan_find(dp->chan->pbx, name) : dp->chan;
	ms_t all;

	if (!span_u32(dp_arg(args, 1), 60000, &pace.gap_ms) || !pace.gap_ms)
		pace.gap_ms = 250;
	if (!span_u32(dp_arg(args, 2), LONGEST, &pace.ms) || !pace.ms)
		pace.ms = 100;
	if (!c)
		trace(EV_DP_WARN, dp->chan->name, "SendDTMF: there is no channel '%.*s'", SP(name));
	if (!c || !dp_arg(args, 0).n)
		return APP_NEXT;
	all = digits_send(c, dp_arg(args, 0), &pace);
	if (!all)
		return APP_NEXT;
	dp_timer(dp, all);
	return APP_WAIT;
}

static enum app_say event(struct dp *dp UNUSED, const struct chan_event *ev)
{
	return ev->kind == CH_TIMER ? APP_NEXT : APP_WAIT;
}

const struct app app_senddtmf = { .name = "SendDTMF",
				  .help = "Presses keys: SendDTMF(digits[,gap_ms[,duration_ms[,channel]]]).",
				  .start = senddtmf,
				  .event = event };
