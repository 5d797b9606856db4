/* tools/options-doc.c: prints docs/options.md. */
#include <stdio.h>

#include "conf/conf.h"

int main(void)
{
	struct out o = out_growing();

	conf_options_markdown(&o);
	fwrite(o.p, 1, o.n, stdout);
	out_free(&o);
	return fflush(stdout) == 0 ? 0 : 1;
}
