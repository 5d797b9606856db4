/* tools/findings-doc.c: prints docs/findings.md. */
#include <stdio.h>

#include "conf/finding.h"

int main(void)
{
	struct out o = out_growing();

	findings_markdown(&o);
	fwrite(o.p, 1, o.n, stdout);
	out_free(&o);
	return fflush(stdout) == 0 ? 0 : 1;
}
