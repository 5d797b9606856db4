/* pbx/funcs_db.c: DB, DB_EXISTS, DB_DELETE; DBdel and DBdeltree: values that outlive the calls, and us. */
#include "base/trace.h"
#include "pbx/priv.h"

/* Reading leaves the value in DB_RESULT, too. */
static const char *look_up(struct dp *dp, struct span key)
{
	const char *v = pbx_db_get(dp->chan->pbx, key);

	if (v)
		dp_set(dp, "DB_RESULT", v);
	return v;
}

static bool f_db(struct dp *dp, struct span args, struct out *o)
{
	const char *v = look_up(dp, span_trim(args));

	out_str(o, v ? v : "");
	return true;
}

static bool w_db(struct dp *dp, struct span args, struct span value)
{
	return pbx_db_put(dp->chan->pbx, span_trim(args), value);
}

static bool f_db_exists(struct dp *dp, struct span args, struct out *o)
{
	out_char(o, look_up(dp, span_trim(args)) ? '1' : '0');
	return true;
}

static bool f_db_delete(struct dp *dp, struct span args, struct out *o)
{
	f_db(dp, args, o);
	pbx_db_del(dp->chan->pbx, span_trim(args));
	return true;
}

static bool w_db_delete(struct dp *dp, struct span args, struct span value UNUSED)
{
	pbx_db_del(dp->chan->pbx, span_trim(args));
	return true;
}

const struct func db_funcs[] = {
	{ "DB", "A value that is kept: DB(family/key).", f_db, w_db },
	{ "DB_DELETE", "The value, which goes: DB_DELETE(family/key).", f_db_delete, w_db_delete },
	{ "DB_EXISTS", "1 when there is one: DB_EXISTS(family/key).", f_db_exists, NULL },
	{ 0 },
};

static enum app_say del(struct dp *dp, struct span args)
{
	if (!pbx_db_del(dp->chan->pbx, dp_arg(args, 0)))
		trace(EV_DP_SAY, dp->chan->name, "DBdel: there is no %.*s", SP(args));
	return APP_NEXT;
}

static enum app_say del_tree(struct dp *dp, struct span args)
{
	struct span prefix = dp_arg(args, 0);

	if (prefix.n)
		trace(EV_DP_SAY, dp->chan->name, "DBdeltree: %zu deleted", pbx_db_del_tree(dp->chan->pbx, prefix));
	return APP_NEXT;
}

const struct app app_dbdel = { .name = "DBdel", .help = "Deletes a value: DBdel(family/key).", .start = del };
const struct app app_dbdeltree = { .name = "DBdeltree",
				   .help = "Deletes all values below: DBdeltree(family[/key]).",
				   .start = del_tree };
