#ifndef LANED_BASE_CRYPTO_H
#define LANED_BASE_CRYPTO_H

#include "base/plain/ids.h"
#include "base/plain/str.h"

#include <stddef.h>
#include <stdint.h>

#define CRYPTO_KEY_BYTES 32u
#define CRYPTO_SHA256_BYTES 32u
#define CRYPTO_NONCE_BYTES 12u
#define CRYPTO_TAG_BYTES 16u
#define CRYPTO_SEAL_OVERHEAD (1u + CRYPTO_NONCE_BYTES + CRYPTO_TAG_BYTES)
/* version, factors, nonce, key, tag; factors: 1 = store key, 2 = a claim's key, as bits */
#define CRYPTO_WRAPPED_BYTES                                                             \
	(2u + CRYPTO_NONCE_BYTES + CRYPTO_KEY_BYTES + CRYPTO_TAG_BYTES)

/* Random bytes from the system. 0 or -EIO. */
int crypto_random(void *buf, size_t n);

int crypto_sha256(const void *data, size_t n, uint8_t ret_digest[CRYPTO_SHA256_BYTES]);
int crypto_hmac_sha256(const uint8_t key[CRYPTO_KEY_BYTES], const void *data, size_t n,
		       uint8_t ret_mac[CRYPTO_SHA256_BYTES]);
/* HKDF-SHA256 (RFC 5869) in full: n output bytes, n <= 255 * 32. 0 or -EIO. */
int crypto_hkdf(struct str key, struct str salt, struct str info, uint8_t *out, size_t n);
/* HKDF-SHA256 (RFC 5869), no salt; info names the purpose. 0 or -EIO. */
int crypto_derive(const uint8_t key[CRYPTO_KEY_BYTES], const char *info,
		  uint8_t ret_key[CRYPTO_KEY_BYTES]);

/*
 * One bare block of AES-128 (FIPS 197), for devices whose protocol wants it. It protects nothing of
 * ours: for secrets there is crypto_seal. 0 or -EIO.
 */
#define CRYPTO_BLOCK_BYTES 16u
int crypto_aes128_block(const uint8_t key[CRYPTO_BLOCK_BYTES],
			const uint8_t in[CRYPTO_BLOCK_BYTES],
			uint8_t ret_out[CRYPTO_BLOCK_BYTES]);

/*
 * AES-256-GCM with a random nonce. out holds version, nonce, ciphertext, tag: n +
 * CRYPTO_SEAL_OVERHEAD bytes (out_bytes is checked). aad binds the context. 0, -ENOSPC or -EIO.
 */
struct crypto_aad {
	const void *data;
	size_t bytes;
};
int crypto_seal(const uint8_t key[CRYPTO_KEY_BYTES], struct crypto_aad aad,
		struct str plain, uint8_t *out, size_t out_bytes);
/*
 * Opens it; plain gets n - CRYPTO_SEAL_OVERHEAD bytes. 0; -EBADMSG too short, wrong key, wrong aad
 * or altered (plain is zeroed); -ENOTSUP an unknown version; -ENOSPC.
 */
int crypto_open(const uint8_t key[CRYPTO_KEY_BYTES], struct crypto_aad aad,
		struct str sealed, uint8_t *plain, size_t plain_bytes);

/*
 * Wraps a data key under a store key, bound to aad; the format names which factors the wrapping
 * key was made of, so that a second one can come later. 0, -EIO; unwrap also -EBADMSG, -ENOTSUP.
 */
int crypto_wrap(const uint8_t store_key[CRYPTO_KEY_BYTES], struct crypto_aad aad,
		const uint8_t key[CRYPTO_KEY_BYTES],
		uint8_t ret_wrapped[CRYPTO_WRAPPED_BYTES]);
int crypto_unwrap(const uint8_t store_key[CRYPTO_KEY_BYTES], struct crypto_aad aad,
		  const uint8_t wrapped[CRYPTO_WRAPPED_BYTES],
		  uint8_t ret_key[CRYPTO_KEY_BYTES]);

/*
 * The same under a key that is made of the store's and of one that only a claim gives: neither
 * opens it alone.
 */
struct crypto_factors {
	const uint8_t *store_key, *claim_key; /* CRYPTO_KEY_BYTES each */
};
int crypto_claim_wrap(const struct crypto_factors *f, struct crypto_aad aad,
		      const uint8_t key[CRYPTO_KEY_BYTES],
		      uint8_t ret_wrapped[CRYPTO_WRAPPED_BYTES]);
int crypto_claim_unwrap(const struct crypto_factors *f, struct crypto_aad aad,
			const uint8_t wrapped[CRYPTO_WRAPPED_BYTES],
			uint8_t ret_key[CRYPTO_KEY_BYTES]);
/*
 * A key of a secret that could be guessed, such as a phone number: scrypt (RFC 7914) with 16 MiB,
 * some 50 ms for each guess. Blocks so long. 0 or -EIO.
 */
int crypto_slow_key(struct str secret, struct str salt,
		    uint8_t ret_key[CRYPTO_KEY_BYTES]);

/*
 * The same with a context that is kept, for opening many: nothing is allocated. One thread at a
 * time. plain has room for sealed.n - CRYPTO_SEAL_OVERHEAD bytes. An expanded key stays in the
 * context, which is plain memory, until crypto_opener_forget.
 */
struct crypto_opener;
struct crypto_opener *crypto_opener_new(void); /* NULL: no memory */
struct crypto_opener *crypto_opener_free(struct crypto_opener *o);
int crypto_opener_open(struct crypto_opener *o, const uint8_t key[CRYPTO_KEY_BYTES],
		       struct crypto_aad aad, struct str sealed, uint8_t *plain);
int crypto_opener_unwrap(struct crypto_opener *o,
			 const uint8_t store_key[CRYPTO_KEY_BYTES], struct crypto_aad aad,
			 const uint8_t wrapped[CRYPTO_WRAPPED_BYTES],
			 uint8_t ret_key[CRYPTO_KEY_BYTES]);
void crypto_opener_forget(struct crypto_opener *o);

/*
 * Ed25519 (RFC 8032): the public key of a secret seed; a signature, always the same for the same
 * data; its check: 0, -EBADMSG it is not by that key or not of that data, -EIO.
 */
#define CRYPTO_PUBLIC_BYTES 32u
#define CRYPTO_SIGNATURE_BYTES 64u
int crypto_public(const uint8_t seed[CRYPTO_KEY_BYTES],
		  uint8_t ret_public[CRYPTO_PUBLIC_BYTES]);
int crypto_sign(const uint8_t seed[CRYPTO_KEY_BYTES], struct str data,
		uint8_t ret_signature[CRYPTO_SIGNATURE_BYTES]);
int crypto_verify(const uint8_t public_key[CRYPTO_PUBLIC_BYTES], struct str data,
		  const uint8_t signature[CRYPTO_SIGNATURE_BYTES]);

/* A fresh ULID at wall_ms and a fresh key. 0 or -EIO. */
int crypto_ulid(int64_t wall_ms, struct ulid *ret_id);
int crypto_key128(struct key128 *ret_key);

#endif
