/* ctl/core.c: commands about the server itself and its channels. */
#include <string.h>

#include "base/trace.h"
#include "ctl/priv.h"

/* ---- version, uptime, counters ---- */

static void show_version(struct call *c)
{
	rows_say(c->rows, "hairpin " HAIRPIN_VERSION);
}

/* "1 day, 2 hours, 3 seconds" */
static void out_duration(struct out *o, ms_t ms)
{
	static const struct {
		const char *name;
		ms_t s;
	} units[] = { { "week", 604800 }, { "day", 86400 }, { "hour", 3600 }, { "minute", 60 }, { "second", 1 } };
	ms_t s = ms / 1000;
	bool first = true;

	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		ms_t n = s / units[i].s;

		s %= units[i].s;
		if (!n && !(first && units[i].s == 1))
			continue;
		out_fmt(o, "%s%lld %s%s", first ? "" : ", ", (long long)n, units[i].name, n == 1 ? "" : "s");
		first = false;
	}
}

static void say_duration(struct call *c, const char *what, ms_t since)
{
	struct out o = out_growing();

	if (span_ieq(c->args, SPAN("seconds")))
		out_fmt(&o, "%lld", (long long)(io_clock(c->ctl->cfg.loop)->now - since) / 1000);
	else
		out_duration(&o, io_clock(c->ctl->cfg.loop)->now - since);
	rows_say(c->rows, "%s: %.*s", what, SP(out_look(&o)));
	out_free(&o);
}

static void show_uptime(struct call *c)
{
	say_duration(c, "System uptime", c->ctl->started);
	say_duration(c, "Last reload", c->ctl->reloaded);
}

static void show_counters(struct call *c)
{
	static const struct row_kind counter = { .name = "counter",
						 .columns = { { .name = "name" },
							      { .name = "value", .at = 32, .right = true },
							      { .name = "help", .at = 34 } } };

	for (int i = 0; i < CNT_COUNT; i++) {
		rows_add(c->rows, &counter);
		rows_put(c->rows, "%s", trace_counter_names[i]);
		rows_put(c->rows, "%llu", (unsigned long long)count_get((enum trace_counter)i));
		rows_put(c->rows, "%s", trace_counter_helps[i]);
	}
}

/* ---- channels ---- */

struct channels {
	struct rows *rows;
	const struct row_kind *kind;
	unsigned channels, calls;
};

static const struct row_kind plain_channel = {
	.name = "channel",
	.columns = { { .name = "channel" },
		     { .name = "location", .at = 21 },
		     { .name = "state", .at = 42 },
		     { .name = "application", .at = 50 } },
};

static const struct row_kind verbose_channel = {
	.name = "channel",
	.columns = { { .name = "channel" },
		     { .name = "context", .at = 21 },
		     { .name = "exten", .at = 42 },
		     { .name = "priority", .at = 59 },
		     { .name = "state", .at = 64 },
		     { .name = "application", .at = 72 },
		     { .name = "data", .at = 85 },
		     { .name = "callerid", .at = 111 },
		     { .name = "duration", .at = 127 },
		     { .name = "accountcode", .at = 136 },
		     { .name = "bridged", .at = 148 } },
};

static const struct row_kind concise_channel = {
	.name = "channel",
	.columns = { { .name = "channel" },
		     { .name = "context", .lead = "!" },
		     { .name = "exten", .lead = "!" },
		     { .name = "priority", .lead = "!" },
		     { .name = "state", .lead = "!" },
		     { .name = "application", .lead = "!" },
		     { .name = "data", .lead = "!" },
		     { .name = "callerid", .lead = "!" },
		     { .name = "accountcode", .lead = "!" },
		     { .name = "peeraccount", .lead = "!" },
		     { .name = "amaflags", .lead = "!" },
		     { .name = "duration", .lead = "!" },
		     { .name = "bridged", .lead = "!" },
		     { .name = "uniqueid", .lead = "!" } },
};

static const char *or_empty(const char *s)
{
	return s ? s : "";
}

static void count_channel(struct channels *n, const struct pbx_call_info *i)
{
	n->channels++;
	n->calls += i->incoming || !*or_empty(i->bridged); /* a bridged pair is one call */
}

static void put_plain(void *arg, const struct pbx_call_info *i)
{
	struct channels *n = arg;

	count_channel(n, i);
	rows_add(n->rows, &plain_channel);
	rows_put(n->rows, "%s", i->name);
	if (*or_empty(i->exten))
		rows_put(n->rows, "%s@%s:%d", i->exten, or_empty(i->context), i->prio);
	else
		rows_put(n->rows, "(None)");
	rows_put(n->rows, "%s", i->state);
	if (*or_empty(i->app))
		rows_put(n->rows, "%s(%s)", i->app, or_empty(i->data));
	else
		rows_put(n->rows, "(None)");
}

static void put_verbose(void *arg, const struct pbx_call_info *i)
{
	struct channels *n = arg;
	long s = (long)(i->age / 1000);

	count_channel(n, i);
	rows_add(n->rows, &verbose_channel);
	rows_put(n->rows, "%s", i->name);
	rows_put(n->rows, "%s", or_empty(i->context));
	rows_put(n->rows, "%s", or_empty(i->exten));
	rows_put(n->rows, "%d", i->prio);
	rows_put(n->rows, "%s", i->state);
	rows_put(n->rows, "%s", or_empty(i->app));
	rows_put(n->rows, "%s", or_empty(i->data));
	rows_put(n->rows, "%s", or_empty(i->caller_num));
	rows_put(n->rows, "%02ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
	rows_put(n->rows, "%s", or_empty(i->accountcode));
	rows_put(n->rows, "%s", or_empty(i->bridged));
}

static void put_concise(void *arg, const struct pbx_call_info *i)
{
	struct channels *n = arg;

	rows_add(n->rows, &concise_channel);
	rows_put(n->rows, "%s", i->name);
	rows_put(n->rows, "%s", or_empty(i->context));
	rows_put(n->rows, "%s", or_empty(i->exten));
	rows_put(n->rows, "%d", i->prio);
	rows_put(n->rows, "%s", i->state);
	rows_put(n->rows, "%s", or_empty(i->app));
	rows_put(n->rows, "%s", or_empty(i->data));
	rows_put(n->rows, "%s", or_empty(i->caller_num));
	rows_put(n->rows, "%s", or_empty(i->accountcode));
	rows_put(n->rows, "%s", "");
	rows_put(n->rows, "3");
	rows_put(n->rows, "%lld", (long long)(i->age / 1000));
	rows_put(n->rows, "%s", or_empty(i->bridged));
	rows_put(n->rows, "%s", i->name);
}

static void just_count(void *arg, const struct pbx_call_info *i)
{
	count_channel(arg, i);
}

static void show_channels(struct call *c)
{
	struct channels n = { .rows = c->rows };
	unsigned done = pbx_calls_processed(c->pbx);

	if (span_is(c->args, "concise")) {
		pbx_each_call(c->pbx, put_concise, &n);
		return;
	}
	if (span_is(c->args, "count")) {
		pbx_each_call(c->pbx, just_count, &n);
	} else if (span_is(c->args, "verbose")) {
		c->rows->head = "Channel              Context              Extension        Prio State   Application  "
				"Data                      CallerID        Duration Accountcode Bridged\n";
		pbx_each_call(c->pbx, put_verbose, &n);
	} else if (!c->args.n) {
		c->rows->head = "Channel              Location             State   Application(Data)             \n";
		pbx_each_call(c->pbx, put_plain, &n);
	} else {
		cmd_usage(c, "core show channels");
		return;
	}
	rows_say(c->rows, "%u active channel%s", n.channels, n.channels == 1 ? "" : "s");
	rows_say(c->rows, "%u active call%s", n.calls, n.calls == 1 ? "" : "s");
	rows_say(c->rows, "%u call%s processed", done, done == 1 ? "" : "s");
}

/* ---- one channel ---- */

struct one_channel {
	struct call *c;
	bool found;
};

static const struct row_kind channel_fact = {
	.name = "fact",
	.columns = { { .name = "name", .at = 16, .right = true }, { .name = "value", .lead = ": " } },
};

static void fact(struct call *c, const char *name, const char *value)
{
	rows_add(c->rows, &channel_fact);
	rows_put(c->rows, "%s", name);
	rows_put(c->rows, "%s", *or_empty(value) ? value : "(N/A)");
}

static void number_fact(struct call *c, const char *name, unsigned long long value)
{
	rows_add(c->rows, &channel_fact);
	rows_put(c->rows, "%s", name);
	rows_put(c->rows, "%llu", value);
}

static void address_fact(struct call *c, const char *name, const struct addr *a)
{
	char text[ADDR_STRLEN];

	fact(c, name, a->family ? addr_str(a, text) : NULL);
}

static void media_facts(struct call *c, const struct pbx_call_info *i)
{
	const struct media_stats *m = &i->media;

	rows_say(c->rows, " --  Audio  --");
	fact(c, "Codec", i->codec);
	address_fact(c, "Named in SDP", &m->sdp_addr);
	address_fact(c, "Heard from", &m->rx_source);
	address_fact(c, "Sent to", &m->tx_to);
	number_fact(c, "Received", m->rx_packets);
	number_fact(c, "Dropped", m->rx_dropped);
	number_fact(c, "Sent", m->tx_packets);
	fact(c, "Relayed in", m->fast ? "the kernel" : "user space");
	number_fact(c, "Kernel packets", m->fast_packets);
}

static void put_verdict(void *arg, const struct pbx_why_info *i)
{
	struct call *c = arg;

	rows_say(c->rows, " -- Verdict --");
	if (!i->n)
		fact(c, "Call", why_name(i->why));
	for (size_t k = 0; k < i->n; k++) {
		fact(c, finding_rows[i->findings[k].code].code, i->findings[k].evidence);
		fact(c, "Set", i->findings[k].text);
	}
}

static void put_one_channel(void *arg, const struct pbx_call_info *i)
{
	struct one_channel *one = arg;
	struct call *c = one->c;
	struct out age = out_growing();

	if (!span_is(c->args, i->name))
		return;
	one->found = true;
	out_duration(&age, i->age);
	rows_say(c->rows, " -- General --");
	fact(c, "Name", i->name);
	fact(c, "Direction", i->incoming ? "from the peer" : "to the peer");
	fact(c, "Endpoint", i->endpoint->o.name);
	fact(c, "Caller ID", i->caller_num);
	fact(c, "Caller ID Name", i->caller_name);
	fact(c, "State", i->state);
	rows_add(c->rows, &channel_fact);
	rows_put(c->rows, "Elapsed Time");
	rows_put(c->rows, "%.*s", SP(out_look(&age)));
	address_fact(c, "SIP peer", &i->peer);
	fact(c, "Bridged with", i->bridged);
	rows_say(c->rows, " --   PBX   --");
	fact(c, "Context", i->context);
	fact(c, "Extension", i->exten);
	number_fact(c, "Priority", (unsigned long long)i->prio);
	fact(c, "Application", i->app);
	fact(c, "Data", i->data);
	if (i->has_media)
		media_facts(c, i);
	pbx_why(c->pbx, span_of(i->name), put_verdict, c);
	out_free(&age);
}

static void show_channel(struct call *c)
{
	struct one_channel one = { .c = c };

	if (!c->args.n) {
		cmd_usage(c, "core show channel");
		return;
	}
	pbx_each_call(c->pbx, put_one_channel, &one);
	if (!one.found)
		cmd_fail(c, "%.*s is not a known channel", SP(c->args));
}

static void hangup(struct call *c)
{
	unsigned n;

	if (!c->args.n) {
		cmd_usage(c, "channel request hangup");
		return;
	}
	n = pbx_hangup(c->pbx, c->args);
	if (span_is(c->args, "all"))
		rows_say(c->rows, "Requested Hangup on %u channel%s", n, n == 1 ? "" : "s");
	else if (n)
		rows_say(c->rows, "Requested Hangup on channel '%.*s'", SP(c->args));
	else
		cmd_fail(c, "%.*s is not a known channel", SP(c->args));
}

/* ---- verbosity ---- */

static void set_level(struct call *c, const char *what, int *level)
{
	int was = *level;
	long n;

	if (span_is(c->args, "off"))
		n = 0;
	else if (!span_int(c->args, &n) || n < 0 || n > 1000) {
		cmd_usage(c, what);
		return;
	}
	*level = (int)n;
	logger_level(c->ctl);
	rows_say(c->rows, "Console %s was %d and is now %d.", what + strlen("core set "), was, *level);
}

static void set_verbose(struct call *c)
{
	set_level(c, "core set verbose", &c->ctl->verbose);
}

static void set_debug(struct call *c)
{
	set_level(c, "core set debug", &c->ctl->debug);
}

/* ---- stop, restart, reload ---- */

/* "core stop|restart now|gracefully|when convenient" */
static void stop(struct call *c)
{
	static const struct {
		const char *word, *says;
	} hows[] = {
		[STOP_CONVENIENT] = { " convenient", "when no call goes on; calls are taken until then." },
		[STOP_GRACEFULLY] = { " gracefully", "when the last call has ended; no new calls are taken." },
		[STOP_NOW] = { " now", "now." },
	};
	bool restart = strncmp(c->cmd->words, "core restart", 12) == 0;
	enum ctl_stop how = STOP_CONVENIENT;

	while (!strstr(c->cmd->words, hows[how].word))
		how++;
	if (c->ctl->cfg.stop(c->ctl->cfg.arg, how, restart))
		rows_say(c->rows, "%s %s", restart ? "Restarting" : "Stopping", hows[how].says);
	else
		cmd_fail(c, "A shutdown or restart that is as urgent is in progress already.");
}

static void abort_shutdown(struct call *c)
{
	if (c->ctl->cfg.abort_stop(c->ctl->cfg.arg))
		rows_say(c->rows, "The shutdown is cancelled; calls are taken.");
	else
		cmd_fail(c, "No shutdown waits for calls to end.");
}

static void reload(struct call *c)
{
	c->status = CTL_RELOAD;
}

static void help(struct call *c)
{
	cmd_help(c);
}

const struct cmd core_cmds[] = {
	{ "core show channels", "[concise|verbose|count]", "Channels that exist, and how many calls they make.",
	  show_channels },
	{ "core show channel", "CHANNEL",
	  "One channel: who, where in the dialplan, its audio, and what is wrong with it.", show_channel },
	{ "core show version", NULL, "The version of hairpin.", show_version },
	{ "core show uptime", "[seconds]", "How long the server has been up, and since when the configuration holds.",
	  show_uptime },
	{ "core show counters", NULL, "What was counted since the start.", show_counters },
	{ "core show help", "[COMMAND]", "The commands, or how one is used.", help },
	{ "help", "[COMMAND]", "The commands, or how one is used.", help },
	{ "core set verbose", "LEVEL|off", "Shows or hides what happens to calls and phones.", set_verbose },
	{ "core set debug", "LEVEL|off", "Shows or hides details for the developers.", set_debug },
	{ "core stop now", NULL, "Ends all calls and the server.", stop },
	{ "core stop gracefully", NULL, "Takes no more calls; ends the server after the last one.", stop },
	{ "core stop when convenient", NULL, "Ends the server as soon as no call goes on.", stop },
	{ "core restart now", NULL, "Ends all calls and starts the server again.", stop },
	{ "core restart gracefully", NULL, "Takes no more calls; starts again after the last one.", stop },
	{ "core restart when convenient", NULL, "Starts again as soon as no call goes on.", stop },
	{ "core abort shutdown", NULL, "Cancels a shutdown or restart that waits for calls to end.", abort_shutdown },
	{ "core reload", NULL, "Reads the configuration again.", reload },
	{ "module reload", "[MODULE]", "Reads the configuration again; there are no modules.", reload },
	{ "reload", NULL, "Reads the configuration again.", reload },
	{ "pjsip reload", NULL, "Reads the configuration again.", reload },
	{ "dialplan reload", NULL, "Reads the configuration again.", reload },
	{ "moh reload", NULL, "Reads the configuration again.", reload },
	{ "channel request hangup", "CHANNEL|all", "Ends a channel, or all.", hangup },
	{ 0 },
};
