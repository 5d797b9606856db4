/*
 * sip/msg.h: SIP messages: bytes to struct (RFC 3261 section 25, RFC 4475's verdicts) and the pieces they are made of.
 * A parsed message is one block of memory: parsed once, read-only after, counted. Spans point into the message.
 * Pure: no I/O, no clock. Any thread, one at a time.
 */
#pragma once
#include "base/addr.h"
#include "base/net.h"

enum sip_method {
	SIP_INVITE,
	SIP_ACK,
	SIP_BYE,
	SIP_CANCEL,
	SIP_OPTIONS,
	SIP_REGISTER,
	SIP_PRACK,
	SIP_SUBSCRIBE,
	SIP_NOTIFY,
	SIP_PUBLISH,
	SIP_INFO,
	SIP_REFER,
	SIP_MESSAGE,
	SIP_UPDATE,
	SIP_OTHER
};
extern const char *const sip_method_names[SIP_OTHER];
enum sip_method sip_method_of(struct span name);

enum sip_hdr_id {
#define HDR(id, name, compact, times, split) SIP_HDR_##id,
#include "sip/hdr.def"
#undef HDR
	SIP_HDR_OTHER,
	SIP_HDR_COUNT = SIP_HDR_OTHER
};

/* sip:user:password@host:port;params?headers (RFC 3261 19.1), or another scheme kept as text. */
struct sip_uri {
	struct span text;                         /* the whole URI as written */
	struct span scheme, user, password, host; /* v6 hosts without brackets are never written: host keeps them */
	struct span params, headers;              /* without the leading ';' and '?' */
	uint16_t port;                            /* 0: not given */
	bool is_sip, secure;
	bool is_tel; /* a tel: URI (RFC 3966) whose number is in user, as written */
};
bool sip_is_token(struct span s);   /* RFC 3261 25.1 */
bool sip_is_visible(struct span s); /* not empty; no white space and no control characters */
bool sip_uri_parse(struct span s, struct sip_uri *u);
/* RFC 3261 19.1.4: the same resource? */
bool sip_uri_eq(const struct sip_uri *a, const struct sip_uri *b);
/* A parameter of a ';' list: false if absent; *value is empty when it has none. Quotes are respected, not removed. */
bool sip_param(struct span params, const char *name, struct span *value);
/* The next ";name=value" of a list; false at the end. */
bool sip_param_next(struct span *params, struct span *name, struct span *value);
void sip_out_unescaped(struct out *o, struct span s);          /* %41 becomes A */
void sip_out_uri_user(struct out *o, const struct sip_uri *u); /* so; of tel: without the visual separators */
void sip_out_quoted(struct out *o, struct span text);          /* "as a quoted string" */
void sip_out_unquoted(struct out *o, struct span s);           /* what a quoted string says, of its inside */
void sip_out_user(struct out *o, struct span user);            /* with what a user part may not hold escaped */

/* ["Display"] <uri>;params, or uri;params (RFC 3261 20.10). */
struct sip_naddr {
	struct span text;    /* the whole value as written */
	struct span display; /* quotes removed, escapes kept */
	struct sip_uri uri;
	struct span params, tag;
};
bool sip_naddr_parse(struct span s, struct sip_naddr *a);
/* The same where only the tag is wanted: of the URI no more than its text is taken, which is there, but unlooked at. */
bool sip_naddr_tag(struct span s, struct sip_naddr *a);

struct sip_via {
	struct span text, transport, host, params, branch, received;
	uint16_t port; /* 0: not given */
	bool has_rport;
	uint16_t rport; /* 0: asked for but empty */
	struct addr maddr;
};
bool sip_via_parse(struct span s, struct sip_via *v);

struct sip_hdr {
	enum sip_hdr_id id;
	struct span name, value; /* trimmed; folding replaced by spaces */
};

struct sip_msg {
	unsigned refs, room; /* room: bytes of the block that it is in */
	bool request;
	enum sip_method method; /* of the request, or of CSeq for a response */
	struct span method_text, reason;
	unsigned status;
	struct sip_hdr *hdrs;
	unsigned n_hdrs, n_vias;
	uint64_t have, many;        /* bit per sip_hdr_id: there is one; there are several */
	bool contact_star, too_old; /* too_old: RFC 2543 branch */
	struct span call_id, content_type, body, bytes;
	uint32_t cseq, max_forwards, expires; /* SIP_NO_NUMBER: absent */
	struct flow flow;                     /* how it came; set by the transport */
	unsigned bad_code;                    /* 0: well formed; 400, 505, 416…: what a server answers */
	const char *bad;                      /* the phrase for it; a literal */
	/* from here on nothing is zeroed before it is written */
	struct sip_via via;                 /* the top one */
	struct sip_naddr from, to, contact; /* in responses and within dialogs From's and To's URIs are unparsed.
					       contact: the first; uri.text empty when none or "*" */
	struct sip_uri ruri;
	uint8_t first[SIP_HDR_COUNT]; /* which of hdrs it is, if there is one */
};
#define SIP_NO_NUMBER   UINT32_MAX
#define SIP_MAX_MESSAGE 65535
#define SIP_MAX_HEADERS 256

/*
 * Parses one whole message. NULL when it is not even a SIP message with a usable top Via, Call-ID, CSeq, From and To
 * (*why: a phrase); otherwise a message with one reference, whose bad_code tells whether a request must be refused and
 * a response dropped. `bytes` is copied: one allocation. On streams the caller has cut at Content-Length.
 */
struct sip_msg *sip_msg_parse(struct span bytes, const char **why);
/* The same in a block that an earlier message left in *spare, if it is large enough. */
struct sip_msg *sip_msg_parse_in(struct sip_msg **spare, struct span bytes, const char **why);
/* Gives a reference back; the last one leaves its block in *spare, if that is empty. */
void sip_msg_spare(struct sip_msg **spare, struct sip_msg *m);
/*
 * No more than an answer copies: the method, Vias, From, To, Call-ID and CSeq, with their values unparsed but for the
 * top Via. Nothing is allocated or copied: spans point into `bytes`. False: not that simple; parse it.
 */
#define SIP_GLANCE_MAX 16
bool sip_msg_glance(struct span bytes, struct sip_msg *m, struct sip_hdr hdrs[SIP_GLANCE_MAX]);
struct sip_msg *sip_msg_ref(struct sip_msg *m);
void sip_msg_unref(struct sip_msg *m); /* NULL is fine */

/* The first header of this kind, or NULL. */
const struct sip_hdr *sip_hdr(const struct sip_msg *m, enum sip_hdr_id id);
struct span sip_hdr_value(const struct sip_msg *m, enum sip_hdr_id id); /* of the first; empty when absent */
/* The nth (from 0) header with this name, known or not, in either form; empty with p == NULL when absent. */
struct span sip_hdr_named(const struct sip_msg *m, struct span name, unsigned nth);
/* Walks all values of a header: lists are split at their commas. Start with a zeroed cursor. */
struct sip_walk {
	unsigned at;
	struct span rest;
};
bool sip_walk(const struct sip_msg *m, enum sip_hdr_id id, struct sip_walk *w, struct span *value);
bool sip_has_token(const struct sip_msg *m, enum sip_hdr_id id, const char *token); /* "100rel" in Supported */
const char *sip_hdr_name(enum sip_hdr_id id);
/* The body if it has this type, else the first part of a multipart that has; p is NULL when there is none. */
struct span sip_body_part(const struct sip_msg *m, const char *type);

/* Where the first message in a stream's bytes ends; 0: not complete yet; -EMSGSIZE or -EBADMSG: close the connection.
 */
long sip_frame(struct span bytes);
/* The same for bytes that grow: zeroed at the start of each message, it keeps what need not be looked at again. */
struct sip_framing {
	size_t seen; /* the headers do not end before this */
	size_t look; /* nor the message */
};
long sip_frame_on(struct span bytes, struct sip_framing *f);
const char *sip_reason_phrase(unsigned code); /* RFC 3261 21 and its successors; "Unknown" otherwise */
