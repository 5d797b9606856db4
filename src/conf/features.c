/* conf/features.c: features.conf: [general] and [featuremap], read as one object. Other sections are not ours. */
#include "conf/features.h"
#include "conf/opt.h"

static bool set_code(struct opt_cx *cx, void *field, struct span v)
{
	for (size_t i = 0; i < v.n; i++)
		if (v.n > FEATURE_MAX || span_chr(SPAN("0123456789*#ABCD"), v.p[i]) < 0)
			return opt_bad(cx, "'%.*s' is no code of at most %d keys", SP(v), FEATURE_MAX);
	*(const char **)field = arena_str(cx->arena, v);
	return true;
}

static void show_code(const struct opt *opt UNUSED, const void *field, const void *obj UNUSED, struct out *o)
{
	out_str(o, *(const char *const *)field);
}

#define AT(f)    offsetof(struct conf_features, f)
#define ATTENDED "attended transfer by keys"
#define PARKING  "parking"
#define PICKUP   "sounds of call pickup"
#define CODE(f)  OPT_CUSTOM, AT(f), .set = set_code, .show = show_code
const struct opt features_opts[] = {
	{ "transferdigittimeout", OPT_DOUBLE, AT(transferdigittimeout), .def = "3", .unit = "s",
	  .help = "How long the next digit of a transfer by keys is waited for." },
	{ "featuredigittimeout", OPT_UINT, AT(featuredigittimeout), .def = "1000", .unit = "ms",
	  .help = "How long the next key of a code is waited for." },
	{ "transferdialattempts", OPT_UINT, AT(transferdialattempts), .def = "3", .min = 1, .max = 100,
	  .help = "How often the number may be typed." },
	{ "transferretrysound", OPT_STR, AT(transferretrysound), .def = "pbx-invalid",
	  .help = "What it hears before it types again." },
	{ "transferannouncesound", OPT_STR, AT(transferannouncesound), .def = "pbx-transfer",
	  .help = "What who transfers hears before the dial tone." },
	{ "transferinvalidsound", OPT_STR, AT(transferinvalidsound), .def = "privacy-incorrect",
	  .help = "What it hears when that was the last time: the two are joined again." },
	{ "xfersound", OPT_STR, .def = "beep", .waits_for = ATTENDED, .help = "Sound of a transfer that is done." },
	{ "xferfailsound", OPT_STR, .def = "beeperr", .waits_for = ATTENDED, .help = "Sound of one that failed." },
	{ "atxferabort", OPT_STR, .def = "*1", .waits_for = ATTENDED, .help = "Code that ends the other call." },
	{ "atxfercomplete", OPT_STR, .def = "*2", .waits_for = ATTENDED, .help = "Code that joins the two." },
	{ "atxferthreeway", OPT_STR, .def = "*3", .waits_for = ATTENDED, .help = "Code that joins all three." },
	{ "atxferswap", OPT_STR, .def = "*4", .waits_for = ATTENDED, .help = "Code that changes between the two." },
	{ "atxfernoanswertimeout", OPT_DOUBLE, .def = "15", .unit = "s", .waits_for = ATTENDED,
	  .help = "How long it may ring." },
	{ "atxferdropcall", OPT_BOOL, .def = "no", .waits_for = ATTENDED, .help = "Whether a failure ends the call." },
	{ "atxferloopdelay", OPT_DOUBLE, .def = "10", .unit = "s", .waits_for = ATTENDED,
	  .help = "Pause before calling back." },
	{ "atxfercallbackretries", OPT_UINT, .def = "2", .waits_for = ATTENDED, .help = "How often it calls back." },
	{ "pickupexten", OPT_STR, AT(pickupexten), .def = "*8",
	  .help = "Number that takes a ringing call of one's `pickup_group`, whatever the dialplan has; empty: off." },
	{ "pickupsound", OPT_STR, .def = "", .waits_for = PICKUP, .help = "Sound when it did." },
	{ "pickupfailsound", OPT_STR, .def = "", .waits_for = PICKUP, .help = "Sound when there was none." },
	{ "courtesytone", OPT_STR, .def = "", .waits_for = "recording", .help = "Sound when recording begins." },
	{ "recordingfailsound", OPT_STR, .def = "", .waits_for = "recording", .help = "Sound when it cannot." },
	{ "blindxfer", CODE(blindxfer), .def = "#",
	  .help = "In [featuremap]: code of a blind transfer, for whom Dial's T and t allow it." },
	{ "disconnect", CODE(disconnect), .def = "*",
	  .help = "In [featuremap]: code that ends the call, for whom Dial's H and h allow it." },
	{ "atxfer", OPT_STR, .def = "", .waits_for = ATTENDED,
	  .help = "In [featuremap]: code of an attended transfer." },
	{ "automon", OPT_STR, .def = "", .waits_for = "recording", .help = "In [featuremap]: code that records." },
	{ "automixmon", OPT_STR, .def = "", .waits_for = "recording", .help = "In [featuremap]: code that records." },
	{ "parkcall", OPT_STR, .def = "", .waits_for = PARKING, .help = "In [featuremap]: code that parks the call." },
	{ 0 },
};

void load_features(struct load *l)
{
	struct conf_features *f = arena_zero(l->arena, sizeof *f);
	struct opt_cx cx = { l->c, l->arena, l->why, NULL, opt_type(SPAN("features")), &f->o };
	struct ini ini;

	l->c->priv->features = f;
	f->o.name = "features";
	opt_defaults(&cx);
	load_optional(l, &ini, "features.conf");
	for (size_t i = 0; i < ini.n; i++) {
		const struct ini_section *s = &ini.sections[i];
		struct span name = span_of(s->name);

		if (s->is_template)
			continue;
		if (!span_iis(name, "general") && !span_iis(name, "featuremap")) {
			if (s->n) {
				diag_add(l->why, DIAG_WARNING, s->file, s->line, "[%s] is not served", s->name);
				diag_unserved(l->why);
			}
			continue;
		}
		f->o.file = s->file;
		f->o.line = s->line;
		for (size_t k = 0; k < s->n; k++)
			opt_apply(&cx, s->lines[k]);
	}
	places_take(l->c, &ini);
}

const struct conf_features *conf_features(const struct conf *c)
{
	return c->priv->features;
}
