/*
 * media/legs.c: legs, as the signalling side has them. A leg is a handle: its stream belongs to a worker and is only
 * named in commands. Nothing here waits. Two legs that are joined must be served by one worker; when they are not, the
 * younger moves: GIVE goes to its old worker, the stream comes back as a note, ADD takes it to the new one. What is
 * asked of a leg in between is kept with the leg and sent after ADD.
 */
#include <stdlib.h>
#include <string.h>

#include "media/side.h"

#define MAPPED_MS 20000 /* routers forget UDP after 30 s at the earliest */

static void tell_worker(const struct media_leg *leg, enum cmd_kind kind)
{
	side_send(leg->m, leg->worker, &(struct cmd){ .kind = kind, .stream = leg->stream });
}

static void set_tos(struct media *m, struct ports *p, uint8_t tos)
{
	if (p->tos == tos)
		return;
	p->tos = tos;
	p->priority = p->bare ? shared_priority(m->shared, &p->local, tos) : udp_tos(p->rtp.id, &p->local, tos);
	if (p->rtcp.open && !p->bare)
		udp_tos(p->rtcp.id, &p->local, tos);
}

static struct stream *stream_new(struct media *m, const struct media_open *ask, uint32_t id, unsigned worker)
{
	struct latch_conf closed = { .strict = STRICTRTP_YES };
	struct ports_ask want = { .bind = ask->bind,
				  .start = ask->port_start,
				  .end = ask->port_end,
				  .mux = ask->rtcp_mux,
				  .most = m->most_pairs,
				  .bare = m->shared != NULL };
	struct ports *ports;
	struct stream *s;

	if (!want.start || !want.end) {
		want.start = (uint16_t)m->rtp.rtpstart;
		want.end = (uint16_t)m->rtp.rtpend;
	}
	ports = rest_ports(m, &want, worker);
	if (!ports)
		return NULL;
	if (m->udp)
		set_tos(m, ports, ask->tos);
	s = &rest_block(m)->stream;
	s->ports = ports;
	s->leg = id;
	s->rtcp_ms = m->rtp.rtcpinterval;
	s->tx.ssrc = rng_u32(m->c.rng);
	s->tx.seq = (uint16_t)rng_below(m->c.rng, 32768); /* room before it wraps, as RFC 3711 likes it */
	s->tx.ts = rng_u32(m->c.rng);
	s->st.rx_codec = s->st.tx_codec = CODEC_NONE;
	for (size_t i = 0; i < ARRAY_LEN(s->cname); i++)
		s->cname[i] = rng_u32(m->c.rng);
	span_copy(span_of(ask->name), s->name, sizeof s->name);
	latch_init(&s->latch, &closed);
	return s;
}

/* What held when these ports last served holds as long as a NAT remembers what nobody uses. */
static void forget_mapped(const struct media *m, struct ports *p)
{
	if (!p->kind || !p->rested || m->c.clock->now - p->rested >= MAPPED_MS)
		memset(p->mapped, 0, sizeof p->mapped);
}

struct media_leg *media_open(struct media *m, const struct media_open *ask)
{
	unsigned worker = ask->beside ? ask->beside->worker : m->next_worker++ % m->n_workers;
	struct stream *s = stream_new(m, ask, m->last_id + 1, worker);
	struct media_leg *leg;

	if (!s)
		return NULL;
	leg = &container_of(s, struct served, stream)->leg;
	leg->m = m;
	leg->id = ++m->last_id;
	leg->owner = ask->owner;
	leg->stream = s;
	forget_mapped(m, s->ports);
	leg->worker = worker;
	table_add(&m->legs, hash_of(leg->id), leg);
	tell_worker(leg, CMD_ADD);
	return leg;
}

void media_close(struct media_leg **leg)
{
	struct media_leg *l = *leg;

	if (!l)
		return;
	if (l->peer)
		l->peer->peer = NULL; /* DROP parts them */
	*leg = NULL;
	table_del(&l->m->legs, hash_of(l->id), l);
	free(l->late_plan);
	crypt_free(l->late_crypt);
	source_free(l->late_source);
	if (!l->moving) /* else its stream has come for nothing when it arrives */
		tell_worker(l, CMD_DROP);
}

struct addr media_local(const struct media_leg *leg)
{
	return leg->stream->ports->local;
}

void media_stun(struct media_leg *leg, const struct addr *server)
{
	struct cmd c = { .kind = CMD_STUN, .stream = leg->stream, .ip = *server };

	if (leg->moving)
		return;
	rng_bytes(leg->m->c.rng, c.tx, sizeof c.tx);
	side_send(leg->m, leg->worker, &c);
}

struct addr media_mapped(const struct media_leg *leg, bool rtcp)
{
	return leg->stream->ports->mapped[rtcp];
}

static void send_plan(struct media_leg *leg, const struct media_plan *plan)
{
	side_send(leg->m, leg->worker, &(struct cmd){ .kind = CMD_PLAN, .stream = leg->stream, .plan = *plan });
}

void media_replan(struct media_leg *leg, const struct media_plan *p)
{
	bool new_sdp = leg->late_plan && leg->late_plan->new_sdp;

	if (!leg->moving) {
		send_plan(leg, p);
		return;
	}
	if (!leg->late_plan)
		leg->late_plan = xmalloc(sizeof *p);
	*leg->late_plan = *p;
	leg->late_plan->new_sdp |= new_sdp;
}

static void send_crypt(struct media_leg *leg, struct crypt *c)
{
	if (!leg->moving) {
		side_send(leg->m, leg->worker, &(struct cmd){ .kind = CMD_SECURE, .stream = leg->stream, .crypt = c });
		return;
	}
	crypt_merge(&leg->late_crypt, c);
	leg->late_secure = true;
}

void media_secure(struct media_leg *leg, const struct srtp_key *in, const struct srtp_key *out)
{
	send_crypt(leg, crypt_new(in, out, !leg->m->rtp.srtpreplayprotection));
}

void media_unsecure(struct media_leg *leg)
{
	send_crypt(leg, NULL);
}

/* ---- joining ---- */

static void settle_join(struct media_leg *a)
{
	if (a->peer && !a->moving && !a->peer->moving)
		side_send(a->m, a->worker,
			  &(struct cmd){ .kind = CMD_JOIN, .stream = a->stream, .peer = a->peer->stream });
}

/* One of the two goes to the other's worker; one that is under way already only gets another destination. */
static void bring_together(struct media_leg *a, struct media_leg *b)
{
	struct media_leg *mover = a->moving ? a : b->moving ? b : a->id > b->id ? a : b;
	struct media_leg *other = mover == a ? b : a;

	if (mover->worker == other->worker)
		return;
	if (!mover->moving)
		tell_worker(mover, CMD_GIVE);
	mover->moving = true;
	mover->worker = other->worker;
}

void media_join(struct media_leg *a, struct media_leg *b)
{
	BUG_ON(a == b || a->m != b->m);
	if (a->peer == b)
		return;
	media_part(a);
	media_part(b);
	a->peer = b;
	b->peer = a;
	bring_together(a, b);
	settle_join(a);
}

void media_part(struct media_leg *leg)
{
	struct media_leg *other = leg->peer;

	if (!other)
		return;
	if (!leg->moving && !other->moving)
		tell_worker(leg, CMD_PART);
	leg->peer = other->peer = NULL;
}

/* ---- playing ---- */

static void send_source(struct media_leg *leg, struct source *src)
{
	if (!leg->moving) {
		side_send(leg->m, leg->worker, &(struct cmd){ .kind = CMD_PLAY, .stream = leg->stream, .source = src });
		return;
	}
	source_free(leg->late_source);
	leg->late_play = true;
	leg->late_source = src;
}

void media_play(struct media_leg *leg, const struct media_play *what)
{
	struct source *src = what->source == SOURCE_NONE ? NULL : source_new(what, ++leg->serial);

	if (!src)
		leg->serial++;
	if (src && what->source == SOURCE_FILE && leg->m->loader) {
		struct note *n = xcalloc(1, sizeof *n);

		*n = (struct note){ .kind = NOTE_LOADED, .leg = leg->id, .serial = leg->serial, .source = src };
		loader_push(leg->m->loader, n);
		src = NULL; /* until it comes, nothing plays */
	} else if (src && what->source == SOURCE_FILE) {
		source_load(src, NULL);
	}
	send_source(leg, src);
}

/* ---- notes ---- */

static struct media_leg *find_leg(struct media *m, uint32_t id)
{
	uint64_t hash = hash_of(id); /* no other number has it */
	size_t at = hash;

	return table_next(&m->legs, hash, &at);
}

static void arrived(struct media *m, struct media_leg *leg, struct stream *s)
{
	if (!leg) {
		if (s->ports->kind)
			ports_forget(s->ports);
		side_send(m, 0, &(struct cmd){ .kind = CMD_DROP, .stream = s });
		return;
	}
	leg->moving = false;
	tell_worker(leg, CMD_ADD);
	if (leg->late_secure)
		send_crypt(leg, leg->late_crypt);
	if (leg->late_plan)
		send_plan(leg, leg->late_plan);
	if (leg->late_play)
		send_source(leg, leg->late_source);
	free(leg->late_plan);
	leg->late_plan = NULL;
	leg->late_crypt = NULL;
	leg->late_secure = false;
	leg->late_source = NULL;
	leg->late_play = false;
	settle_join(leg);
}

static void loaded(struct media_leg *leg, struct note *n)
{
	if (leg && n->serial == leg->serial)
		send_source(leg, n->source);
	else
		source_free(n->source);
}

static void deliver(struct media *m, struct media_leg *leg, struct note *n)
{
	if (!leg && n->ev.kind != MEDIA_DEBUG)
		return;
	if (n->ev.kind == MEDIA_PLAYED && n->serial != leg->serial)
		return; /* something else was asked for meanwhile */
	if (n->ev.kind == MEDIA_STUN)
		leg->stream->ports->mapped[!n->ev.ok] = n->ev.from;
	n->ev.owner = leg ? leg->owner : NULL;
	if (m->c.event)
		m->c.event(m->c.arg, &n->ev);
}

void leg_note(struct media *m, struct note *n)
{
	struct media_leg *leg = find_leg(m, n->leg);

	switch (n->kind) {
	case NOTE_EVENT: deliver(m, leg, n); break;
	case NOTE_GIVEN: arrived(m, leg, n->stream); break;
	case NOTE_LOADED: loaded(leg, n); break;
	}
	note_free(n);
}

void media_stats(const struct media_leg *leg, struct media_stats *s)
{
	if (leg->m->udp) {
		report_read(&leg->stream->pub, s);
		return;
	}
	fast_sync(leg->stream);
	report_fill(leg->stream, s);
}
