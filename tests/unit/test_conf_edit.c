/* tests/unit/test_conf_edit.c: mending lines of a file: what changes, what stays, and how it is shown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "conf/edit.h"

#define MAX_EDITS 4

struct edit_case {
	const char *before;
	struct conf_edit edits[MAX_EDITS];
	const char *after, *diff;
	size_t count;
};

static const struct edit_case cases[] = {
	/* in place: spaces and the comment stay */
	{ "[a]\n  force_rport =  no   ; why\n",
	  { { 2, true, "force_rport", "yes" } },
	  "[a]\n  force_rport =  yes   ; why\n",
	  "--- f\n+++ f\n@@ -1,2 +1,2 @@\n [a]\n-  force_rport =  no   ; why\n+  force_rport =  yes   ; why\n",
	  1 },
	{ "[a]\nx => no\r\n",
	  { { 2, true, "x", "yes" } },
	  "[a]\nx => yes\r\n",
	  "--- f\n+++ f\n@@ -1,2 +1,2 @@\n [a]\n-x => no\r\n+x => yes\r\n",
	  1 },
	/* what cannot be mended is left alone */
	{ "[a]\nx=yes\n", { { 2, true, "x", "yes" } }, "[a]\nx=yes\n", "", 0 },
	{ "[a]\nx+=no\n", { { 2, true, "x", "yes" } }, "[a]\nx+=no\n", "", 0 },
	{ "[a]\nx=no ;-- and\n--; y\n", { { 2, true, "x", "yes" } }, "[a]\nx=no ;-- and\n--; y\n", "", 0 },
	{ "[a]\ny=no\n",
	  { { 2, true, "x", "yes" }, { 9, true, "x", "yes" }, { 9, false, "x", "yes" } },
	  "[a]\ny=no\n",
	  "",
	  0 },
	{ "", { { 1, false, "x", "yes" } }, "", "", 0 },
	/* added: behind the last line that holds something */
	{ "[a]\n1=1\n\n; about b\n[b]\n2=2\n",
	  { { 1, false, "x", "yes" }, { 5, false, "y", "no" } },
	  "[a]\n1=1\nx=yes\n\n; about b\n[b]\n2=2\ny=no\n",
	  "--- f\n+++ f\n@@ -1,6 +1,8 @@\n [a]\n 1=1\n+x=yes\n \n ; about b\n [b]\n 2=2\n+y=no\n",
	  2 },
	{ "[a]\n[b]\n",
	  { { 1, false, "x", "1" } },
	  "[a]\nx=1\n[b]\n",
	  "--- f\n+++ f\n@@ -1,2 +1,3 @@\n [a]\n+x=1\n [b]\n",
	  1 },
	/* the first answer counts, the same one is given once */
	{ "[a]\n1=1\n",
	  { { 1, false, "x", "1" }, { 2, false, "x", "2" }, { 1, false, "y", "1" }, { 1, false, "x", "1" } },
	  "[a]\n1=1\nx=1\ny=1\n",
	  "--- f\n+++ f\n@@ -1,2 +1,4 @@\n [a]\n 1=1\n+x=1\n+y=1\n",
	  2 },
	/* a file without its last line end */
	{ "[a]\n1=1",
	  { { 1, false, "x", "1" } },
	  "[a]\n1=1\nx=1\n",
	  "--- f\n+++ f\n@@ -1,2 +1,3 @@\n [a]\n-1=1\n\\ No newline at end of file\n+1=1\n+x=1\n",
	  1 },
	{ "[a]\n1=1",
	  { { 2, true, "1", "2" } },
	  "[a]\n1=2",
	  "--- f\n+++ f\n@@ -1,2 +1,2 @@\n [a]\n-1=1\n\\ No newline at end of file\n+1=2\n\\ No newline at end of "
	  "file\n",
	  1 },
	/* far apart: two hunks; passwords are not shown */
	{ "[a]\n1\n2\n3\n4\n5\n6\n7\n8\n[b]\nz=1\n",
	  { { 1, false, "x", "1" }, { 11, true, "z", "2" } },
	  "[a]\n1\n2\n3\n4\n5\n6\n7\n8\nx=1\n[b]\nz=2\n",
	  "--- f\n+++ f\n@@ -7,5 +7,6 @@\n 6\n 7\n 8\n+x=1\n [b]\n-z=1\n+z=2\n",
	  2 },
	{ "a=1\n2\n3\n4\n5\n6\n7\n8\nb=1\n",
	  { { 1, true, "a", "2" }, { 9, true, "b", "2" } },
	  "a=2\n2\n3\n4\n5\n6\n7\n8\nb=2\n",
	  "--- f\n+++ f\n@@ -1,4 +1,4 @@\n-a=1\n+a=2\n 2\n 3\n 4\n@@ -6,4 +6,4 @@\n 6\n 7\n 8\n-b=1\n+b=2\n",
	  2 },
	{ "password=s\na=1\npassword=s\nb=1\nmd5_cred=s\n",
	  { { 2, true, "a", "2" }, { 4, true, "b", "2" } },
	  "password=s\na=2\npassword=s\nb=2\nmd5_cred=s\n",
	  "--- f\n+++ f\n@@ -2,1 +2,1 @@\n-a=1\n+a=2\n@@ -4,1 +4,1 @@\n-b=1\n+b=2\n",
	  2 },
};

static void edits(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct edit_case *t = &cases[i];
		struct conf_doc *d = conf_doc_new(span_of(t->before));
		struct out after = out_growing(), diff = out_growing();
		size_t n = 0;
		char *text;

		while (n < MAX_EDITS && t->edits[n].line)
			n++;
		assert_int_equal(conf_doc_edit(d, t->edits, n), t->count);
		conf_doc_out(d, &after);
		conf_doc_diff(d, "f", &diff);
		text = out_take(&after);
		assert_string_equal(text, t->after);
		free(text);
		text = out_take(&diff);
		assert_string_equal(text, t->diff);
		free(text);
		conf_doc_free(d);
	}
}

/* Numbers of lines are those of the text as it is now; what it was stays what is compared with. */
static void rounds(void **state)
{
	struct conf_doc *d = conf_doc_new(SPAN("[a]\n1=1\n[b]\n"));
	struct out diff = out_growing();
	char *text;

	(void)state;
	assert_int_equal(conf_doc_edit(d, &(struct conf_edit){ 1, false, "x", "no" }, 1), 1);
	assert_int_equal(conf_doc_edit(d, &(struct conf_edit){ 3, true, "x", "yes" }, 1), 1);
	assert_int_equal(conf_doc_edit(d, &(struct conf_edit){ 4, false, "y", "1" }, 1), 1);
	conf_doc_diff(d, "f", &diff);
	text = out_take(&diff);
	assert_string_equal(text, "--- f\n+++ f\n@@ -1,3 +1,5 @@\n [a]\n 1=1\n+x=yes\n [b]\n+y=1\n");
	free(text);
	conf_doc_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(edits),
		cmocka_unit_test(rounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
