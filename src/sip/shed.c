/*
 * sip/shed.c: overload. When datagrams wait to be read faster than they are served, new work is refused at once, with
 * 503 and Retry-After, and what was begun is finished: requests within dialogs, responses, repeats of what is being
 * served. A refusal must cost a fraction of what it saves. So such a request is only glanced at: the headers that an
 * answer copies are found, nothing is allocated, nothing is kept; and the ACK to the refusal is known by its tag.
 */
#include "sip/priv.h"

#include <string.h>

#include "base/trace.h"

#define SHED_FROM  25 /* percent of the bearable backlog of datagrams: from here on new work is refused */
#define SHED_UNTIL 10
#define RETRY_MIN  1 /* s */
#define RETRY_MORE 5

static bool is_overloaded(struct sip *s)
{
	unsigned waiting = s->c.net.backlog ? s->c.net.backlog(s->c.net.arg) : 0;

	if (!s->shedding && waiting >= SHED_FROM) {
		s->shedding = true;
		s->shed = 0;
		trace(EV_SIP_OVERLOAD, NULL, "datagrams wait: %u %% of what is bearable; new requests get 503",
		      waiting);
	} else if (s->shedding && waiting < SHED_UNTIL) {
		s->shedding = false;
		trace(EV_SIP_OVERLOAD, NULL, "it is over: %u requests were refused", s->shed);
	}
	return s->shedding;
}

/* The ACK to a refusal of ours: there is nothing it could mean to anybody. */
static bool is_ack_of_refusal(struct span bytes)
{
	return span_starts(bytes, SPAN("ACK ")) && span_find(bytes, SPAN(";tag=" SHED_TAG)) >= 0;
}

static bool is_new_work(struct span bytes)
{
	return span_starts(bytes, SPAN("INVITE ")) || span_starts(bytes, SPAN("REGISTER ")) ||
	       span_starts(bytes, SPAN("SUBSCRIBE ")) || span_starts(bytes, SPAN("MESSAGE "));
}

static void refuse(struct sip *s, const struct sip_msg *m)
{
	char line[32];
	struct out o = out_fixed(line, sizeof line);

	s->shed++;
	s->shed_acks = sip_now(s) + 64 * s->t1;
	count(CNT_sip_shed);
	out_fmt(&o, "Retry-After: %u\r\n", RETRY_MIN + rng_below(&s->c.clock->rng, RETRY_MORE));
	sip_reply_shed(s, m, out_look(&o));
}

bool sip_shed(struct sip *s, const struct flow *f, struct span bytes)
{
	struct sip_hdr hdrs[SIP_GLANCE_MAX];
	struct siphash key;
	struct sip_msg m;

	if (sip_now(s) < s->shed_acks && is_ack_of_refusal(bytes)) {
		count(CNT_sip_strays);
		return true;
	}
	if (!is_overloaded(s) || !is_new_work(bytes) || !sip_msg_glance(bytes, &m, hdrs))
		return false;
	m.flow = *f;
	m.flow.order = sip_order(m.call_id);
	key = sip_uas_key(s, &m, m.method);
	if (m.to.tag.n || sip_uas_find(s, &key))
		return false;
	refuse(s, &m);
	return true;
}
