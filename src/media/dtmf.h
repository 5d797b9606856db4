/* media/dtmf.h: telephone-events (RFC 4733) as digits. Pure. */
#pragma once
#include "base/span.h"
#include "base/util.h"

#define DTMF_LOST_MS 300 /* an event that stays silent so long has ended without its end packets */

struct dtmf {
	bool active, seen; /* an event is under way; at least one was there (ts is its timestamp) */
	uint32_t ts;
	uint8_t event;
	uint16_t duration; /* in units of the clock */
	ms_t at;           /* of its last packet */
};

struct dtmf_digit {
	char digit; /* 0: none */
	uint32_t ms;
};

/* One packet of the event that began at timestamp ts. At most one digit per event. */
struct dtmf_digit dtmf_packet(struct dtmf *d, uint32_t ts, struct span payload, ms_t now);
struct dtmf_digit dtmf_tick(struct dtmf *d, ms_t now);
ms_t dtmf_next(const struct dtmf *d); /* when dtmf_tick() has something to look at */
