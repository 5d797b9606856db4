/*
 * tests/unit/test_media_attach.c: where the program of the kernel path is attached, and who else is there. In a network
 * namespace of its own; without the right to make one, or to load programs, the test is skipped.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "media/attach.h"
#include "media/kernel.h"
#include "test_media_netns.h"

/* Kernels before 6.6: a filter in clsact, which is made and taken away by who needs it. */
static void test_filter(void **state)
{
	struct kernel_config c = { .workers = 1, .routes = 100, .filters = true };
	const char *why;
	struct kernel *k = kernel_start(&c, &why), *k2;

	(void)state;
	assert_non_null(k);
	assert_int_equal(filters_of_lo().n, 1);
	assert_non_null(strstr(filters_of_lo().last.name, "hairpin_ether"));
	kernel_stop(k);
	assert_int_equal(make_clsact(), 0); /* ours is gone; this one is somebody else's */
	k = kernel_start(&c, &why);
	assert_non_null(k);
	kernel_stop(k);
	assert_int_equal(filters_of_lo().n, 0);
	assert_int_equal(make_clsact(), -EEXIST);
	remove_clsact();
	c.filters = false;
	k = kernel_start(&c, &why);
	k2 = kernel_start(&c, &why); /* two servers in one namespace */
	assert_non_null(k);
	assert_non_null(k2);
	assert_int_equal(filters_of_lo().n, 0);
	kernel_stop(k);
	kernel_stop(k2);
}

/* A filter or a program at the egress wants to see what leaves. */
static void test_egress(void **state)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = 1, .attach_point = BPF_TC_EGRESS);
	struct kernel_config c = { .workers = 1, .routes = 100, .filters = true };
	struct nl *nl = nl_open();
	const char *why;
	struct kernel *k = kernel_start(&c, &why);
	LIBBPF_OPTS(bpf_tc_opts, filter, .prog_fd = k ? kernel_program(k, true) : -1);

	(void)state;
	assert_non_null(k);
	assert_false(has_egress(1, nl)); /* what we have at the ingress does not count */
	assert_int_equal(bpf_tc_attach(&hook, &filter), 0);
	assert_true(has_egress(1, nl));
	filter.prog_fd = 0;
	filter.flags = filter.prog_id = 0;
	assert_int_equal(bpf_tc_detach(&hook, &filter), 0);
	assert_false(has_egress(1, nl));
	kernel_stop(k);
	nl_close(nl);
	remove_clsact();
}

int main(void)
{
	struct kernel_config c = { .workers = 1, .routes = 100 };
	const char *why = "not permitted to make a network namespace";
	struct kernel *k = own_namespace() ? kernel_start(&c, &why) : NULL;
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_filter), cmocka_unit_test(test_egress) };

	if (!k) {
		printf("skipped: %s\n", why);
		return SKIPPED;
	}
	kernel_stop(k);
	return cmocka_run_group_tests_name("attaching the kernel's program", tests, NULL, NULL);
}
