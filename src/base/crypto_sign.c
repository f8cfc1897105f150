#include "base/crypto.h"

#include <errno.h>
#include <openssl/evp.h>

int
crypto_public(const uint8_t seed[CRYPTO_KEY_BYTES],
	      uint8_t ret_public[CRYPTO_PUBLIC_BYTES])
{
	EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed,
						     CRYPTO_KEY_BYTES);
	size_t n = CRYPTO_PUBLIC_BYTES;
	int ok = key != NULL && EVP_PKEY_get_raw_public_key(key, ret_public, &n) == 1 &&
		 n == CRYPTO_PUBLIC_BYTES;

	EVP_PKEY_free(key);
	return ok ? 0 : -EIO;
}

int
crypto_sign(const uint8_t seed[CRYPTO_KEY_BYTES], struct str data,
	    uint8_t ret_signature[CRYPTO_SIGNATURE_BYTES])
{
	EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed,
						     CRYPTO_KEY_BYTES);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t n = CRYPTO_SIGNATURE_BYTES;
	int ok = key != NULL && ctx != NULL &&
		 EVP_DigestSignInit(ctx, NULL, NULL, NULL, key) == 1 &&
		 EVP_DigestSign(ctx, ret_signature, &n, (const uint8_t *)data.p,
				data.n) == 1 &&
		 n == CRYPTO_SIGNATURE_BYTES;

	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
	return ok ? 0 : -EIO;
}

int
crypto_verify(const uint8_t public_key[CRYPTO_PUBLIC_BYTES], struct str data,
	      const uint8_t signature[CRYPTO_SIGNATURE_BYTES])
{
	EVP_PKEY *key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, public_key,
						    CRYPTO_PUBLIC_BYTES);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int rc = -EIO;

	if (key != NULL && ctx != NULL &&
	    EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key) == 1)
		rc = EVP_DigestVerify(ctx, signature, CRYPTO_SIGNATURE_BYTES,
				      (const uint8_t *)data.p, data.n) == 1
			     ? 0
			     : -EBADMSG;
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
	return rc;
}
