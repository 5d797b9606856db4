/* bench/invite.h: the message that the parsers are measured with: 1,200 bytes, 17 headers, 2 Via, SDP. */
#pragma once

static const char invite[] =
	"INVITE sip:100@192.0.2.1 SIP/2.0\r\n"
	"Via: SIP/2.0/UDP 198.51.100.1:5060;rport;branch=z9hG4bKPj9fb5b7b7a6cd4d0d8f6b6d53a0c1ad2e\r\n"
	"Via: SIP/2.0/UDP 10.0.0.7:5062;received=203.0.113.7;rport=49152;branch=z9hG4bK-524287-1---0f3eb40b11f97a9c\r\n"
	"Record-Route: <sip:198.51.100.1;lr;ftag=5e00e125>\r\n"
	"Max-Forwards: 69\r\n"
	"From: \"Alice Example\" <sip:alice@example.com>;tag=5e00e125\r\n"
	"To: <sip:100@example.com>\r\n"
	"Contact: <sip:alice@10.0.0.7:5062;transport=UDP;rinstance=1964f334d2b5ba69>\r\n"
	"Call-ID: wSSsR1c-lUjKuRhxr0iEKA..\r\n"
	"CSeq: 2 INVITE\r\n"
	"Allow: INVITE, ACK, CANCEL, BYE, NOTIFY, REFER, MESSAGE, OPTIONS, INFO, SUBSCRIBE, UPDATE, PRACK\r\n"
	"Supported: replaces, norefersub, timer, outbound, path\r\n"
	"Session-Expires: 1800\r\n"
	"User-Agent: Softphone 5.6.1 v2.10.19.9\r\n"
	"P-Asserted-Identity: <sip:alice@example.com>\r\n"
	"Content-Type: application/sdp\r\n"
	"Content-Length: 378\r\n"
	"\r\n"
	"v=0\r\no=- 3720000000 3720000000 IN IP4 10.0.0.7\r\ns=call\r\nc=IN IP4 10.0.0.7\r\nt=0 0\r\n"
	"m=audio 4000 RTP/AVP 9 0 8 101\r\na=rtpmap:9 G722/8000\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n"
	"a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\na=sendrecv\r\na=rtcp:4001\r\n"
	"a=ssrc:1234567890 cname:a-name-that-is-made-up\r\na=rtcp-xr:rcvr-rtt=all:10000 "
	"stat-summary=loss,dup,jitt,TTL\r\n";
