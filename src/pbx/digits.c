/*
 * pbx/digits.c: digits that we send to a leg, by its dtmf_mode: telephone-events (RFC 4733) or tones, which media
 * makes, or INFO. Of a leg that has none to send nothing is kept.
 */
#include <stdlib.h>
#include <string.h>

#include "base/trace.h"
#include "pbx/priv.h"

#define FIRST      100 /* ms of quiet before the first digit */
#define SHORT      500 /* w */
#define LONG       1000
#define PASS_GAP   50 /* ms: of those that are passed on */
#define PASS_LEAST 100
#define PASS_MOST  2000

struct digits {
	struct chan *c;
	struct timer due;
	char *text;
	size_t at;
	uint32_t gap, ms;
};

static bool by_info(const struct chan *c)
{
	return c->ep->dtmf_mode == DTMF_INFO || (c->ep->dtmf_mode == DTMF_AUTO_INFO && !c->deal.dtmf_pt);
}

/* Nothing has to be remembered until the answer comes. */
static void build_info(void *arg, struct sip_build *b)
{
	uintptr_t packed = (uintptr_t)arg;
	char digit[2] = { (char)(packed & 255), '\0' };

	out_all(sip_put_body(b, "application/dtmf-relay"), "Signal=", digit, "\r\nDuration=", (uint32_t)(packed >> 8),
		"\r\n");
}

static void send_one(struct chan *c, char digit, uint32_t ms)
{
	struct sip_ask info = { .method = SIP_INFO, .build = build_info };

	if (c->ep->dtmf_mode == DTMF_NONE)
		return;
	if (!by_info(c)) {
		leg_play(c, &(struct media_play){ .source = SOURCE_DIGIT, .digit = digit, .on_ms = (uint16_t)ms });
	} else if (c->dialog && c->state == CHAN_UP) {
		info.arg = (void *)(uintptr_t)((uintptr_t)ms << 8 | (unsigned char)digit);
		sip_dialog_ask(c->dialog, &info);
	}
}

/* ms until the next one; 0: it is no digit. */
static uint32_t time_of(const struct digits *d, char digit)
{
	if (digit == 'w' || digit == 'W')
		return digit == 'w' ? SHORT : LONG;
	return strchr("0123456789*#ABCD", digit) ? d->ms + d->gap : 0;
}

static void next_one(struct timer *t, ms_t now UNUSED)
{
	struct digits *d = container_of(t, struct digits, due);
	struct chan *c = d->c;
	char digit = d->text[d->at];

	if (!digit || !c->media) {
		digits_drop(c);
		moh_look(c); /* it may be on hold */
		return;
	}
	d->at++;
	if (digit != 'w' && digit != 'W')
		send_one(c, digit, d->ms);
	clock_in(c->pbx->clock, t, time_of(d, digit));
}

static void add(struct digits *d, struct span text)
{
	size_t n = strlen(d->text + d->at);

	memmove(d->text, d->text + d->at, n);
	d->at = 0;
	d->text = xrealloc(d->text, n + text.n + 1);
	for (size_t i = 0; i < text.n && n < DIGITS_SENT_MAX; i++) {
		char one = text.p[i] >= 'a' && text.p[i] <= 'd' ? (char)(text.p[i] - 'a' + 'A') : text.p[i];

		if (one && time_of(d, one))
			d->text[n++] = one;
		else
			trace(EV_DP_WARN, d->c->name, "'%c' is no digit that could be sent", one);
	}
	d->text[n] = '\0';
}

ms_t digits_send(struct chan *c, struct span text, const struct digits_pace *pace)
{
	struct digits *d = c->digits;
	ms_t all = FIRST;

	if (!c->media || c->gone)
		return 0;
	if (!d) {
		d = c->digits = xcalloc(1, sizeof *d);
		d->c = c;
		d->due.fire = next_one;
		d->text = xcalloc(1, 1);
		clock_in(c->pbx->clock, &d->due, pace->at_once ? 0 : FIRST);
	}
	d->gap = pace->gap_ms;
	d->ms = pace->ms;
	add(d, text);
	for (const char *s = d->text; *s; s++)
		all += time_of(d, *s);
	return all;
}

void digits_pass(struct chan *from, const struct chan_event *ev, bool as_info)
{
	struct chan *to = from->peer_chan;
	struct digits_pace pace = { .gap_ms = PASS_GAP,
				    .ms = ev->ms ? MIN(MAX(ev->ms, PASS_LEAST), PASS_MOST) : PASS_LEAST,
				    .at_once = true };

	if (!to || from->held || to->state != CHAN_UP || (!as_info && to->deal.dtmf_pt))
		return;
	digits_send(to, (struct span){ &ev->digit, 1 }, &pace);
}

void digits_drop(struct chan *c)
{
	struct digits *d = c->digits;

	if (!d)
		return;
	c->digits = NULL;
	clock_stop(c->pbx->clock, &d->due);
	free(d->text);
	free(d);
}
