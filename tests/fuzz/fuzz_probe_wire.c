/*
 * tests/fuzz/fuzz_probe_wire.c: datagrams of strangers: what is taken for one of ours can be written again and is then
 * the same; the MAC keeps everything else out, so the fuzzer's bytes are signed, too.
 */
#include <stdlib.h>
#include <string.h>

#include "probe/priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define KEY SPAN("key")

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span bytes = { (const char *)data, size };
	struct probe_msg m, again;
	struct probe_msg signed_by_us = { .op = PROBE_ECHO, .cookie = SPAN("0"), .tag = SPAN("1"), .body = bytes };
	struct out o = out_growing();

	probe_sip_cookie(bytes, KEY);
	if (probe_take(bytes, KEY, &m)) {
		probe_put(&o, KEY, &m);
		BUG_ON(!probe_take(out_look(&o), KEY, &again) || !span_eq(m.body, again.body));
	}
	out_free(&o);
	if (size > 1000)
		return 0;
	o = out_growing();
	probe_put(&o, KEY, &signed_by_us);
	BUG_ON(!probe_take(out_look(&o), KEY, &m) || !span_eq(m.body, bytes));
	out_free(&o);
	return 0;
}
