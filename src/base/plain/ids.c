#include "base/plain/ids.h"

#include <errno.h>
#include <string.h>

#define ULID_WALL_MS_MAX ((INT64_C(1) << 48) - 1)
#define ULID_CHARS 26u

/* Crockford's base 32: no I, L, O, U. */
static const char base32[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

static int
base32_digit(char c)
{
	const char *at;

	if (c >= 'a' && c <= 'z')
		c = (char)(c - 'a' + 'A');
	at = c == '\0' ? NULL : strchr(base32, c);
	return at == NULL ? -1 : (int)(at - base32);
}

static bool
all_zero(const uint8_t b[16])
{
	uint8_t any = 0;

	for (size_t i = 0; i < 16; i++)
		any |= b[i];
	return any == 0;
}

struct ulid
ulid_make(int64_t wall_ms, const uint8_t random[10])
{
	struct ulid id;

	if (wall_ms < 0)
		wall_ms = 0;
	if (wall_ms > ULID_WALL_MS_MAX)
		wall_ms = ULID_WALL_MS_MAX;
	for (unsigned i = 0; i < 6; i++)
		id.b[i] = (uint8_t)((uint64_t)wall_ms >> (40 - 8 * i));
	memcpy(id.b + 6, random, 10);
	return id;
}

void
ulid_text(char buf[ULID_TEXT_BYTES], struct ulid id)
{
	/* 26 digits of 5 bits are 130 bits: two zero bits stand before the first byte. */
	for (unsigned i = 0; i < ULID_CHARS; i++) {
		unsigned digit = 0;

		for (unsigned bit = 5 * i; bit < 5 * i + 5; bit++) {
			unsigned one = 0;

			if (bit >= 2)
				one = id.b[(bit - 2) / 8] >> (7 - (bit - 2) % 8) & 1u;
			digit = digit << 1 | one;
		}
		buf[i] = base32[digit];
	}
	buf[ULID_CHARS] = '\0';
}

int
ulid_parse(struct str text, struct ulid *ret_id)
{
	struct ulid id = { { 0 } };

	if (text.n != ULID_CHARS || text.p[0] < '0' || text.p[0] > '7')
		return -EINVAL;
	for (unsigned i = 0; i < ULID_CHARS; i++) {
		int digit = base32_digit(text.p[i]);

		if (digit < 0)
			return -EINVAL;
		for (unsigned k = 0; k < 5; k++) {
			unsigned bit = 5 * i + k;

			if (bit >= 2 && ((unsigned)digit >> (4 - k) & 1u) != 0)
				id.b[(bit - 2) / 8] |=
					(uint8_t)(1u << (7 - (bit - 2) % 8));
		}
	}
	*ret_id = id;
	return 0;
}

bool
ulid_is_zero(struct ulid id)
{
	return all_zero(id.b);
}

bool
ulid_eq(struct ulid a, struct ulid b)
{
	return memcmp(a.b, b.b, sizeof(a.b)) == 0;
}

int64_t
ulid_wall_ms(struct ulid id)
{
	int64_t wall_ms = 0;

	for (unsigned i = 0; i < 6; i++)
		wall_ms = wall_ms << 8 | id.b[i];
	return wall_ms;
}

void
key128_text(char buf[KEY128_TEXT_BYTES], struct key128 k)
{
	(void)hex_encode(buf, KEY128_TEXT_BYTES, k.b, sizeof(k.b)); /* fits by size */
}

int
key128_parse(struct str text, struct key128 *ret_key)
{
	return hex_decode(ret_key->b, sizeof(ret_key->b), text);
}

bool
key128_is_zero(struct key128 k)
{
	return all_zero(k.b);
}

bool
key128_eq(struct key128 a, struct key128 b)
{
	return memcmp(a.b, b.b, sizeof(a.b)) == 0;
}
