/*
 * media/virtual.c: executes routes in the simulator, in place of the kernel's program: the same record, the same rules
 * of what may pass, the same counting (route.h). So the stories can be told over both paths.
 */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "media/priv.h"

struct entry {
	struct route route; /* found by its key */
	UT_hash_handle hh;
};

struct virtual
{
	struct route_table t;
	struct entry *entries;
	struct hop everywhere;
};

static struct route *add(struct route_table *t, const struct route_key *key)
{
	struct virtual *v = container_of(t, struct virtual, t);
	struct entry *e = aligned_alloc(_Alignof(struct entry), sizeof *e);

	BUG_ON(!e);
	memset(e, 0, sizeof *e);
	e->route.key = *key;
	HASH_ADD(hh, v->entries, route.key, sizeof e->route.key, e);
	return &e->route;
}

static void del(struct route_table *t, struct route *r)
{
	struct virtual *v = container_of(t, struct virtual, t);
	struct entry *e = container_of(r, struct entry, route);

	HASH_DEL(v->entries, e);
	free(e);
}

static struct hop *hop_add(struct route_table *t, const struct hop_key *key, uint32_t *number)
{
	(void)key;
	*number = 0;
	return &container_of(t, struct virtual, t)->everywhere;
}

static void hop_del(struct route_table *t, uint32_t number)
{
	(void)t, (void)number;
}

struct route_table *virtual_new(void)
{
	struct virtual *v = xcalloc(1, sizeof *v);

	v->t = (struct route_table){ add, del, hop_add, hop_del };
	v->everywhere.how = HOP_MACS;
	return &v->t;
}

void virtual_free(struct route_table *t)
{
	struct virtual *v = container_of(t, struct virtual, t);

	BUG_ON(v->entries);
	free(v);
}

static struct route *find(struct virtual *v, const struct sock *k, const struct addr *from, const struct rtp *r)
{
	const struct addr *local = &k->ports->local;
	struct route_key key = { .family = local->family, .port = htons(local->port) };
	struct entry *e;

	memcpy(key.ip, local->ip, sizeof key.ip);
	HASH_FIND(hh, v->entries, &key, sizeof key, e);
	if (!e || from->family != local->family || memcmp(e->route.src, from->ip, sizeof from->ip) != 0 ||
	    e->route.src_port != htons(from->port) || e->route.ssrc != r->ssrc)
		return NULL;
	return &e->route;
}

static const struct route_format *format_of(const struct route *r, uint8_t pt, uint8_t *nr)
{
	for (*nr = 0; *nr < r->n_formats; ++*nr)
		if (r->formats[*nr].pt == pt)
			return &r->formats[*nr];
	return NULL;
}

static void send_on(const struct stream *s, const struct route *route, const struct rtp *r)
{
	const struct stream *to = s->fast.to;
	const struct media_io *io = s->w->io;
	struct addr dest = { .family = s->ports->local.family, .port = ntohs(route->to_port) };
	uint8_t buf[PACKET_MAX];
	size_t n = rtp_write(buf, sizeof buf, r);

	memcpy(dest.ip, route->to, sizeof dest.ip);
	io->send(io->arg, to->ports->rtp.id, &dest, (struct span){ (const char *)buf, n });
}

bool virtual_relay(struct route_table *t, struct sock *k, const struct arrival *p, ms_t now)
{
	struct virtual *v = container_of(t, struct virtual, t);
	struct route_packet count = { .ns = (uint64_t)now * 1000000 };
	const struct route_format *f;
	struct route *route;
	struct rtp r;
	uint32_t gate;
	bool ok;

	if (k->is_rtcp || !rtp_parse(p->bytes, &r) || !r.bare)
		return false;
	route = find(v, k, &p->from, &r);
	f = route ? format_of(route, r.pt, &count.format) : NULL;
	gate = f ? route_enter(route) : 0;
	if (!gate)
		return false;
	count.seq = r.seq;
	count.ts = r.ts;
	count.octets = (uint32_t)r.payload.n;
	ok = route_step(route, f, &count);
	route_leave(route, gate);
	if (!ok)
		return false;
	r.pt = f->to_pt;
	r.seq = (uint16_t)(r.seq + route->seq_off);
	r.ts += route->ts_off;
	r.ssrc = route->to_ssrc;
	send_on(k->ports->stream, route, &r);
	return true;
}
