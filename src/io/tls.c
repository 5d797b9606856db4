/*
 * io/tls.c: TLS on the connections of io/tcp.c, by OpenSSL: keys and rules of a listener, handshakes, bytes.
 *
 * A connection keeps the keys that it began with; a listener gets new ones at a reload. Nothing blocks: the socket is
 * non-blocking, and what a step waits for is said to tcp.c. Sessions are not resumed, and never negotiated again: a
 * phone stays connected for days, and what a peer can make us keep or compute has an end. Signalling thread only, but
 * for io_tls_look().
 */
#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "io/priv.h"

#define CHAIN_MOST 65536                           /* bytes of certificates that a peer may show */
#define GROUPS     "X25519:P-256:X448:P-384:P-521" /* without finite fields: a stranger would choose the dearest */

struct tls {
	SSL_CTX *ctx;
	X509_STORE *servers; /* who may vouch for those that we call; NULL: as ctx has it */
	bool verify_client, require_client_cert, verify_server, wildcards;
};

struct tls_conn {
	SSL *ssl;
	bool verify, wildcards; /* the peer's name, after the handshake */
	char *name;             /* who is meant; outgoing */
	bool broken;            /* nothing more may be said */
};

/* ---- keys and rules ---- */

static int wrong(char *why, const char *fmt, ...) PRINTF(2, 3);
static int wrong(char *why, const char *fmt, ...)
{
	struct out o = out_fixed(why, NET_WHY);
	va_list ap;

	va_start(ap, fmt);
	if (why) {
		out_vfmt(&o, fmt, ap);
		out_char(&o, '\0');
		why[NET_WHY - 1] = '\0';
	}
	va_end(ap);
	ERR_clear_error();
	return -EINVAL;
}

/* What OpenSSL says of the last call: its first complaint is the cause of the others. */
static const char *reason(void)
{
	unsigned long e = ERR_peek_error();
	const char *text = e ? ERR_reason_error_string(e) : NULL;

	if (ERR_GET_LIB(e) == ERR_LIB_PEM && ERR_GET_REASON(e) == PEM_R_NO_START_LINE)
		return "it is not there in PEM";
	return text ? text : e && ERR_SYSTEM_ERROR(e) ? strerror(ERR_GET_REASON(e)) : "not understood";
}

static int say_password(char *room, int size, int writing UNUSED, void *arg)
{
	const struct secret *s = arg;
	size_t n = s ? s->n : 0;

	if (n > (size_t)size)
		return 0;
	if (n)
		memcpy(room, s->p, n);
	return (int)n;
}

/* Reads what the option names with one of OpenSSL's functions; 0 or -EINVAL and the phrase. */
static int read_file(const char *option, const char *path, bool ok, char *why)
{
	if (ok)
		return 0;
	if (access(path, R_OK) < 0)
		return wrong(why, "%s=%s cannot be read: %s", option, path, strerror(errno));
	return wrong(why, "%s=%s: %s", option, path, reason());
}

static bool is_set(const char *text)
{
	return text && *text;
}

static int take_cert(SSL_CTX *ctx, const struct net_tls *t, char *why)
{
	const char *key = is_set(t->priv_key_file) ? t->priv_key_file : t->cert_file;
	int err;

	if (!is_set(t->cert_file))
		return is_set(t->priv_key_file) ? wrong(why, "priv_key_file without cert_file") : 0;
	err = read_file("cert_file", t->cert_file, SSL_CTX_use_certificate_chain_file(ctx, t->cert_file) == 1, why);
	if (err)
		return err;
	SSL_CTX_set_default_passwd_cb_userdata(ctx, (void *)&t->password);
	if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1) {
		if (ERR_GET_REASON(ERR_peek_last_error()) == X509_R_KEY_VALUES_MISMATCH)
			err = wrong(why, "the key in %s is not that of the certificate in %s", key, t->cert_file);
		else
			err = read_file(is_set(t->priv_key_file) ? "priv_key_file" : "the key in cert_file", key, false,
					why);
	} else if (SSL_CTX_check_private_key(ctx) != 1) {
		err = wrong(why, "the key in %s is not that of the certificate in %s", key, t->cert_file);
	}
	SSL_CTX_set_default_passwd_cb_userdata(ctx, NULL);
	return err;
}

/* Whom we believe: what is written; else, for servers that we call, whom this system believes. */
static int take_authorities(struct tls *k, const struct net_tls *t, char *why)
{
	SSL_CTX *ctx = k->ctx;
	int err = 0;

	if (is_set(t->ca_list_file)) {
		err = read_file("ca_list_file", t->ca_list_file, SSL_CTX_load_verify_file(ctx, t->ca_list_file) == 1,
				why);
		if (!err && t->verify_client)
			SSL_CTX_set_client_CA_list(ctx, SSL_load_client_CA_file(t->ca_list_file));
	}
	if (!err && is_set(t->ca_list_path))
		err = access(t->ca_list_path, R_OK | X_OK) < 0
			      ? wrong(why, "ca_list_path=%s cannot be read: %s", t->ca_list_path, strerror(errno))
			      : read_file("ca_list_path", t->ca_list_path,
					  SSL_CTX_load_verify_dir(ctx, t->ca_list_path) == 1, why);
	if (!err && !is_set(t->ca_list_file) && !is_set(t->ca_list_path) && t->verify_server) {
		k->servers = X509_STORE_new();
		X509_STORE_set_default_paths(k->servers);
	}
	return err;
}

static void set_rules(SSL_CTX *ctx, const struct net_tls *t)
{
	static const int versions[] = { TLS1_2_VERSION, TLS1_VERSION, TLS1_1_VERSION, TLS1_2_VERSION, TLS1_3_VERSION };

	SSL_CTX_set_min_proto_version(ctx, versions[MIN((size_t)t->oldest, ARRAY_LEN(versions) - 1)]);
	if (t->oldest == NET_TLS_1_0 ||
	    t->oldest == NET_TLS_1_1) /* their signatures are below the library's own limit */
		SSL_CTX_set_security_level(ctx, 0);
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET |
					 SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_num_tickets(ctx, 0);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
				      SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_clear_mode(ctx,
			   SSL_MODE_AUTO_RETRY); /* a read is one record: new keys without end keep nobody waiting */
	SSL_CTX_set_max_cert_list(ctx, CHAIN_MOST);
	BUG_ON(SSL_CTX_set1_groups_list(ctx, GROUPS) != 1);
	SSL_CTX_set_dh_auto(ctx, 1);
	SSL_CTX_set_default_passwd_cb(ctx, say_password); /* without one it would ask at the terminal */
}

int tls_load(const struct net_tls *t, char *why, struct tls **out)
{
	struct tls *k = xcalloc(1, sizeof *k);
	int err = 0;

	ERR_clear_error();
	k->ctx = SSL_CTX_new(TLS_method());
	BUG_ON(!k->ctx);
	set_rules(k->ctx, t);
	if (is_set(t->cipher) && SSL_CTX_set_cipher_list(k->ctx, t->cipher) != 1)
		err = wrong(why, "cipher=%s: none of these is known", t->cipher);
	if (!err)
		err = take_cert(k->ctx, t, why);
	if (!err)
		err = take_authorities(k, t, why);
	k->verify_client = t->verify_client;
	k->require_client_cert = t->require_client_cert;
	k->verify_server = t->verify_server;
	k->wildcards = t->allow_wildcard_certs;
	ERR_clear_error();
	if (err)
		tls_free(&k);
	*out = k;
	return err;
}

void tls_free(struct tls **k)
{
	if (!*k)
		return;
	X509_STORE_free((*k)->servers);
	SSL_CTX_free((*k)->ctx);
	free(*k);
	*k = NULL;
}

static long long unix_time(const ASN1_TIME *t)
{
	struct tm tm = { 0 };

	return ASN1_TIME_to_tm(t, &tm) == 1 ? (long long)timegm(&tm) : 0;
}

int io_tls_look(const struct net_tls *t, struct net_cert *c)
{
	struct tls *k;
	X509 *x;
	int err = tls_load(t, c->why, &k);

	c->known = false;
	if (err)
		return err;
	x = SSL_CTX_get0_certificate(k->ctx);
	if (x) {
		c->known = true;
		c->from = unix_time(X509_get0_notBefore(x));
		c->until = unix_time(X509_get0_notAfter(x));
	}
	tls_free(&k);
	return 0;
}

/* ---- connections ---- */

static int believe(int ok UNUSED, X509_STORE_CTX *x UNUSED)
{
	return 1;
}

static bool is_address(const char *name)
{
	uint8_t ip[16];

	return inet_pton(AF_INET, name, ip) == 1 || inet_pton(AF_INET6, name, ip) == 1;
}

struct tls_conn *tls_begin(const struct tls *k, int fd, bool incoming, struct span name)
{
	struct tls_conn *c = xcalloc(1, sizeof *c);

	c->ssl = SSL_new(k->ctx);
	BUG_ON(!c->ssl || SSL_set_fd(c->ssl, fd) != 1);
	if (incoming) {
		if (k->verify_client || k->require_client_cert)
			SSL_set_verify(c->ssl,
				       SSL_VERIFY_PEER | (k->require_client_cert ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
				       k->verify_client ? NULL : believe);
		SSL_set_accept_state(c->ssl);
		return c;
	}
	if (name.n > 1 && name.p[0] == '[') /* an IPv6 address as URIs have it */
		name = span_sub(name, 1, name.n - 2);
	if (name.n > 1 && name.p[name.n - 1] == '.') /* certificates and SNI have names without it (RFC 6066 3) */
		name.n--;
	c->name = span_dup(name);
	if (k->servers)
		SSL_set1_verify_cert_store(c->ssl, k->servers);
	c->verify = k->verify_server;
	c->wildcards = k->wildcards;
	if (name.n && !is_address(c->name))
		SSL_set_tlsext_host_name(c->ssl, c->name);
	SSL_set_verify(c->ssl, k->verify_server ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
	SSL_set_connect_state(c->ssl);
	return c;
}

/* RFC 5922 7.1: a certificate may name a domain as sip:domain. */
static bool has_sip_uri(X509 *x, const char *name)
{
	GENERAL_NAMES *all = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
	bool found = false;

	for (int i = 0; all && i < sk_GENERAL_NAME_num(all); i++) {
		const GENERAL_NAME *g = sk_GENERAL_NAME_value(all, i);
		struct span uri;

		if (g->type != GEN_URI)
			continue;
		uri = (struct span){ (const char *)ASN1_STRING_get0_data(g->d.uniformResourceIdentifier),
				     (size_t)ASN1_STRING_length(g->d.uniformResourceIdentifier) };
		found |= span_istarts(uri, SPAN("sip:")) && span_ieq(span_from(uri, 4), span_of(name));
	}
	GENERAL_NAMES_free(all);
	return found;
}

static bool fits(const struct tls_conn *c)
{
	X509 *x = SSL_get0_peer_certificate(c->ssl);

	if (!x || !*c->name)
		return false;
	if (is_address(c->name))
		return X509_check_ip_asc(x, c->name, 0) == 1;
	return X509_check_host(x, c->name, 0, c->wildcards ? 0 : X509_CHECK_FLAG_NO_WILDCARDS, NULL) == 1 ||
	       has_sip_uri(x, c->name);
}

/* What a call of OpenSSL that did not succeed means: -EAGAIN, or -errno and nothing more may be said. */
static int failure(struct tls_conn *c, int r, int was_errno)
{
	int e = SSL_get_error(c->ssl, r);

	if (e == SSL_ERROR_WANT_READ || e == SSL_ERROR_WANT_WRITE)
		return -EAGAIN;
	c->broken = e != SSL_ERROR_ZERO_RETURN;
	if (e == SSL_ERROR_ZERO_RETURN)
		return 0;
	return e == SSL_ERROR_SYSCALL && was_errno ? -was_errno : -EPROTO;
}

int tls_shake(struct tls_conn *c, char *why)
{
	int r, err;
	long verdict;

	ERR_clear_error();
	errno = 0;
	r = SSL_do_handshake(c->ssl);
	if (r == 1 && (!c->verify || fits(c)))
		return 0;
	if (r == 1) {
		wrong(why, "its certificate is not that of %s", *c->name ? c->name : "the address that was asked for");
		return -EPROTO;
	}
	err = failure(c, r, errno);
	if (err == -EAGAIN)
		return err;
	verdict = SSL_get_verify_result(c->ssl);
	if (verdict != X509_V_OK)
		wrong(why, "its certificate: %s", X509_verify_cert_error_string(verdict));
	else if (ERR_peek_last_error())
		wrong(why, "%s", reason());
	else
		wrong(why, "%s", err && err != -EPROTO ? strerror(-err) : "it went away");
	return err ? err : -EPROTO;
}

bool tls_wants_to_write(const struct tls_conn *c)
{
	return SSL_want_write(c->ssl);
}

static ssize_t result(struct tls_conn *c, int r, int was_errno)
{
	int err;

	if (r > 0)
		return r;
	err = failure(c, r, was_errno);
	ERR_clear_error();
	errno = -err;
	return err ? -1 : 0;
}

ssize_t tls_read(struct tls_conn *c, char *room, size_t n)
{
	int r;

	ERR_clear_error();
	errno = 0;
	r = SSL_read(c->ssl, room, (int)MIN(n, (size_t)INT_MAX));
	return result(c, r, errno);
}

ssize_t tls_write(struct tls_conn *c, const char *bytes, size_t n)
{
	ssize_t done;
	int r;

	ERR_clear_error();
	errno = 0;
	r = SSL_write(c->ssl, bytes, (int)MIN(n, (size_t)INT_MAX));
	done = result(c, r, errno);
	if (!done) /* the peer has ended it */
		errno = EPIPE;
	return done ? done : -1;
}

void tls_end(struct tls_conn **c)
{
	if (!*c)
		return;
	if (!(*c)->broken && SSL_is_init_finished((*c)->ssl))
		SSL_shutdown((*c)->ssl);
	ERR_clear_error();
	SSL_free((*c)->ssl);
	free((*c)->name);
	free(*c);
	*c = NULL;
}
