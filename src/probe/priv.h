/* probe/priv.h: the datagrams of the probe. Not for others. */
#pragma once
#include "probe/probe.h"

/*
 * "HAIRPIN-PROBE/1 OP COOKIE TAG MAC\r\n" and a body in base64, so that nobody finds an address to rewrite in it. TAG
 * is the asker's own number for what it asks; MAC covers all of it. A cookie is 16 hex digits, "0" before there is one.
 */
#define PROBE_MAX    1460
#define PROBE_COOKIE 16
#define PROBE_MAC    32

enum probe_op {
	PROBE_HELLO,     /* asker: who are you? */
	PROBE_COOKIE_IS, /* listener: body: how it sees the asker */
	PROBE_KNOCK,     /* asker: send a KNOCKED to this port of mine (body) from a port that I have not written to */
	PROBE_KNOCKED,
	PROBE_LOOK,     /* asker: how do you see this socket? */
	PROBE_SEEN,     /* listener: body: address and port */
	PROBE_OPTIONS,  /* asker: send an OPTIONS to this port of mine */
	PROBE_ANSWERED, /* listener: body: the answer's first line, or nothing */
	PROBE_ECHO,     /* listener: body: the SIP message that came, as it came */
	PROBE_OPS
};
struct probe_msg {
	enum probe_op op;
	struct span cookie, tag, body;
	char room[PROBE_MAX]; /* of a received body */
};
void probe_put(struct out *o, struct span key, const struct probe_msg *m);
/* False: not one of ours, or not made with this key. */
bool probe_take(struct span bytes, struct span key, struct probe_msg *m);
void probe_mac(struct span key, struct span text, char hex[PROBE_MAC + 1]);

/*
 * A SIP message as a phone behind NAT would send it: what an ALG changes. Its Call-ID is the cookie and a MAC of it, so
 * that the listener knows it in spite of what was changed.
 */
struct probe_sip {
	struct addr from, to;
	struct span cookie;
	bool response;
};
void probe_put_sip(struct out *o, struct span key, const struct probe_sip *s);
/* The cookie in a SIP message of ours, whatever else was changed; empty: it is not one, or has another key. */
struct span probe_sip_cookie(struct span bytes, struct span key);
