/* conf/values.h: how each kind of value is read, printed and described. Private to conf. */
#pragma once
#include "conf/opt.h"

struct opt_kind_desc {
	opt_set *set;
	opt_show *show;
	const char *takes; /* for the manual */
};
extern const struct opt_kind_desc opt_kinds[OPT_CUSTOM + 1];

/* The alternatives of a name in an enum's list: "a/b" matches a and b; the first one is shown. */
bool enum_name_is(const char *name, struct span v);
struct span enum_name_shown(const char *name);
