/*
 * probe/probe.h: a look from outside. `hairpin probe --listen` waits on another machine; `hairpin probe HOST` on the
 * server asks it to knock on SIP and RTP ports, and to say what it sees of our packets. Both are sans-IO: bytes and
 * time come in through struct net_sink and struct clock, bytes go out through struct net.
 *
 * Everything is authenticated with a key that both sides know (HMAC-SHA256), and a listener does something for an
 * address only after that address has returned a cookie: nobody else can use it, and it cannot be aimed at others.
 */
#pragma once
#include "base/clock.h"
#include "base/net.h"
#include "base/out.h"
#include "base/secret.h"

/* ---- the outside machine ---- */

struct probe_listener;
struct probe_listen {
	struct clock *clock;
	struct net net;
	struct addr bind;
	struct span key;                          /* copied */
	void (*say)(void *arg, const char *line); /* what happens, for people; may be NULL */
	void *arg;
};
/* 0, or -errno when the port cannot be opened. */
int probe_listener_new(const struct probe_listen *c, struct probe_listener **l);
struct net_sink probe_listener_sink(struct probe_listener *l);
void probe_listener_free(struct probe_listener **l);

/* ---- the server's side ---- */

#define PROBE_PORTS 16
enum probe_says { PROBE_UNKNOWN, PROBE_YES, PROBE_NO, PROBE_IN_USE };
struct probe_port {
	uint16_t port;
	bool sip;
	enum probe_says
		arrives;  /* what the listener sent there; IN_USE: somebody else has the port, and it said nothing */
	struct addr seen; /* how its packets look from outside; family 0: not known */
	char answer[64];  /* of whoever has the port, to an OPTIONS: "SIP/2.0 200 OK" */
};
struct probe_report {
	bool reached;     /* the listener answered, and knows the key */
	struct addr seen; /* how it sees us, from a port that does not matter */
	ms_t rtt;
	enum probe_says sip_out, sip_in; /* a SIP message arrived there, or here, with its bytes as they were */
	char changed[200];               /* the first line that was not, as it arrived */
	struct probe_port ports[PROBE_PORTS];
	size_t n_ports;
};
struct probe_ask {
	struct clock *clock;
	struct net net;
	struct addr server; /* the listener */
	struct addr here;   /* our own address towards it, without a port */
	struct span key;    /* copied */
	const uint16_t *sip_ports, *rtp_ports;
	size_t n_sip, n_rtp;
	void (*done)(void *arg, const struct probe_report *r); /* once; from the clock or from an input */
	void *arg;
};
struct probe;
struct probe *probe_new(const struct probe_ask *a); /* NULL: no socket of the listener's family can be opened */
struct net_sink probe_sink(struct probe *p);
void probe_free(struct probe **p);
/* Lines for people. Returns the exit status: 0 all is well, 1 something does not arrive or is changed. */
int probe_report_out(const struct probe_report *r, struct out *o);
