#ifndef LANED_BASE_JSON_PRIVATE_H
#define LANED_BASE_JSON_PRIVATE_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* What reader and writer of JSON have in common. */
#define JSON_INTEGER_MAX ((INT64_C(1) << 53) - 1)
/* cJSON 1.7 copies a number into 64 bytes and would split a longer one. */
#define JSON_NUMBER_BYTES_MAX 63u

/* No integer of more digits is exact. */
#define JSON_INTEGER_DIGITS 16u

/* The high bits of those of eight bytes that do not stand in a string as they are. */
static inline uint64_t
json_special(uint64_t bytes)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), highs = ones << 7;

	/* A borrow reaches only what stands behind the first special byte. */
	return (bytes | (bytes - ones * ' ') | ((bytes ^ ones * '"') - ones) |
		((bytes ^ ones * '\\') - ones)) &
	       highs;
}

/*
 * How many of the first bytes stand in a JSON string as they are: ASCII but quote, backslash and
 * control characters.
 */
static inline size_t
json_plain_bytes(const char *p, size_t n)
{
	uint64_t bytes, special;
	uint32_t ends[2];
	size_t i = 0;

	for (; n - i >= sizeof(bytes); i += sizeof(bytes)) {
		memcpy(&bytes, p + i, sizeof(bytes));
		special = json_special(le64toh(bytes));
		if (special != 0)
			return i + (size_t)__builtin_ctzll(special) / 8;
	}
	/* What is left, of a short text, as two halves that may overlap. */
	if (n - i >= sizeof(ends[0])) {
		memcpy(&ends[0], p + i, sizeof(ends[0]));
		memcpy(&ends[1], p + n - sizeof(ends[1]), sizeof(ends[1]));
		if (json_special((uint64_t)ends[0] << 32 | ends[1]) == 0)
			return n;
	}
	while (i < n && (signed char)p[i] >= ' ' && p[i] != '"' && p[i] != '\\')
		i++;
	return i;
}

/* The length of a JSON number at p[0..n), or 0; *ret_whole: no fraction and no exponent. */
size_t json_number_bytes(const char *p, size_t n, bool *ret_whole);

#endif
