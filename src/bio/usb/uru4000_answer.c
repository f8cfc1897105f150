/*
 * One block of AES-128 after FIPS 197, written for shortness: without tables, so that nothing can be
 * mistyped in them. It takes some 50 microseconds and is called once when a reader is plugged in.
 */
#include "bio/usb/uru4000_answer.h"

#include <string.h>

#define ROUNDS 10u
#define KEYS_BYTES (16u * (ROUNDS + 1))

/* Multiplication by x in GF(2^8) modulo x^8 + x^4 + x^3 + x + 1. */
static uint8_t
times_x(uint8_t a)
{
	return (uint8_t)(a << 1 ^ ((a & 0x80) != 0 ? 0x1b : 0));
}

static uint8_t
times(uint8_t a, uint8_t b)
{
	uint8_t r = 0;

	for (unsigned bit = 0; bit < 8; bit++) {
		if ((b >> bit & 1) != 0)
			r ^= a;
		a = times_x(a);
	}
	return r;
}

/* S-box: the inverse, which is the 254th power, and then the affine map. */
static uint8_t
substitute(uint8_t a)
{
	uint8_t inverse = 1, r = 0x63;

	for (unsigned i = 0; i < 254; i++)
		inverse = times(inverse, a);
	for (unsigned i = 0; i < 5; i++)
		r ^= (uint8_t)(inverse << i | inverse >> (8 - i));
	return r;
}

static void
expand_key(const uint8_t key[16], uint8_t keys[KEYS_BYTES])
{
	uint8_t round_constant = 1;

	memcpy(keys, key, 16);
	for (size_t i = 16; i < KEYS_BYTES; i += 4) {
		uint8_t w[4];

		memcpy(w, keys + i - 4, 4);
		if (i % 16 == 0) {
			uint8_t first = w[0];

			w[0] = substitute(w[1]) ^ round_constant;
			w[1] = substitute(w[2]);
			w[2] = substitute(w[3]);
			w[3] = substitute(first);
			round_constant = times_x(round_constant);
		}
		for (size_t b = 0; b < 4; b++)
			keys[i + b] = keys[i + b - 16] ^ w[b];
	}
}

/* SubBytes and ShiftRows; the state lies column by column, as the standard has it. */
static void
substitute_and_shift(uint8_t s[16])
{
	uint8_t old[16];

	memcpy(old, s, 16);
	for (size_t i = 0; i < 16; i++)
		s[i] = substitute(old[(i + 4 * (i % 4)) % 16]);
}

static void
mix_columns(uint8_t s[16])
{
	for (size_t c = 0; c < 16; c += 4) {
		uint8_t a[4];

		memcpy(a, s + c, 4);
		for (size_t r = 0; r < 4; r++)
			s[c + r] = (uint8_t)(times(a[r], 2) ^ times(a[(r + 1) % 4], 3) ^
					     a[(r + 2) % 4] ^ a[(r + 3) % 4]);
	}
}

static void
add_key(uint8_t s[16], const uint8_t key[16])
{
	for (size_t i = 0; i < 16; i++)
		s[i] ^= key[i];
}

void
uru4000_aes128(const uint8_t key[16], const uint8_t in[16], uint8_t ret_out[16])
{
	uint8_t keys[KEYS_BYTES], s[16];

	expand_key(key, keys);
	memcpy(s, in, 16);
	add_key(s, keys);
	for (size_t round = 1; round <= ROUNDS; round++) {
		substitute_and_shift(s);
		if (round < ROUNDS)
			mix_columns(s);
		add_key(s, keys + 16 * round);
	}
	memcpy(ret_out, s, 16);
}

void
uru4000_answer(const uint8_t challenge[URU4000_ANSWER_BYTES],
	       uint8_t ret_answer[URU4000_ANSWER_BYTES])
{
	static const uint8_t key[16] = { 0x79, 0xac, 0x91, 0x79, 0x5c, 0xa1, 0x47, 0x8e,
					 0x98, 0xe0, 0x0f, 0x3c, 0x59, 0x8f, 0x5f, 0x4b };

	uru4000_aes128(key, challenge, ret_answer);
}
