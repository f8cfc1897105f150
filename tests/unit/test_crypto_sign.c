#include "unit.h"

#include "base/crypto.h"

#include <errno.h>

/* Ed25519 against the vectors of RFC 8032, section 7.1. */
static const struct {
	const char *seed, *public_key, *message, *signature;
} vectors[] = {
	{ "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
	  "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
	  "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
	  "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b" },
	{ "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
	  "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
	  "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
	  "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00" },
	{ "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
	  "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
	  "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
	  "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a" },
};

START_TEST(signatures_are_those_of_the_standard)
{
	uint8_t seed[CRYPTO_KEY_BYTES], key[CRYPTO_PUBLIC_BYTES], want[64], got[64];
	uint8_t message[2];

	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		size_t n = strlen(vectors[i].message) / 2;
		struct str data = { (const char *)message, n };

		ck_assert_int_eq(hex_decode(seed, sizeof(seed), str_of(vectors[i].seed)),
				 0);
		ck_assert_int_eq(hex_decode(message, n, str_of(vectors[i].message)), 0);
		ck_assert_int_eq(crypto_public(seed, key), 0);
		ck_assert_int_eq(hex_decode(want, 32, str_of(vectors[i].public_key)), 0);
		ck_assert_int_eq(memcmp(want, key, sizeof(key)), 0);
		ck_assert_int_eq(crypto_sign(seed, data, got), 0);
		ck_assert_int_eq(
			hex_decode(want, sizeof(want), str_of(vectors[i].signature)), 0);
		ck_assert_int_eq(memcmp(want, got, sizeof(got)), 0);
		ck_assert_int_eq(crypto_verify(key, data, got), 0);
	}
}
END_TEST

START_TEST(every_changed_bit_is_refused)
{
	static const uint8_t seed[CRYPTO_KEY_BYTES] = { 1 };
	uint8_t key[CRYPTO_PUBLIC_BYTES], signature[CRYPTO_SIGNATURE_BYTES];
	char text[] = "of this data";
	struct str data = { text, sizeof(text) - 1 };

	ck_assert_int_eq(crypto_public(seed, key), 0);
	ck_assert_int_eq(crypto_sign(seed, data, signature), 0);
	for (size_t bit = 0; bit < 8 * sizeof(signature); bit++) {
		signature[bit / 8] ^= (uint8_t)(1u << bit % 8);
		ck_assert_int_eq(crypto_verify(key, data, signature), -EBADMSG);
		signature[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	for (size_t bit = 0; bit < 8 * data.n; bit++) {
		text[bit / 8] = (char)(text[bit / 8] ^ (1 << bit % 8));
		ck_assert_int_eq(crypto_verify(key, data, signature), -EBADMSG);
		text[bit / 8] = (char)(text[bit / 8] ^ (1 << bit % 8));
	}
	ck_assert_int_eq(crypto_verify(key, data, signature), 0);
}
END_TEST

UNIT_MAIN("crypto_sign", signatures_are_those_of_the_standard,
	  every_changed_bit_is_refused)
