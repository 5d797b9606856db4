/* conf/table_endpoint.c: the options of `type=endpoint`, in alphabetical order. */
#include "conf/opt.h"

#define AT(f) offsetof(struct conf_endpoint, f)

static const char *const rel100_names[] = { "no", "yes", "required", "peer_supported", NULL };
static const char *const timers_names[] = { "no", "yes", "required", "always/forced", NULL };
static const char *const privacy_names[] = { "allowed_not_screened",  "allowed_passed_screen",
					     "allowed_failed_screen", "allowed",
					     "prohib_not_screened",   "prohib_passed_screen",
					     "prohib_failed_screen",  "prohib",
					     "unavailable",           NULL };
static const char *const method_names[] = { "invite", "reinvite", "update", NULL };
static const char *const glare_names[] = { "none", "outgoing", "incoming", NULL };
static const char *const setup_names[] = { "active", "passive", "actpass", NULL };
static const char *const fingerprint_names[] = { "SHA-256", "SHA-1", NULL };
static const char *const verify_names[] = { "no/off/0/false", "yes/on/1/true", "fingerprint", "certificate", NULL };
static const char *const dtmf_names[] = { "rfc4733", "inband", "info", "auto", "auto_info", "none", NULL };
static const char *const identify_names[] = { "username", "auth_username", "ip", "header", "request_uri", NULL };
static const char *const incoming_pref_names[] = { "local", "local_first", "remote", "remote_first", NULL };
static const char *const outgoing_pref_names[] = { "local",        "local_merge",  "local_first", "remote",
						   "remote_merge", "remote_first", NULL };
static const char *const encryption_names[] = { "no", "sdes", "dtls", NULL };
static const char *const redirect_names[] = { "user", "uri_core", "uri_pjsip", NULL };
static const char *const security_names[] = { "no", "mediasec", NULL };
static const char *const shaken_names[] = { "no/off/0/false", "yes/on/1/true", "attest", "verify", NULL };
static const char *const ec_names[] = { "none", "fec", "redundancy", NULL };

/* What a template has stays with it: each change has a copy of its own. */
static struct conf_pickup *changed_pickup(struct opt_cx *cx, void *field)
{
	const struct conf_pickup **at = field;
	struct conf_pickup *p = arena_alloc(cx->arena, sizeof *p);

	*p = *at ? **at : (struct conf_pickup){ .named_call = "", .named_pickup = "" };
	*at = p;
	return p;
}

/* "1,3-5"; false and a phrase when that is no list of groups. */
static bool read_groups(struct opt_cx *cx, struct span v, uint64_t *bits)
{
	struct span one;

	*bits = 0;
	while (span_cut(&v, ',', &one)) {
		struct span last = span_trim(one), first;
		uint32_t from, to;
		bool range = span_chr(last, '-') > 0;

		if (!last.n)
			continue;
		if (range)
			span_cut(&last, '-', &first);
		if (!span_u32(span_trim(last), 63, &to) ||
		    !(range ? span_u32(span_trim(first), 63, &from) : (from = to, true)) || from > to)
			return opt_bad(cx, "'%.*s' is no group from 0 to 63, nor a range of them", SP(one));
		for (; from <= to; from++)
			*bits |= (uint64_t)1 << from;
	}
	return true;
}

static bool set_groups(struct opt_cx *cx, void *field, struct span v, bool pickup)
{
	struct conf_pickup *p;
	uint64_t bits;

	if (!read_groups(cx, v, &bits))
		return false;
	if (!bits && !*(const struct conf_pickup **)field)
		return true;
	p = changed_pickup(cx, field);
	*(pickup ? &p->pickup : &p->call) = bits;
	return true;
}

static bool set_call_group(struct opt_cx *cx, void *field, struct span v)
{
	return set_groups(cx, field, v, false);
}

static bool set_pickup_group(struct opt_cx *cx, void *field, struct span v)
{
	return set_groups(cx, field, v, true);
}

static bool set_named_groups(struct opt_cx *cx, void *field, struct span v, bool pickup)
{
	struct conf_pickup *p;

	if (!v.n && !*(const struct conf_pickup **)field)
		return true;
	p = changed_pickup(cx, field);
	*(pickup ? &p->named_pickup : &p->named_call) = arena_str(cx->arena, v);
	return true;
}

static bool set_named_call(struct opt_cx *cx, void *field, struct span v)
{
	return set_named_groups(cx, field, v, false);
}

static bool set_named_pickup(struct opt_cx *cx, void *field, struct span v)
{
	return set_named_groups(cx, field, v, true);
}

/* "1, 3-5", as Asterisk writes it. */
static void show_groups(uint64_t bits, struct out *o)
{
	for (uint32_t i = 0; i < 64; i++) {
		uint32_t last = i;

		if (!(bits >> i & 1))
			continue;
		while (last < 63 && bits >> (last + 1) & 1)
			last++;
		out_all(o, o->n ? ", " : "", i);
		if (last > i)
			out_all(o, "-", last);
		i = last;
	}
}

static const struct conf_pickup *pickup_at(const void *field)
{
	return *(const struct conf_pickup *const *)field;
}

static void show_call_group(const struct opt *opt UNUSED, const void *field, const void *obj UNUSED, struct out *o)
{
	show_groups(pickup_at(field) ? pickup_at(field)->call : 0, o);
}

static void show_pickup_group(const struct opt *opt UNUSED, const void *field, const void *obj UNUSED, struct out *o)
{
	show_groups(pickup_at(field) ? pickup_at(field)->pickup : 0, o);
}

static void show_named_call(const struct opt *opt UNUSED, const void *field, const void *obj UNUSED, struct out *o)
{
	out_str(o, pickup_at(field) ? pickup_at(field)->named_call : "");
}

static void show_named_pickup(const struct opt *opt UNUSED, const void *field, const void *obj UNUSED, struct out *o)
{
	out_str(o, pickup_at(field) ? pickup_at(field)->named_pickup : "");
}

const struct opt endpoint_opts[] = {
	{ "100rel", OPT_ENUM, AT(rel100), .def = "yes", .names = rel100_names,
	  .help = "Whether ringing and early media are acknowledged (PRACK, RFC 3262): never, when the peer requires "
		  "it, "
		  "demanded of it, or whenever it can." },
	{ "accept_multiple_sdp_answers", OPT_BOOL, .def = "no", .waits_for = "forked early media",
	  .help = "Follow a second, different answer to one offer." },
	{ "accountcode", OPT_STR, AT(accountcode), .def = "",
	  .help = "Account that calls from here are charged to in call records." },
	{ "acl", OPT_CUSTOM, AT(acl), .set = set_acl_names, .show = show_nothing,
	  .help = "Sections of acl.conf that the source of a request must pass." },
	{ "aggregate_mwi", OPT_BOOL, .def = "yes", .waits_for = "message waiting indication",
	  .help = "Report all mailboxes in one notification." },
	{ "allow", OPT_CODECS, AT(codecs), .def = "",
	  .help = "Codecs to offer and accept, best first; `!name` takes one away, `all` means every one." },
	{ "allow_overlap", OPT_BOOL, .def = "yes", .waits_for = "overlap dialling",
	  .help = "Answer 484 to numbers that may still grow." },
	{ "allow_subscribe", OPT_BOOL, AT(allow_subscribe), .def = "yes",
	  .help = "Whether the peer may subscribe to states of extensions." },
	{ "allow_transfer", OPT_BOOL, AT(allow_transfer), .def = "yes",
	  .help = "Whether the peer may transfer calls (REFER, and INVITE with Replaces)." },
	{ "allow_unauthenticated_options", OPT_BOOL, AT(allow_unauthenticated_options), .def = "no",
	  .help = "Answer OPTIONS without asking for a password." },
	{ "aors", OPT_REFS, AT(aors), .def = "", .of = "aor", .at_n = AT(n_aors),
	  .help = "Addresses of record: where calls to this endpoint go, and what it may register." },
	{ "asymmetric_rtp_codec", OPT_BOOL, .def = "no",
	  .no_effect = "what is sent follows the agreement, whatever of it the peer sends in",
	  .help = "Let each direction use a codec of its own." },
	{ "auth", OPT_REFS, AT(auth), .def = "", .of = "auth", .at_n = AT(n_auth),
	  .help = "Credentials the peer must show; none: it is not asked." },
	{ "bind_rtp_to_media_address", OPT_BOOL, AT(bind_rtp_to_media_address), .def = "no",
	  .help = "Open the media ports on `media_address` only." },
	{ "bundle", OPT_BOOL, .def = "no", .waits_for = "WebRTC", .help = "Carry all media over one port (RFC 9143)." },
	{ "call_group", OPT_CUSTOM, AT(pickup), .def = "", .set = set_call_group, .show = show_call_group,
	  .help = "Numbered groups, 0 to 63, that calls to here belong to: `1,3-5`." },
	{ "callerid", OPT_CUSTOM, .def = "", .set = set_callerid, .show = show_callerid,
	  .help = "Caller id of calls from here: `\"Name\" <number>`, or `asreceived`." },
	{ "callerid_privacy", OPT_ENUM, .def = "allowed_not_screened", .names = privacy_names,
	  .waits_for = "caller id privacy", .help = "Whether the caller id of calls from here may be shown." },
	{ "callerid_tag", OPT_STR, .waits_for = "caller id tags",
	  .help = "A word that the dialplan finds beside the caller id." },
	{ "codec_prefs_incoming_answer", OPT_STR, .def = "prefer: pending", .waits_for = "codec preferences",
	  .help = "How codecs are chosen when the peer's offer is answered." },
	{ "codec_prefs_incoming_offer", OPT_STR, .def = "prefer: pending", .waits_for = "codec preferences",
	  .help = "How codecs of the peer's offer are passed on." },
	{ "codec_prefs_outgoing_answer", OPT_STR, .def = "prefer: pending", .waits_for = "codec preferences",
	  .help = "How codecs of the peer's answer are passed on." },
	{ "codec_prefs_outgoing_offer", OPT_STR, .def = "prefer: pending", .waits_for = "codec preferences",
	  .help = "How codecs are chosen for an offer to the peer." },
	{ "connected_line_method", OPT_ENUM, .def = "invite", .names = method_names,
	  .waits_for = "connected line updates", .help = "Request that tells the peer whom it is talking to now." },
	{ "contact_acl", OPT_CUSTOM, AT(contact_acl), .set = set_acl_names, .show = show_nothing,
	  .help = "Sections of acl.conf that a registered Contact's address must pass." },
	{ "contact_deny", OPT_CUSTOM, AT(contact_acl), .set = set_deny, .show = show_acl,
	  .help = "Addresses that a registered Contact must not have." },
	{ "contact_permit", OPT_CUSTOM, AT(contact_acl), .set = set_permit, .show = show_nothing,
	  .help = "Addresses that a registered Contact may have after all." },
	{ "contact_user", OPT_STR, AT(contact_user), .def = "",
	  .help = "User part of our Contact in requests to the peer." },
	{ "context", OPT_STR, AT(context), .def = "default", .help = "Dialplan context where calls from here begin." },
	{ "cos_audio", OPT_UINT, .def = "0", .max = 7, .waits_for = "Ethernet priorities",
	  .help = "Ethernet priority of audio packets." },
	{ "cos_video", OPT_UINT, .def = "0", .max = 7, .waits_for = "video",
	  .help = "Ethernet priority of video packets." },
	{ "deny", OPT_CUSTOM, AT(acl), .set = set_deny, .show = show_acl,
	  .help = "Source addresses that requests must not come from." },
	{ "device_state_busy_at", OPT_UINT, AT(device_state_busy_at), .def = "0", .unit = "calls",
	  .help = "Calls from which on DEVICE_STATE and `show` say busy; 0: never." },
	{ "direct_media", OPT_BOOL, .def = "yes",
	  .no_effect = "media always goes through the server: the only path that works behind every NAT",
	  .help = "Let the two ends of a call exchange media directly." },
	{ "direct_media_glare_mitigation", OPT_ENUM, .def = "none", .names = glare_names,
	  .no_effect = "media always goes through the server",
	  .help = "Which side holds back its first direct media request." },
	{ "direct_media_method", OPT_ENUM, .def = "invite", .names = method_names,
	  .no_effect = "media always goes through the server", .help = "Request that would set up direct media." },
	{ "disable_direct_media_on_nat", OPT_BOOL, .def = "no", .no_effect = "media always goes through the server",
	  .help = "No direct media when NAT is seen." },
	{ "disallow", OPT_CODECS, AT(codecs),
	  .help = "Codecs to take away from those allowed so far; `all` clears the list." },
	{ "dtls_auto_generate_cert", OPT_BOOL, .def = "no", .waits_for = "DTLS-SRTP",
	  .help = "Make a certificate for each call." },
	{ "dtls_ca_file", OPT_STR, .waits_for = "DTLS-SRTP",
	  .help = "File of authorities that may sign the peer's certificate." },
	{ "dtls_ca_path", OPT_STR, .waits_for = "DTLS-SRTP",
	  .help = "Folder of authorities that may sign the peer's certificate." },
	{ "dtls_cert_file", OPT_STR, .waits_for = "DTLS-SRTP", .help = "Our certificate for media keys." },
	{ "dtls_cipher", OPT_STR, .waits_for = "DTLS-SRTP", .help = "Ciphers to offer." },
	{ "dtls_fingerprint", OPT_ENUM, .def = "SHA-256", .names = fingerprint_names, .waits_for = "DTLS-SRTP",
	  .help = "Hash of the fingerprint in the SDP." },
	{ "dtls_private_key", OPT_STR, .waits_for = "DTLS-SRTP", .help = "Key of our certificate." },
	{ "dtls_rekey", OPT_UINT, .def = "0", .unit = "s", .waits_for = "DTLS-SRTP",
	  .help = "How often to agree on new keys; 0: never." },
	{ "dtls_setup", OPT_ENUM, .def = "active", .names = setup_names, .waits_for = "DTLS-SRTP",
	  .help = "Which side opens the handshake." },
	{ "dtls_verify", OPT_ENUM, .def = "no", .names = verify_names, .waits_for = "DTLS-SRTP",
	  .help = "What of the peer's certificate is checked." },
	{ "dtmf_mode", OPT_ENUM, AT(dtmf_mode), .def = "rfc4733", .names = dtmf_names,
	  .help = "How key presses travel. telephone-event passes and is heard; a key that comes by INFO is heard by "
		  "the dialplan, and goes to the other leg as that has it; inband keys pass as sound." },
	{ "fax_detect", OPT_BOOL, .def = "no", .waits_for = "T.38 fax",
	  .help = "Listen for fax tones and go to extension `fax`." },
	{ "fax_detect_timeout", OPT_UINT, .def = "0", .unit = "s", .waits_for = "T.38 fax",
	  .help = "How long to listen for fax tones; 0: the whole call." },
	{ "follow_early_media_fork", OPT_BOOL, AT(follow_early_media_fork), .def = "yes",
	  .help = "Follow the latest of several early media sources." },
	{ "follow_redirect_methods", OPT_STR, .waits_for = "redirected MESSAGE",
	  .help = "Requests besides INVITE whose redirects are followed." },
	{ "force_avp", OPT_BOOL, AT(force_avp), .def = "no",
	  .help = "Offer RTP/AVP even with SRTP, and take what comes; as `media_encryption_optimistic`." },
	{ "force_rport", OPT_BOOL, AT(force_rport), .def = "yes",
	  .help = "Answer requests to the address and port they came from, whatever their Via says." },
	{ "from_domain", OPT_STR, AT(from_domain), .def = "",
	  .help = "Host of the From header in requests to the peer." },
	{ "from_user", OPT_STR, AT(from_user), .def = "", .help = "User of the From header in requests to the peer." },
	{ "g726_non_standard", OPT_BOOL, .def = "no", .waits_for = "G.726 with AAL2 packing",
	  .help = "Take G.726-32 to be packed as AAL2." },
	{ "geoloc_incoming_call_profile", OPT_STR, .waits_for = "geolocation",
	  .help = "Geolocation profile of calls from here." },
	{ "geoloc_outgoing_call_profile", OPT_STR, .waits_for = "geolocation",
	  .help = "Geolocation profile of calls to here." },
	{ "ice_support", OPT_BOOL, .def = "no", .waits_for = "ICE", .help = "Find the media path by ICE (RFC 8445)." },
	{ "identify_by", OPT_FLAGS, AT(identify_by), .def = "username,ip", .names = identify_names,
	  .help = "By what requests are taken to be from this endpoint." },
	{ "ignore_183_without_sdp", OPT_BOOL, .def = "no",
	  .no_effect = "a 183 that carries no media is never passed on: it would end the caller's ringing tone",
	  .help = "Do not pass on a 183 that carries no media." },
	{ "inband_progress", OPT_BOOL, AT(inband_progress), .def = "no",
	  .help = "Send ringing as sound (183) rather than as 180." },
	{ "incoming_call_offer_pref", OPT_ENUM, .def = "local", .names = incoming_pref_names,
	  .waits_for = "codec preferences", .help = "Whose order of codecs counts in calls from here." },
	{ "incoming_mwi_mailbox", OPT_STR, .waits_for = "message waiting indication",
	  .help = "Mailbox that the peer's notifications are about." },
	{ "language", OPT_STR, AT(language), .def = "", .help = "Language of the sounds played." },
	{ "mailboxes", OPT_STR, .waits_for = "message waiting indication",
	  .help = "Mailboxes whose state is sent to the peer." },
	{ "max_audio_streams", OPT_UINT, .def = "1", .no_effect = "a call has one audio stream",
	  .help = "Audio streams in one call." },
	{ "max_video_streams", OPT_UINT, .def = "1", .waits_for = "video", .help = "Video streams in one call." },
	{ "media_address", OPT_CUSTOM, AT(media_address), .def = "", .set = set_external_host,
	  .help = "Address written into SDP for this endpoint." },
	{ "media_encryption", OPT_ENUM, AT(media_encryption), .def = "no", .names = encryption_names,
	  .help = "How media is encrypted: sdes is SRTP with keys in SDP; dtls is not served yet, and goes without." },
	{ "media_encryption_optimistic", OPT_BOOL, AT(media_encryption_optimistic), .def = "no",
	  .help = "Encrypt if the peer can, else do without." },
	{ "media_use_received_transport", OPT_BOOL, .def = "no",
	  .no_effect = "an answer always has the profile of the offer",
	  .help = "Answer with the profile that the offer has." },
	{ "message_context", OPT_STR, .def = "", .waits_for = "MESSAGE",
	  .help = "Dialplan context for MESSAGE requests; empty: `context`." },
	{ "moh_passthrough", OPT_BOOL, AT(moh_passthrough), .def = "no",
	  .help = "A hold of the other side is passed on to this endpoint by re-INVITE, and no music is played." },
	{ "moh_suggest", OPT_STR, AT(moh_suggest), .def = "default",
	  .help = "Class of music that the other side hears when this endpoint holds the call." },
	{ "mwi_from_user", OPT_STR, .waits_for = "message waiting indication",
	  .help = "User of the From header in notifications." },
	{ "mwi_subscribe_replaces_unsolicited", OPT_BOOL, .def = "no", .waits_for = "message waiting indication",
	  .help = "A subscription ends unasked notifications." },
	{ "named_call_group", OPT_CUSTOM, AT(pickup), .def = "", .set = set_named_call, .show = show_named_call,
	  .help = "Named groups that calls to here belong to." },
	{ "named_pickup_group", OPT_CUSTOM, AT(pickup), .def = "", .set = set_named_pickup, .show = show_named_pickup,
	  .help = "Named groups whose calls may be picked up from here." },
	{ "notify_early_inuse_ringing", OPT_BOOL, AT(notify_early_inuse_ringing), .def = "no",
	  .help = "Show a busy and ringing phone as ringing." },
	{ "one_touch_recording", OPT_BOOL, .def = "no", .waits_for = "recording by key",
	  .help = "Whether a Record: header starts and stops recording." },
	{ "outbound_auth", OPT_REFS, AT(outbound_auth), .def = "", .of = "auth", .at_n = AT(n_outbound_auth),
	  .help = "Credentials we show when the peer asks." },
	{ "outbound_proxy", OPT_URI, AT(outbound_proxy), .def = "",
	  .help = "Proxy that requests to the peer go through." },
	{ "outgoing_call_offer_pref", OPT_ENUM, .def = "remote_merge", .names = outgoing_pref_names,
	  .waits_for = "codec preferences", .help = "Whose order of codecs counts in calls to here." },
	{ "overlap_context", OPT_STR, .waits_for = "overlap dialling",
	  .help = "Dialplan context for numbers that may still grow." },
	{ "permit", OPT_CUSTOM, AT(acl), .set = set_permit, .show = show_nothing,
	  .help = "Source addresses that are allowed after all." },
	{ "pickup_group", OPT_CUSTOM, AT(pickup), .def = "", .set = set_pickup_group, .show = show_pickup_group,
	  .help = "Numbered groups whose calls may be picked up from here." },
	{ "preferred_codec_only", OPT_BOOL, AT(preferred_codec_only), .def = "no",
	  .help = "Answer an offer with one codec only." },
	{ "record_off_feature", OPT_STR, .def = "automixmon", .waits_for = "recording by key",
	  .help = "Feature that ends a recording." },
	{ "record_on_feature", OPT_STR, .def = "automixmon", .waits_for = "recording by key",
	  .help = "Feature that begins a recording." },
	{ "redirect_method", OPT_ENUM, AT(redirect_method), .def = "user", .names = redirect_names,
	  .help = "What of a 302's Contact is followed: its user in the dialplan, or the URI." },
	{ "refer_blind_progress", OPT_BOOL, AT(refer_blind_progress), .def = "yes",
	  .help = "Tell who transfers blindly how the call goes on until it is answered; else only that it went." },
	{ "rewrite_contact", OPT_BOOL, AT(rewrite_contact), .def = "no",
	  .help = "Store and dial the address a message came from instead of the one in its Contact. Not written: yes "
		  "for "
		  "phones that register, unless compat=asterisk." },
	{ "rpid_immediate", OPT_BOOL, .def = "no", .waits_for = "connected line updates",
	  .help = "Tell the peer at once when the party changes." },
	{ "rtcp_mux", OPT_BOOL, AT(rtcp_mux), .def = "no", .help = "Carry RTCP on the RTP port (RFC 5761)." },
	{ "rtp_engine", OPT_STR, .def = "asterisk", .no_effect = "there is one media engine",
	  .help = "Engine that carries the media." },
	{ "rtp_ipv6", OPT_BOOL, AT(rtp_ipv6), .def = "no", .help = "Offer IPv6 media addresses." },
	{ "rtp_keepalive", OPT_UINT, AT(rtp_keepalive), .def = "0", .unit = "s",
	  .help = "Send a packet after so much silence of ours; 0: never. Not written: silence in the codec "
		  "agreed on opens the way until the peer is heard, unless compat=asterisk." },
	{ "rtp_port_end", OPT_UINT, AT(rtp_port_end), .def = "0", .max = 65535,
	  .help = "Last media port for this endpoint; 0: as rtp.conf says." },
	{ "rtp_port_start", OPT_UINT, AT(rtp_port_start), .def = "0", .max = 65535,
	  .help = "First media port for this endpoint; 0: as rtp.conf says." },
	{ "rtp_symmetric", OPT_BOOL, AT(rtp_symmetric), .def = "no",
	  .help = "Send media back to the address it arrives from, whatever the SDP says. Not written: yes for phones "
		  "that "
		  "register, unless compat=asterisk." },
	{ "rtp_timeout", OPT_UINT, AT(rtp_timeout), .def = "0", .unit = "s",
	  .help = "Hang up after so long without media; 0: never." },
	{ "rtp_timeout_hold", OPT_UINT, AT(rtp_timeout_hold), .def = "0", .unit = "s",
	  .help = "The same while the call is on hold." },
	{ "sdp_owner", OPT_STR, AT(sdp_owner), .def = "-", .help = "User name in the SDP's o= line." },
	{ "sdp_session", OPT_STR, AT(sdp_session), .def = "Asterisk", .help = "Text of the SDP's s= line." },
	{ "security_mechanisms", OPT_STR, .waits_for = "media security (RFC 3329)",
	  .help = "Mechanisms named in Security-Client." },
	{ "security_negotiation", OPT_ENUM, .def = "no", .names = security_names,
	  .waits_for = "media security (RFC 3329)", .help = "Agree on security by Security-Client headers." },
	{ "send_aoc", OPT_BOOL, .def = "no", .waits_for = "advice of charge",
	  .help = "Tell the peer what the call costs." },
	{ "send_connected_line", OPT_BOOL, .def = "yes", .waits_for = "connected line updates",
	  .help = "Tell the peer whom it is talking to now." },
	{ "send_diversion", OPT_BOOL, .def = "yes", .waits_for = "Diversion headers",
	  .help = "Say that a call was redirected, and from where." },
	{ "send_history_info", OPT_BOOL, .def = "no", .waits_for = "History-Info headers",
	  .help = "Send the call's history (RFC 7044)." },
	{ "send_pai", OPT_BOOL, AT(send_pai), .def = "no", .help = "Send P-Asserted-Identity (RFC 3325)." },
	{ "send_rpid", OPT_BOOL, AT(send_rpid), .def = "no", .help = "Send Remote-Party-ID." },
	{ "set_var", OPT_LIST, AT(set_var), .help = "Channel variable `name=value` of calls from here." },
	{ "srtp_tag_32", OPT_BOOL, AT(srtp_tag_32), .def = "no", .help = "Offer the 32-bit authentication tag." },
	{ "stir_shaken", OPT_ENUM, .def = "no", .names = shaken_names, .waits_for = "STIR/SHAKEN",
	  .help = "Sign and verify caller ids." },
	{ "stir_shaken_profile", OPT_STR, .waits_for = "STIR/SHAKEN", .help = "Profile for signing and verifying." },
	{ "sub_min_expiry", OPT_UINT, AT(sub_min_expiry), .def = "0", .unit = "s",
	  .help = "Shortest subscription accepted." },
	{ "subscribe_context", OPT_STR, AT(subscribe_context), .def = "",
	  .help = "Dialplan context whose hints the peer may subscribe to; not written: `context`." },
	{ "suppress_moh_on_sendonly", OPT_BOOL, AT(suppress_moh_on_sendonly), .def = "no",
	  .help = "When this endpoint holds the call no music is played: what it sends is heard." },
	{ "suppress_q850_reason_headers", OPT_BOOL, AT(suppress_q850_reason_headers), .def = "no",
	  .help = "Do not send Reason headers with Q.850 causes." },
	{ "t38_bind_udptl_to_media_address", OPT_BOOL, .def = "no", .waits_for = "T.38 fax",
	  .help = "Open the fax port on `media_address` only." },
	{ "t38_udptl", OPT_BOOL, .def = "no", .waits_for = "T.38 fax", .help = "Whether fax may switch to T.38." },
	{ "t38_udptl_ec", OPT_ENUM, .def = "none", .names = ec_names, .waits_for = "T.38 fax",
	  .help = "Error correction of T.38." },
	{ "t38_udptl_ipv6", OPT_BOOL, .def = "no", .waits_for = "T.38 fax", .help = "Offer IPv6 addresses for T.38." },
	{ "t38_udptl_maxdatagram", OPT_UINT, .def = "0", .unit = "bytes", .waits_for = "T.38 fax",
	  .help = "Largest T.38 packet; 0: as the peer says." },
	{ "t38_udptl_nat", OPT_BOOL, .def = "no", .waits_for = "T.38 fax",
	  .help = "Send T.38 back to where it comes from." },
	{ "tenantid", OPT_STR, .waits_for = "tenants", .help = "Tenant that calls from here belong to." },
	{ "timers", OPT_ENUM, AT(timers), .def = "yes", .names = timers_names,
	  .help = "Session timers (RFC 4028): never, when the peer agrees, demanded of it, or also without its help." },
	{ "timers_min_se", OPT_UINT, AT(timers_min_se), .def = "90", .min = 90, .max = 86400, .unit = "s",
	  .help = "Shortest session refresh interval accepted." },
	{ "timers_sess_expires", OPT_UINT, AT(timers_sess_expires), .def = "1800", .min = 90, .max = 4294967295.0,
	  .unit = "s", .help = "Session refresh interval we ask for, and the longest we agree to." },
	{ "tone_zone", OPT_STR, .waits_for = "tone zones", .help = "Country whose tones are played." },
	{ "tos_audio", OPT_TOS, AT(tos_audio), .def = "0", .help = "Type of service of audio packets." },
	{ "tos_video", OPT_TOS, .def = "0", .waits_for = "video", .help = "Type of service of video packets." },
	{ "transport", OPT_REF, AT(transport), .def = "", .of = "transport",
	  .help = "Transport for requests to the peer; empty: by the destination." },
	{ "trust_connected_line", OPT_BOOL, .def = "yes", .waits_for = "connected line updates",
	  .help = "Believe what the peer says about the connected party." },
	{ "trust_id_inbound", OPT_BOOL, AT(trust_id_inbound), .def = "no",
	  .help = "Believe the identity that the peer asserts." },
	{ "trust_id_outbound", OPT_BOOL, AT(trust_id_outbound), .def = "no",
	  .help = "Show private identities to the peer." },
	{ "use_avpf", OPT_BOOL, .def = "no", .waits_for = "WebRTC", .help = "Demand the profile RTP/AVPF." },
	{ "use_ptime", OPT_BOOL, AT(use_ptime), .def = "no", .help = "Send packets as long as the peer asks for." },
	{ "user_eq_phone", OPT_BOOL, AT(user_eq_phone), .def = "no",
	  .help = "Add `;user=phone` to URIs whose user is a number." },
	{ "voicemail_extension", OPT_STR, .waits_for = "message waiting indication",
	  .help = "Extension to dial for messages, told in notifications." },
	{ "webrtc", OPT_BOOL, .def = "no", .waits_for = "WebRTC", .loud = true,
	  .help = "Everything that a browser needs, in one word." },
	{ 0 },
};
