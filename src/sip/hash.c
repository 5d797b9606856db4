/*
 * sip/hash.c: the hash functions of digest authentication.
 *
 * Most hashes are MD5 of a few dozen bytes, where the library's general door costs as much as the hash: the parts are
 * joined first, and MD5 is called by its own name, block by block.
 */
#define OPENSSL_SUPPRESS_DEPRECATED /* MD5: without a context that is allocated and set up for each hash */
#include "sip/priv.h"

#include <endian.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/md5.h>
#include <stdlib.h>
#include <string.h>

#define JOINED 512 /* most fit */
#define BLOCK  64  /* of MD5 */

/* Looked up once: the library takes longer to find an algorithm by its name than to run it. */
struct hashes {
	struct sha {
		EVP_MD_CTX *ctx; /* always ready for the next hash */
		EVP_MD *md;
	} sha256, sha512_256;
	struct {              /* the last pair, which is no secret */
		uint32_t alg; /* 0: none yet */
		size_t n[2];
		char text[128], hex[SIP_HEX_MAX];
	} last;
};

/* Three hash functions need neither the library's configuration nor its texts and ciphers: 0.6 MB. */
#define LEAN                                                                                                   \
	(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_LOAD_CRYPTO_STRINGS | OPENSSL_INIT_NO_ADD_ALL_CIPHERS | \
	 OPENSSL_INIT_NO_ADD_ALL_DIGESTS)

static void sha_init(struct sha *h, const char *name)
{
	h->md = EVP_MD_fetch(NULL, name, NULL);
	h->ctx = EVP_MD_CTX_new();
	BUG_ON(!h->ctx || !EVP_DigestInit_ex2(h->ctx, h->md, NULL));
}

struct hashes *sip_hashes_new(void)
{
	struct hashes *h = xcalloc(1, sizeof *h);

	OPENSSL_init_crypto(LEAN, NULL); /* before anything else initialises it */
	sha_init(&h->sha256, "SHA256");
	sha_init(&h->sha512_256, "SHA512-256");
	return h;
}

static void sha_free(struct sha *h)
{
	EVP_MD_CTX_free(h->ctx);
	EVP_MD_free(h->md);
}

void sip_hashes_free(struct hashes *h)
{
	sha_free(&h->sha256);
	sha_free(&h->sha512_256);
	free(h);
}

static unsigned sha(const struct sha *h, struct span text, unsigned char *md)
{
	unsigned len = 0;

	EVP_DigestUpdate(h->ctx, text.p, text.n);
	BUG_ON(!EVP_DigestFinal_ex(h->ctx, md, &len));
	BUG_ON(!EVP_DigestInit_ex2(h->ctx, h->md, NULL)); /* and it forgets the password that it has seen */
	return len;
}

/* RFC 1321 3: the text gets its padding where it lies, and the library does the blocks. */
static void md5(struct out *o, unsigned char md[SIP_MD5])
{
	static const char padding[BLOCK] = { (char)0x80 };
	uint64_t bits = htole64(o->n * 8);
	MD5_CTX c;

	out_bytes(o, padding, BLOCK - (o->n + sizeof bits) % BLOCK);
	out_bytes(o, &bits, sizeof bits);
	MD5_Init(&c);
	for (size_t at = 0; at < o->n; at += BLOCK)
		MD5_Transform(&c, (const unsigned char *)o->p + at);
	memcpy(md, (uint32_t[]){ htole32(c.A), htole32(c.B), htole32(c.C), htole32(c.D) }, SIP_MD5);
	explicit_bzero(&c, sizeof c);
}

/* One after the other, with a colon between them, and room behind them for padding. */
static struct out join(const struct span *parts, size_t n, char room[JOINED])
{
	size_t total = n + 2 * BLOCK;
	struct out o;

	for (size_t i = 0; i < n; i++)
		total += parts[i].n;
	o = out_fixed(total > JOINED ? xmalloc(total) : room, MAX(total, JOINED));
	for (size_t i = 0; i < n; i++) {
		if (i)
			out_char(&o, ':');
		out_span(&o, parts[i]);
	}
	return o;
}

static void forget(const struct out *o, const char *room)
{
	explicit_bzero(o->p, o->n);
	if (o->p != room)
		free(o->p);
}

void sip_md5(const struct span *parts, size_t n, unsigned char md[SIP_MD5])
{
	char room[JOINED];
	struct out o = join(parts, n, room);

	md5(&o, md);
	forget(&o, room);
}

void sip_hash_hex(const struct hashes *h, uint32_t alg, const struct span *parts, size_t n, char hex[SIP_HEX_MAX])
{
	struct out to = out_fixed(hex, SIP_HEX_MAX), o;
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned len = SIP_MD5;
	char room[JOINED];

	if (alg == AUTH_ALG_MD5) {
		sip_md5(parts, n, md);
	} else {
		o = join(parts, n, room);
		len = sha(alg == AUTH_ALG_SHA256 ? &h->sha256 : &h->sha512_256, out_look(&o), md);
		forget(&o, room);
	}
	out_hex(&to, md, len);
	out_char(&to, '\0');
}

/* Phones of one server register at one URI. */
void sip_hash_pair(struct hashes *h, uint32_t alg, const struct span pair[2], char hex[SIP_HEX_MAX])
{
	char *second = h->last.text + pair[0].n;

	if (h->last.alg == alg && h->last.n[0] == pair[0].n && h->last.n[1] == pair[1].n &&
	    memcmp(h->last.text, pair[0].p, pair[0].n) == 0 && memcmp(second, pair[1].p, pair[1].n) == 0) {
		memcpy(hex, h->last.hex, sizeof h->last.hex);
		return;
	}
	sip_hash_hex(h, alg, pair, 2, hex);
	if (!pair[0].n || !pair[1].n || pair[0].n + pair[1].n > sizeof h->last.text)
		return;
	h->last.alg = alg;
	memcpy(h->last.text, pair[0].p, h->last.n[0] = pair[0].n);
	memcpy(second, pair[1].p, h->last.n[1] = pair[1].n);
	memcpy(h->last.hex, hex, sizeof h->last.hex);
}
