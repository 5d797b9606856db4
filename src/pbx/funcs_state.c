/* pbx/funcs_state.c: DEVICE_STATE, EXTENSION_STATE, HINT: what devices and extensions are doing. */
#include "base/trace.h"
#include "pbx/presence.h"

/* A bare name is an endpoint's. */
static struct span device_of(struct span args, char *room, size_t cap)
{
	struct out o = out_fixed(room, cap);

	if (span_chr(args, '/') >= 0 || span_chr(args, ':') >= 0)
		return args;
	out_all(&o, "PJSIP/", args);
	return out_look(&o);
}

static bool f_device_state(struct dp *dp, struct span args, struct out *o)
{
	char room[160];

	out_str(o, dev_state_name(dev_state_of(dp->chan->pbx, device_of(span_trim(args), room, sizeof room))));
	return true;
}

static bool w_device_state(struct dp *dp, struct span args, struct span value)
{
	enum dev_state s;

	if (dev_state_parse(span_trim(value), &s) && dev_state_set(dp->chan->pbx, span_trim(args), s))
		return true;
	trace(EV_DP_WARN, dp->chan->name, "DEVICE_STATE(%.*s)=%.*s: only Custom:NAME can be set, to a device's state",
	      SP(args), SP(value));
	return false;
}

/* The devices of "exten[@context]", in o. */
static bool hint_of(struct dp *dp, struct span args, struct out *o)
{
	struct span context = span_trim(dp_arg(args, 0)), exten = SPAN_NONE;

	span_cut(&context, '@', &exten);
	return hint_devices(dp->chan->pbx, context.p && context.n ? context : SPAN("default"), exten, o);
}

static bool f_extension_state(struct dp *dp, struct span args, struct out *o)
{
	struct out devices = out_growing();
	enum dev_state s = DEV_UNKNOWN;

	if (hint_of(dp, args, &devices))
		s = hint_state(dp->chan->pbx, out_look(&devices));
	out_free(&devices);
	out_str(o, dev_state_name(s == DEV_INVALID ? DEV_UNAVAILABLE : s));
	return true;
}

static bool f_hint(struct dp *dp, struct span args, struct out *o)
{
	struct out devices = out_growing();

	if (hint_of(dp, args, &devices))
		out_span(o, out_look(&devices));
	out_free(&devices);
	return true;
}

const struct func state_funcs[] = {
	{ "DEVICE_STATE", "State of a device: NOT_INUSE, INUSE, RINGING, ...; of Custom:NAME it can be set.",
	  f_device_state, w_device_state },
	{ "EXTENSION_STATE", "State of an extension, by its hint: EXTENSION_STATE(exten@context).", f_extension_state,
	  NULL },
	{ "HINT", "The devices of an extension's hint: HINT(exten@context).", f_hint, NULL },
	{ 0 },
};
