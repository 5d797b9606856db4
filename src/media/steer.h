/*
 * media/steer.h: what the program that steers packets to workers (steer.bpf.c) and hairpin both know: which ports are
 * ours, and who hears them.
 */
#pragma once
#include <linux/types.h>

struct steer_key {
	__u32 ip[4];  /* as bound, network order; zero: any address */
	__u16 port;   /* host order */
	__u16 family; /* 4, 6 */
};
struct steer_port {
	__u32 worker;
	__u32 count; /* packets in this window */
	__u64 window;
};

/*
 * All ports of a worker share one buffer, so no port may fill it: audio is 50 packets a second, or 100; what waited
 * somewhere comes in one burst.
 */
#define STEER_WINDOW_BITS 26 /* 67 ms, in ns */
#define STEER_MOST        128

#define STEER_SOCKS(workers) (2 * (workers) + 2) /* IPv4 and IPv6: of each worker; of the one that hears nothing */
#define STEER_SOCK(n, v6)    (2 * (n) + (v6))
