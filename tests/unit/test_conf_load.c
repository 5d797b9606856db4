/* tests/unit/test_conf_load.c: pjsip.conf, rtp.conf and hairpin.conf: what a snapshot holds, and what is refused. */
#include "test_conf_mem.h"

#define PLAIN   "[t]\ntype=transport\nbind=0.0.0.0\n"
#define NO_PLAN "extensions.conf", ""

static char *file_text(const char *name)
{
	const char *dir = "tests/unit/data";
	struct conf_source src = conf_source_dir(&dir);
	struct out o = out_growing();

	assert_true(src.read(src.arg, name, &o));
	return out_take(&o);
}

static struct addr ip(const char *text)
{
	struct addr a;

	assert_true(addr_parse(span_of(text), &a));
	return a;
}

/* ---- the guide, verbatim: no error, no warning ---- */

static void guide_transport(const struct conf_transport *t)
{
	struct addr inside = ip("192.0.2.77"), outside = ip("203.0.113.1");
	char buf[ADDR_STRLEN];

	assert_string_equal(t->o.name, "transport-udp-nat");
	assert_int_equal(t->protocol, PROTO_UDP);
	assert_string_equal(addr_str(&t->bind, buf), "0.0.0.0:5060");
	assert_int_equal(t->local_net.n, 2);
	assert_int_equal(net_list_ask(&t->local_net, &inside), NET_MATCH);
	assert_int_equal(net_list_ask(&t->local_net, &outside), NET_NO_MATCH);
	assert_string_equal(t->external_media_address, "198.51.100.5");
	assert_string_equal(t->external_signaling_address, "198.51.100.5");
	assert_string_equal(t->external_signaling_hostname, "");
	assert_int_equal(t->external_signaling_port, 0);
}

static void guide_endpoints(const struct conf *c)
{
	const struct conf_endpoint *e = conf_endpoint(c, SPAN("sipus_endpoint")),
				   *phone = conf_endpoint(c, SPAN("6001"));

	assert_non_null(e);
	assert_ptr_equal(e->transport, &c->transports[0]);
	assert_string_equal(e->context, "from-external");
	assert_string_equal(e->from_domain, "gw1.example.com");
	assert_int_equal(e->codecs.n, 1);
	assert_int_equal(e->codecs.id[0], CODEC_ULAW);
	assert_int_equal(e->n_auth, 0);
	assert_int_equal(e->n_outbound_auth, 1);
	assert_ptr_equal(e->outbound_auth[0], conf_auth(c, SPAN("sipus_auth")));
	assert_int_equal(e->n_aors, 1);
	assert_ptr_equal(e->aors[0], conf_aor(c, SPAN("sipus_aor")));
	assert_ptr_equal(phone->auth[0], conf_auth(c, SPAN("6001")));
	assert_ptr_equal(phone->aors[0], conf_aor(c, SPAN("6001")));
	assert_false(phone->direct_media);
	assert_true(conf_written(&phone->o, "endpoint", "direct_media"));
	assert_false(conf_written(&phone->o, "endpoint", "rtp_symmetric"));
	assert_int_equal(phone->aors[0]->max_contacts, 2);
	assert_string_equal(phone->auth[0]->username, "6001");
	assert_true(span_is(secret_look(&phone->auth[0]->password), "your_password"));
}

static void guide_provider(const struct conf *c)
{
	const struct conf_registration *r = conf_registration(c, SPAN("sipus_reg"));
	const struct conf_identify *id = &c->identifies[0];
	const struct conf_aor *aor = conf_aor(c, SPAN("sipus_aor"));
	struct addr gw = ip("203.0.113.2"), other = ip("203.0.113.3");

	assert_string_equal(r->server_uri, "sip:gw1.example.com");
	assert_string_equal(r->client_uri, "sip:1112223333@gw1.example.com");
	assert_string_equal(r->contact_user, "19998887777");
	assert_int_equal(r->retry_interval, 60);
	assert_int_equal(r->expiration, 3600);
	assert_int_equal(r->max_random_initial_delay, 10);
	assert_true(r->auth_rejection_permanent);
	assert_ptr_equal(r->outbound_auth[0], conf_auth(c, SPAN("sipus_auth")));
	assert_string_equal(r->outbound_auth[0]->realm, "gw1.example.com");
	assert_ptr_equal(id->endpoint, conf_endpoint(c, SPAN("sipus_endpoint")));
	assert_int_equal(net_list_ask(&id->match, &gw), NET_MATCH);
	assert_int_equal(net_list_ask(&id->match, &other), NET_NO_MATCH);
	assert_true(id->srv_lookups);
	assert_int_equal(aor->contact.n, 2);
	assert_string_equal(aor->contact.v[1], "sip:gw2.example.com");
}

static void guide(void **state)
{
	char *text = file_text("guide-pjsip.conf");
	const char *files[] = { "pjsip.conf", text, NO_PLAN, NULL };
	struct diag why = { 0 };
	struct conf *c = mem_load(files, &why);

	(void)state;
	mem_print(&why);
	assert_int_equal(why.n, 0);
	assert_int_equal(c->n_transports, 1);
	assert_int_equal(c->n_endpoints, 2);
	assert_int_equal(c->n_auths, 2);
	assert_int_equal(c->n_aors, 2);
	guide_transport(&c->transports[0]);
	guide_endpoints(c);
	guide_provider(c);
	conf_unref(c);
	diag_free(&why);
	free(text);
}

static void guide_remote_phones(void **state)
{
	char *text = file_text("guide-remote-phones.conf");
	const char *files[] = { "pjsip.conf", text, NO_PLAN, NULL };
	struct diag why = { 0 };
	struct conf *c = mem_load(files, &why);
	const struct conf_endpoint *e = conf_endpoint(c, SPAN("6001"));

	(void)state;
	assert_int_equal(why.n, 0);
	assert_true(e->rtp_symmetric && e->force_rport && e->rewrite_contact && !e->direct_media);
	assert_null(e->transport);
	assert_int_equal(e->aors[0]->qualify_frequency, 60);
	conf_unref(c);
	diag_free(&why);
	free(text);
}

/* ---- defaults ---- */

static void endpoint_defaults(const struct conf_endpoint *e)
{
	assert_true(e->force_rport && e->follow_early_media_fork);
	assert_false(e->rtp_symmetric || e->rewrite_contact || e->rtcp_mux || e->send_pai || e->trust_id_inbound);
	assert_int_equal(e->identify_by, IDENTIFY_USERNAME | IDENTIFY_IP);
	assert_int_equal(e->dtmf_mode, DTMF_RFC4733);
	assert_string_equal(e->context, "default");
	assert_string_equal(e->media_address, "");
	assert_string_equal(e->callerid_num, "");
	assert_int_equal(e->codecs.n, 0);
}

static void defaults(void **state)
{
	static const char *const files[] = { "pjsip.conf", "[e]\ntype=endpoint\n[a]\ntype=aor\n", NO_PLAN, NULL };
	struct diag why = { 0 };
	struct conf *c = mem_load(files, &why);

	(void)state;
	assert_int_equal(why.n, 0);
	endpoint_defaults(&c->endpoints[0]);
	assert_string_equal(c->global.user_agent, "hairpin/" HAIRPIN_VERSION);
	assert_string_equal(c->global.default_realm, "asterisk");
	assert_int_equal(c->global.max_forwards, 70);
	assert_int_equal(c->global.keep_alive_interval, 90);
	assert_int_equal(c->global.endpoint_identifier_order.n, 3);
	assert_string_equal(c->global.endpoint_identifier_order.v[2], "anonymous");
	assert_int_equal(c->global.default_auth_algorithms_uas, AUTH_ALG_MD5);
	assert_int_equal(c->system.timer_t1, 500);
	assert_int_equal(c->system.timer_b, 32000);
	assert_true(c->system.follow_early_media_fork);
	assert_int_equal(c->aors[0].minimum_expiration, 60);
	assert_int_equal(c->aors[0].maximum_expiration, 7200);
	assert_int_equal(c->aors[0].default_expiration, 3600);
	assert_true(c->aors[0].qualify_timeout == 3.0);
	assert_int_equal(c->rtp.rtpstart, 5000);
	assert_int_equal(c->rtp.rtpend, 31000);
	assert_int_equal(c->rtp.strictrtp, STRICTRTP_YES);
	assert_int_equal(c->rtp.probation, 4);
	assert_int_equal(c->rtp.rtcpinterval, 5000);
	assert_false(c->hairpin.compat_asterisk);
	conf_unref(c);
}

/* ---- what is refused, and with which words ---- */

struct refusal {
	const char *pjsip, *remark;
};

#define EP "[e]\ntype=endpoint\n"

static const struct refusal refusals[] = {
	{ "[6001]\ntype=endpoint\nrtp_symetric=yes",
	  "pjsip.conf:3: endpoint 6001: unknown option 'rtp_symetric', did you mean 'rtp_symmetric'?" },
	{ EP "xyzzyplugh=1", "pjsip.conf:3: endpoint e: unknown option 'xyzzyplugh'" },
	{ "[a]\nk=v", "pjsip.conf:1: [a]: type= is missing" },
	{ "[a]\ntype=endpiont", "pjsip.conf:2: [a]: unknown type 'endpiont', did you mean 'endpoint'?" },
	{ "[a]\ntype=rtp", "pjsip.conf:2: [a]: unknown type 'rtp'" },
	{ EP "force_rport=maybe", "pjsip.conf:3: endpoint e: force_rport: 'maybe' is neither yes nor no" },
	{ EP "rtp_timeout=-1", "pjsip.conf:3: endpoint e: rtp_timeout: '-1' is not a number from 0 to 4294967295" },
	{ EP "timers_min_se=60", "pjsip.conf:3: endpoint e: timers_min_se: '60' is not a number from 90 to 86400" },
	{ EP "dtmf_mode=rfc2833", "pjsip.conf:3: endpoint e: dtmf_mode: 'rfc2833' is not one of rfc4733, inband, info, "
				  "auto, auto_info or none" },
	{ EP "100rel=perhaps",
	  "pjsip.conf:3: endpoint e: 100rel: 'perhaps' is not one of no, yes, required or peer_supported" },
	{ EP "identify_by=username,mac", "pjsip.conf:3: endpoint e: identify_by: 'mac' is not one of username, "
					 "auth_username, ip, header or request_uri" },
	{ EP "allow=ulwa", "pjsip.conf:3: endpoint e: allow: unknown codec 'ulwa', did you mean 'ulaw'?" },
	{ EP "tos_audio=best", "pjsip.conf:3: endpoint e: tos_audio: 'best' is not a type of service (cs0 to cs7, af11 "
			       "to af43, ef, or 0 to 255)" },
	{ EP "outbound_proxy=proxy.example",
	  "pjsip.conf:3: endpoint e: outbound_proxy: 'proxy.example' is not a SIP URI (sip:user@host:port or sips:…)" },
	{ EP "rtp_port_start=20000", "pjsip.conf:1: endpoint e: rtp_port_start and rtp_port_end come together" },
	{ EP "rtp_port_start=20000\nrtp_port_end=20000",
	  "pjsip.conf:1: endpoint e: rtp_port_start must be at least 1024 and less than rtp_port_end" },
	{ EP "callerid=A <1", "pjsip.conf:3: endpoint e: callerid: 'A <1': '>' is missing at the end" },
	{ EP "media_address=a b",
	  "pjsip.conf:3: endpoint e: media_address: 'a b' is neither an IP address nor a host name" },
	{ EP "deny=10.0.0.0/40", "pjsip.conf:3: endpoint e: deny: '10.0.0.0/40': not a prefix length or netmask" },
	{ EP "acl=offce", "pjsip.conf:3: endpoint e: acl: acl.conf has no section 'offce', did you mean 'office'?" },
	/* references */
	{ EP "aors=6002\n[6001]\ntype=aor",
	  "pjsip.conf:3: endpoint e: aors: there is no aor '6002', did you mean '6001'?" },
	{ EP "auth=nobody", "pjsip.conf:3: endpoint e: auth: there is no auth 'nobody'" },
	{ EP "outbound_auth=nobody", "pjsip.conf:3: endpoint e: outbound_auth: there is no auth 'nobody'" },
	{ EP "transport=udpp\n[udp]\ntype=transport\nbind=0.0.0.0",
	  "pjsip.conf:3: endpoint e: transport: there is no transport 'udpp', did you mean 'udp'?" },
	{ "[i]\ntype=identify\nmatch=10.0.0.1\nendpoint=e",
	  "pjsip.conf:4: identify i: endpoint: there is no endpoint 'e'" },
	{ "[r]\ntype=registration\nserver_uri=sip:h\nclient_uri=sip:u@h\nline=yes\nendpoint=e",
	  "pjsip.conf:6: registration r: endpoint: there is no endpoint 'e'" },
	/* one and many */
	{ "[a]\ntype=aor\n[a]\ntype=endpoint\n[a]\ntype=aor", "pjsip.conf:5: aor a: defined before, at pjsip.conf:1" },
	{ "[g]\ntype=global\n[h]\ntype=global", "pjsip.conf:3: global h: there is one already, at pjsip.conf:1" },
	/* transports */
	{ "[t]\ntype=transport", "pjsip.conf:1: transport t: bind is missing (0.0.0.0 listens on every IPv4 address)" },
	{ "[t]\ntype=transport\nbind=lan",
	  "pjsip.conf:3: transport t: bind: 'lan' is not an IP address with an optional port (0.0.0.0, 192.0.2.1:5060, "
	  "[::]:5060)" },
	{ PLAIN "protocol=sctp",
	  "pjsip.conf:4: transport t: protocol: 'sctp' is not one of udp, tcp, tls, ws, wss or flow" },
	{ PLAIN "external_signaling_address=198.51.100.5\nexternal_signaling_hostname=pbx.example",
	  "pjsip.conf:1: transport t: external_signaling_address and external_signaling_hostname exclude each other" },
	{ PLAIN "external_media_address=2001:db8::1",
	  "pjsip.conf:1: transport t: external_media_address is an IPv6 address, but bind is IPv4" },
	{ PLAIN "external_media_address=198.51.100.5:4000",
	  "pjsip.conf:4: transport t: external_media_address: '198.51.100.5:4000': the port does not belong here" },
	{ PLAIN "external_signaling_port=65536",
	  "pjsip.conf:4: transport t: external_signaling_port: '65536' is not a number from 0 to 65535" },
	{ PLAIN "local_net=10.0.0.0/8:5060", "pjsip.conf:4: transport t: local_net: '10.0.0.0/8:5060': not a prefix "
					     "length or netmask" },
	{ PLAIN "local_net=10.0.0.1:5060",
	  "pjsip.conf:4: transport t: local_net: '10.0.0.1:5060': a port does not belong here" },
	{ PLAIN "local_net=lan", "pjsip.conf:4: transport t: local_net: 'lan': not an IP address" },
	/* auth: what is secret is not repeated */
	{ "[a]\ntype=auth\npassword=x", "pjsip.conf:1: auth a: username is missing" },
	{ "[a]\ntype=auth\nusername=u\nauth_type=md5", "pjsip.conf:1: auth a: auth_type=md5 needs md5_cred" },
	{ "[a]\ntype=auth\nusername=u\nauth_type=digest",
	  "pjsip.conf:1: auth a: auth_type=digest needs password_digest" },
	{ "[a]\ntype=auth\nusername=u\nmd5_cred=abc",
	  "pjsip.conf:4: auth a: md5_cred: 32 hexadecimal digits are needed, not 3 characters" },
	{ "[a]\ntype=auth\nusername=u\npassword_digest=SHA1:00",
	  "pjsip.conf:4: auth a: password_digest: it must begin with MD5:, SHA-256: or SHA-512-256:" },
	{ "[a]\ntype=auth\nusername=u\nauth_type=google_oauth",
	  "pjsip.conf:4: auth a: auth_type: 'google_oauth' is not one of userpass, md5 or digest" },
	{ "[a]\ntype=auth\nusername=u\nsupported_algorithms_uas=MD5,SHA1",
	  "pjsip.conf:4: auth a: supported_algorithms_uas: 'SHA1' is not one of MD5, SHA-256 or SHA-512-256" },
	/* aor, identify, registration, global */
	{ "[a]\ntype=aor\ncontact=gw.example.com",
	  "pjsip.conf:3: aor a: contact: 'gw.example.com' is not a SIP URI (sip:user@host:port or sips:…)" },
	{ "[a]\ntype=aor\nqualify_frequency=86401",
	  "pjsip.conf:3: aor a: qualify_frequency: '86401' is not a number from 0 to 86400" },
	{ "[a]\ntype=aor\nqualify_timeout=inf", "pjsip.conf:3: aor a: qualify_timeout: 'inf' is not a number from 0 to "
						"4294967295" },
	{ "[a]\ntype=aor\nminimum_expiration=100\nmaximum_expiration=10",
	  "pjsip.conf:1: aor a: minimum_expiration (100) is more than maximum_expiration (10)" },
	{ "[i]\ntype=identify\nmatch=10.0.0.1", "pjsip.conf:1: identify i: endpoint is missing" },
	{ EP "[i]\ntype=identify\nendpoint=e",
	  "pjsip.conf:3: identify i: match, match_header or match_request_uri is missing" },
	{ EP "[i]\ntype=identify\nendpoint=e\nmatch=203.0.113.300",
	  "pjsip.conf:6: identify i: match: '203.0.113.300' is neither an address (with /length or :port) nor a host "
	  "name" },
	{ "[r]\ntype=registration\nclient_uri=sip:u@h", "pjsip.conf:1: registration r: server_uri is missing" },
	{ "[r]\ntype=registration\nserver_uri=sip:h", "pjsip.conf:1: registration r: client_uri is missing" },
	{ "[r]\ntype=registration\nserver_uri=sip:h\nclient_uri=sip:u@h\nline=yes",
	  "pjsip.conf:1: registration r: line=yes needs endpoint" },
	{ EP "[r]\ntype=registration\nserver_uri=sip:h\nclient_uri=sip:u@h\nendpoint=e",
	  "pjsip.conf:3: registration r: endpoint needs line=yes" },
	{ "[g]\ntype=global\nendpoint_identifier_order=ip,mac",
	  "pjsip.conf:3: global g: endpoint_identifier_order: 'mac' is not one of ip, username, auth_username, "
	  "anonymous, "
	  "header or request_uri" },
	{ "[g]\ntype=global\ndefault_realm=", "pjsip.conf:1: global g: default_realm must not be empty" },
	{ EP "pickup_group=1,60-64",
	  "pjsip.conf:3: endpoint e: pickup_group: '60-64' is no group from 0 to 63, nor a range of "
	  "them" },
	{ "[d]\ntype=domain_alias\ndomain=", "pjsip.conf:3: domain_alias d: domain: the domain's name is missing" },
	/* the place of an inherited line is the template's */
	{ "[t](!)\ntype=endpoint\n\nforce_rport=2\n[e](t)",
	  "pjsip.conf:4: endpoint e: force_rport: '2' is neither yes nor no" },
};

static void refused(void **state)
{
	char buf[1200];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
		const char *files[] = { "pjsip.conf", refusals[i].pjsip,
					"acl.conf",   "[office]\npermit=10.0.0.0/8\n",
					NO_PLAN,      NULL };
		struct conf_source src = mem_source(files);
		struct diag why = { 0 };

		assert_null(conf_load(&src, &why));
		assert_string_equal(mem_remark(&why, 0, buf), refusals[i].remark);
		assert_int_equal(why.n, 1);
		diag_free(&why);
	}
}

static void missing_files(void **state)
{
	static const char *const none[] = { NULL };
	struct conf_source src = mem_source(none);
	struct diag why = { 0 };
	char buf[1200];

	(void)state;
	assert_null(conf_load(&src, &why));
	assert_int_equal(why.errors, 1);
	assert_string_equal(mem_remark(&why, 0, buf), "pjsip.conf: there is no such file, or it may not be read");
	diag_free(&why);
}

/* Asterisk starts without one, too. */
static void no_dialplan(void **state)
{
	static const char *const files[] = { "pjsip.conf", EP, NULL };
	struct diag why = { 0 };
	struct conf *c = mem_load(files, &why);
	char buf[1200];

	(void)state;
	assert_int_equal(why.n, 1);
	assert_string_equal(
		mem_remark(&why, 0, buf),
		"extensions.conf: warning: there is no such file: without it each call is refused with 404");
	assert_null(conf_context(&c->dialplan, SPAN("default")));
	conf_unref(c);
	diag_free(&why);
}

/* "" stands for a file that is there and may not be read. */
static bool read_allowed(void *arg, const char *path, struct out *o)
{
	size_t before = o->n;

	return mem_read(arg, path, o) && o->n > before;
}

static void unreadable_files(void **state)
{
	static const char *const names[] = { "pjsip.conf",  "acl.conf",     "rtp.conf",
					     "dnsmgr.conf", "hairpin.conf", "extensions.conf" };
	char buf[1200], want[100];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const char *files[] = {
			"pjsip.conf", i ? EP : "", "extensions.conf", "[default]\n", names[i], "", NULL
		};
		struct conf_source src = { read_allowed, mem_glob, files };
		struct diag why = { 0 };

		if (i == 5)
			files[3] = "";
		assert_null(conf_load(&src, &why));
		snprintf(want, sizeof want, "%s: %sit may not be read", names[i],
			 i ? "" : "there is no such file, or ");
		assert_string_equal(mem_remark(&why, 0, buf), want);
		assert_int_equal(why.n, 1);
		diag_free(&why);
	}
}

static atomic_bool unwanted;
static const char *last_read;

static bool read_until(void *arg, const char *path, struct out *o)
{
	if (strcmp(path, last_read) == 0)
		atomic_store(&unwanted, true);
	return mem_read(arg, path, o);
}

/* Whenever nobody wants the load any more, what there is of it is freed, with its secrets. */
static void abandoned_loads(void **state)
{
	static const char *const names[] = { "pjsip.conf",  "acl.conf",     "rtp.conf",
					     "dnsmgr.conf", "hairpin.conf", "extensions.conf" };
	static const char *const files[] = { "pjsip.conf",
					     "[a]\ntype=endpoint\nauth=a\n[a]\ntype=auth\nusername=a\npassword=x\n"
					     "[b](!)\ntype=endpoint\n[c](b)\n[d](b)\nauth=a\n" EP,
					     NO_PLAN, NULL };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct conf_source src = { read_until, mem_glob, (void *)files, &unwanted };
		struct diag why = { 0 };

		atomic_store(&unwanted, false);
		last_read = names[i];
		assert_null(conf_load(&src, &why));
		assert_true(atomic_load(&unwanted));
		diag_free(&why);
	}
}

static void all_errors_are_told(void **state)
{
	static const char *const files[] = { "pjsip.conf", EP "a=1\nb=2\ndtmf_mode=x\n[x]\ntype=y", NO_PLAN, NULL };
	struct conf_source src = mem_source(files);
	struct diag why = { 0 };

	(void)state;
	assert_null(conf_load(&src, &why));
	assert_int_equal(why.errors, 4);
	diag_free(&why);
}

/* ---- what is warned of ---- */

static const struct refusal warnings[] = {
	{ "[general]\n; what=ever\n[6001]\n", "pjsip.conf:1: note: [general]: nothing is in it|"
					      "pjsip.conf:3: note: [6001]: nothing is in it|" },
	{ PLAIN "protocol=wss\n" EP "transport=t",
	  "pjsip.conf:4: warning: transport t: protocol=wss is not served yet; this transport is left out|"
	  "pjsip.conf:7: warning: endpoint e: transport: transport 't' is left out, so it is chosen by the "
	  "destination|" },
	{ EP "allow=ulaw,h264",
	  "pjsip.conf:3: warning: endpoint e: allow: codec 'h264' is not served; it is left out|" },
	{ EP "media_encryption=sdes", "" },
	{ EP "media_encryption=dtls",
	  "pjsip.conf:1: warning: endpoint e: media_encryption=dtls is not served yet (it waits for: DTLS-SRTP)|" },
	{ EP "ice_support=yes", "pjsip.conf:3: note: endpoint e: ice_support: not served yet (it waits for: ICE)|" },
	{ EP "ice_support=off\ndirect_media=yes\nmedia_encryption=no", "" },
	{ "[t](!)\ntype=endpoint\nwebrtc=yes\n[a](t)\n[b](t)",
	  "pjsip.conf:3: warning: endpoint a: webrtc: not served yet (it waits for: WebRTC)|" },
	{ "[s]\ntype=system\ntimer_t1=10",
	  "pjsip.conf:1: warning: system s: timer_t1 must be from 100 to 10000 ms; 500 is used|" },
	{ "[s]\ntype=system\ntimer_b=1000",
	  "pjsip.conf:1: warning: system s: timer_b must be at least 64 times timer_t1; 32000 is used|" },
	{ "[s]\ntype=system\nthreadpool_max_size=9", "" },
	{ EP "@site=berlin", "" },
};

static void warned(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(warnings); i++) {
		const char *files[] = { "pjsip.conf", warnings[i].pjsip, NO_PLAN, NULL };
		struct diag why = { 0 };
		struct conf *c = mem_load(files, &why);
		struct out o = out_growing();
		char buf[1200];

		for (size_t k = 0; k < why.n; k++)
			out_fmt(&o, "%s|", mem_remark(&why, k, buf));
		out_char(&o, '\0');
		assert_string_equal(o.p, warnings[i].remark);
		out_free(&o);
		diag_free(&why);
		conf_unref(c);
	}
}

static void left_out_transport(void **state)
{
	static const char *const files[] = {
		"pjsip.conf",
		"[tls]\ntype=transport\nprotocol=wss\nbind=0.0.0.0\ncert_file=x.pem\n" PLAIN
		"protocol=tcp\n[e]\ntype=endpoint\ntransport=tls\n",
		NO_PLAN, NULL
	};
	struct diag why = { 0 };
	struct conf *c = mem_load(files, &why);

	(void)state;
	assert_int_equal(c->n_transports, 1);
	assert_int_equal(c->transports[0].protocol, PROTO_TCP);
	assert_null(conf_transport(c, SPAN("tls")));
	assert_null(c->endpoints[0].transport);
	diag_free(&why);
	conf_unref(c);
}

/* ---- rtp.conf and hairpin.conf ---- */

struct rtp_case {
	const char *text;
	unsigned start, end, strict, probation, interval;
	const char *remark;
};

static const struct rtp_case rtp_cases[] = {
	{ "[general]\nrtpstart=10000\nrtpend=20000\n", 10000, 20000, STRICTRTP_YES, 4, 5000, "" },
	{ "[general]\nrtpstart=10001\nrtpend=20000\n", 10002, 20000, STRICTRTP_YES, 4, 5000,
	  "rtp.conf:1: warning: rtpstart=10001 is odd; 10002 is used" },
	{ "[general]\nrtpstart=20000\nrtpend=20000\n", 5000, 31000, STRICTRTP_YES, 4, 5000,
	  "rtp.conf:1: warning: rtpstart=20000 is not less than rtpend=20000; 5000 and 31000 are used" },
	{ "[general]\nrtpstart=80\n", 1024, 31000, STRICTRTP_YES, 4, 5000,
	  "rtp.conf:2: warning: rtpstart: 80 is not from 1024 to 65535; 1024 is used" },
	{ "[general]\nrtpend=70000\n", 5000, 65535, STRICTRTP_YES, 4, 5000,
	  "rtp.conf:2: warning: rtpend: 70000 is not from 1024 to 65535; 65535 is used" },
	{ "[general]\nrtpend=x\n", 5000, 31000, STRICTRTP_YES, 4, 5000,
	  "rtp.conf:2: warning: rtpend: 'x' is not a port; 31000 is used" },
	{ "[general]\nstrictrtp=no\n", 5000, 31000, STRICTRTP_NO, 4, 5000, "" },
	{ "[general]\nstrictrtp=seqno\nprobation=8\nrtcpinterval=1000\n", 5000, 31000, STRICTRTP_SEQNO, 8, 1000, "" },
	{ "[general]\nstrictrtp=sometimes\n", 5000, 31000, STRICTRTP_NO, 4, 5000,
	  "rtp.conf:2: warning: strictrtp: 'sometimes' is not one of yes, no or seqno; no is used" },
	{ "[general]\nprobation=1\n", 5000, 31000, STRICTRTP_YES, 4, 5000,
	  "rtp.conf:2: warning: probation: '1' is not a number from 2 to 65535; 4 is used" },
	{ "[general]\nrtcpinterval=100\n", 5000, 31000, STRICTRTP_YES, 4, 500,
	  "rtp.conf:2: warning: rtcpinterval: 100 is not from 500 to 60000; 500 is used" },
	{ "[general]\nrtpstrat=10000\n", 5000, 31000, STRICTRTP_YES, 4, 5000,
	  "rtp.conf:2: warning: unknown option 'rtpstrat', did you mean 'rtpstart'?" },
	{ "[general]\nicesupport=yes\nstun_software_attribute=yes\ndtls_mtu=1200\nsrtpreplayprotection=yes\n"
	  "[ice_host_candidates]\n192.0.2.10 => 198.51.100.5\n",
	  5000, 31000, STRICTRTP_YES, 4, 5000, "" },
	{ "[genral]\nrtpstart=10000\n", 5000, 31000, STRICTRTP_YES, 4, 5000,
	  "rtp.conf:1: warning: unknown section [genral]: there is [general]" },
};

static void rtp_conf(void **state)
{
	char buf[1200];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rtp_cases); i++) {
		const struct rtp_case *t = &rtp_cases[i];
		const char *files[] = { "pjsip.conf", "", NO_PLAN, "rtp.conf", t->text, NULL };
		struct diag why = { 0 };
		struct conf *c = mem_load(files, &why);

		assert_string_equal(mem_remark(&why, 0, buf), t->remark);
		assert_true(why.n <= 1);
		assert_int_equal(c->rtp.rtpstart, t->start);
		assert_int_equal(c->rtp.rtpend, t->end);
		assert_int_equal(c->rtp.strictrtp, t->strict);
		assert_int_equal(c->rtp.probation, t->probation);
		assert_int_equal(c->rtp.rtcpinterval, t->interval);
		conf_unref(c);
		diag_free(&why);
	}
}

static void hairpin_conf(void **state)
{
	static const char *const good[] = { "pjsip.conf",
					    "",
					    NO_PLAN,
					    "hairpin.conf",
					    "[general]\ncompat=asterisk\nmax_calls=7\nsounds_dir=/tmp/s\n",
					    NULL };
	static const char *const bad[] = { "pjsip.conf", "", NO_PLAN, "hairpin.conf", "[general]\nmax_call=7\n", NULL };
	struct conf_source src = mem_source(bad);
	struct diag why = { 0 };
	struct conf *c = mem_load(good, NULL);
	char buf[1200];

	(void)state;
	assert_true(c->hairpin.compat_asterisk);
	assert_int_equal(c->hairpin.max_calls, 7);
	assert_string_equal(c->hairpin.sounds_dir, "/tmp/s");
	assert_true(conf_written(&c->hairpin.o, "hairpin", "compat"));
	assert_false(conf_written(&c->hairpin.o, "hairpin", "media_workers"));
	conf_unref(c);
	assert_null(conf_load(&src, &why));
	assert_string_equal(mem_remark(&why, 0, buf),
			    "hairpin.conf:2: unknown option 'max_call', did you mean 'max_calls'?");
	diag_free(&why);
}

/* ---- a snapshot is whole, shared, and leaves nothing ---- */

/* From the second of a template on, objects begin with what the template comes to: as if each had read it. */
static void many_of_one_template(void **state UNUSED)
{
	static const char *const files[] = {
		"pjsip.conf",
		"[t](!)\ntype=endpoint\ncontext=inside\ndisallow=all\nallow=ulaw\nmailboxes=1\nallow=silk16\n"
		"language=fr\nset_var=a=1\nset_var=b=2\nset_var=c=3\n"
		"[1](t)\n[2](t)\nset_var=d=4\n[3](t)\nset_var=e=5\ncontext=4\n[4](t)\nset_var=f=6\nallow=alaw\n"
		"[t](+)\nlanguage=de\n[5](t)\n[s](!)\ntype=endpoint\ncontext=s\n[6](s)\n[7](s)\n[8](s)\n[9](t)\n",
		"extensions.conf", "", NULL
	};
	struct diag why = { 0 };
	struct conf *c = mem_load(files, &why);
	const struct conf_endpoint *ep = c->endpoints;
	size_t noted = 0, told = 0;

	assert_int_equal(c->n_endpoints, 9);
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(ep[i].o.name[0], '1' + (char)i);
		assert_int_equal(ep[i].o.line, conf_endpoint(c, span_of(ep[i].o.name))->o.line);
		assert_string_equal(ep[i].context, i == 2 ? "4" : "inside");
		assert_string_equal(ep[i].language, i == 4 ? "de" : "fr");
		assert_int_equal(ep[i].codecs.n, i == 3 ? 2 : 1);
		assert_int_equal(ep[i].set_var.n, i == 0 || i == 4 ? 3 : 4);
		assert_string_equal(conf_text(&ep[i].o, "endpoint", "mailboxes"), "1");
		assert_true(conf_written(&ep[i].o, "endpoint", "context"));
		assert_false(conf_written(&ep[i].o, "endpoint", "from_user"));
	}
	assert_string_equal(ep[1].set_var.v[3], "d=4");
	assert_string_equal(ep[2].set_var.v[3], "e=5");
	assert_string_equal(ep[3].set_var.v[3], "f=6");
	for (size_t i = 5; i < 8; i++) {
		assert_string_equal(ep[i].context, "s");
		assert_int_equal(ep[i].set_var.n, 0);
	}
	assert_string_equal(ep[8].language, "de");
	for (size_t i = 0; i < why.n; i++) {
		noted += why.items[i].sev == DIAG_NOTE && strstr(why.items[i].text, "mailboxes");
		told += why.items[i].sev == DIAG_WARNING && strstr(why.items[i].text, "silk16");
	}
	assert_int_equal(noted, 1); /* of the line */
	assert_int_equal(told, 6);  /* of each object */
	diag_free(&why);
	conf_unref(c);
}

static void reload_keeps_the_old_one(void **state)
{
	static const char *const good[] = { "pjsip.conf", EP "context=first", NO_PLAN, NULL };
	static const char *const bad[] = { "pjsip.conf",
					   EP "context=second\n[a]\ntype=auth\npassword=p\nusername=u\nx=y", NO_PLAN,
					   NULL };
	struct conf *old = mem_load(good, NULL), *call = conf_ref(old);
	struct conf_source src = mem_source(bad);
	struct diag why = { 0 };

	(void)state;
	assert_null(conf_load(&src, &why));
	conf_unref(old);
	assert_string_equal(call->endpoints[0].context, "first");
	conf_unref(call);
	conf_unref(NULL);
	diag_free(&why);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(guide),
		cmocka_unit_test(guide_remote_phones),
		cmocka_unit_test(defaults),
		cmocka_unit_test(refused),
		cmocka_unit_test(missing_files),
		cmocka_unit_test(no_dialplan),
		cmocka_unit_test(unreadable_files),
		cmocka_unit_test(abandoned_loads),
		cmocka_unit_test(all_errors_are_told),
		cmocka_unit_test(warned),
		cmocka_unit_test(left_out_transport),
		cmocka_unit_test(rtp_conf),
		cmocka_unit_test(hairpin_conf),
		cmocka_unit_test(many_of_one_template),
		cmocka_unit_test(reload_keeps_the_old_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
