#include "base/crypto.h"

#include "base/secret.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define SEAL_VERSION 1u
#define WRAP_VERSION 1u
#define WRAP_FACTORS_STORE_KEY 1u
#define WRAP_FACTORS_CLAIM 2
#define SCRYPT_N 16384u
#define SCRYPT_R 8u
#define SCRYPT_P 1u
#define SCRYPT_BYTES_MAX (32u << 20)
/* EVP counts in int; nothing of ours comes near this. */
#define PLAIN_BYTES_MAX ((size_t)1 << 30)
#define HMAC_DIGEST "SHA256"

/* One AES-256-GCM operation: head and aad are authenticated, in this order. */
struct gcm {
	const uint8_t *key, *nonce;
	struct crypto_aad head, aad;
};

static int
gcm_aad(EVP_CIPHER_CTX *ctx, struct crypto_aad aad)
{
	int n = 0;

	if (aad.bytes == 0)
		return 0;
	if (aad.bytes > PLAIN_BYTES_MAX)
		return -EIO;
	if (EVP_CipherUpdate(ctx, NULL, &n, aad.data, (int)aad.bytes) != 1)
		return -EIO;
	return 0;
}

static EVP_CIPHER_CTX *
gcm_begin(const struct gcm *g)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

	if (ctx == NULL)
		return NULL;
	if (EVP_EncryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, g->key, g->nonce) != 1 ||
	    gcm_aad(ctx, g->head) < 0 || gcm_aad(ctx, g->aad) < 0) {
		EVP_CIPHER_CTX_free(ctx);
		return NULL;
	}
	return ctx;
}

static int
gcm_encrypt(const struct gcm *g, const void *plain, size_t n, uint8_t *out,
	    uint8_t tag[CRYPTO_TAG_BYTES])
{
	EVP_CIPHER_CTX *ctx;
	int done = 0, rc = -EIO;

	if (n > PLAIN_BYTES_MAX)
		return -EIO;
	ctx = gcm_begin(g);
	if (ctx == NULL)
		return -EIO;
	if (n > 0 && EVP_EncryptUpdate(ctx, out, &done, plain, (int)n) != 1)
		goto out;
	if (EVP_EncryptFinal_ex(ctx, out + n, &done) != 1)
		goto out;
	if (EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, CRYPTO_TAG_BYTES, tag) != 1)
		goto out;
	rc = 0;
out:
	EVP_CIPHER_CTX_free(ctx);
	return rc;
}

struct crypto_opener {
	EVP_CIPHER *cipher;
	EVP_CIPHER_CTX *ctx;
};

struct crypto_opener *
crypto_opener_free(struct crypto_opener *o)
{
	if (o == NULL)
		return NULL;
	EVP_CIPHER_CTX_free(o->ctx);
	EVP_CIPHER_free(o->cipher);
	free(o);
	return NULL;
}

struct crypto_opener *
crypto_opener_new(void)
{
	struct crypto_opener *o = calloc(1, sizeof(*o));

	if (o == NULL)
		return NULL;
	o->cipher = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
	o->ctx = EVP_CIPHER_CTX_new();
	if (o->cipher == NULL || o->ctx == NULL ||
	    EVP_DecryptInit_ex2(o->ctx, o->cipher, NULL, NULL, NULL) != 1)
		return crypto_opener_free(o);
	return o;
}

void
crypto_opener_forget(struct crypto_opener *o)
{
	static const uint8_t none[CRYPTO_KEY_BYTES];

	/* Another key takes the place of the last one; what cannot happen cannot be told. */
	(void)EVP_DecryptInit_ex2(o->ctx, NULL, none, NULL, NULL);
}

/* 0, -EBADMSG (plain is zeroed) or -EIO. */
static int
gcm_decrypt(struct crypto_opener *o, const struct gcm *g, struct str sealed,
	    uint8_t *plain)
{
	const uint8_t *in = (const uint8_t *)sealed.p;
	uint8_t tag[CRYPTO_TAG_BYTES], none[1];
	size_t n = sealed.n - CRYPTO_TAG_BYTES;
	int done = 0, rc = -EIO;

	assert(sealed.n >= CRYPTO_TAG_BYTES);
	if (n > PLAIN_BYTES_MAX)
		return -EBADMSG;
	memcpy(tag, in + n, sizeof(tag));
	if (EVP_DecryptInit_ex2(o->ctx, NULL, g->key, g->nonce, NULL) != 1 ||
	    gcm_aad(o->ctx, g->head) < 0 || gcm_aad(o->ctx, g->aad) < 0)
		goto out;
	if (EVP_CIPHER_CTX_ctrl(o->ctx, EVP_CTRL_AEAD_SET_TAG, CRYPTO_TAG_BYTES, tag) !=
	    1)
		goto out;
	if (n > 0 && EVP_DecryptUpdate(o->ctx, plain, &done, in, (int)n) != 1)
		goto out;
	/* GCM is a stream: the end writes nothing, it only compares the tags. */
	rc = EVP_DecryptFinal_ex(o->ctx, none, &done) == 1 ? 0 : -EBADMSG;
out:
	if (rc < 0)
		secret_zero(plain, n);
	return rc;
}

int
crypto_random(void *buf, size_t n)
{
	uint8_t *p = buf;

	while (n > 0) {
		ssize_t got = getrandom(p, n, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return -EIO;
		p += got;
		n -= (size_t)got;
	}
	return 0;
}

int
crypto_aes128_block(const uint8_t key[CRYPTO_BLOCK_BYTES],
		    const uint8_t in[CRYPTO_BLOCK_BYTES],
		    uint8_t ret_out[CRYPTO_BLOCK_BYTES])
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	uint8_t out[2 * CRYPTO_BLOCK_BYTES];
	int n = 0, rc = -EIO;

	if (c != NULL && EVP_EncryptInit_ex(c, EVP_aes_128_ecb(), NULL, key, NULL) == 1 &&
	    EVP_CIPHER_CTX_set_padding(c, 0) == 1 &&
	    EVP_EncryptUpdate(c, out, &n, in, CRYPTO_BLOCK_BYTES) == 1 &&
	    n == (int)CRYPTO_BLOCK_BYTES) {
		memcpy(ret_out, out, CRYPTO_BLOCK_BYTES);
		rc = 0;
	}
	EVP_CIPHER_CTX_free(c);
	return rc;
}

int
crypto_sha256(const void *data, size_t n, uint8_t ret_digest[CRYPTO_SHA256_BYTES])
{
	unsigned bytes = 0;

	return EVP_Digest(data, n, ret_digest, &bytes, EVP_sha256(), NULL) == 1 &&
			       bytes == CRYPTO_SHA256_BYTES
		       ? 0
		       : -EIO;
}

int
crypto_hmac_sha256(const uint8_t key[CRYPTO_KEY_BYTES], const void *data, size_t n,
		   uint8_t ret_mac[CRYPTO_SHA256_BYTES])
{
	size_t bytes = 0;

	return EVP_Q_mac(NULL, "HMAC", NULL, HMAC_DIGEST, NULL, key, CRYPTO_KEY_BYTES,
			 data, n, ret_mac, CRYPTO_SHA256_BYTES, &bytes) != NULL &&
			       bytes == CRYPTO_SHA256_BYTES
		       ? 0
		       : -EIO;
}

/* OSSL_PARAM is shared by getters and setters, hence not const; what it is given here is only read. */
static void *
unconst(const void *p)
{
	union {
		const void *in;
		void *out;
	} u = { p };

	return u.out;
}

int
crypto_hkdf(struct str key, struct str salt, struct str info, uint8_t *out, size_t n)
{
	static const char digest[] = HMAC_DIGEST;
	OSSL_PARAM params[5], *p = params;
	EVP_KDF *kdf = NULL;
	EVP_KDF_CTX *ctx = NULL;
	int rc = -EIO;

	*p++ = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, unconst(digest),
						0);
	*p++ = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, unconst(key.p),
						 key.n);
	*p++ = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, unconst(info.p),
						 info.n);
	/* An absent salt is as many zero bytes as the digest has (RFC 5869, 2.2). */
	if (salt.n > 0)
		*p++ = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT,
							 unconst(salt.p), salt.n);
	*p = OSSL_PARAM_construct_end();

	kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	if (kdf == NULL)
		goto out;
	ctx = EVP_KDF_CTX_new(kdf);
	if (ctx == NULL)
		goto out;
	rc = EVP_KDF_derive(ctx, out, n, params) == 1 ? 0 : -EIO;
out:
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
	return rc;
}

int
crypto_derive(const uint8_t key[CRYPTO_KEY_BYTES], const char *info,
	      uint8_t ret_key[CRYPTO_KEY_BYTES])
{
	struct str key_text = { (const char *)key, CRYPTO_KEY_BYTES };

	return crypto_hkdf(key_text, str_of(NULL), str_of(info), ret_key,
			   CRYPTO_KEY_BYTES);
}

int
crypto_seal(const uint8_t key[CRYPTO_KEY_BYTES], struct crypto_aad aad, struct str plain,
	    uint8_t *out, size_t out_bytes)
{
	uint8_t *nonce = out + 1, *body = nonce + CRYPTO_NONCE_BYTES;
	struct gcm g = { .key = key, .nonce = nonce, .aad = aad };

	if (out_bytes < CRYPTO_SEAL_OVERHEAD ||
	    plain.n > out_bytes - CRYPTO_SEAL_OVERHEAD)
		return -ENOSPC;
	out[0] = SEAL_VERSION;
	if (crypto_random(nonce, CRYPTO_NONCE_BYTES) < 0)
		return -EIO;
	return gcm_encrypt(&g, plain.p, plain.n, body, body + plain.n);
}

static int
check_sealed(struct str sealed)
{
	if (sealed.n >= 1 && (uint8_t)sealed.p[0] != SEAL_VERSION)
		return -ENOTSUP;
	return sealed.n < CRYPTO_SEAL_OVERHEAD ? -EBADMSG : 0;
}

int
crypto_opener_open(struct crypto_opener *o, const uint8_t key[CRYPTO_KEY_BYTES],
		   struct crypto_aad aad, struct str sealed, uint8_t *plain)
{
	struct gcm g = { .key = key, .aad = aad };
	int rc = check_sealed(sealed);

	if (rc < 0)
		return rc;
	g.nonce = (const uint8_t *)sealed.p + 1;
	return gcm_decrypt(o, &g,
			   (struct str){ sealed.p + 1 + CRYPTO_NONCE_BYTES,
					 sealed.n - 1 - CRYPTO_NONCE_BYTES },
			   plain);
}

int
crypto_open(const uint8_t key[CRYPTO_KEY_BYTES], struct crypto_aad aad, struct str sealed,
	    uint8_t *plain, size_t plain_bytes)
{
	struct crypto_opener *o;
	int rc = check_sealed(sealed);

	if (rc < 0)
		return rc;
	if (sealed.n - CRYPTO_SEAL_OVERHEAD > plain_bytes)
		return -ENOSPC;
	o = crypto_opener_new();
	if (o == NULL)
		return -EIO;
	rc = crypto_opener_open(o, key, aad, sealed, plain);
	(void)crypto_opener_free(o); /* always NULL */
	return rc;
}

/* Under a key that was made of the factors named. */
static int
wrap(uint8_t factors, const uint8_t wrapping_key[CRYPTO_KEY_BYTES], struct crypto_aad aad,
     const uint8_t key[CRYPTO_KEY_BYTES], uint8_t ret_wrapped[CRYPTO_WRAPPED_BYTES])
{
	uint8_t out[CRYPTO_WRAPPED_BYTES] = { WRAP_VERSION, factors };
	uint8_t *nonce = out + 2, *body = nonce + CRYPTO_NONCE_BYTES;
	struct gcm g = {
		.key = wrapping_key, .nonce = nonce, .head = { out, 2 }, .aad = aad
	};
	int rc;

	if (crypto_random(nonce, CRYPTO_NONCE_BYTES) < 0)
		return -EIO;
	rc = gcm_encrypt(&g, key, CRYPTO_KEY_BYTES, body, body + CRYPTO_KEY_BYTES);
	if (rc == 0)
		memcpy(ret_wrapped, out, sizeof(out));
	return rc;
}

int
crypto_wrap(const uint8_t store_key[CRYPTO_KEY_BYTES], struct crypto_aad aad,
	    const uint8_t key[CRYPTO_KEY_BYTES],
	    uint8_t ret_wrapped[CRYPTO_WRAPPED_BYTES])
{
	return wrap(WRAP_FACTORS_STORE_KEY, store_key, aad, key, ret_wrapped);
}

/* The store's key and a claim's: neither alone is of any use. */
static int
join_keys(const uint8_t store_key[CRYPTO_KEY_BYTES],
	  const uint8_t claim_key[CRYPTO_KEY_BYTES], uint8_t ret_key[CRYPTO_KEY_BYTES])
{
	return crypto_hkdf((struct str){ (const char *)store_key, CRYPTO_KEY_BYTES },
			   (struct str){ (const char *)claim_key, CRYPTO_KEY_BYTES },
			   STR("laned wrap: store and claim"), ret_key, CRYPTO_KEY_BYTES);
}

int
crypto_claim_wrap(const struct crypto_factors *f, struct crypto_aad aad,
		  const uint8_t key[CRYPTO_KEY_BYTES],
		  uint8_t ret_wrapped[CRYPTO_WRAPPED_BYTES])
{
	uint8_t joined[CRYPTO_KEY_BYTES];
	int rc = join_keys(f->store_key, f->claim_key, joined);

	if (rc == 0)
		rc = wrap(WRAP_FACTORS_STORE_KEY | WRAP_FACTORS_CLAIM, joined, aad, key,
			  ret_wrapped);
	secret_zero(joined, sizeof(joined));
	return rc;
}

static int
unwrap(struct crypto_opener *o, uint8_t factors,
       const uint8_t wrapping_key[CRYPTO_KEY_BYTES], struct crypto_aad aad,
       const uint8_t wrapped[CRYPTO_WRAPPED_BYTES], uint8_t ret_key[CRYPTO_KEY_BYTES])
{
	const uint8_t *nonce = wrapped + 2;
	struct str body = { (const char *)nonce + CRYPTO_NONCE_BYTES,
			    CRYPTO_KEY_BYTES + CRYPTO_TAG_BYTES };
	struct gcm g = {
		.key = wrapping_key, .nonce = nonce, .head = { wrapped, 2 }, .aad = aad
	};

	if (wrapped[0] != WRAP_VERSION || wrapped[1] != factors)
		return -ENOTSUP;
	return gcm_decrypt(o, &g, body, ret_key);
}

int
crypto_opener_unwrap(struct crypto_opener *o, const uint8_t store_key[CRYPTO_KEY_BYTES],
		     struct crypto_aad aad, const uint8_t wrapped[CRYPTO_WRAPPED_BYTES],
		     uint8_t ret_key[CRYPTO_KEY_BYTES])
{
	return unwrap(o, WRAP_FACTORS_STORE_KEY, store_key, aad, wrapped, ret_key);
}

int
crypto_claim_unwrap(const struct crypto_factors *f, struct crypto_aad aad,
		    const uint8_t wrapped[CRYPTO_WRAPPED_BYTES],
		    uint8_t ret_key[CRYPTO_KEY_BYTES])
{
	struct crypto_opener *o = crypto_opener_new();
	uint8_t joined[CRYPTO_KEY_BYTES];
	int rc = o == NULL ? -EIO : join_keys(f->store_key, f->claim_key, joined);

	if (rc == 0)
		rc = unwrap(o, WRAP_FACTORS_STORE_KEY | WRAP_FACTORS_CLAIM, joined, aad,
			    wrapped, ret_key);
	secret_zero(joined, sizeof(joined));
	(void)crypto_opener_free(o); /* always NULL */
	return rc;
}

int
crypto_slow_key(struct str secret, struct str salt, uint8_t ret_key[CRYPTO_KEY_BYTES])
{
	return EVP_PBE_scrypt(secret.p, secret.n, (const unsigned char *)salt.p, salt.n,
			      SCRYPT_N, SCRYPT_R, SCRYPT_P, SCRYPT_BYTES_MAX, ret_key,
			      CRYPTO_KEY_BYTES) == 1
		       ? 0
		       : -EIO;
}

int
crypto_unwrap(const uint8_t store_key[CRYPTO_KEY_BYTES], struct crypto_aad aad,
	      const uint8_t wrapped[CRYPTO_WRAPPED_BYTES],
	      uint8_t ret_key[CRYPTO_KEY_BYTES])
{
	struct crypto_opener *o = crypto_opener_new();
	int rc;

	if (o == NULL)
		return -EIO;
	rc = crypto_opener_unwrap(o, store_key, aad, wrapped, ret_key);
	(void)crypto_opener_free(o); /* always NULL */
	return rc;
}

int
crypto_ulid(int64_t wall_ms, struct ulid *ret_id)
{
	uint8_t random[10];

	if (crypto_random(random, sizeof(random)) < 0)
		return -EIO;
	*ret_id = ulid_make(wall_ms, random);
	return 0;
}

int
crypto_key128(struct key128 *ret_key)
{
	struct key128 k = { { 0 } };

	if (crypto_random(k.b, sizeof(k.b)) < 0)
		return -EIO;
	*ret_key = k;
	return 0;
}
