/*
 * nat/egress.c: the door out. Every address that we write about ourselves is chosen here, for one destination at a
 * time: a destination inside local_net is told where we are; any other is told where we seem to be, if external_* says
 * so. The same rule twice, with one difference: an SDP address is only replaced when it is one of local_net itself,
 * because what lies outside may be somebody else's (direct media) or already public.
 *
 * local_net is easily incomplete (a VPN, a second network card). So the routes are asked, too: a private destination
 * that has a route of its own is beside us and is told where we are, and no private address of ours goes to a public
 * one when there is a better one.
 */
#include "nat/nat.h"

#include <string.h>

/* A v4 address written as v6 obeys v4 rules, as Asterisk has it. */
static struct addr unmapped(const struct addr *a)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	struct addr v4 = { .family = 4, .port = a->port };

	if (a->family != 6 || memcmp(a->ip, mapped, sizeof mapped) != 0)
		return *a;
	memcpy(v4.ip, a->ip + 12, 4);
	return v4;
}

bool nat_is_local(const struct conf_transport *t, const struct addr *dst)
{
	struct addr a = unmapped(dst);

	return t->local_net.n && net_list_ask(&t->local_net, &a) == NET_MATCH;
}

/* Without local_net everything is outside, as it is written; where we are to find out, what is not public is inside. */
static bool is_inside(const struct nat_door *d, bool automatic, const struct addr *dst)
{
	struct addr a = unmapped(dst);

	if (d->t->local_net.n || !automatic)
		return nat_is_local(d->t, dst);
	return addr_class(&a) != ADDR_GLOBAL;
}

static bool is_set(const char *text)
{
	return text && text[0];
}

static void write_host(struct nat_face *f, const struct addr *a)
{
	struct out o = out_fixed(f->host, sizeof f->host);

	f->addr = *a;
	addr_out_host(&o, a);
	out_char(&o, '\0');
}

static bool is_public(const struct addr *a)
{
	struct addr plain;

	if (!a->family)
		return false;
	plain = unmapped(a);
	return addr_class(&plain) == ADDR_GLOBAL;
}

bool nat_asks_route(const struct nat_door *d, const struct addr *local, const struct addr *dst)
{
	return d->by_route &&
	       (is_public(&d->ext_signaling) || is_public(&d->ext_media) ||
		is_set(d->t->external_signaling_hostname)) &&
	       !is_public(local) && !is_public(dst) && !nat_is_local(d->t, dst);
}

void nat_signaling_face(const struct nat_door *d, const struct nat_way *w, struct nat_face *f)
{
	const char *name = d->t->external_signaling_hostname;
	struct addr ext = d->auto_signaling ? nat_external_for(&d->found, &w->dst) : d->ext_signaling;
	const struct addr *local = &w->local;

	*f = (struct nat_face){ .port = local->port };
	write_host(f, local);
	if (is_inside(d, d->auto_signaling, &w->dst) || (w->beside && (is_set(name) || is_public(&ext))))
		return;
	if (is_set(name)) {
		span_copy(span_of(name), f->host, sizeof f->host);
		f->addr = (struct addr){ 0 };
	} else if (ext.family && ext.family == local->family)
		write_host(f, &ext);
	else
		return;
	f->external = true;
	if (d->t->external_signaling_port)
		f->port = (uint16_t)d->t->external_signaling_port;
	else if (d->auto_signaling && ext.port)
		f->port = ext.port;
}

bool nat_media_is_outside(const struct nat_door *d, const struct addr *dst)
{
	return d->auto_media && (!dst->family || !is_inside(d, true, dst));
}

struct addr nat_media_face(const struct nat_door *d, const struct nat_way *w)
{
	const struct addr *local = &w->local;
	bool ours = !d->t->local_net.n || nat_is_local(d->t, local);
	struct addr ext = d->auto_media ? nat_external_for(&d->found, &w->dst) : d->ext_media;

	if (d->by_route && !w->written && !is_public(local) && is_public(&w->dst) && is_public(&ext))
		ours = true;
	if (!ext.family || ext.family != local->family || !ours || is_inside(d, d->auto_media, &w->dst))
		return *local;
	return w->beside && is_public(&ext) ? *local : addr_with_port(&ext, local->port);
}
