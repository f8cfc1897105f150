#ifndef LANED_BASE_PLAIN_IDS_H
#define LANED_BASE_PLAIN_IDS_H

#include "base/plain/str.h"

#include <stdbool.h>
#include <stdint.h>

/* A ULID: 48 bits of wall milliseconds and 80 random bits, sorted by time. */
struct ulid {
	uint8_t b[16];
};

#define ULID_TEXT_BYTES 27 /* 26 characters of Crockford base 32 and a NUL */

/* An idempotency key: 128 random bits, 32 lower-case hex digits as text. */
struct key128 {
	uint8_t b[16];
};

#define KEY128_TEXT_BYTES 33

/* Builds a ULID from the wall time (0 .. 2^48-1, clamped) and 10 random bytes. */
struct ulid ulid_make(int64_t wall_ms, const uint8_t random[10]);
void ulid_text(char buf[ULID_TEXT_BYTES], struct ulid id);
/* Upper or lower case; 0 or -EINVAL. */
int ulid_parse(struct str text, struct ulid *ret_id);
bool ulid_is_zero(struct ulid id);
bool ulid_eq(struct ulid a, struct ulid b);
/* The wall milliseconds inside. */
int64_t ulid_wall_ms(struct ulid id);

void key128_text(char buf[KEY128_TEXT_BYTES], struct key128 k);
int key128_parse(struct str text, struct key128 *ret_key);
bool key128_is_zero(struct key128 k);
bool key128_eq(struct key128 a, struct key128 b);

#endif
