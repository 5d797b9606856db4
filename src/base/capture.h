/*
 * base/capture.h: whether somebody looks at the packets of this network namespace.
 */
#pragma once
#include <stdbool.h>

/* A packet socket hears all protocols, as tcpdump's and sngrep's do. Reads /proc/net/packet; false when it is hidden.
 */
bool is_captured(void);
