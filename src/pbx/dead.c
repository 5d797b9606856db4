/*
 * pbx/dead.c: hosts that gave no answer lately. A call that can go to several contacts goes to the others first.
 */
#include <stdlib.h>

#include "pbx/priv.h"

#define DEAD_FOR  60000
#define HOSTS_MAX 1024

struct dead_host {
	UT_hash_handle hh;
	ms_t until;
	char host[300];
};

static bool host_of(struct span uri, char host[300])
{
	struct out o = out_fixed(host, 300);
	struct sip_uri u;

	if (!sip_uri_parse(uri, &u) || !u.is_sip)
		return false;
	out_fmt(&o, "%.*s:%u", SP(u.host), u.port);
	out_char(&o, '\0');
	return out_done(&o) > 0;
}

static struct dead_host *find(struct pbx *p, struct span uri)
{
	struct dead_host *d = NULL;
	char host[300];

	if (p->dead_hosts && host_of(uri, host))
		HASH_FIND_STR(p->dead_hosts, host, d);
	return d;
}

static void forget(struct pbx *p, struct dead_host *d)
{
	HASH_DEL(p->dead_hosts, d);
	free(d);
}

void host_failed(struct pbx *p, struct span uri)
{
	struct dead_host *d = find(p, uri);
	char host[300];

	if (!d && host_of(uri, host)) {
		if (HASH_COUNT(p->dead_hosts) >= HOSTS_MAX)
			forget(p, p->dead_hosts); /* the oldest */
		d = xcalloc(1, sizeof *d);
		span_copy(span_of(host), d->host, sizeof d->host);
		HASH_ADD_STR(p->dead_hosts, host, d);
	}
	if (d)
		d->until = p->clock->now + DEAD_FOR;
}

void host_answered(struct pbx *p, struct span uri)
{
	struct dead_host *d = find(p, uri);

	if (d)
		forget(p, d);
}

bool host_is_dead(struct pbx *p, struct span uri)
{
	struct dead_host *d = find(p, uri);

	if (d && d->until <= p->clock->now) {
		forget(p, d);
		d = NULL;
	}
	return d != NULL;
}

void dead_hosts_free(struct pbx *p)
{
	while (p->dead_hosts)
		forget(p, p->dead_hosts);
}
