#include "base/tls.h"

#include "base/credential.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define CERTIFICATES_MAX 64 /* in one credential; lists of revoked ones, too */
#define CA_SYSTEM "system"
#define SECURITY_LEVEL 2 /* 112 bits; OpenSSL, SSL_CTX_set_security_level(3) */

struct tls_context {
	SSL_CTX *ssl;
	bool server;
	char name[ADDRESS_HOST_BYTES]; /* that the peer must have; empty: any */
	bool name_is_ip;
};

struct tls {
	SSL *ssl;
	BIO *in, *out; /* owned by ssl */
	char why[TLS_WHY_BYTES];
};

__attribute__((format(printf, 3, 4))) static int
wrong(char *why, int rc, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(why, TLS_WHY_BYTES, fmt, ap); /* for people: may be cut */
	va_end(ap);
	return rc;
}

/* What OpenSSL has to say about the last failure, in words of its own. */
static const char *
reason(void)
{
	const char *text = ERR_reason_error_string(ERR_peek_last_error());

	return text == NULL ? "no reason given" : text;
}

/* ---- credentials ------------------------------------------------------------------------- */

/* A key of ours never asks for a passphrase: nobody could answer. */
static int
no_passphrase(char *buf, int bytes, int writing, void *user)
{
	(void)buf;
	(void)bytes;
	(void)writing;
	(void)user;
	return -1;
}

/* A credential as a BIO over *ret_secret, which outlives it. */
static int
open_credential(const char *credentials, const char *name, bool private_only,
		struct secret **ret_secret, BIO **ret_bio, char *why)
{
	struct secret *s = NULL;
	BIO *bio;
	int rc = credential_read(credentials, name, private_only, &s);

	if (rc == -ENOENT)
		return wrong(why, rc, "credential %s is missing: LoadCredential=%s:FILE",
			     name, name);
	if (rc < 0)
		return wrong(why, rc, "credential %s: %s", name, strerror(-rc));
	bio = BIO_new_mem_buf(secret_bytes(s), (int)secret_size(s));
	if (bio == NULL) {
		secret_free(s);
		return -ENOMEM;
	}
	*ret_secret = s;
	*ret_bio = bio;
	return 0;
}

/* Calls fn with each certificate of a credential, until one call fails. */
static int
each_certificate(const char *credentials, const char *name, char *why,
		 int (*fn)(SSL_CTX *ssl, X509 *x, int i), SSL_CTX *ssl)
{
	struct secret *s = NULL;
	BIO *bio = NULL;
	X509 *x;
	int i = 0, rc = open_credential(credentials, name, false, &s, &bio, why);

	if (rc < 0)
		return rc;
	while (rc == 0 && i < CERTIFICATES_MAX &&
	       (x = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL)) != NULL) {
		rc = fn(ssl, x, i++) == 1 ? 0 : -EKEYREJECTED;
		X509_free(x);
	}
	if (i == 0 || rc < 0)
		rc = wrong(why, -EKEYREJECTED,
			   "credential %s holds no usable "
			   "certificate (PEM)",
			   name);
	BIO_free(bio);
	secret_free(s);
	ERR_clear_error();
	return rc;
}

static int
trust(SSL_CTX *ssl, X509 *x, int i)
{
	(void)i;
	/* Clients are told whose certificates will do. */
	return X509_STORE_add_cert(SSL_CTX_get_cert_store(ssl), x) == 1 &&
	       SSL_CTX_add_client_CA(ssl, x) == 1;
}

static int
present(SSL_CTX *ssl, X509 *x, int i)
{
	return i == 0 ? SSL_CTX_use_certificate(ssl, x)
		      : SSL_CTX_add1_chain_cert(ssl, x) == 1;
}

static int
use_key(SSL_CTX *ssl, const char *credentials, const char *name, char *why)
{
	struct secret *s = NULL;
	BIO *bio = NULL;
	EVP_PKEY *key;
	int rc = open_credential(credentials, name, true, &s, &bio, why);

	if (rc < 0)
		return rc;
	key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
	if (key == NULL)
		rc = wrong(why, -EKEYREJECTED,
			   "credential %s holds no private key (PEM, "
			   "without a passphrase)",
			   name);
	else if (SSL_CTX_use_PrivateKey(ssl, key) != 1 ||
		 SSL_CTX_check_private_key(ssl) != 1)
		rc = wrong(why, -EKEYREJECTED,
			   "credential %s is not the key of the "
			   "certificate: %s",
			   name, reason());
	EVP_PKEY_free(key);
	BIO_free(bio);
	secret_free(s);
	ERR_clear_error();
	return rc;
}

/*
 * The lists of revoked certificates. From then on each certificate of a peer's chain wants a list of its
 * issuer that is in date: without one nobody knows.
 */
static int
use_crls(SSL_CTX *ssl, const char *credentials, const char *name, char *why)
{
	X509_STORE *store = SSL_CTX_get_cert_store(ssl);
	struct secret *s = NULL;
	BIO *bio = NULL;
	X509_CRL *crl;
	int i = 0, rc = open_credential(credentials, name, false, &s, &bio, why);

	if (rc < 0)
		return rc;
	while (rc == 0 && i < CERTIFICATES_MAX &&
	       (crl = PEM_read_bio_X509_CRL(bio, NULL, no_passphrase, NULL)) != NULL) {
		rc = X509_STORE_add_crl(store, crl) == 1 ? 0 : -EKEYREJECTED;
		X509_CRL_free(crl);
		i++;
	}
	/* One that cannot be read may be the newer one of an authority that has an older one here. */
	if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
		rc = -EKEYREJECTED;
	if (rc == 0 && i > 0)
		rc = X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK |
							 X509_V_FLAG_CRL_CHECK_ALL) == 1
			     ? 0
			     : -EKEYREJECTED;
	if (i == 0 || rc < 0)
		rc = wrong(why, -EKEYREJECTED,
			   "credential %s holds no usable list of revoked certificates "
			   "(PEM)",
			   name);
	BIO_free(bio);
	secret_free(s);
	ERR_clear_error();
	return rc;
}

static int
load(struct tls_context *c, const char *credentials, const struct address *a, char *why)
{
	int rc = 0;

	if (strcmp(a->ca, CA_SYSTEM) == 0)
		rc = SSL_CTX_set_default_verify_paths(c->ssl) == 1 ? 0 : -ENOENT;
	else if (a->ca[0] != '\0')
		rc = each_certificate(credentials, a->ca, why, trust, c->ssl);
	if (rc == 0 && a->crl[0] != '\0')
		rc = use_crls(c->ssl, credentials, a->crl, why);
	if (rc == 0 && a->cert[0] != '\0')
		rc = each_certificate(credentials, a->cert, why, present, c->ssl);
	if (rc == 0 && a->key[0] != '\0')
		rc = use_key(c->ssl, credentials, a->key, why);
	return rc;
}

/* ---- rules ------------------------------------------------------------------------------- */

static void
set_rules(SSL_CTX *ssl, bool any_client)
{
	SSL_CTX_set_security_level(ssl, SECURITY_LEVEL);
	(void)SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION); /* a known version */
	/* Nothing is kept between connections: each one is checked anew. */
	SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
	(void)SSL_CTX_set_num_tickets(ssl, 0); /* cannot fail */
	SSL_CTX_set_options(ssl, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION |
					 SSL_OP_NO_COMPRESSION |
					 SSL_OP_CLEANSE_PLAINTEXT);
	SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_verify(ssl,
			   any_client ? SSL_VERIFY_NONE
				      : SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
			   NULL);
}

int
tls_context_new(const char *credentials, const struct address *a, bool server,
		struct tls_context **ret_context, char why[TLS_WHY_BYTES])
{
	struct tls_context *c = calloc(1, sizeof(*c));
	ASN1_OCTET_STRING *ip;
	int rc = -ENOMEM;

	assert(a->kind == ADDRESS_TLS);
	why[0] = '\0';
	if (c == NULL)
		return rc;
	c->server = server;
	/* A client wants the name that it connects to, unless the address says another. */
	(void)str_copy(
		c->name, sizeof(c->name),
		str_of(a->name[0] != '\0' || server ? a->name : a->host)); /* fits */
	ip = a2i_IPADDRESS(c->name);
	c->name_is_ip = ip != NULL;
	ASN1_OCTET_STRING_free(ip);
	c->ssl = SSL_CTX_new(server ? TLS_server_method() : TLS_client_method());
	if (c->ssl != NULL) {
		set_rules(c->ssl, server && a->any_client);
		rc = load(c, credentials, a, why);
	}
	ERR_clear_error();
	if (rc < 0) {
		tls_context_free(c);
		return rc;
	}
	*ret_context = c;
	return 0;
}

struct tls_context *
tls_context_free(struct tls_context *c)
{
	if (c == NULL)
		return NULL;
	SSL_CTX_free(c->ssl);
	free(c);
	return NULL;
}

/* ---- a connection ------------------------------------------------------------------------ */

static bool
set_name(SSL *ssl, const struct tls_context *c)
{
	char name
		[ADDRESS_HOST_BYTES]; /* OpenSSL's macro wants one that it could change */

	if (c->name[0] == '\0')
		return true;
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	memcpy(name, c->name, sizeof(name));
	if (c->name_is_ip)
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), c->name) == 1;
	return SSL_set1_host(ssl, c->name) == 1 &&
	       (c->server || SSL_set_tlsext_host_name(ssl, name) == 1);
}

int
tls_new(struct tls_context *c, struct tls **ret_tls)
{
	struct tls *t = calloc(1, sizeof(*t));
	BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());

	if (t != NULL)
		t->ssl = SSL_new(c->ssl);
	if (t == NULL || in == NULL || out == NULL || t->ssl == NULL ||
	    !set_name(t->ssl, c)) {
		BIO_free(in);
		BIO_free(out);
		tls_free(t);
		ERR_clear_error();
		return -ENOMEM;
	}
	/* Empty is "later", not the end. */
	BIO_set_mem_eof_return(in, -1);
	BIO_set_mem_eof_return(out, -1);
	SSL_set_bio(t->ssl, in, out); /* takes both */
	t->in = in;
	t->out = out;
	if (c->server)
		SSL_set_accept_state(t->ssl);
	else
		SSL_set_connect_state(t->ssl);
	*ret_tls = t;
	return 0;
}

struct tls *
tls_free(struct tls *t)
{
	if (t == NULL)
		return NULL;
	SSL_free(t->ssl);
	free(t);
	return NULL;
}

int
tls_take(struct tls *t, const uint8_t *data, size_t n)
{
	size_t done = 0;

	if (n == 0)
		return 0;
	return BIO_write_ex(t->in, data, n, &done) == 1 && done == n ? 0 : -ENOMEM;
}

size_t
tls_pending(struct tls *t, const uint8_t **ret_data)
{
	char *data = NULL;
	long n = BIO_get_mem_data(t->out, &data);

	*ret_data = (const uint8_t *)data;
	return n > 0 ? (size_t)n : 0;
}

void
tls_sent(struct tls *t, size_t n)
{
	uint8_t gone[4096];

	while (n > 0) {
		int more = BIO_read(t->out, gone,
				    n < sizeof(gone) ? (int)n : (int)sizeof(gone));

		assert(more > 0); /* the caller counts only what was pending */
		n -= (size_t)more;
	}
}

/* What a call of OpenSSL that returned rc <= 0 means. */
static int
explain(struct tls *t, int rc)
{
	long verified = SSL_get_verify_result(t->ssl);
	int error = SSL_get_error(t->ssl, rc);

	if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
		return -EAGAIN;
	if (verified != X509_V_OK && !SSL_is_init_finished(t->ssl))
		rc = wrong(t->why, -EKEYREJECTED, "the peer's certificate: %s",
			   X509_verify_cert_error_string(verified));
	else
		rc = wrong(t->why, -EPROTO, "TLS: %s", reason());
	ERR_clear_error();
	return rc;
}

int
tls_handshake(struct tls *t)
{
	int rc;

	ERR_clear_error();
	rc = SSL_do_handshake(t->ssl);
	return rc == 1 ? 0 : explain(t, rc);
}

ssize_t
tls_read(struct tls *t, uint8_t *buf, size_t n)
{
	size_t got = 0;
	int rc;

	ERR_clear_error();
	rc = SSL_read_ex(t->ssl, buf, n, &got);
	if (rc == 1)
		return (ssize_t)got;
	if (SSL_get_error(t->ssl, rc) == SSL_ERROR_ZERO_RETURN)
		return 0;
	return explain(t, rc);
}

int
tls_write(struct tls *t, const uint8_t *data, size_t n)
{
	size_t done = 0;
	int rc;

	ERR_clear_error();
	rc = SSL_write_ex(t->ssl, data, n, &done);
	if (rc == 1)
		return done == n ? 0 : -EPROTO; /* memory takes all or fails */
	rc = explain(t, rc);
	return rc == -EAGAIN ? -EPROTO : rc;
}

void
tls_end(struct tls *t)
{
	ERR_clear_error();
	(void)SSL_shutdown(
		t->ssl); /* what it says goes out; the answer is not waited for */
	ERR_clear_error();
}

const char *
tls_why(const struct tls *t)
{
	return t->why;
}
