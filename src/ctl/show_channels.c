/* ctl/show_channels.c: "pjsip show channels", "pjsip show channelstats". */
#include <string.h>

#include "ctl/priv.h"

static const struct row_kind exten_row = {
	.name = "exten",
	.label = "        Exten:  ",
	.columns = { { .name = "exten" }, { .name = "caller", .lead = "CLCID: ", .at = 40 } },
};

void show_put_channel(struct call *c, const struct row_kind *kind, const struct pbx_call_info *i)
{
	long s = (long)(i->age / 1000);

	rows_add(c->rows, kind);
	if (i->app && *i->app)
		rows_put(c->rows, "%s/%s", i->name, i->app);
	else
		rows_put(c->rows, "%s", i->name);
	rows_put(c->rows, "%s", i->state);
	rows_put(c->rows, "%02ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
	rows_add(c->rows, &exten_row);
	rows_put(c->rows, "%s", i->exten ? i->exten : "");
	rows_put(c->rows, "\"%s\" <%s>", i->caller_name ? i->caller_name : "", i->caller_num ? i->caller_num : "");
}

static void each_channel(void *arg, const struct pbx_call_info *i)
{
	static const struct row_kind row = {
		.name = "channel",
		.label = "  Channel:  ",
		.columns = { { .name = "channel" }, { .name = "state", .at = 65 }, { .name = "time", .at = 79 } },
	};
	struct walk *w = arg;

	if (!walk_wants(w, i->name))
		return;
	w->c->rows->gap = !w->list;
	show_put_channel(w->c, &row, i);
}

static void show_channels(struct call *c)
{
	struct walk w;

	if (!walk_begin(&w, c))
		return;
	c->rows->head = "\n  Channel:  <ChannelId........................................>  <State.....>  <Time.....>\n"
			"        Exten: <DialedExten...........>  CLCID: <ConnectedLineCID.......>\n" LINE;
	pbx_each_call(c->pbx, each_channel, &w);
	walk_end(&w);
}

/* Percent of `lost` in all packets that should have come. */
static unsigned percent(uint64_t lost, uint64_t got)
{
	return lost + got ? (unsigned)(lost * 100 / (lost + got)) : 0;
}

static void each_stats(void *arg, const struct pbx_call_info *i)
{
	static const struct row_kind row = {
		.name = "channelstats",
		.columns = { { .name = "bridge", .lead = " " },
			     { .name = "channel", .at = 10 },
			     { .name = "up", .at = 29 },
			     { .name = "codec", .at = 38 },
			     { .name = "rx_count", .at = 52, .right = true },
			     { .name = "rx_lost", .at = 60, .right = true },
			     { .name = "rx_percent", .at = 64, .right = true },
			     { .name = "rx_jitter", .at = 72, .right = true },
			     { .name = "tx_count", .at = 80, .right = true },
			     { .name = "tx_lost", .at = 88, .right = true },
			     { .name = "tx_percent", .at = 92, .right = true },
			     { .name = "tx_jitter", .at = 100, .right = true },
			     { .name = "rtt", .at = 108, .right = true },
			     { .name = "srtp", .at = 117 } },
	};
	const struct media_stats *s = &i->media;
	struct walk *w = arg;
	struct rows *r = w->c->rows;
	long up = (long)(i->age / 1000);

	if (!i->has_media || !walk_wants(w, i->name))
		return;
	rows_add(r, &row);
	rows_put(r, "%s", i->bridged && *i->bridged ? "bridged" : "-");
	rows_put(r, "%s", strncmp(i->name, "PJSIP/", 6) == 0 ? i->name + 6 : i->name);
	rows_put(r, "%02ld:%02ld:%02ld", up / 3600, up / 60 % 60, up % 60);
	rows_put(r, "%s", i->codec);
	rows_put(r, "%llu", (unsigned long long)s->rx_packets);
	rows_put(r, "%u", s->rx_lost);
	rows_put(r, "%u", percent(s->rx_lost, s->rx_packets));
	rows_put(r, "%.3f", s->rx_jitter_us / 1e6);
	rows_put(r, "%llu", (unsigned long long)s->tx_packets);
	rows_put(r, "%u", s->rr_lost);
	rows_put(r, "%u", percent(s->rr_lost, s->tx_packets));
	rows_put(r, "%.3f", s->rr_jitter_us / 1e6);
	rows_put(r, "%.3f", s->rtt_us / 1e6);
	if (s->encrypted)
		rows_put(r, "SRTP, refused: %u", s->srtp_failures + s->srtp_replays);
}

static void show_channelstats(struct call *c)
{
	struct walk w;

	if (!walk_begin(&w, c))
		return;
	c->rows->head = "\n                                             ...........Receive......... "
			".........Transmit..........\n"
			" BridgeId ChannelId ........ UpTime.. Codec.   Count    Lost Pct  Jitter   Count    Lost Pct  "
			"Jitter RTT....\n"
			" ============================================================================================"
			"===============\n\n";
	pbx_each_call(c->pbx, each_stats, &w);
	walk_end(&w);
}

const struct cmd pjsip_channel_cmds[] = {
	{ "pjsip show channels", LIKE, "Channels that exist.", show_channels },
	{ "pjsip show channelstats", LIKE, "Packets, losses and delays of each channel.", show_channelstats },
	{ "pjsip list channels", LIKE, "Channels that exist, a line each.", show_channels },
	{ 0 },
};
