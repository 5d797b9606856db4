/*
 * tests/unit/test_sip_digest.c: digest both ways (RFC 2617, RFC 7616, RFC 8760). The test has a digest of its own,
 * proved with the RFCs' examples, and plays the other side with it.
 */
#include "test_sip_fake.h"

#include <openssl/evp.h>

#define MD5    "MD5"
#define SHA256 "SHA-256"
#define SHA512 "SHA-512-256"

static struct fake *f;

static const char conf[] = FAKE_UDP
	"[global]\ntype=global\ndefault_realm=here\n"
	"[alice]\ntype=auth\nusername=alice\npassword=secret\n"
	"[many]\ntype=auth\nusername=alice\npassword=secret\nsupported_algorithms_uas=MD5,SHA-256,SHA-512-256\n"
	"supported_algorithms_uac=MD5,SHA-256,SHA-512-256\n"
	"[there]\ntype=auth\nusername=bob\npassword=other\nrealm=there\n"
	"[short]\ntype=auth\nusername=alice\npassword=secret\nnonce_lifetime=10\n";

struct digest {
	const char *alg, *user, *realm, *password, *method, *uri, *nonce, *nc, *cnonce, *qop;
};

static void hash(const char *alg, char hex[129], const char *fmt, ...) PRINTF(3, 4);
static void hash(const char *alg, char hex[129], const char *fmt, ...)
{
	const EVP_MD *md = strcmp(alg, MD5) == 0      ? EVP_md5()
			   : strcmp(alg, SHA256) == 0 ? EVP_sha256()
						      : EVP_sha512_256();
	unsigned char sum[EVP_MAX_MD_SIZE];
	struct out o = out_fixed(hex, 129);
	unsigned n = 0;
	char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	assert_true(vasprintf(&text, fmt, ap) >= 0);
	va_end(ap);
	EVP_Digest(text, strlen(text), sum, &n, md, NULL);
	out_hex(&o, sum, n);
	out_char(&o, '\0');
	free(text);
}

static void response(const struct digest *d, char hex[129])
{
	char ha1[129], ha2[129];

	hash(d->alg, ha1, "%s:%s:%s", d->user, d->realm, d->password);
	hash(d->alg, ha2, "%s:%s", d->method, d->uri);
	if (d->qop)
		hash(d->alg, hex, "%s:%s:%s:%s:%s:%s", ha1, d->nonce, d->nc, d->cnonce, d->qop, ha2);
	else
		hash(d->alg, hex, "%s:%s:%s", ha1, d->nonce, ha2);
}

static void test_examples(void **state)
{
	static const struct {
		struct digest d;
		const char *want;
	} ex[] = {
		{ { MD5, "Mufasa", "testrealm@host.com", "Circle Of Life", "GET", "/dir/index.html",
		    "dcd98b7102dd2f0e8b11d0f600bfb0c093", "00000001", "0a4f113b", "auth" },
		  "6629fae49393a05397450978507c4ef1" }, /* RFC 2617 3.5 */
		{ { MD5, "Mufasa", "http-auth@example.org", "Circle of Life", "GET", "/dir/index.html",
		    "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", "00000001",
		    "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", "auth" },
		  "8ca523f5e9506fed4657c9700eebdbec" }, /* RFC 7616 3.9.1 */
		{ { SHA256, "Mufasa", "http-auth@example.org", "Circle of Life", "GET", "/dir/index.html",
		    "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", "00000001",
		    "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", "auth" },
		  "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1" },
	};

	char hex[129];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ex); i++) {
		response(&ex[i].d, hex);
		assert_string_equal(hex, ex[i].want);
	}
	hash(SHA512, hex, "J\xc3\xa4s\xc3\xb8n Doe:api@example.org"); /* 3.9.2, erratum 4897: the userhash */
	assert_string_equal(hex, "793263caabb707a56211940d90411ea4a575adeccb7e360aeb624ed06ece9b0b");
}

/* ---- we challenge ---- */

static char nonce[64];
static bool stale;
static unsigned branch;

static const struct conf_auth *auth(const char *name)
{
	const struct conf_auth *a = conf_auth(f->conf, span_of(name));

	assert_non_null(a);
	return a;
}

static struct span field(struct span header, const char *name)
{
	char start[32];
	long at, end;

	snprintf(start, sizeof start, "%s=\"", name);
	at = span_find(header, span_of(start));
	if (at < 0)
		return SPAN_NONE;
	header = span_from(header, (size_t)at + strlen(start));
	end = span_chr(header, '"');
	return span_sub(header, 0, (size_t)end);
}

static void register_with(const char *headers)
{
	branch++;
	fake_rx(f, PHONE,
		"REGISTER sip:192.0.2.1 SIP/2.0\nVia: SIP/2.0/UDP 10.0.0.7;branch=z9hG4bKr%u\nFrom: "
		"<sip:alice@b>;tag=1\n"
		"To: <sip:alice@b>\nCall-ID: c\nCSeq: %u REGISTER\n%s\n",
		branch, branch, headers);
}

/* Asks for a challenge by `a` (NULL: the stranger's) and keeps its nonce. */
static void challenge(const struct conf_auth *a, const char *headers)
{
	struct span h;

	register_with(headers);
	sip_digest_challenge(f->uas, a, a ? sip_digest_check(f->sip, f->request, a) == DIGEST_STALE : false);
	fake_expect(f, "401");
	h = sip_hdr_value(f->last, SIP_HDR_WWW_AUTHENTICATE);
	assert_true(span_copy(field(h, "nonce"), nonce, sizeof nonce));
	stale = span_has(h, "stale=true");
}

static char line[4096];

static const char *credentials(struct digest d)
{
	char hex[129];

	d.method = "REGISTER";
	d.uri = d.uri ? d.uri : "sip:192.0.2.1";
	response(&d, hex);
	snprintf(line, sizeof line,
		 "Authorization: Digest username=\"%s\", realm=\"%s\", nonce=\"%s\", uri=\"%s\", response=\"%s\", "
		 "algorithm=%s%s%s%s%s%s%s\n",
		 d.user, d.realm, d.nonce, d.uri, hex, d.alg, d.qop ? ", qop=" : "", d.qop ? d.qop : "",
		 d.qop ? ", nc=" : "", d.qop ? d.nc : "", d.qop ? ", cnonce=" : "", d.qop ? d.cnonce : "");
	return line;
}

static enum sip_digest_say check(const struct conf_auth *a, struct digest d)
{
	enum sip_digest_say say;

	register_with(credentials(d));
	say = sip_digest_check(f->sip, f->request, a);
	sip_reply(f->uas, 200, NULL, NULL, NULL);
	fake_expect(f, "200");
	return say;
}

static struct digest right(const char *alg, const char *nc)
{
	return (struct digest){ .alg = alg,
				.user = "alice",
				.realm = "here",
				.password = "secret",
				.nonce = nonce,
				.nc = nc,
				.cnonce = "abc",
				.qop = nc ? "auth" : NULL };
}

static void test_server(void **state)
{
	const struct conf_auth *a = auth("alice"), *many = auth("many");
	struct digest d;

	(void)state;
	register_with("");
	assert_int_equal(sip_digest_check(f->sip, f->request, a), DIGEST_NONE);
	sip_digest_challenge(f->uas, a, false);
	fake_expect(f, "401");
	assert_true(span_is(field(sip_hdr_value(f->last, SIP_HDR_WWW_AUTHENTICATE), "realm"), "here"));
	assert_true(span_has(sip_hdr_value(f->last, SIP_HDR_WWW_AUTHENTICATE), "algorithm=MD5"));
	challenge(a, "");
	assert_int_equal(check(a, right(MD5, "00000001")), DIGEST_OK);
	assert_int_equal(check(a, right(MD5, NULL)), DIGEST_OK);             /* RFC 2069 */
	assert_int_equal(check(a, right(SHA256, "00000002")), DIGEST_WRONG); /* not offered */
	assert_int_equal(check(many, right(SHA256, "00000002")), DIGEST_OK);
	assert_int_equal(check(many, right(SHA512, "00000003")), DIGEST_OK);
	d = right(MD5, "00000004");
	d.password = "Secret";
	assert_int_equal(check(a, d), DIGEST_WRONG);
	d = right(MD5, "00000004");
	d.user = "bob";
	assert_int_equal(check(a, d), DIGEST_WRONG);
	d = right(MD5, "00000004");
	d.realm = "there";
	assert_int_equal(check(a, d), DIGEST_NONE);
	d = right(MD5, "00000004");
	d.nonce = "0000000000000000ffffffffffffffff";
	assert_int_equal(check(a, d), DIGEST_STALE);
	d.nonce = "short";
	assert_int_equal(check(a, d), DIGEST_STALE);
	assert_int_equal(check(a, right("unheard-of", "00000004")), DIGEST_WRONG);
}

/* The hash of a method and a URI is kept for the next request. */
static void test_other_uris(void **state)
{
	const struct conf_auth *many = auth("many");
	char longest[900], middle[130];
	const char *uris[] = { "sip:192.0.2.1", "sip:192.0.2.2", "sip:192.0.2.1", middle, longest, "sip:192.0.2.1" };
	const char *algs[] = { MD5, SHA256 };
	char nc[9];

	(void)state;
	memset(middle, 'm', sizeof middle);
	memset(longest, 'l', sizeof longest);
	memcpy(middle, "sip:", 4);
	memcpy(longest, "sip:", 4);
	middle[sizeof middle - 1] = longest[sizeof longest - 1] = '\0';
	challenge(many, "");
	for (unsigned i = 0; i < 2 * ARRAY_LEN(uris); i++) {
		struct digest d;

		snprintf(nc, sizeof nc, "%08X", i + 1); /* letters of either case are digits */
		d = right(algs[i % 2], nc);
		d.uri = uris[i / 2];
		assert_int_equal(check(many, d), DIGEST_OK);
	}
	for (unsigned i = 0; i < ARRAY_LEN(uris); i++) {
		struct digest d = right(MD5, "00000fff");

		d.uri = uris[i];
		d.password = "Secret";
		assert_int_equal(check(many, d), DIGEST_WRONG);
	}
}

static void test_odd_counts(void **state)
{
	const struct conf_auth *a = auth("alice");
	const char *odd[] = { "0000000g", "000000001", "+0000001", "0x000001", "00000000" };
	char upper[64];
	struct digest d;

	(void)state;
	challenge(a, "");
	for (unsigned i = 0; i < ARRAY_LEN(odd); i++)
		assert_int_equal(check(a, right(MD5, odd[i])), DIGEST_STALE);
	memcpy(upper, nonce, sizeof upper);
	for (unsigned i = 0; upper[i]; i++)
		upper[i] = (char)(upper[i] >= 'a' && upper[i] <= 'f' ? upper[i] - 32 : upper[i]);
	d = right(MD5, "00000001");
	d.nonce = upper;
	assert_int_equal(check(a, d), strcmp(upper, nonce) == 0 ? DIGEST_OK : DIGEST_STALE);
	assert_int_equal(check(a, right(MD5, "00000002")), DIGEST_OK);
}

static void test_nonce_count(void **state)
{
	const struct conf_auth *a = auth("alice");

	(void)state;
	challenge(a, "");
	assert_int_equal(check(a, right(MD5, "00000001")), DIGEST_OK);
	assert_int_equal(check(a, right(MD5, "00000001")), DIGEST_STALE); /* replayed */
	assert_int_equal(check(a, right(MD5, "00000007")), DIGEST_OK);
	assert_int_equal(check(a, right(MD5, "00000006")), DIGEST_STALE);
	assert_int_equal(check(a, right(MD5, "")), DIGEST_STALE);
}

static void test_nonce_lifetime(void **state)
{
	const struct conf_auth *a = auth("short");
	struct digest d;

	(void)state;
	challenge(a, "");
	fake_run(f, 10000);
	assert_int_equal(check(a, right(MD5, "00000001")), DIGEST_OK);
	fake_run(f, 1000);
	assert_int_equal(check(a, right(MD5, "00000002")), DIGEST_STALE);
	d = right(MD5, "00000003");
	d.password = "no";
	assert_int_equal(check(a, d), DIGEST_WRONG); /* too old and wrong: wrong */
}

/* A nonce that nobody may use any more takes no room, and does not come back when nonces may live longer. */
static void test_forgotten_nonces(void **state)
{
	const struct conf_auth *a = auth("alice");
	struct digest d;

	(void)state;
	challenge(a, "");
	d = right(MD5, "00000001");
	assert_int_equal(check(a, d), DIGEST_OK);
	sip_rest(f->sip);
	assert_int_equal(f->sip->nonces.n, 1);
	fake_run(f, 33000); /* nonce_lifetime: 32 s */
	sip_rest(f->sip);
	assert_int_equal(f->sip->nonces.n, 0);
	assert_int_equal(check(a, d), DIGEST_STALE);
	d = right(MD5, "00000001");
	((struct conf_auth *)(uintptr_t)a)->nonce_lifetime = 3600;
	assert_int_equal(check(a, d), DIGEST_STALE); /* used before: forgotten, not forgiven */
	((struct conf_auth *)(uintptr_t)a)->nonce_lifetime = 32;
}

/* More nonces than are remembered, all of them within their lifetime: the oldest is forgotten, not forgiven. */
static void test_too_many_nonces(void **state)
{
	const struct conf_auth *a = auth("alice");
	char first[sizeof nonce];
	struct digest d;
	size_t n = 0;

	(void)state;
	assert_int_equal(f->sip->nonces_max, NONCES_MAX);
	f->sip->nonces_max = 100;
	challenge(a, "");
	memcpy(first, nonce, sizeof nonce);
	assert_int_equal(check(a, right(MD5, "00000001")), DIGEST_OK);
	fake_run(f, 1000);
	while (f->sip->nonces.n != n) { /* until it grows no more */
		n = f->sip->nonces.n;
		challenge(a, "");
		assert_int_equal(check(a, right(MD5, "00000001")), DIGEST_OK);
	}
	d = right(MD5, "00000001");
	assert_int_equal(check(a, right(MD5, "00000002")), DIGEST_OK);
	d.nonce = first;
	assert_int_equal(check(a, d), DIGEST_STALE);
}

static void test_prepared_hashes(void **state)
{
	char md5[129], sha[129];
	char *text;

	(void)state;
	hash(MD5, md5, "alice:here:secret");
	hash(SHA256, sha, "alice:here:secret");
	text = xasprintf("%s[md5]\ntype=auth\nauth_type=md5\nusername=alice\nmd5_cred=%s\n"
			 "[sha]\ntype=auth\nauth_type=digest\nusername=alice\npassword_digest=SHA-256:%s\n"
			 "supported_algorithms_uas=MD5,SHA-256\n",
			 conf, md5, sha);
	fake_conf(f, text, NULL);
	free(text);
	challenge(auth("md5"), "");
	assert_int_equal(check(auth("md5"), right(MD5, "00000001")), DIGEST_OK);
	challenge(auth("sha"), "");
	assert_false(span_has(sip_hdr_value(f->last, SIP_HDR_WWW_AUTHENTICATE), "MD5")); /* it could not be checked */
	assert_int_equal(check(auth("sha"), right(SHA256, "00000001")), DIGEST_OK);
	assert_int_equal(check(auth("sha"), right(MD5, "00000002")), DIGEST_WRONG);
}

/* What is kept of a password goes with its configuration. */
static void test_new_password(void **state)
{
	struct conf *before = conf_ref(f->conf);
	const struct conf_auth *old = auth("alice");
	struct digest d;

	(void)state;
	challenge(old, "");
	assert_int_equal(check(old, right(MD5, "00000001")), DIGEST_OK);
	fake_conf(f,
		  FAKE_UDP "[global]\ntype=global\ndefault_realm=here\n"
			   "[alice]\ntype=auth\nusername=alice\npassword=changed\n",
		  NULL);
	assert_int_equal(check(auth("alice"), right(MD5, "00000002")), DIGEST_WRONG);
	d = right(MD5, "00000002");
	d.password = "changed";
	assert_int_equal(check(auth("alice"), d), DIGEST_OK);
	assert_int_equal(check(old, right(MD5, "00000003")), DIGEST_OK); /* a call that began before */
	conf_unref(before);
}

/* The text that is hashed ends anywhere in a block. */
static void test_any_length(void **state)
{
	const struct conf_auth *a = auth("many");
	const char *algs[] = { MD5, SHA256 };
	char cnonce[600] = "", nc[9];
	unsigned n = 0;

	(void)state;
	challenge(a, "");
	for (size_t i = 0; i < 2 * sizeof cnonce - 2; i++) {
		struct digest d;

		if (i / 2 > 140 && i / 2 < 300)
			continue;
		memset(cnonce, 'c', i / 2 + 1);
		cnonce[i / 2 + 1] = '\0';
		snprintf(nc, sizeof nc, "%08x", ++n);
		d = right(algs[i % 2], nc);
		d.cnonce = cnonce;
		assert_int_equal(check(a, d), DIGEST_OK);
	}
}

/* The lines of a 401, without what is different each time. */
static char *shape(void)
{
	struct out o = out_growing();
	struct span h, n;

	for (unsigned i = 0; (h = sip_hdr_named(f->last, SPAN("WWW-Authenticate"), i)).p; i++) {
		n = field(h, "nonce");
		out_span(&o, span_sub(h, 0, (size_t)(n.p - h.p)));
		out_fmt(&o, "%zu", n.n);
		out_span(&o, span_from(h, (size_t)(n.p - h.p) + n.n));
	}
	return out_take(&o);
}

/* Somebody with a name we know and a wrong password, and somebody unknown, see the same. */
static void test_stranger(void **state)
{
	const struct conf_auth *a = auth("alice");
	struct digest d = right(MD5, "00000001");
	char *known, *stranger;

	(void)state;
	d.password = "guess";
	for (int round = 0; round < 3; round++) {
		const char *headers = "";

		if (round == 1)
			d.nonce = "ffffffffffffffffffffffffffffffff";
		if (round == 2)
			d.nonce = nonce; /* ours, of the round before */
		if (round)
			headers = credentials(d);
		challenge(a, headers);
		known = shape();
		challenge(NULL, headers);
		stranger = shape();
		assert_string_equal(known, stranger);
		assert_int_equal(stale, round == 1);
		free(known);
		free(stranger);
	}
}

static void test_several_algorithms(void **state)
{
	const char *want[] = { SHA512, SHA256, MD5 };

	(void)state;
	challenge(auth("many"), "");
	for (unsigned i = 0; i < 3; i++) { /* the strongest first (RFC 8760 2.3) */
		struct span h = sip_hdr_named(f->last, SPAN("WWW-Authenticate"), i);
		char text[32];

		snprintf(text, sizeof text, "algorithm=%s,", want[i]);
		assert_true(span_has(h, text));
	}
}

static void test_username(void **state)
{
	struct span realm = SPAN_NONE;

	(void)state;
	challenge(auth("alice"), "");
	register_with(credentials(right(MD5, "00000001")));
	assert_true(span_is(sip_digest_username(f->request, &realm), "alice"));
	assert_true(span_is(realm, "here"));
	sip_reply(f->uas, 200, NULL, NULL, NULL);
	register_with("Authorization: Basic YTpi\nAuthorization: Digest\nAuthorization: Digest =,=\"\n"
		      "Authorization: Digest username=\"x\nAuthorization: Digest a=\"\\\n");
	assert_int_equal(sip_digest_username(f->request, &realm).n, 0);
	assert_int_equal(sip_digest_check(f->sip, f->request, auth("alice")), DIGEST_NONE);
	sip_reply(f->uas, 200, NULL, NULL, NULL);
}

/* ---- we are challenged ---- */

static void ask_with(struct fake_call *c, const char *name)
{
	static const struct conf_auth *list[2];
	struct sip_ask a = { .auths = list, .n_auths = 1, .conf = f->conf };

	list[0] = auth(name);
	fake_ask(f, c, SIP_OPTIONS, "sip:bob@198.51.100.7:5062", &a);
}

static void expect_response(const char *header, struct digest d)
{
	struct span h = sip_hdr_named(f->last, span_of(header), 0);
	char cnonce[64], hex[129];

	assert_true(h.p);
	d.method = "OPTIONS";
	d.uri = "sip:bob@198.51.100.7:5062";
	span_copy(field(h, "cnonce"), cnonce, sizeof cnonce);
	d.cnonce = cnonce;
	response(&d, hex);
	if (!span_is(field(h, "response"), hex))
		fail_msg("%.*s: response is not %s", SP(h), hex);
	assert_true(span_is(field(h, "username"), d.user));
	assert_true(span_has(h, "nc=00000001") == (d.qop != NULL));
}

static void test_client(void **state)
{
	struct fake_call c = { 0 };
	uint32_t cseq;

	(void)state;
	ask_with(&c, "many");
	cseq = fake_expect(f, "OPTIONS")->cseq;
	fake_reply(f, f->last, 401, "x",
		   "WWW-Authenticate: Digest realm=\"r\",nonce=\"n1\",algorithm=SHA-512-256,qop=\"auth-int,auth\"\n"
		   "WWW-Authenticate: Digest realm=\"r\",nonce=\"n1\",algorithm=MD5,qop=\"auth\",opaque=\"o\"\n");
	assert_int_equal(c.finals, 0);
	fake_expect(f, "OPTIONS");
	assert_int_equal(f->last->cseq, cseq + 1);
	assert_false(sip_hdr_named(f->last, SPAN("Authorization"), 1).p);
	expect_response("Authorization", (struct digest){ .alg = SHA512,
							  .user = "alice",
							  .realm = "r",
							  .qop = "auth",
							  .password = "secret",
							  .nonce = "n1",
							  .nc = "00000001" });
	fake_reply(f, f->last, 401, "x", "WWW-Authenticate: Digest realm=\"r\",nonce=\"n2\",stale=TRUE\n");
	fake_expect(f, "OPTIONS"); /* stale: once more, with the new nonce */
	expect_response(
		"Authorization",
		(struct digest){ .alg = MD5, .user = "alice", .realm = "r", .nonce = "n2", .password = "secret" });
	fake_reply(f, f->last, 401, "x", "WWW-Authenticate: Digest realm=\"r\",nonce=\"n3\"\n");
	assert_int_equal(c.code, 401); /* told again that it is wrong: it is */
	fake_silence(f);
}

static void test_client_endless_stale(void **state)
{
	struct fake_call c = { 0 };

	(void)state;
	ask_with(&c, "alice");
	for (int i = 0; i < 4; i++)
		fake_reply(f, fake_expect(f, "OPTIONS"), 401, "x",
			   "WWW-Authenticate: Digest realm=\"r\",nonce=\"n\",stale=true\n");
	assert_int_equal(c.code, 401);
	fake_silence(f);
}

static void test_client_proxy(void **state)
{
	struct fake_call c = { 0 };

	(void)state;
	ask_with(&c, "alice");
	fake_reply(f, fake_expect(f, "OPTIONS"), 407, "x",
		   "Proxy-Authenticate: Digest realm=\"p\", nonce=\"n\", opaque=\"\"\n");
	fake_expect(f, "OPTIONS");
	expect_response(
		"Proxy-Authorization",
		(struct digest){ .alg = MD5, .user = "alice", .realm = "p", .nonce = "n", .password = "secret" });
	assert_true(span_has(sip_hdr_named(f->last, SPAN("Proxy-Authorization"), 0), "opaque=\"\""));
	fake_reply(f, f->last, 200, "x", "");
	assert_int_equal(c.code, 200);
}

static void test_client_refuses(void **state)
{
	static const char *const challenges[] = {
		"WWW-Authenticate: Basic realm=\"r\"\n",
		"WWW-Authenticate: Digest realm=\"elsewhere\",nonce=\"n\"\n", /* the auth object is for "there" */
		"WWW-Authenticate: Digest realm=\"there\",nonce=\"n\",algorithm=SHA-256\n", /* only MD5 is allowed */
		"WWW-Authenticate: Digest realm=\"there\"\n",
		"WWW-Authenticate: Digest realm=\"there\",nonce=\"n\",algorithm=new\n",
		"",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(challenges); i++) {
		struct fake_call c = { 0 };

		ask_with(&c, "there");
		fake_reply(f, fake_expect(f, "OPTIONS"), 401, "x", challenges[i]);
		assert_int_equal(c.code, 401);
		fake_silence(f);
	}
}

static int start(void **state)
{
	(void)state;
	f = fake_new(conf, NULL);
	branch = 0;
	return 0;
}

static int stop(void **state)
{
	(void)state;
	fake_free(f);
	return 0;
}

#define T(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_examples),
		T(test_server),
		T(test_other_uris),
		T(test_odd_counts),
		T(test_nonce_count),
		T(test_nonce_lifetime),
		T(test_forgotten_nonces),
		T(test_too_many_nonces),
		T(test_prepared_hashes),
		T(test_new_password),
		T(test_any_length),
		T(test_stranger),
		T(test_several_algorithms),
		T(test_username),
		T(test_client),
		T(test_client_endless_stale),
		T(test_client_proxy),
		T(test_client_refuses),
	};

	return cmocka_run_group_tests_name("sip digest", tests, NULL, NULL);
}
