/*
 * media/worker.c: one worker, with or without a thread around it. It owns its streams: commands from the signalling
 * side are applied between packets, notes go back up. There is no list of streams to walk: a packet names its stream,
 * and every other wish is a timer.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "media/priv.h"

#define NOTES_MAX 8192 /* waiting notes beyond which what repeats (packets, moves, digits) is not told any more */

void worker_init(struct worker *w, const struct media_io *io)
{
	*w = (struct worker){ .io = io, .send = worker_send };
	list_init(&w->open);
	ring_init(&w->in, sizeof(struct cmd));
	ring_init(&w->out, sizeof(struct note *));
	ring_init(&w->spare, sizeof(struct spare));
	list_init(&w->dead);
}

void worker_free(struct worker *w)
{
	worker_end_turn(w);
	BUG_ON(w->socks.n || timers_next(&w->timers) != MS_NEVER);
	ring_free(&w->in);
	ring_free(&w->out);
	ring_free(&w->spare);
	timers_free(&w->timers);
	table_free(&w->socks);
}

/* ---- notes ---- */

static void push_note(struct worker *w, struct note *n)
{
	ring_push(&w->out, n);
	w->told = true;
}

void note_free(struct note *n)
{
	free((char *)(uintptr_t)n->ev.packet.p);
	free(n);
}

void worker_event(struct stream *s, const struct media_event *ev, uint32_t serial)
{
	bool must = ev->kind == MEDIA_PLAYED || ev->kind == MEDIA_SILENT;
	struct note *n;

	if (!must && ring_depth(&s->w->out) > NOTES_MAX)
		return;
	n = xcalloc(1, sizeof *n);
	*n = (struct note){ .kind = NOTE_EVENT, .leg = s->leg, .serial = serial, .ev = *ev };
	n->ev.packet.p = ev->packet.n ? span_dup(ev->packet) : NULL; /* an empty datagram is one, too */
	push_note(s->w, n);
}

/* ---- streams come and go ---- */

static void fire(struct timer *t, ms_t now)
{
	struct stream *s = container_of(t, struct stream, timer);
	ms_t next = stream_tick(s, now);

	if (next != MS_NEVER)
		timer_set(&s->w->timers, t, next);
}

static void watch(struct worker *w, struct ports *p, bool on)
{
	if (p->watched == on)
		return;
	p->watched = on;
	if (p->rtp.open)
		w->watch(w, &p->rtp, on);
	if (p->rtcp.open)
		w->watch(w, &p->rtcp, on);
}

void worker_send(struct worker *w, struct sock *k, const struct addr *to, struct span bytes)
{
	w->io->send(w->io->arg, k->id, to, bytes);
}

static void close_ports(struct worker *w, struct ports *p)
{
	watch(w, p, false);
	if (w->leave && p->rtp.open)
		w->leave(w, &p->rtp);
	if (w->leave && p->rtcp.open)
		w->leave(w, &p->rtcp);
	ports_close(w->io, p);
	list_push(&w->dead, &p->link);
}

void worker_end_turn(struct worker *w)
{
	while (w->given) {
		struct note *n = w->given;

		w->given = n->next;
		push_note(w, n);
	}
	list_for_safe(n, &w->dead)
		free(list_entry(n, struct ports, link));
	list_init(&w->dead);
}

static void add(struct worker *w, struct stream *s, ms_t now)
{
	s->w = w;
	s->timer.fire = fire;
	if (!s->rtcp_at) {
		s->rtcp_at = now + s->rtcp_ms;
		s->st.opened = now;
		s->silent_from = now;
	}
	s->ports->stream = s;
	watch(w, s->ports, true);
	stream_touch(s, now);
}

static void take_out(struct worker *w, struct stream *s)
{
	stream_part(s);
	fast_drop(s);
	timer_stop(&w->timers, &s->timer);
	s->ports->stream = NULL;
	s->w = NULL;
}

/* A stream that was on its way from one worker to another has no worker: it only needs to be freed. */
static void drop(struct worker *w, struct stream *s, ms_t now)
{
	if (s->w) {
		fast_sync(s);
		report_bye(s, now);
		take_out(w, s);
	}
	if (s->ports->kind && s->ports->watched) {
		stream_end(s);
		ring_put(&w->spare, &(struct spare){ s->ports, s });
		return;
	}
	close_ports(w, s->ports);
	stream_free(s);
}

static void give(struct worker *w, struct stream *s)
{
	struct note *n = xcalloc(1, sizeof *n);

	take_out(w, s);
	watch(w, s->ports, false);
	*n = (struct note){ .next = w->given, .kind = NOTE_GIVEN, .leg = s->leg, .stream = s };
	w->given = n;
}

static void apply(struct worker *w, const struct cmd *c, ms_t now)
{
	switch (c->kind) {
	case CMD_ADD: add(w, c->stream, now); break;
	case CMD_DROP: drop(w, c->stream, now); break;
	case CMD_GIVE: give(w, c->stream); break;
	case CMD_PLAN: stream_plan(c->stream, &c->plan, now); break;
	case CMD_SECURE: stream_secure(c->stream, c->crypt); break;
	case CMD_JOIN: stream_join(c->stream, c->peer); break;
	case CMD_PART: stream_part(c->stream); break;
	case CMD_STUN: stream_ask(c->stream, c); break;
	case CMD_PLAY: stream_play(c->stream, c->source, now); break;
	case CMD_DEBUG:
		fast_stop_all(w); /* each packet is to be seen */
		w->debug = c->on;
		w->debug_ip = c->ip;
		break;
	case CMD_CAPTURE:
		fast_stop_all(w);
		w->capture = c->on;
		break;
	case CMD_TABLE: w->table = c->table; break;
	case CMD_SHARE:
		w->io = c->io;
		w->share(w, c->lane);
		break;
	case CMD_CLOSE: close_ports(w, c->ports); break;
	case CMD_STOP: w->stop = true; break;
	}
}

void worker_commands(struct worker *w, ms_t now)
{
	struct cmd c;

	while (ring_take(&w->in, &c))
		apply(w, &c, now);
}

/* ---- packets and time ---- */

void worker_packet(struct sock *k, const struct arrival *p, ms_t now)
{
	struct stream *s = k->ports->stream;

	if (s && s->w->capture)
		capture_packet(s, &p->from, &p->to, p->bytes);
	if (!s)
		atomic_store_explicit(&k->ports->stray, now, memory_order_relaxed);
	else if (stun_is_packet(p->bytes) && stream_answered(k, p))
		return;
	else if (k->is_rtcp || (s->plan.rtcp_mux && rtp_is_rtcp(p->bytes)))
		report_rtcp(s, &p->from, p->bytes, now);
	else
		stream_rtp(s, p, now);
}

void worker_icmp(struct sock *k, const struct addr *dest)
{
	struct stream *s = k->ports->stream;

	if (!s)
		return;
	s->st.icmp_errors++;
	s->st.icmp_dest = *dest;
}

static void flush_counters(struct worker *w)
{
	if (w->relayed)
		count_add(CNT_relay_packets, w->relayed);
	if (w->fast)
		count_add(CNT_relay_kernel_packets, w->fast);
	if (w->dropped)
		count_add(CNT_relay_dropped, w->dropped);
	if (w->rtcp_sent)
		count_add(CNT_rtcp_sent, w->rtcp_sent);
	w->relayed = w->fast = w->dropped = w->rtcp_sent = 0;
}

void worker_timers(struct worker *w, ms_t now)
{
	while (timers_next(&w->timers) <= now)
		timers_run(&w->timers, now);
	flush_counters(w);
	worker_end_turn(w);
}

ms_t worker_next(struct worker *w)
{
	return timers_next(&w->timers);
}
