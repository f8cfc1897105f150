#ifndef LANED_BIO_USB_URU4000_ANSWER_H
#define LANED_BIO_USB_URU4000_ANSWER_H

#include <stdint.h>

#define URU4000_ANSWER_BYTES 16u

/*
 * What the later Microsoft readers want to hear before they power up: their challenge, encrypted
 * with one block of AES-128 under a key that all of them share. It is a lock against nobody: key
 * and text are public, and nothing of ours depends on their secrecy. 0 or -EIO.
 */
int uru4000_answer(const uint8_t challenge[URU4000_ANSWER_BYTES],
		   uint8_t ret_answer[URU4000_ANSWER_BYTES]);

#endif
