/*
 * pbx/hints.c: extensions whose state somebody has subscribed to, and the devices behind them (the hints of
 * extensions.conf). A change of a device marks the extensions that show it; what comes of that is found out once, at
 * the end of the turn. Devices know their channels, so that one is not looked for among all calls.
 */
#include <stdlib.h>
#include <string.h>

#include "base/siphash.h"
#include "base/trace.h"
#include "pbx/match.h"
#include "pbx/presence.h"
#include "pbx/subst.h"

#define DEVICES_MAX 64 /* of one hint */

/* ---- a hint's text ---- */

struct place {
	const struct pbx *p;
	const char *context, *exten;
};

static const char *var_of_place(void *arg, struct span name)
{
	const struct place *at = arg;

	if (span_is(name, "EXTEN"))
		return at->exten;
	if (span_is(name, "CONTEXT"))
		return at->context;
	return vars_get(&at->p->globals, name);
}

static bool no_function(void *arg UNUSED, struct span name UNUSED, struct span args UNUSED, struct out *o UNUSED)
{
	return false;
}

static void expand(const struct pbx *p, const char *context, const char *exten, const char *text, struct out *o)
{
	struct place at = { p, context, exten };
	struct subst_env env = { .var = var_of_place, .func = no_function, .arg = &at };
	const char *why;

	dp_subst(&env, dp_arg(span_of(text), 0), o, &why);
	if (why)
		trace(EV_DP_WARN, NULL, "hint of %s@%s: %s", exten, context, why);
}

bool hint_devices(struct pbx *p, struct span context, struct span exten, struct out *o)
{
	const struct dp_call call = { .wall = clock_wall(p->clock) };
	const struct dp_step *hint;
	char ctx[80], name[80];
	bool automatic;

	if (context.n >= sizeof ctx || exten.n >= sizeof name)
		return false;
	span_copy(context, ctx, sizeof ctx);
	span_copy(exten, name, sizeof name);
	hint = dp_find_hint(&p->conf->dialplan, context, exten, &call, &automatic);
	if (hint)
		expand(p, ctx, name, hint->args, o);
	else if (automatic && conf_endpoint(p->conf, exten))
		out_all(o, "PJSIP/", exten);
	return o->n > 0;
}

const char *hint_state_label(enum dev_state s)
{
	static const char *const labels[DEV_STATES] = {
		[DEV_UNKNOWN] = "Idle",    [DEV_NOT_INUSE] = "Idle",          [DEV_INUSE] = "InUse",
		[DEV_BUSY] = "Busy",       [DEV_INVALID] = "Unavailable",     [DEV_UNAVAILABLE] = "Unavailable",
		[DEV_RINGING] = "Ringing", [DEV_RINGINUSE] = "InUse&Ringing", [DEV_ONHOLD] = "Hold",
	};

	return labels[s];
}

/* ---- devices ---- */

/* Names differ in more than the case of their letters, or they are the same device. */
static uint64_t name_hash(struct span name)
{
	char low[160];
	size_t n = MIN(name.n, sizeof low);

	for (size_t i = 0; i < n; i++)
		low[i] = name.p[i] >= 'A' && name.p[i] <= 'Z' ? (char)(name.p[i] + 32) : name.p[i];
	return span_hash((struct span){ low, n });
}

struct device *device_find(struct pbx *p, struct span name)
{
	uint64_t hash = name_hash(name);
	size_t at = hash;
	struct device *d;

	while (p->presence && (d = table_next(&p->presence->by_name, hash, &at)))
		if (span_iis(name, d->name))
			return d;
	return NULL;
}

static const struct conf_endpoint *endpoint_of(const struct pbx *p, const struct device *d)
{
	struct span name = span_of(d->name);

	return span_istarts(name, SPAN("PJSIP/")) ? conf_endpoint(p->conf, span_from(name, 6)) : NULL;
}

/* The AORs that its endpoint has now; none of them for another device. */
static void take_aors(struct presence *pr, struct device *d)
{
	const struct conf_endpoint *ep = endpoint_of(pr->pbx, d);

	d->n_aors = ep ? ep->n_aors : 0;
	d->aors = d->n_aors ? xcalloc(d->n_aors, sizeof d->aors[0]) : NULL;
	for (size_t i = 0; i < d->n_aors; i++) {
		d->aors[i] = span_dup(span_of(ep->aors[i]->o.name));
		table_add(&pr->by_aor, name_hash(span_of(d->aors[i])), d);
	}
}

static void leave_aors(struct presence *pr, struct device *d)
{
	for (size_t i = 0; i < d->n_aors; i++) {
		table_del(&pr->by_aor, name_hash(span_of(d->aors[i])), d);
		free((char *)(uintptr_t)d->aors[i]);
	}
	free(d->aors);
	d->aors = NULL;
	d->n_aors = 0;
}

static bool is_of(const struct device *d, const struct chan *c)
{
	return span_iis(span_from(span_of(d->name), 6), c->ep->o.name);
}

static struct device *device_new(struct presence *pr, struct span name)
{
	struct device *d = xcalloc(1, sizeof *d);

	d->name = span_dup(name);
	list_init(&d->chans);
	table_add(&pr->by_name, name_hash(name), d);
	take_aors(pr, d);
	if (!span_istarts(name, SPAN("PJSIP/")))
		return d;
	list_for(l, &pr->pbx->chans) {
		struct chan *c = list_entry(l, struct chan, link);

		if (is_of(d, c))
			list_push(&d->chans, &c->of_device);
	}
	return d;
}

static void device_free(struct presence *pr, struct device *d)
{
	list_for_safe(l, &d->chans)
		list_del(l);
	leave_aors(pr, d);
	table_del(&pr->by_name, name_hash(span_of(d->name)), d);
	free(d->shown);
	free(d->name);
	free(d);
}

/* ---- which extension shows which ---- */

static void show(struct watched *w, struct span name)
{
	struct device *d = device_find(w->pbx, name);

	if (!name.n)
		return;
	if (!d)
		d = device_new(w->pbx->presence, name);
	d->shown = xrealloc(d->shown, (d->n_shown + 1) * sizeof d->shown[0]);
	d->shown[d->n_shown++] = w;
}

static void hide(struct watched *w, struct span name)
{
	struct device *d = device_find(w->pbx, name);

	for (size_t i = 0; d && i < d->n_shown; i++) {
		if (d->shown[i] != w)
			continue;
		d->shown[i] = d->shown[--d->n_shown];
		break;
	}
	if (d && !d->n_shown)
		device_free(w->pbx->presence, d);
}

static void each_device(struct watched *w, void (*each)(struct watched *w, struct span name))
{
	struct span all = span_of(w->devices), one;

	for (int i = 0; i < DEVICES_MAX && span_cut(&all, '&', &one); i++)
		each(w, span_trim(one));
}

static void set_devices(struct watched *w, struct span devices)
{
	char *was = w->devices;

	each_device(w, hide);
	w->devices = span_dup(devices);
	free(was);
	each_device(w, show);
}

/* ---- changes ---- */

static void mark_watched(struct presence *pr, struct watched *w)
{
	list_del(&w->dirty);
	list_push(&pr->dirty, &w->dirty);
}

static void mark(struct presence *pr, const struct device *d)
{
	for (size_t i = 0; i < d->n_shown; i++)
		mark_watched(pr, d->shown[i]);
	if (d->n_shown)
		clock_in(pr->pbx->clock, &pr->flush, 0);
}

void device_changed(struct pbx *p, struct span name)
{
	struct device *d = device_find(p, name);

	if (d)
		mark(p->presence, d);
}

struct device *device_of_endpoint(struct pbx *p, const char *endpoint)
{
	char room[160];
	struct out o = out_fixed(room, sizeof room);

	out_all(&o, "PJSIP/", endpoint);
	return device_find(p, out_look(&o));
}

void presence_chan(struct chan *c)
{
	struct device *d = device_of_endpoint(c->pbx, c->ep->o.name);

	if (!d)
		return;
	list_del(&c->of_device);
	list_push(&d->chans, &c->of_device);
	mark(c->pbx->presence, d);
}

void presence_aor(struct aor *a)
{
	struct presence *pr = a->pbx->presence;
	uint64_t hash = name_hash(span_of(a->name));
	size_t at = hash;
	struct device *d;

	while ((d = table_next(&pr->by_aor, hash, &at)))
		mark(pr, d);
}

static void flush(struct timer *t, ms_t now UNUSED)
{
	struct presence *pr = container_of(t, struct presence, flush);

	list_for_safe(l, &pr->dirty) {
		struct watched *w = list_entry(l, struct watched, dirty);
		enum dev_state s = hint_state(pr->pbx, span_of(w->devices));

		list_del(&w->dirty);
		if (s == w->state)
			continue;
		w->state = s;
		subscriptions_changed(w);
	}
}

/* ---- being watched ---- */

/* Whoever subscribes chooses the extension, as far as patterns allow. */
static uint64_t place_hash(const struct pbx *p, struct span exten)
{
	return siphash(p->secret, &exten, 1).w[0];
}

static struct presence *presence_of(struct pbx *p)
{
	struct presence *pr = p->presence;

	if (pr)
		return pr;
	pr = p->presence = xcalloc(1, sizeof *pr);
	pr->pbx = p;
	pr->flush.fire = flush;
	list_init(&pr->watched);
	list_init(&pr->dirty);
	return pr;
}

static struct watched *find(struct presence *pr, struct span context, struct span exten)
{
	uint64_t hash = place_hash(pr->pbx, exten);
	size_t at = hash;
	struct watched *w;

	while ((w = table_next(&pr->by_place, hash, &at)))
		if (!w->ended && span_is(exten, w->exten) && span_is(context, w->context))
			return w;
	return NULL;
}

struct watched *hint_watch(struct pbx *p, struct span context, struct span exten)
{
	struct presence *pr = presence_of(p);
	struct watched *w = find(pr, context, exten);
	struct out o = out_growing();

	if (!w && hint_devices(p, context, exten, &o)) {
		w = xcalloc(1, sizeof *w);
		w->pbx = p;
		list_init(&w->subs);
		list_init(&w->dirty);
		w->context = span_dup(context);
		w->exten = span_dup(exten);
		w->devices = span_dup(SPAN(""));
		list_push(&pr->watched, &w->link);
		table_add(&pr->by_place, place_hash(p, exten), w);
		set_devices(w, out_look(&o));
		w->state = hint_state(p, span_of(w->devices));
	}
	out_free(&o);
	if (w) {
		w->n_subs++;
		pr->n_subs++;
	}
	return w;
}

void hint_leave(struct watched *w)
{
	w->pbx->presence->n_subs--;
	if (--w->n_subs)
		return;
	each_device(w, hide);
	list_del(&w->link);
	list_del(&w->dirty);
	table_del(&w->pbx->presence->by_place, place_hash(w->pbx, span_of(w->exten)), w);
	free((char *)(uintptr_t)w->context);
	free((char *)(uintptr_t)w->exten);
	free(w->devices);
	free(w);
}

/* ---- another snapshot ---- */

void presence_adopt(struct pbx *p)
{
	struct presence *pr = p->presence;
	struct table_walk walk = { 0 };
	struct device *d;

	if (!pr)
		return;
	while ((d = table_each(&pr->by_name, &walk))) {
		leave_aors(pr, d);
		take_aors(pr, d);
	}
	list_for_safe(l, &pr->watched) {
		struct watched *w = list_entry(l, struct watched, link);
		struct out o = out_growing();

		subscriptions_adopt(w);
		if (w->ended) {
			/* its subscriptions are going */
		} else if (hint_devices(p, span_of(w->context), span_of(w->exten), &o)) {
			set_devices(w, out_look(&o));
			mark_watched(pr, w);
		} else {
			w->ended = true;
			subscriptions_end(w, "noresource");
		}
		out_free(&o);
	}
	clock_in(p->clock, &pr->flush, 0);
}

void presence_free(struct pbx *p)
{
	struct presence *pr = p->presence;

	if (!pr)
		return;
	list_for_safe(l, &pr->watched)
		subscriptions_drop(list_entry(l, struct watched, link));
	clock_stop(p->clock, &pr->flush);
	table_free(&pr->by_place);
	table_free(&pr->by_name);
	table_free(&pr->by_aor);
	table_free(&pr->silent);
	free(pr);
	p->presence = NULL;
}

void pbx_each_subscription(struct pbx *p, void (*each)(void *arg, const struct pbx_subscription_info *i), void *arg)
{
	if (!p->presence)
		return;
	list_for(l, &p->presence->watched)
		subscriptions_each(list_entry(l, struct watched, link), each, arg);
}

/* What is subscribed to, and by which hint: each is looked for once, however many hints there are. */
struct answered {
	const struct dp_step *hint;
	size_t n_subs;
};

static struct answered *all_answered(const struct pbx *p, size_t *n)
{
	const struct dp_call call = { .wall = clock_wall(p->clock) };
	struct answered *all;
	bool automatic;

	*n = 0;
	if (!p->presence)
		return NULL;
	all = xcalloc(p->presence->n_subs + 1, sizeof *all);
	list_for(l, &p->presence->watched) {
		const struct watched *w = list_entry(l, struct watched, link);

		all[(*n)++] = (struct answered){ dp_find_hint(&p->conf->dialplan, span_of(w->context),
							      span_of(w->exten), &call, &automatic),
						 w->n_subs };
	}
	return all;
}

static size_t watchers_of(const struct answered *all, size_t n, const struct dp_step *hint)
{
	size_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += all[i].hint == hint ? all[i].n_subs : 0;
	return sum;
}

void pbx_each_hint(struct pbx *p, void (*each)(void *arg, const struct pbx_hint_info *i), void *arg)
{
	const struct conf_dialplan *d = &p->conf->dialplan;
	size_t n;
	struct answered *all = all_answered(p, &n);

	for (size_t i = 0; i < d->n_contexts; i++) {
		const struct dp_context *c = &d->contexts[i];

		for (size_t k = 0; k < c->n_extens; k++) {
			const struct dp_exten *e = &c->extens[k];
			struct out o = out_growing();
			enum dev_state s = DEV_UNKNOWN;

			if (!e->hint)
				continue;
			if (e->pattern[0] != '_' && hint_devices(p, span_of(c->name), span_of(e->pattern), &o))
				s = hint_state(p, out_look(&o));
			out_free(&o);
			each(arg, &(struct pbx_hint_info){ .context = c->name,
							   .exten = e->pattern,
							   .devices = e->hint->args,
							   .state = hint_state_label(s),
							   .watchers = watchers_of(all, n, e->hint) });
		}
	}
	free(all);
}
