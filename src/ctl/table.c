/*
 * ctl/table.c: the table of commands: finding, completing and explaining them. Nothing here knows what a command does;
 * the arguments of each are described by one text, which the help prints and the completion reads.
 */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/priv.h"

static const struct cmd *const *groups(void)
{
	static const struct cmd *const all[] = { core_cmds,     pjsip_cmds,    pjsip_show_cmds, pjsip_channel_cmds,
						 dialplan_cmds, database_cmds, music_cmds,      cdr_cmds,
						 state_cmds,    why_cmds,      doctor_cmds,     NULL };

	return all;
}

/* How much of `line` the words of the command take up; -1 when they do not match. */
static long taken_by(const struct cmd *cmd, struct span line)
{
	struct span all = line, words = span_of(cmd->words), want, have;

	while (span_word(&words, &want))
		if (!span_word(&line, &have) || !span_ieq(want, have))
			return -1;
	return (long)(all.n - line.n);
}

const struct cmd *cmd_find(struct span line, struct span *args)
{
	const struct cmd *best = NULL;
	long most = 0;

	for (const struct cmd *const *g = groups(); *g; g++) {
		for (const struct cmd *c = *g; c->words; c++) {
			long n = taken_by(c, line);

			if (n <= most)
				continue;
			most = n;
			best = c;
		}
	}
	*args = span_trim(span_from(line, (size_t)most));
	return best;
}

void cmd_fail(struct call *c, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	rows_say(c->rows, "%s", text);
	c->status = 1;
}

void cmd_usage(struct call *c, const char *words)
{
	struct span args;
	const struct cmd *cmd = cmd_find(span_of(words), &args);

	cmd_fail(c, "Usage: %s%s%s", words, cmd && cmd->args ? " " : "", cmd && cmd->args ? cmd->args : "");
}

int ctl_run(struct ctl *ctl, struct span line, struct out *o)
{
	struct rows rows = { 0 };
	struct call c = { .ctl = ctl, .pbx = ctl->pbx, .rows = &rows };
	const struct cmd *cmd = cmd_find(line, &c.args);

	if (!span_trim(line).n)
		return 0;
	c.cmd = cmd;
	c.conf = c.pbx ? pbx_conf(c.pbx) : NULL;
	if (!cmd)
		cmd_fail(&c, "No such command '%.*s' (type 'core show help %.*s' for other possible commands)",
			 SP(span_trim(line)), SP(span_trim(line)));
	else
		cmd->run(&c);
	rows_text(&rows, o);
	rows_free(&rows);
	return c.status;
}

/* ---- help ---- */

void cmd_help(struct call *c)
{
	static const struct row_kind line = { .name = "command",
					      .columns = { { .name = "command", .at = 36, .right = true },
							   { .name = "help", .lead = "-- ", .at = 37 } } };
	struct span args, topic = c->args;
	const struct cmd *one = cmd_find(topic, &args);
	size_t found = 0;

	if (one && !args.n && topic.n) {
		rows_say(c->rows, "Usage: %s%s%s\n       %s", one->words, one->args ? " " : "",
			 one->args ? one->args : "", one->help);
		return;
	}
	for (const struct cmd *const *g = groups(); *g; g++) {
		for (const struct cmd *k = *g; k->words; k++) {
			if (!span_istarts(span_of(k->words), topic))
				continue;
			rows_add(c->rows, &line);
			rows_put(c->rows, "%s", k->words);
			rows_put(c->rows, "%s", k->help);
			found++;
		}
	}
	if (!found)
		cmd_fail(c, "No such command '%.*s'.", SP(topic));
}

/* ---- completion ---- */

struct offer {             /* where candidates go */
	struct span begun; /* the word that is being typed; may be empty */
	struct out *o;
};

static void offer(struct offer *f, struct span word)
{
	struct span had = out_look(f->o);
	struct out line = out_growing();

	if (!word.n || !span_istarts(word, f->begun))
		return;
	out_span(&line, word);
	out_char(&line, '\n');
	for (struct span rest = had, one; span_cut(&rest, '\n', &one);)
		if (span_eq(one, word))
			line.n = 0; /* offered already */
	out_span(f->o, out_look(&line));
	out_free(&line);
}

static void offer_endpoint(void *arg, const struct pbx_endpoint_info *i)
{
	offer(arg, span_of(i->conf->o.name));
}

static void offer_registration(void *arg, const struct pbx_registration_info *i)
{
	offer(arg, span_of(i->conf->o.name));
}

static void offer_channel(void *arg, const struct pbx_call_info *i)
{
	offer(arg, span_of(i->name));
}

/* The things that a word of upper case stands for. */
static void offer_names(struct ctl *ctl, struct span what, struct offer *f)
{
	const struct conf *conf = pbx_conf(ctl->pbx);

	if (span_is(what, "ENDPOINT"))
		pbx_each_endpoint(ctl->pbx, offer_endpoint, f);
	else if (span_is(what, "REGISTRATION"))
		pbx_each_registration(ctl->pbx, offer_registration, f);
	else if (span_is(what, "CHANNEL"))
		pbx_each_call(ctl->pbx, offer_channel, f);
	else if (span_is(what, "AOR"))
		for (size_t i = 0; i < conf->n_aors; i++)
			offer(f, span_of(conf->aors[i].o.name));
	else if (span_is(what, "AUTH"))
		for (size_t i = 0; i < conf->n_auths; i++)
			offer(f, span_of(conf->auths[i].o.name));
	else if (span_is(what, "IDENTIFY"))
		for (size_t i = 0; i < conf->n_identifies; i++)
			offer(f, span_of(conf->identifies[i].o.name));
	else if (span_is(what, "TRANSPORT"))
		for (size_t i = 0; i < conf->n_transports; i++)
			offer(f, span_of(conf->transports[i].o.name));
	else if (span_is(what, "CONTEXT"))
		for (size_t i = 0; i < conf->dialplan.n_contexts; i++)
			offer(f, span_of(conf->dialplan.contexts[i].name));
}

static void offer_args(struct ctl *ctl, const char *spec, struct offer *f)
{
	struct span all = span_of(spec), one, word;

	if (all.n && all.p[0] == '[')
		all = span_sub(all, 1, all.n - 2);
	while (span_cut(&all, '|', &one)) {
		if (!span_word(&one, &word))
			continue;
		if (!isupper((unsigned char)word.p[0]))
			offer(f, word);
		else if (ctl->pbx)
			offer_names(ctl, word, f);
	}
}

/* What may follow `done` (whole words) as the next word of this command. */
static void offer_next(struct ctl *ctl, const struct cmd *cmd, struct span done, struct offer *f)
{
	struct span words = span_of(cmd->words), want, have;

	while (span_word(&words, &want)) {
		if (!span_word(&done, &have)) {
			offer(f, want);
			return;
		}
		if (!span_ieq(want, have))
			return;
	}
	if (cmd->args && !span_trim(done).n)
		offer_args(ctl, cmd->args, f);
}

void ctl_complete(struct ctl *ctl, struct span line, struct out *o)
{
	size_t at = line.n;
	struct offer f = { .o = o };

	while (at && !isspace((unsigned char)line.p[at - 1]))
		at--;
	f.begun = span_from(line, at);
	for (const struct cmd *const *g = groups(); *g; g++)
		for (const struct cmd *c = *g; c->words; c++)
			offer_next(ctl, c, span_sub(line, 0, at), &f);
}
