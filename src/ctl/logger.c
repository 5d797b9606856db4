/*
 * ctl/logger.c: what the console shows without being asked: SIP messages as they are on the wire, lines of the RTP
 * debugger, events. It goes to stderr and to every console that watches.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/trace.h"
#include "ctl/priv.h"

#define LOG_DELAY   10 /* ms */
#define LOG_ROOM    (64u << 10)
#define PCAP_MOST   1000000000
#define WATCHER_MAX (256u << 10) /* a console that reads too slowly misses lines beyond this */

struct watcher {
	struct list link;
	struct io_console *console;
};

/* Lines of one moment are written together: a busy server says much. */
static void flush(struct timer *t, ms_t now UNUSED)
{
	struct ctl *c = container_of(t, struct ctl, log_timer);

	if (c->log.n)
		fwrite(c->log.p, 1, c->log.n, stderr);
	c->log.n = 0;
}

static void to_stderr(struct ctl *c, struct span line)
{
	out_span(&c->log, line);
	if (!timer_runs(&c->log_timer))
		clock_in(io_clock(c->cfg.loop), &c->log_timer, LOG_DELAY);
	if (c->log.n > LOG_ROOM)
		flush(&c->log_timer, 0);
}

void ctl_log(struct ctl *c, const char *text)
{
	struct out o = out_growing();

	out_str(&o, text);
	out_char(&o, '\n');
	if (!c->cfg.quiet)
		to_stderr(c, out_look(&o));
	list_for(n, &c->watchers) {
		struct watcher *w = list_entry(n, struct watcher, link);

		if (io_console_waiting(w->console) < WATCHER_MAX)
			io_console_send(w->console, 'l', out_look(&o));
	}
	out_free(&o);
}

/* "[2026-08-05 10:11:12.345] "; the calendar is asked once a second. */
static void out_stamp(struct ctl *c, struct out *o, int64_t wall)
{
	time_t s = (time_t)(wall / 1000);
	struct tm tm;

	if (s != c->stamp_second) {
		localtime_r(&s, &tm);
		strftime(c->stamp, sizeof c->stamp, "%Y-%m-%d %H:%M:%S", &tm);
		c->stamp_second = s;
	}
	out_fmt(o, "[%s.%03d] ", c->stamp, (int)(wall % 1000));
}

void ctl_wire(void *ctl, const struct flow *f, bool sent, struct span bytes)
{
	struct ctl *c = ctl;
	struct out o;
	char *text;

	if (!c->logger.on && !c->logger.pcap)
		return;
	if (c->logger.host.family && !addr_ip_eq(&c->logger.host, &f->peer))
		return;
	if (c->logger.pcap)
		pcap_put(c->logger.pcap, sent ? &f->local : &f->peer, sent ? &f->peer : &f->local, bytes);
	if (!c->logger.on || c->logger.silent)
		return;
	o = out_growing();
	out_stamp(c, &o, clock_wall(io_clock(c->cfg.loop)));
	out_fmt(&o, "<--- %s SIP %s (%zu bytes) %s %s:", sent ? "Transmitting" : "Received",
		span_starts(bytes, SPAN("SIP/2.0")) ? "response" : "request", bytes.n, sent ? "to" : "from",
		f->proto == NET_UDP ? "UDP" : "TCP");
	addr_out(&o, &f->peer);
	out_str(&o, " --->\n");
	out_shown(&o, bytes);
	text = out_take(&o);
	ctl_log(c, text);
	free(text);
}

void ctl_packet(void *ctl, const struct addr *from, const struct addr *to, struct span bytes)
{
	const struct ctl *c = ctl;
	const struct addr *only = &c->logger.host;

	if (c->logger.pcap && (!only->family || addr_ip_eq(only, from) || addr_ip_eq(only, to)))
		pcap_put(c->logger.pcap, from, to, bytes);
}

void ctl_rtp(void *ctl, const char *line)
{
	struct ctl *c = ctl;
	struct out o = out_growing();
	char *text;

	out_stamp(c, &o, clock_wall(io_clock(c->cfg.loop)));
	out_str(&o, line);
	text = out_take(&o);
	ctl_log(c, text);
	free(text);
}

static void set_verbose(struct call *c, struct span value)
{
	struct logger *l = &c->ctl->logger;

	if (!span_is(value, "on") && !span_is(value, "off")) {
		cmd_usage(c, "pjsip set logger");
		return;
	}
	l->silent = span_is(value, "off");
	rows_say(c->rows, "PJSIP Logging to verbose has been %s", l->silent ? "disabled" : "enabled");
}

static void end_pcap(struct ctl *c)
{
	struct logger *l = &c->logger;

	if (l->pcap_rtp && c->pbx)
		pbx_rtp_capture(c->pbx, false);
	l->pcap_rtp = false;
	if (l->pcap)
		l->pcap_err = pcap_close(&l->pcap);
}

static void pcap_ended(void *arg)
{
	end_pcap(arg);
}

/* "FILE [rtp]" */
static void set_pcap(struct call *c, struct span rest)
{
	struct logger *l = &c->ctl->logger;
	struct pcap_ask ask = {
		.clock = io_clock(c->ctl->cfg.loop), .most = PCAP_MOST, .ended = pcap_ended, .arg = c->ctl
	};
	struct span path = SPAN_NONE;
	char *name;

	span_word(&rest, &path);
	rest = span_trim(rest);
	if (!path.n || (rest.n && !span_is(rest, "rtp"))) {
		cmd_usage(c, "pjsip set logger");
		return;
	}
	end_pcap(c->ctl);
	l->pcap_err = 0;
	ask.path = name = span_dup(path);
	l->pcap = pcap_open(&ask);
	if (!l->pcap)
		cmd_fail(c, "Cannot write '%s': %s", name, strerror(errno));
	else
		rows_say(c->rows, "PJSIP logging to pcap file '%s'%s", name, rest.n ? ", with RTP" : "");
	l->pcap_rtp = l->pcap && rest.n;
	if (l->pcap_rtp)
		pbx_rtp_capture(c->pbx, true);
	free(name);
}

void logger_set(struct call *c)
{
	struct logger *l = &c->ctl->logger;
	struct span rest = c->args, word = SPAN_NONE;
	struct addr host;

	span_word(&rest, &word);
	rest = span_trim(rest);
	if (span_is(word, "verbose")) {
		set_verbose(c, rest);
	} else if (span_is(word, "pcap")) {
		set_pcap(c, rest);
	} else if (span_is(word, "on")) {
		l->on = true;
		l->silent = false;
		l->host = (struct addr){ 0 };
		rows_say(c->rows, "PJSIP Logging enabled");
	} else if (span_is(word, "off")) {
		l->on = false;
		l->host = (struct addr){ 0 };
		end_pcap(c->ctl);
		if (l->pcap_err)
			rows_say(c->rows, "The capture is not whole: %s", strerror(-l->pcap_err));
		l->pcap_err = 0;
		rows_say(c->rows, "PJSIP Logging disabled");
	} else if ((span_is(word, "host") || span_is(word, "add")) && addr_parse(rest, &host)) {
		l->on = true;
		l->silent = false;
		l->host = host;
		rows_say(c->rows, "PJSIP Logging Enabled for host: %.*s", SP(rest));
	} else {
		cmd_usage(c, "pjsip set logger");
	}
}

/* ---- events ---- */

static void on_event(void *arg, const struct trace_record *r)
{
	static const char *const levels[] = { [LV_ERROR] = "ERROR",
					      [LV_WARNING] = "WARNING",
					      [LV_NOTICE] = "NOTICE",
					      [LV_VERBOSE] = "VERBOSE",
					      [LV_DEBUG] = "DEBUG" };
	const struct trace_desc *d = &trace_descs[r->id];
	struct out o = out_growing();
	char *line;

	out_stamp(arg, &o, r->wall);
	out_fmt(&o, "%s %s:%s%s %s", levels[d->level], d->name, *r->call ? " " : "", r->call, r->text);
	line = out_take(&o);
	for (char *p = line; *p; p++)
		if ((unsigned char)*p < 32 || *p == 127)
			*p = ' ';
	ctl_log(arg, line);
	free(line);
}

/* "core set verbose" and "core set debug", or the letters v and d of the command line. */
static enum trace_level wanted(const struct ctl *c)
{
	return c->debug ? LV_DEBUG : c->verbose ? LV_VERBOSE : LV_NOTICE;
}

void logger_level(struct ctl *c)
{
	trace_set_verbosity(MAX(wanted(c), LV_VERBOSE)); /* what explains a call is always recorded */
	trace_listen_level(c->listener, wanted(c));
}

void logger_begin(struct ctl *c)
{
	list_init(&c->watchers);
	c->log = out_growing();
	c->log_timer.fire = flush;
	c->listener = trace_listen(wanted(c), on_event, c);
}

void logger_end(struct ctl *c)
{
	pcap_close(&c->logger.pcap);
	trace_unlisten(c->listener);
	flush(&c->log_timer, 0);
	clock_stop(io_clock(c->cfg.loop), &c->log_timer);
	out_free(&c->log);
	list_for_safe(n, &c->watchers)
		free(list_entry(n, struct watcher, link));
}

void logger_watch(struct ctl *c, struct io_console *console)
{
	struct watcher *w = xcalloc(1, sizeof *w);

	w->console = console;
	list_push(&c->watchers, &w->link);
}

void logger_unwatch(struct ctl *c, struct io_console *console)
{
	list_for_safe(n, &c->watchers) {
		struct watcher *w = list_entry(n, struct watcher, link);

		if (w->console != console)
			continue;
		list_del(&w->link);
		free(w);
	}
}
