/*
 * sip/uas.c: responses (RFC 3261 8.2.6, 18.2.2, RFC 3581). The top Via gets received and rport as the door in says.
 */
#include "sip/priv.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/trace.h"

const struct sip_msg *sip_uas_msg(const struct sip_uas *uas)
{
	return uas->msg;
}

struct span sip_uas_tag(const struct sip_uas *uas)
{
	return span_of(uas->tag);
}

void sip_uas_force_rport(struct sip_uas *uas, bool yes)
{
	uas->force_rport = yes;
}

void sip_uas_on_cancel(struct sip_uas *uas, void (*fn)(void *arg, struct sip_uas *uas), void *arg)
{
	uas->on_cancel = fn;
	uas->arg = arg;
}

bool sip_uas_is_source_local(const struct sip_uas *uas)
{
	struct sip_transport *tp = sip_transport_by_flow(uas->sip, &uas->msg->flow);

	return tp && nat_is_local(tp->conf, &uas->msg->flow.peer);
}

static struct nat_via ask_door(const struct sip_msg *m, bool force_rport)
{
	struct nat_via_ask ask = { .src = m->flow.peer,
				   .host = m->via.host,
				   .port = m->via.port ? m->via.port : sip_default_port(m->flow.proto),
				   .has_rport = m->via.has_rport,
				   .force_rport = force_rport,
				   .maddr = m->via.maddr,
				   .reliable = net_is_stream(m->flow.proto) };

	return nat_via(&ask);
}

bool sip_behind_nat(const struct sip_msg *m)
{
	struct nat_seen seen = { .src = m->flow.peer,
				 .via_host = m->via.host,
				 .contact_host = m->contact.uri.host,
				 .via_port = m->via.port,
				 .n_vias = m->n_vias,
				 .has_rport = m->via.has_rport,
				 .reliable = net_is_stream(m->flow.proto),
				 .tls = m->flow.proto == NET_TLS };

	return nat_is_seen(&seen);
}

/* The top Via as received, without the rport and received that it may have had, and with ours. */
static void out_top_via(struct out *o, const struct sip_msg *m, const struct nat_via *say)
{
	struct span params = m->via.has_rport || m->via.received.p ? m->via.params : SPAN_NONE, name, value;
	const char *from = m->via.text.p, *end = from + m->via.text.n, *before = params.p;

	out_str(o, "Via: ");
	for (; sip_param_next(&params, &name, &value); before = params.p) {
		if (!span_iis(name, "rport") && !span_iis(name, "received"))
			continue;
		out_bytes(o, from, (size_t)(before - from));
		from = params.p;
	}
	out_bytes(o, from, (size_t)(end - from));
	if (say->add_rport)
		out_all(o, ";rport=", m->flow.peer.port);
	if (say->add_received) {
		out_str(o, ";received=");
		addr_out_ip(o, &m->flow.peer);
	}
	out_str(o, "\r\n");
}

void sip_out_begun(struct out *o, struct span begin, struct span value)
{
	out_all(o, begin, value, "\r\n");
}

static void out_copied(struct out *o, const struct sip_msg *m, const char *tag, bool record_route)
{
	struct sip_walk w = { 0 };
	struct span v;
	bool first = true;

	while (m->n_vias != 1 && sip_walk(m, SIP_HDR_VIA, &w, &v)) {
		if (!first)
			sip_out_line(o, "Via", v);
		first = false;
	}
	w = (struct sip_walk){ 0 };
	while (record_route && sip_walk(m, SIP_HDR_RECORD_ROUTE, &w, &v))
		sip_out_line(o, "Record-Route", v);
	sip_out_line(o, "From", m->from.text);
	out_str(o, "To: ");
	out_span(o, m->to.text);
	if (tag && !m->to.tag.n) {
		out_str(o, ";tag=");
		out_str(o, tag);
	}
	out_str(o, "\r\n");
	sip_out_line(o, "Call-ID", m->call_id);
	out_all(o, "CSeq: ", m->cseq, " ", m->method_text, "\r\n");
}

/* When the connection (18.2.2) or, after a reload, the socket is gone, the answer finds another way to the sent-by. */
static struct flow reply_flow(struct sip *s, const struct sip_msg *m, const struct nat_via *say)
{
	struct flow f = m->flow, other;
	struct sip_transport *tp;

	if (f.proto == NET_UDP)
		f.peer = say->to;
	if (sip_flow_alive(s, &f))
		return f;
	tp = sip_transport_by_flow(s, &m->flow);
	if (!tp)
		tp = sip_transport_pick(s, NULL, f.proto, &say->to);
	if (!tp || sip_flow_to(s, tp, &say->to, m->via.host, &other) < 0)
		return f;
	other.order = f.order;
	return other;
}

static void write_reply(struct out *o, const struct sip_uas *t, const struct nat_via *say, unsigned code,
			const char *reason)
{
	const struct sip_msg *m = t->msg;
	bool dialog = m->method == SIP_INVITE && code > 100 && code < 300;

	out_all(o, "SIP/2.0 ", code, " ", reason ? reason : sip_reason_phrase(code), "\r\n");
	out_top_via(o, m, say);
	out_copied(o, m, code > 100 ? t->tag : NULL, dialog);
	if (t->rseq)
		out_all(o, "Require: 100rel\r\nRSeq: ", t->rseq, "\r\n");
	out_all(o, "Server: ", sip_user_agent(t->sip), "\r\n");
}

void sip_reply(struct sip_uas *t, unsigned code, const char *reason, sip_build_fn *build, void *arg)
{
	struct out o = out_fixed(t->sip->scratch, SIP_SCRATCH);
	struct nat_via say;
	struct sip_build b;

	if (t->answered)
		return;
	say = ask_door(t->msg, t->force_rport);
	t->flow = reply_flow(t->sip, t->msg, &say);
	sip_build_init(t->sip, &b, &t->flow, &o);
	b.secure = t->msg->ruri.secure;
	write_reply(&o, t, &say, code, reason);
	if (build)
		build(arg, &b);
	sip_build_end(&b);
	if (out_done(&o) < 0) { /* does not fit: an answer all the same */
		o = out_fixed(t->sip->scratch, SIP_SCRATCH);
		code = 513;
		reason = NULL;
		write_reply(&o, t, &say, code, reason);
		out_str(&o, "Content-Length: 0\r\n\r\n");
	}
	if (out_done(&o) < 0) /* what has to be copied alone is too long: the peer waits in vain */
		o = out_fixed(t->sip->scratch, 0);
	t->answered = code >= 200;
	if (code >= 300) {
		count(code == 401 || code == 407 ? CNT_sip_challenges : CNT_sip_refused);
		if (code != 401 && code != 407)
			trace(EV_SIP_NO, NULL, "%.*s refused: %u %s", SP(t->msg->method_text), code,
			      reason ? reason : sip_reason_phrase(code));
	}
	sip_uas_send(t, code, out_look(&o));
	if (t->dialog && t->invite && code >= 200)
		sip_reliable_over(t->dialog, t);
	if (t->dialog && t->invite && code >= 200 && code < 300)
		sip_dialog_keep_ok(t->dialog, t);
	if (t->answered) { /* what is left of the transaction only repeats */
		sip_msg_unref(t->msg);
		t->msg = NULL;
		sip_uas_answered(t);
	}
}

/* The tag is the same for a repeat: nothing is kept. */
static void send_stateless(struct sip *s, const struct sip_msg *m, const char *status, const char *tag,
			   struct span more)
{
	struct out o = out_fixed(s->scratch, SIP_SCRATCH);
	struct nat_via say = ask_door(m, true);
	struct flow f = reply_flow(s, m, &say);
	uint32_t repeatable = span_hash(m->via.text) ^ span_hash(m->call_id);
	char whole[32] = "";
	struct out t = out_fixed(whole, sizeof whole - 1);

	out_str(&t, tag);
	out_hex(&t, &repeatable, sizeof repeatable);
	out_fmt(&o, "SIP/2.0 %s\r\n", status);
	out_top_via(&o, m, &say);
	out_copied(&o, m, whole, false);
	out_span(&o, more);
	out_fmt(&o, "Server: %s\r\nContent-Length: 0\r\n\r\n", sip_user_agent(s));
	if (out_done(&o) > 0)
		sip_send(s, &f, out_look(&o));
}

void sip_reply_stateless(struct sip *s, const struct sip_msg *m, unsigned code, const char *reason, const char *more)
{
	char status[128] = "";
	struct out o = out_fixed(status, sizeof status - 1);

	out_fmt(&o, "%u %s", code, reason ? reason : sip_reason_phrase(code));
	count(CNT_sip_refused);
	trace(EV_SIP_NO, NULL, "%.*s refused: %s", SP(m->method_text), status);
	send_stateless(s, m, status, "", span_of(more));
}

void sip_reply_shed(struct sip *s, const struct sip_msg *m, struct span more)
{
	send_stateless(s, m, "503 Overload", SHED_TAG, more);
}

/* ---- building, for requests and responses ---- */

void sip_build_init(struct sip *s, struct sip_build *b, const struct flow *f, struct out *o)
{
	struct sip_transport *tp = sip_transport_by_flow(s, f);

	b->sip = s;
	b->o = o;
	b->flow = *f;
	b->flow.local = sip_local_of(s, f);
	b->face.host[0] = '\0';
	b->face.port = 0;
	b->face.external = false;
	b->request = b->secure = false;
	b->content_type = SPAN_NONE;
	b->body = out_growing_in(s->body, sizeof s->body);
	b->door = tp ? &tp->door : NULL;
}

void sip_build_face(struct sip_build *b)
{
	struct sip_transport *tp = b->face.host[0] ? NULL : sip_transport_by_flow(b->sip, &b->flow);

	if (tp)
		sip_face(b->sip, tp, &b->flow, &b->face);
}

void sip_build_end(struct sip_build *b)
{
	if (b->content_type.n)
		out_all(b->o, "Content-Type: ", b->content_type, "\r\n");
	out_all(b->o, "Content-Length: ", b->body.n, "\r\n\r\n");
	out_span(b->o, out_look(&b->body));
	out_free(&b->body);
}

void sip_put(struct sip_build *b, const char *name, const char *fmt, ...)
{
	struct out *o = b->o;
	size_t begin;
	va_list ap;

	out_str(o, name);
	out_str(o, ": ");
	begin = o->n;
	va_start(ap, fmt);
	out_vfmt(o, fmt, ap);
	va_end(ap);
	if (o->n > begin && (memchr(o->p + begin, '\r', o->n - begin) || memchr(o->p + begin, '\n', o->n - begin)))
		for (char *p = o->p + begin; p < o->p + o->n; p++) /* a value never breaks out of its line */
			if (*p == '\r' || *p == '\n')
				*p = ' ';
	out_str(o, "\r\n");
}

void sip_put_contact(struct sip_build *b, struct span user, struct span uri_params, struct span params)
{
	sip_build_face(b);
	out_str(b->o, b->secure && b->flow.proto == NET_TLS ? "Contact: <sips:" : "Contact: <sip:");
	if (user.n) {
		sip_out_user(b->o, user);
		out_char(b->o, '@');
	}
	out_str(b->o, b->face.host);
	if (b->face.port)
		out_all(b->o, ":", b->face.port);
	out_str(b->o, sip_transport_param(b->flow.proto));
	out_all(b->o, uri_params, ">", params, "\r\n");
}

struct out *sip_put_body(struct sip_build *b, const char *content_type)
{
	b->content_type = span_of(content_type);
	return &b->body;
}

static const struct {
	uint16_t code;
	const char *phrase;
} phrases[] = {
	{ 100, "Trying" },
	{ 180, "Ringing" },
	{ 181, "Call Is Being Forwarded" },
	{ 182, "Queued" },
	{ 183, "Session Progress" },
	{ 200, "OK" },
	{ 202, "Accepted" },
	{ 300, "Multiple Choices" },
	{ 301, "Moved Permanently" },
	{ 302, "Moved Temporarily" },
	{ 305, "Use Proxy" },
	{ 380, "Alternative Service" },
	{ 400, "Bad Request" },
	{ 401, "Unauthorized" },
	{ 402, "Payment Required" },
	{ 403, "Forbidden" },
	{ 404, "Not Found" },
	{ 405, "Method Not Allowed" },
	{ 406, "Not Acceptable" },
	{ 407, "Proxy Authentication Required" },
	{ 408, "Request Timeout" },
	{ 410, "Gone" },
	{ 413, "Request Entity Too Large" },
	{ 414, "Request-URI Too Long" },
	{ 415, "Unsupported Media Type" },
	{ 416, "Unsupported URI Scheme" },
	{ 420, "Bad Extension" },
	{ 421, "Extension Required" },
	{ 422, "Session Interval Too Small" },
	{ 423, "Interval Too Brief" },
	{ 480, "Temporarily Unavailable" },
	{ 481, "Call/Transaction Does Not Exist" },
	{ 482, "Loop Detected" },
	{ 483, "Too Many Hops" },
	{ 484, "Address Incomplete" },
	{ 485, "Ambiguous" },
	{ 486, "Busy Here" },
	{ 487, "Request Terminated" },
	{ 488, "Not Acceptable Here" },
	{ 489, "Bad Event" },
	{ 491, "Request Pending" },
	{ 493, "Undecipherable" },
	{ 500, "Server Internal Error" },
	{ 501, "Not Implemented" },
	{ 502, "Bad Gateway" },
	{ 503, "Service Unavailable" },
	{ 504, "Server Time-out" },
	{ 505, "Version Not Supported" },
	{ 513, "Message Too Large" },
	{ 600, "Busy Everywhere" },
	{ 603, "Decline" },
	{ 604, "Does Not Exist Anywhere" },
	{ 606, "Not Acceptable" },
};

const char *sip_reason_phrase(unsigned code)
{
	for (size_t i = 0; i < ARRAY_LEN(phrases); i++)
		if (phrases[i].code == code)
			return phrases[i].phrase;
	return "Unknown";
}
