/*
 * nat/signals.h: what can be seen of the audio of one leg: the signals C1 to C13 that the doctor stands on. Media
 * counts them, and knows nothing of what they mean.
 */
#pragma once
#include "base/clock.h"
#include "nat/nat.h"

struct media_stats {
	uint64_t rx_bytes, tx_bytes;
	uint32_t rx_packets, tx_packets, rx_dropped;               /* C1, C3, C4 */
	ms_t opened, sdp_at, first_rx, last_rx, first_tx, last_tx; /* media clock; 0: never */
	struct addr sdp_addr, rx_source, tx_to, last_dropped;      /* C2, C3, C4 */
	struct addr refused; /* the first whole stream of a stranger's that was kept out (C4, C5) */
	enum latch_state latch;
	uint32_t sources;                         /* C5: concurrent sources seen */
	uint32_t rx_lost, rx_jitter_us, rtt_us;   /* our view; RTT from RTCP, 0: unknown */
	uint32_t rr_count, rr_lost, rr_jitter_us; /* C6: what the far end reports of our stream */
	uint8_t rr_fraction;                      /* of 256 */
	bool rr_moving;                           /* its extended highest sequence rises: it hears us */
	uint32_t icmp_errors;                     /* C7 */
	struct addr icmp_dest;
	uint32_t ssrc_changes, source_moves; /* C8, C9 */
	uint32_t fast_packets;               /* of rx_packets: those that went through the kernel */
	bool fast;                           /* what comes in goes that way now */
	uint32_t rx_cn, rx_dtmf;             /* C10: of rx_packets */
	uint32_t tx_opening;                 /* of tx_packets: silence that was to open the way (open_pinhole) */
	bool rx_after_tx;                    /* C11: nothing came before our first packet went out */
	bool rx_uninvited;                   /* it came from a host that we had sent nothing to */
	uint32_t rx_mismatch; /* packets in a format that was not agreed, or that the other leg cannot take */
	bool encrypted;       /* by SRTP; then rx_* count what its key opens */
	uint32_t srtp_failures, srtp_replays; /* C12: packets that the key does not open; that came before */
	uint8_t dtls_state;                   /* C13: 0 until DTLS is served */
	uint8_t rx_codec, tx_codec;           /* CODEC_NONE: none yet */
	uint32_t rx_ssrc, tx_ssrc;
};
