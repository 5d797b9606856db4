/*
 * media/srtp.c: the transform of RFC 3711: AES in counter mode, HMAC-SHA1, a rollover counter and a replay window for
 * each SSRC. OpenSSL does the cryptography; docs/dependencies.md says why this is not libsrtp's.
 *
 * A sender's rollover counter is not in its packets: it is guessed from the sequence number (3.3.1), and a guess counts
 * only when the signature, which covers it, is right. So it goes on whatever address the packets come from.
 */
#define OPENSSL_SUPPRESS_DEPRECATED /* SHA1_*: an HMAC whose two first blocks are hashed once, without allocations */
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "media/rtp.h"
#include "media/srtp.h"

#define AUTH_KEY  20
#define TAG       10 /* of RTCP, always */
#define SSRCS     4  /* senders that are remembered */
#define WINDOW    64 /* packets */
#define RTCP_HEAD 8
#define ENCRYPTED 0x80000000u
#define HALF      32768

enum label { RTP_KEY, RTP_AUTH, RTP_SALT, RTCP_KEY, RTCP_AUTH, RTCP_SALT };

struct keys { /* of RTP, or of RTCP (4.3) */
	EVP_CIPHER_CTX *cipher;
	SHA_CTX inner, outer;
	uint8_t salt[SRTP_SALT];
};

struct window { /* which of the latest indexes were there (3.3.2) */
	bool any;
	uint64_t highest, seen; /* bit i: highest - i */
};

struct sender {
	uint64_t used; /* when it was heard last, counted in packets; 0: nobody's place */
	uint32_t ssrc;
	struct window rtp, rtcp;
};

struct srtp {
	bool replays;
	uint8_t tag; /* bytes, of RTP */
	struct keys rtp, rtcp;
	struct sender senders[SSRCS];
	uint64_t packets;    /* of all of them */
	uint32_t rtcp_index; /* of the last that was sealed */
};

/* ---- keys ---- */

static const EVP_CIPHER *cipher_of(size_t key_bytes)
{
	return key_bytes == 32 ? EVP_aes_256_ctr() : EVP_aes_128_ctr();
}

/* XORs the keystream of this IV into n bytes. */
static void stream(EVP_CIPHER_CTX *c, const uint8_t iv[16], uint8_t *bytes, size_t n)
{
	int done;

	BUG_ON(EVP_EncryptInit_ex(c, NULL, NULL, NULL, iv) != 1);
	BUG_ON(EVP_EncryptUpdate(c, bytes, &done, bytes, (int)n) != 1);
}

/* 4.3.1, with a key derivation rate of zero; c has the master key. */
static void derive(EVP_CIPHER_CTX *c, const uint8_t *master_salt, enum label label, uint8_t *to, size_t n)
{
	uint8_t iv[16] = { 0 };

	memcpy(iv, master_salt, SRTP_SALT);
	iv[7] ^= (uint8_t)label;
	memset(to, 0, n);
	stream(c, iv, to, n);
}

/* RFC 2104: the block that the key makes, hashed once for all packets. */
static void hmac_begin(SHA_CTX *c, const uint8_t key[AUTH_KEY], uint8_t pad)
{
	uint8_t block[SHA_CBLOCK];

	memset(block, pad, sizeof block);
	for (size_t i = 0; i < AUTH_KEY; i++)
		block[i] ^= key[i];
	SHA1_Init(c);
	SHA1_Update(c, block, sizeof block);
	explicit_bzero(block, sizeof block);
}

static void keys_make(struct keys *k, EVP_CIPHER_CTX *master, const struct srtp_key *key, bool rtcp)
{
	size_t n = srtp_key_bytes(key->suite);
	const uint8_t *salt = key->bytes + n;
	uint8_t session[32], auth[AUTH_KEY];
	enum label first = rtcp ? RTCP_KEY : RTP_KEY;

	derive(master, salt, first, session, n);
	derive(master, salt, first + 1, auth, sizeof auth);
	derive(master, salt, first + 2, k->salt, sizeof k->salt);
	k->cipher = EVP_CIPHER_CTX_new();
	BUG_ON(!k->cipher || EVP_EncryptInit_ex(k->cipher, cipher_of(n), NULL, session, NULL) != 1);
	hmac_begin(&k->inner, auth, 0x36);
	hmac_begin(&k->outer, auth, 0x5c);
	explicit_bzero(session, sizeof session);
	explicit_bzero(auth, sizeof auth);
}

struct srtp *srtp_new(const struct srtp_key *key, bool replays)
{
	static const uint8_t tags[] = {
#define X(id, name, other, bytes, tag) (tag),
		SRTP_TABLE(X)
#undef X
	};
	struct srtp *s = xcalloc(1, sizeof *s);
	EVP_CIPHER_CTX *master = EVP_CIPHER_CTX_new();

	BUG_ON(!master ||
	       EVP_EncryptInit_ex(master, cipher_of(srtp_key_bytes(key->suite)), NULL, key->bytes, NULL) != 1);
	s->replays = replays;
	s->tag = tags[key->suite];
	keys_make(&s->rtp, master, key, false);
	keys_make(&s->rtcp, master, key, true);
	EVP_CIPHER_CTX_free(master);
	return s;
}

void srtp_free(struct srtp *s)
{
	if (!s)
		return;
	EVP_CIPHER_CTX_free(s->rtp.cipher);
	EVP_CIPHER_CTX_free(s->rtcp.cipher);
	explicit_bzero(s, sizeof *s);
	free(s);
}

/* ---- indexes ---- */

static struct sender *sender_of(struct srtp *s, uint32_t ssrc)
{
	for (size_t i = 0; i < SSRCS; i++)
		if (s->senders[i].used && s->senders[i].ssrc == ssrc)
			return &s->senders[i];
	return NULL;
}

/* It has proved that it has the key. Who was silent for longest makes room. */
static struct sender *sender_heard(struct srtp *s, uint32_t ssrc)
{
	struct sender *d = sender_of(s, ssrc);

	if (!d) {
		d = &s->senders[0];
		for (size_t i = 1; i < SSRCS; i++)
			d = s->senders[i].used < d->used ? &s->senders[i] : d;
		*d = (struct sender){ .ssrc = ssrc };
	}
	d->used = ++s->packets;
	return d;
}

/* 3.3.1: the index that is nearest to the highest one so far. */
static uint64_t index_of(const struct window *w, uint16_t seq)
{
	uint64_t roc = w ? w->highest >> 16 : 0;
	int ahead = w && w->any ? seq - (int)(w->highest & 0xffff) : 0;

	if (ahead > HALF && roc)
		roc--;
	else if (ahead < -HALF)
		roc++;
	return roc << 16 | seq;
}

static bool is_new(const struct window *w, uint64_t index)
{
	uint64_t behind;

	if (!w || !w->any || index > w->highest)
		return true;
	behind = w->highest - index;
	return behind < WINDOW && !(w->seen >> behind & 1);
}

static void note(struct window *w, uint64_t index)
{
	uint64_t step = index - w->highest;

	if (!w->any || index > w->highest) {
		w->seen = w->any && step < WINDOW ? w->seen << step | 1 : 1;
		w->highest = index;
		w->any = true;
	} else if (w->highest - index < WINDOW) {
		w->seen |= (uint64_t)1 << (w->highest - index);
	}
}

/* ---- packets ---- */

/* 4.1.1 */
static void cipher(const struct keys *k, uint32_t ssrc, uint64_t index, uint8_t *bytes, size_t n)
{
	uint8_t iv[16] = { 0 };

	put32(iv + 4, ssrc);
	put16(iv + 8, (unsigned)(index >> 32));
	put32(iv + 10, (uint32_t)index);
	for (size_t i = 0; i < SRTP_SALT; i++)
		iv[i] ^= k->salt[i];
	if (n)
		stream(k->cipher, iv, bytes, n);
}

/* 4.2; `roc` NULL: that of RTCP is in the packet already. */
static void sign(const struct keys *k, const uint8_t *packet, size_t n, const uint32_t *roc,
		 uint8_t tag[SHA_DIGEST_LENGTH])
{
	SHA_CTX c = k->inner;
	uint8_t b[4];

	SHA1_Update(&c, packet, n);
	if (roc) {
		put32(b, *roc);
		SHA1_Update(&c, b, sizeof b);
	}
	SHA1_Final(tag, &c);
	c = k->outer;
	SHA1_Update(&c, tag, SHA_DIGEST_LENGTH);
	SHA1_Final(tag, &c);
}

static bool is_signed(const struct keys *k, const uint8_t *packet, size_t n, const uint32_t *roc, size_t tag_bytes)
{
	uint8_t tag[SHA_DIGEST_LENGTH];
	uint8_t differs = 0;

	sign(k, packet, n, roc, tag);
	for (size_t i = 0; i < tag_bytes; i++)
		differs |= tag[i] ^ packet[n + i];
	return !differs;
}

/* What comes before the encrypted part: header, CSRCs, extension. 0: no RTP. */
static size_t head_of(const uint8_t *p, size_t n)
{
	size_t head = RTP_HEADER;

	if (n < head || p[0] >> 6 != 2)
		return 0;
	head += (size_t)(p[0] & 15) * 4;
	if (p[0] & 16)
		head += head + 4 <= n ? 4 + (size_t)get16(p + head + 2) * 4 : n;
	return head <= n ? head : 0;
}

static size_t seal_rtp(struct srtp *s, uint8_t *p, size_t n)
{
	size_t head = head_of(p, n);
	uint8_t tag[SHA_DIGEST_LENGTH];
	struct sender *d;
	uint64_t index;
	uint32_t roc;

	if (!head)
		return 0;
	d = sender_heard(s, get32(p + 8));
	index = index_of(&d->rtp, get16(p + 2));
	if (!is_new(&d->rtp, index))
		return 0;
	note(&d->rtp, index);
	cipher(&s->rtp, d->ssrc, index, p + head, n - head);
	roc = (uint32_t)(index >> 16);
	sign(&s->rtp, p, n, &roc, tag);
	memcpy(p + n, tag, s->tag);
	return n + s->tag;
}

/* 3.4 */
static size_t seal_rtcp(struct srtp *s, uint8_t *p, size_t n)
{
	uint8_t tag[SHA_DIGEST_LENGTH];

	if (n < RTCP_HEAD)
		return 0;
	s->rtcp_index = (s->rtcp_index + 1) & ~ENCRYPTED;
	cipher(&s->rtcp, get32(p + 4), s->rtcp_index, p + RTCP_HEAD, n - RTCP_HEAD);
	put32(p + n, s->rtcp_index | ENCRYPTED);
	n += 4;
	sign(&s->rtcp, p, n, NULL, tag);
	memcpy(p + n, tag, TAG);
	return n + TAG;
}

size_t srtp_seal(struct srtp *s, uint8_t *packet, size_t n, bool rtcp)
{
	return rtcp ? seal_rtcp(s, packet, n) : seal_rtp(s, packet, n);
}

static enum srtp_say open_rtp(struct srtp *s, uint8_t *p, size_t *n)
{
	size_t len = *n > s->tag ? *n - s->tag : 0, head = head_of(p, len);
	struct sender *d;
	uint64_t index;
	uint32_t roc;
	bool fresh;

	if (!head)
		return SRTP_FORGED;
	d = sender_of(s, get32(p + 8));
	index = index_of(d ? &d->rtp : NULL, get16(p + 2));
	fresh = is_new(d ? &d->rtp : NULL, index);
	roc = (uint32_t)(index >> 16);
	if (!fresh && !s->replays)
		return SRTP_REPLAYED;
	if (!is_signed(&s->rtp, p, len, &roc, s->tag)) {
		if ((d && d->rtp.any) || !is_signed(&s->rtp, p, len, &(uint32_t){ 1 }, s->tag))
			return SRTP_FORGED;
		index += 65536; /* it has turned before it was heard */
	}
	d = sender_heard(s, get32(p + 8));
	note(&d->rtp, index);
	cipher(&s->rtp, d->ssrc, index, p + head, len - head);
	*n = len;
	return SRTP_OPENED;
}

static enum srtp_say open_rtcp(struct srtp *s, uint8_t *p, size_t *n)
{
	size_t len;
	uint32_t word;
	struct sender *d;

	if (*n < RTCP_HEAD + 4 + TAG)
		return SRTP_FORGED;
	len = *n - TAG;
	if (!is_signed(&s->rtcp, p, len, NULL, TAG))
		return SRTP_FORGED;
	len -= 4;
	word = get32(p + len);
	d = sender_heard(s, get32(p + 4));
	if (!is_new(&d->rtcp, word & ~ENCRYPTED) && !s->replays)
		return SRTP_REPLAYED;
	note(&d->rtcp, word & ~ENCRYPTED);
	if (word & ENCRYPTED)
		cipher(&s->rtcp, d->ssrc, word & ~ENCRYPTED, p + RTCP_HEAD, len - RTCP_HEAD);
	*n = len;
	return SRTP_OPENED;
}

enum srtp_say srtp_open(struct srtp *s, uint8_t *packet, size_t *n, bool rtcp)
{
	return rtcp ? open_rtcp(s, packet, n) : open_rtp(s, packet, n);
}
