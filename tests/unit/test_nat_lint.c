/*
 * tests/unit/test_nat_lint.c: each finding of `hairpin check`: the smallest configuration that has it, in which line,
 * and the same configuration mended, that has it no more. The guide's configurations have none that is false.
 */
#include <errno.h>
#include <stdio.h>

#include "base/util.h"
#include "conf/edit.h"
#include "nat/lint.h"
#include "test_conf_mem.h"

#define RTP "[general]\nrtpstart=10000\nrtpend=20000\n"
#define UDP "[t]\ntype=transport\nbind=0.0.0.0\n"
#define BEHIND \
	"local_net=192.168.1.0/24\nexternal_media_address=198.51.100.5\nexternal_signaling_address=198.51.100.5\n"
#define TLS_AT "[s]\ntype=transport\nbind=0.0.0.0\nprotocol=tls\n"
#define PHONE  "[p]\ntype=endpoint\naors=p\nallow=ulaw\n"
#define AOR    "[p]\ntype=aor\nmax_contacts=2\n"
#define TRUNK  "[a]\ntype=auth\nusername=u\npassword=secret\n[e]\ntype=endpoint\noutbound_auth=a\nallow=ulaw\n"
#define REG    "[r]\ntype=registration\nserver_uri=sip:gw.example.com\nclient_uri=sip:u@gw.example.com\n"
#define AUTH   "[p]\ntype=auth\nusername=p\npassword=secret\n"

enum host { LAN, PUBLIC, NOBODY };

struct lint_case {
	enum finding_code code;
	enum host host;
	bool asterisk;
	unsigned line; /* of the file that `bad` is */
	const char *bad, *good;
	const char *rtp_bad, *rtp_good; /* NULL: as in RTP; then `line` is of pjsip.conf */
	const char *more, *more_text;   /* one more file */
};

static const struct lint_case cases[] = {
	{ NAT000, LAN, false, 2, "[t] ; no\ntype=transport ; hairpin: ignore NAT999\nbind=0.0.0.0\n", UDP },
	{ NAT001, LAN, true, 5,
	  UDP "local_net=10.0.0.0/8\nexternal_media_address=198.51.100.5\nexternal_signaling_address=198.51.100.5\n",
	  UDP BEHIND },
	{ NAT001, LAN, true, 5,
	  "[t]\ntype=transport\nbind=192.168.1.10\n"
	  "local_net=10.0.0.0/8\nexternal_media_address=198.51.100.5\nexternal_signaling_address=198.51.100.5\n",
	  "[t]\ntype=transport\nbind=192.168.1.10\n" BEHIND },
	{ NAT001, LAN, false, 11, UDP BEHIND PHONE "media_address=10.8.0.1\n" AOR,
	  UDP BEHIND "local_net=10.8.0.0/24\n" PHONE "media_address=10.8.0.1\n" AOR },
	{ NAT002, LAN, true, 4, UDP "external_media_address=198.51.100.5\nexternal_signaling_address=198.51.100.5\n",
	  UDP BEHIND },
	{ NAT003, LAN, false, 18,
	  UDP BEHIND "local_net=203.0.113.0/24\n" TRUNK "[i]\ntype=identify\nmatch=203.0.113.1\nendpoint=e\n",
	  UDP BEHIND TRUNK "[i]\ntype=identify\nmatch=203.0.113.1\nendpoint=e\n" },
	{ NAT003, LAN, false, 10,
	  UDP BEHIND "local_net=203.0.113.0/24\n[x]\ntype=aor\ncontact=sip:u@203.0.113.1:5080\n"
		     "[e]\ntype=endpoint\naors=x\nallow=ulaw\n",
	  UDP BEHIND "[x]\ntype=aor\ncontact=sip:203.0.113.1\n[e]\ntype=endpoint\naors=x\nallow=ulaw\n" },
	{ NAT003, LAN, false, 10,
	  UDP BEHIND "local_net=203.0.113.0/24\n[r]\ntype=registration\nserver_uri=sip:203.0.113.1\n"
		     "client_uri=sip:u@203.0.113.1\n",
	  UDP BEHIND REG },
	{ NAT004, LAN, false, 4, UDP "local_net=192.168.1.7/24\n", UDP "local_net=192.168.1.0/24\n" },
	{ NAT006, LAN, true, 4,
	  "[w]\ntype=transport\nprotocol=wss\nexternal_media_address=198.51.100.5\nbind=0.0.0.0\n" UDP,
	  "[w]\ntype=transport\nprotocol=wss\nbind=0.0.0.0\n" UDP },
	{ NAT007, LAN, false, 7, UDP "[u]\ntype=transport\nbind=0.0.0.0:5070\n" REG, UDP REG },
	{ NAT007, LAN, false, 21,
	  UDP "[u]\ntype=transport\nbind=0.0.0.0:5070\n" REG "outbound_auth=a\ntransport=t\n" TRUNK "transport=u\n",
	  UDP "[u]\ntype=transport\nbind=0.0.0.0:5070\n" REG "outbound_auth=a\ntransport=t\n" TRUNK "transport=t\n" },
	{ NAT008, LAN, true, 7, UDP BEHIND PHONE AOR, UDP BEHIND PHONE "direct_media=no\n" AOR },
	{ NAT009, LAN, false, 8, UDP PHONE "rtp_symmetric=no\nrewrite_contact=yes\n" AOR,
	  UDP PHONE "rtp_symmetric=yes\nrewrite_contact=yes\n" AOR },
	{ NAT009, PUBLIC, true, 4, UDP PHONE AOR, UDP PHONE "rtp_symmetric=yes\n" AOR },
	{ NAT010, LAN, false, 12, UDP TRUNK "rewrite_contact=yes\n", UDP TRUNK },
	{ NAT011, LAN, true, 11, UDP PHONE "rewrite_contact=yes\n[p]\ntype=aor\nmax_contacts=1\n",
	  UDP PHONE "rewrite_contact=yes\n[p]\ntype=aor\nmax_contacts=1\nremove_existing=yes\n" },
	{ NAT012, LAN, false, 9, UDP PHONE "auth=p\n[p]\ntype=aor\n" AUTH, UDP PHONE "auth=p\n" AOR AUTH },
	{ NAT013, LAN, false, 13, UDP PHONE "rewrite_contact=yes\nrtp_symmetric=yes\n" AOR "qualify_frequency=0\n",
	  UDP PHONE "rewrite_contact=yes\nrtp_symmetric=yes\n" AOR "qualify_frequency=60\n" },
	{ NAT013, LAN, false, 13, UDP PHONE "rewrite_contact=yes\nrtp_symmetric=yes\n" AOR "qualify_frequency=300\n",
	  UDP PHONE "rewrite_contact=yes\nrtp_symmetric=yes\n" AOR "qualify_frequency=30\n" },
	{ NAT013, LAN, true, 10, UDP PHONE "rewrite_contact=yes\nrtp_symmetric=yes\n" AOR,
	  "[t]\ntype=transport\nprotocol=tcp\nbind=0.0.0.0\n" PHONE "rewrite_contact=yes\nrtp_symmetric=yes\n" AOR },
	{ NAT016, LAN, true, 5,
	  UDP "local_net=192.168.1.0/24\nexternal_media_address=pbx.example.com\n"
	      "external_signaling_hostname=pbx.example.com\n",
	  UDP BEHIND },
	{ NAT017, LAN, false, 17,
	  UDP TRUNK "[f]\ntype=endpoint\n[i]\ntype=identify\nendpoint=e\nmatch=203.0.113.1,203.0.114.0/24\n"
		    "[j]\ntype=identify\nendpoint=f\nmatch=203.0.112.0/22\n",
	  UDP TRUNK "[f]\ntype=endpoint\n[i]\ntype=identify\nendpoint=e\nmatch=203.0.113.1,203.0.114.0/24\n"
		    "[j]\ntype=identify\nendpoint=f\nmatch=203.0.115.0/24,203.0.113.2\n" },
	{ NAT020, LAN, false, 8, UDP "[a]\ntype=auth\nusername=u\npassword=p\nrealm=other\n" REG "outbound_auth=a\n",
	  UDP "[a]\ntype=auth\nusername=u\npassword=p\nrealm=gw.example.com\n" REG "outbound_auth=a\n" },
	{ NAT021, LAN, false, 0, UDP, UDP, "", RTP },
	{ NAT021, LAN, false, 1, UDP, UDP, "[general]\nstrictrtp=yes\n", RTP },
	{ NAT022, LAN, false, 3, UDP, UDP, "[general]\nrtpstart=10000\nrtpend=10002\n", RTP },
	{ NAT022, LAN, false, 3, UDP, UDP, RTP, "[general]\nrtpstart=10000\nrtpend=50000\n", "hairpin.conf",
	  "[general]\nmax_calls=5000\n" },
	{ NAT023, LAN, false, 2, UDP BEHIND PHONE "rtp_symmetric=yes\n" AOR, UDP BEHIND PHONE "rtp_symmetric=yes\n" AOR,
	  "[general]\nstrictrtp=no\nrtpstart=10000\nrtpend=20000\n", RTP },
	{ NAT025, LAN, true, 4, UDP, UDP,
	  RTP "stunaddr=stun.example.com\n[ice_host_candidates]\n192.168.1.10=198.51.100.5\n",
	  RTP "[ice_host_candidates]\n192.168.1.10=198.51.100.5\n" },
	{ NAT026, LAN, false, 3, "[t]\ntype=transport\nbind=198.51.100.5\n", UDP },
	{ NAT027, LAN, false, 13, UDP TRUNK "from_domain=sip.example.com\nallow=all\n",
	  UDP TRUNK "from_domain=sip.example.com\n" },
	{ NAT028, LAN, true, 4, UDP PHONE "rtp_symmetric=yes\nt38_udptl=yes\n" AOR,
	  UDP PHONE "rtp_symmetric=yes\nt38_udptl=yes\nt38_udptl_nat=yes\n" AOR },
	{ NAT030, LAN, true, 8, UDP PHONE "disable_direct_media_on_nat=yes\n" AOR,
	  UDP PHONE "disable_direct_media_on_nat=yes\ndirect_media=no\n" AOR },
	{ NAT032, LAN, false, 3,
	  "[g]\ntype=global\nkeep_alive_interval=0\n[t]\ntype=transport\nprotocol=tcp\nbind=0.0.0.0\n",
	  "[g]\ntype=global\nkeep_alive_interval=90\n[t]\ntype=transport\nprotocol=tcp\nbind=0.0.0.0\n" },
	{ NAT033, LAN, true, 9, UDP PHONE "media_encryption=sdes\ndirect_media=yes\n" AOR,
	  UDP PHONE "media_encryption=sdes\ndirect_media=no\n" AOR },
	{ NAT035, LAN, false, 5, UDP "local_net=192.168.1.0/24\nexternal_signaling_address=198.51.100.5\n",
	  UDP BEHIND },
	{ NAT036, LAN, false, 5, UDP "local_net=192.168.1.0/24\nexternal_media_address=198.51.100.5\n", UDP BEHIND },
	{ NAT037, LAN, false, 5,
	  UDP "local_net=192.168.1.0/24\nexternal_media_address=100.64.0.9\nexternal_signaling_address=198.51.100.5\n",
	  UDP BEHIND },
	{ NAT038, LAN, false, 4, UDP "external_signaling_port=5070\n", UDP },
	{ NAT039, LAN, false, 5, UDP BEHIND "local_net=198.51.100.0/24\n",
	  UDP BEHIND "local_net=198.51.100.0/24\nlocal_net=!198.51.100.5\n" },
	{ NAT040, LAN, false, 4, UDP "local_net=!192.168.1.5\nlocal_net=192.168.0.0/16\n",
	  UDP "local_net=192.168.0.0/16\nlocal_net=!192.168.1.5\n" },
	{ NAT041, LAN, false, 4, UDP "local_net=192.168.1.0/24\n", UDP BEHIND },
	{ NAT042, LAN, false, 1, UDP REG, UDP BEHIND REG },
	{ NAT043, LAN, true, 4, UDP REG, UDP REG "max_retries=100000\n" },
	{ NAT044, LAN, false, 8, UDP REG "retry_interval=0\n", UDP REG "retry_interval=30\n" },
	{ NAT045, LAN, false, 9, UDP PHONE "rtp_symmetric=yes\nrewrite_contact=no\n" AOR,
	  UDP PHONE "rtp_symmetric=yes\nrewrite_contact=yes\n" AOR },
	{ NAT045, PUBLIC, true, 4, UDP PHONE AOR, UDP PHONE "rewrite_contact=yes\n" AOR },
	{ NAT046, LAN, false, 9, UDP PHONE "rewrite_contact=yes\nforce_rport=no\n" AOR,
	  UDP PHONE "rewrite_contact=yes\nforce_rport=yes\n" AOR },
	{ NAT047, LAN, true, 11, UDP PHONE "[p]\ntype=aor\ncontact=sip:a.example.com\ncontact=sip:b.example.com\n",
	  UDP PHONE "[p]\ntype=aor\ncontact=sip:a.example.com\n" },
	{ NAT048, LAN, false, 9, UDP PHONE "bind_rtp_to_media_address=yes\nmedia_address=198.51.100.5\n" AOR,
	  UDP PHONE "bind_rtp_to_media_address=yes\nmedia_address=192.168.1.10\n" AOR },
	{ NAT049, LAN, true, 8, UDP PHONE "ice_support=yes\n" AOR, UDP PHONE AOR, RTP "icesupport=no\n", RTP },
	{ NAT050, LAN, false, 4, UDP "local_net=203.0.113.0/24\n", UDP "local_net=10.0.0.0/8\n" },
	{ NAT079, LAN, false, 3, UDP, UDP, "", RTP },
	{ NAT079, LAN, true, 3, UDP, UDP, "[general]\nrtpstart=5000\nrtpend=5061\n", RTP },
	{ NAT079, LAN, false, 3, "[t]\ntype=transport\nbind=0.0.0.0:20000\n",
	  "[t]\ntype=transport\nbind=0.0.0.0:20001\n" },
	{ NAT079, LAN, false, 3, "[t]\ntype=transport\nbind=0.0.0.0:10000\n",
	  "[t]\ntype=transport\nbind=0.0.0.0:10000\nprotocol=tcp\n" },
	{ NAT086, LAN, false, 8, UDP PHONE "media_encryption=sdes\n" AOR,
	  TLS_AT "cert_file=good.crt\n" PHONE "media_encryption=sdes\n" AOR },
	{ NAT086, LAN, false, 14, UDP TLS_AT "cert_file=good.crt\n" PHONE "transport=t\nmedia_encryption=sdes\n" AOR,
	  UDP TLS_AT "cert_file=good.crt\n" PHONE "media_encryption=sdes\n" AOR },
	{ NAT080, LAN, false, 4, TLS_AT, TLS_AT "cert_file=good.crt\n" },
	{ NAT081, LAN, false, 5, TLS_AT "cert_file=wrong.crt\n", TLS_AT "cert_file=good.crt\n" },
	{ NAT082, LAN, false, 5, TLS_AT "cert_file=old.crt\n", TLS_AT "cert_file=good.crt\n" },
	{ NAT082, LAN, false, 5, TLS_AT "cert_file=new.crt\n", TLS_AT "cert_file=good.crt\n" },
	{ NAT083, LAN, false, 5, TLS_AT "cert_file=soon.crt\n", TLS_AT "cert_file=good.crt\n" },
};

#define NOW 1700000000

/* As io reads them. */
static int look(const struct net_tls *t, struct net_cert *c)
{
	bool is_new = strcmp(t->cert_file, "new.crt") == 0;

	*c = (struct net_cert){ true, NOW - 90 * 86400, NOW + 60 * 86400 };
	if (strcmp(t->cert_file, "wrong.crt") == 0) {
		snprintf(c->why, sizeof c->why, "cert_file=wrong.crt cannot be read");
		return -EINVAL;
	}
	if (is_new)
		c->from = NOW + 10;
	else if (strcmp(t->cert_file, "old.crt") == 0)
		c->until = NOW - 10;
	else if (strcmp(t->cert_file, "soon.crt") == 0)
		c->until = NOW + 86400;
	return 0;
}

/* ---- one configuration, judged ---- */

struct judged {
	const char *files[11];
	struct conf *c;
	struct lint l;
};

static size_t host_list(enum host host, struct lint_host *list)
{
	static const char *const text[] = { [LAN] = "192.168.1.10", [PUBLIC] = "203.0.113.10" };

	if (host == NOBODY)
		return 0;
	assert_true(addr_parse_ip(SPAN("127.0.0.1"), &list[0].addr));
	assert_true(addr_parse_ip(span_of(text[host]), &list[1].addr));
	list[0].len = 8;
	list[1].len = 24;
	return 2;
}

static void judge(struct judged *j, const char *sip, const char *rtp, enum host host, bool asterisk)
{
	struct lint_host list[2];
	struct lint_ask ask = {
		.host = list, .n_host = host_list(host, list), .asterisk = asterisk, .look = look, .unix_now = NOW
	};
	struct conf_source src = mem_source(j->files);
	struct diag why = { 0 };

	j->files[0] = "pjsip.conf";
	j->files[1] = sip;
	j->files[2] = "extensions.conf";
	j->files[3] = "[default]\n";
	j->files[4] = "rtp.conf";
	j->files[5] = rtp;
	j->c = conf_load_placed(&src, &why);
	if (!j->c)
		mem_print(&why);
	assert_non_null(j->c);
	diag_free(&why);
	j->l = (struct lint){ 0 };
	ask.conf = j->c;
	lint_run(&ask, &j->l);
}

static void judged_free(struct judged *j)
{
	lint_free(&j->l);
	conf_unref(j->c);
}

static const struct finding *found(const struct judged *j, enum finding_code code)
{
	for (size_t i = 0; i < j->l.n; i++)
		if (j->l.v[i].code == code)
			return &j->l.v[i];
	return NULL;
}

static void print_all(const struct judged *j)
{
	for (size_t i = 0; i < j->l.n; i++)
		printf("    %s:%u: %s [%s]\n", j->l.v[i].file, j->l.v[i].line, j->l.v[i].text,
		       finding_rows[j->l.v[i].code].code);
}

/* ---- each rule ---- */

static void check_case(const struct lint_case *t)
{
	struct judged bad = { .files = { [6] = t->more, t->more_text } };
	struct judged good = bad;
	const struct finding *f;

	judge(&bad, t->bad, t->rtp_bad ? t->rtp_bad : RTP, t->host, t->asterisk);
	f = found(&bad, t->code);
	if (!f || f->line != t->line) {
		printf("%s: line %u is not it:\n%s", finding_rows[t->code].code, f ? f->line : 0, t->bad);
		print_all(&bad);
	}
	assert_non_null(f);
	assert_int_equal(f->line, t->line);
	assert_int_equal(f->sev, finding_rows[t->code].sev);
	assert_null(strchr(f->text, '{'));
	judged_free(&bad);
	judge(&good, t->good, t->rtp_good ? t->rtp_good : RTP, t->host, t->asterisk);
	if (found(&good, t->code)) {
		printf("%s: is still found:\n%s", finding_rows[t->code].code, t->good);
		print_all(&good);
	}
	assert_null(found(&good, t->code));
	judged_free(&good);
}

static void each_rule(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		check_case(&cases[i]);
}

static void each_row_has_a_case(void **state)
{
	(void)state;
	for (unsigned code = 0; code < FINDINGS; code++) {
		bool any = finding_rows[code].by != BY_CHECK && finding_rows[code].by != BY_EITHER;

		for (size_t i = 0; i < ARRAY_LEN(cases); i++)
			any |= cases[i].code == code;
		if (!any)
			printf("%s has no case\n", finding_rows[code].code);
		assert_true(any);
	}
}

/* What the loader refuses has its code, too. */
static void loader_codes(void **state)
{
	static const struct {
		enum finding_code code;
		const char *sip;
	} refused[] = {
		{ NAT005, UDP "external_signaling_address=198.51.100.5\nexternal_signaling_hostname=a.example.com\n" },
		{ NAT018, UDP "[i]\ntype=identify\nmatch=192.0.2.1\n" },
		{ NAT019, UDP REG "line=yes\n" },
		{ NAT019, UDP PHONE AOR REG "endpoint=p\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		const char *files[] = { "pjsip.conf", refused[i].sip, "extensions.conf", "[default]\n", NULL };
		struct conf_source src = mem_source(files);
		struct diag why = { 0 };

		assert_null(conf_load_placed(&src, &why));
		assert_int_equal(why.items[0].code, refused[i].code);
		diag_free(&why);
	}
}

/* ---- what must not be said ---- */

static char *text_of(const char *path)
{
	FILE *f = fopen(path, "r");
	char *text = xcalloc(1, 65536);

	assert_non_null(f);
	assert_true(fread(text, 1, 65535, f) > 0);
	fclose(f);
	return text;
}

/* The guide's: notes at most. For Asterisk one thing that is true: its second contact is never dialled. */
static void the_guide_is_right(void **state)
{
	static const struct {
		const char *name;
		const char *address;
		size_t asterisk_warnings;
	} guide[] = { { "scenario1", "192.0.2.10", 1 },
		      { "scenario2", "203.0.113.10", 0 },
		      { "double", "192.0.2.10", 1 } };

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_LEN(guide); i++) {
		bool asterisk = i % 2;
		struct lint_host host[1] = { { .len = 24 } };
		char *path = xasprintf("tests/lab/conf/%s/pjsip.conf", guide[i / 2].name), *sip = text_of(path);
		const char *files[] = { "pjsip.conf", NULL, "extensions.conf", "[d]\n", "rtp.conf", RTP, NULL };
		struct conf_source src = mem_source(files);
		char *text = xasprintf("%s%s", sip, i / 2 == 1 ? "\n" UDP : "");
		struct diag why = { 0 };
		struct judged j = { .l = { 0 } };
		struct lint no_notes = { 0 };

		files[1] = text;
		assert_true(addr_parse_ip(span_of(guide[i / 2].address), &host[0].addr));
		j.c = conf_load_placed(&src, &why);
		assert_non_null(j.c);
		lint_run(&(struct lint_ask){ j.c, host, 1, asterisk }, &j.l);
		print_all(&j);
		assert_int_equal(j.l.errors, 0);
		assert_int_equal(j.l.warnings, asterisk ? guide[i / 2].asterisk_warnings : 0);
		lint_run(&(struct lint_ask){ j.c, host, 1, asterisk, .no_notes = true }, &no_notes);
		assert_int_equal(no_notes.n, j.l.warnings);
		assert_int_equal(no_notes.warnings, j.l.warnings);
		lint_free(&no_notes);
		judged_free(&j);
		diag_free(&why);
		free(text);
		free(sip);
		free(path);
	}
}

static void hairpin_does_better(void **state)
{
	struct judged j = { .files = { 0 } },
		      compat = { .files = { [6] = "hairpin.conf", "[general]\ncompat=asterisk\n" } };
	const char *sip = UDP PHONE "rewrite_contact=yes\n[p]\ntype=aor\nmax_contacts=1\nqualify_frequency=30\n";

	(void)state;
	judge(&j, sip, RTP, LAN, false);
	assert_int_equal(found(&j, NAT011)->sev, DIAG_NOTE);
	assert_true(found(&j, NAT011)->asterisk_only);
	assert_memory_equal(found(&j, NAT011)->text, "in Asterisk, ", 13);
	assert_int_equal(j.l.errors, 0);
	judged_free(&j);
	judge(&compat, sip, RTP, LAN, false);
	assert_int_equal(found(&compat, NAT011)->sev, DIAG_ERROR);
	assert_int_equal(found(&compat, NAT008)->sev, DIAG_NOTE); /* no mode of hairpin has direct media */
	judged_free(&compat);
}

/* An address that is found out needs no dnsmgr and is never the wrong one; the other rules hold. */
static void found_out(void **state)
{
	struct judged j = { .files = { 0 } };

	(void)state;
	judge(&j, UDP "local_net=192.168.1.0/24\nexternal_media_address=auto\nexternal_signaling_address=auto\n" REG,
	      RTP, LAN, true);
	assert_int_equal(j.l.errors + j.l.warnings, 0);
	judged_free(&j);
	judge(&j, UDP "external_media_address=stun:stun.example.com\n", RTP, LAN, true);
	assert_non_null(strstr(found(&j, NAT002)->text, "are told the address that is found out"));
	assert_string_equal(found(&j, NAT036)->fix_option, "external_signaling_address");
	assert_string_equal(found(&j, NAT036)->fix_value, "stun:stun.example.com");
	judged_free(&j);
}

/* Without the host's addresses, what depends on them is not looked at. */
static void unknown_host(void **state)
{
	struct judged j = { .files = { 0 } };

	(void)state;
	judge(&j, "[t]\ntype=transport\nbind=198.51.100.5\n" REG, RTP, NOBODY, false);
	assert_null(found(&j, NAT026));
	assert_null(found(&j, NAT042));
	judged_free(&j);
}

/* ---- comments that silence ---- */

static void ignored(void **state)
{
	static const struct {
		const char *sip;
		bool silent;
	} t[] = {
		{ UDP PHONE "rewrite_contact=yes\nforce_rport=no\n" AOR, false },
		{ UDP PHONE "rewrite_contact=yes\nforce_rport=no ; hairpin: ignore NAT046\n" AOR, true },
		{ UDP PHONE "rewrite_contact=yes\nforce_rport=no ; hairpin: ignore nat013, NAT046\n" AOR, true },
		{ UDP PHONE "rewrite_contact=yes\n;hairpin:  ignore NAT046\n\n; and why\nforce_rport=no\n" AOR, true },
		{ UDP PHONE "rewrite_contact=yes\nforce_rport=no ; hairpin: ignore NAT013\n" AOR, false },
		{ UDP PHONE "rewrite_contact=yes ; hairpin: ignore NAT046\nforce_rport=no\n" AOR, false },
		{ UDP PHONE "rewrite_contact=yes\nforce_rport=no\n" AOR "; hairpin: ignore NAT046\n", false },
		{ UDP "[p] ; hairpin: ignore NAT046\ntype=endpoint\naors=p\nrewrite_contact=yes\nforce_rport=no\n" AOR,
		  true },
		{ UDP "; hairpin: ignore NAT046\n[p]\ntype=endpoint\naors=p\nrewrite_contact=yes\nforce_rport=no\n" AOR,
		  true },
		{ "[t] ; hairpin: ignore NAT046\ntype=transport\nbind=0.0.0.0\n" PHONE
		  "rewrite_contact=yes\nforce_rport=no\n" AOR,
		  false },
		{ UDP "[x](!)\nforce_rport=no ; hairpin: ignore "
		      "NAT046\n[p](x)\ntype=endpoint\naors=p\nrewrite_contact=yes\n" AOR,
		  true },
		{ UDP "[x](!) ; hairpin: ignore "
		      "NAT046\nforce_rport=no\n[p](x)\ntype=endpoint\naors=p\nrewrite_contact=yes\n" AOR,
		  true },
		{ UDP "[x](!)\nforce_rport=no\n[p](x) ; hairpin: ignore NAT046\ntype=endpoint\naors=p\n"
		      "rewrite_contact=yes\n" AOR,
		  true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct judged j = { .files = { 0 } };

		judge(&j, t[i].sip, RTP, LAN, false);
		if (!found(&j, NAT046) != t[i].silent)
			printf("case %zu\n%s", i, t[i].sip);
		assert_int_equal(!found(&j, NAT046), t[i].silent);
		assert_null(found(&j, NAT000));
		judged_free(&j);
	}
}

/* ---- mends ---- */

static char *mended(const struct judged *j, const char *text)
{
	struct conf_doc *d = conf_doc_new(span_of(text));
	struct conf_edit edits[64];
	struct out o = out_growing();
	size_t n = 0;

	for (size_t i = 0; i < j->l.n && n < ARRAY_LEN(edits); i++) {
		const struct finding *f = &j->l.v[i];

		if (f->fix_option && strcmp(f->file, "pjsip.conf") == 0)
			edits[n++] = (struct conf_edit){ f->line, f->in_place, f->fix_option, f->fix_value };
	}
	conf_doc_edit(d, edits, n);
	conf_doc_out(d, &o);
	conf_doc_free(d);
	return out_take(&o);
}

/* Every fix that a case of pjsip.conf has does away with its finding, and brings no error. */
static void fixes_mend(void **state)
{
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct lint_case *t = &cases[i];
		const char *rtp = t->rtp_bad ? t->rtp_bad : RTP;
		struct judged j = { .files = { [6] = t->more, t->more_text } }, again = j;
		const struct finding *f;
		char *text;

		judge(&j, t->bad, rtp, t->host, t->asterisk);
		f = found(&j, t->code);
		text = mended(&j, t->bad);
		if (f->fix_option && strcmp(f->file, "pjsip.conf") == 0) {
			judge(&again, text, rtp, t->host, t->asterisk);
			if (found(&again, t->code))
				printf("%s: not mended:\n%s", finding_rows[t->code].code, text);
			assert_null(found(&again, t->code));
			judged_free(&again);
			n++;
		}
		free(text);
		judged_free(&j);
	}
	assert_true(n >= 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_rule),           cmocka_unit_test(each_row_has_a_case),
		cmocka_unit_test(loader_codes),        cmocka_unit_test(the_guide_is_right),
		cmocka_unit_test(unknown_host),        cmocka_unit_test(found_out),
		cmocka_unit_test(hairpin_does_better), cmocka_unit_test(ignored),
		cmocka_unit_test(fixes_mend),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
