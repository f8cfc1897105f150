#include "unit.h"

#include "base/crypto.h"

#include <errno.h>
#include <stdbool.h>

#define TEXT_BYTES_MAX 256

static const struct crypto_aad no_aad = { NULL, 0 };

static size_t
from_hex(uint8_t *data, const char *hex)
{
	size_t n = strlen(hex) / 2;

	ck_assert_int_eq(hex_decode(data, n, str_of(hex)), 0);
	return n;
}

static struct str
bytes(const uint8_t *p, size_t n)
{
	return (struct str){ (const char *)p, n };
}

static void
check_hex(const uint8_t *data, size_t n, const char *want)
{
	char text[2 * TEXT_BYTES_MAX + 1];

	ck_assert_int_eq(hex_encode(text, sizeof(text), data, n), 0);
	ck_assert_str_eq(text, want);
}

START_TEST(sha256_gives_the_standards_answer)
{
	uint8_t digest[CRYPTO_SHA256_BYTES];

	/* FIPS 180-4's example. */
	ck_assert_int_eq(crypto_sha256("abc", 3, digest), 0);
	check_hex(digest, sizeof(digest),
		  "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	ck_assert_int_eq(crypto_sha256("", 0, digest), 0);
	check_hex(digest, sizeof(digest),
		  "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}
END_TEST

START_TEST(one_block_gives_the_standards_answer)
{
	uint8_t key[CRYPTO_BLOCK_BYTES], in[CRYPTO_BLOCK_BYTES], out[CRYPTO_BLOCK_BYTES];

	/* FIPS 197, appendix C.1. */
	for (uint8_t i = 0; i < CRYPTO_BLOCK_BYTES; i++) {
		key[i] = i;
		in[i] = (uint8_t)(i * 0x11);
	}
	ck_assert_int_eq(crypto_aes128_block(key, in, out), 0);
	check_hex(out, sizeof(out), "69c4e0d86a7b0430d8cdb78070b4c55a");
}
END_TEST

START_TEST(hmac_gives_the_rfcs_answer)
{
	uint8_t key[CRYPTO_KEY_BYTES] = { 0 }, mac[CRYPTO_SHA256_BYTES];

	/* RFC 4231, test case 1; HMAC itself pads the 20-byte key with zeros. */
	memset(key, 0x0b, 20);
	ck_assert_int_eq(crypto_hmac_sha256(key, "Hi There", 8, mac), 0);
	check_hex(mac, sizeof(mac),
		  "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
}
END_TEST

/* RFC 5869, appendix A.1 to A.3. */
static const struct {
	const char *key, *salt, *info, *out;
} hkdf_cases[] = {
	{ "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "000102030405060708090a0b0c",
	  "f0f1f2f3f4f5f6f7f8f9",
	  "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"
	  "34007208d5b887185865" },
	{ "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
	  "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"
	  "404142434445464748494a4b4c4d4e4f",
	  "606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f"
	  "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f"
	  "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf",
	  "b0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecf"
	  "d0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedeeef"
	  "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
	  "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c"
	  "59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71"
	  "cc30c58179ec3e87c14c01d5c1f3434f1d87" },
	{ "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "", "",
	  "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"
	  "9d201395faa4b61a96c8" },
};

START_TEST(hkdf_gives_the_rfcs_answers)
{
	for (size_t i = 0; i < sizeof(hkdf_cases) / sizeof(hkdf_cases[0]); i++) {
		uint8_t key[TEXT_BYTES_MAX], salt[TEXT_BYTES_MAX], info[TEXT_BYTES_MAX];
		uint8_t out[TEXT_BYTES_MAX];
		size_t key_n = from_hex(key, hkdf_cases[i].key);
		size_t salt_n = from_hex(salt, hkdf_cases[i].salt);
		size_t info_n = from_hex(info, hkdf_cases[i].info);
		size_t n = strlen(hkdf_cases[i].out) / 2;

		ck_assert_int_eq(crypto_hkdf(bytes(key, key_n), bytes(salt, salt_n),
					     bytes(info, info_n), out, n),
				 0);
		check_hex(out, n, hkdf_cases[i].out);
	}
}
END_TEST

START_TEST(derived_keys_depend_on_key_and_purpose)
{
	uint8_t key[CRYPTO_KEY_BYTES], a[CRYPTO_KEY_BYTES], b[CRYPTO_KEY_BYTES];

	for (uint8_t i = 0; i < CRYPTO_KEY_BYTES; i++)
		key[i] = i;
	ck_assert_int_eq(crypto_derive(key, "gallery", a), 0);
	/* Worked out by another implementation from the RFC's two formulas. */
	check_hex(a, sizeof(a),
		  "0b5b053ce7ff25cd840ff3ca85ac6063c3f624c771dfd22d6a07a70119240d36");
	ck_assert_int_eq(crypto_derive(key, "gallerz", b), 0);
	ck_assert_mem_ne(a, b, sizeof(a));
	key[31] ^= 1;
	ck_assert_int_eq(crypto_derive(key, "gallery", b), 0);
	ck_assert_mem_ne(a, b, sizeof(a));
}
END_TEST

/*
 * McGrew and Viega, "The Galois/Counter Mode of Operation (GCM)", test cases 13 to 16 (those with
 * 256-bit keys and a 96-bit nonce), which NIST took over.
 */
static const struct {
	const char *key, *nonce, *plain, *aad, *cipher, *tag;
} gcm_cases[] = {
	{ "0000000000000000000000000000000000000000000000000000000000000000",
	  "000000000000000000000000", "", "", "", "530f8afbc74536b9a963b4f1c4cb738b" },
	{ "0000000000000000000000000000000000000000000000000000000000000000",
	  "000000000000000000000000", "00000000000000000000000000000000", "",
	  "cea7403d4d606b6e074ec5d3baf39d18", "d0d1c8a799996bf0265b98b5d48ab919" },
	{ "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
	  "cafebabefacedbaddecaf888",
	  "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
	  "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255",
	  "",
	  "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
	  "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad",
	  "b094dac5d93471bdec1a502270e3cc6c" },
	{ "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
	  "cafebabefacedbaddecaf888",
	  "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
	  "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
	  "feedfacedeadbeeffeedfacedeadbeefabaddad2",
	  "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
	  "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662",
	  "76fc6ece0f4e1768cddf8853bb2d551b" },
};

START_TEST(open_takes_the_published_vectors)
{
	for (size_t i = 0; i < sizeof(gcm_cases) / sizeof(gcm_cases[0]); i++) {
		uint8_t key[CRYPTO_KEY_BYTES], aad[TEXT_BYTES_MAX];
		uint8_t sealed[TEXT_BYTES_MAX] = { 1 }, plain[TEXT_BYTES_MAX];
		size_t aad_n = from_hex(aad, gcm_cases[i].aad), n = 1;

		from_hex(key, gcm_cases[i].key);
		n += from_hex(sealed + n, gcm_cases[i].nonce);
		n += from_hex(sealed + n, gcm_cases[i].cipher);
		n += from_hex(sealed + n, gcm_cases[i].tag);
		ck_assert_int_eq(crypto_open(key, (struct crypto_aad){ aad, aad_n },
					     bytes(sealed, n), plain, sizeof(plain)),
				 0);
		check_hex(plain, n - CRYPTO_SEAL_OVERHEAD, gcm_cases[i].plain);
	}
}
END_TEST

/* A sealed text for the tests that spoil it. */
struct sealed {
	uint8_t key[CRYPTO_KEY_BYTES];
	struct crypto_aad aad;
	uint8_t text[20 + CRYPTO_SEAL_OVERHEAD];
};

static struct sealed
seal_example(void)
{
	struct sealed s = { .aad = { "subject 7", 9 } };

	ck_assert_int_eq(crypto_random(s.key, sizeof(s.key)), 0);
	ck_assert_int_eq(crypto_seal(s.key, s.aad, STR("twenty bytes of text"), s.text,
				     sizeof(s.text)),
			 0);
	return s;
}

static int
open_example(const struct sealed *s, size_t n)
{
	uint8_t plain[20];
	int rc;

	memset(plain, 0xa5, sizeof(plain));
	rc = crypto_open(s->key, s->aad, bytes(s->text, n), plain, sizeof(plain));
	if (rc == 0)
		ck_assert_mem_eq(plain, "twenty bytes of text", 20);
	else
		ck_assert_mem_ne(plain, "twenty bytes of text", 20);
	return rc;
}

START_TEST(sealed_text_opens_again)
{
	struct sealed a = seal_example(), b = seal_example();

	ck_assert_int_eq(open_example(&a, sizeof(a.text)), 0);
	ck_assert_int_eq(a.text[0], 1);
	/* A nonce of its own each time. */
	memcpy(b.key, a.key, sizeof(b.key));
	ck_assert_int_eq(crypto_seal(b.key, b.aad, STR("twenty bytes of text"), b.text,
				     sizeof(b.text)),
			 0);
	ck_assert_mem_ne(a.text + 1, b.text + 1, CRYPTO_NONCE_BYTES);
	ck_assert_mem_ne(a.text, b.text, sizeof(a.text));
}
END_TEST

START_TEST(every_altered_bit_is_noticed)
{
	struct sealed s = seal_example();

	for (size_t bit = 0; bit < 8 * sizeof(s.text); bit++) {
		int want = bit < 8 ? -ENOTSUP : -EBADMSG;

		s.text[bit / 8] ^= (uint8_t)(1u << bit % 8);
		ck_assert_int_eq(open_example(&s, sizeof(s.text)), want);
		s.text[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	ck_assert_int_eq(open_example(&s, sizeof(s.text)), 0);
}
END_TEST

START_TEST(every_truncated_text_is_refused)
{
	struct sealed s = seal_example();

	for (size_t n = 0; n < sizeof(s.text); n++)
		ck_assert_int_eq(open_example(&s, n), -EBADMSG);
}
END_TEST

START_TEST(another_key_or_context_does_not_open_it)
{
	struct sealed s = seal_example();

	s.aad.data = "subject 8";
	ck_assert_int_eq(open_example(&s, sizeof(s.text)), -EBADMSG);
	s.aad = no_aad;
	ck_assert_int_eq(open_example(&s, sizeof(s.text)), -EBADMSG);
	s.aad = (struct crypto_aad){ "subject 7", 9 };
	s.key[0] ^= 1;
	ck_assert_int_eq(open_example(&s, sizeof(s.text)), -EBADMSG);
}
END_TEST

START_TEST(a_failed_open_leaves_zeros)
{
	static const uint8_t zeros[20];
	struct sealed s = seal_example();
	uint8_t plain[20];

	memset(plain, 0xa5, sizeof(plain));
	s.text[sizeof(s.text) - 1] ^= 1;
	ck_assert_int_eq(crypto_open(s.key, s.aad, bytes(s.text, sizeof(s.text)), plain,
				     sizeof(plain)),
			 -EBADMSG);
	ck_assert_mem_eq(plain, zeros, sizeof(plain));
}
END_TEST

START_TEST(buffers_that_are_too_small_are_refused)
{
	struct sealed s = seal_example();
	uint8_t out[64];

	ck_assert_int_eq(
		crypto_open(s.key, s.aad, bytes(s.text, sizeof(s.text)), out, 19),
		-ENOSPC);
	ck_assert_int_eq(
		crypto_seal(s.key, s.aad, STR("abc"), out, 3 + CRYPTO_SEAL_OVERHEAD - 1),
		-ENOSPC);
	ck_assert_int_eq(crypto_seal(s.key, s.aad, STR(""), out, 0), -ENOSPC);
	ck_assert_int_eq(
		crypto_seal(s.key, s.aad, STR("abc"), out, 3 + CRYPTO_SEAL_OVERHEAD), 0);
}
END_TEST

START_TEST(wrapped_key_comes_back_only_under_its_key_and_context)
{
	uint8_t store[CRYPTO_KEY_BYTES], key[CRYPTO_KEY_BYTES], back[CRYPTO_KEY_BYTES];
	uint8_t wrapped[CRYPTO_WRAPPED_BYTES];
	struct crypto_aad aad = { "subject 7", 9 };

	ck_assert_int_eq(crypto_random(store, sizeof(store)), 0);
	ck_assert_int_eq(crypto_random(key, sizeof(key)), 0);
	ck_assert_int_eq(crypto_wrap(store, aad, key, wrapped), 0);
	ck_assert_int_eq(crypto_unwrap(store, aad, wrapped, back), 0);
	ck_assert_mem_eq(key, back, sizeof(key));
	ck_assert_int_eq(crypto_unwrap(store, no_aad, wrapped, back), -EBADMSG);
	for (size_t bit = 0; bit < 8 * sizeof(wrapped); bit++) {
		int want = bit < 16 ? -ENOTSUP : -EBADMSG;

		wrapped[bit / 8] ^= (uint8_t)(1u << bit % 8);
		ck_assert_int_eq(crypto_unwrap(store, aad, wrapped, back), want);
		wrapped[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	store[5] ^= 1;
	ck_assert_int_eq(crypto_unwrap(store, aad, wrapped, back), -EBADMSG);
}
END_TEST

START_TEST(a_key_under_store_and_claim_is_opened_by_both_and_by_neither)
{
	uint8_t store[CRYPTO_KEY_BYTES] = { 1 }, claim[CRYPTO_KEY_BYTES] = { 2 };
	uint8_t key[CRYPTO_KEY_BYTES] = { 3 }, back[CRYPTO_KEY_BYTES];
	uint8_t wrapped[CRYPTO_WRAPPED_BYTES], plain[CRYPTO_WRAPPED_BYTES];
	struct crypto_factors both = { store, claim }, turned = { claim, store };
	struct crypto_aad aad = { "subject 7", 9 };

	ck_assert_int_eq(crypto_claim_wrap(&both, aad, key, wrapped), 0);
	ck_assert_uint_eq(wrapped[1], 3);
	ck_assert_int_eq(crypto_claim_unwrap(&both, aad, wrapped, back), 0);
	ck_assert_mem_eq(key, back, sizeof(key));
	ck_assert_int_eq(crypto_claim_unwrap(&turned, aad, wrapped, back), -EBADMSG);
	ck_assert_int_eq(crypto_claim_unwrap(&both, no_aad, wrapped, back), -EBADMSG);
	/* Neither key alone, nor with the sign of one factor in place of two. */
	ck_assert_int_eq(crypto_unwrap(store, aad, wrapped, back), -ENOTSUP);
	wrapped[1] = 1;
	ck_assert_int_eq(crypto_unwrap(store, aad, wrapped, back), -EBADMSG);
	ck_assert_int_eq(crypto_unwrap(claim, aad, wrapped, back), -EBADMSG);
	wrapped[1] = 3;
	ck_assert_int_eq(crypto_wrap(store, aad, key, plain), 0);
	ck_assert_int_eq(crypto_claim_unwrap(&both, aad, plain, back), -ENOTSUP);
	for (size_t bit = 0; bit < 8 * sizeof(wrapped); bit++) {
		int want = bit < 16 ? -ENOTSUP : -EBADMSG;

		wrapped[bit / 8] ^= (uint8_t)(1u << bit % 8);
		ck_assert_int_eq(crypto_claim_unwrap(&both, aad, wrapped, back), want);
		wrapped[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	claim[31] ^= 1;
	ck_assert_int_eq(crypto_claim_unwrap(&both, aad, wrapped, back), -EBADMSG);
}
END_TEST

/* RFC 7914, 12: the third vector, whose first half is that of a shorter key. */
START_TEST(the_slow_key_is_scrypt)
{
	static const uint8_t want[CRYPTO_KEY_BYTES] = {
		0x70, 0x23, 0xbd, 0xcb, 0x3a, 0xfd, 0x73, 0x48, 0x46, 0x1c, 0x06,
		0xcd, 0x81, 0xfd, 0x38, 0xeb, 0xfd, 0xa8, 0xfb, 0xba, 0x90, 0x4f,
		0x8e, 0x3e, 0xa9, 0xb5, 0x43, 0xf6, 0x54, 0x5d, 0xa1, 0xf2
	};
	uint8_t key[CRYPTO_KEY_BYTES];

	ck_assert_int_eq(
		crypto_slow_key(STR("pleaseletmein"), STR("SodiumChloride"), key), 0);
	ck_assert_mem_eq(key, want, sizeof(want));
	ck_assert_int_eq(
		crypto_slow_key(STR("pleaseletmeIn"), STR("SodiumChloride"), key), 0);
	ck_assert_mem_ne(key, want, sizeof(want));
}
END_TEST

/* One context for all of them, whatever came before. */
START_TEST(an_opener_opens_one_after_the_other)
{
	struct crypto_opener *o = crypto_opener_new();
	const struct crypto_aad aad = { "here", 4 }, elsewhere = { "there", 5 };
	uint8_t keys[8][CRYPTO_KEY_BYTES], sealed[8][200], plain[200], text[200];
	uint8_t wrapped[CRYPTO_WRAPPED_BYTES], key[CRYPTO_KEY_BYTES];

	ck_assert_ptr_nonnull(o);
	for (size_t i = 0; i < 8; i++) {
		memset(keys[i], (int)i + 1, sizeof(keys[i]));
		memset(text, 'a' + (int)i, sizeof(text));
		ck_assert_int_eq(crypto_seal(keys[i], aad,
					     (struct str){ (char *)text, 20 * i },
					     sealed[i], sizeof(sealed[i])),
				 0);
	}
	ck_assert_int_eq(crypto_wrap(keys[0], aad, keys[1], wrapped), 0);
	for (size_t round = 0; round < 3; round++) {
		for (size_t i = 0; i < 8; i++) {
			struct str s = { (char *)sealed[i],
					 20 * i + CRYPTO_SEAL_OVERHEAD };

			memset(text, 'a' + (int)i, sizeof(text));
			ck_assert_int_eq(
				crypto_opener_open(o, keys[i], elsewhere, s, plain),
				-EBADMSG);
			ck_assert_int_eq(crypto_opener_open(o, keys[i], aad, s, plain),
					 0);
			ck_assert_mem_eq(plain, text, 20 * i);
			ck_assert_int_eq(
				crypto_opener_open(o, keys[(i + 1) % 8], aad, s, plain),
				-EBADMSG);
			s.n = CRYPTO_SEAL_OVERHEAD - 1;
			ck_assert_int_eq(crypto_opener_open(o, keys[i], aad, s, plain),
					 -EBADMSG);
		}
		crypto_opener_forget(o);
		ck_assert_int_eq(crypto_opener_unwrap(o, keys[0], aad, wrapped, key), 0);
		ck_assert_mem_eq(key, keys[1], sizeof(key));
		ck_assert_int_eq(crypto_opener_unwrap(o, keys[1], aad, wrapped, key),
				 -EBADMSG);
	}
	ck_assert_ptr_null(crypto_opener_free(o));
	ck_assert_ptr_null(crypto_opener_free(NULL));
}
END_TEST

START_TEST(random_ids_differ_and_keep_the_time)
{
	struct ulid a, b;
	struct key128 k, l;

	ck_assert_int_eq(crypto_ulid(INT64_C(1795292103123), &a), 0);
	ck_assert_int_eq(crypto_ulid(INT64_C(1795292103123), &b), 0);
	ck_assert(!ulid_eq(a, b));
	ck_assert_int_eq(ulid_wall_ms(a), INT64_C(1795292103123));
	ck_assert_int_eq(crypto_key128(&k), 0);
	ck_assert_int_eq(crypto_key128(&l), 0);
	ck_assert(!key128_eq(k, l));
	ck_assert(!key128_is_zero(k));
}
END_TEST

UNIT_MAIN("crypto", sha256_gives_the_standards_answer,
	  one_block_gives_the_standards_answer, hmac_gives_the_rfcs_answer,
	  hkdf_gives_the_rfcs_answers, derived_keys_depend_on_key_and_purpose,
	  open_takes_the_published_vectors, sealed_text_opens_again,
	  every_altered_bit_is_noticed, every_truncated_text_is_refused,
	  another_key_or_context_does_not_open_it, a_failed_open_leaves_zeros,
	  buffers_that_are_too_small_are_refused,
	  a_key_under_store_and_claim_is_opened_by_both_and_by_neither,
	  the_slow_key_is_scrypt, wrapped_key_comes_back_only_under_its_key_and_context,
	  an_opener_opens_one_after_the_other, random_ids_differ_and_keep_the_time)
