/* conf/table_pjsip.c: the options of pjsip.conf's other types, each in alphabetical order. */
#include "conf/opt.h"

const char *const conf_proto_names[] = { "udp", "tcp", "tls", "ws", "wss", "flow", NULL };
static const char *const algorithm_names[] = { "MD5", "SHA-256", "SHA-512-256", NULL };
static const char *const order_names[] = {
	"ip", "username", "auth_username", "anonymous", "header", "request_uri", NULL
};
static const char *const trigger_names[] = { "none", "global", "pjsip_only", NULL };
static const char *const tls_method_names[] = {
	"default/unspecified/sslv23", "tlsv1", "tlsv1_1", "tlsv1_2", "tlsv1_3", "sslv2", "sslv3", NULL
};
static const char *const auth_type_names[] = { "userpass", "md5", "digest", NULL };
static const char *const security_names[] = { "no", "mediasec", NULL };

#define AT(f) offsetof(struct conf_global, f)
const struct opt global_opts[] = {
	{ "all_codecs_on_empty_reinvite", OPT_BOOL, .def = "no", .waits_for = "offers without SDP",
	  .help = "Offer every allowed codec when a re-INVITE has no offer." },
	{ "allow_sending_180_after_183", OPT_BOOL, .def = "no", .waits_for = "ringing after early media",
	  .help = "Send 180 even after 183." },
	{ "contact_expiration_check_interval", OPT_UINT, .def = "30", .unit = "s",
	  .no_effect = "a contact goes at the moment when it expires",
	  .help = "How often expired contacts are looked for." },
	{ "debug", OPT_STR, .def = "no", .waits_for = "message logging from the start",
	  .help = "Log SIP messages of all, or of one host." },
	{ "default_auth_algorithms_uac", OPT_FLAGS, AT(default_auth_algorithms_uac), .def = "MD5",
	  .names = algorithm_names, .help = "Digest algorithms we answer with." },
	{ "default_auth_algorithms_uas", OPT_FLAGS, AT(default_auth_algorithms_uas), .def = "MD5",
	  .names = algorithm_names, .help = "Digest algorithms we ask for." },
	{ "default_from_user", OPT_STR, AT(default_from_user), .def = "asterisk",
	  .help = "User of the From header when nobody is named." },
	{ "default_outbound_endpoint", OPT_STR, .def = "default_outbound_endpoint",
	  .waits_for = "MESSAGE and NOTIFY to plain URIs", .help = "Endpoint for requests to plain URIs." },
	{ "default_realm", OPT_STR, AT(default_realm), .def = "asterisk", .help = "Realm of challenges." },
	{ "default_voicemail_extension", OPT_STR, .def = "", .waits_for = "message waiting indication",
	  .help = "Extension to dial for messages." },
	{ "disable_multi_domain", OPT_BOOL, AT(disable_multi_domain), .def = "no",
	  .help = "Do not look for endpoints named user@domain." },
	{ "endpoint_identifier_order", OPT_CUSTOM, AT(endpoint_identifier_order), .def = "ip,username,anonymous",
	  .set = set_order, .show = show_strs, .names = order_names,
	  .help = "In which order the ways to know an endpoint are tried." },
	{ "ignore_uri_user_options", OPT_BOOL, AT(ignore_uri_user_options), .def = "no",
	  .help = "Cut what follows `;` in a URI's user." },
	{ "keep_alive_interval", OPT_UINT, AT(keep_alive_interval), .def = "90", .unit = "s",
	  .help = "How often connections are kept open by an empty line; 0: never." },
	{ "max_forwards", OPT_UINT, AT(max_forwards), .def = "70", .min = 1, .max = 255,
	  .help = "Max-Forwards of our requests." },
	{ "max_initial_qualify_time", OPT_UINT, AT(max_initial_qualify_time), .def = "0", .unit = "s",
	  .help = "Latest start of the first qualify after a load; 0: its frequency." },
	{ "mwi_disable_initial_unsolicited", OPT_BOOL, .def = "no", .waits_for = "message waiting indication",
	  .help = "No notification at the start." },
	{ "mwi_tps_queue_high", OPT_UINT, .def = "500", .no_effect = "there is no queue of tasks",
	  .help = "Length of the queue that pauses notifications." },
	{ "mwi_tps_queue_low", OPT_INT, .def = "-1", .no_effect = "there is no queue of tasks",
	  .help = "Length of the queue that resumes them." },
	{ "norefersub", OPT_BOOL, AT(norefersub), .def = "yes",
	  .help = "Announce that a REFER may go without subscription." },
	{ "regcontext", OPT_STR, .def = "", .waits_for = "extensions of registered phones",
	  .help = "Context where registered phones appear as extensions." },
	{ "send_contact_status_on_update_registration", OPT_BOOL, .def = "no", .waits_for = "manager events",
	  .help = "Report a refreshed registration as an event." },
	{ "taskprocessor_overload_trigger", OPT_ENUM, .def = "global", .names = trigger_names,
	  .no_effect = "there is no queue of tasks", .help = "Which queue refuses new work." },
	{ "unidentified_request_count", OPT_UINT, AT(unidentified_request_count), .def = "5",
	  .help = "Unknown requests from one source that make a warning." },
	{ "unidentified_request_period", OPT_UINT, AT(unidentified_request_period), .def = "5", .unit = "s",
	  .help = "Time in which they are counted." },
	{ "unidentified_request_prune_interval", OPT_UINT, AT(unidentified_request_prune_interval), .def = "30",
	  .unit = "s", .help = "Counts older than this make room when 4096 strangers are counted." },
	{ "use_callerid_contact", OPT_BOOL, .def = "no", .waits_for = "caller id in Contact",
	  .help = "Put the caller's number into our Contact." },
	{ "user_agent", OPT_STR, AT(user_agent), .def = "hairpin/" HAIRPIN_VERSION,
	  .help = "User-Agent and Server header." },
	{ 0 },
};

#undef AT
#define AT(f)   offsetof(struct conf_system, f)
#define NO_POOL "hairpin has one signalling thread; there is no pool to size"
const struct opt system_opts[] = {
	{ "accept_multiple_sdp_answers", OPT_BOOL, .def = "no", .waits_for = "forked early media",
	  .help = "Follow a second, different answer to one offer." },
	{ "compact_headers", OPT_BOOL, .def = "no", .waits_for = "short header names",
	  .help = "Write header names in their short form." },
	{ "disable_rport", OPT_BOOL, AT(disable_rport), .def = "no", .help = "Do not ask for rport in our Via." },
	{ "disable_tcp_switch", OPT_BOOL, .def = "yes", .waits_for = "long requests by TCP", .loud = true,
	  .help = "Keep long requests on UDP." },
	{ "follow_early_media_fork", OPT_BOOL, AT(follow_early_media_fork), .def = "yes",
	  .help = "Follow the latest of several early media sources." },
	{ "taskpool_auto_increment", OPT_UINT, .def = "1", .no_effect = NO_POOL,
	  .help = "How many threads to add at once." },
	{ "taskpool_idle_timeout", OPT_UINT, .def = "60", .unit = "s", .no_effect = NO_POOL,
	  .help = "When an idle thread ends." },
	{ "taskpool_initial_size", OPT_UINT, .def = "4", .no_effect = NO_POOL, .help = "Threads at the start." },
	{ "taskpool_max_size", OPT_UINT, .def = "50", .no_effect = NO_POOL, .help = "Most threads." },
	{ "taskpool_minimum_size", OPT_UINT, .def = "4", .no_effect = NO_POOL, .help = "Fewest threads." },
	{ "threadpool_auto_increment", OPT_UINT, .def = "1", .no_effect = NO_POOL,
	  .help = "How many threads to add at once." },
	{ "threadpool_idle_timeout", OPT_UINT, .def = "60", .unit = "s", .no_effect = NO_POOL,
	  .help = "When an idle thread ends." },
	{ "threadpool_initial_size", OPT_UINT, .def = "4", .no_effect = NO_POOL, .help = "Threads at the start." },
	{ "threadpool_max_size", OPT_UINT, .def = "50", .no_effect = NO_POOL, .help = "Most threads." },
	{ "timer_b", OPT_UINT, AT(timer_b), .def = "32000", .unit = "ms",
	  .help = "How long an INVITE waits for any answer; at least 64 times timer_t1." },
	{ "timer_t1", OPT_UINT, AT(timer_t1), .def = "500", .unit = "ms",
	  .help = "Estimate of the round trip (RFC 3261 T1); at least 100." },
	{ 0 },
};

#undef AT
#define AT(f) offsetof(struct conf_transport, f)
const struct opt transport_opts[] = {
	{ "allow_reload", OPT_BOOL, .def = "no", .no_effect = "a reload always adopts what is written, and calls go on",
	  .help = "Let a reload close and reopen the socket." },
	{ "allow_wildcard_certs", OPT_BOOL, AT(tls.allow_wildcard_certs), .def = "no",
	  .help = "With `verify_server`: accept certificates for *.domain." },
	{ "async_operations", OPT_UINT, .def = "1", .no_effect = "every socket has one reader",
	  .help = "Receive operations at once." },
	{ "bind", OPT_CUSTOM, AT(bind), .set = set_bind, .show = show_bind,
	  .help = "Address and port to listen on; without port 5060 (TLS 5061)." },
	{ "ca_list_file", OPT_STR, AT(tls.ca_list_file), .def = "",
	  .help = "File of authorities that may sign a peer's certificate." },
	{ "ca_list_path", OPT_STR, AT(tls.ca_list_path), .def = "",
	  .help = "Folder of authorities that may sign a peer's certificate." },
	{ "cert_file", OPT_STR, AT(tls.cert_file), .def = "",
	  .help = "Our certificate (PEM), those that vouch for it behind it; a reload reads it again." },
	{ "cipher", OPT_STR, AT(tls.cipher), .def = "", .help = "Ciphers to offer up to TLS 1.2, in OpenSSL's words." },
	{ "cos", OPT_UINT, AT(cos), .def = "0", .max = 7, .waits_for = "Ethernet priorities",
	  .help = "Ethernet priority of SIP packets." },
	{ "domain", OPT_STR, AT(domain), .def = "", .help = "Domain that requests on this transport belong to." },
	{ "external_media_address", OPT_CUSTOM, AT(external_media_address), .def = "", .set = set_external_address,
	  .help = "Address written into SDP for destinations outside `local_net`; `auto`, `pcp`, `upnp` or "
		  "`stun:host:port`: found out, and with the first three the ports are opened by the router." },
	{ "external_signaling_address", OPT_CUSTOM, AT(external_signaling_address), .def = "",
	  .set = set_external_address,
	  .help = "Address written into Via and Contact for destinations outside `local_net`; `auto`, `pcp`, `upnp` or "
		  "`stun:host:port`: found out, and with the first three the port is opened by the router." },
	{ "external_signaling_hostname", OPT_CUSTOM, AT(external_signaling_hostname), .def = "",
	  .set = set_external_host, .help = "Host name to write instead of the external signalling address." },
	{ "external_signaling_port", OPT_UINT, AT(external_signaling_port), .def = "0", .max = 65535,
	  .help = "Port written beside it; 0: our own." },
	{ "local_net", OPT_CUSTOM, AT(local_net), .set = set_local_net, .show = show_net_list,
	  .help = "Networks that are reached without NAT: `address/length`, `!` for an exception." },
	{ "method", OPT_ENUM, AT(tls.oldest), .def = "default", .names = tls_method_names,
	  .help = "Oldest TLS version: tlsv1, tlsv1_1, tlsv1_2, tlsv1_3; `default` is tlsv1_2." },
	{ "password", OPT_SECRET, AT(tls.password), .help = "Password of the private key." },
	{ "priv_key_file", OPT_STR, AT(tls.priv_key_file), .def = "",
	  .help = "Key of our certificate (PEM); without it, it is in `cert_file`." },
	{ "protocol", OPT_ENUM, AT(protocol), .def = "udp", .names = conf_proto_names,
	  .help = "What carries SIP; ws, wss and flow are not served yet." },
	{ "require_client_cert", OPT_BOOL, AT(tls.require_client_cert), .def = "no",
	  .help = "Demand a certificate of peers that connect." },
	{ "symmetric_transport", OPT_BOOL, AT(symmetric_transport), .def = "no",
	  .help = "Reach a phone by the transport it registered on." },
	{ "tcp_keepalive_enable", OPT_BOOL, AT(tcp_keepalive_enable), .def = "no",
	  .help = "Probe idle TCP connections." },
	{ "tcp_keepalive_idle_time", OPT_INT, AT(tcp_keepalive_idle_time), .def = "30", .min = 1, .max = 32767,
	  .unit = "s", .help = "Idle time before the first probe." },
	{ "tcp_keepalive_interval_time", OPT_INT, AT(tcp_keepalive_interval_time), .def = "1", .min = 1, .max = 32767,
	  .unit = "s", .help = "Time between probes." },
	{ "tcp_keepalive_probe_count", OPT_INT, AT(tcp_keepalive_probe_count), .def = "5", .min = 1, .max = 127,
	  .help = "Unanswered probes that end the connection." },
	{ "tos", OPT_TOS, AT(tos), .def = "0", .help = "Type of service of SIP packets." },
	{ "verify_client", OPT_BOOL, AT(tls.verify_client), .def = "no",
	  .help = "Check the certificates of peers that connect." },
	{ "verify_server", OPT_BOOL, AT(tls.verify_server), .def = "no",
	  .help = "Check the certificates of peers we connect to." },
	{ "websocket_write_timeout", OPT_INT, .def = "100", .min = 1, .max = 2147483647.0, .unit = "ms",
	  .waits_for = "WebSocket transports", .help = "How long a write may block." },
	{ 0 },
};

#undef AT
#define AT(f) offsetof(struct conf_auth, f)
const struct opt auth_opts[] = {
	{ "auth_type", OPT_ENUM, AT(auth_type), .def = "userpass", .names = auth_type_names,
	  .help = "What is given: a password, an MD5 hash, or hashes of several algorithms." },
	{ "md5_cred", OPT_CUSTOM, AT(ha1_md5), .set = set_hex32, .show = show_secret,
	  .help = "MD5 of user:realm:password in hexadecimal." },
	{ "nonce_lifetime", OPT_UINT, AT(nonce_lifetime), .def = "32", .unit = "s",
	  .help = "How long a challenge may be answered." },
	{ "oauth_clientid", OPT_STR, .waits_for = "OAuth", .help = "Client id for OAuth." },
	{ "oauth_secret", OPT_SECRET, .waits_for = "OAuth", .help = "Secret for OAuth." },
	{ "password", OPT_SECRET, AT(password), .help = "The password." },
	{ "password_digest", OPT_CUSTOM, .set = set_password_digest, .show = show_digests,
	  .help = "`ALGORITHM:hash` of user:realm:password; one line for each algorithm." },
	{ "realm", OPT_STR, AT(realm), .def = "",
	  .help = "Realm that these credentials are for; empty: any asked for, and `default_realm` when we ask." },
	{ "refresh_token", OPT_SECRET, .waits_for = "OAuth", .help = "Token for OAuth." },
	{ "supported_algorithms_uac", OPT_FLAGS, AT(supported_algorithms_uac), .def = "", .names = algorithm_names,
	  .help = "Digest algorithms we answer with; empty: the global ones." },
	{ "supported_algorithms_uas", OPT_FLAGS, AT(supported_algorithms_uas), .def = "", .names = algorithm_names,
	  .help = "Digest algorithms we ask for; empty: the global ones." },
	{ "username", OPT_STR, AT(username), .def = "", .help = "Name of the account; must be written." },
	{ 0 },
};

#undef AT
#define AT(f) offsetof(struct conf_aor, f)
const struct opt aor_opts[] = {
	{ "authenticate_qualify", OPT_BOOL, .def = "no",
	  .no_effect = "a challenge is always answered when the endpoint has outbound_auth",
	  .help = "Answer challenges to a qualify." },
	{ "contact", OPT_CUSTOM, AT(contact), .set = set_contact, .show = show_strs,
	  .help = "Fixed address, always there; repeatable." },
	{ "default_expiration", OPT_UINT, AT(default_expiration), .def = "3600", .unit = "s",
	  .help = "Lifetime of a registration that names none." },
	{ "mailboxes", OPT_STR, .waits_for = "message waiting indication",
	  .help = "Mailboxes that subscriptions to this address are about." },
	{ "max_contacts", OPT_UINT, AT(max_contacts), .def = "0", .help = "How many phones may register; 0: none." },
	{ "maximum_expiration", OPT_UINT, AT(maximum_expiration), .def = "7200", .unit = "s",
	  .help = "Longest lifetime granted." },
	{ "minimum_expiration", OPT_UINT, AT(minimum_expiration), .def = "60", .unit = "s",
	  .help = "Shortest lifetime granted." },
	{ "outbound_proxy", OPT_URI, AT(outbound_proxy), .def = "",
	  .help = "Proxy that the OPTIONS of qualify go through." },
	{ "qualify_2xx_only", OPT_BOOL, AT(qualify_2xx_only), .def = "no",
	  .help = "Only a 2xx to OPTIONS means reachable." },
	{ "qualify_frequency", OPT_UINT, AT(qualify_frequency), .def = "0", .max = 86400, .unit = "s",
	  .help = "How often contacts are asked by OPTIONS; it also keeps their NAT open. 0: never. Not written: "
		  "contacts "
		  "behind NAT are asked every 25 s, whatever they answer, unless compat=asterisk." },
	{ "qualify_timeout", OPT_DOUBLE, AT(qualify_timeout), .def = "3.0", .unit = "s",
	  .help = "How long to wait for the answer; 0: as for any request." },
	{ "remove_existing", OPT_BOOL, AT(remove_existing), .def = "no",
	  .help = "A new registration over the limit replaces the oldest one." },
	{ "remove_unavailable", OPT_BOOL, AT(remove_unavailable), .def = "no",
	  .help = "Over the limit, unreachable contacts go first." },
	{ "support_path", OPT_BOOL, AT(support_path), .def = "no",
	  .help = "Store Path headers and route by them (RFC 3327)." },
	{ "voicemail_extension", OPT_STR, .waits_for = "message waiting indication",
	  .help = "Extension to dial for messages." },
	{ 0 },
};

#undef AT
#define AT(f) offsetof(struct conf_identify, f)
const struct opt identify_opts[] = {
	{ "endpoint", OPT_REF, AT(endpoint), .of = "endpoint",
	  .help = "Endpoint that matching requests are from; must be written." },
	{ "match", OPT_CUSTOM, .set = set_match, .show = show_match,
	  .help = "Source addresses, networks or host names; `!` for an exception." },
	{ "match_header", OPT_LIST, AT(match_header), .help = "`Name: value`, or `Name: /pattern/`." },
	{ "match_request_uri", OPT_LIST, AT(match_request_uri), .help = "Request URI, exact or as `/pattern/`." },
	{ "srv_lookups", OPT_BOOL, AT(srv_lookups), .def = "yes",
	  .help = "Ask DNS for SRV records of host names, too." },
	{ 0 },
};

#undef AT
#define AT(f) offsetof(struct conf_registration, f)
const struct opt registration_opts[] = {
	{ "auth_rejection_permanent", OPT_BOOL, AT(auth_rejection_permanent), .def = "yes",
	  .help = "Give up when the credentials are refused. Not written: as fatal_retry_interval." },
	{ "client_uri", OPT_URI, AT(client_uri), .def = "",
	  .help = "The address to register (From and To); must be written." },
	{ "contact_header_params", OPT_STR, AT(contact_header_params), .def = "",
	  .help = "Parameters to add to the Contact header." },
	{ "contact_user", OPT_STR, AT(contact_user), .def = "",
	  .help = "User of the Contact: the extension that calls arrive at; empty: `s`." },
	{ "endpoint", OPT_REF, AT(endpoint), .of = "endpoint",
	  .help = "Endpoint of calls that arrive by this registration; together with `line`." },
	{ "expiration", OPT_UINT, AT(expiration), .def = "3600", .unit = "s", .help = "Lifetime asked for." },
	{ "fatal_retry_interval", OPT_UINT, AT(fatal_retry_interval), .def = "0", .unit = "s",
	  .help = "Pause after a final refusal; 0: give up. Not written: 1 minute, growing to 30, "
		  "unless compat=asterisk." },
	{ "forbidden_retry_interval", OPT_UINT, AT(forbidden_retry_interval), .def = "0", .unit = "s",
	  .help = "Pause after a 403; 0: as fatal_retry_interval." },
	{ "line", OPT_BOOL, AT(line), .def = "no",
	  .help = "Mark our Contact so that calls from the registrar are known by it." },
	{ "max_random_initial_delay", OPT_UINT, AT(max_random_initial_delay), .def = "10", .unit = "s",
	  .help = "Longest random pause before the first attempt." },
	{ "max_retries", OPT_UINT, AT(max_retries), .def = "10",
	  .help = "Attempts after a failure. Not written: for ever, unless compat=asterisk." },
	{ "outbound_auth", OPT_REFS, AT(outbound_auth), .def = "", .of = "auth", .at_n = AT(n_outbound_auth),
	  .help = "Credentials we show when asked." },
	{ "outbound_proxy", OPT_URI, AT(outbound_proxy), .def = "", .help = "Proxy to register through." },
	{ "retry_interval", OPT_UINT, AT(retry_interval), .def = "60", .unit = "s",
	  .help = "Pause after a temporary failure; 0: give up. Not written: 30 s, growing to 5 minutes, "
		  "unless compat=asterisk." },
	{ "security_mechanisms", OPT_STR, .waits_for = "media security (RFC 3329)",
	  .help = "Mechanisms named in Security-Client." },
	{ "security_negotiation", OPT_ENUM, .def = "no", .names = security_names,
	  .waits_for = "media security (RFC 3329)", .help = "Agree on security by Security-Client headers." },
	{ "server_uri", OPT_URI, AT(server_uri), .def = "", .help = "The registrar; must be written." },
	{ "support_outbound", OPT_BOOL, .def = "no", .waits_for = "outbound flows (RFC 5626)",
	  .help = "Say that we support outbound." },
	{ "support_path", OPT_BOOL, AT(support_path), .def = "no", .help = "Say that we support Path." },
	{ "transport", OPT_REF, AT(transport), .def = "", .of = "transport",
	  .help = "Transport to register from; empty: the first that fits." },
	{ "user_agent", OPT_STR, AT(user_agent), .def = "",
	  .help = "User-Agent of these requests; empty: the global one." },
	{ 0 },
};

#undef AT
#define AT(f) offsetof(struct conf_acl, f)
const struct opt acl_opts[] = {
	{ "acl", OPT_CUSTOM, AT(acl), .set = set_acl_names, .show = show_nothing,
	  .help = "Sections of acl.conf that the source of any request must pass." },
	{ "contact_acl", OPT_CUSTOM, AT(contact_acl), .set = set_acl_names, .show = show_nothing,
	  .help = "Sections of acl.conf that any Contact's address must pass." },
	{ "contact_deny", OPT_CUSTOM, AT(contact_acl), .set = set_deny, .show = show_acl,
	  .help = "Addresses that a Contact must not have." },
	{ "contact_permit", OPT_CUSTOM, AT(contact_acl), .set = set_permit, .show = show_nothing,
	  .help = "Addresses that a Contact may have after all." },
	{ "deny", OPT_CUSTOM, AT(acl), .set = set_deny, .show = show_acl,
	  .help = "Source addresses that requests must not come from." },
	{ "permit", OPT_CUSTOM, AT(acl), .set = set_permit, .show = show_nothing,
	  .help = "Source addresses that are allowed after all." },
	{ 0 },
};

const struct opt domain_alias_opts[] = {
	{ "domain", OPT_CUSTOM, .set = set_domain, .help = "Domain that the section's name stands for." },
	{ 0 },
};
