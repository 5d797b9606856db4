/*
 * tests/fuzz/fuzz_nat_lint.c: any configuration that can be read can be judged, and mended: findings name lines that
 * are there, and the mended text can still be read.
 */
#include <stdlib.h>
#include <string.h>

#include "conf/edit.h"
#include "nat/lint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool read_text(void *arg, const char *path, struct out *o)
{
	const struct span *text = arg;

	if (strcmp(path, "pjsip.conf") == 0)
		out_span(o, *text);
	return strcmp(path, "pjsip.conf") == 0 || strcmp(path, "extensions.conf") == 0;
}

static void no_files(void *arg UNUSED, const char *pattern UNUSED, void (*each)(void *ctx, const char *path) UNUSED,
		     void *ctx UNUSED)
{
}

static struct conf *load(struct span text)
{
	struct conf_source src = { read_text, no_files, &text };
	struct diag why = { 0 };
	struct conf *c = conf_load_placed(&src, &why);

	diag_free(&why);
	return c;
}

static void mend(const struct lint *l, struct span text)
{
	struct conf_doc *d = conf_doc_new(text);
	struct out after = out_growing(), diff = out_growing();

	for (size_t i = 0; i < l->n; i++) {
		const struct finding *f = &l->v[i];

		if (f->fix_option && f->line)
			conf_doc_edit(d, &(struct conf_edit){ f->line, f->in_place, f->fix_option, f->fix_value }, 1);
	}
	conf_doc_out(d, &after);
	conf_doc_diff(d, "pjsip.conf", &diff);
	conf_unref(load(out_look(&after)));
	out_free(&after);
	out_free(&diff);
	conf_doc_free(d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = { (const char *)data, size };
	struct conf *c = load(text);
	struct lint_host host = { .len = 24 };
	struct lint l = { 0 };

	if (!c)
		return 0;
	addr_parse_ip(SPAN("192.168.1.10"), &host.addr);
	lint_run(&(struct lint_ask){ c, &host, 1, size % 2 }, &l);
	mend(&l, text);
	lint_free(&l);
	conf_unref(c);
	return 0;
}
