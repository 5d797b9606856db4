/*
 * pbx/devstate.c: what a device is doing: an endpoint by its channels and contacts, a device of the administrator's
 * own (Custom:NAME) by what DEVICE_STATE() or the console has set. Of several states together one comes out, as
 * Asterisk has it: ringing and in use at once is a state of its own, else the one that ranks highest.
 */
#include <string.h>

#include "pbx/presence.h"

#define CUSTOM_FAMILY "CustomDevstate/" /* of DB() */

static const struct dev_word {
	const char *name, *label;
	int rank;
} words[DEV_STATES] = {
	[DEV_INVALID] = { "INVALID", "Invalid", 0 },
	[DEV_UNKNOWN] = { "UNKNOWN", "Unknown", 1 },
	[DEV_UNAVAILABLE] = { "UNAVAILABLE", "Unavailable", 2 },
	[DEV_NOT_INUSE] = { "NOT_INUSE", "Not in use", 3 },
	[DEV_ONHOLD] = { "ONHOLD", "On Hold", 4 },
	[DEV_RINGING] = { "RINGING", "Ringing", 5 },
	[DEV_INUSE] = { "INUSE", "In use", 6 },
	[DEV_BUSY] = { "BUSY", "Busy", 7 },
	[DEV_RINGINUSE] = { "RINGINUSE", "Ring+Inuse", 8 },
};

const char *dev_state_name(enum dev_state s)
{
	return words[s].name;
}

const char *dev_state_label(enum dev_state s)
{
	return words[s].label;
}

bool dev_state_parse(struct span name, enum dev_state *s)
{
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (span_iis(name, words[i].name)) {
			*s = (enum dev_state)i;
			return true;
		}
	return false;
}

static bool rings(enum dev_state s)
{
	return s == DEV_RINGING || s == DEV_RINGINUSE;
}

static bool is_used(enum dev_state s)
{
	return s == DEV_INUSE || s == DEV_BUSY || s == DEV_ONHOLD || s == DEV_RINGINUSE;
}

static enum dev_state together(enum dev_state a, enum dev_state b)
{
	if ((rings(a) || rings(b)) && (is_used(a) || is_used(b)))
		return DEV_RINGINUSE;
	return words[a].rank >= words[b].rank ? a : b;
}

enum dev_state hint_state(struct pbx *p, struct span devices)
{
	enum dev_state all = DEV_INVALID;
	struct span one;

	while (span_cut(&devices, '&', &one))
		all = together(all, dev_state_of(p, span_trim(one)));
	return all;
}

/* ---- endpoints ---- */

static enum dev_state chan_device_state(const struct chan *c)
{
	switch (c->state) {
	case CHAN_DOWN: return DEV_NOT_INUSE;
	case CHAN_RINGING: return DEV_RINGING;
	case CHAN_RING: return DEV_INUSE;
	case CHAN_UP: return c->peer_chan && c->peer_chan->held ? DEV_ONHOLD : DEV_INUSE;
	}
	return DEV_UNKNOWN;
}

/* An AOR has a contact that may be dialled. */
static bool is_online(struct pbx *p, const struct conf_endpoint *ep)
{
	for (size_t i = 0; i < ep->n_aors; i++) {
		struct aor *a = aor_find(p, span_of(ep->aors[i]->o.name));

		if (!a)
			continue;
		list_for(l, &a->contacts)
			if (contact_usable(list_entry(l, struct contact, link)))
				return true;
	}
	return false;
}

struct usage { /* of an endpoint, by its channels */
	enum dev_state all;
	unsigned used;
	struct chan *rings; /* one of them */
};

static void add_chan(struct usage *u, struct chan *c)
{
	enum dev_state s = chan_device_state(c);

	if (c->gone)
		return;
	u->used += is_used(s);
	u->all = together(u->all, s);
	if (s == DEV_RINGING)
		u->rings = c;
}

/* A device that is watched knows its channels; else they are looked for. */
static struct usage usage_of(struct pbx *p, const char *endpoint)
{
	struct usage u = { .all = DEV_INVALID };
	struct device *d = device_of_endpoint(p, endpoint);

	if (d) {
		list_for(l, &d->chans)
			add_chan(&u, list_entry(l, struct chan, of_device));
		return u;
	}
	list_for(l, &p->chans) {
		struct chan *c = list_entry(l, struct chan, link);

		if (strcmp(c->ep->o.name, endpoint) == 0)
			add_chan(&u, c);
	}
	return u;
}

enum dev_state endpoint_state(struct pbx *p, const struct conf_endpoint *ep)
{
	struct usage u;

	if (!ep)
		return DEV_INVALID;
	u = usage_of(p, ep->o.name);
	if (ep->device_state_busy_at && u.used >= ep->device_state_busy_at)
		return DEV_BUSY;
	if (u.all != DEV_INVALID)
		return u.all;
	return is_online(p, ep) ? DEV_NOT_INUSE : DEV_UNAVAILABLE;
}

/* ---- by name ---- */

/* The endpoint's name in "PJSIP/6001"; in "PJSIP/6001/sip:…" too. */
static bool endpoint_in(struct span device, struct span *name)
{
	struct span rest = device;

	if (!span_istarts(device, SPAN("PJSIP/")))
		return false;
	rest = span_from(device, 6);
	span_cut(&rest, '/', name);
	return true;
}

static struct span custom_key(struct span device, char *room, size_t cap)
{
	struct out o = out_fixed(room, cap);

	if (!span_istarts(device, SPAN("Custom:")) || device.n == 7)
		return SPAN_NONE;
	out_all(&o, CUSTOM_FAMILY, span_from(device, 7));
	return out_done(&o) > 0 ? out_look(&o) : SPAN_NONE;
}

enum dev_state dev_state_of(struct pbx *p, struct span device)
{
	char room[256];
	struct span name, key = custom_key(device, room, sizeof room);
	const char *kept = key.n ? pbx_db_get(p, key) : NULL;
	enum dev_state s = DEV_UNKNOWN;

	if (endpoint_in(device, &name))
		return endpoint_state(p, conf_endpoint(p->conf, name));
	if (!key.n)
		return DEV_INVALID;
	if (kept)
		dev_state_parse(span_of(kept), &s);
	return s;
}

bool dev_state_set(struct pbx *p, struct span device, enum dev_state s)
{
	char room[256];
	struct span key = custom_key(device, room, sizeof room);

	if (!key.n || !pbx_db_put(p, key, span_of(words[s].name)))
		return false;
	device_changed(p, device);
	return true;
}

struct chan *dev_ringing(struct pbx *p, struct span device)
{
	const struct conf_endpoint *ep;
	struct span name;

	if (!endpoint_in(device, &name))
		return NULL;
	ep = conf_endpoint(p->conf, name);
	return ep ? usage_of(p, ep->o.name).rings : NULL;
}

bool pbx_device_set(struct pbx *p, struct span device, struct span state)
{
	enum dev_state s;

	return dev_state_parse(state, &s) && dev_state_set(p, device, s);
}
