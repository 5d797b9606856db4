/*
 * bench/parse.c: hairpin's parser and sofia-sip's on the same INVITE: processor time and allocations for parsing it,
 * reading From, To, Call-ID, CSeq and Contact, and freeing it. One line of JSON each; the rounds alternate.
 */
#include <sofia-sip/msg.h>
#include <sofia-sip/msg_addr.h>
#include <sofia-sip/sip.h>
#include <sofia-sip/sip_header.h>
#include <stdio.h>

#include "count.h"
#include "invite.h"
#include "sip/msg.h"

#define ROUNDS 5
#define PARSES 20000

struct figure {
	double least_ns;
	double allocations;
};

static size_t ours(void)
{
	const char *why;
	struct sip_msg *m = sip_msg_parse((struct span){ invite, sizeof invite - 1 }, &why);
	size_t n;

	BUG_ON(!m || m->bad_code);
	n = m->from.uri.user.n + m->to.uri.user.n + m->call_id.n + m->cseq + m->contact.uri.host.n;
	sip_msg_unref(m);
	return n;
}

static size_t sofia(void)
{
	msg_t *m = msg_make(sip_default_mclass(), 0, invite, sizeof invite - 1);
	sip_t *sip = m ? sip_object(m) : NULL;
	size_t n;

	BUG_ON(!sip || sip->sip_error || !sip->sip_from || !sip->sip_contact);
	n = strlen(sip->sip_from->a_url->url_user) + strlen(sip->sip_to->a_url->url_user) +
	    strlen(sip->sip_call_id->i_id) + sip->sip_cseq->cs_seq + strlen(sip->sip_contact->m_url->url_host);
	msg_destroy(m);
	return n;
}

static void round_of(size_t (*parse)(void), struct figure *f)
{
	uint64_t from = allocations;
	double t = cpu_ns();

	for (int i = 0; i < PARSES; i++)
		BUG_ON(parse() == 0);
	t = (cpu_ns() - t) / PARSES;
	f->allocations = (double)(allocations - from) / PARSES;
	if (!f->least_ns || t < f->least_ns)
		f->least_ns = t;
}

int main(void)
{
	struct figure us = { 0 }, them = { 0 };

	BUG_ON(ours() != sofia());
	for (int i = 0; i < ROUNDS; i++) {
		round_of(ours, &us);
		round_of(sofia, &them);
	}
	printf("{\"who\":\"hairpin\",\"us\":%.3f,\"allocations\":%.1f}\n", us.least_ns / 1000, us.allocations);
	printf("{\"who\":\"sofia-sip\",\"us\":%.3f,\"allocations\":%.1f}\n", them.least_ns / 1000, them.allocations);
	return 0;
}
