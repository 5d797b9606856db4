/* pbx/cause.c: Q.850 causes and SIP codes (RFC 3398's idea, Asterisk's table). */
#include "pbx/priv.h"

static const struct {
	uint8_t cause;
	uint16_t sip; /* what we answer */
	const char *text;
} causes[] = {
	{ 1, 404, "Unallocated (unassigned) number" },
	{ 2, 404, "No route to specified transit network" },
	{ 3, 404, "No route to destination" },
	{ 16, 603, "Normal Clearing" },
	{ 17, 486, "User busy" },
	{ 18, 408, "No user responding" },
	{ 19, 480, "User alerting, no answer" },
	{ 20, 480, "Subscriber absent" },
	{ 21, 403, "Call Rejected" },
	{ 22, 410, "Number changed" },
	{ 26, 487, "Answered elsewhere" },
	{ 27, 502, "Destination out of order" },
	{ 28, 484, "Invalid number format" },
	{ 29, 501, "Facility rejected" },
	{ 31, 480, "Normal, unspecified" },
	{ 34, 503, "Circuit/channel congestion" },
	{ 38, 500, "Network out of order" },
	{ 41, 500, "Temporary failure" },
	{ 42, 503, "Switching equipment congestion" },
	{ 44, 503, "Requested channel not available" },
	{ 58, 488, "Bearer capability not available" },
	{ 66, 503, "Channel not implemented" },
	{ 88, 488, "Incompatible destination" },
	{ 102, 504, "Recover on timer expiry" },
	{ 127, 500, "Interworking, unspecified" },
};

unsigned cause_to_sip(int cause)
{
	for (size_t i = 0; i < ARRAY_LEN(causes); i++)
		if (causes[i].cause == cause)
			return causes[i].sip;
	return 603;
}

const char *cause_text(int cause)
{
	for (size_t i = 0; i < ARRAY_LEN(causes); i++)
		if (causes[i].cause == cause)
			return causes[i].text;
	return "Unknown";
}

static const struct {
	uint16_t sip;
	uint8_t cause;
} codes[] = {
	{ 401, 21 }, { 403, 21 }, { 404, 1 },   { 407, 21 },  { 408, 18 }, { 409, 41 }, { 410, 22 }, { 420, 3 },
	{ 480, 19 }, { 483, 19 }, { 484, 28 },  { 485, 1 },   { 486, 17 }, { 488, 58 }, { 500, 38 }, { 501, 29 },
	{ 502, 27 }, { 503, 34 }, { 504, 102 }, { 505, 127 }, { 600, 17 }, { 603, 21 }, { 604, 1 },  { 606, 58 },
};

int cause_of_sip(unsigned code)
{
	for (size_t i = 0; i < ARRAY_LEN(codes); i++)
		if (codes[i].sip == code)
			return codes[i].cause;
	return code >= 500 && code < 600 ? 34 : 127;
}
