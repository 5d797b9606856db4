/*
 * pbx/presence.c: what NOTIFY says of an extension: dialog-info (RFC 4235), which busy lamps are driven by, and PIDF
 * (RFC 3863). One dialog stands for all that goes on, its id is the extension, as Asterisk has it.
 */
#include <string.h>

#include "pbx/presence.h"

#define PROLOG "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"

/* How many bytes of a character other than ASCII stand there in UTF-8 (RFC 3629 section 4); 0: it is none. */
static size_t utf8_size(struct span s)
{
	const unsigned char *b = (const unsigned char *)s.p;
	size_t n = b[0] < 0xc2 || b[0] > 0xf4 ? 0 : b[0] < 0xe0 ? 2 : b[0] < 0xf0 ? 3 : 4;

	if (n > s.n)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((b[i] & 0xc0) != 0x80)
			return 0;
	if ((b[0] == 0xe0 && b[1] < 0xa0) || (b[0] == 0xed && b[1] > 0x9f) || (b[0] == 0xf0 && b[1] < 0x90) ||
	    (b[0] == 0xf4 && b[1] > 0x8f))
		return 0;
	return n;
}

/*
 * What may stand in XML, between quotes too; control characters may not, and go. A byte that is no UTF-8 is of an old
 * phone, and taken for Latin-1: with it as it is no parser would take the document.
 */
static void out_xml(struct out *o, struct span s)
{
	for (size_t i = 0, n; i < s.n; i++) {
		switch (s.p[i]) {
		case '<': out_str(o, "&lt;"); break;
		case '>': out_str(o, "&gt;"); break;
		case '&': out_str(o, "&amp;"); break;
		case '"': out_str(o, "&quot;"); break;
		default:
			n = utf8_size(span_from(s, i));
			if (n)
				out_span(o, span_sub(s, i, n));
			else if ((unsigned char)s.p[i] >= 0x80)
				out_all(o, "&#", (uint32_t)(unsigned char)s.p[i], ";");
			else if (s.p[i] >= ' ')
				out_char(o, s.p[i]);
			i += n ? n - 1 : 0;
		}
	}
}

static bool is_early(const struct presence_view *v)
{
	return v->state == DEV_RINGING || (v->state == DEV_RINGINUSE && v->early_inuse);
}

static const char *dialog_state(const struct presence_view *v)
{
	switch (v->state) {
	case DEV_INUSE:
	case DEV_BUSY:
	case DEV_ONHOLD:
	case DEV_RINGING:
	case DEV_RINGINUSE: return is_early(v) ? "early" : "confirmed";
	default: return "terminated";
	}
}

/* A leg that rings at one of its devices. */
static struct chan *ringing(const struct presence_view *v)
{
	struct span all = span_of(v->of->devices), one;
	struct chan *c = NULL;

	while (!c && span_cut(&all, '&', &one))
		c = dev_ringing(v->pbx, span_trim(one));
	return c;
}

/* sip:user@host of our face: for whom a phone may call back. */
static void out_uri(struct out *o, const struct presence_view *v, const char *user)
{
	out_str(o, "sip:");
	out_xml(o, span_of(user));
	out_all(o, "@", v->host);
}

static void out_party(struct out *o, const struct presence_view *v, const char *side, const char *name, const char *num)
{
	out_all(o, "  <", side, ">\n   <identity");
	if (*name) {
		out_str(o, " display=\"");
		out_xml(o, span_of(name));
		out_char(o, '"');
	}
	out_char(o, '>');
	out_uri(o, v, num);
	out_str(o, "</identity>\n   <target uri=\"");
	out_uri(o, v, num);
	out_all(o, "\"/>\n  </", side, ">\n");
}

static void out_parties(struct out *o, const struct presence_view *v)
{
	const struct chan *c = ringing(v);

	if (!c)
		return;
	if (c->caller_private || !c->caller_num[0])
		out_party(o, v, "remote", "", "anonymous");
	else
		out_party(o, v, "remote", c->caller_name, c->caller_num);
	out_party(o, v, "local", "", v->of->exten);
}

void presence_dialog_info(const struct presence_view *v, struct out *o)
{
	out_all(o, PROLOG "<dialog-info xmlns=\"urn:ietf:params:xml:ns:dialog-info\" version=\"", v->version,
		"\" state=\"full\" entity=\"");
	out_xml(o, v->entity);
	out_str(o, "\">\n <dialog id=\"");
	out_xml(o, span_of(v->of->exten));
	out_all(o, is_early(v) ? "\" direction=\"recipient\">\n" : "\">\n");
	if (is_early(v))
		out_parties(o, v);
	out_all(o, "  <state>", dialog_state(v), "</state>\n");
	if (v->state == DEV_ONHOLD) { /* RFC 4235 4.1.4, RFC 3840: it is not listening */
		out_str(o, "  <local>\n   <target uri=\"");
		out_xml(o, v->entity);
		out_str(o, "\">\n    <param pname=\"+sip.rendering\" pvalue=\"no\"/>\n   </target>\n  </local>\n");
	}
	out_str(o, " </dialog>\n</dialog-info>\n");
}

static const char *note_of(enum dev_state s)
{
	switch (s) {
	case DEV_RINGING:
	case DEV_RINGINUSE: return "Ringing";
	case DEV_INUSE:
	case DEV_BUSY: return "On the phone";
	case DEV_ONHOLD: return "On hold";
	case DEV_UNAVAILABLE:
	case DEV_INVALID: return "Unavailable";
	default: return "Ready";
	}
}

void presence_pidf(const struct presence_view *v, struct out *o)
{
	bool away = v->state == DEV_UNAVAILABLE || v->state == DEV_INVALID,
	     busy = !away && v->state != DEV_NOT_INUSE && v->state != DEV_UNKNOWN;

	out_str(o, PROLOG "<presence xmlns=\"urn:ietf:params:xml:ns:pidf\""
			  " xmlns:dm=\"urn:ietf:params:xml:ns:pidf:data-model\""
			  " xmlns:rpid=\"urn:ietf:params:xml:ns:pidf:rpid\" entity=\"");
	out_xml(o, v->entity);
	out_all(o, "\">\n <note>", note_of(v->state), "</note>\n <tuple id=\"");
	out_xml(o, span_of(v->of->exten));
	out_all(o, "\">\n  <status>\n   <basic>", away ? "closed" : "open",
		"</basic>\n  </status>\n  <contact priority=\"1\">");
	out_xml(o, v->entity);
	out_str(o, "</contact>\n </tuple>\n");
	if (busy)
		out_str(o,
			" <dm:person id=\"p1\">\n  <rpid:activities>\n   <rpid:on-the-phone/>\n  </rpid:activities>\n"
			" </dm:person>\n");
	out_str(o, "</presence>\n");
}
