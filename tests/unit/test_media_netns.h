/*
 * tests/unit/test_media_netns.h: a network namespace with nothing but lo, and the filters there.
 */
#pragma once
#include <bpf/libbpf.h>
#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "media/netlink.h"

#define SKIPPED 77

struct filters {
	unsigned n;
	struct nl_filter last;
};

static inline void on_filter(void *arg, const struct nl_filter *f)
{
	struct filters *all = arg;

	all->n++;
	all->last = *f;
}

static inline struct filters filters_of_lo(void)
{
	struct filters all = { 0 };
	struct nl *nl = nl_open();

	nl_filters(nl, 1, on_filter, &all);
	nl_close(nl);
	return all;
}

/* 0: there was none and now there is one; -EEXIST: it was there. */
static inline int make_clsact(void)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = 1, .attach_point = BPF_TC_INGRESS);

	return bpf_tc_hook_create(&hook);
}

static inline void remove_clsact(void)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = 1, .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);

	bpf_tc_hook_destroy(&hook);
}

static inline bool own_namespace(void)
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd;

	if (unshare(CLONE_NEWNET) < 0)
		return false;
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (ioctl(fd, SIOCSIFFLAGS, &lo) < 0)
		return false;
	close(fd);
	return true;
}
