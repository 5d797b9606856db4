/*
 * conf/table_other.c: the types of pjsip.conf that nothing acts on yet, and the small files: rtp.conf, dnsmgr.conf,
 * hairpin.conf.
 */
#include "conf/opt.h"

#define BY_REGISTRAR "contacts come from registrations and from the aor's contact="
const struct opt contact_opts[] = {
	{ "authenticate_qualify", OPT_BOOL, .def = "no", .no_effect = BY_REGISTRAR,
	  .help = "Answer challenges to a qualify." },
	{ "call_id", OPT_STR, .no_effect = BY_REGISTRAR, .help = "Call-ID of the registration." },
	{ "endpoint", OPT_STR, .no_effect = BY_REGISTRAR, .help = "Endpoint that registered it." },
	{ "expiration_time", OPT_STR, .no_effect = BY_REGISTRAR, .help = "When it ends." },
	{ "outbound_proxy", OPT_STR, .no_effect = BY_REGISTRAR, .help = "Proxy on the way to it." },
	{ "path", OPT_STR, .no_effect = BY_REGISTRAR, .help = "Route to it." },
	{ "prune_on_boot", OPT_BOOL, .def = "no", .no_effect = BY_REGISTRAR, .help = "Forget it at a restart." },
	{ "qualify_2xx_only", OPT_BOOL, .def = "no", .no_effect = BY_REGISTRAR,
	  .help = "Only a 2xx to OPTIONS means reachable." },
	{ "qualify_frequency", OPT_UINT, .def = "0", .max = 86400, .unit = "s", .no_effect = BY_REGISTRAR,
	  .help = "How often it is asked by OPTIONS." },
	{ "qualify_timeout", OPT_DOUBLE, .def = "3.0", .unit = "s", .no_effect = BY_REGISTRAR,
	  .help = "How long to wait for the answer." },
	{ "reg_server", OPT_STR, .no_effect = BY_REGISTRAR, .help = "Server that took the registration." },
	{ "uri", OPT_STR, .no_effect = BY_REGISTRAR, .help = "Its address." },
	{ "user_agent", OPT_STR, .no_effect = BY_REGISTRAR, .help = "What the phone calls itself." },
	{ "via_addr", OPT_STR, .no_effect = BY_REGISTRAR, .help = "Address in the phone's Via." },
	{ "via_port", OPT_UINT, .def = "0", .max = 65535, .no_effect = BY_REGISTRAR,
	  .help = "Port in the phone's Via." },
	{ 0 },
};

#define PUBLISH "publishing states (RFC 3903)"
const struct opt outbound_publish_opts[] = {
	{ "event", OPT_STR, .def = "", .waits_for = PUBLISH, .help = "Event package." },
	{ "expiration", OPT_UINT, .def = "3600", .unit = "s", .waits_for = PUBLISH, .help = "Lifetime asked for." },
	{ "from_uri", OPT_URI, .def = "", .waits_for = PUBLISH, .help = "From header." },
	{ "max_auth_attempts", OPT_UINT, .def = "5", .waits_for = PUBLISH,
	  .help = "Refused credentials before giving up." },
	{ "multi_user", OPT_BOOL, .def = "no", .waits_for = PUBLISH, .help = "Publish for several users." },
	{ "outbound_auth", OPT_STR, .waits_for = PUBLISH, .help = "Credentials we show when asked." },
	{ "outbound_proxy", OPT_URI, .def = "", .waits_for = PUBLISH, .help = "Proxy to publish through." },
	{ "server_uri", OPT_URI, .def = "", .waits_for = PUBLISH, .help = "Server to publish to." },
	{ "to_uri", OPT_URI, .def = "", .waits_for = PUBLISH, .help = "To header." },
	{ "transport", OPT_STR, .def = "", .waits_for = PUBLISH, .help = "Transport to publish from." },
	{ 0 },
};

const struct opt inbound_publication_opts[] = {
	{ "endpoint", OPT_STR, .waits_for = PUBLISH, .help = "Endpoint that may publish." },
	{ 0 },
};

const struct opt asterisk_publication_opts[] = {
	{ "device_state", OPT_BOOL, .def = "no", .waits_for = PUBLISH, .help = "Accept device states." },
	{ "device_state_filter", OPT_STR, .waits_for = PUBLISH, .help = "Devices whose states are accepted." },
	{ "devicestate_publish", OPT_STR, .def = "", .waits_for = PUBLISH,
	  .help = "Publication for our device states." },
	{ "mailbox_state", OPT_BOOL, .def = "no", .waits_for = PUBLISH, .help = "Accept mailbox states." },
	{ "mailbox_state_filter", OPT_STR, .waits_for = PUBLISH, .help = "Mailboxes whose states are accepted." },
	{ "mailboxstate_publish", OPT_STR, .def = "", .waits_for = PUBLISH,
	  .help = "Publication for our mailbox states." },
	{ 0 },
};

#define LISTS "subscriptions to lists (RFC 4662)"
const struct opt resource_list_opts[] = {
	{ "event", OPT_STR, .def = "", .waits_for = LISTS, .help = "Event package of the list." },
	{ "full_state", OPT_BOOL, .def = "no", .waits_for = LISTS, .help = "Always send the whole list." },
	{ "list_item", OPT_STR, .waits_for = LISTS, .help = "Members of the list." },
	{ "notification_batch_interval", OPT_UINT, .def = "0", .unit = "ms", .waits_for = LISTS,
	  .help = "How long changes are collected." },
	{ "resource_display_name", OPT_BOOL, .def = "no", .waits_for = LISTS, .help = "Send display names." },
	{ 0 },
};

#define PROV "phone provisioning"
const struct opt phoneprov_opts[] = {
	{ "*", OPT_STR, .waits_for = PROV, .help = "Any other name is a variable of the phone's profile." },
	{ "MAC", OPT_STR, .waits_for = PROV, .help = "The phone's hardware address." },
	{ "PROFILE", OPT_STR, .waits_for = PROV, .help = "Profile in phoneprov.conf." },
	{ "endpoint", OPT_STR, .waits_for = PROV, .help = "Endpoint to take the account from." },
	{ 0 },
};

#define AT(f) offsetof(struct conf_rtp, f)
#define ICE   "ICE"
#define STUN  "STUN and ICE"
#define TURN  "ICE with TURN"
const struct opt rtp_opts[] = {
	{ "rtpstart", OPT_CUSTOM, AT(rtpstart), .def = "5000", .set = set_port, .show = show_port,
	  .help = "First media port; an odd one is raised by one." },
	{ "rtpend", OPT_CUSTOM, AT(rtpend), .def = "31000", .set = set_port, .show = show_port,
	  .help = "Last media port." },
	{ "strictrtp", OPT_CUSTOM, AT(strictrtp), .def = "yes", .set = set_strictrtp, .show = show_strictrtp,
	  .help = "yes: media is taken from the learned source only; no: from anyone; seqno: learned by sequence "
		  "numbers alone." },
	{ "probation", OPT_CUSTOM, AT(probation), .def = "4", .set = set_probation, .show = show_port,
	  .unit = "packets", .help = "Packets in sequence before a new source is believed." },
	{ "rtcpinterval", OPT_CUSTOM, AT(rtcpinterval), .def = "5000", .set = set_rtcpinterval, .show = show_port,
	  .unit = "ms", .help = "Time between RTCP reports, 500 to 60000." },
	{ "rtpchecksums", OPT_BOOL, .def = "yes", .no_effect = "the kernel decides",
	  .help = "UDP checksums on media." },
	{ "dtmftimeout", OPT_UINT, .def = "1200", .no_effect = "an event ends after three missed packets",
	  .help = "When a key counts as released, in samples." },
	{ "icesupport", OPT_BOOL, .def = "yes", .waits_for = ICE, .help = "Whether endpoints may use ICE." },
	{ "ice_deny", OPT_STR, .waits_for = ICE, .help = "Addresses that are not offered as candidates." },
	{ "ice_permit", OPT_STR, .waits_for = ICE, .help = "Addresses that are offered after all." },
	{ "ice_acl", OPT_STR, .waits_for = ICE, .help = "Section of acl.conf for candidates." },
	{ "ice_blacklist", OPT_STR, .waits_for = ICE, .help = "Old name of ice_deny." },
	{ "stunaddr", OPT_CUSTOM, AT(stunaddr), .def = "", .set = set_stunaddr,
	  .help = "STUN server, `host:port`, that is asked for our outer address where a transport says `auto`." },
	{ "stun_software_attribute", OPT_BOOL, .def = "yes", .waits_for = STUN,
	  .help = "Name our software in STUN messages." },
	{ "stunaddr_reresolve_ttl_0", OPT_BOOL, .def = "no", .waits_for = STUN,
	  .help = "Ask DNS again when the answer may not be kept." },
	{ "stun_deny", OPT_STR, .waits_for = STUN, .help = "Addresses that STUN is not used from." },
	{ "stun_permit", OPT_STR, .waits_for = STUN, .help = "Addresses that it is used from after all." },
	{ "stun_acl", OPT_STR, .waits_for = STUN, .help = "Section of acl.conf for STUN." },
	{ "stun_blacklist", OPT_STR, .waits_for = STUN, .help = "Old name of stun_deny." },
	{ "turnaddr", OPT_STR, .waits_for = TURN, .help = "TURN server that relays media." },
	{ "turnusername", OPT_STR, .waits_for = TURN, .help = "Account at the TURN server." },
	{ "turnpassword", OPT_SECRET, .waits_for = TURN, .help = "Password at the TURN server." },
	{ "dtls_mtu", OPT_UINT, .def = "1200", .min = 256, .max = 65535, .unit = "bytes", .waits_for = "DTLS-SRTP",
	  .help = "Largest DTLS packet." },
	{ "srtpreplayprotection", OPT_BOOL, AT(srtpreplayprotection), .def = "yes",
	  .help = "Drop repeated SRTP packets." },
	{ 0 },
};

#define TTL "a name is looked up again when its TTL ends"
const struct opt dnsmgr_opts[] = {
	{ "enable", OPT_BOOL, .def = "no", .no_effect = TTL, .help = "Look names up again." },
	{ "refreshinterval", OPT_UINT, .def = "300", .unit = "s", .no_effect = TTL, .help = "How often." },
	{ 0 },
};

#undef AT
#define AT(f) offsetof(struct conf_hairpin, f)
static const char *const compat_names[] = { "hairpin", "asterisk", NULL };
static const char *const engine_names[] = { "auto", "kernel", "user", NULL };
static const char *const sockets_names[] = { "auto", "shared", "own", NULL };
const struct opt hairpin_opts[] = {
	{ "compat", OPT_CUSTOM, AT(compat_asterisk), .def = "hairpin", .names = compat_names, .set = set_compat,
	  .show = show_compat,
	  .help = "`asterisk`: behave as Asterisk does where an option is not written; `hairpin`: choose by what NAT "
		  "needs." },
	{ "call_log", OPT_STR, AT(call_log), .def = "",
	  .help = "File that gets a line of JSON for each call that has ended: who, when, its legs, and the verdict on "
		  "its "
		  "audio (docs/doctor.md). Empty: none." },
	{ "cdr_dir", OPT_STR, AT(cdr_dir), .def = "/var/log/asterisk/cdr-csv",
	  .help = "Folder of Master.csv and of the accounts' files, when cdr.conf wants records of calls. It is made "
		  "if "
		  "the one above it is there." },
	{ "max_calls", OPT_UINT, AT(max_calls), .def = "10000", .min = 1, .max = 10000000,
	  .help = "Calls at one time; more are refused with 503." },
	{ "max_connections", OPT_UINT, AT(max_connections), .def = "10000", .min = 1, .max = 10000000,
	  .help = "TCP connections at one time. When there is no room, a stranger's is closed for a new one." },
	{ "max_contacts_total", OPT_UINT, AT(max_contacts_total), .def = "100000", .min = 1, .max = 100000000,
	  .help = "Registered contacts of all phones together." },
	{ "max_router_ports", OPT_UINT, AT(max_router_ports), .def = "512", .max = 65536,
	  .help = "Ports that our router is asked to open (`external_*_address=auto`, `pcp`, `upnp`), those of "
		  "audio included: two for each leg of a call." },
	{ "max_subscriptions", OPT_UINT, AT(max_subscriptions), .def = "20000", .max = 10000000,
	  .help = "Subscriptions to states of extensions, of all phones together; more are refused with 503." },
	{ "max_transactions", OPT_UINT, AT(max_transactions), .def = "100000", .min = 100, .max = 10000000,
	  .help = "SIP transactions at one time; more requests are refused with 503." },
	{ "media_engine", OPT_ENUM, AT(media_engine), .def = "auto", .names = engine_names,
	  .help = "Where plain audio is relayed. `kernel`: by a program in the kernel, without it hairpin does not "
		  "start; "
		  "`auto`: there if it can be, else in user space; `user`: in user space. Read at the start." },
	{ "media_sockets", OPT_ENUM, AT(media_sockets), .def = "auto", .names = sockets_names,
	  .help = "How audio in user space is received and sent. `shared`: all ports of a worker by one socket, "
		  "without "
		  "that hairpin does not start; `auto`: so if it can be; `own`: each port by its own. Read at the "
		  "start." },
	{ "udp_gso", OPT_BOOL, AT(udp_gso), .def = "yes",
	  .help = "SIP datagrams of one length to one peer, said in one moment, go through the kernel together, and "
		  "out of "
		  "it one by one; not while somebody captures packets on this machine. Read when a transport is "
		  "opened." },
	{ "media_workers", OPT_UINT, AT(media_workers), .def = "0", .max = 256,
	  .help = "Threads that carry media; 0: one for each processor that hairpin may run on." },
	{ "veth_shortcut", OPT_BOOL, AT(veth_shortcut), .def = "yes",
	  .help = "Audio that the kernel relays through a veth, as in a container, goes to the other end of it at "
		  "once, past "
		  "this end's counters; not while something queues, filters or captures here. Read at the start." },
	{ "sounds_dir", OPT_STR, AT(sounds_dir), .def = "/usr/share/asterisk/sounds",
	  .help = "Folder of the sound files." },
	{ 0 },
};
