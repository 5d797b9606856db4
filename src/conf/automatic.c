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
	if (c->hairpin.compat_asterisk)
		return;
	for (size_t i = 0; i < c->n_endpoints; i++) {
		struct conf_endpoint *e = &c->endpoints[i];

		e->open_pinhole = e->rtp_keepalive || !conf_written(&e->o, "endpoint", "rtp_keepalive");
		if (!phones_register(e))
			continue;
		e->rewrite_if_nat = !conf_written(&e->o, "endpoint", "rewrite_contact");
		e->rtp_symmetric |= !conf_written(&e->o, "endpoint", "rtp_symmetric");
	}
	for (size_t i = 0; i < c->n_aors; i++)
		if (!conf_written(&c->aors[i].o, "aor", "qualify_frequency"))
			c->aors[i].keep_open = KEEP_OPEN;
}
