/* tests/unit/test_ctl_show.c: commands on a PBX that really listens on the loopback, with a contact in its store. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/priv.h"

struct world {
	struct clock clock;
	struct io_loop *loop;
	struct store *store;
	struct ctl *ctl;
	struct pbx *pbx;
	char dir[64];
	const char *conf_dir;
};

static const char pjsip[] = "[udp]\ntype=transport\nprotocol=udp\nbind=127.0.0.1:%d\n"
			    "[6001]\ntype=endpoint\ncontext=inside\ndisallow=all\nallow=ulaw\nauth=6001\naors=6001\n"
			    "[6001]\ntype=auth\nauth_type=userpass\nusername=6001\npassword=never-shown\n"
			    "[6001]\ntype=aor\nmax_contacts=2\n"
			    "[gw]\ntype=endpoint\ncontext=inside\nallow=ulaw\naors=gw\n"
			    "[gw]\ntype=aor\ncontact=sip:127.0.0.9:5060\n"
			    "[gw-ip]\ntype=identify\nendpoint=gw\nmatch=127.0.0.9\n";
static const char extensions[] = "[inside]\nexten => 600,1,Answer()\n same => n(again),Echo()\ninclude => more\n"
				 "[more]\nexten => 1,1,Hangup()\nexten => 7,hint,PJSIP/6001&Custom:night\n"
				 "exten => _8X,hint,PJSIP/60${EXTEN}\n";

static void write_file(struct world *w, const char *name, const char *text)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", w->dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void remove_file(struct world *w, const char *name)
{
	char path[128];

	snprintf(path, sizeof path, "%s/%s", w->dir, name);
	assert_int_equal(unlink(path), 0);
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof *w);
	struct ctl_config cfg = { .quiet = true };
	struct pbx_config pcfg = { .clock = &w->clock };
	struct store_contact c = { .aor = "6001", .uri = "sip:6001@127.0.0.7:5062", .endpoint = "6001" };
	struct conf_source source;
	struct diag why = { 0 };
	char text[2048];
	struct conf *conf;

	snprintf(w->dir, sizeof w->dir, "/tmp/hairpin-ctl-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	w->conf_dir = w->dir;
	snprintf(text, sizeof text, pjsip, 20000 + (int)getpid() % 20000);
	write_file(w, "pjsip.conf", text);
	write_file(w, "extensions.conf", extensions);
	write_file(w, "musiconhold.conf",
		   "[default]\nmode=playlist\nentry=/srv/a.wav\nentry=/srv/b\nsort=random\n[radio]\nmode=custom\n");
	write_file(w, "hairpin.conf", "[general]\nmedia_engine=user\n");

	cfg.conf_dir = w->dir;
	cfg.loop = w->loop = io_new(&w->clock);
	w->ctl = ctl_new(&cfg);
	w->store = store_mem();
	c.expires = clock_wall(&w->clock) + 3600000;
	store_put_contact(w->store, &c);
	pcfg.net = io_net(w->loop);
	pcfg.store = w->store;
	source = conf_source_dir(&w->conf_dir);
	conf = conf_load(&source, &why);
	assert_non_null(conf);
	w->pbx = pbx_new(&pcfg, conf, &why);
	assert_non_null(w->pbx);
	conf_unref(conf);
	diag_free(&why);
	ctl_set_pbx(w->ctl, w->pbx);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	char path[128];

	ctl_set_pbx(w->ctl, NULL);
	pbx_free(w->pbx);
	store_close(&w->store);
	ctl_free(&w->ctl);
	io_free(&w->loop);
	snprintf(path, sizeof path, "%s/pjsip.conf", w->dir);
	unlink(path);
	snprintf(path, sizeof path, "%s/extensions.conf", w->dir);
	unlink(path);
	snprintf(path, sizeof path, "%s/hairpin.conf", w->dir);
	unlink(path);
	rmdir(w->dir);
	free(w);
	return 0;
}

struct heard { /* of one who asked for a reload */
	struct out o;
	int status;
	unsigned times;
};

static void on_answer(void *arg, struct span text, int status)
{
	struct heard *h = arg;

	out_span(&h->o, text);
	h->status = status;
	h->times++;
}

/* As the console does it. Returns the exit status. */
static int run(struct world *w, const char *line, struct out *o)
{
	int status = ctl_run(w->ctl, span_of(line), o);
	struct heard h = { .o = out_growing() };

	if (status != CTL_RELOAD)
		return status;
	ctl_reload(w->ctl, on_answer, &h);
	assert_int_equal(h.times, 0);
	io_work_wait(w->loop);
	assert_int_equal(h.times, 1);
	out_span(o, out_look(&h.o));
	out_free(&h.o);
	return h.status;
}

/* Runs the command; its output must contain each of the texts (up to NULL). */
static void expect(struct world *w, const char *line, int status, ...)
{
	struct out o = out_growing();
	const char *want;
	va_list ap;

	assert_int_equal(run(w, line, &o), status);
	out_char(&o, '\0');
	assert_null(strstr(o.p, "never-shown"));
	va_start(ap, status);
	while ((want = va_arg(ap, const char *)))
		if (!strstr(o.p, want))
			fail_msg("%s: no '%s' in:\n%s", line, want, o.p);
	va_end(ap);
	out_free(&o);
}

static void contacts(void **state)
{
	struct world *w = *state;

	expect(w, "pjsip show contacts", 0, "\n  Contact:  6001/sip:6001@127.0.0.7:5062", " NonQual", "nan\n",
	       "\n  Contact:  gw/sip:127.0.0.9:5060", "\nObjects found: 2\n", NULL);
	expect(w, "pjsip show contacts gw", 0, "gw/sip:127.0.0.9:5060", "Objects found: 1\n", NULL);
	expect(w, "pjsip show contact 6001", 0, "6001/sip:6001@127.0.0.7:5062", " NonQual", "Objects found: 1\n", NULL);
	expect(w, "pjsip show contact nobody", 1, "Unable to find object nobody.\n", NULL);
	expect(w, "pjsip show contacts nobody", 0, "No objects found.\n", NULL);
	expect(w, "pjsip show aors", 0, "\n      Aor:  6001 ", "\n    Contact:  6001/sip:6001@127.0.0.7:5062", NULL);
	expect(w, "pjsip show aor 6001", 0, " max_contacts                       : 2\n", NULL);
}

static void objects(void **state)
{
	struct world *w = *state;

	expect(w, "pjsip show endpoints", 0, "\n Endpoint:  6001 ", "Not in use", "\n     InAuth:  6001/6001\n",
	       "\n   Identify:  gw-ip/gw\n        Match:  127.0.0.9/32\n", "Objects found: 2\n", NULL);
	expect(w, "pjsip show endpoint 6001", 0, " context                            : inside\n", NULL);
	expect(w, "pjsip show endpoint 6009", 1, "Unable to find object 6009.\n", NULL);
	expect(w, "pjsip show endpoint", 1, "Usage: pjsip show endpoint ENDPOINT\n", NULL);
	expect(w, "pjsip show auths", 0, "\n     Auth:  6001/6001\n", NULL);
	expect(w, "pjsip show auth 6001", 0, " username ", NULL);
	expect(w, "pjsip show identify gw-ip", 0, " endpoint                           : gw\n", NULL);
	expect(w, "pjsip show identify gw", 1, "Unable to find object gw.\n", NULL);
	expect(w, "pjsip show identifies", 0, "\n Identify:  gw-ip/gw\n", NULL);
	expect(w, "pjsip show transports", 0, "\nTransport:  udp ", "127.0.0.1:", "Objects found: 1\n", NULL);
	expect(w, "pjsip show registrations", 0, "No objects found.\n", NULL);
	expect(w, "pjsip show channels", 0, "No objects found.\n", NULL);
	expect(w, "pjsip show channelstats", 0, "No objects found.\n", NULL);
	expect(w, "core show channels", 0, "\n0 active channels\n0 active calls\n0 calls processed\n", NULL);
	expect(w, "channel request hangup all", 0, "Requested Hangup on 0 channels\n", NULL);
	expect(w, "channel request hangup PJSIP/x", 1, "PJSIP/x is not a known channel\n", NULL);
	expect(w, "core show uptime", 0, "System uptime: 0 seconds\n", NULL);
	expect(w, "core show uptime seconds", 0, "System uptime: 0\nLast reload: 0\n", NULL);
}

/* One line for each object, and nothing of what belongs to it. */
static void lists(void **state)
{
	struct world *w = *state;

	expect(w, "pjsip list endpoints", 0, "\n Endpoint:  <Endpoint/CID",
	       "<Channels.>\n====", "====\n\n Endpoint:  6001 ", "0 of inf\n Endpoint:  gw ",
	       "0 of inf\n\nObjects found: 2\n", NULL);
	expect(w, "pjsip list aors", 0, "<MaxContact>\n====", "====\n\n      Aor:  6001 ", " 2\n      Aor:  gw ",
	       " 0\n\nObjects found: 2\n", NULL);
	expect(w, "pjsip list auths", 0, "====\n\n     Auth:  6001/6001\n\nObjects found: 1\n", NULL);
	expect(w, "pjsip list contacts", 0, "\n  Contact:  6001/sip:6001@127.0.0.7:5062", "Objects found: 2\n", NULL);
	expect(w, "pjsip list identifies", 0, "....>\n====", "====\n\n Identify:  gw-ip/gw\n\nObjects found: 1\n",
	       NULL);
	expect(w, "pjsip list transports", 0, "\nTransport:  udp ", "127.0.0.1:", "Objects found: 1\n", NULL);
	expect(w, "pjsip list registrations", 0, "No objects found.\n", NULL);
	expect(w, "pjsip list channels", 0, "No objects found.\n", NULL);
	expect(w, "pjsip list", 1, "No such command 'pjsip list'", NULL);
	expect(w, "pjsip list endpoints 6001", 1, "Usage: pjsip list endpoints [like PATTERN]\n", NULL);
}

/* A POSIX extended regular expression on the object's name. */
static void lists_of_some(void **state)
{
	struct world *w = *state;

	expect(w, "pjsip list endpoints like ^6", 0, " Endpoint:  6001 ", "Objects found: 1\n", NULL);
	expect(w, "pjsip list endpoints like 6|g", 0, "Objects found: 2\n", NULL);
	expect(w, "pjsip list endpoints like x", 0, "No objects found.\n", NULL);
	expect(w, "pjsip list endpoints like (", 1, "'(' is not a regular expression: ", NULL);
	expect(w, "pjsip list endpoints like ^6[01]{3}$", 0, "Objects found: 1\n", NULL);
	expect(w, "pjsip list endpoints like ^[a-z]{1,64}$", 0, "Objects found: 1\n", NULL);
	expect(w, "pjsip list endpoints like a{1,255}{1,255}{1,255}{1,255}", 1, "repeats more than 64 times", NULL);
	expect(w, "pjsip list endpoints like (a{9}){9}", 1, "repeats more than 64 times", NULL);
	expect(w, "pjsip list endpoints like x{0,65}", 1, "repeats more than 64 times", NULL);
	expect(w, "pjsip list endpoints like x{,99999999999999999999}", 1, "repeats more than 64 times", NULL);
	expect(w, "pjsip list endpoints like (.*)(.*)\\1\\2x", 1, "refers to what it has matched", NULL);
	expect(w, "pjsip list endpoints like \\{65\\", 1, "is not a regular expression: ", NULL);
	expect(w, "pjsip list endpoints like", 1, "Usage: pjsip list endpoints [like PATTERN]\n", NULL);
	expect(w, "pjsip show endpoints like g", 0, "\n   Identify:  gw-ip/gw\n", "Objects found: 1\n", NULL);
	expect(w, "pjsip show aors like ^g", 0, "\n    Contact:  gw/sip:127", "Objects found: 1\n", NULL);
	expect(w, "pjsip list auths like 2", 0, "No objects found.\n", NULL);
	expect(w, "pjsip list identifies like ip$", 0, "Objects found: 1\n", NULL);
	expect(w, "pjsip list transports like UDP", 0, "No objects found.\n", NULL);
	expect(w, "pjsip list contacts like gw/sip", 0, "gw/sip:127.0.0.9:5060", "Objects found: 1\n", NULL);
	expect(w, "pjsip list registrations like .", 0, "No objects found.\n", NULL);
}

static void dialplan(void **state)
{
	struct world *w = *state;

	expect(w, "dialplan show", 0, "[ Context 'inside' created by 'pbx_config' ]\n  '600' =>          1. Answer()",
	       "\n     [again]        2. Echo()", "  Include =>        'more'\n",
	       "'7' =>            hint: PJSIP/6001&Custom:night", "-= 4 extensions (5 priorities) in 2 contexts. =-\n",
	       NULL);
	expect(w, "dialplan show 600@inside", 0, "-= 1 extension (2 priorities) in 1 context. =-\n", NULL);
	expect(w, "dialplan show nowhere", 1, "There is no existence of 'nowhere' context\n", NULL);
}

static void music(void **state)
{
	struct world *w = *state;

	expect(w, "moh show classes", 0, "Class: default\n\tMode: playlist\n\tDirectory: <none>\n\tSort: random\n",
	       "Class: radio\n\tMode: custom\n\tDirectory: <none>\n\tNot served", NULL);
	expect(w, "moh show files", 0, "Class: default\n\tFile: /srv/a.wav\n\tFile: /srv/b\n", NULL);
}

static void records(void **state)
{
	struct world *w = *state;

	expect(w, "cdr show status", 0, "  Logging:                    Disabled\n", "    (none)\n", NULL);
}

static void database(void **state)
{
	struct world *w = *state;

	expect(w, "database show", 0, "0 results found.\n", NULL);
	expect(w, "database put cf 6001 \"555 1234\"", 0, "Updated database successfully\n", NULL);
	expect(w, "database put cf 600 1", 0, "Updated", NULL);
	expect(w, "database put dnd 6001 yes", 0, "Updated", NULL);
	expect(w, "database put dnd 6001", 1, "Usage: database put FAMILY KEY VALUE\n", NULL);
	expect(w, "database get cf 6001", 0, "Value: 555 1234\n", NULL);
	expect(w, "database get cf 1", 1, "Database entry not found.\n", NULL);
	expect(w, "database get cf", 1, "Usage: database get FAMILY KEY\n", NULL);
	expect(w, "database show cf", 0, "/cf/600                                           : 1\n",
	       "/cf/6001                                          : 555 1234\n", "2 results found.\n", NULL);
	expect(w, "database show", 0, "/dnd/6001 ", "3 results found.\n", NULL);
	expect(w, "database del cf 600", 0, "Database entry removed.\n", NULL);
	expect(w, "database del cf 600", 1, "Database entry does not exist.\n", NULL);
	expect(w, "database deltree cf", 0, "1 database entries removed.\n", NULL);
	expect(w, "database deltree", 1, "Usage: database deltree FAMILY [KEY]\n", NULL);
}

static void hints(void **state)
{
	struct world *w = *state;

	expect(w, "core show hints", 0, "7@more ", ": PJSIP/6001&Custom:night", "State:Idle", "Watchers 0", "_8X@more",
	       "- 2 hints registered", NULL);
	expect(w, "devstate change Custom:night BUSY", 0, "Changing Custom:night to BUSY", NULL);
	expect(w, "core show hint 7", 0, "State:Busy", "1 hint matching extension", NULL);
	expect(w, "devstate list", 0, "--- Name: 'Custom:night'  State: 'BUSY'", NULL);
	expect(w, "database get CustomDevstate night", 0, "Value: BUSY", NULL);
	expect(w, "devstate change Custom:night AWAY", 1, "'AWAY' is not a device state", NULL);
	expect(w, "devstate change PJSIP/6001 BUSY", 1, "only be used to set 'Custom:'", NULL);
	expect(w, "devstate change Custom:night", 1, "Usage: devstate change Custom:NAME STATE", NULL);
	expect(w, "core show hint 9", 1, "No hints matching extension 9", NULL);
	expect(w, "core show hint", 1, "Usage: core show hint EXTENSION", NULL);
	expect(w, "pjsip show subscriptions inbound", 0, "No active subscriptions", NULL);
	expect(w, "database del CustomDevstate night", 0, "removed", NULL);
}

static void wishes(void **state)
{
	struct world *w = *state;

	expect(w, "pjsip qualify 6001", 0, "Qualifying '6001'\n", NULL);
	expect(w, "pjsip qualify 6009", 1, "Unable to retrieve endpoint 6009\n", NULL);
	expect(w, "pjsip send register nobody", 1, "Unable to retrieve registration nobody\n", NULL);
	expect(w, "rtp set debug ip 192.0.2.1", 0, "RTP Packet Debugging Enabled for address: 192.0.2.1\n", NULL);
	expect(w, "rtp set debug ip x", 1, "'x' is not an address\n", NULL);
	expect(w, "rtp set debug off", 0, "RTP Packet Debugging Disabled\n", NULL);
}

static void a_bad_file_keeps_the_old_configuration(void **state)
{
	struct world *w = *state;

	write_file(w, "extensions.conf", "[inside]\nexten => 601,1,Answer()\n");
	expect(w, "pjsip reload", 0, "Configuration reloaded.\n", NULL);
	expect(w, "dialplan show inside", 0, "'601' =>", NULL);
	remove_file(w, "extensions.conf");
	expect(w, "pjsip reload", 1, "extensions.conf: it is gone since it was read; an empty file ends the dialplan\n",
	       "The configuration is refused; the old one stays.\n", NULL);
	expect(w, "dialplan show inside", 0, "'601' =>", NULL);
	write_file(w, "extensions.conf", "");
	expect(w, "pjsip reload", 0, "Configuration reloaded.\n", NULL);
	write_file(w, "pjsip.conf", "[6001]\ntype=endpoint\nno_such_option=1\n");
	expect(w, "pjsip reload", 1, "pjsip.conf:3: ", "The configuration is refused; the old one stays.\n", NULL);
	expect(w, "pjsip show endpoint 6001", 0, " context                            : inside\n", NULL);
}

static void write_exten(struct world *w, const char *exten)
{
	char text[64];

	snprintf(text, sizeof text, "[inside]\nexten => %s,1,Answer()\n", exten);
	write_file(w, "extensions.conf", text);
}

/* Two reloads at once would read half of a change each; and one that is lost would keep an old file. */
static void a_reload_waits_for_the_one_before(void **state)
{
	struct world *w = *state;
	struct heard h[3] = { { .o = out_growing() }, { .o = out_growing() }, { .o = out_growing() } };

	write_exten(w, "611");
	ctl_reload(w->ctl, on_answer, &h[0]);
	expect(w, "core show uptime seconds", 0, "System uptime: 0\n", NULL);
	write_exten(w, "612");
	ctl_reload(w->ctl, on_answer, &h[1]);
	write_exten(w, "613");
	ctl_reload(w->ctl, on_answer, &h[2]);
	reload_forget(w->ctl, &h[1]);
	io_work_wait(w->loop);
	assert_int_equal(h[0].times, 1);
	assert_int_equal(h[1].times, 0); /* it has gone */
	assert_int_equal(h[2].times, 1);
	for (size_t i = 0; i < ARRAY_LEN(h); i += 2) {
		assert_int_equal(h[i].status, 0);
		assert_true(span_find(out_look(&h[i].o), SPAN("Configuration reloaded.\n")) >= 0);
		out_free(&h[i].o);
	}
	expect(w, "dialplan show inside", 0, "'613' =>", NULL);
}

static void a_stop_ends_a_reload(void **state)
{
	struct world *w = *state;
	struct heard h[2] = { { .o = out_growing() }, { .o = out_growing() } };

	write_exten(w, "621");
	ctl_reload(w->ctl, on_answer, &h[0]);
	ctl_reload(w->ctl, on_answer, &h[1]);
	ctl_set_pbx(w->ctl, NULL);
	io_work_wait(w->loop);
	ctl_set_pbx(w->ctl, w->pbx);
	for (size_t i = 0; i < ARRAY_LEN(h); i++) {
		assert_int_equal(h[i].times, 1);
		assert_int_equal(h[i].status, 1);
		assert_true(span_is(out_look(&h[i].o), "The server is stopping.\n"));
		out_free(&h[i].o);
	}
	expect(w, "dialplan show inside", 0, "'613' =>", NULL);
}

/* A limit of the process stands for a full disk. */
static void ends_without_room(struct world *w, const char *path)
{
	struct flow f = { .local = { .family = 4 }, .peer = { .family = 4 } };
	struct rlimit room;
	char line[256];

	signal(SIGXFSZ, SIG_IGN);
	snprintf(line, sizeof line, "pjsip set logger pcap %s", path);
	expect(w, line, 0, "PJSIP logging to pcap file '", NULL);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &room), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &(struct rlimit){ 24, room.rlim_max }), 0);
	ctl_wire(w->ctl, &f, true, SPAN("OPTIONS"));
	expect(w, "pjsip set logger off", 0, "The capture is not whole: ", "PJSIP Logging disabled\n", NULL);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &room), 0);
}

/* What is captured is the server's alone, and nothing that waits for a reader stops it. */
static void captures(void **state)
{
	struct world *w = *state;
	char path[128], fifo[128], link[128], line[256];
	struct stat s;

	snprintf(path, sizeof path, "%s/a.pcap", w->dir);
	snprintf(fifo, sizeof fifo, "%s/fifo", w->dir);
	snprintf(link, sizeof link, "%s/link", w->dir);
	write_file(w, "a.pcap", "somebody may read this, and it is longer than the head of a capture");
	assert_int_equal(chmod(path, 0644), 0);
	snprintf(line, sizeof line, "pjsip set logger pcap %s", path);
	expect(w, line, 0, "PJSIP logging to pcap file '", NULL);
	assert_int_equal(stat(path, &s), 0);
	assert_int_equal(s.st_mode & 0777, 0600);
	assert_int_equal(s.st_size, 24);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	snprintf(line, sizeof line, "pjsip set logger pcap %s", fifo);
	expect(w, line, 1, "Cannot write '", NULL);
	assert_int_equal(symlink(path, link), 0);
	snprintf(line, sizeof line, "pjsip set logger pcap %s", link);
	expect(w, line, 1, "Cannot write '", NULL);
	expect(w, "pjsip set logger off", 0, "PJSIP Logging disabled\n", NULL);
	ends_without_room(w, path);
	unlink(link);
	unlink(fifo);
	unlink(path);
}

/* The picture, and what a script learns from the exit status: something is wrong. */
static void the_doctor_finds(void **state)
{
	struct world *w = *state;
	char text[2048];
	size_t n;

	expect(w, "doctor", 0, "Transports: inside <-> outside\n", "<-> as it is ", "  nothing is written\n",
	       "Nothing is wrong that can be seen from here.", NULL);
	expect(w, "doctor json", 0, "\"external\": null", "\"source\": null", NULL);
	n = (size_t)snprintf(text, sizeof text, pjsip, 20000 + (int)getpid() % 20000);
	snprintf(text + n, sizeof text - n,
		 "[elsewhere]\ntype=transport\nprotocol=udp\nbind=192.0.2.99:5060\n"
		 "[named]\ntype=transport\nprotocol=tcp\nbind=127.0.0.1:%d\nlocal_net=127.0.0.0/8\n"
		 "external_signaling_hostname=pbx.example.com\nexternal_media_address=198.51.100.5\n",
		 20000 + (int)getpid() % 20000);
	write_file(w, "pjsip.conf", text);
	expect(w, "pjsip reload", 1, "transport elsewhere: cannot listen on", NULL);
	expect(w, "doctor", 1, "<-> pbx.example.com ", "  written\n", "To fix first\n  1. NAT031 warning", NULL);
	expect(w, "doctor json", 1, "\"source\": null", "\"source\": \"written\"", "\"code\": \"NAT031\"", NULL);
}

static void names_are_completed(void **state)
{
	struct world *w = *state;
	struct out o = out_growing();

	ctl_complete(w->ctl, SPAN("pjsip show endpoint "), &o);
	assert_true(span_is(out_look(&o), "6001\ngw\n"));
	o.n = 0;
	ctl_complete(w->ctl, SPAN("pjsip list endpoints "), &o);
	assert_true(span_is(out_look(&o), "like\n"));
	o.n = 0;
	ctl_complete(w->ctl, SPAN("dialplan show m"), &o);
	assert_true(span_is(out_look(&o), "more\n"));
	out_free(&o);
}

/* Registrations have been ended, and none begins any more. */
static void going_down(void **state)
{
	struct world *w = *state;

	pbx_stop(w->pbx, false);
	expect(w, "pjsip send register all", 1, "The server goes down; nothing is registered any more.\n", NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(contacts),
		cmocka_unit_test(objects),
		cmocka_unit_test(lists),
		cmocka_unit_test(lists_of_some),
		cmocka_unit_test(dialplan),
		cmocka_unit_test(database),
		cmocka_unit_test(music),
		cmocka_unit_test(hints),
		cmocka_unit_test(records),
		cmocka_unit_test(wishes),
		cmocka_unit_test(captures),
		cmocka_unit_test(names_are_completed),
		cmocka_unit_test(a_reload_waits_for_the_one_before),
		cmocka_unit_test(a_stop_ends_a_reload),
		cmocka_unit_test(a_bad_file_keeps_the_old_configuration),
		cmocka_unit_test(the_doctor_finds),
		cmocka_unit_test(going_down),
	};

	return cmocka_run_group_tests_name("ctl_show", tests, setup, teardown);
}
