/* ctl/why.c: "why": what became of a call, what was seen of each of its legs, and what to set; as text and as JSON. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ctl/priv.h"

static const char *const sureness[] = {
	[SURE_CERTAIN] = "certain", [SURE_LIKELY] = "likely", [SURE_POSSIBLE] = "possible"
};

static const char *end_name(enum leg_end e)
{
	static const char *const names[] = {
		[LEG_LIVES] = "goes on",
		[LEG_ENDED] = "ended",
		[LEG_REFUSED] = "refused",
		[LEG_SILENT] = "no answer at all to the INVITE",
		[LEG_UNREACHABLE] = "could not be reached",
		[LEG_NO_ACK] = "our 200 OK was never acknowledged",
		[LEG_NO_RTP] = "ended by rtp_timeout",
		[LEG_NO_REFRESH] = "its session timer ran out",
	};

	return names[e];
}

/* A verdict without findings, for people. */
static const char *plain_verdict(const struct pbx_why_info *i)
{
	return i->why == WHY_FINE    ? "fine: audio both ways"
	       : i->why == WHY_EARLY ? "too short to tell"
				     : "not answered, and nothing is wrong with that";
}

void why_out_finding(struct out *o, const struct finding *f)
{
	const struct finding_row *row = &finding_rows[f->code];

	out_fmt(o, "%s %s: %s (%s)\n", row->code, diag_sev_name(f->sev), row->title, sureness[f->sure]);
	out_fmt(o, "    seen    %s\n    set     %s", f->evidence, f->text);
	if (f->file && f->line)
		out_fmt(o, ", [%s] in %s:%u", f->section, f->file, f->line);
	else if (f->file)
		out_fmt(o, ", in %s", f->file);
	out_char(o, '\n');
	if (f->unless)
		out_fmt(o, "    sure?   %s\n", f->unless);
}

static const char *text_of(const struct addr *a, char buf[ADDR_STRLEN])
{
	return a->family ? addr_str(a, buf) : "-";
}

static void out_seconds(struct out *o, ms_t ms)
{
	out_fmt(o, "%lld.%lld s", (long long)(ms / 1000), (long long)(ms % 1000 / 100));
}

static void out_audio(struct out *o, const struct call_facts *call, const struct leg_facts *f)
{
	const struct media_stats *m = &f->audio;
	ms_t end = f->ended_at ? f->ended_at : call->now;
	char one[ADDR_STRLEN], two[ADDR_STRLEN];

	out_fmt(o, "    SDP     its audio is to go to %s, ours to %s", text_of(&m->sdp_addr, one),
		text_of(&f->face, two));
	if (f->sdp_was.family)
		out_fmt(o, "; before its re-INVITE to %s", text_of(&f->sdp_was, one));
	out_char(o, '\n');
	out_fmt(o, "    heard   %llu packets from %s", (unsigned long long)m->rx_packets, text_of(&m->rx_source, one));
	if (m->rx_packets && m->first_rx >= f->born) {
		out_str(o, ", the first after ");
		out_seconds(o, m->first_rx - f->born);
		out_str(o, ", the last ");
		out_seconds(o, MAX(end - m->last_rx, 0));
		out_str(o, f->ended_at ? " before the end" : " ago");
	}
	if (m->rx_dropped)
		out_fmt(o, "; %llu dropped, the last from %s", (unsigned long long)m->rx_dropped,
			text_of(&m->last_dropped, two));
	if (m->encrypted)
		out_fmt(o, "; SRTP: %u that its key does not open, %u that came before", m->srtp_failures,
			m->srtp_replays);
	out_fmt(o, "\n    sent    %llu packets to %s", (unsigned long long)m->tx_packets, text_of(&m->tx_to, one));
	if (m->rr_count)
		out_fmt(o, "; it reports a loss of %u/256, and %s", m->rr_fraction,
			m->rr_moving ? "hears us" : "that nothing new arrives");
	if (m->icmp_errors)
		out_fmt(o, "; %u ICMP errors about %s", m->icmp_errors, text_of(&m->icmp_dest, two));
	out_char(o, '\n');
}

static void out_leg(struct out *o, const struct call_facts *call, const struct leg_facts *f)
{
	char one[ADDR_STRLEN], two[ADDR_STRLEN];

	out_fmt(o, "  %s, %s, %s: %s", f->name, f->incoming ? "caller" : "called",
		f->answered ? "answered" : "not answered", end_name(f->end));
	if (f->end == LEG_ENDED)
		out_fmt(o, " by %s", f->by_peer ? "it" : "us");
	if (f->end != LEG_LIVES && f->cause)
		out_fmt(o, ", cause %d", f->cause);
	if (f->code >= 300)
		out_fmt(o, " (%u)", f->code);
	if (f->reoffers)
		out_fmt(o, ", %u re-INVITEs%s", f->reoffers, f->asked_fax ? ", which asked for T.38" : "");
	out_fmt(o, "\n    SIP     %s; it was told that we are at %s", text_of(&f->peer, one), text_of(&f->told, two));
	if (f->target.family && !addr_ip_eq(&f->target, &f->peer))
		out_fmt(o, "; its Contact is %s", text_of(&f->target, one));
	if (f->written.family)
		out_fmt(o, "; it says that it is at %s", text_of(&f->written, one));
	if (f->seen_as.family && !addr_ip_eq(&f->seen_as, &f->told))
		out_fmt(o, "; the outside sees us as %s", text_of(&f->seen_as, one));
	out_char(o, '\n');
	if (f->has_media)
		out_audio(o, call, f);
}

void why_out(struct out *o, const struct pbx_why_info *i)
{
	const struct call_facts *call = i->call;
	time_t s = (time_t)(call->began / 1000);
	char when[32];
	struct tm tm;

	localtime_r(&s, &tm);
	strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S", &tm);
	out_fmt(o, "Call %s, %s: '%s' called '%s'%s\n", call->id, when, call->caller, call->dialed,
		call->over ? "" : " (goes on)");
	if (i->why != WHY_FOUND)
		out_fmt(o, "  %s\n", plain_verdict(i));
	for (size_t k = 0; k < i->n; k++) {
		out_str(o, "  ");
		why_out_finding(o, &i->findings[k]);
	}
	for (size_t k = 0; k < call->n_legs; k++)
		out_leg(o, call, call->legs[k]);
}

/* ---- JSON ---- */

/* Text of a peer's may not be UTF-8: then what can be shown of it is. */
json_t *why_json_text(const char *s)
{
	struct out o = out_growing();
	json_t *j = json_string(s);

	if (j)
		return j;
	for (; *s; s++)
		out_char(&o, (unsigned char)*s < 128 ? *s : '?');
	j = json_stringn(o.p, o.n);
	out_free(&o);
	return j;
}

static json_t *json_addr(const struct addr *a)
{
	char text[ADDR_STRLEN];

	return a->family ? json_string(addr_str(a, text)) : json_null();
}

json_t *why_json_finding(const struct finding *f)
{
	json_t *j =
		json_pack("{s:s, s:s, s:s, s:s}", "code", finding_rows[f->code].code, "severity", diag_sev_name(f->sev),
			  "title", finding_rows[f->code].title, "confidence", sureness[f->sure]);

	json_object_set_new(j, "evidence", why_json_text(f->evidence));
	json_object_set_new(j, "set", why_json_text(f->text));
	json_object_set_new(j, "section", why_json_text(f->section));
	if (f->unless)
		json_object_set_new(j, "unless", why_json_text(f->unless));
	if (f->file)
		json_object_set_new(j, "place", json_pack("{s:s, s:i}", "file", f->file, "line", (int)f->line));
	if (f->fix_option)
		json_object_set_new(j, "fix", json_pack("{s:s, s:s}", "option", f->fix_option, "value", f->fix_value));
	return j;
}

static json_t *json_leg(const struct call_facts *call, const struct leg_facts *f)
{
	ms_t end = f->ended_at ? f->ended_at : call->now;
	const struct media_stats *m = &f->audio;
	json_t *j = json_pack("{s:o, s:o, s:b, s:b, s:s, s:i, s:i}", "channel", why_json_text(f->name), "endpoint",
			      why_json_text(f->endpoint), "incoming", f->incoming, "answered", f->answered, "end",
			      end_name(f->end), "code", (int)f->code, "reinvites", (int)f->reoffers);

	json_object_set_new(j, "lasted_ms", json_integer(end - f->born));
	json_object_set_new(j, "talked_ms", json_integer(f->answered ? end - f->answered_at : 0));
	json_object_set_new(j, "ended_by_peer", json_boolean(f->by_peer));
	json_object_set_new(j, "cause", json_integer(f->cause));
	json_object_set_new(j, "peer", json_addr(&f->peer));
	json_object_set_new(j, "contact", json_addr(&f->target));
	json_object_set_new(j, "says_it_is_at", json_addr(&f->written));
	json_object_set_new(j, "asked_for_t38", json_boolean(f->asked_fax));
	json_object_set_new(j, "our_contact", json_addr(&f->told));
	json_object_set_new(j, "seen_as", json_addr(&f->seen_as));
	if (!f->has_media)
		return j;
	json_object_set_new(j, "our_sdp", json_addr(&f->face));
	json_object_set_new(j, "its_sdp", json_addr(&m->sdp_addr));
	json_object_set_new(j, "heard",
			    json_pack("{s:I, s:o, s:I, s:o}", "packets", (json_int_t)m->rx_packets, "from",
				      json_addr(&m->rx_source), "dropped", (json_int_t)m->rx_dropped, "dropped_from",
				      json_addr(&m->last_dropped)));
	json_object_set_new(j, "encrypted", json_boolean(m->encrypted));
	json_object_set_new(j, "srtp_failures", json_integer(m->srtp_failures));
	json_object_set_new(j, "srtp_replays", json_integer(m->srtp_replays));
	json_object_set_new(j, "sent",
			    json_pack("{s:I, s:o, s:i, s:i, s:b, s:i}", "packets", (json_int_t)m->tx_packets, "to",
				      json_addr(&m->tx_to), "reports", (int)m->rr_count, "loss_of_256",
				      (int)m->rr_fraction, "moving", m->rr_moving, "icmp_errors", (int)m->icmp_errors));
	return j;
}

json_t *why_json(const struct pbx_why_info *i)
{
	json_t *legs = json_array(), *found = json_array(), *j;

	for (size_t k = 0; k < i->call->n_legs; k++)
		json_array_append_new(legs, json_leg(i->call, i->call->legs[k]));
	for (size_t k = 0; k < i->n; k++)
		json_array_append_new(found, why_json_finding(&i->findings[k]));
	j = json_pack("{s:o, s:I, s:b, s:s, s:o, s:o}", "call", why_json_text(i->call->id), "began_ms",
		      (json_int_t)i->call->began, "over", i->call->over, "verdict",
		      i->n ? finding_rows[i->findings[0].code].code : why_name(i->why), "findings", found, "legs",
		      legs);
	json_object_set_new(j, "caller", why_json_text(i->call->caller));
	json_object_set_new(j, "dialed", why_json_text(i->call->dialed));
	return j;
}

void why_say_json(struct call *c, json_t *j)
{
	char *text = json_dumps(j, JSON_INDENT(2));

	rows_say(c->rows, "%s", text);
	free(text);
	json_decref(j);
}

/* ---- the command ---- */

static void put_text(void *arg, const struct pbx_why_info *i)
{
	struct call *c = arg;
	struct out o = out_growing();

	why_out(&o, i);
	rows_say(c->rows, "%.*s", SP(span_trim(out_look(&o))));
	out_free(&o);
}

static void put_json(void *arg, const struct pbx_why_info *i)
{
	why_say_json(arg, why_json(i));
}

static const struct row_kind record = {
	.name = "call",
	.columns = { { .name = "id" },
		     { .name = "caller", .at = 18 },
		     { .name = "dialed", .at = 34 },
		     { .name = "verdict", .at = 50 },
		     { .name = "evidence", .at = 58 } },
};

static void put_record(void *arg, const struct pbx_why_info *i)
{
	struct call *c = arg;

	rows_add(c->rows, &record);
	rows_put(c->rows, "%s", i->call->id);
	rows_put(c->rows, "%s", i->call->caller);
	rows_put(c->rows, "%s", i->call->dialed);
	rows_put(c->rows, "%s", i->n ? finding_rows[i->findings[0].code].code : why_name(i->why));
	rows_put(c->rows, "%s", i->n ? i->findings[0].evidence : "");
}

static void add_json(void *arg, const struct pbx_why_info *i)
{
	json_array_append_new(arg, why_json(i));
}

static void put_all(struct call *c, bool json)
{
	json_t *list;

	if (!json) {
		c->rows->head = "Call              Caller          Dialed          Verdict Evidence\n";
		pbx_each_record(c->pbx, put_record, c);
		return;
	}
	list = json_array();
	pbx_each_record(c->pbx, add_json, list);
	why_say_json(c, list);
}

static void why(struct call *c)
{
	struct span rest = c->args, one, call = SPAN_NONE;
	bool json = false;

	while (span_word(&rest, &one)) {
		if (span_is(one, "json"))
			json = true;
		else
			call = one;
	}
	if (span_is(call, "all"))
		put_all(c, json);
	else if (!pbx_why(c->pbx, span_is(call, "last") ? SPAN_NONE : call, json ? put_json : put_text, c))
		cmd_fail(c, call.n ? "No call '%.*s' goes on or is remembered." : "No call goes on or is remembered.",
			 SP(call));
}

const struct cmd why_cmds[] = {
	{ "why", "[CHANNEL|last|all]",
	  "Why a call has no audio: what was seen of it, and what to set. 'json' may follow.", why },
	{ 0 },
};
