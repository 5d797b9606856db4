/* conf/cdr.h: cdr.conf in the snapshot (conf.h). */
#pragma once
#include "conf/conf.h"

struct conf_cdr {
	struct conf_obj o;
	bool on; /* there is a cdr.conf that wants records, and its [csv] says where they go */
	bool enable, unanswered, congestion, initiatedseconds;                 /* [general] */
	bool usegmtime, loguniqueid, loguserfield, accountlogs, newcdrcolumns; /* [csv] */
};
const struct conf_cdr *conf_cdr(const struct conf *c);
