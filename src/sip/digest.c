/*
 * sip/digest.c: digest authentication both ways (RFC 7616, RFC 8760): MD5, SHA-256, SHA-512-256; qop auth and auth-int.
 *
 * Our nonces are a time and a keyed hash of it, so that issuing one keeps nothing. What is kept, only for requests that
 * proved to know the password, is the highest nonce count seen: a replayed count is stale.
 */
#include "sip/priv.h"

#include <arpa/inet.h>
#include <endian.h>
#include <stdlib.h>
#include <string.h>

static const struct alg {
	uint32_t bit;
	const char *name;
} algs[] = {
	/* strongest first (RFC 8760 2.3) */
	{ AUTH_ALG_SHA512_256, "SHA-512-256" },
	{ AUTH_ALG_SHA256, "SHA-256" },
	{ AUTH_ALG_MD5, "MD5" },
};

#define NONCE_HEX 32           /* short, so that most responses are a hash of two blocks of 64 bytes */
struct nonce {                 /* what the text says in hex digits */
	uint32_t second, salt; /* chance: two challenges in one second differ */
	uint64_t mac;          /* of both and the realm */
};

struct nonce_use {
	struct nonce nonce; /* nobody but us can make it: its mac is the key of the table */
	uint32_t nc;
};

struct ha1 {
	unsigned char md5[SIP_MD5]; /* zeroes: not known yet */
};

struct credentials { /* of a Digest challenge or answer */
	struct span username, realm, nonce, uri, response, algorithm, cnonce, opaque, qop, nc, stale;
};

static struct span realm_of(const struct sip *s, const struct conf_auth *a)
{
	return span_of(a && a->realm[0] ? a->realm : s->conf->global.default_realm);
}

/* ---- hashing ---- */

struct hash {
	struct hashes *all;
	uint32_t alg;
};

static void hash_hex(const struct hash *h, const struct span *parts, size_t n, char hex[SIP_HEX_MAX])
{
	sip_hash_hex(h->all, h->alg, parts, n, hex);
}

static bool ha1_of(const struct conf_auth *a, const struct hash *h, struct span realm, char hex[SIP_HEX_MAX])
{
	const struct secret *given = h->alg == AUTH_ALG_MD5      ? &a->ha1_md5
				     : h->alg == AUTH_ALG_SHA256 ? &a->ha1_sha256
								 : &a->ha1_sha512_256;

	if (given->n)
		return span_copy(secret_look(given), hex, SIP_HEX_MAX);
	if (!a->password.p)
		return false;
	hash_hex(h, (struct span[]){ span_of(a->username), realm, secret_look(&a->password) }, 3, hex);
	return true;
}

/*
 * The HA1 of a client of ours. That by MD5 is kept from an auth's first request on, as long as the configuration is:
 * it is a third of what a request costs to hash.
 */
static bool ha1_of_client(const struct sip *s, const struct conf_auth *a, const struct hash *h, char hex[SIP_HEX_MAX])
{
	static const struct ha1 unknown;
	uintptr_t at = (uintptr_t)a - (uintptr_t)s->conf->auths;
	struct out o = out_fixed(hex, SIP_HEX_MAX);
	struct span realm = realm_of(s, a);
	struct ha1 *kept;

	if (h->alg != AUTH_ALG_MD5 || a->ha1_md5.n || !a->password.p || at >= s->n_ha1s * sizeof *a)
		return ha1_of(a, h, realm, hex); /* the last: of an earlier configuration */
	kept = &s->ha1s[at / sizeof *a];
	if (memcmp(kept, &unknown, sizeof unknown) == 0)
		sip_md5((struct span[]){ span_of(a->username), realm, secret_look(&a->password) }, 3, kept->md5);
	out_hex(&o, kept->md5, sizeof kept->md5);
	out_char(&o, '\0');
	return true;
}

static void response_hex(const struct hash *h, const char *ha1, const struct credentials *c, struct span method_body[2],
			 char hex[SIP_HEX_MAX])
{
	char ha2[SIP_HEX_MAX], body[SIP_HEX_MAX];

	if (span_iis(c->qop, "auth-int")) {
		hash_hex(h, &method_body[1], 1, body);
		hash_hex(h, (struct span[]){ method_body[0], c->uri, span_of(body) }, 3, ha2);
	} else {
		sip_hash_pair(h->all, h->alg, (struct span[]){ method_body[0], c->uri }, ha2);
	}
	if (c->qop.n)
		hash_hex(h, (struct span[]){ span_of(ha1), c->nonce, c->nc, c->cnonce, c->qop, span_of(ha2) }, 6, hex);
	else
		hash_hex(h, (struct span[]){ span_of(ha1), c->nonce, span_of(ha2) }, 3, hex);
	explicit_bzero(ha2, sizeof ha2);
}

/* ---- reading ---- */

/* What stands before the closing quote; in: from behind the opening one. */
static size_t quoted(struct span in, bool escapes)
{
	const char *end = in.n ? memchr(in.p, '"', in.n) : NULL;
	size_t n = end ? (size_t)(end - in.p) : in.n;

	if (!escapes || !n || !memchr(in.p, '\\', n))
		return n;
	for (n = 0; n < in.n && in.p[n] != '"';)
		n += in.p[n] == '\\' ? 2 : 1;
	return n;
}

/* The next name=value of a comma list; quotes are taken off. */
static bool next_field(struct span *in, bool escapes, struct span *name, struct span *value)
{
	long eq, end;

	while (in->n && (in->p[0] == ',' || in->p[0] == ' ' || in->p[0] == '\t'))
		in->p++, in->n--;
	eq = span_chr(*in, '=');
	if (eq <= 0)
		return false;
	*name = span_trim((struct span){ in->p, (size_t)eq });
	*in = span_trim(span_from(*in, (size_t)eq + 1));
	if (span_take_char(in, '"')) {
		size_t n = quoted(*in, escapes);

		*value = span_sub(*in, 0, n);
		*in = span_from(*in, n + 1);
		return true;
	}
	if (!in->p)
		return false;
	end = span_chr(*in, ',');
	*value = span_trim(end < 0 ? *in : (struct span){ in->p, (size_t)end });
	*in = end < 0 ? SPAN_NONE : span_from(*in, (size_t)end + 1);
	return true;
}

static bool read_digest(struct span v, struct credentials *c)
{
#define FIELD(f)                                                       \
	{                                                              \
		{ #f, sizeof #f - 1 }, offsetof(struct credentials, f) \
	}
	static const struct {
		struct span name;
		size_t at;
	} fields[] = { FIELD(username), FIELD(realm), FIELD(nonce),  FIELD(uri),    FIELD(response), FIELD(algorithm),
		       FIELD(qop),      FIELD(nc),    FIELD(cnonce), FIELD(opaque), FIELD(stale) };
#undef FIELD
	struct span scheme, name, value;
	bool escapes;
	size_t next = 0; /* they mostly come in one order */

	memset(c, 0, sizeof *c);
	if (!span_word(&v, &scheme) || !span_iis(scheme, "Digest"))
		return false;
	escapes = span_chr(v, '\\') >= 0;
	while (next_field(&v, escapes, &name, &value)) {
		size_t i = next, left = ARRAY_LEN(fields);

		for (; left && !span_eq(name, fields[i].name) && !span_ieq(name, fields[i].name); left--)
			i = i + 1 < ARRAY_LEN(fields) ? i + 1 : 0;
		if (!left)
			continue;
		*(struct span *)(void *)((char *)c + fields[i].at) = value;
		next = i + 1 < ARRAY_LEN(fields) ? i + 1 : 0;
	}
	return c->nonce.n > 0;
}

static uint32_t alg_of(struct span name)
{
	if (!name.n)
		return AUTH_ALG_MD5;
	for (size_t i = 0; i < ARRAY_LEN(algs); i++)
		if (span_iis(name, algs[i].name))
			return algs[i].bit;
	return 0;
}

struct span sip_digest_username(const struct sip_msg *m, struct span *realm)
{
	static const enum sip_hdr_id ids[] = { SIP_HDR_AUTHORIZATION, SIP_HDR_PROXY_AUTHORIZATION };

	for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
		struct sip_walk w = { 0 };
		struct credentials c;
		struct span v;

		while (sip_walk(m, ids[i], &w, &v)) {
			if (!read_digest(v, &c) || !c.username.n)
				continue;
			*realm = c.realm;
			return c.username;
		}
	}
	return SPAN_NONE;
}

/* ---- nonces ---- */

static struct nonce nonce_of(const struct sip *s, uint32_t second, uint32_t salt, struct span realm)
{
	const uint32_t numbers[] = { second, salt, 0x6e6f6e63 /* no other use of the key begins like this */ };
	const struct span parts[] = { { (const char *)numbers, sizeof numbers }, realm };

	return (struct nonce){ second, salt, siphash_signature(s->key_secret, parts, ARRAY_LEN(parts)) };
}

static void nonce_out(struct out *o, const struct nonce *n)
{
	struct nonce text = { htonl(n->second), htonl(n->salt), n->mac };

	out_hex(o, &text, sizeof text);
}

static void nonce_write(const struct nonce *n, char hex[NONCE_HEX])
{
	struct out o = out_fixed(hex, NONCE_HEX);

	nonce_out(&o, n);
}

/* Eight lower-case digits, all at once; anything for others. */
static uint32_t word_of(const char *hex)
{
	uint64_t v;

	memcpy(&v, hex, sizeof v);
	v = be64toh(v);
	v = (v & 0x0f0f0f0f0f0f0f0f) + 9 * (v >> 6 & 0x0101010101010101); /* a byte for each digit */
	v = (v | v >> 4) & 0x00ff00ff00ff00ff;
	v = (v | v >> 8) & 0x0000ffff0000ffff;
	return (uint32_t)(v | v >> 16);
}

enum nonce_say { NONCE_FRESH, NONCE_OLD, NONCE_FOREIGN };

/* *n is what the text says, unless it is foreign. */
static enum nonce_say nonce_check(const struct sip *s, struct span text, struct span realm, uint32_t lifetime,
				  struct nonce *n)
{
	uint32_t now = (uint32_t)(sip_now(s) / 1000);
	char ours[NONCE_HEX];

	if (text.n != NONCE_HEX)
		return NONCE_FOREIGN;
	*n = nonce_of(s, word_of(text.p), word_of(text.p + 8), realm);
	nonce_write(n, ours);
	if (!secret_eq(text, (struct span){ ours, sizeof ours }))
		return NONCE_FOREIGN;
	return now - n->second > lifetime || n->second < s->nonces_from ? NONCE_OLD : NONCE_FRESH;
}

/* The one used first. What is forgotten is not taken again, even if a nonce may live longer from now on. */
static void nonce_forget(struct sip *s)
{
	struct nonce_use *u = fifo_head(&s->nonces_by_age);

	s->nonces_from = MAX(s->nonces_from, u->nonce.second + 1);
	table_del(&s->nonces, u->nonce.mac, u);
	fifo_drop(&s->nonces_by_age, sizeof *u);
	u = fifo_head(&s->nonces_by_age);
	if (u)
		table_fetch(&s->nonces, u->nonce.mac);
}

static struct nonce_use *nonce_find(const struct sip *s, const struct nonce *n)
{
	size_t at = n->mac;
	struct nonce_use *u;

	while ((u = table_next(&s->nonces, n->mac, &at)))
		if (memcmp(&u->nonce, n, sizeof *n) == 0)
			return u;
	return NULL;
}

/* nc = 8LHEX */
static bool read_count(struct span nc, uint32_t *v)
{
	*v = 0;
	for (size_t i = 0; i < nc.n; i++) {
		char c = char_lower(nc.p[i]);

		if (!char_is_digit(c) && (c < 'a' || c > 'f'))
			return false;
		*v = *v << 4 | (uint32_t)(char_is_digit(c) ? c - '0' : c - 'a' + 10);
	}
	return nc.n && nc.n <= 8;
}

/* True when this count was not used before with this nonce. */
static bool nonce_count(struct sip *s, const struct nonce *n, struct span nc)
{
	struct nonce_use *u;
	uint32_t v;

	if (!read_count(nc, &v))
		return false;
	u = nonce_find(s, n);
	if (!u) {
		if (s->nonces.n >= s->nonces_max)
			nonce_forget(s);
		u = fifo_add(&s->nonces_by_age, sizeof *u);
		*u = (struct nonce_use){ .nonce = *n };
		table_add(&s->nonces, n->mac, u);
	}
	if (v <= u->nc)
		return false;
	u->nc = v;
	return true;
}

static void forget_ha1s(struct sip *s)
{
	if (s->ha1s)
		explicit_bzero(s->ha1s, s->n_ha1s * sizeof s->ha1s[0]);
	free(s->ha1s);
}

void sip_digest_adopt(struct sip *s)
{
	forget_ha1s(s);
	s->n_ha1s = s->conf->n_auths;
	s->ha1s = s->n_ha1s ? xcalloc(s->n_ha1s, sizeof s->ha1s[0]) : NULL;
	s->nonces_live = s->conf->most_nonce_lifetime;
}

void sip_digest_rest(struct sip *s)
{
	uint32_t now = (uint32_t)(sip_now(s) / 1000);
	struct nonce_use *u;

	while ((u = fifo_head(&s->nonces_by_age)) && now - u->nonce.second > s->nonces_live)
		nonce_forget(s);
}

void sip_digest_free(struct sip *s)
{
	while (fifo_head(&s->nonces_by_age))
		nonce_forget(s);
	forget_ha1s(s);
}

/* ---- as the one who challenges ---- */

static uint32_t served_algs(const struct sip *s, const struct conf_auth *a)
{
	uint32_t want = a && a->supported_algorithms_uas ? a->supported_algorithms_uas
							 : s->conf->global.default_auth_algorithms_uas;
	uint32_t can = 0;

	if (!a || a->password.p)
		return want;
	can |= a->ha1_md5.n ? AUTH_ALG_MD5 : 0;
	can |= a->ha1_sha256.n ? AUTH_ALG_SHA256 : 0;
	can |= a->ha1_sha512_256.n ? AUTH_ALG_SHA512_256 : 0;
	return want & can ? want & can : can;
}

static enum sip_digest_say check_one(struct sip *s, const struct sip_msg *m, const struct conf_auth *a,
				     const struct credentials *c)
{
	struct span realm = realm_of(s, a), what[2] = { m->method_text, m->body };
	uint32_t alg = alg_of(c->algorithm);
	struct hash h = { s->hashes, alg };
	char ha1[SIP_HEX_MAX], expect[SIP_HEX_MAX];
	enum nonce_say say;
	struct nonce nonce;
	bool right;

	if (!span_eq(c->realm, realm))
		return DIGEST_NONE;
	say = nonce_check(s, c->nonce, realm, a->nonce_lifetime, &nonce);
	if (say == NONCE_FOREIGN)
		return DIGEST_STALE;
	if (!span_is(c->username, a->username) || !(alg & served_algs(s, a)) || !ha1_of_client(s, a, &h, ha1))
		return DIGEST_WRONG;
	response_hex(&h, ha1, c, what, expect);
	right = secret_eq(c->response, span_of(expect));
	explicit_bzero(ha1, sizeof ha1);
	if (!right)
		return DIGEST_WRONG;
	if (say == NONCE_OLD || (c->qop.n && !nonce_count(s, &nonce, c->nc)))
		return DIGEST_STALE;
	return DIGEST_OK;
}

enum sip_digest_say sip_digest_check(struct sip *s, const struct sip_msg *m, const struct conf_auth *a)
{
	enum sip_digest_say say = DIGEST_NONE;
	struct sip_walk w = { 0 };
	struct credentials c;
	struct span v;

	while (sip_walk(m, SIP_HDR_AUTHORIZATION, &w, &v)) {
		enum sip_digest_say one = read_digest(v, &c) ? check_one(s, m, a, &c) : DIGEST_NONE;

		if (one == DIGEST_OK)
			return one;
		say = one == DIGEST_NONE ? say : one;
	}
	return say;
}

struct challenge {
	struct sip *sip;
	const struct conf_auth *auth;
	bool stale;
};

static void build_challenge(void *arg, struct sip_build *b)
{
	const struct challenge *c = arg;
	struct span realm = realm_of(c->sip, c->auth);
	uint32_t served = served_algs(c->sip, c->auth);
	struct nonce n = nonce_of(c->sip, (uint32_t)(sip_now(c->sip) / 1000), rng_u32(&c->sip->c.clock->rng), realm);

	for (size_t i = 0; i < ARRAY_LEN(algs); i++) {
		if (!(algs[i].bit & served))
			continue;
		out_all(b->o, "WWW-Authenticate: Digest realm=\"", realm, "\",nonce=\"");
		nonce_out(b->o, &n);
		out_all(b->o, "\",algorithm=", algs[i].name, ",qop=\"auth\"", c->stale ? ",stale=true\r\n" : "\r\n");
	}
}

/* A nonce that is not ours is stale for everybody, so that strangers learn nothing from the difference. */
static bool shows_foreign_nonce(struct sip *s, const struct sip_msg *m)
{
	struct span realm = realm_of(s, NULL), v;
	struct sip_walk w = { 0 };
	struct credentials c;
	struct nonce n;

	while (sip_walk(m, SIP_HDR_AUTHORIZATION, &w, &v))
		if (read_digest(v, &c) && span_eq(c.realm, realm) &&
		    nonce_check(s, c.nonce, realm, UINT32_MAX, &n) == NONCE_FOREIGN)
			return true;
	return false;
}

void sip_digest_challenge(struct sip_uas *t, const struct conf_auth *a, bool stale)
{
	struct challenge c = { t->sip, a, a ? stale : shows_foreign_nonce(t->sip, t->msg) };

	/* who repeats the request is challenged anew: a flood of them leaves nothing behind, and a forged source gets
	 * no repeats (8.2.7, 26.3.2.4) */
	sip_uas_forget(t);
	sip_reply(t, 401, NULL, build_challenge, &c);
}

/* ---- as the one who is challenged ---- */

static const struct conf_auth *auth_for(const struct sip_uac *u, struct span realm)
{
	const struct conf_auth *any = NULL;

	for (size_t i = 0; i < u->ask.n_auths; i++) {
		const struct conf_auth *a = u->ask.auths[i];

		if (span_is(realm, a->realm))
			return a;
		if (!any && (!a->realm[0] || strcmp(a->realm, "*") == 0))
			any = a;
	}
	return any;
}

static bool offers_auth(struct span qop)
{
	struct span one;

	while (span_cut(&qop, ',', &one))
		if (span_iis(span_trim(one), "auth"))
			return true;
	return false;
}

static bool write_answer(struct sip *s, struct out *o, const struct credentials *c, const struct sip_uac *u)
{
	const struct conf_auth *a = auth_for(u, c->realm);
	uint32_t alg = alg_of(c->algorithm), can;
	struct hash h = { s->hashes, alg };
	struct credentials mine = *c;
	char ha1[SIP_HEX_MAX], response[SIP_HEX_MAX], cnonce[17];
	struct span what[2] = { span_of(sip_method_names[u->ask.method]), SPAN_NONE };

	if (!a || !alg)
		return false;
	can = a->supported_algorithms_uac ? a->supported_algorithms_uac : s->conf->global.default_auth_algorithms_uac;
	if (!(alg & can) || !ha1_of(a, &h, c->realm, ha1))
		return false;
	rng_token(&s->c.clock->rng, cnonce, 16);
	mine.qop = offers_auth(c->qop) ? SPAN("auth") : SPAN_NONE;
	mine.nc = SPAN("00000001");
	mine.cnonce = span_of(cnonce);
	mine.uri = u->ask.uri;
	response_hex(&h, ha1, &mine, what, response);
	explicit_bzero(ha1, sizeof ha1);
	out_fmt(o, "Digest username=\"%s\",realm=\"%.*s\",nonce=\"%.*s\",uri=\"%.*s\",response=\"%s\"", a->username,
		SP(c->realm), SP(c->nonce), SP(mine.uri), response);
	if (c->algorithm.n)
		out_fmt(o, ",algorithm=%.*s", SP(c->algorithm));
	if (mine.qop.n)
		out_fmt(o, ",qop=auth,nc=00000001,cnonce=\"%s\"", cnonce);
	if (c->opaque.p)
		out_fmt(o, ",opaque=\"%.*s\"", SP(c->opaque));
	return true;
}

char *sip_digest_answer(struct sip *s, const struct sip_msg *m, const struct sip_uac *u)
{
	static const struct {
		enum sip_hdr_id challenge, answer;
	} pairs[] = { { SIP_HDR_WWW_AUTHENTICATE, SIP_HDR_AUTHORIZATION },
		      { SIP_HDR_PROXY_AUTHENTICATE, SIP_HDR_PROXY_AUTHORIZATION } };
	struct out o = out_growing();
	bool any = false;

	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		struct sip_walk w = { 0 };
		struct credentials c;
		struct span v;
		bool one = false;

		while (!one && sip_walk(m, pairs[i].challenge, &w, &v)) {
			struct out line = out_growing();

			/* Told twice that they are wrong: they are. */
			if (read_digest(v, &c) && (!u->auth_tries || span_iis(c.stale, "true")))
				one = write_answer(s, &line, &c, u);
			if (one)
				out_fmt(&o, "%s: %.*s\r\n", sip_hdr_name(pairs[i].answer), SP(out_look(&line)));
			out_free(&line);
		}
		any |= one;
	}
	if (any)
		return out_take(&o);
	out_free(&o);
	return NULL;
}
