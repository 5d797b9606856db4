/*
 * bench/load_call.c: both ends of many calls. The caller (UAC) and the callee (UAS) are two ports of one process, the
 * server is between them. A call's number is the user part of every URI, so either end finds the call in what it
 * receives: number modulo the size of the table.
 *
 * What an end owes is done: the INVITE and the BYE are repeated until an answer comes, the 200 until its ACK, a final
 * refusal is acknowledged, a late 200 is acknowledged and ended.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <time.h>

#include "load.h"
#include "load_call.h"

enum { DUE_INVITE, DUE_BYE, DUE_OK, DUE_HOLD, DUE_GIVE_UP };
#define BURST 32 /* calls begun in one go */

static struct call *call_of(struct calls *c, uint64_t number)
{
	struct call *call = number ? &c->table[number % c->size] : NULL;

	return call && call->number == number ? call : NULL;
}

static struct tally *tally_of(struct calls *c, const struct call *call)
{
	return &c->tallies[call->phase];
}

static struct bin *bin_at(struct calls *c, us_t at)
{
	return &c->bins[MIN((at - c->began) / BIN_US, BINS - 1)];
}

static void later(struct calls *c, struct call *call, uint8_t kind, uint8_t try)
{
	if (try < TRIES)
		lane_add(&c->again[try], (struct due){ c->now + ((us_t)T1_US << try), call->number, kind, try });
}

/* ---- messages ---- */

static void put_head(const struct calls *c, struct out *o, const struct call *call, const char *method)
{
	out_str(o, " SIP/2.0\r\nVia: SIP/2.0/UDP ");
	out_str(o, c->uac_host);
	out_str(o, ";branch=z9hG4bK");
	out_str(o, method);
	out_uint(o, call->number);
	out_str(o, "\r\nMax-Forwards: 70\r\nFrom: <sip:caller@");
	out_str(o, c->uac_host);
	out_str(o, ">;tag=");
	out_uint(o, call->number);
	out_str(o, "\r\nCall-ID: ");
	out_uint(o, call->number);
	out_str(o, "@load\r\nCSeq: ");
	out_str(o, method[0] == 'B' ? "2 " : "1 ");
	out_str(o, method);
	out_str(o, "\r\n");
}

static void put_sdp(struct out *o, const char *host, unsigned port)
{
	char body[256];
	struct out b = out_fixed(body, sizeof body);

	out_str(&b, "v=0\r\no=load 1 1 IN IP4 ");
	out_str(&b, host);
	out_str(&b, "\r\ns=-\r\nc=IN IP4 ");
	out_str(&b, host);
	out_str(&b, "\r\nt=0 0\r\nm=audio ");
	out_uint(&b, port);
	out_str(&b, " RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n");
	out_str(o, "Content-Type: application/sdp\r\nContent-Length: ");
	out_uint(o, b.n);
	out_str(o, "\r\n\r\n");
	out_span(o, out_look(&b));
}

static void put_contact(struct out *o, const char *host, uint64_t number)
{
	out_str(o, "Contact: <sip:");
	out_uint(o, number);
	out_char(o, '@');
	out_str(o, host);
	out_str(o, ">\r\n");
}

static void send_invite(struct calls *c, const struct call *call)
{
	struct out o = port_compose(c->uac);

	out_str(&o, "INVITE sip:");
	out_uint(&o, call->number);
	out_char(&o, '@');
	out_str(&o, c->server_host);
	put_head(c, &o, call, "INVITE");
	out_str(&o, "To: <sip:");
	out_uint(&o, call->number);
	out_char(&o, '@');
	out_str(&o, c->server_host);
	out_str(&o, ">\r\n");
	put_contact(&o, c->uac_host, call->number);
	put_sdp(&o, c->uac_ip, ntohs(c->uac->me.sin_port) + RTP_OFFSET);
	port_add(c->uac, &o);
}

static void put_line(struct out *o, const char *name, struct span value)
{
	out_str(o, name);
	out_span(o, value);
	out_str(o, "\r\n");
}

/* An ACK, or the BYE of a call that nobody waits for any more, from the response that asks for it. */
static void send_from_response(struct calls *c, const struct parts *m, const char *method)
{
	struct out o = port_compose(c->uac);
	bool refused = m->status >= 300; /* then it belongs to the INVITE's transaction: RFC 3261 17.1.1.3 */

	out_str(&o, method);
	out_char(&o, ' ');
	if (refused)
		out_fmt(&o, "sip:%llu@%s", (unsigned long long)parts_number(m->call_id), c->server_host);
	else
		out_span(&o, parts_contact(m));
	out_str(&o, " SIP/2.0\r\n");
	if (refused)
		put_line(&o, "Via: ", m->via[0]);
	else
		out_fmt(&o, "Via: SIP/2.0/UDP %s;branch=z9hG4bK%s%llu\r\n", c->uac_host, method,
			(unsigned long long)parts_number(m->call_id));
	for (unsigned i = m->n_route; i > 0 && !refused; i--)
		put_line(&o, "Route: ", m->route[i - 1]);
	put_line(&o, "Max-Forwards: 70\r\nFrom: ", m->from);
	put_line(&o, "To: ", m->to);
	put_line(&o, "Call-ID: ", m->call_id);
	out_str(&o, method[0] == 'B' ? "CSeq: 2 BYE\r\n" : "CSeq: 1 ACK\r\n");
	out_str(&o, "Content-Length: 0\r\n\r\n");
	port_add(c->uac, &o);
}

static void send_bye(struct calls *c, const struct call *call)
{
	struct out o = port_compose(c->uac);

	out_str(&o, "BYE ");
	out_str(&o, call->target);
	put_head(c, &o, call, "BYE");
	out_str(&o, call->route);
	put_line(&o, "To: ", span_of(call->to));
	out_str(&o, "Content-Length: 0\r\n\r\n");
	port_add(c->uac, &o);
}

static void reply(struct port *p, const struct parts *m, const char *status, const char *tag)
{
	struct out o = port_compose(p);

	parts_answer(&o, m, status, tag);
	out_str(&o, "Content-Length: 0\r\n\r\n");
	port_add(p, &o);
}

/* ---- the caller ---- */

/* The call is over for the caller; what the callee still owes is answered without the table's help. */
static void finish(struct calls *c, struct call *call)
{
	if (call->up)
		c->up--;
	c->active--;
	free(call->ok);
	call->ok = NULL;
	call->number = 0;
	c->spare[c->n_spare++] = (unsigned)(call - c->table);
}

static void begin(struct calls *c, bool stays)
{
	struct call *call = &c->table[c->spare[--c->n_spare]];
	uint64_t generation = ++call->generation;

	*call = (struct call){ .generation = generation,
			       .number = (c->run + generation) * c->size + (uint64_t)(call - c->table),
			       .phase = c->phase,
			       .stays = stays,
			       .asked = c->now };
	c->active++;
	tally_of(c, call)->offered++;
	bin_at(c, c->now)->offered++;
	send_invite(c, call);
	later(c, call, DUE_INVITE, 0);
	lane_add(&c->give_up, (struct due){ c->now + c->patience, call->number, DUE_GIVE_UP, 0 });
}

static void hang_up(struct calls *c, struct call *call)
{
	call->uac = UAC_BYE;
	send_bye(c, call);
	later(c, call, DUE_BYE, 0);
	lane_add(&c->give_up, (struct due){ c->now + c->patience, call->number, DUE_GIVE_UP, 1 });
}

static bool remember_dialog(struct call *call, const struct parts *m)
{
	struct out route = out_fixed(call->route, sizeof call->route);

	for (unsigned i = m->n_route; i > 0; i--)
		put_line(&route, "Route: ", m->route[i - 1]);
	out_char(&route, '\0');
	return out_done(&route) > 0 && span_copy(parts_contact(m), call->target, sizeof call->target) &&
	       span_copy(m->to, call->to, sizeof call->to);
}

static void answered(struct calls *c, struct call *call, const struct parts *m)
{
	struct tally *t = tally_of(c, call);

	if (!remember_dialog(call, m))
		load_die("the server's Contact, To or Record-Route is too long");
	call->uac = UAC_UP;
	call->up = true;
	c->up++;
	t->answered++;
	c->tallies[c->phase].answered_in++;
	bin_at(c, c->now)->answered++;
	if (c->now - call->asked < T1_US)
		bin_at(c, call->asked)->in_time++;
	histogram_add(&t->setup, c->now - call->asked);
	parts_media(m, &call->media[0]);
	if (!call->stays)
		lane_add(&c->hold[call->phase], (struct due){ c->now + (us_t)(c->load->phases[call->phase].hold * 1e6),
							      call->number, DUE_HOLD, 0 });
}

static void refused(struct calls *c, struct call *call, const struct parts *m)
{
	struct tally *t = tally_of(c, call);

	if (m->status == 503) {
		t->shed++;
		bin_at(c, c->now)->shed++;
		if (c->load->retry_after && m->retry_after.n)
			c->quiet_until = c->now + parts_number(m->retry_after) * 1000000;
	} else {
		t->failed++;
		t->last_status = m->status;
	}
	finish(c, call);
}

static void on_response(struct calls *c, const struct parts *m)
{
	struct call *call = call_of(c, parts_number(m->call_id));
	bool invite = span_find(m->cseq, SPAN("INVITE")) >= 0;

	if (invite && m->status >= 200)
		send_from_response(c, m, "ACK");
	if (!call) {
		if (invite && m->status >= 200 && m->status < 300)
			send_from_response(c, m, "BYE");
		c->tallies[c->phase].late++;
	} else if (invite && m->status < 200) {
		call->uac = MAX(call->uac, UAC_PROCEEDING);
	} else if (invite && call->uac >= UAC_UP) {
		tally_of(c, call)->repeated++;
	} else if (invite) {
		(m->status < 300 ? answered : refused)(c, call, m);
	} else if (call->uac == UAC_BYE) {
		if (m->status < 300)
			tally_of(c, call)->good++;
		else
			tally_of(c, call)->failed++, tally_of(c, call)->last_status = m->status;
		finish(c, call);
	}
}

/* The server ends a call or asks: a call that is up and ends without our BYE is lost. */
static void on_server_request(struct calls *c, struct port *p, const struct parts *m)
{
	struct call *call = call_of(c, parts_number(m->uri));

	reply(p, m, "200 OK", NULL);
	if (span_is(m->method, "BYE") && call && call->uac == UAC_UP) {
		tally_of(c, call)->lost++;
		finish(c, call);
	}
}

/* ---- the callee ---- */

static void compose_ok(struct calls *c, struct out *o, const struct parts *m, uint64_t number)
{
	parts_answer(o, m, "200 OK", "callee");
	put_contact(o, c->uas_host, number);
	put_sdp(o, c->uas_ip, ntohs(c->uas->me.sin_port) + RTP_OFFSET);
}

static void on_invite(struct calls *c, const struct parts *m)
{
	uint64_t number = parts_number(m->uri);
	struct call *call = call_of(c, number);
	struct out o;

	if (!call) {
		reply(c->uas, m, "480 Temporarily Unavailable", "callee");
		return;
	}
	if (call->uas != UAS_IDLE) {
		tally_of(c, call)->repeated++;
		if (!call->ok)
			return;
	} else {
		reply(c->uas, m, "100 Trying", NULL);
		reply(c->uas, m, "180 Ringing", "callee");
	}
	o = port_compose(c->uas);
	compose_ok(c, &o, m, number);
	if (call->uas == UAS_IDLE) {
		call->uas = UAS_ANSWERED;
		call->ok = xmalloc(o.n);
		call->ok_n = (unsigned)o.n;
		memcpy(call->ok, o.p, o.n);
		parts_media(m, &call->media[1]);
		later(c, call, DUE_OK, 0);
	}
	port_add(c->uas, &o);
}

static void on_callee_request(struct calls *c, const struct parts *m)
{
	struct call *call = call_of(c, parts_number(m->uri));

	if (span_is(m->method, "INVITE")) {
		on_invite(c, m);
	} else if (!span_is(m->method, "ACK")) {
		on_server_request(c, c->uas, m);
	} else if (call && call->uas == UAS_ANSWERED) {
		call->uas = UAS_UP;
		free(call->ok);
		call->ok = NULL;
	}
}

/* ---- what is due ---- */

static void repeat(struct calls *c, struct call *call, const struct due *d)
{
	if (d->kind == DUE_INVITE && call->uac == UAC_CALLING) {
		send_invite(c, call);
	} else if (d->kind == DUE_BYE && call->uac == UAC_BYE) {
		send_bye(c, call);
	} else if (d->kind == DUE_OK && call->uas == UAS_ANSWERED) {
		struct out o = port_compose(c->uas);

		out_bytes(&o, call->ok, call->ok_n);
		port_add(c->uas, &o);
	} else {
		return;
	}
	tally_of(c, call)->repeats++;
	later(c, call, d->kind, d->try + 1);
}

static void on_due(struct calls *c, const struct due *d)
{
	struct call *call = call_of(c, d->number);

	if (!call)
		return;
	if (d->kind == DUE_HOLD) {
		if (call->uac == UAC_UP)
			hang_up(c, call);
	} else if (d->kind == DUE_GIVE_UP) {
		if (d->try ? call->uac == UAC_BYE : call->uac < UAC_UP) {
			tally_of(c, call)->failed++;
			tally_of(c, call)->timed_out++;
			finish(c, call);
		}
	} else {
		repeat(c, call, d);
	}
}

static us_t run_lane(struct calls *c, struct lane *l)
{
	struct due d;

	while (lane_take(l, c->now, &d))
		on_due(c, &d);
	return lane_next(l);
}

static us_t run_due(struct calls *c)
{
	us_t next = run_lane(c, &c->give_up);

	for (unsigned i = 0; i < TRIES; i++)
		next = MIN(next, run_lane(c, &c->again[i]));
	for (unsigned i = 0; i < PHASES_MAX; i++)
		next = MIN(next, run_lane(c, &c->hold[i]));
	return next;
}

/* ---- the loop ---- */

static void take(struct calls *c, struct port *p)
{
	struct parts m;
	unsigned n;

	while ((n = port_take(p)) > 0) {
		c->now = load_now();
		for (unsigned i = 0; i < n; i++) {
			if (!parts_read(port_message(p, i), &m))
				continue;
			if (p == c->uas)
				p->peer = p->in_from[i]; /* answers go where requests come from */
			if (p == c->uas)
				on_callee_request(c, &m);
			else if (m.status)
				on_response(c, &m);
			else
				on_server_request(c, p, &m);
		}
		port_flush(p);
		if (n < PORT_BATCH)
			break;
	}
}

/* One turn; it may sleep until `until`. */
static void turn(struct calls *c, us_t until)
{
	struct port *const ports[] = { c->uac, c->uas };

	c->now = load_now();
	until = MIN(until, run_due(c));
	port_flush(c->uac);
	port_flush(c->uas);
	if (port_wait(ports, 2, until)) {
		take(c, c->uac);
		take(c, c->uas);
	}
	c->now = load_now();
}

/* Offers `rate` until it has run for `seconds` or begun `most` calls; `stays`: these calls stay up. */
void calls_offer(struct calls *c, double rate, double seconds, unsigned most, bool stays)
{
	us_t start = load_now(), end = start + (us_t)(seconds * 1e6);
	uint64_t begun = 0;

	c->now = start;
	while (c->now < end && begun < most) {
		uint64_t due = (uint64_t)((double)(c->now - start) * rate / 1e6) + (rate > 0);
		us_t next = rate > 0 ? start + (us_t)((double)(begun + 1) * 1e6 / rate) : end;

		for (unsigned n = 0; begun < due && begun < most && n < BURST; begun++, n++) {
			if (c->now < c->quiet_until)
				continue;
			if (c->n_spare)
				begin(c, stays);
			else
				c->tallies[c->phase].no_room++;
		}
		turn(c, begun < due ? 0 : MIN(next, end));
	}
}

void calls_drain(struct calls *c, unsigned leave, double seconds)
{
	us_t end = load_now() + (us_t)(seconds * 1e6);

	c->now = load_now();
	while (c->active > leave && c->now < end)
		turn(c, end);
}

void calls_linger(struct calls *c, double seconds)
{
	us_t end = load_now() + (us_t)(seconds * 1e6);

	while (c->now < end)
		turn(c, end);
}

void calls_release(struct calls *c, double rate)
{
	us_t start = load_now();
	uint64_t ended = 0;

	for (unsigned i = 0; i < c->size; i++) {
		struct call *call = &c->table[i];

		if (!call->number || call->uac != UAC_UP)
			continue;
		hang_up(c, call);
		ended++;
		do
			turn(c, start + (us_t)((double)ended * 1e6 / rate));
		while (c->now < start + (us_t)((double)ended * 1e6 / rate));
	}
}

static char *host_of(const struct sockaddr_in *a, bool port)
{
	char ip[INET_ADDRSTRLEN];

	inet_ntop(AF_INET, &a->sin_addr, ip, sizeof ip);
	return port ? xasprintf("%s:%u", ip, ntohs(a->sin_port)) : xstrdup(ip);
}

/* A table with room for all calls that can be under way at a time, failing ones included. */
struct calls *calls_new(struct load *l)
{
	struct calls *c = xcalloc(1, sizeof *c);
	double most = l->up + 1000;

	for (unsigned i = 0; i < l->n_phases; i++)
		most = MAX(most,
			   l->up + 1000 +
				   l->phases[i].rate * (l->phases[i].hold + MIN(l->patience, l->phases[i].seconds)));
	c->load = l;
	c->size = (unsigned)MIN(most, 1e6);
	c->table = xcalloc(c->size, sizeof *c->table);
	c->spare = xcalloc(c->size, sizeof *c->spare);
	for (unsigned i = 0; i < c->size; i++)
		c->spare[c->n_spare++] = c->size - 1 - i;
	c->patience = (us_t)(l->patience * 1e6);
	c->run = (uint64_t)time(NULL) % 1000000 * 10000;
	c->uac = port_open(load_socket(&l->uac, l->ns[0]), l->uac, l->server);
	c->uas = port_open(load_socket(&l->uas, l->ns[1]), l->uas, l->server);
	c->uac_host = host_of(&l->uac, true);
	c->uas_host = host_of(&l->uas, true);
	c->uac_ip = host_of(&l->uac, false);
	c->uas_ip = host_of(&l->uas, false);
	c->server_host = host_of(&l->server, true);
	c->began = c->now = load_now();
	return c;
}
