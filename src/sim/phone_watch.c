/*
 * sim/phone_watch.c: a virtual phone's lamp key: one subscription to the state of an extension (RFC 6665), and what it
 * was told last.
 */
#include "sim/phone.h"

#include <stdlib.h>
#include <string.h>

static void build_subscribe(void *arg, struct sip_build *b)
{
	struct sim_phone *p = arg;

	phone_put_contact(p, b);
	sip_put(b, "Event", "%s", p->watch.event);
	sip_put(b, "Expires", "%u", p->watch.expires);
	sip_put(b, "Accept",
		strcmp(p->watch.event, "dialog") == 0 ? "application/dialog-info+xml" : "application/pidf+xml");
}

static void on_notify(void *arg, struct sip_uas *uas, const struct sip_msg *m)
{
	struct sim_phone *p = arg;

	if (m->method != SIP_NOTIFY) {
		sip_reply(uas, 405, NULL, NULL, NULL);
		return;
	}
	p->st.told++;
	span_copy(m->bytes, p->st.sees, sizeof p->st.sees);
	sip_reply(uas, p->watch.refuses ? p->watch.refuses : 200, NULL, NULL, NULL);
	if (span_istarts(sip_hdr_named(m, SPAN("Subscription-State"), 0), SPAN("terminated")))
		phone_watch_drop(p);
}

static void on_subscribed(void *arg, struct sip_uac *uac, const struct sip_msg *m, unsigned code,
			  const char *why UNUSED)
{
	struct sim_phone *p = arg;
	struct sip_dialog_conf d = { .force_rport = true, .arg = p, .request = on_notify };

	if (code < 200)
		return;
	p->watch.asking = NULL;
	p->st.watching = code;
	if (code < 300 && m && !p->watch.dialog)
		p->watch.dialog = sip_dialog_uac(uac, m, &d);
	if (code == 481)
		sip_dialog_free(&p->watch.dialog);
}

static struct sip_ask subscribe_ask(struct sim_phone *p)
{
	return (struct sip_ask){ .method = SIP_SUBSCRIBE,
				 .from_user = span_of(p->c.from),
				 .from_domain = span_of(p->c.server),
				 .auths = &p->account,
				 .n_auths = 1,
				 .conf = p->conf,
				 .build = build_subscribe,
				 .answer = on_subscribed,
				 .arg = p };
}

void sim_phone_watch(struct sim_phone *p, const char *exten, const char *event, uint32_t expires)
{
	char *uri = xasprintf("sip:%s@%s", exten, p->c.server);
	struct sip_ask a = subscribe_ask(p);

	phone_watch_drop(p);
	span_copy(span_of(event), p->watch.event, sizeof p->watch.event);
	p->watch.expires = expires;
	p->st.watching = 0;
	a.uri = span_of(uri);
	p->watch.asking = sip_ask(p->sip, &a);
	free(uri);
}

void sim_phone_watch_again(struct sim_phone *p, uint32_t expires)
{
	struct sip_ask a = subscribe_ask(p);

	p->watch.expires = expires;
	p->st.watching = 0;
	if (p->watch.dialog)
		p->watch.asking = sip_dialog_ask(p->watch.dialog, &a);
}

void sim_phone_refuse_notify(struct sim_phone *p, unsigned code)
{
	p->watch.refuses = code;
}

void phone_watch_drop(struct sim_phone *p)
{
	if (p->watch.asking)
		sip_uac_forget(p->watch.asking);
	p->watch.asking = NULL;
	sip_dialog_free(&p->watch.dialog);
}
