/* tests/unit/test_media_ask.c: STUN from a leg's own ports: what is asked, whose answers count, and what they move. */
#include "nat/stun.h"
#include "test_media_world.h"

#define SERVER "203.0.113.70:3478"

/* A success that says 198.51.100.5 and this port, to the question in q. */
static void answer(struct world *w, const struct sent *q, const char *from, uint16_t port)
{
	uint8_t m[32] = { 1, 1, 0, 12 };
	struct addr src = at(from);

	memcpy(m + 4, q->bytes + 4, 16);
	memcpy(m + 20, ((const uint8_t[]){ 0, 0x20, 0, 8, 0, 1 }), 6);
	m[26] = (uint8_t)((port >> 8) ^ m[4]);
	m[27] = (uint8_t)(port ^ m[5]);
	for (int i = 0; i < 4; i++)
		m[28 + i] = ((const uint8_t[]){ 198, 51, 100, 5 })[i] ^ m[4 + i];
	media_input(w->m, q->sock, &src, (struct span){ (char *)m, sizeof m }, w->now);
}

static void mapped_is(const struct media_leg *leg, bool rtcp, const char *text)
{
	struct addr a = media_mapped(leg, rtcp);
	char buf[ADDR_STRLEN];

	assert_string_equal(a.family ? addr_str(&a, buf) : "", text);
}

static void ask(struct world *w, struct media_leg *leg)
{
	struct addr server = at(SERVER);

	media_stun(leg, &server);
	media_tick(w->m, w->now);
}

static void asks_from_both_ports(void **state)
{
	struct world *w = *state;
	struct media_leg *leg = leg_open(w, "a");
	struct sent first;

	ask(w, leg);
	assert_int_equal(w->n_sent, 2);
	assert_int_equal(w->sent[0].sock, sock_of(w, leg, 0));
	assert_int_equal(w->sent[1].sock, sock_of(w, leg, 1));
	assert_int_equal(w->sent[0].n, STUN_HEADER);
	assert_memory_not_equal(w->sent[0].bytes + 8, w->sent[1].bytes + 8, STUN_TX);
	first = w->sent[0];
	ask(w, leg); /* once more: the same question, so that a late answer counts */
	assert_memory_equal(w->sent[2].bytes, first.bytes, STUN_HEADER);
	mapped_is(leg, false, "");
	answer(w, &w->sent[0], SERVER, 40001);
	mapped_is(leg, false, "198.51.100.5:40001");
	mapped_is(leg, true, "");
	answer(w, &w->sent[1], SERVER, 40008);
	mapped_is(leg, true, "198.51.100.5:40008");
	assert_int_equal(w->n_events, 2);
	assert_int_equal(w->events[0].kind, MEDIA_STUN);
	assert_true(w->events[0].ok);
	assert_false(w->events[1].ok);
	media_close(&leg);
	media_tick(w->m, w->now);
}

/* Who has not been asked, or does not know the question, says nothing: neither of our port nor of where audio goes. */
static void strangers(void **state)
{
	struct world *w = *state;
	struct media_leg *leg = leg_open(w, "a");
	struct media_plan p = plan_of("203.0.113.20:4000", CODEC_ULAW, 0, 101);
	struct sent q;

	media_replan(leg, &p);
	ask(w, leg);
	q = w->sent[0];
	answer(w, &q, "203.0.113.99:3478", 40001);
	q.bytes[9] ^= 1;
	answer(w, &q, SERVER, 40001);
	mapped_is(leg, false, "");
	answer(w, &w->sent[0], SERVER, 40001);
	mapped_is(leg, false, "198.51.100.5:40001");
	assert_null(find_event(w, MEDIA_LATCHED, 0));
	speak(w, leg, &(struct talk){ .from = "203.0.113.20:4000", .rtp = { .pt = 0, .ssrc = 7 } }, 3);
	assert_non_null(find_event(w, MEDIA_LATCHED, 0));
	media_close(&leg);
	media_tick(w->m, w->now);
}

static void nobody_asked(void **state)
{
	struct world *w = *state;
	struct media_leg *leg = leg_open(w, "a");
	struct sent q = { .sock = sock_of(w, leg, 0), .bytes = { 0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42 } };

	answer(w, &q, SERVER, 40001);
	mapped_is(leg, false, "");
	assert_int_equal(w->n_events, 0);
	media_close(&leg);
	media_tick(w->m, w->now);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(asks_from_both_ports, setup, teardown),
		cmocka_unit_test_setup_teardown(strangers, setup, teardown),
		cmocka_unit_test_setup_teardown(nobody_asked, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
