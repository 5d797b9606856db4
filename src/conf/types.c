/* conf/types.c: the types of objects: where they are kept, their options, their check. */
#include "conf/features.h"
#include "conf/cdr.h"
#include "conf/music.h"
#include "conf/opt.h"

#define MANY(type, field) \
	.size = sizeof(struct type), .list = offsetof(struct conf, field), .count = offsetof(struct conf, n_##field)
#define ONE(type, field) .size = sizeof(struct type), .list = offsetof(struct conf, field), .one = true

const struct opt_type conf_types[] = {
	{ "global", global_opts, ONE(conf_global, global), .finish = finish_global,
	  .help = "What holds for every endpoint. At most one section." },
	{ "system", system_opts, ONE(conf_system, system), .finish = finish_system,
	  .help = "The SIP stack itself. At most one section." },
	[TYPE_TRANSPORT] = { "transport", transport_opts, MANY(conf_transport, transports), .finish = finish_transport,
			     .help = "An address to listen on, and what to announce beyond NAT." },
	[TYPE_ENDPOINT] = { "endpoint", endpoint_opts, MANY(conf_endpoint, endpoints), .finish = finish_endpoint,
			    .help = "A phone or a provider." },
	[TYPE_AUTH] = { "auth", auth_opts, MANY(conf_auth, auths), .finish = finish_auth,
			.help = "Credentials, to ask for or to show." },
	[TYPE_AOR] = { "aor", aor_opts, MANY(conf_aor, aors), .finish = finish_aor,
		       .help = "An address of record: where an endpoint is reached." },
	{ "identify", identify_opts, MANY(conf_identify, identifies), .finish = finish_identify,
	  .help = "Knows an endpoint by where its requests come from." },
	[TYPE_REGISTRATION] = { "registration", registration_opts, MANY(conf_registration, registrations),
				.finish = finish_registration, .help = "Registers us with a provider." },
	{ "acl", acl_opts, MANY(conf_acl, acls), .help = "Who may talk to us at all." },
	{ "domain_alias", domain_alias_opts, .help = "Another name of a domain." },
	{ "contact", contact_opts, .help = "What Asterisk keeps of a registered phone." },
	{ "outbound-publish", outbound_publish_opts, .help = "Publishes states to a server." },
	{ "inbound-publication", inbound_publication_opts, .help = "Accepts published states." },
	{ "asterisk-publication", asterisk_publication_opts, .any_option = true,
	  .help = "Shares states between servers." },
	{ "resource_list", resource_list_opts, .help = "A list to subscribe to." },
	{ "phoneprov", phoneprov_opts, .any_option = true, .help = "Settings for a phone's provisioning." },
	{ "rtp", rtp_opts, ONE(conf_rtp, rtp), .finish = finish_rtp, .lenient = true, .file = "rtp.conf",
	  .help = "Media ports, in rtp.conf. A wrong line is a warning." },
	{ "dnsmgr", dnsmgr_opts, .size = sizeof(struct conf_obj), .list = offsetof(struct conf, dnsmgr), .one = true,
	  .lenient = true, .file = "dnsmgr.conf",
	  .help = "When names are looked up again, in dnsmgr.conf. A wrong line is a warning." },
	{ "hairpin", hairpin_opts, ONE(conf_hairpin, hairpin), .file = "hairpin.conf",
	  .help = "What Asterisk has no word for, in hairpin.conf." },
	{ "musiconhold", moh_opts, .size = sizeof(struct conf_moh), .one = true, .lenient = true,
	  .file = "musiconhold.conf",
	  .help = "Classes of music, a section each, in musiconhold.conf; [general] has `preferchannelclass` alone. A "
		  "wrong line is a warning." },
	{ "features", features_opts, .size = sizeof(struct conf_features), .one = true, .lenient = true,
	  .file = "features.conf",
	  .help = "What keys do during a call, in [general] and [featuremap] of features.conf. A wrong line is a "
		  "warning." },
	{ "cdr", cdr_opts, .size = sizeof(struct conf_cdr), .one = true, .lenient = true, .file = "cdr.conf",
	  .help = "Records of calls, in cdr.conf: [general], and [csv], without which nothing is written. A wrong line "
		  "is "
		  "a warning." },
	{ 0 },
};
