/* nat/pcp.c: PCP's and NAT-PMP's messages, and their rules of time. */
#include "nat/pcp.h"

#include <string.h>

#define HEADER      24 /* of PCP */
#define MAP_LEN     (HEADER + 36)
#define PMP_MAP     16 /* answers of NAT-PMP */
#define PMP_IP      12
#define PMP_LEAST   8
#define OP_ANNOUNCE 0
#define OP_MAP      1
#define IS_ANSWER   0x80
#define TCP         6
#define UDP         17
#define BAD_VERSION 1 /* a result, in both */

static void out_u16(struct out *o, unsigned v)
{
	out_char(o, (char)(v >> 8));
	out_char(o, (char)v);
}

static void out_u32(struct out *o, uint32_t v)
{
	out_u16(o, v >> 16);
	out_u16(o, v & 0xffff);
}

static unsigned u16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static uint32_t u32(const uint8_t *p)
{
	return (uint32_t)u16(p) << 16 | u16(p + 2);
}

/* RFC 6887 5: IPv4 is written as ::ffff:a.b.c.d; none of a family as all zeros of it. */
static void out_ip(struct out *o, const struct addr *a)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (a->family != 6)
		out_bytes(o, mapped, sizeof mapped);
	out_bytes(o, a->ip, a->family == 6 ? 16 : 4);
}

static struct addr ip_of(const uint8_t *p)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	struct addr a = { .family = 6 };

	if (memcmp(p, mapped, sizeof mapped) != 0) {
		memcpy(a.ip, p, 16);
		return a;
	}
	a.family = 4;
	memcpy(a.ip, p + 12, 4);
	return a;
}

static void write_pmp(struct out *o, const struct pcp_ask *a)
{
	out_char(o, PCP_PMP);
	out_char(o, a->tcp ? 2 : 1);
	out_u16(o, 0);
	out_u16(o, a->inside);
	out_u16(o, a->lifetime ? a->wanted.port : 0);
	out_u32(o, a->lifetime);
}

void pcp_write_map(struct out *o, const struct pcp_ask *a)
{
	if (a->version == PCP_PMP) {
		write_pmp(o, a);
		return;
	}
	out_char(o, PCP_V2);
	out_char(o, OP_MAP);
	out_u16(o, 0);
	out_u32(o, a->lifetime);
	out_ip(o, &a->client);
	out_bytes(o, a->nonce, PCP_NONCE);
	out_char(o, a->tcp ? TCP : UDP);
	out_bytes(o, "\0\0\0", 3);
	out_u16(o, a->inside);
	out_u16(o, a->wanted.port);
	out_ip(o, &a->wanted);
}

void pcp_write_address(struct out *o)
{
	out_u16(o, 0);
}

void pcp_write_announce(struct out *o, const struct addr *client)
{
	out_char(o, PCP_V2);
	out_char(o, OP_ANNOUNCE);
	out_u16(o, 0);
	out_u32(o, 0);
	out_ip(o, client);
}

static bool read_pmp(const uint8_t *p, size_t n, struct pcp_answer *a)
{
	unsigned op = p[1] & (IS_ANSWER - 1);

	if (n < PMP_LEAST || op > 2)
		return false;
	a->result = u16(p + 2);
	a->epoch = u32(p + 4);
	if (a->result == BAD_VERSION) {
		a->kind = PCP_OTHER_VERSION;
		return true;
	}
	a->kind = op ? PCP_MAP : PCP_ADDRESS;
	a->tcp = op == 2;
	if (n < (op ? PMP_MAP : PMP_IP))
		return !op && a->result;
	if (!op) {
		a->outside.family = 4;
		memcpy(a->outside.ip, p + 8, 4);
		return true;
	}
	a->inside = (uint16_t)u16(p + 8);
	a->outside.port = (uint16_t)u16(p + 10);
	a->lifetime = u32(p + 12);
	return true;
}

static bool read_pcp(const uint8_t *p, size_t n, struct pcp_answer *a)
{
	if (n < HEADER)
		return false;
	a->result = p[3];
	a->lifetime = u32(p + 4);
	a->epoch = u32(p + 8);
	if (a->result == BAD_VERSION) {
		a->kind = PCP_OTHER_VERSION;
		return true;
	}
	a->kind = PCP_ANNOUNCE;
	if ((p[1] & (IS_ANSWER - 1)) == OP_ANNOUNCE)
		return true;
	if ((p[1] & (IS_ANSWER - 1)) != OP_MAP || n < MAP_LEN || (p[HEADER + 12] != UDP && p[HEADER + 12] != TCP))
		return false;
	a->kind = PCP_MAP;
	memcpy(a->nonce, p + HEADER, PCP_NONCE);
	a->tcp = p[HEADER + 12] == TCP;
	a->inside = (uint16_t)u16(p + HEADER + 16);
	a->outside = ip_of(p + HEADER + 20);
	a->outside.port = (uint16_t)u16(p + HEADER + 18);
	return true;
}

bool pcp_read(struct span bytes, struct pcp_answer *a)
{
	const uint8_t *p = (const uint8_t *)bytes.p;

	*a = (struct pcp_answer){ 0 };
	if (bytes.n < 4 || !(p[1] & IS_ANSWER))
		return false;
	a->version = p[0] == PCP_PMP ? PCP_PMP : PCP_V2;
	if (p[0] == PCP_PMP)
		return read_pmp(p, bytes.n, a);
	return (p[0] == PCP_V2 || p[3] == BAD_VERSION) && read_pcp(p, bytes.n, a);
}

const char *pcp_result(const struct pcp_answer *a)
{
	static const char *const pcp[] = { "done",
					   "another version",
					   "not authorized",
					   "malformed request",
					   "unsupported opcode",
					   "unsupported option",
					   "malformed option",
					   "network failure",
					   "no resources",
					   "unsupported protocol",
					   "quota exceeded",
					   "cannot provide that port",
					   "address mismatch",
					   "excessive peers" };
	static const char *const pmp[] = { "done",         "another version",   "not authorized", "network failure",
					   "no resources", "unsupported opcode" };
	bool old = a->version == PCP_PMP;

	if (a->result >= (old ? ARRAY_LEN(pmp) : ARRAY_LEN(pcp)))
		return "unknown reason";
	return old ? pmp[a->result] : pcp[a->result];
}

bool pcp_epoch_holds(struct pcp_epoch *e, uint32_t epoch, ms_t now)
{
	struct pcp_epoch was = *e;
	int64_t client = (now - was.client) / 1000, server = (int64_t)epoch - was.server;

	*e = (struct pcp_epoch){ true, epoch, now };
	if (!was.known)
		return true;
	return server >= -1 && client + 2 >= server - server / 16 && server + 2 >= client - client / 16;
}

ms_t pcp_patience(unsigned sends)
{
	return 250 << MIN(sends ? sends - 1 : 0, 7);
}

ms_t pcp_renew_in(uint32_t lifetime)
{
	return (ms_t)MAX(lifetime, 8) * 500;
}

ms_t pcp_refused_for(const struct pcp_answer *a)
{
	return (ms_t)MIN(MAX(a->lifetime, 30), 1800) * 1000;
}
