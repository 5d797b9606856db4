/*
 * tests/fuzz/fuzz_sdp_parse.c: any bytes as a body: they are parsed, answered and offered again, and whatever we write
 * is itself a body that we can read.
 */
#include <stdlib.h>

#include "sdp/sdp.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void reread(struct out *o, uint8_t lines)
{
	struct sdp s;
	const char *why;

	BUG_ON(sdp_parse(out_look(o), &s, &why) != 0);
	BUG_ON(s.n_media != lines);
	out_free(o);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct sdp_local l = { .session_id = 1, .version = 1, .dir = SDP_SENDRECV };
	struct srtp_key key = { .suite = SRTP_AES128_80 };
	struct sdp_caps caps = { .dtmf = true, .cn = true, .rtcp_mux = true, .optional = true };
	struct out o = out_growing();
	const char *why;
	struct sdp_deal d;
	struct sdp s;

	if (sdp_parse((struct span){ (const char *)p, n }, &s, &why) != 0)
		return 0;
	for (int c = 0; c < CODEC_COUNT; c++)
		codec_list_add(&caps.codecs, (enum codec)c);
	caps.srtp = n % 2;
	l.key = &key;
	addr_parse(SPAN("198.51.100.5:10000"), &l.face);
	sdp_deal_answered(&caps, &l, &s, &d);
	sdp_deal_free(&d);
	if (sdp_deal_offered(&caps, &s, &d) != 0)
		return 0;
	sdp_write_answer(&o, &l, &s, &d);
	reread(&o, s.n_media);
	o = out_growing();
	sdp_write_reoffer(&o, &l, &caps, &d);
	reread(&o, s.n_media);
	sdp_deal_free(&d);
	return 0;
}
