#include "bio/gallery/sketch.h"

#include "base/secret.h"

#include <assert.h>
#include <string.h>

#define HEADER_BYTES 3u
#define CODE_BYTES (2u * KERNEL_CODE_WORDS)

/* ---- writing ---------------------------------------------------------------- */

struct writer {
	uint8_t *at;
};

static void
put(struct writer *w, const uint8_t *from, size_t bytes)
{
	memcpy(w->at, from, bytes);
	w->at += bytes;
}

static void
squeeze(struct writer *w, const uint8_t *from, size_t bytes)
{
	uint8_t *masks = w->at;

	memset(masks, 0, (bytes + 7) / 8);
	w->at += (bytes + 7) / 8;
	for (size_t i = 0; i < bytes; i++) {
		if (from[i] == 0)
			continue;
		masks[i / 8] |= (uint8_t)(1u << i % 8);
		*w->at++ = from[i];
	}
}

size_t
sketch_pack(const struct scan_reference *r, uint8_t to[SKETCH_BYTES_MAX])
{
	struct writer w = { to };
	uint8_t code[SKETCH_CODES_MAX] = { 0 };

	assert(r->cylinders <= SCAN_CYLINDERS_MAX && r->count <= SCAN_MINUTIAE_MAX);
	assert(r->cylinders <= r->count);
	for (unsigned i = 0; i < r->cylinders * KERNEL_CODE_WORDS; i++) {
		uint16_t word = r->code[i / KERNEL_CODE_WORDS][i % KERNEL_CODE_WORDS];

		code[2 * i] = (uint8_t)word;
		code[2 * i + 1] = (uint8_t)(word >> 8);
	}
	put(&w, (const uint8_t[]){ SKETCH_VERSION, r->cylinders, r->count },
	    HEADER_BYTES);
	put(&w, r->x, r->count);
	put(&w, r->y, r->count);
	put(&w, r->angle, r->count);
	squeeze(&w, code, r->cylinders * CODE_BYTES);
	squeeze(&w, r->flow, sizeof(r->flow));
	secret_zero(code, sizeof(code));
	return (size_t)(w.at - to);
}

/* ---- reading ---------------------------------------------------------------- */

struct reader {
	const uint8_t *at;
	size_t bytes; /* that are left */
};

static void
get(struct reader *r, uint8_t *to, size_t bytes)
{
	assert(bytes <= r->bytes);
	memcpy(to, r->at, bytes);
	r->at += bytes;
	r->bytes -= bytes;
}

/* Bits set in so many bytes, at most eight. */
static inline unsigned
bits_of(const uint8_t *p, size_t bytes)
{
	uint64_t w = 0;

	memcpy(&w, p, bytes); /* whatever their order */
	return mcc_bits(w);
}

static size_t
count_bits(const uint8_t *p, size_t bytes)
{
	size_t n = 0;

	for (; bytes >= 8; bytes -= 8, p += 8)
		n += bits_of(p, 8);
	return n + bits_of(p, bytes);
}

/* Puts count bytes back between zeros. False: they are not as squeeze leaves them. */
static bool
unsqueeze(struct reader *r, uint8_t *to, size_t count)
{
	const uint8_t *masks = r->at, *last;
	size_t masks_bytes = (count + 7) / 8, there;

	if (r->bytes < masks_bytes ||
	    (count % 8 != 0 && masks[masks_bytes - 1] >> count % 8 != 0))
		return false;
	there = count_bits(masks, masks_bytes);
	r->bytes -= masks_bytes;
	r->at += masks_bytes;
	if (there > r->bytes || (there > 0 && memchr(r->at, 0, there) != NULL))
		return false;
	/* Without a branch, since one in two is there, as good as at random. */
	last = r->at - 1;
	for (size_t i = 0; i < count; i++) {
		unsigned one = masks[i / 8] >> i % 8 & 1u;

		last += one;
		to[i] = (uint8_t)(*last & (0u - one));
	}
	r->at += there;
	r->bytes -= there;
	return true;
}

/* Bytes, the low one first, to words in their place; and counts their bits. */
static bool
gather(struct scan_reference *r)
{
	unsigned most = 0;

	_Static_assert(CODE_BYTES == 18, "two words of eight and one of two");
	for (unsigned i = 0; i < r->cylinders; i++) {
		uint16_t *code = r->code[i];
		const uint8_t *from = (const uint8_t *)code;
		unsigned ones =
			bits_of(from, 8) + bits_of(from + 8, 8) + bits_of(from + 16, 2);

		for (unsigned k = 0; k < KERNEL_CODE_WORDS; k++)
			code[k] = (uint16_t)(from[2 * k] | from[2 * k + 1] << 8);
		r->ones[i] = (uint8_t)ones;
		most = ones > most ? ones : most;
	}
	return most <= KERNEL_CODE_ONES_MAX;
}

bool
sketch_read(const uint8_t *data, size_t bytes, struct scan_reference *ret_scan)
{
	struct scan_reference *s = ret_scan;
	struct reader r = { data, bytes };
	uint8_t header[HEADER_BYTES];

	if (bytes < HEADER_BYTES)
		return false;
	get(&r, header, HEADER_BYTES);
	if (header[0] != SKETCH_VERSION || header[1] > SCAN_CYLINDERS_MAX ||
	    header[2] > SCAN_MINUTIAE_MAX || header[1] > header[2] ||
	    r.bytes < 3u * header[2])
		return false;
	memset(s, 0, sizeof(*s));
	s->cylinders = header[1];
	s->count = header[2];
	get(&r, s->x, s->count);
	get(&r, s->y, s->count);
	get(&r, s->angle, s->count);
	return unsqueeze(&r, (uint8_t *)s->code, s->cylinders * CODE_BYTES) &&
	       unsqueeze(&r, s->flow, sizeof(s->flow)) && r.bytes == 0 && gather(s);
}
