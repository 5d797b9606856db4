/* sim/story_raw.c: a host that sends what the story writes, byte for byte, and keeps what comes back. */
#include <stdlib.h>
#include <string.h>

#include "sim/story_priv.h"

static void keep_value(const char *text, const char *before, const char *ends, char *buf)
{
	const char *at = strstr(text, before);
	size_t n;

	if (!at)
		return;
	at += strlen(before);
	n = strcspn(at, ends);
	span_copy((struct span){ at, n }, buf, 128);
}

/* ---- answering by rule ---- */

/* The request's headers that a response repeats; To gets a tag. */
static void out_repeated(struct out *o, const char *text, const struct raw_rule *rule, unsigned branch)
{
	static const char *const names[] = { "Via:", "Record-Route:", "From:", "To:", "Call-ID:", "CSeq:" };
	struct span rest = span_of(text), line;

	while (span_cut(&rest, '\n', &line) && span_trim(line).n)
		for (size_t i = 0; i < ARRAY_LEN(names); i++) {
			if (!span_istarts(line, span_of(names[i])))
				continue;
			out_span(o, span_trim(line));
			if (i == 3 && !rule->untagged && span_find(line, SPAN("tag=")) < 0)
				out_fmt(o, ";tag=raw%u", branch);
			out_str(o, "\r\n");
		}
}

/* The rule's own header lines; %contact is the request's. */
static void out_headers(struct out *o, const char *headers, const char *text)
{
	const char *contact = strstr(text, "\nContact: ");

	for (const char *p = headers; *p; p++) {
		if (contact && strncmp(p, "%contact", 8) == 0) {
			out_span(o, (struct span){ contact + 10, strcspn(contact + 10, "\r\n") });
			p += 7;
		} else {
			out_char(o, *p);
		}
	}
}

/* Every rule of the method answers, each with a To tag of its own, a proxy that forks, or that of the one before. */
static void answer_by_rule(struct tale_raw *r, const struct flow *f, const char *text)
{
	struct net net = sim_host_net(r->host);
	unsigned tag = 0;

	for (size_t i = 0; i < r->n_rules; i++) {
		const struct raw_rule *rule = &r->rules[i];
		struct out o = out_growing();

		if (!rule->code || strncmp(text, rule->method, strlen(rule->method)) != 0)
			continue;
		tag = rule->same ? tag : (unsigned)i;
		out_fmt(&o, "SIP/2.0 %u Scripted\r\n", rule->code);
		out_repeated(&o, text, rule, tag);
		out_headers(&o, rule->headers, text);
		out_fmt(&o, "Content-Length: %zu\r\n\r\n%s", strlen(rule->body), rule->body);
		net.send(net.arg, f, out_look(&o));
		free(r->last);
		r->last = out_take(&o);
		r->last_flow = *f;
	}
}

static void rule_free(struct raw_rule *rule)
{
	free(rule->headers);
	free(rule->body);
}

static void drop_rules(struct tale_raw *r, const char *method)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n_rules; i++) {
		if (strcmp(r->rules[i].method, method) == 0)
			rule_free(&r->rules[i]);
		else
			r->rules[n++] = r->rules[i];
	}
	r->n_rules = n;
}

/* RAW replies [also|same|untagged] METHOD CODE|nothing ["Header: value"]… [<< body >>] */
static void set_rule(struct tale *t, struct tale_raw *r, const struct words *w)
{
	struct raw_rule *rule;
	bool untagged = word_is(w, 2, "untagged"), same = word_is(w, 2, "same");
	int at = untagged || same || word_is(w, 2, "also") ? 3 : 2;
	struct out o = out_growing(), body = out_growing();

	if (at == 2 || untagged)
		drop_rules(r, w->w[at]);
	rule = &r->rules[r->n_rules];
	if (r->n_rules == ARRAY_LEN(r->rules) || at + 1 >= w->n) {
		tale_fail(t, "RAW replies [also|same] METHOD CODE …: too many, or no code");
		return;
	}
	r->n_rules++;
	*rule = (struct raw_rule){ .code = word_number(w->w[at + 1], 0), .untagged = untagged, .same = same };
	span_copy(span_of(w->w[at]), rule->method, sizeof rule->method);
	for (int i = at + 2; i < w->n; i++)
		out_fmt(&o, "%s\r\n", w->w[i]);
	for (const char *p = w->block ? w->block : ""; *p; p++)
		out_fmt(&body, *p == '\n' ? "\r\n" : "%c", *p);
	rule->headers = out_take(&o);
	rule->body = out_take(&body);
}

static void on_input(void *arg, const struct flow *f, struct span bytes)
{
	struct tale_raw *r = arg;
	struct raw_msg *m;
	const char *to;

	if (net_is_stream(f->proto))
		r->conn = *f;
	if (bytes.n <= 4)
		return;
	r->got = xrealloc(r->got, (r->n_got + 1) * sizeof r->got[0]);
	m = &r->got[r->n_got++];
	*m = (struct raw_msg){ span_dup(bytes), r->tale->mark };
	to = strstr(m->text, "\nTo:");
	if (to && strncmp(m->text, "SIP/2.0", 7) == 0 && strcspn(to + 1, "\r\n") > (size_t)(strstr(to, ";tag=") - to))
		keep_value(to, ";tag=", ";\r\n", r->to_tag);
	keep_value(m->text, "nonce=\"", "\"", r->nonce);
	keep_value(m->text, "\nRSeq: ", "\r", r->rseq);
	answer_by_rule(r, f, m->text);
}

static void on_failed(void *arg, const struct flow *f, int err UNUSED)
{
	struct tale_raw *r = arg;

	if (r->conn.sock == f->sock)
		r->conn = (struct flow){ 0 };
}

void raw_make(struct tale *t, struct thing *x, const struct words *w)
{
	struct tale_raw *r = xcalloc(1, sizeof *r);
	const char *port = word_opt(w, "port");
	struct net net = sim_host_net(x->host);
	struct net_sink sink = { .arg = r, .input = on_input, .failed = on_failed };
	struct net_listen ask = { .proto = word_flag(w, "tls") ? NET_TLS : word_flag(w, "tcp") ? NET_TCP : NET_UDP };

	ask.bind = addr_with_port(&x->host->at[0].ip, (uint16_t)word_number(port, ask.proto == NET_TLS ? 5061 : 5060));
	r->tale = t;
	r->host = x->host;
	r->tcp = net_is_stream(ask.proto);
	x->raw = r;
	if (net.listen(net.arg, &ask, &r->sock, &r->local) < 0)
		tale_fail(t, "raw: the port is taken");
	sim_host_sink(x->host, &sink);
}

/* %branch (a new one for each send), %callid, %totag, %nonce and %rseq (of what came last), %local. */
static void out_var(struct tale_raw *r, struct out *o, const char **p)
{
	static const char *const names[] = { "branch", "callid", "totag", "nonce", "local", "rseq" };
	char text[ADDR_STRLEN];
	size_t i = 0;

	while (i < ARRAY_LEN(names) && strncmp(*p + 1, names[i], strlen(names[i])) != 0)
		i++;
	switch (i) {
	case 0: out_fmt(o, "z9hG4bKraw%u", r->sends); break;
	case 1: out_fmt(o, "raw-%u", r->sock); break;
	case 2: out_str(o, r->to_tag); break;
	case 3: out_str(o, r->nonce); break;
	case 4: out_str(o, addr_str(&r->local, text)); break;
	case 5: out_str(o, r->rseq); break;
	default: out_char(o, '%'); return;
	}
	*p += strlen(names[i]);
}

static char *message(struct tale_raw *r, const char *block)
{
	struct out o = out_growing(), head = out_growing();
	const char *body;
	char *text, *all;

	for (const char *p = block; *p; p++) {
		if (*p == '%')
			out_var(r, &o, &p);
		else if (*p == '\n')
			out_str(&o, "\r\n");
		else
			out_char(&o, *p);
	}
	text = out_take(&o);
	body = strstr(text, "\r\n\r\n");
	if (strstr(text, "Content-Length:")) {
		out_fmt(&head, "%s%s", text, body ? "" : "\r\n");
	} else {
		struct span h = { text, body ? (size_t)(body - text) + 2 : strlen(text) };

		out_fmt(&head, "%.*sContent-Length: %zu\r\n\r\n%s", SP(h), body ? strlen(body + 4) : (size_t)0,
			body ? body + 4 : "");
	}
	free(text);
	all = out_take(&head);
	return all;
}

/* RAW send IP[:port] << … >>  |  RAW close  |  RAW repeats  |  RAW replies … */
bool raw_statement(struct tale *t, struct thing *x, const struct words *w)
{
	struct tale_raw *r = x->raw;
	struct net net = sim_host_net(x->host);
	struct flow f = { .sock = r->sock, .proto = NET_UDP, .listener = r->sock };
	char *text;

	if (word_is(w, 1, "close")) {
		if (r->conn.sock)
			net.close(net.arg, r->conn.sock);
		r->conn = (struct flow){ 0 };
		return true;
	}
	if (word_is(w, 1, "repeats") && w->n == 2 && r->last) {
		net.send(net.arg, &r->last_flow, span_of(r->last));
		return true;
	}
	if (word_is(w, 1, "replies") && w->n > 3) {
		set_rule(t, r, w);
		return true;
	}
	if (!word_is(w, 1, "send") || w->n != 3 || !w->block)
		return false;
	if (!addr_parse(span_of(w->w[2]), &f.peer)) {
		tale_fail(t, "'%s' is not an address", w->w[2]);
		return true;
	}
	f.peer.port = f.peer.port ? f.peer.port : 5060;
	if (r->tcp && !r->conn.sock)
		net.connect(net.arg, r->sock, &f.peer, SPAN_NONE, &r->conn);
	r->sends++;
	text = message(r, w->block);
	net.send(net.arg, r->tcp ? &r->conn : &f, span_of(text));
	free(text);
	return true;
}

/* One message since the last mark has all the texts from word `from` on. */
bool raw_got(const struct tale *t, const struct tale_raw *r, const struct words *w, int from)
{
	for (size_t i = 0; i < r->n_got; i++) {
		bool all = r->got[i].mark == t->mark;

		for (int j = from; all && j < w->n; j++)
			all = strstr(r->got[i].text, w->w[j]) != NULL;
		if (all)
			return true;
	}
	return false;
}

void raw_free(struct tale_raw *r)
{
	for (size_t i = 0; i < r->n_got; i++)
		free(r->got[i].text);
	for (size_t i = 0; i < r->n_rules; i++)
		rule_free(&r->rules[i]);
	free(r->got);
	free(r->last);
	free(r);
}
