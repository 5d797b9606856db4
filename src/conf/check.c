/*
 * conf/check.c: checks across the options of one object, made when all its lines are read. The place that is named is
 * the section's head, since no single line is wrong.
 */
#include <string.h>

#include "conf/finding.h"
#include "conf/opt.h"

void finish_global(struct opt_cx *cx, void *obj)
{
	struct conf_global *g = obj;

	if (!g->unidentified_request_period)
		g->unidentified_request_period = 1;
	if (!*g->default_realm)
		opt_bad_object(cx, "default_realm must not be empty");
}

/* RFC 3261 table 4, as Asterisk holds it: too small values are raised. */
void finish_system(struct opt_cx *cx, void *obj)
{
	struct conf_system *s = obj;

	cx->opt = NULL;
	if (s->timer_t1 < 100 || s->timer_t1 > 10000) {
		opt_warn(cx, "timer_t1 must be from 100 to 10000 ms; 500 is used");
		s->timer_t1 = 500;
	}
	if (s->timer_b < 64 * s->timer_t1) {
		opt_warn(cx, "timer_b must be at least 64 times timer_t1; %u is used", 64 * s->timer_t1);
		s->timer_b = 64 * s->timer_t1;
	}
}

/* STUN asks from the socket whose outer address it is to tell. */
static void check_stun(struct opt_cx *cx, const struct conf_transport *t, const char *option, const char *value)
{
	if (t->protocol != PROTO_UDP && conf_is_automatic(value) && !conf_router(value))
		opt_bad_object(cx, "%s=%s asks over UDP; on this transport write auto", option, value);
}

static void check_family(struct opt_cx *cx, const struct conf_transport *t, const char *option, const char *value)
{
	struct addr a;

	if (addr_parse_ip(span_of(value), &a) && a.family != t->bind.family)
		opt_bad_object(cx, "%s is an IPv%u address, but bind is IPv%u", option, a.family, t->bind.family);
}

void finish_transport(struct opt_cx *cx, void *obj)
{
	struct conf_transport *t = obj;
	bool tls = t->protocol == PROTO_TLS || t->protocol == PROTO_WSS;

	if (!t->bind.family) {
		if (t->protocol != PROTO_FLOW && !opt_is_written(cx->type, &t->o, "bind"))
			opt_bad_object(cx, "bind is missing (0.0.0.0 listens on every IPv4 address)");
		return;
	}
	if (!t->bind.port)
		t->bind.port = tls ? 5061 : 5060;
	if (t->protocol == PROTO_TLS && t->tls.oldest > NET_TLS_1_3)
		opt_bad_object(cx, "method: SSL 2 and 3 are broken and not served; write tlsv1_2");
	if (*t->external_signaling_address && *t->external_signaling_hostname) {
		opt_bad_object(cx, "external_signaling_address and external_signaling_hostname exclude each other");
		diag_code(cx->why, NAT005);
	}
	check_family(cx, t, "external_signaling_address", t->external_signaling_address);
	check_family(cx, t, "external_media_address", t->external_media_address);
	check_stun(cx, t, "external_signaling_address", t->external_signaling_address);
	check_stun(cx, t, "external_media_address", t->external_media_address);
}

void finish_auth(struct opt_cx *cx, void *obj)
{
	const struct conf_auth *a = obj;

	if (!*a->username)
		opt_bad_object(cx, "username is missing");
	if (a->auth_type == AUTH_MD5 && !a->ha1_md5.n)
		opt_bad_object(cx, "auth_type=md5 needs md5_cred");
	if (a->auth_type == AUTH_DIGEST && !a->ha1_md5.n && !a->ha1_sha256.n && !a->ha1_sha512_256.n)
		opt_bad_object(cx, "auth_type=digest needs password_digest");
}

void finish_aor(struct opt_cx *cx, void *obj)
{
	const struct conf_aor *a = obj;

	if (a->minimum_expiration > a->maximum_expiration)
		opt_bad_object(cx, "minimum_expiration (%u) is more than maximum_expiration (%u)",
			       a->minimum_expiration, a->maximum_expiration);
}

void finish_endpoint(struct opt_cx *cx, void *obj)
{
	const struct conf_endpoint *e = obj;

	if (e->media_encryption == ENCRYPT_DTLS) {
		cx->opt = NULL;
		opt_warn(cx, "media_encryption=dtls is not served yet (it waits for: DTLS-SRTP)");
		diag_unserved(cx->why);
	}

	if (!e->rtp_port_start != !e->rtp_port_end)
		opt_bad_object(cx, "rtp_port_start and rtp_port_end come together");
	else if (e->rtp_port_start && (e->rtp_port_start < 1024 || e->rtp_port_end <= e->rtp_port_start))
		opt_bad_object(cx, "rtp_port_start must be at least 1024 and less than rtp_port_end");
}

void finish_identify(struct opt_cx *cx, void *obj)
{
	const struct conf_identify *i = obj;

	if (!opt_is_written(cx->type, &i->o, "endpoint")) {
		opt_bad_object(cx, "endpoint is missing");
		diag_code(cx->why, NAT018);
	}
	if (!i->match.n && !i->match_names.n && !i->match_header.n && !i->match_request_uri.n)
		opt_bad_object(cx, "match, match_header or match_request_uri is missing");
}

void finish_registration(struct opt_cx *cx, void *obj)
{
	const struct conf_registration *r = obj;

	if (!*r->server_uri)
		opt_bad_object(cx, "server_uri is missing");
	if (!*r->client_uri)
		opt_bad_object(cx, "client_uri is missing");
	if (r->line != (r->endpoint != NULL)) {
		opt_bad_object(cx, r->line ? "line=yes needs endpoint" : "endpoint needs line=yes");
		diag_code(cx->why, NAT019);
	}
}
