/*
 * media/relay.bpf.c: the kernel path: a program at the tc ingress of every interface. A packet that a route (route.h)
 * describes completely is rewritten and sent on from here; everything else goes up as if the program were not there.
 * It refuses on purpose: no options, no fragments, no header extensions, no second source, nothing but RTP.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>
#include <linux/udp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "media/route.h"

#define UP        TC_ACT_UNSPEC /* the next program, or the stack */
#define TTL       64
#define LOOPBACK  1
#define SEEN_NS   1000000000ll
#define CHECK     6 /* of the UDP header: where its checksum is */
#define CSUM      BPF_F_MARK_MANGLED_0
#define CSUM_IPV6 (1ull << 7) /* BPF_F_IPV6 */

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, struct route_group);
} groups SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, struct route);
} routes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, struct hop);
} hops SEC(".maps");

__u64 beat_ns;  /* when the owner last lived */
__u32 n_groups; /* a power of two; it grows */

struct rtp_head {
	__u8 flags, pt;
	__u16 seq;
	__u32 ts, ssrc;
};

struct packet {
	__u32 src[4];
	struct route_key key;
	struct route_packet rtp;
	struct rtp_head head, out;
	__u32 diff; /* of the RTP header's checksum */
	__u16 src_port, csum;
	__u32 size; /* from the IP header on */
};

struct udp_rtp {
	struct udphdr udp;
	struct rtp_head rtp;
};

static __always_inline __u32 fold32(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffffffff) + (sum >> 32);
	return (__u32)sum;
}

static __always_inline __u16 fold16(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (__u16)sum;
}

static __always_inline __u64 changed(__u32 was, __u32 is)
{
	return (__u64)(__u32)~was + is;
}

/* ---- reading ---- */

/* The first n bytes lie side by side. */
static __always_inline int reach(struct __sk_buff *skb, __u32 n)
{
	if ((void *)(long)skb->data + n <= (void *)(long)skb->data_end)
		return 1;
	return skb->len >= n && bpf_skb_pull_data(skb, n) == 0;
}

static __always_inline int read_rtp(struct __sk_buff *skb, struct packet *p, __u32 l4, __u32 udp_len)
{
	struct udp_rtp *u = (void *)(long)skb->data + l4;

	if ((void *)(u + 1) > (void *)(long)skb->data_end || u->rtp.flags != 0x80)
		return 0;
	if (bpf_ntohs(u->udp.len) != udp_len || udp_len < sizeof *u)
		return 0;
	p->csum = u->udp.check;
	p->src_port = u->udp.source;
	p->key.port = u->udp.dest;
	p->head = u->rtp;
	p->rtp.seq = bpf_ntohs(u->rtp.seq);
	p->rtp.ts = bpf_ntohl(u->rtp.ts);
	p->rtp.octets = udp_len - sizeof *u;
	return 1;
}

static __always_inline int read_v4(struct __sk_buff *skb, struct packet *p, __u32 l3)
{
	struct iphdr *ip = (void *)(long)skb->data + l3;
	__u32 len;

	if ((void *)(ip + 1) > (void *)(long)skb->data_end || ip->version != 4 || ip->ihl != 5)
		return 0;
	if (ip->protocol != IPPROTO_UDP || ip->ttl <= 1 || (ip->frag_off & bpf_htons(0x3fff)))
		return 0;
	len = bpf_ntohs(ip->tot_len);
	p->key.family = 4;
	p->key.ip[0] = ip->daddr;
	p->src[0] = ip->saddr;
	p->size = len;
	return l3 + len <= skb->len && read_rtp(skb, p, l3 + sizeof *ip, len - sizeof *ip);
}

static __always_inline int read_v6(struct __sk_buff *skb, struct packet *p, __u32 l3)
{
	struct ipv6hdr *ip = (void *)(long)skb->data + l3;
	__u32 len;

	if ((void *)(ip + 1) > (void *)(long)skb->data_end || ip->version != 6)
		return 0;
	if (ip->nexthdr != IPPROTO_UDP || ip->hop_limit <= 1)
		return 0;
	len = bpf_ntohs(ip->payload_len);
	p->key.family = 6;
	__builtin_memcpy(p->key.ip, &ip->daddr, 16);
	__builtin_memcpy(p->src, &ip->saddr, 16);
	p->size = len + sizeof *ip;
	return l3 + p->size <= skb->len && read_rtp(skb, p, l3 + sizeof *ip, len) && p->csum;
}

static __always_inline int read_packet(struct __sk_buff *skb, struct packet *p, __u32 l3)
{
	if (skb->pkt_type || skb->vlan_present || skb->gso_segs > 1)
		return 0;
	if (skb->protocol == bpf_htons(ETH_P_IP))
		return reach(skb, l3 + sizeof(struct iphdr) + sizeof(struct udp_rtp)) && read_v4(skb, p, l3);
	if (skb->protocol == bpf_htons(ETH_P_IPV6))
		return reach(skb, l3 + sizeof(struct ipv6hdr) + sizeof(struct udp_rtp)) && read_v6(skb, p, l3);
	return 0;
}

/* ---- deciding ---- */

static __always_inline int same_ip(const __u32 *a, const __u32 *b)
{
	return a[0] == b[0] && a[1] == b[1] && a[2] == b[2] && a[3] == b[3];
}

static __always_inline int is_of(const struct route *r, const struct packet *p)
{
	return p->key.port == r->key.port && p->key.family == r->key.family && same_ip(p->key.ip, r->key.ip) &&
	       p->src_port == r->src_port && same_ip(p->src, r->src) && bpf_ntohl(p->head.ssrc) == r->ssrc;
}

/* The number of the route in this table, plus 1; 0: it is not there. Not inline: so it is verified once, not per table.
 */
__attribute__((noinline)) __u32 find_in(const struct packet *p, __u32 hash, __u32 at)
{
	struct route_group *g = bpf_map_lookup_elem(&groups, &at);

	if (!g || !p)
		return 0;
#pragma unroll
	for (int i = 0; i < ROUTE_GROUP; i++) {
		__u32 slot = g->slots[i], number = ROUTE_NUMBER(slot);
		struct route *r;

		if (!slot || ROUTE_SLOT(hash, number) != slot)
			continue;
		r = bpf_map_lookup_elem(&routes, &number);
		if (r && is_of(r, p))
			return number + 1;
	}
	return 0;
}

static __always_inline struct route *find(const struct packet *p)
{
	__u32 hash = route_hash(&p->key), n = *(volatile __u32 *)&n_groups, number = 0;

	for (int i = 0; !number && i < ROUTE_GROUPS_LEVELS && n >= ROUTE_GROUPS_LEAST; i++, n /= 2)
		number = find_in(p, hash, ROUTE_GROUP_AT(hash, n));
	if (!number--)
		return 0;
	return bpf_map_lookup_elem(&routes, &number);
}

static __always_inline const struct route_format *format_of(const struct route *r, struct packet *p)
{
	__u8 pt = p->head.pt & 127;

#pragma unroll
	for (__u8 i = 0; i < ROUTE_FORMATS; i++) {
		if (i < r->n_formats && r->formats[i].pt == pt) {
			p->rtp.format = i;
			return &r->formats[i];
		}
	}
	return 0;
}

/* Everything that may be refused is refused before the counts move. */
static __always_inline int count(struct route *r, struct packet *p)
{
	const struct route_format *f = format_of(r, p);
	__u32 gate = f ? route_enter(r) : 0;
	int ok;

	if (!gate)
		return 0;
	ok = route_step(r, f, &p->rtp);
	p->out.flags = p->head.flags;
	p->out.pt = (p->head.pt & 128) | f->to_pt;
	p->out.seq = bpf_htons(p->rtp.seq + r->seq_off);
	p->out.ts = bpf_htonl(p->rtp.ts + r->ts_off);
	p->out.ssrc = bpf_htonl(r->to_ssrc);
	route_leave(r, gate);
	return ok;
}

/* ---- writing ---- */

static __always_inline int write_rtp(struct __sk_buff *skb, struct packet *p, const struct route *r, __u32 l4)
{
	struct udp_rtp *u = (void *)(long)skb->data + l4;
	__u32 *was = (__u32 *)&p->head, *is = (__u32 *)&p->out;
	__u64 diff = changed(p->src_port | (__u32)p->key.port << 16, r->from_port | (__u32)r->to_port << 16);

	if ((void *)(u + 1) > (void *)(long)skb->data_end)
		return 0;
	diff += changed(was[0], is[0]) + changed(was[1], is[1]) + changed(was[2], is[2]);
	p->diff = fold32(diff);
	u->udp.source = r->from_port;
	u->udp.dest = r->to_port;
	u->rtp = p->out;
	return 1;
}

static __always_inline int write_v4(struct __sk_buff *skb, struct packet *p, const struct route *r, const struct hop *h,
				    __u32 l3)
{
	struct iphdr *ip = (void *)(long)skb->data + l3;
	__u32 l4 = l3 + sizeof *ip;
	__u64 addresses, diff;

	if ((void *)(ip + 1) > (void *)(long)skb->data_end || !write_rtp(skb, p, r, l4))
		return 0;
	addresses = changed(ip->saddr, h->src[0]) + changed(ip->daddr, r->to[0]);
	diff = addresses + changed(bpf_htons(ip->tos), bpf_htons(r->tos));
	diff += changed(bpf_htons(ip->ttl << 8), bpf_htons(TTL << 8));
	ip->check = ~fold16(fold32(diff + (__u16)~ip->check));
	ip->saddr = h->src[0];
	ip->daddr = r->to[0];
	ip->tos = r->tos;
	ip->ttl = TTL;
	if (!p->csum)
		return 1;
	return bpf_l4_csum_replace(skb, l4 + CHECK, 0, fold32(addresses), BPF_F_PSEUDO_HDR | CSUM) == 0 &&
	       bpf_l4_csum_replace(skb, l4 + CHECK, 0, p->diff, CSUM) == 0;
}

/*
 * Kernels from 6.16 on, and some before, must be told that there is no IP checksum that takes part (it matters when the
 * device has summed up the packet); the others refuse the flag.
 */
static __always_inline int sum_v6(struct __sk_buff *skb, __u32 at, __u32 addresses)
{
	__u64 flags = BPF_F_PSEUDO_HDR | CSUM;

	return bpf_l4_csum_replace(skb, at, 0, addresses, flags | CSUM_IPV6) == 0 ||
	       bpf_l4_csum_replace(skb, at, 0, addresses, flags) == 0;
}

static __always_inline int write_v6(struct __sk_buff *skb, struct packet *p, const struct route *r, const struct hop *h,
				    __u32 l3)
{
	struct ipv6hdr *ip = (void *)(long)skb->data + l3;
	__u32 l4 = l3 + sizeof *ip;
	__u64 diff = 0;

	if ((void *)(ip + 1) > (void *)(long)skb->data_end || !write_rtp(skb, p, r, l4))
		return 0;
#pragma unroll
	for (int i = 0; i < 4; i++)
		diff += changed(p->src[i], h->src[i]) + changed(p->key.ip[i], r->to[i]);
	__builtin_memcpy(&ip->saddr, h->src, 16);
	__builtin_memcpy(&ip->daddr, r->to, 16);
	*(__u32 *)ip = bpf_htonl(6u << 28 | (__u32)r->tos << 20); /* no flow label, as from a socket of ours */
	ip->hop_limit = TTL;
	return sum_v6(skb, l4 + CHECK, fold32(diff)) && bpf_l4_csum_replace(skb, l4 + CHECK, 0, p->diff, CSUM) == 0;
}

static __always_inline int write_macs(struct __sk_buff *skb, const struct hop *h)
{
	struct ethhdr *eth = (void *)(long)skb->data;

	if ((void *)(eth + 1) > (void *)(long)skb->data_end)
		return 0;
	__builtin_memcpy(eth->h_dest, h->to_mac, 6);
	__builtin_memcpy(eth->h_source, h->from_mac, 6);
	return 1;
}

/* ---- the program ---- */

/* Once a second one packet goes the long way: the neighbour's entry must not go stale because nobody uses it. */
static __always_inline __u32 choose(struct hop *h, __u32 how, const struct packet *p, __u32 l3)
{
	if (how != HOP_MACS && how != HOP_PEER)
		return how;
	if (!l3 || (__s64)(p->rtp.ns - h->seen_ns) > SEEN_NS) {
		h->seen_ns = p->rtp.ns;
		return HOP_NEIGH;
	}
	return how;
}

static __always_inline int send_on(struct __sk_buff *skb, struct packet *p, const struct route *r, struct hop *h,
				   __u32 l3)
{
	__u32 how = choose(h, *(volatile __u32 *)&h->how, p, l3), ifindex = h->ifindex;

	if ((how == HOP_MACS || how == HOP_PEER) && !write_macs(skb, h))
		return TC_ACT_SHOT;
	if (!(p->key.family == 4 ? write_v4(skb, p, r, h, l3) : write_v6(skb, p, r, h, l3)))
		return TC_ACT_SHOT;
	if (how == HOP_LOCAL)
		return UP;
	skb->priority = r->priority;
	if (how == HOP_PEER)
		return bpf_redirect_peer(ifindex, 0);
	return how == HOP_NEIGH ? bpf_redirect_neigh(ifindex, 0, 0, 0) : bpf_redirect(ifindex, 0);
}

static __always_inline int relay(struct __sk_buff *skb, __u32 l3)
{
	struct packet p = { 0 };
	struct route *r;
	struct hop *h;
	__u32 how, hop;

	if (!read_packet(skb, &p, l3))
		return UP;
	r = find(&p);
	if (!r)
		return UP;
	hop = r->hop;
	h = bpf_map_lookup_elem(&hops, &hop);
	p.rtp.ns = bpf_ktime_get_ns();
	if (!h || p.rtp.ns - *(volatile __u64 *)&beat_ns > BEAT_MAX_NS)
		return UP;
	how = *(volatile __u32 *)&h->how;
	if (how == HOP_UNKNOWN || p.size > h->mtu || (how == HOP_LOCAL && skb->ifindex != LOOPBACK))
		return UP;
	return count(r, &p) ? send_on(skb, &p, r, h, l3) : UP;
}

SEC("tc")
int hairpin_ether(struct __sk_buff *skb)
{
	return relay(skb, sizeof(struct ethhdr));
}

/* For devices whose packets begin with the IP header: tunnels, PPP. */
SEC("tc")
int hairpin_bare(struct __sk_buff *skb)
{
	return relay(skb, 0);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
