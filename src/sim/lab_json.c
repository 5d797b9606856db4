/* sim/lab_json.c: the lab's report, for programs. */
#include <jansson.h>
#include <stdlib.h>

#include "sim/lab_priv.h"

static json_t *change_json(struct lab *l, const struct lab_case *c, const struct lab_fix *f)
{
	struct lab_change say;

	lab_fix_text(l, c, f, &say);
	return json_pack("{s:s,s:i,s:s,s:s,s:s,s:s*,s:b}", "file", say.file, "line", (int)say.line, "section",
			 say.section, "option", say.option, "value", say.value, "was", say.was[0] ? say.was : NULL,
			 "example", say.example);
}

static json_t *case_json(struct lab *l, const struct lab_case *c)
{
	const struct lab_pair *p = c->pair;
	json_t *calls = json_array(), *change = json_array();

	for (int f = 0; f < FLOWS; f++)
		if (c->calls[f].tried)
			json_array_append_new(calls, json_pack("{s:s,s:b,s:s}", "flow", sim_flows[f].name, "audio",
							       c->calls[f].audio, "what", c->calls[f].what));
	for (unsigned i = 0; i < c->n_fixes; i++)
		json_array_append_new(change, change_json(l, c, c->fixes[i]));
	return json_pack("{s:s,s:s,s:s,s:s,s:s,s:s?,s:b,s:o,s:o}", "where", sim_wheres[c->spot.where].name, "phone",
			 sim_parties[c->spot.party].name, "endpoint", p->phone->ep->o.name, "with",
			 p->trunk ? p->trunk->ep->o.name : p->other->ep->o.name, "transport",
			 l->tls ? "tls" : sim_carriers[c->spot.by], "impossible", c->impossible, "hopeless",
			 c->hopeless, "calls", calls, "change", change);
}

void lab_say_json(struct lab *l, struct out *o)
{
	json_t *cases = json_array(), *all;
	unsigned audio = 0, tried = 0;
	char *text;

	for (size_t i = 0; i < l->n_cases; i++) {
		audio += l->cases[i].audio;
		tried += l->cases[i].tried;
		json_array_append_new(cases, case_json(l, &l->cases[i]));
	}
	all = json_pack("{s:s,s:i,s:i,s:o}", "configuration", l->ask->label, "calls", (int)tried, "audio", (int)audio,
			"cases", cases);
	text = json_dumps(all, JSON_INDENT(1));
	BUG_ON(!text);
	out_fmt(o, "%s\n", text);
	free(text);
	json_decref(all);
}
