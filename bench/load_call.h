/* bench/load_call.h: calls under way, and what is counted of them, between load_call.c (protocol) and load_run.c
 * (plan). */
#pragma once
#include "load.h"

#define BIN_US 100000 /* the series: one bin each 100 ms... */
#define BINS   9000u  /* ...for 15 minutes */

enum { UAC_CALLING, UAC_PROCEEDING, UAC_UP, UAC_BYE };
enum { UAS_IDLE, UAS_ANSWERED, UAS_UP };

struct call {
	uint64_t generation, number; /* number 0: free */
	us_t asked;
	uint8_t phase, uac, uas;
	bool stays, up;
	unsigned ok_n;
	char *ok;                    /* the 200 that waits for its ACK */
	struct sockaddr_in media[2]; /* the server's, towards the caller and towards the callee */
	char to[160], target[128], route[320];
};

struct tally { /* of the calls that began in a phase; the _in figures: of what happened during it */
	uint64_t offered, answered, good, failed, shed, timed_out, lost;
	uint64_t repeats;  /* messages that we had to send again */
	uint64_t repeated; /* messages that the server sent again */
	uint64_t late;     /* messages of calls that are over */
	uint64_t no_room;  /* not offered: the table was full */
	uint64_t answered_in;
	unsigned last_status;
	double seconds, cpu, rss_before, rss_after;
	unsigned up_after;
	struct histogram setup;
};

struct bin {
	uint32_t offered, answered, shed;
	uint32_t in_time; /* of those offered in this bin: answered without a repeat */
};

struct calls {
	struct load *load;
	struct port *uac, *uas;
	char *uac_host, *uas_host, *uac_ip, *uas_ip, *server_host;
	struct call *table;
	unsigned size, *spare, n_spare;
	uint64_t run; /* keeps the numbers of this run from those of the last */
	unsigned active, up;
	uint8_t phase;
	us_t now, began, patience, quiet_until;
	struct lane again[TRIES], hold[PHASES_MAX + 2], give_up;
	struct tally tallies[PHASES_MAX + 2]; /* each phase's, that of the calls that stay, that of their end */
	struct bin bins[BINS];
};

struct calls *calls_new(struct load *l);
void calls_offer(struct calls *c, double rate, double seconds, unsigned most, bool stays);
void calls_drain(struct calls *c, unsigned leave, double seconds); /* until no more than `leave` are under way */
void calls_linger(struct calls *c, double seconds);                /* the callees' BYEs come after the callers' */
void calls_release(struct calls *c, double rate);                  /* hangs up whatever is up */
