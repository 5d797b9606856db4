/*
 * conf/automatic.c: what hairpin chooses where nothing is written. Asterisk's defaults are made for phones beside the
 * server; these are for phones anywhere, and cost those beside it nothing. What is written is honoured, and
 * compat=asterisk turns all of it off.
 */
#include "conf/opt.h"

#define KEEP_OPEN 25 /* s: routers forget UDP after 30 at the earliest */

static bool phones_register(const struct conf_endpoint *e)
{
	for (size_t i = 0; i < e->n_aors; i++)
		if (e->aors[i]->max_contacts)
			return true;
	return false;
}

void conf_automatic(struct conf *c)
{
	const struct opt_type *t = &conf_types[TYPE_ENDPOINT], *aor = &conf_types[TYPE_AOR];
	const struct opt *keepalive = opt_find(t, SPAN("rtp_keepalive")),
			 *rewrite = opt_find(t, SPAN("rewrite_contact"));
	const struct opt *symmetric = opt_find(t, SPAN("rtp_symmetric")),
			 *qualify = opt_find(aor, SPAN("qualify_frequency"));

	if (c->hairpin.compat_asterisk)
		return;
	for (size_t i = 0; i < c->n_endpoints; i++) {
		struct conf_endpoint *e = &c->endpoints[i];

		e->open_pinhole = e->rtp_keepalive || !opt_is_set(t, &e->o, keepalive);
		if (!phones_register(e))
			continue;
		e->rewrite_if_nat = !opt_is_set(t, &e->o, rewrite);
		e->rtp_symmetric |= !opt_is_set(t, &e->o, symmetric);
	}
	for (size_t i = 0; i < c->n_aors; i++)
		if (!opt_is_set(aor, &c->aors[i].o, qualify))
			c->aors[i].keep_open = KEEP_OPEN;
}
