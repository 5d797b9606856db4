/* ctl/database.c: "database …": what the dialplan keeps in DB(family/key). */
#include "ctl/priv.h"

static const struct row_kind value = {
	.name = "value", .columns = { { .name = "key", .lead = "/" }, { .name = "value", .lead = ": ", .at = 50 } }
};

/* FAMILY KEY, or FAMILY alone, as one key in o; how many words it was. What stands behind is left in *rest. */
static size_t take_key(const struct call *c, struct out *o, struct span *rest)
{
	struct span word;
	size_t words = 0;

	*rest = c->args;
	while (words < 2 && span_word(rest, &word))
		out_all(o, words++ ? "/" : "", word);
	*rest = span_trim(*rest);
	return words;
}

struct shown {
	struct call *c;
	unsigned n;
};

static void put_value(void *arg, const char *key, const char *text)
{
	struct shown *s = arg;

	s->n++;
	rows_add(s->c->rows, &value);
	rows_put(s->c->rows, "%s", key);
	rows_put(s->c->rows, "%s", text);
}

static void show(struct call *c)
{
	struct shown s = { c, 0 };
	struct out key = out_growing();
	struct span rest;

	take_key(c, &key, &rest);
	pbx_db_each(c->pbx, out_look(&key), put_value, &s);
	rows_say(c->rows, "%u results found.", s.n);
	out_free(&key);
}

static void get(struct call *c)
{
	struct out key = out_growing();
	struct span rest;
	const char *v;

	if (take_key(c, &key, &rest) < 2)
		cmd_usage(c, c->cmd->words);
	else if ((v = pbx_db_get(c->pbx, out_look(&key))))
		rows_say(c->rows, "Value: %s", v);
	else
		cmd_fail(c, "Database entry not found.");
	out_free(&key);
}

static void put(struct call *c)
{
	struct out key = out_growing();
	struct span rest;
	bool whole = take_key(c, &key, &rest) == 2 && rest.n;

	if (rest.n > 1 && rest.p[0] == '"' && rest.p[rest.n - 1] == '"')
		rest = span_sub(rest, 1, rest.n - 2);
	if (!whole)
		cmd_usage(c, c->cmd->words);
	else if (pbx_db_put(c->pbx, out_look(&key), rest))
		rows_say(c->rows, "Updated database successfully");
	else
		cmd_fail(c, "Failed to update entry: it is too long, or there are too many");
	out_free(&key);
}

static void del(struct call *c)
{
	struct out key = out_growing();
	struct span rest;

	if (take_key(c, &key, &rest) < 2)
		cmd_usage(c, c->cmd->words);
	else if (pbx_db_del(c->pbx, out_look(&key)))
		rows_say(c->rows, "Database entry removed.");
	else
		cmd_fail(c, "Database entry does not exist.");
	out_free(&key);
}

static void del_tree(struct call *c)
{
	struct out key = out_growing();
	struct span rest;

	if (take_key(c, &key, &rest))
		rows_say(c->rows, "%zu database entries removed.", pbx_db_del_tree(c->pbx, out_look(&key)));
	else
		cmd_usage(c, c->cmd->words);
	out_free(&key);
}

const struct cmd database_cmds[] = {
	{ "database show", "[FAMILY [KEY]]", "What the dialplan keeps in DB(), all of it or a part.", show },
	{ "database get", "FAMILY KEY", "One value.", get },
	{ "database put", "FAMILY KEY VALUE", "Sets a value.", put },
	{ "database del", "FAMILY KEY", "Deletes a value.", del },
	{ "database deltree", "FAMILY [KEY]", "Deletes a value and all below it.", del_tree },
	{ 0 },
};
