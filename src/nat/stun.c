/* nat/stun.c: STUN messages (RFC 8489 5, 14): writing a Binding request, reading its response. */
#include "nat/stun.h"

#include <string.h>

#define COOKIE          0x2112a442u
#define BINDING_REQUEST 0x0001
#define BINDING_SUCCESS 0x0101
#define BINDING_ERROR   0x0111
#define OPTIONAL        0x8000 /* attributes from here on need not be understood */

enum {
	MAPPED_ADDRESS = 0x0001,
	CHANGE_REQUEST = 0x0003,
	ERROR_CODE = 0x0009,
	XOR_MAPPED_ADDRESS = 0x0020,
	OTHER_ADDRESS = 0x802c
};

static unsigned u16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static void out_u16(struct out *o, unsigned v)
{
	out_char(o, (char)(v >> 8));
	out_char(o, (char)v);
}

static void write_header(struct out *o, const uint8_t tx[STUN_TX], unsigned len)
{
	out_u16(o, BINDING_REQUEST);
	out_u16(o, len);
	out_u16(o, COOKIE >> 16);
	out_u16(o, COOKIE & 0xffff);
	out_bytes(o, tx, STUN_TX);
}

void stun_write_request(struct out *o, const uint8_t tx[STUN_TX])
{
	write_header(o, tx, 0);
}

void stun_write_change(struct out *o, const uint8_t tx[STUN_TX], bool address, bool port)
{
	write_header(o, tx, STUN_CHANGE - STUN_HEADER);
	out_u16(o, CHANGE_REQUEST);
	out_u16(o, 4);
	out_u16(o, 0);
	out_u16(o, (address ? 4u : 0) | (port ? 2u : 0));
}

/* 14.1, 14.2: `pad` is what the address is XORed with (cookie and transaction id), or zeros. */
static bool take_address(const uint8_t *v, size_t n, const uint8_t pad[16], struct addr *a)
{
	size_t len = n >= 4 && v[1] == 1 ? 4 : n >= 4 && v[1] == 2 ? 16 : 0;

	if (!len || n != 4 + len)
		return false;
	*a = (struct addr){ .family = len == 4 ? 4 : 6, .port = (uint16_t)(u16(v + 2) ^ u16(pad)) };
	for (size_t i = 0; i < len; i++)
		a->ip[i] = v[4 + i] ^ pad[i];
	return true;
}

struct reading {
	const uint8_t *p;
	bool success, xored;
	struct stun_answer *a;
};

/* False: the message is to be discarded. MAPPED-ADDRESS counts only without its XORed form: routers rewrite it. */
static bool take_attribute(struct reading *r, unsigned type, const uint8_t *v, size_t n)
{
	static const uint8_t zeros[16];
	struct addr plain;

	switch (type) {
	case XOR_MAPPED_ADDRESS: r->xored = true; return take_address(v, n, r->p + 4, &r->a->mapped);
	case MAPPED_ADDRESS:
		if (!take_address(v, n, zeros, &plain))
			return false;
		if (!r->xored)
			r->a->mapped = plain;
		return true;
	case OTHER_ADDRESS: return take_address(v, n, zeros, &r->a->other);
	case ERROR_CODE: r->a->error = n >= 4 ? (v[2] & 7u) * 100 + v[3] % 100 : 0; return true;
	default: return !r->success || type >= OPTIONAL;
	}
}

bool stun_read_response(struct span bytes, struct stun_answer *a)
{
	const uint8_t *p = (const uint8_t *)bytes.p;
	struct reading r = { .p = p, .a = a };
	size_t at = STUN_HEADER;

	*a = (struct stun_answer){ 0 };
	if (bytes.n < STUN_HEADER || (u16(p) != BINDING_SUCCESS && u16(p) != BINDING_ERROR) ||
	    u16(p + 2) != bytes.n - STUN_HEADER || bytes.n % 4 || u16(p + 4) != COOKIE >> 16 ||
	    u16(p + 6) != (COOKIE & 0xffff))
		return false;
	r.success = u16(p) == BINDING_SUCCESS;
	memcpy(a->tx, p + 8, STUN_TX);
	while (at + 4 <= bytes.n) {
		size_t n = u16(p + at + 2);

		if (n > bytes.n - at - 4 || !take_attribute(&r, u16(p + at), p + at + 4, n))
			return false;
		at += 4 + (n + 3) / 4 * 4;
	}
	if (!r.success)
		a->mapped = (struct addr){ 0 };
	return !r.success || a->mapped.family;
}
