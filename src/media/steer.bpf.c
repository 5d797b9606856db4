/*
 * media/steer.bpf.c: one socket of a worker hears all its ports: a program that the kernel asks before it looks for a
 * packet's socket. A port that gets more than audio can be is given to a socket that hears nothing: refusing the packet
 * would be answered by ICMP, and the peer would hang up.
 */
#include <linux/bpf.h>
#include <linux/in.h>

#include <bpf/bpf_helpers.h>

#include "media/steer.h"

#define AF_INET 2

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1024);
	__type(key, struct steer_key);
	__type(value, struct steer_port);
} ports SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SOCKMAP);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64);
} socks SEC(".maps");

__u64 refused;
__u32 nobody;  /* the number of the socket that hears nothing */
__u8 any, one; /* are there ports on any address; on one? */

static __always_inline struct steer_port *find(const struct bpf_sk_lookup *ctx)
{
	struct steer_key key = { .port = (__u16)ctx->local_port, .family = ctx->family == AF_INET ? 4 : 6 };
	struct steer_port *p = 0;

	if (any)
		p = bpf_map_lookup_elem(&ports, &key);
	if (p || !one)
		return p;
	if (key.family == 4) {
		key.ip[0] = ctx->local_ip4;
	} else {
		key.ip[0] = ctx->local_ip6[0];
		key.ip[1] = ctx->local_ip6[1];
		key.ip[2] = ctx->local_ip6[2];
		key.ip[3] = ctx->local_ip6[3];
	}
	return bpf_map_lookup_elem(&ports, &key);
}

/* Several processors may count at once: a few more or less do not matter. */
static __always_inline int too_many(struct steer_port *p)
{
	__u64 now = bpf_ktime_get_coarse_ns() >> STEER_WINDOW_BITS;

	if (p->window != now) {
		p->window = now;
		p->count = 0;
	}
	if (p->count++ < STEER_MOST)
		return 0;
	__sync_fetch_and_add(&refused, 1);
	return 1;
}

SEC("sk_lookup")
int hairpin_steer(struct bpf_sk_lookup *ctx)
{
	struct steer_port *p = ctx->protocol == IPPROTO_UDP ? find(ctx) : 0;
	struct bpf_sock *sk;
	__u32 at;

	if (!p)
		return SK_PASS;
	at = STEER_SOCK(too_many(p) ? nobody : p->worker, ctx->family != AF_INET);
	sk = bpf_map_lookup_elem(&socks, &at);
	if (!sk)
		return SK_PASS;
	bpf_sk_assign(ctx, sk, 0);
	bpf_sk_release(sk);
	return SK_PASS;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
