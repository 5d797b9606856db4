/*
 * bench/bench_sip.c: what SIP costs without a network. The parser on an INVITE of 1,200 bytes; then whole calls
 * (INVITE, 100, 180, 200, ACK, BYE, 200) between two cores that hand each other their bytes in memory: one asks, one
 * serves, so that a call here is about what a call through the PBX is. Printed: processor time and allocations for
 * each.
 *
 *   bench_sip [calls]      default: 20000
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "count.h"
#include "invite.h"
#include "sip/sip.h"

#define PARSES 200000
#define QUEUE  64

static void print(const char *what, double ns, double allocs, double messages)
{
	printf("%-34s %9.2f us %8.1f allocations", what, ns / 1000, allocs);
	if (messages > 0)
		printf(" %6.1f messages, %.2f us each", messages, ns / 1000 / messages);
	putchar('\n');
}

static void bench_parse(void)
{
	struct span s = { invite, sizeof invite - 1 };
	uint64_t from = allocations;
	double t = cpu_ns();
	const char *why;

	for (int i = 0; i < PARSES; i++) {
		struct sip_msg *m = sip_msg_parse(s, &why);

		BUG_ON(!m || m->bad_code);
		sip_msg_unref(m);
	}
	t = cpu_ns() - t;
	printf("%zu bytes\n", s.n);
	print("parse an INVITE", t / PARSES, (double)(allocations - from) / PARSES, 0);
}

/* ---- two cores ---- */

struct side {
	struct bench *b;
	struct sip *sip;
	struct net_sink sink;
	struct addr me;
	struct sip_dialog *dialog;
};

struct packet {
	unsigned to;
	char *bytes;
	size_t n;
};

struct bench {
	struct clock clock;
	struct conf *conf;
	struct side side[2];
	struct packet queue[QUEUE];
	unsigned head, tail;
	unsigned ended;
	uint64_t messages;
};

static int on_listen(void *arg, const struct net_listen *ask UNUSED, uint32_t *id, struct addr *bound)
{
	const struct side *s = arg;

	*id = 1;
	*bound = s->me;
	return 0;
}

static void on_close(void *arg UNUSED, uint32_t sock UNUSED)
{
}

static int on_connect(void *arg UNUSED, uint32_t listener UNUSED, const struct addr *to UNUSED, struct span name UNUSED,
		      struct flow *f UNUSED)
{
	return -1;
}

static int on_send(void *arg, const struct flow *f UNUSED, struct span bytes)
{
	struct side *s = arg;
	struct packet *p = &s->b->queue[s->b->tail++ % QUEUE];

	BUG_ON(s->b->tail - s->b->head > QUEUE);
	p->to = s == &s->b->side[0];
	p->bytes = __libc_malloc(bytes.n); /* the network's, not counted */
	p->n = bytes.n;
	memcpy(p->bytes, bytes.p, bytes.n);
	return 0;
}

static struct addr on_source(void *arg, uint32_t listener UNUSED, const struct addr *to UNUSED)
{
	const struct side *s = arg;

	return s->me;
}

static void on_resolve(void *arg UNUSED, uint64_t query UNUSED, const char *name UNUSED, enum dns_type type UNUSED)
{
}

static void deliver(struct bench *b)
{
	while (b->head != b->tail) {
		struct packet p = b->queue[b->head++ % QUEUE];
		struct side *s = &b->side[p.to];
		struct flow f = { 1, NET_UDP, 1, s->me, b->side[!p.to].me };

		b->messages++;
		s->sink.input(s->sip, &f, (struct span){ p.bytes, p.n });
		free(p.bytes);
	}
}

static void build(void *arg UNUSED, struct sip_build *b)
{
	sip_put_contact(b, SPAN("100"), SPAN_NONE, SPAN_NONE);
	sip_put(b, "Allow", "INVITE, ACK, CANCEL, BYE, NOTIFY, REFER, MESSAGE, OPTIONS, INFO, UPDATE");
	sip_put(b, "Supported", "replaces, timer");
	out_str(sip_put_body(b, "application/sdp"), strstr(invite, "v=0"));
}

static void in_dialog(void *arg, struct sip_uas *uas, const struct sip_msg *m UNUSED)
{
	struct side *s = arg;

	sip_reply(uas, 200, NULL, NULL, NULL);
	sip_dialog_free(&s->dialog);
}

static void on_request(void *arg, struct sip_uas *uas, const struct sip_msg *m UNUSED)
{
	struct side *s = arg;
	struct sip_dialog_conf c = { .rewrite_contact = true, .force_rport = true, .arg = s, .request = in_dialog };

	sip_reply(uas, 100, NULL, NULL, NULL);
	s->dialog = sip_dialog_uas(uas, &c);
	sip_reply(uas, 180, NULL, build, NULL);
	sip_reply(uas, 200, NULL, build, NULL);
}

static void on_bye(void *arg, struct sip_uac *u UNUSED, const struct sip_msg *m UNUSED, unsigned code,
		   const char *why UNUSED)
{
	struct side *s = arg;

	BUG_ON(code != 200);
	s->b->ended++;
}

static void on_answer(void *arg, struct sip_uac *u, const struct sip_msg *m, unsigned code, const char *why UNUSED)
{
	struct sip_dialog_conf c = { .rewrite_contact = true };
	struct sip_ask bye = { .method = SIP_BYE, .answer = on_bye, .arg = arg };
	struct sip_dialog *d;

	if (code < 200)
		return;
	BUG_ON(code != 200);
	d = sip_dialog_uac(u, m, &c);
	BUG_ON(!d);
	sip_dialog_ack(d, m->cseq, NULL, NULL);
	sip_dialog_ask(d, &bye);
	sip_dialog_free(&d);
}

static bool read_file(void *arg UNUSED, const char *path, struct out *o)
{
	if (strcmp(path, "pjsip.conf") == 0)
		out_str(o, "[udp]\ntype=transport\nprotocol=udp\nbind=192.0.2.1\n");
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

static void open_side(struct bench *b, unsigned i)
{
	struct side *s = &b->side[i];
	struct sip_config c = { .clock = &b->clock,
				.net = { .arg = s,
					 .listen = on_listen,
					 .close = on_close,
					 .connect = on_connect,
					 .send = on_send,
					 .source = on_source,
					 .resolve = on_resolve },
				.user = { .arg = s, .request = on_request } };
	struct diag why = { 0 };

	s->b = b;
	addr_parse(i ? SPAN("192.0.2.2:5060") : SPAN("192.0.2.1:5060"), &s->me);
	s->sip = sip_new(&c);
	s->sink = sip_sink(s->sip);
	BUG_ON(sip_adopt(s->sip, b->conf, &why) != 0);
}

/* One call every 10 ms, for as long as it takes: the transactions of 32 seconds are there, too. */
static void bench_calls(unsigned calls)
{
	static struct bench b;
	struct conf_source src = { read_file, glob_none, NULL };
	struct diag why = { 0 };
	uint64_t from;
	double t;

	rng_seed(&b.clock.rng, (const uint8_t[32]){ 1 });
	b.conf = conf_load(&src, &why);
	BUG_ON(!b.conf);
	open_side(&b, 0);
	open_side(&b, 1);
	from = allocations;
	t = cpu_ns();
	for (unsigned i = 0; i < calls; i++) {
		struct sip_ask a = { .method = SIP_INVITE,
				     .uri = SPAN("sip:100@192.0.2.2"),
				     .from_user = SPAN("alice"),
				     .build = build,
				     .answer = on_answer,
				     .arg = &b.side[0] };

		sip_ask(b.side[0].sip, &a);
		b.clock.now += 10;
		for (int k = 0; k < 3; k++) { /* the INVITE, the BYE, and what waits for the loop */
			timers_run(&b.clock.timers, b.clock.now);
			deliver(&b);
		}
	}
	t = cpu_ns() - t;
	BUG_ON(b.ended != calls);
	print("a call, both ends", t / calls, (double)(allocations - from) / calls, (double)b.messages / calls);
	sip_free(b.side[0].sip);
	sip_free(b.side[1].sip);
	timers_free(&b.clock.timers);
	conf_unref(b.conf);
}

int main(int argc, char **argv)
{
	uint32_t calls = 20000;

	if (argc > 1 && (!span_u32(span_of(argv[1]), 10000000, &calls) || !calls))
		return 2;
	bench_parse();
	bench_calls(calls);
	return 0;
}
