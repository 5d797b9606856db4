/*
 * media/attach.c: see attach.h. libbpf of Debian 12 does not know tcx: that one system call is made by hand.
 */
#include "media/attach.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "media/netlink.h"

#define TCX_INGRESS 46 /* enum bpf_attach_type; Debian 12's headers end before it */
#define TCX_EGRESS  47
#define PRIORITY    49000
#define OURS        "hairpin_"

/* ---- tcx ---- */

static int link_tcx(uint32_t ifindex, int prog_fd)
{
	struct {
		uint32_t prog_fd, ifindex, attach_type, flags, relative;
		uint32_t zero;
		uint64_t revision;
	} ask = { .prog_fd = (uint32_t)prog_fd, .ifindex = ifindex, .attach_type = TCX_INGRESS };
	int fd = (int)syscall(SYS_bpf, BPF_LINK_CREATE, &ask, sizeof ask);

	return fd < 0 ? -errno : fd;
}

/* ---- clsact: the process id is the filter's handle ---- */

static int add_filter(struct attachment *a, int prog_fd)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)a->ifindex, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .prog_fd = prog_fd, .handle = (uint32_t)getpid(), .priority = PRIORITY);
	int err = bpf_tc_hook_create(&hook);

	if (err < 0 && err != -EEXIST)
		return err;
	a->made_clsact = err == 0;
	err = bpf_tc_attach(&hook, &opts);
	a->handle = opts.handle;
	a->priority = opts.priority;
	return err;
}

static void remove_filter(uint32_t ifindex, uint32_t handle, uint32_t priority)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = handle, .priority = priority);

	bpf_tc_detach(&hook, &opts);
}

static void remove_clsact(uint32_t ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);

	bpf_tc_hook_destroy(&hook);
}

struct left_over {
	uint32_t handles[16];
	unsigned n;
};

static void on_filter(void *arg, const struct nl_filter *f)
{
	struct left_over *l = arg;
	bool ours = f->ingress && f->priority == PRIORITY && strncmp(f->name, OURS, strlen(OURS)) == 0;

	if (ours && l->n < ARRAY_LEN(l->handles) && kill((pid_t)f->handle, 0) < 0 && errno == ESRCH)
		l->handles[l->n++] = f->handle;
}

void detach_left_over(uint32_t ifindex, struct nl *nl)
{
	struct left_over l = { 0 };

	nl_filters(nl, ifindex, on_filter, &l);
	for (unsigned i = 0; i < l.n; i++)
		remove_filter(ifindex, l.handles[i], PRIORITY);
}

static void on_any(void *arg, const struct nl_filter *f)
{
	(void)f;
	*(bool *)arg = true;
}

static void on_egress(void *arg, const struct nl_filter *f)
{
	*(bool *)arg |= !f->ingress;
}

/* ---- both ---- */

bool has_egress(uint32_t ifindex, struct nl *nl)
{
	uint32_t n = 0;
	bool any = false;

	nl_filters(nl, ifindex, on_egress, &any);
	return any || (bpf_prog_query((int)ifindex, TCX_EGRESS, 0, NULL, NULL, &n) == 0 && n);
}

int attach_program(struct attachment *a, uint32_t ifindex, int prog_fd, bool filter)
{
	*a = (struct attachment){ .ifindex = ifindex, .link = filter ? -1 : link_tcx(ifindex, prog_fd) };
	if (a->link >= 0)
		return 0;
	a->link = -1;
	return add_filter(a, prog_fd);
}

void detach_program(struct attachment *a, struct nl *nl)
{
	bool used = false;

	if (a->link >= 0) {
		close(a->link);
		return;
	}
	remove_filter(a->ifindex, a->handle, a->priority);
	nl_filters(nl, a->ifindex, on_any, &used);
	if (a->made_clsact && !used)
		remove_clsact(a->ifindex);
}
