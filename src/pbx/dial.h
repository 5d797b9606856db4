/* pbx/dial.h: what the files of Dial share: app_dial.c and dial_dest.c. */
#pragma once
#include "pbx/priv.h"

struct dest { /* one of those who are dialled */
	const struct conf_endpoint *ep;
	struct out uri; /* empty: there is none */
	char **more;
	size_t n_more;
	const struct contact *contact;
};
/* "6001", "number@trunk", "trunk/sip:uri", "endpoint/aor". False: there is no such endpoint. Free uri; more is
 * malloc'd. */
bool dial_find(const struct chan *c, struct span text, struct dest *d);
void dial_drop_texts(char **v, size_t n);
