/* tests/fuzz/fuzz_nat_pcp.c: any bytes as an answer of PCP or NAT-PMP. A mapping that is taken names a port of ours. */
#include "nat/pcp.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct pcp_answer a;
	struct pcp_epoch e = { true, 77, 1000 };

	if (!pcp_read((struct span){ (const char *)p, n }, &a))
		return 0;
	BUG_ON(n < 8 || !(p[1] & 0x80));
	BUG_ON(a.kind == PCP_MAP && n < (a.version == PCP_PMP ? 16u : 60u));
	BUG_ON(!pcp_result(&a)[0] || pcp_refused_for(&a) < 30000 || pcp_renew_in(a.lifetime) < 4000);
	pcp_epoch_holds(&e, a.epoch, 100000);
	return 0;
}
