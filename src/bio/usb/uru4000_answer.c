#include "bio/usb/uru4000_answer.h"

#include "base/crypto.h"

_Static_assert(URU4000_ANSWER_BYTES == CRYPTO_BLOCK_BYTES, "the answer is one block");

int
uru4000_answer(const uint8_t challenge[URU4000_ANSWER_BYTES],
	       uint8_t ret_answer[URU4000_ANSWER_BYTES])
{
	static const uint8_t key[CRYPTO_BLOCK_BYTES] = { 0x79, 0xac, 0x91, 0x79,
							 0x5c, 0xa1, 0x47, 0x8e,
							 0x98, 0xe0, 0x0f, 0x3c,
							 0x59, 0x8f, 0x5f, 0x4b };

	return crypto_aes128_block(key, challenge, ret_answer);
}
