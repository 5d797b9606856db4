/* nat/priv.h: what the rules of `hairpin check` and of the doctor share. */
#pragma once
#include "nat/lint.h"

struct rules { /* one lint_run() */
	const struct lint_ask *ask;
	const struct conf *c;
	struct lint *out;
};

struct says { /* one finding: its place is the option's line, else the object's head */
	enum finding_code code;
	const struct conf_obj *o;
	const char *option;                 /* NULL: the head */
	const char *fix_option, *fix_value; /* NULL: a person must decide */
	const struct conf_place *at;        /* another place than the option's last one */
	bool written;                       /* so that it is about hairpin, too, where hairpin could have chosen */
	/* The doctor's: it was seen, so it happens. malloc'd and taken over; `unless` may be NULL. The words fill what
	 * to set alone. */
	char *evidence, *unless;
	bool happened; /* an error, though the row warns of it with less */
	enum sure sure;
};
/* Adds the finding; the words, strings up to a NULL, fill the braces of its row. */
void say(struct rules *r, const struct says *s, ...) __attribute__((sentinel));

/* ---- what rules ask ---- */

bool has_external(const struct conf_transport *t);
/* The endpoint's transport, or every one when none is written: the i-th, NULL at the end. */
const struct conf_transport *transport_nth(const struct rules *r, const struct conf_endpoint *ep, size_t i);
bool takes_registrations(const struct conf_endpoint *ep);
/* An address that others can reach: not loopback or link-local. */
bool is_ours_outside(const struct addr *a);
const struct lint_host *host_with(const struct rules *r, const struct addr *a);     /* that has the address */
const struct lint_host *host_net_with(const struct rules *r, const struct addr *a); /* whose network holds it */
/* Listens on a public address, without external_*: phones register from anywhere, and see it as it is. */
bool is_public(const struct rules *r, const struct conf_transport *t);
/* The host's networks that a transport's local_net should name: "192.0.2.0/24,10.8.0.0/16"; false: not known. */
bool own_networks(const struct rules *r, const struct conf_transport *t, struct out *o);
struct span uri_host(const char *uri); /* without brackets */
#define RULE_STRLEN (ADDR_STRLEN + 8)
const char *rule_str(const struct net_rule *rule, char buf[RULE_STRLEN]); /* returns buf */

void lint_transports(struct rules *r); /* lint_transport.c */
void lint_trunks(struct rules *r);     /* lint_trunk.c: identify, registration */
void lint_endpoints(struct rules *r);  /* lint_endpoint.c: endpoint, aor */
void lint_media(struct rules *r);      /* lint_media.c: rtp.conf, global */
