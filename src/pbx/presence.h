/*
 * pbx/presence.h: what devices and extensions are doing, and who is told.
 *
 *   a channel or a contact changes -> hints.c (which extensions show it?) -> subscribe.c (NOTIFY) <- presence.c
 * (bodies)
 *
 * Nothing is kept, and nothing costs anything, until somebody subscribes.
 */
#pragma once
#include "pbx/priv.h"

/* ---- devices (devstate.c) ---- */

enum dev_state {
	DEV_UNKNOWN,
	DEV_NOT_INUSE,
	DEV_INUSE,
	DEV_BUSY,
	DEV_INVALID,
	DEV_UNAVAILABLE,
	DEV_RINGING,
	DEV_RINGINUSE,
	DEV_ONHOLD
};
#define DEV_STATES (DEV_ONHOLD + 1)
const char *dev_state_name(enum dev_state s);              /* "NOT_INUSE": the dialplan's word */
const char *dev_state_label(enum dev_state s);             /* "Not in use": the console's */
bool dev_state_parse(struct span name, enum dev_state *s); /* of a dialplan's word, in any case */
enum dev_state endpoint_state(struct pbx *p, const struct conf_endpoint *ep);
enum dev_state dev_state_of(struct pbx *p, struct span device); /* "PJSIP/6001", "Custom:lamp" */
/* A device of the administrator's own. False: it has no room (DB), or is not one. */
bool dev_state_set(struct pbx *p, struct span device, enum dev_state s);
struct chan *dev_ringing(struct pbx *p, struct span device); /* a leg that rings there; NULL: none does */

struct device {                 /* one that an extension shows to somebody */
	char *name;             /* "PJSIP/6001", "Custom:lamp"; each exists once, in any case of letters */
	struct list chans;      /* of the endpoint */
	struct watched **shown; /* by these */
	size_t n_shown;
	const char **aors; /* of the endpoint, of the snapshot that it was looked up in */
	size_t n_aors;
};
/* NULL: nobody is shown it. */
struct device *device_find(struct pbx *p, struct span name);
struct device *device_of_endpoint(struct pbx *p, const char *endpoint);
void device_changed(struct pbx *p, struct span name);

/* ---- extensions (hints.c) ---- */

struct watched {                       /* an extension that somebody has subscribed to */
	struct list link, dirty, subs; /* dirty: a device of it has changed */
	struct pbx *pbx;
	const char *context, *exten; /* its own, as asked for */
	char *devices;               /* "PJSIP/6001&PJSIP/6002" */
	enum dev_state state;        /* of all of them together, as it was told last */
	bool ended;                  /* its hint is gone */
	size_t n_subs;
};
/* The devices of the hint, with variables replaced, in o, which is empty. False: there is no hint. */
bool hint_devices(struct pbx *p, struct span context, struct span exten, struct out *o);
enum dev_state hint_state(struct pbx *p, struct span devices); /* of all of them together */
const char *hint_state_label(enum dev_state s);                /* "Idle", "InUse&Ringing": of an extension */
/* For a subscription, which goes into `subs`; NULL: no hint. */
struct watched *hint_watch(struct pbx *p, struct span context, struct span exten);
void hint_leave(struct watched *w); /* a subscription has gone; w too, when it was the last */

struct presence { /* what there is once somebody has subscribed */
	struct pbx *pbx;
	struct list watched, dirty;
	struct table by_place;        /* of struct watched, by their extensions */
	struct table by_name, by_aor; /* of struct device; by an endpoint's AOR */
	struct timer flush;
	struct table silent; /* subscriptions that did not answer their last NOTIFY, by where that went */
	size_t n_subs;
};

/* ---- subscriptions (subscribe.c) ---- */

void subscribe_request(struct pbx *p, struct sip_uas *uas, const struct conf_endpoint *ep); /* SUBSCRIBE, no dialog */
void subscriptions_changed(struct watched *w);                                              /* all of them are told */
void subscriptions_end(struct watched *w, const char *reason); /* RFC 6665 4.1.3; they go, and with them w, later */
void subscriptions_drop(struct watched *w);                    /* without a word */
void subscriptions_adopt(struct watched *w);                   /* their endpoints may be gone */
void subscriptions_each(struct watched *w, void (*each)(void *arg, const struct pbx_subscription_info *i), void *arg);

/* ---- bodies (presence.c) ---- */

struct presence_view {
	struct pbx *pbx;
	const struct watched *of;
	struct span entity; /* URI of the extension, as the subscriber wrote it */
	enum dev_state state;
	uint32_t version;
	bool early_inuse; /* notify_early_inuse_ringing */
	struct span host; /* our face, for URIs */
};
void presence_dialog_info(const struct presence_view *v, struct out *o); /* RFC 4235 */
void presence_pidf(const struct presence_view *v, struct out *o);        /* RFC 3863, with RFC 4480's activities */
