/* tests/unit/test_ctl_pcap.c: what a capture file has, and when it ends by itself. */
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

#include "base/trace.h"
#include "ctl/priv.h"

#define HEAD   24
#define RECORD (16 + 14 + 20 + 8 + 5)

struct world {
	struct clock clock;
	struct pcap *pcap;
	char path[64];
	int err, ended, said, listener;
};

static void on_ended(void *arg)
{
	struct world *w = arg;

	w->ended++;
	w->err = pcap_close(&w->pcap);
}

static void on_event(void *arg, const struct trace_record *r)
{
	struct world *w = arg;

	w->said += r->id == EV_CAPTURE && strstr(r->text, w->path);
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof *w);
	int fd;

	signal(SIGXFSZ, SIG_IGN);
	snprintf(w->path, sizeof w->path, "/tmp/hairpin-pcap-XXXXXX");
	fd = mkstemp(w->path);
	assert_true(fd >= 0);
	close(fd);
	w->listener = trace_listen(LV_WARNING, on_event, w);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	pcap_close(&w->pcap);
	timers_free(&w->clock.timers);
	trace_unlisten(w->listener);
	unlink(w->path);
	free(w);
	return 0;
}

static void begin(struct world *w, uint64_t most)
{
	struct pcap_ask ask = { .clock = &w->clock, .path = w->path, .most = most, .ended = on_ended, .arg = w };

	w->pcap = pcap_open(&ask);
}

static void put(struct world *w)
{
	struct addr from, to;

	assert_true(addr_parse(SPAN("192.0.2.1:5060"), &from));
	assert_true(addr_parse(SPAN("192.0.2.2:5061"), &to));
	pcap_put(w->pcap, &from, &to, SPAN("hello"));
}

static void pass(struct world *w, ms_t ms)
{
	w->clock.now += ms;
	timers_run(&w->clock.timers, w->clock.now);
}

static off_t size_of(const struct world *w)
{
	struct stat s;

	assert_int_equal(stat(w->path, &s), 0);
	return s.st_size;
}

/* The most that the process may write into a file; a full disk looks the same. */
static void room(rlim_t bytes)
{
	struct rlimit r;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &r), 0);
	r.rlim_cur = MIN(bytes, r.rlim_max);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &r), 0);
}

static void ends_at_its_limit(void **state)
{
	struct world *w = *state;

	begin(w, HEAD + 2 * RECORD);
	assert_non_null(w->pcap);
	put(w);
	put(w);
	pass(w, 1000);
	assert_int_equal(size_of(w), HEAD + 2 * RECORD);
	assert_int_equal(w->ended, 0);
	put(w);
	assert_non_null(w->pcap); /* not from inside of what is being written */
	put(w);
	pass(w, 0);
	assert_int_equal(w->ended, 1);
	assert_int_equal(w->said, 1);
	assert_int_equal(w->err, -EFBIG);
	assert_null(w->pcap);
	assert_int_equal(size_of(w), HEAD + 2 * RECORD);
}

static void ends_when_it_cannot_be_written(void **state)
{
	struct world *w = *state;

	begin(w, 1000000);
	assert_non_null(w->pcap);
	put(w);
	pass(w, 1000);
	assert_int_equal(w->ended, 0);
	room(HEAD + RECORD);
	put(w);
	pass(w, 1000);
	pass(w, 1000);
	room(RLIM_INFINITY);
	assert_int_equal(w->ended, 1);
	assert_int_equal(w->said, 1);
	assert_int_equal(w->err, -EFBIG);
}

/* The last packets are written when it is closed. */
static void says_so_at_the_end(void **state)
{
	struct world *w = *state;

	begin(w, 1000000);
	put(w);
	room(HEAD);
	assert_int_equal(pcap_close(&w->pcap), -EFBIG);
	room(RLIM_INFINITY);
	assert_int_equal(w->said, 1);
	assert_int_equal(w->ended, 0);
}

static void does_not_begin_on_a_full_disk(void **state)
{
	struct world *w = *state;

	room(HEAD / 2);
	begin(w, 1000000);
	assert_int_equal(errno, EFBIG);
	room(RLIM_INFINITY);
	assert_null(w->pcap);
	assert_int_equal(w->said, 0);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(ends_at_its_limit),
		TEST(ends_when_it_cannot_be_written),
		TEST(says_so_at_the_end),
		TEST(does_not_begin_on_a_full_disk),
	};

	return cmocka_run_group_tests_name("ctl_pcap", tests, NULL, NULL);
}
