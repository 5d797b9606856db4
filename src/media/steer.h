/*
 * media/steer.h: what the program that steers packets to workers (steer.bpf.c) and hairpin both know: which ports are
 * ours, and who hears them.
 */
#pragma once
#include <linux/types.h>

/* Ports on any address stand in an array, by STEER_PORT(); those on one address in a table, by this. */
struct steer_key {
	__u32 ip[4]; /* network order */
	__u32 port;  /* STEER_PORT() */
};
struct steer_port {
	__u16 worker; /* counted from 1; 0: none */
	__u16 count;  /* packets in this window */
	__u32 window;
};
#define STEER_PORTS          (2u << 16)
#define STEER_PORT(port, v6) ((__u32)(port) | (__u32)(v6) << 16)

/*
 * All ports of a worker share one buffer, so no port may fill it: audio is 50 packets a second, or 100; what waited
 * somewhere comes in one burst.
 */
#define STEER_WINDOW_BITS 26 /* 67 ms, in ns */
#define STEER_MOST        128

#define STEER_SOCKS(workers) (2 * (workers) + 2) /* IPv4 and IPv6: of each worker; of the one that hears nothing */
#define STEER_SOCK(n, v6)    (2 * (n) + (v6))
