/*
 * pbx/funcs_pjsip.c: the dialplan's functions about SIP: headers, endpoints, AORs and their contacts.
 *
 * PJSIP_HEADER(add) and its like change what the channel will say to those whom it dials: a text of header lines.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/trace.h"
#include "pbx/priv.h"

/* ---- headers ---- */

/* Headers that the core writes: a dialplan may not say them twice. */
static bool header_is_ours(struct span name)
{
	static const char *const ours[] = { "Via",
					    "From",
					    "To",
					    "Call-ID",
					    "CSeq",
					    "Contact",
					    "Max-Forwards",
					    "Route",
					    "Record-Route",
					    "Content-Length",
					    "Content-Type",
					    "v",
					    "f",
					    "t",
					    "i",
					    "m",
					    "l",
					    "c" };

	for (size_t i = 0; i < ARRAY_LEN(ours); i++)
		if (span_iis(name, ours[i]))
			return true;
	return false;
}

struct line {
	struct span all, name, value; /* all: with its end */
};

/* The next of the lines that PJSIP_HEADER(add) made. */
static bool next_line(struct span *in, struct line *l)
{
	struct span text;

	l->all.p = in->p;
	if (!span_cut(in, '\n', &text))
		return false;
	l->all.n = text.n + 1;
	span_cut(&text, ':', &l->name);
	l->value = span_trim(text);
	return true;
}

/* The pattern may end in '*'. */
static bool name_fits(struct span pattern, struct span name)
{
	if (pattern.n && pattern.p[pattern.n - 1] == '*')
		return span_istarts(name, span_sub(pattern, 0, pattern.n - 1));
	return span_ieq(name, pattern);
}

/* The name in full: of "f" it is From. */
static struct span full_name(const struct sip_hdr *h)
{
	return h->id == SIP_HDR_OTHER ? h->name : span_of(sip_hdr_name(h->id));
}

/* The n-th, from 1, in the INVITE; what is found is counted off n. */
static bool read_request(const struct chan *c, struct span pattern, uint32_t *n, struct out *o)
{
	struct sip_msg *m = leg_request(c);
	bool found = false;

	for (unsigned i = 0; m && i < m->n_hdrs && !found; i++) {
		const struct sip_hdr *h = &m->hdrs[i];

		found = (name_fits(pattern, full_name(h)) || span_ieq(h->name, pattern)) && --*n == 0;
		if (found)
			out_span(o, h->value);
	}
	sip_msg_unref(m);
	return found;
}

static void read_added(const struct chan *c, struct span pattern, uint32_t n, struct out *o)
{
	struct span in = c->headers ? span_of(c->headers) : SPAN_NONE;
	struct line l;

	while (next_line(&in, &l))
		if (name_fits(pattern, l.name) && --n == 0)
			out_span(o, l.value);
}

/* How many were there. */
static unsigned remove_added(struct chan *c, struct span pattern)
{
	struct span in = c->headers ? span_of(c->headers) : SPAN_NONE;
	struct out left = out_growing();
	unsigned n = 0;
	struct line l;

	while (next_line(&in, &l)) {
		if (name_fits(pattern, l.name))
			n++;
		else
			out_span(&left, l.all);
	}
	free(c->headers);
	c->headers = left.n ? out_take(&left) : NULL;
	out_free(&left);
	return n;
}

/* The n-th of a name, from 1, unless there is something wrong. */
static uint32_t nth(struct span args)
{
	struct span text = dp_arg(args, 2);
	uint32_t n = 1;

	return text.n && !span_u32(text, SIP_MAX_HEADERS, &n) ? 0 : n;
}

/* PJSIP_HEADER(read,Name[,n]), of the INVITE, then of what was added; PJSIP_HEADER(remove,Name): how many. */
static bool f_header(struct dp *dp, struct span args, struct out *o)
{
	struct span what = dp_arg(args, 0), name = dp_arg(args, 1);
	uint32_t n = nth(args);

	if (!name.n)
		return false;
	if (span_iis(what, "remove"))
		out_uint(o, remove_added(dp->chan, name));
	else if (!span_iis(what, "read"))
		return false;
	else if (n && !read_request(dp->chan, name, &n, o))
		read_added(dp->chan, name, n, o);
	return true;
}

static void out_line(struct out *o, struct span name, struct span value)
{
	out_all(o, name, ": ");
	for (size_t i = 0; i < value.n; i++)
		out_char(o, iscntrl((unsigned char)value.p[i]) ? ' ' : value.p[i]);
	out_str(o, "\r\n");
}

/* Takes over the text; false when no message could hold it. */
static bool set_headers(struct chan *c, struct out *o)
{
	if (o->n > SIP_MAX_MESSAGE) {
		trace(EV_DP_WARN, c->name, "the headers that are added are longer than a message may be");
		out_free(o);
		return false;
	}
	free(c->headers);
	c->headers = out_take(o);
	return true;
}

static bool add_header(struct chan *c, struct span name, struct span value)
{
	struct out o = out_growing();

	if (header_is_ours(name) || !sip_is_token(name))
		return false;
	if (c->headers)
		out_str(&o, c->headers);
	out_line(&o, name, value);
	return set_headers(c, &o);
}

static bool update_header(struct chan *c, struct span name, uint32_t n, struct span value)
{
	struct span in = c->headers ? span_of(c->headers) : SPAN_NONE;
	struct out o = out_growing();
	bool found = false;
	struct line l;

	while (next_line(&in, &l)) {
		bool is_it = n && span_ieq(name, l.name) && --n == 0;

		found |= is_it;
		if (is_it)
			out_line(&o, l.name, value);
		else
			out_span(&o, l.all);
	}
	if (found)
		return set_headers(c, &o);
	out_free(&o);
	return false;
}

/* PJSIP_HEADER(add|update|remove,Name)=value: for the legs that this channel dials. */
static bool w_header(struct dp *dp, struct span args, struct span value)
{
	struct span what = dp_arg(args, 0), name = dp_arg(args, 1);

	if (!name.n)
		return false;
	if (span_iis(what, "add"))
		return add_header(dp->chan, name, value);
	if (span_iis(what, "update"))
		return update_header(dp->chan, name, nth(args), value);
	if (!span_iis(what, "remove"))
		return false;
	remove_added(dp->chan, name);
	return true;
}

static bool named_before(const struct sip_msg *m, unsigned at)
{
	for (unsigned i = 0; i < at; i++)
		if (span_ieq(full_name(&m->hdrs[i]), full_name(&m->hdrs[at])))
			return true;
	return false;
}

/* PJSIP_HEADERS([prefix]): the names in the INVITE, each once. */
static bool f_headers(struct dp *dp, struct span args, struct out *o)
{
	struct sip_msg *m = leg_request(dp->chan);
	struct span prefix = dp_arg(args, 0);
	const char *comma = "";

	for (unsigned i = 0; m && i < m->n_hdrs; i++) {
		struct span name = full_name(&m->hdrs[i]);

		if (!span_istarts(name, prefix) || named_before(m, i))
			continue;
		out_all(o, comma, name);
		comma = ",";
	}
	sip_msg_unref(m);
	return true;
}

/* ---- endpoints, AORs, contacts ---- */

struct option_ask {
	struct span name;
	struct out *o;
	bool found;
};

static void take_option(void *ctx, const char *option, const char *value)
{
	struct option_ask *a = ctx;

	if (a->found || !span_iis(a->name, option))
		return;
	a->found = true;
	out_str(a->o, value);
}

static bool option_text(const struct conf_obj *obj, const char *type, struct span name, struct out *o)
{
	struct option_ask a = { name, o, false };

	conf_each_option(obj, type, take_option, &a);
	return a.found;
}

static bool f_endpoint(struct dp *dp, struct span args, struct out *o)
{
	const struct conf_endpoint *ep = conf_endpoint(dp->chan->conf, dp_arg(args, 0));
	struct span what = dp_arg(args, 1);

	if (!ep)
		return false;
	if (span_iis(what, "aors")) {
		for (size_t i = 0; i < ep->n_aors; i++)
			out_fmt(o, "%s%s", i ? "," : "", ep->aors[i]->o.name);
		return true;
	}
	return option_text(&ep->o, "endpoint", what, o);
}

static bool f_aor(struct dp *dp, struct span args, struct out *o)
{
	struct aor *a = aor_find(dp->chan->pbx, dp_arg(args, 0));
	struct span what = dp_arg(args, 1);
	bool first = true;

	if (!a)
		return false;
	if (!span_iis(what, "contact"))
		return option_text(&a->conf->o, "aor", what, o);
	list_for(l, &a->contacts) {
		char id[11];

		contact_id(list_entry(l, struct contact, link), id);
		out_fmt(o, "%s%s;@%s", first ? "" : ",", a->name, id);
		first = false;
	}
	return true;
}

/* PJSIP_CONTACT(id from PJSIP_AOR, field) */
static bool f_contact(struct dp *dp, struct span args, struct out *o)
{
	struct span id = dp_arg(args, 0), what = dp_arg(args, 1);
	long semi = span_chr(id, ';');
	struct aor *a = aor_find(dp->chan->pbx, semi < 0 ? id : span_sub(id, 0, (size_t)semi));

	if (!a || semi < 0)
		return false;
	list_for(l, &a->contacts) {
		const struct contact *c = list_entry(l, struct contact, link);
		char hash[11];

		contact_id(c, hash);
		if (!span_is(span_from(id, (size_t)semi + 2), hash))
			continue;
		if (span_iis(what, "uri"))
			out_str(o, c->uri);
		else if (span_iis(what, "status"))
			out_str(o, contact_status_label(c->status));
		else if (span_iis(what, "rtt"))
			out_fmt(o, "%.0f", c->rtt_ms < 0 ? 0 : c->rtt_ms * 1000);
		else if (span_iis(what, "user_agent"))
			out_str(o, c->user_agent);
		else if (span_iis(what, "expiration_time"))
			out_fmt(o, "%lld", (long long)(c->expires / 1000));
		else
			return false;
		return true;
	}
	return false;
}

struct dial_list {
	const struct conf_endpoint *ep;
	struct span user;
	bool usable; /* else the others */
};

static void out_contacts(const struct aor *a, const struct dial_list *d, struct out *o)
{
	list_for(l, &a->contacts) {
		const struct contact *c = list_entry(l, struct contact, link);

		if (contact_usable(c) != d->usable)
			continue;
		out_fmt(o, "%sPJSIP/%s/", o->n ? "&" : "", d->ep->o.name);
		if (d->user.n && span_istarts(span_of(c->uri), SPAN("sip:")) && !strchr(c->uri, '@'))
			out_fmt(o, "sip:%.*s@%s", SP(d->user), c->uri + 4);
		else
			out_str(o, c->uri);
	}
}

/* PJSIP_DIAL_CONTACTS(endpoint[,aor[,user]]): every contact that may be dialled, joined with '&'; as Dial has it, the
 * unreachable when there is no other. */
static bool f_dial_contacts(struct dp *dp, struct span args, struct out *o)
{
	struct pbx *p = dp->chan->pbx;
	struct dial_list d = { .ep = conf_endpoint(dp->chan->conf, dp_arg(args, 0)), .user = dp_arg(args, 2) };
	struct span only = dp_arg(args, 1);
	struct out found = out_growing();

	for (int round = 0; d.ep && round < (p->conf->hairpin.compat_asterisk ? 1 : 2) && !found.n; round++) {
		d.usable = round == 0;
		for (size_t i = 0; i < d.ep->n_aors; i++) {
			const struct aor *a = aor_find(p, span_of(d.ep->aors[i]->o.name));

			if (a && (!only.n || span_is(only, a->name)))
				out_contacts(a, &d, &found);
		}
	}
	out_span(o, out_look(&found));
	out_free(&found);
	return d.ep != NULL;
}

static bool f_moh_passthrough(struct dp *dp, struct span args UNUSED, struct out *o)
{
	out_str(o, moh_passes(dp->chan) ? "yes" : "no");
	return true;
}

static bool w_moh_passthrough(struct dp *dp, struct span args UNUSED, struct span value)
{
	bool yes = span_iis(value, "yes") || span_iis(value, "true") || span_iis(value, "on") || span_is(value, "1");

	vars_set(&dp->chan->vars, SPAN(CHAN_MOH_PASSES), yes ? SPAN("yes") : SPAN("no"));
	moh_look(dp->chan);
	return true;
}

const struct func pjsip_funcs[] = {
	{ "PJSIP_AOR", "An AOR's option, or its contacts: PJSIP_AOR(name,contact).", f_aor, NULL },
	{ "PJSIP_CONTACT", "A contact's uri, status, rtt, user_agent, expiration_time.", f_contact, NULL },
	{ "PJSIP_DIAL_CONTACTS", "All reachable contacts of an endpoint, for Dial.", f_dial_contacts, NULL },
	{ "PJSIP_ENDPOINT", "An endpoint's option.", f_endpoint, NULL },
	{ "PJSIP_HEADER",
	  "PJSIP_HEADER(read,Name[,n]) of the INVITE; (add,Name), (update,Name[,n]), (remove,Name) of what we dial.",
	  f_header, w_header },
	{ "PJSIP_MOH_PASSTHROUGH", "Whether this leg is told of a hold: moh_passthrough, for this call.",
	  f_moh_passthrough, w_moh_passthrough },
	{ "PJSIP_HEADERS", "The names of the INVITE's headers that begin like the text.", f_headers, NULL },
	{ 0 },
};
