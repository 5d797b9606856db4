/*
 * media/dtmf.c: a key press is several packets with one timestamp, the last three of them with the end bit. The digit
 * is told once: at the first end bit, or when another event begins, or when no more packets come.
 */
#include "media/dtmf.h"

#include "media/rtp.h"

#define END        0x80
#define LONG_EVENT 0xff00 /* RFC 4733 2.5.1.3: a longer press goes on as another segment */

static struct dtmf_digit told(struct dtmf *d)
{
	static const char keys[] = "0123456789*#ABCD!";

	d->active = false;
	return (struct dtmf_digit){ keys[d->event], d->duration / 8u };
}

struct dtmf_digit dtmf_packet(struct dtmf *d, uint32_t ts, struct span payload, ms_t now)
{
	struct dtmf_digit digit = { 0 };
	uint8_t event, flags;

	if (payload.n < 4)
		return digit;
	event = (uint8_t)payload.p[0];
	flags = (uint8_t)payload.p[1];
	if (event > 16 || (d->seen && (int32_t)(ts - d->ts) < (d->active ? 0 : 1)))
		return digit; /* told already, or a late packet of one before */
	if (d->active && ts != d->ts && !(event == d->event && d->duration >= LONG_EVENT))
		digit = told(d);
	*d = (struct dtmf){
		.active = true, .seen = true, .ts = ts, .event = event, .at = now, .duration = get16(payload.p + 2)
	};
	if ((flags & END) && !digit.digit)
		digit = told(d);
	return digit;
}

struct dtmf_digit dtmf_tick(struct dtmf *d, ms_t now)
{
	return now >= dtmf_next(d) ? told(d) : (struct dtmf_digit){ 0 };
}

ms_t dtmf_next(const struct dtmf *d)
{
	return d->active ? d->at + DTMF_LOST_MS : MS_NEVER;
}
