#ifndef LANED_TESTS_TERMINAL_FRAMES_H
#define LANED_TESTS_TERMINAL_FRAMES_H

#include <stddef.h>
#include <stdint.h>

/*
 * Messages of the test protocol in each framing that the host knows: of the test adapter, and of the POS
 * and the terminal that the simulator plays. Pure.
 */
enum frames_kind { FRAMES_LENGTH4, FRAMES_LENGTH2, FRAMES_ZVT, FRAMES_ZVT_SERIAL };
#define FRAMES_WORDS "length4|length2|zvt|zvt-serial"

#define FRAMES_BODY_MAX 60000u
/* Room for a body of n bytes with all that goes around it. */
#define FRAMES_ROOM(n) (2u * (n) + 24u)

/* Of zvt: class and instruction. */
#define FRAMES_ZVT_ASK 0x0601u
#define FRAMES_ZVT_RESULT 0x060fu
#define FRAMES_ZVT_STATUS 0x04ffu
#define FRAMES_ZVT_ACK 0x8000u
#define FRAMES_ACK 0x06u /* bytes of a serial line */
#define FRAMES_NAK 0x15u

enum frames_what {
	FRAMES_NONE,    /* not whole yet */
	FRAMES_MESSAGE, /* whole */
	FRAMES_NOISE,   /* bytes that are none of a frame */
	FRAMES_BYTE,    /* ACK or NAK of a serial line: one byte */
	FRAMES_BROKEN,  /* a frame whose check sum is wrong */
	FRAMES_STRANGE  /* another protocol */
};

struct frames_found {
	enum frames_what what;
	size_t n;      /* bytes of it, from the first one */
	unsigned head; /* of zvt */
};

void frames_find(enum frames_kind kind, const uint8_t *data, size_t n,
		 struct frames_found *ret);
/* The body of a whole frame into body, which has room for n bytes; how many. */
size_t frames_body(enum frames_kind kind, const uint8_t *frame, size_t n, uint8_t *body);
/* A frame into out (FRAMES_ROOM(n)); its length. */
size_t frames_put(enum frames_kind kind, unsigned head, const void *body, size_t n,
		  uint8_t *out);
/* LENGTH4 for what is none of the words. */
enum frames_kind frames_kind_of(const char *word, size_t n);

#endif
