/*
 * bench/load_register.c: many users register: REGISTER, 401, REGISTER with digest, 200. Each round goes through all of
 * them at one rate; the second and later ones refresh. One line of JSON for each round, or part of one.
 */
#include <arpa/inet.h>
#include <stdlib.h>

#include "load.h"

enum { REG_NONE, REG_ASKED, REG_AUTHORIZED };
#define BURST 32

struct user { /* one contact of a user */
	us_t asked;
	uint8_t state, repeats;
	uint16_t round;
};

struct round {
	uint64_t good, failed, shed, timed_out, repeats;
	unsigned last_status;
	struct histogram time;
};

struct registrations {
	struct load *load;
	struct port *port;
	char *host, *uri;
	unsigned run;
	struct user *users;
	unsigned open; /* under way */
	struct lane again[TRIES], give_up;
	us_t now, patience;
	unsigned round;
	struct round figures;
};

static void send_register(struct registrations *r, unsigned i, const struct parts *challenge)
{
	struct user *u = &r->users[i];
	unsigned cseq = 2 * u->round + (u->state == REG_AUTHORIZED ? 2 : 1);
	struct out o = port_compose(r->port);
	char name[24];
	struct out n = out_fixed(name, sizeof name);
	struct digest_user who = { name, r->load->password, "REGISTER", r->uri };

	out_fmt(&n, "u%u%c", i % r->load->users, 0);
	out_fmt(&o,
		"REGISTER %s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bKr%u.%u.%u\r\nMax-Forwards: 70\r\n"
		"From: <sip:%s@%s>;tag=%u\r\nTo: <sip:%s@%s>\r\nCall-ID: %u.%u@load\r\nCSeq: %u REGISTER\r\n"
		"Contact: <sip:%s@%s;n=%u>\r\nExpires: 3600\r\n",
		r->uri, r->host, i, r->run, cseq, name, r->uri + 4, r->run, name, r->uri + 4, i, r->run, cseq, name,
		r->host, i / r->load->users);
	if (challenge && !parts_authorize(&o, challenge, &who))
		load_die("a challenge without realm or nonce");
	out_str(&o, "Content-Length: 0\r\n\r\n");
	port_add(r->port, &o);
}

static void later(struct registrations *r, unsigned i, uint8_t try)
{
	if (try < TRIES)
		lane_add(&r->again[try], (struct due){ r->now + ((us_t)T1_US << try), i, r->users[i].state, try });
}

static void begin(struct registrations *r, unsigned i)
{
	r->users[i] = (struct user){ .asked = r->now, .state = REG_ASKED, .round = (uint16_t)r->round };
	r->open++;
	send_register(r, i, NULL);
	later(r, i, 0);
	lane_add(&r->give_up, (struct due){ r->now + r->patience, i, 0, 0 });
}

static void finish(struct registrations *r, struct user *u)
{
	u->state = REG_NONE;
	r->open--;
}

static void on_response(struct registrations *r, const struct parts *m)
{
	unsigned i = (unsigned)parts_number(m->call_id);
	struct user *u = i < r->load->contacts ? &r->users[i] : NULL;
	bool second = u && parts_number(m->cseq) == 2 * u->round + 2u;

	if (!u || u->state == REG_NONE || m->status < 200 || second != (u->state == REG_AUTHORIZED))
		return;
	if (m->status == 401 && u->state == REG_ASKED) {
		u->state = REG_AUTHORIZED;
		send_register(r, i, m);
		later(r, i, 0);
		return;
	}
	if (m->status < 300) {
		r->figures.good++;
		histogram_add(&r->figures.time, r->now - u->asked);
	} else if (m->status == 503) {
		r->figures.shed++;
	} else {
		r->figures.failed++;
		r->figures.last_status = m->status;
	}
	finish(r, u);
}

/*
 * What is sent again is the first REGISTER: the second needs the challenge, which is not kept. That is what a phone
 * does that lost its answer, and it costs the server a new nonce.
 */
static void on_again(struct registrations *r, const struct due *d)
{
	struct user *u = &r->users[d->number];

	if (u->state != d->kind || u->round != r->round || r->now - u->asked < T1_US)
		return;
	r->figures.repeats++;
	u->state = REG_ASKED;
	send_register(r, (unsigned)d->number, NULL);
	later(r, (unsigned)d->number, d->try + 1);
}

static us_t run_due(struct registrations *r)
{
	struct due d;
	us_t next;

	while (lane_take(&r->give_up, r->now, &d)) {
		struct user *u = &r->users[d.number];

		if (u->state != REG_NONE && r->now - u->asked >= r->patience) {
			r->figures.timed_out++;
			finish(r, u);
		}
	}
	next = lane_next(&r->give_up);
	for (unsigned i = 0; i < TRIES; i++) {
		while (lane_take(&r->again[i], r->now, &d))
			on_again(r, &d);
		next = MIN(next, lane_next(&r->again[i]));
	}
	return next;
}

static void take(struct registrations *r)
{
	struct parts m;
	unsigned n;

	while ((n = port_take(r->port)) > 0) {
		r->now = load_now();
		for (unsigned i = 0; i < n; i++)
			if (parts_read(port_message(r->port, i), &m) && m.status)
				on_response(r, &m);
		port_flush(r->port);
		if (n < PORT_BATCH)
			break;
	}
}

static void turn(struct registrations *r, us_t until)
{
	until = MIN(until, run_due(r));
	port_flush(r->port);
	if (port_wait(&r->port, 1, until))
		take(r);
	r->now = load_now();
}

static void offer(struct registrations *r, unsigned from, unsigned n)
{
	us_t start = r->now;
	unsigned begun = 0;

	while (begun < n) {
		unsigned due = (unsigned)((double)(r->now - start) * r->load->rate / 1e6) + 1;

		for (unsigned i = 0; begun < MIN(due, n) && i < BURST; i++)
			begin(r, from + begun++);
		turn(r, begun < due ? 0 : start + (us_t)((double)(begun + 1) * 1e6 / r->load->rate));
	}
	while (r->open && from + n == r->load->contacts)
		turn(r, r->now + 1000000);
}

/* Contacts from..from+n-1 of the round. What is under way at its end counts in the next part. */
static void run_part(struct registrations *r, unsigned from, unsigned n)
{
	const struct round *f = &r->figures;
	const struct watched *w = &r->load->watched;
	double cpu = watched_cpu(w), rss = watched_rss(w);
	us_t start = r->now = load_now();

	r->figures = (struct round){ 0 };
	offer(r, from, n);
	printf("{\"step\":\"round\",\"round\":%u,\"rate\":%.0f,\"seconds\":%.3f,\"offered\":%u,\"good\":%llu,"
	       "\"failed\":%llu,\"shed\":%llu,\"timed_out\":%llu,\"repeats\":%llu,\"last_status\":%u,",
	       r->round, r->load->rate, (double)(r->now - start) / 1e6, n, (unsigned long long)f->good,
	       (unsigned long long)f->failed, (unsigned long long)f->shed, (unsigned long long)f->timed_out,
	       (unsigned long long)f->repeats, f->last_status);
	printf("\"p50_us\":%llu,\"p99_us\":%llu,\"cpu_s\":%.6f,\"rss_before\":%.0f,\"rss_after\":%.0f}\n",
	       (unsigned long long)histogram_at(&f->time, 0.5), (unsigned long long)histogram_at(&f->time, 0.99),
	       watched_cpu(w) - cpu, rss, watched_rss(w));
	fflush(stdout);
}

static void run_round(struct registrations *r)
{
	unsigned all = r->load->contacts, part = r->load->part ? r->load->part : all;

	for (unsigned from = 0; from < all; from += part)
		run_part(r, from, MIN(part, all - from));
}

int load_register(struct load *l)
{
	char ip[INET_ADDRSTRLEN], server[INET_ADDRSTRLEN];
	struct registrations r = { .load = l,
				   .run = (unsigned)(load_now() % 1000000),
				   .users = xcalloc(l->contacts, sizeof *r.users),
				   .patience = (us_t)(l->patience * 1e6) };

	inet_ntop(AF_INET, &l->uac.sin_addr, ip, sizeof ip);
	inet_ntop(AF_INET, &l->server.sin_addr, server, sizeof server);
	r.host = xasprintf("%s:%u", ip, ntohs(l->uac.sin_port));
	r.uri = xasprintf("sip:%s", server);
	r.port = port_open(load_socket(&l->uac, l->ns[0]), l->uac, l->server);
	for (r.round = 0; r.round < l->rounds; r.round++)
		run_round(&r);
	return 0;
}
