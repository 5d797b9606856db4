/* pbx/show.c: what there is, for the console, the doctor and the tests. */
#include <string.h>

#include "pbx/presence.h"

static unsigned channels_of(const struct pbx *p, const struct conf_endpoint *ep)
{
	unsigned n = 0;

	list_for(l, &p->chans) {
		const struct chan *c = list_entry(l, struct chan, link);

		n += strcmp(c->ep->o.name, ep->o.name) == 0;
	}
	return n;
}

void pbx_each_endpoint(struct pbx *p, void (*each)(void *arg, const struct pbx_endpoint_info *i), void *arg)
{
	for (size_t i = 0; i < p->conf->n_endpoints; i++) {
		const struct conf_endpoint *ep = &p->conf->endpoints[i];
		struct pbx_endpoint_info info = { .conf = ep, .channels = channels_of(p, ep) };

		info.state = dev_state_label(endpoint_state(p, ep));
		each(arg, &info);
	}
}

static void each_in_aor(struct aor *a, void (*each)(void *arg, const struct pbx_contact_info *i), void *arg)
{
	list_for(l, &a->contacts) {
		const struct contact *c = list_entry(l, struct contact, link);
		const struct conf_endpoint *ep = contact_endpoint(c);
		struct pbx_contact_info i = { .aor = a->name,
					      .uri = c->uri,
					      .endpoint = ep ? ep->o.name : "",
					      .user_agent = c->user_agent,
					      .path = c->path,
					      .call_id = c->call_id,
					      .orig_host = c->orig_host,
					      .status = contact_status_name(c->status),
					      .rtt_ms = c->rtt_ms,
					      .expires = c->expires,
					      .is_static = c->is_static,
					      .nat_look = (enum nat_look)c->nat_look };

		contact_id(c, i.hash);
		reach_info(c, &i);
		each(arg, &i);
	}
}

void pbx_each_contact(struct pbx *p, struct span aor, void (*each)(void *arg, const struct pbx_contact_info *i),
		      void *arg)
{
	for (size_t i = 0; i < p->conf->n_aors; i++) {
		struct span name = span_of(p->conf->aors[i].o.name);

		if (!aor.n || span_eq(aor, name))
			each_in_aor(p->aor_at[i], each, arg);
	}
}

void pbx_each_call(struct pbx *p, void (*each)(void *arg, const struct pbx_call_info *i), void *arg)
{
	list_for(l, &p->chans) {
		struct chan *c = list_entry(l, struct chan, link);
		struct pbx_call_info i = { .name = c->name,
					   .context = c->dp ? c->dp->ctx_name : c->ep->context,
					   .exten = c->dp ? c->dp->exten_name : c->dialed,
					   .prio = c->dp ? c->dp->prio : 1,
					   .app = c->dp && c->dp->app ? c->dp->app->name
						  : c->incoming       ? ""
								      : "AppDial",
					   .data = c->dp         ? c->dp->data
						   : c->incoming ? ""
								 : "(Outgoing Line)",
					   .state = chan_state_name(c),
					   .caller_num = c->incoming ? c->caller_num : c->dialed,
					   .caller_name = c->incoming ? c->caller_name : "",
					   .accountcode = chan_account(c),
					   .bridged = c->peer_chan ? c->peer_chan->name : "",
					   .endpoint = c->ep,
					   .incoming = c->incoming,
					   .answered = c->state == CHAN_UP,
					   .age = p->clock->now - c->born,
					   .peer = c->peer,
					   .codec = c->has_deal && c->deal.n_codecs
							    ? codec_descs[c->deal.codecs[0].codec].name
							    : "",
					   .has_media = c->media != NULL };

		if (c->gone)
			continue;
		if (c->media)
			media_stats(c->media, &i.media);
		each(arg, &i);
	}
}

unsigned pbx_calls_processed(const struct pbx *p)
{
	return p->n_calls;
}

bool pbx_qualify(struct pbx *p, struct span name)
{
	const struct conf_endpoint *ep = conf_endpoint(p->conf, name);
	struct aor *a = aor_find(p, name);

	if (!ep && a)
		qualify_now(a);
	for (size_t i = 0; ep && i < ep->n_aors; i++)
		if ((a = aor_find(p, span_of(ep->aors[i]->o.name))))
			qualify_now(a);
	return ep || a;
}

unsigned pbx_hangup(struct pbx *p, struct span channel)
{
	struct chan *c = chan_find(p, channel);
	unsigned n = 0;

	if (c && !c->gone) {
		chan_hangup(c, 16);
		return 1;
	}
	if (!span_iis(channel, "all"))
		return 0;
	list_for(l, &p->chans) {
		c = list_entry(l, struct chan, link);
		if (c->gone)
			continue;
		chan_hangup(c, 16);
		n++;
	}
	return n;
}
