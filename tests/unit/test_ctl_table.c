/* tests/unit/test_ctl_table.c: commands are found, completed and explained from their table; rows become text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ctl/priv.h"

struct world {
	struct clock clock;
	struct ctl *ctl;
	struct io_loop *loop;
	enum ctl_stop stop;
	bool restart;
};

static bool on_stop(void *arg, enum ctl_stop how, bool restart)
{
	struct world *w = arg;

	if (how <= w->stop)
		return false;
	w->stop = how;
	w->restart = restart;
	return true;
}

static bool on_abort(void *arg)
{
	struct world *w = arg;
	bool some = w->stop != STOP_NOT;

	w->stop = STOP_NOT;
	return some;
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof *w);
	struct ctl_config cfg = {
		.conf_dir = "/nowhere", .quiet = true, .arg = w, .stop = on_stop, .abort_stop = on_abort
	};

	cfg.loop = w->loop = io_new(&w->clock);
	w->ctl = ctl_new(&cfg);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	ctl_free(&w->ctl);
	io_free(&w->loop);
	free(w);
	return 0;
}

static void expect(struct ctl *ctl, const char *line, int status, const char *text)
{
	struct out o = out_growing();

	assert_int_equal(ctl_run(ctl, span_of(line), &o), status);
	out_char(&o, '\0');
	assert_string_equal(o.p, text);
	out_free(&o);
}

static void expect_words(struct ctl *ctl, const char *line, const char *words)
{
	struct out o = out_growing();

	ctl_complete(ctl, span_of(line), &o);
	out_char(&o, '\0');
	assert_string_equal(o.p, words);
	out_free(&o);
}

static void the_longest_command_wins(void **state UNUSED)
{
	struct span args;

	assert_string_equal(cmd_find(SPAN("core show help pjsip show aor"), &args)->words, "core show help");
	assert_true(span_is(args, "pjsip show aor"));
	assert_string_equal(cmd_find(SPAN("dialplan show globals"), &args)->words, "dialplan show globals");
	assert_string_equal(cmd_find(SPAN(" Pjsip  SHOW endpoint\t6001 "), &args)->words, "pjsip show endpoint");
	assert_true(span_is(args, "6001"));
	assert_null(cmd_find(SPAN("pjsip show"), &args));
	assert_null(cmd_find(SPAN("pjsip show endpointsX"), &args));
	assert_null(cmd_find(SPAN(""), &args));
}

static void what_is_unknown_is_said(void **state)
{
	struct world *w = *state;

	expect(w->ctl, "sip show peers", 1,
	       "No such command 'sip show peers' (type 'core show help sip show peers' for other possible commands)\n");
	expect(w->ctl, "  ", 0, "");
	expect(w->ctl, "core show help sip", 1, "No such command 'sip'.\n");
	expect(w->ctl, "core show help \x1b[2J", 1, "No such command '.[2J'.\n"); /* whoever chose these words */
}

static void every_command_has_help(void **state)
{
	struct world *w = *state;
	static const struct cmd *const all[] = { core_cmds, pjsip_cmds, pjsip_show_cmds, dialplan_cmds };

	for (size_t g = 0; g < ARRAY_LEN(all); g++) {
		for (const struct cmd *c = all[g]; c->words; c++) {
			struct out o = out_growing();
			char *ask = xasprintf("core show help %s", c->words);

			assert_non_null(c->run);
			assert_int_equal(ctl_run(w->ctl, span_of(ask), &o), 0);
			assert_true(span_find(out_look(&o), span_of(c->help)) > 0);
			free(ask);
			out_free(&o);
		}
	}
	expect(w->ctl, "core show help core set verbose", 0,
	       "Usage: core set verbose LEVEL|off\n       Shows or hides what happens to calls and phones.\n");
}

static void words_are_completed(void **state)
{
	struct world *w = *state;

	expect_words(w->ctl, "pj", "pjsip\n");
	expect_words(w->ctl, "core s", "show\nset\nstop\n");
	expect_words(w->ctl, "core show ", "channels\nchannel\nversion\nuptime\ncounters\nhelp\nhints\nhint\n");
	expect_words(w->ctl, "core show channels c", "concise\ncount\n");
	expect_words(w->ctl, "rtp set debug ", "on\noff\nip\n");
	expect_words(w->ctl, "nothing like this ", "");
	expect_words(w->ctl, "core show version ", "");
}

static void stopping_asks_the_owner(void **state)
{
	struct world *w = *state;

	expect(w->ctl, "core abort shutdown", 1, "No shutdown waits for calls to end.\n");
	expect(w->ctl, "core restart when convenient", 0,
	       "Restarting when no call goes on; calls are taken until then.\n");
	assert_true(w->stop == STOP_CONVENIENT && w->restart);
	expect(w->ctl, "core stop when convenient", 1,
	       "A shutdown or restart that is as urgent is in progress already.\n");
	expect(w->ctl, "core restart gracefully", 0,
	       "Restarting when the last call has ended; no new calls are taken.\n");
	assert_true(w->stop == STOP_GRACEFULLY && w->restart);
	expect(w->ctl, "core abort shutdown", 0, "The shutdown is cancelled; calls are taken.\n");
	expect(w->ctl, "core stop gracefully", 0, "Stopping when the last call has ended; no new calls are taken.\n");
	assert_false(w->restart);
	expect(w->ctl, "core stop now", 0, "Stopping now.\n");
	assert_int_equal(w->stop, STOP_NOW);
}

static void verbosity(void **state)
{
	struct world *w = *state;

	expect(w->ctl, "core set verbose 5", 0, "Console verbose was 0 and is now 5.\n");
	expect(w->ctl, "core set debug many", 1, "Usage: core set debug LEVEL|off\n");
	expect(w->ctl, "core set verbose off", 0, "Console verbose was 5 and is now 0.\n");
	expect(w->ctl, "core set verbose 3", 0, "Console verbose was 0 and is now 3.\n");
	expect(w->ctl, "pjsip set logger host 192.0.2.1", 0, "PJSIP Logging Enabled for host: 192.0.2.1\n");
	expect(w->ctl, "pjsip set logger host nobody", 1,
	       "Usage: pjsip set logger on|off|host ADDRESS|verbose|verbose off|pcap FILE|pcap FILE rtp\n");
	expect(w->ctl, "pjsip set logger off", 0, "PJSIP Logging disabled\n");
}

static void rows_stand_in_columns(void **state UNUSED)
{
	static const struct row_kind kind = {
		.name = "thing",
		.label = "Thing: ",
		.columns = { { .name = "name" },
			     { .name = "uri", .lead = "/" },
			     { .name = "state", .at = 20 },
			     { .name = "rtt", .at = 34, .right = true } },
	};
	struct rows r = { .head = "head\n", .count = true };
	struct out o = out_growing();

	rows_text(&r, &o);
	assert_true(span_is(out_look(&o), "No objects found.\n\n"));
	o.n = 0;
	for (int i = 0; i < 2; i++) {
		r.objects++;
		rows_add(&r, &kind);
		rows_put(&r, "a");
		rows_put(&r, i ? "sip:much-longer-than-this" : "sip:b");
		rows_put(&r, "Avail");
		rows_put(&r, "%.3f", 1.5);
	}
	rows_text(&r, &o);
	out_char(&o, '\0');
	assert_string_equal(o.p, "head\n"
				 "Thing: a/sip:b      Avail    1.500\n"
				 "Thing: a/sip:much-longer-than-this Avail 1.500\n"
				 "\nObjects found: 2\n\n");
	rows_free(&r);
	out_free(&o);
}

/* ---- the socket ---- */

struct client {
	struct world *w;
	struct timer look;
	int fd;
	size_t want; /* bytes of answers */
};

static void look(struct timer *t, ms_t now UNUSED)
{
	struct client *c = container_of(t, struct client, look);
	char got[1024];
	ssize_t n = recv(c->fd, got, sizeof got, MSG_PEEK | MSG_DONTWAIT);

	if (n >= (ssize_t)c->want || n == 0 || (n < 0 && errno != EAGAIN))
		io_stop(c->w->loop);
	else
		clock_in(&c->w->clock, t, 1);
}

static void expect_frame(int fd, char kind, const char *text)
{
	struct out o = out_growing();
	char got = 0;

	assert_int_equal(io_console_read(fd, &got, &o), 0);
	out_char(&o, '\0');
	assert_int_equal(got, kind);
	assert_string_equal(o.p, text);
	out_free(&o);
}

/* Of whatever length, one line gets one answer, and the next one another. */
static void a_long_line_is_refused(void **state)
{
	static const char no_pbx[] = "The server is starting or stopping.\n",
			  too_long[] = "A line may have 8191 bytes: this one has more.\n";
	struct world *w = *state;
	struct client c = { .w = w, .look.fire = look };
	char path[64], line[20000];

	snprintf(path, sizeof path, "/tmp/hairpin-ctl-%d", (int)getpid());
	assert_int_equal(ctl_serve(w->ctl, path), 0);
	c.fd = io_console_open(path);
	assert_true(c.fd >= 0);
	memset(line, 'x', sizeof line);
	line[0] = ASK_RUN;
	assert_int_equal(io_console_ask(c.fd, (struct span){ line, 8191 }), 0); /* just fits */
	line[8191] = '\r';
	assert_int_equal(io_console_ask(c.fd, (struct span){ line, 8192 }), 0); /* so does this: it ends with CRLF */
	line[8191] = 'x';
	assert_int_equal(io_console_ask(c.fd, (struct span){ line, 8192 }), 0);
	assert_int_equal(io_console_ask(c.fd, (struct span){ line, sizeof line }), 0);
	line[0] = ASK_COMPLETE;
	assert_int_equal(io_console_ask(c.fd, (struct span){ line, sizeof line }), 0);
	assert_int_equal(io_console_ask(c.fd, SPAN("r core show version")), 0);
	c.want = 3 * (strlen(no_pbx) + 11) + 2 * (strlen(too_long) + 11) + 6;
	clock_in(&w->clock, &c.look, 1);
	io_run(w->loop);
	for (int i = 0; i < 4; i++) {
		expect_frame(c.fd, FRAME_OUTPUT, i < 2 ? no_pbx : too_long);
		expect_frame(c.fd, FRAME_END, "1");
	}
	expect_frame(c.fd, FRAME_END, "1"); /* there is nothing to complete it with */
	expect_frame(c.fd, FRAME_OUTPUT, no_pbx);
	expect_frame(c.fd, FRAME_END, "1");
	close(c.fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		cmocka_unit_test(the_longest_command_wins),
		T(what_is_unknown_is_said),
		T(every_command_has_help),
		T(words_are_completed),
		T(stopping_asks_the_owner),
		T(verbosity),
		cmocka_unit_test(rows_stand_in_columns),
		T(a_long_line_is_refused),
	};

	return cmocka_run_group_tests_name("ctl_table", tests, NULL, NULL);
}
