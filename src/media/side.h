/*
 * media/side.h: what the files of the signalling side share: media.c (workers), legs.c, rest.c (what waits for the next
 * legs). Workers see none of it.
 */
#pragma once
#include "media/begin.h"
#include "media/media.h"

#define KEPT 64 /* blocks of streams that wait for the next ones, until ports are looked over */

struct media_leg {
	struct media *m;
	uint32_t id; /* rises: the younger leg has the higher one */
	void *owner;
	struct stream
		*stream; /* not to be looked into, but for `pub` and what never changes: its ports, their address */
	unsigned worker; /* that serves it, or that it is on the way to */
	struct media_leg *peer;
	uint32_t serial; /* of the latest media_play() */
	bool moving;
	struct media_plan *late_plan; /* while moving */
	struct crypt *late_crypt;
	bool late_secure;
	bool late_play;
	struct source *late_source;
};

/* One block: the stream outlives its leg, and who frees the stream frees both. */
struct served {
	struct stream stream;
	struct media_leg leg;
};

struct media {
	struct media_config c;
	struct conf_rtp rtp;
	struct worker **workers;
	struct udp_worker **udp; /* NULL in the simulator */
	unsigned n_workers, next_worker;
	struct begin *begin;   /* the kernel path and shared sockets are being set up */
	struct kernel *kernel; /* NULL: why_not says why */
	const char *why_not;
	struct shared *shared; /* NULL: why_own says why */
	const char *why_own;
	struct loader *loader;
	struct table legs; /* by id */
	struct ports_kind *kinds;
	unsigned most_pairs;     /* that may be open at once; 0: no limit but the range */
	struct timer wake, trim; /* of c.clock */
	struct served *kept[KEPT];
	unsigned n_kept;
	uint32_t last_id;
	int event_fd;
	ms_t now;       /* simulator */
	unsigned depth; /* simulator: calls of media_input() and media_tick() inside each other */
};

/* Of numbers that count up: no two have the same. */
static inline uint64_t hash_of(uint32_t id)
{
	return id * 0x9e3779b97f4a7c15u;
}

/* media.c: to a worker, which is woken soon. */
void side_send(struct media *m, unsigned worker, const struct cmd *what);

/* legs.c: what a worker, or the loader, has to say; frees it. */
void leg_note(struct media *m, struct note *n);

/* rest.c */
struct ports *rest_ports(struct media *m, const struct ports_ask *ask, unsigned worker); /* NULL: there are none */
struct served *rest_block(struct media *m);                                              /* zeroed */
void rest_trim(struct timer *t, ms_t now);                                               /* m->trim is due */
void rest_end(struct media *m);                                                          /* no ports rest any more */
