/*
 * media/route.h: one direction of a plain bridge as a record that says all there is to do: which packets belong to it,
 * what is written into them, what is counted. A worker fills it in; the tc program in the kernel (relay.bpf.c) executes
 * it, or in the simulator virtual.c. All of them compile this file: it knows nothing but <linux/types.h>.
 *
 * The record is memory that both sides see. Its gate says whose it is: open, the executor's; shut, the worker's. The
 * executor makes the gate busy while it moves the counts, so that the worker can take the record back between two
 * packets and lose nothing. A packet that finds the gate shut or busy goes up to the worker.
 */
#pragma once
#include <linux/types.h>

#define ROUTE_OPEN 1u
#define ROUTE_BUSY 2u
#define ROUTE_TURN \
	4u /* added with every packet and whenever the gate shuts: who reads the counts sees that they moved */

#define ROUTE_FORMATS 5

#define RTP_DROPOUT_MAX  3000 /* RFC 3550 A.1: a larger step forward, */
#define RTP_DISORDER_MAX 100  /* or this far back, is another stream */

#define BEAT_MAX_NS 4000000000ull /* without a sign of life for so long, the owner is gone: nothing is executed */

/* Where a packet arrives. The port is in network order; IPv4 is in the first four bytes. */
struct route_key {
	__u8 family, zero;
	__u16 port;
	__u32 ip[4];
};

enum hop_how {
	HOP_UNKNOWN, /* not found out yet, or only the worker can send there */
	HOP_MACS,    /* Ethernet with the MAC addresses below */
	HOP_PEER,    /* the same to the host at the other end of a veth, which takes it at once: past our queue and
			captures */
	HOP_NEIGH,   /* Ethernet, neighbour not known: the kernel asks */
	HOP_BARE,    /* a device without link addresses */
	HOP_LOCAL,   /* this host */
};

/* How packets to one address leave: kept up to date by hops.c while routes use it. */
struct hop {
	__u32 how, ifindex;
	__u32 src[4];
	__u8 to_mac[6], from_mac[6];
	__u32 mtu;
	__u64 seen_ns; /* when a packet last went the long way, which keeps the neighbour's entry alive */
};

struct route_format {
	__u8 pt, to_pt, codec, to_codec;
	__u32 clock; /* rtp_clock() of its rate; 0: comfort noise, which is counted apart */
};

/* RFC 3550 A.8, in units of the RTP clock. */
struct jitter {
	__u32 transit, times16;
};

/* What moves with the packets. */
struct route_count {
	__u64 last_ns;             /* of the monotonic clock */
	__u64 packets, octets, cn; /* since the route was opened; octets of payload */
	struct jitter jitter;
	__u32 received, cycles;
	__u32 ts;             /* sent: of the highest sequence number */
	__u16 seq;            /* sent: the highest */
	__u16 max_seq;        /* received: the highest */
	__u16 from_seq;       /* of those, the highest that was sent on */
	__u16 young;          /* packets to go during which those before `first` are stragglers of an older stream */
	__u8 format, zero[3]; /* the latest audio format */
};

/* Three cache lines: what is looked at first, what is written, what moves. */
struct route {
	__u32 gate;
	__u32 hop; /* its number */
	struct route_key key;
	__u32 src[4];                       /* the latched source: the only one that may use this route */
	__u16 src_port, to_port, from_port; /* network order; from: of the sending leg */
	__u8 tos, n_formats;
	__u32 ssrc, to_ssrc, ts_off; /* host order */
	__u32 to[4];                 /* where to */
	__u16 seq_off, first;
	__u32 priority; /* of the sending leg's socket: which queue of the device */
	struct route_format formats[ROUTE_FORMATS];
	struct route_count count;
} __attribute__((aligned(64)));

/*
 * The number of a route is found by its key: in a group of slots, one half cache line. The table of groups is small as
 * long as routes are few, so that it stays in the cache, and one of twice the size follows when they become more. A
 * route stays in the table that it was entered in: who looks begins with the present one and goes down to the least.
 * The table of n groups lies at n.
 */
#define ROUTE_GROUP             8
#define ROUTE_GROUPS_LEAST      32
#define ROUTE_GROUPS_LEVELS     16 /* tables that there can be */
#define ROUTE_GROUP_AT(hash, n) ((n) + ((hash) & ((n)-1)))
struct route_group {
	__u32 slots[ROUTE_GROUP]; /* 0: free; else a part of the hash, and the number plus 1 */
};
#define ROUTE_SLOT(hash, number) (((hash)&0xfff00000u) | ((number) + 1))
#define ROUTE_NUMBER(slot)       (((slot)&0xfffffu) - 1)
#define ROUTE_NUMBERS            0xffffeu /* there are no more than this */

static inline __u32 route_hash(const struct route_key *k)
{
	__u32 h = k->ip[0] ^ k->ip[1] ^ k->ip[2] ^ k->ip[3] ^ ((__u32)k->port << 16 | k->port);

	h *= 0x9e3779b1u;
	return h ^ h >> 15;
}

struct route_packet {
	__u64 ns;
	__u32 ts, octets;
	__u16 seq;
	__u8 format;
};

/* RTP clock units per 1024 ns, as a fraction of 2^32. */
static inline __u32 rtp_clock(__u32 rate)
{
	return (__u32)(((__u64)rate << 42) / 1000000000u);
}

/* A time in units of an RTP clock; it wraps, only differences mean something. */
static inline __u32 rtp_units(__u64 ns, __u32 clock)
{
	return (__u32)(((ns >> 10) * clock) >> 32);
}

/* RFC 3550 A.1: seq goes on from `max`; else it is another stream, or the same that began anew. */
static inline int rtp_follows(__u16 seq, __u16 max)
{
	__s16 step = (__s16)(seq - max);

	return step <= RTP_DROPOUT_MAX && step >= -RTP_DISORDER_MAX;
}

static inline void jitter_step(struct jitter *j, __u32 arrival, __u32 ts, int first)
{
	__u32 transit = arrival - ts;
	__s32 d = (__s32)(transit - j->transit);

	j->transit = transit;
	if (!first)
		j->times16 += (__u32)(d < 0 ? -d : d) - ((j->times16 + 8) >> 4);
}

/* 0: shut, or somebody is inside; else to be given to route_leave(). */
static inline __u32 route_enter(struct route *r)
{
	__u32 gate = *(volatile __u32 *)&r->gate;

	if ((gate & (ROUTE_OPEN | ROUTE_BUSY)) != ROUTE_OPEN)
		return 0;
	return __sync_val_compare_and_swap(&r->gate, gate, gate | ROUTE_BUSY) == gate ? gate : 0;
}

static inline void route_leave(struct route *r, __u32 gate)
{
	__sync_lock_test_and_set(&r->gate, gate + ROUTE_TURN);
}

/* Counts one packet, inside the gate. 0: it does not go on from those before; nothing was changed. */
static inline int route_step(struct route *r, const struct route_format *f, const struct route_packet *p)
{
	struct route_count *c = &r->count;
	__u16 seq = (__u16)(p->seq + r->seq_off);

	if (!rtp_follows(p->seq, c->max_seq) || !rtp_follows(p->seq, c->from_seq) ||
	    (c->young && (__s16)(p->seq - r->first) < 0))
		return 0;
	if (c->young)
		c->young--;
	if ((__s16)(p->seq - c->max_seq) > 0) {
		c->cycles += p->seq < c->max_seq ? 65536 : 0;
		c->max_seq = p->seq;
	}
	if ((__s16)(p->seq - c->from_seq) > 0)
		c->from_seq = p->seq;
	if ((__s16)(seq - c->seq) > 0) {
		c->seq = seq;
		c->ts = p->ts + r->ts_off;
	}
	if (f->clock) {
		jitter_step(&c->jitter, rtp_units(p->ns, f->clock), p->ts, !c->received);
		c->format = p->format;
	} else {
		c->cn++;
	}
	c->received++;
	c->packets++;
	c->octets += p->octets;
	c->last_ns = p->ns;
	return 1;
}
