/*
 * pbx/auth.c: a request proves who sends it. Strangers get the same challenge as those who mistyped their password, so
 * that nobody learns which names exist.
 */
#include "base/trace.h"
#include "pbx/priv.h"

const struct conf_auth *const *outbound_auths(const struct conf_endpoint *ep, size_t *n)
{
	*n = ep ? ep->n_outbound_auth : 0;
	return ep ? (const struct conf_auth *const *)ep->outbound_auth : NULL;
}

/* A connection that a known peer uses stays. */
static bool is_known(struct pbx *p, const struct sip_msg *m)
{
	sip_flow_known(p->sip, &m->flow);
	return true;
}

bool authenticate(struct pbx *p, struct sip_uas *uas, const struct conf_endpoint *ep)
{
	const struct sip_msg *m = sip_uas_msg(uas);
	bool stale = false, wrong = false;

	if (ep && !ep->n_auth)
		return is_known(p, m);
	if (ep && m->method == SIP_OPTIONS && ep->allow_unauthenticated_options)
		return true;
	for (size_t i = 0; ep && i < ep->n_auth; i++) {
		switch (sip_digest_check(p->sip, m, ep->auth[i])) {
		case DIGEST_OK: return is_known(p, m);
		case DIGEST_STALE: stale = true; break;
		case DIGEST_WRONG: wrong = true; break;
		case DIGEST_NONE: break;
		}
	}
	if (wrong) {
		char src[ADDR_STRLEN];

		trace(EV_SIP_NO, NULL, "%.*s from %s as '%s': wrong password", SP(m->method_text),
		      addr_str(&m->flow.peer, src), ep->o.name);
	}
	sip_digest_challenge(uas, ep ? ep->auth[0] : NULL, stale && !wrong);
	return false;
}
