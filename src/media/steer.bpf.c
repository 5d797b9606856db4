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
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, STEER_PORTS);
	__type(key, __u32);
	__type(value, struct steer_port);
} any SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1024);
	__type(key, struct steer_key);
	__type(value, struct steer_port);
} bound SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SOCKMAP);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64);
} socks SEC(".maps");

__u64 refused;
__u32 nobody;     /* the number of the socket that hears nothing */
__u32 some_bound; /* are there ports on one address? */

static __always_inline struct steer_port *find(const struct bpf_sk_lookup *ctx, int v6)
{
	struct steer_key key = { .port = STEER_PORT((__u16)ctx->local_port, v6) };
	struct steer_port *p = bpf_map_lookup_elem(&any, &key.port);

	if ((p && p->worker) || !some_bound)
		return p;
	if (v6) {
		key.ip[0] = ctx->local_ip6[0];
		key.ip[1] = ctx->local_ip6[1];
		key.ip[2] = ctx->local_ip6[2];
		key.ip[3] = ctx->local_ip6[3];
	} else {
		key.ip[0] = ctx->local_ip4;
	}
	return bpf_map_lookup_elem(&bound, &key);
}

/* Several processors may count at once: a few more or less do not matter. */
static __always_inline int too_many(struct steer_port *p)
{
	__u32 now = (__u32)(bpf_ktime_get_coarse_ns() >> STEER_WINDOW_BITS);

	if (p->window != now) {
		p->window = now;
		p->count = 0;
	}
	if (p->count < STEER_MOST) {
		p->count++;
		return 0;
	}
	__sync_fetch_and_add(&refused, 1);
	return 1;
}

SEC("sk_lookup")
int hairpin_steer(struct bpf_sk_lookup *ctx)
{
	int v6 = ctx->family != AF_INET;
	struct steer_port *p = ctx->protocol == IPPROTO_UDP ? find(ctx, v6) : 0;
	__u32 at, worker = p ? p->worker : 0;
	struct bpf_sock *sk;

	if (!worker)
		return SK_PASS;
	at = STEER_SOCK(too_many(p) ? nobody : worker - 1, v6);
	sk = bpf_map_lookup_elem(&socks, &at);
	if (!sk)
		return SK_PASS;
	bpf_sk_assign(ctx, sk, 0);
	bpf_sk_release(sk);
	return SK_PASS;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
