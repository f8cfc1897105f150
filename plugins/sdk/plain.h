#ifndef LANED_SDK_PLAIN_H
#define LANED_SDK_PLAIN_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The high bits of those of eight bytes that do not stand in a string as they are. */
static inline uint64_t
special_bytes(uint64_t bytes)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), highs = ones << 7;

	/* A borrow reaches only what stands behind the first special byte. */
	return (bytes | (bytes - ones * ' ') | ((bytes ^ ones * '"') - ones) |
		((bytes ^ ones * '\\') - ones) | ((bytes ^ ones * 0x7f) - ones)) &
	       highs;
}

/* The first is the lowest. Written out, for compilers make one load of it. */
static inline uint64_t
eight_bytes(const char *p)
{
	const unsigned char *b = (const unsigned char *)p;

	return (uint64_t)b[0] | (uint64_t)b[1] << 8 | (uint64_t)b[2] << 16 |
	       (uint64_t)b[3] << 24 | (uint64_t)b[4] << 32 | (uint64_t)b[5] << 40 |
	       (uint64_t)b[6] << 48 | (uint64_t)b[7] << 56;
}

/*
 * How many of the first bytes stand in a JSON string as they are: ASCII but quote, backslash and
 * control characters and DEL.
 */
static inline size_t
plain_bytes(const char *p, size_t n)
{
	uint64_t special;
	uint32_t ends[2];
	size_t i = 0;

	for (; n - i >= sizeof(special); i += sizeof(special)) {
		special = special_bytes(eight_bytes(p + i));
		if (special != 0)
			return i + (size_t)__builtin_ctzll(special) / 8;
	}
	/* What is left, of a short text, as two halves that may overlap. */
	if (n - i >= sizeof(ends[0])) {
		memcpy(&ends[0], p + i, sizeof(ends[0]));
		memcpy(&ends[1], p + n - sizeof(ends[1]), sizeof(ends[1]));
		if (special_bytes((uint64_t)ends[0] << 32 | ends[1]) == 0)
			return n;
	}
	while (i < n && (signed char)p[i] >= ' ' && p[i] != '"' && p[i] != '\\' &&
	       p[i] != 0x7f)
		i++;
	return i;
}

#endif
