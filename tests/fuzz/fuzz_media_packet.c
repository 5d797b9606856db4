/*
 * tests/fuzz/fuzz_media_packet.c: any bytes as packets to two joined legs in the simulator. The input is a list of
 * records: one byte of what to do, one byte of length, then the packet itself.
 */
#include <stdlib.h>

#include "base/rng.h"
#include "media/media.h"
#include "media/rtcp.h"
#include "media/rtp.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

struct world {
	struct media *m;
	struct rng rng;
	struct media_leg *a, *b;
	uint32_t socks;
	ms_t now;
};

static int sim_open(void *arg, const struct addr *bind, uint32_t *sock)
{
	struct world *w = arg;

	(void)bind;
	*sock = ++w->socks;
	return 0;
}

static void sim_close(void *arg, uint32_t sock)
{
	(void)arg;
	(void)sock;
}

static void sim_send(void *arg, uint32_t sock, const struct addr *to, struct span bytes)
{
	const struct world *w = arg;
	struct rtcp_in in;
	struct rtp r;

	BUG_ON(!sock || sock > w->socks || !to->family);
	BUG_ON(!rtp_parse(bytes, &r) && !rtcp_parse(bytes, 0, &in));
}

static struct media_leg *leg_open(struct world *w, const char *remote, bool mux, enum codec c)
{
	struct media_open ask = { .rtcp_mux = mux };
	struct media_plan p = { .new_sdp = true,
				.rtcp_mux = mux,
				.send = true,
				.recv = true,
				.n_formats = 2,
				.formats = { { c, 0 }, { CODEC_G729, 18 } },
				.dtmf_pt = 101,
				.cn_pt = mux ? 13 : 0,
				.ptime = 20,
				.keepalive_ms = 1000,
				.timeout_ms = 5000,
				.latch = { mux ? STRICTRTP_NO : STRICTRTP_YES, 4, true, true, true } };
	struct media_leg *leg;

	addr_parse(SPAN("192.0.2.10"), &ask.bind);
	addr_parse(span_of(remote), &p.remote);
	leg = media_open(w->m, &ask);
	media_replan(leg, &p);
	return leg;
}

static void one(struct world *w, uint8_t what, struct span packet)
{
	static const char *const sources[] = { "192.0.2.20:4000", "203.0.113.1:5000", "192.0.2.20:4001",
					       "198.51.100.9:9" };
	struct media_play play = { .source = (enum media_source)(what >> 5), .freq1 = 440, .path = "/dev/null" };
	struct addr from;

	addr_parse(span_of(sources[what & 3]), &from);
	if (what & 16)
		media_play(what & 4 ? w->a : w->b, &play);
	else
		media_input(w->m, 1 + (what >> 2 & 3), &from, packet, w->now);
	w->now += what & 8 ? 20 : 3;
	media_tick(w->m, w->now);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const uint8_t seed[32] = { 9 };
	struct world w = { .now = 1000 };
	struct media_io io = { &w, sim_open, sim_close, sim_send };
	struct media_config c = { .io = &io, .rng = &w.rng };
	struct media_stats st;

	rng_seed(&w.rng, seed);
	c.rtp = (struct conf_rtp){ .rtpstart = 10000, .rtpend = 20000, .rtcpinterval = 500 };
	w.m = media_new(&c);
	w.a = leg_open(&w, "192.0.2.20:4000", false, CODEC_ULAW);
	w.b = leg_open(&w, "203.0.113.1:5000", true, CODEC_ALAW);
	media_join(w.a, w.b);
	while (n >= 2) {
		size_t len = p[1] < n - 2 ? p[1] : n - 2;

		one(&w, p[0], (struct span){ (const char *)p + 2, len });
		p += 2 + len;
		n -= 2 + len;
	}
	w.now += 10000;
	media_tick(w.m, w.now);
	media_stats(w.a, &st);
	media_close(&w.a);
	media_close(&w.b);
	media_free(w.m);
	return 0;
}
