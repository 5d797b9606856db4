/*
 * conf/general.c: the files that are one [general] section: rtp.conf, dnsmgr.conf, hairpin.conf. rtp.conf is read as
 * leniently as Asterisk reads it: a wrong value is a warning and becomes what Asterisk would make of it.
 */
#include <string.h>

#include "conf/finding.h"
#include "conf/opt.h"

bool set_port(struct opt_cx *cx, void *field, struct span v)
{
	uint32_t port;

	if (!span_u32(v, UINT32_MAX, &port))
		return opt_bad(cx, "'%.*s' is not a port; %u is used", SP(v), *(uint32_t *)field);
	if (port < 1024 || port > 65535) {
		opt_warn(cx, "%u is not from 1024 to 65535; %d is used", port, port < 1024 ? 1024 : 65535);
		port = port < 1024 ? 1024 : 65535;
	}
	*(uint32_t *)field = port;
	return true;
}

void show_port(const struct opt *opt, const void *field, const void *obj, struct out *o)
{
	(void)opt, (void)obj;
	out_uint(o, *(const uint32_t *)field);
}

bool set_strictrtp(struct opt_cx *cx, void *field, struct span v)
{
	unsigned value = STRICTRTP_NO;
	bool yes;

	if (opt_is_bool(v, &yes))
		value = yes ? STRICTRTP_YES : STRICTRTP_NO;
	else if (span_iis(v, "seqno"))
		value = STRICTRTP_SEQNO;
	else
		opt_warn(cx, "'%.*s' is not one of yes, no or seqno; no is used", SP(v));
	memcpy(field, &value, sizeof value);
	return true;
}

void show_strictrtp(const struct opt *opt, const void *field, const void *obj, struct out *o)
{
	const struct conf_rtp *rtp = obj;

	(void)opt, (void)field;
	out_str(o, rtp->strictrtp == STRICTRTP_SEQNO ? "seqno" : rtp->strictrtp == STRICTRTP_YES ? "yes" : "no");
}

bool set_probation(struct opt_cx *cx, void *field, struct span v)
{
	uint32_t n;

	if (!span_u32(v, 65535, &n) || n <= 1) {
		opt_warn(cx, "'%.*s' is not a number from 2 to 65535; 4 is used", SP(v));
		n = 4;
	}
	*(uint32_t *)field = n;
	return true;
}

bool set_rtcpinterval(struct opt_cx *cx, void *field, struct span v)
{
	uint32_t ms, best;

	if (!span_u32(v, UINT32_MAX, &ms))
		return opt_bad(cx, "'%.*s' is not a number from 500 to 60000; %u is used", SP(v), *(uint32_t *)field);
	best = MIN(MAX(ms, 500), 60000);
	if (best != ms && ms)
		opt_warn(cx, "%u is not from 500 to 60000; %u is used", ms, best);
	*(uint32_t *)field = ms ? best : 0;
	return true;
}

bool set_compat(struct opt_cx *cx, void *field, struct span v)
{
	bool asterisk = span_iis(v, "asterisk");

	if (!asterisk && !span_iis(v, "hairpin"))
		return opt_bad(cx, "'%.*s' is not one of hairpin or asterisk", SP(v));
	*(bool *)field = asterisk;
	return true;
}

void show_compat(const struct opt *opt, const void *field, const void *obj, struct out *o)
{
	(void)opt, (void)obj;
	out_str(o, *(const bool *)field ? "asterisk" : "hairpin");
}

void finish_rtp(struct opt_cx *cx, void *obj)
{
	struct conf_rtp *rtp = obj;

	cx->opt = NULL;
	if (rtp->rtpstart % 2) {
		opt_warn(cx, "rtpstart=%u is odd; %u is used", rtp->rtpstart, rtp->rtpstart + 1);
		diag_code(cx->why, NAT022);
		rtp->rtpstart++;
	}
	if (rtp->rtpstart >= rtp->rtpend) {
		opt_warn(cx, "rtpstart=%u is not less than rtpend=%u; 5000 and 31000 are used", rtp->rtpstart,
			 rtp->rtpend);
		diag_code(cx->why, NAT022);
		rtp->rtpstart = 5000;
		rtp->rtpend = 31000;
	}
}

static void read_section(struct opt_cx *cx, const struct ini_section *s)
{
	for (size_t i = 0; i < s->n; i++)
		opt_apply(cx, s->lines[i]);
	cx->obj->file = cx->file = s->file;
	cx->obj->line = cx->line = s->line;
}

static void load_one(struct load *l, const struct opt_type *t, const char *other_section)
{
	struct conf_obj *obj = (struct conf_obj *)((char *)l->c + t->list);
	struct opt_cx cx = { l->c, l->arena, l->why, NULL, t, obj };
	struct ini ini;

	obj->name = "general";
	opt_defaults(&cx);
	load_optional(l, &ini, t->file);
	for (size_t i = 0; i < ini.n; i++) {
		const struct ini_section *s = &ini.sections[i];

		cx.opt = NULL;
		cx.file = s->file;
		cx.line = s->line;
		if (span_iis(span_of(s->name), "general"))
			read_section(&cx, s);
		else if (other_section && span_iis(span_of(s->name), other_section))
			l->c->rtp.ice_host_candidates = (struct conf_obj){ other_section, s->file, s->line };
		else if (!s->is_template)
			opt_bad_object(&cx, "unknown section [%s]: there is [general]", s->name);
	}
	if (t->finish)
		t->finish(&cx, obj);
	places_take(l->c, &ini);
}

void load_general(struct load *l)
{
	load_one(l, opt_type(SPAN("rtp")), "ice_host_candidates");
	load_one(l, opt_type(SPAN("dnsmgr")), NULL);
	load_one(l, opt_type(SPAN("hairpin")), NULL);
}
