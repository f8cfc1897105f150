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

static void
save_crl(const char *name, X509_CRL *crl)
{
	FILE *f = fopen(tempdir_path(dir, name), "w");

	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(PEM_write_X509_CRL(f, crl), 1);
	ck_assert_int_eq(fclose(f), 0);
}

/* A list of an authority, with the certificate of the credential revoked on it; NULL: none. */
static void
list_revoked(const char *name, const struct authority *by, const char *revoked,
	     long until_s)
{
	X509_CRL *crl = X509_CRL_new();
	ASN1_TIME *from = X509_gmtime_adj(NULL, -DAY_S);
	ASN1_TIME *until = X509_gmtime_adj(NULL, until_s);
	X509_REVOKED *r = X509_REVOKED_new();
	FILE *f = revoked == NULL ? NULL : fopen(tempdir_path(dir, revoked), "r");
	X509 *x = f == NULL ? NULL : PEM_read_X509(f, NULL, NULL, NULL);

	ck_assert_int_eq(X509_CRL_set_version(crl, X509_CRL_VERSION_2), 1);
	ck_assert_int_eq(X509_CRL_set_issuer_name(crl, X509_get_subject_name(by->cert)),
			 1);
	ck_assert_int_eq(X509_CRL_set1_lastUpdate(crl, from), 1);
	ck_assert_int_eq(X509_CRL_set1_nextUpdate(crl, until), 1);
	if (x != NULL) {
		ck_assert_int_eq(
			X509_REVOKED_set_serialNumber(r, X509_get_serialNumber(x)), 1);
		ck_assert_int_eq(X509_REVOKED_set_revocationDate(r, from), 1);
		ck_assert_int_eq(X509_CRL_add0_revoked(crl, r), 1);
		r = NULL;
	}
	ck_assert_int_gt(X509_CRL_sign(crl, by->key, EVP_sha256()), 0);
	save_crl(name, crl);
	if (f != NULL)
		ck_assert_int_eq(fclose(f), 0);
	X509_free(x);
	X509_REVOKED_free(r);
	ASN1_TIME_free(from);
	ASN1_TIME_free(until);
	X509_CRL_free(crl);
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
	issue("revoked", "DNS:terminal.example,IP:127.0.0.1", &ours, -DAY_S, DAY_S);
	list_revoked("ca.crl", &ours, "revoked.crt", DAY_S);
	list_revoked("old.crl", &ours, "revoked.crt", -DAY_S / 2);
	list_revoked("otherca.crl", &other, NULL, DAY_S);
	tempdir_write(dir, "junk", "no certificate", 14);
	X509_free(ours.cert);
	X509_free(other.cert);
	EVP_PKEY_free(ours.key);
	EVP_PKEY_free(other.key);
}
