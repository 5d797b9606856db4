/*
 * ctl/state.c: "core show hints", "pjsip show subscriptions …", "devstate …": what devices and extensions are doing,
 * and who is told.
 */
#include <string.h>

#include "ctl/priv.h"

/* ---- hints ---- */

static const struct row_kind hint = {
	.name = "hint",
	.columns = { { .name = "exten" },
		     { .name = "devices", .lead = ": ", .at = 30 },
		     { .name = "state", .lead = "State:", .at = 62 },
		     { .name = "presence", .lead = "Presence:", .at = 84 },
		     { .name = "watchers", .lead = "Watchers ", .at = 109 } },
};

struct shown {
	struct call *c;
	struct span exten; /* only these; empty: all */
	unsigned n;
};

static void put_hint(void *arg, const struct pbx_hint_info *i)
{
	struct shown *s = arg;
	struct rows *r = s->c->rows;

	if (s->exten.n && !span_is(s->exten, i->exten))
		return;
	s->n++;
	rows_add(r, &hint);
	rows_put(r, "%s@%s", i->exten, i->context);
	rows_put(r, "%s", i->devices);
	rows_put(r, "%s", i->state);
	rows_put(r, "%s", "not_set");
	rows_put(r, "%zu", i->watchers);
}

static void show_hints(struct call *c)
{
	struct shown s = { .c = c, .exten = c->args };

	if (!s.exten.n)
		c->rows->head = "\n    -= Registered Asterisk Dial Plan Hints =-\n";
	pbx_each_hint(c->pbx, put_hint, &s);
	if (!s.n && s.exten.n)
		cmd_fail(c, "No hints matching extension %.*s", SP(s.exten));
	else if (!s.n)
		rows_say(c->rows, "There are no registered dialplan hints");
	else
		rows_say(c->rows,
			 s.exten.n ? "%u hint%s matching extension" : "----------------\n- %u hint%s registered", s.n,
			 s.n == 1 ? "" : "s");
}

static void show_hint(struct call *c)
{
	if (c->args.n)
		show_hints(c);
	else
		cmd_usage(c, c->cmd->words);
}

/* ---- subscriptions ---- */

static const struct row_kind subscriber = {
	.name = "subscription",
	.label = " Endpoint: ",
	.columns = { { .name = "endpoint" } },
};
static const struct row_kind resource = {
	.name = "resource",
	.label = " Resource: ",
	.columns = { { .name = "exten" }, { .name = "event", .lead = "/" }, { .name = "state", .lead = "  " } },
};
static const struct row_kind expiry = {
	.name = "expiry",
	.label = "   Expiry: ",
	.columns = { { .name = "seconds", .at = 18, .right = true },
		     { .name = "call_id", .lead = "  " },
		     { .name = "silent", .lead = "  " } },
};

static void put_subscription(void *arg, const struct pbx_subscription_info *i)
{
	struct shown *s = arg;
	struct rows *r = s->c->rows;

	s->n++;
	r->gap = true;
	rows_add(r, &subscriber);
	rows_put(r, "%s", i->endpoint);
	rows_add(r, &resource);
	rows_put(r, "%s@%s", i->exten, i->context);
	rows_put(r, "%s", i->event);
	rows_put(r, "%s", i->state);
	rows_add(r, &expiry);
	rows_put(r, "%u", i->left_s);
	rows_put(r, "%.*s", SP(i->call_id));
	rows_put(r, "%s", i->silent ? "did not answer the last NOTIFY" : "");
}

static void show_inbound(struct call *c)
{
	struct shown s = { .c = c };

	c->rows->head = "\n"
			" Endpoint: <Endpoint>\n"
			" Resource: <Extension@context/Event>  <State>\n"
			"   Expiry: <Expiry>  <Call-id>\n"
			"==========================================================================================\n";
	pbx_each_subscription(c->pbx, put_subscription, &s);
	rows_say(c->rows, s.n ? "\n%u active subscriptions" : "No active subscriptions", s.n);
}

static void show_outbound(struct call *c)
{
	rows_say(c->rows, "No active subscriptions");
}

/* ---- devices ---- */

static void put_custom(void *arg, const char *key, const char *state)
{
	struct shown *s = arg;

	s->n++;
	rows_say(s->c->rows, "--- Name: 'Custom:%s'  State: '%s'\n---", key + strlen("CustomDevstate/"), state);
}

#define RULE "---------------------------------------------------------------------\n"

static void list_devices(struct call *c)
{
	struct shown s = { .c = c };

	c->rows->head =
		"\n" RULE "--- Custom Device States --------------------------------------------\n" RULE "---\n";
	c->rows->foot = RULE RULE;
	pbx_db_each(c->pbx, SPAN("CustomDevstate"), put_custom, &s);
}

static void change_device(struct call *c)
{
	struct span rest = c->args, device, state;

	if (!span_word(&rest, &device) || !span_word(&rest, &state) || span_trim(rest).n)
		cmd_usage(c, c->cmd->words);
	else if (!span_istarts(device, SPAN("Custom:")))
		cmd_fail(c, "The devstate command can only be used to set 'Custom:' device states.");
	else if (pbx_device_set(c->pbx, device, state))
		rows_say(c->rows, "Changing %.*s to %.*s", SP(device), SP(state));
	else
		cmd_fail(
			c,
			"'%.*s' is not a device state: UNKNOWN, NOT_INUSE, INUSE, BUSY, INVALID, UNAVAILABLE, RINGING, "
			"RINGINUSE, ONHOLD",
			SP(state));
}

const struct cmd state_cmds[] = {
	{ "core show hints", NULL, "Extensions with hints, what their devices are doing, who has subscribed.",
	  show_hints },
	{ "core show hint", "EXTENSION", "Those of one name.", show_hint },
	{ "pjsip show subscriptions inbound", NULL, "Who is told what extensions are doing.", show_inbound },
	{ "pjsip show subscriptions outbound", NULL, "None: hairpin does not subscribe elsewhere.", show_outbound },
	{ "devstate list", NULL, "Devices of your own (Custom:NAME).", list_devices },
	{ "devstate change", "Custom:NAME STATE", "Sets one of these: its lamps follow.", change_device },
	{ 0 },
};
