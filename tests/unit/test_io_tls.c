/* tests/unit/test_io_tls.c: real handshakes on the loopback, with certificates that are made here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "io/io.h"

struct world {
	struct clock clock;
	struct io_loop *loop;
	struct net net;
	struct timer limit;
	bool late;
	struct flow in, failed; /* in: of the last bytes */
	char text[64];
	size_t bytes;
	unsigned inputs, accepts, connects, fails;
	int err;
};

static char dir[] = "/tmp/hairpin-tls-XXXXXX";

static void on_input(void *arg, const struct flow *f, struct span bytes)
{
	struct world *w = arg;

	w->in = *f;
	w->bytes += bytes.n;
	span_copy(span_sub(bytes, 0, MIN(bytes.n, sizeof w->text - 1)), w->text, sizeof w->text);
	w->inputs++;
	io_stop(w->loop);
}

static void on_accepted(void *arg, const struct flow *f)
{
	struct world *w = arg;

	assert_int_equal(f->proto, NET_TLS);
	w->accepts++;
	io_stop(w->loop);
}

static void on_connected(void *arg, uint32_t sock UNUSED, const struct addr *local UNUSED)
{
	struct world *w = arg;

	w->connects++;
	io_stop(w->loop);
}

static void on_failed(void *arg, const struct flow *f, int err)
{
	struct world *w = arg;

	w->failed = *f;
	w->err = err;
	w->fails++;
	io_stop(w->loop);
}

static void on_resolved(void *arg UNUSED, uint64_t q UNUSED, const struct dns_record *r UNUSED, size_t n UNUSED,
			int err UNUSED)
{
}

static void on_limit(struct timer *t, ms_t now UNUSED)
{
	struct world *w = container_of(t, struct world, limit);

	w->late = true;
	io_stop(w->loop);
}

/* Until *count has reached n; false: it has not within 15 s. */
static bool run_to(struct world *w, const unsigned *count, unsigned n)
{
	w->late = false;
	clock_in(&w->clock, &w->limit, 15000);
	while (*count < n && !w->late)
		io_run(w->loop);
	clock_stop(&w->clock, &w->limit);
	return *count >= n;
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof *w);
	struct net_sink sink = { w, on_input, on_accepted, on_connected, on_failed, on_resolved };

	signal(SIGPIPE, SIG_IGN);
	w->limit.fire = on_limit;
	w->loop = io_new(&w->clock);
	w->net = io_net(w->loop);
	io_set_sink(w->loop, &sink);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	io_free(&w->loop);
	free(w);
	return 0;
}

/* ---- certificates ---- */

struct party {
	EVP_PKEY *key;
	X509 *cert;
};

static char *path_of(const char *name)
{
	static char room[8][128];
	static unsigned at;
	char *p = room[at++ % 8];

	snprintf(p, sizeof room[0], "%s/%s", dir, name);
	return p;
}

static void add_ext(X509 *x, int nid, const char *value)
{
	X509V3_CTX cx;
	X509_EXTENSION *e;

	X509V3_set_ctx(&cx, x, x, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &cx, nid, value);
	assert_non_null(e);
	X509_add_ext(x, e, -1);
	X509_EXTENSION_free(e);
}

/* Signed by `by`, or by itself; valid from now on for so many seconds. Written to NAME.crt and NAME.key. */
static struct party make_party(const char *name, const char *alt, const struct party *by, long seconds)
{
	struct party p = { strcmp(name, "rsa") == 0 ? EVP_RSA_gen(3072) : EVP_EC_gen("P-256"), X509_new() };
	X509_NAME *subject = X509_get_subject_name(p.cert);
	char file[64];
	FILE *f;

	X509_set_version(p.cert, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(p.cert), (long)(uintptr_t)p.cert % 100000 + 1);
	X509_gmtime_adj(X509_getm_notBefore(p.cert), seconds < 0 ? 2 * seconds : -60);
	X509_gmtime_adj(X509_getm_notAfter(p.cert), seconds);
	X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(p.cert, by ? X509_get_subject_name(by->cert) : subject);
	X509_set_pubkey(p.cert, p.key);
	if (!by)
		add_ext(p.cert, NID_basic_constraints, "critical,CA:TRUE");
	if (alt)
		add_ext(p.cert, NID_subject_alt_name, alt);
	assert_true(X509_sign(p.cert, by ? by->key : p.key, EVP_sha256()) > 0);
	snprintf(file, sizeof file, "%s.crt", name);
	f = fopen(path_of(file), "w");
	PEM_write_X509(f, p.cert);
	fclose(f);
	snprintf(file, sizeof file, "%s.key", name);
	f = fopen(path_of(file), "w");
	PEM_write_PrivateKey(f, p.key, NULL, NULL, 0, NULL, NULL);
	fclose(f);
	return p;
}

static void party_free(struct party *p)
{
	EVP_PKEY_free(p->key);
	X509_free(p->cert);
}

static int make_certificates(void **state UNUSED)
{
	struct party ca, one[7];
	FILE *f;

	if (!mkdtemp(dir))
		return -1;
	ca = make_party("ca", NULL, NULL, 3600);
	one[0] = make_party("pbx", "DNS:pbx.example.com,IP:127.0.0.1", &ca, 3600);
	one[1] = make_party("wild", "DNS:*.example.com", &ca, 3600);
	one[2] = make_party("old", "DNS:pbx.example.com", &ca, -3600);
	one[3] = make_party("self", "DNS:pbx.example.com", NULL, 3600);
	one[4] = make_party("domain", "URI:sip:example.com", &ca, 3600);
	one[5] = make_party("phone", NULL, &ca, 3600);
	one[6] = make_party("rsa", NULL, &ca, 3600);
	f = fopen(path_of("locked.key"), "w");
	PEM_write_PrivateKey(f, one[0].key, EVP_aes_128_cbc(), (const unsigned char *)"sesame", 6, NULL, NULL);
	fclose(f);
	for (size_t i = 0; i < ARRAY_LEN(one); i++)
		party_free(&one[i]);
	party_free(&ca);
	return 0;
}

static int remove_certificates(void **state UNUSED)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.')
			unlink(path_of(e->d_name));
	if (d)
		closedir(d);
	return rmdir(dir);
}

/* ---- listeners ---- */

static struct net_tls keys_of(const char *name)
{
	static char cert[8][80], key[8][80];
	static unsigned at;
	unsigned i = at++ % 8;

	snprintf(cert[i], sizeof cert[i], "%s/%s.crt", dir, name);
	snprintf(key[i], sizeof key[i], "%s/%s.key", dir, name);
	return (struct net_tls){ .cert_file = cert[i], .priv_key_file = key[i] };
}

static uint32_t listen_with(struct world *w, const struct net_tls *t, struct addr *bound)
{
	char why[NET_WHY] = "";
	struct net_listen ask = { .proto = NET_TLS, .tls = t, .why = why };
	uint32_t id = 0;
	int err;

	assert_true(addr_parse(SPAN("127.0.0.1:0"), &ask.bind));
	err = w->net.listen(w->net.arg, &ask, &id, bound);
	assert_string_equal(why, "");
	assert_int_equal(err, 0);
	return id;
}

/* A client with these rules calls a server with these keys by this name. True: both hear each other. */
static bool fits(struct world *w, const struct net_tls *server, const struct net_tls *client, const char *name)
{
	struct addr at, unused;
	uint32_t s = listen_with(w, server, &at), c = listen_with(w, client, &unused);
	unsigned inputs = w->inputs, fails = w->fails;
	struct flow f;

	assert_int_equal(w->net.connect(w->net.arg, c, &at, span_of(name), &f), 0);
	assert_int_equal(f.proto, NET_TLS);
	assert_int_equal(w->net.send(w->net.arg, &f, SPAN("hello")), 0); /* before it stands */
	while (w->inputs == inputs && w->fails == fails)
		io_run(w->loop);
	if (w->inputs > inputs) {
		assert_string_equal(w->text, "hello");
		assert_int_equal(w->net.send(w->net.arg, &w->in, SPAN("and you")), 0);
		assert_true(run_to(w, &w->inputs, inputs + 2));
		assert_string_equal(w->text, "and you");
		assert_int_equal(w->in.sock, f.sock);
	}
	w->net.close(w->net.arg, c);
	w->net.close(w->net.arg, s);
	return w->inputs > inputs;
}

static void both_ways(void **state)
{
	struct world *w = *state;
	struct net_tls pbx = keys_of("pbx"), none = { 0 };

	assert_true(fits(w, &pbx, &none, "pbx.example.com"));
	assert_true(fits(w, &pbx, &none, "127.0.0.1"));
	assert_true(fits(w, &pbx, &pbx, ""));
}

static void servers_are_verified_when_it_is_asked_for(void **state)
{
	struct world *w = *state;
	struct net_tls pbx = keys_of("pbx"), self = keys_of("self"), old = keys_of("old"), wild = keys_of("wild"),
		       domain = keys_of("domain");
	struct net_tls client = { .ca_list_file = path_of("ca.crt"), .verify_server = true };

	assert_true(fits(w, &pbx, &client, "pbx.example.com"));
	assert_true(fits(w, &pbx, &client, "PBX.example.com"));
	assert_true(fits(w, &pbx, &client, "pbx.example.com."));
	assert_true(fits(w, &pbx, &client, "127.0.0.1"));
	assert_false(fits(w, &pbx, &client, "other.example.com"));
	assert_false(fits(w, &pbx, &client, "127.0.0.2"));
	assert_false(fits(w, &pbx, &client, ""));
	assert_false(fits(w, &self, &client, "pbx.example.com"));
	assert_false(fits(w, &old, &client, "pbx.example.com"));
	assert_true(fits(w, &domain, &client, "example.com"));
	assert_false(fits(w, &wild, &client, "pbx.example.com"));
	client.allow_wildcard_certs = true;
	assert_true(fits(w, &wild, &client, "pbx.example.com"));
	assert_false(fits(w, &wild, &client, "a.b.example.com"));
}

static void clients_are_verified_when_it_is_asked_for(void **state)
{
	struct world *w = *state;
	struct net_tls pbx = keys_of("pbx"), phone = keys_of("phone"), self = keys_of("self"), none = { 0 };

	pbx.require_client_cert = true; /* any */
	assert_true(fits(w, &pbx, &self, ""));
	assert_false(fits(w, &pbx, &none, ""));
	pbx.verify_client = true;
	pbx.ca_list_file = path_of("ca.crt");
	assert_true(fits(w, &pbx, &phone, ""));
	assert_false(fits(w, &pbx, &self, ""));
	assert_false(fits(w, &pbx, &none, ""));
	pbx.require_client_cert = false; /* none, or a good one */
	assert_true(fits(w, &pbx, &none, ""));
	assert_false(fits(w, &pbx, &self, ""));
}

/* Whom this system trusts may vouch for servers; never for phones. */
static void authorities_of_the_system(void **state)
{
	struct world *w = *state;
	struct net_tls pbx = keys_of("pbx"), phone = keys_of("phone"), self = keys_of("self");
	struct net_tls client = { .verify_server = true };

	setenv("SSL_CERT_FILE", path_of("ca.crt"), 1);
	assert_true(fits(w, &pbx, &client, "pbx.example.com"));
	client.verify_client = true;
	assert_true(fits(w, &pbx, &client, "pbx.example.com"));
	assert_false(fits(w, &self, &client, "pbx.example.com"));
	pbx.verify_client = true;
	assert_false(fits(w, &pbx, &phone, ""));
	pbx.verify_server = true;
	assert_false(fits(w, &pbx, &phone, ""));
	unsetenv("SSL_CERT_FILE");
}

static void versions_and_ciphers(void **state)
{
	struct world *w = *state;
	struct net_tls pbx = keys_of("pbx"), client = { 0 };

	pbx.oldest = NET_TLS_1_0;
	assert_true(fits(w, &pbx, &client, ""));
	client.oldest = NET_TLS_1_3;
	assert_true(fits(w, &pbx, &client, ""));
	pbx.cipher = "ECDHE-ECDSA-AES256-GCM-SHA384";
	client.oldest = NET_TLS_DEFAULT;
	assert_true(fits(w, &pbx, &client, ""));
}

/* ---- what is wrong is said ---- */

static void says(struct world *w, struct net_tls t, const char *what)
{
	char why[NET_WHY] = "";
	struct net_listen ask = { .proto = NET_TLS, .tls = &t, .why = why };
	struct addr bound;
	uint32_t id;

	assert_true(addr_parse(SPAN("127.0.0.1:0"), &ask.bind));
	assert_int_equal(w->net.listen(w->net.arg, &ask, &id, &bound), -EINVAL);
	if (!strstr(why, what))
		fail_msg("it says: %s", why);
}

static void files_that_are_wrong(void **state)
{
	struct world *w = *state;
	struct net_tls t = keys_of("pbx"), other = keys_of("wild");

	t.cert_file = "/nowhere/x.crt";
	says(w, t, "cert_file=/nowhere/x.crt cannot be read: No such file or directory");
	t = keys_of("pbx");
	t.cert_file = t.priv_key_file;
	says(w, t, "it is not there in PEM"); /* a key where a certificate should be */
	t = keys_of("pbx");
	t.priv_key_file = "/nowhere/x.key";
	says(w, t, "priv_key_file=/nowhere/x.key cannot be read: No such file or directory");
	t = keys_of("pbx");
	t.priv_key_file = NULL;
	says(w, t, "the key in cert_file=");
	t.priv_key_file = other.priv_key_file;
	says(w, t, "is not that of the certificate in");
	t = keys_of("pbx");
	t.priv_key_file = path_of("locked.key");
	says(w, t, "priv_key_file=");
	secret_set(&t.password, SPAN("sesame"));
	listen_with(w, &t, &(struct addr){ 0 });
	secret_wipe(&t.password);
	t = keys_of("pbx");
	t.ca_list_file = "/nowhere/ca.crt";
	says(w, t, "ca_list_file=/nowhere/ca.crt cannot be read");
	t = keys_of("pbx");
	t.ca_list_path = "/nowhere";
	says(w, t, "ca_list_path=/nowhere cannot be read");
	t = keys_of("pbx");
	t.cipher = "nonsense";
	says(w, t, "cipher=nonsense");
}

static void a_certificate_is_looked_at(void **state UNUSED)
{
	struct net_tls t = keys_of("old"), none = { 0 }, wrong = keys_of("absent");
	struct net_cert c;

	assert_int_equal(io_tls_look(&t, &c), 0);
	assert_true(c.known && c.until < (long long)time(NULL) && c.from < c.until);
	t = keys_of("pbx");
	assert_int_equal(io_tls_look(&t, &c), 0);
	assert_true(c.until > (long long)time(NULL) + 3000);
	assert_int_equal(io_tls_look(&none, &c), 0);
	assert_false(c.known);
	assert_int_equal(io_tls_look(&wrong, &c), -EINVAL);
	assert_non_null(strstr(c.why, "cannot be read"));
}

/* ---- reload ---- */

static void new_keys_for_new_connections(void **state)
{
	struct world *w = *state;
	struct net_tls self = keys_of("self"), pbx = keys_of("pbx"), absent = keys_of("absent");
	struct net_tls rules = { .ca_list_file = path_of("ca.crt"), .verify_server = true }, none = { 0 };
	struct addr at, unused;
	uint32_t s = listen_with(w, &self, &at), plain = listen_with(w, &none, &unused),
		 strict = listen_with(w, &rules, &unused);
	char why[NET_WHY] = "";
	struct flow old, f;

	assert_int_equal(w->net.connect(w->net.arg, plain, &at, SPAN_NONE, &old), 0);
	assert_true(run_to(w, &w->connects, 1));
	assert_int_equal(w->net.connect(w->net.arg, strict, &at, SPAN("pbx.example.com"), &f), 0);
	assert_true(run_to(w, &w->fails, 1)); /* the old certificate */
	assert_int_equal(w->net.renew(w->net.arg, s, &absent, why), -EINVAL);
	assert_non_null(strstr(why, "absent.crt cannot be read"));
	assert_int_equal(w->net.renew(w->net.arg, s, &pbx, why), 0);
	assert_int_equal(w->net.connect(w->net.arg, strict, &at, SPAN("pbx.example.com"), &f), 0);
	assert_true(run_to(w, &w->connects, 2));
	assert_int_equal(w->net.send(w->net.arg, &old, SPAN("still here")), 0);
	while (strcmp(w->text, "still here") != 0 && !w->late)
		io_run(w->loop);
	assert_string_equal(w->text, "still here");
}

/* ---- peers that do not play along ---- */

static int plain_socket(const struct addr *to)
{
	struct sockaddr_storage ss;
	socklen_t n = addr_to_sockaddr(to, &ss);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&ss, n), 0);
	return fd;
}

static void a_peer_that_speaks_no_tls(void **state)
{
	struct world *w = *state;
	struct net_tls pbx = keys_of("pbx");
	struct addr at;
	int fd;

	listen_with(w, &pbx, &at);
	fd = plain_socket(&at);
	assert_true(send(fd, "OPTIONS sip:a SIP/2.0\r\n\r\n", 25, 0) == 25);
	assert_true(run_to(w, &w->fails, 1));
	assert_int_equal(w->inputs, 0);
	assert_int_equal(w->accepts, 1);
	close(fd);
}

/* A client of OpenSSL on its own socket; the server has heard its hello. This thread is both ends. */
static SSL *stranger(struct world *w, SSL_CTX *ctx, const struct addr *at)
{
	SSL *ssl = SSL_new(ctx);
	int fd = plain_socket(at);
	struct timeval t = { 0, 200000 };
	unsigned accepts = w->accepts, inputs = w->inputs;

	SSL_set_fd(ssl, fd);
	assert_true(run_to(w, &w->accepts, accepts + 1));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
	for (int n = 0; n < 3 && SSL_connect(ssl) != 1; n++) {
		clock_in(&w->clock, &w->limit, 100);
		io_run(w->loop);
	}
	assert_int_equal(SSL_write(ssl, "hello", 5), 5);
	assert_true(run_to(w, &w->inputs, inputs + 1));
	return ssl;
}

static void stranger_goes(SSL *ssl)
{
	close(SSL_get_fd(ssl));
	SSL_free(ssl);
}

static void a_reader_that_sleeps_is_closed(void **state)
{
	struct world *w = *state;
	struct net_tls pbx = keys_of("pbx");
	static char big[64 << 10];
	struct addr at;
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *ssl;
	int err = 0;

	listen_with(w, &pbx, &at);
	ssl = stranger(w, ctx, &at);
	memset(big, 'x', sizeof big);
	for (int i = 0; i < 1000 && !err; i++)
		err = w->net.send(w->net.arg, &w->in, (struct span){ big, sizeof big });
	assert_int_equal(err, -ENOBUFS);
	assert_true(run_to(w, &w->fails, 1));
	assert_int_equal(w->err, -ENOBUFS);
	stranger_goes(ssl);
	SSL_CTX_free(ctx);
}

static void much_at_once(void **state)
{
	struct world *w = *state;
	struct net_tls pbx = keys_of("pbx"), none = { 0 };
	struct addr at, unused;
	uint32_t c = listen_with(w, &none, &unused);
	static char big[300000];
	struct flow f;

	listen_with(w, &pbx, &at);
	memset(big, 'x', sizeof big);
	assert_int_equal(w->net.connect(w->net.arg, c, &at, SPAN_NONE, &f), 0);
	assert_int_equal(w->net.send(w->net.arg, &f, (struct span){ big, sizeof big }), 0);
	while (w->bytes < sizeof big && !w->fails)
		io_run(w->loop);
	assert_int_equal(w->bytes, sizeof big);
	w->net.close(w->net.arg, f.sock);
	assert_true(run_to(w, &w->fails, 1));
	assert_int_equal(w->err, 0); /* it said goodbye */
}

/* More than half of the time may take: the rest waits, and all are served. */
static void many_at_once(void **state)
{
	struct world *w = *state;
	struct net_tls pbx = keys_of("pbx"), none = { 0 };
	struct addr at, unused;
	uint32_t c = listen_with(w, &none, &unused);
	struct flow f;

	listen_with(w, &pbx, &at);
	for (int i = 0; i < 300; i++)
		assert_int_equal(w->net.connect(w->net.arg, c, &at, SPAN_NONE, &f), 0);
	assert_true(run_to(w, &w->connects, 300));
	assert_int_equal(w->fails, 0);
}

/* How often others had their turn, and the longest time that they had to wait. */
struct pulse {
	struct timer t;
	struct world *w;
	uint64_t at, worst;
	unsigned beats, done;
	int fds[80]; /* done: all of them have something to read */
};

static uint64_t nanoseconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void on_pulse(struct timer *t, ms_t now UNUSED)
{
	struct pulse *p = container_of(t, struct pulse, t);
	uint64_t at = nanoseconds();
	size_t n = 0;
	char c;

	p->worst = MAX(p->worst, p->at ? at - p->at : 0);
	p->at = at;
	p->beats++;
	while (n < ARRAY_LEN(p->fds) && recv(p->fds[n], &c, 1, MSG_PEEK | MSG_DONTWAIT) == 1)
		n++;
	p->done = n == ARRAY_LEN(p->fds);
	if (p->done)
		io_stop(p->w->loop);
	else
		clock_in(&p->w->clock, t, 1);
}

/* Strangers who connect first and all begin at one moment: who is in a call is served between them. */
static void hellos_at_one_moment(void **state)
{
	struct world *w = *state;
	struct net_tls rsa = keys_of("rsa");
	struct pulse p = { .t.fire = on_pulse, .w = w };
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *ssl = SSL_new(ctx);
	char hello[1024];
	struct addr at;
	uint64_t began;
	int n;

	SSL_set_bio(ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
	SSL_connect(ssl);
	n = BIO_read(SSL_get_wbio(ssl), hello, sizeof hello);
	listen_with(w, &rsa, &at);
	for (size_t i = 0; i < ARRAY_LEN(p.fds); i++)
		p.fds[i] = plain_socket(&at);
	assert_true(run_to(w, &w->accepts, ARRAY_LEN(p.fds)));
	for (size_t i = 0; i < ARRAY_LEN(p.fds); i++)
		assert_int_equal(send(p.fds[i], hello, (size_t)n, 0), n);
	began = nanoseconds();
	clock_in(&w->clock, &p.t, 0);
	assert_true(run_to(w, &p.done, 1));
	assert_true(p.worst < (nanoseconds() - began) / 2);
	for (size_t i = 0; i < ARRAY_LEN(p.fds); i++)
		close(p.fds[i]);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
}

/* What TLS does by itself on a connection keeps nobody else from his turn, however much of it a peer asks for. */
static void new_keys_without_end(void **state)
{
	struct world *w = *state;
	struct net_tls pbx = keys_of("pbx");
	struct pulse p = { .t.fire = on_pulse, .w = w, .fds = { -1 } };
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	struct addr at;
	SSL *ssl;

	listen_with(w, &pbx, &at);
	ssl = stranger(w, ctx, &at);
	for (int i = 0; i < 5000; i++) {
		assert_int_equal(SSL_key_update(ssl, SSL_KEY_UPDATE_NOT_REQUESTED), 1);
		assert_int_equal(SSL_do_handshake(ssl), 1);
	}
	assert_int_equal(SSL_write(ssl, "bye", 3), 3);
	clock_in(&w->clock, &p.t, 0);
	assert_true(run_to(w, &w->inputs, 2));
	assert_string_equal(w->text, "bye");
	assert_true(p.beats > 5);
	clock_stop(&w->clock, &p.t);
	stranger_goes(ssl);
	SSL_CTX_free(ctx);
}

/* Finite fields of 8192 bits cost us a hundred times what a curve does. */
static void dear_groups_are_not_taken(void **state)
{
	static const struct {
		const char *group;
		bool ok;
	} cases[] = { { "X25519", true }, { "P-384", true }, { "ffdhe8192", false } };
	struct world *w = *state;
	struct net_tls pbx = keys_of("pbx");
	struct addr at;

	listen_with(w, &pbx, &at);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
		unsigned fails = w->fails;

		assert_int_equal(SSL_CTX_set1_groups_list(ctx, cases[i].group), 1);
		if (cases[i].ok) {
			stranger_goes(stranger(w, ctx, &at));
			assert_true(run_to(w, &w->fails, fails + 1));
		} else {
			SSL *ssl = SSL_new(ctx);

			SSL_set_fd(ssl, plain_socket(&at));
			assert_int_equal(fcntl(SSL_get_fd(ssl), F_SETFL, O_NONBLOCK), 0);
			assert_int_equal(SSL_connect(ssl), -1);
			assert_true(run_to(w, &w->fails, fails + 1));
			assert_int_equal(w->err, -EPROTO);
			stranger_goes(ssl);
		}
		SSL_CTX_free(ctx);
	}
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(both_ways),
		T(servers_are_verified_when_it_is_asked_for),
		T(clients_are_verified_when_it_is_asked_for),
		T(authorities_of_the_system),
		T(versions_and_ciphers),
		T(files_that_are_wrong),
		T(a_certificate_is_looked_at),
		T(new_keys_for_new_connections),
		T(a_peer_that_speaks_no_tls),
		T(a_reader_that_sleeps_is_closed),
		T(much_at_once),
		T(many_at_once),
		T(hellos_at_one_moment),
		T(new_keys_without_end),
		T(dear_groups_are_not_taken),
	};

	return cmocka_run_group_tests(tests, make_certificates, remove_certificates);
}
