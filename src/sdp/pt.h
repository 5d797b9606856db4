/* sdp/pt.h: the payload type numbers of our offers, fixed per codec so that an answer without rtpmap is still
 * understood. */
#pragma once
#include "base/codec.h"

#define SDP_PT_DTMF 101
#define SDP_PT_CN   13

uint8_t sdp_offer_pt(enum codec c);
