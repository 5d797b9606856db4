/*
 * ctl/probe.c: `hairpin probe`: the command line of probe/, on sockets. The key comes from --key or, where others may
 * see the command line, from the environment: HAIRPIN_PROBE_KEY.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/ctl.h"
#include "probe/probe.h"

#define DEFAULT_PORT 5060 /* where an ALG looks */
#define KEY_LEN      20
#define RTP_SAMPLES  8

struct ctl_probe {
	struct clock clock;
	struct io_loop *loop;
	struct net net;
	const char *conf, *key, *host;
	bool listen;
	uint16_t port;
	uint16_t sip[4], rtp[RTP_SAMPLES];
	size_t n_sip, n_rtp;
	struct probe_listener *listener;
	struct probe *probe;
	int status;
};

static const char usage[] = "hairpin probe --listen [PORT] [--key KEY]      on another machine, outside\n"
			    "hairpin probe HOST[:PORT] --key KEY [--conf DIR]   here\n";

static int wrong(const char *what, const char *word)
{
	fprintf(stderr, "hairpin probe: %s %s\n%s", what, word, usage);
	return 2;
}

static void on_signal(void *arg, int signo UNUSED)
{
	struct ctl_probe *p = arg;

	io_stop(p->loop);
}

/* ---- outside ---- */

static void print_line(void *arg UNUSED, const char *line)
{
	printf("%s\n", line);
	fflush(stdout);
}

static int listen_outside(struct ctl_probe *p)
{
	char made[KEY_LEN + 1];
	struct probe_listen c = {
		.clock = &p->clock, .net = p->net, .bind = { .family = 4, .port = p->port }, .say = print_line
	};
	struct net_sink sink;
	int err;

	rng_token(&p->clock.rng, made, KEY_LEN);
	c.key = span_of(p->key ? p->key : made);
	err = probe_listener_new(&c, &p->listener);
	if (err < 0) {
		fprintf(stderr, "hairpin probe: port %u: %s\n", p->port, strerror(-err));
		return 2;
	}
	sink = probe_listener_sink(p->listener);
	io_set_sink(p->loop, &sink);
	printf("Waiting on UDP port %u. On the server: hairpin probe ADDRESS-OF-THIS-MACHINE:%u --key %s\n", p->port,
	       p->port, p->key ? "KEY" : made);
	fflush(stdout);
	io_run(p->loop);
	return 0;
}

/* ---- on the server ---- */

static void on_done(void *arg, const struct probe_report *r)
{
	struct ctl_probe *p = arg;
	struct out o = out_growing();

	p->status = probe_report_out(r, &o);
	fwrite(o.p, 1, o.n, stdout);
	out_free(&o);
	io_stop(p->loop);
}

static void begin(struct ctl_probe *p, const struct addr *server)
{
	struct probe_ask a = { .clock = &p->clock,
			       .net = p->net,
			       .server = *server,
			       .here = p->net.source(p->net.arg, 0, server),
			       .key = span_of(p->key),
			       .sip_ports = p->sip,
			       .n_sip = p->n_sip,
			       .rtp_ports = p->rtp,
			       .n_rtp = p->n_rtp,
			       .done = on_done,
			       .arg = p };
	struct net_sink sink;

	p->probe = probe_new(&a);
	if (!p->probe) {
		fprintf(stderr, "hairpin probe: no socket can be opened\n");
		p->status = 2;
		io_stop(p->loop);
		return;
	}
	sink = probe_sink(p->probe);
	io_set_sink(p->loop, &sink);
}

static void on_resolved(void *arg, uint64_t query UNUSED, const struct dns_record *rs, size_t n, int err UNUSED)
{
	struct ctl_probe *p = arg;
	struct addr server;

	if (!n) {
		fprintf(stderr, "hairpin probe: %s: no address is known\n", p->host);
		p->status = 2;
		io_stop(p->loop);
		return;
	}
	server = addr_with_port(&rs[0].addr, p->port);
	begin(p, &server);
}

/* The UDP ports of the transports; of the range both ends and some in between. */
static bool take_ports(struct ctl_probe *p)
{
	struct conf_source source = conf_source_dir(&p->conf);
	struct diag why = { 0 };
	struct conf *c = conf_load(&source, &why);
	uint32_t first, last;

	if (!c) {
		struct out o = out_growing();

		ctl_out_diag(&o, &why);
		fwrite(o.p, 1, o.n, stderr);
		out_free(&o);
	}
	diag_free(&why);
	if (!c)
		return false;
	for (size_t i = 0; i < c->n_transports && p->n_sip < ARRAY_LEN(p->sip); i++)
		if (c->transports[i].protocol == PROTO_UDP && c->transports[i].bind.family == 4)
			p->sip[p->n_sip++] = c->transports[i].bind.port;
	first = c->rtp.rtpstart;
	last = (c->rtp.rtpend - 1) & ~1u;
	for (; p->n_rtp < RTP_SAMPLES; p->n_rtp++)
		p->rtp[p->n_rtp] = (uint16_t)(first + ((last - first) * p->n_rtp / (RTP_SAMPLES - 1) & ~1u));
	conf_unref(c);
	return true;
}

static int ask_outside(struct ctl_probe *p)
{
	struct net_sink resolve = { .arg = p, .resolved = on_resolved };
	struct addr server;

	if (!p->key)
		return wrong("the key that", "`hairpin probe --listen` shows is needed: --key KEY");
	if (!take_ports(p))
		return wrong("no configuration that can be read in", p->conf);
	if (addr_parse_ip(span_of(p->host), &server)) {
		server.port = p->port;
		begin(p, &server);
	} else {
		io_set_sink(p->loop, &resolve);
		p->net.resolve(p->net.arg, 1, p->host, DNS_A);
	}
	io_run(p->loop);
	return p->status;
}

/* ---- the command line ---- */

/* "host" or "host:port": the host becomes its own text. */
static bool take_host(struct ctl_probe *p, char *word)
{
	char *colon = strrchr(word, ':');
	uint32_t port;

	p->host = word;
	if (!colon || strchr(word, ':') != colon)
		return true;
	if (!span_u32(span_of(colon + 1), 65535, &port) || !port)
		return false;
	*colon = '\0';
	p->port = (uint16_t)port;
	return true;
}

static int take_words(struct ctl_probe *p, char **words)
{
	uint32_t port;

	for (; *words; words++) {
		const char **value = strcmp(*words, "--key") == 0    ? &p->key
				     : strcmp(*words, "--conf") == 0 ? &p->conf
								     : NULL;

		if (value && !words[1])
			return wrong("nothing after", *words);
		if (value) {
			*value = *++words;
		} else if (strcmp(*words, "--listen") == 0) {
			p->listen = true;
			if (words[1] && span_u32(span_of(words[1]), 65535, &port) && port) {
				p->port = (uint16_t)port;
				words++;
			}
		} else if (**words == '-' || p->host || !take_host(p, *words)) {
			return wrong("unknown argument", *words);
		}
	}
	return p->listen == !p->host ? 0 : wrong("either --listen", "or a host");
}

int ctl_probe(char **words, const char *conf)
{
	struct ctl_probe p = { .conf = conf, .key = getenv("HAIRPIN_PROBE_KEY"), .port = DEFAULT_PORT };
	int status = take_words(&p, words);

	if (status)
		return status;
	p.loop = io_new(&p.clock);
	p.net = io_net(p.loop);
	io_signals(p.loop, on_signal, &p);
	status = p.listen ? listen_outside(&p) : ask_outside(&p);
	io_set_sink(p.loop, NULL);
	probe_free(&p.probe);
	probe_listener_free(&p.listener);
	io_free(&p.loop);
	return status;
}
