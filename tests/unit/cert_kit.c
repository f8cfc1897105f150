/* Certificates that are made at run time, for the tests of TLS. */
#include "cert_kit.h"

#include "tempdir.h"
#include "unit.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define DAY_S 86400

/* Where they are made. */
static const char *dir;

struct authority {
	EVP_PKEY *key;
	X509 *cert;
};

/* ---- certificates ------------------------------------------------------------------------ */

static void
save(const char *name, X509 *x, EVP_PKEY *key)
{
	FILE *f = fopen(tempdir_path(dir, name), "w");

	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(fchmod(fileno(f), 0600), 0);
	if (x != NULL)
		ck_assert_int_eq(PEM_write_X509(f, x), 1);
	if (key != NULL)
		ck_assert_int_eq(PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL),
				 1);
	ck_assert_int_eq(fclose(f), 0);
}

static void
extend(X509 *x, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *e;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	ck_assert_ptr_nonnull(e);
	ck_assert_int_eq(X509_add_ext(x, e, -1), 1);
	X509_EXTENSION_free(e);
}

/* A certificate over key, by an authority; by NULL: its own. alt: "DNS:x,IP:y". */
static X509 *
certify(EVP_PKEY *key, const char *name, const char *alt, const struct authority *by,
	long from_s, long until_s)
{
	static long serial = 1;
	X509 *x = X509_new();
	X509_NAME *n = X509_get_subject_name(x);

	ck_assert_int_eq(X509_set_version(x, X509_VERSION_3), 1);
	ck_assert_int_eq(ASN1_INTEGER_set(X509_get_serialNumber(x), serial++), 1);
	ck_assert_ptr_nonnull(X509_gmtime_adj(X509_getm_notBefore(x), from_s));
	ck_assert_ptr_nonnull(X509_gmtime_adj(X509_getm_notAfter(x), until_s));
	ck_assert_int_eq(X509_NAME_add_entry_by_txt(n, "CN", MBSTRING_ASC,
						    (const unsigned char *)name, -1, -1,
						    0),
			 1);
	ck_assert_int_eq(
		X509_set_issuer_name(x, by == NULL ? n : X509_get_subject_name(by->cert)),
		1);
	ck_assert_int_eq(X509_set_pubkey(x, key), 1);
	extend(x, by == NULL ? x : by->cert, NID_basic_constraints,
	       by == NULL ? "critical,CA:TRUE" : "CA:FALSE");
	if (alt != NULL)
		extend(x, by == NULL ? x : by->cert, NID_subject_alt_name, alt);
	ck_assert_int_gt(X509_sign(x, by == NULL ? key : by->key, EVP_sha256()), 0);
	return x;
}

static EVP_PKEY *
new_key(void)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");

	ck_assert_ptr_nonnull(key);
	return key;
}

/* Certificate and key as credentials NAME.crt and NAME.key. */
static void
issue(const char *name, const char *alt, const struct authority *by, long from_s,
      long until_s)
{
	EVP_PKEY *key = new_key();
	X509 *x = certify(key, "any", alt, by, from_s, until_s);
	char file[64];

	(void)snprintf(file, sizeof(file), "%s.crt", name);
	save(file, x, NULL);
	(void)snprintf(file, sizeof(file), "%s.key", name);
	save(file, NULL, key);
	X509_free(x);
	EVP_PKEY_free(key);
}

void
cert_kit_make(const char *folder)
{
	struct authority ours = { new_key(), NULL }, other = { new_key(), NULL };

	dir = folder;
	ours.cert = certify(ours.key, "our CA", NULL, NULL, -DAY_S, DAY_S);
	other.cert = certify(other.key, "another CA", NULL, NULL, -DAY_S, DAY_S);
	save("ca", ours.cert, NULL);
	save("otherca", other.cert, NULL);
	issue("good", "DNS:terminal.example,IP:127.0.0.1", &ours, -DAY_S, DAY_S);
	issue("foreign", "DNS:terminal.example,IP:127.0.0.1", &other, -DAY_S, DAY_S);
	issue("expired", "DNS:terminal.example", &ours, -2 * DAY_S, -DAY_S);
	issue("early", "DNS:terminal.example", &ours, DAY_S / 2, DAY_S);
	issue("wild", "DNS:*.shop.example", &ours, -DAY_S, DAY_S);
	issue("partial", "DNS:term*.shop.example", &ours, -DAY_S, DAY_S);
	issue("lane", "DNS:lane-3.example", &ours, -DAY_S, DAY_S);
	tempdir_write(dir, "junk", "no certificate", 14);
	X509_free(ours.cert);
	X509_free(other.cert);
	EVP_PKEY_free(ours.key);
	EVP_PKEY_free(other.key);
}
