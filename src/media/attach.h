/*
 * media/attach.h: a tc program at the ingress of one interface. By a tcx link where the kernel has them (6.6): it is
 * gone with the process, however that ends. Else by a filter in clsact, which stays behind after a kill: the next start
 * takes it away, and without its owner's sign of life the program does nothing.
 */
#pragma once
#include "base/util.h"

struct nl;

struct attachment {
	uint32_t ifindex;
	int link; /* tcx; -1: a filter */
	uint32_t handle, priority;
	bool made_clsact;
};

/* `filter`: do not try tcx. 0 or -errno. */
int attach_program(struct attachment *a, uint32_t ifindex, int prog_fd, bool filter);
/* Takes our clsact away, too, when nobody else uses it. */
void detach_program(struct attachment *a, struct nl *nl);
/* Whether a program or a filter waits for what leaves by this interface. */
bool has_egress(uint32_t ifindex, struct nl *nl);
/* Takes away filters that processes which are gone have left at this interface. */
void detach_left_over(uint32_t ifindex, struct nl *nl);
