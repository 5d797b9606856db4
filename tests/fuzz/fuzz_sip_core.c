/*
 * tests/fuzz/fuzz_sip_core.c: a whole SIP core between hostile peers and a user who answers everything.
 *
 * The input is a list of records, separated by the byte 1E; the first byte of each says what happens:
 *   u, v    a datagram from one of two peers        t    bytes on a TCP connection     C    that connection ends
 *   w       time passes: as many ms as written      i    ICMP for the first peer       n    DNS answers
 *   a, A    we ask: INVITE, OPTIONS                 d    we ask within the last dialog  x    we cancel the last INVITE
 *   r       the peer answers the last request: a status code, then header lines
 * In what peers say, 1D stands for the last tag of ours, 1C for the branch of the last request of ours.
 */
#include <stdlib.h>
#include <string.h>

#include "sip/priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

#define DIALOGS 4

struct world {
	struct clock clock;
	struct sip *sip;
	struct net_sink sink;
	struct conf *conf;
	uint32_t socks;
	struct flow conn;
	uint64_t asked[32];
	unsigned n_asked;
	char *last; /* the last request that we sent */
	size_t last_n;
	struct flow last_flow;
	char tag[SIP_TAG + 1];
	struct sip_dialog *dialogs[DIALOGS];
	unsigned at;
	struct sip_uac *invite;
	const struct conf_auth *auth;
};

/* ---- the network ---- */

static int net_listen_on(void *arg, const struct net_listen *ask, uint32_t *id, struct addr *bound)
{
	struct world *w = arg;

	*id = ++w->socks;
	*bound = ask->bind;
	return 0;
}

static void net_close(void *arg UNUSED, uint32_t sock UNUSED)
{
}

static int net_connect(void *arg, uint32_t listener, const struct addr *to, struct span name UNUSED, struct flow *f)
{
	struct world *w = arg;

	*f = (struct flow){ .sock = ++w->socks, .proto = NET_TCP, .listener = listener, .peer = *to };
	return 0;
}

static int net_send(void *arg, const struct flow *f, struct span bytes)
{
	struct world *w = arg;

	if (bytes.n < 8 || span_starts(bytes, SPAN("SIP/2.0")))
		return 0;
	free(w->last);
	w->last = span_dup(bytes);
	w->last_n = bytes.n;
	w->last_flow = *f;
	return 0;
}

static struct addr net_source(void *arg UNUSED, uint32_t listener UNUSED, const struct addr *to)
{
	struct addr a = { 0 };

	addr_parse(to->family == 6 ? SPAN("2001:db8::1") : SPAN("192.0.2.1"), &a);
	return a;
}

static void net_resolve(void *arg, uint64_t query, const char *name UNUSED, enum dns_type type UNUSED)
{
	struct world *w = arg;

	if (w->n_asked < ARRAY_LEN(w->asked))
		w->asked[w->n_asked++] = query;
}

/* ---- the user ---- */

static void on_request(void *arg, struct sip_uas *uas, const struct sip_msg *m);

static void on_no_ack(void *arg UNUSED)
{
}

static void keep(struct world *w, struct sip_dialog *d)
{
	w->at = (w->at + 1) % DIALOGS;
	sip_dialog_free(&w->dialogs[w->at]);
	w->dialogs[w->at] = d;
}

static struct sip_dialog_conf dialog_conf(struct world *w)
{
	return (struct sip_dialog_conf){
		.rewrite_contact = w->at & 1, .arg = w, .request = on_request, .no_ack = on_no_ack, .conf = w->conf
	};
}

static void build(void *arg UNUSED, struct sip_build *b)
{
	sip_put_contact(b, SPAN("me"), SPAN_NONE, SPAN_NONE);
	out_str(sip_put_body(b, "application/sdp"), "v=0\r\n");
}

static void free_dialog_of(struct world *w, const struct sip_msg *m)
{
	struct sip_dialog *d = sip_dialog_find(w->sip, m, true);

	for (int i = 0; d && i < DIALOGS; i++)
		if (w->dialogs[i] == d)
			sip_dialog_free(&w->dialogs[i]);
}

static void on_request(void *arg, struct sip_uas *uas, const struct sip_msg *m)
{
	struct world *w = arg;
	struct sip_dialog_conf c = dialog_conf(w);
	struct span realm;

	span_copy(sip_uas_tag(uas), w->tag, sizeof w->tag);
	switch (m->method) {
	case SIP_INVITE:
		sip_reply(uas, 100, NULL, NULL, NULL);
		if (m->cseq % 3 == 0)
			return; /* rings for ever */
		if (!m->to.tag.n)
			keep(w, sip_dialog_uas(uas, &c));
		if (m->cseq % 5 == 0 && !m->to.tag.n)
			sip_reply_reliably(uas, 180, build, NULL);
		else
			sip_reply(uas, 180, NULL, build, NULL);
		if (m->cseq % 5 == 0)
			return;
		sip_reply(uas, m->cseq % 3 == 1 ? 200 : 486, NULL, build, NULL);
		return;
	case SIP_REGISTER:
		sip_digest_username(m, &realm);
		if (sip_digest_check(w->sip, m, &w->conf->auths[0]) == DIGEST_OK)
			sip_reply(uas, 200, NULL, build, NULL);
		else
			sip_digest_challenge(uas, m->cseq & 1 ? &w->conf->auths[0] : NULL, false);
		return;
	case SIP_BYE:
		sip_reply(uas, 200, NULL, NULL, NULL);
		free_dialog_of(w, m);
		return;
	default: sip_uas_force_rport(uas, m->cseq & 1); sip_reply(uas, 404, "Nobody here", build, NULL);
	}
}

static void on_answer(void *arg, struct sip_uac *u, const struct sip_msg *m, unsigned code, const char *why UNUSED)
{
	struct world *w = arg;
	struct sip_dialog_conf c = dialog_conf(w);
	struct sip_dialog *d;

	if (code >= 200 && w->invite == u)
		w->invite = NULL;
	if (!m || m->method != SIP_INVITE || code >= 300)
		return;
	d = sip_dialog_find(w->sip, m, false);
	if (d) {
		sip_dialog_refresh(d, m);
	} else if ((d = sip_dialog_uac(u, m, &c))) {
		keep(w, d);
	}
	BUG_ON(code >= 200 && !d);
	if (code >= 200)
		sip_dialog_ack(d, m->cseq, build, NULL);
}

static void ask(struct world *w, enum sip_method method, struct span rest)
{
	struct sip_ask a = { .method = method,
			     .uri = rest.n ? rest : SPAN("sip:bob@198.51.100.7"),
			     .build = build,
			     .answer = on_answer,
			     .arg = w,
			     .conf = w->conf,
			     .auths = &w->auth,
			     .n_auths = 1 };
	struct sip_uac *u = sip_ask(w->sip, &a);

	if (method == SIP_INVITE)
		w->invite = u;
}

static void ask_within(struct world *w)
{
	struct sip_ask a = {
		.method = w->at & 1 ? SIP_INVITE : SIP_BYE, .build = build, .answer = on_answer, .arg = w
	};
	struct sip_dialog *d = w->dialogs[w->at];

	if (d)
		sip_dialog_ask(d, &a);
}

/* ---- the peers ---- */

static void hear(struct world *w, const struct flow *f, struct span text)
{
	const char *branch = w->last ? strstr(w->last, "branch=") : NULL;
	struct out o = out_growing();

	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == 0x1d)
			out_str(&o, w->tag);
		else if (text.p[i] == 0x1c)
			out_span(&o, branch ? span_sub(span_of(branch + 7), 0, 29) : SPAN_NONE);
		else
			out_char(&o, text.p[i]);
	}
	w->sink.input(w->sip, f, o.p ? out_look(&o) : SPAN(""));
	out_free(&o);
}

static void answer(struct world *w, struct span rest)
{
	struct out o = out_growing();
	struct span code = span_sub(rest, 0, 3), more = span_from(rest, 3);
	const char *why;
	struct sip_msg *m = w->last ? sip_msg_parse((struct span){ w->last, w->last_n }, &why) : NULL;

	if (!m)
		return;
	out_fmt(&o, "SIP/2.0 %.*s X\r\nVia: %.*s\r\nFrom: %.*s\r\nTo: %.*s", SP(code), SP(m->via.text),
		SP(m->from.text), SP(m->to.text));
	if (!m->to.tag.n)
		out_str(&o, ";tag=peer");
	out_fmt(&o, "\r\nCall-ID: %.*s\r\nCSeq: %u %.*s\r\n", SP(m->call_id), m->cseq, SP(m->method_text));
	out_span(&o, more);
	out_str(&o, "\r\nl: 0\r\n\r\n");
	sip_msg_unref(m);
	w->sink.input(w->sip, &w->last_flow, out_look(&o));
	out_free(&o);
}

static void resolve(struct world *w)
{
	struct dns_record r = { .type = DNS_A, .ttl = 5, .addr = { .family = 4, .ip = { 198, 51, 100, 7 } } };

	while (w->n_asked) {
		uint64_t q = w->asked[--w->n_asked];

		w->sink.resolved(w->sip, q, &r, w->n_asked % 3 == 0, w->n_asked % 3 == 1 ? -1 : 0);
	}
}

static void pass(struct world *w, struct span rest)
{
	uint32_t by;
	ms_t until = w->clock.now + (span_u32(rest, 100000, &by) ? by : 500);

	for (int i = 0; i < 500 && timers_next(&w->clock.timers) <= until; i++) {
		w->clock.now = MAX(w->clock.now, timers_next(&w->clock.timers));
		timers_run(&w->clock.timers, w->clock.now);
	}
	w->clock.now = MAX(w->clock.now, until);
}

static void happen(struct world *w, struct span rec)
{
	struct flow f = { .sock = 1, .proto = NET_UDP, .listener = 1 };
	struct span rest = span_from(rec, 1);

	addr_parse(rec.p[0] == 'v' ? SPAN("[2001:db8::9]:5060") : SPAN("198.51.100.7:5060"), &f.peer);
	switch (rec.p[0]) {
	case 'u':
	case 'v': hear(w, &f, rest); return;
	case 't':
		if (!w->conn.sock) {
			w->conn = (struct flow){ .sock = ++w->socks, .proto = NET_TCP, .listener = 2, .peer = f.peer };
			w->sink.accepted(w->sip, &w->conn);
		}
		hear(w, &w->conn, rest);
		return;
	case 'C':
		if (w->conn.sock)
			w->sink.failed(w->sip, &w->conn, 0);
		w->conn.sock = 0;
		return;
	case 'i': w->sink.failed(w->sip, &f, -111); return;
	case 'w': pass(w, rest); return;
	case 'n': resolve(w); return;
	case 'a': ask(w, SIP_INVITE, rest); return;
	case 'A': ask(w, SIP_OPTIONS, rest); return;
	case 'd': ask_within(w); return;
	case 'x':
		if (w->invite)
			sip_uac_cancel(w->invite, rest);
		return;
	case 'r': answer(w, rest); return;
	default: return;
	}
}

/* ---- the configuration ---- */

static bool read_file(void *arg UNUSED, const char *path, struct out *o)
{
	if (strcmp(path, "pjsip.conf") == 0)
		out_str(o, "[udp]\ntype=transport\nprotocol=udp\nbind=192.0.2.1\n"
			   "[tcp]\ntype=transport\nprotocol=tcp\nbind=192.0.2.1\n"
			   "[alice]\ntype=auth\nusername=alice\npassword=secret\n");
	else if (strcmp(path, "extensions.conf") == 0)
		out_str(o, "[default]\n");
	else
		return false;
	return true;
}

static void glob_none(void *arg UNUSED, const char *pattern UNUSED, void (*each)(void *, const char *) UNUSED,
		      void *ctx UNUSED)
{
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct world w = { 0 };
	struct conf_source src = { read_file, glob_none, NULL };
	struct sip_config c = { .clock = &w.clock,
				.net = { .arg = &w,
					 .listen = net_listen_on,
					 .close = net_close,
					 .connect = net_connect,
					 .send = net_send,
					 .source = net_source,
					 .resolve = net_resolve },
				.user = { .arg = &w, .request = on_request } };
	struct span in = { (const char *)p, n }, rec;
	struct diag why = { 0 };

	rng_seed(&w.clock.rng, (const uint8_t[32]){ 1 });
	w.conf = conf_load(&src, &why);
	BUG_ON(!w.conf);
	w.auth = &w.conf->auths[0];
	w.sip = sip_new(&c);
	w.sink = sip_sink(w.sip);
	BUG_ON(sip_adopt(w.sip, w.conf, &why) != 0);
	diag_free(&why);
	for (int i = 0; i < 64 && span_cut(&in, 0x1e, &rec); i++)
		if (rec.n)
			happen(&w, rec);
	for (int i = 0; i < DIALOGS; i++)
		sip_dialog_free(&w.dialogs[i]);
	sip_free(w.sip);
	BUG_ON(timers_next(&w.clock.timers) != MS_NEVER);
	timers_free(&w.clock.timers);
	conf_unref(w.conf);
	free(w.last);
	return 0;
}
