/* pbx/cause.c: Q.850 causes and SIP codes (RFC 3398's idea, Asterisk's table). */
#include "pbx/priv.h"

static const struct {
	uint8_t cause;
	uint16_t sip; /* what we answer */
	const char *name, *text;
} causes[] = {
	{ 1, 404, "UNALLOCATED", "Unallocated (unassigned) number" },
	{ 2, 404, "NO_ROUTE_TRANSIT_NET", "No route to specified transit network" },
	{ 3, 404, "NO_ROUTE_DESTINATION", "No route to destination" },
	{ 5, 603, "MISDIALLED_TRUNK_PREFIX", "Misdialed trunk prefix" },
	{ 6, 603, "CHANNEL_UNACCEPTABLE", "Channel unacceptable" },
	{ 7, 603, "CALL_AWARDED_DELIVERED", "Call awarded and being delivered" },
	{ 8, 603, "PRE_EMPTED", "Pre-empted" },
	{ 14, 603, "NUMBER_PORTED_NOT_HERE", "Number ported elsewhere" },
	{ 16, 603, "NORMAL_CLEARING", "Normal Clearing" },
	{ 17, 486, "USER_BUSY", "User busy" },
	{ 18, 408, "NO_USER_RESPONSE", "No user responding" },
	{ 19, 480, "NO_ANSWER", "User alerting, no answer" },
	{ 20, 480, "SUBSCRIBER_ABSENT", "Subscriber absent" },
	{ 21, 403, "CALL_REJECTED", "Call Rejected" },
	{ 22, 410, "NUMBER_CHANGED", "Number changed" },
	{ 23, 603, "REDIRECTED_TO_NEW_DESTINATION", "Redirected to new destination" },
	{ 26, 487, "ANSWERED_ELSEWHERE", "Answered elsewhere" },
	{ 27, 502, "DESTINATION_OUT_OF_ORDER", "Destination out of order" },
	{ 28, 484, "INVALID_NUMBER_FORMAT", "Invalid number format" },
	{ 29, 501, "FACILITY_REJECTED", "Facility rejected" },
	{ 30, 603, "RESPONSE_TO_STATUS_ENQUIRY", "Response to STATus ENQuiry" },
	{ 31, 480, "NORMAL_UNSPECIFIED", "Normal, unspecified" },
	{ 34, 503, "NORMAL_CIRCUIT_CONGESTION", "Circuit/channel congestion" },
	{ 38, 500, "NETWORK_OUT_OF_ORDER", "Network out of order" },
	{ 41, 500, "NORMAL_TEMPORARY_FAILURE", "Temporary failure" },
	{ 42, 503, "SWITCH_CONGESTION", "Switching equipment congestion" },
	{ 43, 603, "ACCESS_INFO_DISCARDED", "Access information discarded" },
	{ 44, 503, "REQUESTED_CHAN_UNAVAIL", "Requested channel not available" },
	{ 50, 603, "FACILITY_NOT_SUBSCRIBED", "Facility not subscribed" },
	{ 52, 603, "OUTGOING_CALL_BARRED", "Outgoing call barred" },
	{ 54, 603, "INCOMING_CALL_BARRED", "Incoming call barred" },
	{ 57, 603, "BEARERCAPABILITY_NOTAUTH", "Bearer capability not authorized" },
	{ 58, 488, "BEARERCAPABILITY_NOTAVAIL", "Bearer capability not available" },
	{ 65, 603, "BEARERCAPABILITY_NOTIMPL", "Bearer capability not implemented" },
	{ 66, 503, "CHAN_NOT_IMPLEMENTED", "Channel not implemented" },
	{ 69, 603, "FACILITY_NOT_IMPLEMENTED", "Facility not implemented" },
	{ 81, 603, "INVALID_CALL_REFERENCE", "Invalid call reference value" },
	{ 88, 488, "INCOMPATIBLE_DESTINATION", "Incompatible destination" },
	{ 95, 603, "INVALID_MSG_UNSPECIFIED", "Invalid message unspecified" },
	{ 96, 603, "MANDATORY_IE_MISSING", "Mandatory information element is missing" },
	{ 97, 603, "MESSAGE_TYPE_NONEXIST", "Message type nonexist." },
	{ 98, 603, "WRONG_MESSAGE", "Wrong message" },
	{ 99, 603, "IE_NONEXIST", "Info. element nonexist or not implemented" },
	{ 100, 603, "INVALID_IE_CONTENTS", "Invalid information element contents" },
	{ 101, 603, "WRONG_CALL_STATE", "Message not compatible with call state" },
	{ 102, 504, "RECOVERY_ON_TIMER_EXPIRE", "Recover on timer expiry" },
	{ 103, 603, "MANDATORY_IE_LENGTH_ERROR", "Mandatory IE length error" },
	{ 111, 603, "PROTOCOL_ERROR", "Protocol error, unspecified" },
	{ 127, 500, "INTERWORKING", "Interworking, unspecified" },
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

int cause_named(struct span name)
{
	for (size_t i = 0; i < ARRAY_LEN(causes); i++)
		if (span_iis(name, causes[i].name))
			return causes[i].cause;
	return 0;
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
