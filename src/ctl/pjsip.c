/* ctl/pjsip.c: commands that ask the PBX for something: qualify, register, debug output. */
#include <string.h>

#include "ctl/priv.h"

static void qualify(struct call *c)
{
	if (!c->args.n)
		cmd_usage(c, "pjsip qualify");
	else if (pbx_qualify(c->pbx, c->args))
		rows_say(c->rows, "Qualifying '%.*s'", SP(c->args));
	else
		cmd_fail(c, "Unable to retrieve endpoint %.*s", SP(c->args));
}

static void send_register(struct call *c)
{
	if (!c->args.n)
		cmd_usage(c, "pjsip send register");
	else if (pbx_is_ending(c->pbx))
		cmd_fail(c, "The server goes down; nothing is registered any more.");
	else if (pbx_register(c->pbx, c->args))
		rows_say(c->rows, "Re-register '%.*s' queued", SP(c->args));
	else
		cmd_fail(c, "Unable to retrieve registration %.*s", SP(c->args));
}

static void send_unregister(struct call *c)
{
	if (!c->args.n)
		cmd_usage(c, "pjsip send unregister");
	else if (pbx_unregister(c->pbx, c->args))
		rows_say(c->rows, "Un-register '%.*s' queued", SP(c->args));
	else
		cmd_fail(c, "Unable to retrieve registration %.*s", SP(c->args));
}

static void rtp_debug(struct call *c)
{
	struct addr ip = { 0 };
	struct span rest = c->args, word = SPAN_NONE;
	bool is_ip;

	span_word(&rest, &word);
	is_ip = span_is(word, "ip");
	if (is_ip && !addr_parse(span_trim(rest), &ip)) {
		cmd_fail(c, "'%.*s' is not an address", SP(span_trim(rest)));
	} else if (span_is(word, "off")) {
		pbx_rtp_debug(c->pbx, false, &ip);
		rows_say(c->rows, "RTP Packet Debugging Disabled");
	} else if (is_ip || span_is(word, "on")) {
		pbx_rtp_debug(c->pbx, true, &ip);
		if (is_ip)
			rows_say(c->rows, "RTP Packet Debugging Enabled for address: %.*s", SP(span_trim(rest)));
		else
			rows_say(c->rows, "RTP Packet Debugging Enabled");
	} else {
		cmd_usage(c, "rtp set debug");
	}
}

static void set_logger(struct call *c)
{
	if (span_is(c->args, "verbose"))
		c->args = SPAN("verbose on");
	logger_set(c);
}

const struct cmd pjsip_cmds[] = {
	{ "pjsip qualify", "ENDPOINT|AOR", "Asks the contacts of an endpoint whether they are there.", qualify },
	{ "pjsip send register", "REGISTRATION|all", "Registers at the provider now.", send_register },
	{ "pjsip send unregister", "REGISTRATION|all", "Ends the registration at the provider.", send_unregister },
	{ "pjsip set logger", "on|off|host ADDRESS|verbose|verbose off|pcap FILE|pcap FILE rtp",
	  "Prints the SIP messages of all peers, or of one; writes them, and audio with rtp, to a capture file.",
	  set_logger },
	{ "rtp set debug", "on|off|ip ADDRESS", "Prints a line for each RTP packet.", rtp_debug },
	{ 0 },
};
