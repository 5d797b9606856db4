/*
 * tests/fuzz/fuzz_nat_stun.c: any bytes as a STUN response. What is taken has an address or is a refusal, and belongs
 * to the transaction whose id it carries.
 */
#include <string.h>

#include "nat/stun.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct stun_answer a;

	if (!stun_read_response((struct span){ (const char *)p, n }, &a))
		return 0;
	BUG_ON(n < STUN_HEADER || memcmp(a.tx, p + 8, STUN_TX) != 0);
	BUG_ON(p[1] == 0x01 && a.mapped.family != 4 && a.mapped.family != 6);
	BUG_ON(p[1] != 0x01 && a.mapped.family);
	return 0;
}
